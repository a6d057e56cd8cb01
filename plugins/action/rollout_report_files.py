# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._runner.packing import unpack
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.control_node import ControlNodeAction, WorkError
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.files import directory_at, file_name, make_directory, read_file, replace_file
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.plan import report_csv, report_json


class ActionModule(ControlNodeAction):
    """Writes a report's files."""

    spec: Mapping[str, Mapping[str, Any]] = {
        "directory": {"type": "path", "required": True},
        "report": {"type": "raw", "required": True},
    }

    def work(self, params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
        try:
            directory = directory_at(params["directory"])
            report = unpack(params["report"])
            name = file_name(report["account"])
            files = {
                directory / f"{name}.json": report_json(report).encode("utf-8"),
                directory / f"{name}.csv": report_csv(report).encode("utf-8"),
            }
            differing = {path: content for path, content in files.items() if not _holds(path, content)}
            if not check_mode:
                make_directory(directory)
                for path, content in differing.items():
                    replace_file(path, content)
        except (AttributeError, KeyError, RecursionError, TypeError, json.JSONDecodeError):
            raise WorkError("report must be the document of the filter hwc.mfa.rollout_report.") from None
        except ValueError as error:
            raise WorkError(str(error)) from None
        except OSError as error:
            raise WorkError(f"{error.filename2 or f'directory {directory}'} cannot be written: {error.strerror}.") from None
        return {"changed": bool(differing), "files": [str(path) for path in files]}


def _holds(path: Path, content: bytes) -> bool:
    """Whether a file is there with just this content. What cannot be read is to be replaced."""
    try:
        return read_file(path) == content
    except OSError:
        return False
