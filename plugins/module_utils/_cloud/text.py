# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes text from outside, such as a user's name or a cloud's message, safe to print and to write to a file."""

from __future__ import annotations

import json
import re
from typing import Any

_INVISIBLE = "\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff"
"""Characters that break lines, move a terminal's cursor, change the direction of writing, or are none; ASCII's control codes come below."""

_UNFIT = re.compile(f"[\x00-\x1f{_INVISIBLE}]")
_UNFIT_IN_JSON = re.compile(f"[{_INVISIBLE}]")


def legible(value: Any, limit: int | None = None) -> str:
    """``value`` in one line of visible text: a name must not end a line, nor imitate a line of Ansible's.

    White space becomes single spaces, other invisible characters become U+FFFD, and text beyond ``limit`` characters is cut.
    """
    text = str(value)
    if text.isprintable() and "  " not in text and text == text.strip(" "):
        # Most text is fit, and the report of a large account asks for it a hundred thousand times. A slice has lost what Ansible hangs on strings.
        text = text[:]
    else:
        text = _UNFIT.sub("\ufffd", " ".join(text.split()))
    return text if limit is None or len(text) <= limit else f"{text[:limit]}..."


def quoted(value: Any, limit: int) -> str:
    """``value`` in quotes, cut at ``limit`` characters, in one line of visible text in which no two values look alike.

    White space counts, so it stays, and what cannot be seen is written as an escape: an error about a name with a blank at its end must not
    show that of somebody else.
    """
    text = str(value)
    text = text[:limit] if len(text) <= limit else f"{text[:limit]}..."
    # Of blanks in a row, ``legible`` would leave one.
    return repr(text).replace("  ", " \\x20")


def json_text(value: Any, indent: int | None = None) -> str:
    """``value`` as readable JSON, with escapes for what people could not see and what a file or YAML could not hold."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    return _UNFIT_IN_JSON.sub(lambda found: f"\\u{ord(found.group()):04x}", text)
