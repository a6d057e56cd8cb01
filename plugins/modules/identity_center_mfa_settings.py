#!/usr/bin/python
# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: identity_center_mfa_settings
short_description: Set who may manage MFA devices in IAM Identity Center, and when they are asked for
version_added: 0.1.0
description:
  - Manages the MFA page of IAM Identity Center of Huawei Cloud. It sets who may manage the MFA devices of its users, when a code is asked for, which kinds
    of device are accepted, and what happens at sign-in to a user without a device.
  - A setting that is not given keeps its value, and so do settings that this module does not know.
  - Open Telekom Cloud has no IAM Identity Center.
author:
  - The hwc.mfa authors (@hwc-mfa)
extends_documentation_fragment:
  - hwc.mfa.auth
  - hwc.mfa.attributes
  - hwc.mfa.attributes.write
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
  user_permission:
    description:
      - With V(READ_ACTIONS), users can only see their MFA devices. With V(ALL_ACTIONS), they can also add, rename and remove them.
      - There is no other reset than to set V(ALL_ACTIONS).
    type: str
    choices:
      - READ_ACTIONS
      - ALL_ACTIONS
  mfa_mode:
    description:
      - When users are asked for MFA. V(ALWAYS_ON) means at every sign-in, V(CONTEXT_AWARE) when the location or the device has changed, V(DISABLED) never.
    type: str
    choices:
      - CONTEXT_AWARE
      - DISABLED
      - ALWAYS_ON
  allowed_mfa_types:
    description:
      - The accepted kinds of device. Their order does not matter.
    type: list
    elements: str
    choices:
      - TOTP
      - WEBAUTHN
      - WEBAUTHN_SECURITY_KEY
  no_mfa_signin_behavior:
    description:
      - What happens at sign-in to a user without an MFA device. With V(ALLOWED_WITH_ENROLLMENT) the user has to enrol one, with V(ALLOWED) they are let in,
        with V(EMAIL_OTP) they get a code by mail, with V(BLOCKED) they are refused.
    type: str
    choices:
      - ALLOWED_WITH_ENROLLMENT
      - ALLOWED
      - EMAIL_OTP
      - BLOCKED
notes:
  - It needs credentials of the organization's management account, or of a delegated administrator account.
seealso:
  - module: hwc.mfa.identity_center_mfa_settings_info
"""

EXAMPLES = r"""
- name: Ask everybody for MFA, and let those without a device enrol one
  hwc.mfa.identity_center_mfa_settings:
    mfa_mode: ALWAYS_ON
    allowed_mfa_types:
      - TOTP
      - WEBAUTHN
    no_mfa_signin_behavior: ALLOWED_WITH_ENROLLMENT

- name: Let users see their MFA devices, and only administrators change them
  hwc.mfa.identity_center_mfa_settings:
    user_permission: READ_ACTIONS
  register: result

- name: Show the whole page
  ansible.builtin.debug:
    var: result.settings
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
  description: The MFA page as it is now, in check mode as it would be.
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
  description: What the cloud said.
  returned: failure
  type: dict
  contains:
    status:
      description: The HTTP status, or V(null) where no answer came.
      returned: failure
      type: int
      sample: 404
    code:
      description: The cloud's error code.
      returned: failure
      type: str
      sample: IIC.1004
    request_id:
      description: The id that the operator's support asks for.
      returned: failure
      type: str
      sample: 5b1f3c8e0a2d4f6b
    encoded_authorization_message:
      description: The cloud's own explanation of a refusal, for its decoding service.
      returned: when the cloud gives one
      type: str
      sample: AQAAAH0u
    authorization_message:
      description: What that explanation says, where the caller may decode it (C(sts::decodeAuthorizationMessage)).
      returned: when the cloud decodes it
      type: str
      sample: '{"allowed": false, "explicit_deny": false}'
"""

from ansible_collections.hwc.mfa.plugins.module_utils._modules.identity_center_mfa_settings import SETTINGS
from ansible_collections.hwc.mfa.plugins.module_utils._runner.module import run


def main() -> None:
    run(SETTINGS)


if __name__ == "__main__":
    main()
