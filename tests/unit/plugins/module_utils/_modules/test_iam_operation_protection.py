# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy

import pytest
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import OptionError
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_operation_protection import (
    ALLOWANCES,
    OPERATION_PROTECTION,
    OPERATION_PROTECTION_INFO,
    OPTIONS,
    check,
    differences,
    merged,
    refuse_incomplete,
    settings,
)
from ansible_collections.hwc.mfa.tests.simulator import policies
from hypothesis import given
from hypothesis import strategies as st

ALL_ALLOWED = dict.fromkeys(ALLOWANCES, True)
AT_FIRST = {
    "operation_protection": False,
    "admin_check": "off",
    "scene": None,
    "mobile": None,
    "email": None,
    "allow_user": ALL_ALLOWED,
}
BY_MAIL = {
    "operation_protection": True,
    "admin_check": "on",
    "scene": "email",
    "email": "security@example.com",
    "allow_user": {"manage_accesskey": False},
}
SET_BY_MAIL = {**AT_FIRST, **BY_MAIL, "allow_user": {**ALL_ALLOWED, "manage_accesskey": False}}

# Pure decisions


def test_what_is_not_given_is_left_alone():
    assert differences(AT_FIRST, dict.fromkeys(OPTIONS)) == {}
    assert differences(AT_FIRST, {"allow_user": dict.fromkeys(ALLOWANCES)}) == {}


def test_what_is_so_already_is_no_difference():
    assert differences(SET_BY_MAIL, BY_MAIL) == {}


def test_of_what_users_may_do_only_the_parts_that_differ_are_a_difference():
    wanted = {"allow_user": {"manage_accesskey": False, "manage_email": True, "manage_mobile": None}}
    assert differences(AT_FIRST, wanted) == {"allow_user": {"manage_accesskey": False}}


def test_what_the_cloud_does_not_show_is_none():
    shown = settings({"operation_protection": False, "email": "", "scene": "", "allow_user": None})
    assert shown == {**dict.fromkeys(OPTIONS), "operation_protection": False, "allow_user": dict.fromkeys(ALLOWANCES)}


def test_merging_keeps_what_others_set_and_sends_nothing_that_is_empty():
    policy = {
        "operation_protection": True,
        "scene": "",
        "mobile": None,
        "x_future": [1],
        "allow_user": {"manage_email": False, "x_new": True, "manage_mobile": None},
    }
    before = copy.deepcopy(policy)
    assert merged(policy, {"admin_check": "off", "allow_user": {"manage_password": False}}) == {
        "operation_protection": True,
        "admin_check": "off",
        "x_future": [1],
        "allow_user": {"manage_email": False, "x_new": True, "manage_password": False},
    }
    assert policy == before
    assert merged({"operation_protection": False}, {"operation_protection": True}) == {"operation_protection": True}


ON = {"operation_protection": True, "admin_check": "on"}


@pytest.mark.parametrize(
    ("policy", "missing"),
    [
        (ON, "scene"),
        ({**ON, "scene": "sms"}, "scene"),
        ({**ON, "mobile": "0086-123456789", "email": "a@b"}, "scene"),
        ({**ON, "scene": "mobile", "email": "a@b"}, "mobile"),
        ({**ON, "scene": "email", "mobile": "0086-123456789"}, "email"),
    ],
)
def test_somebody_who_confirms_must_be_reachable(policy, missing):
    with pytest.raises(OptionError, match=f"^{missing} is missing: "):
        refuse_incomplete(policy, {})
    # Who is locked out must be able to switch it off.
    refuse_incomplete({**policy, "operation_protection": False}, {"operation_protection": False})
    refuse_incomplete({**policy, "admin_check": "off"}, {"admin_check": "off"})


def test_somebody_who_confirms_is_reached_by_phone_or_mail():
    refuse_incomplete({**ON, "scene": "mobile", "mobile": "0086-123456789"}, ON)
    refuse_incomplete({**ON, "scene": "email", "email": "a@b"}, ON)
    refuse_incomplete({"operation_protection": True}, {"operation_protection": True})


@pytest.mark.parametrize("mobile", ["", "123456789", "+86-123456789", "0086-", "0086-12 34", "0086-\u0661\u0662\u0663", "0086-123456789\n"])
def test_number_that_is_none_is_refused_by_name(mobile):
    with pytest.raises(OptionError, match=r"^mobile must be a country code and a number"):
        check({"mobile": mobile})


@pytest.mark.parametrize("email", ["", "nobody", "a@", "@b", "a@b@c", "a b@c", "a@b\n"])
def test_address_that_is_none_is_refused_by_name(email):
    with pytest.raises(OptionError, match=r"^email must be an e-mail address"):
        check({"email": email})


POLICIES = st.fixed_dictionaries(
    {
        "operation_protection": st.booleans(),
        "admin_check": st.none() | st.sampled_from(["on", "off"]),
        "scene": st.none() | st.sampled_from(["mobile", "email"]),
        "mobile": st.none() | st.just("0086-123456789"),
        "email": st.none() | st.just("security@example.com"),
        "allow_user": st.none() | st.fixed_dictionaries({name: st.none() | st.booleans() for name in ALLOWANCES}),
    }
)


@given(POLICIES, POLICIES)
def test_what_is_written_leaves_no_difference(shown, wanted):
    todo = differences(settings(shown), wanted)
    assert differences(settings(merged(shown, todo)), wanted) == {}


# Against the rehearsal cloud


def stored(cloud):
    return cloud.cloud.accounts[0].policies.get("protect", policies.PROTECT_DEFAULTS)


def test_protection_is_shown_by_each_cloud(any_cloud):
    assert any_cloud.run(OPERATION_PROTECTION_INFO) == {"changed": False, "protect_policy": AT_FIRST}
    assert any_cloud.writes() == []


def test_second_run_changes_nothing(any_cloud):
    first = any_cloud.run(OPERATION_PROTECTION, **BY_MAIL)
    assert (first["changed"], first["protect_policy"]) == (True, SET_BY_MAIL)
    assert any_cloud.writes() == ["protect-policy-put"]
    any_cloud.handle.clear_log()
    again = any_cloud.run(OPERATION_PROTECTION, **BY_MAIL)
    assert (again["changed"], again["protect_policy"]) == (False, SET_BY_MAIL)
    assert any_cloud.writes() == []
    assert any_cloud.run(OPERATION_PROTECTION)["changed"] is False


@pytest.mark.parametrize("resets", [False, True])
def test_change_of_one_setting_keeps_all_others(start, resets):
    cloud = start(partial_policies_reset=resets)
    cloud.run(OPERATION_PROTECTION, **BY_MAIL)
    before = copy.deepcopy(stored(cloud))
    assert cloud.run(OPERATION_PROTECTION, allow_user={"manage_email": False})["changed"]
    assert stored(cloud) == {**before, "allow_user": {**before["allow_user"], "manage_email": False}}
    assert cloud.run(OPERATION_PROTECTION, operation_protection=False)["protect_policy"]["email"] == "security@example.com"


def test_check_mode_says_the_same_and_writes_nothing(any_cloud):
    checked = any_cloud.run(OPERATION_PROTECTION, check_mode=True, diff=True, **BY_MAIL)
    assert any_cloud.writes() == []
    assert stored(any_cloud) == policies.PROTECT_DEFAULTS
    done = any_cloud.run(OPERATION_PROTECTION, diff=True, **BY_MAIL)
    assert checked == done
    assert done["diff"] == {"before": AT_FIRST, "after": SET_BY_MAIL}
    assert any_cloud.run(OPERATION_PROTECTION, check_mode=True, **BY_MAIL)["changed"] is False


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize(
    ("options", "missing"),
    [
        ({"admin_check": "on"}, "scene"),
        ({"admin_check": "on", "email": "security@example.com"}, "scene"),
        ({"admin_check": "on", "scene": "mobile", "email": "security@example.com"}, "mobile"),
        ({"admin_check": "on", "scene": "email", "mobile": "0086-123456789"}, "email"),
    ],
)
def test_nobody_is_locked_out_by_a_check_that_nobody_can_pass(cloud, options, missing, check_mode):
    result = cloud.run(OPERATION_PROTECTION, operation_protection=True, check_mode=check_mode, **options)
    assert result["msg"].startswith(f"{missing} is missing: ")
    assert cloud.writes() == []


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize(("options", "missing"), [({"admin_check": "on"}, "scene"), ({"scene": "email", "admin_check": "on"}, "email")])
def test_check_by_somebody_else_is_set_as_a_whole_also_while_protection_is_off(any_cloud, options, missing, check_mode):
    result = any_cloud.run(OPERATION_PROTECTION, check_mode=check_mode, **options)
    assert result["msg"].startswith(f"{missing} is missing: ")
    assert any_cloud.writes() == []
    whole = {"admin_check": "on", "scene": "email", "email": "security@example.com"}
    assert any_cloud.run(OPERATION_PROTECTION, check_mode=check_mode, **whole)["changed"]


def test_way_to_reach_somebody_may_be_set_before_the_check_is(any_cloud):
    assert any_cloud.run(OPERATION_PROTECTION, scene="email")["changed"]
    any_cloud.run(OPERATION_PROTECTION, **BY_MAIL)
    any_cloud.run(OPERATION_PROTECTION, operation_protection=False)
    assert any_cloud.run(OPERATION_PROTECTION, scene="mobile", check_mode=True)["msg"].startswith("mobile is missing: ")


def test_what_was_set_before_need_not_be_given_again(cloud):
    cloud.run(OPERATION_PROTECTION, scene="mobile", mobile="0086-123456789")
    assert cloud.run(OPERATION_PROTECTION, operation_protection=True, admin_check="on")["changed"]
    assert cloud.run(OPERATION_PROTECTION, scene="email")["msg"].startswith("email is missing: ")
    assert stored(cloud)["scene"] == "mobile"


def test_protection_that_locks_everybody_out_can_be_switched_off(cloud):
    cloud.cloud.accounts[0].policies["protect"] = {**policies.PROTECT_DEFAULTS, "operation_protection": True, "admin_check": "on"}
    result = cloud.run(OPERATION_PROTECTION, operation_protection=False, admin_check="off")
    assert (result["changed"], result["protect_policy"]["operation_protection"]) == (True, False)


@pytest.mark.parametrize("value", [True, "on"])
def test_words_that_yaml_makes_a_truth_of_are_understood(cloud, value):
    options = {**BY_MAIL, "admin_check": value}
    assert cloud.run(OPERATION_PROTECTION, **options)["protect_policy"]["admin_check"] == "on"
    assert cloud.run(OPERATION_PROTECTION, admin_check=False)["protect_policy"]["admin_check"] == "off"


def test_values_that_cannot_be_are_refused_before_anything_is_asked(cloud):
    assert cloud.run(OPERATION_PROTECTION, mobile="12345")["msg"].startswith("mobile must be")
    assert cloud.run(OPERATION_PROTECTION, email="nobody")["msg"].startswith("email must be")
    assert cloud.log == []


def test_cloud_that_shows_the_switch_alone_is_told_no_more_than_that(start):
    cloud = start(profile="otc", protect_policy_short=True)
    assert cloud.run(OPERATION_PROTECTION, operation_protection=True)["changed"]
    (sent,) = [entry["body"] for entry in cloud.log if entry["method"] == "PUT"]
    assert sent == {"protect_policy": {"operation_protection": True}}
    assert cloud.run(OPERATION_PROTECTION, operation_protection=True)["changed"] is False
    # Nothing tells whether this was set.
    result = cloud.run(OPERATION_PROTECTION, impatient=True, allow_user={"manage_email": False})
    assert "still shows the old allow_user" in result["msg"]


@pytest.mark.parametrize(("fault", "writes"), [("lose", 1), ("cut", 2), ("half", 1), ("status=502", 2)])
def test_lost_answer_is_answered_by_reading(any_cloud, fault, writes):
    any_cloud.handle.fault(f"{fault}:protect-policy-put:1")
    result = any_cloud.run(OPERATION_PROTECTION, impatient=True, **BY_MAIL)
    assert (result["changed"], result["protect_policy"]) == (True, SET_BY_MAIL)
    assert any_cloud.routes().count("protect-policy-put") == writes
    assert any_cloud.routes().count("protect-policy-get") == 1 + writes


def test_change_that_comes_to_nothing_is_an_error(cloud):
    cloud.handle.fault("noop:protect-policy-put")
    result = cloud.run(OPERATION_PROTECTION, impatient=True, operation_protection=True)
    assert "still shows the old operation_protection" in result["msg"]
    assert cloud.writes() == ["protect-policy-put"]


def test_somebody_elses_change_between_two_writes_is_looked_at_again(cloud, script):
    before = {"protect_policy": {"operation_protection": True, "admin_check": "on", "scene": "email", "email": "a@b"}}
    since = {"protect_policy": {"operation_protection": True, "admin_check": "on", "scene": "mobile", "email": "a@b"}}
    domain = {"domains": [{"id": "d1", "name": "acme"}]}
    server = script((200, domain), (200, before), (502, b""), (200, since))
    result = cloud.run(OPERATION_PROTECTION, impatient=True, iam_endpoint=server.url, email="c@d")
    assert result["msg"].startswith("mobile is missing: ")
    assert [method for method, *_rest in server.requests] == ["GET", "GET", "PUT", "GET"]


def test_fields_that_nobody_knows_change_nothing(any_cloud):
    any_cloud.handle.fault("extra")
    assert any_cloud.run(OPERATION_PROTECTION, **BY_MAIL)["protect_policy"] == SET_BY_MAIL
    assert any_cloud.run(OPERATION_PROTECTION, **BY_MAIL)["changed"] is False


def test_user_who_does_not_administer_is_refused(any_cloud):
    result = any_cloud.run(OPERATION_PROTECTION, credentials=any_cloud.by_key(any_cloud.users[0]), operation_protection=True)
    assert (result["error"]["status"], result["error"]["code"]) == (403, "IAM.0003")
    assert any_cloud.writes() == []


@pytest.mark.parametrize(
    "body",
    [{"protect_policy": []}, {"protect_policy": {}}, {"protect_policy": {"operation_protection": "true"}}, {}],
)
def test_answer_of_another_form_is_never_written_back(cloud, script, body):
    server = script((200, {"domains": [{"id": "d1", "name": "acme"}]}), (200, body))
    result = cloud.run(OPERATION_PROTECTION, iam_endpoint=server.url, admin_check="off")
    assert "protection" in result["msg"] or "protect_policy" in result["msg"]
    assert {method for method, *_rest in server.requests} == {"GET"}
