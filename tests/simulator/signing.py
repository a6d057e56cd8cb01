# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verifies SDK-HMAC-SHA256 signatures over a request as it arrived.

The canonical form is built from the bytes on the wire and the header names that the client says it signed, so that any client
that follows the published guide passes, whatever its JSON looks like.
"""

from __future__ import annotations

import calendar
import hashlib
import hmac
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote

ALGORITHM = "SDK-HMAC-SHA256"
MAX_SKEW_SECONDS = 15 * 60
# Headers that change what a request means: sent but not signed, anybody on the way could alter them.
SIGNED_WHERE_SENT = ("content-type", "x-domain-id", "x-project-id", "x-security-token")

_AUTHORIZATION = re.compile(
    rf"{ALGORITHM} (?:Access=(?P<access>[^, ]+)|Credential=(?P<derived>[^/, ]+)/(?P<scope>[0-9]{{8}}/[^/, ]*/[^/, ]*/sdk_request)), *"
    r"SignedHeaders=(?P<headers>[^, ]+), *Signature=(?P<signature>[0-9a-f]{64})"
)


class SignatureRefused(Exception):
    """The signature does not hold. The text says why; it never holds a key."""


@dataclass(frozen=True)
class Claim:
    """What an Authorization header claims. `scope` is what a derived key is good for; None where the secret key itself signs."""

    access_key: str
    signed_headers: tuple[str, ...]
    signature: str
    scope: str | None = None


def parse_claim(authorization: str) -> Claim:
    """Read an Authorization header; raise SignatureRefused where it has another form."""
    match = _AUTHORIZATION.fullmatch(authorization.strip())
    if match is None:
        raise SignatureRefused("the Authorization header is malformed")
    return Claim(match["access"] or match["derived"], tuple(match["headers"].split(";")), match["signature"], match["scope"])


def canonical_uri(raw_path: str) -> str:
    """The path with each segment percent-encoded and a slash at its end."""
    path = "/".join(quote(segment, safe="~") for segment in unquote(raw_path).split("/"))
    return path if path.endswith("/") else f"{path}/"


def canonical_query(raw_query: str) -> str:
    """The query sorted by decoded key, then decoded value, and percent-encoded; an empty value keeps its equals sign."""
    if not raw_query:
        return ""
    pairs = []
    for part in raw_query.split("&"):
        key, _equals, value = part.partition("=")
        pairs.append((unquote(key), unquote(value)))
    return "&".join(f"{quote(key, safe='~')}={quote(value, safe='~')}" for key, value in sorted(pairs))


def canonical_request(
    method: str, raw_path: str, raw_query: str, headers: Mapping[str, str], signed_headers: tuple[str, ...], body: bytes
) -> str:
    """The text whose hash is signed. `headers` has lower-case names."""
    lines = "".join(f"{name}:{headers.get(name, '').strip()}\n" for name in signed_headers)
    payload = hashlib.sha256(body).hexdigest()
    if "x-sdk-content-sha256" in signed_headers:
        payload = headers.get("x-sdk-content-sha256", "")
    return "\n".join((method, canonical_uri(raw_path), canonical_query(raw_query), lines, ";".join(signed_headers), payload))


def signature_of(canonical: str, date: str, secret_key: str, scope: str | None = None) -> str:
    """The hexadecimal signature of a canonical request."""
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    if scope is None:
        return hmac.new(secret_key.encode(), f"{ALGORITHM}\n{date}\n{digest}".encode(), hashlib.sha256).hexdigest()
    day, region, service, end = scope.split("/")
    of_day = hmac.digest(b"SDK" + secret_key.encode(), day.encode(), "sha256")
    of_region = hmac.digest(of_day, region.encode(), "sha256")
    of_service = hmac.digest(of_region, service.encode(), "sha256")
    key = hmac.digest(of_service, end.encode(), "sha256")
    return hmac.digest(key, f"{ALGORITHM}\n{date}\n{scope}\n{digest}".encode(), "sha256").hex()


def verify(
    claim: Claim,
    secret_key: str,
    method: str,
    raw_path: str,
    raw_query: str,
    headers: Mapping[str, str],
    body: bytes,
    now: float,
) -> None:
    """Raise SignatureRefused unless the claim holds at the time `now` (seconds since the epoch)."""
    names = claim.signed_headers
    if list(names) != sorted(name.lower() for name in names):
        raise SignatureRefused("SignedHeaders must be lower-case and sorted")
    for name in ("host", "x-sdk-date"):
        if name not in names or name not in headers:
            raise SignatureRefused(f"{name} must be sent and signed")
    for name in SIGNED_WHERE_SENT:
        if name in headers and name not in names:
            raise SignatureRefused(f"{name} was sent but not signed")
    for name in names:
        if name not in headers:
            raise SignatureRefused(f"{name} was signed but not sent")
    date = headers["x-sdk-date"].strip()
    try:
        signed_at = calendar.timegm(time.strptime(date, "%Y%m%dT%H%M%SZ"))
    except ValueError:
        raise SignatureRefused("x-sdk-date is not of the form YYYYMMDDTHHMMSSZ") from None
    if abs(now - signed_at) > MAX_SKEW_SECONDS:
        raise SignatureRefused("x-sdk-date is more than 15 minutes off")
    if "x-sdk-content-sha256" in names and headers["x-sdk-content-sha256"].strip() != hashlib.sha256(body).hexdigest():
        raise SignatureRefused("x-sdk-content-sha256 is not the hash of the body")
    if claim.scope is not None and not date.startswith(claim.scope[:8]):
        raise SignatureRefused("the key was derived for another day than that of x-sdk-date")
    canonical = canonical_request(method, raw_path, raw_query, headers, names, body)
    if not hmac.compare_digest(signature_of(canonical, date, secret_key, claim.scope), claim.signature):
        raise SignatureRefused("verify aksk signature fail")
