#!/usr/bin/python
# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: iam_login_policy_info
short_description: Show after how many failures users are locked, and how long sessions last
version_added: 1.0.0
description:
  - Reads the login policy of an account of Huawei Cloud or Open Telekom Cloud. Changes nothing.
author:
  - The hwc.mfa authors (@hwc-mfa)
extends_documentation_fragment:
  - hwc.mfa.auth
  - hwc.mfa.attributes
  - hwc.mfa.attributes.read
options:
  api:
    description:
      - The generation of IAM's API to use.
      - V(auto) uses v5 where the cloud answers it for these credentials, and v3.0 elsewhere. Open Telekom Cloud has v3.0 only.
    type: str
    choices:
      - auto
      - v3
      - v5
    default: auto
notes:
  - It needs credentials of an administrator (C(Security Administrator)).
seealso:
  - module: hwc.mfa.iam_login_policy
"""

EXAMPLES = r"""
- name: Read the login policy
  hwc.mfa.iam_login_policy_info:
  register: account

- name: Show after how many failed logins a user is locked
  ansible.builtin.debug:
    msg: "Locked after {{ account.login_policy.login_failed_times }} failures"
"""

RETURN = r"""
api:
  description: The generation of the API that answered, V(v3) or V(v5).
  returned: success
  type: str
  sample: v5
login_policy:
  description: The policy as it is. What the cloud does not show is V(null).
  returned: success
  type: dict
  contains:
    account_validity_period:
      description: After how many days without a login a user is disabled; V(0) means never.
      returned: success
      type: int
      sample: 90
    custom_info_for_login:
      description: The text that users see when they have logged in.
      returned: success
      type: str
      sample: Authorized use only.
    lockout_duration:
      description: For how many minutes a user is locked.
      returned: success
      type: int
      sample: 30
    login_failed_times:
      description: How many failed logins lock a user.
      returned: success
      type: int
      sample: 3
    period_with_login_failures:
      description: Within how many minutes these logins fail.
      returned: success
      type: int
      sample: 15
    session_timeout:
      description: After how many minutes without an action a session in the console ends.
      returned: success
      type: int
      sample: 60
    show_recent_login_info:
      description: Whether users see when they logged in last.
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

from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_login_policy import LOGIN_POLICY_INFO
from ansible_collections.hwc.mfa.plugins.module_utils._runner.module import run


def main() -> None:
    run(LOGIN_POLICY_INFO)


if __name__ == "__main__":
    main()
