# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report's page in a browser, as a person uses it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.merge import merge_reports
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.merged_page import merged_page
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.page import report_page
from ansible_collections.hwc.mfa.tests.unit.plugins.plugin_utils._rollout.accounts import user
from ansible_collections.hwc.mfa.tests.unit.plugins.plugin_utils._rollout.pages import people, report

HOSTILE = (
    "<script>window.trap = 1</script>",
    "<img src=x onerror='window.trap = 2'>",
    "</table></script><script>window.trap = 3</script>",
    '" onfocus="window.trap = 4" autofocus x="',
    "<svg onload='window.trap = 5'>",
    "<iframe srcdoc='<script>parent.trap = 6</script>'>",
    "javascript:window.trap=7//",
)

ROWS = "[...document.querySelectorAll('#everybody tbody tr')]"
SHOWN = f"{ROWS}.filter((row) => row.checkVisibility()).map((row) => row.cells[0].textContent)"
TREND = {
    f"2026-02-{day:02d}T06:00:00Z": {"kind": "Audit", "in_need": 200, "protected": 2 * part, "coverage": float(part)}
    for day, part in ((2, 12), (9, 31), (16, 30), (23, 56))
}


def rollout(count: int, **more: Any) -> dict[str, Any]:
    """The report of a rollout in which something failed and somebody is exempt."""
    exempt = [{"user_id": "u2", "reason": "break-glass user, enrolled by hand", "until": "2026-06-30"}]
    return report(people(count), exempt=exempt, failing=(0, 1), **more)


def head(column: str) -> str:
    """The button of a column."""
    return f"[...document.querySelectorAll('#everybody thead button')].find((each) => each.textContent === '{column}')"


@pytest.mark.parametrize("count", [10, 10_000])
def test_users_are_filtered_and_sorted_by_keyboard(show: Callable[..., Any], count: int) -> None:
    tab = show(report_page(rollout(count)))
    most = min(count, 500)
    assert tab.value(f"{SHOWN}.length") == most
    tab.value("document.querySelector('.controls input').focus()")
    tab.type("USER-7")
    wanted = [f"user-{number}" for number in range(count) if str(number).startswith("7")]
    assert tab.value(SHOWN) == wanted[:most]
    told = f"{min(len(wanted), most)} of {count} shown" + (f", {len(wanted)} found" if len(wanted) > most else "")
    assert tab.value("document.querySelector('.controls output').textContent") == told
    tab.value("document.querySelector('.controls input').select()")
    tab.type("nobody")
    assert tab.value(SHOWN) == []
    tab.value("document.querySelector('.controls input').select()")
    tab.press("Backspace", 8)
    assert tab.value(f"{SHOWN}.length") == most

    names = [f"user-{number}" for number in range(count)]
    tab.value(f"{head('User')}.focus()")
    for key, code, text, direction, order in (("Enter", 13, "\r", "ascending", names), (" ", 32, " ", "descending", names[::-1])):
        tab.press(key, code, text)
        assert tab.value("document.querySelector('#everybody [aria-sort]').getAttribute('aria-sort')") == direction
        assert tab.value(SHOWN) == order[:most], "numbers in names sort as numbers"
    tab.value(f"{head('Posture now')}.click()")
    ranks = tab.value(f"{ROWS}.map((row) => Number(row.cells[4].dataset.k))")
    assert ranks == sorted(ranks)
    assert tab.value("document.querySelectorAll('[aria-sort]').length") == 1

    tab.value(
        "(() => { const select = document.querySelector('.controls select'); select.value = 'Failed';"
        " select.dispatchEvent(new Event('input', { bubbles: true })); })()"
    )
    assert tab.value(f"{SHOWN}.length") == 2
    tab.value("document.querySelector('.controls select').value = ''")
    tab.value("document.querySelector('.controls button').click()")
    assert tab.value(f"{SHOWN}.length") == count
    assert tab.events("Log.entryAdded") == []


def test_names_that_try_to_inject_are_shown_and_do_not_run(show: Callable[..., Any]) -> None:
    users = [user(f"u{number}", name=name) for number, name in enumerate(HOSTILE)]
    exempt = [{"user_id": f"u{number}", "reason": name} for number, name in enumerate(HOSTILE[:3])]
    found = report(users, exempt=exempt, failing=(0,), account=HOSTILE[0], cloud_id=HOSTILE[1])
    found = {**found, "endpoint": HOSTILE[4], "warnings": list(HOSTILE)}
    merged = merge_reports([(HOSTILE[2], found), (HOSTILE[5], "{")])
    for text in (report_page(found), merged_page(merged)):
        tab = show(text)
        assert tab.value(SHOWN) == list(HOSTILE)
        tab.value(f"{head('Reason')}.click()")
        assert tab.value("typeof window.trap") == "undefined"
        assert tab.value("document.querySelectorAll('img, iframe, main script').length") == 0
        assert [event["request"]["url"][:7] for event in tab.events("Network.requestWillBeSent")] == ["file://"]
        assert tab.events("Page.javascriptDialogOpening") == [] and tab.events("Log.entryAdded") == []


def test_what_got_into_the_page_after_all_would_not_run(show: Callable[..., Any]) -> None:
    text = report_page(rollout(10))
    tab = show(text.replace("</main>", "<script>window.trap = 1</script><img src='https://192.0.2.1/x' onerror='window.trap = 2'></main>"))
    assert tab.value("typeof window.trap") == "undefined"
    assert {event.get("blockedReason") for event in tab.events("Network.loadingFailed")} == {"csp"}
    assert tab.value(f"{SHOWN}.length") == 10


def test_page_is_read_without_a_script(show: Callable[..., Any]) -> None:
    tab = show(report_page(rollout(10)), scripts=False)
    tab.call("Emulation.setScriptExecutionDisabled", value=False)
    assert tab.value("document.querySelectorAll('thead button').length") == 0
    assert not tab.value("document.querySelector('.controls').checkVisibility()")
    assert tab.value(f"{SHOWN}.length") == 10


def test_light_dark_and_print(show: Callable[..., Any], pictures: Path) -> None:
    grounds = {}
    tab = show(report_page(rollout(200), TREND))
    for scheme in ("light", "dark"):
        tab.media("", prefers_color_scheme=scheme)
        grounds[scheme] = tab.value("getComputedStyle(document.body).backgroundColor")
        assert tab.screenshot(pictures / f"report-{scheme}.png").startswith(b"\x89PNG")
        assert tab.value("document.documentElement.scrollWidth <= innerWidth"), "nothing has to be scrolled sideways"
    assert grounds == {"light": "rgb(244, 246, 248)", "dark": "rgb(15, 20, 26)"}
    tab.value("document.querySelector('.controls input').focus()")
    tab.type("user-7")
    # On paper everybody is there, in black on white, whatever was filtered and whatever the screen shows.
    tab.media("print", prefers_color_scheme="dark")
    assert tab.value(f"{SHOWN}.length") == 200
    assert not tab.value("document.querySelector('.controls').checkVisibility()")
    assert tab.value("getComputedStyle(document.querySelector('#everybody thead')).display") == "table-header-group"
    assert tab.value("getComputedStyle(document.querySelector('#everybody thead button')).display") == "contents", "or no head is repeated"
    assert tab.value("getComputedStyle(document.body).color") == "rgb(27, 36, 48)"
    printed = tab.pdf(pictures / "report.pdf")
    assert printed.startswith(b"%PDF") and len(re.findall(rb"/Type\s*/Page\b", printed)) > 3


def test_merged_page_is_filtered_by_account(show: Callable[..., Any], pictures: Path) -> None:
    reports = [(f"acme-{number}.json", rollout(20, account=f"acme-{number}", cloud_id=f"id{number}")) for number in range(12)]
    tab = show(merged_page(merge_reports([*reports, ("notes.json", "{")])))
    tab.value("document.querySelector('.controls input').focus()")
    tab.type("acme-11")
    assert tab.value(f"{SHOWN}.length") == 20
    coverage = "[...document.querySelectorAll('#each-account tbody tr')].map((row) => row.cells[0].textContent)"
    tab.value("document.querySelector('#each-account thead button').click()")
    assert tab.value(coverage) == [f"acme-{number}" for number in range(12)]
    assert tab.screenshot(pictures / "merged.png").startswith(b"\x89PNG")
