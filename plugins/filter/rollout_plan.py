# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Callable

from ansible_collections.hwc.mfa.plugins.plugin_utils._control.packing import pack
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.input import (
    audit_in,
    ids_in,
    named_in,
    options_in,
    record_in,
    seeds_in,
    told,
    users_in,
)
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.plan import Known, make_plan, terms_of


def rollout_plan(
    users: Sequence[Mapping[str, Any]] | str,
    audit: Mapping[str, Any] | str,
    exempt: Sequence[Mapping[str, Any]] = (),
    stored: Mapping[str, Mapping[str, Any]] | str | None = None,
    intents: Sequence[str] = (),
    record: Mapping[str, Any] | str | None = None,
    auth: Mapping[str, Any] | None = None,
    packed: bool = False,
    **terms: Any,
) -> dict[str, Any]:
    """Who belongs to which wave, and why not: see the documentation beside this file."""
    with told("rollout_plan"):
        known = Known(seeds=seeds_in(stored), intents=ids_in(intents), record=record_in(record), auth=options_in(auth, "mfa_rollout_auth"))
        plan = make_plan(users_in(users), audit_in(audit), terms_of(terms), named_in(exempt, "mfa_rollout_exempt"), known)
    if packed:
        plan["users_packed"] = pack(plan.pop("users"))
        plan["waves"] = [_packed_wave(wave) for wave in plan["waves"]]
    return plan


def _packed_wave(wave: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A wave as one text, and beside it what the role's tasks ask of it."""
    indexes = [entry["index"] for entry in wave]
    return {
        "entries_packed": pack(wave),
        "first": min(indexes),
        "last": max(indexes),
        "creating": [entry["user_id"] for entry in wave if "create" in entry["steps"]],
        "protects": any(step in entry["steps"] for entry in wave for step in ("protect", "unprotect")),
    }


class FilterModule:
    """The plan of a rollout."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"rollout_plan": rollout_plan}
