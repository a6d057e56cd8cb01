# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Nobody changes the constants that serve as defaults here.
# pylint: disable=dangerous-default-value

from __future__ import annotations

import pytest
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.outcomes import (
    by_user,
    failed,
    failure_lines,
    outcome_of,
    unfulfilled,
    wave_line,
)
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import Terms
from ansible_collections.hwc.mfa.tests.unit.plugins.plugin_utils._rollout.accounts import SECRET, SMS, VMFA, device_of, user
from hypothesis import given
from hypothesis import strategies as st

ENROL = Terms("enrol")
BACK = Terms("enrol", "absent")
NEW = ["create", "bind", "protect"]
DONE = {"create": {"failed": False}, "bind": {"failed": False}, "protect": {"failed": False}}
NO = {"failed": True, "msg": "why"}


def entry(steps=NEW, serial=None):
    return {"user_id": "u1", "name": "name-u1", "steps": steps, "serial_number": serial}


def came(results, steps=NEW, unseen=None):
    """What came of the user, from their outcome of each step."""
    return outcome_of(entry(steps), {step: {"u1": outcome} for step, outcome in results.items()}, unseen)


def test_user_for_whom_all_went_well_is_done():
    outcome = came({**DONE, "create": {"failed": False, "seed": SECRET}})
    assert outcome == {"user_id": "u1", "name": "name-u1", "done": NEW, "failed": False, "step": None, "msg": None}


def test_user_who_takes_some_of_the_steps_is_done_after_those():
    assert came({"bind": DONE["bind"], "protect": DONE["protect"]}, ["bind", "protect"])["done"] == ["bind", "protect"]
    assert came({"bind": DONE["bind"]}, ["bind", "protect"])["step"] == "protect"


@pytest.mark.parametrize(
    ("results", "step", "done"),
    [
        ({**DONE, "create": NO}, "create", []),
        ({**DONE, "bind": NO}, "bind", ["create"]),
        ({**DONE, "bind": NO, "protect": NO}, "bind", ["create"]),
        ({**DONE, "protect": NO}, "protect", ["create", "bind"]),
        # What was made and could not be stored was not bound, whatever else is said.
        ({**DONE, "store": NO}, "store", ["create"]),
        ({**DONE, "create": NO, "store": NO}, "create", []),
    ],
)
def test_user_fails_at_the_first_step_that_failed(results, step, done):
    outcome = came(results)
    assert (outcome["failed"], outcome["step"], outcome["msg"], outcome["done"]) == (True, step, "why", done)


def test_failure_without_a_word_is_one_all_the_same():
    assert came({**DONE, "bind": {"failed": True}})["msg"] == "failed"
    assert came({**DONE, "bind": {"failed": True, "msg": None}})["msg"] == "failed"


def test_step_that_was_never_taken_is_a_failure():
    assert (came({})["step"], came({})["msg"]) == ("create", "it was not reached, since an earlier step failed")
    assert came({"create": DONE["create"]})["step"] == "bind"
    assert "not reached" in came({}, ["unprotect"])["msg"]
    assert came({"unprotect": {"failed": False}}, ["unprotect", "remove"])["step"] == "remove"


def test_seed_that_was_stored_before_needs_no_storing():
    assert came({**DONE, "store": NO}, ["bind", "protect"])["done"] == ["bind", "protect"]


def test_what_the_cloud_does_not_show_has_failed_after_all_that_has_failed_before():
    outcome = came(DONE, unseen="not on")
    assert (outcome["failed"], outcome["step"], outcome["msg"], outcome["done"]) == (True, "verify", "not on", NEW)
    assert came({**DONE, "protect": NO}, unseen="not on")["step"] == "protect"


def test_proof_comes_after_the_cloud_has_shown_all():
    steps = [*NEW, "prove"]
    assert came({**DONE, "prove": {"failed": False}}, steps)["done"] == steps
    refused = came({**DONE, "prove": NO}, steps)
    assert (refused["step"], refused["msg"], refused["done"]) == ("prove", "why", NEW)
    assert came(DONE, steps)["step"] == "prove"
    # As long as the cloud does not show what was done, nobody asks for a proof.
    assert came({**DONE, "prove": NO}, steps, unseen="not on")["step"] == "verify"


def test_steps_are_told_in_the_order_in_which_they_are_taken():
    assert came({**DONE, "prove": {"failed": False}}, ["prove", "protect", "bind", "create"])["done"] == [*NEW, "prove"]
    assert came({"remove": {"failed": False}, "unprotect": {"failed": False}}, ["remove", "unprotect"])["done"] == ["unprotect", "remove"]


def test_outcomes_of_a_call_that_failed_as_a_whole_are_none():
    assert by_user({"failed": True, "msg": "why"}, "devices") == {}
    assert by_user({"devices": None}, "devices") == {}
    assert by_user({"devices": [{"user_id": 5, "failed": False}]}, "devices") == {"5": {"user_id": 5, "failed": False}}
    assert failed("why") == NO


# What the cloud shows


BOUND = {"serial_number": "s1"}


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        (user(binding="bound", protection=VMFA, serial="s1"), None),
        # A cloud that cannot tell shows the device all the same.
        (user(binding="unknown", protection=VMFA, serial="s1"), None),
        (user(binding="unbound", protection=VMFA, serial="s1"), "the cloud shows the device as not bound"),
        (user(binding="bound", protection=VMFA, serial="other"), "the cloud does not show the device that was bound"),
        (user(protection=VMFA), "the cloud does not show the device that was bound"),
        (user(binding="bound", protection=SMS, serial="s1"), "login protection is not on"),
        (user(binding="bound", serial="s1"), "login protection is not on"),
        (None, "the user is no longer listed"),
        ({**user(protection=VMFA), "devices": [device_of("key", kind="other"), device_of("s1")]}, None),
        ({**user(protection=VMFA), "devices": [device_of("other"), device_of("s1", "unbound")]}, "the cloud shows the device as not bound"),
    ],
)
def test_rollout_is_fulfilled_when_the_cloud_shows_it(shown, words):
    assert unfulfilled(entry(), shown, ENROL, BOUND) == words


@pytest.mark.parametrize("bound", [None, {}, {"serial_number": None}])
def test_device_of_which_no_serial_is_known_is_not_taken_for_bound(bound):
    assert unfulfilled(entry(), user(binding="bound", protection=VMFA), ENROL, bound) == "the cloud does not show the device that was bound"


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        (user(), None),
        (None, None),
        (user(protection=SMS), None),
        (user(binding="unbound", serial="s1"), "the device is still there"),
        (user(binding="unknown", serial="s1"), "the device is still there"),
        # Another device in its place is somebody else's.
        (user(binding="bound", serial="other"), None),
        ({**user(), "devices": [device_of("key", kind="other"), device_of("s1")]}, "the device is still there"),
        (user(protection=VMFA), "login protection is still on"),
        (user(binding="bound", protection=VMFA, serial="s1"), "the device is still there"),
    ],
)
def test_roll_back_is_fulfilled_when_the_cloud_shows_nothing_of_it(shown, words):
    assert unfulfilled(entry(["unprotect", "remove"], "s1"), shown, BACK, None) == words


PHONE, ANOTHER_FORM = (
    "iam::d:mfa:phone",
    "the cloud shows a device under a serial number of another form, so nobody knows whether the device is gone",
)


@pytest.mark.parametrize(
    ("device", "devices", "words"),
    [
        # The other API's way to write it.
        ("iam:d:mfa/phone", [], "the device is still there"),
        ("iam:d:mfa/phone", ["iam:d:mfa/key", "iam:d:mfa/phone"], "the device is still there"),
        # v3.0 shows a device that v5 does not list under this serial number, or lists as what it removed.
        ("iam/mfa/1f3a", ["iam::d:mfa:key", PHONE], "the device is still there"),
        ("iam/mfa/1f3a", ["iam::d:mfa:key"], None),
        ("iam/mfa/1f3a", [], ANOTHER_FORM),
        ("iam:d:mfa/other", [], None),
    ],
)
def test_device_is_gone_only_where_the_cloud_tells_so(device, devices, words):
    shown = {**user(binding="unknown", serial=device), "devices": [device_of(each, kind="unknown") for each in devices]}
    assert unfulfilled(entry(["remove"], PHONE), shown, BACK, None) == words


def test_only_what_was_to_be_done_is_looked_at():
    assert unfulfilled(entry(["bind"]), user(binding="bound", serial="s1"), ENROL, BOUND) is None
    assert unfulfilled(entry(["protect"]), user(protection=VMFA), ENROL, None) is None
    assert unfulfilled(entry(["unprotect"], "s1"), user(binding="bound", serial="s1"), BACK, None) is None
    assert unfulfilled(entry(["remove"], "s1"), user(protection=VMFA), BACK, None) is None


# For a person


def outcome(name, step=None, msg=None, done=NEW):
    return {"user_id": f"id-{name}", "name": name, "done": done, "failed": step is not None, "step": step, "msg": msg}


def test_line_of_a_wave_counts_each_step():
    outcomes = [outcome("ada"), outcome("bob", "bind", "no", ["create"])]
    assert wave_line(2, 3, outcomes).splitlines() == [
        "wave 2 of 3, 2 users, 2 created, 1 bound, 1 protected, 1 failed",
        "  bob: bind: no",
    ]
    assert wave_line(1, 1, outcomes[:1]) == "wave 1 of 1, 1 user, 1 created, 1 bound, 1 protected, 0 failed"
    assert wave_line(1, 1, [outcome("ada", done=["unprotect", "remove"])]) == "wave 1 of 1, 1 user, 1 unprotected, 1 removed, 0 failed"
    proof = [outcome("ada", "prove", "no", ["protect"]), outcome("bob", done=["protect", "prove"])]
    assert wave_line(1, 1, proof).splitlines()[0] == "wave 1 of 1, 2 users, 2 protected, 1 proven, 1 failed"


def test_step_at_which_all_failed_is_counted_too():
    outcomes = [outcome("ada", "create", "no", [])]
    assert wave_line(1, 1, outcomes) == "wave 1 of 1, 1 user, 0 created, 1 failed\n  ada: create: no"


def test_failures_with_the_same_cause_are_told_once_with_a_count_and_the_first_names():
    outcomes = [outcome(f"n{number}", "bind", "the cloud is gone", ["create"]) for number in range(1000)]
    outcomes.insert(5, outcome("odd", "bind", "wrong password", ["create"]))
    outcomes.insert(7, outcome("odd", "protect", "the cloud is gone", ["create", "bind"]))
    assert failure_lines(outcomes) == [
        "n0, n1, n2 and 997 more: bind: the cloud is gone",
        "odd: bind: wrong password",
        "odd: protect: the cloud is gone",
    ]
    assert len(wave_line(1, 1, outcomes).splitlines()) == 4


@pytest.mark.parametrize(("count", "who"), [(1, "n0"), (2, "n0, n1"), (3, "n0, n1, n2"), (4, "n0, n1, n2 and 1 more")])
def test_few_failures_are_all_named(count, who):
    assert failure_lines([outcome(f"n{number}", "bind", "no") for number in range(count)]) == [f"{who}: bind: no"]


def test_user_without_a_name_is_called_by_id():
    assert failure_lines([{**outcome("x", "bind", "no"), "name": None}]) == ["id-x: bind: no"]


def test_nothing_that_failed_gives_no_lines():
    assert failure_lines([]) == []


@given(st.lists(st.tuples(st.text(), st.text()), min_size=1, max_size=6))
def test_names_and_messages_cannot_write_lines_of_their_own(failures):
    outcomes = [outcome(name, "bind", msg) for name, msg in failures]
    lines = failure_lines(outcomes)
    assert len(wave_line(1, 1, outcomes).splitlines()) == 1 + len(lines)
    assert all(line.isprintable() or len(line.splitlines()) == 1 for line in lines)


def test_causes_that_differ_in_ids_only_are_one():
    failures = [
        {
            "user_id": f"id{number}",
            "name": f"n{number}",
            "step": "protect",
            "msg": f"PUT /v3.0/OS-USER/users/id{number}/login-protect: no (HTTP 403, IAM.0003, request id r-{number}). Ask.",
        }
        for number in range(10)
    ]
    assert failure_lines(failures) == [
        "n0, n1, n2 and 7 more: protect: PUT /v3.0/OS-USER/users/id0/login-protect: no (HTTP 403, IAM.0003, request id r-0). Ask."
    ]
    assert len(failure_lines([*failures, {**failures[0], "msg": "other"}])) == 2
