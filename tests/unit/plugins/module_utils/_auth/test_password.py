# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import re

import pytest
from ansible_collections.hwc.mfa.plugins.module_utils._auth.base import NO_ACCOUNT, Account
from ansible_collections.hwc.mfa.plugins.module_utils._auth.password import Login, Password, PasswordAuth, log_in, wants_code
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError, decode_error


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
        log_in(Refusing(body, status), password, ACME)
    return caught.value


ALONE = Password("s3cret", "u1")
CODED = Password("s3cret", "u1", passcode="123456")
ACME = Account("acme")


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
    assert error.hint == "The login needs a code of the user's MFA device: give auth_user_id and auth_passcode."


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
    assert log_in(server.session(), ALONE, ACME) == Login("T0", user)
    assert "T0" not in repr(Login("T0"))


@pytest.mark.parametrize(
    ("told", "methods", "proves_no_code"),
    [
        (["password", "totp"], ("password", "totp"), False),
        (["TOTP", "password"], ("totp", "password"), False),
        (["password"], ("password",), True),
        (["password", ["totp"], None], ("password",), True),
        # Who does not tell how the token was made does not say that it was made without a code.
        ([], (), False),
        ("password", (), False),
        (None, (), False),
    ],
)
def test_login_knows_whether_the_cloud_looked_at_a_code(script, told, methods, proves_no_code):
    server = script((201, {"token": {"methods": told}}, {"X-Subject-Token": "T0"}))
    login = log_in(server.session(), CODED, ACME)
    assert (login.methods, login.proves_no_code) == (methods, proves_no_code)


def test_login_with_a_passcode_counts_although_nobody_looked_at_the_code(script):
    server = script((201, {"token": {"methods": ["password"]}}, {"X-Subject-Token": "T0"}))
    assert PasswordAuth(CODED, server.session(), lambda: ACME).prepare() == "T0"


def test_login_is_scoped_to_the_account_where_that_is_known(script):
    server = script((201, {}, {"X-Subject-Token": "T0"}))
    log_in(server.session(), ALONE, ACME)
    log_in(server.session(), ALONE, NO_ACCOUNT)
    sent = [json.loads(body)["auth"] for _method, _path, _headers, body in server.requests]
    assert [auth.get("scope") for auth in sent] == [{"domain": {"name": "acme"}}, None]


def test_login_that_gives_no_token_was_not_at_iam(script):
    with pytest.raises(CloudError, match="is the endpoint really IAM") as caught:
        log_in(script((201, {"token": {"user": {"id": "u1"}}})).session(), ALONE, ACME)
    assert str(caught.value).startswith("POST /v3/auth/tokens: ")
    assert caught.value.status == 201


def test_refused_login_is_not_tried_again_and_each_call_has_an_error_of_its_own():
    session = Refusing(of_the_cloud("The request you have made requires authentication."))
    auth = PasswordAuth(ALONE, session, lambda: ACME)
    texts = []
    for _call in range(3):
        with pytest.raises(CloudError) as caught:
            auth.prepare()
        texts.append(str(caught.value))
        caught.value.hint = "Of this call only."
    assert session.calls == 1 and len(set(texts)) == 1 and "Of this call" not in texts[0]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_outage_of_a_login_is_not_for_ever(status):
    session = Refusing({}, status)
    auth = PasswordAuth(ALONE, session, lambda: ACME)
    for calls in (1, 2):
        with pytest.raises(CloudError):
            auth.prepare()
        assert session.calls == calls


def test_login_with_a_code_is_never_renewed():
    expired = CloudError("no", status=401, code="IAM.0066")
    assert not PasswordAuth(CODED, Refusing({}), lambda: NO_ACCOUNT).renew("T0", expired)
    assert "run again with a new auth_passcode" in str(expired)
    assert PasswordAuth(ALONE, Refusing({}), lambda: NO_ACCOUNT).renew("T0", CloudError("no", status=401))


def test_fingerprint_knows_a_code_of_a_user_and_tells_neither():
    same = Password("another password", "u1", passcode="123456")
    assert CODED.fingerprint() == same.fingerprint()
    others = [
        ALONE,
        Password("s3cret", None, "alice", ACME, "123456"),
        Password("s3cret", "u2", passcode="123456"),
        Password("s3cret", "u1", passcode="123457"),
    ]
    assert len({one.fingerprint() for one in (CODED, *others)}) == 5
    assert re.fullmatch("[0-9a-f]{32}", CODED.fingerprint())
