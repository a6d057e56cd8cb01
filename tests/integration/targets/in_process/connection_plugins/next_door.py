# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A connection to another machine that is this one."""

from __future__ import annotations

DOCUMENTATION = """
name: next_door
short_description: Call this machine another one
description: For tests of what modules do elsewhere.
author: The hwc.mfa authors (@hwc-mfa)
options: {}
"""

from ansible.plugins.connection.local import Connection as LocalConnection


class Connection(LocalConnection):
    """The local connection under another name."""

    transport = "next_door"
