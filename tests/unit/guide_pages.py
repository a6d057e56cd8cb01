# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the guides say, for tests that hold them to it: tables, blocks and texts of docs/docsite/rst."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

GUIDES = Path(__file__).resolve().parents[2] / "docs" / "docsite" / "rst"

_BLOCK = re.compile(r"^( *)\.\. code-block:: (\S+)\n((?:\n|\1 +\S[^\n]*\n)+)", re.MULTILINE)
_TABLE = re.compile(r"^\.\. list-table::\n((?:\n|   [^\n]*\n)+)", re.MULTILINE)
_ROW = re.compile(r"^   \* - ", re.MULTILINE)
_CELL = re.compile(r"^     -(?: |$)", re.MULTILINE)
_LITERAL = re.compile(r"``([^`]+)``")


@dataclass(frozen=True)
class Block:
    """A code block: the guide's name, the language that it is marked with, and its text."""

    guide: str
    language: str
    text: str


def source(guide: str) -> str:
    """The text of a guide, by its name."""
    return (GUIDES / f"{guide}.rst").read_text(encoding="utf-8")


def blocks(guide: str) -> list[Block]:
    """The code blocks of a guide, in order."""
    return [Block(guide, language, textwrap.dedent(text).strip("\n") + "\n") for _indent, language, text in _BLOCK.findall(source(guide))]


def tables(guide: str) -> list[list[list[str]]]:
    """The list-tables of a guide: rows of cells, the header first, each cell in one line."""
    found = []
    for body in _TABLE.findall(source(guide)):
        rows = _ROW.split(body)[1:]
        found.append([[" ".join(cell.split()) for cell in _CELL.split(row)] for row in rows])
    return found


def literals(cell: str) -> list[str]:
    """What stands in double backquotes."""
    return _LITERAL.findall(cell)
