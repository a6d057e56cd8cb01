# Copyright: The hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the steps behind `make`: one with its output, or all of them in parallel with a line for each.

python3 tests/tools/steps.py STEP|test|test-all [-- WORDS FOR PYTEST]
"""

from __future__ import annotations

import concurrent.futures
import functools
import os
import pathlib
import sys
import threading
import time
import traceback
import typing as t

import ansible_test
import common
import foreign
import mutation
import package
import programs
import pythons
import release
import site_pages
import stage
import venvs
from common import Log, Outcome

Step = t.Callable[[Log], Outcome]

# Seconds of silence after which a line says what is still running.
HEARTBEAT = 60
TAIL_LINES = 60
# How many of the slowest steps are named at the end.
SLOWEST = 5
# For pytest: without what tries once more, on another core, cloud or kind of credential, what a test beside it tries.
NO_TWINS = ("-m", "not twin")


def pytest(folder: str, log: Log, words: t.Sequence[str] = (), **extra: str) -> Outcome:
    """Run the tests of a folder in the environment of the tests, with the staged collection importable and `extra` variables."""
    if not (common.ROOT / folder).is_dir():
        return Outcome(notes=(f"there is no {folder} yet",))
    venv = venvs.ensure("test", log)
    stage.stage(common.BUILD)
    # Steps that share a folder must not share a report.
    name = "-".join([folder, *(word for word in words if word.startswith(folder))]).replace("/", "-")
    home = venvs.prepare_home(common.BUILD / "home")
    report = common.BUILD / "junit" / f"{name}.xml"
    common.remove(report)
    env = common.environment(
        home,
        venv / "bin",
        ANSIBLE_COLLECTIONS_PATH=str(common.BUILD),
        PYTHONPATH=os.pathsep.join([str(common.BUILD), str(common.ROOT / "tests")]),
        **extra,
    )
    command = [venv / "bin" / "python", "-m", "pytest", "-ra", "-p", "no:cacheprovider", f"--junit-xml={report}", *(words or [folder])]
    result = common.run(command, log, env=env)
    return common.settle(result, common.count_junit([report] if report.exists() else []))


def peers(log: Log, words: t.Sequence[str] = ()) -> Outcome:
    """Run the tests against servers that others wrote, which have an environment of their own."""
    python = venvs.ensure("peers", log) / "bin" / "python"
    found = {"CHROMIUM": programs.chromium(log), "KEEPASSXC_CLI": programs.keepassxc_cli(log)}
    return pytest("tests/peers", log, words, PEERS_PYTHON=str(python), **{name: str(path) for name, path in found.items()})


def awx(log: Log, words: t.Sequence[str] = ()) -> Outcome:
    """Run the tests of what AWX does, with the modules that load AWX, and with what counts nodes and makes images."""
    python = venvs.ensure("awx", log) / "bin" / "python"
    return pytest("tests/awx", log, words, AWX_PYTHON=str(python), AWX_COLLECTIONS=str(foreign.awx_collections(python, log)))


def browser(log: Log, words: t.Sequence[str] = ()) -> Outcome:
    """Open the pages of reports in a browser; the pictures that it makes are for people to look at."""
    return pytest("tests/browser", log, words, CHROMIUM=str(programs.chromium(log)), SCREENSHOTS=str(common.BUILD / "screenshots"))


def playbooks(log: Log, words: t.Sequence[str] = ()) -> Outcome:
    """Run the tests of whole plays, some of them with the oldest core too, where there is a Python for it."""
    old = {"OLDEST_CORE": str(venvs.ensure("oldest", log) / "bin")} if pythons.oldest() else {}
    return pytest("tests/playbooks", log, words, **old)


def lint_tool(name: str, log: Log) -> Outcome:
    """Run one linter on a staged copy."""
    venv = venvs.ensure("lint", log)
    lane = common.BUILD / "lanes" / f"lint-{name}"
    lane.mkdir(parents=True, exist_ok=True)
    collection = stage.stage(lane)
    python = [str(venv / "bin" / "python"), "-m"]
    commands: dict[str, tuple[list[str], pathlib.Path]] = {
        "ansible-lint": ([*python, "ansiblelint", "--offline", "--nocolor"], collection),
        "yamllint": ([*python, "yamllint", "--strict", "."], collection),
        # It asks git which files there are, so it looks at the checkout.
        "reuse": ([*python, "reuse", "--root", str(common.ROOT), "lint"], collection),
        # What a stranger could make the workflows of this repository do.
        "zizmor": ([str(venv / "bin" / "zizmor"), "--offline", "--no-progress", str(common.ROOT / ".github")], collection),
        "ruff": ([*python, "ruff", "check", "--no-cache", "."], collection),
        "format": ([*python, "ruff", "format", "--no-cache", "--diff", "."], collection),
        # By package: plugins import each other under their full names.
        "mypy": ([*python, "mypy", "--config-file", str(collection / "pyproject.toml"), "-p", "ansible_collections.hwc.mfa.plugins"], lane),
        "mypy-tools": ([*python, "mypy", "tests/tools", "tests/simulator", "tests/bench"], collection),
        "changelog": ([str(venv / "bin" / "antsibull-changelog"), "lint"], collection),
        "docs": ([str(venv / "bin" / "antsibull-docs"), "lint-collection-docs", *DOCS_OPTIONS, "."], collection),
    }
    words, folder = commands[name]
    words = [word for word in words if not (word.startswith("tests/") and not (common.ROOT / word).exists())]
    home = venvs.prepare_home(lane / "home")
    env = common.environment(home, venv / "bin", ANSIBLE_COLLECTIONS_PATH=str(lane), MYPYPATH=str(lane))
    if name == "mypy-tools":
        env["MYPYPATH"] = os.pathsep.join(str(collection / "tests" / part) for part in ("tools", "bench", ""))
    return common.run(words, log, folder, env).outcome


DOCS_OPTIONS = ("--plugin-docs", "--validate-collection-refs=self")
LINTERS = ("ansible-lint", "mypy", "mypy-tools", "ruff", "format", "yamllint", "changelog", "reuse", "zizmor")


def steps(words: t.Sequence[str] = (), once: bool = False) -> dict[str, dict[str, Step]]:
    """Give each make target's steps; the longest first, so that they do not run alone at the end.

    With `once` nothing is tried twice: the oldest core and the oldest Python run only what depends on them, and no twin runs.
    """
    new, old = pythons.newest(), pythons.oldest()
    cores = [("test", new)] + ([("oldest", old)] if old and not once else [])
    # With the newest core the modules run on the oldest Python, as they do on the hosts of a company.
    modules_on = {"test": next(iter(pythons.find())), "oldest": old.python if old else ""}
    pythons_of_sanity = tuple(dict.fromkeys([new.python, modules_on["test"]])) if once else ()
    integration: dict[str, Step] = {"integration": lambda log: Outcome(notes=("there is no tests/integration/targets yet",))}
    if ansible_test.targets_exist():
        integration = {
            f"integration {core.version}": functools.partial(ansible_test.integration, venv, modules_on[venv]) for venv, core in cores
        }
    return {
        "playbooks": {"playbooks": functools.partial(playbooks, words=words)} if words else _playbooks_in_parts(once),
        "unit": _units(once),
        "sanity": {
            f"sanity {core.version}": functools.partial(ansible_test.sanity, venv, versions=pythons_of_sanity) for venv, core in cores
        },
        "integration": integration,
        "awx": {"awx": functools.partial(awx, words=("tests/awx", *NO_TWINS) if once else words)},
        "sdk": {"sdk": functools.partial(pytest, "tests/sdk", words=words)},
        "browser": {"browser": functools.partial(browser, words=words)},
        "peers": {"peers": functools.partial(peers, words=words)},
        "lint": {f"lint {name}": functools.partial(lint_tool, name) for name in LINTERS},
        "docs": {"docs": functools.partial(lint_tool, "docs"), "site": site_pages.build},
        "build": {"build": package.build_and_install, "release": release.step},
        "crash": {
            "crash": functools.partial(pytest, "tests/playbooks", words=["tests/playbooks/test_crash.py", "--every-death", *words]),
            "crash day2": functools.partial(
                pytest, "tests/playbooks", words=["tests/playbooks/test_day2.py", "-k", "dies", "--every-death", *words]
            ),
            "faults": functools.partial(
                pytest,
                "tests/unit",
                words=[
                    f"tests/unit/plugins/plugin_utils/{name}.py"
                    for name in ("_rollout/test_faults", "_stores/test_csms", "_stores/test_hashi_vault")
                ],
                HARDER="10",
            ),
        },
        "test-matrix": _matrix(),
        "mutation": {"mutation": functools.partial(mutation.mutation, words=words)},
    }


def _units(once: bool) -> dict[str, Step]:
    """Give the unit tests: on every Python and on both cores, or all on the newest of both and elsewhere only what depends on it."""
    new, old = pythons.newest(), pythons.oldest()
    versions = [new.python, *(version for version in pythons.find() if version != new.python)]
    if once:
        versions = list(dict.fromkeys([new.python, next(iter(pythons.find()))]))
    found: dict[str, Step] = {}
    for version in versions:
        files = _modules_code() if once and version != new.python else ()
        found[f"unit {new.version} python{version}"] = functools.partial(_units_of, files, "test", version)
    if old:
        found[f"unit {old.version} python{old.python}"] = functools.partial(_units_of, OF_THE_CORE if once else (), "oldest", old.python)
    return found


# What calls ansible-core by name, or takes what it gives.
OF_THE_CORE = (
    "tests/unit/plugins/action/",
    "tests/unit/plugins/filter/",
    "tests/unit/plugins/plugin_utils/_control/",
    "tests/unit/plugins/plugin_utils/_inventory/",
    "tests/unit/plugins/plugin_utils/_stores/test_vault_files.py",
)
# These measure time, which is the same on every Python.
OF_THE_CLOCK = ("test_pace.py", "test_answers.py")


def _modules_code() -> tuple[str, ...]:
    """Give the tests of the code that runs where modules run, on Pythons older than the one of ansible-core; the integration tests run the modules there."""
    found = sorted((common.ROOT / "tests/unit/plugins/module_utils").rglob("test_*.py"))
    return tuple(str(path.relative_to(common.ROOT)) for path in found if path.name not in OF_THE_CLOCK and path.parent.name != "_modules")


def _playbooks_in_parts(once: bool) -> dict[str, Step]:
    """Give the tests of whole plays, without twins as one step, else as steps of about the same length: the longest files alone, and the rest."""
    folder = "tests/playbooks"
    if once:
        return {"playbooks": functools.partial(playbooks, words=["-n3", *NO_TWINS, folder])}
    long = ("crash", "faults")
    return {
        **{f"playbooks {name}": functools.partial(playbooks, words=[f"{folder}/test_{name}.py"]) for name in long},
        # Most of them wait for a process, or for the next code.
        "playbooks": functools.partial(playbooks, words=["-n3", folder, *(f"--ignore={folder}/test_{name}.py" for name in long)]),
    }


def _matrix() -> dict[str, Step]:
    """Give sanity, units and integration of each supported core that this machine has a Python for; units on the oldest and the newest Python."""
    found: dict[str, Step] = {}
    for core in pythons.matrix():
        pythons_of_core = [version for version in pythons.find() if version in core.targets]
        found[f"sanity {core.version}"] = functools.partial(ansible_test.sanity, core.version)
        for version in dict.fromkeys([pythons_of_core[0], core.python]):
            found[f"unit {core.version} python{version}"] = functools.partial(ansible_test.units, core.version, version)
        found[f"integration {core.version}"] = functools.partial(ansible_test.integration, core.version, pythons_of_core[0])
    return found


# Take minutes more than `make test` has. What of the crashes matters most is among the playbooks.
ALONE = ("crash", "mutation", "test-matrix")
# Take hours, and try the tests, or cores between the newest and the oldest.
BESIDE = ("mutation", "test-matrix")


def _units_of(folders: tuple[str, ...], venv: str, version: str, log: Log) -> Outcome:
    return ansible_test.units(venv, version, log, *folders)


def log_for(name: str, echo: bool) -> Log:
    """Open a fresh log for a step."""
    common.LOGS.mkdir(parents=True, exist_ok=True)
    path = common.LOGS / f"{name.replace(' ', '-')}.log"
    path.write_text("", encoding="utf-8")
    return Log(path, echo)


def carry_out(step: Step, log: Log) -> Outcome:
    """Run a step; whatever goes wrong in it is a failure of that step only."""
    try:
        return step(log)
    except Exception as error:  # pylint: disable=broad-exception-caught  # the other steps go on
        log.write(f"{traceback.format_exc()}\n")
        return Outcome(failed=1, notes=(f"{type(error).__name__}: {error}",))


def line(name: str, outcome: Outcome, seconds: float) -> str:
    """Give the line that closes a step."""
    counts = [f"{outcome.passed} passed", f"{outcome.failed} failed"] + ([f"{outcome.skipped} skipped"] if outcome.skipped else [])
    word = "FAILED" if outcome.failed else "ok" if outcome.passed else "--"
    return "\n".join([f"{word:<7}{name:<24}{seconds:>6.0f} s   {', '.join(counts)}", *(f"       {note}" for note in outcome.notes)])


def run_all(named: t.Mapping[str, Step], jobs: int, echo: bool) -> Outcome:
    """Run steps, `jobs` at a time, and print a line for each as it ends."""
    total = Outcome()
    took: dict[str, float] = {}
    running: dict[str, float] = {}
    lock = threading.Lock()

    def work(name: str, step: Step) -> tuple[Outcome, float, Log]:
        log = log_for(name, echo)
        start = time.monotonic()
        with lock:
            running[name] = start
        try:
            return carry_out(step, log), time.monotonic() - start, log
        finally:
            with lock:
                del running[name]

    with concurrent.futures.ThreadPoolExecutor(max_workers=jobs) as pool:
        waiting = {pool.submit(work, name, step): name for name, step in named.items()}
        try:
            while waiting:
                done, _rest = concurrent.futures.wait(waiting, timeout=HEARTBEAT, return_when=concurrent.futures.FIRST_COMPLETED)
                if not done:
                    with lock:
                        now = time.monotonic()
                        print("running:", ", ".join(f"{name} ({now - start:.0f} s)" for name, start in running.items()), flush=True)
                for future in done:
                    name = waiting.pop(future)
                    outcome, seconds, log = future.result()
                    total += outcome
                    took[name] = seconds
                    if outcome.failed and not echo:
                        heading = f"---- the end of {log.path.relative_to(common.ROOT)}"
                        print(heading, *log.tail(TAIL_LINES), "----", sep="\n")
                    print(line(name, outcome, seconds), flush=True)
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            common.end_all()
            raise
    if len(took) > SLOWEST:
        slowest = sorted(took, key=lambda name: -took[name])[:SLOWEST]
        print("slowest:", ", ".join(f"{name} {took[name]:.0f} s" for name in slowest), flush=True)
    return total


def processors() -> int:
    """Give how many processors this process may use, which can be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 2


def main(arguments: t.Sequence[str]) -> int:
    """Run what was asked for, and end with the counts on a line of their own."""
    name = arguments[0]
    words = list(arguments[2:]) if arguments[1:2] == ["--"] else []
    start = time.monotonic()
    print(pythons.report(), flush=True)
    if name == "coverage":
        total = run_all({name: ansible_test.coverage}, 1, True)
    elif name in ("test", "test-all"):
        # More than four at once would only make time limits of the tests themselves tight.
        jobs = int(os.environ.get("JOBS") or max(2, min(4, processors())))
        groups = steps(once=name == "test")
        without = ALONE if name == "test" else BESIDE
        named = {key: step for group, found in groups.items() if group not in without for key, step in found.items()}
        if "crash" not in without:
            # It ends them at each request.
            del named["playbooks crash"]
        total = run_all(named, jobs, False)
        if os.environ.get("CI") and pythons.oldest() is None:
            total += Outcome(failed=1)
    else:
        chosen = steps(words)[name]
        # One step shows its output; several print a line each and the end of the log of any that fails.
        alone = len(chosen) == 1
        total = run_all(chosen, int(os.environ.get("JOBS") or 2), alone)
    print(f"{time.monotonic() - start:.0f} s in all; logs are in {common.LOGS.relative_to(common.ROOT)}")
    print(f"{total.passed} passed, {total.failed} failed" + (f", {total.skipped} skipped" if total.skipped else ""), flush=True)
    return 1 if total.failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
