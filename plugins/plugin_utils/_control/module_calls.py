# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the collection's modules one after the other, over the same connections and identities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_login_check import LOGIN_CHECK
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_login_protection import PROTECTION
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_mfa_info import MFA_INFO
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_virtual_mfa_bind import BIND
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_virtual_mfa_device import DEVICE
from ansible_collections.hwc.mfa.plugins.module_utils._runner.connections import Connections
from ansible_collections.hwc.mfa.plugins.module_utils._runner.definition import Definition
from ansible_collections.hwc.mfa.plugins.module_utils._runner.masking import shown
from ansible_collections.hwc.mfa.plugins.module_utils._runner.run import perform_with
from ansible_collections.hwc.mfa.plugins.module_utils._runner.validation import OptionsValidator

DEFINITIONS: Mapping[str, Definition] = {
    "iam_login_check": LOGIN_CHECK,
    "iam_login_protection": PROTECTION,
    "iam_mfa_info": MFA_INFO,
    "iam_virtual_mfa_bind": BIND,
    "iam_virtual_mfa_device": DEVICE,
}
"""The modules that a wave calls."""


class ModuleCalls:
    """Runs modules by their names. ``auth`` are the shared options, ``concurrency`` is how many items are worked on at once."""

    def __init__(self, connections: Connections, auth: Mapping[str, Any], concurrency: int, check_mode: bool, diff: bool) -> None:
        self._connections = connections
        self._auth = auth
        self._concurrency = concurrency
        self._check_mode = check_mode
        self._diff = diff
        self.diffs: list[dict[str, Any]] = []
        """The differences that the modules have made or would make, for diff mode."""

    def __call__(self, module: str, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """The result of a module, as a task of its own would have it, with what is secret masked."""
        definition = DEFINITIONS[module]
        validator = OptionsValidator(definition.argument_spec, **definition.relations)
        validated = validator.validate({**self._auth, "concurrency": self._concurrency, **options})
        if validated.error_messages:
            result: dict[str, Any] = {"failed": True, "changed": False, "msg": str(validated.error_messages[0])}
        else:
            result = perform_with(self._connections, definition, validated.validated_parameters, self._check_mode, self._diff)
        # Asked for now: an agency's keys are obtained while a module works.
        secrets = set(validated._no_log_values) | self._connections.environment_secrets()
        result = shown(definition, {}, result, secrets)
        difference = result.pop("diff", None)
        if difference:
            self.differ(module, difference["before"], difference["after"])
        return result

    def differ(self, module: str, before: Any, after: Any) -> None:
        """Take note, in diff mode, of what a module changes, or what in check mode would be changed without it."""
        if self._diff and before != after:
            self.diffs.append({"before": before, "after": after, "before_header": module, "after_header": module})
