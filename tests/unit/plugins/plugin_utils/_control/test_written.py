# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dates in lists, of which ansible-core before 2.19 makes Python's text, and texts that only look so."""

from __future__ import annotations

import datetime

import pytest
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.written import with_dates, written

DAY = datetime.date(2026, 12, 31)
TIME = datetime.datetime(2026, 12, 31, 10, 0)
ZONED = [
    datetime.datetime(2026, 12, 31, 10, 0, tzinfo=datetime.timezone.utc),
    datetime.datetime(2026, 12, 31, 10, 0, tzinfo=datetime.timezone(datetime.timedelta(seconds=3600))),
]


@pytest.mark.parametrize("date", [DAY, TIME, *ZONED])
def test_list_and_mapping_with_a_date_come_back_as_they_were(date):
    users = [{"name": "a'b\\n\u00e9\"", "until": date, "n": -1, "no": None, "yes": True}]
    assert written(repr(users)) == users
    assert with_dates(repr({"created_after": date})) == {"created_after": date}


@pytest.mark.parametrize(
    "text",
    [
        "datetime.date(2026, 12, 31)",
        "[datetime.date(2026, 13, 31)]",
        "[datetime.date(x)]",
        "[datetime.date(*[1, 2, 3])]",
        "[datetime.date(2026, 12, 31), open('x')]",
        "[datetime.datetime.now(datetime.date(2026, 12, 31))]",
        "[os.date(2026, 12, 31)]",
        '[{"name": "datetime.date(2026, 12, 31)"}]',
        "[datetime.",
        "[" * 5000 + "datetime.",
    ],
)
def test_text_that_only_looks_so_stays_a_text(text):
    assert with_dates(text) == text


def test_what_is_no_text_stays_what_it_is():
    assert with_dates([DAY]) == [DAY]
    assert with_dates(None) is None
