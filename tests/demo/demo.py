# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The main job on the rehearsal cloud: preview, rollout, second run, audit, of 200 users in three accounts."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]


def main() -> int:
    """Run the demo; the exit code is 0 where every step came out as it says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=200, help="users over all accounts")
    parser.add_argument("--accounts", type=int, default=3)
    parser.add_argument("--latency-ms", type=int, default=20, help="how long the cloud takes for an answer")
    parser.add_argument(
        "--directory", type=Path, default=CHECKOUT / ".build" / "demo", help="where inventory, seeds and reports go; emptied first"
    )
    options = parser.parse_args()
    directory: Path = options.directory.resolve()
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True, mode=0o700)
    # A configuration of its own, so that the user's does not change what the demo shows.
    (directory / "ansible.cfg").write_text("[defaults]\n", encoding="utf-8")
    cloud = subprocess.Popen(
        [
            sys.executable,
            str(CHECKOUT / "tests" / "simulator"),
            "--port",
            "0",
            "--until-eof",
            "--users",
            str(options.users),
            "--accounts",
            str(options.accounts),
            "--latency-ms",
            str(options.latency_ms),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        described = json.loads(cloud.stdout.readline()) if cloud.stdout else {}
        inventory = write_inventory(directory, described)
        return play(directory, inventory, options.users, options.accounts)
    finally:
        if cloud.stdin:
            cloud.stdin.close()
        cloud.wait(timeout=10)


def write_inventory(directory: Path, cloud: dict[str, Any]) -> Path:
    """An inventory in which every host is an account, with what it needs to enrol all of its users. Secrets in it open the rehearsal cloud only."""
    inventory = directory / "inventory"
    (inventory / "host_vars").mkdir(parents=True)
    hosts = {account["name"]: {} for account in cloud["accounts"]}
    (inventory / "accounts.yml").write_text(json.dumps({"all": {"hosts": hosts}}), encoding="utf-8")
    for account in cloud["accounts"]:
        first, *others = account["users"]
        variables = {
            "mfa_rollout_auth": {
                "iam_endpoint": cloud["url"],
                "identity_center_endpoint": cloud["url"],
                "access_key": account["admin"]["access_key"],
                "secret_key": account["admin"]["secret_key"],
            },
            "mfa_rollout_strategy": "enrol",
            "mfa_rollout_users": [{"user_id": user["user_id"], "auth_password": user["password"]} for user in [first, *others]],
            "mfa_rollout_exempt": [{"user_id": first["user_id"], "reason": "break-glass user, enrolled by hand"}],
            "mfa_rollout_seed_store_dir": str(directory / "seeds"),
            "mfa_rollout_seed_store_password": "rehearsal",
            "mfa_rollout_report_dir": str(directory / "report"),
        }
        path = inventory / "host_vars" / f"{account['name']}.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps(variables), encoding="utf-8")
    return inventory


def play(directory: Path, inventory: Path, users: int, accounts: int) -> int:
    """The steps, each a playbook of the collection."""
    steps = (
        (f"1. Preview in check mode: {users} users in {accounts} accounts, nothing is changed", "rollout", ["--check"]),
        ("2. Roll out in waves: create, store the seed, bind, protect, verify", "rollout", []),
        ("3. Roll out again: nothing changes", "rollout", []),
        ("4. Audit", "audit", []),
    )
    for title, playbook, arguments in steps:
        print(f"\n{title}", flush=True)
        started = time.monotonic()
        done = subprocess.run(
            ["ansible-playbook", "-i", str(inventory), *arguments, f"hwc.mfa.{playbook}"],
            cwd=directory,
            env=environment(directory),
            check=False,
        )
        print(f"   {time.monotonic() - started:.1f} s", flush=True)
        if done.returncode != 0:
            print(f"The playbook ended with {done.returncode}.", file=sys.stderr)
            return 1
    return summarize(directory)


def environment(directory: Path) -> dict[str, str]:
    """The environment of ansible-playbook; the collection is found on ANSIBLE_COLLECTIONS_PATH, which is the caller's to set."""
    quiet = {
        "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback_plugins"),
        "ANSIBLE_STDOUT_CALLBACK": "rollout_lines",
        "ANSIBLE_LOCAL_TEMP": str(directory / "tmp"),
        "ANSIBLE_CONFIG": str(directory / "ansible.cfg"),
        "PYTHONWARNINGS": "ignore",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HW_", "HWC_", "OS_", "HUAWEICLOUD_"))}
    return {**kept, **quiet}


def summarize(directory: Path) -> int:
    """Say what was reached and where it stands; fails unless every user of the plan is protected and no seed is missing."""
    reports = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((directory / "report").glob("*.json"))]
    # The audit shows all users of the accounts, also those who were not asked for.
    rows = [row for report in reports for row in report["users"] if row["named"]]
    reached = [row for row in rows if row["outcome"] == "already"]
    protected = [
        row for row in reached if row["after"]["binding"] == "bound" and row["after"]["login_protection"] == "vmfa" and row["seed_stored"]
    ]
    print(f"\n{len(protected)} of {len(rows)} users have a bound device, a stored seed and protected logins;", end=" ")
    print(f"{len(rows) - len(reached)} were skipped on purpose.")
    shown = directory.relative_to(Path.cwd()) if directory.is_relative_to(Path.cwd()) else directory
    print(f"Report: {shown}/report/*.json and *.csv")
    print(f"Seeds:  {shown}/seeds/<account>/*.yml (ansible-vault view; the password is: rehearsal)")
    complete = bool(reports) and len(protected) == len(reached) and all(row["outcome"] in ("already", "left_alone") for row in rows)
    return 0 if complete else 1


if __name__ == "__main__":
    sys.exit(main())
