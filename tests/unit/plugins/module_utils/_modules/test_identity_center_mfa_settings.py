# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
import json

import pytest
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import OptionError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.identity_center import Instance
from ansible_collections.hwc.mfa.plugins.module_utils._modules import identity_center_mfa_settings as _settings
from ansible_collections.hwc.mfa.plugins.module_utils._modules.identity_center_mfa_settings import (
    INFO,
    SETTINGS,
    choose_instance,
    differences,
    merged,
)
from hypothesis import given
from hypothesis import strategies as st

NONE_WANTED = {"user_permission": None, "mfa_mode": None, "allowed_mfa_types": None, "no_mfa_signin_behavior": None}
NOW = {
    "user_permission": "ALL_ACTIONS",
    "mfa_mode": "DISABLED",
    "allowed_mfa_types": ["TOTP", "WEBAUTHN"],
    "no_mfa_signin_behavior": "ALLOWED",
}


# Pure decisions


def test_what_is_not_given_is_left_alone():
    assert differences(NOW, NONE_WANTED) == {}


def test_what_is_so_already_is_no_difference():
    assert differences(NOW, NOW) == {}


def test_order_and_repetition_of_types_mean_nothing():
    assert differences(NOW, {"allowed_mfa_types": ["WEBAUTHN", "TOTP"]}) == {}
    assert differences(NOW, {"allowed_mfa_types": ["WEBAUTHN", "TOTP", "TOTP"]}) == {}
    assert differences(NOW, {"allowed_mfa_types": ["TOTP", "TOTP"]}) == {"allowed_mfa_types": ["TOTP"]}


def test_setting_that_the_cloud_does_not_show_is_a_difference():
    assert differences({}, {"mfa_mode": "ALWAYS_ON", "allowed_mfa_types": ["TOTP"]}) == {
        "mfa_mode": "ALWAYS_ON",
        "allowed_mfa_types": ["TOTP"],
    }


def test_merging_keeps_what_others_set_and_writes_no_permission():
    sso = {"mfa_mode": "DISABLED", "session_configuration": {"x": 1}, "future": [1]}
    before = copy.deepcopy(sso)
    assert merged(sso, {"mfa_mode": "ALWAYS_ON", "user_permission": "READ_ACTIONS"}) == {**before, "mfa_mode": "ALWAYS_ON"}
    assert sso == before


CHOICES = st.fixed_dictionaries(
    {
        "user_permission": st.none() | st.sampled_from(_settings.USER_PERMISSIONS),
        "mfa_mode": st.none() | st.sampled_from(_settings.MFA_MODES),
        "allowed_mfa_types": st.none() | st.lists(st.sampled_from(_settings.MFA_TYPES), min_size=1),
        "no_mfa_signin_behavior": st.none() | st.sampled_from(_settings.NO_MFA_SIGNIN),
    }
)


@given(CHOICES, CHOICES)
def test_what_is_written_leaves_no_difference(settings, wanted):
    after = {**settings, **differences(settings, wanted)}
    assert differences(after, wanted) == {}


ONE, OTHER = Instance("i1", "d1", "first"), Instance("i2", "d2")


@pytest.mark.parametrize(
    ("instances", "instance_id", "store", "chosen"),
    [([ONE], None, None, ONE), ([ONE, OTHER], "i2", None, OTHER), ([ONE, OTHER], None, "d1", ONE), ([ONE, OTHER], "i2", "d2", OTHER)],
)
def test_one_instance_that_fits_is_chosen(instances, instance_id, store, chosen):
    assert choose_instance(instances, instance_id, store) is chosen


def test_several_instances_are_listed_for_the_choice():
    with pytest.raises(OptionError, match=r"^instance_id is needed: this account has i1 \(first\), i2 \(d2\)\.$"):
        choose_instance([ONE, OTHER], None, None)


def test_option_that_is_empty_is_not_given(cloud):
    result = cloud.run(SETTINGS, check_mode=True, instance_id="", identity_store_id="", user_permission="READ_ACTIONS")
    assert result["instance_id"] == center_of(cloud).instance_id


def test_store_of_no_instance_is_refused():
    with pytest.raises(OptionError, match=r"^identity_store_id fits no instance"):
        choose_instance([ONE, OTHER], None, "d9")


def test_account_without_an_instance_is_told_so():
    with pytest.raises(OptionError, match="no instance of IAM Identity Center"):
        choose_instance([], None, None)


# Against the rehearsal cloud


def center_of(cloud):
    return cloud.cloud.accounts[0].center


def test_instance_is_found_without_ids(cloud):
    result = cloud.run(INFO)
    assert result == {
        "changed": False,
        "instance_id": center_of(cloud).instance_id,
        "identity_store_id": center_of(cloud).identity_store_id,
        "settings": {
            "user_permission": "ALL_ACTIONS",
            "mfa_mode": "CONTEXT_AWARE",
            "allowed_mfa_types": ["TOTP"],
            "no_mfa_signin_behavior": "ALLOWED",
        },
    }
    assert cloud.writes() == []


def test_given_ids_save_the_listing(cloud):
    center = center_of(cloud)
    result = cloud.run(INFO, instance_id=center.instance_id, identity_store_id=center.identity_store_id)
    assert result["settings"]["mfa_mode"] == "CONTEXT_AWARE"
    assert "ic-instances" not in cloud.routes()
    cloud.handle.clear_log()
    assert cloud.run(INFO, instance_id=center.instance_id)["identity_store_id"] == center.identity_store_id
    assert "ic-instances" not in cloud.routes()


def test_store_of_another_instance_is_refused_before_anything_is_written(cloud):
    result = cloud.run(SETTINGS, instance_id=center_of(cloud).instance_id, identity_store_id="d-other", user_permission="READ_ACTIONS")
    assert "identity_store_id d-other is not the store" in result["msg"]
    assert cloud.writes() == []
    result = cloud.run(SETTINGS, identity_store_id="d-other", user_permission="READ_ACTIONS")
    assert "identity_store_id fits no instance" in result["msg"]


def test_temporary_keys_are_sent_with_their_token(cloud):
    assert cloud.run(INFO, credentials=cloud.cloud.temporary[cloud.admin.id])["settings"]["mfa_mode"] == "CONTEXT_AWARE"


def test_change_of_one_setting_keeps_all_other_fields(cloud):
    before = copy.deepcopy(center_of(cloud).sso_configuration)
    result = cloud.run(SETTINGS, mfa_mode="ALWAYS_ON")
    assert result["changed"]
    assert result["settings"]["mfa_mode"] == "ALWAYS_ON"
    assert center_of(cloud).sso_configuration == {**before, "mfa_mode": "ALWAYS_ON"}
    assert center_of(cloud).sso_configuration["x_future"] == {"kept": True}
    assert cloud.writes() == ["ic-set-sso"]


def test_change_of_the_permission_writes_nothing_else(cloud):
    before = copy.deepcopy(center_of(cloud).sso_configuration)
    assert cloud.run(SETTINGS, user_permission="READ_ACTIONS")["changed"]
    assert center_of(cloud).user_permission == "READ_ACTIONS"
    assert center_of(cloud).sso_configuration == before
    assert cloud.writes() == ["ic-set-mfa"]


ALL = {
    "user_permission": "READ_ACTIONS",
    "mfa_mode": "ALWAYS_ON",
    "allowed_mfa_types": ["WEBAUTHN", "TOTP"],
    "no_mfa_signin_behavior": "BLOCKED",
}


def test_second_run_changes_nothing(cloud):
    assert cloud.run(SETTINGS, **ALL)["changed"]
    cloud.handle.clear_log()
    again = cloud.run(SETTINGS, **{**ALL, "allowed_mfa_types": ["TOTP", "WEBAUTHN"]})
    assert not again["changed"]
    assert cloud.writes() == []


def test_check_mode_says_the_same_and_writes_nothing(cloud):
    before = copy.deepcopy(center_of(cloud).sso_configuration)
    checked = cloud.run(SETTINGS, check_mode=True, diff=True, **ALL)
    assert cloud.writes() == []
    assert center_of(cloud).sso_configuration == before
    done = cloud.run(SETTINGS, diff=True, **ALL)
    assert checked == done
    assert done["diff"]["before"]["mfa_mode"] == "CONTEXT_AWARE"
    assert done["diff"]["after"] == done["settings"]
    assert cloud.run(SETTINGS, check_mode=True, **ALL)["changed"] is False


def test_empty_list_of_types_is_refused(cloud):
    assert "allowed_mfa_types must name at least one type" in cloud.run(SETTINGS, allowed_mfa_types=[])["msg"]
    assert cloud.log == []


def test_concurrent_change_is_read_again_and_not_overwritten(cloud):
    cloud.handle.fault("status=409:ic-set-sso:1")
    result = cloud.run(SETTINGS, impatient=True, mfa_mode="ALWAYS_ON")
    assert result["changed"]
    routes = cloud.routes()
    first = routes.index("ic-set-sso")
    assert "ic-get-sso" in routes[first + 1 : routes.index("ic-set-sso", first + 1)]
    assert routes.count("ic-set-sso") == 2


def test_concurrent_change_that_never_ends_is_tried_ever_more_slowly_and_then_an_error(cloud):
    cloud.handle.fault("status=409:ic-set-sso")
    began = cloud.cloud.now()
    result = cloud.run(SETTINGS, impatient=True, mfa_mode="ALWAYS_ON", retries=6)
    assert "IIC.1006" in result["msg"]
    assert cloud.routes().count("ic-set-sso") == 7
    assert cloud.cloud.now() - began == pytest.approx(0.5 + 1.0 + 2.0 + 4.0 + 8.0 + 8.0, abs=0.45)


@pytest.mark.parametrize(("status", "code"), [(409, "IIC.1004"), (400, "IIC.1006")])
def test_refusal_of_another_kind_is_no_concurrent_change(cloud, script, status, code):
    shown = {"identity_store_id": "d1", "user_permission": "ALL_ACTIONS"}, {"sso_configuration": {"mfa_mode": "DISABLED"}}
    server = script(*[(200, page) for page in shown], (status, {"error_code": code, "error_msg": "no"}))
    ids = {"instance_id": "i1", "identity_store_id": "d1"}
    result = cloud.run(SETTINGS, impatient=True, identity_center_endpoint=server.url, mfa_mode="ALWAYS_ON", **ids)
    assert code in result["msg"]
    assert [method for method, _path, _headers, _body in server.requests] == ["GET", "GET", "POST"]


@pytest.mark.parametrize(("fault", "writes"), [("lose", 1), ("cut", 2), ("half", 1), ("status=502", 2)])
def test_lost_answer_is_answered_by_reading(cloud, fault, writes):
    cloud.handle.fault(f"{fault}:ic-set-sso:1")
    result = cloud.run(SETTINGS, impatient=True, mfa_mode="ALWAYS_ON")
    assert result["changed"]
    assert center_of(cloud).sso_configuration["mfa_mode"] == "ALWAYS_ON"
    # An answer without a body cannot be cut in half.
    assert cloud.routes().count("ic-set-sso") == writes
    # Once before, and once after each write.
    assert cloud.routes().count("ic-get-sso") == 1 + writes


def test_change_that_comes_to_nothing_is_an_error(cloud):
    cloud.handle.fault("noop:ic-set-sso")
    began = cloud.cloud.now()
    result = cloud.run(SETTINGS, impatient=True, mfa_mode="ALWAYS_ON")
    assert result["failed"]
    assert "still shows the old mfa_mode" in result["msg"]
    # The cloud has had a quarter of a minute to show it.
    assert cloud.cloud.now() - began == pytest.approx(0.2 + 0.5 + 1.0 + 2.0 + 4.0 + 8.0, abs=0.45)
    assert cloud.routes().count("ic-set-sso") == 1


def test_unknown_instance_fails_with_code_and_request_id(cloud):
    result = cloud.run(INFO, instance_id="ssoins-none")
    assert result["failed"]
    assert (result["error"]["status"], result["error"]["code"]) == (404, "IIC.1004")
    assert result["error"]["request_id"] in result["msg"]


def test_refusal_shows_the_authorization_message(cloud):
    result = cloud.run(SETTINGS, credentials=cloud.by_key(cloud.users[0]), mfa_mode="ALWAYS_ON")
    assert result["error"]["status"] == 403
    assert result["error"]["encoded_authorization_message"] in result["msg"]
    assert result["changed"] is False
    # Whoever may decode it is told what it says.
    assert json.loads(result["error"]["authorization_message"])["allowed"] is False
    assert f"Decoded: {result['error']['authorization_message']}" in result["msg"]


@pytest.mark.parametrize("fault", ["forbid:decode-message", "cut:decode-message", "html:decode-message"])
def test_refusal_stays_what_it_is_where_its_message_cannot_be_decoded(cloud, fault):
    cloud.handle.fault(fault)
    result = cloud.run(SETTINGS, credentials=cloud.by_key(cloud.users[0]), mfa_mode="ALWAYS_ON", retries=0)
    assert result["error"]["status"] == 403
    assert result["error"]["encoded_authorization_message"] in result["msg"]
    assert "authorization_message" not in result["error"]


def test_sso_settings_that_may_not_be_read_are_a_warning_unless_they_are_wanted(cloud):
    cloud.handle.fault("forbid:ic-get-sso")
    result = cloud.run(SETTINGS, user_permission="READ_ACTIONS")
    assert result["changed"]
    assert result["settings"]["mfa_mode"] is None
    assert result["warnings"][0].startswith("mfa_mode, allowed_mfa_types and no_mfa_signin_behavior are not shown")
    looked = cloud.run(INFO)
    assert looked["settings"] == {**dict.fromkeys(looked["settings"]), "user_permission": "READ_ACTIONS"}
    assert len(looked["warnings"]) == 1
    assert cloud.run(SETTINGS, mfa_mode="ALWAYS_ON")["failed"]
    assert "ic-set-sso" not in cloud.writes()


def test_account_without_identity_center_is_told_so(start):
    cloud = start(identity_centers=0)
    assert "no instance of IAM Identity Center" in cloud.run(INFO)["msg"]


def test_region_without_identity_center_is_told_before_anything_is_sent(cloud):
    result = cloud.run(INFO, identity_center_endpoint=None, region="eu-de")
    assert "which has no IAM Identity Center" in result["msg"]
    assert cloud.log == []


def test_failure_after_the_first_of_two_writes_says_what_was_changed(cloud):
    cloud.handle.fault("forbid:ic-set-sso")
    result = cloud.run(SETTINGS, user_permission="READ_ACTIONS", mfa_mode="ALWAYS_ON")
    assert result["failed"]
    assert " lack the permission for this call. Before that, user_permission was set to READ_ACTIONS." in result["msg"]
    assert result["changed"]
    alone = cloud.run(SETTINGS, user_permission="READ_ACTIONS", mfa_mode="ALWAYS_ON")
    assert "Before that" not in alone["msg"] and not alone["changed"], "nothing was"


def test_failed_look_at_what_was_written_says_that_it_was_written(cloud):
    cloud.handle.fault("forbid:ic-get-mfa:2-9")
    result = cloud.run(SETTINGS, user_permission="READ_ACTIONS")
    assert result["failed"] and result["changed"]
    assert "Before that, the cloud accepted the change." in result["msg"]
