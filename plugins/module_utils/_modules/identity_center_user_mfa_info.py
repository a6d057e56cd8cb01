# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The users of an identity store and their MFA devices. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.identity_store import IdentityStore, Person, PersonDevice
from ansible_collections.hwc.mfa.plugins.module_utils._modules.directory import unknown_name
from ansible_collections.hwc.mfa.plugins.module_utils._modules.identity_center_people import (
    STORE_SPEC,
    USER,
    devices_of,
    members_of,
    person_named,
    store_of,
)
from ansible_collections.hwc.mfa.plugins.module_utils._runner.context import Context
from ansible_collections.hwc.mfa.plugins.module_utils._runner.definition import Definition


def entry(person: Person, devices: Sequence[PersonDevice], groups: Mapping[str, set[str]] | None) -> dict[str, Any]:
    """What the result says of one user; ``groups`` are the members of each group, or None where nobody asked."""
    shown = {**asdict(person), "devices": [device.shown() for device in devices]}
    if groups is not None:
        shown["groups"] = sorted(name for name, members in groups.items() if person.user_id in members)
    return shown


def summary(users: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Counts of the entries. Disabled users cannot sign in, so they lack nothing."""
    disabled = sum(user["enabled"] is False for user in users)
    protected = sum(user["enabled"] is not False and bool(user["devices"]) for user in users)
    return {
        "users": len(users),
        "disabled": disabled,
        "with_device": protected,
        "without_device": len(users) - disabled - protected,
    }


def _people(store: IdentityStore, names: Sequence[str] | None) -> list[Person]:
    if names is None:
        return store.people()
    if len(names) == 1:
        return [person_named(store, names[0], "user_names")]
    by_name = {person.name: person for person in store.people() if person.name}
    for name in names:
        if name not in by_name:
            raise unknown_name("user_names", name, by_name, USER)
    return [by_name[name] for name in dict.fromkeys(names)]


def work_info(context: Context) -> dict[str, Any]:
    """The work of ``identity_center_user_mfa_info``."""
    store = store_of(context)
    wanted, details = context.params["groups"], context.params["details"]
    people = _people(store, context.params["user_names"])
    groups: dict[str, set[str]] | None = None
    if details or wanted is not None:
        ids = store.groups()
        groups = members_of(store, [*(wanted or []), *(ids if details else [])], ids)
    if wanted is not None and groups is not None:
        chosen = set().union(*(groups[name] for name in wanted))
        people = [person for person in people if person.user_id in chosen]
    devices = devices_of(store, [person.user_id for person in people])
    users = [entry(person, devices[person.user_id], groups if details else None) for person in people]
    return {"changed": False, "identity_store_id": store.identity_store_id, "users": users, "summary": summary(users)}


INFO = Definition(
    argument_spec={
        **STORE_SPEC,
        "user_names": {"type": "list", "elements": "str"},
        "groups": {"type": "list", "elements": "str"},
        "details": {"type": "bool", "default": False},
    },
    work=work_info,
)
