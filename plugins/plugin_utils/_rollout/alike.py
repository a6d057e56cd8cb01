# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users with the same reason in one line, with the first names and a count."""

from __future__ import annotations

import re
from collections.abc import Iterable

_REQUEST = re.compile(r",? ?request id [^,)]+")


def alike(reasons: Iterable[tuple[str, str, str]], shown: int) -> list[tuple[str, str]]:
    """``reasons`` are ids, names and reasons of users. Returns (names, reason) for each reason, with at most ``shown`` names.

    Reasons that differ in the user's id or in the id of the request only are the same; the first one stands for all.
    """
    groups: dict[str, tuple[str, list[str]]] = {}
    for user_id, name, reason in reasons:
        cause = _REQUEST.sub("", reason.replace(user_id, "") if user_id else reason)
        groups.setdefault(cause, (reason, []))[1].append(name)
    return [(_named(names, shown), reason) for reason, names in groups.values()]


def _named(names: list[str], shown: int) -> str:
    more = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {more} more" if more > 0 else "")
