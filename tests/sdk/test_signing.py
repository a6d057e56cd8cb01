# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's signature against the vendor's own signer, over requests that nobody has thought of."""

from __future__ import annotations

import calendar
import time
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import requests
from ansible_collections.hwc.mfa.plugins.module_utils._auth.access_key import AccessKey, SignatureAuth
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.transport import path_of, query_of
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

DATE = "20260102T030405Z"
NOW = float(calendar.timegm(time.strptime(DATE, "%Y%m%dT%H%M%SZ")))

TEXT = st.text(st.characters(blacklist_categories=("Cs",)), max_size=8)
ODD = st.text(st.sampled_from("aZ09-_.~ %2Ff+&=?#;:@,!*'()\"\\|`^[]{}<>é\u0301\u202e\ufffd\U0001f512\x00\t\n\x7f"), max_size=8)
SEGMENTS = (TEXT | ODD).filter(lambda text: text not in ("", ".", "..") and "/" not in text)
VALUES = TEXT | ODD | st.just("")
TOKENS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=30)


def signed_by_the_vendor(sdk: SimpleNamespace, key: AccessKey, sent: Any, pairs: list[tuple[str, str]], names: list[str]) -> Any:
    """The request that was sent, signed anew with the same headers."""
    request = sdk.request.SdkRequest(
        method=sent.method,
        schema="https",
        host="iam.example",
        resource_path=urlsplit(sent.url).path,
        query_params=list(pairs),
        header_params={name: sent.headers[name] for name in names if name in sent.headers},
        body=sent.body or "",
    )
    return sdk.signer.Signer(sdk.credentials.BasicCredentials(key.access_key, key.secret_key, "project")).sign(request)


@given(
    st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"]),
    st.lists(SEGMENTS, min_size=1, max_size=4),
    st.lists(st.tuples(VALUES, VALUES), max_size=5),
    st.binary(max_size=40),
    st.tuples(TOKENS, TOKENS, st.none() | TOKENS, st.none() | TOKENS),
)
@settings(max_examples=400, deadline=None, database=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example("GET", ["a%2Fb", "%", "~"], [("a", ""), ("a", ""), ("", ""), ("A", "b c+d"), ("a", "%00")], b"", ("AK", "SK", None, None))
@example("PUT", ["e\u0301", "\u00e9", "..."], [("\u00e9", "\u202e"), ("e\u0301", "\x00\n")], b"\x00\xff", ("AK", "S K", "T;O=", "d"))
def test_any_request_is_signed_as_the_vendor_signs_it(sdk, method, segments, pairs, body, key):
    access_key, secret_key, security_token, domain_id = key
    own = AccessKey(access_key, secret_key, security_token)
    headers = {"Host": "iam.example", **({"Content-Type": "application/json"} if body else {})}
    url = f"https://iam.example{path_of(*segments)}" + (f"?{query_of(pairs)}" if pairs else "")
    auth = SignatureAuth(own, now=lambda: NOW, domain_id=lambda: domain_id)
    request = requests.PreparedRequest()
    request.prepare(method=method, url=url, headers=headers, data=body or None, auth=auth)

    names = ["Content-Type", "Host", "X-Domain-Id", "X-Sdk-Date", "X-Security-Token"]
    vendors = signed_by_the_vendor(sdk, own, request, pairs, names)

    assert request.headers["X-Sdk-Date"] == DATE
    assert request.headers["Authorization"] == vendors.header_params["Authorization"]
    # What is signed is what is sent.
    assert urlsplit(request.url).query == urlsplit(vendors.uri).query
