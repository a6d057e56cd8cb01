# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables and notes for a terminal of 100 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

WIDTH = 100
GAP = "  "


@dataclass(frozen=True)
class Table:
    """Heads and lines of cells. Columns of ``texts`` stand left, the others are numbers and stand right."""

    heads: Sequence[str]
    lines: Sequence[Sequence[str]]
    texts: Collection[int] = (0,)

    def render(self) -> list[str]:
        rows = [list(self.heads), *(list(line) for line in self.lines)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(self.heads))]
        others = sum(width + len(GAP) for width in widths[1:])
        # Rather a name cut short than a table that a terminal breaks.
        widths[0] = min(widths[0], WIDTH - others - len(GAP))
        return [GAP + GAP.join(self._cell(row, column, width) for column, width in enumerate(widths)) for row in rows]

    def _cell(self, row: Sequence[str], column: int, width: int) -> str:
        text = row[column][:width]
        return text.ljust(width) if column in self.texts else text.rjust(width)


@dataclass(frozen=True)
class Section:
    """What a row of the benchmark has to show: a title, tables, sentences below them, and all of its numbers for the JSON."""

    title: str
    tables: Sequence[Table]
    notes: Sequence[str] = ()
    figures: dict[str, Any] = field(default_factory=dict)

    def render(self) -> str:
        lines = []
        for table in self.tables:
            lines += [*table.render(), ""]
        for note in self.notes:
            lines += textwrap.wrap(note, WIDTH, initial_indent=GAP, subsequent_indent=GAP)
        return "\n".join(lines)


def seconds(value: float) -> str:
    """Seconds, as exactly as they are worth reading."""
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def milliseconds(value: float) -> str:
    """Seconds as milliseconds."""
    return f"{value * 1000:.0f}" if value >= 0.1 else f"{value * 1000:.1f}"


def mib(value: float) -> str:
    """Bytes as MiB."""
    return f"{value / (1024 * 1024):.0f}"


def kib(value: float) -> str:
    """Bytes as KiB."""
    return f"{value / 1024:.0f}"


def number(value: float) -> str:
    """A count; the median of an even number of runs can lie between two."""
    return f"{value:.0f}" if value == int(value) else f"{value:.1f}"


def ratio(value: float) -> str:
    """How many times as much."""
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def percent(value: float) -> str:
    """A share as a percentage."""
    return f"{value * 100:.1f} %"
