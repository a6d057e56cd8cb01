# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One run at a time on one account's seeds: a file beside them that says who is at work."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import legible
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.files import read_file, replace_file

LEASE = 900.0
"""Seconds after which a lock of another machine counts for nothing, unless it was renewed: nobody here can see whether its process lives."""

_NAME = ".lock"
_LAST_PID = 2**31 - 1
_END_OF_TIME = 2.0**40

_PATIENCE = 20.0
"""Seconds to wait for whoever else looks at the lock, which takes milliseconds."""


@dataclass(frozen=True)
class Owner:
    """A run: the machine, the process of ansible-playbook there, and when that began, since numbers of processes come again."""

    host: str
    pid: int
    started: str

    @staticmethod
    def of_process(pid: int) -> Owner:
        return Owner(socket.gethostname(), pid, _started(pid))

    def lives(self) -> bool:
        """Whether the process is there, for an owner on this machine."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass  # it is somebody else's, and lives
        return _started(self.pid) == self.started


def _started(pid: int) -> str:
    """When a process began, in the kernel's own measure; empty where the kernel does not tell, and of one that is dead and only not yet buried."""
    try:
        # The name in parentheses may hold anything. Behind it come the state and, as the 20th field, the time.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return "" if fields[0] in "ZX" else fields[19]
    except (OSError, IndexError):
        return ""


class StoreLock:
    """The lock of one account's directory, which must exist. OSError where the file system fails."""

    def __init__(self, directory: Path, owner: Owner) -> None:
        self.path = directory / _NAME
        self._owner = owner

    def acquire(self) -> str | None:
        """Take the lock, or hold it for longer. None: it is ours. Else a sentence about who has it."""
        with self._alone():
            refusal = self._refusal()
            if refusal is None:
                replace_file(self.path, json.dumps({"owner": asdict(self._owner), "until": time.time() + LEASE}).encode("utf-8"))
            return refusal

    def renew(self) -> str | None:
        """Hold the lock for longer where it is ours. Returns a sentence where it is somebody else's, and None also where it is nobody's."""
        found = self._read()
        if found is not None and Owner(**found["owner"]) == self._owner:
            return self.acquire()
        return self._refusal()

    def _refusal(self) -> str | None:
        found = self._read()
        if found is None or self._free(found):
            return None
        return (
            f"another run is at work on this account: process {found['owner']['pid']} on {legible(found['owner']['host'], 255)}. Wait for it to"
            f" end. If it"
            f" is gone, its claim ends {_remaining(found)}, or at once if you remove {self.path}."
        )

    def release(self) -> None:
        """Give the lock back where it is ours."""
        with self._alone():
            found = self._read()
            if found is not None and Owner(**found["owner"]) == self._owner:
                self.path.unlink(missing_ok=True)

    def _free(self, found: Mapping[str, Any]) -> bool:
        owner = Owner(**found["owner"])
        if owner == self._owner:
            return True
        if owner.host == self._owner.host:
            return not owner.lives()
        return bool(found["until"] < time.time())

    def _read(self) -> dict[str, Any] | None:
        try:
            found = json.loads(read_file(self.path))
            owner, until = Owner(**found["owner"]), found["until"]
            sound = [
                isinstance(owner.host, str),
                isinstance(owner.started, str),
                isinstance(owner.pid, int),
                isinstance(until, (int, float)),
            ]
            if not all(sound) or not 0 < owner.pid <= _LAST_PID or not abs(until) < _END_OF_TIME:
                return None
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, RecursionError):
            return None  # a file that is no lock holds nobody back
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.EFBIG):
                return None  # nor does a pipe
            raise
        return dict(found)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Between looking and writing nobody else may do the same."""
        handle = os.open(self.path.parent, os.O_RDONLY)
        try:
            deadline = time.monotonic() + _PATIENCE
            while not _flocked(handle):
                if time.monotonic() > deadline:
                    raise OSError(errno.EBUSY, "another program keeps this directory locked (flock)", str(self.path.parent))
                time.sleep(0.02)
            yield
        finally:
            os.close(handle)


def _flocked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _remaining(found: Mapping[str, Any]) -> str:
    if found["owner"]["host"] == socket.gethostname():
        return "with its process"
    return f"in {max(1, round((found['until'] - time.time()) / 60))} minutes"
