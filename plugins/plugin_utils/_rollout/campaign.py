# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From when on MFA is enforced for whom: the dates of an account, of its users and of new users. Pure decisions.

All times are texts such as ``2026-01-31T12:00:00Z``, which sort as they follow each other.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import legible
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.users import instant
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import Entry, PlanError

SCHEDULED, DUE, OVERDUE = "scheduled", "due", "overdue"

NOTICE_DAYS = 30
"""So many days ahead it is said that an exemption ends."""

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


@dataclass(frozen=True)
class Campaign:
    """The dates of an account, at the moment ``now``."""

    now: str
    not_before: str | None = None
    grace_days: int = 0
    first_seen: Mapping[str, str] | None = None
    """When a report first saw a user, by user id, for users of whom the cloud does not tell when they were created; None where nothing is kept."""

    def date_of(self, asked: Entry, user: Entry) -> str | None:
        """From when on MFA is enforced for a user, or None where no date says anything.

        A date of the user's own takes the place of the account's. A new user's days of grace are added in any case.
        """
        date = time_in(asked.get("not_before"), "mfa_rollout_users: not_before") or self.not_before
        created = user.get("created_at")
        if created is None and self.first_seen is not None:
            created = self.first_seen.get(str(user["user_id"]), self.now)
        grace = later(created, self.grace_days) if self.grace_days and created else None
        dates = [each for each in (date, grace) if each is not None]
        return max(dates) if dates else None

    def status(self, date: str | None) -> str | None:
        """What a date means for a user for whom MFA is not yet enforced; None where there is no date."""
        if date is None:
            return None
        if self.now < date:
            return SCHEDULED
        # A job that runs each day has a day's time.
        return DUE if self.now < later(date, 1) else OVERDUE


def time_in(value: Any, name: str, end: bool = False) -> str | None:
    """A date or time that somebody gave; None where none is given. A date begins at midnight UTC; at its ``end`` it is over. Raises PlanError."""
    if value is None or value == "":
        return None
    text = str(value).strip()
    day = _DATE.fullmatch(text) is not None
    found = instant(f"{text}T00:00:00Z" if day else text)
    if found is None:
        raise PlanError(f"{name} must be a date such as 2026-01-31, or a time such as 2026-01-31T12:00:00Z, and not {legible(text, 40)!r}.")
    return later(found, 1) if day and end else found


def later(time: str, days: int) -> str:
    """A time so many days later; the end of time where there is no such day."""
    moment = datetime.datetime.strptime(time, _FORM)
    try:
        return (moment + datetime.timedelta(days=days)).strftime(_FORM)
    except OverflowError:
        return _END


_FORM = "%Y-%m-%dT%H:%M:%SZ"
_END = "9999-12-31T23:59:59Z"
