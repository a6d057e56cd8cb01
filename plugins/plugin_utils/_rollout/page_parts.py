# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What pages of one account and of several are made of: the frame, tables, tiles, and the words for what a report holds. Pure.

All text of reports is hostile, and passes ``text`` or ``name``.
"""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Callable

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import legible
from ansible_collections.hwc.mfa.plugins.module_utils._modules.posture import (
    DISABLED,
    ENROLLED_ONLY,
    IN_NEED,
    NOT_NEEDED,
    POSTURES,
    PROTECTED,
    REQUIRED_ONLY,
    UNKNOWN,
    UNPROTECTED,
)
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout import svg
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.campaign import DUE, OVERDUE, SCHEDULED
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.findings import BY_POSTURE
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.page_style import SCRIPT, STYLE
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import BIND, ORDER, PROTECT, PROVE, STORE, VERIFY, Entry
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.version import COLLECTION, VERSION

NAMES: Mapping[str, tuple[str, str]] = {
    PROTECTED: ("Protected", "ok"),
    ENROLLED_ONLY: ("Enrolled only", "warn"),
    REQUIRED_ONLY: ("Required only", "gap"),
    UNPROTECTED: ("Unprotected", "bad"),
    UNKNOWN: ("Unknown", "unsure"),
    NOT_NEEDED: ("Not needed", ""),
    DISABLED: ("Disabled", ""),
}
"""By posture: what people call it, and its class."""

_OUTCOMES = {
    "done": ("Done", "ok"),
    "planned": ("To do", "warn"),
    "already": ("Already compliant", "ok"),
    "scheduled": ("Scheduled", ""),
    "left_alone": ("Skipped", ""),
    "failed": ("Failed", "bad"),
    "not_reached": ("Not reached", "warn"),
}
_DATES = {OVERDUE: ("Overdue", "bad"), DUE: ("Due", "warn"), SCHEDULED: ("Scheduled", "")}
_BINDINGS = {"none": "none", "unbound": "not bound", "bound": "bound", UNKNOWN: "not told"}
_PROTECTIONS = {"none": "off", "vmfa": "MFA device", "sms": "SMS", "email": "e-mail"}

_AGAIN = "then run the rollout again. It goes on where it stopped."
_NEXT_STEPS = {
    STORE: f"Check the seed store, {_AGAIN}",
    BIND: f"Check the user's own credentials and what the reason names, {_AGAIN}",
    PROTECT: f"Check that the caller may set login protection, {_AGAIN}",
    VERIFY: "The cloud may show changes late. Run hwc.mfa.audit, and the rollout again for users who still lack something.",
    PROVE: f"The device is bound. Check the user's password, {_AGAIN}",
    "not_reached": f"Correct what stopped the rollout, {_AGAIN}",
}
"""By the step at which a user failed: what to do."""


@dataclass(frozen=True)
class Column:
    """A table's column: its head, how a row's cell is written, and the cell's class. ``chosen`` offers its values for filtering."""

    title: str
    cell: Callable[[Entry], str]
    numeric: bool = False
    chosen: bool = False


def text(value: Any) -> str:
    """Text of others as text of the page: whatever it holds, it is shown and nothing more."""
    return "" if value is None else html.escape(legible(value))


def name(value: Any) -> str:
    """A name, whose direction of writing stays within it."""
    return f"<bdi>{text(value)}</bdi>"


def moment(value: Any) -> str:
    """A time such as ``2026-01-31T12:00:00Z``, or a date, for people."""
    if not value:
        return ""
    shown = legible(value)
    if len(shown) == len("2026-01-31T12:00:00Z") and shown.endswith("Z"):
        return f'<time datetime="{html.escape(shown)}">{html.escape(f"{shown[:10]} {shown[11:16]} UTC")}</time>'
    return html.escape(shown)


def td(value: str, kind: str = "", key: Any = None) -> str:
    """A cell with its class and what it is sorted by, where that is not its text."""
    return f"<td{_with('class', kind)}{_with('data-k', '' if key is None else str(key))}>{value}</td>"


def _with(attribute: str, value: str) -> str:
    return f' {attribute}="{value}"' if value else ""


def table(ident: str, caption: str, columns: Sequence[Column], rows: Iterable[Entry], total: str = "", sortable: bool = True) -> str:
    """A table that names itself, its columns and its rows, in a box of its own that the keyboard can scroll. ``total`` is a last row."""
    heads = "".join(f'<th scope="col"{_with("class", "n" if column.numeric else "")}>{column.title}</th>' for column in columns)
    body = "\n".join(
        f'<tr><th scope="row">{columns[0].cell(row)}</th>{"".join(column.cell(row) for column in columns[1:])}</tr>' for row in rows
    )
    foot = f"<tfoot>{total}</tfoot>" if total else ""
    return (
        f'<div class="scroll{" long" if sortable else ""}" tabindex="0" role="region" aria-labelledby="{ident}-caption">'
        f'<table id="{ident}"{_with("class", "sortable" if sortable else "")}><caption id="{ident}-caption">{caption}</caption>\n'
        f"<thead><tr>{heads}</tr></thead>\n<tbody>\n{body}\n</tbody>{foot}</table></div>"
    )


def controls(ident: str, columns: Sequence[Column], choices: Mapping[str, Sequence[str]]) -> str:
    """What filters a table. It is hidden until the script that works it has begun."""
    selects = "".join(
        f'<label>{column.title}<select data-column="{index}"><option value="">All</option>'
        + "".join(f"<option>{choice}</option>" for choice in choices[column.title])
        + "</select></label>"
        for index, column in enumerate(columns)
        if column.chosen
    )
    return (
        f'<form class="controls" data-table="{ident}" hidden><label>Search all columns<input type="search" autocomplete="off"></label>'
        f'{selects}<output aria-live="polite"></output><button type="button" hidden>Show all</button></form>'
    )


def section(ident: str, title: str, *content: str, kind: str = "") -> str:
    """A section that the list of contents names."""
    heading = f'<h2 id="{ident}-title">{title}</h2>'
    return f'<section id="{ident}"{_with("class", kind)} aria-labelledby="{ident}-title">{heading}{"".join(content)}</section>'


def tiles(facts: Sequence[tuple[str, str, str, str]]) -> str:
    """The numbers that matter most: what, how many, more words, and a class."""
    items = "".join(
        f'<li{_with("class", kind)}><span class="label">{label}</span><strong>{value}</strong><span class="more">{more}</span></li>'
        for label, value, more, kind in facts
    )
    return f'<ul class="tiles">{items}</ul>'


def attention(items: Sequence[str]) -> str:
    """What somebody has to look at, each with a link to where it is told."""
    listed = "".join(f"<li>{item}</li>" for item in items)
    content = f"<ul>{listed}</ul>" if items else "<p>Nothing.</p>"
    return section("attention", "Needs attention", content, kind="attention" if items else "attention none")


def frame(title: str, kind: str, heading: str, facts: Sequence[tuple[str, str]], top: str, sections: Sequence[tuple[str, str, str]]) -> str:
    """A whole page. ``sections`` are ident, title and content; ``facts`` are a word and what it is, already as HTML."""
    links = "".join(f'<li><a href="#{ident}">{label}</a></li>' for ident, label, _content in sections)
    told = "".join(f"<li>{label} <b>{value}</b></li>" for label, value in facts if value)
    # No place from which the browser might fetch anything, and no script or style but these two.
    policy = f"default-src 'none'; style-src '{_hash(STYLE)}'; script-src '{_hash(SCRIPT)}'; base-uri 'none'; form-action 'none'"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="generator" content="{COLLECTION} {VERSION}">
<title>{title}</title>
<style>{STYLE}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the report</a>
<header>
<p class="kind">{kind}</p>
<h1>{heading}</h1>
<ul class="facts">{told}</ul>
<nav aria-label="Sections"><ul>{links}</ul></nav>
</header>
<main id="main">
{top}
{"".join(content for _ident, _label, content in sections)}
</main>
<footer><p>Made by {COLLECTION} {VERSION}. This page holds no seed, code, password or key. It loads nothing from a network.</p></footer>
<script>{SCRIPT}</script>
</body>
</html>
"""


def _hash(content: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode('utf-8')).digest()).decode('ascii')}"


def number(value: int, one: str, many: str) -> str:
    """A number with its noun."""
    return f"{value} {one if value == 1 else many}"


def link(ident: str, words: str) -> str:
    """A link to a section."""
    return f'<a href="#{ident}">{words}</a>'


def posture_cell(posture: str | None) -> str:
    """A posture, sorted from the best to the worst."""
    if posture is None:
        return td("not known", "", len(POSTURES))
    words, kind = NAMES[posture]
    return td(words, kind, POSTURES.index(posture))


def outcome_of(row: Entry) -> tuple[str, str]:
    """What a run came to for a user, in words, and its class."""
    return ("Exempt", "") if row["exempt"] is not None else _OUTCOMES[row["outcome"]]


OUTCOME_WORDS = (*(words for words, _kind in _OUTCOMES.values()), "Exempt")


def posture_table(bars: Sequence[tuple[str, Mapping[str, Any] | None]], caption: str) -> str:
    """Users by posture, what that means, and what to do: a column for each of ``bars``, which are a name and the counts."""

    def cell(counts: Mapping[str, Any] | None, names: Sequence[str]) -> str:
        return td("not known" if counts is None else str(sum(counts[each] for each in names)), "n")

    def first(row: Entry) -> str:
        drawn = svg.key(row["posture"]) if row["posture"] in IN_NEED else ""
        return drawn + NAMES[row["posture"]][0]

    columns = [
        Column("Posture", first),
        *(
            Column(label, lambda row, counts=counts: cell(counts, [row["posture"]]), numeric=True)  # type: ignore[misc]
            for label, counts in bars
        ),
        Column("The user", lambda row: td(text(BY_POSTURE[row["posture"]][1]))),
        Column("Next step", lambda row: td(text(BY_POSTURE[row["posture"]][2]))),
    ]
    sums = "".join(
        f'<tr class="sum"><th scope="row">{words}</th>{"".join(cell(counts, names) for _label, counts in bars)}<td colspan="2"></td></tr>'
        for words, names in (("Need MFA", IN_NEED), ("All users", POSTURES))
    )
    return table("postures", caption, columns, [{"posture": each} for each in POSTURES], sums, sortable=False)


COVERAGE_MEANS = "How many per cent of the users who need MFA have a bound device and are asked for its code at each login."


def coverage_section(bars: Sequence[tuple[str, Mapping[str, Any] | None]], caption: str) -> tuple[str, str, str]:
    """The coverage as a drawing, and the numbers as a table."""
    drawn = svg.coverage_bars(bars, {posture: words for posture, (words, _kind) in NAMES.items()})
    return titled("coverage", "Coverage", f'<p class="note">{COVERAGE_MEANS}</p>', drawn, posture_table(bars, caption))


def titled(ident: str, title: str, *content: str) -> tuple[str, str, str]:
    """A section, as ``frame`` takes it."""
    return ident, title, section(ident, title, *content)


def _user() -> Column:
    return Column("User", lambda row: name(row["name"] or row["user_id"]))


def _id() -> Column:
    return Column("User id", lambda row: td(f"<code>{text(row['user_id'])}</code>"))


def who(accounts: bool) -> list[Column]:
    """The columns that say whom a row is about; with the account where there is more than one."""
    return [_user(), *([Column("Account", lambda row: td(name(row["account"])))] if accounts else []), _id()]


def _step(row: Entry) -> tuple[str, str]:
    """At which step a user failed, and why."""
    step, colon, rest = str(row["reason"]).partition(": ")
    return (step, rest) if colon and step in (*ORDER, STORE, VERIFY) else ("", str(row["reason"]))


def next_step(row: Entry) -> str:
    """What to do for a user who failed."""
    step = "not_reached" if row["outcome"] == "not_reached" else _step(row)[0]
    return _NEXT_STEPS.get(step, f"Correct what the reason names, {_AGAIN}")


def failures(rows: Sequence[Entry], accounts: bool = False) -> tuple[str, str, str] | None:
    """Who failed, at which step, why, and what to do; None where nobody did."""
    found = [row for row in rows if row["outcome"] in ("failed", "not_reached")]
    if not found:
        return None
    columns = [
        *who(accounts),
        Column("Outcome", lambda row: td(*outcome_of(row))),
        Column("Step", lambda row: td(text(_step(row)[0] or "plan"))),
        Column("Reason", lambda row: td(text(_step(row)[1]))),
        Column("Next step", lambda row: td(next_step(row))),
    ]
    return titled(
        "failures",
        "Failures",
        table("failed", f"{number(len(found), 'user', 'users')} for whom the rollout did not do what it had planned", columns, found),
    )


def dates(rows: Sequence[Entry], accounts: bool = False) -> tuple[str, str, str] | None:
    """For whom MFA is not yet enforced, with the date: the overdue first."""
    ranks = list(_DATES)
    found = sorted(
        (row for row in rows if row["campaign"] is not None), key=lambda row: (ranks.index(row["campaign"]), row["not_before"] or "")
    )
    if not found:
        return None
    columns = [
        *who(accounts),
        Column("State", lambda row: td(*_DATES[row["campaign"]], ranks.index(row["campaign"]))),
        Column("Enforced from", lambda row: td(moment(row["not_before"]))),
        Column("Posture", lambda row: posture_cell(now_of(row))),
    ]
    counts = ", ".join(f"{sum(1 for row in found if row['campaign'] == each)} {_DATES[each][0].lower()}" for each in ranks)
    return titled("dates", "Overdue and scheduled", table("dated", f"Users for whom MFA is not yet enforced: {counts}", columns, found))


def exemptions(rows: Sequence[Entry], accounts: bool = False) -> tuple[str, str, str] | None:
    """Who is exempt, why, and until when."""
    found = [row for row in rows if row["exempt"] is not None]
    if not found:
        return None
    columns = [
        *who(accounts),
        Column("Reason", lambda row: td(text(row["exempt"]))),
        Column("Ends", lambda row: td(moment(row["exempt_until"]) or "no end")),
        Column("Posture", lambda row: posture_cell(now_of(row))),
    ]
    return titled("exemptions", "Exemptions", table("exempt", f"{number(len(found), 'exempt user', 'exempt users')}", columns, found))


def now_of(row: Entry) -> str | None:
    """A user's posture at the end, None where nobody knows."""
    posture = row["after"].get("posture")
    return None if posture is None else str(posture)


def _seed(row: Entry) -> str:
    if row["seed_stored"] is None:
        return ""
    return ("stored, login proven" if row["login_proven"] else "stored") if row["seed_stored"] else "not stored"


def users(rows: Sequence[Entry], caption: str, accounts: bool = False, note: str = "") -> tuple[str, str, str]:
    """All users, to be filtered and sorted. Columns that would be empty are left out."""
    columns = [
        *who(accounts),
        Column("Outcome", lambda row: td(*outcome_of(row)), chosen=True),
        Column("Posture before", lambda row: posture_cell(row["before"].get("posture"))),
        Column("Posture now", lambda row: posture_cell(now_of(row)), chosen=True),
        Column("Device", lambda row: td(_BINDINGS.get(str(row["after"]["binding"]), "not known"))),
        Column(
            "Login protection",
            lambda row: td(_PROTECTIONS.get(str(row["after"]["login_protection"]), text(row["after"]["login_protection"]))),
        ),
    ]
    if any(row["seed_stored"] for row in rows):
        columns.append(Column("Seed", lambda row: td(_seed(row))))
    if any(row["not_before"] for row in rows):
        columns.append(Column("Enforced from", lambda row: td(moment(row["not_before"]))))
    if any(row["reason"] for row in rows):
        columns.append(Column("Reason", lambda row: td(text(row["reason"]))))
    outcomes = {outcome_of(row)[0] for row in rows}
    postures = {now_of(row) for row in rows}
    choices = {
        "Outcome": [words for words in OUTCOME_WORDS if words in outcomes],
        "Posture now": [NAMES[each][0] for each in POSTURES if each in postures] + (["not known"] if None in postures else []),
    }
    more = f'<p class="note">{note}</p>' if note else ""
    return titled("users", "Users", more, controls("everybody", columns, choices), table("everybody", caption, columns, rows))
