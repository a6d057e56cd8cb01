# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qsl

import pytest
from ansible_collections.hwc.mfa.plugins.module_utils._auth.access_key import AccessKey, SignatureAuth
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.iam import Device, Iam
from ansible_collections.hwc.mfa.plugins.module_utils._modules.device_access import (
    DeviceReader,
    DeviceWriter,
    same_serial,
    virtual_device,
    with_kinds,
)
from ansible_collections.hwc.mfa.tests.unit.rehearsal import Impatient


def reader_of(cloud, api="auto", **more):
    iam = Iam(cloud.session().acting_as(SignatureAuth(AccessKey(**cloud.by_key()), now=cloud.cloud.now)))
    return DeviceReader(iam, api, **more)


def ids(users):
    return [user.id for user in users]


# Which API


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 406, 501])
def test_cloud_that_answers_v5_like_this_is_asked_by_v3(cloud, status):
    cloud.cloud.give_device(cloud.users[0].id, bound=True)
    cloud.handle.fault(f"status={status}:v5-list")
    settled = []
    reader = reader_of(cloud, settled=settled.append)
    device = Device(cloud.users[0].id, cloud.users[0].device.serial_number, "unknown", "virtual")
    assert reader.all() == {device.user_id: [device]}
    assert reader.all() == {device.user_id: [device]}
    assert (reader.v5, settled) == (False, ["v3"])
    # v3.0's listing is asked for once.
    assert cloud.routes() == ["v5-list", "list-devices"]


@pytest.mark.parametrize("status", [402, 407, 409, 410, 500, 502])
def test_cloud_that_answers_v5_like_that_is_not_to_be_asked_otherwise(cloud, status):
    cloud.handle.fault(f"status={status}:v5-list")
    with pytest.raises(CloudError, match=f"HTTP {status}"):
        reader_of(cloud).all()
    assert "list-devices" not in cloud.routes()


def test_user_whom_v5_does_not_know_has_no_device_and_leaves_v5_for_the_others(cloud):
    reader = reader_of(cloud)
    assert reader.read("f" * 32) is None
    assert reader.v5
    assert "get-device" not in cloud.routes()


def test_v5_that_refuses_everybody_is_asked_for_one_user_only(cloud):
    cloud.handle.fault("forbid:v5-list")
    reader = reader_of(cloud)
    for user in cloud.users:
        assert reader.read(user.id) is None
    assert cloud.routes() == ["v5-list", "v5-list", *["get-device"] * len(cloud.users)]


@pytest.mark.parametrize(("status", "falls_back"), [(403, True), (404, True), (405, True), (400, False), (402, False), (406, False)])
def test_write_that_v5_does_not_grant_is_asked_of_v3(cloud, status, falls_back):
    reader = reader_of(cloud)
    reader.settle()
    writer = DeviceWriter(reader.iam, reader, "auto")
    cloud.handle.fault(f"status={status}:v5-create")
    if falls_back:
        assert writer.create(cloud.users[0].id, "x").seed
    else:
        with pytest.raises(CloudError):
            writer.create(cloud.users[0].id, "x")
    assert cloud.writes() == ["v5-create"] + ["create"] * falls_back


# Many users


@pytest.mark.parametrize(("count", "lists"), [(8, 0), (9, 1)])
def test_few_users_are_asked_for_one_by_one(start, count, lists):
    cloud = start(users=12)
    reader_of(cloud).prefetch(ids(cloud.users[:count]), concurrency=16)
    assert cloud.routes() == ["v5-list"] * lists


def test_listing_that_was_read_whole_answers_for_everybody(start):
    for profile, route in (("huaweicloud", "v5-list"), ("otc", "list-devices")):
        cloud = start(profile=profile, users=12)
        device = cloud.cloud.give_device(cloud.users[0].id)
        reader = reader_of(cloud)
        reader.prefetch(ids(cloud.users), concurrency=1)
        assert [reader.known(user.id) is not None for user in cloud.users] == [True] + [False] * 11
        assert reader.known(cloud.users[0].id).serial_number == device.serial_number
        assert cloud.routes().count(route) == 1
        assert "get-device" not in cloud.routes()


def test_page_that_was_read_answers_for_bound_devices_only(start):
    cloud = start(users=450)
    # Of three pages two are read: that there is a second shows that it would take longer than asking.
    first, unbound, second, third = cloud.users[0], cloud.users[1], cloud.users[250], cloud.users[-1]
    for user in cloud.users:
        cloud.cloud.give_device(user.id, bound=user is not unbound)
    reader = reader_of(cloud)
    reader.prefetch(ids([*cloud.users[:7], second, third]), concurrency=16)
    assert cloud.routes() == ["v5-list", "v5-list", "list-devices"]
    shown = [reader.known(user.id) for user in (first, unbound, second, third)]
    assert [device.binding for device in shown] == ["bound", "unbound", "bound", "bound"]
    assert {device.kind for device in shown} == {"virtual"}
    assert cloud.routes()[3:] == ["v5-list", "get-device"] * 2
    assert [dict(parse_qsl(entry["query"])).get("user_id") for entry in cloud.log if entry["route"] == "v5-list"] == [
        None, None, unbound.id, third.id,
    ]  # fmt: skip


@pytest.mark.parametrize(("enrolled", "limit"), [(8, "1"), (9, "200")])
def test_who_has_no_device_is_known_from_v3_and_the_few_others_are_asked_for(start, enrolled, limit):
    cloud = start(users=20, enrolled=enrolled)
    reader = reader_of(cloud)
    reader.prefetch(ids(cloud.users), concurrency=16, mostly_without=True)
    assert cloud.routes() == ["list-devices", "v5-list"]
    assert dict(parse_qsl(cloud.log[1]["query"]))["limit"] == limit
    assert reader.v5
    assert reader.known(cloud.users[-1].id) is None
    assert len(cloud.log) == 2


def test_v3_is_not_asked_where_v5_was(start):
    cloud = start(users=20)
    reader_of(cloud, "v5").prefetch(ids(cloud.users), concurrency=16, mostly_without=True)
    assert cloud.routes() == ["v5-list"]


@pytest.mark.parametrize("status", [400, 403, 404, 405, 406, 501])
def test_v3_that_does_not_list_is_done_without(start, status):
    cloud = start(users=12)
    cloud.handle.fault(f"status={status}:list-devices")
    reader_of(cloud).prefetch(ids(cloud.users), concurrency=16, mostly_without=True)
    assert cloud.routes() == ["list-devices", "v5-list"]


@pytest.mark.parametrize("status", [401, 500, 502])
def test_v3_that_fails_to_list_is_an_error(start, status):
    cloud = start(users=12)
    cloud.handle.fault(f"status={status}:list-devices")
    with pytest.raises(CloudError, match=f"HTTP {status}"):
        reader_of(cloud).prefetch(ids(cloud.users), concurrency=16, mostly_without=True)


def test_what_is_seen_at_once_is_looked_at_once(cloud):
    cloud.cloud.give_device(cloud.users[0].id)
    assert reader_of(cloud).read_until(cloud.users[0].id, lambda device: device is not None)
    assert cloud.routes() == ["v5-list", "get-device"]


def test_serial_number_that_a_creation_returned_settles_the_kind_without_another_request(cloud):
    serial_number = cloud.cloud.give_device(cloud.users[0].id).serial_number
    device = reader_of(cloud).read(cloud.users[0].id, serial_number)
    assert device == Device(cloud.users[0].id, serial_number, "unbound", "virtual")
    assert cloud.routes() == ["v5-list"]


def test_what_is_not_seen_is_looked_for_five_seconds(cloud):
    sleep = Impatient()
    iam = Iam(cloud.session(sleep).acting_as(SignatureAuth(AccessKey(**cloud.by_key()), now=cloud.cloud.now)))
    assert DeviceReader(iam, "auto").read_until(cloud.users[0].id, lambda device: device is not None) is None
    assert sum(sleep.slept) == 5.0
    assert sleep.slept == sorted(sleep.slept)
    assert cloud.routes() == ["v5-list"] * 5


@pytest.mark.parametrize(
    ("bindings", "shown"),
    [
        (["unbound", "bound"], 1),
        (["bound", "unbound"], 0),
        (["unknown", "bound"], 1),
        (["bound", "bound"], 0),
        (["unbound", "unbound"], 0),
        (["unknown", "unbound"], 0),
        (["unbound", "unknown"], 0),
    ],
)
def test_of_several_devices_of_unknown_kind_a_bound_one_is_shown_else_the_first(bindings, shown):
    devices = [Device("u", f"s{number}", binding) for number, binding in enumerate(bindings)]
    assert virtual_device(devices) == devices[shown]


# Kinds

KEY, PHONE = Device("u", "iam::d:mfa:key", "bound"), Device("u", "iam::d:mfa:phone", "unbound")
PHONE_BY_V3 = Device("u", "iam::d:mfa:phone", "unknown", "virtual")
PHONE_OTHERWISE = Device("u", "iam:d:mfa/phone", "unknown", "virtual")
STRANGER_BY_V3 = Device("u", "iam::d:mfa:new", "unknown", "virtual")
TWIN = Device("u", "iam:d:mfa:phone", "bound")
NUMBERED = Device("u", "iam/mfa/1f3a", "unbound")


@pytest.mark.parametrize(
    ("listed", "by_v3", "told", "serial_number", "kinds"),
    [
        ([], None, True, None, ""),
        ([], PHONE_BY_V3, True, None, ""),
        ([], None, False, "iam::d:mfa:phone", ""),
        # v3.0 names the virtual device, and a user has one.
        ([PHONE], PHONE_BY_V3, True, None, "virtual"),
        ([KEY, PHONE], PHONE_BY_V3, True, None, "other virtual"),
        ([PHONE, KEY], PHONE_BY_V3, True, None, "virtual other"),
        ([KEY, PHONE], PHONE_OTHERWISE, True, None, "other virtual"),
        ([PHONE], PHONE_OTHERWISE, True, None, "virtual"),
        # Two forms that have nothing in common: an entry that stands alone may be a key, while either API is some seconds old.
        ([NUMBERED], PHONE_OTHERWISE, True, None, "unknown"),
        ([NUMBERED], PHONE_OTHERWISE, True, "iam/mfa/1f3a", "virtual"),
        ([KEY, NUMBERED], PHONE_OTHERWISE, True, None, "unknown unknown"),
        # A listing that changes while it is read may show an entry on two pages.
        ([PHONE, KEY, PHONE], PHONE_BY_V3, True, None, "virtual other virtual"),
        # v3.0 has none.
        ([KEY], None, True, None, "other"),
        ([KEY, PHONE], None, True, None, "other other"),
        # v3.0 shows a device that v5 does not show yet: what v5 shows is perhaps a key.
        ([KEY], STRANGER_BY_V3, True, None, "unknown"),
        ([KEY, PHONE], STRANGER_BY_V3, True, None, "unknown unknown"),
        # Two of one name: nothing tells which is meant.
        ([TWIN, PHONE], PHONE_OTHERWISE, True, None, "unknown unknown"),
        # v3.0 was not asked, or did not tell.
        ([PHONE], None, False, None, "unknown"),
        ([KEY, PHONE], None, False, None, "unknown unknown"),
        ([KEY, PHONE], None, False, "iam::d:mfa:phone", "other virtual"),
        ([KEY, PHONE], None, False, "iam::d:mfa:gone", "unknown unknown"),
    ],
)
def test_v3_or_a_known_serial_number_tells_the_kinds(listed, by_v3, told, serial_number, kinds):
    seen = with_kinds(listed, by_v3, told, serial_number)
    assert " ".join(device.kind for device in seen) == kinds
    assert [replace(device, kind="unknown") for device in seen] == listed


def of_kinds(*devices):
    return [Device("u", serial_number, binding, kind) for serial_number, binding, kind in devices]


@pytest.mark.parametrize(
    ("devices", "by_v3", "chosen"),
    [
        ([], None, None),
        ([], STRANGER_BY_V3, None),
        (of_kinds(("k", "bound", "other")), None, None),
        (of_kinds(("k", "bound", "other"), ("v", "unbound", "virtual")), None, ("v", "unbound", "virtual")),
        (of_kinds(("v", "bound", "virtual"), ("x", "bound", "unknown")), None, ("v", "bound", "virtual")),
        (of_kinds(("x", "unbound", "unknown")), None, ("x", "unbound", "unknown")),
        (of_kinds(("x", "unbound", "unknown"), ("y", "bound", "unknown")), None, ("y", "bound", "unknown")),
        # v3.0 names it: certain of its kind. It is certainly not bound where nothing is, and a bound entry may be a key.
        (of_kinds(("x", "bound", "unknown")), STRANGER_BY_V3, ("iam::d:mfa:new", "unknown", "virtual")),
        (of_kinds(("x", "bound", "unknown"), ("y", "bound", "unknown")), STRANGER_BY_V3, ("iam::d:mfa:new", "unknown", "virtual")),
        (of_kinds(("x", "unbound", "unknown")), STRANGER_BY_V3, ("iam::d:mfa:new", "unbound", "virtual")),
        (of_kinds(("x", "unbound", "unknown"), ("y", "bound", "unknown")), STRANGER_BY_V3, ("iam::d:mfa:new", "unknown", "virtual")),
        # v5 does not show it yet, and what it shows says nothing of it.
        ([KEY], STRANGER_BY_V3, ("iam::d:mfa:new", "unknown", "virtual")),
        ([KEY, PHONE], STRANGER_BY_V3, ("iam::d:mfa:new", "unknown", "virtual")),
        ([KEY, TWIN, TWIN], PHONE_OTHERWISE, ("iam:d:mfa/phone", "bound", "virtual")),
        ([KEY, TWIN, PHONE], PHONE_OTHERWISE, ("iam:d:mfa/phone", "unknown", "virtual")),
    ],
)
def test_virtual_device_is_chosen_and_never_a_key(devices, by_v3, chosen):
    assert virtual_device(devices, by_v3) == (Device("u", *chosen) if chosen else None)


def test_serial_number_that_somebody_gave_is_looked_for_before_what_v3_shows():
    """Where the two APIs write serial numbers in forms that have nothing in common."""
    by_v3 = Device("u", "iam/mfa/1f3a", "unknown", "virtual")
    assert virtual_device([KEY, PHONE], by_v3, "iam::d:mfa:phone") == PHONE
    for meant in (None, "iam/mfa/1f3a", "iam::d:mfa:gone"):
        chosen = virtual_device([KEY, PHONE], by_v3, meant)
        assert (chosen, chosen.named_by_v3) == (by_v3, True)


@pytest.mark.parametrize(
    ("devices", "meant", "chosen"),
    [
        ([KEY, PHONE], "iam::d:mfa:phone", PHONE),
        ([KEY, PHONE], "iam:d:mfa/phone", PHONE),
        ([PHONE, KEY], "iam::d:mfa:gone", KEY),
        (of_kinds(("v", "bound", "virtual"), ("k", "bound", "other")), "k", replace(KEY, serial_number="v", kind="virtual")),
        (of_kinds(("k", "bound", "other")), "k", None),
    ],
)
def test_serial_number_that_somebody_gave_decides_where_the_clouds_do_not_tell(devices, meant, chosen):
    assert virtual_device(devices, meant=meant) == chosen


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("iam::d:mfa:phone", "iam::d:mfa:phone", True),
        ("iam::d:mfa:phone", "iam:d:mfa/phone", True),
        ("iam::d:mfa:phone", "iam:d:mfa/phone-2", False),
        ("iam::d:mfa:phone", "iam::e:mfa:phone", False),
        ("iam::d:mfa:phone", "iam::d:mfa:Phone", False),
        ("abc", "abc", True),
        ("phone", "iam::d:mfa:phone", False),
        ("", "iam::d:mfa:", False),
    ],
)
def test_two_forms_of_one_serial_number_are_the_same(one, other, same):
    assert same_serial(one, other) is same_serial(other, one) is same  # pylint: disable=arguments-out-of-order
