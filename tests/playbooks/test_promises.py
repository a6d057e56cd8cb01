# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Promises that hold by data: whatever an operator ignores, shares or copies, nobody has a bound device whose seed is not stored."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path
from typing import Any, Callable

import pytest
from own_store import with_own_store
from truths import ACCOUNT, HEADER, IGNORING, ROLE_IGNORED, ROLLBACK, ROLLOUT, assert_nothing_is_lost
from twins import CLOUDS, twin

AT_PLAY = (IGNORING, "    - ansible.builtin.include_role:\n        name: hwc.mfa.mfa_rollout\n")
ON_BLOCK = (
    HEADER,
    "    - ignore_errors: true\n      block:\n        - ansible.builtin.include_role:\n            name: hwc.mfa.mfa_rollout\n",
)
ON_IMPORT = (HEADER, "    - ansible.builtin.import_role:\n        name: hwc.mfa.mfa_rollout\n      ignore_errors: true\n")


def rows(ground: Any, account: str = ACCOUNT) -> dict[str, dict[str, Any]]:
    return {row["user_id"]: row for row in ground.report(account)["users"]}


def other_place(ground: Any) -> dict[str, Any]:
    """An owner of a lock that runs in another namespace of this machine, where its process has the number of one that is not here."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return {
        "host": socket.gethostname(),
        "pid": 2**22 - 1,
        "started": "1",
        "boot": boot,
        "namespace": "pid:[1]",
        "inventory_host": ACCOUNT,
    }


def lock_held(ground: Any) -> None:
    folder = ground.seed_directory / ACCOUNT
    folder.mkdir(parents=True)
    (folder / ".lock").write_text(json.dumps({"owner": other_place(ground), "until": time.time() + 900}), encoding="utf-8")


def password_empty(ground: Any) -> None:
    ground.variables[ACCOUNT]["mfa_rollout_seed_store_password"] = ""


def file_in_the_way(ground: Any) -> None:
    ground.seed_directory.write_text("no directory", encoding="utf-8")


def wrong_password(ground: Any) -> None:
    first = ground.variables[ACCOUNT]["mfa_rollout_users"][:1]
    assert ground.run(ROLLOUT, "-e", json.dumps({"mfa_rollout_users": first})).code == 0
    ground.variables[ACCOUNT]["mfa_rollout_seed_store_password"] = "another one"


SPOILS = (lock_held, password_empty, file_in_the_way, wrong_password)
PLACES = {"play": AT_PLAY, "block": ON_BLOCK, "import_role": ON_IMPORT}
# All places on one cloud, and both clouds in one place.
STORES_THAT_FAIL = [(place, spoil, "huaweicloud") for place in PLACES for spoil in SPOILS] + [("play", spoil, "otc") for spoil in SPOILS]
# Each store that fails once.
FIRST = {
    ("play", lock_held, "huaweicloud"),
    ("block", password_empty, "huaweicloud"),
    ("import_role", file_in_the_way, "huaweicloud"),
    ("play", wrong_password, "otc"),
}


@pytest.mark.parametrize(("place", "spoil", "profile"), [case if case in FIRST else twin(*case) for case in STORES_THAT_FAIL])
def test_ignored_failure_of_the_store_binds_and_protects_nobody_and_fails_the_host(
    playground: Callable[..., Any], place: str, spoil: Callable[[Any], None], profile: str
) -> None:
    ground = playground(users=3, profile=profile)
    ground.variables[ACCOUNT]["mfa_rollout_wave_sizes"] = [3]
    spoil(ground)
    before = {user.id: (user.device, user.protection) for user in ground.cloud.cloud.users.values()}
    header, tasks = PLACES[place]
    run = ground.play(tasks, header=header)
    assert run.code == 2, run.output
    if spoil is wrong_password:
        assert "cannot be decrypted" in run.output
        assert "another run has written" not in run.output, "there was no other run"
        assert "so it was not created. The store could not be read" in run.output
    assert {user.id: (user.device, user.protection) for user in ground.cloud.cloud.users.values()} == before
    # Under variables that are wrong there is no plan, and no report.
    if (ground.path / "report" / f"{ACCOUNT}.json").exists() and spoil is not wrong_password:
        failed = [row for row in rows(ground).values() if row["outcome"] == "failed"]
        assert len(failed) == 3
        assert all("the seed could not be stored" in row["reason"] or "at work on this account" in row["reason"] for row in failed)


def test_ignored_failure_of_the_record_protects_nobody(playground: Callable[..., Any]) -> None:
    ground = playground("require", users=2)
    report = ground.path / "report"
    # It was sound when the run began.
    spoil = f"test ! -e {report}/.locks/{ACCOUNT}/.lock || mkdir -p {report}/{ACCOUNT}.record.json; echo 8"
    ground.variables[ACCOUNT]["mfa_rollout_concurrency"] = f"{{{{ lookup('ansible.builtin.pipe', '{spoil}') }}}}"
    header, tasks = AT_PLAY
    run = ground.play(tasks, header=header)
    assert run.code == 2, run.output
    assert ground.cloud.cloud.counters.protects == 0
    assert "protect: the record could not be written, so login protection was not set: " in run.output
    assert ground.report(ACCOUNT)["summary"]["failed"] == 2


VOLATILE = {
    "each time": "{{ lookup('ansible.builtin.password', '/dev/null length=32') }}",
    # Whoever asks twice in one task sees no difference.
    "each task": "{{ lookup('ansible.builtin.pipe', 'echo $PPID') }}",
}


@pytest.mark.parametrize(("place", "kind"), [("play", "each task"), ("play", "each time"), twin("block", "each task")])
def test_store_password_that_changes_between_tasks_makes_no_device_and_fails_the_host(
    playground: Callable[..., Any], core: dict[str, str], place: str, kind: str
) -> None:
    ground = playground(users=2)
    ground.variables[ACCOUNT] |= {"mfa_rollout_seed_store_password": VOLATILE[kind], "mfa_rollout_wave_sizes": [1]}
    header, tasks = PLACES[place]
    run = ground.play(tasks, header=header, env=core)
    assert run.code == 2, run.output
    assert "mfa_rollout_seed_store_password has another value in each task: give it a fixed one" in run.output
    assert ground.cloud.cloud.counters.writes == 0
    assert not list(ground.path.glob("seeds/*/0*"))
    if kind == "each time":
        previewed = ground.play(tasks, "--check", header=HEADER, env=core)
        assert previewed.code == 2 and "give it a fixed one" in previewed.output


def test_roll_back_keeps_what_a_person_has_set_after_the_cloud_refused_it_to_a_rollout(playground: Callable[..., Any]) -> None:
    ground = playground("require", users=2)
    ground.cloud.fault("forbid:login-protect-put")
    assert ground.run(ROLLOUT).code == 2
    ground.cloud.clear_faults()
    user = ground.cloud.cloud.user(ground.cloud.describe()["users"][0]["user_id"])
    ground.cloud.cloud.give_device(user.id, bound=True)
    ground.cloud.cloud.protect(user.id)
    run = ground.run(ROLLBACK)
    assert run.code == 0, run.output
    assert user.held_by_protection
    assert rows(ground)[user.id]["reason"].startswith("login protection was not set by a rollout")


def bound_but_never_protected(ground: Any) -> Any:
    """The first user, whose device a rollout has bound that was to protect nobody, after one that was to and could not bind."""
    first = ground.variables[ACCOUNT]["mfa_rollout_users"][0]
    password = first["auth_password"]
    first["auth_password"] = "wrong"
    assert ground.run(ROLLOUT).code == 2
    first["auth_password"] = password
    ground.cloud.advance(1000)
    run = ground.run(ROLLOUT, "-e", "mfa_rollout_login_protection=false")
    assert run.code == 0, run.output
    ground.cloud.advance(90)
    user = ground.cloud.cloud.user(first["user_id"])
    assert user.device.bound and not user.held_by_protection
    return user


@pytest.mark.parametrize("users", [1, 2])
@pytest.mark.parametrize("store", ["files", "tasks"])
def test_roll_back_keeps_what_an_administrator_has_set_for_a_user_whom_no_rollout_came_to_protect(
    playground: Callable[..., Any], users: int, store: str
) -> None:
    ground = playground(users=users)
    if store == "tasks":
        for name in ("mfa_rollout_seed_store_dir", "mfa_rollout_report_dir"):
            del ground.variables[ACCOUNT][name]
        with_own_store(ground)
    user = bound_but_never_protected(ground)
    ground.cloud.cloud.protect(user.id)
    run = ground.run(ROLLBACK)
    assert run.code == 0, run.output
    assert user.held_by_protection
    assert "login protection was not set by a rollout" in run.output


def test_ignored_failure_to_read_the_record_lifts_nothing(playground: Callable[..., Any]) -> None:
    ground = playground(users=2)
    assert ground.run(ROLLOUT).code == 0
    ground.cloud.advance(90)
    record = ground.seed_directory / ACCOUNT / ".record.json"
    # It was sound when the run began.
    spoil = f"test ! -e {record.parent}/.lock || printf broken > {record}; echo 8"
    ground.variables[ACCOUNT]["mfa_rollout_concurrency"] = f"{{{{ lookup('ansible.builtin.pipe', '{spoil}') }}}}"
    header, tasks = AT_PLAY
    run = ground.play(tasks, "-e", "mfa_rollout_state=absent", header=header)
    assert run.code == 2, run.output
    assert all(ground.cloud.cloud.user(user["user_id"]).held_by_protection for user in ground.cloud.describe()["users"])
    assert "the record of login protection could not be read" in " ".join(run.output.split())
    assert record.read_text(encoding="utf-8") == "broken"


def test_failure_to_save_seeds_that_is_ignored_leaves_devices_unbound_and_the_next_run_completes(playground: Callable[..., Any]) -> None:
    ground = playground(users=3)
    # An operator's own store whose saving fails, and is ignored.
    with_own_store(ground, mfa_rollout_wave_sizes=[3], own_store_refuses="save")
    run = ground.play(AT_PLAY[1], header=AT_PLAY[0])
    assert run.code == 2, run.output
    users = [ground.cloud.cloud.user(user["user_id"]) for user in ground.cloud.describe()["users"]]
    assert all(not user.device.bound and not user.held_by_protection for user in users)
    assert all("the seed could not be stored" in row["reason"] for row in rows(ground).values() if row["outcome"] == "failed")
    del ground.variables[ACCOUNT]["own_store_refuses"]
    assert ground.run(ROLLOUT).code == 0
    stored = json.loads((ground.path / "own.json").read_text())["entries"]
    assert all(user.device.bound and stored[user.id]["seed"] == user.device.seed for user in users)


@pytest.mark.parametrize("ignored", [False, True])
def test_store_that_loses_seeds_which_it_has_shown_before_stops_the_rollout(playground: Callable[..., Any], ignored: bool) -> None:
    ground = playground(users=3)
    with_own_store(ground, mfa_rollout_wave_sizes=[1], own_store_forgets=True)
    run = ground.play("    []\n", header=ROLE_IGNORED) if ignored else ground.run(ROLLOUT)
    assert run.code == 2, run.output
    assert "the operator's store does not show seeds any more that it has shown before" in run.output
    first, *others = ground.cloud.cloud.accounts[0].users[1:]
    assert first.id in run.output
    assert first.device.bound
    assert not any(user.device is not None and user.device.bound for user in others), "nobody is bound after that"


def test_lock_of_another_namespace_with_the_same_host_name_is_not_taken(playground: Callable[..., Any]) -> None:
    ground = playground(users=2)
    lock_held(ground)
    run = ground.run(ROLLOUT)
    assert run.code == 2 and "another run is at work on this account" in run.output
    assert "its claim ends in 15 minutes" in run.output
    assert ground.cloud.cloud.counters.writes == 0


def second_host(ground: Any, **changes: Any) -> str:
    """Another name in the inventory for the same account of the cloud."""
    ground.variables["alias"] = {**ground.variables[ACCOUNT], **changes}
    return "alias"


@pytest.mark.parametrize("strategy", ["enrol", twin("require")])
def test_second_host_of_a_play_that_reaches_the_same_account_stops_and_names_the_first(
    playground: Callable[..., Any], strategy: str
) -> None:
    ground = playground(strategy, users=4)
    second_host(ground, **({"mfa_rollout_seed_store_dir": str(ground.path / "other-seeds")} if strategy == "enrol" else {}))
    run = ground.run(ROLLOUT)
    assert run.code == 2, run.output
    stopped = [line for line in run.output.splitlines() if line.startswith("fatal: ")]
    assert len(stopped) == 1 and "of this run already stands for this account of the cloud" in stopped[0]
    loser = "alias" if "[alias]" in stopped[0] else ACCOUNT
    winner = ({"alias", ACCOUNT} - {loser}).pop()
    assert f"host {winner} of this run" in stopped[0]
    store = ground.seed_directory if winner == ACCOUNT else ground.path / "other-seeds"
    if strategy == "enrol":
        assert not list((ground.path / ("seeds" if loser == ACCOUNT else "other-seeds")).rglob("*.yml"))
        assert list(store.rglob("*.yml"))
    assert ground.cloud.cloud.counters.creates == (4 if strategy == "enrol" else 0)
    assert ground.cloud.cloud.counters.wrong_codes == 0


def test_two_hosts_with_one_store_directory_do_not_share_the_lock(playground: Callable[..., Any]) -> None:
    ground = playground(users=4)
    second_host(ground, mfa_rollout_account=ACCOUNT)
    run = ground.run(ROLLOUT)
    assert run.code == 2
    assert "of this play is at work on this account" in run.output or "of this run already stands for this account" in run.output
    assert_nothing_is_lost(ground, "enrol")
    assert ground.cloud.cloud.counters.creates == 4


def test_account_whose_report_would_replace_the_record_of_another_is_refused(playground: Callable[..., Any]) -> None:
    ground = playground("require", users=2, accounts=2)
    one, other = ground.variables
    ground.variables[other]["mfa_rollout_account"] = f"{one}.record"
    run = ground.run(ROLLOUT)
    assert run.code == 2 and "must not end in .record" in run.output, run.output
    record = json.loads((ground.path / "report" / f"{one}.record.json").read_text(encoding="utf-8"))
    assert len(record["protected"]) == len(ground.report(one)["users"]) - 1
    assert not list((ground.path / "report").glob(f"{one}.record.[!j]*"))


def test_store_of_another_account_is_refused(playground: Callable[..., Any]) -> None:
    ground = playground(users=4, accounts=2)
    first, second = ground.variables
    assert ground.run(ROLLOUT, "--limit", first).code == 0
    # The second account's credentials under the first one's name, as after a mistake with the inventory.
    ground.variables[first] = {**ground.variables[second], "mfa_rollout_users": ground.variables[second]["mfa_rollout_users"]}
    creates = ground.cloud.cloud.counters.creates
    run = ground.play(AT_PLAY[1], "--limit", first, header=AT_PLAY[0])
    assert run.code == 2 and "is the report of the account with the id" in run.output
    # Where nobody keeps reports, the store tells.
    del ground.variables[first]["mfa_rollout_report_dir"]
    run = ground.play(AT_PLAY[1], "--limit", first, header=AT_PLAY[0])
    assert run.code == 2 and "it belongs to the account with the id" in run.output
    assert ground.cloud.cloud.counters.creates == creates


def test_serial_number_never_comes_back_and_line_and_report_show_the_account(playground: Callable[..., Any]) -> None:
    ground = playground(users=1)
    ground.variables[ACCOUNT]["mfa_rollout_users"][0]["device_name"] = "robot"
    user = ground.cloud.cloud.user(ground.cloud.describe()["users"][0]["user_id"])
    serials = []
    for playbook in (ROLLOUT, ROLLBACK, ROLLOUT):
        run = ground.run(playbook)
        assert run.code == 0, run.output
        if playbook == ROLLOUT:
            assert user.device.name.startswith("robot-")
            serials.append(user.device.serial_number)
        ground.cloud.advance(90)
    assert serials[0] != serials[1]
    domain_id = ground.cloud.describe()["domain_id"]
    assert f"account {ACCOUNT} (id {domain_id})" in run.output
    assert ground.report(ACCOUNT)["cloud_account"] == {"id": domain_id, "name": ACCOUNT}


@pytest.mark.parametrize("profile", CLOUDS)
def test_roll_back_after_a_refused_creation_leaves_the_users_own_bound_device_alone(playground: Callable[..., Any], profile: str) -> None:
    ground = playground(users=2, profile=profile)
    for create in ("v5-create", "create"):
        ground.cloud.fault(f"status=403:{create}")
    run = ground.run(ROLLOUT)
    assert run.code == 2 and "create:" in run.output
    ground.cloud.clear_faults()
    users = [ground.cloud.cloud.user(user["user_id"]) for user in ground.cloud.describe()["users"]]
    ground.cloud.cloud.give_device(users[0].id, bound=True)
    own = users[0].device
    back = ground.run(ROLLBACK)
    assert back.code == 0, back.output
    assert users[0].device == own


def test_roll_back_deletes_a_device_known_by_an_announcement_only_without_unbinding_it(playground: Callable[..., Any]) -> None:
    ground = playground(users=1, profile="otc")
    user = ground.cloud.cloud.user(ground.cloud.describe()["users"][0]["user_id"])
    # The run ends right after the device was made: an announcement, no seed.
    process = ground.start(ROLLOUT)
    ground.cloud.kill_at(process.pid, 1, "after", "create")
    process.communicate(timeout=60)
    # Meanwhile somebody who saw the seed has bound it.
    ground.cloud.cloud.give_device(user.id, bound=True, name=user.device.name)
    run = ground.run(ROLLBACK)
    assert user.device is not None and user.device.bound, run.output
    assert "may be bound after all" in run.output
    assert not [entry for entry in ground.cloud.log if entry["route"] == "unbind"]


@pytest.mark.parametrize(("profile", "bound"), [("huaweicloud", False), ("otc", True), twin("otc", False), twin("huaweicloud", True)])
def test_own_device_stays_of_a_user_for_whom_a_creation_was_announced_of_which_nothing_came(
    playground: Callable[..., Any], profile: str, bound: bool
) -> None:
    ground = playground(users=1, profile=profile)
    user = ground.cloud.cloud.user(ground.cloud.describe()["users"][0]["user_id"])
    # Whether a gateway that is down has passed the request on, nobody knows, so the announcement stays.
    ground.cloud.fault(f"status=503:{'create' if profile == 'otc' else 'v5-create'}")
    assert ground.run(ROLLOUT).code == 2
    ground.cloud.clear_faults()
    own = ground.cloud.cloud.give_device(user.id, bound=bound, name="phone")
    for playbook in (ROLLOUT, ROLLBACK, ROLLOUT):
        run = ground.run(playbook)
        assert run.code == 0, run.output
        assert user.device == own
    assert not [entry for entry in ground.cloud.log if entry["method"] == "DELETE"]


@pytest.mark.parametrize("serial_forms_differ", [twin(False), True])
def test_security_keys_are_never_taken_for_virtual_devices(playground: Callable[..., Any], serial_forms_differ: bool) -> None:
    ground = playground(users=3, security_keys_in_v5=True, serial_forms_differ=serial_forms_differ)
    cloud = ground.cloud.cloud
    users = [cloud.user(user["user_id"]) for user in ground.cloud.describe()["users"]]
    for user in users[:2]:
        cloud.give_key(user.id)
    assert ground.run(ROLLOUT).code == 0
    assert all(user.device.bound and user.held_by_protection for user in users)
    assert_nothing_is_lost(ground, "enrol")
    again = ground.run(ROLLOUT)
    assert again.code == 0 and again.recap(ACCOUNT)["changed"] == 0, again.output
    # A key that comes after the device.
    cloud.give_key(users[2].id)
    ground.cloud.advance(90)
    back = ground.run(ROLLBACK)
    assert back.code == 0, back.output
    assert all(user.device is None and len(user.keys) == 1 for user in users)
    assert cloud.counters.key_writes == cloud.counters.wrong_codes == cloud.counters.refused_codes == 0


def test_device_that_one_api_made_and_both_show_is_one_device(playground: Callable[..., Any]) -> None:
    ground = playground(users=2, serial_forms_differ=True)
    ground.cloud.fault("status=403:v5-create")
    run = ground.run(ROLLOUT)
    assert run.code == 0, run.output
    users = [ground.cloud.cloud.user(user["user_id"]) for user in ground.cloud.describe()["users"]]
    shown = [row["after"]["device"] for row in ground.report(ACCOUNT)["users"]]
    stored = [entry["serial_number"] for entry in ground.seeds(ACCOUNT).values()]
    assert not set(shown) & set(stored), "the cloud shows another form than it gave"
    assert [row["seed_stored"] for row in ground.report(ACCOUNT)["users"]] == [True, True]
    again = ground.run(ROLLOUT)
    assert again.code == 0 and again.recap(ACCOUNT)["changed"] == 0, again.output
    ground.cloud.advance(90)
    back = ground.run(ROLLBACK)
    assert back.code == 0, back.output
    assert all(user.device is None and not user.held_by_protection for user in users)


@pytest.mark.parametrize("where", ["environment", twin("module_defaults")])
def test_user_who_has_the_plays_own_key_is_left_alone_wherever_the_play_has_it_from(playground: Callable[..., Any], where: str) -> None:
    ground = playground(users=2, tells_caller=False)
    variables = ground.variables[ACCOUNT]
    admin = ground.cloud.describe()["accounts"][0]["admin"]
    keys = {name: variables["mfa_rollout_auth"].pop(name) for name in ("access_key", "secret_key")}
    variables["mfa_rollout_users"].append({"user_id": admin["user_id"], **keys})
    variables["mfa_rollout_exempt"] = [{"name": "nobody who is here", "reason": "a list for all"}]
    variables["mfa_rollout_exempt_strict"] = False
    defaults = f"  module_defaults:\n    group/hwc.mfa.mfa: {json.dumps(keys)}\n" if where == "module_defaults" else ""
    env = {f"HW_{name.upper()}": value for name, value in keys.items()} if where == "environment" else {}
    run = ground.play(AT_PLAY[1], header=f"{HEADER}{defaults}", env=env)
    assert run.code == 0, run.output
    assert "the play runs as this user" in run.output
    own = ground.cloud.cloud.user(admin["user_id"])
    assert own.device is None and own.protection is None
    assert len([user for user in ground.cloud.cloud.users.values() if user.held_by_protection]) == 2


def test_two_accounts_of_one_name_do_not_replace_each_others_reports(playground: Callable[..., Any]) -> None:
    ground = playground("require", users=4, accounts=2)
    first, second = ground.variables
    for account in ground.variables:
        ground.variables[account]["mfa_rollout_account"] = "same"
    assert ground.run(ROLLOUT, "--limit", first).code == 0
    kept = ground.report("same")
    for playbook, words in ((ROLLOUT, []), (ROLLOUT, ["--check"]), ("hwc.mfa.audit", [])):
        run = ground.run(playbook, "--limit", second, *words)
        assert run.code == 2, run.output
        assert f"is the report of the account with the id {kept['cloud_account']['id']}" in " ".join(run.output.split())
    assert ground.report("same") == kept
    others = ground.cloud.cloud.accounts[1].users
    assert not any(user.held_by_protection or user.protection for user in others)


@pytest.mark.parametrize("words", [[], ["--check"]])
def test_two_accounts_of_one_name_are_told_by_the_first_audit_of_both(playground: Callable[..., Any], words: list[str]) -> None:
    ground = playground("require", users=2, accounts=2)
    for account in ground.variables:
        ground.variables[account]["mfa_rollout_account"] = "same"
    run = ground.run("hwc.mfa.audit", *words)
    assert run.code == 2, run.output
    (first,) = [name for name in ground.variables if not run.failures(name)]
    (second,) = [name for name in ground.variables if name != first]
    assert f"hosts {first} and {second} reach two accounts of the cloud under the one name same" in run.failure(second)
    if not words:
        assert ground.report("same")["cloud_account"]["name"] == first


def test_any_errors_fatal_writes_every_report_and_each_host_says_what_happened(playground: Callable[..., Any]) -> None:
    ground = playground(users=8, accounts=2)
    first, second = ground.variables
    for account in ground.variables:
        ground.variables[account]["mfa_rollout_wave_sizes"] = [1]
    # One user of the first account fails; the second account goes on, or says that it was stopped.
    ground.variables[first]["mfa_rollout_users"][0]["auth_password"] = "wrong"
    run = ground.play(AT_PLAY[1], header=f"{HEADER}  any_errors_fatal: true\n")
    assert run.code == 2
    assert "is undefined" not in run.output
    for account in (first, second):
        assert ground.report(account)["account"] == account
    assert f"{first}: 1 failed" in run.output
    assert f"{second}: " in run.output
    # A failure of the role itself: the store of one account.
    (ground.seed_directory / second).rename(ground.path / "away")
    (ground.seed_directory / second).write_text("no directory")
    stopped = ground.play(AT_PLAY[1], header=f"{HEADER}  any_errors_fatal: true\n")
    assert stopped.code == 2
    assert f"{first}: broke off before its end" in stopped.output
    assert "is undefined" not in stopped.output


@pytest.mark.parametrize(("strategy", "state"), [("enrol", "present"), ("require", "absent"), twin("require", "present")])
def test_any_errors_fatal_reports_an_account_whose_neighbour_could_not_be_looked_at(
    playground: Callable[..., Any], strategy: str, state: str
) -> None:
    ground = playground(strategy, users=2, accounts=2)
    first, second = ground.variables
    for account in ground.variables:
        ground.variables[account]["mfa_rollout_state"] = state
    ground.variables[second]["mfa_rollout_auth"] |= {"secret_key": "wrong"}
    run = ground.play(AT_PLAY[1], header=f"{HEADER}  any_errors_fatal: true\n")
    assert run.code == 2
    assert len(run.failures(second)) == 1 and run.failures(first) == [], run.output
    assert f"{first}: broke off before its end" in run.output
    ids = {user.id for user in ground.cloud.cloud.accounts[0].users[1:]}
    outcomes = {row["outcome"] for row in ground.report(first)["users"] if row["user_id"] in ids}
    assert outcomes == ({"not_reached"} if state == "present" else {"already"})
    assert not (ground.path / "report" / f"{second}.json").exists()
    assert ground.cloud.cloud.counters.writes == 0
    # The lock is given back.
    del ground.variables[second]
    assert ground.run(ROLLOUT).code == 0


def test_host_whose_late_report_fails_keeps_no_other_from_its_own(playground: Callable[..., Any]) -> None:
    ground = playground("require", users=2, accounts=3)
    planless, locked_out, sound = ground.variables
    ground.variables[planless]["mfa_rollout_exempt"] = [{"name": "nobody-like-this"}]
    ground.variables[locked_out]["mfa_rollout_auth"] |= {"secret_key": "wrong"}
    run = ground.play(AT_PLAY[1], header=f"{HEADER}  any_errors_fatal: true\n")
    assert run.code == 2
    for account in ground.variables:
        assert f"{account}: broke off before its end" in run.output
    assert f"{planless}: there is no report of this run" in run.output
    assert ground.report(sound)["account"] == sound
    assert list((ground.path / "report" / ".locks").rglob(".lock")) == []


def test_any_errors_fatal_reports_an_audit_whose_neighbour_could_not_be_looked_at(playground: Callable[..., Any]) -> None:
    ground = playground("require", users=2, accounts=2)
    first, second = ground.variables
    ground.variables[second]["mfa_rollout_auth"] |= {"secret_key": "wrong"}
    audit = "    - ansible.builtin.include_role:\n        name: hwc.mfa.mfa_rollout\n        tasks_from: audit\n"
    assert ground.play(audit, header=f"{HEADER}  any_errors_fatal: true\n").code == 2
    assert ground.report(first)["account"] == first


def test_report_that_cannot_be_written_in_the_end_gives_the_lock_back(playground: Callable[..., Any]) -> None:
    ground = playground("require", users=1)
    spoil = {
        "name": "no report",
        "mfa_rollout_report_formats": "{{ 'json' if mfa_rollout_report is not defined or not mfa_rollout_report else 1 // 0 }}",
    }
    ground.variables[ACCOUNT] |= spoil
    run = ground.run(ROLLOUT)
    assert run.code == 2
    assert list((ground.path / "report" / ".locks").rglob(".lock")) == []


def test_two_accounts_of_one_name_may_have_their_reports_in_two_directories(playground: Callable[..., Any]) -> None:
    ground = playground("require", users=2, accounts=2)
    for account in ground.variables:
        ground.variables[account] |= {"mfa_rollout_account": "prod", "mfa_rollout_report_dir": str(ground.path / account)}
    assert ground.run(ROLLOUT).code == 0
    for account in ground.variables:
        report = json.loads((ground.path / account / "prod.json").read_text(encoding="utf-8"))
        assert report["cloud_account"]["name"] == account


@pytest.mark.parametrize(
    ("kind", "strategy"),
    [
        ("file", "enrol"),
        ("permission", "require"),
        ("name", "require"),
        twin("file", "require"),
        twin("permission", "enrol"),
        twin("name", "enrol"),
    ],
)
def test_report_that_cannot_be_written_is_found_before_anything_is_touched(
    playground: Callable[..., Any], kind: str, strategy: str
) -> None:
    ground = playground(strategy, users=2)
    if kind == "file":
        (ground.path / "report").write_text("no directory")
    elif kind == "permission":
        if os.geteuid() == 0:
            (ground.path / "report" / f"{ACCOUNT}.csv").mkdir(parents=True)  # root may write anywhere, but not over a directory
        else:
            (ground.path / "report").mkdir(mode=0o500)
    else:
        ground.variables[ACCOUNT]["mfa_rollout_account"] = "n" * 260
    run = ground.run(ROLLOUT)
    assert run.code == 2 and "cannot be written" in run.output, run.output
    assert ground.cloud.cloud.counters.writes == 0


def test_half_made_device_of_a_person_is_replaced_on_request_only(playground: Callable[..., Any]) -> None:
    ground = playground(users=2)
    user = ground.cloud.cloud.user(ground.cloud.describe()["users"][0]["user_id"])
    theirs = ground.cloud.cloud.give_device(user.id)
    run = ground.run(ROLLOUT)
    assert run.code == 0 and user.device == theirs
    assert "has an unbound device that no rollout made" in run.output
    assert rows(ground)[user.id]["outcome"] == "left_alone"
    assert ground.run(ROLLOUT, "-e", "mfa_rollout_replace_unbound=true").code == 0
    assert user.device.bound and user.device != theirs
    assert_nothing_is_lost(ground, "enrol")


EXEMPT: list[tuple[Callable[[dict[str, Any]], dict[str, str]], str]] = [
    (lambda user: {"name": user["name"].upper()}, "write it just so"),
    (lambda user: {"name": user["name"] + " "}, "write it just so"),
    (lambda _user: {"user_id": "0" * 32}, "who is no user of this account"),
    (lambda _user: {"name": "nobody"}, "mfa_rollout_exempt_strict=false"),
]


def test_exemption_that_fits_nobody_stops_the_run_though_it_is_ignored(playground: Callable[..., Any]) -> None:
    ground = playground("require", users=2 * len(EXEMPT), accounts=len(EXEMPT))
    for account, (change, _words) in zip(ground.cloud.describe()["accounts"], EXEMPT, strict=True):
        ground.variables[account["name"]]["mfa_rollout_exempt"] = [{**change(account["users"][0]), "reason": "break glass"}]
    run = ground.play(AT_PLAY[1], header=AT_PLAY[0])
    assert run.code == 2, run.output
    for account, (_change, words) in zip(ground.variables, EXEMPT, strict=True):
        (said, *_rest) = run.failures(account)
        assert words in said
    assert ground.cloud.cloud.counters.writes == 0


def test_exemption_by_an_old_id_beside_the_right_name_exempts_and_a_shared_list_only_warns(playground: Callable[..., Any]) -> None:
    ground = playground("require", users=2)
    user = ground.cloud.describe()["users"][0]
    ground.variables[ACCOUNT] |= {
        "mfa_rollout_exempt": [{"user_id": "0" * 32, "name": user["name"], "reason": "break glass"}, {"name": "of another account"}],
        "mfa_rollout_exempt_strict": False,
    }
    run = ground.run(ROLLOUT)
    assert run.code == 0 and "of another account, who is no user of this account" in run.output
    assert not ground.cloud.cloud.user(user["user_id"]).held_by_protection
    assert rows(ground)[user["user_id"]]["reason"] == "exempt: break glass"


def test_cloud_that_tells_neither_the_caller_nor_administrators_needs_an_exemption_that_fits(playground: Callable[..., Any]) -> None:
    ground = playground("require", users=2, tells_caller=False)
    admin = ground.cloud.describe()["admin"]
    run = ground.play(AT_PLAY[1], header=AT_PLAY[0])
    assert run.code == 2 and "as a way in" in run.output
    assert ground.cloud.cloud.counters.writes == 0
    ground.variables[ACCOUNT]["mfa_rollout_exempt"] = [{"name": admin["name"], "reason": "the play runs so"}]
    run = ground.run(ROLLOUT)
    assert run.code == 0, run.output
    assert not ground.cloud.cloud.user(admin["user_id"]).held_by_protection


def test_check_mode_fails_where_the_real_run_would(playground: Callable[..., Any]) -> None:
    ground = playground(users=2)
    run = ground.run(ROLLOUT, "-e", "mfa_rollout_concurrency=1000", "--check")
    assert run.code == 2 and "mfa_rollout_concurrency must be from 1 to 256" in run.output
    assert not ground.seed_directory.exists()
    assert ground.cloud.cloud.counters.writes == 0
    # Two kinds of credentials in one user: the wave itself finds that.
    ground.variables[ACCOUNT]["mfa_rollout_users"][0]["auth_token"] = "T0"
    previewed = ground.run(ROLLOUT, "--check")
    assert previewed.code == 2 and "are two kinds of credentials" in previewed.output
    assert ground.cloud.cloud.counters.writes == 0
    real = ground.run(ROLLOUT)
    assert real.code == 2 and "are two kinds of credentials" in real.output


def directory_of_others(ground: Any) -> None:
    (ground.seed_directory / ACCOUNT).mkdir(parents=True)
    (ground.seed_directory / ACCOUNT).chmod(0o777)


def directory_that_leads_out(ground: Any) -> None:
    ground.seed_directory.mkdir()
    (ground.path / "elsewhere").mkdir()
    (ground.seed_directory / ACCOUNT).symlink_to(ground.path / "elsewhere")


def record_that_is_none(ground: Any) -> None:
    (ground.path / "report").mkdir()
    (ground.path / "report" / f"{ACCOUNT}.record.json").write_text("{broken", encoding="utf-8")


def record_in_the_way(ground: Any) -> None:
    (ground.path / "report" / f"{ACCOUNT}.record.json").mkdir(parents=True)


def directory_that_is_none(ground: Any) -> None:
    ground.seed_directory.mkdir()
    (ground.seed_directory / ACCOUNT).write_text("x", encoding="utf-8")


def lifted_that_is_none(ground: Any) -> None:
    (ground.seed_directory / ACCOUNT).mkdir(parents=True)
    (ground.seed_directory / ACCOUNT / ".lifted.json").write_text("{}", encoding="utf-8")


@pytest.mark.parametrize(
    ("strategy", "spoil", "words"),
    [
        ("enrol", directory_of_others, "can be written by others"),
        twin("enrol", directory_that_leads_out, "leads out of"),
        twin("enrol", lifted_that_is_none, "is not a lifted of this role"),
        twin("enrol", directory_that_is_none, "cannot be written: Not a directory"),
        ("require", record_that_is_none, "is not a record of this role. Restore it from a backup"),
        twin("require", record_in_the_way, "cannot be read"),
    ],
)
def test_place_that_a_real_run_cannot_use_is_told_in_check_mode_before_anything_is_touched(
    playground: Callable[..., Any], strategy: str, spoil: Callable[[Any], None], words: str
) -> None:
    ground = playground(strategy, users=1)
    spoil(ground)
    before = sorted(ground.path.glob("[rs]e*/**/*"))
    for check in (("--check",), ()):
        run = ground.run(ROLLOUT, *check)
        assert run.code == 2 and words in run.output, run.output
        assert ground.cloud.log == []
        assert not check or sorted(ground.path.glob("[rs]e*/**/*")) == before


@pytest.mark.parametrize("state", ["unbind", "absent"])
def test_check_mode_of_removing_a_protected_device_fails_as_the_real_task(playground: Callable[..., Any], state: str) -> None:
    ground = playground(users=1)
    user = ground.cloud.describe()["users"][0]
    ground.cloud.cloud.give_device(user["user_id"], bound=True)
    ground.cloud.cloud.protect(user["user_id"])
    module = "iam_virtual_mfa_bind" if state == "unbind" else "iam_virtual_mfa_device"
    tasks = (
        f"    - hwc.mfa.{module}:\n        user_id: {user['user_id']}\n        state: absent\n"
        "      module_defaults:\n        group/hwc.mfa.mfa: '{{ mfa_rollout_auth }}'\n"
    )
    for words in (("--check",), ()):
        run = ground.play(tasks, *words)
        assert run.code == 2 and "IAM.1062" in run.output, run.output


@pytest.mark.parametrize("strategy", ["require", "enrol"])
def test_roll_back_lifts_only_the_protection_that_a_rollout_has_set(playground: Callable[..., Any], strategy: str) -> None:
    ground = playground(strategy, users=3)
    cloud = ground.cloud.cloud
    users = [cloud.user(user["user_id"]) for user in ground.cloud.describe()["users"]]
    cloud.protect(users[0].id)
    cloud.protect(users[1].id, "sms")
    assert ground.run(ROLLOUT).code == 0
    assert all(user.held_by_protection for user in users)
    ground.cloud.advance(90)
    back = ground.run(ROLLBACK)
    assert back.code == 0, back.output
    assert users[0].held_by_protection
    assert "login protection was not set by a rollout" in back.output
    # What was before comes back.
    assert (users[1].protection.enabled, users[1].protection.verification_method) == (True, "sms")
    assert not users[2].held_by_protection
    if strategy == "require":
        ground.cloud.advance(90)
        assert ground.run(ROLLBACK, "-e", "mfa_rollout_rollback_all=true").code == 0
        assert not users[0].held_by_protection


def test_require_rolled_back_over_enrolled_users_leaves_their_protection(playground: Callable[..., Any]) -> None:
    ground = playground(users=2)
    assert ground.run(ROLLOUT).code == 0
    back = ground.run(ROLLBACK, "-e", '{"mfa_rollout_strategy": "require", "mfa_rollout_users": "all"}')
    assert back.code == 0, back.output
    users = [ground.cloud.cloud.user(user["user_id"]) for user in ground.cloud.describe()["users"]]
    assert all(user.held_by_protection and user.device.bound for user in users)


def test_named_user_who_is_the_plays_own_is_named_in_the_last_lines(playground: Callable[..., Any]) -> None:
    ground = playground(users=2)
    admin = ground.cloud.describe()["admin"]
    ground.variables[ACCOUNT]["mfa_rollout_users"].append({"user_id": admin["user_id"], "auth_password": admin["password"]})
    run = ground.run(ROLLOUT)
    assert run.code == 0, run.output
    assert f"skipped: {admin['name']}: the play runs as this user; has NO device" in run.output


def test_wave_that_lasts_shows_a_line_every_ten_seconds(playground: Callable[..., Any]) -> None:
    ground = playground("require", users=13, latency_ms=1000)
    ground.variables[ACCOUNT] |= {"mfa_rollout_wave_sizes": [13], "mfa_rollout_concurrency": 1}
    run = ground.run(ROLLOUT)
    assert run.code == 0, run.output
    lines = [line for line in run.output.splitlines() if line.startswith(f"{ACCOUNT}: protect: ")]
    assert lines and " of 13 done, 0 failed, " in lines[0] and " left" in lines[0]
    assert len(lines) <= 2
