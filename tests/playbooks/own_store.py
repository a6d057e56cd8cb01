# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A store of an operator's own, a file, that can refuse an action or tear a user's seed."""

from __future__ import annotations

from typing import Any

from truths import ACCOUNT

OWN_STORE = """\
---
- name: Load
  when: mfa_rollout_store_action == 'load'
  vars:
    found: "{{ lookup('ansible.builtin.file', own_store) | from_json if own_store is ansible.builtin.exists else {} }}"
  ansible.builtin.set_fact:
    mfa_rollout_store_loaded: {entries: "{{ found.entries | default({}) }}", intents: "{{ found.intents | default([]) }}"}
  no_log: true
- name: Refuse
  ansible.builtin.fail:
    msg: the store is down
  when: mfa_rollout_store_action == own_store_refuses | default('nothing')
- name: Write
  when: mfa_rollout_store_action not in ['load', own_store_refuses | default('nothing')]
  vars:
    found: "{{ lookup('ansible.builtin.file', own_store) | from_json if own_store is ansible.builtin.exists else {} }}"
    torn: "{{ own_store_tears | default('nobody') in mfa_rollout_store_entries }}"
    saved: "{{ {own_store_tears: {'name': 'half'}} if torn else mfa_rollout_store_entries }}"
    intents: "{{ found.intents | default([]) + (mfa_rollout_store_users if mfa_rollout_store_action == 'intend' else []) }}"
    untold: "{{ mfa_rollout_store_users if mfa_rollout_store_action in ['withdraw', 'remove'] else [] }}"
    gone: "{{ mfa_rollout_store_users if mfa_rollout_store_action == 'remove' else [] }}"
    # A store that forgets writes what it is given, and not what it has.
    kept: "{{ {} if own_store_forgets | default(false) and mfa_rollout_store_action == 'save' else found.entries | default({}) }}"
    entries: "{{ kept | combine(saved) | dict2items | rejectattr('key', 'in', gone) | items2dict }}"
  ansible.builtin.copy:
    dest: "{{ own_store }}"
    mode: "0600"
    content: "{{ {'entries': entries, 'intents': intents | difference(saved.keys() | list) | difference(untold)} | to_json }}"
  no_log: true
"""


def with_own_store(ground: Any, **more: Any) -> None:
    tasks = ground.path / "own_store.yml"
    tasks.write_text(OWN_STORE, encoding="utf-8")
    ground.variables[ACCOUNT] |= {"mfa_rollout_seed_store_tasks": str(tasks), "own_store": str(ground.path / "own.json"), **more}
