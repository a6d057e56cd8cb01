# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Callable

from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.input import told
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.planning import packed as packed_plan
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.planning import plan_from


def rollout_plan(
    users: Sequence[Mapping[str, Any]] | str,
    audit: Mapping[str, Any] | str,
    exempt: Sequence[Mapping[str, Any]] = (),
    stored: Mapping[str, Mapping[str, Any]] | str | None = None,
    intents: Sequence[str] = (),
    record: Mapping[str, Any] | str | None = None,
    auth: Mapping[str, Any] | None = None,
    lifted: Mapping[str, Any] | str | None = None,
    first_seen: Mapping[str, str] | str | None = None,
    packed: bool = False,
    **terms: Any,
) -> dict[str, Any]:
    """Who belongs to which wave, and why not: see the documentation beside this file."""
    with told("rollout_plan"):
        plan = plan_from(
            users,
            audit,
            exempt=exempt,
            stored=stored,
            intents=intents,
            record=record,
            auth=auth,
            lifted=lifted,
            first_seen=first_seen,
            terms=terms,
        )
        return packed_plan(plan) if packed else plan


class FilterModule:
    """The plan of a rollout."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"rollout_plan": rollout_plan}
