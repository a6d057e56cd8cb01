# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""As much of AWX's API as the modules of awx.awx need to load what the role awx_setup has, on a free port of loopback.

It refuses what AWX 24.6 refuses, see rules.py. A job that is launched here has succeeded at once: what jobs do is tried through ansible-runner.
"""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import rules

TOKEN = "awx-token-19"
VERSION = "24.6.1"

_TYPES = {
    "job_templates": "job_template",
    "workflow_job_templates": "workflow_job_template",
    "projects": "project",
    "inventory_sources": "inventory_source",
    "workflow_approval_templates": "workflow_approval_template",
}
"""What can be launched: the name of a list, and that of its objects."""

_ENCRYPTED = "$encrypted$"


class Controller:
    """What AWX holds: name of a list -> objects, each with what is associated with it below ``_associated``."""

    def __init__(self, playbooks: list[str]) -> None:
        self.playbooks = playbooks
        self.lists: dict[str, list[dict[str, Any]]] = {}
        self.writes: list[str] = []
        self.launches: list[dict[str, Any]] = []
        """What each launch through the API gave: the template's name, limit and extra_vars."""

        self.url = ""
        self._ids = itertools.count(1)
        self.add("organizations", {"name": "Default"})

    def add(self, kind: str, fields: dict[str, Any]) -> dict[str, Any]:
        """Keep a new object."""
        number = next(self._ids)
        url = f"/api/v2/{kind}/{number}/"
        related = {name: f"{url}{name}/" for name in ("survey_spec", "launch")} if kind.endswith("job_templates") else {}
        one = {
            "id": number,
            "url": url,
            "type": _TYPES.get(kind, kind),
            "related": related,
            "summary_fields": {},
            "_associated": {},
            **fields,
        }
        if kind == "projects":
            one.update(scm_revision="", summary_fields={"current_update": {"id": number}})
        self.lists.setdefault(kind, []).append(one)
        return one

    def one(self, kind: str, name: str) -> dict[str, Any]:
        """The object of this name."""
        (found,) = [each for each in self.lists.get(kind, []) if each["name"] == name]
        return found

    def named(self, kind: str, number: int) -> dict[str, Any]:
        """The object with this id."""
        (found,) = [each for each in self.lists.get(kind, []) if each["id"] == number]
        return found

    def associated(self, one: dict[str, Any], kind: str) -> list[str]:
        """The names of what is associated with an object."""
        lists = {"always_nodes": "workflow_job_template_nodes", "success_nodes": "workflow_job_template_nodes"}
        lists.update(dict.fromkeys(("started", "success", "error", "approvals"), ""))
        wanted = lists.get(kind) or ("notification_templates" if kind.startswith("notification_templates") else kind)
        return [
            each.get("name") or each["identifier"] for each in (self.named(wanted, number) for number in one["_associated"].get(kind, []))
        ]

    # Requests

    def answer(self, method: str, parts: list[str], query: dict[str, str], body: dict[str, Any]) -> tuple[int, Any]:
        """Status and body."""
        if method != "GET":
            self.writes.append(f"{method} {'/'.join(parts)}")
        kind, rest = parts[0], parts[1:]
        if kind == "config":
            return 200, {"version": VERSION}
        if not rest:
            return self._list(kind, query) if method == "GET" else self._create(kind, body)
        if kind == "project_updates":
            return 200, {"status": "successful"}
        one = self.named(kind, int(rest[0]))
        if len(rest) == 1:
            return (200, self._shown(kind, one)) if method == "GET" else self._change(kind, one, body)
        if rest[1] == "survey_spec":
            return self._survey(method, one, body)
        if rest[1] == "launch":
            return self._launch(one, body)
        if rest[1] == "create_approval_template":
            approval = self.add("workflow_approval_templates", body)
            one.update(unified_job_template=approval["id"])
            one["related"]["unified_job_template"] = approval["url"]
            return 201, approval
        return self._associate(method, kind, one, rest[1], body)

    def _list(self, kind: str, query: dict[str, str]) -> tuple[int, Any]:
        kinds = list(_TYPES) if kind == "unified_job_templates" else [kind]
        found = [
            self._shown(each, one)
            for each in kinds
            for one in self.lists.get(each, [])
            if all(_fits(one, name, value) for name, value in query.items())
        ]
        return 200, {"count": len(found), "next": None, "results": found}

    def _create(self, kind: str, body: dict[str, Any]) -> tuple[int, Any]:
        wrong = rules.wrong(self, kind, body)
        return (400, {"__all__": [wrong]}) if wrong else (201, self._shown(kind, self.add(kind, body)))

    def _change(self, kind: str, one: dict[str, Any], body: dict[str, Any]) -> tuple[int, Any]:
        wrong = rules.wrong(self, kind, {**one, **body})
        if wrong:
            return 400, {"__all__": wrong}
        # Fields that an object does not have are ignored.
        one.update({name: value for name, value in body.items() if kind != "workflow_approval_templates" or name in one})
        return 200, self._shown(kind, one)

    def _survey(self, method: str, one: dict[str, Any], body: dict[str, Any]) -> tuple[int, Any]:
        if method == "POST":
            wrong = rules.wrong_survey(body)
            if wrong:
                return 400, {"error": wrong}
            one["_survey"] = body
        return 200, one.get("_survey", {})

    def _launch(self, template: dict[str, Any], body: dict[str, Any]) -> tuple[int, Any]:
        accepted = rules.accepted(template, body)
        wrong = rules.wrong_prompts(template, {**accepted, "extra_data": accepted["extra_vars"]})
        if wrong:
            return 400, {"detail": wrong}
        self.launches.append({"name": template["name"], **accepted})
        return 201, self.add("jobs", {"status": "successful", "created": "2026-11-30T12:00:00Z", "artifacts": {}})

    def _associate(self, method: str, kind: str, one: dict[str, Any], name: str, body: dict[str, Any]) -> tuple[int, Any]:
        numbers = one["_associated"].setdefault(name, [])
        if method == "GET":
            return 200, {"count": len(numbers), "next": None, "results": [{"id": number} for number in numbers]}
        if body.get("disassociate"):
            numbers.remove(body["id"])
            return 204, None
        wrong = rules.wrong_association(self, name, numbers, body["id"])
        if wrong:
            return 400, {"detail": wrong}
        numbers.append(body["id"])
        return 204, None

    def _shown(self, kind: str, one: dict[str, Any]) -> dict[str, Any]:
        shown = {name: value for name, value in one.items() if not name.startswith("_")}
        if kind == "credentials":
            shown["inputs"] = rules.masked(self, one)
        if kind == "job_templates":
            # These are always shown.
            shown = {**dict.fromkeys(rules.ASKS, False), **shown}
        return shown


def _fits(one: dict[str, Any], name: str, value: str) -> bool:
    if name in ("page", "page_size"):
        return True
    field, _operator, many = name.partition("__in")
    return str(one.get(field)) in value.split(",") if _operator and not many else str(one.get(name)) == value


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    controller: Controller
    lock: threading.Lock

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"{}")
        parts = urlsplit(self.path)
        path = [unquote(part) for part in parts.path.removeprefix("/api/v2/").strip("/").split("/")]
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            status, answer = 401, {"detail": "Authentication credentials were not provided."}
        else:
            with self.lock:
                status, answer = self.controller.answer(self.command, path, dict(parse_qsl(parts.query)), body)
        text = b"" if answer is None else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-API-Product-Name", "AWX")
        self.send_header("X-API-Product-Version", VERSION)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PATCH = do_DELETE = _serve

    def log_message(self, *_words: Any) -> None:
        """Say nothing."""


@contextmanager
def running(playbooks: list[str]) -> Iterator[Controller]:
    """Serve an AWX whose projects have these playbooks."""
    controller = Controller(playbooks)
    handler = type("Handler", (_Handler,), {"controller": controller, "lock": threading.Lock()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    controller.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield controller
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
