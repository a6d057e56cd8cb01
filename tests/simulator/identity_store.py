# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of an Identity Center's store: who may ask, and what may be changed. No HTTP."""

from __future__ import annotations

from typing import Any

from .cloud import Cloud, Refusal, User
from .people import GROUPS, Person, PersonalDevice, id_of

REGION = "ap-southeast-1"

MOST_DEVICES = 2
LONGEST_NAME = 64


def _people(cloud: Cloud, caller: User, store: str) -> list[Person]:
    return cloud.identity_store(caller, store).people


def show_person(cloud: Cloud, caller: User, store: str, user_id: str) -> Person:
    person = next((person for person in _people(cloud, caller, store) if person.user_id == user_id), None)
    if person is None:
        raise Refusal(404, "IIC.1004", "The user does not exist.")
    return person


def _device(person: Person, device_id: str) -> PersonalDevice:
    device = next((device for device in person.devices if device.device_id == device_id), None)
    if device is None:
        raise Refusal(404, "IIC.1004", "The MFA device does not exist.")
    return device


def list_people(cloud: Cloud, caller: User, store: str, user_name: str | None) -> list[Person]:
    return [person for person in _people(cloud, caller, store) if user_name in (None, person.user_name)]


def list_groups(cloud: Cloud, caller: User, store: str) -> list[tuple[str, str]]:
    """The ids and names of the store's groups."""
    _people(cloud, caller, store)
    return [(id_of(store, "group", name), name) for name in GROUPS]


def list_members(cloud: Cloud, caller: User, store: str, group_id: str | None) -> list[Person]:
    people = _people(cloud, caller, store)
    name = next((name for known, name in list_groups(cloud, caller, store) if known == group_id), None)
    if name is None:
        raise Refusal(404, "IIC.1004", "The group does not exist.")
    return [person for person in people if name in person.groups]


def devices_of(cloud: Cloud, caller: User, store: str, users: Any) -> list[tuple[str, list[PersonalDevice]]]:
    """The devices of each user of a list; [?] whom the store does not know has none."""
    people = {person.user_id: person for person in _people(cloud, caller, store)}
    if not isinstance(users, list) or not users or not all(isinstance(user, dict) and "user_id" in user for user in users):
        raise Refusal(400, "IIC.1002", "user_list must be a list of users.")
    if len(users) > cloud.settings.center_batch:
        raise Refusal(400, "IIC.1002", f"user_list must hold {cloud.settings.center_batch} users at most.")
    return [(user["user_id"], people[user["user_id"]].devices if user["user_id"] in people else []) for user in users]


def delete_device(cloud: Cloud, caller: User, store: str, user_id: str, device_id: str) -> None:
    person = show_person(cloud, caller, store, user_id)
    device = _device(person, device_id)
    if not cloud.discard_writes:
        person.devices.remove(device)
        cloud.count_center_write(caller)


def rename_device(cloud: Cloud, caller: User, store: str, user_id: str, device_id: str, name: Any) -> None:
    device = _device(show_person(cloud, caller, store, user_id), device_id)
    if not isinstance(name, str) or not 1 <= len(name) <= LONGEST_NAME:
        raise Refusal(400, "IIC.1002", f"display_name must have 1 to {LONGEST_NAME} characters.")
    if not cloud.discard_writes:
        device.display_name = name
        cloud.count_center_write(caller)


def register_device(cloud: Cloud, caller: User, store: str, user_id: str) -> str:
    """A word that works once, with which the person registers a device in a browser."""
    person = show_person(cloud, caller, store, user_id)
    if len(person.devices) >= MOST_DEVICES:
        raise Refusal(400, "IIC.1002", f"The user has {MOST_DEVICES} MFA devices already.")
    if not cloud.discard_writes:
        person.registrations += 1
        cloud.count_center_write(caller)
    word = id_of(store, person.user_id, "registration", str(person.registrations))
    cloud.registration_words.add(word)
    return word


def sessions_of(cloud: Cloud, caller: User, store: str, user_id: str) -> list[str]:
    return show_person(cloud, caller, store, user_id).sessions


def end_sessions(cloud: Cloud, caller: User, store: str, user_id: str, session_ids: Any) -> None:
    person = show_person(cloud, caller, store, user_id)
    if not isinstance(session_ids, list) or not session_ids:
        raise Refusal(400, "IIC.1002", "session_ids must be a list of sessions.")
    if not cloud.discard_writes:
        person.sessions = [session for session in person.sessions if session not in session_ids]
        cloud.count_center_write(caller)
