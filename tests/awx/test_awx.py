# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The credential type, the job templates and the project of docs/awx do what they say, with AWX's own injection and ansible-runner."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Callable

import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible_collections.hwc.mfa.plugins.module_utils._auth import credentials
from ansible_collections.hwc.mfa.plugins.module_utils._cloud import endpoints
from awx_plugins.interfaces._temporary_private_credential_api import Credential
from awx_plugins.interfaces._temporary_private_inject_api import ENV_BLOCKLIST, HIDDEN_PASSWORD, inject_credential
from conftest import CHECKOUT, DOCS, STORE_PASSWORD, VAULT_PASSWORD, Job, credential_type, load
from jinja2 import StrictUndefined, UndefinedError
from jinja2.sandbox import ImmutableSandboxedEnvironment

NewJob = Callable[[], Job]
StartCloud = Callable[..., Any]

# Option -> the environment variables that the collection reads for it.
READ: dict[str, tuple[str, ...]] = {
    **credentials.ENVIRONMENT,
    "region": endpoints.REGION_ENVIRONMENT,
    "iam_endpoint": endpoints.IAM_ENVIRONMENT,
    "identity_center_endpoint": endpoints.IDENTITY_CENTER_ENVIRONMENT,
}


def fields(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {field["id"]: field for field in document["inputs"]["fields"]}


def check_injectors(document: dict[str, Any]) -> None:
    """The check that AWX's API makes before it accepts a type: every field that an injector names must be an input."""
    names = dict.fromkeys(fields(document), "EXAMPLE")
    for injector in document["injectors"].values():
        for template in injector.values():
            ImmutableSandboxedEnvironment(undefined=StrictUndefined).from_string(template).render(names)


def inject(folder: Path, inputs: dict[str, Any], root: str = "/runner") -> tuple[dict[str, str], dict[str, str], list[str]]:
    (folder / "env").mkdir()
    env: dict[str, str] = {}
    safe_env: dict[str, str] = {}
    args: list[str] = []
    inject_credential(credential_type(), Credential(inputs), env, safe_env, args, str(folder), container_root=root)
    return env, safe_env, args


def argument_specs() -> dict[str, Any]:
    text = (CHECKOUT / "roles" / "mfa_rollout" / "meta" / "argument_specs.yml").read_text(encoding="utf-8")
    return yaml.safe_load(text)["argument_specs"]["main"]["options"]


def questions() -> dict[str, dict[str, Any]]:
    templates = {template["name"]: template for template in load("job_templates.yml")}
    return {question["variable"]: question for question in templates["MFA rollout"]["survey_spec"]["spec"]}


class TestCredentialType:
    def test_every_injector_names_a_field(self) -> None:
        check_injectors(load("credential_type.yml"))

    @pytest.mark.parametrize("kind", ["env", "extra_vars"])
    def test_injector_with_an_unknown_field_is_refused(self, kind: str) -> None:
        document = load("credential_type.yml")
        document["injectors"][kind]["HW_NEW"] = "{{ no_such_field }}"
        with pytest.raises(UndefinedError, match="no_such_field"):
            check_injectors(document)

    def test_every_variable_is_the_one_that_the_collection_reads_first(self) -> None:
        env = load("credential_type.yml")["injectors"]["env"]
        assert not ENV_BLOCKLIST & env.keys()
        injected = {re.sub(r"[{} ]", "", template): name for name, template in env.items()}
        assert injected == {option: READ[option][0] for option in injected}
        # A code is good for 30 seconds: there is nothing to keep in a credential. An account is known by its name there.
        assert injected.keys() == READ.keys() - {"auth_passcode", "auth_domain_id"}

    def test_secret_fields_are_those_that_modules_hide(self) -> None:
        secret = {name for name, field in fields(load("credential_type.yml")).items() if field.get("secret")}
        assert secret == {name for name in credentials.SECRETS if name != "auth_passcode"} | {"seed_store_password"}

    def test_secrets_are_masked_where_awx_shows_the_environment(self, tmp_path: Path) -> None:
        env, safe_env, args = inject(tmp_path, {"access_key": "AK-1", "secret_key": "SK-1", "seed_store_password": STORE_PASSWORD})
        assert env["HW_SECRET_KEY"] == "SK-1"
        assert safe_env["HW_SECRET_KEY"] == HIDDEN_PASSWORD
        option, path = args
        assert option == "-e" and path.startswith("@/runner/env/")
        written = tmp_path / "env" / Path(path).name
        assert yaml.safe_load(written.read_text(encoding="utf-8")) == {"mfa_rollout_seed_store_password": STORE_PASSWORD}
        assert written.stat().st_mode & 0o077 == 0

    @pytest.mark.parametrize(
        ("inputs", "kind"),
        [
            ({"access_key": "AK-1", "secret_key": "SK-1"}, credentials.AccessKey),
            ({"access_key": "AK-1", "secret_key": "SK-1", "security_token": "ST-1"}, credentials.AccessKey),
            ({"auth_token": "T-1"}, credentials.Token),
            ({"auth_user_id": "42", "auth_password": "P-1"}, credentials.Password),
            ({"auth_username": "ada", "auth_password": "P-1", "auth_domain_name": "acme"}, credentials.Password),
        ],
    )
    def test_empty_fields_count_as_not_set(self, tmp_path: Path, inputs: dict[str, str], kind: type) -> None:
        env, _safe_env, _args = inject(tmp_path, inputs)
        assert {name for name, value in env.items() if value} == {READ[option][0] for option in inputs}
        resolved = credentials.find({}, env).credentials
        assert isinstance(resolved, kind)
        assert set(inputs.values()) <= {*vars(resolved).values(), resolved.account.name}
        assert endpoints.iam_endpoint({}, env) == "https://iam.myhuaweicloud.com"


class TestJobTemplates:
    def test_answers_are_variables_that_the_role_takes(self) -> None:
        specs = argument_specs()
        for variable, question in questions().items():
            if variable == "mfa_wave_sizes":
                continue
            assert question["default"] == specs[variable]["default"]
            assert question.get("choices") == specs[variable].get("choices")
            assert question["type"] == {"int": "integer", "str": "multiplechoice"}[specs[variable]["type"]]

    def test_survey_has_what_awx_wants_of_one(self) -> None:
        for template in load("job_templates.yml"):
            spec = template.get("survey_spec")
            if spec is None:
                continue
            assert set(spec) == {"name", "description", "spec"}
            for question in spec["spec"]:
                assert {"question_name", "type", "variable", "required"} <= set(question)
                assert isinstance(question["default"], int) == (question["type"] == "integer")

    def test_every_playbook_is_one_that_awx_offers(self) -> None:
        for template in load("job_templates.yml"):
            text = (DOCS / "project" / template["playbook"]).read_text(encoding="utf-8")
            # How AWX tells a playbook from other files.
            assert re.search(r"^\s*?-?\s*?(?:hosts|include|import_playbook):\s*?.*?$", text, re.MULTILINE)

    def test_what_changes_accounts_starts_in_check_mode(self) -> None:
        starts = {template["name"]: template["job_type"] for template in load("job_templates.yml")}
        assert starts == {"MFA audit": "run", "MFA rollout": "check", "MFA rollback": "check"}


# A stand-in for a module of awx.awx: it notes what it is given.
RECORDER = """
import json
from ansible.module_utils.basic import AnsibleModule
module = AnsibleModule(argument_spec={spec})
with open({file!r}, "a") as stream:
    stream.write(json.dumps(module.params) + chr(10))
module.exit_json(changed=True)
"""


def test_playbook_of_the_readme_loads_what_the_files_say(tmp_path: Path) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (DOCS / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    (playbook,) = [block for block in blocks if block.startswith("# load.yml")]
    (tmp_path / "load.yml").write_text(playbook, encoding="utf-8")
    modules = tmp_path / "ansible_collections" / "awx" / "awx" / "plugins" / "modules"
    modules.mkdir(parents=True)
    types = {bool: "bool", int: "int", dict: "dict", list: "list", str: "str"}
    files = {"credential_type": [load("credential_type.yml")], "job_template": load("job_templates.yml")}
    tasks = {next(iter(task.keys() - {"name", "loop", "loop_control"})): task for task in yaml.safe_load(playbook)[0]["tasks"]}
    for name, documents in files.items():
        shutil.copy(DOCS / f"{name}s.yml" if name == "job_template" else DOCS / f"{name}.yml", tmp_path)
        known = {option: types[type(value)] for document in documents for option, value in document.items()}
        spec = {option: {"type": known.get(option, "raw")} for option in tasks[f"awx.awx.{name}"][f"awx.awx.{name}"]}
        (modules / f"{name}.py").write_text(RECORDER.format(spec=spec, file=str(tmp_path / name)), encoding="utf-8")
    env = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(tmp_path)}
    done = subprocess.run(["ansible-playbook", "load.yml"], cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    for name, documents in files.items():
        given = [json.loads(line) for line in (tmp_path / name).read_text(encoding="utf-8").splitlines()]
        assert [{option: one[option] for option in document} for one, document in zip(given, documents)] == documents


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
        })  # fmt: skip
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
        return start_cloud(users=8, accounts=4)

    @pytest.fixture
    def fleet_job(self, cloud: Any, new_job: NewJob, tmp_path: Path) -> Callable[..., Job]:
        """Makes a job over all accounts, or over a slice of them."""
        accounts = {account["name"]: account for account in cloud.describe()["accounts"]}

        def make(slice_number: int = 1, slice_count: int = 1) -> Job:
            job = new_job()
            job.credential({"iam_endpoint": cloud.url, "seed_store_password": STORE_PASSWORD})
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
        answers = {"mfa_rollout_strategy": "enrol", "mfa_wave_sizes": "1, 2"}
        for number in (1, 2):
            job = fleet_job(number, 2)
            job.launch(
                "MFA rollout",
                answers,
                {"mfa_rollout_seed_store_persistent": True},
                job_type="run",
                number=40 + number,
                verbosity=5 * (number - 1),
            )
            assert_succeeded(job)
            assert_keeps_no_secret(job, cloud)
            bound = [user for user in cloud.cloud.users.values() if user.device is not None and user.device.bound]
            assert len(bound) == 4 * number
        seeds = self.seeds(tmp_path / "seeds")
        for account in cloud.describe()["accounts"]:
            for one in account["users"]:
                user = cloud.cloud.user(one["user_id"])
                assert user.device.bound and user.protection.enabled
                assert seeds[user.id]["seed"] == user.device.seed
            assert cloud.cloud.user(account["admin"]["user_id"]).device is None
        assert "wave 2 of 2, 1 user, 1 created, 1 bound, 1 protected, 0 failed" in job.output

    def test_check_and_limit_of_the_launch_hold(self, cloud: Any, fleet_job: Callable[..., Job]) -> None:
        account, other, *_others = cloud.describe()["accounts"]
        job = fleet_job()
        job.launch("MFA rollout", limit=account["name"])
        assert_succeeded(job)
        assert f"{account['name']}: wave 1 of " in job.output
        assert other["name"] not in job.output
        assert cloud.cloud.counters.writes == 0

    def test_store_on_the_disk_of_a_job_is_refused(self, cloud: Any, fleet_job: Callable[..., Job]) -> None:
        job = fleet_job()
        job.launch("MFA rollout", {"mfa_rollout_strategy": "enrol"}, job_type="run")
        assert job.status == "failed"
        assert len(job.failures()) == 4
        assert all("goes away with the job" in message and "mfa_rollout_seed_store_persistent" in message for message in job.failures())
        assert cloud.cloud.counters.writes == 0
        assert_keeps_no_secret(job, cloud)
