# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The start: what importing the collection's code costs, and how much Ansible sends along with a module."""

from __future__ import annotations

import base64
import io
import re
import statistics
import sys
import zipfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import measure
import table
from ground import Bench, Ground
from measure import Failed, Measurement
from table import Section, Table

OWN = "ansible_collections.hwc.mfa.plugins."
IMPORTS = {
    "nothing": "pass",
    "requests": "import requests",
    "module_utils._modules.iam_virtual_mfa_bind": f"import {OWN}module_utils._modules.iam_virtual_mfa_bind",
}
BIND = "module_utils._modules.iam_virtual_mfa_bind"
GROUPS = ("requests", "urllib3", "email", "own code", "other")
TOP = 10

# `python -X importtime`: microseconds for the module itself, and with all that it imported first.
LINE = re.compile(r"^import time:\s+(\d+) \|\s+(\d+) \| +(\S+)$", re.MULTILINE)
ZIPPED = re.compile(rb"'([A-Za-z0-9+/=]{1000,})'")


@dataclass(frozen=True)
class Payload:
    """What Ansible sends for a module: bytes of the file and of what is zipped in it, and how many files that are."""

    bytes: int
    unzipped_bytes: int
    own_files: int
    core_files: int


def row(bench: Bench) -> Section:
    """Import and send."""
    folder = bench.directory / "startup"
    runs: dict[str, list[Measurement]] = {}
    profiles: dict[str, dict[str, tuple[float, float]]] = {}
    for name, statement in IMPORTS.items():
        label = name.replace(".", "-")
        command = [sys.executable, "-c", statement]
        profiled = [sys.executable, "-X", "importtime", "-c", statement]
        runs[name] = [
            bench.measure(folder, f"{label}-{number}", command, PYTHONPATH=str(bench.directory)) for number in bench.repetitions()
        ]
        texts = []
        for number in bench.repetitions():
            bench.measure(folder, f"{label}-times-{number}", profiled, PYTHONPATH=str(bench.directory))
            texts.append((folder / f"{label}-times-{number}.log").read_text(encoding="utf-8"))
        profiles[name] = _profile(texts)
    payloads = _payloads(bench)
    own, foreign = _most_costly(profiles[BIND], True), _most_costly(profiles[BIND], False)
    figures = {
        "runs": measure.as_dicts(runs),
        "import_seconds": {name: {module: list(times) for module, times in profile.items()} for name, profile in profiles.items()},
        "payloads": {name: asdict(payload) for name, payload in payloads.items()},
    }
    notes = [
        "Groups: seconds that modules themselves took, those of a bare interpreter left out. Most costly: with all that they were the first to import.",
        "The collection's code is compiled anew, as Ansible does it both in the control process and in a module.",
    ]
    tables = [_import_table(runs, profiles), _costly_table(own, foreign), _payload_table(payloads)]
    return Section("imports and payloads", tables, notes, figures)


def _profile(texts: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Module -> seconds for itself and seconds with what it imported first; medians over some runs."""
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for text in texts:
        for own, cumulative, module in LINE.findall(text):
            found[module].append((int(own) / 1e6, int(cumulative) / 1e6))
    return {
        module: (statistics.median(own for own, _all in times), statistics.median(whole for _own, whole in times))
        for module, times in found.items()
    }


def _group(module: str) -> str:
    if module.startswith("ansible_collections"):
        return "own code"
    top = module.partition(".")[0]
    return top if top in GROUPS else "other"


def _import_table(runs: Mapping[str, Sequence[Measurement]], profiles: Mapping[str, Mapping[str, tuple[float, float]]]) -> Table:
    bare = profiles["nothing"]
    lines = []
    for name, profile in profiles.items():
        sums = dict.fromkeys(GROUPS, 0.0)
        for module, (own, _whole) in profile.items():
            if name == "nothing" or module not in bare:
                sums[_group(module)] += own
        costs = [
            table.milliseconds(measure.wall(runs[name])),
            table.milliseconds(measure.processor(runs[name])),
            table.mib(measure.peak(runs[name])),
        ]
        lines.append([name, str(len(runs[name])), *costs, str(len(profile)), *(table.milliseconds(sums[group]) for group in GROUPS)])
    return Table(["import", "runs", "ms", "cpu ms", "MiB", "modules", *GROUPS], lines)


def _most_costly(profile: Mapping[str, tuple[float, float]], own: bool) -> list[tuple[str, float]]:
    chosen = [(module, whole) for module, (_self, whole) in profile.items() if (_group(module) == "own code") == own]
    return sorted(chosen, key=lambda pair: -pair[1])[:TOP]


def _costly_table(own: Sequence[tuple[str, float]], foreign: Sequence[tuple[str, float]]) -> Table:
    lines = [
        [here.removeprefix(OWN), table.milliseconds(here_seconds), there, table.milliseconds(there_seconds)]
        for (here, here_seconds), (there, there_seconds) in zip(own, foreign)
    ]
    return Table([f"most costly in {BIND}: own", "ms", "foreign", "ms"], lines, texts=(0, 2))


def _payloads(bench: Bench) -> dict[str, Payload]:
    with Ground(bench, "startup/payloads", users=1, enrolled=1) as ground:
        ground.write_inventory({ground.account["name"]: {"bench_auth": ground.admin, "bench_user": ground.account["users"][0]}})
        ground.play("run", "payloads", ANSIBLE_KEEP_REMOTE_FILES="1")
        found = {path.stem.removeprefix("AnsiballZ_"): _payload(path) for path in (ground.path / "remote-tmp").rglob("AnsiballZ_*.py")}
    if not {"iam_mfa_info", "uri", "ping"} <= set(found):
        raise Failed(f"payloads were kept of {sorted(found)} only")
    return dict(sorted(found.items(), key=lambda pair: -pair[1].bytes))


def _payload(path: Path) -> Payload:
    content = path.read_bytes()
    zipped = max(ZIPPED.findall(content), key=len)
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(zipped))) as archive:
        files = [entry for entry in archive.infolist() if not entry.is_dir()]
    own = [entry for entry in files if entry.filename.startswith("ansible_collections/")]
    return Payload(len(content), sum(entry.file_size for entry in files), len(own), len(files) - len(own))


def _payload_table(payloads: Mapping[str, Payload]) -> Table:
    lines = [
        [name, table.kib(payload.bytes), table.kib(payload.unzipped_bytes), str(payload.own_files), str(payload.core_files)]
        for name, payload in payloads.items()
    ]
    return Table(["payload of", "KiB", "KiB unzipped", "files of the collection", "files of ansible-core"], lines)
