# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether an account meets what an audit demands of it: pure decisions over a report."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.iam import UNKNOWN
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import legible
from ansible_collections.hwc.mfa.plugins.module_utils._modules.posture import IN_NEED, POSTURES, PROTECTED
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.plain import exact
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.written import written
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.campaign import DUE, OVERDUE
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import Entry, PlanError

FAIL_UNDER, FAIL_ON_VARIABLE = "mfa_audit_fail_under", "mfa_audit_fail_on"

ROOT, CENTER, EXEMPT = "root", "identity_center", "exempt"

FAIL_ON = (*POSTURES, DUE, OVERDUE, ROOT, CENTER, EXEMPT)
"""What an audit can fail on. With ``exempt``, exempt users count as all others do."""

_NAMED = 10
"""Of how many users a sentence shows the names."""


def verdict(report: Entry, fail_under: float, fail_on: Sequence[str]) -> list[str]:
    """Why an audit with these demands fails, a sentence each; empty where the account meets them.

    ``fail_under`` is a coverage in per cent. ``fail_on`` are postures, ``due`` and ``overdue``. ``root`` is a root user without MFA; with ``unknown``
    beside it, also one whose MFA the cloud does not show. ``identity_center`` are its users without a device. It fails too if nobody looked at them.
    Exempt users lower the coverage. In ``fail_on`` they count only with ``exempt``: somebody has accepted what they lack.
    """
    found = report["summary"]["posture_after"] or report["summary"]["posture"]
    causes = []
    if found["coverage"] < fail_under:
        needed = sum(found[word] for word in IN_NEED)
        causes.append(
            f"coverage is {found['coverage']} %, under {fail_under:g} %: {found[PROTECTED]} of {needed} users who need MFA are protected."
        )
    for word in fail_on:
        if word == ROOT:
            causes.extend(_of_the_root(report["root"], UNKNOWN in fail_on))
            continue
        if word == CENTER:
            causes.extend(_of_the_center(report["identity_center"]))
            continue
        if word == EXEMPT:
            continue
        state = "after" if report["summary"]["posture_after"] else "before"
        rows = [row for row in report["users"] if word in (row["campaign"], row[state]["posture"])]
        names = [row["name"] or row["user_id"] for row in rows if EXEMPT in fail_on or row["exempt"] is None]
        # Users without a row count: nothing tells whether they are exempt.
        count = (found[word] if word in found else len(rows)) - (len(rows) - len(names))
        if count:
            causes.append(f"{count} {word}: {_first(names, count)}." if names else f"{count} {word}.")
    return [legible(cause) for cause in causes]


def _of_the_root(root: Entry | None, certain: bool) -> list[str]:
    """``certain`` is whether an audit is not content with what nobody tells."""
    mfa = (root or {}).get("mfa")
    if mfa == "no":
        return ["the root user has no MFA device."]
    if mfa != "yes" and certain:
        return [f"whether the root user has an MFA device is {UNKNOWN}: the cloud does not tell, or the credentials may not ask it."]
    return []


def _of_the_center(people: Entry | None) -> list[str]:
    if people is None:
        return ["the users of IAM Identity Center are not known: set mfa_rollout_identity_center_audit=true."]
    names = [
        str(person["name"] or person["user_id"]) for person in people["users"] if person["enabled"] is not False and not person["devices"]
    ]
    if not names:
        return []
    return [f"{len(names)} of the users of IAM Identity Center without an MFA device: {_first(names, len(names))}."]


def _first(names: Sequence[str], count: int) -> str:
    return ", ".join(names[:_NAMED]) + (f" and {count - _NAMED} more" if count > _NAMED else "")


def per_cent_in(value: Any) -> float:
    """``mfa_audit_fail_under``. Raises PlanError."""
    text = str(value)
    try:
        # Python takes 9_0, a typing error, for 90.
        number = math.nan if "_" in text else float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number <= 100:
        raise PlanError(f"{FAIL_UNDER} must be a number from 0 to 100, in per cent.")
    return number


def demands_in(value: Any) -> list[str]:
    """``mfa_audit_fail_on``: a list, or the text of one. Raises PlanError."""
    found = written(value)
    if isinstance(found, str):
        found = [word.strip() for word in found.split(",") if word.strip()]
    if not isinstance(found, (list, tuple)) or not all(isinstance(word, str) and exact(word) in FAIL_ON for word in found):
        raise PlanError(f"{FAIL_ON_VARIABLE} must be a list of some of {', '.join(FAIL_ON)}.")
    words = [exact(word) for word in found]
    if EXEMPT in words and not set(words) & set(POSTURES):
        raise PlanError(f"{FAIL_ON_VARIABLE} has {EXEMPT}, by which exempt users count too: name a posture beside it, such as unprotected.")
    return words
