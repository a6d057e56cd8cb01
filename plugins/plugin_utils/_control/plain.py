# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values without what Ansible hangs on them: tags, marks of unsafe text, lazy and encrypted text. And packed ones, opened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.hwc.mfa.plugins.plugin_utils._control.packing import unpack

_PACKED = "_packed"


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


def opened(value: Any) -> Any:
    """A variable as plain data, whether it was handed on as data or packed: as a text, or as a mapping with texts under ``<name>_packed``."""
    if isinstance(value, str):
        return unpack(exact(value))
    if isinstance(value, Mapping):
        return {
            exact(name).removesuffix(_PACKED): opened(item) if exact(name).endswith(_PACKED) else plain(item)
            for name, item in value.items()
        }
    return plain(value)
