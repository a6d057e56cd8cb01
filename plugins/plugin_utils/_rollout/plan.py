# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who belongs to which wave, with which steps, and why not: pure decisions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import legible
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.store import StoredSeed, seeds_of

REQUIRE, ENROL = "require", "enrol"

CREATE, STORE, BIND, PROTECT, PROVE, UNPROTECT, REMOVE = "create", "store", "bind", "protect", "prove", "unprotect", "remove"

VERIFY = "verify"
"""The step at which a user fails for whom the cloud does not show what was done, though all calls succeeded."""

ORDER = (CREATE, BIND, PROTECT, PROVE, UNPROTECT, REMOVE)
"""The steps of an entry, in the order in which a wave takes them."""

TODO, ALREADY, LEFT_ALONE, PROBLEM = "todo", "already", "left_alone", "problem"
"""What a plan makes of a user: something is to be done; nothing is left to do; the user is not to be touched; the user was named and cannot be enrolled."""

EVERYBODY = "all"
"""The value of ``mfa_rollout_users`` that means every user of the account."""

OWN_CREDENTIALS = ("auth_password", "auth_token", "access_key", "secret_key", "security_token", "auth_domain_name", "auth_passcode")
_KEYS = ("user_id", "name", "device_name", *OWN_CREDENTIALS)

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
    exempt_strict: bool = True
    replace_unbound: bool = False
    rollback_all: bool = False
    audit_only: bool = False
    """Whether nothing will be done: then nobody needs credentials of their own, and what would stop a rollout is a warning."""

    store_known: bool = True
    """Whether there is a store that could tell which devices a rollout made."""

    @property
    def present(self) -> bool:
        """Whether this is a rollout and not a roll-back."""
        return self.state == "present"


def terms_of(terms: Mapping[str, Any]) -> Terms:
    """Terms from the mapping that the role passes around; what is missing has its default. Raises PlanError."""
    default = Terms()
    known = {each.name for each in fields(Terms)}
    unknown = sorted(str(name) for name in terms if name not in known)
    if unknown:
        raise PlanError(f"no term is called {', '.join(unknown)}; there are {', '.join(sorted(known))}.")
    values: dict[str, Any] = {name: terms.get(name, getattr(default, name)) for name in known}
    sizes = values["wave_sizes"]
    for name, value in values.items():
        if name in ("strategy", "state"):
            values[name] = str(value)
        elif name != "wave_sizes":
            values[name] = _flag(name, value)
    # What is no list is refused where the plan is made, with the words for it.
    values["wave_sizes"] = list(sizes) if isinstance(sizes, (list, tuple)) else []
    return Terms(**values)


def _flag(name: str, value: Any) -> bool:
    """A flag as a play may give it: the text "false" is not true."""
    try:
        return bool(boolean(value))
    except TypeError:
        raise PlanError(f"mfa_rollout_{name} must be true or false.") from None


@dataclass(frozen=True)
class Known:
    """What is known of an account beside the audit.

    ``seeds`` maps user ids to what the store has of them, ``intents`` are users for whom an earlier run was about to create a device,
    ``record`` maps user ids to what a rollout's record says of their login protection, ``auth`` are the play's own credentials.
    """

    seeds: Mapping[str, Entry] = field(default_factory=dict, repr=False)
    intents: Iterable[str] = ()
    record: Mapping[str, Entry] = field(default_factory=dict)
    auth: Entry = field(default_factory=dict, repr=False)


def make_plan(
    wanted: Sequence[Entry] | str, audit: Entry, terms: Terms, exempt: Sequence[Any] = (), known: Known = Known()
) -> dict[str, Any]:
    """Who belongs to which wave, and why not.

    ``wanted`` are the users of the role's variable, or ``all``; ``audit`` is the result of iam_mfa_info. Returns ``waves`` (lists of entries
    with their ``steps`` and their ``index`` in ``wanted``), ``users`` (everybody's ``fate``, ``reason``, and whether they were ``named``),
    ``warnings``, and ``lines`` for a person. No secret is in it. Raises PlanError.
    """
    _check(terms)
    people = _People(audit["users"])
    guards = _Guards(people, audit, terms, exempt, known.auth)
    if terms.present:
        guards.demand_a_way_in()
    intended = set(known.intents)
    fates: list[dict[str, Any]] = []
    entries: list[dict[str, Any]] = []
    taken: set[str] = set()
    everybody = wanted == EVERYBODY
    if not everybody and not isinstance(wanted, (list, tuple)):
        raise PlanError(_NOT_USERS)
    named: Sequence[Any] = [{"user_id": user["user_id"]} for user in audit["users"]] if everybody else list(wanted)
    for index, asked in enumerate(named):
        user = people.asked_for(asked)
        if user is None:
            who = {"user_id": asked.get("user_id"), "name": asked.get("name")}
            fates.append({**who, "named": True, "fate": PROBLEM, "reason": "no such user in this account"})
            continue
        unknown = sorted(str(key) for key in asked if key not in _KEYS)
        if unknown:
            raise PlanError(f"mfa_rollout_users: user {user['name']} has {', '.join(unknown)}; a user can have {', '.join(_KEYS)}.")
        user_id = str(user["user_id"])
        if user_id in taken:
            raise PlanError(f"mfa_rollout_users names user {user['name']} ({user_id}) twice.")
        taken.add(user_id)
        seeds = seeds_of(known.seeds.get(user_id))
        fate, reason, entry = _decide(
            _Case(asked, *_paired(user, seeds), terms, user_id in intended, known.record.get(user_id)), guards.reason_to_spare(asked, user)
        )
        fates.append({"user_id": user_id, "name": user["name"], "named": not everybody, "fate": fate, "reason": reason})
        if entry is not None:
            entries.append({**entry, "index": index})
    if terms.present:
        guards.spare_the_last(fates, entries)
    plan: dict[str, Any] = {"waves": _waves(entries, terms.wave_sizes), "users": fates, "warnings": guards.warnings}
    return {**plan, "lines": plan_lines(plan)}


def _check(terms: Terms) -> None:
    if terms.strategy not in (REQUIRE, ENROL):
        raise PlanError("mfa_rollout_strategy must be require or enrol.")
    if terms.state not in ("present", "absent"):
        raise PlanError("mfa_rollout_state must be present or absent.")
    sizes = terms.wave_sizes
    if not sizes or not all(isinstance(size, int) and not isinstance(size, bool) and size > 0 for size in sizes):
        raise PlanError("mfa_rollout_wave_sizes must be a list of whole numbers above 0, such as [1, 10, 100, 1000].")


_NOT_USERS = "mfa_rollout_users must be all, or a list of mappings, each with user_id or name."


class _People:
    """The users of the account, by id and by name."""

    def __init__(self, users: Sequence[Entry]) -> None:
        self.by_id = {str(user["user_id"]): user for user in users}
        self.by_name: dict[str, Entry] = {}
        self._by_likeness: dict[str, str] = {}
        for user in users:
            name = str(user["name"])
            self.by_name.setdefault(name, user)
            self._by_likeness.setdefault(_likeness(name), name)

    def alike(self, name: Any) -> str | None:
        """The name of a user that differs from ``name`` in case or blanks only; None where a user has that very name, or none is alike."""
        return None if str(name) in self.by_name else self._by_likeness.get(_likeness(str(name)))

    def asked_for(self, asked: Any) -> Entry | None:
        """The user whom an item of ``mfa_rollout_users`` means, by id before name. Raises PlanError where it means two."""
        if not isinstance(asked, Mapping) or not (asked.get("user_id") or asked.get("name")):
            raise PlanError(_NOT_USERS)
        named = self.by_name.get(str(asked["name"])) if asked.get("name") else None
        if not asked.get("user_id"):
            return named
        found = self.by_id.get(str(asked["user_id"]))
        if found is not None and named is not None and found["user_id"] != named["user_id"]:
            raise PlanError(
                f"mfa_rollout_users: user_id {legible(asked['user_id'], 80)} is {legible(found['name'], 80)} and not"
                f" {legible(asked['name'], 80)}: give the one or the other."
            )
        return found


def _likeness(name: str) -> str:
    return "".join(name.split()).casefold()


_CALLER = "the play runs as this user"
_LAST = "the last administrator who logs in without a device: exempt another administrator, and this one is included too"


class _Guards:
    """Who is never touched, whatever is planned."""

    def __init__(self, people: _People, audit: Entry, terms: Terms, exempt: Sequence[Any], auth: Entry) -> None:
        self._people = people
        self._terms = terms
        self._auth = auth
        self._caller: Entry | None = audit.get("caller")
        self._administrators: Sequence[str] | None = audit.get("administrators")
        self.warnings: list[str] = []
        self._exempt = self._exemptions(exempt)

    def _exemptions(self, exempt: Sequence[Any]) -> dict[str, str]:
        found: dict[str, str] = {}
        for item in exempt:
            if not isinstance(item, Mapping) or not (item.get("user_id") or item.get("name")):
                raise PlanError("mfa_rollout_exempt must be a list of mappings, each with user_id or name, and a reason.")
            reason = str(item.get("reason") or "no reason given")
            name = item.get("name")
            alike = self._people.alike(name) if name else None
            if alike is not None:
                raise PlanError(
                    f"mfa_rollout_exempt names {legible(name, 80)!r}, and the user is called {legible(alike, 80)!r}: write it just so."
                )
            # An old id beside the right name, or the other way round, is no reason to touch a user who was to be spared.
            fitting = [self._people.by_id.get(str(item.get("user_id"))), self._people.by_name.get(str(name)) if name else None]
            for user in fitting:
                if user is not None:
                    found[str(user["user_id"])] = reason
            if not any(fitting):
                self._exempts_nobody(item)
        return found

    def _exempts_nobody(self, item: Entry) -> None:
        text = f"mfa_rollout_exempt names {legible(item.get('user_id') or item.get('name'), 80)}, who is no user of this account"
        if self._terms.exempt_strict and not self._terms.audit_only:
            raise PlanError(f"{text}. Mend it, or set mfa_rollout_exempt_strict=false where accounts share one list.")
        self.warnings.append(f"{text}.")

    def demand_a_way_in(self) -> None:
        """Raise PlanError where nobody can tell whom the play would lock out."""
        if self._caller is not None:
            return
        who = "The cloud does not tell which user the play runs as"
        if self._administrators is not None:
            self.warnings.append(f"{who}: name that user in mfa_rollout_exempt.")
            return
        text = f"{who}, nor who administers the account: name that user, or an administrator, in mfa_rollout_exempt, as a way in."
        if not self._exempt and not self._terms.audit_only:
            raise PlanError(text)
        self.warnings.append(text)

    def reason_to_spare(self, asked: Entry, user: Entry) -> str | None:
        """Why a user is not touched, or None."""
        exemption = self._exempt.get(str(user["user_id"]))
        if exemption is not None:
            return f"exempt: {exemption}"
        return _CALLER if self._is_caller(asked, user) else None

    def _is_caller(self, asked: Entry, user: Entry) -> bool:
        """Whether the play itself runs as this user: by what the cloud says, by the login, or by the very credentials."""
        caller, auth = self._caller, self._auth
        if caller and (caller.get("user_id") == user["user_id"] or (not caller.get("user_id") and caller.get("name") == user["name"])):
            return True
        if auth.get("auth_user_id") == user["user_id"] or (auth.get("auth_username") and auth["auth_username"] == user["name"]):
            return True
        return any(auth.get(secret) and auth[secret] == asked.get(secret) for secret in ("access_key", "auth_token"))

    def spare_the_last(self, fates: list[dict[str, Any]], entries: list[dict[str, Any]]) -> None:
        """Take one administrator out of a plan that would touch all of them.

        Nobody asks whether the others can log in: the one who is spared is the same in the next run, when the others have been enrolled.
        """
        found = [self._people.by_id.get(user_id) for user_id in self._administrators or []]
        administrators = [user for user in found if user is not None and user["enabled"]]
        planned = {entry["user_id"]: entry for entry in entries}
        touched = [user["user_id"] for user in administrators if user["user_id"] in planned]
        ways_in = [
            user for user in administrators if self.reason_to_spare({}, user) or (user["user_id"] not in planned and _untouched(user))
        ]
        if not touched or ways_in:
            return
        entries.remove(planned[touched[0]])
        for fate in fates:
            if fate["user_id"] == touched[0]:
                fate.update(fate=LEFT_ALONE, reason=_LAST)


def _untouched(user: Entry) -> bool:
    """Whether a user logs in as if there had never been a rollout."""
    return not has_vmfa(user) and user["device"] is None


def has_vmfa(user: Entry) -> bool:
    """Whether a user of an audit is asked for a code of a virtual MFA device at each login."""
    return bool(user["login_protection"]["enabled"]) and user["login_protection"]["verification_method"] == "vmfa"


def devices_of(user: Entry) -> list[Entry]:
    """All devices that an audit shows of a user."""
    listed = user.get("devices")
    if listed:
        return list(listed)
    return [user["device"]] if user["device"] is not None else []


def _paired(user: Entry, seeds: Sequence[StoredSeed]) -> tuple[Entry, Entry | None, StoredSeed | None]:
    """The user, their virtual device, and its seed. A device whose seed is stored is a virtual one, whatever kind the cloud shows."""
    for seed in seeds:
        for device in devices_of(user):
            if device["serial_number"] == seed.serial_number:
                return user, device, seed
    return user, user["device"], None


def stored_seed(user: Entry, entry: Any) -> StoredSeed | None:
    """The stored seed of the device that an audit shows of a user, from the store's ``entry``; None where it is not stored."""
    return _paired(user, seeds_of(entry))[2]


def binding_shown(user: Entry, serial_number: str | None) -> str | None:
    """How an audit shows the device with this serial number: its binding, or None where the user does not have it."""
    return next((str(device["binding"]) for device in devices_of(user) if device["serial_number"] == serial_number), None)


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

    @property
    def set_protection(self) -> Entry | None:
        """What a rollout of this strategy did to the user's login protection, by its record, or by the seed that it stored; else None."""
        if self.record is not None and self.record.get("strategy") == self.terms.strategy:
            return self.record
        if self.terms.strategy == ENROL and self.seed is not None and self.seed.before is not None:
            return {"before": self.seed.before}
        return None

    @property
    def certainly_bound(self) -> bool:
        """Whether the device is certainly bound: the cloud says so, or where it cannot tell, an earlier run saw it and wrote it down."""
        if self.device is None:
            return False
        if self.device["binding"] == "unknown":
            return self.seed is not None and self.seed.bound
        return bool(self.device["binding"] == "bound")

    @property
    def kind_unknown(self) -> bool:
        """Whether the device may be a security key. A cloud that lists virtual devices only need not tell."""
        return self.device is not None and self.seed is None and self.device.get("kind", "virtual") == "unknown"


def _decide(case: _Case, spared: str | None) -> tuple[str, str, dict[str, Any] | None]:
    """One user's fate, its reason, and where there is something to do, their entry in a wave."""
    user, terms = case.user, case.terms
    if spared is not None:
        return LEFT_ALONE, spared, None
    if not terms.present:
        steps, reason = _steps_back(case)
    elif not user["enabled"]:
        return LEFT_ALONE, "the user is disabled", None
    elif terms.strategy == REQUIRE:
        steps, reason = ([] if has_vmfa(user) else [PROTECT]), ""
    else:
        steps, reason = _steps_enrol(case)
        if terms.prove_login and case.asked.get("auth_password") and not reason and not _proven(case, steps):
            steps.append(PROVE)
        if (
            BIND in steps
            and not terms.audit_only
            and not any(case.asked.get(name) for name in ("auth_password", "auth_token", "access_key"))
        ):
            return (
                PROBLEM,
                "no credentials of their own, and only the user may bind: give auth_password, auth_token or access_key/secret_key",
                None,
            )
    if reason:
        return LEFT_ALONE, reason, None
    if not steps:
        return ALREADY, "", None
    return TODO, "", _entry(case, steps)


def _entry(case: _Case, steps: list[str]) -> dict[str, Any]:
    """What a wave must know of a user. It holds no secret, and nothing that a step could take for leave to do more."""
    return {
        "user_id": str(case.user["user_id"]),
        "name": case.user["name"],
        # YAML takes a name of digits for a number.
        "device_name": str(case.asked["device_name"]) if case.asked.get("device_name") else None,
        "steps": steps,
        # The device that is bound with a stored seed, or removed.
        "serial_number": case.device["serial_number"] if case.device is not None and CREATE not in steps else None,
        "intended": case.intended,
        # A device that only an announcement accounts for may be somebody else's after all: a bound one survives a deletion without unbinding.
        "unbind": case.seed is not None or (case.device is not None and case.device["binding"] == "unknown" and not case.intended),
        "protection": dict(case.user["login_protection"]),
        "restore": dict((case.set_protection or {}).get("before") or {}) if UNPROTECT in steps else {},
    }


def _proven(case: _Case, steps: Sequence[str]) -> bool:
    """Whether the user has logged in with the stored seed, or nobody can prove that they do, because their device's seed is their own."""
    if case.seed is None:
        return CREATE not in steps
    return BIND not in steps and case.seed.proven


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
    if case.intended or (case.device["binding"] == "unbound" and case.terms.replace_unbound):
        return [CREATE, BIND, *protect], ""
    if case.device["binding"] == "unbound":
        return [], "has an unbound device that no rollout made: mfa_rollout_replace_unbound=true replaces it"
    return [], "has a device whose seed is not stored, and this cloud cannot tell whether it is bound"


def _steps_back(case: _Case) -> tuple[list[str], str]:
    """A roll-back lifts and removes what a rollout did, by its record and its seeds, and more only where ``rollback_all`` says so."""
    terms = case.terms
    recorded = case.set_protection is not None
    # Protection by message or mail is none that a rollout has set.
    protected = has_vmfa(case.user)
    lifted = [UNPROTECT] if protected and (recorded or terms.rollback_all) else []
    kept = "login protection was not set by a rollout, as far as its record tells: mfa_rollout_rollback_all=true lifts it"
    removal = "" if terms.strategy == REQUIRE or case.device is None else _removal(case)
    if removal == REMOVE and protected and not lifted:
        return [], kept
    if removal == REMOVE:
        return [*lifted, REMOVE], ""
    if lifted:
        return lifted, ""
    return [], removal or (kept if protected else "")


def _removal(case: _Case) -> str:
    """``remove``, or why a user's device stays."""
    device = case.device or {}
    if case.kind_unknown:
        return "has a device of which the cloud does not tell whether it is a virtual MFA device or a security key"
    if case.seed is not None:
        return REMOVE
    if device["binding"] == "bound":
        return "has a bound device whose seed is not stored"
    if case.intended or case.terms.rollback_all:
        return REMOVE
    return "has a device that this rollout did not make"


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


def plan_lines(plan: Entry) -> list[str]:
    """The plan for a person: a line a wave, and a line for everybody who is not included and why."""
    lines = []
    for number, wave in enumerate(plan["waves"], 1):
        steps = [step for step in ORDER if any(step in entry["steps"] for entry in wave)]
        others = f" and {len(wave) - 1} more" if len(wave) > 1 else ""
        lines.append(f"wave {number} of {len(plan['waves'])}, to {', '.join(steps)}: {wave[0]['name']}{others}")
    already = sum(1 for fate in plan["users"] if fate["fate"] == ALREADY)
    if already:
        lines.append(f"{already} already compliant")
    lines += [f"skipped: {fate['name']}: {fate['reason']}" for fate in plan["users"] if fate["fate"] == LEFT_ALONE]
    lines += [f"problem: {fate['name'] or fate['user_id']}: {fate['reason']}" for fate in plan["users"] if fate["fate"] == PROBLEM]
    return [legible(line) for line in lines]
