# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A way to become somebody else that everybody may use, since it does not."""

from __future__ import annotations

DOCUMENTATION = """
name: nobody_else
short_description: Stay who you are
description: For tests of what C(become) brings about on the way.
author: The hwc.mfa authors (@hwc-mfa)
options: {}
"""

from typing import Any

from ansible.plugins.become import BecomeBase


class BecomeModule(BecomeBase):
    """Runs the command as it is, and says so as every plugin must."""

    name = "nobody_else"

    def build_become_command(self, cmd: str, shell: Any) -> str:
        super().build_become_command(cmd, shell)
        return self._build_success_command(cmd, shell)
