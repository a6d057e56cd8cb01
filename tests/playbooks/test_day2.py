# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After the rollout: a lost phone, seeds that are made anew, users who leave."""

from __future__ import annotations

import json
import time
from typing import Any, Callable

import pytest
from own_store import with_own_store
from truths import ROLE_IGNORED, Death, all_at_once, assert_nothing_is_lost, deaths_of, die_at
from twins import CLOUDS, twin

ACCOUNT = "acme-berlin"
ROLLOUT = "hwc.mfa.rollout"


def users_of(ground: Any) -> list[Any]:
    return list(ground.cloud.cloud.accounts[0].users[1:])


def vmfa(user: Any) -> bool:
    return user.protection is not None and user.protection.enabled and user.protection.verification_method == "vmfa"


def lifted(ground: Any) -> dict[str, Any]:
    found = [*ground.path.glob("report/*.lifted.json"), *ground.seed_directory.glob("*/.lifted.json")]
    return json.loads(found[0].read_bytes())["lifted"] if found else {}


def enrolled(ground: Any) -> None:
    run = ground.run(ROLLOUT)
    assert run.code == 0, run.output
    # The codes of the enrolment are used up.
    ground.cloud.advance(60)
    for user in users_of(ground):
        assert user.device.bound
        assert vmfa(user)


@pytest.mark.parametrize("profile", CLOUDS)
def test_lost_phones_are_removed_and_protection_stays_as_it_is(playground: Callable[..., Any], profile: str) -> None:
    ground = playground("require", users=4, profile=profile)
    lost, unprotected, other, exempt = users_of(ground)
    for user in (lost, unprotected, other, exempt):
        ground.cloud.cloud.give_device(user.id, bound=True)
        if user is not unprotected:
            ground.cloud.cloud.protect(user.id)
    ground.variables[ACCOUNT] |= {
        "mfa_rollout_state": "reset",
        "mfa_rollout_users": [{"name": user.name} for user in (lost, unprotected, exempt)],
        "mfa_rollout_exempt": [{"name": exempt.name, "reason": "way in"}],
    }
    preview = ground.run(ROLLOUT, "--check")
    assert preview.code == 0, preview.output
    assert lost.device.bound
    run = ground.run(ROLLOUT)
    assert run.code == 0, run.output
    assert lost.device is unprotected.device is None
    assert vmfa(lost)
    assert not vmfa(unprotected)
    assert other.device.bound
    assert exempt.device.bound
    assert lifted(ground) == {}
    again = ground.run(ROLLOUT)
    assert again.code == 0, again.output
    assert "changed=0" in again.output


@pytest.mark.parametrize("profile", CLOUDS)
def test_seeds_are_made_anew_and_the_new_ones_are_stored_before_they_are_bound(playground: Callable[..., Any], profile: str) -> None:
    ground = playground(users=4, profile=profile)
    enrolled(ground)
    before = {user.id: user.device.seed for user in users_of(ground)}
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ground.cloud.cloud.now()))
    ground.variables[ACCOUNT] |= {"mfa_rollout_state": "rotated", "mfa_rollout_rotate_before": now}
    preview = ground.run(ROLLOUT, "--check")
    assert preview.code == 0, preview.output
    assert {user.id: user.device.seed for user in users_of(ground)} == before
    run = ground.run(ROLLOUT)
    assert run.code == 0, run.output
    stored = ground.seeds(ACCOUNT)
    for user in users_of(ground):
        assert user.device.bound
        assert vmfa(user)
        assert user.device.seed != before[user.id]
        assert stored[user.id]["seed"] == user.device.seed
    assert lifted(ground) == {}
    assert ground.cloud.cloud.counters.wrong_codes == 0
    for seed in [*before.values(), *(user.device.seed for user in users_of(ground))]:
        assert seed not in run.output
    # For a date it can be repeated.
    seeds = {user.id: user.device.seed for user in users_of(ground)}
    ground.cloud.advance(60)
    again = ground.run(ROLLOUT)
    assert again.code == 0, again.output
    assert {user.id: user.device.seed for user in users_of(ground)} == seeds
    assert "4 already compliant" in again.output
    # What stopped before the first wave has left nobody without MFA.
    refused = ground.run(ROLLOUT, "-e", "mfa_rollout_rotate_before=2099-01-01")
    assert refused.code == 2, refused.output
    assert "broke off before its end" in refused.output and "can be without MFA" not in refused.output


def test_nobody_gets_another_device_whose_old_one_stays_and_nobody_is_protected_whose_old_one_was_unbound(
    playground: Callable[..., Any],
) -> None:
    ground = playground(users=2)
    enrolled(ground)
    before = {user.id: user.device.seed for user in users_of(ground)}
    ground.variables[ACCOUNT] |= {"mfa_rollout_state": "rotated"}
    ground.variables[ACCOUNT]["mfa_rollout_auth"]["retries"] = 1
    ground.cloud.fault("status=500:v5-delete")
    run = ground.run(ROLLOUT)
    assert run.code == 2
    for user in users_of(ground):
        assert user.device.seed == before[user.id]
        assert vmfa(user) is user.device.bound, "protection over a device that is not bound would lock the user out"
    undone = {user.id for user in users_of(ground) if not user.device.bound}
    assert undone and undone == set(lifted(ground))
    assert "Login protection stays off until a run has bound a device" in run.output
    ground.cloud.clear_faults()
    ground.cloud.advance(60)
    run = ground.run(ROLLOUT)
    assert run.code == 0, run.output
    for user in users_of(ground):
        assert user.device.bound
        assert vmfa(user)


@pytest.mark.parametrize("profile", CLOUDS)
def test_rotation_with_credentials_that_are_old_takes_nobodys_device(playground: Callable[..., Any], profile: str) -> None:
    ground = playground(users=3, profile=profile)
    enrolled(ground)
    users = users_of(ground)
    before = [user.device.serial_number for user in users]
    ground.variables[ACCOUNT] |= {"mfa_rollout_state": "rotated", "mfa_rollout_wave_sizes": [3], "mfa_rollout_max_failures": 3}
    for user in ground.variables[ACCOUNT]["mfa_rollout_users"][:2]:
        user["auth_password"] = "the one before"
    run = ground.run(ROLLOUT)
    assert "1 done" in run.output and "2 failed" in run.output, run.output
    assert "The device was not removed, since the user's own credentials did not work." in run.output
    assert [user.device.serial_number == serial for user, serial in zip(users, before)] == [True, True, False]
    for user in users:
        assert user.device.bound
        assert vmfa(user), "protection came back"


@pytest.mark.parametrize("ignored", [False, True])
def test_rotation_removes_no_device_where_the_store_takes_no_announcement(playground: Callable[..., Any], ignored: bool) -> None:
    ground = playground(users=3)
    with_own_store(ground)
    enrolled(ground)
    before = [user.device.serial_number for user in users_of(ground)]
    ground.variables[ACCOUNT] |= {"mfa_rollout_state": "rotated", "own_store_refuses": "intend"}
    run = ground.play("    []\n", header=ROLE_IGNORED) if ignored else ground.run(ROLLOUT)
    assert run.code == 2, run.output
    # A wave was at work: nobody but the cloud knows how far it came.
    assert ignored or "can be without MFA" in run.output
    assert [user.device.serial_number for user in users_of(ground)] == before
    for user in users_of(ground):
        assert user.device.bound
        assert vmfa(user)


def recorded(ground: Any) -> list[str]:
    found = [*ground.path.glob("report/*.record.json"), *ground.seed_directory.glob("*/.record.json")]
    return list(json.loads(found[0].read_bytes())["protected"]) if found else []


@pytest.mark.parametrize("state", ["reset", "rotated"])
def test_roll_back_after_a_run_that_had_lifted_protection_brings_back_what_was_before_the_rollout(
    playground: Callable[..., Any], state: str
) -> None:
    ground = playground(users=2)
    first, second = users_of(ground)
    ground.cloud.cloud.protect(first.id, "sms")
    enrolled(ground)
    ground.variables[ACCOUNT] |= {"mfa_rollout_state": state, "mfa_rollout_wave_sizes": [2], "mfa_rollout_concurrency": 1}
    die_at(ground, ROLLOUT, Death(2, "after", "login-protect-put"))
    assert set(lifted(ground)) == {first.id, second.id}
    ground.cloud.advance(60)
    # Whoever only looks, or rolls out without protecting logins, is told.
    del ground.variables[ACCOUNT]["mfa_rollout_state"]
    # Cores before 2.19 break the lines of warnings.
    audit = " ".join(ground.run("hwc.mfa.audit").output.split())
    assert "ended while it had lifted the login protection of" in audit and first.name in audit, audit
    run = ground.run("hwc.mfa.rollback")
    assert run.code == 0, run.output
    assert (first.protection.enabled, first.protection.verification_method) == (True, "sms")
    assert not vmfa(second)
    assert (lifted(ground), recorded(ground)) == ({}, [])
    assert "ended while" not in " ".join(ground.run("hwc.mfa.audit").output.split())


def test_roll_back_that_took_two_runs_keeps_what_others_set_afterwards(playground: Callable[..., Any]) -> None:
    ground = playground(users=2)
    first, second = users_of(ground)
    ground.cloud.cloud.protect(first.id, "sms")
    enrolled(ground)
    for route in ("v5-disable", "unbind", "v5-delete", "delete"):
        ground.cloud.fault(f"status=403:{route}")
    assert ground.run("hwc.mfa.rollback").code == 2
    assert set(recorded(ground)) == {first.id, second.id}
    ground.cloud.clear_faults()
    ground.cloud.advance(60)
    run = ground.run("hwc.mfa.rollback")
    assert run.code == 0, run.output
    assert recorded(ground) == []
    assert (first.protection.enabled, first.protection.verification_method) == (True, "sms")
    for user in (first, second):
        ground.cloud.cloud.give_device(user.id, bound=True)
        ground.cloud.cloud.protect(user.id)
    run = ground.run("hwc.mfa.rollback")
    assert all(vmfa(user) and user.device.bound for user in (first, second)), run.output


def test_roll_back_says_whose_bound_device_stays_since_its_seed_is_not_stored(playground: Callable[..., Any]) -> None:
    ground = playground(users=2)
    enrolled(ground)
    first, second = users_of(ground)
    for page in ground.seed_directory.glob("*/*.yml"):
        # As an operator does who goes on without a page that is lost.
        page.unlink()
        page.with_suffix(".json").write_text("{}", encoding="utf-8")
    audit = ground.run("hwc.mfa.audit")
    assert f"left: {first.name}, {second.name}: has a bound device whose seed is not stored" in audit.output, audit.output
    preview = ground.run("hwc.mfa.rollback", "--check")
    assert f"left: {first.name}, {second.name}: has a bound device whose seed is not stored" in preview.output
    assert ground.run("hwc.mfa.rollback").code == 0
    assert [row["reason"] for row in ground.report(ACCOUNT)["users"]] == ["has a bound device whose seed is not stored"] * 2
    assert all(user.device.bound for user in (first, second))


def test_ignored_failure_of_the_record_lifts_nothing(playground: Callable[..., Any]) -> None:
    ground = playground("require", users=1)
    (user,) = users_of(ground)
    ground.cloud.cloud.give_device(user.id, bound=True)
    ground.cloud.cloud.protect(user.id)
    ground.variables[ACCOUNT] |= {"mfa_rollout_state": "reset", "mfa_rollout_users": [{"name": user.name}]}
    (ground.path / "report").mkdir()
    (ground.path / "report" / f"{ACCOUNT}.lifted.json").mkdir()
    run = ground.play("    []\n", header=ROLE_IGNORED)
    assert run.code == 2, run.output
    assert user.device.bound
    assert vmfa(user)
    audit = ground.run("hwc.mfa.audit", "-e", "mfa_rollout_state=present")
    assert audit.code == 0, audit.output
    assert "So nobody knows whose login protection a reset or a rotation had lifted" in " ".join(audit.output.split())


@pytest.mark.parametrize("profile", ["otc"])
def test_reset_that_dies_at_any_request_is_completed_by_the_next_run(
    playground: Callable[..., Any], profile: str, pytestconfig: pytest.Config
) -> None:
    def scene(folder: str) -> Any:
        ground = playground("require", folder=folder, users=2, profile=profile)
        for user in users_of(ground):
            ground.cloud.cloud.give_device(user.id, bound=True)
            ground.cloud.cloud.protect(user.id)
        ground.variables[ACCOUNT] |= {
            "mfa_rollout_state": "reset",
            "mfa_rollout_users": [{"name": user.name} for user in users_of(ground)],
            "mfa_rollout_wave_sizes": [2],
            "mfa_rollout_concurrency": 1,
        }
        return ground

    rehearse = (lambda: scene("rehearsal")) if pytestconfig.getoption("--every-death") else None
    deaths, requests = deaths_of(ROLLOUT, rehearse, "login-protect-put", "delete")

    def die(death: Death) -> None:
        ground = scene(str(death))
        die_at(ground, ROLLOUT, death, requests)
        ground.cloud.advance(60)
        for user in users_of(ground):
            assert vmfa(user) or user.id in lifted(ground), "whose protection is lifted is known"
        run = ground.run(ROLLOUT)
        assert run.code == 0, run.output
        for user in users_of(ground):
            assert user.device is None
            assert vmfa(user)
        assert lifted(ground) == {}

    all_at_once(die, deaths)


@pytest.mark.parametrize("profile", ["huaweicloud"])
def test_rotation_that_dies_at_any_request_is_completed_by_the_next_run(
    playground: Callable[..., Any], profile: str, pytestconfig: pytest.Config
) -> None:
    def scene(folder: str) -> Any:
        ground = playground(folder=folder, users=2, profile=profile)
        ground.variables[ACCOUNT] |= {"mfa_rollout_wave_sizes": [2], "mfa_rollout_concurrency": 1}
        enrolled(ground)
        ground.cloud.clear_log()
        ground.variables[ACCOUNT] |= {"mfa_rollout_state": "rotated"}
        return ground

    rehearse = (lambda: scene("rehearsal")) if pytestconfig.getoption("--every-death") else None
    deaths, requests = deaths_of(ROLLOUT, rehearse, "login-protect-put", "v5-delete", "v5-create", "v5-enable")

    def die(ground: Any, death: Death) -> None:
        before = {user.id: user.device.seed for user in users_of(ground)}
        die_at(ground, ROLLOUT, death, requests)
        ground.cloud.advance(60)
        assert_nothing_is_lost(ground, "enrol")
        run = ground.run(ROLLOUT)
        assert run.code == 0, run.output
        for user in users_of(ground):
            assert user.device.bound
            assert vmfa(user)
            assert user.device.seed != before[user.id]
        assert_nothing_is_lost(ground, "enrol")
        assert lifted(ground) == {}
        ground.cloud.advance(60)

    if rehearse is None:
        # Each time the users are enrolled again.
        ground = scene("ground")
        for death in deaths:
            die(ground, death)
    else:
        all_at_once(lambda death: die(scene(str(death)), death), deaths)


def differences(run: Any) -> list[str]:
    """What --diff shows, without the order of users who are worked on at once."""
    return sorted(line.rstrip() for line in run.output.splitlines() if line.startswith(("---", "+++", "-  ", "+  ")))


@pytest.mark.parametrize("profile", CLOUDS)
@pytest.mark.parametrize("state", ["absent", "reset", "rotated"])
def test_preview_shows_every_difference_that_the_run_makes(playground: Callable[..., Any], state: str, profile: str) -> None:
    ground = playground(users=2, profile=profile)
    enrolled(ground)
    ground.variables[ACCOUNT]["mfa_rollout_state"] = state
    preview = ground.run(ROLLOUT, "--check", "--diff")
    assert preview.code == 0, preview.output
    run = ground.run(ROLLOUT, "--diff")
    assert run.code == 0, run.output
    assert differences(preview) == differences(run)
    assert sum("before: iam_virtual_mfa_device" in line for line in differences(run)) == 1, run.output
    protections = sum("before: iam_login_protection" in line for line in differences(run))
    # A device that is made anew is protected again where the output is hidden for its seed's sake.
    assert protections == (2 if state == "reset" else 1)


@pytest.mark.parametrize("died", [False, True])
def test_what_was_before_the_rollout_comes_back_after_a_rotation_where_the_store_alone_knows_it(
    playground: Callable[..., Any], died: bool
) -> None:
    ground = playground(users=2)
    first, second = users_of(ground)
    ground.cloud.cloud.protect(first.id, "sms")
    with_own_store(ground)
    del ground.variables[ACCOUNT]["mfa_rollout_seed_store_dir"]
    reports = ground.variables[ACCOUNT].pop("mfa_rollout_report_dir")
    enrolled(ground)
    ground.variables[ACCOUNT] |= {"mfa_rollout_state": "rotated", "mfa_rollout_report_dir": reports}
    if died:
        die_at(ground, ROLLOUT, Death(1, "after", "v5-delete"))
        ground.cloud.advance(60)
    run = ground.run(ROLLOUT)
    assert run.code == 0, run.output
    ground.cloud.advance(60)
    ground.variables[ACCOUNT] |= {"mfa_rollout_state": "present"}
    back = ground.run("hwc.mfa.rollback")
    assert back.code == 0, back.output
    assert (first.device, second.device) == (None, None)
    assert (first.protection.enabled, first.protection.verification_method) == (True, "sms")
    assert not second.protection.enabled


@pytest.mark.parametrize("route", ["v5-delete", twin("login-protect-put")])
def test_preview_shows_what_a_reset_does_after_one_that_was_killed(playground: Callable[..., Any], route: str) -> None:
    ground = playground(users=2)
    enrolled(ground)
    ground.variables[ACCOUNT]["mfa_rollout_state"] = "reset"
    die_at(ground, ROLLOUT, Death(2, "after", route))
    preview, run = ground.run(ROLLOUT, "--check", "--diff"), ground.run(ROLLOUT, "--diff")
    assert run.code == 0, run.output
    assert preview.recap(ACCOUNT)["changed"] == 1
    assert differences(preview) == differences(run) != []


FORGETFUL_STORE = """---
- name: Load
  when: mfa_rollout_store_action == 'load'
  vars:
    found: "{{ lookup('ansible.builtin.file', own_store) | from_json if own_store is ansible.builtin.exists else {} }}"
  ansible.builtin.set_fact:
    mfa_rollout_store_loaded: {entries: "{{ found }}", intents: "{{ mfa_rollout_store_users | default([]) }}"}
- name: Write
  when: mfa_rollout_store_action != 'load'
  vars:
    found: "{{ lookup('ansible.builtin.file', own_store) | from_json if own_store is ansible.builtin.exists else {} }}"
    gone: "{{ mfa_rollout_store_users if mfa_rollout_store_action == 'remove' else [] }}"
  ansible.builtin.copy:
    dest: "{{ own_store }}"
    mode: "0600"
    content: "{{ found | combine(mfa_rollout_store_entries) | dict2items | rejectattr('key', 'in', gone) | items2dict | to_json }}"
  no_log: true
"""


def test_store_of_another_account_is_not_emptied_for_all_of_its_users_being_gone(playground: Callable[..., Any]) -> None:
    ground = playground(users=2, accounts=2)
    first, second = ground.variables
    tasks, store = ground.path / "own_store.yml", ground.path / "own.json"
    tasks.write_text(FORGETFUL_STORE, encoding="utf-8")
    entries = {"f" * 32: {"serial_number": "s", "seed": "JBSWY3DPEHPK3PXP", "name": "ada"}}
    store.write_text(json.dumps(entries), encoding="utf-8")
    del ground.variables[first]["mfa_rollout_seed_store_dir"]
    ground.variables[first] |= {"mfa_rollout_seed_store_tasks": str(tasks), "own_store": str(store), "mfa_rollout_purge_leavers": True}
    ground.variables[first]["mfa_rollout_users"] = ground.variables[second]["mfa_rollout_users"]
    ground.variables[first]["mfa_rollout_auth"] = ground.variables[second]["mfa_rollout_auth"]
    run = ground.run(ROLLOUT, "--limit", first)
    assert run.code == 0, run.output
    assert json.loads(store.read_text(encoding="utf-8")).items() >= entries.items()
    assert "Not one of the 1 users whom the store knows is in this account" in " ".join(run.output.split())


def test_seeds_of_leavers_are_reported_and_forgotten_on_request(playground: Callable[..., Any]) -> None:
    ground = playground(users=3)
    enrolled(ground)
    gone = users_of(ground)[2]
    ground.cloud.cloud.remove_user(gone.id)
    asked = ground.variables[ACCOUNT]["mfa_rollout_users"]
    ground.variables[ACCOUNT]["mfa_rollout_users"] = [user for user in asked if user["user_id"] != gone.id]
    for purge, words, changed in ((False, [], 0), (True, ["--check"], 1), (True, [], 1)):
        ground.variables[ACCOUNT]["mfa_rollout_purge_leavers"] = purge
        run = ground.run(ROLLOUT, *words)
        assert run.code == 0, run.output
        assert f"The store has seeds of 1 users who are gone: {gone.name}" in " ".join(run.output.split())
        assert run.recap(ACCOUNT)["changed"] == changed
    again = ground.run(ROLLOUT)
    assert again.code == 0, again.output
    assert "The store has seeds of" not in " ".join(again.output.split())
    assert ground.cloud.cloud.counters.wrong_codes == 0


CANNOT_BE_KEPT: list[tuple[dict[str, Any], str]] = [
    ({"mfa_rollout_state": "reset"}, "With mfa_rollout_state=reset, mfa_rollout_users must name the users."),
    ({"mfa_rollout_state": "rotated"}, "mfa_rollout_state=rotated goes with mfa_rollout_strategy=enrol"),
    (
        {"mfa_rollout_state": "reset", "mfa_rollout_users": [{"name": "a"}], "mfa_rollout_report_dir": ""},
        "keeps in a file that it must come back: give mfa_rollout_report_dir",
    ),
    ({"mfa_rollout_rotate_before": "once"}, "mfa_rollout_rotate_before must be a date"),
]


def test_what_cannot_be_kept_is_refused_before_anything_is_done(playground: Callable[..., Any]) -> None:
    ground = playground("require", users=len(CANNOT_BE_KEPT), accounts=len(CANNOT_BE_KEPT))
    for variables, (change, _words) in zip(ground.variables.values(), CANNOT_BE_KEPT, strict=True):
        variables.update(change)
    run = ground.run(ROLLOUT)
    assert run.code == 2
    for account, (_change, words) in zip(ground.variables, CANNOT_BE_KEPT, strict=True):
        assert words in run.failure(account)
    assert ground.cloud.log == []
