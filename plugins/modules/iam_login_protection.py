#!/usr/bin/python
# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: iam_login_protection
short_description: Switch the login protection of IAM users on and off
version_added: 0.1.0
description:
  - Sets whether IAM users of Huawei Cloud and Open Telekom Cloud need a second factor to log in, and which one.
  - With V(vmfa) a user without a virtual MFA device has to bind one at the next login to the console. This way an administrator requires MFA of people
    without holding their seeds. Operators rely on it, but the clouds' API references do not say so. Try it with one user first.
  - A user who logs in by API with a password needs a bound device first.
author:
  - The hwc.mfa authors (@hwc-mfa)
extends_documentation_fragment:
  - hwc.mfa.auth
  - hwc.mfa.fleet
  - hwc.mfa.attributes
  - hwc.mfa.attributes.write
options:
  user_id:
    description:
      - The id of the user. Give exactly one of it, O(user_name) and O(users).
    type: str
  user_name:
    description:
      - The name of the user, instead of the id. It is looked up in the listing of the account, which takes an administrator's credentials.
    type: str
    version_added: 1.0.0
  enabled:
    description:
      - Whether login protection is on. Beside O(users) it counts for all who do not have their own.
    type: bool
    default: true
  verification_method:
    description:
      - The second factor. V(sms) is a message to the phone, V(email) a mail, V(vmfa) a code of a virtual MFA device.
      - If it is not given, the method that is set stays. Where none is set, it is V(vmfa).
    type: str
    choices:
      - sms
      - email
      - vmfa
  users:
    description:
      - Many users at once.
    type: list
    elements: dict
    suboptions:
      user_id:
        description: The id of the user. Give it or O(users[].user_name).
        type: str
      user_name:
        description:
          - The name of the user, instead of the id. The account is listed once for all names, which takes an administrator's credentials.
        type: str
        version_added: 1.0.0
      enabled:
        description: Whether login protection is on. By default it is what O(enabled) says.
        type: bool
      verification_method:
        description: The second factor, as O(verification_method).
        type: str
        choices:
          - sms
          - email
          - vmfa
notes:
  - Only an administrator can set login protection.
seealso:
  - module: hwc.mfa.iam_virtual_mfa_bind
  - module: hwc.mfa.iam_mfa_info
"""

EXAMPLES = r"""
- name: Require MFA of one user from the next login on
  hwc.mfa.iam_login_protection:
    user_id: c91752a33d589cab301ba9880a3efb80
    verification_method: vmfa

- name: Require MFA of some users, and no longer of another
  hwc.mfa.iam_login_protection:
    users:
      - user_id: c91752a33d589cab301ba9880a3efb80
        verification_method: vmfa
      - user_name: grace
        verification_method: vmfa
      - user_id: 9b29b54be587dd211f8ce97adb34fa8d
        enabled: false
"""

RETURN = r"""
users:
  description: The outcome for every user, in input order; a list of one for a single user.
  returned: success and failure of single users
  type: list
  elements: dict
  contains:
    user_id:
      description: The id of the user, or V(null) where O(users[].user_name) is nobody's.
      returned: always
      type: str
      sample: 4e3d4d0f51dd5d5cdd946658d2511c38
    user_name:
      description: The name of the user, where the user was named by it.
      returned: when the user is given by name
      type: str
      version_added: 1.0.0
      sample: grace
    enabled:
      description: Whether login protection is on now; in check mode, whether it would be. V(null) if it failed for this user.
      returned: always
      type: bool
      sample: true
    verification_method:
      description: The second factor, or V(none) while protection is off. V(null) if it failed for this user.
      returned: always
      type: str
      sample: vmfa
    changed:
      description: Whether this user's protection was changed.
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
      sample: "PUT /v3.0/OS-USER/users/42/login-protect: user not found (HTTP 404, IAM.0004, request id 5b1f3c8e0a2d4f6b)."
    error:
      description: >-
        What the cloud said, as C(status), C(code) and C(request_id). If the protection may have been changed all the same, because an answer was lost,
        C(uncertain) is V(true).
      returned: when it failed for this user
      type: dict
      sample:
        status: 404
        code: IAM.0004
        request_id: 5b1f3c8e0a2d4f6b
error:
  description: The RV(users[].error) of the first user for whom it failed.
  returned: failure
  type: dict
  sample:
    status: 404
    code: IAM.0004
    request_id: 5b1f3c8e0a2d4f6b
"""

from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_login_protection import PROTECTION
from ansible_collections.hwc.mfa.plugins.module_utils._runner.module import run


def main() -> None:
    run(PROTECTION)


if __name__ == "__main__":
    main()
