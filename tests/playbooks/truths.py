# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must be true after any rollout or roll-back, whatever went wrong in it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Callable

import pyotp

ACCOUNT = "acme-berlin"
ROLLOUT, ROLLBACK = "hwc.mfa.rollout", "hwc.mfa.rollback"

HEADER = "- hosts: all\n  connection: local\n  gather_facts: false\n"
IGNORING = f"{HEADER}  ignore_errors: true\n"
"""The beginning of a play that goes on whatever fails in it. Users write such plays, and no promise may depend on a task that fails."""

ROLE_IGNORED = f"{IGNORING}  roles: [hwc.mfa.mfa_rollout]\n"
"""One that uses the role so."""


def all_at_once(work: Callable[[Any], None], cases: Iterable[Any], each_waits: bool = False) -> None:
    """Do the same for all cases, as many at once as there are processors, or more where ``each_waits`` most of its time; the first failure is raised."""
    processors = max(2, len(os.sched_getaffinity(0)))
    with ThreadPoolExecutor(2 * processors if each_waits else processors) as pool:
        for future in [pool.submit(work, case) for case in cases]:
            future.result()


@dataclass(frozen=True)
class Death:
    """When to end a run: at the number-th request, or the number-th of a route, before or after it is carried out."""

    number: int
    when: str
    route: str = "*"

    @property
    def of_the_machine(self) -> bool:
        """Whether all processes of the run end at once, as half of the deaths do. In the other half a worker may still write files."""
        return self.number % 2 == 1

    def __str__(self) -> str:
        return f"{self.number}-{self.when}{self.route.replace('*', '')}"


def deaths_of(playbook: str, rehearse: Callable[[], Any] | None, *routes: str) -> tuple[list[Death], int]:
    """When to end a run, and how many requests it makes.

    With ``rehearse``, which makes a playground, at each request that the playbook makes there. Else after the first of each of these routes, and the
    number is 0.
    """
    if rehearse is None:
        return [Death(1, "after", route) for route in routes], 0
    ground = rehearse()
    assert ground.run(playbook).code == 0
    return every_death(ground.cloud.log), len(ground.cloud.log)


def every_death(requests: list[dict[str, Any]]) -> list[Death]:
    """All deaths of a run that makes these requests."""
    # A path that no route of this cloud has is not counted there, see kill_at.
    requests = [request for request in requests if request["route"] is not None]
    # A request that only reads leaves the same behind whether it was answered or not.
    after = [Death(number, "after") for number, request in enumerate(requests, 1) if request["method"] != "GET"]
    return [Death(number, "before") for number in range(1, len(requests) + 1)] + after


def die_at(ground: Any, playbook: str, death: Death, requests: int = 0) -> None:
    """Start a playbook, and end it at a request of its own; it makes about as many ``requests``, where the route is not given."""
    process = ground.start(playbook)
    ground.cloud.kill_at(process.pid, death.number, death.when, death.route, death.of_the_machine)
    output, _nothing = process.communicate(timeout=120)
    # The audit asks several things at once, and one answer can spare a question: a run may have a few requests fewer than the rehearsal had.
    came = sum(request["route"] is not None for request in ground.cloud.log)
    late = death.route == "*" and process.returncode == 0 and requests - 9 < came < death.number
    assert process.returncode == -9 or late, f"{death}, {came} requests: {output}"


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
    assert (counters.wrong_codes, counters.refused_codes) == (0, 0), counters


def assert_complete(ground: Any, strategy: str) -> None:
    """Everybody is enrolled, the store's seed gives the code that the device would show, and the report says what is true."""
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
