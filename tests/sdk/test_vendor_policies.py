# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The vendor's own SDK reads and sets an account's policies in the rehearsal cloud; what it has no words for goes by plain requests."""

from __future__ import annotations

from typing import Any

import pytest
from sessions import Session, refusal

# The SDK's own signer warns on Python 3.12 and later.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")

LOGIN = {
    "account_validity_period": 90,
    "custom_info_for_login": "Authorized use only.",
    "lockout_duration": 30,
    "login_failed_times": 3,
    "period_with_login_failures": 60,
    "session_timeout": 30,
    "show_recent_login_info": True,
}
ALLOWED = {"manage_accesskey": False, "manage_email": True, "manage_mobile": True, "manage_password": True}
EVERYWHERE = {"ip_range": "0.0.0.0-255.255.255.255", "description": ""}


def shown(policy: Any) -> dict[str, Any]:
    """An object of the SDK as a dictionary, without what was not set."""
    return {name: value for name, value in policy.to_dict().items() if value is not None}


def login_path(cloud: Any) -> str:
    return f"/v3.0/OS-SECURITYPOLICY/domains/{cloud.describe()['domain_id']}/login-policy"


def protect_path(cloud: Any) -> str:
    return f"/v3.0/OS-SECURITYPOLICY/domains/{cloud.describe()['domain_id']}/protect-policy"


@pytest.mark.parametrize("profile", ["huaweicloud", "otc"])
def test_login_policy_is_set_and_shown_by_v3(start_cloud, make_clients, sdk, profile):
    cloud = start_cloud(profile=profile)
    admin, domain_id = cloud.describe()["admin"], cloud.describe()["domain_id"]
    client = make_clients(cloud).v3(admin)

    before = client.show_domain_login_policy(sdk.v3.ShowDomainLoginPolicyRequest(domain_id=domain_id)).login_policy
    body = sdk.v3.UpdateDomainLoginPolicyRequestBody(login_policy=sdk.v3.LoginPolicyOption(**LOGIN))
    answer = client.update_domain_login_policy(sdk.v3.UpdateDomainLoginPolicyRequest(domain_id=domain_id, body=body)).login_policy
    after = client.show_domain_login_policy(sdk.v3.ShowDomainLoginPolicyRequest(domain_id=domain_id)).login_policy

    assert before.to_dict() == {
        **{"account_validity_period": 0, "custom_info_for_login": "", "lockout_duration": 15, "login_failed_times": 5},
        **{"period_with_login_failures": 15, "session_timeout": 60, "show_recent_login_info": False},
    }
    assert answer.to_dict() == after.to_dict() == LOGIN
    assert cloud.cloud.counters.policy_writes == cloud.cloud.counters.writes == 1


def test_login_policy_of_v5_is_that_of_v3_and_has_the_addresses(cloud, clients, sdk, admin):
    client, domain_id = clients.v5(admin), cloud.describe()["domain_id"]

    before = client.show_login_policy_v5(sdk.v5.ShowLoginPolicyV5Request()).login_policy
    body = sdk.v5.UpdateLoginPolicyReqBody(lockout_duration=1440, user_validity_period=30)
    answer = client.update_login_policy_v5(sdk.v5.UpdateLoginPolicyV5Request(body=body)).login_policy
    by_v3 = clients.v3(admin).show_domain_login_policy(sdk.v3.ShowDomainLoginPolicyRequest(domain_id=domain_id)).login_policy

    assert [shown(entry) for entry in before.allow_ip_ranges] == [EVERYWHERE]
    assert (before.allow_address_netmasks, before.user_validity_period) == ([], 0)
    assert answer.to_dict() == {**before.to_dict(), "lockout_duration": 1440, "user_validity_period": 30}
    assert (by_v3.lockout_duration, by_v3.account_validity_period) == (1440, 30)


@pytest.mark.parametrize("profile", ["huaweicloud", "otc"])
def test_operation_protection_is_set_and_shown(start_cloud, make_clients, sdk, profile):
    cloud = start_cloud(profile=profile)
    admin, domain_id = cloud.describe()["admin"], cloud.describe()["domain_id"]
    client = make_clients(cloud).v3(admin)
    option = sdk.v3.ProtectPolicyOption(
        operation_protection=True,
        admin_check="on",
        scene="email",
        email="security@example.com",
        allow_user=sdk.v3.AllowUserBody(manage_accesskey=False),
    )
    body = sdk.v3.UpdateDomainProtectPolicyRequestBody(protect_policy=option)

    before = client.show_domain_protect_policy(sdk.v3.ShowDomainProtectPolicyRequest(domain_id=domain_id)).protect_policy
    answer = client.update_domain_protect_policy(sdk.v3.UpdateDomainProtectPolicyRequest(domain_id=domain_id, body=body)).protect_policy
    after = client.show_domain_protect_policy(sdk.v3.ShowDomainProtectPolicyRequest(domain_id=domain_id)).protect_policy

    assert shown(before) == {
        "operation_protection": False,
        "admin_check": "off",
        "allow_user": {**ALLOWED, "manage_accesskey": True},
        **{"scene": "", "mobile": "", "email": ""},
    }
    assert shown(answer) == {"operation_protection": True, "admin_check": "on", "scene": "email", "allow_user": ALLOWED}
    assert shown(after) == {**shown(answer), "email": "security@example.com", "mobile": ""}


def test_users_may_neither_see_nor_set_policies(cloud, clients, sdk, user, refused):
    domain_id = cloud.describe()["domain_id"]
    v3, v5 = clients.v3(user), clients.v5(user)
    login = sdk.v3.UpdateDomainLoginPolicyRequestBody(login_policy=sdk.v3.LoginPolicyOption(login_failed_times=3))
    protect = sdk.v3.UpdateDomainProtectPolicyRequestBody(protect_policy=sdk.v3.ProtectPolicyOption(operation_protection=True))

    refused(403, "IAM.0003", v3.show_domain_login_policy, sdk.v3.ShowDomainLoginPolicyRequest(domain_id=domain_id))
    refused(403, "IAM.0003", v3.update_domain_login_policy, sdk.v3.UpdateDomainLoginPolicyRequest(domain_id=domain_id, body=login))
    refused(403, "IAM.0003", v3.show_domain_protect_policy, sdk.v3.ShowDomainProtectPolicyRequest(domain_id=domain_id))
    refused(403, "IAM.0003", v3.update_domain_protect_policy, sdk.v3.UpdateDomainProtectPolicyRequest(domain_id=domain_id, body=protect))
    refused(403, "PAP5.0001", v5.show_login_policy_v5, sdk.v5.ShowLoginPolicyV5Request())
    body = sdk.v5.UpdateLoginPolicyReqBody(login_failed_times=3)
    refused(403, "PAP5.0001", v5.update_login_policy_v5, sdk.v5.UpdateLoginPolicyV5Request(body=body))
    assert cloud.cloud.counters.writes == 0


def test_policies_of_another_account_are_refused(start_cloud, make_clients, sdk, refused):
    cloud = start_cloud(accounts=2)
    own, other = cloud.describe()["accounts"]
    client = make_clients(cloud).v3(own["admin"])

    refused(403, "IAM.0003", client.show_domain_login_policy, sdk.v3.ShowDomainLoginPolicyRequest(domain_id=other["domain_id"]))
    refused(403, "IAM.0003", client.show_domain_protect_policy, sdk.v3.ShowDomainProtectPolicyRequest(domain_id=other["domain_id"]))


@pytest.mark.parametrize(
    ("policy", "code"),
    [
        ({"account_validity_period": 241}, "IAM.0073"),
        ({"account_validity_period": -1}, "IAM.0073"),
        ({"lockout_duration": 14}, "IAM.0073"),
        ({"lockout_duration": 31}, "IAM.0073"),
        ({"login_failed_times": 2}, "IAM.0073"),
        ({"login_failed_times": 11}, "IAM.0073"),
        ({"login_failed_times": "3"}, "IAM.0073"),
        ({"login_failed_times": True}, "IAM.0073"),
        ({"period_with_login_failures": 61}, "IAM.0073"),
        ({"session_timeout": 1441}, "IAM.0073"),
        ({"show_recent_login_info": "true"}, "IAM.0073"),
        ({"custom_info_for_login": None}, "IAM.0073"),
        ([], "IAM.0072"),
        (None, "IAM.0072"),
    ],
)
def test_login_policy_that_cannot_be_is_refused(cloud, admin, policy, code):
    session = Session(cloud, admin)
    assert refusal(session("PUT", login_path(cloud), {"login_policy": policy})) == (400, code)
    assert cloud.cloud.counters.policy_writes == 0


@pytest.mark.parametrize(
    "policy",
    [
        {"user_validity_period": 241},
        {"lockout_duration": 1441},
        {"custom_info_for_login": "see <here>"},
        {"allow_ip_ranges": "0.0.0.0-255.255.255.255"},
        {"allow_ip_ranges": [{"description": "an office"}]},
        {"allow_address_netmasks": [{"address_netmask": 8}]},
    ],
)
def test_login_policy_that_cannot_be_is_refused_by_v5(cloud, admin, policy):
    session = Session(cloud, admin)
    assert refusal(session("PUT", "/v5/login-policy", policy)) == (400, "IAM.0073")
    assert cloud.cloud.counters.policy_writes == 0


ON = {"operation_protection": True}


@pytest.mark.parametrize(
    ("policy", "code"),
    [
        ({}, "IAM.0072"),
        ({"admin_check": "off"}, "IAM.0072"),
        ({"operation_protection": "true"}, "IAM.0073"),
        ({**ON, "admin_check": "yes"}, "IAM.0073"),
        ({**ON, "admin_check": "on"}, "IAM.0072"),
        ({**ON, "admin_check": "on", "scene": "pigeon"}, "IAM.0073"),
        ({**ON, "admin_check": "on", "scene": ""}, "IAM.0073"),
        ({**ON, "admin_check": "on", "scene": "mobile"}, "IAM.0072"),
        ({**ON, "admin_check": "on", "scene": "mobile", "email": "security@example.com"}, "IAM.0072"),
        ({**ON, "admin_check": "on", "scene": "email", "mobile": "0086-123456789"}, "IAM.0072"),
        ({**ON, "mobile": "123456789"}, "IAM.0073"),
        ({**ON, "email": "nobody"}, "IAM.0073"),
        ({**ON, "allow_user": True}, "IAM.0073"),
        ({**ON, "allow_user": {"manage_password": "no"}}, "IAM.0073"),
    ],
)
def test_operation_protection_that_cannot_be_is_refused(cloud, admin, policy, code):
    session = Session(cloud, admin)
    assert refusal(session("PUT", protect_path(cloud), {"protect_policy": policy})) == (400, code)
    assert cloud.cloud.counters.policy_writes == 0


@pytest.mark.parametrize("resets", [False, True])
def test_fields_that_were_not_sent_are_kept_or_go_back_to_their_defaults(start_cloud, resets):
    cloud = start_cloud(partial_policies_reset=resets)
    session = Session(cloud, cloud.describe()["admin"])
    office = {"ip_range": "192.0.2.0-192.0.2.255", "description": "the office"}
    session("PUT", "/v5/login-policy", {"allow_ip_ranges": [office], "session_timeout": 30, "x_future": {"kept": False}})
    session("PUT", "/v5/login-policy", {"login_failed_times": 3})
    session("PUT", protect_path(cloud), {"protect_policy": {**ON, "allow_user": {"manage_email": False}}})
    session("PUT", protect_path(cloud), {"protect_policy": {"operation_protection": True, "allow_user": {"manage_mobile": False}}})

    login = session("GET", "/v5/login-policy").json()["login_policy"]
    allowed = session("GET", protect_path(cloud)).json()["protect_policy"]["allow_user"]
    assert login["login_failed_times"] == 3
    assert (login["allow_ip_ranges"], login["session_timeout"]) == (([EVERYWHERE], 60) if resets else ([office], 30))
    assert login["x_future"] == {"kept": resets}
    assert (allowed["manage_email"], allowed["manage_mobile"]) == (resets, False)
    # What v3.0 has no name for is not the business of its PUT.
    session("PUT", "/v5/login-policy", {"allow_ip_ranges": [office]})
    session("PUT", login_path(cloud), {"login_policy": {"login_failed_times": 4}})
    assert session("GET", "/v5/login-policy").json()["login_policy"]["allow_ip_ranges"] == [office]


def test_cloud_can_show_of_operation_protection_the_switch_alone(start_cloud):
    cloud = start_cloud(profile="otc", protect_policy_short=True)
    session = Session(cloud, cloud.describe()["admin"])
    assert session("PUT", protect_path(cloud), {"protect_policy": ON}).json() == {"protect_policy": ON}
    assert session("GET", protect_path(cloud)).json() == {"protect_policy": ON}


def test_write_that_comes_to_nothing_is_answered_as_if_it_had(cloud, admin):
    session = Session(cloud, admin)
    cloud.fault("noop:login-policy-put")
    cloud.fault("noop:protect-policy-put")
    cloud.fault("noop:v5-login-policy-put")
    assert session("PUT", login_path(cloud), {"login_policy": {"login_failed_times": 3}}).json()["login_policy"]["login_failed_times"] == 3
    assert session("PUT", "/v5/login-policy", {"session_timeout": 15}).json()["login_policy"]["session_timeout"] == 15
    assert session("PUT", protect_path(cloud), {"protect_policy": ON}).status_code == 200
    assert cloud.cloud.counters.policy_writes == 0
    assert session("GET", login_path(cloud)).json()["login_policy"]["login_failed_times"] == 5


def test_open_telekom_cloud_has_no_login_policy_of_v5(start_cloud):
    cloud = start_cloud(profile="otc")
    assert refusal(Session(cloud, cloud.describe()["admin"])("GET", "/v5/login-policy")) == (404, "APIGW.0101")
