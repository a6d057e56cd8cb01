# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import calendar
import json
import time
from dataclasses import replace
from pathlib import Path

import pytest
import requests
from ansible_collections.hwc.mfa.plugins.module_utils._auth.access_key import (
    AccessKey,
    SignatureAuth,
    canonical_request,
    signature,
    signing_scope,
)
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.transport import path_of, query_of
from ansible_collections.hwc.mfa.tests.simulator import signing
from hypothesis import given
from hypothesis import strategies as st

VECTORS = json.loads(Path(__file__).with_name("fixtures").joinpath("signing.json").read_text(encoding="utf-8"))
NAMED = [pytest.param(vector, id=vector["name"]) for vector in VECTORS]
SIGNED_BY_US = {"content-type", "host", "x-domain-id", "x-sdk-date", "x-security-token"}


def body_of(vector):
    return (vector["body"] or "").encode()


def test_there_are_vectors():
    assert len(VECTORS) >= 46
    assert sum("canonical_request" in vector for vector in VECTORS) >= 43


@pytest.mark.parametrize("vector", NAMED)
def test_canonical_request_and_signature_are_those_of_the_vendor(vector):
    canonical, signed = canonical_request(vector["method"], vector["path"], vector["query"], vector["headers"], body_of(vector))
    assert canonical == vector.get("canonical_request", canonical)
    assert signed == ";".join(sorted(vector["headers"]))
    assert signature(vector["secret_key"], vector["headers"]["x-sdk-date"], canonical) == vector["signature"]


OURS = [vector for vector in VECTORS if set(vector["headers"]) - {"user-agent"} <= SIGNED_BY_US and "//" not in vector["path"]]


@pytest.mark.parametrize("vector", [pytest.param(vector, id=vector["name"]) for vector in OURS])
def test_request_as_requests_sends_it_is_signed_as_the_vendor_would(vector):
    headers = {name.title(): value for name, value in vector["headers"].items() if name in ("content-type", "host", "user-agent")}
    date = vector["headers"]["x-sdk-date"]
    key = AccessKey(vector["access_key"], vector["secret_key"], vector["headers"].get("x-security-token"))
    auth = SignatureAuth(
        key, now=lambda: calendar.timegm(time.strptime(date, "%Y%m%dT%H%M%SZ")), domain_id=lambda: vector["headers"].get("x-domain-id")
    )
    url = f"https://{vector['headers']['host']}{vector['path']}" + (f"?{vector['query']}" if vector["query"] else "")
    sent = requests.Request(vector["method"], url, headers=headers, data=body_of(vector) or None, auth=auth).prepare()
    claim = signing.parse_claim(sent.headers["Authorization"])
    # The vendor signs its User-Agent too, which a proxy may change; so the signature is compared over the headers that we sign.
    names = sorted(set(vector["headers"]) & SIGNED_BY_US)
    canonical = signing.canonical_request(
        vector["method"], vector["path"], vector["query"], vector["headers"], tuple(names), body_of(vector)
    )
    assert list(claim.signed_headers) == names
    assert claim.access_key == vector["access_key"]
    assert claim.signature == signing.signature_of(canonical, date, vector["secret_key"])
    if "user-agent" not in vector["headers"]:
        assert claim.signature == vector["signature"]


# Computed with openssl dgst, link by link, over the published request.
DERIVED = {
    "eu-de": "490055f7344b764272a25d15432998594661482217ae58d32d0193e001172ca7",
    "": "ab30551ce646ebd703b012ad07f104d9c5dc8471a5285c624e54b5d18528ad56",
}


@pytest.mark.parametrize("region", DERIVED)
def test_derived_key_signs_the_published_request(region):
    vector = next(vector for vector in VECTORS if vector["name"] == "published: SDK signer test, GET")
    auth = SignatureAuth(AccessKey("AccessKey", "SecretKey"), now=lambda: 1591583940.0, region=region)
    url = f"https://{vector['headers']['host']}{vector['path']}?{vector['query']}"
    sent = requests.Request("GET", url, headers={"Host": vector["headers"]["host"]}, auth=auth).prepare()
    assert sent.headers["X-Sdk-Date"] == vector["headers"]["x-sdk-date"]
    assert sent.headers["Authorization"] == (
        f"SDK-HMAC-SHA256 Credential=AccessKey/20200608/{region}//sdk_request, SignedHeaders=host;x-sdk-date, Signature={DERIVED[region]}"
    )


@pytest.mark.parametrize("vector", NAMED)
def test_derived_signature_is_the_same_in_another_implementation(vector):
    canonical, _signed = canonical_request(vector["method"], vector["path"], vector["query"], vector["headers"], body_of(vector))
    date = vector["headers"]["x-sdk-date"]
    for region in ("eu-de", ""):
        scope = signing_scope(date, region)
        expected = signing.signature_of(canonical, date, vector["secret_key"], scope)
        assert signature(vector["secret_key"], date, canonical, scope) == expected


def test_key_that_was_derived_for_another_day_is_refused():
    auth = SignatureAuth(AccessKey("AK", "SK"), now=lambda: 1591583940.0, region="eu-de")
    sent = requests.Request("GET", "https://iam.example/v3", headers={"Host": "iam.example"}, auth=auth).prepare()
    received = {name.lower(): value for name, value in sent.headers.items()}
    claim = signing.parse_claim(sent.headers["Authorization"])
    signing.verify(claim, "SK", "GET", "/v3", "", received, b"", 1591583940.0)
    for scope in ("20200609/eu-de//sdk_request", "20200608/eu-nl//sdk_request", "20200608/eu-de/iam/sdk_request", None):
        with pytest.raises(signing.SignatureRefused):
            signing.verify(replace(claim, scope=scope), "SK", "GET", "/v3", "", received, b"", 1591583940.0)


TEXT = st.text(st.characters(blacklist_categories=("Cs",)), max_size=12)


ODD = st.text(st.sampled_from("aZ~ %2Ff+&=?#;:@'\"\\[]{}é\u0301\u202e\U0001f512\x00\n"), max_size=8)
PRINTABLE = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)
REPEATED = st.lists(st.tuples(st.sampled_from(["", "a", "A", "é"]), st.sampled_from(["", "b", "=", "&"])), max_size=6)


@given(
    st.sampled_from(["GET", "POST", "PUT", "DELETE"]),
    st.lists((TEXT | ODD).filter(lambda text: text not in ("", ".", "..") and "/" not in text), min_size=1, max_size=3),
    st.lists(st.tuples(TEXT | ODD, TEXT | ODD), max_size=4) | REPEATED,
    st.binary(max_size=30),
    st.none() | PRINTABLE,
    st.none() | PRINTABLE,
)
def test_whatever_is_sent_verifies_in_another_implementation(method, segments, pairs, body, token, domain_id):
    url = f"https://iam.example{path_of(*segments)}" + (f"?{query_of(pairs)}" if pairs else "")
    headers = {"Host": "iam.example", "Content-Type": "application/json"}
    auth = SignatureAuth(AccessKey("AK", "SK", token), now=lambda: 1_700_000_000.0, domain_id=lambda: domain_id)
    sent = requests.Request(method, url, headers=headers, data=body or None, auth=auth).prepare()
    path, _mark, query = sent.url[len("https://iam.example") :].partition("?")
    received = {name.lower(): value for name, value in sent.headers.items()}
    claim = signing.parse_claim(sent.headers["Authorization"])
    signing.verify(claim, "SK", method, path, query, received, body, 1_700_000_000.0)
    # Whoever alters anything on the way breaks it.
    for altered in (("PATCH", path, query), (method, f"{path}x", query), (method, path, f"{query}&z=")):
        with pytest.raises(signing.SignatureRefused):
            signing.verify(claim, "SK", *altered, received, body, 1_700_000_000.0)


def test_security_token_is_sent_and_signed():
    auth = SignatureAuth(AccessKey("AK", "SK", "ST"), now=lambda: 0.0)
    sent = requests.Request("GET", "https://iam.example/v3", headers={"Host": "iam.example"}, auth=auth).prepare()
    assert sent.headers["X-Security-Token"] == "ST"
    assert "SignedHeaders=host;x-sdk-date;x-security-token" in sent.headers["Authorization"]


def test_signature_is_made_anew_only_where_the_clock_was_far_off():
    moments = iter([1e9, 1e9 + 700.0, 1e9, 1e9 + 30.0])
    auth = SignatureAuth(AccessKey("AK", "SK"), now=lambda: next(moments))
    refusal = CloudError("no", status=401)
    assert auth.renew(auth.prepare(), refusal)
    assert not auth.renew(auth.prepare(), refusal)


def test_account_is_asked_for_before_a_code_is_made_which_would_age(script):
    events = []
    auth = SignatureAuth(AccessKey("AK", "SK"), domain_id=lambda: events.append("account"))
    script((200, {})).session(auth).write("POST", "/", body=lambda: events.append("code") or {})
    assert events[:2] == ["account", "code"]
