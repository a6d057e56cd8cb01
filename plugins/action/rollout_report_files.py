# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ansible_collections.hwc.mfa.plugins.plugin_utils._control.control_node import ControlNodeAction, WorkError
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.files import (
    account_path,
    directory_at,
    make_directory,
    read_file,
    replace_file,
)
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.packing import unpack
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.evidence import (
    DEFAULT_FORMATS,
    SUMS,
    checksums,
    contents_of,
    formats_in,
    suffixes_of,
)
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import PlanError


class ActionModule(ControlNodeAction):
    """Writes a report's files, or finds out beforehand whether they could be written."""

    spec: Mapping[str, Mapping[str, Any]] = {
        "directory": {"type": "path", "required": True},
        "report": {"type": "raw"},
        "account": {"type": "str"},
        "formats": {"type": "raw"},
    }

    def work(self, params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
        directory: Any = params["directory"]
        try:
            formats = formats_in(DEFAULT_FORMATS if params.get("formats") is None else params["formats"])
        except PlanError as error:
            raise WorkError(str(error)) from None
        try:
            directory = directory_at(directory)
            if params["report"] is None:
                return self._probe(directory, str(params["account"] or ""), formats, check_mode)
            return self._write(directory, params["report"], formats, check_mode)
        except (AttributeError, KeyError, RecursionError, TypeError, json.JSONDecodeError):
            raise WorkError("report must be the document of the filter hwc.mfa.rollout_report.") from None
        except ValueError as error:
            raise WorkError(str(error)) from None
        except OSError as error:
            place = error.filename2 or error.filename or f"directory {directory}"
            raise WorkError(f"{place} cannot be written: {error.strerror}.") from None

    @staticmethod
    def _write(directory: Path, packed: Any, formats: list[str], check_mode: bool) -> dict[str, Any]:
        report = unpack(packed)
        files = {account_path(directory, report["account"], suffix): content for suffix, content in contents_of(report, formats).items()}
        # Last, so that the sums of a run that was killed do not fit what it left.
        files[account_path(directory, report["account"], SUMS)] = checksums({path.name: content for path, content in files.items()})
        differing = {path: content for path, content in files.items() if not _holds(path, content)}
        if not check_mode:
            make_directory(directory)
            for path, content in differing.items():
                replace_file(path, content)
        return {"changed": bool(differing), "files": [str(path) for path in files]}

    @staticmethod
    def _probe(directory: Path, account: str, formats: list[str], check_mode: bool) -> dict[str, Any]:
        """Raise OSError where a report of this account could not be written, before anything is done that it would tell of."""
        files = [account_path(directory, account, suffix) for suffix in suffixes_of(formats)]
        if not check_mode:
            make_directory(directory)
        nearest = next(path for path in (directory, *directory.parents) if path.exists())
        if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
            raise PermissionError(0, "there is no permission, or it is not a directory", str(nearest))
        for path in files:
            if path.is_dir():
                raise IsADirectoryError(0, "a directory is in the way", str(path))
            if directory.is_dir() and not path.exists():
                _try_name(path, check_mode)
        return {"changed": False, "files": [str(path) for path in files]}


def _try_name(path: Path, check_mode: bool) -> None:
    """Whether the file system takes a file of this name, such as one that is not too long. Raises OSError."""
    if check_mode:
        with suppress(FileNotFoundError):
            path.lstat()
        return
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        path.unlink()


def _holds(path: Path, content: bytes) -> bool:
    """Whether a file is there with just this content. What cannot be read is to be replaced."""
    try:
        return read_file(path) == content
    except OSError:
        return False
