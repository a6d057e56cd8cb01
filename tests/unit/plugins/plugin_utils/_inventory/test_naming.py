# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re

import pytest
from ansible_collections.hwc.mfa.plugins.plugin_utils._inventory.accounts import Unit
from ansible_collections.hwc.mfa.plugins.plugin_utils._inventory.naming import NOT_FOR_HOSTS, group_name, host_name, unique, unit_groups
from hypothesis import example, given
from hypothesis import strategies as st

IDS = st.text("0123456789abcdef_", min_size=1, max_size=4)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("acme-prod.eu_1", "acme-prod.eu_1"),
        ("Größe 東京", "Größe_東京"),
        (" acme\n", "acme"),
        ("a/b\\c", "a_b_c"),
        ("../../etc", "_.._.._etc"),
        ("-rf", "_-rf"),
        ("{{ x }}", "___x___"),
        ("a:b,c!d&e[1]", "a_b_c_d_e_1_"),
        ("acme\u202eprod\x1b[2J", "acme_prod__2J"),
        ("...", ""),
        ("_", ""),
        ("", ""),
        ("x" * 300, "x" * 128),
    ],
)
def test_name_of_a_host(text, name):
    assert host_name(text) == name


@given(st.text())
@example("\ud800")
@example("a\x00b")
def test_no_text_makes_a_name_that_means_something_else(text):
    name = host_name(text)
    assert name == "" or (re.fullmatch(r"\w[\w.-]*", name) and len(name) <= 129)
    assert host_name(name) == name
    assert re.fullmatch(r"[^\W\d]\w*", group_name(text))


@given(st.lists(st.tuples(st.sampled_from(["", "a", "b", "all", "a_1", "a_1_2", "1"]) | IDS, IDS), unique_by=lambda pair: pair[1]))
@example([("a", "1"), ("a", "2"), ("a_1", "3")])
@example([("a_x", "y"), ("a", "x_y"), ("a_x", "z"), ("a", "w")])
def test_names_are_unique_and_do_not_depend_on_the_order(wanted):
    names = unique(wanted, NOT_FOR_HOSTS)
    assert len(set(names)) == len(names)
    assert "" not in names and "all" not in names
    backwards = unique(wanted[::-1], NOT_FOR_HOSTS)
    assert backwards[::-1] == names


def test_all_who_share_a_name_get_their_id():
    assert unique([("a", "1"), ("b", "2"), ("a", "3"), ("localhost", "4"), ("", "5")], NOT_FOR_HOSTS) == [
        "a_1",
        "b",
        "a_3",
        "localhost_4",
        "5",
    ]


def test_groups_of_units_of_one_name():
    units = [Unit(f"ou-{n}", name, None, (f"ou-{n}",), name) for n, name in enumerate(["Prod", "prod-1", "Prod", "prod 1", "0"])]
    assert list(unit_groups(units).values()) == ["unit_Prod_ou_0", "unit_prod_1_ou_1", "unit_Prod_ou_2", "unit_prod_1_ou_3", "unit__0"]
