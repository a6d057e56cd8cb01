# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The account at a glance, in a constant number of calls: the work of ``iam_mfa_info``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._device_api import DeviceReader
from ansible_collections.hwc.mfa.plugins.module_utils._errors import CloudError
from ansible_collections.hwc.mfa.plugins.module_utils._iam import BOUND, NO_PROTECTION, UNBOUND, UNKNOWN, Device, Protection, User
from ansible_collections.hwc.mfa.plugins.module_utils._run import AUTH_SPEC, Context, Definition


def overview(users: Iterable[User], devices: Mapping[str, Device], protections: Mapping[str, Protection]) -> list[dict[str, Any]]:
    """One entry a user, in the cloud's order."""
    entries = []
    for user in users:
        device = devices.get(user.user_id)
        protection = protections.get(user.user_id) or Protection(user.user_id, False, NO_PROTECTION)
        entries.append(
            {
                "user_id": user.user_id,
                "name": user.name,
                "enabled": user.enabled,
                "device": {"serial_number": device.serial_number, "binding": device.binding} if device else None,
                "login_protection": protection.as_dict(),
            }
        )
    return entries


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


def work_info(context: Context) -> dict[str, Any]:
    """The work of ``iam_mfa_info``. Three listings, and who asks for them."""
    iam = context.iam
    try:
        users = iam.users()
    except CloudError as error:
        if error.status not in (404, 405):
            raise
        users = iam.users_v5()
    reader = DeviceReader(iam, context.params["api"])
    devices = reader.all()
    protections = {protection.user_id: protection for protection in iam.protections()}
    entries = overview(users, devices, protections)
    return {
        "changed": False,
        "users": entries,
        "summary": summary(entries),
        "caller": context.caller(),
        "api": "v5" if reader.v5 else "v3",
        "check_mode": context.check_mode,
    }


MFA_INFO = Definition(
    argument_spec={**AUTH_SPEC, "api": {"type": "str", "choices": ["auto", "v3", "v5"], "default": "auto"}},
    work=work_info,
)
