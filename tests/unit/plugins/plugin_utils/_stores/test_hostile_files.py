# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody may have put in the way of the store's files and of reports: nothing is followed, waited for, or lost, and what is wrong is said."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import stat
import time

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible_collections.hwc.mfa.plugins.action import rollout_report_files, seed_store
from ansible_collections.hwc.mfa.plugins.plugin_utils._control import files as _files
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.control_node import WorkError
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.files import directory_at, read_file
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.packing import pack
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores import lock as _store_lock
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.lock import Owner, StoreLock
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.store import StoredSeed, StoreError
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.vault_files import VaultFiles
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

SEED = "JBSWY3DPEHPK3PXP"
PASSWORD = "open sesame"
OURS = Owner.of_process(os.getpid())


def entry(number=1):
    return {"serial_number": f"iam::d:mfa:{number}", "seed": SEED, "name": f"name {number}"}


def save(store, user_id, number=1):
    """Store a seed, and give the file that holds it."""
    (path,) = store.save({user_id: StoredSeed(**entry(number))})
    return path


def encrypted(text):
    return VaultLib([("default", VaultSecret(PASSWORD.encode()))]).encrypt(text)


@pytest.fixture(autouse=True)
def soon():
    """Whoever waits for a pipe fails, and does not wait forever."""

    def give_up(_number, _frame):
        raise AssertionError("still waiting after a minute")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, 60)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def store(tmp_path):
    """A store with a seed in it."""
    made = VaultFiles(str(tmp_path / "seeds"), "acme", PASSWORD)
    save(made, "u1")
    return made


@pytest.fixture
def victim(tmp_path):
    """A file that is somebody else's, and must stay as it is."""
    path = tmp_path / "victim"
    path.write_text("precious", encoding="utf-8")
    yield path
    assert path.read_text(encoding="utf-8") == "precious"


# In the place of a file of seeds or a mark


@pytest.mark.parametrize("name", ["000002.yml", "000002.json", "aaa.yml"])
def test_pipe_is_not_waited_for_and_named(store, name):
    os.mkfifo(store.path / name)
    with pytest.raises(StoreError, match=rf"{name} cannot be read: it is no file, move it away"):
        store.read()
    # To write is to lose nothing, and what is written counts.
    save(store, "u2", 2)
    (store.path / name).unlink()
    if name != "aaa.yml":
        # Nobody knows what was there, until somebody says that it was nothing.
        with pytest.raises(StoreError, match=r"000002.yml or .json is missing"):
            store.read()
        (store.path / "000002.json").write_text("{}", encoding="utf-8")
    assert store.read().entries == {"u1": entry(), "u2": entry(2)}


def test_device_behind_a_link_is_not_read_forever(store):
    (store.path / "000002.yml").symlink_to("/dev/zero")
    with pytest.raises(StoreError, match=r"000002.yml cannot be read: it is no file"):
        store.read()


def test_link_to_nothing_is_an_error_and_not_passed_over(store):
    (store.path / "000002.yml").symlink_to(store.path / "gone")
    with pytest.raises(StoreError, match=r"000002.yml cannot be read: No such file"):
        store.read()


def test_link_that_goes_round_in_a_circle_is_an_error(store):
    (store.path / "000002.yml").symlink_to("000002.yml")
    with pytest.raises(StoreError, match=r"000002.yml cannot be read"):
        store.read()


def test_file_that_is_too_large_is_not_taken_into_memory(store):
    with (store.path / "000002.yml").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(StoreError, match=r"000002.yml cannot be read: it is too large"):
        store.read()


def test_hard_link_to_a_file_of_somebody_elses_is_never_written(store, victim):
    os.link(victim, store.path / "000002.yml")
    with pytest.raises(StoreError, match=r"000002.yml cannot be decrypted"):
        store.read()
    assert save(store, "u2", 2).endswith("000003.yml")


def test_next_names_taken_by_links_and_directories_are_left_alone(store, victim):
    (store.path / "000002.yml").symlink_to(victim)
    (store.path / "000003.yml").mkdir()
    os.mkfifo(store.path / "000004.yml")
    (store.path / "000005.yml").symlink_to(store.path / "gone")
    assert save(store, "u2", 2).endswith("000006.yml")
    assert not (store.path / "gone").exists()
    assert read_file(store.path / "000006.yml").startswith(b"$ANSIBLE_VAULT")


@pytest.mark.parametrize("name", ["²²²²²².yml", "١٢٣٤٥٦.yml", "1.yml", "00000a.json", "-00001.yml", "0000001.yml", "000001 .yml"])
def test_file_with_a_number_that_is_none_is_in_nobodys_way(store, name):
    (store.path / name).write_bytes(encrypted(json.dumps({"u9": entry(9)})) if name.endswith("yml") else b"{}")
    assert save(store, "u2", 2).endswith("000002.yml")
    assert store.read().entries.items() >= {"u1": entry(), "u2": entry(2)}.items()


@pytest.mark.parametrize("name", ["zzz.yml", "1000000.yml", "999999 copy.yml", "~old.yml"])
def test_file_that_somebody_added_never_stands_before_what_was_stored_later(store, name):
    changed = {**entry(), "name": "changed"}
    (store.path / name).write_bytes(encrypted(json.dumps({"u1": changed, "u2": entry(8)})))
    save(store, "u2", 2)
    assert store.read().entries == {"u1": entry(), "u2": {**entry(2), "earlier": [entry(8)]}}


def test_last_number_can_be_used(store):
    (store.path / "999998.json").write_text("{}", encoding="utf-8")
    assert save(store, "u2", 2).endswith("999999.yml")


def test_store_whose_numbers_are_used_up_says_so_before_a_seed_could_be_lost(store):
    (store.path / "999999.json").write_text("{}", encoding="utf-8")
    for write in (lambda: store.announce(["u2"]), lambda: save(store, "u2", 2)):
        with pytest.raises(StoreError, match=r"a file with the last number, 999999: move its files"):
            write()
    assert sorted(path.name for path in store.path.iterdir()) == ["000001.yml", "999999.json"]


def test_directory_with_the_name_of_a_leftover_is_in_nobodys_way(store):
    (store.path / ".new-old").mkdir()
    (store.path / ".new-link").symlink_to(store.path / "000001.yml")
    os.utime(store.path / ".new-old", (1, 1))
    os.utime(store.path / ".new-link", (1, 1), follow_symlinks=False)
    store.lock(OURS)
    assert (store.path / ".new-old").is_dir()
    assert not (store.path / ".new-link").is_symlink()
    assert store.read().entries == {"u1": entry()}


# In a file


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(f"{new}: &{new} [{','.join(['*' + old] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi"))
HOSTILE_YAML = {
    "object": "u1: !!python/object/apply:os.system ['touch canary']",
    "name": "!!python/name:os.system",
    "new": "u1: {serial_number: s, seed: !!python/object/new:os.system ['touch canary']}",
    "bomb": BOMB,
    "bomb in an entry": BOMB + "u1: {serial_number: s, seed: *i}",
    "deep": "[" * 5000,
    "deep mapping": "{a: " * 3000,
    "number for a seed": "u1: {serial_number: s, seed: 0234567}",
    "date for a seed": "u1: {serial_number: s, seed: 2026-01-02}",
    "date before all dates": "u1: {serial_number: s, seed: 0001-01-01 00:00:00 +23:59}",
    "no date": "u1: {serial_number: s, seed: 2026-99-99}",
    "list for a serial": f"u1: {{serial_number: [s], seed: {SEED}}}",
    "nothing for a key": f"null: {{serial_number: s, seed: {SEED}}}",
    "truth for a key": f"true: {{serial_number: s, seed: {SEED}}}",
    "number for a key": f"1.5: {{serial_number: s, seed: {SEED}}}",
    "date for a key": f"2026-01-02: {{serial_number: s, seed: {SEED}}}",
    "list for a key": f"? [a, b]\n: {{serial_number: s, seed: {SEED}}}",
    "endless number": f"u1: {{serial_number: s, seed: {'9' * 5000}}}",
    "several documents": f"u1: {{serial_number: s, seed: {SEED}}}\n---\nu2: {{}}",
    "itself": "&a {u1: *a}",
    "control codes": "u1: {serial_number: s, seed: \x1b}",
    "nothing": "",
}


@pytest.mark.parametrize("text", HOSTILE_YAML.values(), ids=HOSTILE_YAML)
def test_yaml_that_is_no_mapping_of_seeds_is_an_error_that_names_the_file_and_runs_nothing(store, tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    (store.path / "000002.yml").write_bytes(encrypted(text))
    with pytest.raises(StoreError, match=r"000002.yml does not hold a mapping from user ids"):
        store.read()
    assert not (tmp_path / "canary").exists()


def test_more_than_a_seed_needs_is_left_out(store):
    bomb = BOMB.strip().replace("\n", ", ")
    text = f"u2: {{serial_number: s, seed: {SEED}, name: n, when: 2026-01-02, 5: x, room: 7, {bomb}}}"
    (store.path / "000002.yml").write_bytes(encrypted(text))
    assert store.read().entries["u2"] == {"serial_number": "s", "seed": SEED, "name": "n"}
    assert len(pack(store.read().entries)) < 1000


@pytest.mark.parametrize(
    "before",
    [
        f"{{{BOMB.strip()}}}".replace("\n", ", "),
        "{enabled: true}",
        "{enabled: 'yes', verification_method: sms}",
        "{enabled: true, verification_method: [sms]}",
        "{enabled: true, verification_method: 2026-01-02}",
        "[enabled]",
        "vmfa",
        "5",
        "{}",
    ],
)
def test_protection_before_that_is_none_is_left_out(store, before):
    (store.path / "000002.yml").write_bytes(encrypted(f"u2: {{serial_number: s, seed: {SEED}, name: n, before: {before}}}"))
    assert store.read().entries["u2"] == {"serial_number": "s", "seed": SEED, "name": "n"}


def test_more_than_a_protection_is_left_out_of_it(store):
    bomb = BOMB.strip().replace("\n", ", ")
    before = f"{{enabled: true, verification_method: sms, when: 2026-01-02, {bomb}}}"
    (store.path / "000002.yml").write_bytes(encrypted(f"u2: {{serial_number: s, seed: {SEED}, name: n, before: {before}}}"))
    assert store.read().entries["u2"]["before"] == {"enabled": True, "verification_method": "sms"}


def test_digits_that_yaml_takes_for_a_number_are_an_id(store):
    (store.path / "000002.yml").write_bytes(encrypted(f"123456: {{serial_number: s, seed: {SEED}}}"))
    assert store.read().entries["123456"]["seed"] == SEED


@pytest.mark.parametrize(
    "content",
    [
        "[" * 100_000,
        '{"intends": [["u1"]]}',
        '{"intends": [{}]}',
        '{"removes": [null]}',
        '{"intends": [true]}',
        '{"removes": {"u1": 1}}',
        '{"announces": [[]]}',
        '{"withdraws": "u1"}',
        '{"account": ["x"]}',
        '"u1"',
        "{} {}",
        "NaN",
    ],
)
def test_mark_of_any_other_form_is_an_error_and_forgets_no_seed(store, content):
    (store.path / "000002.json").write_text(content, encoding="utf-8")
    with pytest.raises(StoreError, match=r"000002.json is not a mark of this store"):
        store.read()


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=80)
    | st.binary(max_size=60).map(b"$ANSIBLE_VAULT;1.1;AES256\n".__add__)
    | st.text(st.sampled_from("0123456789abcdef\n"), max_size=200).map(lambda text: b"$ANSIBLE_VAULT;1.2;AES256;x\n" + text.encode())
)
@example(b"$ANSIBLE_VAULT;1.1;AES\n6162")
@example(b"$ANSIBLE_VAULT;9.9;AES256\n6162")
@example(b"$ANSIBLE_VAULT\n")
@example(b"$ANSIBLE_VAULT;1.1;AES256\nzz")
def test_file_of_any_bytes_is_an_error_and_no_other(store, content):
    (store.path / "000002.yml").write_bytes(content)
    with pytest.raises(StoreError, match=r"000002.yml "):
        store.read()


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(blacklist_categories=("Cs",)), max_size=60))
def test_vault_with_any_text_in_it_is_an_error_or_a_mapping(store, text):
    (store.path / "000002.yml").write_bytes(encrypted(text))
    try:
        store.read()
    except StoreError as error:
        assert "000002.yml" in str(error)


# In the place of the directory


@pytest.mark.parametrize("write", ["save", "announce", "lock"])
@pytest.mark.parametrize("kind", ["link", "dangling", "file", "pipe", "shared"])
def test_what_stands_in_the_place_of_the_accounts_directory_is_named_and_not_used(tmp_path, victim, write, kind):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    base = tmp_path / "seeds"
    base.mkdir(mode=0o700)
    account = base / "acme"
    if kind == "link":
        account.symlink_to(elsewhere)
    elif kind == "dangling":
        account.symlink_to(tmp_path / "gone")
    elif kind == "file":
        account.write_text("x", encoding="utf-8")
    elif kind == "pipe":
        os.mkfifo(account)
    else:
        account.mkdir()
        account.chmod(0o1777)
    store = VaultFiles(str(base), "acme", PASSWORD)
    with pytest.raises(StoreError, match=r"seeds/acme"):
        {"save": lambda: save(store, "u1"), "announce": lambda: store.announce(["u1"]), "lock": lambda: store.lock(OURS)}[write]()
    assert list(elsewhere.iterdir()) == []
    assert not (tmp_path / "gone").exists()
    assert kind != "shared" or list(account.iterdir()) == []


@pytest.mark.parametrize("directory", ["a\0b", "\ud800", "~nobody-of-this-name/x"])
def test_directory_that_is_no_path_is_an_error_by_the_options_name(directory):
    with pytest.raises(ValueError, match="directory must be the path of a directory"):
        directory_at(directory)
    with pytest.raises(StoreError, match="directory must be the path of a directory"):
        VaultFiles(directory, "acme", PASSWORD)


@pytest.mark.parametrize("account", ["\ud800", "a\udcff"])
def test_account_of_no_characters_is_an_error_by_the_options_name(tmp_path, account):
    with pytest.raises(StoreError, match="account holds a code that is no character"):
        VaultFiles(str(tmp_path), account, PASSWORD)


def test_twins_that_look_alike_are_two_accounts(tmp_path):
    for number, account in enumerate(["Ame\u0301lie", "Am\u00e9lie", "AM\u00c9LIE", "Am\u00e9lie\u200b", "Am\u0435lie"]):
        save(VaultFiles(str(tmp_path), account, PASSWORD), "u1", number)
    assert len(list(tmp_path.iterdir())) == 5


def test_file_of_another_mode_and_owner_is_read_and_left_as_it_is(store):
    path = store.path / "000001.yml"
    path.chmod(0o444)
    if os.geteuid() == 0:
        os.chown(path, 12345, 12345)
    save(store, "u2", 2)
    assert store.read().entries == {"u1": entry(), "u2": entry(2)}
    assert stat.S_IMODE(path.stat().st_mode) == 0o444


# In the place of the lock


def test_lock_that_is_a_pipe_is_not_waited_for_and_replaced(store):
    os.mkfifo(store.path / ".lock")
    store.lock(OURS)
    assert json.loads((store.path / ".lock").read_bytes())["owner"]["pid"] == OURS.pid


def test_lock_that_is_a_link_is_replaced_and_not_followed(store, victim):
    (store.path / ".lock").symlink_to(victim)
    store.lock(OURS)
    assert not (store.path / ".lock").is_symlink()
    (store.path / ".lock").unlink()
    (store.path / ".lock").symlink_to(store.path / "gone")
    store.lock(OURS)
    assert not (store.path / "gone").exists()
    store.unlock(OURS)
    assert sorted(path.name for path in store.path.iterdir()) == ["000001.yml"]


@pytest.mark.parametrize(
    "wrong",
    [{"host": 5}, {"host": None}, {"started": 5}, {"pid": 0}, {"pid": 1.0}, {"boot": 5}, {"namespace": None}, {"inventory_host": []}],
)
def test_lock_of_which_a_part_is_wrong_is_none(store, wrong):
    owner = {"host": "elsewhere", "pid": 1, "started": "", **wrong}
    (store.path / ".lock").write_text(json.dumps({"owner": owner, "until": time.time() + 600}), encoding="utf-8")
    store.lock(OURS)
    assert json.loads((store.path / ".lock").read_bytes())["owner"]["pid"] == OURS.pid


def test_lock_that_is_a_directory_is_named(store):
    (store.path / ".lock").mkdir()
    with pytest.raises(StoreError, match=r"acme/\.lock cannot be written"):
        store.lock(OURS)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=4)
    | st.sampled_from([10**100, -1, 0, 2**31, "9e999", float("nan")]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.fixed_dictionaries({"owner": st.fixed_dictionaries({"host": VALUES, "pid": VALUES, "started": VALUES}) | VALUES, "until": VALUES})
    | VALUES
)
@example({"owner": {"host": "h", "pid": 1, "started": ""}, "until": float("nan")})
@example({"owner": {"host": "h", "pid": 1, "started": ""}, "until": float("inf")})
@example({"owner": {"host": "h", "pid": 1, "started": ""}, "until": "1"})
@example({"owner": {"host": OURS.host, "pid": 10**30, "started": ""}, "until": 1})
@example({"owner": {"host": OURS.host, "pid": -1, "started": ""}, "until": 1})
@example({"owner": {"host": OURS.host, "pid": "1", "started": ""}, "until": 1})
@example({"owner": {"host": ["h"], "pid": 1, "started": ""}, "until": 9e9})
def test_lock_of_any_content_holds_back_or_not_and_breaks_nothing(tmp_path, content):
    (tmp_path / ".lock").write_text(json.dumps(content), encoding="utf-8")
    lock = StoreLock(tmp_path, OURS)
    renewed = lock.renew()
    refusal = lock.acquire()
    assert refusal is None or ("another run" in refusal and refusal.isprintable())
    assert renewed is None or renewed == refusal
    lock.release()


def test_lock_that_is_nested_without_end_or_huge_holds_nobody_back(tmp_path):
    (tmp_path / ".lock").write_text("[" * 100_000, encoding="utf-8")
    assert StoreLock(tmp_path, OURS).acquire() is None
    with (tmp_path / ".lock").open("wb") as file:
        file.truncate(2**40)
    assert StoreLock(tmp_path, OURS).acquire() is None


def test_host_in_a_lock_cannot_write_lines_of_its_own(tmp_path):
    owner = {"host": "h\x1b[2J\nfatal: [acme]", "pid": 1, "started": "1"}
    (tmp_path / ".lock").write_text(json.dumps({"owner": owner, "until": 9e9}), encoding="utf-8")
    assert StoreLock(tmp_path, OURS).acquire().isprintable()


def test_directory_that_another_program_keeps_locked_is_waited_for_and_not_forever(store, monkeypatch):
    monkeypatch.setattr(_store_lock, "_PATIENCE", 0.1)
    handle = os.open(store.path, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    with pytest.raises(StoreError, match="another program keeps this directory locked"):
        store.lock(OURS)
    os.close(handle)
    store.lock(OURS)


# The module


def action_of(plugin):
    return plugin.ActionModule(task=None, connection=None, play_context=None, loader=None, templar=None, shared_loader_obj=None)


SEED_STORE = {
    **dict.fromkeys(("account_id", "entries", "intends", "withdraws", "removes", "lock")),
    **{"type": "ansible_vault", "hashi_vault": None, "csms": None, "account": "acme", "password": PASSWORD, "read": True, "packed": False},
}


def store_action(host="acme-1"):
    action = action_of(seed_store)
    action._host = host
    return action


WRONG_ENTRIES = [
    {"u1": None},
    {"u1": 5},
    {"u1": SEED},
    {"u1": []},
    {"u1": {}},
    {"u1": {"seed": SEED}},
    {"u1": {"serial_number": "s", "seed": ""}},
    {"u1": {"serial_number": "s", "seed": None}},
    {"u1": {"serial_number": ["s"], "seed": SEED}},
    {"u1": {"serial_number": "s", "seed": True}},
    {"u2": entry(2), "u1\x1b[2J\n": {"serial_number": {}, "seed": SEED}},
]


@pytest.mark.parametrize("entries", WRONG_ENTRIES)
def test_entries_of_another_form_are_refused_before_anything_is_written_and_not_shown(tmp_path, entries):
    given_options = {**SEED_STORE, "directory": str(tmp_path / "seeds"), "entries": entries, "intends": ["u1"], "lock": "acquire"}
    with pytest.raises(WorkError, match="The seed store: entries must be a mapping from user id to serial_number") as caught:
        store_action("acme-1").work(given_options, False)
    assert SEED not in str(caught.value)
    assert str(caught.value).isprintable()
    assert list(tmp_path.iterdir()) == []


# Reports


REPORT = {
    "account": "acme",
    "summary": {},
    "users": [
        {
            "user_id": "u1",
            "name": "lone \ud83d\x00\u2028",
            "outcome": "done",
            "reason": "",
            "before": {"binding": None, "login_protection": None},
            "after": {"binding": None, "login_protection": None},
            "seed_stored": None,
            "login_proven": None,
        }
    ],
}


def write_report(directory, report=None, check_mode=False):
    action = action_of(rollout_report_files)
    # The page needs all that a report has.
    given = {"directory": str(directory), "report": pack(REPORT) if report is None else report, "formats": ["json", "csv"]}
    return action.work(given, check_mode)


@pytest.mark.parametrize("kind", ["link", "dangling", "pipe", "hard link", "latin-1", "device", "unreadable"])
def test_what_stands_in_the_place_of_a_report_is_replaced_and_not_followed(tmp_path, victim, kind):
    directory = tmp_path / "reports"
    directory.mkdir()
    path = directory / "acme.json"
    if kind == "link":
        path.symlink_to(victim)
    elif kind == "dangling":
        path.symlink_to(tmp_path / "gone")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "hard link":
        os.link(victim, path)
    elif kind == "latin-1":
        path.write_bytes(b"\xe4\xf6")
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.write_bytes(b"x")
        path.chmod(0)
    assert write_report(directory)["changed"]
    assert json.loads(path.read_text(encoding="utf-8")) == REPORT
    assert stat.S_IMODE(path.lstat().st_mode) == 0o600
    assert not (tmp_path / "gone").exists()
    assert not write_report(directory)["changed"]


def test_directory_in_the_place_of_a_report_is_named(tmp_path):
    (tmp_path / "acme.csv").mkdir()
    with pytest.raises(WorkError, match=r"acme\.csv cannot be written"):
        write_report(tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".new")] == []


@pytest.mark.parametrize("directory", ["a\0b", "\ud800"])
def test_report_directory_that_is_no_path_is_an_error_by_the_options_name(directory):
    with pytest.raises(WorkError, match="directory must be the path of a directory"):
        write_report(directory)


@pytest.mark.parametrize("account", ["../x", "a/../../b", "\ud800", "", "a\0b", "x" * 300, "-rf", "{{ x }}"])
def test_account_of_a_report_leads_nowhere_else(tmp_path, account):
    directory = tmp_path / "reports"
    try:
        files = write_report(directory, {**REPORT, "account": account})["files"]
    except WorkError as error:
        assert "account" in str(error) or "cannot be written" in str(error)
        files = []
    assert {os.path.dirname(path) for path in files} <= {str(directory)}
    assert [path.name for path in tmp_path.iterdir()] in ([], ["reports"])


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.fixed_dictionaries(
        {"account": st.just("acme") | VALUES, "users": st.lists(VALUES | st.just(REPORT["users"][0]), max_size=2) | VALUES}
    )
    | VALUES
)
def test_report_of_any_form_is_written_or_refused_in_words(tmp_path, report):
    try:
        write_report(tmp_path / "reports", report)
    except WorkError as error:
        assert str(error)


def test_file_larger_than_any_is_refused_by_its_size_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(_files, "LARGEST", 10)
    (tmp_path / "file").write_bytes(b"x" * 11)
    with pytest.raises(OSError, match="too large"):
        read_file(tmp_path / "file")
    (tmp_path / "file").write_bytes(b"x" * 10)
    assert read_file(tmp_path / "file") == b"x" * 10
