# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role's variables come to, once a run."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import yaml
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.settings import agency, artifact_key, settings
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import Terms
from ansible_collections.hwc.mfa.tests.unit.plugins.plugin_utils._rollout.accounts import SECRET

ROLE = Path(__file__).resolve().parents[5] / "roles" / "mfa_rollout"
DEFAULTS = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text(encoding="utf-8"))
KEY = {"access_key": "AK-1", "secret_key": "SK-1"}
COMMON = {"agency_name": "ops", "duration": "3600"}
CREDENTIAL = {
    "HWC_AGENCY_NAME": "ops",
    "HWC_AGENCY_DURATION": "3600",
    "HWC_AGENCY_DOMAIN_ID": "d-credential",
    "HWC_AGENCY_EXTERNAL_ID": "x-1",
    "HWC_AGENCY_URN": "",
}


def made_of(environ=None, audit_only=False, in_awx=False, check_mode=False, **variables):
    given = {**DEFAULTS, "mfa_rollout_account": "acme", **{f"mfa_rollout_{name}": value for name, value in variables.items()}}
    return settings(given, environ or {}, audit_only=audit_only, in_awx=in_awx, check_mode=check_mode)


@pytest.mark.parametrize(
    ("variables", "store", "lock", "lock_dir", "record_dir"),
    [
        ({}, "none", "none", "", ""),
        ({"report_dir": "/r"}, "none", "reports", "/r/.locks", "/r"),
        ({"seed_store_dir": "/s"}, "none", "files", "/s", "/s"),
        ({"seed_store_dir": "/s", "report_dir": "/r"}, "none", "files", "/s", "/r"),
        ({"strategy": "enrol", "seed_store_dir": "/s", "report_dir": "/r"}, "files", "files", "/s", "/s"),
        ({"strategy": "enrol", "seed_store": "hashi_vault", "report_dir": "/r"}, "hashi_vault", "hashi_vault", "", "/r"),
        ({"seed_store": "csms", "report_dir": "/r"}, "none", "csms", "", "/r"),
        ({"strategy": "enrol", "seed_store_tasks": "/t.yml", "seed_store": "csms", "seed_store_dir": "/s"}, "tasks", "tasks", "", "/s"),
        ({"strategy": "enrol"}, "none", "none", "", ""),
    ],
)
def test_places_follow_from_the_variables(variables, store, lock, lock_dir, record_dir):
    found = made_of(**variables)
    assert (found["store"], found["lock"], found["lock_dir"], found["record_dir"]) == (store, lock, lock_dir, record_dir)
    assert found["record_in_store"] is (store == "files")


@pytest.mark.parametrize(
    ("variables", "in_awx", "unlocked"),
    [
        ({}, False, True),
        ({"report_dir": "/r"}, False, False),
        ({"report_dir": "/r"}, True, True),
        ({"report_dir": "/r", "seed_store_persistent": "yes"}, True, False),
        ({"seed_store": "hashi_vault"}, True, False),
        ({"seed_store_tasks": "/t.yml"}, True, False),
    ],
)
def test_nothing_keeps_another_run_away_where_no_lock_outlives_the_job(variables, in_awx, unlocked):
    assert made_of(in_awx=in_awx, **variables)["unlocked"] is unlocked


@pytest.mark.parametrize("name", ["identity_center", "login_policy", "operation_protection"])
def test_what_holds_for_the_account_is_set_by_a_rollout_that_is_given_any_of_it(name):
    assert made_of(**{name: {"region": "eu-de"}})["sets_account"] is True
    assert made_of(**{name: {}})["sets_account"] is False
    for state in ("absent", "reset", "rotated"):
        assert made_of(state=state, **{name: {"region": "eu-de"}})["sets_account"] is False
    assert made_of(audit_only=True, **{name: {"region": "eu-de"}})["sets_account"] is False


def test_role_knows_all_settings_before_there_are_any():
    before = yaml.safe_load((ROLE / "vars" / "main.yml").read_text(encoding="utf-8"))["__mfa_rollout_no_settings"]
    without_templates = {name: value for name, value in before.items() if name not in ("check_mode", "artifact_key", "terms")}
    found = made_of()
    assert set(before) == set(found)
    assert without_templates == {name: found[name] for name in without_templates}


def test_terms_are_all_those_of_a_plan_and_no_secret_is_in_the_settings():
    found = made_of(strategy="enrol", seed_store_dir="/s", seed_store_password=SECRET, auth={**KEY, "secret_key": SECRET}, check_mode=True)
    assert set(found["terms"]) == {field.name for field in dataclasses.fields(Terms)}
    assert (found["terms"]["strategy"], found["terms"]["audit_only"], found["check_mode"]) == ("enrol", False, True)
    assert SECRET not in repr(found)


@pytest.mark.parametrize(
    ("auth", "from_environment", "added"),
    [
        ({}, False, {**COMMON, "domain_id": "d-credential", "external_id": "x-1"}),
        ({"region": "eu-de", "assume_agency": {"domain_id": "d-1"}}, False, {**COMMON, "domain_id": "d-1"}),
        (
            {"assume_agency": {"domain_name": "acme", "duration": 900}},
            False,
            {"agency_name": "ops", "domain_name": "acme", "duration": 900},
        ),
        ({"assume_agency": {"agency_name": "own", "domain_id": "d-1"}}, False, None),
        ({"assume_agency": {"agency_urn": "iam::d-1:agency:own"}}, False, None),
        (KEY, False, None),
        (dict.fromkeys(KEY, ""), False, {**COMMON, "domain_id": "d-credential", "external_id": "x-1"}),
        ({"assume_agency": {"agency_name": "", "domain_id": "d-1"}}, False, {**COMMON, "domain_id": "d-1"}),
        ({}, "yes", None),
        ("text", False, None),
        ({"assume_agency": "text"}, False, None),
    ],
)
def test_agency_of_a_credential_is_for_hosts_that_say_nothing_of_their_own(auth, from_environment, added):
    assert agency(auth, from_environment, CREDENTIAL) == ({"assume_agency": added} if added else {})
    assert agency(auth, from_environment, {"HWC_AGENCY_NAME": ""}) == {}


def test_key_of_an_artifact_is_a_variable_and_nobody_elses():
    names = ["acme", "acme_prod", "acme-prod", "acme.prod", "x" * 200, "x" * 201, ""]
    keys = {name: artifact_key(name) for name in names}
    assert (keys["acme"], keys["acme_prod"]) == ("acct_acme", "acct_acme_prod")
    assert len(set(keys.values())) == len(names)
    assert all(key.isidentifier() and key.isascii() and len(key) < 90 for key in keys.values())
