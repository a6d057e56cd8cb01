# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""OATH CSV, as privacyIDEA and other servers for tokens import it: serial, key in hexadecimal digits, type, digits, seconds of a step."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.totp import STEP, decode_seed
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.spreadsheet import cell
from ansible_collections.hwc.mfa.plugins.plugin_utils._handover.choice import Handover


def serial_of(handover: Handover) -> str:
    """A serial that such servers take, which allow letters, digits and 40 characters: the cloud's has colons and slashes."""
    parts = "\n".join((handover.account, handover.user_id, handover.serial_number))
    return f"HWC{hashlib.sha256(parts.encode('utf-8', 'replace')).hexdigest()[:16].upper()}"


def oath_csv(handovers: Sequence[Handover]) -> bytes:
    """A line for each seed. Whose it is stands in a comment above: the format has no quotes, and names may have commas."""
    lines = []
    for each in handovers:
        serial = serial_of(each)
        lines += [f"# {serial}: {cell(each.name)}", f"{serial},{decode_seed(each.seed).hex()},totp,6,{STEP}"]
    return "".join(f"{line}\n" for line in lines).encode("utf-8")
