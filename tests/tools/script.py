# Copyright: The hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a script of the project (the demo, the benchmark) with ansible-core, requests and the collection within its reach.

python3 tests/tools/script.py [--venv NAME] FILE [WORDS FOR IT]: NAME is a virtual environment of venvs.py, "run" if it is not given.
"""

from __future__ import annotations

import os
import sys

import common
import stage
import venvs
from common import Log


def main(words: list[str]) -> None:
    """Become the script."""
    name = "run"
    if words[0] == "--venv":
        _option, name, *words = words
    if not (common.ROOT / words[0]).is_file():
        sys.exit(f"there is no {words[0]} yet")
    common.LOGS.mkdir(parents=True, exist_ok=True)
    log = Log(common.LOGS / "script.log")
    if not (venvs.VENVS / name / "stamp").exists():
        print("Installing ansible-core into .build (once) ...", flush=True)
    try:
        venv = venvs.ensure(name, log)
    except RuntimeError as error:
        sys.exit(f"{error}; see {log.path.relative_to(common.ROOT)}")
    stage.stage(common.BUILD)
    home = venvs.prepare_home(common.BUILD / "home")
    env = common.environment(home, venv / "bin", ANSIBLE_COLLECTIONS_PATH=str(common.BUILD), PYTHONPATH=str(common.ROOT / "tests"))
    # A person watches: Ansible decides by the terminal.
    del env["ANSIBLE_NOCOLOR"]
    python = str(venv / "bin" / "python")
    os.chdir(common.ROOT)
    os.execve(python, [python, *words], env)


if __name__ == "__main__":
    main(sys.argv[1:])
