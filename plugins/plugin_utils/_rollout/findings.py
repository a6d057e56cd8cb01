# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a report comes to for an auditor: for each control and each user a status, a severity and a reason. Pure decisions over a report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ansible_collections.hwc.mfa.plugins.module_utils._modules.posture import (
    DISABLED,
    ENROLLED_ONLY,
    NOT_NEEDED,
    PROTECTED,
    REQUIRED_ONLY,
    UNKNOWN,
    UNPROTECTED,
)
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.campaign import DUE, OVERDUE, SCHEDULED
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import Entry

PASS, FAIL, MUTED, NOT_APPLICABLE, UNCERTAIN = "pass", "fail", "muted", "not_applicable", "unknown"

INFORMATIONAL, MEDIUM, HIGH, CRITICAL = "informational", "medium", "high", "critical"

USER, ROOT, PERSON = "user", "root", "person"
"""Of whom a finding is: a user of IAM, the root user, or a user of IAM Identity Center."""


@dataclass(frozen=True)
class Control:
    """What is looked at. ``as_in`` names controls of others that ask for the same, as their publishers call them; it claims nothing more."""

    name: str
    title: str
    severity: str
    as_in: tuple[str, ...] = ()


USER_MFA = Control(
    "user-mfa",
    "Users who can log in to the console are asked for a code of a bound MFA device",
    HIGH,
    (
        "Huawei Cloud Config: mfa-enabled-for-iam-console-access",
        "CIS Amazon Web Services Foundations Benchmark:"
        " Ensure multi-factor authentication (MFA) is enabled for all IAM users that have a console password",
    ),
)
ROOT_MFA = Control(
    "root-mfa",
    "The root user of the account has an MFA device",
    CRITICAL,
    ("CIS Amazon Web Services Foundations Benchmark: Ensure MFA is enabled for the 'root' user account",),
)
CAMPAIGN_DATE = Control("campaign-date", "MFA is enforced for users by the date that was announced", MEDIUM)
ROLLOUT_OUTCOME = Control("rollout-outcome", "The rollout did for users what it had planned", HIGH)

IDENTITY_CENTER_MFA = Control("identity-center-mfa", "Users of IAM Identity Center have an MFA device", HIGH)

CONTROLS = (USER_MFA, ROOT_MFA, CAMPAIGN_DATE, ROLLOUT_OUTCOME, IDENTITY_CENTER_MFA)


@dataclass(frozen=True)
class Finding:
    """One control's word on one user, on the root user of the account, or on a user of IAM Identity Center.

    ``until`` is the end of what mutes a finding, as it was given; None where it has no end. ``remediation`` is empty where nothing is to be
    done.
    """

    control: Control
    kind: str
    subject_id: str
    subject_name: str
    status: str
    reason: str
    until: str | None = None
    remediation: str = ""

    @property
    def severity(self) -> str:
        """How grave it is. What passes, or means nothing for this user, is only information."""
        return INFORMATIONAL if self.status in (PASS, NOT_APPLICABLE) else self.control.severity


def findings_of(report: Entry) -> list[Finding]:
    """All findings of a report, control by control, users in the report's order."""
    rows = report["users"]
    seen_after = report["summary"]["after"] is not None
    found = [_user_mfa(row, seen_after) for row in rows if row["user_id"] is not None and row["before"]["posture"] is not None]
    found.append(_root_mfa(report))
    found.extend(each for row in rows for each in _campaign_date(row))
    found.extend(each for row in rows for each in _rollout_outcome(row))
    people = report.get("identity_center")
    found.extend(_identity_center_mfa(person) for person in (people["users"] if people else []))
    return found


_ENROL = "Enrol the user with the role hwc.mfa.mfa_rollout, or the user binds a virtual MFA device and an administrator sets login protection to vmfa."
_PROTECT = "Set login protection to vmfa, with the role hwc.mfa.mfa_rollout or the module hwc.mfa.iam_login_protection."
_BIND = "The user binds a virtual MFA device at the next login, or the role hwc.mfa.mfa_rollout does with mfa_rollout_strategy=enrol."
_LOOK = "Look at the device in the console, or enrol the user with a seed store, which notes what was bound."
_LOOK_AGAIN = "Run hwc.mfa.audit."

BY_POSTURE = {
    PROTECTED: (PASS, "has a bound device and is asked for its code at each login", ""),
    NOT_NEEDED: (NOT_APPLICABLE, "cannot log in to the console", ""),
    DISABLED: (NOT_APPLICABLE, "is disabled", ""),
    UNKNOWN: (UNCERTAIN, "is asked for a code, and the cloud does not tell whether a virtual device is bound", _LOOK),
    ENROLLED_ONLY: (FAIL, "has a bound device and is not asked for its code", _PROTECT),
    REQUIRED_ONLY: (FAIL, "is asked for a code and has no bound device", _BIND),
    UNPROTECTED: (FAIL, "logs in to the console without a code of a device", _ENROL),
}
"""What a posture means for a user of whom nothing else is said: a status, the reason, and what to do."""

_BY_ROOT = {
    "yes": (PASS, "has an MFA device", ""),
    "no": (FAIL, "has no MFA device", "Log in as the root user and bind an MFA device. No administrator can do it for them."),
    UNKNOWN: (UNCERTAIN, "the cloud does not tell whether it has an MFA device", "Look at it in the console as the root user."),
}


def _user_mfa(row: Entry, seen_after: bool) -> Finding:
    posture = row["after"]["posture"]
    if posture is None and seen_after:
        status, reason, remediation = NOT_APPLICABLE, "is no longer listed", ""
    elif posture is None:
        was = BY_POSTURE[row["before"]["posture"]]
        status, reason, remediation = UNCERTAIN, f"nobody could look afterwards; before, the user {was[1]}", _LOOK_AGAIN
    else:
        status, reason, remediation = BY_POSTURE[posture]
    until = None
    if status in (FAIL, UNCERTAIN) and row["exempt"] is not None:
        status, reason, until = MUTED, f"exempt: {row['exempt']}; {reason}", row["exempt_until"]
    elif status == FAIL and row["campaign"] == SCHEDULED:
        status, reason, until = MUTED, f"MFA is enforced from {row['not_before']} on; {reason}", row["not_before"]
    return _of_user(USER_MFA, row, status, reason, until, remediation)


def _root_mfa(report: Entry) -> Finding:
    root, cloud = report["root"] or {}, report["cloud_account"]
    status, reason, remediation = _BY_ROOT.get(str(root.get("mfa")), _BY_ROOT[UNKNOWN])
    subject_id = root.get("user_id") or cloud["id"] or report["account"]
    name = root.get("name") or cloud["name"] or report["account"]
    return Finding(ROOT_MFA, ROOT, str(subject_id), str(name), status, reason, None, remediation)


def _campaign_date(row: Entry) -> Iterator[Finding]:
    date = row["not_before"]
    if date is None:
        return
    if row["campaign"] == OVERDUE:
        yield _of_user(
            CAMPAIGN_DATE, row, FAIL, f"overdue: MFA is due since {date}", None, "Run the rollout, or give the user another date."
        )
    elif row["campaign"] in (DUE, SCHEDULED):
        yield _of_user(CAMPAIGN_DATE, row, PASS, f"{row['campaign']}: MFA is enforced from {date} on")
    else:
        yield _of_user(CAMPAIGN_DATE, row, PASS, f"done; the date is {date}")


def _rollout_outcome(row: Entry) -> Iterator[Finding]:
    if row["outcome"] == "done":
        yield _of_user(ROLLOUT_OUTCOME, row, PASS, "all steps succeeded")
    elif row["outcome"] in ("failed", "not_reached"):
        yield _of_user(ROLLOUT_OUTCOME, row, FAIL, str(row["reason"]), None, "Fix what the reason names, and run the rollout again.")


_REGISTER = (
    "The user registers a device at the address that the module hwc.mfa.identity_center_user_mfa_device returns with state=register,"
    " or at the next sign-in, if no_mfa_signin_behavior is ALLOWED_WITH_ENROLLMENT."
)


def _identity_center_mfa(person: Entry) -> Finding:
    if person["enabled"] is False:
        status, reason, remediation = NOT_APPLICABLE, "is disabled", ""
    elif person["devices"]:
        status, reason, remediation = PASS, "has an MFA device", ""
    else:
        status, reason, remediation = FAIL, "has no MFA device", _REGISTER
    return Finding(
        IDENTITY_CENTER_MFA, PERSON, str(person["user_id"]), str(person["name"] or person["user_id"]), status, reason, None, remediation
    )


def _of_user(control: Control, row: Entry, status: str, reason: str, until: str | None = None, remediation: str = "") -> Finding:
    user_id, name = row["user_id"], row["name"]
    return Finding(control, USER, str(user_id or name), str(name or user_id), status, reason, until, remediation)
