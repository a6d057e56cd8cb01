# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Callable

from ansible_collections.hwc.mfa.plugins.plugin_utils._control.plain import opened
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout import plan as _rollout
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.input import told


def rollout_outcomes(
    wave: Sequence[Mapping[str, Any]] | str,
    results: Mapping[str, Any],
    seen: Mapping[str, Any],
    terms: Mapping[str, Any] | None = None,
    number: int = 1,
    total: int = 1,
) -> dict[str, Any]:
    """What came of a wave: see the documentation beside this file."""
    with told("rollout_outcomes"):
        done = {str(step): opened(result) for step, result in results.items()}
        outcomes = _rollout.outcomes_of(opened(wave), done, opened(seen), _rollout.terms_of(terms or {}))
        return {
            "failures": [outcome for outcome in outcomes if outcome["failed"]],
            "settled": not any(outcome["step"] == _rollout.VERIFY for outcome in outcomes),
            "removed": [outcome["user_id"] for outcome in outcomes if _rollout.REMOVE in outcome["done"] and not outcome["failed"]],
            "line": _rollout.wave_line(int(number), int(total), outcomes),
        }


class FilterModule:
    """The outcome of a wave."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"rollout_outcomes": rollout_outcomes}
