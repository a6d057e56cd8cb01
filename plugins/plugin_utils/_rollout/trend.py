# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is kept of an account's earlier runs, since the newest report replaces the one before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.users import instant
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.account_file import AccountFile, AccountFileError

KEPT = 400
"""How many runs are kept: a year of daily audits, and some rollouts."""


class Trend(AccountFile):
    """The time of a run -> what it came to, in numbers. All of it raises AccountFileError."""

    def __init__(self, directory: str, account: str) -> None:
        super().__init__(directory, account, "trend", "runs", _is_point)

    def with_run(self, now: str | None, point: Mapping[str, Any]) -> dict[str, Any]:
        """The newest runs that are kept, and this one, which is not kept yet; a run whose time nobody knows is not among them."""
        runs = self.read()
        if not all(instant(when) == when for when in runs):
            raise AccountFileError(f"{self.path} is not a trend of this role.")
        if now is not None:
            runs[now] = dict(point)
        return {when: runs[when] for when in sorted(runs)[-KEPT:]}


def _is_point(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("kind"), str):
        return False
    numbers = [value.get(name) for name in ("in_need", "protected", "coverage")]
    return all(isinstance(each, (int, float)) and not isinstance(each, bool) for each in numbers) and 0 <= value["coverage"] <= 100
