# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._runner.packing import pack
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.control_node import ControlNodeAction, WorkError
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.lock import Owner
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.vault_files import Contents, StoreError, VaultStore, check_entries


class ActionModule(ControlNodeAction):
    """Reads and adds to the files of a seed store."""

    spec: Mapping[str, Mapping[str, Any]] = {
        "directory": {"type": "path", "required": True},
        "account": {"type": "str", "required": True},
        "password": {"type": "str", "required": True, "no_log": True},
        "entries": {"type": "dict", "no_log": True},
        "intends": {"type": "list", "elements": "str"},
        "removes": {"type": "list", "elements": "str"},
        "read": {"type": "bool", "default": True},
        "packed": {"type": "bool", "default": False},
        "lock": {"type": "str", "choices": ["acquire", "release"]},
    }

    def work(self, params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
        try:
            store = VaultStore(params["directory"], params["account"], params["password"])
            check_entries(params["entries"] or {})
            # A task runs in a process of its own; its parent is the run.
            run = Owner.of_process(os.getppid())
            if params["lock"] == "acquire" and not check_mode:
                store.lock(run)
            # What is not known is new.
            contents = store.read() if params["read"] else Contents()
            intends = [user_id for user_id in params["intends"] or [] if user_id not in contents.intents]
            removes = params["removes"] or []
            if params["read"]:
                removes = [user_id for user_id in removes if user_id in contents.entries or user_id in contents.intents]
            entries = {user_id: entry for user_id, entry in (params["entries"] or {}).items() if contents.entries.get(user_id) != entry}
            files = []
            if not check_mode:
                store.hold_on(run)
                if intends or removes:
                    files.append(store.mark(intends, removes))
                if entries:
                    files.append(store.save(entries))
                if files and params["read"]:
                    contents = store.read()
                if params["lock"] == "release":
                    store.unlock(run)
        except StoreError as error:
            raise WorkError(f"The seed store: {error}") from None
        result: dict[str, Any] = {"changed": bool(entries or intends or removes), "path": str(store.path), "files": files}
        if params["read"]:
            entries_name, known = ("entries_packed", pack(contents.entries)) if params["packed"] else ("entries", contents.entries)
            result.update({entries_name: known, "intents": contents.intents})
            if contents.entries:
                result["_ansible_no_log"] = True
        return result
