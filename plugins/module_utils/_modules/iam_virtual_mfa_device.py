# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Create and remove virtual MFA devices: the work of ``iam_virtual_mfa_device``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError, OptionError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.iam import UNBOUND, UNKNOWN, Device, NewDevice
from ansible_collections.hwc.mfa.plugins.module_utils._modules.bulk import reconcile, summarize, unique_users
from ansible_collections.hwc.mfa.plugins.module_utils._modules.device_access import Actors, DeviceReader, DeviceWriter
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_virtual_mfa_bind import Codes, unbind
from ansible_collections.hwc.mfa.plugins.module_utils._runner.context import AUTH_SPEC, FLEET_SPEC, ITEM_AUTH_SPEC, Context, Definition

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)

KEEP, CREATE, REPLACE = "keep", "create", "replace"

_ROUNDS = 3
"""How often one user's device is looked at anew before giving up on a race with somebody else."""


def decide(device: Device | None, replace: str, presume_unbound: bool) -> str:
    """What ``state=present`` does with what there is: keep it, create one, or delete an unbound one and make it anew."""
    if device is None:
        return CREATE
    if replace == "unbound" and (device.binding == UNBOUND or (device.binding == UNKNOWN and presume_unbound)):
        return REPLACE
    return KEEP


def device_name(name: str | None, user_id: str) -> str:
    """The name to create a device with; without one given it is made from the user's id, since names are unique in an account. Raises OptionError."""
    if name is None:
        return ("mfa-" + re.sub(r"[^A-Za-z0-9_-]", "-", user_id))[:64]
    if not _NAME.fullmatch(name):
        raise OptionError("name must have 1 to 64 characters, each a letter A to Z, a digit, '-' or '_'.")
    return name


class _Maker:
    """What the items of one run share."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.replace = context.params["replace"]
        self.actors = Actors(context)
        self._others_may_create = True

    def present(self, item: Mapping[str, Any]) -> dict[str, Any]:
        user_id = item["user_id"]
        name = device_name(item["name"], user_id)
        reader, writer, own = self.actors.for_item(item)
        device = reader.known(user_id)
        presume_unbound = bool(item["presume_unbound"])
        rounds_left = _ROUNDS
        while True:
            rounds_left -= 1
            step = decide(device, self.replace, presume_unbound)
            if device is not None and step == KEEP:
                return _outcome(device, False)
            if self.context.check_mode:
                return {"user_id": user_id, "serial_number": None, "binding": UNBOUND, "changed": True}
            if device is not None:
                self._delete_unbound(device, reader, writer)
            try:
                made = self._create(user_id, name, writer, own)
            except CloudError as error:
                if error.status == 403 and not own:
                    error.hint = "This cloud lets only the user himself create his device: give his own credentials in his item of devices."
                if error.status != 409 and not error.uncertain:
                    raise
                device = reader.read_until(user_id, lambda seen: seen is not None)
                if error.uncertain and device is not None:
                    # It was not there before, and nobody has its seed: it is the one whose answer was lost.
                    presume_unbound = True
                    if decide(device, self.replace, presume_unbound) == KEEP:
                        error.hint = (
                            "A device was made, and its seed is lost with the answer: run again with replace=unbound, which makes it anew."
                        )
                        raise
                if not rounds_left or (device is None and error.status == 409):
                    raise
                continue
            return _created(user_id, made)

    def _create(self, user_id: str, name: str, writer: DeviceWriter, own: bool) -> NewDevice:
        """Create with the module's credentials, which costs no login of the user, and where the cloud lets only him, with his own."""
        office = self.actors.office if own and self._others_may_create else None
        if office is not None:
            try:
                return office.create(user_id, name)
            except CloudError as error:
                if error.status != 403:
                    raise
                self._others_may_create = False
        return writer.create(user_id, name)

    def _delete_unbound(self, device: Device, reader: DeviceReader, writer: DeviceWriter) -> None:
        """Delete a device without unbinding it, so that one that is bound after all survives."""
        try:
            writer.delete(device)
        except CloudError as error:
            if not error.uncertain:
                if error.status in (400, 409):
                    error.hint = "The device cannot be deleted as it is: it may be bound after all, and is left alone."
                raise
        left = reader.read_until(device.user_id, lambda seen: seen is None)
        if left is not None and left.serial_number == device.serial_number:
            raise CloudError(
                f"device {device.serial_number} is still there after its deletion: it may be bound after all, and is left alone"
            )

    def absent(self, item: Mapping[str, Any]) -> dict[str, Any]:
        user_id = item["user_id"]
        reader, writer, own = self.actors.for_item(item)
        device = reader.known(user_id)
        if device is None:
            return {"user_id": user_id, "serial_number": None, "binding": UNBOUND, "changed": False}
        if self.context.check_mode:
            return _outcome(device, True)
        if device.binding != UNBOUND:
            unbind(self.context, device, reader, writer, Codes({}, needed=False), own)
        try:
            writer.delete(device)
        except CloudError as error:
            if not error.uncertain and error.status != 404:
                raise
        left = reader.read_until(user_id, lambda seen: seen is None)
        if left is not None:
            raise CloudError(
                f"device {left.serial_number} is still there after its deletion; run again, and see whether login protection holds it"
            )
        return {"user_id": user_id, "serial_number": device.serial_number, "binding": UNBOUND, "changed": True}


def _outcome(device: Device, changed: bool) -> dict[str, Any]:
    return {"user_id": device.user_id, "serial_number": device.serial_number, "binding": device.binding, "changed": changed}


def _created(user_id: str, made: NewDevice) -> dict[str, Any]:
    return {"user_id": user_id, "serial_number": made.serial_number, "binding": UNBOUND, "changed": True, "seed": made.seed}


def work_device(context: Context) -> dict[str, Any]:
    """The work of ``iam_virtual_mfa_device``: one user's flat options are a list of one."""
    params = context.params
    items = params["devices"] if params["devices"] is not None else [{name: params[name] for name in _ITEM_SPEC}]
    maker = _Maker(context)
    present = params["state"] == "present"
    maker.actors.prefetch(items, mostly_without=present)
    outcomes = reconcile(
        unique_users(items),
        maker.present if present else maker.absent,
        lambda item: {"user_id": item["user_id"], "serial_number": None, "binding": UNKNOWN, "changed": False},
        params["concurrency"],
    )
    result = summarize(outcomes, "devices", "users")
    if any(outcome.get("seed") for outcome in outcomes):
        # The result is censored because it holds seeds; what failed must be seen all the same.
        for outcome in outcomes:
            if outcome["failed"]:
                context.warn(f"user {outcome['user_id']}: {outcome['msg']}")
    if context.diff:
        changing = [outcome["user_id"] for outcome in outcomes if outcome["changed"]]
        without, with_one = dict.fromkeys(changing), dict.fromkeys(changing, "virtual MFA device")
        result["diff"] = {"before": without if present else with_one, "after": with_one if present else without}
    return result


_ITEM_SPEC: dict[str, dict[str, Any]] = {
    "user_id": {"type": "str"},
    "name": {"type": "str"},
    "presume_unbound": {"type": "bool", "default": False},
}

DEVICE = Definition(
    argument_spec={
        **AUTH_SPEC,
        **FLEET_SPEC,
        **_ITEM_SPEC,
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "replace": {"type": "str", "choices": ["never", "unbound"], "default": "never"},
        "api": {"type": "str", "choices": ["auto", "v3", "v5"], "default": "auto"},
        "devices": {
            "type": "list",
            "elements": "dict",
            "options": {**_ITEM_SPEC, "user_id": {"type": "str", "required": True}, **ITEM_AUTH_SPEC},
        },
    },
    work=work_device,
    many="devices",
    relations={
        "mutually_exclusive": [["devices", "user_id"], ["devices", "name"]],
        "required_one_of": [["user_id", "devices"]],
    },
    returns_seeds=True,
)
