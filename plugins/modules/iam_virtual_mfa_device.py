#!/usr/bin/python
# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: iam_virtual_mfa_device
short_description: Create and remove virtual MFA devices of IAM users
version_added: 0.1.0
description:
  - Creates virtual MFA devices for IAM users of Huawei Cloud and Open Telekom Cloud, one or many at once, or removes them.
  - The cloud shows the seed of a device once, in the answer to its creation. This module returns it in that task's result, and never again.
    Store it before you bind the device.
  - A result that holds a seed is marked so that Ansible does not print it, even if C(no_log) was forgotten. The registered value is complete.
  - A user can have security keys beside the virtual device. The module never changes one. Where the cloud does not tell the two apart, the user
    fails unless O(serial_number) says which device is meant.
author:
  - The hwc.mfa authors (@hwc-mfa)
extends_documentation_fragment:
  - hwc.mfa.auth
  - hwc.mfa.fleet
  - hwc.mfa.fleet.api
  - hwc.mfa.attributes
  - hwc.mfa.attributes.write
attributes:
  async:
    description: Supports being used with the C(async) keyword.
    support: none
    details: With any C(poll), Ansible would write the result with seeds to a file in the clear, so the module refuses C(async).
      Give many users as O(devices) instead. They are processed at the same time.
  idempotent:
    support: partial
    details: With O(replace=unbound) each run replaces the device that the one before has created, until it is bound. With the other values a second run changes
      nothing.
options:
  state:
    description:
      - V(present) creates a device for a user who has none. Security keys do not count.
      - V(absent) unbinds the user's device if necessary, deletes it, and reads until it is gone.
      - For V(absent), login protection with V(vmfa) must be off, see M(hwc.mfa.iam_login_protection). Otherwise the cloud refuses with C(IAM.1062), and so
        does check mode as far as these credentials may read login protection.
    type: str
    choices:
      - present
      - absent
    default: present
  user_id:
    description:
      - The id of the user. Give exactly one of it, O(user_name) and O(devices).
    type: str
  user_name:
    description:
      - The name of the user, instead of the id. It is looked up in the listing of the account, which takes an administrator's credentials.
    type: str
    version_added: 1.0.0
  name:
    description:
      - The name of the device. Names are unique in an account.
      - The clouds allow 1 to 64 letters A to Z, digits, C(-) and C(_). Other characters are replaced. Where two names would become equal, a short end is added,
        so that a device can be named after its user.
      - Without it, the name is made from the user's id and a random end. The cloud makes the serial number from the name, and a serial number that returned
        with another seed would make the old seed look valid. For the same reason a device that replaces another one gets a random end behind its name, and
        you do not use a name again.
      - It counts with O(state=present) alone, since clouds do not show it. O(state=absent) removes the virtual MFA device that the user has, whatever its name,
        unless O(serial_number) says which one is meant. If you give a name all the same, a warning says so.
    type: str
  serial_number:
    description:
      - With O(state=absent), the device to remove. If the user has another one by now, nothing is done.
      - With O(state=present), the device that O(presume_unbound) is about. Another one, which the user has made meanwhile, is left alone.
      - If nothing tells whether that is the user's device, because the cloud shows it under a serial number of another form, the user fails.
      - Where the cloud does not tell a virtual MFA device from a security key, the serial number decides. Give only one that a creation returned.
    type: str
    version_added: 1.0.0
  presume_unbound:
    description:
      - Declares that the user's device is your own leftover, whose seed is lost, and not bound, even where the cloud does not tell whether it is bound.
        O(replace=unbound) and O(replace=own) then replace it, and O(state=absent) removes it.
      - The device is deleted without being unbound first. Where the cloud refuses to delete a bound device, one that is bound after all survives this, and the
        user fails. A device that the cloud shows as bound is left alone, and the user fails.
    type: bool
    default: false
  check_credentials:
    description:
      - With O(state=absent), whether users with credentials of their own in O(devices) keep their device unless these credentials show it to them. Set it
        before you create another device that only the user can bind.
      - In check mode passwords are not tried, because a protected login wants a code.
    type: bool
    default: false
    version_added: 1.1.0
  devices:
    description:
      - Many users at once. The module's credentials create the device. An item's own credentials are used where the cloud lets only the user create it,
        or where the module has none.
    type: list
    elements: dict
    suboptions:
      user_id:
        description: The id of the user. Give it or O(devices[].user_name).
        type: str
      user_name:
        description:
          - The name of the user, instead of the id. The account is listed once for all names, which takes an administrator's credentials.
        type: str
        version_added: 1.0.0
      name:
        description: The name of the device.
        type: str
      serial_number:
        description: As O(serial_number).
        type: str
      replace:
        description: As O(replace), for this user.
        type: str
        choices:
          - never
          - own
          - unbound
      presume_unbound:
        description: As O(presume_unbound), which counts for all items that do not have their own.
        type: bool
      check_credentials:
        description: As O(check_credentials), which counts for all items that do not have their own.
        type: bool
        version_added: 1.1.0
      auth_password:
        description: The user's password. The login is by O(devices[].user_id).
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
        description: An access key of the user. Goes with O(devices[].secret_key).
        type: str
      secret_key:
        description: The secret key of O(devices[].access_key).
        type: str
      security_token:
        description: The security token that came with temporary keys.
        type: str
  replace:
    description:
      - V(never) keeps a device that exists, bound or not.
      - V(own) deletes your own leftover and creates a new device. A leftover is a device with O(presume_unbound), or one that this very task created and
        whose answer was lost.
      - V(unbound) also deletes any other device that is certainly unbound. Its owner may be about to bind it.
      - A seed is worthless once its device is replaced. So use V(unbound) for users whose seed is lost, and not in a task that runs again.
    type: str
    choices:
      - never
      - own
      - unbound
    default: never
notes:
  - Do not repeat the task with C(until) and C(retries). Ansible keeps the result of the last try only, and the seeds of users whose devices an earlier try
    created are lost. Register the result with C(ignore_errors), store its seeds, and run a task for the users who failed. The module itself repeats
    requests, see O(retries).
seealso:
  - module: hwc.mfa.iam_virtual_mfa_bind
  - plugin: hwc.mfa.otpauth_uri
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Create a device for one user
  hwc.mfa.iam_virtual_mfa_device:
    user_id: c91752a33d589cab301ba9880a3efb80
    name: ada
  register: created
  no_log: true

- name: Create devices for many users
  hwc.mfa.iam_virtual_mfa_device:
    devices:
      - user_id: 4e3d4d0f51dd5d5cdd946658d2511c38
        name: grace
        auth_password: "{{ grace_password }}"
      - user_id: 9b29b54be587dd211f8ce97adb34fa8d
        name: robot
        access_key: "{{ robot_access_key }}"
        secret_key: "{{ robot_secret_key }}"
  register: created
  no_log: true

- name: Create a device anew for a user who never bound theirs, and whose seed is lost
  hwc.mfa.iam_virtual_mfa_device:
    user_id: c91752a33d589cab301ba9880a3efb80
    replace: unbound
  register: created
  no_log: true

- name: Remove a user's device
  hwc.mfa.iam_virtual_mfa_device:
    user_id: c91752a33d589cab301ba9880a3efb80
    state: absent
"""

RETURN = r"""
devices:
  description: The outcome for every user, in input order; a list of one for a single user.
  returned: success and failure of single users
  type: list
  elements: dict
  contains:
    user_id:
      description: The id of the user, or V(null) where O(devices[].user_name) is nobody's.
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
      description: The serial number of the device, or V(null) if there is none or, in check mode, none yet.
      returned: always
      type: str
      sample: iam:cd613e30d8f16adf91b7584a2265b1f5:mfa/grace
    binding:
      description: V(bound), V(unbound), or V(unknown) where the cloud does not tell.
      returned: always
      type: str
      sample: unbound
    changed:
      description: Whether a device was created, unbound or removed for this user. Also V(true) if that was done before the rest failed.
      returned: always
      type: bool
      sample: true
    creation:
      description: V(made) if a device was created, V(none) if certainly none was, V(unknown) if the answer was lost.
      returned: with O(state=present)
      type: str
      sample: made
    seed:
      description: The base32 seed. The cloud shows it this once.
      returned: when the device was just created
      type: str
      sample: MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43U
    failed:
      description: Whether it failed for this user.
      returned: always
      type: bool
      sample: false
    msg:
      description: What failed, and what to do.
      returned: when it failed for this user
      type: str
      sample: "POST /v3.0/OS-MFA/virtual-mfa-devices: no permission (HTTP 403, IAM.0003, request id 5b1f3c8e0a2d4f6b)."
    error:
      description: What the cloud said, as C(status), C(code) and C(request_id).
      returned: when it failed for this user
      type: dict
      sample:
        status: 403
        code: IAM.0003
        request_id: 5b1f3c8e0a2d4f6b
error:
  description: The RV(devices[].error) of the first user for whom it failed.
  returned: failure
  type: dict
  sample:
    status: 403
    code: IAM.0003
    request_id: 5b1f3c8e0a2d4f6b
"""

from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_virtual_mfa_device import DEVICE
from ansible_collections.hwc.mfa.plugins.module_utils._runner.module import run


def main() -> None:
    run(DEVICE)


if __name__ == "__main__":
    main()
