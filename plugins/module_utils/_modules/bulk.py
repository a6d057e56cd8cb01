# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What modules that work on many users share: bounded threads, an outcome for each user in input order, and reading again after a write."""

from __future__ import annotations

import re
import traceback
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePath
from typing import Any, Callable, TypeVar

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError, OptionError, error_facts
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import legible

Item = TypeVar("Item")
Seen = TypeVar("Seen")

FEW = 8
"""Up to so many users are asked for one by one, at once; more are taken from the account's listing."""

STALE_WAITS = (0.3, 0.7, 1.5, 2.5)
"""Seconds between looks at something that must be there: a read right after a write may be old for seconds (docs/dev/cloud_api.md, section 2)."""


def items_of(params: Mapping[str, Any], many: str, spec: Mapping[str, Any], shared: Sequence[str]) -> list[dict[str, Any]]:
    """The items of the list option ``many``, or one of the flat options, which are those of ``spec``.

    What an item leaves out of ``shared`` is what the module's own option says: given beside a list, it means all of its items.
    """
    if params[many] is None:
        return [{name: params[name] for name in spec}]
    return [{**item, **{name: params[name] for name in shared if item.get(name) is None}} for item in params[many]]


def shared_spec(spec: Mapping[str, dict[str, Any]], shared: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The options of a list's items: without defaults where the module's own option counts."""
    return {
        name: {key: value for key, value in option.items() if key != "default"} if name in shared else option
        for name, option in spec.items()
    }


def look_until(look: Callable[[], Seen], fits: Callable[[Seen], bool], sleep: Callable[[float], None], seen: Seen | None = None) -> Seen:
    """Look until what is seen fits, or for some seconds; returns what was seen last. ``seen`` is what somebody has seen already."""
    if seen is None:
        seen = look()
    for pause in STALE_WAITS:
        if fits(seen):
            break
        sleep(pause)
        seen = look()
    return seen


def reconcile(
    items: Sequence[Item],
    work: Callable[[Item], dict[str, Any]],
    failure: Callable[[Item], dict[str, Any]],
    concurrency: int,
    done: Callable[[bool], None] = lambda _failed: None,
) -> list[dict[str, Any]]:
    """Do ``work`` for every item, at most ``concurrency`` at once, and return an outcome each, in input order.

    A CloudError or OptionError of one item becomes its outcome, with ``failed``, ``msg`` and ``error``, on top of what
    ``failure`` says of the item; it never stops or hides the others. ``done`` is told of each item, and whether it failed.
    """

    def one(item: Item) -> dict[str, Any]:
        outcome = attempt(item)
        done(outcome["failed"])
        return outcome

    def attempt(item: Item) -> dict[str, Any]:
        try:
            return {"failed": False, **work(item)}
        except (CloudError, OptionError) as error:
            if isinstance(error, CloudError) and error.status == 404 and error.hint is None and is_no_id(item):
                error.hint = A_NAME
            return {**failure(item), "failed": True, "msg": str(error), "error": error_facts(error)}
        except Exception as error:  # a bug here must not lose what the others got: a seed is shown once
            msg = f"unexpected {type(error).__name__} in {_place_of(error)}: please report this as a bug of hwc.mfa."
            return {**failure(item), "failed": True, "msg": msg, "error": error_facts(OptionError(msg))}

    if concurrency == 1 or len(items) == 1:
        return [one(item) for item in items]
    # equivalent: a pool must have a thread, even if there are no items
    with ThreadPoolExecutor(max_workers=min(concurrency, len(items) or 1)) as pool:
        return list(pool.map(one, items))


def _place_of(error: BaseException) -> str:
    """Where in the code an exception came up: what helps a developer, and no value, since one may be a secret."""
    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if "ansible_collections" in frame.filename]
    return f"{PurePath(ours[-1].filename).name}, line {ours[-1].lineno}" if ours else "Python"


A_NAME = "An id of a user has 32 characters: a name is given as user_name."


def is_no_id(item: Any) -> bool:
    """Whether an item's ``user_id`` does not look like one. The clouds' own ids have 32 hexadecimal digits; nobody promises that all have."""
    user_id = item.get("user_id") if isinstance(item, Mapping) else None
    return isinstance(user_id, str) and not re.fullmatch("[0-9a-f]{32}", user_id)


def summarize(outcomes: Sequence[dict[str, Any]], key: str, many: str) -> dict[str, Any]:
    """The result of a module with many items: the outcomes under ``key``, whether any changed, and at the end whether any failed."""
    failed = [outcome for outcome in outcomes if outcome["failed"]]
    result: dict[str, Any] = {"changed": any(outcome["changed"] for outcome in outcomes), key: list(outcomes)}
    if failed:
        first = failed[0]
        result["failed"] = True
        result["error"] = first["error"]
        if len(outcomes) == 1:
            result["msg"] = first["msg"]
        else:
            result["msg"] = legible(
                f"{len(failed)} of {len(outcomes)} {many} failed; the first is {first.get('user_name') or first['user_id']}: {first['msg']}"
            )
    return result
