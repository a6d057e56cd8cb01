# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the cloud says of an organization, as plain data that a cache can keep: no secret, no group, no name of a host."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.organizations import Organizations, refuses

FORMAT = 2
"""Raised where answers get another form, so that those which a cache has kept are asked for anew."""

_FIELDS = ("id", "name", "urn", "status", "join_method", "joined_at", "description")
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


@dataclass(frozen=True)
class Caller:
    """The ids of the account whose credentials ask, and of the one in which they act, None where the cloud does not tell.

    They differ where an agency is assumed.
    """

    account_id: str | None
    acting_id: str | None


def read(organizations: Organizations, caller: Caller, with_tags: bool, concurrency: int) -> dict[str, Any]:
    """Ask for all accounts, and for what the caller may read of the organization, its units and, ``with_tags``, the accounts' tags.

    ``refused`` has a sentence for each thing that the caller may not read. Raises CloudError, also where the caller may not list the
    accounts.
    """
    refused: list[str] = []
    accounts = [{name: _text(entry.get(name)) for name in _FIELDS} for entry in _listed(organizations)]
    management_id = _management_id(organizations, refused)
    units, places = _units(organizations, concurrency, refused)
    tags = _tags(organizations, [account["id"] for account in accounts], concurrency, refused) if with_tags else {}
    return {
        "format": FORMAT,
        "accounts": accounts,
        "caller_id": caller.account_id,
        "acting_id": caller.acting_id,
        "management_id": management_id,
        "units": units,
        "places": places,
        "tags": tags,
        "refused": refused,
    }


def usable(answers: Any) -> bool:
    """Whether what a cache has kept are answers of this form."""
    return isinstance(answers, Mapping) and answers.get("format") == FORMAT


def _listed(organizations: Organizations) -> list[dict[str, Any]]:
    try:
        entries = organizations.accounts()
    except CloudError as error:
        if refuses(error):
            error.hint = (
                "The accounts are listed for an administrator of the organization's management account, or of a member account that is a"
                " delegated administrator of a service: look whose credentials these are."
            )
        raise
    ids = [entry["id"] for entry in entries]
    if len(set(map(str, ids))) != len(ids) or not all(isinstance(one, str) and _ID.fullmatch(one) for one in ids):
        raise CloudError("the listing of the organization's accounts has an id that is none, or appears more than once", call="accounts")
    return entries


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _management_id(organizations: Organizations, refused: list[str]) -> str | None:
    try:
        return str(organizations.organization()["management_account_id"])
    except CloudError as error:
        if not refuses(error):
            raise
        refused.append(f"which account is the management account: {error}")
        return None


def _units(organizations: Organizations, concurrency: int, refused: list[str]) -> tuple[list[dict[str, Any]] | None, dict[str, str | None]]:
    """All units, each after its parent, and for each account the unit that it is in, None for the root. No units where one cannot be read."""
    units: list[dict[str, Any]] = []
    places: dict[str, str | None] = {}
    try:
        # A unit's parent is None where that is the root.
        level: list[tuple[str, str | None]] = [(str(root["id"]), None) for root in organizations.roots()]
        seen = {parent for parent, _unit in level}
        while level:
            parents = [parent for parent, _unit in level]
            with ThreadPoolExecutor(max_workers=concurrency) as pool:
                # Both are begun before the first is waited for.
                members, children = pool.map(organizations.accounts, parents), pool.map(organizations.units, parents)
                below = list(zip(level, members, children))
            level = []
            for (_parent, unit_id), accounts, units_below in below:
                places.update({str(account["id"]): unit_id for account in accounts})
                for unit in units_below:
                    found = str(unit["id"])
                    if found in seen:
                        raise CloudError(f"the organization's units are no tree: {found} appears more than once", call="units")
                    seen.add(found)
                    units.append({"id": found, "name": _text(unit["name"]), "parent": unit_id})
                    level.append((found, found))
    except CloudError as error:
        if not refuses(error):
            raise
        refused.append(f"the organization's units: {error}")
        return None, {}
    return units, places


def _tags(organizations: Organizations, ids: Sequence[str], concurrency: int, refused: list[str]) -> dict[str, list[list[str]]]:
    """The tags of each account, as pairs. An account is missing where they cannot be read."""

    def one(account_id: str) -> list[list[str]] | CloudError:
        try:
            return [[_text(tag["key"]), _text(tag["value"])] for tag in organizations.tags(account_id)]
        except CloudError as error:
            # An account may have left the organization since it was listed.
            if error.status != 404 and not refuses(error):
                raise
            return error

    with ThreadPoolExecutor(max_workers=concurrency) as pool:
        found = dict(zip(ids, pool.map(one, ids)))
    errors = [answer for answer in found.values() if isinstance(answer, CloudError)]
    if errors:
        refused.append(f"the tags of {len(errors)} of {len(ids)} accounts, of which the first says: {errors[0]}")
    return {account_id: answer for account_id, answer in found.items() if not isinstance(answer, CloudError)}
