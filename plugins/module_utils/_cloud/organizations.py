# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Organizations as methods, one per endpoint (docs/dev/cloud_api.md, section 8). No policy."""

from __future__ import annotations

from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.listing import Entries, Query, marked_pages
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.transport import Session, path_of

_PAGE = 200
"""Entries on a page: what the service gives without a limit. It takes up to 2000."""

_ACCOUNTS = "/v1/organizations/accounts"
_UNITS = "/v1/organizations/organizational-units"
_ROOTS = "/v1/organizations/roots"

_NOT_THIS_ACCOUNT = ("Organizations.1001", "Organizations.1002")


def refuses(error: CloudError) -> bool:
    """Whether an error says that the caller may not ask: the service answers 401 to callers of an account that may not, whoever they are."""
    return error.status == 403 or (error.status == 401 and error.code in _NOT_THIS_ACCOUNT)


class Organizations:
    """The endpoints of Organizations for one identity."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def organization(self) -> dict[str, Any]:
        """``GET /v1/organizations``: the caller's organization, with ``id`` and ``management_account_id``."""
        reply = self.session.read("GET", "/v1/organizations")
        found = reply.field("organization")
        if not isinstance(found, dict) or not isinstance(found.get("management_account_id"), str):
            raise reply.error("the answer's organization has another form than the API documents")
        return found

    def accounts(self, parent_id: str | None = None) -> Entries:
        """``GET /v1/organizations/accounts``, all pages: all accounts, or those that are directly in a root or a unit."""
        return self._all(_ACCOUNTS, "accounts", _under(parent_id), "id", "name", "status")

    def units(self, parent_id: str) -> Entries:
        """``GET /v1/organizations/organizational-units``, all pages: the units that are directly in a root or a unit."""
        return self._all(_UNITS, "organizational_units", _under(parent_id), "id", "name")

    def roots(self) -> Entries:
        """``GET /v1/organizations/roots``, all pages. An organization has one."""
        return self._all(_ROOTS, "roots", [], "id")

    def tags(self, resource_id: str) -> Entries:
        """``GET /v1/organizations/resources/{resource_id}/tags``, all pages: ``key`` and ``value`` of each tag of an account or a unit."""
        return self._all(path_of("v1", "organizations", "resources", resource_id, "tags"), "tags", [], "key", "value")

    def _all(self, path: str, key: str, query: Query, *needed: str) -> Entries:
        return [entry for page in marked_pages(self.session, path, key, query, *needed, limit=_PAGE) for entry in page]


def _under(parent_id: str | None) -> Query:
    return [] if parent_id is None else [("parent_id", parent_id)]
