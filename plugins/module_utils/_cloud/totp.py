# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""RFC 6238 for the clouds: six digits, SHA-1, steps of 30 s, on the server's clock."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import struct
import threading
import time
import unicodedata
from email.utils import mktime_tz, parsedate_tz
from typing import Callable

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import OptionError

STEP = 30
"""Seconds for which one code holds."""

GUARD = 3.0
"""Seconds before a step's end in which no code is sent: it could arrive in the next step."""

_BASE32 = re.compile(r"[A-Za-z2-7]", re.ASCII)

_BETWEEN = ("Cf", "Pd")
"""Unicode's categories of characters that nobody sees, such as zero-width spaces, and of dashes."""

_NO_LENGTH = (1, 3, 6)
"""How many characters beyond a multiple of eight no base32 text has (RFC 4648, 6)."""

_CODE = re.compile(r"[0-9]{6}", re.ASCII)


def seed_text(seed: str, option: str = "seed") -> str:
    """A base32 seed as it is meant: in capitals, without padding and without what people and web pages put between its characters.

    Raises OptionError that names ``option`` and says what is wrong, and never shows the seed.
    """
    if seed.strip().lower().startswith("otpauth:"):
        raise OptionError(f"{option} is a whole otpauth:// address: give only what stands in it between secret= and the next &.")
    text = "".join(character for character in seed if unicodedata.category(character) not in _BETWEEN and not character.isspace()).rstrip(
        "="
    )
    for place, character in enumerate(text, 1):
        # Before upper(), which makes A to Z of some letters beyond ASCII.
        if not _BASE32.fullmatch(character):
            raise OptionError(
                f"{option} is not a base32 seed: only the letters A to Z and the digits 2 to 7 can stand in it, and its character {place} is"
                " none of them."
            )
    if not text:
        raise OptionError(f"{option} is not a base32 seed: it is empty.")
    if len(text) % 8 in _NO_LENGTH:
        raise OptionError(f"{option} is not a base32 seed: no seed has {len(text)} characters, so some are missing or too many.")
    return text.upper()


def decode_seed(seed: str, option: str = "seed") -> bytes:
    """The key of a base32 ``seed``; see ``seed_text`` for what is forgiven. Raises OptionError that names ``option``."""
    text = seed_text(seed, option)
    return base64.b32decode(text + "=" * (-len(text) % 8))


def check_code(code: str, option: str) -> str:
    """Return ``code`` if it is six digits, else raise OptionError that names ``option`` and not the code."""
    if not _CODE.fullmatch(code):
        raise OptionError(f"{option} must be a string of exactly six digits; quote it in YAML, so that leading zeros stay.")
    return code


def step_at(unix_time: float) -> int:
    """The number of the step that ``unix_time`` (seconds) falls into."""
    return int(unix_time // STEP)


def code_for_step(key: bytes, step: int) -> str:
    """The code of one step, a string of six digits (RFC 4226, 5.3)."""
    digest = hmac.new(key, struct.pack(">Q", step), hashlib.sha1).digest()
    offset = digest[-1] & 0x0F
    # equivalent: one number is unpacked, so the first is the last
    number = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFFFFFF
    return f"{number % 1000000:06d}"


def totp(seed: str, unix_time: float) -> str:
    """The code that ``seed`` (base32) gives at ``unix_time`` (seconds)."""
    return code_for_step(decode_seed(seed), step_at(unix_time))


def consecutive_pair(key: bytes, unix_time: float) -> tuple[str, str]:
    """The previous and the current code, as a person types them who watches the device change once."""
    step = step_at(unix_time)
    return code_for_step(key, step - 1), code_for_step(key, step)


def seconds_until_safe(unix_time: float, uncertainty: float) -> float:
    """Seconds to wait until a code of the current step is sure to arrive within it; 0.0 for most of a step.

    ``uncertainty`` is by how many seconds ``unix_time`` may be wrong: right after a step's begin the server may still be in the one before.
    """
    into = unix_time % STEP
    if into > STEP - GUARD:
        return STEP - into + uncertainty
    return max(0.0, uncertainty - into)


class ServerClock:
    """The server's time, from the Date headers of its answers.

    One header tells the time to within a second plus the time of its journey. Each further one narrows that, because the server's clock
    must fit all of them.
    """

    def __init__(self, local: Callable[[], float] = time.time) -> None:
        self._local = local
        self._lock = threading.Lock()
        self._bounds: tuple[float, float] | None = None

    def observe(self, date: str | None, sent: float, received: float) -> None:
        """Learn from an answer's Date header; ``sent`` and ``received`` are local times in seconds. An unreadable header is ignored."""
        parsed = parsedate_tz(date)
        if parsed is None:
            return
        try:
            stamp = mktime_tz(parsed)
        except (ValueError, OverflowError):
            return
        if stamp < 2 * STEP:  # equivalent: any limit between 1970 and the first clouds will do
            return  # before the first steps there are no codes
        low, high = stamp - received, stamp + 1.0 - sent
        with self._lock:
            if self._bounds is not None:
                joint_low, joint_high = max(self._bounds[0], low), min(self._bounds[1], high)
                if joint_low <= joint_high:
                    low, high = joint_low, joint_high
                # else a clock was set meanwhile: believe the newest header alone
            self._bounds = low, high

    @property
    def offset(self) -> float:
        """Seconds by which the server is ahead of this machine; 0.0 until an answer was seen."""
        low, high = self._bounds or (0.0, 0.0)
        return (low + high) / 2

    @property
    def uncertainty(self) -> float:
        """Seconds by which ``now()`` may be wrong in either direction; 0.0 until an answer was seen."""
        low, high = self._bounds or (0.0, 0.0)
        return (high - low) / 2

    @property
    def known(self) -> bool:
        """Whether any answer has told the server's time yet."""
        return self._bounds is not None

    def now(self) -> float:
        """The server's time, in seconds since the epoch."""
        return self._local() + self.offset
