# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Chromium for the tests of pages."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from devtools import Browser, Tab


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for all tests."""
    program = os.environ.get("CHROMIUM")
    assert program, "CHROMIUM must name a Chromium: run python3 tests/tools/steps.py browser"
    made = Browser(program, tmp_path_factory.mktemp("browser"))
    try:
        yield made
    finally:
        made.end()


@pytest.fixture
def show(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Tab]]:
    """Shows a page's text in a tab, which is closed after the test."""
    tabs: list[Tab] = []

    def one(text: str, **how: Any) -> Tab:
        path = tmp_path / f"page-{len(tabs)}.html"
        path.write_text(text, encoding="utf-8")
        tabs.append(browser.open(path, **how))
        return tabs[-1]

    yield one
    for tab in tabs:
        tab.close()


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pictures go; SCREENSHOTS names a place where they stay, for people."""
    folder = Path(os.environ.get("SCREENSHOTS") or tmp_path_factory.mktemp("pictures"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
