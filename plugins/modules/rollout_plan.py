#!/usr/bin/python
# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_plan
short_description: Decide which user belongs to which wave of an MFA rollout, as a task
version_added: 1.0.0
description:
  - Makes the plan of P(hwc.mfa.rollout_plan#filter) for the role C(hwc.mfa.mfa_rollout), and shows its warnings as Ansible's own. If the input is wrong, the
    task fails with just that message. The module is internal to the role. In playbooks, use the filter.
  - It calls no cloud and changes nothing.
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
  account:
    description:
      - The account's name in messages.
    type: str
    required: true
  users:
    description:
      - V(all), or a list of users, or its text in JSON or YAML.
    type: raw
  users_variable:
    description:
      - The name of the variable that has the users, in place of O(users). Ansible takes long to look for templates in a list of thousands that has none.
    type: str
    version_added: 1.1.0
  audit:
    description:
      - The result of M(hwc.mfa.iam_mfa_info), or of M(hwc.mfa.rollout_wave) with C(phase=audit).
    type: raw
    required: true
  exempt:
    description:
      - Users who are never touched, as a list or its text in JSON or YAML.
    type: raw
    default: []
  exempt_also:
    description:
      - More such users, from a survey. An empty text is nobody.
    type: raw
    default: []
    version_added: 1.0.0
  stored:
    description:
      - The stored seeds. Without it there is no store, and nobody is told to have a device whose seed is not stored.
    type: raw
  intents:
    description:
      - The ids of users for whom an earlier run was about to create a device.
    type: raw
    default: []
  record:
    description:
      - The record of login protection.
    type: raw
  auth:
    description:
      - The play's own credentials, to recognise the user whom the play runs as.
    type: raw
  lifted:
    description:
      - C(lifted_packed) of M(hwc.mfa.rollout_record). Protection that an earlier run lifted for a moment comes back.
    type: raw
  first_seen:
    description:
      - When a report first saw each user, C(first_seen_packed) of M(hwc.mfa.rollout_history).
    type: raw
  unread:
    description:
      - What is kept and could not be read, although a play may ignore that. Nobody then knows what O(record) or O(first_seen) would say, and there is no plan
        that needs it.
    type: list
    elements: str
    choices:
      - record
      - first_seen
    default: []
    version_added: 1.1.0
  terms:
    description:
      - The other options of the filter, such as C(strategy) and C(state).
    type: raw
    default: {}
seealso:
  - plugin: hwc.mfa.rollout_plan
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Look at the whole account
  hwc.mfa.iam_mfa_info:
  register: account

- name: Plan to protect all users
  hwc.mfa.rollout_plan:
    account: acme
    users: all
    audit: "{{ account }}"
"""

RETURN = r"""
plan:
  description: The plan, as the filter returns it with C(packed=true).
  returned: success
  type: dict
  sample:
    waves: []
    users_packed: ' []'
    lines: []
    warnings: []
"""
