# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.progress import INTERVAL, Progress


class Clock:
    """Seconds that pass only when a test says so."""

    def __init__(self):
        self.seconds = 1000.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def lines():
    return []


@pytest.fixture
def progress(clock, lines):
    return Progress("acme", lines.append, clock)


def work(progress, clock, users, seconds, failing=()):
    """So many users are done, each after some seconds."""
    for number in range(users):
        clock.seconds += seconds
        progress.item_done(number in failing)


def test_short_step_says_nothing(progress, clock, lines):
    progress.begin("create", 9)
    work(progress, clock, 9, 1.0)
    assert lines == []


def test_line_says_how_many_are_done_of_all_and_failed_how_fast_and_for_how_long_still(progress, clock, lines):
    progress.begin("bind", 100)
    work(progress, clock, 20, 0.5, failing=(3, 7))
    assert lines == ["acme: bind: 20 of 100 done, 2 failed, 2.0 a second, about 40 s left"]


def test_line_comes_every_ten_seconds_at_most(progress, clock, lines):
    said_at = []
    progress.begin("bind", 1000)
    for _user in range(240):
        clock.seconds += 0.25
        progress.item_done(False)
        progress.tick()
        if len(lines) > len(said_at):
            said_at.append(clock.seconds)
    assert len(lines) == len(said_at) == 60 // INTERVAL
    assert all(later - earlier >= INTERVAL for earlier, later in zip(said_at, said_at[1:]))


def test_line_comes_also_while_nobody_is_done_and_promises_no_end(progress, clock, lines):
    progress.begin("protect", 8)
    for _second in range(25):
        clock.seconds += 1.0
        progress.tick()
    assert lines == ["acme: protect: 0 of 8 done, 0 failed, 0.0 a second"] * 2


def test_long_time_that_is_left_is_told_in_minutes(progress, clock, lines):
    progress.begin("create", 1010)
    work(progress, clock, 10, 1.0)
    assert lines == ["acme: create: 10 of 1010 done, 0 failed, 1.0 a second, about 16 min 40 s left"]


def test_next_step_counts_anew_and_does_not_speak_sooner(progress, clock, lines):
    progress.begin("create", 30)
    work(progress, clock, 12, 1.0)
    progress.begin("bind", 10)
    assert len(lines) == 1
    work(progress, clock, 7, 1.0)
    assert len(lines) == 1
    clock.seconds += 1.0
    progress.tick()
    assert lines[1] == "acme: bind: 7 of 10 done, 0 failed, 0.9 a second, about 3 s left"


def test_steps_of_a_short_wave_say_nothing_each_for_itself_but_a_long_wave_of_short_steps_shows_that_it_works(progress, clock, lines):
    for step in ("create", "bind", "protect"):
        progress.begin(step, 4)
        work(progress, clock, 4, 1.0)
    assert lines == ["acme: protect: 2 of 4 done, 0 failed, 1.0 a second, about 2 s left"]


def test_nothing_is_said_before_the_first_step_and_for_nobody(progress, clock, lines):
    clock.seconds += 100.0
    progress.tick()
    progress.begin("create", 0)
    clock.seconds += 100.0
    progress.tick()
    assert lines == []


def test_clock_that_stands_still_divides_nothing_by_zero(clock, lines):
    progress = Progress("acme", lines.append, clock, interval=0.0)
    progress.begin("create", 2)
    progress.item_done(False)
    progress.item_done(True)
    assert all("of 2 done" in line for line in lines)
    assert lines[-1].endswith("about 0 s left")


def test_many_threads_are_counted_and_one_of_them_speaks(progress, clock, lines):
    progress.begin("bind", 4000)
    clock.seconds += INTERVAL
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: progress.item_done(number % 10 == 0), range(4000)))
    assert len(lines) == 1
    clock.seconds += INTERVAL
    progress.tick()
    assert re.fullmatch(r"acme: bind: 4000 of 4000 done, 400 failed, 200\.0 a second, about 0 s left", lines[1])
