# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files on the control node that are for their owner alone, written whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import legible

_TEMPORARY = ".new-"

LARGEST = 2**28  # equivalent: any size will do that seeds never reach and memory can hold
"""Bytes that a file can have which is to be read whole."""


def file_name(account: str) -> str:
    """An account's name as the name of a file or directory, which cannot lead elsewhere. Raises ValueError with a sentence.

    Letters of all languages stay as they are. What parts paths, what no file system may like, and what cannot be seen is escaped.
    """
    if not account or account.startswith("."):
        raise ValueError("account must not be empty or begin with a dot: it names files.")
    return "".join(each if not each.isascii() and each.isprintable() else _escaped(each) for each in account)


def _escaped(account: str) -> str:
    """``account`` with all but ASCII letters, digits and a few signs escaped, as version 0.1 wrote it. Raises ValueError."""
    try:
        return quote(account, safe=" @+=,")
    except UnicodeEncodeError:
        raise ValueError("account holds a code that is no character, and cannot name files.") from None


def account_path(directory: Path, account: str, suffix: str = "") -> Path:
    """Where a file or directory of an account lies: where an earlier version put it, if it is there. Raises ValueError."""
    path, before = directory / f"{file_name(account)}{suffix}", directory / f"{_escaped(account)}{suffix}"
    # A store that was not found would seem to be empty.
    return before if before != path and os.path.lexists(before) and not os.path.lexists(path) else path


def directory_at(text: str) -> Path:
    """The path of a directory that an option names, from the root. Raises ValueError with a sentence."""
    try:
        if b"\0" in os.fsencode(text):
            raise ValueError
        path = Path(text).expanduser()
    except (ValueError, RuntimeError):  # the latter where ``~`` is nobody's
        raise ValueError("directory must be the path of a directory.") from None
    if not path.is_absolute():
        # Started elsewhere, the same play would find an empty store.
        raise ValueError(
            f"directory must be an absolute path, and {legible(text, 255)} depends on where ansible-playbook is started:"
            " begin it with / or ~."
        )
    collection = _collection_of(Path(os.path.realpath(path)))
    if collection is not None:
        raise ValueError(
            f"directory is {legible(path, 255)}, and lies in the collection at {legible(collection, 255)}, which an update replaces with all"
            " that lies in it: name a directory outside of it, and move there what it has."
        )
    return path


def _collection_of(path: Path) -> Path | None:
    """The directory of the collection of Ansible that a path is in, or None."""
    return next((each for each in (path, *path.parents) if each.parent.parent.name == "ansible_collections"), None)


def make_directory(path: Path) -> None:
    """Make a directory for its owner alone where there is none, and those above it that are missing. Raises OSError."""
    # Python would make those above with the rights of any, so that others could put another directory in the place of this one.
    for each in (*reversed([above for above in path.parents if not os.path.lexists(above)]), path):
        each.mkdir(mode=0o700, exist_ok=True)


def probe_directory(path: Path) -> None:
    """Raise OSError where files could not be written in a directory, which is there or is to be made. Nothing is made."""
    nearest = next(each for each in (path, *path.parents) if os.path.lexists(each))
    if not nearest.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(nearest))
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(nearest))


@contextmanager
def temporary_file(directory: Path, content: bytes) -> Iterator[str]:
    """The path of a file with ``content`` that is on the disk; whoever does not take it away leaves nothing behind. Raises OSError."""
    handle, temporary = tempfile.mkstemp(dir=directory, prefix=_TEMPORARY)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()  # equivalent: a power failure would show it
            os.fsync(file.fileno())  # equivalent: a power failure would show it
        yield temporary
    finally:
        Path(temporary).unlink(missing_ok=True)
    sync_directory(directory)


def sync_directory(directory: Path) -> None:
    """Bring the names in a directory to the disk. Some file systems (SMB, FUSE) cannot, and say EINVAL. Raises OSError."""
    opened = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(opened)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):
            raise
    finally:
        os.close(opened)


_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV)
"""How file systems answer that have no hard links, such as SMB and FAT."""


def create_file(path: Path, content: bytes) -> None:
    """Write a new file whole or not at all, and never over another. Raises OSError, FileExistsError where there is one."""
    with temporary_file(path.parent, content) as temporary:
        try:
            # A link fails where a file is, while a rename would replace it.
            os.link(temporary, path)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            _create_in_place(path, content)


def _create_in_place(path: Path, content: bytes) -> None:
    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()  # equivalent: a power failure would show it
            os.fsync(file.fileno())  # equivalent: a power failure would show it
    except BaseException:
        # Half a file would hold up every later run.
        path.unlink(missing_ok=True)
        raise


def remove_leftovers(directory: Path, older_than: float) -> None:
    """Remove what writers that were killed left behind ``older_than`` seconds ago or more. Raises OSError."""
    for path in directory.glob(f"{_TEMPORARY}*"):
        with suppress(FileNotFoundError):
            found = path.lstat()
            if found.st_mtime < time.time() - older_than and not stat.S_ISDIR(found.st_mode):  # equivalent: the exact moment means nothing
                path.unlink()


def read_file(path: Path) -> bytes:
    """A file's content. Raises OSError, also for what is no file: to open a pipe would wait for somebody who writes into it."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "it is no file, move it away", str(path))
        if found.st_size > LARGEST:
            raise OSError(errno.EFBIG, "it is too large to be a file of this collection, move it away", str(path))
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(handle)


def replace_file(path: Path, content: bytes) -> None:
    """Write ``path`` anew; whoever reads it meanwhile sees the old or the new whole. Raises OSError."""
    with temporary_file(path.parent, content) as temporary:
        os.replace(temporary, path)
