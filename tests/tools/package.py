# Copyright: The hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the collection's tarball from the tracked files and tries an offline installation of it."""

from __future__ import annotations

import fnmatch
import json
import pathlib
import tarfile

import common
import stage
import venvs
from common import Log, Outcome


def _ignored(file: pathlib.Path) -> bool:
    """Whether galaxy.yml leaves a file, or a folder that it lies in, out of the tarball."""
    lines = (common.ROOT / "galaxy.yml").read_text(encoding="utf-8").partition("build_ignore:\n")[2].splitlines()
    patterns = [line.strip("- \"'") for line in lines if line.startswith("  - ")]
    return any(fnmatch.fnmatch(str(part), pattern) for part in [file, *file.parents] for pattern in patterns)


def _same_files(tracked: set[str], packed: set[str], log: Log) -> Outcome:
    """Whether the tarball holds the tracked files, what Galaxy adds, and nothing else."""
    folders = {str(parent) for file in tracked for parent in pathlib.PurePath(file).parents} - {"."}
    wrong = (packed - {"MANIFEST.json", "FILES.json"} - folders) ^ (tracked - {"galaxy.yml"})
    log.write("".join(f"either in the tarball or tracked, but not both: {file}\n" for file in sorted(wrong)))
    return Outcome(failed=1, notes=(f"{len(wrong)} files differ between tarball and checkout",)) if wrong else Outcome(passed=1)


def import_as_galaxy(tarball: pathlib.Path, log: Log) -> Outcome:
    """What Galaxy says of the tarball when it is uploaded: no error, and no warning."""
    venv = venvs.ensure("galaxy", log)
    home = venvs.prepare_home(common.BUILD / "lanes" / "galaxy" / "home")
    env = common.environment(home, venv / "bin", GALAXY_IMPORTER_CONFIG=str(common.ROOT / "tests" / "requirements" / "galaxy-importer.cfg"))
    result = common.run([venv / "bin" / "python", "-m", "galaxy_importer.main", tarball], log, home, env)
    warnings = [line for line in result.output.splitlines() if line.startswith(("WARNING", "ERROR"))]
    return result.outcome if not warnings else Outcome(failed=1, notes=tuple(f"galaxy-importer: {line}" for line in warnings[:5]))


def build_and_install(log: Log) -> Outcome:
    """Build, install into an empty folder, and compare the plugins that Ansible then sees with those of the checkout."""
    venv = venvs.ensure("run", log)
    tracked = stage.tracked_files("--cached")
    notes = [f"not tracked, so not in the tarball: {file}" for file in stage.tracked_files("--others", "--exclude-standard")]
    if not (common.ROOT / "galaxy.yml").is_file() or not tracked:
        return Outcome(failed=1, notes=("nothing is tracked by git yet: git add it first",))
    sources, out, installed = common.BUILD / "pack" / "hwc" / "mfa", common.BUILD / "dist", common.BUILD / "installed"
    for folder in (sources, out, installed):
        common.remove(folder)
        folder.mkdir(parents=True)
    stage.copy(tracked, sources)
    home = venvs.prepare_home(common.BUILD / "home")
    env = common.environment(home, venv / "bin", ANSIBLE_COLLECTIONS_PATH=str(installed))
    galaxy = [str(venv / "bin" / "python"), "-m", "ansible", "galaxy", "collection"]
    outcome = common.run([*galaxy, "build", "--output-path", out], log, sources, env).outcome
    if outcome.failed:
        return outcome
    tarball = next(out.glob("hwc-mfa-*.tar.gz"))
    outcome += common.run([*galaxy, "install", "--offline", "--no-deps", "-p", installed, tarball], log, sources, env).outcome
    listing = common.run(
        [venv / "bin" / "python", "-m", "ansible", "doc", "--list", "--json", "--type", "module", "hwc.mfa"], log, common.BUILD, env
    )
    start, end = listing.output.find("{"), listing.output.rfind("}") + 1
    seen = set(json.loads(listing.output[start:end] or "{}"))
    modules = [file for file in tracked if file.parts[:2] == ("plugins", "modules") and file.suffix == ".py"]
    wanted = {f"hwc.mfa.{file.stem}" for file in modules} - {"hwc.mfa.__init__"}
    if seen == wanted:
        outcome += Outcome(passed=1)
    else:
        outcome += Outcome(failed=1, notes=(f"modules installed: {sorted(seen)}, in the checkout: {sorted(wanted)}",))
    with tarfile.open(tarball) as archive:
        names = archive.getnames()
        count = len(names)
    outcome += _same_files({str(file) for file in tracked if not _ignored(file)}, set(names), log)
    outcome += import_as_galaxy(tarball, log)
    log.write(f"{tarball.relative_to(common.ROOT)}: {count} files, {tarball.stat().st_size // 1024} KiB\n")
    if len(notes) > 5:
        notes = [*notes[:5], f"and {len(notes) - 5} more"]
    return outcome + Outcome(notes=(f"{tarball.relative_to(common.ROOT)} ({count} files)", *notes))
