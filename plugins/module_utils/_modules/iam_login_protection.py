# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Login protection of users: the work of ``iam_login_protection``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.iam import NO_PROTECTION, Protection
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.transport import check_id
from ansible_collections.hwc.mfa.plugins.module_utils._modules.bulk import STALE_WAITS, items_of, look_until, shared_spec, summarize
from ansible_collections.hwc.mfa.plugins.module_utils._modules.directory import Named
from ansible_collections.hwc.mfa.plugins.module_utils._modules.protections import ProtectionReader
from ansible_collections.hwc.mfa.plugins.module_utils._runner.context import Context
from ansible_collections.hwc.mfa.plugins.module_utils._runner.definition import Definition
from ansible_collections.hwc.mfa.plugins.module_utils._runner.options import AUTH_SPEC, FLEET_SPEC, ONE_USER, USER_SPEC

METHODS = ["sms", "email", "vmfa"]


def target(current: Protection, enabled: bool, verification_method: str | None) -> Protection:
    """What a user's protection becomes. A method that is not given stays as it is, and is ``vmfa`` where there was none."""
    if not enabled:
        return Protection(current.user_id, False, NO_PROTECTION)
    if verification_method is None:
        verification_method = current.verification_method if current.enabled else "vmfa"
    return Protection(current.user_id, True, verification_method)


def method_to_send(current: Protection, wanted: Protection, verification_method: str | None) -> str:
    """The method for the request, which the cloud demands also when protection is switched off."""
    if wanted.enabled:
        return wanted.verification_method
    if verification_method is not None:
        return verification_method
    return current.verification_method if current.verification_method in METHODS else "vmfa"


class _Protector:
    def __init__(self, context: Context) -> None:
        self.context = context
        self.iam = context.iam
        self.reader = ProtectionReader(self.iam)
        self.writes = context.connections.own_writes("protection")

    def ensure(self, item: Mapping[str, Any]) -> dict[str, Any]:
        user_id, method = check_id(item["user_id"], "user_id"), item["verification_method"]
        current = self.reader.known(user_id)
        wanted = target(current, item["enabled"], method)
        written = _protection(user_id, self.writes.of(user_id))
        unsure = False
        newer = _protection(user_id, self.writes.newer_than(user_id, current.verification_method))
        if written is not None and target(written, item["enabled"], method) == written:
            # It is so, and the cloud may still show what was before.
            current = look_until(lambda: self.iam.protection_of(user_id), lambda seen: seen == written, self.context.http.sleep, current)
            wanted = target(current, item["enabled"], method)
        elif newer is not None and wanted == current:
            # The cloud may still show what was before this play's own last write.
            current, wanted = newer, target(newer, item["enabled"], method)
            unsure = True
        changed = unsure or wanted != current
        if changed and not self.context.check_mode:
            self._write(current, wanted, method)
        return {**_facts(wanted), "changed": changed, "before": current.as_dict()}

    def _write(self, current: Protection, wanted: Protection, method: str | None) -> None:
        retries = self.context.params["retries"]
        lost = False
        replaced = current.verification_method
        with self.writes.writing(wanted.user_id):
            try:
                for attempt in range(retries + 1):  # equivalent: the last try ends or raises
                    try:
                        self.iam.protect(wanted.user_id, wanted.enabled, method_to_send(current, wanted, method))
                        break
                    except CloudError as error:
                        if not error.uncertain or attempt == retries:
                            raise
                        lost = True
                        # The answer was lost: look first, and only what is not so is written again.
                        self.context.http.sleep(STALE_WAITS[min(attempt, len(STALE_WAITS) - 1)])
                        current = self.iam.protection_of(wanted.user_id)
                        # What this play itself has replaced a moment ago can be shown still, and proves nothing.
                        if current == wanted and not self.writes.newer_than(wanted.user_id, wanted.verification_method):
                            break
            except CloudError as error:
                # The refusal of a later try says nothing of the one whose answer was lost.
                if lost:
                    error.note_lost()
                raise
        self.writes.note(wanted.user_id, wanted.verification_method, replaced=(replaced,))


def _protection(user_id: str, facts: Sequence[str] | None) -> Protection | None:
    """A user's protection as it was noted."""
    return None if facts is None else Protection(user_id, facts[0] != NO_PROTECTION, facts[0])


def _facts(protection: Protection) -> dict[str, Any]:
    return {"user_id": protection.user_id, **protection.as_dict()}


def work_protection(context: Context) -> dict[str, Any]:
    """The work of ``iam_login_protection``: one user's flat options are a list of one."""
    params = context.params
    items = items_of(params, "users", _ITEM_SPEC, _SHARED)
    named = Named(context, items)
    protector = _Protector(context)
    protector.reader.prefetch([item["user_id"] for item in named.resolved])
    outcomes = named.reconcile(
        protector.ensure,
        lambda item: {"user_id": item["user_id"], "enabled": None, "verification_method": None, "changed": False},
    )
    changing = [outcome for outcome in outcomes if outcome["changed"]]
    diff = {
        "before": {outcome["user_id"]: outcome["before"] for outcome in changing},
        "after": {outcome["user_id"]: {name: outcome[name] for name in ("enabled", "verification_method")} for outcome in changing},
    }
    for outcome in outcomes:
        outcome.pop("before", None)
    result = summarize(outcomes, "users", "users")
    if context.diff:
        result["diff"] = diff
    return result


_ITEM_SPEC: dict[str, dict[str, Any]] = {
    **USER_SPEC,
    "enabled": {"type": "bool", "default": True},
    "verification_method": {"type": "str", "choices": METHODS},
}

_SHARED = ["enabled"]

PROTECTION = Definition(
    argument_spec={
        **AUTH_SPEC,
        **FLEET_SPEC,
        **_ITEM_SPEC,
        "users": {
            "type": "list",
            "elements": "dict",
            "options": shared_spec(_ITEM_SPEC, _SHARED),
            **ONE_USER,
        },
    },
    work=work_protection,
    many="users",
    relations={
        "mutually_exclusive": [["users", "user_id", "user_name"], ["users", "verification_method"]],
        "required_one_of": [["user_id", "user_name", "users"]],
    },
)
