# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain requests to a rehearsal cloud, for what the vendor's SDK has no call for or hides."""

from __future__ import annotations

import json
import time
from typing import Any

import requests
from simulator import signing

DEVICES = "/v3.0/OS-MFA/virtual-mfa-devices"
BIND = "/v3.0/OS-MFA/mfa-devices/bind"
UNBIND = "/v3.0/OS-MFA/mfa-devices/unbind"


class Session:
    """A user who has logged in with a password."""

    def __init__(self, cloud: Any, who: dict[str, Any]) -> None:
        self.cloud = cloud
        self.user_id = who["user_id"]
        self.http = requests.Session()
        self.log_in(who)

    def log_in(self, who: dict[str, Any]) -> None:
        answer = log_in(self.cloud, who)
        assert answer.status_code == 201, answer.text
        self.http.headers["X-Auth-Token"] = answer.headers["X-Subject-Token"]

    def __call__(self, method: str, path: str, body: Any = None, **options: Any) -> requests.Response:
        return self.http.request(method, self.cloud.url + path, json=body, timeout=10, **options)

    def create(self, name: str = "phone", user_id: str | None = None) -> requests.Response:
        return self("POST", DEVICES, {"virtual_mfa_device": {"name": name, "user_id": user_id or self.user_id}})

    def bind(self, serial: str, codes: tuple[Any, Any], user_id: str | None = None) -> requests.Response:
        body = {
            "user_id": user_id or self.user_id,
            "serial_number": serial,
            "authentication_code_first": codes[0],
            "authentication_code_second": codes[1],
        }
        return self("PUT", BIND, body)

    def unbind(self, serial: str, code: str, user_id: str | None = None) -> requests.Response:
        body = {"user_id": user_id or self.user_id, "serial_number": serial, "authentication_code": code}
        return self("PUT", UNBIND, body)

    def device(self, user_id: str | None = None) -> requests.Response:
        return self("GET", f"/v3.0/OS-MFA/users/{user_id or self.user_id}/virtual-mfa-device")

    def delete(self, serial: str, user_id: str | None = None) -> requests.Response:
        return self("DELETE", DEVICES, params={"user_id": user_id or self.user_id, "serial_number": serial})

    def protect(self, user_id: str, enabled: bool = True, method: str = "vmfa") -> requests.Response:
        body = {"login_protect": {"enabled": enabled, "verification_method": method}}
        return self("PUT", f"/v3.0/OS-USER/users/{user_id}/login-protect", body)


def log_in(cloud: Any, who: dict[str, Any], code: str | None = None, **other: Any) -> requests.Response:
    known = {**who, **other}
    identity: dict[str, Any] = {
        "methods": ["password"],
        "password": {"user": {"id": known["user_id"], "password": known["password"]}},
    }
    if code is not None:
        identity["methods"].append("totp")
        identity["totp"] = {"user": {"id": known["user_id"], "passcode": code}}
    return requests.post(f"{cloud.url}/v3/auth/tokens", json={"auth": {"identity": identity}}, timeout=10)


def refusal(answer: requests.Response) -> tuple[int, str]:
    """The status and the code, after a look at the request id."""
    assert answer.headers["X-Request-Id"]
    return answer.status_code, answer.json()["error_code"]


def signed(cloud: Any, who: dict[str, Any], method: str, path: str, body: Any = None, domain_id: str | None = None) -> requests.Response:
    """A request with a signature, by the keys of a description; a temporary key sends its security token along."""
    content = b"" if body is None else json.dumps(body).encode()
    date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(cloud.cloud.now()))
    domain = {} if domain_id is None else {"x-domain-id": domain_id}
    token = {"x-security-token": who["security_token"]} if "security_token" in who else {}
    headers = {"host": cloud.url.partition("//")[2], **domain, "x-sdk-date": date, **token}
    names = tuple(headers)
    canonical = signing.canonical_request(method, path, "", headers, names, content)
    signature = signing.signature_of(canonical, date, who["secret_key"])
    claim = f"Access={who['access_key']}, SignedHeaders={';'.join(names)}, Signature={signature}"
    headers["authorization"] = f"SDK-HMAC-SHA256 {claim}"
    return requests.request(method, cloud.url + path, data=content, headers=headers, timeout=10)


def mid_step(cloud: Any) -> None:
    """Put the clock in the middle of a step, so that no code ages during the test."""
    cloud.advance(15 - cloud.cloud.now() % 30)


def pair(cloud: Any, user_id: str, steps: int = 0) -> tuple[str, str]:
    """Two consecutive codes, the second of which is `steps` steps from now."""
    return cloud.cloud.code(user_id, steps - 1), cloud.cloud.code(user_id, steps)
