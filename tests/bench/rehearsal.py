# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A rehearsal cloud in a process of its own: started, steered, looked at."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import requests
from measure import Failed, Requests

# The counters of what must not happen: it is the first thing that locks users.
WRONG = ("wrong_codes", "refused_codes", "wrong_passwords")


class Rehearsal:
    """A running cloud, until it is stopped. Its options are those of ``python3 tests/simulator``."""

    def __init__(self, simulator: Path, **options: float | str) -> None:
        words = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", str(value))]
        self._process = subprocess.Popen(
            [sys.executable, str(simulator), "--port", "0", "--until-eof", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise Failed("the rehearsal cloud did not start")
        self.described: dict[str, Any] = json.loads(line)
        self.url: str = self.described["url"]
        self.accounts: list[dict[str, Any]] = self.described["accounts"]
        self._session = requests.Session()
        self._session.trust_env = False

    def stop(self) -> None:
        """End the cloud."""
        self._session.close()
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait(timeout=30)

    def reset(self) -> None:
        """Forget the requests and counts so far."""
        self._session.post(f"{self.url}/_rehearsal/reset-counters", json={}, timeout=60).raise_for_status()

    def log(self) -> list[dict[str, Any]]:
        """The requests since the last reset, in the order in which they arrived; ``at`` is the time in seconds since the epoch."""
        return list(self._steering("log")["log"])

    def state(self) -> dict[str, Any]:
        """The truth about every user."""
        return self._steering("state")

    def token(self, user: dict[str, Any], account: str) -> str:
        """A token of a user."""
        domain = {"name": account}
        known = {"name": user["name"], "password": user["password"], "domain": domain}
        body = {"auth": {"identity": {"methods": ["password"], "password": {"user": known}}, "scope": {"domain": domain}}}
        response = self._session.post(f"{self.url}/v3/auth/tokens", json=body, timeout=60)
        response.raise_for_status()
        return response.headers["X-Subject-Token"]

    def _steering(self, name: str) -> dict[str, Any]:
        response = self._session.get(f"{self.url}/_rehearsal/{name}", timeout=60)
        response.raise_for_status()
        return dict(response.json())


def count(log: Iterable[dict[str, Any]]) -> Requests:
    """What stands in a cloud's log."""
    entries = list(log)
    return Requests(
        by_route=dict(Counter(str(entry["route"]) for entry in entries)),
        refused=sum(1 for entry in entries if entry["status"] == 429),
        further_pages=sum(1 for entry in entries if "marker=" in entry["query"]),
    )


def check_enrolled(state: dict[str, Any], user_ids: Collection[str], wrong_codes_allowed: bool = False) -> None:
    """Raise Failed unless every one of the users has a bound device and ``vmfa`` protection, and nothing wrong was sent on the way."""
    wanted = set(user_ids)
    enrolled = {user["user_id"] for user in state["users"] if _is_enrolled(user)}
    if not wanted <= enrolled:
        raise Failed(f"{len(wanted - enrolled)} of {len(wanted)} users are not enrolled")
    wrong = {name: state["counters"][name] for name in WRONG if state["counters"][name]}
    if wrong and not wrong_codes_allowed:
        raise Failed(f"wrong codes or passwords were sent: {wrong}")


def check_untouched(state: dict[str, Any]) -> None:
    """Raise Failed if anything was changed since the last reset."""
    if state["counters"]["writes"]:
        raise Failed(f"{state['counters']['writes']} changes were made where there was nothing to do")


def _is_enrolled(user: dict[str, Any]) -> bool:
    device, protection = user["device"], user["protection"]
    return bool(device and device["bound"] and protection and protection["enabled"] and protection["verification_method"] == "vmfa")
