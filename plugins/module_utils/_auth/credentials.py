# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which credentials options and environment give, and which variables may say where they go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._auth.access_key import AccessKey
from ansible_collections.hwc.mfa.plugins.module_utils._auth.agency import OPTION, assumed_by
from ansible_collections.hwc.mfa.plugins.module_utils._auth.base import ACCOUNT_VARIABLES, Credentials, Source
from ansible_collections.hwc.mfa.plugins.module_utils._auth.clouds_yaml import cloud_variables
from ansible_collections.hwc.mfa.plugins.module_utils._auth.password import Password
from ansible_collections.hwc.mfa.plugins.module_utils._auth.token import Token
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.endpoints import names_a_host
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import OptionError

KINDS: tuple[type[Credentials], ...] = (AccessKey, Token, Password)
"""The kinds of credentials, in the order in which a family of variables is looked at."""

ENVIRONMENT: dict[str, tuple[str, ...]] = {option: names for kind in KINDS for option, names in kind.variables.items()} | dict(
    ACCOUNT_VARIABLES
)
"""Where an option is read from if it is not given: the names that operators already use (docs/dev/cloud_api.md, section 7), the first that is set."""

SECRETS = tuple(secret for kind in KINDS for secret in kind.secrets)

FAMILIES = ("HW_", "HUAWEICLOUD_SDK_", "OS_")
"""The families of variables, by how their names begin, in the order in which they are looked at. Parts of two families never join."""

CLOUD_VARIABLE = "OS_CLOUD"

_NOT_FROM_THE_ENVIRONMENT: Mapping[str, tuple[str, ...]] = {}


@dataclass(frozen=True)
class Found:
    """What ``find`` has found. ``variables`` may say where the credentials go; secrets of files that were read are in them too."""

    credentials: Credentials | None
    variables: Mapping[str, str]


def find(params: Mapping[str, Any], env: Mapping[str, str]) -> Found:
    """The credentials that options, else the environment, give, and the variables that may say where to send them.

    Options come first. What they do not give is filled in from the first family of variables that has all that is missing. Without
    options the first family counts that has a whole kind. Where an option names an agency, those credentials assume it. Raises OptionError
    on two kinds or half a kind.
    """
    found = _find(params, env)
    return Found(assumed_by(found.credentials, params.get(OPTION)), found.variables)


def _find(params: Mapping[str, Any], env: Mapping[str, str]) -> Found:
    surroundings = _Surroundings(params, env)
    given = kind_given(params)
    if given is not None and given.whole_in(Source(params, {}, ENVIRONMENT)):
        return Found(given.build(Source(params, {}, ENVIRONMENT, surroundings.raw)), surroundings.all())
    for family in surroundings.families():
        variables = surroundings.of(family)
        source = Source(params, variables, ENVIRONMENT, surroundings.raw)
        kind = given or next((kind for kind in KINDS if kind.whole_in(source)), None)
        if kind is not None and kind.whole_in(source):
            return Found(kind.build(source), surroundings.address_of(family, kind.bearer))
    if given is not None:
        given.build(Source(params, {}, ENVIRONMENT, surroundings.raw))  # says what is missing
    for family in surroundings.families():
        source = Source(params, surroundings.of(family), ENVIRONMENT, surroundings.raw)
        if source.value("access_key") is not None:
            AccessKey.build(source)  # likewise
    return Found(None, surroundings.all())


class _Surroundings:
    """The environment by families. Where a cloud of clouds.yaml is named, it takes the place of the family that it belongs to."""

    def __init__(self, params: Mapping[str, Any], env: Mapping[str, str]) -> None:
        self.raw = _without_line_ends(env)
        self._named = str(params["cloud"]) if params.get("cloud") else None
        self._told = bool(params.get("region") or params.get("iam_endpoint"))
        self._cloud: dict[str, str] | None = None

    def families(self) -> tuple[str, ...]:
        """The families to look at. A cloud that is given as an option stands for all of the environment."""
        return ("OS_",) if self._named else FAMILIES

    def of(self, family: str) -> Mapping[str, str]:
        """The variables of a family."""
        if family == "OS_" and (self._named or self.raw.get(CLOUD_VARIABLE)):
            return self._of_cloud()
        return {name: value for name, value in self.raw.items() if name.startswith(family)}

    def _of_cloud(self) -> Mapping[str, str]:
        """Read only where it counts: a cloud of the environment that is not used need not exist."""
        if self._cloud is None:
            name = self._named or self.raw[CLOUD_VARIABLE]
            region = {} if self._named else {name: self.raw[name] for name in ("OS_REGION_NAME",) if self.raw.get(name)}
            self._cloud = {**region, **_without_line_ends(cloud_variables(name, self.raw))}
        return self._cloud

    def all(self) -> Mapping[str, str]:
        """The variables that may say where credentials go that were given as options."""
        if self._named:
            return self._of_cloud()
        if not self.raw.get(CLOUD_VARIABLE):
            return self.raw
        others = {name: value for name, value in self.raw.items() if not name.startswith("OS_")}
        return others if self._told or names_a_host(others) else {**others, **self.of("OS_")}

    def address_of(self, family: str, bearer: bool) -> Mapping[str, str]:
        """The variables that may say where a family's credentials go: its own, and those of the collection.

        Keys of a family that names no host may follow another one. A secret that is sent itself never does.
        """
        own = {name: value for name, value in self.raw.items() if name.startswith("HWC_")} if not self._named else {}
        # The vendor's SDK and its Terraform provider are for the same clouds, and the SDK has no variable for the region.
        own |= {**self.of("HW_"), **self.of(family)} if family == "HUAWEICLOUD_SDK_" else self.of(family)
        return own if bearer or self._named or names_a_host(own) else self.all()


def _without_line_ends(variables: Mapping[str, str]) -> dict[str, str]:
    """Variables without the line break that whoever reads a secret from a file into one leaves at its end. No credential ends in one."""
    return {name: value.rstrip("\r\n") if name.startswith(FAMILIES) else value for name, value in variables.items()}


def resolve_item(item: Mapping[str, Any], user_id: str, domain_name: str | None) -> Credentials | None:
    """A user's own credentials from one item of a list, where the login is the item's user; None where it has none. No environment."""
    kind = kind_given(item)
    if kind is None:
        return None
    named = dict(item, auth_user_id=user_id) if item.get("auth_password") else dict(item)
    if not any(named.get(option) for option in ACCOUNT_VARIABLES):
        named["auth_domain_name"] = domain_name
    return kind.build(Source(named, {}, _NOT_FROM_THE_ENVIRONMENT))


def kind_given(params: Mapping[str, Any]) -> type[Credentials] | None:
    """The kind that options give, or None. Raises OptionError on two kinds."""
    given = {kind: [option for option in kind.telling if params.get(option)] for kind in KINDS}
    kinds = [kind for kind, options in given.items() if options]
    if len(kinds) > 1:
        first, second = given[kinds[0]][0], given[kinds[1]][0]
        raise OptionError(f"{first} and {second} are two kinds of credentials: give one of {', '.join(kind.label for kind in KINDS)}.")
    return kinds[0] if kinds else None  # equivalent: two kinds have raised above
