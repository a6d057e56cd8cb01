# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Agencies: how an account lets another one act in it, with temporary keys that belong to no user.

[?] in a comment marks a rule that no source settles.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from .cloud import Account, Cloud, Key, Refusal, User

_URN = re.compile(r"iam::(?P<domain_id>[^:]+):agency:(?P<name>.+)")
_SESSION_NAME = re.compile(r"[A-Za-z0-9_.@=,+-]{2,64}")
SECONDS = {"v3": (900, 86400, 900), "v5": (900, 43200, 3600)}
"""How long temporary keys may last on each API, and how long they do where nothing is said."""


@dataclass(eq=False)
class Agency:
    """What an account (`trusting`) lets users of another one (`trusted`) be in it: an administrator, or somebody without rights."""

    name: str
    trusting: Account
    trusted: Account
    allowed: frozenset[str] | None
    external_id: str | None
    needs_code: bool
    is_admin: bool
    assumed: int = field(default=0)

    @property
    def urn(self) -> str:
        return f"iam::{self.trusting.domain_id}:agency:{self.name}"


@dataclass(eq=False)
class Session(User):
    """Who calls with the temporary keys of an agency: of the trusting account, and none of its users."""

    agency: Agency | None = None
    session_name: str = ""

    @property
    def urn(self) -> str:
        assert self.agency is not None
        return f"sts::{self.domain_id}:assumed-agency:{self.agency.name}/{self.session_name}"


def add_agency(
    cloud: Cloud,
    trusting: Account,
    trusted: Account,
    name: str,
    *,
    allowed: Iterable[str] | None = None,
    external_id: str | None = None,
    needs_code: bool = False,
    is_admin: bool = True,
) -> Agency:
    """Let users of `trusted` act in `trusting`: those whose names are `allowed`, else its administrators."""
    agency = Agency(name, trusting, trusted, None if allowed is None else frozenset(allowed), external_id, needs_code, is_admin)
    with cloud.lock:
        cloud.agencies.append(agency)
    return agency


def assume_role(cloud: Cloud, caller: User, identity: dict[str, Any]) -> tuple[Key, Agency]:
    """v3.0: temporary keys of an agency that is named by itself and its account."""
    if identity.get("methods") != ["assume_role"] or not isinstance(identity.get("assume_role"), dict):
        raise Refusal(400, "IAM.0072", "identity.methods must be assume_role, and identity.assume_role an object.")
    role = identity["assume_role"]
    given = {name: role[name] for name in ("domain_id", "domain_name") if role.get(name)}
    if not given or not isinstance(role.get("agency_name"), str):
        raise Refusal(400, "IAM.0072", "assume_role needs agency_name, and domain_id or domain_name.")
    seconds = _seconds("v3", role.get("duration_seconds"))
    agency = next((agency for agency in cloud.agencies if agency.name == role["agency_name"] and _names(given, agency.trusting)), None)
    _check(agency, caller)
    assert agency is not None
    if agency.external_id is not None or agency.needs_code:
        # [?] v3.0 has no field for either.
        raise Refusal(403, "IAM.0003", "The agency demands what this API has no field for.")
    user = role.get("session_user")
    name = user.get("name") if isinstance(user, dict) else None
    return _key(cloud, agency, seconds, str(name or "session")), agency


def assume(cloud: Cloud, caller: User, given: dict[str, Any]) -> tuple[Key, Agency]:
    """v5 of STS: temporary keys of an agency that is named by its URN."""
    found = _URN.fullmatch(str(given.get("agency_urn")))
    name = given.get("agency_session_name")
    if found is None or not isinstance(name, str) or not _SESSION_NAME.fullmatch(name):
        raise Refusal(400, "STS.0001", "agency_urn and agency_session_name are required.")
    seconds = _seconds("v5", given.get("duration_seconds"))
    agency = next((agency for agency in cloud.agencies if agency.urn == found.string), None)
    _check(agency, caller)
    assert agency is not None
    if agency.external_id is not None and given.get("external_id") != agency.external_id:
        raise Refusal(403, "PAP5.0001", "The external id is not the agency's.")
    if agency.needs_code:
        cloud.prove_by_code(caller, given.get("serial_number"), given.get("token_code"))
    return _key(cloud, agency, seconds, name), agency


def _seconds(api: str, given: object) -> int:
    least, most, default = SECONDS[api]
    if given is None:
        return default
    if not isinstance(given, int) or not least <= given <= most:
        raise Refusal(400, "IAM.0011", f"duration_seconds must be from {least} to {most}.")
    return given


def _names(given: dict[str, Any], account: Account) -> bool:
    return given.get("domain_id", account.domain_id) == account.domain_id and given.get("domain_name", account.name) == account.name


def _check(agency: Agency | None, caller: User) -> None:
    # [?] Whether the temporary keys of an agency can assume another one.
    if agency is None or caller.account is not agency.trusted or isinstance(caller, Session):
        # [?] What is said of an agency that there is not, or is not this account's: a 403 tells nobody which there are.
        raise Refusal(403, "IAM.0003", "You are not authorized to assume this agency, or there is none.")
    if not (caller.is_admin if agency.allowed is None else caller.name in agency.allowed):
        raise Refusal(403, "IAM.0003", "You are not authorized to perform: iam:tokens:assume.")


def _key(cloud: Cloud, agency: Agency, seconds: int, session_name: str) -> Key:
    session = Session(
        id=cloud.new_id(),
        name=session_name,
        number=0,
        account=agency.trusting,
        password="",
        access_key=cloud.new_text(string.ascii_uppercase + string.digits, 20),
        secret_key=cloud.new_text(string.ascii_letters + string.digits, 40),
        email="",
        created_at=cloud.now(),
        is_admin=agency.is_admin,
        agency=agency,
        session_name=session_name,
    )
    token = cloud.new_text(string.ascii_letters + string.digits, 120)
    key = Key(session, session.secret_key, token, expires_at=cloud.now() + seconds)
    if not cloud.discard_writes:
        cloud.keys[session.access_key] = key
        agency.assumed += 1
    return key
