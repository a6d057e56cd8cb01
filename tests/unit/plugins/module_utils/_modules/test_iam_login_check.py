# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.totp import STEP, step_at, totp
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_login_check import LOGIN_CHECK
from ansible_collections.hwc.mfa.plugins.module_utils._runner.masking import options_shown


@pytest.fixture(params=["huaweicloud", "otc"])
def enrolled(request, start):
    """A cloud whose users all have a bound device and protected logins."""
    return start(profile=request.param, users=12, enrolled=12)


def login(user, **more):
    return {"user_id": user.id, "auth_password": user.password, "seed": user.device.seed, **more}


def logins(cloud):
    return [entry for entry in cloud.log if entry["route"] == "login"]


def test_whole_fleet_waits_once_and_logs_in_once_each(enrolled):
    # Late in a step: to wait for longer than to its end would be seen.
    enrolled.handle.advance(14)
    began = step_at(enrolled.cloud.now())
    result = enrolled.run(LOGIN_CHECK, users=[login(user) for user in enrolled.users], impatient=True)
    assert not result["changed"]
    assert [(user["user_id"], user["logged_in"], user["failed"]) for user in result["users"]] == [
        (user.id, True, False) for user in enrolled.users
    ]
    assert enrolled.cloud.counters.logins == len(logins(enrolled)) == 12
    assert enrolled.cloud.counters.wrong_codes == enrolled.cloud.counters.refused_codes == 0
    assert {step_at(entry["at"]) for entry in logins(enrolled)} == {began + 1}


def test_codes_that_a_binding_has_used_are_not_sent_again(enrolled):
    user = enrolled.users[0]
    step = step_at(enrolled.cloud.now())
    user.used_codes |= {(user.device.seed, step), (user.device.seed, step - 1)}
    assert not enrolled.run(LOGIN_CHECK, users=[login(user)], impatient=True).get("failed")
    assert enrolled.cloud.counters.refused_codes == 0


def test_codes_of_the_current_step_are_sent_where_nobody_has_to_wait(enrolled):
    user = enrolled.users[0]
    began = enrolled.cloud.now()
    assert not enrolled.run(LOGIN_CHECK, users=[login(user)], new_codes=False).get("failed")
    assert enrolled.cloud.now() - began < STEP / 3


@pytest.mark.parametrize("new_codes", [True, False])
@pytest.mark.parametrize("credentials", [None, {}])
@pytest.mark.parametrize("offset", [-40, 40])
def test_codes_follow_the_clouds_clock(enrolled, offset, credentials, new_codes):
    enrolled.handle.advance(offset)
    items = [login(enrolled.users[0])]
    assert not enrolled.run(LOGIN_CHECK, users=items, credentials=credentials, new_codes=new_codes, impatient=True).get("failed")


def test_typed_code_is_sent_as_it_is_without_waiting(enrolled):
    user = enrolled.users[0]
    item = {"user_id": user.id, "auth_password": user.password, "auth_passcode": totp(user.device.seed, enrolled.cloud.now())}
    assert enrolled.run(LOGIN_CHECK, users=[item])["users"][0]["logged_in"]


def test_each_failure_is_told_and_hides_nobody(enrolled):
    first, second, third, fourth = enrolled.users[:4]
    fourth.locked_until = enrolled.cloud.now() + 900
    items = [login(first, auth_password="not-their-own"), login(second, seed="MFRGGZDFMZTWQ2LK"), login(third), login(fourth)]
    result = enrolled.run(LOGIN_CHECK, users=items, impatient=True)
    assert result["failed"] and not result["changed"]
    assert [user["logged_in"] for user in result["users"]] == [False, False, True, False]
    assert "auth_password" in result["users"][0]["msg"]
    assert "The code was refused" in result["users"][1]["msg"]
    assert result["users"][3]["error"]["code"] == "IAM.0061"
    # Each refusal counts towards the lock: nobody tries twice.
    assert len(logins(enrolled)) == 4
    for secret in (third.password, third.device.seed, "not-their-own", "MFRGGZDFMZTWQ2LK"):
        assert secret not in str(result)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"seed": None}, "exactly one of seed and auth_passcode"),
        ({"auth_passcode": "123456"}, "exactly one of seed and auth_passcode"),
        ({"auth_password": None}, "auth_password must be given"),
        ({"user_id": "../x"}, "user_id '../x' cannot be an id"),
        ({"seed": "0189"}, "seed is not a base32 seed"),
        ({"seed": None, "auth_passcode": "12345"}, "auth_passcode must be"),
    ],
)
def test_item_that_cannot_log_in_is_refused_without_a_request(enrolled, change, named):
    result = enrolled.run(LOGIN_CHECK, users=[login(enrolled.users[0], **change)], impatient=True)
    assert named in result["users"][0]["msg"]
    assert logins(enrolled) == []


@pytest.mark.parametrize("profile", ["huaweicloud", "otc"])
def test_login_for_which_nobody_looked_at_the_code_proves_nothing(start, profile):
    cloud = start(profile=profile, users=3, enrolled=2, ignores_unneeded_codes=True)
    protected, open_one, bare = cloud.users
    open_one.protection = None
    items = [login(protected), login(open_one), {"user_id": bare.id, "auth_password": bare.password, "seed": "MFRGGZDFMZTWQ2LK"}]
    result = cloud.run(LOGIN_CHECK, users=items, impatient=True)
    assert [(user["logged_in"], user["failed"]) for user in result["users"]] == [(True, False), (False, True), (False, True)]
    for user in result["users"][1:]:
        assert "the login succeeded with the password alone: the cloud did not look at the code" in user["msg"]
        assert "login protection" in user["msg"]
    passcode = totp(open_one.device.seed, cloud.cloud.now())
    typed = cloud.run(LOGIN_CHECK, users=[{"user_id": open_one.id, "auth_password": open_one.password, "auth_passcode": passcode}])
    assert typed["failed"]


def test_options_are_demanded_and_hidden():
    validator = ArgumentSpecValidator(dict(LOGIN_CHECK.argument_spec))
    assert "users" in validator.validate({}).error_messages[0]
    assert "user_id" in validator.validate({"users": [{"seed": "JBSWY3DPEHPK3PXP"}]}).error_messages[0]
    secret = {"user_id": "u1", "seed": "s3cret", "auth_password": "s3cret", "auth_passcode": "s3cret"}
    assert "s3cret" not in str(options_shown({"users": [secret]}, LOGIN_CHECK.argument_spec))


def test_nobody_to_prove_costs_no_time_and_no_request(enrolled):
    assert enrolled.run(LOGIN_CHECK, users=[]) == {"changed": False, "users": []}
    assert enrolled.log == []


def test_no_credentials_of_the_module_are_needed(enrolled):
    user = enrolled.users[0]
    assert enrolled.run(LOGIN_CHECK, users=[login(user)], credentials={}, impatient=True)["users"][0]["logged_in"]
    scoped = login(enrolled.users[1], auth_domain_name=enrolled.domain_name)
    assert enrolled.run(LOGIN_CHECK, users=[scoped], credentials={}, impatient=True)["users"][0]["logged_in"]


def test_login_whose_answer_was_lost_is_not_sent_again(enrolled):
    enrolled.handle.fault("lose:login:1")
    result = enrolled.run(LOGIN_CHECK, users=[login(enrolled.users[0])], impatient=True)
    assert result["failed"]
    assert len(logins(enrolled)) == 1


def test_throttled_login_is_sent_again_with_a_code_of_that_moment(enrolled):
    enrolled.handle.fault("retry-after=45:login:1")
    result = enrolled.run(LOGIN_CHECK, users=[login(enrolled.users[0])], impatient=True)
    assert not result.get("failed")
    assert enrolled.cloud.counters.wrong_codes == 0


def test_cloud_that_does_not_answer_is_a_failure(enrolled):
    enrolled.handle.fault("cut:*")
    result = enrolled.run(LOGIN_CHECK, users=[login(enrolled.users[0])], credentials={}, impatient=True)
    assert result["failed"]
