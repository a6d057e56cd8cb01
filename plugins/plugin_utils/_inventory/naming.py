# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names that hosts and groups get from text that people wrote. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from ansible_collections.hwc.mfa.plugins.plugin_utils._control.apart import apart
from ansible_collections.hwc.mfa.plugins.plugin_utils._inventory.accounts import Unit

ORGANIZATION = "organization"
"""The group of all accounts."""

MANAGEMENT = "management_account"
"""The group of the management account."""

NOT_FOR_HOSTS = frozenset({"all", "ungrouped", "localhost", "127.0.0.1", "::1", ORGANIZATION, MANAGEMENT})
"""What Ansible, or this plugin, takes for something else."""

_LONGEST = 128
_UNFIT_FOR_HOSTS = re.compile(r"[^\w.-]")
_UNFIT_FOR_GROUPS = re.compile(r"\W")


def host_name(text: str) -> str:
    """``text`` as the name of a host, perhaps empty: it becomes part of patterns, of paths of files, and of templates.

    Letters of all scripts, digits, ``_``, ``-`` and ``.`` stay, and anything else becomes ``_``. At the beginning stands none of ``-`` and
    ``.``. Text without a letter or digit has no name.
    """
    name = _UNFIT_FOR_HOSTS.sub("_", text.strip())[:_LONGEST]
    if not any(letter.isalnum() for letter in name):
        return ""
    return f"_{name}" if name[0] in "-." else name


def group_name(text: str) -> str:
    """``text`` as the name of a group, which is a name of a variable too."""
    name = _UNFIT_FOR_GROUPS.sub("_", text)
    return f"_{name}" if not name or name[0].isdigit() else name


def unique(wanted: Sequence[tuple[str, str]], reserved: Collection[str] = ()) -> list[str]:
    """A name for each pair of a name and an id. Whoever shares a name, or has a reserved one or none, gets ``name_id``.

    So a name never tells which of two was listed first, and no host becomes another account when one is added.
    """
    return apart([(name, f"{name}_{own}", own) if name else (own,) for name, own in wanted], reserved)


def unit_groups(units: Iterable[Unit]) -> dict[str, str]:
    """The name of each unit's group, by the unit's id."""
    units = list(units)
    names = unique([(f"unit_{group_name(unit.name)}", group_name(unit.id)) for unit in units])
    return {unit.id: name for unit, name in zip(units, names)}
