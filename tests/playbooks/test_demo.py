# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo, as a newcomer runs it, with fewer users."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from twins import twin

DEMO = Path(__file__).resolve().parents[1] / "demo" / "demo.py"


@pytest.mark.parametrize(("words", "steps", "users"), [pytest.param([], 9, 60, id="whole"), twin(["--short"], 4, 12, id="short")])
def test_every_step_of_the_demo_comes_out_as_it_says_within_100_columns(tmp_path: Path, words: list[str], steps: int, users: int) -> None:
    given = ["--users", str(users), "--latency-ms", "0", "--directory", str(tmp_path / "demo")]
    done = subprocess.run(
        [sys.executable, str(DEMO), *words, *given],
        env={**os.environ, "COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.findall(r"^(\d)\. ", done.stdout, re.M) == [str(number) for number in range(1, steps + 1)]
    assert [line for line in done.stdout.splitlines() if len(line) > 100] == []
    assert "NOT TRUE" not in done.stdout and "WARNING" not in done.stdout
    _steps, _title, table = done.stdout.partition("What the reports say")
    assert "acme-berlin-otc" in table and "seen: every row adds up" in table
    assert len(table.splitlines()) <= 20
    assert list((tmp_path / "demo" / "report").glob("acme-*.html"))
