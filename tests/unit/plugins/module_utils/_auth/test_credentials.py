# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import calendar
import itertools
import json
import re
import time
from pathlib import Path

import pytest
import requests
from ansible_collections.hwc.mfa.plugins.module_utils._auth import credentials as _auth
from ansible_collections.hwc.mfa.plugins.module_utils._auth.credentials import (
    AccessKey,
    Password,
    PasswordAuth,
    SignatureAuth,
    Token,
    TokenAuth,
    log_in,
    resolve,
    resolve_item,
    wants_code,
)
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError, OptionError, decode_error
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.transport import path_of, query_of
from ansible_collections.hwc.mfa.tests.simulator import signing
from hypothesis import given
from hypothesis import strategies as st

VECTORS = json.loads(Path(__file__).with_name("fixtures").joinpath("signing.json").read_text(encoding="utf-8"))
NAMED = [pytest.param(vector, id=vector["name"]) for vector in VECTORS]
SIGNED_BY_US = {"content-type", "host", "x-domain-id", "x-sdk-date", "x-security-token"}


def body_of(vector):
    return (vector["body"] or "").encode()


def test_there_are_vectors():
    assert len(VECTORS) >= 46
    assert sum("canonical_request" in vector for vector in VECTORS) >= 43


@pytest.mark.parametrize("vector", NAMED)
def test_canonical_request_and_signature_are_those_of_the_vendor(vector):
    canonical, signed = _auth.canonical_request(vector["method"], vector["path"], vector["query"], vector["headers"], body_of(vector))
    assert canonical == vector.get("canonical_request", canonical)
    assert signed == ";".join(sorted(vector["headers"]))
    assert _auth.signature(vector["secret_key"], vector["headers"]["x-sdk-date"], canonical) == vector["signature"]


OURS = [vector for vector in VECTORS if set(vector["headers"]) - {"user-agent"} <= SIGNED_BY_US and "//" not in vector["path"]]


@pytest.mark.parametrize("vector", [pytest.param(vector, id=vector["name"]) for vector in OURS])
def test_request_as_requests_sends_it_is_signed_as_the_vendor_would(vector):
    headers = {name.title(): value for name, value in vector["headers"].items() if name in ("content-type", "host", "user-agent")}
    date = vector["headers"]["x-sdk-date"]
    key = AccessKey(vector["access_key"], vector["secret_key"], vector["headers"].get("x-security-token"))
    auth = SignatureAuth(
        key, now=lambda: calendar.timegm(time.strptime(date, "%Y%m%dT%H%M%SZ")), domain_id=lambda: vector["headers"].get("x-domain-id")
    )
    url = f"https://{vector['headers']['host']}{vector['path']}" + (f"?{vector['query']}" if vector["query"] else "")
    sent = requests.Request(vector["method"], url, headers=headers, data=body_of(vector) or None, auth=auth).prepare()
    claim = signing.parse_claim(sent.headers["Authorization"])
    # The vendor signs its User-Agent too, which a proxy may change; so the signature is compared over the headers that we sign.
    names = sorted(set(vector["headers"]) & SIGNED_BY_US)
    canonical = signing.canonical_request(
        vector["method"], vector["path"], vector["query"], vector["headers"], tuple(names), body_of(vector)
    )
    assert list(claim.signed_headers) == names
    assert claim.access_key == vector["access_key"]
    assert claim.signature == signing.signature_of(canonical, date, vector["secret_key"])
    if "user-agent" not in vector["headers"]:
        assert claim.signature == vector["signature"]


TEXT = st.text(st.characters(blacklist_categories=("Cs",)), max_size=12)


ODD = st.text(st.sampled_from("aZ~ %2Ff+&=?#;:@'\"\\[]{}é\u0301\u202e\U0001f512\x00\n"), max_size=8)
PRINTABLE = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)
REPEATED = st.lists(st.tuples(st.sampled_from(["", "a", "A", "é"]), st.sampled_from(["", "b", "=", "&"])), max_size=6)


@given(
    st.sampled_from(["GET", "POST", "PUT", "DELETE"]),
    st.lists((TEXT | ODD).filter(lambda text: text not in ("", ".", "..") and "/" not in text), min_size=1, max_size=3),
    st.lists(st.tuples(TEXT | ODD, TEXT | ODD), max_size=4) | REPEATED,
    st.binary(max_size=30),
    st.none() | PRINTABLE,
    st.none() | PRINTABLE,
)
def test_whatever_is_sent_verifies_in_another_implementation(method, segments, pairs, body, token, domain_id):
    url = f"https://iam.example{path_of(*segments)}" + (f"?{query_of(pairs)}" if pairs else "")
    headers = {"Host": "iam.example", "Content-Type": "application/json"}
    auth = SignatureAuth(AccessKey("AK", "SK", token), now=lambda: 1_700_000_000.0, domain_id=lambda: domain_id)
    sent = requests.Request(method, url, headers=headers, data=body or None, auth=auth).prepare()
    path, _mark, query = sent.url[len("https://iam.example") :].partition("?")
    received = {name.lower(): value for name, value in sent.headers.items()}
    claim = signing.parse_claim(sent.headers["Authorization"])
    signing.verify(claim, "SK", method, path, query, received, body, 1_700_000_000.0)
    # Whoever alters anything on the way breaks it.
    for altered in (("PATCH", path, query), (method, f"{path}x", query), (method, path, f"{query}&z=")):
        with pytest.raises(signing.SignatureRefused):
            signing.verify(claim, "SK", *altered, received, body, 1_700_000_000.0)


def test_security_token_is_sent_and_signed():
    auth = SignatureAuth(AccessKey("AK", "SK", "ST"), now=lambda: 0.0)
    sent = requests.Request("GET", "https://iam.example/v3", headers={"Host": "iam.example"}, auth=auth).prepare()
    assert sent.headers["X-Security-Token"] == "ST"
    assert "SignedHeaders=host;x-sdk-date;x-security-token" in sent.headers["Authorization"]


def test_signature_is_made_anew_only_where_the_clock_was_far_off():
    moments = iter([1e9, 1e9 + 700.0, 1e9, 1e9 + 30.0])
    auth = SignatureAuth(AccessKey("AK", "SK"), now=lambda: next(moments))
    refusal = CloudError("no", status=401)
    assert auth.renew(auth.prepare(), refusal)
    assert not auth.renew(auth.prepare(), refusal)


# Which credentials

KEY = {"access_key": "AK", "secret_key": "SK"}
TOKEN = {"auth_token": "T0"}
BY_NAME = {"auth_username": "alice", "auth_password": "pw", "auth_domain_name": "acme"}
BY_ID = {"auth_user_id": "u1", "auth_password": "pw"}


def test_nothing_given_gives_nothing():
    assert resolve({}, {}) is None
    assert resolve({"access_key": None, "auth_token": ""}, {"HW_ACCESS_KEY": "", "UNRELATED": "x"}) is None
    assert resolve({"auth_domain_name": "acme"}, {"HW_DOMAIN_NAME": "acme"}) is None


def test_half_a_login_in_the_environment_gives_nothing():
    # Other tools set them too, for other purposes.
    assert resolve({}, {"OS_PASSWORD": "pw", "OS_USER_DOMAIN_NAME": "acme"}) is None
    assert resolve({}, {"OS_USERNAME": "bob", "OS_USER_DOMAIN_NAME": "acme"}) is None
    assert resolve({}, {"HW_SECRET_KEY": "SK"}) is None


@pytest.mark.parametrize(
    ("params", "credentials"),
    [
        (KEY, AccessKey("AK", "SK")),
        ({**KEY, "security_token": "ST"}, AccessKey("AK", "SK", "ST")),
        (TOKEN, Token("T0")),
        (BY_NAME, Password("pw", None, "alice", "acme")),
        (BY_ID, Password("pw", "u1")),
        ({**BY_ID, "auth_domain_name": "acme", "auth_passcode": "012345"}, Password("pw", "u1", None, "acme", "012345")),
        ({**BY_ID, **BY_NAME}, Password("pw", "u1", None, "acme")),
    ],
)
def test_each_kind_is_understood_as_options(params, credentials):
    assert resolve(params, {}) == credentials


@pytest.mark.parametrize(
    ("env", "credentials"),
    [
        ({"HW_ACCESS_KEY": "AK", "HW_SECRET_KEY": "SK"}, AccessKey("AK", "SK")),
        ({"HUAWEICLOUD_SDK_AK": "AK", "HUAWEICLOUD_SDK_SK": "SK", "HUAWEICLOUD_SDK_SECURITY_TOKEN": "ST"}, AccessKey("AK", "SK", "ST")),
        ({"OS_ACCESS_KEY": "AK", "OS_SECRET_KEY": "SK", "OS_SECURITY_TOKEN": "ST"}, AccessKey("AK", "SK", "ST")),
        ({"HW_AUTH_TOKEN": "T0"}, Token("T0")),
        ({"OS_TOKEN": "T0"}, Token("T0")),
        ({"HW_USER_NAME": "alice", "HW_USER_PASSWORD": "pw", "HW_DOMAIN_NAME": "acme"}, Password("pw", None, "alice", "acme")),
        ({"OS_USERNAME": "alice", "OS_PASSWORD": "pw", "OS_USER_DOMAIN_NAME": "acme"}, Password("pw", None, "alice", "acme")),
        ({"OS_USER_ID": "u1", "OS_PASSWORD": "pw", "OS_PASSCODE": "012345"}, Password("pw", "u1", None, None, "012345")),
        # The first kind that is whole wins; halves do not count.
        ({"HW_ACCESS_KEY": "AK", "HW_SECRET_KEY": "SK", "OS_TOKEN": "T0"}, AccessKey("AK", "SK")),
        ({"HW_ACCESS_KEY": "AK", "OS_TOKEN": "T0"}, Token("T0")),
        ({"HW_USER_NAME": "alice", "OS_TOKEN": "T0"}, Token("T0")),
        ({"HW_ACCESS_KEY": "AK", "OS_ACCESS_KEY": "other", "HW_SECRET_KEY": "SK"}, AccessKey("AK", "SK")),
    ],
)
def test_each_kind_is_understood_from_the_environment(env, credentials):
    assert resolve({}, env) == credentials


def test_option_wins_over_the_environment_which_fills_in_what_is_missing():
    env = {
        "HW_ACCESS_KEY": "EAK",
        "HW_SECRET_KEY": "ESK",
        "OS_TOKEN": "ET",
        "OS_USERNAME": "bob",
        "OS_PASSWORD": "epw",
        "OS_USER_DOMAIN_NAME": "ed",
    }
    assert resolve(TOKEN, env) == Token("T0")
    assert resolve(BY_NAME, env) == Password("pw", None, "alice", "acme")
    assert resolve({"auth_username": "alice"}, env) == Password("epw", None, "alice", "ed")
    assert resolve({"auth_password": "pw"}, env) == Password("pw", None, "bob", "ed")
    assert resolve({"secret_key": "SK"}, env) == AccessKey("EAK", "SK")
    assert resolve({"access_key": "AK"}, env) == AccessKey("AK", "ESK")
    assert resolve({"auth_domain_name": "mine", **dict.fromkeys(KEY)}, {"OS_USERNAME": "bob", "OS_PASSWORD": "epw"}).domain_name == "mine"


def test_user_given_as_an_option_takes_no_id_and_no_code_from_the_environment():
    env = {"OS_USER_ID": "u9", "OS_USERNAME": "bob", "OS_PASSCODE": "111111"}
    assert resolve(BY_NAME, env) == Password("pw", None, "alice", "acme")


def test_security_token_of_the_environment_never_joins_keys_given_as_options():
    env = {"HW_SECURITY_TOKEN": "EST", "HW_ACCESS_KEY": "EAK", "HW_SECRET_KEY": "ESK"}
    assert resolve(KEY, env) == AccessKey("AK", "SK")
    assert resolve({}, env) == AccessKey("EAK", "ESK", "EST")
    assert resolve({"security_token": "ST"}, env) == AccessKey("EAK", "ESK", "ST")


FAMILIES = {"access_key": KEY, "auth_token": TOKEN, "auth_username": BY_NAME}


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(FAMILIES, 2)))
def test_two_kinds_as_options_are_an_error_that_names_both(one, other):
    with pytest.raises(OptionError, match="two kinds of credentials") as caught:
        resolve({**FAMILIES[one], **FAMILIES[other]}, {})
    assert str(caught.value).startswith(f"{one} and {other} are two kinds")
    assert "pw" not in re.sub("auth_username/auth_password", "", str(caught.value))
    assert "T0" not in str(caught.value)


@pytest.mark.parametrize(
    ("params", "missing"),
    [
        ({"access_key": "AK"}, "secret_key"),
        ({"secret_key": "SK"}, "access_key"),
        ({"security_token": "ST"}, "access_key"),
        ({"auth_username": "alice"}, "auth_password"),
        ({"auth_passcode": "123456"}, "auth_password"),
        ({"auth_password": "pw"}, "auth_username or auth_user_id"),
        ({"auth_username": "alice", "auth_password": "pw"}, "auth_domain_name"),
    ],
)
def test_half_a_kind_is_an_error_that_names_the_missing_option(params, missing):
    with pytest.raises(OptionError, match=f"^{missing} is missing"):
        resolve(params, {})


def test_half_an_access_key_in_the_environment_is_an_error():
    with pytest.raises(OptionError, match=r"^secret_key is missing"):
        resolve({}, {"HW_ACCESS_KEY": "AK"})


@pytest.mark.parametrize("passcode", ["12345", "1234567", "abcdef", "１２３４５６", "12 456"])
def test_passcode_is_six_digits(passcode):
    with pytest.raises(OptionError, match=r"^auth_passcode must be") as caught:
        resolve({**BY_ID, "auth_passcode": passcode}, {})
    assert passcode not in str(caught.value)


@pytest.mark.parametrize("evil", ["sesame\r\nX-Evil: 1", "sesame\nb", " sesame", "sesame ", "sesame\x00", "sesame-schlüssel", "sesame\tb"])
@pytest.mark.parametrize("option", ["access_key", "secret_key", "security_token", "auth_token"])
def test_what_would_break_out_of_a_header_is_refused_and_not_repeated(option, evil):
    params = {"auth_token": evil} if option == "auth_token" else {**KEY, option: evil}
    with pytest.raises(OptionError, match=f"^{option} holds a character") as caught:
        resolve(params, {})
    assert "sesame" not in str(caught.value)


def test_environment_cannot_break_out_of_a_header_either():
    with pytest.raises(OptionError, match=r"^auth_token holds a character"):
        resolve({}, {"OS_TOKEN": "a\r\nX-Evil: 1"})


@pytest.mark.parametrize(
    "params", [{**KEY, "security_token": "s3cret", "secret_key": "s3cret"}, {"auth_token": "s3cret"}, {**BY_ID, "auth_password": "s3cret"}]
)
def test_secrets_are_not_in_a_repr(params):
    assert "s3cret" not in repr(resolve(params, {}))
    assert "123456" not in repr(resolve({**BY_ID, "auth_passcode": "123456"}, {}))


# One item of a list

NOTHING = {
    "access_key": None,
    "secret_key": None,
    "security_token": None,
    "auth_token": None,
    "auth_password": None,
    "auth_domain_name": None,
}


def test_item_without_credentials_has_none():
    assert resolve_item(NOTHING, "u1", "acme") is None
    assert resolve_item({**NOTHING, "auth_domain_name": "x"}, "u1", "acme") is None


@pytest.mark.parametrize(
    ("own", "credentials"),
    [
        ({"auth_password": "pw"}, Password("pw", "u1", None, "acme")),
        ({"auth_password": "pw", "auth_domain_name": "own"}, Password("pw", "u1", None, "own")),
        ({"auth_password": "pw", "auth_passcode": "012345"}, Password("pw", "u1", None, "acme", "012345")),
        (TOKEN, Token("T0")),
        (KEY, AccessKey("AK", "SK")),
        ({**KEY, "security_token": "ST"}, AccessKey("AK", "SK", "ST")),
    ],
)
def test_items_own_credentials_log_in_as_its_user(own, credentials):
    assert resolve_item({**NOTHING, **own}, "u1", "acme") == credentials


def test_item_with_two_kinds_is_refused():
    with pytest.raises(OptionError, match=r"^auth_token and auth_password are two kinds"):
        resolve_item({**NOTHING, **TOKEN, "auth_password": "pw"}, "u1", None)


@pytest.mark.parametrize("own", [{"access_key": "AK"}, {"secret_key": "SK"}, {"auth_passcode": "012345"}])
def test_half_a_kind_in_an_item_does_not_promise_what_the_environment_cannot_give(own):
    with pytest.raises(OptionError, match="is missing") as caught:
        resolve_item({**NOTHING, **own}, "u1", "acme")
    assert "HW_" not in str(caught.value)


# What a refused login says


class Refusing:
    """A session whose every call is refused with the same answer."""

    def __init__(self, body, status=401):
        self.answer = (status, {"Content-Type": "application/json"}, json.dumps(body).encode())
        self.calls = 0

    def read(self, method, path, query=(), body=None):
        self.calls += 1
        raise decode_error(*self.answer, f"{method} {path}")

    write = read


def refusal(body, password, status=401):
    with pytest.raises(CloudError) as caught:
        log_in(Refusing(body, status), password, "acme")
    return caught.value


ALONE = Password("s3cret", "u1")
CODED = Password("s3cret", "u1", passcode="123456")
CODED_BY_NAME = Password("s3cret", None, "alice", "acme", "123456")


def receipt(*rules):
    return {"receipt": {"methods": ["password"], "expires_at": "soon"}, "required_auth_methods": list(rules)}


def of_the_cloud(message):
    return {"error": {"code": 401, "message": message, "title": "Unauthorized"}}


@pytest.mark.parametrize(
    "body",
    [
        receipt(["password", "totp"]),
        receipt(["password", "oauth1"], ["password", "totp"]),
        receipt(["totp"]),
        of_the_cloud("mfa totp code verify fail"),
        {"error_code": "IAM.0009", "error_msg": "mfa totp code verify fail"},
    ],
)
def test_login_that_wants_a_code_is_known_in_every_shape(body):
    error = refusal(body, ALONE)
    assert wants_code(error)
    assert error.hint == "This account asks for a code of its MFA device: give auth_user_id and auth_passcode."


@pytest.mark.parametrize(
    "body", [receipt(["password", "oauth1"]), receipt(), of_the_cloud("The request you have made requires authentication.")]
)
def test_other_refusal_wants_no_code(body):
    assert not wants_code(refusal(body, ALONE))


def test_code_is_wanted_by_a_refused_login_only():
    assert not wants_code(refusal(receipt(["password", "totp"]), ALONE, status=403))


@pytest.mark.parametrize(
    ("body", "password", "hint"),
    [
        (
            of_the_cloud("The request you have made requires authentication."),
            ALONE,
            "Check the user, auth_password and auth_domain_name; a user who is locked or disabled gets the same answer.",
        ),
        (
            of_the_cloud("The request you have made requires authentication."),
            CODED,
            "Check the user, auth_password, auth_domain_name and auth_passcode (each code works once, and only in its 30 s);"
            " a user who is locked or disabled gets the same answer.",
        ),
        (of_the_cloud("mfa totp code verify fail"), CODED, "The code was refused: each code works once, and only in its 30 s."),
        (
            of_the_cloud("mfa totp code verify fail"),
            CODED_BY_NAME,
            "A login with a code names its user by auth_user_id, not by auth_username.",
        ),
        (
            receipt(["password", "oauth1"]),
            ALONE,
            "The password was right, but this collection logs in with a password and a code only: give auth_token instead.",
        ),
        (
            receipt(["password", "totp", "oauth1"]),
            CODED,
            "The password was right, but this collection logs in with a password and a code only: give auth_token instead.",
        ),
        ({"error_code": "IAM.0061", "error_msg": "no"}, ALONE, None),
    ],
)
def test_refused_login_says_what_to_do(body, password, hint):
    error = refusal(body, password)
    assert error.hint == hint
    assert "s3cret" not in str(error)
    assert "123456" not in str(error)


@pytest.mark.parametrize(
    ("document", "user"),
    [
        ({"token": {"user": {"id": "u1", "name": "alice"}}}, {"id": "u1", "name": "alice"}),
        ({"token": {"user": "u1"}}, {}),
        ({"token": []}, {}),
        ([], {}),
        (b"", {}),
    ],
)
def test_login_gives_the_token_and_what_the_cloud_says_of_the_user(script, document, user):
    server = script((201, document, {"X-Subject-Token": "T0"}))
    assert log_in(server.session(), ALONE, "acme") == ("T0", user)


def test_login_is_scoped_to_the_account_where_that_is_known(script):
    server = script((201, {}, {"X-Subject-Token": "T0"}))
    log_in(server.session(), ALONE, "acme")
    log_in(server.session(), ALONE, None)
    sent = [json.loads(body)["auth"] for _method, _path, _headers, body in server.requests]
    assert [auth.get("scope") for auth in sent] == [{"domain": {"name": "acme"}}, None]


def test_login_that_gives_no_token_was_not_at_iam(script):
    with pytest.raises(CloudError, match="is the endpoint really IAM") as caught:
        log_in(script((201, {"token": {"user": {"id": "u1"}}})).session(), ALONE, "acme")
    assert str(caught.value).startswith("POST /v3/auth/tokens: ")
    assert caught.value.status == 201


def test_account_is_asked_for_before_a_code_is_made_which_would_age(script):
    events = []
    auth = SignatureAuth(AccessKey("AK", "SK"), domain_id=lambda: events.append("account"))
    script((200, {})).session(auth).write("POST", "/", body=lambda: events.append("code") or {})
    assert events[:2] == ["account", "code"]


def test_given_token_that_is_refused_without_a_code_says_what_to_do():
    auth = TokenAuth(Token("T0"))
    plain, told = CloudError("no", status=401), CloudError("no", status=401, code="IAM.0066")
    assert not auth.renew(auth.prepare(), plain)
    assert not auth.renew(auth.prepare(), told)
    assert "give a fresh auth_token" in str(plain)
    assert str(told) == "no (HTTP 401, IAM.0066). The token is no longer valid: give a fresh auth_token."


def test_login_with_a_code_is_never_renewed():
    expired = CloudError("no", status=401, code="IAM.0066")
    assert not PasswordAuth(CODED, Refusing({}), lambda: None).renew("T0", expired)
    assert "run again with a new auth_passcode" in str(expired)
    assert PasswordAuth(ALONE, Refusing({}), lambda: None).renew("T0", CloudError("no", status=401))
