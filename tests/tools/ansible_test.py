# Copyright: The hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drives ansible-test: sanity, units, integration and coverage, each in a copy of the collection of its own."""

from __future__ import annotations

import fcntl
import json
import pathlib
import re
import shutil
from collections.abc import Sequence

import common
import pythons
import stage
import venvs
from common import Log, Outcome

# ansible-test exits 0 when it skips a test. A line that matches and is not allowed below fails the step.
SKIP = re.compile(r"Skipping|Required program|Excluding tests")
ALLOWED = (
    # Sanity tests which core itself has turned off for everybody.
    r"Skipping tests disabled by default without --allow-disabled",
    # Filters, actions and inventory plugins run only where the controller runs.
    r"Skipping unit tests on Python 3\.\d+ because it is only supported by module/module_utils unit tests",
)
NOT_FOUND = re.compile(r"on Python (\d+\.\d+) because it could not be found")


class Lane:
    """A copy of the collection and a home, so that several runs of ansible-test do not meet.

    ansible-test keeps virtual environments and caches in its home and below tests/output: a second run is quick.
    """

    def __init__(self, name: str, venv: str, log: Log) -> None:
        root = common.BUILD / "lanes" / name
        root.mkdir(parents=True, exist_ok=True)
        # Held until the lane is dropped: a second `make` in the same checkout waits here.
        self._lock = (root / "lane.lock").open("w", encoding="utf-8")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self.log = log
        self.venv = venvs.ensure(venv, log)
        self.core = venvs.core_of(venv)
        self.home = venvs.prepare_home(root / "home")
        self.collection = stage.stage(root)
        self.output = self.collection / "tests" / "output"
        # shellcheck and the like, which only the environment of the linters holds
        tools = venvs.ensure("lint", log) / "bin" if venv == "test" else self.venv / "bin"
        self.env = common.environment(self.home, common.LINKS, self.venv / "bin", tools)
        self._bring_get_pip()
        for folder in ("junit", "data"):
            common.remove(self.output / folder)

    def _bring_get_pip(self) -> None:
        """Put the stand-in where this core looks for the get-pip.py of each pip version that it names."""
        source = next(self.venv.glob("lib/python*/site-packages/ansible_test/_internal/python_requirements.py"))
        cache = self.home / ".ansible" / "test" / "cache"
        cache.mkdir(parents=True, exist_ok=True)
        for version in set(re.findall(r"\bpip='([\d.]+)'", source.read_text(encoding="utf-8"))):
            shutil.copyfile(pathlib.Path(__file__).with_name("get_pip.py"), cache / f"get_pip_{version.replace('.', '_')}.py")

    def run(self, *words: str) -> common.Result:
        """Run ansible-test."""
        return common.run([self.venv / "bin" / "ansible-test", *words, "--color", "no"], self.log, self.collection, self.env)

    def junit(self) -> Outcome:
        """Count what the last run wrote."""
        return common.count_junit((self.output / "junit").glob("*.xml"))


def unexpected_skips(output: str) -> Outcome:
    """Count the lines that tell of a test which did not run, though it should."""
    lines = {line.strip() for line in output.splitlines() if SKIP.search(line)}
    bad = sorted(line for line in lines if not _may_be_skipped(line))
    return Outcome(failed=len(bad), notes=tuple(f"skipped: {line}" for line in bad))


def _may_be_skipped(line: str) -> bool:
    missing = NOT_FOUND.search(line)
    if missing:
        # Not every machine has every Python; the first lines of each run say which are missing.
        return missing.group(1) not in pythons.find()
    return any(re.search(pattern, line) for pattern in ALLOWED)


def sanity(venv: str, log: Log, versions: Sequence[str] = ()) -> Outcome:
    """Run every sanity test of a core; multi-version tests run on these Pythons, the core's own first, or on all that were found."""
    lane = Lane(f"sanity-{venv}", venv, log)
    # Without a version --venv takes every Python that it finds.
    runs: list[tuple[str, ...]] = [("--python", version) for version in versions] or [()]
    total = Outcome()
    for number, words in enumerate(runs):
        tests = ("--test", "compile", "--test", "import") if number else ()
        common.remove(lane.output / "junit")
        result = lane.run("sanity", "--junit", "--venv", *words, *tests)
        counts = lane.junit()
        # Skipped ones are those that have no file to look at, and those that unexpected_skips() judges.
        total += common.settle(result, Outcome(counts.passed, counts.failed)) + unexpected_skips(result.output)
    return total


def units(venv: str, version: str, log: Log, *folders: str) -> Outcome:
    """Run the unit tests of a core on one Python, all of them or those in `folders`."""
    if not any((common.ROOT / "tests" / "unit").rglob("test_*.py")):
        return Outcome(notes=("there is no unit test yet",))
    lane = Lane(f"units-{venv}-{version}", venv, log)
    result = lane.run("units", "--requirements", "--num-workers", "2", "--target-python", f"venv/{version}", *folders)
    return common.settle(result, lane.junit()) + unexpected_skips(result.output)


def integration(venv: str, target_python: str, log: Log) -> Outcome:
    """Run all integration targets of a core, with the modules on a Python that may differ from the controller's."""
    lane = Lane(f"integration-{venv}", venv, log)
    result = lane.run(
        "integration",
        "--requirements",
        "--continue-on-error",
        "--controller",
        f"origin:python=venv/{lane.core.python}",
        "--target",
        f"controller:python=venv/{target_python}",
    )
    return common.settle(result, count_targets(lane.output, result.output)) + unexpected_skips(result.output)


def count_targets(output_dir: pathlib.Path, output: str) -> Outcome:
    """Count integration targets: those that passed are in a file, those that failed in the closing error."""
    passed = sum(len(json.loads(path.read_text(encoding="utf-8"))["targets"]) for path in (output_dir / "data").glob("integration-*.json"))
    failed = re.search(r"The (\d+) integration test\(s\) listed below", output)
    return Outcome(passed, int(failed.group(1)) if failed else 0)


def coverage(log: Log) -> Outcome:
    """Run units and integration on one Python with coverage, and print the report for plugins/."""
    lane = Lane("coverage", "test", log)
    python = f"venv/{lane.core.python}"
    on_one = ("--requirements", "--controller", f"origin:python={python}")
    common.remove(lane.output / "coverage")
    tests = [lane.run("units", "--coverage", *on_one, "--target-python", python)]
    outcome = common.settle(tests[0], lane.junit())
    if targets_exist():
        tests.append(lane.run("integration", "--coverage", "--continue-on-error", *on_one, "--target", f"controller:python={python}"))
        outcome += common.settle(tests[1], count_targets(lane.output, tests[1].output))
    report = ("coverage", "report", "--requirements", "--venv", "--show-missing", "--include", "plugins/*")
    table = lane.run(*report)
    return outcome + table.outcome


def targets_exist() -> bool:
    """Say whether there is an integration target."""
    targets = common.ROOT / "tests" / "integration" / "targets"
    return targets.is_dir() and any(targets.iterdir())
