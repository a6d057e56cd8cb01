# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report as JUnit XML, which pipelines show and fail on. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import legible
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.findings import CONTROLS, FAIL, PASS, Finding, findings_of
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import Entry

_DEMANDS = "demands"


def report_junit(report: Entry) -> str:
    """A report as JUnit XML: a suite a control, a case a user, and a suite for what an audit demands.

    Who fails has failed, and whoever is exempt, does not need MFA, or cannot be judged is skipped with the reason.
    """
    found = findings_of(report)
    everything = _element(None, "testsuites", name=f"{report['collection']['name']} {report['account']}")
    for control in CONTROLS:
        about = [finding for finding in found if finding.control == control]
        if about:
            suite = _suite(everything, report, control.name)
            properties = _element(suite, "properties")
            for name, value in (("title", control.title), *(("as in", each) for each in control.as_in), *_head(report)):
                _element(properties, "property", name=name, value=value)
            for finding in about:
                _case_of(suite, finding)
            _count(suite, about)
    if report["demands"]["fail_on"] or report["demands"]["fail_under"] or report["verdict"]:
        suite = _suite(everything, report, _DEMANDS)
        case = _element(suite, "testcase", name="the account meets what the audit demands", classname=_DEMANDS)
        if report["verdict"]:
            _element(case, "failure", message=" ".join(report["verdict"]), type=_DEMANDS).text = legible("\n".join(report["verdict"]))
        _numbers(suite, 1, 1 if report["verdict"] else 0, 0)
    suites = list(everything)
    _numbers(everything, *(sum(int(suite.attrib[name]) for suite in suites) for name in ("tests", "failures", "skipped")))
    ElementTree.indent(everything)
    # Written by hand: ElementTree would name the encoding in another case on each Python.
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(everything, encoding="unicode")}\n'


def _head(report: Entry) -> list[tuple[str, str]]:
    cloud, caller = report["cloud_account"], report["caller"] or {}
    facts = (
        ("account id", cloud["id"]),
        ("account name", cloud["name"]),
        ("endpoint", report["endpoint"]),
        ("ran as", caller.get("name") or caller.get("user_id") or caller.get("principal_urn")),
        ("version", report["collection"]["version"]),
    )
    return [(name, str(value)) for name, value in facts if value is not None]


def _suite(parent: ElementTree.Element, report: Entry, name: str) -> ElementTree.Element:
    # Dashboards of several accounts tell suites apart by their names.
    suite = _element(parent, "testsuite", name=f"{report['account']}: {name}")
    if report["now"] is not None:
        suite.set("timestamp", legible(report["now"]).removesuffix("Z"))
    return suite


def _case_of(suite: ElementTree.Element, finding: Finding) -> None:
    # The id as well, since names of users can be alike once what cannot be seen is replaced.
    case = _element(suite, "testcase", name=f"{finding.subject_name} ({finding.subject_id})", classname=finding.control.name)
    if finding.status == FAIL:
        failure = _element(case, "failure", message=finding.reason, type=finding.severity)
        failure.text = legible(finding.remediation)
    elif finding.status != PASS:
        until = f" (until {finding.until})" if finding.until else ""
        _element(case, "skipped", message=f"{finding.status.replace('_', ' ')}: {finding.reason}{until}")


def _count(suite: ElementTree.Element, found: Sequence[Finding]) -> None:
    failures = sum(1 for finding in found if finding.status == FAIL)
    skipped = sum(1 for finding in found if finding.status not in (FAIL, PASS))
    _numbers(suite, len(found), failures, skipped)


def _numbers(element: ElementTree.Element, tests: int, failures: int, skipped: int) -> None:
    for name, number in (("tests", tests), ("failures", failures), ("errors", 0), ("skipped", skipped)):
        element.set(name, str(number))


def _element(parent: ElementTree.Element | None, tag: str, **attributes: str) -> ElementTree.Element:
    """An element whose attributes hold only what XML can: names of users may hold anything."""
    clean = {name: legible(value) for name, value in attributes.items()}
    return ElementTree.Element(tag, clean) if parent is None else ElementTree.SubElement(parent, tag, clean)
