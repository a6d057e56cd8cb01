# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that somebody got wrong, in every module: a failure that names the option, and never shows a secret."""

from __future__ import annotations

import itertools
import math

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.hwc.mfa.plugins.module_utils._auth.credentials import SECRETS
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_login_check import LOGIN_CHECK
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_login_policy import LOGIN_POLICY, LOGIN_POLICY_INFO
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_login_protection import PROTECTION
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_mfa_info import MFA_INFO
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_operation_protection import (
    OPERATION_PROTECTION,
    OPERATION_PROTECTION_INFO,
)
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_virtual_mfa_bind import BIND
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_virtual_mfa_device import DEVICE
from ansible_collections.hwc.mfa.plugins.module_utils._modules.identity_center_mfa_settings import INFO, SETTINGS
from ansible_collections.hwc.mfa.plugins.module_utils._modules.identity_center_user_mfa_device import DEVICE as PERSON_DEVICE
from ansible_collections.hwc.mfa.plugins.module_utils._modules.identity_center_user_mfa_info import INFO as PEOPLE_INFO
from ansible_collections.hwc.mfa.plugins.module_utils._runner.run import perform
from ansible_collections.hwc.mfa.tests.unit.rehearsal import Rehearsal
from hypothesis import given, settings
from hypothesis import strategies as st

SEED = "JBSWY3DPEHPK3PXP"
USER = "c91752a33d589cab301ba9880a3efb80"
MODULES = {
    "info": (MFA_INFO, {}),
    "bind": (BIND, {"user_id": USER, "seed": SEED}),
    "device": (DEVICE, {"user_id": USER}),
    "protection": (PROTECTION, {"user_id": USER}),
    "login": (LOGIN_CHECK, {"users": [{"user_id": USER, "auth_password": "s3cret-password", "seed": SEED}], "new_codes": False}),
    "login_policy": (LOGIN_POLICY, {"login_failed_times": 3}),
    "login_policy_info": (LOGIN_POLICY_INFO, {}),
    "operations": (OPERATION_PROTECTION, {"operation_protection": True}),
    "operations_info": (OPERATION_PROTECTION_INFO, {}),
    "settings": (SETTINGS, {"user_permission": "READ_ACTIONS"}),
    "settings_info": (INFO, {}),
    "people_info": (PEOPLE_INFO, {}),
    "person_device": (PERSON_DEVICE, {"user_name": "ada.lovelace", "state": "absent"}),
}
FLEETS = ("info", "bind", "device", "protection", "login")
KEYS = {"access_key": "AK", "secret_key": "s3cret-key"}


@pytest.fixture(scope="module")
def cloud():
    """One cloud for all: what is tested here must not change it."""
    rehearsal = Rehearsal()
    yield rehearsal
    rehearsal.stop()


def failure(cloud, module, options, credentials=None):
    """How a module fails with such options, whether they are refused as they come or by its work; None where it does not."""
    definition, needed = MODULES[module]
    base = {"iam_endpoint": cloud.url, "identity_center_endpoint": cloud.url, "retries": 0}
    given_options = {**base, **(cloud.by_key() if credentials is None else credentials), **needed, **options}
    given_options = {name: value for name, value in given_options.items() if value is not None or name not in needed}
    validated = ArgumentSpecValidator(dict(definition.argument_spec), **definition.relations).validate(given_options)
    if validated.error_messages:
        return validated.error_messages[0]
    result, _secrets = perform(definition, validated.validated_parameters, True, True, {})
    return result["msg"] if result.get("failed") else None


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *itertools.product(["timeout"], [0, -1, 3601, math.nan, math.inf, -math.inf, "nan", "inf", "1e400", "soon", "", [], {}]),
        *itertools.product(["retries"], [-1, 101, 10**30, 1.5, math.nan, "nan", "\u0661x", "", [], {}, "5 6"]),
        *itertools.product(["validate_certs"], ["maybe", "", 2, [], {}]),
        *itertools.product(["ca_path"], ["/nowhere", "a\0b", "\ud800", "\x1b[2J"]),
    ],
)
@pytest.mark.parametrize("module", MODULES)
def test_option_that_all_have_is_refused_by_its_name(cloud, module, option, value):
    text = failure(cloud, module, {option: value})
    assert option in text
    assert text.isprintable()
    assert cloud.writes() == []


@pytest.mark.parametrize("value", ["..", "eu-de\n", "eu-de.evil.example", "\ud800", "\u0435u-de", "eu\u2010de", "\x1b[2J"])
@pytest.mark.parametrize("module", MODULES)
def test_region_that_is_none_is_refused_where_it_names_the_host(cloud, module, value):
    endpoints = dict.fromkeys(("iam_endpoint", "identity_center_endpoint"))
    text = failure(cloud, module, {"region": value, **endpoints})
    assert "region " in text
    assert text.isprintable()


@pytest.mark.parametrize("value", [0, -1, 257, 10**30, 1.5, math.nan, "many", "", [], {}, "\x1b8"])
@pytest.mark.parametrize("module", FLEETS)
def test_concurrency_out_of_its_range_is_refused_by_its_name(cloud, module, value):
    assert "concurrency" in failure(cloud, module, {"concurrency": value})


ODD_IDS = [
    "..",
    ".",
    "a/b",
    "/",
    "../../v5/users",
    "a\nb",
    "a\n",
    " a",
    "a\tb",
    "a\0b",
    "\x1b[2J",
    "\u202eab",
    "\u2028",
    "\ud800",
    "\udcff",
    "x\r\nHost: evil",
]


@pytest.mark.parametrize("value", ["", *ODD_IDS])
@pytest.mark.parametrize(("module", "many"), [("bind", "bindings"), ("device", "devices"), ("protection", "users"), ("info", None)])
def test_id_that_no_user_can_have_is_refused_by_the_options_name_and_never_sent(cloud, module, many, value):
    before = len(cloud.log)
    if many is None:
        texts = [failure(cloud, module, {"user_ids": [value]})]
    else:
        nothing = dict.fromkeys(MODULES[module][1])
        texts = [failure(cloud, module, {"user_id": value})]
        texts.append(failure(cloud, module, {**nothing, many: [{"user_id": value, **({"seed": SEED} if module == "bind" else {})}]}))
    for text in texts:
        assert text.startswith(("user_id must not be empty", "user_id ", "user_ids "))
        assert text.isprintable()
    assert [entry for entry in cloud.log[before:] if entry["route"] != "domains"] == []


@pytest.mark.parametrize("value", ODD_IDS)
@pytest.mark.parametrize("module", ["settings", "settings_info"])
@pytest.mark.parametrize("both", [False, True])
def test_instance_that_cannot_be_is_refused_by_the_options_name(cloud, module, value, both):
    text = failure(cloud, module, {"instance_id": value, **({"identity_store_id": "d-1"} if both else {})})
    assert text.startswith("instance_id ")
    assert text.isprintable()


def test_one_odd_id_among_many_stops_nobody_else(cloud):
    users = [{"user_id": user.id} for user in cloud.users] + [{"user_id": "a\x1b[2J\nb"}]
    result = cloud.run(PROTECTION, users=users, check_mode=True)
    assert [outcome["failed"] for outcome in result["users"]] == [False] * len(cloud.users) + [True]
    assert result["msg"].startswith("1 of ")
    assert result["msg"].isprintable()


CODES = [
    "",
    "12345",
    "1234567",
    "\u0661\u0662\u0663\u0664\u0665\u0666",
    "１２３４５６",
    "12345\n",
    " 12345",
    "12-456",
    "0x1234",
    "-12345",
    "1e1000",
    "\U0001d7ce" * 6,
]


@pytest.mark.parametrize("code", CODES[1:])
@pytest.mark.parametrize("which", ["authentication_code_first", "authentication_code_second"])
def test_code_that_is_not_six_ascii_digits_is_refused_by_its_name_and_not_shown(cloud, which, code):
    codes = {"authentication_code_first": "123456", "authentication_code_second": "654321", which: code}
    text = failure(cloud, "bind", {"seed": None, **codes})
    assert text.startswith(f"{which} must be a string of exactly six digits")
    assert code.strip() not in text


@pytest.mark.parametrize("code", CODES[1:])
def test_passcode_that_is_not_six_ascii_digits_is_refused_and_not_shown(cloud, code):
    login = {"auth_user_id": USER, "auth_password": "s3cret-password", "auth_passcode": code}
    for module in MODULES:
        text = failure(cloud, module, {}, login)
        assert text.startswith("auth_passcode must be a string of exactly six digits")
        assert code.strip() not in text and "s3cret" not in text


@pytest.mark.parametrize(
    "seed",
    ["JBSWY3DPEHPK3PX1", "s3cret seed!", "ßßßßßßßß", "ＪＢＳＷＹ３ＤＰ", "JBSW\0Y3DP", "=", "otpauth://totp/x?secret=JBSWY3DP", "\ud800"],
)
def test_seed_that_is_none_is_refused_by_its_name_and_not_shown(cloud, seed):
    text = failure(cloud, "bind", {"seed": seed})
    assert text.startswith(("seed is not a base32 seed", "seed is a whole otpauth:// address"))
    assert seed == "=" or seed not in text


FAMILIES = [
    KEYS,
    {"auth_token": "s3cret-token"},
    {"auth_username": "ada", "auth_password": "s3cret-password", "auth_domain_name": "acme"},
]


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(range(3), 2)))
def test_two_kinds_of_credentials_are_refused_by_their_names(cloud, module, one, other):
    text = failure(cloud, module, {}, {**FAMILIES[one], **FAMILIES[other]})
    assert "two kinds of credentials" in text
    assert next(iter(FAMILIES[one])) in text and next(iter(FAMILIES[other])) in text
    assert "s3cret" not in text


@pytest.mark.parametrize(
    "half", ["access_key", "secret_key", "security_token", "auth_username", "auth_user_id", "auth_password", "auth_passcode"]
)
def test_half_a_credential_is_refused_by_the_name_of_what_is_missing(cloud, half):
    text = failure(cloud, "info", {}, {half: "s3cret"})
    assert "is missing" in text
    assert "s3cret" not in text


@settings(max_examples=100)
@given(
    st.sampled_from(sorted(MODULES)),
    st.dictionaries(
        st.sampled_from(["access_key", *SECRETS, "auth_user_id", "auth_username", "auth_domain_name"]),
        st.text(st.characters(), max_size=4).map(lambda text: f"s3cret{text}"),
        min_size=1,
        max_size=4,
    ),
)
def test_random_credentials_fail_cleanly_and_show_no_secret(cloud, module, credentials):
    text = failure(cloud, module, {}, credentials)
    assert text
    assert text.isprintable()
    for option in SECRETS:
        if option in credentials and credentials[option] != "s3cret":
            assert credentials[option] not in text


@pytest.mark.parametrize("value", ["d\r\nEvil: 1", "d\n", "ä", "\x1b", " d"])
def test_account_that_would_break_a_header_is_refused_by_the_options_name(cloud, value):
    text = cloud.run(MFA_INFO, auth_domain_id=value)["msg"]
    assert text.startswith("auth_domain_id holds a character that cannot be sent")
    assert text.isprintable()


def test_account_id_of_a_cloud_that_would_break_a_header_is_not_sent(script):
    server = script((200, {"domains": [{"id": "d\r\nEvil: 1", "name": "n"}]}), (200, {"instances": [], "users": []}))
    result = perform(
        PROTECTION,
        ArgumentSpecValidator(dict(PROTECTION.argument_spec))
        .validate({"user_id": "u1", "iam_endpoint": server.url, "retries": 0, **KEYS})
        .validated_parameters,
        True,
        False,
        {},
    )[0]
    assert result["failed"]
    assert len(server.requests) == 2
    assert not any(name.lower() in ("x-domain-id", "evil") for _method, _path, headers, _body in server.requests for name in headers)


ITEM_LISTS = {"bind": "bindings", "device": "devices", "protection": "users", "info": "user_ids"}


@settings(max_examples=100)
@given(
    st.sampled_from(sorted(ITEM_LISTS)),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["user_id", "seed", "name", "enabled", "state"]) | st.text(max_size=3), inner, max_size=3)
        ),
        max_leaves=6,
    ),
)
def test_list_of_any_form_is_taken_or_refused_with_a_sentence(cloud, module, value):
    nothing = dict.fromkeys(MODULES[module][1])
    text = failure(cloud, module, {**nothing, ITEM_LISTS[module]: value})
    assert text is None or (text.strip() and "unexpected" not in text)
    assert cloud.writes() == []
