# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""RFC 6238 as the rehearsal cloud checks it: SHA-1, six digits, steps of 30 seconds."""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct

STEP_SECONDS = 30
DIGITS = 6


def step_at(timestamp: float) -> int:
    """The number of the step that a time (seconds since the epoch) lies in."""
    return int(timestamp // STEP_SECONDS)


def code_at_step(seed: str, step: int) -> str:
    """The six-digit code of a base32 seed in a step."""
    key = base64.b32decode(seed)
    digest = hmac.new(key, struct.pack(">Q", step), hashlib.sha1).digest()
    offset = digest[-1] & 0x0F
    (number,) = struct.unpack_from(">I", digest, offset)
    return f"{(number & 0x7FFFFFFF) % 10**DIGITS:0{DIGITS}d}"


def is_code(value: object) -> bool:
    """Whether a value has the form of a code: a string of six ASCII digits."""
    return isinstance(value, str) and len(value) == DIGITS and value.isascii() and value.isdigit()


def matching_step(seed: str, code: str, timestamp: float, window: int = 1) -> int | None:
    """The step within +-window of the time whose code this is, newest first; None where there is none."""
    now = step_at(timestamp)
    for step in range(now + window, now - window - 1, -1):
        if hmac.compare_digest(code_at_step(seed, step), code):
            return step
    return None


def matching_pair(seed: str, first: str, second: str, timestamp: float, window: int = 1) -> int | None:
    """The step of the second of two consecutive codes, if it lies within +-window of the time; else None."""
    now = step_at(timestamp)
    for step in range(now + window, now - window - 1, -1):
        if hmac.compare_digest(code_at_step(seed, step), second) and hmac.compare_digest(code_at_step(seed, step - 1), first):
            return step
    return None
