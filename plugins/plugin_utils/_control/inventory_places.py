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
        return f"{variable}: {error}"
    place = Path(os.path.realpath(directory))
    read: list[Path] = []
    for source in [*sources, playbook_dir]:
        path = Path(os.path.realpath(source))
        if path.is_dir() and source != playbook_dir:
            read.append(path)
        else:
            base = path if source == playbook_dir else path.parent
            read += [base / "host_vars", base / "group_vars"]
    for path in read:
        if any(place == target or target in place.parents for target in (path, *_linked(path))):
            return (
                f"{variable} is {legible(directory, 255)}, and Ansible reads what lies in {legible(path, 255)} as inventory or variables:"
                " name a directory outside of it."
            )
    return None


def _linked(directory: Path) -> Iterator[Path]:
    """Where links in a directory lead, which Ansible follows. What they lead to may not be there yet."""
    for folder, names, files in os.walk(directory):
        for path in (os.path.join(folder, name) for name in (*names, *files)):
            if os.path.islink(path):
                yield Path(os.path.realpath(path))
