# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from ansible_collections.hwc.mfa.plugins.plugin_utils._store_lock import LEASE, Owner, StoreLock

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
    assert str(tmp_path / ".lock") in refusal
    assert StoreLock(tmp_path, OURS).renew() == refusal
    StoreLock(tmp_path, OURS).release()
    assert StoreLock(tmp_path, OURS).acquire() is not None
    StoreLock(tmp_path, theirs).release()
    assert list(tmp_path.iterdir()) == []
    assert StoreLock(tmp_path, OURS).acquire() is None


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
    past(tmp_path, LEASE + 1)
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


def test_lock_is_the_owners_alone(tmp_path):
    StoreLock(tmp_path, OURS).acquire()
    assert stat.S_IMODE((tmp_path / ".lock").stat().st_mode) == 0o600
    assert json.loads((tmp_path / ".lock").read_bytes())["until"] == pytest.approx(time.time() + LEASE, abs=10)
