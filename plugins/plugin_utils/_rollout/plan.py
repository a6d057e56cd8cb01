# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who belongs to which wave, with which steps, and why not: pure decisions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import legible
from ansible_collections.hwc.mfa.plugins.module_utils._modules.device_access import same_serial
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_virtual_mfa_device import bears_another_name
from ansible_collections.hwc.mfa.plugins.module_utils._modules.posture import has_vmfa
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.alike import alike
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.campaign import OVERDUE, SCHEDULED, Campaign, time_in
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.guards import NO_EXEMPTION, NOT_USERS, Guards, People
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.shown import paired
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import (
    ABSENT,
    ALREADY,
    BIND,
    CREATE,
    ENROL,
    EVERYBODY,
    LATER,
    LEFT_ALONE,
    NOT_SIZES,
    OWN_CREDENTIALS,
    PRESENT,
    PROBLEM,
    PROTECT,
    PROVE,
    REMOVE,
    REQUIRE,
    RESET,
    ROTATED,
    STATES,
    TODO,
    UNPROTECT,
    WAYS_TO_BIND,
    Entry,
    PlanError,
    Terms,
    selection_in,
)
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.store import Seeds, StoredSeed

RECORD, FIRST_SEEN = "record", "first_seen"


@dataclass(frozen=True)
class Known:
    """What is known of an account beside the audit.

    ``seeds`` maps user ids to their stored seeds, the newest first, ``intents`` are users for whom an earlier run was about to create a device,
    ``record`` maps user ids to what a rollout's record says of their login protection, ``auth`` are the play's own credentials.
    """

    seeds: Seeds = field(default_factory=dict, repr=False)
    intents: Iterable[str] = ()
    record: Mapping[str, Entry] | None = None
    """It alone tells whose login protection a rollout has set, also where it names nobody. Only where there is none, stored seeds tell."""

    auth: Entry = field(default_factory=dict, repr=False)

    lifted: Mapping[str, Entry] = field(default_factory=dict)
    """Login protection that a reset or a rotation has lifted and not yet set again, by user id."""

    first_seen: Mapping[str, str] | None = None
    """When a report first saw a user, by user id; None where nothing is kept of that."""

    stores: bool = True
    """Whether there is a store at all. Without one, no seed is stored, and nobody expects one to be."""

    unread: Collection[str] = ()
    """What is kept and could not be read, of ``RECORD`` and ``FIRST_SEEN``. That is another thing than that nothing is kept: nobody knows."""


def make_plan(
    wanted: Sequence[Entry] | str, audit: Entry, terms: Terms, exempt: Sequence[Any] = (), known: Known = Known()
) -> dict[str, Any]:
    """Who belongs to which wave, and why not.

    ``wanted`` are the users of the role's variable, or ``all``; ``audit`` is the result of iam_mfa_info. Returns ``waves`` (lists of entries
    with their ``steps`` and their ``index`` in ``wanted``), ``leavers`` (who has stored seeds and is gone; nobody where all are), ``users``
    (everybody's ``fate``, ``reason``, and whether they were ``named``), ``warnings``, and ``lines`` for a person. No secret is in it. Raises PlanError.
    """
    _check(terms)
    if RECORD in known.unread:
        raise PlanError(
            "the record of login protection could not be read, so nobody knows what a rollout has set: look at what failed before."
        )
    people = People(audit["users"])
    guards = Guards(people, audit, terms, exempt, known.auth)
    account = _Account(audit, terms, known, guards)
    fates: list[dict[str, Any]] = []
    entries: list[dict[str, Any]] = []
    taken: set[str] = set()
    everybody = wanted == EVERYBODY
    if everybody and terms.state == RESET:
        if not terms.audit_only:
            raise PlanError("With mfa_rollout_state=reset, mfa_rollout_users must name the users.")
        # Whose phone is lost, somebody has yet to say.
        everybody, wanted = False, []
    if not everybody and not isinstance(wanted, (list, tuple)):
        raise PlanError(NOT_USERS)
    named: Sequence[Any] = [{"user_id": user["user_id"]} for user in audit["users"]] if everybody else list(wanted)
    if terms.enrols:
        guards.demand_a_way_in(named)
    for index, asked in enumerate(named):
        user = people.asked_for(asked)
        if user is None:
            who = {"user_id": asked.get("user_id"), "name": asked.get("name"), "named": True}
            fates.append({**who, "fate": PROBLEM, "reason": "no such user in this account", **_NO_DATE, **NO_EXEMPTION})
            continue
        user_id = str(user["user_id"])
        if user_id in taken:
            raise PlanError(f"mfa_rollout_users names user {user['name']} ({user_id}) twice.")
        taken.add(user_id)
        fate, entry = account.decide(asked, user)
        fates.append({"user_id": user_id, "name": user["name"], "named": not everybody, **fate, **guards.exemption_of(user_id)})
        if entry is not None:
            entries.append({**entry, "index": index})
    if terms.enrols:
        guards.spare_the_last(fates, entries)
    if terms.audit_only:
        # Whoever looks at an account wants to see all of it.
        fates += [_not_asked(user, guards) for user in audit["users"] if str(user["user_id"]) not in taken]
    warnings = [
        *guards.warnings,
        *_still_lifted(known.lifted, people, [] if terms.audit_only else entries),
        *_without_grace(account.campaign, audit, terms, known),
    ]
    if everybody and terms.state == PRESENT:
        # They mend what goes wrong for others, so they come when it has been tried out.
        last = {(audit.get("root") or {}).get("user_id"), *(audit.get("administrators") or [])}
        entries.sort(key=lambda entry: entry["user_id"] in last)
    sizes = terms.wave_sizes
    if account.may_be_enabled:
        entries, sizes = _tried_first(entries, named, sizes)
    leavers, said = _leavers(known, people, terms)
    plan: dict[str, Any] = {"waves": _waves(entries, sizes), "users": fates, "warnings": [*warnings, *said], "leavers": leavers}
    return {**plan, "lines": plan_lines(plan)}


class _Account:
    """An account, and all that decides what becomes of its users."""

    def __init__(self, audit: Entry, terms: Terms, known: Known, guards: Guards) -> None:
        self._terms, self._known, self._guards = terms, known, guards
        self._intended = set(known.intents)
        self._selection = selection_in(terms.select)
        self._groups = audit.get("groups") or {}
        self.campaign = _campaign(audit, terms, known)
        # IAM v5 lets administrators enable devices of others, where their account's policies do (docs/dev/cloud_api.md, section 2).
        self.may_be_enabled = audit.get("api") == "v5"

    def decide(self, asked: Entry, user: Entry) -> tuple[dict[str, Any], dict[str, Any] | None]:
        """One user's fate, and where there is something to do, their entry in a wave."""
        case = self._case(asked, user)
        spared = self._guards.reason_to_spare(asked, user)
        missed = self._selection.missed(user, self._groups) if self._selection is not None and spared is None else None
        fate, reason, entry = _decide(case, spared if missed is None else f"not selected: {missed}")
        # Who has MFA already, and gets another seed, is not waited for.
        dated = fate in (TODO, PROBLEM) and not case.enforced
        date = self.campaign.date_of(asked, user) if self.campaign is not None and dated else None
        status = self.campaign.status(date) if self.campaign is not None else None
        if status == SCHEDULED and case.made_anew:
            # A device of a user who has one already. Only protection waits for its date.
            date = status = None
            entry = entry and {**entry, "steps": [step for step in entry["steps"] if step != PROTECT]}
        elif status == SCHEDULED:
            fate, reason, entry = LATER, f"from {date} on", None
        return {"fate": fate, "reason": reason, "not_before": date, "campaign": status}, entry

    def _case(self, asked: Entry, user: Entry) -> _Case:
        known, user_id = self._known, str(user["user_id"])
        seeds = known.seeds.get(user_id, ())
        record = None if known.record is None else known.record.get(user_id)
        if record is None and known.record is not None:
            # Of a seed whose user was never protected the record says nothing, and what was before would count for ever.
            seeds = [replace(seed, before=None) for seed in seeds]
        intended, lifted = user_id in self._intended, user_id in known.lifted
        return _Case(asked, *paired(user, seeds), self._terms, intended, record, self.may_be_enabled, lifted, seeds, known.stores)


def _without_grace(campaign: Campaign | None, audit: Entry, terms: Terms, known: Known) -> list[str]:
    """A warning of users who get no days of grace, because nobody knows since when they are there."""
    unknown = sum(1 for user in audit["users"] if user.get("created_at") is None)
    if campaign is None or not terms.new_user_grace_days or known.first_seen is not None or not unknown:
        return []
    return [
        f"The cloud does not tell when {unknown} users were created, and without mfa_rollout_report_dir nobody keeps when they were"
        " first seen: they have no days of grace."
    ]


def _leavers(known: Known, people: People, terms: Terms) -> tuple[list[str], list[str]]:
    """Who has stored seeds and is gone, nobody where all are, and a warning of them."""
    in_store = {**known.seeds, **dict.fromkeys(known.intents)}
    leavers = [user_id for user_id in in_store if user_id not in people.by_id]
    if not leavers:
        return [], []
    if len(leavers) == len(in_store):
        return [], [
            f"Not one of the {len(leavers)} users whom the store knows is in this account, so none of them counts as gone: look whether"
            " mfa_rollout_auth and the store are those of one account, and let mfa_rollout_account_id say which."
        ]
    purges = terms.purge_leavers and not terms.audit_only
    names = [next((seed.name for seed in known.seeds.get(user_id, ())), "") or user_id for user_id in leavers]
    text = (
        f"The store has seeds of {len(leavers)} users who are gone: {_first(names)}."
        f" {'They are forgotten after the last wave.' if purges else 'mfa_rollout_purge_leavers=true forgets them.'}"
    )
    return leavers, [legible(text)]


def _still_lifted(lifted: Mapping[str, Entry], people: People, entries: Sequence[Entry]) -> list[str]:
    """A warning of the users whose protection a run that was ended has lifted for a moment, and this one does not see to."""
    seen_to = {entry["user_id"] for entry in entries if PROTECT in entry["steps"] or UNPROTECT in entry["steps"]}
    found = [people.by_id[user_id] for user_id in lifted if user_id in people.by_id and user_id not in seen_to]
    names = [str(user["name"] or user["user_id"]) for user in found if not has_vmfa(user)]
    if not names:
        return []
    return [
        legible(
            f"A reset or a rotation was ended while it had lifted the login protection of {_first(names)}, and it is still off: run the same"
            " once more for them."
        )
    ]


def _first(names: Sequence[str]) -> str:
    """Names for a sentence, of many the first ones."""
    return f"{', '.join(names[:_SHOWN])}{' and others' if len(names) > _SHOWN else ''}"


def _not_asked(user: Entry, guards: Guards) -> dict[str, Any]:
    who = {"user_id": str(user["user_id"]), "name": user["name"], "named": False}
    fate = {"fate": LEFT_ALONE, "reason": "not asked for in mfa_rollout_users"}
    return {**who, **fate, **_NO_DATE, **guards.exemption_of(who["user_id"])}


_NO_DATE: Mapping[str, Any] = {"not_before": None, "campaign": None}


def _campaign(audit: Entry, terms: Terms, known: Known) -> Campaign | None:
    """The dates that a rollout keeps to, and a rotation where it enrols; None for a roll-back, and where no time is known."""
    not_before = time_in(terms.not_before, "mfa_rollout_not_before")
    now = audit.get("now")
    if not terms.enrols:
        return None
    if now is None:
        if not_before is not None or terms.new_user_grace_days:
            raise PlanError("the audit does not tell the time, so mfa_rollout_not_before and mfa_rollout_new_user_grace_days mean nothing.")
        return None
    if terms.new_user_grace_days and FIRST_SEEN in known.unread and any(user.get("created_at") is None for user in audit["users"]):
        raise PlanError("the history of the account could not be read, so nobody knows who is new: look at what failed before.")
    return Campaign(str(now), not_before, terms.new_user_grace_days, known.first_seen)


def _has_own(asked: Entry) -> bool:
    """Whether the user can bind their device with credentials of their own."""
    return any(asked.get(name) for name in ("auth_password", "auth_token", "access_key"))


def _tried_first(entries: list[dict[str, Any]], named: Sequence[Entry], sizes: Sequence[int]) -> tuple[list[dict[str, Any]], Sequence[int]]:
    """Entries and sizes of waves such that one user tries out whether an administrator may bind the devices of others."""
    place = next((number for number, entry in enumerate(entries) if BIND in entry["steps"] and not _has_own(named[entry["index"]])), None)
    if place is None:
        return entries, sizes
    tried = entries.pop(place)
    return [tried, *entries], sizes if sizes[0] == 1 else [1, *sizes]


def _check(terms: Terms) -> None:
    if terms.strategy not in (REQUIRE, ENROL):
        raise PlanError("mfa_rollout_strategy must be require or enrol.")
    if terms.state not in STATES:
        raise PlanError(f"mfa_rollout_state must be one of {', '.join(STATES)}.")
    if terms.state == ROTATED and terms.strategy != ENROL:
        raise PlanError(
            "mfa_rollout_state=rotated goes with mfa_rollout_strategy=enrol: with require, users keep the seeds themselves, so there is nothing to rotate."
        )
    time_in(terms.rotate_before, "mfa_rollout_rotate_before")
    sizes = terms.wave_sizes
    if not sizes or not all(isinstance(size, int) and not isinstance(size, bool) and size > 0 for size in sizes):
        raise PlanError(NOT_SIZES)


@dataclass(frozen=True)
class _Case:
    """One user, and all that is known of them."""

    asked: Entry
    user: Entry
    device: Entry | None
    seed: StoredSeed | None
    terms: Terms
    intended: bool
    record: Entry | None
    may_be_enabled: bool
    """Whether an administrator may perhaps bind the device. Otherwise only the user may."""

    lifted: bool
    """Whether an earlier run has lifted the user's protection for a moment, and did not come to set it again."""

    seeds: Sequence[StoredSeed] = ()
    """All stored seeds of the user, the newest first."""

    stores: bool = True
    """Whether there is a store of seeds."""

    @property
    def set_protection(self) -> Entry | None:
        """What a rollout of this strategy did to the user's login protection, by its record, or by the seed that it stored; else None."""
        if self.record is not None and self.record.get("strategy") == self.terms.strategy:
            return self.record
        if self.terms.strategy == ENROL and self.seed is not None and self.seed.before is not None:
            return {"before": self.seed.before}
        return None

    @property
    def recorded(self) -> bool:
        """Whether the record has the user, by this strategy."""
        return self.record is not None and self.set_protection is self.record

    @property
    def restored(self) -> Entry | None:
        """The protection that a roll-back leaves the user: what was before the rollout, or where something else than the rollout's is set by now, that."""
        if has_vmfa(self.user) or (self.lifted and not self.user["login_protection"]["enabled"]):
            return (self.set_protection or {}).get("before")
        return dict(self.user["login_protection"])

    @property
    def certainly_bound(self) -> bool:
        """Whether the device is certainly bound: the cloud says so, or where it cannot tell, an earlier run saw it and wrote it down."""
        if self.device is None:
            return False
        if self.device["binding"] == "unknown":
            return self.seed is not None and self.seed.bound
        return bool(self.device["binding"] == "bound")

    @property
    def enforced(self) -> bool:
        """Whether a rotation finds MFA enforced for the user, also where an earlier one has lifted protection for a moment."""
        return self.terms.state == ROTATED and (self.lifted or has_vmfa(self.user))

    @property
    def made_anew(self) -> bool:
        """Whether a rotation replaces the device: one with a stored seed, unless that was made since the date to which rotations go back."""
        if self.terms.state != ROTATED or self.device is None or self.seed is None:
            return False
        before = time_in(self.terms.rotate_before, "mfa_rollout_rotate_before")
        return before is None or self.seed.made_at < before

    @property
    def another_of_unknown_kind(self) -> bool:
        """Whether the user has a device beside the one with the stored seed that may be a virtual one, so that no other one can be created."""
        if self.seed is None or self.user["device"] is None or self.user["device"].get("kind", "virtual") != "unknown":
            return False
        serial_number = self.seed.serial_number
        return any(
            device["kind"] == "unknown" and not same_serial(device["serial_number"], serial_number)
            for device in self.user.get("devices") or ()
        )

    @property
    def leftover(self) -> str | None:
        """The serial number of the device, where it is what an earlier run has announced, made and not bound; else None.

        An announcement alone does not tell: nothing may have come of the creation, and the user has made a device of their own meanwhile, which
        shows by its name.
        """
        if not self.intended or self.device is None or self.seed is not None:
            return None
        serial_number = str(self.device["serial_number"])
        others = bears_another_name(serial_number, str(self.user["user_id"]), str(self.asked.get("device_name") or ""))
        return None if others else serial_number

    @property
    def kind_unknown(self) -> bool:
        """Whether the device may be a security key. A cloud that lists virtual devices only need not tell."""
        return self.device is not None and self.seed is None and self.device.get("kind", "virtual") == "unknown"


def _decide(case: _Case, spared: str | None) -> tuple[str, str, dict[str, Any] | None]:
    """One user's fate, its reason, and where there is something to do, their entry in a wave."""
    user, terms = case.user, case.terms
    if spared is not None:
        return LEFT_ALONE, spared, None
    # What is said of a user beside what is done for them.
    told = ""
    if terms.state == ABSENT:
        steps, reason = _steps_back(case)
        told, reason = (reason, "") if steps else ("", reason)
    elif terms.state == RESET:
        steps, reason = _steps_reset(case)
    elif not user["enabled"]:
        return LEFT_ALONE, "the user is disabled", None
    elif terms.strategy == REQUIRE:
        steps, reason = ([] if has_vmfa(user) else [PROTECT]), ""
    else:
        steps, reason = _steps_rotate(case) if terms.state == ROTATED else _steps_enrol(case)
        if terms.state == PRESENT and case.stores and case.certainly_bound and case.seed is None:
            told = _UNSTORED
        if terms.prove_login and case.asked.get("auth_password") and not reason and not _proven(case, steps):
            steps.append(PROVE)
        if BIND in steps and not terms.audit_only and not case.may_be_enabled and not _has_own(case.asked):
            return PROBLEM, f"no credentials of their own, and only the user may bind: give {WAYS_TO_BIND}", None
    if reason:
        return LEFT_ALONE, reason, None
    if not steps:
        return ALREADY, told, None
    return TODO, told, _entry(case, steps)


def _entry(case: _Case, steps: list[str]) -> dict[str, Any]:
    """What a wave must know of a user. It holds no secret, and nothing that a step could take for leave to do more."""
    return {
        "user_id": str(case.user["user_id"]),
        "name": case.user["name"],
        # YAML takes a name of digits for a number.
        "device_name": str(case.asked["device_name"]) if case.asked.get("device_name") else None,
        "steps": steps,
        # The device that is bound with a stored seed, or removed.
        "serial_number": case.device["serial_number"] if case.device is not None and (CREATE not in steps or REMOVE in steps) else None,
        "intended": case.intended,
        "leftover": case.leftover,
        # A device that only an announcement accounts for may be somebody else's after all: a bound one survives a deletion without unbinding.
        "unbind": case.seed is not None or (case.device is not None and _may_be_unbound(case, case.device["binding"])),
        "protection": dict(case.user["login_protection"]),
        "replaced": dict(_replaced(case, steps) or {}) if CREATE in steps else {},
        "restore": dict(case.restored or {}) if UNPROTECT in steps and case.terms.state == ABSENT else {},
    }


def _replaced(case: _Case, steps: Sequence[str]) -> Entry | None:
    """The protection that the seed of a new device keeps as the one before the rollout, or None. A roll-back may have nothing but the store to know it by."""
    if PROTECT in steps and UNPROTECT not in steps and not case.lifted:
        return dict(case.user["login_protection"])
    # What is lifted for a moment and comes back is not what was before. The seed of the device that was, or is, replaced knows.
    old = case.seed or next(iter(case.seeds), None)
    return None if old is None else old.before


def _may_be_unbound(case: _Case, binding: str) -> bool:
    """Whether a device without a stored seed is unbound before it is deleted. A reset means the user's device, whoever has made it."""
    if case.terms.state == RESET:
        return binding != "unbound"
    return binding == "unknown" and case.leftover is None


def _proven(case: _Case, steps: Sequence[str]) -> bool:
    """Whether the user has logged in with the stored seed, or nobody can prove that they do, because their device's seed is their own."""
    if case.seed is None:
        return CREATE not in steps
    return BIND not in steps and case.seed.proven


_UNSTORED = "has a bound device whose seed is not stored"

_ANOTHER_NAME = (
    "has a device with another name than the one that a rollout has announced for this user: if device_name was another one then, give that one"
    " again, else the device is the user's own"
)


def _steps_enrol(case: _Case) -> tuple[list[str], str]:
    protect = [PROTECT] if case.terms.login_protection and not has_vmfa(case.user) else []
    if case.device is None:
        return [CREATE, BIND, *protect], ""
    if case.kind_unknown:
        return [], "has a device of which the cloud does not tell whether it is a virtual MFA device or a security key"
    if case.certainly_bound:
        return protect, ""
    if case.seed is not None:
        return [BIND, *protect], ""
    if case.leftover is not None or (case.device["binding"] == "unbound" and case.terms.replace_unbound):
        return [CREATE, BIND, *protect], ""
    if case.device["binding"] == "unbound":
        made_by = _ANOTHER_NAME if case.intended else "has an unbound device that no rollout made"
        return [], f"{made_by}: mfa_rollout_replace_unbound=true replaces it"
    if case.intended:
        return [], f"{_ANOTHER_NAME}, and this cloud cannot tell whether it is bound"
    return [], "has a device whose seed is not stored, and this cloud cannot tell whether it is bound"


def _steps_reset(case: _Case) -> tuple[list[str], str]:
    """The virtual device goes, so that the user binds another one; protection stays, or comes back where an earlier run was ended."""
    protected = has_vmfa(case.user)
    again = [PROTECT] if protected or case.lifted else []
    if case.device is None:
        return ([] if protected else again), ""
    if case.kind_unknown:
        return [], "has a device of which the cloud does not tell whether it is a virtual MFA device or a security key"
    return [*([UNPROTECT] if protected else []), REMOVE, *again], ""


def _steps_rotate(case: _Case) -> tuple[list[str], str]:
    """A device with a stored seed is made anew, also one that an earlier run has unbound already. Without a device it is an enrolment."""
    steps, reason = _steps_enrol(case)
    if case.certainly_bound and case.seed is None:
        return [], f"{_UNSTORED}: mfa_rollout_state=reset removes it"
    if not case.made_anew:
        # Protection that an earlier run has lifted comes back, also where the terms would set none.
        again = [PROTECT] if case.lifted and PROTECT not in steps and not reason and not has_vmfa(case.user) else []
        return [*steps, *again], reason
    if case.another_of_unknown_kind:
        # Protection would be lifted, and the old device removed, for nothing.
        return [], "has another device of which the cloud does not tell whether it is a virtual MFA device or a security key"
    protected = has_vmfa(case.user)
    protects = protected or case.lifted or case.terms.login_protection
    return [*([UNPROTECT] if protected else []), REMOVE, CREATE, BIND, *([PROTECT] if protects else [])], ""


def _steps_back(case: _Case) -> tuple[list[str], str]:
    """A roll-back lifts and removes what a rollout did, by its record and its seeds, and more only where ``rollback_all`` says so."""
    terms = case.terms
    recorded = case.set_protection is not None
    # Protection by message or mail is none that a rollout has set.
    protected = has_vmfa(case.user)
    # Who is recorded and not protected any more leaves the record by this step, or protection that others set later would count as a rollout's.
    lifted = [UNPROTECT] if (protected and (recorded or terms.rollback_all)) or (not protected and case.recorded) else []
    kept = (
        "login protection was not set by a rollout, as far as its record tells: if one with the other mfa_rollout_strategy has set it, roll back"
        " with that one, and in any case mfa_rollout_rollback_all=true lifts it"
    )
    removal = "" if terms.strategy == REQUIRE or case.device is None else _removal(case)
    if removal == REMOVE and protected and not lifted:
        return [], kept
    if removal == REMOVE:
        return [*lifted, REMOVE], ""
    # Why the device stays is told beside what is done.
    return lifted, removal or (kept if protected and not lifted else "")


def _removal(case: _Case) -> str:
    """``remove``, or why a user's device stays."""
    device = case.device or {}
    if case.kind_unknown:
        return "has a device of which the cloud does not tell whether it is a virtual MFA device or a security key"
    if case.seed is not None:
        return REMOVE
    if device["binding"] == "bound":
        return _UNSTORED
    if case.leftover is not None or case.terms.rollback_all:
        return REMOVE
    return _ANOTHER_NAME if case.intended else "has a device that this rollout did not make"


def _waves(entries: list[dict[str, Any]], sizes: Sequence[int]) -> list[list[dict[str, Any]]]:
    waves: list[list[dict[str, Any]]] = []
    start = 0
    while start < len(entries):
        size = sizes[min(len(waves), len(sizes) - 1)]
        waves.append(entries[start : start + size])
        start += size
    return waves


def own_credentials(wave: Sequence[Entry], users: Sequence[Entry], offset: int = 0) -> dict[str, dict[str, Any]]:
    """The credentials that the role's variable gives for the users of a wave, by user id.

    ``users`` is the part of the variable from ``offset`` on that holds the wave's users; where the list is no longer in the order in which it
    was planned, all of it is searched.
    """
    found = {}
    for entry in wave:
        place = entry["index"] - offset
        asked = users[place] if 0 <= place < len(users) else {}
        if not _is_for(asked, entry):
            asked = next((user for user in users if _is_for(user, entry)), {})
        found[entry["user_id"]] = {name: asked[name] for name in OWN_CREDENTIALS if asked.get(name)}
    return found


def _is_for(asked: Entry, entry: Entry) -> bool:
    if asked.get("user_id"):
        return bool(str(asked["user_id"]) == entry["user_id"])
    return bool(asked.get("name") and str(asked["name"]) == entry["name"])


_SHOWN = 10
"""Of how many users with the same reason a plan's lines show the names."""


def plan_lines(plan: Entry) -> list[str]:
    """The plan for a person: a line a wave, and a line for everybody who is not included and why."""
    lines = []
    for number, wave in enumerate(plan["waves"], 1):
        alike_in_steps: dict[str, list[str]] = {}
        for entry in wave:
            alike_in_steps.setdefault(", ".join(entry["steps"]), []).append(str(entry["name"] or entry["user_id"]))
        parts = [
            f"to {steps}: {names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''}" for steps, names in alike_in_steps.items()
        ]
        lines.append(f"wave {number} of {len(plan['waves'])}, {'; '.join(parts)}")
    already = sum(1 for fate in plan["users"] if fate["fate"] == ALREADY)
    if already:
        lines.append(f"{already} already compliant")
    # A user who is in a wave or already compliant can have a reason too: it tells what is left as it is.
    for word, fates in (("left", (TODO, ALREADY)), ("scheduled", (LATER,)), ("skipped", (LEFT_ALONE,)), ("problem", (PROBLEM,))):
        found = [fate for fate in plan["users"] if fate["fate"] in fates and fate["reason"]]
        reasons = [(str(fate["user_id"] or ""), str(fate["name"] or fate["user_id"]), fate["reason"]) for fate in found]
        lines += [f"{word}: {who}: {reason}" for who, reason in alike(reasons, _SHOWN)]
    overdue = [fate for fate in plan["users"] if fate["campaign"] == OVERDUE]
    dates = [(str(fate["user_id"]), str(fate["name"] or fate["user_id"]), f"since {fate['not_before']}") for fate in overdue]
    lines += [f"overdue: {who}: {since}" for who, since in alike(dates, _SHOWN)]
    return [legible(line) for line in lines]
