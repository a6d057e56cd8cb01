# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import gzip
import os
import re
import resource
import socket
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from ansible_collections.hwc.mfa.plugins.module_utils._auth.access_key import AccessKey, SignatureAuth
from ansible_collections.hwc.mfa.plugins.module_utils._auth.base import Account
from ansible_collections.hwc.mfa.plugins.module_utils._auth.password import Password, PasswordAuth
from ansible_collections.hwc.mfa.plugins.module_utils._auth.token import Token, TokenAuth
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError, OptionError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.iam import Iam
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.transport import (
    Http,
    HttpSettings,
    Reply,
    Session,
    _certificate_reason,
    encode,
    path_of,
    query_of,
    retry_delay,
    throttle_pause,
)
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_mfa_info import MFA_INFO
from ansible_collections.hwc.mfa.plugins.module_utils._runner.run import perform
from ansible_collections.hwc.mfa.tests.unit.certificate import write_certificate
from ansible_collections.hwc.mfa.tests.unit.rehearsal import Impatient, validated
from hypothesis import given
from hypothesis import strategies as st


def longest(_low, high):
    return high


# Pure decisions


@pytest.mark.parametrize(
    ("what", "read", "expected"),
    [
        # No answer: nothing is known of a write, unless it never left.
        ({}, True, 0.25),
        ({}, False, None),
        ({"never_sent": True}, False, 0.25),
        ({"never_sent": True}, True, 0.25),
        # A throttle carried nothing out.
        ({"status": 429}, False, 5.0),
        ({"status": 429}, True, 5.0),
        ({"status": 429, "retry_after": "7"}, False, 7.0),
        ({"status": 429, "retry_after": "0"}, False, 0.25),
        ({"status": 429, "retry_after": "0.001"}, True, 0.25),
        ({"status": 429, "retry_after": "600"}, True, 60.0),
        ({"status": 429, "retry_after": "-5"}, True, 5.0),
        ({"status": 429, "retry_after": "-inf"}, True, 5.0),
        ({"status": 429, "retry_after": "nan"}, True, 5.0),
        ({"status": 429, "retry_after": "inf"}, True, 60.0),
        ({"status": 429, "retry_after": "Fri, 31 Dec 1999 23:59:59 GMT"}, True, 5.0),
        # Theirs: reads only.
        *[({"status": status}, True, 0.25) for status in (500, 502, 503, 504)],
        *[({"status": status}, False, None) for status in (500, 502, 503, 504)],
        ({"status": 503, "retry_after": "3"}, True, 3.0),
        ({"status": 503, "retry_after": "0"}, True, 0.25),
        ({"status": 503, "retry_after": "-5"}, True, 0.25),
        ({"status": 503, "retry_after": "Fri, 31 Dec 1999 23:59:59 GMT"}, True, 0.25),
        ({"status": 503, "retry_after": "3"}, False, None),
        ({"status": 410, "failover": True}, True, 0.25),
        ({"status": 410, "failover": True}, False, None),
        ({"status": 410}, True, None),
        # Answers that no repetition changes.
        *[({"status": status}, True, None) for status in (400, 401, 403, 404, 405, 409, 501)],
        *[({"status": status}, False, None) for status in (400, 401, 403, 404, 409)],
    ],
)
def test_what_is_sent_again_and_when(what, read, expected):
    assert retry_delay(0, 5, read=read, jitter=longest, **what) == expected


@pytest.mark.parametrize("status", [None, 429, 503])
def test_retries_end(status):
    assert retry_delay(5, 5, read=True, status=status) is None
    assert retry_delay(0, 0, read=True, status=status, retry_after="1") is None


def test_waits_grow_to_a_limit():
    waits = [retry_delay(attempt, 99, read=True, jitter=longest) for attempt in range(8)]
    assert waits == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("retry_after", ["0", "0.001", "-0.0"])
def test_waits_grow_though_the_cloud_asks_for_none(status, retry_after):
    waits = [retry_delay(attempt, 99, read=True, status=status, retry_after=retry_after, jitter=longest) for attempt in range(8)]
    assert waits == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]


def test_wait_that_the_cloud_asks_for_is_kept_until_the_own_one_is_longer():
    waits = [retry_delay(attempt, 99, read=True, status=429, retry_after="1", jitter=longest) for attempt in range(5)]
    assert waits == [1.0, 1.0, 1.0, 2.0, 4.0]


def test_waits_are_spread_so_that_runs_do_not_come_in_step():
    def earliest(low, _high):
        return low

    assert retry_delay(0, 5, read=True, jitter=earliest) == 0.125
    assert retry_delay(0, 5, read=True, status=429, jitter=earliest) == throttle_pause(0, None, earliest) == 2.0


@pytest.mark.parametrize("document", [{}, {"a": {}}, {"a": ["b"]}, {"a": None}, ["a"], "a", None])
def test_field_that_an_answer_lacks_is_an_error_that_names_it(document):
    with pytest.raises(CloudError, match=r"the answer has no field a\.b: is the endpoint really") as caught:
        Reply(200, {"X-Request-Id": "r1"}, document).field("a", "b")
    assert (caught.value.status, caught.value.request_id) == (200, "r1")
    assert Reply(200, {}, {"a": {"b": 0}}).field("a", "b") == 0


@pytest.mark.parametrize("segment", ["", ".", "..", "a/b", "/", "../x"])
def test_id_that_would_address_something_else_is_refused(segment):
    with pytest.raises(OptionError, match="cannot be an id"):
        path_of("v3.0", segment, "login-protect")


@pytest.mark.parametrize(
    ("segment", "path"), [("a b", "/a%20b"), ("ü", "/%C3%BC"), ("a%2Fb", "/a%252Fb"), ("~-_.x", "/~-_.x"), ("a:b?c#d", "/a%3Ab%3Fc%23d")]
)
def test_segments_are_encoded_as_the_signature_wants_them(segment, path):
    assert path_of(segment) == path


def test_query_is_sorted_by_decoded_name_and_value_and_keeps_empty_values():
    pairs = [("b", "2"), ("a", "z"), ("a", "Z"), ("a", ""), ("ä", "1"), ("B", "/ +")]
    assert query_of(pairs) == "B=%2F%20%2B&a=&a=Z&a=z&b=2&%C3%A4=1"
    assert query_of([]) == ""


@given(st.text(st.characters(blacklist_categories=("Cs",)), max_size=20))
def test_encoding_leaves_unreserved_characters_only(text):
    assert set(encode(text)) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~%")


# Against the rehearsal cloud


def admin_iam(cloud, sleep=None, **settings):
    return Iam(cloud.session(sleep, **settings).acting_as(SignatureAuth(AccessKey(**cloud.by_key()), now=cloud.cloud.now)))


def test_read_is_repeated_while_the_cloud_is_busy(cloud):
    cloud.handle.fault("status=503:users:1-2")
    assert len(admin_iam(cloud).users()) == 5
    assert cloud.routes() == ["users"] * 3


def test_read_gives_up_after_the_retries_with_the_last_error(cloud):
    cloud.handle.fault("status=503:users")
    with pytest.raises(CloudError, match="503") as caught:
        admin_iam(cloud).users()
    assert cloud.routes() == ["users"] * 3
    assert caught.value.call == "GET /v3/users"
    assert caught.value.request_id
    assert not caught.value.uncertain


def test_retry_after_is_honoured_instead_of_the_own_wait(cloud):
    cloud.handle.fault("status=503,retry-after=17:users:1")
    sleep = Impatient()
    admin_iam(cloud, sleep).users()
    assert sleep.slept == [17.0]


@pytest.mark.parametrize("retry_after", ["0", "-3", "Fri, 31 Dec 1999 23:59:59 GMT"])
@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("words", ["slow down", "Threshold: 1000 times per 1 seconds", "Threshold: 0 times per 0 seconds"])
def test_retries_last_for_seconds_whatever_the_cloud_asks_for(script, status, retry_after, words):
    server = script((status, {"error_code": "IAM.0012", "error_msg": words}, {"Retry-After": retry_after}))
    sleep = Impatient()
    session = Session(Http(HttpSettings(retries=5), sleep, monotonic=lambda: sum(sleep.slept)), server.url)
    with pytest.raises(CloudError, match=f"HTTP {status}"):
        session.read("GET", "/")
    assert len(server.requests) == 6
    assert sum(sleep.slept) > 3.0


def given_up(script, retry_after, retries):
    """The server, the waits and the session of a call that is throttled until its last try."""
    server = script((429, {"error_code": "APIGW.0308", "error_msg": "slow down"}, {"Retry-After": retry_after}))
    sleep = Impatient()
    session = Session(Http(HttpSettings(retries=retries), sleep, monotonic=lambda: sum(sleep.slept)), server.url)
    with pytest.raises(CloudError, match="HTTP 429"):
        session.read("GET", "/")
    return server, sleep, session


def test_throttle_that_asks_for_no_pause_holds_the_others_back_after_the_last_try(script):
    _server, _sleep, session = given_up(script, "0", retries=3)
    assert session.pace.take() > 0.9


def test_failover_is_waited_for(cloud):
    cloud.handle.fault("status=410:login-protect-list:1")
    assert admin_iam(cloud).protections() == []
    assert cloud.routes() == ["login-protect-list", "login-protect-list"]


@pytest.mark.parametrize("fault", ["lose", "half", "cut"])
def test_read_is_repeated_after_a_broken_connection(cloud, fault):
    cloud.handle.fault(f"{fault}:users:1")
    assert len(admin_iam(cloud).users()) == 5


@pytest.mark.parametrize(
    "fault", ["lose", "half", "cut", "status=500", "status=502", "status=503,retry-after=0", "status=504", "html=502", "status=410"]
)
def test_write_is_never_sent_again_after_an_answer_that_leaves_it_open(cloud, fault):
    cloud.handle.fault(f"{fault}:create")
    with pytest.raises(CloudError) as caught:
        admin_iam(cloud).create_device(cloud.users[0].id, "x")
    assert caught.value.uncertain
    assert cloud.routes() == ["create"]


def test_write_is_sent_again_after_a_throttle(cloud):
    cloud.handle.fault("retry-after=0:create:1-2")
    made = admin_iam(cloud).create_device(cloud.users[0].id, "x")
    assert made.seed == cloud.users[0].device.seed
    assert cloud.cloud.counters.creates == 1
    assert [entry["status"] for entry in cloud.log] == [429, 429, 201]


@pytest.mark.parametrize("pause", ["0.5", "7"])
def test_pace_is_learned_from_the_calls_that_were_let_through(script, pause):
    server = script(*[(200, {})] * 8, (429, {}, {"Retry-After": pause}), (200, {}))
    sleep = Impatient()
    session = Session(Http(HttpSettings(retries=1), sleep, monotonic=lambda: sum(sleep.slept)), server.url)
    for _number in range(9):
        session.read("GET", "/")
    assert len(server.requests) == 10
    assert sleep.slept == [float(pause)]
    # It has grown a little since.
    assert 8 <= 1.01 * session.pace.rate * float(pause) < 9


def test_limit_that_a_refusal_names_is_kept(script):
    words = {"error_code": "IAM.0012", "error_msg": "Request too frequent. Threshold: 120 times per 60 seconds"}
    server = script((429, words, {"Retry-After": "1"}), (200, {}))
    sleep = Impatient()
    session = Session(Http(HttpSettings(retries=1), sleep, monotonic=lambda: sum(sleep.slept)), server.url)
    for _number in range(40):
        session.read("GET", "/")
    assert session.pace.rate == pytest.approx(0.95 * 2.0)
    # Threads that were busy may catch up by a moment.
    assert sum(sleep.slept) == pytest.approx(40 / 1.9, rel=0.1)


def test_throttle_that_does_not_end_is_an_error_and_still_holds_the_others_back(script):
    server, sleep, session = given_up(script, "7", retries=1)
    assert len(server.requests) == 2
    assert sleep.slept == [7.0]
    assert session.pace.take() == 7.0


def test_throttle_that_refused_one_call_holds_the_others_back(cloud):
    cloud.handle.fault("retry-after=9:users:1")
    sleep = Impatient()
    iam = Iam(cloud.session(sleep).acting_as(SignatureAuth(AccessKey(**cloud.by_key()), now=cloud.cloud.now)))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _number: iam.users(), range(4)))
    assert [entry["status"] for entry in cloud.log].count(429) == 1
    assert max(sleep.slept) == pytest.approx(9.0, abs=0.5)
    assert iam.session.pace.rate is not None


def test_pace_that_was_learned_is_where_the_next_run_begins(cloud):
    cloud.handle.fault("retry-after=1:users:1")
    memory = {}
    perform(MFA_INFO, validated(MFA_INFO, {"iam_endpoint": cloud.url, **cloud.by_key()}), False, False, {}, memory=memory)
    ((host, learned),) = memory["paces"].items()
    assert host in cloud.url
    sleep = Impatient()
    http = Http(HttpSettings(), sleep, paces={host: {**learned, "rate": 2.0}}, monotonic=sleep.monotonic)
    iam = Iam(Session(http, cloud.url, SignatureAuth(AccessKey(**cloud.by_key()), now=cloud.cloud.now)))
    for _number in range(4):
        iam.users()
    assert sum(sleep.slept) > 1.0


def test_write_is_not_sent_once_nobody_waits_for_it(cloud):
    http = Http(HttpSettings(), Impatient(), wanted=lambda: False)
    iam = Iam(Session(http, cloud.url, SignatureAuth(AccessKey(**cloud.by_key()), now=cloud.cloud.now)))
    assert len(iam.users()) == 5
    with pytest.raises(CloudError, match="not sent") as caught:
        iam.create_device(cloud.users[0].id, "x")
    assert not caught.value.uncertain
    assert cloud.writes() == []


def test_write_is_not_sent_once_the_play_has_ended_while_it_waited_for_a_new_code(cloud):
    lives = True

    def wait_for_a_code():
        nonlocal lives
        lives = False
        return {"user": {"enabled": False}}

    http = Http(HttpSettings(), wanted=lambda: lives)
    session = Session(http, cloud.url)
    with pytest.raises(CloudError, match="play that asked for it has ended"):
        session.write("PUT", "/v3/users/1", body=wait_for_a_code)
    assert cloud.log == []


def test_read_that_is_cut_forever_says_so_and_is_no_uncertain_write(cloud):
    cloud.handle.fault("cut:users")
    with pytest.raises(CloudError, match="broke before the whole answer came") as caught:
        admin_iam(cloud).users()
    assert not caught.value.uncertain
    assert caught.value.status is None


def test_slow_answer_names_the_option_timeout(cloud):
    cloud.handle.fault("slow=1:users")
    with pytest.raises(CloudError, match=r"did not answer within 0.2 s \(option timeout\)"):
        admin_iam(cloud, timeout=0.2, retries=0).users()


def test_slow_write_is_uncertain_and_sent_once(cloud):
    cloud.handle.fault("slow=0.5:create")
    with pytest.raises(CloudError) as caught:
        admin_iam(cloud, timeout=0.2).create_device(cloud.users[0].id, "x")
    assert caught.value.uncertain
    assert cloud.routes() == ["create"]


def test_redirect_is_refused_and_credentials_do_not_follow(script):
    elsewhere = script((200, {"users": []}))
    server = script((302, b"", {"Location": f"{elsewhere.url}/v3/users"}))
    with pytest.raises(CloudError, match="redirect") as caught:
        Iam(server.session(TokenAuth(Token("T0")), retries=3)).users()
    assert "iam_endpoint" in str(caught.value)
    assert len(server.requests) == 1
    assert elsewhere.requests == []


@pytest.mark.parametrize("status", [300, 301, 308, 399])
def test_every_redirect_is_refused(script, status):
    with pytest.raises(CloudError, match="redirect"):
        script((status, {"error_code": "IAM.0001", "error_msg": "elsewhere"})).session().read("GET", "/")


@pytest.mark.parametrize("status", [199, 400, 499])
def test_what_is_no_success_is_a_refusal_in_its_own_words(script, status):
    with pytest.raises(CloudError, match=f"HTTP {status}") as caught:
        script((status, {"error_code": "IAM.0001", "error_msg": "words"})).session().read("GET", "/")
    assert "redirect" not in str(caught.value)


@pytest.mark.parametrize(("status", "content"), [(200, b""), (204, b""), (299, b" \r\n")])
def test_success_may_say_nothing(script, status, content):
    reply = script((status, content)).session().read("GET", "/")
    assert (reply.status, reply.document) == (status, None)


@pytest.mark.parametrize(("status", "code"), [(410, "IAM.0011"), (400, "IAM.0020")])
def test_failover_is_known_by_its_status_and_its_code(script, status, code):
    server = script((status, {"error_code": code, "error_msg": "no"}))
    with pytest.raises(CloudError):
        server.session(retries=3).read("GET", "/")
    assert len(server.requests) == 1


def test_path_query_and_body_are_sent_as_they_are_given(script):
    server = script((503, {}), (200, {}))
    session = server.session(retries=1)
    session.read_with({"X-Subject-Token": "T1"}, "GET", "/v3/auth/tokens", [("nocatalog", "a b")])
    session.write("POST", "/v3/users", body={"a": 1})
    assert [(method, path, body) for method, path, _headers, body in server.requests] == [
        ("GET", "/v3/auth/tokens?nocatalog=a%20b", b""),
        ("GET", "/v3/auth/tokens?nocatalog=a%20b", b""),
        ("POST", "/v3/users", b'{"a": 1}'),
    ]
    sent = [headers for _method, _path, headers, _body in server.requests]
    assert [headers.get("X-Subject-Token") for headers in sent] == ["T1", "T1", None]
    assert [headers.get("Content-Type") for headers in sent] == [None, None, "application/json"]


@pytest.mark.parametrize(
    ("body", "kind"), [({"message": "words"}, "application/json"), ({"error_code": "IAM.0001", "error_msg": "words"}, "text/plain")]
)
def test_refusal_of_the_cloud_itself_does_not_doubt_the_address(script, body, kind):
    with pytest.raises(CloudError, match="words") as caught:
        script((404, body, {"Content-Type": kind})).session().read("GET", "/")
    assert "iam_endpoint" not in str(caught.value)


def test_connections_are_given_back_at_the_end():
    with socket.create_server(("127.0.0.1", 0)) as server:
        http = Http(HttpSettings(retries=0), Impatient())
        session = Session(http, f"http://127.0.0.1:{server.getsockname()[1]}")
        with ThreadPoolExecutor(1) as pool:
            reply = pool.submit(session.read, "GET", "/")
            connection, _address = server.accept()
            with connection:
                connection.settimeout(5)
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
                assert reply.result(5).document == {}
                http.close()
                assert connection.recv(1) == b""


def test_page_of_a_portal_is_an_error_without_its_text(script):
    server = script((200, b"<html>sign in here</html>", {"Content-Type": "text/html; charset=utf-8"}))
    with pytest.raises(CloudError) as caught:
        server.iam().users()
    assert "not JSON (text/html, 25 bytes)" in str(caught.value)
    assert "iam_endpoint" in str(caught.value)
    assert "sign in" not in str(caught.value)
    with pytest.raises(CloudError) as caught:
        server.iam().create_device("u1", "x")
    assert caught.value.uncertain


def test_page_of_a_gateway_is_an_error_that_asks_for_the_address(script):
    server = script((404, b"<html>sign in here</html>", {"Content-Type": "text/html"}))
    with pytest.raises(CloudError) as caught:
        server.iam().users()
    assert "iam_endpoint" in str(caught.value)
    assert "sign in" not in str(caught.value)


def test_bottomless_json_is_an_answer_that_is_not_json(script):
    server = script((200, b"[" * 200_000))
    with pytest.raises(CloudError, match="not JSON"):
        server.iam().users()


def test_cookies_are_not_kept(script):
    server = script((200, {"domains": []}, {"Set-Cookie": "a=b; Path=/"}))
    iam = server.iam()
    iam.own_domains()
    iam.own_domains()
    assert all("Cookie" not in headers for _method, _path, headers, _body in server.requests)


def test_proxy_of_the_environment_is_used(script, monkeypatch):
    proxy = script((200, {"domains": []}))
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    iam = Iam(Session(Http(HttpSettings(retries=0), Impatient()), "http://iam.example"))
    assert iam.own_domains() == []
    assert [path for _method, path, _headers, _body in proxy.requests] == ["http://iam.example/v3/auth/domains"]
    monkeypatch.setenv("NO_PROXY", "iam.example")
    with pytest.raises(CloudError):
        Iam(Session(Http(HttpSettings(retries=0), Impatient()), "http://iam.example")).own_domains()
    assert len(proxy.requests) == 1


def test_answer_that_was_compressed_is_read(script):
    packed = gzip.compress(b'{"domains": [{"id": "d", "name": "n"}]}')
    server = script((200, packed, {"Content-Encoding": "gzip"}))
    assert server.iam().own_domains() == [("d", "n")]
    assert "gzip" in server.requests[0][2]["Accept-Encoding"]


def test_netrc_of_the_machine_does_not_join_a_login(cloud, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n", encoding="utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    auth = PasswordAuth(Password(cloud.admin.password, cloud.admin.id), cloud.session(), lambda: None)
    assert auth.prepare()


def unused_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def test_refused_connection_was_never_sent_and_says_what_to_check():
    sleep = Impatient()
    session = Session(Http(HttpSettings(retries=2), sleep), f"http://127.0.0.1:{unused_port()}", TokenAuth(Token("T0")))
    with pytest.raises(CloudError, match="connection refused") as caught:
        session.write("POST", "/v3.0/OS-MFA/virtual-mfa-devices", body={})
    assert str(caught.value).startswith("POST /v3.0/OS-MFA/virtual-mfa-devices: ")
    assert "iam_endpoint" in str(caught.value)
    assert not caught.value.uncertain
    assert len(sleep.slept) == 2


def test_trace_tells_method_path_status_time_and_id_of_each_request_and_nothing_else(cloud):
    lines = []
    http = Http(HttpSettings(retries=1), lambda _seconds: None, trace=lines.append)
    session = Session(http, cloud.url, TokenAuth(Token("a-token-that-is-secret")))
    with pytest.raises(CloudError):
        session.read("GET", "/v3/users", [("name", "ada")])
    with pytest.raises(CloudError):
        Session(http, f"http://127.0.0.1:{unused_port()}").write("POST", "/v3/auth/tokens", body={"password": "secret"})
    (refused, *never_sent) = lines
    assert re.fullmatch(r"127\.0\.0\.1:\d+ GET /v3/users: \d+\.\d{3} s, 401, request id \w{32}", refused)
    assert len(never_sent) == 2
    for line in never_sent:
        assert re.match(r"127\.0\.0\.1:\d+ POST /v3/auth/tokens: \d+\.\d{3} s, no answer: 127\.0\.0\.1:\d+ cannot be reached", line)
    assert not any("secret" in line or "ada" in line for line in lines)


def test_process_that_may_open_no_more_files_says_that():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    session = Session(Http(HttpSettings(retries=0)), "http://127.0.0.1:1")
    used = os.dup(0)
    os.close(used)
    resource.setrlimit(resource.RLIMIT_NOFILE, (used, hard))
    try:
        with pytest.raises(CloudError, match="allows the process no more open files: see ulimit -n"):
            session.read("GET", "/v3/users")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_proxy_that_cannot_be_reached_is_said_at_once(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{unused_port()}")
    sleep = Impatient()
    with pytest.raises(CloudError, match=r"the proxy on the way to iam\.example cannot be reached .* Check HTTPS_PROXY and NO_PROXY"):
        Session(Http(HttpSettings(), sleep), "http://iam.example").read("GET", "/v3/users")
    assert sleep.slept == []


def test_certificates_that_went_away_are_said_at_once(tmp_path):
    sleep = Impatient()
    session = Session(Http(HttpSettings(verify=str(tmp_path / "gone.pem")), sleep), f"https://127.0.0.1:{unused_port()}")
    with pytest.raises(CloudError, match=r"cannot be sent \(OSError\). Check iam_endpoint") as caught:
        session.write("POST", "/")
    assert not caught.value.uncertain
    assert sleep.slept == []


def test_host_that_does_not_resolve_is_said_at_once():
    sleep = Impatient()
    with pytest.raises(CloudError, match="does not resolve") as caught:
        Session(Http(HttpSettings(), sleep), "https://iam.invalid").read("GET", "/v3/users")
    assert "region" in str(caught.value)
    assert sleep.slept == []


# TLS


@pytest.fixture
def tls_cloud(start, tmp_path):
    certfile, keyfile = write_certificate(tmp_path)
    rehearsal = start(certfile=certfile, keyfile=keyfile)
    rehearsal.certfile = certfile
    return rehearsal


def test_certificate_that_nobody_vouches_for_is_refused_at_once(tls_cloud):
    sleep = Impatient()
    with pytest.raises(CloudError, match="self-signed certificate") as caught:
        admin_iam(tls_cloud, sleep).users()
    assert "ca_path" in str(caught.value)
    assert sleep.slept == []
    assert tls_cloud.log == []


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        ("certificate verify failed: self-signed certificate in certificate chain", "self-signed certificate in certificate chain"),
        ("certificate verify failed: self signed certificate", "self signed certificate"),
        ("hostname 'a.example' doesn't match 'b.example'", "it is for another host name"),
        ("certificate verify failed: Hostname mismatch, certificate is not valid for 'a.example'", "it is for another host name"),
        ("certificate verify failed: IP address mismatch, certificate is not valid for '10.0.0.1'", "it is for another host name"),
        ("certificate verify failed: unable to get local issuer certificate", "its authority is unknown here"),
        ("[SSL: WRONG_VERSION_NUMBER] wrong version number", "the handshake failed"),
    ],
)
def test_reason_of_a_failed_handshake_is_said_in_words(cause, reason):
    assert _certificate_reason(cause) == reason


def test_certificates_of_the_environment_are_used(tls_cloud, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tls_cloud.certfile))
    assert len(admin_iam(tls_cloud).users()) == 5


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_certificates_of_the_environment_that_cannot_be_read_are_told_by_their_variable(tls_cloud, monkeypatch, tmp_path, variable):
    gone, empty = tmp_path / "gone.pem", tmp_path / "empty.pem"
    empty.write_text("")
    monkeypatch.setenv(variable, str(gone))
    assert tls_cloud.run(MFA_INFO)["msg"] == f"{variable} ({gone}) cannot be used: No such file or directory."
    monkeypatch.setenv(variable, str(empty))
    assert tls_cloud.run(MFA_INFO)["msg"] == f"{variable} ({empty}) cannot be used: there is no PEM certificate in it."
    # Where an option says what to trust, nobody reads it.
    assert tls_cloud.run(MFA_INFO, ca_path=tls_cloud.certfile)["summary"]["users"] == 5


def test_certificates_of_the_environment_do_not_matter_without_tls(start, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    assert start(users=1).run(MFA_INFO)["summary"]["users"] == 2


def test_socks_proxy_without_its_library_says_what_to_install(monkeypatch):
    def missing(*_args, **_options):
        raise requests.exceptions.InvalidSchema("Missing dependencies for SOCKS support.")

    monkeypatch.setattr("requests.adapters.SOCKSProxyManager", missing)
    monkeypatch.setenv("HTTP_PROXY", f"socks5://127.0.0.1:{unused_port()}")
    sleep = Impatient()
    with pytest.raises(
        CloudError, match=r"is a SOCKS proxy, for which the Python library requests needs PySocks\. Install PySocks for "
    ) as caught:
        Session(Http(HttpSettings(), sleep), "http://iam.example").write("POST", "/v3/users")
    assert (sleep.slept, caught.value.uncertain) == ([], False)


def test_ca_path_makes_the_certificate_trusted(tls_cloud):
    result = tls_cloud.run(MFA_INFO, ca_path=tls_cloud.certfile)
    assert result["summary"]["users"] == 5


def of_the_stack(cloud, **more):
    """An OpenStack user's environment for a cloud."""
    return {"OS_AUTH_URL": cloud.url, "OS_USER_ID": cloud.admin.id, "OS_PASSWORD": cloud.admin.password, **more}


def told_by_the_environment(cloud, env, credentials=None, **options):
    return cloud.run(MFA_INFO, env=env, credentials=credentials or {}, iam_endpoint=None, identity_center_endpoint=None, **options)


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
@pytest.mark.parametrize("more", [{"OS_CACERT": "its own"}, {"OS_INSECURE": "True"}, {"OS_INSECURE": "1", "OS_CACERT": "/nowhere"}])
def test_environment_says_how_to_trust_the_host_that_it_names(tls_cloud, more):
    more = {name: str(tls_cloud.certfile) if value == "its own" else value for name, value in more.items()}
    assert told_by_the_environment(tls_cloud, of_the_stack(tls_cloud, **more))["summary"]["users"] == 5


def test_certificates_of_the_environment_may_be_in_the_home_directory(tls_cloud, monkeypatch, tmp_path):
    (tmp_path / "ca.pem").write_text(Path(tls_cloud.certfile).read_text(encoding="ascii"), encoding="ascii")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert told_by_the_environment(tls_cloud, of_the_stack(tls_cloud, OS_CACERT="~/ca.pem"))["summary"]["users"] == 5


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_terraforms_insecure_is_for_the_host_of_its_own_family(tls_cloud):
    keys = {"HW_ACCESS_KEY": tls_cloud.admin.access_key, "HW_SECRET_KEY": tls_cloud.admin.secret_key, "HW_AUTH_URL": f"{tls_cloud.url}/v3"}
    assert told_by_the_environment(tls_cloud, {**keys, "HW_INSECURE": "true"})["summary"]["users"] == 5
    assert "not trusted" in told_by_the_environment(tls_cloud, {**keys, "OS_INSECURE": "true", "OS_CACERT": str(tls_cloud.certfile)})["msg"]


def test_environment_does_not_switch_off_what_options_ask_for(tls_cloud, tmp_path):
    env = of_the_stack(tls_cloud, OS_INSECURE="true")
    assert "not trusted" in told_by_the_environment(tls_cloud, env, validate_certs=True)["msg"]
    # A host that an option names is none of the environment's.
    assert "not trusted" in tls_cloud.run(MFA_INFO, env=env)["msg"]
    certfile, _keyfile = write_certificate(tmp_path)
    assert "not trusted" in told_by_the_environment(tls_cloud, env, ca_path=str(certfile))["msg"]
    assert tls_cloud.log == []


def test_environment_that_says_neither_is_refused_by_its_name(tls_cloud):
    assert "'maybe' is neither true nor false" in told_by_the_environment(tls_cloud, of_the_stack(tls_cloud, OS_INSECURE="maybe"))["msg"]
    wrong = told_by_the_environment(tls_cloud, of_the_stack(tls_cloud, OS_CACERT="/nowhere"))["msg"]
    assert wrong == "ca_path (from OS_CACERT) cannot be used: No such file or directory."


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_validate_certs_false_trusts_anything(tls_cloud):
    assert tls_cloud.run(MFA_INFO, validate_certs=False)["summary"]["users"] == 5


@pytest.fixture
def tls_script(tmp_path):
    """A server that reads a request by TLS, and sends bytes that are none of TLS: what a gateway says that gives up. Or, of b"", nothing at all."""
    certfile, keyfile = write_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certfile, keyfile)
    listening = socket.create_server(("127.0.0.1", 0))
    seen = []

    def serve(answer):
        with contextlib.suppress(OSError):
            while True:
                connection, _address = listening.accept()
                if not answer:
                    seen.append(connection)
                    continue
                with context.wrap_socket(connection, server_side=True) as tls:
                    seen.append(tls.recv(65536))
                    with socket.socket(fileno=os.dup(tls.fileno())) as plain:
                        plain.sendall(answer)

    def begin(answer, **settings):
        threading.Thread(target=serve, args=(answer,), daemon=True).start()
        http = Http(HttpSettings(verify=str(certfile), retries=2, **settings), Impatient())
        return Session(http, f"https://127.0.0.1:{listening.getsockname()[1]}"), seen

    yield begin
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()


@pytest.mark.parametrize(
    "answer", [b"\x15\x03\x03\x00\x02\x02\x28", b"\x17\x03\x03\x00\x10" + b"x" * 16, b"HTTP/1.1 502 Bad Gateway\r\n\r\n"]
)
def test_tls_that_breaks_in_place_of_an_answer_leaves_open_what_became_of_the_request(tls_script, answer):
    session, seen = tls_script(answer)
    with pytest.raises(CloudError, match="broke before the whole answer came") as caught:
        session.write("POST", "/v3.0/OS-MFA/virtual-mfa-devices", body={})
    assert caught.value.uncertain
    assert "certificate" not in str(caught.value)
    assert len(seen) == 1
    with pytest.raises(CloudError, match="broke before the whole answer came") as caught:
        session.read("GET", "/v3/users")
    assert not caught.value.uncertain
    assert len(seen) == 1 + 3, "a read is repeated"


def test_handshake_that_nobody_answers_comes_before_the_request(tls_script):
    session, seen = tls_script(b"", timeout=0.2)
    with pytest.raises(CloudError, match=r"did not answer within 0\.2 s") as caught:
        session.write("POST", "/v3.0/OS-MFA/virtual-mfa-devices", body={})
    assert not caught.value.uncertain
    assert len(seen) == 3, "so it is tried again"


def test_certificate_for_another_address_is_refused(start, tmp_path):
    certfile, keyfile = write_certificate(tmp_path, address="127.0.0.9")
    cloud = start(certfile=certfile, keyfile=keyfile)
    result = cloud.run(MFA_INFO, ca_path=certfile)
    assert "it is for another host name" in result["msg"]


def test_certificate_that_has_ended_is_refused(start, tmp_path):
    certfile, keyfile = write_certificate(tmp_path, seconds=-3600.0)
    result = start(certfile=certfile, keyfile=keyfile).run(MFA_INFO, ca_path=certfile)
    assert "certificate has expired" in result["msg"]


def test_ca_path_is_looked_at_before_anything_is_sent(cloud, tmp_path):
    nothing = tmp_path / "nothing.pem"
    assert cloud.run(MFA_INFO, ca_path=str(nothing))["msg"] == "ca_path cannot be used: No such file or directory."
    nothing.write_text("no certificate\n", encoding="utf-8")
    assert cloud.run(MFA_INFO, ca_path=str(nothing))["msg"] == "ca_path cannot be used: there is no PEM certificate in it."
    assert "ca_path has no effect" in cloud.run(MFA_INFO, ca_path=str(nothing), validate_certs=False)["msg"]
    assert cloud.log == []


@pytest.mark.parametrize(
    ("option", "value"), [("timeout", 0), ("timeout", -1), ("timeout", 4000), ("timeout", float("nan")), ("retries", -1), ("retries", 101)]
)
def test_number_out_of_its_range_is_refused_by_the_options_name(cloud, option, value):
    assert cloud.run(MFA_INFO, **{option: value})["msg"].startswith(f"{option} must be")
    assert cloud.log == []


# Logins


def password_auth(cloud, user=None, password=None, sleep=None):
    user = user or cloud.admin
    return PasswordAuth(Password(password or user.password, user.id), cloud.session(sleep), lambda: Account(cloud.domain_name))


def test_login_happens_once_for_many_threads(cloud):
    iam = Iam(cloud.session().acting_as(password_auth(cloud)))
    with ThreadPoolExecutor(12) as pool:
        assert len(list(pool.map(lambda _number: iam.users(), range(24)))) == 24
    assert cloud.routes().count("login") == 1


def test_token_that_expires_costs_exactly_one_more_login(cloud):
    iam = Iam(cloud.session().acting_as(password_auth(cloud)))
    iam.users()
    cloud.cloud.expire_tokens()
    together = threading.Barrier(8)

    def users(_number):
        together.wait(5)
        return iam.users()

    with ThreadPoolExecutor(8) as pool:
        assert all(len(found) == 5 for found in pool.map(users, range(8)))
    assert cloud.routes().count("login") == 2


def test_login_is_renewed_once_a_call_and_no_more(cloud):
    cloud.handle.fault("expire-tokens:users")
    with pytest.raises(CloudError, match=r"IAM.0066|expired"):
        Iam(cloud.session().acting_as(password_auth(cloud))).users()
    assert cloud.routes() == ["login", "users", "login", "users"]


def test_given_token_that_expired_is_not_tried_again(cloud):
    token = cloud.by_token()["auth_token"]
    cloud.cloud.expire_tokens()
    with pytest.raises(CloudError) as caught:
        Iam(cloud.session().acting_as(TokenAuth(Token(token)))).devices()
    assert "give a fresh auth_token" in str(caught.value)
    assert cloud.routes() == ["list-devices"]


def test_wrong_password_is_tried_once_whatever_the_threads(cloud):
    iam = Iam(cloud.session().acting_as(password_auth(cloud, password="wrong")))

    def refusal(_number):
        with pytest.raises(CloudError) as caught:
            iam.users()
        return str(caught.value)

    with ThreadPoolExecutor(10) as pool:
        texts = set(pool.map(refusal, range(20)))
    assert len(texts) == 1
    assert "Check the user, auth_password and auth_domain_name" in texts.pop()
    assert cloud.cloud.counters.wrong_passwords == 1
    assert cloud.routes() == ["login"]


def test_login_whose_answer_was_lost_is_repeated(cloud):
    cloud.handle.fault("lose:login:1")
    assert len(Iam(cloud.session().acting_as(password_auth(cloud))).users()) == 5


def test_login_with_a_code_is_not_repeated(cloud):
    user = cloud.users[0]
    cloud.cloud.give_device(user.id, bound=True)
    cloud.cloud.protect(user.id)
    cloud.handle.fault("lose:login:1")
    auth = PasswordAuth(Password(user.password, user.id, passcode=cloud.cloud.code(user.id)), cloud.session(), lambda: None)
    with pytest.raises(CloudError) as caught:
        auth.prepare()
    assert cloud.routes() == ["login"]
    # What it was for was not even begun.
    assert not caught.value.uncertain


def test_login_with_a_code_is_told_before_it_is_sent_and_can_be_forbidden(cloud):
    user = cloud.users[0]
    cloud.cloud.give_device(user.id, bound=True)
    coded, alone = Password(user.password, user.id, passcode=cloud.cloud.code(user.id)), Password(user.password, user.id)
    told = []
    PasswordAuth(coded, cloud.session(), lambda: None, told.append).prepare()
    PasswordAuth(alone, cloud.session(), lambda: None, told.append).prepare()
    assert told == [coded.fingerprint()]
    assert user.password not in told[0] and coded.passcode not in told[0]

    def forbid(_fingerprint):
        raise OptionError("spent")

    sent = len(cloud.log)
    with pytest.raises(OptionError, match="spent"):
        PasswordAuth(coded, cloud.session(), lambda: None, forbid).prepare()
    assert len(cloud.log) == sent


def test_code_is_sent_once_by_all_tasks_of_a_play(cloud):
    user = cloud.admin
    cloud.cloud.give_device(user.id, bound=True)
    params = validated(MFA_INFO, {"iam_endpoint": cloud.url, **cloud.by_password(), "auth_passcode": cloud.cloud.code(user.id)})
    memory = {}
    first, second = (perform(MFA_INFO, params, False, False, {}, memory=memory)[0] for _task in range(2))
    assert not first.get("failed")
    assert "auth_passcode was sent by an earlier task" in second["msg"]
    assert cloud.routes().count("login") == 1
    assert params["auth_passcode"] not in str(memory)


def test_login_that_wants_a_code_says_which_options_give_it(cloud):
    user = cloud.users[0]
    cloud.cloud.give_device(user.id, bound=True)
    cloud.cloud.protect(user.id)
    with pytest.raises(CloudError, match="give auth_user_id and auth_passcode"):
        password_auth(cloud, user).prepare()
    assert PasswordAuth(Password(user.password, user.id, passcode=cloud.cloud.code(user.id)), cloud.session(), lambda: None).prepare()


def test_locked_user_is_not_logged_in_again(cloud):
    user = cloud.users[0]
    auth = password_auth(cloud, user)
    auth.prepare()
    user.locked_until = cloud.cloud.now() + 900
    with pytest.raises(CloudError, match="locked"):
        Iam(cloud.session().acting_as(auth)).device_of(user.id)
    assert cloud.routes() == ["login", "get-device"]


def test_signing_follows_the_servers_clock_after_one_refusal(start):
    cloud = start(clock_offset=3 * 3600.0)
    session = cloud.session()
    iam = Iam(session.acting_as(SignatureAuth(AccessKey(**cloud.by_key()), session.clock.now)))
    assert len(iam.users()) == 5
    assert [entry["status"] for entry in cloud.log] == [401, 200]
    assert abs(session.clock.now() - cloud.cloud.now()) < 2


@pytest.mark.parametrize("status", [300, 301, 302, 303, 305, 307, 308])
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_no_redirect_takes_credentials_to_another_host(script, status, method):
    elsewhere = script((200, {"users": []}, {"Set-Cookie": "a=b"}))
    server = script((status, b"", {"Location": f"{elsewhere.url}/v3/users", "Refresh": f"0; url={elsewhere.url}", "Set-Cookie": "c=d"}))
    for auth in (TokenAuth(Token("T0")), SignatureAuth(AccessKey("AK", "SK", "ST"), now=time.time)):
        session = server.session(auth, retries=2)
        with pytest.raises(CloudError, match="redirect") as caught:
            (session.read if method == "GET" else session.write)(method, "/v3/users", body=None if method == "GET" else {"a": "b"})
        assert elsewhere.url not in str(caught.value)
    assert len(server.requests) == 2
    assert all("Cookie" not in headers for _method, _path, headers, _body in server.requests)
    assert elsewhere.requests == []


def test_login_that_is_redirected_takes_no_password_along(script):
    elsewhere = script((201, {"token": {}}, {"X-Subject-Token": "T"}))
    server = script((307, b"", {"Location": f"{elsewhere.url}/v3/auth/tokens"}))
    auth = PasswordAuth(Password("s3cret", "u1"), server.session(), lambda: None)
    with pytest.raises(CloudError, match="redirect"):
        auth.prepare()
    assert elsewhere.requests == []


@pytest.mark.parametrize(
    "link", ["{0}/v3/users?marker=u1", "//{1}/v3/users?marker=u1", "http://user:pw@{1}/?marker=u1", "\\\\{1}\\?marker=u1"]
)
def test_next_page_on_another_host_is_asked_of_this_one(script, link):
    elsewhere = script((200, {"users": []}))
    link = link.format(elsewhere.url, elsewhere.url.removeprefix("http://"))
    server = script((200, {"users": [], "links": {"next": link}}), (200, {"users": [], "links": {}}))
    assert Iam(server.session(TokenAuth(Token("T0")))).users() == []
    assert [path for _method, path, _headers, _body in server.requests] == ["/v3/users", "/v3/users?marker=u1"]
    assert elsewhere.requests == []


ANSWER = b"HTTP/1.1 401 No\x1b[2J\r\nContent-Type: a\x9b2J/b\x1b[1A;c\r\nX-Request-Id: r\x1b]0;t\x07\xff\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"


def test_head_of_an_answer_cannot_write_to_the_terminal():
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer():
            connection, _address = listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(ANSWER)

        thread = threading.Thread(target=answer)
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with pytest.raises(CloudError) as caught:
            Iam(Session(Http(HttpSettings(retries=0), Impatient()), url)).users()
        thread.join()
    assert caught.value.status == 401
    assert str(caught.value).isprintable()
    assert caught.value.request_id.isprintable()


@pytest.mark.parametrize("retry_after", ["inf", "-inf", "nan", "1e400", "-5", "soon", "", "\u0661", "0x10", "9" * 400])
def test_retry_after_of_any_form_waits_a_minute_at_most(retry_after):
    assert 0.0 <= retry_delay(0, 3, read=True, status=429, retry_after=retry_after) <= 60.0
    assert 0.0 <= retry_delay(0, 3, read=True, status=503, retry_after=retry_after) <= 60.0


@pytest.mark.parametrize("text", ["\ud800", "a\udcffb"])
def test_text_of_no_characters_is_an_option_error_wherever_it_is_sent(text):
    for work in (lambda: path_of(text), lambda: query_of([("user_id", text)]), lambda: query_of([(text, "x")])):
        with pytest.raises(OptionError, match="cannot be sent") as caught:
            work()
        assert str(caught.value).isprintable()


@pytest.mark.parametrize("proxy", ["http://proxy..example:1", f"http://{'a' * 64}.example", "http://[", "http://", "http://a:b:c", "//"])
def test_proxy_that_is_no_host_is_an_error_that_names_the_variable(monkeypatch, proxy):
    monkeypatch.setenv("HTTP_PROXY", proxy)
    with pytest.raises(CloudError) as caught:
        Iam(Session(Http(HttpSettings(retries=0, timeout=2), Impatient()), "http://127.0.0.1:9")).users()
    assert str(caught.value).isprintable()
    assert "PROXY" in str(caught.value) or "proxy" in str(caught.value)


def test_ids_of_requests_that_succeeded_are_kept_and_the_oldest_forgotten(cloud):
    session = cloud.session(Impatient()).acting_as(SignatureAuth(AccessKey(**cloud.by_key()), now=cloud.cloud.now))
    iam = Iam(session)
    for _number in range(101):
        iam.has_login_profile(cloud.users[0].id)
    with pytest.raises(CloudError) as caught:
        iam.user("nobody")
    assert len(session.http.request_ids) == 100 == len(set(session.http.request_ids))
    assert caught.value.request_id not in session.http.request_ids
