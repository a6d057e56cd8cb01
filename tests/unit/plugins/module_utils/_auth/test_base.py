# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.hwc.mfa.plugins.module_utils._auth.base import Source, header_safe
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import OptionError

VARIABLES = {"auth_token": ("HW_AUTH_TOKEN", "OS_TOKEN")}


@pytest.mark.parametrize("text", ["a", "a b", "~!@#$%^&*()", ""])
def test_text_that_a_header_can_hold_stays_as_it_is(text):
    assert header_safe(text, "auth_token") == text


@pytest.mark.parametrize("text", ["sesame\r\nEvil: 1", " sesame", "sesame ", "sesame\x7f", "sesäme", "sesame\u2028"])
def test_text_that_would_break_out_of_a_header_is_refused_by_its_options_name(text):
    with pytest.raises(OptionError, match=r"^auth_token holds a character") as caught:
        header_safe(text, "auth_token")
    assert "ses" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "environment", "follow", "value"),
    [
        ({"auth_token": "o"}, {"HW_AUTH_TOKEN": "e"}, True, "o"),
        ({"auth_token": None}, {"OS_TOKEN": "second", "HW_AUTH_TOKEN": "first"}, True, "first"),
        ({"auth_token": ""}, {"OS_TOKEN": "second", "HW_AUTH_TOKEN": ""}, True, "second"),
        ({}, {"OS_TOKEN": "e"}, False, None),
        ({}, {}, True, None),
        ({}, {"AUTH_TOKEN": "e"}, True, None),
    ],
)
def test_option_comes_before_the_first_variable_that_is_set(options, environment, follow, value):
    assert Source(options, environment, VARIABLES).value("auth_token", follow) == value


def test_missing_option_is_told_with_the_variables_that_could_give_it():
    with pytest.raises(
        OptionError, match=r"^auth_token is missing: x is given, and needs it \(HW_AUTH_TOKEN or OS_TOKEN can give it too\)"
    ):
        Source({}, {}, VARIABLES).needed("auth_token", "x")
    with pytest.raises(OptionError, match=r"^auth_token is missing: x is given, and needs it\.$"):
        Source({}, {}, {}).needed("auth_token", "x")
