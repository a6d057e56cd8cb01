# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan is made under: the words of its decisions, and the role's variables as terms."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import OptionError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import legible
from ansible_collections.hwc.mfa.plugins.module_utils._modules.selection import Selection, selection_of
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.written import with_dates, written

REQUIRE, ENROL = "require", "enrol"

CREATE, STORE, BIND, PROTECT, PROVE, UNPROTECT, REMOVE = "create", "store", "bind", "protect", "prove", "unprotect", "remove"

VERIFY = "verify"
"""The step at which a user fails for whom the cloud does not show what was done, though all calls succeeded."""

ORDER = (UNPROTECT, REMOVE, CREATE, BIND, PROTECT, PROVE)
"""The steps of an entry, in the order in which a wave takes them."""

TODO, ALREADY, LEFT_ALONE, PROBLEM, LATER = "todo", "already", "left_alone", "problem", "scheduled"
"""What a plan makes of a user: something is to be done; nothing is left to do; the user is not to be touched; the user was named and cannot be
enrolled; something is to be done from a later date on."""

EVERYBODY = "all"
"""The value of ``mfa_rollout_users`` that means every user of the account."""

OWN_CREDENTIALS = (
    "auth_password",
    "auth_token",
    "access_key",
    "secret_key",
    "security_token",
    "auth_domain_name",
    "auth_domain_id",
    "auth_passcode",
)

WAYS_TO_BIND = "auth_password, auth_token, or access_key with secret_key"
"""With which credentials of their own users bind their devices, for messages."""

Entry = Mapping[str, Any]


class PlanError(ValueError):
    """The input of a plan is wrong. The text names the role's variable."""


PRESENT, ABSENT, RESET, ROTATED = "present", "absent", "reset", "rotated"
STATES = (PRESENT, ABSENT, RESET, ROTATED)
"""What a rollout can bring about: MFA; what was before it; no virtual device, and protection as it was; another seed."""


@dataclass(frozen=True)
class Terms:
    """What a plan is made under, as the role's variables say it."""

    strategy: str = REQUIRE
    state: str = PRESENT
    login_protection: bool = True
    wave_sizes: Sequence[int] = (1, 10, 100, 1000)
    prove_login: bool = False
    exempt_strict: bool = True
    replace_unbound: bool = False
    rollback_all: bool = False
    not_before: str | None = None
    """From when on MFA is enforced, as somebody has written it."""

    new_user_grace_days: int = 0
    rotate_before: str | None = None
    """Which seeds are rotated: those that were made before, as somebody has written it; None: all."""

    purge_leavers: bool = False
    """Whether the store forgets the seeds of users who are gone."""

    select: Mapping[str, Any] | None = None
    """Which users are meant, as ``selection.SELECT_SPEC`` describes it."""

    audit_only: bool = False
    """Whether nothing will be done: then nobody needs credentials of their own, and what would stop a rollout is a warning."""

    @property
    def present(self) -> bool:
        """Whether this is a rollout, and neither a roll-back nor a change of what it has done."""
        return self.state == PRESENT

    @property
    def enrols(self) -> bool:
        """Whether users are to have MFA at the end, with seeds that are stored where the strategy enrols."""
        return self.state in (PRESENT, ROTATED)


def terms_of(terms: Mapping[str, Any]) -> Terms:
    """Terms from the mapping that the role passes around; what is missing has its default. Raises PlanError."""
    default = Terms()
    known = {each.name for each in fields(Terms)}
    unknown = sorted(str(name) for name in terms if name not in known)
    if unknown:
        raise PlanError(f"no term is called {', '.join(unknown)}; there are {', '.join(sorted(known))}.")
    values: dict[str, Any] = {name: terms.get(name, getattr(default, name)) for name in known}
    for name, value in values.items():
        if name in ("strategy", "state"):
            values[name] = str(value)
        elif name in ("not_before", "rotate_before"):
            values[name] = None if value is None or str(value) == "" else str(value)
        elif name == "new_user_grace_days":
            values[name] = days_in(value)
        elif name == "select":
            selection_in(value)
            values[name] = value or None
        elif name != "wave_sizes":
            values[name] = _flag(name, value)
    values["wave_sizes"] = sizes_in(values["wave_sizes"])
    return Terms(**values)


def _flag(name: str, value: Any) -> bool:
    """A flag as a play may give it: the text "false" is not true."""
    try:
        return bool(boolean(value))
    except TypeError:
        raise PlanError(f"mfa_rollout_{name} must be true or false.") from None


def days_in(value: Any) -> int:
    """``mfa_rollout_new_user_grace_days``. Raises PlanError."""
    days = whole_in(value)
    if days is None or days > _MOST_DAYS:
        raise PlanError("mfa_rollout_new_user_grace_days must be a whole number of days, from 0 on.")
    return days


_MOST_DAYS = 36_500
"""A hundred years."""


def selection_in(value: Any) -> Selection | None:
    """``mfa_rollout_select``. Raises PlanError."""
    value = with_dates(value)
    if value is not None and not isinstance(value, Mapping):
        raise PlanError("mfa_rollout_select must be a mapping, such as {groups: [people]}.")
    # A list whose lines are all commented out is null. A module cannot tell that from an option that is left out; here it can be told.
    empty = next((key for key, given in (value or {}).items() if given is None), None)
    if empty is not None:
        raise PlanError(f"mfa_rollout_select.{legible(empty, 80)} is empty, and would leave nobody out: name something, or remove it.")
    try:
        return selection_of(value, "mfa_rollout_select")
    except OptionError as error:
        raise PlanError(str(error)) from None


def sizes_in(value: Any) -> list[int]:
    """``mfa_rollout_wave_sizes``: a list, the text of one, or numbers with commas between them, of which one may be. Raises PlanError."""
    # YAML makes a number of a text that is one.
    sizes = [value] if isinstance(value, int) and not isinstance(value, bool) else written(value)
    if isinstance(sizes, str):
        sizes = sizes.split(",")
    if not isinstance(sizes, (list, tuple)) or not sizes:
        raise PlanError(NOT_SIZES)
    wrong = [str(size).strip() for size in sizes if not _is_size(size)]
    if wrong:
        raise PlanError(f"{NOT_SIZES} It has {', '.join(repr(legible(size, 40)) for size in wrong[:3])}.")
    return [int(str(size)) for size in sizes]


def _is_size(value: Any) -> bool:
    return bool(whole_in(value))


def whole_in(value: Any) -> int | None:
    """A whole number from 0 on, of digits and nothing else; None for anything else. Python takes ``1_0``, a typing error, for 10."""
    found = _WHOLE.fullmatch(str(value))
    return int(found[1]) if found is not None else None


_WHOLE = re.compile(r"\s*([0-9]{1,18})\s*", re.ASCII)

NOT_SIZES = "mfa_rollout_wave_sizes must be a list of whole numbers above 0, such as [1, 10, 100, 1000]."
