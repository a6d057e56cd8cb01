# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What rollouts did to login protection, so that a roll-back lifts just that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.account_file import AccountFile


class RolloutRecord(AccountFile):
    """User id -> ``strategy``, ``name``, and ``before``, the protection that the user had. All of it raises AccountFileError."""

    def __init__(self, directory: str, account: str, in_store: bool = False) -> None:
        super().__init__(directory, account, "record", "protected", _is_entry, in_store)

    def change(
        self, adds: Mapping[str, Mapping[str, Any]], drops: Iterable[str], check_mode: bool
    ) -> tuple[dict[str, dict[str, Any]], bool]:
        """Add what is about to be protected and drop what no longer is. Returns the record and whether it changed."""
        before = self.read()
        # Of a user who is recorded, what was before the first rollout is what a roll-back restores. Who protects them now can take it back.
        after = {**before, **{user_id: {**entry, "before": before.get(user_id, entry)["before"]} for user_id, entry in adds.items()}}
        for user_id in drops:
            after.pop(user_id, None)
        if after != before and not check_mode:
            self.write(after)
        return after, after != before


def _is_entry(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("strategy"), str) and isinstance(entry.get("before"), dict)


class LiftedProtection(AccountFile):
    """User id -> the protection that a reset or a rotation has lifted for a moment. Raises AccountFileError."""

    def __init__(self, directory: str, account: str, in_store: bool = False) -> None:
        super().__init__(directory, account, "lifted", "lifted", _is_protection, in_store)

    def change(self, adds: Mapping[str, Mapping[str, Any]], drops: Iterable[str], check_mode: bool) -> dict[str, dict[str, Any]]:
        """Add what is about to be lifted, and drop what has been set again. Returns what is lifted."""
        before = self.read()
        after = {**before, **{user_id: dict(protection) for user_id, protection in adds.items()}}
        for user_id in drops:
            after.pop(user_id, None)
        if after != before and not check_mode:
            self.write(after)
        return after


def _is_protection(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("enabled"), bool)
