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
  - Writes a report of P(hwc.mfa.rollout_report#filter) as C(<account>.json), C(<account>.csv), C(<account>.html), and in other O(formats). The role
    C(hwc.mfa.mfa_rollout) uses this module.
  - With O(merge_from) it merges the reports of many accounts into one. The playbook C(hwc.mfa.report_merge) does that.
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
      - Or the C(document) of P(hwc.mfa.merge_reports#filter). O(account) then names the files.
      - Without it and without O(merge_from) nothing is written. The task then only fails if the files of O(account) could not be written.
    type: raw
  account:
    description:
      - The name of the account. Needed without O(report).
      - For a merged report the name of its files, such as V(all-accounts). Needed there. It must not be the name of an account.
      - It must not end as the names of the files do that are here for other accounts, such as C(.json) or C(.record).
    type: str
    version_added: 1.0.0
  formats:
    description:
      - A list of formats. V(json), C(<account>.json), has all that the report says. V(csv), C(<account>.csv), has a line for each user. V(junit),
        C(<account>.junit.xml), is for pipelines. V(ocsf), C(<account>.ocsf.json), holds Detection Findings of the Open Cybersecurity Schema Framework.
      - V(html), C(<account>.html), is a page for people. It needs no network and no script. C(<account>.trend.json) keeps the coverage of up to 400 runs for
        it. If that file cannot be used, the page is written without it and the task warns.
      - A merged report can be V(json), V(csv) and V(html).
      - Files of formats that are not asked for stay as they are.
    type: raw
    default: [json, csv, html]
    version_added: 1.0.0
  merge_from:
    description:
      - A directory whose reports, C(*.json), and those in directories below it, are merged and written as files of O(account). Other files that the role writes
        there are not read, nor are merged reports.
      - Files that are no reports are named in RV(unreadable) and in warnings. The task fails if there is no report at all.
      - Mutually exclusive with O(report).
    type: path
    version_added: 1.0.0
  duplicates:
    description:
      - What to do if two different reports are of the same account, which the id of the cloud account tells. A report without an id is of the account
        whose other reports have its name. If these are of several accounts, the task fails.
      - V(fail) fails the task. With V(newest) the report counts whose time is newer, and the other one is named in RV(superseded).
    type: str
    choices: [fail, newest]
    default: fail
    version_added: 1.0.0
seealso:
  - plugin: hwc.mfa.rollout_report
    plugin_type: filter
  - plugin: hwc.mfa.merge_reports
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

- name: Merge the reports of all accounts
  hwc.mfa.rollout_report_files:
    directory: "{{ report_directory }}"
    merge_from: "{{ report_directory }}"
    account: all-accounts
    duplicates: newest
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
    - /var/lib/mfa-reports/acme.html
    - /var/lib/mfa-reports/acme.sha256
line:
  description: The merged report in a line of words.
  returned: with O(merge_from)
  type: str
  sample: >-
    12 accounts: 240 users, 231 need MFA; coverage 12.5 % -> 98.7 %; 3 failed, 0 not reached, 0 overdue, 12 exempt; 1 root user without MFA
summary:
  description: The totals of the merged report.
  returned: with O(merge_from)
  type: dict
  sample: {accounts: 12, users: 240, in_need: 231, failed: 3}
accounts:
  description: A row for each account.
  returned: with O(merge_from)
  type: list
  elements: dict
  sample: [{account: acme, users: 20, in_need: 19, failed: 0}]
superseded:
  description: Older reports that were left out, with the file of the newer one in C(by).
  returned: with O(merge_from)
  type: list
  elements: dict
  sample: []
unreadable:
  description: Files that are no reports, and why.
  returned: with O(merge_from)
  type: list
  elements: dict
  sample: [{name: /var/lib/mfa-reports/notes.json, reason: it is no report of hwc.mfa.mfa_rollout.}]
"""
