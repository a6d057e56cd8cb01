# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What integration targets need of the rehearsal cloud, which ansible-test would leave behind otherwise."""

from __future__ import annotations

from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]


def test_integration_targets_name_every_file_of_the_rehearsal_cloud():
    named = (TESTS / "integration" / "targets" / "setup_rehearsal_cloud" / "aliases").read_text(encoding="utf-8").split()
    assert sorted(named) == sorted(f"needs/file/tests/simulator/{path.name}" for path in (TESTS / "simulator").glob("*.py"))
