#!/usr/bin/python
# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: iam_operation_protection_info
short_description: Show whether critical operations have to be confirmed, and by whom
version_added: 1.0.0
description:
  - Reads the operation protection of an account of Huawei Cloud or Open Telekom Cloud. Changes nothing.
author:
  - The hwc.mfa authors (@hwc-mfa)
extends_documentation_fragment:
  - hwc.mfa.auth
  - hwc.mfa.attributes
  - hwc.mfa.attributes.read
options: {}
notes:
  - It needs credentials of an administrator (C(Security Administrator)).
seealso:
  - module: hwc.mfa.iam_operation_protection
"""

EXAMPLES = r"""
- name: Read the operation protection
  hwc.mfa.iam_operation_protection_info:
  register: account

- name: Show whether critical operations have to be confirmed
  ansible.builtin.debug:
    msg: "Operation protection is {{ account.protect_policy.operation_protection | ternary('on', 'off') }}"
"""

RETURN = r"""
protect_policy:
  description: The settings as they are. What the cloud does not show is V(null).
  returned: success
  type: dict
  contains:
    operation_protection:
      description: Whether critical operations have to be confirmed.
      returned: success
      type: bool
      sample: true
    admin_check:
      description: Whether somebody else confirms them, V(on) or V(off).
      returned: success
      type: str
      sample: "on"
    scene:
      description: How that person gets the code, V(mobile) or V(email).
      returned: success
      type: str
      sample: email
    mobile:
      description: The phone number that codes are sent to.
      returned: success
      type: str
      sample: 0086-123456789
    email:
      description: The e-mail address that codes are sent to.
      returned: success
      type: str
      sample: security@example.com
    allow_user:
      description: What users may change themselves.
      returned: success
      type: dict
      contains:
        manage_accesskey:
          description: Their access keys.
          returned: success
          type: bool
          sample: false
        manage_email:
          description: Their e-mail address.
          returned: success
          type: bool
          sample: true
        manage_mobile:
          description: Their phone number.
          returned: success
          type: bool
          sample: true
        manage_password:
          description: Their password.
          returned: success
          type: bool
          sample: true
error:
  description: What the cloud said, as C(status), C(code) and C(request_id).
  returned: failure
  type: dict
  sample:
    status: 403
    code: IAM.0003
    request_id: 5b1f3c8e0a2d4f6b
"""

from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_operation_protection import OPERATION_PROTECTION_INFO
from ansible_collections.hwc.mfa.plugins.module_utils._runner.module import run


def main() -> None:
    run(OPERATION_PROTECTION_INFO)


if __name__ == "__main__":
    main()
