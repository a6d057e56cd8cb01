# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Callable

from ansible_collections.hwc.mfa.plugins.plugin_utils._control.plain import opened, plain
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout import plan as _rollout
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.input import seeds_in, told


def rollout_items(
    wave: Sequence[Mapping[str, Any]] | str,
    step: str,
    users: Sequence[Mapping[str, Any]] = (),
    stored: Mapping[str, Any] | str | None = None,
    results: Mapping[str, Any] | None = None,
    read_back: bool = False,
) -> Any:
    """What a wave gives one step to work on: see the documentation beside this file."""
    with told("rollout_items"):
        entries = opened(wave)
        done = {str(name): opened(result) for name, result in (results or {}).items()}
        if step == "intend":
            return [entry["user_id"] for entry in entries if _rollout.CREATE in entry["steps"]]
        if step == "everybody":
            return [entry["user_id"] for entry in entries]
        if step == "doubt":
            return _rollout.doubted_seeds(entries, seeds_in(stored))
        if step == "store":
            return _rollout.new_seeds(entries, done)
        if step in _LOOKS:
            return list(_LOOKS[step](done))
        if step in _RECORDS:
            return _RECORDS[step](entries, seeds_in(stored), done)
        credentials = plain(_rollout.own_credentials(entries, users)) if users else {}
        return _rollout.items_for(entries, str(step), credentials, seeds_in(stored), done, bool(read_back))


_LOOKS = {"confirm": _rollout.answered_bound, "unconfirmed": _rollout.unconfirmed}
"""Who is to be looked at before he is protected, and who is not yet shown as he should be."""

_RECORDS = {"record": _rollout.bound_seeds, "record_proof": _rollout.proven_seeds}
"""What is written down after a step of the seeds that it was about."""


class FilterModule:
    """The items of a wave's bulk calls."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"rollout_items": rollout_items}
