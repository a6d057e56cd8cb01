# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is never touched, with every kind of credential, and the proof that nobody was locked out."""

from __future__ import annotations

from typing import Any, Callable

import pytest
import requests
from twins import CLOUDS, twin

ACCOUNT = "acme-berlin"
ROLLOUT = "hwc.mfa.rollout"
ROLLBACK = "hwc.mfa.rollback"
CREDENTIALS = ("access_key", "temporary", "password", "token", "agency")


def credentials_of(ground: Any, kind: str) -> dict[str, Any]:
    """The administrator's credentials of one kind, as options."""
    described = ground.cloud.describe()
    admin = described["admin"]
    login = {"auth_password": admin["password"], "auth_domain_name": described["domain_name"]}
    if kind == "access_key":
        return {name: admin[name] for name in ("access_key", "secret_key")}
    if kind == "temporary":
        return dict(admin["temporary"])
    if kind == "agency":
        ground.cloud.add_agency(ground.cloud.cloud.accounts[0], "own")
        return {**credentials_of(ground, "access_key"), "assume_agency": {"agency_name": "own", "domain_name": described["domain_name"]}}
    if kind == "password":
        return {"auth_username": admin["name"], **login}
    user = {"id": admin["user_id"], "password": admin["password"]}
    body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}}
    answer = requests.post(f"{ground.cloud.url}/v3/auth/tokens", json=body, timeout=10)
    return {"auth_token": answer.headers["X-Subject-Token"]}


def rows(ground: Any) -> dict[str, dict[str, Any]]:
    return {row["user_id"]: row for row in ground.report(ACCOUNT)["users"]}


def touched(ground: Any) -> set[str]:
    """The ids of the users of whom anything was changed on request."""
    return {user.id for user in ground.cloud.cloud.users.values() if user.counters.writes}


CASES = [
    (strategy, kind, profile)
    for strategy in ("enrol", "require")
    for kind, profile in [*((kind, "huaweicloud") for kind in CREDENTIALS), ("temporary", "otc")]
]
# Each kind once, with either strategy.
FIRST = {
    ("enrol", "access_key", "huaweicloud"),
    ("require", "password", "huaweicloud"),
    ("enrol", "temporary", "otc"),
    ("require", "token", "huaweicloud"),
    ("require", "agency", "huaweicloud"),
}


@pytest.mark.parametrize(("strategy", "kind", "profile"), [case if case in FIRST else twin(*case) for case in CASES])
def test_own_user_exempt_users_and_the_last_administrator_are_never_touched(
    playground: Callable[..., Any], strategy: str, kind: str, profile: str
) -> None:
    ground = playground(strategy, users=4, profile=profile)
    cloud = ground.cloud.cloud
    admin, users = ground.cloud.describe()["admin"], ground.cloud.describe()["users"]
    exempt, others = users[0], users[1:]
    ground.variables[ACCOUNT] |= {
        "mfa_rollout_auth": {"iam_endpoint": ground.cloud.url, **credentials_of(ground, kind)},
        "mfa_rollout_users": [{"user_id": user["user_id"], "auth_password": user["password"]} for user in [admin, *users]],
        "mfa_rollout_exempt": [{"name": exempt["name"], "reason": "break glass"}],
    }
    before = (cloud.user(admin["user_id"]).device, cloud.user(admin["user_id"]).protection)
    run = ground.run(ROLLOUT)
    assert run.code == 0, run.output
    allowed = {user["user_id"] for user in others}
    assert touched(ground) == allowed
    assert rows(ground)[exempt["user_id"]]["reason"] == "exempt: break glass"
    # Only STS knows whom temporary keys belong to, which one cloud does not have. There the only administrator is skipped as such.
    reason = "the last administrator" if profile == "otc" else "the play runs as this user"
    assert rows(ground)[admin["user_id"]]["reason"].startswith(reason)
    back = ground.run(ROLLBACK)
    assert back.code == 0, back.output
    assert touched(ground) == allowed
    assert all(not row["after"]["device"] for user_id, row in rows(ground).items() if user_id in allowed)
    assert (cloud.user(admin["user_id"]).device, cloud.user(admin["user_id"]).protection) == before
    assert cloud.counters.wrong_codes == cloud.counters.refused_codes == 0


def test_code_of_the_plays_own_user_is_sent_once_and_never_locks_him(playground: Callable[..., Any]) -> None:
    ground = playground("require", users=2)
    cloud = ground.cloud.cloud
    admin = ground.cloud.describe()["admin"]
    cloud.give_device(admin["user_id"], bound=True)
    cloud.protect(admin["user_id"])
    login = {"auth_user_id": admin["user_id"], "auth_password": admin["password"], "auth_passcode": cloud.code(admin["user_id"])}
    ground.variables[ACCOUNT]["mfa_rollout_auth"] = {"iam_endpoint": ground.cloud.url, **login}
    refused = ground.run(ROLLOUT)
    assert refused.code == 2 and "A code works once" in refused.output
    assert ground.cloud.log == []
    # The same by another way, past the role's check: the first task gets in, and none after it tries.
    ground.variables[ACCOUNT]["account_auth"] = ground.variables[ACCOUNT].pop("mfa_rollout_auth")
    header = "- hosts: all\n  connection: local\n  gather_facts: false\n  module_defaults:\n    group/hwc.mfa.mfa: '{{ account_auth }}'\n"
    run = ground.play("    - ansible.builtin.include_role:\n        name: hwc.mfa.mfa_rollout\n", header=header)
    assert run.code == 2 and "auth_passcode was sent by an earlier task" in run.output
    assert [entry["status"] for entry in ground.cloud.log if entry["route"] == "login"] == [201]
    assert touched(ground) == set()
    assert cloud.counters.refused_codes == cloud.counters.wrong_codes == 0


def test_user_whom_the_cloud_does_not_tell_must_be_exempt_before_anybody_is_touched(playground: Callable[..., Any]) -> None:
    # A cloud that does not tell whom temporary keys belong to.
    ground = playground("require", users=3, profile="otc")
    cloud = ground.cloud.cloud
    admin, second = ground.cloud.describe()["admin"], ground.cloud.describe()["users"][0]
    cloud.user(second["user_id"]).is_admin = True
    ground.variables[ACCOUNT]["mfa_rollout_auth"] = {"iam_endpoint": ground.cloud.url, **admin["temporary"]}
    for words in (["--check"], []):
        refused = ground.run(ROLLOUT, *words)
        assert refused.code == 2 and "name that user in mfa_rollout_exempt, so that they are not locked out" in refused.output
    assert touched(ground) == set()
    ground.variables[ACCOUNT]["mfa_rollout_exempt"] = [{"user_id": admin["user_id"], "reason": "the play runs as this user"}]
    run = ground.run(ROLLOUT)
    assert run.code == 0, run.output
    assert admin["user_id"] not in touched(ground)
    assert second["user_id"] in touched(ground)


@pytest.mark.parametrize("profile", CLOUDS)
def test_login_is_proven_once_for_everybody_who_was_enrolled(playground: Callable[..., Any], profile: str) -> None:
    ground = playground(users=4, profile=profile)
    cloud = ground.cloud.cloud
    users = ground.cloud.describe()["users"]
    variables = ground.variables[ACCOUNT]
    variables |= {"mfa_rollout_wave_sizes": [4], "mfa_rollout_prove_login": True}
    # Who comes with a key has no password to prove anything with.
    variables["mfa_rollout_users"][3] = {name: users[3][name] for name in ("user_id", "access_key", "secret_key")}
    run = ground.run(ROLLOUT)
    assert run.code == 0, run.output
    assert "4 created, 4 bound, 4 protected, 3 proven, 0 failed" in run.output
    with_code = [entry for entry in ground.cloud.log if entry["route"] == "login" and "totp" in str(entry["body"])]
    assert [entry["status"] for entry in with_code] == [201] * 3
    assert cloud.counters.wrong_codes == cloud.counters.refused_codes == 0
    assert [rows(ground)[user["user_id"]]["login_proven"] for user in users] == [True, True, True, False]
    assert [bool(ground.seeds(ACCOUNT)[user["user_id"]].get("proven")) for user in users] == [True, True, True, False]
    logins = cloud.counters.logins
    again = ground.run(ROLLOUT)
    assert again.recap(ACCOUNT)["changed"] == 0, again.output
    assert cloud.counters.logins == logins


def test_login_for_which_nobody_looked_at_the_code_is_no_proof(playground: Callable[..., Any]) -> None:
    ground = playground(users=2, profile="otc", ignores_unneeded_codes=True)
    ground.variables[ACCOUNT] |= {"mfa_rollout_prove_login": True, "mfa_rollout_login_protection": False}
    run = ground.run(ROLLOUT)
    assert run.code == 2
    users = [rows(ground)[user["user_id"]] for user in ground.cloud.describe()["users"]]
    assert [(row["outcome"], row["login_proven"]) for row in users] == [("failed", False)] * 2
    assert "the cloud did not look at the code" in users[0]["reason"]
    assert not any(seed.get("proven") for seed in ground.seeds(ACCOUNT).values())
    ground.variables[ACCOUNT]["mfa_rollout_login_protection"] = True
    protected = ground.run(ROLLOUT)
    assert protected.code == 0, protected.output
    assert all(seed.get("proven") for seed in ground.seeds(ACCOUNT).values())


def test_login_that_fails_is_a_failure_of_that_user_and_is_proven_by_the_next_run(playground: Callable[..., Any]) -> None:
    ground = playground(users=3)
    users = ground.cloud.describe()["users"]
    ground.variables[ACCOUNT] |= {"mfa_rollout_wave_sizes": [3], "mfa_rollout_prove_login": True}
    assert ground.run(ROLLOUT, "-e", "mfa_rollout_prove_login=false").code == 0
    ground.variables[ACCOUNT]["mfa_rollout_users"][1]["auth_password"] = "what they have changed meanwhile"
    run = ground.run(ROLLOUT)
    assert run.code == 2
    assert "3 users, 2 proven, 1 failed" in run.output
    row = rows(ground)[users[1]["user_id"]]
    assert (row["outcome"], row["login_proven"]) == ("failed", False)
    assert row["reason"].startswith("prove: ") and "auth_password" in row["reason"]
    assert "what they have changed meanwhile" not in run.output
    ground.variables[ACCOUNT]["mfa_rollout_users"][1]["auth_password"] = users[1]["password"]
    completed = ground.run(ROLLOUT)
    assert completed.code == 0, completed.output
    assert "1 user, 1 proven, 0 failed" in completed.output
