# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One HTTP session: pool, timeouts, retries, decoded errors, the server's clock. Knows no endpoint of any service."""

from __future__ import annotations

import json
import math
import os
import random
import ssl
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Callable, Union
from urllib.parse import quote, urlsplit

from ansible_collections.hwc.mfa.plugins.module_utils._cloud import answers, departures
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError, OptionError, decode_error, named_limit
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.pace import Pace
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.proxies import proxies_for
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import legible
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.totp import ServerClock

REQUESTS_IMPORT_ERROR: str | None = None
try:
    import requests
    from requests.adapters import HTTPAdapter
except ImportError:  # equivalent: unit tests need requests; test_output.py runs without it
    REQUESTS_IMPORT_ERROR = traceback.format_exc()
    HTTPAdapter = object  # type: ignore[assignment,misc]

USER_AGENT = "hwc.mfa (Ansible collection)"

Body = Union[dict, Callable[[], dict], None]
"""A JSON object, or a function that makes one at the moment it is sent: codes age."""

_FIRST_DELAY = 0.25
_LONGEST_DELAY = 8.0
_LONGEST_RETRY_AFTER = 60.0
_BUSY = (500, 502, 503, 504)

_REMEMBERED_IDS = 100

_SHOWN = 80
"""Characters of a wrong value that an error repeats."""


@dataclass(frozen=True)
class HttpSettings:
    """How to speak HTTP: ``verify`` as requests takes it (True, False or a path), ``retries`` beyond the first try, connections to a host.

    ``timeout`` is in seconds, for a connection and for the silence between two bytes. An answer may take ten times that in all, and a
    minute at least.
    """

    verify: bool | str = True
    timeout: float = 30.0  # equivalent: a default for tests; modules always give a value
    retries: int = 5  # equivalent: likewise
    pool_size: int = 8  # equivalent: likewise


@dataclass(frozen=True)
class Reply:
    """An answer that is a success. ``document`` is the decoded JSON, or None for an empty body; ``call`` is what it answers."""

    status: int
    headers: Any
    document: Any
    call: str = ""

    def field(self, *names: str) -> Any:
        """The value at ``names`` inside the document. Raises CloudError where the answer has another shape."""
        value = self.document
        for name in names:
            if not isinstance(value, dict) or name not in value:
                raise self.error(f"the answer has no field {'.'.join(names)}: is the endpoint really that of this service?")
            value = value[name]
        return value

    def error(self, message: str) -> CloudError:
        """A CloudError about this answer, to be raised where it is not what the API documents."""
        return CloudError(message, status=self.status, request_id=self.headers.get("X-Request-Id"), call=self.call)


class _Adapter(HTTPAdapter):
    """Connections that note what they send, and read answers within bounds: direct ones and those through proxies."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        _watch(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        _watch(manager)
        return manager


def _watch(manager: Any) -> None:
    """Make the connections of a pool manager of urllib3 note what they send, and read answers within bounds."""
    classes = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {scheme: _watched(pool) for scheme, pool in classes.items()}


def _watched(pool: Any) -> Any:
    if issubclass(pool.ConnectionCls, departures.Connection):
        return pool
    connection = type("WatchedConnection", (departures.Connection, pool.ConnectionCls), {"response_class": answers.Response})
    return type("WatchedPool", (pool,), {"ConnectionCls": connection})


def checked_ca_path(path: str, source: str) -> str:
    """Return ``path`` if it is a file or a directory of certificates, else raise OptionError that names ``source``."""
    try:
        if os.path.isdir(path):
            ssl.create_default_context(capath=path)
        else:
            ssl.create_default_context(cafile=path)
    except OSError as error:  # ssl.SSLError too, where there is no certificate in it
        reason = error.strerror if error.__class__ is not ssl.SSLError and error.strerror else "there is no PEM certificate in it"
        raise OptionError(f"{source} cannot be used: {reason}.") from None
    except ValueError:  # a NUL, or a code that is no character
        raise OptionError(f"{source} cannot be used: it holds a character that no path can have.") from None
    return path


def _no_auth(request: Any) -> Any:
    return request


def encode(text: str) -> str:
    """Percent-encode as the signature needs it (docs/dev/cloud_api.md, section 4): ``A-Za-z0-9-_.~`` stay, the rest is UTF-8 in upper-case hex.

    Raises OptionError for text that UTF-8 cannot hold.
    """
    try:
        return quote(text, safe="-_.~")
    except UnicodeEncodeError:
        raise OptionError(f"{text[:_SHOWN]!r} cannot be sent: it holds a code that is no character.") from None


def check_id(value: str, option: str) -> str:
    """Return ``value`` if it can be an id, else raise OptionError that names ``option``: it would address something else, or nothing."""
    if value in ("", ".", "..") or "/" in value or legible(value) != value:
        raise OptionError(
            f"{option} {value[:_SHOWN]!r} cannot be an id: it must be neither empty nor '.' or '..', and hold no slash, no line break"
            " and nothing else that cannot be seen."
        )
    return value


def path_of(*segments: str) -> str:
    """Join decoded path segments. An id that is empty, a dot segment or holds a slash would silently address something else: OptionError."""
    for segment in segments:
        if segment in ("", ".", "..") or "/" in segment:
            raise OptionError(f"{segment[:_SHOWN]!r} cannot be an id: it must be neither empty nor '.' or '..', and hold no slash.")
    return "/" + "/".join(encode(segment) for segment in segments)


def query_of(pairs: Iterable[tuple[str, str]]) -> str:
    """The query string in the order and encoding that the signature is made of; an empty value keeps its ``=``."""
    return "&".join(f"{encode(name)}={encode(value)}" for name, value in sorted(pairs))


def retry_delay(
    attempt: int,
    retries: int,
    *,
    read: bool,
    status: int | None = None,
    failover: bool = False,
    never_sent: bool = False,
    retry_after: str | None = None,
    jitter: Callable[[float, float], float] = random.uniform,
) -> float | None:
    """The one decision on sending a request again: seconds to wait before attempt ``attempt + 1``, or None to give up.

    Refused by a throttle (429) or never sent: any call may be sent again, since nothing was carried out. No answer, 5xx or a failover:
    reads only, because a write may have been carried out, and the caller must read first (docs/dev/cloud_api.md, section 6).
    """
    if attempt >= retries:
        return None
    if status is None:
        return _backoff(attempt, jitter) if never_sent or read else None
    if status == 429:
        return throttle_pause(attempt, retry_after, jitter)
    if read and (status in _BUSY or failover):
        return max(_wanted(retry_after) or 0.0, _backoff(attempt, jitter))
    return None


def throttle_pause(attempt: int, retry_after: str | None, jitter: Callable[[float, float], float] = random.uniform) -> float:
    """Seconds to send nothing after a 429: its Retry-After, or 2 to 5 where it has none (docs/dev/cloud_api.md, section 6).

    A Retry-After next to nothing would use up all tries within one moment, so each pause is as long as the usual wait at least.
    """
    wanted = _wanted(retry_after)
    return jitter(2.0, 5.0) if wanted is None else max(wanted, _backoff(attempt, jitter))


def _backoff(attempt: int, jitter: Callable[[float, float], float]) -> float:
    return jitter(0.5, 1.0) * min(_LONGEST_DELAY, _FIRST_DELAY * 2**attempt)


def _wanted(retry_after: str | None) -> float | None:
    """Retry-After in seconds, a minute at most; None where there is none that makes sense. The clouds send seconds, never a date."""
    try:
        seconds = float(retry_after)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return None if math.isnan(seconds) or seconds < 0.0 else min(seconds, _LONGEST_RETRY_AFTER)


class Http:
    """The connections of one run to all hosts, shared by all identities and threads, with the clock and the pace of each host.

    ``wanted`` tells whether the play still waits for the results; once it does not, no write is sent. ``paces`` are those of an earlier
    run by host, as ``pace_states`` gives them. ``trace`` is given a line about each request: method, path, status, seconds and the cloud's
    id of it, and never a query, a header or a body.
    """

    def __init__(
        self,
        settings: HttpSettings,
        sleep: Callable[[float], None] = time.sleep,
        wanted: Callable[[], bool] = lambda: True,
        paces: Mapping[str, Mapping[str, Any]] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        trace: Callable[[str], None] | None = None,
    ) -> None:
        self.settings = settings
        self.trace = trace
        self.sleep = sleep
        self.wanted = wanted
        self.monotonic = monotonic
        self.wall = wall
        self.request_ids: deque[str] = deque(maxlen=_REMEMBERED_IDS)
        """The cloud's ids of the newest requests that succeeded."""

        self._clocks: dict[str, ServerClock] = {}
        self._paces = {host: Pace(monotonic, state) for host, state in (paces or {}).items()}
        self._environments: dict[str, Mapping[str, Any]] = {}
        self._lock = threading.Lock()
        self._adapter = _Adapter(pool_connections=4, pool_maxsize=settings.pool_size, max_retries=0)  # equivalent: a run talks to few hosts

    def clock(self, base_url: str) -> ServerClock:
        """The clock of the server behind ``base_url``."""
        host = urlsplit(base_url).netloc
        with self._lock:
            return self._clocks.setdefault(host, ServerClock(self.wall))

    def close(self) -> None:
        """Close all connections."""
        self._adapter.close()

    def pace(self, base_url: str) -> Pace:
        """The pace of the calls to the host behind ``base_url``."""
        host = urlsplit(base_url).netloc
        with self._lock:
            return self._paces.setdefault(host, Pace(self.monotonic))

    def pace_states(self) -> dict[str, dict[str, Any]]:
        """The paces of the hosts that refused calls, for the next run."""
        with self._lock:
            states = {host: pace.state() for host, pace in self._paces.items()}
        return {host: state for host, state in states.items() if state is not None}

    def send(self, method: str, url: str, headers: dict[str, str], data: bytes | None, auth: Any) -> answers.Answer:
        """One request, one whole answer: no redirect, since credentials would follow to another host, and no cookie, since identities share this.

        Raises what requests raises, and answers.GivenUp where the answer takes longer than ten times ``timeout`` (a minute at least), or
        is larger than 64 MiB.
        """
        request = requests.PreparedRequest()
        departures.await_next()
        request.prepare(method=method, url=url, headers=headers, data=data, auth=auth or _no_auth)
        # Read to its end here, where it can still be said of the call that its answer broke off.
        return answers.read(self._adapter.send(request, timeout=self.settings.timeout, **self._environment(url)))

    def _environment(self, url: str) -> Mapping[str, Any]:
        """Proxies and certificates for a host from the environment. Read once: in requests' own sessions this takes a fifth of each call.

        Raises OptionError for certificates that cannot be read.
        """
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        with self._lock:
            if origin not in self._environments:
                self._environments[origin] = {
                    "proxies": proxies_for(parts.hostname or "", parts.port),
                    "verify": self._verify(parts.scheme),
                }
            return self._environments[origin]

    def _verify(self, scheme: str) -> bool | str:
        if self.settings.verify is not True or scheme != "https":
            return self.settings.verify
        variable = next((name for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE") if os.environ.get(name)), None)
        return True if variable is None else checked_ca_path(os.environ[variable], f"{variable} ({os.environ[variable]})")


class Session:
    """The calls of one identity to one host. ``auth`` is a requests AuthBase, or None for calls that need none."""

    region = ", region"
    """What errors name beside ``option`` where a host cannot be found: the options from which its name follows too."""

    def __init__(self, http: Http, base_url: str, auth: Any = None, option: str = "iam_endpoint") -> None:
        self.http = http
        self.base_url = base_url
        self.auth = auth
        self.option = option
        self.clock = http.clock(base_url)
        self.pace = http.pace(base_url)

    def acting_as(self, auth: Any) -> Session:
        """The same host and connections with another identity."""
        return Session(self.http, self.base_url, auth, self.option)

    def read(self, method: str, path: str, query: Iterable[tuple[str, str]] = (), body: Body = None) -> Reply:
        """A call that changes nothing: repeated as often as the settings allow."""
        return self._call(method, path, query, body, read=True)

    def read_with(self, headers: dict[str, str], method: str, path: str, query: Iterable[tuple[str, str]] = ()) -> Reply:
        """A read that carries further headers."""
        return self._call(method, path, query, None, read=True, extra=headers)

    def write(self, method: str, path: str, query: Iterable[tuple[str, str]] = (), body: Body = None) -> Reply:
        """A call that changes something: sent again only where the cloud certainly did not carry it out.

        Raises CloudError with ``uncertain`` where it may have: then read, and decide anew.
        """
        return self._call(method, path, query, body, read=False)

    def _call(
        self, method: str, path: str, query: Iterable[tuple[str, str]], body: Body, read: bool, extra: dict[str, str] | None = None
    ) -> Reply:
        call = f"{method} {path}"
        query_string = query_of(query)
        url = self.base_url + path + ("?" + query_string if query_string else "")
        retries = self.http.settings.retries
        attempt = 0
        renewed = False
        while True:
            # A login happens here, before the body is made: it may take long, and codes age.
            seen_token = self.auth.prepare() if self.auth is not None else None
            self._wait_turn()
            document = body() if callable(body) else body
            # Asked last: a body with a code may have waited for the next step.
            if not read and not self.http.wanted():
                # The play was killed and may have been started again; two runs must not write at once.
                raise CloudError("not sent, because the play that asked for it has ended", call=call)
            sent = self.http.monotonic()
            try:
                response = self._send(method, url, document, extra or {})
            except CloudError as silence:
                self._trace(call, sent, f"no answer: {silence.message}")
                # A hint says that trying again cannot help: a name that does not resolve, a certificate that is not trusted.
                delay = None if silence.hint else retry_delay(attempt, retries, read=read, never_sent=not silence.uncertain)
                if delay is None:
                    silence.call = call
                    silence.uncertain = silence.uncertain and not read
                    raise
                self.http.sleep(delay)
                attempt += 1
                continue
            request_id = legible(response.headers.get("X-Request-Id") or "", _SHOWN)
            self._trace(call, sent, f"{response.status_code}{f', request id {request_id}' if request_id else ''}")
            if response.status_code != 429:
                self.pace.passed()
            if 200 <= response.status_code < 300:
                if request_id:
                    self.http.request_ids.append(request_id)
                return self._decoded(response, call, read)
            refusal = self._refusal(response, call, read)
            expired = refusal.status == 401 or (refusal.status == 400 and refusal.has_code("1108"))
            if expired and not renewed and self.auth is not None and self.auth.renew(seen_token, refusal):
                renewed = True
                continue
            delay = retry_delay(
                attempt,
                retries,
                read=read,
                status=refusal.status,
                failover=refusal.status == 410 and refusal.has_code("0020"),
                retry_after=response.headers.get("Retry-After"),
            )
            if refusal.status == 429:
                # The pace makes all threads wait, since their calls would be refused too.
                pause = throttle_pause(attempt, response.headers.get("Retry-After")) if delay is None else delay
                self.pace.refused(pause, sent, named_limit(refusal))
            if delay is None:
                raise refusal
            if refusal.status != 429:  # equivalent: after a sleep here too, the pace's pause would be over
                self.http.sleep(delay)
            attempt += 1

    def _trace(self, call: str, sent: float, end: str) -> None:
        if self.http.trace is not None:
            self.http.trace(f"{urlsplit(self.base_url).netloc} {call}: {self.http.monotonic() - sent:.3f} s, {end}")

    def _wait_turn(self) -> None:
        """Wait until the pace lets a call be sent."""
        while True:
            delay = self.pace.take()
            if delay <= 0.0:
                return
            self.http.sleep(delay)

    def _refusal(self, response: Any, call: str, read: bool) -> CloudError:
        error = decode_error(response.status_code, response.headers, response.content, call)
        error.uncertain = not read and (error.status in _BUSY or error.status == 410)
        if 300 <= response.status_code < 400:  # equivalent: no answer below 300 comes here
            error.message = "the host answered with a redirect, which is not followed because credentials would go along"
            error.hint = f"Give {self.option} the final address."
        elif not error.code and "json" not in response.headers.get("Content-Type", "").lower():
            error.hint = self._elsewhere
        return error

    def _send(self, method: str, url: str, document: dict | None, extra: dict[str, str]) -> Any:
        data = None if document is None else json.dumps(document).encode("utf-8")
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
            "User-Agent": USER_AGENT,
            "Host": urlsplit(url).netloc,
            **extra,
        }
        if data is not None:
            headers["Content-Type"] = "application/json"
        sent = self.http.wall()
        try:
            response = self.http.send(method, url, headers, data, self.auth)
        except (
            OSError,
            ValueError,
            answers.GivenUp,
        ) as error:  # requests' own errors, those of a CA bundle that cannot be loaded, of a proxy that is no host
            raise self._unreachable(error) from None
        self.clock.observe(response.headers.get("Date"), sent, self.http.wall())
        return response

    def _unreachable(self, error: Exception) -> CloudError:
        """Say in a sentence why no answer came; the library's own text is a chain of reprs."""
        host = urlsplit(self.base_url).netloc
        cause = f"{error.__class__.__name__} {error}"
        hint = None
        uncertain = departures.begun()
        if isinstance(error, answers.GivenUp):
            # Not tried again: it has taken as long, or as much, as several tries may.
            text, hint = f"{host} {error}", self._elsewhere
        elif isinstance(error, requests.exceptions.ReadTimeout):
            text = f"{host} did not answer within {self.http.settings.timeout:g} s (option timeout)"
        elif uncertain:
            text = f"the connection to {host} broke before the whole answer came"
        elif isinstance(error, requests.exceptions.ProxyError):
            text, hint = f"the proxy on the way to {host} cannot be reached or refuses", "Check HTTPS_PROXY and NO_PROXY."
        elif isinstance(error, requests.exceptions.SSLError):
            reason = _certificate_reason(cause)
            text = f"the TLS certificate of {host} is not trusted ({reason})"
            hint = "Give ca_path the authority's certificates; validate_certs=false would hand your secrets to anybody on the way."
        elif isinstance(error, requests.exceptions.ConnectTimeout):
            text = (
                f"no connection to {host} within {self.http.settings.timeout:g} s; check {self.option}{self.region}, the network or proxy"
            )
        elif any(
            sign in cause
            for sign in ("NameResolutionError", "Name or service not known", "name resolution", "nodename nor servname", "getaddrinfo")
        ):
            text, hint = f"the host name {host} does not resolve", f"Check {self.option}{self.region}, or the network's DNS."
        # equivalent: urllib3 writes both, in the versions that were tested
        elif "NewConnectionError" in cause or "Failed to establish a new connection" in cause:
            text = f"{host} cannot be reached ({_refusal(cause)}); check {self.option}{self.region}, the network or proxy"
        elif isinstance(error, requests.exceptions.ConnectionError):
            text = f"the connection to {host} broke before anything was sent"
        elif isinstance(error, requests.exceptions.InvalidSchema) and "SOCKS" in cause:
            text = f"the proxy on the way to {host} is a SOCKS proxy, for which the Python library requests needs PySocks"
            hint = f"Install PySocks for {sys.executable}, or give another HTTPS_PROXY."
        else:
            text, hint = (
                f"the request to {host} cannot be sent ({error.__class__.__name__})",
                f"Check {self.option}, and HTTPS_PROXY where it is set.",
            )
        failure = CloudError(text, uncertain=uncertain)
        failure.hint = hint
        return failure

    @property
    def _elsewhere(self) -> str:
        return f"Is {self.option} really the address of this service, and no proxy or login page in between?"

    def _decoded(self, response: Any, call: str, read: bool) -> Reply:
        content = response.content
        if not content.strip():
            return Reply(response.status_code, response.headers, None, call)
        try:
            document = json.loads(content.decode("utf-8"))
        except (ValueError, RecursionError):
            kind = response.headers.get("Content-Type", "").split(";")[0].strip()[:_SHOWN] or "unknown type"
            error = CloudError(
                f"the host answered {response.status_code} with something that is not JSON ({kind}, {len(content)} bytes)",
                call=call,
                uncertain=not read,
            )
            error.hint = self._elsewhere
            raise error from None
        return Reply(response.status_code, response.headers, document, call)


def _certificate_reason(cause: str) -> str:
    for sign in (
        "self-signed certificate in certificate chain",
        "self-signed certificate",
        "self signed certificate",
        "certificate has expired",
        "certificate is not yet valid",
    ):
        if sign in cause:
            return sign
    if "doesn't match" in cause or "Hostname mismatch" in cause or "IP address mismatch" in cause:
        return "it is for another host name"
    if "unable to get local issuer certificate" in cause:
        return "its authority is unknown here"
    return "the handshake failed"


def _refusal(cause: str) -> str:
    for sign, words in (
        ("refused", "connection refused"),
        ("No route", "no route to it"),
        ("unreachable", "network unreachable"),
        ("Too many open files", "this machine allows the process no more open files: see ulimit -n"),
    ):
        if sign in cause:
            return words
    return "no connection"
