# Copyright: The hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes the collection awx.awx out of the Python package that carries it, since Galaxy is not reachable everywhere and the Python registry is."""

from __future__ import annotations

import pathlib
import zipfile

import common
import venvs

_PART = "ansible_collections/awx/awx/"


def awx_collections(python: pathlib.Path, log: common.Log) -> pathlib.Path:
    """Give a folder of collections with awx.awx, fetched once for a given requirement."""
    requirement = venvs.REQUIREMENTS / "awx-collections.txt"
    folder = common.BUILD / "awx-collections"
    stamp, wanted = folder / "stamp", requirement.read_text(encoding="utf-8")
    venvs.VENVS.mkdir(parents=True, exist_ok=True)
    with venvs.file_lock(venvs.VENVS / "awx-collections.lock"):
        if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
            return folder
        common.remove(folder)
        download = folder / "download"
        download.mkdir(parents=True)
        # Of no importance to a collection: which Python that release is for.
        words = ["--quiet", "--no-deps", "--only-binary=:all:", "--python-version", "3.13", "-d", download, "-r", requirement]
        if common.run([python, "-m", "pip", "download", *words], log).code:
            raise RuntimeError("the Python package with the collection awx.awx could not be fetched")
        with zipfile.ZipFile(next(download.glob("*.whl"))) as wheel:
            wheel.extractall(folder, [name for name in wheel.namelist() if name.startswith(_PART)])
        common.remove(download)
        stamp.write_text(wanted, encoding="utf-8")
    return folder
