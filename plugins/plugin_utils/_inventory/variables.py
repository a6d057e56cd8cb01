# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables of a host that is an account. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._auth.agency import OPTION as AGENCY
from ansible_collections.hwc.mfa.plugins.module_utils._auth.credentials import SECRETS
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import OptionError
from ansible_collections.hwc.mfa.plugins.plugin_utils._inventory.accounts import Account

AUTH = "mfa_rollout_auth"
FROM_ENVIRONMENT = "mfa_rollout_auth_from_environment"
ACCOUNT_ID = "mfa_rollout_account_id"

_CARRIED = (
    "region",
    "cloud",
    "iam_endpoint",
    "identity_center_endpoint",
    "sts_endpoint",
    "signature",
    "validate_certs",
    "ca_path",
)
"""The options of the inventory that its hosts need as well, and that hold no secret."""

_CODE = ("serial_number", "token_code")
_OF_ANSIBLE = "__ansible"
_TEMPLATE = re.compile(r"\{\{.*\}\}", re.DOTALL)


def described(account: Account) -> dict[str, Any]:
    """What is known of an account. All of it is text of others, and must never be taken for a template."""
    tags = account.tags or {}
    return {
        "account_id": account.id,
        "account_name": account.name,
        "account_urn": account.urn,
        "account_status": account.status,
        "account_join_method": account.join_method,
        "account_joined_at": account.joined_at,
        "account_description": account.description,
        "account_unit": account.unit.name if account.unit else "",
        "account_unit_id": account.unit.id if account.unit else "",
        "account_unit_path": account.unit.path if account.unit else "",
        # Ansible gives such keys a meaning of its own where an inventory is written as JSON.
        "account_tags": {key: value for key, value in tags.items() if not key.startswith(_OF_ANSIBLE)},
        "account_is_management": account.is_management,
    }


def access(account: Account, options: Mapping[str, Any], agency_name: str, more: Mapping[str, Any]) -> dict[str, Any]:
    """The variables with which the role reaches an account. ``options`` are the inventory's own, ``more`` is what the user adds to each host.

    The account of the credentials themselves is reached without an agency, and may take credentials of the environment as they are. The role stops
    where it reaches another account than the host's.
    """
    auth = {name: options[name] for name in _CARRIED if options.get(name) is not None}
    if auth.get("signature") == "plain":
        del auth["signature"]
    agency = None if account.is_caller else {"agency_name": agency_name, "domain_id": account.id}
    own = {name: value for name, value in (options.get(AGENCY) or {}).items() if value and name not in _CODE}
    if account.is_acting and not account.is_caller and own:
        # The inventory itself is read through an agency of this account.
        agency = own
    auth.update({name: value for name, value in more.items() if name != AGENCY})
    if agency is not None:
        auth[AGENCY] = {**(more.get(AGENCY) or {}), **agency}
    return {ACCOUNT_ID: account.id, AUTH: auth, **({FROM_ENVIRONMENT: True} if account.is_caller else {})}


def check_addition(more: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    """Raise OptionError where ``account_auth`` has what is no option of the modules, or a secret that is no template."""
    unknown = next((name for name in more if name not in known), None)
    if unknown is not None:
        raise OptionError(f"account_auth.{unknown} is no option of the modules: look at the shared options in their documentation.")
    for name in more:
        if name in SECRETS and not (isinstance(more[name], str) and _TEMPLATE.search(more[name])):
            raise OptionError(
                f"account_auth.{name} holds a secret, which everybody would see in the inventory: write a template of a variable, such as"
                f' "{{{{ hub_{name} }}}}", and set that variable in group_vars, encrypted.'
            )
    agency = more.get(AGENCY)
    if agency is not None and (not isinstance(agency, Mapping) or set(agency) - {"duration"}):
        raise OptionError(f"account_auth.{AGENCY} takes duration only: the inventory says which agency of which account it is.")
