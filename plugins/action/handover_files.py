# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import legible
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.totp import seed_text
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.control_node import ControlNodeAction, WorkError
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.files import (
    create_file,
    directory_at,
    make_directory,
    probe_directory,
    read_file,
    replace_file,
)
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.in_process import task_environment
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.inventory_places import misplaced_in
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.plain import opened
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.vault_password import as_vault_takes
from ansible_collections.hwc.mfa.plugins.plugin_utils._handover.choice import Choice, Handover, HandoverError, chosen, wanted_in
from ansible_collections.hwc.mfa.plugins.plugin_utils._handover.formats import FORMATS, KEEPASS, Encryption, HandoverFile, files_of
from ansible_collections.hwc.mfa.plugins.plugin_utils._handover.otpauth import label_text
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.input import audit_in
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import PlanError
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.chosen import STORE_SPEC, chosen_store
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.store import Contents, Seeds, StoreError, check_account, seeds_of

_PASSWORDS = ("handover_password", "keepass_password")

_SHOWN = 3


class ActionModule(ControlNodeAction):
    """Writes what users and password managers are handed, encrypted."""

    spec: Mapping[str, Mapping[str, Any]] = {
        **STORE_SPEC,
        "account": {"type": "str", "required": True},
        "account_id": {"type": "str"},
        "entries": {"type": "raw", "no_log": True},
        "audit": {"type": "raw"},
        "users": {"type": "raw", "required": True},
        "destination": {"type": "path", "required": True},
        "formats": {"type": "list", "elements": "str", "choices": list(FORMATS), "default": ["sheet"]},
        "handover_password": {"type": "str", "required": True, "no_log": True},
        "keepass_password": {"type": "str", "no_log": True},
        "issuer": {"type": "str", "default": "Huawei Cloud"},
        "login_url": {"type": "str"},
        "overwrite": {"type": "bool", "default": False},
        "persistent": {"type": "bool", "default": False},
    }

    _env: Mapping[str, str] = {}

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        # Options of the store can be variables of the environment, and requests looks for proxies there.
        with task_environment(self) as self._env:
            return super().run(tmp, task_vars)

    def work(self, params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
        missing: list[HandoverFile] = []
        written = 0
        try:
            directory = self._destination(params)
            encryption = _encryption(params)
            if not params["formats"]:
                raise WorkError(f"formats, for the role mfa_handover_formats, must not be empty: give some of {', '.join(FORMATS)}.")
            if not label_text(params["issuer"]).strip():
                raise WorkError(
                    "issuer, for the role mfa_handover_issuer, must not be empty: an authenticator app shows it above the code."
                )
            for name in params["formats"]:
                FORMATS[name].library()
            wanted = wanted_in(params["users"])
            choice = self._choice(params, wanted)
            handovers = [_handover(params, choice, user_id) for user_id in choice.seeds]
            alone = wanted is not None and len(wanted) == 1
            files = files_of(directory, params["account"], handovers, params["formats"], alone)
            missing = _missing(files, encryption, params["overwrite"])
            for folder in dict.fromkeys(file.path.parent for file in missing):
                (probe_directory if check_mode else make_directory)(folder)
            if not check_mode:
                for file in missing:
                    (replace_file if params["overwrite"] else create_file)(file.path, encryption.content(file))
                    written += 1
        except StoreError as error:
            raise WorkError(f"The seed store: {error}") from None
        except HandoverError as error:
            raise WorkError(f"{legible(params['account'], 80)}: {error}") from None
        except ValueError as error:
            raise WorkError(str(error)) from None
        except FileExistsError as error:
            text = f"{error.filename2 or error.filename} was made by somebody else meanwhile: run again."
            raise WorkError(text, written, len(missing)) from None
        except OSError as error:
            text = f"{error.filename2 or error.filename or directory} cannot be written: {error.strerror}."
            raise WorkError(text, written, len(missing)) from None
        return {
            "changed": bool(missing),
            "files": [str(file.path) for file in files],
            "users": [{"user_id": each.user_id, "name": each.name} for each in handovers],
            "left_out": [
                {"user_id": user_id, "name": choice.names[user_id], "reason": reason} for user_id, reason in choice.left_out.items()
            ],
        }

    def _destination(self, params: Mapping[str, Any]) -> Path:
        """The directory of the files. Raises ValueError, WorkError where they would be read or lost there."""
        cause = misplaced_in(self._play, "destination", str(params["destination"]))
        if cause is not None:
            raise WorkError(cause)
        if ("awx_job_id" in self._play or "tower_job_id" in self._play) and not params["persistent"]:
            raise WorkError(
                "The disk of an AWX job goes away with the job, and with it the files. Set persistent=true, which for the role is"
                " mfa_handover_persistent, if destination is a mount that stays, or run the hand-over where people work."
            )
        return directory_at(params["destination"])

    def _choice(self, params: Mapping[str, Any], wanted: list[str] | None) -> Choice:
        try:
            users = None if params["audit"] is None else audit_in(params["audit"])["users"]
        except PlanError as error:
            raise WorkError(str(error)) from None
        return chosen(wanted, self._stored(params), users)

    def _stored(self, params: Mapping[str, Any]) -> Seeds:
        entries = _opened_entries(params["entries"])
        if entries is not None:
            return {str(user_id): seeds_of(entry) for user_id, entry in entries.items()}
        store = chosen_store(params, params["account"], self._env)
        try:
            contents: Contents = store.read()
        finally:
            store.close()
        check_account(contents.account_id, params["account_id"], params["account"])
        return contents.all_newest_first()


def _opened_entries(value: Any) -> Mapping[str, Any] | None:
    """What an operator's own store gives, which may be packed, or None where there is none. Raises WorkError for anything else."""
    try:
        found = opened(value)
    except ValueError:
        found = False
    if found is not None and not isinstance(found, Mapping):
        raise WorkError("entries must be a mapping from user id to serial_number, seed and name.")
    return found


def _encryption(params: Mapping[str, Any]) -> Encryption:
    passwords = {name: str(params[name] or "").strip("\r\n") for name in (*_PASSWORDS, "password")}
    known = {name: as_vault_takes(password) for name, password in passwords.items()}
    if not known["handover_password"]:
        raise WorkError("handover_password, for the role mfa_handover_password, must not be empty: the files are encrypted with it.")
    if not passwords["keepass_password"] and KEEPASS in params["formats"]:
        raise WorkError(
            "keepass_password, for the role mfa_handover_keepass_password, must not be empty: formats has keepass, and the database is encrypted with it."
        )
    for name in _PASSWORDS:
        if known["password"] and known[name] == known["password"]:
            raise WorkError(f"{name} is the password of the seed store: whoever opens one file could open all seeds. Give another one.")
    return Encryption(passwords["handover_password"], passwords["keepass_password"])


def _handover(params: Mapping[str, Any], choice: Choice, user_id: str) -> Handover:
    seed = choice.seeds[user_id]
    return Handover(
        account=params["account"],
        user_id=user_id,
        name=choice.names[user_id],
        serial_number=seed.serial_number,
        seed=seed_text(seed.seed),
        made_at=seed.made_at,
        issuer=params["issuer"],
        login_url=legible(params["login_url"] or ""),
    )


def _missing(files: list[HandoverFile], encryption: Encryption, overwrite: bool) -> list[HandoverFile]:
    """The files that are not there yet as they would be. Raises WorkError where one is in the way, before any is written."""
    missing, in_the_way = [], []
    for file in files:
        try:
            if not encryption.holds(file, read_file(file.path)):
                in_the_way.append(file)
                missing.append(file)
        except FileNotFoundError:
            missing.append(file)
    if in_the_way and not overwrite:
        more = f" and {len(in_the_way) - _SHOWN} more" if len(in_the_way) > _SHOWN else ""
        raise WorkError(
            f"{', '.join(str(file.path) for file in in_the_way[:_SHOWN])}{more}: there is a file with other content, or under another"
            " password. Remove it, or set overwrite=true, which for the role is mfa_handover_overwrite."
        )
    return missing
