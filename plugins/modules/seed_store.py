#!/usr/bin/python
# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: seed_store
short_description: Keep the seeds of virtual MFA devices in ansible-vault files on the control node
version_added: 0.1.0
description:
  - Reads the seeds of an account, and adds to them. The role C(hwc.mfa.mfa_rollout) keeps its seeds with it.
  - The files are C(<directory>/<account>/*.yml), each an ansible-vault file that decrypts to a mapping from user id to C(serial_number),
    C(seed) and C(name). They are numbered, only ever added, and a later file wins. C(ansible-vault view) opens them.
  - Beside them lie C(*.json) marks without secrets, which say that devices were about to be created, or are gone. A seed counts until its device is
    known to be gone. A user can have several, of which the one of the device that the cloud shows is the one to use.
  - A file is on the disk, whole and read back, before the task ends. Files are readable for their owner alone.
  - A result that holds a seed is marked so that Ansible does not print it.
author:
  - The hwc.mfa authors (@hwc-mfa)
extends_documentation_fragment:
  - hwc.mfa.attributes
  - hwc.mfa.attributes.control_node
attributes:
  diff_mode:
    support: none
    details: A difference would show seeds.
options:
  directory:
    description:
      - The directory of the store. It is created where it does not exist, for its owner alone.
    type: path
    required: true
  account:
    description:
      - The name of the account, which names a directory of its own in O(directory).
    type: str
    required: true
  password:
    description:
      - The vault password of the files.
    type: str
    required: true
  account_id:
    description:
      - The cloud's id of the account. A store that belongs to another account is refused. It belongs to the account of the first announcement
        (O(intends)) that names one.
    type: str
    version_added: 0.2.0
  entries:
    description:
      - Seeds to store, a mapping from user id to C(serial_number), C(seed) and C(name). What is stored already is not written again.
    type: dict
  intends:
    description:
      - The ids of users for whom devices are about to be created. What is stored for them still counts.
    type: list
    elements: str
  withdraws:
    description:
      - The ids of users for whom certainly no device was created after all. They no longer belong to RV(intents).
    type: list
    elements: str
    version_added: 0.2.0
  removes:
    description:
      - The ids of users whose devices are gone. What is stored for them no longer counts.
    type: list
    elements: str
  read:
    description:
      - Whether to read the store. V(false) only adds, and takes the same time however much is stored. What is stored already is then
        written again, and RV(entries) and RV(intents) are not returned.
    type: bool
    default: true
    version_added: 0.2.0
  packed:
    description:
      - Return the seeds as one JSON text, RV(entries_packed). It is for the role C(hwc.mfa.mfa_rollout), since Ansible looks at every value of a
        variable each time it is passed on, and at a text once.
    type: bool
    default: false
    version_added: 0.2.0
  lock:
    description:
      - V(acquire) keeps other runs of C(ansible-playbook) away from this account's seeds until V(release), or until this run has ended. Where
        another run has the lock, the task fails and says which. In check mode nothing is locked.
      - V(held) refuses to write unless this run has the lock, and nobody else has written since this run has read the store or last wrote to it.
      - Without the option one can read, and can write while nobody has the lock.
      - The lock belongs to one host of the inventory. Another host of the same play that works on the same account is refused.
      - A lock that a run on another machine holds ends 15 minutes after that run last wrote, since nobody here can see whether it lives.
    type: str
    choices:
      - acquire
      - held
      - release
    version_added: 0.2.0
"""

EXAMPLES = r"""
- name: Store the seed of a device that was just created
  hwc.mfa.seed_store:
    directory: "{{ seed_directory }}"
    account: acme
    password: "{{ seed_password }}"
    entries:
      c91752a33d589cab301ba9880a3efb80:
        serial_number: iam:cd613e30d8f16adf91b7584a2265b1f5:mfa/ada
        seed: "{{ ada_seed }}"
        name: ada

- name: Read the seeds of an account
  hwc.mfa.seed_store:
    directory: "{{ seed_directory }}"
    account: acme
    password: "{{ seed_password }}"
  register: store
  no_log: true
"""

RETURN = r"""
entries:
  description: The seeds that count, a mapping from user id to C(serial_number), C(seed) and C(name).
  returned: success, with O(read) and without O(packed)
  type: dict
  sample: {}
entries_packed:
  description: The same as RV(entries), as a JSON text.
  returned: success, with O(read) and O(packed)
  type: str
  sample: ' {}'
intents:
  description: The ids of users for whom devices were about to be created, and no seed came after.
  returned: success, with O(read)
  type: list
  elements: str
  sample:
    - c91752a33d589cab301ba9880a3efb80
announced:
  description: The users whose announcement the store has, of O(intends).
  returned: success, outside check mode
  type: list
  elements: str
  sample: []
shown:
  description: The seeds of O(entries) as the store has them, read back from the disk.
  returned: success, outside check mode
  type: dict
  sample: {}
lock:
  description: The directory of the lock, with O(lock=acquire) outside check mode.
  returned: when the lock was acquired
  type: str
  sample: /var/lib/mfa-seeds/acme
path:
  description: The directory of the account.
  returned: success
  type: str
  sample: /var/lib/mfa-seeds/acme
files:
  description: The files that were written.
  returned: success
  type: list
  elements: str
  sample:
    - /var/lib/mfa-seeds/acme/000001.yml
"""
