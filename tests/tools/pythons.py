# Copyright: The hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the Pythons of this machine and chooses the ansible-cores that can run on them."""

from __future__ import annotations

import dataclasses
import functools
import os
import pathlib
import subprocess
import sys
import typing as t

import common

VERSIONS = ("3.9", "3.10", "3.11", "3.12", "3.13")
PROBE = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2], sys.prefix == sys.base_prefix, sys.executable)"


@dataclasses.dataclass(frozen=True)
class Core:
    """An ansible-core, the Pythons it runs on (best first), and the interpreter that was chosen."""

    version: str
    controllers: tuple[str, ...]
    targets: tuple[str, ...] = VERSIONS
    python: str = ""


# The newest core that a machine's Pythons take, and the oldest that the collection supports.
NEWEST = (Core("2.21", ("3.13", "3.12")), Core("2.19", ("3.11",)))
OLDEST = (Core("2.16", ("3.10", "3.11", "3.12"), VERSIONS[:-1]),)

# All that the collection supports, for `make test-matrix`.
SUPPORTED = (
    *OLDEST,
    Core("2.17", ("3.10", "3.11", "3.12"), VERSIONS[:-1]),
    Core("2.18", ("3.11", "3.12", "3.13")),
    Core("2.19", ("3.11", "3.12", "3.13")),
    Core("2.20", ("3.12", "3.13")),
    Core("2.21", ("3.12", "3.13")),
)


def candidates(version: str) -> t.Iterator[pathlib.Path]:
    """Name the places where a Python of this version may lie; not all exist."""
    name = f"python{version}"
    home = pathlib.Path.home()
    pyenv = pathlib.Path(os.environ.get("PYENV_ROOT") or home / ".pyenv") / "versions"
    uv = home / ".local" / "share" / "uv" / "python"
    if sys.prefix == sys.base_prefix:
        yield pathlib.Path(sys.executable)
    for folder, pattern in ((pyenv, f"{version}.*"), (uv, f"cpython-{version}.*")):
        # The newest patch release first: 3.9.18 before 3.9.5.
        yield from (path / "bin" / name for path in sorted(folder.glob(pattern), key=_patch, reverse=True))
    yield from (pathlib.Path(entry) / name for entry in os.environ.get("PATH", os.defpath).split(os.pathsep))


def _patch(path: pathlib.Path) -> int:
    digits = path.name.split("-")[1 if path.name.startswith("cpython") else 0].split(".")[-1]
    return int(digits) if digits.isdigit() else -1


def probe(path: pathlib.Path, version: str) -> pathlib.Path | None:
    """Give the real interpreter behind a path, if it answers, has that version and can make virtual environments."""
    if not path.is_file() or not os.access(path, os.X_OK):
        return None
    try:
        answer = subprocess.run([path, "-c", PROBE], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    words = answer.stdout.split(maxsplit=2)
    if answer.returncode or words[:2] != [version, "True"]:
        return None
    return pathlib.Path(words[2].strip())


@functools.cache
def find() -> dict[str, pathlib.Path]:
    """Find a working interpreter for each version, and link them into one folder for ansible-test."""
    found = {}
    for version in VERSIONS:
        working = filter(None, (probe(path, version) for path in candidates(version)))
        interpreter = next(working, None)
        if interpreter:
            found[version] = interpreter
    common.LINKS.mkdir(parents=True, exist_ok=True)
    for version in VERSIONS:
        link = common.LINKS / f"python{version}"
        target = found.get(version)
        if target is None:
            link.unlink(missing_ok=True)
        elif not link.is_symlink() or os.readlink(link) != str(target):
            link.unlink(missing_ok=True)
            link.symlink_to(target)
    return found


def choose(cores: t.Sequence[Core]) -> Core | None:
    """Give the first core for which there is a Python, with that Python."""
    found = find()
    for core in cores:
        for version in core.controllers:
            if version in found:
                return dataclasses.replace(core, python=version)
    return None


def newest() -> Core:
    """Give the newest core that can run here."""
    core = choose(NEWEST)
    if core is None:
        raise SystemExit("None of Python 3.13, 3.12 or 3.11 (with venv and ensurepip) was found; one of them is needed.")
    return core


def oldest() -> Core | None:
    """Give the oldest supported core, if it can run here."""
    return choose(OLDEST)


def matrix() -> list[Core]:
    """Give each supported core that can run here, with the first Python that it takes."""
    return [core for core in (choose([each]) for each in SUPPORTED) if core is not None]


def report() -> str:
    """Say what was found, what is missing, and what was chosen."""
    found = find()
    missing = [version for version in VERSIONS if version not in found]
    new, old = newest(), oldest()
    chosen = [f"ansible-core {core.version} on Python {core.python}" for core in (new, old) if core]
    lines = [f"Pythons found: {', '.join(found) or 'none'}; missing: {', '.join(missing) or 'none'}", f"chosen: {'; '.join(chosen)}"]
    if old is None:
        lines.append("not tested: ansible-core 2.16, which needs Python 3.10, 3.11 or 3.12")
    return "\n".join(lines)


if __name__ == "__main__":
    print(report())
