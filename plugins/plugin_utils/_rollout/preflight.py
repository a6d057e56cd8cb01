# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with the variables of a rollout, before the cloud is asked: pure decisions. Each cause is one sentence that says what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, Callable

from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.hwc.mfa.plugins.module_utils._auth.agency import OPTION as AGENCY
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import legible
from ansible_collections.hwc.mfa.plugins.module_utils._runner.validation import OptionsValidator
from ansible_collections.hwc.mfa.plugins.plugin_utils._control import texts
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.files import file_name
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.vault_password import as_vault_takes
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.account_options import PREFIX, wrong_credentials, wrong_options
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.campaign import time_in
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.evidence import formats_in
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.input import more_exempt_in, named_in, users_in
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import (
    ENROL,
    EVERYBODY,
    REQUIRE,
    RESET,
    ROTATED,
    PlanError,
    days_in,
    selection_in,
    sizes_in,
    whole_in,
)
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.verdict import CENTER, FAIL_ON_VARIABLE, FAIL_UNDER, demands_in, per_cent_in
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.account_file import taken_ending
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.chosen import SERVICES

VARIABLES = tuple(
    PREFIX + name
    for name in (
        "account",
        "account_id",
        "auth",
        "auth_from_environment",
        "concurrency",
        "details",
        "exempt",
        "exempt_also",
        "exempt_strict",
        "identity_center",
        "identity_center_audit",
        "login_policy",
        "login_protection",
        "max_failures",
        "new_user_grace_days",
        "not_before",
        "operation_protection",
        "prove_login",
        "purge_leavers",
        "replace_unbound",
        "report_dir",
        "report_formats",
        "rollback_all",
        "rotate_before",
        "secure_logging",
        "seed_store",
        "seed_store_csms",
        "seed_store_dir",
        "seed_store_hashi_vault",
        "seed_store_password",
        "seed_store_persistent",
        "seed_store_tasks",
        "select",
        "state",
        "strategy",
        "users",
        "wave_sizes",
    )
)
"""The variables that the role takes, as meta/argument_specs.yml has them."""

STORE_PASSWORD = f"{PREFIX}seed_store_password"

AUDIT_PREFIX = "mfa_audit_"
AUDIT_VARIABLES = (FAIL_UNDER, FAIL_ON_VARIABLE)
"""Those that only its audit takes."""

HANDOVER_PREFIX = "mfa_handover_"
HANDOVER_VARIABLES = tuple(
    HANDOVER_PREFIX + name
    for name in (
        "dir",
        "formats",
        "issuer",
        "keepass_password",
        "login_url",
        "overwrite",
        "password",
        "persistent",
        "user",
        "users",
    )
)
"""Those that only its hand-over takes."""

_FAMILIES = {PREFIX: VARIABLES, AUDIT_PREFIX: AUDIT_VARIABLES, HANDOVER_PREFIX: HANDOVER_VARIABLES}

_GIVEN = tuple(
    PREFIX + name for name in ("handover", "report", "store_account", "store_action", "store_entries", "store_loaded", "store_users")
)
"""What the role sets for playbooks and for an operator's own store."""


_OF_PLAYBOOKS = ("mfa_dry_run", "mfa_hosts")
"""What the playbooks take besides. Without them, a preview is a rollout, and one account is all."""

_MISSPELT = 0.9
"""From which likeness on another name is one of these misspelt: an operator's own variables can begin with ``mfa_`` too."""


def unknown_variables(names: Iterable[str]) -> list[str]:
    """A sentence for each variable that looks like one of the role's and is none. Its value may be a secret and is not told."""
    known = {*chain.from_iterable(_FAMILIES.values()), *_GIVEN}
    causes, names = [], list(names)
    for name in sorted(name for name in names if name.startswith(tuple(_FAMILIES)) and name not in known):
        prefix, others = next((prefix, others) for prefix, others in _FAMILIES.items() if name.startswith(prefix))
        near = difflib.get_close_matches(name.removeprefix(prefix), [other.removeprefix(prefix) for other in others], 1)
        advice = f"did you mean {prefix}{near[0]}?" if near else "ansible-doc -t role hwc.mfa.mfa_rollout shows those that there are."
        causes.append(f"{legible(name, 80)} is no variable of the role: {advice}")
    for name in sorted(name for name in names if name[:4].casefold() == "mfa_" and name not in _OF_PLAYBOOKS):
        causes += [
            f"{legible(name, 80)} is no variable of the playbooks: did you mean {near}?"
            for near in difflib.get_close_matches(name.casefold(), _OF_PLAYBOOKS, 1, _MISSPELT)
        ]
    return causes


def wrong_state(variables: Mapping[str, Any], only: str | None) -> Iterator[str]:
    """A sentence where a playbook that is for one state only would bring about another one."""
    state = variables.get(f"{PREFIX}state")
    if only and state != only:
        yield (
            f"This playbook is for {PREFIX}state={only}, and {PREFIX}state is {legible(state, 80)}, which extra variables (-e) or the survey of a"
            f" job template set: leave it out of them."
        )


def wrong_types(options: Mapping[str, Mapping[str, Any]], variables: Mapping[str, Any]) -> list[str]:
    """What ansible-core finds wrong with variables by the role's argument specs: types and choices.

    Core's own task for that takes three quarters of a second for 10,000 users, since it looks at all of them. So the playbooks leave it out.
    """
    given = {name: value for name, value in variables.items() if name in options}
    # Core makes a text of anything: a list of one task file would become its name with brackets.
    shapes = [
        f"{name} must be one text, and is {kind}."
        for name, value in given.items()
        if (kind := _other_than_text(options[name].get("type"), value))
    ]
    return shapes + [str(cause) for cause in OptionsValidator(options).validate(given).error_messages]


def _other_than_text(kind: Any, value: Any) -> str | None:
    """What a value is that should be a text; None where it can be one. A name can be a number, and a path cannot."""
    if kind not in ("str", "path"):
        return None
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    return "no text" if kind == "path" and isinstance(value, (bool, int, float)) else None


def wrong_values(
    variables: Mapping[str, Any],
    audit_only: bool,
    in_awx: bool,
    environ: Mapping[str, str] | None = None,
    defaults: Mapping[str, Any] | None = None,
) -> Iterator[str]:
    """A sentence for each thing that is wrong with the variables' values, without a secret. Of the users some are enough.

    ``environ`` is the environment that the role's tasks see, and ``defaults`` are the credentials in the play's ``module_defaults``.
    """
    values = {name.removeprefix(PREFIX): value for name, value in variables.items()}
    yield from _wrong_auth(values.get("auth", {}))
    if "account" in values:
        yield from _wrong_account(str(values["account"] or ""))
    yield from wrong_options(values, environ or {}, defaults or {})
    enrols = values.get("strategy", REQUIRE) == ENROL
    yield from _wrong_forms(values, enrols, audit_only)
    yield from _wrong_states(values, enrols, audit_only)
    if _whole(values.get("max_failures", 0), 0, None) is None:
        yield f"{PREFIX}max_failures must be a whole number from 0 on."
    if _whole(values.get("concurrency", 1), 1, 256) is None:
        yield f"{PREFIX}concurrency must be from 1 to 256."
    if enrols:
        yield from _wrong_store(values, audit_only, in_awx)


def _wrong_auth(auth: Any) -> Iterator[str]:
    if not isinstance(auth, Mapping):
        yield f"{PREFIX}auth must be a mapping of options, and not a text or a list."
        return
    if auth.get("auth_passcode"):
        yield (
            f"{PREFIX}auth has auth_passcode. A code works once, and each of the role's tasks logs in: give auth_token, or access_key and"
            " secret_key."
        )
    elif isinstance(auth.get(AGENCY), Mapping) and auth[AGENCY].get("token_code"):
        yield (
            f"{PREFIX}auth has {AGENCY}.token_code. A code works once, and each of the role's tasks assumes the agency: let the agency trust"
            " credentials that need no code."
        )
    yield from wrong_credentials(auth)


def _wrong_account(account: str) -> Iterator[str]:
    try:
        file_name(account)
    except ValueError as error:
        yield f"{PREFIX}{error}"
    ending = taken_ending(account)
    if ending is not None:
        yield (
            f"{PREFIX}account is {legible(account, 255)}, and must not end in {ending}, as the names of files of reports and records do. Set"
            f" it to another name, and rename its directory in {PREFIX}seed_store_dir if it has one."
        )


_FORMS: Mapping[str, Callable[[Any], Any]] = {
    "users": users_in,
    "exempt": lambda value: named_in(value, f"{PREFIX}exempt"),
    "exempt_also": more_exempt_in,
    "wave_sizes": sizes_in,
    "not_before": lambda value: time_in(value, f"{PREFIX}not_before"),
    "rotate_before": lambda value: time_in(value, f"{PREFIX}rotate_before"),
    "new_user_grace_days": days_in,
    "report_formats": formats_in,
    "select": selection_in,
    FAIL_UNDER: per_cent_in,
    FAIL_ON_VARIABLE: demands_in,
}
"""What reads a variable that a type does not describe, or raises PlanError."""


def _wrong_forms(values: Mapping[str, Any], enrols: bool, audit_only: bool) -> Iterator[str]:
    for name, form in _FORMS.items():
        try:
            found = form(values[name]) if name in values else None
        except PlanError as error:
            yield str(error)
            continue
        # Without the variable, it is everybody. An empty list is nobody, as in an account that has no service users.
        if name == "users" and found in (None, EVERYBODY) and enrols and values.get("state") != "absent" and not audit_only:
            yield f"With {PREFIX}strategy=enrol, {PREFIX}users must name the users."
        elif name == "users" and found in (None, EVERYBODY) and values.get("state") == RESET and not audit_only:
            yield f"With {PREFIX}state=reset, {PREFIX}users must name the users."
        elif name == FAIL_ON_VARIABLE and CENTER in (found or ()) and audit_only and not is_true(values.get("identity_center_audit")):
            yield f"{FAIL_ON_VARIABLE} has {CENTER}, and nobody looks there: set {PREFIX}identity_center_audit=true."


def _wrong_states(values: Mapping[str, Any], enrols: bool, audit_only: bool) -> Iterator[str]:
    state = values.get("state")
    if state == ROTATED and not enrols:
        yield f"{PREFIX}state=rotated goes with {PREFIX}strategy=enrol: with require, users keep the seeds themselves, so there is nothing to rotate."
    if state in (RESET, ROTATED) and not audit_only and not values.get("report_dir") and not values.get("seed_store_dir"):
        yield f"{PREFIX}state={state} lifts login protection for a moment, and keeps in a file that it must come back: give {PREFIX}report_dir."


def _wrong_store(values: Mapping[str, Any], audit_only: bool, in_awx: bool) -> Iterator[str]:
    for service in SERVICES:
        if not isinstance(values.get(f"seed_store_{service}", {}), Mapping):
            yield f"{PREFIX}seed_store_{service} must be a mapping of options, and not a text or a list."
    if values.get("seed_store_tasks") or values.get("seed_store") in SERVICES:
        return
    if not values.get("seed_store_dir"):
        if values.get("state") != "absent" and not audit_only:
            yield (
                f"With {PREFIX}strategy=enrol seeds need a place, since each is shown once: give {PREFIX}seed_store_dir and"
                f" {PREFIX}seed_store_password, or {PREFIX}seed_store=hashi_vault or csms, or {PREFIX}seed_store_tasks."
            )
        return
    password = values.get("seed_store_password")
    if not password or not as_vault_takes(str(password)):
        yield f"{STORE_PASSWORD} is empty: give the vault password of the seeds in {PREFIX}seed_store_dir."
    wrong = texts.sentence(texts.not_text({STORE_PASSWORD: {"type": "str"}}, {STORE_PASSWORD: password}))
    if wrong is not None:
        yield wrong
    if in_awx and not audit_only and not is_true(values.get("seed_store_persistent")):
        yield (
            f"The disk of an AWX job goes away with the job, and the seeds on it. Set {PREFIX}seed_store_persistent=true if"
            f" {PREFIX}seed_store_dir is a mount that stays, or give {PREFIX}seed_store=hashi_vault or csms."
        )


def changes_each_time(variables: Mapping[str, Any], again: Callable[[], Any]) -> Iterator[str]:
    """A sentence, without a secret, where the store's password comes to another value each time that ``again`` asks for it.

    No task could read what the one before it has stored.
    """
    values = {name.removeprefix(PREFIX): value for name, value in variables.items()}
    files = values.get("strategy", REQUIRE) == ENROL and values.get("seed_store_dir") and values.get("seed_store") not in SERVICES
    # What is given may be of another type than what a template comes to.
    if files and not values.get("seed_store_tasks") and again() != again():
        yield f"{STORE_PASSWORD} has another value in each task: give it a fixed one."


def warnings_of(variables: Mapping[str, Any], audit_only: bool) -> list[str]:
    """What the user should know, though nothing is wrong."""
    values = {name.removeprefix(PREFIX): value for name, value in variables.items()}
    places = any(values.get(name) for name in ("report_dir", "seed_store_dir"))
    takes_back = values.get("state") == "absent" and values.get("strategy", REQUIRE) == REQUIRE
    if takes_back and not places and not audit_only and not is_true(values.get("rollback_all")):
        return [
            f"Neither {PREFIX}report_dir nor {PREFIX}seed_store_dir is set, so no record tells which login protection a rollout has set,"
            f" and none will be lifted. Set what the rollout had, or {PREFIX}rollback_all=true."
        ]
    return []


def is_true(value: Any) -> bool:
    """Whether a flag is set, as Ansible's filter ``bool`` sees it: what is no word for yes is no."""
    try:
        return bool(boolean(value))
    except TypeError:
        return False


def _whole(value: Any, least: int, most: int | None) -> int | None:
    number = whole_in(value)
    return number if number is not None and number >= least and (most is None or number <= most) else None
