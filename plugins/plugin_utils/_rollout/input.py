# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the rollout's filters and actions are given, checked before it is worked with: what has another form is an error in the user's words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import legible
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.plain import exact, opened, plain
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.written import says_nothing, written
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.campaign import time_in
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import (
    EVERYBODY,
    ORDER,
    OWN_CREDENTIALS,
    PlanError,
    Terms,
    terms_of,
)
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.wave import Removal
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.store import StoredSeed, seed_in, seeds_of

OTHER_FORM = (AttributeError, LookupError, OverflowError, RecursionError, TypeError, ValueError)
"""How data of another form shows itself, wherever it is looked into."""


@contextmanager
def told(name: str) -> Iterator[None]:
    """Errors as a filter's: those of a plan in its own words, and others as what they come from, which is data of another form."""
    try:
        yield
    except PlanError as error:
        raise AnsibleFilterError(f"hwc.mfa.{name}: {legible(error)}") from None
    except OTHER_FORM as error:
        raise AnsibleFilterError(
            f"hwc.mfa.{name}: the input or an argument has another form than is documented ({type(error).__name__})."
        ) from error


def audit_in(value: Any) -> Any:
    """The result of an audit. Raises PlanError."""
    audit = _opened(value)
    if isinstance(audit, dict) and "audit" in audit:
        audit = audit["audit"]
    users = audit.get("users") if isinstance(audit, dict) else None
    if isinstance(users, list) and all(_is_user(user) for user in users) and isinstance(audit.get("caller"), (dict, type(None))):
        administrators = audit.get("administrators") or []
        if isinstance(administrators, list) and all(isinstance(user_id, str) for user_id in administrators):
            return audit
    raise PlanError("audit must be the result of hwc.mfa.iam_mfa_info, or of the phase audit of hwc.mfa.rollout_wave.")


def _is_user(user: Any) -> bool:
    if not isinstance(user, dict) or not isinstance(user.get("user_id"), str) or not isinstance(user.get("name", 0), (str, type(None))):
        return False
    device, devices, protection = user.get("device", 0), user.get("devices"), user.get("login_protection")
    return (
        "enabled" in user
        and (device is None or _is_device(device))
        and (devices is None or (isinstance(devices, list) and all(_is_device(each) for each in devices)))
        and isinstance(protection, dict)
        and "enabled" in protection
        and "verification_method" in protection
    )


def _is_device(device: Any) -> bool:
    return isinstance(device, dict) and isinstance(device.get("serial_number"), str) and "binding" in device


def seeds_in(value: Any) -> dict[str, list[StoredSeed]]:
    """What a store knows, by user id, the newest seed first. Raises PlanError, which names the variable that an operator's own store sets."""
    entries = {} if value is None else _opened(value)
    seeds = {str(user_id): seeds_of(entry) for user_id, entry in entries.items()} if isinstance(entries, dict) else {"": []}
    if not all(seeds.values()):
        raise PlanError(
            "the seeds that are stored (mfa_rollout_store_loaded.entries) must be a mapping from user id to serial_number, seed and name,"
            " which are texts."
        )
    return seeds


def ids_in(value: Any) -> list[str]:
    """The users for whom a device was about to be created. Raises PlanError."""
    ids = plain(value)
    if not isinstance(ids, list) or not all(isinstance(user_id, str) for user_id in ids):
        raise PlanError("mfa_rollout_store_loaded.intents must be a list of user ids.")
    return ids


def entries_in(value: Any) -> list[Mapping[str, Any]]:
    """A wave of a plan. Raises PlanError."""
    entries = _opened(value)
    if isinstance(entries, list) and all(_is_planned(entry) for entry in entries):
        return entries
    raise PlanError("entries must be a wave of hwc.mfa.rollout_plan.")


_TEXT = (str, type(None))
_PLANNED: Mapping[str, Any] = {
    "user_id": str,
    "name": _TEXT,
    "device_name": _TEXT,
    "steps": list,
    "serial_number": _TEXT,
    "intended": bool,
    "leftover": _TEXT,
    "unbind": bool,
    "protection": dict,
    "replaced": dict,
    "restore": dict,
    "index": int,
}


def _is_planned(entry: Any) -> bool:
    if not isinstance(entry, dict) or not all(name in entry and isinstance(entry[name], kind) for name, kind in _PLANNED.items()):
        return False
    return bool(entry["steps"]) and all(isinstance(step, str) and step in ORDER for step in entry["steps"])


def terms_in(value: Any) -> Terms:
    """The terms of a plan. Raises PlanError."""
    return terms_of(mapping_in(value, "terms"))


def made_in(created: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, StoredSeed]]:
    """The outcomes and the seeds of the phase ``create``; none where it failed or was skipped."""
    outcomes, entries = created.get("outcomes"), created.get("entries")
    seeds = {str(user_id): seed_in(entry) for user_id, entry in entries.items()} if isinstance(entries, Mapping) else {}
    return dict(outcomes) if isinstance(outcomes, Mapping) else {}, {user_id: seed for user_id, seed in seeds.items() if seed is not None}


def removal_in(value: Any) -> Removal | None:
    """What came of the phase ``remove``, from the result of its task; None where there was none. A task that failed has removed nothing."""
    if value is None:
        return None
    result = plain(value)
    if not isinstance(result, Mapping) or result.get("failed"):
        return Removal()
    removed, failures = result.get("removed") or [], result.get("failures") or []
    return Removal([str(user_id) for user_id in removed], {str(failure["user_id"]): failure for failure in failures})


def mapping_in(value: Any, option: str) -> dict[str, Any]:
    """A mapping, empty where none is given. Raises PlanError."""
    mapping = {} if value is None else _opened(value)
    if not isinstance(mapping, dict):
        raise PlanError(f"{option} must be a mapping.")
    return mapping


def users_in(value: Any) -> Any:
    """``mfa_rollout_users``: ``all``, or users whom it names, as a list or as the text of one. Raises PlanError."""
    if isinstance(value, str) and exact(value) == EVERYBODY:
        return EVERYBODY
    return named_in(value, "mfa_rollout_users")


def named_in(value: Any, variable: str) -> list[dict[str, Any]]:
    """Users whom a variable of the role names, as a list or as the text of one. Raises PlanError."""
    users = plain(written(value))
    everybody, more, keys = _FORMS[variable]
    if not isinstance(users, list) or not all(isinstance(user, dict) and _is_named(user) for user in users):
        example = "name: ada, reason: break-glass" if "reason" in keys else "name: ada"
        raise PlanError(f"{variable} must be {everybody}a list of mappings, each with user_id or name{more}, such as [{{{example}}}].")
    for user in users:
        who = legible(user.get("name") or user.get("user_id"), 80)
        number = next((key for key in OWN_CREDENTIALS if not isinstance(user.get(key, ""), (str, type(None)))), None)
        if number is not None:
            raise PlanError(f"{variable}: {number} of user {who} is no text: YAML makes numbers of digits, so put it in quotes.")
        number = next((key for key in ("user_id", "name") if isinstance(user.get(key), int)), None)
        if number is not None:
            raise PlanError(
                f"{variable}: {number} {who} is a number, which YAML may have changed (0123 becomes 83) into another user's: put it in quotes."
            )
        unknown = sorted(str(key) for key in user if key not in keys)
        if unknown:
            raise PlanError(f"{variable}: user {who} has {legible(', '.join(unknown), 200)}; a user can have {', '.join(keys)}.")
        for date in ("until", "not_before"):
            if date in keys:
                time_in(user.get(date), f"{variable}: {date} of user {who}")
    return users


def more_exempt_in(value: Any) -> list[dict[str, Any]]:
    """``mfa_rollout_exempt_also``, where an empty answer is nobody. Raises PlanError."""
    return [] if value is None or says_nothing(value) else named_in(value, "mfa_rollout_exempt_also")


_FORMS = {
    "mfa_rollout_exempt_also": ("", ", and best a reason", ("user_id", "name", "reason", "until")),
    "mfa_rollout_exempt": ("", ", and best a reason", ("user_id", "name", "reason", "until")),
    "mfa_rollout_users": ("all, or ", "", ("user_id", "name", "device_name", "not_before", *OWN_CREDENTIALS)),
}


def _is_named(user: Mapping[str, Any]) -> bool:
    names = [user.get("user_id"), user.get("name")]
    return any(names) and all(name is None or (isinstance(name, (str, int)) and not isinstance(name, bool)) for name in names)


def options_in(value: Any, variable: str) -> dict[str, Any]:
    """Options for modules. Raises PlanError."""
    options = {} if value is None else plain(value)
    if not isinstance(options, dict):
        raise PlanError(f"{variable} must be a mapping of options.")
    return options


def record_in(value: Any) -> dict[str, Any]:
    """What a record says of users, by user id. Raises PlanError."""
    record = mapping_in(value, "record")
    if not all(isinstance(entry, dict) and isinstance(entry.get("before", {}), dict) for entry in record.values()):
        raise PlanError("record must be the result of hwc.mfa.rollout_record.")
    return record


def _opened(value: Any) -> Any:
    try:
        return opened(value)
    except ValueError:
        return None
