# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Devices as this play has just written them, where the cloud may still show what was before."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.iam import BOUND, UNBOUND, UNKNOWN, VIRTUAL, Device
from ansible_collections.hwc.mfa.plugins.module_utils._modules.device_access import DeviceReader, same_serial
from ansible_collections.hwc.mfa.plugins.module_utils._runner.own_writes import OwnWrites

DEVICES = "device"
"""The kind of ``OwnWrites`` that notes of each user the serial number and the binding of their virtual device."""


def as_written(writes: OwnWrites, user_id: str, device: Device | None, reader: DeviceReader) -> Device | None:
    """A device as the cloud showed it; with the binding ``unknown`` where this play has just written otherwise, so that what is shown may be old.

    A device that this play has just created, and that is not shown yet, is waited for. It is certainly a virtual one.
    """
    written = writes.last(user_id)
    if written is None:
        return device
    serial_number = written[0]
    if device is None and writes.of(user_id) is not None:
        device = reader.read_until(user_id, lambda seen: seen is not None, serial_number)
    if device is None or not same_serial(device.serial_number, serial_number):
        return device
    old = writes.newer_than(user_id, serial_number, device.binding) is not None
    return replace(device, binding=UNKNOWN if old else device.binding, kind=VIRTUAL)


def note_bound(writes: OwnWrites, device: Device) -> None:
    """Note that this play has bound a device."""
    writes.note(device.user_id, device.serial_number, BOUND, replaced=(device.serial_number, UNBOUND))


def note_unbound(writes: OwnWrites, device: Device) -> None:
    """Note that this play has unbound a device."""
    writes.note(device.user_id, device.serial_number, UNBOUND, replaced=(device.serial_number, BOUND))
