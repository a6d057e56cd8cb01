# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a wave notes of login protection, before it sets or lifts any and after: a roll-back knows by it what to lift, and a later run what must come back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import BIND, CREATE, PROTECT, PROVE, STORE, UNPROTECT, Entry
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.record import LiftedProtection, RolloutRecord


@dataclass(frozen=True)
class Noted:
    """What is noted afterwards: whose protection a rollout has set, and whose is lifted for a moment, by user id."""

    protected: Mapping[str, Mapping[str, Any]]
    lifted: Mapping[str, Mapping[str, Any]]
    changed: bool
    kept: bool
    """Whether there is a record, which then tells of everybody, or none was written yet."""


class ProtectionRecord:
    """The two files of an account, in the ``directory`` of the reports or, with ``in_store``, of the store. All of it raises AccountFileError."""

    def __init__(self, directory: str, account: str, in_store: bool = False, strategy: str | None = None) -> None:
        self._record = RolloutRecord(directory, account, in_store)
        self._lifted = LiftedProtection(directory, account, in_store)
        self._strategy = strategy

    def probe(self) -> None:
        """Raise where the files could not be read or, as far as that can be seen without writing, not be written."""
        self._record.probe()
        self._lifted.probe()

    def lifted(self) -> Mapping[str, Mapping[str, Any]]:
        """Whose protection is lifted for a moment, by user id."""
        return self._lifted.read()

    def begin(self, entries: Sequence[Entry], check_mode: bool = False) -> Noted:
        """Note whose protection is about to be set, and whose is about to be lifted for a moment."""
        lifted = self._lifted.read()
        adds, lifts = {}, {}
        for entry in entries:
            if PROTECT not in entry["steps"]:
                continue
            if UNPROTECT in entry["steps"]:
                # Lifted for a moment: whose protection it is does not change.
                lifts[entry["user_id"]] = entry["protection"]
            elif entry["user_id"] not in lifted:  # else an earlier run has lifted it for a moment
                adds[entry["user_id"]] = {"strategy": self._strategy, "name": entry["name"], "before": entry["protection"]}
        return self._change(adds, [], lifts, [], check_mode)

    def end(self, entries: Sequence[Entry], failures: Mapping[str, Entry], check_mode: bool = False, unset: Collection[str] = ()) -> Noted:
        """Note what a wave came to; ``failures`` are the outcomes of those who failed, by user id.

        ``unset`` are the users whose protection was certainly not set, although the wave came to that step.
        """
        lifted = self._lifted.read()
        drops, returns = [], []
        for entry in entries:
            user_id, steps = entry["user_id"], entry["steps"]
            failed_at = failures[user_id]["step"] if user_id in failures else None
            if PROTECT in steps and failed_at in (None, PROVE):
                returns.append(user_id)
            elif PROTECT in steps and UNPROTECT not in steps:
                # What was sent, and came to nothing, may have come to something after all. Where nothing was, neither this run nor an earlier one
                # has set what the account may show later, since it showed none before the wave; unless a rollout's was lifted for a moment.
                if user_id not in lifted and (failed_at in (CREATE, STORE, BIND) or (failed_at == PROTECT and user_id in unset)):
                    drops.append(user_id)
            elif UNPROTECT in steps and PROTECT not in steps and failed_at is None:
                # An answer is a promise: only what the cloud has shown to be lifted leaves the record, and what was lifted for a moment is so for good.
                drops.append(user_id)
                returns.append(user_id)
        return self._change({}, drops, {}, returns, check_mode)

    def returned(self, user_ids: Sequence[str], check_mode: bool = False) -> Noted:
        """Read what is noted, where the protection of these users is on: a run that was ended may not have come to note that it is back."""
        return self._change({}, [], {}, user_ids, check_mode)

    def _change(
        self,
        adds: Mapping[str, Mapping[str, Any]],
        drops: Sequence[str],
        lifts: Mapping[str, Mapping[str, Any]],
        returns: Sequence[str],
        check_mode: bool,
    ) -> Noted:
        protected, changed = self._record.change(adds, drops, check_mode)
        lifted = self._lifted.change(lifts, returns, check_mode)
        return Noted(protected, lifted, changed or bool(lifts), self._record.exists())
