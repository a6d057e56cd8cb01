# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""IAM Identity Center as methods, one per endpoint (CLOUD_API 1). No policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.transport import Session, path_of


@dataclass(frozen=True)
class Instance:
    """An instance of Identity Center; an account has one."""

    instance_id: str
    identity_store_id: str
    alias: str | None = None


class IdentityCenter:
    """The endpoints of Identity Center for one identity."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def instances(self) -> list[Instance]:
        """``GET /v1/instances``, all pages."""
        found: list[Instance] = []
        marker: str | None = None
        seen = set()
        while True:
            reply = self.session.read("GET", "/v1/instances", [("limit", "100")] + ([("marker", marker)] if marker else []))
            entries = reply.field("instances")
            if not isinstance(entries, list) or not all(
                isinstance(e, dict) and "instance_id" in e and "identity_store_id" in e for e in entries
            ):
                raise CloudError("the answer's list instances has another form than the API documents", status=reply.status)
            found += [Instance(str(e["instance_id"]), str(e["identity_store_id"]), e.get("alias")) for e in entries]
            page = reply.document.get("page_info")
            following = page.get("next_marker") if isinstance(page, dict) else None
            if not following or str(following) in seen:
                return found
            marker = str(following)
            seen.add(marker)

    def mfa_management(self, instance_id: str) -> tuple[str | None, str | None]:
        """``GET .../mfa-devices/management-settings`` as (identity store id, user permission)."""
        reply = self.session.read("GET", path_of("v1", "instances", instance_id, "mfa-devices", "management-settings"))
        document = reply.document if isinstance(reply.document, dict) else {}
        return document.get("identity_store_id"), reply.field("user_permission")

    def set_mfa_management(self, instance_id: str, identity_store_id: str, user_permission: str) -> None:
        """``POST`` to the same path; both fields are required."""
        body = {"identity_store_id": identity_store_id, "user_permission": user_permission}
        self.session.write("POST", path_of("v1", "instances", instance_id, "mfa-devices", "management-settings"), body=body)

    def sso_configuration(self, instance_id: str) -> dict[str, Any]:
        """``GET .../sso-configuration``: the whole object, with fields that this collection does not know."""
        reply = self.session.read("GET", path_of("v1", "instances", instance_id, "sso-configuration"))
        configuration = reply.field("sso_configuration")
        if not isinstance(configuration, dict):
            # Taken for empty, it would be written back with all other fields lost.
            raise CloudError("the answer's sso_configuration has another form than the API documents", status=reply.status)
        return configuration

    def set_sso_configuration(self, instance_id: str, configuration: dict[str, Any]) -> None:
        """``POST`` to the same path, the whole object: whether a partial one keeps the other fields is not documented."""
        body = {"sso_configuration": configuration, "configuration_type": "APP_AUTHENTICATION_CONFIGURATION"}
        self.session.write("POST", path_of("v1", "instances", instance_id, "sso-configuration"), body=body)
