# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which users of an account are meant, by their names, groups, tags and dates. Pure decisions over the entries of ``iam_mfa_info``."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import OptionError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import legible
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.users import NEVER, instant

SELECT_SPEC: dict[str, dict[str, Any]] = {
    "names": {"type": "list", "elements": "str"},
    "groups": {"type": "list", "elements": "str"},
    "tags": {"type": "dict"},
    # YAML makes a date of what looks like one.
    "created_after": {"type": "raw"},
    "last_login_before": {"type": "raw"},
}
"""What a selection can say; all that it says must fit."""

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


@dataclass(frozen=True)
class Selection:
    """What a user must be like to be meant. What is None says nothing."""

    names: tuple[str, ...] | None = None
    """Patterns of names, with ``*``, ``?`` and ``[...]``, in the case that is given; one must fit."""

    groups: tuple[str, ...] | None = None
    """Names of groups; the user must be in one."""

    tags: tuple[tuple[str, str], ...] | None = None
    """Tags that the user must have, all of them."""

    created_after: str | None = None
    last_login_before: str | None = None
    """Times as ``instant`` gives them. Who never logged in did so before any time."""

    def missed(self, user: Mapping[str, Any], groups: Mapping[str, Collection[str]]) -> str | None:
        """Why a user is not meant, or None; ``groups`` are the ids of the members of each group of the selection."""
        if self.names is not None and not any(fnmatch.fnmatchcase(user["name"] or "", pattern) for pattern in self.names):
            return "another name"
        if self.groups is not None and not any(user["user_id"] in groups.get(name, ()) for name in self.groups):
            return "not in the groups"
        if self.tags is not None:
            tags = user.get("tags")
            if tags is None:
                return "the cloud does not tell the user's tags"
            if not all(tags.get(name) == value for name, value in self.tags):
                return "other tags"
        return self._too_early(user) or self._too_late(user)

    def _too_early(self, user: Mapping[str, Any]) -> str | None:
        if self.created_after is None:
            return None
        if user.get("created_at") is None:
            return "the cloud does not tell when the user was created"
        return None if user["created_at"] > self.created_after else "created earlier"

    def _too_late(self, user: Mapping[str, Any]) -> str | None:
        if self.last_login_before is None:
            return None
        last = user.get("last_login_at")
        if last is None:
            return "the cloud does not tell when the user last logged in"
        return None if last == NEVER or last < self.last_login_before else "logged in later"


def selection_of(options: Mapping[str, Any] | None, name: str) -> Selection | None:
    """The selection that options ask for, as ``SELECT_SPEC`` describes them; None where they ask for none. Raises OptionError that says ``name``."""
    given = {key: value for key, value in (options or {}).items() if value is not None}
    unknown = sorted(str(key) for key in given if key not in SELECT_SPEC)
    if unknown:
        raise OptionError(f"{name} has {unknown[0]!r}, which selects nothing; there are {', '.join(SELECT_SPEC)}.")
    if not given:
        return None
    tags = given.get("tags")
    if tags is not None and (not isinstance(tags, Mapping) or not tags):
        raise OptionError(f"{name}.tags must be a mapping from tag to value, and name something.")
    place = f"{name}.tags"
    return Selection(
        _texts(given.get("names"), f"{name}.names"),
        _texts(given.get("groups"), f"{name}.groups"),
        None if tags is None else tuple((name_of_tag(key, place), value_of_tag(value, key, place)) for key, value in tags.items()),
        _time(given.get("created_after"), f"{name}.created_after"),
        _time(given.get("last_login_before"), f"{name}.last_login_before"),
    )


def _texts(value: Any, name: str) -> tuple[str, ...] | None:
    if value is None:
        return None
    listed: Sequence[Any] = names_in(value) if isinstance(value, str) else value
    if not isinstance(listed, (list, tuple)) or not listed or not all(isinstance(each, str) and each for each in listed):
        raise OptionError(f"{name} must be a list of texts, and name something.")
    return tuple(listed)


def names_in(text: str) -> list[str]:
    """The names in a text with commas between them. Ansible's own list keeps the blanks around each, and no name has any there."""
    return [each.strip() for each in text.split(",")]


def name_of_tag(key: Any, name: str) -> str:
    """The name of a tag of the option ``name``. Raises OptionError."""
    return _written(key, f"{name}: the name of the tag {legible(key, 80)}")


def value_of_tag(value: Any, key: Any, name: str) -> str:
    """The value that the option ``name`` gives to the tag ``key``. Raises OptionError."""
    return _written(value, f"{name}: the value of the tag {legible(key, 80)}")


def _written(value: Any, what: str) -> str:
    # A truth value can have been true, yes or on, and 1.1 can have been 1.10: what was written would fit nobody.
    if not isinstance(value, (str, int)) or isinstance(value, bool):
        raise OptionError(
            f'{what} must be text, and YAML made something else of it, as it does of true, yes and on: put it in quotes, such as "true".'
        )
    return str(value)


def _time(value: Any, name: str) -> str | None:
    if value is None:
        return None
    text = str(value).strip()
    found = instant(f"{text}T00:00:00Z" if _DATE.fullmatch(text) else text)
    if found is None:
        raise OptionError(f"{name} must be a date such as 2026-01-31, or a time such as 2026-01-31T12:00:00Z.")
    return found
