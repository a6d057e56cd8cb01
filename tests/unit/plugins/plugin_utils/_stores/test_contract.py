# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every seed store promises, whatever it lies on: a store is one more factory in ``STORES``."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from dataclasses import replace

import pytest
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.csms import Csms
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.csms_options import csms_options
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.hashi_vault import HashiVault
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.kv_options import kv_options
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.lock import Owner
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.store import StoredSeed, StoreError, check_account, entry_of
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.vault_files import VaultFiles
from ansible_collections.hwc.mfa.tests.unit import csms_service, kv_engine

SEED = "JBSWY3DPEHPK3PXP"
OURS = Owner.of_process(os.getpid(), "acme-1")
OTHER = replace(OURS, inventory_host="acme-2", host="elsewhere.example")
"""A run of which nobody here can see whether it lives."""


@contextmanager
def vault_files(place):
    """Encrypted files."""
    yield lambda account: VaultFiles(str(place / "seeds"), account, "open sesame")


@contextmanager
def hashi_vault(_place):
    """An engine of this test's own."""
    with kv_engine.running() as engine:
        stores = []

        def opened(account):
            stores.append(HashiVault(kv_options({"url": engine.url, "token": kv_engine.TOKEN}, {}), account))
            return stores[-1]

        yield opened
        for store in stores:
            store.close()


@contextmanager
def csms(_place):
    """A service of this test's own."""
    with csms_service.running() as service:
        stores = []

        def opened(account):
            stores.append(Csms(csms_options(service.options, {}), account))
            return stores[-1]

        yield opened
        for store in stores:
            store.close()


STORES = {"vault files": vault_files, "hashi vault": hashi_vault, "csms": csms}
"""Each takes a directory of the test, and gives what opens the store of an account anew, as the next task of a play would."""


@pytest.fixture(params=STORES.values(), ids=STORES)
def opened(request, tmp_path):
    """Opens the store of an account."""
    with request.param(tmp_path) as opens_one:
        yield opens_one


@pytest.fixture
def opens(opened):
    """Opens the store of one account anew."""
    return lambda: opened("acme")


@pytest.fixture
def run(opens):
    """A task of a run that has the lock and has read the store, and that opens the store anew each time."""
    opens().lock(OURS)

    def task(owner=OURS, read=False):
        store = opens()
        store.guard(owner)
        if read:
            store.read()
        return store

    task(read=True)
    return task


def seed(number=1, **more):
    return StoredSeed(f"serial-{number}", SEED, f"name {number}", **more)


# Writing and reading


def test_store_that_nobody_has_written_to_is_empty(opens):
    contents = opens().read()
    assert (contents.seeds, contents.entries, contents.intents, contents.account_id) == ({}, {}, {}, None)


def test_what_is_stored_is_read_back_by_the_next_task(opens):
    seeds = {
        "u1": seed(1),
        "123456": seed(2, bound=True),
        "yes": seed(3, bound=True, proven=True),
        "u4": StoredSeed("004", "234567", ""),
        "u5": seed(5, before={"enabled": True, "verification_method": "sms"}),
        "u6": seed(6, bound=True, before={"enabled": False, "verification_method": "none"}),
        "ünï ☃: - 'q'": StoredSeed("{{ x }}", SEED, "ünï\n☃\u2028: - 'q' {{ y }}"),
    }
    opens().save(seeds)
    assert opens().read().seeds == {user_id: {one.serial_number: one} for user_id, one in seeds.items()}


def test_everything_that_was_stored_is_listed_in_one_reading(opens):
    for number in range(5):
        opens().save({f"u{number}": seed(number), f"v{number}": seed(number, bound=True)})
    contents = opens().read()
    assert sorted(contents.seeds) == sorted([*(f"u{number}" for number in range(5)), *(f"v{number}" for number in range(5))])
    assert contents.entries["v3"] == {"serial_number": "serial-3", "seed": SEED, "name": "name 3", "bound": True}


def test_accounts_do_not_see_each_others_seeds(opened):
    opened("acme").save({"u1": seed(1)})
    opened("other").announce(["u2"])
    assert opened("acme").read().intents == {}
    assert opened("other").read().seeds == {}


def test_no_secret_shows_in_what_a_store_says_of_itself(opens):
    opens().save({"u1": seed()})
    store = opens()
    assert SEED not in repr(store.read())
    for secret in ("sesame", kv_engine.TOKEN, csms_service.SECRET_KEY):
        assert secret not in repr(store) + str({name: value for name, value in vars(store).items() if name != "_vault"})


# What counts


def test_announcement_never_hides_a_seed(opens):
    opens().save({"u1": seed(1)})
    opens().announce(["u1", "u2"])
    contents = opens().read()
    assert contents.entries == {"u1": seed(1).as_entry()}
    assert list(contents.intents) == ["u1", "u2"]


def test_announcement_ends_with_the_seed_that_comes_after_it(opens):
    opens().announce(["u1", "u2"])
    opens().save({"u1": seed(1)})
    assert list(opens().read().intents) == ["u2"]


def test_announcement_that_was_withdrawn_is_gone_and_no_seed_with_it(opens):
    opens().save({"u1": seed(1)})
    opens().announce(["u1", "u2", "u3"])
    opens().withdraw(["u1", "u2"])
    contents = opens().read()
    assert list(contents.intents) == ["u3"]
    assert contents.entries == {"u1": seed(1).as_entry()}


def test_announcement_can_be_made_again(opens):
    opens().announce(["u1"])
    opens().withdraw(["u1"])
    opens().announce(["u1"])
    assert list(opens().read().intents) == ["u1"]


def test_seed_counts_until_its_device_is_gone(opens):
    opens().save({"u1": seed(1), "u2": seed(2)})
    opens().save({"u1": seed(3)})
    opens().announce(["u1"])
    opens().withdraw(["u1"])
    assert opens().read().newest_first("u1") == [seed(3), seed(1)]
    opens().remove(["u1"])
    contents = opens().read()
    assert (contents.newest_first("u1"), contents.intents) == ([], {})
    assert contents.entries == {"u2": seed(2).as_entry()}


def test_seed_that_is_stored_after_a_removal_counts(opens):
    opens().save({"u1": seed(1)})
    opens().remove(["u1"])
    opens().save({"u1": seed(2)})
    assert opens().read().newest_first("u1") == [seed(2)]


def test_announced_device_that_is_gone_is_no_longer_announced(opens):
    opens().announce(["u1"])
    opens().remove(["u1"])
    assert opens().read().intents == {}


def test_what_is_certain_of_a_device_is_what_was_stored_last(opens):
    for certain in ({}, {"bound": True}, {"bound": True, "proven": True}, {}):
        opens().save({"u1": seed(1, **certain)})
        assert opens().read().newest_first("u1") == [seed(1, **certain)]


def test_users_devices_are_told_apart_by_their_serials_and_the_newest_comes_first(opens):
    for one in (seed(1), seed(2), seed(1, bound=True)):
        opens().save({"u1": one})
    contents = opens().read()
    assert contents.newest_first("u1") == [seed(1, bound=True), seed(2)]
    assert contents.entries["u1"] == entry_of([seed(1, bound=True), seed(2)])


# Whose turn it is


WRITES = {
    "announce": lambda store: store.announce(["u9"], "account-1"),
    "save": lambda store: store.save({"u9": seed(9)}),
    "withdraw": lambda store: store.withdraw(["u9"]),
    "remove": lambda store: store.remove(["u9"]),
}


@pytest.fixture(params=WRITES.values(), ids=WRITES)
def write(request):
    """A way to write."""
    return request.param


def test_run_that_has_the_lock_can_write_in_every_way_one_after_the_other(run):
    for write_next in WRITES.values():
        write_next(run())
    store = run()
    for write_next in WRITES.values():
        write_next(store)


def test_second_of_two_writers_is_refused_in_words_and_what_the_first_has_stored_stays(opens, run, write):
    second = run()
    opens().save({"u1": seed(1)})  # whoever came between, without a lock
    with pytest.raises(StoreError, match="another run has written"):
        write(second)
    with pytest.raises(StoreError, match="another run has written"):
        write(run())
    assert opens().read().seeds == {"u1": {"serial-1": seed(1)}}
    write(run(read=True))


def test_run_that_never_read_is_refused(opens, write):
    opens().save({"u1": seed(1)})
    store = opens()
    store.lock(OURS)
    with pytest.raises(StoreError, match="this run has not read"):
        write(store)


def test_lock_keeps_others_away_until_it_is_given_back(opens, run):
    for refused in (lambda: opens().lock(OTHER), lambda: opens().guard(OTHER), lambda: opens().refuse_others(OTHER)):
        with pytest.raises(StoreError, match="another run is at work on this account"):
            refused()
    opens().unlock(OTHER)
    with pytest.raises(StoreError, match="another run is at work on this account"):
        opens().lock(OTHER)
    opens().unlock(OURS)
    opens().lock(OTHER)
    with pytest.raises(StoreError, match=r"elsewhere\.example"):
        run()


def test_lock_of_one_account_keeps_nobody_from_another(opened):
    opened("acme").lock(OURS)
    opened("other").lock(OTHER)


def test_run_may_take_its_own_lock_again(opens):
    opens().lock(OURS)
    opens().lock(OURS)
    opens().guard(OURS)
    opens().refuse_others(OURS)


def test_write_without_a_lock_is_refused_while_another_run_has_one(opens, run):
    with pytest.raises(StoreError, match="another run is at work on this account"):
        opens().refuse_others(OTHER)
    opens().unlock(OURS)
    opens().refuse_others(OTHER)


def test_guarded_write_is_refused_where_the_lock_was_never_taken(opens):
    with pytest.raises(StoreError):
        opens().guard(OURS)
    assert opens().read().seeds == {}
    opens().save({"u1": seed(1)})
    with pytest.raises(StoreError, match="lost its lock"):
        opens().guard(OURS)


def test_run_whose_lock_was_given_to_another_one_cannot_write(opens, run, write):
    late = run()
    opens().unlock(OURS)
    opens().lock(OTHER)
    with pytest.raises(StoreError, match="another run is at work on this account"):
        write(late)
    opens().unlock(OTHER)
    with pytest.raises(StoreError, match="lost its lock"):
        write(late)
    assert opens().read().seeds == {}


# Whose account it is


def test_store_belongs_to_the_account_that_was_announced_and_others_are_refused(opens):
    opens().announce(["u1"], "account-1")
    opens().save({"u1": seed(1)})
    known = opens().read().account_id
    assert known == opens().account_id() == "account-1"
    check_account(known, "account-1", "acme")
    with pytest.raises(
        StoreError, match=r"it belongs to the account with the id account-1, and these credentials reach account-2\. Give the account acme"
    ):
        check_account(known, "account-2", "acme")


def test_store_itself_refuses_an_announcement_for_another_account(opens):
    opens().announce(["u1"], "account-1")
    with pytest.raises(StoreError, match="it belongs to the account with the id account-1"):
        opens().announce(["u2"], "account-2")
    found = opens().read()
    assert (list(found.intents), found.account_id) == (["u1"], "account-1")
    opens().announce(["u2"])
    assert list(opens().read().intents) == ["u1", "u2"]


@pytest.mark.parametrize(
    ("known", "reached"), [(None, "account-2"), ("", "account-2"), ("account-1", None), ("account-1", ""), (None, None)]
)
def test_account_that_nobody_knows_is_refused_nothing(known, reached):
    check_account(known, reached, "acme")


def test_account_in_an_error_is_one_line():
    with pytest.raises(StoreError) as caught:
        check_account("a\nb\x1b[2J", "c\u2028d" * 100, "e\nf")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600


# How much it takes


def test_ten_thousand_users_are_stored_and_read_in_seconds(opens, run):
    begun_at = time.monotonic()
    ids = [f"{number:032x}" for number in range(10_000)]
    run().announce(ids, "account-1")
    run().save({user_id: seed(number) for number, user_id in enumerate(ids)})
    run().save({user_id: seed(number, bound=True) for number, user_id in enumerate(ids[:1000])})
    run().remove(ids[9000:])
    contents = run(read=True).read()
    assert len(contents.seeds) == 9000
    assert contents.newest_first(ids[999]) == [seed(999, bound=True)]
    assert contents.newest_first(ids[1000]) == [seed(1000)]
    assert contents.intents == {}
    assert time.monotonic() - begun_at < 60
