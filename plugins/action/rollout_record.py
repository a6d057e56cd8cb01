# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._modules.posture import has_vmfa
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.control_node import ControlNodeAction, WorkError
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.packing import pack
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.input import audit_in, entries_in
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import BIND, CREATE, PROTECT, PROVE, STORE, UNPROTECT, PlanError
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.account_file import AccountFileError
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.record import LiftedProtection, RolloutRecord


class ActionModule(ControlNodeAction):
    """Reads and changes the record of what rollouts did to login protection."""

    spec: Mapping[str, Mapping[str, Any]] = {
        "directory": {"type": "path", "required": True},
        "account": {"type": "str", "required": True},
        "in_store": {"type": "bool", "default": False},
        "strategy": {"type": "str", "choices": ["require", "enrol"]},
        "entries": {"type": "raw"},
        "failures": {"type": "raw"},
        "done": {"type": "bool", "default": False},
        "audit": {"type": "raw"},
    }

    def work(self, params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
        try:
            entries = entries_in(params["entries"]) if params["entries"] else []
            failures = {str(failure["user_id"]): failure for failure in params["failures"] or []}
            adds: dict[str, dict[str, Any]] = {}
            drops: list[str] = []
            lifted = LiftedProtection(params["directory"], params["account"], params["in_store"])
            back = lifted.read()
            lifts: dict[str, dict[str, Any]] = {}
            # A run that was ended may not have come to note that protection is back.
            returns = [str(user["user_id"]) for user in audit_in(params["audit"])["users"] if has_vmfa(user)] if params["audit"] else []
            for entry in entries:
                user_id = entry["user_id"]
                failed_at = failures[user_id]["step"] if user_id in failures else None
                if PROTECT in entry["steps"] and UNPROTECT in entry["steps"]:
                    # Lifted for a moment: whose protection it is does not change.
                    if not params["done"]:
                        lifts[user_id] = entry["protection"]
                    elif failed_at in (None, PROVE):
                        returns.append(user_id)
                    continue
                if PROTECT in entry["steps"] and params["done"] and failed_at in (None, PROVE):
                    returns.append(user_id)
                if PROTECT in entry["steps"] and not params["done"]:
                    if user_id in back:
                        continue  # an earlier run has lifted it for a moment
                    adds[user_id] = {"strategy": params["strategy"], "name": entry["name"], "before": entry["protection"]}
                elif PROTECT in entry["steps"] and failed_at in (CREATE, STORE, BIND):
                    # Nothing was sent. What was sent, and came to nothing, may have come to something after all.
                    drops.append(user_id)
                elif UNPROTECT in entry["steps"] and params["done"] and failed_at is None:
                    # An answer is a promise: only what the cloud has shown to be lifted leaves the record.
                    drops.append(user_id)
            protected, changed = RolloutRecord(params["directory"], params["account"], params["in_store"]).change(adds, drops, check_mode)
            back = lifted.change(lifts, returns, check_mode)
        except (PlanError, AccountFileError) as error:
            raise WorkError(f"The record of the rollout: {error}") from None
        return {"changed": changed or bool(lifts), "protected_packed": pack(protected), "lifted_packed": pack(back)}
