# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A seed store as a journal: numbered pages that are only ever added and tell together what counts. Where pages lie is said elsewhere."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Union

from ansible_collections.hwc.mfa.plugins.plugin_utils._control.plain import exact
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.lock import Lock, Owner
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.store import (
    Contents,
    SeedStore,
    StoredSeed,
    StoreError,
    check_account,
    is_id,
    seed_in,
)

LAST = 999999
"""The number of the last page: a longer number would be read before the others."""


@dataclass(frozen=True)
class Mark:
    """A page that tells what is about to happen, or has, to users; no secret is in it.

    Versions before 1.0 wrote ``intends``, after which an older seed of the same user could be that of another device.
    """

    announces: tuple[str, ...] = ()
    withdraws: tuple[str, ...] = ()
    removes: tuple[str, ...] = ()
    intends: tuple[str, ...] = ()
    account: str | None = None

    def as_document(self) -> dict[str, Any]:
        """The mark as a page holds it."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items() if value}


@dataclass(frozen=True)
class UserState:
    """All that counts of a user: the seeds, the one that was stored last at the end, and whether a device is announced."""

    seeds: tuple[StoredSeed, ...]
    announced: bool = False

    def as_document(self) -> dict[str, Any]:
        """The state as a page holds it."""
        return {"seeds": [seed.as_entry() for seed in self.seeds], "announced": self.announced}


@dataclass(frozen=True)
class Copy:
    """A page that tells all that counts of users, so that it may be read after any of the pages that it was made of.

    Of seeds and marks that cannot be said: a seed that is read again becomes the newest one, and ends the announcement of the next device.
    """

    users: Mapping[str, UserState]

    def as_document(self) -> dict[str, Any]:
        """The copy as a page holds it."""
        return {exact(user_id): state.as_document() for user_id, state in self.users.items()}


Seeds = dict[str, StoredSeed]
Page = Union[Seeds, Mark, Copy]


def mark_in(document: Any) -> Mark | None:
    """A mark from a page's document, or None where it is none."""
    if not isinstance(document, Mapping):
        return None
    lists = {name: document.get(name, []) for name in ("announces", "withdraws", "removes", "intends")}
    account = document.get("account")
    if not all(isinstance(users, list) and all(is_id(user_id) for user_id in users) for users in lists.values()):
        return None
    if account is not None and not isinstance(account, str):
        return None
    return Mark(**{name: tuple(str(user_id) for user_id in users) for name, users in lists.items()}, account=account)


def seeds_in_page(document: Any) -> Seeds | None:
    """Seeds by user id from a page's document, or None where one of them is none: to go on without it could lose a device."""
    if not isinstance(document, dict):
        return None
    seeds = {str(user_id): seed for user_id, seed in ((user_id, seed_in(entry)) for user_id, entry in document.items()) if seed is not None}
    return seeds if len(seeds) == len(document) and all(is_id(user_id) for user_id in document) else None


def copy_in(document: Any) -> Copy | None:
    """A copy from a page's document, or None where it is none."""
    if not isinstance(document, Mapping) or not all(is_id(user_id) for user_id in document):
        return None
    states = {str(user_id): _state_in(state) for user_id, state in document.items()}
    sound = {user_id: state for user_id, state in states.items() if state is not None}
    return Copy(sound) if len(sound) == len(document) else None


def _state_in(document: Any) -> UserState | None:
    if not isinstance(document, Mapping) or not isinstance(document.get("seeds"), list) or not isinstance(document.get("announced"), bool):
        return None
    seeds = [seed_in(entry) for entry in document["seeds"]]
    sound = tuple(seed for seed in seeds if seed is not None)
    return UserState(sound, document["announced"]) if sound and len(sound) == len(seeds) else None


def first_missing(numbers: Iterable[int]) -> int | None:
    """The lowest number from 1 on that is missing among numbers of pages. They are given one after the other, so that none ever was free."""
    expected = 1
    for number in sorted(set(numbers)):
        if number != expected:
            return expected
        expected += 1
    return None


LOST = "If it is lost for good, write {} into {}: the store is then used without what was in it."
"""What to write into which place, so that a page which nobody has any more is no longer waited for."""


def page_of_seeds(seeds: Mapping[str, StoredSeed]) -> dict[str, Any]:
    """Seeds as a page holds them."""
    return {exact(user_id): seed.as_entry() for user_id, seed in seeds.items()}


class Journal(SeedStore):
    """What a store does with pages. A subclass keeps them, and has the lock."""

    def __init__(self, account: str, place: str) -> None:
        super().__init__(place)
        self._account = account
        self._guard: Lock | None = None

    @abstractmethod
    def _pages(self) -> Sequence[Any]:
        """What addresses the pages, the oldest first."""

    @abstractmethod
    def _opened(self, pages: Sequence[Any]) -> Iterable[Page]:
        """The pages, in the same order."""

    @abstractmethod
    def _lacks(self, pages: Sequence[Any]) -> str | None:
        """The sentence that one of the pages is missing among the others, and what to do; None where none certainly is."""

    @abstractmethod
    def _mark_at(self, page: Any) -> Mark | None:
        """A page that is a mark; None where it holds seeds."""

    @abstractmethod
    def _add(self, content: Seeds | Mark) -> list[str]:
        """Add what is to be kept as pages of its own, read them back, and return what names them."""

    @abstractmethod
    def _saw(self, pages: Sequence[Any]) -> None:
        """Note in the lock, where this run has it, that these pages are known."""

    def read(self) -> Contents:
        """Everything that is stored. Raises StoreError where a page cannot be read, or is lost: to go on without a seed could lose a device."""
        contents = Contents()
        pages = self._pages()
        if self._lacks(pages) is not None:
            # A page that was written while they were listed may not be listed, and the next one may.
            pages = self._pages()
            _demand(self._lacks(pages))
        for page in self._opened(pages):
            if isinstance(page, Mark):
                contents.remove(page.intends + page.removes)
                contents.announce(page.intends + page.announces)
                contents.withdraw(page.withdraws)
                contents.account_id = page.account or contents.account_id
            elif isinstance(page, Copy):
                for user_id, state in page.users.items():
                    contents.replace(user_id, state.seeds, state.announced)
            else:
                for user_id, seed in page.items():
                    contents.add(user_id, seed)
        if self._guard is not None:
            self._saw(pages)
        return contents

    def account_id(self) -> str | None:
        marks: Iterator[Mark | None] = (self._mark_at(page) for page in reversed(self._pages()))
        return next((mark.account for mark in marks if mark is not None and mark.account), None)

    def save(self, seeds: Mapping[str, StoredSeed]) -> list[str]:
        return self._add(dict(seeds)) if seeds else []

    def announce(self, user_ids: Sequence[str], account_id: str | None = None) -> list[str]:
        if not user_ids:
            return []
        check_account(self.account_id(), account_id, self._account)
        return self._add(Mark(announces=tuple(user_ids), account=account_id))

    def withdraw(self, user_ids: Sequence[str]) -> list[str]:
        return self._add(Mark(withdraws=tuple(user_ids))) if user_ids else []

    def remove(self, user_ids: Sequence[str]) -> list[str]:
        return self._add(Mark(removes=tuple(user_ids))) if user_ids else []

    def lock(self, owner: Owner) -> str:
        lock = self.keeper(owner)
        _demand(lock.acquire())
        self._guard = lock
        return self.place

    def guard(self, owner: Owner) -> None:
        lock = self.keeper(owner)
        _demand(lock.hold())
        self._guard = lock

    def unlock(self, owner: Owner) -> None:
        self.keeper(owner).release()

    def refuse_others(self, owner: Owner) -> None:
        _demand(self.keeper(owner).renew())


def _demand(refusal: str | None) -> None:
    if refusal is not None:
        raise StoreError(refusal)
