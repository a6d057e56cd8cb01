# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of one account as a page that people open, print and forward: one file that needs neither a network nor a script. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._modules.posture import IN_NEED, PROTECTED
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout import svg
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.campaign import OVERDUE
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.findings import FAIL, PASS, ROOT_MFA, USER_MFA, Finding, findings_of
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.page_parts import (
    Column,
    attention,
    coverage_section,
    dates,
    exemptions,
    failures,
    frame,
    link,
    moment,
    name,
    number,
    table,
    td,
    text,
    tiles,
    titled,
    users,
)
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import Entry
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.verdict import CENTER, ROOT

_STATES = {"present": "Rollout", "absent": "Roll-back", "reset": "Reset of devices", "rotated": "Rotation of devices"}
ROOT_WORDS = {"yes": ("Yes", "ok"), "no": ("No", "bad"), "unknown": ("Not told", "")}
_SHOWN_WARNINGS = 20


def kind_of(report: Entry) -> str:
    """What made a report, in a word."""
    return "Audit" if report["check_mode"] else _STATES[report["state"]]


def point_of(report: Entry) -> dict[str, Any]:
    """What of a report is kept for the course of the coverage."""
    counts = report["summary"]["posture_after"] or report["summary"]["posture"]
    needed = sum(counts[posture] for posture in IN_NEED)
    return {"kind": kind_of(report), "in_need": needed, PROTECTED: counts[PROTECTED], "coverage": counts["coverage"]}


def report_page(report: Entry, trend: Mapping[str, Entry] | None = None) -> str:
    """The page of a report. ``trend`` is what was kept of runs: time -> ``point_of`` their reports."""
    found = findings_of(report)
    rows = report["users"]
    sections = [
        each
        for each in (
            _coverage(report),
            failures(rows),
            dates(rows),
            exemptions(rows),
            _root(found),
            _trend(trend or {}),
            _people(report["identity_center"]),
            users(rows, f"{number(len(rows), 'user', 'users')} in this report, of {report['population']['users']} in the account"),
            _about(report),
        )
        if each is not None
    ]
    cloud = report["cloud_account"]
    account = text(report["account"])
    kind = kind_of(report)
    facts = [
        ("Cloud account", f"{name(cloud['name'])} <code>{text(cloud['id'])}</code>" if cloud["id"] else ""),
        ("Looked at", moment(report["now"])),
        ("Strategy", text(report["strategy"])),
        ("Users changed", _changed(report)),
    ]
    top = _tiles(report) + attention(_attention(report, found))
    return frame(f"MFA report: {account}", f"Multi-factor authentication: {kind.lower()}", name(report["account"]), facts, top, sections)


def _changed(report: Entry) -> str:
    """How many users the run has changed, as far as the report knows: who failed may have been changed before that."""
    summary = report["summary"]
    if report["check_mode"]:
        return "none, this only looked"
    done, failed = summary["done"], [row for row in report["users"] if row["outcome"] == "failed"]
    if failed and summary["posture_after"] is None:
        return f"{done}, and perhaps some of the {len(failed)} who failed"
    # The posture is worked out from the rest, and a report of what failed need not have a user any more.
    partly = sum(1 for row in failed if row["after"]["posture"] is not None and row["before"] != row["after"])
    if partly:
        return f"{done + partly}, of whom {number(partly, 'user has', 'users have')} failed later"
    return str(done) if done or not failed else "none, as far as the cloud shows"


def _bars(report: Entry) -> list[tuple[str, Mapping[str, Any] | None]]:
    summary = report["summary"]
    return [("Before", summary["posture"]), ("After", summary["posture_after"])]


def _coverage(report: Entry) -> tuple[str, str, str]:
    bars = [("Now", report["summary"]["posture"])] if report["check_mode"] else _bars(report)
    return coverage_section(bars, "Users of the whole account, by posture")


def _tiles(report: Entry) -> str:
    summary, population = report["summary"], report["population"]
    after = summary["posture_after"]
    if after is None:
        coverage = ("Coverage", "not known", f"before: {summary['posture']['coverage']} %", "bad")
        protected = ("Protected", "not known", "nobody could look afterwards", "bad")
    else:
        needed = sum(after[posture] for posture in IN_NEED)
        kind = "ok" if after["coverage"] == 100 else "warn"  # per cent
        was = "of the users who need MFA" if report["check_mode"] else f"before: {summary['posture']['coverage']} %"
        coverage = ("Coverage", f"{after['coverage']} %", was, kind)
        protected = ("Protected", f"{after[PROTECTED]} of {needed}", "users who need MFA", kind)
    root, kind = ROOT_WORDS[_root_mfa(report)]
    return tiles([
        coverage,
        protected,
        ("Failed", str(summary["failed"]), f"{summary['not_reached']} not reached", "bad" if summary["failed"] or summary["not_reached"] else "ok"),
        ("Overdue", str(summary[OVERDUE]), f"{summary['scheduled']} scheduled", "bad" if summary[OVERDUE] else "ok"),
        ("Exempt", str(population["exempt"]), "users, with reasons", ""),
        ("Root user MFA", root, "", kind),
    ])  # fmt: skip


def _root_mfa(report: Entry) -> str:
    mfa = str((report["root"] or {}).get("mfa"))
    return mfa if mfa in ROOT_WORDS else "unknown"


def _attention(report: Entry, found: Sequence[Finding]) -> list[str]:
    summary = report["summary"]
    items = [f"The audit's demands are not met: {text(sentence)}" for sentence in report["verdict"]]
    if summary["failed"]:
        items.append(link("failures", f"{number(summary['failed'], 'user has', 'users have')} failed"))
    if summary["not_reached"]:
        items.append(link("failures", f"{number(summary['not_reached'], 'user was', 'users were')} not reached"))
    if summary[OVERDUE]:
        items.append(link("dates", f"{number(summary[OVERDUE], 'user is', 'users are')} overdue"))
    if _root_mfa(report) == "no":
        items.append(link("root", "The root user has no MFA device"))
    open_ends = sum(1 for finding in found if finding.control == USER_MFA and finding.status == FAIL)
    if open_ends:
        items.append(
            link("users", f"{number(open_ends, 'user is', 'users are')} not protected, and neither exempt nor scheduled for a later date")
        )
    if report["identity_center"] and report["identity_center"]["summary"]["without_device"]:
        missing = report["identity_center"]["summary"]["without_device"]
        items.append(link("people", f"{number(missing, 'user', 'users')} of IAM Identity Center without an MFA device"))
    warnings = report["warnings"]
    items += [text(warning) for warning in warnings[:_SHOWN_WARNINGS]]
    if len(warnings) > _SHOWN_WARNINGS:
        items.append(f"{len(warnings) - _SHOWN_WARNINGS} more warnings: see the JSON file.")
    return items


def _root(found: Sequence[Finding]) -> tuple[str, str, str]:
    (finding,) = (each for each in found if each.control == ROOT_MFA)
    kind = {PASS: "ok", FAIL: "bad"}.get(finding.status, "")
    told = f'<p>{name(finding.subject_name)} <span class="{kind}">{text(finding.reason)}</span>.</p>'
    return titled("root", "Root user", told, f"<p>{text(finding.remediation)}</p>" if finding.remediation else "")


def _trend(kept: Mapping[str, Entry]) -> tuple[str, str, str]:
    if not kept:
        return titled("trend", "Trend", "<p>No earlier run is kept.</p>")
    times = sorted(kept)
    points = [(f"{when[:10]} {when[11:16]} UTC", kept[when]["coverage"]) for when in times]
    drawn = (
        svg.coverage_line(points) if len(points) > 1 else "<p>This is the first run that is kept. The curve begins with the next one.</p>"
    )
    columns = [
        Column("Run", lambda row: moment(row["now"])),
        Column("Kind", lambda row: td(text(row["kind"]))),
        Column("Need MFA", lambda row: td(text(row["in_need"]), "n"), numeric=True),
        Column("Protected", lambda row: td(text(row[PROTECTED]), "n"), numeric=True),
        Column("Coverage", lambda row: td(f"{text(row['coverage'])} %", "n"), numeric=True),
    ]
    rows = [{"now": when, **kept[when]} for when in reversed(times)]
    return titled("trend", "Trend", drawn, table("runs", f"{number(len(rows), 'run', 'runs')}, the newest first", columns, rows))


def _people(found: Entry | None) -> tuple[str, str, str] | None:
    if found is None:
        return None
    columns = [
        Column("User", lambda row: name(row["name"] or row["user_id"])),
        Column("User id", lambda row: td(f"<code>{text(row['user_id'])}</code>")),
        Column(
            "MFA devices",
            lambda row: td(", ".join(_device(device) for device in row["devices"]) or "none", "" if row["devices"] else "bad"),
        ),
        Column("Enabled", lambda row: td({True: "yes", False: "no"}.get(row["enabled"], "not told"))),
    ]
    summary = found["summary"]
    caption = (
        f"{number(summary['users'], 'user', 'users')}, {summary['with_device']} with a device, {summary['without_device']} without one,"
        f" {summary['disabled']} disabled"
    )
    return titled("people", "IAM Identity Center", table("persons", caption, columns, found["users"]))


def _device(device: Entry) -> str:
    return name(device["display_name"] or device["name"] or device["type"] or device["device_id"])


_DEMANDS = {
    ROOT: "no root user without an MFA device",
    CENTER: "no user of IAM Identity Center without an MFA device",
}


def _about(report: Entry) -> tuple[str, str, str]:
    caller = report["caller"] or {}
    population, demands = report["population"], report["demands"]
    asked = [f"a coverage of {demands['fail_under']} %"] if demands["fail_under"] else []
    asked += [_DEMANDS.get(cause, f"no user that is {cause}") for cause in demands["fail_on"]]
    facts = [
        ("Ran as", caller.get("name") or caller.get("user_id") or caller.get("principal_urn") or "not told"),
        ("Endpoint", report["endpoint"] or "not told"),
        ("API that showed the devices", report["api"] or "not told"),
        ("Users of the account", population["users"]),
        ("Of them in this report", population["reported"]),
        ("The audit demanded", "; ".join(asked) or "nothing"),
        ("Requests that read the account", ", ".join(report["request_ids"][-5:]) or "not told"),
    ]
    columns = [Column("What", lambda row: text(row["what"])), Column("Value", lambda row: td(text(row["value"])))]
    rows = [{"what": what, "value": value} for what, value in facts]
    return titled("about", "How this was found", table("found", "Where the numbers come from", columns, rows, sortable=False))
