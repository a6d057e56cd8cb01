# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An account's operation protection: read, compare, merge, write what differs, read again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import OptionError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.policies import Policies
from ansible_collections.hwc.mfa.plugins.module_utils._modules.convergence import converge
from ansible_collections.hwc.mfa.plugins.module_utils._modules.policies import account_id
from ansible_collections.hwc.mfa.plugins.module_utils._runner.context import Context
from ansible_collections.hwc.mfa.plugins.module_utils._runner.definition import Definition
from ansible_collections.hwc.mfa.plugins.module_utils._runner.options import AUTH_SPEC

ALLOW_USER = "allow_user"
ALLOWANCES = ("manage_accesskey", "manage_email", "manage_mobile", "manage_password")
SCENES = ["mobile", "email"]

OPTIONS: dict[str, dict[str, Any]] = {
    "operation_protection": {"type": "bool"},
    "admin_check": {"type": "str", "choices": ["on", "off"]},
    "scene": {"type": "str", "choices": SCENES},
    "mobile": {"type": "str"},
    "email": {"type": "str"},
    ALLOW_USER: {"type": "dict", "options": {name: {"type": "bool"} for name in ALLOWANCES}},
}
"""The settings, by the cloud's names."""

_FORMS = {
    "mobile": (re.compile(r"[0-9]{1,8}-[0-9]{3,32}", re.ASCII), "a country code and a number, such as 0086-123456789"),
    "email": (re.compile(r"[^@\s]+@[^@\s]+"), "an e-mail address"),
}


def settings(policy: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a policy as the cloud shows it; what it does not show is None."""
    allowed = _allowances(policy)
    return {
        **{name: None if policy.get(name) == "" else policy.get(name) for name in OPTIONS},
        ALLOW_USER: {name: allowed.get(name) for name in ALLOWANCES},
    }


def _allowances(policy: Mapping[str, Any]) -> dict[str, Any]:
    shown = policy.get(ALLOW_USER)
    return {name: value for name, value in shown.items() if value is not None} if isinstance(shown, dict) else {}


def differences(now: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What of ``wanted`` is not yet so, of ``allow_user`` only the parts that are not. An option that is None is left alone."""
    todo = {name: value for name, value in wanted.items() if name != ALLOW_USER and value is not None and now[name] != value}
    allowed = {
        name: value for name, value in (wanted.get(ALLOW_USER) or {}).items() if value is not None and now[ALLOW_USER][name] != value
    }
    return {**todo, ALLOW_USER: allowed} if allowed else todo


def merged(policy: Mapping[str, Any], todo: Mapping[str, Any]) -> dict[str, Any]:
    """The whole policy with the differences in it: nothing that others set gets lost. What is empty was never set, and is not sent."""
    kept = {name: value for name, value in policy.items() if value not in (None, "")}
    allowed = {**_allowances(policy), **todo.get(ALLOW_USER, {})}
    return {**kept, **todo, **({ALLOW_USER: allowed} if allowed else {})}


def check(wanted: Mapping[str, Any]) -> None:
    """Raise OptionError for a number or an address that is none."""
    for name, (form, example) in _FORMS.items():
        if wanted.get(name) is not None and not form.fullmatch(wanted[name]):
            raise OptionError(f"{name} must be {example}.")


def refuse_incomplete(whole: Mapping[str, Any], todo: Mapping[str, Any]) -> None:
    """Raise OptionError where nobody could confirm an operation: then all administrators are locked out of those that matter.

    While protection is off the cloud does not take such a check either. Only what ``todo`` sets is then refused: who is locked out must be
    able to switch protection off.
    """
    if whole.get("admin_check") != "on":
        return
    if whole["operation_protection"] is not True and not {"admin_check", "scene"} & todo.keys():
        return
    scene = whole.get("scene")
    if scene not in SCENES:
        raise OptionError(
            "scene is missing: with admin_check=on somebody else confirms operations, so give scene=mobile and mobile, or scene=email and email."
        )
    if not whole.get(scene):
        raise OptionError(f"{scene} is missing: with admin_check=on and scene={scene} codes are sent there, and there is none yet.")


def _result(shown: Mapping[str, Any], changed: bool) -> dict[str, Any]:
    return {"changed": changed, "protect_policy": dict(shown)}


def _after(before: Mapping[str, Any], todo: Mapping[str, Any]) -> dict[str, Any]:
    return {**before, **todo, ALLOW_USER: {**before[ALLOW_USER], **todo.get(ALLOW_USER, {})}}


def work_protection(context: Context) -> dict[str, Any]:
    """The work of ``iam_operation_protection``."""
    wanted = {name: context.params[name] for name in OPTIONS}
    check(wanted)
    policies, domain_id = Policies(context.iam.session), account_id(context)
    policy = policies.protect_policy(domain_id)
    before = settings(policy)
    todo = differences(before, wanted)
    after = _after(before, todo)
    if todo:
        refuse_incomplete(merged(policy, todo), todo)
    if todo and not context.check_mode:

        def write(seen: Mapping[str, Any]) -> None:
            lacking = differences(settings(seen), wanted)
            whole = merged(seen, lacking)
            refuse_incomplete(whole, lacking)
            policies.set_protect_policy(domain_id, whole)

        policy = converge(
            context,
            policy,
            read=lambda: policies.protect_policy(domain_id),
            write=write,
            lacking=lambda seen: differences(settings(seen), wanted),
        )
        after = settings(policy)
    result = _result(after, bool(todo))
    if context.diff:
        result["diff"] = {"before": before, "after": after}
    return result


def work_info(context: Context) -> dict[str, Any]:
    """The work of ``iam_operation_protection_info``."""
    return _result(settings(Policies(context.iam.session).protect_policy(account_id(context))), False)


OPERATION_PROTECTION = Definition(argument_spec={**AUTH_SPEC, **OPTIONS}, work=work_protection)

OPERATION_PROTECTION_INFO = Definition(argument_spec=AUTH_SPEC, work=work_info)
