# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import fcntl
import json
import os
import socket
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.lock import LEASE, Owner, StoreLock

OURS = Owner.of_process(os.getpid())


@pytest.fixture
def other():
    """A run of somebody else's that lives until the test ends."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_one_run_at_a_time(tmp_path, other):
    theirs = Owner.of_process(other.pid)
    assert StoreLock(tmp_path, theirs).acquire() is None
    refusal = StoreLock(tmp_path, OURS).acquire()
    assert f"process {other.pid} on {socket.gethostname()}" in refusal
    assert "its claim ends with its process, or at once if you remove" in refusal
    assert str(tmp_path / ".lock") in refusal
    assert StoreLock(tmp_path, OURS).renew() == refusal
    StoreLock(tmp_path, OURS).release()
    assert StoreLock(tmp_path, OURS).acquire() is not None
    StoreLock(tmp_path, theirs).release()
    assert list(tmp_path.iterdir()) == []
    assert StoreLock(tmp_path, OURS).acquire() is None


def test_run_that_is_asked_about_goes_on():
    # Also where whoever runs the tests has told their children to ignore a hang-up.
    heeds = "import signal; signal.signal(signal.SIGHUP, signal.SIG_DFL); print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", heeds], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        assert Owner.of_process(process.pid).lives()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.2)
        process.kill()


def test_process_that_is_gone_does_not_live_though_the_kernel_does_not_tell_when_it_began(other):
    other.kill()
    other.wait()
    gone = Owner.of_process(other.pid)
    assert gone.started == ""
    assert not gone.lives()


def test_process_of_another_user_lives(monkeypatch):
    def kill(_pid, _signal):
        raise PermissionError

    monkeypatch.setattr(os, "kill", kill)
    assert OURS.lives()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the kernel does not tell when a process began")
def test_processes_are_told_apart_by_when_they_began(other):
    assert Owner.of_process(OURS.pid) == OURS
    assert OURS.started != Owner.of_process(other.pid).started


def test_run_that_was_killed_holds_nobody_back(tmp_path, other):
    assert StoreLock(tmp_path, Owner.of_process(other.pid)).acquire() is None
    other.kill()
    deadline = time.monotonic() + 10
    # Dead is enough: its parent need not have asked for it.
    while StoreLock(tmp_path, OURS).acquire() is not None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert StoreLock(tmp_path, OURS).acquire() is None
    other.wait()


def test_number_of_a_process_that_came_again_is_not_taken_for_the_run(tmp_path, other):
    theirs = Owner.of_process(other.pid)
    assert StoreLock(tmp_path, Owner(theirs.host, theirs.pid, "1")).acquire() is None
    assert StoreLock(tmp_path, OURS).acquire() is None


def test_same_run_may_come_twice(tmp_path):
    lock = StoreLock(tmp_path, OURS)
    assert lock.acquire() is None
    assert lock.acquire() is None


def test_run_on_another_machine_is_believed_for_a_while_after_it_last_wrote(tmp_path):
    elsewhere = StoreLock(tmp_path, Owner("elsewhere.example", 1, "1"))
    assert elsewhere.acquire() is None
    assert "in 15 minutes" in StoreLock(tmp_path, OURS).acquire()
    past(tmp_path, LEASE - 20)
    assert "in 1 minutes" in StoreLock(tmp_path, OURS).acquire()
    past(tmp_path, 21)
    assert elsewhere.renew() is None
    assert StoreLock(tmp_path, OURS).acquire() is not None
    past(tmp_path, LEASE + 1)
    assert StoreLock(tmp_path, OURS).acquire() is None
    # Who comes back too late must not write beside its successor.
    assert "process" in elsewhere.renew()


def past(directory, seconds):
    found = json.loads((directory / ".lock").read_bytes())
    found["until"] -= seconds
    (directory / ".lock").write_text(json.dumps(found))


def test_without_a_lock_nothing_is_renewed(tmp_path):
    assert StoreLock(tmp_path, OURS).renew() is None
    assert list(tmp_path.iterdir()) == []
    assert StoreLock(tmp_path / "none", OURS).renew() is None


@pytest.mark.parametrize(
    "content", [b"", b"\xff", b"[]", b"{}", b'{"owner": {"pid": 1}, "until": 1}', b'{"owner": {"host": "h", "pid": 1, "started": ""}}']
)
def test_file_that_is_no_lock_holds_nobody_back(tmp_path, content):
    (tmp_path / ".lock").write_bytes(content)
    assert StoreLock(tmp_path, OURS).acquire() is None


def test_of_many_at_once_one_gets_it(tmp_path):
    owners = [Owner(f"host-{number}.example", 1, "1") for number in range(16)]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda owner: StoreLock(tmp_path, owner).acquire(), owners))
    assert answers.count(None) == 1


def test_who_looks_waits_while_somebody_else_is_about_to_write(tmp_path):
    handle = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(StoreLock(tmp_path, OURS).acquire)
        time.sleep(0.1)
        assert not answer.done()
        os.close(handle)
        assert answer.result(5) is None


def test_lock_is_the_owners_alone(tmp_path):
    StoreLock(tmp_path, OURS).acquire()
    assert stat.S_IMODE((tmp_path / ".lock").stat().st_mode) == 0o600
    assert json.loads((tmp_path / ".lock").read_bytes())["until"] == pytest.approx(time.time() + LEASE, abs=10)
