# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The users of an account, and which of them a name means."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Callable

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError, OptionError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.iam import Iam
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import legible, quoted
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.users import User
from ansible_collections.hwc.mfa.plugins.module_utils._modules.bulk import A_NAME, is_no_id, reconcile
from ansible_collections.hwc.mfa.plugins.module_utils._runner.context import Context

_SHOWN = 80
"""Characters of a name that an error repeats."""

Unresolved = dict[str, Exception]
"""Why a user's name leads to no id, by the name."""


def all_users(iam: Iam, name: str | None = None) -> list[User]:
    """Everybody in the account, disabled users too, or those with one name. From v5 where v3 has no listing."""
    try:
        # Without a filter some clouds list enabled users only (docs/dev/cloud_api.md, section 2).
        listed = [*iam.users(name=name), *iam.users(enabled=False, name=name)]
    except CloudError as error:
        if error.status not in (404, 405):
            raise
        listed = iam.users_v5()
    return list({user.user_id: user for user in listed}.values())


def ids_of(context: Context, names: Iterable[str]) -> tuple[dict[str, str], Unresolved]:
    """The ids of users by their names, from one listing; and for names that lead to none, why.

    One name is asked for alone. If that finds nobody, the whole account is listed too, which shows who may be meant.
    """
    wanted = list(dict.fromkeys(names))
    if not wanted:
        return {}, {}
    try:
        users = all_users(context.iam, wanted[0]) if len(wanted) == 1 else []
        if not any(user.name == wanted[0] for user in users):
            users = all_users(context.iam)
    except (CloudError, OptionError) as error:
        if isinstance(error, CloudError) and error.status == 403:
            error.hint = "A user_name is looked up in the account's listing, which these credentials may not read: give user_id."
        return {}, dict.fromkeys(wanted, error)
    by_name = {user.name: user.user_id for user in users if user.name}
    unknown = {name: unknown_name("user_name", name, by_name, "user of this account") for name in wanted if name not in by_name}
    return {name: by_name[name] for name in wanted if name in by_name}, dict(unknown)


def unknown_name(option: str, name: str, known: Iterable[str], of_what: str) -> OptionError:
    """That a name of ``option`` is not among the known ones, with the one that is likely meant."""
    folded = {other.strip().casefold(): other for other in known}
    near = difflib.get_close_matches(name.strip().casefold(), folded, n=1)
    # Who else is there is not shown, unless it is so near that it must be meant.
    meant = f" Is {quoted(folded[near[0]], _SHOWN)} meant?" if near else ""
    return OptionError(f"{option} {quoted(name, _SHOWN)} is no {of_what}.{meant}")


class Named:
    """The items of a run, each with the id of its user, whom it names by ``user_id`` or by ``user_name``.

    The account is listed once where anybody is named by name. An item whose name leads nowhere has None as its id, and fails by itself.
    """

    def __init__(self, context: Context, items: Sequence[Mapping[str, Any]]) -> None:
        self._context = context
        ids, self._unresolved = ids_of(context, [item["user_name"] for item in items if item.get("user_name")])
        self.items: list[dict[str, Any]] = [
            {**item, "user_id": ids.get(item["user_name"])} if item.get("user_name") else dict(item) for item in items
        ]
        for item in self.items:
            if item["user_id"] == "" or (item["user_id"] is None and not item.get("user_name")):
                option = "user_id" if item["user_id"] == "" or item.get("user_name") is None else "user_name"
                raise OptionError(f"{option} must not be empty.")
        self._refuse_twice()

    def _refuse_twice(self) -> None:
        """Two threads at one user would get in each other's way."""
        seen = set()
        for item in self.resolved:
            if item["user_id"] in seen:
                name = f" ({legible(item['user_name'], _SHOWN)})" if item.get("user_name") else ""
                raise OptionError(f"user_id {item['user_id']}{name} appears more than once in the list.")
            seen.add(item["user_id"])

    @property
    def resolved(self) -> list[dict[str, Any]]:
        """The items whose users are known."""
        return [item for item in self.items if item["user_id"] is not None]

    def _refuse_nobody(self, user_id: str) -> None:
        """Raise where nobody has this id. Whoever does not exist has no device and no protection, so that nothing seems to be left to do."""
        try:
            self._context.iam.user(user_id)
        except (CloudError, OptionError) as error:
            # Whoever may not read users, or has no credentials of their own, cannot know.
            if isinstance(error, CloudError) and error.status == 404:
                error.hint = A_NAME
                raise

    def reconcile(
        self, work: Callable[[dict[str, Any]], dict[str, Any]], failure: Callable[[dict[str, Any]], dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """Do ``work`` for every item, and return an outcome each, in input order; see ``bulk.reconcile``."""

        def checked(item: dict[str, Any]) -> dict[str, Any]:
            if item["user_id"] is None:
                raise self._unresolved[item["user_name"]]
            outcome = work(item)
            if is_no_id(item) and (self._context.check_mode or not outcome["changed"]):
                self._refuse_nobody(item["user_id"])
            return outcome

        outcomes = reconcile(self.items, checked, failure, self._context.params["concurrency"], self._context.connections.item_done)
        for item, outcome in zip(self.items, outcomes):
            if item.get("user_name"):
                outcome["user_name"] = item["user_name"]
        return outcomes
