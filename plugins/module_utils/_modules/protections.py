# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads login protection, user by user or from the account's listing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.iam import NO_PROTECTION, UNBOUND, Device, Iam, Protection
from ansible_collections.hwc.mfa.plugins.module_utils._modules.bulk import FEW
from ansible_collections.hwc.mfa.plugins.module_utils._runner.connections import NOT_OFFERED

VMFA = "vmfa"

HELD = "IAM.1062"
"""The code with which the cloud refuses to unbind a device that login protection holds."""


def by_user(protections: Iterable[Protection]) -> dict[str, Protection]:
    """Protections by the id of their user."""
    return {protection.user_id: protection for protection in protections}


class ProtectionReader:
    """Reads login protection with one identity."""

    def __init__(self, iam: Iam) -> None:
        self._iam = iam
        self._listing: dict[str, Protection] | None = None

    def prefetch(self, user_ids: Sequence[str]) -> None:
        """Read the whole account once where there are many users. Credentials that may not list ask user by user instead."""
        if len(user_ids) <= FEW:
            return
        try:
            self._listing = by_user(self._iam.protections())
        except CloudError as error:
            if error.status != 403:
                raise

    def known(self, user_id: str) -> Protection:
        """A user's protection as the listing showed it, else as it is now. A user who is not listed never had any."""
        if self._listing is None:
            return self._iam.protection_of(user_id)
        return self._listing.get(user_id) or Protection(user_id, False, NO_PROTECTION)

    def refuse_held(self, device: Device) -> None:
        """Raise what the cloud says to unbinding a device that login protection holds; for check mode, which does not ask it."""
        if device.binding == UNBOUND:
            return
        try:
            protection = self.known(device.user_id)
        except CloudError as error:
            if error.status in NOT_OFFERED:
                return  # nobody knows, as for real before the call
            raise
        if protection.enabled and protection.verification_method == VMFA:
            raise CloudError("login protection holds the device", status=400, code=HELD)
