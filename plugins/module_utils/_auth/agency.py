# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An agency: credentials of one account that assume a role in another one, which gives temporary keys there."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Callable, ClassVar

from ansible_collections.hwc.mfa.plugins.module_utils._auth.access_key import AccessKey, SignatureAuth
from ansible_collections.hwc.mfa.plugins.module_utils._auth.base import (
    NO_ACCOUNT,
    Account,
    Auth,
    Credentials,
    Source,
    Surroundings,
    header_safe,
)
from ansible_collections.hwc.mfa.plugins.module_utils._auth.temporary_keys import TemporaryKeys
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError, OptionError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.iam import Iam
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.sts import Sts
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.temporary_key import TemporaryKey
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.transport import Session

OPTION = "assume_agency"

SPEC: dict[str, dict[str, Any]] = {
    "agency_name": {"type": "str"},
    "domain_name": {"type": "str"},
    "domain_id": {"type": "str"},
    "duration": {"type": "int"},
    "agency_urn": {"type": "str"},
    "external_id": {"type": "str", "no_log": False},
    "serial_number": {"type": "str"},
    "token_code": {"type": "str", "no_log": True},
}
"""The suboptions. What they demand of each other is checked here, since empty ones count as not given."""

_URN = re.compile(r"iam::(?P<account>[A-Za-z0-9_-]+):agency:(?P<name>[^:\s]+)", re.ASCII)
_SHORTEST, _LONGEST, _LONGEST_BY_STS = 900, 86400, 43200
_BY_URN_ONLY = ("external_id", "serial_number", "token_code")


@dataclass(frozen=True)
class Agency(Credentials):
    """An agency of ``account``, and the credentials that assume it: by name at IAM, or by ``urn`` at STS. ``assumed_by`` makes it."""

    assuming: Credentials
    name: str
    account: Account = NO_ACCOUNT
    duration: int = _SHORTEST
    urn: str | None = None
    external_id: str | None = None
    serial_number: str | None = None
    token_code: str | None = field(default=None, repr=False)

    label: ClassVar[str] = OPTION
    variables: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    telling: ClassVar[tuple[str, ...]] = (OPTION,)
    secrets: ClassVar[tuple[str, ...]] = ()
    bearer: ClassVar[bool] = False

    @property
    def first(self) -> Credentials:
        return self.assuming

    @classmethod
    def whole_in(cls, source: Source) -> bool:
        """No source gives an agency alone: other credentials assume it, see ``assumed_by``."""
        return False

    @classmethod
    def build(cls, source: Source) -> Agency:
        """Raises OptionError, which says so."""
        raise OptionError(
            f"{OPTION} needs credentials that assume the agency: give access_key and secret_key, or auth_token, or auth_username (or"
            " auth_user_id) and auth_password, of the account that it trusts, as options or in the environment."
        )

    def keys(self, auth: Auth, around: Surroundings, sts: Callable[[], Session]) -> TemporaryKeys:
        """The agency's temporary keys, for the identity ``auth`` that the assuming credentials have ``around``. ``sts`` gives the way to STS."""

        def obtain() -> TemporaryKey:
            if self.token_code:
                try:
                    around.spend(self.fingerprint())
                except OptionError:
                    raise OptionError(
                        f"{OPTION}.token_code has been sent before, and a code works once: give a new one, a longer {OPTION}.duration, or"
                        " an agency that asks for none."
                    ) from None
            try:
                if self.urn:
                    terms = {name: value for name in _BY_URN_ONLY if (value := getattr(self, name))}
                    session = sts()
                    # As everywhere beside IAM, signed without the account's id.
                    own = self.assuming.first_identity(replace(around, session=session)) or auth
                    return Sts(session.acting_as(own)).agency_key(self.urn, self.duration, terms)
                account = {"domain_id": self.account.id} if self.account.id else {"domain_name": str(self.account.name)}
                return Iam(around.session.acting_as(auth)).agency_key(self.name, account, self.duration)
            except CloudError as error:
                if error.status in (403, 404):
                    error.hint = (
                        f"The credentials must be allowed to assume {OPTION}: look whether its account has an agency of this name that trusts"
                        " their account, and whether they have the role Agent Operator."
                    )
                raise

        return TemporaryKeys(obtain, around.session.clock.now, self.duration)

    def fingerprint(self) -> str:
        """A digest of the device and the code, by which later tasks know a code that was sent."""
        return hashlib.sha256(repr((self.serial_number, self.token_code)).encode("utf-8")).hexdigest()[:32]

    def identity(self, around: Surroundings) -> AgencyAuth:
        return AgencyAuth(around, around.account_id)

    def first_identity(self, around: Surroundings) -> AgencyAuth:
        return AgencyAuth(around, lambda: None)

    def caller(self, iam: Iam, auth: Auth) -> Mapping[str, str | None] | None:
        return {"user_id": None, "name": None}  # an agency is no user, whatever the cloud tells


class AgencyAuth(Auth):
    """Signs with the newest temporary key of an agency."""

    def __init__(self, around: Surroundings, domain_id: Callable[[], str | None]) -> None:
        if around.agency_keys is None:  # equivalent: whoever builds an agency's identity has its keys
            raise ValueError("the identity of an agency needs its keys")
        self._keys = around.agency_keys
        self._now = around.session.clock.now
        self._region = around.signing_region
        self._domain_id = domain_id

    def __call__(self, request: Any) -> Any:
        return self._signature(self._keys.current())(request)

    def prepare(self) -> tuple[TemporaryKey, float]:
        key = self._keys.current()
        return key, self._signature(key).prepare()

    def renew(self, seen: tuple[TemporaryKey, float], error: CloudError) -> bool:
        key, at = seen
        replaced = self._keys.replace(key)
        return replaced or self._signature(key).renew(at, error)

    def _signature(self, key: TemporaryKey) -> SignatureAuth:
        return SignatureAuth(AccessKey(key.access_key, key.secret_key, key.security_token), self._now, self._domain_id, self._region)


def assumed_by(assuming: Credentials | None, options: Any) -> Credentials | None:
    """The agency that the option names, assumed by other credentials; those themselves where it names none. Raises OptionError."""
    given = {name: value for name, value in (options or {}).items() if value not in (None, "")}
    if not set(given) - {"duration"}:
        return assuming
    if assuming is None:
        return Agency.build(Source(given, {}, {}))
    by_urn = "agency_urn" in given
    if by_urn and "agency_name" in given:
        raise OptionError(f"{OPTION}.agency_name and {OPTION}.agency_urn are two ways to name an agency: give one of them.")
    if not by_urn and "agency_name" not in given:
        raise OptionError(f"{OPTION}.agency_name is missing: give it, or {OPTION}.agency_urn.")
    if "domain_name" in given and "domain_id" in given:
        raise OptionError(f"{OPTION}.domain_name and {OPTION}.domain_id both name the agency's account: give one of them.")
    stray = next((name for name in _BY_URN_ONLY if name in given), None)
    if stray and not by_urn:
        raise OptionError(f"{OPTION}.{stray} goes with {OPTION}.agency_urn: IAM, which takes agency_name, has no field for it.")
    account, name = _agency(given)
    return Agency(
        assuming,
        name,
        account,
        _duration(given.get("duration", _SHORTEST), by_urn),
        given.get("agency_urn"),
        given.get("external_id"),
        *_code(given),
    )


def _agency(given: Mapping[str, Any]) -> tuple[Account, str]:
    """The account and the name of an agency."""
    if "agency_urn" not in given:
        if "domain_name" not in given and "domain_id" not in given:
            raise OptionError(
                f"{OPTION}.domain_name or {OPTION}.domain_id is missing: agency_name needs the account that the agency is in."
            )
        account_id = given.get("domain_id")
        return Account(given.get("domain_name"), header_safe(account_id, f"{OPTION}.domain_id") if account_id else None), given[
            "agency_name"
        ]
    found = _URN.fullmatch(given["agency_urn"])
    if found is None:
        raise OptionError(f"{OPTION}.agency_urn must be of the form iam::<account id>:agency:<name>.")
    if given.get("domain_id", found["account"]) != found["account"]:
        raise OptionError(f"{OPTION}.domain_id is not the account in {OPTION}.agency_urn: leave it out.")
    return Account(given.get("domain_name"), found["account"]), found["name"]


def _duration(seconds: int, by_urn: bool) -> int:
    longest = _LONGEST_BY_STS if by_urn else _LONGEST
    if not _SHORTEST <= seconds <= longest:
        raise OptionError(f"{OPTION}.duration must be from {_SHORTEST} to {longest} seconds{' with agency_urn' if by_urn else ''}.")
    return seconds


def _code(given: Mapping[str, Any]) -> tuple[str | None, str | None]:
    serial_number, code = given.get("serial_number"), given.get("token_code")
    if bool(serial_number) != bool(code):
        missing, beside = ("token_code", "serial_number") if serial_number else ("serial_number", "token_code")
        raise OptionError(f"{OPTION}.{missing} is missing: {OPTION}.{beside} is given, and needs it.")
    if code is not None and not (len(code) == 6 and code.isascii() and code.isdigit()):
        raise OptionError(f"{OPTION}.token_code must be a string of exactly six digits; quote it in YAML, so that leading zeros stay.")
    return serial_number, code
