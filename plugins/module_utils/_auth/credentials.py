# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials, and the requests AuthBase classes that they become: AK/SK signature, token, password login."""

from __future__ import annotations

import hashlib
import hmac
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Callable, Union
from urllib.parse import parse_qsl, unquote, urlsplit

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.endpoints import first_set
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError, OptionError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.transport import Session, encode, query_of

try:
    from requests.auth import AuthBase
except ImportError:  # _transport keeps the reason; the classes below must be definable all the same, so that it can be told
    AuthBase = object  # type: ignore[assignment,misc]

_ALGORITHM = "SDK-HMAC-SHA256"


@dataclass(frozen=True)
class AccessKey:
    """AK/SK, with ``security_token`` where they are temporary."""

    access_key: str
    secret_key: str = field(repr=False)
    security_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Token:
    """A token that somebody else obtained."""

    auth_token: str = field(repr=False)


@dataclass(frozen=True)
class Password:
    """A user, by id or by name and domain, with his password and perhaps the code that his account asks for."""

    password: str = field(repr=False)
    user_id: str | None = None
    username: str | None = None
    domain_name: str | None = None
    passcode: str | None = field(default=None, repr=False)


Credentials = Union[AccessKey, Token, Password]

ENVIRONMENT: dict[str, tuple[str, ...]] = {
    "access_key": ("HW_ACCESS_KEY", "HUAWEICLOUD_SDK_AK", "OS_ACCESS_KEY"),
    "secret_key": ("HW_SECRET_KEY", "HUAWEICLOUD_SDK_SK", "OS_SECRET_KEY"),
    "security_token": ("HW_SECURITY_TOKEN", "HUAWEICLOUD_SDK_SECURITY_TOKEN", "OS_SECURITY_TOKEN"),
    "auth_token": ("HW_AUTH_TOKEN", "OS_TOKEN"),
    "auth_user_id": ("HW_USER_ID", "OS_USER_ID"),
    "auth_username": ("HW_USER_NAME", "OS_USERNAME"),
    "auth_password": ("HW_USER_PASSWORD", "OS_PASSWORD"),
    "auth_domain_name": ("HW_DOMAIN_NAME", "OS_USER_DOMAIN_NAME", "OS_DOMAIN_NAME"),
    "auth_passcode": ("HW_PASSCODE", "OS_PASSCODE"),
}
"""Where an option is read from if it is not given: the names that operators already use (CLOUD_API 7), the first that is set."""

SECRETS = ("secret_key", "security_token", "auth_token", "auth_password", "auth_passcode")

# The options that show which kind of credential is meant. The domain alone shows nothing: it goes with a password.
_KINDS: dict[str, tuple[str, ...]] = {
    "access_key/secret_key": ("access_key", "secret_key", "security_token"),
    "auth_token": ("auth_token",),
    "auth_username/auth_password": ("auth_user_id", "auth_username", "auth_password", "auth_passcode"),
}


def resolve(params: Mapping[str, Any], env: Mapping[str, str]) -> Credentials | None:
    """The credentials that options, else the environment, give; None where neither gives any.

    One kind given as options wins over the environment, which then only fills in what is missing of that kind. In the
    environment the first kind wins that is whole: AK/SK, token, password. Raises OptionError on two kinds or half a kind.
    """
    kind = _kind_given(params)
    if kind is not None:
        return _build(kind, params, env)
    for candidate in _KINDS:
        if _whole_in_environment(candidate, env):
            return _build(candidate, params, env)
    if first_set(env, ENVIRONMENT["access_key"]) is not None:
        return _build("access_key/secret_key", params, env)  # says which half is missing
    return None


_NO_ENVIRONMENT: Mapping[str, str] = {}


def _environment_hint(option: str, env: Mapping[str, str]) -> str:
    """Which variables could give a missing option; none for an item of a list, whose credentials are a user's own."""
    return "" if env is _NO_ENVIRONMENT else f" ({' or '.join(ENVIRONMENT[option])} can give it too)"


def resolve_item(item: Mapping[str, Any], user_id: str, domain_name: str | None) -> Credentials | None:
    """A user's own credentials from one item of a list, where the login is the item's user; None where it has none. No environment."""
    kind = _kind_given(item)
    if kind is None:
        return None
    named = dict(item, auth_user_id=user_id) if item.get("auth_password") else dict(item)
    if named.get("auth_domain_name") is None:
        named["auth_domain_name"] = domain_name
    return _build(kind, named, _NO_ENVIRONMENT)


def _kind_given(params: Mapping[str, Any]) -> str | None:
    given = {kind: [option for option in options if params.get(option)] for kind, options in _KINDS.items()}
    kinds = [kind for kind, options in given.items() if options]
    if len(kinds) > 1:
        first, second = given[kinds[0]][0], given[kinds[1]][0]
        raise OptionError(f"{first} and {second} are two kinds of credentials: give one of {', '.join(_KINDS)}.")
    return kinds[0] if kinds else None


def _whole_in_environment(kind: str, env: Mapping[str, str]) -> bool:
    def has(option: str) -> bool:
        return first_set(env, ENVIRONMENT[option]) is not None

    if kind == "access_key/secret_key":
        return has("access_key") and has("secret_key")
    if kind == "auth_token":
        return has("auth_token")
    return has("auth_password") and (has("auth_username") or has("auth_user_id"))


def _build(kind: str, params: Mapping[str, Any], env: Mapping[str, str]) -> Credentials:
    def value(option: str, follow_environment: bool = True) -> str | None:
        if params.get(option):
            return str(params[option])
        found = first_set(env, ENVIRONMENT[option]) if follow_environment else None
        return found[1] if found else None

    def needed(option: str, beside: str) -> str:
        text = value(option)
        if not text:
            raise OptionError(f"{option} is missing: {beside} is given, and needs it{_environment_hint(option, env)}.")
        return header_safe(text, option)

    if kind == "auth_token":
        return Token(needed("auth_token", "a token"))
    if kind == "access_key/secret_key":
        # A security token belongs to the very keys that it came with: one of the environment never joins keys given as options.
        own_keys = bool(params.get("access_key"))
        token = value("security_token", follow_environment=not own_keys)
        return AccessKey(
            needed("access_key", "secret_key"),
            needed("secret_key", "access_key"),
            header_safe(token, "security_token") if token else None,
        )
    named = bool(params.get("auth_user_id") or params.get("auth_username"))
    user_id = value("auth_user_id", follow_environment=not named)
    username = value("auth_username", follow_environment=not named)
    password = value("auth_password")
    if not password:
        raise OptionError(f"auth_password is missing: a user to log in is given, and needs it{_environment_hint('auth_password', env)}.")
    if user_id:
        username = None
    elif not username:
        raise OptionError("auth_username or auth_user_id is missing: auth_password needs one of them.")
    domain_name = value("auth_domain_name")
    if username and not domain_name:
        raise OptionError(
            "auth_domain_name is missing: a user name is unique within its account only; give it, or auth_user_id instead of auth_username."
        )
    passcode = value("auth_passcode", follow_environment=not named)
    if passcode is not None and not (len(passcode) == 6 and passcode.isascii() and passcode.isdigit()):
        raise OptionError("auth_passcode must be a string of exactly six digits; quote it in YAML, so that leading zeros stay.")
    return Password(password, user_id, username, domain_name, passcode)


def header_safe(text: str, option: str) -> str:
    """Refuse what would break out of a header. The text itself is never repeated."""
    if not text.isascii() or not text.isprintable() or text != text.strip():
        raise OptionError(f"{option} holds a character that cannot be sent: white space around it, a line break or a letter beyond ASCII.")
    return text


def canonical_request(method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> tuple[str, str]:
    """The canonical request and the list of signed headers (CLOUD_API 4); ``path`` and ``query`` as they are sent, every header is signed."""
    uri = "/".join(encode(unquote(segment)) for segment in path.split("/"))
    if not uri.endswith("/"):
        uri += "/"
    canonical_query = query_of(parse_qsl(query, keep_blank_values=True))
    lowered = sorted((name.lower(), value.strip()) for name, value in headers.items())
    signed = ";".join(name for name, _value in lowered)
    lines = "".join(f"{name}:{value}\n" for name, value in lowered)
    text = "\n".join((method.upper(), uri, canonical_query, lines, signed, hashlib.sha256(body).hexdigest()))
    return text, signed


def signature(secret_key: str, date: str, canonical: str) -> str:
    """The hex signature of a canonical request; ``date`` is the X-Sdk-Date, ``YYYYMMDDTHHMMSSZ``."""
    to_sign = "\n".join((_ALGORITHM, date, hashlib.sha256(canonical.encode("utf-8")).hexdigest()))
    return hmac.new(secret_key.encode("utf-8"), to_sign.encode("utf-8"), hashlib.sha256).hexdigest()


class Auth(AuthBase):
    """What a Session asks of an identity beside the request's own signing."""

    def prepare(self) -> Any:
        """Do what must come before a request, such as a login; returns what ``renew`` wants back."""
        return None

    def renew(self, seen: Any, error: CloudError) -> bool:
        """After a 401: whether another try makes sense, because what was sent has expired and has now been replaced."""
        return False


class SignatureAuth(Auth):
    """Signs each request with AK/SK, on the server's clock. ``domain_id`` is asked at the first request for the account's id, to be sent along."""

    def __init__(self, key: AccessKey, now: Callable[[], float] = time.time, domain_id: Callable[[], str | None] = lambda: None) -> None:
        self._key = key
        self._now = now
        self._domain_id = domain_id

    def __call__(self, request: Any) -> Any:
        domain_id = self._domain_id()
        date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self._now()))
        request.headers["X-Sdk-Date"] = date
        if domain_id:
            request.headers["X-Domain-Id"] = domain_id
        if self._key.security_token:
            request.headers["X-Security-Token"] = self._key.security_token
        url = urlsplit(request.url)
        names = [name for name in ("Content-Type", "Host", "X-Domain-Id", "X-Sdk-Date", "X-Security-Token") if name in request.headers]
        canonical, signed = canonical_request(
            request.method, url.path, url.query, {name: request.headers[name] for name in names}, request.body or b""
        )
        request.headers["Authorization"] = (
            f"{_ALGORITHM} Access={self._key.access_key}, SignedHeaders={signed}, Signature={signature(self._key.secret_key, date, canonical)}"
        )
        return request

    def prepare(self) -> float:
        self._domain_id()
        return self._now()

    def renew(self, seen: float, error: CloudError) -> bool:
        # The refusal itself told the server's time; a signature is refused when it is 15 minutes off.
        return abs(self._now() - seen) > 600


class TokenAuth(Auth):
    """Sends a token that was given."""

    def __init__(self, token: Token) -> None:
        self._token = token.auth_token

    def __call__(self, request: Any) -> Any:
        request.headers["X-Auth-Token"] = self._token
        return request

    def renew(self, seen: Any, error: CloudError) -> bool:
        # Keystone itself gives no code, and says of every refusal the same.
        if error.code is None:
            error.hint = "The cloud does not accept this token, or no longer: give a fresh auth_token."
        return False


class PasswordAuth(Auth):
    """Logs in at the first request, once for all threads, and once more when the cloud says that the token expired.

    ``session`` is the way to IAM without an identity, and ``scope`` names the account when the login needs it. ``spend`` is told of a login
    with a code before it is sent, and raises OptionError where the code was sent before.
    """

    def __init__(
        self,
        password: Password,
        session: Session,
        scope: Callable[[], str | None],
        spend: Callable[[Password], None] = lambda _password: None,
    ) -> None:
        self._password = password
        self._session = session
        self._scope = scope
        self._spend = spend
        self._lock = threading.Lock()
        self._token: str | None = None
        self._failure: CloudError | None = None
        self.user: dict[str, Any] = {}

    def __call__(self, request: Any) -> Any:
        request.headers["X-Auth-Token"] = self._token
        return request

    def prepare(self) -> str:
        with self._lock:
            if self._failure is not None:
                # A refused login is not tried again by the other threads: repeated failures lock the user.
                raise self._failure
            if self._token is None:
                scope = self._scope()
                if self._password.passcode:
                    self._spend(self._password)
                try:
                    self._token, self.user = log_in(self._session, self._password, scope)
                except CloudError as error:
                    if error.status is not None:
                        self._failure = error
                    raise
            return self._token

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


def log_in(
    session: Session, password: Password, domain_name: str | None, code: Callable[[], str] | None = None
) -> tuple[str, dict[str, Any]]:
    """Obtain a token (CLOUD_API 4). Returns it and what the cloud says of the user (``id``, ``name``, ``domain``; may be empty). Raises CloudError.

    ``code`` gives the TOTP code at the moment of sending, instead of the password's ``passcode``.
    """
    known: dict[str, Any] = (
        {"id": password.user_id} if password.user_id else {"name": password.username, "domain": {"name": password.domain_name}}
    )

    def body() -> dict[str, Any]:
        identity: dict[str, Any] = {"methods": ["password"], "password": {"user": {**known, "password": password.password}}}
        passcode = code() if code else password.passcode
        if passcode:
            identity["methods"] = ["password", "totp"]
            identity["totp"] = {"user": {**known, "passcode": passcode}}
        auth: dict[str, Any] = {"identity": identity}
        if domain_name:
            auth["scope"] = {"domain": {"name": domain_name}}
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
            error.hint = _login_hint(error, with_code, by_id=bool(password.user_id))
        raise
    token = reply.headers.get("X-Subject-Token")
    if not token:
        raise CloudError(
            "the login succeeded without a token in X-Subject-Token: is the endpoint really IAM?",
            status=reply.status,
            call="POST /v3/auth/tokens",
        )
    described = reply.document.get("token") if isinstance(reply.document, dict) else None
    user = described.get("user") if isinstance(described, dict) else None
    return token, user if isinstance(user, dict) else {}


_METHODS = {"password", "totp"}
_NOT_TOLD = "; a user who is locked or disabled gets the same answer."


def wants_code(error: CloudError) -> bool:
    """Whether a login was refused for the want of a TOTP code, which only a user with a bound device is asked for (CLOUD_API 4).

    The clouds say so in their message, and Keystone in its list of wanted methods, which makes the message.
    """
    return error.status == 401 and "totp" in error.message.lower()


def _login_hint(error: CloudError, with_code: bool, by_id: bool) -> str | None:
    if error.has_code("0061"):
        return None
    if error.login_rules and not any(set(rule) <= _METHODS for rule in error.login_rules):
        return "The password was right, but this collection logs in with a password and a code only: give auth_token instead."
    if wants_code(error):
        if with_code and not by_id:
            return "A login with a code names its user by auth_user_id, not by auth_username."
        if with_code:
            return "The code was refused: each code works once, and only in its 30 s."
        return "This account asks for a code of its MFA device: give auth_user_id and auth_passcode."
    # Keystone says the same of a wrong password, a wrong code, and of a user who is locked, disabled or has no role.
    if with_code:
        return "Check the user, auth_password, auth_domain_name and auth_passcode (each code works once, and only in its 30 s)" + _NOT_TOLD
    return "Check the user, auth_password and auth_domain_name" + _NOT_TOLD
