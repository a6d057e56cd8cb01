# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Data as one JSON text: Ansible looks at every single value of a variable each time it hands it on, and at a text once."""

from __future__ import annotations

import json
from typing import Any

_TEMPLATE_SIGNS = {"{{": "{\\u007b", "{%": "{\\u0025", "{#": "{\\u0023"}
"""What begins a template, and how it is written in a JSON string. Outside of strings none of them occurs."""


def pack(value: Any) -> str:
    """``value`` as JSON that no ansible-core takes for anything but a text.

    Before 2.19, texts that begin with a brace or bracket are turned into data, and those that hold ``{{`` are templates,
    which a user's name must never be.
    """
    text = json.dumps(value, separators=(",", ":"))
    for sign, harmless in _TEMPLATE_SIGNS.items():
        text = text.replace(sign, harmless)
    return " " + text


def unpack(value: Any) -> Any:
    """What ``pack`` was given; anything that is no text is returned as it is. Raises ValueError."""
    return json.loads(value) if isinstance(value, str) else value
