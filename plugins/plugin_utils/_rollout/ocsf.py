# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report as Detection Findings of the Open Cybersecurity Schema Framework (OCSF), which SIEMs take in. Pure."""

from __future__ import annotations

import datetime
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import json_text, legible
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.findings import (
    CRITICAL,
    HIGH,
    INFORMATIONAL,
    MEDIUM,
    MUTED,
    PERSON,
    ROOT,
    USER,
    Finding,
    findings_of,
)
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import Entry

_SCHEMA = "1.5.0"
"""The version of OCSF whose classes these are."""

_CLASS, _CREATE = 2004, 1
_SEVERITIES = {INFORMATIONAL: 1, MEDIUM: 3, HIGH: 4, CRITICAL: 5}
_RESOURCES = {USER: "IAM user", ROOT: "Root user", PERSON: "IAM Identity Center user"}

_NEW, _SUPPRESSED = (1, "New"), (3, "Suppressed")

_PROVIDERS = {"myhuaweicloud.com": "Huawei Cloud", "myhuaweicloud.eu": "Huawei Cloud", "otc.t-systems.com": "Open Telekom Cloud"}


def report_ocsf(report: Entry) -> str:
    """A report as a JSON list of Detection Findings, one a line."""
    shared = _shared(report)
    lines = ",\n".join(json_text({**shared, **_event(report, finding)}) for finding in findings_of(report))
    return f"[\n{lines}\n]\n"


def _shared(report: Entry) -> dict[str, Any]:
    cloud = report["cloud_account"]
    now = report["now"]
    moment = datetime.datetime.strptime(now, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc) if now else None
    collection = report["collection"]
    return {
        "class_uid": _CLASS,
        "class_name": "Detection Finding",
        "category_uid": _CLASS // 1000,
        "category_name": "Findings",
        "activity_id": _CREATE,
        "activity_name": "Create",
        "type_uid": _CLASS * 100 + _CREATE,
        "type_name": "Detection Finding: Create",
        # Milliseconds. The schema demands a time, also of a report that has none.
        "time": int(moment.timestamp() * 1000) if moment is not None else 0,
        "metadata": {
            "version": _SCHEMA,
            "profiles": ["cloud"],
            "product": {
                "uid": collection["name"],
                "name": collection["name"],
                "vendor_name": "The hwc.mfa authors",
                "version": collection["version"],
            },
            **({"tenant_uid": legible(cloud["id"])} if cloud["id"] else {}),
        },
        "cloud": {
            "provider": _provider(report["endpoint"]),
            "account": {
                "uid": legible(cloud["id"] or report["account"]),
                "name": legible(cloud["name"] or report["account"]),
                "type": "Cloud account",
                "type_id": 99,
            },
        },
    }


def _provider(endpoint: str | None) -> str:
    host = urlsplit(endpoint or "").hostname or "unknown"
    return next((name for domain, name in _PROVIDERS.items() if host.endswith(f".{domain}")), legible(host))


def _event(report: Entry, finding: Finding) -> dict[str, Any]:
    status_id, status = _SUPPRESSED if finding.status == MUTED else _NEW
    name, reason = legible(finding.subject_name), legible(finding.reason)
    account = report["cloud_account"]["id"] or report["account"]
    event: dict[str, Any] = {
        "severity_id": _SEVERITIES[finding.severity],
        "severity": finding.severity.capitalize(),
        "status_id": status_id,
        "status": status,
        "status_code": finding.status.upper(),
        "status_detail": reason,
        "message": f"{name}: {reason}",
        "finding_info": {
            # The same for the same user and control in each report, so that a SIEM sees one finding and its course.
            "uid": legible(f"{report['collection']['name']}/{account}/{finding.control.name}/{finding.subject_id}"),
            "title": finding.control.title,
            "desc": f"{name}: {reason}",
            "types": [finding.control.name],
        },
        "resources": [
            {"uid": legible(finding.subject_id), "name": name, "type": _RESOURCES[finding.kind]},
        ],
        "unmapped": {
            "inventory_account": legible(report["account"]),
            "as_in": list(finding.control.as_in),
            "until": finding.until,
            "check_mode": report["check_mode"],
        },
    }
    if finding.remediation:
        event["remediation"] = {"desc": finding.remediation}
    return event
