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
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.protection_record import ProtectionRecord
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import PlanError
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.account_file import AccountFileError


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
            record = ProtectionRecord(params["directory"], params["account"], params["in_store"], params["strategy"])
            entries = entries_in(params["entries"]) if params["entries"] else []
            audited = audit_in(params["audit"])["users"] if params["audit"] else []
            noted = record.returned([str(user["user_id"]) for user in audited if has_vmfa(user)], check_mode)
            if params["done"]:
                failures = {str(failure["user_id"]): failure for failure in params["failures"] or []}
                noted = record.end(entries, failures, check_mode)
            elif entries:
                noted = record.begin(entries, check_mode)
        except (PlanError, AccountFileError) as error:
            raise WorkError(f"The record of the rollout: {error}") from None
        return {
            "changed": noted.changed,
            "kept": noted.kept,
            "protected_packed": pack(noted.protected),
            "lifted_packed": pack(noted.lifted),
        }
