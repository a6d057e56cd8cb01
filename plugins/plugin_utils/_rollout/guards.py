# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The users of an account, and who of them is never touched, whatever is planned: pure decisions."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._auth.agency import OPTION as AGENCY
from ansible_collections.hwc.mfa.plugins.module_utils._auth.base import digest_of
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import legible, quoted
from ansible_collections.hwc.mfa.plugins.module_utils._modules.posture import has_vmfa
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.campaign import NOTICE_DAYS, later, time_in
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import LEFT_ALONE, Entry, PlanError, Terms

NOT_USERS = "mfa_rollout_users must be all, or a list of mappings, each with user_id or name."


class People:
    """The users of the account, by id and by name."""

    def __init__(self, users: Sequence[Entry]) -> None:
        self.by_id = {str(user["user_id"]): user for user in users}
        self.by_name: dict[str, Entry] = {}
        self._by_likeness: dict[str, str] = {}
        for user in users:
            if user["name"] is None:
                continue
            name = str(user["name"])
            self.by_name.setdefault(name, user)
            self._by_likeness.setdefault(_likeness(name), name)

    def alike(self, name: Any) -> str | None:
        """The user who has nearly this name: case, blanks, or what nobody sees. None where a user has that very name, or nobody is alike."""
        return None if str(name) in self.by_name else self._by_likeness.get(_likeness(str(name)))

    def asked_for(self, asked: Any) -> Entry | None:
        """The user whom an item of ``mfa_rollout_users`` means, by id before name. Raises PlanError where it means two."""
        if not isinstance(asked, Mapping) or not (asked.get("user_id") or asked.get("name")):
            raise PlanError(NOT_USERS)
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
    # A letter with an accent can be one character or two, and some characters show nothing.
    text = unicodedata.normalize("NFKC", name).casefold()
    return unicodedata.normalize("NFKC", "".join(each for each in text if not each.isspace() and unicodedata.category(each) != "Cf"))


VARIABLE = "variable"
"""Where an exemption says which variable of the role it is from, if that is another one than usual."""

NO_EXEMPTION: Mapping[str, str | None] = {"exempt": None, "exempt_until": None}
"""What a user's fate says of exemptions, who has none."""

_CALLER = "the play runs as this user"
_LAST = "the last administrator who logs in without a device: exempt another administrator, and this one is included too"


@dataclass(frozen=True)
class _Exemption:
    """An exemption as somebody has written it, and when it is over; None: never."""

    item: Entry
    end: str | None

    @property
    def reason(self) -> str:
        return str(self.item.get("reason") or "no reason given")

    def outlasts(self, other: _Exemption) -> bool:
        """Whether it holds at least as long as another one. Of two that end together, the one that was written later counts."""
        return self.end is None or (other.end is not None and self.end >= other.end)

    def shown(self) -> str:
        """For a warning of its end."""
        return (
            f"the exemption of {legible(self.item.get('name') or self.item.get('user_id'), 80)} (until {legible(self.item['until'], 40)})"
        )


class Guards:
    """Who is never touched, whatever is planned."""

    def __init__(self, people: People, audit: Entry, terms: Terms, exempt: Sequence[Any], auth: Entry) -> None:
        self._people = people
        self._terms = terms
        self._auth = auth
        self._caller: Entry | None = audit.get("caller")
        # Those of the environment or of module_defaults are known to the audit alone.
        self._credentials = {audit.get("credentials"), *_digests(auth)}
        self._administrators: Sequence[str] | None = audit.get("administrators")
        self.warnings: list[str] = []
        self._now: str | None = audit.get("now")
        self._exempt = self._exemptions(exempt)

    def _exemptions(self, exempt: Sequence[Any]) -> dict[str, _Exemption]:
        """The exemption that counts for each user: of several, the one that holds longest. Warnings say of what ends, or has ended."""
        found: dict[str, _Exemption] = {}
        dated: list[tuple[_Exemption, set[str]]] = []
        for item in exempt:
            if not isinstance(item, Mapping) or not (item.get("user_id") or item.get("name")):
                raise PlanError("mfa_rollout_exempt must be a list of mappings, each with user_id or name, and best a reason.")
            name = item.get("name")
            alike = self._people.alike(name) if name else None
            if alike is not None:
                raise PlanError(
                    f"{_variable(item)} names {quoted(name, 80)}, and the user is called {quoted(alike, 80)}: write it just so."
                )
            # An old id beside the right name, or the other way round, is no reason to touch a user who was to be spared.
            named = [self._people.by_id.get(str(item.get("user_id"))), self._people.by_name.get(str(name)) if name else None]
            fitting = {str(user["user_id"]) for user in named if user is not None}
            exemption = _Exemption(item, time_in(item.get("until"), f"{_variable(item)}: until", end=True))
            if exemption.end is not None and self._now is not None:
                dated.append((exemption, fitting))
                if self._now >= exemption.end:
                    continue
            if not fitting:
                self._exempts_nobody(item)
            for user_id in fitting:
                if user_id not in found or exemption.outlasts(found[user_id]):
                    found[user_id] = exemption
        for exemption, fitting in dated:
            self._tell_end(exemption, fitting, found)
        return found

    def _tell_end(self, exemption: _Exemption, fitting: set[str], found: Mapping[str, _Exemption]) -> None:
        """Warn of an exemption that has ended or ends soon, unless another one holds longer for its users."""
        now, end = str(self._now), str(exemption.end)
        if now >= end:
            if not fitting or not fitting <= found.keys():
                self.warnings.append(f"{exemption.shown()} has ended, so that the user is exempt no more.")
        elif later(now, NOTICE_DAYS) >= end and any(found[user_id] is exemption for user_id in fitting):
            self.warnings.append(f"{exemption.shown()} ends within {NOTICE_DAYS} days.")

    def _exempts_nobody(self, item: Entry) -> None:
        text = f"{_variable(item)} names {legible(item.get('user_id') or item.get('name'), 80)}, who is no user of this account"
        if self._terms.exempt_strict and not self._terms.audit_only:
            raise PlanError(f"{text}. Fix it, or set mfa_rollout_exempt_strict=false where accounts share one list.")
        self.warnings.append(f"{text}.")

    def demand_a_way_in(self, named: Sequence[Any]) -> None:
        """Raise PlanError if nothing tells which user the play runs as. ``named`` are the users in the plan, with their own credentials."""
        caller = self._caller
        if (caller is not None and (caller.get("user_id") or caller.get("name"))) or self._login_names_a_user():
            return
        if any(self._has_the_credentials(asked) for asked in named if isinstance(asked, Mapping)):
            return
        if caller is not None:
            # An agency is no user, so that no user is spared on its account. Who knows the administrators spares the last of them.
            if self._administrators is not None:
                return
            text = (
                "The play runs as an agency, which is no user, and the cloud does not tell who administers the account: name an administrator"
                " in mfa_rollout_exempt, as a way in."
            )
        elif self._administrators is not None:
            # The last administrator is spared, and may be another one than the user who must not be locked out.
            text = "The cloud does not tell which user the play runs as: name that user in mfa_rollout_exempt, so that they are not locked out."
        else:
            text = (
                "The cloud does not tell which user the play runs as, nor who administers the account: name that user, or an administrator,"
                " in mfa_rollout_exempt, as a way in."
            )
        if not self._exempt and not self._terms.audit_only:
            raise PlanError(text)
        self.warnings.append(text)

    def _login_names_a_user(self) -> bool:
        """Whether the login itself says which user of this account the play runs as."""
        auth = self._auth
        if _assumes(auth):
            return False
        user_id, name = auth.get("auth_user_id"), auth.get("auth_username")
        return bool(user_id and str(user_id) in self._people.by_id) or bool(name and str(name) in self._people.by_name)

    def exemption_of(self, user_id: str) -> Mapping[str, str | None]:
        """Why a user is exempt, and until when."""
        exemption = self._exempt.get(user_id)
        if exemption is None:
            return NO_EXEMPTION
        return {"exempt": exemption.reason, "exempt_until": str(exemption.item["until"]) if exemption.end is not None else None}

    def reason_to_spare(self, asked: Entry, user: Entry) -> str | None:
        """Why a user is not touched, or None."""
        exemption = self._exempt.get(str(user["user_id"]))
        if exemption is not None:
            return f"exempt: {exemption.reason}"
        return _CALLER if self._is_caller(asked, user) else None

    def _is_caller(self, asked: Entry, user: Entry) -> bool:
        """Whether the play itself runs as this user: by what the cloud says, by the login, or by the very credentials."""
        caller, auth = self._caller, self._auth
        # A cloud need not tell a user's name, nor a login: two that are not known are not the same.
        name = user["name"]
        if caller and (caller.get("user_id") == user["user_id"] or (name and not caller.get("user_id") and caller.get("name") == name)):
            return True
        if auth.get("auth_user_id") == user["user_id"]:
            return True
        # Whoever assumes an agency is of another account, where another user has that name.
        if name and auth.get("auth_username") == name and not _assumes(auth):
            return True
        return self._has_the_credentials(asked)

    def _has_the_credentials(self, asked: Entry) -> bool:
        """Whether the play runs with the credentials of this user of the plan."""
        return not self._credentials.isdisjoint(_digests(asked))

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


def _digests(options: Entry) -> list[str]:
    """The digests of the key and the token among credentials."""
    return [digest_of(option, str(options[option])) for option in ("access_key", "auth_token") if options.get(option)]


def _assumes(auth: Entry) -> bool:
    """Whether the options name an agency."""
    agency = auth.get(AGENCY)
    return isinstance(agency, Mapping) and any(agency.get(name) for name in ("agency_name", "agency_urn"))


def _untouched(user: Entry) -> bool:
    """Whether a user logs in as if there had never been a rollout."""
    return not has_vmfa(user) and user["device"] is None


def _variable(exemption: Entry) -> str:
    return str(exemption.get(VARIABLE, "mfa_rollout_exempt"))
