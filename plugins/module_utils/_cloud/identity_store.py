# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The people of IAM Identity Center as methods, one per endpoint (docs/dev/cloud_api.md, sections 1 and 8). No policy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.listing import Query, entries, marked_pages
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.transport import Reply, Session, path_of
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.users import instant, named

_PAGE = 100


@dataclass(frozen=True)
class PersonDevice:
    """An MFA device of a person. What the cloud does not tell is None."""

    device_id: str
    name: str | None
    display_name: str | None
    type: str | None
    registered_at: str | None
    """In UTC."""

    def shown(self) -> dict[str, Any]:
        """The device as results have it."""
        return asdict(self)


@dataclass(frozen=True)
class Person:
    """A user of an identity store, who is no user of IAM. What the cloud does not tell is None."""

    user_id: str
    name: str
    display_name: str | None = None
    enabled: bool | None = None
    email: str | None = None


class IdentityStore:
    """The endpoints of an identity store for one identity."""

    def __init__(self, session: Session, identity_store_id: str) -> None:
        self.session = session
        self.identity_store_id = identity_store_id

    def _path(self, *segments: str) -> str:
        return path_of("v1", "identity-stores", self.identity_store_id, *segments)

    def _listing(self, path: str, key: str, query: Query, *needed: str) -> list[dict[str, Any]]:
        return [entry for page in marked_pages(self.session, path, key, query, *needed, limit=_PAGE) for entry in page]

    def people(self, user_name: str | None = None) -> list[Person]:
        """``GET .../users``, all pages; with ``user_name`` the one of that name."""
        query = [("user_name", user_name)] if user_name is not None else []
        return [_person(entry) for entry in self._listing(self._path("users"), "users", query, "user_id", "user_name")]

    def person(self, user_id: str) -> Person:
        """``GET .../users/{user_id}``."""
        reply = self.session.read("GET", self._path("users", user_id))
        document = reply.document if isinstance(reply.document, dict) else {}
        if document.get("user_id") != user_id or not document.get("user_name"):
            raise reply.error("the answer does not tell the user in the form that the API documents")
        return _person(document)

    def groups(self) -> dict[str, str]:
        """``GET .../groups``, all pages: the ids of the groups by their names."""
        listed = self._listing(self._path("groups"), "groups", [], "group_id", "display_name")
        return {str(entry["display_name"]): str(entry["group_id"]) for entry in listed if entry["display_name"] is not None}

    def members(self, group_id: str) -> list[str]:
        """``GET .../group-memberships``, all pages: the ids of a group's members."""
        listed = self._listing(self._path("group-memberships"), "group_memberships", [("group_id", group_id)], "member_id")
        members = [entry["member_id"] for entry in listed]
        return [str(member["user_id"]) for member in members if isinstance(member, dict) and member.get("user_id")]

    def devices(self, user_ids: Sequence[str]) -> dict[str, list[PersonDevice]]:
        """``POST .../users/retrieve-mfa-devices``, a read: the devices of users by their ids. Whom the answer leaves out has none."""
        users = [{"identity_store_id": self.identity_store_id, "user_id": user_id} for user_id in user_ids]
        reply = self.session.read("POST", self._path("users", "retrieve-mfa-devices"), body={"user_list": users})
        found: dict[str, list[PersonDevice]] = {user_id: [] for user_id in user_ids}
        for entry in entries(reply, "user_mfa_devices_entry_list", "user"):
            user = entry["user"]
            user_id = user.get("user_id") if isinstance(user, dict) else None
            devices = entry.get("mfa_devices")
            if user_id not in found or not _are_devices(devices):
                raise reply.error("the answer's user_mfa_devices_entry_list has another form than the API documents")
            found[user_id] = [_device(device) for device in devices or []]
        return found

    def delete_device(self, user_id: str, device_id: str) -> None:
        """``DELETE .../mfa-devices/{device_id}``: the user signs in without it from now on."""
        self.session.write("DELETE", self._path("users", user_id, "mfa-devices", device_id))

    def rename_device(self, user_id: str, device_id: str, display_name: str) -> None:
        """``PUT .../mfa-devices/{device_id}``."""
        self.session.write("PUT", self._path("users", user_id, "mfa-devices", device_id), body={"display_name": display_name})

    def registration(self, user_id: str) -> str:
        """``POST .../mfa-devices/register-mfa-device``: the address where the user registers a device. It is a secret."""
        reply = self.session.write("POST", self._path("users", user_id, "mfa-devices", "register-mfa-device"))
        url = reply.field("redirect_url")
        if not isinstance(url, str) or not url.isprintable() or not url.startswith("https://"):
            raise _without_address(reply)
        return url

    def sessions(self, user_id: str) -> list[str]:
        """``GET .../sessions``: the ids of the user's sessions."""
        reply = self.session.read("GET", self._path("users", user_id, "sessions"))
        return [str(entry["session_id"]) for entry in entries(reply, "session_list", "session_id")]

    def end_sessions(self, user_id: str, session_ids: Sequence[str]) -> None:
        """``POST .../sessions/batch-delete``."""
        self.session.write("POST", self._path("users", user_id, "sessions", "batch-delete"), body={"session_ids": list(session_ids)})


def _without_address(reply: Reply) -> Exception:
    # The address itself is a secret, even where it is a wrong one.
    return reply.error("the answer's redirect_url is no https address")


def _are_devices(devices: Any) -> bool:
    if devices is None:
        return True
    return isinstance(devices, list) and all(isinstance(device, dict) and isinstance(device.get("device_id"), str) for device in devices)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _device(entry: dict[str, Any]) -> PersonDevice:
    registered = entry.get("registered_date")
    return PersonDevice(
        entry["device_id"],
        _text(entry.get("device_name")),
        _text(entry.get("display_name")),
        _text(entry.get("mfa_type")),
        instant(registered) if isinstance(registered, int) else None,
    )


def _person(entry: dict[str, Any]) -> Person:
    enabled = entry.get("enabled")
    return Person(
        str(entry["user_id"]),
        named(entry["user_name"]),
        _text(entry.get("display_name")),
        enabled if isinstance(enabled, bool) else None,
        _email(entry.get("emails")),
    )


def _email(emails: Any) -> str | None:
    """The primary address, else the first one."""
    listed = [email for email in emails if isinstance(email, dict)] if isinstance(emails, list) else []
    return next((_text(email.get("value")) for email in sorted(listed, key=lambda email: email.get("primary") is not True)), None)
