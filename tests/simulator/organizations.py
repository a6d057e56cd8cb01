# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The organization that the rehearsal cloud's accounts belong to: units, members, tags, and who may ask. No HTTP.

The first account is the management account. [?] marks a rule that no source settles.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeVar

from .cloud import Cloud, Refusal, User, limit_of
from .people import id_of

JOINED_AT = "2026-01-02T03:04:05Z"
PAGE_DEFAULT = 200
PAGE_MAX = 2000

Entry = TypeVar("Entry")


@dataclass(eq=False)
class Unit:
    """An organizational unit; the root is one too, which has no parent."""

    id: str
    name: str
    parent: Unit | None


@dataclass(eq=False)
class Member:
    """An account as the organization shows it. It need not be one of the cloud's own: closed accounts are listed too."""

    id: str
    name: str
    unit: Unit
    status: str = "active"
    join_method: str = "created"
    description: str = ""
    tags: dict[str, str] = field(default_factory=dict)


class Organization:
    """What tests arrange, by the names of accounts. Ids follow from the cloud's own, and take nothing from its random numbers."""

    def __init__(self, cloud: Cloud) -> None:
        management = cloud.accounts[0]
        self.id = f"o-{_short(management.domain_id, 'organization')}"
        self.management = management
        self.root = Unit(f"r-{_short(self.id, 'root')}", "root", None)
        self.units: list[Unit] = []
        self.delegated: set[str] = set()
        """Ids of member accounts that may ask as the management account may."""
        self.members = [Member(account.domain_id, account.name, self.root) for account in cloud.accounts]
        self.members[0].join_method = "invited"

    def member(self, name: str) -> Member:
        return next(member for member in self.members if member.name == name)

    def add_unit(self, name: str, parent: Unit | None = None) -> Unit:
        unit = Unit(f"ou-{_short(self.id, str(len(self.units)))}", name, parent or self.root)
        self.units.append(unit)
        return unit

    def add_member(self, name: str, **fields: Any) -> Member:
        """An account that the cloud itself does not have."""
        member = Member(id_of(self.id, str(len(self.members))).replace("-", ""), name, fields.pop("unit", self.root), **fields)
        self.members.append(member)
        return member


def _short(*words: str) -> str:
    return id_of(*words).replace("-", "")[:20]


def of(cloud: Cloud) -> Organization:
    """The organization, made when it is first asked for, so that tests can arrange accounts before."""
    if cloud.organization is None:
        cloud.organization = Organization(cloud)
    found = cloud.organization
    assert isinstance(found, Organization)
    return found


def show(cloud: Cloud, caller: User) -> Organization:
    """Any account of an organization may ask which it is."""
    _demand_rights(caller)
    return of(cloud)


def list_units(cloud: Cloud, caller: User, parent_id: str | None) -> list[Unit]:
    organization = _open(cloud, caller)
    if parent_id is not None:
        _place(organization, parent_id)
    return [unit for unit in organization.units if parent_id in (None, unit.parent.id if unit.parent else None)]


def list_roots(cloud: Cloud, caller: User) -> list[Unit]:
    return [_open(cloud, caller).root]


def list_members(cloud: Cloud, caller: User, parent_id: str | None) -> list[Member]:
    """All accounts, or those that are directly in a unit."""
    organization = _open(cloud, caller)
    if parent_id is not None:
        _place(organization, parent_id)
    return [member for member in organization.members if parent_id in (None, member.unit.id)]


def list_tags(cloud: Cloud, caller: User, resource_id: str) -> list[tuple[str, str]]:
    organization = _open(cloud, caller)
    member = next((member for member in organization.members if member.id == resource_id), None)
    if member is None:
        raise Refusal(404, "Organizations.1019", "The resource does not exist.")
    return list(member.tags.items())


def page(cloud: Cloud, found: list[Entry], limit: str | None, marker: str | None) -> tuple[list[Entry], dict[str, Any]]:
    """A page, and what tells of it. A marker has from 4 to 400 characters."""
    size = min(limit_of(limit, PAGE_DEFAULT, PAGE_MAX, "Organizations.1011"), cloud.settings.page_size)
    number = (marker or "at-0").removeprefix("at-")
    if not number.isdecimal():
        raise Refusal(400, "Organizations.1011", "The marker is invalid.")
    start = int(number)
    entries = found[start : start + size]
    following = f"at-{start + size:04d}" if start + size < len(found) else None
    return entries, {"next_marker": following, "current_count": len(entries)}


def _open(cloud: Cloud, caller: User) -> Organization:
    """The organization, for those who may look into it."""
    organization = of(cloud)
    if caller.account is not organization.management and caller.domain_id not in organization.delegated:
        # Documented as a 401, although the caller is known.
        raise Refusal(
            401,
            "Organizations.1002",
            "this operation can be called only from the management account of an organization or by a member account that is a"
            " delegated administrator for an service.",
        )
    _demand_rights(caller)
    return organization


def _demand_rights(caller: User) -> None:
    if not caller.is_admin:
        raise Refusal(403, "Organizations.1007", "Policy doesn't allow 'organizations:organizations:get' to be performed.")


def _place(organization: Organization, parent_id: str) -> None:
    if parent_id not in {organization.root.id, *(unit.id for unit in organization.units)}:
        # [?] What is said of a parent that there is not.
        raise Refusal(404, "Organizations.1013", "The parent does not exist.")
