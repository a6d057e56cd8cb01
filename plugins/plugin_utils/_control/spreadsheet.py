# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cells of CSV files, which people open in spreadsheets."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import legible

_FORMULA = re.compile(r"(?:^|(?<=;))(?=[\s\ufffd\u200b-\u200d\u2060\"]*[=+\-@\uff1d\uff0b\uff0d\uff20])")
"""Where a spreadsheet would begin a formula: at a cell's begin, perhaps behind what it skips, or behind a semicolon, which parts the cells
of a CSV file in many countries."""


def cell(value: Any) -> str:
    """``value`` in one line of visible text, quoted with an apostrophe where a spreadsheet would take it for a formula."""
    return "" if value is None else _FORMULA.sub("'", legible(value))
