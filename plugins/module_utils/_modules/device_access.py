# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who has which device and whether it is bound, from v5 where that answers, else from v3.0, which cannot tell."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Callable

from ansible_collections.hwc.mfa.plugins.module_utils._auth.credentials import resolve_item
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError, OptionError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.iam import BOUND, OTHER, UNBOUND, UNKNOWN, VIRTUAL, Device, Iam, NewDevice
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.transport import check_id
from ansible_collections.hwc.mfa.plugins.module_utils._modules.bulk import FEW, look_until
from ansible_collections.hwc.mfa.plugins.module_utils._runner.connections import NO_V5, NOT_OFFERED
from ansible_collections.hwc.mfa.plugins.module_utils._runner.context import Context


def with_kinds(listed: Sequence[Device], by_v3: Device | None, v3_told: bool, serial_number: str | None = None) -> list[Device]:
    """The devices of one user as v5 lists them, with the kind of each.

    v5 has no type field and may list security keys beside the virtual device, while v3.0 lists virtual devices only (docs/dev/cloud_api.md,
    section 2). ``by_v3`` is the user's device by v3.0, if ``v3_told``; ``serial_number`` is known to be that of a virtual device, since a
    creation returned it.
    """
    if v3_told and by_v3 is None:
        return [replace(device, kind=OTHER) for device in listed]
    known = {device.serial_number for device in listed} & {serial_number, by_v3.serial_number if by_v3 else None}
    if by_v3 is not None and not known:
        # The two APIs may write one device's serial number in two ways. Where those have nothing in common, an entry that stands alone tells
        # nothing: either API may be some seconds old, so it can be a key beside a device that is not listed yet, or not any more.
        known = {device.serial_number for device in listed if same_serial(device.serial_number, by_v3.serial_number)}
    if len(known) != 1:
        return list(listed)
    # A user has one virtual device.
    return [replace(device, kind=VIRTUAL if device.serial_number in known else OTHER) for device in listed]


def same_serial(one: str, other: str) -> bool:
    """Whether two serial numbers are of one device: ``iam::{account}:mfa:{name}`` is ``iam:{account}:mfa/{name}`` in the other API."""
    return one == other or _parts(one) == _parts(other)


def comparable(one: str, other: str) -> bool:
    """Whether two serial numbers differ in the device's name at most, so that they are of two devices where they differ."""
    return _parts(one)[:-1] == _parts(other)[:-1]


def _parts(serial_number: str) -> list[str]:
    return re.split("[:/]+", serial_number)


def virtual_device(devices: Sequence[Device], by_v3: Device | None = None, meant: str | None = None) -> Device | None:
    """A user's virtual device among all of their devices; with the kind ``unknown`` where nothing tells which it is. None: the user has none.

    ``meant`` is the serial number that somebody gave, which decides where the clouds do not tell. Where nothing ties the device of v3.0 to one
    of v5's entries, it is given as v3.0 shows it: so a key cannot be changed in its place.
    """
    virtual = next((device for device in devices if device.kind == VIRTUAL), None)
    if virtual is not None:
        return virtual
    unknown = [device for device in devices if device.kind == UNKNOWN]
    if not unknown:
        return None
    named = next((device for device in unknown if meant is not None and same_serial(device.serial_number, meant)), None)
    if by_v3 is None:
        return named or next((device for device in unknown if device.binding == BOUND), unknown[0])
    same = {device.binding for device in unknown if same_serial(device.serial_number, by_v3.serial_number)}
    if same:
        binding = same.pop() if len(same) == 1 else UNKNOWN
    elif named is not None:
        return named
    else:
        binding = UNBOUND if _none_bound(unknown, by_v3) else UNKNOWN
    return replace(by_v3, binding=binding, named_by_v3=True)


def _none_bound(unknown: Sequence[Device], by_v3: Device) -> bool:
    """Whether a device of v3.0 is certainly not bound: nothing is, of all that it can be. v5 may not show it yet."""
    among = {device.binding for device in unknown if not comparable(device.serial_number, by_v3.serial_number)}
    return among == {UNBOUND}


class DeviceReader:
    """Reads devices with one identity. ``api`` is ``auto``, ``v3`` or ``v5``.

    Auto settles at the first answer, which ``settled`` is told, or has settled already for the one that is ``known``.
    """

    def __init__(self, iam: Iam, api: str, known: str | None = None, settled: Callable[[str], None] = lambda _api: None) -> None:
        self.iam = iam
        self._auto = api == "auto"
        self._api = known or api
        self._settled = settled
        self._listing: dict[str, list[Device]] = {}
        self._complete = False
        self._without: set[str] = set()
        self._listing_v3: dict[str, Device] | None = None
        self._v3_refused = False

    @property
    def rules_v5_out(self) -> bool:
        """Whether v5 is known not to answer."""
        return self._api == "v3"

    @property
    def v5(self) -> bool:
        """Whether this identity and cloud speak v5; settled once something was read."""
        return self._api == "v5"

    def read(self, user_id: str, serial_number: str | None = None, meant: str | None = None) -> Device | None:
        """A user's virtual device as it is now. Raises CloudError.

        ``serial_number`` is that of a virtual device, if one is known, and ``meant`` is one that somebody gave.
        """
        return virtual_device(*self._one(user_id, serial_number), meant)

    def read_all(self, user_id: str, meant: str | None = None) -> tuple[Device | None, list[Device]]:
        """A user's virtual device and all of their devices as they are now. Raises CloudError."""
        devices, by_v3 = self._one(user_id, None)
        return virtual_device(devices, by_v3, meant), devices

    def _one(self, user_id: str, serial_number: str | None) -> tuple[list[Device], Device | None]:
        return self._ask(lambda: self._one_v5(user_id, serial_number), lambda: self._one_v3(user_id), one_user=True)

    def _one_v3(self, user_id: str) -> tuple[list[Device], Device | None]:
        device = self.iam.device_of(user_id)
        return ([] if device is None else [device]), device

    def _one_v5(self, user_id: str, serial_number: str | None) -> tuple[list[Device], Device | None]:
        listed = [device for page in self.iam.devices_v5(user_id) for device in page if device.user_id == user_id]
        if not listed or any(device.serial_number == serial_number for device in listed):
            return with_kinds(listed, None, False, serial_number), None
        by_v3, told = self._v3_of(user_id)
        return with_kinds(listed, by_v3, told), by_v3

    def _v3_of(self, user_id: str) -> tuple[Device | None, bool]:
        """A user's device by v3.0, and whether v3.0 told."""
        if self._v3_refused:
            return None, False
        try:
            return self.iam.device_of(user_id), True
        except CloudError as error:
            if error.status not in NOT_OFFERED:
                raise
            self._v3_refused = True
            return None, False

    def all(self) -> dict[str, list[Device]]:
        """The devices of the account by user id, with their kinds. Raises CloudError."""
        return self._ask(self._all_v5, lambda: {user_id: [device] for user_id, device in self._v3_listing_needed().items()})

    def _all_v5(self) -> dict[str, list[Device]]:
        listed = _by_user(device for page in self.iam.devices_v5() for device in page)
        return self._with_kinds(listed) if listed else {}

    def _with_kinds(self, listed: Mapping[str, list[Device]]) -> dict[str, list[Device]]:
        by_v3 = self._v3_listing()
        return {
            user_id: with_kinds(devices, None if by_v3 is None else by_v3.get(user_id), by_v3 is not None)
            for user_id, devices in listed.items()
        }

    def virtual_of(self, user_id: str, devices: Sequence[Device], meant: str | None = None) -> Device | None:
        """A user's virtual device among those that ``all`` gave."""
        return virtual_device(devices, (self._listing_v3 or {}).get(user_id) if devices else None, meant)

    def _v3_listing_needed(self) -> dict[str, Device]:
        if self._listing_v3 is None:
            self._listing_v3 = {device.user_id: device for device in self.iam.devices()}
        return self._listing_v3

    def _v3_listing(self) -> dict[str, Device] | None:
        """The virtual devices of the account by v3.0, asked for once; None where v3.0's listing is not granted."""
        if self._v3_refused:
            return None
        try:
            return self._v3_listing_needed()
        except CloudError as error:
            if error.status not in NOT_OFFERED:
                raise
            self._v3_refused = True
            return None

    def settle(self) -> None:
        """Find out whether v5 answers, where nothing has been read that would tell."""
        if self._api == "auto":
            self._settle("v5" if self._v5_lists() else "v3")

    def _settle(self, api: str) -> None:
        if self._api != api:
            self._api = api
            self._settled(api)

    def prefetch(self, user_ids: Iterable[str], concurrency: int, mostly_without: bool = False) -> None:
        """Read the account's listing where many users will be asked for. Credentials that may not list are asked user by user instead.

        A listing with more pages than asking the users one by one would take rounds is left half read: then a wave costs the same in
        accounts of every size. Where most users are expected to be ``mostly_without`` a device, v3.0 says so of all in one answer.
        """
        wanted = set(user_ids)
        if len(wanted) <= FEW:
            return
        if mostly_without and self._auto:
            by_v3 = self._v3_listing()
            if by_v3 is not None:
                self._without = wanted - by_v3.keys()
                wanted &= by_v3.keys()
            if len(wanted) <= FEW:
                self.settle()
                return
        try:
            self._complete = self._ask(lambda: self._list_v5(wanted, -(-len(wanted) // concurrency)), self._list_v3)
        except CloudError as error:
            if error.status != 403:
                raise

    def _list_v5(self, wanted: set[str], rounds: int) -> bool:
        seen: list[Device] = []
        complete = True
        for number, page in enumerate(self.iam.devices_v5(), 1):
            seen += page
            if number > rounds:
                complete = False
                break
        listed = _by_user(device for device in seen if device.user_id in wanted)
        self._listing = self._with_kinds(listed) if listed else {}
        return complete

    def _list_v3(self) -> bool:
        self._listing = {user_id: [device] for user_id, device in self._v3_listing_needed().items()}
        return True

    def known(self, user_id: str, meant: str | None = None) -> Device | None:
        """A user's virtual device as the listing showed it, else as it is now. ``meant`` is a serial number that somebody gave."""
        return self.known_all(user_id, meant)[0]

    def known_all(self, user_id: str, meant: str | None = None) -> tuple[Device | None, list[Device]]:
        """A user's virtual device and all of their devices, as the listing showed them, else as they are now."""
        if user_id in self._without:
            return None, []
        listed = self._listing.get(user_id, [])
        device = self.virtual_of(user_id, listed, meant)
        # Of several devices that a user has, some may stand on a page that was not read.
        if self._complete or (device is not None and device.binding == BOUND and device.kind == VIRTUAL):
            return device, listed
        return self.read_all(user_id, meant)

    def read_until(
        self, user_id: str, fits: Callable[[Device | None], bool], serial_number: str | None = None, meant: str | None = None
    ) -> Device | None:
        """Read until it fits, or for some seconds; returns what was seen last."""
        return look_until(lambda: self.read(user_id, serial_number, meant), fits, self.iam.session.http.sleep)

    def read_made(self, user_id: str, ours: Callable[[Device], bool]) -> Device | None:
        """A user's virtual device as soon as there is one, or None after some seconds; where one of their devices is ``ours``, that one.

        A device that was just made is unbound. A security key of the same name is not.
        """
        device, listed = look_until(lambda: self.read_all(user_id), lambda seen: seen[0] is not None, self.iam.session.http.sleep)
        made = next((each for each in listed if each.kind == UNKNOWN and each.binding == UNBOUND and ours(each)), None)
        return device if made is None else replace(made, kind=VIRTUAL)

    def read_until_gone(self, device: Device) -> bool:
        """Read until a virtual device is not there any more, or for some seconds; returns whether it is gone."""

        def gone(seen: Device | None) -> bool:
            # Of two serial numbers in forms that have nothing in common nobody can tell whether they are of one device.
            return seen is None or (
                comparable(seen.serial_number, device.serial_number) and not same_serial(seen.serial_number, device.serial_number)
            )

        return gone(self.read_until(device.user_id, gone, device.serial_number))

    def _ask(self, ask_v5: Callable[[], Any], ask_v3: Callable[[], Any], one_user: bool = False) -> Any:
        if self._api != "v3":
            try:
                answer = ask_v5()
                self._settle("v5")
                return answer
            except CloudError as error:
                if self._api == "v5" or error.status not in NO_V5:
                    raise
                # What is refused of one user may be about that user and not about v5: a fleet must not go blind for a user who is gone.
                if one_user and error.code and not error.has_code("0101") and self._v5_lists():
                    self._settle("v5")
                    raise
        answer = ask_v3()
        # Not before it answers: credentials that are refused by both may be right later, and v5 be what they speak.
        self._settle("v3")
        return answer

    def _v5_lists(self) -> bool:
        try:
            self.iam.probe_v5()
        except CloudError as error:
            if error.status not in NO_V5:
                raise
            return False
        return True


class DeviceWriter:
    """Changes devices as one identity, by v5 where the reader found v5 answering.

    With ``auto``, what v5 does not grant is asked of v3.0: v5 goes by permission, while v3.0 lets every user bind their own device.
    """

    def __init__(self, iam: Iam, reader: DeviceReader, api: str) -> None:
        self.iam = iam
        self._reader = reader
        self._auto = api == "auto"

    def create(self, user_id: str, name: str) -> NewDevice:
        return self._either(lambda: self.iam.create_device_v5(user_id, name), lambda: self.iam.create_device(user_id, name))

    def bind(self, device: Device, codes: Callable[[], tuple[str, str]]) -> None:
        self._either(
            lambda: self.iam.enable_device_v5(device.user_id, device.serial_number, codes),
            lambda: self.iam.bind_device(device.user_id, self._serial_by_v3(device), codes),
            device,
        )

    @property
    def by_v3(self) -> bool:
        """Whether this certainly writes by v3.0, which wants a code to unbind and lets only the user bind; settled once something was read."""
        return self._reader.rules_v5_out

    def unbind(self, device: Device, code: Callable[[], str]) -> None:
        """Unbind; only v3.0 asks for ``code``."""
        self._either(
            lambda: self.iam.disable_device_v5(device.user_id, device.serial_number),
            lambda: self.iam.unbind_device(device.user_id, self._serial_by_v3(device), code),
            device,
        )

    def delete(self, device: Device) -> None:
        self._either(
            lambda: self.iam.delete_device_v5(device.user_id, device.serial_number),
            lambda: self.iam.delete_device(device.user_id, self._serial_by_v3(device)),
            device,
        )

    def _serial_by_v3(self, device: Device) -> str:
        """The serial number of a device as v3.0 shows it: v3.0 need not know one as v5 shows it, and deletes nothing then without saying so."""
        if not self._reader.v5 or device.named_by_v3:
            return device.serial_number

        def fits(seen: Device | None) -> bool:
            return seen is not None and (
                same_serial(seen.serial_number, device.serial_number)
                # A user has one virtual device, so in forms that have nothing in common it is the same one.
                or (device.kind == VIRTUAL and not comparable(seen.serial_number, device.serial_number))
            )

        try:
            shown = look_until(lambda: self.iam.device_of(device.user_id), fits, self.iam.session.http.sleep)
        except CloudError as error:
            if error.status not in NOT_OFFERED:
                raise
            return device.serial_number  # who may not look may be right all the same
        return shown.serial_number if shown is not None and fits(shown) else device.serial_number

    def _either(self, by_v5: Callable[[], Any], by_v3: Callable[[], Any], device: Device | None = None) -> Any:
        if not self._reader.v5:
            return by_v3()
        if not self._auto:
            return by_v5()
        # v5 need not know a serial number as v3.0 shows it.
        foreign = device is not None and device.named_by_v3
        first, second = (by_v3, by_v5) if foreign else (by_v5, by_v3)
        try:
            return first()
        except CloudError as error:
            if error.status not in (403, 404, 405) and not _is_unknown_form(error):
                raise
            refusal = error
        try:
            return second()
        except CloudError as error:
            # That v5 does not know the serial number says nothing of the device.
            raise (refusal if foreign and (error.status == 404 or _is_unknown_form(error)) else error) from None


def _is_unknown_form(error: CloudError) -> bool:
    """Whether v5 does not take the form of a serial number."""
    return error.status == 400 and error.has_code("PAP5.0041")


def own_reader(context: Context) -> DeviceReader:
    """A reader with the module's credentials, which begins with the API that an earlier task of the play found."""
    api = context.params["api"]
    known = context.connections.recall("api") if api == "auto" else None
    return DeviceReader(context.iam, api, known, lambda settled: context.connections.remember("api", settled))


class Actors:
    """Who reads and who writes, for the items of one run: the module's credentials read, and an item's own write where it has any.

    ``administrator`` writes with the module's credentials, or is None where there are none.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self.api: str = context.params["api"]
        self.reader = own_reader(context) if context.credentials is not None else None
        self.administrator = DeviceWriter(self.reader.iam, self.reader, self.api) if self.reader is not None else None

    def prefetch(self, items: Iterable[Mapping[str, Any]], mostly_without: bool = False) -> None:
        """Read the account's listing once where there are many items that will be asked for."""
        if self.reader is not None:
            self.reader.prefetch([item["user_id"] for item in items], self.context.params["concurrency"], mostly_without)

    def settle(self) -> None:
        """Find out once which API answers, before many threads write."""
        if self.reader is not None:
            self.reader.settle()

    def for_item(self, item: Mapping[str, Any]) -> tuple[DeviceReader, DeviceWriter, bool]:
        """Reader, writer, and whether the writer certainly is the user. Raises OptionError where there are no credentials at all."""
        check_id(item["user_id"], "user_id")
        # equivalent: a login that lacks the account's name asks for it itself, only later
        own = resolve_item(item, item["user_id"], self.context.connections.account_name() if item.get("auth_password") else None)
        iam = self.context.iam if own is None else self.context.connections.iam_as(own)
        reader = self.reader or DeviceReader(iam, self.api)
        return reader, DeviceWriter(iam, reader, self.api), own is not None


def _by_user(devices: Iterable[Device]) -> dict[str, list[Device]]:
    found: dict[str, list[Device]] = {}
    for device in devices:
        found.setdefault(device.user_id, []).append(device)
    return found


def refuse_unknown_kind(device: Device | None) -> None:
    """Raise OptionError where nothing tells whether a device is a virtual one: a security key must not be touched."""
    if device is not None and device.kind == UNKNOWN:
        raise OptionError(
            f"the cloud does not tell whether device {device.serial_number} is a virtual MFA device or a security key, so it is left alone:"
            " give credentials that may list virtual MFA devices by v3.0."
        )
