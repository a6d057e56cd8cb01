# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase
from ansible_collections.hwc.mfa.plugins.module_utils._run import AUTH_SPEC
from ansible_collections.hwc.mfa.plugins.plugin_utils._files import file_name, make_directory, replace_file
from ansible_collections.hwc.mfa.plugins.plugin_utils._plain import plain
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout import report_csv

SPEC: dict[str, dict[str, Any]] = {
    "directory": {"type": "path", "required": True},
    "report": {"type": "dict", "required": True},
}


class ActionModule(ActionBase):
    """Writes a report's files on the control node."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        # Defaults of the action group reach this plugin too, and mean nothing to it.
        args = {name: value for name, value in plain(self._task.args).items() if name in SPEC or name not in AUTH_SPEC}
        validated = ArgumentSpecValidator(SPEC).validate(args)
        if validated.error_messages:
            return {**result, "failed": True, "msg": validated.error_messages[0]}
        params = validated.validated_parameters
        report = params["report"]
        directory = Path(params["directory"])
        try:
            name = file_name(report["account"])
            files = {
                directory / f"{name}.json": json.dumps(report, indent=2, ensure_ascii=False) + "\n",
                directory / f"{name}.csv": report_csv(report),
            }
            differing = {path: text for path, text in files.items() if not path.is_file() or path.read_text(encoding="utf-8") != text}
            if not self._task.check_mode:
                make_directory(directory)
                for path, text in differing.items():
                    replace_file(path, text.encode("utf-8"))
        except (KeyError, TypeError):
            return {**result, "failed": True, "msg": "report must be the document of the filter hwc.mfa.rollout_report."}
        except ValueError as error:
            return {**result, "failed": True, "msg": str(error)}
        except OSError as error:
            return {**result, "failed": True, "msg": f"directory {directory} cannot be written: {error.strerror}."}
        return {**result, "changed": bool(differing), "files": [str(path) for path in files]}
