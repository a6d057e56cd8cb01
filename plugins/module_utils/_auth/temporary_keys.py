# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Temporary keys that all threads share: obtained once, and anew before they end."""

from __future__ import annotations

import threading
from copy import copy
from typing import Callable

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError, OptionError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.temporary_key import TemporaryKey

_AHEAD = 120.0
"""Seconds before their end at which keys are renewed: no request takes as long."""

_FRESH = 30.0
"""Seconds for which a key that is refused is not replaced: its agency's end is more likely than its own."""


class TemporaryKeys:
    """The newest key. ``obtain`` asks for one and ``now`` is the time of the cloud that gives it; ``lasting`` is for how many seconds it was asked."""

    def __init__(self, obtain: Callable[[], TemporaryKey], now: Callable[[], float], lasting: float) -> None:
        self._obtain = obtain
        self._now = now
        self._lasting = lasting
        self._lock = threading.Lock()
        self._key: TemporaryKey | None = None
        self._since = self._until = 0.0
        self._refusal: CloudError | OptionError | None = None
        self.secrets: set[str] = set()
        """All that was obtained and is secret, to be masked."""

    def current(self) -> TemporaryKey:
        """A key that lasts for a while, obtained by whoever comes first. Raises CloudError or OptionError."""
        with self._lock:
            if self._key is None or self._now() >= self._until - _AHEAD:
                self._key = self._new()
            return self._key

    def _new(self) -> TemporaryKey:
        if self._refusal is not None:
            # What was refused to one thread would be refused to all others too, and refusals lock users.
            raise copy(self._refusal)
        try:
            key = self._obtain()
        except OptionError as error:
            self._refusal = error
            raise
        except CloudError as error:
            # Whatever comes of it, the call that the key was for has not been sent.
            error.uncertain = False
            if error.is_refusal:
                # Copies, since whoever is told one may add a hint to it.
                self._refusal = copy(error)
            raise
        self.secrets |= {key.secret_key, key.security_token}
        self._since = self._now()
        self._until = self._since + self._lasting if key.expires_at is None else key.expires_at
        return key

    def replace(self, refused: TemporaryKey) -> bool:
        """After the cloud refused a key: whether there is another one now, or will be at the next call."""
        with self._lock:
            if self._key is refused:
                if self._now() - self._since < _FRESH:
                    return False
                self._key = None
            return True
