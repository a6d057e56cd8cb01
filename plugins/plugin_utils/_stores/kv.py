# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets in a KV engine, version 2, of HashiCorp Vault or OpenBao: read, list, and write by check-and-set. Knows nothing of seeds."""

from __future__ import annotations

import json
import threading
from collections.abc import Collection, Mapping
from typing import Any, Callable

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import legible
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.transport import Http, Reply, Session, path_of
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.kv_options import KvOptions
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.secrets_service import Conflict, Secret, SecretsService
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.store import StoreError

_LONGEST_MESSAGE = 300
"""Characters of what the server says that are repeated."""

_WRITES = 3
"""How often a write is tried whose answer was lost, and of which a read shows that it was not carried out."""


class _Session(Session):
    """Calls whose refusals are those of Vault: ``{"errors": ["..."]}``."""

    region = ""

    def _refusal(self, response: Any, call: str, read: bool) -> CloudError:
        error = super()._refusal(response, call, read)
        try:
            document = json.loads(response.content.decode("utf-8"))
            errors = document.get("errors") if isinstance(document, dict) else None
        except (ValueError, RecursionError):
            errors, document = None, None
        if isinstance(errors, list) and all(isinstance(each, str) for each in errors):
            error.message = legible("; ".join(errors), _LONGEST_MESSAGE) or f"it answered {response.status_code}"
            error.foreign = False
        error.document = document  # type: ignore[attr-defined]
        if error.status == 429:
            error.hint = "Run again later, or raise the quota of requests."
        return error


class _Token:
    """What signs a call: the token and the namespace. Logs in when a token is needed first."""

    def __init__(self, options: KvOptions, login: Callable[[], str]) -> None:
        self._options = options
        self._login = login
        self._lock = threading.Lock()
        self._token: str | None = options.token or None
        self._logs_in = self._token is None

    def prepare(self) -> str:
        """The token."""
        with self._lock:
            if self._token is None:
                self._token = self._login()
            return self._token

    def renew(self, _seen: Any, _refusal: CloudError) -> bool:
        """Whether another login may help: the server says 403 where others say 401, so that is decided in ``KeyValue``."""
        return False

    def forget(self, seen: str) -> bool:
        """Log in anew next time, where ``seen`` was the token of a login. Whether that may help."""
        with self._lock:
            if not self._logs_in:
                return False
            if self._token == seen:
                self._token = None
            return True

    def made(self) -> bool:
        """Whether there is a token at hand that a login has given."""
        with self._lock:
            return self._logs_in and self._token is not None

    def __call__(self, request: Any) -> Any:
        request.headers["X-Vault-Token"] = self.prepare()
        return _in_namespace(self._options, request)


def _in_namespace(options: KvOptions, request: Any) -> Any:
    if options.namespace:
        request.headers["X-Vault-Namespace"] = options.namespace
    request.headers["X-Vault-Request"] = "true"
    return request


class _NoToken:
    """What a login carries."""

    def __init__(self, options: KvOptions) -> None:
        self._options = options

    def prepare(self) -> None:
        """Nothing is needed."""

    def renew(self, _seen: Any, _refusal: CloudError) -> bool:
        """Never."""
        return False

    def __call__(self, request: Any) -> Any:
        return _in_namespace(self._options, request)


class KeyValue(SecretsService):
    """The secrets of one engine."""

    largest_page = 200_000
    """Consul keeps up to 512 KiB under one key, and Raft 1 MiB, of what is encrypted and encoded."""

    most_strings = 800
    """OpenBao takes requests of up to 1000 (max_request_json_strings)."""

    tells_rights = True

    def __init__(self, options: KvOptions) -> None:
        self._options = options
        self._http = Http(options.http)
        nobody = _Session(self._http, options.url, _NoToken(options), options.option)
        self._auth = _Token(options, lambda: self._log_in(nobody))
        self._session = _Session(self._http, options.url, self._auth, options.option)
        self._host = options.url.partition("://")[2]
        self._mount = options.mount.split("/")
        self._engine_known = False

    def now(self) -> float:
        return self._session.clock.now()

    def close(self) -> None:
        """Give back the token of a login, and close all connections."""
        try:
            # A login that was refused is not tried again, only to be given back.
            if self._auth.made():
                self._session.write("POST", "/v1/auth/token/revoke-self")
        except CloudError:
            pass  # it ends by itself
        finally:
            self._http.close()

    def named(self, *path: str) -> str:
        return "/".join([self._options.url, self._options.mount, *path])

    def names(self, *path: str) -> list[str]:
        self._demand_engine()
        try:
            reply = self._call(lambda: self._session.read("GET", self._at("metadata", path), [("list", "true")]))
        except CloudError as error:
            if _is_absent(error):
                return []
            raise self._explained(error, "list", path) from None
        keys = _data(reply).get("keys")
        if not isinstance(keys, list):
            raise self._strange(path)
        return [str(key) for key in keys if not str(key).endswith("/")]

    def get(self, *path: str) -> Secret:
        self._demand_engine()
        try:
            reply = self._call(lambda: self._session.read("GET", self._at("data", path)))
            document = reply.document
        except CloudError as error:
            document = getattr(error, "document", None)
            if error.status != 404 or not isinstance(document, dict):
                raise self._explained(error, "read", path) from None
            if not isinstance(document.get("data"), dict):
                if _is_absent(error):
                    return Secret(None, 0)
                raise self._explained(error, "read", path) from None
        return self._secret(document, path)

    def _secret(self, document: Any, path: tuple[str, ...]) -> Secret:
        try:
            data, version = document["data"]["data"], document["data"]["metadata"]["version"]
        except (KeyError, TypeError):
            raise self._strange(path) from None
        if not isinstance(data, (dict, type(None))) or not isinstance(version, int):
            raise self._strange(path)
        return Secret(data, version)

    def put(self, data: Mapping[str, Any], version: int, *path: str) -> None:
        self._demand_engine()
        body = {"data": dict(data), "options": {"cas": version}}
        lost: CloudError | None = None
        for attempt in range(_WRITES):
            try:
                reply = self._call(lambda: self._session.write("POST", self._at("data", path), body=body))
            except CloudError as error:
                refused = error.status == 400 and "check-and-set" in error.message
                if not refused and not error.uncertain:
                    raise self._explained(error, "write", path) from None
                # A write that came to nothing, as it seemed, may have been carried out while it was sent again.
                found = self.get(*path) if lost is not None or not refused else None
                if found is not None and found.version == version + 1 and found.data == data:
                    return
                if found is None or found.version != version:
                    raise Conflict from None
                if attempt == _WRITES - 1:
                    raise self._explained(error, "write", path) from None
                lost = error
            else:
                self._check_written(reply, version, path)
                return

    def demand_rights(self, rights: Mapping[tuple[str, ...], Collection[str]]) -> None:
        places = {path: "/".join([self._options.mount, "data", *path]) for path in rights}
        try:
            # The default policy of a token allows that. It changes nothing.
            reply = self._call(lambda: self._session.write("POST", "/v1/sys/capabilities-self", body={"paths": list(places.values())}))
        except CloudError:
            return
        for path, needed in rights.items():
            told = _data(reply).get(places[path])
            if isinstance(told, list) and "root" not in told and not set(needed) <= set(map(str, told)):
                raise StoreError(self._refused("write", path))

    def _check_written(self, reply: Reply, version: int, path: tuple[str, ...]) -> None:
        written = _data(reply)
        if written.get("version") != version + 1:
            raise self._strange(path)
        if written.get("deletion_time"):
            raise StoreError(
                f"{self._named(path)} was written, and {self._host} will delete it at {legible(written['deletion_time'], 40)}: set"
                f" delete_version_after of the engine {self._options.mount} to 0s, since seeds must stay."
            )

    def _demand_engine(self) -> None:
        """Refuse an engine of version 1, which knows no check-and-set and would overwrite what is stored."""
        if self._engine_known:
            return
        path = path_of("v1", "sys", "internal", "ui", "mounts", *self._mount)
        try:
            reply = self._call(lambda: self._session.read("GET", path))
        except CloudError as error:
            if error.status == 403 and "preflight" in error.message:
                raise StoreError(
                    f"{self._host} shows no secrets engine at {self._options.mount}: either there is none (option engine_mount_point, or"
                    " namespace), or no policy of the token names a path in it."
                ) from None
            raise self._explained(error, "read", ()) from None
        engine = _data(reply)
        if "type" not in engine:
            raise self._strange(())
        options = engine.get("options")
        if engine["type"] != "kv" or not isinstance(options, dict) or options.get("version") != "2":
            raise StoreError(
                f"the secrets engine {self._options.mount} of {self._host} is no KV engine of version 2, which alone can refuse to overwrite:"
                " name another one (option engine_mount_point), or upgrade it (kv enable-versioning)."
            )
        self._engine_known = True

    def _call(self, call: Callable[[], Reply]) -> Reply:
        """Make a call, and once more with another token where that of a login has ended meanwhile."""
        token = self._auth.prepare()
        try:
            return call()
        except CloudError as error:
            if error.status != 403 or not self._auth.forget(token):
                raise
        return call()

    def _log_in(self, session: Session) -> str:
        options = self._options
        where = path_of("v1", "auth", *options.login_mount.split("/"), "login")
        try:
            reply = session.write("POST", where, body=dict(options.login))
            return str(reply.field("auth", "client_token"))
        except CloudError as error:
            if error.status in (400, 403) and "sealed" not in error.message:
                raise StoreError(
                    f"{self._host} refused the login by {options.auth_method} at auth/{options.login_mount} ({error.message}): check"
                    f" {' and '.join(options.login_names)}, and mount_point and namespace."
                ) from None
            raise self._explained(error, "login", ()) from None

    def _explained(self, error: CloudError, verb: str, path: tuple[str, ...]) -> StoreError:
        """What went wrong and what to do about it, in a sentence that holds no secret."""
        if error.status == 503 and "sealed" in error.message:
            return StoreError(f"{self._host} is sealed: unseal it, and run again.")
        if error.status == 403:
            return StoreError(self._refused(verb, path))
        if error.status == 404 and "no handler" in error.message:
            what = (
                f"auth/{self._options.login_mount} (option mount_point"
                if verb == "login"
                else f"{self._options.mount} (option engine_mount_point"
            )
            return StoreError(f"{self._host} has nothing at {what}, or namespace).")
        if error.status == 413:
            return StoreError(f"{self._host} takes no request of this size: raise max_request_size of its listener.")
        if error.call:
            error.call = ""
        return StoreError(f"cannot {'log in' if verb == 'login' else f'{verb} {self._named(path)}'} at {self._host}: {error}")

    def _refused(self, verb: str, path: tuple[str, ...]) -> str:
        try:
            self._session.read("GET", "/v1/auth/token/lookup-self")
        except CloudError as error:
            if error.status == 403:
                return (
                    f"{self._host} does not know the token, or it has expired, or may not look at itself: give a fresh one (option token, or"
                    f" {self._options.token_variable}), and check namespace. It was to {verb} {self._named(path)}."
                )
        kind, capabilities = ("metadata", "list") if verb == "list" else ("data", "create, update and read")
        shown = "/".join([self._options.mount, kind, *path])
        return (
            f"{self._host} denies this token to {verb} {self._named(path)}: give it a policy that allows {capabilities} on"
            f" {legible(shown, 400)}."
        )

    def _strange(self, path: tuple[str, ...]) -> StoreError:
        return StoreError(
            f"{self._host} answered for {self._named(path)} as no KV engine of version 2 does: is {self._options.option} right?"
        )

    def _named(self, path: tuple[str, ...]) -> str:
        return legible("/".join([self._options.mount, *path]), 400)

    def _at(self, kind: str, path: tuple[str, ...]) -> str:
        return path_of("v1", *self._mount, kind, *path)


def _data(reply: Reply) -> dict[str, Any]:
    """What an answer is about; empty where it has another form."""
    data = reply.document.get("data") if isinstance(reply.document, dict) else None
    return data if isinstance(data, dict) else {}


def _is_absent(error: CloudError) -> bool:
    """Whether a 404 says that there is no such secret, and not that there is no such engine."""
    document = getattr(error, "document", None)
    return error.status == 404 and isinstance(document, dict) and document.get("errors") == []
