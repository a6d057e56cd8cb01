# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What modules share that set a whole object of an account: write until the cloud shows what is wanted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Callable, TypeVar

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError, looking_after
from ansible_collections.hwc.mfa.plugins.module_utils._runner.context import Context

Seen = TypeVar("Seen")

_READ_AGAIN = (0.0, 0.2, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds to wait before each look at what was written: the cloud may show the old state for a while."""


def converge(
    context: Context, seen: Seen, read: Callable[[], Seen], write: Callable[[Seen], None], lacking: Callable[[Seen], Iterable[str]]
) -> Seen:
    """Write until the cloud shows what is wanted; returns what it shows then.

    ``seen`` is what it showed, ``write`` is given what was seen last, and ``lacking`` names the settings in it that are not yet so. A change
    by somebody else and a lost answer both lead back to reading. Raises CloudError.
    """
    retries = context.params["retries"]
    lost = False
    for attempt in range(retries + 1):  # equivalent: the last try ends or raises
        try:
            write(seen)
        except CloudError as error:
            # 1006: somebody changed the same object at this moment, so what was merged may be old.
            if not (error.uncertain or (error.status == 409 and error.has_code("1006"))) or attempt == retries:
                if lost:
                    error.note_lost()
                raise
            lost = lost or error.uncertain
            context.http.sleep(0.5 * 2 ** min(attempt, 4))
            with looking_after(lost):
                seen = read()
            if not list(lacking(seen)):
                return seen
            continue
        for pause in _READ_AGAIN:
            if pause:
                context.http.sleep(pause)
            try:
                seen = read()
            except CloudError as error:
                error.note_change("Before that, the cloud accepted the change.")
                raise
            if not list(lacking(seen)):
                return seen
        break
    unseen = CloudError(
        f"the cloud accepted the change and still shows the old {' and '.join(lacking(seen))}; run again to see whether it came through"
    )
    unseen.changed = True
    raise unseen
