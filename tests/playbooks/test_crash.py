# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ends rollouts and roll-backs at each of their requests, and at each step of writing a seed, and then completes them or takes them back.

Nothing may be lost, and nobody locked out.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Callable

import pytest
from truths import ACCOUNT, ROLLBACK, ROLLOUT, all_at_once, complete, deaths_of, die_at

FEW = {"mfa_rollout_wave_sizes": [2], "mfa_rollout_concurrency": 1}
HERE = Path(__file__).resolve().parent


@pytest.fixture
def scene(playground: Callable[..., Any]) -> Callable[..., Any]:
    """Makes a playground of two users who go through in one wave, each call after the one before."""

    def make(folder: str, strategy: str, profile: str) -> Any:
        ground = playground(strategy, folder=folder, users=2, profile=profile)
        ground.variables[ACCOUNT] |= FEW
        return ground

    return make


@pytest.mark.parametrize("then", [ROLLOUT, ROLLBACK])
@pytest.mark.parametrize("profile", ["huaweicloud", "otc"])
@pytest.mark.parametrize("strategy", ["enrol", "require"])
def test_rollout_that_dies_at_any_request_is_completed_or_taken_back_by_the_next_run(
    scene: Callable[..., Any], strategy: str, profile: str, then: str, pytestconfig: pytest.Config
) -> None:
    rehearsal = scene("rehearsal", strategy, profile)
    assert rehearsal.run(ROLLOUT).code == 0
    requests = rehearsal.cloud.log
    assert len(requests) >= 10

    def die(death: tuple[int, str]) -> None:
        ground = scene(f"{death[0]}-{death[1]}", strategy, profile)
        die_at(ground, ROLLOUT, death, len(requests))
        complete(ground, strategy, then)

    all_at_once(die, deaths_of(requests, pytestconfig.getoption("--every-death")))


@pytest.mark.parametrize("then", [ROLLBACK, ROLLOUT])
@pytest.mark.parametrize("profile", ["huaweicloud", "otc"])
def test_roll_back_that_dies_at_any_request_is_completed_or_undone_by_the_next_run(
    scene: Callable[..., Any], profile: str, then: str, pytestconfig: pytest.Config
) -> None:
    def enrolled(folder: str) -> Any:
        ground = scene(folder, "enrol", profile)
        assert ground.run(ROLLOUT).code == 0
        ground.cloud.clear_log()
        # Codes of the enrolment are no longer those of the moment.
        ground.cloud.advance(90)
        return ground

    rehearsal = enrolled("rehearsal")
    assert rehearsal.run(ROLLBACK).code == 0
    requests = rehearsal.cloud.log

    def die(death: tuple[int, str]) -> None:
        ground = enrolled(f"{death[0]}-{death[1]}")
        die_at(ground, ROLLBACK, death, len(requests))
        complete(ground, "enrol", then)

    all_at_once(die, deaths_of(requests, pytestconfig.getoption("--every-death")))


@pytest.mark.parametrize("profile", ["otc"])
def test_rollout_that_dies_while_the_store_is_written_is_completed_by_the_next(
    scene: Callable[..., Any], profile: str, pytestconfig: pytest.Config
) -> None:
    def run(folder: str, number: int) -> tuple[Any, int]:
        ground = scene(folder, "enrol", profile)
        count = ground.path / "count"
        crash = {"PYTHONPATH": f"{HERE / 'crash'}:{os.environ['PYTHONPATH']}", "CRASH_AT": str(number)}
        crash |= {"CRASH_BELOW": str(ground.seed_directory), "CRASH_COUNT": str(count)}
        process = ground.start(ROLLOUT, env=crash)
        process.communicate(timeout=120)
        assert (process.returncode == -9) is (len(count.read_bytes()) == number)
        return ground, len(count.read_bytes())

    _ground, steps = run("rehearsal", 10**6)
    # Each file is written in three steps, and there are at least the lock, what is intended, and the seeds.
    assert steps >= 9

    def die(number: int) -> None:
        ground, _steps = run(str(number), number)
        complete(ground, "enrol")
        # What was being written is left behind, and is as unreadable as all the rest.
        left = [path for path in (ground.seed_directory / ACCOUNT).iterdir() if path.suffix not in (".yml", ".json")]
        assert len(left) <= 1
        assert all(path.name.startswith(".new-") and path.stat().st_mode & 0o777 == 0o600 for path in left)

    # A stride of four meets each of a file's three steps in turn.
    all_at_once(die, range(1, steps + 1, 1 if pytestconfig.getoption("--every-death") else 4))
