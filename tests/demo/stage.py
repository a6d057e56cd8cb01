# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the demo plays: rehearsal clouds, an inventory of their accounts, playbooks whose words are kept, and a screen."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import simulator

HERE = Path(__file__).resolve().parent
STORE_PASSWORD = "rehearsal"


class Stage:
    """Two clouds, one of them OTC's, an inventory in which each host is an account, and all that was printed."""

    def __init__(self, directory: Path, users: int, accounts: int, latency_ms: int) -> None:
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True, mode=0o700)
        self.directory = directory
        # A configuration of its own, so that the user's does not change what the demo shows.
        (directory / "ansible.cfg").write_text("[defaults]\n", encoding="utf-8")
        self.transcript = directory / "transcript.txt"
        self.colours = sys.stdout.isatty()
        self.width = min(shutil.get_terminal_size((100, 24)).columns, 160)
        of_otc = users // accounts if accounts > 1 else 0
        self.clouds = [simulator.start(accounts=max(accounts - 1, 1), users=users - of_otc, latency_ms=latency_ms)]
        if of_otc:
            self.clouds.append(simulator.start(profile="otc", users=of_otc, latency_ms=latency_ms))
        self.accounts: dict[str, dict[str, Any]] = {}
        for handle in self.clouds:
            profile = handle.cloud.settings.profile
            for account in handle.describe()["accounts"]:
                host = account["name"] if profile == "huaweicloud" else f"{account['name']}-otc"
                self.accounts[host] = {**account, "cloud": handle, "profile": profile}
        self.write_inventory()

    def stop(self) -> None:
        """End the clouds, and what the killed run has left: workers of Ansible that wait for each other, and write nothing."""
        for handle in self.clouds:
            handle.stop()
        own = f"ANSIBLE_LOCAL_TEMP={self.directory / 'tmp'}".encode()
        for environ in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                if own in environ.read_bytes().split(b"\0"):
                    os.kill(int(environ.parent.name), signal.SIGKILL)

    def people(self, host: str) -> list[dict[str, Any]]:
        """The users of an account who are to be enrolled, as the cloud has them."""
        return list(self.accounts[host]["users"][1:])

    def exempt(self, host: str) -> dict[str, Any]:
        """The one who is not."""
        first: dict[str, Any] = self.accounts[host]["users"][0]
        return first

    def write_inventory(self, wrong_password_of: str | None = None) -> None:
        """Each host has what it needs to enrol all of its users. Secrets in it open the rehearsal clouds only."""
        variables = self.directory / "inventory" / "host_vars"
        variables.mkdir(parents=True, exist_ok=True)
        hosts: dict[str, Any] = {host: {} for host in self.accounts}
        (variables.parent / "accounts.yml").write_text(json.dumps({"all": {"hosts": hosts}}), encoding="utf-8")
        for host, account in self.accounts.items():
            url = account["cloud"].url
            admin = account["admin"]
            users = [
                {
                    "user_id": user["user_id"],
                    "auth_password": "mistyped" if user["user_id"] == wrong_password_of else user["password"],
                }
                for user in account["users"]
            ]
            path = variables / f"{host}.json"
            path.touch(mode=0o600)
            path.write_text(
                json.dumps(
                    {
                        "mfa_rollout_auth": {
                            "iam_endpoint": url,
                            "identity_center_endpoint": url,
                            "access_key": admin["access_key"],
                            "secret_key": admin["secret_key"],
                        },
                        "mfa_rollout_strategy": "enrol",
                        "mfa_rollout_users": users,
                        "mfa_rollout_exempt": [{"user_id": users[0]["user_id"], "reason": "break-glass user, enrolled by hand"}],
                        "mfa_rollout_seed_store_dir": str(self.directory / "seeds"),
                        "mfa_rollout_seed_store_password": STORE_PASSWORD,
                        "mfa_rollout_report_dir": str(self.directory / "report"),
                    }
                ),
                encoding="utf-8",
            )

    def play(self, playbook: str, *arguments: str, kill_at: int | None = None) -> int:
        """Run a playbook, show and keep what it says, and return its exit code. ``kill_at``: kill it when so many devices are to be created."""
        process = subprocess.Popen(
            ["ansible-playbook", "-i", str(self.directory / "inventory"), *arguments, playbook],
            cwd=self.directory,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            # A group of its own, which is killed as a whole.
            start_new_session=True,
        )
        if kill_at is not None:
            self.clouds[0].kill_at(process.pid, kill_at, "after", "v5-create")
        try:
            for line in process.stdout or ():
                self._show(line.rstrip("\n"))
            return process.wait()
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise

    def _environment(self) -> dict[str, str]:
        """The environment of ansible-playbook; the collection is found on ANSIBLE_COLLECTIONS_PATH, which is the caller's to set."""
        own = {
            "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback_plugins"),
            "ANSIBLE_STDOUT_CALLBACK": "rollout_lines",
            "ANSIBLE_LOCAL_TEMP": str(self.directory / "tmp"),
            "ANSIBLE_CONFIG": str(self.directory / "ansible.cfg"),
            "ANSIBLE_FORCE_COLOR": str(self.colours),
            "COLUMNS": str(self.width),
            "PYTHONWARNINGS": "ignore",
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HW_", "HWC_", "OS_", "HUAWEICLOUD_"))}
        return {**kept, **own}

    # The screen

    def title(self, text: str) -> None:
        """What comes next."""
        self._show(f"\n\033[1m{text}\033[0m" if self.colours else f"\n{text}")

    def say(self, text: str, colour: str = "") -> None:
        """A sentence of the demo's own, indented."""
        for line in textwrap.wrap(text, self.width - 3):
            self._show(f"   \033[{colour}m{line}\033[0m" if self.colours and colour else f"   {line}")

    def proved(self, text: str, holds: bool = True) -> bool:
        """A sentence that was looked at. Returns whether it holds."""
        self.say(("seen: " if holds else "NOT TRUE: ") + text, "32" if holds else "31")
        return holds

    def _show(self, line: str) -> None:
        print(line, flush=True)
        with self.transcript.open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")

    # What the clouds and the disk hold

    @property
    def writes(self) -> int:
        """Requests that change something, so far."""
        return sum(handle.cloud.counters.writes for handle in self.clouds)

    def devices(self) -> tuple[int, int]:
        """How many devices are bound, and how many only created."""
        found = [self.seen(host, user) for host in self.accounts for user in self.accounts[host]["users"]]
        bound = [user for user in found if user.device is not None and user.device.bound]
        return len(bound), len([user for user in found if user.device is not None]) - len(bound)

    def seen(self, host: str, user: dict[str, Any]) -> Any:
        """A user as the cloud has them now."""
        return self.accounts[host]["cloud"].cloud.user(user["user_id"])

    def report(self, host: str) -> dict[str, Any]:
        """The account's newest report."""
        found: dict[str, Any] = json.loads((self.directory / "report" / f"{host}.json").read_text(encoding="utf-8"))
        return found

    def seeds_shown(self) -> Iterator[str]:
        """Where a seed of any device that there ever was can be read, in all that was printed and all that lies on the disk."""
        seeds = {seed for handle in self.clouds for seed in handle.cloud.seeds}
        for path in sorted(path for path in self.directory.rglob("*") if path.is_file()):
            text = path.name + path.read_text(encoding="utf-8", errors="replace")
            if any(seed in text for seed in seeds):
                yield str(path.relative_to(self.directory))

    def seed_count(self) -> int:
        """How many seeds the clouds gave out."""
        return sum(len(handle.cloud.seeds) for handle in self.clouds)
