# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Security keys, which v5 may list like virtual MFA devices, and which nothing may touch or take for one."""

from __future__ import annotations

import pytest
from ansible_collections.hwc.mfa.plugins.module_utils._modules.device_access import DeviceReader
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_mfa_info import MFA_INFO
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_virtual_mfa_bind import BIND
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_virtual_mfa_device import DEVICE

FEW, MANY = 1, 9
"""Up to 8 users are asked for one by one; more are taken from the account's listing."""


@pytest.fixture(params=[False, True], ids=["one form", "two forms"])
def keyed(request, start):
    """A cloud whose v5 lists security keys, and whose APIs show serial numbers in one form or in two."""
    return start(users=MANY + 1, security_keys_in_v5=True, serial_forms_differ=request.param)


def seen_by_v5(cloud, user, entry):
    return cloud.cloud.serial_shown(user, entry, v5=True)


def untouched(cloud, keys):
    return cloud.cloud.counters.key_writes == 0 and all(cloud.cloud.user(user_id).keys == (key,) for user_id, key in keys.items())


def binding_of(user, **more):
    return {"user_id": user.id, "seed": user.device.seed, "access_key": user.access_key, "secret_key": user.secret_key, **more}


def given_keys(cloud, count=MANY):
    return {user.id: cloud.cloud.give_key(user.id) for user in cloud.users[:count]}


# Audit


@pytest.mark.parametrize("whole", [True, False])
def test_audit_shows_a_key_beside_a_device_and_alone(keyed, whole):
    only_key, both, two_keys, none = keyed.users[:4]
    keys = {user.id: keyed.cloud.give_key(user.id) for user in (only_key, both, two_keys)}
    second = keyed.cloud.give_key(two_keys.id)
    device = keyed.cloud.give_device(both.id)
    result = keyed.run(MFA_INFO, **({} if whole else {"user_ids": [user.id for user in keyed.users[:4]]}))
    shown = {user["user_id"]: user for user in result["users"]}

    def key(user, entry=None):
        return {"serial_number": seen_by_v5(keyed, user, entry or keys[user.id]), "binding": "bound", "kind": "other"}

    virtual = {"serial_number": seen_by_v5(keyed, both, device), "binding": "unbound", "kind": "virtual"}
    assert (shown[only_key.id]["device"], shown[only_key.id]["devices"]) == (None, [key(only_key)])
    assert (shown[both.id]["device"], shown[both.id]["devices"]) == (virtual, [key(both), virtual])
    assert (shown[two_keys.id]["device"], shown[two_keys.id]["devices"]) == (None, [key(two_keys), key(two_keys, second)])
    assert (shown[none.id]["device"], shown[none.id]["devices"]) == (None, [])
    if whole:
        assert (result["summary"]["bound"], result["summary"]["unbound"], result["summary"]["unknown"]) == (0, 1, 0)
        assert result["summary"]["without_device"] == result["summary"]["users"] - 1
        assert keyed.routes().count("list-devices") == 1
    else:
        # v3.0 is asked where v5 shows something.
        assert keyed.routes().count("get-device") == 3


def test_key_alone_does_not_count_as_protected(keyed):
    user = keyed.users[0]
    keyed.cloud.give_key(user.id)
    keyed.cloud.protect(user.id)
    assert (keyed.run(MFA_INFO)["summary"]["vmfa"], keyed.run(MFA_INFO)["summary"]["protected"]) == (1, 0)


def test_kind_is_unknown_where_v3_is_not_granted(keyed):
    given_keys(keyed, 1)
    keyed.handle.fault("forbid:list-devices")
    (user,) = (user for user in keyed.run(MFA_INFO)["users"] if user["user_id"] == keyed.users[0].id)
    assert user["devices"][0]["kind"] == user["device"]["kind"] == "unknown"


# Creation


@pytest.mark.parametrize("count", [FEW, MANY])
@pytest.mark.parametrize("replace", ["never", "own", "unbound"])
def test_virtual_device_is_created_beside_a_key(keyed, count, replace):
    keys = given_keys(keyed, count)
    users = keyed.users[:count]
    devices = [{"user_id": user.id, "presume_unbound": True} for user in users]
    checked = keyed.run(DEVICE, check_mode=True, replace=replace, devices=devices)
    assert all(outcome["changed"] for outcome in checked["devices"])
    result = keyed.run(DEVICE, impatient=True, replace=replace, devices=devices)
    assert [outcome["seed"] for outcome in result["devices"]] == [user.device.seed for user in users]
    again = keyed.run(DEVICE, devices=[{"user_id": user.id} for user in users])
    assert [(outcome["changed"], outcome["binding"]) for outcome in again["devices"]] == [(False, "unbound")] * count
    assert [outcome["serial_number"] for outcome in again["devices"]] == [seen_by_v5(keyed, user, user.device) for user in users]
    assert untouched(keyed, keys)


@pytest.mark.parametrize("fault", ["lose", "cut"])
def test_lost_creation_beside_a_key_is_made_anew_without_the_key(keyed, fault):
    keys = given_keys(keyed, FEW)
    user = keyed.users[0]
    keyed.handle.fault(f"{fault}:v5-create:1")
    result = keyed.run(DEVICE, impatient=True, user_id=user.id, replace="own")
    assert result["devices"][0]["seed"] == user.device.seed
    assert untouched(keyed, keys)


@pytest.mark.parametrize("count", [FEW, MANY])
def test_leftover_beside_a_key_is_replaced_without_the_key(keyed, count):
    keys = given_keys(keyed, count)
    users = keyed.users[:count]
    old = {user.id: keyed.cloud.give_device(user.id) for user in users}
    result = keyed.run(DEVICE, impatient=True, replace="unbound", devices=[{"user_id": user.id} for user in users])
    assert [outcome["seed"] for outcome in result["devices"]] == [user.device.seed for user in users]
    assert all(user.device != old[user.id] for user in users)
    assert untouched(keyed, keys)


# Binding


@pytest.mark.parametrize("count", [FEW, MANY])
@pytest.mark.parametrize("serial", ["none", "v3", "v5"])
def test_virtual_device_is_bound_and_the_key_is_not_said_to_be(keyed, count, serial):
    keys = given_keys(keyed, count)
    users = keyed.users[:count]
    for user in users:
        keyed.cloud.give_device(user.id)
    more = {
        user.id: {} if serial == "none" else {"serial_number": keyed.cloud.serial_shown(user, user.device, v5=serial == "v5")}
        for user in users
    }
    bindings = [binding_of(user, **more[user.id]) for user in users]
    checked = keyed.run(BIND, check_mode=True, bindings=bindings)
    assert [(outcome["changed"], outcome["failed"]) for outcome in checked["bindings"]] == [(True, False)] * count
    result = keyed.run(BIND, bindings=bindings)
    assert [(outcome["changed"], outcome["binding"]) for outcome in result["bindings"]] == [(True, "bound")] * count
    assert all(user.device.bound for user in users)
    again = keyed.run(BIND, bindings=bindings)
    assert [(outcome["changed"], outcome["binding"]) for outcome in again["bindings"]] == [(False, "bound")] * count
    assert keyed.cloud.counters.binds == count
    assert untouched(keyed, keys)


@pytest.mark.parametrize("count", [FEW, MANY])
def test_key_alone_is_no_device_to_bind(keyed, count):
    given_keys(keyed, count)
    bindings = [
        {"user_id": user.id, "seed": "JBSWY3DPEHPK3PXP", "access_key": user.access_key, "secret_key": user.secret_key}
        for user in keyed.users[:count]
    ]
    result = keyed.run(BIND, bindings=bindings)
    assert all(outcome["failed"] and "no virtual MFA device" in outcome["msg"] for outcome in result["bindings"])
    assert keyed.writes() == []


@pytest.mark.parametrize("fault", ["lose", "cut"])
def test_binding_whose_answer_was_lost_is_not_read_of_the_key(keyed, fault):
    keys = given_keys(keyed, FEW)
    user = keyed.users[0]
    keyed.cloud.give_device(user.id)
    keyed.handle.fault(f"{fault}:v5-enable:1")
    (outcome,) = keyed.run(BIND, impatient=True, bindings=[binding_of(user)])["bindings"]
    assert outcome["failed"] == (fault == "cut") == (not user.device.bound)
    assert untouched(keyed, keys)


@pytest.mark.parametrize("serial", ["v3", "v5"])
def test_conflict_of_a_presumed_device_is_read_of_the_device_in_either_form(keyed, serial):
    keys = given_keys(keyed, FEW)
    user = keyed.users[0]
    device = keyed.cloud.give_device(user.id, bound=True)
    serial_number = keyed.cloud.serial_shown(user, device, v5=serial == "v5")
    (outcome,) = keyed.run(BIND, impatient=True, bindings=[binding_of(user, serial_number=serial_number, presume_unbound=True)])["bindings"]
    assert (outcome["failed"], outcome["changed"], outcome["binding"]) == (False, False, "bound")
    assert untouched(keyed, keys)


# Unbinding and removal


@pytest.mark.parametrize("count", [FEW, MANY])
@pytest.mark.parametrize("serial", ["none", "v3", "v5"])
@pytest.mark.parametrize("bound", [True, False])
def test_device_is_unbound_and_removed_without_the_key(keyed, count, serial, bound):
    keys = given_keys(keyed, count)
    users = keyed.users[:count]
    for user in users:
        keyed.cloud.give_device(user.id, bound=bound)
    items = [
        {
            "user_id": user.id,
            **({} if serial == "none" else {"serial_number": keyed.cloud.serial_shown(user, user.device, v5=serial == "v5")}),
        }
        for user in users
    ]
    result = keyed.run(BIND, state="absent", bindings=items)
    assert [outcome["changed"] for outcome in result["bindings"]] == [bound] * count
    assert not any(user.device.bound for user in users)
    result = keyed.run(DEVICE, state="absent", devices=items)
    assert [outcome["changed"] for outcome in result["devices"]] == [True] * count
    assert all(user.device is None for user in users)
    assert untouched(keyed, keys)


@pytest.mark.parametrize("count", [FEW, MANY])
@pytest.mark.parametrize("check_mode", [True, False])
def test_key_alone_is_nothing_to_unbind_or_remove(keyed, count, check_mode):
    keys = given_keys(keyed, count)
    items = [{"user_id": user_id} for user_id in keys]
    for definition, many in ((BIND, "bindings"), (DEVICE, "devices")):
        result = keyed.run(definition, check_mode=check_mode, state="absent", **{many: items})
        assert [(outcome["changed"], outcome["failed"]) for outcome in result[many]] == [(False, False)] * count
    assert keyed.writes() == []
    assert untouched(keyed, keys)


@pytest.mark.parametrize("presume", [True, False])
def test_serial_number_of_a_key_is_none_to_remove(keyed, presume):
    keys = given_keys(keyed, FEW)
    user = keyed.users[0]
    keyed.cloud.give_device(user.id)
    serial_number = seen_by_v5(keyed, user, keys[user.id])
    (outcome,) = keyed.run(DEVICE, state="absent", user_id=user.id, serial_number=serial_number, presume_unbound=presume)["devices"]
    assert not outcome["changed"]
    assert keyed.writes() == []


# v3.0 does not tell


def without_v3(cloud):
    for route in ("get-device", "list-devices"):
        cloud.handle.fault(f"forbid:{route}")


@pytest.mark.parametrize("count", [FEW, MANY])
def test_entry_of_unknown_kind_is_neither_created_over_nor_bound_nor_touched(keyed, count):
    keys = given_keys(keyed, count)
    without_v3(keyed)
    users = keyed.users[:count]
    tries = [
        (DEVICE, "devices", {}, [{"user_id": user.id} for user in users]),
        (DEVICE, "devices", {"replace": "unbound"}, [{"user_id": user.id, "presume_unbound": True} for user in users]),
        (DEVICE, "devices", {"state": "absent"}, [{"user_id": user.id} for user in users]),
        (DEVICE, "devices", {"state": "absent"}, [{"user_id": user.id, "presume_unbound": True} for user in users]),
        (BIND, "bindings", {"state": "absent"}, [{"user_id": user.id} for user in users]),
        (BIND, "bindings", {}, [{"user_id": user.id, "seed": "JBSWY3DPEHPK3PXP", **keyed.by_key(user)} for user in users]),
    ]
    for definition, many, options, items in tries:
        for check_mode in (True, False):
            result = keyed.run(definition, check_mode=check_mode, **{many: items}, **options)
            assert all(outcome["failed"] and not outcome["changed"] for outcome in result[many])
            assert "whether device" in result[many][0]["msg"] and "is left alone" in result[many][0]["msg"]
    assert keyed.writes() == []
    assert untouched(keyed, keys)


@pytest.mark.parametrize("count", [FEW, MANY])
def test_device_whose_serial_number_is_given_needs_no_kind(keyed, count):
    keys = given_keys(keyed, count)
    users = keyed.users[:count]
    for user in users:
        keyed.cloud.give_device(user.id)
    without_v3(keyed)
    items = [{"user_id": user.id, "serial_number": seen_by_v5(keyed, user, user.device)} for user in users]
    result = keyed.run(BIND, impatient=True, bindings=[{**item, **binding_of(user)} for item, user in zip(items, users)])
    assert [(outcome["changed"], outcome["binding"]) for outcome in result["bindings"]] == [(True, "bound")] * count
    result = keyed.run(BIND, impatient=True, state="absent", bindings=items)
    assert [outcome["changed"] for outcome in result["bindings"]] == [True] * count
    result = keyed.run(DEVICE, impatient=True, state="absent", devices=items)
    assert [outcome["changed"] for outcome in result["devices"]] == [True] * count
    assert all(user.device is None for user in users)
    assert untouched(keyed, keys)


@pytest.mark.parametrize("whole", [True, False])
def test_nobody_is_called_protected_whose_bound_device_may_be_a_key(keyed, whole):
    """Neither with a key alone nor with one beside a device that is not bound. Whose virtual device it is, the cloud does not tell either."""
    only_key, both, ordinary, free = keyed.users[:4]
    given_keys(keyed, 2)
    keyed.cloud.give_device(both.id)
    keyed.cloud.give_device(ordinary.id, bound=True)
    for user in (only_key, both, ordinary):
        keyed.cloud.protect(user.id)
    without_v3(keyed)
    result = keyed.run(MFA_INFO, **({} if whole else {"user_ids": [user.id for user in keyed.users[:4]]}))
    shown = {user["user_id"]: user for user in result["users"]}
    assert [shown[user.id]["posture"] for user in (only_key, both, ordinary, free)] == ["unknown", "unknown", "unknown", "unprotected"]
    if whole:
        assert [result["summary"][name] for name in ("bound", "unknown", "vmfa", "protected", "coverage")] == [0, 3, 3, 0, 0.0]


# Serial numbers that have nothing in common


@pytest.fixture(params=[True, False], ids=["own serial numbers", "both serial numbers"])
def apart(request, start):
    """A cloud whose v3.0 shows ``iam/mfa/{id}``, where v5 lists keys and devices by name; each API takes its own serial numbers, or both."""

    def one(**more):
        forms = {"serial_forms_differ": True, "serial_ids_in_v3": True, "own_serials_only": request.param}
        return start(users=MANY + 1, security_keys_in_v5=True, **forms, **more)

    return one


def seen_by_v3(cloud, user):
    return cloud.cloud.serial_shown(user, user.device, v5=False)


@pytest.mark.parametrize("whole", [True, False])
def test_what_v5_lists_alone_is_not_taken_for_the_device_of_v3(apart, whole):
    cloud = apart()
    ordinary, unbound, both, only_key = cloud.users[:4]
    for user, bound in ((ordinary, True), (unbound, False), (both, False)):
        cloud.cloud.give_device(user.id, bound=bound)
    for user in (both, only_key):
        cloud.cloud.give_key(user.id)
    for user in cloud.users[:4]:
        cloud.cloud.protect(user.id)
    result = cloud.run(MFA_INFO, **({} if whole else {"user_ids": [user.id for user in cloud.users[:4]]}))
    shown = {user["user_id"]: user for user in result["users"]}
    assert [shown[user.id]["posture"] for user in cloud.users[:4]] == ["unknown", "required_only", "unknown", "required_only"]
    for user, binding in ((ordinary, "unknown"), (unbound, "unbound"), (both, "unknown")):
        assert shown[user.id]["device"] == {"serial_number": seen_by_v3(cloud, user), "binding": binding, "kind": "virtual"}
    assert shown[ordinary.id]["devices"] == [
        {"serial_number": seen_by_v5(cloud, ordinary, ordinary.device), "binding": "bound", "kind": "unknown"}
    ]


@pytest.mark.parametrize("old", ["v5", "v3"])
def test_key_is_not_taken_for_a_device_that_one_api_does_not_show_yet_or_still_shows(apart, old):
    """v5 shows the key alone, and v3.0 a device that was just made, or that was just removed."""
    cloud = apart(stale=20.0, stale_of=old)
    user = cloud.users[0]
    keys = given_keys(cloud, FEW)
    if old == "v3":
        cloud.cloud.give_device(user.id)
    cloud.cloud.protect(user.id)
    with cloud.cloud.lock:
        if old == "v3":
            cloud.cloud.delete_device(cloud.admin, user.id, seen_by_v3(cloud, user))
        else:
            cloud.cloud.create_device(cloud.admin, user.id, "phone")
    assert (user.device is None) == (old == "v3")
    (shown,) = cloud.run(MFA_INFO, user_ids=[user.id])["users"]
    assert (shown["posture"], shown["device"]["binding"], shown["device"]["kind"]) == ("unknown", "unknown", "virtual")
    cloud.handle.clear_log()
    bound = cloud.run(BIND, impatient=True, bindings=[{"user_id": user.id, "seed": "JBSWY3DPEHPK3PXP", **cloud.by_key(user)}])["bindings"][
        0
    ]
    assert (bound["failed"], bound["binding"]) == (True, "unknown")
    assert untouched(cloud, keys)
    cloud.cloud.protect(user.id, enabled=False)
    cloud.run(DEVICE, impatient=True, state="absent", user_id=user.id)
    assert untouched(cloud, keys)


@pytest.mark.parametrize("count", [FEW, MANY])
@pytest.mark.parametrize("with_key", [True, False])
@pytest.mark.parametrize("serial", ["none", "v3", "v5"])
def test_device_is_made_bound_unbound_and_removed_where_serial_numbers_have_nothing_in_common(apart, count, with_key, serial):
    cloud = apart()
    keys = given_keys(cloud, count) if with_key else {}
    users = cloud.users[:count]
    made = cloud.run(DEVICE, impatient=True, devices=[{"user_id": user.id} for user in users])["devices"]
    assert [outcome["serial_number"] for outcome in made] == [seen_by_v5(cloud, user, user.device) for user in users]
    # As a rollout binds, and as somebody who has only the seed does.
    known = {
        user.id: {} if serial == "none" else {"serial_number": cloud.cloud.serial_shown(user, user.device, v5=serial == "v5")}
        for user in users
    }
    bound = cloud.run(BIND, impatient=True, bindings=[binding_of(user, **known[user.id]) for user in users])["bindings"]
    assert [(outcome["failed"], outcome["binding"]) for outcome in bound] == [(False, "bound")] * count
    assert all(user.device.bound for user in users)
    again = cloud.run(BIND, impatient=True, bindings=[binding_of(user, **known[user.id]) for user in users])["bindings"]
    assert [(outcome["failed"], outcome["changed"], outcome["binding"]) for outcome in again] == [(False, False, "bound")] * count
    assert cloud.cloud.counters.wrong_codes == cloud.cloud.counters.refused_codes == 0
    items = [{"user_id": user.id, **known[user.id]} for user in users]
    gone = cloud.run(DEVICE, impatient=True, state="absent", devices=items)["devices"]
    assert [(outcome["failed"], outcome["changed"], outcome["binding"]) for outcome in gone] == [(False, True, "unbound")] * count, gone
    assert all(user.device is None for user in users)
    assert untouched(cloud, keys)


@pytest.mark.parametrize("with_key", [True, False])
def test_device_of_a_rollout_is_bound_by_an_administrator_where_serial_numbers_have_nothing_in_common(apart, with_key):
    cloud = apart()
    keys = given_keys(cloud, FEW) if with_key else {}
    user = cloud.users[0]
    (made,) = cloud.run(DEVICE, impatient=True, user_id=user.id)["devices"]
    item = {"user_id": user.id, "serial_number": made["serial_number"], "seed": made["seed"]}
    assert cloud.run(BIND, impatient=True, bindings=[{**item, "presume_unbound": True}])["bindings"][0]["binding"] == "bound"
    assert not cloud.run(BIND, impatient=True, bindings=[item])["bindings"][0]["changed"]
    assert cloud.run(BIND, impatient=True, state="absent", bindings=[{"user_id": user.id, "serial_number": made["serial_number"]}])[
        "changed"
    ]
    assert not user.device.bound
    assert untouched(cloud, keys)


@pytest.mark.parametrize("check_mode", [True, False])
def test_code_that_v3_wants_is_missed_in_check_mode_too_where_serial_numbers_have_nothing_in_common(apart, check_mode):
    cloud = apart()
    user = cloud.users[0]
    cloud.cloud.give_device(user.id, bound=True)
    result = cloud.run(BIND, impatient=True, check_mode=check_mode, state="absent", bindings=[{"user_id": user.id, **cloud.by_key(user)}])
    assert result["failed"] and "authentication_code_first is needed" in result["msg"]
    assert user.device.bound


def test_refusal_of_v3_is_told_where_v5_does_not_know_the_serial_number(start):
    cloud = start(users=MANY, serial_forms_differ=True, serial_ids_in_v3=True, own_serials_only=True)
    user = cloud.users[0]
    cloud.cloud.give_device(user.id)
    result = cloud.run(BIND, impatient=True, bindings=[{"user_id": user.id, "seed": user.device.seed}])
    assert (result["failed"], result["error"]["status"]) == (True, 403)
    assert "Only the user may bind their device" in result["msg"]


@pytest.mark.parametrize("with_key", [True, False])
@pytest.mark.parametrize(
    ("forms", "denied"),
    [
        *[({}, denied) for denied in ("v5-create", "v5-enable", "v5-disable", "v5-delete")],
        # To remove devices by such a serial number, v5 must let us: nothing else ties v5's device to that of v3.0.
        ({"serial_ids_in_v3": True}, "v5-enable"),
    ],
)
@pytest.mark.parametrize("presumed", [True, False])
def test_what_v5_does_not_grant_is_asked_of_v3_by_the_serial_number_that_v3_shows(start, with_key, forms, denied, presumed):
    cloud = start(users=MANY, security_keys_in_v5=True, serial_forms_differ=True, own_serials_only=True, **forms)
    keys = given_keys(cloud, FEW) if with_key else {}
    user = cloud.users[0]
    cloud.handle.fault(f"forbid:{denied}")
    (made,) = cloud.run(DEVICE, impatient=True, user_id=user.id)["devices"]
    known = {"serial_number": made["serial_number"]} if presumed else {}
    (bound,) = cloud.run(BIND, impatient=True, bindings=[binding_of(user, presume_unbound=presumed, **known)])["bindings"]
    assert (bound["failed"], user.device.bound) == (False, True), bound
    (gone,) = cloud.run(DEVICE, impatient=True, state="absent", devices=[{"user_id": user.id, **known}])["devices"]
    assert (gone["failed"], user.device) == (False, None), gone
    assert cloud.cloud.counters.wrong_codes == 0
    assert untouched(cloud, keys)


@pytest.mark.parametrize("with_key", [True, False])
@pytest.mark.parametrize("replace", ["own", "unbound"])
def test_lost_creation_is_made_anew_where_serial_numbers_have_nothing_in_common(apart, with_key, replace):
    cloud = apart()
    keys = given_keys(cloud, FEW) if with_key else {}
    user = cloud.users[0]
    cloud.handle.fault("lose:v5-create:1")
    (outcome,) = cloud.run(DEVICE, impatient=True, user_id=user.id, name="phone", replace=replace)["devices"]
    assert outcome.get("seed") == user.device.seed, outcome
    assert untouched(cloud, keys)


# Readings that are older than the device


def test_key_is_not_taken_for_a_device_that_v5_does_not_show_yet(script):
    """v3.0 shows a device that was just made, while v5's older listing shows the key alone."""
    key = {"user_id": "u1", "serial_number": "iam::d:mfa:key", "enabled": True}
    device = {"user_id": "u1", "serial_number": "iam::d:mfa:new"}
    server = script((200, {"mfa_devices": [key], "page_info": {}}), (200, {"virtual_mfa_device": device}))
    device = DeviceReader(server.iam(), "auto").read("u1")
    assert (device.serial_number, device.binding, device.kind) == ("iam::d:mfa:new", "unknown", "virtual")
