# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rehearsal cloud's settings: what no source settles, or what clouds do differently."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from sessions import DEVICES, UNBIND, Session, log_in, pair, refusal, signed

KEYS_IN_V5 = "/v5/mfa-devices"
CALLER = "/v5/caller-identity"


def admin_of(cloud: Any) -> Session:
    return Session(cloud, cloud.describe()["admin"])


def user_of(cloud: Any, number: int = 0) -> Session:
    return Session(cloud, cloud.describe()["users"][number])


def test_a_security_key_is_beside_the_device_and_v3_never_shows_it(start_cloud):
    cloud = start_cloud(security_keys_in_v5=True)
    admin, user = admin_of(cloud), user_of(cloud)
    first, second = cloud.cloud.give_key(user.user_id), cloud.cloud.give_key(user.user_id)

    assert [key.name for key in cloud.cloud.user(user.user_id).keys] == ["key", "key-2"]
    assert first.serial_number != second.serial_number
    assert refusal(admin.device(user.user_id)) == (404, "IAM.0004")
    assert admin("GET", DEVICES).json() == {"virtual_mfa_devices": []}
    assert refusal(user.create("key")) == (409, "IAM.0005")
    assert user.create().status_code == 201, "a key is no virtual device"
    assert refusal(admin.unbind(first.serial_number, "000000", user.user_id)) == (404, "IAM.0004")
    assert admin.delete(first.serial_number, user.user_id).status_code == 204
    assert cloud.cloud.user(user.user_id).keys == (first, second)
    assert cloud.cloud.counters.key_writes == 0


def test_a_security_key_makes_no_login_need_a_code(cloud):
    who = cloud.describe()["users"][0]
    cloud.cloud.give_key(who["user_id"])
    cloud.cloud.protect(who["user_id"])

    assert log_in(cloud, who).status_code == 201
    assert not cloud.cloud.user(who["user_id"]).needs_code


def test_v5_hides_security_keys_unless_it_is_set_so(cloud):
    admin, user = admin_of(cloud), user_of(cloud)
    key = cloud.cloud.give_key(user.user_id)

    assert admin("GET", KEYS_IN_V5).json()["mfa_devices"] == []
    body = {"user_id": user.user_id, "serial_number": key.serial_number}
    assert admin("POST", "/v5/mfa-devices/disable", body).status_code == 200, "hidden, and there all the same"
    assert cloud.cloud.user(user.user_id).counters.key_writes == 1


def test_several_entries_of_a_user_go_over_pages(start_cloud):
    cloud = start_cloud(security_keys=2, enrolled=3, security_keys_in_v5=True)
    cloud.cloud.give_key(cloud.describe()["users"][0]["user_id"])
    admin, seen, marker = admin_of(cloud), [], None
    while True:
        page = admin("GET", KEYS_IN_V5, params={"limit": 2, **({"marker": marker} if marker else {})}).json()
        seen.extend((entry["user_id"], entry["serial_number"].rpartition(":")[2]) for entry in page["mfa_devices"])
        marker = page["page_info"].get("next_marker")
        if not marker:
            break

    first, second, third = (user["user_id"] for user in cloud.describe()["users"])
    assert seen == [
        *((first, name) for name in ("key", "key-2", "rehearsal")),
        *((second, name) for name in ("key", "rehearsal")),
        (third, "rehearsal"),
    ]


def test_security_keys_are_described_where_there_are_any(start_cloud):
    cloud = start_cloud(security_keys=1)
    first, second, *_rest = cloud.describe()["users"]
    state = {user["user_id"]: user for user in cloud.cloud.state()["users"]}
    (key,) = cloud.cloud.user(first["user_id"]).keys

    assert first["keys"] == [key.serial_number]
    assert state[first["user_id"]]["keys"] == [{"serial_number": key.serial_number, "name": "key", "enabled": True}]
    assert "keys" not in second
    assert "keys" not in state[second["user_id"]]


def test_sts_tells_whom_a_call_comes_from(cloud):
    described = cloud.describe()
    admin, who = described["admin"], described["users"][0]

    def identity(of: dict[str, Any]) -> dict[str, Any]:
        urn = f"iam::{described['domain_id']}:user:{of['name']}"
        return {"account_id": described["domain_id"], "principal_urn": urn, "principal_id": of["user_id"]}

    assert signed(cloud, who, "GET", CALLER).json() == identity(who)
    assert signed(cloud, admin["temporary"], "GET", CALLER).json() == identity(admin)
    assert user_of(cloud)("GET", CALLER).json() == identity(who)
    assert refusal(requests.get(cloud.url + CALLER, timeout=10)) == (401, "APIGW.0301")


def test_the_otc_profile_has_no_sts(start_cloud):
    assert refusal(admin_of(start_cloud(profile="otc"))("GET", CALLER)) == (404, "APIGW.0101")


@pytest.mark.parametrize("tells", [True, False])
def test_a_cloud_may_tell_neither_the_caller_nor_who_administers(start_cloud, tells):
    cloud = start_cloud(tells_caller=tells)
    described, admin = cloud.describe(), admin_of(cloud)
    group = cloud.cloud.accounts[0].admin_group_id
    key = described["admin"]["access_key"]
    subject = {"X-Subject-Token": admin.http.headers["X-Auth-Token"]}

    answers = [
        *(admin("GET", path) for path in (f"/v3.0/OS-CREDENTIAL/credentials/{key}", "/v3/groups", f"/v3/groups/{group}/users", CALLER)),
        admin("GET", "/v3/auth/tokens", headers=subject),
    ]

    assert [answer.status_code for answer in answers] == [200 if tells else 403] * 5
    assert log_in(cloud, described["admin"]).json()["token"]["user"]["id"] == admin.user_id
    assert admin("GET", "/v3/users").status_code == 200


def test_each_api_may_show_a_serial_number_of_its_own_form_and_takes_both(start_cloud):
    cloud = start_cloud(serial_forms_differ=True, security_keys_in_v5=True)
    admin, user = admin_of(cloud), user_of(cloud)
    domain_id = cloud.describe()["domain_id"]
    old, new = f"iam:{domain_id}:mfa/phone", f"iam::{domain_id}:mfa:phone"

    def v5(path: str, serial: str, **body: str) -> int:
        return user("POST", f"/v5/mfa-devices/{path}", {"user_id": user.user_id, "serial_number": serial, **body}).status_code

    def create_v5() -> str:
        body = {"virtual_mfa_device_name": "phone", "user_id": user.user_id}
        return user("POST", "/v5/virtual-mfa-devices", body).json()["virtual_mfa_device"]["serial_number"]

    assert user.create().json()["virtual_mfa_device"]["serial_number"] == old
    assert user.device().json()["virtual_mfa_device"]["serial_number"] == old
    assert [device["serial_number"] for device in admin("GET", DEVICES).json()["virtual_mfa_devices"]] == [old]
    assert [device["serial_number"] for device in admin("GET", KEYS_IN_V5).json()["mfa_devices"]] == [new]
    assert user.bind(new, pair(cloud, user.user_id)).status_code == 204
    assert v5("disable", old) == 200
    assert user.delete(new).status_code == 204
    assert create_v5() == new
    first, second = pair(cloud, user.user_id)
    assert v5("enable", old, authentication_code_first=first, authentication_code_second=second) == 200
    body = {"user_id": user.user_id, "serial_number": new, "authentication_code": "000000"}
    assert admin("PUT", UNBIND, body).status_code == 204
    key = cloud.cloud.give_key(user.user_id)
    assert key.serial_number == f"iam::{domain_id}:mfa:key"
    assert v5("disable", f"iam:{domain_id}:mfa/key") == 200
    query = {"user_id": user.user_id, "serial_number": old}
    assert user("DELETE", "/v5/virtual-mfa-devices", params=query).status_code == 204
    assert (cloud.cloud.user(user.user_id).device, cloud.cloud.user(user.user_id).counters.key_writes) == (None, 1)


@pytest.mark.parametrize(
    ("rate", "limit"),
    [(5, "5 times per 1 seconds"), (2.5, "5 times per 2 seconds"), (0.25, "1 times per 4 seconds"), (0.01, "1 times per 100 seconds")],
)
def test_a_throttled_call_may_be_told_the_limit_in_the_text_alone(start_cloud, rate, limit):
    cloud = start_cloud(rate=rate, throttle_tells=True)
    who = cloud.describe()["admin"]

    answers = [signed(cloud, who, "GET", DEVICES) for _time in range(12)]

    throttled = [answer for answer in answers if answer.status_code == 429]
    assert refusal(throttled[0]) == (429, "IAM.0012")
    assert throttled[0].json()["error_msg"].endswith(f"Threshold: {limit}")
    assert "Retry-After" not in throttled[0].headers
    assert refusal(log_in(cloud, who)) == (429, "IAM.0012")


def test_others_may_use_up_a_limit_that_all_share(start_cloud):
    cloud = start_cloud(shared_throttle=3)
    described = cloud.describe()
    who = described["admin"]

    answers = [signed(cloud, who, "GET", DEVICES) for _time in range(5)] + [log_in(cloud, who)]

    assert [answer.status_code for answer in answers] == [200, 200, 429, 200, 200, 429]
    assert refusal(answers[2]) == (429, "APIGW.0308")
    assert answers[2].headers["Retry-After"] == answers[5].headers["Retry-After"] == "1"
    assert cloud.cloud.counters.logins == 0


@pytest.mark.parametrize("own_only", [True, False])
def test_v3_may_show_ids_that_have_nothing_in_common_with_v5_and_each_api_may_take_its_own_only(start_cloud, own_only):
    cloud = start_cloud(serial_forms_differ=True, serial_ids_in_v3=True, own_serials_only=own_only)
    admin, user = admin_of(cloud), user_of(cloud)
    by_v3 = user.create().json()["virtual_mfa_device"]["serial_number"]
    (by_v5,) = [device["serial_number"] for device in admin("GET", KEYS_IN_V5).json()["mfa_devices"]]
    assert by_v3.startswith("iam/mfa/") and by_v5 == f"iam::{cloud.describe()['domain_id']}:mfa:phone"
    assert [device["serial_number"] for device in admin("GET", DEVICES).json()["virtual_mfa_devices"]] == [by_v3]
    assert user.bind(by_v5, pair(cloud, user.user_id)).status_code == (404 if own_only else 204)
    if own_only:
        assert user.bind(by_v3, pair(cloud, user.user_id)).status_code == 204
    answer = user("POST", "/v5/mfa-devices/disable", {"user_id": user.user_id, "serial_number": by_v3})
    assert answer.status_code == (400 if own_only else 200)
    assert not own_only or refusal(answer) == (400, "PAP5.0041")
    assert cloud.cloud.user(user.user_id).device.bound is own_only


@pytest.mark.parametrize(("stale_of", "seen"), [("both", (0, 0)), ("v3", (0, 1)), ("v5", (1, 0))])
def test_one_api_alone_may_show_devices_late(start_cloud, stale_of, seen):
    cloud = start_cloud(stale=60.0, stale_of=stale_of)
    admin, user = admin_of(cloud), user_of(cloud)
    assert user.create().status_code == 201
    shown = admin("GET", DEVICES).json()["virtual_mfa_devices"], admin("GET", KEYS_IN_V5).json()["mfa_devices"]
    assert tuple(len(devices) for devices in shown) == seen
    assert user.device().status_code == (200 if seen[0] else 404)


def test_gateway_may_know_no_call_of_a_route(start_cloud):
    cloud = start_cloud()
    cloud.fault("unpublished:list-devices:1")
    admin = admin_of(cloud)
    assert refusal(admin("GET", DEVICES)) == (404, "APIGW.0101")
    assert admin("GET", DEVICES).status_code == 200


@pytest.mark.parametrize(
    "settings",
    [
        {"security_keys": 4},
        {"disabled_status": 404},
        {"shared_throttle": -1},
        {"serial_forms_differ": True, "serial_form": "id-path"},
        {"serial_ids_in_v3": True},
        {"own_serials_only": True},
        {"stale_of": "v4"},
    ],
)
def test_a_wrong_setting_is_refused(start_cloud, settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        start_cloud(**settings)


def disabled_of(cloud: Any) -> dict[str, Any]:
    (who,) = [user for user in cloud.describe()["users"] if not user["enabled"]]
    return who


@pytest.mark.parametrize("only", [True, False])
def test_a_listing_may_show_enabled_users_unless_others_are_asked_for(start_cloud, only):
    cloud = start_cloud(disabled=1, list_enabled_only=only)
    who, admin = disabled_of(cloud), admin_of(cloud)

    def listed(**query: str) -> list[bool]:
        return [user["enabled"] for user in admin("GET", "/v3/users", params=query).json()["users"]]

    assert sorted(listed()) == ([True] * 3 if only else [False, True, True, True])
    assert listed(enabled="true") == [True] * 3
    assert listed(enabled="false") == [False]
    assert listed(name=who["name"]) == ([] if only else [False])
    assert listed(name=who["name"], enabled="false") == [False]


@pytest.mark.parametrize(("status", "code"), [(401, "IAM.0001"), (403, "IAM.0082")])
def test_a_disabled_user_is_refused_as_set(start_cloud, status, code):
    cloud = start_cloud(disabled=1, disabled_status=status)
    who = disabled_of(cloud)

    assert log_in(cloud, who).status_code == status
    assert refusal(signed(cloud, who, "GET", f"/v3.0/OS-MFA/users/{who['user_id']}/virtual-mfa-device")) == (status, code)
    if status == 403:
        assert refusal(log_in(cloud, who)) == (status, code)
        assert refusal(signed(cloud, who, "GET", CALLER)) == (status, code)


@pytest.mark.parametrize(("profile", "modes"), [("huaweicloud", ["default", "programmatic"]), ("otc", [None, None])])
def test_a_users_details_are_shown_to_themselves_and_administrators(start_cloud, profile, modes):
    cloud = start_cloud(profile=profile)
    described, admin = cloud.describe(), admin_of(cloud)
    who = described["users"][0]
    cloud.cloud.user(who["user_id"]).access_mode = "programmatic"

    def shown(caller: Session, of: dict[str, Any]) -> dict[str, Any]:
        return caller("GET", f"/v3.0/OS-USER/users/{of['user_id']}").json()["user"]

    before = shown(admin, who)
    own = shown(Session(cloud, who), who)
    owner = shown(admin, described["admin"])

    assert (before["id"], before["name"], before["enabled"]) == (who["user_id"], who["name"], True)
    assert (before["email"], before["create_time"]) == (f"{who['name']}@example.com", "2026-01-02 03:04:05.0")
    assert (before["last_login_time"], owner["is_domain_owner"], own["is_domain_owner"]) == (None, True, False)
    assert own["last_login_time"].startswith("20")
    assert [owner.get("access_mode"), own.get("access_mode")] == modes
    listed = admin("GET", "/v3/users").json()["users"]
    assert [user.get("access_mode") for user in listed[:2]] == modes
    assert not {"email", "is_domain_owner", "create_time", "last_login_time"} & set(listed[0])
    assert refusal(user_of(cloud, 1)("GET", f"/v3.0/OS-USER/users/{who['user_id']}")) == (403, "IAM.0003")


def test_a_listing_may_tell_of_users_what_is_documented_for_one(start_cloud):
    cloud = start_cloud(users_in_full=True)
    owner, user, *_rest = admin_of(cloud)("GET", "/v3/users").json()["users"]

    assert (owner["is_domain_owner"], user["is_domain_owner"]) == (True, False)
    assert user["email"].endswith("@example.com")
    assert owner["last_login_time"] > user["create_time"]
    assert user["last_login_time"] is None


def test_v5_tells_age_last_login_and_tags_of_users(cloud):
    described, admin = cloud.describe(), admin_of(cloud)
    truth = cloud.cloud.user(described["users"][0]["user_id"])
    truth.tags = {"team": "blue", "exempt": ""}
    truth.created_at = 0.0

    owner, user, *_rest = admin("GET", "/v5/users").json()["users"]

    assert (owner["is_root_user"], owner["created_at"], owner["tags"]) == (True, "2026-01-02T03:04:05.000Z", [])
    assert owner["last_login_at"].endswith("Z")
    assert (user["is_root_user"], user["created_at"]) == (False, "1970-01-01T00:00:00.000Z")
    assert "last_login_at" not in user
    assert user["tags"] == [{"tag_key": "team", "tag_value": "blue"}, {"tag_key": "exempt", "tag_value": ""}]


def test_an_empty_password_opens_nothing(cloud):
    who = cloud.describe()["users"][0]
    cloud.cloud.user(who["user_id"]).password = ""

    assert log_in(cloud, who, password="").status_code == 401
    assert not cloud.cloud.user(who["user_id"]).has_console_password
