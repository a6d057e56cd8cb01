# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""STS as methods, one per endpoint (docs/dev/cloud_api.md, section 8). Huawei Cloud only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.temporary_key import TemporaryKey, temporary_key
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import legible
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.transport import Session

_LONGEST_MESSAGE = 2000


@dataclass(frozen=True)
class CallerIdentity:
    """Whom a call comes from; None where the cloud does not say."""

    account_id: str | None
    principal_id: str | None
    principal_urn: str | None


class Sts:
    """The endpoints of STS for one identity."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def caller_identity(self) -> CallerIdentity:
        """``GET /v5/caller-identity``; it answers temporary keys too. Raises CloudError, also where the answer has another form."""
        reply = self.session.read("GET", "/v5/caller-identity")
        document = reply.document if isinstance(reply.document, dict) else {}
        values = [document.get(name) for name in ("account_id", "principal_id", "principal_urn")]
        if all(value is None for value in values) or not all(value is None or isinstance(value, str) for value in values):
            raise reply.error("the answer does not say whom the call comes from, in the form that the API documents")
        return CallerIdentity(*values)

    def agency_key(self, agency_urn: str, seconds: int, terms: Mapping[str, str]) -> TemporaryKey:
        """``POST /v5/agencies/assume``: a temporary key of an agency. ``terms`` may be ``external_id``, ``serial_number``, ``token_code``.

        A code works once, so what carries one is sent once. Raises CloudError.
        """
        body = {"agency_urn": agency_urn, "agency_session_name": "hwc.mfa", "duration_seconds": seconds, **terms}
        send = self.session.write if "token_code" in terms else self.session.read
        reply = send("POST", "/v5/agencies/assume", body=body)
        return temporary_key(reply, "credentials", ("access_key_id", "secret_access_key", "security_token", "expiration"))

    def decoded_message(self, encoded: str) -> str:
        """``POST /v5/decode-authorization-message``: what a refusal's ``encoded_authorization_message`` says, a JSON text. Raises CloudError."""
        reply = self.session.read("POST", "/v5/decode-authorization-message", body={"encoded_message": encoded})
        return legible(str(reply.field("decoded_message")), _LONGEST_MESSAGE)
