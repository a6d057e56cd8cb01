# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of one account: what was before and after, who, and why not. Pure."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import json_text, legible
from ansible_collections.hwc.mfa.plugins.module_utils._modules.posture import IN_NEED, POSTURES, binding_of, coverage, posture
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.spreadsheet import cell
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.campaign import DUE, OVERDUE
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.shown import as_known, stored_seed
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import LEFT_ALONE, PROBLEM, TODO, VERIFY, Entry, Terms
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.version import COLLECTION, VERSION
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.store import Seeds

SCHEMA = "https://github.com/hwc-mfa/hwc.mfa/blob/main/docs/schema/report.schema.json"
"""Where the form of a report is described."""


def make_report(
    account: str,
    terms: Terms,
    plan: Entry,
    failures: Sequence[Entry],
    waves_done: int,
    before: Entry,
    after: Entry,
    stored: Seeds | None,
    check_mode: bool,
    cloud_account: Mapping[str, Any] | None = None,
    identity_center: Mapping[str, Any] | None = None,
    broke_off: bool = False,
) -> dict[str, Any]:
    """The report of one account.

    ``waves_done`` is how many waves were taken and told what they came to, ``failures`` are the outcomes of those in them who failed.
    ``broke_off`` tells that the one after them may have been begun. ``after`` without ``users`` means
    that nobody could look, and ``stored`` None that nobody knows what is stored. ``cloud_account`` is the cloud's own id and name of it.
    ``identity_center`` are the users of IAM Identity Center with their devices, or None where nobody asked.
    """
    reached: dict[str, Entry | None] = {entry["user_id"]: None for wave in plan["waves"][:waves_done] for entry in wave}
    reached.update((outcome["user_id"], outcome) for outcome in failures)
    was = {str(user["user_id"]): user for user in before["users"]}
    now = {str(user["user_id"]): user for user in after.get("users", [])}
    seeds: Seeds = stored or {}
    known_was, known_now = ({user_id: as_known(user, seeds.get(user_id, ())) for user_id, user in users.items()} for users in (was, now))
    posture_was, posture_is = ({user_id: posture(user) for user_id, user in users.items()} for users in (known_was, known_now))
    if broke_off and not check_mode:
        reached.update(_broken_off(plan["waves"][waves_done : waves_done + 1], was, now if "users" in after else None))
    rows = []
    for fate in plan["users"]:
        user_id = fate["user_id"]
        outcome, reason = _outcome(fate, reached, check_mode)
        kept = stored_seed(now[user_id], seeds.get(user_id, ())) if user_id in now else None
        rows.append(
            {
                "user_id": user_id,
                "name": fate["name"],
                "named": bool(fate.get("named")),
                "outcome": outcome,
                "reason": reason,
                "enabled": was[user_id]["enabled"] if user_id in was else None,
                "console_access": was[user_id].get("console_access") if user_id in was else None,
                "before": _state(known_was.get(user_id), posture_was.get(user_id)),
                "after": _state(known_now.get(user_id), posture_is.get(user_id)),
                "not_before": fate.get("not_before"),
                "campaign": fate.get("campaign") if outcome != "done" else None,
                "exempt": fate.get("exempt"),
                "exempt_until": fate.get("exempt_until"),
                "seed_stored": None if stored is None else kept is not None,
                "login_proven": None if stored is None else kept is not None and kept.proven,
            }
        )
    words = ("done", "planned", "already", "scheduled", "left_alone", "failed", "not_reached")
    return {
        "account": account,
        "cloud_account": {name: (cloud_account or {}).get(name) for name in ("id", "name")},
        "strategy": terms.strategy,
        "state": terms.state,
        "check_mode": check_mode,
        "now": before.get("now"),
        "root": before.get("root"),
        "schema": SCHEMA,
        "collection": {"name": COLLECTION, "version": VERSION},
        "endpoint": before.get("endpoint"),
        "api": before.get("api"),
        "caller": _caller(before.get("caller")),
        "population": _population(posture_was, rows),
        "request_ids": [str(each) for look in ([before] if after is before else [before, after]) for each in look.get("request_ids") or ()],
        "identity_center": _people(identity_center),
        # What an audit demands, and why it fails; whoever asks for it sets both.
        "demands": {"fail_under": 0, "fail_on": []},
        "verdict": [],
        "summary": {
            **{word: sum(1 for row in rows if row["outcome"] == word) for word in words},
            **{word: sum(1 for row in rows if row["campaign"] == word) for word in (DUE, OVERDUE)},
            "posture": _postures(posture_was),
            "posture_after": _postures(posture_is) if "users" in after else None,
            "before": before["summary"],
            "after": after.get("summary"),
        },
        "warnings": [
            *plan["warnings"],
            *_people_warnings(identity_center),
            *([] if "users" in after else [f"The account could not be looked at afterwards: {after.get('msg')}"]),
        ],
        "users": rows,
    }


def _broken_off(waves: Sequence[Sequence[Entry]], was: Mapping[str, Entry], now: Mapping[str, Entry] | None) -> dict[str, Entry]:
    """Outcomes of the users of a wave that broke off before it told any: of those whose state is another one, or of all where nobody could look."""
    found: dict[str, Entry] = {}
    for entry in (entry for wave in waves for entry in wave):
        user_id = entry["user_id"]
        if now is None or _state(was.get(user_id), None) != _state(now.get(user_id), None):
            seen = "nobody could look at what it did" if now is None else "the report shows what the cloud shows now"
            found[user_id] = {"step": VERIFY, "msg": f"the wave broke off before it told what it did for this user, and {seen}: run again"}
    return found


def _people(found: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if found is None else {name: found[name] for name in ("identity_store_id", "summary", "users")}


def _people_warnings(found: Mapping[str, Any] | None) -> list[str]:
    missing = found["summary"]["without_device"] if found is not None else 0
    return [f"{missing} of the users of IAM Identity Center have no MFA device: see identity_center in the report."] if missing else []


def _caller(caller: Entry | None) -> dict[str, Any] | None:
    return None if caller is None else {name: caller.get(name) for name in ("user_id", "name", "principal_urn")}


def _population(postures: Mapping[str, str], rows: Sequence[Entry]) -> dict[str, int]:
    """Whom the report is about: users of the account, those of them who need MFA, and those who have a row here."""
    return {
        "users": len(postures),
        "in_need": sum(1 for posture in postures.values() if posture in IN_NEED),
        "reported": sum(1 for row in rows if row["before"]["posture"] is not None),
        "exempt": sum(1 for row in rows if row["exempt"] is not None),
    }


def _outcome(fate: Entry, reached: Mapping[str, Entry | None], check_mode: bool) -> tuple[str, str]:
    if fate["fate"] == PROBLEM:
        return "failed", fate["reason"]
    if fate["fate"] != TODO:
        return fate["fate"], fate["reason"]
    failure = reached.get(fate["user_id"])
    if failure:
        return "failed", f"{failure['step']}: {failure['msg']}"
    # Where all went well, the reason tells what was left as it is, such as a device.
    if check_mode:
        return "planned", fate["reason"]
    if fate["user_id"] not in reached:
        return "not_reached", "the rollout stopped before this user's wave"
    return "done", fate["reason"]


def _postures(postures: Mapping[str, str]) -> dict[str, Any]:
    """How many users of the whole account have which posture, and the coverage."""
    found = Counter(postures.values())
    counts = {word: found[word] for word in POSTURES}
    return {**counts, "coverage": coverage(counts)}


def _state(user: Entry | None, posture: str | None) -> dict[str, Any]:
    if user is None:
        return {"device": None, "binding": None, "login_protection": None, "posture": None}
    device = user["device"]
    return {
        "device": device["serial_number"] if device else None,
        "binding": binding_of(user) or "none",
        "login_protection": user["login_protection"]["verification_method"],
        "posture": posture,
    }


def report_json(report: Entry) -> str:
    """A report as JSON with a line a user, for whoever reads, searches or compares it."""
    head = json_text({name: value for name, value in report.items() if name != "users"}, indent=2)
    rows = ",\n".join(f"    {json_text(row)}" for row in report["users"])
    return f'{head[:-2]},\n  "users": [\n{rows}\n  ]\n}}\n'


def report_csv(report: Entry) -> str:
    """A report's users as CSV, a line each."""
    return report_csv_rows((report["account"], row) for row in report["users"])


def report_csv_rows(rows: Iterable[tuple[str, Entry]]) -> str:
    """Accounts and their users as CSV, a line each. A cell that a spreadsheet would take for a formula is quoted with an apostrophe."""
    columns = (
        "account",
        "user_id",
        "name",
        "outcome",
        "reason",
        "binding_before",
        "binding_after",
        "protection_before",
        "protection_after",
        "seed_stored",
        "login_proven",
        "posture_before",
        "posture_after",
        "campaign",
        "not_before",
    )
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    # Most cells of a column are one of a few words.
    cell_of = lru_cache(1024)(cell)
    for account, row in rows:
        before, after = row["before"], row["after"]
        cells = (
            account,
            row["user_id"],
            row["name"],
            row["outcome"],
            row["reason"],
            before["binding"],
            after["binding"],
            before["login_protection"],
            after["login_protection"],
            *({True: "yes", False: "no", None: "unknown"}[row[fact]] for fact in ("seed_stored", "login_proven")),
            before.get("posture"),
            after.get("posture"),
            row.get("campaign"),
            row.get("not_before"),
        )
        writer.writerow([cell_of(each) for each in cells])
    return text.getvalue()


_COUNTS = {
    "done": "done",
    "planned": "to do",
    "already": "already compliant",
    "scheduled": "scheduled",
    "left_alone": "skipped",
    "failed": "failed",
    "not_reached": "not reached",
}


def report_line(report: Entry) -> str:
    """The report in one line, for a person."""
    summary = report["summary"]
    parts = [f"{summary[word]} {name}" for word, name in _COUNTS.items() if summary[word] or word == "failed"]
    if summary[OVERDUE]:
        parts.append(f"{summary[OVERDUE]} overdue")
    before, after = summary["before"], summary["after"]
    cloud = report["cloud_account"]
    which = f"; account {legible(cloud['name'] or 'without a name', 80)} (id {legible(cloud['id'], 80)})" if cloud["id"] else ""
    if after is None:
        return f"{', '.join(parts)}; the account could not be looked at afterwards{which}"
    return (
        f"{', '.join(parts)}; of {after['users']} users vmfa {before['vmfa']} -> {after['vmfa']}, bound {before['bound']} -> {after['bound']}"
        + (f" (+{after['unknown']} the cloud cannot tell)" if after["unknown"] else "")
        + f", coverage {(summary['posture_after'] or summary['posture'])['coverage']} %"
        + which
    )


_MOST_SKIPPED = 20
"""Of how many users who were skipped the names are shown; the report has all."""


def skipped_lines(report: Entry) -> list[str]:
    """Who was skipped and why, for a person, with what they have: whoever was asked for by name first, since they may be missed."""
    rows = [row for row in report["users"] if row["outcome"] == LEFT_ALONE]
    rows.sort(key=lambda row: not row["named"])
    lines = [f"skipped: {row['name'] or row['user_id']}: {row['reason']}; {_has(row)}" for row in rows[:_MOST_SKIPPED]]
    if len(rows) > _MOST_SKIPPED:
        lines.append(f"skipped: {len(rows) - _MOST_SKIPPED} more, see the report")
    return [legible(line) for line in lines]


def _has(row: Entry) -> str:
    shown = row["after"] if row["after"]["binding"] is not None else row["before"]
    device = {"none": "has NO device", "unbound": "has an unbound device", "bound": "has a bound device"}.get(
        str(shown["binding"]), "has a device"
    )
    protection = shown["login_protection"]
    return f"{device}, {'login protection is off' if protection in (None, 'none') else f'login protection by {protection}'}"
