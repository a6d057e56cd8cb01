# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import heapq
import json
from dataclasses import dataclass, field
from itertools import count

import pytest
from ansible_collections.hwc.mfa.plugins.module_utils._pace import SLOWEST, Pace
from hypothesis import given, settings
from hypothesis import strategies as st


class Clock:
    """Time that passes when it is told to."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@dataclass
class Bucket:
    """The clouds' throttle: so many calls a second, and some seconds' worth at once."""

    rate: float
    seconds: float = 1.0
    tokens: float = field(init=False)
    at: float = 100.0

    def __post_init__(self):
        self.tokens = self.rate * self.seconds

    def allows(self, now):
        self.tokens, self.at = min(self.rate * self.seconds, self.tokens + (now - self.at) * self.rate), now
        if self.tokens < 1.0:
            return False
        self.tokens -= 1.0
        return True


@dataclass
class Window:
    """Another one: so many calls in each second of the clock."""

    rate: float
    second: int = 0
    used: int = 0

    def allows(self, now):
        if int(now) != self.second:
            self.second, self.used = int(now), 0
        self.used += 1
        return self.used <= self.rate


def rehearse(throttle, calls, threads=8, latency=0.02, pause=1.0, pace=None, clock=None):
    """Send ``calls`` by ``threads`` through a throttle, in time of our own. Returns seconds and the number of refusals."""
    clock = clock or Clock()
    pace = pace or Pace(clock)
    order = count()
    events = [(clock.now, next(order), "ask", None) for _thread in range(threads)]
    begin, left, refusals = clock.now, calls, 0
    while events:
        clock.now, _number, kind, sent = heapq.heappop(events)
        if kind == "ask" and left > 0:
            delay = pace.take()
            if delay > 0.0:
                heapq.heappush(events, (clock.now + delay, next(order), "ask", None))
            else:
                left -= 1
                heapq.heappush(events, (clock.now + latency / 2, next(order), "arrive", clock.now))
        elif kind == "arrive":
            answer = "passed" if throttle.allows(clock.now) else "refused"
            heapq.heappush(events, (clock.now + latency / 2, next(order), answer, sent))
        elif kind == "passed":
            pace.passed()
            heapq.heappush(events, (clock.now, next(order), "ask", None))
        elif kind == "refused":
            refusals += 1
            left += 1
            pace.refused(pause, sent)
            heapq.heappush(events, (clock.now, next(order), "ask", None))
    return clock.now - begin, refusals


def test_nothing_is_held_back_until_a_call_is_refused():
    seconds, refusals = rehearse(Bucket(1e9), 800)
    assert refusals == 0
    assert seconds == pytest.approx(800 / 8 * 0.02, rel=0.01)


@pytest.mark.parametrize(("rate", "calls"), [(200, 2000), (200, 10000), (20, 400), (20, 2000), (50, 1000)])
def test_fleet_settles_near_the_limit(rate, calls):
    seconds, refusals = rehearse(Bucket(rate), calls)
    assert calls / seconds >= 0.9 * rate
    assert refusals / (calls + refusals) < 0.05


@pytest.mark.parametrize("throttle", [Window(20), Bucket(20, 0.2), Bucket(20, 10.0)])
def test_limit_of_another_form_is_not_hammered_either(throttle):
    seconds, refusals = rehearse(throttle, 2000)
    assert refusals / (2000 + refusals) < 0.05
    assert 2000 / seconds >= 0.6 * 20


@settings(deadline=None, max_examples=40)
@given(
    rate=st.floats(1.0, 400.0),
    seconds=st.floats(0.1, 20.0),
    threads=st.integers(1, 64),
    latency=st.floats(0.001, 1.0),
    pause=st.floats(0.0, 10.0),
)
def test_whatever_the_limit_everything_comes_through(rate, seconds, threads, latency, pause):
    spent, refusals = rehearse(Bucket(rate, max(seconds, 1.5 / rate)), 300, threads, latency, pause)
    assert spent > 0.0
    # A throttle that asks for no pause at all, and hardly lets anything through, is met more often than any other.
    assert refusals < 2 * 300 + 4 * threads


def test_calls_that_were_under_way_when_one_was_refused_say_nothing_new():
    clock = Clock()
    pace = Pace(clock)
    for _call in range(20):
        assert pace.take() == 0.0
        pace.passed()
    clock.now += 0.1
    pace.refused(1.0, sent=clock.now - 0.02)
    first = pace.rate
    pace.refused(1.0, sent=clock.now - 0.01)
    assert pace.rate == first == pytest.approx(20 / 1.1, rel=0.01)


def test_pause_is_kept_by_everybody_and_the_longest_counts():
    clock = Clock()
    pace = Pace(clock)
    pace.refused(5.0, sent=clock.now)
    pace.refused(2.0, sent=clock.now)
    assert pace.take() == pytest.approx(5.0)
    clock.now += 5.0
    assert pace.take() == 0.0


def test_pace_never_falls_so_low_that_nothing_moves():
    clock = Clock()
    pace = Pace(clock)
    for _refusal in range(50):
        clock.now += 1.0
        pace.refused(0.0, sent=clock.now)
    assert pace.rate == SLOWEST


def test_pace_grows_again_once_the_limit_is_gone():
    clock = Clock()
    pace = Pace(clock)
    rehearse(Bucket(20), 400, pace=pace, clock=clock)
    seconds, refusals = rehearse(Bucket(1e9), 20000, pace=pace, clock=clock)
    assert refusals == 0
    assert pace.rate is None
    assert seconds < 20000 / 200


def test_next_run_begins_where_this_one_ended():
    clock = Clock()
    first = Pace(clock)
    assert first.state() is None
    throttle = Bucket(20)
    rehearse(throttle, 400, pace=first, clock=clock)
    second = Pace(clock, json.loads(json.dumps(first.state())))
    assert second.rate == first.rate
    _seconds, refusals = rehearse(throttle, 100, pace=second, clock=clock)
    assert refusals <= 2
