#!/usr/bin/python
# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_record
short_description: Keep a record of what rollouts did to login protection
version_added: 1.0.0
description:
  - Reads and changes the record of login protection. In a roll-back the role C(hwc.mfa.mfa_rollout) reads in it which protection a rollout has set, and
    what was set before. The module is internal to the role.
  - The record is the file C(<directory>/<account>.record.json), or in a seed store C(<directory>/<account>/.record.json). It holds no secret and stays
    after the run.
author:
  - The hwc.mfa authors (@hwc-mfa)
extends_documentation_fragment:
  - hwc.mfa.attributes
  - hwc.mfa.attributes.control_node
attributes:
  diff_mode:
    support: none
    details: The record describes rollouts. It is not part of the state that they manage.
options:
  directory:
    description:
      - The directory of the record, as an absolute path or one that begins with C(~). If it does not exist, it is created with access for its owner only.
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
  strategy:
    description:
      - The strategy of the rollout that sets the protection. A roll-back with the other strategy does not lift it.
    type: str
    choices:
      - require
      - enrol
  entries:
    description:
      - A wave of the filter P(hwc.mfa.rollout_plan#filter). Without it, the record is only read.
    type: raw
  failures:
    description:
      - With O(done), the failures that M(hwc.mfa.rollout_wave) returned for the wave.
    type: raw
  audit:
    description:
      - The result of the phase V(audit) of M(hwc.mfa.rollout_wave). Whose protection is on there is no longer noted as lifted for a moment.
    type: raw
  done:
    description:
      - Whether the wave is over. Users whose protection was lifted are then removed from the record, and so are users for whom no protection was sent.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Read the record of an account
  hwc.mfa.rollout_record:
    directory: /var/lib/mfa-reports
    account: acme
  register: record
"""

RETURN = r"""
kept:
  description: Whether there is a record. If not, stored seeds tell what a rollout has set. A record that names nobody says that no rollout has set any.
  returned: success
  type: bool
  version_added: 1.1.0
  sample: true
lifted_packed:
  description:
    - The login protection that a reset or a rotation has lifted for a moment and not yet set again, as a JSON text, a mapping from user id. It is in the file
      C(<account>.lifted.json), or in a seed store in C(.lifted.json).
  returned: success
  type: str
  sample: ' {}'
protected_packed:
  description: The record as a JSON text, a mapping from user id to C(strategy), C(name), and C(before), the login protection before the rollout.
  returned: success
  type: str
  sample: ' {}'
"""
