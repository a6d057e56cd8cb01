# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a report comes to for an auditor: tables of findings, and the formats that are made of them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.evidence import (
    FORMATS,
    checksums,
    contents_of,
    formats_in,
    suffixes_of,
)
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.findings import (
    CAMPAIGN_DATE,
    CONTROLS,
    IDENTITY_CENTER_MFA,
    ROLLOUT_OUTCOME,
    ROOT_MFA,
    USER_MFA,
    findings_of,
)
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.input import seeds_in
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.junit import report_junit
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.ocsf import report_ocsf
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.report import make_report
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import PlanError, Terms
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.verdict import verdict
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.version import VERSION
from ansible_collections.hwc.mfa.tests.unit.plugins.plugin_utils._rollout.accounts import (
    SECRET,
    VMFA,
    audit_of,
    own,
    planned,
    stored,
    user,
)
from hypothesis import example, given
from hypothesis import strategies as st

NOW = "2026-03-01T12:00:00Z"
AUDIT = Terms("require", audit_only=True)
CLOUD = {"id": "d0", "name": "Acme GmbH"}


def report(*users, terms=AUDIT, root=None, seeds=None, exempt=(), after=None, wanted="all", failures=(), waves_done=0, people=None, **more):
    """A report of these users; an audit's, unless other terms say otherwise."""
    audit = audit_of(*users, now=NOW, root=root, endpoint="https://iam.eu-de.otc.t-systems.com", api="v3", request_ids=["r1"], **more)
    plan = planned(wanted, audit, terms, exempt)
    looked = audit if after is None else after
    return make_report(
        "acme",
        terms,
        plan,
        failures,
        waves_done,
        audit,
        looked,
        None if seeds is None else seeds_in(seeds),
        terms.audit_only,
        CLOUD,
        people,
    )


def of(control, found):
    return [finding for finding in findings_of(found) if finding.control == control]


def only(control, found):
    (finding,) = of(control, found)
    return finding


@pytest.mark.parametrize(
    ("facts", "status", "severity", "words"),
    [
        ({"binding": "bound", "protection": VMFA}, "pass", "informational", "asked for its code at each login"),
        ({"enabled": False}, "not_applicable", "informational", "is disabled"),
        ({"console_access": "no"}, "not_applicable", "informational", "cannot log in to the console"),
        ({"binding": "unknown", "protection": VMFA}, "unknown", "high", "the cloud does not tell"),
        ({"binding": "bound"}, "fail", "high", "is not asked for its code"),
        ({"protection": VMFA}, "fail", "high", "has no bound device"),
        ({}, "fail", "high", "logs in to the console without a code of a device"),
    ],
)
def test_user_by_posture(facts, status, severity, words):
    finding = only(USER_MFA, report(user("u1", **facts)))
    assert (finding.status, finding.severity, finding.subject_id, finding.subject_name) == (status, severity, "u1", "name-u1")
    assert words in finding.reason
    assert bool(finding.remediation) == (status in ("fail", "unknown"))


def test_device_that_an_earlier_run_saw_bound_passes():
    seeds = stored("u1", bound=True)
    assert only(USER_MFA, report(user("u1", binding="unknown", protection=VMFA), seeds=seeds)).status == "pass"


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        ({}, "muted"),
        ({"binding": "unknown", "protection": VMFA}, "muted"),
        ({"binding": "bound", "protection": VMFA}, "pass"),
        ({"enabled": False}, "not_applicable"),
    ],
)
def test_exemption_mutes_what_would_fail_with_its_reason_and_end(facts, status):
    exempt = [{"user_id": "u1", "reason": "break glass", "until": "2026-06-30"}]
    finding = only(USER_MFA, report(user("u1", **facts), exempt=exempt))
    assert finding.status == status
    assert finding.until == ("2026-06-30" if status == "muted" else None)
    assert finding.reason.startswith("exempt: break glass; ") == (status == "muted")
    assert report(user("u1", **facts), exempt=exempt)["users"][0]["exempt"] == "break glass"


def test_exemption_that_has_ended_mutes_nothing():
    found = report(user("u1"), exempt=[{"user_id": "u1", "reason": "x", "until": "2026-02-01"}])
    assert only(USER_MFA, found).status == "fail"
    assert found["users"][0]["exempt"] is None


def test_user_who_is_not_selected_or_runs_the_play_is_not_exempt():
    found = report(user("u1"), user("admin"), terms=replace(AUDIT, select={"names": ["nobody"]}), caller={"user_id": "admin", "name": None})
    assert [finding.status for finding in of(USER_MFA, found)] == ["fail", "fail"]


@pytest.mark.parametrize(
    ("date", "mfa", "campaign", "words"),
    [
        ("2026-04-01", "muted", "pass", "scheduled: MFA is enforced from 2026-04-01T00:00:00Z on"),
        ("2026-03-01", "fail", "pass", "due: "),
        ("2026-02-01", "fail", "fail", "overdue: MFA is due since 2026-02-01T00:00:00Z"),
    ],
)
def test_user_by_date(date, mfa, campaign, words):
    found = report(user("u1"), terms=replace(AUDIT, not_before=date))
    finding, dated = only(USER_MFA, found), only(CAMPAIGN_DATE, found)
    assert (finding.status, dated.status) == (mfa, campaign)
    assert dated.reason.startswith(words)
    assert finding.until == ("2026-04-01T00:00:00Z" if mfa == "muted" else None)
    assert (dated.severity, bool(dated.remediation)) == (("medium", True) if campaign == "fail" else ("informational", False))


def test_without_a_date_no_finding_is_about_one():
    assert of(CAMPAIGN_DATE, report(user("u1"))) == []


def test_date_that_was_kept_passes():
    terms = Terms("require", not_before="2026-02-01")
    found = report(user("u1"), terms=terms, waves_done=1, after=audit_of(user("u1", protection=VMFA)))
    assert (only(CAMPAIGN_DATE, found).status, only(CAMPAIGN_DATE, found).reason) == ("pass", "done; the date is 2026-02-01T00:00:00Z")


@pytest.mark.parametrize(
    ("mfa", "status", "severity"), [("yes", "pass", "informational"), ("no", "fail", "critical"), ("unknown", "unknown", "critical")]
)
def test_root_user(mfa, status, severity):
    finding = only(ROOT_MFA, report(user("u1"), root={"user_id": "r", "name": "owner", "mfa": mfa}))
    assert (finding.kind, finding.subject_id, finding.subject_name, finding.status, finding.severity) == (
        "root",
        "r",
        "owner",
        status,
        severity,
    )


def test_root_user_of_whom_nothing_is_known_is_the_accounts():
    finding = only(ROOT_MFA, report(user("u1")))
    assert (finding.subject_id, finding.subject_name, finding.status) == ("d0", "Acme GmbH", "unknown")


def test_outcome_of_a_rollout():
    users = [user(f"u{number}") for number in range(1, 5)]
    after = audit_of(user("u1", binding="bound", protection=VMFA), *users[1:])
    failures = [{"user_id": "u2", "name": "n", "done": [], "failed": True, "step": "bind", "msg": "no (request id abc)"}]
    wanted = [{"user_id": f"u{number}", **own()} for number in range(1, 4)] + [{"name": "ghost"}]
    found = report(
        *users, terms=Terms("enrol", wave_sizes=[2]), wanted=wanted, failures=failures, waves_done=1, after=after, seeds=stored()
    )
    assert [(each.subject_name, each.status, each.reason) for each in of(ROLLOUT_OUTCOME, found)] == [
        ("name-u1", "pass", "all steps succeeded"),
        ("name-u2", "fail", "bind: no (request id abc)"),
        ("name-u3", "fail", "the rollout stopped before this user's wave"),
        ("ghost", "fail", "no such user in this account"),
    ]
    assert [(each.subject_id, each.status) for each in of(USER_MFA, found)] == [("u1", "pass"), ("u2", "fail"), ("u3", "fail")]
    assert found["population"] == {"users": 4, "in_need": 4, "reported": 3, "exempt": 0}
    assert SECRET not in str(found) + report_junit(found) + report_ocsf(found)


def test_what_nobody_could_look_at_afterwards_is_unknown():
    finding = only(USER_MFA, report(user("u1"), terms=Terms("require"), waves_done=1, after={"msg": "gone"}))
    assert finding.status == "unknown"
    assert finding.reason.startswith("nobody could look afterwards; before, the user logs in")


def test_user_who_is_gone_is_not_applicable():
    finding = only(USER_MFA, report(user("u1"), terms=Terms("require"), after=audit_of(user("u2"))))
    assert (finding.status, finding.reason) == ("not_applicable", "is no longer listed")


def test_head_of_a_report_tells_where_and_as_whom():
    found = report(user("u1"), caller={"user_id": "c", "name": "auditor", "more": 1}, after=audit_of(user("u1"), request_ids=["r2"]))
    assert found["collection"] == {"name": "hwc.mfa", "version": VERSION}
    assert (found["now"], found["endpoint"], found["api"]) == (NOW, "https://iam.eu-de.otc.t-systems.com", "v3")
    assert found["caller"] == {"user_id": "c", "name": "auditor", "principal_urn": None}
    assert found["request_ids"] == ["r1", "r2"]
    assert report(user("u1"))["request_ids"] == ["r1"], "one look is not told twice"


def test_version_is_that_of_the_collection():
    galaxy = Path(__file__).resolve().parents[5] / "galaxy.yml"
    assert yaml.safe_load(galaxy.read_text(encoding="utf-8"))["version"] == VERSION


def people(*users):
    shown = [{"user_id": name, "name": name, "enabled": enabled, "devices": devices} for name, enabled, devices in users]
    return {"identity_store_id": "d-1", "summary": {"without_device": sum(not user["devices"] for user in shown)}, "users": shown, "api": 1}


@pytest.mark.parametrize(
    ("enabled", "devices", "status", "severity"),
    [
        (True, [{}], "pass", "informational"),
        (True, [], "fail", "high"),
        (None, [], "fail", "high"),
        (False, [], "not_applicable", "informational"),
    ],
)
def test_user_of_identity_center_has_a_device_or_not(enabled, devices, status, severity):
    found = report(user("u1"), people=people(("ada", enabled, devices)))
    finding = only(IDENTITY_CENTER_MFA, found)
    assert (finding.kind, finding.subject_id, finding.status, finding.severity) == ("person", "ada", status, severity)
    assert bool(finding.remediation) == (status == "fail")
    assert '"type": "IAM Identity Center user"' in report_ocsf(found)
    assert "identity-center-mfa" in report_junit(found)


def test_report_tells_of_identity_center_only_what_was_asked_for():
    asked = report(user("u1"), people=people(("ada", True, []), ("alan", True, [{}])))
    assert sorted(asked["identity_center"]) == ["identity_store_id", "summary", "users"]
    assert asked["warnings"] == ["1 of the users of IAM Identity Center have no MFA device: see identity_center in the report."]
    assert report(user("u1"), people=people(("alan", True, [{}])))["warnings"] == []
    assert report(user("u1"))["identity_center"] is None
    assert of(IDENTITY_CENTER_MFA, report(user("u1"))) == []


def test_controls_have_names_of_their_own():
    assert len({control.name for control in CONTROLS}) == len(CONTROLS)


# JUnit


def demanding(found, fail_under=0, fail_on=()):
    """A report whose audit demands something."""
    return {**found, "demands": {"fail_under": fail_under, "fail_on": list(fail_on)}, "verdict": verdict(found, fail_under, fail_on)}


def suites_of(found):
    root = ElementTree.fromstring(report_junit(found))
    for element in (root, *root):
        cases = list(element.iter("testcase"))
        assert element.attrib["tests"] == str(len(cases))
        assert element.attrib["failures"] == str(len(list(element.iter("failure"))))
        assert element.attrib["skipped"] == str(len(list(element.iter("skipped"))))
    return {suite.attrib["name"]: suite for suite in root}


def test_junit_has_a_case_a_user_and_says_why():
    exempt = [{"user_id": "u3", "reason": "on leave", "until": "2026-06-30"}]
    suites = suites_of(report(user("u1", binding="bound", protection=VMFA), user("u2"), user("u3"), exempt=exempt))
    assert list(suites) == ["acme: user-mfa", "acme: root-mfa"]
    suite = suites["acme: user-mfa"]
    assert suite.attrib["timestamp"] == "2026-03-01T12:00:00"
    passed, failed, muted = suite.iter("testcase")
    assert list(passed) == []
    assert failed.find("failure").attrib == {"message": "logs in to the console without a code of a device", "type": "high"}
    assert "hwc.mfa.mfa_rollout" in failed.find("failure").text
    assert muted.find("skipped").attrib["message"].startswith("muted: exempt: on leave; ")
    assert muted.find("skipped").attrib["message"].endswith("(until 2026-06-30)")
    properties = [(each.attrib["name"], each.attrib["value"]) for each in suite.iter("property")]
    assert ("account id", "d0") in properties and ("ran as", "admin") in properties
    assert sum(name == "as in" for name, _value in properties) == len(USER_MFA.as_in)


@pytest.mark.parametrize(("fail_under", "fail_on", "failures"), [(100, [], 1), (0, ["unprotected", "root"], 1), (50, ["overdue"], 0)])
def test_junit_fails_when_the_audit_does(fail_under, fail_on, failures):
    found = report(user("u1", binding="bound", protection=VMFA), user("u2"), root={"mfa": "no"})
    suite = suites_of(demanding(found, fail_under, fail_on))["acme: demands"]
    assert suite.attrib["failures"] == str(failures)
    assert [each.attrib["message"] for each in suite.iter("failure")] == [" ".join(verdict(found, fail_under, fail_on))] * failures


def test_junit_of_a_rollout_demands_nothing():
    assert "acme: demands" not in suites_of(report(user("u1")))


# OCSF


def test_ocsf_has_an_event_a_finding():
    found = report(
        user("u1", binding="bound", protection=VMFA),
        user("u2"),
        user("u3"),
        exempt=[{"user_id": "u3", "reason": "x", "until": "2027-01-01"}],
    )
    events = json.loads(report_ocsf(found))
    assert [(each["status_code"], each["status"], each["severity"]) for each in events] == [
        ("PASS", "New", "Informational"),
        ("FAIL", "New", "High"),
        ("MUTED", "Suppressed", "High"),
        ("UNKNOWN", "New", "Critical"),
    ]
    assert {each["class_uid"] for each in events} == {2004}
    assert {each["type_uid"] for each in events} == {200401}
    assert {each["time"] for each in events} == {1772366400000}
    assert {each["cloud"]["provider"] for each in events} == {"Open Telekom Cloud"}
    assert events[1]["finding_info"]["uid"] == "hwc.mfa/d0/user-mfa/u2"
    assert events[2]["unmapped"]["until"] == "2027-01-01"
    assert "remediation" not in events[0]


@pytest.mark.parametrize(
    ("endpoint", "provider"),
    [
        ("https://iam.myhuaweicloud.com", "Huawei Cloud"),
        ("https://iam.eu-west-101.myhuaweicloud.eu", "Huawei Cloud"),
        ("https://iam.eu-de.otc.t-systems.com/v3", "Open Telekom Cloud"),
        ("https://iam-pub.eu-ch2.sc.otc.t-systems.com", "Open Telekom Cloud"),
        ("https://evilotc.t-systems.com", "evilotc.t-systems.com"),
        ("http://127.0.0.1:8080", "127.0.0.1"),
        (None, "unknown"),
    ],
)
def test_ocsf_names_the_cloud_by_its_endpoint(endpoint, provider):
    events = json.loads(report_ocsf({**report(user("u1")), "endpoint": endpoint, "now": None}))
    assert {(each["cloud"]["provider"], each["time"]) for each in events} == {(provider, 0)}


# The files


def test_formats_are_put_into_one_order():
    assert formats_in(["ocsf", "json", "ocsf"]) == ["json", "ocsf"]
    assert formats_in("csv, junit") == formats_in('["junit", "csv"]') == ["csv", "junit"]
    assert suffixes_of(FORMATS) == [".json", ".csv", ".html", ".junit.xml", ".ocsf.json", ".sha256"]


@pytest.mark.parametrize("value", [[], "", "xml", ["json", "sarif"], {"json": True}, [1], None, 5, True, [["json"]]])
def test_format_that_is_none_is_refused_with_those_that_there_are(value):
    with pytest.raises(PlanError, match="mfa_rollout_report_formats must be a list of some of json, csv, html, junit, ocsf"):
        formats_in(value)


def test_checksums_are_of_the_files_in_their_order():
    text = checksums({"b c.json": b"1", "ä.csv": b""}).decode()
    assert text == f"{hashlib.sha256(b'1').hexdigest()}  b c.json\n{hashlib.sha256(b'').hexdigest()}  ä.csv\n"


@given(st.text(st.characters(), max_size=20), st.text(st.characters(), max_size=20))
@example("\0", "]]>")
@example("lone \ud83d", "<!--")
@example("\x85\u2028\x1b\x9b\u202e\ufffe\uffff", '"&<>')
@example("</testcase>", "\r\n\t")
def test_no_name_and_no_reason_breaks_a_file(name, reason):
    found = report(user("u1", name=name or "x"), user("u2"), exempt=[{"user_id": "u2", "reason": reason}], root={"name": name, "mfa": "no"})
    found = demanding({**found, "account": f"acme {name}", "caller": {"name": reason}}, 100)
    contents = contents_of(found, FORMATS)
    root = ElementTree.fromstring(contents[".junit.xml"].decode())
    assert [len(list(suite.iter("testcase"))) for suite in root] == [2, 1, 1]
    events = json.loads(contents[".ocsf.json"])
    assert len(events) == 3
    assert contents[".ocsf.json"].count(b"\n") == 5, "a line an event"
    assert json.loads(contents[".json"])["users"][0]["name"] == found["users"][0]["name"]
    assert {event["status_code"].lower() for event in events} <= {"pass", "fail", "muted", "not_applicable", "unknown"}
