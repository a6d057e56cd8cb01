# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What reading must cost at the least: asks for the same listings, one after the other, and parses them: transfer.py FILE.

The file has ``url``, a ``token``, and ``targets``, paths with their queries.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import requests


def main(path: Path) -> None:
    """Read everything once."""
    wanted = json.loads(path.read_text(encoding="utf-8"))
    session = requests.Session()
    session.trust_env = False
    session.headers["X-Auth-Token"] = wanted["token"]
    for target in wanted["targets"]:
        response = session.get(wanted["url"] + target)
        response.raise_for_status()
        response.json()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
