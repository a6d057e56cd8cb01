# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bind and unbind virtual MFA devices: the work of ``iam_virtual_mfa_bind``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._auth.password import wants_code
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError, OptionError, looking_after
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.iam import BOUND, UNBOUND, UNKNOWN, VIRTUAL, Device
from ansible_collections.hwc.mfa.plugins.module_utils._modules.bulk import items_of, shared_spec, summarize
from ansible_collections.hwc.mfa.plugins.module_utils._modules.codes import Codes
from ansible_collections.hwc.mfa.plugins.module_utils._modules.device_access import (
    Actors,
    DeviceReader,
    DeviceWriter,
    refuse_unknown_kind,
    same_serial,
)
from ansible_collections.hwc.mfa.plugins.module_utils._modules.device_writes import DEVICES, as_written, note_bound, note_unbound
from ansible_collections.hwc.mfa.plugins.module_utils._modules.directory import Named
from ansible_collections.hwc.mfa.plugins.module_utils._modules.logins_ahead import LoginsAhead
from ansible_collections.hwc.mfa.plugins.module_utils._modules.protections import ProtectionReader
from ansible_collections.hwc.mfa.plugins.module_utils._runner.context import Context
from ansible_collections.hwc.mfa.plugins.module_utils._runner.definition import Definition
from ansible_collections.hwc.mfa.plugins.module_utils._runner.options import AUTH_SPEC, FLEET_SPEC, ITEM_AUTH_SPEC, ONE_USER, USER_SPEC
from ansible_collections.hwc.mfa.plugins.module_utils._runner.own_writes import OwnWrites

ANY_CODE = "000000"
"""What an administrator sends to unbind in v3.0: any six digits, unchecked (docs/dev/cloud_api.md, section 2)."""

_OWN_CREDENTIALS_HINT = (
    "Only the user may bind their device: give their own auth_password, auth_token, or access_key and secret_key, in their item of bindings"
    " (or as the module's credentials for a single user)."
)

_CODE_WANTED = (
    "seed or authentication_code_first is needed: a user who unbinds their own device must send its current code"
    " (with an administrator's credentials none is needed)."
)


def obstacle(device: Device | None, serial_number: str | None) -> str | None:
    """Why a user's device cannot be bound, or None."""
    if device is None:
        return "the user has no virtual MFA device to bind: create one with hwc.mfa.iam_virtual_mfa_device."
    if serial_number is not None and not same_serial(serial_number, device.serial_number):
        return f"the user's device is {device.serial_number} and not the serial_number that was given."
    return None


class _Binder:
    """What the items of one run share."""

    def __init__(self, context: Context, items: Iterable[Mapping[str, Any]]) -> None:
        self.context = context
        self.actors = Actors(context)
        self.ahead = LoginsAhead(items, self._log_in)
        self.protections = ProtectionReader(context.iam) if context.credentials is not None else None
        self.writes = context.connections.own_writes(DEVICES)

    def _log_in(self, item: Mapping[str, Any]) -> None:
        _reader, writer, _own = self.actors.for_item(item)
        if writer.iam.session.auth is not None:
            writer.iam.session.auth.prepare()

    def bind(self, item: Mapping[str, Any]) -> dict[str, Any]:
        self.ahead.begin(item)
        codes = Codes(item, needed=True)
        reader, writer, own = self.actors.for_item(item)
        serial_number = item["serial_number"]
        try:
            device, reader = self._device(item, reader, writer, own)
        except CloudError as error:
            if wants_code(error) and self._reads_as(item, reader, own):
                return {"user_id": item["user_id"], "serial_number": serial_number, "binding": BOUND, "changed": False}
            raise
        problem = obstacle(device, serial_number)
        if device is None or problem is not None:
            raise OptionError(problem or "")
        if serial_number is None:
            refuse_unknown_kind(device)
        if device.binding == BOUND:
            return _outcome(device, BOUND, False)
        if self.context.check_mode:
            if writer.by_v3 and not own and is_owner(self.context, device) is False:
                raise OptionError(_OWN_CREDENTIALS_HINT)
            return _outcome(device, UNKNOWN if device.binding == UNKNOWN else BOUND, True)
        try:
            with self.writes.writing(device.user_id):
                writer.bind(device, lambda: codes.pair(writer.iam.session.clock, self.context.http.sleep, self.ahead.use))
        except CloudError as error:
            if error.status == 409:
                self.writes.forget(device.user_id)
            return self._after_refusal(error, device, reader, own, bool(item["presume_unbound"]) and serial_number is not None)
        note_bound(self.writes, device)
        return _outcome(device, BOUND, True)

    def _reads_as(self, item: Mapping[str, Any], reader: DeviceReader, own: bool) -> bool:
        """Whether the very user of ``item`` is the one who reads: then a login that asks for a code shows that their device is bound."""
        credentials = self.context.credentials
        if reader is self.actors.reader:
            return credentials is not None and credentials.user_id == item["user_id"]
        return own

    def _device(self, item: Mapping[str, Any], reader: DeviceReader, writer: DeviceWriter, own: bool) -> tuple[Device | None, DeviceReader]:
        user_id, serial_number = item["user_id"], item["serial_number"]
        if item["presume_unbound"] and serial_number is not None:
            # Nobody has looked: a refusal is then read like one of a device of which the cloud cannot tell.
            return Device(user_id, serial_number, UNKNOWN, VIRTUAL), reader
        try:
            device = reader.known(user_id, serial_number)
        except CloudError as error:
            if error.status != 403 or not own or reader.iam is writer.iam:
                raise
            # The module's credentials may not read this user: the user may.
            reader = DeviceReader(writer.iam, self.actors.api)
            device = reader.read(user_id, meant=serial_number)
        if obstacle(device, serial_number) and serial_number is not None:
            # Somebody saw this serial: the reading may be older than the device.
            device = reader.read_until(user_id, lambda seen: obstacle(seen, serial_number) is None, meant=serial_number)
        return as_written(self.writes, user_id, device, reader), reader

    def _after_refusal(self, error: CloudError, device: Device, reader: DeviceReader, own: bool, just_made: bool) -> dict[str, Any]:
        """What a bind that did not plainly succeed has come to. Never sends it again: that would burn codes."""
        if own and device.binding == UNKNOWN and wants_code(error):
            # The login asks for a code of the device, which the cloud does of bound devices only (docs/dev/cloud_api.md, section 4).
            return _outcome(device, BOUND, False)
        if error.status == 403:
            error.hint = _OWN_CREDENTIALS_HINT
        if error.status != 409 and not error.uncertain:
            raise error
        with looking_after(error.uncertain):
            seen = reader.read_until(
                device.user_id,
                lambda now: now is not None and same_serial(now.serial_number, device.serial_number) and now.binding in (BOUND, UNKNOWN),
                device.serial_number,
            )
        if seen is not None and same_serial(seen.serial_number, device.serial_number):
            # After a bind of which nobody knows, what was bound before this play has unbound it proves nothing.
            if seen.binding == BOUND and not (error.uncertain and self.writes.newer_than(device.user_id, device.serial_number, BOUND)):
                return _outcome(device, BOUND, error.uncertain)
            if seen.binding == UNKNOWN and not error.uncertain:
                if not just_made:
                    return _outcome(device, BOUND, False)
                error.hint = (
                    "A conflict tells of a binding, and this device was presumed to be unbound, so it is not known which is true:"
                    " run again without presume_unbound."
                )
        if error.uncertain:
            error.hint = (
                "Whether the device is bound is not known: run again, with new codes. A device that is bound by then is left alone."
            )
        raise error

    def unbind(self, item: Mapping[str, Any]) -> dict[str, Any]:
        codes = Codes(item, needed=False)
        reader, writer, own = self.actors.for_item(item)
        serial_number = item["serial_number"]
        device, reader = self._device(item, reader, writer, own)
        if device is None:
            return _outcome(Device(item["user_id"], "", UNBOUND), UNBOUND, False)
        problem = obstacle(device, serial_number)
        if problem is not None:
            raise OptionError(problem)
        if device.binding == UNBOUND:
            return _outcome(device, UNBOUND, False)
        if serial_number is None:
            refuse_unknown_kind(device)
        if self.context.check_mode:
            (self.protections or ProtectionReader(reader.iam)).refuse_held(device)
            if (writer.by_v3 or device.named_by_v3) and not codes.given and (own or is_owner(self.context, device)):
                raise OptionError(_CODE_WANTED)
            return _outcome(device, UNKNOWN if device.binding == UNKNOWN else UNBOUND, True)
        with self.writes.writing(device.user_id):
            changed = unbind(self.context, device, reader, writer, self.writes, codes, own, _CODE_WANTED)
        note_unbound(self.writes, device)
        return _outcome(device, UNBOUND, changed)


def unbind(
    context: Context,
    device: Device,
    reader: DeviceReader,
    writer: DeviceWriter,
    writes: OwnWrites,
    codes: Codes,
    own: bool,
    code_wanted: str,
) -> bool:
    """Unbind a device that is bound or may be. Returns whether that changed anything.

    Raises CloudError, or OptionError that says ``code_wanted`` where a code is missing.
    """

    def code() -> str:
        if codes.given:
            return codes.current(writer.iam.session.clock, context.http.sleep)
        if own or is_owner(context, device):
            # A wrong code would count against the user, and a few of those lock them.
            raise OptionError(code_wanted)
        return ANY_CODE

    try:
        writer.unbind(device, code)
    except CloudError as error:
        if error.uncertain:
            with looking_after(lost=True):
                seen = reader.read_until(device.user_id, lambda now: now is None or now.binding == UNBOUND, device.serial_number)
            if seen is None or (seen.binding == UNBOUND and not writes.newer_than(device.user_id, device.serial_number, UNBOUND)):
                return True
            error.hint = "Whether the device is still bound is not known: run again."
            raise
        # How v3.0 says that a device is not bound is not documented: any other 400 or 409 means it, and a 404 that is not a gateway's.
        refused = error.status in (400, 409) or error.says_none or error.may_say_none
        if device.binding == UNKNOWN and refused and not error.has_code("1061", "1062"):
            return False
        raise
    return True


def is_owner(context: Context, device: Device) -> bool | None:
    """Whether the module's credentials are those of the user whose device it is; None where nobody tells."""
    caller = context.connections.caller()
    return None if caller is None or caller["user_id"] is None else caller["user_id"] == device.user_id


def _outcome(device: Device, binding: str, changed: bool) -> dict[str, Any]:
    return {"user_id": device.user_id, "serial_number": device.serial_number or None, "binding": binding, "changed": changed}


def work_bind(context: Context) -> dict[str, Any]:
    """The work of ``iam_virtual_mfa_bind``: one user's flat options are a list of one."""
    params = context.params
    items = items_of(params, "bindings", _ITEM_SPEC, _SHARED)
    if params["state"] == "absent" and any(item["presume_unbound"] for item in items):
        raise OptionError("presume_unbound goes with state=present only: what is presumed to be unbound needs no unbinding.")
    named = Named(context, items)
    binder = _Binder(context, named.resolved)
    binder.actors.prefetch([item for item in named.resolved if not (item["presume_unbound"] and item["serial_number"])])
    if any(item["presume_unbound"] for item in items) and not context.check_mode:
        binder.actors.settle()
        # Nothing has been read yet, so the server's time is unknown.
        context.connections.know_the_time()
    outcomes = named.reconcile(
        binder.bind if params["state"] == "present" else binder.unbind,
        lambda item: {"user_id": item["user_id"], "serial_number": item["serial_number"], "binding": UNKNOWN, "changed": False},
    )
    result = summarize(outcomes, "bindings", "users")
    if context.diff:
        result["diff"] = binding_diff(outcomes)
    return result


def binding_diff(outcomes: list[dict[str, Any]]) -> dict[str, Any]:
    """What changes, as ``before`` and ``after`` for diff mode; only users whose binding changes are in it."""
    changing = [outcome for outcome in outcomes if outcome["changed"]]
    other = {BOUND: UNBOUND, UNBOUND: BOUND}
    return {
        "before": {outcome["user_id"]: other.get(outcome["binding"], UNKNOWN) for outcome in changing},
        "after": {outcome["user_id"]: outcome["binding"] for outcome in changing},
    }


_ITEM_SPEC: dict[str, dict[str, Any]] = {
    **USER_SPEC,
    "serial_number": {"type": "str"},
    "authentication_code_first": {"type": "str", "no_log": True},
    "authentication_code_second": {"type": "str", "no_log": True},
    "seed": {"type": "str", "no_log": True},
    "presume_unbound": {"type": "bool", "default": False},
}

_SHARED = ["presume_unbound"]

BIND = Definition(
    argument_spec={
        **AUTH_SPEC,
        **FLEET_SPEC,
        **_ITEM_SPEC,
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "api": {"type": "str", "choices": ["auto", "v3", "v5"], "default": "auto"},
        "bindings": {
            "type": "list",
            "elements": "dict",
            "options": {**shared_spec(_ITEM_SPEC, _SHARED), **ITEM_AUTH_SPEC},
            **ONE_USER,
        },
    },
    work=work_bind,
    many="bindings",
    relations={
        "mutually_exclusive": [
            ["user_id", "user_name"],
            *(["bindings", name] for name in _ITEM_SPEC if name not in _SHARED),
        ],
        "required_one_of": [["user_id", "user_name", "bindings"]],
    },
)
