# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The accounts of an organization, made of what the cloud has said. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Unit:
    """An organizational unit. ``chain`` has the ids from the root down to it, ``path`` their names, joined by slashes."""

    id: str
    name: str
    parent_id: str | None
    chain: tuple[str, ...]
    path: str


@dataclass(frozen=True)
class Account:
    """An account of the organization. Names, descriptions and tags are text that people wrote.

    ``unit`` is None in the root, and ``placed`` is false where nobody knows in which unit the account is. ``tags`` is None where they are
    not known. ``is_caller`` tells whether the credentials belong to the account, and ``is_acting`` whether they act in it: that is another
    one where they assume an agency.
    """

    id: str
    name: str
    urn: str
    status: str
    join_method: str
    joined_at: str
    description: str
    unit: Unit | None
    placed: bool
    tags: Mapping[str, str] | None
    is_management: bool
    is_caller: bool
    is_acting: bool


def units_of(answers: Mapping[str, Any]) -> dict[str, Unit]:
    """The units by their ids, each after its parent."""
    units: dict[str, Unit] = {}
    for entry in answers["units"] or ():
        parent = units.get(entry["parent"] or "")
        # A slash in a name would make it look like two.
        name = entry["name"].replace("/", "_")
        chain = (*(parent.chain if parent else ()), entry["id"])
        path = f"{parent.path}/{name}" if parent else name
        units[entry["id"]] = Unit(entry["id"], entry["name"], parent.id if parent else None, chain, path)
    return units


def accounts_of(answers: Mapping[str, Any]) -> list[Account]:
    """The accounts, in the order of their names and ids, so that an inventory is the same every time."""
    units = units_of(answers)
    accounts = [
        Account(
            id=entry["id"],
            name=entry["name"],
            urn=entry["urn"],
            # The reference of the API has it in capital letters, and the vendor's SDK in small ones.
            status=entry["status"].lower(),
            join_method=entry["join_method"].lower(),
            joined_at=entry["joined_at"],
            description=entry["description"],
            unit=units.get(answers["places"].get(entry["id"]) or ""),
            placed=entry["id"] in answers["places"],
            tags=dict(answers["tags"][entry["id"]]) if entry["id"] in answers["tags"] else None,
            is_management=entry["id"] == answers["management_id"],
            is_caller=entry["id"] == answers["caller_id"],
            is_acting=entry["id"] == answers["acting_id"],
        )
        for entry in answers["accounts"]
    ]
    return sorted(accounts, key=lambda account: (account.name, account.id))
