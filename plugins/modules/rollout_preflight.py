#!/usr/bin/python
# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_preflight
short_description: Check the variables of an MFA rollout before anything is touched
version_added: 1.0.0
description:
  - Finds everything that is wrong with the variables of the role C(hwc.mfa.mfa_rollout), and fails with a sentence for each cause. The module is internal
    to the role.
  - Variables of the host whose names begin like those of the role and that it does not know are errors, because they would be ignored. Their values are
    not shown.
  - Directories of the report and of the seed store must be absolute paths outside of the inventory, because Ansible reads all files in a directory that is
    an inventory.
  - The connection must be local and without C(become), because the role works in the control process.
author:
  - The hwc.mfa authors (@hwc-mfa)
extends_documentation_fragment:
  - hwc.mfa.attributes
  - hwc.mfa.attributes.control_node
attributes:
  diff_mode:
    support: none
    details: It changes nothing.
options:
  variables:
    description:
      - The variables of the role with their values. Of the users, the first one is enough.
    type: dict
    required: true
  names:
    description:
      - The names of the variables that must be there. One that is missing in O(variables) was omitted with C(default(omit)).
    type: list
    elements: str
    default: []
  audit_only:
    description:
      - Whether nothing will be done. An audit needs no users and no place for seeds.
    type: bool
    default: false
  only_state:
    description:
      - The only C(mfa_rollout_state) that the playbook is for. The module fails where the variable has another value, such as by extra variables.
    type: str
    version_added: 1.1.0
  in_awx:
    description:
      - Whether this is a job of AWX, whose disk is deleted with the job.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Check the variables of an audit
  hwc.mfa.rollout_preflight:
    audit_only: true
    variables:
      mfa_rollout_account: acme
      mfa_rollout_strategy: require
      mfa_rollout_report_dir: /var/lib/mfa-reports
"""

RETURN = r"""
settings:
  description:
    - What the variables come to, for the other tasks of the role, without secrets.
    - C(terms) are those of the plan, C(store) and C(lock) say where seeds and the lock are, C(record_dir) where it is recorded what was done,
      C(lifted) whose protection an earlier run has lifted for a moment, and C(agency) is what a credential of AWX adds to
      O(hwc.mfa.rollout_wave#module:assume_agency).
  returned: success
  type: dict
  sample:
    check_mode: false
    store: files
    lock: files
"""
