# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest
from ansible.module_utils.common.parameters import remove_values
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import legible
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_login_policy import LOGIN_POLICY
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_mfa_info import MFA_INFO
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_virtual_mfa_bind import BIND
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_virtual_mfa_device import DEVICE
from ansible_collections.hwc.mfa.plugins.module_utils._modules.identity_center_user_mfa_info import INFO as PEOPLE
from ansible_collections.hwc.mfa.plugins.module_utils._runner.masking import options_shown, shown
from hypothesis import example, given
from hypothesis import strategies as st

HIDDEN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"


def masked(result, secrets):
    visible = shown(BIND, {}, result, secrets)
    assert visible.pop("invocation") == {"module_args": {}}
    return visible


def test_secret_in_free_text_is_masked_at_every_depth():
    result = {"msg": "token s3cret was refused", "bindings": [{"msg": "s3cret", "error": {"code": "s3cret"}}]}
    assert "s3cret" not in json.dumps(masked(result, {"s3cret"}))


def test_id_that_happens_to_hold_a_secret_stays_whole():
    result = {"bindings": [{"user_id": "a123b", "serial_number": "iam::123:mfa:x", "msg": "user a123b"}]}
    seen = masked(result, {"123"})
    assert seen["bindings"][0]["user_id"] == "a123b"
    assert seen["bindings"][0]["serial_number"] == "iam::123:mfa:x"
    assert "123" not in seen["bindings"][0]["msg"]


IDENTIFYING = (
    "id", "user_id", "user_name", "name", "serial_number", "device_id", "instance_id", "identity_store_id", "principal_urn", "email", "mobile",
    "administrators",
)  # fmt: skip
WORDS = ("api", "binding", "console_access", "creation", "kind", "mfa", "posture", "verification_method")
TIMES = ("created_at", "last_login_at", "registered_at", "now")


@pytest.mark.parametrize("field", [*IDENTIFYING, *WORDS, *TIMES])
def test_secret_tears_no_field_that_says_who_or_what_is_meant(field):
    result = {"users": [{field: "alan.lamarr-001", "msg": "no lamarr"}, {field: ["alan.lamarr-001"]}]}
    assert masked(result, {"lamarr"}) == {"users": [{field: "alan.lamarr-001", "msg": "no ********"}, {field: ["alan.lamarr-001"]}]}


def test_secret_tears_no_member_of_a_group():
    result = {"groups": {"wave 1": ["a123b"], "msg": ["c123"]}, "users": [{"groups": ["group 123"]}]}
    assert masked(result, {"123"}) == result


@pytest.mark.parametrize("field", ["msg", "code", "request_id", "display_name", "custom_info_for_login", "email_address", "warnings"])
def test_secret_in_any_other_field_is_masked(field):
    assert masked({field: "by lamarr", "user_name": "lamarr"}, {"lamarr"}) == {field: "by ********", "user_name": "lamarr"}


@given(st.text(min_size=1, max_size=12), st.text(max_size=12), st.text(max_size=12), st.sets(st.text(min_size=1, max_size=12)))
def test_secret_is_found_wherever_it_stands(secret, before, after, others):
    seen = masked({"msg": f"{before}{secret}{after}"}, {secret, *others})
    secrets = {secret, *others}
    assert seen["msg"] == remove_values(f"{before}{secret}{after}", secrets | {legible(one) for one in secrets} - {""})


@given(st.text(st.characters(), min_size=4, max_size=12), st.text(max_size=12), st.text(max_size=12))
@example("a  b\x1bc", "", "")
@example(" lead", "", "x")
def test_secret_that_a_cloud_repeats_is_found_though_its_message_was_made_legible(secret, before, after):
    error = CloudError(f"{before} {secret} {after}", status=400)
    if len(legible(secret)) < 4 or legible(secret) in str(CloudError("x", status=400)):
        return
    assert legible(secret) not in masked({"msg": str(error)}, {secret})["msg"]


def test_numbers_and_truths_are_not_masked():
    result = {"changed": True, "count": 123, "nothing": None, "user_id": ["a1"]}
    assert masked(result, {"123", "True"}) == result


def test_without_secrets_nothing_is_masked():
    assert masked({"msg": "x"}, set()) == {"msg": "x"}


def test_secret_options_are_hidden_at_every_depth():
    params = {
        "access_key": "AK",
        "secret_key": "s3cret",
        "auth_token": None,
        "seed": "s3cret",
        "bindings": [
            {"user_id": "u1", "seed": "s3cret", "auth_password": "s3cret", "access_key": "AK", "authentication_code_first": "123456"}
        ],
    }
    seen = shown(BIND, params, {}, set())["invocation"]["module_args"]
    assert "s3cret" not in json.dumps(seen)
    assert "123456" not in json.dumps(seen)
    assert (seen["access_key"], seen["secret_key"], seen["auth_token"]) == ("AK", HIDDEN, None)
    assert seen["bindings"][0]["user_id"] == "u1"
    assert params["bindings"][0]["seed"] == "s3cret"


def test_lists_of_other_things_and_lists_that_are_not_given_stay_as_they_are():
    assert shown(BIND, {"bindings": None}, {}, set())["invocation"]["module_args"] == {"bindings": None}
    assert shown(MFA_INFO, {"user_ids": ["u1"]}, {}, set())["invocation"]["module_args"] == {"user_ids": ["u1"]}


def test_secret_under_a_name_that_is_misspelt_is_hidden_at_every_depth():
    params = {"acces_key": "s3cret", "region": "eu-de", "bindings": [{"user_id": "u1", "pasword": "s3cret", "sed": ["s3cret"]}]}
    assert options_shown(params, BIND.argument_spec) == {
        "acces_key": HIDDEN,
        "region": "eu-de",
        "bindings": [{"user_id": "u1", "pasword": HIDDEN, "sed": HIDDEN}],
    }


@pytest.mark.parametrize("wrong", ["s3cret", ["s3cret"], [["s3cret"]]])
def test_secret_in_a_list_of_another_form_is_hidden(wrong):
    assert "s3cret" not in str(options_shown({"bindings": wrong}, BIND.argument_spec))
    assert options_shown({"bindings": {"user_id": "u1", "seed": "s3cret"}}, BIND.argument_spec) == {
        "bindings": [{"user_id": "u1", "seed": HIDDEN}]
    }


def test_code_of_an_agency_is_hidden_and_the_rest_of_it_shown():
    agency = {"agency_urn": "iam::d1:agency:mfa", "serial_number": "s", "token_code": "012345", "tokencode": "012345"}
    assert options_shown({"assume_agency": agency}, BIND.argument_spec) == {
        "assume_agency": {**agency, "token_code": HIDDEN, "tokencode": HIDDEN}
    }


ADDRESSES = [
    (BIND, "iam_endpoint"),
    (BIND, "identity_center_endpoint"),
    (BIND, "sts_endpoint"),
    (PEOPLE, "identity_store_endpoint"),
]


@pytest.mark.parametrize(("definition", "option"), ADDRESSES)
@pytest.mark.parametrize(
    "address",
    [
        "https://user:s3cret@iam.example",
        "https://s3cret@iam.example/v3",
        "//a:s3cret@b",
        "https://bob:hun/s3cret@iam.example",
        "https://bob:s3cret/ter2@iam.example",
        "https://bob:s3cret//?#@@iam.example/v3",
        "https://bob:hun\ns3cret@iam.example",
        "https:/bob:hun/s3cret@iam.example",
        "bob:s3cret@iam.example",
    ],
)
def test_what_stands_before_the_host_of_an_address_is_hidden(definition, option, address):
    assert options_shown({option: address}, definition.argument_spec) == {option: HIDDEN}


@pytest.mark.parametrize("option", ["url", "endpoint", "organizations_endpoint", "login_url"])
def test_what_stands_before_the_host_of_a_store_or_another_service_is_hidden(option):
    spec = {"store": {"type": "dict", "options": {option: {"type": "str"}, "path": {"type": "str"}}}}
    store = {option: "https://bob:hun/s3cret@host", "path": "a@b"}
    assert options_shown({"store": store}, spec) == {"store": {**store, option: HIDDEN}}


def test_address_without_a_user_is_shown_and_so_is_text_with_an_at_sign():
    for address in ("https://iam.example/v3", "https://iam.example:8443", "iam.example"):
        assert options_shown({"iam_endpoint": address}, BIND.argument_spec) == {"iam_endpoint": address}
    text = "See https://help.example/mfa or write to help@example"
    assert options_shown({"custom_info_for_login": text}, LOGIN_POLICY.argument_spec) == {"custom_info_for_login": text}
    for text in ("https://a:s3cret@b", "see https://a:s3/cret@b now", "//a b:s3cret@c"):
        assert options_shown({"custom_info_for_login": text}, LOGIN_POLICY.argument_spec) == {"custom_info_for_login": HIDDEN}


def test_secret_in_an_option_that_is_none_is_masked():
    params = {"iam_endpoint": "https://s3cret.example", "auth_password": "s3cret"}
    seen = shown(BIND, params, {}, {"s3cret"})["invocation"]["module_args"]
    assert "s3cret" not in json.dumps(seen)


def test_result_that_holds_a_seed_is_known_by_it():
    seed = {"devices": [{"user_id": "u", "seed": "S"}]}
    assert DEVICE.holds_secret(shown(DEVICE, {}, seed, set()))
    assert not DEVICE.holds_secret(
        shown(DEVICE, {}, {"devices": [{"user_id": "u", "seed": None}, {"user_id": "seed", "msg": "seed"}]}, set())
    )
    assert not DEVICE.holds_secret(shown(DEVICE, {}, {"failed": True, "msg": "no"}, set()))
    # No other module's list can hold one.
    assert not BIND.holds_secret(shown(BIND, {}, {"bindings": [{"seed": "S"}]}, set()))


def test_secret_with_characters_that_json_would_escape_is_masked():
    secret = 'pä"ss\\'
    assert shown(BIND, {}, {"bindings": [{"msg": f"wrong: {secret}"}]}, {secret})["bindings"] == [{"msg": "wrong: ********"}]
