# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An account's login policy: read, compare, merge, write what differs, read again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Callable

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError, OptionError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.policies import Policies
from ansible_collections.hwc.mfa.plugins.module_utils._modules.convergence import converge
from ansible_collections.hwc.mfa.plugins.module_utils._modules.policies import account_id
from ansible_collections.hwc.mfa.plugins.module_utils._runner.connections import NO_V5
from ansible_collections.hwc.mfa.plugins.module_utils._runner.context import Context
from ansible_collections.hwc.mfa.plugins.module_utils._runner.definition import Definition
from ansible_collections.hwc.mfa.plugins.module_utils._runner.options import AUTH_SPEC

AUTO, V3, V5 = "auto", "v3", "v5"
_LABELS = {V3: "v3.0", V5: "v5"}

OPTIONS: dict[str, dict[str, Any]] = {
    "account_validity_period": {"type": "int"},
    "custom_info_for_login": {"type": "str"},
    "lockout_duration": {"type": "int"},
    "login_failed_times": {"type": "int"},
    "period_with_login_failures": {"type": "int"},
    "session_timeout": {"type": "int"},
    "show_recent_login_info": {"type": "bool"},
}
"""The settings, by the names of v3.0."""

_NAMES_V5 = {"account_validity_period": "user_validity_period"}

_RANGES: dict[str, tuple[int, int, str]] = {
    "account_validity_period": (0, 240, " days"),
    "lockout_duration": (15, 1440, " minutes"),
    "login_failed_times": (3, 10, ""),
    "period_with_login_failures": (15, 60, " minutes"),
    "session_timeout": (15, 1440, " minutes"),
}
_RANGES_V3 = {**_RANGES, "lockout_duration": (15, 30, " minutes with v3.0 of IAM")}

_TEXT = "custom_info_for_login"
_FORBIDDEN_V5 = re.compile(r"[@#%&<>\\$^*]")
_FORBIDDEN_SHOWN = r"@ # % & < > \ $ ^ *"


@dataclass(frozen=True)
class LoginPolicy:
    """The policy as one API shows it: the whole object, with the lists of addresses that v5 has in it."""

    api: str
    shown: Mapping[str, Any]

    def settings(self) -> dict[str, Any]:
        """The settings by the names that the module's options have."""
        settings = {name: self.shown.get(_named(name, self.api)) for name in OPTIONS}
        return {**settings, "custom_info_for_login": settings["custom_info_for_login"] or ""}

    def merged(self, todo: Mapping[str, Any]) -> dict[str, Any]:
        """The whole object with the differences in it: nothing that others set gets lost, and lists of addresses stay as they were read."""
        kept = {name: value for name, value in self.shown.items() if value is not None}
        return {**kept, **{_named(name, self.api): value for name, value in todo.items()}}


def _named(option: str, api: str) -> str:
    return _NAMES_V5.get(option, option) if api == V5 else option


def differences(settings: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What of ``wanted`` is not yet so. An option that is None is left alone."""
    return {name: value for name, value in wanted.items() if value is not None and settings.get(name) != value}


def refusal(api: str, values: Mapping[str, Any]) -> str | None:
    """Why an API, ``v3`` or ``v5``, does not take these values, or None; those that are None are not sent."""
    for name, (least, most, unit) in (_RANGES if api == V5 else _RANGES_V3).items():
        value = values.get(name)
        if value is not None and not least <= value <= most:
            return f"{name} must be from {least} to {most}{unit}."
    if api == V5 and _FORBIDDEN_V5.search(values.get(_TEXT) or ""):
        return f"{_TEXT} must hold none of {_FORBIDDEN_SHOWN}, which IAM refuses."
    return None


def refuse_kept(policy: LoginPolicy, todo: Mapping[str, Any], asked: str) -> None:
    """Raise OptionError where the API that answered does not take what goes back to it beside ``todo``: another API may have set it.

    ``asked`` is the option ``api``.
    """
    other = V3 if policy.api == V5 else V5
    for name, value in policy.settings().items():
        instead = None if name in todo else _instead(policy.api, name, value)
        if instead is None:
            continue
        # With auto, v5 was asked before v3.0, and does not answer.
        answers = policy.api == V5 or asked != AUTO
        way_out = f", or api={other}" if answers and _instead(other, name, value) is None else ""
        seen = f"holds one of {_FORBIDDEN_SHOWN}" if isinstance(value, str) else f"is {value}"
        raise OptionError(f"{name} {seen}, which {_LABELS[policy.api]} does not take: give {instead}{way_out}.")


def _instead(api: str, name: str, value: Any) -> str | None:
    """What an API would take in place of a value; None where it takes that one, or where only the cloud can judge."""
    if isinstance(value, str):
        return "another text" if api == V5 and name == _TEXT and _FORBIDDEN_V5.search(value) else None
    if name not in _RANGES or isinstance(value, bool) or not isinstance(value, int):
        return None
    least, most, _unit = (_RANGES if api == V5 else _RANGES_V3)[name]
    return None if least <= value <= most else f"{least} to {most}"


def check(api: str, values: Mapping[str, Any]) -> None:
    """Raise OptionError for values that no API would take of those that may be asked."""
    refusals = [refusal(one, values) for one in ((V5, V3) if api == AUTO else (api,))]
    if all(refusals):
        raise OptionError(refusals[0] or "")


def _read(policies: Policies, api: str, domain_id: Callable[[], str]) -> LoginPolicy:
    if api != V3:
        try:
            return LoginPolicy(V5, policies.login_policy_v5())
        except CloudError as error:
            if api == V5 or error.status not in NO_V5:
                raise
    return LoginPolicy(V3, policies.login_policy(domain_id()))


def _write(policies: Policies, policy: LoginPolicy, todo: Mapping[str, Any], domain_id: Callable[[], str]) -> None:
    if policy.api == V5:
        policies.set_login_policy_v5(policy.merged(todo))
    else:
        policies.set_login_policy(domain_id(), policy.merged(todo))


def _result(policy: LoginPolicy, settings: Mapping[str, Any], changed: bool) -> dict[str, Any]:
    return {"changed": changed, "api": policy.api, "login_policy": dict(settings)}


def work_policy(context: Context) -> dict[str, Any]:
    """The work of ``iam_login_policy``."""
    wanted = {name: context.params[name] for name in OPTIONS}
    check(context.params["api"], wanted)
    policies = Policies(context.iam.session)

    def domain_id() -> str:
        return account_id(context)

    policy = _read(policies, context.params["api"], domain_id)
    api = policy.api
    before = policy.settings()
    todo = differences(before, wanted)
    check(api, todo)
    if todo:
        refuse_kept(policy, todo, context.params["api"])
    after = {**before, **todo}
    if todo and not context.check_mode:

        def write(seen: LoginPolicy) -> None:
            lacking = differences(seen.settings(), wanted)
            refuse_kept(seen, lacking, context.params["api"])
            _write(policies, seen, lacking, domain_id)

        policy = converge(
            context,
            policy,
            read=lambda: _read(policies, api, domain_id),
            write=write,
            lacking=lambda seen: differences(seen.settings(), wanted),
        )
        after = policy.settings()
    result = _result(policy, after, bool(todo))
    if context.diff:
        result["diff"] = {"before": before, "after": after}
    return result


def work_info(context: Context) -> dict[str, Any]:
    """The work of ``iam_login_policy_info``."""
    policy = _read(Policies(context.iam.session), context.params["api"], lambda: account_id(context))
    return _result(policy, policy.settings(), False)


_API: dict[str, dict[str, Any]] = {"api": {"type": "str", "choices": [AUTO, V3, V5], "default": AUTO}}

LOGIN_POLICY = Definition(argument_spec={**AUTH_SPEC, **_API, **OPTIONS}, work=work_policy)

LOGIN_POLICY_INFO = Definition(argument_spec={**AUTH_SPEC, **_API}, work=work_info)
