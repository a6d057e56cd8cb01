# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role makes of a credential's agency: it is for hosts that say nothing of their own, and takes nothing from those that do."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from conftest import CHECKOUT

PLAY = f"""
- hosts: all
  gather_facts: false
  vars_files:
    - {CHECKOUT}/roles/mfa_rollout/vars/main.yml
  tasks:
    - ansible.builtin.copy:
        content: "{{{{ {{'auth': __mfa_rollout_auth, 'key': __mfa_rollout_artifact_key}} | to_json }}}}"
        dest: "{{{{ playbook_dir }}}}/{{{{ inventory_hostname }}}}.json"
        mode: "0600"
"""

LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
KEY = {"access_key": "AK-1", "secret_key": "SK-1"}
COMMON = {"agency_name": "ops", "duration": "3600"}
WHOLE = {**COMMON, "domain_id": "d-credential", "external_id": "x-1"}


def results(folder: Path, hosts: dict[str, dict[str, Any]], **env: str) -> dict[str, dict[str, Any]]:
    (folder / "play.yml").write_text(PLAY, encoding="utf-8")
    names = {name: {"mfa_rollout_account": name, **given} for name, given in hosts.items()}
    inventory = {"all": {"vars": {**LOCAL, "mfa_rollout_auth": {}, "mfa_rollout_auth_from_environment": False}, "hosts": names}}
    (folder / "hosts.json").write_text(json.dumps(inventory), encoding="utf-8")
    command = ["ansible-playbook", "-i", "hosts.json", "play.yml"]
    done = subprocess.run(command, cwd=folder, env={**os.environ, **env}, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return {name: json.loads((folder / f"{name}.json").read_text(encoding="utf-8")) for name in hosts}


def test_agency_of_a_credential_is_for_hosts_that_say_nothing_of_their_own(tmp_path: Path) -> None:
    hosts: dict[str, Any] = {
        "nothing": {},
        "account": {"mfa_rollout_auth": {"region": "eu-de", "assume_agency": {"domain_id": "d-1"}}},
        "shorter": {"mfa_rollout_auth": {"assume_agency": {"domain_name": "acme", "duration": 900}}},
        "agency": {"mfa_rollout_auth": {"assume_agency": {"agency_name": "own", "domain_id": "d-1"}}},
        "urn": {"mfa_rollout_auth": {"assume_agency": {"agency_urn": "iam::d-1:agency:own"}}},
        "keys": {"mfa_rollout_auth": KEY},
        "hub": {"mfa_rollout_auth_from_environment": True},
        "text": {"mfa_rollout_auth": "text"},
    }
    env = {
        "HWC_AGENCY_NAME": "ops",
        "HWC_AGENCY_DURATION": "3600",
        "HWC_AGENCY_DOMAIN_ID": "d-credential",
        "HWC_AGENCY_EXTERNAL_ID": "x-1",
        "HWC_AGENCY_URN": "",
    }
    found = {name: one["auth"] for name, one in results(tmp_path, hosts, **env).items()}
    assert found == {
        "nothing": {"assume_agency": WHOLE},
        "account": {"region": "eu-de", "assume_agency": {**COMMON, "domain_id": "d-1"}},
        "shorter": {"assume_agency": {"agency_name": "ops", "domain_name": "acme", "duration": 900}},
        "agency": hosts["agency"]["mfa_rollout_auth"],
        "urn": hosts["urn"]["mfa_rollout_auth"],
        "keys": KEY,
        "hub": {},
        "text": "text",
    }


def test_key_of_an_artifact_is_a_variable_and_nobody_elses(tmp_path: Path) -> None:
    names = ["acme", "acme_prod", "acme-prod", "acme.prod", "x" * 200, "x" * 201]
    keys = {name: one["key"] for name, one in results(tmp_path, {name: {} for name in names}).items()}
    assert (keys["acme"], keys["acme_prod"]) == ("acct_acme", "acct_acme_prod")
    assert len(set(keys.values())) == len(names)
    assert all(key.isidentifier() and key.isascii() and len(key) < 90 for key in keys.values())
