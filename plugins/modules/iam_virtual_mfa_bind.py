#!/usr/bin/python
# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: iam_virtual_mfa_bind
short_description: Bind virtual MFA devices to IAM users, with two consecutive codes
version_added: 0.1.0
description:
  - Binds a virtual MFA device to an IAM user of Huawei Cloud or Open Telekom Cloud, or many devices to many users at once.
  - The cloud wants two consecutive codes of the device. Give them, or give the device's O(seed), from which the module computes the previous
    and the current code on the server's clock, so that nobody waits for a second code.
  - Only the user himself may bind his device. His own credentials are the module's for a single user, or stand in his item of O(bindings).
    An administrator's credentials are needed besides only to read, where users may not.
  - A device that is bound is left alone, and no code is spent on it. Where only version 3.0 of IAM answers, nobody can tell, so the module
    tries, and takes the cloud's "conflict" for "is bound".
author:
  - The hwc.mfa authors (@hwc-mfa)
extends_documentation_fragment:
  - hwc.mfa.auth
  - hwc.mfa.fleet
  - hwc.mfa.fleet.api
  - hwc.mfa.attributes
  - hwc.mfa.attributes.write
options:
  state:
    description:
      - V(present) binds the device, V(absent) unbinds it. Neither creates or deletes it, see M(hwc.mfa.iam_virtual_mfa_device).
      - To unbind, an administrator needs no code, while a user must give a current one. Login protection must be off, see
        M(hwc.mfa.iam_login_protection).
    type: str
    choices:
      - present
      - absent
    default: present
  user_id:
    description:
      - The id of the user. Exactly one of it and O(bindings) must be given.
    type: str
  serial_number:
    description:
      - The serial number of the device, as the cloud gave it. Without it the user's device is taken, of which he has at most one.
      - The module fails if the user's device is another one.
    type: str
  authentication_code_first:
    description:
      - The earlier one of two consecutive codes of the device. A string of six digits, to be quoted in YAML.
      - With O(state=absent) a user's current code.
    type: str
  authentication_code_second:
    description:
      - The later one of two consecutive codes of the device. A string of six digits, to be quoted in YAML.
    type: str
  seed:
    description:
      - The base32 seed of the device, instead of the two codes.
      - When fewer than 3 seconds of a 30 second step are left, the module waits for the next one, since the codes could arrive too late.
    type: str
  presume_unbound:
    description:
      - Says that the device has just been made, so that nobody needs to look whether it is bound. Saves a call a user, and the wait for a
        cloud that shows a new device late. Has no effect without a serial number.
      - If the device is bound after all, the cloud refuses, and nothing is changed. Where it cannot tell why it refused, that is a failure.
    type: bool
    default: false
    version_added: 0.2.0
  bindings:
    description:
      - Many users at once. A user without credentials of his own is bound with the module's.
    type: list
    elements: dict
    suboptions:
      user_id:
        description: The id of the user.
        type: str
        required: true
      serial_number:
        description: The serial number of the device, else the user's device.
        type: str
      authentication_code_first:
        description: The earlier one of two consecutive codes of the device.
        type: str
      authentication_code_second:
        description: The later one of two consecutive codes of the device.
        type: str
      seed:
        description: The base32 seed of the device, instead of the two codes.
        type: str
      presume_unbound:
        description: As O(presume_unbound).
        type: bool
        default: false
        version_added: 0.2.0
      auth_password:
        description: The user's password. He logs in by his O(bindings[].user_id).
        type: str
      auth_domain_name:
        description: The name of the user's account, where it cannot be found out with the module's credentials.
        type: str
      auth_passcode:
        description: A current code of a device that the user has to log in with.
        type: str
      auth_token:
        description: A token of the user.
        type: str
      access_key:
        description: An access key of the user. Goes with O(bindings[].secret_key).
        type: str
      secret_key:
        description: The secret key of O(bindings[].access_key).
        type: str
      security_token:
        description: The security token that came with temporary keys.
        type: str
seealso:
  - module: hwc.mfa.iam_virtual_mfa_device
  - module: hwc.mfa.iam_login_protection
  - ref: ansible_collections.hwc.mfa.docsite.guide_rollout
    description: How a whole fleet is brought to MFA.
"""

EXAMPLES = r"""
- name: Bind the device of one user, with two codes that he read off it
  hwc.mfa.iam_virtual_mfa_bind:
    user_id: c91752a33d589cab301ba9880a3efb80
    authentication_code_first: "{{ first_code }}"
    authentication_code_second: "{{ second_code }}"
    auth_user_id: c91752a33d589cab301ba9880a3efb80
    auth_password: "{{ ada_password }}"
    auth_domain_name: acme-berlin

- name: Bind the devices of many users, whose seeds are known
  hwc.mfa.iam_virtual_mfa_bind:
    bindings:
      - user_id: 4e3d4d0f51dd5d5cdd946658d2511c38
        seed: "{{ grace_seed }}"
        auth_password: "{{ grace_password }}"
      - user_id: 9b29b54be587dd211f8ce97adb34fa8d
        seed: "{{ robot_seed }}"
        access_key: "{{ robot_access_key }}"
        secret_key: "{{ robot_secret_key }}"
  register: bound

- name: Unbind a device as an administrator
  hwc.mfa.iam_virtual_mfa_bind:
    user_id: 4e3d4d0f51dd5d5cdd946658d2511c38
    state: absent
"""

RETURN = r"""
bindings:
  description: The outcome for every user, in input order; a list of one for a single user.
  returned: success and failure of single users
  type: list
  elements: dict
  contains:
    user_id:
      description: The id of the user.
      returned: always
      type: str
      sample: 4e3d4d0f51dd5d5cdd946658d2511c38
    serial_number:
      description: The serial number of the device, or V(null) where it is not known.
      returned: always
      type: str
      sample: iam:cd613e30d8f16adf91b7584a2265b1f5:mfa/grace
    binding:
      description: V(bound), V(unbound), or V(unknown) where the cloud does not tell.
      returned: always
      type: str
      sample: bound
    changed:
      description: Whether this user's device was bound or unbound.
      returned: always
      type: bool
      sample: true
    failed:
      description: Whether it failed for this user.
      returned: always
      type: bool
      sample: false
    msg:
      description: What failed, and what to do about it.
      returned: when it failed for this user
      type: str
      sample: "the user has no virtual MFA device to bind: create one with hwc.mfa.iam_virtual_mfa_device."
    error:
      description: What the cloud said, each V(null) where the cloud was not asked.
      returned: when it failed for this user
      type: dict
      contains:
        status:
          description: The HTTP status.
          returned: always
          type: int
          sample: 400
        code:
          description: The cloud's error code.
          returned: always
          type: str
          sample: IAM.1061
        request_id:
          description: The id that the operator's support asks for.
          returned: always
          type: str
          sample: 5b1f3c8e0a2d4f6b
error:
  description: The RV(bindings[].error) of the first user for whom it failed.
  returned: failure
  type: dict
  sample:
    status: 403
    code: IAM.0003
    request_id: 5b1f3c8e0a2d4f6b
"""

from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_virtual_mfa_bind import BIND
from ansible_collections.hwc.mfa.plugins.module_utils._runner.module import run


def main() -> None:
    run(BIND)


if __name__ == "__main__":
    main()
