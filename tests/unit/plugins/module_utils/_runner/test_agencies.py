# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules that work in an account through an agency, over HTTP."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from ansible_collections.hwc.mfa.plugins.module_utils._auth.access_key import AccessKey
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError, OptionError
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_login_protection import PROTECTION
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_mfa_info import MFA_INFO
from ansible_collections.hwc.mfa.plugins.module_utils._modules.identity_center_mfa_settings import INFO
from ansible_collections.hwc.mfa.plugins.module_utils._runner.connections import Connections
from ansible_collections.hwc.mfa.tests.unit.rehearsal import validated


@pytest.fixture(params=["huaweicloud", "otc"])
def two(request, start):
    """Each of the clouds with two accounts; the second one trusts the first by an agency."""
    return start(profile=request.param, accounts=2, users=6, agency="mfa")


@pytest.fixture
def huawei(start):
    return start(accounts=2, users=6, agency="mfa", identity_centers=2)


@pytest.fixture
def connect():
    opened = []

    def one(cloud, agency, credentials=None, memory=None, **options):
        given = {"iam_endpoint": cloud.url, "retries": 0, **(credentials or cloud.by_key()), "assume_agency": agency, **options}
        opened.append(Connections(validated(MFA_INFO, given), {}, lambda: True, {} if memory is None else memory))
        return opened[-1]

    yield one
    for connections in opened:
        connections.close()


def member(cloud):
    return cloud.cloud.accounts[1]


def by_name(cloud, **more):
    return {"agency_name": "mfa", "domain_name": member(cloud).name, **more}


def by_urn(cloud, **more):
    return {"agency_urn": f"iam::{member(cloud).domain_id}:agency:mfa", **more}


def assumed(cloud):
    return sum(agency.assumed for agency in cloud.cloud.agencies)


@pytest.mark.parametrize("how", ["by_key", "by_password", "by_token"])
@pytest.mark.parametrize("named", ["domain_name", "domain_id"])
def test_an_account_is_audited_through_its_agency(two, how, named):
    account = member(two)
    agency = {"agency_name": "mfa", named: account.name if named == "domain_name" else account.domain_id}
    result = two.run(MFA_INFO, credentials=getattr(two, how)(), assume_agency=agency)
    assert not result.get("failed"), result
    assert {user["user_id"] for user in result["users"]} == {user.id for user in account.users}
    assert result["account"] == {"id": account.domain_id, "name": account.name}
    assert result["administrators"] == [account.admin.id]
    caller = result["caller"]
    assert (caller["user_id"], caller["name"]) == (None, None)
    urn = f"sts::{account.domain_id}:assumed-agency:mfa/session"
    assert caller["principal_urn"] == (urn if two.cloud.settings.profile == "huaweicloud" else None)
    assert assumed(two) == 1
    # Open Telekom Cloud has no v5, which is asked for all the same.
    assert not [entry for entry in two.log if entry["status"] >= 400 and entry["route"]]


@pytest.mark.parametrize("how", ["by_key", "by_password", "by_token"])
def test_who_assumes_an_agency_of_their_own_account_is_the_caller(two, how):
    two.handle.add_agency(two.cloud.accounts[0], "own")
    agency = {"agency_name": "own", "domain_name": two.domain_name}
    result = two.run(MFA_INFO, credentials=getattr(two, how)(), assume_agency=agency)
    assert not result.get("failed"), result
    assert result["caller"]["user_id"] == two.admin.id


def test_an_account_is_audited_through_sts(huawei):
    account = member(huawei)
    result = huawei.run(MFA_INFO, assume_agency=by_urn(huawei))
    assert result["account"] == {"id": account.domain_id, "name": account.name}
    assert result["caller"]["principal_urn"] == f"sts::{account.domain_id}:assumed-agency:mfa/hwc.mfa"
    assert huawei.routes().count("v5-assume") == 1 and "assume" not in huawei.routes()
    assert not [entry for entry in huawei.log if entry["status"] >= 400]


def test_users_of_the_account_are_protected_and_no_others(two):
    users = member(two).users[1:]
    result = two.run(
        PROTECTION,
        assume_agency=by_name(two),
        users=[{"user_id": user.id, "enabled": True, "verification_method": "vmfa"} for user in users],
    )
    assert not result.get("failed") and result["changed"], result
    assert all(user.protection.enabled for user in users)
    assert all(user.protection is None for user in two.cloud.accounts[0].users)


def test_identity_center_is_asked_as_the_agency_too(huawei):
    result = huawei.run(INFO, assume_agency=by_name(huawei))
    assert not result.get("failed"), result
    assert result["instance_id"] == member(huawei).center.instance_id


def test_another_accounts_id_is_never_sent(two, connect):
    # Beside the agency, it names the account of the credentials that assume it.
    connections = connect(two, by_name(two), auth_domain_id=two.cloud.accounts[0].domain_id)
    assert len(connections.iam.users()) == len(member(two).users)
    assert connections.account() == {"id": member(two).domain_id, "name": member(two).name}
    assert connections.account_name() == member(two).name
    assert not [entry for entry in two.log if entry["status"] >= 400]


def test_the_account_is_that_of_the_agency_where_the_cloud_does_not_tell(start, connect):
    cloud = start(accounts=2, users=4, agency="mfa", domains_empty=True)
    account = member(cloud)
    assert connect(cloud, by_name(cloud)).account() == {"id": account.domain_id, "name": account.name}, "told by STS"
    assert connect(cloud, by_urn(cloud)).account() == {"id": account.domain_id, "name": None}


def test_an_answer_that_names_another_account_is_not_believed(script, connect):
    keys = {"access": "AK", "secret": "SK", "securitytoken": "T", "expires_at": "2100-01-01T00:00:00.000000Z"}
    hub = {"domains": [{"id": "d0", "name": "hub"}]}
    server = script((200, hub), (201, {"credential": keys}), (200, hub), (200, {"users": []}))
    params = {
        "iam_endpoint": server.url,
        "access_key": "AK0",
        "secret_key": "SK0",
        "assume_agency": {"agency_name": "mfa", "domain_name": "acme"},
    }
    connections = Connections(validated(MFA_INFO, params), {}, lambda: True, {})
    connections.iam.users()
    assert connections.account() == {"id": None, "name": "acme"}
    connections.close()
    sent = [{name.lower(): value for name, value in headers.items()} for _method, _path, headers, _body in server.requests]
    assert [(headers.get("x-domain-id"), headers.get("x-security-token")) for headers in sent] == [
        (None, None), ("d0", None), (None, "T"), (None, "T"), (None, "T")
    ]  # fmt: skip


# Renewal


@pytest.mark.parametrize("way", [by_name, by_urn])
def test_keys_are_renewed_before_they_end(huawei, connect, way):
    connections = connect(huawei, way(huawei))
    connections.iam.users()
    huawei.handle.advance(700)
    connections.iam.users()
    assert assumed(huawei) == 1
    huawei.handle.advance(90)
    # The first answer since tells the time, and the next call heeds it.
    connections.iam.users()
    connections.iam.users()
    assert assumed(huawei) == 2
    assert not [entry for entry in huawei.log if entry["status"] >= 400]


def test_keys_that_ended_unseen_are_renewed_after_the_refusal(two, connect):
    connections = connect(two, by_name(two, duration=1000))
    user = member(two).users[1]
    connections.iam.users()
    two.handle.advance(1001)
    assert connections.iam.protect(user.id, True, "vmfa").enabled
    assert assumed(two) == 2
    assert [entry["status"] for entry in two.log if entry["status"] >= 400] == [400]
    assert user.counters.protects == 1


@pytest.mark.parametrize("how", ["by_key", "by_password"])
def test_threads_that_assume_ask_and_sign_at_once_never_wait_for_each_other_in_a_circle(two, connect, how):
    for _round in range(6):
        connections = connect(two, by_name(two), getattr(two, how)())
        user = member(two).users[1]
        own = AccessKey(user.access_key, user.secret_key)
        works = [
            connections.account,
            connections.caller,
            connections.account_name,
            lambda connections=connections: connections.iam.users(),
            lambda connections=connections, own=own: connections.iam_as(own).own_domains(),
        ] * 4
        before = assumed(two)
        with ThreadPoolExecutor(len(works)) as pool:
            for future in [pool.submit(work) for work in works]:
                future.result(timeout=30)
        assert assumed(two) == before + 1


@pytest.mark.parametrize("unseen", [False, True])
def test_many_threads_renew_once(two, connect, unseen):
    connections = connect(two, by_name(two))
    with ThreadPoolExecutor(12) as pool:
        for round_number in range(1, 4):
            barrier = threading.Barrier(12)

            def read(barrier=barrier):
                barrier.wait()
                return len(connections.iam.users())

            counts = [future.result() for future in [pool.submit(read) for _thread in range(12)]]
            assert counts == [len(member(two).users)] * 12
            assert assumed(two) == round_number
            two.handle.advance(901 if unseen else 800)
            if not unseen:
                connections.iam_session().read("POST", "/v3/auth/tokens", body={"auth": _login(two)})


def _login(cloud):
    who = {"id": cloud.admin.id, "password": cloud.admin.password}
    return {"identity": {"methods": ["password"], "password": {"user": who}}}


def test_an_agency_that_is_not_trusted_any_more_is_asked_once(two, connect):
    connections = connect(two, by_name(two))
    two.cloud.agencies.clear()
    with ThreadPoolExecutor(8) as pool:
        errors = [future.exception() for future in [pool.submit(connections.iam.users) for _thread in range(8)]]
    assert all(isinstance(error, CloudError) and error.status == 403 for error in errors)
    assert "Agent Operator" in str(errors[0]) and "assume_agency" in str(errors[0])
    assert two.routes().count("assume") == 1


def test_whoever_may_not_assume_it_is_refused(start):
    cloud = start(accounts=2, users=6, agency="mfa")
    result = cloud.run(MFA_INFO, credentials=cloud.by_key(cloud.users[0]), assume_agency=by_name(cloud))
    assert result["failed"] and result["error"]["status"] == 403
    cloud.handle.add_agency(member(cloud), "readers", allowed=[cloud.users[0].name])
    result = cloud.run(
        MFA_INFO,
        credentials=cloud.by_key(cloud.users[0]),
        assume_agency={"agency_name": "readers", "domain_name": member(cloud).name},
    )
    assert not result.get("failed"), result


# STS


def test_an_external_id_is_sent(huawei):
    huawei.handle.add_agency(member(huawei), "partner", external_id="42-x")
    urn = f"iam::{member(huawei).domain_id}:agency:partner"
    assert huawei.run(MFA_INFO, assume_agency={"agency_urn": urn})["error"]["status"] == 403
    assert not huawei.run(MFA_INFO, assume_agency={"agency_urn": urn, "external_id": "42-x"}).get("failed")


def test_a_code_is_sent_once_in_a_play(huawei):
    huawei.handle.add_agency(member(huawei), "guarded", needs_code=True)
    device = huawei.cloud.give_device(huawei.admin.id, bound=True)
    agency = {
        "agency_urn": f"iam::{member(huawei).domain_id}:agency:guarded",
        "serial_number": device.serial_number,
        "token_code": huawei.cloud.code(huawei.admin.id),
    }
    memory = {}
    assert not huawei.run(MFA_INFO, assume_agency=agency, memory=memory).get("failed")
    again = huawei.run(MFA_INFO, assume_agency=agency, memory=memory)
    assert "assume_agency.token_code has been sent before" in again["msg"]
    assert huawei.cloud.counters.refused_codes == 0
    assert agency["token_code"] not in str(memory)


def test_without_sts_a_urn_says_what_to_give(start, connect):
    cloud = start(profile="otc", accounts=2, users=4, agency="mfa")
    with pytest.raises(OptionError, match=r"assume_agency\.agency_name"):
        connect(cloud, by_urn(cloud), region="eu-de").iam.users()


# Secrets


def test_a_password_goes_to_no_host_that_nobody_named_to_assume_an_agency():
    params = {"auth_user_id": "u1", "auth_password": "pw", "assume_agency": {"agency_name": "mfa", "domain_name": "acme"}}
    connections = Connections(validated(MFA_INFO, params), {}, lambda: True, {})
    with pytest.raises(OptionError, match="auth_password would go to"):
        connections.iam.users()


def test_temporary_secrets_are_masked_and_not_remembered(two, connect):
    memory = {}
    connections = connect(two, by_name(two), memory=memory)
    connections.iam.users()
    key = next(key for key in two.cloud.keys.values() if key.expires_at is not None)
    assert {key.secret_key, key.security_token} <= connections.environment_secrets()
    assert not any(secret in str(memory) for secret in (key.secret_key, key.security_token, key.user.access_key))


def test_what_one_account_taught_is_not_said_of_another(start, connect):
    cloud = start(accounts=3, users=6, agency="mfa")
    memory = {}
    for account in cloud.cloud.accounts[1:]:
        connections = connect(cloud, {"agency_name": "mfa", "domain_name": account.name}, memory=memory)
        assert connections.account()["id"] == account.domain_id
