# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rollouts that keep seeds in a KV engine or the secret management service, with nothing but the report on this disk.

tests/peers does the same with a real OpenBao.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Callable

import pytest
from ansible_collections.hwc.mfa.tests.unit import csms_service, kv_engine

ACCOUNT = "acme-berlin"


@pytest.fixture
def engine() -> Iterator[kv_engine.Engine]:
    """A KV engine."""
    with kv_engine.running() as started:
        yield started


@pytest.fixture
def ground(playground: Callable[..., Any], engine: kv_engine.Engine) -> Any:
    """An account of a cloud that cannot tell bound from created, whose seeds go to the engine."""
    made = playground(users=3, profile="otc")
    variables = made.variables[ACCOUNT]
    for name in ("mfa_rollout_seed_store_dir", "mfa_rollout_seed_store_password", "mfa_rollout_report_dir"):
        del variables[name]
    variables |= {
        "mfa_rollout_seed_store": "hashi_vault",
        "mfa_rollout_seed_store_hashi_vault": {"url": engine.url, "path": "team/mfa"},
        "mfa_rollout_wave_sizes": [1, 10],
    }
    return made


VAULT = {"VAULT_TOKEN": kv_engine.TOKEN}


def seeds_in(engine: kv_engine.Engine) -> dict[str, str]:
    pages = [engine.newest(name) for name in sorted(engine.secrets) if name.startswith("team/mfa/acme-berlin/0")]
    return {user_id: entry["seed"] for page in pages for user_id, entry in page.get("seeds", {}).items()}


def bound_seeds(ground: Any) -> dict[str, str]:
    users = [ground.cloud.cloud.user(user["user_id"]) for user in ground.cloud.describe()["users"]]
    return {user.id: user.device.seed for user in users if user.device is not None and user.device.bound}


def test_rollout_and_roll_back_need_no_disk(ground: Any, engine: kv_engine.Engine, core: dict[str, str]) -> None:
    env = {**core, **VAULT}
    ground.variables[ACCOUNT]["mfa_rollout_wave_sizes"] = [10]
    # As in AWX, where the disk of a job goes away with it.
    job = ("-e", "awx_job_id=1", "-vvv")
    before = ground.run("hwc.mfa.rollout", "--check", *job, env=env)
    assert before.code == 0, before.output
    assert engine.secrets == {}

    run = ground.run("hwc.mfa.rollout", *job, env=env)
    assert run.code == 0, run.output
    assert len(seeds_in(engine)) == 3
    assert seeds_in(engine) == bound_seeds(ground)
    assert engine.newest("team/mfa/acme-berlin/.lock") == {"owner": None}
    assert not ground.seed_directory.exists()
    for secret in (kv_engine.TOKEN, *seeds_in(engine).values()):
        assert secret not in run.output

    again = ground.run("hwc.mfa.rollout", *job, env=env)
    assert again.recap(ACCOUNT)["changed"] == 0, again.output
    assert "3 already compliant" in again.output
    assert ground.cloud.cloud.counters.creates == 3

    back = ground.run("hwc.mfa.rollback", *job, "-e", "mfa_rollout_strategy=enrol", env=env)
    assert back.code == 0, back.output
    assert bound_seeds(ground) == {}


def test_device_whose_seed_the_engine_does_not_take_is_never_bound(ground: Any, engine: kv_engine.Engine) -> None:
    pages: list[str] = []

    def seal(method: str, path: str) -> None:
        if method == "POST" and "/0" in path:
            pages.append(path)
            # The first page is the announcement.
            engine.sealed = len(pages) > 1

    engine.before = seal
    # The token as a variable, which goes to the phases of a wave too.
    ground.variables[ACCOUNT]["mfa_rollout_seed_store_hashi_vault"]["token"] = kv_engine.TOKEN
    run = ground.run("hwc.mfa.rollout", "-vvvv", "--diff")
    assert run.code == 2
    assert kv_engine.TOKEN not in run.output
    assert "is sealed: unseal it, and run again" in run.output
    assert (ground.cloud.cloud.counters.creates, ground.cloud.cloud.counters.binds) == (1, 0)

    engine.before, engine.sealed = (lambda _method, _path: None), False
    again = ground.run("hwc.mfa.rollout", "-vvvv", "--diff")
    assert again.code == 0, again.output
    assert kv_engine.TOKEN not in again.output
    assert len(bound_seeds(ground)) == 3
    assert seeds_in(engine).items() >= bound_seeds(ground).items()


def test_check_mode_fails_where_the_token_may_only_read(ground: Any, engine: kv_engine.Engine) -> None:
    engine.denied = ("POST",)
    engine.capabilities = {}
    ground.variables[ACCOUNT]["mfa_rollout_seed_store_hashi_vault"]["token"] = kv_engine.TOKEN
    said = [ground.run("hwc.mfa.rollout", *words).failure(ACCOUNT) for words in ((), ("--check",))]
    assert said[0] == said[1]
    assert "denies this token to write team/mfa/acme-berlin/.lock" in said[0].replace("secret/", "")
    assert ground.cloud.cloud.counters.writes == 0 and engine.secrets == {}


CANNOT_WORK: list[tuple[dict[str, Any], str]] = [
    ({}, "token is missing: auth_method=token needs it (option token, or ANSIBLE_HASHI_VAULT_TOKEN or VAULT_TOKEN or BAO_TOKEN)"),
    ({"mfa_rollout_seed_store_hashi_vault": "https://vault"}, "mfa_rollout_seed_store_hashi_vault"),
    ({"mfa_rollout_seed_store_hashi_vault": {"adress": "https://vault"}}, "adress"),
    ({"mfa_rollout_seed_store": "kv"}, "hashi_vault"),
]


def test_options_that_cannot_work_are_named_before_the_cloud_is_asked(ground: Any) -> None:
    right = ground.variables.pop(ACCOUNT)
    ground.variables |= {f"host-{number}": {**right, **change} for number, (change, _words) in enumerate(CANNOT_WORK)}
    run = ground.run("hwc.mfa.rollout")
    assert run.code == 2
    for host, (_change, words) in zip(ground.variables, CANNOT_WORK, strict=True):
        assert words in run.failure(host)
    assert ground.cloud.log == []


def test_two_hosts_that_mean_one_account_of_the_engine_are_told(ground: Any, engine: kv_engine.Engine) -> None:
    ground.variables["acme-again"] = {**ground.variables[ACCOUNT], "mfa_rollout_account": ACCOUNT}
    ground.variables[ACCOUNT]["mfa_rollout_account"] = ACCOUNT
    run = ground.run("hwc.mfa.rollout", env=VAULT)
    assert run.code == 2
    assert (
        "of this play is at work on this account, or on another one of the same name: an account must be in the inventory once"
        in run.output
    )
    assert seeds_in(engine) == bound_seeds(ground)


def test_rollout_and_roll_back_with_the_secret_management_service(playground: Callable[..., Any], core: dict[str, str]) -> None:
    with csms_service.running() as service:
        ground = playground(users=3)
        variables = ground.variables[ACCOUNT]
        for name in ("mfa_rollout_seed_store_dir", "mfa_rollout_seed_store_password", "mfa_rollout_report_dir"):
            del variables[name]
        # Keys of another account than the one of the users, as variables, which go to the phases of a wave too.
        variables |= {"mfa_rollout_seed_store": "csms", "mfa_rollout_seed_store_csms": service.options, "mfa_rollout_wave_sizes": [1, 10]}
        job = ("-e", "awx_job_id=1", "-vvv", "--diff")
        run = ground.run("hwc.mfa.rollout", *job, env=core)
        assert run.code == 0, run.output
        pages = [service.document(name) for name in sorted(service.secrets) if name.startswith("mfa.acme-berlin.0")]
        stored = {user_id: entry["seed"] for page in pages for user_id, entry in page.get("seeds", {}).items()}
        assert stored == bound_seeds(ground)
        assert len(stored) == 3
        for secret in (csms_service.SECRET_KEY, *stored.values()):
            assert secret not in run.output
        (lock,) = (name for name in service.secrets if ".lock." in name)
        assert service.document(lock) == {"owner": None}

        again = ground.run("hwc.mfa.rollout", *job, env=core)
        assert again.recap(ACCOUNT)["changed"] == 0, again.output
        back = ground.run("hwc.mfa.rollback", *job, "-e", "mfa_rollout_strategy=enrol", env=core)
        assert back.code == 0, back.output
        assert bound_seeds(ground) == {}
        assert len(service.secrets) < 12
