# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the service of a store is reached: what the options of all of them have in common."""

from __future__ import annotations

import os

from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.store import StoreError


def verification(verify: bool, path: str | None, source: str) -> bool | str:
    """What requests is to verify certificates with; ``source`` is what gave the path. Raises StoreError."""
    if not path or not verify:
        if path and source == "ca_path":
            raise StoreError("ca_path has no effect with validate_certs=false: give one of them.")
        return bool(verify)
    if not os.path.exists(path):
        raise StoreError(f"{source} names no file or directory.")
    return path


def timeout_in(seconds: float) -> float:
    """The option ``timeout``. Raises StoreError."""
    if not 0 < seconds <= 3600:
        raise StoreError("timeout must be more than 0 and at most 3600 seconds.")
    return seconds
