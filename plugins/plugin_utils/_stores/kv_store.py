# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Seeds in a service that keeps named secrets: one secret a page, each written once and never again. Which service is said elsewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any, Callable, TypeVar

from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.journal import (
    LAST,
    LOST,
    Copy,
    Journal,
    Mark,
    Page,
    Seeds,
    UserState,
    copy_in,
    first_missing,
    mark_in,
    page_of_seeds,
    seeds_in_page,
)
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.lock import Lock, Owner, lock_in
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.secrets_service import Conflict, SecretsService
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.store import Contents, StoredSeed, StoreError

LOCK = ".lock"
_SEEDS, _MARK, _COPY = "seeds", "mark", "users"
_NUMBERED = re.compile(r"[0-9]{6}", re.ASCII)
_THREADS = 8

_EMPTY = LOST.format('{"mark": {}}', "it")

_FEW_PAGES = 8
"""Up to so many pages are left as they are, where pages are spared."""

_TRIES = 20  # equivalent: any number will do that writers who meet by chance never need
"""How often to begin anew where others write at the same moment."""

_Given = TypeVar("_Given")


class _Vanished(StoreError):
    """A page that was listed is not there any more."""


class KvStore(Journal):
    """The secrets ``000001`` and so on at the path of an account, each a mapping ``seeds``, ``mark`` or ``users``, and ``.lock`` beside them.

    A page is created where there certainly is none, so nothing is ever overwritten. Where the service has room for few secrets, the pages of
    earlier runs become fewer at the beginning and the end of a run: a copy of what counts is added and read back before the others go.
    """

    def __init__(self, service: SecretsService, path: Sequence[str], account: str) -> None:
        super().__init__(account, service.named(*path))
        self._service = service
        self._path = tuple(path)

    def close(self) -> None:
        self._service.close()

    def keeper(self, owner: Owner) -> KvLock:
        return KvLock(self._service, self._path, owner, self.place)

    def lock(self, owner: Owner) -> str:
        place = super().lock(owner)
        self._tidy()
        return place

    def unlock(self, owner: Owner) -> None:
        try:
            if self._service.spares_pages and self.keeper(owner).hold() is None:
                self.guard(owner)
                self._tidy()
        finally:
            super().unlock(owner)

    def probe(self) -> None:
        if not self._service.tells_rights:
            return
        lock, page = (*self._path, LOCK), (*self._path, _name(_highest(self._pages()) + 1))
        # A run takes the lock, and writes it again with each page that it reads or adds.
        missing = self._service.get(*lock).version == 0
        self._service.demand_rights({lock: ("create", "update") if missing else ("update",), page: ("create",)})

    def read(self) -> Contents:
        for _try in range(_TRIES):
            try:
                return super().read()
            except _Vanished:
                if not self._service.spares_pages:
                    raise
        raise StoreError(f"others keep writing to {self.place}: run again when they have ended.")

    def _tidy(self) -> None:
        """Put a copy of what counts in the place of many pages. The caller has the lock."""
        if not self._service.spares_pages:
            return
        old = self._pages()
        if len(old) <= _FEW_PAGES:
            return
        before = self.read()
        copy = [page for content in contents_as_pages(before) for page in _portions(content, self._service)]
        if 2 * len(copy) > len(old):
            return
        added: list[int] = []
        try:
            for page in copy:
                added.append(self._add_page(page, added[-1] if added else _highest(old)))
            copied = self.read()
        except StoreError:
            # Where the room ran out, what was begun must not take the last of it. It tells nothing that the old pages do not. Pages of
            # another run, which had the lock meanwhile, are not touched.
            with suppress(StoreError):
                for number in reversed(added):
                    self._service.delete(*self._path, _name(number))
            raise
        if copied != before or copied.all_newest_first() != before.all_newest_first():
            raise StoreError(
                f"{self.place} shows something else after its pages were copied, so none was deleted: please report this as a bug of hwc.mfa."
            )
        # The oldest first: so what is left always tells the same, wherever this ends.
        for name in old:
            self._service.delete(*self._path, name)

    def _pages(self) -> list[str]:
        return sorted(name for name in self._service.names(*self._path) if _NUMBERED.fullmatch(name))

    def _lacks(self, pages: Sequence[str]) -> str | None:
        missing = None if self._service.spares_pages else first_missing(int(name) for name in pages)
        if missing is None:
            return None
        where = self._service.named(*self._path, _name(missing))
        return f"{where} is missing, and with it perhaps seeds: restore it from a backup. {_EMPTY}"

    def _opened(self, pages: Sequence[str]) -> Iterator[Page]:
        with ThreadPoolExecutor(_THREADS) as pool:
            yield from pool.map(self._page, pages)

    def _mark_at(self, page: str) -> Mark | None:
        found = self._page(page)
        return found if isinstance(found, Mark) else None

    def _page(self, name: str) -> Page:
        secret = self._service.get(*self._path, name)
        where = self._service.named(*self._path, name)
        if secret.version == 0:
            raise _Vanished(
                f"{where} was there and is not any more: either somebody deletes metadata, or a standby answered that does not have"
                " it yet: give the address of the active node."
            )
        found = secret.data
        if found is None:
            raise StoreError(f"{where} is deleted: undelete it (kv undelete). {_EMPTY}")
        page = _page_in(found)
        if page is None:
            raise StoreError(f"{where} is not a page of this store.")
        return page

    def _saw(self, pages: Sequence[str]) -> None:
        if self._guard is not None:
            self._guard.saw(_highest(pages))

    def _add(self, content: Page) -> list[str]:
        files: list[str] = []
        highest: int | None = None
        for portion in _portions(content, self._service):
            highest = self._add_page(portion, highest)
            files.append(self._service.named(*self._path, _name(highest)))
        return files

    def _add_page(self, content: Page, highest: int | None) -> int:
        """Add a page after the one with the number ``highest``, if that is known, and return its own number."""
        for _try in range(_TRIES):
            highest = _highest(self._pages()) if highest is None else highest
            if highest >= LAST:
                raise StoreError(f"{self.place} has a secret with the last number, {LAST}: give the account another path.")
            if isinstance(self._guard, KvLock):
                refusal = self._guard.reserve(highest)
                if refusal is not None:
                    raise StoreError(refusal)
            name = _name(highest + 1)
            try:
                self._service.put(_document(content), 0, *self._path, name)
            except Conflict:
                if self._guard is not None:
                    raise StoreError(self._guard.overtaken(highest + 1)) from None
                highest = None
                continue
            if self._page(name) != content:
                raise StoreError(f"{self._service.named(*self._path, name)} does not hold what was written into it.")
            return highest + 1
        raise StoreError(f"others keep writing to {self.place}: run again when they have ended.")


class KvLock(Lock):
    """The lock of one account's secrets: a secret that is written by check-and-set. Leases are measured by the server's clock."""

    def __init__(self, service: SecretsService, path: Sequence[str], owner: Owner, place: str) -> None:
        self._service = service
        self._path = (*path, LOCK)
        self._version = 0
        super().__init__(owner, service.named(*self._path), place)

    def acquire(self) -> str | None:
        return self._anew(super().acquire)

    def hold(self) -> str | None:
        return self._anew(super().hold)

    def release(self) -> None:
        self._anew(super().release)

    def saw(self, position: int, seal: str | None = None) -> None:
        self._anew(lambda: super(KvLock, self).saw(position, seal))

    def reserve(self, highest: int) -> str | None:
        """Announce in the lock that the page after ``highest`` is this run's. None: it is. Else a sentence.

        The lock was renewed by that, so nobody else can take it while the page is written. Where an earlier announcement came to nothing,
        the page is still free.
        """
        return self._anew(lambda: self._reserve(highest))

    def _reserve(self, highest: int) -> str | None:
        refusal = self.refuses(highest)
        if refusal is not None and self.refuses(highest + 1) is not None:
            return refusal
        self._write(highest + 1)
        return None

    def _anew(self, change: Callable[[], _Given]) -> _Given:
        """Make a change, and decide it anew where somebody else has changed the lock between looking and writing."""
        for _try in range(_TRIES):
            try:
                return change()
            except Conflict:
                continue
        raise StoreError(f"others keep writing to {self._name}: run again when they have ended.")

    def _how_to_free(self) -> str:
        return f"delete the secret {self._service.named_at(self._version, *self._path)}"

    def _alone(self) -> AbstractContextManager[Any]:
        return nullcontext()  # the engine refuses a write that did not come right after what was read

    def _read(self) -> dict[str, Any] | None:
        found = self._service.get(*self._path)
        self._version = found.version
        return lock_in(found.data)

    def _store(self, document: Mapping[str, Any]) -> None:
        self._service.put(document, self._version, *self._path)

    def _remove(self) -> None:
        # To delete a secret, no version can be demanded: it could be the lock of somebody else by then.
        self._store({"owner": None})

    def _now(self) -> float:
        return self._service.now()


def contents_as_pages(contents: Contents) -> Iterator[Page]:
    """The fewest pages that tell the same, also where they are read after some or all of those that they were made of.

    And where some or none of them are read after all of those: a copy may be broken off after any page.
    """
    plain: Seeds = {}
    states: dict[str, UserState] = {}
    for user_id, seeds in contents.seeds.items():
        if len(seeds) == 1 and user_id not in contents.intents:
            (plain[user_id],) = seeds.values()
        else:
            states[user_id] = UserState(tuple(seeds.values()), user_id in contents.intents)
    if plain:
        yield plain
    if states:
        yield Copy(states)
    announced = tuple(user_id for user_id in contents.intents if user_id not in states)
    if announced or contents.account_id:
        yield Mark(announces=announced, account=contents.account_id)


def _document(content: Page) -> dict[str, Any]:
    if isinstance(content, Mark):
        return {_MARK: content.as_document()}
    return {_COPY: content.as_document()} if isinstance(content, Copy) else {_SEEDS: page_of_seeds(content)}


def _page_in(document: Mapping[str, Any]) -> Page | None:
    if set(document) == {_MARK}:
        return mark_in(document[_MARK])
    if set(document) == {_COPY}:
        return copy_in(document[_COPY])
    return seeds_in_page(document[_SEEDS]) if set(document) == {_SEEDS} else None


def _portions(content: Page, service: SecretsService) -> Iterator[Page]:
    """What is to be kept in pages of a size that every server takes. Most are one."""
    if isinstance(content, Copy):
        for part in _cut(content.users.items(), lambda item: {item[0]: item[1].as_document()}, service):
            yield Copy(dict[str, UserState](part))
        return
    if not isinstance(content, Mark):
        for part in _cut(content.items(), lambda item: {item[0]: item[1].as_entry()}, service):
            yield dict[str, StoredSeed](part)
        return
    document = content.as_document()
    if set(document) == {"account"}:
        yield content
        return
    for name, users in document.items():
        if name == "account":
            continue
        for some in _cut(users, lambda user_id: user_id, service):
            lists: dict[str, Any] = {name: tuple(some)}
            yield Mark(**lists, account=content.account)


def _cut(items: Iterable[Any], shown: Callable[[Any], Any], service: SecretsService) -> Iterator[list[Any]]:
    part: list[Any] = []
    size = strings = 0
    for item in items:
        value = shown(item)
        length, number = len(json.dumps(value)), _strings(value)
        if part and (size + length > service.largest_page or strings + number > service.most_strings):
            yield part
            part, size, strings = [], 0, 0
        part.append(item)
        size += length
        strings += number
    yield part


def _strings(value: Any) -> int:
    """How many strings a JSON document has."""
    if isinstance(value, dict):
        return sum(1 + _strings(each) for each in value.values())
    if isinstance(value, list):
        return sum(_strings(each) for each in value)
    return int(isinstance(value, str))


def _name(number: int) -> str:
    return f"{number:06d}"


def _highest(pages: Sequence[str]) -> int:
    return int(pages[-1]) if pages else 0
