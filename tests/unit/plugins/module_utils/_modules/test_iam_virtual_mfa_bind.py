# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import time

import pytest
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import OptionError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.iam import Device
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.totp import ServerClock, totp
from ansible_collections.hwc.mfa.plugins.module_utils._modules.codes import Codes
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_mfa_info import MFA_INFO
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_virtual_mfa_bind import BIND, binding_diff, obstacle
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_virtual_mfa_device import DEVICE
from ansible_collections.hwc.mfa.plugins.module_utils._runner.masking import shown
from ansible_collections.hwc.mfa.tests.unit.rehearsal import validated

SEED = "JBSWY3DPEHPK3PXP"
BINDS = {"bind", "v5-enable"}
UNBINDS = {"unbind", "v5-disable"}


def is_v5(cloud):
    return cloud.cloud.settings.profile == "huaweicloud"


def own(user, how="key"):
    return {"password": {"auth_password": user.password}, "key": {"access_key": user.access_key, "secret_key": user.secret_key}}[how]


def seeded(cloud, user, **more):
    return {"user_id": user.id, "seed": user.device.seed, **own(user), **more}


def only(result):
    assert len(result["bindings"]) == 1
    return result["bindings"][0]


# Pure decisions


def test_obstacles_to_a_binding():
    device = Device("u", "s", "unbound")
    assert "no virtual MFA device" in obstacle(None, None)
    assert "is s and not the serial_number" in obstacle(device, "t")
    assert obstacle(device, None) is None
    assert obstacle(device, "s") is None


@pytest.mark.parametrize(
    ("item", "named"),
    [
        ({}, "seed, or authentication_code_first"),
        ({"authentication_code_first": "123456"}, "go together"),
        ({"authentication_code_second": "123456"}, "go together"),
        ({"authentication_code_first": "123456", "authentication_code_second": "123456"}, "are the same"),
        ({"authentication_code_first": "12345", "authentication_code_second": "123456"}, "authentication_code_first must be"),
        ({"authentication_code_first": "123456", "authentication_code_second": "1234567"}, "authentication_code_second must be"),
        ({"authentication_code_first": "123456", "seed": SEED}, "are mutually exclusive"),
        ({"seed": "not base32!"}, "seed is not a base32 seed"),
    ],
)
def test_codes_that_cannot_bind_are_refused_without_being_shown(item, named):
    with pytest.raises(OptionError, match=named) as caught:
        Codes(item, needed=True)
    assert SEED not in str(caught.value)
    assert "123456" not in str(caught.value)
    assert "not base32!" not in str(caught.value)


def test_typed_codes_are_taken_as_they_are():
    codes = Codes({"authentication_code_first": "000001", "authentication_code_second": "000002"}, needed=True)
    assert codes.pair(ServerClock(), None) == ("000001", "000002")
    assert codes.current(ServerClock(), None) == "000002"


class Watch:
    """A local clock that goes on only while somebody sleeps."""

    def __init__(self, now):
        self.now = now
        self.slept = []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


@pytest.mark.parametrize(("into", "slept"), [(10.0, 0.0), (27.0, 0.0), (28.0, 2.0), (29.9, 0.1)])
def test_codes_of_a_seed_wait_for_a_safe_moment(into, slept):
    watch = Watch(1_700_000_010.0 + into)
    codes = Codes({"seed": SEED}, needed=True).pair(ServerClock(watch), watch.sleep)
    assert sum(watch.slept) == pytest.approx(slept, abs=1e-3)
    assert codes == (totp(SEED, watch.now - 30), totp(SEED, watch.now))
    assert watch.now % 30 < 27.01


def logins_before_the_first_code(start, into_step, **of_one):
    """The cloud, a result, and how many logins came before the first code, where users bind one after the other from this second of a step on."""
    rehearsal = start(users=6, clock_offset=into_step - time.time() % 30)
    items = []
    for user in rehearsal.users:
        device = rehearsal.cloud.give_device(user.id)
        items.append(
            {
                "user_id": user.id,
                "serial_number": device.serial_number,
                "seed": device.seed,
                "presume_unbound": True,
                **own(user, "password"),
            }
        )
    items[-1].update(of_one)
    result = rehearsal.run(BIND, impatient=True, concurrency=1, bindings=items)
    routes = rehearsal.routes()
    return rehearsal, result, routes[: routes.index("v5-enable")].count("login")


def test_users_log_in_while_the_next_step_is_waited_for(start):
    rehearsal, result, before = logins_before_the_first_code(start, 28.0)
    assert "failed" not in result
    assert before == rehearsal.routes().count("login") == len(rehearsal.users)


def test_nobody_logs_in_before_their_turn_in_the_middle_of_a_step(start):
    _rehearsal, result, before = logins_before_the_first_code(start, 6.0)
    assert "failed" not in result
    assert before == 1


def test_login_that_is_refused_ahead_of_its_turn_is_not_sent_again(start):
    rehearsal, result, before = logins_before_the_first_code(start, 28.0, auth_password="wrong")
    assert [each["failed"] for each in result["bindings"]] == [False] * (len(rehearsal.users) - 1) + [True]
    assert "401" in json.dumps(result["bindings"][-1]["error"])
    assert before == rehearsal.routes().count("login") == len(rehearsal.users)


@pytest.mark.parametrize("more", [{"auth_passcode": "123456"}, {"presume_unbound": False}, {"serial_number": None}])
def test_nobody_logs_in_ahead_whose_code_would_grow_old_or_who_may_have_a_bound_device(start, more):
    rehearsal, _result, before = logins_before_the_first_code(start, 28.0, **more)
    assert before == len(rehearsal.users) - 1


def test_diff_shows_only_who_changes():
    outcomes = [
        {"user_id": "a", "changed": True, "binding": "bound"},
        {"user_id": "b", "changed": False, "binding": "bound"},
        {"user_id": "c", "changed": True, "binding": "unbound"},
        {"user_id": "d", "changed": True, "binding": "unknown"},
    ]
    assert binding_diff(outcomes) == {
        "before": {"a": "unbound", "c": "bound", "d": "unknown"},
        "after": {"a": "bound", "c": "unbound", "d": "unknown"},
    }


# The table of DESIGN 3


@pytest.mark.parametrize("check_mode", [True, False])
def test_user_without_a_device_fails_and_is_told_so(any_cloud, check_mode):
    user = any_cloud.users[0]
    result = any_cloud.run(BIND, check_mode=check_mode, bindings=[{"user_id": user.id, "seed": SEED, **own(user)}])
    assert result["failed"]
    assert not result["changed"]
    assert "no virtual MFA device" in only(result)["msg"]
    assert any_cloud.writes() == []


@pytest.mark.parametrize("check_mode", [True, False])
def test_another_serial_fails_and_is_told_so(any_cloud, check_mode):
    user = any_cloud.users[0]
    device = any_cloud.cloud.give_device(user.id)
    result = any_cloud.run(BIND, check_mode=check_mode, impatient=True, bindings=[seeded(any_cloud, user, serial_number="other")])
    assert device.serial_number in only(result)["msg"]
    assert only(result)["failed"]
    assert any_cloud.writes() == []


@pytest.mark.parametrize("check_mode", [True, False])
def test_bound_device_spends_no_code(cloud, check_mode):
    user = cloud.users[0]
    device = cloud.cloud.give_device(user.id, bound=True)
    result = cloud.run(BIND, check_mode=check_mode, bindings=[seeded(cloud, user)])
    assert only(result) == {
        "failed": False, "user_id": user.id, "serial_number": device.serial_number, "binding": "bound", "changed": False,
    }  # fmt: skip
    assert "failed" not in result
    assert cloud.writes() == []


def test_unbound_device_is_bound(cloud):
    user = cloud.users[0]
    cloud.cloud.give_device(user.id)
    checked = cloud.run(BIND, check_mode=True, diff=True, bindings=[seeded(cloud, user)])
    assert cloud.writes() == []
    done = cloud.run(BIND, diff=True, bindings=[seeded(cloud, user)])
    assert checked == done
    assert only(done)["binding"] == "bound"
    assert done["changed"]
    assert done["diff"] == {"before": {user.id: "unbound"}, "after": {user.id: "bound"}}
    assert user.device.bound
    assert cloud.cloud.counters.wrong_codes == 0


def test_device_that_v3_cannot_tell_is_bound(otc):
    user = otc.users[0]
    otc.cloud.give_device(user.id)
    checked = only(otc.run(BIND, check_mode=True, bindings=[seeded(otc, user)]))
    assert (checked["changed"], checked["binding"]) == (True, "unknown")
    assert otc.writes() == []
    done = only(otc.run(BIND, bindings=[seeded(otc, user)]))
    assert (done["changed"], done["binding"]) == (True, "bound")
    assert user.device.bound


def test_conflict_on_v3_means_that_it_was_bound(otc):
    user = otc.users[0]
    otc.cloud.give_device(user.id, bound=True)
    done = only(otc.run(BIND, bindings=[seeded(otc, user)]))
    assert (done["changed"], done["binding"], done["failed"]) == (False, "bound", False)
    assert otc.routes().count("bind") == 1


def test_second_run_changes_nothing_and_spends_no_code(any_cloud):
    cloud = any_cloud
    for user in cloud.users:
        cloud.cloud.give_device(user.id)
    items = [seeded(cloud, user) for user in cloud.users]
    assert cloud.run(BIND, bindings=items)["changed"]
    used = {user.id: set(user.used_codes) for user in cloud.users}
    cloud.handle.reset_counters()
    again = cloud.run(BIND, bindings=items)
    assert not again["changed"]
    assert "failed" not in again
    assert {user.id: user.used_codes for user in cloud.users} == used
    assert cloud.cloud.counters.writes == cloud.cloud.counters.wrong_codes == cloud.cloud.counters.refused_codes == 0
    if is_v5(cloud):
        assert cloud.writes() == []


# Codes and seeds


def test_binding_without_a_seed_or_codes_is_refused_before_anything_is_sent(cloud):
    user = cloud.users[0]
    cloud.cloud.give_device(user.id)
    outcome = only(cloud.run(BIND, bindings=[{"user_id": user.id, **own(user)}]))
    assert outcome["msg"].startswith("seed, or authentication_code_first and authentication_code_second, must be given")
    assert cloud.log == []


def test_seeds_and_codes_are_hidden_in_what_is_shown_of_the_options():
    item = {"user_id": "u", "seed": SEED, "authentication_code_first": "111222", "authentication_code_second": "333444"}
    for params in (item, {"bindings": [item]}):
        text = json.dumps(shown(BIND, params, {}, set()))
        assert not any(secret in text for secret in (SEED, "111222", "333444"))


def test_typed_codes_bind(any_cloud):
    user = any_cloud.users[0]
    any_cloud.cloud.give_device(user.id)
    first, second = any_cloud.cloud.code(user.id, -1), any_cloud.cloud.code(user.id)
    item = {"user_id": user.id, "authentication_code_first": first, "authentication_code_second": second, **own(user)}
    assert any_cloud.run(BIND, bindings=[item])["changed"]
    assert user.device.bound


def test_wrong_codes_are_sent_once(any_cloud):
    user = any_cloud.users[0]
    any_cloud.cloud.give_device(user.id)
    item = {"user_id": user.id, "authentication_code_first": "000000", "authentication_code_second": "111111", **own(user)}
    outcome = only(any_cloud.run(BIND, bindings=[item]))
    assert outcome["error"]["code"].endswith("1061")
    assert "two consecutive codes" in outcome["msg"]
    assert outcome["binding"] == "unknown"
    assert not outcome["changed"]
    assert any_cloud.cloud.counters.wrong_codes == 1


def test_codes_are_made_on_the_servers_clock(start):
    cloud = start(clock_offset=10 * 30.0 + 300)
    cloud.handle.advance((6 - cloud.cloud.now()) % 30)
    user = cloud.users[0]
    cloud.cloud.give_device(user.id)
    assert cloud.run(BIND, bindings=[seeded(cloud, user)])["changed"]
    assert cloud.cloud.counters.wrong_codes == 0


def test_nothing_secret_is_in_any_result(any_cloud):
    user = any_cloud.users[0]
    device = any_cloud.cloud.give_device(user.id)
    for item in (
        seeded(any_cloud, user),
        seeded(any_cloud, user, serial_number="x"),
        {**seeded(any_cloud, user), "seed": device.seed[:-1] + "!"},
    ):
        text = json.dumps(any_cloud.run(BIND, diff=True, impatient=True, bindings=[item]))
        for secret in (device.seed, user.secret_key, user.password, any_cloud.admin.secret_key):
            assert secret not in text
            assert secret[:-1] not in text


# Who binds


@pytest.mark.parametrize("how", ["password", "key", "token"])
def test_users_own_credentials_bind_and_the_modules_read(any_cloud, how):
    cloud = any_cloud
    user = cloud.users[0]
    cloud.cloud.give_device(user.id)
    mine = cloud.by_token(user) if how == "token" else own(user, how)
    assert cloud.run(BIND, bindings=[{"user_id": user.id, "seed": user.device.seed, **mine}])["changed"]
    assert user.device.bound
    callers = {entry["route"]: entry["user_id"] for entry in cloud.log}
    assert all(callers[route] == user.id for route in BINDS & set(callers))
    assert callers["v5-list" if is_v5(cloud) else "get-device"] == cloud.admin.id


@pytest.mark.parametrize("how", ["password", "key", "token"])
def test_single_user_binds_with_the_modules_credentials(any_cloud, how):
    cloud = any_cloud
    user = cloud.users[0]
    cloud.cloud.give_device(user.id)
    mine = {"password": cloud.by_password, "key": cloud.by_key, "token": cloud.by_token}[how](user)
    result = cloud.run(BIND, credentials=mine, user_id=user.id, seed=user.device.seed)
    assert only(result)["binding"] == "bound"
    assert user.device.bound


def test_items_need_no_credentials_of_the_module(any_cloud):
    cloud = any_cloud
    user = cloud.users[0]
    cloud.cloud.give_device(user.id)
    for how in ("password", "key"):
        item = {"user_id": user.id, "seed": user.device.seed, **own(user, how)}
        assert not cloud.run(BIND, credentials={}, bindings=[item]).get("failed")
    assert user.device.bound


def test_no_credentials_at_all_is_an_error_that_says_what_to_give(cloud):
    result = cloud.run(BIND, credentials={}, user_id=cloud.users[0].id, seed=SEED)
    assert "No credentials: give access_key and secret_key" in result["msg"]
    assert cloud.log == []


@pytest.mark.parametrize("profile", ["huaweicloud", "otc"])
def test_administrator_who_binds_for_others_is_told_who_may(start, profile):
    any_cloud = start(profile=profile, admin_may_bind_v5=False)
    user = any_cloud.users[0]
    any_cloud.cloud.give_device(user.id)
    result = any_cloud.run(BIND, user_id=user.id, seed=user.device.seed)
    assert result["error"]["status"] == 403
    assert "Only the user may bind their device" in result["msg"]
    assert not user.device.bound


def test_administrator_whom_v5_lets_bind_binds(start):
    cloud = start()
    user = cloud.users[0]
    cloud.cloud.give_device(user.id)
    assert cloud.run(BIND, user_id=user.id, seed=user.device.seed)["changed"]
    assert cloud.routes() == ["domains", "v5-list", "get-device", "v5-enable"]


@pytest.mark.parametrize("api", ["v3", "v5"])
def test_api_that_is_named_is_the_only_one_used(cloud, api):
    user = cloud.users[0]
    cloud.cloud.give_device(user.id)
    assert cloud.run(BIND, api=api, bindings=[seeded(cloud, user)])["changed"]
    # v3.0 alone tells the kind of what v5 lists.
    routes = [route for route in cloud.routes() if route != "domains"]
    assert routes == (["v5-list", "get-device", "v5-enable"] if api == "v5" else ["get-device", "bind"])


def test_v5_that_is_asked_for_and_not_there_is_an_error(otc):
    user = otc.users[0]
    otc.cloud.give_device(user.id)
    assert only(otc.run(BIND, api="v5", bindings=[seeded(otc, user)]))["failed"]
    assert otc.writes() == []


def test_v5_that_is_not_granted_falls_back_to_v3(cloud):
    user = cloud.users[0]
    cloud.cloud.give_device(user.id)
    cloud.handle.fault("forbid:v5-list")
    assert cloud.run(BIND, bindings=[seeded(cloud, user)])["changed"]
    assert cloud.writes() == ["bind"]


# Many at once


def test_many_users_whose_serials_are_known_are_read_at_once(start):
    cloud = start(users=12)
    for user in cloud.users:
        cloud.cloud.give_device(user.id)
    items = [seeded(cloud, user, serial_number=user.device.serial_number) for user in cloud.users]
    assert cloud.run(BIND, bindings=items)["changed"]
    assert cloud.routes().count("v5-list") == cloud.routes().count("list-devices") == 1
    assert "get-device" not in cloud.routes()


def test_one_bad_user_stops_nobody_and_the_order_stays(start):
    cloud = start(users=20)
    for user in cloud.users:
        if user is not cloud.users[10]:
            cloud.cloud.give_device(user.id)
    items = [{"user_id": user.id, "seed": user.device.seed if user.device else SEED, **own(user)} for user in cloud.users]
    result = cloud.run(BIND, bindings=items, concurrency=16)
    assert [outcome["user_id"] for outcome in result["bindings"]] == [user.id for user in cloud.users]
    assert [number for number, outcome in enumerate(result["bindings"]) if outcome["failed"]] == [10]
    assert sum(user.device is not None and user.device.bound for user in cloud.users) == 19
    assert result["failed"]
    assert result["changed"]
    assert result["msg"].startswith(f"1 of 20 users failed; the first is {cloud.users[10].id}: ")
    # The account was listed once, not once a user.
    assert cloud.routes().count("v5-list") == 1


def test_unknown_user_first_does_not_make_v5_forgotten_for_the_others(cloud):
    user = cloud.users[0]
    cloud.cloud.give_device(user.id, bound=True)
    items = [{"user_id": "f" * 32, "seed": SEED, **own(cloud.users[1])}, seeded(cloud, user)]
    result = cloud.run(BIND, bindings=items, concurrency=1)
    assert [outcome["failed"] for outcome in result["bindings"]] == [True, False]
    assert result["bindings"][1]["binding"] == "bound"
    assert cloud.writes() == []


def test_same_user_twice_is_refused_before_anything_is_written(cloud):
    user = cloud.users[0]
    cloud.cloud.give_device(user.id)
    assert "appears more than once in the list" in cloud.run(BIND, bindings=[seeded(cloud, user), seeded(cloud, user)])["msg"]
    assert cloud.writes() == []


def test_empty_user_id_and_empty_list_are_understood(cloud):
    assert cloud.run(BIND, user_id="", seed=SEED)["msg"] == "user_id must not be empty."
    assert cloud.run(BIND, user_name="", seed=SEED)["msg"] == "user_name must not be empty."
    assert cloud.run(BIND, user_name=None, seed=SEED)["msg"] == "user_id must not be empty."
    assert cloud.run(BIND, bindings=[]) == {"changed": False, "bindings": []}


@pytest.mark.parametrize("concurrency", [0, -1, 257])
def test_concurrency_out_of_its_range_is_refused(cloud, concurrency):
    assert "concurrency must be from 1 to 256" in cloud.run(BIND, bindings=[], concurrency=concurrency).get("msg", "")


def test_concurrency_bounds_what_is_under_way(start):
    cloud = start(users=12, latency_ms=5)
    for user in cloud.users:
        cloud.cloud.give_device(user.id)
    assert cloud.run(BIND, bindings=[seeded(cloud, user) for user in cloud.users], concurrency=3)["changed"]
    assert cloud.handle.max_in_flight <= 3


# Lost answers


def test_bind_whose_answer_was_lost_is_read_and_changed(cloud):
    user = cloud.users[0]
    cloud.cloud.give_device(user.id)
    cloud.handle.fault("lose:v5-enable:1")
    outcome = only(cloud.run(BIND, impatient=True, bindings=[seeded(cloud, user)]))
    assert (outcome["changed"], outcome["binding"], outcome["failed"]) == (True, "bound", False)
    assert cloud.routes().count("v5-enable") == 1
    assert "bind" not in cloud.routes()


def test_bind_that_never_arrived_fails_and_is_not_sent_again(cloud):
    user = cloud.users[0]
    cloud.cloud.give_device(user.id)
    cloud.handle.fault("cut:v5-enable:1")
    outcome = only(cloud.run(BIND, impatient=True, bindings=[seeded(cloud, user)]))
    assert outcome["failed"]
    assert "run again, with new codes" in outcome["msg"]
    assert cloud.writes() == ["v5-enable"]
    assert only(cloud.run(BIND, bindings=[seeded(cloud, user)]))["changed"]


def test_bind_whose_answer_was_lost_on_v3_is_unknown_until_the_next_run(otc):
    user = otc.users[0]
    otc.cloud.give_device(user.id)
    otc.handle.fault("lose:bind:1")
    outcome = only(otc.run(BIND, impatient=True, bindings=[seeded(otc, user)]))
    assert (outcome["failed"], outcome["binding"]) == (True, "unknown")
    assert "run again" in outcome["msg"]
    assert otc.routes().count("bind") == 1
    again = only(otc.run(BIND, bindings=[seeded(otc, user)]))
    assert (again["failed"], again["changed"], again["binding"]) == (False, False, "bound")


def test_binding_that_shows_late_is_waited_for_when_the_answer_was_lost(start):
    cloud = start(stale=0.9)
    user = cloud.users[0]
    cloud.cloud.give_device(user.id)
    cloud.handle.advance(30)
    cloud.handle.fault("lose:v5-enable:1")
    outcome = only(cloud.run(BIND, impatient=True, bindings=[seeded(cloud, user)]))
    assert (outcome["changed"], outcome["binding"], outcome["failed"]) == (True, "bound", False)
    assert cloud.writes() == ["v5-enable"]


def test_device_that_is_gone_when_the_answer_was_lost_is_not_known_to_be_bound(any_cloud):
    user = any_cloud.users[0]
    any_cloud.handle.fault("cut:bind")
    any_cloud.handle.fault("cut:v5-enable")
    item = {"user_id": user.id, "serial_number": "gone", "seed": SEED, "presume_unbound": True, **own(user)}
    outcome = only(any_cloud.run(BIND, impatient=True, bindings=[item]))
    assert (outcome["failed"], outcome["binding"]) == (True, "unknown")
    assert "run again, with new codes" in outcome["msg"]


@pytest.mark.parametrize("fault", ["status=500:get-device", "forbid:get-device", "cut:get-device"])
def test_reading_that_fails_otherwise_shows_nothing_of_the_device(otc, fault):
    user = otc.users[0]
    otc.cloud.give_device(user.id)
    otc.handle.fault(fault)
    for options in ({"credentials": {}, "bindings": [seeded(otc, user)]}, {"user_id": user.id, "seed": user.device.seed}):
        outcome = only(otc.run(BIND, impatient=True, **{"credentials": otc.by_password(user), **options}))
        assert (outcome["failed"], outcome["binding"]) == (True, "unknown")
    assert otc.writes() == []


def test_reading_that_is_forbidden_is_not_tried_again_with_the_same_credentials(otc):
    user = otc.users[0]
    otc.cloud.give_device(user.id)
    otc.handle.fault("forbid:get-device")
    for options in ({"credentials": {}, "bindings": [seeded(otc, user)]}, {"user_id": user.id, "seed": user.device.seed}):
        otc.handle.clear_log()
        assert only(otc.run(BIND, **options))["error"]["status"] == 403
        assert otc.routes().count("get-device") == 1


def test_code_that_the_module_is_asked_for_says_nothing_of_anybody_else(otc):
    user = otc.users[0]
    otc.cloud.give_device(user.id)
    otc.cloud.give_device(otc.admin.id, bound=True)
    otc.cloud.protect(otc.admin.id)
    outcome = only(otc.run(BIND, credentials=otc.by_password(), bindings=[{"user_id": user.id, "seed": user.device.seed, **own(user)}]))
    assert (outcome["failed"], outcome["binding"]) == (True, "unknown")
    assert "give auth_user_id and auth_passcode" in outcome["msg"]


def test_login_that_asks_for_a_code_shows_that_the_device_is_bound(otc):
    user = otc.users[0]
    otc.cloud.give_device(user.id, bound=True)
    otc.cloud.protect(user.id)
    outcome = only(otc.run(BIND, bindings=[{"user_id": user.id, "seed": user.device.seed, **own(user, "password")}]))
    assert (outcome["failed"], outcome["changed"], outcome["binding"]) == (False, False, "bound")
    assert otc.writes() == []
    outcome = only(otc.run(BIND, credentials=otc.by_password(user), user_id=user.id, seed=user.device.seed))
    assert (outcome["failed"], outcome["changed"], outcome["binding"]) == (False, False, "bound")


def test_stale_reading_after_a_creation_is_waited_out(start):
    cloud = start(stale=0.9)
    user = cloud.users[0]
    with cloud.cloud.lock:
        device = cloud.cloud.create_device(cloud.admin, user.id, "x")
    result = cloud.run(
        BIND, impatient=True, bindings=[{"user_id": user.id, "serial_number": device.serial_number, "seed": device.seed, **own(user)}]
    )
    assert only(result)["binding"] == "bound"
    assert user.device.bound


# One task after the other, where a reading is old


@pytest.fixture
def task(start):
    """Runs a module for the first user of a cloud that shows everything three seconds late; tasks learn from each other, as those of a play."""
    cloud, memory = start(stale=3.0), {}

    def run(definition, **options):
        (outcome,) = cloud.run(definition, memory=memory, impatient=True, **options)[definition.many]
        assert not outcome["failed"], outcome["msg"]
        return outcome

    run.cloud, run.user = cloud, cloud.users[0]
    return run


def test_device_that_was_just_unbound_is_bound_again_though_the_cloud_still_shows_it_as_bound(task):
    task.cloud.cloud.give_device(task.user.id, bound=True)
    item = seeded(task.cloud, task.user)
    assert task(BIND, user_id=task.user.id, state="absent")["changed"]
    task.cloud.handle.advance(30)
    assert (task(BIND, bindings=[item])["changed"], task.user.device.bound) == (True, True)


def test_device_that_was_just_unbound_can_be_unbound_once_more_and_deleted(task):
    task.cloud.cloud.give_device(task.user.id, bound=True)
    assert task(BIND, user_id=task.user.id, state="absent")["changed"]
    again = task(BIND, user_id=task.user.id, state="absent")
    assert (again["changed"], again["binding"]) == (False, "unbound")
    assert task(DEVICE, user_id=task.user.id, state="absent")["changed"]
    assert task.user.device is None


def test_device_that_was_just_created_is_not_created_again_and_is_bound_without_its_serial_number(task):
    made = task(DEVICE, user_id=task.user.id)
    again = task(DEVICE, user_id=task.user.id)
    assert (again["changed"], again["serial_number"]) == (False, made["serial_number"])
    assert task(BIND, bindings=[{"user_id": task.user.id, "seed": made["seed"], **own(task.user)}])["changed"]
    assert task.user.device.bound
    assert task.cloud.writes() == ["v5-create", "v5-enable"]


def test_device_that_was_just_bound_is_unbound_though_the_cloud_still_shows_it_as_unbound(task):
    made = task(DEVICE, user_id=task.user.id)
    task(BIND, bindings=[{"user_id": task.user.id, "seed": made["seed"], "serial_number": made["serial_number"], **own(task.user)}])
    assert task(BIND, user_id=task.user.id, state="absent")["changed"]
    assert not task.user.device.bound


# Unbinding


def test_administrator_unbinds_without_a_code(any_cloud):
    user = any_cloud.users[0]
    any_cloud.cloud.give_device(user.id, bound=True)
    checked = any_cloud.run(BIND, check_mode=True, state="absent", user_id=user.id)
    assert (checked["changed"], only(checked)["binding"]) == (True, "unbound" if is_v5(any_cloud) else "unknown")
    assert any_cloud.writes() == []
    done = any_cloud.run(BIND, state="absent", user_id=user.id)
    assert (only(done)["changed"], only(done)["binding"]) == (True, "unbound")
    assert not user.device.bound
    again = any_cloud.run(BIND, state="absent", user_id=user.id)
    assert (only(again)["changed"], only(again)["failed"], only(again)["binding"]) == (False, False, "unbound")


@pytest.mark.parametrize("how", ["seed", "authentication_code_first", "authentication_code_second"])
def test_user_unbinds_their_own_device_with_its_code(otc, how):
    user = otc.users[0]
    otc.cloud.give_device(user.id, bound=True)
    code = {how: user.device.seed if how == "seed" else otc.cloud.code(user.id)}
    assert only(otc.run(BIND, state="absent", bindings=[{"user_id": user.id, **code, **own(user)}]))["changed"]
    assert not user.device.bound
    assert otc.cloud.counters.wrong_codes == 0


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize("flat", [True, False])
def test_user_who_unbinds_without_a_code_is_refused_before_sending(otc, flat, check_mode):
    user = otc.users[0]
    otc.cloud.give_device(user.id, bound=True)
    if flat:
        result = otc.run(BIND, check_mode=check_mode, state="absent", credentials=otc.by_key(user), user_id=user.id)
    else:
        result = otc.run(BIND, check_mode=check_mode, state="absent", bindings=[{"user_id": user.id, **own(user)}])
    assert "seed or authentication_code_first is needed" in only(result)["msg"]
    assert otc.writes() == []
    assert user.device.bound


def test_nobody_needs_a_code_to_unbind_by_v5(cloud):
    user = cloud.users[0]
    cloud.cloud.give_device(user.id, bound=True)
    binding = {"user_id": user.id, **own(user)}
    checked, done = (cloud.run(BIND, check_mode=check_mode, state="absent", bindings=[binding]) for check_mode in (True, False))
    assert checked == done
    assert only(done)["changed"]


def test_unbinding_a_user_without_a_device_is_nothing_to_do(any_cloud):
    user = any_cloud.users[0]
    outcome = only(any_cloud.run(BIND, state="absent", user_id=user.id))
    assert outcome == {"failed": False, "user_id": user.id, "serial_number": None, "binding": "unbound", "changed": False}
    assert any_cloud.writes() == []


@pytest.mark.parametrize("bound", [True, False])
def test_unbinding_another_serial_is_refused(any_cloud, bound):
    user = any_cloud.users[0]
    any_cloud.cloud.give_device(user.id, bound=bound)
    outcome = only(any_cloud.run(BIND, impatient=True, state="absent", user_id=user.id, serial_number="other"))
    assert outcome["failed"]
    assert any_cloud.writes() == []


def test_unbinding_under_protection_says_to_lift_it(any_cloud):
    user = any_cloud.users[0]
    any_cloud.cloud.give_device(user.id, bound=True)
    any_cloud.cloud.protect(user.id)
    outcome = only(any_cloud.run(BIND, state="absent", user_id=user.id))
    assert outcome["error"]["code"].endswith("1062")
    assert "hwc.mfa.iam_login_protection" in outcome["msg"]
    assert user.device.bound


def test_check_mode_says_that_a_device_under_protection_would_not_be_unbound(any_cloud):
    held, by_sms, free = any_cloud.users[:3]
    for user in (held, by_sms, free):
        any_cloud.cloud.give_device(user.id, bound=True)
    any_cloud.cloud.protect(held.id)
    any_cloud.cloud.protect(by_sms.id, "sms")
    bindings = [{"user_id": user.id} for user in (held, by_sms, free)]
    checked = any_cloud.run(BIND, check_mode=True, state="absent", bindings=bindings)
    assert any_cloud.writes() == []
    done = any_cloud.run(BIND, state="absent", bindings=bindings)
    for result in (checked, done):
        assert [(outcome["failed"], outcome["changed"]) for outcome in result["bindings"]] == [(True, False), (False, True), (False, True)]
    assert checked["bindings"][0]["error"]["code"] == "IAM.1062"
    assert "hwc.mfa.iam_login_protection" in checked["bindings"][0]["msg"]


def test_protection_is_not_asked_for_where_nothing_is_unbound(cloud):
    cloud.cloud.give_device(cloud.users[0].id)
    cloud.cloud.protect(cloud.users[0].id)
    for user in cloud.users[:2]:
        assert not cloud.run(BIND, check_mode=True, state="absent", user_id=user.id)["changed"]
    assert not any(route.startswith("login-protect") for route in cloud.routes())


@pytest.mark.parametrize("status", [403, 404, 405])
def test_check_mode_goes_on_where_the_cloud_does_not_tell_the_protection(cloud, status):
    user = cloud.users[0]
    cloud.cloud.give_device(user.id, bound=True)
    cloud.cloud.protect(user.id)
    cloud.handle.fault(f"status={status}:login-protect-get")
    assert cloud.run(BIND, check_mode=True, state="absent", user_id=user.id)["changed"]


@pytest.mark.parametrize("fault", ["lose", "cut"])
def test_unbinding_whose_answer_was_lost_is_read(cloud, fault):
    user = cloud.users[0]
    cloud.cloud.give_device(user.id, bound=True)
    cloud.handle.fault(f"{fault}:v5-disable:1")
    outcome = only(cloud.run(BIND, impatient=True, state="absent", user_id=user.id))
    assert outcome["failed"] == (fault == "cut") == user.device.bound
    assert outcome["changed"] == (fault == "lose")
    assert ("Whether the device is still bound is not known: run again." in outcome.get("msg", "")) == (fault == "cut")
    assert cloud.writes() == ["v5-disable"]
    # One look before, and after that as many as it takes to see it.
    assert (cloud.routes().count("v5-list") == 2) == (fault == "lose")


def test_unbinding_that_shows_late_is_waited_for_when_the_answer_was_lost(start):
    cloud = start(stale=0.9)
    user = cloud.users[0]
    cloud.cloud.give_device(user.id, bound=True)
    cloud.handle.advance(30)
    cloud.handle.fault("lose:v5-disable:1")
    outcome = only(cloud.run(BIND, impatient=True, state="absent", user_id=user.id))
    assert (outcome["changed"], outcome["binding"], outcome["failed"]) == (True, "unbound", False)


@pytest.mark.parametrize("status", [204, 400, 404])
def test_unbinding_what_v3_cannot_tell_to_be_unbound_is_no_failure(start, status):
    cloud = start(profile="otc", unbind_unbound=status)
    user = cloud.users[0]
    cloud.cloud.give_device(user.id)
    outcome = only(cloud.run(BIND, state="absent", user_id=user.id))
    assert (outcome["failed"], outcome["binding"]) == (False, "unbound")


def test_gateway_that_does_not_know_the_call_says_nothing_of_a_binding(otc):
    user = otc.users[0]
    otc.cloud.give_device(user.id, bound=True)
    otc.handle.fault("unpublished:unbind")
    outcome = only(otc.run(BIND, state="absent", user_id=user.id))
    assert (outcome["failed"], outcome["binding"], outcome["error"]["code"]) == (True, "unknown", "APIGW.0101")


def test_conflict_on_unbinding_what_v3_cannot_tell_means_that_it_was_unbound(otc):
    user = otc.users[0]
    otc.cloud.give_device(user.id)
    otc.handle.fault("status=409:unbind")
    outcome = only(otc.run(BIND, state="absent", user_id=user.id))
    assert (outcome["failed"], outcome["changed"], outcome["binding"]) == (False, False, "unbound")


# Options


@pytest.mark.parametrize("options", [{}, {"user_id": "u", "bindings": []}, {"bindings": [], "seed": SEED}, {"bindings": [{"seed": SEED}]}])
def test_options_that_exclude_or_need_each_other(options):
    with pytest.raises(AssertionError):
        validated(BIND, options)


@pytest.mark.parametrize("env", [{}, {"HW_DOMAIN_ID": "known"}])
def test_login_of_a_user_is_scoped_to_the_account_however_its_id_is_known(cloud, env):
    user = cloud.users[0]
    seed = cloud.cloud.give_device(user.id).seed
    result = cloud.run(
        BIND,
        env=dict.fromkeys(env, cloud.admin.domain_id),
        bindings=[{"user_id": user.id, "auth_password": user.password, "seed": seed}],
    )
    assert result["changed"]
    logins = [entry["body"]["auth"] for entry in cloud.handle.log if entry["route"] == "login"]
    assert [login["scope"] for login in logins] == [{"domain": {"name": cloud.admin.account.name}}]


# Presumption


def test_device_that_was_just_made_is_bound_without_a_look(any_cloud):
    made = [(user, any_cloud.cloud.give_device(user.id)) for user in any_cloud.users]
    bindings = [
        {
            "user_id": user.id,
            "serial_number": device.serial_number,
            "seed": device.seed,
            "presume_unbound": True,
            **any_cloud.by_token(user),
        }
        for user, device in made
    ]
    any_cloud.handle.clear_log()
    result = any_cloud.run(BIND, bindings=bindings)
    assert [outcome["binding"] for outcome in result["bindings"]] == ["bound"] * len(made)
    assert all(user.device.bound for user in any_cloud.users)
    # One question settles which API to speak, and one is for the account's id.
    assert len(any_cloud.routes()) == len(made) + 2


def test_presumed_beside_a_device_that_is_looked_at_is_bound_by_the_same_api(cloud):
    items = [seeded(cloud, user) for user in cloud.users if cloud.cloud.give_device(user.id)]
    items[0].update(serial_number=cloud.users[0].device.serial_number, presume_unbound=True)
    assert cloud.run(BIND, bindings=items, concurrency=1)["changed"]
    assert set(cloud.writes()) == {"v5-enable"}


def test_wrong_presumption_changes_nothing_and_spends_no_second_code(any_cloud):
    user = any_cloud.users[0]
    device = any_cloud.cloud.give_device(user.id, bound=True)
    item = {"user_id": user.id, "serial_number": device.serial_number, "seed": device.seed, "presume_unbound": True}
    result = any_cloud.run(BIND, bindings=[{**item, **any_cloud.by_token(user)}])
    assert not result["changed"]
    if is_v5(any_cloud):
        assert only(result)["binding"] == "bound"
    else:
        assert (only(result)["binding"], only(result)["error"]["status"]) == ("unknown", 409)
        assert "run again without presume_unbound" in result["msg"]
    assert len(any_cloud.writes()) == 1


@pytest.mark.parametrize("offset", [-40, 40])
def test_codes_follow_the_clouds_clock_though_an_earlier_task_has_asked_all_questions(any_cloud, offset):
    memory = {}
    assert not any_cloud.run(BIND, bindings=[], memory=memory).get("failed")
    assert not any_cloud.run(MFA_INFO, memory=memory).get("failed")
    any_cloud.handle.advance(offset)
    any_cloud.handle.clear_log()
    user = any_cloud.users[0]
    device = any_cloud.cloud.give_device(user.id)
    item = seeded(any_cloud, user, serial_number=device.serial_number, presume_unbound=True)
    assert only(any_cloud.run(BIND, bindings=[item], memory=memory, impatient=True))["binding"] == "bound"
    assert any_cloud.cloud.counters.wrong_codes == 0
    # Nothing else was left to ask.
    assert len(any_cloud.routes()) == 2


def test_presumption_without_a_serial_is_looked_after(any_cloud):
    user = any_cloud.users[0]
    device = any_cloud.cloud.give_device(user.id)
    result = any_cloud.run(BIND, bindings=[{"user_id": user.id, "seed": device.seed, "presume_unbound": True, **any_cloud.by_token(user)}])
    assert only(result)["serial_number"] == device.serial_number
    assert user.device.bound


def test_presumption_without_a_serial_is_none_when_the_task_runs_again(any_cloud):
    user = any_cloud.users[0]
    device = any_cloud.cloud.give_device(user.id, bound=True)
    outcome = only(any_cloud.run(BIND, bindings=[{"user_id": user.id, "seed": device.seed, "presume_unbound": True, **own(user)}]))
    assert (outcome["failed"], outcome["binding"], outcome["changed"]) == (False, "bound", False)


def test_presumption_goes_with_binding_only(cloud):
    first, second = (user.id for user in cloud.users[:2])
    for items in ([{"user_id": first, "presume_unbound": True}], [{"user_id": first, "presume_unbound": True}, {"user_id": second}]):
        result = cloud.run(BIND, bindings=items, state="absent")
        assert result["failed"]
        assert result["msg"].startswith("presume_unbound goes with state=present only")
    assert cloud.routes() == []


@pytest.mark.parametrize("check_mode", [True, False])
def test_name_that_is_given_as_an_id_is_not_unbound(any_cloud, check_mode):
    user = any_cloud.users[0]
    any_cloud.cloud.give_device(user.id, bound=True)
    result = any_cloud.run(BIND, check_mode=check_mode, user_id=user.name, state="absent")
    assert result["failed"]
    assert "a name is given as user_name" in result["msg"]
    assert user.device.bound


def test_presumption_of_the_module_goes_with_no_removal_of_bindings_either(cloud):
    result = cloud.run(BIND, state="absent", presume_unbound=True, bindings=[{"user_id": cloud.users[0].id}])
    assert result["failed"]
    assert "presume_unbound goes with state=present only" in result["msg"]


@pytest.mark.parametrize("check_mode", [True, False])
def test_protection_is_seen_with_nobody_elses_credentials_than_the_users_own(cloud, check_mode):
    user = cloud.users[0]
    cloud.cloud.give_device(user.id, bound=True)
    cloud.cloud.protect(user.id)
    result = cloud.run(BIND, credentials={}, check_mode=check_mode, state="absent", bindings=[{"user_id": user.id, **own(user)}])
    assert (only(result)["changed"], only(result)["error"]["code"]) == (False, "IAM.1062")


@pytest.mark.parametrize("check_mode", [True, False])
def test_administrator_who_binds_by_v3_is_told_who_may(otc, check_mode):
    first, second, third = otc.users[:3]
    for user in (first, second):
        otc.cloud.give_device(user.id)
    items = [{"user_id": first.id, "seed": first.device.seed}, seeded(otc, second)]
    result = otc.run(BIND, check_mode=check_mode, bindings=items)
    assert [(outcome["failed"], outcome["changed"]) for outcome in result["bindings"]] == [(True, False), (False, True)]
    assert "Only the user may bind their device" in result["msg"]
    # A user's own credentials are theirs as the module's, too.
    device = otc.cloud.give_device(third.id)
    assert otc.run(BIND, check_mode=check_mode, credentials=otc.by_key(third), user_id=third.id, seed=device.seed)["changed"]


@pytest.fixture(params=["present", "absent"])
def undone(start, request):
    """Binds or unbinds a user's device. The play has just done the opposite, and the cloud still shows what was before."""
    cloud, memory, state = start(stale=30.0), {}, request.param
    user = cloud.users[0]
    device = cloud.cloud.give_device(user.id, bound=state == "present")
    cloud.handle.advance(40)
    items = {
        "present": {"user_id": user.id, "seed": device.seed, **own(user)},
        "absent": {"user_id": user.id},
    }

    def run(towards, **options):
        return cloud.run(BIND, state=towards, bindings=[items[towards]], memory=memory, **options)

    assert run({"present": "absent", "absent": "present"}[state])["changed"]
    run.cloud, run.user, run.state = cloud, user, state
    return run


def test_write_that_is_refused_leaves_it_known_what_the_play_has_written_before(undone):
    for route in ("v5-enable", "bind", "v5-disable", "unbind"):
        undone.cloud.handle.fault(f"forbid:{route}")
    assert undone(undone.state)["error"]["status"] == 403
    undone.cloud.handle.clear_faults()
    assert only(undone(undone.state))["changed"]
    assert undone.user.device.bound == (undone.state == "present")


def test_what_the_play_itself_has_just_replaced_does_not_show_that_a_write_came_through(undone):
    for route in ("v5-enable", "v5-disable"):
        undone.cloud.handle.fault(f"cut:{route}")
    (outcome,) = undone(undone.state, impatient=True)["bindings"]
    assert (outcome["failed"], outcome["binding"], outcome["error"]["uncertain"]) == (True, "unknown", True)
    assert "run again" in outcome["msg"]
    assert undone.user.device.bound == (undone.state == "absent")


def test_administrator_who_binds_a_device_that_was_just_made_is_not_refused_before_v5_was_asked(cloud):
    user = cloud.users[0]
    device = cloud.cloud.give_device(user.id)
    item = {"user_id": user.id, "serial_number": device.serial_number, "seed": device.seed, "presume_unbound": True}
    assert [cloud.run(BIND, check_mode=check_mode, bindings=[item])["changed"] for check_mode in (True, False)] == [True, True]
