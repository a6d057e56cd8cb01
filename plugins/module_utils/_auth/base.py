# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every kind of credential is: its options and environment variables, whether it is complete, whom it is, and how a request carries it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Callable, ClassVar

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.endpoints import first_set
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError, OptionError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.iam import Iam
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.transport import Session

try:
    from requests.auth import AuthBase
except ImportError:  # equivalent: unit tests need requests; test_output.py runs without it
    # transport keeps the reason; the classes below must be definable all the same, so that it can be told
    AuthBase = object  # type: ignore[assignment,misc]


class Auth(AuthBase):
    """What a Session asks of an identity beside the request's own signing."""

    def prepare(self) -> Any:
        """Do what must come before a request, such as a login; returns what ``renew`` wants back."""
        return None

    def renew(self, seen: Any, error: CloudError) -> bool:
        """After a 401: whether another try makes sense, because what was sent has expired and has now been replaced."""
        return False  # equivalent: each kind of identity decides for itself


@dataclass(frozen=True)
class Source:
    """Where the parts of credentials come from: options, and for what they do not give, the variables of the environment."""

    options: Mapping[str, Any]
    environment: Mapping[str, str]
    variables: Mapping[str, tuple[str, ...]]
    """The environment variables of each option, of which the first that is set counts. Empty for an item of a list, whose credentials are a user's own."""

    def value(self, option: str, follow_environment: bool = True) -> str | None:
        """An option's value, or None."""
        if self.options.get(option):
            return str(self.options[option])
        found = first_set(self.environment, self.variables.get(option, ())) if follow_environment else None
        return found[1] if found else None

    def needed(self, option: str, beside: str) -> str:
        """A value that goes into a header and must be there, since ``beside`` is. Raises OptionError."""
        text = self.value(option)
        if not text:
            raise OptionError(f"{option} is missing: {beside} is given, and needs it{self.hint(option)}.")
        return header_safe(text, option)

    def hint(self, option: str) -> str:
        """Which environment variables could give a missing option."""
        names = self.variables.get(option, ())
        return f" ({' or '.join(names)} can give it too)" if names else ""

    def given(self, *options: str) -> bool:
        """Whether any of ``options`` is given as an option, and not by the environment."""
        return any(self.options.get(option) for option in options)


@dataclass(frozen=True)
class Surroundings:
    """What a login or a signature needs beside the credentials.

    ``session`` is the way to IAM without an identity. ``account_id`` and ``account_name`` ask for the account that the module works on, and
    give None where the cloud does not tell. ``spend`` is told of a login with a code before it is sent; it raises OptionError where the code
    was sent before.
    """

    session: Session
    account_id: Callable[[], str | None] = lambda: None
    account_name: Callable[[], str | None] = lambda: None
    spend: Callable[[str], None] = lambda _fingerprint: None


class Credentials:
    """One kind of credential. A new kind is one file with a subclass, and one line in ``credentials.KINDS``."""

    label: ClassVar[str]
    """How messages name this kind, by its options."""

    variables: ClassVar[Mapping[str, tuple[str, ...]]]
    """Each option of this kind, and the environment variables that it is read from; the first that is set counts."""

    telling: ClassVar[tuple[str, ...]]
    """The options which show that this kind is meant."""

    secrets: ClassVar[tuple[str, ...]]
    """The options whose values are secret."""

    user_id: str | None = None
    """The id of the user who logs in, where the credentials name it."""

    domain_name: str | None = None
    """The name of the account that the credentials name, where they do."""

    @classmethod
    @abstractmethod
    def whole_in(cls, environment: Mapping[str, str]) -> bool:
        """Whether the environment alone gives all that this kind needs."""

    @classmethod
    @abstractmethod
    def build(cls, source: Source) -> Credentials:
        """Credentials from their parts. Raises OptionError where a part is missing or cannot be sent."""

    @abstractmethod
    def identity(self, around: Surroundings) -> Auth:
        """How requests carry these credentials."""

    def first_identity(self, around: Surroundings) -> Auth | None:
        """An identity for the question which account this is, where ``identity`` would have to ask it; None: ``identity`` itself can ask."""
        return None

    @abstractmethod
    def caller(self, iam: Iam, auth: Auth) -> Mapping[str, str | None] | None:
        """The ``user_id`` and ``name`` of the user whom the cloud takes these credentials for; None where it does not tell. Raises CloudError."""


def header_safe(text: str, option: str) -> str:
    """Refuse what would break out of a header. The text itself is never repeated."""
    if not text.isascii() or not text.isprintable() or text != text.strip():
        raise OptionError(f"{option} holds a character that cannot be sent: white space around it, a line break or a letter beyond ASCII.")
    return text
