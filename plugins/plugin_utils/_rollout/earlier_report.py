# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report that an earlier run has left of an account."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import legible
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.files import account_path, directory_at, read_file


def of_another_account(path: Path, account_id: str | None) -> str | None:
    """Why a run at an account must not replace the report in ``path``, or None.

    Two accounts of the cloud that have one name here would replace each other's evidence, and share a record.
    """
    found = _account_in(path)
    if found is None or account_id is None or found == account_id:
        return None
    return (
        f"{legible(path, 255)} is the report of the account with the id {legible(found, 80)}, and the credentials reach the account with the id"
        f" {legible(account_id, 80)}: give each account an mfa_rollout_account of its own, or move the files of the other one away."
    )


def report_path(directory: str, name: str) -> Path | None:
    """The file that has, or will have, the report of an account; None where the directory or the name can be none."""
    try:
        return account_path(directory_at(directory), name, ".json")
    except ValueError:
        return None


def _account_in(path: Path) -> str | None:
    """The cloud's id of the account that a report tells of; None where it tells none, or there is none that can be read."""
    try:
        account = json.loads(read_file(path))["cloud_account"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
    account_id = account.get("id") if isinstance(account, Mapping) else None
    return account_id if isinstance(account_id, str) else None
