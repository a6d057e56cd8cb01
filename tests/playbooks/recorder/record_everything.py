# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes down all that Ansible hands to callbacks, such as those that feed a log server, and how the processes of this machine are called meanwhile."""

from __future__ import annotations

import os
import pathlib
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: record_everything
type: aggregate
short_description: Write everything down
description: Everything that is emitted, to the file that RECORD_TO names.
"""


class CallbackModule(CallbackBase):
    """Appends the repr of every event's arguments."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "record_everything"

    def v2_on_any(self, *arguments: Any, **options: Any) -> None:
        with pathlib.Path(os.environ["RECORD_TO"]).open("a", encoding="utf-8") as stream:
            for argument in (*arguments, *options.values()):
                for shown in (
                    argument,
                    getattr(argument, "result", None),
                    getattr(argument, "_result", None),
                    getattr(argument, "name", None),
                ):
                    print(repr(shown), file=stream)
