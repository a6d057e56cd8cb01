# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.hwc.mfa.plugins.module_utils._modules.identity_center_user_mfa_device import DEVICE
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.in_process import InProcessAction


class ActionModule(InProcessAction):
    """Runs hwc.mfa.identity_center_user_mfa_device in the control process where it can."""

    definition = DEVICE
