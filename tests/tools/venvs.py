# Copyright: The hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes virtual environments with pip, each once for a given Python and given requirements."""

from __future__ import annotations

import ast
import configparser
import contextlib
import fcntl
import functools
import hashlib
import os
import pathlib
import subprocess
import sys
import threading
import typing as t

import common
import pythons

VENVS = common.BUILD / "venvs"
REQUIREMENTS = common.ROOT / "tests" / "requirements"

CORE = "core-{}.txt"

# name -> its requirement files; CORE is that of the ansible-core that was chosen, which a server beside the tests does not need.
CONTENTS: dict[str, tuple[str, ...]] = {
    "run": (CORE, "run.txt"),
    "test": (CORE, "run.txt", "test.txt"),
    "lint": (CORE, "run.txt", "lint.txt"),
    "oldest": (CORE, "run.txt", "oldest.txt"),
    "peers": ("peers.txt",),
    "galaxy": (CORE, "galaxy.txt"),
    "browser": ("browser.txt",),
    "docs": (CORE, "run.txt", "docs.txt"),
    "awx": ("awx.txt",),
    "mutation": (CORE, "run.txt", "test.txt", "mutation.txt"),
}

# One for each core of `make test-matrix`, named like its version.
MATRIX = {core.version: core for core in pythons.SUPPORTED}
CONTENTS.update(dict.fromkeys(MATRIX, (CORE, "run.txt", "oldest.txt")))

_locks: dict[str, threading.Lock] = {name: threading.Lock() for name in CONTENTS}


def core_of(name: str) -> pythons.Core:
    """Give the ansible-core that an environment holds, or whose Python it has."""
    core = pythons.choose([MATRIX[name]]) if name in MATRIX else pythons.oldest() if name == "oldest" else pythons.newest()
    if core is None:
        raise RuntimeError(f"no Python for the ansible-core of the environment {name}")
    return core


def ensure(name: str, log: common.Log) -> pathlib.Path:
    """Give an environment's folder, made or made anew if its Python or its requirements changed."""
    core = core_of(name)
    interpreter = pythons.find()[core.python]
    files = [REQUIREMENTS / file.format(core.version) for file in CONTENTS[name]]
    folder = VENVS / name
    wanted = "\n".join([str(interpreter), *(hashlib.sha256(file.read_bytes()).hexdigest() for file in files)])
    stamp = folder / "stamp"
    VENVS.mkdir(parents=True, exist_ok=True)
    with _locks[name], file_lock(VENVS / f"{name}.lock"):
        if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
            return folder
        common.remove(folder)
        install = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        for file in files:
            install += ["-r", file]
        # `user = true` in a pip.conf does not work in a virtual environment.
        env = {**os.environ, "PIP_USER": "0"}
        for command in ([interpreter, "-m", "venv", folder], install):
            if common.run(command, log, env=env).code:
                raise RuntimeError(f"the virtual environment {name} could not be made")
        stamp.write_text(wanted, encoding="utf-8")
    return folder


@contextlib.contextmanager
def file_lock(path: pathlib.Path) -> t.Iterator[None]:
    """Hold off another process that makes the same environment."""
    with path.open("w", encoding="utf-8") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def prepare_home(home: pathlib.Path) -> pathlib.Path:
    """Make a home for tests in which pip still uses the developer's registry, certificates and cache.

    ansible-test hands neither PIP_* variables nor PIP_CONFIG_FILE on to the pip it starts, only HOME: so they go into a file.
    """
    config = home / ".config" / "pip" / "pip.conf"
    config.parent.mkdir(parents=True, exist_ok=True)
    text = pip_settings()
    if not config.exists() or config.read_text(encoding="utf-8") != text:
        # It can hold a mirror's password.
        config.touch(mode=0o600)
        config.write_text(text, encoding="utf-8")
    netrc, link = pathlib.Path(os.environ.get("NETRC") or pathlib.Path.home() / ".netrc"), home / ".netrc"
    if netrc.exists() and not link.exists():
        link.symlink_to(netrc)
    return home


@functools.cache
def pip_settings() -> str:
    """Give pip's effective settings as the text of a pip.conf; environment variables win, as they do in pip."""
    pip = [str(pythons.find()[pythons.newest().python]), "-m", "pip"]
    parser = configparser.RawConfigParser()
    parser.add_section("global")
    listing = subprocess.run([*pip, "config", "list"], capture_output=True, text=True, check=True).stdout
    cache = subprocess.run([*pip, "cache", "dir"], capture_output=True, text=True, check=False).stdout.strip()
    if cache:
        parser.set("global", "cache-dir", cache)
    for line in sorted(listing.splitlines(), key=lambda line: line.startswith(":env:")):
        name, _equals, value = line.partition("=")
        section, _dot, option = name.rpartition(".")
        section = "global" if section == ":env:" else section
        if option in ("user", "require-virtualenv", "config-file"):
            continue
        if not parser.has_section(section):
            parser.add_section(section)
        parser.set(section, option, ast.literal_eval(value))
    text = ""
    for section in parser.sections():
        text += f"[{section}]\n"
        for option, value in parser.items(section):
            indented = value.replace("\n", "\n\t")
            text += f"{option} = {indented}\n"
    return text


if __name__ == "__main__":
    # python3 tests/tools/venvs.py NAME: print the environment's folder, for the Makefile.
    common.LOGS.mkdir(parents=True, exist_ok=True)
    log_path = common.LOGS / f"venv-{sys.argv[1]}.log"
    log_path.write_text("", encoding="utf-8")
    try:
        print(ensure(sys.argv[1], common.Log(log_path)))
    except RuntimeError as error:
        sys.exit(f"{error}; see {log_path}")
