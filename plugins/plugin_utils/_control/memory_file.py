# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a play has learned of an account, from one task to the next, since each task runs in a process of its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ansible import constants
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.files import replace_file


@contextmanager
def remembered(host: str) -> Iterator[dict[str, Any]]:
    """What earlier tasks of this play learned of a host of the inventory, which is an account; afterwards with what this one has learned.

    It lies in the play's own temporary directory, which Ansible makes for its owner alone and removes at the end. No secret is in it.
    """
    path = Path(constants.DEFAULT_LOCAL_TMP) / f"hwc.mfa-{hashlib.sha256(host.encode('utf-8')).hexdigest()[:32]}.json"
    try:
        known = path.read_bytes()
        memory = json.loads(known)
    except (OSError, ValueError):
        known, memory = b"", {}
    try:
        yield memory
    finally:
        # Also where the task was ended, such as by its timeout: a code that was sent has to be known.
        learned = json.dumps(memory).encode("utf-8")
        if learned != known and (memory or known):
            with suppress(OSError):  # the next task then has to learn it anew
                replace_file(path, learned)
