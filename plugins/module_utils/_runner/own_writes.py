# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a play has just written of users: a read right after a write may be old for seconds (docs/dev/cloud_api.md, section 2)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableMapping
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
        # Of each user: when, whether nothing was written since of which nobody knows, what, and all that it has replaced.
        self._written: dict[str, Any] = {user_id: entry for user_id, entry in kept.items() if self._is_new(entry[0])}
        memory[f"written {kind}"] = self._written

    def _is_new(self, at: float) -> bool:
        # A clock that is set meanwhile is rarely set by much.
        return abs(self._now() - at) < SECONDS

    def _entry(self, user_id: str) -> Any:
        entry = self._written.get(user_id)
        return entry if entry is not None and self._is_new(entry[0]) else None

    def of(self, user_id: str) -> list[str] | None:
        """What was written of a user; None where nothing was, or long ago, or nobody knows."""
        entry = self._entry(user_id)
        return entry[2] if entry is not None and entry[1] else None

    def last(self, user_id: str) -> list[str] | None:
        """Like ``of``, also where nobody knows whether something else was written since."""
        entry = self._entry(user_id)
        return None if entry is None else entry[2]

    def newer_than(self, user_id: str, *shown: str) -> list[str] | None:
        """What was written of a user, where the facts that the cloud shows may be older than that; else None."""
        entry = self._entry(user_id)
        if entry is None:
            return None
        _at, certain, facts, replaced = entry
        # After a write of which nobody knows, only what was there before it can be old.
        old = list(shown) != facts if certain else list(shown) in [facts, *replaced]
        return facts if old else None

    def note(self, user_id: str, *facts: str, replaced: Iterable[str] = ()) -> None:
        """Note what the cloud has certainly taken, and the facts that it has ``replaced``, if there were any."""
        entry = self._entry(user_id)
        before = entry[3] if entry is not None else []
        self._written[user_id] = [self._now(), True, list(facts), [*before, list(replaced)] if replaced else before]

    def forget(self, user_id: str) -> None:
        """Note that the cloud has told otherwise than what was written."""
        self._written.pop(user_id, None)

    @contextmanager
    def writing(self, user_id: str) -> Iterator[None]:
        """While something else is written of a user, nobody knows what holds. Where that is refused for certain, what was written before does."""
        entry = self._entry(user_id)
        if entry is not None:
            self._written[user_id] = [entry[0], False, *entry[2:]]
        try:
            yield
        except (CloudError, OptionError) as error:
            if entry is not None and not getattr(error, "uncertain", False):
                self._written[user_id] = entry
            raise
