# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Callable

from ansible.errors import AnsibleFilterError
from ansible_collections.hwc.mfa.plugins.plugin_utils import _rollout
from ansible_collections.hwc.mfa.plugins.plugin_utils._plain import plain


def rollout_items(
    wave: Sequence[Mapping[str, Any]],
    step: str,
    users: Sequence[Mapping[str, Any]] = (),
    stored: Mapping[str, Any] | None = None,
    results: Mapping[str, Any] | None = None,
) -> Any:
    """What a wave gives one step to work on: see the documentation beside this file."""
    entries, seeds, done = plain(wave), plain(stored or {}), plain(results or {})
    if step == "store":
        return _rollout.new_seeds(entries, done)
    if step == "record":
        return _rollout.bound_seeds(entries, seeds, done)
    try:
        return _rollout.items_for(entries, str(step), plain(users or []), seeds, done)
    except _rollout.PlanError as error:
        raise AnsibleFilterError(f"hwc.mfa.rollout_items: {error}") from None


class FilterModule:
    """The items of a wave's bulk calls."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"rollout_items": rollout_items}
