# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Seeds in ansible-vault files on the control node: read them, and add to them without ever losing one."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from ansible.errors import AnsibleError
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import json_text, legible
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.files import (
    directory_at,
    file_name,
    make_directory,
    read_file,
    remove_leftovers,
    temporary_file,
)
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.plain import exact
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.lock import LEASE, Owner, StoreLock

SEEDS, MARKS = ".yml", ".json"

_NUMBERED = re.compile(r"([0-9]{6})\.(yml|json)", re.ASCII)
_LAST = 999999


class StoreError(Exception):
    """The store cannot be used. The text says why and holds no secret."""


@dataclass
class Contents:
    """What a store knows. A record of one user supersedes all earlier ones of his."""

    entries: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False)
    """User id -> ``serial_number``, ``seed``, ``name`` and perhaps ``bound`` and ``proven``, for users whose newest record is a seed."""

    intents: list[str] = field(default_factory=list)
    """Users for whom a device was about to be created, and no seed came after."""


class VaultStore:
    """The files of one account: ``<dir>/<account>/*.yml`` with seeds, and ``*.json`` marks of what was about to happen, no secret in them.

    Files are numbered, only ever added, and read in the order of their numbers. What somebody else has put there under other names comes
    first, so that it never stands before what was stored later.
    """

    def __init__(self, directory: str, account: str, password: str) -> None:
        if not password:
            raise StoreError("password must not be empty (in the role: mfa_rollout_seed_store_password).")
        try:
            self.path = directory_at(directory) / file_name(account)
        except ValueError as error:
            raise StoreError(str(error)) from None
        self._vault = VaultLib([("default", VaultSecret(password.encode("utf-8")))])

    def read(self) -> Contents:
        """Everything that is stored. Raises StoreError where a file cannot be read: to go on without a seed could lose a device."""
        contents = Contents()
        intents: dict[str, None] = {}
        for path in self._files():
            raw = self._read(path)
            if path.suffix == MARKS:
                mark = self._mark(path, raw)
                for user_id in mark.get("intends", []) + mark.get("removes", []):
                    contents.entries.pop(user_id, None)
                    intents.pop(user_id, None)
                intents.update((user_id, None) for user_id in mark.get("intends", []))
            else:
                for user_id, entry in self._seeds(path, raw).items():
                    intents.pop(user_id, None)
                    contents.entries[user_id] = entry
        contents.intents = list(intents)
        return contents

    def save(self, entries: Mapping[str, Mapping[str, Any]]) -> str:
        """Store seeds in a new file, on the disk and read back before this returns. Returns its path."""
        # JSON is YAML too, and a hundred times quicker to read. What YAML does not allow in the open is escaped.
        document = {exact(user_id): _entry(entry) for user_id, entry in entries.items()}
        path = self._add(SEEDS, self._vault.encrypt(json_text(document, indent=1).encode("utf-8")))
        if self._seeds(path, self._read(path)) != document:
            raise StoreError(f"{path} does not hold what was written into it.")
        return str(path)

    def mark(self, intends: list[str], removes: list[str]) -> str:
        """Write down that devices are about to be created for ``intends``, or are gone for ``removes``. Returns the file's path."""
        document = {name: users for name, users in (("intends", intends), ("removes", removes)) if users}
        return str(self._add(MARKS, json.dumps(document, indent=1).encode("utf-8") + b"\n"))

    @staticmethod
    def _read(path: Path) -> bytes:
        try:
            return read_file(path)
        except OSError as error:
            raise StoreError(f"{path} cannot be read: {error.strerror}.") from None

    def lock(self, owner: Owner) -> None:
        """Keep other runs away from this account until ``unlock``. Raises StoreError that says who is at work."""
        with self._writing():
            self._make_directory()
            taken = StoreLock(self.path, owner).acquire()
            remove_leftovers(self.path, LEASE)
        if taken is not None:
            raise StoreError(taken)

    def hold_on(self, owner: Owner) -> None:
        """Make the lock of a run that is still at work last longer. Raises StoreError where somebody else has taken it over."""
        with self._writing():
            taken = StoreLock(self.path, owner).renew()
        if taken is not None:
            raise StoreError(taken)

    def unlock(self, owner: Owner) -> None:
        """Let other runs at this account again."""
        with self._writing():
            StoreLock(self.path, owner).release()

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

    def _seeds(self, path: Path, raw: bytes) -> dict[str, dict[str, Any]]:
        try:
            text = self._vault.decrypt(raw)
        except AnsibleError:
            raise StoreError(f"{path} cannot be decrypted: is the password the one it was written with?") from None
        try:
            document = _load(text)
        except (yaml.YAMLError, ValueError, OverflowError, RecursionError):
            document = None
        if not isinstance(document, dict) or not all(_is_id(user_id) and _is_entry(entry) for user_id, entry in document.items()):
            raise StoreError(f"{path} does not hold a mapping from user ids to serial_number, seed and name, which are texts.")
        return {str(user_id): _simple(entry) for user_id, entry in document.items()}

    @staticmethod
    def _mark(path: Path, raw: bytes) -> dict[str, list[str]]:
        try:
            document = json.loads(raw.decode("utf-8"))
            mark = {name: document.get(name, []) for name in ("intends", "removes")}
            if not all(isinstance(users, list) and all(_is_id(user_id) for user_id in users) for users in mark.values()):
                raise ValueError
            return {name: [str(user_id) for user_id in users] for name, users in mark.items()}
        except (ValueError, AttributeError, RecursionError):
            raise StoreError(f"{path} is not a mark of this store.") from None

    def _add(self, suffix: str, content: bytes) -> Path:
        """Write a new file whole or not at all: temporary file, fsync, then a link that never replaces another file."""
        with self._writing():
            self._make_directory()
            with temporary_file(self.path, content) as temporary:
                final = self._link(temporary, suffix)
        return final

    def _link(self, temporary: str, suffix: str) -> Path:
        numbers = [int(found.group(1)) for found in (_NUMBERED.fullmatch(path.name) for path in self._files()) if found]
        number = max(numbers, default=0) + 1
        while number <= _LAST:
            final = self.path / f"{number:06d}{suffix}"
            try:
                # Another run may have taken the number, with either suffix: a link fails then, where a rename would overwrite.
                os.link(temporary, final)
                return final
            except FileExistsError:
                number += 1
        # A longer number would be read before this one.
        raise StoreError(
            f"{self.path} has a file with the last number, {_LAST}: move its files to a new directory, renumbered from 000001."
        )

    def _make_directory(self) -> None:
        make_directory(self.path.parent)
        make_directory(self.path)
        found = os.lstat(self.path)
        if not stat.S_ISDIR(found.st_mode):
            raise StoreError(f"{self.path} is not a directory.")
        if found.st_mode & 0o022:
            raise StoreError(f"{self.path} can be written by others: take that right away (chmod go-w).")


def _is_id(value: Any) -> bool:
    """YAML takes an id of digits for a number."""
    return isinstance(value, (str, int)) and not isinstance(value, bool)


def _is_entry(value: Any) -> bool:
    # A seed that YAML took for a number may have lost digits.
    return isinstance(value, dict) and all(isinstance(value.get(name), str) and value[name] for name in ("serial_number", "seed"))


def _simple(entry: Mapping[Any, Any]) -> dict[str, Any]:
    """An entry without what YAML can hold and JSON cannot, such as dates, or lists that hold each other thousands of times."""
    return {name: part for name, part in entry.items() if isinstance(name, str) and isinstance(part, (str, int, float, type(None)))}


def _load(text: bytes) -> Any:
    """A file's document; somebody may have written it as YAML."""
    try:
        return json.loads(text)
    except ValueError:
        return yaml.safe_load(text)


def check_entries(entries: Mapping[str, Any]) -> None:
    """Raise StoreError where ``entries`` cannot be stored: what is no text would come back as another."""
    for user_id, entry in entries.items():
        parts = [entry.get(name) for name in ("serial_number", "seed")] if isinstance(entry, Mapping) else []
        if not parts or not all(part and _is_id(part) for part in parts):
            raise StoreError(
                f"entries must be a mapping from user id to serial_number, seed and name; that of {legible(user_id, 80)} is none."
            )


def _entry(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An entry as it is stored: the fields that are known, as YAML's safe writer takes them."""
    stored: dict[str, Any] = {name: exact(entry[name]) for name in ("serial_number", "seed")}
    stored["name"] = exact(entry.get("name") or "")
    stored.update((mark, True) for mark in ("bound", "proven") if entry.get(mark))
    return stored
