# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Where seeds are kept, as STORE_SPEC in plugin_utils/_stores/chosen.py describes it."""

    DOCUMENTATION = r"""
options:
  type:
    description:
      - Where the seeds are.
      - V(ansible_vault) needs O(directory) and O(password). V(hashi_vault) and V(csms) need the Python library requests where Ansible
        runs.
    type: str
    choices:
      - ansible_vault
      - hashi_vault
      - csms
    default: ansible_vault
    version_added: 1.0.0
  directory:
    description:
      - The directory of O(type=ansible_vault), in which each account has its own. What writes seeds creates it, with access for its owner only.
    type: path
  password:
    description:
      - The vault password of the files of O(type=ansible_vault).
    type: str
  hashi_vault:
    description:
      - Where the KV engine of O(type=hashi_vault) is, and who works with it. Options and environment variables are named as in the collection
        C(community.hashi_vault). For each variable C(VAULT_*) there is C(BAO_*) too.
      - Variables C(ANSIBLE_HASHI_VAULT_*) and C(VAULT_*) are one family, and C(BAO_*) are another one. Parts of two families never join, so that the
        token of one server is not sent to another one. The family is the one that the address is from, C(VAULT_*) where both have one. Where
        O(hashi_vault.url) is set, it is the family whose address that is, else the one with a token. If both have a token then, O(hashi_vault.token) is
        needed.
      - The token needs C(read) on C(<engine_mount_point>/data/<path>/*), and C(list) on C(<engine_mount_point>/metadata/<path>/*). To write, or to hold
        the lock, it needs C(create) and C(update) on the former too. It needs no right to delete.
    type: dict
    version_added: 1.0.0
    suboptions:
      url:
        description:
          - The address of the server, such as C(https://vault.example.com:8200).
          - If it is not set, E(ANSIBLE_HASHI_VAULT_ADDR) or E(VAULT_ADDR) in the environment.
          - Only loopback addresses can be C(http).
        type: str
      namespace:
        description: The namespace. If it is not set, E(ANSIBLE_HASHI_VAULT_NAMESPACE) or E(VAULT_NAMESPACE) in the environment.
        type: str
      engine_mount_point:
        description: Where the KV engine is mounted. It must be of version 2.
        type: str
        default: secret
      path:
        description: The folder of secrets in the engine under which each account has its own.
        type: str
        default: mfa
      auth_method:
        description:
          - V(token) uses O(hashi_vault.token). V(approle) and V(jwt) log in for each task, and give the token back at its end. So a secret id must be
            usable more than once.
          - If it is not set, E(ANSIBLE_HASHI_VAULT_AUTH_METHOD) in the environment, or V(token).
        type: str
      mount_point:
        description: Where the auth method is mounted, if not at its own name.
        type: str
      token:
        description: The token. If it is not set, E(ANSIBLE_HASHI_VAULT_TOKEN) or E(VAULT_TOKEN) in the environment. A token file is not read.
        type: str
      role_id:
        description: The role id of V(approle), or the role of V(jwt). If it is not set, E(ANSIBLE_HASHI_VAULT_ROLE_ID) in the environment.
        type: str
      secret_id:
        description: The secret id of V(approle). If it is not set, E(ANSIBLE_HASHI_VAULT_SECRET_ID) in the environment.
        type: str
      jwt:
        description: The token of V(jwt). If it is not set, E(ANSIBLE_HASHI_VAULT_JWT) in the environment.
        type: str
      validate_certs:
        description: Whether to verify the certificate of the server. If it is not set, the opposite of E(VAULT_SKIP_VERIFY) in the environment, or V(true).
        type: bool
      ca_path:
        description:
          - A file or directory with the certificates of the authority that the server's certificate is from, in PEM format.
          - If it is not set, E(ANSIBLE_HASHI_VAULT_CA_CERT) or E(VAULT_CACERT) in the environment.
        type: path
        aliases:
          - ca_cert
      timeout:
        description: Seconds to wait for a connection, and for the server to answer.
        type: float
        default: 30
  csms:
    description:
      - Where the secrets of O(type=csms) are, and who works with them.
      - The access key needs C(csms:secret:list) and C(csms:secretVersion:get), and to write C(csms:secret:create) and C(csms:secret:delete) too.
    type: dict
    version_added: 1.0.0
    suboptions:
      region:
        description: The region. If it is not set, E(HW_REGION_NAME) or E(OS_REGION_NAME) in the environment.
        type: str
      endpoint:
        description:
          - The address of the service, where it does not follow from the region. If it is not set, E(HWC_CSMS_ENDPOINT) in the environment.
          - Only loopback addresses can be C(http).
        type: str
      project_id:
        description: The id of the region's project that the secrets belong to. If it is not set, E(HW_PROJECT_ID) or E(OS_PROJECT_ID) in the environment.
        type: str
      access_key:
        description:
          - The access key. If it is not set, access keys of the environment are used, as the modules for IAM do.
          - It can belong to another account than the one whose seeds are stored.
        type: str
      secret_key:
        description: The secret key of O(csms.access_key).
        type: str
      security_token:
        description: The security token, where the access key is temporary.
        type: str
      path:
        description: What the names of all secrets begin with, up to 16 letters, digits, hyphens or underscores.
        type: str
        default: mfa
      kms_key_id:
        description: The id of the key that encrypts new secrets. If it is not set, the service uses its default key.
        type: str
      enterprise_project_id:
        description: The id of the enterprise project of new secrets.
        type: str
      validate_certs:
        description: Whether to verify the certificate of the server.
        type: bool
        default: true
      ca_path:
        description: A file or directory with the certificates of the authority that the server's certificate is from, in PEM format.
        type: path
      timeout:
        description: Seconds to wait for a connection, and for the server to answer.
        type: float
        default: 30
"""
