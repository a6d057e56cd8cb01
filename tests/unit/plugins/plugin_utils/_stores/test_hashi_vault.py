# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A store in a KV engine: what it says of each refusal, and what is left wherever it is broken off. The contract is in test_contract.py."""

from __future__ import annotations

import json
import os
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.hashi_vault import HashiVault, secret_name
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.kv import KeyValue
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.kv_options import kv_options
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.lock import LEASE, Owner
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.store import StoredSeed, StoreError
from ansible_collections.hwc.mfa.tests.unit import kv_engine
from ansible_collections.hwc.mfa.tests.unit.certificate import write_certificate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SEED = "JBSWY3DPEHPK3PXP"
OURS = Owner.of_process(os.getpid(), "acme-1")
OTHER = replace(OURS, inventory_host="acme-2", host="elsewhere.example")
THINNED = 1 if "HARDER" in os.environ else 7
"""One in so many requests is tried; `make crash` tries each."""


@pytest.fixture
def engine():
    """A KV engine of the test's own."""
    with kv_engine.running() as started:
        yield started


class Opens:
    """Opens the store of an account anew."""

    def __init__(self, engine):
        self._engine = engine
        self._stores = []

    def __call__(self, account="acme", env=None, **options):
        given_options = {"url": self._engine.url, "token": kv_engine.TOKEN, **options}
        self._stores.append(HashiVault(kv_options(given_options, env or {}), account))
        self._stores[-1]._service._http.sleep = lambda _seconds: None
        return self._stores[-1]

    def close(self):
        """Close the stores, each of which keeps a connection: a process may have 1024 files open in many places."""
        while self._stores:
            self._stores.pop().close()


@pytest.fixture
def opens(engine):
    """Opens the store of an account anew."""
    opened = Opens(engine)
    yield opened
    opened.close()


def seed(number=1, **more):
    return StoredSeed(f"serial-{number}", SEED, f"name {number}", **more)


def refusal(call):
    """The sentence that a call is refused with, which holds no secret."""
    with pytest.raises(StoreError) as caught:
        call()
    text = str(caught.value)
    for secret in (kv_engine.TOKEN, kv_engine.SECRET_ID, kv_engine.JWT, SEED):
        assert secret not in text
    assert text.isprintable()
    return text


# What lies in the engine


def test_each_write_is_one_secret_of_one_version_that_anybody_can_read(engine, opens):
    store = opens(engine_mount_point="/secret/", path="mfa/")
    assert store.announce(["u1"], "account-1") == [f"{engine.url}/secret/mfa/acme/000001"]
    store.save({"u1": seed()})
    assert engine.secrets == {
        "mfa/acme/000001": [{"mark": {"announces": ["u1"], "account": "account-1"}}],
        "mfa/acme/000002": [{"seeds": {"u1": seed().as_entry()}}],
    }


def test_nothing_is_ever_deleted_nor_written_twice(engine, opens):
    store = opens()
    store.lock(OURS)
    store.read()
    for number in range(3):
        store.save({"u1": seed(number)})
    store.remove(["u1"])
    store.unlock(OURS)
    assert {request.split()[0] for request in engine.requests} == {"GET", "LIST", "POST"}
    assert {name: len(versions) for name, versions in engine.secrets.items() if "lock" not in name} == {
        f"mfa/acme/00000{number}": 1 for number in range(1, 5)
    }


def test_what_no_server_would_take_at_once_is_cut_into_pages(engine, opens, monkeypatch):
    monkeypatch.setattr(KeyValue, "largest_page", 500)
    ids = [f"{number:032x}" for number in range(50)]
    store = opens()
    store.lock(OURS)
    store.read()
    store.announce(ids, "account-1")
    found = opens().read()
    assert (list(found.intents), found.account_id) == (ids, "account-1")
    files = store.save({user_id: seed(number) for number, user_id in enumerate(ids)})
    assert len(files) > 5
    store.remove(ids[25:])
    assert opens().read().entries == {user_id: seed(number).as_entry() for number, user_id in enumerate(ids[:25])}
    assert all(len(json.dumps(versions[-1])) < 700 for versions in engine.secrets.values())


def test_ten_thousand_seeds_stay_below_what_servers_take(engine, opens):
    before = {"enabled": True, "verification_method": "sms"}
    ids = [f"{number:032x}" for number in range(10_000)]
    store = opens()
    store.announce(ids)
    store.save({user_id: seed(number, before=before) for number, user_id in enumerate(ids)})
    assert max(len(json.dumps(versions[-1])) for versions in engine.secrets.values()) < 350_000
    assert len(opens().read().seeds) == 10_000


def test_pages_that_people_put_beside_are_passed_over(engine, opens):
    engine.secrets["mfa/acme/notes"] = [{"text": "call Ada"}]
    engine.secrets["mfa/acme/000001/deeper"] = [{"text": "no page"}]
    opens().save({"u1": seed()})
    assert list(opens().read().seeds) == ["u1"]


@pytest.mark.parametrize(
    "document", [{}, {"seeds": []}, {"seeds": {"u1": {"seed": 5}}}, {"mark": {"announces": "u1"}}, {"mark": {}, "seeds": {}}]
)
def test_secret_with_something_else_in_it_is_an_error(engine, opens, document):
    engine.secrets["mfa/acme/000001"] = [document]
    assert refusal(opens().read) == f"{engine.url}/secret/mfa/acme/000001 is not a page of this store."


def test_page_that_was_deleted_is_an_error_and_no_seed_is_taken_for_gone(engine, opens):
    opens().save({"u1": seed()})
    engine.secrets["mfa/acme/000001"].append(None)
    assert "/000001 is deleted: undelete it" in refusal(opens().read)
    engine.secrets["mfa/acme/000001"].append({"mark": {}})
    assert opens().read().seeds == {}


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_page_that_is_missing_among_the_others_is_an_error_until_an_empty_mark_says_that_it_is_lost(engine, opens, lost):
    for number in (1, 2, 3, 4):
        opens().save({f"u{number}": seed(number)})
    kept = engine.secrets.pop(f"mfa/acme/00000{lost}")
    place = f"{engine.url}/secret/mfa/acme/00000{lost}"
    text = (
        f"{place} is missing, and with it perhaps seeds: restore it from a backup. If it is lost for good, write"
        ' {"mark": {}} into it: the store is then used without what was in it.'
    )
    assert refusal(opens().read) == text
    store = opens()
    store.lock(OURS)
    assert refusal(store.read) == text
    engine.secrets[f"mfa/acme/00000{lost}"] = [{"mark": {}}]
    assert sorted(store.read().seeds) == sorted({"u1", "u2", "u3", "u4"} - {f"u{lost}"})
    store.save({"u5": seed(5)})
    engine.secrets[f"mfa/acme/00000{lost}"] = kept
    assert sorted(opens().read().seeds) == ["u1", "u2", "u3", "u4", "u5"]


def test_full_store_is_refused_before_numbers_get_longer(engine, opens):
    engine.secrets["mfa/acme/999999"] = [{"mark": {}}]
    assert "has a secret with the last number, 999999" in refusal(lambda: opens().save({"u1": seed()}))


@given(st.sets(st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=8), min_size=2, max_size=4))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_two_accounts_never_share_a_folder_and_none_leads_elsewhere(accounts):
    accounts = {account for account in accounts if not account.startswith(".")}
    names = {secret_name(account) for account in accounts}
    assert len(names) == len(accounts)
    for name in names:
        assert "/" not in name and ".." not in name and name.strip() and name.isprintable() and not name.endswith(" ")


@pytest.mark.parametrize("account", ["a/b", "ünï ☃", "a..b", "a ", "x+y", "50%"])
def test_account_of_any_name_finds_its_seeds_again(opens, account):
    opens(account).save({"u1": seed()})
    assert list(opens(account).read().seeds) == ["u1"]
    assert opens("a").read().seeds == {}


@pytest.mark.parametrize("account", ["", ".", "..", ".lock", "\ud800"])
def test_account_that_would_name_another_secret_is_refused(opens, account):
    assert refusal(lambda: opens(account)).startswith("account")


# Two writers, and answers that are lost


def test_two_stores_at_once_lose_nothing(opens):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: opens().save({f"u{number}": seed(number)}), range(24)))
    assert sorted(opens().read().seeds) == sorted(f"u{number}" for number in range(24))


def test_two_runs_that_take_the_lock_at_once_get_it_once(opens):
    gate = threading.Barrier(6)

    def take(number):
        store = opens()
        gate.wait()
        try:
            store.lock(replace(OTHER, host=f"host-{number}"))
        except StoreError:
            return 0
        return 1

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(take, range(6))) == 1


def test_page_that_somebody_creates_at_the_same_moment_is_not_overwritten(engine, opens):
    store = opens()
    store.lock(OURS)
    store.read()

    def intrude(method, path):
        if method == "POST" and path.endswith("/000001"):
            engine.before = lambda _method, _path: None
            engine.secrets["mfa/acme/000001"] = [{"seeds": {"u2": seed(2).as_entry()}}]

    engine.before = intrude
    assert "another run has written" in refusal(lambda: store.save({"u1": seed()}))
    assert list(opens().read().seeds) == ["u2"]


def test_without_a_lock_the_next_number_is_taken_where_somebody_was_quicker(engine, opens):
    def intrude(method, path):
        if method == "POST" and path.endswith("/000001"):
            engine.before = lambda _method, _path: None
            engine.secrets["mfa/acme/000001"] = [{"seeds": {"u2": seed(2).as_entry()}}]

    engine.before = intrude
    assert opens().save({"u1": seed()})[0].endswith("/000002")
    assert sorted(opens().read().seeds) == ["u1", "u2"]


def play_a_wave(opens):
    """What the tasks of a wave do, each with a store of its own."""
    opens().lock(OURS)

    def task(read=False):
        opens.close()
        store = opens()
        store.guard(OURS)
        if read:
            store.read()
        return store

    task(read=True)
    task().announce(["u1", "u2"], "account-1")
    task().save({"u1": seed(1)})
    task().withdraw(["u2"])
    task().save({"u1": seed(1, bound=True)})
    opens().unlock(OURS)
    opens.close()


def count_requests(opens, engine):
    play_a_wave(opens)
    number = len(engine.requests)
    engine.requests.clear()
    engine.secrets.clear()
    return number


def test_run_that_is_killed_at_any_request_leaves_what_the_next_one_can_use(engine, opens):
    total = count_requests(opens, engine)
    assert total > 40
    for start, fate in enumerate(("refused", "lost")):
        for last in range(start, total, THINNED):
            engine.secrets.clear()
            engine.requests.clear()
            # From here on nothing answers any more, and the next run is another process of this machine.
            engine.fate = lambda _method, _path, last=last, fate=fate: (
                None if len(engine.requests) <= last else fate if len(engine.requests) == last + 1 else "refused"
            )
            with pytest.raises(StoreError):
                play_a_wave(opens)
            opens.close()
            engine.fate = lambda _method, _path: None
            # Its lock is that of a process that is gone.
            lock = engine.secrets.get("mfa/acme/.lock")
            if lock and lock[-1] and lock[-1].get("owner"):
                lock[-1]["owner"]["pid"] = 2**22 + 1
            before = opens().read()
            store = opens()
            store.lock(OURS)
            contents = store.read()
            assert contents == before
            if contents.seeds:
                assert contents.newest_first("u1")[0].is_of(seed(1))
            store.save({"u1": seed(1, bound=True)})
            assert opens().read().newest_first("u1") == [seed(1, bound=True)]
            store.unlock(OURS)
            opens.close()


def test_answer_that_is_lost_once_is_asked_for_and_nothing_is_written_twice(engine, opens):
    total = count_requests(opens, engine)
    for start, fate in enumerate(("lost", "refused")):
        for at in range(start, total, THINNED):
            engine.secrets.clear()
            engine.requests.clear()
            engine.fate = lambda _method, _path, at=at, fate=fate: fate if len(engine.requests) == at + 1 else None
            play_a_wave(opens)
            engine.fate = lambda _method, _path: None
            contents = opens().read()
            assert contents.entries == {"u1": seed(1, bound=True).as_entry()}
            assert (contents.intents, contents.account_id) == ({}, "account-1")
            assert sorted(name for name in engine.secrets if "lock" not in name) == [f"mfa/acme/00000{number}" for number in range(1, 5)]
            opens.close()


def test_write_that_seemed_lost_and_comes_late_is_known_as_ones_own(engine, opens):
    page = {"seeds": {"u1": seed().as_entry()}}
    sent = []

    def late(method, path):
        if method == "POST" and path.endswith("/000001"):
            sent.append(path)
            if len(sent) == 2:
                engine.secrets["mfa/acme/000001"] = [page]

    engine.before = late
    engine.fate = lambda method, path: (
        "refused" if method == "POST" and path.endswith("/000001") and not sent and not late(method, path) else None
    )
    store = opens()
    store.lock(OURS)
    store.read()
    assert store.save({"u1": seed()}) == [f"{engine.url}/secret/mfa/acme/000001"]
    assert (len(sent), engine.secrets["mfa/acme/000001"]) == (2, [page])


def test_page_that_a_standby_does_not_have_yet_is_not_taken_for_a_deleted_one(engine, opens):
    opens().save({"u1": seed()})

    def vanish(method, path):
        if method == "GET" and path.endswith("/000001"):
            engine.secrets.pop("mfa/acme/000001", None)

    engine.before = vanish
    assert "give the address of the active node" in refusal(opens().read)


def test_write_that_the_engine_keeps_otherwise_is_noticed_at_once(engine, opens):
    def twist(method, path):
        if method == "GET" and path.endswith("/000001"):
            engine.secrets["mfa/acme/000001"] = [{"seeds": {"u1": seed(2).as_entry()}}]

    engine.before = twist
    assert "does not hold what was written into it" in refusal(lambda: opens().save({"u1": seed()}))


# The lock


def test_lock_of_another_machine_ends_by_the_servers_clock_and_names_the_secret_to_delete(engine, opens):
    opens().lock(OTHER)
    text = refusal(lambda: opens().lock(OURS))
    assert "process" in text and "elsewhere.example" in text and f"delete the secret {engine.url}/secret/mfa/acme/.lock" in text
    lock = engine.newest("mfa/acme/.lock")
    assert abs(lock["until"] - time.time() - LEASE) < 30
    lock["until"] = time.time() - 5
    opens().lock(OURS)


@pytest.mark.parametrize("document", [None, {}, {"owner": None}, {"owner": {"host": 5}, "until": 9}, {"text": "x"}])
def test_secret_that_is_no_lock_holds_nobody_back(engine, opens, document):
    engine.secrets["mfa/acme/.lock"] = [{"x": 1}, document]
    opens().lock(OURS)
    assert refusal(lambda: opens().lock(OTHER)).startswith("another run is at work")


def test_keeper_renews_the_lock_and_tells_of_its_loss(engine, opens):
    store = opens()
    store.lock(OURS)
    store.read()
    keeper = opens().keeper(OURS)
    engine.newest("mfa/acme/.lock")["until"] = 5.0
    assert keeper.hold() is None
    assert engine.newest("mfa/acme/.lock")["until"] > time.time()
    # What the run has seen of the store stays known.
    store.save({"u1": seed()})
    engine.sealed = True
    assert "is sealed" in refusal(keeper.hold)
    engine.sealed = False
    engine.secrets["mfa/acme/.lock"].append(None)
    assert "lost its lock" in keeper.hold()


# What is said where it cannot work


def test_sealed_engine_is_said_to_be_sealed_and_not_asked_for_long(engine, opens):
    engine.sealed = True
    host = engine.url.partition("//")[2]
    for call in (opens().read, opens().account_id, lambda: opens().save({"u1": seed()}), lambda: opens().lock(OURS)):
        assert refusal(call) == f"{host} is sealed: unseal it, and run again."


@pytest.mark.parametrize(("method", "verb", "path", "rights"), [
    ("LIST", "list", "secret/metadata/mfa/acme", "list"),
    ("POST", "write", "secret/data/mfa/acme/000001", "create, update and read"),
    ("GET", "read", "secret/data/mfa/acme/000001", "create, update and read"),
])  # fmt: skip
def test_missing_right_names_the_path_that_a_policy_must_allow(engine, opens, method, verb, path, rights):
    engine.denied = (method,)
    text = refusal(lambda: opens().save({"u1": seed()}))
    assert f"denies this token to {verb} secret/mfa/acme" in text
    assert f"give it a policy that allows {rights} on {path}." in text


WRITER = ["create", "read", "update"]
LOCK_RIGHTS, PAGE_RIGHTS = "secret/data/mfa/acme/.lock", "secret/data/mfa/acme/000002"


@pytest.mark.parametrize(("capabilities", "denied"), [
    ({LOCK_RIGHTS: WRITER, PAGE_RIGHTS: WRITER}, None),
    ({LOCK_RIGHTS: ["root"], PAGE_RIGHTS: ["root"]}, None),
    ({LOCK_RIGHTS: WRITER, PAGE_RIGHTS: ["create", "read"]}, None),
    ({LOCK_RIGHTS: ["read", "list"], PAGE_RIGHTS: ["read", "list"]}, LOCK_RIGHTS),
    ({LOCK_RIGHTS: ["create", "read"], PAGE_RIGHTS: WRITER}, LOCK_RIGHTS),
    ({LOCK_RIGHTS: ["update", "read"], PAGE_RIGHTS: WRITER}, LOCK_RIGHTS),
    ({LOCK_RIGHTS: WRITER, PAGE_RIGHTS: ["update", "read"]}, PAGE_RIGHTS),
    ({LOCK_RIGHTS: WRITER}, PAGE_RIGHTS),
    # Who may not ask is told nothing, and is refused by the real run if at all.
    (None, None),
])  # fmt: skip
def test_right_to_write_that_is_missing_is_found_without_writing(engine, opens, capabilities, denied):
    opens().save({"u1": seed()})
    before = {name: list(versions) for name, versions in engine.secrets.items()}
    engine.capabilities = capabilities
    store = opens()
    if denied is None:
        store.probe()
    else:
        text = refusal(store.probe)
        name = denied.replace("/data/", "/")
        assert text.endswith(f"denies this token to write {name}: give it a policy that allows create, update and read on {denied}.")
    assert engine.secrets == before


def test_lock_that_is_there_is_only_to_be_updated(engine, opens):
    engine.secrets["mfa/acme/.lock"] = [{"owner": None}]
    engine.capabilities = {LOCK_RIGHTS: ["update", "read"], "secret/data/mfa/acme/000001": WRITER}
    opens().probe()


@pytest.mark.parametrize(
    "answer", [(200, {}), (200, {"data": {LOCK_RIGHTS: "x"}}), (200, {"data": None}), (200, []), (503, {"errors": []}), (404, None)]
)
def test_answer_that_tells_no_rights_refuses_nothing(engine, opens, monkeypatch, answer):
    handler = engine.server.RequestHandlerClass
    result = handler.result
    monkeypatch.setattr(
        handler, "result", lambda self, method, path, body: answer if "capabilities" in path else result(self, method, path, body)
    )
    opens().probe()


def test_token_that_is_unknown_or_has_ended_is_told_from_a_missing_right(engine, opens):
    store = opens()
    store.read()
    engine.tokens.clear()
    text = refusal(store.read)
    assert "does not know the token, or it has expired" in text and "VAULT_TOKEN" in text


def test_engine_of_version_1_or_of_another_kind_is_refused_before_anything_is_written(engine, opens):
    for kind in ({"type": "kv", "options": {"version": "1"}}, {"type": "kv", "options": None}, {"type": "transit", "options": {}}):
        engine.kind = kind
        assert "is no KV engine of version 2" in refusal(lambda: opens().save({"u1": seed()}))
    engine.kind = None
    assert "shows no secrets engine at secret" in refusal(lambda: opens().save({"u1": seed()}))
    assert engine.secrets == {}


def test_engine_that_deletes_secrets_after_a_time_is_refused_at_the_first_write(engine, opens):
    engine.delete_after = "2026-12-01T00:00:00Z"
    assert "delete_version_after" in refusal(lambda: opens().announce(["u1"]))


def test_mount_that_is_not_there_is_named(opens, engine):
    assert "has nothing at team/kv (option engine_mount_point" in refusal(opens(engine_mount_point="team/kv").read)


def test_server_that_is_not_there_is_named_with_what_to_check(opens):
    text = refusal(opens(url="http://127.0.0.1:1").read)
    assert "127.0.0.1:1 cannot be reached (connection refused); check url, the network or proxy" in text
    assert "region" not in text


def test_outage_in_the_midst_of_a_write_is_an_error_and_the_seed_is_there_or_not(engine, opens):
    engine.fate = lambda method, path: "refused" if path.endswith("/000001") else None
    assert "cannot" in refusal(lambda: opens().save({"u1": seed()}))
    engine.fate = lambda _method, _path: None
    assert opens().read().seeds == {}


def test_page_of_a_proxy_in_the_place_of_the_engine_is_an_error(engine, opens, monkeypatch):
    monkeypatch.setattr(engine.server.RequestHandlerClass, "result", lambda *_given: (200, "<html>"))
    assert "as no KV engine of version 2 does: is url right?" in refusal(opens().read)


def test_certificate_that_is_not_trusted_is_said_to_be_that(engine, opens, tmp_path):
    certificate, key = write_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    engine.server.socket = context.wrap_socket(engine.server.socket, server_side=True)
    url = engine.url.replace("http:", "https:")
    assert "is not trusted (self-signed certificate)" in refusal(opens(url=url).read)
    assert opens(url=url, ca_path=certificate).read().seeds == {}
    assert opens(url=url, env={"VAULT_CACERT": certificate}).read().seeds == {}
    assert opens(url=url, validate_certs=False).read().seeds == {}
    assert opens(url=url, env={"VAULT_SKIP_VERIFY": "true"}).read().seeds == {}


# Who works with it


def test_login_by_approle_or_jwt_is_given_back(engine, opens):
    for options in (
        {"auth_method": "approle", "role_id": kv_engine.ROLE_ID, "secret_id": kv_engine.SECRET_ID + "\n"},
        {"auth_method": "jwt", "role_id": kv_engine.ROLE_ID, "jwt": kv_engine.JWT, "mount_point": "gitlab"},
    ):
        store = opens(**options)
        store.save({"u1": seed()})
        store.close()
    assert engine.revoked == ["hvs.login-1", "hvs.login-2"]
    assert [request for request in engine.requests if "login" in request] == ["POST auth/approle/login", "POST auth/gitlab/login"]


def test_token_of_a_login_that_has_ended_meanwhile_is_renewed(engine, opens):
    store = opens(auth_method="approle", role_id=kv_engine.ROLE_ID, secret_id=kv_engine.SECRET_ID)
    store.lock(OURS)
    store.read()
    engine.tokens.clear()
    store.save({"u1": seed()})
    assert engine.logins == 2


def test_login_that_is_refused_is_not_tried_again_to_give_its_token_back(engine, opens):
    store = opens(auth_method="approle", role_id=kv_engine.ROLE_ID, secret_id=kv_engine.SECRET_ID)
    store.read()
    engine.tokens.clear()
    engine.role_id = "another one"
    assert "refused the login" in refusal(store.read)
    logins = [request for request in engine.requests if "login" in request]
    store.close()
    assert [request for request in engine.requests if "login" in request] == logins
    assert len(logins) == 2 and engine.revoked == []


def test_login_that_is_refused_names_the_options(opens):
    text = refusal(opens(auth_method="approle", role_id="x", secret_id=kv_engine.JWT).read)
    assert "refused the login by approle at auth/approle (invalid role or secret ID): check role_id and secret_id" in text


def test_namespace_goes_with_every_call(engine, opens):
    opens(namespace="team-a", auth_method="approle", role_id=kv_engine.ROLE_ID, secret_id=kv_engine.SECRET_ID).save({"u1": seed()})
    assert engine.namespaces == {"team-a"}


def test_options_come_from_the_environment_under_the_names_of_other_tools_and_what_is_empty_is_not_set():
    env = {"ANSIBLE_HASHI_VAULT_ADDR": "", "VAULT_ADDR": "https://vault.example.com:8200/v1/", "VAULT_TOKEN": "t", "VAULT_NAMESPACE": "n"}
    found = kv_options({"url": "", "token": ""}, env)
    assert (found.url, found.token, found.namespace, found.option) == ("https://vault.example.com:8200", "t", "n", "VAULT_ADDR")
    assert kv_options({"token": "mine"}, env).token == "mine"
    assert "mine" not in repr(kv_options({"token": "mine"}, env))


VAULT = {"VAULT_ADDR": "https://vault.example.com", "VAULT_TOKEN": "of-vault", "VAULT_NAMESPACE": "team"}
BAO = {"BAO_ADDR": "https://bao.example.com", "BAO_TOKEN": "of-bao"}


@pytest.mark.parametrize(("options", "env", "url", "token", "namespace"), [
    ({}, {**VAULT, **BAO}, "https://vault.example.com", "of-vault", "team"),
    ({}, {**BAO, "VAULT_TOKEN": "of-vault", "VAULT_NAMESPACE": "team"}, "https://bao.example.com", "of-bao", ""),
    ({}, {**BAO, "BAO_NAMESPACE": "own", "ANSIBLE_HASHI_VAULT_TOKEN": "x"}, "https://bao.example.com", "of-bao", "own"),
    ({"token": "mine"}, {**BAO, "VAULT_NAMESPACE": "team"}, "https://bao.example.com", "mine", ""),
    # An option that names the address of a family takes what is beside it.
    ({"url": "https://bao.example.com/v1"}, {**VAULT, **BAO}, "https://bao.example.com", "of-bao", ""),
    ({"url": "https://vault.example.com:443/"}, {**VAULT, **BAO}, "https://vault.example.com", "of-vault", "team"),
    # One that names another host takes the only token there is, and what is beside that.
    ({"url": "https://c.example.com"}, VAULT, "https://c.example.com", "of-vault", "team"),
    ({"url": "https://c.example.com"}, {**BAO, "VAULT_ADDR": "https://vault.example.com", "VAULT_NAMESPACE": "team"},
     "https://c.example.com", "of-bao", ""),
    ({"url": "https://c.example.com", "token": "mine"}, {**VAULT, "BAO_TOKEN": "x"}, "https://c.example.com", "mine", "team"),
    ({"url": "https://c.example.com", "token": "mine"}, {"BAO_NAMESPACE": "own"}, "https://c.example.com", "mine", "own"),
])  # fmt: skip
def test_token_and_what_goes_with_it_come_from_the_family_of_the_address(options, env, url, token, namespace):
    found = kv_options(options, env)
    assert (found.url, found.token, found.namespace) == (url, token, namespace)


@pytest.mark.parametrize(("options", "env", "text"), [
    ({}, {**BAO, "VAULT_ADDR": "https://vault.example.com"},
     "token is missing: auth_method=token needs it (option token, or ANSIBLE_HASHI_VAULT_TOKEN or VAULT_TOKEN beside VAULT_ADDR)."),
    ({}, {"BAO_ADDR": "https://bao.example.com", "VAULT_TOKEN": "of-vault"}, "needs it (option token, or BAO_TOKEN beside BAO_ADDR)."),
    ({"url": "https://bao.example.com"}, {**VAULT, "BAO_ADDR": "https://bao.example.com"}, "(option token, or BAO_TOKEN beside BAO_ADDR)."),
    ({"auth_method": "approle"}, {**BAO, "ANSIBLE_HASHI_VAULT_ROLE_ID": "r", "ANSIBLE_HASHI_VAULT_SECRET_ID": "s"},
     "role_id is missing: auth_method=approle needs it (option role_id)."),
    ({"url": "https://c.example.com"}, {**VAULT, **BAO},
     "token is missing: VAULT_TOKEN and BAO_TOKEN are both set, and neither is beside the address that url names."),
    ({}, {**BAO, "VAULT_CACERT": "/nowhere.pem", "BAO_CACERT": "/nowhere-else.pem"}, "BAO_CACERT names no file"),
])  # fmt: skip
def test_token_of_one_family_never_goes_to_the_server_of_another(options, env, text):
    assert text in refusal(lambda: kv_options(options, env))


def test_certificates_of_one_family_count_for_its_own_server():
    env = {**BAO, "VAULT_SKIP_VERIFY": "true", "VAULT_CACERT": "/nowhere.pem"}
    assert kv_options({}, env).http.verify is True
    assert kv_options({}, {**BAO, "BAO_SKIP_VERIFY": "true"}).http.verify is False


@pytest.mark.parametrize(("options", "text"), [
    ({"url": ""}, "url is missing"),
    ({"url": "http://vault.example.com"}, "url must be https for vault.example.com"),
    ({"url": "vault"}, "url must be a URL such as https://vault.example.com:8200"),
    ({"token": ""}, "token is missing: auth_method=token needs it"),
    ({"token": "a\nb"}, "token holds a line break"),
    ({"auth_method": "ldap"}, "auth_method must be one of token, approle, jwt."),
    ({"auth_method": "approle", "role_id": "r"}, "secret_id is missing"),
    ({"engine_mount_point": "/"}, "engine_mount_point must be names between slashes"),
    ({"path": "a/../b"}, "path must be names between slashes"),
    ({"timeout": 0}, "timeout must be more than 0"),
    ({"ca_path": "/nowhere.pem"}, "ca_path names no file or directory"),
    ({"ca_path": "/", "validate_certs": False}, "ca_path has no effect"),
])  # fmt: skip
def test_option_that_cannot_work_is_named(options, text):
    given_options = {"url": "https://vault.example.com", "token": "t", **options}
    assert text in refusal(lambda: kv_options(given_options, {}))
    assert text.split()[0] in refusal(lambda: kv_options(given_options, {}))


def test_variable_that_is_neither_true_nor_false_is_named():
    assert "VAULT_SKIP_VERIFY is neither" in refusal(lambda: kv_options({"url": "https://v", "token": "t"}, {"VAULT_SKIP_VERIFY": "maybe"}))
