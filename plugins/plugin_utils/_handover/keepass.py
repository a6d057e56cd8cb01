# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""KeePass databases, which the Python library pykeepass writes. They are encrypted by their own password."""

from __future__ import annotations

import importlib
import io
import re
import sys
from collections.abc import Sequence
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import legible
from ansible_collections.hwc.mfa.plugins.plugin_utils._handover.choice import Handover, HandoverError
from ansible_collections.hwc.mfa.plugins.plugin_utils._handover.managers import title_of
from ansible_collections.hwc.mfa.plugins.plugin_utils._handover.otpauth import uri_of

_LEAST = (4, 2)
"""Older versions encrypt every database with the same random numbers, which come from a file of theirs."""


def library() -> Any:
    """The library pykeepass. Raises HandoverError where it is missing or too old."""
    try:
        found = importlib.import_module("pykeepass")
    except ImportError:
        raise HandoverError(f"format keepass needs the Python library pykeepass: install it for {sys.executable}.") from None
    version = str(found.__version__)
    if tuple(int(part) for part in re.findall(r"[0-9]+", version)[:2]) < _LEAST:
        wanted = ".".join(str(part) for part in _LEAST)
        raise HandoverError(
            f"format keepass needs pykeepass {wanted} or newer, and {version} is installed for {sys.executable}: update it."
        )
    return found


def kdbx(handovers: Sequence[Handover], password: str) -> bytes:
    """A database with a group for each account and an entry for each user. KeePassXC makes codes of the field ``otp``."""
    entry = importlib.import_module(f"{library().__name__}.entry").Entry
    database = library().create_database(io.BytesIO(), password=password)
    groups: dict[str, Any] = {}
    for each in handovers:
        if each.account not in groups:
            groups[each.account] = database.add_group(database.root_group, legible(each.account))
        title, username, url, otp = _fields(each)
        # Not by add_entry, which looks through all entries each time.
        groups[each.account].append(entry(title=title, username=username, password="", url=url or None, otp=otp, kp=database))
    stream = io.BytesIO()
    database.save(stream)
    return stream.getvalue()


def holds(content: bytes, handovers: Sequence[Handover], password: str) -> bool:
    """Whether a database has just these entries. What cannot be opened has not."""
    try:
        database = library().PyKeePass(io.BytesIO(content), password=password)
        found = sorted((each.title or "", each.username or "", each.url or "", each.otp or "") for each in database.entries)
    except HandoverError:
        raise
    except Exception:  # pylint: disable=broad-exception-caught  # the library's parser lets out whatever goes wrong in a damaged file
        return False
    return found == sorted(_fields(each) for each in handovers)


def _fields(handover: Handover) -> tuple[str, str, str, str]:
    return title_of(handover), legible(handover.name), handover.login_url, uri_of(handover)
