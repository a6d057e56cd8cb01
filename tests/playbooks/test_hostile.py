# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that somebody chose to do harm with: the role works on them, runs nothing of them, and lets none of them write its output."""

from __future__ import annotations

import csv
import re
import subprocess
from pathlib import Path
from typing import Any, Callable

import pytest
import yaml
from test_rollout import OWN_STORE

ACCOUNT = "acme-berlin"

# What a terminal obeys, what ends a line, and what turns the direction of writing; the newline aside.
UNFIT = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def touching(file: Path) -> str:
    """A template's inside that makes a file."""
    return f"lookup('ansible.builtin.pipe', 'touch {file}')"


def names(trap: Path) -> list[str]:
    evil = touching(trap)
    return [
        "{{ " + evil + " }}",
        "{% set x = " + evil + " %}x",
        "{# x #}{{ " + evil + " }}{{",
        '{"a": "{{ ' + evil + ' }}"}',
        "#jinja2: variable_start_string: '[['\n[[ " + evil + " ]]",
        f"ada\nfatal: [{ACCOUNT}]: FAILED! => {{}}\nPLAY RECAP ***",
        f"bob\r\x1b[2K\x1b[1A\x9b2Jok: [{ACCOUNT}]\x1b]0;title\x07",
        f"eve\u202egnihtemos\u2066\u200b\u2028fatal: [{ACCOUNT}]\u2029x\x00\x7f\x85",
        "=cmd|' /C calc'!A0",
        "\uff0b1+1\t",
        " \t@SUM(1+1);=1+1",
        '\'; DROP TABLE "users"; --\\',
        "<script>alert(1)</script>& {a: [1, 2]} !unsafe 'x' !!python/none - | > % # *a &b ../../etc",
        "Ame\u0301lie \U0001f512",
        "Am\u00e9lie \U0001f512",
        "lone \ud83d surrogate",
    ]


def rename(ground: Any, given: list[str]) -> None:
    account = ground.cloud.cloud.accounts[0]
    for user, name in zip(account.users[1:], given, strict=True):
        del account.by_name[user.name]
        user.name = name
        account.by_name[name] = user


def assert_nothing_got_out(ground: Any, run: Any, trap: Path, fatal: int = 0) -> None:
    assert not trap.exists(), "a name was evaluated"
    assert UNFIT.findall(run.output) == [], run.output
    assert len(re.findall(r"^fatal: ", run.output, re.MULTILINE)) == fatal, run.output
    assert len(re.findall(r"^PLAY RECAP", run.output, re.MULTILINE)) == 1
    assert "Traceback" not in run.output and "Unexpected failure" not in run.output


def assert_report_says(ground: Any, given: list[str], account: str = ACCOUNT) -> None:
    """The names stand in the report's JSON as they are, on a line each, and in its CSV so that no spreadsheet runs them."""
    assert {row["name"] for row in ground.report(account)["users"]} >= set(given)
    text = (ground.path / "report" / f"{account}.json").read_text(encoding="utf-8")
    assert sum(line.startswith('    {"user_id"') for line in text.splitlines()) == len(ground.report(account)["users"])
    with (ground.path / "report" / f"{account}.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.reader(file))
    assert len(table) == 1 + len(ground.report(account)["users"])
    assert not [
        cell for row in table for part in [";".join(row), *row] for cell in part.split(";") if re.match(r"\s*[=+\-@＝＋－＠]", cell)
    ]


@pytest.mark.parametrize("core", ["newest", "oldest"], indirect=True)
def test_names_are_enrolled_audited_and_rolled_back_and_never_evaluated(
    playground: Callable[..., Any], core: dict[str, str], tmp_path: Path
) -> None:
    trap = tmp_path / "trap"
    given = names(trap)
    ground = playground(users=len(given), profile="otc")
    rename(ground, given)
    variables = ground.variables[ACCOUNT]
    variables["mfa_rollout_wave_sizes"] = [len(given)]
    variables["mfa_rollout_exempt_strict"] = False
    variables["mfa_rollout_exempt"] = [{"name": given[11], "reason": "x\ny\x1b[2J\u202e=1"}, {"name": "nobody\x1b[2J\n\u2028"}]
    passwords = [user["auth_password"] for user in variables["mfa_rollout_users"]]
    for wrong in (0, 4, 6):
        variables["mfa_rollout_users"][wrong]["auth_password"] = "not their password"
    # The first of those who fail is named where the role fails: once a template, then somebody with escape sequences.
    failing = ground.run("hwc.mfa.rollout", env=core)
    assert failing.code == 2
    assert_nothing_got_out(ground, failing, trap, fatal=1)
    assert "The first: {{ lookup(" in failing.output
    variables["mfa_rollout_users"][0]["auth_password"] = passwords[0]
    variables["mfa_rollout_users"][4]["auth_password"] = passwords[4]
    failing = ground.run("hwc.mfa.rollout", env=core)
    assert failing.code == 2
    assert_nothing_got_out(ground, failing, trap, fatal=1)
    assert "The first: bob " in failing.output
    variables["mfa_rollout_users"][6]["auth_password"] = passwords[6]
    for playbook in ("rollout", "audit", "rollback"):
        run = ground.run(f"hwc.mfa.{playbook}", env=core)
        assert run.code == 0, run.output
        assert_nothing_got_out(ground, run, trap)
        assert_report_says(ground, given)
        bound = [bool(user.device and user.device.bound) for user in ground.cloud.cloud.accounts[0].users[1:]]
        assert bound == [playbook != "rollback" and number != 11 for number in range(len(given))]
    assert ground.cloud.cloud.counters.wrong_codes == 0


def test_names_are_required_to_have_mfa_and_shown_in_a_plan(playground: Callable[..., Any], core: dict[str, str], tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    given = names(trap)
    ground = playground("require", users=len(given))
    rename(ground, given)
    ground.variables[ACCOUNT]["mfa_rollout_wave_sizes"] = [1] * len(given)
    plan = ground.run("hwc.mfa.rollout", "--check", env=core)
    assert plan.code == 0, plan.output
    assert_nothing_got_out(ground, plan, trap)
    ground.variables[ACCOUNT]["mfa_rollout_wave_sizes"] = [5, 100]
    run = ground.run("hwc.mfa.rollout", "-v", env=core)
    assert run.code == 0, run.output
    assert_nothing_got_out(ground, run, trap)
    assert_report_says(ground, given)
    assert all(user.protection.enabled for user in ground.cloud.cloud.accounts[0].users[1:])


def test_names_go_through_a_store_of_the_operators_own_unevaluated(
    playground: Callable[..., Any], core: dict[str, str], tmp_path: Path
) -> None:
    trap = tmp_path / "trap"
    given = names(trap)[:5]
    ground = playground(users=len(given), profile="otc")
    rename(ground, given)
    tasks = ground.path / "my_store.yml"
    # Before 2.19 a variable that holds JSON is data already.
    tasks.write_text(OWN_STORE.replace("kept | from_json", "lookup('ansible.builtin.file', my_store_file) | from_json"), encoding="utf-8")
    variables = ground.variables[ACCOUNT]
    for name in ("mfa_rollout_seed_store_dir", "mfa_rollout_seed_store_password"):
        del variables[name]
    variables |= {"mfa_rollout_seed_store_tasks": str(tasks), "my_store_file": str(ground.path / "kept.json")}
    variables["mfa_rollout_wave_sizes"] = [len(given)]
    run = ground.run("hwc.mfa.rollout", env=core)
    assert run.code == 0, run.output
    assert_nothing_got_out(ground, run, trap)
    again = ground.run("hwc.mfa.rollout", env=core)
    assert again.recap(ACCOUNT)["changed"] == 0, again.output
    assert_nothing_got_out(ground, again, trap)


class Unsafe(str):
    """A text that YAML says is no template."""


yaml.SafeDumper.add_representer(Unsafe, lambda dumper, text: dumper.represent_scalar("!unsafe", str(text), style='"'))


def test_account_and_device_names_that_are_no_templates_stay_texts(
    playground: Callable[..., Any], core: dict[str, str], tmp_path: Path
) -> None:
    trap = tmp_path / "trap"
    evil = "{{ " + touching(trap) + " }}"
    ground = playground(users=3)
    ground.variables[ACCOUNT]["mfa_rollout_report_formats"] = ["json", "csv", "html", "junit", "ocsf"]
    users = ground.variables[ACCOUNT].pop("mfa_rollout_users")
    users[2]["device_name"] = Unsafe(evil)
    account = f"=a/../{evil}<b>\\\"'"
    more = {"mfa_rollout_account": Unsafe(account), "mfa_rollout_users": users}
    (ground.path / "more.yml").write_text(yaml.safe_dump(more), encoding="utf-8")
    run = ground.run("hwc.mfa.rollout", "-e", f"@{ground.path / 'more.yml'}", env=core)
    assert run.code == 0, run.output
    assert_nothing_got_out(ground, run, trap)
    (directory,) = ground.seed_directory.iterdir()
    assert len(list(directory.glob("*.yml"))) == 1
    assert sorted(path.suffix for path in (ground.path / "report").iterdir()) == [
        ".csv",
        ".html",
        ".json",
        ".json",
        ".json",
        ".sha256",
        ".xml",
    ]
    subprocess.run(["sha256sum", "-c", "--strict", f"./{directory.name}.sha256"], cwd=ground.path / "report", check=True)
    assert_report_says(ground, [], directory.name)
    assert ground.report(directory.name)["account"] == account
    assert {path.name for path in tmp_path.iterdir()} <= {"inventory", "seeds", "report", "tmp", "remote-tmp", "more.yml"}
