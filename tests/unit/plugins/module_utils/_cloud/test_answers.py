# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers that are too long or last too long, from servers that stop when the client hangs up."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import socket
import threading
import time
import zlib

import pytest
from ansible_collections.hwc.mfa.plugins.module_utils._cloud import answers
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.transport import Http, HttpSettings, Session
from ansible_collections.hwc.mfa.tests.unit.rehearsal import Impatient

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
LONGEST_TEST = 30.0


class Raw:
    """A server that sends pieces of bytes, with seconds before each, until they end or the client hangs up."""

    def __init__(self, pieces):
        self.requests = 0
        self.sent = 0
        self.hung_up = 0
        self._pieces = pieces
        self._end = time.monotonic() + LONGEST_TEST
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._threads = []
        self.port = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._start(self._accept)

    def _start(self, work, *arguments):
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _address = self._socket.accept()
                self._start(self._serve, connection)

    def _serve(self, connection):
        with connection:
            connection.settimeout(5)
            try:
                while connection.recv(65536):
                    self.requests += 1
                    for seconds, piece in self._pieces():
                        time.sleep(seconds)
                        if time.monotonic() > self._end:
                            return
                        connection.sendall(piece)
                        self.sent += len(piece)
                self.hung_up += 1
            except OSError:
                self.hung_up += 1

    def stop(self):
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for thread in self._threads:
            thread.join(5)

    def session(self, **settings):
        return Session(Http(HttpSettings(**{"retries": 3, "timeout": 0.2, **settings}), Impatient()), self.url)

    def wait_until_hung_up(self):
        for _try in range(500):
            if self.hung_up:
                return True
            time.sleep(0.01)
        return False


@pytest.fixture
def raw():
    started = []

    def one(pieces):
        started.append(Raw(pieces))
        return started[-1]

    yield one
    for server in started:
        server.stop()


@pytest.fixture
def impatience(monkeypatch):
    """A deadline of half a second where a socket may be silent for 5 s, so that a busy machine's pause is not taken for silence."""
    monkeypatch.setattr(answers, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr(answers, "TIMES_TIMEOUT", 0.1)


def drip(begin, drop=b" ", seconds=0.02):
    return lambda: [(0.0, begin), *itertools.repeat((seconds, drop), 2000)]


def endless(begin, piece):
    return lambda: itertools.chain([(0.0, begin)], itertools.repeat((0.0, piece)))


DRIPS = {
    "status": drip(b"HTTP/1.1 200 ", b"O"),
    "headers": drip(HEAD, b"X-A: b\r\n"),
    "header": drip(HEAD + b"X-A: ", b"b"),
    "continue": drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "body": drip(HEAD + b"Content-Length: 100000\r\n\r\n"),
    "body without a length": drip(HEAD + b"Connection: close\r\n\r\n"),
    "chunks": drip(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "chunk's size": drip(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
    "chunk": drip(HEAD + b"Transfer-Encoding: chunked\r\n\r\nfffff\r\n"),
    "trailer": drip(HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", b"X"),
    "error": drip(b"HTTP/1.1 503 No\r\nContent-Length: 100000\r\n\r\n"),
    "compressed": drip(HEAD + b"Content-Encoding: gzip\r\nContent-Length: 100000\r\n\r\n" + gzip.compress(b" " * 99)[:10], b"\x00"),
}


@pytest.mark.parametrize("what", DRIPS)
def test_answer_that_drips_is_given_up_and_not_asked_for_again(raw, impatience, what):
    server = raw(DRIPS[what])
    session = server.session(timeout=5.0)
    begin = time.monotonic()
    with pytest.raises(CloudError, match=r"did not finish its answer within 0\.5 s \(0\.1 times the option timeout") as caught:
        session.read("GET", "/v3/users")
    assert 0.5 <= time.monotonic() - begin < 5.0
    assert (caught.value.call, caught.value.status, caught.value.uncertain) == ("GET /v3/users", None, False)
    assert "iam_endpoint" in str(caught.value)
    assert server.wait_until_hung_up()
    assert server.requests == 1
    with pytest.raises(CloudError) as caught:
        session.write("POST", "/v3.0/OS-MFA/virtual-mfa-devices", body={})
    assert caught.value.uncertain
    assert server.requests == 2


ENDLESS = {
    "body": endless(HEAD + b"Connection: close\r\n\r\n", b" " * 65536),
    "body of terabytes": endless(HEAD + b"Content-Length: 9999999999999\r\n\r\n", b" " * 65536),
    "chunks": endless(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"ffff\r\n" + b" " * 65535 + b"\r\n"),
    "continue": endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 2000),
    "error": endless(b"HTTP/1.1 400 No\r\nConnection: close\r\n\r\n", b" " * 65536),
}


@pytest.mark.parametrize("what", ENDLESS)
def test_answer_without_end_is_given_up_and_not_asked_for_again(raw, monkeypatch, what):
    monkeypatch.setattr(answers, "LARGEST", 2 * 1024 * 1024)
    server = raw(ENDLESS[what])
    session = server.session(timeout=5.0)
    with pytest.raises(CloudError, match="sent an answer of more than 2 MiB") as caught:
        session.read("GET", "/v3/users")
    assert (caught.value.call, caught.value.uncertain) == ("GET /v3/users", False)
    assert server.wait_until_hung_up()
    assert server.requests == 1
    # What is under way between two sockets comes on top.
    assert server.sent < 32 * 1024 * 1024
    with pytest.raises(CloudError) as caught:
        session.write("PUT", "/v3.0/OS-MFA/mfa-devices/bind", body={})
    assert caught.value.uncertain
    assert server.requests == 2


@pytest.mark.parametrize("begin", [b"HTTP/1.1 200 ", HEAD + b"X-A: ", HEAD + b"Transfer-Encoding: chunked\r\n\r\n"])
def test_line_without_end_is_an_error(raw, monkeypatch, begin):
    monkeypatch.setattr(answers, "LARGEST", 2 * 1024 * 1024)
    server = raw(endless(begin, b"0" * 65536))
    with pytest.raises(CloudError, match=r"broke before the whole answer came|more than 2 MiB"):
        server.session(timeout=5.0, retries=0).read("GET", "/v3/users")
    assert server.wait_until_hung_up()
    assert server.sent < 32 * 1024 * 1024


def bomb(compress, mebibytes):
    compressor = compress()
    return b"".join(compressor.compress(b" " * 2**20) for _number in range(mebibytes)) + compressor.flush()


@pytest.mark.parametrize(
    ("encoding", "compress"), [(b"gzip", lambda: zlib.compressobj(9, wbits=31)), (b"deflate", lambda: zlib.compressobj(9))]
)
def test_answer_that_unpacks_to_more_is_given_up(raw, encoding, compress):
    content = bomb(compress, 80)
    assert len(content) < 2**20
    head = HEAD + b"Content-Encoding: %s\r\nContent-Length: %d\r\n\r\n" % (encoding, len(content))
    server = raw(lambda: [(0.0, head + content)])
    with pytest.raises(CloudError, match="sent an answer of more than 64 MiB"):
        server.session(timeout=10.0).read("GET", "/")
    assert server.requests == 1


@pytest.mark.parametrize("encoding", [b"gzip, gzip", b"br", b"zstd", b"compress", b"nonsense"])
def test_encoding_that_was_not_asked_for_is_not_unpacked(raw, encoding):
    content = gzip.compress(gzip.compress(b"{}"))
    server = raw(lambda: [(0.0, HEAD + b"Content-Encoding: %s\r\nContent-Length: %d\r\n\r\n" % (encoding, len(content)) + content)])
    with pytest.raises(CloudError, match="encoding that was not asked for"):
        server.session().read("GET", "/")


def test_answer_of_many_megabytes_and_of_some_seconds_is_read(raw):
    content = b"[" + b" " * (8 * 2**20) + b"]"
    parts = [content[at : at + 2**20] for at in range(0, len(content), 2**20)]
    head = HEAD + b"Content-Length: %d\r\n\r\n" % len(content)
    server = raw(lambda: [(0.0, head), *((0.1, part) for part in parts)])
    session = server.session(timeout=5.0)
    assert session.read("GET", "/").document == []
    # And the connection serves the next call.
    assert session.read("GET", "/").document == []
    assert server.hung_up == 0


def test_proxy_that_drips_is_given_up(raw, impatience, monkeypatch):
    server = raw(drip(b"HTTP/1.1 200 ", b"O"))
    monkeypatch.setenv("HTTPS_PROXY", server.url)
    session = Session(Http(HttpSettings(retries=3, timeout=5.0), Impatient()), "https://iam.example")
    with pytest.raises(CloudError, match=r"did not finish its answer within 0\.5 s"):
        session.read("GET", "/v3/users")
    assert server.requests == 1
    monkeypatch.setenv("HTTP_PROXY", server.url)
    with pytest.raises(CloudError, match=r"did not finish its answer within 0\.5 s"):
        Session(Http(HttpSettings(retries=3, timeout=5.0), Impatient()), "http://iam.example").read("GET", "/v3/users")


@pytest.mark.parametrize(("timeout", "seconds"), [(0.1, 60.0), (6.0, 60.0), (30.0, 300.0), (3600.0, 36000.0), (None, 60.0)])
def test_longest_answer_is_ten_timeouts_and_a_minute_at_least(timeout, seconds):
    assert answers.longest(timeout) == seconds


@pytest.mark.parametrize("fault", ["flood", "flood=0"])
def test_cloud_that_floods_is_given_up(cloud, monkeypatch, fault):
    monkeypatch.setattr(answers, "LARGEST", 2 * 1024 * 1024)
    cloud.handle.fault(f"{fault}:users")
    with pytest.raises(CloudError, match="more than 2 MiB"):
        cloud.session(timeout=5.0).read("GET", "/v3/users")
