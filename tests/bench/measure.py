# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs commands, says what they cost, and fails where one did not do its job."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

LAUNCHER = Path(__file__).resolve().parent / "launch.py"

# Longer than any command takes; a benchmark that hangs helps nobody.
LIMIT_SECONDS = 1800
TAIL_LINES = 12


class Failed(Exception):
    """What was measured did not do its job, so that its time says nothing."""


@dataclass(frozen=True)
class Requests:
    """What arrived at a rehearsal cloud: requests by route, how many were refused by its throttle, and how many asked for a further page."""

    by_route: Mapping[str, int] = field(default_factory=dict)
    refused: int = 0
    further_pages: int = 0

    @property
    def total(self) -> int:
        return sum(self.by_route.values())


@dataclass(frozen=True)
class Measurement:
    """What one run of a command cost, its children included. The peak is that of the largest of its processes."""

    wall_seconds: float
    processor_seconds: float
    peak_bytes: int
    requests: Requests = field(default_factory=Requests)

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "requests_total": self.requests.total}


def run(command: Sequence[str], folder: Path, env: Mapping[str, str], log: Path) -> Measurement:
    """Run a command with its output in a log. Raises Failed where it ends with anything but 0, or after LIMIT_SECONDS."""
    output = log.with_suffix(".cost.json")
    log.touch(mode=0o600)
    with log.open("w", encoding="utf-8") as stream:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(LAUNCHER), str(output), *command],
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            # A group of its own, so that whatever the command has started ends with it.
            start_new_session=True,
        )
        try:
            code = process.wait(LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            _end(process)
            raise Failed(f"{_short(command)} did not end within {LIMIT_SECONDS} s; see {log}") from None
        except BaseException:
            _end(process)
            raise
    if code != 0:
        tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:])
        raise Failed(f"{_short(command)} ended with {code}; see {log}\n{tail}")
    return Measurement(**json.loads(output.read_text(encoding="utf-8")))


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _short(command: Sequence[str]) -> str:
    return " ".join(Path(word).name if os.sep in word else word for word in command if not word.startswith("-"))[:80]


def middle(measurements: Iterable[Measurement], number: Callable[[Measurement], float]) -> float:
    """The median of a number of some measurements."""
    return statistics.median(number(measurement) for measurement in measurements)


def wall(measurements: Iterable[Measurement]) -> float:
    """The median of seconds on the clock."""
    return middle(measurements, lambda measurement: measurement.wall_seconds)


def processor(measurements: Iterable[Measurement]) -> float:
    """The median of processor seconds."""
    return middle(measurements, lambda measurement: measurement.processor_seconds)


def peak(measurements: Iterable[Measurement]) -> float:
    """The median of peak memory, in bytes."""
    return middle(measurements, lambda measurement: measurement.peak_bytes)


def requests(measurements: Iterable[Measurement]) -> float:
    """The median of how many requests were sent."""
    return middle(measurements, lambda measurement: measurement.requests.total)


def refused(measurements: Iterable[Measurement]) -> float:
    """The median of how many requests a throttle refused."""
    return middle(measurements, lambda measurement: measurement.requests.refused)


def as_dicts(runs: Mapping[Any, Iterable[Measurement]]) -> dict[str, list[dict[str, Any]]]:
    """Measurements by what was measured, for the JSON."""
    return {str(name): [run.as_dict() for run in measured] for name, measured in runs.items()}
