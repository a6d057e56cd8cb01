# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory plugin in this process, against a rehearsal cloud over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, Callable

import pytest
import yaml
from ansible import constants
from ansible.errors import AnsibleParserError
from ansible.inventory.data import InventoryData
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.doc_fragments import constructed, inventory_cache
from ansible.utils.display import Display
from ansible_collections.hwc.mfa.plugins.doc_fragments import auth
from ansible_collections.hwc.mfa.plugins.inventory import organization_accounts
from ansible_collections.hwc.mfa.tests.simulator import start as start_cloud

NAME = "hwc.mfa.organization_accounts"
AGENCY = "OrganizationAccountAccessAgency"


def new_plugin() -> Any:
    """The plugin as Ansible's loader makes it. The loader itself wants to be there before anything of a collection is imported."""
    fragments = (inventory_cache.ModuleDocFragment, constructed.ModuleDocFragment, auth.ModuleDocFragment, organization_accounts)
    options: dict[str, Any] = {}
    for fragment in fragments:
        options.update(yaml.safe_load(fragment.DOCUMENTATION)["options"])
    constants.config.initialize_plugin_configuration_definitions("inventory", NAME, options)
    plugin = organization_accounts.InventoryModule()
    plugin._load_name = NAME
    plugin._redirected_names = [NAME]
    plugin.ansible_name = NAME
    return plugin


@pytest.fixture
def organization(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Makes an organization of four accounts, and ``parse``, which makes an inventory of it with options beside those that are always needed."""
    handles = []
    warnings: list[str] = []
    monkeypatch.setattr(Display, "warning", lambda _self, text, *_more, **_words: warnings.append(text))

    def make(**settings: Any) -> Any:
        handle = start_cloud(**{"users": 4, "accounts": 4, "seed_random": 7, "page_size": 2, **settings})
        handles.append(handle)
        admin = handle.describe()["admin"]
        monkeypatch.setenv("HW_ACCESS_KEY", admin["access_key"])
        monkeypatch.setenv("HW_SECRET_KEY", admin["secret_key"])

        def parse(refresh: bool = False, **options: Any) -> Any:
            base = {"plugin": NAME, "iam_endpoint": handle.url, "organizations_endpoint": handle.url, "retries": 0}
            given = {name: value for name, value in {**base, **options}.items() if value is not None}
            file = tmp_path / "organization_accounts.yml"
            file.write_text(json.dumps(given), encoding="utf-8")
            inventory = InventoryData()
            plugin = new_plugin()
            assert plugin.verify_file(str(file))
            plugin.parse(inventory, DataLoader(), str(file), cache=not refresh)
            if given.get("cache"):
                plugin.update_cache_if_changed()
            return inventory

        def routes() -> list[str]:
            found = [entry["route"] for entry in handle.log]
            handle.clear_log()
            return found

        return SimpleNamespace(cloud=handle, all=handle.organization, parse=parse, routes=routes, warnings=warnings, path=tmp_path)

    yield make
    for handle in handles:
        handle.stop()


def hosts(inventory: Any) -> set[str]:
    return set(inventory.hosts)


def variables(inventory: Any, host: str) -> dict[str, Any]:
    return inventory.hosts[host].vars


NAMES = {"acme-berlin", "acme-madrid", "acme-oslo", "acme-lisbon"}


def test_every_page_of_every_listing_is_read(organization):
    org = organization()
    units = [org.all.add_unit(f"u{number}") for number in range(5)]
    below = [org.all.add_unit(f"below{number}", units[4]) for number in range(3)]
    members = [org.all.add_member(f"m{number}", unit=below[2], tags={str(tag): "x" for tag in range(5)}) for number in range(5)]
    inventory = org.parse()
    assert hosts(inventory) == NAMES | {member.name for member in members}
    assert {group.name for group in inventory.groups["unit_u4"].child_groups} == {"unit_below0", "unit_below1", "unit_below2"}
    assert {host.name for host in inventory.groups["unit_u4"].get_hosts()} == {member.name for member in members}
    assert len(variables(inventory, "m0")["account_tags"]) == 5
    assert org.warnings == []


@pytest.mark.parametrize(("concurrency", "at_once"), [(1, {1}), (3, {2, 3})])
def test_units_of_a_level_are_read_at_once_but_no_more_than_was_allowed(organization, concurrency, at_once):
    org = organization(latency_ms=30)
    top = [org.all.add_unit(f"u{number}") for number in range(4)]
    below = org.all.add_unit("below", top[1])
    org.all.add_member("m", unit=below)
    inventory = org.parse(tags=False, concurrency=concurrency)
    assert {host.name for host in inventory.groups["unit_u1"].get_hosts()} == {"m"}
    assert org.cloud.max_in_flight in at_once


@pytest.mark.parametrize(
    ("routes", "missing"),
    [
        (["org-tags"], "tags of 4 of 4 accounts"),
        (["org-units"], "organization's units"),
        (["org-roots"], "organization's units"),
        (["org-show"], "which account is the management account"),
    ],
)
def test_what_may_not_be_read_is_left_out_or_an_error(organization, routes, missing):
    org = organization()
    org.all.member("acme-oslo").unit = org.all.add_unit("Prod")
    for route in routes:
        org.cloud.fault(f"forbid:{route}")
    inventory = org.parse()
    assert hosts(inventory) == NAMES
    assert [missing in warning for warning in org.warnings] == [True]
    assert "assume_agency" not in variables(inventory, "acme-berlin")["mfa_rollout_auth"]
    assert ("management_account" in inventory.groups) == (routes != ["org-show"])
    with pytest.raises(AnsibleParserError, match=f"may not read .*{missing}.*strict_permissions=false"):
        org.parse(strict_permissions=True)


@pytest.mark.parametrize(("route", "entry"), [("org-tags", {"tags": {"env": "x"}}), ("org-units", {"units": ["Prod"]})])
def test_a_filter_by_what_may_not_be_read_is_an_error(organization, route, entry):
    org = organization()
    org.cloud.fault(f"forbid:{route}")
    with pytest.raises(AnsibleParserError, match="exclude asks for"):
        org.parse(exclude=[entry])


def test_accounts_that_may_not_be_listed_are_an_error_that_says_who_may(organization, monkeypatch):
    org = organization()
    member = org.cloud.describe()["accounts"][1]["admin"]
    keys = {"access_key": member["access_key"], "secret_key": member["secret_key"]}
    with pytest.raises(AnsibleParserError, match=r"HTTP 401.*delegated administrator") as caught:
        org.parse(**keys)
    assert member["secret_key"] not in str(caught.value)
    user = org.cloud.describe()["users"][0]
    with pytest.raises(AnsibleParserError, match=r"HTTP 403.*delegated administrator"):
        org.parse(access_key=user["access_key"], secret_key=user["secret_key"])


def test_a_delegated_administrator_reaches_its_own_account_without_an_agency(organization):
    org = organization()
    described = org.cloud.describe()["accounts"][1]
    org.all.delegated.add(described["domain_id"])
    inventory = org.parse(access_key=described["admin"]["access_key"], secret_key=described["admin"]["secret_key"])
    assert [host for host in sorted(NAMES) if "assume_agency" not in variables(inventory, host)["mfa_rollout_auth"]] == ["acme-madrid"]
    assert [host.name for host in inventory.groups["management_account"].get_hosts()] == ["acme-berlin"]
    assert described["admin"]["secret_key"] not in str([inventory.hosts[host].vars for host in NAMES])


@pytest.mark.parametrize(
    "more", [{}, {"sts_endpoint": "http://127.0.0.1:9"}, {"auth_domain_id": "own", "sts_endpoint": "http://127.0.0.1:9"}]
)
def test_a_delegated_administrators_account_that_iam_does_not_tell_is_told_by_sts_or_guessed_by_nobody(organization, more):
    org = organization(domains_empty=True)
    described = org.cloud.describe()["accounts"][1]
    org.all.delegated.add(described["domain_id"])
    more = {name: described["domain_id"] if value == "own" else value for name, value in more.items()}
    inventory = org.parse(access_key=described["admin"]["access_key"], secret_key=described["admin"]["secret_key"], **more)
    told = ["acme-madrid"] if more.keys() != {"sts_endpoint"} else []
    assert [host for host in sorted(NAMES) if "assume_agency" not in variables(inventory, host)["mfa_rollout_auth"]] == told
    assert [host for host in sorted(NAMES) if "mfa_rollout_auth_from_environment" in variables(inventory, host)] == told
    assert [host.name for host in inventory.groups["management_account"].get_hosts()] == ["acme-berlin"]
    assert ("Nobody tells which account the credentials belong to" in " ".join(org.warnings)) is (not told)
    assert ("with which STS is asked." in " ".join(org.warnings)) is (not told)


def test_an_outage_is_an_error_and_never_a_shorter_inventory(organization):
    org = organization()
    for route in ("org-accounts", "org-units", "org-tags", "org-show"):
        org.cloud.fault(f"status=503:{route}")
        with pytest.raises(AnsibleParserError, match="HTTP 503"):
            org.parse()
        org.cloud.clear_faults()
    org.cloud.fault("loop:org-accounts")
    with pytest.raises(AnsibleParserError, match="listing is broken"):
        org.parse()


@pytest.mark.parametrize("own", ["../x", "{{ x }}", "", "a b", "acme\n"])
def test_an_id_that_is_none_is_an_error(organization, own):
    org = organization()
    org.all.add_member("x").id = own
    with pytest.raises(AnsibleParserError, match="an id that is none"):
        org.parse()


def test_hostnames_fall_back_and_what_is_no_expression_is_an_error(organization):
    org = organization()
    org.all.member("acme-oslo").tags = {"host": "oslo.example"}
    inventory = org.parse(hostnames=["account_tags.host", "missing", "account_unit", "account_id[:0]"])
    ids = {account["domain_id"] for account in org.cloud.describe()["accounts"] if account["name"] != "acme-oslo"}
    assert hosts(inventory) == {"oslo.example", *ids}
    with pytest.raises(AnsibleParserError, match=r"hostnames: .* cannot be evaluated"):
        org.parse(hostnames=["account_name ~"])


def examples() -> list[dict[str, Any]]:
    """The examples. A file has one document only, so all but the first stand in comments, three blanks further in than what is said of them."""
    first, *others = organization_accounts.EXAMPLES.split("\n\n")
    commented = ["\n".join(line[4:] for line in block.splitlines() if line.startswith("#   ")) for block in others]
    return [yaml.safe_load(text) for text in (first, *commented)]


EXAMPLES = examples()


@pytest.mark.parametrize(("example", "count"), [(0, 4), (1, 1), (2, 4)])
def test_examples_run_as_they_stand(organization, monkeypatch, example, count):
    org = organization()
    assert len(EXAMPLES) == 3
    org.all.member("acme-oslo").unit = org.all.add_unit("Prod")
    org.all.member("acme-oslo").tags = {"env": "prod-1", "hostname": "oslo.example"}
    monkeypatch.chdir(org.path)
    for name in ("IAM", "ORGANIZATIONS"):
        monkeypatch.setenv(f"HWC_{name}_ENDPOINT", org.cloud.url)
    for name, key in (("HUB_ACCESS_KEY", "access_key"), ("HUB_SECRET_KEY", "secret_key")):
        monkeypatch.setenv(name, org.cloud.describe()["admin"][key])
    inventory = org.parse(**{"iam_endpoint": None, "organizations_endpoint": None, "retries": None, **EXAMPLES[example]})
    assert len(hosts(inventory)) == count
    if example == 1:
        assert hosts(inventory) == {"oslo.example"}
        assert variables(inventory, "oslo.example")["mfa_rollout_wave_sizes"] == [1, 10, 100]
        assert "env_prod_1" in inventory.groups
    if example == 2:
        assert variables(inventory, "acme-oslo")["mfa_rollout_auth"]["secret_key"] == "{{ hub_secret_key }}"


def test_strict_expressions(organization):
    org = organization()
    assert "x" not in variables(org.parse(compose={"x": "nothing.at.all"}), "acme-oslo")
    with pytest.raises(Exception, match="nothing"):
        org.parse(compose={"x": "nothing.at.all"}, strict=True)


def test_options_may_be_templates_and_are_checked_after(organization, monkeypatch):
    org = organization()
    admin = org.cloud.describe()["admin"]
    for name in ("HW_ACCESS_KEY", "HW_SECRET_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HUB", admin["secret_key"])
    inventory = org.parse(
        access_key=admin["access_key"],
        secret_key="{{ lookup('env', 'HUB') }}",
        include=[{"names": ["{{ 'acme' }}-oslo"]}],
        agency_name="{{ 'mf' ~ 'a' }}",
    )
    assert variables(inventory, "acme-oslo")["mfa_rollout_auth"]["assume_agency"]["agency_name"] == "mfa"
    with pytest.raises(AnsibleParserError, match="No credentials"):
        org.parse()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"secret_key": 12345678}, "secret_key must be text"),
        ({"secret_key": ["s3cret"]}, "secret_key must be text"),
        ({"access_key": "AK", "secret_key": "s3cret", "auth_token": "s3cret"}, "two kinds of credentials"),
        ({"include": [{"colour": "red"}]}, "colour"),
        ({"include": [{"tags": {"a": "b"}}], "tags": False}, "tags=false"),
        ({"include": [{"names": "{{ [] }}"}]}, r"include\[0\]\.names is empty"),
        ({"include": [{"names": "{{ '' }}"}]}, r"include\[0\]\.names has an empty text"),
        ({"exclude": [{"names": ["a"]}, {"tags": {}}]}, r"exclude\[1\]\.tags is empty"),
        ({"exclude": [{"tags": {"skip": True}}]}, r"exclude\[0\]\.tags: the value of the tag skip must be text"),
        ({"exclude": [{}]}, r"exclude\[0\] asks for nothing"),
        ({"organizations_endpoint": None}, "organizations_endpoint is missing"),
        ({"iam_endpoint": None, "organizations_endpoint": None, "region": "eu-de"}, "Open Telekom Cloud"),
        ({"organizations_endpoint": "http://organizations.example"}, "must be https"),
        ({"account_auth": {"secret_key": "s3cret"}}, "holds a secret"),
        ({"account_auth": [{"secret_key": "s3cret"}]}, "account_auth must be a mapping"),
        ({"account_auth": "s3cret"}, "account_auth must be a mapping"),
        ({"assume_agency": [{"agency_name": "x", "token_code": "12345678"}]}, "assume_agency must be a mapping"),
        ({"assume_agency": "external_id=s3cret"}, "assume_agency must be a mapping"),
        ({"concurrency": 0}, "concurrency"),
        ({"assume_agency": {"agency_name": "x"}}, "domain_name or assume_agency.domain_id is missing"),
    ],
)
def test_wrong_options_are_told_before_the_cloud_is_asked(organization, options, said):
    org = organization()
    with pytest.raises(AnsibleParserError, match=said) as caught:
        org.parse(**options)
    assert "s3cret" not in str(caught.value) and "12345678" not in str(caught.value)
    assert org.routes() == []


@pytest.mark.parametrize("option", ["include", "exclude"])
@pytest.mark.parametrize("nothing", [[], "{{ [] }}"])
def test_no_entries_choose_every_active_account(organization, option, nothing):
    assert hosts(organization().parse(**{option: nothing})) == NAMES


def test_a_cloud_of_clouds_yaml_gives_the_credentials_and_goes_along_to_the_hosts(organization, monkeypatch):
    org = organization()
    admin = org.cloud.describe()["admin"]
    for name in ("HW_ACCESS_KEY", "HW_SECRET_KEY"):
        monkeypatch.delenv(name)
    auth = {"auth_url": org.cloud.url, "access_key": admin["access_key"], "secret_key": admin["secret_key"]}
    file = org.path / "clouds.yaml"
    file.write_text(json.dumps({"clouds": {"hub": {"auth": auth}}}))
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(file))
    inventory = org.parse(cloud="hub", iam_endpoint=None)
    assert variables(inventory, "acme-berlin")["mfa_rollout_auth"] == {"cloud": "hub"}
    assert variables(inventory, "acme-oslo")["mfa_rollout_auth"]["cloud"] == "hub"


def test_an_inventory_through_an_agency_of_the_management_account(organization):
    org = organization()
    hub = org.cloud.describe()["accounts"][3]
    org.cloud.add_agency(org.cloud.cloud.accounts[0], "hub", trusted=org.cloud.cloud.accounts[3])
    own = {"agency_name": "hub", "domain_name": "acme-berlin"}
    inventory = org.parse(access_key=hub["admin"]["access_key"], secret_key=hub["admin"]["secret_key"], assume_agency=own)
    assert variables(inventory, "acme-berlin")["mfa_rollout_auth"]["assume_agency"] == own
    assert "assume_agency" not in variables(inventory, "acme-lisbon")["mfa_rollout_auth"]
    assert variables(inventory, "acme-lisbon")["mfa_rollout_auth_from_environment"] is True


def cached(org: Any) -> dict[str, Any]:
    return {"cache": True, "cache_plugin": "jsonfile", "cache_connection": str(org.path / "cache")}


def test_a_refresh_asks_again_and_what_it_says_is_kept(organization):
    org = organization()
    caching = cached(org)
    org.parse(**caching)
    org.all.add_member("newcomer")
    org.routes()
    assert "newcomer" not in hosts(org.parse(**caching))
    assert org.routes() == []
    assert "newcomer" in hosts(org.parse(refresh=True, **caching))
    assert org.routes()
    assert "newcomer" in hosts(org.parse(**caching))
    assert org.routes() == []


def test_account_of_the_credentials_that_could_not_be_told_is_asked_for_again_and_kept(organization):
    org = organization()
    caching = {**cached(org), "sts_endpoint": org.cloud.url}
    for route in ("domains", "caller-identity"):
        org.cloud.fault(f"status=503:{route}")
    for _outage in range(2):
        assert "assume_agency" in variables(org.parse(**caching), "acme-berlin")["mfa_rollout_auth"]
    org.cloud.fault("cut:domains")
    assert "assume_agency" in variables(org.parse(**caching), "acme-berlin")["mfa_rollout_auth"]
    org.cloud.clear_faults()
    org.routes()
    assert "assume_agency" not in variables(org.parse(**caching), "acme-berlin")["mfa_rollout_auth"]
    assert org.routes() == ["domains"]
    assert "assume_agency" not in variables(org.parse(**caching), "acme-berlin")["mfa_rollout_auth"]
    assert org.routes() == []


def test_other_credentials_services_and_questions_have_answers_of_their_own(organization, monkeypatch):
    org = organization()
    caching = cached(org)
    org.parse(**caching)
    org.routes()
    temporary = org.cloud.describe()["admin"]["temporary"]
    for options in (temporary, {"organizations_endpoint": org.cloud.url.replace("127.0.0.1", "localhost")}, {"tags": False}):
        org.parse(**caching, **options)
        assert "org-accounts" in org.routes()
        org.parse(**caching, **options)
        assert org.routes() == []
    kept = list((org.path / "cache").iterdir())
    assert len(kept) == 4
    text = "".join(file.name + file.read_text(encoding="utf-8") for file in kept)
    assert not [secret for secret in (*temporary.values(), org.cloud.describe()["admin"]["secret_key"]) if secret in text]


def test_strictness_and_filters_count_for_answers_that_were_kept(organization):
    org = organization()
    org.cloud.fault("forbid:org-tags")
    caching = cached(org)
    org.parse(**caching)
    org.parse(**caching)
    assert len(org.warnings) == 2
    with pytest.raises(AnsibleParserError, match="may not read"):
        org.parse(strict_permissions=True, **caching)
    assert hosts(org.parse(exclude=[{"names": ["*-oslo"]}], **caching)) == NAMES - {"acme-oslo"}


def test_what_fits_no_account_is_warned_of_since_it_may_be_misspelt(organization):
    org = organization()
    inventory = org.parse(
        include=[{"names": ["acme-*", "Acme-*"]}], exclude=[{"units": ["prod"]}, {"names": ["acme-oslo"], "statuses": ["Suspended"]}]
    )
    assert hosts(inventory) == NAMES
    assert org.warnings == [
        "include[0].names has Acme-*, which fits no account of the organization: upper and lower case count.",
        "exclude[0].units has prod, which fits no account of the organization: upper and lower case count.",
    ]


def test_status_that_there_is_not_is_warned_of_since_it_may_be_misspelt(organization):
    org = organization()
    include = [{"statuses": ["actve"]}, {"statuses": ["ACTIVE", "pending_*", "*"]}]
    assert hosts(org.parse(include=include[:1], exclude=[{"statuses": ["suspended"]}])) == set()
    sentence = "statuses has actve, which is the status of no account: there are active, suspended and pending_closure."
    assert org.warnings == [f"include[0].{sentence}"]
    org.warnings.clear()
    assert hosts(org.parse(include=include, exclude=[{"statuses": ["suspended", "actve"]}])) == NAMES
    assert org.warnings == [f"include[0].{sentence}", f"exclude[0].{sentence}"]


def test_answers_of_another_form_are_asked_for_again(organization):
    org = organization()
    caching = cached(org)
    org.parse(**caching)
    (file,) = (org.path / "cache").iterdir()
    file.write_text('{"format": 0}')
    org.routes()
    assert hosts(org.parse(**caching)) == NAMES
    assert "org-accounts" in org.routes()
