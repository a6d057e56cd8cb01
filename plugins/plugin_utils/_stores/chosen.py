# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which store a task's options name: the one place that knows all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.hashi_vault import HashiVault
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.kv_options import KV_SPEC, kv_options
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.store import SeedStore, StoreError
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.vault_files import VaultFiles

ANSIBLE_VAULT, HASHI_VAULT = "ansible_vault", "hashi_vault"

STORE_SPEC: Mapping[str, Mapping[str, Any]] = {
    "type": {"type": "str", "choices": [ANSIBLE_VAULT, HASHI_VAULT], "default": ANSIBLE_VAULT},
    "directory": {"type": "path"},
    "password": {"type": "str", "no_log": True},
    "hashi_vault": {"type": "dict", "options": KV_SPEC},
}
"""The options that say where seeds are."""


def chosen_store(params: Mapping[str, Any], account: str, env: Mapping[str, str]) -> SeedStore:
    """The store of an account. Raises StoreError with a sentence on what is missing."""
    if params["type"] == HASHI_VAULT:
        return HashiVault(kv_options(params["hashi_vault"] or {}, env), account)
    for name in ("directory", "password"):
        if params[name] is None:
            raise StoreError(f"{name} is missing: type={ANSIBLE_VAULT} needs it.")
    return VaultFiles(params["directory"], account, params["password"])
