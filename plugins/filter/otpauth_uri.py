# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable

from ansible.errors import AnsibleFilterError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import OptionError
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.plain import decrypted
from ansible_collections.hwc.mfa.plugins.plugin_utils._handover.otpauth import key_uri


def otpauth_uri(seed: Any, account: str, issuer: str = "Huawei Cloud") -> str:
    """The ``otpauth://`` URI of a base32 ``seed``, as authenticator apps scan it; ``account`` names the user in the app."""
    seed = decrypted(seed)
    if not isinstance(seed, str):
        raise AnsibleFilterError("hwc.mfa.otpauth_uri: the input must be a base32 seed, a string.")
    try:
        return key_uri(seed, str(account or ""), str(issuer or ""))
    except OptionError as error:
        raise AnsibleFilterError(f"hwc.mfa.otpauth_uri: {error}") from None
    except UnicodeEncodeError:
        raise AnsibleFilterError("hwc.mfa.otpauth_uri: account and issuer must not hold codes that are no characters.") from None


class FilterModule:
    """What an authenticator app is given."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"otpauth_uri": otpauth_uri}
