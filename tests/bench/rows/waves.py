# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role at work: what waves cost by their size, and how it grows with the account."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import measure
import table
from ground import CONCURRENCY, LATENCY_MS, WAVE_SIZES, Bench, Ground, play_role, waves
from measure import Failed, Measurement
from table import Section, Table

WAVE = "hwc.mfa.rollout_wave"
BULK = (WAVE, "hwc.mfa.seed_store")
"""Tasks that do a wave's work; everything else is what a wave costs on top."""

SIZES = (10, 30, 100, 300, 1000)
QUICK_SIZES = (5, 20)

# Waves of one size are alike, so that small ones are measured on fewer users.
MOST_WAVES = 20

# A size is as good as the best one up to here.
KNEE = 1.1

ACCOUNTS = (100, 1000, 10000)
QUICK_ACCOUNTS = (20, 60)
MANY_AT_ONCE = 32


def by_size(bench: Bench) -> Section:
    """Enrol users in waves of different sizes."""
    users = {size: min(bench.pick(1000, 40), size * MOST_WAVES) for size in (QUICK_SIZES if bench.quick else SIZES)}
    runs: dict[int, list[Measurement]] = {}
    overheads: dict[int, float] = {}
    for size, count in users.items():
        runs[size], overheads[size] = _enrol(bench, f"wave/{size}", count, [size], CONCURRENCY)
    each = {size: measure.wall(measured) / users[size] for size, measured in runs.items()}
    knee = min(size for size, cost in each.items() if cost <= KNEE * min(each.values()))
    lines = [
        [
            str(size),
            str(count),
            str(len(waves(count, [size]))),
            *_cells(runs[size], count, overheads[size]),
        ]
        for size, count in users.items()
    ]
    heads = ["wave size", "users", "waves", *HEADS]
    notes = [
        f"The knee: {knee}, the smallest size whose time per user is within {KNEE - 1:.0%} of the best.",
        f"{LATENCY_MS} ms a call, {CONCURRENCY} at once. Overhead: what a wave takes beside the tasks that call the cloud or the seed store. "
        f"{MOST_WAVES} waves at the most.",
    ]
    figures = {
        "users": users,
        "knee": knee,
        "seconds_per_user": each,
        "overhead_seconds_per_wave": overheads,
        "runs": measure.as_dicts(runs),
    }
    return Section("the role by the size of waves", [Table(heads, lines)], notes, figures)


def by_account(bench: Bench) -> Section:
    """Enrol accounts of different sizes in the default waves."""
    accounts = QUICK_ACCOUNTS if bench.quick else ACCOUNTS
    runs: dict[int, list[Measurement]] = {}
    overheads: dict[int, float] = {}
    for users in accounts:
        runs[users], overheads[users] = _enrol(bench, f"linear/{users}", users, WAVE_SIZES, MANY_AT_ONCE)
    each = {users: measure.wall(measured) / users for users, measured in runs.items()}
    lines = [
        [
            str(users),
            str(len(waves(users, WAVE_SIZES))),
            *_cells(runs[users], users, overheads[users]),
        ]
        for users in accounts
    ]
    heads = ["users", "waves", *HEADS]
    notes = [f"{LATENCY_MS} ms a call, {MANY_AT_ONCE} at once, waves of {WAVE_SIZES}."]
    figures = {"seconds_per_user": each, "overhead_seconds_per_wave": overheads, "runs": measure.as_dicts(runs)}
    return Section("the role by the number of users", [Table(heads, lines)], notes, figures)


HEADS = ("runs", "s", "ms/user", "cpu ms/user", "overhead s/wave", "MiB", "requests")


def _cells(runs: Sequence[Measurement], users: int, overhead: float) -> list[str]:
    """What came of enrolling ``users`` users, under ``HEADS``; ``overhead`` in seconds a wave."""
    return [
        str(len(runs)),
        table.seconds(measure.wall(runs)),
        table.milliseconds(measure.wall(runs) / users),
        table.milliseconds(measure.processor(runs) / users),
        table.seconds(overhead),
        table.mib(measure.peak(runs)),
        table.number(measure.requests(runs)),
    ]


def _enrol(bench: Bench, name: str, users: int, sizes: Sequence[int], concurrency: int) -> tuple[list[Measurement], float]:
    """The role on fresh clouds, and the median overhead of a wave in seconds."""
    runs = []
    overheads = []
    for repetition in bench.repetitions():
        with Ground(bench, f"{name}-{repetition}", users=users) as ground:
            runs.append(play_role(ground, "run", "enrol", mfa_rollout_wave_sizes=sizes, mfa_rollout_concurrency=concurrency))
            overheads.append(_overhead(ground.times("run")) / len(waves(users, sizes)))
    return runs, statistics.median(overheads)


def _overhead(tasks: Sequence[Mapping[str, Any]]) -> float:
    """Seconds between the first wave's begin and the last one's end in which no bulk task ran.

    The waves begin with the first phase of one, after the look at the account and the plan, and end with the last look at it.
    """
    looks = [number for number, task in enumerate(tasks) if task["action"] == WAVE and task["outcome"] == "ok"]
    if len(looks) < 3:
        raise Failed("the role did not look at the cloud before and after")
    begin = looks[1]
    while tasks[begin - 1]["action"] == "ansible.builtin.include_tasks":
        begin -= 1
    work = [task for task in tasks[begin : looks[-1] + 1] if task["action"] in BULK]
    return float(tasks[looks[-1]]["end"] - tasks[begin]["start"] - sum(task["end"] - task["start"] for task in work))
