# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The decisions of the role mfa_rollout: who belongs to which wave, what is sent for a wave, what came of it, and the report. All pure."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import json_text, legible

REQUIRE, ENROL = "require", "enrol"
CREATE, BIND, PROTECT, PROVE, UNPROTECT, REMOVE = "create", "bind", "protect", "prove", "unprotect", "remove"

CONFIRM = "confirm"
"""The look at the cloud between binding and protecting, where the cloud can tell."""

VERIFY = "verify"
"""The step at which a user fails whom the cloud does not show as he should be, though all calls succeeded."""

TODO, ALREADY, LEFT_ALONE, PROBLEM = "todo", "already", "left_alone", "problem"
"""What a plan makes of a user: something is to be done; all is so already; he is not to be touched; he was named and cannot be brought along."""

_OWN_CREDENTIALS = ("auth_password", "auth_token", "access_key", "secret_key", "security_token", "auth_domain_name", "auth_passcode")
_KEYS = ("user_id", "name", "device_name", *_OWN_CREDENTIALS)

Entry = Mapping[str, Any]


class PlanError(ValueError):
    """The input of a plan is wrong. The text names the role's variable."""


@dataclass(frozen=True)
class Terms:
    """What a plan is made under, as the role's variables say it."""

    strategy: str = REQUIRE
    state: str = "present"
    login_protection: bool = True
    wave_sizes: Sequence[int] = (1, 10, 100, 1000)
    prove_login: bool = False


def terms_of(terms: Mapping[str, Any]) -> Terms:
    """Terms from the mapping that the role hands around; what is missing has its default."""
    default = Terms()
    sizes = terms.get("wave_sizes", default.wave_sizes)
    return Terms(
        str(terms.get("strategy", default.strategy)),
        str(terms.get("state", default.state)),
        bool(terms.get("login_protection", default.login_protection)),
        # What is no list is refused where the plan is made, with the words for it.
        list(sizes) if isinstance(sizes, (list, tuple)) else [],
        bool(terms.get("prove_login", default.prove_login)),
    )


def make_plan(
    wanted: Sequence[Entry],
    audit: Entry,
    terms: Terms,
    exempt: Sequence[Any] = (),
    stored: Mapping[str, Entry] | None = None,
    intents: Iterable[str] = (),
    auth: Entry | None = None,
    store_known: bool = True,
    audit_only: bool = False,
) -> dict[str, Any]:
    """Who belongs to which wave, and why not.

    ``wanted`` are the users of the role's variable (empty: every user), ``audit`` is the result of iam_mfa_info, ``stored`` maps user ids to
    stored seeds, ``intents`` are users for whom an earlier run was about to create a device, ``auth`` are the play's own credentials. With
    ``audit_only`` nobody needs credentials of his own, since nobody will be bound.
    Returns ``waves`` (lists of entries with their ``steps`` and their ``index`` in ``wanted``), ``users`` (everybody's ``fate`` and
    ``reason``), ``warnings``, and ``lines`` for a person. No secret is in it.
    """
    _check(terms)
    by_id = {str(user["user_id"]): user for user in audit["users"]}
    by_name: dict[str, Entry] = {}
    for user in audit["users"]:
        by_name.setdefault(str(user["name"]), user)
    exemptions, warnings = _exemptions(exempt, by_id, by_name)
    caller = audit.get("caller")
    administrators = audit.get("administrators")
    if caller is None:
        warnings.append("The cloud does not tell which user the play runs as: name him in mfa_rollout_exempt.")
        if administrators is None:
            warnings.append(
                "The cloud does not tell who administers the account: name an administrator in mfa_rollout_exempt, as a way in."
            )
    fates: list[dict[str, Any]] = []
    entries: list[dict[str, Any]] = []
    taken: set[str] = set()
    intended = set(intents)
    if not isinstance(wanted, (list, tuple)):
        raise PlanError("mfa_rollout_users must be a list of mappings, each with user_id or name.")
    for index, asked in enumerate(wanted or [{"user_id": user["user_id"]} for user in audit["users"]]):
        user = _find(asked, by_id, by_name)
        if user is None:
            named = {"user_id": asked.get("user_id"), "name": asked.get("name")}
            fates.append({**named, "fate": PROBLEM, "reason": "no such user in this account"})
            continue
        unknown = sorted(str(key) for key in asked if key not in _KEYS)
        if unknown:
            raise PlanError(f"mfa_rollout_users: user {user['name']} has {', '.join(unknown)}; a user can have {', '.join(_KEYS)}.")
        user_id = str(user["user_id"])
        if user_id in taken:
            raise PlanError(f"mfa_rollout_users names user {user['name']} ({user_id}) twice.")
        taken.add(user_id)
        fate, reason, entry = _decide(
            asked,
            user,
            terms,
            exemption=exemptions.get(user_id),
            is_caller=_is_caller(asked, user, caller, auth or {}),
            seed=(stored or {}).get(user_id),
            intended=user_id in intended,
            store_known=store_known,
            audit_only=audit_only,
        )
        fates.append({"user_id": user_id, "name": user["name"], "fate": fate, "reason": reason})
        if entry is not None:
            entries.append({**entry, "index": index})
    if terms.state == "present":
        enabled = [by_id[user_id] for user_id in administrators or [] if by_id.get(user_id, {}).get("enabled")]
        ways_in = {user["user_id"] for user in enabled if user["user_id"] in exemptions or _is_caller({}, user, caller, auth or {})}
        _spare_the_last(enabled, ways_in, fates, entries)
    plan: dict[str, Any] = {"waves": _waves(entries, terms.wave_sizes), "users": fates, "warnings": warnings}
    return {**plan, "lines": plan_lines(plan)}


def _check(terms: Terms) -> None:
    if terms.strategy not in (REQUIRE, ENROL):
        raise PlanError("mfa_rollout_strategy must be require or enrol.")
    if terms.state not in ("present", "absent"):
        raise PlanError("mfa_rollout_state must be present or absent.")
    sizes = terms.wave_sizes
    if not sizes or not all(isinstance(size, int) and not isinstance(size, bool) and size > 0 for size in sizes):
        raise PlanError("mfa_rollout_wave_sizes must be a list of whole numbers above 0, such as [1, 10, 100, 1000].")


_CALLER = "the play runs as this user"
_LAST = "the last administrator who logs in without a device: name another one in mfa_rollout_exempt, as a way in, to bring him along"


def _spare_the_last(administrators: Sequence[Entry], ways_in: set[str], fates: list[dict[str, Any]], entries: list[dict[str, Any]]) -> None:
    """Leave one administrator as he is where a plan would touch all of them; ``ways_in`` are those who are not touched whatever is planned.

    It is not asked whether the others can log in: whoever is spared is the same in the next run, when the others have been brought along.
    """
    planned = {entry["user_id"]: entry for entry in entries}
    touched = [user["user_id"] for user in administrators if user["user_id"] in planned]
    if not touched or ways_in or any(user["user_id"] not in planned and _untouched(user) for user in administrators):
        return
    entries.remove(planned[touched[0]])
    for fate in fates:
        if fate["user_id"] == touched[0]:
            fate.update(fate=LEFT_ALONE, reason=_LAST)


def _untouched(user: Entry) -> bool:
    """Whether a user logs in as if there had never been a rollout."""
    return not _vmfa(user) and user["device"] is None


def _exemptions(exempt: Sequence[Any], by_id: Mapping[str, Entry], by_name: Mapping[str, Entry]) -> tuple[dict[str, str], list[str]]:
    found: dict[str, str] = {}
    warnings: list[str] = []
    for item in exempt:
        if not isinstance(item, Mapping) or not (item.get("user_id") or item.get("name")):
            raise PlanError("mfa_rollout_exempt must be a list of mappings, each with user_id or name, and a reason.")
        user = _find(item, by_id, by_name)
        if user is None:
            named = legible(item.get("user_id") or item.get("name"))
            warnings.append(f"mfa_rollout_exempt names {named}, who is no user of this account.")
        else:
            found[str(user["user_id"])] = str(item.get("reason") or "no reason given")
    return found, warnings


def _find(asked: Any, by_id: Mapping[str, Entry], by_name: Mapping[str, Entry]) -> Entry | None:
    if not isinstance(asked, Mapping):
        raise PlanError("mfa_rollout_users must be a list of mappings, each with user_id or name.")
    if asked.get("user_id"):
        return by_id.get(str(asked["user_id"]))
    if asked.get("name"):
        return by_name.get(str(asked["name"]))
    raise PlanError("mfa_rollout_users must be a list of mappings, each with user_id or name.")


def _is_caller(asked: Entry, user: Entry, caller: Entry | None, auth: Entry) -> bool:
    """Whether the play itself runs as this user: by what the cloud says, by the login, or by the very credentials."""
    if caller and (caller.get("user_id") == user["user_id"] or (not caller.get("user_id") and caller.get("name") == user["name"])):
        return True
    if auth.get("auth_user_id") == user["user_id"] or (auth.get("auth_username") and auth["auth_username"] == user["name"]):
        return True
    return any(auth.get(secret) and auth[secret] == asked.get(secret) for secret in ("access_key", "auth_token"))


def _decide(
    asked: Entry,
    user: Entry,
    terms: Terms,
    *,
    exemption: str | None,
    is_caller: bool,
    seed: Entry | None,
    intended: bool,
    store_known: bool,
    audit_only: bool,
) -> tuple[str, str, dict[str, Any] | None]:
    """One user's fate, its reason, and where there is something to do, his entry in a wave."""
    if exemption is not None:
        return LEFT_ALONE, f"exempt: {exemption}", None
    if is_caller:
        return LEFT_ALONE, _CALLER, None
    if terms.state == "absent":
        steps, reason = _steps_back(user, terms, seed, intended, store_known)
    elif not user["enabled"]:
        return LEFT_ALONE, "the user is disabled", None
    elif terms.strategy == REQUIRE:
        steps, reason = ([] if _vmfa(user) else [PROTECT]), ""
    else:
        steps, reason = _steps_enrol(user, terms, seed, intended)
        if terms.prove_login and asked.get("auth_password") and not reason and not _proven(user, seed, steps):
            steps.append(PROVE)
        if BIND in steps and not audit_only and not any(asked.get(name) for name in ("auth_password", "auth_token", "access_key")):
            return (
                PROBLEM,
                "no credentials of his own, and only the user himself may bind: give auth_password, auth_token or access_key/secret_key",
                None,
            )
    if reason:
        return LEFT_ALONE, reason, None
    if not steps:
        return ALREADY, "", None
    entry = {
        "user_id": str(user["user_id"]),
        "name": user["name"],
        "device_name": asked.get("device_name"),
        "steps": steps,
        "presume_unbound": intended and CREATE in steps,
    }
    return TODO, "", entry


def _vmfa(user: Entry) -> bool:
    return user["login_protection"]["enabled"] and user["login_protection"]["verification_method"] == "vmfa"


def _accounted(user: Entry, seed: Entry | None) -> bool:
    """Whether the seed of the user's device is stored."""
    return seed is not None and user["device"] is not None and seed.get("serial_number") == user["device"]["serial_number"]


def certainly_bound(user: Entry, seed: Entry | None) -> bool:
    """Whether the user's device is bound for sure: the cloud says so, or where it cannot tell, an earlier run saw it and wrote it down."""
    if user["device"] is None:
        return False
    if user["device"]["binding"] == "unknown":
        return seed is not None and _accounted(user, seed) and bool(seed.get("bound"))
    return user["device"]["binding"] == "bound"


def _proven(user: Entry, seed: Entry | None, steps: Sequence[str]) -> bool:
    """Whether the user has logged in with the stored seed, or nobody can prove that he does, because the seed of his device is his own."""
    if seed is None or not _accounted(user, seed):
        return CREATE not in steps
    return BIND not in steps and bool(seed.get("proven"))


def _steps_enrol(user: Entry, terms: Terms, seed: Entry | None, intended: bool) -> tuple[list[str], str]:
    protect = [PROTECT] if terms.login_protection and not _vmfa(user) else []
    if user["device"] is None:
        return [CREATE, BIND, *protect], ""
    if certainly_bound(user, seed):
        return protect, ""
    if _accounted(user, seed):
        return [BIND, *protect], ""
    if user["device"]["binding"] == "unbound" or intended:
        return [CREATE, BIND, *protect], ""
    return [], "has a device whose seed is not stored, and this cloud cannot tell whether it is bound"


def _steps_back(user: Entry, terms: Terms, seed: Entry | None, intended: bool, store_known: bool) -> tuple[list[str], str]:
    # Protection by message or mail is none that a rollout has set.
    unprotect = [UNPROTECT] if _vmfa(user) else []
    if terms.strategy == REQUIRE or user["device"] is None:
        return unprotect, ""
    if store_known and not _accounted(user, seed) and not intended:
        return [], "has a device that this rollout did not make"
    return [*unprotect, REMOVE], ""


def _waves(entries: list[dict[str, Any]], sizes: Sequence[int]) -> list[list[dict[str, Any]]]:
    waves: list[list[dict[str, Any]]] = []
    start = 0
    while start < len(entries):
        size = sizes[min(len(waves), len(sizes) - 1)]
        waves.append(entries[start : start + size])
        start += size
    return waves


def own_credentials(wave: Sequence[Entry], users: Sequence[Entry]) -> dict[str, dict[str, Any]]:
    """The credentials that the role's variable ``users`` gives for the users of a wave, by user id.

    Of ``users`` only the wave's are looked at, unless the list is no longer in the order in which it was planned: to look at one entry of a
    variable costs Ansible as much as a call to the cloud.
    """
    found = {}
    for entry in wave:
        asked = users[entry["index"]] if entry["index"] < len(users) else {}
        if not _is_for(asked, entry):
            asked = next((user for user in users if _is_for(user, entry)), {})
        found[entry["user_id"]] = {name: asked[name] for name in _OWN_CREDENTIALS if asked.get(name)}
    return found


def _is_for(asked: Entry, entry: Entry) -> bool:
    if asked.get("user_id"):
        return bool(str(asked["user_id"]) == entry["user_id"])
    return bool(asked.get("name") and str(asked["name"]) == entry["name"])


def items_for(
    wave: Sequence[Entry],
    step: str,
    credentials: Mapping[str, Entry] | None = None,
    stored: Mapping[str, Entry] | None = None,
    results: Mapping[str, Entry] | None = None,
    read_back: bool = False,
) -> list[dict[str, Any]]:
    """The items of the bulk call that takes one ``step`` for a wave.

    ``credentials`` are those of ``own_credentials``; ``stored`` are the seeds of the store, and ``results`` those of the wave's earlier
    steps. Only users whose seed is known are bound, with ``read_back`` only those for whom the store has shown it, and only users whose
    binding is certain are protected.
    """
    if step not in _ORDER:
        raise PlanError(f"no step is called {step!r}.")
    new = new_seeds(wave, results or {})
    seeds = {**(stored or {}), **new}
    certain = _bound_now(results or {})
    protected = _protected_now(results or {})
    items: list[dict[str, Any]] = []
    for entry in wave:
        if step not in entry["steps"]:
            continue
        user_id = entry["user_id"]
        own = (credentials or {}).get(user_id, {})
        if step == CREATE:
            items.append({"user_id": user_id, "name": entry["device_name"], "presume_unbound": entry["presume_unbound"], **own})
        elif step == BIND and user_id in seeds and (not read_back or _has(stored, user_id, new.get(user_id))):
            seed = {name: seeds[user_id][name] for name in ("serial_number", "seed")}
            items.append({"user_id": user_id, **seed, "presume_unbound": user_id in new, **own})
        elif step == PROTECT and (BIND not in entry["steps"] or user_id in certain):
            items.append({"user_id": user_id, "enabled": True, "verification_method": "vmfa"})
        elif step == PROVE and user_id in seeds and _ready(entry, certain, protected):
            login = {name: own[name] for name in ("auth_password", "auth_domain_name") if name in own}
            items.append({"user_id": user_id, "seed": seeds[user_id]["seed"], **login})
        elif step == UNPROTECT:
            items.append({"user_id": user_id, "enabled": False})
        elif step == REMOVE:
            items.append({"user_id": user_id})
    return items


def _has(stored: Mapping[str, Entry] | None, user_id: str, new: Entry | None) -> bool:
    """Whether the store knows a user's seed, and where he got a new one, that one."""
    entry = (stored or {}).get(user_id)
    return entry is not None and (new is None or (entry["seed"], entry["serial_number"]) == (new["seed"], new["serial_number"]))


def answered_bound(results: Mapping[str, Entry]) -> dict[str, str]:
    """The users whom the cloud's answers say to be bound, with the serial numbers of their devices."""
    outcomes = (results.get(BIND) or {}).get("bindings") or []
    return {outcome["user_id"]: outcome["serial_number"] for outcome in outcomes if not outcome["failed"] and outcome["binding"] == "bound"}


def unconfirmed(results: Mapping[str, Entry]) -> list[str]:
    """Whose devices are bound by the answer, and not by what the look at the cloud has shown; nobody's where nobody looked."""
    looked = results.get(CONFIRM) or {"skipped": True}
    if looked.get("skipped"):
        return []
    devices = {str(user["user_id"]): user["device"] or {} for user in looked.get("users") or []}
    shown = {user_id: device["serial_number"] for user_id, device in devices.items() if device.get("binding") == "bound"}
    return [user_id for user_id, serial_number in answered_bound(results).items() if shown.get(user_id) != serial_number]


def _bound_now(results: Mapping[str, Entry]) -> set[str]:
    return answered_bound(results).keys() - set(unconfirmed(results))


def _protected_now(results: Mapping[str, Entry]) -> set[str]:
    protected = results.get(PROTECT) or {}
    return {outcome["user_id"] for outcome in protected.get("users") or [] if not outcome["failed"]}


def _ready(entry: Entry, certain: set[str], protected: set[str]) -> bool:
    """Whether all that a login with a code needs has been done for a user."""
    steps, user_id = entry["steps"], entry["user_id"]
    return (BIND not in steps or user_id in certain) and (PROTECT not in steps or user_id in protected)


def new_seeds(wave: Sequence[Entry], results: Mapping[str, Entry]) -> dict[str, dict[str, Any]]:
    """What the wave's creations give to store: user id -> ``serial_number``, ``seed`` and ``name``."""
    names = {entry["user_id"]: entry["name"] for entry in wave}
    return {
        outcome["user_id"]: {"serial_number": outcome["serial_number"], "seed": outcome["seed"], "name": names.get(outcome["user_id"])}
        for outcome in (results.get(CREATE) or {}).get("devices") or []
        if outcome.get("seed")
    }


def bound_seeds(wave: Sequence[Entry], stored: Mapping[str, Entry], results: Mapping[str, Entry]) -> dict[str, dict[str, Any]]:
    """The seeds of the wave's users whose binding has become certain, marked as ``bound``, for a cloud that cannot tell later."""
    seeds = {**stored, **new_seeds(wave, results)}
    certain = _bound_now(results)
    return {
        entry["user_id"]: {**seeds[entry["user_id"]], "bound": True}
        for entry in wave
        if BIND in entry["steps"] and entry["user_id"] in certain and entry["user_id"] in seeds
    }


def proven_seeds(wave: Sequence[Entry], stored: Mapping[str, Entry], results: Mapping[str, Entry]) -> dict[str, dict[str, Any]]:
    """The seeds of the wave's users who logged in with them, marked as ``proven``, and as ``bound``, since only a bound device gives codes that count."""
    seeds = {**stored, **new_seeds(wave, results)}
    proven = {outcome["user_id"] for outcome in (results.get(PROVE) or {}).get("users") or [] if outcome["logged_in"]}
    return {
        entry["user_id"]: {**seeds[entry["user_id"]], "bound": True, "proven": True}
        for entry in wave
        if entry["user_id"] in proven and entry["user_id"] in seeds
    }


def doubted_seeds(wave: Sequence[Entry], stored: Mapping[str, Entry]) -> dict[str, dict[str, Any]]:
    """The stored seeds of devices that are about to be removed, without what will no longer be certain of them: a run may end half-way.

    The seeds themselves count until the devices are gone, since a device that is bound is of no use without its seed.
    """
    return {
        entry["user_id"]: {name: value for name, value in stored[entry["user_id"]].items() if name not in _CERTAINTIES}
        for entry in wave
        if REMOVE in entry["steps"] and any(stored.get(entry["user_id"], {}).get(name) for name in _CERTAINTIES)
    }


_CERTAINTIES = ("bound", "proven")

_RESULTS = {CREATE: "devices", REMOVE: "devices", BIND: "bindings", PROTECT: "users", PROVE: "users", UNPROTECT: "users"}
_ORDER = (CREATE, BIND, PROTECT, PROVE, UNPROTECT, REMOVE)


def outcomes_of(wave: Sequence[Entry], results: Mapping[str, Entry], seen: Entry, terms: Terms) -> list[dict[str, Any]]:
    """What came of every user of a wave: ``done`` (the steps that succeeded), ``failed``, ``step`` and ``msg``.

    ``results`` are the registered results of the steps, ``seen`` is what iam_mfa_info saw afterwards, or why it failed:
    what cannot be verified has failed.
    """
    tables = {step: _by_user(results.get(step) or {}, _RESULTS[step]) for step in _ORDER}
    verified = {str(user["user_id"]): user for user in seen["users"]} if "users" in seen else None
    outcomes = []
    for entry in wave:
        user_id = entry["user_id"]
        outcome: dict[str, Any] = {"user_id": user_id, "name": entry["name"], "done": [], "failed": False, "step": None, "msg": None}
        for step in (*(step for step in _ORDER if step in entry["steps"] and step != PROVE), VERIFY, PROVE):
            msg = None
            if step == VERIFY:
                msg = _unverified(entry, verified, seen, terms, tables[BIND].get(user_id))
            elif step in entry["steps"]:
                msg = _step_failure(step, tables[step].get(user_id), results.get(step) or {})
            if msg:
                outcome.update(failed=True, step=step, msg=msg)
                break
            if step in entry["steps"]:
                outcome["done"].append(step)
        outcomes.append(outcome)
    return outcomes


def _step_failure(step: str, one: Entry | None, result: Entry) -> str | None:
    """Why a step failed for a user, by his own outcome, or by the result of the whole where he has none; None where it succeeded."""
    if one is not None:
        return str(one["msg"]) if one.get("failed") else None
    reasons = {BIND: "the store does not show its seed", PROTECT: "the cloud does not show its device as bound"}
    return str(result.get("msg") or reasons.get(step, "it was not reached, since an earlier step failed"))


def _unverified(entry: Entry, verified: Mapping[str, Entry] | None, seen: Entry, terms: Terms, bound: Entry | None) -> str | None:
    if verified is None:
        return str(seen.get("msg") or "the cloud was not looked at")
    return unfulfilled(entry, verified.get(entry["user_id"]), terms, bound)


def _by_user(result: Entry, key: str) -> dict[str, Entry]:
    return {outcome["user_id"]: outcome for outcome in result.get(key) or []}


def unfulfilled(entry: Entry, user: Entry | None, terms: Terms, bound: Entry | None) -> str | None:
    """What the cloud does not yet show of what a wave did for a user, or None."""
    if user is None:
        return None if terms.state == "absent" else "the user is no longer listed"
    device = user["device"]
    if REMOVE in entry["steps"] and device is not None:
        return "the device is still there"
    if UNPROTECT in entry["steps"] and _vmfa(user):
        return "login protection is still on"
    if BIND in entry["steps"]:
        if device is None or (bound and bound.get("serial_number") and device["serial_number"] != bound["serial_number"]):
            return "the cloud does not show the device that was bound"
        if device["binding"] == "unbound":
            return "the cloud shows the device as not bound"
    if PROTECT in entry["steps"] and not _vmfa(user):
        return "login protection is not on"
    return None


def wave_line(number: int, total: int, outcomes: Sequence[Entry]) -> str:
    """What a wave came to, for a person, in one line; each failure in a line of its own below it."""
    words = {CREATE: "created", BIND: "bound", PROTECT: "protected", PROVE: "proven", UNPROTECT: "unprotected", REMOVE: "removed"}
    failed = [outcome for outcome in outcomes if outcome["failed"]]
    parts = [f"wave {number} of {total}", f"{len(outcomes)} user{'' if len(outcomes) == 1 else 's'}"]
    for step in _ORDER:
        count = sum(1 for outcome in outcomes if step in outcome["done"])
        if count or any(outcome["step"] == step for outcome in failed):
            parts.append(f"{count} {words[step]}")
    parts.append(f"{len(failed)} failed")
    lines = [", ".join(parts)]
    lines += ["  " + legible(f"{outcome['name']}: {outcome['step']}: {outcome['msg']}") for outcome in failed]
    return "\n".join(lines)


def make_report(
    account: str,
    terms: Terms,
    plan: Entry,
    failures: Sequence[Entry],
    waves_done: int,
    before: Entry,
    after: Entry,
    stored: Mapping[str, Entry] | None,
    check_mode: bool,
) -> dict[str, Any]:
    """The report of one account: before and after, who, why not.

    ``waves_done`` is how many waves were brought along, ``failures`` are the outcomes of those in them who failed. ``after`` without
    ``users`` means that nobody could look, and ``stored`` None that nobody knows what is stored.
    """
    reached: dict[str, Entry | None] = {entry["user_id"]: None for wave in plan["waves"][:waves_done] for entry in wave}
    reached.update((outcome["user_id"], outcome) for outcome in failures)
    was = {str(user["user_id"]): user for user in before["users"]}
    now = {str(user["user_id"]): user for user in after.get("users", [])}
    rows = []
    for fate in plan["users"]:
        user_id = fate["user_id"]
        outcome, reason = _report_outcome(fate, reached, check_mode)
        kept = user_id in now and _accounted(now[user_id], (stored or {}).get(user_id))
        rows.append(
            {
                "user_id": user_id,
                "name": fate["name"],
                "outcome": outcome,
                "reason": reason,
                "enabled": was[user_id]["enabled"] if user_id in was else None,
                "before": _state(was.get(user_id)),
                "after": _state(now.get(user_id)),
                "seed_stored": None if stored is None else kept,
                "login_proven": None if stored is None else kept and bool(stored[user_id].get("proven")),
            }
        )
    words = ("done", "planned", "already", "left_alone", "failed", "not_reached")
    return {
        "account": account,
        "strategy": terms.strategy,
        "state": terms.state,
        "check_mode": check_mode,
        "summary": {
            **{word: sum(1 for row in rows if row["outcome"] == word) for word in words},
            "before": before["summary"],
            "after": after.get("summary"),
        },
        "warnings": [
            *plan["warnings"],
            *([] if "users" in after else [f"The account could not be looked at afterwards: {after.get('msg')}"]),
        ],
        "users": rows,
    }


def _report_outcome(fate: Entry, reached: Mapping[str, Entry | None], check_mode: bool) -> tuple[str, str]:
    if fate["fate"] == PROBLEM:
        return "failed", fate["reason"]
    if fate["fate"] != TODO:
        return fate["fate"], fate["reason"]
    if check_mode:
        return "planned", ""
    if fate["user_id"] not in reached:
        return "not_reached", "the rollout stopped before this user's wave"
    failure = reached[fate["user_id"]]
    return ("failed", f"{failure['step']}: {failure['msg']}") if failure else ("done", "")


def _state(user: Entry | None) -> dict[str, Any]:
    if user is None:
        return {"device": None, "binding": None, "login_protection": None}
    device = user["device"]
    return {
        "device": device["serial_number"] if device else None,
        "binding": device["binding"] if device else "none",
        "login_protection": user["login_protection"]["verification_method"],
    }


def report_json(report: Entry) -> str:
    """A report as JSON with a line a user, for whoever reads, searches or compares it."""
    head = json_text({name: value for name, value in report.items() if name != "users"}, indent=2)
    rows = ",\n".join(f"    {json_text(row)}" for row in report["users"])
    return f'{head[:-2]},\n  "users": [\n{rows}\n  ]\n}}\n'


def report_csv(report: Entry) -> str:
    """A report's users as CSV, a line each. A cell that a spreadsheet would take for a formula is quoted with an apostrophe."""
    columns = (
        "account",
        "user_id",
        "name",
        "outcome",
        "reason",
        "binding_before",
        "binding_after",
        "protection_before",
        "protection_after",
        "seed_stored",
        "login_proven",
    )
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in report["users"]:
        before, after = row["before"], row["after"]
        cells = (
            report["account"],
            row["user_id"],
            row["name"],
            row["outcome"],
            row["reason"],
            before["binding"],
            after["binding"],
            before["login_protection"],
            after["login_protection"],
            *({True: "yes", False: "no", None: "unknown"}[row[fact]] for fact in ("seed_stored", "login_proven")),
        )
        writer.writerow([_cell(cell) for cell in cells])
    return text.getvalue()


_FORMULA = re.compile(r"(?:^|(?<=;))(?=[\s\ufffd\u200b-\u200d\u2060\"]*[=+\-@\uff1d\uff0b\uff0d\uff20])")
"""Where a spreadsheet would begin a formula: at a cell's begin, perhaps behind what it skips, or behind a semicolon, which parts the cells
of a CSV file in many countries."""


def _cell(value: Any) -> str:
    return "" if value is None else _FORMULA.sub("'", legible(value))


def plan_lines(plan: Entry) -> list[str]:
    """The plan for a person: a line a wave, and a line for everybody who is not brought along and why."""
    lines = []
    for number, wave in enumerate(plan["waves"], 1):
        steps = [step for step in _ORDER if any(step in entry["steps"] for entry in wave)]
        others = f" and {len(wave) - 1} more" if len(wave) > 1 else ""
        lines.append(f"wave {number} of {len(plan['waves'])}, to {', '.join(steps)}: {wave[0]['name']}{others}")
    already = sum(1 for fate in plan["users"] if fate["fate"] == ALREADY)
    if already:
        lines.append(f"{already} already so")
    lines += [f"left alone: {fate['name']}: {fate['reason']}" for fate in plan["users"] if fate["fate"] == LEFT_ALONE]
    lines += [f"problem: {fate['name'] or fate['user_id']}: {fate['reason']}" for fate in plan["users"] if fate["fate"] == PROBLEM]
    return [legible(line) for line in lines]


def report_line(report: Entry) -> str:
    """The report in one line, for a person."""
    summary = report["summary"]
    names = {
        "done": "done",
        "planned": "to do",
        "already": "already so",
        "left_alone": "left alone",
        "failed": "failed",
        "not_reached": "not reached",
    }
    parts = [f"{summary[word]} {name}" for word, name in names.items() if summary[word] or word in ("failed",)]
    before, after = summary["before"], summary["after"]
    if after is None:
        return f"{', '.join(parts)}; the account could not be looked at afterwards"
    return (
        f"{', '.join(parts)}; of {after['users']} users vmfa {before['vmfa']} -> {after['vmfa']}, bound {before['bound']} -> {after['bound']}"
        + (f" (+{after['unknown']} the cloud cannot tell)" if after["unknown"] else "")
    )
