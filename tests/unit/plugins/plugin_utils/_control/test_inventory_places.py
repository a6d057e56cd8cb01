# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.inventory_places import misplaced


@pytest.fixture
def project(tmp_path):
    (tmp_path / "inv" / "host_vars").mkdir(parents=True)
    (tmp_path / "accounts.yml").touch()
    (tmp_path / "inv" / "hosts.yml").touch()
    (tmp_path / "link").symlink_to(tmp_path / "inv")
    return tmp_path


@pytest.mark.parametrize(
    ("source", "directory"),
    [
        ("inv", "inv"),
        ("inv", "inv/report"),
        ("inv", "inv/sub/.hidden"),
        ("inv", "link/report"),
        ("link", "inv/report"),
        ("inv", "other/../inv/report"),
        ("inv/hosts.yml", "inv/host_vars/acme"),
        ("accounts.yml", "group_vars"),
        ("acme,", "plays/host_vars/seeds"),
    ],
)
def test_directory_that_ansible_reads_as_inventory_is_refused(project, source, directory):
    given = source if source.endswith(",") else str(project / source)
    cause = misplaced("mfa_rollout_report_dir", str(project / directory), [given], str(project / "plays"))
    assert cause.startswith(f"mfa_rollout_report_dir is {project / directory}, and Ansible reads what lies in ")
    assert cause.endswith(": name a directory outside of it.")


@pytest.mark.parametrize(
    ("source", "directory"),
    [
        ("inv", "report"),
        ("inv", "inv-report"),
        ("inv/hosts.yml", "inv/report"),
        ("accounts.yml", "report"),
        ("acme,", "report"),
        ("inv", "."),
    ],
)
def test_directory_that_ansible_does_not_read_is_taken(project, source, directory):
    given = source if source.endswith(",") else str(project / source)
    assert misplaced("mfa_rollout_report_dir", str(project / directory), [given], str(project / "plays")) is None


def test_relative_directory_is_refused_by_the_variables_name(project):
    cause = misplaced("mfa_rollout_seed_store_dir", "seeds", [], str(project))
    assert cause.startswith("mfa_rollout_seed_store_dir: directory must be an absolute path, and seeds depends on where")


@pytest.mark.parametrize("link", ["inv/reports", "inv/host_vars/reports", "inv/a/b/reports"])
def test_directory_to_which_a_link_in_an_inventory_leads_is_refused(project, link):
    outside = project / "outside"
    (project / link).parent.mkdir(parents=True, exist_ok=True)
    (project / link).symlink_to(outside)
    for directory in (outside, outside / "sub"):
        assert "Ansible reads what lies in" in misplaced("directory", str(directory), [str(project / "inv")], str(project / "plays"))
    assert misplaced("directory", str(project / "outside-2"), [str(project / "inv")], str(project / "plays")) is None


def test_links_are_followed_to_their_end_and_loops_have_one(project):
    for name, target in (("inv/a", "A"), ("A/b", "B"), ("B/back", "inv"), ("B/self", "B")):
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).symlink_to(project / target)
    assert misplaced("directory", str(project / "B" / "reports"), [str(project / "inv")], str(project / "plays"))
    assert misplaced("directory", str(project / "C"), [str(project / "inv")], str(project / "plays")) is None


@pytest.mark.parametrize("source", ["accounts.yml", "plays"])
@pytest.mark.parametrize("directory", ["host_vars/reports", "shared/reports"])
def test_variables_may_lie_elsewhere_by_a_link(project, source, directory):
    beside = project if source == "accounts.yml" else project / "plays"
    beside.mkdir(exist_ok=True)
    (beside / "host_vars").symlink_to(project / "shared")
    place = beside / directory if directory.startswith("host") else project / directory
    sources = [str(project / "accounts.yml")] if source == "accounts.yml" else []
    assert misplaced("directory", str(place), sources, str(project / "plays"))


def test_directory_of_the_playbook_can_be_an_inventory_too(project):
    assert misplaced("directory", str(project / "reports"), [], str(project)) is None
    assert misplaced("directory", str(project / "reports"), [str(project)], str(project))


def test_list_of_hosts_is_no_file_however_long(project):
    hosts = ",".join(f"account-{number}" for number in range(200)) + ","
    assert misplaced("directory", str(project / "reports"), [hosts], str(project / "plays")) is None
