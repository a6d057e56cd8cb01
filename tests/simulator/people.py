# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is in an Identity Center's store: people, their groups, MFA devices and sessions. State only."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

REGISTERED_AT = 1_767_225_600_000
"""When devices that were there from the start were registered: milliseconds since 1970."""

NAMES = ("ada.lovelace", "alan.turing", "grace.hopper", "radia.perlman")
GROUPS = {"operators": ("ada.lovelace", "grace.hopper"), "auditors": ("alan.turing",)}


@dataclass(eq=False)
class PersonalDevice:
    """An MFA device of a person: an app (TOTP) or a security key."""

    device_id: str
    device_name: str
    display_name: str
    mfa_type: str = "TOTP"
    registered_date: int = REGISTERED_AT


@dataclass(eq=False)
class Person:
    """A user of an identity store, who is no user of IAM."""

    user_id: str
    user_name: str
    display_name: str
    enabled: bool = True
    groups: list[str] = field(default_factory=list)
    devices: list[PersonalDevice] = field(default_factory=list)
    sessions: list[str] = field(default_factory=list)
    registrations: int = 0
    """How many addresses for the registration of a device were made."""


def id_of(*words: str) -> str:
    """An id that follows from words alone, so that it is the same every time and takes nothing from the cloud's random numbers."""
    digits = hashlib.sha256("/".join(words).encode()).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:32]}"


def new_people(store: str) -> list[Person]:
    """The people of a new store. The first one has a device and a session already."""
    people = [
        Person(
            id_of(store, name),
            name,
            name.replace(".", " ").title(),
            groups=[group for group, members in GROUPS.items() if name in members],
        )
        for name in NAMES
    ]
    people[0].devices.append(PersonalDevice(id_of(store, "device"), "MFA-1", "Phone"))
    people[0].sessions.append(id_of(store, "session"))
    return people


def give_device(person: Person, display_name: str = "Phone", mfa_type: str = "TOTP") -> PersonalDevice:
    """A device, as the person would register it in a browser."""
    number = len(person.devices) + 1
    device = PersonalDevice(id_of(person.user_id, display_name, str(number)), f"MFA-{number}", display_name, mfa_type)
    person.devices.append(device)
    return device
