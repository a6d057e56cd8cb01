# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values without what Ansible hangs on them: tags, marks of unsafe text, lazy and encrypted text. And packed ones, opened."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.hwc.mfa.plugins.plugin_utils._control.packing import unpack

_PACKED = "_packed"

_PLACEHOLDER = re.compile(r"__omit_place_holder__[0-9a-f]{40}", re.ASCII)
"""What ``omit`` is before ansible-core 2.19: a text."""


def omitted(value: Any) -> bool:
    """Whether a value is ``omit``. Core drops it from a task's options, and hands it to filters as it is."""
    if isinstance(value, str):
        return _PLACEHOLDER.fullmatch(value) is not None
    return type(value).__name__ == "_OmitType"


def plain(value: Any) -> Any:
    """Options as a module gets them: text that Ansible keeps lazily or encrypted becomes a plain string, and what is omitted is not there."""
    if isinstance(value, Mapping):
        return {exact(name): plain(item) for name, item in value.items() if not omitted(item)}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value if not omitted(item)]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return exact(value)


_MARKS = ("{{", "{%", "{#")


def needs_templating(value: Any) -> bool:
    """Whether anything in a variable, as Ansible has read it, may be a template or is kept encrypted. Else it is what its template would give."""
    if isinstance(value, str):
        return any(mark in value for mark in _MARKS)
    if isinstance(value, Mapping):
        return any(needs_templating(each) for pair in value.items() for each in pair)
    if isinstance(value, (list, tuple)):
        return any(needs_templating(each) for each in value)
    return not (value is None or isinstance(value, (bool, int, float)))


def decrypted(value: Any) -> Any:
    """A value that may be a text encrypted in place (``!vault``): before ansible-core 2.19 that is no string in a filter."""
    return exact(value) if getattr(value, "__ENCRYPTED__", False) else value


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
            if not omitted(item)
        }
    return plain(value)
