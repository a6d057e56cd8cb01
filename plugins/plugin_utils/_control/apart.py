# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names that tell apart what people gave the same name. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Callable


def apart(forms: Sequence[Sequence[str]], reserved: Collection[str] = (), same_as: Callable[[str], str] = str) -> list[str]:
    """A name for each, of the ``forms`` that each may have: the first that is neither reserved nor anybody else's.

    Whoever shares a name gives it up, all of them, so that a name never tells which of two was listed first. The last forms must differ from
    each other. Names are the same where ``same_as`` gives the same for them.
    """
    level = [0] * len(forms)
    while True:
        names = [each[rank] for each, rank in zip(forms, level)]
        count = Counter(same_as(name) for name in names)
        # A form that comes later can be what another one is called, so that one look is not enough.
        clashing = [
            index
            for index, name in enumerate(names)
            if level[index] < len(forms[index]) - 1 and (count[same_as(name)] > 1 or name in reserved)
        ]
        if not clashing:
            return names
        for index in clashing:
            level[index] += 1
