#!/usr/bin/python
# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: identity_center_user_mfa_device
short_description: Remove a lost MFA device of a user of IAM Identity Center, rename one, or let the user register one
version_added: 1.0.0
description:
  - Manages the MFA devices of one user of IAM Identity Center of Huawei Cloud.
  - A user registers a device in a browser, and nobody else can. This module gets the address where they do it.
  - The address is a secret, because whoever opens it registers their own device for the user. Ansible does not print a result that holds one.
    Add C(no_log) to the tasks that use it.
author:
  - The hwc.mfa authors (@hwc-mfa)
extends_documentation_fragment:
  - hwc.mfa.auth
  - hwc.mfa.identity_store
  - hwc.mfa.attributes
  - hwc.mfa.attributes.write
attributes:
  async:
    description: Supports being used with the C(async) keyword.
    support: none
    details: With any C(poll), Ansible would write the result with an address that is a secret to a file in the clear, so the module refuses C(async).
  idempotent:
    support: partial
    details: With O(state=register) each run makes a new address, until the user has registered a device.
options:
  user_id:
    description:
      - The id of the user. Give it or O(user_name).
    type: str
  user_name:
    description:
      - The name with which the user signs in.
    type: str
  state:
    description:
      - V(present) gives a device the name O(display_name).
      - V(absent) removes a device, such as a lost phone. What the user is asked for at the next sign-in depends on
        O(hwc.mfa.identity_center_mfa_settings#module:no_mfa_signin_behavior); with V(BLOCKED) they need a new device first.
      - V(register) returns the address where the user registers a device. A user who has a device gets none, unless O(additional=true).
    type: str
    choices:
      - present
      - absent
      - register
    default: present
  device_id:
    description:
      - The device, as M(hwc.mfa.identity_center_user_mfa_info) shows it.
      - It can be left out if the user has one device only. It has no meaning with O(state=register).
    type: str
  display_name:
    description:
      - The new name of the device. Needed with O(state=present).
    type: str
  end_sessions:
    description:
      - With O(state=absent), whether the user's open sessions are ended after the device is removed.
      - They are ended also if the device was gone before, so that another run completes one that broke off.
    type: bool
    default: false
  additional:
    description:
      - With O(state=register), whether a user who has a device gets an address too. A user can have two devices.
      - Then each run makes a new address, also for a user who has a device.
    type: bool
    default: false
seealso:
  - module: hwc.mfa.identity_center_user_mfa_info
  - module: hwc.mfa.identity_center_mfa_settings
"""

EXAMPLES = r"""
- name: Give a device a name that tells what it is
  hwc.mfa.identity_center_user_mfa_device:
    user_name: ada.lovelace
    display_name: Work phone

- name: Remove a lost phone, and sign its owner out everywhere
  hwc.mfa.identity_center_user_mfa_device:
    user_name: ada.lovelace
    state: absent
    end_sessions: true

- name: Get the address where the user registers a new one
  hwc.mfa.identity_center_user_mfa_device:
    user_name: ada.lovelace
    state: register
  register: registration

- name: Keep it for the message to the user
  ansible.builtin.set_fact:
    message: "Register your device at {{ registration.registration_url }}"
  no_log: true
  when: registration is changed
"""

RETURN = r"""
identity_store_id:
  description: The identity store.
  returned: success
  type: str
  sample: d-0123456789
user_id:
  description: The id of the user.
  returned: success
  type: str
  sample: 7d1b3c52-6f0e-4b8a-9c3d-2a1e5f4b6c7d
user_name:
  description: The name with which the user signs in.
  returned: success
  type: str
  sample: ada.lovelace
devices:
  description: The user's MFA devices as they are now, in check mode as they would be.
  returned: success
  type: list
  elements: dict
  contains:
    device_id:
      description: The id of the device.
      returned: success
      type: str
      sample: 0f5a2f7e-3c1d-4e6b-8a9f-1b2c3d4e5f60
    name:
      description: The name that the cloud gave the device.
      returned: success
      type: str
      sample: MFA-1
    display_name:
      description: The name that people gave the device.
      returned: success
      type: str
      sample: Work phone
    type:
      description: What kind of device it is, in the cloud's words.
      returned: success
      type: str
      sample: TOTP
    registered_at:
      description: When the device was registered, in UTC.
      returned: success
      type: str
      sample: '2026-01-01T00:00:00Z'
sessions_ended:
  description: How many open sessions were ended, in check mode would be.
  returned: with O(state=absent) and O(end_sessions=true)
  type: int
  sample: 1
registration_url:
  description: The address where the user registers a device. It is a secret, and works once.
  returned: with O(state=register), when an address was made; not in check mode
  type: str
  sample: https://portal.example.com/mfa/register?workflow=0123456789
error:
  description: What the cloud said, as C(status), C(code) and C(request_id).
  returned: failure
  type: dict
  sample:
    status: 404
    code: IIC.1004
    request_id: 5b1f3c8e0a2d4f6b
"""

from ansible_collections.hwc.mfa.plugins.module_utils._modules.identity_center_user_mfa_device import DEVICE
from ansible_collections.hwc.mfa.plugins.module_utils._runner.module import run


def main() -> None:
    run(DEVICE)


if __name__ == "__main__":
    main()
