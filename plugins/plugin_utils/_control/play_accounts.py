# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which host of a play works on which account of the cloud: two hosts that reach the same one would remake each other's devices."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ansible import constants
from ansible_collections.hwc.mfa.plugins.module_utils._auth.agency import OPTION as AGENCY
from ansible_collections.hwc.mfa.plugins.module_utils._auth.credentials import KINDS
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.plain import omitted


def other_host(account_id: str | None, host: str) -> str | None:
    """Take the account for a host of this play. Returns the host that took it before, or None: it is ours.

    An account whose id the cloud does not tell can be anybody's. Raises OSError.
    """
    if not account_id:
        return None
    holder = _first_note("account", account_id, host)
    return None if holder == host else holder


def other_account(report: Path, account_id: str | None, host: str) -> str | None:
    """Take the file of a report for an account. Returns the host that took it for another account before, or None.

    The file itself does not tell: two hosts look for it before either writes. Raises OSError.
    """
    if not account_id:
        return None
    holder_id, _space, holder = _first_note("report", str(report), f"{quote(account_id)} {host}").partition(" ")
    return None if holder_id == quote(account_id) else holder


def _first_note(kind: str, about: str, text: str) -> str:
    """The note that was made first in this play about a thing: ``text``, unless there is one. It lies in the play's own temporary directory."""
    name = hashlib.sha256(about.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    path = Path(constants.DEFAULT_LOCAL_TMP) / f"hwc.mfa-{kind}-{name}"
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        # Written in one go, but not at the moment at which it is created.
        for _try in range(50):
            found = path.read_text(encoding="utf-8")
            if found.endswith("\n"):
                return found.rstrip("\n")
            time.sleep(0.02)
        return found or "another host"
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(f"{text}\n")
    return text


_CREDENTIALS = (*(option for kind in KINDS for option in kind.telling), "cloud", AGENCY)
"""The options that tell which account a host is. ``cloud`` names an entry of a file that has credentials; an agency names its account itself."""


def with_own_credentials(task_vars: Mapping[str, Any], params: Mapping[str, Any]) -> str | None:
    """Another host of the play that has credentials of its own, where this one (``params``) has none and would take the environment's.

    Variables are looked at and not evaluated: what is a template may give credentials.
    """
    if any(params.get(option) for option in _CREDENTIALS):
        return None
    hostvars = task_vars.get("hostvars")
    hosts = [str(host) for host in task_vars.get("ansible_play_hosts_all") or ()]
    if hostvars is None or len(hosts) < 2:
        return None
    return next((host for host in hosts if host != task_vars.get("inventory_hostname") and _has_credentials(hostvars.raw_get(host))), None)


def _has_credentials(variables: Any) -> bool:
    auth = variables.get("mfa_rollout_auth") if isinstance(variables, Mapping) else None
    if isinstance(auth, Mapping):
        return any(auth.get(option) and not omitted(auth[option]) for option in _CREDENTIALS)
    return bool(auth)
