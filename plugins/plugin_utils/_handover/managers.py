# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What password managers import, as text: Bitwarden's JSON and 1Password's CSV."""

from __future__ import annotations

import csv
import io
import uuid
from collections.abc import Sequence

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import json_text, legible
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.spreadsheet import cell
from ansible_collections.hwc.mfa.plugins.plugin_utils._handover.choice import Handover
from ansible_collections.hwc.mfa.plugins.plugin_utils._handover.otpauth import uri_of

_LOGIN = 1
"""Bitwarden's type of an item with a user name and a one-time password."""


def title_of(handover: Handover) -> str:
    """What an entry is called in a list of all passwords."""
    return legible(f"{handover.issuer} {handover.account}: {handover.name}")


def _id(*parts: str) -> str:
    """An id that is the same in each export, so that files of the same seeds are the same."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "\n".join(("hwc.mfa", *parts)).encode("utf-8", "replace").decode("utf-8")))


def bitwarden(handovers: Sequence[Handover]) -> bytes:
    """Bitwarden's unencrypted export format, with a folder for each account."""
    folders = {each.account: _id(each.account) for each in handovers}
    items = [
        {
            "id": _id(each.account, each.user_id, each.serial_number),
            "organizationId": None,
            "folderId": folders[each.account],
            "type": _LOGIN,
            "reprompt": 0,
            "name": title_of(each),
            "notes": None,
            "favorite": False,
            "login": {
                "uris": [{"match": None, "uri": each.login_url}] if each.login_url else [],
                "username": legible(each.name),
                "password": None,
                "totp": uri_of(each),
            },
            "collectionIds": None,
        }
        for each in handovers
    ]
    named = [{"id": folder, "name": legible(account)} for account, folder in folders.items()]
    return json_text({"encrypted": False, "folders": named, "items": items}, indent=2).encode("utf-8") + b"\n"


_ONEPASSWORD = ("Title", "Url", "Username", "Password", "OTPAuth", "Favorite", "Archived", "Tags", "Notes")
"""The columns of 1Password 8's own CSV export, in the order in which its import takes them."""


def onepassword(handovers: Sequence[Handover]) -> bytes:
    """CSV for 1Password. A cell that a spreadsheet would take for a formula is quoted with an apostrophe."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_ONEPASSWORD)
    for each in handovers:
        row = (title_of(each), each.login_url, each.name, "", uri_of(each), "false", "false", "mfa", "")
        writer.writerow([cell(value) for value in row])
    return text.getvalue().encode("utf-8")
