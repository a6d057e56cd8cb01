#!/usr/bin/python
# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: handover_files
short_description: Hand stored seeds over to users and password managers, encrypted
version_added: 1.0.0
description:
  - Reads seeds of virtual MFA devices from the store of M(hwc.mfa.seed_store), and writes for each user a sheet of paper with a QR code, which an
    authenticator app scans, or files that password managers import.
  - What lies on the disk is always encrypted. A file C(*.vault) is an ansible-vault file, which C(ansible-vault view) or C(ansible-vault decrypt --output)
    opens. A KeePass database has its own encryption. Only the owner can read the files, and no name of a file holds a secret.
  - The result holds the names of files and users, and no secret. So it can be printed, and kept as an artifact of a job.
  - A file that is there already is not replaced, unless O(overwrite=true). If it holds just what would be written, under the same password, nothing changes.
  - It works on the control node and asks no cloud. The playbook C(hwc.mfa.handover) looks at the account first.
author:
  - The hwc.mfa authors (@hwc-mfa)
extends_documentation_fragment:
  - hwc.mfa.attributes
  - hwc.mfa.attributes.control_node
  - hwc.mfa.seed_store
attributes:
  diff_mode:
    support: none
    details: A difference would show seeds.
requirements:
  - segno, for the formats V(sheet), V(svg) and V(png)
  - pykeepass >= 4.2, for the format V(keepass)
options:
  account:
    description:
      - The name of the account, as M(hwc.mfa.seed_store) knows it. It also names files, and users see it beside their own name.
    type: str
    required: true
  account_id:
    description:
      - The cloud's id of the account. The task fails if the store belongs to another account.
    type: str
  entries:
    description:
      - The seeds, as RV(hwc.mfa.seed_store#module:entries) or RV(hwc.mfa.seed_store#module:entries_packed) has them, from a store of your own. No other store
        is read then.
    type: raw
  audit:
    description:
      - The result of M(hwc.mfa.iam_mfa_info), or what the role keeps of it.
      - With it, a user is handed the seed of the device that the cloud shows, and nothing if the cloud shows another device, none, or one that is not bound.
        Names of users are those of the cloud.
      - Without it, only users of whom one seed alone is stored are handed anything, and nobody looks whether their device is still there.
    type: raw
  users:
    description:
      - The users, a list of ids or names. The task fails if one of them cannot be handed a seed.
      - V(all) means everybody whose seed is stored. Who cannot be handed it is in RV(left_out).
    type: raw
    required: true
  destination:
    description:
      - The directory of the files, as an absolute path or one that begins with C(~). If it does not exist, it is created with access for its owner only.
      - Files of one user are C(<account>/<user>.<suffix>) in it, and files of several users C(<account>.<suffix>). A user whose name cannot name a file goes
        by id.
      - A directory that Ansible reads as inventory is refused.
    type: path
    required: true
  formats:
    description:
      - What is written. V(sheet), V(svg) and V(png) are files of one user each. The others hold all users who were chosen.
      - V(sheet), C(.html.vault), is a page to print, with the QR code, the steps, and the key for those who cannot scan. It needs no network and no script.
      - V(svg), C(.svg.vault), and V(png), C(.png.vault), are the QR code alone.
      - V(otpauth), C(.otpauth.txt.vault), has a line C(otpauth://) for each user.
      - V(keepass), C(.kdbx), is a KeePass database with an entry for each user. KeePassXC makes codes of its field C(otp).
      - V(bitwarden), C(.bitwarden.json.vault), is Bitwarden's unencrypted export format. Decrypt it, import it as C(Bitwarden (json)), and delete the copy.
      - V(onepassword), C(.1password.csv.vault), has the columns of the CSV files of 1Password 8, C(Title), C(Url), C(Username), C(Password), C(OTPAuth),
        C(Favorite), C(Archived), C(Tags), C(Notes), in the order in which its import takes them. A name that a spreadsheet would take for a formula is quoted
        with an apostrophe.
      - V(oath_csv), C(.oath.csv.vault), has a line C(serial, key, totp, 6, 30) for each user, with the key in hexadecimal digits, as privacyIDEA imports it as
        C(OATH CSV). The user's name is in a comment above.
    type: list
    elements: str
    choices: [sheet, svg, png, otpauth, keepass, bitwarden, onepassword, oath_csv]
    default: [sheet]
  handover_password:
    description:
      - The vault password of the files. Whoever prints or imports them needs it, so it must not be O(password).
    type: str
    required: true
  keepass_password:
    description:
      - The password of the KeePass database. Needed for the format V(keepass).
    type: str
  issuer:
    description: How apps name the cloud.
    type: str
    default: Huawei Cloud
  login_url:
    description: The address where users sign in, such as that of your identity provider. It is printed on sheets, and is the address of entries.
    type: str
  overwrite:
    description: Whether to replace files that hold something else.
    type: bool
    default: false
  persistent:
    description:
      - Whether O(destination) outlives a job of AWX. Without it, the task fails in AWX, because the files would go away with the job.
    type: bool
    default: false
seealso:
  - module: hwc.mfa.seed_store
  - plugin: hwc.mfa.otpauth_uri
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Store the seed of a device
  hwc.mfa.seed_store:
    directory: "{{ seed_directory }}"
    account: acme
    password: "{{ seed_password }}"
    entries:
      c91752a33d589cab301ba9880a3efb80:
        serial_number: iam:cd613e30d8f16adf91b7584a2265b1f5:mfa/ada
        seed: "{{ ada_seed }}"
        name: ada

- name: Write the sheet of one user
  hwc.mfa.handover_files:
    directory: "{{ seed_directory }}"
    account: acme
    password: "{{ seed_password }}"
    users: [ada]
    destination: "{{ handover_directory }}"
    handover_password: "{{ handover_password }}"

- name: Write what Bitwarden and privacyIDEA import
  hwc.mfa.handover_files:
    directory: "{{ seed_directory }}"
    account: acme
    password: "{{ seed_password }}"
    users: all
    destination: "{{ handover_directory }}"
    handover_password: "{{ handover_password }}"
    formats: [bitwarden, oath_csv]
"""

RETURN = r"""
files:
  description: The files of the hand-over.
  returned: success
  type: list
  elements: str
  sample:
    - /home/operator/handover/acme/ada.html.vault
users:
  description: Who is handed a seed, C(user_id) and C(name).
  returned: success
  type: list
  elements: dict
  sample:
    - user_id: c91752a33d589cab301ba9880a3efb80
      name: ada
left_out:
  description: Users with stored seeds who are handed nothing, C(user_id), C(name) and C(reason), with O(users=all).
  returned: success
  type: list
  elements: dict
  sample:
    - user_id: 48ae3abf4bb6aa4bb5dfa71dfdd2b90e
      name: grace
      reason: is no user of the account any more
"""
