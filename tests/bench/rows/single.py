# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One user a task: what a loop over single users costs an item."""

from __future__ import annotations

import measure
import table
from ground import LATENCY_MS, Bench, Ground
from measure import Failed, Measurement
from table import Section, Table

IN_PROCESS, MODULE = "iam_login_protection, in process", "iam_login_protection, as a module"
URI, EMPTY = "ansible.builtin.uri", "an empty play"


def row(bench: Bench) -> Section:
    """Loop over users whose protection is as it should be, so that each item is one GET, and read the same with uri."""
    items = bench.pick(30, 5)
    with Ground(bench, "single", users=items, enrolled=items) as ground:
        token = ground.cloud.token(ground.account["admin"], ground.account["name"])
        variables = {"bench_url": ground.cloud.url, "bench_token": token, "bench_user_ids": ground.user_ids()}
        ground.write_inventory({ground.account["name"]: variables})
        runs: dict[str, list[Measurement]] = {name: [] for name in (IN_PROCESS, MODULE, URI, EMPTY)}
        for repetition in bench.repetitions():
            runs[IN_PROCESS].append(ground.play(f"here-{repetition}", "single_module"))
            runs[MODULE].append(ground.play(f"module-{repetition}", "single_module", "-e", "hwc_mfa_in_process=false"))
            runs[URI].append(ground.play(f"uri-{repetition}", "single_uri"))
            runs[EMPTY].append(ground.play(f"empty-{repetition}", "empty"))
    for name in (IN_PROCESS, MODULE, URI):
        if any(run.requests.by_route != {"login-protect-get": items} for run in runs[name]):
            raise Failed(f"{name}: not one GET an item: {runs[name][0].requests.by_route}")
    wall = {name: (measure.wall(runs[name]) - measure.wall(runs[EMPTY])) / items for name in (IN_PROCESS, MODULE, URI)}
    processor = {name: (measure.processor(runs[name]) - measure.processor(runs[EMPTY])) / items for name in (IN_PROCESS, MODULE, URI)}
    lines = [
        [
            name,
            str(len(runs[name])),
            table.seconds(measure.wall(runs[name])),
            table.milliseconds(wall[name]),
            table.milliseconds(processor[name]),
            table.ratio(wall[name] / wall[URI]),
            table.ratio(processor[name] / processor[URI]),
        ]
        for name in (IN_PROCESS, MODULE, URI)
    ]
    heads = ["a loop of", "runs", "s", "ms/item", "cpu ms/item", "of uri", "cpu of uri"]
    notes = [f"{items} items, each one GET of {LATENCY_MS} ms with a ready token; per item without an empty play."]
    figures = {
        "seconds_per_item": wall,
        "processor_seconds_per_item": processor,
        "runs": measure.as_dicts(runs),
    }
    return Section("one user a task", [Table(heads, lines)], notes, figures)
