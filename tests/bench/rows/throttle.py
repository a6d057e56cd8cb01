# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Throttling: how near the role comes to what a cloud allows, how often it is refused, and what a limit costs that others use up."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import measure
import table
from ground import CONCURRENCY, LATENCY_MS, Bench, Ground, play_role
from measure import Measurement
from table import Section, Table

BULK = ("hwc.mfa.rollout_wave",)
THROTTLED = 429

SHARED_EVERY = 7
"""Of so many requests one is refused, whatever our rate, since other clients use up the limit."""

PAUSE = 1.0
"""Seconds that the cloud then asks for with Retry-After."""


@dataclass(frozen=True)
class Case:
    """Accounts with so many users each, and calls a second that the cloud allows each of them."""

    accounts: int
    users: int
    rate: int

    @property
    def label(self) -> str:
        return f"{self.accounts} x {self.users} at {self.rate}/s"


@dataclass(frozen=True)
class Pace:
    """Answered calls a second and account: while its bulk tasks ran, and from the first call to the last; and the share of calls that were refused."""

    bulk: float
    whole: float
    refused: float


def row(bench: Bench) -> Section:
    """Enrol against clouds that throttle, accounts side by side too."""
    runs: dict[str, list[Measurement]] = {}
    paces: dict[str, list[Pace]] = {}
    cases = _cases(bench)
    for case in cases:
        runs[case.label], paces[case.label] = [], []
        for repetition in bench.repetitions():
            name = f"throttle/{case.accounts}-{case.rate}-{repetition}"
            with Ground(bench, name, users=case.users * case.accounts, accounts=case.accounts, rate=case.rate) as ground:
                # Raises where a user failed.
                runs[case.label].append(play_role(ground, "run", "enrol", "--forks", str(case.accounts)))
                paces[case.label].append(_pace(ground))
    lines = [_line(case, runs[case.label], paces[case.label]) for case in cases]
    shared, shared_runs = _shared(bench)
    heads = ["accounts x users", "runs", "s", "requests", "refused", "share", "bulk/s", "of allowed", "whole/s"]
    notes = [
        f"{LATENCY_MS} ms a call, {CONCURRENCY} at once an account, accounts side by side (--forks), the rate is each account's own. No user failed.",
        "bulk/s: answered calls a second and account while bulk tasks ran; whole/s: from the first call to the last. The cloud saves up what is not "
        "used for a second, so that a share can exceed 100 %; a bind that waits up to 3 s at the edge of a 30 s step lowers it.",
    ]
    notes.append(
        f"Shared: every {SHARED_EVERY}th request is refused with Retry-After {PAUSE:g}, whatever the rate. waiting alone: the same run without "
        "refusals, and the pauses of this one, none counted twice."
    )
    figures = {
        "paces": {label: [asdict(pace) for pace in measured] for label, measured in paces.items()},
        "runs": measure.as_dicts({**runs, **shared_runs}),
    }
    return Section("the role against a cloud that throttles", [Table(heads, lines), shared], notes, figures)


def _shared(bench: Bench) -> tuple[Table, dict[str, list[Measurement]]]:
    """The role where others use up the limit, and where nothing is refused."""
    users = bench.pick(60, 12)
    label, free = f"{users}, every {SHARED_EVERY}th refused", f"{users}, none refused"
    runs: dict[str, list[Measurement]] = {label: [], free: []}
    pauses = []
    for repetition in bench.repetitions():
        for name, every in ((label, SHARED_EVERY), (free, 0)):
            with Ground(bench, f"throttle/shared-{every}-{repetition}", users=users, shared_throttle=every) as ground:
                runs[name].append(play_role(ground, "run", "enrol"))
                if every:
                    pauses.append(_paused(ground))
    alone = measure.wall(runs[free]) + statistics.median(pauses)
    took = measure.wall(runs[label])
    cells = [
        label,
        str(len(runs[label])),
        table.seconds(took),
        table.number(measure.requests(runs[label])),
        table.number(measure.refused(runs[label])),
        table.seconds(alone),
        table.percent(alone / took),
    ]
    return Table(["users, shared limit", "runs", "s", "requests", "refused", "waiting alone", "of that pace"], [cells]), runs


def _paused(ground: Ground) -> float:
    """Seconds of a run in which some pause was still to be waited out."""
    paused, until = 0.0, 0.0
    for at in sorted(float(entry["at"]) for entry in ground.cloud.log() if entry["status"] == THROTTLED):
        paused += PAUSE - max(0.0, min(PAUSE, until - at))
        until = at + PAUSE
    return paused


def _cases(bench: Bench) -> list[Case]:
    many, some = bench.pick(500, 60), bench.pick(200, 20)
    return [Case(1, many, 200), Case(1, some, 20), Case(4, some, 50)]


def _line(case: Case, runs: Sequence[Measurement], paces: Sequence[Pace]) -> list[str]:
    bulk = statistics.median(pace.bulk for pace in paces)
    return [
        case.label,
        str(len(runs)),
        table.seconds(measure.wall(runs)),
        table.number(measure.requests(runs)),
        table.number(measure.refused(runs)),
        table.percent(statistics.median(pace.refused for pace in paces)),
        f"{bulk:.1f}",
        table.percent(bulk / case.rate),
        f"{statistics.median(pace.whole for pace in paces):.1f}",
    ]


def _pace(ground: Ground) -> Pace:
    """The pace of a run, on the average of its accounts."""
    log = ground.cloud.log()
    account_of = {user["user_id"]: account["name"] for account in ground.cloud.accounts for user in (account["admin"], *account["users"])}
    # Whoever was refused at the login is not known.
    answered = [(account_of[entry["user_id"]], float(entry["at"])) for entry in log if entry["user_id"] and entry["status"] != THROTTLED]
    tasks = ground.times("run")
    names = [account["name"] for account in ground.cloud.accounts]
    return Pace(
        bulk=statistics.mean(_bulk_rate(name, answered, tasks) for name in names),
        whole=statistics.mean(_whole_rate([at for account, at in answered if account == name]) for name in names),
        refused=sum(1 for entry in log if entry["status"] == THROTTLED) / len(log),
    )


def _bulk_rate(account: str, answered: Sequence[tuple[str, float]], tasks: Sequence[Mapping[str, Any]]) -> float:
    spans = [(task["start"], task["end"]) for task in tasks if task["host"] == account and task["action"] in BULK]
    calls = sum(1 for name, at in answered if name == account and any(start <= at <= end for start, end in spans))
    return float(calls / sum(end - start for start, end in spans))


def _whole_rate(times: Sequence[float]) -> float:
    return len(times) / (max(times) - min(times))
