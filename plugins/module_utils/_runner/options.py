# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that modules share, as the documentation fragments describe them."""

from __future__ import annotations

from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._auth import agency

AUTH_SPEC: dict[str, dict[str, Any]] = {
    "region": {"type": "str"},
    "iam_endpoint": {"type": "str"},
    "cloud": {"type": "str"},
    "identity_center_endpoint": {"type": "str"},
    "sts_endpoint": {"type": "str"},
    "access_key": {"type": "str", "no_log": False},
    "secret_key": {"type": "str", "no_log": True},
    "security_token": {"type": "str", "no_log": True},
    "auth_token": {"type": "str", "no_log": True},
    "auth_username": {"type": "str"},
    "auth_user_id": {"type": "str"},
    "auth_password": {"type": "str", "no_log": True},
    "auth_domain_name": {"type": "str"},
    "auth_domain_id": {"type": "str"},
    "auth_passcode": {"type": "str", "no_log": True},
    agency.OPTION: {"type": "dict", "options": agency.SPEC},
    "signature": {"type": "str", "choices": ["plain", "derived"], "default": "plain"},
    "validate_certs": {"type": "bool"},
    "ca_path": {"type": "path"},
    "timeout": {"type": "float", "default": 30.0},
    "retries": {"type": "int", "default": 5},
}
"""The shared options, as the fragment hwc.mfa.auth documents them."""

FLEET_SPEC: dict[str, dict[str, Any]] = {"concurrency": {"type": "int", "default": 8}}
"""The options of modules that work on many users at once and return an entry a user, as the fragment hwc.mfa.fleet documents them."""

ITEM_AUTH_SPEC: dict[str, dict[str, Any]] = {
    option: AUTH_SPEC[option]
    for option in (
        "access_key",
        "secret_key",
        "security_token",
        "auth_token",
        "auth_password",
        "auth_domain_name",
        "auth_domain_id",
        "auth_passcode",
    )
}
"""The credentials that an item of a list can have of its own; a password logs in as the item's user."""

USER_SPEC: dict[str, dict[str, Any]] = {"user_id": {"type": "str"}, "user_name": {"type": "str"}}
"""Whom an item is about: one of the two."""

ONE_USER: dict[str, list[list[str]]] = {"mutually_exclusive": [["user_id", "user_name"]], "required_one_of": [["user_id", "user_name"]]}
"""What a list demands of items with ``USER_SPEC``."""
