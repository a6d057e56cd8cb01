# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import re

import pytest
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError, OptionError, decode_error, error_facts, named_limit
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

CALL = "GET /v3/users"


def decoded(status, body, **headers):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return decode_error(status, CaseInsensitiveDict(named), content, CALL)


def test_body_of_iam_and_the_gateway():
    error = decoded(400, {"error_code": "IAM.0011", "error_msg": "Bad name."}, X_Request_Id="r1")
    assert (error.status, error.code, error.message, error.request_id) == (400, "IAM.0011", "Bad name.", "r1")
    assert str(error) == "GET /v3/users: Bad name (HTTP 400, IAM.0011, request id r1)."


def test_body_of_keystone_does_not_repeat_the_status_as_its_code():
    error = decoded(401, {"error": {"code": 401, "message": "The password is wrong.", "title": "Unauthorized"}}, X_IAM_Trace_Id="t1")
    assert (error.status, error.code, error.message, error.request_id) == (401, None, "The password is wrong.", "t1")


def test_body_of_keystone_may_hold_a_code_of_iam():
    assert decoded(401, {"error": {"code": "IAM.0061", "message": "locked"}}).code == "IAM.0061"


def test_body_of_identity_center_shows_the_authorization_message():
    body = {"error_code": "IIC.1001", "error_msg": "no", "request_id": "r2", "encoded_authorization_message": "ZGVuaWVk"}
    error = decoded(403, body, X_Request_Id="of-the-gateway")
    assert error.request_id == "r2"
    assert error.as_dict() == {"status": 403, "code": "IIC.1001", "request_id": "r2", "encoded_authorization_message": "ZGVuaWVk"}
    assert error.message == "no [encoded_authorization_message: ZGVuaWVk]"
    assert "lack the permission" in str(error)


def test_authorization_message_without_a_message_says_at_least_what_it_is_about():
    error = decoded(403, {"encoded_authorization_message": "ZGVuaWVk"})
    assert error.message == "not authorized [encoded_authorization_message: ZGVuaWVk]"


@pytest.mark.parametrize(
    ("nested", "message"),
    [
        ({"message": "a", "error_msg": "b", "title": "c"}, "a"),
        ({"error_msg": "b", "title": "c"}, "b"),
        ({"code": 403, "title": "Forbidden"}, "Forbidden"),
    ],
)
def test_body_of_keystone_may_say_it_in_another_field(nested, message):
    assert decoded(403, {"error": nested}).message == message


@pytest.mark.parametrize(
    ("body", "foreign"),
    [
        (b"<html>404</html>", True),
        ({}, True),
        ({"error_code": "IAM.0004"}, True),
        ({"error_code": "IAM.0004", "error_msg": "no such user"}, False),
        ({"error": {"code": 404, "message": "no such user"}}, False),
        # Anybody may answer nothing, the cloud too.
        (b"", False),
        (b" \r\n", False),
    ],
)
def test_word_of_the_cloud_is_told_from_somebody_elses(body, foreign):
    assert decoded(404, body).foreign is foreign


IAM_NONE = {"error_code": "IAM.0004", "error_msg": "no such user"}


@pytest.mark.parametrize(
    ("status", "body", "says", "may_say"),
    [
        (404, IAM_NONE, True, False),
        (404, {"error": {"code": 404, "error_code": "IAM.0004", "message": "no such user"}}, True, False),
        (404, {"error_code": "PAP5.0004", "error_msg": "no such user"}, True, False),
        # Of no code, nobody knows whose it is.
        (404, b"", False, True),
        (404, {"error": {"code": 404, "message": "no such page"}}, False, True),
        (404, {"message": "no Route matched with those values"}, False, True),
        # A gateway's, a proxy's, and another error.
        (404, {"error_code": "APIGW.0101", "error_msg": "The API does not exist"}, False, False),
        (404, {"error_code": "APIGW.0004", "error_msg": "x"}, False, False),
        (404, {"error_code": "APIG.0004", "error_msg": "x"}, False, False),
        (404, b"<html>Not Found</html>", False, False),
        (404, b"default backend - 404", False, False),
        (404, {"error_code": "IAM.0001", "error_msg": "x"}, False, False),
        (403, IAM_NONE, False, False),
        (400, b"", False, False),
    ],
)
def test_only_the_services_own_404_says_that_there_is_none(status, body, says, may_say):
    error = decoded(status, body)
    assert (error.says_none, error.may_say_none) == (says, may_say)


def test_error_of_our_own_claims_nothing_of_an_answer():
    error = CloudError("It did not come to that. ")
    assert (error.status, error.uncertain, error.foreign, error.login_rules) == (None, False, False, ())
    assert str(error) == "It did not come to that."


@pytest.mark.parametrize(
    "body", [b"<html><b>secret of a portal</b></html>", b"", b"\xff\xfe\x00", b"[1, 2]", b'"secret of a portal"', b"null", b"{}"]
)
def test_body_of_anybody_else_is_described_and_never_repeated(body):
    error = decoded(502, body, Content_Type="text/html; charset=x", X_Request_Id="r3")
    assert f"(text/html, {len(body)} bytes)" in str(error)
    assert "secret" not in str(error)
    assert error.request_id == "r3"


RECEIPT = {"receipt": {"methods": ["password"], "user": {"id": "u1", "name": "secret-of-a-receipt"}}}


def test_half_a_login_at_keystone_tells_the_wanted_methods_and_nothing_of_the_receipt():
    body = {**RECEIPT, "required_auth_methods": [["totp", "password"], ["password", "oauth1"]]}
    error = decoded(401, body, Openstack_Auth_Receipt="secret-receipt", X_Openstack_Request_Id="req-1", Content_Type="application/json")
    assert error.login_rules == (("password", "totp"), ("oauth1", "password"))
    assert str(error) == f"{CALL}: the login wants password and totp, or oauth1 and password (HTTP 401, request id req-1)."


def test_name_of_a_method_may_have_capitals():
    assert decoded(401, {"required_auth_methods": [["TOTP", "password"]]}).login_rules == (("TOTP", "password"),)


@pytest.mark.parametrize(
    "rules",
    [None, "totp", {}, [], [[]], ["totp"], [[1]], [["password", None]], [["secret of a portal"]], [["s" * 33]], [["totp\n"]], [[["totp"]]]],
)
def test_wanted_methods_in_another_form_are_not_repeated(rules):
    error = decoded(401, {**RECEIPT, "required_auth_methods": rules})
    assert error.login_rules == ()
    assert "not an error of the cloud's API" in str(error)
    assert "secret" not in str(error)


def test_wanted_methods_beside_an_error_of_the_cloud_change_nothing():
    body = {"error": {"code": 401, "message": "The password is wrong."}, "required_auth_methods": [["totp"]]}
    assert (decoded(401, body).message, decoded(401, body).login_rules) == ("The password is wrong.", ())


def test_body_of_a_web_framework_is_a_message_alone():
    error = decoded(405, {"message": "The method is not allowed for the requested URL."})
    assert str(error) == f"{CALL}: The method is not allowed for the requested URL (HTTP 405)."


@pytest.mark.parametrize("message", [None, 5.5, [], {}, True, ""])
def test_message_that_is_no_text_is_replaced(message):
    assert "not an error of the cloud's API" in decoded(500, {"error_code": "IAM.0001", "error_msg": message}).message


def test_message_comes_in_one_line():
    assert decoded(400, {"error_msg": "a\n  b\r\nc"}).message == "a b c"


@pytest.mark.parametrize(
    ("code", "suffix", "fits"),
    [
        ("IAM.1061", "1061", True),
        ("PAP5.1061", "1061", True),
        ("IIC.1006", "1006", True),
        ("IdentityCenter.1006", "1006", True),
        ("1061", "1061", True),
        ("IAM.11061", "1061", False),
        ("IAM.10610", "1061", False),
        (None, "1061", False),
    ],
)
def test_codes_are_matched_by_their_last_part(code, suffix, fits):
    assert CloudError("x", code=code).has_code(suffix) is fits


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (400, "IAM.1061", "two consecutive codes"),
        (400, "IAM.1062", "hwc.mfa.iam_login_protection"),
        (400, "IAM.1105", "has expired: give the user a new access_key"),
        (400, "IAM.1107", "is disabled: enable it"),
        (400, "IAM.1108", "all three of access_key, secret_key and security_token"),
        (401, "IAM.0061", "locked"),
        (401, "IAM.0066", "fresh auth_token"),
        (401, "IAM.0067", "fresh auth_token"),
        (401, "APIGW.0301", "this machine's clock"),
        (403, "IAM.0080", "is disabled: enable that user"),
        (403, "IAM.0081", "may use the console only"),
        (403, "IAM.0082", "is disabled: enable that user"),
        (403, "IAM.0083", "check region and iam_endpoint"),
        (403, "PAP5.0001", "lack the permission"),
        (400, "PAP5.0010", "run again"),
        (403, "PAP5.0040", "The caller is no IAM user"),
        (400, "PAP5.0041", "as hwc.mfa.iam_mfa_info shows it"),
        (429, "APIGW.0308", "smaller concurrency"),
    ],
)
def test_refusal_says_what_to_do(status, code, words):
    assert words in str(decoded(status, {"error_code": code, "error_msg": "no"}))


@pytest.mark.parametrize(("status", "code"), [(400, "IAM.0011"), (404, "IAM.0004"), (500, None)])
def test_other_refusals_are_left_in_the_clouds_words(status, code):
    assert str(decoded(status, {"error_code": code, "error_msg": "The cloud's words."})).startswith(
        f"{CALL}: The cloud's words (HTTP {status}"
    )
    assert str(decoded(status, {"error_code": code, "error_msg": "words"})).endswith(").")


@given(st.binary(max_size=200), st.sampled_from([200, 300, 400, 401, 403, 404, 409, 429, 500, 503]))
def test_no_bytes_raise(body, status):
    assert str(decoded(status, body))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "error",
                    "error_code",
                    "error_msg",
                    "code",
                    "message",
                    "title",
                    "request_id",
                    "encoded_authorization_message",
                    "required_auth_methods",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(JSON)
def test_no_json_raises_and_facts_stay_text(document):
    error = decoded(418, document)
    assert isinstance(str(error), str)
    for value in (error.code, error.request_id, error.authorization_message):
        assert value is None or isinstance(value, str)


def test_bottomless_json_is_no_error_of_the_cloud():
    # json gives up on deep nesting with RecursionError, which is no ValueError.
    assert "not an error of the cloud's API" in str(decoded(500, b"[" * 200_000))


# Nothing that a cloud says can pass for something else on a terminal

UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
EVIL = "x\r\x1b[2K\x1b]0;t\x07\x9b1A\u202e\u2066\nfatal: [acme]: FAILED!\u2028ok\x00\ud83d\x85"
FIELDS = ["error_code", "error_msg", "code", "message", "title", "request_id", "encoded_authorization_message"]


@pytest.mark.parametrize("nested", [False, True])
def test_no_field_of_a_body_can_write_a_line_of_its_own_or_move_the_cursor(nested):
    document = dict.fromkeys(FIELDS, EVIL)
    error = decoded(403, {"error": document, **document} if nested else document)
    for text in (str(error), *(text for text in error.as_dict().values() if isinstance(text, str))):
        assert UNFIT.findall(text) == []
        assert "fatal: [acme]" in text


@given(st.sampled_from(FIELDS), st.text(st.characters(), max_size=60), st.sampled_from([400, 401, 403, 429, 503]))
def test_no_text_in_a_field_leaves_the_line(name, text, status):
    assert UNFIT.findall(str(decoded(status, {"error_msg": "no", name: text}))) == []


@given(
    st.dictionaries(
        st.sampled_from(["X-Request-Id", "X-IAM-Trace-Id", "Content-Type"]), st.text(st.characters(max_codepoint=255), max_size=40)
    )
)
def test_no_header_leaves_the_line(headers):
    error = decoded(500, b"<html>", **{name.replace("-", "_"): value for name, value in headers.items()})
    assert UNFIT.findall(str(error)) == []
    assert error.foreign


def test_error_made_from_anything_stays_in_its_line():
    error = CloudError(EVIL, code=EVIL, request_id=EVIL, call="GET /x", authorization_message=EVIL)
    assert UNFIT.findall(str(error)) == []
    assert UNFIT.findall(str(OptionError(f"user_id {EVIL} is wrong."))) == []


def test_endless_message_is_cut_and_its_code_stays():
    error = decoded(400, {"error_code": "IAM.0011", "error_msg": "x" * 1_000_000}, X_Request_Id="r" * 5000)
    assert len(str(error)) < 3000
    assert error.code == "IAM.0011"
    assert "..." in str(error)


def test_authorization_message_is_whole_however_long():
    secret = "Z" * 6000
    assert (
        decoded(403, {"error_msg": "x" * 9000, "encoded_authorization_message": secret}).as_dict()["encoded_authorization_message"]
        == secret
    )
    assert secret in str(decoded(403, {"error_msg": "x" * 9000, "encoded_authorization_message": secret}))


@pytest.mark.parametrize(
    "body",
    [
        b'{"error_msg": ' + b"[" * 100_000,
        b'{"error_code": ' + b"9" * 5000 + b"}",
        b'{"error_msg": "\xff"}',
        b'\xef\xbb\xbf{"error_msg": "x"}',
    ],
)
def test_json_that_cannot_be_read_is_described(body):
    assert "not an error of the cloud's API" in str(decoded(500, body))


@given(st.binary(max_size=60).map(lambda junk: junk + b"secret-of-a-portal"))
def test_body_that_is_no_json_is_never_repeated(body):
    assert "secret-of-a-portal" not in str(decoded(500, body, Content_Type="text/plain"))


def test_facts_of_an_error_are_none_where_no_cloud_was_asked():
    assert error_facts(OptionError("no")) == {"status": None, "code": None, "request_id": None}
    assert error_facts(CloudError("no", status=403, code="IAM.0002", request_id="r")) == {
        "status": 403,
        "code": "IAM.0002",
        "request_id": "r",
    }
    assert error_facts(CloudError("no", status=502, uncertain=True))["uncertain"] is True


@pytest.mark.parametrize(
    ("message", "limit"),
    [
        ("Request too frequent. Threshold: 5 times per 60 seconds.", (5, 60)),
        ("threshold:10 times per 1 second", (10, 1)),
        ("THRESHOLD  :  10  TIMES  PER  2  SECONDS", (10, 2)),
        ("Threshold 1 time per 1 s", (1, 1)),
        ("Threshold: 1000000 times per 86400 seconds", (1_000_000, 86_400)),
        ("Threshold: 0 times per 60 seconds", None),
        ("Threshold: 5 times per 0 seconds", None),
        ("Threshold: 1000001 times per 60 seconds", None),
        ("Threshold: 5 times per 86401 seconds", None),
        ("Threshold: 99999999999 times per 60 seconds", None),
        ("Threshold: -5 times per 60 seconds", None),
        ("Threshold: \u0665 times per 60 seconds", None),
        ("Threshold: 5 times per 60 minutes", None),
        ("Threshold: 5 times", None),
        ("slow down", None),
        ("", None),
    ],
)
def test_limit_that_a_throttle_names_is_read_where_it_is_plausible(message, limit):
    assert named_limit(decoded(429, {"error_code": "IAM.0012", "error_msg": message})) == limit
    assert named_limit(decoded(400, {"error_code": "IAM.0012", "error_msg": message})) is None


@given(st.text())
def test_limit_in_any_text_is_none_or_plausible(text):
    limit = named_limit(CloudError(text, status=429))
    assert limit is None or (limit[0] >= 1 and limit[1] >= 1)
