# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a play has learned of an account's rate limit, from one task to the next, since each task runs in a process of its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ansible import constants
from ansible_collections.hwc.mfa.plugins.plugin_utils._files import replace_file


@contextmanager
def remembered_paces(host: str) -> Iterator[dict[str, dict[str, Any]]]:
    """The paces of a host of the inventory, which is an account: what earlier tasks of this play left, and what this one will leave.

    They lie in the play's own temporary directory, which Ansible makes for its owner alone and removes at the end. No secret is in them.
    """
    path = Path(constants.DEFAULT_LOCAL_TMP) / f"hwc.mfa-pace-{hashlib.sha256(host.encode('utf-8')).hexdigest()[:32]}.json"
    try:
        known = path.read_bytes()
        paces = json.loads(known)
    except (OSError, ValueError):
        known, paces = b"", {}
    yield paces
    learned = json.dumps(paces).encode("utf-8")
    if learned != known and (paces or known):
        with suppress(OSError):  # the next task then has to learn it anew
            replace_file(path, learned)
