# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rehearsal clouds, accounts as hosts of an inventory, and ansible-playbook as users run it."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable

import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret
from truths import HEADER
from twins import twin

# The rehearsal cloud is no installed package: it is found beside this folder.
sys.path.append(str(Path(__file__).resolve().parents[1]))

simulator = importlib.import_module("simulator")

PASSWORD = "seed-store-password"


@dataclass
class Playground:
    """A folder with an inventory in which each host is an account of a rehearsal cloud."""

    path: Path
    cloud: Any
    variables: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def seed_directory(self) -> Path:
        return self.path / "seeds"

    def write_inventory(self) -> None:
        """(Re)write the inventory from ``variables``."""
        inventory = self.path / "inventory"
        (inventory / "host_vars").mkdir(parents=True, exist_ok=True)
        (inventory / "hosts.json").write_text(json.dumps({"all": {"hosts": {host: {} for host in self.variables}}}))
        for host, variables in self.variables.items():
            (inventory / "host_vars" / f"{host}.json").write_text(json.dumps(variables))

    def command(self, playbook: str, *words: str) -> list[str]:
        return ["ansible-playbook", "-i", str(self.path / "inventory"), *words, playbook]

    def environment(self, extra: dict[str, str] | None = None) -> dict[str, str]:
        own = ("HW_", "HWC_", "OS_", "HUAWEICLOUD_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
        return {
            **kept,
            "ANSIBLE_LOCAL_TEMP": str(self.path / "tmp"),
            "ANSIBLE_REMOTE_TEMP": str(self.path / "remote-tmp"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_RETRY_FILES_ENABLED": "0",
            "LC_ALL": "C.UTF-8",
            **(extra or {}),
        }

    def start(self, playbook: str, *words: str, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
        """Start a playbook in a process group of its own, so that the cloud can kill all of it."""
        self.write_inventory()
        return self._started(self.command(playbook, *words), env)

    def _started(self, command: list[str], env: dict[str, str] | None) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command,
            cwd=self.path,
            env=self.environment(env),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, playbook: str, *words: str, env: dict[str, str] | None = None) -> Run:
        """Run a playbook to its end."""
        self.write_inventory()
        return self.run_command(self.command(playbook, *words), env=env)

    def run_command(self, command: list[str], env: dict[str, str] | None = None) -> Run:
        """Run a command line to its end, with the inventory as it is on the disk."""
        process = self._started(command, env)
        output, _nothing = process.communicate(timeout=180)
        return Run(process.returncode, output)

    def play(self, tasks: str, *words: str, header: str = HEADER, env: dict[str, str] | None = None) -> Run:
        """Run tasks, given as YAML that is indented like a play's tasks."""
        path = self.path / "play.yml"
        path.write_text(f"{header}  tasks:\n{tasks}", encoding="utf-8")
        return self.run(str(path), *words, env=env)

    def seeds(self, account: str) -> dict[str, dict[str, Any]]:
        """What the store's files say, read as anybody with the password would."""
        vault = VaultLib([("default", VaultSecret(PASSWORD.encode()))])
        found: dict[str, dict[str, Any]] = {}
        for path in sorted((self.seed_directory / account).glob("*.yml")):
            found.update(yaml.safe_load(vault.decrypt(path.read_bytes())))
        return found

    def report(self, account: str) -> dict[str, Any]:
        return json.loads((self.path / "report" / f"{account}.json").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Run:
    """What a run of ansible-playbook came to."""

    code: int
    output: str

    def recap(self, host: str) -> dict[str, int]:
        """The counts of a host's line in the recap."""
        line = re.search(rf"^{re.escape(host)}\s+: (ok=.*)$", self.output, re.MULTILINE)
        assert line, self.output
        return {name: int(count) for name, count in (pair.split("=") for pair in line.group(1).split())}

    def failures(self, host: str) -> list[str]:
        """The messages of the tasks that failed on a host."""
        lines = [line for line in self.output.splitlines() if line.startswith(f"fatal: [{host}]: FAILED!")]
        return [str(json.loads(line.split("=> ", 1)[1])["msg"]) for line in lines]

    def failure(self, host: str) -> str:
        """The message of the one task that failed on a host."""
        (message,) = self.failures(host)
        return message


@pytest.fixture(params=["newest", twin("oldest")])
def core(request: pytest.FixtureRequest) -> dict[str, str]:
    """The environment in which ansible-playbook is that of this core, or of the oldest one that the collection supports."""
    if request.param == "newest":
        return {}
    folder = os.environ.get("OLDEST_CORE")
    if not folder:
        # Not every machine has a Python that the oldest core runs on. The first lines of each run say which are missing.
        pytest.skip("OLDEST_CORE names no bin directory with the oldest ansible-core")
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "ANSIBLE_PYTHON_INTERPRETER": f"{folder}/python"}


@pytest.fixture
def playground(tmp_path: Path) -> Iterator[Callable[..., Playground]]:
    """Makes playgrounds: starts a cloud with simulator.start's arguments and fills the inventory with its accounts, in the given strategy."""
    handles = []

    def make(strategy: str = "enrol", folder: str = "", **settings: Any) -> Playground:
        handle = simulator.start(**{"users": 8, "seed_random": 7, **settings})
        handles.append(handle)
        path = tmp_path / folder
        path.mkdir(exist_ok=True)
        ground = Playground(path, handle)
        for account in handle.describe()["accounts"]:
            variables: dict[str, Any] = {
                "mfa_rollout_auth": {
                    "iam_endpoint": handle.url,
                    "identity_center_endpoint": handle.url,
                    "access_key": account["admin"]["access_key"],
                    "secret_key": account["admin"]["secret_key"],
                },
                "mfa_rollout_strategy": strategy,
                "mfa_rollout_report_dir": str(path / "report"),
                # Every wave takes seconds: where nothing depends on them, one is enough.
                "mfa_rollout_wave_sizes": [1000],
            }
            if strategy == "enrol":
                variables["mfa_rollout_users"] = [
                    {"user_id": user["user_id"], "auth_password": user["password"]} for user in account["users"]
                ]
                variables["mfa_rollout_seed_store_dir"] = str(ground.seed_directory)
                variables["mfa_rollout_seed_store_password"] = PASSWORD
            ground.variables[account["name"]] = variables
        return ground

    yield make
    for handle in handles:
        handle.stop()
