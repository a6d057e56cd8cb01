# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""IAM Identity Center as methods, one per endpoint (docs/dev/cloud_api.md, section 1). No policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.listing import entries, marked_pages
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.transport import Session, path_of

_PAGE = 100


@dataclass(frozen=True)
class Instance:
    """An instance of Identity Center; an account has at most one."""

    instance_id: str
    identity_store_id: str
    alias: str | None = None


class IdentityCenter:
    """The endpoints of Identity Center for one identity."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def instances(self) -> list[Instance]:
        """``GET /v1/instances``, all pages."""
        pages = marked_pages(self.session, "/v1/instances", "instances", [], "instance_id", "identity_store_id", limit=_PAGE)
        return [
            Instance(str(entry["instance_id"]), str(entry["identity_store_id"]), entry.get("alias")) for page in pages for entry in page
        ]

    def registered_regions(self) -> list[str]:
        """``GET /v1/registered-regions``: where the instance and its identity store are."""
        reply = self.session.read("GET", "/v1/registered-regions")
        return [str(entry["region_id"]) for entry in entries(reply, "regions", "region_id")]

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
            raise reply.error("the answer's sso_configuration has another form than the API documents")
        return configuration

    def set_sso_configuration(self, instance_id: str, configuration: dict[str, Any]) -> None:
        """``POST`` to the same path, the whole object: whether a partial one keeps the other fields is not documented."""
        body = {"sso_configuration": configuration, "configuration_type": "APP_AUTHENTICATION_CONFIGURATION"}
        self.session.write("POST", path_of("v1", "instances", instance_id, "sso-configuration"), body=body)
