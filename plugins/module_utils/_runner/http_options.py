# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that say how to speak HTTP, checked."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.hwc.mfa.plugins.module_utils._cloud import endpoints
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import OptionError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.transport import HttpSettings, checked_ca_path

_INSECURE: Mapping[str, str] = {"HW_": "HW_INSECURE", "OS_": "OS_INSECURE"}


def http_settings(params: Mapping[str, Any], env: Mapping[str, str]) -> HttpSettings:
    """How to speak HTTP, of options and of the variables that may say where to go. Raises OptionError."""
    told_by = endpoints.told_by(params, env) or ""
    # What the environment says of certificates is for the host that the same family names, and for no other.
    family = next((family for family in _INSECURE if told_by.startswith(family)), None)
    verify: bool | str = _verify(params, env.get(_INSECURE[family], "") if family else "")
    if params.get("ca_path"):
        if not verify:
            raise OptionError("ca_path has no effect with validate_certs=false: give one of them.")
        verify = checked_ca_path(params["ca_path"], "ca_path")
    elif verify and family == "OS_" and env.get("OS_CACERT"):
        # As openstacksdk does, and as Ansible does with ca_path: a file names no home by itself.
        verify = checked_ca_path(os.path.expanduser(env["OS_CACERT"]), "ca_path (from OS_CACERT)")
    if not 0 < params["timeout"] <= 3600:
        raise OptionError("timeout must be more than 0 and at most 3600 seconds.")
    if not 0 <= params["retries"] <= 100:
        raise OptionError("retries must be from 0 to 100.")
    return HttpSettings(verify, params["timeout"], params["retries"], pool_size=_pool_size(params))


def _verify(params: Mapping[str, Any], insecure: str) -> bool:
    if params.get("validate_certs") is not None:
        return bool(params["validate_certs"])
    try:
        return params.get("ca_path") is not None or not boolean(insecure or "false")
    except TypeError:
        raise OptionError(
            f"validate_certs cannot be read from HW_INSECURE or OS_INSECURE: {insecure[:80]!r} is neither true nor false."
        ) from None


def _pool_size(params: Mapping[str, Any]) -> int:
    concurrency = 1 if params.get("concurrency") is None else params["concurrency"]
    if not 1 <= concurrency <= 256:
        raise OptionError("concurrency must be from 1 to 256.")
    return concurrency
