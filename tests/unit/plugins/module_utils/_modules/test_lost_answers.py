# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An outage that takes the answer to a write, and the reading after it too: the failure tells of the write."""

from __future__ import annotations

import pytest
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_login_policy import LOGIN_POLICY
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_login_protection import PROTECTION
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_operation_protection import OPERATION_PROTECTION
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_virtual_mfa_bind import BIND
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_virtual_mfa_device import DEVICE
from ansible_collections.hwc.mfa.plugins.module_utils._modules.identity_center_mfa_settings import SETTINGS
from ansible_collections.hwc.mfa.plugins.module_utils._modules.identity_center_user_mfa_device import DEVICE as PERSON_DEVICE

LOST = "Before that, the answer to a change was lost, so that it may have been made."
DEVICE_READS = ("get-device", "v5-list", "list-devices")


def outage_after(cloud, *writes):
    """Have the answer to the first of these writes lost, and no reading answered after it."""
    for route in writes:
        cloud.handle.fault(f"lose:{route}:1")
    for route in ("protect-policy-get", "v5-login-policy-get", "login-policy-get", "ic-get-sso", "ic-devices", "login-protect-get"):
        cloud.handle.fault(f"status=503:{route}:2-99")


@pytest.mark.parametrize(
    ("definition", "options", "write"),
    [
        (OPERATION_PROTECTION, {"operation_protection": True}, "protect-policy-put"),
        (LOGIN_POLICY, {"login_failed_times": 3}, "v5-login-policy-put"),
        (SETTINGS, {"mfa_mode": "ALWAYS_ON"}, "ic-set-sso"),
        (PERSON_DEVICE, {"user_name": "ada.lovelace", "state": "absent"}, "ic-device-delete"),
        (PERSON_DEVICE, {"user_name": "ada.lovelace", "display_name": "Work phone"}, "ic-device-rename"),
    ],
)
def test_setting_whose_answer_is_lost_is_told_though_it_cannot_be_read_again(cloud, definition, options, write):
    outage_after(cloud, write)
    result = cloud.run(definition, impatient=True, **options)
    assert result["msg"].endswith(LOST)
    assert (result["changed"], result["error"]["status"], result["error"]["uncertain"]) == (False, 503, True)


def test_setting_that_was_made_before_the_lost_one_is_a_change(cloud):
    outage_after(cloud, "ic-set-sso")
    result = cloud.run(SETTINGS, impatient=True, mfa_mode="ALWAYS_ON", user_permission="READ_ACTIONS")
    assert result["changed"]
    assert "Before that, user_permission was set to READ_ACTIONS." in result["msg"]
    assert LOST in result["msg"]


def test_setting_that_was_made_before_the_one_that_is_refused_at_another_try_is_a_change(cloud):
    cloud.handle.fault("status=503:ic-set-sso:1")
    cloud.handle.fault("forbid:ic-set-sso:2-99")
    result = cloud.run(SETTINGS, impatient=True, mfa_mode="ALWAYS_ON", user_permission="READ_ACTIONS")
    assert (result["changed"], result["error"]["status"]) == (True, 403)
    assert "Before that, user_permission was set to READ_ACTIONS." in result["msg"]


def test_protection_whose_answer_is_lost_is_told_though_it_cannot_be_read_again(any_cloud):
    outage_after(any_cloud, "login-protect-put")
    result = any_cloud.run(PROTECTION, impatient=True, user_id=any_cloud.users[0].id)
    assert result["msg"].endswith(LOST)
    assert result["error"]["uncertain"]


@pytest.mark.parametrize(
    ("definition", "options", "given", "writes"),
    [
        (DEVICE, {}, None, ("create", "v5-create")),
        (DEVICE, {"state": "absent"}, False, ("delete", "v5-delete")),
        (DEVICE, {"state": "absent", "presume_unbound": True}, False, ("delete", "v5-delete")),
        (BIND, {"seed": None}, False, ("bind", "v5-enable")),
        (BIND, {"state": "absent"}, True, ("unbind", "v5-disable")),
        (DEVICE, {"state": "absent"}, True, ("unbind", "v5-disable")),
    ],
)
def test_device_whose_write_is_lost_is_told_though_it_cannot_be_read_again(any_cloud, definition, options, given, writes):
    user = any_cloud.users[0]
    credentials = any_cloud.by_key(user if definition is BIND and given is False else any_cloud.admin)
    if given is not None:
        device = any_cloud.cloud.give_device(user.id, bound=given)
        options = {name: device.seed if name == "seed" else value for name, value in options.items()}
    any_cloud.run(DEVICE, check_mode=True, user_id=user.id)
    reads = sum(route in DEVICE_READS for route in any_cloud.routes())
    for route in DEVICE_READS:
        any_cloud.handle.fault(f"status=503:{route}:{1 + any_cloud.routes().count(route)}-99")
    assert reads
    for route in writes:
        any_cloud.handle.fault(f"lose:{route}:1")
    result = any_cloud.run(definition, impatient=True, credentials=credentials, user_id=user.id, **options)
    assert result["msg"].endswith(LOST)
    assert (result["changed"], result["error"]["uncertain"]) == (False, True)


def test_deletion_that_the_cloud_accepts_is_told_though_it_cannot_be_read_again(any_cloud):
    user = any_cloud.users[0]
    device = any_cloud.cloud.give_device(user.id)
    any_cloud.run(DEVICE, check_mode=True, state="absent", user_id=user.id)
    for route in DEVICE_READS:
        any_cloud.handle.fault(f"status=503:{route}:{1 + any_cloud.routes().count(route)}-99")
    result = any_cloud.run(DEVICE, impatient=True, state="absent", user_id=user.id)
    assert (result["failed"], result["changed"], result["devices"][0]["changed"]) == (True, True, True)
    assert result["msg"].endswith(f"Before that, the cloud accepted the deletion of device {device.serial_number}.")
