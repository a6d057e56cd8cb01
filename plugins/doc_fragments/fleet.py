# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Modules that bring many items to their wanted state in one call."""

    DOCUMENTATION = r"""
options:
  concurrency:
    description:
      - How many items are processed at the same time, from 1 to 256.
    type: int
    default: 8
notes:
  - One item's failure never stops or hides the others. The outcome of every item is returned, in input order. The module fails at the end if any
    item failed.
"""

    API = r"""
options:
  api:
    description:
      - The generation of IAM's API to use. Only V(v5) tells a bound device from one that was only created.
      - V(auto) uses v5 where the cloud answers it for these credentials, and v3.0 elsewhere.
    type: str
    choices:
      - auto
      - v3
      - v5
    default: auto
"""
