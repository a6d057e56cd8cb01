# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records what Ansible shows and registers of the collection's modules and roles, for ``recording_differences`` to compare."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    """Appends to the file that the fact ``recording_file`` names, a line of JSON for each event."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "record_results"

    def __init__(self) -> None:
        super().__init__()
        self._file: str | None = None
        self._play: Any = None
        self._registering: tuple[Any, Any] | None = None
        # Before core 2.19 a censored result has lost its warnings: a task's process sends them to this one.
        self._process = os.getpid()
        self._warn = self._display.warning
        self._display.warning = self._warning

    def _warning(self, msg: str, *args: Any, **kwargs: Any) -> None:
        if os.getpid() == self._process:
            self._append({"event": "warning", "task": "shown at once", "result": {"msg": msg}})
        self._warn(msg, *args, **kwargs)

    def v2_playbook_on_play_start(self, play: Any) -> None:
        self._play = play

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        # By now the result of the task before is registered.
        if self._registering is not None:
            host, before = self._registering
            self._registering = None
            variables = self._play.get_variable_manager().get_vars(play=self._play, host=host, include_hostvars=False)
            # Core 2.21 makes a mapping of it.
            names = [before.register] if isinstance(before.register, str) else before.register
            self._write("registered", before, {name: variables[name] for name in names})

    def v2_runner_on_ok(self, result: Any) -> None:
        self._follow(_shown(result).get("ansible_facts") or {})
        self._record("ok", result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._record("failed and ignored" if ignore_errors else "failed", result)

    def v2_runner_on_skipped(self, result: Any) -> None:
        self._record("skipped", result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._record("unreachable", result)

    def v2_runner_retry(self, result: Any) -> None:
        self._record("retried", result)

    def v2_runner_item_on_ok(self, result: Any) -> None:
        self._record("item ok", result)

    def v2_runner_item_on_failed(self, result: Any) -> None:
        self._record("item failed", result)

    def v2_runner_item_on_skipped(self, result: Any) -> None:
        self._record("item skipped", result)

    def v2_on_file_diff(self, result: Any) -> None:
        self._record("diff", result)

    def _follow(self, facts: Mapping[str, Any]) -> None:
        if "recording_file" in facts:
            self._file = facts["recording_file"]
        if "cloud_state" in facts:
            seen = {"state": facts["cloud_state"], "log": facts["cloud_log"]}
            self._append({"event": "cloud", "task": "what it has and what it was asked", "result": seen})

    def _record(self, event: str, result: Any) -> None:
        host, task = (result.host, result.task) if hasattr(result, "host") else (result._host, result._task)
        if not any(name.startswith("hwc.mfa.") for name in (task.action, task.get_name())):
            return
        shown = dict(_shown(result))
        if hasattr(result, "warnings"):
            # Since core 2.19 a censored result keeps them beside it.
            shown["warnings"] = [str(warning) for warning in result.warnings]
            shown["deprecations"] = [str(deprecation) for deprecation in result.deprecations]
        self._write(event, task, shown)
        if task.register and not event.startswith(("item", "diff", "retried")):
            self._registering = (host, task)

    def _write(self, event: str, task: Any, result: Mapping[str, Any]) -> None:
        self._append({"event": event, "task": task.get_name(), "result": result})

    def _append(self, record: Mapping[str, Any]) -> None:
        if self._file:
            descriptor = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(json.dumps(record, default=_plain, ensure_ascii=False, sort_keys=True) + "\n")


def _shown(result: Any) -> Mapping[str, Any]:
    """A result as callbacks see it, censored where it is not to be shown."""
    return result.result if hasattr(result, "result") else result._result


def _plain(value: Any) -> Any:
    """What JSON does not know: the mappings and sequences that newer cores make of variables."""
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if hasattr(value, "__iter__") else str(value)
