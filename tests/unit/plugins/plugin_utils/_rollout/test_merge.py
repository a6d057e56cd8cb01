# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports of many accounts as one: totals add up, no account counts twice, and what is no report is named."""

from __future__ import annotations

import csv
import io
import itertools
import json
from pathlib import Path

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.hwc.mfa.plugins.filter.merge_reports import merge_reports as filtered
from ansible_collections.hwc.mfa.plugins.module_utils._modules.posture import IN_NEED, POSTURES, coverage
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.packing import pack
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout import merged_page as pages_of_many
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.merge import (
    OUTCOMES,
    merge_reports,
    merged_csv,
    merged_json,
    merged_line,
    report_in,
)
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.merged_page import merged_page
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.report import report_json
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import PlanError, Terms
from ansible_collections.hwc.mfa.tests.unit.plugins.plugin_utils._rollout.pages import Page, people, report
from hypothesis import given, settings
from hypothesis import strategies as st

EARLIER, LATER, LATEST = "2026-03-01T12:00:00Z", "2026-03-02T12:00:00Z", "2026-03-03T12:00:00Z"


def old(account="old"):
    """A report as the first version wrote it."""
    state = {"device": None, "binding": "none", "login_protection": "none"}
    row = {
        "user_id": "u1",
        "name": "ada",
        "named": True,
        "outcome": "done",
        "reason": "",
        "enabled": True,
        "before": state,
        "after": {**state, "login_protection": "vmfa"},
        "seed_stored": None,
        "login_proven": None,
    }
    counts = {"users": 1, "vmfa": 0, "bound": 0, "unknown": 0}
    return {
        "account": account,
        "cloud_account": {"id": f"id-{account}", "name": None},
        "strategy": "require",
        "state": "present",
        "check_mode": False,
        "summary": {"done": 1, "already": 0, "left_alone": 0, "failed": 0, "not_reached": 0, "before": counts, "after": counts},
        "warnings": [],
        "users": [row],
    }


REPORTS = st.lists(
    st.builds(
        lambda number, failing, after, audit: (number, failing, after, audit),
        st.integers(0, 6),
        st.sets(st.integers(0, 9), max_size=3),
        st.booleans(),
        st.booleans(),
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=25)
@given(REPORTS)
def test_totals_are_the_sums_of_the_accounts_and_of_their_users(drawn):
    reports = [
        report(people(count), account=f"a{number}", failing=failing, after=after, terms=Terms("require", audit_only=audit))
        for number, (count, failing, after, audit) in enumerate(drawn)
    ]
    merged = merge_reports([(each["account"], each) for each in reports])
    summary, accounts, users = merged["summary"], merged["accounts"], merged["users"]
    assert [each["account"] for each in accounts] == [each["account"] for each in reports]
    for word in OUTCOMES:
        assert summary[word] == sum(each[word] for each in accounts) == sum(row["outcome"] == word for row in users)
    assert summary["users"] == sum(each["users"] for each in accounts) == len(users) == sum(count for count, *_more in drawn)
    for name in ("posture", "posture_after"):
        assert {each: summary[name][each] for each in POSTURES} == {each: sum(one[name][each] for one in accounts) for each in POSTURES}
        assert sum(summary[name][each] for each in POSTURES) == summary["users"]
        assert summary[name]["coverage"] == coverage(summary[name])
    assert sum(summary["posture"][each] for each in IN_NEED) == summary["in_need"]
    page = Page(merged_page(merged))
    assert len(page.rows("everybody")) == len(users)
    *rows, total = page.rows("each-account")
    for column in ("Users", "Need MFA", "Not protected", "Failed", "Overdue", "Exempt"):
        assert int(total[column]) == sum(int(row[column]) for row in rows)


def test_account_at_which_nobody_could_look_afterwards_counts_as_unknown_and_is_named():
    merged = merge_reports([("one", report(people(6), after=False)), ("two", report(people(6), account="two"))])
    one = merged["accounts"][0]
    assert not one["seen_after"]
    assert one["posture_after"]["unknown"] == one["in_need"] and one["posture_after"]["protected"] == 0
    assert any("acme: nobody could look" in warning for warning in merged["warnings"])


def test_same_report_twice_counts_once():
    one = report(people(3))
    merged = merge_reports([("one", one), ("copy", report_json(one))])
    assert merged["summary"]["accounts"] == 1 and merged["superseded"] == []


@pytest.mark.parametrize("turned", [False, True])
def test_newer_of_two_reports_of_an_account_counts_where_that_was_asked_for(turned):
    given_reports = [
        ("before.json", report(people(3), now=EARLIER, cloud_id="d0")),
        # An inventory can call an account anything.
        ("after.json", report(people(4), account="another name", now=LATER, cloud_id="d0")),
    ]
    if turned:
        given_reports.reverse()
    with pytest.raises(PlanError, match=r"different reports of the account .*duplicates=newest"):
        merge_reports(given_reports)
    merged = merge_reports(given_reports, newest=True)
    assert [each["account"] for each in merged["accounts"]] == ["another name"]
    assert merged["superseded"] == [{"account": "acme", "now": EARLIER, "name": "before.json", "by": "after.json"}]
    assert any("before.json is left out: after.json is the newer report" in warning for warning in merged["warnings"])


def test_two_reports_of_an_account_at_the_same_time_are_refused():
    given_reports = [("one", report(people(3))), ("two", report(people(4)))]
    with pytest.raises(PlanError, match="do not tell which is newer"):
        merge_reports(given_reports, newest=True)


def test_accounts_of_one_name_with_other_ids_are_two():
    merged = merge_reports([("one", report(people(3), cloud_id="d0")), ("two", report(people(4), cloud_id="d1"))])
    assert [each["users"] for each in merged["accounts"]] == [3, 4]


def without_id(made):
    return {**made, "cloud_account": {"id": None, "name": None}}


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_report_without_an_id_is_of_the_account_whose_reports_have_its_name(order):
    listed = [
        ("nameless.json", without_id(report(people(4), now=LATER))),
        ("first.json", report(people(4), now=EARLIER, cloud_id="d0")),
        # Its account was called something else meanwhile.
        ("last.json", report(people(5), account="another name", now=LATEST, cloud_id="d0")),
    ]
    given_reports = [listed[number] for number in order]
    for some in (given_reports, [each for each in given_reports if each[0] != "last.json"]):
        with pytest.raises(PlanError, match=r"are different reports of the account .*duplicates=newest"):
            merge_reports(some)
    merged = merge_reports(given_reports, newest=True)
    assert [(each["account"], each["users"]) for each in merged["accounts"]] == [("another name", 5)]
    assert {each["name"] for each in merged["superseded"]} == {"nameless.json", "first.json"}
    two = merge_reports([each for each in given_reports if each[0] != "last.json"], newest=True)
    assert (two["summary"]["accounts"], two["summary"]["users"]) == (1, 4)
    assert [each["name"] for each in two["superseded"]] == ["first.json"]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("newest", [False, True])
def test_report_without_an_id_that_can_be_of_two_accounts_is_refused(order, newest):
    listed = [
        ("nameless.json", without_id(report(people(4), now=LATER))),
        ("one.json", report(people(3), cloud_id="d0")),
        ("two.json", report(people(5), cloud_id="d1")),
    ]
    with pytest.raises(
        PlanError, match=r"nameless\.json does not tell the id of its account, and acme is the name of two: d0 and d1\. Remove it"
    ):
        merge_reports([listed[number] for number in order], newest)


def test_reports_without_an_id_go_by_their_names():
    merged = merge_reports([(name, without_id(report(people(3), account=name))) for name in ("one", "two")])
    assert [each["account"] for each in merged["accounts"]] == ["one", "two"]


def test_report_of_an_older_version_is_listed_and_not_in_the_coverage():
    merged = merge_reports([("old", old()), ("new", report(people(6)))])
    summary = merged["summary"]
    assert (summary["accounts"], summary["users"], summary["done"], summary["without_posture"]) == (
        2,
        7,
        merged["accounts"][0]["done"] + 1,
        1,
    )
    assert sum(summary["posture"][each] for each in POSTURES) == 6
    assert any("old: the report is of an older version" in warning for warning in merged["warnings"])
    row = next(each for each in Page(merged_page(merged)).rows("each-account") if each["Account"] == "old")
    assert row["Coverage after"] == "not known"
    only = merge_reports([("old", old())])
    assert Page(merged_page(only)).rows("each-account")[0]["Account"] == "old"


def spoiled(**changes):
    return {**report(people(3)), **changes}


BROKEN = [
    "{",
    "[]",
    "",
    b"\xff\xfe",
    "5",
    "[" * 100_000,
    None,
    {},
    {"account": "acme"},
    spoiled(users=[{}]),
    spoiled(users=[]),
    spoiled(account=["acme"]),
    spoiled(cloud_account=None),
    spoiled(cloud_account={"id": 5, "name": None}),
    spoiled(now=5),
    spoiled(population={"users": "3", "in_need": 0, "reported": 0, "exempt": 0}),
    spoiled(summary={**report(people(3))["summary"], "failed": 7}),
    spoiled(summary={**report(people(3))["summary"], "posture": {"protected": 1}}),
    spoiled(summary={**report(people(3))["summary"], "posture": {**report(people(3))["summary"]["posture"], "coverage": 100.0}}),
]


@pytest.mark.parametrize("broken", BROKEN)
def test_what_is_no_report_is_named_and_the_others_are_merged(broken):
    merged = merge_reports([("notes.json", broken), ("good.json", report(people(3)))])
    (unreadable,) = merged["unreadable"]
    assert unreadable["name"] == "notes.json" and unreadable["reason"].startswith("it is no ")
    assert merged["summary"]["accounts"] == 1
    assert "notes.json" in merged_page(merged)
    with pytest.raises(PlanError, match=r"there is no report to merge\. notes\.json: it is no "):
        merge_reports([("notes.json", broken)])


def test_merged_report_is_not_merged_again():
    merged = merge_reports([("one", report(people(3)))])
    with pytest.raises(PlanError, match="it is a merged report"):
        report_in(merged_json(merged))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5), lambda each: st.lists(each, max_size=2)
)


@given(st.sampled_from(sorted(report(people(2)))), VALUES)
def test_report_of_another_form_is_merged_or_named_and_never_breaks_the_page(key, value):
    try:
        merged = merge_reports([("one", spoiled(**{key: value}))])
    except PlanError:
        return
    Page(merged_page(merged))
    merged_csv(merged)
    json.loads(merged_json(merged))


def test_merged_report_has_the_published_form_and_every_user_as_csv():
    merged = merge_reports([("old", old()), ("new", report(people(6), failing=(0,))), ("bad", "{")])
    document = json.loads(merged_json(merged))
    assert document == merged
    schema = json.loads((Path(__file__).parents[5] / "docs" / "schema" / "merged_report.schema.json").read_text(encoding="utf-8"))
    properties = schema["properties"]
    assert set(document) == set(properties) == set(schema["required"])
    assert set(document["summary"]) == set(properties["summary"]["properties"])
    assert set(document["accounts"][0]) == set(properties["accounts"]["items"]["properties"])
    rows = list(csv.DictReader(io.StringIO(merged_csv(merged))))
    assert [row["account"] for row in rows] == ["acme"] * 6 + ["old"]


def test_line_tells_the_totals():
    line = merged_line(merge_reports([("one", report(people(6), failing=(0,))), ("bad", "{")]))
    assert line.startswith("1 account: 6 users, 4 need MFA; coverage ")
    assert line.endswith("1 failed, 0 not reached, 0 overdue, 0 exempt; 1 root user without MFA; left out: 1 file that is no report")


def test_page_of_too_many_users_has_those_who_need_attention(monkeypatch):
    monkeypatch.setattr(pages_of_many, "MOST_USERS", 5)
    merged = merge_reports([("one", report(people(12), failing=(0,)))])
    page = Page(merged_page(merged))
    assert len(page.rows("everybody")) <= 5
    assert {row["Posture now"] for row in page.rows("everybody")} <= {"Unprotected", "Required only", "Enrolled only"}
    assert any("Here are" in text for text in page.text_in("p"))


def test_filter_merges_documents_texts_and_data():
    one, two, three = (report(people(3), account=name) for name in ("one", "two", "three"))
    found = filtered([pack(one), report_json(two), three])
    assert found["summary"]["accounts"] == 3
    assert json.loads(found["document"])["summary"] == found["summary"]
    assert found["line"].startswith("3 accounts: 9 users")


@pytest.mark.parametrize(
    ("reports", "options", "words"),
    [
        ("text", {}, "the input must be a list of reports"),
        ([], {}, "there is no report to merge"),
        (["{"], {}, "report 1: it is no JSON"),
        ([report(people(1))], {"duplicates": "older"}, "duplicates must be fail or newest"),
        ([report(people(1)), report(people(2))], {}, "report 1 and report 2 are different reports of the account acme"),
    ],
)
def test_filter_says_what_is_wrong(reports, options, words):
    with pytest.raises(AnsibleFilterError, match=words):
        filtered(reports, **options)
