# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the rehearsal cloud ends a play: before its workers, who ask who their parent is, hear the answer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
import requests
from ansible_collections.hwc.mfa.tests.simulator.server import _descendants, lives
from ansible_collections.hwc.mfa.tests.unit.half_dead_process import end_first_thread, process_that_half_dies
from ansible_collections.hwc.mfa.tests.unit.rehearsal import Rehearsal

# Much memory takes a dying process some time to give back.
BIG = "import time; held = bytearray(b'x') * 400_000_000; print(flush=True); time.sleep(600)"


def test_play_is_dead_before_the_request_that_killed_it_is_answered(cloud: Rehearsal):
    with subprocess.Popen([sys.executable, "-c", BIG], stdout=subprocess.PIPE, start_new_session=True) as play:
        assert play.stdout is not None
        play.stdout.readline()
        cloud.handle.kill_at(play.pid, 1, "after", "domains")
        requests.get(f"{cloud.url}/v3/auth/domains", timeout=30)
        assert os.waitid(os.P_PID, play.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def test_play_lives_as_long_as_one_of_its_threads():
    with process_that_half_dies() as play:
        end_first_thread(play)
        assert lives(play.pid)
        play.kill()
        os.waitid(os.P_PID, play.pid, os.WEXITED | os.WNOWAIT)
        assert not lives(play.pid)


@pytest.mark.parametrize("workers", [True, False])
def test_processes_that_a_play_has_made_die_with_it_where_the_machine_goes_off(cloud: Rehearsal, workers: bool):
    worker = "import time; print(flush=True); time.sleep(600)"
    play = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {worker!r}], start_new_session=True)"
    with subprocess.Popen([sys.executable, "-c", play], stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        (made,) = _descendants(process.pid)
        cloud.handle.kill_at(process.pid, 1, "after", "domains", workers)
        requests.get(f"{cloud.url}/v3/auth/domains", timeout=30)
        assert lives(made) is not workers
        if not workers:
            os.kill(made, signal.SIGKILL)
