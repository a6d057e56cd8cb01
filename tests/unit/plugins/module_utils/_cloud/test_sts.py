# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.sts import CallerIdentity, Sts

URN = "iam::d1:user:ops"


def test_caller_is_told(script):
    server = script((200, {"account_id": "d1", "principal_id": "u1", "principal_urn": URN, "more": 1}))
    assert Sts(server.session()).caller_identity() == CallerIdentity("d1", "u1", URN)
    assert [(method, path) for method, path, _headers, _body in server.requests] == [("GET", "/v5/caller-identity")]


def test_caller_of_whom_a_part_is_told(script):
    assert Sts(script((200, {"account_id": "d1", "principal_urn": None})).session()).caller_identity() == CallerIdentity("d1", None, None)


@pytest.mark.parametrize(
    "document", [{}, [], "x", None, b"", {"other": "d1"}, {"account_id": 1}, {"account_id": "d1", "principal_id": ["u1"]}]
)
def test_caller_in_another_form_is_an_error(script, document):
    with pytest.raises(CloudError, match=r"GET /v5/caller-identity: .* whom the call comes from") as caught:
        Sts(script((200, document, {"X-Request-Id": "r1"})).session()).caller_identity()
    assert (caught.value.status, caught.value.request_id) == (200, "r1")


def test_refusal_is_passed_on(script):
    with pytest.raises(CloudError, match="HTTP 403"):
        Sts(script((403, {"error_code": "PAP5.0001", "error_msg": "no"})).session()).caller_identity()


def test_encoded_message_is_decoded_and_one_line(script):
    server = script((200, {"decoded_message": '{"allowed": false}\n\x1b[2J'}))
    assert Sts(server.session()).decoded_message("abc") == '{"allowed": false} \ufffd[2J'
    assert [(method, path, json.loads(body)) for method, path, _headers, body in server.requests] == [
        ("POST", "/v5/decode-authorization-message", {"encoded_message": "abc"})
    ]


def test_decoded_message_in_another_form_is_an_error(script):
    with pytest.raises(CloudError, match="no field decoded_message"):
        Sts(script((200, {"message": "x"})).session()).decoded_message("abc")
