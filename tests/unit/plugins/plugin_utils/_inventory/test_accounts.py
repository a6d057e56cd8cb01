# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import OptionError
from ansible_collections.hwc.mfa.plugins.plugin_utils._inventory.accounts import accounts_of, units_of
from ansible_collections.hwc.mfa.plugins.plugin_utils._inventory.filters import check, selected
from ansible_collections.hwc.mfa.plugins.plugin_utils._inventory.untrusted import untrusted
from ansible_collections.hwc.mfa.plugins.plugin_utils._inventory.variables import access, check_addition, described

AGENCY = "OrganizationAccountAccessAgency"
KNOWN = ("access_key", "secret_key", "retries", "assume_agency")


def answers(**fields: Any) -> dict[str, Any]:
    """An organization: "hub" in the root, "prod-1" and "shop" in Prod and below it, "old" that is suspended, "lost" of which nothing is known."""
    names = {"1": "hub", "2": "prod-1", "3": "shop", "4": "old", "5": "lost"}
    accounts = [
        {"id": own, "name": name, "urn": "", "status": "ACTIVE", "join_method": "Created", "joined_at": ""} for own, name in names.items()
    ]
    accounts[3]["status"] = "suspended"
    for account in accounts:
        account["description"] = ""
    return {
        "accounts": accounts,
        "caller_id": "1",
        "acting_id": "1",
        "management_id": "1",
        "units": [{"id": "ou-p", "name": "Prod", "parent": None}, {"id": "ou-e", "name": "EU/West", "parent": "ou-p"}],
        "places": {"1": None, "2": "ou-p", "3": "ou-e", "4": None},
        "tags": {"1": [], "2": [["env", "prod"]], "3": [["env", "test"], ["team", ""], ["5", "17"]], "4": []},
        **fields,
    }


ACCOUNTS = accounts_of(answers())
KNOWN_ACCOUNTS = [account for account in ACCOUNTS if account.name != "lost"]


def names(include: Any = (), exclude: Any = (), accounts: Any = KNOWN_ACCOUNTS) -> list[str]:
    return [account.name for account in selected(accounts, list(include), list(exclude))]


def test_units_have_paths_without_slashes_of_their_names():
    assert [(unit.path, unit.chain) for unit in units_of(answers()).values()] == [
        ("Prod", ("ou-p",)),
        ("Prod/EU_West", ("ou-p", "ou-e")),
    ]
    assert units_of(answers(units=None)) == {}


def test_accounts_are_sorted_and_their_words_small():
    assert [account.name for account in ACCOUNTS] == ["hub", "lost", "old", "prod-1", "shop"]
    assert {(account.status, account.join_method) for account in ACCOUNTS} == {("active", "created"), ("suspended", "created")}
    assert [account.name for account in ACCOUNTS if account.is_management and account.is_caller] == ["hub"]


@pytest.mark.parametrize(
    ("include", "exclude", "found"),
    [
        ([], [], ["hub", "prod-1", "shop"]),
        ([{"statuses": ["*"]}], [], ["hub", "old", "prod-1", "shop"]),
        ([{"statuses": ["Suspended"]}], [], ["old"]),
        ([{"names": ["*o*"]}], [], ["prod-1", "shop"]),
        ([{"names": ["prod-1"]}, {"names": ["old"], "statuses": ["suspended"]}], [], ["old", "prod-1"]),
        ([{"names": ["PROD-1"]}], [], []),
        ([{"units": ["Prod"]}], [], ["prod-1", "shop"]),
        ([{"units": ["Prod/*"]}], [], ["shop"]),
        ([{"units": ["/Prod/EU_West/"]}], [], ["shop"]),
        ([{"units": ["ou-e"]}], [], ["shop"]),
        ([{"units": ["EU_West"]}], [], []),
        ([{"tags": {"env": "p*"}}], [], ["prod-1"]),
        ([{"tags": {"env": None}}], [], ["prod-1", "shop"]),
        ([{"tags": {"env": "test", "team": ""}}], [], ["shop"]),
        ([{"tags": {"env": "test", "team": "x"}}], [], []),
        ([{"tags": {5: 17}}], [], ["shop"]),
        ([{"units": ["Prod"], "names": ["shop"]}], [], ["shop"]),
        ([], [{"names": ["hub"]}, {"tags": {"env": "test"}}], ["prod-1"]),
        ([{"statuses": ["*"]}], [{"statuses": ["suspended"]}], ["hub", "prod-1", "shop"]),
        ([], [{"units": ["Prod"], "names": ["shop"]}], ["hub", "prod-1"]),
    ],
)
def test_filters(include, exclude, found):
    assert names(include, exclude) == found


@pytest.mark.parametrize("option", ["include", "exclude"])
@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({}, "[1] asks for nothing: give it statuses, units, names or tags, or remove it"),
        (dict.fromkeys(("statuses", "units", "names", "tags")), "[1] asks for nothing"),
        ({"statuses": []}, "[1].statuses is empty: give at least one, or leave statuses out if any will do."),
        ({"units": []}, "[1].units is empty"),
        ({"names": []}, "[1].names is empty"),
        ({"tags": {}}, "[1].tags is empty"),
        ({"names": ["hub"], "units": []}, "[1].units is empty"),
        ({"names": ["hub", " "]}, "[1].names has an empty text, which fits nothing"),
        ({"units": ["/"]}, "[1].units has an empty text"),
        ({"tags": {"env": None, "skip": True}}, "[1].tags: the value of the tag skip must be text, and YAML made something else of it"),
        ({"tags": {"skip": 1.5}}, "[1].tags: the value of the tag skip must be text"),
        ({"tags": {False: None}}, "[1].tags: the name of the tag False must be text"),
    ],
)
def test_entry_that_asks_for_nothing_or_by_accident_is_refused_by_its_place(option, entry, said):
    # What asks for nothing would be everybody, in include and in exclude.
    with pytest.raises(OptionError, match=re.escape(f"{option}{said}")):
        check([{"names": ["hub"]}, entry], option)


@pytest.mark.parametrize("entries", [[], [{"names": ["hub"], "units": None}, {"tags": {"env": None}}]])
def test_what_is_absent_is_not_asked_for(entries):
    check(entries, "include")


@pytest.mark.parametrize("entry", [{"units": ["Prod"]}, {"tags": {"env": "prod"}}])
def test_what_is_not_known_of_an_account_includes_and_excludes_nobody_by_accident(entry):
    for include, exclude in (([entry], []), ([], [entry])):
        with pytest.raises(OptionError, match=r"lost \(5\)"):
            names(include, exclude, ACCOUNTS)
    # Where another condition has decided, nothing else is asked.
    assert names([{"names": ["hub"], **entry}], [], ACCOUNTS) == []


def of(name: str, **fields: Any) -> Any:
    return next(account for account in accounts_of(answers(**fields)) if account.name == name)


def test_each_account_but_that_of_the_credentials_is_reached_by_an_agency():
    options = {"region": "r1", "access_key": "AK", "secret_key": "SK", "signature": "plain", "iam_endpoint": None, "retries": 5}
    assert access(of("shop"), options, AGENCY, {}) == {
        "mfa_rollout_account_id": "3",
        "mfa_rollout_auth": {"region": "r1", "assume_agency": {"agency_name": AGENCY, "domain_id": "3"}},
    }
    assert access(of("hub"), options, AGENCY, {}) == {
        "mfa_rollout_account_id": "1",
        "mfa_rollout_auth": {"region": "r1"},
        "mfa_rollout_auth_from_environment": True,
    }


def test_a_delegated_administrators_account_is_its_own_and_the_management_account_is_not():
    assert access(of("shop", caller_id="3", acting_id="3"), {}, AGENCY, {})["mfa_rollout_auth"] == {}
    hub = access(of("hub", caller_id="3", acting_id="3"), {}, AGENCY, {})
    assert hub == {"mfa_rollout_account_id": "1", "mfa_rollout_auth": {"assume_agency": {"agency_name": AGENCY, "domain_id": "1"}}}


def test_an_inventory_through_an_agency_reaches_its_account_by_that_agency():
    own = {"agency_urn": "iam::1:agency:hub", "external_id": "x", "duration": None, "serial_number": "s", "token_code": "123456"}
    options = {"assume_agency": own}
    fields = {"caller_id": "99"}
    assert access(of("hub", **fields), options, AGENCY, {})["mfa_rollout_auth"] == {
        "assume_agency": {"agency_urn": "iam::1:agency:hub", "external_id": "x"}
    }
    assert access(of("shop", **fields), options, AGENCY, {})["mfa_rollout_auth"]["assume_agency"]["domain_id"] == "3"


def test_additions_are_kept_as_they_are_and_never_change_whose_agency_it_is():
    more = {"secret_key": "{{ hub }}", "retries": 9, "assume_agency": {"duration": 1800}}
    check_addition(more, KNOWN)
    assert access(of("shop"), {}, AGENCY, more)["mfa_rollout_auth"] == {
        "secret_key": "{{ hub }}",
        "retries": 9,
        "assume_agency": {"duration": 1800, "agency_name": AGENCY, "domain_id": "3"},
    }
    assert "assume_agency" not in access(of("hub"), {}, AGENCY, more)["mfa_rollout_auth"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"secret_key": "s3cret"}, r"account_auth\.secret_key holds a secret"),
        ({"secret_key": 5}, r"account_auth\.secret_key holds a secret"),
        ({"colour": "red"}, r"account_auth\.colour is no option"),
        ({"assume_agency": {"agency_name": "x"}}, "takes duration only"),
        ({"assume_agency": "x"}, "takes duration only"),
    ],
)
def test_additions_that_cannot_be(more, said):
    with pytest.raises(OptionError, match=said) as caught:
        check_addition(more, KNOWN)
    assert "s3cret" not in str(caught.value)


def test_variables_tell_what_is_known_and_leave_out_keys_that_ansible_would_take_for_its_own():
    shop = described(of("shop", tags={"3": [["__ansible_vault", "x"], ["{{ a }}", "b"]]}))
    assert shop["account_tags"] == {"{{ a }}": "b"}
    assert (shop["account_unit"], shop["account_unit_path"], shop["account_unit_id"]) == ("EU/West", "Prod/EU_West", "ou-e")
    lost = described(of("lost"))
    assert (lost["account_tags"], lost["account_unit_path"]) == ({}, "")
    json.dumps([shop, lost])


@pytest.mark.parametrize("text", ["{{ x }}", "{", "#", "%}", "a\nb", "東京"])
def test_text_that_could_become_a_template_is_marked_and_stays_the_same(text):
    given = {"a": {text: text}, "n": 1, "plain": "acme-prod 1"}
    marked = untrusted(given)
    assert marked == given
    assert marked["plain"] is given["plain"]
