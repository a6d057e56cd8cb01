# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of modules that the role is given, and what is wrong with them: told before any user is touched. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, Callable

from ansible_collections.hwc.mfa.plugins.module_utils._auth.credentials import find, kind_given
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import OptionError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import legible
from ansible_collections.hwc.mfa.plugins.module_utils._modules import (
    iam_login_policy,
    iam_operation_protection,
    identity_center_mfa_settings,
)
from ansible_collections.hwc.mfa.plugins.module_utils._runner.definition import Definition
from ansible_collections.hwc.mfa.plugins.module_utils._runner.options import AUTH_SPEC
from ansible_collections.hwc.mfa.plugins.module_utils._runner.validation import OptionsValidator
from ansible_collections.hwc.mfa.plugins.plugin_utils._control import texts
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.levels import replaced

PREFIX = "mfa_rollout_"

ACCOUNT_OPTIONS: Mapping[str, tuple[Definition, Callable[[Mapping[str, Any]], None]]] = {
    "identity_center": (identity_center_mfa_settings.SETTINGS, identity_center_mfa_settings.check),
    "login_policy": (iam_login_policy.LOGIN_POLICY, lambda options: iam_login_policy.check(options["api"], options)),
    "operation_protection": (iam_operation_protection.OPERATION_PROTECTION, iam_operation_protection.check),
}
"""The variables whose values are options of a module, and what the module says of them without asking."""


def wrong_options(values: Mapping[str, Any], environ: Mapping[str, str], defaults: Mapping[str, Any]) -> Iterator[str]:
    """A sentence for each thing that is wrong with the options in the variables. A secret among them is never told.

    Credentials among them join those in ``mfa_rollout_auth``, and may be completed by the play's ``defaults`` or by the environment.
    """
    auth = values.get("auth")
    for name, (definition, check) in ACCOUNT_OPTIONS.items():
        options = values.get(name, {})
        if not isinstance(options, Mapping):
            yield f"{PREFIX}{name} must be a mapping of options, and not a text or a list."
            continue
        yield from _unknown(name, options, definition.argument_spec, "the documentation of its module shows those that there are.")
        known = {option: value for option, value in options.items() if option in definition.argument_spec}
        validated = OptionsValidator(definition.argument_spec, **definition.relations).validate(known)
        wrong = [*validated.error_messages, *filter(None, [texts.sentence(texts.not_text(definition.argument_spec, known))])]
        for message in wrong:
            yield f"{PREFIX}{name}: {legible(message)}"
        if not wrong:
            try:
                check(validated.validated_parameters)
                if kind_given(known) is not None:
                    _refuse_credentials({**(auth if isinstance(auth, Mapping) else {}), **known}, environ, defaults)
            except OptionError as error:
                yield f"{PREFIX}{name}: {error}"


def _refuse_credentials(options: Mapping[str, Any], environ: Mapping[str, str], defaults: Mapping[str, Any]) -> None:
    """Raise OptionError where credentials are of two kinds, or are half a kind that nothing completes."""
    dropped = replaced([options, defaults])
    find({**{name: value for name, value in defaults.items() if name not in dropped}, **options}, environ)


def wrong_credentials(auth: Mapping[str, Any]) -> Iterator[str]:
    """A sentence for each option in ``mfa_rollout_auth`` that there is not, or that came as something else than text. No value is told."""
    yield from _unknown("auth", auth, AUTH_SPEC, "ansible-doc hwc.mfa.iam_mfa_info shows those that there are.")
    wrong = texts.sentence(texts.not_text(AUTH_SPEC, auth, f"{PREFIX}auth."))
    if wrong is not None:
        yield wrong


def _unknown(name: str, options: Mapping[str, Any], known: Mapping[str, Any], elsewhere: str) -> Iterator[str]:
    for option in [str(option) for option in options if option not in known]:
        near = difflib.get_close_matches(option, list(known), 1)
        yield f"{PREFIX}{name} has no option {legible(option, 80)}: {f'did you mean {near[0]}?' if near else elsewhere}"
