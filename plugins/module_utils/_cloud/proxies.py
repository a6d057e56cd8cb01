# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which proxy a request takes, by the environment alone."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.endpoints import is_loopback


def proxies_for(host: str, port: int | None) -> dict[str, str]:
    """The proxies on the way to a host, by scheme, as the environment names them; none where ``NO_PROXY`` excludes it.

    Never any to this machine itself: a proxy would get what is signed or secret in the open. On macOS requests would also ask the system,
    which ends a process that was forked, as a task of Ansible is.
    """
    if is_loopback(host):
        return {}
    proxies = getproxies_environment()
    shown = f"[{host}]" if ":" in host else host
    excluded = (
        proxy_bypass_environment(host, proxies) or proxy_bypass_environment(f"{shown}:{port}", proxies) or _in_a_network(host, proxies)
    )
    return {} if excluded else proxies


def _in_a_network(host: str, proxies: Mapping[str, str]) -> bool:
    """Whether ``NO_PROXY`` has a network, such as 10.0.0.0/8, that an address lies in."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    for entry in proxies.get("no", "").split(","):
        try:
            if address in ipaddress.ip_network(entry.strip(), strict=False):
                return True
        except ValueError:
            continue
    return False
