# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.files import (
    account_path,
    create_file,
    directory_at,
    file_name,
    make_directory,
    replace_file,
    sync_directory,
    temporary_file,
)


def test_replaced_file_is_whole_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "acme.json"
    path.write_text("older and longer", encoding="utf-8")
    path.chmod(0o644)
    replace_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["acme.json"]


def test_link_in_the_place_of_a_file_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("keep", encoding="utf-8")
    (tmp_path / "acme.json").symlink_to(tmp_path / "precious")
    replace_file(tmp_path / "acme.json", b"new")
    assert (tmp_path / "precious").read_text(encoding="utf-8") == "keep"
    assert not (tmp_path / "acme.json").is_symlink()


def test_temporary_file_that_nobody_takes_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), temporary_file(tmp_path, b"seed") as path:
        assert Path(path).read_bytes() == b"seed"
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_new_directory_is_for_its_owner_alone(tmp_path: Path) -> None:
    make_directory(tmp_path / "new")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


def test_directories_above_a_new_one_are_made_too(tmp_path: Path) -> None:
    make_directory(tmp_path / "a" / "b")
    make_directory(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


def test_nobody_else_can_put_another_directory_in_the_place_of_a_new_one_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        make_directory(tmp_path / "a" / "b" / "c")
    finally:
        os.umask(before)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "a", tmp_path / "a" / "b")] == [0o700, 0o700]


def test_writing_leaves_nothing_open(tmp_path: Path) -> None:
    def next_descriptor() -> int:
        number = os.open(os.devnull, os.O_RDONLY)
        os.close(number)
        return number

    before = next_descriptor()
    replace_file(tmp_path / "acme.json", b"new")
    assert next_descriptor() == before


@pytest.mark.parametrize("account", ["../other", "a/b", "/etc", "a\nb", "ä\u202e", "{{ x }}"])
def test_account_names_one_entry_of_its_directory(account: str) -> None:
    name = file_name(account) if not account.startswith(".") else "refused"
    assert "/" not in name and "\n" not in name and not name.startswith(".")


@pytest.mark.parametrize("account", ["", ".", "..", ".hidden", "../other"])
def test_account_that_would_lead_elsewhere_is_refused(account: str) -> None:
    with pytest.raises(ValueError, match="account must not be empty or begin with a dot"):
        file_name(account)


@pytest.mark.parametrize(
    ("account", "name"),
    [
        ("Z\u00fcrich", "Z\u00fcrich"),
        ("\u5317\u4eac \u751f\u4ea7", "\u5317\u4eac \u751f\u4ea7"),
        ("\u041c\u043e\u0441\u043a\u0432\u0430", "\u041c\u043e\u0441\u043a\u0432\u0430"),
        ("acme.prod_1", "acme.prod_1"),
        ("a/\u00fc", "a%2F\u00fc"),
        ("a:b*c", "a%3Ab%2Ac"),
        ("\u00fc\u202ex\u2028y\u00a0z", "\u00fc%E2%80%AEx%E2%80%A8y%C2%A0z"),
        ("50%", "50%25"),
    ],
)
def test_letters_of_all_languages_name_files_and_what_cannot_be_seen_is_escaped(account: str, name: str) -> None:
    assert file_name(account) == name


def test_account_is_found_where_an_earlier_version_put_it(tmp_path: Path) -> None:
    assert account_path(tmp_path, "Z\u00fcrich", ".json") == tmp_path / "Z\u00fcrich.json"
    (tmp_path / "Z%C3%BCrich.json").touch()
    assert account_path(tmp_path, "Z\u00fcrich", ".json") == tmp_path / "Z%C3%BCrich.json"
    (tmp_path / "Z\u00fcrich.json").touch()
    assert account_path(tmp_path, "Z\u00fcrich", ".json") == tmp_path / "Z\u00fcrich.json"


@pytest.mark.parametrize("relative", ["seeds", "./seeds", "../seeds", ""])
def test_path_that_depends_on_where_a_play_is_started_is_refused(relative: str) -> None:
    with pytest.raises(ValueError, match="directory must be an absolute path"):
        directory_at(relative)


def test_path_from_the_root_or_from_the_home_directory_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert directory_at("~/seeds") == Path("/home/ada/seeds")
    assert directory_at("/srv/seeds") == Path("/srv/seeds")


@pytest.mark.parametrize("inside", ["", "seeds", "playbooks/seeds"])
def test_path_in_a_collection_is_refused_since_an_update_would_delete_what_lies_there(tmp_path: Path, inside: str) -> None:
    collection = tmp_path / "ansible_collections" / "hwc" / "mfa"
    with pytest.raises(ValueError, match=f"lies in the collection at {collection}, which an update replaces .*: name a directory outside"):
        directory_at(str(collection / inside))


def test_link_into_a_collection_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ansible_collections" / "hwc" / "mfa").mkdir(parents=True)
    (tmp_path / "seeds").symlink_to(tmp_path / "ansible_collections" / "hwc" / "mfa")
    with pytest.raises(ValueError, match="lies in the collection"):
        directory_at(str(tmp_path / "seeds"))


@pytest.mark.parametrize("beside", ["ansible_collections", "ansible_collections/seeds", "collections/hwc/mfa/seeds"])
def test_path_beside_collections_is_taken(tmp_path: Path, beside: str) -> None:
    assert directory_at(str(tmp_path / beside)) == tmp_path / beside


# Files that are never written over


@pytest.fixture(params=["links", "no links"])
def links(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """File systems with hard links, and without."""

    def link(_source: str, _target: Path) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    if request.param == "no links":
        monkeypatch.setattr(os, "link", link)
    return str(request.param)


def test_new_file_is_whole_and_for_its_owner_alone(tmp_path: Path, links: str) -> None:
    create_file(tmp_path / "000001.yml", b"seed")
    assert (tmp_path / "000001.yml").read_bytes() == b"seed"
    assert stat.S_IMODE((tmp_path / "000001.yml").stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["000001.yml"]


@pytest.mark.parametrize("kind", ["file", "link", "dangling", "directory"])
def test_new_file_is_never_written_over_what_is_there(tmp_path: Path, links: str, kind: str) -> None:
    (tmp_path / "precious").write_text("keep", encoding="utf-8")
    path = tmp_path / "000001.yml"
    if kind == "file":
        path.write_text("keep", encoding="utf-8")
    elif kind == "directory":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / ("precious" if kind == "link" else "gone"))
    before = sorted(tmp_path.iterdir())
    with pytest.raises(FileExistsError):
        create_file(path, b"seed")
    assert (tmp_path / "precious").read_text(encoding="utf-8") == "keep"
    assert sorted(tmp_path.iterdir()) == before
    assert kind != "file" or path.read_text(encoding="utf-8") == "keep"


def test_file_that_could_not_be_written_whole_is_not_left_behind(tmp_path: Path, links: str, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = []

    def fsync(handle: int) -> None:
        synced.append(handle)
        # The first file is the temporary one, the second where there are no links the file itself.
        if len(synced) == (2 if links == "no links" else 1):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match="No space left"):
        create_file(tmp_path / "000001.yml", b"seed")
    assert list(tmp_path.iterdir()) == []


def test_disk_that_fails_to_link_for_another_reason_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(_source: str, _target: Path) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "link", link)
    with pytest.raises(OSError, match="Input/output error"):
        create_file(tmp_path / "000001.yml", b"seed")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("code", "survived"), [(errno.EINVAL, True), (errno.EOPNOTSUPP, True), (errno.EIO, False)])
def test_directory_that_cannot_be_brought_to_the_disk_is_survived_where_the_file_system_never_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, survived: bool
) -> None:
    def fsync(_handle: int) -> None:
        raise OSError(code, os.strerror(code))

    before = os.open(os.devnull, os.O_RDONLY)
    os.close(before)
    monkeypatch.setattr(os, "fsync", fsync)
    if survived:
        sync_directory(tmp_path)
    else:
        with pytest.raises(OSError, match="Input/output error"):
            sync_directory(tmp_path)
    after = os.open(os.devnull, os.O_RDONLY)
    os.close(after)
    assert after == before, "nothing is left open"
