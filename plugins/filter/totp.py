# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import struct
import time
from typing import Any, Callable

from ansible.errors import AnsibleFilterError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud import totp as codes
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import OptionError
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.plain import decrypted


def totp(seed: Any, at: float | None = None) -> str:
    """The code of a base32 ``seed`` at ``at`` (seconds since the epoch, default now), a string of six digits."""
    seed = decrypted(seed)
    if not isinstance(seed, str):
        raise AnsibleFilterError("hwc.mfa.totp: the input must be a base32 seed, a string.")
    try:
        return codes.totp(seed, time.time() if at is None else float(at))
    except OptionError as error:
        raise AnsibleFilterError(f"hwc.mfa.totp: {error}") from None
    except (TypeError, ValueError, OverflowError, struct.error):
        raise AnsibleFilterError("hwc.mfa.totp: at must be a time in seconds since the epoch, not before it.") from None


class FilterModule:
    """Codes of virtual MFA devices."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"totp": totp}
