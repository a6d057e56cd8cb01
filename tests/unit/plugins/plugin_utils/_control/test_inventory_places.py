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
