# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is handed which seed: pure decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import OptionError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import legible
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.totp import seed_text
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.plain import exact
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.written import written
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.shown import paired
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.store import StoredSeed, is_id

EVERYBODY = "all"

_SHOWN = 5
"""How many causes one message has."""


class HandoverError(Exception):
    """Nothing can be handed over. The text says why and what to do, and holds no secret."""


@dataclass(frozen=True)
class Handover:
    """What one user is handed, and what names it."""

    account: str
    user_id: str
    name: str
    serial_number: str
    seed: str = field(repr=False)
    """The base32 seed as ``seed_text`` gives it."""

    made_at: str = ""
    issuer: str = "Huawei Cloud"
    login_url: str = ""
    """Where the user signs in, if anybody said so."""


@dataclass(frozen=True)
class Choice:
    """Whose seeds are handed over, and who was left out of everybody and why."""

    seeds: Mapping[str, StoredSeed]
    names: Mapping[str, str]
    left_out: Mapping[str, str]


def wanted_in(value: Any) -> list[str] | None:
    """The users whom an option names, by id or name; None for everybody. Raises HandoverError."""
    users = written(value)
    if isinstance(users, str) and users == EVERYBODY:
        return None
    listed = [users] if is_id(users) else users
    if not isinstance(listed, (list, tuple)) or not listed or not all(is_id(user) and str(user) for user in listed):
        raise HandoverError(f"users must be a list of ids or names of users, or {EVERYBODY}.")
    return list(dict.fromkeys(exact(user) for user in listed))


def chosen(
    wanted: Sequence[str] | None, stored: Mapping[str, Sequence[StoredSeed]], audit: Sequence[Mapping[str, Any]] | None = None
) -> Choice:
    """Choose the users and the seed of each: that of the device which the cloud shows.

    ``stored`` has each user's seeds, the newest first, and ``audit`` the users as the cloud shows them. Without it nobody can tell which of
    several seeds is that of the user's device. Raises HandoverError where a named user cannot be handed a seed, or nobody can.
    """
    shown = {user["user_id"]: user for user in audit or ()}
    names = {user_id: seeds[0].name or user_id for user_id, seeds in stored.items() if seeds}
    names.update({user_id: str(user["name"] or user_id) for user_id, user in shown.items()})
    users = [user_id for user_id in names if stored.get(user_id)] if wanted is None else _found(wanted, names, shown)
    seeds: dict[str, StoredSeed] = {}
    causes: dict[str, str] = {}
    for user_id in users:
        seed = _seed_of(stored.get(user_id) or (), shown.get(user_id), audit is not None)
        if isinstance(seed, StoredSeed):
            seeds[user_id] = seed
        else:
            causes[user_id] = seed
    told = _sentence([f"{legible(names[user_id], 80)} {cause}" for user_id, cause in causes.items()]) if causes else ""
    if wanted is not None and causes:
        raise HandoverError(told)
    if not seeds:
        text = "no user has a stored seed that can be handed over: are the account and the seed store those of the rollout?"
        raise HandoverError(f"{text} {told}".rstrip())
    return Choice(seeds, names, causes)


def _found(wanted: Sequence[str], names: Mapping[str, str], shown: Mapping[str, Any]) -> list[str]:
    users: dict[str, None] = {}
    causes = []
    for text in wanted:
        matching = [user_id for user_id, name in names.items() if text in (user_id, name)]
        # Somebody who is gone may have had the name of a user who is there.
        matching = [user_id for user_id in matching if user_id in shown] or matching
        if len(matching) == 1:
            users[matching[0]] = None
        elif matching:
            causes.append(f"{legible(text, 80)} can be {' or '.join(legible(user_id, 80) for user_id in matching[:_SHOWN])}: give the id")
        else:
            causes.append(f"{legible(text, 80)} is neither the id nor the name of a user who is known here")
    if causes:
        raise HandoverError(_sentence(causes))
    return list(users)


def _seed_of(seeds: Sequence[StoredSeed], user: Mapping[str, Any] | None, audited: bool) -> StoredSeed | str:
    """The seed of the user's device, or what is in the way."""
    if audited and user is None:
        return "is no user of the account any more"
    if not seeds:
        return "has no stored seed: the seed of a device that users bound themselves is their own"
    found = seeds[0]
    if user is not None:
        _user, device, paired_seed = paired({**user, "device": user.get("device")}, seeds)
        if paired_seed is None:
            return "has no device whose seed is stored: the cloud shows " + ("another one" if device is not None else "none")
        if device is not None and device.get("binding") == "unbound":
            return "has a device that is not bound yet: run the rollout again first"
        found = paired_seed
    elif len(seeds) > 1:
        return "has several stored seeds, and only the cloud shows whose device is there: give audit"
    try:
        seed_text(found.seed)
    except OptionError:
        return "has a stored seed that is not base32, of which no app makes codes"
    return found


def _sentence(causes: Sequence[str]) -> str:
    more = f"; and {len(causes) - _SHOWN} more" if len(causes) > _SHOWN else ""
    return f"{'; '.join(causes[:_SHOWN])}{more}."
