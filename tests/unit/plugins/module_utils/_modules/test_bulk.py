# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import threading
import time

import pytest
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError, OptionError
from ansible_collections.hwc.mfa.plugins.module_utils._modules.bulk import STALE_WAITS, look_until, reconcile, summarize
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_virtual_mfa_bind import BIND


def failure(item):
    return {"user_id": item, "changed": False}


@pytest.mark.parametrize("concurrency", [1, 3, 64])
def test_outcomes_come_in_the_order_of_the_items(concurrency):
    def work(item):
        time.sleep(0.002 * (item % 3))
        return {"user_id": item, "changed": True}

    assert [outcome["user_id"] for outcome in reconcile(range(20), work, failure, concurrency)] == list(range(20))


@pytest.mark.parametrize("concurrency", [1, 4])
def test_failure_of_one_item_is_its_own(concurrency):
    def work(item):
        if item == 1:
            raise CloudError("no", status=404, code="IAM.0004", request_id="r")
        if item == 2:
            raise OptionError("name must be a name.")
        if item == 3:
            raise KeyError("s3cret")
        return {"user_id": item, "changed": True}

    outcomes = reconcile(range(5), work, failure, concurrency)
    assert [outcome["failed"] for outcome in outcomes] == [False, True, True, True, False]
    assert outcomes[1]["error"] == {"status": 404, "code": "IAM.0004", "request_id": "r"}
    assert outcomes[2]["msg"] == "name must be a name."
    assert re.fullmatch(r"unexpected KeyError in test_bulk\.py, line [0-9]+: please report this as a bug of hwc\.mfa\.", outcomes[3]["msg"])
    assert "s3cret" not in str(outcomes)
    result = summarize(outcomes, "things", "things")
    assert (result["changed"], result["failed"]) == (True, True)
    assert result["msg"].startswith("3 of 5 things failed; the first is 1: no (HTTP 404")


def test_no_more_threads_work_than_are_allowed():
    lock, now, most = threading.Lock(), [0], [0]

    def work(item):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.005)
        with lock:
            now[0] -= 1
        return {"user_id": item, "changed": False}

    reconcile(range(12), work, failure, 4)
    assert 1 < most[0] <= 4


@pytest.mark.parametrize(("count", "concurrency", "threads"), [(5, 1, False), (1, 8, False), (2, 2, True), (5, 2, True)])
def test_one_at_a_time_needs_no_thread(count, concurrency, threads):
    def work(item):
        return {"user_id": item, "changed": False, "here": threading.current_thread() is threading.main_thread()}

    assert {outcome["here"] for outcome in reconcile(range(count), work, failure, concurrency)} == {not threads}


@pytest.mark.parametrize("concurrency", [1, 4])
def test_each_item_is_told_when_it_is_done_and_whether_it_failed(concurrency):
    told = []
    lock = threading.Lock()

    def work(item):
        if item == 1:
            raise CloudError("no", status=404)
        if item == 2:
            raise KeyError("a bug")
        return {"user_id": item, "changed": True}

    def done(failed):
        with lock:
            told.append(failed)

    reconcile(range(6), work, failure, concurrency, done)
    assert sorted(told) == [False] * 4 + [True] * 2
    if concurrency == 1:
        assert told == [False, True, True, False, False, False]


def test_item_is_told_of_before_the_next_one_begins():
    events = []
    reconcile(
        "ab", lambda item: events.append(item) or {"user_id": item, "changed": False}, failure, 1, lambda _failed: events.append("done")
    )
    assert events == ["a", "done", "b", "done"]


def test_what_is_seen_is_looked_at_again_until_it_fits():
    seen, slept = iter([1, 2, 3, 4]), []
    assert look_until(lambda: next(seen), lambda value: value == 3, slept.append) == 3
    assert slept == list(STALE_WAITS[:2])
    slept.clear()
    assert look_until(lambda: 0, bool, slept.append) == 0
    assert slept == list(STALE_WAITS)


def test_failure_of_one_is_told_as_it_is_and_of_several_with_their_number():
    bad = {"user_id": "a", "changed": False, "failed": True, "msg": "no.", "error": {"status": 404}}
    good = {"user_id": "b", "changed": False, "failed": False}
    alone, among = summarize([bad], "things", "things"), summarize([good, bad], "things", "things")
    assert (alone["msg"], alone["error"]) == ("no.", {"status": 404})
    assert (among["msg"], among["error"]) == ("1 of 2 things failed; the first is a: no.", {"status": 404})


def test_nothing_to_do_is_no_failure():
    assert summarize(reconcile([], failure, failure, 8), "users", "users") == {"changed": False, "users": []}


# Module credentials that may not see everybody


@pytest.mark.parametrize("profile", ["huaweicloud", "otc"])
@pytest.mark.parametrize("count", [1, 9])
def test_users_are_read_by_themselves_where_the_modules_credentials_may_not(start, profile, count):
    cloud = start(profile=profile, users=10)
    users = cloud.users[:count]
    for user in users:
        cloud.cloud.give_device(user.id)
    items = [{"user_id": user.id, "seed": user.device.seed, "auth_password": user.password} for user in users]
    result = cloud.run(BIND, credentials=cloud.by_key(cloud.users[9]), bindings=items)
    assert not result.get("failed")
    assert all(user.device.bound for user in users)


@pytest.mark.parametrize("given", ["option", "environment", "nothing"])
def test_users_login_is_scoped_to_the_account_of_the_module(otc, given):
    user = otc.users[0]
    otc.cloud.give_device(user.id)
    options = {"auth_domain_name": otc.domain_name} if given == "option" else {}
    env = {"HW_DOMAIN_NAME": otc.domain_name} if given == "environment" else {}
    item = {"user_id": user.id, "seed": user.device.seed, "auth_password": user.password}
    assert otc.run(BIND, env=env, bindings=[item], **options)["changed"]
    login = next(entry for entry in otc.log if entry["route"] == "login")
    assert login["body"]["auth"]["scope"] == {"domain": {"name": otc.domain_name}}


def test_login_of_a_disabled_user_fails_for_that_user_alone(cloud):
    users = cloud.users[:2]
    for user in users:
        cloud.cloud.give_device(user.id)
    users[0].enabled = False
    items = [{"user_id": user.id, "seed": user.device.seed, "auth_password": user.password} for user in users]
    result = cloud.run(BIND, bindings=items)
    assert [outcome["failed"] for outcome in result["bindings"]] == [True, False]
    assert result["bindings"][0]["error"]["status"] == 401
    assert users[0].password not in str(result)
