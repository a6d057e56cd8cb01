# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.iam import Protection
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_login_protection import PROTECTION, method_to_send, target
from ansible_collections.hwc.mfa.tests.unit.rehearsal import validated

OFF = Protection("u", False, "none")
SMS = Protection("u", True, "sms")
VMFA = Protection("u", True, "vmfa")


def only(result):
    assert len(result["users"]) == 1
    return result["users"][0]


@pytest.mark.parametrize(
    ("current", "enabled", "method", "becomes"),
    [
        (OFF, True, None, VMFA),
        (SMS, True, None, SMS),
        (VMFA, True, None, VMFA),
        (OFF, True, "sms", SMS),
        (VMFA, True, "sms", SMS),
        (SMS, True, "vmfa", VMFA),
        (OFF, False, None, OFF),
        (SMS, False, None, OFF),
        (VMFA, False, "sms", OFF),
    ],
)
def test_what_a_protection_becomes(current, enabled, method, becomes):
    assert target(current, enabled, method) == becomes


@pytest.mark.parametrize(
    ("current", "wanted", "method", "sent"),
    [(SMS, OFF, None, "sms"), (VMFA, OFF, "email", "email"), (OFF, OFF, None, "vmfa"), (OFF, VMFA, None, "vmfa"), (OFF, SMS, None, "sms")],
)
def test_method_is_sent_also_when_protection_is_switched_off(current, wanted, method, sent):
    assert method_to_send(current, wanted, method) == sent


def test_user_without_a_device_is_required_to_bind_one(any_cloud):
    user = any_cloud.users[0]
    checked = any_cloud.run(PROTECTION, check_mode=True, diff=True, user_id=user.id)
    assert any_cloud.writes() == []
    done = any_cloud.run(PROTECTION, diff=True, user_id=user.id)
    assert checked == done
    assert only(done) == {"failed": False, "user_id": user.id, "enabled": True, "verification_method": "vmfa", "changed": True}
    assert (user.protection.enabled, user.protection.verification_method) == (True, "vmfa")
    before = {"enabled": False, "verification_method": "none"}
    assert done["diff"] == {"before": {user.id: before}, "after": {user.id: {"enabled": True, "verification_method": "vmfa"}}}


def test_second_run_changes_nothing(any_cloud):
    user = any_cloud.users[0]
    any_cloud.run(PROTECTION, user_id=user.id)
    any_cloud.handle.clear_log()
    again = any_cloud.run(PROTECTION, diff=True, user_id=user.id)
    assert not again["changed"]
    assert again["diff"] == {"before": {}, "after": {}}
    assert any_cloud.writes() == []


def test_method_that_is_not_given_is_left_alone(any_cloud):
    user = any_cloud.users[0]
    any_cloud.cloud.protect(user.id, "email")
    assert only(any_cloud.run(PROTECTION, user_id=user.id))["verification_method"] == "email"
    assert any_cloud.writes() == []
    assert any_cloud.run(PROTECTION, user_id=user.id, verification_method="vmfa")["changed"]
    assert user.protection.verification_method == "vmfa"


def test_protection_is_switched_off_once(any_cloud):
    user = any_cloud.users[0]
    any_cloud.cloud.protect(user.id)
    done = any_cloud.run(PROTECTION, user_id=user.id, enabled=False)
    assert only(done)["changed"]
    assert not user.protection.enabled
    assert not any_cloud.run(PROTECTION, user_id=user.id, enabled=False)["changed"]
    assert not any_cloud.run(PROTECTION, user_id=any_cloud.users[1].id, enabled=False)["changed"]
    assert any_cloud.writes() == ["login-protect-put"]


def test_many_users_are_read_at_once_and_one_bad_one_stops_nobody(start):
    cloud = start(users=20)
    ids = [user.id for user in cloud.users]
    users = [{"user_id": user_id} for user_id in [*ids[:9], "f" * 32, *ids[9:]]]
    result = cloud.run(PROTECTION, users=users)
    assert [outcome["user_id"] for outcome in result["users"]] == [item["user_id"] for item in users]
    assert [number for number, outcome in enumerate(result["users"]) if outcome["failed"]] == [9]
    assert result["users"][9]["error"]["code"] == "IAM.0004"
    assert result["users"][9]["enabled"] is None
    assert result["msg"].startswith("1 of 21 users failed")
    assert all(user.held_by_protection for user in cloud.users)
    assert cloud.routes().count("login-protect-list") == 1
    assert "login-protect-get" not in cloud.routes()


@pytest.mark.parametrize(("fault", "writes"), [("lose", 1), ("half", 1), ("cut", 2), ("status=503", 2)])
def test_lost_answer_is_answered_by_looking(any_cloud, fault, writes):
    user = any_cloud.users[0]
    any_cloud.handle.fault(f"{fault}:login-protect-put:1")
    outcome = only(any_cloud.run(PROTECTION, impatient=True, user_id=user.id))
    assert (outcome["failed"], outcome["changed"]) == (False, True)
    assert user.held_by_protection
    assert any_cloud.routes().count("login-protect-put") == writes


@pytest.mark.parametrize(
    ("faults", "uncertain"),
    [
        (["forbid:login-protect-put"], False),
        (["cut:login-protect-put"], True),
        (["status=503:login-protect-put"], True),
        # Of the first write nobody knows, whatever becomes of the next one, or of the look between them.
        (["status=503:login-protect-put:1", "forbid:login-protect-put:2"], True),
        (["status=503:login-protect-put:1", "forbid:login-protect-get:2-9"], True),
    ],
)
def test_error_tells_whether_the_protection_may_have_been_set_all_the_same(any_cloud, faults, uncertain):
    for fault in faults:
        any_cloud.handle.fault(fault)
    outcome = only(any_cloud.run(PROTECTION, impatient=True, user_id=any_cloud.users[0].id))
    assert outcome["failed"]
    assert outcome["error"].get("uncertain", False) is uncertain
    assert ("uncertain" in outcome["error"]) is uncertain


def test_write_that_never_arrives_is_tried_ever_more_slowly_and_then_an_error(any_cloud):
    any_cloud.handle.fault("cut:login-protect-put")
    began = any_cloud.cloud.now()
    outcome = only(any_cloud.run(PROTECTION, impatient=True, user_id=any_cloud.users[0].id, retries=6))
    assert (outcome["failed"], outcome["changed"]) == (True, False)
    assert "the connection to" in outcome["msg"]
    assert any_cloud.routes().count("login-protect-put") == 7
    assert any_cloud.cloud.now() - began == pytest.approx(0.3 + 0.7 + 1.5 + 2.5 + 2.5 + 2.5, abs=0.9)


@pytest.mark.parametrize(("count", "lists"), [(8, 0), (9, 1)])
def test_few_users_are_asked_for_one_by_one(start, count, lists):
    cloud = start(users=9)
    cloud.run(PROTECTION, check_mode=True, users=[{"user_id": user.id} for user in cloud.users[:count]])
    assert cloud.routes().count("login-protect-list") == lists
    assert cloud.routes().count("login-protect-get") == (0 if lists else count)


@pytest.mark.parametrize("check_mode", [True, False])
def test_credentials_that_may_not_list_ask_for_many_users_one_by_one(start, check_mode):
    cloud = start(users=10)
    for user in cloud.users[:2]:
        cloud.cloud.protect(user.id)
    cloud.handle.fault("forbid:login-protect-list")
    result = cloud.run(PROTECTION, check_mode=check_mode, users=[{"user_id": user.id} for user in cloud.users])
    assert [(outcome["failed"], outcome["changed"]) for outcome in result["users"]] == [(False, False)] * 2 + [(False, True)] * 8
    assert cloud.routes().count("login-protect-list") == 1
    assert cloud.routes().count("login-protect-get") == 10


@pytest.mark.parametrize("fault", ["status=500", "cut", "half", "html=502", "html=200"])
def test_listing_that_fails_otherwise_is_a_failure_and_nothing_is_written(start, fault):
    cloud = start(users=9)
    cloud.handle.fault(f"{fault}:login-protect-list")
    result = cloud.run(PROTECTION, impatient=True, users=[{"user_id": user.id} for user in cloud.users])
    assert result["failed"]
    assert "users" not in result
    assert cloud.writes() == []


def test_refusal_says_that_permission_lacks(any_cloud):
    result = any_cloud.run(PROTECTION, credentials=any_cloud.by_key(any_cloud.users[1]), user_id=any_cloud.users[0].id)
    assert result["error"]["status"] == 403
    assert "lack the permission" in result["msg"]


def test_same_user_twice_is_refused(cloud):
    item = {"user_id": cloud.users[0].id}
    assert "appears more than once in the list" in cloud.run(PROTECTION, users=[item, item])["msg"]
    assert cloud.writes() == []


@pytest.mark.parametrize("options", [{}, {"user_id": "u", "users": []}, {"users": [{}]}, {"user_id": "u", "verification_method": "none"}])
def test_options_that_exclude_or_need_each_other(options):
    with pytest.raises(AssertionError):
        validated(PROTECTION, options)


def test_enabled_of_the_module_counts_for_all_users_who_do_not_have_their_own(any_cloud):
    ada, bob, eve = any_cloud.users[:3]
    for user in (ada, bob, eve):
        any_cloud.cloud.protect(user.id)
    lifted = any_cloud.run(
        PROTECTION, enabled=False, users=[{"user_id": ada.id}, {"user_id": bob.id, "enabled": None}, {"user_id": eve.id, "enabled": True}]
    )
    assert [outcome["enabled"] for outcome in lifted["users"]] == [False, False, True]
    assert [user.held_by_protection for user in (ada, bob, eve)] == [False, False, True]
    again = any_cloud.run(PROTECTION, users=[{"user_id": ada.id}, {"user_id": bob.id, "enabled": False}])
    assert [outcome["enabled"] for outcome in again["users"]] == [True, False], "without a word it is on"


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize("enabled", [True, False])
def test_name_that_is_given_as_an_id_is_never_done(any_cloud, enabled, check_mode):
    result = any_cloud.run(PROTECTION, check_mode=check_mode, user_id=any_cloud.users[0].name, enabled=enabled)
    assert result["failed"]
    assert "a name is given as user_name" in result["msg"]
    assert not any_cloud.cloud.counters.protects


def test_id_of_another_form_counts_where_nobody_may_say_whether_it_is_somebodys(cloud):
    cloud.handle.fault("forbid:user")
    result = cloud.run(PROTECTION, user_id="ada", enabled=False)
    assert not result.get("failed")
    assert not result["changed"]


def test_protection_that_was_just_switched_off_is_switched_on_though_the_cloud_still_shows_it(start):
    cloud = start(stale=3.0)
    user = cloud.users[0]
    cloud.cloud.protect(user.id)
    memory = {}
    assert only(cloud.run(PROTECTION, memory=memory, user_id=user.id, enabled=False))["changed"]
    for enabled in (True, False):
        checked = cloud.run(PROTECTION, memory=memory, check_mode=True, diff=True, user_id=user.id, enabled=enabled)
        done = cloud.run(PROTECTION, memory=memory, diff=True, user_id=user.id, enabled=enabled)
        assert checked == done
        assert (only(done)["changed"], user.protection.enabled) == (True, enabled)
    assert cloud.writes() == ["login-protect-put"] * 3


def test_what_was_just_written_is_not_written_again_though_the_cloud_still_shows_what_was_before(start):
    cloud = start(stale=1.5)
    user = cloud.users[0]
    memory = {}
    for changed in (True, False):
        assert only(cloud.run(PROTECTION, memory=memory, user_id=user.id))["changed"] is changed
    assert cloud.writes() == ["login-protect-put"]
    # Somebody else has switched it off since.
    cloud.cloud.protect(user.id, enabled=False)
    assert only(cloud.run(PROTECTION, memory=memory, user_id=user.id))["changed"]


def test_what_was_just_written_is_not_written_again_where_the_cloud_shows_it(any_cloud):
    user = any_cloud.users[0]
    memory = {}
    for changed in (True, False):
        assert only(any_cloud.run(PROTECTION, memory=memory, user_id=user.id))["changed"] is changed
    assert any_cloud.writes() == ["login-protect-put"]


def test_protection_that_somebody_else_has_switched_off_since_is_switched_on_again(any_cloud):
    user = any_cloud.users[0]
    memory = {}
    any_cloud.run(PROTECTION, memory=memory, user_id=user.id)
    any_cloud.cloud.protect(user.id, enabled=False)
    assert only(any_cloud.run(PROTECTION, memory=memory, user_id=user.id))["changed"]
    assert user.protection.enabled


def test_write_that_failed_or_lies_long_ago_is_not_believed_instead_of_the_cloud(any_cloud):
    user = any_cloud.users[0]
    memory = {}
    any_cloud.cloud.protect(user.id, "sms")
    any_cloud.run(PROTECTION, memory=memory, user_id=user.id, verification_method="vmfa")
    any_cloud.handle.fault("status=500:login-protect-put")
    assert only(any_cloud.run(PROTECTION, memory=memory, impatient=True, user_id=user.id, enabled=False))["failed"]
    any_cloud.handle.clear_faults()
    any_cloud.cloud.protect(user.id, enabled=False)
    assert not only(any_cloud.run(PROTECTION, memory=memory, user_id=user.id, enabled=False))["changed"]
    any_cloud.run(PROTECTION, memory=memory, user_id=user.id, enabled=True)
    any_cloud.cloud.protect(user.id, enabled=False)
    for entry in memory[f"written protection {any_cloud.url}"].values():
        entry[0] -= 61
    assert not only(any_cloud.run(PROTECTION, memory=memory, user_id=user.id, enabled=False))["changed"]


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("check_mode", [True, False])
def test_gateways_404_says_nothing_of_a_users_protection(any_cloud, enabled, check_mode):
    user = any_cloud.users[0]
    any_cloud.cloud.protect(user.id)
    any_cloud.handle.fault("unpublished:login-protect-get")
    result = any_cloud.run(PROTECTION, check_mode=check_mode, user_id=user.id, enabled=enabled)
    assert result["users"][0]["failed"]
    assert result["users"][0]["error"]["code"] == "APIGW.0101"
    assert any_cloud.writes() == []


def test_what_was_written_at_one_cloud_says_nothing_of_another(start):
    memory = {}
    for _cloud in range(2):
        # The same to the last id.
        cloud = start()
        assert only(cloud.run(PROTECTION, memory=memory, user_id=cloud.users[0].id))["changed"]
        assert cloud.routes().count("login-protect-get") == 1


def test_write_that_is_refused_leaves_it_known_what_the_play_has_written_before(start):
    cloud = start(stale=30.0)
    memory, user = {}, cloud.users[0]
    assert cloud.run(PROTECTION, user_id=user.id, memory=memory)["changed"]
    cloud.handle.fault("forbid:login-protect-put:1")
    assert cloud.run(PROTECTION, user_id=user.id, enabled=False, memory=memory)["error"]["status"] == 403
    # The cloud still shows what was before the first task.
    assert cloud.run(PROTECTION, user_id=user.id, enabled=False, memory=memory)["changed"]
    assert not user.protection.enabled


@pytest.mark.parametrize("enabled", [True, False])
def test_what_the_play_itself_has_just_replaced_does_not_show_that_a_write_came_through(start, enabled):
    cloud = start(stale=30.0)
    memory, user = {}, cloud.users[0]
    cloud.cloud.protect(user.id, enabled=enabled)
    cloud.handle.advance(40)
    assert cloud.run(PROTECTION, user_id=user.id, enabled=not enabled, memory=memory)["changed"]
    cloud.handle.fault("cut:login-protect-put:1")
    assert cloud.run(PROTECTION, user_id=user.id, enabled=enabled, memory=memory)["changed"]
    assert user.protection.enabled == enabled
    assert cloud.run(PROTECTION, user_id=user.id, enabled=not enabled, memory=memory)["changed"]
    cloud.handle.fault("cut:login-protect-put")
    outcome = cloud.run(PROTECTION, impatient=True, user_id=user.id, enabled=enabled, memory=memory)["users"][0]
    assert (outcome["failed"], outcome["error"]["uncertain"]) == (True, True)
    assert user.protection.enabled != enabled


@pytest.mark.parametrize("enabled", [True, False])
def test_what_was_before_a_write_of_which_nobody_knows_is_written_again_though_the_cloud_shows_it(start, enabled):
    cloud = start(stale=30.0)
    memory, user = {}, cloud.users[0]
    assert cloud.run(PROTECTION, user_id=user.id, memory=memory)["changed"]
    if not enabled:
        assert cloud.run(PROTECTION, user_id=user.id, enabled=False, memory=memory)["changed"]
    # The cloud shows it from now on, and what is written next only later.
    cloud.handle.advance(31)
    cloud.handle.fault("lose:login-protect-put")
    assert cloud.run(PROTECTION, impatient=True, user_id=user.id, enabled=not enabled, memory=memory)["users"][0]["failed"]
    cloud.handle.clear_faults()
    checked = cloud.run(PROTECTION, user_id=user.id, enabled=enabled, memory=memory, check_mode=True)
    done = cloud.run(PROTECTION, user_id=user.id, enabled=enabled, memory=memory)
    assert (checked["changed"], done["changed"], user.protection.enabled) == (True, True, enabled)
