# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of what the role sets for the whole account, which are checked before any user is touched."""

from __future__ import annotations

import pytest
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.account_options import ACCOUNT_OPTIONS, wrong_options
from ansible_collections.hwc.mfa.tests.unit.plugins.plugin_utils._rollout.accounts import SECRET


def wrong(values, environ=None, defaults=None):
    return list(wrong_options(values, environ or {}, defaults or {}))


def test_what_is_right_has_no_cause():
    assert wrong({}) == wrong({name: {} for name in ACCOUNT_OPTIONS}) == []
    assert (
        wrong(
            {
                "identity_center": {"mfa_mode": "ALWAYS_ON", "allowed_mfa_types": ["TOTP"]},
                "login_policy": {"login_failed_times": "3", "lockout_duration": 1440, "region": "eu-de", "api": "v5"},
                "operation_protection": {"operation_protection": "yes", "admin_check": False, "allow_user": {"manage_email": False}},
            }
        )
        == []
    )


@pytest.mark.parametrize(
    ("name", "options", "cause"),
    [
        *((name, value, f"mfa_rollout_{name} must be a mapping of options") for name in ACCOUNT_OPTIONS for value in ("text", [], None)),
        ("login_policy", {"login_fails": 3}, "mfa_rollout_login_policy has no option login_fails: "),
        ("login_policy", {1: 3}, "mfa_rollout_login_policy has no option 1: "),
        ("identity_center", {"mfa_mod": "X"}, "mfa_rollout_identity_center has no option mfa_mod: did you mean mfa_mode?"),
        ("identity_center", {"mfa_mode": "SOMETIMES"}, "mfa_rollout_identity_center: value of mfa_mode must be one of"),
        ("login_policy", {"session_timeout": 1}, "mfa_rollout_login_policy: session_timeout must be from 15 to 1440 minutes."),
        ("login_policy", {"api": "v3", "lockout_duration": "60"}, "mfa_rollout_login_policy: lockout_duration must be from 15 to 30"),
        ("login_policy", {"session_timeout": "soon"}, "mfa_rollout_login_policy: argument 'session_timeout' is of type"),
        ("identity_center", {"allowed_mfa_types": []}, "mfa_rollout_identity_center: allowed_mfa_types must name at least one type"),
        ("operation_protection", {"access_key": "AK"}, "mfa_rollout_operation_protection: secret_key is missing: access_key is given"),
        ("login_policy", {"access_key": "AK", "auth_token": "T"}, "mfa_rollout_login_policy: access_key and auth_token are two kinds"),
        ("operation_protection", {"mobile": "1"}, "mfa_rollout_operation_protection: mobile must be a country code"),
        ("operation_protection", {"scene": "sms"}, "mfa_rollout_operation_protection: value of scene must be one of"),
        ("operation_protection", {"allow_user": {"manage_all": True}}, "mfa_rollout_operation_protection: "),
    ],
)
def test_each_cause_names_the_variable_and_the_option(name, options, cause):
    (found,) = wrong({name: options})
    assert found.startswith(cause)
    assert found.isprintable()


def test_credentials_of_a_setting_may_be_completed_by_those_of_the_role_the_play_or_the_environment():
    options = {"identity_center": {"access_key": "AK", "mfa_mode": "ALWAYS_ON"}}
    assert len(wrong(options)) == 1
    assert wrong({**options, "auth": {"secret_key": SECRET}}) == []
    assert wrong(options, {"HW_ACCESS_KEY": "AK", "HW_SECRET_KEY": SECRET}) == []
    assert wrong(options, defaults={"secret_key": SECRET, "region": "eu-de"}) == []
    assert len(wrong(options, defaults={"auth_token": SECRET})) == 1
    assert wrong({**options, "auth": {"secret_key": SECRET}}, defaults={"auth_token": SECRET}) == [], "what is further away does not count"
    assert "two kinds" in wrong({"login_policy": {"auth_token": "T"}, "auth": {"access_key": "AK", "secret_key": SECRET}})[0]


def test_no_secret_is_told():
    secret = {"secret_key": SECRET, "auth_password": SECRET, "auth_token": SECRET}
    for name in ACCOUNT_OPTIONS:
        assert SECRET not in "".join(wrong({name: {**secret, "retries": "many", f"x{SECRET}": 1}})).replace(f"x{SECRET}", "")
