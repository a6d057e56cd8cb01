# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role and the playbooks of the collection, as a whole."""

from __future__ import annotations

import re
import time
from typing import Any, Callable

import pyotp
import pytest
from twins import twin

ACCOUNT = "acme-berlin"


def assert_all_enrolled(ground: Any, account: str = ACCOUNT, unless: tuple[str, ...] = ()) -> None:
    """Every user has one bound device, protected logins, and a stored seed that gives the code that their device would show; no code was ever refused."""
    seeds = ground.seeds(account)
    described = next(entry for entry in ground.cloud.describe()["accounts"] if entry["name"] == account)
    for user in described["users"]:
        seen = ground.cloud.cloud.user(user["user_id"])
        if user["user_id"] in unless:
            assert seen.device is None
            continue
        assert seen.device is not None and seen.device.bound, user["name"]
        assert seen.protection.enabled and seen.protection.verification_method == "vmfa"
        assert seeds[user["user_id"]]["serial_number"] == seen.device.serial_number
        now = ground.cloud.cloud.now()
        assert pyotp.TOTP(seeds[user["user_id"]]["seed"]).at(now) == pyotp.TOTP(seen.device.seed).at(now)
        assert set(seeds[user["user_id"]]) >= {"serial_number", "seed", "name"}
    assert ground.cloud.cloud.counters.wrong_codes == 0
    assert ground.cloud.cloud.counters.refused_codes == 0


@pytest.mark.parametrize(
    ("profile", "route", "at", "when"),
    [
        twin("huaweicloud", "create", 5, "after"),
        ("huaweicloud", "bind", 9, "after"),
        twin("huaweicloud", "login-protect-put", 4, "after"),
        ("otc", "create", 5, "after"),
        twin("otc", "bind", 9, "after"),
    ],
)
def test_a_killed_rollout_of_40_users_is_completed_by_the_next_run(
    playground: Callable[..., Any], profile: str, route: str, at: int, when: str
) -> None:
    ground = playground(users=40, profile=profile)
    ground.variables[ACCOUNT]["mfa_rollout_wave_sizes"] = [1, 100]
    if profile == "huaweicloud":
        route = {"create": "v5-create", "bind": "v5-enable"}.get(route, route)
    process = ground.start("hwc.mfa.rollout")
    ground.cloud.kill_at(process.pid, at, when, route)
    process.communicate(timeout=120)
    assert process.returncode == -9
    completed = ground.run("hwc.mfa.rollout")
    assert completed.code == 0, completed.output
    assert_all_enrolled(ground)
    assert ground.report(ACCOUNT)["summary"]["failed"] == 0


def test_of_two_runs_at_once_one_stops_and_says_why_and_nothing_is_doubled(playground: Callable[..., Any]) -> None:
    ground = playground(latency_ms=150)
    ground.variables[ACCOUNT]["mfa_rollout_wave_sizes"] = [1, 10]
    first = ground.start("hwc.mfa.rollout")
    lock = ground.seed_directory / ACCOUNT / ".lock"
    deadline = time.monotonic() + 60
    while not lock.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    others = [ground.start("hwc.mfa.rollout", *words) for words in ([], ["--check"])]
    # A preview says what the real run would.
    for other in others:
        said, _nothing = other.communicate(timeout=180)
        assert other.returncode == 2, said
        assert f"another run is at work on this account: process {first.pid}" in said
    output, _nothing = first.communicate(timeout=180)
    assert first.returncode == 0, output
    assert not lock.exists()
    counters = ground.cloud.cloud.counters
    assert (counters.creates, counters.binds, counters.wrong_codes, counters.deletes) == (8, 8, 0, 0)


@pytest.mark.parametrize(("strategy", "place"), [("require", "reports/.locks"), ("enrol", "seeds")])
def test_of_a_rollout_and_a_roll_back_of_the_other_strategy_at_once_one_stops(
    playground: Callable[..., Any], strategy: str, place: str
) -> None:
    ground = playground(strategy, latency_ms=150)
    variables = ground.variables[ACCOUNT]
    variables["mfa_rollout_wave_sizes"] = [1, 10]
    if strategy == "require":
        # Nothing but reports: the lock lies beside them.
        for name in ("mfa_rollout_seed_store_dir", "mfa_rollout_seed_store_password"):
            variables.pop(name, None)
        variables["mfa_rollout_report_dir"] = str(ground.path / "reports")
    first = ground.start("hwc.mfa.rollout")
    lock = ground.path / place / ACCOUNT / ".lock"
    deadline = time.monotonic() + 60
    while not lock.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    back = ground.run("hwc.mfa.rollback", "-e", "mfa_rollout_strategy=require")
    output, _nothing = first.communicate(timeout=180)
    assert back.code == 2, back.output
    assert f"another run is at work on this account: process {first.pid}" in back.output
    assert first.returncode == 0, output
    assert not lock.exists()


def test_preview_says_where_nothing_keeps_another_run_away(playground: Callable[..., Any]) -> None:
    ground = playground("require", users=2)
    for name in ("mfa_rollout_seed_store_dir", "mfa_rollout_seed_store_password", "mfa_rollout_report_dir"):
        ground.variables[ACCOUNT].pop(name, None)
    words = "nothing keeps another run away from this account"
    assert words in ground.run("hwc.mfa.rollout", "--check").output
    ground.variables[ACCOUNT]["mfa_rollout_report_dir"] = str(ground.path / "reports")
    shown = ground.run("hwc.mfa.rollout", "--check", "-v").output
    assert words not in shown
    assert re.search(rf"<{ACCOUNT}> 127\.0\.0\.1:\d+ GET /v3/users: \d+\.\d{{3}} s, 200, request id \w{{32}}$", shown, re.M), shown
    # The disk of a job is not that of another one.
    assert words in ground.run("hwc.mfa.rollout", "--check", "-e", "awx_job_id=1").output


@pytest.mark.parametrize(("profile", "accounts"), [("huaweicloud", 2), twin("otc", 1)])
def test_accounts_are_previewed_enrolled_repeated_audited_rolled_back_and_enrolled_anew(
    playground: Callable[..., Any], profile: str, accounts: int
) -> None:
    ground = playground(users=6 * accounts, accounts=accounts, profile=profile)
    for variables in ground.variables.values():
        # The default's, of which the role must take one and then several.
        del variables["mfa_rollout_wave_sizes"]
    previewed = ground.run("hwc.mfa.rollout", "--check", "--diff")
    assert previewed.code == 0, previewed.output
    assert previewed.recap(ACCOUNT)["changed"] > 0
    assert ground.cloud.cloud.counters.writes == 0
    assert not ground.seed_directory.exists()
    for changes in (True, False):
        run = ground.run("hwc.mfa.rollout")
        assert run.code == 0, run.output
        for account in ground.variables:
            assert_all_enrolled(ground, account)
            assert (run.recap(account)["changed"] > 0) is changes
            assert {row["after"]["login_protection"] for row in ground.report(account)["users"] if row["named"]} == {"vmfa"}
    assert "wave 2 of 2, 5 users, 5 created, 5 bound, 5 protected, 0 failed" in run.output or not changes
    writes = ground.cloud.cloud.counters.writes
    audited = ground.run("hwc.mfa.audit")
    assert audited.code == 0 and audited.recap(ACCOUNT)["changed"] == 0, audited.output
    assert ground.report(ACCOUNT)["summary"]["already"] == 6
    *rows, others = ground.report(ACCOUNT)["users"]
    assert (others["named"], others["reason"]) == (False, "not asked for in mfa_rollout_users")
    for row in rows:
        assert row["before"] == row["after"]
        assert row["after"]["login_protection"] == "vmfa"
        assert row["seed_stored"] is True
    assert ground.cloud.cloud.counters.writes == writes
    back = ground.run("hwc.mfa.rollback")
    assert back.code == 0, back.output
    for user in ground.cloud.describe()["users"]:
        assert ground.cloud.cloud.user(user["user_id"]).device is None
        assert not ground.cloud.cloud.user(user["user_id"]).protection.enabled
    enrolled_anew = ground.run("hwc.mfa.rollout")
    assert enrolled_anew.code == 0, enrolled_anew.output
    assert_all_enrolled(ground)


@pytest.mark.parametrize("credentials", ["access_key", twin("password"), twin("token")])
def test_require_protects_everybody_but_exempt_disabled_and_the_plays_own_user(playground: Callable[..., Any], credentials: str) -> None:
    ground = playground("require", users=12, disabled=1)
    described = ground.cloud.describe()
    admin = described["admin"]
    auth = {"iam_endpoint": ground.cloud.url}
    login = {"auth_username": admin["name"], "auth_password": admin["password"], "auth_domain_name": described["domain_name"]}
    if credentials == "access_key":
        auth |= {"access_key": admin["access_key"], "secret_key": admin["secret_key"]}
    elif credentials == "password":
        auth |= login
    else:
        auth["auth_token"] = _token(ground.cloud.url, login)
    exempt = described["users"][2]
    ground.variables[ACCOUNT] |= {"mfa_rollout_auth": auth, "mfa_rollout_exempt": [{"name": exempt["name"], "reason": "break glass"}]}
    run = ground.run("hwc.mfa.rollout")
    assert run.code == 0, run.output
    left_alone = {row["name"]: row["reason"] for row in ground.report(ACCOUNT)["users"] if row["outcome"] == "left_alone"}
    disabled = [user for user in described["users"] if not user["enabled"]]
    assert left_alone.pop(admin["name"]) == "the play runs as this user"
    assert left_alone.pop(exempt["name"]) == "exempt: break glass"
    assert left_alone == {user["name"]: "the user is disabled" for user in disabled}
    for user in described["users"]:
        protection = ground.cloud.cloud.user(user["user_id"]).protection
        touched = protection is not None and protection.enabled
        assert touched is (user["enabled"] and user is not exempt), user["name"]
    assert ground.cloud.cloud.user(admin["user_id"]).protection is None
    back = ground.run("hwc.mfa.rollback")
    assert back.code == 0, back.output
    assert not any(p and p.enabled for p in (ground.cloud.cloud.user(user["user_id"]).protection for user in described["users"]))


def _token(url: str, login: dict[str, str]) -> str:
    import requests

    user = {"name": login["auth_username"], "password": login["auth_password"], "domain": {"name": login["auth_domain_name"]}}
    scope = {"domain": {"name": login["auth_domain_name"]}}
    body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}}
    answer = requests.post(f"{url}/v3/auth/tokens?nocatalog=true", json=body, timeout=10)
    assert answer.status_code == 201
    return answer.headers["X-Subject-Token"]


def test_differences_of_require_are_shown_and_those_of_enrol_are_hidden_with_its_seeds(playground: Callable[..., Any]) -> None:
    ground = playground("require", users=2)
    preview, run = ground.run("hwc.mfa.rollout", "--check", "--diff"), ground.run("hwc.mfa.rollout", "--diff")
    for one in (preview, run):
        assert one.code == 0, one.output
        assert one.output.count("+++ after: iam_login_protection") == 1
        assert one.output.count('"verification_method": "vmfa"') == 2
    enrolling = playground(users=1, folder="enrol")
    hidden = enrolling.run("hwc.mfa.rollout", "--diff")
    assert hidden.code == 0, hidden.output
    assert "+++ after" not in hidden.output


def test_too_many_failures_stop_after_the_wave_with_the_report_written(playground: Callable[..., Any]) -> None:
    ground = playground(users=8)
    users = ground.variables[ACCOUNT]["mfa_rollout_users"]
    users[2]["auth_password"] = "not their password"
    ground.variables[ACCOUNT] |= {"mfa_rollout_wave_sizes": [1, 3], "mfa_rollout_identity_center": {"mfa_mode": "ALWAYS_ON"}}
    run = ground.run("hwc.mfa.rollout")
    assert run.code != 0
    outcomes = {row["user_id"]: row for row in ground.report(ACCOUNT)["users"]}
    assert [outcomes[user["user_id"]]["outcome"] for user in users] == [*["done"] * 2, "failed", "done", *["not_reached"] * 4]
    assert "auth_password" in outcomes[users[2]["user_id"]]["reason"]
    assert outcomes[users[2]["user_id"]]["name"] in run.output
    assert "not their password" not in run.output
    assert ground.cloud.cloud.user(users[4]["user_id"]).counters.writes == 0
    assert not any(entry["route"].startswith("ic-set") for entry in ground.cloud.log), "Identity Center waits for a rollout that went well"
    ground.variables[ACCOUNT] |= {"mfa_rollout_max_failures": 1}
    tolerant = ground.run("hwc.mfa.rollout")
    assert tolerant.code == 0, tolerant.output
    assert ground.report(ACCOUNT)["summary"]["failed"] == 1
    assert ground.cloud.cloud.user(users[7]["user_id"]).device.bound


def test_seeds_can_be_kept_by_the_operators_own_tasks(playground: Callable[..., Any]) -> None:
    ground = playground(users=3, profile="otc")
    tasks = ground.path / "my_store.yml"
    tasks.write_text(OWN_STORE, encoding="utf-8")
    variables = ground.variables[ACCOUNT]
    for name in ("mfa_rollout_seed_store_dir", "mfa_rollout_seed_store_password"):
        del variables[name]
    variables |= {"mfa_rollout_seed_store_tasks": str(tasks), "my_store_file": str(ground.path / "kept.json")}
    run = ground.run("hwc.mfa.rollout")
    assert run.code == 0, run.output
    again = ground.run("hwc.mfa.rollout")
    assert again.recap(ACCOUNT)["changed"] == 0, again.output
    import json

    kept = json.loads((ground.path / "kept.json").read_text())
    assert kept["intents"] == []
    for user in ground.cloud.describe()["users"]:
        device = ground.cloud.cloud.user(user["user_id"]).device
        assert device.bound
        assert kept["entries"][user["user_id"]]["seed"] == device.seed


OWN_STORE = """
- name: Start with an empty store, or with what is kept
  ansible.builtin.set_fact:
    mfa_rollout_store_loaded: "{{ kept | from_json if kept else {'entries': {}, 'intents': []} }}"
  vars:
    kept: "{{ lookup('ansible.builtin.file', my_store_file) if my_store_file is file else '' }}"
  no_log: true

- name: Keep what there is to keep
  ansible.builtin.copy:
    dest: "{{ my_store_file }}"
    mode: "0600"
    content: "{{ {'entries': entries, 'intents': intents} | to_json }}"
  vars:
    forgotten: "{{ mfa_rollout_store_users if mfa_rollout_store_action in ['intend', 'remove'] else [] }}"
    entries: >-
      {{ mfa_rollout_store_loaded.entries | dict2items | rejectattr('key', 'in', forgotten) | items2dict
         | combine(mfa_rollout_store_entries) }}
    intents: >-
      {{ (mfa_rollout_store_loaded.intents + (mfa_rollout_store_users if mfa_rollout_store_action == 'intend' else []))
         | unique | reject('in', mfa_rollout_store_entries) }}
  no_log: true
  when: mfa_rollout_store_action != 'load'
"""


WRONG_INPUT: dict[str, tuple[dict[str, Any], str]] = {
    "everybody": ({"mfa_rollout_users": "all"}, "mfa_rollout_users must name the users"),
    "no-name": ({"mfa_rollout_account": None}, "mfa_rollout_account must not be empty"),
    "no-place": ({"mfa_rollout_seed_store_dir": ""}, "mfa_rollout_seed_store_dir"),
    "no-password": ({"mfa_rollout_seed_store_password": ""}, "mfa_rollout_seed_store_password"),
    "number-password": ({"mfa_rollout_seed_store_password": 42798}, "mfa_rollout_seed_store_password must be text"),
    "number-exempt": ({"mfa_rollout_exempt": [{"name": 83}]}, "mfa_rollout_exempt: name 83 is a number"),
    "no-option": ({"mfa_rollout_auth": {"acess_key": "AK"}}, "mfa_rollout_auth has no option acess_key: did you mean access_key?"),
    "no-strategy": ({"mfa_rollout_strategy": "enroll"}, "mfa_rollout_strategy"),
    "misspelt": ({"mfa_rollout_exempts": []}, "did you mean mfa_rollout_exempt?"),
    "unknown-key": ({"mfa_rollout_users": [{"name": "ada", "passwrod": "x"}]}, "user ada has passwrod; a user can have"),
    "relative": ({"mfa_rollout_report_dir": "report"}, "mfa_rollout_report_dir: directory must be an absolute path"),
    "no-wave": ({"mfa_rollout_wave_sizes": [0]}, "mfa_rollout_wave_sizes"),
    "exempt-who": ({"mfa_rollout_exempt": [{"reason": "nobody"}]}, "mfa_rollout_exempt"),
    "awx": ({"awx_job_id": 42}, "mfa_rollout_seed_store_persistent"),
    "region": ({"mfa_rollout_auth": {"region": "eu de"}}, "region"),
    "many-at-once": ({"mfa_rollout_concurrency": 1000}, "mfa_rollout_concurrency must be from 1 to 256"),
}


def test_wrong_input_stops_every_account_before_anything_is_touched(playground: Callable[..., Any]) -> None:
    ground = playground(users=2)
    right = ground.variables.pop(ACCOUNT)
    ground.variables |= {host: right | change for host, (change, _words) in WRONG_INPUT.items()}
    run = ground.run("hwc.mfa.rollout")
    assert run.code != 0
    for host, (_change, words) in WRONG_INPUT.items():
        said = run.failures(host)
        assert len(said) == 1 and words in said[0], (host, said)
        assert run.recap(host)["failed"] == 1
    assert ground.cloud.cloud.counters.writes == 0


def test_empty_list_of_users_is_nobody_and_nothing_is_done(playground: Callable[..., Any]) -> None:
    ground = playground(users=2)
    ground.variables[ACCOUNT]["mfa_rollout_users"] = []
    for state in ("present", "rotated", "reset"):
        ground.variables[ACCOUNT]["mfa_rollout_state"] = state
        run = ground.run("hwc.mfa.rollout")
        assert run.code == 0, run.output
        assert run.recap(ACCOUNT)["changed"] == 0
    assert ground.cloud.cloud.counters.writes == 0


def test_defaults_of_the_play_reach_the_role(playground: Callable[..., Any]) -> None:
    ground = playground("require", users=3)
    auth = ground.variables[ACCOUNT].pop("mfa_rollout_auth")
    ground.variables[ACCOUNT]["account_auth"] = auth
    header = "- hosts: all\n  connection: local\n  gather_facts: false\n  module_defaults:\n    group/hwc.mfa.mfa: '{{ account_auth }}'\n"
    run = ground.play("    - ansible.builtin.include_role:\n        name: hwc.mfa.mfa_rollout\n", header=header)
    assert run.code == 0, run.output
    assert ground.report(ACCOUNT)["summary"]["done"] == 3


def test_identity_center_is_set_up_where_configured(playground: Callable[..., Any]) -> None:
    ground = playground("require", users=2)
    ground.variables[ACCOUNT]["mfa_rollout_identity_center"] = {"user_permission": "READ_ACTIONS", "mfa_mode": "ALWAYS_ON"}
    assert ground.run("hwc.mfa.rollout").code == 0
    again = ground.run("hwc.mfa.rollout")
    assert again.recap(ACCOUNT)["changed"] == 0
    page = ground.play(
        "    - hwc.mfa.identity_center_mfa_settings_info:\n"
        "      module_defaults:\n        hwc.mfa.identity_center_mfa_settings_info: '{{ mfa_rollout_auth }}'\n"
        "      register: page\n"
        "    - ansible.builtin.assert:\n"
        "        that: page.settings.user_permission == 'READ_ACTIONS' and page.settings.mfa_mode == 'ALWAYS_ON'\n"
    )
    assert page.code == 0, page.output
