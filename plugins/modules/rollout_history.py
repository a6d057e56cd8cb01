#!/usr/bin/python
# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_history
short_description: Note when a report first saw each user of an account
version_added: 1.0.0
description:
  - Keeps for the role C(hwc.mfa.mfa_rollout) when it first saw each user. New users have days of grace, and not every cloud tells when a user was created.
    The module is internal to the role.
  - The history is the file C(<directory>/<account>.history.json), or in a seed store C(<directory>/<account>/.history.json). It holds ids of users and
    times, and no secret. Users who are gone are forgotten.
author:
  - The hwc.mfa authors (@hwc-mfa)
extends_documentation_fragment:
  - hwc.mfa.attributes
  - hwc.mfa.attributes.control_node
attributes:
  diff_mode:
    support: none
    details: The history describes the account. It is not part of the state that the role manages.
options:
  directory:
    description:
      - The directory of the history, as an absolute path or one that begins with C(~). If it does not exist, it is created with access for its owner only.
    type: path
    required: true
  account:
    description:
      - The name of the account, which names the file.
    type: str
    required: true
  in_store:
    description:
      - Whether O(directory) is the directory of a seed store.
    type: bool
    default: false
  audit:
    description:
      - The result of the phase V(audit) of M(hwc.mfa.rollout_wave).
    type: raw
    required: true
"""

EXAMPLES = r"""
- name: Look at an account
  hwc.mfa.rollout_wave:
    phase: audit
    account: acme
  register: audit

- name: Note who is new
  hwc.mfa.rollout_history:
    directory: /var/lib/mfa-reports
    account: acme
    audit: "{{ audit }}"
"""

RETURN = r"""
first_seen_packed:
  description: When each user was first seen, as a JSON text, a mapping from user id to a time in UTC.
  returned: success
  type: str
  sample: ' {"4e3d4d0f51dd5d5cdd946658d2511c38": "2026-11-28T08:00:00Z"}'
"""
