# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role's variables come to: pure decisions.

They are made once a run and given to all tasks. A variable of the role that is made of other variables is made anew by every task that mentions
it, in a process that has compiled none of its templates.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._auth.agency import OPTION as AGENCY
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.account_options import ACCOUNT_OPTIONS, PREFIX
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.preflight import is_true
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import ENROL, PRESENT, REQUIRE, Terms
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.chosen import SERVICES

NO_STORE, FILES, TASKS = "none", "files", "tasks"
"""Where seeds are kept, besides ``SERVICES``: nowhere, in files of the control node, by tasks of the operator."""

REPORTS = "reports"
"""Where the lock is if there is no store: beside the reports."""

AGENCY_VARIABLES = {
    "agency_name": "HWC_AGENCY_NAME",
    "domain_name": "HWC_AGENCY_DOMAIN_NAME",
    "domain_id": "HWC_AGENCY_DOMAIN_ID",
    "agency_urn": "HWC_AGENCY_URN",
    "external_id": "HWC_AGENCY_EXTERNAL_ID",
    "duration": "HWC_AGENCY_DURATION",
}
"""What a credential of AWX says of the agency by which the job works in other accounts. An empty variable is one that is not set."""

_OWN_CREDENTIALS = frozenset({"access_key", "auth_token", "auth_username", "auth_user_id", "cloud"})
_OF_THE_ACCOUNT = frozenset({"domain_name", "domain_id", "duration"})
"""What a host may say of an agency without naming one of its own."""

_LONGEST_NAME = 64


def settings(
    variables: Mapping[str, Any], environ: Mapping[str, str], *, audit_only: bool, in_awx: bool, check_mode: bool
) -> dict[str, Any]:
    """What all tasks of a run go by, from the role's variables as ``wrong_values`` has found them right. There is no secret in it."""
    values = {name.removeprefix(PREFIX): value for name, value in variables.items()}
    store, lock = _store(values), _lock(values)
    return {
        "check_mode": check_mode,
        "in_awx": in_awx,
        "agency": agency(values.get("auth"), values.get("auth_from_environment", False), environ),
        "terms": {**{term.name: values[term.name] for term in fields(Terms) if term.name in values}, "audit_only": audit_only},
        "store": store,
        "lock": lock,
        "report_dir": str(values.get("report_dir") or ""),
        "lock_dir": _lock_directory(values, lock),
        "unlocked": lock == NO_STORE or (lock in (FILES, REPORTS) and in_awx and not is_true(values.get("seed_store_persistent", False))),
        "record_dir": str(
            (values.get("seed_store_dir") if store == FILES else "") or values.get("report_dir") or values.get("seed_store_dir") or ""
        ),
        "record_in_store": store == FILES,
        # Who reads the record fills it in.
        "lifted": {},
        "sets_account": not audit_only and values.get("state", PRESENT) == PRESENT and any(values.get(name) for name in ACCOUNT_OPTIONS),
        "artifact_key": artifact_key(str(values.get("account", ""))),
    }


def _service(values: Mapping[str, Any]) -> str | None:
    return values["seed_store"] if values.get("seed_store") in SERVICES else None


def _store(values: Mapping[str, Any]) -> str:
    if values.get("strategy", REQUIRE) != ENROL:
        return NO_STORE
    if values.get("seed_store_tasks"):
        return TASKS
    return _service(values) or (FILES if values.get("seed_store_dir") else NO_STORE)


def _lock(values: Mapping[str, Any]) -> str:
    """Every run looks at the same place, whatever its strategy: a rollout and a roll-back exclude each other."""
    if values.get("seed_store_tasks"):
        return TASKS
    return _service(values) or (FILES if values.get("seed_store_dir") else REPORTS if values.get("report_dir") else NO_STORE)


def _lock_directory(values: Mapping[str, Any], lock: str) -> str:
    return str(values["seed_store_dir"]) if lock == FILES else f"{values['report_dir']}/.locks" if lock == REPORTS else ""


def agency(auth: Any, from_environment: Any, environ: Mapping[str, str]) -> dict[str, Any]:
    """The option ``assume_agency`` that a credential of AWX adds to what a host says, or nothing.

    It is for hosts that name no credentials and no agency, and are not the credentials' own account. One that names its account in
    ``assume_agency`` gets the agency's name alone.
    """
    given = {option: environ[name] for option, name in AGENCY_VARIABLES.items() if environ.get(name)}
    own = (auth.get(AGENCY) or {}) if isinstance(auth, Mapping) else None
    if not given or not isinstance(own, Mapping) or is_true(from_environment):
        return {}
    if _OWN_CREDENTIALS & _said(auth) or _said(own) - _OF_THE_ACCOUNT:
        return {}
    own = {name: own[name] for name in _said(own)}
    if own:
        given = {option: value for option, value in given.items() if option in ("agency_name", "duration")}
    return {AGENCY: {**given, **own}}


def _said(options: Mapping[str, Any]) -> set[str]:
    """The options that are given. An empty one is not."""
    return {name for name, value in options.items() if value not in (None, "")}


def artifact_key(account: str) -> str:
    """The variable in which a job of AWX leaves what came of an account. Names that differ only in what no variable can have get different keys."""
    safe = re.sub(r"[^A-Za-z0-9_]", "_", account)[:_LONGEST_NAME]
    return f"acct_{safe}" if safe == account else f"acct_{safe}_{hashlib.sha256(account.encode('utf-8')).hexdigest()[:8]}"
