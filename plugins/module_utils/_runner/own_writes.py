# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a play has just written of users: a read right after a write may be old for seconds (docs/dev/cloud_api.md, section 2)."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, Callable

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError, OptionError

SECONDS = 60.0
"""For so long a read that says otherwise than this play's own last write is not believed. Reads that old were never seen."""


class OwnWrites:
    """What this play last wrote of each user, of one kind of thing, in the last minute; also in tasks before, where these share a memory.

    ``memory`` is kept as JSON. No secret may be in it. ``now`` gives seconds since the epoch.
    """

    def __init__(self, memory: MutableMapping[str, Any], kind: str, now: Callable[[], float]) -> None:
        self._now = now
        kept = memory.get(f"written {kind}") or {}
        self._written: dict[str, Any] = {user_id: entry for user_id, entry in kept.items() if self._is_new(entry[0])}
        memory[f"written {kind}"] = self._written

    def _is_new(self, at: float) -> bool:
        # A clock that is set meanwhile is rarely set by much.
        return abs(self._now() - at) < SECONDS

    def of(self, user_id: str) -> list[str] | None:
        """What was written of a user; None where nothing was, or long ago."""
        entry = self._written.get(user_id)
        return entry[1:] if entry is not None and self._is_new(entry[0]) else None

    def note(self, user_id: str, *facts: str) -> None:
        """Note what the cloud has certainly taken."""
        self._written[user_id] = [self._now(), *facts]

    def forget(self, user_id: str) -> None:
        """Note that nobody knows what was written, since an answer was lost."""
        self._written.pop(user_id, None)

    @contextmanager
    def writing(self, user_id: str) -> Iterator[None]:
        """While something else is written of a user, nobody knows what holds. Where that is refused for certain, what was written before does."""
        before = self._written.pop(user_id, None)
        try:
            yield
        except (CloudError, OptionError) as error:
            if before is not None and not getattr(error, "uncertain", False):
                self._written[user_id] = before
            raise
