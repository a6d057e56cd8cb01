# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The seed store of one's own that docs/awx and the guide show: seeds in a KV engine, nothing on the disk of a job."""

from __future__ import annotations

import json
import re
import shutil
import textwrap
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable

import pytest
from conftest import CHECKOUT, Job

TOKEN = "kv-token-17"
EXAMPLE = CHECKOUT / "docs" / "awx" / "project" / "seed_store_kv.yml"


class KeyValueEngine(BaseHTTPRequestHandler):
    """As much of a KV engine, version 2, as the task file speaks."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    secrets: dict[str, list[dict[str, Any] | None]]
    # A version that was deleted is None.
    # How many versions a secret may have until the engine takes no more; None: any number.
    sealed_from: int | None = None

    def answer(self, status: int, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        versions = self.secrets.get(self.path)
        if self.headers["X-Vault-Token"] != TOKEN:
            self.answer(403, {"errors": ["permission denied"]})
        elif not versions:
            self.answer(404, {"errors": []})
        else:
            document = {"data": {"data": versions[-1], "metadata": {"version": len(versions)}}}
            self.answer(404 if versions[-1] is None else 200, document)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        versions = self.secrets.setdefault(self.path, [])
        if self.headers["X-Vault-Token"] != TOKEN:
            self.answer(403, {"errors": ["permission denied"]})
        elif self.sealed_from is not None and len(versions) >= self.sealed_from:
            self.answer(503, {"errors": ["sealed"]})
        elif body["options"] != {"cas": len(versions)}:
            self.answer(400, {"errors": ["check-and-set parameter did not match the current version"]})
        else:
            versions.append(body["data"])
            self.answer(200, {"data": {"version": len(versions)}})

    def log_message(self, *_words: Any) -> None:
        """Say nothing."""


@pytest.fixture
def engine() -> Iterator[Any]:
    """A running KV engine, with its ``url`` and its ``secrets``, which map paths to versions."""
    handler = type("Engine", (KeyValueEngine,), {"secrets": {}})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    server.url = f"http://127.0.0.1:{server.server_port}/v1/secret/data/mfa"
    server.secrets = handler.secrets
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def enrol(job: Job, cloud: Any, engine: Any, playbook: str = "rollout.yml", **options: Any) -> None:
    account = cloud.describe()
    job.env["VAULT_TOKEN"] = TOKEN
    job.extra_vars = {"mfa_rollout_strategy": "enrol", "mfa_rollout_wave_sizes": [2]}
    users = [{"user_id": user["user_id"], "auth_password": user["password"]} for user in account["users"]]
    job.credential({"iam_endpoint": cloud.url, "access_key": account["admin"]["access_key"], "secret_key": account["admin"]["secret_key"]})
    job.host_vars("acme", {
        "mfa_rollout_users": users,
        "mfa_rollout_seed_store_tasks": "{{ playbook_dir }}/seed_store_kv.yml",
        "seed_store_url": engine.url,
    })  # fmt: skip
    shutil.copy(EXAMPLE, job.folder / "project")
    job.inventory({"acme": {}})
    job.run(playbook, "--ask-vault-pass", **options)


def test_seeds_go_to_the_engine_before_devices_are_bound(engine: Any, new_job: Callable[[], Job], start_cloud: Callable[..., Any]) -> None:
    # A cloud that cannot tell bound from created needs all that a store can do.
    cloud = start_cloud(profile="otc", users=2)
    job = new_job()
    enrol(job, cloud, engine, verbosity=5)
    assert job.status == "successful", job.output
    (versions,) = engine.secrets.values()
    users = [cloud.cloud.user(user["user_id"]) for user in cloud.describe()["users"]]
    assert {user.id: user.device.seed for user in users} == {user_id: entry["seed"] for user_id, entry in versions[-1]["entries"].items()}
    assert all(user.device.bound for user in users)
    assert versions[0]["intents"] == [user.id for user in users] and versions[-1]["intents"] == []
    text = "".join(job.leftovers().values())
    assert not [user.name for user in users if user.device.seed in text or user.password in text]
    assert TOKEN not in text

    again = new_job()
    enrol(again, cloud, engine)
    assert "2 already compliant" in again.output
    assert cloud.cloud.counters.creates == 2

    back = new_job()
    enrol(back, cloud, engine, "rollback.yml")
    assert back.status == "successful", back.output
    assert all(user.device is None for user in users)
    assert versions[-1] == {"entries": {}, "intents": []}


@pytest.mark.twin
def test_device_whose_seed_cannot_be_stored_is_never_bound(
    engine: Any, new_job: Callable[[], Job], start_cloud: Callable[..., Any]
) -> None:
    cloud = start_cloud(profile="otc", users=1)
    user = cloud.cloud.user(cloud.describe()["users"][0]["user_id"])
    engine.RequestHandlerClass.sealed_from = 1
    job = new_job()
    enrol(job, cloud, engine)
    assert job.status == "failed"
    assert (user.counters.creates, user.counters.binds) == (1, 0)
    assert cloud.cloud.counters.protects == 0

    engine.RequestHandlerClass.sealed_from = None
    again = new_job()
    enrol(again, cloud, engine)
    assert again.status == "successful", again.output
    assert (user.counters.creates, user.counters.deletes, user.counters.binds) == (2, 1, 1)
    (versions,) = engine.secrets.values()
    assert versions[-1]["entries"][user.id]["seed"] == user.device.seed


def test_secret_that_was_deleted_is_not_taken_for_an_empty_store(
    engine: Any, new_job: Callable[[], Job], start_cloud: Callable[..., Any]
) -> None:
    cloud = start_cloud(profile="otc", users=1)
    enrol(new_job(), cloud, engine)
    (versions,) = engine.secrets.values()
    kept = list(versions)
    versions.append(None)
    job = new_job()
    enrol(job, cloud, engine)
    assert job.status == "failed"
    assert "The secret of acme is deleted: undelete it (kv undelete)." in job.output
    assert versions == [*kept, None]
    assert cloud.cloud.counters.creates == 1
    # What others answer with a 404 tells nothing of the secret.
    engine.url = engine.url.replace("/v1/", "/proxy/v1/")
    engine.RequestHandlerClass.do_GET = lambda self: self.answer(404, {"errors": ["no handler for route"]})
    elsewhere = new_job()
    enrol(elsewhere, cloud, engine)
    assert elsewhere.status == "failed"
    assert "check seed_store_url" in elsewhere.output
    assert cloud.cloud.counters.creates == 1


def test_guide_shows_the_very_file() -> None:
    guide = "".join(path.read_text(encoding="utf-8") for path in (CHECKOUT / "docs" / "docsite" / "rst").glob("guide_*.rst"))
    blocks = re.findall(r"\.\. code-block:: yaml\n\n((?:    .*\n|\n)+)", guide)
    text = EXAMPLE.read_text(encoding="utf-8")
    tasks = text[text.index("- name:") :]
    assert tasks in [textwrap.dedent(block).rstrip("\n") + "\n" for block in blocks]
