# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What auditors, pipelines and SIEMs get of real plays, read by others' validators."""

from __future__ import annotations

import json
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import jsonschema
import junitparser
import pytest
from py_ocsf_models.events.findings.detection_finding import DetectionFinding
from twins import twin

ACCOUNT = "acme-berlin"
AUDIT, ROLLOUT, ROLLBACK = "hwc.mfa.audit", "hwc.mfa.rollout", "hwc.mfa.rollback"
FORMATS = {"mfa_rollout_report_formats": ["json", "csv", "html", "junit", "ocsf"]}
SUFFIXES = (".json", ".csv", ".html", ".junit.xml", ".ocsf.json", ".sha256")
SCHEMA = Path(__file__).resolve().parents[2] / "docs" / "schema" / "report.schema.json"


def strict(schema: Any) -> Any:
    """The schema without room for what it does not describe, so that nothing is added to reports and left out there."""
    if isinstance(schema, dict):
        closed = {"additionalProperties": False} if "properties" in schema else {}
        return {name: strict(value) for name, value in schema.items()} | closed
    return [strict(each) for each in schema] if isinstance(schema, list) else schema


def check_schema(document: dict[str, Any]) -> dict[str, Any]:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(strict(schema)).validate(document)
    return document


def cases(directory: Path, account: str = ACCOUNT) -> Iterator[tuple[str, str, str]]:
    """Each test of the JUnit file: its suite, its name, and what came of it."""
    report = junitparser.JUnitXml.fromfile(str(directory / f"{account}.junit.xml"))
    for suite in report:
        numbers = (suite.tests, suite.failures, suite.errors, suite.skipped)
        suite.update_statistics()
        assert numbers == (suite.tests, suite.failures, suite.errors, suite.skipped)
        for case in suite:
            came = "passed" if case.is_passed else "failed" if case.is_failure else "skipped"
            assert case.is_passed or case.is_failure or case.is_skipped
            yield suite.name.removeprefix(f"{account}: "), case.name, came


def check_files(directory: Path, account: str = ACCOUNT) -> dict[str, Any]:
    """Let others' validators read all files of an account, and give the report."""
    files = [directory / f"{account}{suffix}" for suffix in SUFFIXES]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    sums = subprocess.run(
        ["sha256sum", "--check", "--strict", f"{account}.sha256"], cwd=directory, capture_output=True, text=True, check=False
    )
    assert sums.returncode == 0, sums.stdout + sums.stderr
    assert len(sums.stdout.splitlines()) == len(SUFFIXES) - 1
    report = check_schema(json.loads(files[0].read_text(encoding="utf-8")))
    events = json.loads(files[4].read_text(encoding="utf-8"))
    for event in events:
        assert set(event) <= set(DetectionFinding.model_fields)
        DetectionFinding.model_validate(event, strict=False)
    assert len({event["finding_info"]["uid"] for event in events}) == len(events)
    found = [case for case in cases(directory, account) if case[0] != "demands"]
    assert len(found) == len(events)
    failed = sum(event["status_code"] == "FAIL" for event in events)
    assert sum(came == "failed" for _suite, _name, came in found) == failed
    return report


@pytest.mark.parametrize(
    ("strategy", "profile"), [("require", "otc"), ("enrol", "huaweicloud"), twin("require", "huaweicloud"), twin("enrol", "otc")]
)
def test_evidence_of_a_rollout_and_back(playground: Callable[..., Any], strategy: str, profile: str) -> None:
    ground = playground(strategy, users=4, profile=profile)
    users = [user.name for user in ground.cloud.cloud.accounts[0].users[1:]]
    directory = ground.path / "report"
    exempt = [{"name": users[0], "reason": "break glass </testcase> \x01", "until": "2099-01-01"}]
    ground.variables[ACCOUNT] |= {**FORMATS, "mfa_rollout_exempt": exempt}

    assert ground.run(AUDIT).code == 0
    report = check_files(directory)
    assert report["check_mode"] and report["population"]["users"] == 5 and report["population"]["exempt"] == 1
    assert report["endpoint"] == ground.cloud.url
    assert report["request_ids"] and report["caller"]["user_id"] == ground.cloud.cloud.accounts[0].users[0].id
    assert report["now"] is not None
    came = {name.split(" (")[0]: outcome for suite, name, outcome in cases(directory) if suite == "user-mfa"}
    assert {name: came[name] for name in users} == {users[0]: "skipped", **dict.fromkeys(users[1:], "failed")}

    run = ground.run(ROLLOUT)
    assert run.code == 0, run.output
    report = check_files(directory)
    outcomes = [outcome for suite, _name, outcome in cases(directory) if suite == "rollout-outcome"]
    assert outcomes == ["passed"] * 3
    if strategy == "enrol":
        came = {name.split(" (")[0]: outcome for suite, name, outcome in cases(directory) if suite == "user-mfa"}
        # Open Telekom Cloud does not tell whether a device is bound; the store's word counts.
        assert {name: came[name] for name in users[1:]} == dict.fromkeys(users[1:], "passed")

    run = ground.run(ROLLBACK)
    assert run.code == 0, run.output
    assert check_files(directory)["state"] == "absent"
    for path in filter(Path.is_file, directory.rglob("*")):
        for user in ground.cloud.describe()["accounts"][0]["users"]:
            assert user["password"] not in path.read_text(encoding="utf-8-sig")


def test_evidence_of_a_rollout_that_failed(playground: Callable[..., Any]) -> None:
    ground = playground("require", users=3)
    ground.variables[ACCOUNT] |= {**FORMATS, "mfa_rollout_wave_sizes": [1]}
    ground.cloud.fault("forbid:login-protect-put")
    run = ground.run(ROLLOUT)
    assert run.code == 2, run.output
    report = check_files(ground.path / "report")
    assert {row["outcome"] for row in report["users"]} >= {"failed", "not_reached"}
    assert [outcome for suite, _name, outcome in cases(ground.path / "report") if suite == "rollout-outcome"] == ["failed"] * 3
    assert "request id" in next(row["reason"] for row in report["users"] if row["outcome"] == "failed")


def test_evidence_of_what_comes_after_a_rollout(playground: Callable[..., Any]) -> None:
    ground = playground("enrol", users=2)
    ground.variables[ACCOUNT] |= FORMATS
    assert ground.run(ROLLOUT).code == 0
    users = {user.name for user in ground.cloud.cloud.accounts[0].users[1:]}
    for state in ("rotated", "reset"):
        ground.cloud.advance(60)
        ground.variables[ACCOUNT]["mfa_rollout_state"] = state
        run = ground.run(ROLLOUT)
        assert run.code == 0, run.output
        report = check_files(ground.path / "report")
        assert (report["state"], report["summary"]["done"]) == (state, 2)
        came = {outcome for suite, name, outcome in cases(ground.path / "report") if suite == "user-mfa" and name.split(" (")[0] in users}
        # Whoever has lost their phone is asked for a code and has no device until they bind another.
        assert came == {"failed" if state == "reset" else "passed"}


def test_document_of_check_mode_has_the_published_form_and_nothing_is_written(playground: Callable[..., Any]) -> None:
    ground = playground("enrol", users=2)
    ground.variables[ACCOUNT] |= FORMATS
    tasks = f"""
    - ansible.builtin.include_role:
        name: hwc.mfa.mfa_rollout
    - ansible.builtin.copy:
        content: "{{{{ mfa_rollout_report.document }}}} "
        dest: {ground.path}/document.json
        mode: "0600"
      check_mode: false
"""
    run = ground.play(tasks, "--check")
    assert run.code == 0, run.output
    report = check_schema(json.loads((ground.path / "document.json").read_text(encoding="utf-8")))
    assert report["check_mode"] and report["summary"]["planned"] == 2
    assert not (ground.path / "report").exists()


DEMANDS: list[tuple[dict[str, Any], bool]] = [({"mfa_audit_fail_under": 100}, True), ({"mfa_audit_fail_on": ["overdue"]}, False)]


def test_junit_fails_when_the_audit_fails(playground: Callable[..., Any]) -> None:
    ground = playground("require", users=4, accounts=len(DEMANDS))
    for variables, (demands, _fails) in zip(ground.variables.values(), DEMANDS, strict=True):
        variables.update(FORMATS, **demands)
    run = ground.run(AUDIT)
    assert run.code == 2, run.output
    for account, (_demands, fails) in zip(ground.variables, DEMANDS, strict=True):
        assert run.recap(account)["failed"] == fails
        report = check_files(ground.path / "report", account)
        assert bool(report["verdict"]) == fails
        came = [came for suite, _name, came in cases(ground.path / "report", account) if suite == "demands"]
        assert came == ["failed" if fails else "passed"]


def test_findings_are_muted_until_the_announced_date(playground: Callable[..., Any]) -> None:
    ground = playground("require", users=2)
    ground.variables[ACCOUNT] |= {**FORMATS, "mfa_rollout_not_before": "2098-01-01", "mfa_rollout_exempt": []}
    assert ground.run(AUDIT).code == 0
    check_files(ground.path / "report")
    found = {(suite, name.split(" (")[0]): came for suite, name, came in cases(ground.path / "report")}
    for user in ground.cloud.cloud.accounts[0].users[1:]:
        assert (found["user-mfa", user.name], found["campaign-date", user.name]) == ("skipped", "passed")


def test_formats_can_come_as_a_text_and_those_that_are_none_are_refused_by_name(playground: Callable[..., Any]) -> None:
    ground = playground("require", users=1)
    directory = ground.path / "report"
    ground.variables[ACCOUNT] |= {"mfa_rollout_report_formats": "junit"}
    assert ground.run(AUDIT).code == 0
    assert sorted(path.name for path in directory.iterdir()) == [f"{ACCOUNT}.junit.xml", f"{ACCOUNT}.sha256"]
    ground.variables[ACCOUNT] |= {"mfa_rollout_report_formats": ["json", "sarif"]}
    run = ground.run(ROLLOUT)
    assert run.code == 2
    assert "mfa_rollout_report_formats must be a list of some of json, csv, html, junit, ocsf." in run.output


@pytest.mark.parametrize("playbook", [AUDIT, twin(ROLLOUT)])
def test_evidence_tells_of_the_users_of_identity_center(playground: Callable[..., Any], playbook: str) -> None:
    ground = playground("require", users=2)
    ground.variables[ACCOUNT] |= {**FORMATS, "mfa_rollout_identity_center_audit": True}
    ground.variables[ACCOUNT]["mfa_rollout_auth"]["identity_center_endpoint"] = ground.cloud.url
    ground.variables[ACCOUNT]["mfa_audit_fail_on"] = ["identity_center"]
    run = ground.run(playbook)
    # Three have no device, on which only an audit fails.
    assert run.code == (2 if playbook == AUDIT else 0), run.output
    assert ("3 of the users of IAM Identity Center without an MFA device: " in run.output) is (playbook == AUDIT)
    people = check_files(ground.path / "report")["identity_center"]
    assert people["summary"] == {"users": 4, "disabled": 0, "with_device": 1, "without_device": 3}
    assert people["users"][0]["devices"][0]["display_name"] == "Phone"
    came = [(name, came) for suite, name, came in cases(ground.path / "report") if suite == "identity-center-mfa"]
    assert len(came) == 4
    assert [came for _name, came in came].count("failed") == 3
    assert ground.cloud.cloud.counters.center_writes == 0


def test_credentials_that_may_not_see_identity_center_end_before_anything_is_touched(playground: Callable[..., Any]) -> None:
    ground = playground("require", users=2, identity_centers=0)
    ground.variables[ACCOUNT] |= {"mfa_rollout_identity_center_audit": True}
    ground.variables[ACCOUNT]["mfa_rollout_auth"]["identity_center_endpoint"] = ground.cloud.url
    run = ground.run(ROLLOUT)
    assert run.code != 0
    assert "no instance of IAM Identity Center" in run.output
    assert ground.cloud.cloud.counters.writes == 0


def test_reports_of_a_directory_become_one_page(playground: Callable[..., Any]) -> None:
    ground = playground("require", users=3)
    assert ground.run(AUDIT).code == 0
    directory = ground.path / "report"
    (directory / "notes.json").write_text("{", encoding="utf-8")
    run = ground.run("hwc.mfa.report_merge", "-e", f"mfa_report_merge_from={directory}", "-e", f"mfa_report_merge_to={ground.path}/merged")
    assert run.code == 0, run.output
    assert "1 account: 4 users, 4 need MFA; coverage 0.0 % -> 0.0 %" in run.output
    assert "notes.json is left out: it is no JSON" in " ".join(run.output.split())
    schema = json.loads(SCHEMA.with_name("merged_report.schema.json").read_text(encoding="utf-8"))
    merged = json.loads((ground.path / "merged" / "all-accounts.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(strict(schema)).validate(merged)
    assert merged["summary"]["users"] == len(merged["users"]) == 4
    assert f"<bdi>{ACCOUNT}</bdi>" in (ground.path / "merged" / "all-accounts.html").read_text(encoding="utf-8")
    again = ground.run(
        "hwc.mfa.report_merge", "-e", f"mfa_report_merge_from={directory}", "-e", f"mfa_report_merge_to={ground.path}/merged"
    )
    assert again.recap("localhost")["changed"] == 0, again.output
    run = ground.run("hwc.mfa.report_merge")
    assert run.code != 0 and "Give the directory where the reports are as mfa_report_merge_from" in " ".join(run.output.split())
    run = ground.run(
        "hwc.mfa.report_merge", "-e", f"mfa_report_merge_from={directory}", "-e", f"mfa_report_merge_too={ground.path}/elsewhere"
    )
    assert run.code != 0 and "mfa_report_merge_too is no variable of this playbook" in run.output


def test_merged_report_is_not_written_where_it_would_be_a_host_of_the_next_run(playground: Callable[..., Any]) -> None:
    ground = playground("require", users=1)
    assert ground.run(AUDIT).code == 0
    inventory = ground.path / "inventory"
    run = ground.run(
        "hwc.mfa.report_merge", "-e", f"mfa_report_merge_from={ground.path}/report", "-e", f"mfa_report_merge_to={inventory}/merged"
    )
    assert run.code != 0 and f"Ansible reads what lies in {inventory} as inventory" in " ".join(run.output.split())
    assert not (inventory / "merged").exists()
