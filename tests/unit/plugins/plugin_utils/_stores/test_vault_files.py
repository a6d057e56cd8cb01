# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.lock import Owner
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.vault_files import StoreError, VaultStore
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SEED = "JBSWY3DPEHPK3PXP"
PASSWORD = "open sesame"


def entry(number=1, **more):
    return {"serial_number": f"iam::d:mfa:{number}", "seed": SEED, "name": f"name {number}", **more}


def store(directory, account="acme", password=PASSWORD):
    return VaultStore(str(directory), account, password)


def test_what_is_saved_is_read_back(tmp_path):
    entries = {"u1": entry(1), "123456": entry(2, seed="234567"), "yes": entry(3, name="ünï ☃: - 'q'"), "u4": entry(4, bound=True)}
    store(tmp_path).save(entries)
    assert store(tmp_path).read().entries == entries


@given(st.dictionaries(st.text(min_size=1), st.text(), min_size=1, max_size=3))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_name_is_read_back_by_us_and_by_whoever_reads_yaml(tmp_path, names):
    entries = {user_id: entry(name=name) for user_id, name in names.items()}
    path = Path(store(tmp_path).save(entries))
    assert entries.items() <= store(tmp_path).read().entries.items()
    vault = VaultLib([("default", VaultSecret(PASSWORD.encode()))])
    assert yaml.safe_load(vault.decrypt(path.read_bytes())) == entries


def test_file_that_a_person_wrote_as_yaml_is_read(tmp_path):
    one = store(tmp_path)
    path = Path(one.save({"u1": entry()}))
    vault = VaultLib([("default", VaultSecret(PASSWORD.encode()))])
    path.write_bytes(vault.encrypt(yaml.safe_dump({"u2": entry(2)}).encode()))
    assert one.read().entries == {"u2": entry(2)}


def test_store_that_is_not_there_is_empty_and_reading_makes_nothing(tmp_path):
    contents = store(tmp_path / "none").read()
    assert (contents.entries, contents.intents) == ({}, [])
    assert list(tmp_path.iterdir()) == []


def test_later_file_wins_and_no_file_is_ever_changed(tmp_path):
    one = store(tmp_path)
    first = Path(one.save({"u1": entry(1), "u2": entry(2)}))
    kept = first.read_bytes()
    for number in range(3, 14):
        one.save({"u1": entry(number)})
    assert one.read().entries == {"u1": entry(13), "u2": entry(2)}
    assert first.read_bytes() == kept
    assert len(list(one.path.iterdir())) == 12


def test_later_file_wins_where_an_earlier_one_was_taken_away(tmp_path):
    one = store(tmp_path)
    paths = [Path(one.save({"u1": entry(number)})) for number in (1, 2, 3)]
    paths[1].unlink()
    assert Path(one.save({"u1": entry(4)})).name == "000004.yml"
    assert one.read().entries == {"u1": entry(4)}


def test_file_that_a_person_named_counts_and_does_not_hinder_the_next(tmp_path):
    one = store(tmp_path)
    Path(one.save({"u1": entry(1)})).rename(one.path / "12345-laptop.yml")
    one.save({"u2": entry(2)})
    assert one.read().entries == {"u1": entry(1), "u2": entry(2)}


def test_other_files_in_the_directory_are_passed_over(tmp_path):
    one = store(tmp_path)
    one.save({"u1": entry()})
    for name in ("README", "notes.txt", ".000009.yml", ".hidden.json"):
        (one.path / name).write_text("no vault", encoding="utf-8")
    assert one.read().entries == {"u1": entry()}
    assert Path(one.save({"u2": entry(2)})).name == "000002.yml"


def test_disk_that_keeps_something_else_is_noticed_at_once(tmp_path, monkeypatch):
    vault = VaultLib([("default", VaultSecret(PASSWORD.encode()))])

    def link(_source, target):
        Path(target).write_bytes(vault.encrypt(yaml.safe_dump({"u1": entry(seed="other")}).encode()))

    monkeypatch.setattr(os, "link", link)
    with pytest.raises(StoreError, match=r"000001.yml does not hold what was written into it"):
        store(tmp_path).save({"u1": entry()})


def test_marks_supersede_seeds_and_seeds_supersede_marks(tmp_path):
    one = store(tmp_path)
    one.save({"u1": entry(1), "u2": entry(2)})
    one.mark(["u1", "u3"], ["u2"])
    contents = one.read()
    assert (contents.entries, contents.intents) == ({}, ["u1", "u3"])
    one.save({"u1": entry(4)})
    contents = one.read()
    assert (contents.entries, contents.intents) == ({"u1": entry(4)}, ["u3"])
    one.mark([], ["u3"])
    assert one.read().intents == []


def test_files_can_be_read_by_nobody_else(tmp_path):
    one = store(tmp_path / "seeds")
    paths = [Path(one.save({"u1": entry()})), Path(one.mark(["u2"], []))]
    assert [stat.S_IMODE(path.stat().st_mode) for path in paths] == [0o600, 0o600]
    assert stat.S_IMODE(one.path.stat().st_mode) == 0o700
    assert stat.S_IMODE(one.path.parent.stat().st_mode) == 0o700


def test_nothing_is_left_beside_the_files(tmp_path):
    one = store(tmp_path)
    one.save({"u1": entry()})
    one.mark(["u1"], [])
    assert sorted(path.name for path in one.path.iterdir()) == ["000001.yml", "000002.json"]


def test_what_a_killed_run_left_half_written_is_removed_once_nobody_can_be_at_it(tmp_path):
    one = store(tmp_path)
    one.save({"u1": entry()})
    (one.path / ".new-old").write_bytes(b"x")
    (one.path / ".new-young").write_bytes(b"x")
    os.utime(one.path / ".new-old", (1, 1))
    owner = Owner.of_process(os.getpid())
    one.lock(owner)
    assert sorted(path.name for path in one.path.iterdir()) == [".lock", ".new-young", "000001.yml"]
    one.unlock(owner)
    assert not (one.path / ".lock").exists()
    assert one.read().entries == {"u1": entry()}


def test_store_that_another_run_has_locked_is_not_written(tmp_path):
    one, other = store(tmp_path), Owner("elsewhere.example", 1, "1")
    one.lock(other)
    with pytest.raises(StoreError, match="another run is at work"):
        one.lock(Owner.of_process(os.getpid()))
    with pytest.raises(StoreError, match=r"elsewhere\.example"):
        one.hold_on(Owner.of_process(os.getpid()))
    one.hold_on(other)


def test_ansible_vault_opens_the_file(tmp_path):
    path = Path(store(tmp_path).save({"u1": entry()}))
    assert path.read_bytes().startswith(b"$ANSIBLE_VAULT;1.1;AES256\n")
    text = VaultLib([("default", VaultSecret(PASSWORD.encode()))]).decrypt(path.read_bytes())
    assert yaml.safe_load(text) == {"u1": entry()}
    assert SEED.encode() not in path.read_bytes()


def test_mark_holds_no_secret(tmp_path):
    one = store(tmp_path)
    assert Path(one.mark(["u1"], ["u2"])).read_text(encoding="utf-8") == '{\n "intends": [\n  "u1"\n ],\n "removes": [\n  "u2"\n ]\n}\n'


def test_wrong_password_is_an_error_without_a_secret(tmp_path):
    store(tmp_path).save({"u1": entry()})
    with pytest.raises(StoreError, match="cannot be decrypted: is the password") as caught:
        store(tmp_path, password="wrong sesame").read()
    assert "sesame" not in str(caught.value)
    assert SEED not in str(caught.value)


def test_empty_password_is_refused(tmp_path):
    with pytest.raises(StoreError, match="password must not be empty"):
        store(tmp_path, password="")


@pytest.mark.parametrize(
    "content",
    [b"", b"u1: {}\n", b"$ANSIBLE_VAULT;1.1;\xff\n61\n", b"$ANSIBLE_VAULT;1.1;AES256\n", b"$ANSIBLE_VAULT;1.1;AES256\n6162\n", b"\xff\xfe"],
)
def test_file_that_is_no_vault_is_an_error_and_not_passed_over(tmp_path, content):
    one = store(tmp_path)
    path = Path(one.save({"u1": entry()}))
    path.write_bytes(content)
    with pytest.raises(StoreError):
        one.read()


def test_vault_that_is_cut_short_is_an_error(tmp_path):
    one = store(tmp_path)
    path = Path(one.save({"u1": entry()}))
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
    path = Path(one.save({"u1": entry()}))
    path.write_bytes(VaultLib([("default", VaultSecret(PASSWORD.encode()))]).encrypt(document))
    with pytest.raises(StoreError):
        one.read()


@pytest.mark.parametrize("document", ["", "[]", "null", '{"intends": 1}', '{"intends": "u1"}', "\xff"])
def test_mark_with_something_else_in_it_is_an_error(tmp_path, document):
    one = store(tmp_path)
    path = Path(one.mark(["u1"], []))
    path.write_text(document, encoding="latin-1")
    with pytest.raises(StoreError, match="is not a mark of this store"):
        one.read()


# Where it writes


def test_link_in_the_place_of_the_directory_is_not_followed(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    (tmp_path / "acme").symlink_to(elsewhere)
    with pytest.raises(StoreError, match="is not a directory"):
        store(tmp_path).save({"u1": entry()})
    assert list(elsewhere.iterdir()) == []


def test_link_in_the_place_of_the_next_file_is_neither_followed_nor_overwritten(tmp_path):
    one = store(tmp_path)
    one.save({"u1": entry()})
    victim = tmp_path / "victim"
    (one.path / "000002.yml").symlink_to(victim)
    link = os.readlink(one.path / "000002.yml")
    path = Path(one.save({"u2": entry(2)}))
    assert path.name == "000003.yml"
    assert not victim.exists()
    assert os.readlink(one.path / "000002.yml") == link


def test_two_stores_at_once_lose_nothing(tmp_path):
    def save(number):
        return store(tmp_path).save({f"u{number}": entry(number)})

    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(save, range(16)))
    assert len(set(paths)) == 16
    assert store(tmp_path).read().entries == {f"u{number}": entry(number) for number in range(16)}


@pytest.mark.parametrize("mode", [0o700, 0o711, 0o755])
def test_directory_that_others_can_only_look_at_is_accepted(tmp_path, mode):
    one = store(tmp_path)
    one.save({"u1": entry()})
    one.path.chmod(mode)
    assert Path(one.save({"u2": entry()})).exists()


@pytest.mark.parametrize("mode", [0o702, 0o720, 0o722, 0o770, 0o777])
def test_directory_that_others_can_write_is_refused(tmp_path, mode):
    one = store(tmp_path)
    one.save({"u1": entry()})
    one.path.chmod(mode)
    with pytest.raises(StoreError, match="can be written by others"):
        one.save({"u2": entry()})
    assert len(list(one.path.iterdir())) == 1


def test_file_in_the_place_of_a_directory_is_an_error(tmp_path):
    (tmp_path / "acme").write_text("", encoding="utf-8")
    with pytest.raises(StoreError):
        store(tmp_path).read()
    with pytest.raises(StoreError):
        store(tmp_path).save({"u1": entry()})
    with pytest.raises(StoreError):
        store(tmp_path / "acme" / "deeper").save({"u1": entry()})


def test_file_that_cannot_be_read_is_an_error(tmp_path):
    one = store(tmp_path)
    one.save({"u1": entry()})
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
    path = Path(one.save({"u1": entry()}))
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
        store(tmp_path, "ü" * 200).save({"u1": entry()})


def test_contents_do_not_show_seeds_in_a_repr(tmp_path):
    one = store(tmp_path)
    one.save({"u1": entry()})
    assert SEED not in repr(one.read())
