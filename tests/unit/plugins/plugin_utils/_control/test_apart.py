# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.apart import apart


@pytest.mark.parametrize(
    ("forms", "names"),
    [
        ([], []),
        ([("a", "a1"), ("b", "b2")], ["a", "b"]),
        ([("a", "a1"), ("b", "b2"), ("a", "a3")], ["a1", "b", "a3"]),
        # What one gives up for is what another one is called.
        ([("a", "b", "1"), ("a", "a2", "2"), ("b", "b3", "3")], ["1", "a2", "b3"]),
        # A last form stays, and the other one gives way.
        ([("a",), ("a", "a2")], ["a", "a2"]),
        ([("all", "all1")], ["all1"]),
        ([("A", "A1"), ("a", "a2")], ["A", "a"]),
    ],
)
def test_whoever_shares_a_name_gives_it_up(forms, names):
    assert apart(forms, {"all"}) == names
    assert apart(forms[::-1], {"all"}) == names[::-1]


def test_what_is_the_same_name_can_be_said():
    assert apart([("A", "A1"), ("a", "a2"), ("b", "b3")], same_as=str.casefold) == ["A1", "a2", "b"]
