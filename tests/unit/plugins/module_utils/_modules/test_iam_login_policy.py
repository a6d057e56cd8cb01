# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
import json

import pytest
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import OptionError
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_login_policy import (
    LOGIN_POLICY,
    LOGIN_POLICY_INFO,
    OPTIONS,
    LoginPolicy,
    check,
    differences,
    refusal,
    refuse_kept,
    work_policy,
)
from ansible_collections.hwc.mfa.plugins.module_utils._runner.context import Context
from ansible_collections.hwc.mfa.tests.simulator import policies
from ansible_collections.hwc.mfa.tests.unit.rehearsal import Impatient, ImpatientConnections, validated
from hypothesis import given
from hypothesis import strategies as st

AT_FIRST = {
    "account_validity_period": 0,
    "custom_info_for_login": "",
    "lockout_duration": 15,
    "login_failed_times": 5,
    "period_with_login_failures": 15,
    "session_timeout": 60,
    "show_recent_login_info": False,
}
STRICT = {
    "account_validity_period": 90,
    "custom_info_for_login": "Authorized use only.",
    "lockout_duration": 30,
    "login_failed_times": 3,
    "period_with_login_failures": 60,
    "session_timeout": 30,
    "show_recent_login_info": True,
}
OFFICE = {"ip_range": "192.0.2.0-192.0.2.255", "description": "the office"}

# Pure decisions


def test_what_is_not_given_is_left_alone():
    assert differences(AT_FIRST, dict.fromkeys(OPTIONS)) == {}


def test_what_is_so_already_is_no_difference():
    assert differences(STRICT, STRICT) == {}


def test_values_that_are_false_are_wanted_too():
    wanted = {"account_validity_period": 0, "custom_info_for_login": "", "show_recent_login_info": False}
    assert differences(STRICT, wanted) == wanted
    assert differences(AT_FIRST, wanted) == {}


def test_setting_that_the_cloud_does_not_show_is_a_difference_unless_it_is_an_empty_text():
    shown = LoginPolicy("v3", {"lockout_duration": 15}).settings()
    assert shown == {**dict.fromkeys(AT_FIRST), "lockout_duration": 15, "custom_info_for_login": ""}
    wanted = {"session_timeout": 60, "show_recent_login_info": False}
    assert differences(shown, {**wanted, "custom_info_for_login": "", "lockout_duration": 15}) == wanted


def test_merging_keeps_what_others_set_and_sends_nothing_that_is_null():
    shown = {"login_failed_times": 5, "allow_ip_ranges": [OFFICE], "x_future": {"a": 1}, "custom_info_for_login": None}
    before = copy.deepcopy(shown)
    assert LoginPolicy("v5", shown).merged({"login_failed_times": 3}) == {
        "login_failed_times": 3,
        "allow_ip_ranges": [OFFICE],
        "x_future": {"a": 1},
    }
    assert shown == before


def test_each_api_has_its_own_name_for_the_days_without_a_login():
    v3, v5 = LoginPolicy("v3", {"account_validity_period": 7}), LoginPolicy("v5", {"user_validity_period": 7})
    assert v3.settings() == v5.settings()
    assert v3.settings()["account_validity_period"] == 7
    assert v3.merged({"account_validity_period": 8}) == {"account_validity_period": 8}
    assert v5.merged({"account_validity_period": 8}) == {"user_validity_period": 8}


EDGES = {
    "account_validity_period": (0, 240),
    "lockout_duration": (15, 1440),
    "login_failed_times": (3, 10),
    "period_with_login_failures": (15, 60),
    "session_timeout": (15, 1440),
}


@pytest.mark.parametrize("option", EDGES)
@pytest.mark.parametrize("api", ["auto", "v5"])
def test_values_out_of_range_are_refused_by_name(option, api):
    least, most = EDGES[option]
    for value in (least, most):
        check(api, {option: value})
    for value in (least - 1, most + 1):
        with pytest.raises(OptionError, match=f"^{option} must be from {least} to {most}"):
            check(api, {option: value})


def test_v3_locks_for_half_an_hour_at_most():
    assert refusal("v3", {"lockout_duration": 30}) is None
    assert refusal("v5", {"lockout_duration": 31}) is None
    with pytest.raises(OptionError, match=r"^lockout_duration must be from 15 to 30 minutes with v3\.0"):
        check("v3", {"lockout_duration": 31})


@pytest.mark.parametrize("character", list(r"@#%&<>\$^*"))
def test_text_that_v5_does_not_take_is_refused_where_v5_is_asked(character):
    text = {"custom_info_for_login": f"ask {character} us"}
    with pytest.raises(OptionError, match=r"^custom_info_for_login must hold none of"):
        check("v5", text)
    check("v3", text)
    # Nobody knows yet which of them will answer.
    check("auto", text)


def test_what_is_sent_beside_a_change_is_refused_with_a_way_out():
    def cause(api, asked, shown, todo):
        with pytest.raises(OptionError) as caught:
            refuse_kept(LoginPolicy(api, shown), todo, asked)
        return str(caught.value)

    locked, text = {"lockout_duration": 600}, {"custom_info_for_login": "ask R&D"}
    todo = {"session_timeout": 33}
    assert cause("v3", "v3", locked, todo) == "lockout_duration is 600, which v3.0 does not take: give 15 to 30, or api=v5."
    # v5 was asked first, and does not answer.
    assert cause("v3", "auto", locked, todo) == "lockout_duration is 600, which v3.0 does not take: give 15 to 30."
    for asked in ("v5", "auto"):
        assert cause("v5", asked, text, todo) == (
            r"custom_info_for_login holds one of @ # % & < > \ $ ^ *, which v5 does not take: give another text, or api=v3."
        )
    assert (
        cause("v5", "auto", {"user_validity_period": 241}, todo) == "account_validity_period is 241, which v5 does not take: give 0 to 240."
    )
    assert cause("v3", "v3", {"login_failed_times": 2}, todo) == "login_failed_times is 2, which v3.0 does not take: give 3 to 10."


@pytest.mark.parametrize(
    ("api", "shown", "todo"),
    [
        ("v5", {"lockout_duration": 600}, {"session_timeout": 33}),
        ("v3", {"custom_info_for_login": "ask R&D"}, {"session_timeout": 33}),
        ("v3", {"lockout_duration": 600}, {"lockout_duration": 30}),
        ("v5", {"custom_info_for_login": "ask R&D"}, {"custom_info_for_login": ""}),
        ("v3", {"lockout_duration": None, "custom_info_for_login": None}, {"session_timeout": 33}),
        # Of what is no number the cloud must judge.
        ("v3", {"lockout_duration": "600", "session_timeout": [1], "custom_info_for_login": {}}, {"login_failed_times": 3}),
        ("v5", {"lockout_duration": True, "custom_info_for_login": 5}, {"login_failed_times": 3}),
    ],
)
def test_what_is_sent_beside_a_change_is_taken(api, shown, todo):
    refuse_kept(LoginPolicy(api, shown), todo, api)


CHOICES = st.fixed_dictionaries(
    {
        **{name: st.none() | st.integers(*edges) for name, edges in EDGES.items()},
        "custom_info_for_login": st.none() | st.text(),
        "show_recent_login_info": st.none() | st.booleans(),
    }
)


@given(st.sampled_from(["v3", "v5"]), CHOICES, CHOICES)
def test_what_is_written_leaves_no_difference(api, shown, wanted):
    policy = LoginPolicy(api, LoginPolicy(api, {}).merged(shown))
    todo = differences(policy.settings(), wanted)
    assert differences(LoginPolicy(api, policy.merged(todo)).settings(), wanted) == {}


# Against the rehearsal cloud


def stored(cloud):
    """The policy as the cloud keeps it, whole."""
    return cloud.cloud.accounts[0].policies.get("login", policies.LOGIN_DEFAULTS)


def test_policy_is_shown_by_each_cloud(any_cloud):
    result = any_cloud.run(LOGIN_POLICY_INFO)
    by_v5 = any_cloud.cloud.settings.profile == "huaweicloud"
    assert result == {"changed": False, "api": "v5" if by_v5 else "v3", "login_policy": AT_FIRST}
    assert any_cloud.writes() == []
    assert any_cloud.run(LOGIN_POLICY_INFO, api="v3")["login_policy"] == AT_FIRST


def test_second_run_changes_nothing(any_cloud):
    first = any_cloud.run(LOGIN_POLICY, **STRICT)
    assert (first["changed"], first["login_policy"]) == (True, STRICT)
    any_cloud.handle.clear_log()
    again = any_cloud.run(LOGIN_POLICY, **STRICT)
    assert (again["changed"], again["login_policy"]) == (False, STRICT)
    assert any_cloud.writes() == []


def test_nothing_given_changes_nothing(cloud):
    assert cloud.run(LOGIN_POLICY)["changed"] is False
    assert cloud.writes() == []


@pytest.mark.parametrize("resets", [False, True])
@pytest.mark.parametrize(("api", "route"), [("v5", "v5-login-policy-put"), ("v3", "login-policy-put")])
def test_change_of_one_setting_keeps_all_others_and_the_addresses(start, resets, api, route):
    cloud = start(partial_policies_reset=resets)
    cloud.cloud.accounts[0].policies["login"] = {
        **policies.LOGIN_DEFAULTS,
        "session_timeout": 30,
        "allow_ip_ranges": [OFFICE],
        "allow_address_netmasks": [{"address_netmask": "198.51.100.0/24"}],
        "x_future": {"kept": "still"},
    }
    before = copy.deepcopy(stored(cloud))
    assert cloud.run(LOGIN_POLICY, api=api, login_failed_times=3)["changed"]
    assert stored(cloud) == {**before, "login_failed_times": 3}
    assert cloud.writes() == [route]


def test_addresses_go_back_as_they_were_read(cloud):
    cloud.cloud.accounts[0].policies["login"] = {**policies.LOGIN_DEFAULTS, "allow_ip_ranges": [OFFICE]}
    cloud.run(LOGIN_POLICY, login_failed_times=3)
    (sent,) = [entry["body"] for entry in cloud.log if entry["method"] == "PUT"]
    assert sent["allow_ip_ranges"] == [OFFICE]
    assert sent["allow_ip_ranges_ipv6"] == policies.LOGIN_DEFAULTS["allow_ip_ranges_ipv6"]


def test_addresses_are_not_sent_where_the_cloud_has_none_in_the_policy(otc):
    otc.run(LOGIN_POLICY, login_failed_times=3)
    (sent,) = [entry["body"] for entry in otc.log if entry["method"] == "PUT"]
    assert sent == {"login_policy": {**AT_FIRST, "login_failed_times": 3}}


def test_check_mode_says_the_same_and_writes_nothing(any_cloud):
    before = copy.deepcopy(stored(any_cloud))
    checked = any_cloud.run(LOGIN_POLICY, check_mode=True, diff=True, **STRICT)
    assert any_cloud.writes() == []
    assert stored(any_cloud) == before
    done = any_cloud.run(LOGIN_POLICY, diff=True, **STRICT)
    assert checked == done
    assert done["diff"] == {"before": AT_FIRST, "after": STRICT}
    assert any_cloud.run(LOGIN_POLICY, check_mode=True, **STRICT)["changed"] is False


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"login_failed_times": 2}, "login_failed_times must be from 3 to 10."),
        ({"session_timeout": 14}, "session_timeout must be from 15 to 1440 minutes."),
        ({"account_validity_period": 241}, "account_validity_period must be from 0 to 240 days."),
        ({"api": "v3", "lockout_duration": 31}, "lockout_duration must be from 15 to 30 minutes"),
        ({"api": "v5", "custom_info_for_login": "<b>"}, "custom_info_for_login must hold none of"),
    ],
)
def test_values_out_of_range_are_refused_before_anything_is_asked(cloud, options, words):
    assert cloud.run(LOGIN_POLICY, **options)["msg"].startswith(words)
    assert cloud.log == []


@pytest.mark.parametrize("check_mode", [False, True])
def test_what_the_answering_api_does_not_take_is_refused_before_the_write(cloud, otc, check_mode):
    assert otc.run(LOGIN_POLICY, lockout_duration=60, check_mode=check_mode)["msg"].startswith("lockout_duration must be from 15 to 30")
    assert cloud.run(LOGIN_POLICY, custom_info_for_login="a&b", check_mode=check_mode)["msg"].startswith("custom_info_for_login must hold")
    assert otc.writes() == cloud.writes() == []
    assert cloud.run(LOGIN_POLICY, lockout_duration=60)["login_policy"]["lockout_duration"] == 60
    assert otc.run(LOGIN_POLICY, custom_info_for_login="a&b")["login_policy"]["custom_info_for_login"] == "a&b"


@pytest.mark.parametrize("check_mode", [True, False])
def test_what_another_api_has_set_is_refused_before_the_write_where_it_is_sent_along(cloud, check_mode):
    cloud.run(LOGIN_POLICY, lockout_duration=600)
    cloud.handle.clear_log()
    result = cloud.run(LOGIN_POLICY, api="v3", session_timeout=33, check_mode=check_mode)
    assert result["msg"] == "lockout_duration is 600, which v3.0 does not take: give 15 to 30, or api=v5."
    assert cloud.writes() == []
    assert cloud.run(LOGIN_POLICY, api="v3", session_timeout=33, lockout_duration=30, check_mode=check_mode)["changed"]
    cloud.run(LOGIN_POLICY, api="v3", custom_info_for_login="ask R&D", lockout_duration=30)
    cloud.handle.clear_log()
    result = cloud.run(LOGIN_POLICY, session_timeout=34, check_mode=check_mode)
    assert result["msg"].startswith("custom_info_for_login holds one of") and result["msg"].endswith("give another text, or api=v3.")
    assert cloud.writes() == []
    assert cloud.run(LOGIN_POLICY, api="v3", session_timeout=34, check_mode=check_mode)["changed"]


def test_what_somebody_else_sets_meanwhile_is_refused_before_it_is_sent_again(cloud):
    cloud.handle.fault("cut:login-policy-put:1")

    def set_by_v5(_seconds):
        cloud.cloud.accounts[0].policies["login"] = {**policies.LOGIN_DEFAULTS, "lockout_duration": 600}

    params = validated(LOGIN_POLICY, {"iam_endpoint": cloud.url, **cloud.by_key(), "api": "v3", "session_timeout": 33})
    connections = ImpatientConnections(Impatient(set_by_v5), params, {}, lambda: True, {})
    with pytest.raises(OptionError, match=r"^lockout_duration is 600, which v3\.0 does not take"):
        work_policy(Context(params, False, False, connections))
    assert cloud.routes().count("login-policy-put") == 1


def test_what_is_so_already_is_no_error_whatever_the_answering_api_takes(cloud):
    cloud.run(LOGIN_POLICY, lockout_duration=1440)
    cloud.handle.fault("forbid:v5-login-policy-get")
    result = cloud.run(LOGIN_POLICY, lockout_duration=1440)
    assert (result["changed"], result["api"]) == (False, "v3")


@pytest.mark.parametrize("fault", ["forbid", "status=404", "status=401", "html=404"])
def test_v3_is_asked_where_v5_is_not_granted_and_stays_the_one(cloud, fault):
    cloud.handle.fault(f"{fault}:v5-login-policy-get:1")
    result = cloud.run(LOGIN_POLICY, login_failed_times=3)
    assert (result["changed"], result["api"]) == (True, "v3")
    assert cloud.routes() == ["domains", "v5-login-policy-get", "login-policy-get", "login-policy-put", "login-policy-get"]


def test_v5_alone_is_asked_where_it_is_demanded(otc, cloud):
    assert otc.run(LOGIN_POLICY_INFO, api="v5")["error"]["status"] == 404
    assert "login-policy-get" not in otc.routes()
    cloud.handle.fault("status=503:v5-login-policy-get")
    assert cloud.run(LOGIN_POLICY_INFO, retries=0)["error"]["status"] == 503
    assert "login-policy-get" not in cloud.routes()


@pytest.mark.parametrize("route", ["v5-login-policy-put", "login-policy-put"])
@pytest.mark.parametrize(("fault", "writes"), [("lose", 1), ("cut", 2), ("half", 1), ("status=502", 2)])
def test_lost_answer_is_answered_by_reading(cloud, route, fault, writes):
    cloud.handle.fault(f"{fault}:{route}:1")
    result = cloud.run(LOGIN_POLICY, impatient=True, api="v5" if route.startswith("v5") else "v3", login_failed_times=3)
    assert result["changed"]
    assert stored(cloud)["login_failed_times"] == 3
    assert cloud.routes().count(route) == writes
    assert cloud.routes().count(route.replace("put", "get")) == 1 + writes


def test_change_that_comes_to_nothing_is_an_error(any_cloud):
    any_cloud.handle.fault("noop")
    result = any_cloud.run(LOGIN_POLICY, impatient=True, login_failed_times=3, session_timeout=30)
    assert "still shows the old login_failed_times and session_timeout" in result["msg"]
    assert len(any_cloud.writes()) == 1


def test_fields_that_nobody_knows_change_nothing(any_cloud):
    any_cloud.handle.fault("extra")
    assert any_cloud.run(LOGIN_POLICY, **STRICT)["login_policy"] == STRICT
    assert any_cloud.run(LOGIN_POLICY, **STRICT)["changed"] is False


def test_user_who_does_not_administer_is_refused(any_cloud):
    result = any_cloud.run(LOGIN_POLICY, credentials=any_cloud.by_key(any_cloud.users[0]), login_failed_times=3)
    assert (result["error"]["status"], result["error"]["code"]) == (403, "IAM.0003")
    assert any_cloud.writes() == []


def test_account_is_named_by_an_option_where_the_cloud_does_not_tell_it(start):
    cloud = start(profile="otc", domains_empty=True)
    assert cloud.run(LOGIN_POLICY, login_failed_times=3)["msg"].startswith("auth_domain_id is missing")
    named = {**cloud.by_key(), "auth_domain_id": cloud.cloud.accounts[0].domain_id}
    assert cloud.run(LOGIN_POLICY, credentials=named, login_failed_times=3)["changed"]


@pytest.mark.parametrize("body", [{"login_policy": []}, {"login_policy": None}, {}])
def test_answer_of_another_form_is_never_written_back(cloud, script, body):
    server = script((200, body))
    result = cloud.run(LOGIN_POLICY, iam_endpoint=server.url, api="v5", login_failed_times=3)
    assert "login_policy" in result["msg"]
    assert {method for method, *_rest in server.requests} == {"GET"}
    assert json.dumps(result)
