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
  - The cloud asks for two consecutive verification codes (TOTP) of the device. Give the two codes, or the device's O(seed). From a seed the module
    computes the previous and the current code on the server's clock, so nobody waits for a second code.
  - Only the user may bind their device. For a single user, give the user's own credentials as the module's. For many users, give them in each item of
    O(bindings). Administrator credentials are needed in addition only where users may not read their device.
  - A bound device is skipped, and no code is spent. Where only version 3.0 of IAM answers, the cloud does not tell whether a device is bound. The module
    then tries to bind it, and takes the answer "conflict" to mean that it is bound.
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
      - An administrator unbinds without a code. A user must give the current one.
      - Login protection with V(vmfa) must be off, see M(hwc.mfa.iam_login_protection). Otherwise the cloud refuses with C(IAM.1062), and so does check mode
        as far as these credentials may read login protection.
    type: str
    choices:
      - present
      - absent
    default: present
  user_id:
    description:
      - The id of the user. Give exactly one of it, O(user_name) and O(bindings).
    type: str
  user_name:
    description:
      - The name of the user, instead of the id. It is looked up in the listing of the account, which takes an administrator's credentials.
    type: str
    version_added: 1.0.0
  serial_number:
    description:
      - The serial number of the device, as the cloud gave it. Without it the user's virtual MFA device is taken. A user has at most one.
      - The module fails if the user has another virtual MFA device.
      - Without it, the module also fails where the cloud does not tell a virtual MFA device from a security key. There the serial number decides, so give
        one that a creation returned.
    type: str
  authentication_code_first:
    description:
      - The earlier one of two consecutive codes of the device. A string of six digits; quote it in YAML.
      - With O(state=absent), the user's current code.
    type: str
  authentication_code_second:
    description:
      - The later one of two consecutive codes of the device. A string of six digits; quote it in YAML.
    type: str
  seed:
    description:
      - The base32 seed of the device, instead of the two codes.
      - If fewer than 3 seconds of a 30 second step are left, the module waits for the next step, because the codes could arrive too late.
    type: str
  presume_unbound:
    description:
      - Declares that the device has just been created, so that the module need not read whether it is bound. This saves a call for each user, and the wait
        for a cloud that shows a new device late. Has no effect without a serial number.
      - Users with such a device and a password log in while others wait for their next code.
      - If the device is bound after all, the cloud refuses, and nothing changes. Where the cloud does not tell why it refused, the user fails.
    type: bool
    default: false
    version_added: 1.0.0
  bindings:
    description:
      - Many users at once. For an item without credentials the module's own are used.
    type: list
    elements: dict
    suboptions:
      user_id:
        description: The id of the user. Give it or O(bindings[].user_name).
        type: str
      user_name:
        description:
          - The name of the user, instead of the id. The account is listed once for all names, which takes an administrator's credentials.
        type: str
        version_added: 1.0.0
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
        description: As O(presume_unbound), which counts for all items that do not have their own.
        type: bool
        version_added: 1.0.0
      auth_password:
        description: The user's password. The login is by O(bindings[].user_id).
        type: str
      auth_domain_name:
        description: The name of the user's account. Needed where the module's credentials do not tell it.
        type: str
      auth_domain_id:
        description: The id of the user's account, instead of its name.
        type: str
        version_added: 1.0.0
      auth_passcode:
        description: A current code, if the user's login asks for one.
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
    description: How to roll MFA out to a whole fleet.
"""

EXAMPLES = r"""
- name: Bind the device of one user, with two codes that it showed
  hwc.mfa.iam_virtual_mfa_bind:
    user_id: c91752a33d589cab301ba9880a3efb80
    authentication_code_first: "{{ first_code }}"
    authentication_code_second: "{{ second_code }}"
    auth_user_id: c91752a33d589cab301ba9880a3efb80
    auth_password: "{{ ada_password }}"
    auth_domain_name: acme-berlin

- name: Bind the devices of many users from their seeds
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
      description: The id of the user, or V(null) where O(bindings[].user_name) is nobody's.
      returned: always
      type: str
      sample: 4e3d4d0f51dd5d5cdd946658d2511c38
    user_name:
      description: The name of the user, where the user was named by it.
      returned: when the user is given by name
      type: str
      version_added: 1.0.0
      sample: grace
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
      description: What failed, and what to do.
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
