# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which store a task's options name: the one place that knows all of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.transport import REQUESTS_IMPORT_ERROR
from ansible_collections.hwc.mfa.plugins.module_utils._runner.validation import OptionsValidator
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.csms import Csms
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.csms_options import CSMS_SPEC, csms_options
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.hashi_vault import HashiVault
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.kv_options import KV_SPEC, kv_options
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.lock import Lock, Owner, StoreLock
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.store import SeedStore, StoreError
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.vault_files import VaultFiles

ANSIBLE_VAULT, HASHI_VAULT, CSMS = "ansible_vault", "hashi_vault", "csms"

SERVICES = (HASHI_VAULT, CSMS)
"""The stores that are services, each with an option of its own name. They are reached with requests."""

STORE_SPEC: Mapping[str, Mapping[str, Any]] = {
    "type": {"type": "str", "choices": [ANSIBLE_VAULT, *SERVICES], "default": ANSIBLE_VAULT},
    "directory": {"type": "path"},
    "password": {"type": "str", "no_log": True},
    "hashi_vault": {"type": "dict", "options": KV_SPEC},
    "csms": {"type": "dict", "options": CSMS_SPEC},
}
"""The options that say where seeds are."""


def chosen_store(params: Mapping[str, Any], account: str, env: Mapping[str, str]) -> SeedStore:
    """The store of an account. Raises StoreError with a sentence on what is missing."""
    if params["type"] in SERVICES and REQUESTS_IMPORT_ERROR is not None:
        raise StoreError(f"type={params['type']} needs the Python library requests: install it for {sys.executable}.")
    if params["type"] == HASHI_VAULT:
        return HashiVault(kv_options(params["hashi_vault"] or {}, env), account)
    if params["type"] == CSMS:
        return Csms(csms_options(params["csms"] or {}, env), account)
    for name in ("directory", "password"):
        if params[name] is None:
            raise StoreError(f"{name} is missing: type={ANSIBLE_VAULT} needs it.")
    return VaultFiles(params["directory"], account, params["password"])


@contextmanager
def kept_lock(handle: Any, account: str, owner: Owner, env: Mapping[str, str]) -> Iterator[Lock | None]:
    """The lock that a run has taken, to be held for longer: of files by its directory, of other stores by their options. Raises StoreError.

    So a task that must only hold the lock is told no password of files, and every other store is told as it was to take the lock.
    """
    if not handle:
        yield None
    elif not isinstance(handle, Mapping):
        yield StoreLock(Path(str(handle)), owner)
    else:
        validated = OptionsValidator(STORE_SPEC).validate(dict(handle))
        if validated.error_messages:
            raise StoreError(validated.error_messages[0])
        store = chosen_store(validated.validated_parameters, account, env)
        try:
            yield store.keeper(owner)
        finally:
            store.close()
