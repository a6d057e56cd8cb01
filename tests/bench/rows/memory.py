# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Memory: each bulk module in a process of its own, with few users and with many."""

from __future__ import annotations

import json
from typing import Any

import measure
import rehearsal
import table
from ground import Bench, Ground
from measure import Failed, Measurement
from table import Section, Table


def row(bench: Bench) -> Section:
    """Measure modules on accounts where everything is as it should be, without latency."""
    few, many = bench.pick(100, 20), bench.pick(10000, 300)
    runs = {users: _measure(bench, users) for users in (few, many)}
    lines = []
    each: dict[str, float] = {}
    for name in runs[many]:
        low, high = measure.peak(runs[few][name]), measure.peak(runs[many][name])
        each[name] = (high - low) / (many - few)
        seconds = table.seconds(measure.wall(runs[many][name]))
        sent = table.number(measure.requests(runs[many][name]))
        lines.append([name, str(len(runs[many][name])), table.mib(low), table.mib(high), f"{each[name] / 1024:.1f}", seconds, sent])
    heads = ["module", "runs", f"MiB, {few} users", f"MiB, {many} users", "KiB/user", f"s, {many} users", "requests"]
    notes = ["The module's own process, run by hand with its options in a file; 0 ms a call, nothing to change."]
    figures = {
        "bytes_per_user": each,
        "runs": {str(users): measure.as_dicts(done) for users, done in runs.items()},
    }
    return Section("modules as modules", [Table(heads, lines)], notes, figures)


def _measure(bench: Bench, users: int) -> dict[str, list[Measurement]]:
    with Ground(bench, f"memory/{users}", users=users, enrolled=users, latency_ms=0) as ground:
        options = _options(ground)
        runs: dict[str, list[Measurement]] = {name: [] for name in options}
        for repetition in bench.repetitions():
            for name, given in options.items():
                label = f"{name}-{repetition}"
                runs[name].append(ground.module(label, name, given))
                _check(json.loads(ground.output(label)), users)
        rehearsal.check_untouched(ground.cloud.state())
    return runs


def _options(ground: Ground) -> dict[str, dict[str, Any]]:
    users = ground.account["users"]
    return {
        "iam_mfa_info": ground.admin,
        "iam_virtual_mfa_device": {
            **ground.admin,
            "devices": [{"user_id": user["user_id"], "auth_password": user["password"]} for user in users],
        },
        "iam_virtual_mfa_bind": {
            **ground.admin,
            "bindings": [{"user_id": user["user_id"], "auth_password": user["password"], **user["device"]} for user in users],
        },
        "iam_login_protection": {
            **ground.admin,
            "users": [{"user_id": user["user_id"], "verification_method": "vmfa"} for user in users],
        },
    }


def _check(result: dict[str, Any], users: int) -> None:
    outcomes = next(result[key] for key in ("devices", "bindings", "users") if key in result)
    # An audit lists the administrator, too.
    if result["changed"] or len(outcomes) not in (users, users + 1):
        raise Failed(f"a module with {users} users, all as they should be, gave {len(outcomes)} outcomes, changed={result['changed']}")
