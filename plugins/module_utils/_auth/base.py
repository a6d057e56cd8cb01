# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every kind of credential is: its options and environment variables, whether it is complete, whom it is, and how a request carries it."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Callable, ClassVar

from ansible_collections.hwc.mfa.plugins.module_utils._auth.temporary_keys import TemporaryKeys
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
        """Whether another try makes sense after a 401, or after the 400 that tells of an expired security token.

        It does where what was sent has expired, and has now been replaced.
        """
        return False  # equivalent: each kind of identity decides for itself


ACCOUNT_VARIABLES: Mapping[str, tuple[str, ...]] = {
    "auth_domain_name": ("HW_DOMAIN_NAME", "OS_USER_DOMAIN_NAME", "OS_DOMAIN_NAME"),
    "auth_domain_id": ("HW_DOMAIN_ID", "OS_USER_DOMAIN_ID", "OS_DOMAIN_ID"),
}
"""The options that name an account, and their variables. Those at the same place name the same one, so the first place counts at which one is set."""


@dataclass(frozen=True)
class Source:
    """Where the parts of credentials come from: options, and for what they do not give, the variables of one family of the environment."""

    options: Mapping[str, Any]
    environment: Mapping[str, str]
    variables: Mapping[str, tuple[str, ...]]
    """The environment variables of each option, of which the first that is set counts. Empty for an item of a list, whose credentials are a user's own."""

    unused: Mapping[str, str] = field(default_factory=dict)
    """Variables that are set and may not join these credentials, for messages."""

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
        text = f" ({' or '.join(names)} can give it too)" if names else ""
        unused = first_set(self.unused, names)
        return f"{text}; {unused[0]} is set, and is not used, because it may belong to other credentials" if unused else text

    def account(self, follow_environment: bool) -> Account:
        """The account that the credentials belong to, as far as it is named. With ``follow_environment`` the environment may name it."""
        name, account_id = (self.options.get(option) for option in ACCOUNT_VARIABLES)
        if follow_environment and self.variables and not name and not account_id:
            for names in zip(*ACCOUNT_VARIABLES.values()):
                name, account_id = (self.environment.get(variable) for variable in names)
                if name or account_id:
                    break
        return Account(str(name) if name else None, header_safe(str(account_id), "auth_domain_id") if account_id else None)

    def given(self, *options: str) -> bool:
        """Whether any of ``options`` is given as an option, and not by the environment."""
        return any(self.options.get(option) for option in options)


@dataclass(frozen=True)
class Account:
    """An account of the cloud, by its name, its id, both or neither. The clouds' APIs call it a domain."""

    name: str | None = None
    id: str | None = None

    def __bool__(self) -> bool:
        return bool(self.name or self.id)

    def body(self) -> dict[str, str]:
        """How a request names it, by one of both."""
        return {"name": self.name} if self.name else {"id": str(self.id)}


NO_ACCOUNT = Account()


@dataclass(frozen=True)
class Surroundings:
    """What a login or a signature needs beside the credentials.

    ``session`` is the way to IAM without an identity. ``account_id`` and ``account_name`` ask for the account that the module works on, and
    give None where the cloud does not tell. ``spend`` is told of a login with a code before it is sent; it raises OptionError where the code
    was sent before. ``signing_region`` is the region for which keys sign with a derived key, perhaps empty; None: they sign plainly.
    ``agency_keys`` are those of the agency, where the credentials assume one.
    """

    session: Session
    account_id: Callable[[], str | None] = lambda: None
    account_name: Callable[[], str | None] = lambda: None
    spend: Callable[[str], None] = lambda _fingerprint: None
    signing_region: str | None = None
    agency_keys: TemporaryKeys | None = None


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

    bearer: ClassVar[bool] = True
    """Whether the secret itself is sent, so that it must not go to a host that nobody named. A signature tells nothing of its key."""

    user_id: str | None = None
    """The id of the user who logs in, where the credentials name it."""

    account: Account = NO_ACCOUNT
    """The account that the credentials name, where they do."""

    @property
    def first(self) -> Credentials:
        """The credentials that are sent to IAM first: those that assume an agency, else these."""
        return self

    @classmethod
    @abstractmethod
    def whole_in(cls, source: Source) -> bool:
        """Whether a source gives all secrets that this kind needs, and whose they are."""

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

    @property
    def digest(self) -> str | None:
        """By which the same credentials are known among those of users, where the cloud does not tell whose they are; see ``digest_of``."""
        return None

    @abstractmethod
    def caller(self, iam: Iam, auth: Auth) -> Mapping[str, str | None] | None:
        """The ``user_id`` and ``name`` of the user whom the cloud takes these credentials for; None where it does not tell. Raises CloudError."""


def digest_of(option: str, value: str) -> str:
    """A digest of what an option names a user by or proves them with. Nothing can be read from it."""
    return hashlib.sha256(f"{option}:{value}".encode()).hexdigest()


def header_safe(text: str, option: str) -> str:
    """Refuse what would break out of a header. The text itself is never repeated."""
    if not text.isascii() or not text.isprintable() or text != text.strip():
        raise OptionError(f"{option} holds a character that cannot be sent: white space around it, a line break or a letter beyond ASCII.")
    return text
