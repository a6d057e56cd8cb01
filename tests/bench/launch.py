# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a command and writes down what it cost: launch.py FILE COMMAND [WORDS].

A process of its own, and a small one: Linux counts what a process was before it became the command into the command's peak memory.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path


def main(output: str, command: list[str]) -> int:
    """Run the command, write its cost as JSON (seconds, bytes), and give its exit code."""
    start = time.monotonic()
    pid = os.posix_spawnp(command[0], command, os.environ)
    _pid, status, usage = os.wait4(pid, 0)
    cost = {
        "wall_seconds": time.monotonic() - start,
        # With the children that the command has waited for.
        "processor_seconds": usage.ru_utime + usage.ru_stime,
        # Of the largest process of the tree; Linux tells KiB, macOS bytes.
        "peak_bytes": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
    }
    Path(output).write_text(json.dumps(cost), encoding="utf-8")
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
