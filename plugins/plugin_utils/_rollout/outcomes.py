# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What came of each user of a wave: pure decisions over the results of its steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import legible
from ansible_collections.hwc.mfa.plugins.module_utils._modules.posture import has_vmfa
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.alike import alike
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.shown import binding_shown, tells_of
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import (
    BIND,
    CREATE,
    ORDER,
    PROTECT,
    PROVE,
    REMOVE,
    STORE,
    UNPROTECT,
    VERIFY,
    Entry,
    Terms,
)

Outcomes = Mapping[str, Entry]
"""The outcomes of one step by user id, as the module gave them."""


def by_user(result: Entry, key: str) -> dict[str, Entry]:
    """The outcomes of a module's result by user id. Where the whole call failed, there are none."""
    return {str(outcome["user_id"]): outcome for outcome in result.get(key) or []}


def failed(msg: str) -> dict[str, Any]:
    """The outcome of a step that was not taken for a user, and why."""
    return {"failed": True, "msg": msg}


STOPS = "stops"
"""Set in an outcome after which the rollout must not go on, since what failed for this user fails for the next ones too."""


def stopping(msg: str) -> dict[str, Any]:
    """The outcome of a step after which the rollout must not go on."""
    return {**failed(msg), STOPS: True}


def outcome_of(entry: Entry, tables: Mapping[str, Outcomes], unseen: str | None) -> dict[str, Any]:
    """What came of one user: ``done`` (the steps that succeeded), ``failed``, ``step`` and ``msg``, and where the rollout must not go on, ``stops``.

    ``tables`` has the outcomes of each step that was taken. ``unseen`` says what the cloud does not show of it, or None.
    """
    outcome: dict[str, Any] = {"user_id": entry["user_id"], "name": entry["name"], "done": [], "failed": False, "step": None, "msg": None}
    steps = [step for step in ORDER if step in entry["steps"]]
    if CREATE in steps:
        steps.insert(steps.index(CREATE) + 1, STORE)
    # What the cloud does not show has failed, though all calls succeeded; to log in comes after that.
    for step in (*(step for step in steps if step != PROVE), VERIFY, *(step for step in steps if step == PROVE)):
        one = tables.get(step, {}).get(entry["user_id"])
        msg = unseen if step == VERIFY else _failure(one, step)
        if msg:
            outcome.update(failed=True, step=step, msg=msg, **({STOPS: True} if one and one.get(STOPS) else {}))
            break
        if step in entry["steps"]:
            outcome["done"].append(step)
    return outcome


def _failure(one: Entry | None, step: str) -> str | None:
    if one is None:
        return None if step == STORE else "it was not reached, since an earlier step failed"
    return str(one.get("msg") or "failed") if one.get("failed") else None


def unfulfilled(entry: Entry, user: Entry | None, terms: Terms, bound: Entry | None) -> str | None:
    """What the cloud does not yet show of what a wave did for a user, or None. ``bound`` is the outcome of the binding."""
    if user is None:
        return "the user is no longer listed" if terms.enrols else None
    if REMOVE in entry["steps"] and binding_shown(user, entry["serial_number"]) is not None:
        return "the device is still there"
    if REMOVE in entry["steps"] and not tells_of(user, entry["serial_number"]):
        return "the cloud shows a device under a serial number of another form, so nobody knows whether the device is gone"
    if UNPROTECT in entry["steps"] and PROTECT not in entry["steps"] and has_vmfa(user):
        return "login protection is still on"
    if BIND in entry["steps"]:
        shown = binding_shown(user, bound["serial_number"]) if bound and bound.get("serial_number") else None
        if shown is None:
            return "the cloud does not show the device that was bound"
        if shown == "unbound":
            return "the cloud shows the device as not bound"
    if PROTECT in entry["steps"] and not has_vmfa(user):
        return "login protection is not on"
    return None


_WORDS = {CREATE: "created", BIND: "bound", PROTECT: "protected", PROVE: "proven", UNPROTECT: "unprotected", REMOVE: "removed"}

_SHOWN_ALIKE = 3
"""Of how many users with the same failure the names are shown."""


def wave_line(number: int, total: int, outcomes: Sequence[Entry]) -> str:
    """What a wave came to, for a person, in one line; each kind of failure in a line of its own below it."""
    failures = [outcome for outcome in outcomes if outcome["failed"]]
    parts = [f"wave {number} of {total}", f"{len(outcomes)} user{'' if len(outcomes) == 1 else 's'}"]
    for step in ORDER:
        count = sum(1 for outcome in outcomes if step in outcome["done"])
        if count or any(outcome["step"] == step for outcome in failures):
            parts.append(f"{count} {_WORDS[step]}")
    parts.append(f"{len(failures)} failed")
    return "\n".join([", ".join(parts), *(f"  {line}" for line in failure_lines(failures))])


def failure_lines(failures: Sequence[Entry]) -> list[str]:
    """Failures for a person: those with the same cause once, with a count and the first names."""
    found = [(str(each["user_id"]), str(each["name"] or each["user_id"]), f"{each['step']}: {each['msg']}") for each in failures]
    return [legible(f"{who}: {reason}") for who, reason in alike(found, _SHOWN_ALIKE)]
