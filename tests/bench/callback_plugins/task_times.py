# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: task_times
type: aggregate
short_description: Writes down when tasks begin and end
description:
  - At the end of a run writes a line of JSON a task and host to the file that the environment variable E(BENCH_TASK_TIMES) names.
"""


class CallbackModule(CallbackBase):
    """The benchmark's clock. Times are seconds since the epoch, as in the log of the rehearsal cloud."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "task_times"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._begun: dict[tuple[str, str], float] = {}
        self._lines: list[str] = []

    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        self._begun[host.get_name(), task._uuid] = time.time()

    def v2_runner_on_ok(self, result: Any) -> None:
        self._note(result, "ok")

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._note(result, "failed")

    def v2_runner_on_skipped(self, result: Any) -> None:
        self._note(result, "skipped")

    def v2_playbook_on_stats(self, stats: Any) -> None:
        Path(os.environ["BENCH_TASK_TIMES"]).write_text("".join(self._lines), encoding="utf-8")

    def _note(self, result: Any, outcome: str) -> None:
        task, host = result._task, result._host.get_name()
        begun = self._begun.pop((host, task._uuid), None)
        if begun is None:
            return
        line = {"name": task.get_name(), "action": task.action, "host": host, "outcome": outcome, "start": begun, "end": time.time()}
        self._lines.append(json.dumps(line) + "\n")
