# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Python reads this at its start, where this folder is on its path: ends a whole run at the n-th step of writing below a directory.

CRASH_AT is n, CRASH_BELOW the directory, CRASH_COUNT a file that counts for all processes of the run.
"""

from __future__ import annotations

import os
import signal
from typing import Any, Callable


def _dying_at(number: int, below: str, count: str, run: int) -> None:
    def step(path: str) -> None:
        if not os.path.abspath(path).startswith(below):
            return
        with open(count, "ab") as stream:
            stream.write(b".")
            stream.flush()
            if stream.tell() == number:
                for process in (run, os.getpid()):
                    os.kill(process, signal.SIGKILL)

    def before(function: Callable[..., Any], path_of: Callable[..., str]) -> Callable[..., Any]:
        def dying(*arguments: Any, **options: Any) -> Any:
            step(path_of(*arguments))
            return function(*arguments, **options)

        return dying

    # Before the content is safe, before the file has its name, and before the name is safe.
    os.fsync = before(os.fsync, lambda handle: os.readlink(f"/proc/self/fd/{handle}"))
    os.link = before(os.link, lambda _source, target: os.fspath(target))
    os.replace = before(os.replace, lambda _source, target: os.fspath(target))


if os.environ.get("CRASH_AT"):
    # Ansible's tasks run in processes of their own, outside of its group; the first of all is the run.
    _run = int(os.environ.setdefault("CRASH_RUN", str(os.getpid())))
    _dying_at(int(os.environ["CRASH_AT"]), os.path.abspath(os.environ["CRASH_BELOW"]), os.environ["CRASH_COUNT"], _run)
