# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading: the role on accounts where there is nothing to do, and audits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import measure
import rehearsal
import table
from ground import Bench, Ground, check_report, role_variables, store_seeds
from measure import Failed, Measurement
from table import Section, Table

SIZES = (100, 1000, 10000)
QUICK_SIZES = (20, 300, 500)


def converged(bench: Bench) -> Section:
    """The role again where every user is enrolled, beside what Ansible and the transfer alone cost."""
    pings = [
        bench.measure(bench.directory / "converged", f"ping-{number}", ["ansible", "localhost", "-m", "ping"])
        for number in bench.repetitions()
    ]
    ping = measure.wall(pings)
    lines = [["ansible localhost -m ping", "", *_costs(pings)[:4], "", "", ""]]
    runs: dict[str, list[Measurement]] = {"ping": pings}
    ratios: dict[str, float] = {}
    for users in _sizes(bench):
        with _enrolled(bench, "converged", users) as ground:
            # The store is the role's own: it is there from earlier runs.
            store_seeds(ground)
            done = {strategy: _role(ground, bench, users, strategy) for strategy in ("enrol", "require")}
            done["transfer"] = _transfer(ground, bench, ground.cloud.log())
        transfer = measure.wall(done["transfer"])
        for name in ("enrol", "require"):
            ratios[f"{name} {users}"] = (measure.wall(done[name]) - transfer) / ping
            lines.append([f"the role, {name}", str(users), *_costs(done[name]), table.ratio(ratios[f"{name} {users}"])])
        lines.append(["the transfer alone", str(users), *_costs(done["transfer"]), ""])
        runs.update({f"{name} {users}": measured for name, measured in done.items()})
    heads = ["run", "users", "runs", "s", "cpu s", "MiB", "requests", "+pages", "over ping"]
    notes = [
        "Every user is enrolled already, so the role reads and reports. The transfer asks for the same listings with bare requests and parses them.",
        "+pages: how many of the requests asked for a further page of a listing; the others do not grow with the account. over ping: "
        "(s of the role - s of the transfer) / s of the ping.",
    ]
    return Section("the role again, nothing to do", [Table(heads, lines)], notes, {"ratios": ratios, "runs": measure.as_dicts(runs)})


def audit(bench: Bench) -> Section:
    """The module that reads an account, in the control process and as a module, and the role's audit."""
    lines = []
    runs: dict[str, list[Measurement]] = {}
    for users in _sizes(bench):
        with _enrolled(bench, "audit", users) as ground:
            done = {
                "iam_mfa_info, in process": _info(ground, bench, users, in_process=True),
                "iam_mfa_info, as a module": _info(ground, bench, users, in_process=False),
                "hwc.mfa.audit": _audit(ground, bench, users),
            }
        lines += [[name, str(users), *_costs(measured)] for name, measured in done.items()]
        runs.update({f"{name} {users}": measured for name, measured in done.items()})
    heads = ["run", "users", "runs", "s", "cpu s", "MiB", "requests", "+pages"]
    notes = ["Whole runs of ansible-playbook; MiB are those of the largest of its processes."]
    return Section("who is protected?", [Table(heads, lines)], notes, {"runs": measure.as_dicts(runs)})


def _sizes(bench: Bench) -> Sequence[int]:
    return QUICK_SIZES if bench.quick else SIZES


@contextmanager
def _enrolled(bench: Bench, name: str, users: int) -> Iterator[Ground]:
    """A cloud with users who are all enrolled; one for all repetitions, since nothing changes it, which is checked at the end."""
    with Ground(bench, f"{name}/{users}", users=users, enrolled=users) as ground:
        yield ground
        rehearsal.check_untouched(ground.cloud.state())


def _role(ground: Ground, bench: Bench, users: int, strategy: str) -> list[Measurement]:
    ground.write_inventory({ground.account["name"]: role_variables(ground, ground.account, strategy)})
    runs = []
    for repetition in bench.repetitions():
        runs.append(ground.play(f"{strategy}-{repetition}", "hwc.mfa.rollout"))
        rehearsal.check_untouched(ground.cloud.state())
        check_report(ground.report(ground.account), "already", users, seeds=strategy == "enrol")
    return runs


def _transfer(ground: Ground, bench: Bench, log: Sequence[dict[str, Any]]) -> list[Measurement]:
    """Measure the same requests as stand in a log."""
    targets = [entry["path"] + (f"?{entry['query']}" if entry["query"] else "") for entry in log]
    if any(entry["method"] != "GET" for entry in log):
        raise Failed("where there is nothing to do, something else than reading was done")
    token = ground.cloud.token(ground.account["admin"], ground.account["name"])
    wanted = ground.write("transfer.json", {"url": ground.cloud.url, "token": token, "targets": targets})
    runs = [ground.baseline(f"transfer-{repetition}", "transfer", str(wanted)) for repetition in bench.repetitions()]
    if any(run.requests.total != len(targets) for run in runs):
        raise Failed("the transfer did not read what the role had read")
    return runs


def _info(ground: Ground, bench: Bench, users: int, in_process: bool) -> list[Measurement]:
    variables = {"bench_auth": ground.admin, "bench_enrolled": users, "hwc_mfa_in_process": in_process}
    ground.write_inventory({ground.account["name"]: variables})
    label = "here" if in_process else "module"
    return [ground.play(f"{label}-{repetition}", "info") for repetition in bench.repetitions()]


def _audit(ground: Ground, bench: Bench, users: int) -> list[Measurement]:
    ground.write_inventory({ground.account["name"]: role_variables(ground, ground.account, "require")})
    runs = []
    for repetition in bench.repetitions():
        runs.append(ground.play(f"audit-{repetition}", "hwc.mfa.audit"))
        check_report(ground.report(ground.account), "already", users, seeds=False)
    return runs


def _costs(runs: Sequence[Measurement]) -> list[str]:
    pages = measure.middle(runs, lambda run: run.requests.further_pages)
    return [
        str(len(runs)),
        table.seconds(measure.wall(runs)),
        table.seconds(measure.processor(runs)),
        table.mib(measure.peak(runs)),
        table.number(measure.requests(runs)),
        table.number(pages),
    ]
