# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: organization_accounts
short_description: The accounts of a Huawei Cloud organization as hosts
description:
  - Lists the accounts of an organization, and makes each of them a host that the role P(hwc.mfa.mfa_rollout#role) can work on at once.
  - A host carries C(mfa_rollout_auth) with C(assume_agency), so that the credentials of one account serve all. The inventory holds no credentials. Where
    they come from is described in the guide on organizations.
  - Organizational units become nested groups, whose names begin with C(unit_), below the group C(organization). The management account is in the group
    C(management_account).
  - Only active accounts become hosts, unless O(include) says otherwise.
  - The file must be named C(organization_accounts.yml) or C(organization_accounts.yaml), or end so.
version_added: 1.0.0
author:
  - The hwc.mfa authors (@hwc-mfa)
extends_documentation_fragment:
  - hwc.mfa.auth
  - ansible.builtin.constructed
  - ansible.builtin.inventory_cache
options:
  plugin:
    description: The name of this plugin.
    type: str
    required: true
    choices: [hwc.mfa.organization_accounts]
  organizations_endpoint:
    description:
      - The URL of the Organizations service, if it is not that of Huawei Cloud.
      - If neither it nor O(region) is given, the environment variable E(HWC_ORGANIZATIONS_ENDPOINT) is used. Beside an O(iam_endpoint) that is none of
        Huawei Cloud's, it must be given.
    type: str
  agency_name:
    description:
      - The agency that the hosts assume, each in its own account. It must trust the account of the credentials.
      - The default is the name that the console proposes where an account is created in an organization. Accounts that were invited have no such agency,
        unless somebody created it.
    type: str
    default: OrganizationAccountAccessAgency
  account_auth:
    description:
      - Options to add to C(mfa_rollout_auth) of each host, such as C(access_key) and C(secret_key) as templates of variables in C(group_vars/all).
        They are evaluated where they are used.
      - A secret must be a template, because everybody who sees the inventory sees what is here.
      - Of C(assume_agency) it takes C(duration).
    type: dict
    default: {}
  hostnames:
    description:
      - How hosts are named. Names of host variables, or Jinja2 expressions with them, of which the first that gives something counts. What is not defined
        gives nothing. The id of the account counts last.
      - Letters, digits, C(_), C(-) and C(.) stay in a name, and anything else becomes C(_). Accounts that would have the same name get C(name_id), all of
        them.
    type: list
    elements: str
    default: [account_name]
  include:
    description:
      - Which accounts become hosts. An account must fit one entry, and all that the entry says. Without entries all active accounts do.
      - An entry without O(include[].statuses) means active accounts.
      - An entry that says nothing is an error, and so is an empty list or mapping in one, such as of a template that found nothing.
      - An error if it asks for units or tags that the credentials may not read. A name or a unit that fits no account is warned of, and so is a
        status that there is not.
    type: list
    elements: dict
    default: []
    suboptions: &filter
      statuses:
        description: Statuses, such as V(active), V(suspended) and V(pending_closure). With wildcards.
        type: list
        elements: str
      units:
        description: Organizational units with all that is below them, by their paths, such as V(Prod/Europe), or by their ids. With wildcards.
        type: list
        elements: str
      names:
        description: Names of accounts. With wildcards, such as V(acme-*).
        type: list
        elements: str
      tags:
        description:
          - Tags that an account must have, and their values. With wildcards in values. A value of V(null) means any.
          - Put words such as V("true") in quotes. YAML makes a truth value of C(true), C(yes) and C(on), which is an error.
        type: dict
  exclude:
    description:
      - Which accounts do not become hosts, whatever O(include) says. An account that fits one entry is left out.
      - An entry that says nothing is an error, and so is an empty list or mapping in one.
      - An error if it asks for units or tags that the credentials may not read. A name or a unit that fits no account is warned of, and so is a
        status that there is not.
    type: list
    elements: dict
    default: []
    suboptions: *filter
  tags:
    description: Whether to read the tags of accounts, which takes a request for each.
    type: bool
    default: true
  concurrency:
    description: How many requests for the accounts' tags, or for what is in the units of a level, are sent at the same time, from 1 to 256.
    type: int
    default: 8
  strict_permissions:
    description:
      - Whether it is an error if the credentials may not read units, tags, or which account is the management account.
      - By default, what they may not read is left out, with a warning. To list the accounts themselves must be allowed.
    type: bool
    default: false
notes:
  - O(cache) keeps what the cloud has said of the organization. Neither groups nor variables of hosts nor credentials are in it. Change any other option, and
    it counts at once. C(--flush-cache) and C(meta=refresh_inventory) ask the cloud again. Where nobody told to which account the credentials belong, that is
    asked each time.
  - Options can be templates, such as lookups. O(hostnames), O(compose), O(groups), O(keyed_groups) are expressions already, and O(account_auth) is evaluated
    on the host.
  - Huawei Cloud only. Open Telekom Cloud has no such service.
seealso:
  - ref: Accounts of an organization <ansible_collections.hwc.mfa.docsite.guide_organization>
    description: Guide from an organization to a rollout.
"""

EXAMPLES = r"""
# organization_accounts.yml. HW_ACCESS_KEY and HW_SECRET_KEY in the environment are those of an administrator of the management account.
plugin: hwc.mfa.organization_accounts

# Some accounts only, under names of a tag, with groups by another one, through an agency of your own.
#
#   plugin: hwc.mfa.organization_accounts
#   agency_name: mfa
#   include:
#     - units: [Prod]
#     - tags:
#         env: prod-*
#   exclude:
#     - names: ["*-sandbox"]
#   hostnames:
#     - account_tags.hostname
#     - account_name
#   keyed_groups:
#     - prefix: env
#       key: account_tags.env | default('none')
#   compose:
#     mfa_rollout_wave_sizes: "[1, 10, 100] if account_unit_path.startswith('Prod') else [100]"
#   cache: true
#   cache_plugin: jsonfile
#   cache_connection: inventory_cache

# Keys of your own variables: once for the inventory itself, and once for all hosts, from group_vars/all.
#
#   plugin: hwc.mfa.organization_accounts
#   access_key: "{{ lookup('env', 'HUB_ACCESS_KEY') }}"
#   secret_key: "{{ lookup('env', 'HUB_SECRET_KEY') }}"
#   account_auth:
#     access_key: "{{ hub_access_key }}"
#     secret_key: "{{ hub_secret_key }}"
"""

RETURN = r"""
account_id:
  description: The id of the account. It and the following are variables of each host.
  returned: always
  type: str
  sample: cd613e30d8f16adf91b7584a2265b1f5
account_name:
  description: The name of the account, as it is. The name of the host may differ.
  returned: always
  type: str
  sample: acme-madrid
account_urn:
  description: The URN of the account.
  returned: always
  type: str
  sample: organizations::5a9f1d3a5c5d4f4f9ab95ff37b31a1c5:account:o-9jkmlh2jf9vqwfyrg1oz/cd613e30d8f16adf91b7584a2265b1f5
account_status:
  description: The status of the account, in small letters.
  returned: always
  type: str
  sample: active
account_join_method:
  description: How the account came into the organization, V(invited) or V(created).
  returned: always
  type: str
  sample: created
account_joined_at:
  description: When it did.
  returned: always
  type: str
  sample: "2026-01-02T03:04:05Z"
account_description:
  description: The description of the account.
  returned: always
  type: str
  sample: Shops in Europe
account_unit:
  description: The name of the organizational unit that the account is in. Empty in the root, and where units may not be read.
  returned: always
  type: str
  sample: Europe
account_unit_id:
  description: The id of that unit.
  returned: always
  type: str
  sample: ou-taowxgy4xbme6m4x3c2iijbxw7yj8fcw
account_unit_path:
  description: The names of the units from the root down to it, joined by slashes. A slash in a name becomes C(_).
  returned: always
  type: str
  sample: Prod/Europe
account_tags:
  description: The tags of the account. Empty where they may not be read. Keys that begin with C(__ansible) are left out.
  returned: always
  type: dict
  sample: {env: prod}
account_is_management:
  description: Whether the account is the management account.
  returned: always
  type: bool
  sample: false
mfa_rollout_auth:
  description:
    - How the role reaches the account. The C(region), C(cloud), endpoints, C(signature), C(validate_certs) and C(ca_path) of the inventory, O(account_auth),
      and C(assume_agency). The account of the credentials themselves has no agency.
  returned: always
  type: dict
  sample:
    region: ap-southeast-1
    assume_agency:
      agency_name: OrganizationAccountAccessAgency
      domain_id: cd613e30d8f16adf91b7584a2265b1f5
mfa_rollout_account_id:
  description: The account's id. The role stops if the credentials reach another account.
  returned: always
  type: str
  version_added: 1.1.0
  sample: 03d0a5c5d8f14d6a9e4b0b7f3c1e2a90
mfa_rollout_auth_from_environment:
  description: That this host may take the credentials of the environment as they are.
  returned: for the account of the credentials themselves
  type: bool
  sample: true
"""

import hashlib
import os
from collections.abc import Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleError, AnsibleParserError, AnsibleUndefinedVariable
from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError, OptionError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import legible
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.transport import REQUESTS_IMPORT_ERROR
from ansible_collections.hwc.mfa.plugins.module_utils._runner.connections import Connections
from ansible_collections.hwc.mfa.plugins.module_utils._runner.options import AUTH_SPEC, FLEET_SPEC
from ansible_collections.hwc.mfa.plugins.module_utils._runner.validation import OptionsValidator
from ansible_collections.hwc.mfa.plugins.plugin_utils._control import texts
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.plain import plain
from ansible_collections.hwc.mfa.plugins.plugin_utils._inventory import answers, filters, naming, variables
from ansible_collections.hwc.mfa.plugins.plugin_utils._inventory.accounts import Account, accounts_of, units_of
from ansible_collections.hwc.mfa.plugins.plugin_utils._inventory.untrusted import untrusted

SPEC: dict[str, dict[str, Any]] = {
    **AUTH_SPEC,
    **FLEET_SPEC,
    "organizations_endpoint": {"type": "str"},
    "agency_name": {"type": "str", "default": "OrganizationAccountAccessAgency"},
    "include": {"type": "list", "elements": "dict", "options": filters.SPEC, "default": []},
    "exclude": {"type": "list", "elements": "dict", "options": filters.SPEC, "default": []},
    "tags": {"type": "bool", "default": True},
    "strict_permissions": {"type": "bool", "default": False},
}
"""The options that are evaluated before the cloud is asked, and checked as modules check theirs."""

_MAPPINGS = ("account_auth", "assume_agency")
"""The options that have credentials in them."""


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    """Accounts of an organization as hosts."""

    NAME = "hwc.mfa.organization_accounts"

    # Names of tags and units come from people: they are made safe whatever TRANSFORM_INVALID_GROUP_CHARS says.
    _sanitize_group_name = staticmethod(lambda name: naming.group_name(str(name)))

    def verify_file(self, path: str) -> bool:
        return super().verify_file(path) and path.endswith(("organization_accounts.yml", "organization_accounts.yaml"))

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        super().parse(inventory, loader, path, cache)
        if REQUESTS_IMPORT_ERROR is not None:
            raise AnsibleParserError("The Python library requests is missing: install it for the Python that runs Ansible.")
        config = self._read_config(path)
        secrets: set[str] = set()
        try:
            options = self._options_of(config, secrets)
            more = config.get("account_auth") or {}
            variables.check_addition(more, AUTH_SPEC)
            found = self._answers(options, cache, secrets)
            self._tell_refused(found["refused"], options["strict_permissions"])
            if found["caller_id"] is None and not options.get("assume_agency"):
                self._tell_unknown_caller(options["strict_permissions"])
            everybody = accounts_of(found)
            accounts = filters.selected(everybody, options["include"], options["exclude"])
            self._tell_fitting_nobody(everybody, options)
        except (CloudError, OptionError) as error:
            raise AnsibleParserError(remove_values(str(error), secrets)) from None
        groups = naming.unit_groups(units_of(found).values())
        self._add_groups(found, groups)
        self._add_hosts(accounts, groups, options, more)

    # Options

    def _read_config(self, path: str) -> Mapping[str, Any]:
        # Before core's own check, which would print the value of a secret that is no text, and of a mapping that is none.
        raw = self.loader.load_from_file(path)
        if isinstance(raw, Mapping):
            wrong = texts.sentence(texts.not_text(SPEC, plain({name: raw[name] for name in raw if name in SPEC})))
            for name in _MAPPINGS:
                if raw.get(name) is not None and not isinstance(raw[name], Mapping):
                    wrong = f"{name} must be a mapping."
            if wrong is not None:
                raise AnsibleParserError(wrong)
        config = self._read_config_data(path)
        return config if isinstance(config, Mapping) else {}

    def _options_of(self, config: Mapping[str, Any], secrets: set[str]) -> dict[str, Any]:
        """The options of ``SPEC``, evaluated and checked; what of them is secret is added to ``secrets``. Raises OptionError."""
        self.templar.available_variables = self._vars
        given = plain({name: self.templar.template(config[name]) for name in config if name in SPEC})
        wrong = texts.sentence(texts.not_text(SPEC, given))
        if wrong is not None:
            raise OptionError(wrong)
        validated = OptionsValidator(SPEC).validate(given)
        secrets.update(validated._no_log_values)
        if validated.error_messages:
            raise OptionError(validated.error_messages[0])
        options = dict(validated.validated_parameters)
        for name in ("include", "exclude"):
            filters.check(options[name], name)
        if not options["tags"] and any(entry.get("tags") for entry in (*options["include"], *options["exclude"])):
            raise OptionError("include and exclude ask for tags, and tags=false leaves them out: leave one of them.")
        return options

    # Answers

    def _answers(self, options: Mapping[str, Any], cache: bool, secrets: set[str]) -> dict[str, Any]:
        """What the cloud says, or what the cache has kept of it. Raises CloudError and OptionError."""
        caching = self.get_option("cache")
        connections = Connections(options, dict(os.environ), lambda: True, {})
        try:
            key = self._key(connections, options)
            kept = self._cache.get(key) if caching and cache else None
            found = self._asked(connections, options) if kept is None or not answers.usable(kept) else self._completed(connections, kept)
        finally:
            secrets.update(connections.environment_secrets())
            connections.close()
        if caching and found != kept:
            self._cache[key] = found
        return found

    def _completed(self, connections: Connections, kept: dict[str, Any]) -> dict[str, Any]:
        """What the cache has kept. Where nobody told whose the credentials are, that is asked again: there may have been an outage."""
        if kept["caller_id"] is not None:
            return kept
        try:
            caller_id, acting_id = connections.caller_accounts()
        except CloudError:
            return kept
        return {**kept, "caller_id": caller_id, "acting_id": acting_id}

    def _key(self, connections: Connections, options: Mapping[str, Any]) -> str:
        """Under what the answers are kept: it differs by the service, the credentials, and whether tags are read."""
        parts = (connections.fingerprint(), connections.organizations.session.base_url, options["tags"])
        return f"{self.NAME}_{hashlib.sha256(repr(parts).encode('utf-8')).hexdigest()[:32]}"

    def _asked(self, connections: Connections, options: Mapping[str, Any]) -> dict[str, Any]:
        caller = answers.Caller(*connections.caller_accounts())
        return answers.read(connections.organizations, caller, options["tags"], options["concurrency"])

    def _tell_refused(self, refused: Iterable[str], strict: bool) -> None:
        for what in refused:
            if strict:
                raise OptionError(f"the credentials may not read {what} Allow it, or set strict_permissions=false.")
            self.display.warning(f"The credentials may not read {what} It is left out.")

    def _tell_fitting_nobody(self, accounts: list[Account], options: Mapping[str, Any]) -> None:
        for option in ("include", "exclude"):
            for sentence in filters.fitting_nobody(accounts, options[option], option):
                self.display.warning(sentence)

    def _tell_unknown_caller(self, strict: bool) -> None:
        """Nobody guesses whose the credentials are: the users of that account would be protected in the name of another host."""
        text = (
            "nobody tells which account the credentials belong to: give auth_domain_id, or region or sts_endpoint, with which STS is asked."
        )
        if strict:
            raise OptionError(f"{text} Or set strict_permissions=false.")
        self.display.warning(f"{text[0].upper()}{text[1:]} The hosts of all accounts assume an agency.")

    # Hosts and groups

    def _add_groups(self, found: Mapping[str, Any], groups: Mapping[str, str]) -> None:
        self.inventory.add_group(naming.ORGANIZATION)
        for unit in units_of(found).values():
            self.inventory.add_group(groups[unit.id])
            self.inventory.add_child(groups[unit.parent_id] if unit.parent_id else naming.ORGANIZATION, groups[unit.id])

    def _add_hosts(self, accounts: list[Account], groups: Mapping[str, str], options: Mapping[str, Any], more: Mapping[str, Any]) -> None:
        described = [untrusted(variables.described(account)) for account in accounts]
        wanted = [(self._host_name(facts), account.id) for account, facts in zip(accounts, described)]
        hosts = naming.unique(wanted, naming.NOT_FOR_HOSTS | set(groups.values()))
        strict = self.get_option("strict")
        for host, account, facts in zip(hosts, accounts, described):
            self.inventory.add_host(host, group=groups[account.unit.id] if account.unit else naming.ORGANIZATION)
            if account.is_management:
                self.inventory.add_group(naming.MANAGEMENT)
                self.inventory.add_child(naming.MANAGEMENT, host)
            own = {**facts, **variables.access(account, options, options["agency_name"], more)}
            for name, value in own.items():
                self.inventory.set_variable(host, name, value)
            # Templates of account_auth are for the host, where its variables are.
            self._set_composite_vars(self.get_option("compose"), own, host, strict=strict)
            self._add_host_to_composed_groups(self.get_option("groups"), own, host, strict=strict)
            self._add_host_to_keyed_groups(self.get_option("keyed_groups"), own, host, strict=strict)

    def _host_name(self, facts: Mapping[str, Any]) -> str:
        """The name that the first of ``hostnames`` gives which gives one, else nothing. Raises AnsibleParserError for what is no expression."""
        for expression in self.get_option("hostnames"):
            try:
                value = facts[expression] if expression in facts else self._compose(expression, facts)
            except AnsibleUndefinedVariable:
                continue
            except AnsibleError as error:
                raise AnsibleParserError(f"hostnames: {expression!r} cannot be evaluated: {legible(error, 300)}") from None
            name = naming.host_name(str(value)) if value is not None else ""
            if name:
                return name
        return ""
