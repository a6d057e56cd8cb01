# Copyright: The hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things lie, how a command is run, and what a step gives back."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import re
import shutil
import signal
import subprocess
import threading
import typing as t
import xml.etree.ElementTree as ET

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / ".build"
LOGS = BUILD / "logs"
LINKS = BUILD / "bin"

# Longer than any step takes; a test that hangs must not eat CI's time.
COMMAND_LIMIT_SECONDS = 60 * 60

# A developer's own credentials and settings must not reach a test: it would talk to the real cloud.
PRIVATE = re.compile(r"^(HW|HWC|HUAWEICLOUD|OS|ANSIBLE|AWX|CONTROLLER|TOWER|VAULT)_|^(PYTHONPATH|PYTHONHOME|VIRTUAL_ENV|NETRC)$")

# What pip says while it works; and what it says about every package that a registry in a folder lacks.
CHATTER = re.compile(
    r"^\s*(Looking|Collecting|Downloading|Processing|Installing|Attempting|Found existing|Uninstalling|Successfully|Using cached|━|$)"
)
NOISE = re.compile(r"^WARNING: Location '.*' is ignored: ")

_running: set[subprocess.Popen[str]] = set()


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a step found: counts of tests, and sentences a reader should see."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    notes: tuple[str, ...] = ()

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped, self.notes + other.notes)


@dataclasses.dataclass(frozen=True)
class Log:
    """A step's log file; `echo` shows each line on the terminal too."""

    path: pathlib.Path
    echo: bool = False

    def write(self, text: str) -> None:
        """Append a text that ends with a line break."""
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(text)
        if self.echo:
            print(text, end="", flush=True)

    def tail(self, count: int) -> list[str]:
        """Give the last lines, without what pip said."""
        lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines()
        return [line for line in lines if not CHATTER.match(line)][-count:]


@dataclasses.dataclass(frozen=True)
class Result:
    """A command's exit code and its whole output."""

    code: int
    output: str

    @property
    def outcome(self) -> Outcome:
        """Count the command as one test."""
        return Outcome(passed=1) if self.code == 0 else Outcome(failed=1)


def environment(home: pathlib.Path, *bins: pathlib.Path, **extra: str) -> dict[str, str]:
    """Give the environment of a test: a home of its own, real interpreters first on the path, no credentials."""
    env = {name: value for name, value in os.environ.items() if not PRIVATE.match(name)}
    # pyenv's shims answer "command not found" for versions that are not active, and they look for pyenv in HOME.
    path = [
        entry for entry in env.get("PATH", os.defpath).split(os.pathsep) if not (entry.rstrip("/").endswith("shims") and "pyenv" in entry)
    ]
    local = ",".join(filter(None, [env.get("no_proxy") or env.get("NO_PROXY"), "127.0.0.1,localhost,::1"]))
    env.update(
        ANSIBLE_HOME=str(home / ".ansible"),
        ANSIBLE_NOCOLOR="1",
        HOME=str(home),
        LC_ALL="C.UTF-8",
        NO_PROXY=local,
        PATH=os.pathsep.join([*(str(entry) for entry in bins), str(LINKS), *path]),
        PYTHONDONTWRITEBYTECODE="1",
        PYTHONUNBUFFERED="1",
        XDG_CACHE_HOME=str(home / ".cache"),
        XDG_CONFIG_HOME=str(home / ".config"),
        no_proxy=local,
    )
    env.update(extra)
    return env


def run(command: t.Sequence[object], log: Log, cwd: pathlib.Path = ROOT, env: t.Mapping[str, str] | None = None) -> Result:
    """Run a command with its output in the log; it is ended after COMMAND_LIMIT_SECONDS."""
    words = [str(word) for word in command]
    log.write(f"$ {' '.join(words)}\n")
    lines = []
    # A session of its own, so that the time limit ends its children too.
    with subprocess.Popen(
        words,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    ) as process:
        _running.add(process)
        timer = threading.Timer(COMMAND_LIMIT_SECONDS, _end, [process])
        timer.start()
        try:
            for line in t.cast(t.IO[str], process.stdout):
                if not NOISE.match(line):
                    lines.append(line)
                    log.write(line)
            process.wait()
        finally:
            timer.cancel()
            _running.discard(process)
    log.write(f"exit code {process.returncode}\n")
    return Result(process.returncode, "".join(lines))


def end_all() -> None:
    """End every command that still runs."""
    for process in list(_running):
        _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)


def remove(path: pathlib.Path) -> None:
    """Remove a file or a tree, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def count_junit(paths: t.Iterable[pathlib.Path]) -> Outcome:
    """Count the test cases of JUnit files."""
    outcome = Outcome()
    for path in paths:
        for case in ET.parse(path).iter("testcase"):
            kinds = {child.tag for child in case}
            if kinds & {"failure", "error"}:
                outcome += Outcome(failed=1)
            elif "skipped" in kinds:
                outcome += Outcome(skipped=1)
            else:
                outcome += Outcome(passed=1)
    return outcome


def settle(result: Result, outcome: Outcome) -> Outcome:
    """Hold the counts against the exit code: a crash and an empty run are failures."""
    if outcome.failed == 0 and result.code != 0:
        return outcome + Outcome(failed=1, notes=(f"exit code {result.code}",))
    if outcome.failed == 0 and outcome.passed == 0:
        return outcome + Outcome(failed=1, notes=("no test ran",))
    return outcome
