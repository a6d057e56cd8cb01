# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Twelve accounts in three jobs at once, as AWX slices an inventory: every account once, and what each job leaves for the next one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable

import pytest
from conftest import ACCESS_KEY, AGENCY, SEED_STORE, Job, Unsafe

SLICES = 3
CARRY_OUT = {"mfa_dry_run": "no", "mfa_rollout_wave_sizes": "5"}


@pytest.fixture
def cloud(start_cloud: Callable[..., Any]) -> Any:
    return start_cloud(users=24, accounts=12, agency="mfa-agency")


@pytest.fixture
def accounts(cloud: Any) -> dict[str, dict[str, Any]]:
    return {f"acct-{number:02}": account for number, account in enumerate(cloud.describe()["accounts"], 1)}


@pytest.fixture
def new_slice(cloud: Any, accounts: dict[str, dict[str, Any]], new_job: Callable[[], Job], tmp_path: Path) -> Callable[[int], Job]:
    """Makes the job of a slice: one credential and one agency for all accounts, each of which says only where it is."""

    def make(number: int) -> Job:
        job = new_job()
        admin = cloud.describe()["admin"]
        job.credential({"iam_endpoint": cloud.url, "access_key": admin["access_key"], "secret_key": admin["secret_key"]}, ACCESS_KEY)
        # The account of the name and of the id are left empty: each host has its own.
        job.credential({"agency_name": "mfa-agency", "sts_endpoint": cloud.url}, AGENCY)
        hosts: dict[str, dict[str, Any]] = {}
        for name, account in accounts.items():
            hosts[name] = {"mfa_rollout_report_dir": str(tmp_path / "reports"), "mfa_rollout_seed_store_persistent": True}
            hosts[name]["mfa_rollout_exempt"] = [{"user_id": account["admin"]["user_id"], "reason": "a way in"}]
            if name == "acct-01":
                hosts[name]["mfa_rollout_auth_from_environment"] = True
            else:
                hosts[name]["mfa_rollout_auth"] = {"assume_agency": {"domain_id": account["domain_id"]}}
        job.inventory(hosts, number, SLICES)
        return job

    return make


def protected(cloud: Any, account: dict[str, Any]) -> list[bool]:
    people = [cloud.cloud.user(user["user_id"]) for user in account["users"]]
    return [person.protection is not None and person.protection.enabled for person in people]


def launch_all(new_slice: Callable[[int], Job], *numbers: int, **options: Any) -> dict[int, Job]:
    jobs = {number: new_slice(number) for number in numbers or range(1, SLICES + 1)}
    with ThreadPoolExecutor(SLICES) as pool:
        for done in [pool.submit(job.launch, "MFA rollout", CARRY_OUT, number=50 + number, **options) for number, job in jobs.items()]:
            done.result()
    return jobs


def test_every_account_is_in_one_of_three_jobs_and_a_slice_fails_alone(
    cloud: Any, accounts: dict[str, dict[str, Any]], new_slice: Callable[[int], Job], tmp_path: Path
) -> None:
    # The account of slice 2 whose agency is taken away.
    lost = accounts["acct-05"]
    agencies = cloud.cloud.agencies
    (agency,) = [each for each in agencies if each.trusting.domain_id == lost["domain_id"]]
    agencies.remove(agency)
    jobs = launch_all(new_slice)
    assert {number: job.status for number, job in jobs.items()} == {1: "successful", 2: "failed", 3: "successful"}
    (failure,) = jobs[2].failures()
    assert "must be allowed to assume assume_agency" in failure
    for name, account in accounts.items():
        assert protected(cloud, account) == [name != "acct-05"] * 2, name

    artifacts = {number: job.artifacts() for number, job in jobs.items()}
    keys = [key for found in artifacts.values() for key in found]
    assert len(keys) == len(set(keys)) == 11
    assert sorted(key[:7] for key in keys) == ["acct_ac" for _key in keys]
    for key, value in {key: value for found in artifacts.values() for key, value in found.items()}.items():
        assert key.isidentifier()
        assert value == {
            "state": "present", "strategy": "require", "dry_run": False, "coverage": 0.0,
            "done": 2, "planned": 0, "already": 0, "scheduled": 0, "left_alone": 1, "failed": 0, "not_reached": 0,
        }  # fmt: skip
        assert len(json.dumps(value)) < 500

    # The failed slice alone, once its account is mended.
    agencies.append(agency)
    before = cloud.cloud.counters.protects
    (again,) = launch_all(new_slice, 2).values()
    assert again.status == "successful", again.output
    assert protected(cloud, lost) == [True, True]
    assert cloud.cloud.counters.protects == before + 2

    report = new_slice(1)
    report.launch("MFA report", extra_vars={"mfa_report_merge_from": str(tmp_path / "reports")})
    assert report.status == "successful", report.output
    merged = json.loads((tmp_path / "reports" / "all-accounts.json").read_text(encoding="utf-8"))
    assert sorted(row["account"] for row in merged["accounts"]) == sorted(accounts)


def test_slice_that_is_empty_within_a_limit_fails_and_the_one_job_of_the_default_does_not(
    cloud: Any, accounts: dict[str, dict[str, Any]], new_slice: Callable[[int], Job], new_job: Callable[[], Job]
) -> None:
    job = new_slice(2)
    job.launch("MFA rollout", CARRY_OUT, limit="acct-01")
    assert job.status == "failed"
    assert cloud.cloud.counters.writes == 0
    assert new_slice(1).controller.one("job_templates", "MFA rollout")["job_slice_count"] == 1
    job = new_slice(1)
    job.launch("MFA rollout", CARRY_OUT, limit="acct-01")
    assert job.status == "successful", job.output
    assert [name for name, account in accounts.items() if all(protected(cloud, account))] == ["acct-01"]


def test_empty_fields_leave_the_inventory_alone(cloud: Any, accounts: dict[str, dict[str, Any]], new_job: Callable[[], Job]) -> None:
    account = accounts["acct-02"]
    job = new_job()
    admin = account["admin"]
    # The credential of another type has nothing in it, and the one of the agency neither: the inventory's own keys and region count.
    job.credential({"iam_endpoint": cloud.url}, ACCESS_KEY)
    job.credential({}, AGENCY)
    job.credential({"seed_store_password": ""}, SEED_STORE)
    hosts = {"acct-02": {"mfa_rollout_auth": {"access_key": admin["access_key"], "secret_key": admin["secret_key"]}}}
    hosts["acct-02"]["mfa_rollout_exempt"] = [{"user_id": user["user_id"], "reason": "on leave"} for user in account["users"][:1]]
    job.inventory(hosts)
    job.launch("MFA rollout", {**CARRY_OUT, "mfa_rollout_exempt_also": ""})
    assert job.status == "successful", job.output
    assert protected(cloud, account) == [False, True]


@pytest.mark.parametrize("answer", ["{{ false }}"])
def test_what_is_no_no_is_a_dry_run(cloud: Any, accounts: dict[str, dict[str, Any]], new_slice: Callable[[int], Job], answer: str) -> None:
    job = new_slice(1)
    job.extra_vars = {"mfa_dry_run": Unsafe(answer)}
    job.run("rollout.yml", limit="acct-01")
    assert job.status == "successful", job.output
    assert "acct-01: wave 1 of" in job.output
    assert cloud.cloud.counters.writes == 0
    (artifact,) = job.artifacts().values()
    assert artifact["dry_run"] is True and artifact["planned"] == 2


READ_ONLY = """
mount --bind "$1" "$1"
mount --bind "$2" "$2"
mount -o remount,bind,ro /
shift 2
exec unshare --user --map-user=1000630000 --map-group=0 "$@"
"""


def test_random_user_without_a_home_on_a_disk_that_cannot_be_written(cloud: Any, new_job: Callable[[], Job]) -> None:
    # OpenShift gives a container a user of its own, whom no file of users names, and its root may be read-only. Where the kernel allows
    # that, the job becomes such a user, and sees a disk on which only its own folder can be written.
    job = new_job()
    # Short, since sockets lie in it.
    scratch = Path(tempfile.mkdtemp())
    become = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-ec", READ_ONLY, "sh", str(job.folder), str(scratch)]
    can = shutil.which("unshare") and not subprocess.run([*become, "true"], check=False, capture_output=True).returncode
    prefix = become if can else []
    admin = cloud.describe()["admin"]
    job.credential({"iam_endpoint": cloud.url, "access_key": admin["access_key"], "secret_key": admin["secret_key"]})
    job.inventory({"acme": {}})
    project = job.folder / "project"
    for path in (*project.rglob("*"), project):
        path.chmod(path.stat().st_mode & ~0o222)
    env = {name: value for name, value in os.environ.items() if name not in ("HOME", "USER", "LOGNAME")}
    env |= {"TMPDIR": str(scratch), "ANSIBLE_LOCAL_TEMP": str(scratch), "ANSIBLE_REMOTE_TEMP": str(scratch)}
    job.launch("MFA rollout", CARRY_OUT, prefix=prefix, process={"cwd": "/", "env": env})
    project.chmod(0o755)
    shutil.rmtree(scratch)
    assert job.status == "successful", job.output
    assert all(protected(cloud, cloud.describe()["accounts"][0]))
    assert not list(project.rglob("~*")) and not Path("/~").exists()
