# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Callable

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import legible
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.packing import pack
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.plain import opened, plain
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.input import audit_in, seeds_in, told
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.report import make_report, report_line, skipped_lines
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import PlanError, terms_of
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.verdict import demands_in, per_cent_in, verdict


def rollout_report(
    plan: Mapping[str, Any],
    account: str,
    before: Mapping[str, Any] | str,
    after: Mapping[str, Any] | str | None = None,
    failures: Sequence[Mapping[str, Any]] = (),
    waves_done: int = 0,
    stored: Mapping[str, Any] | str | None = None,
    terms: Mapping[str, Any] | None = None,
    check_mode: bool = False,
    cloud_account: Mapping[str, Any] | None = None,
    fail_under: float = 0,
    fail_on: Sequence[str] = (),
    identity_center: Mapping[str, Any] | None = None,
    broke_off: bool = False,
) -> dict[str, Any]:
    """The report of an account: see the documentation beside this file."""
    with told("rollout_report"):
        planned, audit = opened(plan), audit_in(before)
        planned["waves"] = [_entries(wave) for wave in plan["waves"]]
        document = make_report(
            str(account),
            terms_of(terms or {}),
            planned,
            plain(failures),
            int(waves_done),
            audit,
            _afterwards(after) if after else audit,
            _known(stored),
            bool(check_mode),
            plain(cloud_account or {}),
            plain(identity_center) if identity_center else None,
            bool(broke_off),
        )
        least, causes = per_cent_in(fail_under), demands_in(fail_on)
        document.update(demands={"fail_under": least, "fail_on": causes}, verdict=verdict(document, least, causes))
        failed = [row for row in document["users"] if row["outcome"] == "failed"]
        return {
            "line": report_line(document),
            "skipped": skipped_lines(document),
            "summary": document["summary"],
            "warnings": document["warnings"],
            "failed": failed,
            "first_failure": legible(f"{failed[0]['name'] or failed[0]['user_id']}: {failed[0]['reason']}") if failed else "",
            "verdict": document["verdict"],
            "document": pack(document),
        }


def _entries(wave: Any) -> Any:
    found = opened(wave)
    return found["entries"] if isinstance(found, dict) else found


def _afterwards(after: Any) -> dict[str, Any]:
    """The look at the account after the waves, or why there was none."""
    found = opened(after)
    if isinstance(found, dict) and ("audit" in found or "users" in found):
        return dict(audit_in(after))
    return {"msg": found.get("msg")} if isinstance(found, dict) else {"msg": None}


def _known(stored: Any) -> dict[str, Any] | None:
    """What is stored, or None where nobody knows: a store that has broken meanwhile is no reason for a rollout without a report."""
    try:
        return None if stored is None else seeds_in(stored)
    except PlanError:
        return None


class FilterModule:
    """The report of a rollout."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"rollout_report": rollout_report}
