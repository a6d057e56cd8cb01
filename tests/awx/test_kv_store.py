# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seeds in a KV engine from AWX: a credential of a type that the role awx_setup loads, one variable in the inventory, and no disk that stays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Callable

import pytest
from ansible_collections.hwc.mfa.tests.unit import kv_engine
from conftest import VAULT_APPROLE, VAULT_TOKEN, Job

TOKEN = (VAULT_TOKEN, {"token": kv_engine.TOKEN})
APPROLE = (VAULT_APPROLE, {"role_id": kv_engine.ROLE_ID, "secret_id": kv_engine.SECRET_ID})


@pytest.fixture
def engine() -> Iterator[kv_engine.Engine]:
    """A KV engine."""
    with kv_engine.running() as started:
        yield started


def launch(job: Job, cloud: Any, vault: dict[str, str], kind: str) -> None:
    account = cloud.describe()
    job.credential({"iam_endpoint": cloud.url, "access_key": account["admin"]["access_key"], "secret_key": account["admin"]["secret_key"]})
    job.credential(vault, kind)
    users = [{"user_id": user["user_id"], "auth_password": user["password"]} for user in account["users"]]
    job.host_vars("acme", {"mfa_rollout_users": users, "mfa_rollout_seed_store": "hashi_vault"})
    job.inventory({"acme": {}})
    job.launch("MFA rollout", {"mfa_rollout_strategy": "enrol", "mfa_rollout_wave_sizes": "5", "mfa_dry_run": "no"}, verbosity=3)


@pytest.mark.parametrize("login", [TOKEN, APPROLE], ids=["token", "approle"])
def test_enrolment_needs_a_credential_and_no_disk(
    engine: kv_engine.Engine, new_job: Callable[[], Job], start_cloud: Callable[..., Any], login: tuple[str, dict[str, str]]
) -> None:
    cloud = start_cloud(profile="otc", users=2)
    vault = {"url": engine.url, **login[1]}
    job = new_job()
    launch(job, cloud, vault, login[0])
    assert job.status == "successful", job.output
    users = [cloud.cloud.user(user["user_id"]) for user in cloud.describe()["users"]]
    assert all(user.device.bound for user in users)
    pages = [engine.newest(name) for name in sorted(engine.secrets) if "lock" not in name]
    kept = {user_id: entry["seed"] for page in pages for user_id, entry in page.get("seeds", {}).items()}
    assert kept == {user.id: user.device.seed for user in users}
    text = job.output + "".join(job.leftovers().values())
    for secret in (kv_engine.TOKEN, kv_engine.SECRET_ID, *kept.values()):
        assert secret not in text
    assert len(engine.revoked) == engine.logins, "no token of a login is left behind"
    for name, value in job.safe_env.items():
        assert value not in (kv_engine.TOKEN, kv_engine.SECRET_ID), f"AWX shows {name}"
