# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logins of users whose turn comes later, made while threads wait for the next step of a code."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, Callable

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError, OptionError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.totp import ServerClock

ENOUGH = 0.5
"""Seconds that must be left of a wait to begin a login."""


class LoginsAhead:
    """The users who will log in anyway, each once.

    Around the end of a step no code is sent for about four seconds (``totp.seconds_until_safe``), in which all threads would sleep. ``log_in``
    logs an item's user in; later calls use the same login, and a refused one is not sent again.
    """

    def __init__(self, items: Iterable[Mapping[str, Any]], log_in: Callable[[Mapping[str, Any]], None]) -> None:
        self._waiting = deque(item for item in items if _logs_in(item))
        self._log_in = log_in
        self._begun: set[str] = set()
        self._lock = threading.Lock()

    def begin(self, item: Mapping[str, Any]) -> None:
        """It is the turn of this item."""
        with self._lock:
            self._begun.add(item["user_id"])

    def use(self, seconds: float, clock: ServerClock) -> None:
        """Log users in for so many seconds, or fewer if there is nobody left."""
        until = clock.now() + seconds
        while until - clock.now() > ENOUGH:
            item = self._next()
            if item is None:
                return
            try:
                self._log_in(item)
            except (CloudError, OptionError):
                continue  # their turn comes, and tells

    def _next(self) -> Mapping[str, Any] | None:
        with self._lock:
            while self._waiting:
                item = self._waiting.popleft()
                if item["user_id"] not in self._begun:
                    return item
        return None


def _logs_in(item: Mapping[str, Any]) -> bool:
    """Whether a user will certainly log in, with a password alone: a device that is read first may be bound, and a code would grow old."""
    fresh = item["presume_unbound"] and item["serial_number"]
    return bool(fresh and item.get("auth_password") and not item.get("auth_passcode"))
