# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.packing import pack
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.plain import needs_templating, omitted, opened, plain

OLD_PLACEHOLDER = "__omit_place_holder__" + "0123abcdef" * 4
"""What ``omit`` is before ansible-core 2.19."""


def omits():
    """What ``omit`` is here, by a template, and what it is in other releases."""
    from ansible.parsing.dataloader import DataLoader
    from ansible.template import Templar

    try:
        from ansible._internal._templating._utils import Omit
    except ImportError:
        Omit = Templar(loader=DataLoader()).available_variables.get("omit", OLD_PLACEHOLDER)
    return [OLD_PLACEHOLDER, Omit]


@pytest.mark.parametrize("omit", omits())
def test_what_is_omitted_is_left_out_at_any_depth(omit):
    value = {"a": omit, "b": [omit, {"c": omit, "d": 1}], "e": (omit,)}
    assert plain(value) == {"b": [{"d": 1}], "e": []}
    assert opened({"a": omit, "users_packed": pack([1])}) == {"users": [1]}
    assert omitted(omit)


@pytest.mark.parametrize("value", ["", "omit", "<<Omit>>", "__omit_place_holder__", f"{OLD_PLACEHOLDER}x", None, 0, [], {}])
def test_what_only_looks_like_it_stays(value):
    assert not omitted(value)
    assert plain([value]) == [value]


@pytest.mark.parametrize("value", ["{{ a }}", "x{%raw%}", "{#", ["a", {"b": ("{{ c }}",)}], {"{{ a }}": 1}, object()])
def test_what_may_be_a_template_or_encrypted_is_left_to_ansible(value):
    assert needs_templating(value)
    assert needs_templating([{"users": [value]}])


@pytest.mark.parametrize("value", ["", "{", "}}", "{ {", None, 1, 1.5, True, [], {}, [{"name": "ada", "auth_password": "p{a}ss"}]])
def test_what_holds_no_template_is_read_as_it_is(value):
    assert not needs_templating(value)
