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
      - Without a region and O(iam_endpoint), the global hosts of Huawei Cloud are used, with access keys only. A password or a token is sent to no host
        that nobody named.
      - If neither it nor O(iam_endpoint) is given, the environment variables E(HW_REGION_NAME) and E(OS_REGION_NAME) are used, and E(HW_CLOUD) for the
        domain of the hosts. A region that is given counts more than every endpoint of the environment.
      - A region beside an endpoint of another region, both given as options or both by the environment, is an error. An endpoint of your own may
        stand beside any region, which is then not looked at.
    type: str
  iam_endpoint:
    description:
      - The URL of IAM, if it is not that of O(region). A version such as C(/v3) at its end is dropped.
      - Plain C(http) is accepted for loopback hosts only, because it would send secrets unencrypted.
      - If neither it nor O(region) is given, the environment variables E(HWC_IAM_ENDPOINT), E(HW_AUTH_URL) and E(OS_AUTH_URL) are used.
    type: str
  cloud:
    description:
      - The name of a cloud in OpenStack's file C(clouds.yaml), which gives the credentials and says where they go. C(secure.yaml) is merged over it.
        Options that are given count more. What else the environment has is then not used.
      - The files are looked for in E(OS_CLIENT_CONFIG_FILE) and E(OS_CLIENT_SECURE_FILE), in the current directory, in C(~/.config/openstack) and in
        C(/etc/openstack), on the host where the module runs. That host needs PyYAML, which a control node has.
      - If it is not given, the environment variable E(OS_CLOUD) is used in place of the other variables that begin with C(OS_).
    type: str
    version_added: 1.0.0
  identity_center_endpoint:
    description:
      - The URL of IAM Identity Center, if it is not that of O(region).
      - If neither it nor O(region) is given, the environment variable E(HWC_IDENTITY_CENTER_ENDPOINT) is used.
    type: str
  sts_endpoint:
    description:
      - The URL of the Security Token Service (STS), if it is not that of O(region). STS tells which user the credentials belong to. Huawei Cloud only.
      - If neither it nor O(region) is given, the environment variable E(HWC_STS_ENDPOINT) is used. If O(iam_endpoint) is given and is none of Huawei
        Cloud's, STS is expected there.
    type: str
    version_added: 1.0.0
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
  signature:
    description:
      - How requests are signed with an access key.
      - V(plain) signs with the secret key, as Huawei Cloud's clients do. Open Telekom Cloud documents it too.
      - V(derived) signs with a key derived for the day and the region, as newer clients of Open Telekom Cloud do. Try it where a cloud refuses V(plain).
    type: str
    choices: [plain, derived]
    default: plain
    version_added: 1.0.0
  auth_token:
    description:
      - A token from elsewhere, scoped to the account.
      - If it is not given, the environment variables E(HW_AUTH_TOKEN) and E(OS_TOKEN) are used.
    type: str
  auth_username:
    description:
      - The name of the user to log in as. It needs O(auth_password), and O(auth_domain_name) or O(auth_domain_id).
      - If neither it nor O(auth_user_id) is given, the environment variables E(HW_USER_NAME) and E(OS_USERNAME) are used.
    type: str
  auth_user_id:
    description:
      - The id of the user to log in as, instead of O(auth_username). A login with O(auth_passcode) needs it.
      - If neither it nor O(auth_username) is given, the environment variables E(HW_USER_ID) and E(OS_USER_ID) are used.
      - Without O(auth_domain_name) and O(auth_domain_id), the cloud is asked for the user's account, which takes a second login. A login with
        O(auth_passcode) cannot be followed by another, so give one of them beside it.
    type: str
  auth_password:
    description:
      - The password of the user to log in as.
      - If it is not given, the environment variables E(HW_USER_PASSWORD) and E(OS_PASSWORD) are used.
    type: str
  auth_domain_name:
    description:
      - The name of the account that the credentials belong to. The clouds' APIs call an account a domain.
      - If neither it nor O(auth_domain_id) is given, the environment variables E(HW_DOMAIN_NAME), E(OS_USER_DOMAIN_NAME) and E(OS_DOMAIN_NAME) are used, for
        credentials of the environment only. They never join a user or a key that is given as an option.
    type: str
  auth_domain_id:
    description:
      - The id of the account that the credentials belong to, instead of O(auth_domain_name) or beside it.
      - If neither it nor O(auth_domain_name) is given, the environment variables E(HW_DOMAIN_ID), E(OS_USER_DOMAIN_ID) and E(OS_DOMAIN_ID) are used, for
        credentials of the environment only.
    type: str
    version_added: 1.0.0
  auth_passcode:
    description:
      - The current verification code (TOTP) of the user to log in as, if the account asks for one. A string of six digits; quote it in YAML.
      - A code works once, and refused codes lock the user. With a local connection, and without C(become) and C(async), a later task of the same play that
        would send it again fails instead.
      - If no user is given, the environment variables E(HW_PASSCODE) and E(OS_PASSCODE) are used.
    type: str
  assume_agency:
    description:
      - An agency of another account, to work in that account. The other credentials belong to the account that the agency trusts, and assume it. They need
        the role Agent Operator. The agency needs the permissions that the modules need.
      - Its temporary keys sign all calls. They are renewed before they end, and are never written anywhere.
      - O(auth_domain_name) and O(auth_domain_id) name the account of the credentials that assume it.
      - An empty value counts as none.
    type: dict
    version_added: 1.0.0
    suboptions:
      agency_name:
        description: The name of the agency. It needs O(assume_agency.domain_name) or O(assume_agency.domain_id). Both clouds.
        type: str
      domain_name:
        description: The name of the account that the agency is in.
        type: str
      domain_id:
        description: The id of the account that the agency is in, instead of its name.
        type: str
      duration:
        description:
          - For how long to ask for temporary keys, in seconds. From 900 to 86400, and with O(assume_agency.agency_urn) to 43200. The default is 900.
        type: int
      agency_urn:
        description:
          - The URN of the agency, such as V(iam::cd613e30d8f16adf91b7584a2265b1f5:agency:mfa), instead of O(assume_agency.agency_name). It is assumed by STS.
            Huawei Cloud only.
        type: str
      external_id:
        description: The external id that the agency demands. It goes with O(assume_agency.agency_urn).
        type: str
      serial_number:
        description: The serial number of the MFA device of the user who assumes the agency. It goes with O(assume_agency.agency_urn).
        type: str
      token_code:
        description:
          - The current verification code (TOTP) of O(assume_agency.serial_number). A string of six digits; quote it in YAML.
          - A code works once. So the keys cannot be renewed, and a later task of the same play that would send it again fails.
        type: str
  validate_certs:
    description:
      - Whether to verify TLS certificates. Switch it off only for a host of your own.
      - They are verified unless this is V(false). If neither it nor O(ca_path) is given, E(HW_INSECURE) or E(OS_INSECURE) can switch it off, for the host
        that a variable of the same family names.
    type: bool
  ca_path:
    description:
      - A file or directory of PEM certificates to verify the hosts with, instead of those that come with requests.
      - If it is not given, E(OS_CACERT) is used for the host that E(OS_AUTH_URL), E(OS_REGION_NAME) or a cloud of C(clouds.yaml) names.
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
    O(auth_user_id). Two kinds given on one level are an error.
  - "The nearest level counts as a whole: the task, then C(module_defaults) of the module, then those of the group, then O(cloud), then the environment.
    A farther level only completes the credentials of the nearer one, and adds nothing if both name a key, a token or a user."
  - "Variables of the environment count by families: those that begin with C(HW_), then C(HUAWEICLOUD_SDK_), then C(OS_). Parts of two families never
    join, and passwords and tokens go only to the host that their own family names, or an option, or E(HWC_IAM_ENDPOINT)."
  - Set options once for all tasks with C(module_defaults) and the group C(group/hwc.mfa.mfa).
  - With a local connection, the module's work runs in Ansible's own process, which saves the start of a Python process for every item of a loop. With a
    remote connection, C(async), C(become), or the variable C(hwc_mfa_in_process=false), it runs as a module. Modules that return secrets refuse C(async).
  - Tasks that run so, as a module, do not know what earlier tasks of the play have written. Where the cloud shows a change some seconds late, such a task right
    after another one may take the old state for the new one.
  - With keys, the account's id is read once, because the vendor's own clients send it too. Give O(auth_domain_id) to save that request.
  - Proxies are those of the environment variables E(HTTPS_PROXY), E(HTTP_PROXY), E(ALL_PROXY) and E(NO_PROXY). A loopback host is never behind a proxy.
"""
