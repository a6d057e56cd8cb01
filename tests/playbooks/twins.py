# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cases that try once more, on another core, cloud or kind of credential, what a case beside them tries.

``make test`` leaves them out, ``make playbooks``, ``make awx`` and ``make test-all`` run them.
"""

from __future__ import annotations

from typing import Any

import pytest


def twin(*values: Any, id: str | None = None) -> Any:  # pylint: disable=redefined-builtin  # as pytest.param calls it
    """A parameter's value, for a case that is a twin of the others."""
    return pytest.param(*values, marks=pytest.mark.twin, id=id)


CLOUDS = ["huaweicloud", twin("otc")]
