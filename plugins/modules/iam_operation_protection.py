#!/usr/bin/python
# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: iam_operation_protection
short_description: Set whether critical operations have to be confirmed, and by whom
version_added: 1.0.0
description:
  - Manages the operation protection of an account of Huawei Cloud or Open Telekom Cloud. Where it is on, critical operations have to be confirmed with a code,
    among them the creation of access keys and switching login protection off.
  - A setting that is not given keeps its value, and so do settings that this module does not know.
  - Where somebody else is to confirm operations and nothing tells whom to send the codes, nothing is changed, since nobody could confirm anything.
author:
  - The hwc.mfa authors (@hwc-mfa)
extends_documentation_fragment:
  - hwc.mfa.auth
  - hwc.mfa.attributes
  - hwc.mfa.attributes.write
options:
  operation_protection:
    description:
      - Whether critical operations have to be confirmed.
    type: bool
  admin_check:
    description:
      - With V(on) one person confirms the operations of all, with V(off) each user confirms their own.
      - V(on) needs O(scene), here or set before.
    type: str
    choices:
      - "on"
      - "off"
  scene:
    description:
      - How that person gets the code. V(mobile) needs O(mobile), and V(email) needs O(email), here or set before.
    type: str
    choices:
      - mobile
      - email
  mobile:
    description:
      - The phone number that codes are sent to, with its country code, such as V(0086-123456789).
    type: str
  email:
    description:
      - The e-mail address that codes are sent to.
    type: str
  allow_user:
    description:
      - What users may change themselves.
    type: dict
    suboptions:
      manage_accesskey:
        description: Their access keys.
        type: bool
      manage_email:
        description: Their e-mail address.
        type: bool
      manage_mobile:
        description: Their phone number.
        type: bool
      manage_password:
        description: Their password.
        type: bool
notes:
  - It needs credentials of an administrator (C(Security Administrator)).
  - Open Telekom Cloud documents O(operation_protection) alone. What the cloud accepts and then does not show is a failure.
  - Whether calls of the API have to be confirmed as well is not documented. Try it with a test account before you set it where a rollout runs.
seealso:
  - module: hwc.mfa.iam_operation_protection_info
  - module: hwc.mfa.iam_login_policy
"""

EXAMPLES = r"""
- name: Let each user confirm critical operations
  hwc.mfa.iam_operation_protection:
    operation_protection: true
    admin_check: "off"

- name: Let the security team confirm critical operations, and nobody create their own access keys
  hwc.mfa.iam_operation_protection:
    operation_protection: true
    admin_check: "on"
    scene: email
    email: security@example.com
    allow_user:
      manage_accesskey: false
"""

RETURN = r"""
protect_policy:
  description: The settings as they are now, in check mode as they would be. What the cloud does not show is V(null).
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

from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_operation_protection import OPERATION_PROTECTION
from ansible_collections.hwc.mfa.plugins.module_utils._runner.module import run


def main() -> None:
    run(OPERATION_PROTECTION)


if __name__ == "__main__":
    main()
