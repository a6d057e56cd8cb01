# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Callable

from ansible.errors import AnsibleFilterError
from ansible_collections.hwc.mfa.plugins.module_utils._packed import pack
from ansible_collections.hwc.mfa.plugins.plugin_utils._plain import opened, plain
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout import PlanError, make_plan, terms_of


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
    if not isinstance(audit, Mapping) or not ("users" in audit or "users_packed" in audit):
        raise AnsibleFilterError("hwc.mfa.rollout_plan: audit must be the result of hwc.mfa.iam_mfa_info.")
    terms = terms_of(
        {
            "strategy": strategy,
            "state": state,
            "login_protection": login_protection,
            "prove_login": prove_login,
            "wave_sizes": wave_sizes,
        }
    )
    try:
        plan = make_plan(
            plain(users or []),
            opened(audit),
            terms,
            exempt=plain(exempt),
            stored=opened(stored or {}),
            intents=plain(intents),
            auth=plain(auth or {}),
            store_known=store_known,
            audit_only=audit_only,
        )
    except PlanError as error:
        raise AnsibleFilterError(f"hwc.mfa.rollout_plan: {error}") from None
    if packed:
        plan["users_packed"] = pack(plan.pop("users"))
        plan["waves"] = [pack(wave) for wave in plan["waves"]]
    return plan


class FilterModule:
    """The plan of a rollout."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"rollout_plan": rollout_plan}
