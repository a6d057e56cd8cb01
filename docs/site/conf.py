# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How Sphinx builds the documentation site from the pages that antsibull-docs makes. `make docs` calls both."""

import zlib
from pathlib import Path

project = "hwc.mfa"
author = "The hwc.mfa authors"
copyright = "The hwc.mfa authors"  # Sphinx names it so
html_title = "hwc.mfa: multi-factor authentication for Huawei Cloud and Open Telekom Cloud"
html_short_title = "hwc.mfa"

extensions = ["sphinx.ext.intersphinx", "sphinx_antsibull_ext"]
pygments_style = "ansible"
highlight_language = "YAML+Jinja"
default_role = "any"
nitpicky = True

html_theme = "sphinx_ansible_theme"
html_theme_options = {"display_version": False, "topbar_links": {}}
html_show_sphinx = False
html_use_smartypants = True
html_use_modindex = False
html_use_index = False
html_copy_source = False

# What pages refer to in Ansible's own documentation. Its inventory would be fetched at each build, which must work without a network too.
_ANSIBLE = "https://docs.ansible.com/projects/ansible/latest/"
_LABELS = {
    "action_plugins": ("plugins/action.html#action-plugins", "Action plugins"),
    "ansible_configuration_settings": ("reference_appendices/config.html#ansible-configuration-settings", "Ansible Configuration Settings"),
    "common_return_values": ("reference_appendices/common_return_values.html#common-return-values", "Return Values"),
    "ansible_collections.ansible.builtin.from_json_filter": (
        "collections/ansible/builtin/from_json_filter.html#ansible-collections-ansible-builtin-from-json-filter",
        "ansible.builtin.from_json filter",
    ),
}
_VARIABLES = ("ANSIBLE_CACHE_PLUGIN", "ANSIBLE_CACHE_PLUGIN_CONNECTION", "ANSIBLE_CACHE_PLUGIN_PREFIX", "ANSIBLE_CACHE_PLUGIN_TIMEOUT")


def _inventory() -> str:
    """Write an inventory of these, as Sphinx makes it for a whole site, and return its path."""
    lines = [f"{label} std:label -1 {place} {title}\n" for label, (place, title) in _LABELS.items()]
    lines += [f"{name} std:envvar 1 reference_appendices/config.html#envvar-$ -\n" for name in _VARIABLES]
    head = "# Sphinx inventory version 2\n# Project: Ansible\n# Version: latest\n# The remainder of this file is compressed using zlib.\n"
    path = Path(__file__).resolve().parent / "ansible.inv"
    path.write_bytes(head.encode() + zlib.compress("".join(lines).encode()))
    return str(path)


intersphinx_mapping = {"ansible": (_ANSIBLE, _inventory())}
