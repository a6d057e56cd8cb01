# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What the modules of this collection promise."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
      - This assumes that the system controlled/queried by the module has not changed in a relevant way.
  platform:
    description: Target OS/families that can be operated against.
    platforms: all
    support: full
  action_group:
    description: Use C(group/hwc.mfa.mfa) in C(module_defaults) to set defaults for this module.
    membership:
      - hwc.mfa.mfa
    support: full
"""

    READ = r"""
attributes:
  check_mode:
    support: full
    details: This action does not modify state.
  diff_mode:
    support: N/A
    details: This action does not modify state.
  idempotent:
    support: full
    details: This action does not modify state.
"""

    CONTROL_NODE = r"""
attributes:
  check_mode:
    support: full
  idempotent:
    support: full
  action:
    description: Runs in the control process, so always on the control node.
    support: full
notes:
  - The shared options of the group C(group/hwc.mfa.mfa) are accepted here. The module calls no cloud with them.
"""

    WRITE = r"""
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
"""
