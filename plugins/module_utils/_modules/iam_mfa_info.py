# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The account at a glance, in a constant number of calls: the work of ``iam_mfa_info``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.iam import (
    BOUND,
    NO_PROTECTION,
    UNBOUND,
    UNKNOWN,
    Device,
    Iam,
    Protection,
    User,
)
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.transport import check_id
from ansible_collections.hwc.mfa.plugins.module_utils._modules.device_access import DeviceReader, own_reader
from ansible_collections.hwc.mfa.plugins.module_utils._modules.directory import all_users, ids_of
from ansible_collections.hwc.mfa.plugins.module_utils._modules.protections import ProtectionReader, by_user
from ansible_collections.hwc.mfa.plugins.module_utils._runner.connections import NOT_OFFERED
from ansible_collections.hwc.mfa.plugins.module_utils._runner.context import Context
from ansible_collections.hwc.mfa.plugins.module_utils._runner.definition import Definition
from ansible_collections.hwc.mfa.plugins.module_utils._runner.options import AUTH_SPEC, FLEET_SPEC


def overview(
    users: Iterable[User],
    devices: Mapping[str, Sequence[Device]],
    virtual_of: Callable[[str, Sequence[Device]], Device | None],
    protections: Mapping[str, Protection],
) -> list[dict[str, Any]]:
    """One entry a user, in the cloud's order."""
    entries = []
    for user in users:
        listed = devices.get(user.user_id, ())
        entries.append(_entry(user, virtual_of(user.user_id, listed), listed, protections.get(user.user_id)))
    return entries


def _entry(user: User, device: Device | None, devices: Sequence[Device], protection: Protection | None) -> dict[str, Any]:
    return {
        "user_id": user.user_id,
        "name": user.name,
        "enabled": user.enabled,
        "device": _device(device) if device else None,
        "devices": [_device(each) for each in devices],
        "login_protection": (protection or Protection(user.user_id, False, NO_PROTECTION)).as_dict(),
    }


def _device(device: Device) -> dict[str, str]:
    return {"serial_number": device.serial_number, "binding": device.binding, "kind": device.kind}


def summary(users: list[dict[str, Any]]) -> dict[str, int]:
    """Counts over an overview. ``protected`` counts who is certain to be asked for a code: a bound device and ``vmfa`` protection."""

    def count(fits: Any) -> int:
        return sum(1 for user in users if fits(user))

    def binding(user: Mapping[str, Any]) -> str | None:
        return user["device"]["binding"] if user["device"] else None

    def vmfa(user: Mapping[str, Any]) -> bool:
        return user["login_protection"]["enabled"] and user["login_protection"]["verification_method"] == "vmfa"

    return {
        "users": len(users),
        "enabled": count(lambda user: user["enabled"]),
        "without_device": count(lambda user: user["device"] is None),
        BOUND: count(lambda user: binding(user) == BOUND),
        UNBOUND: count(lambda user: binding(user) == UNBOUND),
        UNKNOWN: count(lambda user: binding(user) == UNKNOWN),
        "login_protection": count(lambda user: user["login_protection"]["enabled"]),
        "vmfa": count(vmfa),
        "protected": count(lambda user: binding(user) == BOUND and vmfa(user)),
    }


_ADMIN_GROUP = "admin"
"""The group that every account has and that may do everything. The root user always belongs to it (the vendor's user guide)."""


def _administrators(iam: Iam) -> list[str] | None:
    """The ids of the administrators; None where the cloud, or what these credentials may see, does not tell."""
    try:
        groups = iam.groups(_ADMIN_GROUP)
        members = [user_id for group_id in groups for user_id in iam.group_users(group_id)]
    except CloudError as error:
        if error.status in NOT_OFFERED:
            return None
        raise
    return members if groups else None


def _account(context: Context, reader: DeviceReader) -> dict[str, Any]:
    """The whole account: which it is, who is there, with what, who administers it, and who asks; all asked for at once."""
    iam, connections = context.iam, context.connections
    with ThreadPoolExecutor(max_workers=6) as pool:  # equivalent: one thread for each question; with fewer a question waits
        users, devices = pool.submit(all_users, iam), pool.submit(reader.all)
        protections, caller = pool.submit(iam.protections), pool.submit(connections.caller)
        administrators, account = pool.submit(_administrators, iam), pool.submit(connections.account)
        entries = overview(users.result(), devices.result(), reader.virtual_of, by_user(protections.result()))
        return {
            "account": _identified(account.result(), users.result()),
            "users": entries,
            "summary": summary(entries),
            "caller": caller.result(),
            "administrators": administrators.result(),
        }


def _identified(account: Mapping[str, str | None], users: Iterable[User]) -> dict[str, str | None]:
    """The account, by its users where the cloud does not tell it outright: each of them names it."""
    ids = {user.domain_id for user in users}
    return {"id": account["id"] or (ids.pop() if len(ids) == 1 else None), "name": account["name"]}


def _some(context: Context, reader: DeviceReader, user_ids: list[str], names: Mapping[str, str]) -> dict[str, Any]:
    """Some users only, and the ``names`` of those who were named so. Others' are not asked for: that would take the listing of the account."""
    concurrency = context.params["concurrency"]
    for user_id in user_ids:
        check_id(user_id, "user_ids")
    reader.prefetch(user_ids, concurrency)
    protections = ProtectionReader(context.iam)
    protections.prefetch(user_ids)

    def look(user_id: str) -> dict[str, Any]:
        device, devices = reader.known_all(user_id)
        return _entry(User(user_id, names.get(user_id), None), device, devices, protections.known(user_id))

    # equivalent: a pool must have a thread, even if there are no users
    with ThreadPoolExecutor(max_workers=min(concurrency, len(user_ids) or 1)) as pool:
        return {"users": list(pool.map(look, user_ids))}


def work_info(context: Context) -> dict[str, Any]:
    """The work of ``iam_mfa_info``."""
    user_ids, user_names = context.params["user_ids"], context.params["user_names"]
    reader = own_reader(context)
    if user_ids is None and user_names is None:
        found = _account(context, reader)
    else:
        ids, unresolved = ids_of(context, user_names or [])
        for error in unresolved.values():
            raise error
        names = {user_id: name for name, user_id in ids.items()}
        found = _some(context, reader, list(dict.fromkeys([*(user_ids or []), *names])), names)
    return {"changed": False, **found, "api": "v5" if reader.v5 else "v3", "check_mode": context.check_mode}


MFA_INFO = Definition(
    argument_spec={
        **AUTH_SPEC,
        **FLEET_SPEC,
        "api": {"type": "str", "choices": ["auto", "v3", "v5"], "default": "auto"},
        "user_ids": {"type": "list", "elements": "str"},
        "user_names": {"type": "list", "elements": "str"},
    },
    work=work_info,
    many="users",
)
