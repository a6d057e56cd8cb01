# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Enrolling: log in, create, bind, protect. By the modules, by the role, by what people do without them, and by a bare floor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import measure
import rehearsal
import table
from ground import CONCURRENCY, LATENCY_MS, WAVE_SIZES, Bench, Ground, play_role, waves, with_passwords
from measure import Measurement
from table import Section, Table

MORE = 32
"""A concurrency for fleets: what the sizing guide says to take once the first hundred are through."""

COMPARED = (
    ("uri", "modules"),
    ("uri", "modules-more"),
    ("modules", "floor"),
    ("modules-more", "floor-more"),
    ("modules-waves", "floor"),
    ("role", "floor"),
    ("sdk", "modules"),
    ("uri", "floor"),
)
"""What is slower than what, by the names of the ways."""

Runs = Mapping[str, Sequence[Measurement]]


@dataclass(frozen=True)
class Way:
    """A way to enrol ``users`` users, or the start of one. ``start`` names what its own start is measured as, where that is not to count."""

    label: str
    run: Callable[[Ground], Measurement]
    users: int
    enrols: bool = True
    start: str | None = None


def row(bench: Bench) -> Section:
    """Measure all ways in turn, each repetition on a cloud of its own."""
    ways = _ways(many=bench.pick(500, 20), some=bench.pick(60, 4), few=bench.pick(12, 2))
    runs: dict[str, list[Measurement]] = {name: [] for name in ways}
    for repetition in bench.repetitions():
        for name, way in ways.items():
            with Ground(bench, f"enrol/{name}-{repetition}", users=way.users) as ground:
                runs[name].append(way.run(ground))
                if way.enrols:
                    # The floor minds no edge of a step, and sends fresh codes where a pair was refused.
                    rehearsal.check_enrolled(ground.cloud.state(), ground.user_ids(), wrong_codes_allowed=name.startswith("floor"))
    each = {name: _per_user(way, runs, name, measure.wall) for name, way in ways.items() if way.enrols}
    # A start is paid once, whatever the number of users.
    ratios = {f"{_letter(ways, one)}/{_letter(ways, other)}": each[one] / each[other] for one, other in COMPARED}
    heads = ["way", "users", "runs", "s", "ms/user", "cpu ms/user", "MiB", "requests", "refused"]
    lines = [_line(way, runs, name) for name, way in ways.items()]
    notes = [
        "Time per user: " + ", ".join(f"{name} = {table.ratio(value)}" for name, value in ratios.items()) + ".",
        f"{LATENCY_MS} ms a call. Waves are {WAVE_SIZES} unless there is one only. d and e are one after the other, measured on few users.",
        "s is of whole processes; ms/user and the ratios are without the start of each (an empty play, the SDK's import, the floor's import).",
        "A bind of a, b and c waits up to 3 s at the edge of a 30 s step, which the others do not.",
    ]
    figures = {
        "users": {name: way.users for name, way in ways.items()},
        "seconds_per_user": each,
        "ratios": ratios,
        "runs": measure.as_dicts(runs),
    }
    return Section(f"{ways['modules'].users} users from nothing to protected", [Table(heads, lines)], notes, figures)


def _ways(many: int, some: int, few: int) -> dict[str, Way]:
    return {
        "modules": Way(f"a  modules, {CONCURRENCY} at once", lambda ground: _modules(ground, [many], CONCURRENCY), many, start="empty"),
        "modules-more": Way(f"a' modules, {MORE} at once", lambda ground: _modules(ground, [many], MORE), many, start="empty"),
        "modules-waves": Way(
            f"b  modules in waves, {CONCURRENCY}", lambda ground: _modules(ground, WAVE_SIZES, CONCURRENCY), many, start="empty"
        ),
        "role": Way(f"c  the role in waves, {CONCURRENCY}", lambda ground: play_role(ground, "run", "enrol"), many, start="empty"),
        "uri": Way("d  uri, a loop", _uri, few, start="empty"),
        "sdk": Way("e  the vendor's SDK, a loop", lambda ground: _sdk(ground, some), some, start="import"),
        "floor": Way(f"f  the floor, {CONCURRENCY} at once", lambda ground: _floor(ground, many, CONCURRENCY), many, start="nothing"),
        "floor-more": Way(f"f' the floor, {MORE} at once", lambda ground: _floor(ground, many, MORE), many, start="nothing"),
        "empty": Way("   an empty play", _empty, few, enrols=False),
        "import": Way("   the SDK's start alone", lambda ground: _sdk(ground, 0), some, enrols=False),
        "nothing": Way("   the floor's start alone", lambda ground: _floor(ground, 0, CONCURRENCY), few, enrols=False),
    }


def _letter(ways: Mapping[str, Way], name: str) -> str:
    return ways[name].label.split()[0]


def _per_user(way: Way, runs: Runs, name: str, median: Callable[[Sequence[Measurement]], float]) -> float:
    """Seconds a user, without the start where a way has one. What is measured on few users must not pay more for it."""
    start = median(runs[way.start]) if way.start else 0.0
    return (median(runs[name]) - start) / way.users


def _line(way: Way, runs: Runs, name: str) -> list[str]:
    def per_user(median: Callable[[Sequence[Measurement]], float]) -> str:
        return table.milliseconds(_per_user(way, runs, name, median)) if way.enrols else ""

    return [
        way.label,
        str(way.users) if way.enrols else "",
        str(len(runs[name])),
        table.seconds(measure.wall(runs[name])),
        per_user(measure.wall),
        per_user(measure.processor),
        table.mib(measure.peak(runs[name])),
        table.number(measure.requests(runs[name])),
        table.number(measure.refused(runs[name])),
    ]


def _modules(ground: Ground, sizes: Sequence[int], concurrency: int) -> Measurement:
    users = with_passwords(ground.account)
    variables = {
        "bench_auth": ground.admin,
        "bench_users": users,
        "bench_waves": waves(len(users), sizes),
        "bench_concurrency": concurrency,
    }
    ground.write_inventory({ground.account["name"]: variables})
    return ground.play("run", "modules")


def _uri(ground: Ground) -> Measurement:
    account = ground.account
    variables = {
        "bench_url": ground.cloud.url,
        "bench_account": account["name"],
        "bench_admin_token": ground.cloud.token(account["admin"], account["name"]),
        "bench_users": [{key: user[key] for key in ("user_id", "name", "password")} for user in account["users"]],
    }
    ground.write_inventory({account["name"]: variables})
    return ground.play("run", "uri")


def _empty(ground: Ground) -> Measurement:
    ground.write_inventory({ground.account["name"]: {"bench_users": with_passwords(ground.account)}})
    return ground.play("run", "empty")


def _sdk(ground: Ground, users: int) -> Measurement:
    cloud = ground.write("cloud.json", ground.cloud.described)
    # Its signer warns on every call with newer Pythons.
    return ground.baseline("run", "sdk", str(cloud), str(users), PYTHONWARNINGS="ignore")


def _floor(ground: Ground, users: int, threads: int) -> Measurement:
    cloud = ground.write("cloud.json", ground.cloud.described)
    return ground.baseline("run", "floor", str(cloud), str(users), str(threads))
