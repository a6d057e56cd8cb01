# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The users of an identity store: who is meant, and which MFA devices they have."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError, OptionError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.identity_store import IdentityStore, Person, PersonDevice
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.transport import check_id
from ansible_collections.hwc.mfa.plugins.module_utils._modules.directory import unknown_name
from ansible_collections.hwc.mfa.plugins.module_utils._modules.identity_center_mfa_settings import find_instance
from ansible_collections.hwc.mfa.plugins.module_utils._runner.context import Context
from ansible_collections.hwc.mfa.plugins.module_utils._runner.options import AUTH_SPEC

_BATCH = 100
"""Users in one question for devices. No source tells how many the cloud takes; smaller batches follow where it refuses."""

USER = "user of this identity store"

STORE_SPEC: dict[str, dict[str, Any]] = {
    **AUTH_SPEC,
    "identity_store_endpoint": {"type": "str"},
    "instance_id": {"type": "str"},
    "identity_store_id": {"type": "str"},
}
"""How a module reaches an identity store."""


def store_of(context: Context) -> IdentityStore:
    """The identity store that the options name, or that of the account's only instance. Raises OptionError."""
    store_id = context.params["identity_store_id"]
    if store_id:
        check_id(store_id, "identity_store_id")
    else:
        store_id = find_instance(context.connections.identity_center, context.params["instance_id"], None).identity_store_id
    return context.connections.identity_store(store_id)


def devices_of(store: IdentityStore, user_ids: Sequence[str], batch: int = _BATCH) -> dict[str, list[PersonDevice]]:
    """The devices of users by their ids, in batches. Raises CloudError."""
    found: dict[str, list[PersonDevice]] = {}
    start = 0
    while start < len(user_ids):
        try:
            found.update(store.devices(user_ids[start : start + batch]))
        except CloudError as error:
            if error.status != 400 or batch == 1:
                raise
            batch = (batch + 1) // 2  # a 400 does not say whether the batch is too large
            continue
        start += batch
    return found


def person_named(store: IdentityStore, user_name: str, option: str = "user_name") -> Person:
    """The user of a name, which ``option`` gives. Raises OptionError where there is none."""
    if not user_name:
        raise OptionError(f"{option} must not be empty.")
    person = next((person for person in store.people(user_name) if person.name and person.name == user_name), None)
    if person is None:
        raise unknown_name(option, user_name, [other.name for other in store.people()], USER)
    return person


def members_of(store: IdentityStore, names: Collection[str], groups: Mapping[str, str]) -> dict[str, set[str]]:
    """The ids of the members of groups by the groups' names; ``groups`` are the ids of all. Raises OptionError for a name of none."""
    for name in names:
        if name not in groups:
            raise unknown_name("groups", name, groups, "group of this identity store")
    return {name: set(store.members(groups[name])) for name in dict.fromkeys(names)}
