# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way to the clouds: one set of connections and identities, for one module or for all that a wave calls."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from typing import Any, Callable

from ansible_collections.hwc.mfa.plugins.module_utils._auth import credentials as kinds
from ansible_collections.hwc.mfa.plugins.module_utils._auth.agency import Agency
from ansible_collections.hwc.mfa.plugins.module_utils._auth.base import NO_ACCOUNT, Auth, Credentials, Surroundings
from ansible_collections.hwc.mfa.plugins.module_utils._auth.temporary_keys import TemporaryKeys
from ansible_collections.hwc.mfa.plugins.module_utils._cloud import endpoints
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError, OptionError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.iam import Iam
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.identity_center import IdentityCenter
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.identity_store import IdentityStore
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.organizations import Organizations
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.sts import Sts
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.transport import Http, Session
from ansible_collections.hwc.mfa.plugins.module_utils._runner.http_options import http_settings
from ansible_collections.hwc.mfa.plugins.module_utils._runner.own_writes import OwnWrites

NOT_OFFERED = (400, 403, 404, 405, 406, 501)
"""The statuses with which a cloud answers a call that it does not have, or that these credentials may not make."""

NO_V5 = (*NOT_OFFERED, 401)
"""How a cloud without v5, or that does not grant it to these credentials, answers. v3.0 then gives the definite answer."""


class Connections:
    """Connections, identities, clocks and paces. Closed by whoever made them.

    ``params`` are a module's options, ``wanted`` says whether anybody still waits for the results, and ``memory`` is what earlier tasks of
    the same play learned; it is added to, and holds no secret.
    """

    def __init__(self, params: Mapping[str, Any], env: Mapping[str, str], wanted: Callable[[], bool], memory: dict[str, Any]) -> None:
        self._params = params
        self.env = env
        self.wanted = wanted
        self.item_done: Callable[[bool], None] = lambda _failed: None
        """Told of each item of a list that is done, and whether it failed; whoever shows progress sets it."""
        self.trace: Callable[[str], None] | None = None
        """Told of each request; whoever shows requests sets it before the first."""
        self._memory = memory
        found = kinds.find(params, env)
        self.credentials: Credentials | None = found.credentials
        self._variables = found.variables
        """The variables that may say where to go: of other families they could take a secret to another cloud."""

        # None of these is held while another lock is waited for, but that of the account, and that of the caller, while their question is asked.
        self._lock = threading.Lock()
        self._account_lock = threading.Lock()
        self._spent_lock = threading.Lock()
        self._caller_lock = threading.Lock()
        self._http: Http | None = None
        self._base: Session | None = None
        self._own: Auth | None = None
        self._others: dict[Credentials, Auth] = {}
        self._account: tuple[str, str] | None = None
        self._account_asked = False
        self._caller: list[dict[str, str | None] | None] = []
        """Whom the credentials belong to, once that was asked."""
        self._agency_keys: TemporaryKeys | None = None
        self._assuming: Auth | None = None
        self._assuming_account: list[str | None] = []
        """The id of the account whose credentials assume an agency, once it was asked for; read and written by one thread at a time."""

    def close(self) -> None:
        """Give the connections back, and save the learned request rates for the play's next tasks."""
        if self._http is not None:
            self._memory["paces"] = self._http.pace_states()
            self._http.close()

    # What the play's tasks know

    def recall(self, what: str) -> Any:
        """What an earlier task of the same play learned with the same credentials, or None."""
        return self._memory.get(self._memory_key(what))

    def remember(self, what: str, value: Any) -> None:
        """Save something for later tasks of the same play. No secret may be in it."""
        self._memory[self._memory_key(what)] = value

    def own_writes(self, kind: str) -> OwnWrites:
        """What this play has just written of users at this IAM, whatever the credentials."""
        return OwnWrites(self._memory, f"{kind} {endpoints.iam_endpoint(self._params, self._variables)}", self.http.wall)

    def _memory_key(self, what: str) -> str:
        return f"{what} {self.fingerprint()}"

    def fingerprint(self) -> str:
        """A digest by which the same credentials at the same IAM are known again. Nothing can be read from it."""
        token = getattr(self.credentials.first, "auth_token", "") if self.credentials is not None else ""
        parts = (endpoints.iam_endpoint(self._params, self._variables), repr(self.credentials), token)
        return hashlib.sha256(repr(parts).encode("utf-8")).hexdigest()[:32]

    def environment_secrets(self) -> set[str]:
        """Secrets read from environment variables and clouds.yaml, and those of an agency; Ansible masks only ``no_log`` options."""
        names = {name for option in kinds.SECRETS for name in kinds.ENVIRONMENT[option]}
        obtained = set() if self._agency_keys is None else set(self._agency_keys.secrets)
        given = {where[name] for where in (self.env, self._variables) for name in names if where.get(name)}
        # What is sent has no line break at its end, whatever the environment has.
        return obtained | given | {secret for value in given if (secret := value.rstrip("\r\n"))}

    # Hosts

    @property
    def http(self) -> Http:
        with self._lock:
            return self._http_locked()

    def _http_locked(self) -> Http:
        if self._http is None:
            self._http = self.make_http()
        return self._http

    def make_http(self) -> Http:
        """The connections that the options ask for. Raises OptionError."""
        return Http(http_settings(self._params, self._variables), wanted=self.wanted, paces=self._memory.get("paces"), trace=self.trace)

    def iam_session(self) -> Session:
        """The way to IAM without an identity."""
        with self._lock:
            if self._base is None:
                self._base = Session(self._http_locked(), endpoints.iam_endpoint(self._params, self._variables))
            return self._base

    def refuse_unnamed(self, credentials: Credentials, option: str = "iam_endpoint", host: str | None = None) -> None:
        """Raise OptionError where a password or token would go to a host that nobody named."""
        if credentials.bearer and not endpoints.is_named(option, self._params, self._variables):
            host = host or endpoints.iam_endpoint(self._params, self._variables)
            raise OptionError(
                f"region or {option} is missing: without them {credentials.secrets[0]} would go to {host.partition('//')[2]}, and a password or"
                " token is sent to no host that nobody named. Give region or HW_REGION_NAME (variables of another family than those of the"
                f" credentials do not count), or {option}."
            )

    def _surroundings(self, session: Session, credentials: Credentials | None = None) -> Surroundings:
        """What ``credentials`` need for a login or a signature; without them, for the one question that comes before the account is known."""
        region = self._region_to_sign()
        keys = self._keys_of(self.credentials) if isinstance(self.credentials, Agency) else None
        if credentials is None:
            return Surroundings(session, signing_region=region, agency_keys=keys)
        # A login of the module's own is scoped by what its credentials name, since to ask for the account it would have to log in.
        name = (lambda: None) if credentials is self.credentials else self.account_name
        return Surroundings(session, lambda: self._account_id(credentials), name, self._spend, region, keys)

    def _keys_of(self, agency: Agency) -> TemporaryKeys:
        """The agency's temporary keys, the same for all who ask. Raises OptionError where they cannot be asked for."""
        self.refuse_unnamed(agency.first)
        around = Surroundings(self.iam_session(), self._assuming_account_id, spend=self._spend, signing_region=self._region_to_sign())
        auth = agency.first.identity(around)
        keys = agency.keys(auth, around, lambda: self._sts_for(agency))
        with self._lock:
            if self._agency_keys is None:
                self._agency_keys, self._assuming = keys, auth
            return self._agency_keys

    def _sts_for(self, agency: Agency) -> Session:
        """The way to STS for the credentials that assume an agency. Raises OptionError."""
        base_url = endpoints.sts_endpoint(self._params, self._variables)
        if base_url is None:
            raise OptionError(
                "assume_agency.agency_urn is for STS, which only Huawei Cloud has, and whose address is not known: give region or sts_endpoint,"
                " or assume_agency.agency_name with domain_name."
            )
        self.refuse_unnamed(agency.first, "sts_endpoint", base_url)
        return Session(self.http, base_url, option="sts_endpoint")

    def _assuming_account_id(self) -> str | None:
        """The id of the account whose credentials assume the agency: the agency's own account would be another one's."""
        first = self._needed_credentials().first
        if first.account.id:
            return first.account.id
        if not self._assuming_account:
            known = self.recall("assuming")
            session = self.iam_session()
            auth = first.first_identity(Surroundings(session, signing_region=self._region_to_sign())) or self._assuming
            found = None if known or auth is None else _ask_account(Iam(session.acting_as(auth)))
            self._assuming_account.append(str(known) if known else found[0] if found else None)
            if found:
                self.remember("assuming", found[0])
        return self._assuming_account[0]

    def _region_to_sign(self) -> str | None:
        """The region for which keys sign with a derived key, perhaps empty; None: they sign plainly."""
        return endpoints.signing_region(self._params, self._variables) if self._params.get("signature") == "derived" else None

    # Identities

    @property
    def iam(self) -> Iam:
        """IAM with the module's own credentials. Raises OptionError where there are none."""
        return Iam(self.iam_session().acting_as(self.own_auth()))

    def iam_as(self, credentials: Credentials) -> Iam:
        """IAM with a user's own credentials. The user logs in once, whatever is done with them."""
        self.refuse_unnamed(credentials)
        session = self.iam_session()
        around = self._surroundings(session, credentials)
        with self._lock:
            auth = self._others.setdefault(credentials, credentials.identity(around))
        return Iam(session.acting_as(auth))

    @property
    def identity_center(self) -> IdentityCenter:
        """Identity Center with the module's own credentials."""
        return IdentityCenter(
            self._elsewhere(endpoints.identity_center_endpoint(self._params, self._variables), "identity_center_endpoint")
        )

    @property
    def organizations(self) -> Organizations:
        """The organization of the module's own credentials."""
        return Organizations(self._elsewhere(endpoints.organizations_endpoint(self._params, self._variables), "organizations_endpoint"))

    def identity_store(self, identity_store_id: str) -> IdentityStore:
        """The people of an Identity Center, with the module's own credentials."""
        base_url = endpoints.identity_store_endpoint(self._params, self._variables, self._registered_regions)
        return IdentityStore(self._elsewhere(base_url, "identity_store_endpoint"), identity_store_id)

    def _registered_regions(self) -> list[str]:
        return self.identity_center.registered_regions()

    def _elsewhere(self, base_url: str, option: str) -> Session:
        """The way to another service, as the module's own identity."""
        credentials = self._needed_credentials()
        self.refuse_unnamed(credentials, option, base_url)
        session = Session(self.http, base_url, option=option)
        # Signed without the account's id: to ask for it would need IAM's host, which may be another operator's.
        return session.acting_as(credentials.first_identity(self._surroundings(session)) or self.own_auth())

    def own_auth(self) -> Auth:
        """The identity of the module's own credentials. Raises OptionError where there are none."""
        credentials = self._needed_credentials()
        self.refuse_unnamed(credentials.first)
        around = self._surroundings(self.iam_session(), credentials)
        with self._lock:
            if self._own is None:
                self._own = credentials.identity(around)
            return self._own

    def _needed_credentials(self) -> Credentials:
        if self.credentials is None:
            raise OptionError(
                "No credentials: give access_key and secret_key, or auth_token, or auth_username (or auth_user_id) and auth_password,"
                " as options, by a cloud of clouds.yaml or in the environment. Application credentials are not taken."
            )
        return self.credentials

    def _spend(self, fingerprint: str) -> None:
        """Take note of a login with a code, which works once. Raises OptionError where an earlier task sent it: refused codes lock the user."""
        what = f"code {fingerprint}"
        with self._spent_lock:
            if self.recall(what):
                raise OptionError(
                    "auth_passcode was sent by an earlier task of this play, and a code works once: give auth_token, or access_key and secret_key."
                )
            self.remember(what, True)

    # Which account, and who asks

    def account(self) -> dict[str, str | None]:
        """The ``id`` and ``name`` of the account that the module works on; either is None where the cloud does not tell."""
        found = self._own_account(self.first_iam)
        # What is done is done in the agency's account, whether the cloud tells or not.
        given = self.credentials.account if self.credentials is not None else NO_ACCOUNT
        named = given if isinstance(self.credentials, Agency) else NO_ACCOUNT
        account_id = found[0] if found else named.id or self._account_by_sts() or given.id
        return {"id": account_id, "name": (found[1] if found else None) or named.name}

    def _account_by_sts(self) -> str | None:
        """The account's id where IAM lists none, as the vendor's SDK asks for it (docs/dev/cloud_api.md, section 2); None where STS does not tell."""
        known = self.recall("account by sts")
        if known is None:
            try:
                sts = self._sts()
                known = (None if sts is None else sts.caller_identity().account_id) or ""
            except OptionError:
                known = ""  # what depends on it says so
            except CloudError as error:
                if error.status not in (200, *NOT_OFFERED):
                    return None  # an outage or a refused login: later it may tell
                known = ""
            self.remember("account by sts", known)
        return str(known) or None

    def caller_accounts(self) -> tuple[str | None, str | None]:
        """The ids of the account that the credentials belong to, and of the one in which they act; None where the cloud does not tell.

        They differ where the credentials assume an agency.
        """
        acting = self.account()["id"]
        return (self._assuming_account_id() if isinstance(self.credentials, Agency) else acting), acting

    def account_name(self) -> str | None:
        """The account's name, for the scope of a user's login; None where nothing tells it."""
        if self.credentials is None:
            given = self._params.get("auth_domain_name")
            return str(given) if given else None
        return self.credentials.account.name or self.account()["name"]

    def _account_id(self, credentials: Credentials) -> str | None:
        """The account's id, which the vendor's SDK sends with every signed call; it asks the same way."""
        told = credentials.account.id or (self.credentials.account.id if self.credentials is not None else None)
        if told:
            return told
        found = self._own_account(lambda: self.first_iam(credentials))
        return found[0] if found else None

    def first_iam(self, credentials: Credentials | None = None) -> Iam:
        """IAM for the one question that comes before the account's id is known."""
        session = self.iam_session()
        asking = credentials or self._needed_credentials()
        return Iam(session.acting_as(asking.first_identity(self._surroundings(session)) or self.own_auth()))

    def _own_account(self, asking: Callable[[], Iam]) -> tuple[str, str] | None:
        """The account's id and name, asked for once; None where the cloud does not tell."""
        with self._account_lock:
            if not self._account_asked:
                known = self.recall("domain")
                self._account = (known[0], known[1]) if known else self._unless_another(_ask_account(asking()))
                if self._account is not None:
                    self.remember("domain", list(self._account))
                self._account_asked = True
            return self._account

    def _unless_another(self, found: tuple[str, str] | None) -> tuple[str, str] | None:
        """The account that the cloud tells, unless it is not the one whose agency is assumed: its id must not be sent along then."""
        if found is None or not isinstance(self.credentials, Agency):
            return found
        named = self.credentials.account
        other = (named.id and found[0] != named.id) or (named.name and found[1] and found[1] != named.name)
        return None if other else found

    def caller(self) -> dict[str, str | None] | None:
        """Whom the cloud takes the module's credentials for, asked once; None where it does not tell.

        ``user_id`` and ``name`` of the user, either of which may be None, and ``principal_urn`` where STS was asked; an agency has only that.
        """
        with self._caller_lock:
            if not self._caller:
                self._caller.append(self._asked_caller())
            return self._caller[0]

    def _asked_caller(self) -> dict[str, str | None] | None:
        credentials = self._needed_credentials()
        try:
            found = credentials.caller(self.iam, self.own_auth())
            if isinstance(credentials, Agency):
                found = self._user_at_home(credentials) or found
        except CloudError as error:
            # No source says that every cloud of this family has these calls.
            if error.status not in NOT_OFFERED:
                raise
            found = None
        if found is not None and any(found.values()):
            return {**found, "principal_urn": None}
        told = self._ask_sts()
        # An agency is known to be no user where nobody tells its name, too.
        return told if told is not None or found is None else {**found, "principal_urn": None}

    def _user_at_home(self, agency: Agency) -> Mapping[str, str | None] | None:
        """The user who assumes an agency of their own account: then the play runs as one of its users after all. Raises CloudError."""
        own = self._assuming_account_id()
        if own is None or self._assuming is None or own != self.account()["id"]:
            return None
        return agency.first.caller(Iam(self.iam_session().acting_as(self._assuming)), self._assuming)

    def _ask_sts(self) -> dict[str, str | None] | None:
        """What STS says of the caller, which knows temporary keys too. Huawei Cloud only."""
        sts = self._sts()
        if sts is None:
            return None
        try:
            found = sts.caller_identity()
        except CloudError:
            return None  # the audit goes on, and the plan knows that nobody told
        if not found.principal_urn:
            return None
        # iam::<account>:user:<name>; an agency's session is sts::<account>:assumed-agency:<agency>/<session>.
        _account, is_user, name = found.principal_urn.partition(":user:")
        return {
            "user_id": found.principal_id if is_user else None,
            "name": name if is_user else None,
            "principal_urn": found.principal_urn,
        }

    def _sts(self) -> Sts | None:
        base_url = endpoints.sts_endpoint(self._params, self._variables)
        return None if base_url is None else Sts(self._elsewhere(base_url, "sts_endpoint"))

    def explanation(self, encoded: str) -> str | None:
        """What a refusal's encoded message says, for callers who may decode it; None for others, and where there is no STS."""
        try:
            sts = self._sts()
            return None if sts is None else sts.decoded_message(encoded)
        except (CloudError, OptionError):
            return None  # the refusal itself is what matters

    def know_the_time(self) -> None:
        """Ask the cloud what time it is, unless an answer has told: codes are made of its time, and this machine's may be another."""
        session = self.iam_session()
        if not session.clock.known:
            try:
                session.read("GET", "/v3/auth/domains")
            except CloudError as error:
                # Without an identity the cloud refuses, and tells the time all the same.
                if error.status is None:
                    raise


def _ask_account(iam: Iam) -> tuple[str, str] | None:
    try:
        domains = iam.own_domains()
    except CloudError as error:
        if error.status is None:
            raise
        return None  # not known, then: the call that matters says what is wrong
    if len(domains) != 1 or not domains[0][0].isascii() or not domains[0][0].isprintable():
        return None  # the id becomes a header
    return domains[0]
