# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A merged report as a page over accounts. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._modules.posture import IN_NEED, PROTECTED
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.campaign import OVERDUE
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.page import ROOT_WORDS, kind_of
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
    now_of,
    number,
    table,
    td,
    text,
    tiles,
    titled,
    users,
)
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import Entry

MOST_USERS = 20_000
"""Of more users than that a page would be too large for a browser. It then has only those who need attention, and the JSON file has all."""

_SHOWN_WARNINGS = 50


def merged_page(merged: Entry) -> str:
    """The page of a merged report."""
    summary, rows = merged["summary"], merged["users"]
    bars = [("Before", summary["posture"]), ("After", summary["posture_after"])]
    sections = [
        each
        for each in (
            coverage_section(bars, "Users of all accounts, by posture"),
            _accounts(merged),
            failures(rows, accounts=True),
            dates(rows, accounts=True),
            exemptions(rows, accounts=True),
            _left_out(merged),
            _users(rows),
        )
        if each is not None
    ]
    facts = [
        ("Accounts", str(summary["accounts"])),
        ("Users", str(summary["users"])),
        ("Newest report", moment(merged["now"])),
    ]
    top = _tiles(summary) + attention(_attention(merged))
    heading = number(summary["accounts"], "account", "accounts")
    return frame(f"MFA report: {heading}", "Multi-factor authentication: merged report", heading, facts, top, sections)


def _tiles(summary: Mapping[str, Any]) -> str:
    after = summary["posture_after"]
    kind = "ok" if after["coverage"] == 100 else "warn"  # per cent
    return tiles([
        ("Coverage", f"{after['coverage']} %", f"before: {summary['posture']['coverage']} %", kind),
        ("Protected", f"{after[PROTECTED]} of {sum(after[each] for each in IN_NEED)}", "users who need MFA", kind),
        ("Failed", str(summary["failed"]), f"{summary['not_reached']} not reached", "bad" if summary["failed"] or summary["not_reached"] else "ok"),
        ("Overdue", str(summary[OVERDUE]), f"{summary['scheduled']} scheduled", "bad" if summary[OVERDUE] else "ok"),
        ("Exempt", str(summary["exempt"]), "users, with reasons", ""),
        (
            "Root users without MFA",
            str(summary["root_without_mfa"]),
            f"of {number(summary['accounts'], 'account', 'accounts')}",
            "bad" if summary["root_without_mfa"] else "ok",
        ),
    ])  # fmt: skip


def _attention(merged: Entry) -> list[str]:
    summary = merged["summary"]
    facts = (
        ("failures", "failed", "user has", "users have", "failed"),
        ("failures", "not_reached", "user was", "users were", "not reached"),
        ("dates", OVERDUE, "user is", "users are", "overdue"),
        ("accounts", "root_without_mfa", "root user has", "root users have", "no MFA device"),
        ("accounts", "demands_not_met", "account does", "accounts do", "not meet what their audits demand"),
        ("users", "not_protected", "user is", "users are", "not protected, and neither exempt nor scheduled for a later date"),
    )
    items = [link(where, f"{number(summary[what], one, many)} {words}") for where, what, one, many, words in facts if summary[what]]
    warnings = merged["warnings"]
    items += [text(warning) for warning in warnings[:_SHOWN_WARNINGS]]
    if len(warnings) > _SHOWN_WARNINGS:
        items.append(f"{len(warnings) - _SHOWN_WARNINGS} more warnings: see the JSON file.")
    return items


def _per_cent(counts: Mapping[str, Any] | None) -> str:
    return td("not known", "n", -1) if counts is None else td(f"{counts['coverage']} %", "n", counts["coverage"])


def _accounts(merged: Entry) -> tuple[str, str, str]:
    def count(word: str, bad: bool = False) -> Callable[[Entry], str]:
        return lambda row: td(str(row[word]), "n bad" if bad and row[word] else "n")

    def root(row: Entry) -> str:
        return td(*ROOT_WORDS.get(str((row["root"] or {}).get("mfa")), ROOT_WORDS["unknown"]))

    columns = [
        Column("Account", lambda row: name(row["account"])),
        Column("Cloud account", lambda row: td(f"{name(row['cloud_account']['name'])} <code>{text(row['cloud_account']['id'])}</code>")),
        Column("Run", lambda row: td(f"{kind_of(row)}, {moment(row['now']) or 'time not known'}", "", text(row["now"]))),
        Column("Users", count("users"), numeric=True),
        Column("Need MFA", count("in_need"), numeric=True),
        Column("Coverage before", lambda row: _per_cent(row["posture"]), numeric=True),
        Column("Coverage after", lambda row: _per_cent(row["posture_after"]), numeric=True),
        Column("Not protected", count("not_protected", True), numeric=True),
        Column("Failed", count("failed", True), numeric=True),
        Column("Overdue", count(OVERDUE, True), numeric=True),
        Column("Exempt", count("exempt"), numeric=True),
        Column("Root MFA", root),
        Column("Demands", lambda row: td("not met", "bad") if row["verdict"] else td("")),
    ]
    summary = merged["summary"]
    sums = "".join(
        td(value, "n")
        for value in (
            str(summary["users"]),
            str(summary["in_need"]),
            f"{summary['posture']['coverage']} %",
            f"{summary['posture_after']['coverage']} %",
            *(str(summary[word]) for word in ("not_protected", "failed", OVERDUE, "exempt")),
        )
    )
    total = f'<tr class="sum"><th scope="row">Total</th><td colspan="2"></td>{sums}<td colspan="2"></td></tr>'
    caption = number(summary["accounts"], "account", "accounts")
    return titled("accounts", "Accounts", table("each-account", caption, columns, merged["accounts"], total))


def _left_out(merged: Entry) -> tuple[str, str, str] | None:
    rows = [
        *({"name": each["name"], "why": each["reason"]} for each in merged["unreadable"]),
        *(
            {"name": each["name"], "why": f"{each['by']} is the newer report of the account {each['account']}."}
            for each in merged["superseded"]
        ),
    ]
    if not rows:
        return None
    columns = [Column("File", lambda row: text(row["name"])), Column("Reason", lambda row: td(text(row["why"])))]
    return titled("left-out", "Left out", table("left", number(len(rows), "file", "files"), columns, rows, sortable=False))


def _users(rows: list[Entry]) -> tuple[str, str, str]:
    if len(rows) <= MOST_USERS:
        return users(rows, number(len(rows), "user", "users"), accounts=True)
    fine = {"protected", "not_needed", "disabled"}
    found = [row for row in rows if now_of(row) not in fine or row["outcome"] in ("failed", "not_reached")]
    shown = found[:MOST_USERS]
    note = f"The reports have {len(rows)} users. Here are {len(shown)} of the {len(found)} who need attention. The JSON file has all."
    return users(shown, f"{number(len(shown), 'user', 'users')} who need attention", accounts=True, note=note)
