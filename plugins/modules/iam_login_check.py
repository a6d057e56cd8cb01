#!/usr/bin/python
# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: iam_login_check
short_description: Prove that IAM users can log in with password and code
version_added: 0.2.0
description:
  - Logs users of Huawei Cloud or Open Telekom Cloud in with their password and a code of their virtual MFA device, and says who got in. This is the
    proof that a device which was bound for somebody, and the seed that was stored for it, are of use to him.
  - All wait together for codes that nobody has sent before, for up to 30 seconds, and not each for himself. Each logs in once.
  - Changes nothing; the tokens are thrown away. A login uses up its code, and a refused one counts towards the lock of the user.
author:
  - The hwc.mfa authors (@hwc-mfa)
extends_documentation_fragment:
  - hwc.mfa.auth
  - hwc.mfa.fleet
  - hwc.mfa.attributes
  - hwc.mfa.attributes.read
options:
  users:
    description:
      - The users who are to log in.
    type: list
    elements: dict
    required: true
    suboptions:
      user_id:
        description: The id of the user.
        type: str
        required: true
      auth_password:
        description: The user's password.
        type: str
      auth_domain_name:
        description: The name of the user's account, where it cannot be found out with the module's credentials.
        type: str
      seed:
        description: The base32 seed of the user's device. Exactly one of it and O(users[].auth_passcode) must be given.
        type: str
      auth_passcode:
        description: A current code of the user's device. A string of six digits, to be quoted in YAML.
        type: str
  new_codes:
    description:
      - Whether codes that are computed from a O(users[].seed) wait until the next step of 30 seconds has begun. The codes of the current one may have been
        sent already, such as for the binding of the device, and no code works twice.
    type: bool
    default: true
notes:
  - The module's own credentials are needed only to find out the name of the account.
seealso:
  - module: hwc.mfa.iam_virtual_mfa_bind
  - module: hwc.mfa.iam_login_protection
"""

EXAMPLES = r"""
- name: Prove that a user gets in with his password and the stored seed
  hwc.mfa.iam_login_check:
    users:
      - user_id: c91752a33d589cab301ba9880a3efb80
        auth_password: "{{ ada_password }}"
        seed: "{{ ada_seed }}"
"""

RETURN = r"""
users:
  description: An entry for each user, in the order of O(users).
  returned: always
  type: list
  elements: dict
  contains:
    user_id:
      description: The id of the user.
      returned: always
      type: str
      sample: c91752a33d589cab301ba9880a3efb80
    logged_in:
      description: Whether he got in.
      returned: always
      type: bool
      sample: true
    changed:
      description: Always V(false).
      returned: always
      type: bool
      sample: false
    failed:
      description: Whether he did not get in.
      returned: always
      type: bool
      sample: false
    msg:
      description: Why he did not get in.
      returned: failure
      type: str
      sample: "POST /v3/auth/tokens: the account is locked (HTTP 401, IAM.0061)."
    error:
      description: What the cloud said, as C(status), C(code) and C(request_id).
      returned: failure
      type: dict
      sample:
        status: 401
        code: IAM.0061
        request_id: 5b1f3c8e0a2d4f6b
error:
  description: The RV(users[].error) of the first user who did not get in.
  returned: failure
  type: dict
  sample:
    status: 401
    code: IAM.0061
    request_id: 5b1f3c8e0a2d4f6b
"""

from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_login_check import LOGIN_CHECK
from ansible_collections.hwc.mfa.plugins.module_utils._runner.module import run


def main() -> None:
    run(LOGIN_CHECK)


if __name__ == "__main__":
    main()
