# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import stat

import pytest
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.account_file import AccountFileError
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.history import SeenUsers

FIRST, SECOND = "2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"


def test_users_are_as_old_as_the_first_look_at_them_and_forgotten_when_they_are_gone(tmp_path):
    assert SeenUsers(str(tmp_path), "acme").see(["u1"], FIRST, False) == ({"u1": FIRST}, True)
    assert SeenUsers(str(tmp_path), "acme").see(["u1", "u2"], SECOND, False) == ({"u1": FIRST, "u2": SECOND}, True)
    assert SeenUsers(str(tmp_path), "acme").see(["u1", "u2"], SECOND, False) == ({"u1": FIRST, "u2": SECOND}, False)
    assert SeenUsers(str(tmp_path), "acme").see(["u2"], SECOND, False) == ({"u2": SECOND}, True)
    (file,) = tmp_path.iterdir()
    assert file.name == "acme.history.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_check_mode_says_the_same_and_writes_nothing(tmp_path):
    assert SeenUsers(str(tmp_path), "acme").see(["u1"], FIRST, True) == ({"u1": FIRST}, True)
    assert list(tmp_path.iterdir()) == []


def test_history_in_a_store_lies_beside_the_seeds(tmp_path):
    assert SeenUsers(str(tmp_path), "acme", in_store=True).path == tmp_path / "acme" / ".history.json"


@pytest.mark.parametrize(
    "content", ["", "[]", '{"first_seen": []}', '{"first_seen": {"u1": "yesterday"}}', '{"first_seen": {"u1": 5}}', "[" * 100_000]
)
def test_file_that_is_no_history_is_an_error_and_not_overwritten(tmp_path, content):
    path = tmp_path / "acme.history.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(AccountFileError, match="is not a history of this role"):
        SeenUsers(str(tmp_path), "acme").see(["u1"], FIRST, False)
    assert path.read_text(encoding="utf-8") == content


def test_file_says_what_it_holds(tmp_path):
    SeenUsers(str(tmp_path), "acme").see(["u1"], FIRST, False)
    assert json.loads((tmp_path / "acme.history.json").read_bytes()) == {"first_seen": {"u1": FIRST}}
