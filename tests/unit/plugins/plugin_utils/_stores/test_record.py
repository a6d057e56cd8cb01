# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import stat
import tempfile
from pathlib import Path

import pytest
from ansible_collections.hwc.mfa.plugins.action import rollout_record
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.control_node import WorkError
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.packing import pack, unpack
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.account_file import AccountFileError
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.record import RolloutRecord
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.store import StoredSeed
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.vault_files import VaultFiles

OFF = {"enabled": False, "verification_method": "none"}
SMS = {"enabled": True, "verification_method": "sms"}


def record(directory, account="acme"):
    return RolloutRecord(str(directory), account)


def protected(strategy="require", before=None, name="ada"):
    return {"strategy": strategy, "name": name, "before": before or OFF}


def test_record_that_is_not_there_is_empty_and_reading_makes_nothing(tmp_path):
    assert record(tmp_path / "none").read() == {}
    assert list(tmp_path.iterdir()) == []


def test_what_is_added_is_read_back_until_it_is_dropped(tmp_path):
    assert record(tmp_path).change({"u1": protected(), "u2": protected()}, [], False) == ({"u1": protected(), "u2": protected()}, True)
    assert record(tmp_path).read() == {"u1": protected(), "u2": protected()}
    assert record(tmp_path).change({}, ["u1", "u9"], False) == ({"u2": protected()}, True)
    assert record(tmp_path).read() == {"u2": protected()}


def test_nothing_is_written_where_nothing_changes(tmp_path):
    record(tmp_path).change({"u1": protected()}, [], False)
    before = (tmp_path / "acme.record.json").stat().st_ino
    assert record(tmp_path).change({"u1": protected()}, ["u9"], False) == ({"u1": protected()}, False)
    assert (tmp_path / "acme.record.json").stat().st_ino == before
    assert record(tmp_path / "none").change({}, [], False) == ({}, False)
    assert not (tmp_path / "none").exists()


def test_check_mode_says_what_would_change_and_writes_nothing(tmp_path):
    assert record(tmp_path / "none").change({"u1": protected()}, [], True) == ({"u1": protected()}, True)
    assert list(tmp_path.iterdir()) == []


def test_protection_before_the_first_rollout_is_what_stays_recorded(tmp_path):
    record(tmp_path).change({"u1": protected(before=SMS)}, [], False)
    after, _changed = record(tmp_path).change({"u1": protected(before=OFF)}, [], False)
    assert after["u1"]["before"] == SMS


def test_strategy_that_protects_a_user_anew_is_the_one_that_is_recorded(tmp_path):
    # A run of the other strategy may have been recorded and come to nothing. Only what protected last can take it back.
    record(tmp_path).change({"u1": protected("require", SMS)}, [], False)
    after, changed = record(tmp_path).change({"u1": protected("enrol", OFF)}, [], False)
    assert (after, changed) == ({"u1": protected("enrol", SMS)}, True)


def test_record_is_its_owners_alone_and_holds_a_readable_name(tmp_path):
    record(tmp_path / "new").change({"u1": protected(name="ünï\n\u202e")}, [], False)
    path = tmp_path / "new" / "acme.record.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert "ünï\\n\\u202e" in path.read_text(encoding="utf-8")


def test_accounts_have_records_of_their_own(tmp_path):
    record(tmp_path, "acme").change({"u1": protected()}, [], False)
    assert record(tmp_path, "acme/2").read() == {}


def test_record_in_a_store_lies_beside_the_seeds_and_is_none_of_their_files(tmp_path):
    seeds = VaultFiles(str(tmp_path), "acme", "open sesame")
    seeds.save({"u1": StoredSeed("s", "JBSWY3DPEHPK3PXP", "n")})
    RolloutRecord(str(tmp_path), "acme", in_store=True).change({"u1": protected()}, [], False)
    assert RolloutRecord(str(tmp_path), "acme", in_store=True).read() == {"u1": protected()}
    assert sorted(path.name for path in (tmp_path / "acme").iterdir()) == [".record.json", "000001.yml"]
    assert stat.S_IMODE((tmp_path / "acme" / ".record.json").stat().st_mode) == 0o600
    assert list(seeds.read().seeds) == ["u1"]
    assert record(tmp_path).read() == {}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        "null",
        '{"protected": []}',
        '{"protected": {"u1": 5}}',
        '{"protected": {"u1": {"strategy": "require"}}}',
        '{"protected": {"u1": {"strategy": 5, "before": {}}}}',
        '{"protected": {"u1": {"strategy": "enrol", "before": []}}}',
        "[" * 100_000,
        "\xff",
    ],
)
def test_file_that_is_no_record_is_an_error_and_not_overwritten(tmp_path, content):
    path = tmp_path / "acme.record.json"
    path.write_text(content, encoding="latin-1")
    for work in (record(tmp_path).read, lambda: record(tmp_path).change({"u1": protected()}, [], False)):
        with pytest.raises(AccountFileError, match=r"acme\.record\.json is not a record of this role"):
            work()
    assert path.read_text(encoding="latin-1") == content


def test_pipe_in_the_place_of_a_record_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "acme.record.json")
    with pytest.raises(AccountFileError, match="cannot be read: it is no file"):
        record(tmp_path).read()


def test_record_that_may_not_be_read_is_to_be_opened_and_not_moved_away():
    root = os.geteuid() == 0
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        path = Path(folder) / "acme.record.json"
        path.write_text('{"protected": {}}', encoding="utf-8")
        path.chmod(0)
        if root:
            os.setresuid(65534, 65534, 0)
        try:
            with pytest.raises(AccountFileError) as caught:
                record(folder).probe()
        finally:
            if root:
                os.setresuid(0, 0, 0)
    assert str(caught.value) == f"{path} cannot be read: Permission denied. Let the user who runs Ansible read it."


def test_directory_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(AccountFileError, match=r"file/acme\.record\.json cannot be read|file.* cannot be written"):
        record(tmp_path / "file").change({"u1": protected()}, [], False)


@pytest.mark.parametrize("account", ["", ".", "../x", "\ud800"])
def test_account_that_would_name_another_file_is_refused(tmp_path, account):
    with pytest.raises(AccountFileError, match="account"):
        record(tmp_path, account)


# What the role records of a wave


def entry(user_id="u1", steps=("protect",), protection=None):
    return {
        "user_id": user_id,
        "name": f"name-{user_id}",
        "device_name": None,
        "steps": list(steps),
        "serial_number": None,
        "intended": False,
        "leftover": None,
        "unbind": False,
        "protection": protection or OFF,
        "replaced": {},
        "restore": {},
        "index": 0,
    }


@pytest.fixture
def change(tmp_path):
    """Runs the action."""

    def work(entries, failures=None, done=False, strategy="enrol", check_mode=False, audit=None, lifted=False, kept=False):
        action = rollout_record.ActionModule(
            task=None, connection=None, play_context=None, loader=None, templar=None, shared_loader_obj=None
        )
        options = {
            "directory": str(tmp_path),
            "account": "acme",
            "in_store": False,
            "strategy": strategy,
            "entries": entries,
            "failures": failures,
            "done": done,
            "audit": audit,
        }
        result = action.work(options, check_mode)
        if kept:
            return result["kept"], result["changed"]
        return unpack(result["lifted_packed" if lifted else "protected_packed"]), result["changed"]

    return work


def failure(step, done=(), user_id="u1"):
    return {"user_id": user_id, "name": "n", "failed": True, "step": step, "done": list(done), "msg": "no"}


NEW = ("create", "bind", "protect")


def test_users_are_recorded_before_they_are_protected_with_what_they_had(change):
    assert change([entry(protection=SMS), entry("u2", ["create", "bind"])]) == (
        {"u1": {"strategy": "enrol", "name": "name-u1", "before": SMS}},
        True,
    )


def test_wave_is_taken_packed_too(change):
    recorded, _changed = change({"entries_packed": pack([entry()])}["entries_packed"])
    assert list(recorded) == ["u1"]


@pytest.mark.parametrize("step", ["create", "store", "bind"])
def test_user_to_whom_nothing_was_sent_is_not_recorded_any_more(change, step):
    change([entry(steps=NEW)])
    assert change([entry(steps=NEW)], [failure(step)], done=True) == ({}, True)


@pytest.mark.parametrize("step", ["protect", "verify", "prove"])
def test_user_who_may_be_protected_after_all_stays_recorded(change, step):
    change([entry(steps=NEW)])
    assert change([entry(steps=NEW)], [failure(step, NEW[:2])], done=True)[0].keys() == {"u1"}


def test_user_for_whom_all_went_well_stays_recorded(change):
    change([entry()])
    assert change([entry()], [], done=True)[1] is False


def test_record_of_a_user_ends_when_the_cloud_shows_that_protection_is_lifted(change):
    users = ("u1", "u2", "u3", "u4")
    change([entry(user_id) for user_id in users])
    back = [entry(user_id, ["unprotect", "remove"]) for user_id in users]
    assert change(back)[1] is False, "nothing is lifted yet"
    failures = [
        failure("unprotect", user_id="u2"),
        failure("remove", ["unprotect"], user_id="u3"),
        failure("verify", ["unprotect", "remove"], user_id="u4"),
    ]
    assert change(back, failures, done=True)[0].keys() == {"u2", "u3", "u4"}


def test_action_reads_without_a_wave_and_changes_nothing_in_check_mode(change):
    change([entry()])
    assert change(None)[0].keys() == {"u1"}
    assert change([entry("u2")], check_mode=True) == (
        {**change(None)[0], "u2": {"strategy": "enrol", "name": "name-u2", "before": OFF}},
        True,
    )
    assert change(None)[0].keys() == {"u1"}


def test_record_that_names_nobody_is_told_apart_from_none(change):
    assert change(None, kept=True) == (False, False)
    assert change([entry()], kept=True) == (True, True)
    assert change([entry(steps=NEW)], [failure("bind")], done=True)[0] == {}
    assert change(None, kept=True) == (True, False)


def test_check_mode_keeps_no_record(change):
    assert change([entry()], check_mode=True, kept=True)[0] is False


@pytest.mark.parametrize("wrong", ["x", [1], [{"user_id": "u1"}], {"a": 1}])
def test_wave_of_another_form_is_an_error_in_words(change, wrong):
    with pytest.raises(WorkError, match=r"The record of the rollout: entries must be a wave of hwc\.mfa\.rollout_plan"):
        change(wrong)


def test_damaged_record_is_an_error_in_words(change, tmp_path):
    (tmp_path / "acme.record.json").write_text(json.dumps({"protected": 5}), encoding="utf-8")
    with pytest.raises(WorkError, match=r"The record of the rollout: .*is not a record of this role"):
        change([entry()])


# Protection that is lifted for a moment

VMFA = {"enabled": True, "verification_method": "vmfa"}


def anew(user_id="u1"):
    return entry(user_id, ("unprotect", "remove", "create", "bind", "protect"), VMFA)


def test_protection_that_is_lifted_for_a_moment_is_noted_until_it_is_back_and_whose_it_is_does_not_change(change):
    assert change([anew()], lifted=True) == ({"u1": VMFA}, True)
    assert change([]) == ({}, False)
    assert change([anew()], [failure("bind")], done=True, lifted=True)[0] == {"u1": VMFA}
    assert change([anew()], [failure("prove")], done=True, lifted=True)[0] == {}
    assert change([]) == ({}, False)


def test_run_after_one_that_was_ended_sets_it_again_and_does_not_record_it_as_its_own(change):
    change([anew()])
    after = entry("u1", ("create", "bind", "protect"))
    assert change([after]) == ({}, False)
    assert change([after], done=True, lifted=True)[0] == {}


def test_protection_that_the_cloud_shows_is_no_longer_noted_as_lifted(change):
    change([anew("u1"), anew("u2")])
    users = [
        {**entry(user_id), "enabled": True, "device": None, "login_protection": shown} for user_id, shown in (("u1", VMFA), ("u2", OFF))
    ]
    assert change([], audit={"users": users, "caller": None}, lifted=True)[0] == {"u2": VMFA}


def test_check_mode_notes_nothing_as_lifted(change, tmp_path):
    change([anew()], check_mode=True)
    assert list(tmp_path.iterdir()) == []
