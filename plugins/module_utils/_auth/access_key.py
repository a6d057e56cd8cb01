# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Access keys (AK/SK), permanent or temporary, and the signature SDK-HMAC-SHA256 that they become."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Callable, ClassVar
from urllib.parse import parse_qsl, unquote, urlsplit

from ansible_collections.hwc.mfa.plugins.module_utils._auth.base import (
    NO_ACCOUNT,
    Account,
    Auth,
    Credentials,
    Source,
    Surroundings,
    digest_of,
    header_safe,
)
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.iam import Iam
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.transport import encode, query_of

_ALGORITHM = "SDK-HMAC-SHA256"


@dataclass(frozen=True)
class AccessKey(Credentials):
    """AK/SK, with ``security_token`` where they are temporary."""

    access_key: str
    secret_key: str = field(repr=False)
    security_token: str | None = field(default=None, repr=False)
    account: Account = NO_ACCOUNT

    label: ClassVar[str] = "access_key/secret_key"
    variables: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "access_key": ("HW_ACCESS_KEY", "HUAWEICLOUD_SDK_AK", "OS_ACCESS_KEY"),
        "secret_key": ("HW_SECRET_KEY", "HUAWEICLOUD_SDK_SK", "OS_SECRET_KEY"),
        "security_token": ("HW_SECURITY_TOKEN", "HUAWEICLOUD_SDK_SECURITY_TOKEN", "OS_SECURITY_TOKEN"),
    }
    telling: ClassVar[tuple[str, ...]] = ("access_key", "secret_key", "security_token")
    secrets: ClassVar[tuple[str, ...]] = ("secret_key", "security_token")
    bearer: ClassVar[bool] = False

    @classmethod
    def whole_in(cls, source: Source) -> bool:
        return source.value("access_key") is not None and source.value("secret_key") is not None

    @classmethod
    def build(cls, source: Source) -> AccessKey:
        # A security token and an account belong to the very keys that they came with: the environment's never join keys given as options.
        follow = not source.given("access_key")
        token = source.value("security_token", follow_environment=follow)
        return cls(
            source.needed("access_key", "secret_key"),
            source.needed("secret_key", "access_key"),
            header_safe(token, "security_token") if token else None,
            source.account(follow),
        )

    def identity(self, around: Surroundings) -> SignatureAuth:
        return SignatureAuth(self, around.session.clock.now, around.account_id, around.signing_region)

    def first_identity(self, around: Surroundings) -> SignatureAuth:
        return SignatureAuth(self, around.session.clock.now, region=around.signing_region)

    @property
    def digest(self) -> str:
        return digest_of("access_key", self.access_key)

    def caller(self, iam: Iam, auth: Auth) -> Mapping[str, str | None] | None:
        return {"user_id": iam.access_key_user(self.access_key), "name": None}


def canonical_request(method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> tuple[str, str]:
    """The canonical request and the list of signed headers (docs/dev/cloud_api.md, section 4).

    ``path`` and ``query`` are given as they are sent, and every header is signed.
    """
    uri = "/".join(encode(unquote(segment)) for segment in path.split("/"))
    if not uri.endswith("/"):
        uri += "/"
    canonical_query = query_of(parse_qsl(query, keep_blank_values=True))
    lowered = sorted((name.lower(), value.strip()) for name, value in headers.items())
    signed = ";".join(name for name, _value in lowered)
    lines = "".join(f"{name}:{value}\n" for name, value in lowered)
    text = "\n".join((method.upper(), uri, canonical_query, lines, signed, hashlib.sha256(body).hexdigest()))
    return text, signed


def signature(secret_key: str, date: str, canonical: str, scope: str | None = None) -> str:
    """The hex signature of a canonical request; ``date`` is the X-Sdk-Date, ``YYYYMMDDTHHMMSSZ``.

    With a ``scope``, as ``signing_scope`` makes it, it is the one with a derived key.
    """
    digest = hashlib.sha256(canonical.encode("utf-8")).hexdigest()
    if scope is None:
        return _hmac(secret_key.encode("utf-8"), "\n".join((_ALGORITHM, date, digest))).hex()
    key = f"SDK{secret_key}".encode()
    for part in scope.split("/"):
        key = _hmac(key, part)
    return _hmac(key, "\n".join((_ALGORITHM, date, scope, digest))).hex()


def signing_scope(date: str, region: str) -> str:
    """What a derived key is good for: a day, a region, a service. The vendors' clients name no service, and not always a region."""
    return f"{date[:8]}/{region}//sdk_request"


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode("utf-8"), hashlib.sha256).digest()


class SignatureAuth(Auth):
    """Signs each request with AK/SK, on the server's clock.

    ``domain_id`` is asked at the first request for the account's id, to be sent along; ``project_id`` is sent to services of a project.
    With a ``region``, perhaps an empty one, each request is signed with a key derived for it.
    """

    def __init__(
        self,
        key: AccessKey,
        now: Callable[[], float] = time.time,
        domain_id: Callable[[], str | None] = lambda: None,
        region: str | None = None,
        project_id: str | None = None,
    ) -> None:
        self._key = key
        self._now = now
        self._domain_id = domain_id
        self._region = region
        self._project_id = project_id

    def __call__(self, request: Any) -> Any:
        domain_id = self._domain_id()
        date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self._now()))
        request.headers["X-Sdk-Date"] = date
        if domain_id:
            request.headers["X-Domain-Id"] = domain_id
        if self._project_id:
            request.headers["X-Project-Id"] = self._project_id
        if self._key.security_token:
            request.headers["X-Security-Token"] = self._key.security_token
        url = urlsplit(request.url)
        signable = ("Content-Type", "Host", "X-Domain-Id", "X-Project-Id", "X-Sdk-Date", "X-Security-Token")
        names = [name for name in signable if name in request.headers]
        canonical, signed = canonical_request(
            request.method, url.path, url.query, {name: request.headers[name] for name in names}, request.body or b""
        )
        scope = None if self._region is None else signing_scope(date, self._region)
        whose = f"Access={self._key.access_key}" if scope is None else f"Credential={self._key.access_key}/{scope}"
        request.headers["Authorization"] = (
            f"{_ALGORITHM} {whose}, SignedHeaders={signed}, Signature={signature(self._key.secret_key, date, canonical, scope)}"
        )
        return request

    def prepare(self) -> float:
        self._domain_id()
        return self._now()

    def renew(self, seen: float, error: CloudError) -> bool:
        # The refusal itself told the server's time; a signature is refused when it is 15 minutes off.
        return abs(self._now() - seen) > 600  # equivalent: any limit between a small correction of the clock and those 15 minutes will do
