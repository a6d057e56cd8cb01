# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order of a wave, and the one place that has it.

A rollout is ``create``, then the role's own storing of the new seeds, then ``finish``; a roll-back is ``remove``. Each phase is given what the
one before it has certainly achieved, as data: ``create`` the users whose devices are announced in the store, ``finish`` the seeds that the
store has shown after they were saved, ``remove`` what the store has shown of the seeds that are about to lose their devices. Whoever is not
among them is not touched, and their outcome says so. So it does not matter what an operator ignores or skips between the phases.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Callable

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.iam import NO_PROTECTION
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import legible
from ansible_collections.hwc.mfa.plugins.module_utils._modules.device_access import same_serial
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_virtual_mfa_device import NOT_MADE, SHOWN_DEVICE, unique_name
from ansible_collections.hwc.mfa.plugins.module_utils._modules.posture import has_vmfa
from ansible_collections.hwc.mfa.plugins.module_utils._modules.protections import HELD, VMFA
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.outcomes import (
    STOPS,
    by_user,
    failed,
    outcome_of,
    stopping,
    unfulfilled,
    wave_line,
)
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.protection_record import ProtectionRecord
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.shown import binding_shown
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import (
    BIND,
    CREATE,
    ENROL,
    PROTECT,
    PROVE,
    REMOVE,
    STORE,
    UNPROTECT,
    VERIFY,
    WAYS_TO_BIND,
    Entry,
    Terms,
)
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.account_file import AccountFileError
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.store import Seeds, StoredSeed, protection_in

Call = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]
"""Runs one of the collection's modules, by its name, with these options, and returns its result."""

LOOKS = 7
"""How often the cloud is looked at before what it does not show has failed: a read right after a write may be old for seconds."""

PAUSE = 2.0
"""Seconds between looks."""

NOT_ANNOUNCED = "the seed could not be stored: the store has no announcement of this device, so it was not created"
NOT_STORED = "the seed could not be stored: the store does not show it, so the device was not bound"
NOT_SHOWN_BOUND = "the cloud does not show the device as bound"
NOT_ENABLED = (
    "The user has no credentials of their own, and this administrator may not enable devices of others:"
    f" give {WAYS_TO_BIND} in mfa_rollout_users, or the administrator the right to do so."
)
NOT_REMOVED = "the old device is not certainly gone, so no other one was made"
NOT_RECORDED = "the record could not be written, so login protection was not lifted, not even for a moment"
NOT_NOTED = "the record could not be written, so login protection was not set"
NOT_ANNOUNCED_ANEW = "the store has no announcement of the device that is to be made anew, so the old one was not removed"
NOT_PROTECTED_AGAIN = "Login protection stays off until a run has bound a device, since the old one may not be bound any more."
NOT_DOUBTED = "the store could not be written, so the device was not removed"


@dataclass(frozen=True)
class Removal:
    """What came of the removal of the devices that are made anew: whose are gone, and the outcomes of those who failed, by user id."""

    removed: Collection[str] = ()
    failures: Mapping[str, Entry] = field(default_factory=dict)


@dataclass
class Created:
    """What ``create`` came to."""

    seeds: dict[str, StoredSeed] = field(default_factory=dict, repr=False)
    """The new seeds by user id. They must be stored before ``finish``."""

    outcomes: dict[str, Entry] = field(default_factory=dict)
    """The outcome of the creation by user id, without seeds."""

    withdrawn: list[str] = field(default_factory=list)
    """Users whose announcement can be taken back, because certainly no device was made for them."""

    changed: bool = False


@dataclass
class Finished:
    """What ``finish`` or ``remove`` came to."""

    outcomes: list[dict[str, Any]]
    """One for each user of the wave: see ``outcomes.outcome_of``."""

    line: str
    """The wave for a person."""

    certain: dict[str, StoredSeed] = field(default_factory=dict, repr=False)
    """Stored seeds of which more has become certain, or which must tell otherwise what protection was before: to be saved again."""

    removed: list[str] = field(default_factory=list)
    """Users whose devices are gone."""

    unrecorded: bool = False
    """Whether the record could not take note of what the wave came to. The line tells why."""

    @property
    def stops(self) -> bool:
        """Whether the rollout must not go on.

        The store or the record could not be written. Or the administrator may not bind for others, so that all further users without credentials
        of their own would fail too.
        """
        return self.unrecorded or any(outcome.get(STOPS) for outcome in self.outcomes)

    changed: bool = False


class Wave:
    """One wave of users, over ``call``, which runs a module.

    ``credentials`` are the users' own, by user id. ``api`` is ``v5`` where the cloud can tell a bound device from one that was only created.
    ``sleep`` takes seconds, ``begin`` is told of each step and for how many users it is taken, and ``now`` gives the cloud's time as text.
    ``record`` takes note of login protection before ``finish`` sets any; without one, a roll-back is told by the stored seeds alone.
    ``differ`` is told what check mode leaves out and a module would change, before and after.
    """

    def __init__(
        self,
        call: Call,
        entries: Sequence[Entry],
        terms: Terms,
        *,
        api: str,
        sleep: Callable[[float], None],
        credentials: Mapping[str, Entry] | None = None,
        check_mode: bool = False,
        number: int = 1,
        total: int = 1,
        begin: Callable[[str, int], None] = lambda _step, _users: None,
        now: Callable[[], str] = lambda: "",
        record: ProtectionRecord | None = None,
        differ: Callable[[str, Mapping[str, Any], Mapping[str, Any]], None] = lambda _module, _before, _after: None,
    ) -> None:
        self._call = call
        self._differ = differ
        self._entries = entries
        self._terms = terms
        self._tells = api == "v5"
        self._sleep = sleep
        self._credentials = credentials or {}
        self._check_mode = check_mode
        self._number, self._total = number, total
        self._begin = begin
        self._now = now
        self._record = None if check_mode else record
        self._changed = False
        self._tables: dict[str, dict[str, Entry]] = {}
        self._lifted: Collection[str] = ()
        """Whose protection the record notes as lifted for a moment. To set it again does not change whose it is."""

        self._unlooked: str | None = None
        """Why the cloud could not be looked at before logins are protected."""

    def _with(self, step: str) -> list[Entry]:
        return _taking(step, self._entries)

    def _done(self, step: str) -> set[str]:
        """The ids of the users for whom a step succeeded."""
        return {user_id for user_id, outcome in self._tables[step].items() if not outcome.get("failed")}

    def _own(self, entry: Entry) -> Entry:
        return self._credentials.get(entry["user_id"], {})

    # The phases

    def create(self, announced: Collection[str], removal: Removal | None = None) -> Created:
        """Make the devices of the users who are ``announced`` in the store. In check mode nothing is announced, and nothing is made.

        ``removal`` is what came of the devices that were to go first; nobody gets another one whose device is not certainly gone.
        """
        creating = self._with(CREATE)
        gone = self._gone(removal)
        allowed = [entry for entry in creating if (self._check_mode or entry["user_id"] in announced) and entry["user_id"] in gone]
        self._bulk(
            CREATE,
            "iam_virtual_mfa_device",
            "devices",
            [
                {
                    "user_id": entry["user_id"],
                    # A serial number that came back with another seed would make the old one count.
                    "name": unique_name(entry["device_name"]) if entry["device_name"] else None,
                    # What a person has made since the plan is not the leftover.
                    "presume_unbound": entry["leftover"] is not None,
                    "serial_number": entry["leftover"],
                    "replace": "unbound" if self._terms.replace_unbound else "own",
                    **self._own(entry),
                }
                for entry in allowed
            ],
        )
        now = self._now()
        table = self._tables[CREATE]
        created = Created(changed=self._changed)
        for entry in creating:
            user_id = entry["user_id"]
            outcome = dict(table.get(user_id) or (stopping(NOT_ANNOUNCED) if user_id in gone else failed(NOT_REMOVED)))
            seed = outcome.pop("seed", None)
            if seed:
                created.seeds[user_id] = StoredSeed(
                    str(outcome["serial_number"]),
                    str(seed),
                    str(entry["name"] or ""),
                    before=protection_in(entry["replaced"]),
                    made_at=now,
                )
            # A leftover of an earlier run is known by that run's announcement, which stays while the leftover does.
            elif user_id in announced and not entry["intended"] and (outcome.get("creation") == NOT_MADE or user_id not in gone):
                created.withdrawn.append(user_id)
            if not outcome.get("failed") and not seed and not self._check_mode:
                outcome = failed("a device of this user has appeared meanwhile, so none was created: run again")
            created.outcomes[user_id] = outcome
        return created

    def _gone(self, removal: Removal | None) -> set[str]:
        """Who may get another device: those whose device was removed, and those who had none to remove. Keeps what came of the removal."""
        found = removal or Removal()
        for entry in self._with(REMOVE):
            user_id = entry["user_id"]
            failure = found.failures.get(user_id)
            if failure is None and (user_id in found.removed or self._check_mode):
                outcome: Entry = {"failed": False}
            else:
                outcome = {**failure, **failed(str(failure["msg"]))} if failure else failed(NOT_REMOVED)
            self._tables.setdefault(UNPROTECT, {})[user_id] = (
                outcome if failure is None or failure["step"] == UNPROTECT else {"failed": False}
            )
            self._tables.setdefault(REMOVE, {})[user_id] = outcome
        return {
            entry["user_id"]
            for entry in self._entries
            if not self._tables.get(REMOVE, {}).get(entry["user_id"], {"failed": False})["failed"]
        }

    def finish(
        self,
        created: Mapping[str, Entry],
        made: Mapping[str, StoredSeed],
        shown: Seeds,
        stored: Seeds,
        removal: Removal | None = None,
    ) -> Finished:
        """Bind, look whether bound, protect, verify, and prove.

        ``created`` and ``made`` are the outcomes and the seeds of ``create``. ``shown`` is what the store showed after they were saved, and
        ``stored`` what it showed before the wave, both by user id. Nobody is bound whose seed is not among them.
        """
        self._tables[CREATE] = dict(created)
        self._gone(removal)
        seeds = self._stored_seeds(made, shown, stored)
        self._bind(seeds)
        certain = self._certainly_bound()
        self._protect(certain)
        unseen = self._unseen(self._entries)
        certainties = self._prove(seeds, unseen)
        if self._terms.strategy == ENROL and not self._tells and not self._check_mode:
            # This cloud cannot tell later.
            certainties = {
                **{user_id: replace(seeds[user_id], bound=True) for user_id in certain if user_id in seeds},
                **certainties,
            }
        certainties = {**certainties, **self._told(seeds, certainties)}
        finished = self._finished(self._entries, unseen, certainties)
        self._note_the_end(finished, self._entries)
        return finished

    def remove(self, stored: Seeds, shown: Seeds, lifting: Collection[str] = (), announced: Collection[str] = ()) -> Finished:
        """Lift protection, unbind and delete, and verify. Protection that is lifted for a moment only is set again.

        Nobody's protection is lifted for a moment whom the record, or ``lifting``, does not show as lifted, since a run may end then. And no
        device goes that is to be made anew, unless the store has taken something of its user, such as that the new one is ``announced``, and the
        user's own credentials work: both are needed for the new one.

        ``stored`` is what the store showed before the wave, and ``shown`` what it showed after it took note that the devices of ``doubted``
        are no longer certain to be bound.
        """
        # What comes after the removal of a rotated device is for the next phases.
        entries = [{**entry, "steps": _for_removal(entry["steps"])} for entry in self._entries]
        anew = {entry["user_id"] for entry in self._with(CREATE) if REMOVE in entry["steps"]}
        spared = self._spared(stored, shown, lifting, anew - set(announced))
        unprotecting = [entry for entry in _taking(UNPROTECT, entries) if entry["user_id"] not in spared]
        self._bulk(UNPROTECT, "iam_login_protection", "users", [_unprotection(entry) for entry in unprotecting])
        lifted = self._done(UNPROTECT)
        removing = [
            entry
            for entry in _taking(REMOVE, entries)
            if entry["user_id"] not in spared and (UNPROTECT not in entry["steps"] or entry["user_id"] in lifted)
        ]
        self._bulk(REMOVE, "iam_virtual_mfa_device", "devices", [self._removal(entry, anew) for entry in removing], state="absent")
        if self._check_mode:
            self._forgive_held(lifted)
        for user_id, reason in spared.items():
            self._tables[UNPROTECT][user_id] = self._tables[REMOVE][user_id] = stopping(reason)
        unseen = self._protect_again(entries, lifted)
        finished = self._finished(entries, unseen, {})
        finished.removed = [
            outcome["user_id"]
            for outcome in finished.outcomes
            if REMOVE in outcome["done"] and not outcome["failed"] and not self._check_mode
        ]
        # What comes of a device that is made anew, ``finish`` knows.
        self._note_the_end(finished, [entry for entry in self._entries if CREATE not in entry["steps"]])
        return finished

    def _spared(self, stored: Seeds, shown: Seeds, lifting: Collection[str], unannounced: Collection[str]) -> dict[str, str]:
        """Whose protection and device stay, and why: what must be written first was not. Notes in the record whose protection is lifted for a moment."""
        doubts = self.doubted(stored)
        lifts = [entry for entry in self._with(UNPROTECT) if PROTECT in entry["steps"]]
        unwritten = self._note(lifts)
        if self._check_mode:
            return {}
        noted = set(lifting) | (set() if unwritten or self._record is None else {entry["user_id"] for entry in lifts})
        return {
            **{entry["user_id"]: _because(NOT_RECORDED, unwritten) for entry in lifts if entry["user_id"] not in noted},
            **{user_id: NOT_ANNOUNCED_ANEW for user_id in unannounced if user_id not in doubts},
            **{user_id: NOT_DOUBTED for user_id, seed in doubts.items() if seed not in shown.get(user_id, ())},
        }

    def _removal(self, entry: Entry, anew: Collection[str]) -> dict[str, Any]:
        """What has the device of a user removed."""
        return {
            "user_id": entry["user_id"],
            "serial_number": entry["serial_number"],
            "presume_unbound": not entry["unbind"],
            "check_credentials": True if entry["user_id"] in anew and self._own(entry) else None,
            # Some clouds may let users alone delete their devices.
            **self._own(entry),
        }

    def _forgive_held(self, lifted: Collection[str]) -> None:
        """In check mode protection still holds devices that it would not hold for real, since it would be ``lifted``."""
        table = self._tables[REMOVE]
        held = [user_id for user_id in lifted if (table.get(user_id, {}).get("error") or {}).get("code") == HELD]
        table.update({user_id: {"failed": False} for user_id in held})
        self._changed = self._changed or bool(held)
        self._differ("iam_virtual_mfa_device", dict.fromkeys(held, SHOWN_DEVICE), dict.fromkeys(held))

    def _protect_again(self, entries: Sequence[Entry], lifted: set[str]) -> dict[str, str | None]:
        """Set the protection again that was ``lifted`` for a moment; of a device that is to be made anew, only where the old one is still bound.

        Returns what the cloud does not show of all that was done.
        """
        before_it = [_without(PROTECT, entry) for entry in entries]
        unseen = self._unseen(before_it)
        left = {entry["user_id"] for entry in before_it if outcome_of(entry, self._tables, unseen.get(entry["user_id"]))["failed"]}
        resets = {entry["user_id"] for entry in _taking(PROTECT, entries)}
        anew = ({entry["user_id"] for entry in self._with(PROTECT)} - resets) & left & lifted
        kept = {user_id for user_id in anew if self._still_bound(user_id)}
        for user_id in anew - kept:
            outcome = self._tables[REMOVE][user_id]
            if outcome.get("failed"):
                self._tables[REMOVE][user_id] = {**outcome, "msg": f"{outcome['msg']} {NOT_PROTECTED_AGAIN}"}
        again = sorted(resets | kept)
        # In check mode nothing was lifted, so the module would find nothing to set again; what an earlier run has lifted it finds.
        pretended = [user_id for user_id in again if self._check_mode and user_id in lifted]
        items = [{"user_id": user_id, **_VMFA} for user_id in again if user_id not in pretended]
        self._bulk(PROTECT, "iam_login_protection", "users", items)
        self._tables[PROTECT].update({user_id: {"failed": False} for user_id in pretended})
        self._differ("iam_login_protection", dict.fromkeys(pretended, _OFF), dict.fromkeys(pretended, _VMFA))
        return self._unseen(entries) if resets else unseen

    def _still_bound(self, user_id: str) -> bool:
        """Whether a device that could not be removed is certainly what it was: its removal was refused, and nothing was done to it.

        After an answer that was lost, a reading shows no more than that: it may be older than the unbinding.
        """
        outcome = self._tables[REMOVE][user_id]
        lost = (outcome.get("error") or {}).get("uncertain")
        return bool(outcome.get("failed") and not outcome.get("changed") and not lost)

    def doubted(self, stored: Seeds) -> dict[str, StoredSeed]:
        """The stored seeds of devices that are about to be removed, without what will no longer be certain of them: a run may end half-way.

        The seeds themselves count until the devices are gone, since a device that is bound is of no use without its seed.
        """
        doubts = {}
        for entry in self._with(REMOVE):
            for seed in stored.get(entry["user_id"], ()):
                if same_serial(seed.serial_number, entry["serial_number"] or "") and (seed.bound or seed.proven):
                    doubts[entry["user_id"]] = replace(seed, bound=False, proven=False)
        return doubts

    # The steps

    def _bulk(self, step: str, module: str, key: str, items: list[dict[str, Any]], **options: Any) -> None:
        """One call of a module for all users who take a step; where the call failed as a whole, each of them has failed with its reason."""
        if not items:
            self._tables[step] = {}
            return
        self._begin(step, len(items))
        option = {"iam_virtual_mfa_bind": "bindings", "iam_virtual_mfa_device": "devices"}.get(module, "users")
        given = [{name: value for name, value in item.items() if value is not None} for item in items]
        result = self._call(module, {option: given, **options})
        table = by_user(result, key)
        whole = failed(str(result.get("msg") or f"{module} gave no outcome of this user"))
        if key not in result:
            whole = {**whole, **_UNSENT}
        self._tables[step] = {str(item["user_id"]): table.get(str(item["user_id"]), whole) for item in items}
        self._changed = self._changed or bool(result.get("changed"))

    def _stored_seeds(self, made: Mapping[str, StoredSeed], shown: Seeds, stored: Seeds) -> dict[str, StoredSeed]:
        """The seeds of the wave's devices that the store has shown, by user id."""
        seeds: dict[str, StoredSeed] = {}
        self._tables[STORE] = {}
        for entry in self._entries:
            user_id = entry["user_id"]
            if CREATE not in entry["steps"]:
                for seed in stored.get(user_id, ()):
                    if same_serial(seed.serial_number, entry["serial_number"] or ""):
                        seeds.setdefault(user_id, seed)
            elif user_id in made:
                if any(seed.is_of(made[user_id]) for seed in shown.get(user_id, ())):
                    seeds[user_id] = made[user_id]
                else:
                    self._tables[STORE][user_id] = stopping(NOT_STORED)
        return seeds

    def _bind(self, seeds: Mapping[str, StoredSeed]) -> None:
        binding = self._with(BIND)
        items = [
            {
                "user_id": entry["user_id"],
                "serial_number": seeds[entry["user_id"]].serial_number,
                "seed": seeds[entry["user_id"]].seed,
                "presume_unbound": CREATE in entry["steps"],
                **self._own(entry),
            }
            for entry in binding
            if entry["user_id"] in seeds
        ]
        self._bulk(BIND, "iam_virtual_mfa_bind", "bindings", items)
        for entry in binding:
            outcome = self._tables[BIND].get(entry["user_id"], {})
            if outcome.get("failed") and not self._own(entry) and (outcome.get("error") or {}).get("status") == 403:
                self._tables[BIND][entry["user_id"]] = {**outcome, **stopping(f"{outcome['msg']} {NOT_ENABLED}")}
        for entry in binding:
            # In check mode nothing was made that could be bound; that it could not be made is said already.
            unbound = {"failed": False} if self._check_mode and CREATE in entry["steps"] else failed("the store does not show its seed")
            self._tables[BIND].setdefault(entry["user_id"], unbound)

    def _certainly_bound(self) -> set[str]:
        """Whose devices are certainly bound: the cloud shows it where it can tell. An answer alone is a promise."""
        if self._terms.strategy != ENROL or self._check_mode:
            return {entry["user_id"] for entry in self._entries}
        expected = {
            user_id: str(outcome["serial_number"])
            for user_id, outcome in self._tables[BIND].items()
            if not outcome.get("failed") and outcome.get("binding") == "bound"
        }
        for entry in self._with(PROTECT):
            if BIND not in entry["steps"] and entry["serial_number"]:
                expected[entry["user_id"]] = entry["serial_number"]
        if not expected:
            return set()
        certain: set[str] = set()

        def settled(users: Mapping[str, Entry]) -> bool:
            for user_id, serial_number in expected.items():
                binding = binding_shown(users[user_id], serial_number) if user_id in users else None
                if binding == "bound" or (binding is not None and not self._tells):
                    certain.add(user_id)
            return len(certain) == len(expected)

        if self._tells or any(BIND not in entry["steps"] for entry in self._with(PROTECT)):
            self._unlooked = self._look(list(expected), settled)
        else:
            certain = set(expected)
        return certain

    def _protect(self, certain: Collection[str]) -> None:
        protecting = self._with(PROTECT)
        allowed = [entry for entry in protecting if entry["user_id"] in certain]
        unnoted = self._note(allowed)
        self._bulk(
            PROTECT,
            "iam_login_protection",
            "users",
            [{"user_id": entry["user_id"], **_VMFA} for entry in allowed if not unnoted],
        )
        if unnoted:
            self._tables[PROTECT].update({entry["user_id"]: {**stopping(_because(NOT_NOTED, unnoted)), **_UNSENT} for entry in allowed})
        for entry in protecting:
            self._tables[PROTECT].setdefault(entry["user_id"], {**failed(_because(NOT_SHOWN_BOUND, self._unlooked)), **_UNSENT})

    def _unset(self) -> set[str]:
        """Whose login protection was certainly not set: nothing was sent, or the cloud refused it."""
        return {user_id for user_id, outcome in self._tables.get(PROTECT, {}).items() if outcome.get("failed") and _is_refused(outcome)}

    # The record

    def _note(self, entries: Sequence[Entry]) -> str | None:
        """Take note of whose protection is about to be set, or lifted for a moment, and learn whose is lifted. Returns why that could not be, or None."""
        if self._record is None:
            return None
        try:
            self._lifted = (self._record.begin(entries) if entries else self._record.returned([])).lifted
        except AccountFileError as error:
            return str(error)
        return None

    def _note_the_end(self, finished: Finished, entries: Sequence[Entry]) -> None:
        """Take note of what came of login protection, and say so where that cannot be."""
        entries = [entry for entry in entries if PROTECT in entry["steps"] or UNPROTECT in entry["steps"]]
        if self._record is None or not entries:
            return
        try:
            failures = {outcome["user_id"]: outcome for outcome in finished.outcomes if outcome["failed"]}
            self._record.end(entries, failures, unset=self._unset())
        except AccountFileError as error:
            finished.unrecorded = True
            finished.line += f"\n  the record could not be written: {legible(error)}"

    def _unseen(self, entries: Sequence[Entry]) -> dict[str, str | None]:
        """What the cloud does not show of what was done, by user id; None where it shows all."""
        if self._check_mode:
            return {}
        unseen: dict[str, str | None] = {}
        bound = self._tables.get(BIND, {})

        def settled(users: Mapping[str, Entry]) -> bool:
            for entry in entries:
                user_id = entry["user_id"]
                unseen[user_id] = unfulfilled(entry, users.get(user_id), self._terms, bound.get(user_id))
            # Who has failed before is not waited for.
            outcomes = [outcome_of(_without(PROVE, entry), self._tables, unseen[entry["user_id"]]) for entry in entries]
            return not any(outcome["step"] == VERIFY for outcome in outcomes)

        reason = self._look([entry["user_id"] for entry in entries], settled)
        return unseen if reason is None else {entry["user_id"]: reason for entry in entries}

    def _look(self, user_ids: list[str], settled: Callable[[Mapping[str, Entry]], bool]) -> str | None:
        """Look at users until what is seen is ``settled``, or for some seconds. Returns why nobody could look, or None."""
        reason = None
        for number in range(LOOKS):
            if number:
                self._sleep(PAUSE)
            result = self._call("iam_mfa_info", {"user_ids": user_ids})
            if "users" not in result:
                reason = str(result.get("msg") or "the cloud was not looked at")
                continue
            reason = None
            if settled(by_user(result, "users")):
                break
        return reason

    def _prove(self, seeds: Mapping[str, StoredSeed], unseen: Mapping[str, str | None]) -> dict[str, StoredSeed]:
        """Log in as those for whom all else has succeeded. Returns the seeds with which they did."""
        proving = self._with(PROVE)
        if self._check_mode:
            self._tables[PROVE] = {entry["user_id"]: {"failed": False} for entry in proving}
            return {}
        items = []
        for entry in proving:
            user_id, own = entry["user_id"], self._own(entry)
            if user_id in seeds and not outcome_of(_without(PROVE, entry), self._tables, unseen.get(user_id))["failed"]:
                login = {name: own[name] for name in ("auth_password", "auth_domain_name", "auth_domain_id") if name in own}
                items.append({"user_id": user_id, "seed": seeds[user_id].seed, **login})
        self._bulk(PROVE, "iam_login_check", "users", items)
        logged_in = [user_id for user_id, outcome in self._tables[PROVE].items() if outcome.get("logged_in")]
        # Only a bound device gives codes that count.
        return {user_id: replace(seeds[user_id], bound=True, proven=True) for user_id in logged_in}

    def _told(self, seeds: Mapping[str, StoredSeed], certainties: Mapping[str, StoredSeed]) -> dict[str, StoredSeed]:
        """The stored seeds that must tell otherwise than they do which protection was there before a rollout set another one.

        They stand for a record where there is none, so they tell nothing where no rollout has set any.
        """
        if self._check_mode or self._terms.strategy != ENROL:
            return {}
        told, unset = {}, self._unset()
        for entry in self._entries:
            user_id, steps = entry["user_id"], entry["steps"]
            if user_id not in seeds or UNPROTECT in steps:
                continue
            before = seeds[user_id].before
            if PROTECT not in steps:
                before = before if has_vmfa({"login_protection": entry["protection"]}) else None
            elif user_id in self._lifted:
                continue
            elif user_id in unset:
                before = None
            elif before is None and not self._tables[PROTECT][user_id].get("failed"):
                before = protection_in(entry["protection"])
            if before != seeds[user_id].before:
                told[user_id] = replace(certainties.get(user_id, seeds[user_id]), before=before)
        return told

    def _finished(self, entries: Sequence[Entry], unseen: Mapping[str, str | None], certain: dict[str, StoredSeed]) -> Finished:
        outcomes = [outcome_of(entry, self._tables, unseen.get(entry["user_id"])) for entry in entries]
        return Finished(outcomes, wave_line(self._number, self._total, outcomes), certain, changed=self._changed)


def _for_removal(steps: Sequence[str]) -> list[str]:
    """The steps that a removal takes: of a device that is made anew, all that come before that."""
    return [step for step in steps if step in (UNPROTECT, REMOVE) or (step == PROTECT and CREATE not in steps)]


_OFF = {"enabled": False, "verification_method": NO_PROTECTION}
_VMFA = {"enabled": True, "verification_method": VMFA}

_UNSENT = {"sent": False}
"""In an outcome: for this user, the module came to no request that changes anything."""


def _is_refused(outcome: Entry) -> bool:
    """Whether a failed write has certainly changed nothing. An answer that is no refusal may come from a gateway, or after all was done."""
    error = outcome.get("error") or {}
    return outcome.get("sent") is False or ((error.get("status") or 0) >= _REFUSALS and not error.get("uncertain"))


_REFUSALS = 400
"""The HTTP statuses from here on say that a request was not carried out, or that nobody knows."""


def _because(what: str, why: str | None) -> str:
    return f"{what}: {why}" if why else what


def _taking(step: str, entries: Sequence[Entry]) -> list[Entry]:
    return [entry for entry in entries if step in entry["steps"]]


def _without(left_out: str, entry: Entry) -> Entry:
    return {**entry, "steps": [step for step in entry["steps"] if step != left_out]}


def _unprotection(entry: Entry) -> dict[str, Any]:
    """What takes protection back: what was before the rollout, where its record tells."""
    before = entry["restore"]
    if before.get("enabled") and before.get("verification_method") in ("sms", "email"):
        return {"user_id": entry["user_id"], "enabled": True, "verification_method": before["verification_method"]}
    return {"user_id": entry["user_id"], "enabled": False}
