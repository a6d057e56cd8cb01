# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """How a module reaches the users of IAM Identity Center."""

    DOCUMENTATION = r"""
options:
  identity_store_endpoint:
    description:
      - The URL of the identity store, whose host is regional.
      - If neither it nor O(region) is given, the environment variable E(HWC_IDENTITY_STORE_ENDPOINT) is used.
      - By default IAM Identity Center is asked for its region, which is not O(region). If O(identity_center_endpoint) is given and is none of Huawei Cloud's,
        the store is expected there.
      - Only the modules for the users of IAM Identity Center have this option, so it cannot be given to the whole group C(group/hwc.mfa.mfa).
    type: str
  instance_id:
    description:
      - The instance of IAM Identity Center.
      - It can be left out if the account has one instance, or if O(identity_store_id) is given.
    type: str
  identity_store_id:
    description:
      - The identity store.
      - By default that of the instance.
    type: str
notes:
  - It needs an access key of the organization's management account, or of the account that it made a delegated administrator of IAM Identity Center.
  - Where users come from an external identity provider, MFA is managed there, and IAM Identity Center shows no devices.
"""
