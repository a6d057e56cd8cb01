# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inventories, variables and surveys as people have them: taken for what they mean, or refused by name before the cloud is asked."""

from __future__ import annotations

import json
from typing import Any, Callable

import pytest
import yaml
from truths import IGNORING
from twins import twin

ACCOUNT = "acme-berlin"
AUDIT, ROLLOUT, ROLLBACK = "hwc.mfa.audit", "hwc.mfa.rollout", "hwc.mfa.rollback"


def protected(ground: Any) -> set[str]:
    users = ground.cloud.cloud.users.values()
    return {user.id for user in users if user.protection is not None and user.protection.enabled}


# Where files lie


@pytest.mark.parametrize(("playbook", "words"), [(AUDIT, []), twin(ROLLOUT, ["--check"]), (ROLLOUT, [])])
def test_report_and_seeds_in_the_inventory_are_refused_by_name(playground: Callable[..., Any], playbook: str, words: list[str]) -> None:
    ground = playground(users=2)
    inventory = ground.path / "inventory"
    ground.variables[ACCOUNT] |= {
        "mfa_rollout_report_dir": "{{ inventory_dir }}/report",
        "mfa_rollout_seed_store_dir": str(inventory / ".seeds"),
    }
    run = ground.run(playbook, *words)
    assert run.code == 2
    said = run.failure(ACCOUNT)
    for variable in ("mfa_rollout_report_dir", "mfa_rollout_seed_store_dir"):
        assert said.count(f"{variable} is {inventory}/") == 1
    assert sorted(path.name for path in inventory.iterdir()) == ["host_vars", "hosts.json"]
    assert ground.cloud.log == []


def test_report_beside_a_directory_of_inventories_is_no_host_of_the_next_run(playground: Callable[..., Any]) -> None:
    ground = playground("require", users=2)
    ground.variables[ACCOUNT] |= {"mfa_rollout_report_dir": "{{ inventory_dir }}/../report"}
    for _run in range(2):
        run = ground.run(ROLLOUT)
        assert run.code == 0, run.output
    assert ground.report(ACCOUNT)["summary"]["already"] == 2
    text = (ground.path / "report" / f"{ACCOUNT}.csv").read_bytes()
    assert text.startswith(b"\xef\xbb\xbfaccount,user_id,")


# What is omitted


@pytest.mark.parametrize("core", ["newest", "oldest"], indirect=True)
def test_omitted_password_of_a_user_is_none_and_no_device_is_made_for_them(playground: Callable[..., Any], core: dict[str, str]) -> None:
    ground = playground(users=3, profile="otc")
    variables = ground.variables[ACCOUNT]
    first, second, third = ground.cloud.describe()["users"]
    omit = "{{ nowhere | default(omit, true) }}"
    variables["mfa_rollout_users"] = [
        {"user_id": first["user_id"], "auth_password": first["password"], "auth_token": omit, "device_name": omit},
        {"user_id": second["user_id"], "auth_password": omit},
        {"user_id": third["user_id"], "auth_password": omit, "access_key": third["access_key"], "secret_key": third["secret_key"]},
    ]
    variables["mfa_rollout_auth"] |= {"auth_token": omit, "auth_passcode": omit, "region": omit}
    run = ground.run(ROLLOUT, "--check", env=core)
    assert run.code == 2 and "no credentials of their own" in run.output, run.output
    run = ground.run(ROLLOUT, "-e", "mfa_rollout_max_failures=1", env=core)
    assert run.code == 0, run.output
    devices = [ground.cloud.cloud.user(user["user_id"]).device for user in (first, second, third)]
    assert [device is not None and device.bound for device in devices] == [True, False, True]
    assert devices[1] is None
    assert "omit_place_holder" not in json.dumps(ground.cloud.log) and "<<Omit>>" not in json.dumps(ground.cloud.log)


def test_variable_that_is_omitted_as_a_whole_is_refused_by_name(playground: Callable[..., Any], core: dict[str, str]) -> None:
    ground = playground("require", users=1)
    ground.variables[ACCOUNT]["mfa_rollout_report_dir"] = "{{ nowhere | default(omit, true) }}"
    run = ground.run(AUDIT, env=core)
    assert run.code == 2
    assert "mfa_rollout_report_dir is omitted by its template" in run.output
    assert ground.cloud.log == []


# Where the role runs


def test_connection_of_group_vars_gives_way_to_the_playbooks_and_is_told_elsewhere(playground: Callable[..., Any]) -> None:
    ground = playground("require", users=1)
    group_vars = ground.path / "inventory" / "group_vars"
    group_vars.mkdir(parents=True)
    elsewhere = {"ansible_connection": "ssh", "ansible_become": True, "ansible_host": "192.0.2.1", "ansible_python_interpreter": "/nowhere"}
    (group_vars / "all.json").write_text(json.dumps(elsewhere))
    for playbook in (AUDIT, ROLLOUT, ROLLBACK):
        run = ground.run(playbook)
        assert run.code == 0, run.output
    requests = len(ground.cloud.log)
    run = ground.play("    - ansible.builtin.include_role:\n        name: hwc.mfa.mfa_rollout\n")
    assert run.code == 2
    said = run.failure(ACCOUNT)
    assert "set ansible_connection to local in the vars of the play" in said
    assert "set ansible_become to false in the vars of the play" in said
    assert len(ground.cloud.log) == requests


# Surveys


def test_lists_and_flags_of_a_survey_are_texts(playground: Callable[..., Any], core: dict[str, str]) -> None:
    ground = playground(users=3, profile="otc")
    variables = ground.variables[ACCOUNT]
    users = variables.pop("mfa_rollout_users")
    exempt = ground.cloud.describe()["users"][2]
    answers = {
        "mfa_rollout_users": yaml.safe_dump(users),
        "mfa_rollout_exempt": json.dumps([{"name": exempt["name"], "reason": "break glass"}]),
        "mfa_rollout_wave_sizes": "[1, 10]",
        "mfa_rollout_max_failures": "0",
        "mfa_rollout_concurrency": "2",
        "mfa_rollout_login_protection": "no",
        "mfa_rollout_prove_login": "y",
        "mfa_rollout_secure_logging": "t",
    }
    (ground.path / "answers.json").write_text(json.dumps(answers))
    run = ground.run(ROLLOUT, "-e", "@answers.json", env=core)
    assert run.code == 0, run.output
    outcomes = {row["user_id"]: (row["outcome"], row["login_proven"]) for row in ground.report(ACCOUNT)["users"]}
    assert [outcomes[user["user_id"]] for user in users] == [("done", True), ("done", True), ("left_alone", False)]
    assert protected(ground) == set()
    (ground.path / "answers.json").write_text(json.dumps({**answers, "mfa_rollout_users": json.dumps(users)}))
    again = ground.run(ROLLOUT, "-e", "@answers.json", env=core)
    assert again.recap(ACCOUNT)["changed"] == 0, again.output


OF_ANOTHER_FORM = ("", "ada", "- ada", "{}", "null")


def test_text_of_another_form_is_refused_and_is_never_everybody(playground: Callable[..., Any]) -> None:
    ground = playground("require", users=len(OF_ANOTHER_FORM), accounts=len(OF_ANOTHER_FORM))
    for variables, answer in zip(ground.variables.values(), OF_ANOTHER_FORM, strict=True):
        variables["mfa_rollout_users"] = answer
    run = ground.run(ROLLOUT)
    assert run.code == 2
    for host in ground.variables:
        said = run.failure(host)
        assert said == "mfa_rollout_users must be all, or a list of mappings, each with user_id or name, such as [{name: ada}]."
    assert ground.cloud.log == []


# Variables and hosts


def test_misspelt_variable_stops_every_kind_of_run_and_its_value_is_not_shown(playground: Callable[..., Any], core: dict[str, str]) -> None:
    ground = playground("require", users=2)
    ground.variables[ACCOUNT]["mfa_rollout_auths"] = {"secret_key": "s3cret-of-a-misspelt-name"}
    for playbook, words in ((AUDIT, ()), (ROLLOUT, ("--check",)), (ROLLOUT, ("-vvv",)), (ROLLBACK, ())):
        run = ground.run(playbook, *words, env=core)
        assert run.code == 2
        assert "mfa_rollout_auths is no variable of the role: did you mean mfa_rollout_auth?" in run.output
        assert "s3cret-of" not in run.output
    assert ground.cloud.log == []


def test_list_of_task_files_fails_its_host_and_no_other(playground: Callable[..., Any], core: dict[str, str]) -> None:
    ground = playground(users=2, accounts=2)
    ground.variables[ACCOUNT]["mfa_rollout_seed_store_tasks"] = [str(ground.path / "store.yml")]
    run = ground.run(ROLLOUT, "--check", env=core)
    assert run.code == 2, run.output
    assert run.failure(ACCOUNT) == "mfa_rollout_seed_store_tasks must be one text, and is a list."
    assert [run.recap(host)["failed"] for host in ground.variables if host != ACCOUNT] == [0]


def test_misspelt_exemption_that_a_play_ignores_touches_nobody_and_fails_the_host(playground: Callable[..., Any]) -> None:
    ground = playground("require", users=2)
    exempt = ground.cloud.describe()["users"][0]
    ground.variables[ACCOUNT]["mfa_rollout_exempts"] = [{"name": exempt["name"], "reason": "break glass"}]
    run = ground.play("    - ansible.builtin.include_role:\n        name: hwc.mfa.mfa_rollout\n", header=IGNORING)
    assert run.code == 2
    assert "did you mean mfa_rollout_exempt?" in run.output and "There is no plan, since a task before it has failed." in run.output
    assert protected(ground) == set()


def test_audit_checks_its_arguments_as_a_rollout_does(playground: Callable[..., Any]) -> None:
    ground = playground("require", users=1)
    ground.variables[ACCOUNT]["mfa_rollout_strategy"] = "enroll"
    run = ground.run(AUDIT)
    assert run.code == 2
    assert "value of mfa_rollout_strategy must be one of: require, enrol, got: enroll" in run.output
    assert ground.cloud.log == []


def test_host_without_credentials_never_gets_the_environments_beside_others_that_have_some(
    playground: Callable[..., Any], core: dict[str, str]
) -> None:
    ground = playground("require", users=2, accounts=2)
    forgotten = next(name for name in ground.variables if name != ACCOUNT)
    auth = ground.variables[forgotten]["mfa_rollout_auth"]
    ground.variables[forgotten]["mfa_rollout_auth"] = {"iam_endpoint": auth["iam_endpoint"]}
    environment = {**core, "HW_ACCESS_KEY": auth["access_key"], "HW_SECRET_KEY": auth["secret_key"]}
    run = ground.run(ROLLOUT, env=environment)
    assert run.code == 2
    assert f"host {forgotten} has no credentials in mfa_rollout_auth" in run.failure(forgotten)
    assert run.recap(ACCOUNT)["failed"] == 0
    assert not (ground.path / "report" / f"{forgotten}.json").exists()
    alone = ground.run(ROLLOUT, "--limit", forgotten, env=environment)
    assert alone.code == 0, alone.output
    ground.variables[forgotten]["mfa_rollout_auth_from_environment"] = True
    allowed = ground.run(AUDIT, env=environment)
    assert allowed.code == 0, allowed.output


PATTERNS = ("all", "nobody", "other", "null", "[]")
# Each playbook once, and each pattern.
FIRST = {(AUDIT, "all"), (ROLLOUT, "nobody"), (ROLLBACK, "other"), (AUDIT, "null"), (ROLLBACK, "[]")}


@pytest.mark.parametrize(
    ("playbook", "pattern"),
    [
        (playbook, pattern) if (playbook, pattern) in FIRST else twin(playbook, pattern)
        for playbook in (AUDIT, ROLLOUT, ROLLBACK)
        for pattern in PATTERNS
    ],
)
def test_run_without_an_account_fails_with_one_sentence(
    playground: Callable[..., Any], playbook: str, pattern: str, core: dict[str, str]
) -> None:
    ground = playground("require", users=1, accounts=2)
    other = next(name for name in ground.variables if name != ACCOUNT)
    ground.write_inventory()
    (ground.path / "empty.yml").write_text("all: {}\n")
    words = {
        "all": ["-i", "empty.yml"],
        "nobody": ["-e", "mfa_hosts=nobody"],
        "null": ["-e", "mfa_hosts=null"],
        "[]": ["-e", '{"mfa_hosts": []}'],
        "other": ["-e", f"mfa_hosts={other}", "--limit", ACCOUNT],
    }[pattern]
    command = ground.command(playbook, *words)
    if "-i" in words:
        del command[1:3]
    run = ground.run_command(command, env=core)
    assert run.code == 2, run.output
    assert f"No host of the inventory matches {other if pattern == 'other' else pattern}" in run.output
    assert ground.cloud.log == []


def test_run_of_a_list_of_hosts_is_a_run_of_those_alone(playground: Callable[..., Any], core: dict[str, str]) -> None:
    ground = playground("require", users=1, accounts=2)
    other = next(name for name in ground.variables if name != ACCOUNT)
    run = ground.run(AUDIT, "-e", json.dumps({"mfa_hosts": [ACCOUNT]}), env=core)
    assert run.code == 0 and other not in run.output and "localhost" not in run.output, run.output


# Users without credentials of their own


def test_administrator_enables_devices_where_v5_lets_them(playground: Callable[..., Any]) -> None:
    ground = playground(users=4, admin_may_bind_v5=True)
    users = ground.variables[ACCOUNT]["mfa_rollout_users"]
    for user in users[1:]:
        del user["auth_password"]
    ground.variables[ACCOUNT]["mfa_rollout_wave_sizes"] = [10]
    run = ground.run(ROLLOUT)
    assert run.code == 0, run.output
    assert "wave 1 of 2, 1 user, 1 created, 1 bound, 1 protected, 0 failed" in run.output
    assert all(ground.cloud.cloud.user(user["user_id"]).device.bound for user in users)


def test_administrator_who_may_not_tries_one_user_and_says_what_is_missing(playground: Callable[..., Any]) -> None:
    ground = playground(users=4, admin_may_bind_v5=False)
    users = ground.variables[ACCOUNT]["mfa_rollout_users"]
    given = users[1]["auth_password"]
    for user in users[1:]:
        del user["auth_password"]
    ground.variables[ACCOUNT] |= {"mfa_rollout_wave_sizes": [10], "mfa_rollout_max_failures": 10}
    run = ground.run(ROLLOUT)
    assert run.code == 2
    assert "give auth_password, auth_token, or access_key with secret_key in mfa_rollout_users" in run.output
    outcomes = {row["user_id"]: row["outcome"] for row in ground.report(ACCOUNT)["users"]}
    assert [outcomes[user["user_id"]] for user in users] == ["not_reached", "failed", "not_reached", "not_reached"]
    assert ground.cloud.cloud.counters.creates == 1
    assert protected(ground) == set()
    users[1]["auth_password"] = given
    del users[2:]
    completed = ground.run(ROLLOUT)
    assert completed.code == 0, completed.output
    assert all(ground.cloud.cloud.user(user["user_id"]).device.bound for user in users)


# What is said


def test_warnings_are_warnings_and_no_line_holds_a_line_break(playground: Callable[..., Any]) -> None:
    ground = playground(users=3)
    variables = ground.variables[ACCOUNT]
    variables["mfa_rollout_exempt"] = [{"name": "nobody of this account", "reason": "gone"}]
    variables["mfa_rollout_exempt_strict"] = False
    variables["mfa_rollout_wave_sizes"] = [3]
    for user in variables["mfa_rollout_users"]:
        user["auth_password"] = "not theirs"
    run = ground.run(ROLLOUT)
    assert run.code == 2
    warned = " ".join(run.output.split("[WARNING]: ")[1].split("TASK")[0].split())
    assert warned.startswith(f"{ACCOUNT}: mfa_rollout_exempt names nobody of this account, who is no user of this account.")
    assert "\\n" not in run.output
    names = ", ".join(user["name"] for user in ground.cloud.describe()["users"])
    (line,) = [line for line in run.output.splitlines() if names in line]
    assert f"{names}: bind: POST /v3/auth/tokens:" in line


def test_what_is_wrong_with_users_is_the_message_itself(playground: Callable[..., Any], core: dict[str, str]) -> None:
    ground = playground("require", users=2)
    ground.variables[ACCOUNT]["mfa_rollout_exempt"] = [{"name": "ghost"}]
    run = ground.run(ROLLOUT, env=core)
    assert run.failure(ACCOUNT) == (
        "mfa_rollout_exempt names ghost, who is no user of this account. Fix it, or set mfa_rollout_exempt_strict=false where accounts share one list."
    )


def test_roll_back_with_the_variables_of_a_rollout_never_rolls_out(playground: Callable[..., Any]) -> None:
    ground = playground("require", users=2)
    for state in ("present", "rotated"):
        run = ground.run(ROLLBACK, "-e", f"mfa_rollout_state={state}")
        assert run.code == 2
        assert "This playbook is for mfa_rollout_state=absent, and mfa_rollout_state is" in run.failure(ACCOUNT)
        assert "Run again" not in run.output
    assert ground.cloud.log == []
    assert ground.run(ROLLBACK, "-e", "mfa_rollout_state=absent").code == 0


def test_directory_that_is_left_empty_is_none(playground: Callable[..., Any]) -> None:
    ground = playground("require", users=2)
    ground.variables[ACCOUNT] |= {"mfa_rollout_report_dir": None, "mfa_rollout_seed_store_dir": None, "mfa_rollout_new_user_grace_days": 3}
    for playbook, words in ((AUDIT, []), (ROLLOUT, ["--check"]), (ROLLOUT, []), (ROLLBACK, ["-e", "mfa_rollout_rollback_all=true"])):
        run = ground.run(playbook, *words)
        assert run.code == 0, run.output
    assert not list(ground.path.glob("*report*"))


def test_roll_back_without_a_place_for_a_record_warns(playground: Callable[..., Any]) -> None:
    ground = playground("require", users=1)
    del ground.variables[ACCOUNT]["mfa_rollout_report_dir"]
    run = ground.run(ROLLBACK)
    assert run.code == 0, run.output
    assert "so no record tells which login protection a rollout has set" in " ".join(run.output.split())
