# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Directories that Ansible reads as inventory or variables: a file that is written there is a host, or its variables, in the next run."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import legible
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.files import directory_at


def misplaced_in(play: Mapping[str, Any], name: str, text: str) -> str | None:
    """Why a task must not write into the directory ``text``, which the option or variable ``name`` gives; ``play`` are the task's variables."""
    sources = [str(source) for source in play.get("ansible_inventory_sources") or ()]
    return misplaced(name, text, sources, str(play.get("playbook_dir") or "."))


def misplaced(variable: str, text: str, sources: Sequence[str], playbook_dir: str) -> str | None:
    """Why files must not lie in the directory ``text``, or None: Ansible reads all files of an inventory's directory as inventory.

    ``sources`` are the inventories that Ansible was given. Of a file's directory it reads ``host_vars`` and ``group_vars`` only.
    """
    try:
        directory = directory_at(os.path.expandvars(text))
    except ValueError as error:
        return str(error) if str(error).startswith(variable) else f"{variable}: {error}"
    place = Path(os.path.realpath(directory))
    for read in _read_by_ansible(sources, playbook_dir):
        if any(place == path or path in place.parents for path in _with_links(read)):
            return (
                f"{variable} is {legible(directory, 255)}, and Ansible reads what lies in {legible(read, 255)} as inventory or variables:"
                " name a directory outside of it."
            )
    return None


def _read_by_ansible(sources: Sequence[str], playbook_dir: str) -> Iterator[Path]:
    bases = {os.path.abspath(playbook_dir)}
    for source in sources:
        if os.path.isdir(source):
            yield Path(os.path.realpath(source))
        elif "," not in source or os.path.exists(source):  # else a list of hosts
            bases |= {os.path.dirname(os.path.abspath(source)), os.path.dirname(os.path.realpath(source))}
    for base in sorted(bases):
        yield from (Path(base) / "host_vars", Path(base) / "group_vars")


_MOST = 10_000
"""Folders to look for links in. What has more is no inventory that anybody waits for."""


def _with_links(directory: Path) -> Iterator[Path]:
    """Where a directory really is, and where links in it lead, and links in those. What they lead to may not be there yet."""
    todo, seen, folders = [os.path.realpath(directory)], set(), 0
    while todo:
        place = todo.pop()
        if place in seen:
            continue
        seen.add(place)
        yield Path(place)
        for folder, names, files in os.walk(place):
            folders += 1
            if folders > _MOST:
                return
            paths = (os.path.join(folder, name) for name in (*names, *files))
            todo += [os.path.realpath(path) for path in paths if os.path.islink(path)]
