# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The formats of a hand-over, and the files that they come to: which there are, what they are called, and how each is encrypted."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

from ansible.errors import AnsibleError
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.apart import apart
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.files import account_path, file_name
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.vault_password import vault_with
from ansible_collections.hwc.mfa.plugins.plugin_utils._handover import keepass, qr
from ansible_collections.hwc.mfa.plugins.plugin_utils._handover.choice import Handover
from ansible_collections.hwc.mfa.plugins.plugin_utils._handover.managers import bitwarden, onepassword
from ansible_collections.hwc.mfa.plugins.plugin_utils._handover.oath import oath_csv
from ansible_collections.hwc.mfa.plugins.plugin_utils._handover.otpauth import listing
from ansible_collections.hwc.mfa.plugins.plugin_utils._handover.sheet import sheet

KEEPASS = "keepass"

VAULT = ".vault"
"""How the names of files end that ansible-vault has encrypted. The seed store and Ansible read no files of such names."""

_LONGEST, _LONGEST_ID = 150, 64
"""Bytes of a user's name and id in the name of a file. File systems take 255."""


@dataclass(frozen=True)
class Format:
    """A format: how its file's name ends, what makes it, and the library that this needs."""

    suffix: str
    one: Callable[[Handover], bytes] | None = None
    """Makes the file of one user."""

    many: Callable[[Sequence[Handover]], bytes] | None = None
    """Makes one file for all users."""

    library: Callable[[], Any] = lambda: None
    """Raises HandoverError where what the format needs is missing."""


FORMATS: Mapping[str, Format] = {
    "sheet": Format(".html", one=sheet, library=qr.library),
    "svg": Format(".svg", one=qr.svg, library=qr.library),
    "png": Format(".png", one=qr.png, library=qr.library),
    "otpauth": Format(".otpauth.txt", many=listing),
    KEEPASS: Format(".kdbx", library=keepass.library),
    "bitwarden": Format(".bitwarden.json", many=bitwarden),
    "onepassword": Format(".1password.csv", many=onepassword),
    "oath_csv": Format(".oath.csv", many=oath_csv),
}


@dataclass(frozen=True)
class HandoverFile:
    """A file that is to be written."""

    path: Path
    format: str
    handovers: tuple[Handover, ...]

    def plain(self) -> bytes:
        """What is in the file before it is encrypted. A KeePass database is never anything but encrypted."""
        found = FORMATS[self.format]
        if found.one is not None:
            return found.one(self.handovers[0])
        if found.many is not None:
            return found.many(self.handovers)
        raise TypeError(f"{self.format} has no content in the open.")


def files_of(directory: Path, account: str, handovers: Sequence[Handover], formats: Sequence[str], alone: bool) -> list[HandoverFile]:
    """The files of a hand-over in ``directory``. Raises ValueError where the account cannot name files.

    What is made for one user lies in the account's own directory: all that is made where that user was asked for ``alone``.
    """
    folder = account_path(directory, account)
    stems = _stems(handovers)
    files = []
    for name in dict.fromkeys(formats):
        suffix = FORMATS[name].suffix + ("" if name == KEEPASS else VAULT)
        if FORMATS[name].one is not None or alone:
            files += [HandoverFile(folder / f"{stems[each.user_id]}{suffix}", name, (each,)) for each in handovers]
        else:
            files.append(HandoverFile(account_path(directory, account, suffix), name, tuple(handovers)))
    return files


def _stems(handovers: Sequence[Handover]) -> dict[str, str]:
    """What the files of each user are called: as the user, or where that names no file or more than one user, by id.

    No two are the same, or one user would be handed the seed of another. They do not depend on the order of the users.
    """
    names = apart([_forms(each) for each in handovers], same_as=_folded)
    return {each.user_id: name for each, name in zip(handovers, names)}


def _forms(handover: Handover) -> tuple[str, ...]:
    # Ids can differ in the case alone, or name no file.
    unlike_any = hashlib.sha256(handover.user_id.encode("utf-8", "surrogatepass")).hexdigest()
    own = _stem(handover.user_id, _LONGEST_ID) or unlike_any
    name = _stem(handover.name, _LONGEST) or own
    return (name, f"{name}.{own}", own, unlike_any)


def _folded(name: str) -> str:
    """What is the same for names that some file system takes for one: neither cases nor ways to write a letter tell them apart."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())


def _stem(name: str, longest: int) -> str:
    try:
        stem = file_name(name)
    except ValueError:
        return ""
    return stem if len(stem.encode("utf-8")) <= longest else ""


class Encryption:
    """Encrypts files by their passwords, and looks whether a file that is there holds the same."""

    def __init__(self, password: str, keepass_password: str) -> None:
        self._vault = vault_with(password)
        self._keepass_password = keepass_password

    def content(self, file: HandoverFile) -> bytes:
        """What is written to the disk."""
        if file.format == KEEPASS:
            return keepass.kdbx(file.handovers, self._keepass_password)
        encrypted: bytes = self._vault.encrypt(file.plain())
        return encrypted

    def holds(self, file: HandoverFile, content: bytes) -> bool:
        """Whether this content of a file is what would be written, under the same password."""
        if file.format == KEEPASS:
            return keepass.holds(content, file.handovers, self._keepass_password)
        try:
            return bool(self._vault.decrypt(content) == file.plain())
        except AnsibleError:
            return False
