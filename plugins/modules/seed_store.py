#!/usr/bin/python
# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: seed_store
short_description: Keep the seeds of virtual MFA devices in ansible-vault files, HashiCorp Vault, OpenBao, or Huawei Cloud CSMS
version_added: 0.1.0
description:
  - Reads the seeds of an account, and adds to them. The role C(hwc.mfa.mfa_rollout) stores its seeds with it.
  - With O(type=ansible_vault) the files are C(<directory>/<account>/*.yml) on the control node, each an ansible-vault file that decrypts to a mapping from
    user id to C(serial_number), C(seed) and C(name). Files are numbered and never overwritten. C(ansible-vault view) opens them.
  - Files C(*.json) beside them hold no secrets. They record that devices were about to be created, that none were created after all, or that devices are
    gone. A seed is valid until its device is known to be gone. A user can have several seeds; use that of the device that the cloud shows.
  - With O(type=hashi_vault) the secrets are C(<path>/<account>/000001) and so on in a KV engine of version 2, each written once, by check-and-set, and
    never overwritten. A secret holds C(seeds), a mapping as above, or C(mark). A wave of many users takes several secrets. The secret C(.lock) beside them
    is the lock.
  - With O(type=csms) the secrets are C(<path>.<account>.000001) and so on in Huawei Cloud's secret management service, with the same content. Each is
    created once and never changed. A project has room for 500 secrets unless its quota was raised, so at the beginning and the end of a run (O(lock)) the
    seeds that are valid are copied into few secrets, read back, and the older secrets deleted. The lock is C(<path>.<account>.lock.<number>).
  - Before the task ends, what it wrote has been stored and read back. Only the owner can read the files.
  - A result that holds a seed is marked so that Ansible does not print it.
author:
  - The hwc.mfa authors (@hwc-mfa)
extends_documentation_fragment:
  - hwc.mfa.attributes
  - hwc.mfa.attributes.control_node
  - hwc.mfa.seed_store
attributes:
  diff_mode:
    support: none
    details: A difference would show seeds.
options:
  account:
    description:
      - The name of the account. It is the name of a directory in O(directory), or of a folder of secrets in O(hashi_vault.path),
        or is a part of the names of secrets of O(type=csms).
    type: str
    required: true
  account_id:
    description:
      - The cloud's id of the account. The task fails if the store belongs to another account. A store belongs to the account of the announcement (O(intends))
        that first named one.
    type: str
    version_added: 1.0.0
  entries:
    description:
      - Seeds to store, a mapping from user id to C(serial_number), C(seed) and C(name), and optionally C(bound), C(proven), C(made_at), the time at which the
        device was created, and C(before), the login protection before the rollout. What is stored already is not written again.
      - Without C(made_at), O(hwc.mfa.mfa_rollout#role:main:mfa_rollout_rotate_before) takes the device for one that is older.
      - What RV(entries) has of a user can be given as it is, but for C(earlier). To move to another store, store the older seeds first.
    type: dict
  intends:
    description:
      - The ids of users for whom devices are about to be created. Their stored seeds stay valid.
    type: list
    elements: str
  withdraws:
    description:
      - The ids of users for whom certainly no device was created after all. They are removed from RV(intents).
    type: list
    elements: str
    version_added: 1.0.0
  removes:
    description:
      - The ids of users whose devices are gone. Their stored seeds are no longer valid.
      - What the same task gives of these users as O(intends) or O(entries) comes after it and is valid.
    type: list
    elements: str
  read:
    description:
      - Whether to read the store. V(false) only adds, which takes the same time however much is stored. It writes again what is stored already, and
        returns neither RV(entries) nor RV(intents).
    type: bool
    default: true
    version_added: 1.0.0
  packed:
    description:
      - Whether to return the seeds as one JSON text, RV(entries_packed). The role C(hwc.mfa.mfa_rollout) uses it, because Ansible processes every value of a
        variable each time it is passed on, and a text only once.
    type: bool
    default: false
    version_added: 1.0.0
  lock:
    description:
      - V(acquire) locks this account's seeds for this run of C(ansible-playbook), until V(release) or the end of the run. If another run has the lock, the
        task fails and names it. In check mode nothing is locked, and the task fails as it would for real if another run has the lock, or if the directory of
        the account could not be used.
      - V(held) writes only if this run has the lock, and nobody else has written since this run last read or wrote the store.
        With O(type=ansible_vault) O(password) must be that of the task that read the store first after the lock was acquired.
      - Without the option, reading is always possible, and writing while nobody has the lock. With O(type=ansible_vault) O(password) must open the newest
        file to store seeds or announce devices.
      - The lock belongs to one host of the inventory. Another host of the same play that uses the same account's seeds fails.
      - The lock of a run on this machine ends with its process. The lock of a run on another machine, or in another container, ends 15 minutes after that
        run last renewed it, because its process cannot be seen from here.
    type: str
    choices:
      - acquire
      - held
      - release
    version_added: 1.0.0
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

- name: Store it in HashiCorp Vault or OpenBao, with VAULT_ADDR and VAULT_TOKEN in the environment
  hwc.mfa.seed_store:
    type: hashi_vault
    hashi_vault:
      engine_mount_point: secret
      path: mfa
    account: acme
    entries:
      c91752a33d589cab301ba9880a3efb80:
        serial_number: iam:cd613e30d8f16adf91b7584a2265b1f5:mfa/ada
        seed: "{{ ada_seed }}"
        name: ada

- name: Store it in the secret management service of another account, with HW_REGION_NAME in the environment
  hwc.mfa.seed_store:
    type: csms
    csms:
      project_id: 0a1b2c3d4e5f60718293a4b5c6d7e8f9
      access_key: "{{ security_access_key }}"
      secret_key: "{{ security_secret_key }}"
    account: acme
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
  description: >-
    The valid seeds, a mapping from user id to C(serial_number), C(seed) and C(name), where they are true C(bound) and C(proven), where it is known
    C(made_at), and where a rollout set login protection C(before), what was set before. If a user has several seeds, C(earlier) is a list of the older ones.
  returned: success, with O(read) and without O(packed)
  type: dict
  sample: {}
entries_packed:
  description: The same as RV(entries), as a JSON text.
  returned: success, with O(read) and O(packed)
  type: str
  sample: ' {}'
intents:
  description: The ids of users for whom devices were about to be created, without a seed or a withdrawal afterwards.
  returned: success, with O(read)
  type: list
  elements: str
  sample:
    - c91752a33d589cab301ba9880a3efb80
announced:
  description: The users of O(intends) whose announcement is stored.
  returned: success, outside check mode
  type: list
  elements: str
  sample: []
shown:
  description: The seeds of O(entries), which were stored and read back.
  returned: success, outside check mode
  type: dict
  sample: {}
lock:
  description: The place of the lock, with O(lock=acquire) outside check mode. It is a directory or the address of secrets.
  returned: when the lock was acquired
  type: str
  sample: /var/lib/mfa-seeds/acme
path:
  description: The directory of the account, or the address of its secrets.
  returned: success
  type: str
  sample: /var/lib/mfa-seeds/acme
files:
  description: The files or secrets that were written.
  returned: success
  type: list
  elements: str
  sample:
    - /var/lib/mfa-seeds/acme/000001.yml
"""
