# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The accounts of an organization as an inventory: what ansible-inventory shows of it, and plays that run on it with one credential."""

from __future__ import annotations

import json
from typing import Any, Callable

import pytest
import yaml

AGENCY = "OrganizationAccountAccessAgency"
HOSTILE = "{{ lookup('env', 'HW_SECRET_KEY') }}\n../../{% raw %}"


class Organization:
    """An organization in a rehearsal cloud, with a file that lists its accounts."""

    def __init__(self, ground: Any, core: dict[str, str] | None = None) -> None:
        self.ground = ground
        self.cloud = ground.cloud
        self.organization = ground.cloud.organization
        self.file = ground.path / "organization_accounts.yml"
        admin = self.cloud.describe()["admin"]
        self.env = {"HW_ACCESS_KEY": admin["access_key"], "HW_SECRET_KEY": admin["secret_key"], **(core or {})}
        self.cache = ground.path / "cache"
        self.caching = {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(self.cache)}
        self.ids = {account["name"]: account["domain_id"] for account in self.cloud.describe()["accounts"]}

    def write(self, **options: Any) -> None:
        url = self.cloud.url
        base = {"plugin": "hwc.mfa.organization_accounts", "iam_endpoint": url, "organizations_endpoint": url}
        self.file.write_text(yaml.safe_dump({**base, **options}), encoding="utf-8")

    def run(self, *words: str, **env: str) -> Any:
        command = ["ansible-inventory", "-i", str(self.file), *words]
        return self.ground.run_command(command, env={"ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "1", **self.env, **env})

    def parsed(self, run: Any) -> dict[str, Any]:
        """What ``--list`` shows, without what it warns of."""
        return json.loads(run.output[run.output.index("\n{") if not run.output.startswith("{") else 0 :], object_hook=_text)

    def routes(self) -> list[str]:
        """The calls since the last time."""
        routes = [entry["route"] for entry in self.cloud.log]
        self.cloud.clear_log()
        return routes


def _text(found: dict[str, Any]) -> Any:
    """Text that ansible-inventory marks, as text."""
    return found["__ansible_unsafe"] if set(found) == {"__ansible_unsafe"} else found


@pytest.fixture
def organization(playground: Callable[..., Any]) -> Callable[..., Organization]:
    def make(core: dict[str, str] | None = None, **settings: Any) -> Organization:
        ground = playground(**{"strategy": "require", "users": 8, "accounts": 4, "agency": AGENCY, "page_size": 2, **settings})
        found = Organization(ground, core)
        found.write()
        return found

    return make


def test_accounts_are_hosts_of_nested_units(organization: Callable[..., Organization], core: dict[str, str]) -> None:
    org = organization(core)
    prod = org.organization.add_unit("Prod")
    europe = org.organization.add_unit("Europe & more/east", prod)
    org.organization.member("acme-madrid").unit = prod
    org.organization.member("acme-oslo").unit = europe
    org.organization.member("acme-oslo").tags = {"env": "prod one", "host": "x", "__ansible_vault": "no"}
    hostile = org.organization.add_member(HOSTILE, description="#{", tags={"{{ x }}": "{% y %}"})
    closed = org.organization.add_member("closed", status="suspended")
    twins = [org.organization.add_member("twin") for _twin in range(2)]
    org.write(
        keyed_groups=[{"prefix": "env", "key": "account_tags.env | default('none')"}],
        groups={"southern": "account_name == 'acme-madrid'"},
        compose={"label": "account_unit_path ~ '|' ~ account_name", "broken": "nothing.at_all"},
        region="ap-southeast-1",
        **org.caching,
    )

    run = org.run("--list")
    assert run.code == 0, run.output
    assert "DEPRECATION" not in run.output
    listed = org.parsed(run)
    hosts = listed["_meta"]["hostvars"]

    hostile_host = "lookup__env____HW_SECRET_KEY"
    (found_hostile,) = [host for host in hosts if hostile_host in host]
    assert not set("{}%/\n ") & set(found_hostile)
    assert set(hosts) == {*org.ids, found_hostile, *(f"twin_{twin.id}" for twin in twins)}
    assert closed.id not in run.output
    assert hosts[found_hostile]["account_name"] == hostile.name
    assert hosts[found_hostile]["account_tags"] == hostile.tags
    assert org.env["HW_SECRET_KEY"] not in run.output
    oslo = hosts["acme-oslo"]
    assert oslo["account_unit_path"] == "Prod/Europe & more_east"
    assert oslo["account_tags"] == {"env": "prod one", "host": "x"}
    assert oslo["label"] == "Prod/Europe & more_east|acme-oslo"
    assert "broken" not in oslo
    assert oslo["mfa_rollout_auth"] == {
        "region": "ap-southeast-1",
        "iam_endpoint": org.cloud.url,
        "assume_agency": {"agency_name": AGENCY, "domain_id": org.ids["acme-oslo"]},
    }
    assert hosts["acme-berlin"]["mfa_rollout_auth"] == {"region": "ap-southeast-1", "iam_endpoint": org.cloud.url}
    assert hosts["acme-berlin"]["account_is_management"] is True
    assert hosts["acme-berlin"]["mfa_rollout_auth_from_environment"] is True
    assert listed["management_account"]["hosts"] == ["acme-berlin"]
    assert listed["organization"]["children"] == ["unit_Prod"]
    assert listed["unit_Prod"] == {"hosts": ["acme-madrid"], "children": ["unit_Europe___more_east"]}
    assert listed["unit_Europe___more_east"]["hosts"] == ["acme-oslo"]
    assert listed["env_prod_one"]["hosts"] == ["acme-oslo"]
    assert listed["southern"]["hosts"] == ["acme-madrid"]

    # The next run makes all of it of what the cache has kept: answers, and nothing else.
    assert "org-accounts" in org.routes()
    assert org.parsed(org.run("--list")) == listed
    assert org.routes() == []
    graph = org.run("--graph", "organization").output
    assert (
        "@organization:" in graph
        and "  |--@unit_Prod:\n  |  |--@unit_Europe___more_east:\n  |  |  |--acme-oslo\n  |  |--acme-madrid\n" in graph
    )
    (kept,) = org.cache.iterdir()
    text = kept.name + kept.read_text(encoding="utf-8")
    assert not [word for word in (*org.env.values(), "env_prod", "unit_", "agency", "mfa_rollout", "southern") if word in text]


PLAY = """\
- hosts: all
  connection: local
  gather_facts: false
  tasks:
    - ansible.builtin.copy:
        content: "{{ account_name }}|{{ label }}|{{ account_description }}"
        dest: "{{ inventory_hostname }}"
"""


@pytest.mark.parametrize("core", ["newest", "oldest"], indirect=True)
def test_no_name_is_evaluated_in_a_play_nor_after_an_export_and_a_flush_asks_again(
    organization: Callable[..., Organization], core: dict[str, str]
) -> None:
    org = organization(core)
    hostile = org.organization.add_member(HOSTILE)
    org.write(hostnames=["account_tags.host", "'live-' ~ account_id"], compose={"label": "account_name ~ '!'"}, **org.caching)
    export = org.run("--list", "--export").output.replace("live-", "exported-")
    script = org.ground.path / "exported"
    script.write_text(f"#!/bin/sh\ncat <<'END'\n{export[export.index('{') :]}\nEND\n", encoding="utf-8")
    script.chmod(0o755)
    play = org.ground.path / "play.yml"
    play.write_text(PLAY, encoding="utf-8")
    hostile.description = "{{ 7 * 7 }}"
    hosts = [f"{source}-{hostile.id}" for source in ("live", "exported")]

    run = org.ground.run_command(
        ["ansible-playbook", "-i", str(org.file), "-i", str(script), "--limit", ",".join(hosts), "--flush-cache", str(play)], env=org.env
    )

    assert run.code == 0, run.output
    live, exported = ((org.ground.path / host).read_text(encoding="utf-8") for host in hosts)
    assert live == f"{HOSTILE}|{HOSTILE}!|{hostile.description}"
    assert exported == f"{HOSTILE}|{HOSTILE}!|"


def test_one_credential_audits_an_organization(organization: Callable[..., Organization]) -> None:
    org = organization(accounts=3, users=6)
    org.write(account_auth={"assume_agency": {"duration": 1800}})
    env = {**org.env, "HWC_IAM_ENDPOINT": org.cloud.url}
    run = org.ground.run_command(
        ["ansible-playbook", "-i", str(org.file), "-e", f"mfa_rollout_report_dir={org.ground.path}/report", "hwc.mfa.audit"], env=env
    )
    assert run.code == 0, run.output
    for host, account_id in org.ids.items():
        assert run.recap(host)["failed"] == 0
        assert org.ground.report(host)["cloud_account"]["id"] == account_id
    assert [agency.assumed > 0 for agency in org.cloud.cloud.agencies] == [True, True]


def test_keys_of_group_vars_serve_all_hosts(organization: Callable[..., Organization]) -> None:
    org = organization(accounts=3, users=6)
    keys = {"access_key": org.env.pop("HW_ACCESS_KEY"), "secret_key": org.env.pop("HW_SECRET_KEY")}
    org.write(
        access_key="{{ lookup('ansible.builtin.env', 'HUB_ACCESS_KEY') }}",
        secret_key="{{ lookup('ansible.builtin.env', 'HUB_SECRET_KEY') }}",
        account_auth={"access_key": "{{ hub_access_key }}", "secret_key": "{{ hub_secret_key }}"},
    )
    (org.ground.path / "group_vars").mkdir()
    (org.ground.path / "group_vars" / "all.json").write_text(json.dumps({f"hub_{name}": key for name, key in keys.items()}))
    hub = {"HUB_ACCESS_KEY": keys["access_key"], "HUB_SECRET_KEY": keys["secret_key"]}
    run = org.ground.run_command(
        ["ansible-playbook", "-i", str(org.file), "-e", f"mfa_rollout_report_dir={org.ground.path}/report", "hwc.mfa.audit", "-vvv"],
        env={**org.env, **hub},
    )
    assert run.code == 0, run.output
    assert all(run.recap(host)["failed"] == 0 for host in org.ids)
    assert keys["secret_key"] not in run.output
    assert [org.ground.report(host)["cloud_account"]["id"] for host in org.ids] == list(org.ids.values())


@pytest.mark.parametrize("told_by_sts", [True, False])
def test_users_of_an_account_are_protected_in_the_name_of_its_own_host_only(
    organization: Callable[..., Organization], told_by_sts: bool
) -> None:
    # A delegated administrator's keys, where IAM lists no account of theirs.
    org = organization(accounts=2, domains_empty=True)
    member = org.cloud.describe()["accounts"][1]
    org.organization.delegated.add(member["domain_id"])
    org.env |= {"HW_ACCESS_KEY": member["admin"]["access_key"], "HW_SECRET_KEY": member["admin"]["secret_key"]}
    org.write(**({} if told_by_sts else {"sts_endpoint": "http://127.0.0.1:9"}))
    words = [
        "-i",
        str(org.file),
        "hwc.mfa.rollout",
        "--limit",
        "management_account",
        "-e",
        f"mfa_rollout_report_dir={org.ground.path}/report",
    ]
    run = org.ground.run_command(["ansible-playbook", *words], env=org.env)
    # No agency of the management account trusts the member's.
    assert run.code != 0, run.output
    assert org.cloud.cloud.counters.protects == 0
    assert ("Nobody tells which account" in " ".join(run.output.split())) is not told_by_sts


@pytest.mark.parametrize("playbook", ["hwc.mfa.rollout", "hwc.mfa.audit"])
def test_host_whose_credentials_reach_another_account_stops(playground: Callable[..., Any], playbook: str) -> None:
    ground = playground("require", users=4, accounts=2)
    berlin, madrid = ground.cloud.describe()["accounts"]
    ground.variables[berlin["name"]]["mfa_rollout_account_id"] = madrid["domain_id"]
    ground.variables[madrid["name"]]["mfa_rollout_account_id"] = madrid["domain_id"]
    run = ground.run(playbook)
    assert run.code == 2, run.output
    message = run.failure(berlin["name"])
    assert (
        f"stands for the account with the id {madrid['domain_id']}, and its credentials reach the account with the id {berlin['domain_id']}"
        in message
    )
    assert run.recap(madrid["name"])["failed"] == 0
    protected = {user.domain_id for account in ground.cloud.cloud.accounts for user in account.users if user.held_by_protection}
    assert protected == ({madrid["domain_id"]} if playbook == "hwc.mfa.rollout" else set())
