# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.hwc.mfa.plugins.plugin_utils._control.control_node import ControlNodeAction, WorkError
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.packing import pack
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.input import audit_in
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import PlanError
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.account_file import AccountFileError
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.history import SeenUsers


class ActionModule(ControlNodeAction):
    """Notes when a report first saw each user of an account."""

    spec: Mapping[str, Mapping[str, Any]] = {
        "directory": {"type": "path", "required": True},
        "account": {"type": "str", "required": True},
        "in_store": {"type": "bool", "default": False},
        "audit": {"type": "raw", "required": True},
    }

    def work(self, params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
        try:
            audit = audit_in(params["audit"])
            if not isinstance(audit.get("now"), str):
                raise PlanError("the audit does not tell the time.")
            users = SeenUsers(params["directory"], params["account"], params["in_store"])
            first_seen, changed = users.see([str(user["user_id"]) for user in audit["users"]], audit["now"], check_mode)
        except (PlanError, AccountFileError) as error:
            raise WorkError(f"The history of the account: {error}") from None
        return {"changed": changed, "first_seen_packed": pack(first_seen)}
