# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which accounts of an organization become hosts. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import OptionError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import legible
from ansible_collections.hwc.mfa.plugins.module_utils._modules.selection import name_of_tag, value_of_tag
from ansible_collections.hwc.mfa.plugins.plugin_utils._inventory.accounts import Account

SPEC: dict[str, dict[str, Any]] = {
    "statuses": {"type": "list", "elements": "str"},
    "units": {"type": "list", "elements": "str"},
    "names": {"type": "list", "elements": "str"},
    "tags": {"type": "dict"},
}
"""What an entry of ``include`` and ``exclude`` may say; all that it says must hold."""

ACTIVE = "active"

STATUSES = (ACTIVE, "suspended", "pending_closure")
"""Those that the cloud documents (docs/dev/cloud_api.md, section 8). Not every organization has accounts of each."""


def check(entries: Iterable[Mapping[str, Any]], option: str) -> None:
    """Raise OptionError where an entry of ``option`` asks for nothing, which would mean everybody, or for what nobody can be.

    An empty list is mostly a template that found nothing. Only what is absent or None is not asked for.
    """
    for number, entry in enumerate(entries):
        place = f"{option}[{number}]"
        asked = {name: value for name, value in entry.items() if value is not None}
        if not asked:
            raise OptionError(f"{place} asks for nothing: give it {', '.join(list(SPEC)[:-1])} or {list(SPEC)[-1]}, or remove it.")
        for name, value in asked.items():
            if not value:
                raise OptionError(f"{place}.{name} is empty: give at least one, or leave {name} out if any will do.")
            if name == "tags":
                _check_tags(value, f"{place}.{name}")
            elif not all(pattern.strip(" /") for pattern in value):
                raise OptionError(f"{place}.{name} has an empty text, which fits nothing: write what is meant, or remove it.")


def _check_tags(tags: Mapping[Any, Any], place: str) -> None:
    for key, value in tags.items():
        name_of_tag(key, place)
        if value is not None:
            value_of_tag(value, key, place)


def selected(accounts: Iterable[Account], include: Sequence[Mapping[str, Any]], exclude: Sequence[Mapping[str, Any]]) -> list[Account]:
    """The accounts that fit an entry of ``include`` and none of ``exclude``. Without statuses, an entry of ``include`` means active ones.

    The entries have passed ``check``. Raises OptionError where an entry asks for what is not known of an account: it would be left out, or not
    left out, by accident.
    """
    wanted = [{**entry, "statuses": [ACTIVE] if entry.get("statuses") is None else entry["statuses"]} for entry in include or [{}]]
    return [
        account
        for account in accounts
        if any(_fits(account, entry, "include") for entry in wanted) and not any(_fits(account, entry, "exclude") for entry in exclude)
    ]


def fitting_nobody(accounts: Sequence[Account], entries: Iterable[Mapping[str, Any]], option: str) -> Iterator[str]:
    """A sentence for each name and unit in entries of ``option`` that fits no account, whatever its status, and for each status that there is not.

    They may be misspelt.
    """
    for number, entry in enumerate(entries):
        for pattern in entry.get("statuses") or ():
            if not any(_matches(status, [pattern.lower()]) for status in (*STATUSES, *(account.status for account in accounts))):
                yield (
                    f"{option}[{number}].statuses has {legible(pattern, 80)}, which is the status of no account: there are"
                    f" {', '.join(STATUSES[:-1])} and {STATUSES[-1]}."
                )
        for name in ("units", "names"):
            for pattern in entry.get(name) or ():
                if not any((name == "units" and not account.placed) or _fits(account, {name: [pattern]}, option) for account in accounts):
                    yield (
                        f"{option}[{number}].{name} has {legible(pattern, 80)}, which fits no account of the organization: upper and lower"
                        " case count."
                    )


def _fits(account: Account, entry: Mapping[str, Any], option: str) -> bool:
    statuses, names, units, tags = (entry.get(name) for name in ("statuses", "names", "units", "tags"))
    if statuses is not None and not _matches(account.status, [status.lower() for status in statuses]):
        return False
    if names is not None and not _matches(account.name, names):
        return False
    return (units is None or _in_units(account, units, option)) and (tags is None or _has_tags(account, tags, option))


def _in_units(account: Account, patterns: Sequence[str], option: str) -> bool:
    """Whether an account is in a unit that a pattern means by its path or id, or anywhere below it."""
    if not account.placed:
        raise OptionError(
            f"{option} asks for units, and nobody knows in which unit account {_shown(account)} is: the credentials may not read the units,"
            " or the account was moved at this moment. Let them read units, or filter by names."
        )
    if account.unit is None:
        return False
    names = account.unit.path.split("/")
    above = ["/".join(names[: depth + 1]) for depth in range(len(names))]
    return any(_matches(one, [pattern.strip("/") for pattern in patterns]) for one in (*above, *account.unit.chain))


def _has_tags(account: Account, wanted: Mapping[str, Any], option: str) -> bool:
    """Whether an account has all tags, each with a value that fits the pattern; None means any value."""
    if account.tags is None:
        raise OptionError(
            f"{option} asks for tags, and those of account {_shown(account)} are not known: the credentials may not read them, or tags=false."
        )
    patterns = {str(key): value for key, value in wanted.items()}
    return all(key in account.tags and (value is None or fnmatchcase(account.tags[key], str(value))) for key, value in patterns.items())


def _matches(text: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(text, pattern) for pattern in patterns)


def _shown(account: Account) -> str:
    return f"{legible(account.name, 64)} ({account.id})"
