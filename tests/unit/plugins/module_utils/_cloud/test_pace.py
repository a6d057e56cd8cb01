# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import heapq
import json
import random
from dataclasses import dataclass, field
from itertools import count

import pytest
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.pace import SLOWEST, Pace
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


@dataclass
class EverySeventh:
    """A throttle that others use up: one call of seven is refused, whatever our rate."""

    calls: int = 0

    def allows(self, _now):
        self.calls += 1
        return self.calls % 7 != 0


@dataclass
class ByChance:
    """The same, by chance."""

    share: float
    seed: int

    def __post_init__(self):
        self.chance = random.Random(self.seed)

    def allows(self, _now):
        return self.chance.random() >= self.share


@dataclass
class BurstsOfOthers:
    """Nothing passes while somebody else's burst uses up the limit: for ``length`` seconds, some ``gap`` seconds apart."""

    gap: float
    length: float
    seed: int

    def __post_init__(self):
        self.chance = random.Random(self.seed)
        self.begin = 100.0 + self.chance.expovariate(1 / self.gap)

    def allows(self, now):
        while now >= self.begin + self.length:
            self.begin += self.length + self.chance.expovariate(1 / self.gap)
        return now < self.begin


class WaitOnly:
    """What waiting out each pause alone gives: the measure of what a shared throttle lets through."""

    rate = None

    def __init__(self, clock):
        self.clock = clock
        self.resume_at = 0.0

    def take(self):
        return max(0.0, self.resume_at - self.clock())

    def passed(self):
        pass

    def refused(self, pause, _sent):
        self.resume_at = max(self.resume_at, self.clock() + pause)


def rehearse(throttle, calls, threads=8, latency=0.02, pause=1.0, pace=None, clock=None, limit=None):
    """Send ``calls`` by ``threads`` through a throttle, in time of our own. Returns seconds and the number of refusals.

    ``limit`` is what a refusal says of the limit.
    """
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
            pace.refused(pause, sent, *([] if limit is None else [limit]))
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
    pace.refused(9.0, sent=clock.now)
    pace.refused(2.0, sent=clock.now)
    assert pace.take() == pytest.approx(9.0)
    pace.refused(12.0, sent=clock.now)
    assert pace.take() == pytest.approx(12.0)
    clock.now += 12.0
    assert pace.take() == 0.0


def test_without_a_pause_the_next_call_waits_for_its_turn():
    clock = Clock()
    pace = Pace(clock)
    passes(pace, 4)
    clock.now += 2.0
    pace.refused(0.0, sent=clock.now)
    assert pace.take() == pytest.approx(0.5, rel=0.01)


def test_call_that_was_sent_as_the_pace_was_set_says_nothing_new():
    clock = Clock()
    pace = Pace(clock)
    passes(pace, 20)
    pace.refused(1.0, sent=clock.now)
    rate = pace.rate
    pace.refused(1.0, sent=clock.now)
    assert pace.rate == rate


def passes(pace, calls):
    for _call in range(calls):
        pace.passed()


def test_pace_is_measured_over_the_last_five_seconds():
    clock = Clock()
    pace = Pace(clock)
    passes(pace, 30)
    clock.now += 3.0
    passes(pace, 5)
    clock.now += 1.0
    passes(pace, 5)
    clock.now += 2.0
    pace.refused(1.0, sent=clock.now)
    assert pace.rate == pytest.approx(10 / 4.0, rel=0.001)


@pytest.mark.parametrize(("ago", "rate"), [(4.9, 20 / 5.0), (5.1, SLOWEST)])
def test_what_passed_before_that_shows_nothing(ago, rate):
    clock = Clock()
    pace = Pace(clock)
    passes(pace, 20)
    clock.now += ago
    pace.refused(0.1, sent=clock.now)
    assert pace.rate == pytest.approx(rate, rel=0.001)


def test_burst_that_is_refused_at_once_without_a_pause_is_not_taken_for_a_standstill():
    pace = Pace(Clock())
    passes(pace, 5)
    pace.refused(0.0, sent=100.0)
    assert pace.rate > 1000


def at_a_hundred(clock, decided, resume=None, guessed=False):
    """A pace of a hundred calls a second that was set ``decided`` seconds ago, with a pause that ended ``resume`` seconds ago."""
    resumed = clock.now - (decided if resume is None else resume)
    return Pace(clock, {"rate": 100.0, "guessed": guessed, "next_at": resumed, "resume_at": resumed, "decided_at": clock.now - decided})


@pytest.mark.parametrize(
    ("quiet", "resume", "passed", "rate"),
    [
        # Refused again soon: by a tenth at least, and at most by half.
        (2.9, None, 0, 50.0),
        (2.9, None, 70, 70.0),
        (2.9, None, 200, 90.0),
        # The pause of the last refusal is no time in which all went well.
        (9.0, 2.9, 0, 50.0),
        # All went well for a while, so the pace was nearly right.
        (3.1, None, 0, 90.0),
        (3.1, None, 95, 95.0),
        (3.1, None, 200, 97.0),
    ],
)
def test_how_much_slower_a_refusal_makes_us(quiet, resume, passed, rate):
    clock = Clock()
    pace = at_a_hundred(clock, quiet - 1.0, None if resume is None else resume - 1.0)
    passes(pace, passed)
    clock.now += 1.0
    pace.refused(0.0, sent=clock.now)
    # What passed has made it a hundredth quicker before.
    assert pace.rate == pytest.approx(rate, rel=0.011)


@pytest.mark.parametrize(
    ("quiet", "resume", "guessed", "rate"),
    [
        (0.5, None, False, 100.5),
        (14.9, None, False, 101.0),
        (15.1, None, False, 105.0),
        (29.9, None, False, 105.0),
        (30.1, None, False, 150.0),
        (40.0, 14.9, False, 101.0),
        (0.5, None, True, 105.0),
        (14.9, None, True, 110.0),
        (29.9, None, True, 110.0),
        (30.1, None, True, 150.0),
    ],
)
def test_how_much_quicker_a_second_makes_us_in_which_nothing_was_refused(quiet, resume, guessed, rate):
    pace = at_a_hundred(Clock(), quiet, resume, guessed)
    pace.passed()
    assert pace.rate == pytest.approx(rate, rel=0.0001)


def test_pace_from_a_clock_that_was_ahead_of_ours_stays_as_it_is():
    pace = at_a_hundred(Clock(), -50.0)
    pace.passed()
    assert pace.rate == 100.0


def test_first_measure_is_a_guess_and_the_second_is_none():
    clock = Clock()
    pace = Pace(clock)
    for growth in (1.1, 1.01):
        passes(pace, 50)
        clock.now += 1.0
        pace.refused(0.0, sent=clock.now)
        rate = pace.rate
        clock.now += 1.0
        pace.passed()
        assert pace.rate == pytest.approx(growth * rate)


def test_threads_that_were_busy_catch_up_by_a_moment_only():
    clock = Clock()
    pace = at_a_hundred(clock, 10.0)
    assert [pace.take() for _call in range(120)].count(0.0) in (10, 11)


def test_clock_may_begin_at_nought():
    clock = Clock()
    clock.now = 0.0
    assert Pace(clock).take() == 0.0


def test_throttle_that_lets_hardly_anything_through_is_not_hammered():
    seconds, refusals = rehearse(Bucket(0.25, 8.0), 60)
    assert refusals < 30
    assert seconds < 60 / 0.25 * 1.5


def test_next_run_keeps_the_pause_and_knows_which_refusals_are_old():
    clock = Clock()
    first = Pace(clock)
    passes(first, 20)
    first.refused(9.0, sent=clock.now)
    second = Pace(clock, first.state())
    assert second.take() == pytest.approx(9.0)
    second.refused(1.0, sent=clock.now)
    assert second.rate == first.rate


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


# Refusals that do not depend on our rate


def waiting_alone(throttle, *arguments):
    clock = Clock()
    seconds, _refusals = rehearse(throttle, *arguments, pace=WaitOnly(clock), clock=clock)
    return seconds


def test_twelve_users_are_not_held_up_by_a_throttle_that_others_use_up():
    seconds, _refusals = rehearse(EverySeventh(), 130, threads=12)
    assert seconds <= 2 * waiting_alone(EverySeventh(), 130, 12)


@pytest.mark.parametrize(("threads", "latency"), [(1, 0.02), (4, 0.5), (8, 0.02), (12, 0.02), (64, 0.1)])
@pytest.mark.parametrize("pause", [0.2, 1.0, 3.0])
def test_refusals_that_come_whatever_the_rate_cost_their_pauses_and_little_more(threads, latency, pause):
    seconds, _refusals = rehearse(EverySeventh(), 2000, threads, latency, pause)
    assert seconds <= 1.5 * waiting_alone(EverySeventh(), 2000, threads, latency, pause)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("share", [1 / 3, 1 / 7, 1 / 20])
@pytest.mark.parametrize("threads", [1, 12])
def test_refusals_by_chance_cost_their_pauses_and_little_more(share, seed, threads):
    seconds, _refusals = rehearse(ByChance(share, seed), 2000, threads)
    assert seconds <= 2 * waiting_alone(ByChance(share, seed), 2000, threads)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("gap", "length", "pause"), [(10.0, 1.0, 1.0), (2.0, 0.3, 1.0), (10.0, 1.0, 3.0)])
@pytest.mark.parametrize("threads", [1, 12])
def test_bursts_of_others_cost_their_pauses_and_little_more(gap, length, pause, seed, threads):
    calls = 3000 * threads
    seconds, _refusals = rehearse(BurstsOfOthers(gap, length, seed), calls, threads, 0.02, pause)
    assert seconds <= 2 * waiting_alone(BurstsOfOthers(gap, length, seed), calls, threads, 0.02, pause)


def test_next_run_knows_that_the_refusals_are_not_ours():
    clock, throttle = Clock(), EverySeventh()
    first = Pace(clock)
    rehearse(throttle, 130, threads=12, pace=first, clock=clock)
    assert first.rate is None
    second = Pace(clock, json.loads(json.dumps(first.state())))
    assert second.rate is None
    seconds, _refusals = rehearse(throttle, 60, threads=12, pace=second, clock=clock)
    assert seconds <= 1.1 * waiting_alone(EverySeventh(), 60, 12)


def test_runs_of_few_calls_learn_together_that_the_refusals_are_not_ours():
    clock, throttle, state = Clock(), EverySeventh(), None
    for _run in range(40):
        pace = Pace(clock, state)
        rehearse(throttle, 10, threads=12, pace=pace, clock=clock)
        state = json.loads(json.dumps(pace.state()))
    assert clock.now - 100.0 <= 2 * waiting_alone(EverySeventh(), 400, 12)


@pytest.mark.parametrize("rate", [5, 20])
def test_limit_that_is_ours_again_is_paced_again(rate):
    clock = Clock()
    pace = Pace(clock)
    rehearse(EverySeventh(), 130, threads=12, pace=pace, clock=clock)
    assert pace.rate is None
    throttle = Bucket(rate, at=clock.now)
    rehearse(throttle, 50 * rate, threads=12, pace=pace, clock=clock)
    seconds, refusals = rehearse(throttle, 50 * rate, threads=12, pace=pace, clock=clock)
    assert pace.rate == pytest.approx(rate, rel=0.2)
    assert refusals / (50 * rate + refusals) < 0.05
    assert 50 * rate / seconds >= 0.9 * rate


def test_throttle_that_is_gone_leaves_nothing_behind():
    clock = Clock()
    pace = Pace(clock)
    rehearse(EverySeventh(), 130, threads=12, pace=pace, clock=clock)
    rehearse(Bucket(1e9), 40000, threads=12, pace=pace, clock=clock)
    assert pace.state() is None


@settings(deadline=None, max_examples=40)
@given(
    rate=st.floats(1.0, 400.0),
    seconds=st.floats(0.1, 20.0),
    threads=st.integers(1, 64),
    latency=st.floats(0.003, 1.0),
    pause=st.floats(0.0, 10.0),
)
def test_limit_on_the_rate_is_never_taken_for_that_of_others(rate, seconds, threads, latency, pause):
    clock = Clock()
    pace = Pace(clock)
    rehearse(Bucket(rate, max(seconds, 1.5 / rate)), 400, threads, latency, pause, pace, clock)
    assert (pace.state() or {"doubt": {"waits": 0}})["doubt"]["waits"] == 0


# Limits that the cloud names


@pytest.mark.parametrize("throttle", [Bucket(20), Window(20)])
def test_limit_that_is_named_is_used_up_to_a_twentieth(throttle):
    clock = Clock()
    pace = Pace(clock)
    seconds, refusals = rehearse(throttle, 2000, pace=pace, clock=clock, limit=(20, 1))
    assert pace.rate == pytest.approx(19.0)
    assert 2000 / seconds >= 0.9 * 20
    # Those that were under way when the first was refused.
    assert refusals <= 8


def test_limit_that_is_named_is_kept_when_the_window_is_still_used_up():
    clock = Clock()
    pace = Pace(clock)
    passes(pace, 60)
    for _refusal in range(5):
        pace.refused(3.0, sent=clock.now, limit=(60, 60))
        assert pace.rate == pytest.approx(0.95)
        clock.now += 10.0


def test_limit_that_is_named_and_shared_is_measured_below_it():
    clock = Clock()
    pace = Pace(clock)
    seconds, refusals = rehearse(Bucket(10), 1000, pace=pace, clock=clock, limit=(20, 1))
    assert pace.rate < 13.0
    assert 1000 / seconds >= 0.9 * 10
    assert refusals / (1000 + refusals) < 0.05
    # It grows up to what is named and no further.
    rehearse(Bucket(1e9), 4000, pace=pace, clock=clock)
    assert pace.rate == pytest.approx(19.0)


def test_limit_that_is_named_may_be_slower_than_all_others():
    clock = Clock()
    pace = Pace(clock)
    pace.refused(1.0, sent=clock.now, limit=(5, 60))
    assert pace.rate < SLOWEST
    assert pace.rate == pytest.approx(0.95 * 5 / 60)
    assert pace.take() == pytest.approx(60 / 5 / 0.95)


def test_newer_word_on_the_limit_counts():
    clock = Clock()
    pace = Pace(clock)
    pace.refused(1.0, sent=clock.now, limit=(100, 10))
    pace.refused(1.0, sent=clock.now, limit=(30, 10))
    assert pace.rate == pytest.approx(0.95 * 3)
    clock.now += 60.0
    pace.refused(1.0, sent=clock.now)
    assert pace.rate < 0.95 * 3


def test_limit_beyond_all_need_holds_nothing_back():
    clock = Clock()
    pace = Pace(clock)
    passes(pace, 20)
    clock.now += 1.0
    pace.refused(1.0, sent=clock.now, limit=(1_000_000, 1))
    assert pace.rate == pytest.approx(10.0, rel=0.01)


def test_next_run_knows_the_limit_that_was_named():
    clock = Clock()
    first = Pace(clock)
    first.refused(1.0, sent=clock.now, limit=(20, 1))
    second = Pace(clock, json.loads(json.dumps(first.state())))
    rehearse(Bucket(1e9), 2000, pace=second, clock=clock)
    assert second.rate == pytest.approx(19.0)


def test_limit_that_is_named_holds_while_only_pauses_are_waited_out():
    clock = Clock()
    pace = Pace(clock)
    rehearse(EverySeventh(), 400, threads=12, pace=pace, clock=clock, limit=(20, 1))
    assert pace.rate == pytest.approx(19.0)
    begin = clock.now
    rehearse(Bucket(1e9), 400, threads=12, pace=pace, clock=clock)
    assert 400 / (clock.now - begin) <= 20.0
