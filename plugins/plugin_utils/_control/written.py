# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists that come as text: a survey and the command line give nothing else."""

from __future__ import annotations

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
    if not isinstance(value, str):
        return value
    found = _loaded(value)
    return found if isinstance(found, list) else value


def says_nothing(value: Any) -> bool:
    """Whether a text has blanks and comments alone, or YAML's ``null``, as whoever leaves an answer empty may leave it."""
    return isinstance(value, str) and (not exact(value).strip() or _loaded(value) is None)


def _loaded(text: str) -> Any:
    try:
        return yaml.load(exact(text), Loader=_AsTyped)
    except (yaml.YAMLError, ValueError, RecursionError):
        return text
