# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Seeds in ansible-vault files on the control node: read them, and add to them without ever losing one."""

from __future__ import annotations

import errno
import json
import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml
from ansible.errors import AnsibleError
from ansible.parsing.vault import is_encrypted
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import json_text
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.files import (
    account_path,
    create_file,
    directory_at,
    make_directory,
    probe_directory,
    read_file,
    remove_leftovers,
)
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.vault_password import vault_with
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.journal import (
    LAST,
    LOST,
    Journal,
    Mark,
    Page,
    Seeds,
    first_missing,
    mark_in,
    page_of_seeds,
    seeds_in_page,
)
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.lock import LEASE, LOCK, Owner, StoreLock, alone
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.store import StoreError

SEEDS, MARKS = ".yml", ".json"

_SEALED = b"hwc.mfa"
"""What a seal decrypts to: it tells nothing but that the password is the same."""

_NUMBERED = re.compile(r"([0-9]{6})\.(yml|json)", re.ASCII)


class VaultFiles(Journal):
    """The files of one account: ``<dir>/<account>/*.yml`` with seeds, and ``*.json`` marks of what was about to happen, no secret in them.

    Files are numbered, only ever added, and read in the order of their numbers. Files that somebody has put there under other names are read
    first, so that they never supersede what was stored later.

    A task has its password from a template, which may come to another value each time. So the first task of a run that reads leaves a seal in
    the lock, which is encrypted with its password, and a task whose password does not open it writes nothing: nobody could read that.
    """

    def __init__(self, directory: str, account: str, password: str) -> None:
        try:
            self._vault = vault_with(password)
        except ValueError:
            raise StoreError("password must not be empty (in the role: mfa_rollout_seed_store_password).") from None
        try:
            self.path = account_path(directory_at(directory), account)
        except ValueError as error:
            raise StoreError(str(error)) from None
        super().__init__(account, str(self.path))
        self._opens: Any = None
        """The seal that the password has opened."""

    def _pages(self) -> list[Path]:
        return self._files()

    def _lacks(self, pages: Sequence[Path]) -> str | None:
        missing = first_missing(_numbers(pages))
        if missing is None:
            return None
        path = self.path / f"{missing:06d}{SEEDS}"
        return f"{path} or {MARKS} is missing, and with it perhaps seeds: restore it from a backup. {LOST.format('{}', path.with_suffix(MARKS))}"

    def _opened(self, pages: Sequence[Path]) -> Iterator[Page]:
        for path in pages:
            raw = self._read(path)
            yield self._mark(path, raw) if path.suffix == MARKS else self._seeds(path, raw)

    def _mark_at(self, page: Path) -> Mark | None:
        return self._mark(page, self._read(page)) if page.suffix == MARKS else None

    def _saw(self, pages: Sequence[Path]) -> None:
        if self._guard is not None:
            with self._writing(), alone(self.path):
                # To encrypt takes a while, on purpose.
                seal = self._vault.encrypt(_SEALED).decode("ascii") if self._guard.seal() is None else None
                self._guard.saw(_highest(pages), seal)

    def _add(self, content: Seeds | Mark) -> list[str]:
        # Only these need a password later. What was announced must be taken back even so.
        if not isinstance(content, Mark) or content.announces:
            with self._writing():
                self._refuse_another_password()
        kept: Page
        if isinstance(content, Mark):
            path = self._create(MARKS, json.dumps(content.as_document(), indent=1).encode("utf-8") + b"\n")
            kept = self._mark(path, self._read(path))
        else:
            # JSON is YAML too, and a hundred times quicker to read. What YAML does not allow in the open is escaped.
            # equivalent: it is indented for people who look into it
            path = self._create(SEEDS, self._vault.encrypt(json_text(page_of_seeds(content), indent=1).encode("utf-8")))
            kept = self._seeds(path, self._read(path))
        if kept != content:
            raise StoreError(f"{path} does not hold what was written into it.")
        return [str(path)]

    @staticmethod
    def _read(path: Path) -> bytes:
        try:
            return read_file(path)
        except OSError as error:
            raise StoreError(f"{path} cannot be read: {error.strerror}.") from None

    def lock(self, owner: Owner) -> str:
        with self._writing():
            self._make_directory()
            place = super().lock(owner)
            remove_leftovers(self.path, LEASE)
        return place

    def keeper(self, owner: Owner) -> StoreLock:
        return StoreLock(self.path, owner)

    def guard(self, owner: Owner) -> None:
        with self._writing():
            super().guard(owner)
            self._refuse_another_password()

    def _refuse_another_password(self) -> None:
        """Raise StoreError where an earlier task of this run had another password, or without a lock whoever has written the newest seeds."""
        if self._guard is None:
            newest = next(self._newest_first(), None)
            if newest is not None:
                self._seeds(*newest)
            return
        seal = self._guard.seal()
        if seal is None or seal == self._opens:
            return
        try:
            self._opens = seal if self._vault.decrypt(seal) == _SEALED else None
        except (AnsibleError, TypeError, UnicodeError):
            self._opens = None
        if self._opens is None:
            raise StoreError(
                f"password is not the one that this run has read {self.path} with. If this is the role,"
                " mfa_rollout_seed_store_password has another value in each task: give it a fixed one."
            )

    def unlock(self, owner: Owner) -> None:
        with self._writing():
            super().unlock(owner)

    def refuse_others(self, owner: Owner) -> None:
        with self._writing():
            super().refuse_others(owner)

    def _newest_first(self) -> Iterator[tuple[Path, bytes]]:
        """Encrypted files that can be read. What else lies there says nothing of a password, and must not keep a seed from being stored."""
        for path in reversed(self._files()):
            with suppress(OSError):
                raw = read_file(path)
                if is_encrypted(raw):
                    yield path, raw

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """What the file system refuses to write becomes a StoreError."""
        try:
            yield
        except OSError as error:
            # Where something stands in the way, that is named.
            raise StoreError(f"{error.filename2 or self.path} cannot be written: {error.strerror}.") from None

    def _files(self) -> list[Path]:
        try:
            found = [
                path
                for path in self.path.iterdir()
                if path.suffix in (SEEDS, MARKS) and not path.name.startswith(".") and not self._is_report(path)
            ]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StoreError(f"{self.path} cannot be read: {error.strerror}.") from None
        return sorted(found, key=lambda path: (_NUMBERED.fullmatch(path.name) is not None, path.name))

    def _is_report(self, path: Path) -> bool:
        """Whether a file is one of the account's reports, which somebody may have put into the same directory: any JSON could be a mark."""
        # An account can be called like a number.
        return path.suffix == MARKS and path.name.startswith(f"{self.path.name}.") and _NUMBERED.fullmatch(path.name) is None

    def _seeds(self, path: Path, raw: bytes) -> Seeds:
        if not is_encrypted(raw):
            raise StoreError(
                f"{path} cannot be decrypted: ansible-vault has not encrypted it. Restore it from a backup, encrypt it again (ansible-vault"
                f" encrypt) if somebody has decrypted it, or move it away. {LOST.format('{}', path.with_suffix(MARKS))}"
            )
        try:
            text = self._vault.decrypt(raw)
        except AnsibleError:
            raise StoreError(
                f"{path} cannot be decrypted: is the password the one it was written with? If that opens the others, this one is damaged:"
                " restore it from a backup."
            ) from None
        try:
            document = _load(text)
        except (yaml.YAMLError, ValueError, OverflowError, RecursionError):  # equivalent: OverflowError comes from PyYAML before 5.4 only
            document = None
        seeds = seeds_in_page(document)
        if seeds is None:
            raise StoreError(f"{path} does not hold a mapping from user ids to serial_number, seed and name, which are texts.")
        return seeds

    @staticmethod
    def _mark(path: Path, raw: bytes) -> Mark:
        try:
            mark = mark_in(json.loads(raw.decode("utf-8")))
        except (ValueError, RecursionError):
            mark = None
        if mark is None:
            raise StoreError(f"{path} is not a mark of this store: restore it from a backup. {LOST.format('{}', 'it')}")
        return mark

    def _create(self, suffix: str, content: bytes) -> Path:
        """Write a new file whole or not at all, under a number that no other file has."""
        with self._writing():
            self._make_directory()
            with alone(self.path):
                highest = _highest(self._files())
                if self._guard is not None:
                    refusal = self._guard.refuses(highest)
                    if refusal is not None:
                        raise StoreError(refusal)
                if highest >= LAST:
                    # A longer number would be read before this one.
                    raise StoreError(
                        f"{self.path} has a file with the last number, {LAST}: move its files to a new directory, renumbered from 000001."
                    )
                final = self.path / f"{highest + 1:06d}{suffix}"
                create_file(final, content)
                if self._guard is not None:
                    self._guard.saw(highest + 1)
        return final

    def probe(self) -> None:
        with self._writing():
            if os.path.lexists(self.path):
                self._refuse_directory()
            probe_directory(self.path)
            lock = self.path / LOCK
            if lock.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(lock), None, str(lock))

    def _make_directory(self) -> None:
        make_directory(self.path)
        self._refuse_directory()

    def _refuse_directory(self) -> None:
        """Raise StoreError or OSError where the directory is one that somebody else could have seeds in, or none."""
        found = os.stat(self.path)
        if self.path.is_symlink() and self.path.parent.resolve() not in self.path.resolve().parents:
            raise StoreError(f"{self.path} is a symbolic link that leads out of {self.path.parent}.")
        if not stat.S_ISDIR(found.st_mode):
            raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(self.path))
        # A volume of Kubernetes is writable for the group of its pods, which are this process.
        strangers = found.st_mode & 0o020 and found.st_gid not in {os.getegid(), *os.getgroups()}
        if found.st_mode & 0o002 or strangers:
            raise StoreError(f"{self.path} can be written by others: remove their write permission (chmod go-w).")


def _highest(files: Sequence[Path]) -> int:
    return max(_numbers(files), default=0)


def _numbers(files: Sequence[Path]) -> Iterator[int]:
    """The numbers of the files that have one. What somebody put there under another name has none."""
    return (int(found.group(1)) for found in (_NUMBERED.fullmatch(path.name) for path in files) if found)


def _load(text: bytes) -> Any:
    """A file's document; somebody may have written it as YAML."""
    try:
        return json.loads(text)
    except ValueError:
        return yaml.safe_load(text)
