# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an audit shows of a user."""

from __future__ import annotations

from collections.abc import Sequence
from operator import eq

from ansible_collections.hwc.mfa.plugins.module_utils._modules.device_access import comparable, same_serial
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import Entry
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.store import StoredSeed


def devices_of(user: Entry) -> list[Entry]:
    """All devices that an audit shows of a user."""
    listed, device = list(user.get("devices") or ()), user["device"]
    # v3.0 may show the virtual device under a serial number that v5's listing does not have.
    if device is not None and all(each["serial_number"] != device["serial_number"] for each in listed):
        listed.append(device)
    return listed


def paired(user: Entry, seeds: Sequence[StoredSeed]) -> tuple[Entry, Entry | None, StoredSeed | None]:
    """The user, their virtual device, and its seed. A device whose seed is stored is a virtual one, whatever kind the cloud shows."""
    devices = devices_of(user)
    # Made by one API, a device may be shown by the other one as well, under a serial number of another form.
    for of_one_device in (eq, same_serial):
        for seed in seeds:
            for device in devices:
                if of_one_device(device["serial_number"], seed.serial_number):
                    return user, device, seed
    return user, user["device"], None


def stored_seed(user: Entry, seeds: Sequence[StoredSeed]) -> StoredSeed | None:
    """The one of the user's stored ``seeds`` that belongs to the device which an audit shows; None where it is not stored."""
    return paired(user, seeds)[2]


def as_known(user: Entry, seeds: Sequence[StoredSeed]) -> Entry:
    """The user as an audit shows them, with what the store knows of their device.

    A device whose seed is stored is a virtual one, and where the cloud cannot tell whether it is bound, an earlier run may have seen and stored
    that.
    """
    shown, device, seed = paired(user, seeds)
    if device is None or seed is None:
        return shown
    binding = "bound" if device["binding"] == "unknown" and seed.bound else device["binding"]
    return {**shown, "device": {**device, "binding": binding, "kind": "virtual"}}


def binding_shown(user: Entry, serial_number: str | None) -> str | None:
    """How an audit shows the device with this serial number: its binding, or None where the user does not have it."""
    if serial_number is None:
        return None
    return next((str(device["binding"]) for device in devices_of(user) if same_serial(device["serial_number"], serial_number)), None)


def tells_of(user: Entry, serial_number: str) -> bool:
    """Whether an audit tells if the user has the device with this serial number: not where it shows only those of another form."""
    devices = devices_of(user)
    return not devices or any(comparable(device["serial_number"], serial_number) for device in devices)
