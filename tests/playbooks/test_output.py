# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must never be printed, and what must be said clearly."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, Callable

import pytest

ACCOUNT = "acme-berlin"


def _secrets(ground: Any) -> list[str]:
    """Every secret of the cloud: passwords, keys, and the seeds of the devices that exist."""
    described = ground.cloud.describe()
    people = [described["admin"], *described["users"]]
    seeds = [device.seed for device in (ground.cloud.cloud.user(user["user_id"]).device for user in described["users"]) if device]
    return [*(user["password"] for user in people), *(user["secret_key"] for user in people), *seeds]


@pytest.mark.parametrize("in_process", [True, False])
@pytest.mark.parametrize("extra", [{}, {"ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml"}])
def test_a_forgotten_no_log_prints_no_secret(playground: Callable[..., Any], in_process: bool, extra: dict[str, str]) -> None:
    ground = playground(users=4)
    ground.variables[ACCOUNT] |= {"hwc_mfa_in_process": in_process, "people": ground.cloud.describe()["users"]}
    run = ground.play(
        """
    - hwc.mfa.iam_virtual_mfa_device:
        devices: "{{ mfa_rollout_users[:2] + [{'user_id': people[2].user_id, 'name': 'not a name'}] }}"
      register: created
      ignore_errors: true
    - hwc.mfa.iam_virtual_mfa_device:
        user_id: "{{ item.user_id }}"
      loop: "{{ people[2:] }}"
      loop_control:
        label: "{{ item.name }}"
      register: looped
    - hwc.mfa.iam_virtual_mfa_bind:
        bindings:
          - {user_id: "{{ people[0].user_id }}", auth_password: "{{ people[0].password }}", seed: "{{ created.devices[0].seed }}"}
          - {user_id: "{{ people[1].user_id }}", auth_password: "{{ people[1].password }}", seed: "{{ looped.results[0].devices[0].seed }}"}
      ignore_errors: true
    - ansible.builtin.assert:
        that: created.devices[0].seed | length > 15
""",
        "-vvvv",
        "--diff",
        header="- hosts: all\n  connection: local\n  gather_facts: false\n"
        "  module_defaults:\n    group/hwc.mfa.mfa: '{{ mfa_rollout_auth }}'\n",
        env=extra,
    )
    assert run.code == 0, run.output
    assert ground.cloud.cloud.user(ground.cloud.describe()["users"][0]["user_id"]).device.bound
    assert "name must have" in run.output, "what failed is said beside the censored result"
    secrets = _secrets(ground)
    assert len(secrets) == 5 + 5 + 4
    assert [secret for secret in secrets if secret in run.output] == []


def test_an_asynchronous_creation_prints_no_seed(playground: Callable[..., Any]) -> None:
    ground = playground(users=2)
    run = ground.play(
        """
    - hwc.mfa.iam_virtual_mfa_device:
        devices: "{{ mfa_rollout_users }}"
      async: 60
      poll: 1
      register: created
    - ansible.builtin.assert:
        that: created.devices[0].seed | length > 15
""",
        "-vvvv",
        header="- hosts: all\n  connection: local\n  gather_facts: false\n"
        "  module_defaults:\n    group/hwc.mfa.mfa: '{{ mfa_rollout_auth }}'\n",
        env={"ANSIBLE_ASYNC_DIR": str(ground.path / "async")},
    )
    assert run.code == 0, run.output
    assert [secret for secret in _secrets(ground) if secret in run.output] == []


@pytest.mark.parametrize("strategy", ["enrol", "require"])
def test_a_rollout_prints_and_reports_no_secret(playground: Callable[..., Any], strategy: str) -> None:
    ground = playground(strategy, users=4)
    if strategy == "enrol":
        ground.variables[ACCOUNT]["mfa_rollout_users"][3]["auth_password"] = "wrong-password-of-his"
        ground.variables[ACCOUNT]["mfa_rollout_secure_logging"] = False
    run = ground.run("hwc.mfa.rollout", "-vvvv", "--diff")
    assert (run.code == 0) is (strategy == "require"), run.output
    written = "".join(path.read_text(encoding="utf-8") for path in (ground.path / "report").iterdir())
    everything = run.output + written
    assert [secret for secret in [*_secrets(ground), "wrong-password-of-his", "seed-store-password"] if secret in everything] == []


def test_a_python_without_requests_gets_a_sentence(playground: Callable[..., Any], tmp_path: Path) -> None:
    ground = playground("require", users=1)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "bare")], check=True)
    ground.variables[ACCOUNT] |= {"ansible_python_interpreter": str(tmp_path / "bare" / "bin" / "python"), "hwc_mfa_in_process": False}
    run = ground.play("    - hwc.mfa.iam_mfa_info:\n        region: eu-de\n")
    assert run.code != 0
    assert "The Python library requests is missing" in run.output and "ansible_python_interpreter" in run.output
    assert "Traceback" not in run.output


def test_environment_of_a_task_is_honoured_both_ways(playground: Callable[..., Any]) -> None:
    ground = playground("require", users=1)
    admin = ground.cloud.describe()["admin"]
    task = """
    - hwc.mfa.iam_mfa_info:
      environment:
        OS_AUTH_URL: "{{ mfa_rollout_auth.iam_endpoint }}/v3"
        OS_ACCESS_KEY: "{{ mfa_rollout_auth.access_key }}"
        OS_SECRET_KEY: "{{ mfa_rollout_auth.secret_key }}"
      register: account
    - ansible.builtin.assert:
        that: account.users | length == 2 and account.caller.user_id == admin_id
"""
    for in_process in (True, False):
        ground.variables[ACCOUNT] |= {"hwc_mfa_in_process": in_process, "admin_id": admin["user_id"]}
        run = ground.play(task)
        assert run.code == 0, run.output


def test_vaulted_variables_work_as_credentials(playground: Callable[..., Any], tmp_path: Path) -> None:
    ground = playground("require", users=1)
    (tmp_path / "vault-password").write_text("open")
    secret = ground.variables[ACCOUNT]["mfa_rollout_auth"]["secret_key"]
    encrypted = subprocess.run(
        ["ansible-vault", "encrypt_string", "--vault-password-file", str(tmp_path / "vault-password"), "--name", "vaulted", secret],
        capture_output=True,
        text=True,
        check=True,
        env=ground.environment(),
    ).stdout
    (tmp_path / "vaulted.yml").write_text(f"---\n{encrypted}\n")
    for in_process in ("true", "false"):
        run = ground.play(
            """
    - hwc.mfa.iam_mfa_info:
        iam_endpoint: "{{ mfa_rollout_auth.iam_endpoint }}"
        access_key: "{{ mfa_rollout_auth.access_key }}"
        secret_key: "{{ vaulted }}"
""",
            "-e",
            f"@{tmp_path / 'vaulted.yml'}",
            "-e",
            f"hwc_mfa_in_process={in_process}",
            "--vault-password-file",
            str(tmp_path / "vault-password"),
        )
        assert run.code == 0, run.output
