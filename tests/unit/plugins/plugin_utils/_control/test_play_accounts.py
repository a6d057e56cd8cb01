# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from ansible import constants
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.vars.hostvars import HostVars
from ansible.vars.manager import VariableManager
from ansible_collections.hwc.mfa.plugins.plugin_utils._control import play_accounts
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.play_accounts import other_account, other_host, with_own_credentials


@pytest.fixture(autouse=True)
def local_tmp(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    return tmp_path


def test_second_host_of_an_account_learns_who_has_it_and_the_first_keeps_it():
    assert other_host("account-1", "berlin") is None
    assert other_host("account-1", "bonn") == "berlin"
    assert other_host("account-1", "berlin") is None
    assert other_host("account-1", "bonn") == "berlin"


def test_each_account_has_a_host_of_its_own():
    assert other_host("account-1", "berlin") is None
    assert other_host("account-2", "bonn") is None
    assert other_host("account-2", "berlin") == "bonn"


def test_report_is_one_accounts_whatever_host_asks():
    acme, other = Path("/reports/acme.json"), Path("/others/acme.json")
    assert other_account(acme, "account-1", "berlin") is None
    assert other_account(acme, "account-1", "bonn") is None
    assert other_account(acme, "account-2", "bonn") == "berlin"
    assert other_account(acme, "account-2", "berlin") == "berlin"
    assert other_account(other, "account-2", "bonn") is None
    assert other_account(acme, None, "bonn") is None


def test_account_whose_id_is_like_the_path_of_a_report_is_not_taken_for_it():
    assert other_account(Path("/acme"), "account-1", "berlin") is None
    assert other_host("/acme", "bonn") is None


@pytest.mark.parametrize("account_id", [None, ""])
def test_account_whose_id_the_cloud_does_not_tell_is_nobodys(local_tmp, account_id):
    assert other_host(account_id, "berlin") is None
    assert other_host(account_id, "bonn") is None
    assert list(local_tmp.iterdir()) == []


def test_next_play_begins_anew(tmp_path, monkeypatch):
    assert other_host("account-1", "berlin") is None
    (tmp_path / "next").mkdir()
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path / "next"))
    assert other_host("account-1", "bonn") is None


@pytest.mark.parametrize("account_id", ["../../etc/passwd", "a\0b", "x" * 5000, "ä\n"])
def test_id_of_an_account_names_one_file_whatever_is_in_it(local_tmp, account_id):
    assert other_host(account_id, "berlin") is None
    assert other_host(account_id, "bonn") == "berlin"
    (path,) = local_tmp.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_of_many_hosts_at_once_one_gets_the_account():
    hosts = [f"host-{number}" for number in range(16)]
    with ThreadPoolExecutor(16) as pool:
        answers = dict(zip(hosts, pool.map(lambda host: other_host("account-1", host), hosts)))
    (first,) = [host for host, other in answers.items() if other is None]
    assert {other for other in answers.values() if other is not None} == {first}


def test_note_that_is_just_being_written_is_waited_for(local_tmp):
    assert other_host("account-1", "berlin") is None
    (path,) = local_tmp.iterdir()
    path.write_text("ber", encoding="utf-8")
    timer = threading.Timer(0.1, lambda: path.write_text("berlin\n", encoding="utf-8"))
    timer.start()
    assert other_host("account-1", "bonn") == "berlin"
    timer.join()


def test_note_of_which_nothing_was_written_keeps_everybody_away(local_tmp, monkeypatch):
    monkeypatch.setattr(play_accounts.time, "sleep", lambda _seconds: None)
    assert other_host("account-1", "berlin") is None
    (path,) = local_tmp.iterdir()
    path.write_text("", encoding="utf-8")
    assert other_host("account-1", "bonn") == "another host"


def test_temporary_directory_that_is_gone_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path / "gone"))
    with pytest.raises(OSError):
        other_host("account-1", "berlin")


def test_nothing_is_left_open():
    before = os.open(os.devnull, os.O_RDONLY)
    os.close(before)
    other_host("account-1", "berlin")
    other_host("account-1", "bonn")
    after = os.open(os.devnull, os.O_RDONLY)
    os.close(after)
    assert after == before


# Hosts that would take the environment's credentials

PLACEHOLDER = "__omit_place_holder__" + "0123456789" * 4
KEYS = {"access_key": "AK", "secret_key": "SK"}
AGENCY = {"assume_agency": {"agency_name": "mfa", "domain_name": "acme"}}


def play(auths, host="berlin", hosts=None):
    """The variables of a task of ``host``, in a play on hosts with these values of mfa_rollout_auth."""
    loader = DataLoader()
    inventory = InventoryManager(loader=loader, sources=[])
    manager = VariableManager(loader=loader, inventory=inventory)
    for name, auth in auths.items():
        inventory.add_host(name)
        if auth is not None:
            inventory.hosts[name].set_variable("mfa_rollout_auth", auth)
    names = list(auths) if hosts is None else hosts
    return {"hostvars": HostVars(inventory, manager, loader), "ansible_play_hosts_all": names, "inventory_hostname": host}


@pytest.mark.parametrize(
    "auth", [KEYS, AGENCY, {"auth_token": "T"}, {"auth_username": "ada", "auth_password": "P"}, {"cloud": "acme"}, "{{ bonn_auth }}"]
)
def test_host_without_credentials_is_told_of_another_host_that_has_some(auth):
    assert with_own_credentials(play({"berlin": None, "bonn": auth}), {"region": "eu-de"}) == "bonn"


@pytest.mark.parametrize(
    "auth", [None, {}, "", {"region": "eu-de"}, {"access_key": ""}, {"access_key": PLACEHOLDER}, {"assume_agency": {}}]
)
def test_environment_is_for_a_play_in_which_no_host_has_credentials(auth):
    assert with_own_credentials(play({"berlin": None, "bonn": auth}), {"region": "eu-de"}) is None


def test_environment_is_not_asked_for_where_a_host_is_alone_or_has_credentials_of_its_own():
    task_vars = play({"berlin": None, "bonn": KEYS})
    assert with_own_credentials(task_vars, KEYS) is None
    # An agency says which account it is; who assumes it may be the environment's.
    assert with_own_credentials(task_vars, AGENCY) is None
    assert with_own_credentials({**task_vars, "ansible_play_hosts_all": ["berlin"]}, {}) is None
    assert with_own_credentials({}, {}) is None
    assert with_own_credentials(play({"berlin": KEYS, "bonn": None}), {}) is None
