# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How fast to send calls: as fast as possible until the cloud refuses one (429), and from then on just below what it was seen to allow."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Callable

SLOWEST = 0.2
"""Calls a second that are always tried, unless the cloud itself named a lower limit."""

KNOWN_SHARE = 0.95
"""The share of a limit that the cloud named itself that is used."""

_FASTEST = 5000.0  # equivalent: any rate far above the clouds' limits will do
"""Calls a second beyond which nothing needs to be held back."""

_UNTRIED = 2.0
"""Calls a second to begin with where the very first call was refused, so that nothing was measured."""

_MEMORY = 5.0
"""Seconds over which the calls that were let through are counted."""

_BURST = 0.1
"""Seconds by which threads that were busy may catch up."""

_SETTLED = 3.0
"""Seconds without a refusal after which a pace was nearly right."""

_SAMPLE = 1.0
"""Seconds that a measurement of what a limit allows must span."""

_BELOW = 0.95
"""A rate of at most this share of what the limit is known to allow cannot have caused a refusal."""

_NEARLY_SLOWEST = 1.2 * SLOWEST

_WAITS_TO_JUDGE = 6
"""Pauses after which waiting alone is compared with pacing."""

_WAITS_TO_KEEP = 20
"""Pauses for which waiting alone is kept before pacing is tried again."""

_TRIAL_COST = 5
"""Waiting alone lasts at least this many times as long as the trial of pacing before it."""

_ODDS = 5.0
"""Pacing helps where it makes a refusal this many times less likely."""

_MOST_DOUBTS = 16


@dataclass
class _Doubt:
    """Whether going slower helps at all.

    A limit on the rate refuses a call only while the rate is above it, and from one refusal to the next it lets through no more than it
    allows. So the calls that passed between two refusals, over that time with its pause, are a rate that such a limit allows for certain. A
    refusal below that rate contradicts the limit: it comes from somebody else's calls, or from chance, and a slower pace would only add to
    the cost. From then on only the pauses are waited out. If refusals then become far more likely, the pace did help, and it returns.
    """

    begun: float | None = None
    """When the first refusal came; a burst that had been saved up may have passed before it, which proves nothing."""
    allowed: float = 0.0
    """Calls a second that a limit on the rate allows for certain."""
    sample_calls: int = 0
    sample_seconds: float = 0.0
    paced_passed: float = 0.0
    paced_refused: float = 0.0
    contradictions: int = 0
    needed: int = 1
    """Contradictions after which waiting alone is tried. Doubled whenever that was a mistake."""
    waits: int = 0
    """Pauses that were waited out alone; 0 while calls are paced."""
    waits_until: float = 0.0
    waited_passed: int = 0
    waited_refused: int = 0

    def refused_while_paced(self, rate: float | None, passed: int, refused: int, seconds: float, now: float) -> bool:
        """Judge the time between two refusals, of ``seconds`` with its pause. True: from now on, wait out the pauses and nothing else."""
        if rate is None or self.begun is None:
            self.begun = now
            return False
        self.paced_passed += passed
        self.paced_refused += refused
        # Near the slowest rate there is no room left to see whether an even slower one helps.
        contradicted = rate <= _BELOW * self.allowed or (passed > 0 and rate <= _NEARLY_SLOWEST)
        self.sample_calls += passed
        self.sample_seconds += seconds
        if self.sample_seconds >= _SAMPLE:
            # One call may have passed on what was left over from before.
            self.allowed = max(self.allowed, (self.sample_calls - 1) / self.sample_seconds)
            self.sample_calls, self.sample_seconds = 0, 0.0
        if not contradicted:
            return False
        self.contradictions += 1
        if self.contradictions < self.needed:
            return False
        self.waits, self.waits_until = 1, now + _TRIAL_COST * (now - self.begun)
        self.waited_passed = self.waited_refused = 0
        return True

    def refused_while_waiting(self, passed: int, refused: int, now: float) -> bool:
        """Judge the time since the last pause. True: go on waiting out the pauses alone; False: pace the calls again."""
        self.waits += 1
        self.waited_passed += passed
        self.waited_refused += refused
        if self.waits > _WAITS_TO_JUDGE and self.waited_refused * self.paced_passed > _ODDS * self.paced_refused * self.waited_passed:
            self._pace_again(now, keep=0.0)
            self.needed = min(2 * self.needed, _MOST_DOUBTS)
            return False
        if self.waits > _WAITS_TO_KEEP and now > self.waits_until:
            # The limit may be another one by now.
            self._pace_again(now, keep=0.5)
            return False
        return True

    def _pace_again(self, now: float, keep: float) -> None:
        self.begun, self.allowed, self.contradictions, self.waits = now, 0.0, 0, 0
        self.sample_calls, self.sample_seconds = 0, 0.0
        self.paced_passed *= keep
        self.paced_refused *= keep


class Pace:
    """The pace of one account's calls to one host, shared by all threads. ``now`` gives seconds of a clock that only goes forward.

    ``state`` is what an earlier Pace of the same account gave as ``state()``, on a clock of the same machine.

    The clouds publish no limits that hold everywhere, so the limit is measured: when a call is refused (429), the calls that were let
    through, over the time that they took and the pause that the cloud asks for, are a first guess at the rate that it allows, rather too
    low than too high. From there the pace grows until it meets the limit a second time, and then hardly, unless nothing is refused for long.

    Where the refusals do not depend on our rate, because other clients use up the limit, only the pauses are waited out. Where the cloud
    names its limit, nothing is measured: the pace goes just below that limit, and slower only if the cloud still refuses.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic, state: Mapping[str, Any] | None = None) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._passed: deque[float] = deque()
        self._rate: float | None = None
        self._next_at = self._resume_at = self._grown_at = 0.0  # equivalent: the clock never shows less than 0
        self._decided_at = float("-inf")
        self._guessed = False  # equivalent: it is read while there is a rate only, and whatever sets the rate sets it
        self._answered = False
        self._cap: float | None = None
        self._cap_settled_at = 0.0
        self._passed_since = self._refused_since = 0
        self._doubt = _Doubt()
        if state:
            self._rate, self._guessed = float(state["rate"]), bool(state["guessed"])
            self._next_at, self._resume_at = float(state["next_at"]), float(state["resume_at"])
            self._decided_at = self._grown_at = float(state["decided_at"])
            self._answered = True
            self._cap, self._cap_settled_at = state.get("cap"), float(state.get("cap_settled_at", 0.0))
            self._passed_since, self._refused_since = state.get("since", (0, 0))
            self._doubt = _Doubt(**state.get("doubt", {}))

    @property
    def rate(self) -> float | None:
        """Calls a second, or None where nothing is held back between pauses."""
        with self._lock:
            return self._current_rate()

    def state(self) -> dict[str, Any] | None:
        """What the next user of the same account should begin with, as JSON can hold it; None while nothing was refused."""
        with self._lock:
            if self._rate is None:
                return None
            return {
                "rate": self._rate,
                "guessed": self._guessed,
                "next_at": self._next_at,
                "resume_at": self._resume_at,
                "decided_at": self._decided_at,
                "cap": self._cap,
                "cap_settled_at": self._cap_settled_at,
                "since": [self._passed_since, self._refused_since],
                "doubt": asdict(self._doubt),
            }

    def take(self) -> float:
        """0.0: a call may be sent now, and counts as sent. Else seconds after which to ask again."""
        with self._lock:
            now = self._now()
            due = max(self._resume_at, self._next_at)
            if due > now:
                return due - now
            rate = self._current_rate()
            if rate is not None:
                self._next_at = max(self._next_at, now - _BURST) + 1.0 / rate
            return 0.0

    def passed(self) -> None:
        """A call was answered with anything but a refusal of the throttle."""
        with self._lock:
            now = self._now()
            self._passed.append(now)
            self._forget(now)  # equivalent: this only saves memory, since calls are forgotten again before they are counted
            self._answered = True
            self._passed_since += 1
            if self._rate is None:
                return
            # Time in which nothing was sent has shown nothing.
            self._rate *= 1.0 + self._growth(now) * min(max(0.0, now - self._grown_at), 1.0)
            self._grown_at = now
            if self._cap is not None:
                self._rate = min(self._rate, self._cap)
            elif self._rate > _FASTEST:  # equivalent: the exact limit means nothing
                self._rate = None
                self._doubt = _Doubt()

    def refused(self, pause: float, sent: float, limit: tuple[int, int] | None = None) -> None:
        """A call that was sent at ``sent`` was refused: send nothing for ``pause`` seconds, and go slower after that if it helps.

        ``limit`` is what the refusal said of the limit, as (calls, seconds), or None where it said nothing.
        """
        with self._lock:
            now = self._now()
            quiet = now - max(self._decided_at, self._resume_at)
            self._resume_at = max(self._resume_at, now + pause)
            self._refused_since += 1
            if limit is not None and self._learn(*limit, now):
                return
            if sent <= self._decided_at:
                return  # it was under way when the pace was set, and says nothing new
            if now >= self._cap_settled_at:
                self._decide(now, pause, quiet)
            # else the limit is used up by calls that were sent before it was known
            self._passed_since = self._refused_since = 0
            rate = self._current_rate()
            self._next_at = self._resume_at if rate is None else max(self._resume_at, now + 1.0 / rate)
            self._decided_at = self._grown_at = now

    def _current_rate(self) -> float | None:
        return self._cap if self._doubt.waits else self._rate

    def _learn(self, calls: int, seconds: int, now: float) -> bool:
        """Take over a limit that the cloud named; whether that was news."""
        cap = KNOWN_SHARE * calls / seconds
        if cap == self._cap or cap > _FASTEST:
            return False
        self._cap = self._rate = cap
        self._cap_settled_at = now + seconds
        self._guessed = False
        self._doubt = _Doubt()
        self._passed_since = self._refused_since = 0
        self._next_at = max(self._resume_at, now + 1.0 / cap)
        self._decided_at = self._grown_at = now
        return True

    def _decide(self, now: float, pause: float, quiet: float) -> None:
        """Set the rate after a refusal that says something new. ``quiet`` is for how many seconds nothing was refused before it."""
        self._forget(now)
        if self._passed:
            measured = len(self._passed) / (now - self._passed[0] + pause + 1e-3)
        else:
            measured = SLOWEST if self._answered else _UNTRIED
        passed, refused = self._passed_since, self._refused_since
        first, rate = self._rate is None, self._rate or measured
        if self._doubt.waits:
            if not self._doubt.refused_while_waiting(passed, refused, now):
                rate = measured
        elif not self._doubt.refused_while_paced(self._rate, passed, refused, now - self._decided_at, now) and not first:
            if quiet >= _SETTLED:  # equivalent: the exact moment means nothing
                rate = min(0.97 * rate, max(measured, 0.9 * rate))
            else:
                rate = min(0.9 * rate, max(measured, 0.5 * rate))
        self._guessed = first
        if self._cap is not None:
            rate = max(min(SLOWEST, self._cap), min(rate, self._cap))
        else:
            rate = max(SLOWEST, rate)
        self._rate = rate

    def _growth(self, now: float) -> float:
        """By what share of itself the pace grows in a second."""
        quiet = now - max(self._decided_at, self._resume_at)
        if quiet > 30.0:  # equivalent: the exact moment means nothing
            return 0.5
        if self._guessed:
            return 0.1
        return 0.01 if quiet < 15.0 else 0.05  # equivalent: the exact moment means nothing

    def _forget(self, now: float) -> None:
        while self._passed and self._passed[0] < now - _MEMORY:  # equivalent: the exact moment means nothing
            self._passed.popleft()
