# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rehearsal cloud keeps its own rules, goes wrong on order, and ends by itself."""

from __future__ import annotations

import calendar
import datetime
import email.utils
import ipaddress
import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Callable
from urllib.parse import parse_qsl, urlsplit

import pyotp
import pytest
import requests
import simulator
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sessions import BIND, DEVICES, Session, log_in, mid_step, pair, refusal, signed
from simulator import faults, people, signing, totp

SIMULATOR = Path(__file__).resolve().parents[1] / "simulator"


@pytest.fixture
def described(cloud: Any) -> dict[str, Any]:
    return cloud.describe()


@pytest.fixture
def admin(cloud: Any, described: dict[str, Any]) -> Session:
    return Session(cloud, described["admin"])


@pytest.fixture
def user(cloud: Any, described: dict[str, Any]) -> Session:
    return Session(cloud, described["users"][0])


# Vectors: RFC 6238's appendix B, cut to six digits, and the two that the vendor's signing guide and signer tests publish.


@pytest.mark.parametrize(("seconds", "code"), [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")])
def test_codes_are_those_of_the_rfc(seconds, code):
    assert totp.code_at_step("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", totp.step_at(seconds)) == code


@pytest.mark.parametrize(
    ("method", "headers", "body", "signature"),
    [
        ("GET", {}, b"", "cfb4171acec81de07d50e53d57eb77edd537414d66ddb1d7d780f128e12cd842"),
        ("POST", {}, b'{"name":"test","id":1}', "436b1ac0a1ae03705934bb70ef2f2e09f7bfed2117d731a38235053199323a1f"),
    ],
)
def test_published_signatures_are_accepted(method, headers, body, signature):
    headers = {"host": "service.endpoint.myhuaweicloud.com", "x-sdk-date": "20200608T023900Z", **headers}
    claim = signing.parse_claim(f"SDK-HMAC-SHA256 Access=AccessKey, SignedHeaders=host;x-sdk-date, Signature={signature}")
    now = calendar.timegm((2020, 6, 8, 2, 39, 0))

    signing.verify(claim, "SecretKey", method, "/resources", "size=1", headers, body, now)
    for secret_key, query, late in (("other", "size=1", 0), ("SecretKey", "size=2", 0), ("SecretKey", "size=1", 901)):
        with pytest.raises(signing.SignatureRefused):
            signing.verify(claim, secret_key, method, "/resources", query, headers, body, now + late)


def test_a_query_is_signed_in_the_order_of_its_decoded_pairs():
    sent = "marker=a/b%2Bc%20%C3%BC&b=2&%61=1&a-b=&a=0&c"

    assert signing.canonical_query(sent) == "a=0&a=1&a-b=&b=2&c=&marker=a%2Fb%2Bc%20%C3%BC"


@pytest.mark.parametrize("name", ["content-type", "x-domain-id", "x-security-token"])
def test_a_header_that_matters_must_be_signed(name):
    headers = {"host": "h", "x-sdk-date": "20200608T023900Z", name: "value"}
    claim = signing.Claim("a", ("host", "x-sdk-date"), "0" * 64)

    with pytest.raises(signing.SignatureRefused, match=name):
        signing.verify(claim, "s", "GET", "/", "", headers, b"", calendar.timegm((2020, 6, 8, 2, 39, 0)))


def test_a_second_device_is_a_conflict(cloud, user):
    first = user.create()
    second = user.create("other")

    assert first.status_code == 201
    seed = first.json()["virtual_mfa_device"]["base32_string_seed"]
    assert len(seed) == 32
    assert refusal(second) == (409, "IAM.0005")
    assert cloud.cloud.user(user.user_id).device.seed == seed
    assert cloud.cloud.user(user.user_id).counters.creates == 1


@pytest.mark.parametrize("name", ["", "a" * 65, "two words", "ümlaut", None, 5])
def test_a_device_has_a_plain_name(user, name):
    body = {"virtual_mfa_device": {"name": name, "user_id": user.user_id}}

    assert refusal(user("POST", DEVICES, body)) == (400, "IAM.0011")


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_codes_within_one_step_bind(cloud, user, steps):
    mid_step(cloud)
    device = cloud.cloud.give_device(user.user_id)

    assert user.bind(device.serial_number, pair(cloud, user.user_id, steps)).status_code == 204
    assert cloud.cloud.user(user.user_id).device.bound


def test_codes_that_are_old_or_not_consecutive_or_swapped_bind_nothing(cloud, user):
    mid_step(cloud)
    serial = cloud.cloud.give_device(user.user_id).serial_number
    code = [cloud.cloud.code(user.user_id, steps) for steps in (-3, -2, -1, 0)]

    for codes in ((code[0], code[1]), (code[1], code[3]), (code[3], code[2]), (code[3], code[3])):
        assert refusal(user.bind(serial, codes)) == (400, "IAM.1061")
    assert not cloud.cloud.user(user.user_id).device.bound
    assert (cloud.cloud.counters.wrong_codes, cloud.cloud.counters.binds) == (4, 0)


@pytest.mark.parametrize("code", [123456, "12345", "1234567", "12345a", "١٢٣٤٥٦", None])
def test_a_code_is_a_string_of_six_digits(cloud, user, code):
    serial = cloud.cloud.give_device(user.user_id).serial_number

    assert refusal(user.bind(serial, (code, "123456"))) == (400, "IAM.0072")
    assert cloud.cloud.counters.wrong_codes == 0


def test_used_codes_are_refused(cloud, user):
    serial = cloud.cloud.give_device(user.user_id).serial_number
    mid_step(cloud)
    codes = pair(cloud, user.user_id)

    assert user.bind(serial, codes).status_code == 204
    assert refusal(user.bind(serial, codes)) == (409, "IAM.0005")
    assert refusal(user.unbind(serial, codes[1])) == (400, "IAM.1061")
    cloud.advance(30)
    assert user.unbind(serial, cloud.cloud.code(user.user_id)).status_code == 204
    assert refusal(user.bind(serial, codes)) == (400, "IAM.1061")
    assert (cloud.cloud.counters.refused_codes, cloud.cloud.counters.wrong_codes) == (2, 0)
    assert cloud.cloud.counters.binds == 1


def test_wrong_codes_lock_the_user_for_a_quarter_of_an_hour(cloud, described, user):
    serial = cloud.cloud.give_device(user.user_id).serial_number
    code = int(cloud.cloud.code(user.user_id, 1))
    wrong = f"{(code + 1) % 1000000:06d}"

    for _time in range(5):
        assert refusal(user.bind(serial, (wrong, wrong))) == (400, "IAM.1061")
    assert refusal(user.bind(serial, pair(cloud, user.user_id))) == (401, "IAM.0061")
    assert refusal(user("GET", "/v3/auth/domains")) == (401, "IAM.0061")
    assert refusal(log_in(cloud, described["users"][0])) == (401, "IAM.0061")
    cloud.advance(15 * 60 + 1)
    assert user.bind(serial, pair(cloud, user.user_id)).status_code == 204


def test_wrong_passwords_lock_the_user(cloud, described):
    who = described["users"][0]

    for _time in range(5):
        answer = log_in(cloud, who, password="wrong")
        assert answer.json()["error"] == {
            "code": 401,
            "message": "The username or password is wrong.",
            "title": "Unauthorized",
        }
    assert refusal(log_in(cloud, who)) == (401, "IAM.0061")
    cloud.advance(15 * 60 + 1)
    assert log_in(cloud, who).status_code == 201


def test_only_the_user_binds(cloud, admin, user, described):
    serial = cloud.cloud.give_device(user.user_id).serial_number
    other = Session(cloud, described["users"][1])

    for caller in (admin, other):
        assert refusal(caller.bind(serial, pair(cloud, user.user_id), user.user_id)) == (403, "IAM.0003")
    assert refusal(user.bind("iam::other:mfa:x", pair(cloud, user.user_id))) == (404, "IAM.0004")
    assert user.bind(serial, pair(cloud, user.user_id)).status_code == 204


def test_a_user_sees_nothing_of_others(cloud, user, described):
    other = described["users"][1]["user_id"]
    cloud.cloud.give_device(other)

    assert refusal(user.device(other)) == (403, "IAM.0003")
    assert refusal(user("GET", DEVICES)) == (403, "IAM.0003")
    assert refusal(user("GET", "/v3.0/OS-USER/login-protects")) == (403, "IAM.0003")
    assert refusal(user.protect(user.user_id)) == (403, "IAM.0003")
    assert refusal(user.create(user_id=other)) == (403, "IAM.0003")
    assert refusal(user("GET", "/v5/mfa-devices")) == (403, "PAP5.0001")
    answer = user("GET", "/v3/users")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, 403)


def test_accounts_are_strangers(start_cloud):
    cloud = start_cloud(accounts=2, users=5)
    first, second = cloud.describe()["accounts"]
    admin = Session(cloud, first["admin"])
    stranger = second["users"][0]["user_id"]
    cloud.cloud.give_device(stranger)

    assert (len(first["users"]), len(second["users"])) == (3, 2)
    assert refusal(admin.device(stranger)) == (403, "IAM.0003")
    assert admin("GET", DEVICES).json() == {"virtual_mfa_devices": []}
    assert [user["id"] for user in admin("GET", "/v3/users").json()["users"][1:]] == [user["user_id"] for user in first["users"]]
    assert second["identity_center"] is None


@pytest.mark.parametrize("may", [True, False])
def test_whether_an_administrator_creates_for_others_is_a_setting(start_cloud, may):
    cloud = start_cloud(admin_may_create=may)
    described = cloud.describe()
    answer = Session(cloud, described["admin"]).create(user_id=described["users"][0]["user_id"])

    assert answer.status_code == (201 if may else 403)


@pytest.mark.parametrize("may", [True, False])
def test_whether_an_administrator_enables_for_others_is_a_setting(start_cloud, may):
    cloud = start_cloud(admin_may_bind_v5=may)
    described = cloud.describe()
    user_id = described["users"][0]["user_id"]
    serial = cloud.cloud.give_device(user_id).serial_number
    codes = pair(cloud, user_id)
    body = {"user_id": user_id, "serial_number": serial}
    body.update(authentication_code_first=codes[0], authentication_code_second=codes[1])

    answer = Session(cloud, described["admin"])("POST", "/v5/mfa-devices/enable", body)

    assert answer.status_code == (200 if may else 403)
    assert cloud.cloud.user(user_id).device.bound == may


def test_deleting_says_yes_to_anything_and_keeps_a_bound_device(cloud, admin, user):
    device = cloud.cloud.give_device(user.user_id, bound=True)

    assert admin.delete("no such serial", user.user_id).status_code == 204
    assert admin.delete(device.serial_number, user.user_id).status_code == 204
    assert admin.device(user.user_id).status_code == 200
    assert admin.unbind(device.serial_number, "000000", user.user_id).status_code == 204
    assert admin.delete(device.serial_number, user.user_id).status_code == 204
    assert refusal(admin.device(user.user_id)) == (404, "IAM.0004")
    assert cloud.cloud.counters.deletes == 1


@pytest.mark.parametrize(("unique", "status"), [(True, 409), (False, 201)])
def test_whether_a_name_is_used_once_in_an_account_is_a_setting(start_cloud, unique, status):
    cloud = start_cloud(unique_device_names=unique)
    first, second, *_rest = cloud.describe()["users"]
    cloud.cloud.give_device(first["user_id"], name="phone")

    assert Session(cloud, second).create("phone").status_code == status
    assert Session(cloud, second).create("tablet").status_code == (201 if unique else 409)


@pytest.mark.parametrize(
    ("form", "pattern"), [("account-urn", "iam::{}:mfa:phone"), ("domain-path", "iam:{}:mfa/phone"), ("id-path", "iam/mfa/")]
)
def test_serial_numbers_have_the_form_that_was_set(start_cloud, form, pattern):
    cloud = start_cloud(serial_form=form)
    described = cloud.describe()
    user = Session(cloud, described["users"][0])

    serial = user.create().json()["virtual_mfa_device"]["serial_number"]

    assert serial.startswith(pattern.format(described["domain_id"]))
    assert user.bind(serial, pair(cloud, user.user_id)).status_code == 204
    assert Session(cloud, described["admin"]).unbind(serial, "000000", user.user_id).status_code == 204
    assert user.delete(serial).status_code == 204
    assert user.device().status_code == 404


@pytest.mark.parametrize("status", [204, 400, 404])
def test_unbinding_what_is_not_bound_is_answered_as_set(start_cloud, status):
    cloud = start_cloud(unbind_unbound=status)
    described = cloud.describe()
    user_id = described["users"][0]["user_id"]
    serial = cloud.cloud.give_device(user_id).serial_number

    assert Session(cloud, described["admin"]).unbind(serial, "000000", user_id).status_code == status
    assert cloud.cloud.counters.unbinds == 0


def test_protection_is_listed_once_it_was_ever_set(cloud, admin, user):
    path = f"/v3.0/OS-USER/users/{user.user_id}/login-protect"

    assert refusal(admin("GET", path)) == (404, "IAM.0004")
    assert admin("GET", "/v3.0/OS-USER/login-protects").json() == {"login_protects": []}
    assert admin.protect(user.user_id).json()["login_protect"]["verification_method"] == "vmfa"
    assert admin.protect(user.user_id, enabled=False).json()["login_protect"]["verification_method"] == "vmfa"
    off = {"user_id": user.user_id, "enabled": False, "verification_method": "none"}
    assert user("GET", path).json() == {"login_protect": off}
    assert admin("GET", "/v3.0/OS-USER/login-protects").json() == {"login_protects": [off]}
    assert refusal(admin.protect(user.user_id, enabled=False, method="none")) == (400, "IAM.0072")
    assert cloud.cloud.user(user.user_id).counters.protects == 2


def test_a_code_logs_in_once(cloud, described, user):
    who = described["users"][0]
    serial = cloud.cloud.give_device(user.user_id).serial_number
    mid_step(cloud)
    codes = pair(cloud, user.user_id)
    assert user.bind(serial, codes).status_code == 204
    assert log_in(cloud, who).status_code == 201, "without protection a password is enough"
    cloud.cloud.protect(user.user_id)

    for code in (None, codes[1], codes[0]):
        answer = log_in(cloud, who, code)
        assert (answer.status_code, answer.json()["error"]["message"]) == (401, "mfa totp code verify fail")
    fresh = cloud.cloud.code(user.user_id, 1)
    assert log_in(cloud, who, fresh).status_code == 201
    assert log_in(cloud, who, fresh).status_code == 401
    assert user("GET", "/v3/auth/domains").status_code == 200, "binding does not end tokens that exist"


@pytest.mark.parametrize("profile", ["huaweicloud", "otc"])
@pytest.mark.parametrize("ignores", [False, True])
def test_a_token_tells_whether_a_code_was_looked_at(start_cloud, profile, ignores):
    cloud = start_cloud(profile=profile, enrolled=1, ignores_unneeded_codes=ignores)
    protected, other = cloud.describe()["users"][:2]
    cloud.cloud.give_device(other["user_id"], bound=True)

    for who, needed in ((protected, True), (other, False)):
        answer = log_in(cloud, who, cloud.cloud.code(who["user_id"]))
        token = answer.json()["token"]
        looked_at = needed or not ignores
        assert token["methods"] == (["password", "totp"] if looked_at else ["password"])
        assert ("mfa_authn_at" in token) == looked_at
    assert log_in(cloud, other, "12345x").status_code == (201 if ignores else 400)
    assert "mfa_authn_at" not in log_in(cloud, other).json()["token"]


def test_tokens_expire_and_unknown_ones_are_invalid(cloud, admin):
    subject = {"X-Subject-Token": admin.http.headers["X-Auth-Token"]}
    body = admin("GET", "/v3/auth/tokens", headers=subject).json()["token"]

    assert body["user"]["id"] == admin.user_id
    assert body["domain"]["id"] == cloud.describe()["domain_id"]
    cloud.advance(24 * 3600 + 1)
    assert refusal(admin("GET", DEVICES)) == (401, "IAM.0066")
    assert refusal(admin("GET", DEVICES, headers={"X-Auth-Token": "x"})) == (401, "IAM.0067")
    assert refusal(requests.get(cloud.url + DEVICES, timeout=10)) == (401, "APIGW.0301")


def test_users_come_in_pages_and_filtered(start_cloud):
    cloud = start_cloud(users=7, disabled=2, page_size=3)
    described = cloud.describe()
    admin = Session(cloud, described["admin"])
    names, pages, url = [], 0, f"{cloud.url}/v3/users?enabled=true"
    while url:
        answer = admin.http.get(url, timeout=10).json()
        names.extend(user["name"] for user in answer["users"])
        pages, url = pages + 1, answer["links"]["next"]

    expected = [described["admin"]["name"]] + [user["name"] for user in described["users"] if user["enabled"]]
    assert names == expected
    assert (len(names), pages) == (6, 2)
    assert len(admin("GET", "/v3/users", params={"enabled": "false"}).json()["users"]) == 2
    (disabled, *_rest) = [user for user in described["users"] if not user["enabled"]]
    assert log_in(cloud, disabled).status_code == 401


def test_the_otc_profile_has_iam_v3_only(start_cloud):
    cloud = start_cloud(profile="otc")
    described = cloud.describe()
    admin = Session(cloud, described["admin"])

    for path in ("/v5/mfa-devices", "/v5/users", "/v1/instances"):
        assert refusal(admin("GET", path)) == (404, "APIGW.0101")
    assert described["identity_center"] is None
    assert "/" in admin.create().json()["virtual_mfa_device"]["serial_number"]


def test_unknown_paths_and_wrong_verbs(admin):
    assert refusal(admin("GET", "/v3.0/OS-MFA/nothing")) == (404, "APIGW.0101")
    assert refusal(admin("DELETE", BIND)) == (405, "IAM.0001")
    answer = admin("DELETE", "/v3/users")
    assert (answer.status_code, list(answer.json()), answer.headers["Allow"]) == (405, ["message"], "GET")


def test_identity_center_takes_signatures_only(admin):
    assert refusal(admin("GET", "/v1/instances")) == (401, "APIGW.0301")


def test_an_sso_configuration_is_replaced_and_the_other_part_kept_where_it_is_sent(cloud):
    state, account = cloud.cloud, cloud.cloud.accounts[0]
    before = dict(account.center.sso_configuration)

    def write(kind: str, configuration: dict[str, Any]) -> dict[str, Any]:
        body = {"configuration_type": kind, "sso_configuration": configuration}
        state.set_sso_configuration(account.admin, account.center.instance_id, body)
        return account.center.sso_configuration

    longer = {"max_authentication_age": "PT12H"}
    merged = {**before, "mfa_mode": "ALWAYS_ON", "session_configuration": longer}
    kept = write("APP_AUTHENTICATION_CONFIGURATION", merged)
    assert kept == {**before, "mfa_mode": "ALWAYS_ON"}
    assert write("SESSION", {**kept, "session_configuration": longer}) == {**kept, "session_configuration": longer}
    assert write("APP_AUTHENTICATION_CONFIGURATION", {"mfa_mode": "DISABLED"}) == {"mfa_mode": "DISABLED"}


def test_identity_center_wants_both_fields_and_the_right_ids(cloud, described):
    ids = described["identity_center"]
    path = f"/v1/instances/{ids['instance_id']}/mfa-devices/management-settings"
    both = {"identity_store_id": ids["identity_store_id"], "user_permission": "READ_ACTIONS"}

    def status(body: Any, wanted: str = path) -> tuple[int, str]:
        answer = signed(cloud, described["admin"], "POST", wanted, body)
        assert answer.json()["request_id"] == answer.headers["X-Request-Id"]
        return refusal(answer)

    for name in both:
        assert status({key: value for key, value in both.items() if key != name}) == (400, "IIC.1002")
    assert status({**both, "user_permission": "SOME"}) == (400, "IIC.1002")
    assert status({**both, "identity_store_id": "d-0"}) == (404, "IIC.1004")
    assert status(both, path.replace("ssoins-", "ssoins-0")) == (404, "IIC.1004")
    assert cloud.cloud.accounts[0].center.user_permission == "ALL_ACTIONS"
    assert signed(cloud, described["admin"], "POST", path, both).content == b""
    assert cloud.cloud.accounts[0].center.user_permission == "READ_ACTIONS"


def test_whom_an_identity_store_does_not_know_has_no_device(cloud, described):
    store = described["identity_center"]["identity_store_id"]
    path = f"/v1/identity-stores/{store}/users"
    someone = {"identity_store_id": store, "user_id": "u-1"}

    answer = signed(cloud, described["admin"], "POST", f"{path}/retrieve-mfa-devices", {"user_list": [someone]})

    assert answer.json() == {"user_mfa_devices_entry_list": [{"user": someone, "mfa_devices": []}]}
    assert refusal(signed(cloud, described["admin"], "DELETE", f"{path}/u-1/mfa-devices/d-1")) == (404, "IIC.1004")


def test_identity_store_refuses_what_it_cannot_do(cloud, described):
    ids = described["identity_center"]
    base = f"/v1/identity-stores/{ids['identity_store_id']}"
    ada, alan = (f"{base}/users/{user['user_id']}" for user in ids["users"][:2])
    person = cloud.cloud.accounts[0].center.people[0]
    device = person.devices[0].device_id

    def ask(method: str, path: str, body: Any = None) -> tuple[int, str]:
        return refusal(signed(cloud, described["admin"], method, path, body))

    assert ask("PUT", f"{ada}/mfa-devices/{device}", {"display_name": ""}) == (400, "IIC.1002")
    assert ask("PUT", f"{alan}/mfa-devices/{device}", {"display_name": "x"}) == (404, "IIC.1004")
    assert ask("POST", f"{ada}/sessions/batch-delete", {"session_ids": []}) == (400, "IIC.1002")
    assert ask("POST", f"{base}/users/retrieve-mfa-devices", {"user_list": []}) == (400, "IIC.1002")
    people.give_device(person, "Key")
    assert ask("POST", f"{ada}/mfa-devices/register-mfa-device") == (400, "IIC.1002")
    assert cloud.cloud.counters.center_writes == 0


def test_a_key_opens_its_own_account_only(cloud, described):
    admin = described["admin"]

    assert refusal(requests.get(cloud.url + DEVICES, headers={"Authorization": "Basic x"}, timeout=10)) == (401, "APIGW.0301")
    assert signed(cloud, admin, "GET", DEVICES).status_code == 200
    assert signed(cloud, admin, "GET", DEVICES, domain_id=described["domain_id"]).status_code == 200
    assert refusal(signed(cloud, admin, "GET", DEVICES, domain_id="0" * 32)) == (403, "IAM.0002")


@pytest.mark.parametrize(
    "body",
    [
        {"sso_configuration": {"mfa_mode": "ALWAYS_ON"}},
        {"configuration_type": "APP_AUTHENTICATION_CONFIGURATION"},
        {"configuration_type": "SESSION", "sso_configuration": {"session_configuration": {"max_authentication_age": "8h"}}},
        {"configuration_type": "SESSION", "sso_configuration": {"allowed_mfa_types": ["SMS"]}},
        {"configuration_type": "SESSION", "sso_configuration": {"mfa_mode": "SOMETIMES"}},
    ],
)
def test_a_wrong_sso_configuration_is_refused(cloud, body):
    account = cloud.cloud.accounts[0]

    with pytest.raises(simulator.cloud.Refusal) as caught:
        cloud.cloud.set_sso_configuration(account.admin, account.center.instance_id, body)
    assert (caught.value.status, cloud.cloud.counters.center_writes) == (400, 0)


def test_a_stale_cloud_shows_what_was(start_cloud):
    cloud = start_cloud(stale=5)
    described = cloud.describe()
    admin, user_id = Session(cloud, described["admin"]), described["users"][0]["user_id"]

    serial = admin.create(user_id=user_id).json()["virtual_mfa_device"]["serial_number"]
    assert admin.device(user_id).status_code == 404
    assert admin.create(user_id=user_id).status_code == 409, "a write sees the truth"
    cloud.advance(5.1)
    assert admin.device(user_id).status_code == 200
    assert admin.delete(serial, user_id).status_code == 204
    assert admin.device(user_id).status_code == 200
    assert len(admin("GET", DEVICES).json()["virtual_mfa_devices"]) == 1
    cloud.advance(5.1)
    assert admin.device(user_id).status_code == 404


def test_too_many_calls_of_an_account_are_throttled(start_cloud):
    cloud = start_cloud(rate=5, accounts=2)
    first, second = cloud.describe()["accounts"]
    admin, other = Session(cloud, first["admin"]), Session(cloud, second["admin"])

    answers = [admin("GET", DEVICES) for _time in range(12)]

    throttled = [answer for answer in answers if answer.status_code == 429]
    assert 1 <= len(throttled) <= 8
    assert refusal(throttled[0]) == (429, "APIGW.0308")
    assert throttled[0].headers["Retry-After"] == "1"
    assert other("GET", DEVICES).status_code == 200


def test_the_clock_is_shown_and_moved(start_cloud):
    cloud = start_cloud(clock_offset=-100)
    cloud.advance(40)

    answer = requests.get(cloud.url, timeout=10)

    shown = email.utils.parsedate_to_datetime(answer.headers["Date"]).timestamp()
    assert -62 < shown - time.time() < -58


def test_the_log_holds_no_secret(cloud, described, user):
    seed = user.create().json()["virtual_mfa_device"]["base32_string_seed"]
    codes = pair(cloud, user.user_id)
    user.bind(cloud.cloud.user(user.user_id).device.serial_number, codes)
    log_in(cloud, described["users"][0], cloud.cloud.code(user.user_id, 1))
    steered = requests.get(f"{cloud.url}/_rehearsal/log", timeout=10).text
    state = requests.get(f"{cloud.url}/_rehearsal/state", timeout=10).text

    text = json.dumps(cloud.log) + steered + state
    # Codes in quotes, since six digits may well stand in an id or a time.
    for secret in (*(f'"{code}"' for code in codes), seed, described["users"][0]["password"], user.http.headers["X-Auth-Token"]):
        assert secret not in text
    assert [entry["route"] for entry in cloud.log] == ["login", "create", "bind", "login"]
    assert cloud.log[2]["body"]["user_id"] == user.user_id
    assert cloud.log[2]["user_id"] == user.user_id


def cut(call: Callable[[], Any]) -> bool:
    try:
        call()
    except requests.ConnectionError:
        return True
    return False


def test_a_lost_answer_was_carried_out_and_a_cut_request_was_not(cloud, user):
    cloud.fault("lose:create:1")
    cloud.fault("cut:bind:1")

    assert cut(user.create)
    device = cloud.cloud.user(user.user_id).device
    assert device is not None
    assert cut(lambda: user.bind(device.serial_number, pair(cloud, user.user_id)))
    assert not cloud.cloud.user(user.user_id).device.bound
    assert user.bind(device.serial_number, pair(cloud, user.user_id)).status_code == 204
    assert [(entry["status"], entry["carried_out"]) for entry in cloud.log[-3:]] == [
        (None, True),
        (None, False),
        (204, True),
    ]


def test_half_an_answer_breaks_off(cloud, admin):
    cloud.fault("half:list-devices:1")

    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        admin("GET", DEVICES)
    assert admin("GET", DEVICES).status_code == 200


def test_statuses_come_when_they_were_ordered(cloud, admin):
    cloud.fault("status=503:domains:2-3")
    cloud.fault("status=429,retry-after=1:list-devices:every=2")
    cloud.fault("html=502:login-protect-list:1")
    cloud.fault("retry-after=0.5:v5-list:1")

    assert [admin("GET", "/v3/auth/domains").status_code for _time in range(4)] == [200, 503, 503, 200]
    answers = [admin("GET", DEVICES) for _time in range(4)]
    assert [answer.status_code for answer in answers] == [200, 429, 200, 429]
    assert answers[1].headers["Retry-After"] == "1"
    html = admin("GET", "/v3.0/OS-USER/login-protects")
    assert (html.status_code, html.headers["Content-Type"]) == (502, "text/html")
    throttled = admin("GET", "/v5/mfa-devices")
    assert (throttled.status_code, throttled.headers["Retry-After"]) == (429, "0.5")
    cloud.fault("status=500")
    assert admin("GET", DEVICES).status_code == 500
    cloud.clear_faults()
    assert admin("GET", DEVICES).status_code == 200


def test_a_delete_that_does_nothing_says_yes(cloud, admin, user):
    serial = cloud.cloud.give_device(user.user_id).serial_number
    cloud.fault("noop:delete:1")

    assert admin.delete(serial, user.user_id).status_code == 204
    assert admin.device(user.user_id).status_code == 200
    assert admin.delete(serial, user.user_id).status_code == 204
    assert admin.device(user.user_id).status_code == 404
    assert cloud.cloud.counters.deletes == 1


def marker_of(answer: requests.Response) -> str | None:
    """The marker of the next page, in the form of either API."""
    body = answer.json()
    if "page_info" in body:
        return body["page_info"].get("next_marker")
    return body["links"]["next"] and dict(parse_qsl(urlsplit(body["links"]["next"]).query)).get("marker", "the first page again")


@pytest.mark.parametrize(("path", "limit"), [("/v5/mfa-devices", {"limit": 1}), ("/v5/mfa-devices", {}), ("/v5/users", {"limit": 2})])
def test_a_listing_may_run_in_a_circle(cloud, admin, path, limit):
    for user_id in cloud.cloud.users:
        cloud.cloud.give_device(user_id)
    cloud.fault("loop")

    first = marker_of(admin("GET", path, params=limit))
    answers = [admin("GET", path, params={**limit, "marker": first}) for _time in range(3)]

    assert first
    assert [(answer.status_code, marker_of(answer)) for answer in answers] == [(200, first)] * 3
    assert len({answer.text for answer in answers}) == 1
    cloud.clear_faults()
    assert admin("GET", path, params={**limit, "marker": first}).status_code == 200


def test_a_listing_with_links_may_run_in_a_circle(start_cloud):
    cloud = start_cloud(users=7, page_size=3)
    admin = Session(cloud, cloud.describe()["admin"])
    second = admin("GET", "/v3/users?enabled=true").json()["links"]["next"]
    cloud.fault("loop:users")

    assert admin.http.get(second, timeout=10).json()["links"]["next"] == second
    first = admin("GET", "/v3/users", params={"enabled": "true"})
    assert first.json()["links"]["next"] == f"{cloud.url}/v3/users?enabled=true"
    assert admin("GET", "/v3/auth/domains").json()["links"]["next"] is None


@pytest.mark.parametrize("path", ["/v5/mfa-devices", "/v5/users", "/v3/users", "/v3/groups", "/v3/auth/domains"])
@pytest.mark.parametrize("entries", [True, False])
def test_a_listing_may_have_no_end(cloud, admin, path, entries):
    cloud.cloud.give_device(admin.user_id)
    cloud.fault("endless" if entries else "endless=0")

    seen: list[str | None] = []
    for _page in range(5):
        answer = admin("GET", path, params={"limit": "1", **({"marker": seen[-1]} if seen else {})})
        assert answer.status_code == 200
        body = answer.json()
        (listed,) = [value for value in body.values() if isinstance(value, list)]
        assert bool(listed) == entries
        assert body.get("page_info", {"current_count": len(listed)})["current_count"] == len(listed)
        seen.append(marker_of(answer))

    assert len(set(seen)) == 5
    assert None not in seen
    cloud.clear_faults()
    assert admin("GET", path, params={"marker": seen[-1]}).status_code == 200, "what a fault made up stays good"


def test_an_answer_may_drip(cloud, admin):
    cloud.fault("drip:domains")
    started = time.monotonic()

    with admin("GET", "/v3/auth/domains", stream=True) as answer:
        pieces = [answer.raw.read(1) for _byte in range(4)]

    assert answer.headers["Content-Length"] == "600"
    assert pieces == [b" "] * 4
    assert 0.6 < time.monotonic() - started < 5
    assert admin("GET", DEVICES).status_code == 200


def test_an_answer_that_drips_is_whole_at_its_end(cloud, admin, monkeypatch):
    monkeypatch.setattr(simulator.server, "DRIP_SECONDS", 0)
    cloud.fault("drip")

    assert admin("GET", "/v3/auth/domains").json()["domains"][0]["id"] == cloud.describe()["domain_id"]
    assert admin.delete("nothing").status_code == 204


@pytest.mark.parametrize(("spec", "chunked"), [("flood", True), ("flood=0", False)])
def test_an_answer_may_have_no_end(cloud, admin, spec, chunked):
    cloud.fault(f"{spec}:*:1-2")

    # A DELETE has no body as a rule.
    for method in ("GET", "DELETE"):
        with admin(method, DEVICES, params={"user_id": admin.user_id, "serial_number": "x"}, stream=True) as answer:
            assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json;charset=UTF-8")
            assert answer.headers.get("Transfer-Encoding") == ("chunked" if chunked else None)
            assert "Content-Length" not in answer.headers
            assert len(answer.raw.read(3_000_000)) == 3_000_000
    assert admin("GET", DEVICES).status_code == 200


def test_a_flood_stops_by_itself(cloud, admin, monkeypatch):
    monkeypatch.setattr(simulator.server, "FLOOD_BYTES", 1 << 18)
    cloud.fault("flood=0:list-devices:1")

    content = admin("GET", DEVICES).content

    assert len(content) == 1 << 18
    assert content.startswith(b'{"x":"xxx')


def test_permissions_tokens_and_time_can_be_taken_away(cloud, described, admin):
    cloud.fault("forbid:v5-list")
    cloud.fault("expire-tokens:*:3")
    cloud.fault("slow=0.2:domains:1")

    answer = admin("GET", "/v5/mfa-devices")
    assert refusal(answer) == (403, "PAP5.0001")
    assert answer.json()["encoded_authorization_message"]
    started = time.monotonic()
    assert admin("GET", "/v3/auth/domains").status_code == 200
    assert time.monotonic() - started > 0.2
    assert refusal(admin("GET", DEVICES)) == (401, "IAM.0066")
    admin.log_in(described["admin"])
    assert admin("GET", DEVICES).status_code == 200


@pytest.mark.parametrize(
    "spec",
    ["", "explode", "status", "status=x", "lose=1", "loop=1", "flood=x", "lose:nowhere", "lose:bind:0", "lose:bind:every=0", "a:b:c:d"],
)
def test_a_wrong_fault_is_refused(cloud, spec):
    with pytest.raises(ValueError, match="fault"):
        faults.parse(spec)
    assert requests.post(f"{cloud.url}/_rehearsal/fault", json={"spec": spec}, timeout=10).status_code == 400


def test_it_is_steered_over_http(cloud, user):
    def steer(name: str, **body: Any) -> int:
        return requests.post(f"{cloud.url}/_rehearsal/{name}", json=body, timeout=10).status_code

    before = cloud.cloud.now()
    assert steer("fault", spec="status=503:create") == 200
    assert user.create().status_code == 503
    assert steer("clear-faults") == 200
    assert user.create().status_code == 201
    assert steer("advance", seconds=1000) == 200
    assert cloud.cloud.now() - before > 1000
    state = requests.get(f"{cloud.url}/_rehearsal/state", timeout=10).json()
    (mine,) = [entry for entry in state["users"] if entry["user_id"] == user.user_id]
    assert mine["device"]["bound"] is False
    assert mine["counters"]["writes"] == 1
    assert steer("reset-counters") == 200
    assert (cloud.log, cloud.cloud.counters.writes) == ([], 0)
    assert steer("nothing") == 404


@pytest.mark.parametrize(("when", "devices"), [("before", 1), ("after", 2)])
def test_a_client_dies_at_the_request_that_was_named(cloud, described, when, devices):
    program = (
        "import json, os, sys, urllib.request\n"
        "print('ready', flush=True)\n"
        "given = json.loads(sys.stdin.readline())\n"
        "for user in given['users']:\n"
        "    body = json.dumps({'virtual_mfa_device': {'name': 'phone', 'user_id': user}}).encode()\n"
        "    request = urllib.request.Request(given['url'], body, {'X-Auth-Token': given['token']})\n"
        "    urllib.request.urlopen(request).read()\n"
    )
    admin = Session(cloud, described["admin"])
    client = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True, text=True
    )
    try:
        assert client.stdout.readline() == "ready\n"
        order = {"pid": client.pid, "at": 2, "when": when, "route": "create"}
        assert requests.post(f"{cloud.url}/_rehearsal/die", json=order, timeout=10).status_code == 200
        users = [user["user_id"] for user in described["users"]]
        given = {"url": cloud.url + DEVICES, "token": admin.http.headers["X-Auth-Token"], "users": users}
        client.communicate(json.dumps(given) + "\n", timeout=10)
    finally:
        client.kill()
        client.wait()

    assert client.returncode == -signal.SIGKILL
    assert cloud.cloud.counters.creates == devices


def test_many_connections_at_once_are_counted(start_cloud):
    cloud = start_cloud(users=8, latency_ms=300)
    described = cloud.describe()
    admin = Session(cloud, described["admin"])
    token = {"X-Auth-Token": admin.http.headers["X-Auth-Token"]}
    threads = [
        threading.Thread(target=requests.get, args=(cloud.url + DEVICES,), kwargs={"headers": token, "timeout": 10}) for _time in range(8)
    ]

    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert time.monotonic() - started < 1.5, "latency is waited for side by side"
    assert cloud.max_in_flight > 4


def test_it_speaks_tls(start_cloud, tmp_path):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.timezone.utc)
    address = ipaddress.ip_address("127.0.0.1")
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(address)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certfile, keyfile = tmp_path / "cert.pem", tmp_path / "key.pem"
    certfile.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    keyfile.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    cloud = start_cloud(certfile=str(certfile), keyfile=str(keyfile))

    assert cloud.url.startswith("https://127.0.0.1:")
    assert requests.get(cloud.url, verify=str(certfile), timeout=10).status_code == 404
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(cloud.url, timeout=10)


def run(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    command = [sys.executable, str(SIMULATOR), "--users", "2", "--max-seconds", "20", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def test_the_command_prints_one_line_and_stops_on_sigterm():
    process = run("--profile", "otc", "--accounts", "2", "--seed-random", "7")
    try:
        described = json.loads(process.stdout.readline())
        assert requests.get(described["url"], timeout=10).status_code == 404
        process.send_signal(signal.SIGTERM)
        rest, errors = process.communicate(timeout=10)
    finally:
        process.kill()
        process.wait()

    assert (process.returncode, rest, errors) == (0, "", "")
    assert described["pid"] == process.pid
    assert [account["name"] for account in described["accounts"]] == ["acme-berlin", "acme-madrid"]
    assert described["users"] == described["accounts"][0]["users"]
    again = simulator.Cloud(simulator.Settings(profile="otc", accounts=2, users=2, seed_random=7))
    assert described["accounts"] == again.describe()["accounts"], "a number makes the same cloud every time"


def test_the_command_writes_a_private_file_and_ends_with_its_input(tmp_path):
    output, pid_file = tmp_path / "cloud.json", tmp_path / "pid"
    process = run("--output", str(output), "--pid-file", str(pid_file), "--until-eof", stdin=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 10
        while not output.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        described = json.loads(output.read_text(encoding="utf-8"))
        assert stat.S_IMODE(output.stat().st_mode) == 0o600
        assert int(pid_file.read_text(encoding="utf-8")) == process.pid == described["pid"]
        rest, errors = process.communicate("", timeout=10)
    finally:
        process.kill()
        process.wait()

    assert (process.returncode, rest, errors) == (0, "", "")
    assert sorted(os.listdir(tmp_path)) == ["cloud.json"]


def test_the_command_ends_after_its_time():
    process = run("--max-seconds", "0.2")
    process.communicate(timeout=10)

    assert process.returncode == 0


def test_a_wrong_command_line_says_so():
    process = run("--fault", "explode")
    _rest, errors = process.communicate(timeout=10)

    assert process.returncode == 2
    assert "unknown kind 'explode'" in errors


def test_an_independent_implementation_agrees_on_codes(cloud, described):
    device = cloud.cloud.give_device(described["users"][0]["user_id"])

    for timestamp in range(0, 3_000_000_000, 99_999_999):
        assert totp.code_at_step(device.seed, totp.step_at(timestamp)) == pyotp.TOTP(device.seed).at(timestamp)
