#!/usr/bin/python
# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: identity_center_user_mfa_info
short_description: Show the users of IAM Identity Center and their MFA devices
version_added: 1.0.0
description:
  - Reads the users of IAM Identity Center of Huawei Cloud, with the MFA devices of each. Changes nothing.
  - These users are not those of IAM, which M(hwc.mfa.iam_mfa_info) shows.
  - Users are read a hundred at a time, and so are their devices.
author:
  - The hwc.mfa authors (@hwc-mfa)
extends_documentation_fragment:
  - hwc.mfa.auth
  - hwc.mfa.identity_store
  - hwc.mfa.attributes
  - hwc.mfa.attributes.read
options:
  user_names:
    description:
      - Only these users, by the names with which they sign in.
    type: list
    elements: str
  groups:
    description:
      - Only members of these groups, by the groups' names. It takes one more call for each group.
    type: list
    elements: str
  details:
    description:
      - Whether to tell the groups of each user, which takes one more call for each group of the store.
    type: bool
    default: false
seealso:
  - module: hwc.mfa.identity_center_user_mfa_device
  - module: hwc.mfa.identity_center_mfa_settings_info
  - module: hwc.mfa.iam_mfa_info
"""

EXAMPLES = r"""
- name: Read all users and their devices
  hwc.mfa.identity_center_user_mfa_info:
  register: people

- name: Show who has no MFA device
  ansible.builtin.debug:
    msg: "{{ people.users | rejectattr('devices') | map(attribute='name') | list }}"

- name: Read the members of one group, with all their groups
  hwc.mfa.identity_center_user_mfa_info:
    groups:
      - operators
    details: true
"""

RETURN = r"""
identity_store_id:
  description: The identity store.
  returned: success
  type: str
  sample: d-0123456789
users:
  description: The users. What the cloud does not tell is V(null).
  returned: success
  type: list
  elements: dict
  contains:
    user_id:
      description: The id of the user.
      returned: success
      type: str
      sample: 7d1b3c52-6f0e-4b8a-9c3d-2a1e5f4b6c7d
    name:
      description: The name with which the user signs in.
      returned: success
      type: str
      sample: ada.lovelace
    display_name:
      description: The name that the console shows.
      returned: success
      type: str
      sample: Ada Lovelace
    enabled:
      description: Whether the user can sign in.
      returned: success
      type: bool
      sample: true
    email:
      description: The user's first e-mail address.
      returned: success
      type: str
      sample: ada.lovelace@example.com
    groups:
      description: The names of the user's groups.
      returned: with O(details=true)
      type: list
      elements: str
      sample: [operators]
    devices:
      description: The user's MFA devices.
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
          sample: Phone
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
summary:
  description: Counts of the users shown.
  returned: success
  type: dict
  contains:
    users:
      description: All of them.
      returned: success
      type: int
      sample: 4
    disabled:
      description: Those who cannot sign in.
      returned: success
      type: int
      sample: 0
    with_device:
      description: Those of the others who have a device.
      returned: success
      type: int
      sample: 1
    without_device:
      description: Those of the others who have none.
      returned: success
      type: int
      sample: 3
error:
  description: What the cloud said, as C(status), C(code) and C(request_id).
  returned: failure
  type: dict
  sample:
    status: 404
    code: IIC.1004
    request_id: 5b1f3c8e0a2d4f6b
"""

from ansible_collections.hwc.mfa.plugins.module_utils._modules.identity_center_user_mfa_info import INFO
from ansible_collections.hwc.mfa.plugins.module_utils._runner.module import run


def main() -> None:
    run(INFO)


if __name__ == "__main__":
    main()
