# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What leaves of a run's result, the same from a module and from the control process: masked, and with the options that it was given."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible.module_utils.common.parameters import remove_values
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import legible
from ansible_collections.hwc.mfa.plugins.module_utils._runner.definition import Definition

_HIDDEN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"

_IDENTIFYING = (
    "id", "user_id", "user_name", "name", "serial_number", "device_id", "instance_id", "identity_store_id", "principal_urn", "email", "mobile",
    "administrators", "groups",
)  # fmt: skip
_WORDS = ("api", "binding", "console_access", "creation", "kind", "mfa", "posture", "verification_method")
_TIMES = ("created_at", "last_login_at", "registered_at", "now")

_OPAQUE = frozenset({"seed", *_IDENTIFYING, *_WORDS, *_TIMES})
"""Fields of results that hold ids, names, times or words of the API and never free text: a short secret that an id happens to contain must not tear it."""


def shown(definition: Definition, params: Mapping[str, Any], result: Mapping[str, Any], secrets: set[str]) -> dict[str, Any]:
    """The result as it is handed to Ansible, which must not mask it once more: that takes the product of values and secrets."""
    # Messages are made legible before they come here, and so are the secrets that they repeat.
    secrets = secrets | {legible(secret) for secret in secrets} - {""}
    visible: dict[str, Any] = {**result, "invocation": {"module_args": options_shown(params, definition.argument_spec)}}
    return _masked(visible, _plausible(secrets, _free_texts(visible)))


_SHINGLE = 4  # equivalent: other lengths only leave more or less to the search itself


def _plausible(secrets: set[str], texts: Iterable[str]) -> set[str]:
    """The secrets that may occur in ``texts``, by their first letters: to search every message for every secret of thousands takes minutes."""
    # equivalent: shorter ones at the end only leave more to the search itself
    shingles = {text[start : start + _SHINGLE] for text in texts for start in range(len(text) - _SHINGLE + 1)}
    # equivalent: one of just that length is its own beginning
    return {secret for secret in secrets if len(secret) < _SHINGLE or secret[:_SHINGLE] in shingles}


def _free_texts(value: Any, opaque: bool = False) -> Iterator[str]:  # equivalent: a result is an object, and each of its fields decides
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _free_texts(item, opaque or name in _OPAQUE)
    elif isinstance(value, list):
        for item in value:
            yield from _free_texts(item, opaque)
    elif isinstance(value, str) and not opaque:
        yield value


# equivalent: a result is an object, and each of its fields decides
def _masked(value: Any, secrets: set[str], opaque: bool = False) -> Any:
    if isinstance(value, dict):
        return {name: _masked(item, secrets, opaque or name in _OPAQUE) for name, item in value.items()}
    if isinstance(value, list):
        return [_masked(item, secrets, opaque) for item in value]
    if isinstance(value, str) and not opaque and secrets:
        return remove_values(value, secrets)
    return value


def options_shown(params: Mapping[str, Any], spec: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The options as ``-vvv`` shows them: what is secret is replaced, at every depth, and so is what could be.

    Under a name that is misspelt a secret is one too, and so is what stands in an address before its host.
    """
    return {name: _option(name, value, spec.get(name, _UNKNOWN)) for name, value in params.items()}


_UNKNOWN: Mapping[str, Any] = {"no_log": True}

_ADDRESS = re.compile("(^|_)(endpoint|url)$")
"""Names of options that are addresses, of services and of stores."""

_USER_INFO = re.compile("//[^/]*@")


def _option(name: str, value: Any, option: Mapping[str, Any]) -> Any:
    if value is None:
        return None
    if option.get("no_log") or (isinstance(value, str) and _holds_user_info(name, value)):
        return _HIDDEN
    if "options" in option:
        items = value if isinstance(value, list) else [value]
        inner = [options_shown(item, option["options"]) if isinstance(item, dict) else _HIDDEN for item in items]
        return inner[0] if option.get("type") == "dict" and len(inner) == 1 else inner
    return value


def _holds_user_info(name: str, value: str) -> bool:
    # No address that is accepted holds an @, so one that does was meant to have a user and a password, however it is written.
    if _ADDRESS.search(name):
        return "@" in value
    # A password can hold a slash.
    return _USER_INFO.search(value) is not None or any("@" in word.partition("//")[2] for word in value.split())
