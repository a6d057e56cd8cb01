# Copyright: The hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that tests need and no Python package carries: found on the path, or fetched into .build from a package registry."""

from __future__ import annotations

import base64
import hashlib
import os
import pathlib
import platform
import shutil
import tarfile
import tempfile
import urllib.request

import common
import venvs

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome-headless-shell")

# A Chromium without a window, with the libraries and fonts that a bare machine lacks.
VERSION = "147.0.0"
INTEGRITY = "4ZKeAQQa8up2mt675qSitztLdbQrlf8BKdC5naeap+5Mv1OV1OlJdPoU+EJC/p5sQUJUQmN4r+q5+EhaaOUHpQ=="
REGISTRY = "https://registry.npmjs.org/"
PARTS = ("chromium", "al2023.tar", "fonts.tar")

FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir prefix="relative">fonts</dir><cachedir prefix="xdg">fontconfig</cachedir></fontconfig>
"""

START = """#!/bin/sh
here=$(dirname "$0")
XDG_CACHE_HOME="$here/cache" LD_LIBRARY_PATH="$here/lib" FONTCONFIG_FILE="$here/fonts.conf" exec "$here/chromium" "$@"
"""

START_KEEPASSXC = """#!/bin/sh
here=$(cd "$(dirname "$0")" && pwd)
LD_LIBRARY_PATH=$(find "$here/usr/lib" "$here/lib" -name '*.so*' -printf '%h\\n' 2>/dev/null | sort -u | tr '\\n' ':')
export LD_LIBRARY_PATH
exec "$here/usr/bin/keepassxc-cli" "$@"
"""

UNPACK = """
import brotli, sys
unpacking = brotli.Decompressor()
with open(sys.argv[1], "rb") as packed, open(sys.argv[2], "wb") as whole:
    while piece := packed.read(1 << 20):
        whole.write(unpacking.process(piece))
assert unpacking.is_finished()
"""


def chromium(log: common.Log) -> pathlib.Path:
    """Give a Chromium: the machine's own, or one fetched once, or as a last resort Debian's package. Raises RuntimeError."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found:
        return pathlib.Path(found)
    folder = common.BUILD / "programs" / f"chromium-{VERSION}"
    if (folder / "start").exists():
        return folder / "start"
    if platform.machine() == "x86_64":
        try:
            return _fetched(folder, log)
        except (OSError, RuntimeError, tarfile.TarError) as error:
            log.write(f"{type(error).__name__}: {error}\n")
    if os.geteuid() == 0 and shutil.which("apt-get"):
        common.run(["apt-get", "install", "-y", "--no-install-recommends", "chromium"], log)
        found = shutil.which("chromium")
        if found:
            return pathlib.Path(found)
    raise RuntimeError("there is no Chromium, and none could be fetched: install one, such as Debian's package chromium")


def keepassxc_cli(log: common.Log) -> pathlib.Path:
    """Give KeePassXC's program for the command line: the machine's own, or Debian's packages, fetched once. Raises RuntimeError."""
    found = shutil.which("keepassxc-cli")
    if found:
        return pathlib.Path(found)
    folder = common.BUILD / "programs" / "keepassxc"
    if (folder / "start").exists():
        return folder / "start"
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise RuntimeError("there is no keepassxc-cli, and none could be fetched: install KeePassXC")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        work, made = pathlib.Path(temporary), pathlib.Path(temporary) / "made"
        made.mkdir()
        if common.run(["apt-get", "download", "-q", *_debian_packages(log)], log, cwd=work).code:
            raise RuntimeError("Debian's packages of KeePassXC could not be fetched")
        for package in sorted(work.glob("*.deb")):
            if common.run(["dpkg-deb", "-x", package, made], log).code:
                raise RuntimeError(f"{package.name} could not be unpacked")
        (made / "start").write_text(START_KEEPASSXC, encoding="utf-8")
        (made / "start").chmod(0o755)
        # Another process may have been faster.
        if not folder.exists():
            made.rename(folder)
    return folder / "start"


def _debian_packages(log: common.Log) -> list[str]:
    """Give KeePassXC's packages and those that it needs and the machine lacks."""
    words = ["apt-get", "--simulate", "--no-install-recommends", "install", "keepassxc"]
    for attempt in range(2):
        done = common.run(words, log)
        names = [line.split()[1] for line in done.output.splitlines() if line.startswith("Inst ")]
        if done.code == 0 and names:
            return names
        if attempt == 0 and os.geteuid() == 0:
            common.run(["apt-get", "update", "-q"], log)
    raise RuntimeError("there is no keepassxc-cli, and the package keepassxc is not known here: install it")


def _fetched(folder: pathlib.Path, log: common.Log) -> pathlib.Path:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        work, made = pathlib.Path(temporary), pathlib.Path(temporary) / "made"
        package = _package(work, log)
        digest = base64.b64encode(hashlib.sha512(package.read_bytes()).digest()).decode()
        if digest != INTEGRITY:
            raise RuntimeError(f"{package.name} is not the package that is expected")
        made.mkdir()
        python = venvs.ensure("browser", log) / "bin" / "python"
        with tarfile.open(package) as archive:
            for part in PARTS:
                packed, whole = work / f"{part}.br", made / part
                member = archive.extractfile(f"package/bin/{part}.br")
                if member is None:
                    raise RuntimeError(f"{package.name} has no {part}")
                with packed.open("wb") as stream:
                    shutil.copyfileobj(member, stream)
                if common.run([python, "-c", UNPACK, packed, whole], log).code:
                    raise RuntimeError(f"{part} could not be unpacked")
                if part.endswith(".tar"):
                    with tarfile.open(whole) as inner:
                        inner.extractall(made)
                    whole.unlink()
        (made / "chromium").chmod(0o755)
        (made / "fonts.conf").write_text(FONTS, encoding="utf-8")
        (made / "start").write_text(START, encoding="utf-8")
        (made / "start").chmod(0o755)
        # Another process may have been faster.
        if not folder.exists():
            made.rename(folder)
    return folder / "start"


def _package(work: pathlib.Path, log: common.Log) -> pathlib.Path:
    """Fetch the package: by npm, which knows the registry that this machine is to use, or where there is no npm, from the registry itself."""
    if shutil.which("npm"):
        words = ["npm", "pack", "--silent", "--pack-destination", work, f"@sparticuz/chromium@{VERSION}"]
        if common.run(words, log, cwd=work).code == 0:
            return next(work.glob("*.tgz"))
    registry = os.environ.get("NPM_CONFIG_REGISTRY") or REGISTRY
    path = work / f"chromium-{VERSION}.tgz"
    url = f"{registry.rstrip('/')}/@sparticuz/chromium/-/{path.name}"
    with urllib.request.urlopen(url, timeout=120) as answer, path.open("wb") as stream:
        shutil.copyfileobj(answer, stream)
    return path
