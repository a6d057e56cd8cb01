# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan from what Ansible hands on, and as it hands it on: of the filter, and of the role's task."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ansible_collections.hwc.mfa.plugins.plugin_utils._control.packing import pack
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.campaign import time_in
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.guards import VARIABLE
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.input import (
    audit_in,
    ids_in,
    mapping_in,
    more_exempt_in,
    named_in,
    options_in,
    record_in,
    seeds_in,
    users_in,
)
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.plan import Known, make_plan
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import CREATE, ROTATED, PlanError, Terms, terms_of


def plan_from(
    users: Any,
    audit: Any,
    *,
    exempt: Any = (),
    exempt_also: Any = (),
    stored: Any = None,
    intents: Any = (),
    record: Any = None,
    auth: Any = None,
    lifted: Any = None,
    first_seen: Any = None,
    unread: Collection[str] = (),
    terms: Mapping[str, Any],
) -> dict[str, Any]:
    """A plan: see ``make_plan``. Raises PlanError, or one of ``input.OTHER_FORM`` where something has another form than is documented."""
    known = Known(
        seeds=seeds_in(stored),
        stores=stored is not None,
        intents=ids_in(intents),
        record=None if record is None else record_in(record),
        lifted=mapping_in(lifted, "lifted"),
        auth=options_in(auth, "mfa_rollout_auth"),
        first_seen=None if first_seen is None else mapping_in(first_seen, "first_seen"),
        unread=unread,
    )
    also = [{**user, VARIABLE: "mfa_rollout_exempt_also"} for user in more_exempt_in(exempt_also)]
    spared = [*named_in(exempt, "mfa_rollout_exempt"), *also]
    shown, made_under = audit_in(audit), terms_of(terms)
    never_ends = _rotates_without_end(made_under, shown.get("now"))
    if never_ends is not None and not made_under.audit_only:
        raise PlanError(never_ends)
    plan = make_plan(users_in(users), shown, made_under, spared, known)
    if never_ends is not None:
        plan["warnings"].append(never_ends)
    return plan


def _rotates_without_end(terms: Terms, now: str | None) -> str | None:
    """Why a rotation would make all seeds anew in each run, although it is given the date for which runs are repeated; None where it would not."""
    before = time_in(terms.rotate_before, "mfa_rollout_rotate_before") if terms.state == ROTATED else None
    if before is None or now is None or before <= now:
        return None
    return (
        f"mfa_rollout_rotate_before is {before}, and it is {now} by the cloud's clock: until then each run would make all seeds anew, also those"
        " that the run before it has made. Give the time from which on seeds are new enough, which is now at the latest."
    )


def packed(plan: dict[str, Any]) -> dict[str, Any]:
    """A plan with ``users_packed``, and with each wave as one text and beside it what the role's tasks ask of it."""
    rest = {name: value for name, value in plan.items() if name not in ("users", "waves")}
    return {**rest, "users_packed": pack(plan["users"]), "waves": [_packed_wave(wave) for wave in plan["waves"]]}


def creating(wave: Sequence[Mapping[str, Any]]) -> list[str]:
    """The users of a wave who get new devices. The store announces them first."""
    return [entry["user_id"] for entry in wave if CREATE in entry["steps"]]


def _packed_wave(wave: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    indexes = [entry["index"] for entry in wave]
    return {
        "entries_packed": pack(wave),
        "first": min(indexes),
        "last": max(indexes),
        "creating": creating(wave),
    }
