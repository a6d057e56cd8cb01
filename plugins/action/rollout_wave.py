# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Callable

from ansible.utils.display import Display
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import OptionError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import legible
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.transport import REQUESTS_IMPORT_ERROR
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.users import instant
from ansible_collections.hwc.mfa.plugins.module_utils._modules.selection import names_in
from ansible_collections.hwc.mfa.plugins.module_utils._runner.connections import Connections
from ansible_collections.hwc.mfa.plugins.module_utils._runner.http_options import http_settings
from ansible_collections.hwc.mfa.plugins.module_utils._runner.options import AUTH_SPEC
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.control_node import ControlNodeAction, WorkError
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.in_process import play_lives, play_process, requests_shown, task_environment
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.memory_file import remembered
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.module_calls import ModuleCalls
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.packing import pack
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.plain import plain
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.play_accounts import other_account, other_host, with_own_credentials
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.progress import Progress
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.earlier_report import of_another_account, report_path
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.input import (
    entries_in,
    made_in,
    mapping_in,
    removal_in,
    seeds_in,
    terms_in,
    users_in,
)
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.outcomes import failed, outcome_of, wave_line
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.plan import own_credentials
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.protection_record import ProtectionRecord
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import EVERYBODY, PlanError
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.wave import Finished, Wave
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.account_file import AccountFileError
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.chosen import kept_lock
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.lock import LEASE, RENEWAL, Lock, Owner
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.store import StoredSeed, StoreError

display = Display()

_TICK = 1.0
"""Seconds between two looks at whether a line or a renewal is due."""


class ActionModule(ControlNodeAction):
    """One phase of a wave of the role, or its look at the account."""

    spec: Mapping[str, Mapping[str, Any]] = {
        **AUTH_SPEC,
        "phase": {"type": "str", "required": True, "choices": ["audit", "create", "finish", "doubt", "remove"]},
        "account": {"type": "str", "required": True},
        "account_id": {"type": "str"},
        "claim": {"type": "bool", "default": True},
        "groups": {"type": "list", "elements": "str"},
        "details": {"type": "bool", "default": False},
        "from_environment": {"type": "bool", "default": False},
        "entries": {"type": "raw"},
        "number": {"type": "int", "default": 1},
        "total": {"type": "int", "default": 1},
        "terms": {"type": "raw"},
        "cloud_api": {"type": "str", "choices": ["v3", "v5"], "default": "v3"},
        "users": {"type": "raw"},
        "users_offset": {"type": "int", "default": 0},
        "announced": {"type": "raw"},
        "created": {"type": "raw"},
        "removal": {"type": "raw"},
        "lifting": {"type": "raw"},
        "shown": {"type": "raw"},
        "stored": {"type": "raw"},
        "record_directory": {"type": "path"},
        "report_directory": {"type": "path"},
        "record_in_store": {"type": "bool", "default": False},
        "concurrency": {"type": "int", "default": 8},
        "lock": {"type": "raw", "no_log": True},
    }

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        self._host = str((task_vars or {}).get("inventory_hostname", ""))
        return super().run(tmp, task_vars)

    def work(self, params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
        if REQUESTS_IMPORT_ERROR is not None:
            raise WorkError(
                f"The role works in the control process, which needs the Python library requests: install it for {sys.executable}."
            )
        try:
            http_settings(params, {})
            with task_environment(self) as env, remembered(self._host) as memory:
                return self._phase(params, check_mode, env, memory)
        except (OptionError, PlanError) as error:
            raise WorkError(str(error)) from None
        except StoreError as error:
            raise WorkError(f"The seed store: {error}") from None
        except AccountFileError as error:
            raise WorkError(f"The record of the rollout: {error}") from None
        except OSError as error:
            raise WorkError(f"{error.filename or 'a file'} cannot be used: {error.strerror}.") from None

    def _phase(self, params: Mapping[str, Any], check_mode: bool, env: Mapping[str, str], memory: dict[str, Any]) -> dict[str, Any]:
        progress = Progress(legible(params["account"]), display.display)
        handle = None if check_mode else params["lock"]
        owner = Owner.of_process(play_process(), self._host)
        with kept_lock(handle, params["account"], owner, env) as lock, _heart(lock, progress) as lost:
            lives = play_lives()
            connections = Connections(params, env, lambda: lives() and lost() is None, memory)
            connections.item_done = progress.item_done
            connections.trace = requests_shown(self._host)
            try:
                auth = {name: params[name] for name in AUTH_SPEC if params.get(name) is not None}
                calls = ModuleCalls(connections, auth, params["concurrency"], check_mode, bool(self._task.diff))
                if params["phase"] == "audit":
                    result = self._audit(calls, connections, params)
                else:
                    result = self._wave(calls, connections, params, check_mode, progress, lost())
            finally:
                connections.close()
        if calls.diffs:
            result["diff"] = calls.diffs
        return result

    def _audit(self, calls: ModuleCalls, connections: Connections, params: Mapping[str, Any]) -> dict[str, Any]:
        if not params["from_environment"] and with_own_credentials(self._play, params):
            raise WorkError(
                f"host {legible(self._host, 255)} has no credentials in mfa_rollout_auth, and other hosts of this play have: those of the"
                " environment would be taken for its account. Give it its own, or set mfa_rollout_auth_from_environment=true for it."
            )
        # As the selection of the plan reads it.
        given = plain(self._task.args.get("groups"))
        groups = names_in(given) if isinstance(given, str) else params["groups"]
        found = calls("iam_mfa_info", {"groups": groups, "details": params["details"]})
        if "users" not in found:
            raise WorkError(str(found.get("msg") or "the account could not be looked at"))
        account = found["account"]
        if params["account_id"] and account["id"] and params["account_id"] != account["id"]:
            raise WorkError(_of_another(self._host, params["account_id"], account))
        report = report_path(params["report_directory"], params["account"]) if params["report_directory"] else None
        if report is not None:
            wrong = of_another_account(report, account["id"])
            if wrong is not None:
                raise WorkError(wrong)
            named = other_account(report, account["id"], self._host)
            if named is not None:
                raise WorkError(_named_alike(self._host, named, params["account"]))
        other = other_host(account["id"], self._host) if params["claim"] else None
        if other is not None:
            raise WorkError(_taken(other, account["id"]))
        return {
            "changed": False,
            # Ansible looks at every value of a variable each time it is passed on, and at a text once.
            "audit_packed": pack(
                {
                    **{name: found[name] for name in ("users", "summary", "caller", "administrators", "root", "api", "now")},
                    "groups": found.get("groups", {}),
                    # A user of the plan may have the very credentials that the environment, or module_defaults, give the play.
                    "credentials": connections.credentials.digest if connections.credentials is not None else None,
                    # Whoever doubts the report can ask where, and by which requests, this was seen.
                    "endpoint": connections.iam_session().base_url,
                    "request_ids": list(connections.http.request_ids),
                }
            ),
            "cloud_account": account,
            "api": found["api"],
            **({"warnings": found["warnings"]} if found.get("warnings") else {}),
        }

    def _wave(
        self,
        calls: ModuleCalls,
        connections: Connections,
        params: Mapping[str, Any],
        check_mode: bool,
        progress: Progress,
        lost: str | None,
    ) -> dict[str, Any]:
        entries = entries_in(params["entries"])
        stored = seeds_in(params["stored"])
        terms = terms_in(params["terms"])
        wave = Wave(
            calls,
            entries,
            terms,
            api=params["cloud_api"],
            sleep=connections.http.sleep,
            credentials=own_credentials(entries, _named(params["users"]), params["users_offset"]),
            check_mode=check_mode,
            number=params["number"],
            total=params["total"],
            begin=progress.begin,
            now=lambda: instant(int(1000 * connections.iam_session().clock.now())) or "",
            record=_record(params, terms.strategy),
            differ=calls.differ,
        )
        removal = removal_in(params["removal"])
        if params["phase"] == "doubt":
            return _seeds_result(wave.doubted(stored))
        # Asked anew in each phase: what an earlier task was told does not count.
        other = other_host(params["account_id"], self._host)
        refusal = lost if other is None else _taken(other, params["account_id"])
        if params["phase"] == "create":
            created = wave.create([] if refusal else _announced(params["announced"]), removal)
            if refusal:
                for outcome in created.outcomes.values():
                    outcome.update(failed(refusal))  # type: ignore[attr-defined]
            return {
                **_seeds_result(created.seeds),
                "changed": created.changed,
                "outcomes": created.outcomes,
                "withdrawn": created.withdrawn,
            }
        if refusal:
            result = _refused(entries, refusal, params)
        elif params["phase"] == "finish":
            made = made_in(mapping_in(params["created"], "created"))
            result = _result(wave.finish(*made, shown=seeds_in(params["shown"]), stored=stored, removal=removal))
        else:
            shown, lifting = seeds_in(params["shown"]), mapping_in(params["lifting"], "lifting")
            result = _result(wave.remove(stored, shown, lifting, _announced(params["announced"])))
        # Where a task of a wave fails, the result of the wave before could be taken for its own.
        return {"number": params["number"], **result}


def _record(params: Mapping[str, Any], strategy: str) -> ProtectionRecord | None:
    if not params["record_directory"]:
        return None
    return ProtectionRecord(params["record_directory"], params["account"], params["record_in_store"], strategy)


@contextmanager
def _heart(lock: Lock | None, progress: Progress) -> Iterator[Callable[[], str | None]]:
    """While a phase works, hold the store's lock for longer and show that it works. Gives a function: why the lock is lost, or None."""
    lost: list[str] = []
    stopped = threading.Event()
    held_at = time.monotonic()

    def renew() -> None:
        nonlocal held_at
        begun_at = time.monotonic()
        try:
            refusal = lock.hold() if lock is not None else None
        except (OSError, StoreError) as error:
            # The lease lasts for several tries. Once it has ended, another run may have the lock.
            refusal = f"this run's lock could not be renewed for {LEASE / 60:g} minutes: {error}" if begun_at - held_at >= LEASE else None
        else:
            held_at = begun_at
        if refusal is not None:
            lost.append(refusal)

    def beat() -> None:
        renewed_at = time.monotonic()
        while not stopped.wait(_TICK):
            progress.tick()
            if time.monotonic() - renewed_at >= RENEWAL and not lost:
                renewed_at = time.monotonic()
                renew()

    renew()
    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield lambda: lost[0] if lost else None
    finally:
        stopped.set()
        thread.join()


def _named(users: Any) -> list[dict[str, Any]]:
    found = users_in(users or [])
    return [] if found == EVERYBODY else list(found)


def _of_another(host: str, expected: str, account: Mapping[str, Any]) -> str:
    name = f" ({legible(account['name'], 80)})" if account.get("name") else ""
    return (
        f"host {legible(host, 255)} stands for the account with the id {legible(expected, 80)}, and its credentials reach the account with the id"
        f" {legible(account['id'], 80)}{name}: look at mfa_rollout_account_id and mfa_rollout_auth."
    )


def _named_alike(host: str, other: str, name: str) -> str:
    hosts = (
        f"hosts {legible(other, 255)} and {legible(host, 255)}" if other != host else f"two uses of the role by host {legible(host, 255)}"
    )
    return (
        f"{hosts} reach two accounts of the cloud under the one name {legible(name, 80)}, and the report of one would replace that of the other:"
        " give each account an mfa_rollout_account of its own."
    )


def _taken(other: str, account_id: str | None) -> str:
    return (
        f"host {legible(other, 255)} of this run already stands for this account of the cloud (id {legible(account_id, 80)}):"
        " give each host the credentials of its own account."
    )


def _announced(announcement: Any) -> list[str]:
    """The users whose devices a store has announced, from the result of its task; nobody where that failed."""
    if not isinstance(announcement, Mapping) or announcement.get("failed"):
        return []
    users = announcement.get("announced") or announcement.get("intents") or []
    return [str(user_id) for user_id in users] if isinstance(users, (list, tuple)) else []


def _refused(entries: list[Mapping[str, Any]], refusal: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """The result of a phase that must not begin: every user has failed, and nothing was done."""
    outcomes = [outcome_of(entry, {entry["steps"][0]: {entry["user_id"]: failed(refusal)}}, None) for entry in entries]
    return _result(Finished(outcomes, wave_line(params["number"], params["total"], outcomes)), broken=True)


def _seeds_result(seeds: Mapping[str, StoredSeed]) -> dict[str, Any]:
    """A result that holds seeds, which Ansible then does not print."""
    entries = {user_id: seed.as_entry() for user_id, seed in seeds.items()}
    return {"changed": False, "entries": entries, **({"_ansible_no_log": True} if entries else {})}


def _result(finished: Finished, broken: bool = False) -> dict[str, Any]:
    certain = {user_id: seed.as_entry() for user_id, seed in finished.certain.items()}
    return {
        "changed": finished.changed,
        "line": finished.line,
        "failures": [outcome for outcome in finished.outcomes if outcome["failed"]],
        "removed": finished.removed,
        "broken": broken or finished.stops,
        "certain": certain,
        **({"_ansible_no_log": True} if certain else {}),
    }
