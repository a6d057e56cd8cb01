# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""OpenStack's file clouds.yaml: a cloud in it as the variables ``OS_*`` that would say the same."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import OptionError

_SUFFIXES = (".yaml", ".yml", ".json")

_VARIABLES: Mapping[str, tuple[str, ...]] = {
    "OS_AUTH_URL": ("auth_url",),
    "OS_REGION_NAME": ("region_name",),
    "OS_ACCESS_KEY": ("access_key", "ak"),
    "OS_SECRET_KEY": ("secret_key", "sk"),
    "OS_SECURITY_TOKEN": ("security_token",),
    "OS_TOKEN": ("token",),
    "OS_USERNAME": ("username",),
    "OS_USER_ID": ("user_id",),
    "OS_PASSWORD": ("password",),
    "OS_PASSCODE": ("passcode",),
    "OS_USER_DOMAIN_NAME": ("user_domain_name",),
    "OS_USER_DOMAIN_ID": ("user_domain_id",),
    "OS_DOMAIN_NAME": ("domain_name",),
    "OS_DOMAIN_ID": ("domain_id",),
    "OS_CACERT": ("cacert",),
}
"""Each variable, and the keys that say it, inside ``auth`` or beside it. Open Telekom Cloud's own client has the access keys beside it."""

_PROFILES: Mapping[str, str] = {"otc": "eu-de", "otc-swiss": "eu-ch2"}
"""The vendor profiles of openstacksdk that are clouds of this family, and the region each begins with. The region names the host."""


def cloud_variables(name: str, env: Mapping[str, str]) -> dict[str, str]:
    """The variables that the cloud ``name`` of clouds.yaml, with secure.yaml over it, stands for. Raises OptionError.

    The files are looked for where openstacksdk documents it: ``OS_CLIENT_CONFIG_FILE`` and ``OS_CLIENT_SECURE_FILE``, the current
    directory, ``~/.config/openstack``, ``/etc/openstack``. The first file of each kind counts.
    """
    file, clouds = _clouds_in("clouds", env.get("OS_CLIENT_CONFIG_FILE"), env)
    if file is None:
        raise OptionError(
            f"cloud {name!r} is not known, because there is no clouds.yaml: looked at OS_CLIENT_CONFIG_FILE, the current directory,"
            " ~/.config/openstack and /etc/openstack."
        )
    if name not in clouds:
        raise OptionError(f"cloud {name!r} is not in {file}, which has {', '.join(map(repr, sorted(map(str, clouds)))) or 'none'}.")
    _file, secure = _clouds_in("secure", env.get("OS_CLIENT_SECURE_FILE"), env)
    return _as_variables(_merged(clouds[name], secure.get(name)), f"cloud {name!r} of {file}")


def _clouds_in(kind: str, named: str | None, env: Mapping[str, str]) -> tuple[Path | None, Mapping[Any, Any]]:
    """The first file of a kind, and the clouds in it. A file that is named must be there."""
    directories = [Path.cwd(), _config_home(env) / "openstack", Path("/etc/openstack")]
    files = [directory / f"{kind}{suffix}" for directory in directories for suffix in _SUFFIXES]
    file = Path(named).expanduser() if named else next((file for file in files if file.exists()), None)
    if file is None:
        return None, {}
    document = _document(file)
    clouds = document.get("clouds") if isinstance(document, dict) else None
    if not isinstance(clouds, dict):
        raise OptionError(f"{file} must be a mapping that has clouds, as OpenStack documents it.")
    return file, clouds


def _config_home(env: Mapping[str, str]) -> Path:
    return Path(env.get("XDG_CONFIG_HOME") or Path(env.get("HOME") or "~", ".config")).expanduser()


def _document(file: Path) -> Any:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise OptionError(f"{file} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}.") from None
    if file.suffix == ".json":
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise OptionError(f"{file} is not JSON.") from None
    try:
        # Not at the head of this file: only who names a cloud needs it, and a host where a module runs may not have it.
        import yaml
    except ImportError:
        raise OptionError(f"the Python library PyYAML is missing, which reads {file}: install it for {sys.executable}.") from None
    try:
        return yaml.safe_load(text)
    except (ValueError, RecursionError, yaml.YAMLError):  # what the parser says repeats the line, which may hold a password
        raise OptionError(f"{file} is not YAML.") from None


def _merged(cloud: Any, secure: Any) -> dict[str, Any]:
    """A cloud's keys with underscores, those of ``auth`` among the others, and those of secure.yaml over both."""
    keys: dict[str, Any] = {}
    for part in (cloud, secure):
        for level in (part, part.get("auth") if isinstance(part, dict) else None):
            if isinstance(level, dict):
                keys.update({str(key).replace("-", "_"): value for key, value in level.items() if value is not None})
    return keys


def _as_variables(keys: Mapping[str, Any], whose: str) -> dict[str, str]:
    variables = {}
    for variable, names in _VARIABLES.items():
        name = next((name for name in names if name in keys), None)
        if name is not None:
            variables[variable] = _text(keys[name], f"{name} in {whose}")
    if keys.get("insecure") is True or keys.get("verify") is False:
        variables["OS_INSECURE"] = "true"
    named = next((name for name in ("profile", "cloud") if name in keys), None)
    region = _PROFILES.get(_text(keys[named], f"{named} in {whose}")) if named is not None else None
    if region is not None:
        variables.setdefault("OS_REGION_NAME", region)
    if "OS_AUTH_URL" in variables:
        # openstacksdk fills it in like this too.
        variables["OS_AUTH_URL"] = variables["OS_AUTH_URL"].replace("{region_name}", variables.get("OS_REGION_NAME", ""))
    return variables


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        # YAML reads 0123456 as a number, and what is left of it would be sent as a wrong password.
        raise OptionError(f"{what} is not a text: quote it.")
    return value
