# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Marks text of others as text that no template is made of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import ansible.template

_HARMLESS = re.compile(r"[A-Za-z0-9_.:/@+ -]*", re.ASCII)
"""Text that cannot become part of a template, whatever it is joined with. Marks would only make inventories that are written as JSON hard to read."""


_MARKS = not hasattr(ansible.template, "trust_as_template")
"""Whether text is marked. Since ansible-core 2.19 only text that is marked as trusted is a template, and the old marks are deprecated there."""


def untrusted(value: Any) -> Any:
    """``value`` so that no text in it is taken for a template."""
    return _marked(value) if _MARKS else value


def _marked(value: Any) -> Any:
    from ansible.utils.unsafe_proxy import wrap_var

    if isinstance(value, Mapping):
        return {key: _marked(item) for key, item in value.items()}
    return value if not isinstance(value, str) or _HARMLESS.fullmatch(value) else wrap_var(value)
