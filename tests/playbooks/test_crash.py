# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ends rollouts and roll-backs at each of their requests, and at each step of writing a seed, and then completes them or takes them back.

Nothing may be lost, and nobody locked out.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable

import pyotp
import pytest

ACCOUNT = "acme-berlin"
ROLLOUT, ROLLBACK = "hwc.mfa.rollout", "hwc.mfa.rollback"
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


def all_at_once(work: Callable[[Any], None], cases: Iterable[Any]) -> None:
    """Do the same for all cases, as many at once as there are processors; the first that fails is raised."""
    with ThreadPoolExecutor(max(2, len(os.sched_getaffinity(0)))) as pool:
        for future in [pool.submit(work, case) for case in cases]:
            future.result()


def assert_nothing_is_lost(ground: Any, strategy: str) -> None:
    """Whatever came before: no bound device without its seed in the store, nobody under protection whom nobody can enrol, no wrong code."""
    seeds = ground.seeds(ACCOUNT) if strategy == "enrol" else {}
    for user in ground.cloud.describe()["users"]:
        seen = ground.cloud.cloud.user(user["user_id"])
        if strategy == "enrol" and seen.device is not None and seen.device.bound:
            assert seeds[user["user_id"]]["seed"] == seen.device.seed
        if strategy == "enrol" and seen.protection is not None and seen.protection.enabled:
            assert seen.device is not None and seen.device.bound
    counters = ground.cloud.cloud.counters
    assert (counters.wrong_codes, counters.refused_codes) == (0, 0)


def assert_complete(ground: Any, strategy: str) -> None:
    """Everybody is brought along, the store's seed gives the code that the device would show, and the report says what is true."""
    assert_nothing_is_lost(ground, strategy)
    report = ground.report(ACCOUNT)
    rows = {row["user_id"]: row for row in report["users"]}
    now = ground.cloud.cloud.now()
    for user in ground.cloud.describe()["users"]:
        seen = ground.cloud.cloud.user(user["user_id"])
        row = rows[user["user_id"]]
        assert seen.protection.enabled and seen.protection.verification_method == "vmfa"
        assert row["outcome"] in ("done", "already")
        assert row["after"]["login_protection"] == "vmfa"
        if strategy == "enrol":
            seed = ground.seeds(ACCOUNT)[user["user_id"]]["seed"]
            assert pyotp.TOTP(seed).at(now) == pyotp.TOTP(seen.device.seed).at(now)
            assert row["seed_stored"] is True
            assert row["after"]["device"] == seen.device.serial_number
            assert row["after"]["binding"] in ("bound", "unknown")
    assert report["summary"]["failed"] == 0


def assert_taken_back(ground: Any, strategy: str) -> None:
    """Nobody is protected, and nobody has a device of the rollout's."""
    assert_nothing_is_lost(ground, strategy)
    report = ground.report(ACCOUNT)
    rows = {row["user_id"]: row for row in report["users"]}
    for user in ground.cloud.describe()["users"]:
        seen = ground.cloud.cloud.user(user["user_id"])
        assert seen.protection is None or not seen.protection.enabled
        assert strategy == "require" or seen.device is None
        assert rows[user["user_id"]]["outcome"] in ("done", "already")
        assert rows[user["user_id"]]["after"]["login_protection"] == "none"
    assert report["summary"]["failed"] == 0


ENDS = {ROLLOUT: assert_complete, ROLLBACK: assert_taken_back}


def complete(ground: Any, strategy: str, playbook: str = ROLLOUT) -> None:
    """Start a rollout or a roll-back after what was before, which must end it."""
    assert_nothing_is_lost(ground, strategy)
    again = ground.run(playbook)
    assert again.code == 0, again.output
    ENDS[playbook](ground, strategy)


def deaths_of(requests: list[dict[str, Any]], every: bool) -> list[tuple[int, str]]:
    """When to end a run that makes these requests: at the number-th, before or after it is carried out."""
    # A request that only reads leaves the same behind whether it was answered or not.
    deaths = [(number, "after") for number, request in enumerate(requests, 1) if request["method"] != "GET" and request["route"] != "login"]
    if every:
        deaths += [(number, "before") for number in range(1, len(requests) + 1)]
        deaths += [(number, "after") for number, request in enumerate(requests, 1) if request["route"] == "login"]
    return deaths


def die_at(ground: Any, playbook: str, death: tuple[int, str], requests: int) -> None:
    """Start a playbook, and end it at a request of its own."""
    number, when = death
    process = ground.start(playbook)
    ground.cloud.kill_at(process.pid, number, when)
    output, _nothing = process.communicate(timeout=120)
    # The audit asks several things at once, and one answer can spare a question: a run may have a request fewer than the rehearsal had.
    assert process.returncode == -9 or (process.returncode == 0 and number > requests - 2), f"{death}: {output}"


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
