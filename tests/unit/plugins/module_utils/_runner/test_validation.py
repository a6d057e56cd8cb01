# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.hwc.mfa.plugins.module_utils._runner.options import AUTH_SPEC
from ansible_collections.hwc.mfa.plugins.module_utils._runner.validation import OptionsValidator, misshaped

SPEC = {
    "count": {"type": "int", "aliases": ["number"]},
    "counts": {"type": "list", "elements": "int"},
    "inner": {"type": "dict", "options": {"count": {"type": "int"}}},
    "users": {"type": "list", "elements": "dict", "options": {"count": {"type": "int"}}},
    "rate": {"type": "float"},
    "text": {"type": "str"},
    "anything": {"type": "raw"},
}
ENDLESS = [float("inf"), "inf", "-Infinity", "1e999"]


@pytest.mark.parametrize("value", ENDLESS)
@pytest.mark.parametrize(
    ("name", "given", "told"),
    [
        ("count", lambda value: value, "argument 'count' is"),
        ("number", lambda value: value, "argument 'count' is"),
        ("counts", lambda value: [1, value], "option 'counts'"),
        ("inner", lambda value: {"count": value}, "found in 'inner'"),
        ("users", lambda value: [{"count": 1}, {"count": value}], "found in 'users'"),
    ],
)
def test_whole_number_without_end_is_an_error_that_names_the_option(name, given, told, value):
    (message,) = OptionsValidator(SPEC).validate({name: given(value)}).error_messages
    assert told in message
    assert "cannot be converted to an int" in message


def test_agency_that_is_asked_for_for_ever_is_an_error_that_names_the_option():
    given = {
        "access_key": "AK",
        "secret_key": "SK",
        "assume_agency": {"agency_name": "ops", "domain_name": "acme", "duration": float("inf")},
    }
    (message,) = OptionsValidator(AUTH_SPEC).validate(given).error_messages
    assert "'duration'" in message and "found in 'assume_agency'" in message


@pytest.mark.parametrize("value", [5, "5", None, 10**400])
def test_whole_number_with_an_end_is_taken(value):
    validated = OptionsValidator(SPEC).validate({"count": value, "counts": [1, 2], "users": [{"count": 3}]})
    assert validated.error_messages == []
    assert validated.validated_parameters["count"] == (None if value is None else int(value))


@pytest.mark.parametrize("value", ENDLESS)
def test_what_is_no_whole_number_stays_as_it_is(value):
    given = {"rate": value, "text": str(value), "anything": {"count": [value]}}
    validated = OptionsValidator(SPEC).validate(given)
    assert validated.error_messages == []
    assert validated.validated_parameters["anything"] == given["anything"]
    assert validated.validated_parameters["text"] == str(value)


@pytest.mark.parametrize(
    ("given", "label"),
    [
        ({"users": [[{"text": "s3cret"}]]}, "users[0]"),
        ({"users": [{"count": 1}, ["s3cret"]]}, "users[1]"),
        ({"users": ["s3cret"]}, "users[0]"),
        ({"users": ["count=1 s3cret"]}, "users[0]"),
        ({"users": ['{"s3cret"}']}, "users[0]"),
        ({"users": [7]}, "users[0]"),
        ({"users": 7}, "users"),
        ({"inner": [["s3cret"]]}, "inner[0]"),
        ({"inner": 7}, "inner"),
        ({"outer": {"users": [[{"text": "s3cret"}]]}}, "outer.users[0]"),
        ({"crowd": [["s3cret"]]}, "crowd[0]"),
        ({"users": [["s3cret"]], "inner": [["s3cret"]]}, "users[0]"),
    ],
)
def test_what_should_be_a_mapping_and_is_none_is_named_and_never_shown(given, label):
    spec = {
        **SPEC,
        "users": {**SPEC["users"], "aliases": ["crowd"]},
        "outer": {"type": "dict", "options": {"users": SPEC["users"]}},
    }
    message = OptionsValidator(spec).validate(given).error_messages[0]
    assert message.startswith(f"{label} must be a ")
    assert "s3cret" not in "".join(OptionsValidator(spec).validate(given).error_messages)
    assert misshaped(spec, given) == message


@pytest.mark.parametrize(
    "given", [{"users": [{"count": 1}, "count=2"]}, {"users": {"count": 1}}, {"inner": "count=1"}, {"users": None}, {}]
)
def test_what_core_makes_mappings_of_is_left_to_it(given):
    assert misshaped(SPEC, given) is None
    assert OptionsValidator(SPEC).validate(given).error_messages[:1] in (
        [],
        ["argument 'users' is of type dict and we were unable to convert to list: <class 'dict'> cannot be converted to a list"],
    )
