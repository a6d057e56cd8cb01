# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One run at a time on one account's seeds: a document beside them says who is at work. In a directory it is a file."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import legible
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.files import read_file, replace_file

LEASE = 900.0  # equivalent: about a quarter of an hour
"""Seconds after which a lock of another machine counts for nothing, unless it was renewed: nobody here can see whether its process lives."""

RENEWAL = 60.0
"""Seconds between renewals while a wave works, so that several may fail before the lease ends."""

LOCK = ".lock"
"""The name of the document in a directory."""

_EXCLUSION = ".lock-in-use"
_LAST_PID = 2**31 - 1  # equivalent: any bound will do that no process reaches and the kernel takes
_END_OF_TIME = 2.0**40  # equivalent: any bound will do that no time reaches

_PATIENCE = 20.0  # equivalent: about twenty seconds
"""Seconds to wait for whoever else looks at the lock, which takes milliseconds."""

_NO_FLOCK = (errno.EINVAL, errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP)
"""How file systems answer that cannot lock, such as some of SMB and FUSE."""


@dataclass(frozen=True)
class Owner:
    """A run at one account: where it runs, the process of ansible-playbook there, when that began, and the host of its inventory.

    Numbers of processes are used again, containers of one machine can share a host name and have the same numbers, and two hosts of one
    play are worked on by one process.
    """

    host: str
    pid: int
    started: str
    boot: str = ""
    namespace: str = ""
    inventory_host: str = ""

    @classmethod
    def told(cls, parts: Mapping[str, Any]) -> Owner:
        """The owner that a lock's file tells of. A part that this version does not know may set two owners apart, so such a place is not known."""
        known = {each.name for each in fields(cls)}
        owner = cls(**{name: value for name, value in parts.items() if name in known})
        return owner if known.issuperset(parts) else replace(owner, boot="", namespace="")

    @staticmethod  # equivalent: it is called on the class, where a function does as well
    def of_process(pid: int, inventory_host: str = "") -> Owner:
        """The owner that a process of this machine is."""
        return Owner(socket.gethostname(), pid, _started(pid), _boot(), _namespace(), inventory_host)

    def visible_from(self, other: Owner) -> bool:
        """Whether ``other`` certainly sees the same processes."""
        place = (self.host, self.boot, self.namespace)
        return all(place) and place == (other.host, other.boot, other.namespace)

    def lives(self) -> bool:
        """Whether the process is there, for an owner that is visible from here."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass  # it is somebody else's, and lives
        return _started(self.pid) == self.started


def _started(pid: int) -> str:
    """When a process began, in the kernel's own measure; empty where the kernel does not tell, and for a process of which no thread lives.

    A killed process is called a zombie as soon as its first thread is gone, but its workers see it live until its last one is, and work on.
    """
    try:
        # The name in parentheses may hold anything. Behind it come the state and, as the 20th field, the time.
        fields_ = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        gone = fields_[0] in "ZX" and len(os.listdir(f"/proc/{pid}/task")) <= 1  # equivalent: it lists at least the first
        return "" if gone else fields_[19]
    except (OSError, IndexError):  # equivalent: IndexError is for a kernel that tells less than Linux
        return ""


def _boot() -> str:
    """The id of this start of the machine's kernel; empty where the kernel does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


def _namespace() -> str:
    """The namespace in which the numbers of processes hold; empty where the kernel does not tell."""
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


class Lock(ABC):
    """What is decided about a lock, wherever its document lies. Methods raise what the place raises where it fails."""

    def __init__(self, owner: Owner, name: str, contents: str) -> None:
        """``name`` and ``contents`` are how sentences call the lock and what it locks."""
        self._owner = owner
        self._name = name
        self._contents = contents

    def acquire(self) -> str | None:
        """Take the lock. None: it is ours. Else a sentence about who has it."""
        with self._alone():
            refusal = self._refusal()
            if refusal is None:
                self._write(None)
            return refusal

    def hold(self) -> str | None:
        """Hold the lock for longer. None: it is ours. Else a sentence: somebody else has it, or it is gone."""
        with self._alone():
            found = self._ours()
            if found is None:
                return self._refusal() or (
                    f"this run has lost its lock {self._name}, or never had it: somebody removed it, another run had it meanwhile,"
                    " or it could not be written."
                )
            self._write(found.get("position"), found.get("seal"))
            return None

    def renew(self) -> str | None:
        """Hold the lock for longer where it is ours. Returns a sentence where it is somebody else's, and None also where it is nobody's."""
        return self._refusal() if self._ours() is None else self.hold()

    def release(self) -> None:
        """Give the lock back where it is ours."""
        with self._alone():
            if self._ours() is not None:
                self._remove()

    def saw(self, position: int, seal: str | None = None) -> None:
        """Note the number of the newest file that this run has read or written, and with it the run's ``seal``, unless it has one.

        Called while alone; nothing where the lock is not ours.
        """
        found = self._ours()
        if found is not None:
            self._write(position, seal if found.get("seal") is None else found["seal"])

    def seal(self) -> Any:
        """By what an earlier task of this run lets later ones show that they have its password; None where there is none."""
        found = self._ours()
        return None if found is None else found.get("seal")

    def refuses(self, position: int) -> str | None:
        """Why this run may not write after the file with the number ``position``: a sentence, or None. Called while alone."""
        found = self._ours()
        if found is None:
            return self._refusal() or f"this run has lost its lock {self._name}."
        if found.get("position") is None:
            return f"this run has not read {self._contents} to its end, so it does not write there: see why it could not be read."
        return None if found["position"] == position else self.overtaken(position)

    def overtaken(self, position: int) -> str:
        """The sentence that others have written."""
        return f"another run has written to {self._contents} since this one read it, up to file {position:06d}. Run again: nothing is lost."

    @abstractmethod
    def _how_to_free(self) -> str:
        """What completes "or at once if you", of the document that was read last."""

    @abstractmethod
    def _alone(self) -> AbstractContextManager[Any]:
        """Between ``_read`` and ``_write`` nobody else may do the same."""

    @abstractmethod
    def _read(self) -> dict[str, Any] | None:
        """The lock's document, or None where there is none that is sound."""

    @abstractmethod
    def _store(self, document: Mapping[str, Any]) -> None:
        """Write the lock's document."""

    @abstractmethod
    def _remove(self) -> None:
        """Take the document away."""

    def _now(self) -> float:
        """Seconds since the epoch, of the clock by which leases end."""
        return time.time()

    def _write(self, position: int | None, seal: Any = None) -> None:
        sealed = {} if seal is None else {"seal": seal}
        self._store({"owner": asdict(self._owner), "until": self._now() + LEASE, "position": position, **sealed})

    def _ours(self) -> dict[str, Any] | None:
        """The document where this run has the lock."""
        found = self._read()
        return found if found is not None and Owner.told(found["owner"]) == self._owner else None

    def _refusal(self) -> str | None:
        found = self._read()
        if found is None or self._free(found):
            return None
        owner = Owner.told(found["owner"])
        if owner.visible_from(self._owner) and (owner.pid, owner.started) == (self._owner.pid, self._owner.started):
            return (
                f"host {legible(owner.inventory_host, 255)} of this play is at work on this account, or on another one of the same name: an account"
                " must be in the inventory once, and under a name of its own (mfa_rollout_account)."
            )
        return (
            f"another run is at work on this account: process {owner.pid} on {legible(owner.host, 255)}. Wait for it to end. If it"
            f" is gone, its claim ends {self._remaining(owner, found['until'])}, or at once if you {self._how_to_free()}."
        )

    def _free(self, found: Mapping[str, Any]) -> bool:
        owner = Owner.told(found["owner"])
        if owner == self._owner:
            return True
        if owner.visible_from(self._owner):
            return not owner.lives()
        return bool(found["until"] < self._now())  # equivalent: the exact moment means nothing

    def _remaining(self, owner: Owner, until: float) -> str:
        if owner.visible_from(self._owner):
            return "with its process"
        return f"in {max(1, round((until - self._now()) / 60))} minutes"  # equivalent: about so many


def lock_in(found: Any) -> dict[str, Any] | None:
    """A lock's document, or None where ``found`` is none: what is no lock holds nobody back."""
    try:
        owner, until = Owner.told(found["owner"]), found["until"]
        texts = [getattr(owner, each.name) for each in fields(Owner) if each.name != "pid"]
        sound = [all(isinstance(text, str) for text in texts), isinstance(owner.pid, int), isinstance(until, (int, float))]
        # equivalent: nothing comes near the bounds
        if not all(sound) or not 0 < owner.pid <= _LAST_PID or not abs(until) < _END_OF_TIME:
            return None
    except (KeyError, TypeError, AttributeError):
        return None
    return dict(found)


class StoreLock(Lock):
    """The lock of one account's directory, which must exist. OSError where the file system fails."""

    def __init__(self, directory: Path, owner: Owner) -> None:
        self.path = directory / LOCK
        super().__init__(owner, str(self.path), str(directory))

    def release(self) -> None:
        """Give the lock back where it is ours. In a directory that is gone there is none."""
        with suppress(FileNotFoundError):
            super().release()

    def _how_to_free(self) -> str:
        return f"remove {self.path}"

    def _alone(self) -> AbstractContextManager[Any]:
        return alone(self.path.parent)

    def _store(self, document: Mapping[str, Any]) -> None:
        replace_file(self.path, json.dumps(document).encode("utf-8"))

    def _remove(self) -> None:
        self.path.unlink(missing_ok=True)  # equivalent: somebody may remove it at this moment

    def _read(self) -> dict[str, Any] | None:
        try:
            return lock_in(json.loads(read_file(self.path)))
        except FileNotFoundError:
            return None
        except (ValueError, RecursionError):
            return None
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.EFBIG):
                return None  # nor does a pipe
            raise


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Between looking into ``directory`` and writing nobody else may do the same. OSError where that cannot be had."""
    handle = os.open(directory, os.O_RDONLY)
    exclusion: Path | None = None
    try:
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                pass
            except OSError as error:
                if error.errno not in _NO_FLOCK:
                    raise
                if _created(directory / _EXCLUSION):
                    exclusion = directory / _EXCLUSION
                    break
            if time.monotonic() > deadline:  # equivalent: the exact moment means nothing
                raise OSError(errno.EBUSY, "another program keeps this directory locked", str(directory))
            time.sleep(0.02)  # equivalent: how often it looks means nothing
        yield
    finally:
        if exclusion is not None:
            exclusion.unlink(missing_ok=True)
        os.close(handle)


def _created(path: Path) -> bool:
    """Whether this process has made the file that stands for a lock where the file system has none. One that was left behind is removed."""
    with suppress(FileNotFoundError):
        if _left_behind(path):
            # Under a name of its own it can be looked at again: somebody else may have removed it meanwhile, and made theirs.
            aside = path.with_name(f"{path.name}-{os.getpid()}-{threading.get_ident()}")
            os.rename(path, aside)
            if not _left_behind(aside):
                os.rename(aside, path)
                return False
            aside.unlink()
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        return False
    return True


def _left_behind(path: Path) -> bool:
    return path.stat().st_mtime < time.time() - _PATIENCE
