# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """How a module reaches the clouds and who it is there."""

    DOCUMENTATION = r"""
options:
  region:
    description:
      - The region. It determines the hosts.
      - V(eu-de), V(eu-nl) and V(eu-ch2) are Open Telekom Cloud. Any other region is Huawei Cloud.
      - Without a region, the global hosts of Huawei Cloud are used.
      - If it is not given, the environment variables E(HW_REGION_NAME) and E(OS_REGION_NAME) are used, the first that is set.
    type: str
  iam_endpoint:
    description:
      - The URL of IAM, if it is not that of O(region). A version such as C(/v3) at its end is dropped.
      - Plain C(http) is accepted for loopback hosts only, because it would send secrets unencrypted.
      - If it is not given, the environment variables E(HWC_IAM_ENDPOINT) and E(OS_AUTH_URL) are used.
    type: str
  identity_center_endpoint:
    description:
      - The URL of IAM Identity Center, if it is not that of O(region).
      - If it is not given, the environment variable E(HWC_IDENTITY_CENTER_ENDPOINT) is used.
    type: str
  sts_endpoint:
    description:
      - The URL of the Security Token Service (STS), if it is not that of O(region). STS tells which user the credentials belong to. Huawei Cloud only.
      - If it is not given, the environment variable E(HWC_STS_ENDPOINT) is used. If O(iam_endpoint) is given and is not that of O(region), STS is expected
        there.
    type: str
    version_added: 0.2.0
  access_key:
    description:
      - The access key (AK) to sign requests with. It needs O(secret_key).
      - If it is not given, the environment variables E(HW_ACCESS_KEY), E(HUAWEICLOUD_SDK_AK) and E(OS_ACCESS_KEY) are used.
    type: str
  secret_key:
    description:
      - The secret key (SK) of O(access_key).
      - If it is not given, the environment variables E(HW_SECRET_KEY), E(HUAWEICLOUD_SDK_SK) and E(OS_SECRET_KEY) are used.
    type: str
  security_token:
    description:
      - The security token of temporary keys.
      - If neither it nor O(access_key) is given, the environment variables E(HW_SECURITY_TOKEN), E(HUAWEICLOUD_SDK_SECURITY_TOKEN) and
        E(OS_SECURITY_TOKEN) are used.
    type: str
  auth_token:
    description:
      - A token from elsewhere, scoped to the account.
      - If it is not given, the environment variables E(HW_AUTH_TOKEN) and E(OS_TOKEN) are used.
    type: str
  auth_username:
    description:
      - The name of the user to log in as. It needs O(auth_password) and O(auth_domain_name).
      - If neither it nor O(auth_user_id) is given, the environment variables E(HW_USER_NAME) and E(OS_USERNAME) are used.
    type: str
  auth_user_id:
    description:
      - The id of the user to log in as, instead of O(auth_username). A login with O(auth_passcode) needs it.
      - If neither it nor O(auth_username) is given, the environment variables E(HW_USER_ID) and E(OS_USER_ID) are used.
    type: str
  auth_password:
    description:
      - The password of the user to log in as.
      - If it is not given, the environment variables E(HW_USER_PASSWORD) and E(OS_PASSWORD) are used.
    type: str
  auth_domain_name:
    description:
      - The name of the account of the user to log in as. The clouds' APIs call an account a domain.
      - If it is not given, the environment variables E(HW_DOMAIN_NAME), E(OS_USER_DOMAIN_NAME) and E(OS_DOMAIN_NAME) are used.
    type: str
  auth_passcode:
    description:
      - The current verification code (TOTP) of the user to log in as, if the account asks for one. A string of six digits; quote it in YAML.
      - A code works once. A later task of the same play that would send it again fails, because refused codes lock the user.
      - If no user is given, the environment variables E(HW_PASSCODE) and E(OS_PASSCODE) are used.
    type: str
  validate_certs:
    description:
      - Whether to verify TLS certificates. Switch it off only for a host of your own.
    type: bool
    default: true
  ca_path:
    description:
      - A file or directory of PEM certificates to verify the hosts with, instead of those that come with requests.
    type: path
  timeout:
    description:
      - How long to wait for a connection, and for the next byte of an answer, in seconds. More than 0, and at most 3600.
      - One answer may take ten times as long in all, and at least a minute.
    type: float
    default: 30.0
  retries:
    description:
      - How often a request is sent again if the cloud was busy, and a reading request also if no answer came. From 0 to 100.
      - An answer that takes too long in all, or is larger than 64 MiB, is an error, and is not asked for again.
      - A request that changes something is not sent again if its answer was lost. The module reads the state first, and decides anew.
    type: int
    default: 5
requirements:
  - requests (Python library), on the host where the module runs
notes:
  - Give exactly one kind of credentials, O(access_key) with O(secret_key), or O(auth_token), or O(auth_password) with O(auth_username) or
    O(auth_user_id). Options override the environment. Two kinds given as options are an error.
  - Set options once for all tasks with C(module_defaults) and the group C(group/hwc.mfa.mfa).
  - With a local connection, the module's work runs in Ansible's own process, which saves the start of a Python process for every item of a loop. With a
    remote connection, C(async), C(become), or the variable C(hwc_mfa_in_process=false), it runs as a module.
  - With keys, the account's id is read once, because the vendor's own clients send it too. Set the environment variable E(HW_DOMAIN_ID) to save that
    request.
"""
