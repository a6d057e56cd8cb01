# Copyright: The hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies the collection to where Ansible looks for it: DIR/ansible_collections/hwc/mfa, in a git repository."""

from __future__ import annotations

import fcntl
import filecmp
import os
import pathlib
import shutil
import subprocess
import sys

import common


def tracked_files(*options: str) -> list[pathlib.Path]:
    """Give the files that git knows, relative to the checkout; options are those of `git ls-files`."""
    listing = subprocess.run(["git", "ls-files", "-z", *options], cwd=common.ROOT, capture_output=True, text=True, check=True).stdout
    names = sorted(set(filter(None, listing.split("\0"))))
    # A tracked file may be deleted in the work tree.
    return [pathlib.Path(name) for name in names if os.path.lexists(common.ROOT / name)]


def copy(files: list[pathlib.Path], destination: pathlib.Path) -> bool:
    """Bring the files that differ, give whether any did."""
    changed = False
    for file in files:
        source, target = common.ROOT / file, destination / file
        if source.is_symlink():
            if not target.is_symlink() or os.readlink(target) != os.readlink(source):
                target.parent.mkdir(parents=True, exist_ok=True)
                common.remove(target)
                target.symlink_to(os.readlink(source))
                changed = True
        elif not (target.is_file() and filecmp.cmp(source, target) and os.access(source, os.X_OK) == os.access(target, os.X_OK)):
            if target.is_dir():
                shutil.rmtree(target)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
            changed = True
    return changed


def stage(root: pathlib.Path) -> pathlib.Path:
    """Make DIR/ansible_collections/hwc/mfa equal to the checkout: tracked files and new ones, but none that is ignored.

    Only what git there knew and is gone here is removed, so that ansible-test keeps its virtual environments below tests/output.
    """
    destination = root / "ansible_collections" / "hwc" / "mfa"
    destination.mkdir(parents=True, exist_ok=True)
    with (root / "stage.lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        files = tracked_files("--cached", "--others", "--exclude-standard")
        git = ["git", "-C", str(destination)]
        if not (destination / ".git").is_dir():
            subprocess.run([*git, "init", "--quiet"], check=True)
        known = subprocess.run([*git, "ls-files", "-z"], capture_output=True, text=True, check=True).stdout
        gone = {pathlib.Path(name) for name in known.split("\0") if name} - set(files)
        for file in gone:
            common.remove(destination / file)
            for parent in (destination / file).parents:
                if parent == destination or not parent.is_dir() or any(parent.iterdir()):
                    break
                parent.rmdir()
        if copy(files, destination) or gone:
            subprocess.run([*git, "add", "--all"], check=True)
    return destination


if __name__ == "__main__":
    # python3 tests/tools/stage.py [DIR]: DIR is .build if it is not given.
    print(stage(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else common.BUILD))
