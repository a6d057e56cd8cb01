# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store in a KV engine against a real OpenBao: the contract of all stores, its rights, logins, outages, and a whole rollout."""

from __future__ import annotations

import importlib
import itertools
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.hashi_vault import HashiVault
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.kv_options import kv_options
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.lock import Owner
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.store import StoredSeed, StoreError
from ansible_collections.hwc.mfa.tests.unit.certificate import write_certificate
from ansible_collections.hwc.mfa.tests.unit.plugins.plugin_utils._stores import test_contract as contract
from openbao import OpenBao

# What runs playbooks lies beside the tests of playbooks.
sys.path.append(str(Path(__file__).resolve().parents[1] / "playbooks"))

playground = importlib.import_module("playground").playground

# The contract's tests and what they need, each with the store of the fixture ``opened`` below.
globals().update({name: value for name, value in vars(contract).items() if name.startswith("test_") or name in ("opens", "run", "write")})

SEED = "JBSWY3DPEHPK3PXP"
OURS = Owner.of_process(os.getpid(), "acme-1")
OTHER = replace(OURS, inventory_host="acme-2", host="elsewhere.example")

DOCUMENTED = """
path "secret/data/{path}/*" { capabilities = ["create", "update", "read"] }
path "secret/metadata/{path}/*" { capabilities = ["list"] }
"""
"""The rights that the documentation of hwc.mfa.seed_store names."""

_paths = itertools.count()


def seed_of(number: int = 1, **more: Any) -> StoredSeed:
    return StoredSeed(f"serial-{number}", SEED, f"name {number}", **more)


@pytest.fixture(scope="session")
def bao() -> Iterator[OpenBao]:
    """A server."""
    with tempfile.TemporaryDirectory(prefix="openbao-") as folder:
        server = OpenBao(Path(folder))
        try:
            server.start()
            server.set_up()
            yield server
        finally:
            server.end()


@pytest.fixture
def path() -> str:
    """Where this test keeps its secrets."""
    return f"test-{next(_paths)}/mfa"


@pytest.fixture
def store(bao: OpenBao, path: str) -> Iterator[Callable[..., HashiVault]]:
    """Opens the store of an account anew."""
    stores: list[HashiVault] = []

    def opened(account: str = "acme", **options: Any) -> HashiVault:
        stores.append(HashiVault(kv_options({"url": bao.url, "token": bao.token, "path": path, **options}, {}), account))
        return stores[-1]

    yield opened
    for each in stores:
        each.close()


@pytest.fixture
def opened(store: Callable[..., HashiVault], bao: OpenBao, path: str) -> Callable[[str], HashiVault]:
    """Opens the store of an account anew, with the rights that are documented and no more."""
    bao.policy(f"store-{path.partition('/')[0]}", DOCUMENTED.replace("{path}", path))
    token = bao.token_of(f"store-{path.partition('/')[0]}")
    return lambda account: store(account, token=token)


def refusal(call: Callable[[], Any]) -> str:
    with pytest.raises(StoreError) as caught:
        call()
    assert SEED not in str(caught.value)
    return str(caught.value)


def test_second_client_reads_what_was_written_once_each(store: Callable[..., HashiVault], bao: OpenBao, path: str) -> None:
    written = {"u1": seed_of(1, bound=True), "ünï": StoredSeed("{{ x }}", SEED, "☃\u2028 'q'")}
    store().announce(list(written), "account-1")
    store().save(written)
    assert bao.read_by_hvac("acme", path) == {
        "000001": {"version": 1, "data": {"mark": {"announces": list(written), "account": "account-1"}}},
        "000002": {"version": 1, "data": {"seeds": {user_id: seed.as_entry() for user_id, seed in written.items()}}},
    }


@pytest.mark.parametrize("account", ["a/b", "ünï ☃", "a..b", "a ", "x+y=,@", "50%", "a\\b", "-rf", "a" * 200])
def test_account_of_any_name_has_secrets_of_its_own(store: Callable[..., HashiVault], account: str) -> None:
    store(account).save({"u1": seed_of()})
    assert list(store(account).read().seeds) == ["u1"]
    assert store("a").read().seeds == {}


def test_locks_many_versions_do_no_harm(store: Callable[..., HashiVault], bao: OpenBao, path: str) -> None:
    one = store()
    one.lock(OURS)
    one.read()
    keeper = store().keeper(OURS)
    for number in range(15):
        assert keeper.hold() is None
        one.save({f"u{number}": seed_of(number)})
    metadata = bao.call("GET", f"secret/metadata/{path}/acme/.lock")["data"]
    assert metadata["current_version"] > 30 and len(metadata["versions"]) <= 10, "old versions of the lock go by themselves"
    assert len(store().read().seeds) == 15


def test_page_that_somebody_deleted_is_told_and_comes_back_when_undeleted(
    store: Callable[..., HashiVault], bao: OpenBao, path: str
) -> None:
    store().save({"u1": seed_of()})
    bao.call("DELETE", f"secret/data/{path}/acme/000001")
    assert "is deleted: undelete it" in refusal(store().read)
    bao.call("POST", f"secret/undelete/{path}/acme/000001", {"versions": [1]})
    assert list(store().read().seeds) == ["u1"]


def test_page_that_is_lost_for_good_is_told_until_an_empty_mark_is_in_its_place(
    store: Callable[..., HashiVault], bao: OpenBao, path: str
) -> None:
    for number in (1, 2, 3):
        store().save({f"u{number}": seed_of(number)})
    bao.call("DELETE", f"secret/metadata/{path}/acme/000002")
    assert f"{path}/acme/000002 is missing" in refusal(store().read)
    bao.call("POST", f"secret/data/{path}/acme/000002", {"data": {"mark": {}}})
    assert sorted(store().read().seeds) == ["u1", "u3"]
    bao.call("DELETE", f"secret/data/{path}/acme/000003")
    assert "000003 is deleted" in refusal(store().read)
    bao.call("POST", f"secret/data/{path}/acme/000003", {"data": {"mark": {}}})
    assert list(store().read().seeds) == ["u1"]


def test_rights_are_told_before_anything_is_written(
    opened: Callable[[str], HashiVault], store: Callable[..., HashiVault], bao: OpenBao, path: str
) -> None:
    opened("acme").probe()
    store().lock(OURS)
    opened("acme").probe()
    reader = f"reader-{path.partition('/')[0]}"
    bao.policy(reader, DOCUMENTED.replace("{path}", path).replace('"create", "update", "read"', '"read"'))
    reads_only = store(token=bao.token_of(reader))
    reads_only.read()
    text = refusal(reads_only.probe)
    assert f"denies this token to write secret/{path}/acme/.lock" in text
    assert text == refusal(lambda: reads_only.lock(OURS))


def test_lock_that_an_operator_deletes_is_free_and_lost(store: Callable[..., HashiVault], bao: OpenBao, path: str) -> None:
    store().lock(OTHER)
    assert f"delete the secret {bao.url}/secret/{path}/acme/.lock" in refusal(lambda: store().lock(OURS))
    bao.call("DELETE", f"secret/data/{path}/acme/.lock")
    store().lock(OURS)
    assert "another run is at work" in refusal(lambda: store().guard(OTHER))


def test_sealed_server_is_told_and_all_is_there_once_it_is_unsealed(store: Callable[..., HashiVault], bao: OpenBao) -> None:
    store().lock(OURS)
    store().save({"u1": seed_of()})
    bao.seal()
    try:
        for call in (store().read, lambda: store().save({"u2": seed_of(2)}), lambda: store().lock(OURS)):
            assert refusal(call) == f"127.0.0.1:{bao.port} is sealed: unseal it, and run again."
    finally:
        bao.unseal()
    assert list(store().read().seeds) == ["u1"]


def test_server_that_ends_and_starts_again_has_kept_all_that_was_promised(store: Callable[..., HashiVault], bao: OpenBao) -> None:
    open_one = store()
    open_one.lock(OURS)
    open_one.read()
    open_one.announce(["u1", "u2"], "account-1")
    open_one.save({"u1": seed_of()})
    bao.end()
    try:
        assert "cannot be reached (connection refused); check url" in refusal(lambda: open_one.save({"u2": seed_of(2)}))
    finally:
        bao.start()
        assert "is sealed" in refusal(store().read)
        bao.unseal()
    contents = store().read()
    assert (list(contents.seeds), list(contents.intents), contents.account_id) == (["u1"], ["u2"], "account-1")
    open_one.save({"u2": seed_of(2)})
    assert sorted(store().read().seeds) == ["u1", "u2"]


def test_rights_that_are_missing_are_named_with_their_path(store: Callable[..., HashiVault], bao: OpenBao, path: str) -> None:
    bao.policy("reader", DOCUMENTED.replace("{path}", path).replace('"create", "update", ', ""))
    reader = bao.token_of("reader")
    assert store(token=reader).read().seeds == {}
    text = refusal(lambda: store(token=reader).save({"u1": seed_of()}))
    assert f"give it a policy that allows create, update and read on secret/data/{path}/acme/000001." in text
    assert reader not in text
    nobody = bao.token_of("default")
    assert "no policy of the token names a path in it" in refusal(store(token=nobody).read)


def test_token_that_is_wrong_or_has_ended_is_told(store: Callable[..., HashiVault], bao: OpenBao) -> None:
    text = refusal(store(token="s.wrong").read)
    assert "shows no secrets engine" in text or "does not know the token" in text
    ended = bao.token_of("root")
    one = store(token=ended)
    one.read()
    bao.call("POST", "auth/token/revoke", {"token": ended})
    assert "does not know the token, or it has expired" in refusal(one.read)


def test_engine_of_version_1_and_mounts_that_are_not_there_are_refused(store: Callable[..., HashiVault], bao: OpenBao) -> None:
    bao.mount("old", version="1")
    assert "is no KV engine of version 2" in refusal(lambda: store(engine_mount_point="old").save({"u1": seed_of()}))
    assert "shows no secrets engine at nowhere" in refusal(store(engine_mount_point="nowhere").read)


def test_engine_that_deletes_after_a_time_is_refused(store: Callable[..., HashiVault], bao: OpenBao) -> None:
    bao.mount("fading")
    bao.call("POST", "fading/config", {"delete_version_after": "1h"})
    assert "set delete_version_after of the engine fading to 0s" in refusal(lambda: store(engine_mount_point="fading").announce(["u1"]))


def test_login_by_approle_leaves_no_token_behind(store: Callable[..., HashiVault], bao: OpenBao, path: str) -> None:
    bao.policy("enroller", DOCUMENTED.replace("{path}", path))
    bao.call("POST", "sys/auth/approle", {"type": "approle"})
    bao.call("POST", "auth/approle/role/awx", {"token_policies": ["enroller"], "token_ttl": "1s", "token_max_ttl": "1s"})
    role_id = bao.call("GET", "auth/approle/role/awx/role-id")["data"]["role_id"]
    secret_id = bao.call("POST", "auth/approle/role/awx/secret-id", {})["data"]["secret_id"]
    before = len(bao.call("LIST", "auth/token/accessors")["data"]["keys"])
    one = store(auth_method="approle", role_id=role_id, secret_id=secret_id, token="")
    one.lock(OURS)
    one.read()
    time.sleep(2)  # until its token has ended
    one.save({"u1": seed_of()})
    one.close()
    assert len(bao.call("LIST", "auth/token/accessors")["data"]["keys"]) <= before
    text = refusal(store(auth_method="approle", role_id=role_id, secret_id="wrong", token="").read)
    assert "refused the login by approle" in text and secret_id not in text


SIGN = """
import json, time, jwt
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import ec
key = ec.generate_private_key(ec.SECP256R1())
public = key.public_key().public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo).decode()
claims = {"sub": "awx", "aud": "mfa", "iss": "ci", "iat": int(time.time()), "exp": int(time.time()) + 600}
print(json.dumps([public, jwt.encode(claims, key, algorithm="ES256")]))
"""


def test_login_by_jwt(store: Callable[..., HashiVault], bao: OpenBao, path: str) -> None:
    public, token = bao.run(SIGN)
    bao.policy("enroller", DOCUMENTED.replace("{path}", path))
    bao.call("POST", "sys/auth/ci", {"type": "jwt"})
    bao.call("POST", "auth/ci/config", {"jwt_validation_pubkeys": [public], "bound_issuer": "ci"})
    role = {"role_type": "jwt", "bound_audiences": ["mfa"], "user_claim": "sub", "token_policies": ["enroller"]}
    bao.call("POST", "auth/ci/role/enroller", role)
    options = {"auth_method": "jwt", "mount_point": "ci", "role_id": "enroller", "token": ""}
    store(jwt=token, **options).save({"u1": seed_of()})
    assert list(store().read().seeds) == ["u1"]
    text = refusal(store(jwt=token[:-4], **options).read)
    assert "refused the login by jwt at auth/ci" in text and token[:-4] not in text


def test_namespace_has_seeds_of_its_own(store: Callable[..., HashiVault], bao: OpenBao) -> None:
    bao.call("POST", "sys/namespaces/team", {})
    bao.mount("secret", X_Vault_Namespace="team")
    store(namespace="team").save({"u1": seed_of()})
    assert list(store(namespace="team").read().seeds) == ["u1"]
    assert store().read().seeds == {}


def test_certificate_is_verified(store: Callable[..., HashiVault], tmp_path: Path) -> None:
    certificate = write_certificate(tmp_path)
    server = OpenBao(tmp_path, certificate)
    try:
        server.start()
        server.set_up()
        assert "is not trusted (self-signed certificate)" in refusal(store(url=server.url, token=server.token).read)
        assert store(url=server.url, token=server.token, ca_path=certificate[0]).read().seeds == {}
    finally:
        server.end()


# A whole rollout, through ansible-playbook

ACCOUNT = "acme-berlin"


def test_rollout_keeps_its_seeds_in_openbao_and_the_next_run_has_nothing_to_do(
    playground: Callable[..., Any], bao: OpenBao, path: str
) -> None:
    ground = playground(users=3, profile="otc")
    variables = ground.variables[ACCOUNT]
    for name in ("mfa_rollout_seed_store_dir", "mfa_rollout_seed_store_password", "mfa_rollout_report_dir"):
        del variables[name]
    variables |= {"mfa_rollout_seed_store": "hashi_vault", "mfa_rollout_seed_store_hashi_vault": {"path": path}}
    bao.policy("rollout", DOCUMENTED.replace("{path}", path))
    token = bao.token_of("rollout")
    env = {"VAULT_ADDR": bao.url, "VAULT_TOKEN": token}
    job = ("-e", "awx_job_id=1", "-vvv")

    run = ground.run("hwc.mfa.rollout", *job, env=env)
    assert run.code == 0, run.output
    bound = {}
    for user in ground.cloud.describe()["users"]:
        device = ground.cloud.cloud.user(user["user_id"]).device
        assert device.bound
        bound[user["user_id"]] = device.seed
    pages = bao.read_by_hvac(ACCOUNT, path)
    assert all(page["version"] == 1 for name, page in pages.items() if name != ".lock")
    kept = {user_id: entry for name in sorted(pages) for user_id, entry in pages[name]["data"].get("seeds", {}).items()}
    assert {user_id: entry["seed"] for user_id, entry in kept.items()} == bound
    assert all(entry["bound"] for entry in kept.values())
    for secret in (token, *bound.values()):
        assert secret not in run.output

    again = ground.run("hwc.mfa.rollout", *job, env=env)
    assert again.recap(ACCOUNT)["changed"] == 0, again.output
    assert "3 already compliant" in again.output
    assert set(bao.read_by_hvac(ACCOUNT, path)) == set(pages)

    bao.seal()
    try:
        sealed = ground.run("hwc.mfa.rollout", env=env)
        assert sealed.code == 2
        assert f"The seed store: 127.0.0.1:{bao.port} is sealed: unseal it, and run again." in sealed.output
    finally:
        bao.unseal()

    back = ground.run("hwc.mfa.rollback", *job, env=env)
    assert back.code == 0, back.output
    assert not any(ground.cloud.cloud.user(user_id).device for user_id in bound)
