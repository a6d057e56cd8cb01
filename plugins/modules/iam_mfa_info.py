#!/usr/bin/python
# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: iam_mfa_info
short_description: Show who in an account has an MFA device, whether it is bound, and who is protected
version_added: 0.1.0
description:
  - Reads the users of an account of Huawei Cloud or Open Telekom Cloud, their MFA devices and their login protection. The number of calls does not depend
    on the number of users, apart from paging and O(details). Changes nothing.
  - A user who has a device is not yet protected. The device may have been created and never bound, and the cloud asks for a code of a bound device only
    while login protection with V(vmfa) is on.
author:
  - The hwc.mfa authors (@hwc-mfa)
extends_documentation_fragment:
  - hwc.mfa.auth
  - hwc.mfa.fleet.api
  - hwc.mfa.attributes
  - hwc.mfa.attributes.read
options:
  user_ids:
    description:
      - The ids of the users to read, instead of the whole account.
      - RV(users[].name) and RV(users[].enabled) are then V(null) unless O(details) is set, because the listing of the whole account is not read. A user
        who does not exist is returned without a device and without login protection.
    type: list
    elements: str
    version_added: 1.0.0
  user_names:
    description:
      - The names of the users to read, instead of the whole account, or beside O(user_ids). The account is listed once for all of them.
      - The module fails if nobody has one of the names.
    type: list
    elements: str
    version_added: 1.0.0
  details:
    description:
      - Ask for each user by themselves, which costs up to three calls a user, O(concurrency) at once.
      - It tells RV(users[].console_access) where the cloud's listing does not, and whether a user who may use the console has a password for it. It tells
        RV(users[].email) and RV(users[].last_login_at) too. On Open Telekom Cloud only this tells RV(users[].created_at) and RV(root).
    type: bool
    default: false
    version_added: 1.0.0
  groups:
    description:
      - Names of groups whose members are returned as RV(groups). Two calls a group. Mutually exclusive with O(user_ids) and O(user_names).
    type: list
    elements: str
    version_added: 1.0.0
  select:
    description:
      - Which users to return and to count. A user must fit all that is given. A user of whom the cloud does not tell what is asked for does not fit.
      - Mutually exclusive with O(user_ids) and O(user_names).
    type: dict
    version_added: 1.0.0
    suboptions:
      names:
        description: Patterns of names with C(*), C(?) and C([...]), of which one must fit. They are case-sensitive.
        type: list
        elements: str
      groups:
        description: Names of groups, of which the user must be in one.
        type: list
        elements: str
      tags:
        description:
          - Tags that the user must have, all of them, and their values. Huawei Cloud only.
          - Put words such as V("true") in quotes. YAML makes a truth value of C(true), C(yes) and C(on), which is an error.
        type: dict
      created_after:
        description: A date such as C(2026-01-31), or a time such as C(2026-01-31T12:00:00Z). A date begins at midnight UTC.
        type: raw
      last_login_before:
        description: As O(select.created_after). Users who never logged in fit any date.
        type: raw
  concurrency:
    description:
      - How many users are read at once where O(user_ids), O(user_names) or O(details) is given, from 1 to 256.
    type: int
    default: 8
    version_added: 1.0.0
notes:
  - Call it with an administrator's credentials.
seealso:
  - module: hwc.mfa.iam_login_protection
  - module: hwc.mfa.iam_virtual_mfa_bind
"""

EXAMPLES = r"""
- name: Look at the whole account
  hwc.mfa.iam_mfa_info:
  register: account

- name: Name the users who need MFA and are not protected
  ansible.builtin.debug:
    msg: "{{ account.users | selectattr('posture', 'in', ['unprotected', 'enrolled_only', 'required_only']) | map(attribute='name') }}"

- name: Look at administrators who have not logged in for a year, and say whether they have a password
  hwc.mfa.iam_mfa_info:
    details: true
    select:
      groups: [admin]
      last_login_before: 2025-11-01
"""

RETURN = r"""
users:
  description: Every user of the account, or those of O(user_ids) in that order and after them those of O(user_names).
  returned: success
  type: list
  elements: dict
  contains:
    user_id:
      description: The id of the user.
      returned: always
      type: str
      sample: 4e3d4d0f51dd5d5cdd946658d2511c38
    name:
      description: The name of the user.
      returned: always
      type: str
      sample: grace
    enabled:
      description: Whether the user is enabled.
      returned: always
      type: bool
      sample: true
    posture:
      description:
        - What MFA comes to for the user. The first line that fits counts.
        - V(disabled) - the user is disabled.
        - V(not_needed) - the user cannot log in to the console.
        - V(protected) - a virtual device is bound, and login protection asks for its code.
        - V(enrolled_only) - a virtual device is bound, and nothing asks for its code.
        - V(unknown) - login protection asks for a code of a device, and the cloud does not tell whether it is bound, or whether the device that
          is bound is a virtual one. A security key is none.
        - V(required_only) - login protection asks for a code, and no device is bound. The user must bind one at the next login.
        - V(unprotected) - everybody else. Login protection by SMS or e-mail does not count.
      returned: always
      type: str
      version_added: 1.0.0
      sample: protected
    console_access:
      description:
        - Whether the user can log in to the console, V(yes), V(no) or V(unknown). With V(no) the user needs no MFA for it.
        - Without O(details), Huawei Cloud tells it by the access mode only, and Open Telekom Cloud does not tell it.
      returned: always
      type: str
      version_added: 1.0.0
      sample: 'yes'
    created_at:
      description: When the user was created, in UTC, or V(null) where the cloud does not tell.
      returned: always
      type: str
      version_added: 1.0.0
      sample: '2026-01-31T12:00:00Z'
    last_login_at:
      description: When the user last logged in, in UTC, V(never), or V(null) where the cloud does not tell.
      returned: always
      type: str
      version_added: 1.0.0
      sample: '2026-11-02T08:30:00Z'
    email:
      description: The user's e-mail address, or V(null) where the cloud does not tell.
      returned: always
      type: str
      version_added: 1.0.0
      sample: grace@acme.example
    tags:
      description: The user's tags, or V(null) where the cloud does not tell.
      returned: always
      type: dict
      version_added: 1.0.0
      sample: {team: blue}
    device:
      description:
        - The user's virtual MFA device, or V(null) if there is none.
        - Where the cloud does not tell which device is the virtual one, its C(kind) is V(unknown). On Huawei Cloud, IAM v5 tells whether a device is
          bound, and IAM v3.0 which one is virtual, so the credentials need the permission for both.
        - Where the two APIs write serial numbers in forms that have nothing in common, it is the device as IAM v3.0 shows it, and whether it is bound is
          V(unknown) if anything is.
      returned: always
      type: dict
      contains:
        serial_number:
          description: The serial number of the device.
          returned: always
          type: str
          sample: iam:cd613e30d8f16adf91b7584a2265b1f5:mfa/grace
        binding:
          description: V(bound), V(unbound), or V(unknown) where the cloud does not tell.
          returned: always
          type: str
          sample: bound
        kind:
          description: V(virtual), or V(unknown) where the cloud does not tell a virtual MFA device from a security key.
          returned: always
          type: str
          version_added: 1.0.0
          sample: virtual
    devices:
      description: All MFA devices of the user that the cloud lists. Security keys can be among them; no module of this collection changes one.
      returned: always
      type: list
      elements: dict
      version_added: 1.0.0
      contains:
        serial_number:
          description: The serial number of the device.
          returned: always
          type: str
          sample: iam:cd613e30d8f16adf91b7584a2265b1f5:mfa/grace
        binding:
          description: V(bound), V(unbound), or V(unknown) where the cloud does not tell.
          returned: always
          type: str
          sample: bound
        kind:
          description: V(virtual) for a virtual MFA device, V(other) for another one such as a security key, V(unknown) where the cloud does not tell.
          returned: always
          type: str
          sample: virtual
    login_protection:
      description: The user's login protection. It is off if it was never configured.
      returned: always
      type: dict
      contains:
        enabled:
          description: Whether it is on.
          returned: always
          type: bool
          sample: true
        verification_method:
          description: V(sms), V(email), V(vmfa), or V(none) while protection is off.
          returned: always
          type: str
          sample: vmfa
summary:
  description: Counts of users.
  returned: success, without O(user_ids) and O(user_names)
  type: dict
  contains:
    users:
      description: All users.
      returned: always
      type: int
      sample: 200
    enabled:
      description: Users who are enabled.
      returned: always
      type: int
      sample: 198
    without_device:
      description: Users without a virtual MFA device.
      returned: always
      type: int
      sample: 3
    bound:
      description: Users whose device is bound.
      returned: always
      type: int
      sample: 195
    unbound:
      description: Users whose device was created and not bound.
      returned: always
      type: int
      sample: 2
    unknown:
      description: Users with a device of which the cloud does not tell whether it is bound.
      returned: always
      type: int
      sample: 0
    login_protection:
      description: Users whose login protection is on, by any method.
      returned: always
      type: int
      sample: 196
    vmfa:
      description: Users whose login protection asks for a code of a virtual MFA device.
      returned: always
      type: int
      sample: 195
    protected:
      description: Users with a virtual device that is certainly bound and login protection that asks for it.
      returned: always
      type: int
      sample: 195
    posture:
      description: How many users have each of the postures that RV(users[].posture) can be.
      returned: always
      type: dict
      version_added: 1.0.0
      sample: {protected: 150, enrolled_only: 3, required_only: 2, unprotected: 5, unknown: 0, not_needed: 38, disabled: 2}
    coverage:
      description:
        - How many per cent of the users who need MFA are V(protected). Needed are all postures but V(not_needed) and V(disabled).
        - It has one decimal and never rounds up to 100.
      returned: always
      type: float
      version_added: 1.0.0
      sample: 93.7
root:
  description: The root user, who owns the account. Nobody else can give them a device.
  returned: success, without O(user_ids) and O(user_names)
  type: dict
  version_added: 1.0.0
  contains:
    user_id:
      description: The id of the root user, or V(null) where the cloud does not tell.
      returned: always
      type: str
      sample: 0f6f1a1d2b3c4d5e6f708192a3b4c5d6
    name:
      description: The name of the root user, or V(null) where the cloud does not tell.
      returned: always
      type: str
      sample: acme
    mfa:
      description: Whether the root user has an enabled MFA device, V(yes), V(no), or V(unknown) where the cloud does not tell.
      returned: always
      type: str
      sample: 'no'
now:
  description: The cloud's time, in UTC.
  returned: success
  type: str
  version_added: 1.0.0
  sample: '2026-11-28T08:00:00Z'
groups:
  description: The ids of the members of the groups of O(groups) and O(select.groups), by the groups' names.
  returned: when groups are asked for
  type: dict
  version_added: 1.0.0
  sample: {admin: [4e3d4d0f51dd5d5cdd946658d2511c38]}
account:
  description: The account that the module's credentials reach.
  returned: success, without O(user_ids) and O(user_names)
  type: dict
  version_added: 1.0.0
  contains:
    id:
      description: The id of the account, or V(null) where the cloud does not tell. The clouds' APIs call it a domain.
      returned: always
      type: str
      sample: cd613e30d8f16adf91b7584a2265b1f5
    name:
      description: The name of the account, or V(null) where the cloud does not tell.
      returned: always
      type: str
      sample: acme
caller:
  description:
    - The user or agency that the module's credentials belong to, or V(null) where the cloud does not tell. Temporary keys are known on Huawei Cloud only, where
      STS tells.
    - The role C(hwc.mfa.mfa_rollout) never touches that user.
  returned: success, without O(user_ids) and O(user_names)
  type: dict
  contains:
    user_id:
      description: The id of the user, or V(null).
      returned: always
      type: str
      sample: c91752a33d589cab301ba9880a3efb80
    name:
      description: The name of the user, or V(null).
      returned: always
      type: str
      sample: admin
    principal_urn:
      description: The URN of the user or agency where STS told it, or V(null). An agency has only this, and on Open Telekom Cloud not even this.
      returned: always
      type: str
      version_added: 1.0.0
      sample: iam::cd613e30d8f16adf91b7584a2265b1f5:user:admin
administrators:
  description:
    - The ids of the members of the group C(admin), which every account has. The root user always belongs to it. Users who have the same permissions by
      another group are not listed.
    - V(null) where these credentials may not read it.
    - The role C(hwc.mfa.mfa_rollout) never touches the last of them.
  returned: success, without O(user_ids) and O(user_names)
  type: list
  elements: str
  version_added: 1.0.0
  sample: [c91752a33d589cab301ba9880a3efb80]
api:
  description: The generation of the API that listed the devices. V(v3) does not tell a bound device from one that was only created.
  returned: success
  type: str
  sample: v5
check_mode:
  description: Whether the task ran in check mode. The variable C(ansible_check_mode) shows the command line's only.
  returned: success
  type: bool
  sample: false
error:
  description: What the cloud said, as C(status), C(code) and C(request_id).
  returned: failure
  type: dict
  sample:
    status: 403
    code: IAM.0003
    request_id: 5b1f3c8e0a2d4f6b
"""

from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_mfa_info import MFA_INFO
from ansible_collections.hwc.mfa.plugins.module_utils._runner.module import run


def main() -> None:
    run(MFA_INFO)


if __name__ == "__main__":
    main()
