# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values as inventories hold them: encrypted in place, or of digits that YAML takes for a number."""

from __future__ import annotations

import subprocess
import textwrap
from typing import Any, Callable

import pytest

SEED = "JBSWY3DPEHPK3PXP"
PASSWORD = "of the vault"
AT = 1_700_000_000
CODE = "324550"


def encrypted(ground: Any, text: str) -> str:
    """A text as `!vault` in a YAML file, written by ansible-vault itself."""
    password = ground.path / "vault-password"
    password.write_text(PASSWORD, encoding="utf-8")
    done = subprocess.run(
        ["ansible-vault", "encrypt_string", "--vault-password-file", str(password), text],
        capture_output=True, text=True, check=True, env=ground.environment(),
    )  # fmt: skip
    return done.stdout.strip()


def indented(tasks: str) -> str:
    """Tasks as they stand in a play."""
    return textwrap.indent(textwrap.dedent(tasks), "    ")


@pytest.mark.parametrize("core", ["newest", "oldest"], indirect=True)
def test_seed_that_is_encrypted_in_place_is_taken_by_filters_and_modules(playground: Callable[..., Any], core: dict[str, str]) -> None:
    ground = playground(users=2)
    user = ground.cloud.cloud.accounts[0].users[1]
    variables = f"seed: {encrypted(ground, SEED)}\npassword: {encrypted(ground, user.password)}\n"
    (ground.path / "secrets.yml").write_text(variables, encoding="utf-8")
    tasks = indented(f"""
        - name: Use filters
          ansible.builtin.assert:
            that:
              - seed | hwc.mfa.totp(at={AT}) == '{CODE}'
              - "'secret={SEED}&' in (seed | hwc.mfa.otpauth_uri('ada'))"
            quiet: true
        - name: Make a device as the user
          hwc.mfa.iam_virtual_mfa_device: &device
            iam_endpoint: "{{{{ mfa_rollout_auth.iam_endpoint }}}}"
            user_id: {user.id}
            auth_user_id: {user.id}
            auth_password: "{{{{ password }}}}"
            auth_domain_name: acme-berlin
          register: made
        - name: See it from a process of its own
          hwc.mfa.iam_virtual_mfa_device: *device
          vars:
            hwc_mfa_in_process: false
          register: again
        - name: Look
          ansible.builtin.assert:
            that: [made is changed, again is not changed]
            quiet: true
        """)
    words = ["-e", f"@{ground.path / 'secrets.yml'}", "--vault-password-file", str(ground.path / "vault-password")]
    run = ground.play(tasks, *words, env=core)
    assert run.code == 0, run.output
    assert [entry["route"] for entry in ground.cloud.log if entry["method"] == "POST"].count("v5-create") == 1
    assert user.password not in run.output
    assert SEED not in run.output


@pytest.mark.parametrize("core", ["newest", "oldest"], indirect=True)
def test_passwords_of_users_that_are_encrypted_in_place_or_templates_are_what_the_rollout_logs_in_with(
    playground: Callable[..., Any], core: dict[str, str]
) -> None:
    ground = playground(users=2)
    first, second = ground.cloud.cloud.accounts[0].users[1:]
    lines = [
        "mfa_rollout_users:",
        f"  - {{user_id: {first.id}, auth_password: '{{{{ turned | reverse }}}}'}}",
        f"  - user_id: {second.id}\n    auth_password: {encrypted(ground, second.password)}",
        f"turned: {first.password[::-1]}",
    ]
    (ground.path / "secrets.yml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    words = ["-e", f"@{ground.path / 'secrets.yml'}", "--vault-password-file", str(ground.path / "vault-password")]
    run = ground.run("hwc.mfa.rollout", *words, env=core)
    assert run.code == 0, run.output
    assert all(user.device is not None and user.device.bound for user in (first, second))


@pytest.mark.parametrize("in_process", ["true", "false"])
def test_password_that_yaml_takes_for_a_number_is_refused_by_name_and_not_sent(
    playground: Callable[..., Any], core: dict[str, str], in_process: str
) -> None:
    ground = playground(users=2)
    passwords = ("0123456", "12:34:56", "yes", "1.10")
    tasks = "".join(
        indented(f"""
        - name: Log in
          hwc.mfa.iam_mfa_info:
            iam_endpoint: "{{{{ mfa_rollout_auth.iam_endpoint }}}}"
            auth_username: ada
            auth_password: {written}
            auth_domain_name: acme-berlin
          vars:
            hwc_mfa_in_process: {in_process}
          ignore_errors: true  # so that the next one is tried too
        """)
        for written in passwords
    )
    run = ground.play(tasks, env=core)
    assert run.code == 0, run.output
    said = run.failures("acme-berlin")
    assert len(said) == len(passwords)
    assert all(text.startswith("auth_password must be text, and came as a number, a date or a truth value") for text in said)
    assert ground.cloud.log == []


def test_role_refuses_credentials_that_are_numbers(playground: Callable[..., Any], core: dict[str, str]) -> None:
    ground = playground(users=2)
    ground.variables["acme-berlin"]["mfa_rollout_auth"] |= {"secret_key": 12345678}
    run = ground.run("hwc.mfa.audit", env=core)
    assert run.code == 2
    assert "secret_key must be text" in run.output
    assert ground.cloud.log == []


def test_password_of_a_store_that_yaml_takes_for_a_number_encrypts_nothing(playground: Callable[..., Any]) -> None:
    ground = playground(users=1)
    tasks = indented(f"""
        - name: Store a seed
          hwc.mfa.seed_store:
            directory: {ground.seed_directory}
            account: acme
            password: 0123456
            entries: {{u1: {{serial_number: s, seed: {SEED}, name: ada}}}}
        """)
    run = ground.play(tasks)
    assert run.failure("acme-berlin").startswith("password must be text, and came as a number")
    assert not ground.seed_directory.exists()


def test_plan_of_users_that_are_given_twice_or_not_at_all_says_which_option_is_meant(playground: Callable[..., Any]) -> None:
    ground = playground(users=1)
    tasks = indented("""
        - name: Plan
          hwc.mfa.rollout_plan: "{{ {'account': 'acme', 'audit': {'users': []}} | combine(item) }}"
          loop:
            - {}
            - {users: all, users_variable: my_users}
            - {users_variable: my_usres}
          ignore_errors: true
          register: plans

        - name: Say what is wrong
          ansible.builtin.assert:
            that: plans.results | map(attribute='msg') | list == expected
          vars:
            expected:
              - "one of the following is required: users, users_variable"
              - "parameters are mutually exclusive: users|users_variable"
              - "users_variable: there is no variable my_usres."
        """)
    assert ground.play(tasks).code == 0


@pytest.mark.parametrize("in_process", ["true", "false"])
def test_password_that_is_omitted_inside_a_variable_is_none(playground: Callable[..., Any], core: dict[str, str], in_process: str) -> None:
    ground = playground(users=2)
    user = ground.cloud.cloud.accounts[0].users[1]
    tasks = indented(f"""
        - name: Make a device as the administrator
          hwc.mfa.iam_virtual_mfa_device:
            iam_endpoint: "{{{{ mfa_rollout_auth.iam_endpoint }}}}"
            access_key: "{{{{ mfa_rollout_auth.access_key }}}}"
            secret_key: "{{{{ mfa_rollout_auth.secret_key }}}}"
            security_token: "{{{{ nothing | default(omit, true) }}}}"
            devices:
              - "{{{{ one }}}}"
          vars:
            hwc_mfa_in_process: {in_process}
            nothing: ""
            one:
              user_id: {user.id}
              auth_password: "{{{{ nothing | default(omit, true) }}}}"
              name: "{{{{ nothing | default(omit, true) }}}}"
        """)
    run = ground.play(tasks, env=core)
    assert run.code == 0, run.output
    assert user.device is not None
    assert "login" not in [entry["route"] for entry in ground.cloud.log]
    assert "omit" not in user.device.name.lower()
