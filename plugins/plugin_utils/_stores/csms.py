# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Seeds in Huawei Cloud's secret management service (CSMS)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._auth.access_key import SignatureAuth
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.listing import marked_pages
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import legible
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.transport import Http, Session, path_of
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.csms_options import CsmsOptions
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.kv_store import LOCK, KvStore
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.secrets_service import Conflict, Secret, SecretsService
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.store import StoreError

_PAGE_SIZE = 100
"""Secrets to ask for at once. An answer may hold fewer."""

_ABSENT = ("CSMS.0005", "CSMS.0106")
"""The service says 400, and not 404, of a secret that is not there (docs/dev/cloud_api.md, section 9)."""

_PENDING = ("CSMS.0103", "CSMS.0107")
"""The secret is scheduled for deletion, and cannot be read until that is cancelled."""

_TRIES = 3
"""How often a write is tried whose answer was lost, and of which a read shows that it was not carried out."""

_CHASES = 10  # equivalent: any number will do that writers who meet by chance never need
"""How often to look again where a secret moves on between the listing and the reading."""

_PLAIN = re.compile(r"[a-z0-9_-]{1,32}", re.ASCII)
_DESCRIPTION = "Seeds of virtual MFA devices, kept by the Ansible collection hwc.mfa."


class _Pending(StoreError):
    """The secret is scheduled for deletion."""


class Csms(KvStore):
    """The secrets ``<path>.<account>.000001`` and so on."""

    def __init__(self, options: CsmsOptions, account: str) -> None:
        try:
            path = (options.path, secret_name(account))
        except ValueError as error:
            raise StoreError(str(error)) from None
        super().__init__(CsmsSecrets(options), path, account)


def secret_name(account: str) -> str:
    """An account's name in names of secrets, which are letters, digits and ``_-.`` and short. Raises ValueError with a sentence.

    Other names, and those with capital letters, get a part of their hash, behind a dot that plain names cannot have.
    """
    if _PLAIN.fullmatch(account):
        return account
    if not account.strip():
        raise ValueError("account must not be empty.")
    try:
        digest = hashlib.sha256(account.encode("utf-8")).hexdigest()[:16]
    except UnicodeEncodeError:
        raise ValueError("account holds a code that is no character.") from None
    readable = re.sub(r"[^a-z0-9_-]+", "-", account.lower(), flags=re.ASCII).strip("-")[:15]
    return f"{readable}.{digest}"


class CsmsSecrets(SecretsService):
    """The secrets of one project.

    The service has no check-and-set: a secret can be created where there is none, and any version of it replaced unseen. So each secret is
    created once. The lock, which changes, is a row of secrets with numbers: to write the next is to create it, which succeeds once, and the
    highest one counts.
    """

    largest_page = 20_000
    """A secret holds 32 KiB, names of users' ids among them."""

    most_strings = 1_000_000  # equivalent: no bound is known, and the size comes first

    spares_pages = True
    """A project has room for 500 secrets unless its quota was raised, and each costs."""

    def __init__(self, options: CsmsOptions) -> None:
        self._options = options
        self._http = Http(options.http)
        auth = SignatureAuth(options.key, self._http.clock(options.url).now, project_id=options.project_id)
        self._session = Session(self._http, options.url, auth, "endpoint")
        self._host = options.url.partition("://")[2]

    def now(self) -> float:
        return self._session.clock.now()

    def close(self) -> None:
        self._http.close()

    def named(self, *path: str) -> str:
        return f"secret {self._placed(_joined(path))}"

    def named_at(self, version: int, *path: str) -> str:
        return self._placed(_numbered(path, version) if path[-1] == LOCK else _joined(path))

    def _placed(self, name: str) -> str:
        return f"{name} of project {self._options.project_id} at {self._host}"

    def names(self, *path: str) -> list[str]:
        start = f"{_joined(path)}."
        return sorted({name[len(start) :] for name in self._all() if name.startswith(start)})

    def get(self, *path: str) -> Secret:
        if path[-1] != LOCK:
            data = self._read(_joined(path))
            return Secret(data, 0 if data is None else 1)
        for _chase in range(_CHASES):
            newest = max(self._numbers(path), default=0)
            if newest == 0:
                return Secret(None, 0)
            try:
                data = self._read(_numbered(path, newest))
            except _Pending:
                # Whoever frees a lock may have its deletion scheduled. Its number is taken until then.
                return Secret(None, newest)
            if data is not None:
                return Secret(data, newest)
            # Whoever has written the next has deleted it.
        raise StoreError(f"others keep writing to {self.named(*path)}: run again when they have ended.")

    def put(self, data: Mapping[str, Any], version: int, *path: str) -> None:
        if path[-1] != LOCK:
            self._create(_joined(path), data)
            return
        own = version + 1
        self._create(_numbered(path, own), data)
        numbers = self._numbers(path)
        if any(number > own for number in numbers):
            # What was read has long been replaced, and the number become free again.
            self._delete(_numbered(path, own))
            raise Conflict
        for number in numbers:
            if number < own:
                self._delete(_numbered(path, number))

    def delete(self, *path: str) -> None:
        self._delete(_joined(path))

    def _all(self) -> list[str]:
        """The names of all secrets of the project."""
        path = path_of("v1", self._options.project_id, "secrets")
        chases = 0
        while True:
            try:
                pages = list(marked_pages(self._session, path, "secrets", [], "name", limit=_PAGE_SIZE))
                return [str(secret["name"]) for page in pages for secret in page]
            except CloudError as error:
                # Where others delete the secret at which a page begins, it is not said what comes. Asked again, it has ended.
                chases += 1
                if error.status != 200 or chases == _CHASES:
                    raise self._explained(error, f"list the secrets of project {self._options.project_id}") from None

    def _numbers(self, path: tuple[str, ...]) -> list[int]:
        start = f"{_joined(path)}."
        rests = [name[len(start) :] for name in self._all() if name.startswith(start)]
        return [int(rest) for rest in rests if rest.isascii() and rest.isdigit()]

    def _read(self, name: str) -> Mapping[str, Any] | None:
        """What a secret holds, or None where there is none."""
        try:
            reply = self._session.read("GET", path_of("v1", self._options.project_id, "secrets", name, "versions", "latest"))
            text = reply.field("version", "secret_string")
        except CloudError as error:
            if _is_absent(error):
                return None
            if _is_pending(error):
                raise _Pending(f"secret {name} is scheduled for deletion: cancel that in the console, since seeds must stay.") from None
            raise self._explained(error, f"read secret {name}") from None
        try:
            document = json.loads(text)
        except (ValueError, TypeError, RecursionError):
            document = None
        if not isinstance(document, dict):
            raise self._strange(f"secret {name}")
        return document

    def _create(self, name: str, data: Mapping[str, Any]) -> None:
        """Create a secret, or raise Conflict where there is one. A write whose answer was lost is followed by a read."""
        optional = {"kms_key_id": self._options.kms_key_id, "enterprise_project_id": self._options.enterprise_project_id}
        body = {
            "name": name,
            "secret_string": json.dumps(data, separators=(",", ":")),
            "description": _DESCRIPTION,
            **{option: value for option, value in optional.items() if value},
        }
        for attempt in range(_TRIES):
            try:
                self._session.write("POST", path_of("v1", self._options.project_id, "secrets"), body=body)
                return
            except CloudError as error:
                # Which refusal says that there is such a secret is not documented, so a read tells.
                if not error.uncertain and error.status not in (400, 409):
                    raise self._explained(error, f"write secret {name}") from None
                found = self._read(name)
                if found is None:
                    if not error.uncertain or attempt == _TRIES - 1:
                        raise self._explained(error, f"write secret {name}") from None
                    continue
                if found == data and (attempt > 0 or error.uncertain):
                    return
                raise Conflict from None

    def _delete(self, name: str) -> None:
        """Delete a secret. It is deleted at once, and one that is gone already, or is scheduled to go, is no error."""
        for attempt in range(_TRIES):
            try:
                self._session.write("DELETE", path_of("v1", self._options.project_id, "secrets", name))
                return
            except CloudError as error:
                if _is_absent(error) or _is_pending(error) or (error.uncertain and self._read(name) is None):
                    return
                if not error.uncertain or attempt == _TRIES - 1:
                    raise self._explained(error, f"delete secret {name}") from None

    def _explained(self, error: CloudError, what: str) -> StoreError:
        """What went wrong and what to do about it, in a sentence that holds no secret."""
        error.call = ""
        advice = ""
        if error.status == 403:
            advice = " Give the access key csms:secret:list, create and delete and csms:secretVersion:get, and check project_id."
        elif error.status == 400 and "quota" in error.message.lower():
            advice = " Have the project's quota of secrets raised, or give fewer accounts this project."
        return StoreError(f"cannot {legible(what, 300)} at {self._host}: {error}{advice}")

    def _strange(self, what: str) -> StoreError:
        return StoreError(f"{self._host} answered for {what} as the secret management service never does: is endpoint right?")


def _is_absent(error: CloudError) -> bool:
    # A gateway says 404 of a call that it does not know, which is no word about a secret.
    own = error.status == 404 and str(error.code).startswith("CSMS.")
    return own or any(error.has_code(code) for code in _ABSENT)


def _is_pending(error: CloudError) -> bool:
    return any(error.has_code(code) for code in _PENDING)


def _joined(path: tuple[str, ...]) -> str:
    return ".".join(name.lstrip(".") for name in path)


def _numbered(path: tuple[str, ...], number: int) -> str:
    return f"{_joined(path)}.{number}"
