# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.lock import Owner, StoreLock
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.store import Contents, StoredSeed, StoreError, seed_in, seeds_given
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.vault_files import VaultFiles
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SEED = "JBSWY3DPEHPK3PXP"
PASSWORD = "open sesame"


def entry(number=1, **more):
    return {"serial_number": f"iam::d:mfa:{number}", "seed": SEED, "name": f"name {number}", **more}


def store(directory, account="acme", password=PASSWORD):
    return VaultFiles(str(directory), account, password)


def save(one, entries):
    """Store entries, and give the file that holds them."""
    (path,) = one.save({user_id: seed_in(each) for user_id, each in entries.items()})
    return Path(path)


def vault(text):
    return VaultLib([("default", VaultSecret(PASSWORD.encode()))]).encrypt(text)


def test_what_is_saved_is_read_back(tmp_path):
    entries = {
        "u1": entry(1),
        "123456": entry(2, seed="234567"),
        "yes": entry(3, name="ünï ☃: - 'q'"),
        "u4": entry(4, bound=True),
        "u5": entry(5, bound=True, proven=True),
    }
    save(store(tmp_path), entries)
    assert store(tmp_path).read().entries == entries


@given(st.dictionaries(st.text(min_size=1), st.text(), min_size=1, max_size=3))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_name_is_read_back_by_us_and_by_whoever_reads_yaml(tmp_path, names):
    entries = {user_id: entry(name=name) for user_id, name in names.items()}
    path = save(store(tmp_path), entries)
    assert entries.items() <= store(tmp_path).read().entries.items()
    lib = VaultLib([("default", VaultSecret(PASSWORD.encode()))])
    assert yaml.safe_load(lib.decrypt(path.read_bytes())) == entries


def test_file_that_a_person_wrote_as_yaml_is_read(tmp_path):
    one = store(tmp_path)
    path = save(one, {"u1": entry()})
    path.write_bytes(vault(yaml.safe_dump({"u2": entry(2)}).encode()))
    assert one.read().entries == {"u2": entry(2)}


def test_store_that_is_not_there_is_empty_and_reading_makes_nothing(tmp_path):
    contents = store(tmp_path / "none").read()
    assert (contents.entries, contents.intents, contents.account_id) == ({}, {}, None)
    assert store(tmp_path / "none").account_id() is None
    assert list(tmp_path.iterdir()) == []


def test_later_file_wins_and_no_file_is_ever_changed(tmp_path):
    one = store(tmp_path)
    first = save(one, {"u1": entry(1), "u2": entry(2)})
    kept = first.read_bytes()
    for number in range(3, 14):
        save(one, {"u1": entry(1, name=f"name {number}", bound=bool(number % 2))})
    assert one.read().entries == {"u1": entry(1, name="name 13", bound=True), "u2": entry(2)}
    assert first.read_bytes() == kept
    assert len(list(one.path.iterdir())) == 12


def test_user_with_several_devices_keeps_all_their_seeds_the_one_that_was_stored_last_first(tmp_path):
    one = store(tmp_path)
    for number in (1, 2, 3):
        save(one, {"u1": entry(number)})
    save(one, {"u1": entry(2, bound=True)})
    assert one.read().entries == {"u1": {**entry(2, bound=True), "earlier": [entry(3), entry(1)]}}


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_file_that_is_missing_among_the_others_is_an_error_until_an_empty_mark_says_that_it_is_lost(tmp_path, lost):
    one = store(tmp_path)
    paths = [save(one, {f"u{number}": entry(number)}) for number in (1, 2, 3, 4)]
    kept = paths[lost - 1].read_bytes()
    paths[lost - 1].unlink()
    mark = paths[lost - 1].with_suffix(".json")
    with pytest.raises(StoreError) as caught:
        one.read()
    assert str(caught.value) == (
        f"{paths[lost - 1]} or .json is missing, and with it perhaps seeds: restore it from a backup. If it is lost for good, write {{}} into"
        f" {mark}: the store is then used without what was in it."
    )
    # A seed at hand is stored all the same.
    assert save(one, {"u5": entry(5)}).name == "000005.yml"
    mark.write_text("{}\n", encoding="utf-8")
    assert sorted(one.read().entries) == sorted({"u1", "u2", "u3", "u4", "u5"} - {f"u{lost}"})
    mark.unlink()
    paths[lost - 1].write_bytes(kept)
    assert sorted(one.read().entries) == ["u1", "u2", "u3", "u4", "u5"]


def test_two_files_that_are_missing_are_told_one_after_the_other(tmp_path):
    one = store(tmp_path)
    paths = [save(one, {f"u{number}": entry(number)}) for number in range(1, 6)]
    for path in paths[1:3]:
        path.unlink()
    for path in paths[1:3]:
        with pytest.raises(StoreError, match=rf"{path.name} or \.json is missing"):
            one.read()
        path.with_suffix(".json").write_text("{}", encoding="utf-8")
    assert sorted(one.read().entries) == ["u1", "u4", "u5"]


def test_file_that_is_written_while_the_directory_is_listed_is_not_taken_for_lost(tmp_path, monkeypatch):
    one = store(tmp_path)
    paths = [save(one, {f"u{number}": entry(number)}) for number in (1, 2, 3)]
    listings = iter([[paths[0], paths[2]], paths])
    monkeypatch.setattr(one, "_pages", lambda: next(listings))
    assert sorted(one.read().entries) == ["u1", "u2", "u3"]


def test_file_that_a_person_named_counts_and_does_not_hinder_the_next(tmp_path):
    one = store(tmp_path)
    save(one, {"u1": entry(1)}).rename(one.path / "12345-laptop.yml")
    save(one, {"u2": entry(2)})
    assert one.read().entries == {"u1": entry(1), "u2": entry(2)}


def test_other_files_in_the_directory_are_passed_over(tmp_path):
    one = store(tmp_path)
    save(one, {"u1": entry()})
    for name in ("README", "notes.txt", ".000009.yml", ".hidden.json"):
        (one.path / name).write_text("no vault", encoding="utf-8")
    assert one.read().entries == {"u1": entry()}
    assert save(one, {"u2": entry(2)}).name == "000002.yml"


def test_nothing_to_say_writes_nothing(tmp_path):
    one = store(tmp_path)
    assert [one.save({}), one.announce([], "account-1"), one.withdraw([]), one.remove([])] == [[], [], [], []]
    assert list(tmp_path.iterdir()) == []


def test_disk_that_keeps_something_else_is_noticed_at_once(tmp_path, monkeypatch):
    def link(_source, target):
        Path(target).write_bytes(vault(yaml.safe_dump({"u1": entry(seed="other")}).encode()))

    monkeypatch.setattr(os, "link", link)
    with pytest.raises(StoreError, match=r"000001.yml does not hold what was written into it"):
        save(store(tmp_path), {"u1": entry()})


@pytest.mark.parametrize("kept", [{"announces": ["u2"]}, {"announces": ["u1"], "account": "other"}, {}])
def test_disk_that_keeps_another_mark_is_noticed_at_once(tmp_path, monkeypatch, kept):
    monkeypatch.setattr(os, "link", lambda _source, target: Path(target).write_text(json.dumps(kept), encoding="utf-8"))
    with pytest.raises(StoreError, match=r"000001.json does not hold what was written into it"):
        store(tmp_path).announce(["u1"], "account-1")


def test_seeds_and_announcements_come_and_go_in_the_order_of_the_files(tmp_path):
    one = store(tmp_path)
    save(one, {"u1": entry(1), "u2": entry(2)})
    one.announce(["u1", "u3"])
    one.remove(["u2"])
    contents = one.read()
    assert (contents.entries, list(contents.intents)) == ({"u1": entry(1)}, ["u1", "u3"])
    save(one, {"u1": entry(4)})
    contents = one.read()
    assert (contents.entries, list(contents.intents)) == ({"u1": {**entry(4), "earlier": [entry(1)]}}, ["u3"])
    one.remove(["u3", "u1"])
    contents = one.read()
    assert (contents.entries, contents.intents) == ({}, {})


def test_mark_that_an_older_version_wrote_still_hides_the_seeds_before_it(tmp_path):
    one = store(tmp_path)
    save(one, {"u1": entry(1), "u2": entry(2)})
    (one.path / "000002.json").write_text('{"intends": ["u1", "u3"], "removes": ["u2"]}', encoding="utf-8")
    contents = one.read()
    assert (contents.entries, list(contents.intents)) == ({}, ["u1", "u3"])
    save(one, {"u1": entry(4)})
    contents = one.read()
    assert (contents.entries, list(contents.intents)) == ({"u1": entry(4)}, ["u3"])


def test_store_belongs_to_the_account_that_an_announcement_named_last(tmp_path):
    one = store(tmp_path)
    one.announce(["u1"])
    assert (one.read().account_id, one.account_id()) == (None, None)
    one.announce(["u1"], "account-1")
    one.announce(["u2"])
    one.withdraw(["u1"])
    assert (one.read().account_id, one.account_id()) == ("account-1", "account-1")


def test_account_of_a_store_is_known_without_the_password(tmp_path):
    one = store(tmp_path)
    one.announce(["u1"], "account-1")
    save(one, {"u1": entry()})
    assert store(tmp_path, password="wrong").account_id() == "account-1"


def test_files_can_be_read_by_nobody_else(tmp_path):
    one = store(tmp_path / "seeds")
    paths = [save(one, {"u1": entry()}), Path(*one.announce(["u2"]))]
    assert [stat.S_IMODE(path.stat().st_mode) for path in paths] == [0o600, 0o600]
    assert stat.S_IMODE(one.path.stat().st_mode) == 0o700
    assert stat.S_IMODE(one.path.parent.stat().st_mode) == 0o700


def test_nothing_is_left_beside_the_files(tmp_path):
    one = store(tmp_path)
    save(one, {"u1": entry()})
    one.announce(["u1"])
    assert sorted(path.name for path in one.path.iterdir()) == ["000001.yml", "000002.json"]


def test_what_a_killed_run_left_half_written_is_removed_once_nobody_can_be_at_it(tmp_path):
    one = store(tmp_path)
    save(one, {"u1": entry()})
    (one.path / ".new-old").write_bytes(b"x")
    (one.path / ".new-young").write_bytes(b"x")
    os.utime(one.path / ".new-old", (1, 1))
    owner = Owner.of_process(os.getpid())
    one.lock(owner)
    assert sorted(path.name for path in one.path.iterdir()) == [".lock", ".new-young", "000001.yml"]
    one.unlock(owner)
    assert not (one.path / ".lock").exists()
    assert one.read().entries == {"u1": entry()}


ELSEWHERE = Owner("elsewhere.example", 1, "1")
OURS = Owner.of_process(os.getpid())


def test_store_that_another_run_has_locked_is_not_written(tmp_path):
    one = store(tmp_path)
    one.lock(ELSEWHERE)
    for refused in (one.lock, one.guard, one.refuse_others):
        with pytest.raises(StoreError, match=r"another run is at work on this account: process 1 on elsewhere\.example"):
            refused(OURS)
    one.guard(ELSEWHERE)
    one.refuse_others(ELSEWHERE)
    one.unlock(OURS)
    with pytest.raises(StoreError, match="another run is at work"):
        one.refuse_others(OURS)
    one.unlock(ELSEWHERE)
    one.refuse_others(OURS)


def test_lock_gives_the_place_by_which_it_can_be_held_for_longer(tmp_path):
    one = store(tmp_path)
    assert one.lock(OURS) == str(one.path)
    assert (one.path / ".lock").exists()


def test_nothing_is_written_without_the_lock_that_a_run_had(tmp_path):
    one = store(tmp_path)
    one.lock(OURS)
    one.read()
    (one.path / ".lock").unlink()
    for write in (lambda: one.announce(["u1"]), lambda: save(one, {"u1": entry()}), lambda: one.guard(OURS)):
        with pytest.raises(StoreError, match="this run has lost its lock"):
            write()
    store(tmp_path).lock(ELSEWHERE)
    for write in (lambda: one.announce(["u1"]), lambda: save(one, {"u1": entry()}), lambda: one.guard(OURS)):
        with pytest.raises(StoreError, match=r"another run is at work on this account: process 1 on elsewhere\.example"):
            write()
    assert [path.name for path in one.path.iterdir()] == [".lock"]


def test_nothing_is_written_by_a_run_that_has_not_read_what_is_there(tmp_path):
    one = store(tmp_path)
    save(one, {"u1": entry()})
    one.lock(OURS)
    with pytest.raises(StoreError, match="this run has not read"):
        one.announce(["u2"])
    one.read()
    assert one.announce(["u2"])


def test_tasks_of_one_run_go_on_where_the_one_before_them_ended(tmp_path):
    store(tmp_path).lock(OURS)
    reader = store(tmp_path)
    reader.guard(OURS)
    reader.read()
    for number in (1, 2, 3):
        # Each task of a play has a store of its own, and most do not read.
        task = store(tmp_path)
        task.guard(OURS)
        task.announce([f"u{number}"])
        save(task, {f"u{number}": entry(number)})
    assert len(store(tmp_path).read().entries) == 3


def test_file_that_somebody_added_meanwhile_stops_the_run_that_has_the_lock(tmp_path):
    one = store(tmp_path)
    one.lock(OURS)
    one.read()
    one.announce(["u1"])
    save(store(tmp_path), {"u9": entry(9)})
    for write in (
        lambda: one.announce(["u2"]),
        lambda: save(one, {"u1": entry()}),
        lambda: one.withdraw(["u1"]),
        lambda: one.remove(["u1"]),
    ):
        with pytest.raises(StoreError, match=r"another run has written to .*/acme since this one read it, up to file 000002\. Run again"):
            write()
    one.read()
    save(one, {"u1": entry()})
    assert one.read().entries == {"u9": entry(9), "u1": entry()}


ANOTHER = r"password is not the one that this run has read .*/acme with\. .* give it a fixed one"


def locked_and_read(directory, password=PASSWORD):
    store(directory, password="unused").lock(OURS)
    reader = store(directory, password=password)
    reader.guard(OURS)
    reader.read()


def test_password_that_each_task_has_another_value_of_announces_nothing(tmp_path):
    locked_and_read(tmp_path, password="sesame-1")
    task = store(tmp_path, password="sesame-2")
    with pytest.raises(StoreError, match=ANOTHER) as caught:
        task.guard(OURS)
    assert "sesame" not in str(caught.value)
    for write in (lambda: task.announce(["u1"]), lambda: save(task, {"u1": entry()})):
        with pytest.raises(StoreError, match=ANOTHER):
            write()
    assert [path.name for path in task.path.iterdir()] == [".lock"]
    task = store(tmp_path, password="sesame-1")
    task.guard(OURS)
    assert task.announce(["u1"])


def test_task_that_reads_does_not_make_its_password_the_one_of_the_run(tmp_path):
    locked_and_read(tmp_path)
    with pytest.raises(StoreError, match=ANOTHER):
        store(tmp_path, password="another").guard(OURS)
    task = store(tmp_path)
    task.guard(OURS)
    task.read()
    with pytest.raises(StoreError, match=ANOTHER):
        store(tmp_path, password="another").guard(OURS)


def test_password_of_a_run_stays_known_while_a_wave_holds_the_lock_and_the_store_is_written(tmp_path):
    locked_and_read(tmp_path)
    keeper = StoreLock(tmp_path / "acme", OURS)
    assert (keeper.hold(), keeper.renew()) == (None, None)
    task = store(tmp_path)
    task.guard(OURS)
    task.announce(["u1"])
    with pytest.raises(StoreError, match=ANOTHER):
        store(tmp_path, password="another").guard(OURS)
    # The next use of the role in the same run may have another store's password.
    locked_and_read(tmp_path, password="another")
    store(tmp_path, password="another").guard(OURS)


def test_lock_tells_of_a_password_nothing_that_opens_a_file(tmp_path):
    locked_and_read(tmp_path)
    text = (tmp_path / "acme" / ".lock").read_text(encoding="utf-8")
    assert PASSWORD not in text
    assert stat.S_IMODE((tmp_path / "acme" / ".lock").stat().st_mode) == 0o600


@pytest.mark.parametrize("seal", ["", "text", 5, [], {}, False, "$ANSIBLE_VAULT;1.1;AES256\n6162\n", "\ud800"])
def test_lock_that_does_not_show_the_password_of_the_run_lets_nobody_write(tmp_path, seal):
    locked_and_read(tmp_path)
    place = tmp_path / "acme" / ".lock"
    place.write_text(json.dumps({**json.loads(place.read_bytes()), "seal": seal}), encoding="utf-8")
    with pytest.raises(StoreError, match=ANOTHER):
        store(tmp_path).guard(OURS)


def test_password_that_does_not_open_the_newest_file_adds_no_seed_and_announces_nothing_without_a_lock(tmp_path):
    save(store(tmp_path), {"u1": entry()})
    store(tmp_path).announce(["u2"])
    other = store(tmp_path, password="another")
    for write in (lambda: other.announce(["u3"]), lambda: save(other, {"u2": entry(2)})):
        with pytest.raises(StoreError, match=r"000001\.yml cannot be decrypted: is the password the one it was written with"):
            write()
    assert sorted(path.name for path in other.path.iterdir()) == ["000001.yml", "000002.json"]
    # No file would be encrypted, and what was announced must not stand for ever.
    other.withdraw(["u2"])
    other.remove(["u1"])
    assert store(tmp_path).read().entries == {}


def test_ansible_vault_opens_the_file(tmp_path):
    path = save(store(tmp_path), {"u1": entry()})
    assert path.read_bytes().startswith(b"$ANSIBLE_VAULT;1.1;AES256\n")
    text = VaultLib([("default", VaultSecret(PASSWORD.encode()))]).decrypt(path.read_bytes())
    assert yaml.safe_load(text) == {"u1": entry()}
    assert SEED.encode() not in path.read_bytes()


def test_mark_holds_no_secret(tmp_path):
    one = store(tmp_path)
    (path,) = one.announce(["u1"], "account-1")
    assert Path(path).read_text(encoding="utf-8") == '{\n "announces": [\n  "u1"\n ],\n "account": "account-1"\n}\n'
    (path,) = one.withdraw(["u1"])
    assert Path(path).read_text(encoding="utf-8") == '{\n "withdraws": [\n  "u1"\n ]\n}\n'
    (path,) = one.remove(["u2"])
    assert Path(path).read_text(encoding="utf-8") == '{\n "removes": [\n  "u2"\n ]\n}\n'


def test_wrong_password_is_an_error_without_a_secret(tmp_path):
    save(store(tmp_path), {"u1": entry()})
    with pytest.raises(StoreError, match=r"cannot be decrypted: is the password .* this one is damaged: restore it") as caught:
        store(tmp_path, password="wrong sesame").read()
    assert "sesame" not in str(caught.value)
    assert SEED not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\x00\xff", b'{"u1": {"serial_number": "s", "seed": "JBSWY3DPEHPK3PXP"}}'])
def test_file_that_is_not_encrypted_is_told_to_be_so_and_what_helps(tmp_path, content):
    path = save(store(tmp_path), {"u1": entry()})
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"000001\.yml cannot be decrypted: ansible-vault has not encrypted it") as caught:
        store(tmp_path).read()
    assert f"move it away. If it is lost for good, write {{}} into {path.with_suffix('.json')}" in str(caught.value)
    assert "password" not in str(caught.value) and "JBSWY3DPEHPK3PXP" not in str(caught.value)
    # What it says helps.
    path.rename(tmp_path / "aside")
    path.with_suffix(".json").write_text("{}")
    assert store(tmp_path).read().entries == {}


@pytest.mark.parametrize("password", ["", "\n", "\r\n\n"])
def test_empty_password_is_refused(tmp_path, password):
    with pytest.raises(StoreError, match="password must not be empty"):
        store(tmp_path, password=password)


def test_password_that_was_read_from_a_file_with_its_newline_is_the_same(tmp_path):
    save(store(tmp_path, password=f"{PASSWORD}\n"), {"u1": entry()})
    assert store(tmp_path, password=PASSWORD).read().entries == {"u1": entry()}
    assert store(tmp_path, password=f"{PASSWORD}\r\n").read().entries == {"u1": entry()}


def test_password_with_blanks_around_it_is_the_one_that_ansible_vault_takes(tmp_path):
    save(store(tmp_path, password=f" {PASSWORD} \t"), {"u1": entry()})
    assert store(tmp_path, password=PASSWORD).read().entries == {"u1": entry()}


def test_what_was_encrypted_with_blanks_around_the_password_is_still_read(tmp_path):
    save(store(tmp_path), {"u1": entry()})
    (path,) = (tmp_path / "acme").glob("*.yml")
    plain = VaultLib([("default", VaultSecret(PASSWORD.encode()))]).decrypt(path.read_bytes())
    path.write_bytes(VaultLib([("default", VaultSecret(f"{PASSWORD} ".encode()))]).encrypt(plain))
    assert store(tmp_path, password=f"{PASSWORD} \n").read().entries == {"u1": entry()}
    with pytest.raises(StoreError, match="cannot be decrypted"):
        store(tmp_path, password=PASSWORD).read()


@pytest.mark.parametrize(
    "content",
    [b"", b"u1: {}\n", b"$ANSIBLE_VAULT;1.1;\xff\n61\n", b"$ANSIBLE_VAULT;1.1;AES256\n", b"$ANSIBLE_VAULT;1.1;AES256\n6162\n", b"\xff\xfe"],
)
def test_file_that_is_no_vault_is_an_error_and_not_passed_over(tmp_path, content):
    one = store(tmp_path)
    path = save(one, {"u1": entry()})
    path.write_bytes(content)
    with pytest.raises(StoreError):
        one.read()


def test_vault_that_is_cut_short_is_an_error(tmp_path):
    one = store(tmp_path)
    path = save(one, {"u1": entry()})
    whole = path.read_bytes()
    for size in range(0, len(whole) - 1, 37):
        path.write_bytes(whole[:size])
        with pytest.raises(StoreError):
            one.read()


@pytest.mark.parametrize(
    "document",
    [
        "[]",
        "u1: x",
        "u1: {seed: A}",
        "u1: {serial_number: A}",
        "just text",
        "{",
        b"\xff",
        b"u1: \xff",
        f"u1: {{serial_number: A, seed: {SEED}}}\nu2: {{}}",
    ],
)
def test_vault_with_something_else_in_it_is_an_error(tmp_path, document):
    one = store(tmp_path)
    path = save(one, {"u1": entry()})
    path.write_bytes(vault(document))
    with pytest.raises(StoreError):
        one.read()


@pytest.mark.parametrize(
    "document",
    ["", "[]", "null", '{"intends": 1}', '{"intends": "u1"}', '{"announces": 1}', '{"withdraws": [[]]}', '{"account": 5}', "\xff"],
)
def test_mark_with_something_else_in_it_is_an_error(tmp_path, document):
    one = store(tmp_path)
    (path,) = map(Path, one.announce(["u1"]))
    path.write_text(document, encoding="latin-1")
    with pytest.raises(StoreError, match=r"is not a mark of this store: restore it from a backup\. If it is lost .* write \{\} into it:"):
        one.read()


@pytest.mark.parametrize("ending", [".json", ".ocsf.json", ".history.json"])
def test_report_of_the_account_in_the_same_directory_is_no_mark(tmp_path, ending):
    one = store(tmp_path)
    one.announce(["u1"], "id-1")
    # A report names its account, which is another thing than the id that a mark has.
    for content in ('{"account": "acme", "users": []}', "[]"):
        (one.path / f"acme{ending}").write_text(content)
        assert one.read() == Contents(intents={"u1": None}, account_id="id-1")
    (one.path / "000001.json").unlink()
    assert one.account_id() is None


def test_mark_of_an_account_that_is_called_like_a_number_is_no_report(tmp_path):
    one = store(tmp_path, account="000001")
    one.announce(["u1"], "id-1")
    assert one.read() == Contents(intents={"u1": None}, account_id="id-1")


# Where it writes


def test_link_in_the_place_of_the_directory_that_leads_out_of_the_store_is_not_followed(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    (tmp_path / "seeds").mkdir(mode=0o700)
    (tmp_path / "seeds" / "acme").symlink_to(elsewhere)
    with pytest.raises(StoreError, match="is a symbolic link that leads out of"):
        save(store(tmp_path / "seeds"), {"u1": entry()})
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("target", ["acme-2026", "..data/acme", "deeper/still/acme"])
def test_link_in_the_place_of_the_directory_that_stays_in_the_store_is_followed(tmp_path, target):
    (tmp_path / "seeds" / target).mkdir(mode=0o700, parents=True)
    (tmp_path / "seeds" / "acme").symlink_to(target)
    assert save(store(tmp_path / "seeds"), {"u1": entry()}).exists()
    assert [path.name for path in (tmp_path / "seeds" / target).iterdir()] == ["000001.yml"]
    assert store(tmp_path / "seeds").read().entries == {"u1": entry()}


def test_store_whose_own_directory_is_a_link_is_used(tmp_path):
    (tmp_path / "volume").mkdir(mode=0o700)
    (tmp_path / "seeds").symlink_to(tmp_path / "volume")
    (tmp_path / "volume" / "real").mkdir(mode=0o700)
    (tmp_path / "volume" / "acme").symlink_to("real")
    assert save(store(tmp_path / "seeds"), {"u1": entry()}).exists()
    assert store(tmp_path / "volume", "real").read().entries == {"u1": entry()}


@pytest.mark.parametrize("target", [".", "..", "../seeds"])
def test_link_to_the_store_itself_is_not_taken_for_an_account(tmp_path, target):
    (tmp_path / "seeds").mkdir(mode=0o700)
    (tmp_path / "seeds" / "acme").symlink_to(target)
    with pytest.raises(StoreError, match="is a symbolic link that leads out of"):
        save(store(tmp_path / "seeds"), {"u1": entry()})


def test_link_in_the_place_of_the_next_file_is_neither_followed_nor_overwritten(tmp_path):
    one = store(tmp_path)
    save(one, {"u1": entry()})
    victim = tmp_path / "victim"
    (one.path / "000002.yml").symlink_to(victim)
    link = os.readlink(one.path / "000002.yml")
    path = save(one, {"u2": entry(2)})
    assert path.name == "000003.yml"
    assert not victim.exists()
    assert os.readlink(one.path / "000002.yml") == link


def test_two_stores_at_once_lose_nothing(tmp_path):
    def save_one(number):
        return save(store(tmp_path), {f"u{number}": entry(number)})

    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(save_one, range(16)))
    assert len(set(paths)) == 16
    assert store(tmp_path).read().entries == {f"u{number}": entry(number) for number in range(16)}


def nothing(_place):
    """Nobody was here."""


def of_others(place):
    place.mkdir(parents=True)
    place.chmod(0o777)


def link_out(place):
    place.parent.mkdir()
    place.symlink_to(place.parent.parent)


def link_to_nothing(place):
    place.parent.mkdir()
    place.symlink_to(place.parent / "none")


def file_there(place):
    place.parent.mkdir()
    place.write_text("x", encoding="utf-8")


def file_above(place):
    place.parent.write_text("x", encoding="utf-8")


def lock_is_a_directory(place):
    (place / ".lock").mkdir(parents=True)


def locked(place):
    store(place.parent).lock(OURS)


PLACES = {nothing: None, locked: None, of_others: "can be written by others", link_out: "leads out of"}
PLACES |= dict.fromkeys((link_to_nothing, file_there, file_above, lock_is_a_directory), "cannot be written: ")


@pytest.mark.parametrize(("prepare", "refusal"), PLACES.items())
def test_probe_says_what_the_first_write_would_and_makes_nothing(tmp_path, prepare, refusal):
    prepare(tmp_path / "seeds" / "acme")
    before = sorted(tmp_path.rglob("*"))
    one = store(tmp_path / "seeds")
    if refusal is None:
        one.probe()
    for refused in (one.probe, lambda: one.lock(OURS)) if refusal else ():
        with pytest.raises(StoreError, match=refusal):
            refused()
    assert sorted(tmp_path.rglob("*")) == before


@pytest.fixture
def nobody():
    """Somebody who is not root, who may write anywhere, and a directory of others that they may look into."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "seeds").mkdir(mode=0o555)
        root = os.geteuid() == 0
        if root:
            os.setresuid(65534, 65534, 0)
        try:
            yield folder
        finally:
            if root:
                os.setresuid(0, 0, 0)


def test_probe_names_a_place_where_nothing_may_be_made(nobody):
    one = store(nobody / "seeds")
    with pytest.raises(StoreError, match="cannot be written: Permission denied"):
        one.probe()


@pytest.mark.parametrize("mode", [0o700, 0o711, 0o755])
def test_directory_that_others_can_only_look_at_is_accepted(tmp_path, mode):
    one = store(tmp_path)
    save(one, {"u1": entry()})
    one.path.chmod(mode)
    assert save(one, {"u2": entry()}).exists()


@pytest.mark.parametrize("mode", [0o702, 0o722, 0o777, 0o1777])
def test_directory_that_others_can_write_is_refused(tmp_path, mode):
    one = store(tmp_path)
    save(one, {"u1": entry()})
    one.path.chmod(mode)
    with pytest.raises(StoreError, match="can be written by others"):
        save(one, {"u2": entry()})
    assert len(list(one.path.iterdir())) == 1


@pytest.mark.parametrize("mode", [0o720, 0o770, 0o775, 0o2770])
def test_directory_that_a_group_can_write_is_used_where_the_group_is_ours(tmp_path, monkeypatch, mode):
    one = store(tmp_path)
    save(one, {"u1": entry()})
    one.path.chmod(mode)
    group = one.path.stat().st_gid
    monkeypatch.setattr(os, "getegid", lambda: group + 1)
    monkeypatch.setattr(os, "getgroups", lambda: [group + 2])
    with pytest.raises(StoreError, match="can be written by others"):
        save(one, {"u2": entry(2)})
    monkeypatch.setattr(os, "getgroups", lambda: [group + 2, group])
    save(one, {"u2": entry(2)})
    monkeypatch.setattr(os, "getgroups", lambda: [])
    monkeypatch.setattr(os, "getegid", lambda: group)
    save(one, {"u3": entry(3)})


def test_file_in_the_place_of_a_directory_is_an_error(tmp_path):
    (tmp_path / "acme").write_text("", encoding="utf-8")
    with pytest.raises(StoreError):
        store(tmp_path).read()
    with pytest.raises(StoreError):
        save(store(tmp_path), {"u1": entry()})
    with pytest.raises(StoreError):
        save(store(tmp_path / "acme" / "deeper"), {"u1": entry()})


def test_file_that_cannot_be_read_is_an_error(tmp_path):
    one = store(tmp_path)
    save(one, {"u1": entry()})
    # A directory of a file's name cannot be read as one by anybody, root included.
    (one.path / "000002.yml").mkdir()
    with pytest.raises(StoreError, match=r"000002.yml cannot be read"):
        one.read()


@pytest.mark.parametrize("account", ["", ".", "..", ".hidden", "../x", "./x"])
def test_account_that_would_name_another_directory_is_refused(tmp_path, account):
    with pytest.raises(StoreError, match="account must not be empty or begin with a dot"):
        store(tmp_path, account)


@pytest.mark.parametrize("account", ["a/b", "a/../../b", "/etc", "a\\b", "a b", "ünï", "a%2Fb", "~root", "a\x00b", "a\nb", "-rf", "a..b"])
def test_any_account_stays_inside_the_directory(tmp_path, account):
    one = store(tmp_path / "seeds", account)
    path = save(one, {"u1": entry()})
    assert path.parent.parent == tmp_path / "seeds"
    assert [inner.name for inner in tmp_path.iterdir()] == ["seeds"]
    assert store(tmp_path / "seeds", account).read().entries == {"u1": entry()}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(st.characters(blacklist_categories=("Cs",)), min_size=1, max_size=20), min_size=2, max_size=2, unique=True))
def test_two_accounts_never_share_a_directory(tmp_path, accounts):
    try:
        one, other = (store(tmp_path, account) for account in accounts)
    except StoreError:
        return
    assert one.path != other.path
    assert one.path.parent == other.path.parent == tmp_path


def test_account_whose_name_is_too_long_for_a_directory_is_an_error(tmp_path):
    with pytest.raises(StoreError):
        save(store(tmp_path, "ü" * 200), {"u1": entry()})


def test_contents_do_not_show_seeds_in_a_repr(tmp_path):
    one = store(tmp_path)
    save(one, {"u1": entry()})
    assert SEED not in repr(one.read())


def test_stored_seed_does_not_show_itself_in_a_repr():
    assert SEED not in repr(StoredSeed("serial", SEED))


# File systems that cannot do everything


def refusing(code, applies=lambda *_given: True):
    """A function that answers as a file system which cannot do it, where it ``applies``."""

    def wrap(original):
        def call(*given, **named):
            if applies(*given):
                raise OSError(code, os.strerror(code))
            return original(*given, **named)

        return call

    return wrap


def is_directory(handle):
    return stat.S_ISDIR(os.fstat(handle).st_mode)


@pytest.mark.parametrize("code", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV])
def test_file_system_without_hard_links_keeps_seeds_and_overwrites_none(tmp_path, monkeypatch, code):
    monkeypatch.setattr(os, "link", refusing(code)(os.link))
    one = store(tmp_path)
    paths = [save(one, {f"u{number}": entry(number)}) for number in (1, 2)]
    assert one.read().entries == {"u1": entry(1), "u2": entry(2)}
    assert [path.name for path in sorted(one.path.iterdir())] == ["000001.yml", "000002.yml"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o600}


@pytest.mark.parametrize("code", [errno.EINVAL, errno.EOPNOTSUPP])
def test_file_system_that_cannot_bring_directories_to_the_disk_keeps_seeds(tmp_path, monkeypatch, code):
    monkeypatch.setattr(os, "fsync", refusing(code, is_directory)(os.fsync))
    save(store(tmp_path), {"u1": entry()})
    assert store(tmp_path).read().entries == {"u1": entry()}


def test_disk_that_fails_while_it_writes_a_directory_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", refusing(errno.EIO, is_directory)(os.fsync))
    with pytest.raises(StoreError, match="cannot be written: Input/output error"):
        save(store(tmp_path), {"u1": entry()})


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL])
def test_file_system_that_cannot_lock_loses_nothing_to_two_writers(tmp_path, monkeypatch, code):
    monkeypatch.setattr(fcntl, "flock", refusing(code)(fcntl.flock))

    def save_one(number):
        return save(store(tmp_path), {f"u{number}": entry(number)})

    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(save_one, range(8)))
    assert len(set(paths)) == 8
    assert store(tmp_path).read().entries == {f"u{number}": entry(number) for number in range(8)}
    one = store(tmp_path)
    one.lock(ELSEWHERE)
    with pytest.raises(StoreError, match="another run is at work"):
        store(tmp_path).lock(OURS)
    one.unlock(ELSEWHERE)
    assert sorted(path.name for path in one.path.iterdir()) == [f"{number:06d}.yml" for number in range(1, 9)]


# Seeds that somebody gives


@pytest.mark.parametrize(("name", "value"), [("serial_number", 123456), ("seed", 234567)])
def test_seed_or_serial_of_digits_only_is_stored_as_the_text_that_it_is(name, value):
    assert getattr(seeds_given({"u1": entry(**{name: value})})["u1"], name) == str(value)


@pytest.mark.parametrize(
    "wrong", [None, SEED, {}, {"seed": SEED}, entry(seed=""), entry(seed=True), entry(seed=0), entry(serial_number=1.5)]
)
def test_seed_that_would_come_back_as_another_is_refused(wrong):
    with pytest.raises(
        StoreError, match="entries must be a mapping from user id to serial_number, seed and name; that of u2 is none"
    ) as caught:
        seeds_given({"u1": entry(), "u2": wrong})
    assert SEED not in str(caught.value)
