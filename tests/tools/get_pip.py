# Copyright: The hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands in for get-pip.py, which ansible-test would fetch from a host that companies' registry mirrors do not carry.

It brings pip from the interpreter's own ensurepip, then the wanted version from the Python registry, as pip.conf says.
"""

from __future__ import annotations

import os
import runpy
import subprocess
import sys

if __name__ == "__main__":
    wanted = [word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel")]
    # In a process of its own, for ensurepip points PIP_CONFIG_FILE at /dev/null, and that must not reach the installation.
    subprocess.check_call([sys.executable, "-m", "ensurepip"], env={name: value for name, value in os.environ.items() if name != "GET_PIP"})
    sys.argv = ["pip", "install", "--upgrade", *wanted]
    runpy.run_module("pip", run_name="__main__", alter_sys=True)
