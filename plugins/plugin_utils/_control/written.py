# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists that come as text: a survey and the command line give nothing else."""

from __future__ import annotations

import ast
import datetime
from typing import Any

import yaml
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.plain import exact

_NULL = "tag:yaml.org,2002:null"


class _AsTyped(yaml.SafeLoader):
    """YAML in which only ``null`` is no text: a password of digits, or a name such as ``no``, stays what somebody has typed."""


_AsTyped.yaml_implicit_resolvers = {
    first: [each for each in known if each[0] == _NULL] for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def written(value: Any) -> Any:
    """A list that came as its text in JSON or YAML; anything else as it is."""
    value = with_dates(value)
    if not isinstance(value, str):
        return value
    found = _loaded(value)
    return found if isinstance(found, list) else value


_KINDS = {"date": datetime.date, "datetime": datetime.datetime, "timedelta": datetime.timedelta, "timezone": datetime.timezone}


def with_dates(value: Any) -> Any:
    """A list or mapping with a date that YAML has read, of which ansible-core before 2.19 made Python's text; anything else as it is."""
    text = exact(value).strip() if isinstance(value, str) else ""
    if not text.startswith(("[", "{")) or "datetime." not in text:
        return value
    try:
        tree = ast.parse(text, mode="eval").body
        # What somebody typed is JSON or YAML, in which a date is no call.
        return _evaluated(tree) if any(isinstance(node, ast.Call) for node in ast.walk(tree)) else value
    except (AttributeError, KeyError, MemoryError, OverflowError, RecursionError, SyntaxError, TypeError, ValueError):
        return value


def _evaluated(node: ast.AST) -> Any:
    """What a literal says, in which dates stand as calls. Nothing but these is called. Raises what other text brings about."""
    if isinstance(node, ast.List):
        return [_evaluated(each) for each in node.elts]
    if isinstance(node, ast.Dict):
        return {ast.literal_eval(key): _evaluated(each) for key, each in zip(node.keys, node.values) if key is not None}
    if isinstance(node, ast.Call):
        named = {str(each.arg): _evaluated(each.value) for each in node.keywords}
        return _KINDS[_name_in_datetime(node.func)](*(_evaluated(each) for each in node.args), **named)
    if isinstance(node, ast.Attribute) and ast.unparse(node) == "datetime.timezone.utc":
        return datetime.timezone.utc
    return ast.literal_eval(node)


def _name_in_datetime(node: ast.AST) -> str:
    module, _dot, name = ast.unparse(node).rpartition(".")
    if module != "datetime":
        raise ValueError
    return name


def says_nothing(value: Any) -> bool:
    """Whether a text has blanks and comments alone, or YAML's ``null``, as whoever leaves an answer empty may leave it."""
    return isinstance(value, str) and (not exact(value).strip() or _loaded(value) is None)


def _loaded(text: str) -> Any:
    try:
        return yaml.load(exact(text), Loader=_AsTyped)
    except (yaml.YAMLError, ValueError, RecursionError):
        return text
