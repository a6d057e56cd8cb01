# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The account's policies, which the role sets after the waves and only where nothing stopped."""

from __future__ import annotations

import json
from typing import Any, Callable

import pytest
from truths import IGNORING
from twins import twin

ACCOUNT = "acme-berlin"
POLICIES = {
    "mfa_rollout_login_policy": {"login_failed_times": 3, "lockout_duration": 30},
    "mfa_rollout_operation_protection": {
        "operation_protection": True,
        "admin_check": True,  # as YAML reads a bare on
        "scene": "email",
        "email": "security@example.com",
    },
}


def policy_routes(ground: Any, method: str = "") -> list[str]:
    log = [entry for entry in ground.cloud.log if entry["route"] and entry["method"].startswith(method)]
    return [entry["route"] for entry in log if "policy" in entry["route"]]


def stored(ground: Any) -> dict[str, Any]:
    return ground.cloud.cloud.accounts[0].policies


def test_policies_are_set_once_and_after_the_users(playground: Callable[..., Any], core: dict[str, str]) -> None:
    # The oldest core works on the other cloud.
    profile = "otc" if core else "huaweicloud"
    ground = playground("require", users=2, profile=profile)
    ground.variables[ACCOUNT] |= POLICIES
    checked = ground.run("hwc.mfa.rollout", "--check", env=core)
    assert checked.code == 0, checked.output
    assert ground.cloud.cloud.counters.writes == 0
    first = ground.run("hwc.mfa.rollout", env=core)
    assert first.code == 0, first.output
    assert checked.recap(ACCOUNT)["changed"] == first.recap(ACCOUNT)["changed"]
    assert stored(ground)["login"]["login_failed_times"] == 3
    assert stored(ground)["protect"]["email"] == "security@example.com"
    writes = [entry["route"] for entry in ground.cloud.log if entry["method"] == "PUT"]
    login = "v5-login-policy-put" if profile == "huaweicloud" else "login-policy-put"
    assert writes == ["login-protect-put", "login-protect-put", login, "protect-policy-put"]
    again = ground.run("hwc.mfa.rollout", env=core)
    assert again.code == 0, again.output
    assert again.recap(ACCOUNT)["changed"] == 0
    assert ground.cloud.cloud.counters.policy_writes == 2


def test_policies_are_left_alone_unless_they_are_given(playground: Callable[..., Any]) -> None:
    ground = playground("require", users=1)
    assert ground.run("hwc.mfa.rollout").code == 0
    ground.variables[ACCOUNT] |= {**POLICIES, "mfa_rollout_state": "absent"}
    run = ground.run("hwc.mfa.rollout")
    assert run.code == 0, run.output
    audit = ground.run("hwc.mfa.audit")
    assert audit.code == 0, audit.output
    assert policy_routes(ground) == []


def test_policies_wait_for_a_rollout_that_went_well(playground: Callable[..., Any]) -> None:
    ground = playground("require", users=2)
    ground.variables[ACCOUNT] |= {**POLICIES, "mfa_rollout_wave_sizes": [1]}
    ground.cloud.fault("forbid:login-protect-put")
    assert ground.run("hwc.mfa.rollout").code != 0
    assert policy_routes(ground, "PUT") == []


def test_policy_that_cannot_be_set_fails_the_host_and_the_users_are_reported(playground: Callable[..., Any]) -> None:
    ground = playground("require", users=2)
    ground.variables[ACCOUNT] |= POLICIES
    ground.cloud.fault("forbid:v5-login-policy-put")
    run = ground.run("hwc.mfa.rollout")
    assert run.code != 0
    assert "PAP5.0001" in run.output
    assert ground.report(ACCOUNT)["summary"]["done"] == 2
    assert "protect" not in stored(ground)


@pytest.mark.parametrize(
    ("profile", "fault", "said"),
    [
        ("otc", "", "lockout_duration must be from 15 to 30 minutes with v3.0 of IAM."),
        ("huaweicloud", "forbid:protect-policy-get", "HTTP 403"),
    ],
)
@pytest.mark.parametrize("words", [[], twin(["--check"])])
def test_policy_that_this_cloud_does_not_take_is_told_before_anybody_is_touched(
    playground: Callable[..., Any], profile: str, fault: str, said: str, words: list[str]
) -> None:
    ground = playground("require", users=2, profile=profile)
    ground.variables[ACCOUNT] |= {**POLICIES, "mfa_rollout_login_policy": {"lockout_duration": 60}}
    if fault:
        ground.cloud.fault(fault)
    run = ground.run("hwc.mfa.rollout", *words)
    assert run.code == 2, run.output
    assert said in " ".join(run.failures(ACCOUNT))
    assert ground.cloud.cloud.counters.writes == 0


def test_policies_are_left_alone_where_a_play_ignores_that_variables_are_wrong(playground: Callable[..., Any]) -> None:
    ground = playground("require", users=1)
    ground.variables[ACCOUNT] |= {**POLICIES, "mfa_rollout_exempts": []}
    run = ground.play("    - ansible.builtin.include_role:\n        name: hwc.mfa.mfa_rollout\n", header=IGNORING)
    assert run.code == 2, run.output
    assert policy_routes(ground) == []


def test_lock_is_given_back_by_a_run_whose_policies_this_cloud_does_not_take(playground: Callable[..., Any]) -> None:
    ground = playground("require", users=2, profile="otc")
    ground.variables[ACCOUNT] |= {"mfa_rollout_login_policy": {"lockout_duration": 60}, "mfa_rollout_new_user_grace_days": 7}
    run = ground.run("hwc.mfa.rollout")
    assert run.failure(ACCOUNT) == "lockout_duration must be from 15 to 30 minutes with v3.0 of IAM."
    assert f"{ACCOUNT}: broke off before its end" in run.output
    assert list((ground.path / "report" / ".locks").rglob(".lock")) == []


def test_policies_are_checked_before_the_cloud_is_asked(playground: Callable[..., Any]) -> None:
    ground = playground("require", users=1)
    ground.variables[ACCOUNT] |= {
        "mfa_rollout_login_policy": {"login_failed_times": 11},
        "mfa_rollout_operation_protection": {"admin_chek": "on"},
    }
    run = ground.run("hwc.mfa.rollout")
    assert run.code != 0
    assert "mfa_rollout_login_policy: login_failed_times must be from 3 to 10." in run.output
    assert "mfa_rollout_operation_protection has no option admin_chek: did you mean admin_check?" in run.output
    assert ground.cloud.log == []


def test_credentials_of_a_policy_may_be_completed_by_the_module_defaults_of_the_play(playground: Callable[..., Any]) -> None:
    ground = playground("require", users=1)
    auth = ground.variables[ACCOUNT]["mfa_rollout_auth"]
    key = {"access_key": auth["access_key"]}
    ground.variables[ACCOUNT] |= {
        "mfa_rollout_auth": {"iam_endpoint": auth["iam_endpoint"], **key},
        "mfa_rollout_login_policy": {**key, "login_failed_times": 4},
    }
    defaults = f"  module_defaults:\n    group/hwc.mfa.mfa: {json.dumps({'secret_key': auth['secret_key']})}\n"
    header = f"- hosts: all\n  connection: local\n  gather_facts: false\n{defaults}"
    role = "    - ansible.builtin.import_role:\n        name: hwc.mfa.mfa_rollout\n"
    run = ground.play(role, header=header)
    assert run.code == 0, run.output
    assert ground.play(role, header=header).recap(ACCOUNT)["changed"] == 0
