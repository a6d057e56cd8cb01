# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Action plugins that work with files of the control node and talk to no cloud."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.hwc.mfa.plugins.module_utils._runner.options import AUTH_SPEC
from ansible_collections.hwc.mfa.plugins.module_utils._runner.validation import OptionsValidator
from ansible_collections.hwc.mfa.plugins.plugin_utils._control import texts
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.levels import own_args
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.plain import plain


class WorkError(Exception):
    """The work cannot be done. The text is a sentence for the user and holds no secret. ``written`` of ``files`` were written before."""

    def __init__(self, text: str, written: int = 0, files: int = 0) -> None:
        super().__init__(f"{text} Before that, {written} of {files} files were written." if written else text)
        self.changed = written > 0


class ControlNodeAction(ActionBase):
    """Validates the options that ``spec`` and ``relations`` describe, and calls ``work``.

    That finds the variables of the host in ``_play``, and in ``_group_defaults`` the credentials of the action group that are no options here.
    """

    TRANSFERS_FILES = False
    _supports_check_mode = True
    spec: Mapping[str, Mapping[str, Any]]
    relations: Mapping[str, Any] = {}
    _play: Mapping[str, Any] = {}
    _group_defaults: Mapping[str, Any] = {}

    @abstractmethod
    def work(self, params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
        """Do the work and return the result. Raises WorkError."""

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        self._play = task_vars or {}
        result = super().run(tmp, task_vars)
        given = plain(own_args(self))
        # Defaults of the action group reach these plugins too, and mean nothing to most of them.
        self._group_defaults = {name: value for name, value in given.items() if name in AUTH_SPEC and name not in self.spec}
        args = {name: value for name, value in given.items() if name not in self._group_defaults}
        # Names of accounts may be numbers; credentials never are.
        wrong = texts.sentence(texts.not_text({name: self.spec[name] for name in self.spec if _is_credential(name, self.spec)}, args))
        if wrong is not None:
            return {**result, "failed": True, "msg": wrong}
        validated = OptionsValidator(self.spec, **self.relations).validate(args)
        if validated.error_messages:
            return {**result, "failed": True, "msg": validated.error_messages[0]}
        try:
            return {**result, **self.work(validated.validated_parameters, bool(self._task.check_mode))}
        except WorkError as error:
            return {**result, "failed": True, "changed": error.changed, "msg": str(error)}


def _is_credential(name: str, spec: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether an option is a credential, or has credentials in it."""
    option = spec[name]
    return (
        name in AUTH_SPEC
        or bool(option.get("no_log"))
        or any(_is_credential(each, option["options"]) for each in option.get("options") or ())
    )
