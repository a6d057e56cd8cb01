# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measures the collection on rehearsal clouds: prints a table, and writes all values as JSON. ``make bench ARGS="--quick --rows enrol"``."""

from __future__ import annotations

import argparse
import contextlib
import datetime
import fcntl
import importlib.metadata
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import textwrap
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ground import Bench
from measure import Failed
from rows import enrol, memory, organization, reading, single, startup, throttle, waves
from table import WIDTH, Section

CHECKOUT = Path(__file__).resolve().parents[2]
DIRECTORY = CHECKOUT / ".build" / "bench"

ROWS: dict[str, Callable[[Bench], Section]] = {
    "enrol": enrol.row,
    "converged": reading.converged,
    "audit": reading.audit,
    "memory": memory.row,
    "single": single.row,
    "startup": startup.row,
    "wave": waves.by_size,
    "linear": waves.by_account,
    "throttle": throttle.row,
    "organization": organization.row,
}


def main() -> int:
    """Run the rows that were asked for; the exit code is 1 where what one measures did not do its job."""
    options = _parser().parse_args()
    # As an exception, so that what is being measured ends too.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))
    bench = Bench(DIRECTORY, 1 if options.quick else options.repeat, options.quick)
    with alone(DIRECTORY.with_suffix(".lock")):
        return measure_rows(bench, options.rows)


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold off a second benchmark, which would spoil the first one's numbers and files."""
    with path.open("w", encoding="utf-8") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit("another benchmark is at work here")
        yield


def measure_rows(bench: Bench, names: Sequence[str]) -> int:
    """Carry rows out, and write the JSON."""
    prepare(bench)
    document: dict[str, Any] = {"machine": machine(), "settings": {"repeat": bench.repeat, "quick": bench.quick}, "rows": {}}
    print(heading(document), flush=True)
    failed = []
    start = time.monotonic()
    for name in names:
        document["rows"][name] = carry_out(name, bench)
        if document["rows"][name]["failed"]:
            failed.append(name)
        # After each row, so that a run that is broken off leaves what it has.
        (DIRECTORY / "bench.json").write_text(json.dumps(document, indent=1), encoding="utf-8")
    print(f"\n{time.monotonic() - start:.0f} s in all; every value is in {(DIRECTORY / 'bench.json').relative_to(CHECKOUT)}")
    if failed:
        print(f"FAILED: {', '.join(failed)}")
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--rows", type=_row_names, default=list(ROWS), metavar="NAME[,NAME]", help=f"some of {', '.join(ROWS)}; else all")
    parser.add_argument("--repeat", type=_positive, default=3, metavar="N", help="measure N times and print medians (default 3)")
    parser.add_argument("--quick", action="store_true", help="small numbers, once each: to try it out, not to measure")
    return parser


def _row_names(text: str) -> list[str]:
    names = text.split(",")
    unknown = [name for name in names if name not in ROWS]
    if unknown:
        raise argparse.ArgumentTypeError(f"no row {', '.join(unknown)}; there are {', '.join(ROWS)}")
    return names


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def prepare(bench: Bench) -> None:
    """Empty the benchmark's directory, and copy the collection that the caller's Ansible would use into it."""
    if bench.directory.exists():
        shutil.rmtree(bench.directory)
    bench.directory.mkdir(parents=True, mode=0o700)
    (bench.directory / "ansible.cfg").write_text("[defaults]\n", encoding="utf-8")
    staged = Path(os.environ["ANSIBLE_COLLECTIONS_PATH"]) / "ansible_collections" / "hwc" / "mfa"
    shutil.copytree(staged, bench.collection, ignore=shutil.ignore_patterns(".git", "output"))


def machine() -> dict[str, Any]:
    """What the numbers were measured on."""
    git = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    return {
        "processors": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "ansible-core": importlib.metadata.version("ansible-core"),
        "requests": importlib.metadata.version("requests"),
        "commit": git.stdout.strip(),
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    }


def heading(document: dict[str, Any]) -> str:
    """The line above the table."""
    facts = document["machine"]
    versions = f"Python {facts['python']}, ansible-core {facts['ansible-core']}, requests {facts['requests']}"
    times = (
        "QUICK: small numbers, once each, not to be compared"
        if document["settings"]["quick"]
        else f"medians of {document['settings']['repeat']}"
    )
    return f"{facts['processors']} processors, {versions}, {facts['date'][:10]}\n{times}"


def carry_out(name: str, bench: Bench) -> dict[str, Any]:
    """Run a row, print its part of the table, and give what the JSON says of it."""
    start = time.monotonic()
    try:
        section = ROWS[name](bench)
    except Exception as error:  # whatever it is, the other rows go on
        message = str(error) if isinstance(error, Failed) else traceback.format_exc()
        lines = [part for line in message.splitlines() for part in textwrap.wrap(line, WIDTH - 2)]
        print("\n".join([f"\n{name}: FAILED", *(f"  {line}" for line in lines)]), flush=True)
        return {"failed": True, "message": message}
    took = time.monotonic() - start
    title = f"{name}: {section.title}"
    print(f"\n{title.ljust(WIDTH - 8)}{took:6.0f} s\n{section.render()}", flush=True)
    return {"failed": False, "title": section.title, "seconds": took, "notes": list(section.notes), **section.figures}


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
