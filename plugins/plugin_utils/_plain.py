# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values without what Ansible hangs on them: tags, marks of unsafe text, lazy and encrypted text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def plain(value: Any) -> Any:
    """Options as a module gets them: text that Ansible keeps lazily or encrypted becomes a plain string."""
    if isinstance(value, Mapping):
        return {exact(name): plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return exact(value)


def exact(value: Any) -> str:
    """``value`` as a string and nothing more: what Ansible hangs on its strings survives ``str()``, and YAML's safe writer refuses it."""
    return str.__str__(str(value))
