# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Callable

from ansible_collections.hwc.mfa.plugins.module_utils._runner.packing import pack
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.input import audit_in, ids_in, named_in, options_in, seeds_in, told
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.plan import make_plan, terms_of


def rollout_plan(
    users: Sequence[Mapping[str, Any]] | None,
    audit: Mapping[str, Any],
    strategy: str = "require",
    state: str = "present",
    exempt: Sequence[Mapping[str, Any]] = (),
    wave_sizes: Sequence[int] = (1, 10, 100, 1000),
    login_protection: bool = True,
    stored: Mapping[str, Mapping[str, Any]] | str | None = None,
    intents: Sequence[str] = (),
    auth: Mapping[str, Any] | None = None,
    store_known: bool = True,
    audit_only: bool = False,
    packed: bool = False,
    prove_login: bool = False,
) -> dict[str, Any]:
    """Who belongs to which wave, and why not: see the documentation beside this file."""
    terms = terms_of(
        {
            "strategy": strategy,
            "state": state,
            "login_protection": login_protection,
            "prove_login": prove_login,
            "wave_sizes": wave_sizes,
        }
    )
    with told("rollout_plan"):
        plan = make_plan(
            # Nothing else than nothing means everybody.
            named_in([] if users is None else users, "mfa_rollout_users"),
            audit_in(audit),
            terms,
            exempt=named_in(exempt, "mfa_rollout_exempt"),
            stored=seeds_in(stored),
            intents=ids_in(intents),
            auth=options_in(auth, "mfa_rollout_auth"),
            store_known=store_known,
            audit_only=audit_only,
        )
    if packed:
        plan["users_packed"] = pack(plan.pop("users"))
        plan["waves"] = [pack(wave) for wave in plan["waves"]]
    return plan


class FilterModule:
    """The plan of a rollout."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"rollout_plan": rollout_plan}
