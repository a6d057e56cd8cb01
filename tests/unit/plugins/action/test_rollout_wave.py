# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes on beside a phase of a wave: the store's lock is held for longer, and its loss is noticed."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace

import pytest
from ansible_collections.hwc.mfa.plugins.action import rollout_wave
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.progress import Progress
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.chosen import chosen_store, kept_lock
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.lock import LEASE, Owner, StoreLock
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.store import StoreError
from ansible_collections.hwc.mfa.tests.unit import kv_engine

OURS = Owner.of_process(os.getpid(), "acme")
PATIENCE = 20.0
"""Seconds that a busy machine may take for what lasts a moment."""


@pytest.fixture(autouse=True)
def haste(monkeypatch):
    monkeypatch.setattr(rollout_wave, "RENEWAL", 0.05)
    monkeypatch.setattr(rollout_wave, "_TICK", 0.01)


@pytest.fixture
def lock(tmp_path):
    ours = StoreLock(tmp_path, OURS)
    assert ours.acquire() is None
    return ours


def until(lock):
    return json.loads(lock.path.read_bytes())["until"]


def age(lock):
    """Make the lock one that nobody has renewed for almost its whole lease."""
    document = json.loads(lock.path.read_bytes())
    beside = lock.path.with_name("beside")
    beside.write_text(json.dumps({**document, "until": time.time() + 1}), encoding="utf-8")
    beside.replace(lock.path)


def eventually(what):
    end = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < end
        time.sleep(0.01)


def heart(lock):
    return rollout_wave._heart(lock, Progress("acme", lambda _line: None))


def test_lock_is_held_for_longer_again_and_again_while_a_phase_works(lock):
    with heart(lock) as lost:
        for _renewal in range(3):
            age(lock)
            eventually(lambda: until(lock) > time.time() + LEASE / 2)
        assert lost() is None
    age(lock)
    time.sleep(0.2)
    assert until(lock) < time.time() + LEASE / 2, "and no longer"


def test_lock_that_somebody_else_has_taken_is_lost_and_left_to_them(lock):
    theirs = replace(OURS, host="elsewhere.example")
    with heart(lock) as lost:
        assert lost() is None
        lock.path.unlink()
        assert StoreLock(lock.path.parent, theirs).acquire() is None
        eventually(lost)
        assert "on elsewhere.example" in lost()
    assert json.loads(lock.path.read_bytes())["owner"]["host"] == "elsewhere.example"


def test_lock_that_was_removed_is_lost_and_not_taken_anew(lock):
    with heart(lock) as lost:
        lock.path.unlink()
        eventually(lost)
        assert "this run has lost its lock" in lost()
    assert not lock.path.exists()


def test_disk_that_fails_for_a_while_loses_nothing(lock, monkeypatch):
    failures = []
    hold = StoreLock.hold

    def fail(_self):
        failures.append(1)
        raise OSError("the share is away")

    with heart(lock) as lost:
        monkeypatch.setattr(StoreLock, "hold", fail)
        eventually(lambda: len(failures) >= 3)
        age(lock)
        monkeypatch.setattr(StoreLock, "hold", hold)
        eventually(lambda: until(lock) > time.time() + LEASE / 2)
        assert lost() is None


def test_lock_that_could_not_be_renewed_for_its_whole_lease_is_lost(lock, monkeypatch):
    def fail(_self):
        raise StoreError("vault.example.com is sealed: unseal it, and run again.")

    monkeypatch.setattr(rollout_wave, "LEASE", 0.3)
    with heart(lock) as lost:
        monkeypatch.setattr(StoreLock, "hold", fail)
        assert lost() is None
        eventually(lost)
        assert "could not be renewed for" in lost() and "is sealed" in lost()


def test_lock_of_a_kv_engine_is_held_by_the_options_of_the_store():
    with kv_engine.running() as engine:
        options = {"type": "hashi_vault", "hashi_vault": {"url": engine.url}}
        env = {"VAULT_TOKEN": kv_engine.TOKEN}
        chosen_store({**options, "directory": None, "password": None}, "acme", env).lock(OURS)
        with kept_lock(options, "acme", OURS, env) as lock, heart(lock) as lost:
            for _renewal in range(2):
                engine.newest("mfa/acme/.lock")["until"] = 5.0
                eventually(lambda: engine.newest("mfa/acme/.lock")["until"] > time.time())
            engine.newest("mfa/acme/.lock")["owner"]["host"] = "elsewhere.example"
            eventually(lost)
            assert "on elsewhere.example" in lost()


@pytest.mark.parametrize(("handle", "text"), [
    ({"type": "hashi_vault", "vault": {}}, "vault"),
    ({"type": "hashi_vault", "hashi_vault": {"token": "t"}}, "url is missing"),
    ({"type": "ansible_vault"}, "directory is missing"),
])  # fmt: skip
def test_options_of_a_lock_that_cannot_work_are_named(handle, text):
    with pytest.raises(StoreError, match=text), kept_lock(handle, "acme", OURS, {}):
        pass


def test_phase_without_a_store_has_nothing_to_lose():
    with rollout_wave._heart(None, Progress("acme", lambda _line: None)) as lost:
        time.sleep(0.1)
        assert lost() is None
