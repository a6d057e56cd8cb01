# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action seed_store as the role's tasks call it, one after the other."""

from __future__ import annotations

import os

import pytest
from ansible_collections.hwc.mfa.plugins.action import seed_store
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.control_node import WorkError
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.packing import unpack
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.lock import Owner
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.vault_files import VaultFiles

SEED = "JBSWY3DPEHPK3PXP"
DEFAULTS = {
    **dict.fromkeys(("account_id", "entries", "intends", "withdraws", "removes", "lock")),
    **{
        "type": "ansible_vault",
        "hashi_vault": None,
        "csms": None,
        "account": "acme",
        "password": "open sesame",
        "read": True,
        "packed": False,
    },
}
WRITES = [
    {"intends": ["u9"]},
    {"entries": {"u9": {"serial_number": "s9", "seed": SEED, "name": ""}}},
    {"withdraws": ["u1"]},
    {"removes": ["u1"]},
]


def entry(number=1, **more):
    return {"serial_number": f"serial-{number}", "seed": SEED, "name": f"name {number}", **more}


@pytest.fixture
def task(tmp_path):
    """Runs the action with these options, for a host of the play."""

    def work(host="acme-1", check_mode=False, **options):
        action = seed_store.ActionModule(task=None, connection=None, play_context=None, loader=None, templar=None, shared_loader_obj=None)
        action._host = host
        return action.work({**DEFAULTS, "directory": str(tmp_path / "seeds"), **options}, check_mode)

    return work


@pytest.fixture
def elsewhere(tmp_path):
    """A run on another machine has the lock."""
    VaultFiles(str(tmp_path / "seeds"), "acme", "open sesame").lock(Owner("elsewhere.example", 1, "1"))


def files(tmp_path):
    return sorted(path.name for path in (tmp_path / "seeds" / "acme").iterdir() if path.name != ".lock")


def test_tasks_of_a_wave_say_what_the_store_has_by_now(task, tmp_path):
    assert task(lock="acquire", read=False)["lock"] == str(tmp_path / "seeds" / "acme")
    loaded = task(lock="held", packed=True, account_id="account-1")
    assert (unpack(loaded["entries_packed"]), loaded["intents"]) == ({}, [])
    announced = task(lock="held", read=False, intends=["u1", "u2"], account_id="account-1")
    assert announced["announced"] == ["u1", "u2"]
    saved = task(lock="held", read=False, entries={"u1": entry()})
    assert saved["shown"] == {"u1": entry()}
    assert saved["_ansible_no_log"]
    task(lock="held", read=False, withdraws=["u2"])
    task(lock="release", read=False)
    assert not (tmp_path / "seeds" / "acme" / ".lock").exists()
    read = task()
    assert (read["entries"], read["intents"], read["changed"], read["files"]) == ({"u1": entry()}, [], False, [])
    assert read["_ansible_no_log"]


def test_what_is_stored_already_is_not_written_again(task, tmp_path):
    options = {"entries": {"u1": entry()}, "intends": ["u2"]}
    assert task(**options)["changed"]
    again = task(**options, withdraws=["u3"], removes=["u3"])
    assert (again["changed"], again["files"], again["announced"]) == (False, [], ["u2"])
    assert again["shown"] == {"u1": entry()}
    assert files(tmp_path) == ["000001.json", "000002.yml"]


@pytest.mark.parametrize("options", [*WRITES, {"lock": "acquire", "read": False}, {"lock": "held"}])
def test_check_mode_refuses_a_directory_that_a_real_run_would(task, tmp_path, options):
    (tmp_path / "seeds" / "acme").mkdir(parents=True)
    (tmp_path / "seeds" / "acme").chmod(0o777)
    with pytest.raises(WorkError, match="can be written by others"):
        task(check_mode=True, **options)
    # Who only reads may.
    task(check_mode=True)
    assert files(tmp_path) == []


def test_seed_of_an_earlier_device_that_counts_again_is_written_again(task):
    for number in (1, 2):
        task(entries={"u1": entry(number)})
    assert task(entries={"u1": entry(1)})["changed"]
    assert task()["entries"] == {"u1": {**entry(1), "earlier": [entry(2)]}}


@pytest.mark.parametrize("read", [True, False])
def test_seed_stored_beside_the_removal_of_its_user_is_there_however_often_the_task_runs(task, read):
    task(entries={"u1": entry(1)}, intends=["u2"])
    for _each_run in range(3):
        written = task(read=read, removes=["u1", "u2"], entries={"u1": entry(2), "u2": entry(3)})
        assert written["shown"] == {"u1": entry(2), "u2": entry(3)}
        kept = task()
        assert (kept["entries"], kept["intents"]) == ({"u1": entry(2), "u2": entry(3)}, [])


@pytest.mark.parametrize("check_mode", [True, False])
def test_removal_and_a_seed_of_one_user_change_nothing_where_that_is_so_already(task, tmp_path, check_mode):
    task(entries={"u1": entry(1)})
    task(removes=["u1"], entries={"u1": entry(2)})
    before = files(tmp_path)
    again = task(removes=["u1"], entries={"u1": entry(2)}, check_mode=check_mode)
    assert (again["changed"], again["files"], files(tmp_path)) == (False, [], before)


@pytest.mark.parametrize("read", [True, False])
@pytest.mark.parametrize("other", ["removes", "withdraws"])
def test_announcement_in_the_same_task_outlives_what_was_before_it(task, other, read):
    task(entries={"u1": entry()}, intends=["u2"])
    for _each_run in range(3):
        assert task(read=read, intends=["u1", "u2"], **{other: ["u1", "u2"]})["announced"] == ["u1", "u2"]
        assert sorted(task()["intents"]) == ["u1", "u2"]


def test_entry_of_a_result_can_be_stored_as_it_is(task):
    for number in (1, 2):
        task(entries={"u1": entry(number, bound=True)})
    assert not task(entries=task()["entries"])["changed"]


def test_check_mode_writes_and_locks_nothing(task, tmp_path):
    for options in ({"lock": "acquire"}, {"lock": "held"}, {"intends": ["u1"]}, {"entries": {"u1": entry()}}, {"lock": "release"}):
        result = task(check_mode=True, **options)
        assert "announced" not in result and "shown" not in result
        assert result["changed"] == ("lock" not in options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("options", [{}, {"read": False}, {"lock": "acquire"}])
def test_store_of_another_account_is_refused_before_anything_is_written(task, tmp_path, options):
    task(intends=["u1"], account_id="account-1")
    with pytest.raises(
        WorkError, match="The seed store: it belongs to the account with the id account-1, and these credentials reach account-2"
    ):
        task(intends=["u2"], entries={"u1": entry()}, account_id="account-2", **options)
    assert files(tmp_path) == ["000001.json"]


@pytest.mark.parametrize("lock", [None, "held", "release"])
@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("read", [True, False])
def test_nothing_is_written_while_another_run_has_the_lock(task, tmp_path, elsewhere, lock, write, read):
    with pytest.raises(WorkError, match="another run is at work on this account"):
        task(lock=lock, read=read, **write)
    assert files(tmp_path) == []


@pytest.mark.parametrize("options", [*WRITES, {"lock": "acquire", "read": False}, {"lock": "held"}])
def test_check_mode_says_that_another_run_has_the_lock(task, tmp_path, elsewhere, options):
    lock = tmp_path / "seeds" / "acme" / ".lock"
    before = lock.read_bytes()
    with pytest.raises(WorkError, match="another run is at work on this account"):
        task(check_mode=True, **options)
    assert lock.read_bytes() == before


def test_store_can_be_read_while_another_run_has_the_lock(task, elsewhere):
    assert task()["entries"] == {}
    assert task(read=False)["changed"] is False


def test_giving_back_what_another_run_has_is_no_error_and_changes_nothing(task, elsewhere):
    task(lock="release")
    task(lock="release", read=False)
    with pytest.raises(WorkError, match="another run is at work on this account"):
        task(lock="acquire")


def test_giving_back_a_lock_in_a_store_that_is_not_there_is_no_error(task):
    assert task(lock="release")["changed"] is False


def test_last_writes_of_a_run_and_giving_back_are_one_task(task, tmp_path):
    task(lock="acquire")
    task(lock="release", entries={"u1": entry()})
    assert not (tmp_path / "seeds" / "acme" / ".lock").exists()
    assert task()["entries"] == {"u1": entry()}


def test_run_that_has_lost_its_lock_writes_nothing_more(task, tmp_path):
    task(lock="acquire")
    os.unlink(tmp_path / "seeds" / "acme" / ".lock")
    for lock in ("held", "release"):
        with pytest.raises(WorkError, match="this run has lost its lock"):
            task(lock=lock, read=False, entries={"u1": entry()})
    assert files(tmp_path) == []


def test_two_hosts_of_one_play_are_kept_apart(task):
    task(host="berlin", lock="acquire")
    refusal = "host berlin of this play is at work on this account, or on another one of the same name"
    for options in ({"lock": "acquire"}, {"lock": "held"}, {"intends": ["u1"]}):
        with pytest.raises(WorkError, match=refusal):
            task(host="bonn", **options)
    task(host="berlin", lock="held", intends=["u1"])
