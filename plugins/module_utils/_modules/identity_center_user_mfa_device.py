# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One MFA device of a user of IAM Identity Center: renamed, removed, or the address where the user registers one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError, OptionError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.identity_store import IdentityStore, Person, PersonDevice
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import legible
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.transport import check_id
from ansible_collections.hwc.mfa.plugins.module_utils._modules.convergence import converge
from ansible_collections.hwc.mfa.plugins.module_utils._modules.identity_center_people import STORE_SPEC, person_named, store_of
from ansible_collections.hwc.mfa.plugins.module_utils._runner.context import Context
from ansible_collections.hwc.mfa.plugins.module_utils._runner.definition import Definition
from ansible_collections.hwc.mfa.plugins.module_utils._runner.options import ONE_USER, USER_SPEC

PRESENT, ABSENT, REGISTER = "present", "absent", "register"

MOST_DEVICES = 2
"""MFA devices that a user can have (docs/dev/cloud_api.md, section 8)."""


def choose(devices: Sequence[PersonDevice], device_id: str | None) -> PersonDevice | None:
    """The device that is meant: the one of that id, or the only one; None where there is none. Raises OptionError where several fit."""
    if device_id is not None:
        return next((device for device in devices if device.device_id == device_id), None)
    if len(devices) > 1:
        raise OptionError(f"device_id is needed: the user has {_listed(devices)}.")
    return devices[0] if devices else None


def _listed(devices: Sequence[PersonDevice]) -> str:
    return ", ".join(f"{device.device_id} ({legible(device.display_name or device.name)}, {device.type})" for device in devices)


@dataclass
class _Work:
    """What one run knows of its user."""

    context: Context
    store: IdentityStore
    person: Person
    devices: list[PersonDevice]

    def read(self) -> list[PersonDevice]:
        return self.store.devices([self.person.user_id])[self.person.user_id]

    def result(self, devices: Sequence[PersonDevice], changed: bool, sessions: tuple[int, int] | None = None) -> dict[str, Any]:
        """The result; ``sessions`` are how many were open and how many still are, where somebody looked."""
        result: dict[str, Any] = {
            "changed": changed,
            "identity_store_id": self.store.identity_store_id,
            "user_id": self.person.user_id,
            "user_name": self.person.name,
            "devices": [device.shown() for device in devices],
        }
        if sessions is not None:
            result["sessions_ended"] = sessions[0] - sessions[1]
        if self.context.diff:
            before: dict[str, Any] = {"devices": [device.shown() for device in self.devices]}
            after: dict[str, Any] = {"devices": [device.shown() for device in devices]}
            if sessions is not None:
                before["sessions"], after["sessions"] = sessions
            result["diff"] = {"before": before, "after": after}
        return result


def _rename(work: _Work) -> dict[str, Any]:
    name, device_id = work.context.params["display_name"], work.context.params["device_id"]
    if not name or legible(name) != name:
        raise OptionError("display_name must not be empty, and hold no line break and nothing else that cannot be seen.")
    device = choose(work.devices, device_id)
    if device is None:
        has = f"has {_listed(work.devices)}" if work.devices else "has no MFA device: state=register returns the address where they get one"
        raise OptionError(f"There is nothing to rename: user {legible(work.person.name)} {has}.")
    if device.display_name == name:
        return work.result(work.devices, False)
    found = device.device_id
    after = [replace(other, display_name=name) if other is device else other for other in work.devices]
    if not work.context.check_mode:
        after = converge(
            work.context,
            work.devices,
            read=work.read,
            write=lambda _seen: work.store.rename_device(work.person.user_id, found, name),
            lacking=lambda seen: [] if any((one.device_id, one.display_name) == (found, name) for one in seen) else ["display_name"],
        )
    return work.result(after, True)


def _remove(work: _Work) -> dict[str, Any]:
    device = choose(work.devices, work.context.params["device_id"])
    after = [other for other in work.devices if other is not device]
    if device is not None and not work.context.check_mode:
        found = device.device_id

        def delete(_seen: list[PersonDevice]) -> None:
            try:
                work.store.delete_device(work.person.user_id, found)
            except CloudError as error:
                if error.status != 404:
                    raise  # a device that is gone already is what is wanted

        after = converge(
            work.context,
            work.devices,
            read=work.read,
            write=delete,
            lacking=lambda seen: ["device"] if any(one.device_id == found for one in seen) else [],
        )
    try:
        sessions = _end_sessions(work) if work.context.params["end_sessions"] else None
    except CloudError as error:
        if device is not None and not work.context.check_mode:
            error.note_change("Before that, the device was removed.")
        raise
    return work.result(after, device is not None or bool(sessions and sessions[0]), sessions)


def _end_sessions(work: _Work) -> tuple[int, int]:
    """End the user's sessions; returns how many were open, and how many of them still are.

    After the device is gone, since whoever holds it could sign in again; and also where it was gone before, since a run may have broken off
    in between.
    """
    user_id = work.person.user_id
    before = work.store.sessions(user_id)
    if before and not work.context.check_mode:
        # Only those that were seen: the user may sign in again at once.
        converge(
            work.context,
            before,
            read=lambda: [session for session in work.store.sessions(user_id) if session in before],
            write=lambda seen: work.store.end_sessions(user_id, seen),
            lacking=lambda seen: ["sessions"] if seen else [],
        )
    return len(before), 0


def _register(work: _Work) -> dict[str, Any]:
    if work.devices and not work.context.params["additional"]:
        return work.result(work.devices, False)
    if len(work.devices) >= MOST_DEVICES:
        raise OptionError(
            f"User {legible(work.person.name)} has {MOST_DEVICES} MFA devices already, and can have no more: remove one of"
            f" {_listed(work.devices)} first (state=absent)."
        )
    result = work.result(work.devices, True)
    if not work.context.check_mode:
        try:
            result["registration_url"] = work.store.registration(work.person.user_id)
        except CloudError as error:
            if error.uncertain:
                error.hint = "Run again: an address that nobody got harms nobody."
            raise
    return result


_STATES = {PRESENT: _rename, ABSENT: _remove, REGISTER: _register}

_OF_ONE_STATE = {"display_name": PRESENT, "end_sessions": ABSENT, "additional": REGISTER}


def work_device(context: Context) -> dict[str, Any]:
    """The work of ``identity_center_user_mfa_device``."""
    params = context.params
    for option, state in _OF_ONE_STATE.items():
        if params[option] and params["state"] != state:
            raise OptionError(f"{option} has a meaning with state={state} only.")
    for option in ("user_id", "device_id"):
        if params[option] is not None:
            check_id(params[option], option)
    if params["device_id"] is not None and params["state"] == REGISTER:
        raise OptionError("device_id has no meaning with state=register: the cloud chooses the id.")
    store = store_of(context)
    person = person_named(store, params["user_name"]) if params["user_id"] is None else store.person(params["user_id"])
    work = _Work(context, store, person, [])
    work.devices = work.read()
    return _STATES[params["state"]](work)


DEVICE = Definition(
    argument_spec={
        **STORE_SPEC,
        **USER_SPEC,
        "state": {"type": "str", "choices": [PRESENT, ABSENT, REGISTER], "default": PRESENT},
        "device_id": {"type": "str"},
        "display_name": {"type": "str"},
        "end_sessions": {"type": "bool", "default": False},
        "additional": {"type": "bool", "default": False},
    },
    work=work_device,
    secret_field="registration_url",
    relations={**ONE_USER, "required_if": [["state", PRESENT, ["display_name"]]]},
)
