# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import legible
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.control_node import ControlNodeAction, WorkError
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.in_process import task_environment
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.inventory_places import misplaced_in
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.preflight import (
    STORE_PASSWORD,
    changes_each_time,
    unknown_variables,
    warnings_of,
    wrong_state,
    wrong_types,
    wrong_values,
)
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.protection_record import ProtectionRecord
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.settings import settings
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.account_file import AccountFileError

_ARGUMENT_SPECS = Path(__file__).parents[2] / "roles" / "mfa_rollout" / "meta" / "argument_specs.yml"


def _lifted(record: ProtectionRecord, audit_only: bool) -> tuple[Mapping[str, Any], str | None]:
    """Whose protection an earlier run has lifted for a moment, and a warning where nobody knows. Raises WorkError where the record could not be used.

    A wave would find that only when it has made devices. Who only looks needs no record.
    """
    try:
        if not audit_only:
            record.probe()
        return record.lifted(), None
    except AccountFileError as error:
        if audit_only:
            return {}, f"{error} So nobody knows whose login protection a reset or a rotation had lifted when it was ended."
        raise WorkError(f"The record of the rollout: {error}") from None


class ActionModule(ControlNodeAction):
    """Finds everything that is wrong with the role's variables and its surroundings, and says all of it at once; else what they come to."""

    spec: Mapping[str, Mapping[str, Any]] = {
        "variables": {"type": "dict", "required": True},
        "names": {"type": "list", "elements": "str", "default": []},
        "audit_only": {"type": "bool", "default": False},
        "only_state": {"type": "str"},
        "in_awx": {"type": "bool", "default": False},
    }

    def work(self, params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
        with task_environment(self) as env:
            return self._checked(params, check_mode, env)

    def _checked(self, params: Mapping[str, Any], check_mode: bool, env: Mapping[str, str]) -> dict[str, Any]:
        variables, audit_only = params["variables"], params["audit_only"]
        causes = [
            *unknown_variables(str(name) for name in self._play),
            *self._elsewhere(),
            *(
                f"{name} is omitted by its template: leave the variable out, or give it a value."
                for name in params["names"]
                if name not in variables
            ),
            *wrong_state(variables, params["only_state"]),
            *self._misplaced(variables),
            *(self._wrong_types(variables) or wrong_values(variables, audit_only, params["in_awx"], env, self._group_defaults)),
            *changes_each_time(variables, lambda: self._templar.template(self._play.get(STORE_PASSWORD))),
        ]
        if causes:
            raise WorkError(" ".join(legible(cause) for cause in dict.fromkeys(causes)))
        told = warnings_of(variables, audit_only)
        found = settings(variables, env, audit_only=audit_only, in_awx=params["in_awx"], check_mode=check_mode)
        if found["record_dir"]:
            account = str(variables.get("mfa_rollout_account", ""))
            record = ProtectionRecord(os.path.expandvars(found["record_dir"]), account, found["record_in_store"])
            found["lifted"], unread = _lifted(record, audit_only)
            if unread is not None:
                told.append(unread)
        warnings = [f"{legible(variables.get('mfa_rollout_account', ''), 255)}: {each}" for each in told]
        return {"changed": False, "settings": found, **({"warnings": warnings} if warnings else {})}

    def _elsewhere(self) -> Iterator[str]:
        """Variables of an inventory beat the keywords of a play, and its own variables beat those."""
        connection = str(self._connection.transport)
        if connection != "local":
            yield (
                f"The connection of this host is {legible(connection, 80)}, and the role works where Ansible runs: set ansible_connection to"
                " local in the vars of the play, which group_vars do not override."
            )
        if self._connection.become:
            yield (
                "The tasks of this host become another user, and the role works as the user who runs Ansible: set ansible_become to false in"
                " the vars of the play, which group_vars do not override."
            )

    def _wrong_types(self, variables: Mapping[str, Any]) -> list[str]:
        specs = self._loader.load_from_file(str(_ARGUMENT_SPECS))["argument_specs"]
        return wrong_types(specs["main"]["options"], variables)

    def _misplaced(self, variables: Mapping[str, Any]) -> Iterator[str]:
        for name in ("mfa_rollout_report_dir", "mfa_rollout_seed_store_dir"):
            if variables.get(name):
                cause = misplaced_in(self._play, name, str(variables[name]))
                if cause is not None:
                    yield cause
