# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A module's shell: opens an AnsibleModule, runs the work, and turns what went wrong into fail_json. The one place that may."""

from __future__ import annotations

import os
import sys

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.transport import REQUESTS_IMPORT_ERROR
from ansible_collections.hwc.mfa.plugins.module_utils._runner.definition import Definition
from ansible_collections.hwc.mfa.plugins.module_utils._runner.masking import shown
from ansible_collections.hwc.mfa.plugins.module_utils._runner.run import perform


def run(definition: Definition) -> None:
    """Be the module that ``definition`` describes."""
    # no_log: the options of thousands of users have no place in a system's log, and to clean them of all their passwords takes a minute.
    module = AnsibleModule(argument_spec=dict(definition.argument_spec), supports_check_mode=True, no_log=True, **definition.relations)
    if REQUESTS_IMPORT_ERROR is not None:
        module.fail_json(
            msg=(
                f"The Python library requests is missing: install it for {sys.executable}, or let ansible_python_interpreter name a Python that has it."
            )
        )
    result, secrets = perform(definition, module.params, module.check_mode, module._diff, os.environ)
    result = shown(definition, module.params, result, secrets | module.no_log_values)
    # Everything is masked, and where it must be. Ansible would search every id for every secret of every user once more.
    module.no_log_values.clear()
    for warning in result.pop("warnings", []):
        module.warn(warning)
    if result.get("failed"):
        module.fail_json(**result)
    module.exit_json(**result)
