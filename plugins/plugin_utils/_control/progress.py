# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lines which show that a wave that lasts still works."""

from __future__ import annotations

import threading
import time
from typing import Callable

INTERVAL = 10.0
"""Seconds between two lines."""


class Progress:
    """Counts the users of a step and, when it lasts, says how far it is: at most a line every ``INTERVAL`` seconds.

    ``say`` takes a line, and ``now`` gives seconds of a clock that only goes forward. All threads share it.
    """

    def __init__(
        self, label: str, say: Callable[[str], None], now: Callable[[], float] = time.monotonic, interval: float = INTERVAL
    ) -> None:
        self._label = label
        self._say = say
        self._now = now
        self._interval = interval
        self._lock = threading.Lock()
        self._said_at = now()
        self._begin("", 0)

    def _begin(self, step: str, total: int) -> None:
        self._step, self._total = step, total
        self._done = self._failed = 0
        self._begun_at = self._now()

    def begin(self, step: str, total: int) -> None:
        """A step begins for so many users."""
        with self._lock:
            self._begin(step, total)

    def item_done(self, failed: bool) -> None:
        """A step is done for one user, or has failed."""
        with self._lock:
            self._done += 1
            self._failed += failed
        self.tick()

    def tick(self) -> None:
        """Say a line if it is time for one. Called now and then also while no user is done, as behind a throttle."""
        with self._lock:
            if not self._total or self._now() - self._said_at < self._interval:
                return
            self._said_at = self._now()
            line = self._line()
        self._say(line)

    def _line(self) -> str:
        seconds = max(self._now() - self._begun_at, 0.001)
        rate = self._done / seconds
        left = f", about {_duration((self._total - self._done) / rate)} left" if self._done else ""
        return f"{self._label}: {self._step}: {self._done} of {self._total} done, {self._failed} failed, {rate:.1f} a second{left}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
