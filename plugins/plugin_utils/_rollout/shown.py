# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an audit shows of a user."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.hwc.mfa.plugins.module_utils._modules.posture import posture
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import Entry
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.store import StoredSeed


def devices_of(user: Entry) -> list[Entry]:
    """All devices that an audit shows of a user."""
    listed = user.get("devices")
    if listed:
        return list(listed)
    return [user["device"]] if user["device"] is not None else []


def paired(user: Entry, seeds: Sequence[StoredSeed]) -> tuple[Entry, Entry | None, StoredSeed | None]:
    """The user, their virtual device, and its seed. A device whose seed is stored is a virtual one, whatever kind the cloud shows."""
    for seed in seeds:
        for device in devices_of(user):
            if device["serial_number"] == seed.serial_number:
                return user, device, seed
    return user, user["device"], None


def stored_seed(user: Entry, seeds: Sequence[StoredSeed]) -> StoredSeed | None:
    """The one of the user's stored ``seeds`` that belongs to the device which an audit shows; None where it is not stored."""
    return paired(user, seeds)[2]


def posture_known(user: Entry, seeds: Sequence[StoredSeed]) -> str:
    """A user's posture, by the audit, and where the cloud cannot tell whether the device is bound, by what an earlier run saw and stored."""
    shown, device, seed = paired(user, seeds)
    if device is not None and device["binding"] == "unknown" and seed is not None and seed.bound:
        return posture({**shown, "device": {**device, "binding": "bound"}})
    return posture(shown)


def binding_shown(user: Entry, serial_number: str | None) -> str | None:
    """How an audit shows the device with this serial number: its binding, or None where the user does not have it."""
    return next((str(device["binding"]) for device in devices_of(user) if device["serial_number"] == serial_number), None)
