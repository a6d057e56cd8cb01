# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which host of a play works on which account of the cloud: two hosts that reach the same one would remake each other's devices."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

from ansible import constants


def other_host(account_id: str | None, host: str) -> str | None:
    """Take the account for a host of this play. Returns the host that took it before, or None: it is ours.

    An account whose id the cloud does not tell can be anybody's. The note lies in the play's own temporary directory. Raises OSError.
    """
    if not account_id:
        return None
    name = hashlib.sha256(account_id.encode("utf-8")).hexdigest()[:32]
    path = Path(constants.DEFAULT_LOCAL_TMP) / f"hwc.mfa-account-{name}"
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        # Written in one go, but not at the moment at which it is created.
        for _try in range(50):
            found = path.read_text(encoding="utf-8")
            if found.endswith("\n"):
                return None if found == f"{host}\n" else found.rstrip("\n")
            time.sleep(0.02)
        return found or "another host"
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(f"{host}\n")
    return None
