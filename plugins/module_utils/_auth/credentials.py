# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which kind of credentials options and environment give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._auth.access_key import AccessKey
from ansible_collections.hwc.mfa.plugins.module_utils._auth.base import Credentials, Source
from ansible_collections.hwc.mfa.plugins.module_utils._auth.password import Password
from ansible_collections.hwc.mfa.plugins.module_utils._auth.token import Token
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.endpoints import first_set
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import OptionError

KINDS: tuple[type[Credentials], ...] = (AccessKey, Token, Password)
"""The kinds of credentials, in the order in which the environment is looked at."""

ENVIRONMENT: dict[str, tuple[str, ...]] = {option: names for kind in KINDS for option, names in kind.variables.items()}
"""Where an option is read from if it is not given: the names that operators already use (docs/dev/cloud_api.md, section 7), the first that is set."""

SECRETS = tuple(secret for kind in KINDS for secret in kind.secrets)

_NOT_FROM_THE_ENVIRONMENT: Mapping[str, tuple[str, ...]] = {}


def resolve(params: Mapping[str, Any], env: Mapping[str, str]) -> Credentials | None:
    """The credentials that options, else the environment, give; None where neither gives any.

    One kind given as options wins over the environment, which then only fills in what is missing of that kind. In the
    environment the first kind wins that is whole: AK/SK, token, password. Raises OptionError on two kinds or half a kind.
    """
    source = Source(params, env, ENVIRONMENT)
    given = _kind_given(params)
    if given is not None:
        return given.build(source)
    for kind in KINDS:
        if kind.whole_in(env):
            return kind.build(source)
    if first_set(env, ENVIRONMENT["access_key"]) is not None:
        return AccessKey.build(source)  # says which half is missing
    return None


def resolve_item(item: Mapping[str, Any], user_id: str, domain_name: str | None) -> Credentials | None:
    """A user's own credentials from one item of a list, where the login is the item's user; None where it has none. No environment."""
    kind = _kind_given(item)
    if kind is None:
        return None
    named = dict(item, auth_user_id=user_id) if item.get("auth_password") else dict(item)
    if named.get("auth_domain_name") is None:
        named["auth_domain_name"] = domain_name
    return kind.build(Source(named, {}, _NOT_FROM_THE_ENVIRONMENT))


def _kind_given(params: Mapping[str, Any]) -> type[Credentials] | None:
    given = {kind: [option for option in kind.telling if params.get(option)] for kind in KINDS}
    kinds = [kind for kind, options in given.items() if options]
    if len(kinds) > 1:
        first, second = given[kinds[0]][0], given[kinds[1]][0]
        raise OptionError(f"{first} and {second} are two kinds of credentials: give one of {', '.join(kind.label for kind in KINDS)}.")
    return kinds[0] if kinds else None  # equivalent: two kinds have raised above
