# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a module's work is given: validated options, the environment, and the way to the clouds. The same in a module and in the control process."""

from __future__ import annotations

import hashlib
import os
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Callable

from ansible_collections.hwc.mfa.plugins.module_utils._auth import credentials as _auth
from ansible_collections.hwc.mfa.plugins.module_utils._auth.credentials import (
    AccessKey,
    Auth,
    Credentials,
    Password,
    PasswordAuth,
    SignatureAuth,
    Token,
    TokenAuth,
)
from ansible_collections.hwc.mfa.plugins.module_utils._cloud import endpoints as _endpoints
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError, OptionError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.iam import Iam
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.identity_center import IdentityCenter
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import legible
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.transport import Http, HttpSettings, Session
from ansible_collections.hwc.mfa.plugins.module_utils._modules.bulk import error_facts

AUTH_SPEC: dict[str, dict[str, Any]] = {
    "region": {"type": "str"},
    "iam_endpoint": {"type": "str"},
    "identity_center_endpoint": {"type": "str"},
    "access_key": {"type": "str", "no_log": False},
    "secret_key": {"type": "str", "no_log": True},
    "security_token": {"type": "str", "no_log": True},
    "auth_token": {"type": "str", "no_log": True},
    "auth_username": {"type": "str"},
    "auth_user_id": {"type": "str"},
    "auth_password": {"type": "str", "no_log": True},
    "auth_domain_name": {"type": "str"},
    "auth_passcode": {"type": "str", "no_log": True},
    "validate_certs": {"type": "bool", "default": True},
    "ca_path": {"type": "path"},
    "timeout": {"type": "float", "default": 30.0},
    "retries": {"type": "int", "default": 5},
}
"""The shared options, as the fragment hwc.mfa.auth documents them."""

FLEET_SPEC: dict[str, dict[str, Any]] = {"concurrency": {"type": "int", "default": 8}, "packed": {"type": "bool", "default": False}}
"""The options of modules that work on many users at once and return an entry a user, as the fragment hwc.mfa.fleet documents them."""

ITEM_AUTH_SPEC: dict[str, dict[str, Any]] = {
    option: AUTH_SPEC[option]
    for option in ("access_key", "secret_key", "security_token", "auth_token", "auth_password", "auth_domain_name", "auth_passcode")
}
"""The credentials that an item of a list can have of its own; a password logs in as the item's user."""


@dataclass(frozen=True)
class Definition:
    """A module: its options, what they demand of each other, and its work."""

    argument_spec: Mapping[str, Mapping[str, Any]]
    work: Callable[[Context], dict[str, Any]]
    relations: Mapping[str, Any] = field(default_factory=dict)
    """``mutually_exclusive``, ``required_one_of`` and so on, as AnsibleModule names them."""

    many: str = ""
    """The name of the list in the result that has an entry a user, which the option ``packed`` turns into a text; empty where there is none."""

    returns_seeds: bool = False
    """Whether that list can hold seeds."""

    def holds_seed(self, result: Mapping[str, Any]) -> bool:
        """Whether this very result holds a seed, so that it must not be printed."""
        if not self.returns_seeds:
            return False
        outcomes = result.get(self.many)
        if isinstance(outcomes, list):
            return any(isinstance(outcome, dict) and outcome.get("seed") for outcome in outcomes)
        return '"seed":' in str(result.get(f"{self.many}_packed", ""))


class Context:
    """Options, check mode and diff of one run of a module, and the identities and connections that it uses."""

    def __init__(
        self,
        params: Mapping[str, Any],
        check_mode: bool,
        diff: bool,
        env: Mapping[str, str],
        wanted: Callable[[], bool],
        memory: dict[str, Any],
    ) -> None:
        self.params = params
        self.check_mode = check_mode
        self.diff = diff
        self.env = env
        self._wanted = wanted
        self._memory = memory
        self.warnings: list[str] = []
        self._lock = threading.RLock()
        self._http: Http | None = None
        self._base: Session | None = None
        self._own: Auth | None = None
        self._domain: tuple[str, str] | None = None
        self._domain_asked = False
        self.credentials: Credentials | None = _auth.resolve(params, env)

    def warn(self, text: str) -> None:
        """Tell the user something that is no failure."""
        with self._lock:
            line = legible(text)
            if line not in self.warnings:
                self.warnings.append(line)

    def close(self) -> None:
        """Give the connections back, and leave word of how fast the clouds let us go."""
        if self._http is not None:
            self._memory["paces"] = self._http.pace_states()
            self._http.close()

    def recall(self, what: str) -> Any:
        """What an earlier task of the same play learned with the same credentials, or None."""
        return self._memory.get(self._memory_key(what))

    def remember(self, what: str, value: Any) -> None:
        """Leave word for later tasks of the same play. No secret may be in it."""
        self._memory[self._memory_key(what)] = value

    def _memory_key(self, what: str) -> str:
        parts = (_endpoints.iam_endpoint(self.params, self.env), repr(self.credentials), getattr(self.credentials, "auth_token", ""))
        return f"{what} {hashlib.sha256(repr(parts).encode('utf-8')).hexdigest()[:32]}"

    def environment_secrets(self) -> set[str]:
        """Secrets that came from the environment, which nobody else masks."""
        return {self.env[name] for option in _auth.SECRETS for name in _auth.ENVIRONMENT[option] if self.env.get(name)}

    @property
    def http(self) -> Http:
        with self._lock:
            if self._http is None:
                self._http = Http(_http_settings(self.params), wanted=self._wanted, paces=self._memory.get("paces"))
            return self._http

    @property
    def iam(self) -> Iam:
        """IAM with the module's own credentials. Raises OptionError where there are none."""
        return Iam(self.iam_session().acting_as(self._own_auth()))

    @property
    def identity_center(self) -> IdentityCenter:
        """Identity Center with the module's own credentials."""
        session = Session(self.http, _endpoints.identity_center_endpoint(self.params, self.env), option="identity_center_endpoint")
        credentials = self._needed_credentials()
        # Signed without the account's id: to ask for it would need IAM's host, which may be another operator's.
        auth = SignatureAuth(credentials, session.clock.now) if isinstance(credentials, AccessKey) else self._own_auth()
        return IdentityCenter(session.acting_as(auth))

    def iam_as(self, credentials: Credentials) -> Iam:
        """IAM with a user's own credentials."""
        session = self.iam_session()
        return Iam(session.acting_as(self._auth_for(credentials, session)))

    def domain_name(self) -> str | None:
        """The account's name, for the scope of a user's login; None where nothing tells it."""
        given = self.params.get("auth_domain_name")
        if given:
            return str(given)
        found = _endpoints.first_set(self.env, _auth.ENVIRONMENT["auth_domain_name"])
        if found:
            return found[1]
        if isinstance(self.credentials, Password) and self.credentials.domain_name:
            return self.credentials.domain_name
        if self.credentials is None:
            return None
        domain = self._own_domain(self._signing(self.credentials) if isinstance(self.credentials, AccessKey) else self.iam)
        return domain[1] or None if domain else None

    def caller(self) -> dict[str, str | None] | None:
        """Whom the module's credentials log in as: ``user_id`` and ``name``, either of which may be None; None where the cloud does not tell."""
        credentials = self._needed_credentials()
        try:
            if isinstance(credentials, Password):
                auth = self._own_auth()
                auth.prepare()
                user = auth.user if isinstance(auth, PasswordAuth) else {}
                return {"user_id": user.get("id") or credentials.user_id, "name": user.get("name") or credentials.username}
            if isinstance(credentials, Token):
                user = self.iam.token_user(credentials.auth_token)
                return {"user_id": user.get("id"), "name": user.get("name")} if user.get("id") else None
            return {"user_id": self.iam.access_key_user(credentials.access_key), "name": None}
        except CloudError as error:
            if error.status in (400, 403, 404, 405, 406, 501):
                return None  # no source says that every cloud of this family has these two calls
            raise

    def _needed_credentials(self) -> Credentials:
        if self.credentials is None:
            raise OptionError(
                "No credentials: give access_key and secret_key, or auth_token, or auth_username (or auth_user_id) and auth_password,"
                " as options or in the environment."
            )
        return self.credentials

    def _own_auth(self) -> Auth:
        with self._lock:
            if self._own is None:
                self._own = self._auth_for(self._needed_credentials(), self.iam_session())
            return self._own

    def _auth_for(self, credentials: Credentials, session: Session) -> Auth:
        if isinstance(credentials, Token):
            return TokenAuth(credentials)
        if isinstance(credentials, AccessKey):
            return SignatureAuth(credentials, session.clock.now, lambda: self._domain_id(credentials))
        # Without a name of its own, a user's login is scoped to the account that the module works on.
        own = self.credentials is credentials
        return PasswordAuth(credentials, session, lambda: credentials.domain_name or (None if own else self.domain_name()), self._spend)

    def _spend(self, password: Password) -> None:
        """Take note of a login with a code, which works once. Raises OptionError where an earlier task sent it: refused codes lock the user."""
        parts = (password.user_id, password.username, password.domain_name, password.passcode)
        what = f"code {hashlib.sha256(repr(parts).encode('utf-8')).hexdigest()[:32]}"
        with self._lock:
            if self.recall(what):
                raise OptionError(
                    "auth_passcode was sent by an earlier task of this play, and a code works once: give auth_token, or access_key and secret_key."
                )
            self.remember(what, True)

    def _domain_id(self, key: AccessKey) -> str | None:
        """The account's id, which the vendor's SDK sends with every signed call; it asks the same way."""
        if self.env.get("HW_DOMAIN_ID"):
            return _auth.header_safe(self.env["HW_DOMAIN_ID"], "HW_DOMAIN_ID")
        domain = self._own_domain(self._signing(key))
        return domain[0] if domain else None

    def _signing(self, key: AccessKey) -> Iam:
        """IAM with a key alone, for the one question that comes before the account's id is known."""
        session = self.iam_session()
        return Iam(session.acting_as(SignatureAuth(key, session.clock.now)))

    def _own_domain(self, iam: Iam) -> tuple[str, str] | None:
        """The account's id and name, asked for once; None where the cloud does not tell."""
        with self._lock:
            if not self._domain_asked:
                known = self.recall("domain")
                self._domain = (known[0], known[1]) if known else self._ask_own_domain(iam)
                if self._domain is not None:
                    self.remember("domain", list(self._domain))
                self._domain_asked = True
            return self._domain

    @staticmethod
    def _ask_own_domain(iam: Iam) -> tuple[str, str] | None:
        try:
            domains = iam.own_domains()
        except CloudError as error:
            if error.status is None:
                raise
            return None  # not known, then: the call that matters says what is wrong
        if len(domains) != 1 or not domains[0][0].isascii() or not domains[0][0].isprintable():
            return None  # the id becomes a header
        return domains[0]

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

    def iam_session(self) -> Session:
        """The way to IAM without an identity."""
        with self._lock:
            if self._base is None:
                self._base = Session(self.http, _endpoints.iam_endpoint(self.params, self.env))
            return self._base


def _http_settings(params: Mapping[str, Any]) -> HttpSettings:
    verify: bool | str = bool(params["validate_certs"])
    if params.get("ca_path"):
        if not verify:
            raise OptionError("ca_path has no effect with validate_certs=false: give one of them.")
        verify = _checked_ca_path(params["ca_path"])
    if not 0 < params["timeout"] <= 3600:
        raise OptionError("timeout must be more than 0 and at most 3600 seconds.")
    if not 0 <= params["retries"] <= 100:
        raise OptionError("retries must be from 0 to 100.")
    return HttpSettings(verify, params["timeout"], params["retries"], pool_size=_pool_size(params))


def _checked_ca_path(path: str) -> str:
    try:
        if os.path.isdir(path):
            ssl.create_default_context(capath=path)
        else:
            ssl.create_default_context(cafile=path)
    except OSError as error:  # ssl.SSLError too, where there is no certificate in it
        reason = error.strerror if error.__class__ is not ssl.SSLError and error.strerror else "there is no PEM certificate in it"
        raise OptionError(f"ca_path cannot be used: {reason}.") from None
    except ValueError:  # a NUL, or a code that is no character
        raise OptionError("ca_path cannot be used: it holds a character that no path can have.") from None
    return path


def _pool_size(params: Mapping[str, Any]) -> int:
    concurrency = 1 if params.get("concurrency") is None else params["concurrency"]
    if not 1 <= concurrency <= 256:
        raise OptionError("concurrency must be from 1 to 256.")
    return concurrency


def perform(
    definition: Definition,
    params: Mapping[str, Any],
    check_mode: bool,
    diff: bool,
    env: Mapping[str, str],
    wanted: Callable[[], bool] = lambda: True,
    memory: dict[str, Any] | None = None,
) -> tuple[dict[str, Any], set[str]]:
    """Run a module's work; ``wanted`` says whether anybody still waits for it.

    ``memory`` is what an earlier run on the same account has learned, such as how fast the cloud let it go; it is added to.
    Returns its result, ``failed`` and ``msg`` in it where it failed, and the secrets of the environment to mask.
    """
    secrets: set[str] = set()
    context: Context | None = None
    try:
        context = Context(params, check_mode, diff, env, wanted, {} if memory is None else memory)
        secrets = context.environment_secrets()
        result = definition.work(context)
    except (CloudError, OptionError) as error:
        result = {"failed": True, "changed": False, "msg": str(error), "error": error_facts(error)}
    finally:
        if context is not None:
            context.close()
    if context is not None and context.warnings:
        result["warnings"] = context.warnings
    return result, secrets
