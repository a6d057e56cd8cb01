# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a KV engine, checked. They and their environment variables are named as in community.hashi_vault."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.endpoints import checked_url
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import OptionError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.transport import HttpSettings
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.service_options import timeout_in, verification
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.store import StoreError

KV_SPEC: Mapping[str, Mapping[str, Any]] = {
    "url": {"type": "str"},
    "namespace": {"type": "str"},
    "engine_mount_point": {"type": "str", "default": "secret"},
    "path": {"type": "str", "default": "mfa"},
    "auth_method": {"type": "str"},
    "mount_point": {"type": "str"},
    "token": {"type": "str", "no_log": True},
    "role_id": {"type": "str"},
    "secret_id": {"type": "str", "no_log": True},
    "jwt": {"type": "str", "no_log": True},
    "validate_certs": {"type": "bool"},
    "ca_path": {"type": "path", "aliases": ["ca_cert"]},
    "timeout": {"type": "float", "default": 30},
}

Family = Mapping[str, tuple[str, ...]]

_VAULT: Family = {
    "url": ("ANSIBLE_HASHI_VAULT_ADDR", "VAULT_ADDR"),
    "namespace": ("ANSIBLE_HASHI_VAULT_NAMESPACE", "VAULT_NAMESPACE"),
    "auth_method": ("ANSIBLE_HASHI_VAULT_AUTH_METHOD",),
    "token": ("ANSIBLE_HASHI_VAULT_TOKEN", "VAULT_TOKEN"),
    "role_id": ("ANSIBLE_HASHI_VAULT_ROLE_ID",),
    "secret_id": ("ANSIBLE_HASHI_VAULT_SECRET_ID",),
    "jwt": ("ANSIBLE_HASHI_VAULT_JWT",),
    "ca_path": ("ANSIBLE_HASHI_VAULT_CA_CERT", "VAULT_CACERT"),
    "skip_verify": ("VAULT_SKIP_VERIFY",),
}

_BAO: Family = {
    "url": ("BAO_ADDR",),
    "namespace": ("BAO_NAMESPACE",),
    "auth_method": (),
    "token": ("BAO_TOKEN",),
    "role_id": (),
    "secret_id": (),
    "jwt": (),
    "ca_path": ("BAO_CACERT",),
    "skip_verify": ("BAO_SKIP_VERIFY",),
}

_FAMILIES = (_VAULT, _BAO)
"""The variables of one server each. A shell can have both, so parts of two families never join: the token of one server is no other one's."""

_EXAMPLE = "https://vault.example.com:8200"

_NEEDS: Mapping[str, tuple[str, ...]] = {"token": ("token",), "approle": ("role_id", "secret_id"), "jwt": ("role_id", "jwt")}

_RETRIES = 3
_CONNECTIONS = 8


@dataclass(frozen=True)
class KvOptions:
    """Where a KV engine is, and who works with it."""

    url: str
    mount: str
    path: tuple[str, ...]
    namespace: str
    auth_method: str
    http: HttpSettings
    token: str = field(default="", repr=False)
    login_mount: str = ""
    login: Mapping[str, str] = field(default_factory=dict, repr=False)
    login_names: tuple[str, ...] = ()
    option: str = "url"
    """What errors call the address."""

    token_variable: str = "VAULT_TOKEN"
    """Which variable errors propose for a token."""


def kv_options(params: Mapping[str, Any], env: Mapping[str, str]) -> KvOptions:
    """Options of a task, completed from the environment. Raises StoreError with a sentence that names the option."""
    params = {**{name: option.get("default") for name, option in KV_SPEC.items()}, **params}
    families = _families(params, env)
    said = {name: _said(name, params, families[0], env) for name in families[0]}
    url, source = said["url"]
    if not url:
        raise StoreError("url is missing: give the address of HashiCorp Vault or OpenBao (option url, or VAULT_ADDR).")
    try:
        url = checked_url(url, source, _EXAMPLE)
    except OptionError as error:
        raise StoreError(str(error)) from None
    method = said["auth_method"][0] or "token"
    if method not in _NEEDS:
        raise StoreError(f"auth_method must be one of {', '.join(_NEEDS)}.")
    for name in _NEEDS[method]:
        if not said[name][0]:
            raise StoreError(f"{name} is missing: auth_method={method} needs it (option {name}{_variables(name, families, env)}).")
    tokens = [_set_in(family["token"], env) for family in families]
    if method == "token" and not params.get("token") and len(families) > 1 and all(tokens):
        raise StoreError(
            f"token is missing: {' and '.join(tokens)} are both set, and neither is beside the address that url names. Give the option token,"
            f" or set {families[0]['url'][-1]} or {families[1]['url'][-1]} to that address."
        )
    secrets = {name: _header_text(said[name][0], said[name][1]) for name in (*_NEEDS[method], "namespace")}
    return KvOptions(
        url=url,
        mount="/".join(_names(params["engine_mount_point"], "engine_mount_point")),
        path=tuple(_names(params["path"], "path")),
        namespace=secrets.pop("namespace"),
        auth_method=method,
        http=HttpSettings(_verify(params, said), timeout_in(params["timeout"]), _RETRIES, _CONNECTIONS),
        token=secrets["token"] if method == "token" else "",
        login_mount="/".join(_names(params.get("mount_point") or method, "mount_point")),
        login={} if method == "token" else {"role" if method == "jwt" and name == "role_id" else name: secrets[name] for name in secrets},
        login_names=_NEEDS[method],
        option=source,
        token_variable=families[0]["token"][-1],
    )


def _families(params: Mapping[str, Any], env: Mapping[str, str]) -> list[Family]:
    """The family of variables that completes the options. Two where either may, and then the first of them does.

    It is the family that the address is from, or that has the address which an option gives. An option can name another server, too: then it
    is the family that has a token, or else one that sets anything.
    """
    if not params.get("url"):
        return [next((family for family in _FAMILIES if _set_in(family["url"], env)), _VAULT)]
    named = _url_in(str(params["url"]))
    beside = [family for family in _FAMILIES if named and named == _url_in(env.get(_set_in(family["url"], env), ""))]
    if beside:
        return beside[:1]
    ranked = sorted(_FAMILIES, key=lambda family: not any(_set_in(names, env) for names in family.values()))
    return sorted(ranked, key=lambda family: not _set_in(family["token"], env))


def _url_in(text: str) -> str:
    """An address as it is called, by which two can be compared; empty where it is none."""
    try:
        return checked_url(text, "url", _EXAMPLE)
    except OptionError:
        return ""


def _set_in(variables: Iterable[str], env: Mapping[str, str]) -> str:
    """The first of these variables that is set; empty where none is. What is empty is not set."""
    return next((variable for variable in variables if env.get(variable)), "")


def _said(name: str, params: Mapping[str, Any], family: Family, env: Mapping[str, str]) -> tuple[str, str]:
    """The value of an option, and where it comes from. What is empty is not set."""
    if params.get(name):
        return str(params[name]), name
    variable = _set_in(family[name], env)
    return (env[variable], variable) if variable else ("", name)


def _variables(name: str, families: Sequence[Family], env: Mapping[str, str]) -> str:
    """The variables from which an option would be taken, for a sentence that has just named the option."""
    known = [variable for family in families for variable in family[name]]
    if not known:
        return ""
    beside = _set_in(families[0]["url"], env) if len(families) == 1 else ""
    return f", or {' or '.join(known)}{f' beside {beside}' if beside else ''}"


def _header_text(text: str, source: str) -> str:
    """A secret without the line end of the file that it was read from. It goes into a header or a document as it is."""
    text = text.strip("\r\n ")
    if not text.isascii() or not text.isprintable():
        raise StoreError(f"{source} holds a line break or another character that it cannot have.")
    return text


def _names(text: str, option: str) -> list[str]:
    """A path of the engine as names."""
    names = str(text).strip("/").split("/")
    if not all(names) or {".", ".."} & set(names) or not "".join(names).isprintable():
        raise StoreError(f"{option} must be names between slashes, such as secret/team.")
    return names


def _verify(params: Mapping[str, Any], said: Mapping[str, tuple[str, str]]) -> bool | str:
    verify = params.get("validate_certs")
    if verify is None:
        skip, source = said["skip_verify"]
        try:
            verify = not boolean(skip or "false")
        except TypeError:
            raise StoreError(f"{source} is neither true nor false.") from None
    path, source = said["ca_path"]
    return verification(verify, path, source)
