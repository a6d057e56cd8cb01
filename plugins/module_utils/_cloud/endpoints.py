# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which host serves which region (docs/dev/cloud_api.md, section 5), and what an endpoint may look like."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import OptionError

_REGION = re.compile(r"[a-z]{2,4}-[a-z]+[0-9]*(-[0-9]+)?", re.ASCII)
_OTC = {
    "eu-de": "https://iam.eu-de.otc.t-systems.com",
    "eu-nl": "https://iam.eu-nl.otc.t-systems.com",
    "eu-ch2": "https://iam-pub.eu-ch2.sc.otc.t-systems.com",
}
_EUROPE = "eu-west-101"

_HOST_AND_PORT = re.compile(
    r"([A-Za-z0-9_\-]{1,63}(\.[A-Za-z0-9_\-]{1,63})*\.?|\[[A-Fa-f0-9.]*:[A-Fa-f0-9.:]*(%[A-Za-z0-9._\-]+)?\])(:[0-9]*)?"
)
"""A host name or an IPv6 address, perhaps with an interface, and a port. Checked because urlsplit accepts hosts that cannot exist."""

REGION_ENVIRONMENT = ("HW_REGION_NAME", "OS_REGION_NAME")
IAM_ENVIRONMENT = ("HWC_IAM_ENDPOINT", "OS_AUTH_URL")
IDENTITY_CENTER_ENVIRONMENT = ("HWC_IDENTITY_CENTER_ENDPOINT",)
STS_ENVIRONMENT = ("HWC_STS_ENDPOINT",)


def first_set(env: Mapping[str, str], names: tuple[str, ...]) -> tuple[str, str] | None:
    """The first of the variables ``names`` that is set and not empty, as (name, value)."""
    for name in names:
        if env.get(name):
            return name, env[name]
    return None


def iam_endpoint(params: Mapping[str, Any], env: Mapping[str, str]) -> str:
    """The base URL of IAM, without a trailing slash. Raises OptionError."""
    region = _region(params, env)
    given = _given("iam_endpoint", params, env, IAM_ENVIRONMENT)
    if given is not None:
        return given
    if region is None:
        return "https://iam.myhuaweicloud.com"
    return _OTC[region] if region in _OTC else _regional_host("iam", region)


def identity_center_endpoint(params: Mapping[str, Any], env: Mapping[str, str]) -> str:
    """The base URL of IAM Identity Center. Raises OptionError, also where the region's cloud has no such service."""
    region = _region(params, env)
    given = _given("identity_center_endpoint", params, env, IDENTITY_CENTER_ENVIRONMENT)
    if given is not None:
        return given
    if region in _OTC:
        raise OptionError(f"region {region} belongs to Open Telekom Cloud, which has no IAM Identity Center.")
    return "https://identitycenter.myhuaweicloud.eu" if region == _EUROPE else "https://identitycenter.myhuaweicloud.com"


def sts_endpoint(params: Mapping[str, Any], env: Mapping[str, str]) -> str | None:
    """The base URL of STS, or None where there is none or none is known. Raises OptionError.

    Beside an IAM that was given outright STS has the same address, unless that IAM is the region's own: another operator's credentials
    must not go to Huawei Cloud because a region is set too.
    """
    region = _region(params, env)
    given = _given("sts_endpoint", params, env, STS_ENVIRONMENT)
    if given is not None:
        return given
    if region in _OTC:
        return None
    iam = _given("iam_endpoint", params, env, IAM_ENVIRONMENT)
    if iam is not None and (region is None or iam != _regional_host("iam", region)):
        return iam
    return None if region is None else _regional_host("sts", region)


def _regional_host(service: str, region: str) -> str:
    domain = "myhuaweicloud.eu" if region == _EUROPE else "myhuaweicloud.com"
    return f"https://{service}.{region}.{domain}"


def _region(params: Mapping[str, Any], env: Mapping[str, str]) -> str | None:
    region, source = params.get("region"), "region"
    if not region:
        found = first_set(env, REGION_ENVIRONMENT)
        if found is None:
            return None
        source, region = f"region (from {found[0]})", found[1]
    if not _REGION.fullmatch(region):
        raise OptionError(
            f"{source} {region!r} is not the name of a region such as eu-de or ap-southeast-1; other hosts are given with iam_endpoint."
        )
    return region


def _given(option: str, params: Mapping[str, Any], env: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    value, source = params.get(option), option
    if not value:
        found = first_set(env, names)
        if found is None:
            return None
        source, value = f"{option} (from {found[0]})", found[1]
    return _checked_url(value, source)


def _checked_url(value: str, source: str) -> str:
    """``value`` as scheme, host and perhaps a path, without API version and default port. Errors never repeat it: it may hold a password."""
    value = value.strip()
    if not value.isprintable():
        # urlsplit drops line breaks and tabs, and what is left can be another host.
        raise OptionError(f"{source} holds a line break or another character that cannot be seen.")
    try:
        parts = urlsplit(value)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise OptionError(f"{source} is not a URL such as https://iam.example.com.") from None
    scheme = parts.scheme.lower()
    if scheme not in ("http", "https") or not host:
        raise OptionError(f"{source} must be a URL such as https://iam.example.com.")
    if parts.username is not None or parts.password is not None:
        raise OptionError(f"{source} must not hold a user name or password: give credentials as options.")
    if parts.query or parts.fragment:
        raise OptionError(f"{source} must end before any '?' or '#'.")
    if not _HOST_AND_PORT.fullmatch(parts.netloc) or not re.fullmatch(r"[A-Za-z0-9/._~\-]*", parts.path) or "/.." in parts.path:
        raise OptionError(f"{source} holds a character that a host or path cannot have.")
    if scheme == "http" and not is_loopback(host):
        raise OptionError(
            f"{source} must be https for {host}: plain http would carry secrets in the open, and is accepted for loopback hosts only."
        )
    shown_host = f"[{host}]" if ":" in host else host
    default_port = 443 if scheme == "https" else 80
    netloc = shown_host if port in (None, default_port) else f"{shown_host}:{port}"
    path = re.sub(r"/v(3|3\.0|5|1)$", "", parts.path.rstrip("/"))
    return f"{scheme}://{netloc}{path}"


def is_loopback(host: str) -> bool:
    """Whether ``host`` names this machine alone: localhost, 127.0.0.0/8 or ::1."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
