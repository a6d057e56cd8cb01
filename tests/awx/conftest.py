# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs as AWX runs them: a private data directory for ansible-runner, and credentials injected by AWX's own code."""

from __future__ import annotations

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Callable

import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret
from awx_plugins.interfaces._temporary_private_api import ManagedCredentialType
from awx_plugins.interfaces._temporary_private_credential_api import Credential
from awx_plugins.interfaces._temporary_private_inject_api import inject_credential

CHECKOUT = Path(__file__).resolve().parents[2]
SETUP = CHECKOUT / "roles" / "awx_setup"
PROJECT = SETUP / "files" / "project"

# The rehearsal cloud is no installed package: it is found beside this folder.
sys.path.append(str(CHECKOUT / "tests"))

simulator = importlib.import_module("simulator")
# Beside this file, whatever else of that name is on the path.
sys.path.insert(0, str(Path(__file__).resolve().parent))
controller_api = importlib.import_module("controller")
rules = importlib.import_module("rules")

VAULT_PASSWORD = "vault-of-the-project"
STORE_PASSWORD = "Seed-store-pass/1"


class Unsafe(str):
    """An answer of a survey: AWX tags it, so that Ansible never takes it for a template."""


class ExtraVarsDumper(yaml.SafeDumper):
    """Writes extra variables as AWX does."""


ExtraVarsDumper.add_representer(Unsafe, lambda dumper, value: dumper.represent_scalar("!unsafe", str(value)))


class DataLoader(yaml.SafeLoader):
    """Reads the role's data, in which a template of AWX's is marked as none of Ansible's."""


DataLoader.add_constructor("!unsafe", lambda loader, node: Unsafe(loader.construct_scalar(node)))


def data(name: str) -> Any:
    """A variable of the role awx_setup as it is written, with Ansible's templates in it."""
    for path in (SETUP / "defaults" / "main").glob("*.yml"):
        # Data that is tried, and nobody else's.
        found = yaml.load(path.read_text(encoding="utf-8"), DataLoader)
        if name in found:
            return found[name]
    raise KeyError(name)


ACCESS_KEY, PASSWORD, AGENCY, SEED_STORE = "MFA access key", "MFA password", "MFA agency", "MFA seed store password"
VAULT_TOKEN, VAULT_APPROLE = "MFA Vault token", "MFA Vault AppRole"


def credential_type(name: str) -> ManagedCredentialType:
    """A credential type that the role loads, as AWX holds it."""
    (document,) = [one for one in data("controller_credential_types") if one["name"] == name]
    return ManagedCredentialType(
        namespace=name,
        name=document["name"],
        kind=document["kind"],
        managed=False,
        inputs=document["inputs"],
        injectors=document["injectors"],
    )


SETTINGS = {
    "awx_setup_project_url": "https://git.example.com/mfa.git",
    "awx_setup_execution_environment_image": "registry.example.com/mfa-ee:1",
    "awx_setup_inventory_path": "organization_accounts.yml",
    "awx_setup_inventory_credential": "MFA key",
    "awx_setup_webhook_url": "https://chat.example.com/hook",
    "awx_setup_webhook_headers": {"X-Token": "HT-1"},
    "awx_setup_slices": 3,
    "controller_credentials": [
        {
            "name": "MFA key",
            "organization": "Default",
            "credential_type": ACCESS_KEY,
            "inputs": {"access_key": "AK-1", "secret_key": "SK-1"},
        },
        {"name": "MFA files", "organization": "Default", "credential_type": "Vault", "inputs": {"vault_password": "VP-1"}},
    ],
}
"""What an operator gives the role, here with all that is optional."""


def set_up_environment(controller: Any) -> dict[str, str]:
    """What the modules of awx.awx find in the environment: where they are, and where AWX is."""
    return {
        "CONTROLLER_HOST": controller.url,
        "CONTROLLER_OAUTH_TOKEN": controller_api.TOKEN,
        "ANSIBLE_COLLECTIONS_PATH": os.pathsep.join([os.environ["ANSIBLE_COLLECTIONS_PATH"], os.environ["AWX_COLLECTIONS"]]),
        "ANSIBLE_PIPELINING": "1",
    }


def set_up(
    controller: Any, folder: Path, *words: str, more_env: dict[str, str] | None = None, **settings: Any
) -> subprocess.CompletedProcess[str]:
    """Run the playbook hwc.mfa.awx_setup with the real modules of awx.awx."""
    given = folder / "settings.yml"
    given.write_text(json.dumps({name: value for name, value in {**SETTINGS, **settings}.items() if value is not None}), encoding="utf-8")
    env = {**os.environ, **set_up_environment(controller), **(more_env or {})}
    command = ["ansible-playbook", "hwc.mfa.awx_setup", "-e", f"@{given}", *words]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=240)


@pytest.fixture(scope="session")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, str]]:
    """An AWX into which everything was loaded, and what the playbook printed."""
    with controller_api.running(sorted(path.name for path in PROJECT.glob("*.yml"))) as controller:
        managed = {"inputs": {"fields": [{"id": "vault_password", "label": "Vault Password", "secret": True}]}, "kind": "vault"}
        controller.add("credential_types", {"name": "Vault", **managed})
        done = set_up(controller, tmp_path_factory.mktemp("awx"))
        assert done.returncode == 0, done.stdout + done.stderr
        yield controller, done.stdout + done.stderr


class Job:
    """One job of AWX: its private data directory, and what came of it."""

    def __init__(self, folder: Path, controller: Any) -> None:
        self.folder = folder
        self.controller = controller
        for name in ("env", "inventory"):
            (folder / name).mkdir(parents=True)
        shutil.copytree(PROJECT, folder / "project")
        self.env: dict[str, str] = {}
        self.safe_env: dict[str, str] = {}
        self.args: list[str] = []
        self.extra_vars: dict[str, Any] = {}
        self._artifacts = folder / "artifacts"

    def credential(self, inputs: dict[str, Any], name: str = ACCESS_KEY) -> None:
        """Attach a credential of a custom type."""
        # In AWX the folder is mounted at /runner; here there is no container, and it is where it is.
        inject_credential(
            credential_type(name), Credential(inputs), self.env, self.safe_env, self.args, str(self.folder), container_root=str(self.folder)
        )

    def inventory(self, hosts: dict[str, dict[str, Any]], slice_number: int = 1, slice_count: int = 1) -> None:
        """The inventory as AWX writes it, an executable that prints JSON; a slice holds every slice_count-th host."""
        names = sorted(hosts)[slice_number - 1 :: slice_count]
        document = {"all": {"hosts": names}, "_meta": {"hostvars": {name: hosts[name] for name in names}}}
        path = self.folder / "inventory" / "hosts"
        path.write_text(f"#!{sys.executable}\nprint({json.dumps(document)!r})\n", encoding="utf-8")
        path.chmod(0o700)

    def host_vars(self, account: str, variables: dict[str, Any]) -> None:
        """Variables of an account in the project, in a file that ansible-vault encrypted."""
        vault = VaultLib([("default", VaultSecret(VAULT_PASSWORD.encode()))])
        path = self.folder / "project" / "host_vars" / f"{account}.yml"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(vault.encrypt(yaml.safe_dump(variables).encode()))

    def launch(
        self, template: str, answers: dict[str, Any] | None = None, extra_vars: dict[str, Any] | None = None, **options: Any
    ) -> None:
        """Launch a job template that AWX holds, with the answers to its survey, the defaults for what is not answered."""
        found = self.controller.one("job_templates", template)
        spec = found.get("_survey", {}).get("spec", [])
        given = {question["variable"]: question["default"] for question in spec} | (answers or {})
        job_type = options.pop("job_type", None)
        refused = rules.wrong_prompts(found, {"extra_data": given, "job_type": job_type, "limit": options.get("limit")})
        assert refused is None, refused
        answered = {name: Unsafe(value) if isinstance(value, str) else value for name, value in given.items()}
        self.extra_vars = {**(extra_vars or {}), **answered}
        words = ["--ask-vault-pass"] if (self.folder / "project" / "host_vars").is_dir() else []
        if (job_type or found["job_type"]) == "check":
            words.append("--check")
        self.run(found["playbook"], *words, **options)

    def run(
        self,
        playbook: str,
        *words: str,
        number: int = 42,
        prefix: Sequence[str] = (),
        process: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        """Run a playbook as AWX calls ansible-runner, in a process that ``prefix`` starts, with the arguments ``process`` of subprocess.run."""
        extra_vars = {"awx_job_id": number, "awx_job_template_name": "test", "tower_job_id": number, **self.extra_vars}
        path = self.folder / "env" / "extravars"
        path.write_text(yaml.dump(extra_vars, Dumper=ExtraVarsDumper), encoding="utf-8")
        given = {
            "private_data_dir": str(self.folder),
            "ident": str(number),
            "playbook": playbook,
            "envvars": self.env,
            "cmdline": " ".join([*words, *self.args]),
            "passwords": {r"Vault password:\s*?$": VAULT_PASSWORD} if "--ask-vault-pass" in words else None,
            "suppress_env_files": True,
            "quiet": True,
            **options,
        }
        # In a process of its own: it forks, and this one has the threads of the rehearsal cloud.
        program = "import json, sys, ansible_runner; ansible_runner.run(**json.load(sys.stdin))"
        done = subprocess.run(
            [*prefix, sys.executable, "-c", program],
            input=json.dumps(given),
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            **(process or {}),
        )
        assert done.returncode == 0, done.stderr
        self._artifacts = self.folder / "artifacts" / str(number)

    @property
    def status(self) -> str:
        """What ansible-runner says of the job: successful, failed, ..."""
        return (self._artifacts / "status").read_text(encoding="utf-8")

    @property
    def output(self) -> str:
        """What the job printed, without colours."""
        return re.sub(r"\x1b\[[0-9;]*m", "", (self._artifacts / "stdout").read_text(encoding="utf-8"))

    def failures(self) -> list[str]:
        """The messages of tasks that failed."""
        return [str(event["event_data"]["res"].get("msg")) for event in self.events() if event["event"] == "runner_on_failed"]

    def events(self) -> list[dict[str, Any]]:
        """The events of the job, in their order."""
        found = [json.loads(path.read_text(encoding="utf-8")) for path in (self._artifacts / "job_events").glob("*.json")]
        return sorted(found, key=lambda event: event["counter"])

    def artifacts(self) -> dict[str, Any]:
        """What AWX keeps of the job's set_stats."""
        return next((event["event_data"].get("artifact_data", {}) for event in self.events() if event["event"] == "playbook_on_stats"), {})

    def leftovers(self) -> dict[str, str]:
        """Every file that is left of the job: events, output, facts.

        Without ansible-runner's own note of the command, which holds the environment that it was given, and which AWX replaces by a masked one.
        """
        files = [path for path in self._artifacts.rglob("*") if path.is_file() and path != self._artifacts / "command"]
        return {str(path.relative_to(self._artifacts)): path.read_text(encoding="utf-8", errors="replace") for path in files}


@pytest.fixture
def start_cloud() -> Iterator[Callable[..., Any]]:
    """Starts rehearsal clouds, with the arguments of simulator.start, and stops them after the test."""
    started = []

    def start(**settings: Any) -> Any:
        handle = simulator.start(**{"users": 4, "seed_random": 1, **settings})
        started.append(handle)
        return handle

    yield start
    for handle in started:
        handle.stop()


@pytest.fixture
def new_job(tmp_path: Path, loaded: tuple[Any, str]) -> Callable[[], Job]:
    """Makes jobs, each with a private data directory of its own."""
    count = iter(range(1, 100))
    return lambda: Job(tmp_path / f"job-{next(count)}", loaded[0])
