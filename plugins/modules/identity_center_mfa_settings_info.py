#!/usr/bin/python
# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: identity_center_mfa_settings_info
short_description: Show who may manage MFA devices in IAM Identity Center, and when they are asked for
version_added: 0.1.0
description:
  - Reads the MFA page of IAM Identity Center of Huawei Cloud. Changes nothing.
author:
  - The hwc.mfa authors (@hwc-mfa)
extends_documentation_fragment:
  - hwc.mfa.auth
  - hwc.mfa.attributes
  - hwc.mfa.attributes.read
options:
  instance_id:
    description:
      - The instance of IAM Identity Center.
      - It can be left out if the account has one instance.
    type: str
  identity_store_id:
    description:
      - The identity store of the instance.
      - By default that of the instance.
    type: str
seealso:
  - module: hwc.mfa.identity_center_mfa_settings
"""

EXAMPLES = r"""
- name: Read the MFA page
  hwc.mfa.identity_center_mfa_settings_info:
  register: page

- name: Show whether MFA is asked for at every sign-in
  ansible.builtin.debug:
    msg: "MFA mode is {{ page.settings.mfa_mode }}"
"""

RETURN = r"""
instance_id:
  description: The instance of IAM Identity Center.
  returned: success
  type: str
  sample: ssoins-0123456789abcdef
identity_store_id:
  description: The identity store of the instance.
  returned: success
  type: str
  sample: d-0123456789
settings:
  description: The MFA page as it is.
  returned: success
  type: dict
  contains:
    user_permission:
      description: Who may manage MFA devices.
      returned: success
      type: str
      sample: READ_ACTIONS
    mfa_mode:
      description: When users are asked for MFA. V(null) where these credentials may not read it.
      returned: success
      type: str
      sample: ALWAYS_ON
    allowed_mfa_types:
      description: The accepted kinds of device.
      returned: success
      type: list
      elements: str
      sample:
        - TOTP
        - WEBAUTHN
    no_mfa_signin_behavior:
      description: What happens at sign-in to a user without a device.
      returned: success
      type: str
      sample: ALLOWED_WITH_ENROLLMENT
error:
  description: What the cloud said, as C(status), C(code) and C(request_id).
  returned: failure
  type: dict
  sample:
    status: 404
    code: IIC.1004
    request_id: 5b1f3c8e0a2d4f6b
"""

from ansible_collections.hwc.mfa.plugins.module_utils._modules.identity_center_mfa_settings import INFO
from ansible_collections.hwc.mfa.plugins.module_utils._runner.module import run


def main() -> None:
    run(INFO)


if __name__ == "__main__":
    main()
