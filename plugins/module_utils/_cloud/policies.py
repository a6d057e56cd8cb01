# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An account's policies as methods, one per endpoint (docs/dev/cloud_api.md, section 8). What to set, and by which API, is decided elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.transport import Reply, Session, path_of


class Policies:
    """The endpoints of IAM about policies of the whole account, for one identity.

    A policy is read as the whole object, with fields that this collection does not know, and written so: whether a PUT keeps the fields
    that it does not give is not documented.
    """

    def __init__(self, session: Session) -> None:
        self.session = session

    def login_policy(self, domain_id: str) -> dict[str, Any]:
        """``GET /v3.0/OS-SECURITYPOLICY/domains/{domain_id}/login-policy``."""
        return _policy(self.session.read("GET", _path(domain_id, "login-policy")), "login_policy")

    def set_login_policy(self, domain_id: str, policy: Mapping[str, Any]) -> None:
        """``PUT`` to the same path."""
        self.session.write("PUT", _path(domain_id, "login-policy"), body={"login_policy": dict(policy)})

    def login_policy_v5(self) -> dict[str, Any]:
        """``GET /v5/login-policy``, which has the addresses from where logins are allowed beside the rest."""
        return _policy(self.session.read("GET", "/v5/login-policy"), "login_policy")

    def set_login_policy_v5(self, policy: Mapping[str, Any]) -> None:
        """``PUT /v5/login-policy``: the fields themselves, without the name around them that the answers have."""
        self.session.write("PUT", "/v5/login-policy", body=dict(policy))

    def protect_policy(self, domain_id: str) -> dict[str, Any]:
        """``GET /v3.0/OS-SECURITYPOLICY/domains/{domain_id}/protect-policy``; ``operation_protection`` is always there."""
        reply = self.session.read("GET", _path(domain_id, "protect-policy"))
        if not isinstance(reply.field("protect_policy", "operation_protection"), bool):
            raise reply.error("the answer's operation_protection is neither true nor false")
        return _policy(reply, "protect_policy")

    def set_protect_policy(self, domain_id: str, policy: Mapping[str, Any]) -> None:
        """``PUT`` to the same path. Its answer lacks fields, so read again."""
        self.session.write("PUT", _path(domain_id, "protect-policy"), body={"protect_policy": dict(policy)})


def _path(domain_id: str, name: str) -> str:
    return path_of("v3.0", "OS-SECURITYPOLICY", "domains", domain_id, name)


def _policy(reply: Reply, name: str) -> dict[str, Any]:
    policy = reply.field(name)
    if not isinstance(policy, dict):
        # Taken for empty, it would be written back with all other fields lost.
        raise reply.error(f"the answer's {name} has another form than the API documents")
    return policy
