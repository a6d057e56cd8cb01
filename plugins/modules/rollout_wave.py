#!/usr/bin/python
# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_wave
short_description: Take one phase of a wave of an MFA rollout
version_added: 1.0.0
description:
  - Runs M(hwc.mfa.iam_virtual_mfa_device), M(hwc.mfa.iam_virtual_mfa_bind), M(hwc.mfa.iam_login_protection), M(hwc.mfa.iam_login_check) and
    M(hwc.mfa.iam_mfa_info) for the users of a wave, in the order that keeps the promises of the role C(hwc.mfa.mfa_rollout). It is internal to the
    role. In playbooks, use the modules.
  - Each phase changes only users for whom it is given proof that the phase before has succeeded. All others fail with a reason.
  - A phase that takes longer than ten seconds shows its progress, at most a line every ten seconds.
author:
  - The hwc.mfa authors (@hwc-mfa)
extends_documentation_fragment:
  - hwc.mfa.auth
  - hwc.mfa.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: partial
    details: A wave that is repeated changes nothing or fails. Make a new plan instead.
  action:
    description: Runs in the control process, so always on the control node.
    support: full
options:
  phase:
    description:
      - V(audit) reads the account. V(create) creates devices and returns their seeds. V(finish) binds devices, reads whether they are bound, protects,
        verifies, and proves logins. V(doubt) and V(remove) belong to a roll-back. V(doubt) returns the stored seeds whose devices will no longer be
        certainly bound, and V(remove) lifts protection and removes devices.
    type: str
    choices:
      - audit
      - create
      - finish
      - doubt
      - remove
    required: true
  account:
    description:
      - The account's name in messages.
    type: str
    required: true
  account_id:
    description:
      - The cloud's id of the account. Only one host of a run can work on it. O(phase=audit) fails if the credentials reach another account.
    type: str
  report_directory:
    description:
      - With O(phase=audit), where reports are kept. It fails if the report that is there under the name O(account) is that of another account of the cloud.
    type: path
    version_added: 1.1.0
  claim:
    description:
      - Whether O(phase=audit) reserves the account for this host of the play.
    type: bool
    default: true
  groups:
    description:
      - With O(phase=audit), the names of groups whose members are needed. They are part of RV(audit_packed).
    type: list
    elements: str
  details:
    description:
      - With O(phase=audit), whether to ask for each user by themselves, as O(hwc.mfa.iam_mfa_info#module:details) does.
    type: bool
    default: false
  from_environment:
    description:
      - Whether O(phase=audit) takes the credentials of the environment, although other hosts of the play have credentials in C(mfa_rollout_auth).
    type: bool
    default: false
  entries:
    description:
      - The users of the wave, as P(hwc.mfa.rollout_plan#filter) returns them.
    type: raw
  number:
    description:
      - The number of the wave, for RV(line).
    type: int
    default: 1
  total:
    description:
      - The number of all waves, for RV(line).
    type: int
    default: 1
  terms:
    description:
      - The terms of the plan, such as C(strategy) and C(state).
    type: raw
  cloud_api:
    description:
      - The generation of IAM's API that the audit found. Only V(v5) tells a bound device from one that was only created.
    type: str
    choices:
      - v3
      - v5
    default: v3
  users:
    description:
      - The part of the role's C(mfa_rollout_users) that holds the users of the wave with their credentials, or the text of the whole list.
    type: raw
  users_offset:
    description:
      - The position in C(mfa_rollout_users) at which O(users) begins.
    type: int
    default: 0
  announced:
    description:
      - The result of the task that announced the devices in the store. O(phase=create) creates no others, and O(phase=remove) removes no device
        of others that is to be made anew.
    type: raw
  created:
    description:
      - The result of O(phase=create), for O(phase=finish).
    type: raw
  removal:
    description:
      - With O(phase=create) and O(phase=finish) of a rotation, the result of its O(phase=remove). Nobody gets another device whose old one is not gone.
    type: raw
  lifting:
    description:
      - With O(phase=remove) without O(record_directory), C(lifted_packed) of M(hwc.mfa.rollout_record). Protection is lifted for a moment only for the
        users whom it names.
    type: raw
  shown:
    description:
      - The seeds that the store showed after they were saved. Of the devices that were just created, O(phase=finish) binds no others.
    type: raw
  stored:
    description:
      - The seeds that the store showed before the wave.
    type: raw
  record_directory:
    description:
      - The directory of the record of M(hwc.mfa.rollout_record). O(phase=finish) and O(phase=remove) note in it whose login protection they are about to
        set, or to lift for a moment, and what was set before. If that cannot be written, login protection stays as it is. What came of it is noted at the
        end. Without this option nothing is noted.
    type: path
    version_added: 1.1.0
  record_in_store:
    description:
      - Whether O(record_directory) is the directory of a seed store.
    type: bool
    default: false
    version_added: 1.1.0
  concurrency:
    description:
      - How many users are worked on at once, from 1 to 256.
    type: int
    default: 8
  lock:
    description:
      - What RV(hwc.mfa.seed_store#module:lock) gave, the directory of the store's lock. With a store that is no directory, the options of the store as
        M(hwc.mfa.seed_store) takes them, such as O(hwc.mfa.seed_store#module:type) and O(hwc.mfa.seed_store#module:hashi_vault). The lock is renewed while
        the phase works. Without the lock nothing is changed.
    type: raw
seealso:
  - module: hwc.mfa.seed_store
  - plugin: hwc.mfa.rollout_plan
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Read an account as the role does
  hwc.mfa.rollout_wave:
    phase: audit
    account: acme
    claim: false
  register: account
"""

RETURN = r"""
audit_packed:
  description: >-
    The users, the summary, the caller, the administrators, the root user, the groups, the C(api) and the time (C(now)) of the account, as
    M(hwc.mfa.iam_mfa_info) returns them, with the C(endpoint), the newest C(request_ids) and a digest of the C(credentials), as a JSON text.
  returned: success, with O(phase=audit)
  type: str
  sample: ' {}'
cloud_account:
  description: The C(id) and C(name) of the account in the cloud, each V(null) where the cloud does not tell.
  returned: success, with O(phase=audit)
  type: dict
  sample:
    id: cd613e30d8f16adf91b7584a2265b1f5
    name: acme
api:
  description: Which generation of IAM's API answered, V(v5) or V(v3).
  returned: success, with O(phase=audit)
  type: str
  sample: v5
entries:
  description: Seeds to store, a mapping from user id to C(serial_number), C(seed) and C(name).
  returned: success, with O(phase=create) and O(phase=doubt)
  type: dict
  sample: {}
outcomes:
  description: The outcome of each creation by user id, without seeds.
  returned: success, with O(phase=create)
  type: dict
  sample: {}
withdrawn:
  description: The ids of the users for whom certainly no device was created.
  returned: success, with O(phase=create)
  type: list
  elements: str
  sample: []
line:
  description: The result of the wave in words. Each kind of failure is a line of its own below the first.
  returned: success, with O(phase=finish) and O(phase=remove)
  type: str
  sample: wave 1 of 3, 1 user, 1 created, 1 bound, 1 protected, 0 failed
number:
  description: The number of the wave, O(number).
  returned: success, with O(phase=finish) and O(phase=remove)
  type: int
  version_added: 1.1.0
  sample: 1
failures:
  description: The users who failed, each with C(user_id), C(name), C(done), C(step) and C(msg).
  returned: success, with O(phase=finish) and O(phase=remove)
  type: list
  elements: dict
  sample: []
removed:
  description: The ids of the users whose devices are gone.
  returned: success, with O(phase=finish) and O(phase=remove)
  type: list
  elements: str
  sample: []
certain:
  description: Seeds to store again, because more is known about them, such as that the device is bound or the login proven.
  returned: success, with O(phase=finish) and O(phase=remove)
  type: dict
  sample: {}
broken:
  description: Whether the rollout must stop, because the store, the record or the account could not be used, or an administrator may not bind for others.
  returned: success, with O(phase=finish) and O(phase=remove)
  type: bool
  sample: false
"""
