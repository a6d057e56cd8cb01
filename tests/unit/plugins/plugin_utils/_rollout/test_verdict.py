# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an account meets what an audit demands of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.input import seeds_in
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.report import make_report
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import PlanError, Terms
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.verdict import FAIL_ON, demands_in, per_cent_in, verdict
from ansible_collections.hwc.mfa.tests.unit.plugins.plugin_utils._rollout.accounts import VMFA, audit_of, planned, user

AUDIT = Terms("require", audit_only=True)


def report(*users, terms=AUDIT, root=None, stored=None, wanted="all", exempt=()):
    audit = audit_of(*users, now="2026-03-01T12:00:00Z", root=root)
    plan = planned(wanted, audit, terms, exempt=exempt)
    return make_report("acme", terms, plan, [], 0, audit, audit, None if stored is None else seeds_in(stored), True)


def test_account_that_meets_all_is_no_failure():
    assert verdict(report(user("u1", binding="bound", protection=VMFA)), 100, FAIL_ON[1:5]) == []
    assert verdict(report(user("u1")), 0, []) == []


def test_coverage_counts_who_needs_mfa_and_says_how_many():
    found = report(user("u1", binding="bound", protection=VMFA), user("u2"), user("u3", enabled=False), user("u4", console_access="no"))
    assert verdict(found, 50, []) == []
    assert verdict(found, 50.5, []) == ["coverage is 50.0 %, under 50.5 %: 1 of 2 users who need MFA are protected."]


def test_postures_are_named_with_their_users():
    users = [user(f"u{number:02}") for number in range(12)]
    (sentence,) = verdict(report(*users), 0, ["unprotected"])
    assert sentence.startswith("12 unprotected: name-u00, name-u01")
    assert sentence.endswith("name-u09 and 2 more.")


@pytest.mark.parametrize("wanted", ["all", [{"user_id": "u1"}]])
def test_exempt_users_count_for_the_coverage_and_for_words_only_if_that_is_asked_for(wanted):
    found = report(user("u1"), user("u2"), wanted=wanted, exempt=[{"name": "name-u2", "reason": "break glass", "until": "2026-12-31"}])
    assert verdict(found, 0, ["unprotected"]) == ["1 unprotected: name-u1."]
    assert verdict(found, 0, ["unprotected", "exempt"]) == ["2 unprotected: name-u1, name-u2."]
    assert verdict(found, 1, ["unprotected"])[0] == "coverage is 0.0 %, under 1 %: 0 of 2 users who need MFA are protected."
    assert [(row["exempt"], row["exempt_until"]) for row in found["users"]] == [(None, None), ("break glass", "2026-12-31")]


def test_exempt_users_alone_are_no_demand():
    assert demands_in("unprotected, exempt") == ["unprotected", "exempt"]
    with pytest.raises(PlanError, match="name a posture beside it, such as unprotected"):
        demands_in(["exempt", "overdue"])


def test_user_whose_exemption_is_over_counts():
    over = [{"name": "name-u1", "reason": "no phone", "until": "2026-02-01"}]
    assert verdict(report(user("u1"), exempt=over), 0, ["unprotected"]) == ["1 unprotected: name-u1."]


def test_overdue_users_fail_it_and_scheduled_ones_do_not():
    assert verdict(report(user("u1"), terms=replace(AUDIT, not_before="2026-02-01")), 0, ["overdue"]) == ["1 overdue: name-u1."]
    assert verdict(report(user("u1"), terms=replace(AUDIT, not_before="2026-04-01")), 0, ["due", "overdue"]) == []


@pytest.mark.parametrize(("mfa", "fails"), [("no", True), ("yes", False), ("unknown", False)])
def test_root_user_without_mfa(mfa, fails):
    found = verdict(report(user("u1"), root={"user_id": "r", "name": "acme", "mfa": mfa}), 0, ["root"])
    assert found == (["the root user has no MFA device."] if fails else [])


@pytest.mark.parametrize(("mfa", "fails"), [("no", False), ("yes", False), ("unknown", True), (None, True)])
@pytest.mark.parametrize("demands", [["root", "unknown"], ["unknown", "root"]])
def test_root_user_of_whom_nobody_tells_fails_who_wants_nothing_unknown(mfa, fails, demands):
    root = None if mfa is None else {"user_id": "r", "name": "acme", "mfa": mfa}
    one = report(user("u1", binding="bound", protection=VMFA), root=root)
    found = [cause for cause in verdict(one, 0, demands) if "is unknown" in cause]
    assert found == (
        ["whether the root user has an MFA device is unknown: the cloud does not tell, or the credentials may not ask it."] if fails else []
    )
    assert verdict(one, 0, ["unknown"]) == [], "only where the root user is asked for"


def person(name, devices=0, enabled=True):
    return {"user_id": f"id-{name}", "name": name, "enabled": enabled, "devices": [{"device_id": "d"}] * devices}


@pytest.mark.parametrize(
    ("people", "sentences"),
    [
        (None, ["the users of IAM Identity Center are not known: set mfa_rollout_identity_center_audit=true."]),
        ({"users": []}, []),
        ({"users": [person("ada", 1), person("gone", enabled=False)]}, []),
        (
            {"users": [person("ada", 1), person("bob"), person("eve", enabled=None)]},
            ["2 of the users of IAM Identity Center without an MFA device: bob, eve."],
        ),
    ],
)
def test_users_of_identity_center_without_a_device(people, sentences):
    found = {**report(user("u1", binding="bound", protection=VMFA)), "identity_center": people}
    assert verdict(found, 0, ["identity_center"]) == sentences
    assert verdict(found, 0, ["root"]) == [], "only where it is asked for"


def test_cloud_that_cannot_tell_is_believed_where_an_earlier_run_saw_the_device_bound():
    one = user("u1", binding="unknown", protection=VMFA)
    seed = {"u1": {"serial_number": "serial-u1", "seed": "A" * 16, "name": "n", "bound": True}}
    assert verdict(report(one), 0, ["unknown"]) == ["1 unknown: name-u1."]
    assert verdict(report(one, stored=seed), 100, ["unknown"]) == []


@pytest.mark.parametrize(("value", "number"), [(0, 0), ("99.5", 99.5), (100, 100)])
def test_per_cent(value, number):
    assert per_cent_in(value) == number


@pytest.mark.parametrize("value", [-1, 101, "most", "9_0", None, float("nan"), [], True])
def test_what_is_no_per_cent_is_refused_by_its_name(value):
    with pytest.raises(PlanError, match="mfa_audit_fail_under must be a number from 0 to 100"):
        per_cent_in(value)


@pytest.mark.parametrize(
    ("value", "words"),
    [([], []), (["overdue", "root"], ["overdue", "root"]), ("unprotected, overdue", ["unprotected", "overdue"]), ('["due"]', ["due"])],
)
def test_demands(value, words):
    assert demands_in(value) == words


@pytest.mark.parametrize("value", [["unprotekted"], "all", 5, {"a": 1}, [5], None])
def test_demand_that_is_none_is_refused_with_those_that_there_are(value):
    with pytest.raises(PlanError, match="mfa_audit_fail_on must be a list of some of protected, enrolled_only"):
        demands_in(value)
