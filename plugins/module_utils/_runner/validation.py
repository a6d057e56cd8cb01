# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options against their specification, by ansible-core's own check."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator, ValidationResult
from ansible.module_utils.common.validation import check_type_dict
from ansible.module_utils.errors import SubParameterTypeError, UnsupportedError


class OptionsValidator(ArgumentSpecValidator):
    """ansible-core's check, with errors that are whole sentences.

    Core breaks off with an exception at a whole number that is infinite, and shows what should be a mapping and is none, with all secrets in it.
    Here both are errors that name the option. Of options that there are not, core's error gives the names alone, and modules put the rest before
    them: ``owner`` is whose options they are, in that sentence.
    """

    def __init__(self, argument_spec: Mapping[str, Mapping[str, Any]], *, owner: str = "", **relations: Any) -> None:
        super().__init__(dict(argument_spec), **relations)
        self._spec = argument_spec
        self._owner = owner

    def validate(self, parameters: Mapping[str, Any], *args: Any, **kwargs: Any) -> ValidationResult:
        wrong = {name: misshaped(self._spec, {name: value}) for name, value in parameters.items()}
        sound = {name: value for name, value in parameters.items() if wrong[name] is None}
        result = super().validate(_finite(self._spec, sound), *args, **kwargs)
        result.errors.errors[:0] = [SubParameterTypeError(said) for said in wrong.values() if said is not None]
        for error in result.errors:
            if isinstance(error, UnsupportedError):
                error.args = (f"Unsupported parameters{f' for {self._owner}' if self._owner else ''}: {error.msg}",)
        return result


def misshaped(spec: Mapping[str, Mapping[str, Any]], given: Mapping[str, Any], at: str = "") -> str | None:
    """What to say of the first option that should be a mapping, or a list of them, and holds something else; None where all are. Shows no value."""
    names = _named(spec)
    for name, value in given.items():
        option = names.get(name, {})
        if value is None or not option.get("options"):
            continue
        label = f"{at}{name}"
        if not isinstance(value, (list, tuple, Mapping, str)):
            return f"{label} must be a {'list of mappings' if option.get('type') == 'list' else 'mapping'}."
        items = list(enumerate(value)) if isinstance(value, (list, tuple)) else [(None, value)]
        for number, item in items:
            place = label if number is None else f"{label}[{number}]"
            wrong = misshaped(option["options"], item, f"{place}.") if isinstance(item, Mapping) else _no_mapping(place, item)
            if wrong is not None:
                return wrong
    return None


def _no_mapping(place: str, item: Any) -> str | None:
    if isinstance(item, (list, tuple)):
        name = place.rpartition("[")[0].rpartition(".")[2]
        return f'{place} must be a mapping, and is a list: where a template gives the whole list, write {name}: "{{{{ ... }}}}" without a hyphen.'
    try:
        # As core does, of text such as "user_id=1 seed=2".
        made = check_type_dict(item)
    except (TypeError, ValueError):
        made = None
    return None if isinstance(made, Mapping) else f"{place} must be a mapping."


def _named(spec: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """The options by their names and aliases."""
    return {**{alias: option for option in spec.values() for alias in option.get("aliases", ())}, **spec}


def _finite(spec: Mapping[str, Mapping[str, Any]], given: Mapping[str, Any]) -> dict[str, Any]:
    """The options, with a text that is no number in the place of each infinite one."""
    names = _named(spec)
    return {name: _finite_value(names.get(name, {}), value) for name, value in given.items()}


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
