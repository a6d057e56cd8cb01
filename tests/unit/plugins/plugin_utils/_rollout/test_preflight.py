# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a rollout's variables, each cause in a sentence of its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.preflight import (
    AUDIT_VARIABLES,
    HANDOVER_VARIABLES,
    VARIABLES,
    changes_each_time,
    unknown_variables,
    warnings_of,
    wrong_state,
    wrong_types,
    wrong_values,
)
from ansible_collections.hwc.mfa.tests.unit.plugins.plugin_utils._rollout.accounts import SECRET

ROLE = Path(__file__).resolve().parents[5] / "roles" / "mfa_rollout"
ENROL = {
    "mfa_rollout_strategy": "enrol",
    "mfa_rollout_users": [{"name": "ada"}],
    "mfa_rollout_seed_store_dir": "/srv/seeds",
    "mfa_rollout_seed_store_password": SECRET,
}
NO_FILES = {name: value for name, value in ENROL.items() if "seed_store" not in name}


def wrong(variables, audit_only=False, in_awx=False):
    return list(wrong_values(variables, audit_only, in_awx))


def test_variables_are_those_of_the_role():
    specs = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"]
    assert list(VARIABLES) == sorted(VARIABLES)
    assert list(HANDOVER_VARIABLES) == sorted(set(specs["handover"]["options"]) - set(specs["main"]["options"]))
    assert {*VARIABLES, *AUDIT_VARIABLES} == set(specs["main"]["options"]) == set(specs["audit"]["options"])
    assert {*VARIABLES, *AUDIT_VARIABLES} == set(yaml.safe_load((ROLE / "defaults" / "main.yml").read_text(encoding="utf-8")))
    assert {*VARIABLES, *AUDIT_VARIABLES} == set(
        yaml.safe_load((ROLE / "vars" / "main.yml").read_text(encoding="utf-8"))["__mfa_rollout_given"]
    )


def test_whatever_the_role_has_set_is_known_to_the_next_use_of_it():
    tasks = "".join(path.read_text(encoding="utf-8") for path in sorted((ROLE / "tasks").glob("*.yml")))
    names = {*re.findall(r"register: (mfa_\w+)", tasks), *re.findall(r"^ +(mfa_\w+):", tasks, re.M)}
    assert {"mfa_rollout_report", "mfa_rollout_handover"} <= names
    assert unknown_variables(names) == []


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("mfa_rollout_exempts", "mfa_rollout_exempt"),
        ("mfa_rollout_auths", "mfa_rollout_auth"),
        ("mfa_rollout_user", "mfa_rollout_users"),
        ("mfa_rollout_seed_store_directory", "mfa_rollout_seed_store_dir"),
        ("mfa_handover_passwort", "mfa_handover_password"),
        ("mfa_audit_fail_unter", "mfa_audit_fail_under"),
    ],
)
def test_misspelt_variable_is_told_with_the_nearest_name(name, near):
    assert unknown_variables([name, "other"]) == [f"{name} is no variable of the role: did you mean {near}?"]


@pytest.mark.parametrize(
    ("name", "near"),
    [("mfa_host", "mfa_hosts"), ("mfa_dryrun", "mfa_dry_run"), ("mfa_dry_runs", "mfa_dry_run"), ("Mfa_hosts", "mfa_hosts")],
)
def test_misspelt_variable_of_a_playbook_makes_no_preview_a_rollout_and_no_host_all(name, near):
    assert unknown_variables([name, "mfa_region", "mfa_dry_run", "mfa_hosts"]) == [
        f"{name} is no variable of the playbooks: did you mean {near}?"
    ]


def test_variables_of_the_role_and_what_it_gives_to_others_are_known():
    given = ["mfa_rollout_report", "mfa_rollout_store_action", "mfa_rollout_store_loaded", "__mfa_rollout_before", "mfa_hosts", "mfa_users"]
    assert unknown_variables([*VARIABLES, *AUDIT_VARIABLES, *HANDOVER_VARIABLES, *given]) == []
    assert unknown_variables(["mfa_rollout_zzz"]) == [
        "mfa_rollout_zzz is no variable of the role: ansible-doc -t role hwc.mfa.mfa_rollout shows those that there are."
    ]


# Places


# The state of a playbook


@pytest.mark.parametrize("state", ["present", "reset", "rotated", ["absent"]])
def test_playbook_for_one_state_does_not_bring_about_another(state):
    (cause,) = wrong_state({"mfa_rollout_state": state}, "absent")
    assert cause.startswith("This playbook is for mfa_rollout_state=absent, and mfa_rollout_state is ")
    assert list(wrong_state({"mfa_rollout_state": "absent"}, "absent")) == []
    assert list(wrong_state({"mfa_rollout_state": state}, None)) == []


# Types

OPTIONS = {"mfa_rollout_account": {"type": "str"}, "mfa_rollout_seed_store_tasks": {"type": "path"}}


@pytest.mark.parametrize(
    ("value", "kind"), [(["/srv/store.yml"], "a list"), ({"path": "/srv/store.yml"}, "a mapping"), (True, "no text"), (5, "no text")]
)
def test_path_that_is_no_text_is_told_by_name(value, kind):
    assert wrong_types(OPTIONS, {"mfa_rollout_seed_store_tasks": value}) == [
        f"mfa_rollout_seed_store_tasks must be one text, and is {kind}."
    ]


def test_list_is_no_text_and_a_number_can_be_one():
    (cause,) = wrong_types(OPTIONS, {"mfa_rollout_account": [SECRET]})
    assert cause == "mfa_rollout_account must be one text, and is a list."
    assert wrong_types(OPTIONS, {"mfa_rollout_account": 5, "mfa_rollout_seed_store_tasks": None}) == []


# Credentials


@pytest.mark.parametrize("audit_only", [True, False])
def test_option_that_there_is_not_among_credentials_is_told_with_all_else_that_is_wrong(audit_only):
    causes = wrong(
        {"mfa_rollout_auth": {"acess_key": SECRET, "secret_key": SECRET, "nonsense": SECRET}, "mfa_rollout_wave_sizes": ["x"]}, audit_only
    )
    assert causes[:2] == [
        "mfa_rollout_auth has no option acess_key: did you mean access_key?",
        "mfa_rollout_auth has no option nonsense: ansible-doc hwc.mfa.iam_mfa_info shows those that there are.",
    ]
    assert causes[2].startswith("mfa_rollout_wave_sizes must be")
    assert SECRET not in " ".join(causes)


def test_credentials_that_are_no_text_are_told_by_name():
    (cause,) = wrong({"mfa_rollout_auth": {"access_key": "AK", "secret_key": 12345}})
    assert cause.startswith("mfa_rollout_auth.secret_key must be text, and came as a number") and "12345" not in cause


@pytest.mark.parametrize("password", [42798, True, 0.5])
def test_password_of_the_store_that_yaml_has_changed_is_refused(password):
    (cause,) = wrong({**ENROL, "mfa_rollout_seed_store_password": password})
    assert cause.startswith("mfa_rollout_seed_store_password must be text, and came as a number") and str(password) not in cause


# Values


@pytest.mark.parametrize("audit_only", [True, False])
def test_account_whose_files_would_have_the_names_of_anothers_is_told_to_take_another_name(audit_only):
    assert wrong({"mfa_rollout_account": "acme-berlin.Record"}, audit_only) == [
        "mfa_rollout_account is acme-berlin.Record, and must not end in .record, as the names of files of reports and records do. Set it to"
        " another name, and rename its directory in mfa_rollout_seed_store_dir if it has one."
    ]
    assert wrong({"mfa_rollout_account": "acme-berlin.records"}, audit_only) == []


def test_store_password_that_comes_to_another_value_each_time_is_refused_where_files_are_encrypted_with_it():
    values = iter(range(100))
    assert list(changes_each_time(ENROL, lambda: next(values))) == [
        "mfa_rollout_seed_store_password has another value in each task: give it a fixed one."
    ]
    assert list(changes_each_time(ENROL, lambda: SECRET)) == []
    others = ({"mfa_rollout_strategy": "require"}, {"mfa_rollout_seed_store": "csms"}, {"mfa_rollout_seed_store_tasks": "own.yml"})
    for other in (*({**ENROL, **other} for other in others), NO_FILES):
        assert list(changes_each_time(other, lambda: next(values))) == [], other


def test_what_is_right_has_no_cause():
    assert wrong({}) == wrong(ENROL) == wrong({**ENROL, "mfa_rollout_seed_store_persistent": "yes"}, in_awx=True) == []
    assert wrong({"mfa_rollout_strategy": "enrol"}, audit_only=True) == []
    assert wrong({"mfa_rollout_operation_protection": {"admin_check": True}}) == [], "YAML makes a truth value of a bare on"
    assert wrong({"mfa_rollout_strategy": "enrol", "mfa_rollout_state": "absent"}) == []
    assert wrong({"mfa_rollout_max_failures": "3", "mfa_rollout_concurrency": "256", "mfa_rollout_wave_sizes": "1,2"}) == []


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"mfa_rollout_users": "all"}, "With mfa_rollout_strategy=enrol, mfa_rollout_users must name the users."),
        ({"mfa_rollout_users": "ada"}, "mfa_rollout_users must be all, or a list of mappings"),
        ({"mfa_rollout_exempt": "ada"}, "mfa_rollout_exempt must be a list of mappings"),
        (
            {"mfa_rollout_exempt": [{"name": "ada", "until": "soon"}]},
            "mfa_rollout_exempt: until of user ada must be a date such as 2026-01-31",
        ),
        (
            {"mfa_rollout_exempt_also": '[{"name": "ada", "until": "31.12."}]'},
            "mfa_rollout_exempt_also: until of user ada must be a date such as 2026-01-31",
        ),
        ({"mfa_rollout_account": None}, "mfa_rollout_account must not be empty or begin with a dot"),
        ({"mfa_rollout_account": ""}, "mfa_rollout_account must not be empty or begin with a dot"),
        ({"mfa_rollout_account": ".."}, "mfa_rollout_account must not be empty or begin with a dot"),
        ({"mfa_rollout_operation_protection": {"scene": True}}, "mfa_rollout_operation_protection: value of scene must be one of"),
        ({"mfa_rollout_operation_protection": {"mobile": 491701234567}}, "mfa_rollout_operation_protection: mobile must be text"),
        (
            {"mfa_rollout_operation_protection": {"allow_user": {"manage_phone": True}}},
            "mfa_rollout_operation_protection: Unsupported parameters: allow_user.manage_phone. Supported parameters include:",
        ),
        ({"mfa_rollout_seed_store_password": ""}, "mfa_rollout_seed_store_password is empty"),
        ({"mfa_rollout_seed_store_password": " \t"}, "mfa_rollout_seed_store_password is empty"),
        ({"mfa_rollout_seed_store_dir": ""}, "With mfa_rollout_strategy=enrol seeds need a place"),
        ({"mfa_rollout_auth": "text"}, "mfa_rollout_auth must be a mapping of options"),
        ({"mfa_rollout_identity_center": []}, "mfa_rollout_identity_center must be a mapping of options"),
        ({"mfa_rollout_auth": {"auth_passcode": SECRET}}, "mfa_rollout_auth has auth_passcode. A code works once"),
        (
            {"mfa_rollout_auth": {"assume_agency": {"agency_urn": "iam::d1:agency:mfa", "token_code": SECRET}}},
            "mfa_rollout_auth has assume_agency.token_code. A code works once",
        ),
        ({"mfa_rollout_wave_sizes": [0]}, "mfa_rollout_wave_sizes must be a list of whole numbers above 0"),
        ({"mfa_rollout_max_failures": -1}, "mfa_rollout_max_failures must be a whole number from 0 on."),
        ({"mfa_rollout_concurrency": 257}, "mfa_rollout_concurrency must be from 1 to 256."),
        ({"mfa_rollout_concurrency": "many"}, "mfa_rollout_concurrency must be from 1 to 256."),
    ],
)
def test_each_cause_is_one_sentence_without_a_secret(change, cause):
    (found,) = wrong({**ENROL, **change})
    assert found.startswith(cause)
    assert SECRET not in found


@pytest.mark.parametrize("nobody", [[], "[]"])
@pytest.mark.parametrize("state", ["present", "rotated", "reset"])
def test_empty_list_of_users_is_nobody(nobody, state):
    assert wrong({**ENROL, "mfa_rollout_users": nobody, "mfa_rollout_state": state}) == []


def test_audit_that_is_to_fail_on_what_nobody_looks_at_is_told_what_is_missing():
    demands = {"mfa_audit_fail_on": ["root", "identity_center"]}
    assert wrong(demands, audit_only=True) == [
        "mfa_audit_fail_on has identity_center, and nobody looks there: set mfa_rollout_identity_center_audit=true."
    ]
    assert wrong({**demands, "mfa_rollout_identity_center_audit": "yes"}, audit_only=True) == wrong(demands) == []


def test_all_causes_are_found_at_once():
    found = wrong({"mfa_rollout_strategy": "enrol", "mfa_rollout_max_failures": -1, "mfa_rollout_exempt": "ada"})
    assert len(found) == 4


def test_disk_of_an_awx_job_is_no_place_for_seeds_unless_it_is_said_to_stay():
    for value in (False, "no", "", None):
        (cause,) = wrong({**ENROL, "mfa_rollout_seed_store_persistent": value}, in_awx=True)
        assert "Set mfa_rollout_seed_store_persistent=true" in cause
    assert wrong({**ENROL, "mfa_rollout_seed_store_tasks": "/x.yml"}, in_awx=True) == []
    assert wrong({**NO_FILES, "mfa_rollout_seed_store": "hashi_vault"}, in_awx=True) == []


def test_options_of_a_kv_engine_must_be_a_mapping():
    (cause,) = wrong({**NO_FILES, "mfa_rollout_seed_store": "hashi_vault", "mfa_rollout_seed_store_hashi_vault": SECRET})
    assert cause == "mfa_rollout_seed_store_hashi_vault must be a mapping of options, and not a text or a list."
    assert wrong(ENROL, audit_only=True, in_awx=True) == []


def test_roll_back_of_require_without_a_place_for_its_record_is_warned_of():
    back = {"mfa_rollout_state": "absent", "mfa_rollout_strategy": "require"}
    (warning,) = warnings_of(back, False)
    assert warning.startswith("Neither mfa_rollout_report_dir nor mfa_rollout_seed_store_dir is set")
    for change in (
        {"mfa_rollout_report_dir": "/r"},
        {"mfa_rollout_seed_store_dir": "/s"},
        {"mfa_rollout_rollback_all": "yes"},
        {"mfa_rollout_state": "present"},
        {"mfa_rollout_strategy": "enrol"},
    ):
        assert warnings_of({**back, **change}, False) == []
    assert warnings_of(back, True) == []
