# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The credential types, the templates and the project of the role awx_setup do what they say, with AWX's own injection and ansible-runner."""

from __future__ import annotations

import copy
import itertools
import json
import re
from pathlib import Path
from typing import Any, Callable

import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible_collections.hwc.mfa.plugins.module_utils._auth import credentials
from ansible_collections.hwc.mfa.plugins.module_utils._cloud import endpoints
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.settings import AGENCY_VARIABLES
from awx_plugins.interfaces._temporary_private_credential_api import Credential
from awx_plugins.interfaces._temporary_private_inject_api import ENV_BLOCKLIST, HIDDEN_PASSWORD, inject_credential
from conftest import (
    ACCESS_KEY,
    AGENCY,
    CHECKOUT,
    PASSWORD,
    SEED_STORE,
    STORE_PASSWORD,
    VAULT_APPROLE,
    VAULT_PASSWORD,
    VAULT_TOKEN,
    Job,
    Unsafe,
    credential_type,
    data,
    rules,
)

NewJob = Callable[[], Job]
StartCloud = Callable[..., Any]

# Option -> the environment variables that the collection reads for it.
READ: dict[str, tuple[str, ...]] = {
    **credentials.ENVIRONMENT,
    "region": endpoints.REGION_ENVIRONMENT,
    "iam_endpoint": endpoints.IAM_ENVIRONMENT,
    "identity_center_endpoint": endpoints.IDENTITY_CENTER_ENVIRONMENT,
    "identity_store_endpoint": endpoints.IDENTITY_STORE_ENVIRONMENT,
    "organizations_endpoint": endpoints.ORGANIZATIONS_ENVIRONMENT,
    "sts_endpoint": endpoints.STS_ENVIRONMENT,
}


TYPES = [one["name"] for one in data("controller_credential_types")]


def fields(name: str) -> dict[str, dict[str, Any]]:
    return {field["id"]: field for field in credential_type(name).inputs["fields"]}


def injected(name: str) -> dict[str, str]:
    """Field -> the environment variable that a type injects it as."""
    env = credential_type(name).injectors["env"]
    return {re.sub(r"[{} ]", "", template): variable for variable, template in env.items()}


def inject(folder: Path, name: str, inputs: dict[str, Any], root: str = "/runner") -> tuple[dict[str, str], dict[str, str], list[str]]:
    (folder / "env").mkdir()
    env: dict[str, str] = {}
    safe_env: dict[str, str] = {}
    args: list[str] = []
    inject_credential(credential_type(name), Credential(inputs), env, safe_env, args, str(folder), container_root=root)
    return env, safe_env, args


def argument_specs() -> dict[str, Any]:
    text = (CHECKOUT / "roles" / "mfa_rollout" / "meta" / "argument_specs.yml").read_text(encoding="utf-8")
    return yaml.safe_load(text)["argument_specs"]["main"]["options"]


class TestCredentialTypes:
    def test_every_injector_names_a_field(self) -> None:
        for one in data("controller_credential_types"):
            assert rules.wrong(None, "credential_types", one) is None

    @pytest.mark.parametrize("kind", ["env", "extra_vars"])
    def test_injector_with_an_unknown_field_is_refused(self, kind: str) -> None:
        one = copy.deepcopy(data("controller_credential_types")[0])
        one["injectors"].setdefault(kind, {})["HW_NEW"] = "{{ no_such_field }}"
        assert "no_such_field" in rules.wrong(None, "credential_types", one)

    def test_no_injector_is_a_template_of_ansible(self) -> None:
        for one in data("controller_credential_types"):
            for injector in one["injectors"].values():
                assert all(isinstance(template, Unsafe) for template in injector.values() if "{" in template)

    def test_every_variable_is_the_one_that_the_collection_reads_first(self) -> None:
        assert not ENV_BLOCKLIST & {variable for name in TYPES for variable in injected(name).values()}
        options = {**injected(ACCESS_KEY), **injected(PASSWORD)}
        assert options == {option: READ[option][0] for option in options}
        agency = injected(AGENCY)
        assert agency == {**AGENCY_VARIABLES, **{option: READ[option][0] for option in ("sts_endpoint", "identity_store_endpoint")}}
        # A code is good for 30 seconds: there is nothing to keep in a credential. An account is known by its name there.
        assert options.keys() | (agency.keys() & READ.keys()) == READ.keys() - {"auth_passcode", "auth_domain_id"}

    def test_every_field_is_injected(self) -> None:
        for name in TYPES:
            templates = " ".join(template for injector in credential_type(name).injectors.values() for template in injector.values())
            assert [field for field in fields(name) if not re.search(rf"\b{field}\b", templates)] == []

    def test_secret_fields_are_those_that_modules_hide_and_access_keys(self) -> None:
        secret = {name for kind in TYPES for name, field in fields(kind).items() if field.get("secret")}
        assert secret == {name for name in credentials.SECRETS if name != "auth_passcode"} | {
            "access_key", "external_id", "seed_store_password", "token", "secret_id",
        }  # fmt: skip

    def test_secrets_are_masked_where_awx_shows_the_environment(self, tmp_path: Path) -> None:
        env, safe_env, args = inject(tmp_path, ACCESS_KEY, {"access_key": "AK-1", "secret_key": "SK-1", "region": "eu-de"})
        assert (env["HW_ACCESS_KEY"], env["HW_SECRET_KEY"]) == ("AK-1", "SK-1")
        assert (safe_env["HW_ACCESS_KEY"], safe_env["HW_SECRET_KEY"], safe_env["HW_REGION_NAME"]) == (
            HIDDEN_PASSWORD,
            HIDDEN_PASSWORD,
            "eu-de",
        )
        assert args == []

    def test_types_that_go_together_do_not_blank_each_other(self) -> None:
        # By an access key or by a password, and seeds in files or in a Vault by token or AppRole.
        for one, other in itertools.combinations(TYPES, 2):
            if {one, other} not in ({ACCESS_KEY, PASSWORD}, {VAULT_TOKEN, VAULT_APPROLE}):
                assert not credential_type(one).injectors["env"].keys() & credential_type(other).injectors["env"].keys()

    def test_no_empty_field_becomes_an_extra_variable(self) -> None:
        for name in TYPES:
            assert credential_type(name).injectors.keys() <= {"env", "file"}

    @pytest.mark.parametrize(
        ("inputs", "name", "kind"),
        [
            ({"access_key": "AK-1", "secret_key": "SK-1"}, ACCESS_KEY, credentials.AccessKey),
            ({"access_key": "AK-1", "secret_key": "SK-1", "security_token": "ST-1"}, ACCESS_KEY, credentials.AccessKey),
            ({"auth_token": "T-1"}, PASSWORD, credentials.Token),
            ({"auth_user_id": "42", "auth_password": "P-1"}, PASSWORD, credentials.Password),
            ({"auth_username": "ada", "auth_password": "P-1", "auth_domain_name": "acme"}, PASSWORD, credentials.Password),
        ],
    )
    def test_empty_fields_count_as_not_set(self, tmp_path: Path, inputs: dict[str, str], name: str, kind: type) -> None:
        env, _safe_env, _args = inject(tmp_path, name, inputs)
        assert {name for name, value in env.items() if value} == {READ[option][0] for option in inputs}
        resolved = credentials.find({}, env).credentials
        assert isinstance(resolved, kind)
        assert set(inputs.values()) <= {*vars(resolved).values(), resolved.account.name}
        assert endpoints.iam_endpoint({}, env) == "https://iam.myhuaweicloud.com"


class TestSurveys:
    def test_answers_are_variables_that_the_role_takes(self) -> None:
        specs = argument_specs()
        for template in data("controller_templates"):
            for question in template.get("survey_spec", {}).get("spec", []):
                variable = question["variable"]
                if variable == "mfa_dry_run":
                    continue
                assert question.get("choices") == specs[variable].get("choices")
                assert (
                    question["type"]
                    in {"int": ["integer"], "str": ["multiplechoice"], "raw": ["text", "textarea"]}[specs[variable]["type"]]
                )
                if specs[variable]["type"] != "raw":
                    assert question["default"] == specs[variable]["default"]


def administrator(cloud: Any, account: dict[str, Any]) -> dict[str, Any]:
    return {
        "iam_endpoint": cloud.url,
        "identity_center_endpoint": cloud.url,
        "access_key": account["admin"]["access_key"],
        "secret_key": account["admin"]["secret_key"],
    }


def assert_succeeded(job: Job) -> None:
    assert job.status == "successful", job.output
    assert job.failures() == []


def secrets_of(cloud: Any) -> set[str]:
    """All keys, passwords, tokens and seeds that the cloud knows, and the passwords of the vault and of the store."""
    cloud = cloud.cloud
    found = {VAULT_PASSWORD, STORE_PASSWORD, *cloud.tokens}
    for user in cloud.users.values():
        found |= {user.password, user.secret_key}
        if user.device is not None:
            found.add(user.device.seed)
    for temporary in cloud.temporary.values():
        found |= {temporary["secret_key"], temporary["security_token"]}
    return found


def assert_keeps_no_secret(job: Job, cloud: Any) -> None:
    leftovers = job.leftovers()
    assert "stdout" in leftovers and any(name.startswith("job_events") for name in leftovers)
    found = {name for name, text in leftovers.items() for secret in secrets_of(cloud) if secret in text or json.dumps(secret)[1:-1] in text}
    assert not found


class TestOneAccount:
    """A credential alone brings one account along, with the collection's own playbooks."""

    @pytest.mark.twin
    def test_audit_changes_nothing(self, new_job: NewJob, start_cloud: StartCloud) -> None:
        cloud = start_cloud()
        job = new_job()
        job.credential(administrator(cloud, cloud.describe()))
        job.inventory({"acme": {}})
        job.run("hwc.mfa.audit")
        assert_succeeded(job)
        assert "acme: 4 to do, 1 skipped, 0 failed" in job.output
        assert cloud.cloud.counters.writes == 0
        assert_keeps_no_secret(job, cloud)

    def test_rollout_protects_everybody_else(self, new_job: NewJob, start_cloud: StartCloud) -> None:
        cloud = start_cloud()
        account = cloud.describe()
        job = new_job()
        job.credential({
            "iam_endpoint": cloud.url,
            "auth_user_id": account["admin"]["user_id"],
            "auth_password": account["admin"]["password"],
            "auth_domain_name": account["domain_name"],
        }, PASSWORD)  # fmt: skip
        job.inventory({"acme": {}})
        job.run("hwc.mfa.rollout", verbosity=5)
        assert_succeeded(job)
        for user in account["users"]:
            protection = cloud.cloud.user(user["user_id"]).protection
            assert (protection.enabled, protection.verification_method) == (True, "vmfa")
        assert cloud.cloud.user(account["admin"]["user_id"]).protection is None
        assert_keeps_no_secret(job, cloud)


class TestFleet:
    """The job templates, with accounts as hosts, what differs between them in vaulted host_vars, and seeds on a mount that stays."""

    @pytest.fixture
    def cloud(self, start_cloud: StartCloud) -> Any:
        return start_cloud(users=4, accounts=2)

    @pytest.fixture
    def fleet_job(self, cloud: Any, new_job: NewJob, tmp_path: Path) -> Callable[..., Job]:
        """Makes a job over all accounts, or over a slice of them."""
        accounts = {account["name"]: account for account in cloud.describe()["accounts"]}

        def make(slice_number: int = 1, slice_count: int = 1) -> Job:
            job = new_job()
            job.credential({"iam_endpoint": cloud.url})
            job.credential({"seed_store_password": STORE_PASSWORD}, SEED_STORE)
            job.inventory({name: {} for name in accounts}, slice_number, slice_count)
            for name, account in accounts.items():
                job.host_vars(name, {
                    "mfa_rollout_auth": administrator(cloud, account),
                    "mfa_rollout_users": [{"user_id": user["user_id"], "auth_password": user["password"]} for user in account["users"]],
                    "mfa_rollout_seed_store_dir": str(tmp_path / "seeds"),
                })  # fmt: skip
            return job

        return make

    def seeds(self, folder: Path) -> dict[str, dict[str, Any]]:
        vault = VaultLib([("default", VaultSecret(STORE_PASSWORD.encode()))])
        entries: dict[str, dict[str, Any]] = {}
        for path in sorted(folder.rglob("*.yml")):
            entries.update(yaml.safe_load(vault.decrypt(path.read_bytes())))
        return entries

    def test_slices_together_bring_all_accounts_along(self, cloud: Any, fleet_job: Callable[..., Job], tmp_path: Path) -> None:
        answers = {"mfa_rollout_strategy": "enrol", "mfa_rollout_wave_sizes": "1, 2", "mfa_dry_run": "no"}
        for number in (1, 2):
            job = fleet_job(number, 2)
            job.launch(
                "MFA rollout",
                answers,
                {"mfa_rollout_seed_store_persistent": True},
                number=40 + number,
                verbosity=5 * (number - 1),
            )
            assert_succeeded(job)
            assert_keeps_no_secret(job, cloud)
            bound = [user for user in cloud.cloud.users.values() if user.device is not None and user.device.bound]
            assert len(bound) == 2 * number
        seeds = self.seeds(tmp_path / "seeds")
        for account in cloud.describe()["accounts"]:
            for one in account["users"]:
                user = cloud.cloud.user(one["user_id"])
                assert user.device.bound and user.protection.enabled
                assert seeds[user.id]["seed"] == user.device.seed
            assert cloud.cloud.user(account["admin"]["user_id"]).device is None
        assert "wave 2 of 2, 1 user, 1 created, 1 bound, 1 protected, 0 failed" in job.output

    def test_dry_run_and_limit_of_the_launch_hold(self, cloud: Any, fleet_job: Callable[..., Job]) -> None:
        account, other, *_others = cloud.describe()["accounts"]
        job = fleet_job()
        job.launch("MFA rollout", limit=account["name"])
        assert_succeeded(job)
        assert f"{account['name']}: wave 1 of " in job.output
        assert other["name"] not in job.output
        assert cloud.cloud.counters.writes == 0

    def test_store_on_the_disk_of_a_job_is_refused(self, cloud: Any, fleet_job: Callable[..., Job]) -> None:
        job = fleet_job()
        job.launch("MFA rollout", {"mfa_rollout_strategy": "enrol", "mfa_dry_run": "no"})
        assert job.status == "failed"
        assert len(job.failures()) == 2
        assert all("goes away with the job" in message and "mfa_rollout_seed_store_persistent" in message for message in job.failures())
        assert cloud.cloud.counters.writes == 0
        assert_keeps_no_secret(job, cloud)
