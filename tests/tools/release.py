# Copyright: The hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a release in a clone, tries it there, and only then takes its commit and its tag into the checkout.

Between releases the files that name a version name the one that is expected next, so that a report tells a checkout from the release before it.

python3 tests/tools/release.py VERSION, or `make release VERSION=1.2.3`. It pushes nothing.
"""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys
import tarfile

import common
import venvs
from common import Log, Outcome

LANE = common.BUILD / "lanes" / "release"
VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
IN_CODE = pathlib.Path("plugins") / "plugin_utils" / "_rollout" / "version.py"
NOT_IN_GIT = {"MANIFEST.json", "FILES.json"}


class NoRelease(Exception):
    """Why there is no release."""


def git(*words: str, folder: pathlib.Path = common.ROOT) -> str:
    """Give the output of git. Raises NoRelease."""
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoRelease(f"git {words[0]}: {done.stderr.strip()}")
    return done.stdout.strip()


def rehearse(version: str, log: Log) -> pathlib.Path:
    """Make the release in a clone of HEAD, build it from its tag, install it into an empty place and use it there. Give the clone. Raises NoRelease."""
    clone = LANE / "checkout"
    common.remove(LANE)
    LANE.mkdir(parents=True)
    git("clone", "--quiet", "--no-hardlinks", str(common.ROOT), str(clone))
    for name in ("user.name", "user.email"):
        git("config", name, git("log", "-1", f"--format=%{'an' if name == 'user.name' else 'ae'}"), folder=clone)
    expected = _version_in(clone)
    if not VERSION.fullmatch(version) or _numbers(version) < _numbers(expected):
        raise NoRelease(f"{version} is not a version from {expected} on, such as 1.2.3.")
    if version in git("tag", folder=clone).split():
        raise NoRelease(f"there is a tag {version} already.")
    _set_version(clone, version)
    lint, run = venvs.ensure("lint", log), venvs.ensure("run", log)
    home = venvs.prepare_home(LANE / "home")
    _do([lint / "bin" / "antsibull-changelog", "release", "--version", version], log, clone, common.environment(home, lint / "bin"))
    git("add", "-A", folder=clone)
    git("commit", "--quiet", "-m", f"Release {version}", folder=clone)
    git("tag", "-a", version, "-m", f"Release {version}", folder=clone)
    _try(version, clone, run, log)
    _set_version(clone, _next_minor(version))
    git("commit", "--quiet", "-a", "-m", f"Begin {_next_minor(version)}", folder=clone)
    return clone


def _set_version(folder: pathlib.Path, version: str) -> None:
    """Replace the version in the two files that name it. Raises NoRelease."""
    now = _version_in(folder)
    for file in (pathlib.Path("galaxy.yml"), IN_CODE):
        text = (folder / file).read_text(encoding="utf-8")
        if text.count(now) != 1:
            raise NoRelease(f"{file} names the version {now} {text.count(now)} times.")
        (folder / file).write_text(text.replace(now, version), encoding="utf-8")


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


def _next_minor(version: str) -> str:
    major, minor, _patch = _numbers(version)
    return f"{major}.{minor + 1}.0"


def _version_in(folder: pathlib.Path) -> str:
    found = re.search(r"^version: (\S+)$", (folder / "galaxy.yml").read_text(encoding="utf-8"), re.M)
    if found is None:
        raise NoRelease("galaxy.yml names no version.")
    return found.group(1)


def _do(command: list[object], log: Log, folder: pathlib.Path, env: dict[str, str]) -> None:
    done = common.run(command, log, folder, env)
    if done.code:
        raise NoRelease(f"{pathlib.Path(str(command[0])).name} {command[1]} failed; see {log.path}\n{done.output[-2000:]}")


def _try(version: str, clone: pathlib.Path, run: pathlib.Path, log: Log) -> None:
    """Build from the tagged tree alone, compare, install, and let the demo use what was installed."""
    tagged, installed, home = LANE / "tagged", LANE / "installed", LANE / "home"
    tagged.mkdir()
    archive = LANE / "tagged.tar"
    git("archive", "--output", str(archive), version, folder=clone)
    with tarfile.open(archive) as stream:
        stream.extractall(tagged)  # git has just written it
    env = common.environment(home, run / "bin", ANSIBLE_COLLECTIONS_PATH=str(installed), PYTHONPATH=str(tagged / "tests"))
    galaxy: list[object] = [run / "bin" / "python", "-m", "ansible", "galaxy", "collection"]
    _do([*galaxy, "build", "--output-path", LANE], log, tagged, env)
    tarball = LANE / f"hwc-mfa-{version}.tar.gz"
    _do([*galaxy, "install", "--offline", "--no-deps", "-p", installed, tarball], log, LANE, env)
    place = installed / "ansible_collections" / "hwc" / "mfa"
    for file in (path for path in place.rglob("*") if path.is_file()):
        name = file.relative_to(place)
        if str(name) not in NOT_IN_GIT and file.read_bytes() != (tagged / name).read_bytes():
            raise NoRelease(f"{name} of the tarball is not that of the tag.")
    demo = [run / "bin" / "python", tagged / "tests" / "demo" / "demo.py", "--short", "--users", "12", "--directory", LANE / "demo"]
    _do(list(demo), log, LANE, env)


def step(log: Log) -> Outcome:
    """As a step of `make test`: a release of the version that is expected next, of which nothing is kept."""
    try:
        rehearse(_version_in(common.ROOT), log)
    except NoRelease as reason:
        log.write(f"{reason}\n")
        return Outcome(failed=1, notes=(str(reason).splitlines()[0],))
    return Outcome(passed=1)


def main(version: str) -> int:
    """Make a release of what HEAD is."""
    common.LOGS.mkdir(parents=True, exist_ok=True)
    log = Log(common.LOGS / "release.log", True)
    log.path.write_text("", encoding="utf-8")
    try:
        if git("status", "--porcelain"):
            raise NoRelease("commit or remove what is not committed: a release is what HEAD is.")
        clone = rehearse(version, log)
        git("pull", "--quiet", "--ff-only", "--tags", str(clone), "HEAD")
    except NoRelease as reason:
        print(f"no release: {reason}", file=sys.stderr)
        return 1
    print(f"{version} is released here: {LANE / f'hwc-mfa-{version}.tar.gz'}. Push the commits and the tag, and the workflow publishes it.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
