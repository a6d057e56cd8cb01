# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Huawei Cloud's secret management service (CSMS), as its SDK and its error codes describe it, on a free port of loopback."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Optional
from urllib.parse import parse_qs, unquote, urlsplit

from ansible_collections.hwc.mfa.tests.simulator import signing

PROJECT = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
ACCESS_KEY, SECRET_KEY = "HSTAAAAACCESSKEY", "secret-key-of-the-secrets"
LARGEST = 32 * 1024
PAGE = 3
"""How many secrets a listing tells at once, whatever was asked for: an answer may hold fewer."""

Fate = Optional[str]
"""What becomes of a request. None: it is answered; ``refused``: broken off before it was carried out; ``lost``: after it; ``unpublished``: a gateway's 404."""


@dataclass
class Service:
    """What the service holds and how it behaves."""

    secrets: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Name -> what it was created with, and its state."""

    quota: int = 500
    denied: tuple[str, ...] = ()
    """Methods that no policy of the access key allows."""

    fate: Callable[[str, str], Fate] = field(default=lambda _method, _name: None)
    before: Callable[[str, str], None] = field(default=lambda _method, _name: None)
    """Called before a request is carried out, and may change the service as another client would."""

    listings: Callable[[str], dict[str, Any] | None] = field(default=lambda _marker: None)
    """What a listing answers instead of what is there, by its marker."""

    requests: list[str] = field(default_factory=list)
    server: Any = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server.server_port}"

    @property
    def options(self) -> dict[str, Any]:
        """Options of a store that lies here."""
        return {"endpoint": self.url, "project_id": PROJECT, "access_key": ACCESS_KEY, "secret_key": SECRET_KEY}

    def document(self, name: str) -> Any:
        """What a secret holds."""
        return json.loads(self.secrets[name]["secret_string"])


class Refusal(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.answer = status, {"error_code": code, "error_msg": message}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    service: Service

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        segments = [unquote(segment) for segment in url.path.strip("/").split("/")]
        service = self.service
        name = segments[3] if len(segments) > 3 else (json.loads(body).get("name", "") if body else "")
        service.requests.append(f"{self.command} {name}".strip())
        fate = service.fate(self.command, name)
        if fate == "refused":
            self.close_connection = True
            return
        service.before(self.command, name)
        try:
            if fate == "unpublished":
                raise Refusal(404, "APIGW.0101", "The API does not exist or has not been published in the environment")
            self.authenticate(url.path, url.query, body, segments)
            with self.server.writing:  # type: ignore[attr-defined]
                status, document = self.result(segments, parse_qs(url.query), json.loads(body) if body else {})
        except Refusal as refusal:
            status, document = refusal.answer
        if fate == "lost":
            self.close_connection = True
            return
        content = json.dumps(document).encode() if document is not None else b""
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_DELETE = handle_any

    def authenticate(self, path: str, query: str, body: bytes, segments: list[str]) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            claim = signing.parse_claim(headers.get("authorization", ""))
            if claim.access_key != ACCESS_KEY:
                raise signing.SignatureRefused("the access key is not known")
            signing.verify(claim, SECRET_KEY, self.command, path, query, headers, body, time.time())
        except signing.SignatureRefused as refusal:
            raise Refusal(401, "APIGW.0301", f"Incorrect IAM authentication information: {refusal}") from None
        if segments[:1] != ["v1"] or segments[1:2] != [PROJECT] or headers.get("x-project-id") != PROJECT:
            raise Refusal(403, "CSMS.0403", "The project is not that of the request.")
        if self.command in self.service.denied:
            raise Refusal(403, "CSMS.0403", "You do not have the permission.")

    def result(self, segments: list[str], query: dict[str, list[str]], body: dict[str, Any]) -> tuple[int, Any]:
        secrets = self.service.secrets
        if segments[2:] == ["secrets"]:
            return self.listed(query) if self.command == "GET" else self.created(body)
        name = segments[3]
        if name not in secrets:
            raise Refusal(400, "CSMS.0106", "The secret name not found int the db.")
        if secrets[name]["state"] == "PENDING_DELETE":
            raise Refusal(400, "CSMS.0103", "The secret is in the scheduled deletion state.")
        if self.command == "DELETE":
            del secrets[name]
            return 204, None
        metadata = {"id": "v1", "secret_name": name, "create_time": 0, "kms_key_id": "k", "version_stages": ["SYSCURRENT"]}
        return 200, {"version": {"version_metadata": metadata, "secret_string": secrets[name]["secret_string"]}}

    def listed(self, query: dict[str, list[str]]) -> tuple[int, Any]:
        secrets = self.service.secrets
        told = self.service.listings(query.get("marker", [""])[0])
        if told is not None:
            return 200, told
        # By the time of creation: no order is documented.
        names = list(secrets)
        marker = query.get("marker", [""])[0]
        start = names.index(marker) + 1 if marker in names else 0
        some = names[start : start + min(PAGE, int(query.get("limit", ["50"])[0]))]
        info = {"current_count": len(some), "previous_marker": marker or None}
        if some and some[-1] != names[-1]:
            info["next_marker"] = some[-1]
        return 200, {"secrets": [{"name": name, "state": secrets[name]["state"]} for name in some], "page_info": info}

    def created(self, body: dict[str, Any]) -> tuple[int, Any]:
        secrets, name = self.service.secrets, body["name"]
        if not name or len(name) > 64 or any(not (char.isascii() and (char.isalnum() or char in "_-.")) for char in name):
            raise Refusal(400, "CSMS.0002", "The value of parameter name is invalid.")
        if len(body["secret_string"].encode()) > LARGEST:
            raise Refusal(400, "CSMS.0002", "The value of parameter secret_string is invalid.")
        if name in secrets:
            raise Refusal(400, "CSMS.0101", "The secret exists.")
        if len(secrets) >= self.service.quota:
            raise Refusal(400, "CSMS.0102", "The number of secrets exceeds the quota.")
        secrets[name] = {**body, "state": "ENABLED"}
        return 200, {"secret": {"id": name, "name": name, "state": "ENABLED"}}

    def log_message(self, *_words: Any) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    writing = threading.Lock()


@contextmanager
def running() -> Iterator[Service]:
    """A service that answers."""
    service = Service()
    service.server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"service": service}))
    thread = threading.Thread(target=service.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        service.server.shutdown()
        service.server.server_close()
        thread.join()
