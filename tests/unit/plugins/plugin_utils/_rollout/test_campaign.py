# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From when on MFA is enforced for whom, and until when somebody is exempt."""

from __future__ import annotations

import datetime
from dataclasses import replace

import pytest
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.campaign import Campaign, later, time_in
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.input import seeds_in, users_in
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.plan import Known, make_plan
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.planning import plan_from
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import PlanError, Terms
from ansible_collections.hwc.mfa.tests.unit.plugins.plugin_utils._rollout.accounts import audit_of, own, planned, stored, user

NOW = "2026-03-01T12:00:00Z"
REQUIRE, ENROL = Terms("require"), Terms("enrol")


def audit(*users, now=NOW, **more):
    return audit_of(*users, now=now, **more)


@pytest.mark.parametrize(
    ("value", "time"),
    [
        ("2026-03-01", "2026-03-01T00:00:00Z"),
        (datetime.date(2026, 3, 1), "2026-03-01T00:00:00Z"),
        (" 2026-03-01T08:00:00+01:00 ", "2026-03-01T07:00:00Z"),
        # An hour that summer time leaves out is an hour of UTC all the same.
        ("2026-03-29T02:30:00+01:00", "2026-03-29T01:30:00Z"),
        ("2028-02-29", "2028-02-29T00:00:00Z"),
        (None, None),
        ("", None),
    ],
)
def test_dates_as_people_write_them(value, time):
    assert time_in(value, "x") == time


@pytest.mark.parametrize("value", ["soon", "2026-02-29", "01.03.2026", 20260301, "2026-3-1", "2026-03-01T25:00:00Z " * 9])
def test_what_is_no_date_is_refused_by_its_name(value):
    with pytest.raises(PlanError, match="mfa_rollout_not_before must be a date such as 2026-01-31"):
        planned("all", audit(user()), replace(REQUIRE, not_before=value))


def test_last_day_of_something_is_over_at_its_end():
    assert time_in("2026-12-31", "x", end=True) == "2027-01-01T00:00:00Z"
    assert time_in("2026-12-31T10:00:00Z", "x", end=True) == "2026-12-31T10:00:00Z"
    assert later("9999-12-31T00:00:00Z", 5) == "9999-12-31T23:59:59Z"


@pytest.mark.parametrize(
    ("date", "status"),
    [
        (None, None),
        ("2026-03-01T12:00:01Z", "scheduled"),
        ("2026-03-01T12:00:00Z", "due"),
        ("2026-02-28T12:00:01Z", "due"),
        ("2026-02-28T12:00:00Z", "overdue"),
        ("2020-01-01T00:00:00Z", "overdue"),
    ],
)
def test_what_a_date_means(date, status):
    assert Campaign(NOW).status(date) == status


@pytest.mark.parametrize(
    ("asked", "created", "grace", "date"),
    [
        ({}, None, 0, "2026-06-01T00:00:00Z"),
        ({"not_before": "2026-04-01"}, None, 0, "2026-04-01T00:00:00Z"),
        ({"not_before": "2026-12-01"}, None, 0, "2026-12-01T00:00:00Z"),
        ({}, "2026-05-30T10:00:00Z", 7, "2026-06-06T10:00:00Z"),
        ({}, "2020-01-01T00:00:00Z", 7, "2026-06-01T00:00:00Z"),
        ({"not_before": "2026-04-01"}, "2026-03-28T00:00:00Z", 14, "2026-04-11T00:00:00Z"),
    ],
)
def test_date_of_a_user(asked, created, grace, date):
    campaign = Campaign(NOW, "2026-06-01T00:00:00Z", grace, {})
    assert campaign.date_of(asked, user(created_at=created or "2019-01-01T00:00:00Z")) == date


def test_user_whose_creation_nobody_tells_is_as_old_as_the_first_report_of_them():
    known = Campaign(NOW, None, 10, {"u1": "2026-02-25T00:00:00Z"})
    assert known.date_of({}, user("u1")) == "2026-03-07T00:00:00Z"
    assert known.date_of({}, user("u2")) == later(NOW, 10)
    assert Campaign(NOW, None, 10, None).date_of({}, user("u1")) is None


def test_nothing_is_done_before_the_date_and_the_plan_says_when():
    terms = replace(REQUIRE, not_before="2026-04-01")
    plan = planned("all", audit(user("u1"), user("u2")), terms)
    assert plan["waves"] == []
    assert [(fate["fate"], fate["reason"], fate["campaign"]) for fate in plan["users"]] == [
        ("scheduled", "from 2026-04-01T00:00:00Z on", "scheduled")
    ] * 2
    assert plan["lines"] == ["scheduled: name-u1, name-u2: from 2026-04-01T00:00:00Z on"]


def test_from_the_date_on_users_are_due_and_after_a_day_overdue():
    plan = planned("all", audit(user("u1")), replace(REQUIRE, not_before="2026-03-01"))
    assert (plan["users"][0]["fate"], plan["users"][0]["campaign"]) == ("todo", "due")
    assert len(plan["waves"]) == 1
    plan = planned("all", audit(user("u1")), replace(REQUIRE, not_before="2026-02-01"))
    assert plan["users"][0]["campaign"] == "overdue"
    assert "overdue: name-u1: since 2026-02-01T00:00:00Z" in plan["lines"]


def test_user_with_a_date_of_their_own_is_one_of_a_list():
    asked = [{"user_id": "u1", "not_before": "2026-05-01", **own()}, {"user_id": "u2", **own()}]
    plan = planned(asked, audit(user("u1"), user("u2")), ENROL)
    assert [fate["fate"] for fate in plan["users"]] == ["scheduled", "todo"]


def test_who_cannot_be_enrolled_is_overdue_too_and_who_is_protected_is_not():
    vmfa = {"enabled": True, "verification_method": "vmfa"}
    terms = replace(REQUIRE, not_before="2026-02-01")
    plan = planned("all", audit(user("u1", protection=vmfa), user("u2", enabled=False)), terms)
    assert [fate["campaign"] for fate in plan["users"]] == [None, None]
    plan = planned([{"user_id": "u1"}], audit(user("u1"), api="v3"), replace(ENROL, not_before="2026-02-01"))
    assert (plan["users"][0]["fate"], plan["users"][0]["campaign"]) == ("problem", "overdue")


def test_roll_back_keeps_to_no_date():
    vmfa = {"enabled": True, "verification_method": "vmfa"}
    terms = Terms("require", "absent", rollback_all=True, not_before="2030-01-01")
    assert len(planned("all", audit(user("u1", protection=vmfa)), terms)["waves"]) == 1


ROTATED = Terms("enrol", "rotated", not_before="2026-04-01")
VMFA = {"enabled": True, "verification_method": "vmfa"}


def rotation(one, terms=ROTATED, lifted=(), asked=None, **known):
    """Fate and steps of one user in a rotation."""
    known = Known(seeds_in(known.pop("stored", None)), lifted=dict.fromkeys(lifted, VMFA), **known)
    plan = make_plan([{"user_id": "u1", **own(), **(asked or {})}], audit(one), terms, known=known)
    return plan["users"][0]["fate"], [step for wave in plan["waves"] for entry in wave for step in entry["steps"]]


@pytest.mark.parametrize(
    ("terms", "asked"),
    [
        (ROTATED, {}),
        (replace(ROTATED, not_before=None), {"not_before": "2026-04-01"}),
        (replace(ROTATED, not_before=None, new_user_grace_days=7), {}),
        (replace(ROTATED, login_protection=False), {}),
    ],
)
def test_rotation_enrols_nobody_before_the_date_who_had_no_device(terms, asked):
    one = user("u1", created_at="2026-02-28T00:00:00Z")
    assert rotation(one, terms, asked=asked) == ("scheduled", [])
    assert rotation(one, replace(terms, not_before=None, new_user_grace_days=0))[0] == "todo"


def test_rotation_makes_devices_anew_whatever_the_date_is():
    steps = ["remove", "create", "bind"]
    assert rotation(user(binding="bound", protection=VMFA), stored=stored()) == ("todo", ["unprotect", *steps, "protect"])
    # An earlier run was ended before the other device was made, or before protection was set again.
    assert rotation(user(), lifted=["u1"]) == ("todo", ["create", "bind", "protect"])
    assert rotation(user(binding="bound"), lifted=["u1"], stored=stored()) == ("todo", [*steps, "protect"])


NEVER_ENDS = "mfa_rollout_rotate_before is 2026-03-01T12:00:01Z, and it is 2026-03-01T12:00:00Z by the cloud's clock"


@pytest.mark.parametrize("rotate_before", ["2026-03-01T12:00:01Z", "2026-03-01T13:00:01+01:00"])
def test_rotation_to_a_time_to_come_would_never_end_and_is_refused(rotate_before):
    seeds, terms = stored(made_at="2026-03-01T11:59:00Z"), {"strategy": "enrol", "state": "rotated", "rotate_before": rotate_before}
    wanted = [{"user_id": "u1", "auth_password": "pw"}]
    with pytest.raises(PlanError, match=NEVER_ENDS):
        plan_from(wanted, audit(user(binding="bound")), stored=seeds, terms=terms)
    previewed = plan_from(wanted, audit(user(binding="bound")), stored=seeds, terms={**terms, "audit_only": True})
    assert any(warning.startswith(NEVER_ENDS) for warning in previewed["warnings"])
    # It says nothing of other states, and a time that is now keeps what the run itself makes.
    for more in ({"state": "present"}, {"rotate_before": "2026-03-01T12:00:00Z"}, {"rotate_before": ""}):
        plan_from(wanted, audit(user(binding="bound")), stored=seeds, terms={**terms, **more})


def test_rotation_protects_nobody_before_the_date():
    assert rotation(user(binding="bound"), stored=stored()) == ("todo", ["remove", "create", "bind"])
    kept = replace(ROTATED, rotate_before="2026-01-01")
    assert rotation(user(binding="bound"), kept, stored=stored(made_at="2026-02-01T00:00:00Z")) == ("scheduled", [])
    assert rotation(user(binding="bound"), replace(ROTATED, not_before="2026-02-01"), stored=stored())[1][-1] == "protect"


def test_dates_without_a_time_are_an_error_and_not_ignored():
    with pytest.raises(PlanError, match="the audit does not tell the time"):
        planned("all", audit_of(user()), replace(REQUIRE, not_before="2026-01-01"))


def test_there_is_no_plan_where_the_history_could_not_be_read_that_days_of_grace_need():
    known = Known(unread=["first_seen"])
    graced = replace(REQUIRE, new_user_grace_days=30)
    with pytest.raises(PlanError, match="the history of the account could not be read, so nobody knows who is new"):
        make_plan("all", audit(user("u1")), graced, known=known)
    # It tells nothing that a roll-back needs, nor a rollout to users whose creation the cloud tells.
    assert make_plan("all", audit(user("u1")), replace(graced, state="absent"), known=known)["waves"] == []
    plan = make_plan("all", audit(user("u1", created_at="2026-02-28T00:00:00Z")), graced, known=known)
    assert plan["users"][0]["fate"] == "scheduled"
    assert make_plan("all", audit(user("u1")), REQUIRE, known=known)["users"][0]["fate"] == "todo"


def test_grace_that_nobody_can_keep_is_a_warning():
    plan = planned("all", audit(user("u1"), user("u2", created_at="2026-02-28T00:00:00Z")), replace(REQUIRE, new_user_grace_days=7))
    assert [fate["fate"] for fate in plan["users"]] == ["todo", "scheduled"]
    assert "does not tell when 1 users were created" in plan["warnings"][0]


@pytest.mark.parametrize(
    ("until", "fate", "warning"),
    [
        ("2026-03-01", "left_alone", "ends within 30 days"),
        ("2026-02-28", "todo", "has ended, so that the user is exempt no more"),
        ("2026-12-31", "left_alone", None),
        (datetime.date(2026, 3, 20), "left_alone", "ends within 30 days"),
        ("2026-03-01T11:00:00Z", "todo", "has ended"),
    ],
)
def test_exemption_holds_through_its_last_day(until, fate, warning):
    plan = planned("all", audit(user("u1")), REQUIRE, exempt=[{"name": "name-u1", "reason": "robot", "until": until}])
    assert plan["users"][0]["fate"] == fate
    assert plan["users"][0]["exempt_until"] == (str(until) if fate == "left_alone" else None)
    assert [warning in text for text in plan["warnings"]] == ([] if warning is None else [True])


def exemption(until=None, **more):
    return {"name": "name-u1", "reason": f"until {until}", "until": until, **more}


OVER, SOON, LATER = "2026-02-01", "2026-03-10", "2026-12-31"


@pytest.mark.parametrize(
    ("exempt", "reason", "until", "warnings"),
    [
        ([exemption(OVER), exemption()], "exempt: until None", None, []),
        ([exemption(), exemption(OVER)], "exempt: until None", None, []),
        ([exemption(LATER), exemption()], "exempt: until None", None, []),
        ([exemption(), exemption(LATER)], "exempt: until None", None, []),
        ([exemption(), exemption(SOON)], "exempt: until None", None, []),
        ([exemption(SOON), exemption(LATER)], f"exempt: until {LATER}", LATER, []),
        ([exemption(LATER), exemption(SOON), exemption(OVER)], f"exempt: until {LATER}", LATER, []),
        ([exemption(SOON), exemption(OVER)], f"exempt: until {SOON}", SOON, ["ends within 30 days"]),
        ([exemption(OVER), exemption("2026-02-02")], "", None, ["has ended", "has ended"]),
        # The one that was written later, as of two that have no end.
        ([exemption(reason="first"), exemption(reason="second")], "exempt: second", None, []),
        ([exemption(LATER, reason="first"), exemption(LATER, reason="second")], "exempt: second", LATER, []),
        ([exemption(OVER), {"user_id": "u1", "reason": "by id"}], "exempt: by id", None, []),
    ],
)
def test_of_several_exemptions_the_one_that_holds_longest_counts(exempt, reason, until, warnings):
    plan = planned("all", audit(user("u1")), REQUIRE, exempt=exempt)
    (fate,) = plan["users"]
    assert (fate["reason"], fate["exempt_until"]) == (reason, until)
    assert len(plan["warnings"]) == len(warnings)
    assert all(warning in text for warning, text in zip(warnings, plan["warnings"]))


def test_exemption_that_has_ended_for_one_of_its_two_users_is_told():
    both = {"user_id": "u2", "name": "name-u1", "until": OVER}
    plan = planned("all", audit(user("u1"), user("u2")), REQUIRE, exempt=[both, exemption()])
    assert ["has ended" in text for text in plan["warnings"]] == [True]
    assert [fate["fate"] for fate in plan["users"]] == ["left_alone", "todo"]


def test_exemption_that_has_ended_need_not_fit_anybody():
    plan = planned("all", audit(user("u1")), REQUIRE, exempt=[{"name": "gone", "reason": "left", "until": "2025-01-01"}])
    assert len(plan["warnings"]) == 1


# Selection


def test_who_is_not_selected_is_skipped_with_the_reason():
    terms = replace(REQUIRE, select={"groups": ["people"]})
    plan = planned("all", audit(user("u1"), user("u2"), groups={"people": ["u2"]}), terms)
    assert [(fate["fate"], fate["reason"]) for fate in plan["users"]] == [
        ("left_alone", "not selected: not in the groups"), ("todo", ""),
    ]  # fmt: skip
    assert [entry["user_id"] for entry in plan["waves"][0]] == ["u2"]


def test_selection_never_includes_an_exempt_user():
    terms = replace(REQUIRE, select={"names": ["name-*"]})
    plan = planned("all", audit(user("u1")), terms, exempt=[{"name": "name-u1", "reason": "way in"}])
    assert plan["users"][0]["reason"] == "exempt: way in"


def test_date_that_is_none_is_told_with_the_user_who_has_it():
    asked = [{"name": "ada", "not_before": "2026-05-01"}, {"name": "grace", "not_before": "31.12.2026"}]
    with pytest.raises(PlanError, match="mfa_rollout_users: not_before of user grace must be a date such as 2026-01-31"):
        users_in(asked)


@pytest.mark.parametrize("select", [{"groups": None}, {"names": ["name-*"], "groups": None}])
def test_selection_that_names_nothing_does_not_mean_everybody(select):
    with pytest.raises(PlanError, match=r"mfa_rollout_select\.groups is empty, and would leave nobody out"):
        planned("all", audit(user()), Terms("require", select=select))


def test_selection_of_another_form_is_refused_by_its_name():
    with pytest.raises(PlanError, match="mfa_rollout_select has 'group'"):
        planned("all", audit(user()), Terms("require", select={"group": ["x"]}))
