# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Keystone with an account and its users, and the collection's ways to it."""

from __future__ import annotations

import base64
import configparser
import json
import os
import secrets
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable
from urllib.parse import urlsplit

import pytest
import requests
from ansible_collections.hwc.mfa.plugins.module_utils._auth import base
from ansible_collections.hwc.mfa.plugins.module_utils._auth.password import Password, PasswordAuth
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.iam import Iam
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.totp import STEP, seconds_until_safe, totp
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.transport import Http, HttpSettings, Session

SERVER = Path(__file__).with_name("serve_keystone.py")
START_SECONDS = 60
ACCOUNT = "acme-berlin"


@dataclass(frozen=True)
class User:
    """A user of Keystone; ``seed`` is that of their codes, if their login wants any."""

    id: str
    name: str
    password: str = field(repr=False)
    seed: str = field(default="", repr=False)


class Keystone:
    """Keystone's database and keys in a folder, and the servers that share them, each with settings of its own."""

    locked_after = 3
    """Wrong passwords in a row."""

    short_page = 2
    """Users."""

    short_token = 3
    """Seconds."""

    def __init__(self, folder: Path) -> None:
        python = os.environ.get("PEERS_PYTHON")
        assert python, "PEERS_PYTHON must name the Python of an environment that holds Keystone: run make test-peers"
        self._folder = folder
        self._python = python
        self._servers: list[subprocess.Popen[str]] = []
        self._settings = {
            "auth": {"methods": "password,totp,token"},
            "cache": {"enabled": "true", "backend": "oslo_cache.dict"},
            "credential": {"key_repository": str(folder / "credential-keys")},
            "database": {"connection": f"sqlite:///{folder}/keystone.db"},
            "fernet_receipts": {"key_repository": str(folder / "receipt-keys")},
            "fernet_tokens": {"key_repository": str(folder / "token-keys")},
            "identity": {"password_hash_rounds": "4"},
            "security_compliance": {"lockout_failure_attempts": str(self.locked_after), "lockout_duration": "1800"},
            "token": {"provider": "fernet"},
        }
        self.admin_password = secrets.token_hex(16)

    def set_up(self) -> None:
        """Make the database, the keys and an administrator."""
        config = self._configure("manage", {})
        own_files = ("--keystone-user", "root", "--keystone-group", "root") if os.geteuid() == 0 else ()
        # At once, since each spends its time on its imports. The keys of receipts come with those of tokens.
        parts = [("db_sync",), ("fernet_setup", *own_files), ("credential_setup", *own_files)]
        with ThreadPoolExecutor(len(parts)) as pool:
            list(pool.map(lambda words: self._manage(config, *words), parts))
        self._manage(config, "bootstrap")

    def _manage(self, config: Path, *words: str) -> None:
        program = Path(self._python).with_name("keystone-manage")
        done = subprocess.run(
            [program, "--config-file", config, *words],
            env={**self._environment(), "OS_BOOTSTRAP_PASSWORD": self.admin_password},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"keystone-manage {words[0]}: {done.stdout[-2000:]}"

    def _configure(self, name: str, settings: dict[str, dict[str, str]]) -> Path:
        path = self._folder / f"{name}.conf"
        parser = configparser.RawConfigParser()
        for section in self._settings.keys() | settings.keys():
            parser[section] = {**self._settings.get(section, {}), **settings.get(section, {})}
        with path.open("w", encoding="utf-8") as stream:
            parser.write(stream)
        return path

    def _environment(self) -> dict[str, str]:
        # Nothing of the tests' own: Keystone too reads variables that begin with OS_.
        return {"HOME": str(self._folder), "LC_ALL": "C.UTF-8", "PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1"}

    def serve(self, name: str, settings: dict[str, dict[str, str]]) -> str:
        """Start a server, wait until it answers, and give its address."""
        log = self._folder / f"{name}.log"
        with log.open("w", encoding="utf-8") as stream:
            server = subprocess.Popen(
                [self._python, SERVER, self._configure(name, settings)],
                cwd=self._folder,
                env=self._environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stream,
                text=True,
            )
        self._servers.append(server)
        limit = threading.Timer(START_SECONDS, server.kill)
        limit.start()
        try:
            assert server.stdout is not None
            words = server.stdout.readline().split()
        finally:
            limit.cancel()
        assert words[:1] == ["port"], f"Keystone did not start: {log.read_text(encoding='utf-8')[-2000:]}"
        return f"http://127.0.0.1:{words[1]}"

    def end(self) -> None:
        """End every server."""
        for server in self._servers:
            server.kill()
            server.communicate()


class Account:
    """An account with users, made through Keystone's own API."""

    def __init__(self, url: str, admin_password: str) -> None:
        self.url = url
        self._http = requests.Session()
        self._http.trust_env = False
        self._log_in(admin_password)
        self.id = self.call("POST", "/v3/domains", {"domain": {"name": ACCOUNT}})["domain"]["id"]
        roles = self.call("GET", "/v3/roles?name=reader")["roles"]
        self._reader = roles[0]["id"]
        self.users: dict[str, str] = {}

    def _log_in(self, password: str) -> None:
        who = {"name": "admin", "domain": {"id": "default"}, "password": password}
        scope = {"project": {"name": "admin", "domain": {"id": "default"}}}
        body = {"auth": {"identity": {"methods": ["password"], "password": {"user": who}}, "scope": scope}}
        answer = self._http.post(f"{self.url}/v3/auth/tokens", json=body, timeout=START_SECONDS)
        assert answer.status_code == 201, answer.text
        self.token = answer.headers["X-Subject-Token"]
        self._http.headers["X-Auth-Token"] = self.token

    def call(self, method: str, path: str, body: dict[str, Any] | None = None, **headers: str) -> Any:
        """Call the API as the administrator; anything but a success fails the test."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self._http.request(method, self.url + path, json=body, headers=named, timeout=START_SECONDS)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def add(self, name: str, rules: list[list[str]] | None = None, enabled: bool = True) -> User:
        """A user who may read the account; with ``rules`` they have a seed, and their login follows them."""
        password = secrets.token_urlsafe(16)
        made = {"name": name, "domain_id": self.id, "password": password, "enabled": enabled}
        user_id = self.call("POST", "/v3/users", {"user": made})["user"]["id"]
        self.call("PUT", f"/v3/domains/{self.id}/users/{user_id}/roles/{self._reader}")
        seed = ""
        if rules:
            seed = base64.b32encode(secrets.token_bytes(20)).decode()
            self.call("POST", "/v3/credentials", {"credential": {"type": "totp", "user_id": user_id, "blob": seed}})
            options = {"multi_factor_auth_enabled": True, "multi_factor_auth_rules": rules}
            self.call("PATCH", f"/v3/users/{user_id}", {"user": {"options": options}})
        self.users[user_id] = name
        return User(user_id, name, password, seed)

    def revoke(self, token: str) -> None:
        """End a token before its time."""
        self.call("DELETE", "/v3/auth/tokens", X_Subject_Token=token)


@dataclass(frozen=True)
class Exchange:
    """A request's method and path, and its answer."""

    call: str
    headers: Any
    text: str

    def json(self) -> Any:
        """The answer's document."""
        return json.loads(self.text)


class Watched(Http):
    """HTTP that keeps each answer."""

    def __init__(self) -> None:
        super().__init__(HttpSettings(retries=2))
        self.answers: list[Exchange] = []

    def send(self, method: str, url: str, *more: Any) -> Any:
        answer = super().send(method, url, *more)
        self.answers.append(Exchange(f"{method} {urlsplit(url).path}", answer.headers, answer.content.decode()))
        return answer


class Client:
    """The collection's way to one server, for one test."""

    def __init__(self, url: str) -> None:
        self.http = Watched()
        self.session = Session(self.http, url)

    @property
    def answers(self) -> list[Exchange]:
        """All answers so far."""
        return self.http.answers

    def calls(self) -> list[str]:
        """Method and path of all calls so far."""
        return [answer.call for answer in self.answers]

    def code(self, user: User, windows_ago: int = 0) -> str:
        """The code that the user's device shows, or did, on the server's clock, at a moment when it is sure to arrive in the same window."""
        clock = self.session.clock
        if not clock.known:
            self.session.read("GET", "/v3")
            self.answers.clear()
        time.sleep(seconds_until_safe(clock.now(), clock.uncertainty))
        return totp(user.seed, clock.now() - STEP * windows_ago)

    def login(self, user: User, scope: str | None = ACCOUNT, **changes: Any) -> PasswordAuth:
        """A login with a user's password, by id unless ``changes`` say more."""
        password = Password(**{"password": user.password, "user_id": user.id, **changes})
        return PasswordAuth(password, self.session, lambda: base.Account(scope))

    def iam(self, auth: Any) -> Iam:
        """IAM with an identity."""
        return Iam(self.session.acting_as(auth))


@pytest.fixture(scope="session")
def keystone() -> Iterator[Keystone]:
    """Keystone, set up; all its files are in a folder that is its own and goes with it."""
    with tempfile.TemporaryDirectory(prefix="keystone-") as folder:
        made = Keystone(Path(folder))
        try:
            made.set_up()
            yield made
        finally:
            made.end()


@pytest.fixture(scope="session")
def url(keystone: Keystone) -> str:
    """The address of a server."""
    return keystone.serve("main", {})


@pytest.fixture(scope="session")
def short_url(keystone: Keystone) -> str:
    """The address of another server of the same account, with short pages and short tokens."""
    settings = {"identity": {"list_limit": str(keystone.short_page)}, "token": {"expiration": str(keystone.short_token)}}
    return keystone.serve("short", settings)


@pytest.fixture(scope="session")
def account(keystone: Keystone, url: str) -> Account:
    """The account."""
    return Account(url, keystone.admin_password)


@pytest.fixture(scope="session")
def alice(account: Account) -> User:
    """A user for whom a password is enough."""
    return account.add("alice")


@pytest.fixture(scope="session")
def toni(account: Account) -> User:
    """A user whose login wants a code."""
    return account.add("toni", [["password", "totp"]])


@pytest.fixture
def passers_by(account: Account) -> Callable[..., User]:
    """Adds users who fail, each their own: too many failures lock a user."""
    return lambda **settings: account.add(f"passer-by-{len(account.users)}", **settings)


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    """The collection's way to the server."""
    made = Client(url)
    yield made
    made.http.close()


@pytest.fixture
def short_client(short_url: str) -> Iterator[Client]:
    """The collection's way to the server with short pages and short tokens."""
    made = Client(short_url)
    yield made
    made.http.close()
