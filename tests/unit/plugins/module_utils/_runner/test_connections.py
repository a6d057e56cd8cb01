# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import sys
import threading
import time
from collections import Counter

import pytest
from ansible_collections.hwc.mfa.plugins.module_utils._auth.access_key import AccessKey
from ansible_collections.hwc.mfa.plugins.module_utils._auth.password import Password
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError, OptionError
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_login_check import LOGIN_CHECK
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_login_protection import PROTECTION
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_mfa_info import MFA_INFO
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_virtual_mfa_bind import BIND
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_virtual_mfa_device import DEVICE
from ansible_collections.hwc.mfa.plugins.module_utils._runner.connections import Connections
from ansible_collections.hwc.mfa.plugins.module_utils._runner.run import perform, perform_with
from ansible_collections.hwc.mfa.tests.unit.rehearsal import validated


@pytest.fixture
def connect():
    """Opens connections to a cloud with an administrator's options, and closes them after the test."""
    opened = []

    def one(url, credentials, env=None, memory=None, **options):
        params = validated(MFA_INFO, {"iam_endpoint": url, "retries": 0, **credentials, **options})
        opened.append(Connections(params, env or {}, lambda: True, {} if memory is None else memory))
        return opened[-1]

    yield one
    for connections in opened:
        connections.close()


def run_over(connections, cloud, definition, check_mode=False, **options):
    """A module's result over connections that are open; its credentials are theirs."""
    params = validated(definition, {"iam_endpoint": cloud.url, "retries": 0, **options})
    return perform_with(connections, definition, params, check_mode, False)


def logins(cloud):
    """How often each user logged in."""
    # A login by name and one by id are of one user.
    ids = {user.name: user.id for user in cloud.cloud.accounts[0].users}
    named = [entry["body"]["auth"]["identity"]["password"]["user"] for entry in cloud.log if entry["route"] == "login"]
    return Counter(user.get("id") or ids[user["name"]] for user in named)


# Several modules


def test_user_logs_in_once_for_all_modules_of_a_wave(any_cloud, connect):
    connections = connect(any_cloud.url, any_cloud.by_key())
    users = any_cloud.users
    own = [{"user_id": user.id, "auth_password": user.password} for user in users]
    made = run_over(connections, any_cloud, DEVICE, devices=own)["devices"]
    bindings = [
        {**mine, "seed": one["seed"], "serial_number": one["serial_number"], "presume_unbound": True} for mine, one in zip(own, made)
    ]
    bound = run_over(connections, any_cloud, BIND, bindings=bindings)
    assert [outcome["binding"] for outcome in bound["bindings"]] == ["bound"] * len(users)
    unbindings = [{**mine, "seed": one["seed"]} for mine, one in zip(own, made)]
    any_cloud.handle.advance(30)
    unbound = run_over(connections, any_cloud, BIND, state="absent", bindings=unbindings)
    assert [outcome["binding"] for outcome in unbound["bindings"]] == ["unbound"] * len(users)
    assert logins(any_cloud) == Counter({user.id: 1 for user in users})


@pytest.mark.parametrize("how", ["id", "name"])
def test_module_logs_in_once_for_all_modules_of_a_wave(any_cloud, connect, how):
    admin = any_cloud.admin
    by_name = {"auth_username": admin.name, "auth_password": admin.password, "auth_domain_name": any_cloud.domain_name}
    connections = connect(any_cloud.url, any_cloud.by_password() if how == "id" else by_name)
    ids = [user.id for user in any_cloud.users]
    for definition, options in (
        (MFA_INFO, {}),
        (DEVICE, {"devices": [{"user_id": user_id} for user_id in ids]}),
        (PROTECTION, {"users": [{"user_id": user_id} for user_id in ids]}),
        (MFA_INFO, {"user_ids": ids}),
    ):
        assert not run_over(connections, any_cloud, definition, **options).get("failed")
    assert connections.caller()["user_id"] == admin.id
    assert logins(any_cloud) == {admin.id: 1}


def test_code_is_sent_once_by_all_modules_of_a_wave(any_cloud, connect):
    admin = any_cloud.admin
    any_cloud.cloud.give_device(admin.id, bound=True)
    any_cloud.cloud.protect(admin.id)
    memory = {}
    coded = {**any_cloud.by_password(), "auth_passcode": any_cloud.cloud.code(admin.id)}
    connections = connect(any_cloud.url, coded, memory=memory)
    for _time in range(2):
        assert run_over(connections, any_cloud, MFA_INFO)["summary"]["users"] == 5
    assert logins(any_cloud) == {admin.id: 1}
    # Other connections of the same play know that it was sent.
    with pytest.raises(OptionError, match="auth_passcode was sent by an earlier task"):
        connect(any_cloud.url, coded, memory=memory).iam.users()
    assert logins(any_cloud) == {admin.id: 1}


def test_refused_login_of_a_user_is_not_tried_again_by_the_next_module(cloud, connect):
    connections = connect(cloud.url, cloud.by_key())
    user = cloud.users[0]
    device = cloud.cloud.give_device(user.id)
    item = {"user_id": user.id, "auth_password": "wrong", "seed": device.seed}
    for _time in range(3):
        assert run_over(connections, cloud, BIND, bindings=[item])["bindings"][0]["error"]["status"] == 401
    assert cloud.cloud.counters.wrong_passwords == 1


def test_account_and_its_api_are_asked_for_once_for_all_modules(any_cloud, connect):
    connections = connect(any_cloud.url, any_cloud.by_key())
    for _time in range(2):
        run_over(connections, any_cloud, MFA_INFO)
        run_over(connections, any_cloud, DEVICE, user_id=any_cloud.users[0].id)
    assert any_cloud.routes().count("domains") == 1
    if any_cloud.cloud.settings.profile == "otc":
        # The cloud without v5 knows no such routes: those for devices, users and the account.
        assert any_cloud.routes().count(None) == 3


def test_each_run_has_its_own_warnings_and_check_mode(cloud, connect):
    connections = connect(cloud.url, cloud.by_key())
    user = cloud.users[0]
    devices = [{"user_id": user.id}, {"user_id": "f" * 32}]
    checked = run_over(connections, cloud, DEVICE, check_mode=True, devices=[{"user_id": user.id}])
    assert checked["changed"]
    assert cloud.writes() == []
    assert len(run_over(connections, cloud, DEVICE, devices=devices)["warnings"]) == 1
    assert "warnings" not in run_over(connections, cloud, DEVICE, user_id=user.id)


def test_failure_of_one_module_is_its_result_and_leaves_the_connections_to_the_next(cloud, connect):
    connections = connect(cloud.url, cloud.by_key())
    result = run_over(connections, cloud, DEVICE, user_id="")
    assert (result["failed"], result["changed"], result["msg"]) == (True, False, "user_id must not be empty.")
    assert run_over(connections, cloud, MFA_INFO)["summary"]["users"] == 5


def test_options_that_open_no_connections_are_a_result_too(cloud):
    params = validated(MFA_INFO, {"iam_endpoint": cloud.url, "access_key": "AK"})
    result, secrets = perform(MFA_INFO, params, False, False, {"OS_PASSWORD": "s3cret"})
    assert result["failed"]
    assert result["msg"].startswith("secret_key is missing")
    assert cloud.log == []
    assert secrets == set()


def test_progress_is_told_of_each_user_in_every_module(start, connect):
    cloud = start(users=5)
    connections = connect(cloud.url, cloud.by_key())
    told = []
    connections.item_done = told.append
    users = cloud.users
    for user in users[:3]:
        cloud.cloud.give_device(user.id)
    odd = {"user_id": "f" * 32}
    runs = [
        (DEVICE, "devices", {}, {}),
        (BIND, "bindings", {"seed": "JBSWY3DPEHPK3PXP"}, {"check_mode": True}),
        (PROTECTION, "users", {}, {}),
        (LOGIN_CHECK, "users", {"auth_password": "wrong", "auth_passcode": "123456"}, {}),
    ]
    for definition, many, more, how in runs:
        told.clear()
        items = [{"user_id": user.id, **more} for user in users] + [{**odd, **more}]
        result = run_over(connections, cloud, definition, **{many: items}, **how)
        assert Counter(told) == Counter(outcome["failed"] for outcome in result[many])
        assert len(told) == 6


# Which account


@pytest.mark.parametrize("how", ["by_key", "by_token", "by_password"])
def test_account_has_its_id_and_its_name(any_cloud, connect, how):
    connections = connect(any_cloud.url, getattr(any_cloud, how)())
    for _time in range(2):
        assert connections.account() == {"id": any_cloud.admin.domain_id, "name": any_cloud.domain_name}
    assert any_cloud.routes().count("domains") == 1


def test_account_of_temporary_keys_is_known(cloud, connect):
    connections = connect(cloud.url, cloud.cloud.temporary[cloud.admin.id])
    assert connections.account() == {"id": cloud.admin.domain_id, "name": cloud.domain_name}


def test_account_that_an_earlier_task_asked_for_is_not_asked_for_again(cloud, connect):
    memory = {}
    assert connect(cloud.url, cloud.by_key(), memory=memory).account()["name"] == cloud.domain_name
    assert connect(cloud.url, cloud.by_key(), memory=memory).account()["name"] == cloud.domain_name
    assert cloud.routes() == ["domains"]
    assert connect(cloud.url, cloud.by_key(cloud.users[0]), memory=memory).account()["name"] == cloud.domain_name
    assert cloud.routes() == ["domains"] * 2


@pytest.mark.parametrize(
    "answer",
    [
        (403, {"error": {"code": 403, "message": "no"}}),
        (200, {"domains": []}),
        (200, {"domains": [{"id": "d1", "name": "a"}, {"id": "d2", "name": "b"}]}),
        (200, {"domains": [{"id": "d\n1", "name": "a"}]}),
        (200, {"domains": "x"}),
    ],
)
def test_account_that_the_cloud_does_not_tell_is_unknown_and_not_asked_for_again(script, connect, answer):
    server = script(answer)
    connections = connect(server.url, {"auth_token": "T0"})
    for _time in range(2):
        assert connections.account() == {"id": None, "name": None}
    assert [path for _method, path, _headers, _body in server.requests] == ["/v3/auth/domains", "/v5/caller-identity"]


def test_account_that_iam_does_not_list_is_told_by_sts_once_a_play(script, connect):
    server = script(
        (200, {"domains": []}),
        (200, {"account_id": "d1", "principal_id": "u1", "principal_urn": "iam::d1:user:ada"}),
        (200, {"domains": []}),
    )
    memory = {}
    assert connect(server.url, {"auth_token": "T0"}, memory=memory).account() == {"id": "d1", "name": None}
    assert connect(server.url, {"auth_token": "T0"}, memory=memory).account() == {"id": "d1", "name": None}
    assert [path for _method, path, _headers, _body in server.requests].count("/v5/caller-identity") == 1


def test_account_without_a_name_has_its_id(script, connect):
    assert connect(script((200, {"domains": [{"id": "d1"}]})).url, {"auth_token": "T0"}).account() == {"id": "d1", "name": None}


def test_account_that_could_not_be_asked_for_is_an_error_and_asked_for_again(cloud, connect):
    cloud.handle.fault("cut:domains:1")
    connections = connect(cloud.url, cloud.by_token())
    with pytest.raises(CloudError):
        connections.account()
    assert connections.account()["name"] == cloud.domain_name


# Who asks


def test_caller_is_named_without_sts_where_the_cloud_tells(any_cloud, connect):
    admin = any_cloud.admin
    for how, name in (("by_key", None), ("by_token", admin.name), ("by_password", admin.name)):
        caller = connect(any_cloud.url, getattr(any_cloud, how)()).caller()
        assert caller == {"user_id": admin.id, "name": name, "principal_urn": None}
    assert "caller-identity" not in any_cloud.routes()


def test_caller_with_temporary_keys_is_known_by_sts(cloud, connect):
    admin = cloud.admin
    urn = f"iam::{admin.domain_id}:user:{admin.name}"
    assert connect(cloud.url, cloud.cloud.temporary[admin.id]).caller() == {"user_id": admin.id, "name": admin.name, "principal_urn": urn}
    assert cloud.routes() == ["domains", "credential", "caller-identity"]


def test_sts_of_open_telekom_cloud_is_not_asked(otc, connect):
    credentials = otc.cloud.temporary[otc.admin.id]
    assert connect(otc.url, credentials).caller() is None
    otc.handle.clear_log()
    assert connect(otc.url, credentials, region="eu-de").caller() is None
    assert None not in otc.routes()


@pytest.mark.parametrize("how", ["by_key", "by_token"])
def test_cloud_that_hides_the_caller_from_sts_too_is_no_failure(start, connect, how):
    cloud = start(tells_caller=False)
    assert connect(cloud.url, getattr(cloud, how)()).caller() is None
    assert cloud.routes()[-1] == "caller-identity"


def test_login_names_its_user_where_the_cloud_hides_the_caller(start, connect):
    cloud = start(tells_caller=False)
    admin = cloud.admin
    assert connect(cloud.url, cloud.by_password()).caller() == {"user_id": admin.id, "name": admin.name, "principal_urn": None}


KEYS = {"access_key": "AK", "secret_key": "SK", "security_token": "ST"}
DOMAINS = (200, {"domains": [{"id": "d1", "name": "acme"}]})
NO_SUCH_KEY = (404, {"error": {"code": 404, "message": "Could not find the access key."}})


@pytest.mark.parametrize(
    ("document", "caller"),
    [
        (
            {"account_id": "d1", "principal_id": "a1:session", "principal_urn": "sts::d1:assumed-agency:mfa/session"},
            {"user_id": None, "name": None, "principal_urn": "sts::d1:assumed-agency:mfa/session"},
        ),
        (
            {"account_id": "d1", "principal_id": "u1", "principal_urn": "iam::d1:user:ada"},
            {"user_id": "u1", "name": "ada", "principal_urn": "iam::d1:user:ada"},
        ),
        ({"account_id": "d1", "principal_id": "u1", "principal_urn": None}, None),
        ({"account_id": "d1", "principal_id": "u1", "principal_urn": ""}, None),
        ({"account_id": "d1", "principal_id": 1, "principal_urn": "iam::d1:user:ada"}, None),
        ({}, None),
        ([], None),
        (b"<html>", None),
    ],
)
def test_caller_is_what_sts_says(script, connect, document, caller):
    server = script(DOMAINS, NO_SUCH_KEY, (200, document))
    assert connect(server.url, KEYS).caller() == caller
    assert [path.partition("?")[0] for _method, path, _headers, _body in server.requests] == [
        "/v3/auth/domains",
        "/v3.0/OS-CREDENTIAL/credentials/AK",
        "/v5/caller-identity",
    ]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 429, 500, 503])
def test_sts_that_fails_leaves_the_caller_unknown(script, connect, status):
    assert connect(script(DOMAINS, NO_SUCH_KEY, (status, {"error_msg": "no"})).url, KEYS).caller() is None


def test_sts_that_is_not_there_leaves_the_caller_unknown(script, connect):
    server = script(DOMAINS, NO_SUCH_KEY)
    assert connect(server.url, KEYS, sts_endpoint="http://127.0.0.1:1").caller() is None


def test_sts_at_another_address_is_asked_there_with_a_signature_of_its_own(script, connect):
    sts = script((200, {"account_id": "d1", "principal_id": "u1", "principal_urn": "iam::d1:user:ada"}))
    server = script(DOMAINS, NO_SUCH_KEY)
    assert connect(server.url, KEYS, sts_endpoint=sts.url).caller()["user_id"] == "u1"
    ((method, path, headers, _body),) = sts.requests
    assert (method, path) == ("GET", "/v5/caller-identity")
    assert headers["X-Security-Token"] == "ST"
    assert headers["Authorization"].startswith("SDK-HMAC-SHA256 Access=AK, ")
    # The account's id would have to be asked of IAM, which may be another operator's.
    assert "X-Domain-Id" not in headers
    assert len(server.requests) == 2


# Where secrets go


PASSWORD = {"auth_user_id": "u1", "auth_password": "pw"}
STRAY = "https://iam.eu-de.otc.t-systems.com/v3"


@pytest.mark.parametrize(
    ("params", "env"),
    [
        (PASSWORD, {}),
        ({"auth_token": "T0"}, {}),
        ({}, {"HW_USER_ID": "u1", "HW_USER_PASSWORD": "pw", "OS_AUTH_URL": STRAY}),
        ({}, {"HW_AUTH_TOKEN": "T0", "OS_REGION_NAME": "eu-de"}),
    ],
)
def test_password_and_token_go_to_no_host_that_nobody_named(params, env):
    connections = Connections(validated(MFA_INFO, params), env, lambda: True, {})
    with pytest.raises(
        OptionError, match=r"^region or iam_endpoint is missing: without them auth_.* would go to iam.myhuaweicloud.com, and"
    ):
        connections.own_auth()


def test_users_own_password_goes_to_no_host_that_nobody_named():
    keys = {"access_key": "AK", "secret_key": "SK", "auth_domain_name": "acme"}
    connections = Connections(validated(MFA_INFO, keys), {}, lambda: True, {})
    assert connections.own_auth() is not None
    with pytest.raises(OptionError, match=r"^region or iam_endpoint is missing"):
        connections.iam_as(Password("pw", "u1"))
    users = [{"user_id": "u1", "auth_password": "pw", "auth_domain_name": "acme", "auth_passcode": "123456"}]
    result, _secrets = perform(LOGIN_CHECK, validated(LOGIN_CHECK, {**keys, "users": users, "retries": 0}), False, False, {})
    assert "region or iam_endpoint is missing" in str(result)


def test_token_goes_to_no_identity_center_that_nobody_named(cloud, connect):
    with pytest.raises(OptionError, match=r"would go to identitycenter\.myhuaweicloud\.com, and"):
        assert connect(cloud.url, cloud.by_token()).identity_center
    assert connect(cloud.url, cloud.by_key()).identity_center.session.base_url == "https://identitycenter.myhuaweicloud.com"
    assert connect(cloud.url, cloud.by_token(), region="cn-north-4").identity_center is not None


@pytest.mark.parametrize("stray", [{"HW_DOMAIN_ID": "d9"}, {"OS_DOMAIN_ID": "d9"}, {"HW_DOMAIN_NAME": "other", "OS_DOMAIN_NAME": "other"}])
@pytest.mark.parametrize("how", ["by_key", "by_password", "by_token"])
def test_account_of_the_environment_is_not_sent_with_credentials_of_options(cloud, connect, how, stray):
    credentials = getattr(cloud, how)()
    credentials.pop("auth_domain_name", None)
    connections = connect(cloud.url, credentials, env=stray)
    assert len(connections.iam.users()) == 5
    assert connections.account_name() == cloud.domain_name
    user = cloud.users[0]
    assert connections.iam_as(Password(user.password, user.id)).own_domains() == [(user.domain_id, cloud.domain_name)]


def test_account_id_of_the_keys_own_family_saves_the_question(cloud, connect):
    admin = cloud.admin
    env = {"HW_ACCESS_KEY": admin.access_key, "HW_SECRET_KEY": admin.secret_key, "HW_DOMAIN_ID": admin.domain_id}
    assert len(connect(cloud.url, {}, env=env).iam.users()) == 5
    assert len(connect(cloud.url, {**cloud.by_key(), "auth_domain_id": admin.domain_id}).iam.users()) == 5
    assert cloud.routes() == ["users", "users"]
    with pytest.raises(CloudError, match="X-Domain-Id"):
        connect(cloud.url, {}, env={**env, "HW_DOMAIN_ID": "d9"}).iam.users()


def test_secrets_of_a_clouds_yaml_are_masked_like_those_of_the_environment(cloud, connect, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    keys = "{ak: AK, sk: s3cret, auth: {password: h1dden}}"
    (tmp_path / "clouds.yaml").write_text(f"clouds: {{acme: {keys}}}", encoding="utf-8")
    assert connect(cloud.url, {}, cloud="acme").environment_secrets() == {"s3cret", "h1dden"}


def test_secret_of_the_environment_is_masked_without_the_line_break_at_its_end_too(cloud, connect):
    env = {"HW_ACCESS_KEY": "AK", "HW_SECRET_KEY": "s3cret\r\n", "HW_SECURITY_TOKEN": "h1dden\n"}
    assert {"s3cret", "h1dden"} <= connect(cloud.url, {}, env=env).environment_secrets()


# A login by id, without an account


@pytest.fixture
def strict(start):
    """A cloud where a token for no account is good for no call of one."""
    return start(demands_scope=True)


def test_login_without_an_account_asks_for_it_and_logs_in_again(strict, connect):
    credentials = {"auth_user_id": strict.admin.id, "auth_password": strict.admin.password}
    assert len(connect(strict.url, credentials).iam.users()) == 5
    assert strict.routes() == ["login", "domains", "login", "users"]
    scopes = [entry["body"]["auth"].get("scope") for entry in strict.log if entry["route"] == "login"]
    assert scopes == [None, {"domain": {"name": strict.domain_name}}]


@pytest.mark.parametrize("fault", ["status=403:domains", "domains_empty"])
def test_login_whose_account_is_not_listed_is_for_that_of_its_user(start, connect, fault):
    cloud = start(demands_scope=True, domains_empty=fault == "domains_empty")
    if fault != "domains_empty":
        cloud.handle.fault(fault)
    credentials = {"auth_user_id": cloud.admin.id, "auth_password": cloud.admin.password}
    assert len(connect(cloud.url, credentials).iam.users()) == 5
    assert cloud.routes()[:4] == ["login", "domains", "login", "users"]


@pytest.mark.parametrize("account", ["auth_domain_name", "auth_domain_id"])
def test_login_whose_account_is_given_is_one(strict, connect, account):
    value = strict.domain_name if account == "auth_domain_name" else strict.admin.domain_id
    for who in ({"auth_user_id": strict.admin.id}, {"auth_username": strict.admin.name}):
        assert len(connect(strict.url, {**who, "auth_password": strict.admin.password, account: value}).iam.users()) == 5
    assert strict.routes() == ["login", "users"] * 2


def test_login_with_a_code_is_never_followed_by_another(cloud, connect):
    admin = cloud.admin
    cloud.cloud.give_device(admin.id, bound=True)
    credentials = {"auth_user_id": admin.id, "auth_password": admin.password, "auth_passcode": cloud.cloud.code(admin.id)}
    assert len(connect(cloud.url, credentials).iam.users()) == 5
    assert cloud.routes() == ["login", "users"]


def test_login_that_is_refused_the_second_time_is_not_tried_a_third(strict, connect):
    strict.handle.fault("status=401:login:2")
    connections = connect(strict.url, {"auth_user_id": strict.admin.id, "auth_password": strict.admin.password})
    for _time in range(2):
        with pytest.raises(CloudError, match="POST /v3/auth/tokens"):
            connections.iam.users()
    assert strict.routes() == ["login", "domains", "login"]


def test_login_at_a_cloud_that_tells_no_account_stays_without(script, connect):
    server = script((201, {"token": {}}, {"X-Subject-Token": "T0"}), (200, {"domains": []}), (200, {"users": []}))
    assert connect(server.url, PASSWORD).iam.users() == []
    assert [path.partition("?")[0] for _method, path, _headers, _body in server.requests] == [
        "/v3/auth/tokens",
        "/v3/auth/domains",
        "/v3/users",
    ]
    assert server.requests[1][2]["X-Auth-Token"] == "T0"


# Derived keys


@pytest.mark.parametrize("region", [None, "eu-de"])
def test_keys_sign_with_a_derived_key_where_that_is_asked_for(start, connect, region):
    cloud = start(signatures="derived")
    options = {"signature": "derived", "region": region}
    user = cloud.users[0]
    for credentials in (cloud.by_key(), cloud.cloud.temporary[cloud.admin.id]):
        connections = connect(cloud.url, credentials, **options)
        assert len(connections.iam.users()) == 5
        assert connections.iam_as(AccessKey(user.access_key, user.secret_key)).own_domains()
    with pytest.raises(CloudError, match="this kind of signature is not accepted here"):
        connect(cloud.url, cloud.by_key()).iam.users()


def test_services_beside_iam_are_asked_with_a_derived_key_too(start, connect):
    cloud = start(signatures="derived")
    connections = connect(cloud.url, cloud.cloud.temporary[cloud.admin.id], signature="derived", identity_center_endpoint=cloud.url)
    assert connections.caller()["user_id"] == cloud.admin.id
    assert len(connections.identity_center.instances()) == 1


def test_keys_sign_plainly_where_nothing_is_said(start, connect):
    cloud = start(signatures="plain")
    assert len(connect(cloud.url, cloud.by_key()).iam.users()) == 5
    with pytest.raises(CloudError, match="this kind of signature is not accepted here"):
        connect(cloud.url, cloud.by_key(), signature="derived").iam.users()


# Many threads


ANYBODY = (
    Connections.account,
    Connections.account_name,
    Connections.caller,
    Connections.know_the_time,
    lambda connections: connections.iam.users(),
)


def all_at_once(works, seconds):
    """Begin all works at the same moment, each in a thread; what they raised. Fails where they do not end in time."""
    failures = []
    barrier = threading.Barrier(len(works))

    def attempt(work, *arguments):
        barrier.wait()
        try:
            work(*arguments)
        except (CloudError, OptionError) as error:
            failures.append(error)

    threads = [threading.Thread(target=attempt, args=work, daemon=True) for work in works]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    assert not any(thread.is_alive() for thread in threads), "threads wait for each other for ever"
    return failures


@pytest.fixture
def restless():
    """Threads that may change places at every step."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.parametrize("own", ["code", "password", "key"])
def test_threads_that_log_in_ask_and_sign_at_once_never_wait_for_each_other_in_a_circle(start, connect, restless, own):
    cloud = start(users=12)
    admin = cloud.admin
    for user in (admin, *cloud.users[:4]):
        cloud.cloud.give_device(user.id, bound=True)
    # No account's name among the options, so that each login asks for it.
    by_password = {"auth_user_id": admin.id, "auth_password": admin.password}
    for _round in range(6):
        cloud.handle.advance(30)
        cloud.handle.clear_log()
        code = {"auth_passcode": cloud.cloud.code(admin.id)} if own == "code" else {}
        connections = connect(cloud.url, cloud.by_key() if own == "key" else {**by_password, **code})
        users = [Password(user.password, user.id, passcode=cloud.cloud.code(user.id)) for user in cloud.users[:4]]
        users += [Password(user.password, user.id) for user in cloud.users[4:8]]
        users += [AccessKey(user.access_key, user.secret_key) for user in cloud.users[8:]]
        works = [(lambda opened, user: opened.iam_as(user).own_domains(), connections, user) for user in users] * 2
        works += [(work, connections) for work in ANYBODY] * 3
        assert all_at_once(works, seconds=30) == []
        # A login by id alone is followed by one for the account, where no code forbids it.
        assert (
            logins(cloud) == {user.id: 1 for user in cloud.users[:8]} | {"key": {}, "code": {admin.id: 1}, "password": {admin.id: 2}}[own]
        )
