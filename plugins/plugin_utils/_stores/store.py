# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a seed store is: what it keeps, and the promises that every store makes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import legible
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.users import instant
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.plain import exact
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.lock import Lock, Owner


class StoreError(Exception):
    """The store cannot be used. The text says why and holds no secret."""


@dataclass(frozen=True)
class StoredSeed:
    """The seed of one device, and what is certain of that device."""

    serial_number: str
    seed: str = field(repr=False)
    name: str = ""
    """The name of the user."""

    bound: bool = False
    """Whether a run saw the device bound, for clouds that cannot tell later."""

    proven: bool = False
    """Whether the user has logged in with a code of this seed."""

    before: Mapping[str, Any] | None = None
    """The login protection that the user had before the rollout that made the device set another one; None where it set none."""

    made_at: str = ""
    """When the device was created, in UTC; empty for seeds of older versions."""

    def as_entry(self) -> dict[str, Any]:
        """The seed as stores and variables hold it; what is not certain is left out."""
        marks = {"bound": self.bound, "proven": self.proven, "before": self.before, "made_at": self.made_at}
        entry = {name: value for name, value in asdict(self).items() if name not in marks}
        return {**entry, **{name: value for name, value in marks.items() if value}}

    def is_of(self, other: StoredSeed) -> bool:
        """Whether this is the seed of the same device."""
        return (self.serial_number, self.seed) == (other.serial_number, other.seed)


Seeds = Mapping[str, Sequence[StoredSeed]]
"""The seeds of users by their ids, each user's newest first."""


def seed_in(entry: Any) -> StoredSeed | None:
    """A seed from a mapping, or None where it is none. A seed that YAML took for a number may have lost digits, and is none."""
    if not isinstance(entry, Mapping):
        return None
    parts = [entry.get("serial_number"), entry.get("seed")]
    if not all(isinstance(part, str) and part for part in parts):
        return None
    serial_number, seed = (exact(part) for part in parts)
    return StoredSeed(
        serial_number,
        seed,
        exact(entry.get("name") or ""),
        bool(entry.get("bound")),
        bool(entry.get("proven")),
        protection_in(entry.get("before")),
        instant(entry.get("made_at")) or "",
    )


def protection_in(value: Any) -> dict[str, Any] | None:
    """Login protection as a seed keeps it, or None where ``value`` is none: what else is in it would not come back as it was."""
    if (
        not isinstance(value, Mapping)
        or not isinstance(value.get("enabled"), bool)
        or not isinstance(value.get("verification_method"), str)
    ):
        return None
    return {"enabled": value["enabled"], "verification_method": exact(value["verification_method"])}


EARLIER = "earlier"
"""Where an entry keeps the seeds of the same user's devices that were stored before it and may still count."""


def seeds_of(entry: Any) -> list[StoredSeed]:
    """All seeds of a user's entry, the newest first; empty where the entry is none."""
    newest = seed_in(entry)
    if newest is None:
        return []
    earlier = entry.get(EARLIER)
    others = [seed_in(each) for each in earlier] if isinstance(earlier, (list, tuple)) else []
    return [newest, *(seed for seed in others if seed is not None)]


def entry_of(seeds: Sequence[StoredSeed]) -> dict[str, Any]:
    """A user's seeds, the newest first, as one entry."""
    newest, *earlier = seeds
    return {**newest.as_entry(), **({EARLIER: [seed.as_entry() for seed in earlier]} if earlier else {})}


def seeds_given(entries: Mapping[str, Any]) -> dict[str, StoredSeed]:
    """Seeds from the option ``entries``. Raises StoreError where one cannot be stored: what is no text would come back as another."""
    seeds = {}
    for user_id, entry in entries.items():
        seed = seed_in({**entry, **_texts(entry)}) if isinstance(entry, Mapping) else None
        if seed is None:
            raise StoreError(
                f"entries must be a mapping from user id to serial_number, seed and name; that of {legible(user_id, 80)} is none."
            )
        seeds[exact(user_id)] = seed
    return seeds


def _texts(entry: Mapping[str, Any]) -> dict[str, Any]:
    """A serial number or seed of digits only, which comes as a number over the command line, as the text that it is."""
    return {name: exact(entry[name]) for name in ("serial_number", "seed") if is_id(entry.get(name)) and entry[name]}


def is_id(value: Any) -> bool:
    """Whether a value can be an id: YAML takes one of digits for a number."""
    return isinstance(value, (str, int)) and not isinstance(value, bool)


@dataclass
class Contents:
    """What a store knows of an account."""

    seeds: dict[str, dict[str, StoredSeed]] = field(default_factory=dict, repr=False)
    """User id -> serial number -> seed, the one that was stored last at the end. A seed counts until its device is known to be gone."""

    intents: dict[str, None] = field(default_factory=dict)
    """Users for whom a device was about to be created, and no seed came after, nor the word that none was made; in order."""

    account_id: str | None = None
    """The cloud's id of the account that the store belongs to, once a run has told it."""

    def announce(self, user_ids: Iterable[str]) -> None:
        """Devices are about to be created. What is stored still counts."""
        self.intents.update(dict.fromkeys(user_ids))

    def withdraw(self, user_ids: Iterable[str]) -> None:
        """No devices were made after all."""
        for user_id in user_ids:
            self.intents.pop(user_id, None)

    def remove(self, user_ids: Iterable[str]) -> None:
        """The devices are gone."""
        for user_id in user_ids:
            self.seeds.pop(user_id, None)
            self.intents.pop(user_id, None)

    def add(self, user_id: str, seed: StoredSeed) -> None:
        """A seed was stored."""
        self.intents.pop(user_id, None)
        known = self.seeds.setdefault(user_id, {})
        known.pop(seed.serial_number, None)
        known[seed.serial_number] = seed

    def replace(self, user_id: str, seeds: Iterable[StoredSeed], announced: bool) -> None:
        """All that counts of a user, the seed that was stored last at the end. What was told before counts no longer."""
        self.seeds[user_id] = {seed.serial_number: seed for seed in seeds}
        if announced:
            self.announce([user_id])
        else:
            self.withdraw([user_id])

    def newest_first(self, user_id: str) -> list[StoredSeed]:
        """A user's seeds."""
        return list(reversed(self.seeds.get(user_id, {}).values()))

    def all_newest_first(self) -> dict[str, list[StoredSeed]]:
        """Every user's seeds."""
        return {user_id: self.newest_first(user_id) for user_id in self.seeds}

    @property
    def entries(self) -> dict[str, dict[str, Any]]:
        """The seeds by user id, as variables hold them."""
        return {user_id: entry_of(seeds) for user_id, seeds in self.all_newest_first().items()}


class SeedStore(ABC):
    """The seeds of one account. Every method raises StoreError where it cannot keep its promise.

    What is written is on the disk, or wherever the store lies, and was read back before a method returns. Nothing that is stored is ever
    overwritten. After ``lock`` or ``guard`` a write is refused unless this run still holds the lock, and nobody else has written since this
    run has read.
    """

    def __init__(self, place: str) -> None:
        self.place = place
        """Where the account's seeds lie, for people."""

    def close(self) -> None:  # noqa: B027  # few stores have anything to close
        """Give back what the store has opened."""

    def probe(self) -> None:  # noqa: B027  # a service tells what it refuses only when it is asked
        """Raise StoreError where it is certain beforehand that nothing can be written. Nothing is, so that check mode can ask."""

    @abstractmethod
    def account_id(self) -> str | None:
        """The cloud's id of the account that the store belongs to, without reading a seed; None where no run has told it."""

    @abstractmethod
    def read(self) -> Contents:
        """Everything that is stored."""

    @abstractmethod
    def announce(self, user_ids: Sequence[str], account_id: str | None = None) -> list[str]:
        """Write down that devices are about to be created, and to which account the store belongs. Returns the files that were written.

        Refused where the store belongs to another account.
        """

    @abstractmethod
    def save(self, seeds: Mapping[str, StoredSeed]) -> list[str]:
        """Store seeds by user id. Returns the files that were written."""

    @abstractmethod
    def withdraw(self, user_ids: Sequence[str]) -> list[str]:
        """Take back what was announced for users for whom certainly no device was made."""

    @abstractmethod
    def remove(self, user_ids: Sequence[str]) -> list[str]:
        """Write down that devices are gone: what is stored for these users no longer counts."""

    @abstractmethod
    def lock(self, owner: Owner) -> str:
        """Keep other runs away from this account until ``unlock``. Returns ``place``."""

    @abstractmethod
    def keeper(self, owner: Owner) -> Lock:
        """The lock, which must be held for longer while a wave works. It raises StoreError or OSError where the store cannot be reached."""

    @abstractmethod
    def guard(self, owner: Owner) -> None:
        """Hold the lock for longer, and refuse all writes from here on that are not certainly this run's turn."""

    @abstractmethod
    def unlock(self, owner: Owner) -> None:
        """Let other runs at this account again."""

    @abstractmethod
    def refuse_others(self, owner: Owner) -> None:
        """Raise StoreError where another run holds the lock: for writes of a task that takes no lock of its own."""


def check_account(known: str | None, reached: str | None, name: str) -> None:
    """Raise StoreError where a store belongs to another account of the cloud than the one that was reached."""
    if known and reached and known != reached:
        raise StoreError(
            f"it belongs to the account with the id {legible(known, 80)}, and these credentials reach {legible(reached, 80)}. Give the account"
            f" {legible(name, 80)} its own credentials, or a store of its own (mfa_rollout_account, mfa_rollout_seed_store_dir)."
        )
