# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.packing import pack
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.input import (
    audit_in,
    entries_in,
    ids_in,
    made_in,
    mapping_in,
    named_in,
    options_in,
    record_in,
    seeds_in,
    terms_in,
    told,
    users_in,
)
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import PlanError, Terms
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.store import StoredSeed
from ansible_collections.hwc.mfa.tests.unit.plugins.plugin_utils._rollout.accounts import SECRET, audit_of, own, planned, stored, user
from hypothesis import given, settings
from hypothesis import strategies as st

PLAN = planned([{"user_id": "u1", **own()}, {"user_id": "u2", **own()}], audit_of(user("u1"), user("u2")), Terms("enrol", wave_sizes=[5]))
(WAVE,) = PLAN["waves"]

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.binary(max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*WAVE[0], "users", "before", "seed"]), inner, max_size=3),
    max_leaves=6,
)


def test_wave_comes_packed_or_as_it_is():
    assert entries_in(WAVE) == entries_in(pack(WAVE)) == WAVE
    assert entries_in([]) == []


@pytest.mark.parametrize("missing", list(WAVE[0]))
def test_wave_of_which_an_entry_lacks_something_is_refused(missing):
    lacking = {name: value for name, value in WAVE[0].items() if name != missing}
    with pytest.raises(PlanError, match=r"entries must be a wave of hwc\.mfa\.rollout_plan"):
        entries_in([WAVE[1], lacking])


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": []},
        {"steps": ["dance"]},
        {"steps": "create"},
        {"steps": [["create"]]},
        {"steps": 5},
        {"steps": {"create": 1}},
        {"user_id": 5},
        {"user_id": None},
        {"serial_number": 5},
        {"protection": None},
        {"replaced": []},
        {"restore": []},
        {"index": "1"},
    ],
)
def test_wave_of_which_a_part_is_wrong_is_refused(wrong):
    with pytest.raises(PlanError, match=r"entries must be a wave of hwc\.mfa\.rollout_plan"):
        entries_in([{**WAVE[0], **wrong}])


@settings(max_examples=100)
@given(st.sampled_from(list(WAVE[0])), ANYTHING)
def test_wave_with_anything_in_it_is_taken_or_refused_in_words(name, value):
    for wave in ([{**WAVE[0], name: value}], value, [value]):
        try:
            entries_in(wave)
        except PlanError as error:
            assert "entries must be a wave" in str(error)


def test_seeds_come_packed_or_as_they_are_and_nothing_is_none():
    assert seeds_in(stored()) == seeds_in(pack(stored())) == {"u1": [StoredSeed("serial-u1", SECRET, "n")]}
    assert seeds_in(None) == {}


@pytest.mark.parametrize("wrong", ["x", "{", [1], {"u1": 5}, {"u1": {"seed": SECRET}}, {"u1": {"serial_number": 5, "seed": SECRET}}])
def test_store_of_another_form_is_refused_by_the_variable_of_an_operators_own_store(wrong):
    with pytest.raises(PlanError, match=r"mfa_rollout_store_loaded\.entries") as caught:
        seeds_in(wrong)
    assert SECRET not in str(caught.value)


def test_creation_gives_its_outcomes_and_its_seeds():
    outcomes = {"u1": {"failed": False}}
    assert made_in({"outcomes": outcomes, "entries": stored()}) == (outcomes, {"u1": StoredSeed("serial-u1", SECRET, "n")})


@pytest.mark.parametrize(
    "created",
    [{}, {"skipped": True}, {"failed": True, "msg": "x"}, {"outcomes": None, "entries": 5}, {"outcomes": [], "entries": {"u1": 5}}],
)
def test_creation_that_failed_or_was_skipped_gives_nothing(created):
    assert made_in(created) == ({}, {})


def test_terms_are_a_mapping_or_nothing():
    assert terms_in(None) == terms_in({}) == Terms(wave_sizes=[1, 10, 100, 1000])
    assert terms_in({"strategy": "enrol"}).strategy == "enrol"
    for wrong in ("x", [1], 5):
        with pytest.raises(PlanError, match="terms must be a mapping"):
            terms_in(wrong)


def test_users_are_all_or_a_list():
    assert users_in("all") == "all"
    assert users_in([]) == []
    assert users_in([{"name": "ada"}, {"user_id": "5"}]) == [{"name": "ada"}, {"user_id": "5"}]


@pytest.mark.parametrize(
    ("variable", "words"),
    [
        ("mfa_rollout_users", "mfa_rollout_users must be all, or a list of mappings, each with user_id or name, such as [{name: ada}]."),
        (
            "mfa_rollout_exempt",
            "mfa_rollout_exempt must be a list of mappings, each with user_id or name, and best a reason, such as [{name: ada, reason: break-glass}].",
        ),
    ],
)
@pytest.mark.parametrize("wrong", [None, "x", {}, ["x"], [{}], [{"name": ""}], [{"name": []}], [{"name": True}], [{"user_id": 1.5}]])
def test_users_of_another_form_are_refused_by_the_variable(variable, words, wrong):
    with pytest.raises(PlanError) as caught:
        named_in(wrong, variable)
    assert str(caught.value) == words


@pytest.mark.parametrize(
    "text",
    [
        '[{"name": "007", "auth_password": "0123"}, {"user_id": "no"}]',
        "- name: 007\n  auth_password: 0123\n- user_id: no\n",
        "[{name: 007, auth_password: 0123}, {user_id: no}]",
    ],
)
def test_list_may_come_as_its_text_and_keeps_what_was_typed(text):
    assert users_in(text) == [{"name": "007", "auth_password": "0123"}, {"user_id": "no"}]
    assert named_in("[]", "mfa_rollout_exempt") == []
    assert named_in("- name: ada\n  reason: null\n", "mfa_rollout_exempt") == [{"name": "ada", "reason": None}]


@pytest.mark.parametrize(
    "wrong", ["", "ada", "ada, grace", "[ada]", "name: ada", "- !!python/object/apply:os.getcwd []", "[" * 3000, "[{", "all\n"]
)
def test_text_that_is_no_list_of_mappings_is_refused_and_never_everybody(wrong):
    with pytest.raises(PlanError, match="mfa_rollout_users must be all, or a list"):
        users_in(wrong)


def test_what_is_omitted_is_not_there():
    placeholder = "__omit_place_holder__" + "0123456789" * 4
    assert users_in([{"name": "ada", "auth_password": placeholder}]) == [{"name": "ada"}]
    assert options_in({"region": placeholder}, "mfa_rollout_auth") == {}


def test_unknown_key_is_refused_by_its_name_without_its_value():
    for variable, wrong in (("mfa_rollout_users", "auth_pasword"), ("mfa_rollout_exempt", "auth_password")):
        with pytest.raises(PlanError, match=rf"^{variable}: user ada has {wrong}; a user can have user_id, name,") as caught:
            named_in([{"name": "grace"}, {"name": "ada", wrong: SECRET}], variable)
        assert SECRET not in str(caught.value)


@pytest.mark.parametrize("number", [83, 1.5, True, 5025])
def test_credentials_that_yaml_has_made_numbers_are_refused_by_name(number):
    with pytest.raises(PlanError, match=r"mfa_rollout_users: auth_password of user ada is no text: .* put it in quotes") as caught:
        users_in([{"name": "ada", "auth_password": number}])
    assert str(number) not in str(caught.value)


@pytest.mark.parametrize("variable", ["mfa_rollout_users", "mfa_rollout_exempt", "mfa_rollout_exempt_also"])
@pytest.mark.parametrize("key", ["name", "user_id"])
def test_name_that_yaml_has_made_a_number_is_refused_since_it_may_be_anothers(variable, key):
    with pytest.raises(PlanError, match=rf"{variable}: {key} 83 is a number, which YAML may have changed .*: put it in quotes\.$"):
        named_in([{"name": "ada"}, {key: 83}], variable)


@pytest.mark.parametrize("given", [[1, 10], ["1", 10], "1, 10", "[1, 10]", '["1","10"]', "- 1\n- 10\n"])
def test_wave_sizes_are_numbers_however_they_are_written(given):
    assert terms_in({"wave_sizes": given}).wave_sizes == [1, 10]


@pytest.mark.parametrize("wrong", [[], [0], "0", "", "one", "1;10", [1.5], [True], None, True, {"a": 1}, "{a: 1}"])
def test_wave_sizes_that_are_none_are_refused_by_the_variable(wrong):
    with pytest.raises(PlanError, match="mfa_rollout_wave_sizes must be a list of whole numbers above 0"):
        terms_in({"wave_sizes": wrong})


def test_lists_and_mappings_of_another_form_are_refused_by_their_names():
    for work, words in (
        (lambda: ids_in("u1"), "mfa_rollout_store_loaded.intents"),
        (lambda: ids_in([5]), "mfa_rollout_store_loaded.intents"),
        (lambda: options_in([], "mfa_rollout_auth"), "mfa_rollout_auth must be a mapping of options"),
        (lambda: mapping_in("x", "created"), "created must be a mapping"),
        (lambda: record_in({"u1": {"before": 5}}), "record must be the result of hwc.mfa.rollout_record"),
        (lambda: audit_in({"users": 5}), "audit must be the result of hwc.mfa.iam_mfa_info"),
    ):
        with pytest.raises(PlanError) as caught:
            work()
        assert words in str(caught.value)
    assert options_in(None, "x") == mapping_in(None, "x") == record_in(None) == {}


@pytest.mark.parametrize("administrators", [None, [], ["u1"]])
def test_audit_may_tell_of_administrators_or_not(administrators):
    assert audit_in({**audit_of(user()), "administrators": administrators})["users"] == [user()]


@pytest.mark.parametrize("wrong", [{"administrators": "u1"}, {"administrators": [5]}, {"caller": "u1"}, {"caller": []}])
def test_audit_that_tells_of_people_in_another_form_is_refused(wrong):
    with pytest.raises(PlanError, match="audit must be"):
        audit_in({**audit_of(user()), **wrong})


@pytest.mark.parametrize("error", [AttributeError, KeyError, OverflowError, RecursionError, TypeError, ValueError])
def test_error_that_data_of_another_form_causes_is_told_as_that(error):
    with pytest.raises(AnsibleFilterError, match=rf"hwc\.mfa\.x: the input .* has another form .*{error.__name__}"), told("x"):
        raise error("why")


def test_error_of_a_plan_is_told_in_its_own_words_in_one_line():
    with pytest.raises(AnsibleFilterError) as caught, told("x"):
        raise PlanError("mfa_rollout_users names\nuser")
    assert "hwc.mfa.x: mfa_rollout_users names user" in str(caught.value)


def test_error_that_is_none_of_the_data_goes_on_as_it_is():
    with pytest.raises(ZeroDivisionError), told("x"):
        raise ZeroDivisionError
