# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A token that somebody else obtained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from ansible_collections.hwc.mfa.plugins.module_utils._auth.base import (
    NO_ACCOUNT,
    Account,
    Auth,
    Credentials,
    Source,
    Surroundings,
    digest_of,
)
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.iam import Iam


@dataclass(frozen=True)
class Token(Credentials):
    """A token that somebody else obtained."""

    auth_token: str = field(repr=False)
    account: Account = NO_ACCOUNT

    label: ClassVar[str] = "auth_token"
    variables: ClassVar[Mapping[str, tuple[str, ...]]] = {"auth_token": ("HW_AUTH_TOKEN", "OS_TOKEN")}
    telling: ClassVar[tuple[str, ...]] = ("auth_token",)
    secrets: ClassVar[tuple[str, ...]] = ("auth_token",)

    @classmethod
    def whole_in(cls, source: Source) -> bool:
        return source.value("auth_token") is not None

    @classmethod
    def build(cls, source: Source) -> Token:
        return cls(source.needed("auth_token", "a token"), source.account(follow_environment=not source.given("auth_token")))

    def identity(self, around: Surroundings) -> TokenAuth:
        return TokenAuth(self)

    @property
    def digest(self) -> str:
        return digest_of("auth_token", self.auth_token)

    def caller(self, iam: Iam, auth: Auth) -> Mapping[str, str | None] | None:
        user = iam.token_user(self.auth_token)
        return {"user_id": user.get("id"), "name": user.get("name")} if user.get("id") else None


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
