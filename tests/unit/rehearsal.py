# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs modules' work against a rehearsal cloud in this process, over real HTTP.

Beside it stands a server with canned answers, for what no cloud would say.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.iam import Iam
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.transport import Http, HttpSettings, Session
from ansible_collections.hwc.mfa.plugins.module_utils._runner.connections import Connections
from ansible_collections.hwc.mfa.plugins.module_utils._runner.definition import Definition
from ansible_collections.hwc.mfa.plugins.module_utils._runner.run import perform, perform_with
from ansible_collections.hwc.mfa.tests.simulator import start

READS = ("GET",)
STEP = 30
INTO_STEP = 6.0


def quiet_offset() -> float:
    """By how many seconds a cloud's clock must differ for a step of 30 s to have begun 6 s ago: no test then waits for the next one."""
    return INTO_STEP - time.time() % STEP


def validated(definition: Definition, options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as AnsibleModule would hand them to the work."""
    # A module gets its options through JSON, so no two items are the same object.
    given = json.loads(json.dumps(options))
    result = ArgumentSpecValidator(dict(definition.argument_spec), **definition.relations).validate(given)
    assert not result.error_messages, result.error_messages
    return result.validated_parameters


class Impatient:
    """A sleep that writes down how long somebody wanted to wait, and hardly does; ``advance`` is told, as if the time had passed."""

    def __init__(self, advance: Callable[[float], None] = lambda _seconds: None) -> None:
        self.slept: list[float] = []
        self._advance = advance

    def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._advance(seconds)
        time.sleep(min(seconds, 0.001))

    def monotonic(self) -> float:
        """A clock that believes in what was slept."""
        return time.monotonic() + sum(self.slept)

    def wall(self) -> float:
        """The same, as the time of day."""
        return time.time() + sum(self.slept)


class ImpatientConnections(Connections):
    """Connections whose waits take no time."""

    def __init__(self, sleep: Impatient, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.sleep = sleep

    def make_http(self) -> Http:
        return Http(
            HttpSettings(timeout=self._params["timeout"], retries=self._params["retries"]),
            self.sleep,
            monotonic=self.sleep.monotonic,
            wall=self.sleep.wall,
        )


class Rehearsal:
    """A rehearsal cloud, and the modules' work against it."""

    def __init__(self, **options: Any) -> None:
        self.handle = start(**{"users": 4, "clock_offset": quiet_offset(), "seed_random": 1, **options})
        self.url = self.handle.url
        self.cloud = self.handle.cloud
        self.admin = self.cloud.accounts[0].admin
        self.users = self.cloud.accounts[0].users[1:]
        self.domain_name = self.cloud.accounts[0].name

    def stop(self) -> None:
        self.handle.stop()

    @property
    def log(self) -> list[dict[str, Any]]:
        return self.handle.log

    def routes(self) -> list[str]:
        """The routes of all requests so far, in order."""
        return [entry["route"] for entry in self.log]

    def writes(self) -> list[str]:
        """The routes of all requests that could change something, logins aside."""
        return [entry["route"] for entry in self.log if entry["method"] not in READS and entry["route"] != "login"]

    # Credentials, as options

    def by_key(self, user: Any = None) -> dict[str, str]:
        user = user or self.admin
        return {"access_key": user.access_key, "secret_key": user.secret_key}

    def by_password(self, user: Any = None) -> dict[str, str]:
        user = user or self.admin
        return {"auth_user_id": user.id, "auth_password": user.password, "auth_domain_name": self.domain_name}

    def by_token(self, user: Any = None) -> dict[str, str]:
        """A token made without a request."""
        user = user or self.admin
        with self.cloud.lock:
            who = {"methods": ["password"], "password": {"user": {"id": user.id, "password": user.password}}}
            token, _facts = self.cloud.log_in(who, None)
        return {"auth_token": token}

    # Work

    def run(
        self,
        definition: Definition,
        *,
        check_mode: bool = False,
        diff: bool = False,
        env: Mapping[str, str] | None = None,
        credentials: Mapping[str, str] | None = None,
        impatient: bool = False,
        memory: dict[str, Any] | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        """The result of a module; by default with the administrator's keys and no environment.

        With ``impatient`` a wait takes no time and only moves the cloud's clock. ``memory`` is what a play's tasks learn from each other.
        """
        own = self.by_key() if credentials is None else credentials
        given = {"iam_endpoint": self.url, "identity_center_endpoint": self.url, "retries": 2, **own, **options}
        params = validated(definition, given)
        if not impatient:
            return perform(definition, params, check_mode, diff, env or {}, memory=memory)[0]
        connections = ImpatientConnections(
            Impatient(self.handle.advance), params, env or {}, lambda: True, {} if memory is None else memory
        )
        try:
            return perform_with(connections, definition, params, check_mode, diff)
        finally:
            connections.close()

    def session(self, sleep: Impatient | None = None, **settings: Any) -> Session:
        """A way to this cloud's IAM without an identity."""
        sleep = sleep or Impatient()
        return Session(Http(HttpSettings(**{"retries": 2, **settings}), sleep, monotonic=sleep.monotonic), self.url)


class Script:
    """A server that gives the answers of a list in turn, the last one again and again, and keeps what it was asked.

    An answer is (status, document or bytes, headers), the headers optional.
    """

    def __init__(self, answers: tuple[Any, ...]) -> None:
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        script = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                script.requests.append((self.command, self.path, dict(self.headers), self.rfile.read(length)))
                status, body, *rest = answers[min(len(script.requests), len(answers)) - 1]
                content = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **(rest[0] if rest else {})}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_DELETE = answer

            def log_message(self, *_words: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def session(self, auth: Any = None, **settings: Any) -> Session:
        return Session(Http(HttpSettings(**{"retries": 0, **settings}), Impatient()), self.url, auth)

    def iam(self, **settings: Any) -> Iam:
        return Iam(self.session(**settings))
