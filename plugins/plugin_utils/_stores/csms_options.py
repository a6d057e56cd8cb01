# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of Huawei Cloud's secret management service (CSMS), checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._auth.access_key import AccessKey
from ansible_collections.hwc.mfa.plugins.module_utils._auth.credentials import find
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.endpoints import secrets_endpoint
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import OptionError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.transport import HttpSettings
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.service_options import timeout_in, verification
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.store import StoreError

CSMS_SPEC: Mapping[str, Mapping[str, Any]] = {
    "region": {"type": "str"},
    "endpoint": {"type": "str"},
    "project_id": {"type": "str"},
    "access_key": {"type": "str", "no_log": False},
    "secret_key": {"type": "str", "no_log": True},
    "security_token": {"type": "str", "no_log": True},
    "path": {"type": "str", "default": "mfa"},
    "kms_key_id": {"type": "str", "no_log": False},
    "enterprise_project_id": {"type": "str"},
    "validate_certs": {"type": "bool", "default": True},
    "ca_path": {"type": "path"},
    "timeout": {"type": "float", "default": 30},
}

_KEYS = ("access_key", "secret_key", "security_token")
_PROJECT_VARIABLES = ("HW_PROJECT_ID", "OS_PROJECT_ID")
_PATH = re.compile(r"[a-zA-Z0-9_-]{1,16}", re.ASCII)
_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}", re.ASCII)

_RETRIES = 4
_CONNECTIONS = 8


@dataclass(frozen=True)
class CsmsOptions:
    """Where the secrets are, and who works with them."""

    url: str
    project_id: str
    key: AccessKey
    path: str
    http: HttpSettings
    kms_key_id: str | None = None
    enterprise_project_id: str | None = None


def csms_options(params: Mapping[str, Any], env: Mapping[str, str]) -> CsmsOptions:
    """Options of a task, completed from the environment. Raises StoreError with a sentence that names the option."""
    params = {**{name: option.get("default") for name, option in CSMS_SPEC.items()}, **params}
    try:
        url = secrets_endpoint(params, env)
        keys = {name: params[name] for name in _KEYS if params[name]}
        found = find({**keys, "region": params["region"]}, env).credentials
    except OptionError as error:
        raise StoreError(str(error)) from None
    if not isinstance(found, AccessKey):
        raise StoreError(
            "access_key and secret_key are missing: the secret management service is reached with access keys (options access_key and"
            " secret_key, or HW_ACCESS_KEY and HW_SECRET_KEY)."
        )
    project_id = params["project_id"] or next((env[name] for name in _PROJECT_VARIABLES if env.get(name)), "")
    if not project_id:
        raise StoreError(
            "project_id is missing: give the id of the region's project in which the secrets are to be (option project_id, or"
            f" {_PROJECT_VARIABLES[0]}). The console shows it under My Credentials."
        )
    for name, value in (("project_id", project_id), *((name, params[name]) for name in ("kms_key_id", "enterprise_project_id"))):
        if value and not _ID.fullmatch(value):
            raise StoreError(f"{name} must be an id.")
    if not _PATH.fullmatch(params["path"]):
        raise StoreError("path must be 1 to 16 letters, digits, hyphens or underscores: names of secrets begin with it.")
    return CsmsOptions(
        url=url,
        project_id=project_id,
        key=found,
        path=params["path"],
        http=HttpSettings(
            verification(params["validate_certs"], params["ca_path"], "ca_path"), timeout_in(params["timeout"]), _RETRIES, _CONNECTIONS
        ),
        kms_key_id=params["kms_key_id"] or None,
        enterprise_project_id=params["enterprise_project_id"] or None,
    )
