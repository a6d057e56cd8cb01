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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from ansible.errors import AnsibleError
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import json_text, legible
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.files import (
    account_path,
    create_file,
    directory_at,
    make_directory,
    read_file,
    remove_leftovers,
)
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.plain import exact
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.lock import LEASE, Owner, StoreLock, alone
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.store import (
    Contents,
    SeedStore,
    StoredSeed,
    StoreError,
    check_account,
    seed_in,
)

SEEDS, MARKS = ".yml", ".json"

_NUMBERED = re.compile(r"([0-9]{6})\.(yml|json)", re.ASCII)
_LAST = 999999

_LISTS = ("announces", "withdraws", "removes", "intends")
"""What a mark can say of users. Version 0.2 wrote ``intends``, after which an older seed of the same user could be that of another device."""


class VaultFiles(SeedStore):
    """The files of one account: ``<dir>/<account>/*.yml`` with seeds, and ``*.json`` marks of what was about to happen, no secret in them.

    Files are numbered, only ever added, and read in the order of their numbers. Files that somebody has put there under other names are read
    first, so that they never supersede what was stored later.
    """

    def __init__(self, directory: str, account: str, password: str) -> None:
        # As ansible-vault itself reads a password from a file.
        secret = password.strip("\r\n").encode("utf-8")
        if not secret:
            raise StoreError("password must not be empty (in the role: mfa_rollout_seed_store_password).")
        try:
            self.path = account_path(directory_at(directory), account)
        except ValueError as error:
            raise StoreError(str(error)) from None
        self._account = account
        self._vault = VaultLib([("default", VaultSecret(secret))])
        self._guard: StoreLock | None = None

    def read(self) -> Contents:
        """Everything that is stored. Raises StoreError where a file cannot be read: to go on without a seed could lose a device."""
        contents = Contents()
        files = self._files()
        for path in files:
            raw = self._read(path)
            if path.suffix == MARKS:
                mark = self._mark(path, raw)
                contents.remove(mark["intends"] + mark["removes"])
                contents.announce(mark["intends"] + mark["announces"])
                contents.withdraw(mark["withdraws"])
                contents.account_id = mark["account"] or contents.account_id
            else:
                for user_id, seed in self._seeds(path, raw).items():
                    contents.add(user_id, seed)
        if self._guard is not None:
            with self._writing(), alone(self.path):
                self._guard.saw(_highest(files))
        return contents

    def account_id(self) -> str | None:
        for path in reversed(self._files()):
            if path.suffix == MARKS:
                account = self._mark(path, self._read(path))["account"]
                if account:
                    return str(account)
        return None

    def save(self, seeds: Mapping[str, StoredSeed]) -> list[str]:
        if not seeds:
            return []
        # JSON is YAML too, and a hundred times quicker to read. What YAML does not allow in the open is escaped.
        document = {exact(user_id): seed.as_entry() for user_id, seed in seeds.items()}
        # equivalent: it is indented for people who look into it
        path = self._add(SEEDS, self._vault.encrypt(json_text(document, indent=1).encode("utf-8")))
        if self._seeds(path, self._read(path)) != dict(seeds):
            raise StoreError(f"{path} does not hold what was written into it.")
        return [str(path)]

    def announce(self, user_ids: Sequence[str], account_id: str | None = None) -> list[str]:
        if not user_ids:
            return []
        check_account(self.account_id(), account_id, self._account)
        return self._write_mark({"announces": list(user_ids), "account": account_id})

    def withdraw(self, user_ids: Sequence[str]) -> list[str]:
        return self._write_mark({"withdraws": list(user_ids)}) if user_ids else []

    def remove(self, user_ids: Sequence[str]) -> list[str]:
        return self._write_mark({"removes": list(user_ids)}) if user_ids else []

    def _write_mark(self, mark: Mapping[str, Any]) -> list[str]:
        document = {name: value for name, value in mark.items() if value}
        path = self._add(MARKS, json.dumps(document, indent=1).encode("utf-8") + b"\n")
        if self._mark(path, self._read(path)) != {**_NO_MARK, **document}:
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
            lock = StoreLock(self.path, owner)
            taken = lock.acquire()
            remove_leftovers(self.path, LEASE)
        if taken is not None:
            raise StoreError(taken)
        self._guard = lock
        return str(self.path)

    def guard(self, owner: Owner) -> None:
        with self._writing():
            lock = StoreLock(self.path, owner)
            refusal = lock.hold()
        if refusal is not None:
            raise StoreError(refusal)
        self._guard = lock

    def unlock(self, owner: Owner) -> None:
        with self._writing():
            StoreLock(self.path, owner).release()

    def refuse_others(self, owner: Owner) -> None:
        with self._writing():
            taken = StoreLock(self.path, owner).renew()
        if taken is not None:
            raise StoreError(taken)

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
            found = [path for path in self.path.iterdir() if path.suffix in (SEEDS, MARKS) and not path.name.startswith(".")]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StoreError(f"{self.path} cannot be read: {error.strerror}.") from None
        return sorted(found, key=lambda path: (_NUMBERED.fullmatch(path.name) is not None, path.name))

    def _seeds(self, path: Path, raw: bytes) -> dict[str, StoredSeed]:
        try:
            text = self._vault.decrypt(raw)
        except AnsibleError:
            raise StoreError(f"{path} cannot be decrypted: is the password the one it was written with?") from None
        try:
            document = _load(text)
        except (yaml.YAMLError, ValueError, OverflowError, RecursionError):  # equivalent: OverflowError comes from PyYAML before 5.4 only
            document = None
        seeds = (
            {str(user_id): seed_in(entry) for user_id, entry in document.items() if _is_id(user_id)} if isinstance(document, dict) else {}
        )
        if not isinstance(document, dict) or len(seeds) != len(document) or None in seeds.values():
            raise StoreError(f"{path} does not hold a mapping from user ids to serial_number, seed and name, which are texts.")
        return {user_id: seed for user_id, seed in seeds.items() if seed is not None}

    @staticmethod
    def _mark(path: Path, raw: bytes) -> dict[str, Any]:
        try:
            document = json.loads(raw.decode("utf-8"))
            mark = {name: document.get(name, []) for name in _LISTS}
            account = document.get("account")
            if not all(isinstance(users, list) and all(_is_id(user_id) for user_id in users) for users in mark.values()):
                raise ValueError
            if account is not None and not isinstance(account, str):
                raise ValueError
            return {**{name: [str(user_id) for user_id in users] for name, users in mark.items()}, "account": account}
        except (ValueError, AttributeError, RecursionError):
            raise StoreError(f"{path} is not a mark of this store.") from None

    def _add(self, suffix: str, content: bytes) -> Path:
        """Write a new file whole or not at all, under a number that no other file has."""
        with self._writing():
            self._make_directory()
            with alone(self.path):
                highest = _highest(self._files())
                if self._guard is not None:
                    refusal = self._guard.refuses(highest)
                    if refusal is not None:
                        raise StoreError(refusal)
                if highest >= _LAST:
                    # A longer number would be read before this one.
                    raise StoreError(
                        f"{self.path} has a file with the last number, {_LAST}: move its files to a new directory, renumbered from 000001."
                    )
                final = self.path / f"{highest + 1:06d}{suffix}"
                create_file(final, content)
                if self._guard is not None:
                    self._guard.saw(highest + 1)
        return final

    def _make_directory(self) -> None:
        make_directory(self.path.parent)
        make_directory(self.path)
        found = os.stat(self.path)
        if self.path.is_symlink() and self.path.parent.resolve() not in self.path.resolve().parents:
            raise StoreError(f"{self.path} is a symbolic link that leads out of {self.path.parent}.")
        if not stat.S_ISDIR(found.st_mode):
            raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(self.path))
        # A volume of Kubernetes is writable for the group of its pods, which are this process.
        strangers = found.st_mode & 0o020 and found.st_gid not in {os.getegid(), *os.getgroups()}
        if found.st_mode & 0o002 or strangers:
            raise StoreError(f"{self.path} can be written by others: remove their write permission (chmod go-w).")


_NO_MARK: dict[str, Any] = {**{name: [] for name in _LISTS}, "account": None}


def _highest(files: Sequence[Path]) -> int:
    return max((int(found.group(1)) for found in (_NUMBERED.fullmatch(path.name) for path in files) if found), default=0)


def _is_id(value: Any) -> bool:
    """YAML takes an id of digits for a number."""
    return isinstance(value, (str, int)) and not isinstance(value, bool)


def _load(text: bytes) -> Any:
    """A file's document; somebody may have written it as YAML."""
    try:
        return json.loads(text)
    except ValueError:
        return yaml.safe_load(text)


def seeds_given(entries: Mapping[str, Any]) -> dict[str, StoredSeed]:
    """Seeds from the option ``entries``. Raises StoreError where one cannot be stored: what is no text would come back as another."""
    seeds = {}
    for user_id, entry in entries.items():
        seed = seed_in({**entry, **_texts(entry)}) if isinstance(entry, Mapping) else None
        if seed is None:
            raise StoreError(
                f"entries must be a mapping from user id to serial_number, seed and name; that of {legible(user_id, 80)} is none."
            )
        seeds[exact(user_id)] = seed
    return seeds


def _texts(entry: Mapping[str, Any]) -> dict[str, Any]:
    """A serial number or seed of digits only, which comes as a number over the command line, as the text that it is."""
    return {name: exact(entry[name]) for name in ("serial_number", "seed") if _is_id(entry.get(name)) and entry[name]}
