# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.endpoints import is_named, organizations_endpoint
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError, OptionError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.organizations import Organizations, refuses

END = {"page_info": {"next_marker": None, "current_count": 1}}
ACCOUNT = {"id": "a1", "name": "acme", "status": "active"}


def test_pages_are_followed_with_the_same_question(script):
    server = script(
        (200, {"accounts": [ACCOUNT], "page_info": {"next_marker": "m/1 +", "current_count": 1}}),
        (200, {"accounts": [ACCOUNT, ACCOUNT], **END}),
    )
    assert Organizations(server.session()).accounts("ou-1") == [ACCOUNT] * 3
    path = "/v1/organizations/accounts?limit=200"
    assert [path for _method, path, _headers, _body in server.requests] == [
        f"{path}&parent_id=ou-1",
        f"{path}&marker=m%2F1%20%2B&parent_id=ou-1",
    ]


@pytest.mark.parametrize(
    ("ask", "path", "answer"),
    [
        (lambda cloud: cloud.accounts(), "/v1/organizations/accounts?limit=200", {"accounts": [ACCOUNT]}),
        (lambda cloud: cloud.roots(), "/v1/organizations/roots?limit=200", {"roots": [{"id": "r-1"}]}),
        (
            lambda cloud: cloud.units("r-1"),
            "/v1/organizations/organizational-units?limit=200&parent_id=r-1",
            {"organizational_units": [{"id": "ou-1", "name": "x"}]},
        ),
        (lambda cloud: cloud.tags("a/1"), "", {}),
        (lambda cloud: cloud.tags("a1"), "/v1/organizations/resources/a1/tags?limit=200", {"tags": [{"key": "k", "value": ""}]}),
    ],
)
def test_each_listing(script, ask, path, answer):
    server = script((200, {**answer, **END}))
    if not path:
        with pytest.raises(OptionError, match="cannot be an id"):
            ask(Organizations(server.session()))
        return
    assert ask(Organizations(server.session())) == next(iter(answer.values()))
    assert [sent for _method, sent, _headers, _body in server.requests] == [path]


@pytest.mark.parametrize("answer", [{}, {"accounts": None}, {"accounts": [{"id": "a1", "name": "x"}]}, {"accounts": ["a1"]}])
def test_a_listing_in_another_form_is_an_error(script, answer):
    with pytest.raises(CloudError):
        Organizations(script((200, answer)).session()).accounts()


@pytest.mark.parametrize(
    "answer", [{}, {"organization": []}, {"organization": {"id": "o-1"}}, {"organization": {"management_account_id": 1}}]
)
def test_an_organization_in_another_form_is_an_error(script, answer):
    with pytest.raises(CloudError):
        Organizations(script((200, answer)).session()).organization()


@pytest.mark.parametrize(
    ("status", "code", "refused"),
    [
        (403, "Organizations.1007", True),
        (403, None, True),
        (401, "Organizations.1001", True),
        (401, "Organizations.1002", True),
        (401, "APIGW.0301", False),
        (404, "Organizations.1002", False),
        (None, None, False),
    ],
)
def test_which_errors_say_that_the_caller_may_not_ask(status, code, refused):
    assert refuses(CloudError("no", status=status, code=code)) is refused


OWN = {"iam_endpoint": "https://iam.example"}


@pytest.mark.parametrize(
    ("params", "env", "url", "named"),
    [
        ({}, {}, "https://organizations.myhuaweicloud.com", False),
        ({"region": "ap-southeast-1"}, {}, "https://organizations.myhuaweicloud.com", True),
        ({"region": "eu-west-101"}, {}, "https://organizations.myhuaweicloud.eu", True),
        ({"iam_endpoint": "https://iam.myhuaweicloud.com"}, {}, "https://organizations.myhuaweicloud.com", True),
        ({"organizations_endpoint": "https://o.example/v1"}, {}, "https://o.example", True),
        ({**OWN, "organizations_endpoint": "https://o.example"}, {}, "https://o.example", True),
        ({}, {"HWC_ORGANIZATIONS_ENDPOINT": "https://o.example"}, "https://o.example", True),
        (
            {"region": "ap-southeast-1"},
            {"HWC_ORGANIZATIONS_ENDPOINT": "https://o.example"},
            "https://organizations.myhuaweicloud.com",
            True,
        ),
    ],
)
def test_where_the_service_is(params, env, url, named):
    assert organizations_endpoint(params, env) == url
    assert is_named("organizations_endpoint", params, env) is named


@pytest.mark.parametrize(
    ("params", "env", "said"),
    [
        (OWN, {}, "organizations_endpoint is missing: iam_endpoint does not tell"),
        ({}, {"OS_AUTH_URL": "https://keystone.example/v3"}, r"iam_endpoint \(from OS_AUTH_URL\) does not tell"),
        ({"region": "eu-de"}, {}, "Open Telekom Cloud"),
        ({"iam_endpoint": "https://iam.eu-de.otc.t-systems.com"}, {}, "Open Telekom Cloud"),
    ],
)
def test_a_cloud_without_the_service(params, env, said):
    with pytest.raises(OptionError, match=said):
        organizations_endpoint(params, env)
