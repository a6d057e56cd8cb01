# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A KV engine, version 2, as HashiCorp Vault and OpenBao answer, on a free port of loopback. tests/peers tries the same with a real one."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Optional
from urllib.parse import unquote, urlsplit

TOKEN = "hvs.kv-token-17"
ROLE_ID, SECRET_ID, JWT = "role-1", "secret-id-2", "jwt-3"

MOST_STRINGS = 1000
"""Strings of a request that OpenBao takes, unless its configuration says otherwise."""

Fate = Optional[str]
"""What becomes of a request: None: it is answered; ``refused``: broken off before it was carried out; ``lost``: after that."""


@dataclass
class Engine:
    """What the engine holds and how it behaves."""

    secrets: dict[str, list[Any]] = field(default_factory=dict)
    """Path below the mount -> versions; a version that was deleted is None."""

    tokens: set[str] = field(default_factory=lambda: {TOKEN})
    denied: tuple[str, ...] = ()
    """Methods that the policy of all tokens does not allow."""

    capabilities: dict[str, list[str]] | None = None
    """What a policy allows on which path, as the engine tells a token that asks; None: the token may not ask."""

    sealed: bool = False
    kind: Any = field(default_factory=lambda: {"type": "kv", "options": {"version": "2"}})
    delete_after: str = ""
    fate: Callable[[str, str], Fate] = field(default=lambda _method, _path: None)
    before: Callable[[str, str], None] = field(default=lambda _method, _path: None)
    """Called before a request is carried out, and may change the engine as another client would."""

    role_id: str = ROLE_ID
    """The role that may log in."""

    requests: list[str] = field(default_factory=list)
    namespaces: set[Any] = field(default_factory=set)
    logins: int = 0
    revoked: list[str] = field(default_factory=list)
    server: Any = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server.server_port}"

    def newest(self, path: str) -> Any:
        """What a secret holds."""
        return self.secrets[path][-1]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    engine: Engine

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = unquote(urlsplit(self.path).path).removeprefix("/v1/")
        method = "LIST" if "list=true" in self.path else self.command
        engine = self.engine
        engine.requests.append(f"{method} {path}")
        engine.namespaces.add(self.headers.get("X-Vault-Namespace"))
        fate = engine.fate(method, path)
        if fate == "refused":
            self.close_connection = True
            return
        engine.before(method, path)
        status, document = self.result(method, path, json.loads(body) if body else {})
        if fate == "lost":
            self.close_connection = True
            return
        content = json.dumps(document).encode() if document is not None else b""
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = handle_any

    def result(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        engine = self.engine
        if engine.sealed:
            return 503, {"errors": ["Vault is sealed"]}
        if path.startswith("auth/") and path.endswith("/login"):
            return self.login(body)
        token = self.headers.get("X-Vault-Token")
        if token not in engine.tokens:
            return 403, {"errors": ["permission denied"]}
        if path == "auth/token/lookup-self":
            return 200, {"data": {"ttl": 60}}
        if path == "auth/token/revoke-self":
            engine.revoked.append(token)
            engine.tokens.discard(token)
            return 204, None
        if path == "sys/capabilities-self" and engine.capabilities is not None:
            told = {asked: engine.capabilities.get(asked, ["deny"]) for asked in body["paths"]}
            return 200, {**told, "data": told}
        if path.startswith("sys/") and not path.startswith("sys/internal/ui/mounts/"):
            return 403, {"errors": ["1 error occurred:\n\t* permission denied\n\n"]}
        if path.startswith("sys/internal/ui/mounts/"):
            if engine.kind is None:
                return 403, {"errors": ["preflight capability check returned 403, please ensure client's policies grant access"]}
            return 200, {"data": engine.kind}
        if method in engine.denied:
            return 403, {"errors": ["1 error occurred:\n\t* permission denied\n\n"]}
        kind, _slash, name = path.removeprefix("secret/").partition("/")
        if not path.startswith("secret/"):
            return 404, {"errors": [f'no handler for route "{path}". route entry not found.']}
        return self.listed(name) if kind == "metadata" else self.read(name) if method == "GET" else self.write(name, body)

    def login(self, body: dict[str, Any]) -> tuple[int, Any]:
        if body not in ({"role_id": self.engine.role_id, "secret_id": SECRET_ID}, {"role": ROLE_ID, "jwt": JWT}):
            return 400, {"errors": ["invalid role or secret ID"]}
        self.engine.logins += 1
        token = f"hvs.login-{self.engine.logins}"
        self.engine.tokens.add(token)
        return 200, {"auth": {"client_token": token, "lease_duration": 60}}

    def listed(self, name: str) -> tuple[int, Any]:
        prefix = name.rstrip("/") + "/"
        found = {path.removeprefix(prefix) for path in self.engine.secrets if path.startswith(prefix)}
        keys = {rest.partition("/")[0] + ("/" if "/" in rest else "") for rest in found}
        return (200, {"data": {"keys": sorted(keys)}}) if keys else (404, {"errors": []})

    def read(self, name: str) -> tuple[int, Any]:
        versions = self.engine.secrets.get(name)
        if not versions:
            return 404, {"errors": []}
        return (404 if versions[-1] is None else 200), {"data": {"data": versions[-1], "metadata": {"version": len(versions)}}}

    def write(self, name: str, body: dict[str, Any]) -> tuple[int, Any]:
        if _strings(body) > MOST_STRINGS:
            return 400, {"errors": ["refused JSON input due to high complexity: exceeded maximum number of strings"]}
        with self.server.writing:  # type: ignore[attr-defined]
            versions = self.engine.secrets.setdefault(name, [])
            if body["options"] != {"cas": len(versions)}:
                return 400, {"errors": ["check-and-set parameter did not match the current version"]}
            versions.append(body["data"])
            return 200, {"data": {"version": len(versions), "deletion_time": self.engine.delete_after, "destroyed": False}}

    def log_message(self, *_words: Any) -> None:
        """Say nothing."""


def _strings(value: Any) -> int:
    if isinstance(value, dict):
        return sum(1 + _strings(each) for each in value.values())
    return sum(_strings(each) for each in value) if isinstance(value, list) else int(isinstance(value, str))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    writing = threading.Lock()


@contextmanager
def running() -> Iterator[Engine]:
    """An engine that answers."""
    engine = Engine()
    engine.server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"engine": engine}))
    thread = threading.Thread(target=engine.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield engine
    finally:
        engine.server.shutdown()
        engine.server.server_close()
        thread.join()
