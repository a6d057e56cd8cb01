# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What YAML has made a number of is not taken for text."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_virtual_mfa_bind import BIND
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_virtual_mfa_device import DEVICE
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.texts import not_text, sentence


@pytest.mark.parametrize("written", ["0123456", "12:34:56", "1_000", "0x1f", "1e9", "1.10", "yes", "2026-11-28", "no", ".inf", "012345"])
def test_what_yaml_changes_is_named_and_not_shown(written):
    args = yaml.safe_load(f"auth_password: {written}\nuser_id: abc\nconcurrency: 8\nretries: '3'\n")
    names = list(not_text(BIND.argument_spec, args))
    assert names == ([] if isinstance(args["auth_password"], str) else ["auth_password"])
    assert written not in str(sentence(names))


def test_text_and_nothing_are_taken():
    args = {
        "auth_password": "0123456",
        "auth_token": None,
        "bindings": [{"user_id": "u", "seed": "A", "presume_unbound": True}],
        "unknown": 5,
    }
    assert list(not_text(BIND.argument_spec, args)) == []
    assert sentence([]) is None


def test_options_of_items_are_named_with_their_place():
    args = {"bindings": [{"user_id": "u", "authentication_code_first": 12345}, {"user_id": 7, "auth_password": True}]}
    assert list(not_text(BIND.argument_spec, args)) == [
        "bindings[0].authentication_code_first",
        "bindings[1].user_id",
        "bindings[1].auth_password",
    ]


def test_entries_of_a_list_of_texts_are_named():
    assert list(
        not_text({"user_ids": {"type": "list", "elements": "str"}, "some": {"type": "list"}}, {"user_ids": ["a", 5], "some": [6]})
    ) == [
        "user_ids[1]",
        "some[0]",
    ]


def test_many_are_counted():
    names = not_text(DEVICE.argument_spec, {"devices": [{"user_id": number} for number in range(9)]})
    assert sentence(names).startswith("devices[0].user_id, devices[1].user_id, devices[2].user_id and 6 more must be text")
