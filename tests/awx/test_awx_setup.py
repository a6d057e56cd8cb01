# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook hwc.mfa.awx_setup loads the role's data with the modules of awx.awx, once, and what is loaded is what AWX takes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Callable

import pytest
import yaml
from conftest import CHECKOUT, PROJECT, SETTINGS, SETUP, DataLoader, Job, data, rules, set_up, set_up_environment

LISTS = {
    "controller_credential_types": "credential_types",
    "controller_execution_environments": "execution_environments",
    "controller_projects": "projects",
    "controller_inventories": "inventories",
    "controller_inventory_sources": "inventory_sources",
    "controller_templates": "job_templates",
    "controller_workflows": "workflow_job_templates",
    "controller_schedules": "schedules",
    "controller_labels": "labels",
    "controller_notifications": "notification_templates",
    "controller_credentials": "credentials",
}


@pytest.fixture
def controller(loaded: tuple[Any, str]) -> Any:
    return loaded[0]


def test_everything_is_loaded_by_its_name(controller: Any) -> None:
    assert {kind: [one["name"] for one in controller.lists[kind]] for kind in LISTS.values() if kind != "credential_types"} == {
        "execution_environments": ["MFA execution environment"],
        "projects": ["MFA"],
        "inventories": ["MFA accounts"],
        "inventory_sources": ["MFA accounts"],
        "job_templates": ["MFA audit", "MFA rollout", "MFA rollback", "MFA report"],
        "workflow_job_templates": ["MFA rollout with approval"],
        "schedules": ["MFA audit", "MFA rollout"],
        "labels": ["mfa"],
        "notification_templates": ["MFA webhook"],
        "credentials": ["MFA key", "MFA files"],
    }
    assert [one["name"] for one in data("controller_credential_types")] == [
        one["name"] for one in controller.lists["credential_types"] if one["name"] != "Vault"
    ]


def test_second_run_changes_nothing_and_check_mode_says_so(controller: Any, tmp_path: Path) -> None:
    before = [dict(one) for kind in LISTS.values() for one in controller.lists[kind]]
    done = set_up(controller, tmp_path)
    assert done.returncode == 0, done.stdout
    assert re.search(r"localhost +: ok=\d+ +changed=0 ", done.stdout), done.stdout
    assert [dict(one) for kind in LISTS.values() for one in controller.lists[kind]] == before


SECRETS = {"SK-1", "VP-1", "HT-1"}
"""What is secret in the settings: of a key, of a vault, and in a header of the webhook."""

SECRET_KINDS: dict[str, Any] = {name: [] for name in LISTS if name not in ("controller_credentials", "controller_notifications")}
"""Settings for a run that loads only what holds secrets, which makes it short."""


def found_in(text: str) -> set[str]:
    return {secret for secret in SECRETS if secret in text}


def test_secrets_are_loaded_and_the_output_has_none(loaded: tuple[Any, str]) -> None:
    controller, output = loaded
    assert found_in(json.dumps([controller.lists[kind] for kind in ("credentials", "notification_templates")])) == SECRETS
    assert found_in(output) == set()


@pytest.mark.parametrize("callback", ["minimal", pytest.param("oneline", marks=pytest.mark.twin), "default"])
def test_no_callback_prints_a_secret(controller: Any, tmp_path: Path, callback: str) -> None:
    # Minimal and oneline print the result of every task as a whole, with the items of loops.
    done = set_up(controller, tmp_path, "-vvv", more_env={"ANSIBLE_STDOUT_CALLBACK": callback}, **SECRET_KINDS)
    assert done.returncode == 0, done.stdout
    assert "awx/plugins/modules/credential.py" in done.stdout
    assert found_in(done.stdout + done.stderr) == set()


def test_failure_prints_no_secret(controller: Any, tmp_path: Path) -> None:
    refused = [{**SETTINGS["controller_credentials"][0], "name": "MFA refused", "credential_type": "of nobody"}]
    settings = {**SECRET_KINDS, "controller_credentials": refused}
    done = set_up(controller, tmp_path, "-vvv", more_env={"ANSIBLE_STDOUT_CALLBACK": "minimal"}, **settings)
    assert done.returncode == 2 and "awx/plugins/modules/credential.py" in done.stdout, done.stdout
    assert found_in(done.stdout + done.stderr) == set()


def test_events_of_a_job_have_no_secret(controller: Any, new_job: Callable[[], Job]) -> None:
    job = new_job()
    (job.folder / "project" / "setup.yml").write_text("- ansible.builtin.import_playbook: hwc.mfa.awx_setup\n", encoding="utf-8")
    job.env |= set_up_environment(controller)
    job.extra_vars = {**SETTINGS, **SECRET_KINDS}
    job.inventory({})
    job.run("setup.yml", verbosity=3)
    assert job.status == "successful", job.output
    loaded = [event for event in job.events() if event["event"] == "runner_item_on_ok" and "credential" in event["event_data"]["task"]]
    assert len(loaded) == len(SETTINGS["controller_credentials"])
    assert {name: found_in(text) for name, text in job.leftovers().items() if found_in(text)} == {}


def test_injectors_arrive_as_they_are_written(controller: Any) -> None:
    for wanted in data("controller_credential_types"):
        found = controller.one("credential_types", wanted["name"])
        assert (found["injectors"], found["inputs"], found["kind"]) == (wanted["injectors"], wanted["inputs"], "cloud")


def test_every_template_has_every_credential(controller: Any) -> None:
    # One alone is refused at a launch where the template has two, and vaulted variables of the project concern all playbooks.
    wanted = [one["name"] for one in SETTINGS["controller_credentials"]]
    for template in controller.lists["job_templates"]:
        assert controller.associated(template, "credentials") == wanted
        assert template["ask_credential_on_launch"]


def test_slices_are_asked_for_and_one_unless_told(controller: Any) -> None:
    for template in controller.lists["job_templates"]:
        merges = template["name"] == "MFA report"
        assert (template["job_slice_count"], template["ask_job_slice_count_on_launch"]) == (1, not merges)
    # Where nobody asks there is no limit either, which AWX would apply after it has sliced.
    for one in (*controller.lists["schedules"], *controller.lists["workflow_job_template_nodes"]):
        assert one.get("limit") is None
        assert one.get("job_slice_count") in (3, None)


def test_project_comes_from_git_with_its_requirements(controller: Any) -> None:
    (project,) = controller.lists["projects"]
    assert (project["scm_type"], project["scm_url"]) == ("git", SETTINGS["awx_setup_project_url"])
    assert "hwc.mfa" in (PROJECT / "collections" / "requirements.yml").read_text(encoding="utf-8")


def test_url_of_the_project_is_demanded(controller: Any, tmp_path: Path) -> None:
    writes = list(controller.writes)
    done = set_up(controller, tmp_path, awx_setup_project_url=None)
    assert done.returncode == 2
    assert "missing required arguments: awx_setup_project_url" in done.stdout
    assert controller.writes == writes


def test_every_playbook_is_one_that_awx_offers(controller: Any) -> None:
    for template in controller.lists["job_templates"]:
        text = (PROJECT / template["playbook"]).read_text(encoding="utf-8")
        # How AWX tells a playbook from other files.
        assert re.search(r"^\s*?-?\s*?(?:hosts|include|import_playbook):\s*?.*?$", text, re.MULTILINE)
        own = (CHECKOUT / "playbooks" / template["playbook"]).read_text(encoding="utf-8")
        # The collection's own ones take a pattern of hosts, where AWX has the limit, and lie beside what they import.
        own = own.replace("import_playbook: hosts.yml", "import_playbook: hwc.mfa.hosts")
        own = own.replace("\"{{ mfa_hosts | default('all') }}\"", "all")
        assert yaml.safe_load(own) == yaml.safe_load(text)


def test_workflow_audits_asks_rolls_out_and_audits(controller: Any) -> None:
    nodes = {one["identifier"]: one for one in controller.lists["workflow_job_template_nodes"]}
    launched = {name: rules._template(controller, node)["name"] for name, node in nodes.items()}
    assert launched == {
        "audit-before": "MFA audit",
        "approve": "Approve the rollout",
        "rollout": "MFA rollout",
        "audit-after": "MFA audit",
    }
    follows = {
        name: {
            kind: controller.associated(node, kind)
            for kind in ("success_nodes", "always_nodes", "failure_nodes")
            if controller.associated(node, kind)
        }
        for name, node in nodes.items()
    }
    assert follows == {
        "audit-before": {"success_nodes": ["approve"]},
        "approve": {"success_nodes": ["rollout"]},
        "rollout": {"always_nodes": ["audit-after"]},
        "audit-after": {},
    }
    assert nodes["rollout"]["extra_data"]["mfa_dry_run"] == "no"
    (workflow,) = controller.lists["workflow_job_templates"]
    assert controller.associated(workflow, "notification_templates_approvals") == ["MFA webhook"]


def test_who_changes_accounts_starts_with_a_dry_run(controller: Any) -> None:
    for name in ("MFA rollout", "MFA rollback"):
        template = controller.one("job_templates", name)
        assert not template["allow_simultaneous"]
        (question,) = [one for one in template["_survey"]["spec"] if one["variable"] == "mfa_dry_run"]
        assert question["default"] == "yes"
    (schedule,) = [one for one in controller.lists["schedules"] if one["name"] == "MFA rollout"]
    assert schedule["enabled"] is False


@pytest.mark.parametrize(
    ("prompt", "answers", "cause"),
    [
        ({"verbosity": 1}, {}, "not configured to prompt"),
        ({}, {"mfa_rollout_strategy": "require"}, "variables_needed_to_start"),
        ({}, {"mfa_rollout_max_failures": "0"}, "expected to be integer"),
        ({}, {"mfa_dry_run": "maybe"}, "expected to be one of"),
    ],
)
def test_what_awx_would_refuse_is_refused_here_too(controller: Any, prompt: dict[str, Any], answers: dict[str, Any], cause: str) -> None:
    (schedule,) = [one for one in controller.lists["schedules"] if one["name"] == "MFA rollout"]
    template = controller.one("job_templates", "MFA rollout")
    assert rules.wrong("", "schedules", {**schedule, "rrule": "RRULE:FREQ=DAILY"}).startswith("Valid DTSTART")
    given = {**schedule["extra_data"], **answers} if cause.startswith("expected") else answers
    assert cause in rules.wrong_prompts(template, {**prompt, "extra_data": given})


def test_guide_and_defaults_name_variables_that_there_are() -> None:
    specs = yaml.safe_load((SETUP / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"]["main"]["options"]
    defaults = {
        name: value
        for path in (SETUP / "defaults" / "main").glob("*.yml")
        for name, value in yaml.load(path.read_text(encoding="utf-8"), DataLoader).items()
    }
    assert defaults.keys() == specs.keys() - {"awx_setup_project_url"}
    for name, spec in specs.items():
        if "default" in spec:
            assert defaults[name] == spec["default"], name
    assert {name for name in specs if name.startswith("controller_")} == LISTS.keys()
    guide = (CHECKOUT / "docs" / "docsite" / "rst" / "guide_awx.rst").read_text(encoding="utf-8")
    assert set(re.findall(r"\b(?:awx_setup|controller)_[a-z_]+\b", guide)) - {"awx_setup"} <= specs.keys()
    types = [one["name"] for one in data("controller_credential_types")]
    assert all(f"``{name}``" in guide for name in types)
    assert all(name in types for name in re.findall(r"credential_type: (.+)", guide))
    for name in re.findall(r"\*\*(MFA [a-z ]+)\*\*", guide):
        assert name in {one["name"] for variable in ("templates", "workflows", "schedules") for one in data(f"controller_{variable}")}
