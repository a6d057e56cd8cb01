# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.packing import pack, unpack
from hypothesis import given
from hypothesis import strategies as st

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet=st.characters(codec="utf-8") | st.sampled_from('{}%#\\"')),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(alphabet="{%#}a"), inner),
)


@given(JSON)
def test_nothing_is_lost_and_no_text_is_a_template_or_looks_like_data(value):
    text = pack(value)
    assert unpack(text) == value
    assert not any(sign in text for sign in ("{{", "{%", "{#"))
    assert text[0] == " "


def test_what_is_not_packed_stays_as_it_is():
    assert unpack([{"user_id": "u"}]) == [{"user_id": "u"}]
    assert unpack(None) is None


def test_text_that_was_never_packed_is_an_error():
    with pytest.raises(ValueError):
        unpack("{{ users }}")
