# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files on the control node that are for their owner alone, written whole or not at all."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

_TEMPORARY = ".new-"


def file_name(account: str) -> str:
    """An account's name as the name of a file or directory, which cannot lead elsewhere. Raises ValueError with a sentence."""
    name = quote(account, safe=" @+=,")
    if not account or name.startswith("."):
        raise ValueError("account must not be empty or begin with a dot: it names files.")
    return name


def make_directory(path: Path) -> None:
    """Make a directory for its owner alone where there is none. Raises OSError."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


@contextmanager
def temporary_file(directory: Path, content: bytes) -> Iterator[str]:
    """The path of a file with ``content`` that is on the disk; whoever does not take it away leaves nothing behind. Raises OSError."""
    handle, temporary = tempfile.mkstemp(dir=directory, prefix=_TEMPORARY)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield temporary
    finally:
        Path(temporary).unlink(missing_ok=True)
    # The name must be on the disk too.
    opened = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def remove_leftovers(directory: Path, older_than: float) -> None:
    """Remove what writers that were killed left behind ``older_than`` seconds ago or more. Raises OSError."""
    for path in directory.glob(f"{_TEMPORARY}*"):
        with suppress(FileNotFoundError):
            if path.lstat().st_mtime < time.time() - older_than:
                path.unlink()


def replace_file(path: Path, content: bytes) -> None:
    """Write ``path`` anew; whoever reads it meanwhile sees the old or the new whole. Raises OSError."""
    with temporary_file(path.parent, content) as temporary:
        os.replace(temporary, path)
