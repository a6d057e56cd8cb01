# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose credentials count where a task and ``module_defaults`` both give some. ansible-core merges them option by option before anybody sees them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.hwc.mfa.plugins.module_utils._auth.agency import OPTION as AGENCY
from ansible_collections.hwc.mfa.plugins.module_utils._auth.base import ACCOUNT_VARIABLES
from ansible_collections.hwc.mfa.plugins.module_utils._auth.credentials import KINDS
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.plain import plain

_NAMES = frozenset({"access_key", "auth_token", "auth_user_id", "auth_username"})
"""The options that name whose credentials they are."""

_CREDENTIALS = (*(option for kind in KINDS for option in kind.telling), *ACCOUNT_VARIABLES, AGENCY)


def own_args(action: ActionBase) -> dict[str, Any]:
    """The options of an action's task without credentials of a farther level that a nearer one replaces as a whole."""
    args = dict(action._task.args)
    try:
        defaults = _defaults(action)
    except AnsibleError:
        return args  # a default that cannot be read: whatever is wrong with it, the check of the options says so
    given = plain({name: value for name, value in args.items() if name in (*_CREDENTIALS, "cloud")})
    dropped = replaced([_beyond(given, defaults), *defaults])
    return {name: value for name, value in args.items() if name not in dropped}


def replaced(levels: Iterable[Mapping[str, Any]]) -> set[str]:
    """The options of farther levels that do not count, where ``levels`` begins with the nearest.

    A farther level adds what nearer ones lack of the same kind. It adds nothing if both name a key, a token or a user, nor if it is of
    another kind, nor if a nearer one names a cloud of clouds.yaml.
    """
    kept: dict[str, Any] = {}
    mentioned: set[str] = set()
    dropped: set[str] = set()
    for level in levels:
        whole = {name: value for name, value in level.items() if name in _CREDENTIALS}
        own = {name: value for name, value in whole.items() if name not in mentioned}
        mentioned.update(own)
        if _fits(whole, kept):
            kept.update(own)
        else:
            dropped.update(own)
        if level.get("cloud"):
            kept.setdefault("cloud", level["cloud"])
    return dropped


def _fits(farther: Mapping[str, Any], kept: Mapping[str, Any]) -> bool:
    if kept.get("cloud"):
        return False
    kinds, kept_kinds = _kinds(farther), _kinds(kept)
    if not kinds or not kept_kinds:
        return True
    return kinds <= kept_kinds and not (_named(farther) and _named(kept))


def _kinds(options: Mapping[str, Any]) -> set[type]:
    return {kind for kind in KINDS if any(options.get(option) for option in kind.telling)}


def _named(options: Mapping[str, Any]) -> bool:
    return any(options.get(option) for option in _NAMES)


def _beyond(given: Mapping[str, Any], defaults: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The options that the task itself gives: those that no default would have given just so."""
    merged: dict[str, Any] = {}
    for level in defaults:
        merged = {**level, **merged}
    return {name: value for name, value in given.items() if name not in merged or merged[name] != value}


def _defaults(action: ActionBase) -> list[dict[str, Any]]:
    """The credentials in ``module_defaults`` of the task's module, and in those of its groups. Raises AnsibleError."""
    task = action._task
    found: dict[str, Any] = {}
    for one in task.module_defaults or []:
        found.update(one)
    name = task.resolved_action or task.action
    groups = (task._parent._play._action_groups or {}).get(name, [])
    of_groups: dict[str, Any] = {}
    for key, value in found.items():
        if key.startswith("group/") and key.removeprefix("group/") in groups:
            of_groups.update(_options(action, value))
    return [_options(action, found.get(name)), of_groups]


def _options(action: ActionBase, value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        # What else stands there may be known to other modules only.
        value = {name: item for name, item in value.items() if name in (*_CREDENTIALS, "cloud")}
    options = plain(action._templar.template(value or {}))
    return options if isinstance(options, dict) else {}
