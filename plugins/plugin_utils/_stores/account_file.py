# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A small file of an account, without secrets, that outlives the run: beside the reports, or in the account's seed store."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import json_text
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.files import (
    account_path,
    directory_at,
    make_directory,
    probe_directory,
    read_file,
    replace_file,
)

BESIDE = (".history.json", ".lifted.json", ".record.json", ".trend.json")
"""How the names of these files end, where they lie beside reports."""

REPORTS = (".json", ".csv", ".html", ".junit.xml", ".ocsf.json", ".sha256")
"""How those of reports end."""

_TAKEN = tuple(sorted({f".{part}" for suffix in (*BESIDE, *REPORTS) for part in suffix.split(".") if part}))


def taken_ending(account: str) -> str | None:
    """With what an account's name ends that ends the names of files, or None: the report of ``acme.record`` would be the record of ``acme``."""
    # Some file systems take large letters for small ones.
    return next((ending for ending in _TAKEN if account.casefold().endswith(ending)), None)


def refuse_taken(account: str) -> None:
    """Raise ValueError, with a sentence, where a file of this account could be one of another account."""
    ending = taken_ending(account)
    if ending is not None:
        raise ValueError(
            f"account must not end in {ending}, as the names of files of reports and records do. Give it another name (in the role:"
            " mfa_rollout_account)."
        )


class AccountFileError(Exception):
    """The file cannot be used. The text says why."""


class UnreadableFileError(AccountFileError):
    """The system does not let the file be read; ``forbidden`` is whether that is a matter of permissions."""

    def __init__(self, text: str, forbidden: bool) -> None:
        super().__init__(text)
        self.forbidden = forbidden


class AccountFile:
    """A mapping from user id, ``<directory>/<account>.<name>.json``, or in the ``store``, ``<directory>/<account>/.<name>.json``.

    The mapping stands in the file under ``key``; ``sound`` tells whether a value of it has the right form.
    """

    def __init__(self, directory: str, account: str, name: str, key: str, sound: Callable[[Any], bool], in_store: bool = False) -> None:
        self._key = key
        self._sound = sound
        self._name = name
        try:
            refuse_taken(account)
            base = directory_at(directory)
            self.path = account_path(base, account) / f".{name}.json" if in_store else account_path(base, account, f".{name}.json")
        except ValueError as error:
            raise AccountFileError(str(error)) from None

    def exists(self) -> bool:
        """Whether there is a file. One that names nobody is another thing than none."""
        return self.path.exists()

    def read(self) -> dict[str, Any]:
        """What is in the file; empty where there is none. Raises AccountFileError."""
        try:
            found = json.loads(read_file(self.path))[self._key]
            if not isinstance(found, dict) or not all(self._sound(value) for value in found.values()):
                raise ValueError
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise UnreadableFileError(
                f"{self.path} cannot be read: {error.strerror}.", error.errno in (errno.EACCES, errno.EPERM)
            ) from None
        except (KeyError, TypeError, ValueError, RecursionError):
            raise AccountFileError(f"{self.path} is not a {self._name} of this role.") from None
        return {str(user_id): value for user_id, value in found.items()}

    def probe(self) -> None:
        """Raise AccountFileError where the file could not be read or, as far as that can be seen without writing, not be written."""
        try:
            probe_directory(self.path.parent)
        except OSError as error:
            raise AccountFileError(f"{self.path} cannot be written: {error.strerror}.") from None
        try:
            self.read()
        except UnreadableFileError as error:
            # Whoever moves away a record of another user loses what it says.
            raise AccountFileError(f"{error} Let the user who runs Ansible read it." if error.forbidden else str(error)) from None
        except AccountFileError as error:
            raise AccountFileError(f"{error} Restore it from a backup, or move away what is none of this role.") from None

    def write(self, mapping: dict[str, Any]) -> None:
        """Replace the file, whole or not at all. Raises AccountFileError."""
        try:
            make_directory(self.path.parent)
            replace_file(self.path, (json_text({self._key: mapping}, indent=1) + "\n").encode("utf-8"))
        except OSError as error:
            raise AccountFileError(f"{error.filename2 or self.path} cannot be written: {error.strerror}.") from None
