# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores import lock as _lock
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.lock import LEASE, Owner, StoreLock, alone
from ansible_collections.hwc.mfa.tests.unit.half_dead_process import end_first_thread, process_that_half_dies

OURS = Owner.of_process(os.getpid())
PLACE_KNOWN = pytest.mark.skipif(not OURS.visible_from(OURS), reason="the kernel does not tell of its start, its namespaces or processes")


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


@PLACE_KNOWN
def test_run_that_is_dying_has_its_lock_until_its_last_thread_is_gone(tmp_path):
    # Its workers see their parent live as long, and go on.
    with process_that_half_dies() as dying:
        theirs = Owner.of_process(dying.pid)
        assert StoreLock(tmp_path, theirs).acquire() is None
        end_first_thread(dying)
        assert f"process {dying.pid} on" in StoreLock(tmp_path, OURS).acquire()
        dying.kill()
        os.waitid(os.P_PID, dying.pid, os.WEXITED | os.WNOWAIT)
        assert StoreLock(tmp_path, OURS).acquire() is None


def test_number_of_a_process_that_came_again_is_not_taken_for_the_run(tmp_path, other):
    theirs = Owner.of_process(other.pid)
    assert StoreLock(tmp_path, replace(theirs, started="1")).acquire() is None
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


# Which processes can be seen from here


@PLACE_KNOWN
def test_owner_is_seen_from_the_same_host_start_and_namespace_alone():
    assert OURS.visible_from(replace(OURS, pid=1, started="1", inventory_host="other"))
    for place in ({"host": "elsewhere"}, {"boot": "b-2"}, {"namespace": "pid:[1]"}):
        assert not replace(OURS, **place).visible_from(OURS)
        assert not OURS.visible_from(replace(OURS, **place))


@pytest.mark.parametrize("unknown", ["host", "boot", "namespace"])
def test_owner_whose_place_is_not_known_is_seen_from_nowhere(unknown):
    one = replace(OURS, host="h", boot="b", namespace="n")
    nameless = replace(one, **{unknown: ""})
    assert not nameless.visible_from(one)
    assert not one.visible_from(nameless)
    assert not nameless.visible_from(nameless)


@pytest.mark.parametrize("place", [{"namespace": "pid:[2]"}, {"boot": "boot-2"}, {"host": "host-2"}])
def test_containers_with_the_same_host_name_do_not_take_each_others_lock(tmp_path, place):
    # The same numbers in both; in one of them, and here, no such process lives.
    one = Owner("awx-job", 2**31 - 2, "1", boot="boot-1", namespace="pid:[1]")
    other = replace(one, **place)
    assert StoreLock(tmp_path, one).acquire() is None
    assert "Wait for it to end. If it is gone, its claim ends in 15 minutes" in StoreLock(tmp_path, other).acquire()
    assert StoreLock(tmp_path, one).hold() is None
    past(tmp_path, LEASE + 1)
    assert StoreLock(tmp_path, other).acquire() is None
    assert "process" in StoreLock(tmp_path, one).acquire()
    assert "process" in StoreLock(tmp_path, one).hold()


def test_process_of_the_same_container_that_is_gone_holds_nobody_back(tmp_path):
    gone = Owner("awx-job", 2**31 - 2, "1", boot="boot-1", namespace="pid:[1]")
    assert StoreLock(tmp_path, gone).acquire() is None
    assert StoreLock(tmp_path, replace(gone, pid=5)).acquire() is None


def test_runs_of_a_kernel_that_tells_nothing_wait_for_each_others_lease(tmp_path):
    one = Owner("host", 2**31 - 2, "1")
    assert StoreLock(tmp_path, one).acquire() is None
    assert StoreLock(tmp_path, one).acquire() is None, "it is ours"
    assert "in 15 minutes" in StoreLock(tmp_path, replace(one, pid=2**31 - 3)).acquire()


@pytest.mark.parametrize("content", ["host", "elsewhere.example"])
def test_lock_that_an_older_version_wrote_counts_by_its_lease(tmp_path, content):
    host = OURS.host if content == "host" else content
    old = {"owner": {"host": host, "pid": 2**31 - 2, "started": "1"}, "until": time.time() + LEASE}
    (tmp_path / ".lock").write_text(json.dumps(old), encoding="utf-8")
    assert f"process {2**31 - 2} on {host}" in StoreLock(tmp_path, OURS).acquire()
    assert "in 15 minutes" in StoreLock(tmp_path, OURS).hold()
    past(tmp_path, LEASE + 1)
    assert StoreLock(tmp_path, OURS).acquire() is None


def test_lock_that_a_newer_version_wrote_counts_by_its_lease(tmp_path):
    assert StoreLock(tmp_path, OURS).acquire() is None
    document = json.loads((tmp_path / ".lock").read_bytes())
    # What a newer version tells of an owner may be what sets the two apart.
    document["owner"]["container"] = "abc"
    (tmp_path / ".lock").write_text(json.dumps(document), encoding="utf-8")
    assert "in 15 minutes" in StoreLock(tmp_path, OURS).acquire()
    assert StoreLock(tmp_path, OURS).renew() is not None
    past(tmp_path, LEASE + 1)
    assert StoreLock(tmp_path, OURS).acquire() is None


def test_kernel_that_does_not_tell_is_survived(monkeypatch):
    def refuse(*_given, **_named):
        raise OSError(errno.EACCES, "no")

    monkeypatch.setattr(os, "readlink", refuse)
    monkeypatch.setattr(Path, "read_text", refuse)
    owner = Owner.of_process(os.getpid(), "acme")
    assert (owner.started, owner.boot, owner.namespace, owner.inventory_host) == ("", "", "", "acme")


# Two hosts of one play


@PLACE_KNOWN
def test_two_hosts_of_one_play_do_not_share_a_lock_and_the_refusal_names_the_other(tmp_path):
    berlin, bonn = (Owner.of_process(os.getpid(), host) for host in ("berlin", "bonn"))
    assert StoreLock(tmp_path, berlin).acquire() is None
    refusal = (
        "host berlin of this play is at work on this account, or on another one of the same name: an account must be in the inventory once, and"
        " under a name of its own (mfa_rollout_account)."
    )
    assert StoreLock(tmp_path, bonn).acquire() == refusal
    assert StoreLock(tmp_path, bonn).hold() == refusal
    assert StoreLock(tmp_path, bonn).renew() == refusal
    # However long ago it was: the play lives.
    past(tmp_path, 2 * LEASE)
    assert StoreLock(tmp_path, bonn).acquire() == refusal
    StoreLock(tmp_path, bonn).release()
    assert StoreLock(tmp_path, berlin).hold() is None
    StoreLock(tmp_path, berlin).release()
    assert StoreLock(tmp_path, bonn).acquire() is None


@PLACE_KNOWN
def test_name_of_a_host_cannot_write_lines_of_its_own(tmp_path):
    assert StoreLock(tmp_path, replace(OURS, inventory_host="a\nfatal: [b]\x1b[2J")).acquire() is None
    assert StoreLock(tmp_path, replace(OURS, inventory_host="b")).acquire().isprintable()


# Holding, and writing in turn


def test_lock_that_is_held_lasts_for_longer(tmp_path):
    assert StoreLock(tmp_path, OURS).acquire() is None
    past(tmp_path, LEASE - 1)
    assert StoreLock(tmp_path, OURS).hold() is None
    assert json.loads((tmp_path / ".lock").read_bytes())["until"] == pytest.approx(time.time() + LEASE, abs=10)


def test_lock_that_is_gone_is_not_taken_again_by_whoever_wants_to_hold_it(tmp_path):
    lock = StoreLock(tmp_path, OURS)
    assert "this run has lost its lock" in lock.hold()
    assert list(tmp_path.iterdir()) == []
    assert lock.acquire() is None
    (tmp_path / ".lock").unlink()
    assert "this run has lost its lock" in lock.hold()
    assert StoreLock(tmp_path, Owner("elsewhere", 1, "1")).acquire() is None
    assert "process 1 on elsewhere" in lock.hold()
    past(tmp_path, LEASE + 1)
    # Whoever had it meanwhile may have written.
    assert "this run has lost its lock" in lock.hold()


def test_who_holds_a_lock_may_write_only_after_what_it_has_seen(tmp_path):
    lock = StoreLock(tmp_path, OURS)
    lock.saw(7)
    assert list(tmp_path.iterdir()) == [], "nothing to note without a lock"
    assert "this run has lost its lock" in lock.refuses(0)
    assert lock.acquire() is None
    assert f"this run has not read {tmp_path} to its end" in lock.refuses(0), "nobody else has written"
    lock.saw(7)
    assert lock.refuses(7) is None
    assert lock.hold() is None
    assert StoreLock(tmp_path, OURS).refuses(7) is None, "the next task of the same run goes on from there"
    assert "up to file 000008" in lock.refuses(8)
    assert "up to file 000006" in lock.refuses(6)


def test_what_another_run_sees_is_not_what_the_owner_of_the_lock_has_seen(tmp_path):
    assert StoreLock(tmp_path, OURS).acquire() is None
    StoreLock(tmp_path, OURS).saw(3)
    other = StoreLock(tmp_path, replace(OURS, host="elsewhere"))
    other.saw(4)
    assert StoreLock(tmp_path, OURS).refuses(3) is None
    assert "another run is at work" in other.refuses(3)
    assert "another run is at work" in other.refuses(4)


@pytest.mark.parametrize("position", [None, "7", [], {}, 7.5])
def test_position_that_is_none_lets_nobody_write(tmp_path, position):
    lock = StoreLock(tmp_path, OURS)
    assert lock.acquire() is None
    found = json.loads((tmp_path / ".lock").read_bytes())
    (tmp_path / ".lock").write_text(json.dumps({**found, "position": position}), encoding="utf-8")
    assert ("this run has not read" if position is None else "another run has written") in lock.refuses(7)
    assert lock.hold() is None


# Alone in a directory


@pytest.fixture(params=["flock", "no flock"])
def exclusion(request, monkeypatch):
    """File systems that can lock, and those that cannot."""

    def flock(_handle, _operation):
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    if request.param == "no flock":
        monkeypatch.setattr(fcntl, "flock", flock)
    return request.param


def test_only_one_is_alone_at_a_time_and_nothing_is_left_behind(tmp_path, exclusion):
    inside = []

    def work(_number):
        with alone(tmp_path):
            inside.append("in")
            time.sleep(0.001)
            inside.append("out")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(24)))
    assert inside == ["in", "out"] * 24
    assert list(tmp_path.iterdir()) == []


def test_whoever_breaks_off_leaves_the_directory_to_the_next(tmp_path, exclusion):
    with pytest.raises(ZeroDivisionError), alone(tmp_path):
        raise ZeroDivisionError
    with alone(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_directory_that_is_not_there_is_an_error(tmp_path, exclusion):
    with pytest.raises(FileNotFoundError), alone(tmp_path / "none"):
        pass


@pytest.mark.parametrize("exclusion", ["no flock"], indirect=True)
def test_what_a_killed_run_left_in_the_way_is_removed_once_nobody_can_be_at_it(tmp_path, exclusion, monkeypatch):
    monkeypatch.setattr(_lock, "_PATIENCE", 0.2)
    (tmp_path / ".lock-in-use").touch()
    with alone(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("exclusion", ["no flock"], indirect=True)
def test_whoever_keeps_a_directory_for_itself_is_not_waited_for_forever(tmp_path, exclusion, monkeypatch):
    monkeypatch.setattr(_lock, "_PATIENCE", 0.2)
    in_use = tmp_path / ".lock-in-use"
    in_use.touch()
    os.utime(in_use, (time.time() + 60, time.time() + 60))
    with pytest.raises(OSError, match="another program keeps this directory locked"), alone(tmp_path):
        pass
    assert in_use.exists()


def test_disk_that_fails_to_lock_for_another_reason_is_an_error(tmp_path, monkeypatch):
    def flock(_handle, _operation):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(OSError, match="Input/output error"), alone(tmp_path):
        pass


def test_exclusion_that_was_made_anew_meanwhile_is_not_taken_for_the_one_that_was_left_behind(tmp_path, monkeypatch):
    in_use = tmp_path / ".lock-in-use"
    in_use.touch()
    os.utime(in_use, (0, 0))
    rename = os.rename

    def slow(source, target):
        # Between this process's look and its hand somebody else has removed what was left behind, and works.
        in_use.unlink()
        in_use.touch()
        monkeypatch.setattr(os, "rename", rename)
        rename(source, target)

    monkeypatch.setattr(os, "rename", slow)
    assert not _lock._created(in_use)
    assert [path.name for path in tmp_path.iterdir()] == [".lock-in-use"], "it is given back"
    in_use.unlink()
    assert _lock._created(in_use)
