# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Marks text of others as text that no template is made of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible.utils.unsafe_proxy import wrap_var

_HARMLESS = re.compile(r"[A-Za-z0-9_.:/@+ -]*", re.ASCII)
"""Text that cannot become part of a template, whatever it is joined with. Marks would only make inventories that are written as JSON hard to read."""


def untrusted(value: Any) -> Any:
    """``value`` with marks on all text that could be taken for a template. Since ansible-core 2.19 only text that is trusted is one."""
    if isinstance(value, Mapping):
        return {key: untrusted(item) for key, item in value.items()}
    return value if not isinstance(value, str) or _HARMLESS.fullmatch(value) else wrap_var(value)
