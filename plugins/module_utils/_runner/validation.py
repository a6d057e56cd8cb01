# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options against their specification, by ansible-core's own check."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator, ValidationResult
from ansible.module_utils.errors import UnsupportedError


class OptionsValidator(ArgumentSpecValidator):
    """ansible-core's check, with errors that are whole sentences.

    Core breaks off with an exception at a whole number that is infinite. Here it is an error that names the option. Of options that there are
    not, core's error gives the names alone, and modules put the rest before them: ``owner`` is whose options they are, in that sentence.
    """

    def __init__(self, argument_spec: Mapping[str, Mapping[str, Any]], *, owner: str = "", **relations: Any) -> None:
        super().__init__(dict(argument_spec), **relations)
        self._spec = argument_spec
        self._owner = owner

    def validate(self, parameters: Mapping[str, Any], *args: Any, **kwargs: Any) -> ValidationResult:
        result = super().validate(_finite(self._spec, parameters), *args, **kwargs)
        for error in result.errors:
            if isinstance(error, UnsupportedError):
                error.args = (f"Unsupported parameters{f' for {self._owner}' if self._owner else ''}: {error.msg}",)
        return result


def _finite(spec: Mapping[str, Mapping[str, Any]], given: Mapping[str, Any]) -> dict[str, Any]:
    """The options, with a text that is no number in the place of each infinite one."""
    names = {alias: option for option in spec.values() for alias in option.get("aliases", ())}
    return {name: _finite_value(spec.get(name) or names.get(name) or {}, value) for name, value in given.items()}


def _finite_value(option: Mapping[str, Any], value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        element = {**option, "type": option.get("elements")}
        return [_finite_value(element, each) for each in value]
    if isinstance(value, Mapping) and option.get("options"):
        return _finite(option["options"], value)
    return ".inf" if option.get("type") == "int" and _is_infinite(value) else value


def _is_infinite(value: Any) -> bool:
    try:
        return math.isinf(float(value))
    except (TypeError, ValueError, OverflowError):
        return False
