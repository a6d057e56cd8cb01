# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a module's work is given: validated options, check mode and diff, and the way to the clouds."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._auth.base import Credentials
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.iam import Iam
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import legible
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.transport import Http
from ansible_collections.hwc.mfa.plugins.module_utils._runner.connections import Connections


class Context:
    """One run of one module's work. ``connections`` may serve several runs."""

    def __init__(self, params: Mapping[str, Any], check_mode: bool, diff: bool, connections: Connections) -> None:
        self.params = params
        self.check_mode = check_mode
        self.diff = diff
        self.connections = connections
        self.warnings: list[str] = []
        self._lock = threading.Lock()

    def warn(self, text: str) -> None:
        """Tell the user something that is no failure."""
        with self._lock:
            line = legible(text)
            if line not in self.warnings:
                self.warnings.append(line)

    @property
    def http(self) -> Http:
        """The connections to all hosts, with their clock and ``sleep``."""
        return self.connections.http

    @property
    def iam(self) -> Iam:
        """IAM with the module's own credentials. Raises OptionError where there are none."""
        return self.connections.iam

    @property
    def credentials(self) -> Credentials | None:
        """The module's own credentials, or None."""
        return self.connections.credentials
