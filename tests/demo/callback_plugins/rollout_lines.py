# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import shutil
import textwrap
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: rollout_lines
type: stdout
short_description: Prints what a rollout says, and nothing else
description: Prints the messages of debug tasks, warnings and failures, and a line a host at the end.
"""


class CallbackModule(CallbackBase):
    """The demo's screen: a rollout's own words without the tasks around them."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "rollout_lines"

    def v2_runner_on_ok(self, result: Any) -> None:
        self._say(result)

    def v2_runner_item_on_ok(self, result: Any) -> None:
        self._say(result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._line(f"FAILED {result._result.get('msg', '')}", "red")

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._line(f"UNREACHABLE {result._result.get('msg', '')}", "red")

    def _say(self, result: Any) -> None:
        self._handle_warnings(result._result)
        if str(result._task.action).rsplit(".", maxsplit=1)[-1] == "debug" and "results" not in result._result:
            message = result._result.get("msg", "")
            for line in message if isinstance(message, list) else [message]:
                self._line(str(line))

    def _line(self, text: str, color: str | None = None) -> None:
        """What fits into the terminal, the rest indented below it."""
        width = shutil.get_terminal_size((100, 24)).columns
        for part in textwrap.wrap(
            text.replace(" %", "\N{NO-BREAK SPACE}%"), width - 3, subsequent_indent="    ", break_on_hyphens=False
        ) or [""]:
            self._display.display(f"   {part}", color=color)
