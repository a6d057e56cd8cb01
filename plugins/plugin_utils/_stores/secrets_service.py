# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a service is asked that keeps named secrets. It knows nothing of seeds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar


class Conflict(Exception):
    """The secret is at another version than the write demands: somebody else wrote it."""


@dataclass(frozen=True)
class Secret:
    """A secret as it is now: ``version`` 0 where there was never one; ``data`` None where there is none, or its newest version was deleted."""

    data: Mapping[str, Any] | None = field(repr=False)
    version: int


class SecretsService(ABC):
    """The secrets of a service. Paths are lists of names. Methods raise StoreError with a sentence, for whatever goes wrong."""

    largest_page: ClassVar[int]
    """Bytes of what a secret holds, roughly."""

    most_strings: ClassVar[int]
    """Strings of what a secret holds, names of fields among them."""

    spares_pages: ClassVar[bool] = False
    """Whether there is room for few secrets only, so that those that count no longer are to be deleted."""

    tells_rights: ClassVar[bool] = False
    """Whether the service says beforehand what it would refuse to write."""

    @abstractmethod
    def now(self) -> float:
        """Seconds since the epoch, of the server's clock once it has answered."""

    @abstractmethod
    def close(self) -> None:
        """Close all connections."""

    @abstractmethod
    def named(self, *path: str) -> str:
        """What people find a secret by, or the place of many."""

    def named_at(self, _version: int, *path: str) -> str:
        """What people find a secret at this version by, behind the word "secret"."""
        return self.named(*path)

    @abstractmethod
    def names(self, *path: str) -> list[str]:
        """The names of the secrets right under ``path``; none where there are none."""

    @abstractmethod
    def get(self, *path: str) -> Secret:
        """A secret."""

    @abstractmethod
    def put(self, data: Mapping[str, Any], version: int, *path: str) -> None:
        """Write a secret that is at ``version`` (0: there is none), or raise Conflict. A write whose answer was lost is followed by a read."""

    def demand_rights(self, rights: Mapping[tuple[str, ...], Collection[str]]) -> None:
        """Raise StoreError where one of the rights ``create`` and ``update`` on a path is certainly missing, where the service tells rights."""
        raise NotImplementedError

    def delete(self, *path: str) -> None:
        """Delete a secret, where the service spares pages."""
        raise NotImplementedError
