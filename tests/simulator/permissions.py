# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action that a policy must allow for each call, for users whose actions a test lists in `cloud.allowed`.

The names are those of docs/dev/cloud_api.md, section 8.
"""

from __future__ import annotations

from typing import Protocol

ACTIONS = {
    "create": "iam:mfa:createVirtualMFADevice",
    "list-devices": "iam:mfa:listVirtualMFADevices",
    "delete": "iam:mfa:deleteVirtualMFADevice",
    "bind": "iam:mfa:bindMFADevice",
    "unbind": "iam:mfa:unbindMFADevice",
    "get-device": "iam:mfa:getVirtualMFADevice",
    "login-protect-get": "iam:users:getUserLoginProtect",
    "login-protect-put": "iam:users:setUserLoginProtect",
    "login-protect-list": "iam:users:listUserLoginProtects",
    "user": "iam:users:getUser",
    "users": "iam:users:listUsers",
    "groups": "iam:groups:listGroups",
    "group-users": "iam:users:listUsersForGroup",
    "assume": "iam:tokens:assume",
    "login-policy-get": "iam:securitypolicies:getLoginPolicy",
    "protect-policy-get": "iam:securitypolicies:getProtectPolicy",
    "protect-policy-put": "iam:securitypolicies:updateProtectPolicy",
    "v5-create": "iam:mfa:createVirtualMFADeviceV5",
    "v5-delete": "iam:mfa:deleteVirtualMFADeviceV5",
    "v5-enable": "iam:mfa:enableV5",
    "v5-disable": "iam:mfa:disableV5",
    "v5-list": "iam:mfa:listMFADevicesV5",
    "v5-users": "iam:users:listUsersV5",
    "v5-login-profile": "iam:users:showLoginProfileV5",
    "v5-last-login": "iam:users:showUserLastLoginV5",
    "v5-login-policy-get": "iam:securitypolicies:getLoginPolicyV5",
    "v5-login-policy-put": "iam:securitypolicies:updateLoginPolicyV5",
    "decode-message": "sts::decodeAuthorizationMessage",
    "ic-instances": "IdentityCenter:instance:list",
    "ic-get-mfa": "IdentityCenter:mfaDevices:describeManagementSettings",
    "ic-set-mfa": "IdentityCenter:mfaDevices:updateManagementSettings",
    "ic-set-sso": "IdentityCenter:ssoConfiguration:update",
    "ic-devices": "IdentityCenter:user:listMfaDevice",
    "ic-device-delete": "IdentityCenter:user:deleteUserMfaDevice",
    "ic-device-register": "IdentityCenter:user:registerVirtualMfaDevice",
    "ic-regions": "IdentityCenter:instance:describeRegisteredRegions",
    "ic-users": "IdentityCenter:user:list",
    "ic-user": "IdentityCenter:user:describe",
    "ic-sessions": "IdentityCenter:user:listSessions",
    "ic-sessions-end": "IdentityCenter:user:batchDeleteSession",
    "org-show": "organizations:organizations:get",
    "org-roots": "organizations:roots:list",
    "org-units": "organizations:ous:list",
    "org-accounts": "organizations:accounts:list",
    "org-tags": "organizations:tags:list",
}

FREE = frozenset({"domains", "login", "token", "caller-identity"})
"""Calls that everybody may make, who they are."""


class Named(Protocol):
    """A route, as far as it matters here."""

    @property
    def method(self) -> str:
        """Of HTTP."""

    @property
    def pattern(self) -> str:
        """Its path, with {} for each id."""

    @property
    def name(self) -> str:
        """As README.md lists it."""


def action_of(route: Named) -> str | None:
    """The action that a call needs; None: everybody may make it. A call whose action no source names is its own."""
    if route.name in FREE:
        return None
    return ACTIONS.get(route.name) or f"{route.method} {route.pattern.replace('{}', '...')}"


def refuses(allowed: frozenset[str] | None, route: Named) -> bool:
    """Whether a user with these actions may not make a call; None: nobody has listed the user's actions."""
    action = action_of(route)
    return allowed is not None and action is not None and action not in allowed
