# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Create and remove virtual MFA devices: the work of ``iam_virtual_mfa_device``."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError, OptionError, looking_after
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.iam import BOUND, UNBOUND, UNKNOWN, Device, NewDevice
from ansible_collections.hwc.mfa.plugins.module_utils._modules.bulk import items_of, shared_spec, summarize
from ansible_collections.hwc.mfa.plugins.module_utils._modules.codes import Codes
from ansible_collections.hwc.mfa.plugins.module_utils._modules.device_access import (
    Actors,
    DeviceReader,
    DeviceWriter,
    comparable,
    refuse_unknown_kind,
    same_serial,
)
from ansible_collections.hwc.mfa.plugins.module_utils._modules.device_writes import DEVICES, as_written, note_unbound
from ansible_collections.hwc.mfa.plugins.module_utils._modules.directory import Named
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_virtual_mfa_bind import is_owner, unbind
from ansible_collections.hwc.mfa.plugins.module_utils._modules.protections import ProtectionReader
from ansible_collections.hwc.mfa.plugins.module_utils._runner.context import Context
from ansible_collections.hwc.mfa.plugins.module_utils._runner.definition import Definition
from ansible_collections.hwc.mfa.plugins.module_utils._runner.options import AUTH_SPEC, FLEET_SPEC, ITEM_AUTH_SPEC, ONE_USER, USER_SPEC

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_UNFIT_FOR_NAME = re.compile(r"[^A-Za-z0-9_-]", re.ASCII)
_ID_OR_NOTHING = re.compile("([0-9a-fA-F-]{16,})?")
_LONGEST_NAME = 64
_SUFFIX_BYTES = 4
_LONGEST_BASE = _LONGEST_NAME - 2 * _SUFFIX_BYTES - 1
"""Characters of a name before the hyphen and the end in hexadecimal digits that make it one of its own."""

_CODE_WANTED = (
    "IAM v3.0 wants a code from users who unbind their own device, which this module cannot make: give the module an administrator's credentials,"
    " or unbind it first with hwc.mfa.iam_virtual_mfa_bind and state=absent."
)

KEEP, CREATE, REPLACE = "keep", "create", "replace"

MADE, NOT_MADE, MAYBE_MADE = "made", "none", "unknown"
"""What came of a creation, as the result's ``creation`` says it: a device was made, certainly none was, or its answer was lost."""

SHOWN_DEVICE = "virtual MFA device"
"""A device in diffs, which show no serial numbers of new ones."""

_ROUNDS = 3
"""How often one user's device is looked at anew before giving up on a race with somebody else."""


def decide(device: Device | None, replace: str, presume_unbound: bool) -> str:
    """What ``state=present`` does with what there is: keep it, create one, or delete an unbound one and make it anew."""
    if device is None:
        return CREATE
    if presume_unbound and replace != "never" and device.binding in (UNBOUND, UNKNOWN):
        return REPLACE
    return REPLACE if replace == "unbound" and device.binding == UNBOUND else KEEP


def unique_name(base: str) -> str:
    """``base``, shortened where it must be, with a random end.

    Serial numbers are made of the name. A device that is made anew under the old name would have the serial number of another seed.
    """
    end = secrets.token_hex(_SUFFIX_BYTES)
    return f"{base[:_LONGEST_BASE]}-{end}"


def device_name(name: str | None, user_id: str) -> str:
    """The name to create a device with. One that the cloud does not allow, such as many users' own, is made to fit, the same way each time.

    Without one it is made from the user's id, with a random end. Raises OptionError for a name without characters.
    """
    if name is None:
        return unique_name(_default_base(user_id))
    if not name.strip():
        raise OptionError("name must not be empty.")
    if _NAME.fullmatch(name):
        return name
    # Two names that would become the same must stay two.
    end = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[: 2 * _SUFFIX_BYTES]
    return f"{_UNFIT_FOR_NAME.sub('-', name)[:_LONGEST_BASE]}-{end}"


def bears_another_name(serial_number: str, user_id: str, base: str | None = None) -> bool:
    """Whether a serial number certainly shows a name that ``unique_name`` and ``device_name`` do not give a user's device, of ``base`` or without one.

    An announcement tells only for whom a device was to be made. The user may have made one of their own since, and named it. A serial number
    that ends in an id, or has a form that nobody knows, shows no name.
    """
    parts = re.split("[:/]", serial_number)
    if len(parts) == 1 or _ID_OR_NOTHING.fullmatch(parts[-1]):
        return False
    for stem in (_default_base(user_id), *([base] if base else [])):
        # What was tried once more has several ends, of which the earlier ones may be cut.
        ends = rf"{re.escape(_UNFIT_FOR_NAME.sub('-', stem)[:_LONGEST_BASE])}(-[0-9a-f]*){{0,3}}-[0-9a-f]{{8}}"
        if re.fullmatch(ends, parts[-1]):
            return False
    # Version 0.1 gave names without an end.
    return not bears_name(serial_number, _default_base(user_id))


def _default_base(user_id: str) -> str:
    return "mfa-" + _UNFIT_FOR_NAME.sub("-", user_id)


def bears_name(serial_number: str, name: str) -> bool:
    """Whether a serial number is made of a device's name: the clouds end it with ``:mfa:{name}`` or ``:mfa/{name}``."""
    return re.split("[:/]", serial_number)[-1] == name


class _Maker:
    """What the items of one run share."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.actors = Actors(context)
        self.protections = ProtectionReader(context.iam) if context.credentials is not None else None
        self.writes = context.connections.own_writes(DEVICES)
        self._others_may_create = True
        # Of users whose device was there and is made anew, the serial number that it had.
        self.replaced: dict[str, str] = {}
        # What is known of each user's creation, for outcomes that failed.
        self.creations: dict[str, str] = {}
        # What was done to each user's old device, for outcomes that failed after it.
        self.done: dict[str, str] = {}

    def work(self, item: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return self.present(item) if self.context.params["state"] == "present" else self.absent(item)
        except CloudError as error:
            done = self.done.get(item["user_id"])
            if done is not None:
                error.note_change(f"Before that, {done}.")
            raise

    def present(self, item: Mapping[str, Any]) -> dict[str, Any]:
        user_id = item["user_id"]
        device_name(item["name"], user_id)  # says what is wrong before anything is asked
        replace = item.get("replace") or self.context.params["replace"]
        reader, writer, own = self.actors.for_item(item)
        device = as_written(self.writes, user_id, reader.known(user_id), reader)
        lost_names: list[str] = []
        lost = False
        rounds_left = _ROUNDS
        while True:
            rounds_left -= 1
            refuse_unknown_kind(device)
            # A device that came of a lost answer is certainly unbound, and nobody has its seed.
            step = decide(device, replace, lost or _is_presumed_unbound(item, device))
            if device is not None and step == KEEP:
                return _outcome(device, False)
            if device is not None:
                self.replaced[user_id] = device.serial_number
            if self.context.check_mode:
                return {"user_id": user_id, "serial_number": None, "binding": UNBOUND, "changed": True, "creation": NOT_MADE}
            if device is not None:
                self._delete_unbound(device, reader, None, writer, own)
                self.done[user_id] = f"the unbound device {device.serial_number} was deleted"
            # What is made anew must not have the serial number of a lost seed. A default name is another one each time.
            name = device_name(item["name"], user_id)
            if item["name"] is not None and (device is not None or lost_names):
                name = unique_name(name)
            try:
                made = self._create(user_id, name, writer, own)
            except CloudError as error:
                if error.status == 403 and not own:
                    error.hint = "This cloud lets only the user create their device: give their own credentials in their item of devices."
                if error.status != 409 and not error.uncertain:
                    raise
                if error.uncertain:
                    lost_names.append(name)
                with looking_after(bool(lost_names)):
                    device = reader.read_made(user_id, lambda seen: any(bears_name(seen.serial_number, tried) for tried in lost_names))
                lost = device is not None and any(bears_name(device.serial_number, tried) for tried in lost_names)
                if device is not None and lost and decide(device, replace, True) == KEEP:
                    error.hint = (
                        "A device was made, and its seed is lost with the answer: run again with replace=unbound, which makes it anew."
                    )
                    raise
                if device is not None and not lost and not _is_presumed_unbound(item, device):
                    # Somebody else has made one since it was looked: the user, or another run that holds its seed.
                    error.hint = "A device of this user has appeared meanwhile, and is left alone."
                    raise
                if not rounds_left or (device is None and error.status == 409):
                    raise
                continue
            self.writes.note(user_id, made.serial_number, UNBOUND)
            return _created(user_id, made)

    def _create(self, user_id: str, name: str, writer: DeviceWriter, own: bool) -> NewDevice:
        """Create with the module's credentials, which costs no login of the user, and where the cloud demands it, with the user's own."""
        administrator = self.actors.administrator if own and self._others_may_create else None
        before = self.creations.get(user_id, NOT_MADE)
        self.creations[user_id] = MAYBE_MADE
        try:
            if administrator is not None:
                try:
                    return administrator.create(user_id, name)
                except CloudError as error:
                    if error.status != 403:
                        raise
                    self._others_may_create = False
            return writer.create(user_id, name)
        except CloudError as error:
            if not error.uncertain:
                # Refused for certain; an earlier answer that was lost still is.
                self.creations[user_id] = before
            raise

    def _delete_unbound(
        self, device: Device, reader: DeviceReader, administrator: DeviceWriter | None, writer: DeviceWriter, own: bool
    ) -> None:
        """Delete a device without unbinding it, so that one that is bound after all survives."""
        try:
            gone = self._delete(device, reader, administrator, writer, own)
        except CloudError as error:
            if error.status in (400, 409) and not error.uncertain:
                error.hint = "The device cannot be deleted as it is: it may be bound after all, and is left alone."
            raise
        if not gone:
            raise CloudError(
                f"device {device.serial_number} is still there after its deletion: it may be bound after all, and is left alone"
            )

    def _delete(self, device: Device, reader: DeviceReader, administrator: DeviceWriter | None, writer: DeviceWriter, own: bool) -> bool:
        """Delete a device, and read until it is gone; returns whether it is. Raises CloudError."""
        refusal = None
        try:
            self._send_deletion(device, administrator, writer, own)
        except CloudError as error:
            if not error.uncertain and error.status != 404:
                raise
            refusal = error
        try:
            with looking_after(refusal is not None and refusal.uncertain):
                return reader.read_until_gone(device)
        except CloudError:
            if refusal is None:
                self.done[device.user_id] = f"the cloud accepted the deletion of device {device.serial_number}"
            raise

    def _send_deletion(self, device: Device, administrator: DeviceWriter | None, writer: DeviceWriter, own: bool) -> None:
        """Delete with the module's credentials, and where the cloud lets users alone delete their devices, with the user's own."""
        try:
            (administrator or writer).delete(device)
        except CloudError as error:
            if error.status != 403:
                raise
            if administrator is None:
                if not own:
                    error.hint = "This cloud lets only the user delete their device: give their own credentials in their item of devices."
                raise
            writer.delete(device)

    def absent(self, item: Mapping[str, Any]) -> dict[str, Any]:
        user_id = item["user_id"]
        reader, writer, own = self.actors.for_item(item)
        serial_number = item["serial_number"]
        device = as_written(self.writes, user_id, reader.known(user_id, serial_number), reader)
        if device is None or (serial_number is not None and not same_serial(serial_number, device.serial_number)):
            if device is not None and not comparable(serial_number, device.serial_number):
                raise OptionError(
                    f"serial_number {serial_number} has another form than that of the device which the cloud shows, {device.serial_number}, so"
                    " nothing tells whether they are one device: leave serial_number out, or give it as hwc.mfa.iam_mfa_info shows the device."
                )
            # The device that is meant is gone; another one in its place is somebody else's.
            return {"user_id": user_id, "serial_number": serial_number, "binding": UNBOUND, "changed": False}
        if serial_number is None:
            refuse_unknown_kind(device)
        administrator = self.actors.administrator if own else None
        alone = own and administrator is None
        if device.binding == UNKNOWN and not item["presume_unbound"] and (alone or (writer.by_v3 and is_owner(self.context, device))):
            raise OptionError(_CODE_WANTED)
        if item["presume_unbound"] and device.binding == BOUND:
            raise OptionError(
                f"device {device.serial_number} is bound, and is left alone: presume_unbound is for devices that the cloud does not show as bound."
            )
        if self.context.check_mode:
            # A password may want a code while the login is protected, and each login that is refused counts.
            if own and not item.get("auth_password"):
                self._demand_access(item, reader, writer)
            if not item["presume_unbound"]:
                (self.protections or ProtectionReader(reader.iam)).refuse_held(device)
            return _removed(device)
        if own:
            self._demand_access(item, reader, writer)
        if item["presume_unbound"]:
            with self.writes.writing(user_id):
                self._delete_unbound(device, reader, administrator, writer, own)
            return _removed(device)
        if device.binding != UNBOUND:
            # An administrator needs no code.
            codes = Codes({}, needed=False)
            with self.writes.writing(user_id):
                unbound = unbind(self.context, device, reader, administrator or writer, self.writes, codes, alone, _CODE_WANTED)
            note_unbound(self.writes, device)
            if unbound:
                self.done[user_id] = "the device was unbound"
        with self.writes.writing(user_id):
            if not self._delete(device, reader, administrator, writer, own):
                raise CloudError(
                    f"device {device.serial_number} is still there after its deletion; run again, and see whether login protection holds it"
                )
        return _removed(device)

    def _demand_access(self, item: Mapping[str, Any], reader: DeviceReader, writer: DeviceWriter) -> None:
        """With ``check_credentials``, raise CloudError where those of ``writer`` do not show the user's device.

        Every user may see their own (docs/dev/cloud_api.md, section 2).
        """
        if not item["check_credentials"]:
            return
        try:
            DeviceReader(writer.iam, "v3" if reader.rules_v5_out else self.actors.api).read(item["user_id"])
        except CloudError as error:
            # An outage says nothing of the credentials.
            why = ", since the user's own credentials did not work" if error.is_refusal else ""
            error.hint = f"The device was not removed{why}.{f' {error.advice}' if error.advice else ''}"
            raise

    def failure(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """What is said of a user for whom it failed, beside the error."""
        outcome = {"user_id": item["user_id"], "serial_number": None, "binding": UNKNOWN, "changed": item["user_id"] in self.done}
        if self.context.params["state"] == "present":
            outcome["creation"] = self.creations.get(item["user_id"], NOT_MADE)
        return outcome


def _is_presumed_unbound(item: Mapping[str, Any], device: Device | None) -> bool:
    """Whether ``presume_unbound`` is about this device: with ``serial_number``, about that one alone, and about none that has appeared since."""
    if device is None or not item["presume_unbound"]:
        return False
    return item["serial_number"] is None or same_serial(item["serial_number"], device.serial_number)


def _outcome(device: Device, changed: bool) -> dict[str, Any]:
    return {
        "user_id": device.user_id,
        "serial_number": device.serial_number,
        "binding": device.binding,
        "changed": changed,
        "creation": NOT_MADE,
    }


def _removed(device: Device) -> dict[str, Any]:
    return {"user_id": device.user_id, "serial_number": device.serial_number, "binding": UNBOUND, "changed": True}


def _created(user_id: str, made: NewDevice) -> dict[str, Any]:
    return {
        "user_id": user_id,
        "serial_number": made.serial_number,
        "binding": UNBOUND,
        "changed": True,
        "creation": MADE,
        "seed": made.seed,
    }


def work_device(context: Context) -> dict[str, Any]:
    """The work of ``iam_virtual_mfa_device``: one user's flat options are a list of one."""
    params = context.params
    items = items_of(params, "devices", _ITEM_SPEC, _SHARED)
    named = Named(context, items)
    maker = _Maker(context)
    present = params["state"] == "present"
    if not present and any(item["name"] for item in items):
        context.warn(
            "name does not count with state=absent: the virtual MFA device that the user has is removed, unless serial_number says which."
        )
    maker.actors.prefetch(named.resolved, mostly_without=present)
    if not present and context.check_mode and maker.protections is not None:
        maker.protections.prefetch([item["user_id"] for item in named.resolved])
    outcomes = named.reconcile(maker.work, maker.failure)
    result = summarize(outcomes, "devices", "users")
    if any(outcome.get("seed") for outcome in outcomes):
        # The result is censored because it holds seeds; what failed must be seen all the same.
        for outcome in outcomes:
            if outcome["failed"]:
                context.warn(f"user {outcome.get('user_name') or outcome['user_id']}: {outcome['msg']}")
    if context.diff:
        # Who has failed may have lost an unbound device, and certainly still has one that was only unbound.
        changing = [outcome for outcome in outcomes if outcome["changed"] and (present or not outcome["failed"])]
        without = {outcome["user_id"]: maker.replaced.get(outcome["user_id"]) for outcome in changing}
        with_one = {outcome["user_id"]: None if outcome["failed"] else SHOWN_DEVICE for outcome in changing}
        result["diff"] = {"before": without if present else with_one, "after": with_one if present else without}
    return result


_ITEM_SPEC: dict[str, dict[str, Any]] = {
    **USER_SPEC,
    "name": {"type": "str"},
    "serial_number": {"type": "str"},
    "presume_unbound": {"type": "bool", "default": False},
    "check_credentials": {"type": "bool", "default": False},
}

_SHARED = ["presume_unbound", "check_credentials"]

_REPLACE = ["never", "own", "unbound"]

DEVICE = Definition(
    argument_spec={
        **AUTH_SPEC,
        **FLEET_SPEC,
        **_ITEM_SPEC,
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "replace": {"type": "str", "choices": _REPLACE, "default": "never"},
        "api": {"type": "str", "choices": ["auto", "v3", "v5"], "default": "auto"},
        "devices": {
            "type": "list",
            "elements": "dict",
            "options": {
                **shared_spec(_ITEM_SPEC, _SHARED),
                "replace": {"type": "str", "choices": _REPLACE},
                **ITEM_AUTH_SPEC,
            },
            **ONE_USER,
        },
    },
    work=work_device,
    many="devices",
    relations={
        "mutually_exclusive": [["devices", "user_id", "user_name"], ["devices", "name"], ["devices", "serial_number"]],
        "required_one_of": [["user_id", "user_name", "devices"]],
    },
    returns_seeds=True,
)
