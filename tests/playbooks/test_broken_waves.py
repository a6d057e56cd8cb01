# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waves that break off, and tasks beside the waves that fail: the host has failed whatever the play ignores, and the report says what is so."""

from __future__ import annotations

import json
from typing import Any, Callable

import pytest
from own_store import with_own_store
from truths import ACCOUNT, HEADER, IGNORING, ROLLOUT
from twins import twin

ROLE = "    - ansible.builtin.include_role:\n        name: hwc.mfa.mfa_rollout\n"
AUDIT = f"{ROLE}        tasks_from: audit\n"


def outcomes(ground: Any) -> dict[str, str]:
    return {row["user_id"]: row["outcome"] for row in ground.report(ACCOUNT)["users"] if row["outcome"] != "left_alone"}


def users_of(ground: Any) -> list[Any]:
    return [ground.cloud.cloud.user(user["user_id"]) for user in ground.cloud.describe()["users"]]


def test_wave_whose_tasks_fail_is_the_last_one_and_none_of_its_users_is_done(playground: Callable[..., Any]) -> None:
    ground = playground(users=3)
    ground.variables[ACCOUNT]["mfa_rollout_wave_sizes"] = [1]
    user = ground.variables[ACCOUNT]["mfa_rollout_users"][1]
    (ground.path / "password").write_text(user["auth_password"], encoding="utf-8")
    # A vault that goes down once the first wave has stored its seed.
    script = f"ls {ground.seed_directory}/{ACCOUNT}/*.yml > /dev/null 2>&1 && exit 1; cat {ground.path}/password"
    (ground.path / "vault.sh").write_text(script, encoding="utf-8")
    user["auth_password"] = f"{{{{ lookup('ansible.builtin.pipe', 'sh {ground.path}/vault.sh') }}}}"
    run = ground.play(ROLE, header=IGNORING)
    assert run.code == 2, run.output
    assert "A wave broke off before it told what it came to" in run.output
    first, second, third = users_of(ground)
    assert first.device.bound and first.held_by_protection
    assert second.device is None and third.device is None
    assert outcomes(ground) == {first.id: "done", second.id: "not_reached", third.id: "not_reached"}


@pytest.mark.parametrize("header", [IGNORING, twin(HEADER)])
def test_wave_of_a_roll_back_that_breaks_off_is_told_by_what_the_cloud_shows(playground: Callable[..., Any], header: str) -> None:
    ground = playground(users=2)
    assert ground.run(ROLLOUT).code == 0
    ground.cloud.advance(90)
    ground.variables[ACCOUNT]["mfa_rollout_wave_sizes"] = [1]
    ground.cloud.fault("slow=6:v5-disable:2")
    run = ground.play(ROLE, "-e", "mfa_rollout_state=absent", header=f"{header}  timeout: 4\n")
    assert run.code == 2, run.output
    first, second = users_of(ground)
    assert first.device is None
    assert second.device is not None and not second.held_by_protection
    assert outcomes(ground) == {first.id: "done", second.id: "failed"}
    row = next(row for row in ground.report(ACCOUNT)["users"] if row["user_id"] == second.id)
    assert "the wave broke off before it told what it did for this user" in row["reason"]
    assert row["after"]["login_protection"] == "none"


def test_reset_that_breaks_off_in_its_first_wave_is_reported_as_it_is(playground: Callable[..., Any]) -> None:
    ground = playground(users=2)
    assert ground.run(ROLLOUT).code == 0
    ground.cloud.advance(90)
    ground.cloud.fault("slow=6:v5-delete")
    run = ground.play(ROLE, "-e", "mfa_rollout_state=reset", header=f"{HEADER}  timeout: 4\n")
    assert run.code == 2, run.output
    for row in ground.report(ACCOUNT)["users"]:
        seen = next((user for user in users_of(ground) if user.id == row["user_id"]), None)
        if seen is not None:
            assert row["outcome"] == "failed"
            assert row["after"]["login_protection"] == ("vmfa" if seen.held_by_protection else "none")


def test_store_that_shows_half_a_seed_ends_the_rollout_though_it_is_ignored(playground: Callable[..., Any]) -> None:
    ground = playground(users=3)
    torn = ground.cloud.describe()["users"][1]["user_id"]
    with_own_store(ground, mfa_rollout_wave_sizes=[1], own_store_tears=torn)
    run = ground.play(ROLE, header=IGNORING)
    assert run.code == 2, run.output
    first, second, third = users_of(ground)
    assert first.device.bound
    assert not second.device.bound
    assert third.device is None


def test_seeds_of_removed_devices_that_stay_stored_fail_the_host_though_it_is_ignored(playground: Callable[..., Any]) -> None:
    ground = playground(users=2)
    with_own_store(ground)
    assert ground.run(ROLLOUT).code == 0
    ground.cloud.advance(90)
    ground.variables[ACCOUNT]["own_store_refuses"] = "remove"
    run = ground.play(ROLE, "-e", "mfa_rollout_state=absent", header=IGNORING)
    assert run.code == 2, run.output
    assert "The store could not be written after a wave." in run.failures(ACCOUNT)[-1]
    assert len(json.loads((ground.path / "own.json").read_text(encoding="utf-8"))["entries"]) == 2


@pytest.mark.parametrize("header", [IGNORING, twin(HEADER)])
def test_what_holds_for_the_account_waits_for_users_whom_the_plan_could_not_take_and_fails_the_host(
    playground: Callable[..., Any], header: str
) -> None:
    ground = playground("require", users=2)
    ground.variables[ACCOUNT] |= {"mfa_rollout_users": [{"name": "nobody"}], "mfa_rollout_login_policy": {"lockout_duration": 20}}
    assert ground.play(ROLE, header=header).code == 2
    assert not [entry for entry in ground.cloud.log if entry["method"] == "PUT"]

    ground.variables[ACCOUNT]["mfa_rollout_users"] = "all"
    ground.cloud.fault("forbid:v5-login-policy-put")
    ground.cloud.fault("forbid:login-policy-put")
    run = ground.play(ROLE, header=header)
    assert run.code == 2, run.output
    assert header == HEADER or "The login policy could not be set: " in run.failures(ACCOUNT)[-1]


@pytest.mark.parametrize("fault", ["", "forbid:users"])
def test_audit_that_fails_or_could_not_look_fails_the_host_though_it_is_ignored(playground: Callable[..., Any], fault: str) -> None:
    ground = playground("require", users=2)
    ground.variables[ACCOUNT]["mfa_audit_fail_under"] = 100
    if fault:
        ground.cloud.fault(fault)
    run = ground.play(AUDIT, header=IGNORING)
    assert run.code == 2, run.output
    said = "There is no report, since a task before it has failed." if fault else "coverage is 0.0 %, under 100 %"
    assert said in run.failures(ACCOUNT)[-1]


AGAIN = """\
    - ansible.builtin.include_role:
        name: hwc.mfa.mfa_rollout
    - block:
        - ansible.builtin.include_role:
            name: hwc.mfa.mfa_rollout
          vars: {mfa_rollout_state: absent, mfa_rollout_account: "{{ next_account }}", mfa_rollout_exempt: "{{ next_exempt | default([]) }}"}
      always:
        - ansible.builtin.debug:
            msg: "{{ inventory_hostname }} has the report of {{ mfa_rollout_report.document | default('nothing', true) }}"
"""


def test_store_of_the_operators_own_that_cannot_be_read_is_told_and_that_nothing_is_lost(playground: Callable[..., Any]) -> None:
    ground = playground(users=2)
    sealed = ground.path / "sealed.yml"
    sealed.write_text("- name: Load\n  ansible.builtin.fail:\n    msg: the vault is sealed\n", encoding="utf-8")
    ground.variables[ACCOUNT] |= {"mfa_rollout_seed_store_tasks": str(sealed)}
    for name in ("mfa_rollout_seed_store_dir", "mfa_rollout_seed_store_password"):
        del ground.variables[ACCOUNT][name]
    run = ground.run(ROLLOUT)
    assert run.code == 2
    assert f"{ACCOUNT}: broke off before its end" in run.output
    assert ground.cloud.cloud.counters.writes == 0


@pytest.mark.parametrize("fatal", [False, True])
def test_use_of_the_role_that_stops_at_its_variables_tells_nothing_of_the_use_before(playground: Callable[..., Any], fatal: bool) -> None:
    ground = playground("require", users=4, accounts=2)
    first, second = ground.variables
    for account in ground.variables:
        ground.variables[account]["next_account"] = f"next-{account}"
    ground.variables[second]["next_exempt"] = 3
    run = ground.play(AGAIN, header=f"{HEADER}  any_errors_fatal: {str(fatal).lower()}\n")
    assert run.code == 2, run.output
    said = " ".join(run.output.split())
    assert f"{second} has the report of nothing" in said
    # Of its own account, and not of the next one, whose name ends in the same.
    assert said.count(f"{second}: 2 done") == 1
    assert not (ground.path / "report" / f"next-{second}.json").exists()
    if fatal:
        assert f"next-{first}: broke off before its end" in said
        assert not (ground.path / "report" / f"next-{first}.json").exists()
        assert all(user.protection.enabled for user in users_of(ground))


def test_hand_over_leaves_the_report_of_the_rollout_before_it(playground: Callable[..., Any]) -> None:
    ground = playground(users=1)
    handover = "    - ansible.builtin.include_role:\n        name: hwc.mfa.mfa_rollout\n        tasks_from: handover\n"
    tell = '    - ansible.builtin.debug:\n        msg: "{{ mfa_rollout_report.summary.done }} is done"\n'
    words = {
        "mfa_handover_users": "all",
        "mfa_handover_dir": str(ground.path / "handover"),
        "mfa_handover_password": "a password to hand over",
    }
    ground.variables[ACCOUNT] |= words
    run = ground.play(f"{ROLE}{handover}{tell}")
    assert run.code == 0, run.output
    assert "1 is done" in run.output
