# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a row works: a folder with a rehearsal cloud, whose accounts are the hosts of an inventory, and the commands that are measured there."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import measure
import rehearsal
from measure import Failed, Measurement

HERE = Path(__file__).resolve().parent

LATENCY_MS = 20
"""How long the cloud takes for an answer, unless a row says otherwise."""

CONCURRENCY = 8
"""The default of the modules and of the role."""

WAVE_SIZES = [1, 10, 100, 1000]
"""The default of ``mfa_rollout_wave_sizes`` (roles/mfa_rollout/defaults/main.yml), given outright so that all rows have the same; the last one repeats."""

STORE_PASSWORD = "rehearsal"
USERS_A_FILE = 500


@dataclass(frozen=True)
class Bench:
    """What was asked for on the command line, and where it is carried out."""

    directory: Path
    """For everything that is written; emptied at the start."""

    repeat: int
    quick: bool

    @property
    def collection(self) -> Path:
        """A copy of the collection, so that edits during a run do not mix two versions."""
        return self.directory / "ansible_collections" / "hwc" / "mfa"

    def pick(self, full: int, quick: int) -> int:
        """A number for a whole run, and a small one for trying out."""
        return quick if self.quick else full

    def repetitions(self) -> range:
        """The numbers of the repetitions."""
        return range(1, self.repeat + 1)

    def environment(self, folder: Path, **extra: str) -> dict[str, str]:
        """The environment of a command: no credentials, no settings of Ansible but these."""
        own = ("ANSIBLE_", "HW_", "HWC_", "OS_", "HUAWEICLOUD_", "PYTHONPATH")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
        return {
            **kept,
            "ANSIBLE_COLLECTIONS_PATH": str(self.directory),
            "ANSIBLE_CONFIG": str(self.directory / "ansible.cfg"),
            "ANSIBLE_HOME": str(folder / "home" / ".ansible"),
            "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_REMOTE_TEMP": str(folder / "remote-tmp"),
            "HOME": str(folder / "home"),
            "LC_ALL": "C.UTF-8",
            **extra,
        }

    def measure(self, folder: Path, label: str, command: Sequence[str], **extra: str) -> Measurement:
        """Measure a command that needs no cloud. Raises Failed."""
        (folder / "home").mkdir(parents=True, exist_ok=True)
        return measure.run(command, folder, self.environment(folder, **extra), folder / f"{label}.log")


class Ground:
    """A folder below the benchmark's, with a cloud of its own. Leaving the context ends the cloud.

    ``options`` are those of the rehearsal cloud. Secrets of the cloud in files open this cloud only, and are the owner's alone to read.
    """

    def __init__(self, bench: Bench, name: str, **options: float | str) -> None:
        self.bench = bench
        self.path = bench.directory / name
        (self.path / "home").mkdir(parents=True, mode=0o700)
        self.cloud = rehearsal.Rehearsal(bench.collection / "tests" / "simulator", **{"latency_ms": LATENCY_MS, **options})

    def __enter__(self) -> Ground:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.cloud.stop()

    @property
    def account(self) -> dict[str, Any]:
        """The first account."""
        return self.cloud.accounts[0]

    @property
    def admin(self) -> dict[str, str]:
        """The options with which an administrator of the first account signs."""
        return self.signing(self.account)

    def signing(self, account: Mapping[str, Any]) -> dict[str, str]:
        """The options with which an administrator of an account signs."""
        keys = {name: str(account["admin"][name]) for name in ("access_key", "secret_key")}
        return {"iam_endpoint": self.cloud.url, "identity_center_endpoint": self.cloud.url, **keys}

    def user_ids(self) -> list[str]:
        """The users of all accounts, administrators not counted."""
        return [user["user_id"] for account in self.cloud.accounts for user in account["users"]]

    def write(self, name: str, document: Any) -> Path:
        """Write JSON that can hold secrets."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(json.dumps(document), encoding="utf-8")
        return path

    def write_inventory(self, hosts: Mapping[str, Mapping[str, Any]]) -> None:
        """An inventory of hosts and their variables; modules run on the Python that Ansible itself runs on, which nobody has to look for."""
        inventory = {
            "all": {"hosts": {host: {} for host in hosts}, "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}}
        }
        self.write("inventory/hosts.json", inventory)
        for host, variables in hosts.items():
            self.write(f"inventory/host_vars/{host}.json", variables)

    def play(self, label: str, playbook: str, *words: str, **extra: str) -> Measurement:
        """Measure a playbook of the collection or of this benchmark; ``times(label)`` has its tasks afterwards."""
        target = playbook if playbook.startswith("hwc.mfa.") else str(HERE / "playbooks" / f"{playbook}.yml")
        return self.measure(
            label,
            ["ansible-playbook", "-i", str(self.path / "inventory"), *words, target],
            ANSIBLE_CALLBACK_PLUGINS=str(HERE / "callback_plugins"),
            ANSIBLE_CALLBACKS_ENABLED="task_times",
            BENCH_TASK_TIMES=str(self._times_path(label)),
            **extra,
        )

    def baseline(self, label: str, script: str, *words: str, **extra: str) -> Measurement:
        """Measure a script of ``baselines/``."""
        return self.measure(label, [sys.executable, str(HERE / "baselines" / f"{script}.py"), *words], **extra)

    def module(self, label: str, name: str, options: Mapping[str, Any]) -> Measurement:
        """Measure a module of the collection in a process of its own, as its payload would run it; its JSON is in ``<label>.log``."""
        arguments = self.write(f"{label}.json", {"ANSIBLE_MODULE_ARGS": options})
        command = [sys.executable, "-m", f"ansible_collections.hwc.mfa.plugins.modules.{name}", str(arguments)]
        return self.measure(label, command, PYTHONPATH=str(self.bench.directory))

    def measure(self, label: str, command: Sequence[str], **extra: str) -> Measurement:
        """Measure a command, and the requests that it sends. Raises Failed."""
        self.cloud.reset()
        done = self.bench.measure(self.path, label, command, **extra)
        return replace(done, requests=rehearsal.count(self.cloud.log()))

    def output(self, label: str) -> str:
        """What a command has printed."""
        return (self.path / f"{label}.log").read_text(encoding="utf-8", errors="replace")

    def times(self, label: str) -> list[dict[str, Any]]:
        """The tasks of a playbook in the order of their ends: ``name``, ``action``, ``host``, ``start`` and ``end`` in seconds since the epoch."""
        return [json.loads(line) for line in self._times_path(label).read_text(encoding="utf-8").splitlines()]

    def _times_path(self, label: str) -> Path:
        return self.path / f"{label}.times.jsonl"

    def report(self, account: Mapping[str, Any]) -> dict[str, Any]:
        """The role's report on an account."""
        return dict(json.loads((self.path / "report" / f"{account['name']}.json").read_text(encoding="utf-8")))


def role_variables(ground: Ground, account: Mapping[str, Any], strategy: str, **more: Any) -> dict[str, Any]:
    """What the role is given for an account: credentials, report, and with ``enrol`` its users and the seed store."""
    variables: dict[str, Any] = {
        "mfa_rollout_auth": ground.signing(account),
        "mfa_rollout_strategy": strategy,
        "mfa_rollout_wave_sizes": WAVE_SIZES,
        "mfa_rollout_concurrency": CONCURRENCY,
        "mfa_rollout_report_dir": str(ground.path / "report"),
    }
    if strategy == "enrol":
        variables["mfa_rollout_users"] = with_passwords(account)
        variables["mfa_rollout_seed_store_dir"] = str(ground.path / "seeds")
        variables["mfa_rollout_seed_store_password"] = STORE_PASSWORD
    return {**variables, **more}


def waves(users: int, sizes: Sequence[int]) -> list[tuple[int, int]]:
    """The begin and the end of each wave; the last size repeats."""
    found: list[tuple[int, int]] = []
    begin = 0
    while begin < users:
        end = min(users, begin + sizes[min(len(found), len(sizes) - 1)])
        found.append((begin, end))
        begin = end
    return found


def with_passwords(account: Mapping[str, Any]) -> list[dict[str, str]]:
    """The users of an account as items of the modules and of the role."""
    return [{"user_id": user["user_id"], "auth_password": user["password"]} for user in account["users"]]


def play_role(ground: Ground, label: str, strategy: str, *words: str, **more: Any) -> Measurement:
    """Measure the role on all accounts of a cloud whose users are not enrolled. Raises Failed unless it has enrolled all of them."""
    ground.write_inventory({account["name"]: role_variables(ground, account, strategy, **more) for account in ground.cloud.accounts})
    done = ground.play(label, "hwc.mfa.rollout", *words)
    rehearsal.check_enrolled(ground.cloud.state(), ground.user_ids())
    for account in ground.cloud.accounts:
        check_report(ground.report(account), "done", len(account["users"]), seeds=strategy == "enrol")
    return done


def check_report(report: Mapping[str, Any], outcome: str, users: int, seeds: bool) -> None:
    """Raise Failed unless the role's report says of all ``users`` that they came to ``outcome`` and are enrolled, their seeds stored where that counts."""
    reached = [user for user in report["users"] if user["outcome"] == outcome]
    enrolled = [user for user in reached if user["after"]["binding"] == "bound" and user["after"]["login_protection"] == "vmfa"]
    stored = [user for user in enrolled if user["seed_stored"] or not seeds]
    if len(stored) != users:
        raise Failed(
            f"of {users} users the report says {outcome} of {len(reached)}, that {len(enrolled)} of these are enrolled, and that the seeds of {len(stored)} "
            f"of these are stored or need not be; its warnings: {report.get('warnings')}"
        )


def store_seeds(ground: Ground) -> None:
    """Put the seeds of devices that a cloud's first account has had from the start into the role's store, as former rollouts would have done."""
    if str(ground.bench.directory) not in sys.path:
        sys.path.append(str(ground.bench.directory))
    folder = "ansible_collections.hwc.mfa.plugins.plugin_utils._stores"
    stores, files = importlib.import_module(f"{folder}.store"), importlib.import_module(f"{folder}.vault_files")
    store = files.VaultFiles(str(ground.path / "seeds"), ground.account["name"], STORE_PASSWORD)
    users = ground.account["users"]
    for start in range(0, len(users), USERS_A_FILE):
        store.save(
            stores.seeds_given({user["user_id"]: {**user["device"], "name": user["name"]} for user in users[start : start + USERS_A_FILE]})
        )
