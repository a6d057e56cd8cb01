# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import multiprocessing
import os
import signal
import time

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_virtual_mfa_bind import BIND
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_virtual_mfa_device import DEVICE
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.in_process import play_lives, play_process, task_environment
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.plain import plain
from hypothesis import given
from hypothesis import strategies as st

SECRETS = [("default", VaultSecret(b"open sesame"))]


@pytest.mark.parametrize("definition", [BIND, DEVICE])
def test_every_option_that_is_a_secret_by_its_name_is_marked_as_one(definition):
    def secrets(spec):
        for name, option in spec.items():
            if any(word in name for word in ("password", "passcode", "token", "secret", "seed", "code_")):
                yield name, option
            yield from secrets(option.get("options", {}))

    found = list(secrets(definition.argument_spec))
    assert found
    assert [name for name, option in found if not option.get("no_log")] == []


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=10,
    )
)
def test_plain_values_stay_as_they_are(value):
    assert plain(value) == value


class Text(str):
    """A string with more to it, as Ansible hands them around."""

    __slots__ = ()


def test_what_is_more_than_a_string_becomes_one():
    value = plain({Text("a"): [Text("b"), (Text("c"), 1, 1.5, True, None)]})
    assert value == {"a": ["b", ["c", 1, 1.5, True, None]]}
    assert next(iter(value)).__class__ is str
    assert value["a"][0].__class__ is str
    assert value["a"][1][3].__class__ is bool


def encrypted(text):
    """Text as ``!vault`` gives it to a playbook, in the core's own class."""
    vault = VaultLib(SECRETS)
    try:
        from ansible.parsing.vault import EncryptedString, VaultSecretsContext  # core 2.19 and later
    except ImportError:
        from ansible.parsing.yaml.objects import AnsibleVaultEncryptedUnicode

        value = AnsibleVaultEncryptedUnicode(vault.encrypt(text))
        value.vault = vault
        return value
    if VaultSecretsContext.current(optional=True) is None:
        VaultSecretsContext.initialize(VaultSecretsContext(secrets=SECRETS))
    return EncryptedString(ciphertext=vault.encrypt(text).decode())


def test_encrypted_text_becomes_what_it_says():
    value = plain({"auth_password": encrypted("s3cret"), "users": [{"seed": encrypted("JBSWY3DP")}]})
    assert value == {"auth_password": "s3cret", "users": [{"seed": "JBSWY3DP"}]}
    assert value["auth_password"].__class__ is str


def test_only_a_result_that_holds_a_seed_is_marked():
    assert DEVICE.holds_secret({"devices": [{"user_id": "u"}, {"user_id": "v", "seed": "S"}]})
    assert not DEVICE.holds_secret({"devices": [{"user_id": "u"}]})
    assert not DEVICE.holds_secret({"failed": True})
    assert not BIND.holds_secret({"devices": [{"seed": "S"}]})


class Action:
    """As much of an action plugin as its environment needs."""

    def __init__(self, environment):
        self.environment = environment

    def _compute_environment_string(self, raw):
        raw.update(self.environment)
        return ""


def test_environment_of_a_task_is_seen_while_it_works_and_gone_afterwards(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "before")
    monkeypatch.delenv("HWC_PORT", raising=False)
    with pytest.raises(ZeroDivisionError), task_environment(Action({"HTTPS_PROXY": "proxy", "HWC_PORT": 5})) as env:
        assert (env["HTTPS_PROXY"], env["HWC_PORT"]) == ("proxy", "5")
        assert os.environ["HTTPS_PROXY"] == "proxy", "requests looks there"
        os.environ["HWC_LEFT"] = "x"
        raise ZeroDivisionError
    assert os.environ["HTTPS_PROXY"] == "before"
    assert "HWC_PORT" not in os.environ and "HWC_LEFT" not in os.environ


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_task_whose_play_was_killed_before_it_began_knows_it():
    forks = multiprocessing.get_context("fork")
    listening, telling = forks.Pipe(duplex=False)

    def play():
        forks.Process(target=task).start()
        os.kill(os.getpid(), signal.SIGKILL)

    def task():
        while os.getppid() == multiprocessing.parent_process().pid:
            time.sleep(0.001)
        telling.send((play_process(), play_lives()()))

    killed = forks.Process(target=play)
    killed.start()
    assert listening.poll(60)
    assert listening.recv() == (killed.pid, False)


def test_task_whose_play_was_killed_knows_it(monkeypatch):
    lives = play_lives()
    assert lives()
    another = os.getppid() + 1
    monkeypatch.setattr(os, "getppid", lambda: another)
    assert not lives()
