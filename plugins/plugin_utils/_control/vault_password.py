# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A password for files that ansible-vault opens too."""

from __future__ import annotations

from ansible.parsing.vault import VaultLib, VaultSecret


def as_vault_takes(password: str) -> bytes:
    """A password as ansible-vault has it, which takes blanks and ends of lines away around it, typed or from a file."""
    return password.encode("utf-8", "surrogateescape").strip()


def vault_with(password: str) -> VaultLib:
    """Encrypts with a password as ansible-vault has it. What was encrypted with the blanks around it is decrypted as well.

    Raises ValueError where nothing is left of the password.
    """
    secrets = list(dict.fromkeys((as_vault_takes(password), password.strip("\r\n").encode("utf-8", "surrogateescape"))))
    if not secrets[0]:
        raise ValueError("the password is empty.")
    return VaultLib([("default", VaultSecret(secret)) for secret in secrets])
