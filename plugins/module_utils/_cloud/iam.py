# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""IAM as methods, one per endpoint, v3.0 and v5 (docs/dev/cloud_api.md, sections 2 to 4). No policy: what to call when is decided elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Callable, TypeVar

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.listing import Query, entries, linked_pages, marked_pages
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.temporary_key import TemporaryKey, temporary_key
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.transport import Reply, Session, path_of
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.users import NEVER, User, instant, named, v3_user, v5_user

BOUND, UNBOUND, UNKNOWN = "bound", "unbound", "unknown"
VIRTUAL, OTHER = "virtual", "other"

_PAGE = 200
"""Entries on a page of v5's listings: the most that v5 allows."""


@dataclass(frozen=True)
class Device:
    """An MFA device.

    ``binding`` is ``unknown`` where only v3.0 was asked: it does not tell bound devices from created ones. ``kind`` is ``unknown`` where
    only v5 was asked: it lists security keys too, and does not tell them from virtual devices.
    """

    user_id: str
    serial_number: str
    binding: str
    kind: str = UNKNOWN
    named_by_v3: bool = field(default=False, compare=False)
    """Whether the serial number is v3.0's, where v5 lists the user's devices under serial numbers that cannot be compared with it."""


@dataclass(frozen=True)
class NewDevice:
    """A device that was just created; the cloud tells its seed (base32) only in this answer."""

    serial_number: str
    seed: str = field(repr=False)


@dataclass(frozen=True)
class Protection:
    """A user's login protection; ``verification_method`` is ``none`` while it is off."""

    user_id: str
    enabled: bool
    verification_method: str

    def as_dict(self) -> dict[str, Any]:
        return {"enabled": self.enabled, "verification_method": self.verification_method}


NO_PROTECTION = "none"


class Iam:
    """The endpoints of IAM for one identity."""

    def __init__(self, session: Session) -> None:
        self.session = session

    # v3.0, virtual MFA devices

    def create_device(self, user_id: str, name: str) -> NewDevice:
        """``POST /v3.0/OS-MFA/virtual-mfa-devices``. Raises CloudError, ``uncertain`` where a device may have been created."""
        body = {"virtual_mfa_device": {"name": name, "user_id": user_id}}
        return _new_device(self.session.write("POST", "/v3.0/OS-MFA/virtual-mfa-devices", body=body))

    def bind_device(self, user_id: str, serial_number: str, codes: Callable[[], tuple[str, str]]) -> None:
        """``PUT /v3.0/OS-MFA/mfa-devices/bind``; ``codes`` is called at the moment of sending, because codes age."""
        _refuse_content(self.session.write("PUT", "/v3.0/OS-MFA/mfa-devices/bind", body=lambda: _binding(user_id, serial_number, codes())))

    def unbind_device(self, user_id: str, serial_number: str, code: Callable[[], str]) -> None:
        """``PUT /v3.0/OS-MFA/mfa-devices/unbind``; ``code`` is called at the moment of sending."""
        self.session.write(
            "PUT",
            "/v3.0/OS-MFA/mfa-devices/unbind",
            body=lambda: {"user_id": user_id, "serial_number": serial_number, "authentication_code": code()},
        )

    def delete_device(self, user_id: str, serial_number: str) -> None:
        """``DELETE /v3.0/OS-MFA/virtual-mfa-devices``: succeeds for any serial number, so read afterwards."""
        self.session.write("DELETE", "/v3.0/OS-MFA/virtual-mfa-devices", [("user_id", user_id), ("serial_number", serial_number)])

    def device_of(self, user_id: str) -> Device | None:
        """``GET /v3.0/OS-MFA/users/{user_id}/virtual-mfa-device``; None where the user has none."""
        try:
            reply = self.session.read("GET", path_of("v3.0", "OS-MFA", "users", user_id, "virtual-mfa-device"))
        except CloudError as error:
            return _without(error, user_id, self.devices)
        device = reply.field("virtual_mfa_device")
        serial_number = None if device in (None, {}) else reply.field("virtual_mfa_device", "serial_number")
        return Device(user_id, str(serial_number), UNKNOWN, VIRTUAL) if serial_number else None

    def devices(self) -> list[Device]:
        """``GET /v3.0/OS-MFA/virtual-mfa-devices``: all virtual devices of the account, in one answer."""
        reply = self.session.read("GET", "/v3.0/OS-MFA/virtual-mfa-devices")
        return [
            Device(str(entry["user_id"]), str(entry["serial_number"]), UNKNOWN, VIRTUAL)
            for entry in entries(reply, "virtual_mfa_devices", "user_id", "serial_number")
        ]

    # v3.0, login protection

    def protection_of(self, user_id: str) -> Protection:
        """``GET /v3.0/OS-USER/users/{user_id}/login-protect``; the service's own 404 means that it was never configured."""
        try:
            reply = self.session.read("GET", path_of("v3.0", "OS-USER", "users", user_id, "login-protect"))
        except CloudError as error:
            return _without(error, user_id, self.protections) or Protection(user_id, False, NO_PROTECTION)
        return _protection(user_id, reply.field("login_protect"))

    def protections(self) -> list[Protection]:
        """``GET /v3.0/OS-USER/login-protects``: only users for whom it was ever configured."""
        reply = self.session.read("GET", "/v3.0/OS-USER/login-protects")
        return [_protection(str(entry["user_id"]), entry) for entry in entries(reply, "login_protects", "user_id")]

    def protect(self, user_id: str, enabled: bool, verification_method: str) -> Protection:
        """``PUT /v3.0/OS-USER/users/{user_id}/login-protect``; the method is required also when disabling."""
        body = {"login_protect": {"enabled": enabled, "verification_method": verification_method}}
        reply = self.session.write("PUT", path_of("v3.0", "OS-USER", "users", user_id, "login-protect"), body=body)
        if reply.document:
            return _protection(user_id, reply.field("login_protect"))
        # Without the documented echo, a look tells what came of it. A failure to look is no refusal of what was written.
        try:
            return self.protection_of(user_id)
        except CloudError as error:
            error.uncertain = True
            raise

    # Keystone's part

    def users(self, enabled: bool | None = None, name: str | None = None) -> list[User]:
        """``GET /v3/users``, all pages. ``enabled`` selects; without it some clouds list enabled users only (docs/dev/cloud_api.md, section 2).

        ``name`` selects too, and is no more than a wish: who is listed may have another one.
        """
        query: Query = [] if enabled is None else [("enabled", "true" if enabled else "false")]
        query += [] if name is None else [("name", name)]
        return [v3_user(entry) for page in linked_pages(self.session, "/v3/users", "users", query, "id") for entry in page]

    def user(self, user_id: str) -> User:
        """``GET /v3.0/OS-USER/users/{user_id}``, which tells more of a user than a listing."""
        reply = self.session.read("GET", path_of("v3.0", "OS-USER", "users", user_id))
        entry = reply.field("user")
        if not isinstance(entry, dict) or "id" not in entry:
            raise reply.error("the answer has no user, in the form that the API documents")
        return v3_user(entry)

    def groups(self, name: str) -> list[str]:
        """``GET /v3/groups``: the ids of the account's groups of that name."""
        # A server that ignores the filter must not make every group one of that name.
        pages = linked_pages(self.session, "/v3/groups", "groups", [("name", name)], "id", "name")
        return [str(entry["id"]) for page in pages for entry in page if entry["name"] == name]

    def group_users(self, group_id: str) -> list[str]:
        """``GET /v3/groups/{group_id}/users``: the ids of its members."""
        pages = linked_pages(self.session, path_of("v3", "groups", group_id, "users"), "users", [], "id")
        return [str(entry["id"]) for page in pages for entry in page]

    def own_domains(self) -> list[tuple[str, str]]:
        """``GET /v3/auth/domains`` as (id, name)."""
        reply = self.session.read("GET", "/v3/auth/domains")
        return [(str(entry["id"]), named(entry.get("name"))) for entry in entries(reply, "domains", "id")]

    def token_user(self, token: str) -> dict[str, Any]:
        """``GET /v3/auth/tokens``: the owner of ``token`` as Keystone describes them, with ``id``, ``name``, ``domain``; empty if it does not."""
        reply = self.session.read_with({"X-Subject-Token": token}, "GET", "/v3/auth/tokens", [("nocatalog", "true")])
        user = reply.field("token", "user")
        return user if isinstance(user, dict) else {}

    def access_key_user(self, access_key: str) -> str:
        """``GET /v3.0/OS-CREDENTIAL/credentials/{access_key}``: the id of the user who owns a permanent access key."""
        reply = self.session.read("GET", path_of("v3.0", "OS-CREDENTIAL", "credentials", access_key))
        return str(reply.field("credential", "user_id"))

    def agency_key(self, agency_name: str, account: Mapping[str, str], seconds: int) -> TemporaryKey:
        """``POST /v3.0/OS-CREDENTIAL/securitytokens``: a temporary key of an agency of ``account`` (``domain_id`` or ``domain_name``).

        Another key may be asked for as often as one likes, so it counts as a read.
        """
        role = {"agency_name": agency_name, **account, "duration_seconds": seconds}
        body = {"auth": {"identity": {"methods": ["assume_role"], "assume_role": role}}}
        reply = self.session.read("POST", "/v3.0/OS-CREDENTIAL/securitytokens", body=body)
        return temporary_key(reply, "credential", ("access", "secret", "securitytoken", "expires_at"))

    # v5

    def create_device_v5(self, user_id: str, name: str) -> NewDevice:
        """``POST /v5/virtual-mfa-devices``, otherwise like ``create_device``."""
        return _new_device(
            self.session.write("POST", "/v5/virtual-mfa-devices", body={"virtual_mfa_device_name": name, "user_id": user_id})
        )

    def enable_device_v5(self, user_id: str, serial_number: str, codes: Callable[[], tuple[str, str]]) -> None:
        """``POST /v5/mfa-devices/enable``; ``codes`` is called at the moment of sending, because codes age."""
        _refuse_content(self.session.write("POST", "/v5/mfa-devices/enable", body=lambda: _binding(user_id, serial_number, codes())))

    def disable_device_v5(self, user_id: str, serial_number: str) -> None:
        """``POST /v5/mfa-devices/disable``: no code."""
        self.session.write("POST", "/v5/mfa-devices/disable", body={"user_id": user_id, "serial_number": serial_number})

    def delete_device_v5(self, user_id: str, serial_number: str) -> None:
        """``DELETE /v5/virtual-mfa-devices``."""
        self.session.write("DELETE", "/v5/virtual-mfa-devices", [("user_id", user_id), ("serial_number", serial_number)])

    def devices_v5(self, user_id: str | None = None) -> Iterator[list[Device]]:
        """``GET /v5/mfa-devices``, page by page; the only call that tells bound devices from created ones.

        A user who does not exist has none, as in v3.0.
        """
        query: Query = [("user_id", user_id)] if user_id else []
        needed = ("user_id", "serial_number", "enabled")
        try:
            for page in marked_pages(self.session, "/v5/mfa-devices", "mfa_devices", query, *needed, limit=_PAGE):
                yield [Device(str(entry["user_id"]), str(entry["serial_number"]), _binding_of(entry["enabled"])) for entry in page]
        except CloudError as error:
            if not user_id or not error.says_none:
                raise

    def probe_v5(self) -> None:
        """``GET /v5/mfa-devices?limit=1``: raises CloudError where v5 does not answer these credentials."""
        self.session.read("GET", "/v5/mfa-devices", [("limit", "1")])

    def users_v5(self) -> list[User]:
        """``GET /v5/users``, all pages."""
        return [v5_user(entry) for page in marked_pages(self.session, "/v5/users", "users", [], "user_id", limit=_PAGE) for entry in page]

    def has_login_profile(self, user_id: str) -> bool:
        """``GET /v5/users/{user_id}/login-profile``: whether the user has a password for the console."""
        try:
            self.session.read("GET", path_of("v5", "users", user_id, "login-profile"))
        except CloudError as error:
            if error.says_none:
                return False
            raise
        return True

    def last_login(self, user_id: str) -> str | None:
        """``GET /v5/users/{user_id}/last-login``: a time, ``never``, or None where the answer does not tell."""
        found = self.session.read("GET", path_of("v5", "users", user_id, "last-login")).field("user_last_login", "last_login_at")
        return NEVER if found is None else instant(found)

    def root_device_count(self) -> int:
        """``GET /v5/account-summary``: how many enabled MFA devices the root user has."""
        reply = self.session.read("GET", "/v5/account-summary")
        count = reply.field("root_user_mfa_enabled")
        if not isinstance(count, int):
            raise reply.error("the answer does not tell of the root user, in the form that the API documents")
        return int(count)


Entry = TypeVar("Entry", Device, Protection)


def _without(error: CloudError, user_id: str, listing: Callable[[], list[Entry]]) -> Entry | None:
    """What a user has whose own reading was refused: nothing where the service says so. Raises the error where that is not what it says.

    A 404 without a code may be a gateway's, so the account's listing is asked then.
    """
    if error.says_none:
        return None
    if error.may_say_none:
        return next((entry for entry in listing() if entry.user_id == user_id), None)
    raise error


def _refuse_content(reply: Reply) -> None:
    """Raise CloudError for an answer with content to a bind, which the API documents as empty: a gateway may have refused in this way."""
    if reply.document:
        error = reply.error("the answer has content where the API documents none, so whether the device is bound is not known")
        error.uncertain = True
        raise error


def _binding(user_id: str, serial_number: str, codes: tuple[str, str]) -> dict[str, str]:
    return {
        "user_id": user_id,
        "serial_number": serial_number,
        "authentication_code_first": codes[0],
        "authentication_code_second": codes[1],
    }


def _binding_of(enabled: Any) -> str:
    # A text such as "false" must not pass for a device that is bound: its user would be locked out.
    return BOUND if enabled is True else UNBOUND if enabled is False else UNKNOWN


def _new_device(reply: Reply) -> NewDevice:
    try:
        return NewDevice(
            str(reply.field("virtual_mfa_device", "serial_number")), str(reply.field("virtual_mfa_device", "base32_string_seed"))
        )
    except CloudError as error:
        error.uncertain = True  # a device was created, and its seed is lost
        raise


def _protection(user_id: str, entry: Any) -> Protection:
    entry = entry if isinstance(entry, dict) else {}
    enabled = entry.get("enabled") or False
    if not isinstance(enabled, bool):
        # Taken for off, protection that is on would not be lifted, and a roll-back would say that it is.
        raise CloudError(f"the login protection of user {user_id} is shown in another form than the API documents", status=200)
    # Some answers have the method in capitals (docs/dev/cloud_api.md, section 2).
    return Protection(user_id, enabled, str(entry.get("verification_method") or NO_PROTECTION).lower() if enabled else NO_PROTECTION)
