# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that say how to speak HTTP, checked."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import OptionError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.transport import HttpSettings


def http_settings(params: Mapping[str, Any]) -> HttpSettings:
    verify: bool | str = bool(params["validate_certs"])
    if params.get("ca_path"):
        if not verify:
            raise OptionError("ca_path has no effect with validate_certs=false: give one of them.")
        verify = _checked_ca_path(params["ca_path"])
    if not 0 < params["timeout"] <= 3600:
        raise OptionError("timeout must be more than 0 and at most 3600 seconds.")
    if not 0 <= params["retries"] <= 100:
        raise OptionError("retries must be from 0 to 100.")
    return HttpSettings(verify, params["timeout"], params["retries"], pool_size=_pool_size(params))


def _checked_ca_path(path: str) -> str:
    try:
        if os.path.isdir(path):
            ssl.create_default_context(capath=path)
        else:
            ssl.create_default_context(cafile=path)
    except OSError as error:  # ssl.SSLError too, where there is no certificate in it
        reason = error.strerror if error.__class__ is not ssl.SSLError and error.strerror else "there is no PEM certificate in it"
        raise OptionError(f"ca_path cannot be used: {reason}.") from None
    except ValueError:  # a NUL, or a code that is no character
        raise OptionError("ca_path cannot be used: it holds a character that no path can have.") from None
    return path


def _pool_size(params: Mapping[str, Any]) -> int:
    concurrency = 1 if params.get("concurrency") is None else params["concurrency"]
    if not 1 <= concurrency <= 256:
        raise OptionError("concurrency must be from 1 to 256.")
    return concurrency
