# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reports of several accounts as one: a row for each account, totals that add up, and every user with the account. Pure.

Reports of earlier versions lack some of what is counted. They are listed, and what they do not tell is not in the totals. What is no report is
named and left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import json_text, legible
from ansible_collections.hwc.mfa.plugins.module_utils._modules.posture import IN_NEED, POSTURES, UNKNOWN, coverage
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.campaign import DUE, OVERDUE, SCHEDULED
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.findings import FAIL, USER_MFA, findings_of
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.input import OTHER_FORM
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.report import report_csv_rows
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import Entry, PlanError
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.version import COLLECTION, VERSION

SCHEMA = "https://github.com/hwc-mfa/hwc.mfa/blob/main/docs/schema/merged_report.schema.json"
"""Where the form of a merged report is described."""

OUTCOMES = ("done", "planned", "already", "scheduled", "left_alone", "failed", "not_reached")
STATES = ("present", "absent", "reset", "rotated")
_DATED = (DUE, OVERDUE)


def is_merged(document: Any) -> bool:
    """Whether a document is a merged report."""
    return isinstance(document, Mapping) and "accounts" in document and "superseded" in document


def merge_reports(given: Iterable[tuple[str, Any]], newest: bool = False) -> dict[str, Any]:
    """One report of many. ``given`` are a name for messages, such as that of a file, and a report as data or as its JSON text.

    Two different reports of one account are an error, unless ``newest`` says that the newer counts; it is then listed in ``superseded``.
    Raises PlanError, also where no report is sound.
    """
    read: list[tuple[str, Entry]] = []
    found: dict[str, tuple[str, Entry]] = {}
    unreadable: list[dict[str, str]] = []
    superseded: list[dict[str, Any]] = []
    for source, raw in given:
        try:
            read.append((source, report_in(raw)))
        except PlanError as error:
            unreadable.append({"name": legible(source, 255), "reason": str(error)})
    ids = _ids_by_name(report for _source, report in read)
    for source, report in read:
        key = _identity(source, report, ids)
        if key in found and found[key][1] != report:
            kept, dropped = _newer(found[key], (source, report), newest)
            superseded.append({"account": dropped[1]["account"], "now": dropped[1]["now"], "name": dropped[0], "by": kept[0]})
            found[key] = kept
        else:
            found.setdefault(key, (source, report))
    if not found:
        reasons = " ".join(f"{each['name']}: {each['reason']}" for each in unreadable[:3])
        raise PlanError(f"there is no report to merge. {reasons}".strip())
    reports = [report for _key, (_source, report) in sorted(found.items(), key=lambda each: (each[1][1]["account"], each[0]))]
    return _merged(reports, superseded, unreadable)


def _ids_by_name(reports: Iterable[Entry]) -> dict[str, list[str]]:
    """The cloud's ids of the accounts of each name."""
    ids: dict[str, set[str]] = {}
    for report in reports:
        if report["cloud_account"]["id"]:
            ids.setdefault(report["account"], set()).add(report["cloud_account"]["id"])
    return {name: sorted(found) for name, found in ids.items()}


def _identity(source: str, report: Entry, ids: Mapping[str, Sequence[str]]) -> str:
    """Which account a report is about: the cloud's own id, since an inventory can call an account anything.

    Where the cloud did not tell the id, it is that of the other reports of the same name: its users would count twice. Raises PlanError.
    """
    cloud_id, name = report["cloud_account"]["id"], report["account"]
    known = [cloud_id] if cloud_id else ids.get(name, ())
    if len(known) > 1:
        raise PlanError(
            f"{legible(source, 255)} does not tell the id of its account, and {legible(name, 80)} is the name of"
            f" {'two' if len(known) == 2 else 'several'}: {legible(known[0], 80)} and {legible(known[1], 80)}. Remove it, or write it anew."
        )
    return f"id {known[0]}" if known else f"name {name}"


def _newer(one: tuple[str, Entry], other: tuple[str, Entry], newest: bool) -> tuple[tuple[str, Entry], tuple[str, Entry]]:
    """The report that counts, and the other. Raises PlanError."""
    which = f"{legible(one[0], 255)} and {legible(other[0], 255)} are different reports of the account {legible(one[1]['account'], 80)}"
    if not newest:
        raise PlanError(
            f"{which}: remove one, or let the newer one count with duplicates=newest, which for the playbook is mfa_report_merge_duplicates."
        )
    times = one[1]["now"], other[1]["now"]
    if None in times or times[0] == times[1]:
        raise PlanError(f"{which}, and their times do not tell which is newer: remove one.")
    return (one, other) if times[0] > times[1] else (other, one)


_ROW = {"named": False, "console_access": None, "not_before": None, "campaign": None, "exempt": None, "exempt_until": None}
_TOP: dict[str, Any] = {
    "now": None,
    "root": None,
    "endpoint": None,
    "api": None,
    "caller": None,
    "request_ids": [],
    "identity_center": None,
    "verdict": [],
    "demands": {"fail_under": 0, "fail_on": []},
    "collection": {"name": COLLECTION, "version": None},
}


def report_in(raw: Any) -> dict[str, Any]:
    """A report, with what its version did not tell as not known. Raises PlanError for what is none, and what is one already: why it was not read."""
    if isinstance(raw, PlanError):
        raise raw
    try:
        document = json.loads(raw) if isinstance(raw, (str, bytes)) else raw
    except (ValueError, RecursionError):
        raise PlanError("it is no JSON: write it anew.") from None
    if is_merged(document):
        raise PlanError("it is a merged report: merge the reports of its accounts.")
    try:
        report = _complete(document)
        _check(report)
    except OTHER_FORM:
        raise PlanError("it is no report of hwc.mfa.mfa_rollout.") from None
    return report


def _complete(document: Any) -> dict[str, Any]:
    def state(found: Entry) -> dict[str, Any]:
        return {"posture": None, **found}

    rows = [{**_ROW, **row, "before": state(row["before"]), "after": state(row["after"])} for row in document["users"]]
    summary = document["summary"]
    counts = {word: sum(1 for row in rows if row["outcome"] == word) for word in OUTCOMES}
    if any(summary.get(word, 0) != count for word, count in counts.items()):
        raise ValueError("counts")
    summary = {DUE: 0, OVERDUE: 0, "posture": None, "posture_after": None, **summary, **counts}
    population = {"users": summary["before"]["users"], "in_need": 0, "reported": len(rows), "exempt": 0}
    return {**_TOP, "population": population, **document, "summary": summary, "users": rows}


def _check(report: Entry) -> None:
    """Raise ValueError, TypeError or LookupError where what is merged and shown has another form."""
    summary, cloud, collection = report["summary"], report["cloud_account"], report["collection"]
    _all_of((str,), report["account"], report["strategy"], *report["verdict"], *report["warnings"])
    _all_of((str, type(None)), report["now"], cloud["id"], cloud["name"], collection["version"])
    _all_of((list,), report["verdict"], report["warnings"])
    _all_of((dict, type(None)), report["root"], report["identity_center"])
    _all_of((bool,), report["check_mode"])
    for row in report["users"]:
        _all_of((str,), row["outcome"], row["reason"])
        _all_of((str, type(None)), *(row[name] for name in ("user_id", "name", "not_before", "campaign", "exempt", "exempt_until")))
        _all_of((bool, type(None)), row["seed_stored"], row["login_proven"])
        for state in (row["before"], row["after"]):
            _all_of((str, type(None)), *(state[name] for name in ("posture", "binding", "login_protection")))
            _one_of((*POSTURES, None), state["posture"])
        _one_of(OUTCOMES, row["outcome"])
        _one_of((SCHEDULED, DUE, OVERDUE, None), row["campaign"])
    _one_of(STATES, report["state"])
    for counts in (summary["posture"], summary["posture_after"]):
        if counts is not None and (not all(_is_count(counts[each]) for each in POSTURES) or counts["coverage"] != coverage(counts)):
            raise ValueError("postures")
    if not all(_is_count(each) for each in (*report["population"].values(), summary[DUE], summary[OVERDUE])):
        raise ValueError("counts")
    _account(report)


def _all_of(kinds: tuple[type, ...], *values: Any) -> None:
    if not all(isinstance(value, kinds) for value in values):
        raise TypeError("kinds")


def _one_of(known: Sequence[Any], value: Any) -> None:
    if value not in known:
        raise ValueError("words")


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _merged(reports: Sequence[Entry], superseded: list[dict[str, Any]], unreadable: list[dict[str, str]]) -> dict[str, Any]:
    accounts = [_account(report) for report in reports]
    told = [account for account in accounts if account["posture"] is not None]
    sums = {word: sum(account[word] for account in accounts) for word in (*OUTCOMES, *_DATED, "users", "exempt", "not_protected")}
    return {
        "schema": SCHEMA,
        "collection": {"name": COLLECTION, "version": VERSION},
        "now": max((account["now"] for account in accounts if account["now"] is not None), default=None),
        "accounts": accounts,
        "summary": {
            "accounts": len(accounts),
            **sums,
            "in_need": sum(account["in_need"] for account in told),
            "reported": sum(account["reported"] for account in accounts),
            "posture": _sum(account["posture"] for account in told),
            "posture_after": _sum(account["posture_after"] for account in told),
            "without_posture": len(accounts) - len(told),
            "root_without_mfa": sum(1 for account in accounts if (account["root"] or {}).get("mfa") == "no"),
            "demands_not_met": sum(1 for account in accounts if account["verdict"]),
        },
        "warnings": _warnings(accounts, superseded, unreadable),
        "superseded": superseded,
        "unreadable": unreadable,
        "users": [{"account": report["account"], **row} for report in reports for row in report["users"]],
    }


def _account(report: Entry) -> dict[str, Any]:
    """The row of an account."""
    summary, population = report["summary"], report["population"]
    before, after = summary["posture"], summary["posture_after"]
    unseen = before is not None and after is None
    if unseen:
        # Nobody could look, so of nobody who needs MFA it is known whether they are protected.
        after = {
            **dict.fromkeys(IN_NEED, 0),
            UNKNOWN: sum(before[each] for each in IN_NEED),
            **{each: before[each] for each in POSTURES[5:]},
        }
        after["coverage"] = coverage(after)
    return {
        "account": report["account"],
        "cloud_account": report["cloud_account"],
        **{name: report[name] for name in ("strategy", "state", "check_mode", "now", "root", "verdict")},
        "version": report["collection"]["version"],
        **{word: summary[word] for word in (*OUTCOMES, *_DATED)},
        **{name: population[name] for name in ("users", "in_need", "reported", "exempt")},
        "not_protected": sum(1 for each in findings_of(report) if each.control == USER_MFA and each.status == FAIL),
        "posture": before,
        "posture_after": after,
        "seen_after": not unseen and before is not None,
        "warnings": len(report["warnings"]),
    }


def _sum(counts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    listed = list(counts)
    total = {posture: sum(each[posture] for each in listed) for posture in POSTURES}
    return {**total, "coverage": coverage(total)}


def _warnings(accounts: Sequence[Entry], superseded: Sequence[Entry], unreadable: Sequence[Entry]) -> list[str]:
    return [
        *(f"{each['name']} is left out: {each['reason']}" for each in unreadable),
        *(
            f"{legible(each['name'], 255)} is left out: {legible(each['by'], 255)} is the newer report of this account."
            for each in superseded
        ),
        *(
            f"{legible(each['account'])}: the report is of an older version and tells no posture. It is not in the coverage."
            for each in accounts
            if each["posture"] is None
        ),
        *(
            f"{legible(each['account'])}: nobody could look at the account afterwards. Its users count as unknown."
            for each in accounts
            if each["posture"] is not None and not each["seen_after"]
        ),
    ]


def merged_line(merged: Entry) -> str:
    """A merged report in one line, for a person."""
    summary = merged["summary"]
    parts = [
        f"{_number(summary['accounts'], 'account')}: {_number(summary['users'], 'user')}, {summary['in_need']} need MFA",
        f"coverage {summary['posture']['coverage']} % -> {summary['posture_after']['coverage']} %",
        f"{summary['failed']} failed, {summary['not_reached']} not reached, {summary[OVERDUE]} overdue, {summary['exempt']} exempt",
        f"{_number(summary['root_without_mfa'], 'root user')} without MFA",
    ]
    left_out = (("unreadable", "file that is no report", "files that are no reports"), ("superseded", "older report", "older reports"))
    parts += [f"left out: {_number(len(merged[name]), one, many)}" for name, one, many in left_out if merged[name]]
    return "; ".join(parts)


def _number(value: int, one: str, many: str = "") -> str:
    return f"{value} {one if value == 1 else many or one + 's'}"


def merged_json(merged: Entry) -> str:
    """A merged report as JSON with a line for each account and each user."""
    head = json_text({name: value for name, value in merged.items() if name not in ("accounts", "users")}, indent=2)
    listed = ",\n".join(
        '  "{}": [\n{}\n  ]'.format(name, ",\n".join(f"    {json_text(row)}" for row in merged[name])) for name in ("accounts", "users")
    )
    return f"{head[:-2]},\n{listed}\n}}\n"


def merged_csv(merged: Entry) -> str:
    """The users of a merged report as CSV, a line each, in the columns of a report."""
    return report_csv_rows((row["account"], row) for row in merged["users"])
