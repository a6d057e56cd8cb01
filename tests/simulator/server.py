# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP/1.1 around the rehearsal cloud: connections, faults, the log of requests and the way for tests to steer it."""

from __future__ import annotations

import contextlib
import email.utils
import http
import itertools
import json
import os
import re
import signal
import socket
import socketserver
import ssl
import sys
import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Callable
from urllib.parse import quote, urlencode, urlsplit

from . import permissions, routes
from .cloud import Cloud, Refusal
from .faults import Faults

MAX_LINE_BYTES = 65536
MAX_HEADERS = 100
MAX_BODY_BYTES = 1 << 20

# What the fault `drip` takes at most is a byte every 0.2 s for 120 s.
DRIP_SECONDS = 0.2
DRIPS = 600
FLOOD_PIECE_BYTES = 1 << 16
FLOOD_BYTES = 1 << 28

# v5's markers are of A-Z a-z 0-9 + / = - and _.
MADE_UP_MARKER = "rehearsed-"

# The values of these names are secrets wherever they stand in a body.
SECRET_NAME = re.compile(r"password|passcode|secret|token|seed|authentication_code", re.IGNORECASE)
STRUCTURE = (dict, list)

FAULT_CODES = {
    "iam": {409: "IAM.0005", 410: "IAM.0020", 429: "IAM.0012"},
    "v5": {409: "IAM.0005", 410: "IAM.0020", 429: "APIGW.0308"},
    "center": {409: "IIC.1006", 429: "APIGW.0308"},
    "organizations": {403: "Organizations.1007", 409: "Organizations.1003", 429: "APIGW.0308"},
}

FORBIDDEN_CODES = {"center": "IIC.1001", "organizations": "Organizations.1007"}


class Cut(Exception):
    """The connection ends here, whatever the client still waits for."""


@dataclass(frozen=True)
class Request:
    """What arrived on a connection. `headers` has lower-case names."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    keep_alive: bool


@dataclass(frozen=True)
class Reply:
    """What goes back: raw bytes, and how they go: all at once, half of the body, or as the fault `drip` or `flood` wants it."""

    status: int
    content: bytes
    headers: dict[str, str]
    half: bool = False
    drip: bool = False
    flood: bool = False
    chunked: bool = False

    @property
    def ends_connection(self) -> bool:
        return self.half or self.flood or (self.drip and len(self.content) > DRIPS)


@dataclass
class Death:
    """An order to kill a process when the `at`-th request arrives."""

    pid: int
    at: int
    when: str
    route: str
    workers: bool
    count: int = 0


@dataclass
class Service:
    """Turns requests into replies; one for all connections."""

    cloud: Cloud
    faults: Faults = field(default_factory=Faults)
    log: list[dict[str, Any]] = field(default_factory=list)
    scheme: str = "http"
    max_in_flight: int = 0
    _in_flight: int = 0
    _death: Death | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    def reply(self, request: Request) -> Reply:
        """Carry a request out and log it; Cut where no answer shall come."""
        parts = urlsplit(request.target)
        if parts.path.startswith("/_rehearsal/"):
            return self._steer(request, parts.path)
        request_id = f"{id(self) & 0xFFFFFFFF:08x}{next(self._numbers):024x}"
        entry: dict[str, Any] = {
            "at": self.cloud.now(),
            "request_id": request_id,
            "route": None,
            "method": request.method,
            "path": parts.path,
            "query": parts.query,
            "status": None,
            "user_id": None,
            "carried_out": False,
            "faults": [],
            "body": None,
        }
        with self._lock:
            self.log.append(entry)
            self._in_flight += 1
            self.max_in_flight = max(self.max_in_flight, self._in_flight)
        try:
            return self._api_reply(request, parts.path, parts.query, request_id, entry)
        finally:
            with self._lock:
                self._in_flight -= 1

    def _api_reply(self, request: Request, path: str, query: str, request_id: str, entry: dict[str, Any]) -> Reply:
        latency = self.cloud.settings.latency_ms
        if latency:
            time.sleep(latency / 1000)
        base_url = f"{self.scheme}://{request.headers.get('host', '')}"
        call = routes.Call(request.method, path, query, request.headers, request.body, base_url)
        effects: dict[str, float] = {}
        after = None
        try:
            # No listing knows the markers that a fault made up: to it, such a request asks for the first page.
            asked = call.query.get("marker")
            if asked and asked.startswith(MADE_UP_MARKER):
                del call.query["marker"]
            route, call.ids = routes.find(self.cloud, request.method, path)
            entry["route"] = route.name
            after = self._maybe_kill(route.name)
            effects = self.faults.strike(route.name)
            entry["faults"] = sorted(effects)
            answer = self._carry_out(route, call, effects, entry)
            if "loop" in effects or "endless" in effects:
                answer = self._without_end(answer, call, asked, effects)
        except Refusal as refusal:
            answer = routes.error_answer(refusal, path, request_id)
        finally:
            entry["user_id"] = call.caller.id if call.caller else None
            entry["body"] = _redacted_body(request.body)
            if after is not None:
                after()
        if "lose" in effects:
            raise Cut
        headers = {"X-Request-Id": request_id, **answer.headers}
        entry["status"] = answer.status
        flow = {"half": "half" in effects, "drip": "drip" in effects, "flood": "flood" in effects, "chunked": bool(effects.get("flood"))}
        if isinstance(answer, HtmlAnswer):
            content = b"<html><body><h1>The gateway is unwell</h1></body></html>"
            return Reply(answer.status, content, {**headers, "Content-Type": "text/html"}, **flow)
        body = _reshaped(answer.body, "extra" in effects, "bare" in effects)
        content = b"" if body is None else json.dumps(body).encode()
        if content:
            headers["Content-Type"] = "application/json;charset=UTF-8"
        return Reply(answer.status, content, headers, **flow)

    def _without_end(self, answer: routes.Answer, call: routes.Call, asked: str | None, effects: dict[str, float]) -> routes.Answer:
        """A listing's answer that names a next page for ever: the one that was asked for (`loop`), or a new one (`endless`)."""
        body = dict(answer.body or {})
        endless = "endless" in effects
        new_marker = f"{MADE_UP_MARKER}{next(self._numbers)}"
        if "page_info" in body:
            # A loop begins at the answer's own next page, where it has one.
            marker = new_marker if endless else asked or body["page_info"].get("next_marker") or new_marker
            body["page_info"] = {**body["page_info"], "next_marker": marker}
        elif "links" in body:
            query = {**call.query, "marker": new_marker} if endless else {**call.query, **({"marker": asked} if asked else {})}
            url = f"{call.base_url}{call.raw_path}"
            body["links"] = {**body["links"], "next": f"{url}?{urlencode(query, quote_via=quote)}" if query else url}
        else:
            return answer
        if effects.get("endless") == 0:
            body = {name: [] if isinstance(value, list) else value for name, value in body.items()}
            if "page_info" in body:
                body["page_info"]["current_count"] = 0
        return replace(answer, body=body)

    def _carry_out(self, route: routes.Route, call: routes.Call, effects: dict[str, float], entry: dict[str, Any]) -> routes.Answer:
        if "slow" in effects:
            time.sleep(effects["slow"])
        if "expire-tokens" in effects:
            self.cloud.expire_tokens()
        if "cut" in effects:
            raise Cut
        after_seconds = effects.get("retry-after")
        headers = {} if after_seconds is None else {"Retry-After": f"{after_seconds:g}"}
        if "html" in effects:
            return HtmlAnswer(int(effects["html"]), None, headers)
        if "unpublished" in effects:
            routes.refuse_unknown_call()
        if "status" in effects or after_seconds is not None:
            status = int(effects.get("status", 429))
            family = routes.family(call.raw_path)
            code = FAULT_CODES.get(family, {}).get(status, "IIC.1000" if family == "center" else "IAM.0001")
            raise Refusal(status, code, "A rehearsed fault.", headers=headers)
        cloud = self.cloud
        with cloud.lock:
            cloud.share_limit()
        call.caller = routes.authenticate(cloud, route, call)
        with cloud.lock:
            # A login finds out by itself who wants in, whoever signed it.
            if call.caller is not None and not route.anonymous:
                cloud.admit(call.caller)
            allowed = cloud.allowed.get(call.caller.id) if call.caller is not None else None
            may_not = permissions.refuses(allowed, route)
            if may_not or "forbid" in effects or (route.tells_caller and not cloud.settings.tells_caller):
                code = FORBIDDEN_CODES.get(routes.family(call.raw_path), "IAM.0003")
                raise Refusal(403, code, "You are not authorized to perform the requested action.")
            cloud.discard_writes = "noop" in effects
            try:
                answer = route.handler(cloud, call)
            finally:
                cloud.discard_writes = False
        entry["carried_out"] = "noop" not in effects
        return answer

    # Tests steer the cloud here; the server listens on loopback only.

    def kill_at(self, pid: int, at: int, when: str = "before", route: str = "*", workers: bool = False) -> None:
        """Kill a process group when the at-th request of a route from now on arrives, before or after carrying it out.

        With ``workers`` all processes that it has made die with it, as where a machine goes off. Else they live on for as long as they like.
        """
        if when not in ("before", "after") or at < 1 or pid < 2:
            raise ValueError("when is before or after, at is at least 1, pid is a process id")
        with self._lock:
            self._death = Death(pid, at, when, route, workers)

    def _maybe_kill(self, route: str) -> Callable[[], None] | None:
        """Kill now, or give what kills once the request was carried out."""
        with self._lock:
            death = self._death
            if death is None or death.route not in ("*", route):
                return None
            death.count += 1
            if death.count < death.at:
                return None
            self._death = None
        if death.when == "after":
            return lambda: _kill(death.pid, death.workers)
        _kill(death.pid, death.workers)
        # The dead do not finish their request: nothing is carried out.
        raise Cut

    def _steer(self, request: Request, path: str) -> Reply:
        try:
            given = json.loads(request.body or b"{}")
            answer = self._steering(request.method, path.removeprefix("/_rehearsal/"), given)
        except (ValueError, KeyError, TypeError) as error:
            return _json_reply(400, {"error": str(error)})
        return _json_reply(404, {"error": "unknown"}) if answer is None else _json_reply(200, answer)

    def _steering(self, method: str, name: str, given: dict[str, Any]) -> Any:
        if method == "GET" and name == "state":
            return self.cloud.state()
        if method == "GET" and name == "log":
            return {"log": self.copy_log(), "max_in_flight": self.max_in_flight}
        if method != "POST":
            return None
        if name == "fault":
            self.faults.add(given["spec"])
        elif name == "clear-faults":
            self.faults.clear()
        elif name == "advance":
            self.cloud.advance(float(given["seconds"]))
        elif name == "expire-tokens":
            self.cloud.expire_tokens()
        elif name == "reset-counters":
            self.cloud.reset_counters()
            self.clear_log()
        elif name == "die":
            self.kill_at(
                int(given["pid"]), int(given["at"]), given.get("when", "before"), given.get("route", "*"), bool(given.get("workers"))
            )
        else:
            return None
        return {}

    def copy_log(self) -> list[dict[str, Any]]:
        """The requests so far; those still under way have no status yet."""
        with self._lock:
            return [dict(entry) for entry in self.log]

    def clear_log(self) -> None:
        """Forget the requests so far."""
        with self._lock:
            self.log.clear()
            self.max_in_flight = self._in_flight


# Fields that no client may rely on: the API's references call them optional, or say nothing of them.
OPTIONAL = frozenset({
    "links", "page_info", "description", "password_expires_at", "pwd_status", "alias", "instance_urn", "created_at", "create_time", "urn",
    "is_root_user", "is_domain_owner", "email", "access_mode", "last_login_at", "last_login_time", "tags", "methods", "roles",
    "issued_at", "expires_at", "title", "request_id",
})  # fmt: skip


def _reshaped(value: Any, extra: bool, bare: bool) -> Any:
    """A body with unknown fields in every object, or without the optional ones."""
    if isinstance(value, dict):
        kept = {name: _reshaped(inner, extra, bare) for name, inner in value.items() if not (bare and name in OPTIONAL)}
        return {**kept, "x_unknown": {"since": [2027, None]}} if extra else kept
    if isinstance(value, list):
        return [_reshaped(inner, extra, bare) for inner in value]
    return value


class HtmlAnswer(routes.Answer):
    """An answer from something before the API that does not speak JSON."""


def _json_reply(status: int, body: Any) -> Reply:
    return Reply(status, json.dumps(body).encode(), {"Content-Type": "application/json"})


def _kill(pid: int, workers: bool) -> None:
    made = _descendants(pid) if workers else []
    try:
        # Only a leader's group is its own: any other may hold the tests that ordered this, or the rehearsal cloud.
        if os.getpgid(pid) == pid:
            os.killpg(pid, signal.SIGKILL)
        else:
            os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    # Workers have groups of their own, and ask before each request who their parent is. A big process takes a while to die.
    for each in made:
        with contextlib.suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)
    while any(lives(each) for each in (pid, *made)):
        time.sleep(0.002)


def _descendants(pid: int) -> list[int]:
    """The processes that a process has made, and those that they have made, as far as this system tells."""
    parents: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, IndexError, ValueError):
            parent = int(path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1])
            parents.setdefault(parent, []).append(int(path.parent.name))
    found = list(parents.get(pid, []))
    for each in found:
        found += parents.get(each, [])
    return found


def lives(pid: int) -> bool:
    """Whether a killed process still has its children, as far as this system tells; its parent may not have waited for it yet.

    Its first thread may be gone while another still dies: its children have another parent only once all are gone.
    """
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stream:
            # Behind the name, which may hold anything.
            state = stream.read().rpartition(")")[2].split()[0]
        return state not in ("Z", "X") or len(os.listdir(f"/proc/{pid}/task")) > 1
    except (OSError, IndexError):
        return False


def _redacted(value: Any) -> Any:
    if isinstance(value, dict):
        # "password" and "totp" are also names of structures, which are walked; only plain values under such a name go.
        return {
            name: "REMOVED" if SECRET_NAME.search(name) and not isinstance(inner, STRUCTURE) else _redacted(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_redacted(inner) for inner in value]
    return value


def _redacted_body(body: bytes) -> Any:
    if not body:
        return None
    try:
        return _redacted(json.loads(body))
    except ValueError:
        return "not JSON"


class _Handler(socketserver.StreamRequestHandler):
    """One connection. http.server's parser costs more than all of the cloud's rules, so the few lines it takes are here."""

    server: Server
    disable_nagle_algorithm = True
    rbufsize = 65536
    wbufsize = 0
    timeout = 300

    def setup(self) -> None:
        if self.server.tls is not None:
            # In the connection's own thread, so that a slow handshake holds up nobody else.
            self.request.settimeout(self.timeout)
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        super().setup()
        self.server.track(self.request)

    def handle(self) -> None:
        try:
            while self._handle_one():
                pass
        except (OSError, Cut):
            pass

    def finish(self) -> None:
        self.server.untrack(self.request)
        with contextlib.suppress(OSError):
            super().finish()
        with contextlib.suppress(OSError):
            self.request.shutdown(socket.SHUT_RDWR)
        self.request.close()

    def _handle_one(self) -> bool:
        try:
            request = self._read()
        except ValueError:
            # Not HTTP as the cloud speaks it. A ValueError from anywhere else is a fault of ours, and is to be seen.
            return False
        if request is None:
            return False
        reply = self.server.service.reply(request)
        self._write(reply, request)
        return request.keep_alive and not reply.ends_connection

    def _read(self) -> Request | None:
        line = self.rfile.readline(MAX_LINE_BYTES).strip()
        if not line:
            return None
        method, target, version = line.decode("latin-1").split(" ")
        headers: dict[str, str] = {}
        for _header in range(MAX_HEADERS):
            line = self.rfile.readline(MAX_LINE_BYTES)
            if line in (b"\r\n", b"\n"):
                break
            if not line:
                return None
            name, _colon, value = line.partition(b":")
            headers[name.decode("latin-1").lower()] = value.decode("utf-8", "replace").strip()
        else:
            raise ValueError("too many headers")
        if "transfer-encoding" in headers:
            raise ValueError("no chunked bodies here")
        length = int(headers.get("content-length") or 0)
        if not 0 <= length <= MAX_BODY_BYTES:
            raise ValueError("body too long")
        if headers.get("expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = self.rfile.read(length) if length else b""
        if len(body) < length:
            return None
        connection = headers.get("connection", "").lower()
        keep_alive = connection == "keep-alive" if version == "HTTP/1.0" else connection != "close"
        return Request(method, target, headers, body, keep_alive)

    def _write(self, reply: Reply, request: Request) -> None:
        if reply.flood:
            self._flood(reply)
            return
        content = b"" if request.method == "HEAD" else reply.content
        if reply.drip and content:
            # Blanks before JSON mean nothing: the body is as good as it was, for whoever waits to its end.
            content = content.rjust(DRIPS)
        lines = [] if reply.status == 204 else [f"Content-Length: {len(content if reply.drip else reply.content)}"]
        if not request.keep_alive:
            lines.append("Connection: close")
        head = self._head(reply.status, reply.headers, lines)
        if reply.drip:
            self._drip(head, content)
            return
        if reply.half:
            content = content[: len(content) // 2]
        # One write is one packet on loopback: two would wait for an acknowledgement in between.
        self.request.sendall(head + content)

    def _head(self, status: int, headers: dict[str, str], more: list[str]) -> bytes:
        lines = [f"HTTP/1.1 {status} {_reason(status)}", f"Date: {self.server.date()}", "Server: rehearsal"]
        lines.extend(f"{name}: {value}" for name, value in headers.items())
        return "\r\n".join([*lines, *more]).encode("latin-1") + b"\r\n\r\n"

    def _drip(self, head: bytes, content: bytes) -> None:
        """A byte at a time. A client that went away, or the end of the cloud, makes sending fail."""
        self.request.sendall(head)
        for number in range(min(len(content), DRIPS)):
            time.sleep(DRIP_SECONDS)
            self.request.sendall(content[number : number + 1])

    def _flood(self, reply: Reply) -> None:
        """A JSON string that does not end; where nothing would have had a body (204), a 200 has this one."""
        headers = {**reply.headers, "Content-Type": "application/json;charset=UTF-8"}
        lines = ["Transfer-Encoding: chunked"] if reply.chunked else ["Connection: close"]
        self.request.sendall(self._head(200 if reply.status == 204 else reply.status, headers, lines))
        piece = b'{"x":"'.ljust(FLOOD_PIECE_BYTES, b"x")
        for _piece in range(FLOOD_BYTES // FLOOD_PIECE_BYTES):
            self.request.sendall(b"%x\r\n%b\r\n" % (len(piece), piece) if reply.chunked else piece)
            piece = b"x" * FLOOD_PIECE_BYTES


def _reason(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


class Server(socketserver.ThreadingTCPServer):
    """Listens on loopback; a thread for each connection."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 512

    def __init__(self, service: Service, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.service = service
        self.tls = tls
        self._connections: set[socket.socket] = set()
        self._connections_lock = threading.Lock()
        self._date: tuple[int, str] = (0, "")
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def url(self) -> str:
        return f"{self.service.scheme}://127.0.0.1:{self.server_address[1]}"

    def date(self) -> str:
        """The cloud's time for a Date header."""
        second = int(self.service.cloud.now())
        known, text = self._date
        if known != second:
            # Answers go out from many threads: what is returned is what was made, and not what another thread has made meanwhile.
            text = email.utils.formatdate(second, usegmt=True)
            self._date = (second, text)
        return text

    def track(self, connection: socket.socket) -> None:
        with self._connections_lock:
            self._connections.add(connection)

    def untrack(self, connection: socket.socket) -> None:
        with self._connections_lock:
            self._connections.discard(connection)

    def close(self) -> None:
        """Stop listening and end every connection, kept ones too."""
        self.shutdown()
        self.server_close()
        with self._connections_lock:
            connections = list(self._connections)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away, or does not trust the certificate, is no news; a fault of our own is."""
        error = sys.exc_info()[1]
        if not isinstance(error, (OSError, Cut)):
            super().handle_error(request, client_address)
