# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users as IAM's answers describe them (docs/dev/cloud_api.md, sections 2, 3 and 8). What an answer does not tell is None."""

from __future__ import annotations

import re
import time
from calendar import timegm
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

YES, NO = "yes", "no"

NEVER = "never"
"""The last login of a user who never logged in, where the cloud tells that."""

_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[T ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.[0-9]{1,9})?(Z|[+-][0-9]{2}:?[0-9]{2})?", re.ASCII
)
_FARTHEST_ZONE = 23
"""Hours from UTC."""

_LATEST = 253_402_300_799
"""The end of the year 9999, in seconds since the epoch."""


@dataclass(frozen=True)
class User:
    """A user. Of users who were not listed only the id is known; ``domain_id`` is their account's id."""

    user_id: str
    name: str | None
    enabled: bool | None
    domain_id: str | None = None

    console_access: str | None = None
    """``yes`` or ``no``: whether the user can log in to the console."""

    is_root: bool | None = None
    """Whether the user is the account's root user, who owns it."""

    created_at: str | None = None
    """A time as ``instant`` gives it."""

    last_login_at: str | None = None
    """Likewise, or ``never``."""

    email: str | None = None
    tags: Mapping[str, str] | None = None


def instant(value: Any) -> str | None:
    """A time as ``2026-01-31T12:00:00Z``, from what the APIs write: ISO 8601, v3.0's ``2026-01-31 12:00:00.0`` in UTC, or milliseconds."""
    if isinstance(value, int) and not isinstance(value, bool):
        return _written(value // 1000)
    found = _TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        return None
    try:
        # timegm takes any number for a month, a day or an hour.
        seconds = timegm(time.strptime(" ".join(found.group(1, 2, 3, 4, 5, 6)), "%Y %m %d %H %M %S"))
    except ValueError:
        return None
    zone = found[7] or "Z"
    if zone != "Z":
        hours, minutes = int(zone[1:3]), int(zone[-2:])
        if hours > _FARTHEST_ZONE or minutes > 59:
            return None
        seconds -= (-60 if zone[0] == "-" else 60) * (60 * hours + minutes)
    return _written(seconds)


def _written(seconds: int) -> str | None:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds)) if 0 <= seconds <= _LATEST else None


def named(value: Any) -> str:
    """A name as text; empty where there is none, since ``None`` would be a name that somebody can ask for."""
    return "" if value is None else str(value)


def v3_user(entry: Mapping[str, Any]) -> User:
    """A user of ``GET /v3/users``, or of ``GET /v3.0/OS-USER/users/{user_id}``, which tells more."""
    access_mode = entry.get("access_mode")
    return User(
        str(entry["id"]),
        named(entry.get("name")),
        entry.get("enabled") is not False,
        _text(entry.get("domain_id")),
        NO if access_mode == "programmatic" else YES if access_mode in ("default", "console") else None,
        _truth(entry.get("is_domain_owner")),
        instant(entry.get("create_time")),
        instant(entry.get("last_login_time")),
        _text(entry.get("email")),
    )


def v5_user(entry: Mapping[str, Any]) -> User:
    """A user of ``GET /v5/users``."""
    tags = entry.get("tags")
    return User(
        str(entry["user_id"]),
        named(entry.get("user_name")),
        entry.get("enabled") is not False,
        is_root=_truth(entry.get("is_root_user")),
        created_at=instant(entry.get("created_at")),
        last_login_at=instant(entry.get("last_login_at")),
        tags=_tags(tags) if isinstance(tags, list) else None,
    )


def joined(user: User, other: User | None) -> User:
    """A user with what another answer tells beside."""
    if other is None:
        return user
    missing = {each.name: getattr(other, each.name) for each in fields(User) if getattr(user, each.name) is None}
    return replace(user, **missing)


def _tags(entries: list[Any]) -> dict[str, str]:
    return {
        str(entry["tag_key"]): named(entry.get("tag_value"))
        for entry in entries
        if isinstance(entry, Mapping) and isinstance(entry.get("tag_key"), str)
    }


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _truth(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None
