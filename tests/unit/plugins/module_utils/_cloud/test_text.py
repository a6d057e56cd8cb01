# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import ast
import json
import unicodedata

import pytest
import yaml
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import json_text, legible, quoted
from hypothesis import given
from hypothesis import strategies as st

ANY_TEXT = st.text(st.characters(), max_size=40) | st.text(
    st.sampled_from("ab \t\r\n\x00\x1b\x85\x9b\u2028\u2029\u202e\u2066\ufeff\ud83d\U0001f512")
)


@given(ANY_TEXT)
def test_any_text_becomes_one_line_that_moves_no_cursor_and_turns_nothing_around(text):
    line = legible(text)
    assert len(line.splitlines()) <= 1
    assert line == line.strip()
    for character in line:
        assert unicodedata.category(character) not in ("Cc", "Cs", "Zl", "Zp")
        assert unicodedata.bidirectional(character) not in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
    assert line.encode("utf-8")[:0] == b""


@pytest.mark.parametrize(
    "text", ["", "ada", "Amélie", "Ame\u0301lie", "夏目 漱石", "اَلعَرَبيَّة", "👩\u200d🔬", "می\u200cخواهم", "=1+1", "{{ x }}", "<b>"]
)
def test_text_that_people_write_stays_as_it_is(text):
    assert legible(text) == text


def test_long_text_is_cut_only_where_a_limit_is_given():
    assert legible("x" * 5000) == "x" * 5000
    assert legible("x" * 50, 10) == "x" * 10 + "..."
    assert legible("x" * 10, 10) == "x" * 10


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("ada", "'ada'"),
        ("ada ", "'ada '"),
        (" ada", "' ada'"),
        ("ada   b", r"'ada \x20 b'"),
        ("ada  ", r"'ada \x20'"),
        ("ada\n", r"'ada\n'"),
        ("ada\xa0", r"'ada\xa0'"),
        ("\x1b[2J", r"'\x1b[2J'"),
        ("it's", '"it\'s"'),
        ("夏目 漱石", "'夏目 漱石'"),
        ("x" * 11, "'xxxxxxxxxx...'"),
        (5, "'5'"),
    ],
)
def test_white_space_is_seen_in_what_is_quoted(text, seen):
    assert quoted(text, 10) == seen


@given(ANY_TEXT)
def test_no_two_texts_are_quoted_alike_and_nothing_is_lost_in_a_message(text):
    seen = quoted(text, 80)
    assert ast.literal_eval(seen) == text
    assert legible(seen) == seen


@pytest.mark.parametrize("value", [None, 5, ["a\nb"], {"a": "\x1b"}])
def test_what_is_no_text_is_shown_as_one(value):
    assert legible(value) == str(value)


@given(
    st.recursive(
        ANY_TEXT | st.integers() | st.none(), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3)
    )
)
def test_json_says_the_same_in_characters_that_can_be_seen(value):
    text = json_text(value)
    assert json.loads(text) == value
    assert len(text.splitlines()) == 1
    assert text.encode("utf-8").decode("utf-8") == text


@given(st.dictionaries(st.text(max_size=10), st.text(max_size=10), min_size=1, max_size=3))
def test_json_is_yaml_too(value):
    assert yaml.safe_load(json_text(value, indent=1)) == value
