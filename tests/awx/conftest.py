# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs as AWX runs them: a private data directory for ansible-runner, and credentials injected by AWX's own code."""

from __future__ import annotations

import importlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret
from awx_plugins.interfaces._temporary_private_api import ManagedCredentialType
from awx_plugins.interfaces._temporary_private_credential_api import Credential
from awx_plugins.interfaces._temporary_private_inject_api import inject_credential

CHECKOUT = Path(__file__).resolve().parents[2]
DOCS = CHECKOUT / "docs" / "awx"

# The rehearsal cloud is no installed package: it is found beside this folder.
sys.path.append(str(CHECKOUT / "tests"))

simulator = importlib.import_module("simulator")

VAULT_PASSWORD = "vault-of-the-project"
STORE_PASSWORD = "Seed-store-pass/1"


class Unsafe(str):
    """An answer of a survey: AWX tags it, so that Ansible never takes it for a template."""


class ExtraVarsDumper(yaml.SafeDumper):
    """Writes extra variables as AWX does."""


ExtraVarsDumper.add_representer(Unsafe, lambda dumper, value: dumper.represent_scalar("!unsafe", str(value)))


def load(name: str) -> Any:
    """A file of docs/awx."""
    return yaml.safe_load((DOCS / name).read_text(encoding="utf-8"))


def credential_type(file: str = "credential_type.yml") -> ManagedCredentialType:
    """A custom credential type of docs/awx, as AWX holds it."""
    document = load(file)
    return ManagedCredentialType(
        namespace=file,
        name=document["name"],
        kind=document["kind"],
        managed=False,
        inputs=document["inputs"],
        injectors=document["injectors"],
    )


class Job:
    """One job of AWX: its private data directory, and what came of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("env", "inventory"):
            (folder / name).mkdir(parents=True)
        shutil.copytree(DOCS / "project", folder / "project")
        self.env: dict[str, str] = {}
        self.safe_env: dict[str, str] = {}
        self.args: list[str] = []
        self.extra_vars: dict[str, Any] = {}
        self._artifacts = folder / "artifacts"

    def credential(self, inputs: dict[str, Any], file: str = "credential_type.yml") -> None:
        """Attach a credential of a custom type."""
        # In AWX the folder is mounted at /runner; here there is no container, and it is where it is.
        inject_credential(
            credential_type(file), Credential(inputs), self.env, self.safe_env, self.args, str(self.folder), container_root=str(self.folder)
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
        """Launch a job template of docs/awx with the answers to its survey, the defaults for what is not answered."""
        found = next(one for one in load("job_templates.yml") if one["name"] == template)
        asked = {question["variable"]: question["default"] for question in found.get("survey_spec", {}).get("spec", [])}
        answered = {name: Unsafe(value) if isinstance(value, str) else value for name, value in {**asked, **(answers or {})}.items()}
        self.extra_vars = {**found.get("extra_vars", {}), **(extra_vars or {}), **answered}
        words = ["--ask-vault-pass"] if (self.folder / "project" / "host_vars").is_dir() else []
        if options.pop("job_type", found["job_type"]) == "check":
            words.append("--check")
        self.run(found["playbook"], *words, **options)

    def run(self, playbook: str, *words: str, number: int = 42, **options: Any) -> None:
        """Run a playbook as AWX calls ansible-runner."""
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
            [sys.executable, "-c", program], input=json.dumps(given), capture_output=True, text=True, check=False, timeout=120
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
        events = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((self._artifacts / "job_events").glob("*.json"))]
        return [str(event["event_data"]["res"].get("msg")) for event in events if event["event"] == "runner_on_failed"]

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
def new_job(tmp_path: Path) -> Callable[[], Job]:
    """Makes jobs, each with a private data directory of its own."""
    count = iter(range(1, 100))
    return lambda: Job(tmp_path / f"job-{next(count)}")
