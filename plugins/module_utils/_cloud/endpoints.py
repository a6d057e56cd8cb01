# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which host serves which region (docs/dev/cloud_api.md, section 5), and what an endpoint may look like."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Callable
from urllib.parse import urlsplit

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import OptionError

_REGION = re.compile(r"[a-z]{2,4}-[a-z]+[0-9]*(-[0-9]+)?", re.ASCII)
_HUAWEI = "myhuaweicloud.com"
_EUROPE = "myhuaweicloud.eu"
_OTC = "otc.t-systems.com"
_SWISS = "sc.otc.t-systems.com"
_WITHOUT_HUAWEIS_SERVICES = (_OTC, _SWISS)
_DOMAINS = {"eu-de": _OTC, "eu-nl": _OTC, "eu-ch2": _SWISS, "eu-west-101": _EUROPE}
"""The domain of the hosts of a region, where it is not that of Huawei Cloud."""

_KNOWN_IAM = re.compile(
    rf"iam(?:-pub)?(?:\.(?P<region>[a-z0-9-]+))?\.(?P<domain>{'|'.join(map(re.escape, (_HUAWEI, _EUROPE, _OTC, _SWISS)))})\.?", re.ASCII
)
_DOMAIN = re.compile(r"[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})+", re.ASCII)

_HOST_AND_PORT = re.compile(
    r"([A-Za-z0-9_\-]{1,63}(\.[A-Za-z0-9_\-]{1,63})*\.?|\[[A-Fa-f0-9.]*:[A-Fa-f0-9.:]*(%[A-Za-z0-9._\-]+)?\])(:[0-9]*)?"
)
"""A host name or an IPv6 address, perhaps with an interface, and a port. Checked because urlsplit accepts hosts that cannot exist."""

REGION_ENVIRONMENT = ("HW_REGION_NAME", "OS_REGION_NAME")
IAM_ENVIRONMENT = ("HWC_IAM_ENDPOINT", "HW_AUTH_URL", "OS_AUTH_URL")
DOMAIN_ENVIRONMENT = ("HW_CLOUD",)
IDENTITY_CENTER_ENVIRONMENT = ("HWC_IDENTITY_CENTER_ENDPOINT",)
IDENTITY_STORE_ENVIRONMENT = ("HWC_IDENTITY_STORE_ENDPOINT",)
STS_ENVIRONMENT = ("HWC_STS_ENDPOINT",)
ORGANIZATIONS_ENVIRONMENT = ("HWC_ORGANIZATIONS_ENDPOINT",)
CSMS_ENVIRONMENT = ("HWC_CSMS_ENDPOINT",)

_GLOBAL = {"identity_center_endpoint": IDENTITY_CENTER_ENVIRONMENT, "organizations_endpoint": ORGANIZATIONS_ENVIRONMENT}
"""The services with one host for all regions."""


@dataclass(frozen=True)
class _Said:
    """A value, not yet checked, and how messages name where it comes from."""

    text: str
    source: str


@dataclass(frozen=True)
class _Address:
    """What the options say of where to go, or what the environment says: the nearer one counts as a whole."""

    region: _Said | None
    iam: _Said | None
    domain: _Said | None

    def __bool__(self) -> bool:
        return bool(self.region or self.iam or self.domain)


def first_set(env: Mapping[str, str], names: tuple[str, ...]) -> tuple[str, str] | None:
    """The first of the variables ``names`` that is set and not empty, as (name, value)."""
    for name in names:
        if env.get(name):
            return name, env[name]
    return None


def names_a_host(env: Mapping[str, str]) -> bool:
    """Whether the environment says where IAM is."""
    return bool(_of_environment(env))


def is_named(option: str, params: Mapping[str, Any], env: Mapping[str, str]) -> bool:
    """Whether somebody said where a service is, and not only a default of this file. ``option`` names its endpoint. Raises OptionError."""
    address = _address(params, env)
    if address.region or address.domain:
        return True
    if option == "identity_store_endpoint":
        # Whoever named Identity Center named its store, which Identity Center's own answer leads to.
        given = _given(option, params, env, IDENTITY_STORE_ENVIRONMENT) is not None
        return given or is_named("identity_center_endpoint", params, env)
    if option not in _GLOBAL:
        return address.iam is not None  # STS has no default of its own
    if _given(option, params, env, _GLOBAL[option]) is not None:
        return True
    return address.iam is not None and _home(checked_url(address.iam.text, address.iam.source)) is not None


def told_by(params: Mapping[str, Any], env: Mapping[str, str]) -> str | None:
    """The environment variable that says where IAM is; None where an option does, or nothing."""
    if _of_options(params):
        return None
    found = first_set(env, IAM_ENVIRONMENT) or first_set(env, REGION_ENVIRONMENT) or first_set(env, DOMAIN_ENVIRONMENT)
    return found[0] if found else None


def iam_endpoint(params: Mapping[str, Any], env: Mapping[str, str]) -> str:
    """The base URL of IAM, without a trailing slash. Raises OptionError."""
    address = _address(params, env)
    if address.iam is not None:
        url = checked_url(address.iam.text, address.iam.source)
        _refuse_another_region(url, address)
        return url
    region, domain = _region(address, "iam_endpoint"), _domain(address, "iam_endpoint")
    if region is None and domain in _WITHOUT_HUAWEIS_SERVICES:
        raise OptionError(
            f"region is missing: Open Telekom Cloud has no global host (option region, or {' or '.join(REGION_ENVIRONMENT)})."
        )
    return _host("iam-pub" if domain == _SWISS else "iam", region, domain)


def identity_center_endpoint(params: Mapping[str, Any], env: Mapping[str, str]) -> str:
    """The base URL of IAM Identity Center. Raises OptionError, also where the region's cloud has no such service."""
    given = _given("identity_center_endpoint", params, env, IDENTITY_CENTER_ENVIRONMENT)
    if given is not None:
        return given
    address = _address(params, env)
    domain = _domain(address, "identity_center_endpoint")
    if domain in _WITHOUT_HUAWEIS_SERVICES:
        region = _region(address, "identity_center_endpoint")
        whose = f"region {region}" if region else "this IAM"
        raise OptionError(f"{whose} belongs to Open Telekom Cloud, which has no IAM Identity Center.")
    return f"https://identitycenter.{domain}"


def identity_store_endpoint(params: Mapping[str, Any], env: Mapping[str, str], registered_regions: Callable[[], list[str]]) -> str:
    """The base URL of the store of Identity Center's users. Its host is regional, and Identity Center tells the region. Raises OptionError.

    Beside an Identity Center that was given outright, and is not Huawei Cloud's own, the store has the same address: no answer of that host
    may lead credentials to Huawei Cloud.
    """
    given = _given("identity_store_endpoint", params, env, IDENTITY_STORE_ENVIRONMENT)
    if given is not None:
        return given
    center = identity_center_endpoint(params, env)
    domain = (urlsplit(center).hostname or "").partition(".")[2]
    if domain not in (_HUAWEI, _EUROPE) and _given("identity_center_endpoint", params, env, IDENTITY_CENTER_ENVIRONMENT) is not None:
        return center
    regions = registered_regions()
    if len(regions) != 1 or not _REGION.fullmatch(regions[0]):
        raise OptionError(
            "identity_store_endpoint is needed: IAM Identity Center does not tell the one region where its users are"
            f" (such as https://identitystore.ap-southeast-1.{domain}; the console shows the region)."
        )
    return _host("identitystore", regions[0], domain)


def organizations_endpoint(params: Mapping[str, Any], env: Mapping[str, str]) -> str:
    """The base URL of Organizations. Raises OptionError, also where the region's cloud has no such service.

    Beside an IAM that was given outright, and is not one of Huawei Cloud's own, it must be given too: another operator's credentials must
    not go to Huawei Cloud.
    """
    given = _given("organizations_endpoint", params, env, ORGANIZATIONS_ENVIRONMENT)
    if given is not None:
        return given
    address = _address(params, env)
    if address.iam is not None and _home(checked_url(address.iam.text, address.iam.source)) is None:
        raise OptionError(f"organizations_endpoint is missing: {address.iam.source} does not tell where its Organizations service is.")
    domain = _domain(address, "organizations_endpoint")
    if domain in _WITHOUT_HUAWEIS_SERVICES:
        raise OptionError(
            "the region belongs to Open Telekom Cloud, which has no Organizations service: name its accounts in an inventory of your own, with"
            " mfa_rollout_auth.assume_agency for each."
        )
    return f"https://organizations.{domain}"


def sts_endpoint(params: Mapping[str, Any], env: Mapping[str, str]) -> str | None:
    """The base URL of STS, or None where there is none or none is known. Raises OptionError.

    Beside an IAM that was given outright STS has the same address, unless that IAM is one of Huawei Cloud's own: another operator's
    credentials must not go to Huawei Cloud because a region is set too.
    """
    given = _given("sts_endpoint", params, env, STS_ENVIRONMENT)
    if given is not None:
        return given
    address = _address(params, env)
    iam = checked_url(address.iam.text, address.iam.source) if address.iam else None
    if iam is not None and address.region is not None and _DOMAINS.get(address.region.text) in _WITHOUT_HUAWEIS_SERVICES:
        return None
    if iam is not None and _home(iam) is None:
        return iam
    region, domain = signing_region(params, env), _domain(address, "sts_endpoint")
    return None if not region or domain in _WITHOUT_HUAWEIS_SERVICES else _host("sts", region, domain)


def secrets_endpoint(params: Mapping[str, Any], env: Mapping[str, str]) -> str:
    """The base URL of the secret management service (CSMS), whose hosts are those of key management. Raises OptionError.

    Beside an IAM that was given outright, and is not one of Huawei Cloud's own, it must be given too: another operator's credentials must
    not go to Huawei Cloud because a region is set.
    """
    given = _given("endpoint", params, env, CSMS_ENVIRONMENT)
    if given is not None:
        return given
    address = _address(params, env)
    if address.iam is not None and _home(checked_url(address.iam.text, address.iam.source)) is None:
        raise OptionError(f"endpoint is missing: {address.iam.source} does not tell where its secret management service is.")
    region, domain = signing_region(params, env), _domain(address, "endpoint")
    if not region:
        raise OptionError(f"region is missing: each region has secrets of its own (option region, or {' or '.join(REGION_ENVIRONMENT)}).")
    if domain in _WITHOUT_HUAWEIS_SERVICES:
        raise OptionError(
            f"region {region} belongs to Open Telekom Cloud, which documents no such service: give endpoint where there is one."
        )
    return _host("kms", region, domain)


def signing_region(params: Mapping[str, Any], env: Mapping[str, str]) -> str:
    """The region as far as it is known; empty where it is not. Raises OptionError."""
    address = _address(params, env)
    home = _home(checked_url(address.iam.text, address.iam.source)) if address.iam else None
    if address.iam and home is None:
        return address.region.text if address.region and _REGION.fullmatch(address.region.text) else ""
    return (home[0] if home else None) or _region(address, "iam_endpoint") or ""


def _of_options(params: Mapping[str, Any]) -> _Address:
    region, iam = (_Said(str(params[option]), option) if params.get(option) else None for option in ("region", "iam_endpoint"))
    return _Address(region, iam, None)


def _of_environment(env: Mapping[str, str]) -> _Address:
    def said(option: str, names: tuple[str, ...]) -> _Said | None:
        found = first_set(env, names)
        return _Said(found[1], f"{option} (from {found[0]})") if found else None

    return _Address(said("region", REGION_ENVIRONMENT), said("iam_endpoint", IAM_ENVIRONMENT), said("the cloud", DOMAIN_ENVIRONMENT))


def _address(params: Mapping[str, Any], env: Mapping[str, str]) -> _Address:
    # As a whole: an endpoint of the environment beside a region that was given as an option would take a password to another cloud.
    return _of_options(params) or _of_environment(env)


def _host(service: str, region: str | None, domain: str) -> str:
    return f"https://{service}.{region}.{domain}" if region else f"https://{service}.{domain}"


def _home(url: str) -> tuple[str | None, str] | None:
    """The region, if it has one, and the domain of a host that is IAM of one of the clouds; None for any other."""
    found = _KNOWN_IAM.fullmatch(urlsplit(url).hostname or "")
    return (found["region"], found["domain"]) if found else None


def _refuse_another_region(url: str, address: _Address) -> None:
    """A host of another operator, a proxy or a rehearsal cloud may stand beside any region; a host of the clouds beside its own only."""
    home = _home(url)
    if home is None or address.iam is None or address.region is None or not _REGION.fullmatch(address.region.text):
        return
    region, domain = home
    if domain != _DOMAINS.get(address.region.text, _HUAWEI) or region not in (None, address.region.text):
        raise OptionError(
            f"{address.region.source} is {address.region.text}, and {address.iam.source} is {urlsplit(url).hostname}, which is somewhere else:"
            " give one of them only, or the option region, which counts more than the environment."
        )


def _domain(address: _Address, other: str) -> str:
    """The domain that the services' hosts lie in."""
    if address.domain is not None:
        region = _region(address, other)
        domain = address.domain.text.strip().lower()
        if not _DOMAIN.fullmatch(domain):
            raise OptionError(f"{address.domain.source} must be a domain such as {_HUAWEI}; other hosts are given with {other}.")
        own = _DOMAINS.get(region or "", _HUAWEI)
        if region and own != domain and (region in _DOMAINS or domain in (_EUROPE, *_WITHOUT_HUAWEIS_SERVICES)):
            raise OptionError(f"region {region} is not in {domain}, which {address.domain.source} names: give one of them only.")
        return domain
    home = _home(checked_url(address.iam.text, address.iam.source)) if address.iam else None
    return home[1] if home else _DOMAINS.get(_region(address, other) or "", _HUAWEI)


def _region(address: _Address, other: str) -> str | None:
    if address.region is None:
        return None
    region = address.region.text
    if not _REGION.fullmatch(region):
        raise OptionError(
            f"{address.region.source} {region!r} is not the name of a region such as eu-de or ap-southeast-1; other hosts are given with {other}."
        )
    return region


def _given(option: str, params: Mapping[str, Any], env: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    if params.get(option):
        return checked_url(params[option], option)
    # A region that was given as an option counts more than any host of the environment.
    found = None if params.get("region") else first_set(env, names)
    return checked_url(found[1], f"{option} (from {found[0]})") if found else None


def checked_url(value: str, source: str, example: str = "https://iam.example.com") -> str:
    """``value`` as scheme, host and perhaps a path, without API version and default port. Errors never repeat it: it may hold a password."""
    value = value.strip()
    if not value.isprintable():
        # urlsplit drops line breaks and tabs, and what is left can be another host.
        raise OptionError(f"{source} holds a line break or another character that cannot be seen.")
    try:
        parts = urlsplit(value)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise OptionError(f"{source} is not a URL such as {example}.") from None
    scheme = parts.scheme.lower()
    if scheme not in ("http", "https") or not host:
        raise OptionError(f"{source} must be a URL such as {example}.")
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
