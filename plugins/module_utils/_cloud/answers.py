# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads answers within bounds: no answer, be it a page, an error or that of a proxy, lasts for ever or fills the memory.

A socket's timeout bounds the silence between two bytes only, so a server that sends a byte a second is never given up on. Here each
receive of the socket is counted, headers and proxies' answers included, which costs a microsecond.
"""

from __future__ import annotations

import http.client
import io
import time
from dataclasses import dataclass
from typing import Any

LARGEST = 64 * 1024 * 1024
"""Bytes of an answer, as they arrive and after decompression. A listing of a hundred thousand users has a third of that."""

TIMES_TIMEOUT = 10
LEAST_SECONDS = 60.0

_CHUNK = 16 * 1024
"""Bytes that are decompressed at once; deflate makes at most a thousand times as many of them."""

_ENCODINGS = ("", "identity", "gzip", "x-gzip", "deflate")
"""Those that requests ask for. Others, and several on top of each other, could make gigabytes of one chunk."""


class GivenUp(Exception):
    """An answer was too long or took too long; the text completes "the host ...". Not an OSError, so that urllib3 passes it on as it is."""


@dataclass(frozen=True)
class Answer:
    """An answer that was read to its end, whatever its status."""

    status_code: int
    headers: Any
    content: bytes


def longest(timeout: float | None) -> float:
    """Seconds that an answer may take in all, for a socket's ``timeout`` in seconds: ten times that, and a minute at least."""
    return LEAST_SECONDS if timeout is None else max(LEAST_SECONDS, TIMES_TIMEOUT * timeout)


def read(response: Any) -> Answer:
    """Read a response of requests to its end. Raises GivenUp, and what requests raises; the connection is closed then."""
    try:
        if response.headers.get("Content-Encoding", "").strip().lower() not in _ENCODINGS:
            raise GivenUp("sent an answer in an encoding that was not asked for")
        # urllib3 1 takes half an answer for a whole one otherwise.
        response.raw.enforce_content_length = True
        chunks, size = [], 0
        for chunk in response.iter_content(_CHUNK):
            size += len(chunk)
            if size > LARGEST:
                raise _too_large()
            chunks.append(chunk)
    except BaseException:
        response.close()
        raise
    return Answer(response.status_code, response.headers, b"".join(chunks))


def _too_large() -> GivenUp:
    return GivenUp(f"sent an answer of more than {LARGEST / 2**20:g} MiB")


class Response(http.client.HTTPResponse):
    """An answer whose bytes are counted from the first one, those of its headers included."""

    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_Incoming(self.fp.detach(), longest(sock.gettimeout())))


class _Incoming(io.RawIOBase):
    """What arrives at a socket, until it is too much or takes too long."""

    def __init__(self, raw: io.RawIOBase, seconds: float) -> None:
        super().__init__()
        self._raw = raw
        self._seconds = seconds
        self._end = time.monotonic() + seconds
        self._left = LARGEST

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if time.monotonic() > self._end:
            raise GivenUp(
                f"did not finish its answer within {self._seconds:g} s ({TIMES_TIMEOUT} times the option timeout, a minute at least)"
            )
        count = self._raw.readinto(buffer)
        if count:
            self._left -= count
            if self._left < 0:
                raise _too_large()
        return count

    def fileno(self) -> int:
        return self._raw.fileno()

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()
