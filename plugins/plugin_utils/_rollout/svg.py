# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The drawings of a report's page, as SVG with the same in words. Pure."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import legible
from ansible_collections.hwc.mfa.plugins.module_utils._modules.posture import IN_NEED

_WIDTH = 900
_LEFT, _RIGHT = 70, 800
"""Where bars begin and end; left of them is what they are, right of them what they come to."""


def drawing(ident: str, title: str, words: str, height: int, parts: Sequence[str]) -> str:
    """An SVG image, ``height`` units high, that reads as its title and ``words``."""
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-labelledby="{ident}-title {ident}-words">'
        f'<title id="{ident}-title">{_text(title)}</title><desc id="{ident}-words">{_text(words)}</desc>{"".join(parts)}</svg>'
    )


def key(posture: str) -> str:
    """The colour of a posture, beside its name."""
    return f'<svg class="key" viewBox="0 0 10 10" aria-hidden="true"><rect class="f-{posture}" width="10" height="10" rx="2"/></svg>'


def coverage_bars(bars: Sequence[tuple[str, Mapping[str, Any] | None]], names: Mapping[str, str]) -> str:
    """A bar for each of ``bars``, a name and the users by posture with the coverage, or None where nobody knows. ``names`` are those of postures."""
    parts, words = [], []
    for index, (name, counts) in enumerate(bars):
        top = 6 + 48 * index
        parts.append(f'<text x="0" y="{top + 25}">{_text(name)}</text>')
        if counts is None:
            parts.append(f'<text x="{_LEFT}" y="{top + 25}" class="soft">not known</text>')
            words.append(f"{name}: not known.")
            continue
        needed = sum(counts[posture] for posture in IN_NEED)
        parts += _segments(counts, needed, top)
        parts.append(f'<text x="{_RIGHT + 10}" y="{top + 26}" class="big">{counts["coverage"]} %</text>')
        told = ", ".join(f"{counts[posture]} {names[posture].lower()}" for posture in IN_NEED if counts[posture])
        words.append(f"{name}: {counts['coverage']} per cent of {needed} users who need MFA are protected ({told or 'nobody needs MFA'}).")
    return drawing("coverage-image", "Users who need MFA, by posture", " ".join(words), 48 * len(bars) + 6, parts)


def _segments(counts: Mapping[str, Any], needed: int, top: int) -> Iterator[str]:
    if not needed:
        yield f'<rect class="f-none" x="{_LEFT}" y="{top}" width="{_RIGHT - _LEFT}" height="38"/>'
        yield f'<text x="{_LEFT + 12}" y="{top + 25}" class="soft">no user needs MFA</text>'
        return
    shown = [posture for posture in IN_NEED if counts[posture]]
    # So wide at least that a single user among thousands is seen.
    least, room = 5, _RIGHT - _LEFT
    rest = room - least * len(shown)
    left = float(_LEFT)
    for posture in shown:
        width = least + rest * counts[posture] / needed
        yield f'<rect class="f-{posture}" x="{left:.1f}" y="{top}" width="{max(width - 2, 1):.1f}" height="38"/>'
        number = str(counts[posture])
        if width > 14 + 9 * len(number):
            yield f'<text class="on" x="{left + width / 2 - 1:.1f}" y="{top + 24}" text-anchor="middle">{number}</text>'
        left += width


def coverage_line(points: Sequence[tuple[str, float]]) -> str:
    """The coverage in per cent over times, the oldest first; two points at least."""
    low, high = 128, 14
    left, right = 50, _WIDTH - 86

    def place(index: int) -> tuple[float, float]:
        return left + (right - left) * index / (len(points) - 1), low - (low - high) * points[index][1] / 100

    parts = []
    for value in (0, 50, 100):
        y = low - (low - high) * value / 100
        parts.append(f'<line class="grid" x1="{left}" y1="{y}" x2="{right}" y2="{y}"/>')
        parts.append(f'<text class="soft" x="{left - 8}" y="{y + 4}" text-anchor="end">{value} %</text>')
    places = [place(index) for index in range(len(points))]
    parts.append(f'<polyline class="curve" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in places)}"/>')
    parts += [
        f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="4.5"><title>{_text(when)}: {value} %</title></circle>'
        for (x, y), (when, value) in zip(places, points)
    ]
    parts.append(f'<text class="big" x="{right + 12}" y="{places[-1][1] + 5:.1f}">{points[-1][1]} %</text>')
    parts.append(f'<text class="soft" x="{left}" y="{low + 22}">{_text(points[0][0][:10])}</text>')
    parts.append(f'<text class="soft" x="{right}" y="{low + 22}" text-anchor="end">{_text(points[-1][0][:10])}</text>')
    words = "; ".join(f"{when}: {value} per cent" for when, value in points)
    return drawing("trend-image", "Coverage over the runs that are kept", words, low + 30, parts)


def _text(value: Any) -> str:
    return html.escape(legible(value))
