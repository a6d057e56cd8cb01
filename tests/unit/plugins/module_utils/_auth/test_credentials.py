# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import itertools
import re

import pytest
from ansible_collections.hwc.mfa.plugins.module_utils._auth.access_key import AccessKey
from ansible_collections.hwc.mfa.plugins.module_utils._auth.base import Account
from ansible_collections.hwc.mfa.plugins.module_utils._auth.credentials import find, resolve_item
from ansible_collections.hwc.mfa.plugins.module_utils._auth.password import Password
from ansible_collections.hwc.mfa.plugins.module_utils._auth.token import Token
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.endpoints import iam_endpoint, is_named
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import OptionError

KEY = {"access_key": "AK", "secret_key": "SK"}
TOKEN = {"auth_token": "T0"}
BY_NAME = {"auth_username": "alice", "auth_password": "pw", "auth_domain_name": "acme"}
BY_ID = {"auth_user_id": "u1", "auth_password": "pw"}


def resolve(params, env):
    return find(params, env).credentials


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
        (BY_NAME, Password("pw", None, "alice", Account("acme"))),
        (BY_ID, Password("pw", "u1")),
        ({**BY_ID, "auth_domain_name": "acme", "auth_passcode": "012345"}, Password("pw", "u1", None, Account("acme"), "012345")),
        ({**BY_ID, **BY_NAME}, Password("pw", "u1", None, Account("acme"))),
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
        ({"HW_USER_NAME": "alice", "HW_USER_PASSWORD": "pw", "HW_DOMAIN_NAME": "acme"}, Password("pw", None, "alice", Account("acme"))),
        ({"OS_USERNAME": "alice", "OS_PASSWORD": "pw", "OS_USER_DOMAIN_NAME": "acme"}, Password("pw", None, "alice", Account("acme"))),
        ({"OS_USER_ID": "u1", "OS_PASSWORD": "pw", "OS_PASSCODE": "012345"}, Password("pw", "u1", passcode="012345")),
        # The first kind that is whole wins; halves do not count.
        ({"HW_ACCESS_KEY": "AK", "HW_SECRET_KEY": "SK", "OS_TOKEN": "T0"}, AccessKey("AK", "SK")),
        ({"HW_ACCESS_KEY": "AK", "OS_TOKEN": "T0"}, Token("T0")),
        ({"HW_USER_NAME": "alice", "OS_TOKEN": "T0"}, Token("T0")),
        ({"HW_ACCESS_KEY": "AK", "OS_ACCESS_KEY": "other", "HW_SECRET_KEY": "SK"}, AccessKey("AK", "SK")),
    ],
)
def test_each_kind_is_understood_from_the_environment(env, credentials):
    assert resolve({}, env) == credentials


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n"])
@pytest.mark.parametrize(
    ("env", "credentials"),
    [
        ({"HW_ACCESS_KEY": "AK", "HW_SECRET_KEY": "SK", "HW_SECURITY_TOKEN": "ST"}, AccessKey("AK", "SK", "ST")),
        ({"OS_TOKEN": "T0"}, Token("T0")),
        ({"HW_USER_ID": "u1", "HW_USER_PASSWORD": "pw ", "HW_PASSCODE": "012345"}, Password("pw ", "u1", passcode="012345")),
        ({"OS_USERNAME": "al", "OS_PASSWORD": "pw", "OS_USER_DOMAIN_NAME": "acme"}, Password("pw", None, "al", Account("acme"))),
        ({"OS_USER_ID": "u1", "OS_PASSWORD": "pw", "OS_DOMAIN_ID": "d1"}, Password("pw", "u1", account=Account(None, "d1"))),
    ],
)
def test_line_break_at_the_end_of_a_variable_is_no_part_of_it(env, credentials, end):
    found = find({}, {name: value + end for name, value in env.items()} | {"OS_REGION_NAME": f"eu-de{end}", "HW_AUTH_TOKEN": end})
    assert found.credentials == credentials
    # An option stays what it is.
    with pytest.raises(OptionError, match="holds a character that cannot be sent"):
        resolve({**KEY, "security_token": f"ST{end}"}, {})


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
    assert resolve(BY_NAME, env) == Password("pw", None, "alice", Account("acme"))
    assert resolve({"auth_user_id": "u1"}, env) == Password("epw", "u1")
    assert resolve({"auth_password": "pw"}, env) == Password("pw", None, "bob", Account("ed"))
    assert resolve({"secret_key": "SK"}, env) == AccessKey("EAK", "SK")
    assert resolve({"access_key": "AK"}, env) == AccessKey("AK", "ESK")
    assert resolve({"auth_domain_name": "mine", **dict.fromkeys(KEY)}, {"OS_USERNAME": "bob", "OS_PASSWORD": "epw"}).account.name == "mine"


def test_user_given_as_an_option_takes_no_id_and_no_code_from_the_environment():
    env = {"OS_USER_ID": "u9", "OS_USERNAME": "bob", "OS_PASSCODE": "111111"}
    assert resolve(BY_NAME, env) == Password("pw", None, "alice", Account("acme"))


def test_security_token_of_the_environment_never_joins_keys_given_as_options():
    env = {"HW_SECURITY_TOKEN": "EST", "HW_ACCESS_KEY": "EAK", "HW_SECRET_KEY": "ESK"}
    assert resolve(KEY, env) == AccessKey("AK", "SK")
    assert resolve({}, env) == AccessKey("EAK", "ESK", "EST")
    assert resolve({"security_token": "ST"}, env) == AccessKey("EAK", "ESK", "ST")


# An account belongs to the credentials that it came with

STRAY_ACCOUNTS = {
    "HW_DOMAIN_ID": "d9",
    "HW_DOMAIN_NAME": "other",
    "OS_DOMAIN_NAME": "other",
    "OS_DOMAIN_ID": "d9",
    "OS_USER_DOMAIN_NAME": "other",
    "OS_USER_DOMAIN_ID": "d9",
}


@pytest.mark.parametrize("params", [KEY, TOKEN, BY_ID, {**KEY, "security_token": "ST"}, {**BY_ID, "auth_passcode": "012345"}])
def test_account_of_the_environment_never_joins_credentials_given_as_options(params):
    assert resolve(params, STRAY_ACCOUNTS).account == Account()
    for option, account in (("auth_domain_name", Account("mine")), ("auth_domain_id", Account(id="mine"))):
        assert resolve({**params, option: "mine"}, STRAY_ACCOUNTS).account == account


def test_user_name_given_as_an_option_says_which_account_variable_it_does_not_take():
    with pytest.raises(
        OptionError, match=r"^auth_domain_name is missing.*; HW_DOMAIN_NAME is set, and is not used, because it may belong to"
    ):
        resolve({"auth_username": "alice", "auth_password": "pw"}, STRAY_ACCOUNTS)
    with pytest.raises(OptionError, match=r"^auth_domain_name is missing"):
        resolve({"auth_username": "alice"}, {**STRAY_ACCOUNTS, "HW_USER_PASSWORD": "epw"})


@pytest.mark.parametrize(
    ("env", "account"),
    [
        ({"HW_DOMAIN_NAME": "acme", "HW_DOMAIN_ID": "d1"}, Account("acme", "d1")),
        ({"HW_DOMAIN_ID": "d1", "OS_DOMAIN_NAME": "other"}, Account(id="d1")),
        ({"OS_DOMAIN_NAME": "other"}, Account()),
    ],
)
def test_account_is_of_the_keys_own_family(env, account):
    assert resolve({}, {"HW_ACCESS_KEY": "AK", "HW_SECRET_KEY": "SK", **env}) == AccessKey("AK", "SK", account=account)


@pytest.mark.parametrize(
    ("env", "account"),
    [
        ({"OS_USER_DOMAIN_NAME": "acme", "OS_DOMAIN_NAME": "other"}, Account("acme")),
        ({"OS_USER_DOMAIN_ID": "d1", "OS_DOMAIN_NAME": "other"}, Account(id="d1")),
        ({"OS_DOMAIN_ID": "d1"}, Account(id="d1")),
        ({"OS_DOMAIN_NAME": "acme", "HW_DOMAIN_NAME": "other"}, Account("acme")),
    ],
)
def test_users_own_domain_comes_before_the_one_that_a_token_is_for(env, account):
    assert resolve({}, {"OS_USERNAME": "alice", "OS_PASSWORD": "pw", **env}) == Password("pw", None, "alice", account)


def test_account_id_goes_into_a_header_and_is_checked():
    with pytest.raises(OptionError, match=r"^auth_domain_id holds a character"):
        resolve({**KEY, "auth_domain_id": "a\r\nX-Evil: 1"}, {})


# Families

HW = {"HW_ACCESS_KEY": "HAK", "HW_SECRET_KEY": "HSK", "HW_REGION_NAME": "cn-north-4"}
SDK = {"HUAWEICLOUD_SDK_AK": "SAK", "HUAWEICLOUD_SDK_SK": "SSK"}
STACK = {
    "OS_USERNAME": "alice",
    "OS_PASSWORD": "opw",
    "OS_USER_DOMAIN_NAME": "acme",
    "OS_AUTH_URL": "https://iam.eu-de.otc.t-systems.com:443/v3",
}


@pytest.mark.parametrize(
    ("env", "credentials"),
    [
        ({"HW_ACCESS_KEY": "HAK", "OS_ACCESS_KEY": "OAK", "OS_SECRET_KEY": "OSK"}, AccessKey("OAK", "OSK")),
        ({**HW, "OS_SECURITY_TOKEN": "OST", "HUAWEICLOUD_SDK_SECURITY_TOKEN": "SST"}, AccessKey("HAK", "HSK")),
        ({**SDK, "HW_ACCESS_KEY": "HAK", "OS_SECRET_KEY": "OSK"}, AccessKey("SAK", "SSK")),
        ({**HW, **SDK, **STACK, "OS_TOKEN": "T"}, AccessKey("HAK", "HSK")),
        # A family as a whole comes before the kinds of the next one.
        ({"HW_AUTH_TOKEN": "T", "OS_ACCESS_KEY": "OAK", "OS_SECRET_KEY": "OSK"}, Token("T")),
        (
            {"HW_USER_NAME": "bob", "HW_USER_PASSWORD": "hpw", "HW_DOMAIN_NAME": "h", "OS_TOKEN": "T"},
            Password("hpw", None, "bob", Account("h")),
        ),
        ({"HW_USER_NAME": "bob", **STACK}, Password("opw", None, "alice", Account("acme"))),
    ],
)
def test_parts_of_credentials_come_from_one_family(env, credentials):
    assert resolve({}, env) == credentials


def test_what_an_option_lacks_comes_from_the_first_family_that_has_all_of_it():
    env = {"HW_USER_NAME": "bob", "OS_USERNAME": "alice", "OS_PASSWORD": "opw", "OS_USER_DOMAIN_NAME": "acme", "HW_SECURITY_TOKEN": "HST"}
    assert resolve({"auth_user_id": "u1"}, env) == Password("opw", "u1")
    assert resolve({"access_key": "AK"}, {**env, "OS_SECRET_KEY": "OSK", "OS_SECURITY_TOKEN": "OST"}) == AccessKey("AK", "OSK")
    assert resolve({"secret_key": "SK"}, {**env, "OS_ACCESS_KEY": "OAK", "OS_SECURITY_TOKEN": "OST"}) == AccessKey(
        "OAK", "SK", "OST", Account("acme")
    )


def test_key_whose_halves_are_of_two_families_is_an_error_that_names_the_other_half():
    with pytest.raises(OptionError, match=r"^secret_key is missing: .*; OS_SECRET_KEY is set, and is not used") as caught:
        resolve({}, {"HW_ACCESS_KEY": "HAK", "OS_SECRET_KEY": "s3cret"})
    assert "s3cret" not in str(caught.value)


def host_of(params, env):
    return iam_endpoint(params, find(params, env).variables)


def test_credentials_go_to_the_host_of_their_own_family():
    assert host_of({}, {**HW, **STACK}) == "https://iam.cn-north-4.myhuaweicloud.com"
    assert host_of({}, {**STACK, "HW_REGION_NAME": "cn-north-4"}) == "https://iam.eu-de.otc.t-systems.com"
    assert host_of({}, {**SDK, "HW_REGION_NAME": "cn-north-4", **STACK}) == "https://iam.cn-north-4.myhuaweicloud.com"
    assert host_of({}, {**HW, "HWC_IAM_ENDPOINT": "https://iam.example"}) == "https://iam.example"


def test_only_keys_may_follow_the_host_of_another_family():
    keys = {"OS_ACCESS_KEY": "OAK", "OS_SECRET_KEY": "OSK"}
    assert host_of({}, {**keys, "HW_REGION_NAME": "cn-north-4"}) == "https://iam.cn-north-4.myhuaweicloud.com"
    for secret in ({"HW_AUTH_TOKEN": "T"}, {"HW_USER_ID": "u1", "HW_USER_PASSWORD": "pw"}):
        found = find({}, {**secret, "OS_AUTH_URL": "https://iam.eu-de.otc.t-systems.com"})
        assert not is_named("iam_endpoint", {}, found.variables)


def test_credentials_given_as_options_find_a_conflict_of_the_environment():
    env = {"HW_REGION_NAME": "cn-north-4", "OS_AUTH_URL": STACK["OS_AUTH_URL"]}
    with pytest.raises(OptionError, match="which is somewhere else"):
        host_of(BY_ID, env)
    assert host_of({**BY_ID, "region": "eu-nl"}, env) == "https://iam.eu-nl.otc.t-systems.com"


# Two kinds

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
        # A code goes with the user's id only, and is not sent otherwise.
        ({"auth_username": "alice", "auth_password": "pw", "auth_domain_name": "acme", "auth_passcode": "123456"}, "auth_user_id"),
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
        ({"auth_password": "pw"}, Password("pw", "u1", None, Account("acme"))),
        ({"auth_password": "pw", "auth_domain_name": "own"}, Password("pw", "u1", None, Account("own"))),
        ({"auth_password": "pw", "auth_passcode": "012345"}, Password("pw", "u1", None, Account("acme"), "012345")),
        ({"auth_password": "pw", "auth_domain_id": "d1"}, Password("pw", "u1", None, Account(id="d1"))),
        (TOKEN, Token("T0", Account("acme"))),
        (KEY, AccessKey("AK", "SK", account=Account("acme"))),
        ({**KEY, "security_token": "ST"}, AccessKey("AK", "SK", "ST", Account("acme"))),
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
