# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One run of a module's work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError, OptionError, error_facts
from ansible_collections.hwc.mfa.plugins.module_utils._runner.connections import Connections
from ansible_collections.hwc.mfa.plugins.module_utils._runner.context import Context
from ansible_collections.hwc.mfa.plugins.module_utils._runner.definition import Definition


def perform(
    definition: Definition,
    params: Mapping[str, Any],
    check_mode: bool,
    diff: bool,
    env: Mapping[str, str],
    wanted: Callable[[], bool] = lambda: True,
    memory: dict[str, Any] | None = None,
    trace: Callable[[str], None] | None = None,
) -> tuple[dict[str, Any], set[str]]:
    """Run a module's work with connections of its own; ``wanted`` says whether anybody still waits for it.

    ``memory`` is what an earlier run on the same account has learned, such as how fast the cloud let it go; it is added to. ``trace`` is
    told of each request.
    Returns its result, ``failed`` and ``msg`` in it where it failed, and the secrets of the environment to mask.
    """
    try:
        connections = Connections(params, env, wanted, {} if memory is None else memory)
    except OptionError as error:
        return _failure(error), set()
    connections.trace = trace
    try:
        return perform_with(connections, definition, params, check_mode, diff), connections.environment_secrets()
    finally:
        connections.close()


def perform_with(
    connections: Connections, definition: Definition, params: Mapping[str, Any], check_mode: bool, diff: bool
) -> dict[str, Any]:
    """Run a module's work over connections that somebody else opened and closes. Returns its result."""
    context = Context(params, check_mode, diff, connections)
    try:
        result = definition.work(context)
    except (CloudError, OptionError) as error:
        result = _failure(error)
    _explain(connections, result)
    if context.warnings:
        result["warnings"] = context.warnings
    return result


def _failure(error: CloudError | OptionError) -> dict[str, Any]:
    changed = isinstance(error, CloudError) and error.changed
    return {"failed": True, "changed": changed, "msg": str(error), "error": error_facts(error)}


def _explain(connections: Connections, result: dict[str, Any]) -> None:
    """Add to a refusal what its encoded message says, where the caller may decode that."""
    encoded = (result.get("error") or {}).get("encoded_authorization_message")
    decoded = connections.explanation(encoded) if encoded else None
    if decoded:
        result["error"]["authorization_message"] = decoded
        if result.get("msg"):
            result["msg"] = f"{result['msg']} Decoded: {decoded}"
