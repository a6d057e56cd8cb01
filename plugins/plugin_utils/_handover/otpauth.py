# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The address ``otpauth://`` by which authenticator apps take a seed, and lists of it."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import OptionError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import legible
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.totp import STEP, seed_text
from ansible_collections.hwc.mfa.plugins.plugin_utils._handover.choice import Handover

_LABEL = 100
"""Characters of a label: a QR code of much more is hard to scan."""


def key_uri(seed: str, account: str, issuer: str) -> str:
    """The URI of a base32 seed in the Key URI format; the app shows ``issuer`` and ``account``, neither of which may hold a colon.

    Raises OptionError where the seed is none or a name is empty or has a colon, and UnicodeEncodeError where a name holds a code that is no
    character.
    """
    if not account or not issuer:
        raise OptionError("account and issuer must not be empty.")
    # The colon parts the issuer from the account, so neither may hold one (Key URI format).
    if ":" in account or ":" in issuer:
        raise OptionError("account and issuer must not hold a colon.")
    secret = seed_text(seed)
    label = f"{quote(issuer, safe='')}:{quote(account, safe='@')}"
    return f"otpauth://totp/{label}?secret={secret}&issuer={quote(issuer, safe='')}&algorithm=SHA1&digits=6&period={STEP}"


def label_text(text: str) -> str:
    """Text that a label can hold: visible, of moderate length, and without a colon, which parts the issuer from the account."""
    return legible(text, _LABEL).replace(":", "-")


def account_label(handover: Handover) -> str:
    """How the app names the user: people have users in several accounts."""
    return label_text(f"{handover.name}@{handover.account}")


def uri_of(handover: Handover) -> str:
    """The URI of what a user is handed."""
    return key_uri(handover.seed, account_label(handover), label_text(handover.issuer))


def listing(handovers: Sequence[Handover]) -> bytes:
    """The URIs, a line each, which many apps and tools import."""
    return "".join(f"{uri_of(each)}\n" for each in handovers).encode("ascii")
