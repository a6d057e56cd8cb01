# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One credential of a hub account works in other accounts, each of which is a host."""

from __future__ import annotations

from typing import Any, Callable

import pytest
from twins import CLOUDS, twin

MEMBERS = ("acme-madrid", "acme-oslo")


@pytest.fixture
def organization(playground: Callable[..., Any]) -> Callable[..., Any]:
    """Makes a hub account and two members, which are the hosts; the hub's credentials are those of the environment."""

    def make(**settings: Any) -> Any:
        ground = playground(strategy="require", users=6, accounts=3, agency="mfa", **settings)
        hub = ground.variables.pop("acme-berlin")
        assert tuple(ground.variables) == MEMBERS
        for account, variables in ground.variables.items():
            variables["mfa_rollout_auth"] = {
                "iam_endpoint": ground.cloud.url,
                "assume_agency": {"agency_name": "mfa", "domain_name": account},
            }
        keys = hub["mfa_rollout_auth"]
        ground.env = {"HW_ACCESS_KEY": keys["access_key"], "HW_SECRET_KEY": keys["secret_key"]}
        return ground

    return make


def secrets_of(ground: Any) -> set[str]:
    """All that the temporary keys of agencies had, and the hub's own."""
    keys = [key for key in ground.cloud.cloud.keys.values() if key.expires_at is not None]
    assert keys
    return {text for key in keys for text in (key.secret_key, key.security_token)} | {ground.env["HW_SECRET_KEY"]}


def protected(ground: Any, account: int) -> set[str]:
    users = ground.cloud.cloud.accounts[account].users
    return {user.name for user in users if user.protection is not None and user.protection.enabled}


@pytest.mark.parametrize("profile", CLOUDS)
def test_one_credential_of_a_hub_audits_requires_and_rolls_back_two_accounts(organization: Callable[..., Any], profile: str) -> None:
    ground = organization(profile=profile)
    audit = ground.run("hwc.mfa.audit", "-vvv", env=ground.env)
    assert audit.code == 0, audit.output
    accounts = {account.name: account for account in ground.cloud.cloud.accounts}
    for member in MEMBERS:
        report = ground.report(member)
        assert report["cloud_account"] == {"id": accounts[member].domain_id, "name": member}
        assert {user["name"] for user in report["users"] if user["name"]} >= {user.name for user in accounts[member].users}
        urn = f"sts::{accounts[member].domain_id}:assumed-agency:mfa/session" if profile == "huaweicloud" else None
        assert report["caller"] == {"user_id": None, "name": None, "principal_urn": urn}
    assert ground.cloud.cloud.counters.writes == 0
    rollout = ground.run("hwc.mfa.rollout", "-vvv", env=ground.env)
    assert rollout.code == 0, rollout.output
    for number, member in enumerate(MEMBERS, start=1):
        assert rollout.recap(member)["changed"] > 0
        # The only administrator is each account's way in, since an agency is none.
        assert protected(ground, number) == {user.name for user in accounts[member].users if not user.is_admin}
    assert protected(ground, 0) == set()
    back = ground.run("hwc.mfa.rollback", env=ground.env)
    assert back.code == 0, back.output
    assert not any(protected(ground, number) for number in range(3))
    output = audit.output + rollout.output + back.output
    assert not [secret for secret in secrets_of(ground) if secret in output]
    written = "".join(path.read_text(errors="replace") for path in ground.path.rglob("*") if path.is_file())
    assert not [secret for secret in secrets_of(ground) if secret in written]


@pytest.mark.parametrize("profile", CLOUDS)
def test_users_of_another_account_are_enrolled_by_their_own_logins(playground: Callable[..., Any], profile: str) -> None:
    ground = playground(users=8, accounts=2, agency="mfa", profile=profile)
    keys = ground.variables.pop("acme-berlin")["mfa_rollout_auth"]
    agency = {"agency_name": "mfa", "domain_id": ground.cloud.cloud.accounts[1].domain_id}
    ground.variables["acme-madrid"]["mfa_rollout_auth"] = {**keys, "assume_agency": agency}
    run = ground.run("hwc.mfa.rollout")
    assert run.code == 0, run.output
    member = ground.cloud.cloud.accounts[1]
    assert all(user.device.bound and user.protection.enabled for user in member.users[1:])
    assert member.admin.device is None
    assert set(ground.seeds("acme-madrid")) == {user.id for user in member.users[1:]}


def test_an_agency_that_may_not_see_the_administrators_demands_a_way_in(organization: Callable[..., Any]) -> None:
    ground = organization(faults=["forbid:groups"])
    stopped = ground.run("hwc.mfa.rollout", env=ground.env)
    assert stopped.code == 2
    assert "name an administrator in mfa_rollout_exempt, as a way in" in stopped.output
    assert ground.cloud.cloud.counters.writes == 0


def test_a_host_without_an_agency_is_not_taken_for_the_hub_by_accident(organization: Callable[..., Any]) -> None:
    ground = organization()
    ground.variables["acme-oslo"]["mfa_rollout_auth"].pop("assume_agency")
    audit = ground.run("hwc.mfa.audit", env=ground.env)
    assert audit.code == 2
    assert "host acme-oslo has no credentials in mfa_rollout_auth" in " ".join(audit.output.split())
    assert audit.recap("acme-madrid")["failed"] == 0


def test_the_account_that_does_not_trust_the_hub_fails_alone(organization: Callable[..., Any]) -> None:
    ground = organization()
    ground.cloud.cloud.agencies[:] = [agency for agency in ground.cloud.cloud.agencies if agency.trusting.name != "acme-oslo"]
    rollout = ground.run("hwc.mfa.rollout", env=ground.env)
    assert rollout.code == 2
    assert "Agent Operator" in rollout.output
    assert [rollout.recap(member)["failed"] for member in MEMBERS] == [0, 1]
    assert not protected(ground, 2) and protected(ground, 1)


DEFAULTS = """\
- hosts: acme-madrid
  connection: local
  gather_facts: false
  module_defaults:
    group/hwc.mfa.mfa:
      iam_endpoint: "{{ mfa_rollout_auth.iam_endpoint }}"
      access_key: "{{ lookup('env', 'HW_ACCESS_KEY') }}"
      secret_key: "{{ lookup('env', 'HW_SECRET_KEY') }}"
      assume_agency: "{{ mfa_rollout_auth.assume_agency }}"
"""

TASKS = """\
    - hwc.mfa.iam_mfa_info:
      register: member
      vars:
        hwc_mfa_in_process: "{{ in_process | bool }}"

    - hwc.mfa.iam_mfa_info:
        assume_agency: {}
      register: hub
      vars:
        hwc_mfa_in_process: "{{ in_process | bool }}"

    - ansible.builtin.debug:
        msg: "at {{ member.account.name }}, then at {{ hub.account.name }}"
"""


@pytest.mark.parametrize("in_process", ["true", twin("false")])
def test_module_defaults_give_an_agency_and_an_empty_one_takes_it_back(
    organization: Callable[..., Any], in_process: str, core: Any
) -> None:
    ground = organization()
    run = ground.play(TASKS, "-vvv", "-e", f"in_process={in_process}", header=DEFAULTS, env={**ground.env, **core})
    assert run.code == 0, run.output
    assert "at acme-madrid, then at acme-berlin" in run.output
    assert not [secret for secret in secrets_of(ground) if secret in run.output]


def test_a_suboption_that_is_unknown_is_named_and_its_value_hidden(organization: Callable[..., Any]) -> None:
    ground = organization()
    tasks = TASKS.split("\n\n", maxsplit=1)[0].replace(
        "iam_mfa_info:", "iam_mfa_info:\n        assume_agency: {agency: mfa, tokencode: s3cret-code}"
    )
    run = ground.play(tasks + "\n", "-vvv", "-e", "in_process=true", header=DEFAULTS, env=ground.env)
    assert run.code == 2
    assert "assume_agency.agency" in run.output or "agency, tokencode" in run.output.replace("assume_agency.", "")
    assert "s3cret-code" not in run.output.split("TASK [")[1]
