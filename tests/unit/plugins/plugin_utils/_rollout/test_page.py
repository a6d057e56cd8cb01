# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of a report: what it says, that hostile text stays text, and that people can read it."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace

import pytest
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import legible
from ansible_collections.hwc.mfa.plugins.module_utils._modules.posture import IN_NEED, POSTURES
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.merge import merge_reports
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.merged_page import merged_page
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.page import point_of, report_page
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.page_parts import NAMES
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.page_style import DARK, LIGHT, STYLE
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import Terms
from ansible_collections.hwc.mfa.tests.unit.plugins.plugin_utils._rollout.accounts import SECRET, user
from ansible_collections.hwc.mfa.tests.unit.plugins.plugin_utils._rollout.pages import NOW, Page, people, report
from hypothesis import example, given, settings
from hypothesis import strategies as st

AUDIT = Terms("require", audit_only=True)
EXEMPT = [{"user_id": "u2", "reason": "break glass", "until": "2026-06-30"}, {"user_id": "u1", "reason": ""}]
CENTER = {
    "identity_store_id": "d-1",
    "summary": {"users": 3, "disabled": 1, "with_device": 1, "without_device": 1},
    "users": [
        {
            "user_id": "p1",
            "name": "ada",
            "enabled": True,
            "devices": [{"device_id": "x", "name": None, "display_name": "Phone", "type": None}],
        },
        {"user_id": "p2", "name": "bob", "enabled": True, "devices": []},
        {"user_id": "p3", "name": "eve", "enabled": False, "devices": []},
    ],
}


def full(**more):
    """A report in which every section of the page has something to tell."""
    terms = Terms("require", not_before="2026-02-01")
    users = people(14)
    wanted = [{"user_id": each["user_id"], **({"not_before": "2027-01-01"} if each["user_id"] == "u8" else {})} for each in users]
    return report(users, terms=terms, exempt=EXEMPT, failing=(0,), wanted=wanted, identity_center=CENTER, **more)


def trend():
    return {f"2026-02-{day:02d}T06:00:00Z": {"kind": "Audit", "in_need": 9, "protected": day, "coverage": day / 2} for day in (1, 9, 20)}


def number_in(text):
    return int(re.sub(r"\D", "", text))


@pytest.mark.parametrize(
    "make", [lambda: report_page(full(), trend()), lambda: merged_page(merge_reports([("one", full()), ("two", "{")]))]
)
def test_page_can_be_read_by_everybody(make):
    page = Page(make())
    assert page.declaration == "DOCTYPE html"
    assert page.all_of("html") == [{"lang": "en"}]
    assert len(page.all_of("h1")) == 1 and page.text_in("title")[0].startswith("MFA report: ")
    assert all(head["scope"] in ("col", "row") for head in page.all_of("th"))
    assert all(table["caption"].strip() for table in page.tables.values())
    idents = [attributes["id"] for _tag, attributes in page.elements if "id" in attributes]
    assert len(idents) == len(set(idents))
    assert {link["href"] for link in page.all_of("a")} <= {f"#{ident}" for ident in idents}
    named = [name for _tag, attributes in page.elements for name in attributes.get("aria-labelledby", "").split()]
    assert set(named) <= set(idents)
    for image in page.all_of("svg"):
        assert image.get("aria-hidden") == "true" or (image["role"] == "img" and len(image["aria-labelledby"].split()) == 2)
    assert all(box["role"] == "region" for box in page.all_of("div") if box.get("tabindex") == "0")
    assert len(page.all_of("label")) == len(page.all_of("input")) + len(page.all_of("select"))
    for ident, table in page.tables.items():
        assert {len(row) for row in table["rows"]} == {len(table["rows"][0])}, ident


def test_page_loads_nothing_and_lets_nothing_run_but_its_own_script():
    text = report_page(full(), trend())
    page = Page(text)
    (policy,) = (each["content"] for each in page.all_of("meta") if each.get("http-equiv") == "Content-Security-Policy")
    for tag in ("style", "script"):
        (content,) = page.text_in(tag)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy and "unsafe" not in policy
    names = {name for _tag, attributes in page.elements for name in attributes}
    assert not {name for name in names if name.startswith("on")} and not names & {"src", "style", "action", "srcset"}
    assert "http:" not in text and "https:" not in text.replace("https://iam.example.com", "")
    assert "url(" not in STYLE and "@import" not in STYLE


HOSTILE = [
    "<script>alert(1)</script>",
    "</td></tr></table><h1>x",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='x",
    "&lt;b&gt; &amp;",
    "--><!--",
    "]]></style></script>",
    "\u202egnp.exe\x00\x1b[2J\ud800",
    "{{ lookup('pipe', 'id') }}",
]
SHAPE = Page(report_page(report([user("u1", name="x")], exempt=[{"user_id": "u1", "reason": "y"}]))).elements


@settings(max_examples=100)
@given(st.text(min_size=1), st.text(min_size=1))
@example(HOSTILE[0], HOSTILE[1])
@example(HOSTILE[2], HOSTILE[3])
@example(HOSTILE[4], HOSTILE[5])
@example(HOSTILE[6], HOSTILE[7])
@example(HOSTILE[8], HOSTILE[0])
def test_text_of_others_is_shown_and_nothing_more(name, reason):
    found = report([user("u1", name=name)], exempt=[{"user_id": "u1", "reason": reason}], account=f"a{name}", cloud_id=reason)
    found = {**found, "caller": {"user_id": name, "name": reason, "principal_urn": None}, "endpoint": name, "warnings": []}
    page = Page(report_page(found))
    tame = [tag for tag, _attributes in SHAPE]
    assert [tag for tag, _attributes in page.elements if tag not in ("code", "li", "b", "bdi")] == [
        tag for tag in tame if tag not in ("code", "li", "b", "bdi")
    ]
    (row,) = page.rows("everybody")
    assert row["User"] == legible(name)
    assert legible(reason) in row["Reason"]
    assert page.tables["exempt"]["rows"][1][2] == legible(found["users"][0]["exempt"])


def changed(found):
    texts = [text for _tag, text in Page(report_page(found)).texts]
    return texts[texts.index("Users changed ") + 1 :][0]


def late(found, *numbers):
    """A report in which the users of these numbers failed after their device was made."""
    for number in numbers:
        found["users"][number]["after"] = {**found["users"][number]["before"], "device": "made", "binding": "unbound"}
    return found


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda users: report(users, terms=AUDIT), "none, this only looked"),
        (report, "3"),
        (lambda users: report(users, wanted=[]), "0"),
        (lambda users: report(users, failing=(0, 1, 2)), "none, as far as the cloud shows"),
        (lambda users: report(users, failing=(0,)), "2"),
        (lambda users: late(report(users, failing=(0, 1, 2)), 0, 2), "2, of whom 2 users have failed later"),
        (lambda users: late(report(users, failing=(0, 1)), 0), "2, of whom 1 user has failed later"),
        (lambda users: report(users, failing=(0, 1), after=False), "1, and perhaps some of the 2 who failed"),
        (lambda users: report(users, after=False), "3"),
    ],
)
def test_page_says_whom_the_run_has_changed(make, told):
    assert changed(make([user(f"u{number}", binding="bound") for number in range(3)])) == told


def test_posture_table_says_what_the_report_counts_and_its_sums_add_up():
    found = full()
    page = Page(report_page(found))
    rows = {row["Posture"]: row for row in page.rows("postures")}
    for column, name in (("Before", "posture"), ("After", "posture_after")):
        counts = found["summary"][name]
        told = {posture: int(rows[NAMES[posture][0]][column]) for posture in POSTURES}
        assert told == {posture: counts[posture] for posture in POSTURES}
        assert int(rows["Need MFA"][column]) == sum(told[posture] for posture in IN_NEED)
        assert int(rows["All users"][column]) == sum(told.values()) == found["population"]["users"]
        assert f"{counts['coverage']} %" in page.text_in("text")
    assert f"Before: {found['summary']['posture']['coverage']} per cent" in page.text_in("desc")[0]


def test_sections_tell_of_failures_dates_exemptions_root_and_people():
    found = full()
    page = Page(report_page(found, trend()))
    (failed,) = page.rows("failed")
    assert (failed["Step"], failed["Reason"]) == ("protect", "IAM refused it (403).")
    assert failed["Next step"].startswith("Check that the caller may set login protection")
    dated = page.rows("dated")
    assert [row["State"] for row in dated] == ["Overdue"] * found["summary"]["overdue"] + ["Scheduled"]
    assert dated[-1]["Enforced from"] == "2027-01-01 00:00 UTC"
    assert {(row["Reason"], row["Ends"]) for row in page.rows("exempt")} == {("break glass", "2026-06-30"), ("no reason given", "no end")}
    assert any("has no MFA device" in text for text in page.text_in("span"))
    assert [row["MFA devices"] for row in page.rows("persons")] == ["Phone", "none", "none"]
    assert "3 users, 1 with a device, 1 without one, 1 disabled" in page.text_in("caption")
    assert [number_in(row["Protected"]) for row in page.rows("runs")] == [20, 9, 1]
    everybody = page.rows("everybody")
    assert len(everybody) == len(found["users"])
    assert [row["Outcome"] for row in everybody].count("Exempt") == found["population"]["exempt"] == 2
    assert [row["Outcome"] for row in everybody].count("Failed") == found["summary"]["failed"] == 1


def test_what_needs_attention_is_named_with_a_link_to_it_and_nothing_else_is():
    links = {link["href"] for link in Page(report_page(full())).all_of("a")}
    assert {"#failures", "#dates", "#root", "#users", "#people"} <= links
    found = report([user("u1", binding="bound", protection={"enabled": True, "verification_method": "vmfa"})], terms=AUDIT)
    calm = Page(report_page({**found, "root": {**found["root"], "mfa": "yes"}, "warnings": []}))
    assert "Nothing." in calm.text_in("p")
    assert "failed" not in calm.tables and "dated" not in calm.tables and "exempt" not in calm.tables


def test_account_at_which_nobody_could_look_afterwards_is_shown_as_not_known():
    page = Page(report_page(report(people(6), after=False)))
    assert {row["After"] for row in page.rows("postures")} == {"not known"}
    assert {row["Posture now"] for row in page.rows("everybody")} == {"not known"}
    assert any("The account could not be looked at afterwards" in text for text in page.text_in("li"))


def test_audit_shows_what_is_and_no_afterwards():
    page = Page(report_page(report(people(6), terms=AUDIT)))
    assert "Now" in page.tables["postures"]["rows"][0] and "After" not in page.tables["postures"]["rows"][0]
    assert {row["Outcome"] for row in page.rows("everybody")} <= {"To do", "Already compliant", "Skipped"}


def test_account_in_which_nobody_needs_mfa_has_a_page():
    page = Page(report_page(report([user("u1", enabled=False)], terms=AUDIT)))
    assert "no user needs MFA" in page.text_in("text")
    assert Page(report_page(report([], terms=AUDIT))).rows("everybody") == []


def test_page_holds_no_secret():
    users = [{**each, "auth_password": SECRET, "seed": SECRET} for each in people(6)]
    found = report(users, terms=replace(Terms("enrol"), state="present"))
    assert SECRET not in report_page(found)
    assert SECRET not in merged_page(merge_reports([("one", found)]))


def test_page_of_ten_thousand_users_has_each_of_them_once_and_a_size_that_mail_takes():
    text = report_page(report(people(10_000), terms=AUDIT))
    assert len(text.encode()) < 5_000_000
    page = Page(text)
    assert {row["User"] for row in page.rows("everybody")} == {f"user-{number}" for number in range(10_000)}


def test_point_of_a_run_is_its_last_look():
    found = full()
    assert point_of(found) == {
        "kind": "Rollout",
        "in_need": sum(found["summary"]["posture_after"][each] for each in IN_NEED),
        "protected": found["summary"]["posture_after"]["protected"],
        "coverage": found["summary"]["posture_after"]["coverage"],
    }
    assert point_of(report(people(3), after=False))["coverage"] == report(people(3))["summary"]["posture"]["coverage"]
    assert found["now"] == NOW


def colours(text):
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", text))


def luminance(colour):
    """Relative luminance, as WCAG 2.1 defines it."""
    parts = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


TEXTS = ("text", "soft", "link", "ok", "warn", "gap", "bad")
GROUNDS = ("page", "card", "head")
FILLS = ("ok", "warn", "gap", "bad", "unsure")


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_contrast_is_that_of_wcag_aa(palette):
    named = colours(palette)
    assert colours(STYLE) and set(re.findall(r"var\(--([\w-]+)\)", STYLE)) <= set(named)
    for ground in GROUNDS:
        for text in TEXTS:
            assert contrast(named[text], named[ground]) >= 4.5, (text, ground)
    for fill in FILLS:
        assert contrast(named["on"], named[fill]) >= 4.5, fill
        assert contrast(named[fill], named["card"]) >= 3, fill
    assert contrast(named["edge"], named["card"]) >= 3
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
