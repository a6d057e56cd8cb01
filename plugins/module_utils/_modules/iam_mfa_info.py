# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The account at a glance, in a constant number of calls: the work of ``iam_mfa_info``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError, OptionError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.iam import NO_PROTECTION, UNKNOWN, Device, Iam, Protection
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import quoted
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.transport import check_id
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.users import NO, YES, User, instant, joined
from ansible_collections.hwc.mfa.plugins.module_utils._modules.device_access import DeviceReader, own_reader
from ansible_collections.hwc.mfa.plugins.module_utils._modules.directory import all_users, ids_of
from ansible_collections.hwc.mfa.plugins.module_utils._modules.posture import posture, summary
from ansible_collections.hwc.mfa.plugins.module_utils._modules.protections import ProtectionReader, by_user
from ansible_collections.hwc.mfa.plugins.module_utils._modules.selection import SELECT_SPEC, selection_of
from ansible_collections.hwc.mfa.plugins.module_utils._runner.connections import NOT_OFFERED
from ansible_collections.hwc.mfa.plugins.module_utils._runner.context import Context
from ansible_collections.hwc.mfa.plugins.module_utils._runner.definition import Definition
from ansible_collections.hwc.mfa.plugins.module_utils._runner.options import AUTH_SPEC, FLEET_SPEC

Answer = TypeVar("Answer")

_SHOWN = 80
"""Characters of a name that an error repeats."""


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
    entry = {
        "user_id": user.user_id,
        "name": user.name,
        "enabled": user.enabled,
        "console_access": user.console_access or UNKNOWN,
        "created_at": user.created_at,
        "last_login_at": user.last_login_at,
        "email": user.email,
        "tags": None if user.tags is None else dict(user.tags),
        "device": _device(device) if device else None,
        "devices": [_device(each) for each in devices],
        "login_protection": (protection or Protection(user.user_id, False, NO_PROTECTION)).as_dict(),
    }
    return {**entry, "posture": posture(entry)}


def _device(device: Device) -> dict[str, str]:
    return {"serial_number": device.serial_number, "binding": device.binding, "kind": device.kind}


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
    selection = selection_of(context.params["select"], "select")
    wanted = sorted({*(selection.groups or () if selection else ()), *(context.params["groups"] or ())})
    # Asked once, since the answer changes while the threads find out.
    asks_v5 = not reader.rules_v5_out
    with ThreadPoolExecutor(max_workers=9) as pool:  # equivalent: one thread for each question; with fewer a question waits
        users, devices = pool.submit(all_users, iam), pool.submit(reader.all)
        more, root_devices = pool.submit(_v5_users, iam, asks_v5), pool.submit(_root_devices, iam, asks_v5)
        protections, caller = pool.submit(iam.protections), pool.submit(connections.caller)
        administrators, account = pool.submit(_administrators, iam), pool.submit(connections.account)
        members = pool.submit(_members, iam, wanted)
    found = [joined(user, more.result().get(user.user_id)) for user in users.result()]
    groups = members.result()
    if context.params["details"]:
        found = _detailed(context, reader, found)
    entries = overview(found, devices.result(), reader.virtual_of, by_user(protections.result()))
    meant = [entry for entry in entries if selection is None or selection.missed(entry, groups) is None]
    return {
        "account": _identified(account.result(), found),
        "users": meant,
        "summary": summary(meant),
        "root": _root(found, root_devices.result()),
        "caller": caller.result(),
        "administrators": administrators.result(),
        **({"groups": {name: sorted(ids) for name, ids in groups.items()}} if wanted else {}),
    }


def _v5_users(iam: Iam, asks_v5: bool) -> dict[str, User]:
    """What v5's listing tells beside v3's, by user id; nothing where v5 does not answer these credentials."""
    if not asks_v5:
        return {}
    try:
        return {user.user_id: user for user in iam.users_v5()}
    except CloudError as error:
        if error.status in NOT_OFFERED:
            return {}
        raise


def _root_devices(iam: Iam, asks_v5: bool) -> int | None:
    """How many enabled MFA devices the root user has; None where the cloud does not tell."""
    try:
        return iam.root_device_count() if asks_v5 else None
    except CloudError as error:
        # What a summary holds is not documented of every cloud.
        if error.status in (*NOT_OFFERED, 200):
            return None
        raise


def _root(users: Iterable[User], devices: int | None) -> dict[str, str | None]:
    """The account's owner, as far as the cloud tells."""
    owner = next((user for user in users if user.is_root), None)
    return {
        "user_id": owner.user_id if owner else None,
        "name": owner.name if owner else None,
        "mfa": UNKNOWN if devices is None else YES if devices else NO,
    }


def _members(iam: Iam, names: Iterable[str]) -> dict[str, list[str]]:
    """The ids of the members of groups, by the groups' names. Raises OptionError where there is no such group."""
    found = {}
    for name in names:
        groups = iam.groups(name)
        if not groups:
            raise OptionError(f"there is no group {quoted(name, _SHOWN)} in this account.")
        found[name] = [user_id for group_id in groups for user_id in iam.group_users(group_id)]
    return found


def _detailed(context: Context, reader: DeviceReader, users: Sequence[User]) -> list[User]:
    """Users with what only a call a user tells: up to three of them."""
    iam = context.iam

    def look(user: User) -> User:
        seen = joined(user, _unless_refused(lambda: iam.user(user.user_id)))
        if reader.v5:
            has_password = _unless_refused(lambda: iam.has_login_profile(user.user_id))
            if has_password is not None:
                # Who may use the console by their access mode, and has no password for it, cannot.
                seen = replace(seen, console_access=YES if has_password and seen.console_access != NO else NO)
            if seen.last_login_at is None:
                seen = replace(seen, last_login_at=_unless_refused(lambda: iam.last_login(user.user_id)))
        return seen

    return _at_once([partial(look, user) for user in users], context.params["concurrency"])


def _unless_refused(ask: Callable[[], Answer]) -> Answer | None:
    """An answer, or None where the cloud has no such call, does not know the user, or refuses these credentials."""
    try:
        return ask()
    except CloudError as error:
        if error.status in NOT_OFFERED:
            return None
        raise


def _identified(account: Mapping[str, str | None], users: Iterable[User]) -> dict[str, str | None]:
    """The account, by its users where the cloud does not tell it outright: each of them names it."""
    ids = {user.domain_id for user in users}
    return {"id": account["id"] or (ids.pop() if len(ids) == 1 else None), "name": account["name"]}


def _some(context: Context, reader: DeviceReader, user_ids: list[str], names: Mapping[str, str]) -> dict[str, Any]:
    """Some users only, and the ``names`` of those who were named so. Others' are not asked for: that would take the listing of the account."""
    concurrency = context.params["concurrency"]
    for user_id in user_ids:
        check_id(user_id, "user_ids")
    protections = ProtectionReader(context.iam)
    # Devices and protection do not wait for each other: a wave is looked at twice.
    _at_once([lambda: reader.prefetch(user_ids, concurrency), lambda: protections.prefetch(user_ids)], concurrency)
    found = _at_once([partial(ask, user_id) for ask in (reader.known_all, protections.known) for user_id in user_ids], concurrency)
    users = {user_id: User(user_id, names.get(user_id), None) for user_id in user_ids}
    if context.params["details"]:
        reader.settle()
        users = {user.user_id: user for user in _detailed(context, reader, list(users.values()))}
    shown = zip(user_ids, found, found[len(user_ids) :])
    return {"users": [_entry(users[user_id], device, every, protection) for user_id, (device, every), protection in shown]}


def _at_once(asks: Sequence[Callable[[], Any]], concurrency: int) -> list[Any]:
    """The answers to questions, so many at once."""
    # equivalent: a pool must have a thread, even if there is nothing to ask
    with ThreadPoolExecutor(max_workers=min(concurrency, len(asks) or 1)) as pool:
        return list(pool.map(lambda ask: ask(), asks))


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
    # The cloud's own time, which dates are compared with.
    now = instant(int(1000 * context.connections.iam_session().clock.now()))
    return {"changed": False, **found, "now": now, "api": "v5" if reader.v5 else "v3", "check_mode": context.check_mode}


MFA_INFO = Definition(
    argument_spec={
        **AUTH_SPEC,
        **FLEET_SPEC,
        "api": {"type": "str", "choices": ["auto", "v3", "v5"], "default": "auto"},
        "user_ids": {"type": "list", "elements": "str"},
        "user_names": {"type": "list", "elements": "str"},
        "details": {"type": "bool", "default": False},
        "groups": {"type": "list", "elements": "str"},
        "select": {"type": "dict", "options": SELECT_SPEC},
    },
    work=work_info,
    many="users",
    relations={"mutually_exclusive": [["select", "user_ids"], ["select", "user_names"], ["groups", "user_ids"], ["groups", "user_names"]]},
)
