# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every module and the role, succeeding and failing, watched from all sides: no secret may be seen anywhere."""

from __future__ import annotations

import importlib
import re
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable

import pytest
from own_store import with_own_store
from truths import ACCOUNT, ROLLBACK, ROLLOUT
from twins import twin

totp = importlib.import_module("simulator.totp")

HERE = Path(__file__).resolve().parent
HEADER = "- hosts: all\n  connection: local\n  gather_facts: false\n  module_defaults:\n    group/hwc.mfa.mfa: '{{ mfa_rollout_auth }}'\n"


class Watched:
    """A playground whose plays are recorded by a callback, a log file and a look at the processes, and the secrets that no record may hold."""

    def __init__(self, ground: Any, *more_secrets: str) -> None:
        self.ground = ground
        self.records = ground.path / "records"
        self.records.mkdir()
        self._more = {ground.variables[ACCOUNT].get("mfa_rollout_seed_store_password"), *more_secrets} - {None}

    def environment(self) -> dict[str, str]:
        return {
            "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "recorder"),
            "ANSIBLE_CALLBACKS_ENABLED": "record_everything",
            "RECORD_TO": str(self.records / "callback"),
            "ANSIBLE_LOG_PATH": str(self.records / "log"),
            "ANSIBLE_ASYNC_DIR": str(self.ground.path / "async"),
            "ANSIBLE_KEEP_REMOTE_FILES": "0",
            "ANSIBLE_INJECT_INVOCATION": "1",
        }

    def play(self, tasks: str, *words: str) -> Any:
        with self._watching():
            return self._kept(self.ground.play(tasks, "-vvvv", "--diff", *words, header=HEADER, env=self.environment()))

    def run(self, playbook: str, *words: str) -> Any:
        with self._watching():
            return self._kept(self.ground.run(playbook, "-vvvv", "--diff", *words, env=self.environment()))

    def _kept(self, run: Any) -> Any:
        with (self.records / "output").open("a", encoding="utf-8") as stream:
            stream.write(run.output)
        return run

    @contextmanager
    def _watching(self) -> Iterator[None]:
        done = threading.Event()
        seen: set[bytes] = set()

        # Other tests run at the same time, and have the same secrets: what is ours inherits the variable that names the folder.
        ours = f"RECORD_TO={self.records / 'callback'}".encode()

        def watch() -> None:
            # A process of a module lives ten times as long.
            while not done.wait(0.03):
                for path in Path("/proc").glob("[0-9]*"):
                    try:
                        if ours in (path / "environ").read_bytes():
                            seen.add((path / "cmdline").read_bytes())
                    except OSError:
                        continue  # it has ended meanwhile

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()
            assert seen, "no process of the play was seen"
            with (self.records / "processes").open("ab") as stream:
                stream.write(b"\n".join(seen))

    def secrets(self) -> dict[str, str]:
        """Every secret there is, with a word for it."""
        cloud = self.ground.cloud.cloud
        found: dict[str, str] = dict.fromkeys(self._more, "given")
        for user in cloud.users.values():
            found |= {user.password: "password", user.secret_key: "secret key"}
        for triple in cloud.temporary.values():
            found |= {triple["secret_key"]: "temporary secret key", triple["security_token"]: "security token"}
        found |= dict.fromkeys(cloud.tokens, "token")
        found |= dict.fromkeys(cloud.seeds, "seed")
        found |= dict.fromkeys(cloud.registration_words, "registration")
        return found

    def codes(self) -> set[str]:
        """The codes that were used up."""
        used = {step for user in self.ground.cloud.cloud.users.values() for step in user.used_codes}
        return {totp.code_at_step(seed, step) for seed, step in used}

    def leaks(self) -> list[str]:
        """Where which kind of secret was seen: in records, in whatever a run left behind, names of files included."""
        own = (self.ground.path / "inventory", self.ground.path / "play.yml")
        # What ran asynchronously tidies up when it has ended, which is a moment after it has answered.
        deadline = time.monotonic() + 10
        while list(self.ground.path.rglob("ansible-tmp-*")) and time.monotonic() < deadline:
            time.sleep(0.1)
        leaks = []
        secrets, codes = self.secrets(), self.codes()
        number = re.compile(r"(?<![\w.-])\d{6}(?![\w.-])")
        for path in sorted(self.ground.path.rglob("*")):
            if any(path == one or one in path.parents for one in own):
                continue
            text = str(path.relative_to(self.ground.path)) + (path.read_text(encoding="utf-8", errors="replace") if path.is_file() else "")
            leaks += [f"{path.name}: {kind}" for secret, kind in secrets.items() if secret in text]
            leaks += [f"{path.name}: code" for code in set(number.findall(text)) & codes]
        return leaks


def assert_private(folder: Path) -> None:
    """All of a folder is its owner's alone."""
    for path in [folder, *folder.rglob("*")]:
        mode = stat.S_IMODE(path.lstat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), f"{path.name}: {mode:o}"


# Many of these tasks fail on purpose. They are ignored, so that the next ones run too, and what each has shown is searched for secrets.
MODULES = """
    - hwc.mfa.iam_mfa_info:
    - hwc.mfa.iam_mfa_info:
        concurrency: 0
      ignore_errors: true
    - hwc.mfa.iam_mfa_info:
        auth_token: "{{ people[0].password }}"
      ignore_errors: true
    - hwc.mfa.iam_virtual_mfa_device:
        devices: "{{ mfa_rollout_users[:3] + [{'user_id': 'f' * 32, 'name': 'of nobody', 'auth_password': people[3].password}] }}"
      register: created
      ignore_errors: true
    - hwc.mfa.iam_virtual_mfa_device:
        user_id: "{{ people[3].user_id }}"
      register: created_alone
    - hwc.mfa.iam_virtual_mfa_device:
        devices:
          - {user_id: "{{ people[4].user_id }}", auth_password: "{{ people[4].password }}", unknown: "{{ people[4].secret_key }}"}
      ignore_errors: true
    - hwc.mfa.iam_virtual_mfa_bind:
        bindings:
          - {user_id: "{{ people[0].user_id }}", auth_password: "{{ people[0].password }}", seed: "{{ created.devices[0].seed }}"}
          - {user_id: "{{ people[1].user_id }}", auth_token: "{{ people[1].password }}", seed: "{{ created.devices[1].seed }}"}
          - user_id: "{{ people[2].user_id }}"
            access_key: "{{ people[2].access_key }}"
            secret_key: "{{ people[2].secret_key }}"
            authentication_code_first: "{{ created.devices[2].seed | hwc.mfa.totp }}"
            authentication_code_second: "{{ created.devices[1].seed | hwc.mfa.totp }}"
          - {user_id: "{{ people[3].user_id }}", seed: "{{ created_alone.devices[0].seed }} ?"}
      register: bound
      ignore_errors: true
    - hwc.mfa.iam_virtual_mfa_bind:
        user_id: "{{ people[3].user_id }}"
        seed: "{{ created_alone.devices[0].seed }}"
      ignore_errors: true
    - hwc.mfa.iam_virtual_mfa_bind:
        user_id: "{{ people[3].user_id }}"
        authentication_code_first: "{{ created_alone.devices[0].seed }}"
        authentication_code_second: ["{{ created_alone.devices[0].seed }}"]
      ignore_errors: true
    - hwc.mfa.iam_virtual_mfa_bind:
        bindings: ["{{ mfa_rollout_users }}"]
      register: nested
      ignore_errors: true  # what it says is looked at below
    - hwc.mfa.iam_virtual_mfa_bind:
        bindings: ["user_id=1 {{ people[0].password }}"]
      ignore_errors: true
    - hwc.mfa.seed_store:
        account: acme
        type: hashi_vault
        hashi_vault: [["{{ people[0].password }}"]]
      ignore_errors: true
    - hwc.mfa.iam_login_protection:
        users: [{user_id: "{{ people[0].user_id }}"}, {user_id: "{{ people[1].user_id }}", verification_method: sms}, {user_id: nobody}]
      ignore_errors: true
    - hwc.mfa.iam_login_check:
        users:
          - {user_id: "{{ people[0].user_id }}", auth_password: "{{ people[0].password }}", seed: "{{ created.devices[0].seed }}"}
          - {user_id: "{{ people[1].user_id }}", auth_password: "{{ people[0].password }}", seed: "{{ created.devices[1].seed }}"}
          - {user_id: "{{ people[2].user_id }}", auth_password: "{{ people[2].password }}", auth_passcode: "{{ created.devices[2].seed }}"}
        new_codes: false
      ignore_errors: true
    - hwc.mfa.seed_store:
        directory: "{{ mfa_rollout_seed_store_dir }}"
        account: single
        password: "{{ mfa_rollout_seed_store_password }}"
        entries: "{{ {people[0].user_id: {'serial_number': 's', 'seed': created.devices[0].seed, 'name': 'n'}} }}"
      register: kept
    - hwc.mfa.seed_store:
        directory: "{{ mfa_rollout_seed_store_dir }}"
        account: single
        password: "{{ people[0].password }}"
      ignore_errors: true
    - hwc.mfa.seed_store:
        directory: "{{ mfa_rollout_seed_store_dir }}"
        account: single
        password: "{{ mfa_rollout_seed_store_password }}"
        entries: ["{{ created.devices[0].seed }}"]
      ignore_errors: true
    - hwc.mfa.identity_center_mfa_settings:
        user_permission: READ_ACTIONS
    - hwc.mfa.identity_center_mfa_settings:
        instance_id: nowhere
        secret_key: "{{ people[0].secret_key }}"
      ignore_errors: true
    - hwc.mfa.identity_center_mfa_settings_info:
    - hwc.mfa.identity_center_mfa_settings_info:
        iam_endpoint: "https://{{ people[0].name }}:{{ people[0].password }}@iam.example.com"
        identity_center_endpoint: "https://{{ people[0].name }}:{{ people[0].password }}@iam.example.com"
      ignore_errors: true
    - hwc.mfa.identity_center_user_mfa_info:
        identity_store_endpoint: "https://{{ people[0].name }}:{{ people[0].password }}@store.example.com"
      ignore_errors: true
    - hwc.mfa.identity_center_user_mfa_device:
        user_name: "{{ item }}"
        state: register
      loop: [alan.turing, grace.hopper]
      register: addresses
    # Nobody polls, so the job's file stays and is searched as well.
    - hwc.mfa.iam_login_check:
        users: [{user_id: "{{ people[0].user_id }}", auth_password: "{{ people[1].password }}", seed: "{{ created.devices[0].seed }}"}]
      async: 60
      poll: 0
      register: job
    - ansible.builtin.async_status:
        jid: "{{ job.ansible_job_id }}"
      register: ended
      until: ended is finished
      retries: 60
      delay: 1
      ignore_errors: true
    - hwc.mfa.rollout_report_files:
        directory: "{{ mfa_rollout_report_dir }}"
        report: '{}'
      ignore_errors: true
    - hwc.mfa.iam_virtual_mfa_device:
        devices: [{user_id: "{{ people[2].user_id }}"}, {user_id: "{{ people[0].user_id }}"}, {user_id: nobody}]
        state: absent
      ignore_errors: true
    - ansible.builtin.assert:
        that:
          - created.devices | map(attribute='failed') | list == [false, false, false, true]
          - created.devices[0].seed | length > 15
          - bound.bindings | map(attribute='failed') | list == [false, true, true, true]
          - nested.msg is match("bindings.0. must be a mapping, and is a list")
          - kept.entries[people[0].user_id].seed == created.devices[0].seed
          - ended is failed and ended.users[0].failed
          - addresses.results | map(attribute='registration_url') | select('match', 'https://.*workflow=') | length == 2
"""


@pytest.mark.parametrize("in_process", [True, twin(False)])
def test_no_module_shows_a_secret_to_anybody_whether_it_succeeds_or_fails(playground: Callable[..., Any], in_process: bool) -> None:
    ground = playground(users=6, admin_may_bind_v5=False)
    ground.variables[ACCOUNT] |= {"hwc_mfa_in_process": in_process, "people": ground.cloud.describe()["users"]}
    watched = Watched(ground)
    run = watched.play(MODULES)
    assert run.code == 0, run.output
    assert len(watched.codes()) >= 2 and len(watched.secrets()) > 20
    failures = run.output.count("...ignoring")
    assert failures >= 15, failures
    assert watched.leaks() == []
    assert_private(ground.seed_directory)


@pytest.mark.parametrize("poll", [1, 0])
def test_modules_that_return_secrets_refuse_async_and_do_nothing(playground: Callable[..., Any], poll: int) -> None:
    # Whoever polls deletes the job's file in the end, but a play that ends before leaves it, readable for everybody.
    # Both tasks must fail, which the last one asserts.
    ground = playground(users=2)
    run = ground.play(
        f"""
    - hwc.mfa.iam_virtual_mfa_device:
        devices: "{{{{ mfa_rollout_users }}}}"
      async: 60
      poll: {poll}
      ignore_errors: true
      register: created
    - hwc.mfa.identity_center_user_mfa_device:
        user_name: radia.perlman
        state: register
      async: 60
      poll: {poll}
      ignore_errors: true
      register: address
    - ansible.builtin.assert:
        that:
          - created is failed and "hwc.mfa.iam_virtual_mfa_device returns secrets" in created.msg
          - created.msg is search("leave async out, since the module works on many users at once by itself")
          - address is failed and "hwc.mfa.identity_center_user_mfa_device returns secrets" in address.msg
          - address.msg is search("leave async out[.]$")
""",
        header=HEADER,
        env={"ANSIBLE_ASYNC_DIR": str(ground.path / "async")},
    )
    assert run.code == 0, run.output
    assert ground.cloud.cloud.counters.writes == 0 and not ground.cloud.cloud.registration_words
    assert not (ground.path / "async").exists()


def test_a_creation_that_is_tried_again_shows_no_seed_and_returns_that_of_its_last_try_alone(playground: Callable[..., Any]) -> None:
    # Why the module's documentation says not to do so. It would have to change if Ansible came to keep the results of all tries.
    ground = playground(users=1)
    watched = Watched(ground)
    run = watched.play(
        """
    - hwc.mfa.iam_virtual_mfa_device:
        devices: "{{ mfa_rollout_users + [{'user_id': 'nobody'}] }}"
      register: created
      until: created is success
      retries: 1
      delay: 0
      ignore_errors: true
    - ansible.builtin.assert:
        that:
          - created.devices | map(attribute='failed') | list == [false, true]
          - created.devices[0].seed is not defined or created.devices[0].seed is none
"""
    )
    assert run.code == 0, run.output
    assert ground.cloud.cloud.counters.creates == 1 and "RETRYING" in run.output
    assert watched.leaks() == []


def test_secret_on_a_command_line_is_seen(playground) -> None:
    ground = playground(users=1)
    watched = Watched(ground)
    password = next(iter(ground.cloud.cloud.users.values())).password
    watched.play(f"    - ansible.builtin.command:\n        argv: [sh, -c, 'sleep 0.5; true', '{password}']\n      no_log: true\n")
    assert "processes: password" in watched.leaks()


@pytest.mark.parametrize(
    ("kinds", "secure_logging"),
    [
        (("password", "temporary"), True),
        (("access_key",), False),
        twin(("password", "temporary"), False),
        twin(("access_key",), True),
    ],
)
def test_the_role_shows_no_secret_to_anybody_whether_it_succeeds_or_fails(
    playground: Callable[..., Any], kinds: tuple[str, ...], secure_logging: bool
) -> None:
    ground = playground(users=4 * len(kinds), accounts=len(kinds))
    for account, kind in zip(ground.cloud.describe()["accounts"], kinds, strict=True):
        admin = account["admin"]
        own = {
            "access_key": {name: admin[name] for name in ("access_key", "secret_key")},
            "temporary": admin["temporary"],
            "password": {"auth_username": admin["name"], "auth_password": admin["password"], "auth_domain_name": account["name"]},
        }[kind]
        ground.variables[account["name"]] |= {
            "mfa_rollout_auth": {"iam_endpoint": ground.cloud.url, **own},
            "mfa_rollout_secure_logging": secure_logging,
            "mfa_rollout_wave_sizes": [4],
            "mfa_rollout_prove_login": secure_logging and kind == kinds[0],
        }
    last = ground.variables[ACCOUNT]["mfa_rollout_users"][3]
    password = last["auth_password"]
    last["auth_password"] = "password-that-is-not-theirs"
    watched = Watched(ground, "password-that-is-not-theirs")
    failed = watched.run(ROLLOUT)
    assert failed.code == 2, failed.output
    last["auth_password"] = password
    for playbook in (ROLLOUT, "hwc.mfa.audit", ROLLBACK):
        run = watched.run(playbook)
        assert run.code == 0, run.output
    assert len(watched.codes()) >= 8
    assert watched.leaks() == []
    assert_private(ground.seed_directory)


LATER = """
    - name: Use the role, whatever comes of it
      block:
        - ansible.builtin.include_role:
            name: hwc.mfa.mfa_rollout
            tasks_from: "{{ entry_point }}"
      rescue:
        - ansible.builtin.debug:
            msg: "the role has failed: {{ ansible_failed_task.name }}: {{ ansible_failed_result.msg }}"
    - name: Look at everything, as whoever searches for a fault does
      ansible.builtin.debug:
        var: hostvars[inventory_hostname]
    - ansible.builtin.debug:
        msg: "told: {{ mfa_rollout_report.line | default('nothing') }}, handed over: {{ mfa_rollout_handover.users | default([]) | length }}"
"""


# As a store that is reached over HTTP: what Ansible keeps of a task that failed has its body.
DOWN = """\
- name: Tell a server that is down
  ansible.builtin.uri:
    url: http://127.0.0.1:1/
    method: POST
    body_format: json
    body: "{{ mfa_rollout_store_entries }}"
  no_log: true
  when: mfa_rollout_store_action == own_store_tells | default('nothing')
"""


@pytest.mark.parametrize("store", ["files", "tasks"])
def test_variables_hold_no_seed_when_the_role_has_ended(playground: Callable[..., Any], core: dict[str, str], store: str) -> None:
    ground = playground(users=3)
    variables = ground.variables[ACCOUNT]
    variables |= {
        "mfa_rollout_wave_sizes": [1, 10],
        "entry_point": "main",
        "mfa_handover_users": "all",
        "mfa_handover_dir": str(ground.path / "handed"),
    }
    # Of the environment, since what the inventory gives is shown as a variable anyway.
    passwords = {
        "HWC_MFA_SEED_STORE_PASSWORD": variables.pop("mfa_rollout_seed_store_password"),
        "HWC_MFA_HANDOVER_PASSWORD": "handover-password",
    }
    if store == "tasks":
        with_own_store(ground)
        with (ground.path / "own_store.yml").open("a", encoding="utf-8") as stream:
            stream.write(DOWN)
    last = variables["mfa_rollout_users"][2]
    password = last["auth_password"]

    def look(failed: bool, *words: str) -> str:
        run = ground.play(LATER, *words, header=HEADER, env={**core, **passwords})
        assert run.code == 0, run.output
        assert ("the role has failed" in run.output) is failed
        assert "mfa_rollout_users" in run.output
        seeds = ground.cloud.cloud.seeds
        assert seeds and [secret for secret in (*seeds, *passwords.values()) if secret in run.output] == []
        return next(line for line in run.output.splitlines() if "told: " in line)

    # A wave has created a device and cannot bind it, and later the plan fails when the store was read.
    last["auth_password"] = "password-that-is-not-theirs"
    assert "told: 2 done, 1 failed" in look(True)
    variables["mfa_rollout_exempt"] = [{"name": "nobody of that name"}]
    assert "told: nothing" in look(True)
    del variables["mfa_rollout_exempt"]
    last["auth_password"] = password
    variables["mfa_rollout_wave_sizes"] = [10]
    assert "told: 3 done, 0 failed" in look(False, "-e", "mfa_rollout_state=rotated")
    if store == "tasks":
        assert "told: 3 failed" in look(True, "-e", "mfa_rollout_state=rotated", "-e", "own_store_tells=save")
        assert "told: 3 done" in look(False)
    variables["entry_point"] = "audit"
    assert "told: 3 already" in look(False, "-e", "mfa_rollout_state=present")
    variables["entry_point"] = "handover"
    assert "handed over: 3" in look(False)
    variables["mfa_handover_users"] = ["nobody of that name"]
    look(True)
    # What Ansible keeps of a task that failed is its name and why, and none of its options.
    variables["entry_point"] = "audit"
    variables["mfa_rollout_strategy"] = "neither"
    look(True)


def test_password_with_a_variable_of_its_own_is_not_shown_where_another_users_is_not_defined(
    playground: Callable[..., Any], core: dict[str, str]
) -> None:
    # As the guide says to write them: cores before 2.19 print the whole list.
    ground = playground(users=2)
    variables = ground.variables[ACCOUNT]
    first, second = variables["mfa_rollout_users"]
    secrets = {"vault_first": first["auth_password"], "vault_secret_key": variables["mfa_rollout_auth"]["secret_key"]}
    variables |= secrets
    first["auth_password"], second["auth_password"] = "{{ vault_first }}", "{{ vault_second }}"
    variables["mfa_rollout_auth"]["secret_key"] = "{{ vault_secret_key }}"
    run = ground.run(ROLLOUT, "-vvvv", env=core)
    assert run.code == 2 and "'vault_second' is undefined" in run.output
    assert [name for name, secret in secrets.items() if secret in run.output] == []


def test_a_search_that_finds_nothing_would_find_what_is_there(playground: Callable[..., Any]) -> None:
    # Secrets of its own, since it shows them to whoever looks at the processes meanwhile.
    ground = playground(users=1, seed_random=99)
    user = ground.cloud.describe()["users"][0]
    ground.variables[ACCOUNT]["shown"] = user["password"]
    watched = Watched(ground)
    run = watched.play(
        """
    - ansible.builtin.debug:
        var: shown
    - ansible.builtin.command:
        argv: [sh, -c, sleep 0.5, "{{ shown }}"]
"""
    )
    assert run.code == 0, run.output
    assert {leak.split(":")[0] for leak in watched.leaks()} >= {"callback", "log", "output", "processes"}
