# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import legible
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.control_node import ControlNodeAction, WorkError
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.plain import needs_templating
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.input import OTHER_FORM
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.plan import FIRST_SEEN, RECORD
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.planning import packed, plan_from
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import PlanError


class ActionModule(ControlNodeAction):
    """The plan of a rollout, with its warnings as Ansible's, and with what is wrong with the input as the task's own message."""

    spec: Mapping[str, Mapping[str, Any]] = {
        "account": {"type": "str", "required": True},
        "users": {"type": "raw"},
        "users_variable": {"type": "str"},
        "audit": {"type": "raw", "required": True},
        "exempt": {"type": "raw", "default": []},
        "exempt_also": {"type": "raw", "default": []},
        "stored": {"type": "raw"},
        "intents": {"type": "raw", "default": []},
        "record": {"type": "raw"},
        "auth": {"type": "raw"},
        "lifted": {"type": "raw"},
        "first_seen": {"type": "raw"},
        "unread": {"type": "list", "elements": "str", "choices": [RECORD, FIRST_SEEN], "default": []},
        "terms": {"type": "raw", "default": {}},
    }
    relations: Mapping[str, Any] = {"mutually_exclusive": [("users", "users_variable")], "required_one_of": [("users", "users_variable")]}

    def work(self, params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
        given = {name: params[name] for name in self.spec if name not in ("account", "users", "users_variable")}
        try:
            plan = packed(plan_from(self._users(params), **given))
        except PlanError as error:
            raise WorkError(legible(error)) from None
        except OTHER_FORM as error:
            raise WorkError(f"an option has another form than is documented ({type(error).__name__}).") from None
        warnings = [f"{legible(params['account'], 255)}: {warning}" for warning in plan["warnings"]]
        return {"changed": False, "plan": plan, **({"warnings": warnings} if warnings else {})}

    def _users(self, params: Mapping[str, Any]) -> Any:
        """The users. Ansible takes half a second to look for templates in a list of 10,000, of which there mostly are none."""
        name = params["users_variable"]
        if name is None:
            return params["users"]
        if name not in self._play:
            raise WorkError(f"users_variable: there is no variable {legible(name, 80)}.")
        users = self._play[name]
        return self._templar.template(users) if needs_templating(users) else users
