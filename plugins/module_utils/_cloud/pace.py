# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How fast a cloud lets us go: nothing is held back until it refuses a call, and from then on just below what it was seen to allow."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import Any, Callable

SLOWEST = 0.2
"""Calls a second that are always tried."""

_FASTEST = 5000.0
"""Calls a second beyond which nothing needs to be held back."""

_MEMORY = 5.0
"""Seconds over which the calls that were let through are counted."""

_BURST = 0.1
"""Seconds by which threads that were busy may catch up."""

_SETTLED = 3.0
"""Seconds without a refusal after which a pace was nearly right."""


class Pace:
    """The pace of one account's calls to one host, shared by all threads. ``now`` gives seconds of a clock that only goes forward.

    The clouds publish no limits that hold everywhere, so the limit is measured: when a call is refused (429), the calls that were let
    through, over the time that they took and the pause that the cloud asks for, are a first guess at the rate that it allows, rather too
    low than too high. From there the pace grows until it meets the limit a second time, and then hardly, unless nothing is refused for long.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic, state: Mapping[str, Any] | None = None) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._passed: deque[float] = deque()
        self._rate: float | None = None
        self._next_at = self._resume_at = self._grown_at = 0.0
        self._decided_at = float("-inf")
        self._guessed = False
        if state:
            self._rate, self._guessed = float(state["rate"]), bool(state["guessed"])
            self._next_at, self._resume_at = float(state["next_at"]), float(state["resume_at"])
            self._decided_at = self._grown_at = float(state["decided_at"])

    @property
    def rate(self) -> float | None:
        """Calls a second, or None while nothing was refused."""
        with self._lock:
            return self._rate

    def state(self) -> dict[str, Any] | None:
        """What the next user of the same account should begin with; None while nothing was refused."""
        with self._lock:
            if self._rate is None:
                return None
            return {
                "rate": self._rate,
                "guessed": self._guessed,
                "next_at": self._next_at,
                "resume_at": self._resume_at,
                "decided_at": self._decided_at,
            }

    def take(self) -> float:
        """0.0: a call may be sent now, and counts as sent. Else seconds after which to ask again."""
        with self._lock:
            now = self._now()
            due = max(self._resume_at, self._next_at)
            if due > now:
                return due - now
            if self._rate is not None:
                self._next_at = max(self._next_at, now - _BURST) + 1.0 / self._rate
            return 0.0

    def passed(self) -> None:
        """A call was answered with anything but a refusal of the throttle."""
        with self._lock:
            now = self._now()
            self._passed.append(now)
            self._forget(now)
            if self._rate is None:
                return
            # Time in which nothing was sent has shown nothing.
            self._rate *= 1.0 + self._growth(now) * min(max(0.0, now - self._grown_at), 1.0)
            self._grown_at = now
            if self._rate > _FASTEST:
                self._rate = None

    def refused(self, pause: float, sent: float) -> None:
        """A call that was sent at ``sent`` was refused: send nothing for ``pause`` seconds, and go slower after that."""
        with self._lock:
            now = self._now()
            quiet = now - max(self._decided_at, self._resume_at)
            self._resume_at = max(self._resume_at, now + pause)
            if sent <= self._decided_at:
                return  # it was under way when the pace was set, and says nothing new
            self._forget(now)
            measured = len(self._passed) / (now - self._passed[0] + pause + 1e-3) if self._passed else SLOWEST
            self._guessed = self._rate is None
            if self._rate is None:
                rate = measured
            elif quiet >= _SETTLED:
                rate = min(0.97 * self._rate, max(measured, 0.9 * self._rate))
            else:
                rate = min(0.9 * self._rate, max(measured, 0.5 * self._rate))
            self._rate = max(SLOWEST, rate)
            self._next_at = max(self._resume_at, now + 1.0 / self._rate)
            self._decided_at = self._grown_at = now

    def _growth(self, now: float) -> float:
        """By what share of itself the pace grows in a second."""
        quiet = now - max(self._decided_at, self._resume_at)
        if quiet > 30.0:
            return 0.5
        if self._guessed:
            return 0.1
        return 0.01 if quiet < 15.0 else 0.05

    def _forget(self, now: float) -> None:
        while self._passed and self._passed[0] < now - _MEMORY:
            self._passed.popleft()
