# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process whose first thread has ended while another lives, as a process that is killed can be for some milliseconds."""

from __future__ import annotations

import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# The number of the system call that ends one thread.
END_THREAD = {"x86_64": 60, "aarch64": 93}

PROGRAM = f"""
import ctypes, threading, time
threading.Thread(target=time.sleep, args=(600,)).start()
print(flush=True)
input()
ctypes.CDLL(None).syscall({END_THREAD.get(platform.machine())}, 0)
"""


@contextmanager
def process_that_half_dies() -> Iterator[subprocess.Popen[bytes]]:
    """Give a process that lives until ``end_first_thread``; it is killed in the end."""
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            yield process
        finally:
            process.kill()


def end_first_thread(process: subprocess.Popen[bytes]) -> None:
    """End the first thread alone, and return when the kernel calls the process a zombie."""
    assert process.stdin is not None
    process.stdin.write(b"\n")
    process.stdin.flush()
    deadline = time.monotonic() + 60
    while Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8").split()[2] != "Z":
        assert time.monotonic() < deadline
