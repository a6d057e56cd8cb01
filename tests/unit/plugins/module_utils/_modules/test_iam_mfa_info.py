# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections import Counter

import pytest
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.iam import Device, Protection
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.users import User
from ansible_collections.hwc.mfa.plugins.module_utils._modules.device_access import virtual_device
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_mfa_info import MFA_INFO, overview
from ansible_collections.hwc.mfa.plugins.module_utils._modules.posture import summary


def test_overview_has_everybody_in_the_clouds_order():
    users = [User("b", "bob", True, console_access="no", created_at="2026-01-01T00:00:00Z", tags={"team": "a"}), User("a", "ann", False)]
    devices = {"a": [Device("a", "k", "unbound", "other"), Device("a", "s", "bound", "virtual")], "gone": [Device("gone", "t", "bound")]}
    entries = overview(users, devices, lambda _user_id, listed: virtual_device(listed), {"b": Protection("b", True, "sms")})
    assert entries == [
        {
            "user_id": "b",
            "name": "bob",
            "enabled": True,
            "console_access": "no",
            "created_at": "2026-01-01T00:00:00Z",
            "last_login_at": None,
            "email": None,
            "tags": {"team": "a"},
            "device": None,
            "devices": [],
            "login_protection": {"enabled": True, "verification_method": "sms"},
            "posture": "not_needed",
        },
        {
            "user_id": "a",
            "name": "ann",
            "enabled": False,
            "console_access": "unknown",
            "created_at": None,
            "last_login_at": None,
            "email": None,
            "tags": None,
            "device": {"serial_number": "s", "binding": "bound", "kind": "virtual"},
            "devices": [
                {"serial_number": "k", "binding": "unbound", "kind": "other"},
                {"serial_number": "s", "binding": "bound", "kind": "virtual"},
            ],
            "login_protection": {"enabled": False, "verification_method": "none"},
            "posture": "disabled",
        },
    ]


def test_only_a_bound_device_under_vmfa_protection_counts_as_protected():
    users = [User(str(number), "x", True) for number in range(6)]
    devices = {
        "0": [Device("0", "s", "bound", "virtual")],
        "1": [Device("1", "s", "unbound", "virtual")],
        "2": [Device("2", "s", "unknown", "virtual")],
        "3": [Device("3", "s", "bound", "virtual")],
        "5": [Device("5", "k", "bound", "other")],
    }
    protections = {str(number): Protection(str(number), True, "vmfa") for number in (0, 1, 2, 5)}
    protections["3"] = Protection("3", True, "sms")
    assert summary(overview(users, devices, lambda _user_id, listed: virtual_device(listed), protections)) == {
        "users": 6,
        "enabled": 6,
        "without_device": 2,
        "bound": 2,
        "unbound": 1,
        "unknown": 1,
        "login_protection": 5,
        "vmfa": 4,
        "protected": 1,
        "posture": {
            "protected": 1, "enrolled_only": 1, "required_only": 2, "unprotected": 1, "unknown": 1, "not_needed": 0, "disabled": 0,
        },
        "coverage": 16.6,
    }  # fmt: skip


def test_account_is_shown_as_it_is(any_cloud):
    cloud = any_cloud
    told = cloud.cloud.settings.profile == "huaweicloud"
    cloud.cloud.give_device(cloud.users[0].id, bound=True)
    cloud.cloud.protect(cloud.users[0].id)
    cloud.cloud.give_device(cloud.users[1].id)
    cloud.users[2].enabled = False
    result = cloud.run(MFA_INFO)
    assert not result["changed"]
    assert result["api"] == ("v5" if told else "v3")
    shown = {user["user_id"]: user for user in result["users"]}
    assert list(shown) == [user.id for user in cloud.cloud.accounts[0].users]
    assert shown[cloud.users[0].id]["device"] == {
        "serial_number": cloud.users[0].device.serial_number, "binding": "bound" if told else "unknown", "kind": "virtual",
    }  # fmt: skip
    assert shown[cloud.users[0].id]["devices"] == [shown[cloud.users[0].id]["device"]]
    assert shown[cloud.users[2].id]["devices"] == []
    assert result["account"] == {"id": cloud.admin.domain_id, "name": cloud.domain_name}
    assert shown[cloud.users[0].id]["login_protection"] == {"enabled": True, "verification_method": "vmfa"}
    assert shown[cloud.users[1].id]["device"]["binding"] == ("unbound" if told else "unknown")
    assert not shown[cloud.users[2].id]["enabled"]
    assert result["summary"]["protected"] == (1 if told else 0)
    assert cloud.writes() == []


@pytest.mark.parametrize("profile", ["huaweicloud", "otc"])
def test_number_of_requests_does_not_grow_with_the_users(start, profile):
    counts = []
    # On a page of v5 there are 200.
    for users in (10, 190):
        cloud = start(profile=profile, users=users)
        for user in cloud.users[: min(users, 150)]:
            cloud.cloud.give_device(user.id)
            cloud.cloud.protect(user.id)
        assert cloud.run(MFA_INFO)["summary"]["users"] == users + 1
        counts.append(Counter(cloud.routes()))
    assert counts[0] == counts[1]
    assert sum(counts[0].values()) <= 11


@pytest.mark.parametrize("how", ["by_key", "by_token", "by_password"])
def test_caller_is_named_for_each_kind_of_credential(any_cloud, how):
    caller = any_cloud.run(MFA_INFO, credentials=getattr(any_cloud, how)())["caller"]
    assert caller["user_id"] == any_cloud.admin.id
    assert caller["name"] in (None if how == "by_key" else any_cloud.admin.name, any_cloud.admin.name)


def test_caller_who_logs_in_by_name_is_known_by_id(any_cloud):
    admin = any_cloud.admin
    credentials = {"auth_username": admin.name, "auth_password": admin.password, "auth_domain_name": any_cloud.domain_name}
    assert any_cloud.run(MFA_INFO, credentials=credentials)["caller"] == {
        "user_id": admin.id, "name": admin.name, "principal_urn": None,
    }  # fmt: skip
    assert "caller-identity" not in any_cloud.routes()


def test_caller_with_temporary_keys_is_known_where_the_cloud_has_sts(any_cloud):
    admin = any_cloud.admin
    result = any_cloud.run(MFA_INFO, credentials=any_cloud.cloud.temporary[admin.id])
    asked = any_cloud.cloud.settings.profile == "huaweicloud"
    urn = f"iam::{admin.domain_id}:user:{admin.name}"
    assert result["caller"] == ({"user_id": admin.id, "name": admin.name, "principal_urn": urn} if asked else None)
    assert result["summary"]["users"] == 5
    assert ("caller-identity" in any_cloud.routes()) == asked


def test_administrators_are_the_members_of_their_group(any_cloud):
    any_cloud.users[1].is_admin = True
    assert any_cloud.run(MFA_INFO)["administrators"] == [any_cloud.admin.id, any_cloud.users[1].id]
    assert "administrators" not in any_cloud.run(MFA_INFO, user_ids=[any_cloud.users[0].id])


@pytest.mark.parametrize(
    "fault", ["forbid:groups", "forbid:group-users", *(f"status={status}:groups" for status in (400, 404, 405, 406, 501))]
)
def test_cloud_that_does_not_tell_the_administrators_is_no_failure(cloud, fault):
    cloud.handle.fault(fault)
    assert cloud.run(MFA_INFO)["administrators"] is None


@pytest.mark.parametrize("status", [401, 407, 500])
def test_administrators_that_cannot_be_asked_for_are_a_failure(cloud, status):
    cloud.handle.fault(f"status={status}:groups")
    assert cloud.run(MFA_INFO, impatient=True)["failed"]


def test_group_of_another_name_is_not_taken_for_the_administrators(script):
    others = {"groups": [{"id": "g1", "name": "administrators"}, {"id": "g2", "name": "Admin"}], "links": {}}
    assert script((200, others)).iam().groups("admin") == []


@pytest.mark.parametrize("status", [403, 404, 405, 501])
def test_cloud_that_does_not_tell_the_caller_is_no_failure(cloud, status):
    cloud.handle.fault(f"status={status}:credential")
    assert cloud.run(MFA_INFO)["caller"]["user_id"] == cloud.admin.id
    assert cloud.routes().count("caller-identity") == 1
    cloud.handle.fault(f"status={status}:caller-identity")
    result = cloud.run(MFA_INFO)
    assert result["caller"] is None
    assert result["summary"]["users"] == 5


def test_caller_that_cannot_be_asked_for_is_a_failure(cloud):
    cloud.handle.fault("status=500:credential")
    assert cloud.run(MFA_INFO, impatient=True)["failed"]


def test_credentials_may_come_from_the_environment(cloud):
    env = {"HW_ACCESS_KEY": cloud.admin.access_key, "HW_SECRET_KEY": cloud.admin.secret_key}
    assert cloud.run(MFA_INFO, credentials={}, env=env)["caller"]["user_id"] == cloud.admin.id
    env = {
        "OS_AUTH_URL": f"{cloud.url}/v3",
        "OS_USERNAME": cloud.admin.name,
        "OS_PASSWORD": cloud.admin.password,
        "OS_USER_DOMAIN_NAME": cloud.domain_name,
    }
    assert cloud.run(MFA_INFO, credentials={}, iam_endpoint=None, env=env)["caller"]["user_id"] == cloud.admin.id


def test_account_id_that_is_given_saves_asking_for_it(cloud):
    own = {"auth_domain_id": cloud.admin.domain_id}
    assert cloud.run(MFA_INFO, **own, user_ids=[cloud.users[0].id])["users"]
    assert "domains" not in cloud.routes()
    # The account's name is told nowhere else.
    assert cloud.run(MFA_INFO, **own)["account"] == {"id": cloud.admin.domain_id, "name": cloud.domain_name}
    assert cloud.routes().count("domains") == 1


@pytest.mark.parametrize("fault", ["forbid:domains", "status=404:domains"])
def test_account_that_the_cloud_does_not_tell_is_known_by_its_users(any_cloud, fault):
    any_cloud.handle.fault(fault)
    assert any_cloud.run(MFA_INFO)["account"] == {"id": any_cloud.admin.domain_id, "name": None}


def test_account_with_an_empty_list_of_domains_is_known_by_its_users(start):
    cloud = start(domains_empty=True)
    assert cloud.run(MFA_INFO)["account"] == {"id": cloud.admin.domain_id, "name": None}


def test_account_is_not_guessed_of_users_who_do_not_name_it(cloud):
    cloud.handle.fault("forbid:domains")
    # v5 does not say to whose account a user belongs.
    cloud.handle.fault("status=404:users")
    cloud.handle.fault("forbid:caller-identity")
    assert cloud.run(MFA_INFO)["account"] == {"id": None, "name": None}


def test_listing_of_v5_that_is_not_granted_is_taken_from_v3(cloud):
    cloud.cloud.give_device(cloud.users[0].id, bound=True)
    cloud.handle.fault("forbid:v5-list")
    result = cloud.run(MFA_INFO)
    assert result["api"] == "v3"
    assert result["summary"]["unknown"] == 1


@pytest.mark.parametrize(("api", "profile", "works"), [("v3", "huaweicloud", True), ("v5", "huaweicloud", True), ("v5", "otc", False)])
def test_api_that_is_named_is_used(start, api, profile, works):
    result = start(profile=profile).run(MFA_INFO, api=api)
    assert bool(result.get("failed")) is not works
    assert not works or result["api"] == api


@pytest.mark.parametrize("status", [404, 405])
def test_users_are_taken_from_v5_where_keystones_listing_is_gone(cloud, status):
    cloud.handle.fault(f"status={status}:users")
    assert cloud.run(MFA_INFO)["summary"]["users"] == 5


@pytest.mark.parametrize("route", ["users", "v5-list", "login-protect-list"])
def test_listing_that_fails_is_a_failure_and_no_empty_account(cloud, route):
    cloud.handle.fault(f"status=500:{route}")
    result = cloud.run(MFA_INFO, impatient=True)
    assert result["failed"]
    assert "users" not in result


def test_user_who_is_no_administrator_is_told_so(any_cloud):
    result = any_cloud.run(MFA_INFO, credentials=any_cloud.by_key(any_cloud.users[0]))
    assert result["error"]["status"] == 403
    assert any_cloud.users[0].secret_key not in str(result)


@pytest.mark.parametrize("count", [3, 12])
def test_some_users_are_looked_at_alone(start, count):
    cloud = start(users=1200)
    chosen = cloud.users[5 : 5 + count]
    cloud.cloud.give_device(chosen[0].id, bound=True)
    cloud.cloud.protect(chosen[0].id)
    result = cloud.run(MFA_INFO, user_ids=[user.id for user in chosen])
    assert [user["user_id"] for user in result["users"]] == [user.id for user in chosen]
    assert result["users"][0]["device"] == {"serial_number": chosen[0].device.serial_number, "binding": "bound", "kind": "virtual"}
    assert result["users"][0]["devices"] == [result["users"][0]["device"]]
    assert all(user["devices"] == [] for user in result["users"][1:])
    assert result["users"][0]["login_protection"] == {"enabled": True, "verification_method": "vmfa"}
    assert all(user["device"] is None and not user["login_protection"]["enabled"] for user in result["users"][1:])
    assert {user["name"] for user in result["users"]} == {None}
    assert "summary" not in result
    assert "users" not in cloud.routes()
    # One question more, which is v3.0's for the kind of the one device.
    assert len(cloud.routes()) <= 2 * count + 3


@pytest.mark.parametrize(("count", "lists"), [(8, 0), (9, 1)])
def test_few_users_are_asked_for_one_by_one(start, count, lists):
    cloud = start(users=12)
    cloud.run(MFA_INFO, user_ids=[user.id for user in cloud.users[:count]])
    asked = Counter(cloud.routes())
    assert asked["v5-list"] == (1 if lists else count)
    assert asked["login-protect-list"] == lists
    assert asked["login-protect-get"] == (0 if lists else count)


def test_credentials_that_may_not_list_protection_ask_for_many_users_one_by_one(start):
    cloud = start(users=12)
    cloud.cloud.protect(cloud.users[3].id)
    cloud.handle.fault("forbid:login-protect-list")
    result = cloud.run(MFA_INFO, user_ids=[user.id for user in cloud.users])
    assert not result.get("failed"), result
    assert [number for number, user in enumerate(result["users"]) if user["login_protection"]["enabled"]] == [3]
    assert cloud.routes().count("login-protect-get") == 12


def test_concurrency_bounds_what_is_under_way(start):
    cloud = start(users=8, latency_ms=20)
    cloud.run(MFA_INFO, user_ids=[user.id for user in cloud.users], concurrency=3)
    assert 1 < cloud.handle.max_in_flight <= 3


def test_nobody_to_look_at_is_nothing_to_ask(cloud):
    assert cloud.run(MFA_INFO, user_ids=[])["users"] == []
    assert cloud.log == []


def test_user_who_is_gone_has_nothing(any_cloud):
    (user,) = any_cloud.run(MFA_INFO, user_ids=["f" * 32], impatient=True).get("users", [{"device": None}])
    assert user["device"] is None


# Who needs MFA, and what is known of them


DAY = 86_400


def fill(cloud):
    """A person, a robot, a person without a password, somebody who is gone, and one who asks for codes by SMS."""
    person, robot, passwordless, gone, by_sms, *_rest = cloud.users
    now = cloud.cloud.now()
    person.last_login_at = now - 5 * DAY
    person.created_at = now - 400 * DAY
    person.email, person.tags = "ada@acme.example", {"team": "blue"}
    robot.access_mode = "programmatic"
    passwordless.password = ""
    gone.enabled = False
    cloud.cloud.protect(by_sms.id, "sms")
    return [user.id for user in (person, robot, passwordless, gone, by_sms)]


def test_posture_of_an_account_in_constant_calls(start):
    cloud = start(users=6)
    ids = fill(cloud)
    result = cloud.run(MFA_INFO)
    shown = {user["user_id"]: user for user in result["users"]}
    assert [shown[user_id]["console_access"] for user_id in ids] == ["yes", "no", "yes", "yes", "yes"]
    assert [shown[user_id]["posture"] for user_id in ids] == ["unprotected", "not_needed", "unprotected", "disabled", "unprotected"]
    assert shown[ids[0]]["tags"] == {"team": "blue"}
    assert shown[ids[0]]["created_at"].endswith("Z")
    assert result["summary"]["posture"]["not_needed"] == 1
    assert result["summary"]["coverage"] == 0.0
    assert "user" not in cloud.routes()


def test_details_tell_who_has_a_password_when_they_logged_in_and_where_they_are_written_to(start):
    cloud = start(users=6)
    ids = fill(cloud)
    shown = {user["user_id"]: user for user in cloud.run(MFA_INFO, details=True)["users"]}
    assert [shown[user_id]["console_access"] for user_id in ids] == ["yes", "no", "no", "yes", "yes"]
    assert [shown[user_id]["posture"] for user_id in ids[:3]] == ["unprotected", "not_needed", "not_needed"]
    assert shown[ids[0]]["email"] == "ada@acme.example"
    assert shown[ids[1]]["last_login_at"] == "never"
    assert shown[ids[0]]["last_login_at"] > shown[ids[0]]["created_at"]


def test_open_telekom_cloud_tells_little_and_details_more(start):
    cloud = start(profile="otc", users=5)
    ids = fill(cloud)
    shown = {user["user_id"]: user for user in cloud.run(MFA_INFO)["users"]}
    assert {user["console_access"] for user in shown.values()} == {"unknown"}
    assert shown[ids[1]]["posture"] == "unprotected", "nobody tells that it is a robot"
    assert cloud.run(MFA_INFO)["root"] == {"user_id": None, "name": None, "mfa": "unknown"}
    detailed = cloud.run(MFA_INFO, details=True)
    shown = {user["user_id"]: user for user in detailed["users"]}
    assert shown[ids[0]]["email"] == "ada@acme.example"
    assert shown[ids[0]]["created_at"] < shown[ids[0]]["last_login_at"]
    assert detailed["root"]["user_id"] == cloud.admin.id


def test_root_user_is_named_with_what_the_cloud_tells_of_their_devices(cloud):
    root = {"user_id": cloud.admin.id, "name": cloud.admin.name}
    assert cloud.run(MFA_INFO)["root"] == {**root, "mfa": "no"}
    cloud.cloud.give_device(cloud.admin.id, bound=True)
    assert cloud.run(MFA_INFO)["root"] == {**root, "mfa": "yes"}
    cloud.handle.fault("forbid:account-summary")
    assert cloud.run(MFA_INFO)["root"] == {**root, "mfa": "unknown"}


@pytest.mark.parametrize("fault", ["forbid:v5-users", "status=404:v5-users"])
def test_cloud_that_does_not_list_users_in_v5_tells_less_and_fails_nobody(cloud, fault):
    cloud.handle.fault(fault)
    result = cloud.run(MFA_INFO)
    assert not result.get("failed")
    assert {user["created_at"] for user in result["users"]} == {None}
    assert {user["console_access"] for user in result["users"]} == {"yes"}


@pytest.mark.parametrize("routes", ["user", "v5-login-profile", "v5-last-login"])
def test_detail_that_is_refused_is_unknown_and_hides_no_other(cloud, routes):
    cloud.handle.fault(f"forbid:{routes}")
    result = cloud.run(MFA_INFO, details=True)
    assert not result.get("failed")
    assert len(result["users"]) == len(cloud.users) + 1


def test_details_of_some_users(any_cloud):
    user = any_cloud.users[0]
    user.email = "ada@acme.example"
    (shown,) = any_cloud.run(MFA_INFO, user_ids=[user.id], details=True)["users"]
    assert (shown["name"], shown["enabled"], shown["email"]) == (user.name, True, "ada@acme.example")


def test_selection_shows_and_counts_those_who_are_meant(start):
    cloud = start(users=6)
    ids = fill(cloud)
    chosen = cloud.run(MFA_INFO, select={"tags": {"team": "blue"}})
    assert [user["user_id"] for user in chosen["users"]] == [ids[0]]
    assert chosen["summary"]["users"] == 1
    administrators = cloud.run(MFA_INFO, select={"groups": ["admin"]})
    assert [user["user_id"] for user in administrators["users"]] == [cloud.admin.id]
    assert administrators["groups"] == {"admin": [cloud.admin.id]}
    assert cloud.run(MFA_INFO, select={"names": [cloud.users[1].name]})["summary"]["users"] == 1


def test_group_that_is_not_there_is_an_error_by_its_name(cloud):
    assert cloud.run(MFA_INFO, groups=["Adnim"])["msg"] == "there is no group 'Adnim' in this account."
    assert cloud.run(MFA_INFO, groups=["admin "])["msg"] == "there is no group 'admin ' in this account."


@pytest.mark.parametrize("route", ["get-device", "login-protect-get"])
def test_gateways_404_shows_nobody_as_without_a_device_or_unprotected(otc, route):
    user = otc.users[0]
    otc.cloud.give_device(user.id, bound=True)
    otc.cloud.protect(user.id)
    otc.handle.fault(f"unpublished:{route}")
    result = otc.run(MFA_INFO, user_ids=[user.id])
    assert result["failed"]
    assert "users" not in result
    assert result["error"]["code"] == "APIGW.0101"


@pytest.mark.parametrize("how", ["by_key", "by_password", "by_token"])
@pytest.mark.parametrize("options", [{}, {"user_ids": [None]}])
def test_credentials_that_were_refused_once_do_not_cost_the_play_its_api(cloud, how, options):
    options = {name: [cloud.users[0].id] for name in options}
    credentials = getattr(cloud, how)()
    cloud.handle.fault("status=401")
    memory = {}
    assert cloud.run(MFA_INFO, credentials=credentials, memory=memory, **options)["error"]["status"] == 401
    cloud.handle.clear_faults()
    assert cloud.run(MFA_INFO, credentials=credentials, memory=memory, **options)["api"] == "v5"
