# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Enrols users one after the other with the vendor's SDK, as a script of some pages would: sdk.py FILE USERS."""

from __future__ import annotations

import base64
import hmac
import json
import struct
import sys
import time
from pathlib import Path
from typing import Any

from huaweicloudsdkcore.auth.credentials import GlobalCredentials
from huaweicloudsdkiam import v3


def code(seed: str, step: int) -> str:
    """The code of a step (RFC 6238)."""
    digest = hmac.new(base64.b32decode(seed), struct.pack(">Q", step), "sha1").digest()
    offset = digest[-1] & 15
    return f"{(struct.unpack_from('>I', digest, offset)[0] & 0x7FFFFFFF) % 1000000:06d}"


def client(cloud: dict[str, Any], account: dict[str, Any], who: dict[str, Any]) -> Any:
    """A client that signs as somebody."""
    credentials = GlobalCredentials(who["access_key"], who["secret_key"], account["domain_id"])
    return v3.IamClient.new_builder().with_credentials(credentials).with_endpoint(cloud["url"]).build()


def log_in(own: Any, user: dict[str, Any], account: str) -> None:
    """Get a token for a password. The SDK signs its calls, and has no use for one."""
    known = v3.PwdPasswordUser(name=user["name"], password=user["password"], domain=v3.PwdPasswordUserDomain(name=account))
    identity = v3.PwdIdentity(methods=["password"], password=v3.PwdPassword(user=known))
    body = v3.KeystoneCreateUserTokenByPasswordRequestBody(
        v3.PwdAuth(identity=identity, scope=v3.AuthScope(domain=v3.AuthScopeDomain(name=account)))
    )
    own.keystone_create_user_token_by_password(v3.KeystoneCreateUserTokenByPasswordRequest(nocatalog="true", body=body))


def enrol(own: Any, admin: Any, user: dict[str, Any], account: str) -> None:
    """Log in, create, bind as the user himself, protect."""
    log_in(own, user, account)
    user_id = user["user_id"]
    wanted = v3.CreateMfaDevice(name=f"mfa-{user_id}", user_id=user_id)
    request = v3.CreateMfaDeviceRequest(body=v3.CreateMfaDeviceReq(virtual_mfa_device=wanted))
    device = admin.create_mfa_device(request).virtual_mfa_device
    step = int(time.time() // 30)
    binding = v3.BindMfaDevice(
        user_id=user_id,
        serial_number=device.serial_number,
        authentication_code_first=code(device.base32_string_seed, step - 1),
        authentication_code_second=code(device.base32_string_seed, step),
    )
    own.create_binding_device(v3.CreateBindingDeviceRequest(body=binding))
    change = v3.UpdateLoginProjectReq(login_protect=v3.UpdateLoginProject(enabled=True, verification_method="vmfa"))
    admin.update_login_protect(v3.UpdateLoginProtectRequest(user_id=user_id, body=change))


def main(path: Path, users: int) -> None:
    """Enrol the first users of the cloud that the file describes."""
    cloud = json.loads(path.read_text(encoding="utf-8"))
    account = cloud["accounts"][0]
    admin = client(cloud, account, account["admin"])
    for user in account["users"][:users]:
        enrol(client(cloud, account, user), admin, user, account["name"])


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
