# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Temporary keys of an agency, as IAM v3.0 and v5 of STS give them (docs/dev/cloud_api.md, section 8)."""

from __future__ import annotations

from calendar import timegm
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import strptime

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.transport import Reply
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.users import instant


@dataclass(frozen=True)
class TemporaryKey:
    """An access key that ends. ``expires_at`` is the cloud's time in seconds since the epoch, or None where the answer does not tell."""

    access_key: str
    secret_key: str = field(repr=False)
    security_token: str = field(repr=False)
    expires_at: float | None = None


def temporary_key(reply: Reply, under: str, names: Sequence[str]) -> TemporaryKey:
    """The key in an answer. ``names`` are the fields of key, secret, token and end. Raises CloudError, which never repeats a value."""
    key, secret, token = (reply.field(under, name) for name in names[:3])
    if not all(isinstance(text, str) and text.isascii() and text.isprintable() and text for text in (key, secret, token)):
        raise reply.error("the answer has no temporary key, in the form that the API documents")
    end = instant(reply.document[under].get(names[3]))
    return TemporaryKey(key, secret, token, None if end is None else float(timegm(strptime(end, "%Y-%m-%dT%H:%M:%SZ"))))
