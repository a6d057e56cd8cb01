# Copyright: The hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands in for get-pip.py, which ansible-test would fetch from a host that companies' registry mirrors do not carry.

It brings the wanted pip from the Python registry, as pip.conf says, with the pip that the interpreter's ensurepip holds, which it need not install first.
"""

from __future__ import annotations

import ensurepip
import os
import pathlib
import runpy
import subprocess
import sys

if __name__ == "__main__":
    wanted = [word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel")]
    held = sorted((pathlib.Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl"))
    if held:
        sys.path.insert(0, str(held[-1]))
    else:
        # In a process of its own, for ensurepip points PIP_CONFIG_FILE at /dev/null, and that must not reach the installation.
        subprocess.check_call(
            [sys.executable, "-m", "ensurepip"], env={name: value for name, value in os.environ.items() if name != "GET_PIP"}
        )
    sys.argv = ["pip", "install", "--upgrade", *wanted]
    runpy.run_module("pip", run_name="__main__", alter_sys=True)
