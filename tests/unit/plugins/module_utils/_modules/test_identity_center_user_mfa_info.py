# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.identity_store import IdentityStore
from ansible_collections.hwc.mfa.plugins.module_utils._modules.identity_center_people import devices_of
from ansible_collections.hwc.mfa.plugins.module_utils._modules.identity_center_user_mfa_info import INFO, summary
from ansible_collections.hwc.mfa.plugins.module_utils._runner.connections import Connections
from ansible_collections.hwc.mfa.tests.simulator.people import give_device
from ansible_collections.hwc.mfa.tests.unit.rehearsal import Rehearsal, Script, validated


def center_of(cloud):
    return cloud.cloud.accounts[0].center


def store_path(cloud):
    return f"/v1/identity-stores/{center_of(cloud).identity_store_id}"


def by_name(result):
    return {user["name"]: user for user in result["users"]}


def test_disabled_users_lack_no_device():
    users = [{"enabled": enabled, "devices": devices} for enabled in (True, False, None) for devices in ([], [{}])]
    assert summary(users) == {"users": 6, "disabled": 2, "with_device": 2, "without_device": 2}


def test_everybody_is_shown_with_devices_in_constant_calls(cloud):
    give_device(center_of(cloud).people[0], "Key", "WEBAUTHN")
    result = cloud.run(INFO)
    ada = by_name(result)["ada.lovelace"]
    assert {name: ada[name] for name in ("display_name", "enabled", "email")} == {
        "display_name": "Ada Lovelace",
        "enabled": True,
        "email": "ada.lovelace@example.com",
    }
    assert [(device["display_name"], device["type"], device["registered_at"]) for device in ada["devices"]] == [
        ("Phone", "TOTP", "2026-01-01T00:00:00Z"),
        ("Key", "WEBAUTHN", "2026-01-01T00:00:00Z"),
    ]
    assert "groups" not in ada
    assert result["identity_store_id"] == center_of(cloud).identity_store_id
    assert result["summary"] == {"users": 4, "disabled": 0, "with_device": 1, "without_device": 3}
    assert result["changed"] is False
    assert cloud.routes() == ["ic-instances", "ic-users", "ic-devices"]


def test_store_that_is_given_is_not_asked_for(cloud):
    assert len(cloud.run(INFO, identity_store_id=center_of(cloud).identity_store_id)["users"]) == 4
    assert cloud.routes() == ["ic-users", "ic-devices"]


def test_one_name_is_asked_for_alone(cloud):
    result = cloud.run(INFO, user_names=["alan.turing"])
    assert [user["name"] for user in result["users"]] == ["alan.turing"]
    asked = next(entry for entry in cloud.log if entry["route"] == "ic-devices")
    assert len(asked["body"]["user_list"]) == 1


def test_names_keep_their_order_and_count_once(cloud):
    names = ["grace.hopper", "ada.lovelace", "grace.hopper"]
    assert [user["name"] for user in cloud.run(INFO, user_names=names)["users"]] == ["grace.hopper", "ada.lovelace"]


def test_unknown_names_are_refused(cloud):
    for names in (["ada.lovelac"], ["alan.turing", "ada.lovelac"]):
        msg = cloud.run(INFO, user_names=names)["msg"]
        assert msg == "user_names 'ada.lovelac' is no user of this identity store. Is 'ada.lovelace' meant?"
    msg = cloud.run(INFO, groups=["Operators"])["msg"]
    assert msg == "groups 'Operators' is no group of this identity store. Is 'operators' meant?"
    msg = cloud.run(INFO, user_names=["ada.lovelace "])["msg"]
    assert msg == "user_names 'ada.lovelace ' is no user of this identity store. Is 'ada.lovelace' meant?"


def test_members_of_groups_only(cloud):
    result = cloud.run(INFO, groups=["operators"])
    assert sorted(by_name(result)) == ["ada.lovelace", "grace.hopper"]
    assert cloud.routes().count("ic-group-users") == 1
    assert "groups" not in result["users"][0]


def test_empty_list_of_names_means_nobody(cloud):
    assert cloud.run(INFO, user_names=[])["users"] == []


def test_empty_list_of_groups_means_nobody(cloud):
    assert cloud.run(INFO, groups=[])["users"] == []
    assert "ic-devices" not in cloud.routes()


def test_details_tell_the_groups_of_each(cloud):
    users = by_name(cloud.run(INFO, details=True))
    assert {name: user["groups"] for name, user in users.items()} == {
        "ada.lovelace": ["operators"],
        "alan.turing": ["auditors"],
        "grace.hopper": ["operators"],
        "radia.perlman": [],
    }


def test_thousands_are_read_by_the_hundred(cloud):
    center = center_of(cloud)
    first = center.people[0]
    center.people = [type(first)(f"u-{number}", f"user-{number:04d}", "") for number in range(250)]
    give_device(center.people[249])
    result = cloud.run(INFO)
    assert result["summary"] == {"users": 250, "disabled": 0, "with_device": 1, "without_device": 249}
    assert cloud.routes() == ["ic-instances", *["ic-users"] * 3, *["ic-devices"] * 3]


def test_smaller_batches_follow_where_the_cloud_takes_no_more():
    cloud = Rehearsal(center_batch=30)
    try:
        center = center_of(cloud)
        center.people = [type(center.people[0])(f"u-{number}", f"user-{number}", "") for number in range(60)]
        give_device(center.people[59])
        assert cloud.run(INFO)["summary"]["with_device"] == 1
        # 100 and 50 are refused, and 25 are not.
        assert cloud.routes().count("ic-devices") == 5
    finally:
        cloud.stop()


def test_refusal_of_one_user_is_an_error(cloud):
    cloud.handle.fault("status=400:ic-devices")
    result = cloud.run(INFO, user_names=["ada.lovelace"])
    assert result["error"]["status"] == 400
    assert cloud.routes().count("ic-devices") == 8  # 100, 50, 25, 13, 7, 4, 2, 1


@pytest.mark.parametrize("spec", ["status=503:ic-devices:1", "cut:ic-users:1", "cut:ic-devices:1"])
def test_reads_are_tried_again(cloud, spec):
    cloud.handle.fault(spec)
    assert cloud.run(INFO, impatient=True)["summary"]["users"] == 4


def test_caller_without_permission_is_told_what_the_cloud_says(cloud):
    result = cloud.run(INFO, credentials=cloud.by_key(cloud.users[0]))
    assert (result["error"]["status"], result["error"]["code"]) == (403, "IIC.1001")


def test_account_without_identity_center_is_told_so():
    cloud = Rehearsal(identity_centers=0)
    try:
        assert "no instance of IAM Identity Center" in cloud.run(INFO)["msg"]
    finally:
        cloud.stop()


def test_ids_that_would_lead_elsewhere_are_refused(cloud):
    assert cloud.run(INFO, identity_store_id="a/../b")["msg"].startswith("identity_store_id 'a/../b' cannot be an id")
    assert cloud.routes() == []


def test_store_of_ones_own_is_asked_at_its_own_host(cloud):
    elsewhere = Script(
        [(200, {"users": [{"user_id": "u-1", "user_name": "x"}], "page_info": {}}), (200, {"user_mfa_devices_entry_list": []})]
    )
    try:
        env = {"HWC_IDENTITY_STORE_ENDPOINT": elsewhere.url}
        assert [user["name"] for user in cloud.run(INFO, env=env)["users"]] == ["x"]
        assert cloud.routes() == ["ic-instances"]
        assert cloud.run(INFO, env=env, identity_store_endpoint=cloud.url)["summary"]["users"] == 4
    finally:
        elsewhere.stop()


def test_region_of_the_store_is_read(cloud):
    params = validated(INFO, {"identity_center_endpoint": cloud.url, "iam_endpoint": cloud.url, **cloud.by_key()})
    connections = Connections(params, {}, lambda: True, {})
    try:
        assert connections.identity_center.registered_regions() == ["ap-southeast-1"]
    finally:
        connections.close()


# What no cloud would say


@pytest.fixture
def script():
    scripts = []

    def make(*answers):
        scripts.append(Script(answers))
        return IdentityStore(scripts[-1].session(), "d-1")

    yield make
    for made in scripts:
        made.stop()


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"user": None, "mfa_devices": []},
        {"user": {"user_id": "u-2"}, "mfa_devices": []},
        {"user": {"user_id": "u-1"}, "mfa_devices": {}},
        {"user": {"user_id": "u-1"}, "mfa_devices": [{"device_name": "x"}]},
    ],
)
def test_answer_of_another_form_is_an_error_and_no_missing_device(script, entry):
    with pytest.raises(Exception, match="another form than the API documents"):
        devices_of(script((200, {"user_mfa_devices_entry_list": [entry]})), ["u-1"])


def test_user_whom_the_answer_leaves_out_has_no_device(script):
    bare = {"user": {"user_id": "u-1"}, "mfa_devices": [{"device_id": "m-1"}]}
    found = devices_of(script((200, {"user_mfa_devices_entry_list": [bare, {"user": {"user_id": "u-2"}}]})), ["u-1", "u-2", "u-3"])
    assert found["u-2"] == found["u-3"] == []
    assert found["u-1"][0].shown() == {"device_id": "m-1", "name": None, "display_name": None, "type": None, "registered_at": None}


@pytest.mark.parametrize(
    ("told", "email"),
    [
        (None, None),
        ("x", None),
        ([{"value": "a@x"}, {"value": "b@x", "primary": True}], "b@x"),
        ([1, {"primary": False}], None),
    ],
)
def test_email_is_the_primary_one(script, told, email):
    page = {"users": [{"user_id": "u-1", "user_name": "ada", "enabled": "yes", "emails": told}], "page_info": {}}
    person = script((200, page)).people()[0]
    assert (person.email, person.enabled) == (email, None)
