# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase
from ansible_collections.hwc.mfa.plugins.module_utils._run import AUTH_SPEC
from ansible_collections.hwc.mfa.plugins.plugin_utils._plain import plain
from ansible_collections.hwc.mfa.plugins.plugin_utils._vault_store import StoreError, VaultStore

SPEC: dict[str, dict[str, Any]] = {
    "directory": {"type": "path", "required": True},
    "account": {"type": "str", "required": True},
    "password": {"type": "str", "required": True, "no_log": True},
    "entries": {"type": "dict", "no_log": True},
    "intends": {"type": "list", "elements": "str"},
    "removes": {"type": "list", "elements": "str"},
}


class ActionModule(ActionBase):
    """Reads and adds to the files of a seed store, on the control node."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        # Defaults of the action group reach this plugin too, and mean nothing to it.
        args = {name: value for name, value in plain(self._task.args).items() if name in SPEC or name not in AUTH_SPEC}
        validated = ArgumentSpecValidator(SPEC).validate(args)
        if validated.error_messages:
            return {**result, "failed": True, "msg": validated.error_messages[0]}
        params = validated.validated_parameters
        try:
            store = VaultStore(params["directory"], params["account"], params["password"])
            contents = store.read()
            intends = [user_id for user_id in params["intends"] or [] if user_id not in contents.intents]
            removes = [user_id for user_id in params["removes"] or [] if user_id in contents.entries or user_id in contents.intents]
            entries = {user_id: entry for user_id, entry in (params["entries"] or {}).items() if contents.entries.get(user_id) != entry}
            files = []
            if not self._task.check_mode:
                if intends or removes:
                    files.append(store.mark(intends, removes))
                if entries:
                    files.append(store.save(entries))
                if files:
                    contents = store.read()
        except StoreError as error:
            return {**result, "failed": True, "msg": f"The seed store: {error}"}
        result.update(
            changed=bool(entries or intends or removes),
            path=str(store.path),
            files=files,
            entries=contents.entries,
            intents=contents.intents,
        )
        if contents.entries:
            result["_ansible_no_log"] = True
        return result
