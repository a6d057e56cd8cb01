# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every test of playbooks is given."""

from __future__ import annotations

import pytest
from playground import core, playground

__all__ = ["core", "playground"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--every-death", action="store_true", help="end rollouts at each request, and not only once for each kind of those that write"
    )
