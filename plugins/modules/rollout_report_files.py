#!/usr/bin/python
# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_report_files
short_description: Write the report of an MFA rollout on the control node
version_added: 0.1.0
description:
  - Writes a report of P(hwc.mfa.rollout_report#filter) as C(<account>.json), C(<account>.csv), and in other O(formats). The role
    C(hwc.mfa.mfa_rollout) uses this module.
  - C(<account>.sha256) holds the checksums of the files of this run, for C(sha256sum -c).
  - Only the owner can read the files. A file is written completely or not at all. The CSV file begins with a byte order mark, so that spreadsheets show names
    of all languages.
author:
  - The hwc.mfa authors (@hwc-mfa)
extends_documentation_fragment:
  - hwc.mfa.attributes
  - hwc.mfa.attributes.control_node
attributes:
  diff_mode:
    support: none
    details: A report describes one run. Compare it with other reports.
options:
  directory:
    description:
      - The directory of the files, as an absolute path or one that begins with C(~). If it does not exist, it is created with access for its owner only.
      - Do not put it into a directory that is an inventory, because Ansible reads all files there.
    type: path
    required: true
  report:
    description:
      - The C(document) of P(hwc.mfa.rollout_report#filter), as the JSON text that it is, or as a mapping.
      - Without it nothing is written. The task then only fails if the files of O(account) could not be written.
    type: raw
  account:
    description:
      - The name of the account. Needed without O(report).
    type: str
    version_added: 0.2.0
  formats:
    description:
      - A list of formats. V(json), C(<account>.json), has all that the report says. V(csv), C(<account>.csv), has a line for each user. V(junit),
        C(<account>.junit.xml), is for pipelines. V(ocsf), C(<account>.ocsf.json), holds Detection Findings of the Open Cybersecurity Schema Framework.
      - Files of formats that are not asked for stay as they are.
    type: raw
    default: [json, csv]
    version_added: 0.2.0
seealso:
  - plugin: hwc.mfa.rollout_report
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Look at the whole account
  hwc.mfa.iam_mfa_info:
  register: account

- name: Write what a rollout would find
  hwc.mfa.rollout_report_files:
    directory: "{{ report_directory }}"
    report: "{{ ('all' | hwc.mfa.rollout_plan(account) | hwc.mfa.rollout_report('acme', account, check_mode=true)).document }}"
"""

RETURN = r"""
files:
  description: The files of the report, the checksums last.
  returned: success
  type: list
  elements: str
  sample:
    - /var/lib/mfa-reports/acme.json
    - /var/lib/mfa-reports/acme.csv
    - /var/lib/mfa-reports/acme.sha256
"""
