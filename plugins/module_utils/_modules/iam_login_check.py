# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether users can log in with password and code: the work of ``iam_login_check``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._auth.credentials import resolve_item
from ansible_collections.hwc.mfa.plugins.module_utils._auth.password import Password, log_in
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError, OptionError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.totp import STEP
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.transport import check_id
from ansible_collections.hwc.mfa.plugins.module_utils._modules.bulk import summarize
from ansible_collections.hwc.mfa.plugins.module_utils._modules.codes import Codes
from ansible_collections.hwc.mfa.plugins.module_utils._modules.directory import Named
from ansible_collections.hwc.mfa.plugins.module_utils._runner.context import Context
from ansible_collections.hwc.mfa.plugins.module_utils._runner.definition import Definition
from ansible_collections.hwc.mfa.plugins.module_utils._runner.options import AUTH_SPEC, FLEET_SPEC, ITEM_AUTH_SPEC, ONE_USER, USER_SPEC

_CODE_NOT_SEEN = (
    "the login succeeded with the password alone: the cloud did not look at the code, so that this is no proof of the device and its seed"
)
_WHY_NOT_SEEN = "A cloud may ask for codes only where a device is bound and login protection is on: check both."


class _Prover:
    """What the items of one run share."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.session = context.connections.iam_session()

    def wait_for_new_codes(self) -> None:
        """Let a step of 30 s begin, on the server's clock: its codes cannot have been sent by anybody before.

        How far that clock can be trusted is considered where a code is made.
        """
        self.context.http.sleep(STEP - self.session.clock.now() % STEP)

    def log_in(self, item: Mapping[str, Any]) -> dict[str, Any]:
        check_id(item["user_id"], "user_id")
        if bool(item["seed"]) == bool(item["auth_passcode"]):
            raise OptionError("exactly one of seed and auth_passcode must be given for each user.")
        own = resolve_item(item, item["user_id"], self.context.connections.account_name())
        if not isinstance(own, Password):
            raise OptionError("auth_password must be given for each user.")
        self.context.connections.refuse_unnamed(own)
        codes = Codes({"seed": item["seed"]}, needed=True) if item["seed"] else None  # equivalent: there is a seed, so nothing is missing
        login = log_in(
            self.session,
            own,
            own.account,
            None if codes is None else lambda: codes.current(self.session.clock, self.context.http.sleep),
        )
        if login.proves_no_code:
            error = CloudError(_CODE_NOT_SEEN, call="POST /v3/auth/tokens")
            error.hint = _WHY_NOT_SEEN
            raise error
        return {"user_id": item["user_id"], "logged_in": True, "changed": False}


def work_login(context: Context) -> dict[str, Any]:
    """The work of ``iam_login_check``."""
    named = Named(context, context.params["users"])
    prover = _Prover(context)
    if any(item["seed"] for item in named.resolved):
        context.connections.know_the_time()
        if context.params["new_codes"]:
            prover.wait_for_new_codes()
    outcomes = named.reconcile(
        prover.log_in,
        lambda item: {"user_id": item["user_id"], "logged_in": False, "changed": False},
    )
    return summarize(outcomes, "users", "users")


LOGIN_CHECK = Definition(
    argument_spec={
        **AUTH_SPEC,
        **FLEET_SPEC,
        "users": {
            "type": "list",
            "elements": "dict",
            "required": True,
            "options": {
                **USER_SPEC,
                "seed": {"type": "str", "no_log": True},
                **{name: ITEM_AUTH_SPEC[name] for name in ("auth_password", "auth_domain_name", "auth_domain_id", "auth_passcode")},
            },
            **ONE_USER,
        },
        "new_codes": {"type": "bool", "default": True},
    },
    work=work_login,
    many="users",
)
