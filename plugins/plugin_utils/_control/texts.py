# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that must be text and came as something else: YAML then has made another value of it than was written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any


def not_text(spec: Mapping[str, Mapping[str, Any]], args: Mapping[str, Any], at: str = "") -> Iterator[str]:
    """The names of options of ``args`` that are text by ``spec``, an argument spec, and came as a number, a date or a truth value."""
    for name, value in args.items():
        option = spec.get(name, {"type": "raw"})
        label = f"{at}{name}"
        if option.get("type", "str") == "str":
            # Of words such as "on" YAML makes a truth value, and ansible-core makes the one of the choices of it that was meant.
            if not isinstance(value, (str, type(None))) and not (isinstance(value, bool) and "choices" in option):
                yield label
        elif isinstance(value, (list, tuple)) and option.get("type") == "list":
            yield from _within(option, value, label)
        elif isinstance(value, Mapping) and "options" in option:
            yield from not_text(option["options"], value, f"{label}.")


def _within(option: Mapping[str, Any], items: Iterable[Any], label: str) -> Iterator[str]:
    for number, item in enumerate(items):
        if option.get("elements", "str") == "str" and not isinstance(item, str):
            yield f"{label}[{number}]"
        elif isinstance(item, Mapping) and "options" in option:
            yield from not_text(option["options"], item, f"{label}[{number}].")


def sentence(names: Iterable[str]) -> str | None:
    """What to say of options that are not text; None where there is none. Never shows a value."""
    found = list(dict.fromkeys(names))
    if not found:
        return None
    shown = ", ".join(found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")
    return (
        f"{shown} must be text, and came as a number, a date or a truth value, which YAML may have changed (0123 becomes 83): write it in"
        ' quotes. Where it comes from a template and jinja2_native is on, end the template with "| string".'
    )
