# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An organization: many accounts from one credential on one machine, in one job and in slices as AWX cuts them."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import measure
import rehearsal
import table
from ground import CONCURRENCY, LATENCY_MS, WAVE_SIZES, Bench, Ground
from measure import Failed, Measurement
from table import Section, Table

AGENCY = "mfa-rollout"
SLICES = 3


def row(bench: Bench) -> Section:
    """Require MFA of every user, and audit them afterwards, with one access key that assumes an agency of each account."""
    accounts, users = bench.pick(100, 6), bench.pick(100, 4)
    ways = {"one job": 1, f"{SLICES} slices at once": SLICES}
    lines = []
    figures: dict[str, Any] = {}
    for name, slices in ways.items():
        for title, jobs in _measure(bench, accounts, users, slices).items():
            figures[f"{title}, {name}"] = measure.as_dicts({"jobs": jobs})
            lines.append(
                [
                    title,
                    name,
                    table.seconds(max(job.wall_seconds for job in jobs)),
                    table.milliseconds(max(job.wall_seconds for job in jobs) / (accounts * users)),
                    table.seconds(sum(job.processor_seconds for job in jobs)),
                    table.mib(max(job.peak_bytes for job in jobs)),
                    table.number(jobs[0].requests.total),
                ]
            )
    heads = ["", "", "s", "ms/user", "cpu s", "MiB", "requests"]
    notes = [
        f"{LATENCY_MS} ms a call, {CONCURRENCY} at once in an account, waves of {WAVE_SIZES}, ansible-playbook's forks at {_forks(accounts)} in all.",
        "MiB is of the largest process of any job. Once each: the number of accounts is the repetition.",
    ]
    return Section(f"an organization of {accounts} accounts with {users} users each", [Table(heads, lines)], notes, figures)


def _forks(accounts: int) -> int:
    return min(20, accounts)


def _measure(bench: Bench, accounts: int, users: int, slices: int) -> dict[str, list[Measurement]]:
    options: dict[str, Any] = {"users": accounts * users, "accounts": accounts, "agency": AGENCY}
    with Ground(bench, f"organization/{slices}", **options) as ground:
        done = {title: _jobs(ground, playbook, slices) for title, playbook in (("rollout", "hwc.mfa.rollout"), ("audit", "hwc.mfa.audit"))}
        protected = sum(bool(user["protection"] and user["protection"]["enabled"]) for user in _users(ground.cloud.state()))
    if protected < accounts * users:
        raise Failed(f"{protected} of {accounts * users} users are protected")
    return done


def _users(state: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(state["users"].values()) if isinstance(state["users"], dict) else list(state["users"])


def _jobs(ground: Ground, playbook: str, slices: int) -> list[Measurement]:
    """Each slice as a job of its own, with an inventory of its accounts; all at once. The requests of all are counted in each."""
    hub, *others = ground.cloud.accounts
    hosts = sorted([hub, *others], key=lambda account: str(account["name"]))
    keys = {"HW_ACCESS_KEY": str(hub["admin"]["access_key"]), "HW_SECRET_KEY": str(hub["admin"]["secret_key"])}
    ground.cloud.reset()

    def job(number: int) -> Measurement:
        folder = ground.path / f"{playbook}-{number}"
        some = hosts[number::slices]
        inventory = ground.write(f"{folder.name}/hosts.json", {"all": {"hosts": {a["name"]: _variables(ground, a, hub) for a in some}}})
        command = ["ansible-playbook", "-i", str(inventory), "--forks", str(max(1, _forks(len(hosts)) // slices)), playbook]
        return ground.bench.measure(folder, "run", command, **keys)

    with ThreadPoolExecutor(slices) as pool:
        done = list(pool.map(job, range(slices)))
    counted = rehearsal.count(ground.cloud.log())
    return [replace(job, requests=counted) for job in done]


def _variables(ground: Ground, account: Mapping[str, Any], hub: Mapping[str, Any]) -> dict[str, Any]:
    """What a host carries that comes from the inventory plugin: where its cloud is, and the agency that reaches it."""
    agency = {} if account is hub else {"assume_agency": {"agency_name": AGENCY, "domain_id": account["domain_id"]}}
    return {
        "mfa_rollout_auth": {"iam_endpoint": ground.cloud.url, **agency},
        "mfa_rollout_auth_from_environment": True,
        "mfa_rollout_strategy": "require",
        "mfa_rollout_wave_sizes": WAVE_SIZES,
        "mfa_rollout_concurrency": CONCURRENCY,
        "mfa_rollout_report_dir": str(ground.path / "report"),
    }
