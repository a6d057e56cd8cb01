# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Devices as this play has just written them, where the cloud may still show what was before."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.iam import UNKNOWN, VIRTUAL, Device
from ansible_collections.hwc.mfa.plugins.module_utils._modules.device_access import DeviceReader, same_serial
from ansible_collections.hwc.mfa.plugins.module_utils._runner.own_writes import OwnWrites

DEVICES = "device"
"""The kind of ``OwnWrites`` that notes of each user the serial number and the binding of their virtual device."""


def as_written(writes: OwnWrites, user_id: str, device: Device | None, reader: DeviceReader) -> Device | None:
    """A device as the cloud showed it; with the binding ``unknown`` where this play has just written otherwise.

    A device that this play has just created, and that is not shown yet, is waited for. It is certainly a virtual one.
    """
    written = writes.of(user_id)
    if written is None:
        return device
    serial_number, binding = written
    if device is None:
        device = reader.read_until(user_id, lambda seen: seen is not None, serial_number)
    if device is None or not same_serial(device.serial_number, serial_number):
        return device
    return replace(device, binding=device.binding if device.binding == binding else UNKNOWN, kind=VIRTUAL)
