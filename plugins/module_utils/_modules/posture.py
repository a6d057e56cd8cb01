# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What MFA comes to for a user, in one word, and for an account, in numbers. Pure decisions over the entries of ``iam_mfa_info``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.iam import BOUND, UNBOUND, UNKNOWN, VIRTUAL
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.users import NO
from ansible_collections.hwc.mfa.plugins.module_utils._modules.protections import VMFA

PROTECTED, NOT_NEEDED, ENROLLED_ONLY, REQUIRED_ONLY = "protected", "not_needed", "enrolled_only", "required_only"
UNPROTECTED, DISABLED = "unprotected", "disabled"

POSTURES = (PROTECTED, ENROLLED_ONLY, REQUIRED_ONLY, UNPROTECTED, UNKNOWN, NOT_NEEDED, DISABLED)
"""From the best to the worst of those who need MFA, then those who do not."""

IN_NEED = POSTURES[:5]
"""The postures of users who need MFA: they are enabled, and nothing says that they cannot log in to the console."""


def posture_of(enabled: bool | None, console_access: str | None, binding: str | None, vmfa: bool) -> str:
    """A user's posture.

    ``binding`` is that of the user's virtual device, None where there is none, and ``unknown`` where the cloud does not tell. ``vmfa`` is
    whether login protection asks for a code of it. The first line that fits counts:

    ==========  ==============  =========  =====  ==============
    enabled     console_access  binding    vmfa   posture
    ==========  ==============  =========  =====  ==============
    no                                            disabled
                no                                not_needed
                                bound      yes    protected
                                bound      no     enrolled_only
                                unknown    yes    unknown
                                           yes    required_only
                                                  unprotected
    ==========  ==============  =========  =====  ==============

    A code by SMS or e-mail is no code of a device: such a user counts like one whose login protection is off.
    """
    if enabled is False:
        return DISABLED
    if console_access == NO:
        return NOT_NEEDED
    if binding == BOUND:
        return PROTECTED if vmfa else ENROLLED_ONLY
    if vmfa:
        return UNKNOWN if binding == UNKNOWN else REQUIRED_ONLY
    return UNPROTECTED


def has_vmfa(entry: Mapping[str, Any]) -> bool:
    """Whether a user is asked for a code of a virtual MFA device at each login."""
    return bool(entry["login_protection"]["enabled"]) and entry["login_protection"]["verification_method"] == VMFA


def binding_of(entry: Mapping[str, Any]) -> str | None:
    """The binding of the virtual device of a user's entry, or None where there is none.

    A bound device that may be a security key does not tell whether a virtual one is bound.
    """
    device = entry["device"]
    if device is None:
        return None
    perhaps_a_key = device.get("kind", VIRTUAL) == UNKNOWN and device["binding"] == BOUND
    return UNKNOWN if perhaps_a_key else str(device["binding"])


def posture(entry: Mapping[str, Any]) -> str:
    """The posture of a user's entry."""
    return posture_of(entry["enabled"], entry.get("console_access"), binding_of(entry), has_vmfa(entry))


def coverage(counts: Mapping[str, int]) -> float:
    """How many per cent of those who need MFA are protected, with one decimal that never rounds up to 100; 100.0 where nobody needs it."""
    needed = sum(counts[name] for name in IN_NEED)
    return 100.0 if needed == 0 else (1000 * counts[PROTECTED] // needed) / 10


def summary(users: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Counts over the users of an account."""

    def count(fits: Any) -> int:
        return sum(1 for user in users if fits(user))

    postures = {name: count(lambda user, name=name: user["posture"] == name) for name in POSTURES}
    return {
        "users": len(users),
        "enabled": count(lambda user: user["enabled"]),
        "without_device": count(lambda user: user["device"] is None),
        BOUND: count(lambda user: binding_of(user) == BOUND),
        UNBOUND: count(lambda user: binding_of(user) == UNBOUND),
        UNKNOWN: count(lambda user: binding_of(user) == UNKNOWN),
        "login_protection": count(lambda user: user["login_protection"]["enabled"]),
        "vmfa": count(has_vmfa),
        # Who is certain to be asked for a code, needed or not.
        "protected": count(lambda user: binding_of(user) == BOUND and has_vmfa(user)),
        "posture": postures,
        "coverage": coverage(postures),
    }
