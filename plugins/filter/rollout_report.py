# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Callable

from ansible_collections.hwc.mfa.plugins.plugin_utils import _rollout
from ansible_collections.hwc.mfa.plugins.plugin_utils._plain import plain


def rollout_report(
    plan: Mapping[str, Any],
    account: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any] | None = None,
    outcomes: Sequence[Mapping[str, Any]] = (),
    stored: Mapping[str, Any] | None = None,
    terms: Mapping[str, Any] | None = None,
    check_mode: bool = False,
) -> dict[str, Any]:
    """The report of an account: see the documentation beside this file."""
    seen = plain(after) if after and "users" in after else None
    document = _rollout.make_report(
        str(account),
        _rollout.terms_of(terms or {}),
        plain(plan),
        plain(outcomes),
        plain(before),
        seen,
        plain(stored or {}),
        bool(check_mode),
    )
    return {"document": document, "line": _rollout.report_line(document)}


class FilterModule:
    """The report of a rollout."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"rollout_report": rollout_report}
