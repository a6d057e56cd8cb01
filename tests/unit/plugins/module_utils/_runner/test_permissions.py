# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guide's tables of permissions, enforced: with exactly these actions a module works, with one less it fails and says which call was refused."""

from __future__ import annotations

import json

import pytest
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_login_check import LOGIN_CHECK
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_login_policy import LOGIN_POLICY, LOGIN_POLICY_INFO
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_login_protection import PROTECTION
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_mfa_info import MFA_INFO
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_operation_protection import (
    OPERATION_PROTECTION,
    OPERATION_PROTECTION_INFO,
)
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_virtual_mfa_bind import BIND
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_virtual_mfa_device import DEVICE
from ansible_collections.hwc.mfa.plugins.module_utils._modules.identity_center_mfa_settings import INFO as SETTINGS_INFO
from ansible_collections.hwc.mfa.plugins.module_utils._modules.identity_center_mfa_settings import SETTINGS
from ansible_collections.hwc.mfa.plugins.module_utils._modules.identity_center_user_mfa_device import DEVICE as PERSON_DEVICE
from ansible_collections.hwc.mfa.plugins.module_utils._modules.identity_center_user_mfa_info import INFO as PEOPLE_INFO
from ansible_collections.hwc.mfa.tests.simulator import permissions, routes
from ansible_collections.hwc.mfa.tests.unit.guide_pages import literals, tables

_ROLE, MODULES, CENTER, CALLS = tables("guide_permissions")
AUDIT_MORE = _ROLE[1][3]
NO_WAY = "\\-"
KIND_UNKNOWN = "give credentials that may list virtual MFA devices by v3.0"


def one(cloud, **more):
    return {"user_id": cloud.users[0].id, **more}


def own(cloud, **more):
    return {"user_id": cloud.users[0].id, "auth_password": cloud.users[0].password, **more}


def seed(cloud, bound=False):
    return cloud.cloud.give_device(cloud.users[0].id, bound=bound).seed


def with_device(cloud, **options):
    seed(cloud, bound=True)
    return one(cloud, **options)


def person(name, **more):
    return lambda cloud: (PERSON_DEVICE, {"identity_store_endpoint": cloud.url, "user_name": name, **more})


JOBS = {
    "``iam_mfa_info`` of the account": lambda cloud: (MFA_INFO, {}),
    "``iam_mfa_info`` with ``user_ids``": lambda cloud: (MFA_INFO, {"user_ids": [cloud.users[0].id]}),
    "``iam_mfa_info`` with ``user_ids`` and ``details``": lambda cloud: (MFA_INFO, {"user_ids": [cloud.users[0].id], "details": True}),
    "``iam_mfa_info`` with ``groups``": lambda cloud: (MFA_INFO, {"groups": ["admin"]}),
    "``iam_virtual_mfa_device``, ``state: present``": lambda cloud: (DEVICE, one(cloud)),
    "the same, by the user's own credentials": lambda cloud: (DEVICE, {"devices": [own(cloud)]}),
    "``iam_virtual_mfa_device``, ``state: absent``": lambda cloud: (DEVICE, with_device(cloud, state="absent")),
    "``iam_virtual_mfa_bind``, by the user's own credentials": lambda cloud: (BIND, {"bindings": [own(cloud, seed=seed(cloud))]}),
    "``iam_virtual_mfa_bind``, for others": lambda cloud: (BIND, one(cloud, seed=seed(cloud))),
    "``iam_virtual_mfa_bind``, ``state: absent``": lambda cloud: (BIND, with_device(cloud, state="absent")),
    "``iam_login_protection``": lambda cloud: (PROTECTION, one(cloud)),
    "``iam_login_check``": lambda cloud: (LOGIN_CHECK, {"users": [own(cloud, seed=seed(cloud, bound=True))]}),
    "``iam_login_policy_info``": lambda cloud: (LOGIN_POLICY_INFO, {}),
    "``iam_login_policy``": lambda cloud: (LOGIN_POLICY, {"session_timeout": 30}),
    "``iam_operation_protection_info``": lambda cloud: (OPERATION_PROTECTION_INFO, {}),
    "``iam_operation_protection``": lambda cloud: (OPERATION_PROTECTION, {"operation_protection": True}),
}
CENTER_JOBS = {
    "``identity_center_mfa_settings_info``": lambda cloud: (SETTINGS_INFO, {}),
    "``identity_center_mfa_settings``": lambda cloud: (SETTINGS, {"mfa_mode": "ALWAYS_ON", "user_permission": "READ_ACTIONS"}),
    "``identity_center_user_mfa_info``": lambda cloud: (PEOPLE_INFO, {"identity_store_endpoint": cloud.url}),
    "``identity_center_user_mfa_device``, ``state: absent``": person("ada.lovelace", state="absent"),
    "the same with ``end_sessions``": person("ada.lovelace", state="absent", end_sessions=True),
    "``identity_center_user_mfa_device``, ``state: register``": person("alan.turing", state="register"),
    "``identity_center_user_mfa_device``, to rename": person("ada.lovelace", display_name="Work phone"),
}


def cases():
    """Job, cloud, the actions that it needs, and those with which it tells more."""
    for job, by_v3, by_v5, tells_more in MODULES[1:]:
        more = literals(AUDIT_MORE if tells_more == "as an audit" else tells_more)
        if by_v3 != NO_WAY:
            yield pytest.param(
                JOBS[job], "otc", literals(by_v3), [action for action in more if "V5" not in action and "/v5/" not in action]
            )
        if by_v5 != NO_WAY:
            yield pytest.param(JOBS[job], "huaweicloud", literals(by_v5), more)
    for job, needed, more in CENTER[1:]:
        if job in CENTER_JOBS:
            yield pytest.param(CENTER_JOBS[job], "huaweicloud", literals(needed), literals(more))


def attempt(start, job, profile, allowed):
    cloud = start(profile=profile)
    definition, options = job(cloud)
    cloud.cloud.allowed[cloud.admin.id] = frozenset(allowed)
    result = cloud.run(definition, impatient=True, **options)
    asked = {permissions.action_of(route) for entry in cloud.log for route in routes.ROUTES if entry["route"] == route.name}
    refused = [f"{entry['method']} {entry['path']}" for entry in cloud.log if entry["status"] == 403]
    cloud.stop()
    return result, asked, refused


def test_guide_and_tests_speak_of_the_same_jobs():
    assert list(JOBS) == [row[0] for row in MODULES[1:]]
    assert [*CENTER_JOBS, "inventory ``organization_accounts``"] == [row[0] for row in CENTER[1:]]


def test_guide_names_the_action_of_every_call():
    expected = []
    for route in routes.ROUTES:
        action = permissions.action_of(route)
        if action is not None:
            call = f"{route.method} {route.pattern.replace('{}', '...')}"
            expected.append([f"``{call}``", "not documented" if action == call else f"``{action}``"])
    assert expected == CALLS[1:]


@pytest.mark.parametrize("job, profile, needed, more", list(cases()))
def test_module_works_with_exactly_these_actions_and_names_the_call_that_it_lacks(start, job, profile, needed, more):
    for actions in (needed, [*needed, *more]):
        result, asked, _refused = attempt(start, job, profile, actions)
        assert not result.get("failed"), result
        assert {*needed} <= asked
    assert {*more} <= asked
    for lacking in needed:
        result, _asked, refused = attempt(start, job, profile, set(needed) - {lacking})
        assert result["failed"] is True, lacking
        text = json.dumps(result)
        assert any(call in text for call in refused) or KIND_UNKNOWN in text, (lacking, result)
    for missing in more:
        result, _asked, _refused = attempt(start, job, profile, {*needed, *more} - {missing})
        assert not result.get("failed"), (missing, result)


@pytest.mark.parametrize("reads", ["listUserLoginProtects", "getUserLoginProtect", None])
def test_more_than_eight_users_are_read_at_once_or_one_by_one(start, reads):
    cloud = start(users=9)
    cloud.cloud.allowed[cloud.admin.id] = frozenset({"iam:users:setUserLoginProtect", f"iam:users:{reads}"})
    result = cloud.run(PROTECTION, users=[{"user_id": user.id} for user in cloud.users])
    assert result.get("failed", False) is (reads is None)
    assert ("login-protect-get" in cloud.routes()) is (reads != "listUserLoginProtects")


def test_name_of_a_user_is_looked_up_in_the_listing(start):
    for more, works in (({"iam:users:listUsers"}, True), (set(), False)):
        cloud = start()
        cloud.cloud.allowed[cloud.admin.id] = frozenset({"iam:users:getUserLoginProtect", "iam:users:setUserLoginProtect", *more})
        assert cloud.run(PROTECTION, user_name=cloud.users[0].name).get("failed", False) is not works
