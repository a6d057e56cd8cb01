# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The vendor's own SDK walks over the rehearsal cloud.

It builds the paths, signs the requests and decodes the answers, so what passes here has the real API's shape.
"""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any

import pyotp
import pytest

# The SDK's own signer warns on Python 3.12 and later.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")


def consecutive_codes(cloud: Any, seed: str) -> tuple[str, str]:
    """The previous and the current code, as a person types them, from an implementation that is not the cloud's."""
    totp = pyotp.TOTP(seed)
    now = int(cloud.cloud.now())
    return totp.at(now - 30), totp.at(now)


def create(sdk: SimpleNamespace, client: Any, user_id: str, name: str = "phone") -> Any:
    device = sdk.v3.CreateMfaDevice(name=name, user_id=user_id)
    body = sdk.v3.CreateMfaDeviceReq(virtual_mfa_device=device)
    return client.create_mfa_device(sdk.v3.CreateMfaDeviceRequest(body=body)).virtual_mfa_device


def bind_request(sdk: SimpleNamespace, cloud: Any, user_id: str, device: Any) -> Any:
    first, second = consecutive_codes(cloud, device.base32_string_seed)
    body = sdk.v3.BindMfaDevice(
        user_id=user_id,
        serial_number=device.serial_number,
        authentication_code_first=first,
        authentication_code_second=second,
    )
    return sdk.v3.CreateBindingDeviceRequest(body=body)


def unbind_request(sdk: SimpleNamespace, user_id: str, serial_number: str, code: str = "000000") -> Any:
    body = sdk.v3.UnbindMfaDevice(user_id=user_id, serial_number=serial_number, authentication_code=code)
    return sdk.v3.DeleteBindingDeviceRequest(body=body)


def protect_request(sdk: SimpleNamespace, user_id: str, enabled: bool) -> Any:
    change = sdk.v3.UpdateLoginProject(enabled=enabled, verification_method="vmfa")
    return sdk.v3.UpdateLoginProtectRequest(user_id=user_id, body=sdk.v3.UpdateLoginProjectReq(login_protect=change))


def test_users_domains_and_keys_are_listed(cloud, sdk, clients, admin, user):
    client = clients.v3(admin)

    answer = client.keystone_list_users(sdk.v3.KeystoneListUsersRequest())
    named = client.keystone_list_users(sdk.v3.KeystoneListUsersRequest(name=user["name"], enabled=True))
    (domain,) = client.keystone_list_auth_domains(sdk.v3.KeystoneListAuthDomainsRequest()).domains
    key = client.show_permanent_access_key(sdk.v3.ShowPermanentAccessKeyRequest(access_key=user["access_key"]))

    assert [listed.id for listed in answer.users] == list(cloud.cloud.users)
    assert all(listed.enabled for listed in answer.users)
    assert answer.links.next is None
    assert [listed.id for listed in named.users] == [user["user_id"]]
    assert (domain.id, domain.name) == (cloud.describe()["domain_id"], "acme-berlin")
    assert key.credential.user_id == user["user_id"]


@pytest.mark.parametrize("profile", ["huaweicloud", "otc"])
def test_an_agency_gives_temporary_keys_that_act_in_its_account(start_cloud, sdk, make_clients, profile):
    cloud = start_cloud(profile=profile, accounts=2, users=4, agency="mfa")
    member = cloud.cloud.accounts[1]
    role = sdk.v3.IdentityAssumerole(agency_name="mfa", domain_name=member.name, duration_seconds=1800)
    auth = sdk.v3.AgencyAuth(sdk.v3.AgencyAuthIdentity(methods=["assume_role"], assume_role=role))
    request = sdk.v3.CreateTemporaryAccessKeyByAgencyRequest(body=sdk.v3.CreateTemporaryAccessKeyByAgencyRequestBody(auth=auth))

    key = make_clients(cloud).v3(cloud.describe()["admin"]).create_temporary_access_key_by_agency(request).credential
    credentials = sdk.credentials.GlobalCredentials(key.access, key.secret, member.domain_id).with_security_token(key.securitytoken)
    client = sdk.v3.IamClient.new_builder().with_credentials(credentials).with_endpoint(cloud.url).build()

    listed = client.keystone_list_users(sdk.v3.KeystoneListUsersRequest()).users
    assert [user.id for user in listed] == [user.id for user in member.users]
    with pytest.raises(sdk.exceptions.ClientRequestException) as refusal:
        client.show_permanent_access_key(sdk.v3.ShowPermanentAccessKeyRequest(access_key=key.access))
    assert refusal.value.status_code == 404
    cloud.advance(1801)
    with pytest.raises(sdk.exceptions.ClientRequestException) as refusal:
        client.keystone_list_users(sdk.v3.KeystoneListUsersRequest())
    assert (refusal.value.status_code, refusal.value.error_code) == (400, "IAM.1108")


def test_the_administrators_are_listed_by_their_group(cloud, sdk, clients, admin):
    client = clients.v3(admin)

    (group,) = client.keystone_list_groups(sdk.v3.KeystoneListGroupsRequest(name="admin")).groups
    members = client.keystone_list_users_for_group_by_admin(sdk.v3.KeystoneListUsersForGroupByAdminRequest(group_id=group.id))

    assert (group.name, group.domain_id) == ("admin", cloud.describe()["domain_id"])
    assert [member.id for member in members.users] == [admin["user_id"]]
    assert client.keystone_list_groups(sdk.v3.KeystoneListGroupsRequest(name="nobody")).groups == []


def test_a_device_lives_from_creation_to_its_404(cloud, sdk, clients, admin, user, refused):
    user_id = user["user_id"]
    truth = cloud.cloud.user(user_id)
    own, office = clients.v3(user), clients.v3(admin)

    device = create(sdk, own, user_id)
    assert truth.device.seed == device.base32_string_seed
    assert not truth.device.bound

    own.create_binding_device(bind_request(sdk, cloud, user_id, device))
    assert truth.device.bound

    shown = own.show_user_mfa_device(sdk.v3.ShowUserMfaDeviceRequest(user_id=user_id)).virtual_mfa_device
    (listed,) = office.list_user_mfa_devices(sdk.v3.ListUserMfaDevicesRequest()).virtual_mfa_devices
    assert (shown.serial_number, shown.user_id) == (device.serial_number, user_id)
    assert (listed.serial_number, listed.user_id) == (device.serial_number, user_id)

    echo = office.update_login_protect(protect_request(sdk, user_id, True)).login_protect
    assert (echo.user_id, echo.enabled, echo.verification_method) == (user_id, True, "vmfa")
    (protect,) = office.list_user_login_protects(sdk.v3.ListUserLoginProtectsRequest()).login_protects
    assert (protect.user_id, protect.enabled, protect.verification_method) == (user_id, True, "vmfa")

    unbind = unbind_request(sdk, user_id, device.serial_number)
    refused(400, "IAM.1062", office.delete_binding_device, unbind)
    assert truth.device.bound

    office.update_login_protect(protect_request(sdk, user_id, False))
    show_protect = sdk.v3.ShowUserLoginProtectRequest(user_id=user_id)
    assert office.show_user_login_protect(show_protect).login_protect.verification_method == "none"
    office.delete_binding_device(unbind)
    assert not truth.device.bound

    office.delete_mfa_device(sdk.v3.DeleteMfaDeviceRequest(user_id=user_id, serial_number=device.serial_number))
    assert truth.device is None
    refused(404, "IAM.0004", office.show_user_mfa_device, sdk.v3.ShowUserMfaDeviceRequest(user_id=user_id))
    assert cloud.cloud.counters.as_dict() == {
        **{"creates": 1, "binds": 1, "unbinds": 1, "deletes": 1, "protects": 2, "writes": 6},
        **{
            "logins": 0,
            "wrong_codes": 0,
            "refused_codes": 0,
            "wrong_passwords": 0,
            "center_writes": 0,
            "key_writes": 0,
            "policy_writes": 0,
        },
    }


def test_a_user_unbinds_with_a_real_code_only(cloud, sdk, clients, user, refused):
    device = cloud.cloud.give_device(user["user_id"], bound=True)
    own = clients.v3(user)
    wrong = f"{(int(cloud.cloud.code(user['user_id'])) + 1) % 1000000:06d}"

    refused(400, "IAM.1061", own.delete_binding_device, unbind_request(sdk, user["user_id"], device.serial_number, wrong))
    code = pyotp.TOTP(device.seed).at(int(cloud.cloud.now()))
    own.delete_binding_device(unbind_request(sdk, user["user_id"], device.serial_number, code))

    assert not cloud.cloud.user(user["user_id"]).device.bound
    assert cloud.cloud.counters.wrong_codes == 1


def test_an_administrator_binds_for_nobody_else(cloud, sdk, clients, admin, user, refused):
    office = clients.v3(admin)
    device = create(sdk, office, user["user_id"])

    refused(403, "IAM.0003", office.create_binding_device, bind_request(sdk, cloud, user["user_id"], device))

    assert not cloud.cloud.user(user["user_id"]).device.bound
    assert cloud.cloud.counters.wrong_codes == 0


def test_v5_tells_bound_from_created(cloud, sdk, clients, admin, user, refused):
    cloud.cloud.settings = dataclasses.replace(cloud.cloud.settings, admin_may_bind_v5=False)
    user_id = user["user_id"]
    truth = cloud.cloud.user(user_id)
    own, office = clients.v5(user), clients.v5(admin)

    def listed() -> list[tuple[str, bool]]:
        answer = office.list_mfa_devices_v5(sdk.v5.ListMfaDevicesV5Request())
        assert answer.page_info.current_count == len(answer.mfa_devices)
        return [(device.user_id, device.enabled) for device in answer.mfa_devices]

    body = sdk.v5.CreateVirtualMfaDeviceReqBody(virtual_mfa_device_name="phone", user_id=user_id)
    device = own.create_virtual_mfa_device_v5(sdk.v5.CreateVirtualMfaDeviceV5Request(body=body)).virtual_mfa_device
    assert truth.device.seed == device.base32_string_seed
    assert listed() == [(user_id, False)]

    first, second = consecutive_codes(cloud, device.base32_string_seed)
    body = sdk.v5.EnableMfaDeviceReqBody(
        user_id=user_id,
        serial_number=device.serial_number,
        authentication_code_first=first,
        authentication_code_second=second,
    )
    enable = sdk.v5.EnableMfaDeviceV5Request(body=body)
    error = refused(403, "PAP5.0001", office.enable_mfa_device_v5, enable)
    assert error.encoded_auth_msg
    own.enable_mfa_device_v5(enable)
    assert listed() == [(user_id, True)]
    assert truth.device.bound

    delete = sdk.v5.DeleteVirtualMfaDeviceV5Request(user_id=user_id, serial_number=device.serial_number)
    refused(409, "IAM.0005", office.delete_virtual_mfa_device_v5, delete)
    body = sdk.v5.DisableMfaDeviceReqBody(user_id=user_id, serial_number=device.serial_number)
    office.disable_mfa_device_v5(sdk.v5.DisableMfaDeviceV5Request(body=body))
    assert listed() == [(user_id, False)]
    office.delete_virtual_mfa_device_v5(delete)
    assert listed() == []
    assert truth.device is None


def test_v5_lists_in_pages(cloud, sdk, clients, admin):
    for someone in cloud.cloud.users:
        cloud.cloud.give_device(someone)
    office = clients.v5(admin)
    seen: list[str] = []
    marker = None
    while True:
        page = office.list_mfa_devices_v5(sdk.v5.ListMfaDevicesV5Request(limit=3, marker=marker))
        seen.extend(device.user_id for device in page.mfa_devices)
        marker = page.page_info.next_marker
        if not marker:
            break
    users = [listed.user_id for listed in office.list_users_v5(sdk.v5.ListUsersV5Request(limit=200)).users]

    assert seen == users == list(cloud.cloud.users)


def password_request(sdk: SimpleNamespace, cloud: Any, user: dict[str, Any], passcode: str | None = None) -> Any:
    name = cloud.describe()["domain_name"]
    known = sdk.v3.PwdPasswordUser(name=user["name"], password=user["password"], domain=sdk.v3.PwdPasswordUserDomain(name=name))
    password = sdk.v3.PwdPassword(user=known)
    scope = sdk.v3.AuthScope(domain=sdk.v3.AuthScopeDomain(name=name))
    if passcode is None:
        identity = sdk.v3.PwdIdentity(methods=["password"], password=password)
        body = sdk.v3.KeystoneCreateUserTokenByPasswordRequestBody(sdk.v3.PwdAuth(identity=identity, scope=scope))
        return sdk.v3.KeystoneCreateUserTokenByPasswordRequest(nocatalog="true", body=body)
    totp = sdk.v3.MfaTotp(user=sdk.v3.MfaTotpUser(id=user["user_id"], passcode=passcode))
    identity = sdk.v3.MfaIdentity(methods=["password", "totp"], password=password, totp=totp)
    body = sdk.v3.KeystoneCreateUserTokenByPasswordAndMfaRequestBody(sdk.v3.MfaAuth(identity=identity, scope=scope))
    return sdk.v3.KeystoneCreateUserTokenByPasswordAndMfaRequest(nocatalog="true", body=body)


def test_a_password_gives_a_token(cloud, sdk, clients, user):
    answer = clients.v3(user).keystone_create_user_token_by_password(password_request(sdk, cloud, user))

    assert cloud.cloud.tokens[answer.x_subject_token].user.id == user["user_id"]
    assert answer.token.user.id == user["user_id"]
    assert answer.token.domain.id == cloud.describe()["domain_id"]


def test_a_protected_user_needs_a_code_too(cloud, sdk, clients, user, refused):
    device = cloud.cloud.give_device(user["user_id"], bound=True)
    cloud.cloud.protect(user["user_id"])
    own = clients.v3(user)

    alone = refused(401, 401, own.keystone_create_user_token_by_password, password_request(sdk, cloud, user))
    request = password_request(sdk, cloud, user, pyotp.TOTP(device.seed).at(int(cloud.cloud.now())))
    answer = own.keystone_create_user_token_by_password_and_mfa(request)

    assert alone.error_msg == "mfa totp code verify fail"
    assert answer.token.methods == ["password", "totp"]
    assert cloud.cloud.tokens[answer.x_subject_token].user.id == user["user_id"]


def test_identity_center_settings_are_read_and_written(cloud, sdk, clients, admin, user, refused):
    center = clients.center(admin)
    truth = cloud.cloud.accounts[0].center

    (instance,) = center.list_instances(sdk.center.ListInstancesRequest(limit=10)).instances
    assert (instance.instance_id, instance.identity_store_id) == (truth.instance_id, truth.identity_store_id)

    get = sdk.center.GetMfaDeviceManagementForIdentityStoreRequest(instance_id=instance.instance_id)
    assert center.get_mfa_device_management_for_identity_store(get).user_permission == "ALL_ACTIONS"
    body = sdk.center.PutMfaDeviceManagementForDirectoryReqBody(
        identity_store_id=instance.identity_store_id, user_permission="READ_ACTIONS"
    )
    put = sdk.center.PutMfaDeviceManagementForIdentityStoreRequest(instance_id=instance.instance_id, body=body)
    center.put_mfa_device_management_for_identity_store(put)
    assert truth.user_permission == "READ_ACTIONS"

    get = sdk.center.GetSsoConfigurationRequest(instance_id=instance.instance_id)
    configuration = center.get_sso_configuration(get).sso_configuration
    assert configuration.mfa_mode == "CONTEXT_AWARE"
    assert configuration.session_configuration.max_authentication_age == "PT8H"
    configuration.mfa_mode = "ALWAYS_ON"
    body = sdk.center.UpdateSsoConfigurationReqBody(configuration, "APP_AUTHENTICATION_CONFIGURATION")
    update = sdk.center.UpdateSsoConfigurationRequest(instance_id=instance.instance_id, body=body)
    center.update_sso_configuration(update)

    # The SDK does not know the field x_future, and so loses it: the cloud keeps what it is sent and nothing else.
    assert truth.sso_configuration == {
        "mfa_mode": "ALWAYS_ON",
        "no_mfa_signin_behavior": "ALLOWED",
        "no_password_signin_behavior": "BLOCKED",
        "allowed_mfa_types": ["TOTP"],
        "session_configuration": {"max_authentication_age": "PT8H"},
    }
    missing = sdk.center.GetSsoConfigurationRequest(instance_id="ssoins-0000000000000000")
    refused(404, "IIC.1004", center.get_sso_configuration, missing)
    assert refused(403, "IIC.1001", clients.center(user).get_sso_configuration, get).encoded_auth_msg


def test_identity_center_tells_the_region_of_its_store(sdk, clients, admin):
    regions = clients.center(admin).describe_registered_regions(sdk.center.DescribeRegisteredRegionsRequest()).regions
    assert [region.region_id for region in regions] == ["ap-southeast-1"]


def test_people_of_an_identity_store_are_read(cloud, sdk, clients, admin, user, refused):
    client, model = clients.store(admin), sdk.store
    center = cloud.cloud.accounts[0].center
    store = center.identity_store_id
    ada = center.people[0]

    listed = client.list_users(model.ListUsersRequest(identity_store_id=store, limit=3))
    rest = client.list_users(model.ListUsersRequest(identity_store_id=store, limit=3, marker=listed.page_info.next_marker))
    assert [person.user_name for person in [*listed.users, *rest.users]] == [person.user_name for person in center.people]
    assert (listed.users[0].display_name, listed.users[0].enabled, listed.users[0].emails[0].primary) == ("Ada Lovelace", True, True)
    assert rest.page_info.next_marker is None
    one = client.describe_user(model.DescribeUserRequest(identity_store_id=store, user_id=ada.user_id))
    assert (one.user_name, one.emails[0].value) == (ada.user_name, "ada.lovelace@example.com")

    groups = client.list_groups(model.ListGroupsRequest(identity_store_id=store)).groups
    operators = next(group for group in groups if group.display_name == "operators")
    members = client.list_group_memberships(model.ListGroupMembershipsRequest(identity_store_id=store, group_id=operators.group_id))
    assert ada.user_id in [membership.member_id.user_id for membership in members.group_memberships]
    none = model.ListGroupMembershipsRequest(identity_store_id=store, group_id="none")
    refused(404, "IIC.1004", client.list_group_memberships, none)
    refused(400, "IIC.1002", client.list_users, model.ListUsersRequest(identity_store_id=store, limit=101))
    refused(403, "IIC.1001", clients.store(user).list_users, model.ListUsersRequest(identity_store_id=store))


def test_devices_and_sessions_of_a_person_are_managed(cloud, sdk, clients, admin):
    client, model = clients.store(admin), sdk.store
    center = cloud.cloud.accounts[0].center
    store = center.identity_store_id
    ada = center.people[0]
    whom = {"identity_store_id": store, "user_id": ada.user_id}

    body = model.BatchListMfaDevicesForUserReqBody([model.RetrieveMfaDevicesForUserDto(**whom)])
    devices = client.batch_list_mfa_devices_for_user(model.BatchListMfaDevicesForUserRequest(identity_store_id=store, body=body))
    (entry,) = devices.user_mfa_devices_entry_list
    (device,) = entry.mfa_devices
    assert (entry.user.user_id, device.display_name, device.mfa_type) == (ada.user_id, "Phone", "TOTP")
    assert device.registered_date == ada.devices[0].registered_date

    rename = model.UpdateMfaDeviceForUserReqBody(display_name="Work phone")
    client.update_mfa_device_for_user(model.UpdateMfaDeviceForUserRequest(**whom, device_id=device.device_id, body=rename))
    assert ada.devices[0].display_name == "Work phone"
    registration = client.register_mfa_device_for_user(model.RegisterMfaDeviceForUserRequest(**whom))
    assert registration.redirect_url.endswith(registration.work_flow)
    client.delete_mfa_device_for_user(model.DeleteMfaDeviceForUserRequest(**whom, device_id=device.device_id))
    assert ada.devices == []

    sessions = client.list_sessions(model.ListSessionsRequest(**whom)).session_list
    ended = model.BatchDeleteSessionsReqBody([session.session_id for session in sessions])
    client.batch_delete_sessions(model.BatchDeleteSessionsRequest(**whom, body=ended))
    assert (len(sessions), ada.sessions) == (1, [])


def test_a_wrong_secret_key_is_refused(cloud, sdk, clients, admin, refused):
    client = clients.v3(admin, secret_key="a" * 40)

    refused(401, "APIGW.0301", client.keystone_list_users, sdk.v3.KeystoneListUsersRequest())

    assert cloud.log[-1]["user_id"] is None
    assert not cloud.log[-1]["carried_out"]


def test_temporary_keys_work_with_their_token_only(cloud, sdk, clients, admin, refused):
    temporary = admin["temporary"]
    keys = {name: temporary[name] for name in ("access_key", "secret_key")}
    request = sdk.v3.ListUserLoginProtectsRequest()

    assert clients.v3(admin, **temporary).list_user_login_protects(request).login_protects == []
    refused(401, "APIGW.0301", clients.v3(admin, **keys).list_user_login_protects, request)
    wrong = {**temporary, "security_token": "x"}
    refused(401, "APIGW.0301", clients.v3(admin, **wrong).list_user_login_protects, request)


def test_a_request_that_was_signed_long_ago_is_refused(cloud, sdk, clients, admin, refused):
    cloud.advance(16 * 60)

    refused(401, "APIGW.0301", clients.v3(admin).list_user_mfa_devices, sdk.v3.ListUserMfaDevicesRequest())


def test_v5_lists_a_security_key_like_a_device_where_it_is_set_so(start_cloud, sdk, make_clients, refused):
    cloud = start_cloud(security_keys_in_v5=True)
    described = cloud.describe()
    user_id = described["users"][0]["user_id"]
    truth = cloud.cloud.user(user_id)
    device, key = cloud.cloud.give_device(user_id, bound=True), cloud.cloud.give_key(user_id)
    office = make_clients(cloud).v5(described["admin"])

    def listed() -> list[tuple[str, str, bool]]:
        devices = office.list_mfa_devices_v5(sdk.v5.ListMfaDevicesV5Request(user_id=user_id)).mfa_devices
        return [(entry.serial_number, entry.user_id, entry.enabled) for entry in devices]

    assert listed() == [(key.serial_number, user_id, True), (device.serial_number, user_id, True)]
    body = sdk.v5.DisableMfaDeviceReqBody(user_id=user_id, serial_number=key.serial_number)
    office.disable_mfa_device_v5(sdk.v5.DisableMfaDeviceV5Request(body=body))
    assert listed()[0] == (key.serial_number, user_id, False)
    assert not truth.keys[0].enabled
    delete = sdk.v5.DeleteVirtualMfaDeviceV5Request(user_id=user_id, serial_number=key.serial_number)
    office.delete_virtual_mfa_device_v5(delete)
    assert listed() == [(device.serial_number, user_id, True)]
    assert (truth.keys, truth.device) == ((), device)
    assert (truth.counters.key_writes, truth.counters.writes, cloud.cloud.counters.key_writes) == (2, 2, 2)
    refused(404, "IAM.0004", office.delete_virtual_mfa_device_v5, delete)


def test_sts_tells_the_account_where_the_list_of_domains_is_empty(start_cloud, sdk, monkeypatch):
    cloud = start_cloud(domains_empty=True)
    described = cloud.describe()
    monkeypatch.setenv("HUAWEICLOUD_SDK_IAM_ENDPOINT", cloud.url)
    monkeypatch.setenv("HUAWEICLOUD_SDK_STS_ENDPOINT", cloud.url)
    keys = sdk.credentials.GlobalCredentials(described["admin"]["access_key"], described["admin"]["secret_key"])

    # The SDK asks for the account only where it was given a region.
    region = sdk.region.Region("eu-de", cloud.url)
    client = sdk.v3.IamClient.new_builder().with_credentials(keys).with_region(region).build()

    assert client.list_user_login_protects(sdk.v3.ListUserLoginProtectsRequest()).login_protects == []
    assert keys.domain_id == described["domain_id"]
    assert [entry["route"] for entry in cloud.log] == ["domains", "caller-identity", "login-protect-list"]


def test_an_account_is_summed_up(cloud, sdk, clients, admin, user, refused):
    office, request = clients.v5(admin), sdk.v5.GetAccountSummaryV5Request()

    before = office.get_account_summary_v5(request)
    cloud.cloud.give_device(admin["user_id"])
    created = office.get_account_summary_v5(request)
    cloud.cloud.give_device(admin["user_id"], bound=True)
    bound = office.get_account_summary_v5(request)

    assert (before.users, before.groups, before.root_user_mfa_enabled) == (4, 1, 0)
    assert (created.root_user_mfa_enabled, bound.root_user_mfa_enabled) == (0, 1)
    refused(403, "PAP5.0001", clients.v5(user).get_account_summary_v5, request)


def test_a_user_without_a_console_password_has_no_login_profile(cloud, sdk, clients, admin, user, refused):
    office, request = clients.v5(admin), sdk.v5.ShowLoginProfileV5Request(user_id=user["user_id"])

    assert office.show_login_profile_v5(request).login_profile.user_id == user["user_id"]
    cloud.cloud.user(user["user_id"]).access_mode = "programmatic"
    refused(404, "IAM.0004", office.show_login_profile_v5, request)


def test_the_last_login_is_told_once_there_was_one(cloud, sdk, clients, admin, user):
    office, request = clients.v5(admin), sdk.v5.ShowUserLastLoginV5Request(user_id=user["user_id"])

    assert office.show_user_last_login_v5(request).user_last_login.last_login_at is None
    clients.v3(user).keystone_create_user_token_by_password(password_request(sdk, cloud, user))
    assert str(office.show_user_last_login_v5(request).user_last_login.last_login_at).startswith("20")


def test_a_users_details_are_shown(cloud, sdk, clients, admin, user):
    shown = clients.v3(admin).show_user(sdk.v3.ShowUserRequest(user_id=user["user_id"])).user
    listed = clients.v3(admin).keystone_list_users(sdk.v3.KeystoneListUsersRequest()).users

    assert (shown.id, shown.name, shown.enabled, shown.is_domain_owner) == (user["user_id"], user["name"], True, False)
    assert (shown.email, shown.access_mode, shown.last_login_time) == (f"{user['name']}@example.com", "default", None)
    assert {entry.access_mode for entry in listed} == {"default"}
