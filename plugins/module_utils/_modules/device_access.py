# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who has which device and whether it is bound, from v5 where that answers, else from v3.0, which cannot tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Callable

from ansible_collections.hwc.mfa.plugins.module_utils._auth.credentials import resolve_item
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.iam import BOUND, Device, Iam, NewDevice
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.transport import check_id
from ansible_collections.hwc.mfa.plugins.module_utils._runner.context import Context

FEW = 8
"""Up to so many users are asked for one by one, at once; more are taken from the account's listing."""

_NO_V5 = (400, 401, 403, 404, 405, 406, 501)
"""How a cloud without v5, or that does not grant it to these credentials, answers. v3.0 then gives the definite answer."""

_NO_V3 = (403, 404, 405, 501)
"""How a cloud answers that does not grant v3.0's listing. The other questions then have to do."""

STALE_WAITS = (0.3, 0.7, 1.5, 2.5)
"""Seconds between looks at something that must be there: a read right after a write may be old for seconds (CLOUD_API 2)."""


class DeviceReader:
    """Reads devices with one identity. ``api`` is ``auto``, ``v3`` or ``v5``.

    Auto settles at the first answer, which ``settled`` is told, or has settled already for the one that is ``known``.
    """

    def __init__(self, iam: Iam, api: str, known: str | None = None, settled: Callable[[str], None] = lambda _api: None) -> None:
        self.iam = iam
        self._auto = api == "auto"
        self._api = known or api
        self._settled = settled
        self._listing: dict[str, Device] = {}
        self._complete = False
        self._without: set[str] = set()
        self._listing_v3: dict[str, Device] | None = None

    @property
    def v5(self) -> bool:
        """Whether this identity and cloud speak v5; settled once something was read."""
        return self._api == "v5"

    def read(self, user_id: str) -> Device | None:
        """A user's device as it is now. Raises CloudError."""
        return self._ask(lambda: _of(user_id, _all(self.iam.devices_v5(user_id))), lambda: self.iam.device_of(user_id), one_user=True)

    def all(self) -> dict[str, Device]:
        """The devices of the account by user id. Raises CloudError."""
        return by_user(self._ask(lambda: _all(self.iam.devices_v5()), self.iam.devices))

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
            wanted = self._with_device(wanted)
            if len(wanted) <= FEW:
                self.settle()
                return
        try:
            self._complete = self._ask(lambda: self._list_v5(wanted, -(-len(wanted) // concurrency)), self._list_v3)
        except CloudError as error:
            if error.status != 403:
                raise

    def _with_device(self, wanted: set[str]) -> set[str]:
        try:
            self._listing_v3 = by_user(self.iam.devices())
        except CloudError as error:
            if error.status not in _NO_V3:
                raise
            return wanted
        self._without = wanted - self._listing_v3.keys()
        return wanted & self._listing_v3.keys()

    def _list_v5(self, wanted: set[str], rounds: int) -> bool:
        seen: list[Device] = []
        complete = True
        for number, page in enumerate(self.iam.devices_v5(), 1):
            seen += page
            if number > rounds:
                complete = False
                break
        self._listing = by_user(device for device in seen if device.user_id in wanted)
        return complete

    def _list_v3(self) -> bool:
        self._listing = by_user(self.iam.devices()) if self._listing_v3 is None else self._listing_v3
        return True

    def known(self, user_id: str) -> Device | None:
        """A user's device as the listing showed it, else as it is now."""
        if user_id in self._without:
            return None
        listed = self._listing.get(user_id)
        # Of several devices that a user has, the bound one may stand on a page that was not read.
        if self._complete or (listed is not None and listed.binding == BOUND):
            return listed
        return self.read(user_id)

    def read_until(self, user_id: str, fits: Callable[[Device | None], bool]) -> Device | None:
        """Read until it fits, or for some seconds; returns what was seen last."""
        device = self.read(user_id)
        for pause in STALE_WAITS:
            if fits(device):
                return device
            self.iam.session.http.sleep(pause)
            device = self.read(user_id)
        return device

    def _ask(self, ask_v5: Callable[[], Any], ask_v3: Callable[[], Any], one_user: bool = False) -> Any:
        if self._api != "v3":
            try:
                answer = ask_v5()
                self._settle("v5")
                return answer
            except CloudError as error:
                if self._api == "v5" or error.status not in _NO_V5:
                    raise
                # What is refused of one user may be about him and not about v5: a whole fleet must not go blind for a user who is gone.
                if one_user and error.code and not error.has_code("0101") and self._v5_lists():
                    self._settle("v5")
                    raise
                self._settle("v3")
        return ask_v3()

    def _v5_lists(self) -> bool:
        try:
            self.iam.probe_v5()
        except CloudError as error:
            if error.status not in _NO_V5:
                raise
            return False
        return True


class DeviceWriter:
    """Changes devices as one identity, by v5 where the reader found v5 answering.

    With ``auto``, what v5 does not grant is asked of v3.0: v5 goes by permission, while v3.0 lets every user bind his own device.
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
            lambda: self.iam.bind_device(device.user_id, device.serial_number, codes),
        )

    def unbind(self, device: Device, code: Callable[[], str]) -> None:
        """Unbind; only v3.0 asks for ``code``."""
        self._either(
            lambda: self.iam.disable_device_v5(device.user_id, device.serial_number),
            lambda: self.iam.unbind_device(device.user_id, device.serial_number, code),
        )

    def delete(self, device: Device) -> None:
        self._either(
            lambda: self.iam.delete_device_v5(device.user_id, device.serial_number),
            lambda: self.iam.delete_device(device.user_id, device.serial_number),
        )

    def _either(self, by_v5: Callable[[], Any], by_v3: Callable[[], Any]) -> Any:
        if self._reader.v5:
            try:
                return by_v5()
            except CloudError as error:
                if not self._auto or error.status not in (403, 404, 405):
                    raise
        return by_v3()


def own_reader(context: Context) -> DeviceReader:
    """A reader with the module's credentials, which begins with the API that an earlier task of the play found."""
    api = context.params["api"]
    known = context.recall("api") if api == "auto" else None
    return DeviceReader(context.iam, api, known, lambda settled: context.remember("api", settled))


class Actors:
    """Who reads and who writes, for the items of one run: the module's credentials read, and an item's own write where it has any.

    ``office`` writes with the module's credentials, or is None where there are none.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self.api: str = context.params["api"]
        self.reader = own_reader(context) if context.credentials is not None else None
        self.office = DeviceWriter(self.reader.iam, self.reader, self.api) if self.reader is not None else None

    def prefetch(self, items: Iterable[Mapping[str, Any]], mostly_without: bool = False) -> None:
        """Read the account's listing once where there are many items that will be asked for."""
        if self.reader is not None:
            self.reader.prefetch([item["user_id"] for item in items], self.context.params["concurrency"], mostly_without)

    def settle(self) -> None:
        """Find out once which API answers, before many threads write."""
        if self.reader is not None:
            self.reader.settle()

    def for_item(self, item: Mapping[str, Any]) -> tuple[DeviceReader, DeviceWriter, bool]:
        """Reader, writer, and whether the writer is the user himself for certain. Raises OptionError where there are no credentials at all."""
        check_id(item["user_id"], "user_id")
        own = resolve_item(item, item["user_id"], self.context.domain_name() if item.get("auth_password") else None)
        iam = self.context.iam if own is None else self.context.iam_as(own)
        reader = self.reader or DeviceReader(iam, self.api)
        return reader, DeviceWriter(iam, reader, self.api), own is not None


def by_user(devices: Iterable[Device]) -> dict[str, Device]:
    """One device a user. Where a listing shows several (a security key beside it), a bound one is shown first."""
    chosen: dict[str, Device] = {}
    for device in devices:
        known = chosen.get(device.user_id)
        if known is None or (known.binding != BOUND and device.binding == BOUND):
            chosen[device.user_id] = device
    return chosen


def _all(pages: Iterable[list[Device]]) -> list[Device]:
    return [device for page in pages for device in page]


def _of(user_id: str, devices: Iterable[Device]) -> Device | None:
    return by_user(device for device in devices if device.user_id == user_id).get(user_id)
