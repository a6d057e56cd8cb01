# Copyright: The hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mutation testing: holds the tests of the code that decides against small changes of that code, each of which they should notice."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import fcntl
import functools
import json
import os
import pathlib
import queue
import typing as t

import common
import stage
import venvs
from common import Log, Outcome

MODULES = (
    *(
        f"module_utils/_cloud/{name}"
        for name in ("answers", "endpoints", "errors", "iam", "identity_center", "identity_store", "listing", "pace", "policies")
    ),
    *(f"module_utils/_cloud/{name}" for name in ("sts", "text", "totp", "transport")),
    *(f"module_utils/_auth/{name}" for name in ("access_key", "base", "credentials", "password", "token")),
    *(f"module_utils/_runner/{name}" for name in ("connections", "masking")),
    *(f"module_utils/_modules/{name}" for name in ("bulk", "codes", "convergence", "device_access", "policies", "protections")),
    *(
        f"module_utils/_modules/iam_{name}"
        for name in ("login_check", "login_policy", "login_protection", "mfa_info", "operation_protection")
    ),
    *(f"module_utils/_modules/iam_virtual_mfa_{name}" for name in ("bind", "device")),
    *(f"module_utils/_modules/identity_center_{name}" for name in ("mfa_settings", "people", "user_mfa_device", "user_mfa_info")),
    *(
        f"plugin_utils/_stores/{name}"
        for name in ("csms", "csms_options", "journal", "kv", "kv_options", "kv_store", "lock", "record", "store", "vault_files")
    ),
    *(f"plugin_utils/_control/{name}" for name in ("files", "packing", "play_accounts", "progress")),
    *(f"plugin_utils/_rollout/{name}" for name in ("input", "outcomes", "plan", "report", "wave")),
)

# Whose tests hold a module too, beside its own, which come first.
FURTHER = {
    "access_key": ("_auth/test_credentials",),
    "answers": ("_cloud/test_transport",),
    "base": ("_auth/test_credentials",),
    "codes": ("_modules/test_iam_virtual_mfa_bind", "_modules/test_iam_login_check", "_modules/test_hostile_options"),
    "connections": ("_modules/test_hostile_options",),
    "convergence": (
        "_modules/test_identity_center_mfa_settings",
        "_modules/test_iam_login_policy",
        "_modules/test_iam_operation_protection",
    ),
    "credentials": ("_cloud/test_transport",),
    "device_access": (
        "_modules/test_iam_virtual_mfa_device",
        "_modules/test_iam_virtual_mfa_bind",
        "_modules/test_security_keys",
        "_modules/test_iam_mfa_info",
        "_modules/test_hostile_options",
    ),
    "endpoints": ("_modules/test_hostile_options",),
    "errors": ("_cloud/test_text",),
    "files": ("_stores/test_vault_files", "_stores/test_hostile_files"),
    "csms": ("_stores/test_csms",),
    "csms_options": ("_stores/test_csms",),
    "iam": (
        "_modules/test_iam_virtual_mfa_bind",
        "_modules/test_iam_virtual_mfa_device",
        "_modules/test_device_access",
        "_modules/test_iam_mfa_info",
    ),
    "iam_login_check": ("_modules/test_hostile_options",),
    "iam_mfa_info": ("_modules/test_security_keys", "_modules/test_hostile_options"),
    "iam_virtual_mfa_bind": ("_modules/test_security_keys", "_modules/test_bulk"),
    "iam_virtual_mfa_device": ("_modules/test_security_keys",),
    "identity_center": ("_modules/test_identity_center_mfa_settings", "_cloud/test_iam"),
    "identity_center_mfa_settings": ("_modules/test_hostile_options",),
    "journal": ("_stores/test_contract", "_stores/test_vault_files", "_stores/test_hashi_vault"),
    "kv": ("_stores/test_hashi_vault",),
    "kv_options": ("_stores/test_hashi_vault",),
    "kv_store": ("_stores/test_contract", "_stores/test_hashi_vault", "_stores/test_csms"),
    "identity_store": ("_modules/test_identity_center_user_mfa_device", "_modules/test_identity_center_user_mfa_info"),
    "listing": ("_cloud/test_iam",),
    "lock": ("_stores/test_hostile_files", "_stores/test_hashi_vault"),
    "password": ("_auth/test_credentials", "_cloud/test_transport", "_runner/test_connections"),
    "plan": ("_rollout/test_faults",),
    "people": ("_modules/test_identity_center_user_mfa_device", "_modules/test_identity_center_user_mfa_info"),
    "policies": ("_modules/test_iam_login_policy", "_modules/test_iam_operation_protection"),
    "protections": ("_modules/test_iam_login_protection", "_modules/test_iam_mfa_info", "_modules/test_iam_virtual_mfa_bind"),
    "store": ("_stores/test_contract", "_stores/test_vault_files", "_stores/test_record", "_rollout/test_input"),
    "token": ("_auth/test_credentials", "_cloud/test_transport"),
    "transport": ("_modules/test_hostile_options",),
    "vault_files": ("_stores/test_contract", "_stores/test_seed_store", "_stores/test_hostile_files"),
    "wave": ("_rollout/test_faults",),
}


def tests_of(module: str) -> list[str]:
    """Give the test files of a module, which may have none of its own."""
    folder, room, name = module.split("/")
    own, *further = (f"tests/unit/plugins/{folder}/{test}.py" for test in (f"{room}/test_{name}", *FURTHER.get(name, ())))
    return [own, *further] if (common.ROOT / own).is_file() or not further else further


@dataclasses.dataclass(frozen=True)
class Finding:
    """What came of a module's mutants."""

    module: str
    mutants: t.Sequence[t.Mapping[str, t.Any]] = ()
    idle: t.Sequence[tuple[int, str]] = ()
    failed: bool = False

    def of(self, fate: str) -> list[t.Mapping[str, t.Any]]:
        """Give the mutants with a fate: killed, explained, survived."""
        return [mutant for mutant in self.mutants if mutant["fate"] == fate]

    @property
    def outcome(self) -> Outcome:
        """Count a mutant as a test, and so a marker that explains nothing and a module whose tests did not run."""
        survived = len(self.of("survived"))
        return Outcome(len(self.mutants) - survived, survived + len(self.idle) + self.failed)


def mutation(log: Log, words: t.Sequence[str] = ()) -> Outcome:
    """Try the modules with the names `words`, or all: several at once, each in a copy of the collection of its own."""
    unknown = set(words) - {pathlib.PurePath(module).name for module in MODULES}
    if unknown:
        return Outcome(failed=1, notes=(f"no such module: {', '.join(sorted(unknown))}",))
    venv = venvs.ensure("mutation", log)
    folder = common.BUILD / "lanes"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "mutation.lock").open("w", encoding="utf-8") as lock:
        # A second `make mutation` in the same checkout waits here.
        fcntl.flock(lock, fcntl.LOCK_EX)
        findings = _all(log, venv, folder, [module for module in MODULES if not words or pathlib.PurePath(module).name in words])
    for finding in findings:
        for mutant in finding.of("survived"):
            log.write(f"\n{mutant['diff']}\n")
    log.write(table(findings))
    idle = [
        f"plugins/{finding.module}.py:{line}: no mutant of this line survives, so nothing is equivalent: {reason}"
        for finding in findings
        for line, reason in finding.idle
    ]
    return sum((finding.outcome for finding in findings), Outcome(notes=tuple(idle)))


def _all(log: Log, venv: pathlib.Path, folder: pathlib.Path, modules: list[str]) -> list[Finding]:
    count = int(os.environ.get("JOBS") or 2)
    lanes: queue.SimpleQueue[pathlib.Path] = queue.SimpleQueue()
    for number in range(count):
        lanes.put(folder / f"mutation-{number}")
    # The longest first, so that none runs alone at the end.
    modules.sort(key=lambda module: -(common.ROOT / "plugins" / f"{module}.py").stat().st_size)
    with concurrent.futures.ThreadPoolExecutor(max_workers=count) as pool:
        return list(pool.map(functools.partial(_module, log, venv, lanes), modules))


def _module(log: Log, venv: pathlib.Path, lanes: queue.SimpleQueue[pathlib.Path], module: str) -> Finding:
    lane = lanes.get()
    try:
        lane.mkdir(parents=True, exist_ok=True)
        collection = stage.stage(lane)
        env = common.environment(
            venvs.prepare_home(lane / "home"),
            venv / "bin",
            ANSIBLE_COLLECTIONS_PATH=str(lane),
            PYTHONHASHSEED="0",
            PYTHONPATH=os.pathsep.join([str(lane), str(collection / "tests")]),
        )
        report = lane / "report.json"
        common.remove(report)
        mutants = [venv / "bin" / "python", "tests/tools/mutants.py", f"plugins/{module}.py", report]
        if common.run([*mutants, *tests_of(module)], log, collection, env).code:
            return Finding(module, failed=True)
        return Finding(module, **json.loads(report.read_text(encoding="utf-8")))
    finally:
        lanes.put(lane)


def table(findings: t.Iterable[Finding]) -> str:
    """Give a line a module, and one with the sums."""
    rows = [
        (
            finding.module,
            *(len(mutants) for mutants in (finding.mutants, finding.of("killed"), finding.of("explained"), finding.of("survived"))),
        )
        for finding in findings
    ]
    rows.append(("all", *(sum(column) for column in zip(*(row[1:] for row in rows)))))
    heading = ("module", "mutants", "killed", "explained", "survived")
    return "\n".join(["", *(f"{row[0]:<32}" + "".join(f"{cell:>10}" for cell in row[1:]) for row in (heading, *rows)), "", ""])
