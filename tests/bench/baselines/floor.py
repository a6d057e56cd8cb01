# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The floor: what enrolling must cost at the least. The four calls a user, at once in a bare thread pool, and nothing else: floor.py FILE USERS THREADS."""

from __future__ import annotations

import base64
import concurrent.futures
import hmac
import json
import struct
import sys
import time
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter

# A pair can be refused at the edge of a step; a user whose devices refuse so many is not refused by chance.
TRIES = 3


def code(key: bytes, step: int) -> str:
    """The code of a step (RFC 6238)."""
    digest = hmac.new(key, struct.pack(">Q", step), "sha1").digest()
    offset = digest[-1] & 15
    return f"{(struct.unpack_from('>I', digest, offset)[0] & 0x7FFFFFFF) % 1000000:06d}"


def log_in(session: requests.Session, url: str, user: dict[str, Any], account: str) -> dict[str, str]:
    """The header with a user's token."""
    domain = {"name": account}
    known = {"name": user["name"], "password": user["password"], "domain": domain}
    body = {"auth": {"identity": {"methods": ["password"], "password": {"user": known}}, "scope": {"domain": domain}}}
    response = session.post(f"{url}/v3/auth/tokens?nocatalog=true", json=body)
    response.raise_for_status()
    return {"X-Auth-Token": response.headers["X-Subject-Token"]}


def bind(session: requests.Session, url: str, user_id: str, device: dict[str, str], headers: dict[str, str]) -> None:
    """Bind a device with codes of the moment."""
    key = base64.b32decode(device["base32_string_seed"])
    for _try in range(TRIES):
        step = int(time.time() // 30)
        codes = {"authentication_code_first": code(key, step - 1), "authentication_code_second": code(key, step)}
        body = {"user_id": user_id, "serial_number": device["serial_number"], **codes}
        response = session.put(f"{url}/v3.0/OS-MFA/mfa-devices/bind", json=body, headers=headers)
        if response.status_code != 400:
            break
    response.raise_for_status()


def main(path: Path, users: int, threads: int) -> None:
    """Enrol the first users of the cloud that the file describes."""
    cloud = json.loads(path.read_text(encoding="utf-8"))
    url, account = cloud["url"], cloud["accounts"][0]
    session = requests.Session()
    session.trust_env = False
    session.mount("http://", HTTPAdapter(pool_maxsize=threads))
    admin = log_in(session, url, account["admin"], account["name"])

    def enrol(user: dict[str, Any]) -> None:
        own, user_id = log_in(session, url, user, account["name"]), user["user_id"]
        body: dict[str, Any] = {"virtual_mfa_device": {"name": f"mfa-{user_id}", "user_id": user_id}}
        created = session.post(f"{url}/v3.0/OS-MFA/virtual-mfa-devices", json=body, headers=own)
        created.raise_for_status()
        bind(session, url, user_id, created.json()["virtual_mfa_device"], own)
        body = {"login_protect": {"enabled": True, "verification_method": "vmfa"}}
        session.put(f"{url}/v3.0/OS-USER/users/{user_id}/login-protect", json=body, headers=admin).raise_for_status()

    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        list(pool.map(enrol, account["users"][:users]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
