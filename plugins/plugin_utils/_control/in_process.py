# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a module's work in the control process where the connection is local, and as a module elsewhere."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing import parent_process
from typing import Any, Callable

from ansible import constants
from ansible.errors import AnsibleError
from ansible.module_utils.common.parameters import remove_values
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.transport import REQUESTS_IMPORT_ERROR
from ansible_collections.hwc.mfa.plugins.module_utils._runner.definition import Definition
from ansible_collections.hwc.mfa.plugins.module_utils._runner.masking import options_shown, shown
from ansible_collections.hwc.mfa.plugins.module_utils._runner.run import perform
from ansible_collections.hwc.mfa.plugins.module_utils._runner.validation import OptionsValidator, misshaped
from ansible_collections.hwc.mfa.plugins.plugin_utils._control import texts
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.levels import own_args
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.memory_file import remembered
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.plain import plain

display = Display()


class InProcessAction(ActionBase):
    """The action plugin of one module; a subclass names its ``definition``."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = True
    definition: Definition

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        task_vars = task_vars or {}
        result = super().run(tmp, task_vars)
        self._task.args = own_args(self)
        if self._task.async_val and self.definition.returns_secrets:
            # Ansible writes the result to the job's file, in the clear and readable for everybody, where it stays if the play ends before it is asked for.
            instead = ", since the module works on many users at once by itself" if self.definition.many else ""
            msg = f"{self._task.action} returns secrets, which async would write to a file in the clear: leave async out{instead}."
            result.update(failed=True, changed=False, msg=msg)
            return result
        given = plain(self._task.args)
        # A module's own check would show what is misshaped, with the secrets in it.
        wrong = texts.sentence(texts.not_text(self.definition.argument_spec, given)) or misshaped(self.definition.argument_spec, given)
        if wrong is not None:
            result.update(failed=True, changed=False, msg=wrong)
            return result
        if self._in_process(task_vars):
            result.update(self._run_here(str(task_vars.get("inventory_hostname", ""))))
            if not _shows_invocation(task_vars):
                result.pop("invocation", None)
        else:
            result.update(self._execute_module(task_vars=task_vars, wrap_async=self._task.async_val))
            invocation = result.get("invocation")
            if isinstance(invocation, dict) and isinstance(invocation.get("module_args"), dict):
                # Of options that it does not know, core's check tells the values.
                invocation["module_args"] = options_shown(invocation["module_args"], self.definition.argument_spec)
        if self.definition.holds_secret(result):
            result["_ansible_no_log"] = True
            _show_warnings(result)
        return result

    def _in_process(self, task_vars: Mapping[str, Any]) -> bool:
        wanted = self._templar.template(task_vars.get("hwc_mfa_in_process", True))
        return (
            boolean(wanted, strict=False)
            and self._connection.transport == "local"
            and not self._connection.become
            and not self._task.async_val
            and REQUESTS_IMPORT_ERROR is None
        )

    def _run_here(self, host: str) -> dict[str, Any]:
        owner = f"({self._task.action}) module"
        validator = OptionsValidator(self.definition.argument_spec, owner=owner, **self.definition.relations)
        args = plain(self._task.args)
        validated = validator.validate(args)
        secrets = set(validated._no_log_values)
        if validated.error_messages:
            options = options_shown(validated.validated_parameters, self.definition.argument_spec)
            wrong = {"msg": validated.error_messages[0], "invocation": {"module_args": options}}
            return {"failed": True, "changed": False, **remove_values(wrong, secrets)}
        params = validated.validated_parameters
        with task_environment(self) as env, remembered(host) as memory:
            result, more_secrets = perform(
                self.definition,
                params,
                bool(self._task.check_mode),
                bool(self._task.diff),
                env,
                wanted=play_lives(),
                memory=memory,
                trace=requests_shown(host),
            )
        return shown(self.definition, params, result, secrets | more_secrets)


def requests_shown(host: str) -> Callable[[str], None] | None:
    """What shows a line about each request, from ``-v`` on; None below that."""
    return (lambda line: display.v(line, host=host)) if display.verbosity > 0 else None


def play_process() -> int:
    """The id of the play's own process. A task runs in a process that the play has made, and has another parent once the play was killed."""
    parent = parent_process()
    # What the task was told when it was made.
    return os.getppid() if parent is None or parent.pid is None else parent.pid


def play_lives() -> Callable[[], bool]:
    """Whether the play still runs: a task runs in a process of its own, which survives a play that is killed."""
    play = play_process()
    return lambda: os.getppid() == play


@contextmanager
def task_environment(action: ActionBase) -> Iterator[Mapping[str, str]]:
    """The environment as a module would see it, ``environment:`` of the task in it, also for requests, which looks for proxies there."""
    added: dict[str, Any] = {}
    action._compute_environment_string(added)
    before = dict(os.environ)
    os.environ.update({name: str(value) for name, value in added.items()})
    try:
        yield dict(os.environ)
    finally:
        os.environ.clear()
        os.environ.update(before)


def _shows_invocation(task_vars: Mapping[str, Any]) -> bool:
    """Whether results tell the options that a task was given, as ansible-core's setting says it for modules."""
    try:
        return bool(constants.config.get_config_value("INJECT_INVOCATION", variables=dict(task_vars)))
    except AnsibleError:
        return True  # before 2.21 they always do


def _show_warnings(result: dict[str, Any]) -> None:
    """Show a result's warnings at once: before core 2.19 a censored result takes them along, and they say for whom it failed.

    Newer cores keep what a module warned of apart from the result, as objects of their own, in a list that grows with every warning shown.
    """
    warnings = list(result.get("warnings") or [])
    if all(isinstance(warning, str) for warning in warnings):
        result.pop("warnings", None)
        for warning in warnings:
            display.warning(warning)
