# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tells whether a request has begun to leave this machine: only then may the other side have carried it out.

The errors of the libraries do not tell: a TLS error can be one of the handshake, or come in place of an answer.
"""

from __future__ import annotations

import http.client
import threading
from typing import Any


class _Departure(threading.local):
    begun = False


_departure = _Departure()


def await_next() -> None:
    """A request of this thread is about to be sent; until it is, ``begun`` says no."""
    _departure.begun = False


def begun() -> bool:
    """Whether anything of this thread's last request was sent. What opens a connection is no part of it: a handshake, words to a proxy."""
    return _departure.begun


class Connection(http.client.HTTPConnection):
    """A connection that notes what it sends; in front of one of urllib3's classes, which connect and send in their own way."""

    def connect(self) -> None:
        try:
            super().connect()
        finally:
            _departure.begun = False

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        _departure.begun = True
        super().send(data)
