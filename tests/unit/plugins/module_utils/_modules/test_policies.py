# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which account the modules of an account's policies work on, and what they say where that cannot be found out."""

from __future__ import annotations

import pytest
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_login_policy import LOGIN_POLICY, LOGIN_POLICY_INFO
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_operation_protection import (
    OPERATION_PROTECTION,
    OPERATION_PROTECTION_INFO,
)

MODULES = {
    "login_policy": (LOGIN_POLICY, {"login_failed_times": 3}),
    "login_policy_info": (LOGIN_POLICY_INFO, {}),
    "operations": (OPERATION_PROTECTION, {"operation_protection": True}),
    "operations_info": (OPERATION_PROTECTION_INFO, {}),
}


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize(
    ("how", "wrong", "advice"),
    [
        ("by_key", {"secret_key": "wrong"}, "Check access_key and secret_key"),
        ("by_password", {"auth_password": "wrong"}, "Check the user, auth_password"),
        ("by_token", {"auth_token": "wrong"}, "auth_token"),
    ],
)
def test_wrong_credentials_are_called_wrong_and_no_id_of_an_account_is_asked_for(any_cloud, module, how, wrong, advice):
    definition, options = MODULES[module]
    result = any_cloud.run(definition, credentials={**getattr(any_cloud, how)(), **wrong}, **options)
    assert result["error"]["status"] == 401
    assert advice in result["msg"]
    assert "auth_domain_id is missing" not in result["msg"]


@pytest.mark.parametrize("fault", ["status=503", "status=429", "cut"])
def test_outage_is_told_where_the_account_is_asked_for(otc, fault):
    otc.handle.fault(f"{fault}:domains")
    result = otc.run(OPERATION_PROTECTION_INFO, impatient=True)
    assert result["msg"].startswith("GET /v3/auth/domains: ")
    assert "auth_domain_id" not in result["msg"]


def test_refused_question_for_the_account_says_how_to_do_without_it(start):
    cloud = start(profile="otc")
    cloud.handle.fault("forbid:domains")
    result = cloud.run(OPERATION_PROTECTION_INFO)
    assert result["error"]["status"] == 403
    assert "give auth_domain_id" in result["msg"]
    named = {**cloud.by_key(), "auth_domain_id": cloud.cloud.accounts[0].domain_id}
    assert cloud.run(OPERATION_PROTECTION_INFO, credentials=named)["protect_policy"]


@pytest.mark.parametrize("fault", ["status=503:caller-identity", "status=401:caller-identity", "cut:caller-identity"])
def test_account_that_sts_could_not_tell_once_is_asked_for_again_by_the_next_task(start, fault):
    cloud = start(domains_empty=True)
    memory = {}
    cloud.handle.fault(fault)
    assert cloud.run(OPERATION_PROTECTION_INFO, memory=memory, impatient=True)["msg"].startswith("auth_domain_id is missing")
    cloud.handle.clear_faults()
    assert cloud.run(OPERATION_PROTECTION_INFO, memory=memory)["protect_policy"]
