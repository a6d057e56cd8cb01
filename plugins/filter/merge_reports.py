# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Callable

from ansible_collections.hwc.mfa.plugins.plugin_utils._control.packing import pack
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.plain import exact, plain
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.input import told
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.merge import merge_reports as merge
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.merge import merged_line
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import PlanError


def merge_reports(reports: Sequence[Any], duplicates: str = "fail") -> dict[str, Any]:
    """One report of many: see the documentation beside this file."""
    with told("merge_reports"):
        if isinstance(reports, str) or not isinstance(reports, (list, tuple)):
            raise PlanError("the input must be a list of reports.")
        if duplicates not in ("fail", "newest"):
            raise PlanError("duplicates must be fail or newest.")
        given = ((f"report {number}", exact(each) if isinstance(each, str) else plain(each)) for number, each in enumerate(reports, 1))
        merged = merge(given, duplicates == "newest")
        shown = {name: merged[name] for name in ("summary", "accounts", "superseded", "unreadable", "warnings")}
        return {"line": merged_line(merged), **shown, "document": pack(merged)}


class FilterModule:
    """Reports of several accounts as one."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"merge_reports": merge_reports}
