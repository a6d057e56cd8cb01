# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must be said clearly, and with which environment and variables."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, Callable

import pytest
from twins import twin
from unit.certificate import write_certificate

ACCOUNT = "acme-berlin"


@pytest.mark.parametrize("in_process", [True, twin(False)])
def test_tls_is_verified_and_ca_path_is_honoured(playground: Callable[..., Any], tmp_path: Path, in_process: bool) -> None:
    certfile, keyfile = write_certificate(tmp_path)
    ground = playground("require", users=2, certfile=certfile, keyfile=keyfile)
    variables = ground.variables[ACCOUNT]
    variables |= {"hwc_mfa_in_process": in_process}
    assert variables["mfa_rollout_auth"]["iam_endpoint"].startswith("https://")
    refused = ground.run("hwc.mfa.rollout")
    assert refused.code == 2
    assert "self-signed certificate" in refused.output and "ca_path" in refused.output
    assert ground.cloud.log == [], "nothing is sent to whoever cannot show who they are"
    variables["mfa_rollout_auth"]["ca_path"] = str(certfile)
    trusted = ground.run("hwc.mfa.rollout")
    assert trusted.code == 0, trusted.output
    assert ground.report(ACCOUNT)["summary"]["done"] == 2


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
