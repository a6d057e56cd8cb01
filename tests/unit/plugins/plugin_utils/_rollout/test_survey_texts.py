# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody types into a survey of AWX comes as text, and what is wrong in it is named."""

from __future__ import annotations

import pytest
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.input import more_exempt_in
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.planning import plan_from
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.preflight import wrong_values
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import PlanError, sizes_in

AUDIT = {
    "users": [
        {
            "user_id": name,
            "name": name,
            "enabled": True,
            "device": None,
            "devices": [],
            "login_protection": {"enabled": False, "verification_method": "none"},
        }
        for name in ("ada", "grace", "joan")
    ],
    "caller": {"user_id": "root", "name": "root"},
    "administrators": ["root"],
}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("ten, 20", "It has 'ten'."),
        ("{{ 1 }},4", "It has '{{ 1 }}'."),
        ("1, 0, -3", "It has '0', '-3'."),
        ("1,,4", "It has ''."),
        ("1_0", "It has '1_0'."),
        ("[1, 1_0]", "It has '1_0'."),
        ("1, +5, \u0665", "It has '+5', '\u0665'."),
        ("[1, 2.5]", "It has '2.5'."),
        ([1, "x" * 500], "It has 'xxx"),
    ],
)
def test_wave_size_that_is_none_is_named(text, named):
    (cause,) = wrong_values({"mfa_rollout_wave_sizes": text}, False, True)
    assert cause.startswith("mfa_rollout_wave_sizes must be a list of whole numbers above 0")
    assert named in cause
    assert len(cause) < 300


@pytest.mark.parametrize("given", ["5", 5, " 5 "])
def test_one_wave_size_is_enough(given):
    assert sizes_in(given) == [5]


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("mfa_rollout_max_failures", "ten"),
        ("mfa_rollout_max_failures", "{{ 1 }}"),
        ("mfa_rollout_concurrency", "ten"),
        ("mfa_rollout_max_failures", "1_0"),
        ("mfa_rollout_concurrency", ""),
        ("mfa_rollout_concurrency", "1_0"),
        ("mfa_rollout_new_user_grace_days", "1_0"),
        ("mfa_rollout_exempt_also", "ada"),
        ("mfa_rollout_exempt_also", "{{ exempt }}"),
        ("mfa_rollout_exempt", ""),
        ("mfa_rollout_users", ""),
    ],
)
def test_text_that_is_no_value_is_refused_by_its_variable(variable, text):
    (cause,) = wrong_values({variable: text}, False, True)
    assert variable in cause


BLANK = ["", " ", "\n", "\r\n", "\t", "# nobody", " # nobody\n\n# at all\n", "null", "~"]


@pytest.mark.parametrize("nobody", [*BLANK, None, [], "[]"])
def test_empty_answer_exempts_nobody_more(nobody):
    assert more_exempt_in(nobody) == []
    assert list(wrong_values({"mfa_rollout_exempt_also": nobody}, False, True)) == []


@pytest.mark.parametrize("text", BLANK)
@pytest.mark.parametrize("variable", ["mfa_rollout_exempt", "mfa_rollout_users", "mfa_rollout_wave_sizes", "mfa_rollout_report_formats"])
@pytest.mark.parametrize("audit_only", [True, False])
def test_blank_text_neither_drops_exemptions_nor_means_everybody(variable, text, audit_only):
    (cause,) = wrong_values({variable: text}, audit_only, True)
    assert cause.startswith(f"{variable} must be")


@pytest.mark.parametrize("given", ["[{name: grace, reason: on leave}]", '[{"name": "grace"}]', [{"user_id": "grace"}]])
def test_answer_adds_to_the_exemptions_of_the_inventory(given):
    plan = plan_from("all", AUDIT, exempt=[{"name": "ada", "reason": "break-glass"}], exempt_also=given, terms={})
    assert [entry["user_id"] for wave in plan["waves"] for entry in wave] == ["joan"]


def test_answer_of_another_form_is_named():
    with pytest.raises(PlanError, match="mfa_rollout_exempt_also must be a list of mappings"):
        plan_from("all", AUDIT, exempt_also="grace", terms={})


def test_exemption_of_the_survey_that_fits_nobody_is_told_under_the_name_of_its_variable():
    with pytest.raises(PlanError, match=r"^mfa_rollout_exempt_also names ghost, who is no user of this account"):
        plan_from("all", AUDIT, exempt=[{"name": "ada"}], exempt_also=[{"name": "ghost"}], terms={})
    with pytest.raises(PlanError, match=r"^mfa_rollout_exempt names ghost, who is no user of this account"):
        plan_from("all", AUDIT, exempt=[{"name": "ghost"}], exempt_also=[{"name": "ada"}], terms={})
