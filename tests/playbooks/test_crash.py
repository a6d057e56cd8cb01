# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ends rollouts and roll-backs at each of their requests, and at each step of writing a seed, and then completes them or takes them back.

Nothing may be lost, and nobody locked out.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Callable

import pytest
from truths import ACCOUNT, ROLLBACK, ROLLOUT, Death, all_at_once, complete, deaths_of, die_at
from twins import twin

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


CREATE, BIND, PROTECT = 0, 1, 2
ROUTES = {"huaweicloud": ("v5-create", "v5-enable", "login-protect-put"), "otc": ("create", "bind", "login-protect-put")}
BACK = {"huaweicloud": ("login-protect-put", "v5-disable", "v5-delete"), "otc": ("login-protect-put", "unbind", "delete")}


# After which of its writes a run ends, where it does not end at each request.
@pytest.mark.parametrize(
    ("strategy", "profile", "then", "writes"),
    [
        ("enrol", "huaweicloud", ROLLOUT, (CREATE, PROTECT)),
        ("enrol", "otc", ROLLBACK, (BIND,)),
        ("require", "huaweicloud", ROLLBACK, (PROTECT,)),
        twin("enrol", "huaweicloud", ROLLBACK, (CREATE, BIND, PROTECT)),
        twin("enrol", "otc", ROLLOUT, (CREATE, BIND, PROTECT)),
        twin("require", "huaweicloud", ROLLOUT, (PROTECT,)),
        twin("require", "otc", ROLLOUT, (PROTECT,)),
        twin("require", "otc", ROLLBACK, (PROTECT,)),
    ],
)
def test_rollout_that_dies_at_any_request_is_completed_or_taken_back_by_the_next_run(
    scene: Callable[..., Any], strategy: str, profile: str, then: str, writes: tuple[int, ...], pytestconfig: pytest.Config
) -> None:
    rehearse = (lambda: scene("rehearsal", strategy, profile)) if pytestconfig.getoption("--every-death") else None
    deaths, requests = deaths_of(ROLLOUT, rehearse, *(ROUTES[profile][write] for write in writes))
    assert rehearse is None or requests >= 10

    def die(death: Death) -> None:
        ground = scene(str(death), strategy, profile)
        die_at(ground, ROLLOUT, death, requests)
        complete(ground, strategy, then)

    all_at_once(die, deaths)


@pytest.mark.parametrize(
    ("profile", "then", "writes"),
    [
        ("huaweicloud", ROLLBACK, (0, 2)),
        ("otc", ROLLOUT, (1,)),
        twin("huaweicloud", ROLLOUT, (0, 1, 2)),
        twin("otc", ROLLBACK, (0, 1, 2)),
    ],
)
def test_roll_back_that_dies_at_any_request_is_completed_or_undone_by_the_next_run(
    scene: Callable[..., Any], profile: str, then: str, writes: tuple[int, ...], pytestconfig: pytest.Config
) -> None:
    def enrolled(folder: str) -> Any:
        ground = scene(folder, "enrol", profile)
        assert ground.run(ROLLOUT).code == 0
        ground.cloud.clear_log()
        # Codes of the enrolment are no longer those of the moment.
        ground.cloud.advance(90)
        return ground

    rehearse = (lambda: enrolled("rehearsal")) if pytestconfig.getoption("--every-death") else None
    deaths, requests = deaths_of(ROLLBACK, rehearse, *(BACK[profile][write] for write in writes))

    def die(death: Death) -> None:
        ground = enrolled(str(death))
        die_at(ground, ROLLBACK, death, requests)
        complete(ground, "enrol", then)

    all_at_once(die, deaths)


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

    # Each file is written in three steps, and each of these is another one of the three.
    numbers: Iterable[int] = (8, 22, 36)
    if pytestconfig.getoption("--every-death"):
        _ground, steps = run("rehearsal", 10**6)
        assert steps >= max(numbers)
        numbers = range(1, steps + 1)

    def die(number: int) -> None:
        ground, _steps = run(str(number), number)
        complete(ground, "enrol")
        # What was being written is left behind, and is as unreadable as all the rest.
        left = [path for path in (ground.seed_directory / ACCOUNT).iterdir() if path.suffix not in (".yml", ".json")]
        assert len(left) <= 1
        assert all(path.name.startswith(".new-") and path.stat().st_mode & 0o777 == 0o600 for path in left)

    all_at_once(die, numbers)
