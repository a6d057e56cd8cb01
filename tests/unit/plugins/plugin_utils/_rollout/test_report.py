# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import csv
import io
import json
import re

import pytest
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.input import seeds_in
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.report import (
    make_report,
    report_csv,
    report_json,
    report_line,
    skipped_lines,
)
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import Terms
from ansible_collections.hwc.mfa.tests.unit.plugins.plugin_utils._rollout.accounts import (
    SECRET,
    SMS,
    VMFA,
    audit_of,
    device_of,
    own,
    planned,
    stored,
    user,
)
from hypothesis import example, given
from hypothesis import strategies as st

ENROL = Terms("enrol")
REQUIRE = Terms("require")


def report_of(
    plan,
    failures=(),
    waves_done=0,
    before=None,
    after=None,
    seeds=None,
    check_mode=False,
    account="acme",
    terms=ENROL,
    cloud_account=None,
    broke_off=False,
):
    return make_report(
        account,
        terms,
        plan,
        failures,
        waves_done,
        before,
        after or before,
        None if seeds is None else seeds_in(seeds),
        check_mode,
        cloud_account,
        broke_off=broke_off,
    )


def failure(user_id, step="create", msg="no"):
    return {"user_id": user_id, "name": f"name-{user_id}", "done": [], "failed": True, "step": step, "msg": msg}


def test_report_has_a_row_for_everybody_and_why_not():
    before = audit_of(user("u1"), user("u2", enabled=False), user("u3", binding="bound", protection=VMFA), user("u4"), user("u5"))
    wanted = [{"user_id": f"u{number}", **own()} for number in range(1, 6)] + [{"name": "ghost"}]
    plan = planned(wanted, before, Terms("enrol", wave_sizes=[1]))
    after = audit_of(user("u1", binding="bound", protection=VMFA), user("u2", enabled=False), *before["users"][2:])
    failures = [failure("u4")]
    report = report_of(plan, failures, 2, before, after, stored())
    assert [row["outcome"] for row in report["users"]] == ["done", "left_alone", "already", "failed", "not_reached", "failed"]
    assert report["users"][0]["seed_stored"]
    assert report["users"][0]["before"] == {"device": None, "binding": "none", "login_protection": "none", "posture": "unprotected"}
    assert report["users"][0]["after"] == {"device": "serial-u1", "binding": "bound", "login_protection": "vmfa", "posture": "protected"}
    assert report["users"][3]["reason"] == "create: no"
    assert report["summary"]["failed"] == 2
    assert all(row["named"] for row in report["users"])
    assert SECRET not in str(report)
    assert report_line(report).startswith("1 done, 1 already compliant, 1 skipped, 2 failed, 1 not reached; of 5 users")


@pytest.mark.parametrize(
    ("broke_off", "check_mode", "seen", "found"),
    [
        (True, False, True, ["done", "failed", "not_reached", "not_reached"]),
        (False, False, True, ["done", "not_reached", "not_reached", "not_reached"]),
        (True, False, False, ["done", "failed", "failed", "not_reached"]),
        (True, True, True, ["planned"] * 4),
    ],
)
def test_of_a_wave_that_broke_off_those_have_failed_for_whom_something_was_done(broke_off, check_mode, seen, found):
    before = audit_of(*(user(f"u{number}") for number in range(4)))
    plan = planned("all", before, Terms("require", wave_sizes=[1, 2, 1]))
    first, second, *_rest = (fate["user_id"] for fate in plan["users"])
    now = audit_of(*(user(one["user_id"], protection=VMFA) if one["user_id"] in (first, second) else one for one in before["users"]))
    after = now if seen else {"failed": True, "msg": "the cloud is gone"}
    report = report_of(plan, (), 1, before, after, check_mode=check_mode, terms=REQUIRE, broke_off=broke_off)
    assert [row["outcome"] for row in report["users"]] == found
    failed = [row["reason"] for row in report["users"] if row["outcome"] == "failed"]
    said = "the report shows what the cloud shows now" if seen else "nobody could look at what it did"
    assert all(said in reason for reason in failed)


def test_report_says_what_nobody_knows():
    before = audit_of(user("u1"))
    plan = planned([{"user_id": "u1", **own()}], before, ENROL)
    report = report_of(plan, (), 1, before, {"failed": True, "msg": "the cloud is gone"})
    assert report["users"][0]["outcome"] == "done"
    assert report["users"][0]["after"] == {"device": None, "binding": None, "login_protection": None, "posture": None}
    assert report["users"][0]["seed_stored"] is None
    assert report["summary"]["after"] is None
    assert "the cloud is gone" in report["warnings"][-1]
    assert "could not be looked at" in report_line(report)
    assert report_csv(report).splitlines()[1].endswith(",unknown,unprotected,,,")


@pytest.mark.parametrize("count", [0, 1, 3])
def test_report_as_json_says_all_and_has_a_line_a_user(count):
    before = audit_of(*(user(f"u{number}", name='ünï\n"{{') for number in range(count)))
    report = report_of(planned("all", before, REQUIRE), before=before, terms=REQUIRE, account="äcme")
    text = report_json(report)
    assert json.loads(text) == report
    assert text.startswith('{\n  "account": "äcme",\n')
    assert text.count("ünï") == count
    assert not any(line.startswith(",") for line in text.splitlines())
    assert sum(line.startswith('    {"user_id"') for line in text.splitlines()) == count


def test_report_as_csv_says_whose_seed_is_stored():
    before = audit_of(user("u1", binding="bound"), user("u2", binding="bound"))
    text = report_csv(report_of(planned("all", before, REQUIRE), before=before, seeds=stored("u1"), terms=REQUIRE))
    assert [row["seed_stored"] for row in csv.DictReader(io.StringIO(text))] == ["yes", "no"]


@pytest.mark.parametrize(
    ("unknown", "end"), [(0, "bound 1 -> 2, coverage 0.0 %"), (3, "bound 1 -> 2 (+3 the cloud cannot tell), coverage 0.0 %")]
)
def test_line_of_a_report_says_how_many_more_may_be_bound(unknown, end):
    before, after = audit_of(user()), audit_of(user())
    before["summary"]["bound"] = 1
    after["summary"].update(bound=2, unknown=unknown)
    report = report_of(planned("all", before, REQUIRE), before=before, after=after, terms=REQUIRE)
    assert report_line(report).endswith(f"of 1 users vmfa 0 -> 0, {end}")


def test_report_of_a_rehearsal_says_planned():
    before = audit_of(user())
    report = report_of(planned("all", before, REQUIRE), before=before, check_mode=True, terms=REQUIRE)
    assert report["users"][0]["outcome"] == "planned"
    assert report["check_mode"]


def test_check_that_failed_for_a_user_is_no_plan_for_that_user():
    before = audit_of(user("u1"), user("u2"))
    report = report_of(planned("all", before, REQUIRE), [failure("u2", "protect")], 1, before, check_mode=True, terms=REQUIRE)
    assert [(row["outcome"], row["reason"]) for row in report["users"]] == [("planned", ""), ("failed", "protect: no")]
    assert report_line(report).startswith("1 to do, 1 failed; ")


def test_report_says_of_whom_the_seed_of_the_shown_device_is_stored():
    seeds = {"u1": {**stored("u1", "new", proven=True)["u1"], "earlier": [stored("u1", "old")["u1"]]}}
    for serial, kept, proven in (("new", True, True), ("old", True, False), ("other", False, False)):
        before = audit_of(user("u1", binding="bound", serial=serial))
        (row,) = report_of(planned("all", before, REQUIRE), before=before, seeds=seeds, terms=REQUIRE)["users"]
        assert (row["seed_stored"], row["login_proven"]) == (kept, proven)


def test_seed_that_is_not_a_device_of_the_user_is_not_told_as_stored():
    before = audit_of(user("u1"), user("u2", devices=[device_of("key", kind="other")]))
    rows = report_of(planned("all", before, REQUIRE), before=before, seeds={**stored("u1"), **stored("u2")}, terms=REQUIRE)["users"]
    assert [row["seed_stored"] for row in rows] == [False, False]


@pytest.mark.parametrize(("known", "state"), [(False, ("key", "unknown", "unknown")), (True, ("phone", "bound", "protected"))])
def test_bound_device_that_may_be_a_key_is_protected_only_by_what_is_stored(known, state):
    devices = [device_of("key", kind="unknown"), device_of("phone", kind="unknown")]
    before = audit_of({**user(protection=VMFA, devices=devices), "device": devices[0]})
    report = report_of(planned("all", before, REQUIRE), before=before, seeds=stored(serial="phone") if known else {}, terms=REQUIRE)
    (row,) = report["users"]
    assert tuple(row["before"][name] for name in ("device", "binding", "posture")) == state
    assert report["summary"]["posture"]["protected"] == int(known)


def test_user_without_a_name_is_told_by_the_id():
    nameless = {**user("u1", binding="unbound"), "name": ""}
    before = audit_of(nameless, user("u2"))
    plan = planned("all", before, ENROL)
    assert "skipped: u1: has an unbound device" in "\n".join(plan["lines"])
    assert (
        "to create, bind, protect: u1" in planned([{"user_id": "u1", **own()}], audit_of({**nameless, "device": None}), ENROL)["lines"][0]
    )
    report = report_of(plan, before=before, terms=ENROL)
    assert any(line.startswith("skipped: u1: ") for line in skipped_lines(report))
    assert "None" not in report_csv(report)


def test_report_tells_the_account_of_the_cloud_at_the_end_of_its_line():
    before = audit_of(user())
    plan = planned("all", before, REQUIRE)
    report = report_of(plan, before=before, terms=REQUIRE, cloud_account={"id": "0123", "name": "Acme GmbH", "more": 5})
    assert report["cloud_account"] == {"id": "0123", "name": "Acme GmbH"}
    assert report_line(report).endswith("; account Acme GmbH (id 0123)")
    nameless = report_of(plan, before=before, terms=REQUIRE, cloud_account={"id": "0123", "name": None})
    assert report_line(nameless).endswith("; account without a name (id 0123)")
    gone = report_of(plan, before=before, after={"msg": "x"}, terms=REQUIRE, cloud_account={"id": "0123", "name": "a\nb" * 100})
    assert "looked at afterwards; account a b" in report_line(gone)
    assert report_line(gone).isprintable() and len(report_line(gone)) < 300
    unknown = report_of(plan, before=before, terms=REQUIRE)
    assert unknown["cloud_account"] == {"id": None, "name": None}
    assert "account" not in report_line(unknown)


# Who was skipped


def test_lines_of_who_was_skipped_say_why_and_what_they_have():
    before = audit_of(
        user("u1", enabled=False),
        user("u2", binding="bound", protection=VMFA),
        user("u3", binding="unbound", protection=SMS),
        user("u4", binding="unknown"),
        user("u5"),
    )
    exempt = [{"user_id": f"u{number}", "reason": "why"} for number in (2, 3, 4)]
    report = report_of(planned("all", before, REQUIRE, exempt), before=before, terms=REQUIRE)
    assert skipped_lines(report) == [
        "skipped: name-u1: the user is disabled; has NO device, login protection is off",
        "skipped: name-u2: exempt: why; has a bound device, login protection by vmfa",
        "skipped: name-u3: exempt: why; has an unbound device, login protection by sms",
        "skipped: name-u4: exempt: why; has a device, login protection is off",
    ]


def test_who_was_asked_for_comes_first_and_many_are_counted():
    users = [user(f"u{number}", enabled=False) for number in range(30)]
    before = audit_of(*users)
    plan = planned("all", before, REQUIRE)
    plan["users"][25]["named"] = True
    lines = skipped_lines(report_of(plan, before=before, terms=REQUIRE))
    assert lines[0].startswith("skipped: name-u25: ")
    assert lines[1].startswith("skipped: name-u0: ")
    assert (len(lines), lines[-1]) == (21, "skipped: 10 more, see the report")
    some = audit_of(*users[:20])
    assert len(skipped_lines(report_of(planned("all", some, REQUIRE), before=some, terms=REQUIRE))) == 20


def test_what_the_skipped_have_is_told_from_before_where_nobody_could_look_afterwards():
    before = audit_of(user(binding="bound", protection=VMFA, enabled=False))
    report = report_of(planned("all", before, REQUIRE), before=before, after={"msg": "gone"}, terms=REQUIRE)
    assert skipped_lines(report) == ["skipped: name-u1: the user is disabled; has a bound device, login protection by vmfa"]


@given(st.text(), st.text())
def test_lines_of_the_skipped_are_lines_whatever_a_name_or_a_reason_holds(name, reason):
    before = audit_of(user(name=name or "x"))
    report = report_of(planned("all", before, REQUIRE, [{"user_id": "u1", "reason": reason}]), before=before, terms=REQUIRE)
    (line,) = skipped_lines(report)
    assert len(line.splitlines()) == 1


# The files


EVIL_CELLS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\n@x"]
EVIL_CELLS += [
    "\uff1d1",
    "\uff0b1",
    "\uff0d1",
    "\uff201",
    "\u00a0=1",
    "\u3000@x",
    "\x00=1",
    "\x1b=1",
    "\u200b=1",
    "\ufeff=1",
    "\u202e=1",
    "\x85=1",
]
EVIL_CELLS += ["x;=1", "x;\t@y", 'x;"=1', "x;\u200b+1", '"=1', '" =1']


@pytest.mark.parametrize("evil", EVIL_CELLS)
def test_no_cell_of_the_csv_begins_a_formula(evil):
    before = audit_of(user(name=evil))
    plan = planned("all", before, REQUIRE, exempt=[{"user_id": "u1", "reason": evil}])
    rows = list(csv.reader(io.StringIO(report_csv(report_of(plan, before=before, account=evil, terms=REQUIRE)))))
    assert len(rows) == 2
    assert len(rows[0]) == len(rows[1])
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", " ")) for cell in rows[1])
    # Whatever a spreadsheet skips or takes for the border of a cell, what comes next begins no formula.
    beginning = re.compile(r"[\s\ufffd\u200b-\u200d\u2060\"]*[=+\-@\uff1d\uff0b\uff0d\uff20]")
    assert [part for cell in rows[1] for part in cell.split(";") if beginning.match(part)] == []


@pytest.mark.parametrize("name", ["ada", "a-b", "a+b@example.com", "x; y", "1=1", "'quoted'", "é", "夏目"])
def test_cell_that_is_no_formula_stays_as_it_is(name):
    before = audit_of(user(name=name))
    rows = list(csv.reader(io.StringIO(report_csv(report_of(planned("all", before, REQUIRE), before=before, terms=REQUIRE)))))
    assert rows[1][2] == name


@given(st.text(st.characters(), max_size=20))
@example("\0")
@example("lone \ud83d")
@example("\x85\u2028\u2029\x1b\x9b\u202e")
def test_any_name_stays_one_cell_of_the_csv_and_one_line_of_the_json(name):
    before = audit_of(user(name=name or "x"))
    report = report_of(planned("all", before, REQUIRE), before=before, terms=REQUIRE)
    text = report_csv(report)
    rows = list(csv.reader(io.StringIO(text)))
    assert len(rows) == len(text.splitlines()) == 2
    assert rows[1][2].lstrip("'")[:1] not in ("=", "+", "@") or rows[1][2].startswith("'")
    lines = report_json(report)
    assert json.loads(lines) == report
    assert len([line for line in lines.splitlines() if line.startswith('    {"user_id"')]) == 1
    for written in (text, lines):
        assert written.encode("utf-8")
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", written)
