# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Seeds in a KV engine, version 2, of HashiCorp Vault or OpenBao."""

from __future__ import annotations

from ansible_collections.hwc.mfa.plugins.plugin_utils._control.files import file_name
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.kv import KeyValue
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.kv_options import KvOptions
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.kv_store import KvStore
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.store import StoreError


class HashiVault(KvStore):
    """The secrets ``<path>/<account>/000001`` and so on.

    A page is created with check-and-set 0, which succeeds only where there is none: so however few versions the engine keeps, each page needs
    only one. Nothing is deleted, so that the token needs no right to.
    """

    def __init__(self, options: KvOptions, account: str) -> None:
        try:
            path = (*options.path, secret_name(account))
        except ValueError as error:
            raise StoreError(str(error)) from None
        super().__init__(KeyValue(options), path, account)


def secret_name(account: str) -> str:
    """An account's name as the name of a secret, which cannot lead elsewhere. Raises ValueError with a sentence."""
    name = file_name(account).replace("..", ".%2E")
    stripped = name.rstrip(" ")
    return stripped + "%20" * (len(name) - len(stripped))
