# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An account's policies: what they are at first, what the cloud takes for one, and who may ask. No HTTP."""

from __future__ import annotations

import re
from typing import Any

from .cloud import Account, Cloud, Refusal, User

RANGES = {
    "user_validity_period": (0, 240),
    "lockout_duration": (15, 1440),
    "login_failed_times": (3, 10),
    "period_with_login_failures": (15, 60),
    "session_timeout": (15, 1440),
}
LOGIN_DEFAULTS: dict[str, Any] = {
    "user_validity_period": 0,
    "custom_info_for_login": "",
    "lockout_duration": 15,
    "login_failed_times": 5,
    "period_with_login_failures": 15,
    "session_timeout": 60,
    "show_recent_login_info": False,
    "allow_address_netmasks": [],
    "allow_ip_ranges": [{"ip_range": "0.0.0.0-255.255.255.255", "description": ""}],
    "allow_ip_ranges_ipv6": [
        {"ip_range": "0000:0000:0000:0000:0000:0000:0000:0000-FFFF:FFFF:FFFF:FFFF:FFFF:FFFF:FFFF:FFFF", "description": ""}
    ],
    # A field that today's SDK does not know: a client that writes back only the fields it knows may lose it.
    "x_future": {"kept": True},
}
ADDRESSES = {"allow_address_netmasks": "address_netmask", "allow_ip_ranges": "ip_range", "allow_ip_ranges_ipv6": "ip_range"}
FORBIDDEN_TEXT = re.compile(r"[@#%&<>\\$^*]")

V3_VALIDITY = "account_validity_period"
V3_LOGIN = ("user_validity_period", "custom_info_for_login", *list(RANGES)[1:], "show_recent_login_info")
V3_LOCKOUT = (15, 30)

ALLOWED = ("manage_accesskey", "manage_email", "manage_mobile", "manage_password")
PROTECT_DEFAULTS: dict[str, Any] = {
    "operation_protection": False,
    "admin_check": "off",
    "scene": "",
    "mobile": "",
    "email": "",
    "allow_user": dict.fromkeys(ALLOWED, True),
}
SCENES = ("mobile", "email")
MOBILE = re.compile(r"[0-9]+-[0-9]+")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


def show_login_policy(cloud: Cloud, caller: User, domain_id: str) -> dict[str, Any]:
    return _by_v3(_login(_account(cloud, caller, domain_id)))


def show_login_policy_v5(cloud: Cloud, caller: User) -> dict[str, Any]:
    return _login(_account(cloud, caller))


def set_login_policy(cloud: Cloud, caller: User, domain_id: str, given: dict[str, Any]) -> dict[str, Any]:
    account = _account(cloud, caller, domain_id)
    by_v5 = {("user_validity_period" if name == V3_VALIDITY else name): value for name, value in given.items()}
    # [?] Names that v3.0 does not have are ignored.
    wanted = {name: value for name, value in by_v5.items() if name in V3_LOGIN}
    _check_login(wanted, {**RANGES, "lockout_duration": V3_LOCKOUT}, {"user_validity_period": V3_VALIDITY})
    beyond = {name: value for name, value in _login(account).items() if name not in V3_LOGIN}
    return _by_v3(_store(cloud, caller, "login", {**_base(cloud, _login(account), LOGIN_DEFAULTS), **beyond, **wanted}))


def set_login_policy_v5(cloud: Cloud, caller: User, given: dict[str, Any]) -> dict[str, Any]:
    account = _account(cloud, caller)
    wanted = {name: value for name, value in given.items() if name in LOGIN_DEFAULTS}
    _check_login(wanted, RANGES, {})
    if FORBIDDEN_TEXT.search(wanted.get("custom_info_for_login", "")):
        raise _invalid("custom_info_for_login", wanted["custom_info_for_login"])
    for name, part in ADDRESSES.items():
        entries = wanted.get(name, [])
        if not isinstance(entries, list) or not all(isinstance(entry, dict) and isinstance(entry.get(part), str) for entry in entries):
            raise _invalid(name, entries)
    return _store(cloud, caller, "login", {**_base(cloud, _login(account), LOGIN_DEFAULTS), **wanted})


def show_protect_policy(cloud: Cloud, caller: User, domain_id: str) -> dict[str, Any]:
    return _as_shown(cloud, _protect(_account(cloud, caller, domain_id)))


def set_protect_policy(cloud: Cloud, caller: User, domain_id: str, given: dict[str, Any]) -> dict[str, Any]:
    account = _account(cloud, caller, domain_id)
    wanted = {name: value for name, value in given.items() if name in PROTECT_DEFAULTS}
    _check_protect(wanted)
    base = _base(cloud, _protect(account), PROTECT_DEFAULTS)
    allowed = {**base["allow_user"], **wanted.get("allow_user", {})}
    stored = _store(cloud, caller, "protect", {**base, **wanted, "allow_user": allowed})
    # The answer has neither the number nor the address.
    return _as_shown(cloud, {name: stored[name] for name in ("operation_protection", "admin_check", "scene", "allow_user")})


def _account(cloud: Cloud, caller: User, domain_id: str | None = None) -> Account:
    cloud.require_admin(caller)
    if domain_id not in (None, caller.domain_id):
        raise Refusal(403, "IAM.0003", "You are not authorized to perform the requested action.")
    return caller.account


def _login(account: Account) -> dict[str, Any]:
    return account.policies.get("login", LOGIN_DEFAULTS)


def _protect(account: Account) -> dict[str, Any]:
    return account.policies.get("protect", PROTECT_DEFAULTS)


def _by_v3(policy: dict[str, Any]) -> dict[str, Any]:
    return {(V3_VALIDITY if name == "user_validity_period" else name): policy[name] for name in V3_LOGIN}


def _as_shown(cloud: Cloud, policy: dict[str, Any]) -> dict[str, Any]:
    return {"operation_protection": policy["operation_protection"]} if cloud.settings.protect_policy_short else policy


def _base(cloud: Cloud, now: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    """What the fields have that a PUT does not give."""
    return defaults if cloud.settings.partial_policies_reset else now


def _store(cloud: Cloud, caller: User, name: str, policy: dict[str, Any]) -> dict[str, Any]:
    cloud.set_policy(caller, name, policy)
    return policy


def _missing(name: str) -> Refusal:
    return Refusal(400, "IAM.0072", f"'{name}' is a required property.")


def _invalid(name: str, value: object) -> Refusal:
    return Refusal(400, "IAM.0073", f"Invalid input for field '{name}'. The value is '{value}'.")


def _check_login(wanted: dict[str, Any], ranges: dict[str, tuple[int, int]], names: dict[str, str]) -> None:
    for name, (least, most) in ranges.items():
        value = wanted.get(name, least)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise _invalid(names.get(name, name), value)
    for name, kind in (("custom_info_for_login", str), ("show_recent_login_info", bool)):
        if not isinstance(wanted.get(name, kind()), kind):
            raise _invalid(name, wanted[name])


def _check_protect(wanted: dict[str, Any]) -> None:
    if "operation_protection" not in wanted:
        raise _missing("operation_protection")
    if not isinstance(wanted["operation_protection"], bool):
        raise _invalid("operation_protection", wanted["operation_protection"])
    for name, values in (("admin_check", ("on", "off")), ("scene", SCENES)):
        if name in wanted and wanted[name] not in values:
            raise _invalid(name, wanted[name])
    for name, pattern in (("mobile", MOBILE), ("email", EMAIL)):
        if name in wanted and not (isinstance(wanted[name], str) and pattern.fullmatch(wanted[name])):
            raise _invalid(name, wanted[name])
    allowed = wanted.get("allow_user", {})
    if not isinstance(allowed, dict) or not all(isinstance(allowed.get(name, True), bool) for name in ALLOWED):
        raise _invalid("allow_user", allowed)
    if wanted.get("admin_check") == "on":
        # [?] Demanded of the request, whatever was set before.
        for name in ("scene", str(wanted.get("scene") or "scene")):
            if name not in wanted:
                raise _missing(name)
