# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import itertools
import re

import pytest
from ansible_collections.hwc.mfa.plugins.module_utils._auth.access_key import AccessKey
from ansible_collections.hwc.mfa.plugins.module_utils._auth.credentials import resolve, resolve_item
from ansible_collections.hwc.mfa.plugins.module_utils._auth.password import Password
from ansible_collections.hwc.mfa.plugins.module_utils._auth.token import Token
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import OptionError

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
