# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A user who logs in with a password, and with a verification code (TOTP) where the account asks for one."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field
from typing import Any, Callable, ClassVar

from ansible_collections.hwc.mfa.plugins.module_utils._auth.base import NO_ACCOUNT, Account, Auth, Credentials, Source, Surroundings
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError, OptionError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.iam import Iam
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.transport import Session


@dataclass(frozen=True)
class Password(Credentials):
    """A user, by id or by name and account, with their password and perhaps the code that their account asks for."""

    password: str = field(repr=False)
    user_id: str | None = None
    username: str | None = None
    account: Account = NO_ACCOUNT
    passcode: str | None = field(default=None, repr=False)

    label: ClassVar[str] = "auth_username/auth_password"
    variables: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "auth_user_id": ("HW_USER_ID", "OS_USER_ID"),
        "auth_username": ("HW_USER_NAME", "OS_USERNAME"),
        "auth_password": ("HW_USER_PASSWORD", "OS_PASSWORD"),
        "auth_passcode": ("HW_PASSCODE", "OS_PASSCODE"),
    }
    # An account alone shows nothing: other kinds may name theirs too.
    telling: ClassVar[tuple[str, ...]] = ("auth_user_id", "auth_username", "auth_password", "auth_passcode")
    secrets: ClassVar[tuple[str, ...]] = ("auth_password", "auth_passcode")

    @classmethod
    def whole_in(cls, source: Source) -> bool:
        return source.value("auth_password") is not None and any(source.value(option) for option in ("auth_username", "auth_user_id"))

    @classmethod
    def build(cls, source: Source) -> Password:
        named = source.given("auth_user_id", "auth_username")
        user_id = source.value("auth_user_id", follow_environment=not named)
        username = source.value("auth_username", follow_environment=not named)
        password = source.value("auth_password")
        if not password:
            raise OptionError(f"auth_password is missing: a user to log in is given, and needs it{source.hint('auth_password')}.")
        if user_id:
            username = None
        elif not username:
            raise OptionError("auth_username or auth_user_id is missing: auth_password needs one of them.")
        # The account belongs to the user's name: the environment's never joins a user given as an option.
        account = source.account(follow_environment=not named)
        if username and not account:
            raise OptionError(
                "auth_domain_name is missing: a user name is unique within its account only; give it or auth_domain_id, or auth_user_id instead"
                f" of auth_username{source.hint('auth_domain_name')}."
            )
        passcode = source.value("auth_passcode", follow_environment=not named)
        if passcode is not None and not user_id:
            # It would be refused, and count as a wrong code (docs/dev/cloud_api.md, section 4).
            raise OptionError(
                f"auth_user_id is missing: a login with auth_passcode names its user by id, not by auth_username{source.hint('auth_user_id')}."
            )
        if passcode is not None and not (len(passcode) == 6 and passcode.isascii() and passcode.isdigit()):
            raise OptionError("auth_passcode must be a string of exactly six digits; quote it in YAML, so that leading zeros stay.")
        return cls(password, user_id, username, account, passcode)

    def identity(self, around: Surroundings) -> PasswordAuth:
        return PasswordAuth(self, around.session, lambda: self.account or Account(around.account_name()), around.spend)

    def caller(self, iam: Iam, auth: Auth) -> Mapping[str, str | None] | None:
        auth.prepare()
        user = auth.user if isinstance(auth, PasswordAuth) else {}
        return {"user_id": user.get("id") or self.user_id, "name": user.get("name") or self.username}

    def fingerprint(self) -> str:
        """A digest of the user and the code, by which later tasks know a code that was sent."""
        parts = (self.user_id, self.username, self.account, self.passcode)
        return hashlib.sha256(repr(parts).encode("utf-8")).hexdigest()[:32]


class PasswordAuth(Auth):
    """Logs in at the first request, once for all threads, and once more when the cloud says that the token expired.

    ``session`` is the way to IAM without an identity, and ``scope`` names the account when the login needs it. Where it cannot, the cloud is
    asked with a token for no account, and a second login is for the account that it tells. ``spend`` is told of a login with a code before
    it is sent, and raises OptionError where the code was sent before.
    """

    def __init__(
        self,
        password: Password,
        session: Session,
        scope: Callable[[], Account],
        spend: Callable[[str], None] = lambda _fingerprint: None,
    ) -> None:
        self._password = password
        self._session = session
        self._scope = scope
        self._spend = spend
        self._lock = threading.Lock()
        self._token: str | None = None
        self._failure: CloudError | None = None
        self.user: dict[str, Any] = {}  # equivalent: it is read after a login only, which sets it

    def __call__(self, request: Any) -> Any:
        request.headers["X-Auth-Token"] = self._token
        return request

    def prepare(self) -> str:
        with self._lock:
            if self._failure is not None:
                # A refused login is not tried again by the other threads: repeated failures lock the user.
                raise copy(self._failure)
            if self._token is None:
                scope = self._scope()
                if self._password.passcode:
                    self._spend(self._password.fingerprint())
                try:
                    login = self._logged_in(scope)
                    self._token, self.user = login.token, login.user
                except CloudError as error:
                    if error.is_refusal:
                        # Copies, since whoever is told one may add a hint to it.
                        self._failure = copy(error)
                    raise
            return self._token

    def _logged_in(self, scope: Account) -> Login:
        login = log_in(self._session, self._password, scope)
        # A code works once, so a login with one cannot be followed by another.
        if scope or self._password.passcode:
            return login
        told = self._account_of(login)
        return log_in(self._session, self._password, told) if told else login

    def _account_of(self, login: Login) -> Account:
        """The account of a token for no account, or of its user where the cloud does not list exactly one."""
        domains: Any = None
        try:
            reply = self._session.read_with({"X-Auth-Token": login.token}, "GET", "/v3/auth/domains")
            domains = reply.document.get("domains") if isinstance(reply.document, dict) else None
        except CloudError as error:
            if error.status is None:
                raise
        listed = domains[0] if isinstance(domains, list) and len(domains) == 1 else login.user.get("domain")
        name, account_id = ((listed.get(part) if isinstance(listed, dict) else None) for part in ("name", "id"))
        return Account(name if isinstance(name, str) else None, account_id if isinstance(account_id, str) else None)

    def renew(self, seen: str, error: CloudError) -> bool:
        # 0061: the account is locked, and a fresh token changes nothing.
        if error.has_code("0061"):
            return False
        # A code that is sent a second time counts as a wrong one, and wrong ones lock the user.
        if self._password.passcode:
            error.hint = "A login with a code cannot be renewed, since the code works once: run again with a new auth_passcode."
            return False
        with self._lock:
            if self._token == seen:
                self._token = None
        return True


_TOTP = "totp"
_METHODS = {"password", _TOTP}
_NOT_TOLD = "; a user who is locked or disabled gets the same answer."


@dataclass(frozen=True)
class Login:
    """What a login gave: the token, and what the cloud says of it."""

    token: str = field(repr=False)
    user: dict[str, Any] = field(default_factory=dict)
    """``id``, ``name``, ``domain``; may be empty."""

    methods: tuple[str, ...] = ()
    """How the user has shown who they are; empty where the cloud does not tell."""

    @property
    def proves_no_code(self) -> bool:
        """Whether the cloud says that it made the token without a code. One that was sent has then not been looked at."""
        return bool(self.methods) and _TOTP not in self.methods


def log_in(session: Session, password: Password, scope: Account, code: Callable[[], str] | None = None) -> Login:
    """Obtain a token (docs/dev/cloud_api.md, section 4). Raises CloudError.

    The token is for the account ``scope``, or for none. ``code`` gives the TOTP code at the moment of sending, instead of the password's ``passcode``.
    """
    known: dict[str, Any] = {"id": password.user_id} if password.user_id else {"name": password.username, "domain": password.account.body()}

    def body() -> dict[str, Any]:
        identity: dict[str, Any] = {"methods": ["password"], "password": {"user": {**known, "password": password.password}}}
        passcode = code() if code else password.passcode
        if passcode:
            identity["methods"] = ["password", _TOTP]
            identity[_TOTP] = {"user": {**known, "passcode": passcode}}
        auth: dict[str, Any] = {"identity": identity}
        if scope:
            auth["scope"] = {"domain": scope.body()}
        return {"auth": auth}

    with_code = bool(code or password.passcode)
    # A login changes nothing and may be repeated, but a code works once.
    send = session.write if with_code else session.read
    try:
        reply = send("POST", "/v3/auth/tokens", [("nocatalog", "true")], body)
    except CloudError as error:
        # Whatever comes of the login, the call that it was for has not been sent.
        error.uncertain = False
        if error.status == 401:
            error.hint = _login_hint(error, with_code)
        raise
    token = reply.headers.get("X-Subject-Token")
    if not token:
        raise CloudError(
            "the login succeeded without a token in X-Subject-Token: is the endpoint really IAM?",
            status=reply.status,
            call="POST /v3/auth/tokens",
        )
    described = reply.document.get("token") if isinstance(reply.document, dict) else None
    user, methods = (described.get(part) if isinstance(described, dict) else None for part in ("user", "methods"))
    told = methods if isinstance(methods, list) else []
    return Login(token, user if isinstance(user, dict) else {}, tuple(each.lower() for each in told if isinstance(each, str)))


def wants_code(error: CloudError) -> bool:
    """Whether a login was refused for the want of a code, which only a user with a bound device is asked for (docs/dev/cloud_api.md, section 4).

    The clouds say so in their message, and Keystone in its list of wanted methods, which makes the message.
    """
    return error.status == 401 and _TOTP in error.message.lower()


def _login_hint(error: CloudError, with_code: bool) -> str | None:
    if error.has_code("0061"):
        return None
    if error.login_rules and not any(set(rule) <= _METHODS for rule in error.login_rules):
        return "The password was right, but this collection logs in with a password and a code only: give auth_token instead."
    if wants_code(error):
        if with_code:
            return "The code was refused: each code works once, and only in its 30 s."
        return "The login needs a code of the user's MFA device: give auth_user_id and auth_passcode."
    # Keystone says the same of a wrong password, a wrong code, and of a user who is locked, disabled or has no role.
    if with_code:
        return "Check the user, auth_password, auth_domain_name and auth_passcode (each code works once, and only in its 30 s)" + _NOT_TOLD
    return "Check the user, auth_password and auth_domain_name" + _NOT_TOLD
