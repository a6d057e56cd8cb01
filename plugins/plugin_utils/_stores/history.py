# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a report first saw each user of an account, for clouds that do not tell when a user was created."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.users import instant
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.account_file import AccountFile


class SeenUsers(AccountFile):
    """User id -> the time of the first report. Users who are gone are forgotten. All of it raises AccountFileError."""

    def __init__(self, directory: str, account: str, in_store: bool = False) -> None:
        super().__init__(directory, account, "history", "first_seen", _is_time, in_store)

    def see(self, user_ids: Collection[str], now: str, check_mode: bool) -> tuple[dict[str, str], bool]:
        """Note who is there at ``now``. Returns when each was first seen, and whether that changed."""
        before = self.read()
        after = {user_id: before.get(user_id, now) for user_id in user_ids}
        if after != before and not check_mode:
            self.write(after)
        return after, after != before


def _is_time(value: Any) -> bool:
    return isinstance(value, str) and instant(value) == value
