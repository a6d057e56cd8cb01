# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import itertools
import re

import pytest
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import OptionError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.iam import Device
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_mfa_info import MFA_INFO
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_virtual_mfa_bind import BIND
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_virtual_mfa_device import (
    CREATE,
    DEVICE,
    KEEP,
    REPLACE,
    bears_another_name,
    decide,
    device_name,
    unique_name,
)
from ansible_collections.hwc.mfa.plugins.module_utils._runner.run import perform
from ansible_collections.hwc.mfa.tests.unit.rehearsal import validated
from hypothesis import given
from hypothesis import strategies as st


def only(result):
    assert len(result["devices"]) == 1
    return result["devices"][0]


CREATES = {"create", "v5-create"}


def creations(cloud):
    return [route for route in cloud.routes() if route in CREATES]


# Pure decisions


@pytest.mark.parametrize("presume", [True, False])
@pytest.mark.parametrize("replace", ["never", "own", "unbound"])
def test_missing_device_is_created(replace, presume):
    assert decide(None, replace, presume) == CREATE


@pytest.mark.parametrize(
    ("binding", "replace", "presume", "step"),
    [
        ("bound", "never", False, KEEP),
        ("bound", "never", True, KEEP),
        ("bound", "unbound", False, KEEP),
        ("bound", "unbound", True, KEEP),
        ("unbound", "never", False, KEEP),
        ("unbound", "never", True, KEEP),
        ("unbound", "unbound", False, REPLACE),
        ("unbound", "unbound", True, REPLACE),
        ("unknown", "never", False, KEEP),
        ("unknown", "never", True, KEEP),
        ("unknown", "unbound", False, KEEP),
        ("unknown", "unbound", True, REPLACE),
        ("bound", "own", False, KEEP),
        ("bound", "own", True, KEEP),
        ("unbound", "own", False, KEEP),
        ("unbound", "own", True, REPLACE),
        ("unknown", "own", False, KEEP),
        ("unknown", "own", True, REPLACE),
    ],
)
def test_only_a_device_that_is_or_may_be_presumed_unbound_is_replaced(binding, replace, presume, step):
    assert decide(Device("u", "s", binding), replace, presume) == step


@pytest.mark.parametrize("name", ["", " ", "\n"])
def test_name_of_no_characters_is_refused_first(name):
    with pytest.raises(OptionError, match=r"^name must not be empty"):
        device_name(name, "u")


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("a b", "a-b-c8687a08"),
        ("jürgen@acme.example", "j-rgen-acme-example-cd87863d"),
        ("a/b", "a-b-c14cddc0"),
        ("a\n", "a--87428fc5"),
        ("a" * 65, "a" * 55 + "-635361c4"),
        ("\ud800", "--"),
    ],
)
def test_name_of_a_user_is_made_to_fit_and_stays_the_same(name, fits):
    assert device_name(name, "u") == device_name(name, "other")
    assert device_name(name, "u").startswith(fits)


@given(st.text(min_size=1, max_size=80).filter(str.strip), st.text(min_size=1, max_size=80).filter(str.strip))
def test_any_name_is_made_to_fit_and_two_stay_two(one, other):
    assert re.fullmatch("[A-Za-z0-9_-]{1,64}", device_name(one, "u"))
    assert (device_name(one, "u") == device_name(other, "u")) == (one == other)


def test_device_is_named_after_its_user(any_cloud):
    ada = any_cloud.users[0]
    result = any_cloud.run(
        DEVICE,
        devices=[
            {
                "user_id": ada.id,
                "name": "Ada Lovelace@acme.example",
                "auth_password": ada.password,
                "auth_domain_name": any_cloud.domain_name,
            }
        ],
    )
    assert re.search("[:/]Ada-Lovelace-acme-example-[0-9a-f]{8}$", result["devices"][0]["serial_number"])
    assert not any_cloud.run(DEVICE, devices=[{"user_id": ada.id, "name": "Ada Lovelace@acme.example"}])["changed"]


def test_name_made_from_a_long_user_id_is_as_long_as_the_cloud_takes():
    name = device_name(None, "a" * 80)
    assert len(name) == 64
    assert name.startswith("mfa-" + "a" * 51 + "-")


def test_default_name_is_another_one_each_time_and_a_given_one_stays():
    assert len({device_name(None, "u1") for _time in range(1000)}) == 1000
    assert all(re.fullmatch("mfa-u1-[0-9a-f]{8}", device_name(None, "u1")) for _time in range(10))
    assert {device_name("phone", "u1") for _time in range(10)} == {"phone"}


@given(st.text(min_size=1, max_size=80))
def test_name_made_from_any_user_id_is_one_that_the_cloud_takes(user_id):
    name = device_name(None, user_id)
    assert device_name(name, "other") == name


# Present


@given(st.text("aZ9-_ ö", min_size=1, max_size=70).filter(str.strip), st.integers(0, 2))
def test_names_that_are_made_of_a_base_are_known_again(base, tries):
    name = device_name(unique_name(base), "u1")
    for _try in range(tries):
        name = unique_name(name)
    for serial_number in (f"iam::d1:mfa:{name}", f"iam:d1:mfa/{name}"):
        assert not bears_another_name(serial_number, "u1", base)


@pytest.mark.parametrize(
    ("name", "another"),
    [
        ("mfa-u1", False),
        ("mfa-u1-0a1b2c3d", False),
        ("mfa-u1-0a1b2c3d-deadbeef", False),
        ("mfa-u2-0a1b2c3d", True),
        ("mfa-u12-0a1b2c3d", True),
        ("mfa-u1-phone", True),
        ("mfa-u1-0A1B2C3D", True),
        ("phone", True),
        ("phone-0a1b2c3d", True),
        ("20251129", True),
        # No names, but what a cloud that has other serial numbers may put there.
        ("", False),
        ("0a1b2c3d4e5f60718293a4b5c6d7e8f9", False),
        ("0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9", False),
    ],
)
def test_name_that_somebody_else_gave_is_not_taken_for_a_made_one(name, another):
    assert bears_another_name(f"iam::d1:mfa:{name}", "u1") is another


@pytest.mark.parametrize("serial_number", ["", "phone", "serial-u1", "GAHT12345678"])
def test_serial_number_of_a_form_that_nobody_knows_shows_no_name(serial_number):
    assert not bears_another_name(serial_number, "u1")


def test_device_is_created_with_its_seed(any_cloud):
    user = any_cloud.users[0]
    result = any_cloud.run(DEVICE, diff=True, user_id=user.id, name="phone")
    assert only(result) == {
        "failed": False,
        "user_id": user.id,
        "serial_number": user.device.serial_number,
        "binding": "unbound",
        "changed": True,
        "creation": "made",
        "seed": user.device.seed,
    }
    assert user.device.name == "phone"
    assert DEVICE.holds_secret(result)
    assert result["diff"] == {"before": {user.id: None}, "after": {user.id: "virtual MFA device"}}


def test_difference_of_a_device_that_is_made_anew_shows_the_one_that_goes(any_cloud):
    user = any_cloud.users[0]
    old = any_cloud.cloud.give_device(user.id, name="old").serial_number
    options = {"diff": True, "user_id": user.id, "replace": "own", "presume_unbound": True}
    for check_mode in (True, False):
        result = any_cloud.run(DEVICE, check_mode=check_mode, **options)
        assert result["diff"] == {"before": {user.id: old}, "after": {user.id: "virtual MFA device"}}
    assert user.device.serial_number != old


def test_leftover_that_is_named_is_the_only_one_that_is_made_anew(any_cloud):
    user = any_cloud.users[0]
    leftover = any_cloud.cloud.give_device(user.id, name="leftover").serial_number
    own = any_cloud.cloud.give_device(user.id, name="own")
    options = {"user_id": user.id, "replace": "own", "presume_unbound": True}
    assert not any_cloud.run(DEVICE, serial_number=leftover, **options)["changed"]
    assert user.device == own
    assert any_cloud.run(DEVICE, serial_number=own.serial_number, **options)["changed"]
    assert user.device != own


def test_name_of_a_device_that_is_to_go_is_warned_of(any_cloud):
    user = any_cloud.users[0]
    any_cloud.cloud.give_device(user.id, name="phone")
    result = any_cloud.run(DEVICE, user_id=user.id, name="old-phone", state="absent")
    assert (result["changed"], user.device) == (True, None)
    assert result["warnings"][0].startswith("name does not count with state=absent")
    assert "warnings" not in any_cloud.run(DEVICE, user_id=user.id, state="absent")


def test_second_run_changes_nothing_and_shows_no_seed(any_cloud):
    user = any_cloud.users[0]
    any_cloud.run(DEVICE, user_id=user.id)
    any_cloud.handle.clear_log()
    again = any_cloud.run(DEVICE, user_id=user.id)
    assert not again["changed"]
    assert "seed" not in only(again)
    assert only(again)["creation"] == "none"
    assert not DEVICE.holds_secret(again)
    assert only(again)["binding"] == ("unbound" if any_cloud.cloud.settings.profile == "huaweicloud" else "unknown")
    assert any_cloud.writes() == []


def test_check_mode_creates_nothing_and_says_so(any_cloud):
    user = any_cloud.users[0]
    checked = any_cloud.run(DEVICE, check_mode=True, diff=True, user_id=user.id)
    assert any_cloud.writes() == []
    done = any_cloud.run(DEVICE, diff=True, user_id=user.id)
    assert checked["changed"] == done["changed"]
    assert checked["diff"] == done["diff"]
    assert set(only(done)) - set(only(checked)) == {"seed"}
    assert only(checked)["serial_number"] is None
    assert (only(checked)["creation"], only(done)["creation"]) == ("none", "made")


def test_user_creates_their_own_device_where_the_administrator_may_not(start):
    cloud = start(admin_may_create=False)
    user = cloud.users[0]
    refused = only(cloud.run(DEVICE, user_id=user.id))
    assert refused["error"]["status"] == 403
    assert "lets only the user create their device" in refused["msg"]
    item = {"user_id": user.id, "auth_password": user.password}
    assert only(cloud.run(DEVICE, devices=[item]))["seed"] == user.device.seed


@pytest.mark.parametrize("bound", [True, False])
def test_user_deletes_their_own_device_where_the_administrator_may_not(otc, bound):
    user = otc.users[0]
    otc.cloud.give_device(user.id, bound=bound)
    otc.cloud.allowed[otc.admin.id] = frozenset({"iam:mfa:getVirtualMFADevice", "iam:mfa:unbindMFADevice"})
    refused = only(otc.run(DEVICE, user_id=user.id, state="absent"))
    assert refused["error"]["status"] == 403
    assert "lets only the user delete their device: give their own credentials" in refused["msg"]
    item = {"user_id": user.id, "auth_password": user.password, "auth_domain_name": otc.domain_name}
    assert only(otc.run(DEVICE, devices=[item], state="absent"))["changed"]
    assert user.device is None
    # Nobody sent a code.
    assert otc.cloud.counters.wrong_codes == 0


@pytest.mark.parametrize("own", ["key", "password", "another user's key"])
def test_device_stays_where_the_users_own_credentials_do_not_work(any_cloud, own):
    user, other = any_cloud.users[:2]
    any_cloud.cloud.give_device(user.id, bound=True)
    domain = {"auth_domain_name": any_cloud.domain_name}
    right = {"key": any_cloud.by_key(user), "password": {"auth_password": user.password, **domain}}.get(own, any_cloud.by_key(user))
    wrong = {"key": {**right, "secret_key": "an old one"}, "password": {"auth_password": "an old one", **domain}}.get(
        own, any_cloud.by_key(other)
    )
    check = {"state": "absent", "check_credentials": True}
    for check_mode in (True, False):
        outcome = only(any_cloud.run(DEVICE, check_mode=check_mode, devices=[{"user_id": user.id, **wrong}], **check))
        # A password may want a code, so nobody tries it in check mode.
        assert outcome["failed"] == (not check_mode or own != "password")
    assert "The device was not removed, since the user's own credentials did not work." in outcome["msg"]
    assert any_cloud.writes() == [] and user.device is not None
    assert only(any_cloud.run(DEVICE, devices=[{"user_id": user.id, **right}], **check))["changed"]
    assert user.device is None


def test_outage_is_not_called_a_fault_of_the_users_own_credentials(otc):
    user = otc.users[0]
    otc.cloud.give_device(user.id, bound=True)
    otc.handle.fault("status=503:login")
    item = {"user_id": user.id, "auth_password": user.password, "auth_domain_name": otc.domain_name}
    outcome = only(otc.run(DEVICE, impatient=True, state="absent", check_credentials=True, devices=[item]))
    assert "The device was not removed." in outcome["msg"] and "own credentials" not in outcome["msg"]
    assert otc.writes() == [] and user.device is not None


def test_user_alone_is_told_how_to_delete_a_device_that_wants_a_code_to_be_unbound(otc):
    user = otc.users[0]
    otc.cloud.give_device(user.id, bound=True)
    item = {"user_id": user.id, "auth_password": user.password, "auth_domain_name": otc.domain_name}
    refused = only(otc.run(DEVICE, credentials={}, devices=[item], state="absent"))
    assert "unbind it first with hwc.mfa.iam_virtual_mfa_bind and state=absent" in refused["msg"]
    assert otc.writes() == []


def test_user_who_may_not_create_their_own_device_is_not_told_to_give_their_credentials(cloud):
    user = cloud.users[0]
    cloud.handle.fault("forbid:v5-create")
    cloud.handle.fault("forbid:create")
    refused = only(cloud.run(DEVICE, devices=[{"user_id": user.id, "auth_password": user.password}]))
    assert refused["error"]["status"] == 403
    assert "their own credentials" not in refused["msg"]


def test_one_bad_user_stops_nobody_and_every_seed_is_returned(any_cloud):
    cloud = any_cloud
    ids = [user.id for user in cloud.users]
    devices = [{"user_id": user_id} for user_id in [*ids[:2], "f" * 32, *ids[2:]]]
    result = cloud.run(DEVICE, devices=devices)
    assert [outcome["failed"] for outcome in result["devices"]] == [False, False, True, False, False]
    seeds = [outcome.get("seed") for outcome in result["devices"]]
    assert seeds == [cloud.users[0].device.seed, cloud.users[1].device.seed, None, cloud.users[2].device.seed, cloud.users[3].device.seed]
    assert result["failed"]
    # The result is censored since it holds seeds, so the failure is said in a warning too.
    assert "f" * 32 in result["warnings"][0]


def test_bad_name_of_one_item_stops_nobody(cloud):
    devices = [{"user_id": cloud.users[0].id, "name": " "}, {"user_id": cloud.users[1].id}]
    result = cloud.run(DEVICE, devices=devices)
    assert [outcome["failed"] for outcome in result["devices"]] == [True, False]


def test_unknown_user_does_not_make_v5_forgotten_for_the_others(cloud):
    user = cloud.users[0]
    old = cloud.cloud.give_device(user.id)
    devices = [{"user_id": "f" * 32}, {"user_id": user.id}]
    result = cloud.run(DEVICE, devices=devices, replace="unbound", concurrency=1, impatient=True)
    assert result["devices"][1]["changed"]
    assert user.device.seed != old.seed


def test_many_users_cost_one_reading_and_a_creation_each(start):
    cloud = start(users=30)
    result = cloud.run(DEVICE, devices=[{"user_id": user.id} for user in cloud.users])
    assert all(outcome["seed"] for outcome in result["devices"])
    assert cloud.routes().count("v5-list") == cloud.routes().count("list-devices") == 1
    assert len(creations(cloud)) == 30


def test_who_has_no_device_costs_the_same_in_an_account_of_any_size(start):
    cloud = start(users=900, enrolled=870)
    ids = [user.id for user in cloud.users]
    result = cloud.run(DEVICE, devices=[{"user_id": user_id} for user_id in ids[860:]])
    assert [outcome["binding"] for outcome in result["devices"]] == ["bound"] * 10 + ["unbound"] * 30
    assert cloud.routes().count("list-devices") == 1
    assert cloud.routes().count("v5-list") <= 3 + 10


@pytest.mark.parametrize("profile", ["huaweicloud", "otc"])
def test_next_task_of_a_play_asks_neither_for_the_account_nor_for_the_api_again(start, profile):
    cloud = start(profile=profile, users=20)
    memory = {}

    def run(definition, credentials, **options):
        cloud.handle.clear_log()
        params = validated(definition, {"iam_endpoint": cloud.url, **credentials, **options})
        assert not perform(definition, params, False, False, {}, memory=memory)[0].get("failed")
        return cloud.routes()

    devices = [{"user_id": user.id} for user in cloud.users]
    assert "domains" in run(MFA_INFO, cloud.by_key())
    assert run(DEVICE, cloud.by_key(), devices=devices)[0] == "list-devices"
    again = run(MFA_INFO, cloud.by_key())
    assert "domains" not in again
    assert again.count("v5-list") == (1 if profile == "huaweicloud" else 0)
    assert None not in again
    # Other credentials may be of another account, and granted something else.
    other = run(MFA_INFO, cloud.cloud.temporary[cloud.admin.id])
    assert "domains" in other
    # Where there is no v5, the cloud knows no such route.
    assert ("v5-list" if profile == "huaweicloud" else None) in other
    assert not any(secret in str(memory) for secret in (cloud.admin.secret_key, cloud.admin.password))


def test_cloud_without_v5_is_asked_for_its_listing_once(start):
    cloud = start(profile="otc", users=30, enrolled=20)
    result = cloud.run(DEVICE, devices=[{"user_id": user.id} for user in cloud.users])
    assert [outcome["changed"] for outcome in result["devices"]] == [False] * 20 + [True] * 10
    assert cloud.routes().count("list-devices") == 1


def test_account_that_v3_does_not_list_is_read_by_v5(start):
    cloud = start(users=30, enrolled=10)
    cloud.handle.fault("forbid:list-devices")
    result = cloud.run(DEVICE, devices=[{"user_id": user.id} for user in cloud.users])
    assert [outcome["changed"] for outcome in result["devices"]] == [False] * 10 + [True] * 20


def test_creation_with_the_modules_credentials_costs_no_login_of_the_user(any_cloud):
    devices = [{"user_id": user.id, "auth_password": user.password} for user in any_cloud.users]
    result = any_cloud.run(DEVICE, devices=devices)
    assert all(outcome["seed"] for outcome in result["devices"])
    assert "login" not in any_cloud.routes()


def test_administrator_who_may_not_create_is_not_asked_again_and_again(start):
    cloud = start(users=30, admin_may_create=False)
    devices = [{"user_id": user.id, **cloud.by_token(user)} for user in cloud.users]
    result = cloud.run(DEVICE, devices=devices, concurrency=1)
    assert all(outcome["seed"] for outcome in result["devices"])
    assert [entry["status"] for entry in cloud.log].count(403) == 2  # v5's and v3.0's


def test_creation_by_the_administrator_whose_answer_was_lost_is_not_sent_by_the_user(any_cloud):
    user = any_cloud.users[0]
    any_cloud.handle.fault("lose:v5-create" if any_cloud.cloud.settings.profile == "huaweicloud" else "lose:create")
    result = any_cloud.run(DEVICE, devices=[{"user_id": user.id, "auth_password": user.password}], impatient=True)
    assert result["failed"]
    assert len(creations(any_cloud)) == 1


@pytest.mark.parametrize(("users", "asked", "lists", "alone"), [(900, 16, 3, 16), (900, 64, 5, 0), (30, 16, 1, 0)])
def test_listing_is_read_as_far_as_it_is_cheaper_than_asking_one_by_one(start, users, asked, lists, alone):
    cloud = start(users=users, enrolled=users)
    ids = [user.id for user in cloud.users][-asked:]
    result = cloud.run(DEVICE, devices=[{"user_id": user_id} for user_id in ids])
    assert [outcome["binding"] for outcome in result["devices"]] == ["bound"] * asked
    reads = [entry for entry in cloud.log if entry["route"] == "v5-list"]
    one_by_one = [entry for entry in reads if "user_id" in entry["query"]]
    assert len(reads) - len(one_by_one) == lists
    assert len(one_by_one) <= alone


# Races and lost answers


def made_by_somebody_else(cloud):
    """The first user, for whom somebody has just created a device, which a cloud that is ``stale`` does not show yet."""
    user = cloud.users[0]
    with cloud.cloud.lock:
        cloud.cloud.create_device(cloud.admin, user.id, "other")
    return user


@pytest.mark.parametrize("profile", ["huaweicloud", "otc"])
@pytest.mark.parametrize("replace", ["never", "own", "unbound"])
def test_device_that_somebody_else_made_first_is_left_alone_and_told_of(start, profile, replace):
    # A reading that is half a second old shows no device, as it does where somebody is faster than the creation.
    cloud = start(profile=profile, stale=0.5)
    user = made_by_somebody_else(cloud)
    outcome = only(cloud.run(DEVICE, user_id=user.id, replace=replace, impatient=True))
    assert (outcome["failed"], outcome["changed"], outcome["creation"]) == (True, False, "none")
    assert outcome["error"]["status"] == 409
    assert "A device of this user has appeared meanwhile, and is left alone." in outcome["msg"]
    assert "seed" not in outcome
    assert user.device.name == "other"
    assert len(cloud.writes()) == len(creations(cloud)) == 1


@pytest.mark.parametrize("profile", ["huaweicloud", "otc"])
def test_device_that_appeared_meanwhile_is_replaced_where_it_is_presumed_to_be_a_leftover(start, profile):
    cloud = start(profile=profile, stale=0.5)
    user = made_by_somebody_else(cloud)
    outcome = only(cloud.run(DEVICE, user_id=user.id, replace="own", presume_unbound=True, impatient=True))
    assert (outcome["failed"], outcome["creation"], outcome["seed"]) == (False, "made", user.device.seed)
    assert user.device.name != "other"


@pytest.mark.parametrize("profile", ["huaweicloud", "otc"])
def test_device_that_appeared_meanwhile_is_left_alone_where_another_one_is_named_as_the_leftover(start, profile):
    cloud = start(profile=profile, stale=0.5)
    user = made_by_somebody_else(cloud)
    options = {"replace": "own", "presume_unbound": True, "serial_number": "iam::d1:mfa:leftover"}
    outcome = only(cloud.run(DEVICE, user_id=user.id, impatient=True, **options))
    assert "A device of this user has appeared meanwhile, and is left alone." in outcome["msg"]
    assert user.device.name == "other"


@pytest.mark.parametrize("replace", ["never", "own", "unbound"])
def test_device_of_somebody_else_is_not_taken_for_that_of_a_lost_creation(start, replace):
    cloud = start(stale=0.5)
    user = made_by_somebody_else(cloud)
    cloud.handle.fault("cut:v5-create:1")
    outcome = only(cloud.run(DEVICE, user_id=user.id, replace=replace, impatient=True))
    assert outcome["failed"]
    assert "has appeared meanwhile, and is left alone" in outcome["msg"]
    assert user.device.name == "other"
    assert cloud.writes() == ["v5-create"]


def test_conflict_without_a_device_is_an_error(any_cloud):
    cloud = any_cloud
    cloud.handle.fault("status=409:create")
    cloud.handle.fault("status=409:v5-create")
    outcome = only(cloud.run(DEVICE, user_id=cloud.users[0].id, impatient=True))
    assert outcome["error"]["code"] == "IAM.0005"
    assert "their own credentials" not in outcome["msg"]
    assert len(creations(cloud)) == 1


def test_name_that_another_user_has_is_an_error_of_the_cloud(start):
    cloud = start(unique_device_names=True)
    result = cloud.run(DEVICE, impatient=True, concurrency=1, devices=[{"user_id": user.id, "name": "same"} for user in cloud.users[:2]])
    assert [outcome["failed"] for outcome in result["devices"]] == [False, True]
    assert "of this name exists" in result["devices"][1]["msg"]
    assert cloud.users[1].device is None


@pytest.mark.parametrize("fault", ["lose", "half"])
def test_creation_whose_answer_was_lost_is_not_sent_again_blindly(any_cloud, fault):
    cloud = any_cloud
    user = cloud.users[0]
    cloud.handle.fault(f"{fault}:create:1")
    cloud.handle.fault(f"{fault}:v5-create:1")
    outcome = only(cloud.run(DEVICE, user_id=user.id, impatient=True))
    assert outcome["failed"]
    assert "run again with replace=unbound" in outcome["msg"]
    assert len(creations(cloud)) == 1
    assert outcome["creation"] == "unknown"
    assert "seed" not in outcome


@pytest.mark.parametrize("replace", ["own", "unbound"])
@pytest.mark.parametrize("fault", ["lose", "half"])
def test_creation_whose_answer_was_lost_is_made_anew_where_allowed(any_cloud, fault, replace):
    cloud = any_cloud
    user = cloud.users[0]
    cloud.handle.fault(f"{fault}:create:1")
    cloud.handle.fault(f"{fault}:v5-create:1")
    outcome = only(cloud.run(DEVICE, user_id=user.id, replace=replace, impatient=True))
    assert outcome["changed"]
    assert outcome["creation"] == "made"
    assert outcome["seed"] == user.device.seed
    # The serial number of the lost seed does not come back with another one.
    sent = [entry["body"] for entry in cloud.log if entry["route"] in CREATES]
    names = [body.get("virtual_mfa_device_name") or body["virtual_mfa_device"]["name"] for body in sent]
    assert len(set(names)) == 2
    assert len(creations(cloud)) == 2
    assert cloud.cloud.counters.deletes == 1


def test_creation_that_never_arrived_is_sent_again_after_looking(any_cloud):
    cloud = any_cloud
    user = cloud.users[0]
    cloud.handle.fault("cut:create:1")
    cloud.handle.fault("cut:v5-create:1")
    outcome = only(cloud.run(DEVICE, user_id=user.id, impatient=True))
    assert outcome["seed"] == user.device.seed
    assert len(creations(cloud)) == 2
    assert cloud.cloud.counters.creates == 1


def test_creation_that_never_arrives_ends(any_cloud):
    cloud = any_cloud
    cloud.handle.fault("cut:create")
    cloud.handle.fault("cut:v5-create")
    outcome = only(cloud.run(DEVICE, user_id=cloud.users[0].id, impatient=True))
    assert "the connection to" in outcome["msg"]
    assert outcome["creation"] == "unknown"
    assert len(creations(cloud)) == 3


@pytest.mark.parametrize(
    ("fault", "options", "creation", "failed"),
    [
        ("", {}, "made", False),
        ("", {"check_mode": True}, "none", False),
        ("", {"name": " "}, "none", True),
        ("", {"user_id": "f" * 32}, "none", True),
        ("status=400", {}, "none", True),
        ("status=403", {}, "none", True),
        ("status=409", {}, "none", True),
        ("status=401", {}, "none", True),
        ("lose:1", {}, "unknown", True),
        ("cut", {}, "unknown", True),
        ("status=500", {}, "unknown", True),
        ("cut:1", {}, "made", False),
    ],
)
def test_what_came_of_the_creation_is_told(any_cloud, fault, options, creation, failed):
    if fault:
        kind, _colon, when = fault.partition(":")
        for route in CREATES:
            any_cloud.handle.fault(f"{kind}:{route}" + (f":{when}" if when else ""))
    outcome = only(any_cloud.run(DEVICE, impatient=True, **{"user_id": any_cloud.users[0].id, **options}))
    assert (outcome["creation"], outcome["failed"]) == (creation, failed)


def test_refusal_after_a_lost_creation_leaves_it_unknown(any_cloud):
    for route in CREATES:
        any_cloud.handle.fault(f"cut:{route}:1")
        any_cloud.handle.fault(f"status=400:{route}:2")
    outcome = only(any_cloud.run(DEVICE, user_id=any_cloud.users[0].id, impatient=True))
    assert outcome["error"]["status"] == 400
    assert outcome["creation"] == "unknown"


def test_what_came_of_a_creation_is_told_of_each_user_alone(any_cloud):
    first, second, third = any_cloud.users[:3]
    any_cloud.cloud.give_device(third.id)
    for route in CREATES:
        any_cloud.handle.fault(f"lose:{route}:1")
    devices = [{"user_id": user.id} for user in (first, second, third)]
    result = any_cloud.run(DEVICE, devices=devices, concurrency=1, impatient=True)
    assert [outcome["creation"] for outcome in result["devices"]] == ["unknown", "made", "none"]


def test_devices_that_one_user_has_one_after_the_other_have_different_serial_numbers(any_cloud):
    user = any_cloud.users[0]
    seen = []
    for _time in range(3):
        seen.append(only(any_cloud.run(DEVICE, user_id=user.id))["serial_number"])
        assert any_cloud.run(DEVICE, state="absent", user_id=user.id)["changed"]
    assert len(set(seen)) == 3


# Replacing


def test_unbound_device_is_replaced_only_when_asked(cloud):
    user = cloud.users[0]
    old = cloud.cloud.give_device(user.id)
    assert not cloud.run(DEVICE, user_id=user.id)["changed"]
    assert user.device == old
    checked = cloud.run(DEVICE, check_mode=True, user_id=user.id, replace="unbound")
    assert checked["changed"]
    assert user.device == old
    done = cloud.run(DEVICE, user_id=user.id, replace="unbound")
    assert only(done)["seed"] == user.device.seed != old.seed


def test_item_says_for_itself_whether_a_device_is_replaced(cloud):
    mine, theirs, either = cloud.users[:3]
    old = {user.id: cloud.cloud.give_device(user.id) for user in cloud.users[:3]}
    devices = [
        {"user_id": mine.id, "replace": "own", "presume_unbound": True},
        {"user_id": theirs.id, "replace": "own"},
        {"user_id": either.id},
    ]
    result = cloud.run(DEVICE, devices=devices, replace="unbound")
    assert [outcome["changed"] for outcome in result["devices"]] == [True, False, True]
    assert [user.device == old[user.id] for user in (mine, theirs, either)] == [False, True, False]


def test_bound_device_is_never_replaced(cloud):
    user = cloud.users[0]
    old = cloud.cloud.give_device(user.id, bound=True)
    for presume, replace in itertools.product((True, False), ("never", "own", "unbound")):
        assert not cloud.run(DEVICE, user_id=user.id, replace=replace, presume_unbound=presume)["changed"]
    assert user.device == old
    assert cloud.writes() == []


def test_device_that_v3_cannot_tell_is_replaced_only_on_presumption(otc):
    user = otc.users[0]
    old = otc.cloud.give_device(user.id)
    assert not otc.run(DEVICE, user_id=user.id, replace="unbound")["changed"]
    assert user.device == old
    done = otc.run(DEVICE, user_id=user.id, replace="unbound", presume_unbound=True)
    assert only(done)["seed"] == user.device.seed != old.seed


def test_bound_device_survives_a_wrong_presumption(otc):
    user = otc.users[0]
    old = otc.cloud.give_device(user.id, bound=True)
    outcome = only(otc.run(DEVICE, impatient=True, user_id=user.id, replace="unbound", presume_unbound=True))
    assert outcome["failed"]
    assert "may be bound after all" in outcome["msg"]
    assert user.device == old
    assert creations(otc) == []
    assert "unbind" not in otc.routes()


@pytest.mark.parametrize("status", [400, 409])
def test_device_that_the_cloud_does_not_delete_is_left_alone(cloud, status):
    user = cloud.users[0]
    old = cloud.cloud.give_device(user.id)
    cloud.handle.fault(f"status={status}:v5-delete")
    outcome = only(cloud.run(DEVICE, impatient=True, user_id=user.id, replace="unbound"))
    assert outcome["error"]["status"] == status
    assert "The device cannot be deleted as it is: it may be bound after all" in outcome["msg"]
    assert user.device == old
    assert creations(cloud) == []


def test_creation_that_fails_after_the_old_device_was_deleted_says_so(any_cloud):
    user = any_cloud.users[0]
    old = any_cloud.cloud.give_device(user.id)
    for route in ("create", "v5-create"):
        any_cloud.handle.fault(f"status=400:{route}")
    options = {"user_id": user.id, "replace": "unbound", "presume_unbound": True, "diff": True}
    result = any_cloud.run(DEVICE, impatient=True, **options)
    outcome = only(result)
    assert user.device is None
    assert (outcome["failed"], outcome["changed"], result["changed"]) == (True, True, True)
    told = re.search("Before that, the unbound device (.*) was deleted[.]$", outcome["msg"])
    assert told and told[1].split(":")[-1].removeprefix("mfa/") == old.name
    assert result["diff"] == {"before": {user.id: told[1]}, "after": {user.id: None}}
    again = only(any_cloud.run(DEVICE, impatient=True, **options))
    assert again["failed"] and not again["changed"] and "Before that" not in again["msg"]


@pytest.mark.parametrize("fault", ["status=403", "status=500", "noop"])
def test_deletion_that_fails_after_the_device_was_unbound_says_so(any_cloud, fault):
    user = any_cloud.users[0]
    any_cloud.cloud.give_device(user.id, bound=True)
    for route in ("delete", "v5-delete"):
        any_cloud.handle.fault(f"{fault}:{route}")
    result = any_cloud.run(DEVICE, impatient=True, state="absent", user_id=user.id, diff=True)
    outcome = only(result)
    assert not user.device.bound
    assert (outcome["failed"], outcome["changed"], result["changed"]) == (True, True, True)
    assert outcome["msg"].endswith("Before that, the device was unbound.")
    assert result["diff"] == {"before": {}, "after": {}}


@pytest.mark.parametrize("fault", ["lose", "cut"])
def test_replacement_whose_deletion_was_lost_looks_before_it_creates(cloud, fault):
    user = cloud.users[0]
    old = cloud.cloud.give_device(user.id)
    cloud.handle.fault(f"{fault}:v5-delete:1")
    outcome = only(cloud.run(DEVICE, impatient=True, user_id=user.id, replace="unbound"))
    assert outcome["failed"] == (fault == "cut") == (user.device == old)
    assert len(creations(cloud)) == (fault == "lose")


def test_stale_reading_after_the_deletion_of_a_replacement_is_waited_out(start):
    cloud = start(stale=0.9)
    user = cloud.users[0]
    old = cloud.cloud.give_device(user.id)
    cloud.handle.advance(30)
    outcome = only(cloud.run(DEVICE, impatient=True, user_id=user.id, replace="unbound"))
    assert outcome["seed"] == user.device.seed != old.seed


def test_device_bound_between_reading_and_replacing_survives(start):
    cloud = start(stale=1000.0)
    user = cloud.users[0]
    with cloud.cloud.lock:
        device = cloud.cloud.create_device(cloud.admin, user.id, "x")
    cloud.handle.advance(900)
    codes = cloud.cloud.code(user.id, -1), cloud.cloud.code(user.id)
    with cloud.cloud.lock:
        cloud.cloud.bind_device(user, user.id, device.serial_number, *codes, v5=True)
    cloud.handle.advance(600)
    cloud.handle.advance((6 - cloud.cloud.now()) % 30)
    outcome = only(cloud.run(DEVICE, impatient=True, user_id=user.id, replace="unbound"))
    assert outcome["failed"]
    assert "left alone" in outcome["msg"]
    assert user.device.bound


# Absent


def test_device_is_removed_bound_or_not(any_cloud):
    cloud = any_cloud
    cloud.cloud.give_device(cloud.users[0].id, bound=True)
    cloud.cloud.give_device(cloud.users[1].id)
    devices = [{"user_id": user.id} for user in cloud.users[:3]]
    checked = cloud.run(DEVICE, check_mode=True, diff=True, state="absent", devices=devices)
    assert cloud.writes() == []
    done = cloud.run(DEVICE, diff=True, state="absent", devices=devices)
    assert [outcome["changed"] for outcome in done["devices"]] == [True, True, False]
    assert not done.get("failed")
    removed = [user.id for user in cloud.users[:2]]
    assert done["diff"] == {"before": dict.fromkeys(removed, "virtual MFA device"), "after": dict.fromkeys(removed)}
    assert [outcome["changed"] for outcome in checked["devices"]] == [True, True, False]
    assert checked["diff"] == done["diff"]
    assert all(user.device is None for user in cloud.users)
    cloud.handle.clear_log()
    assert not cloud.run(DEVICE, state="absent", devices=devices)["changed"]
    assert cloud.writes() == []


def test_device_under_protection_is_not_removed(any_cloud):
    cloud = any_cloud
    user = cloud.users[0]
    old = cloud.cloud.give_device(user.id, bound=True)
    cloud.cloud.protect(user.id)
    outcome = only(cloud.run(DEVICE, impatient=True, state="absent", user_id=user.id))
    assert outcome["error"]["code"].endswith("1062")
    assert "hwc.mfa.iam_login_protection" in outcome["msg"]
    assert not outcome["changed"]
    assert user.device == old


def test_check_mode_says_that_a_device_under_protection_would_not_be_removed(any_cloud):
    cloud = any_cloud
    for user in cloud.users[:3]:
        cloud.cloud.give_device(user.id, bound=True)
    cloud.cloud.protect(cloud.users[0].id)
    cloud.cloud.protect(cloud.users[1].id, "sms")
    devices = [{"user_id": user.id} for user in cloud.users[:3]]
    checked = cloud.run(DEVICE, check_mode=True, state="absent", devices=devices)
    assert cloud.writes() == []
    done = cloud.run(DEVICE, impatient=True, state="absent", devices=devices)
    assert [outcome["failed"] for outcome in checked["devices"]] == [True, False, False]
    assert [outcome["failed"] for outcome in done["devices"]] == [True, False, False]
    assert [outcome["changed"] for outcome in checked["devices"]] == [outcome["changed"] for outcome in done["devices"]]
    assert checked["devices"][0]["error"]["code"] == "IAM.1062"
    assert "hwc.mfa.iam_login_protection" in checked["devices"][0]["msg"]
    assert set(checked["devices"][1]) == set(done["devices"][1])


def test_check_mode_asks_for_the_protection_of_many_at_once(start):
    cloud = start(users=9)
    for user in cloud.users:
        cloud.cloud.give_device(user.id, bound=True)
        cloud.cloud.protect(user.id)
    result = cloud.run(DEVICE, check_mode=True, state="absent", devices=[{"user_id": user.id} for user in cloud.users])
    assert all(outcome["error"]["code"] == "IAM.1062" for outcome in result["devices"])
    assert cloud.routes().count("login-protect-list") == 1
    assert "login-protect-get" not in cloud.routes()


@pytest.mark.parametrize("routes", ["login-protect-list", "login-protect-list|login-protect-get"])
def test_check_mode_goes_on_where_the_protection_of_many_may_not_be_read(start, routes):
    cloud = start(users=9)
    for user in cloud.users:
        cloud.cloud.give_device(user.id, bound=True)
    for route in routes.split("|"):
        cloud.handle.fault(f"forbid:{route}")
    devices = [{"user_id": user.id} for user in cloud.users]
    checked = cloud.run(DEVICE, check_mode=True, state="absent", devices=devices)
    assert cloud.writes() == []
    done = cloud.run(DEVICE, state="absent", devices=devices)
    assert not checked.get("failed"), checked
    assert all(outcome["changed"] for outcome in [*checked["devices"], *done["devices"]])


@pytest.mark.parametrize("status", [403, 404, 405])
def test_check_mode_goes_on_where_the_cloud_does_not_tell_the_protection(cloud, status):
    user = cloud.users[0]
    cloud.cloud.give_device(user.id, bound=True)
    cloud.cloud.protect(user.id)
    cloud.handle.fault(f"status={status}:login-protect-get")
    assert only(cloud.run(DEVICE, check_mode=True, state="absent", user_id=user.id))["changed"]


def test_protection_holds_no_device_that_is_unbound(cloud):
    user = cloud.users[0]
    cloud.cloud.give_device(user.id)
    cloud.cloud.protect(user.id)
    assert only(cloud.run(DEVICE, check_mode=True, state="absent", user_id=user.id))["changed"]
    assert not any(route.startswith("login-protect") for route in cloud.routes())
    assert only(cloud.run(DEVICE, state="absent", user_id=user.id))["changed"]


@pytest.mark.parametrize("check_mode", [True, False])
def test_another_device_than_the_one_meant_is_left_alone(any_cloud, check_mode):
    user = any_cloud.users[0]
    device = any_cloud.cloud.give_device(user.id)
    gone = f"{device.serial_number}-gone"
    for options in ({"user_id": user.id, "serial_number": gone}, {"devices": [{"user_id": user.id, "serial_number": gone}]}):
        outcome = only(any_cloud.run(DEVICE, check_mode=check_mode, impatient=True, state="absent", **options))
        assert outcome == {"failed": False, "user_id": user.id, "serial_number": gone, "binding": "unbound", "changed": False}
    assert user.device == device
    assert any_cloud.writes() == []


@pytest.mark.parametrize("check_mode", [True, False])
def test_serial_number_of_another_form_does_not_tell_that_the_device_is_gone(any_cloud, check_mode):
    user = any_cloud.users[0]
    device = any_cloud.cloud.give_device(user.id, bound=True)
    given = {"user_id": user.id, "serial_number": "iam/mfa/1f3a"}
    outcome = only(any_cloud.run(DEVICE, check_mode=check_mode, impatient=True, state="absent", **given))
    assert (outcome["failed"], outcome["changed"], outcome["binding"]) == (True, False, "unknown")
    assert f"than that of the device which the cloud shows, {device.serial_number}" in outcome["msg"]
    assert user.device == device
    assert any_cloud.writes() == []


@pytest.mark.parametrize("bound", [True, False])
def test_device_that_is_meant_is_removed(any_cloud, bound):
    user = any_cloud.users[0]
    device = any_cloud.cloud.give_device(user.id, bound=bound)
    assert only(any_cloud.run(DEVICE, state="absent", user_id=user.id, serial_number=device.serial_number))["changed"]
    assert user.device is None


def test_device_is_the_same_by_the_serial_number_that_the_other_api_shows(start):
    cloud = start(serial_forms_differ=True)
    user = cloud.users[0]
    device = cloud.cloud.give_device(user.id, bound=True)
    by_v3 = cloud.cloud.serial_shown(user, device, v5=False)
    assert by_v3 != cloud.cloud.serial_shown(user, device, v5=True)
    assert only(cloud.run(DEVICE, state="absent", user_id=user.id, serial_number=by_v3))["changed"]
    assert user.device is None


def test_leftover_is_removed_without_being_unbound(any_cloud):
    first, second = any_cloud.users[:2]
    any_cloud.cloud.give_device(first.id)
    bound = any_cloud.cloud.give_device(second.id, bound=True)
    devices = [{"user_id": user.id, "serial_number": user.device.serial_number, "presume_unbound": True} for user in (first, second)]
    result = any_cloud.run(DEVICE, impatient=True, state="absent", devices=devices)
    assert [(outcome["failed"], outcome["changed"]) for outcome in result["devices"]] == [(False, True), (True, False)]
    assert first.device is None
    assert "and is left alone" in result["devices"][1]["msg"]
    assert second.device == bound
    assert not {"unbind", "v5-disable"} & set(any_cloud.routes())


def test_deletion_that_came_to_nothing_is_seen(any_cloud):
    cloud = any_cloud
    user = cloud.users[0]
    cloud.cloud.give_device(user.id)
    cloud.handle.fault("noop:delete")
    cloud.handle.fault("noop:v5-delete")
    outcome = only(cloud.run(DEVICE, impatient=True, state="absent", user_id=user.id))
    assert outcome["failed"]
    assert "still there after its deletion" in outcome["msg"]


@pytest.mark.parametrize(("status", "words"), [(403, "HTTP 403"), (404, "still there after its deletion"), (405, "HTTP 405")])
def test_deletion_of_what_is_gone_is_checked_and_another_refusal_is_told(otc, status, words):
    user = otc.users[0]
    otc.cloud.give_device(user.id)
    otc.handle.fault(f"status={status}:delete")
    assert words in only(otc.run(DEVICE, impatient=True, state="absent", user_id=user.id))["msg"]


@pytest.mark.parametrize("fault", ["lose", "cut"])
def test_deletion_whose_answer_was_lost_is_read(any_cloud, fault):
    cloud = any_cloud
    user = cloud.users[0]
    cloud.cloud.give_device(user.id)
    cloud.handle.fault(f"{fault}:delete:1")
    cloud.handle.fault(f"{fault}:v5-delete:1")
    outcome = only(cloud.run(DEVICE, impatient=True, state="absent", user_id=user.id))
    assert outcome["failed"] == (fault == "cut") == (user.device is not None)


def test_stale_reading_after_a_deletion_is_waited_out(start):
    cloud = start(stale=1.5)
    user = cloud.users[0]
    cloud.cloud.give_device(user.id)
    assert only(cloud.run(DEVICE, impatient=True, state="absent", user_id=user.id))["changed"]
    assert cloud.routes().count("v5-list") > 2


def test_refused_reading_is_not_taken_for_no_device(any_cloud):
    cloud = any_cloud
    cloud.handle.fault("status=401:get-device")
    cloud.handle.fault("status=401:v5-list")
    for state in ("present", "absent"):
        result = cloud.run(DEVICE, state=state, user_id=cloud.users[0].id)
        assert only(result)["error"]["status"] == 401
    assert cloud.writes() == []


@pytest.mark.parametrize("options", [{}, {"user_id": "u", "devices": []}, {"devices": [], "name": "x"}, {"devices": [{"name": "x"}]}])
def test_options_that_exclude_or_need_each_other(options):
    with pytest.raises(AssertionError):
        validated(DEVICE, options)


def test_device_that_is_made_anew_under_a_given_name_has_another_serial_number(any_cloud):
    user = any_cloud.users[0]
    own = {"user_id": user.id, "name": "phone", "presume_unbound": True, "auth_password": user.password}
    first = only(any_cloud.run(DEVICE, devices=[own]))
    second = only(any_cloud.run(DEVICE, replace="unbound", devices=[own]))
    assert second["creation"] == "made"
    assert first["seed"] != second["seed"]
    assert first["serial_number"] != second["serial_number"]


def test_presumption_of_the_module_counts_for_all_items_that_do_not_have_their_own(cloud):
    ada, bob = cloud.users[:2]
    for user in (ada, bob):
        cloud.cloud.give_device(user.id)
    items = [{"user_id": ada.id}, {"user_id": bob.id, "presume_unbound": False}]
    result = cloud.run(DEVICE, replace="own", presume_unbound=True, devices=items)
    assert [outcome["creation"] for outcome in result["devices"]] == ["made", "none"]


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize("state", ["present", "absent"])
def test_name_that_is_given_as_an_id_has_no_device_and_is_an_error(any_cloud, state, check_mode):
    user = any_cloud.users[0]
    any_cloud.cloud.give_device(user.id, bound=True)
    result = any_cloud.run(DEVICE, check_mode=check_mode, user_id=user.name, state=state)
    assert result["failed"]
    assert "a name is given as user_name" in result["msg"]
    assert user.device is not None


@pytest.mark.parametrize("after", [0, 1])
def test_gateways_404_says_of_no_device_that_it_is_gone(otc, after):
    """At the first look, and where the removal was carried out only in part."""
    user = otc.users[0]
    device = otc.cloud.give_device(user.id, bound=True)
    otc.handle.fault(f"unpublished:get-device:{after + 1}-99")
    otc.handle.fault("noop:delete")
    outcome = only(otc.run(DEVICE, impatient=True, state="absent", user_id=user.id))
    assert (outcome["failed"], outcome["changed"], outcome["binding"]) == (True, bool(after), "unknown")
    assert outcome["error"]["code"] == "APIGW.0101"
    assert user.device.serial_number == device.serial_number
    assert otc.writes() == ["unbind", "delete"] * after


@pytest.mark.parametrize("state", ["present", "absent"])
def test_gateways_404_of_every_call_about_devices_changes_nothing(any_cloud, state):
    user = any_cloud.users[0]
    any_cloud.cloud.give_device(user.id, bound=True)
    for route in ("get-device", "list-devices", "v5-list"):
        any_cloud.handle.fault(f"unpublished:{route}")
    assert only(any_cloud.run(DEVICE, impatient=True, state=state, user_id=user.id))["failed"]
    assert any_cloud.writes() == []


@pytest.mark.parametrize("check_mode", [True, False])
def test_user_who_deletes_their_own_device_where_that_needs_a_code_is_refused_before_sending(otc, check_mode):
    user = otc.users[0]
    otc.cloud.give_device(user.id, bound=True)
    result = otc.run(DEVICE, check_mode=check_mode, state="absent", credentials={}, devices=[{"user_id": user.id, **otc.by_key(user)}])
    assert "IAM v3.0 wants a code" in result["msg"]
    assert otc.writes() == []


def test_deletion_says_in_check_mode_what_it_says_for_real(any_cloud):
    user = any_cloud.users[0]
    any_cloud.cloud.give_device(user.id, bound=True)
    checked, done = (any_cloud.run(DEVICE, check_mode=check_mode, state="absent", user_id=user.id) for check_mode in (True, False))
    assert checked == done
    assert done["devices"][0]["binding"] == "unbound"


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize("api", ["auto", "v3"])
def test_user_who_removes_their_own_device_without_a_code_is_told_what_helps(start, check_mode, api):
    cloud = start(profile="otc" if api == "auto" else "huaweicloud")
    user = cloud.users[0]
    cloud.cloud.give_device(user.id, bound=True)
    result = cloud.run(DEVICE, credentials=cloud.by_key(user), check_mode=check_mode, state="absent", api=api, user_id=user.id)
    assert (only(result)["failed"], only(result)["changed"]) == (True, False)
    assert "give the module an administrator's credentials" in result["msg"]
    assert "authentication_code_first" not in result["msg"]
    assert cloud.writes() == []
    assert user.device.bound


@pytest.mark.parametrize("check_mode", [True, False])
def test_device_that_is_bound_is_not_deleted_on_a_presumption(cloud, check_mode):
    user = cloud.users[0]
    cloud.cloud.give_device(user.id, bound=True)
    result = cloud.run(DEVICE, check_mode=check_mode, state="absent", user_id=user.id, presume_unbound=True)
    assert (only(result)["failed"], only(result)["changed"]) == (True, False)
    assert "is bound, and is left alone" in result["msg"]
    assert cloud.writes() == []


@pytest.mark.parametrize("check_mode", [True, False])
def test_protection_is_seen_with_nobody_elses_credentials_than_the_users_own(cloud, check_mode):
    user = cloud.users[0]
    cloud.cloud.give_device(user.id, bound=True)
    cloud.cloud.protect(user.id)
    item = {"user_id": user.id, **cloud.by_key(user)}
    result = cloud.run(DEVICE, credentials={}, check_mode=check_mode, state="absent", devices=[item])
    assert (only(result)["changed"], only(result)["error"]["code"]) == (False, "IAM.1062")


def test_who_asks_is_asked_once_for_all_users(otc):
    for user in otc.users:
        otc.cloud.give_device(user.id, bound=True)
    assert otc.run(DEVICE, state="absent", devices=[{"user_id": user.id} for user in otc.users])["changed"]
    assert otc.routes().count("credential") == 1


def test_removal_that_is_refused_leaves_it_known_what_the_play_has_written_before(start):
    cloud = start(stale=30.0)
    memory, user = {}, cloud.users[0]
    device = cloud.cloud.give_device(user.id)
    cloud.cloud.protect(user.id)
    cloud.handle.advance(40)
    bound = cloud.run(BIND, bindings=[{"user_id": user.id, "seed": device.seed, **cloud.by_key(user)}], memory=memory)
    assert bound["changed"]
    assert cloud.run(DEVICE, state="absent", user_id=user.id, memory=memory)["error"]["code"] == "IAM.1062"
    # The cloud still shows the device as it was before the first task.
    assert cloud.run(BIND, state="absent", user_id=user.id, memory=memory)["error"]["code"] == "IAM.1062"
    cloud.cloud.protect(user.id, enabled=False)
    for route in ("v5-delete", "delete"):
        cloud.handle.fault(f"forbid:{route}")
    assert cloud.run(DEVICE, state="absent", user_id=user.id, memory=memory)["error"]["status"] == 403
    cloud.handle.clear_faults()
    assert cloud.run(BIND, state="absent", user_id=user.id, memory=memory)["bindings"][0]["binding"] == "unbound"
    assert not user.device.bound
