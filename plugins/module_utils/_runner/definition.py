# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a module is: its options and its work, the same in a module process and in the control process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Callable

from ansible_collections.hwc.mfa.plugins.module_utils._runner.context import Context


@dataclass(frozen=True)
class Definition:
    """A module: its options, what they demand of each other, and its work."""

    argument_spec: Mapping[str, Mapping[str, Any]]
    work: Callable[[Context], dict[str, Any]]
    relations: Mapping[str, Any] = field(default_factory=dict)
    """``mutually_exclusive``, ``required_one_of`` and so on, as AnsibleModule names them."""

    many: str = ""
    """The name of the list in the result that has an entry a user; empty where there is none."""

    returns_seeds: bool = False
    """Whether that list can hold seeds."""

    secret_field: str = ""
    """The name of a field of the result itself that is a secret; empty where there is none."""

    @property
    def returns_secrets(self) -> bool:
        """Whether a result can hold seeds or another secret, so that the module refuses ``async``."""
        return self.returns_seeds or bool(self.secret_field)

    def holds_secret(self, result: Mapping[str, Any]) -> bool:
        """Whether this very result holds a seed or another secret, so that it must not be printed."""
        if self.secret_field and result.get(self.secret_field):
            return True
        if not self.returns_seeds:
            return False
        outcomes = result.get(self.many)
        return isinstance(outcomes, list) and any(isinstance(outcome, dict) and outcome.get("seed") for outcome in outcomes)
