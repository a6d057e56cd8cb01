# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.hwc.mfa.plugins.plugin_utils._control.control_node import ControlNodeAction, WorkError
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.in_process import play_process, task_environment
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.packing import pack
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.chosen import STORE_SPEC, chosen_store
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.lock import Owner
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.store import (
    Contents,
    SeedStore,
    StoredSeed,
    StoreError,
    check_account,
    seeds_given,
)


class ActionModule(ControlNodeAction):
    """Reads a seed store, and adds to it."""

    spec: Mapping[str, Mapping[str, Any]] = {
        **STORE_SPEC,
        "account": {"type": "str", "required": True},
        "account_id": {"type": "str"},
        "entries": {"type": "dict", "no_log": True},
        "intends": {"type": "list", "elements": "str"},
        "withdraws": {"type": "list", "elements": "str"},
        "removes": {"type": "list", "elements": "str"},
        "read": {"type": "bool", "default": True},
        "packed": {"type": "bool", "default": False},
        "lock": {"type": "str", "choices": ["acquire", "held", "release"]},
    }

    _env: Mapping[str, str] = {}

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        self._host = str((task_vars or {}).get("inventory_hostname", ""))
        # Options of the store can be variables of the environment, and requests looks for proxies there.
        with task_environment(self) as self._env:
            return super().run(tmp, task_vars)

    def work(self, params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
        try:
            store = chosen_store(params, params["account"], self._env)
            try:
                return self._work(store, params, check_mode)
            finally:
                store.close()
        except StoreError as error:
            raise WorkError(f"The seed store: {error}") from None

    def _work(self, store: SeedStore, params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
        given = seeds_given(params["entries"] or {})
        run = Owner.of_process(play_process(), self._host)
        result: dict[str, Any] = {}
        writes = any(params[name] for name in ("entries", "intends", "withdraws", "removes"))
        if check_mode:
            if writes or params["lock"] in ("acquire", "held"):
                store.probe()
                # It only reads, since no run of check mode has a lock.
                store.refuse_others(run)
        elif params["lock"] == "acquire":
            result["lock"] = store.lock(run)
        elif params["lock"] == "held" or (params["lock"] == "release" and writes):
            store.guard(run)
        elif writes:
            store.refuse_others(run)
        # What is not known is new.
        contents = store.read() if params["read"] else Contents(account_id=store.account_id())
        check_account(contents.account_id, params["account_id"], params["account"])
        intends, withdraws, removes = (params[name] or [] for name in ("intends", "withdraws", "removes"))
        if params["read"]:
            removes = [user_id for user_id in removes if _is_to_go(contents, user_id, given.get(user_id), user_id in intends)]
            withdraws = [user_id for user_id in withdraws if user_id in contents.intents and user_id not in intends]
        # What is removed in this task does not count for what comes after it.
        intends = [user_id for user_id in intends if user_id not in contents.intents or user_id in removes]
        seeds = {
            user_id: seed
            for user_id, seed in given.items()
            if user_id in removes or next(iter(contents.newest_first(user_id)), None) != seed
        }
        files: list[str] = []
        if not check_mode:
            # In the order in which it happens to a device: what is gone, what is about to be made, what was made.
            files += store.remove(removes)
            files += store.withdraw(withdraws)
            files += store.announce(intends, params["account_id"])
            files += store.save(seeds)
            if files and params["read"]:
                contents = store.read()
            if params["lock"] == "release":
                store.unlock(run)
            # Written and read back by now, or stored before.
            result["announced"] = params["intends"] or []
            result["shown"] = {user_id: seed.as_entry() for user_id, seed in given.items()}
        result.update(changed=bool(seeds or intends or withdraws or removes), path=store.place, files=files)
        if params["read"]:
            entries = contents.entries
            result.update({"entries_packed": pack(entries)} if params["packed"] else {"entries": entries})
            result["intents"] = list(contents.intents)
        if given or (params["read"] and contents.seeds):
            result["_ansible_no_log"] = True
        return result


def _is_to_go(contents: Contents, user_id: str, given: StoredSeed | None, announced: bool) -> bool:
    """Whether anything of a user is to be removed: all but the seed that the same task gives, and the announcement that it makes."""
    kept = [] if given is None else [given]
    return contents.newest_first(user_id) != kept or (user_id in contents.intents and not announced)
