# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What rollouts did to login protection, so that a roll-back lifts just that. A small file without secrets that outlives the run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import json_text
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.files import (
    account_path,
    directory_at,
    make_directory,
    read_file,
    replace_file,
)


class RecordError(Exception):
    """The record cannot be used. The text says why."""


class RolloutRecord:
    """User id -> ``strategy``, ``name``, and ``before``, the protection that the user had.

    The file is ``<directory>/<account>.record.json``, or in the ``store``, ``<directory>/<account>/.record.json``.
    """

    def __init__(self, directory: str, account: str, in_store: bool = False) -> None:
        try:
            base = directory_at(directory)
            self.path = account_path(base, account) / ".record.json" if in_store else account_path(base, account, ".record.json")
        except ValueError as error:
            raise RecordError(str(error)) from None

    def read(self) -> dict[str, dict[str, Any]]:
        """What is recorded; empty where there is no record. Raises RecordError."""
        try:
            document = json.loads(read_file(self.path))
            protected = document["protected"]
            if not isinstance(protected, dict) or not all(_is_entry(entry) for entry in protected.values()):
                raise ValueError
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise RecordError(f"{self.path} cannot be read: {error.strerror}.") from None
        except (KeyError, TypeError, ValueError, RecursionError):
            raise RecordError(f"{self.path} is not a record of this role.") from None
        return {str(user_id): dict(entry) for user_id, entry in protected.items()}

    def change(
        self, adds: Mapping[str, Mapping[str, Any]], drops: Iterable[str], check_mode: bool
    ) -> tuple[dict[str, dict[str, Any]], bool]:
        """Add what is about to be protected and drop what no longer is. Returns the record and whether it changed. Raises RecordError."""
        before = self.read()
        # Of a user who is recorded, what was before the first rollout is what a roll-back restores. Who protects them now can take it back.
        after = {**before, **{user_id: {**entry, "before": before.get(user_id, entry)["before"]} for user_id, entry in adds.items()}}
        for user_id in drops:
            after.pop(user_id, None)
        if after != before and not check_mode:
            try:
                make_directory(self.path.parent)
                replace_file(self.path, (json_text({"protected": after}, indent=1) + "\n").encode("utf-8"))
            except OSError as error:
                raise RecordError(f"{error.filename2 or self.path} cannot be written: {error.strerror}.") from None
        return after, after != before


def _is_entry(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("strategy"), str) and isinstance(entry.get("before"), dict)
