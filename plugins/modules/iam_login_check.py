#!/usr/bin/python
# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: iam_login_check
short_description: Prove that IAM users can log in with password and code
version_added: 1.0.0
description:
  - Logs users of Huawei Cloud or Open Telekom Cloud in with their password and a verification code (TOTP) of their virtual MFA device, and returns who
    got in. This proves that a device that was bound for a user, and the seed that was stored for it, work.
  - The module waits once, for up to 30 seconds, for codes that nobody has sent before. Then each user logs in once.
  - A login for which the cloud says that it did not look at the code is no proof, and fails. So does a cloud that asks for no code while login protection
    is off, see M(hwc.mfa.iam_login_protection).
  - Changes nothing, and discards the tokens. A login spends its code, and a refused login counts towards the lock of the user.
author:
  - The hwc.mfa authors (@hwc-mfa)
extends_documentation_fragment:
  - hwc.mfa.auth
  - hwc.mfa.fleet
  - hwc.mfa.attributes
  - hwc.mfa.attributes.read
attributes:
  check_mode:
    support: full
    details: Users log in in check mode too, since nothing else is a proof. Their codes are spent.
  idempotent:
    support: partial
    details: A code works once. A second run with the same O(users[].auth_passcode), or with O(new_codes=false) in the same 30 seconds, is refused.
options:
  users:
    description:
      - The users to log in.
    type: list
    elements: dict
    required: true
    suboptions:
      user_id:
        description: The id of the user. Give it or O(users[].user_name).
        type: str
      user_name:
        description:
          - The name of the user, instead of the id. The account is listed once for all names, which takes an administrator's credentials.
        type: str
        version_added: 1.0.0
      auth_password:
        description: The user's password.
        type: str
      auth_domain_name:
        description: The name of the user's account. Needed where the module's credentials do not tell it.
        type: str
      auth_domain_id:
        description: The id of the user's account, instead of its name.
        type: str
        version_added: 1.0.0
      seed:
        description: The base32 seed of the user's device. Give exactly one of it and O(users[].auth_passcode).
        type: str
      auth_passcode:
        description: The current code of the user's device. A string of six digits; quote it in YAML.
        type: str
  new_codes:
    description:
      - Whether to wait for the next step of 30 seconds before computing codes from a O(users[].seed). The codes of the current step may have been sent
        already, for example to bind the device, and no code works twice.
    type: bool
    default: true
notes:
  - The module's own credentials are only needed to read the name of the account, and to find users who are given by O(users[].user_name).
seealso:
  - module: hwc.mfa.iam_virtual_mfa_bind
  - module: hwc.mfa.iam_login_protection
"""

EXAMPLES = r"""
- name: Prove that a user can log in with password and stored seed
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
      description: The id of the user, or V(null) where O(users[].user_name) is nobody's.
      returned: always
      type: str
      sample: c91752a33d589cab301ba9880a3efb80
    user_name:
      description: The name of the user, where the user was named by it.
      returned: when the user is given by name
      type: str
      version_added: 1.0.0
      sample: grace
    logged_in:
      description: Whether the user got in with password and code. V(false) where the cloud says that the password alone made the token.
      returned: always
      type: bool
      sample: true
    changed:
      description: Always V(false).
      returned: always
      type: bool
      sample: false
    failed:
      description: Whether the login failed.
      returned: always
      type: bool
      sample: false
    msg:
      description: Why the login failed.
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
  description: The RV(users[].error) of the first user whose login failed.
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
