# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest
from ansible_collections.hwc.mfa.plugins.module_utils._auth.credentials import AccessKey, SignatureAuth
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.iam import Device, Iam
from ansible_collections.hwc.mfa.plugins.module_utils._modules.device_access import DeviceReader, DeviceWriter, by_user
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
    assert {device.binding for device in reader.all().values()} == {"unknown"}
    assert reader.all()
    assert (reader.v5, settled) == (False, ["v3"])
    assert cloud.routes() == ["v5-list", "list-devices", "list-devices"]


@pytest.mark.parametrize("status", [402, 407, 409, 410, 500, 502])
def test_cloud_that_answers_v5_like_that_is_not_to_be_asked_otherwise(cloud, status):
    cloud.handle.fault(f"status={status}:v5-list")
    with pytest.raises(CloudError, match=f"HTTP {status}"):
        reader_of(cloud).all()
    assert "list-devices" not in cloud.routes()


def test_user_whom_v5_refuses_leaves_v5_for_the_others(cloud):
    reader = reader_of(cloud)
    with pytest.raises(CloudError):
        reader.read("f" * 32)
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
    assert cloud.routes() == ["v5-list"] * 2
    shown = [reader.known(user.id).binding for user in (first, unbound, second, third)]
    assert shown == ["bound", "unbound", "bound", "bound"]
    assert [dict(parse_qsl(entry["query"])).get("user_id") for entry in cloud.log] == [None, None, unbound.id, third.id]


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


@pytest.mark.parametrize("status", [403, 404, 405, 501])
def test_v3_that_does_not_list_is_done_without(start, status):
    cloud = start(users=12)
    cloud.handle.fault(f"status={status}:list-devices")
    reader_of(cloud).prefetch(ids(cloud.users), concurrency=16, mostly_without=True)
    assert cloud.routes() == ["list-devices", "v5-list"]


@pytest.mark.parametrize("status", [400, 401, 406, 500, 502])
def test_v3_that_fails_to_list_is_an_error(start, status):
    cloud = start(users=12)
    cloud.handle.fault(f"status={status}:list-devices")
    with pytest.raises(CloudError, match=f"HTTP {status}"):
        reader_of(cloud).prefetch(ids(cloud.users), concurrency=16, mostly_without=True)


def test_what_is_seen_at_once_is_looked_at_once(cloud):
    cloud.cloud.give_device(cloud.users[0].id)
    assert reader_of(cloud).read_until(cloud.users[0].id, lambda device: device is not None)
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
def test_of_several_devices_a_bound_one_is_shown_else_the_first(bindings, shown):
    devices = [Device("u", f"s{number}", binding) for number, binding in enumerate(bindings)]
    assert by_user(devices) == {"u": devices[shown]}
