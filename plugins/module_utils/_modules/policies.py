# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules of an account's policies share: which account it is."""

from __future__ import annotations

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError, OptionError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.transport import check_id
from ansible_collections.hwc.mfa.plugins.module_utils._runner.connections import NOT_OFFERED
from ansible_collections.hwc.mfa.plugins.module_utils._runner.context import Context


def account_id(context: Context) -> str:
    """The id of the account that the module works on, which v3.0 has in its paths.

    Raises OptionError where nothing tells it, and CloudError where the question is refused, or comes to nothing.
    """
    told = context.credentials.account.id if context.credentials is not None else None
    found = context.connections.account()["id"] or told
    if not found:
        _ask_again(context)
        raise OptionError("auth_domain_id is missing: the cloud does not tell which account these credentials belong to, so give its id.")
    return check_id(found, "auth_domain_id")


def _ask_again(context: Context) -> None:
    """Raise CloudError where the cloud does not answer which account this is. With wrong credentials the id alone would help nobody."""
    try:
        context.connections.first_iam().own_domains()
    except CloudError as error:
        if error.status in NOT_OFFERED:
            without = "With the id of the account, this is not asked: give auth_domain_id."
            error.hint = f"{error.advice} {without}" if error.advice else without
        raise
