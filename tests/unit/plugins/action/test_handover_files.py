# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action handover_files as tasks call it, on stores of files."""

from __future__ import annotations

import os
import stat

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible_collections.hwc.mfa.plugins.action import handover_files
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.control_node import WorkError
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.packing import pack
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.store import StoredSeed
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.vault_files import VaultFiles

STORE_PASSWORD, PASSWORD = "open sesame", "for ada only"
ADA, OLD, GRACE = "JBSWY3DPEHPK3PXPJBSWY3DP", "GEZDGNBVGY3TQOJQGEZDGNBV", "MFRGGZDFMZTWQ2LKMFRGGZDF"
DEFAULTS = {
    **dict.fromkeys(("hashi_vault", "csms", "account_id", "entries", "audit", "keepass_password", "login_url")),
    "type": "ansible_vault",
    "password": STORE_PASSWORD,
    "account": "acme",
    "users": ["ada"],
    "formats": ["sheet"],
    "handover_password": PASSWORD,
    "issuer": "Huawei Cloud",
    "overwrite": False,
    "persistent": False,
}


def audit_of(*users):
    known = {"enabled": True, "login_protection": {"enabled": True, "verification_method": "vmfa"}}
    return {
        "users": [
            {"user_id": id_, "name": name, "device": {"serial_number": serial, "binding": "bound"}, **known} for id_, name, serial in users
        ]
    }


AUDIT = audit_of(("u1", "ada", "serial-ada"), ("u2", "grace", "serial-grace"))


@pytest.fixture
def task(tmp_path):
    """Runs the action with these options, beside a store with two users, one of whom had another device before."""
    store = VaultFiles(str(tmp_path / "seeds"), "acme", STORE_PASSWORD)
    store.announce(["u1", "u2"], "account-1")
    store.save({"u1": StoredSeed("serial-old", OLD, "ada")})
    store.save({"u1": StoredSeed("serial-ada", ADA, "ada"), "u2": StoredSeed("serial-grace", GRACE, "grace")})

    def work(check_mode=False, play=None, **options):
        action = handover_files.ActionModule(
            task=None, connection=None, play_context=None, loader=None, templar=None, shared_loader_obj=None
        )
        action._play = play or {}
        given = {"directory": str(tmp_path / "seeds"), "destination": str(tmp_path / "out"), "audit": AUDIT}
        result = action.work({**DEFAULTS, **given, **options}, check_mode)
        assert not any(secret in str(result) for secret in (ADA, OLD, GRACE, PASSWORD, STORE_PASSWORD))
        return result

    return work


def opened(path):
    return VaultLib([("default", VaultSecret(PASSWORD.encode()))]).decrypt(path.read_bytes()).decode()


def made(tmp_path):
    return sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file())


def test_sheet_of_one_user_is_encrypted_and_for_its_owner_alone(task, tmp_path):
    result = task()
    (path,) = [tmp_path / "out" / "acme" / "ada.html.vault"]
    assert result["files"] == [str(path)]
    assert (result["changed"], result["users"], result["left_out"]) == (True, [{"user_id": "u1", "name": "ada"}], [])
    assert made(tmp_path) == ["acme/ada.html.vault"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in (path.parent, tmp_path / "out")] == [0o700, 0o700]
    assert "JBSW Y3DP EHPK 3PXP JBSW Y3DP" in opened(path)


def test_same_again_changes_nothing_and_another_is_refused(task, tmp_path):
    task()
    path = tmp_path / "out" / "acme" / "ada.html.vault"
    before = path.read_bytes()
    assert task()["changed"] is False
    for different in ({"issuer": "Open Telekom Cloud"}, {"handover_password": "another"}, {"audit": audit_of(("u1", "ada", "serial-old"))}):
        with pytest.raises(WorkError, match=r"ada\.html\.vault: there is a file with other content.*overwrite=true"):
            task(**different)
    assert path.read_bytes() == before
    assert task(issuer="Open Telekom Cloud", overwrite=True)["changed"] is True
    assert "Open Telekom Cloud" in opened(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_nothing_is_written_where_one_file_of_many_is_in_the_way(task, tmp_path):
    (tmp_path / "out" / "acme").mkdir(parents=True)
    (tmp_path / "out" / "acme" / "grace.html.vault").write_text("notes")
    with pytest.raises(WorkError, match=r"grace\.html\.vault"):
        task(users="all")
    assert made(tmp_path) == ["acme/grace.html.vault"]


@pytest.mark.parametrize("whole", [0, 1])
@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(28, "No space left on device", "out"), "out cannot be written: No space left on device."),
        (FileExistsError(17, "File exists", "out"), "out was made by somebody else meanwhile: run again."),
    ],
)
def test_file_that_cannot_be_written_is_told_with_those_that_were_before(task, monkeypatch, whole, error, words):
    create_file, files = handover_files.create_file, []

    def fails(path, content):
        if len(files) == whole:
            raise error
        create_file(path, content)
        files.append(path)

    monkeypatch.setattr(handover_files, "create_file", fails)
    with pytest.raises(WorkError) as caught:
        task(users=["ada", "grace"])
    assert str(caught.value) == words + " Before that, 1 of 2 files were written." * whole
    assert caught.value.changed == bool(whole)


def test_place_where_nothing_can_be_written_is_named_in_check_mode_too(task, monkeypatch):
    # Whoever is root may write anywhere.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(WorkError, match=r"cannot be written: Permission denied\."):
        task(check_mode=True, users="all", formats=["otpauth"])


def test_check_mode_says_the_same_and_writes_nothing(task, tmp_path):
    told = task(check_mode=True, users="all", formats=["sheet", "otpauth"])
    assert not (tmp_path / "out").exists()
    assert task(users="all", formats=["sheet", "otpauth"]) == told
    assert task(check_mode=True, users="all", formats=["sheet", "otpauth"])["changed"] is False
    with pytest.raises(WorkError, match="other content"):
        task(check_mode=True, issuer="another")


def test_everybody_is_who_has_a_seed_of_the_device_that_the_cloud_shows(task, tmp_path):
    result = task(users="all", formats=["otpauth"], audit=audit_of(("u1", "ada", "serial-old"), ("u3", "eve", "serial-eve")))
    assert [user["name"] for user in result["users"]] == ["ada"]
    assert [(user["name"], user["reason"]) for user in result["left_out"]] == [("grace", "is no user of the account any more")]
    assert OLD in opened(tmp_path / "out" / "acme.otpauth.txt.vault")


def test_without_an_audit_one_seed_is_clear_and_two_are_not(task):
    assert task(audit=None, users="grace")["changed"]
    with pytest.raises(WorkError, match=r"acme: ada has several stored seeds.*give audit"):
        task(audit=None)


@pytest.mark.parametrize("packed", [False, True])
def test_seeds_of_the_operators_own_store_and_the_audit_come_as_the_role_has_them(task, tmp_path, packed):
    entries = {"u1": {"serial_number": "serial-ada", "seed": GRACE, "name": "ada"}}
    task(entries=pack(entries) if packed else entries, audit={"audit_packed": pack(AUDIT)} if packed else AUDIT, formats=["otpauth"])
    assert GRACE in opened(tmp_path / "out" / "acme" / "ada.otpauth.txt.vault")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"users": ["nobody"]}, "acme: nobody is neither the id nor the name"),
        ({"users": []}, "users must be a list"),
        ({"audit": {"failed": True}}, "audit must be the result of hwc.mfa.iam_mfa_info"),
        ({"audit": 17}, "audit must be the result"),
        ({"audit": {"users": [{"name": "ada", "enabled": True}]}}, "audit must be the result"),
        ({"issuer": ""}, "issuer, for the role mfa_handover_issuer, must not be empty"),
        ({"issuer": "  "}, "issuer, for the role mfa_handover_issuer, must not be empty"),
        ({"formats": []}, "formats, for the role mfa_handover_formats, must not be empty"),
        ({"entries": "[1]"}, "entries must be a mapping"),
        ({"audit": "{"}, "audit must be"),
        ({"handover_password": "\n"}, "handover_password, for the role mfa_handover_password, must not be empty"),
        ({"handover_password": " \t"}, "handover_password, for the role mfa_handover_password, must not be empty"),
        ({"handover_password": STORE_PASSWORD}, "handover_password is the password of the seed store"),
        # The same for ansible-vault.
        ({"handover_password": f" {STORE_PASSWORD}\t"}, "handover_password is the password of the seed store"),
        ({"keepass_password": STORE_PASSWORD + "\n"}, "keepass_password is the password of the seed store"),
        ({"formats": ["keepass"]}, "keepass_password, for the role mfa_handover_keepass_password, must not be empty"),
        ({"password": "wrong"}, "The seed store: .* cannot be decrypted"),
        ({"directory": None}, "The seed store: directory is missing"),
        ({"account_id": "account-2"}, "belongs to the account with the id account-1"),
        ({"account": ".."}, "account must not be empty or begin with a dot"),
        ({"destination": "out"}, "destination: .*absolute path"),
        ({"play": {"awx_job_id": 5}}, "AWX job.*persistent=true"),
        ({"play": {"tower_job_id": 5}}, "AWX job.*persistent=true"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_written(task, tmp_path, options, words):
    with pytest.raises(WorkError, match=words):
        task(**options)
    assert not (tmp_path / "out").exists()


def test_persistent_directory_is_taken_in_awx(task):
    assert task(play={"awx_job_id": 5}, persistent=True)["changed"]


def test_directory_of_an_inventory_is_refused(task, tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(WorkError, match=r"destination is .*reads what lies in .*as inventory"):
        task(play={"ansible_inventory_sources": [str(tmp_path / "out")]})


def test_file_where_a_directory_should_be_is_named(task, tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(WorkError, match=r"out.* cannot be (written|read)"):
        task()
