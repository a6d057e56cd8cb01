# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the verification codes (TOTP) of one item come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import OptionError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.totp import (
    ServerClock,
    check_code,
    code_for_step,
    consecutive_pair,
    decode_seed,
    seconds_until_safe,
    step_at,
)

Meanwhile = Callable[[float, ServerClock], None]
"""What there is to do for so many seconds, by a server's clock."""


class Codes:
    """Where an item's codes come from: typed by somebody, or computed from its seed when they are sent, on the server's clock."""

    def __init__(self, item: Mapping[str, Any], needed: bool) -> None:
        first, second, seed = (item.get(name) for name in ("authentication_code_first", "authentication_code_second", "seed"))
        if seed and (first or second):
            raise OptionError("seed and authentication_code_first/authentication_code_second are mutually exclusive.")
        self._key = decode_seed(seed) if seed else None
        self._typed: tuple[str, str] | None = None
        if first or second:
            if needed and not (first and second):
                raise OptionError(
                    "authentication_code_first and authentication_code_second go together: two consecutive codes of the device."
                )
            typed = (first or second or "", second or first or "")
            self._typed = (check_code(typed[0], "authentication_code_first"), check_code(typed[1], "authentication_code_second"))
            if needed and first == second:
                raise OptionError(
                    "authentication_code_first and authentication_code_second are the same: wait for the device to show the next code."
                )
        if needed and self._key is None and self._typed is None:
            raise OptionError("seed, or authentication_code_first and authentication_code_second, must be given to bind a device.")

    @property
    def given(self) -> bool:
        return self._key is not None or self._typed is not None

    def pair(self, clock: ServerClock, sleep: Callable[[float], None], meanwhile: Meanwhile | None = None) -> tuple[str, str]:
        """The previous and the current code, at a moment when both are sure to arrive in time. ``meanwhile`` is done before a wait for it."""
        if self._typed is not None:
            return self._typed
        wait = seconds_until_safe(clock.now(), clock.uncertainty)
        if wait and meanwhile is not None:
            meanwhile(wait, clock)
        return consecutive_pair(self._key or b"", _safe_moment(clock, sleep))

    def current(self, clock: ServerClock, sleep: Callable[[float], None]) -> str:
        """The current code; of two typed ones the second."""
        if self._typed is not None:
            return self._typed[1]
        return code_for_step(self._key or b"", step_at(_safe_moment(clock, sleep)))


def _safe_moment(clock: ServerClock, sleep: Callable[[float], None]) -> float:
    sleep(seconds_until_safe(clock.now(), clock.uncertainty))
    return clock.now()
