# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The MFA page of IAM Identity Center: read, compare, merge, write what differs, read again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError, OptionError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.identity_center import IdentityCenter, Instance
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.transport import check_id
from ansible_collections.hwc.mfa.plugins.module_utils._modules.convergence import converge
from ansible_collections.hwc.mfa.plugins.module_utils._runner.context import Context
from ansible_collections.hwc.mfa.plugins.module_utils._runner.definition import Definition
from ansible_collections.hwc.mfa.plugins.module_utils._runner.options import AUTH_SPEC

MFA_MODES = ["CONTEXT_AWARE", "DISABLED", "ALWAYS_ON"]
MFA_TYPES = ["TOTP", "WEBAUTHN", "WEBAUTHN_SECURITY_KEY"]
NO_MFA_SIGNIN = ["ALLOWED_WITH_ENROLLMENT", "ALLOWED", "EMAIL_OTP", "BLOCKED"]
USER_PERMISSIONS = ["READ_ACTIONS", "ALL_ACTIONS"]

SSO_SETTINGS = ("mfa_mode", "allowed_mfa_types", "no_mfa_signin_behavior")


@dataclass(frozen=True)
class Page:
    """The MFA page as the cloud shows it. ``sso`` is the whole object, or None where these credentials may not read it."""

    user_permission: str | None
    sso: Mapping[str, Any] | None

    def settings(self) -> dict[str, Any]:
        """The settings by the names that the module's options have."""
        sso = self.sso or {}
        return {"user_permission": self.user_permission, **{name: sso.get(name) for name in SSO_SETTINGS}}


def differences(settings: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What of ``wanted`` is not yet so. An option that is None is left alone; the order of the types means nothing."""
    differing = {}
    for name, value in wanted.items():
        if value is None:
            continue
        current = settings.get(name)
        if name == "allowed_mfa_types":
            same = isinstance(current, list) and {str(kind) for kind in current} == set(value)
        else:
            same = current == value
        if not same:
            differing[name] = list(dict.fromkeys(value)) if isinstance(value, list) else value
    return differing


def merged(sso: Mapping[str, Any], todo: Mapping[str, Any]) -> dict[str, Any]:
    """The whole SSO configuration with the differences in it: nothing that others set gets lost."""
    return {**sso, **{name: value for name, value in todo.items() if name in SSO_SETTINGS}}


def choose_instance(instances: list[Instance], instance_id: str | None, identity_store_id: str | None) -> Instance:
    """The one instance that is meant. Raises OptionError where none or several fit."""
    fitting = [
        instance
        for instance in instances
        if instance_id in (None, instance.instance_id) and identity_store_id in (None, instance.identity_store_id)
    ]
    if len(fitting) == 1:
        return fitting[0]  # equivalent: there is just one
    if not instances:
        raise OptionError(
            "This account has no instance of IAM Identity Center: enable it first, or use the credentials of its management account."
        )
    listed = ", ".join(f"{instance.instance_id} ({instance.alias or instance.identity_store_id})" for instance in instances)
    if not fitting:
        raise OptionError(f"identity_store_id fits no instance of this account, which has {listed}.")
    raise OptionError(f"instance_id is needed: this account has {listed}.")


def find_instance(center: IdentityCenter, instance_id: str | None, identity_store_id: str | None) -> Instance:
    """The instance that options name, or the only one, and its store. Raises OptionError where none or several fit."""
    instance_id, identity_store_id = instance_id or None, identity_store_id or None
    if instance_id:
        check_id(instance_id, "instance_id")
    if instance_id and identity_store_id:
        return Instance(instance_id, identity_store_id)
    if instance_id:
        # The page itself names its store, and tells better than a listing what is wrong with the id.
        store = center.mfa_management(instance_id)[0]
        if store:
            return Instance(instance_id, store)
    return choose_instance(center.instances(), instance_id, identity_store_id)


def _read(context: Context, center: IdentityCenter, instance: Instance, sso_wanted: bool) -> Page:
    store, permission = center.mfa_management(instance.instance_id)
    if store and store != instance.identity_store_id:
        raise OptionError(
            f"identity_store_id {instance.identity_store_id} is not the store of instance {instance.instance_id}, which is {store}."
        )
    try:
        sso: Mapping[str, Any] | None = center.sso_configuration(instance.instance_id)
    except CloudError as error:
        if sso_wanted or error.status != 403:
            raise
        context.warn(f"mfa_mode, allowed_mfa_types and no_mfa_signin_behavior are not shown: {error}")
        sso = None
    return Page(permission, sso)


def _write(center: IdentityCenter, instance: Instance, page: Page, todo: Mapping[str, Any], done: list[str]) -> None:
    """Write what differs; ``done`` is told of the first of two writes, since the second may fail."""
    if "user_permission" in todo:
        center.set_mfa_management(instance.instance_id, instance.identity_store_id, todo["user_permission"])
        done.append(f"Before that, user_permission was set to {todo['user_permission']}.")
    if any(name in todo for name in SSO_SETTINGS):
        center.set_sso_configuration(instance.instance_id, merged(page.sso or {}, todo))


def _result(instance: Instance, settings: Mapping[str, Any], changed: bool) -> dict[str, Any]:
    return {
        "changed": changed,
        "instance_id": instance.instance_id,
        "identity_store_id": instance.identity_store_id,
        "settings": dict(settings),
    }


def _wanted(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: params.get(name) for name in ("user_permission", *SSO_SETTINGS)}


def check(params: Mapping[str, Any]) -> None:
    """Raise OptionError for values that no page would take."""
    if params["allowed_mfa_types"] is not None and not params["allowed_mfa_types"]:
        raise OptionError("allowed_mfa_types must name at least one type; to switch MFA off, use mfa_mode=DISABLED.")


def work_settings(context: Context) -> dict[str, Any]:
    """The work of ``identity_center_mfa_settings``."""
    check(context.params)
    wanted = _wanted(context.params)
    sso_wanted = any(wanted[name] is not None for name in SSO_SETTINGS)
    center = context.connections.identity_center
    instance = find_instance(center, context.params["instance_id"], context.params["identity_store_id"])
    page = _read(context, center, instance, sso_wanted)
    before = page.settings()
    todo = differences(before, wanted)
    after = {**before, **todo}
    if todo and not context.check_mode:
        done: list[str] = []
        try:
            page = converge(
                context,
                page,
                read=lambda: _read(context, center, instance, sso_wanted),
                write=lambda seen: _write(center, instance, seen, differences(seen.settings(), wanted), done),
                lacking=lambda seen: differences(seen.settings(), wanted),
            )
        except CloudError as error:
            if done and not error.changed:
                error.note_change(done[-1])
            raise
        after = page.settings()
    result = _result(instance, after, bool(todo))
    if context.diff:
        result["diff"] = {"before": before, "after": after}
    return result


def work_info(context: Context) -> dict[str, Any]:
    """The work of ``identity_center_mfa_settings_info``."""
    center = context.connections.identity_center
    instance = find_instance(center, context.params["instance_id"], context.params["identity_store_id"])
    return _result(instance, _read(context, center, instance, sso_wanted=False).settings(), False)


_IDS: dict[str, dict[str, Any]] = {"instance_id": {"type": "str"}, "identity_store_id": {"type": "str"}}

SETTINGS = Definition(
    argument_spec={
        **AUTH_SPEC,
        **_IDS,
        "user_permission": {"type": "str", "choices": USER_PERMISSIONS},
        "mfa_mode": {"type": "str", "choices": MFA_MODES},
        "allowed_mfa_types": {"type": "list", "elements": "str", "choices": MFA_TYPES},
        "no_mfa_signin_behavior": {"type": "str", "choices": NO_MFA_SIGNIN},
    },
    work=work_settings,
)

INFO = Definition(argument_spec={**AUTH_SPEC, **_IDS}, work=work_info)
