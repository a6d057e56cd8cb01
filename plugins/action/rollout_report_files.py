# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ansible_collections.hwc.mfa.plugins.plugin_utils._control.control_node import ControlNodeAction, WorkError
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.files import (
    account_path,
    directory_at,
    make_directory,
    probe_directory,
    read_file,
    replace_file,
)
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.inventory_places import misplaced_in
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.packing import unpack
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.earlier_report import of_another_account
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.evidence import (
    DEFAULT_FORMATS,
    SUMS,
    checksums,
    contents_of,
    formats_in,
    suffixes_of,
)
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.merge import is_merged, merge_reports, merged_line
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.page import point_of
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import PlanError
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.trend import Trend
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.account_file import BESIDE, AccountFileError, refuse_taken

_BESIDE = (".ocsf.json", *BESIDE)
"""How the names of files end that lie beside reports, and are none unless an account has such a name."""


class ActionModule(ControlNodeAction):
    """Writes a report's files, or those of a merged one, or finds out beforehand whether they could be written."""

    spec: Mapping[str, Mapping[str, Any]] = {
        "directory": {"type": "path", "required": True},
        "report": {"type": "raw"},
        "account": {"type": "str"},
        "formats": {"type": "raw"},
        "merge_from": {"type": "path"},
        "duplicates": {"type": "str", "choices": ["fail", "newest"], "default": "fail"},
    }

    def work(self, params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
        directory: Any = params["directory"]
        try:
            formats = formats_in(DEFAULT_FORMATS if params.get("formats") is None else params["formats"])
        except PlanError as error:
            raise WorkError(str(error)) from None
        try:
            cause = misplaced_in(self._play, "directory", str(directory))
            if cause is not None:
                raise WorkError(cause)
            directory = directory_at(directory)
            account = str(params.get("account") or "")
            if params.get("merge_from") is not None:
                if params["report"] is not None:
                    raise WorkError("report and merge_from are mutually exclusive.")
                return self._merge(directory, directory_at(params["merge_from"]), account, params.get("duplicates"), formats, check_mode)
            if params["report"] is None:
                return self._probe(directory, account, formats, check_mode)
            return self._write(directory, unpack(params["report"]), account, formats, check_mode)
        except PlanError as error:
            raise WorkError(f"The report: {error}") from None
        except (AttributeError, KeyError, RecursionError, TypeError, json.JSONDecodeError):
            raise WorkError("report must be the document of the filter hwc.mfa.rollout_report.") from None
        except ValueError as error:
            raise WorkError(str(error)) from None
        except OSError as error:
            place = error.filename2 or error.filename or f"directory {directory}"
            raise WorkError(f"{place} cannot be written: {error.strerror}.") from None

    def _merge(
        self, directory: Path, source: Path, account: str, duplicates: str | None, formats: list[str], check_mode: bool
    ) -> dict[str, Any]:
        merged = merge_reports(_reports_in(source), duplicates == "newest")
        result = self._write(directory, merged, account, formats, check_mode)
        told = {name: merged[name] for name in ("summary", "accounts", "superseded", "unreadable")}
        return {**result, **told, "line": merged_line(merged), "warnings": merged["warnings"]}

    @staticmethod
    def _write(directory: Path, report: Any, account: str, formats: list[str], check_mode: bool) -> dict[str, Any]:
        merged = is_merged(report)
        if merged and not account:
            raise WorkError("account must name the files of a merged report.")
        name = account if merged else report["account"]
        refuse_taken(name)
        path = account_path(directory, name, ".json")
        wrong = None if merged else of_another_account(path, (report.get("cloud_account") or {}).get("id"))
        if wrong is not None:
            raise WorkError(wrong)
        keeps = "html" in formats and not merged
        trend, runs, warnings = _trend_with(directory, report) if keeps else (None, {}, [])
        contents = contents_of(report, formats, runs)
        files = {account_path(directory, name, suffix): content for suffix, content in contents.items()}
        if merged:
            _refuse_account(path)
        # Last, so that the sums of a run that was killed do not fit what it left.
        files[account_path(directory, name, SUMS)] = checksums({path.name: content for path, content in files.items()})
        differing = {path: content for path, content in files.items() if not _holds(path, content)}
        if check_mode:
            if differing:
                probe_directory(directory)
        else:
            make_directory(directory)
            for written, (path, content) in enumerate(differing.items()):
                try:
                    replace_file(path, content)
                except OSError as error:
                    text = f"{error.filename2 or error.filename or path} cannot be written: {error.strerror}."
                    raise WorkError(text, written, len(differing)) from None
            if trend is not None:
                warnings += _kept(trend, runs)
        return {"changed": bool(differing), "files": [str(path) for path in files], **({"warnings": warnings} if warnings else {})}

    @staticmethod
    def _probe(directory: Path, account: str, formats: list[str], check_mode: bool) -> dict[str, Any]:
        """Raise OSError where a report of this account could not be written, before anything is done that it would tell of."""
        refuse_taken(account)
        files = [account_path(directory, account, suffix) for suffix in suffixes_of(formats)]
        if not check_mode:
            make_directory(directory)
        nearest = next(path for path in (directory, *directory.parents) if path.exists())
        if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
            raise PermissionError(0, "there is no permission, or it is not a directory", str(nearest))
        beside = [account_path(directory, account, ".trend.json")] if "html" in formats else []
        for path in (*files, *beside):
            if path.is_dir():
                raise IsADirectoryError(0, "a directory is in the way", str(path))
            if directory.is_dir() and not path.exists():
                _try_name(path, check_mode)
        return {"changed": False, "files": [str(path) for path in files]}


def _trend_with(directory: Path, report: Any) -> tuple[Trend | None, dict[str, Any], list[str]]:
    """What is kept of earlier runs with this one, and whether it can be kept. A report is worth more than the trend in it."""
    point = point_of(report)
    try:
        trend = Trend(str(directory), report["account"])
        return trend, trend.with_run(report["now"], point), []
    except AccountFileError as error:
        return None, {}, [f"The trend of earlier runs: {error} Move it away to begin another."]


def _kept(trend: Trend, runs: dict[str, Any]) -> list[str]:
    try:
        if trend.read() != runs:
            trend.write(runs)
    except AccountFileError as error:
        return [f"The trend of earlier runs: {error}"]
    return []


def _refuse_account(path: Path) -> None:
    """Raise WorkError where the report of an account would be replaced by a merged one."""
    try:
        found = json.loads(read_file(path))
    except (FileNotFoundError, ValueError):
        return
    if isinstance(found, dict) and "account" in found:
        raise WorkError(
            f"{path} is the report of an account: give the merged report another name in account, which for the playbook is mfa_report_merge_name."
        )


def _reports_in(directory: Path) -> Iterator[tuple[str, Any]]:
    """The reports in a directory and those below it, each with the path of its file. Raises OSError, WorkError."""
    if not directory.is_dir():
        raise WorkError(f"merge_from: {directory} is no directory. Give the one where the reports are.")
    for path in sorted(directory.rglob("*.json")):
        # Locks and half-written files, no reports.
        if any(part.startswith(".") for part in path.relative_to(directory).parts):
            continue
        try:
            content = read_file(path)
        except OSError as error:
            yield str(path), PlanError(f"it cannot be read: {error.strerror}.")
            continue
        try:
            found = json.loads(content)
        except (ValueError, RecursionError):
            yield str(path), content
            continue
        beside = path.name.endswith(_BESIDE) and not (isinstance(found, dict) and "users" in found)
        if not beside and not is_merged(found):
            yield str(path), found


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
