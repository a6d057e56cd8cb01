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


@pytest.mark.parametrize(
    "settings",
    [{"security_keys": 4}, {"shared_throttle": -1}, {"serial_forms_differ": True, "serial_form": "id-path"}],
)
def test_a_wrong_setting_is_refused(start_cloud, settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        start_cloud(**settings)
