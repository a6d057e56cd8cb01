# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import stat

import pytest
from ansible import constants
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.memory_file import remembered

STATE = {"rate": 19.5, "guessed": True, "next_at": 1.0, "resume_at": 1.0, "decided_at": 1.0}


@pytest.fixture(autouse=True)
def local_tmp(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    return tmp_path


def test_next_task_of_an_account_knows_its_pace_and_no_other_accounts_task():
    with remembered("berlin") as memory:
        assert memory == {}
        memory["iam.example"] = STATE
    with remembered("berlin") as memory:
        assert memory == {"iam.example": STATE}
    with remembered("../berlin") as memory:
        assert memory == {}


def test_what_a_task_learned_that_was_ended_is_known_to_the_next():
    with pytest.raises(TimeoutError), remembered("berlin") as memory:
        memory["iam.example"] = STATE
        raise TimeoutError
    with remembered("berlin") as memory:
        assert memory == {"iam.example": STATE}


def test_limit_that_is_gone_is_forgotten():
    with remembered("berlin") as memory:
        memory["iam.example"] = STATE
    with remembered("berlin") as memory:
        memory.clear()
    with remembered("berlin") as memory:
        assert memory == {}


def test_nothing_is_written_where_nothing_was_refused(local_tmp):
    with remembered("berlin"):
        pass
    assert list(local_tmp.iterdir()) == []


def test_file_is_the_owners_alone(local_tmp):
    with remembered("berlin") as memory:
        memory["iam.example"] = STATE
    (path,) = local_tmp.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_file_that_was_damaged_counts_for_nothing(local_tmp):
    with remembered("berlin") as memory:
        memory["iam.example"] = STATE
    (path,) = local_tmp.iterdir()
    path.write_bytes(b"\xff{")
    with remembered("berlin") as memory:
        assert memory == {}
