# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two errors of this collection: the cloud refused, or an option is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import legible

_LONGEST_MESSAGE = 2000
_LONGEST_FACT = 200
_OF_GATEWAYS = ("APIGW.", "APIG.")


class OptionError(Exception):
    """An option cannot work. The text is one sentence that names the option and never its secret value."""

    def __str__(self) -> str:
        return legible(super().__str__())


class CloudError(Exception):
    """The cloud refused, or could not be reached.

    ``status`` is the HTTP status, or None where no answer came. ``uncertain`` says that a write may or may not have been
    carried out (its answer was lost, or a gateway answered in the cloud's place): read the state before relying on either.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        call: str = "",
        uncertain: bool = False,
        authorization_message: str | None = None,
    ) -> None:
        super().__init__(message)  # equivalent: BaseException.__new__ has kept the message
        # Any text of a cloud may be printed on a terminal.
        self.message = legible(message)
        self.status = status
        self.code = legible(code, _LONGEST_FACT) if code else None
        self.request_id = legible(request_id, _LONGEST_FACT) if request_id else None
        self.call = call
        self.uncertain = uncertain
        self.authorization_message = legible(authorization_message) if authorization_message else None
        self.hint: str | None = None
        self.changed = False
        """Whether something was written before this failed, and stays."""

        self.foreign = False
        """Whether the body did not come from the cloud's API, but from a proxy for example: it then says nothing about users or devices."""
        self.login_rules: tuple[tuple[str, ...], ...] = ()
        """Set where a login was right but incomplete: alternatives, each a list of methods that are required together."""

    def note_change(self, written: str) -> None:
        """Take note of what was written before this failed: a sentence, which is told behind what to do."""
        self.changed = True
        self._add(written)

    def note_lost(self) -> None:
        """Take note of a write before this failed whose answer was lost: nobody knows whether it was carried out."""
        if not self.uncertain:
            self.uncertain = True
            self._add("Before that, the answer to a change was lost, so that it may have been made.")

    def _add(self, sentence: str) -> None:
        self.hint = f"{self.advice} {sentence}" if self.advice else sentence

    def has_code(self, *suffixes: str) -> bool:
        """Whether the code ends with one of ``suffixes``: the prefix differs between generations of one service (docs/dev/cloud_api.md, section 6)."""
        return self.code is not None and any(self.code == suffix or self.code.endswith("." + suffix) for suffix in suffixes)

    @property
    def says_none(self) -> bool:
        """Whether the service itself says that what was asked for is not there.

        Only its own code says so. A gateway answers 404 too, for a call that it does not know or has not published (``APIGW.0101``), and
        that is no answer about a user, a device or a policy.
        """
        return self.status == 404 and not self.foreign and self.has_code("0004") and not str(self.code).startswith(_OF_GATEWAYS)

    @property
    def may_say_none(self) -> bool:
        """Whether a 404 may be the service's own, and does not say so: it has no code. Ask another way before believing it."""
        return self.status == 404 and not self.foreign and self.code is None

    @property
    def advice(self) -> str | None:
        """What to do: the hint of whoever knows the call, else the one that goes with the code."""
        return self.hint or hint_for(self)

    @property
    def is_refusal(self) -> bool:
        """Whether the cloud has refused, and would do so again: neither an outage nor a throttle."""
        return self.status is not None and 400 <= self.status < 500 and self.status != 429

    def as_dict(self) -> dict[str, Any]:
        """The part of a result that playbooks test: ``status``, ``code``, ``request_id``, and ``uncertain`` where a write is."""
        facts: dict[str, Any] = {"status": self.status, "code": self.code, "request_id": self.request_id}
        if self.uncertain:
            facts["uncertain"] = True
        if self.authorization_message:
            facts["encoded_authorization_message"] = self.authorization_message
        return facts

    def __str__(self) -> str:
        facts = []
        if self.status is not None:
            facts.append(f"HTTP {self.status}")
        if self.code:
            facts.append(self.code)
        if self.request_id:
            facts.append(f"request id {self.request_id}")
        text = self.message.rstrip(". ")
        if facts:
            text = f"{text} ({', '.join(facts)})"
        if self.call:
            text = f"{self.call}: {text}"
        return f"{text}. {self.advice}" if self.advice else f"{text}."


@contextmanager
def looking_after(lost: bool) -> Iterator[None]:
    """Find out what came of a write, whose answer may be ``lost``: where that fails too, its error tells of the write."""
    try:
        yield
    except CloudError as error:
        if lost:
            error.note_lost()
        raise


def error_facts(error: CloudError | OptionError) -> dict[str, Any]:
    """``status``, ``code`` and ``request_id`` of an error for a result; all None where no cloud was asked."""
    if isinstance(error, CloudError):
        return error.as_dict()
    return {"status": None, "code": None, "request_id": None}


_THRESHOLD = re.compile(
    r"threshold\s*:?\s*([0-9]{1,7})\s*times?\s*(?:per|/)\s*([0-9]{1,5})\s*s(?:ec(?:ond)?s?)?\b", re.ASCII | re.IGNORECASE
)
_MOST_CALLS = 1_000_000
_LONGEST_WINDOW = 86_400
"""Seconds in a day."""


def named_limit(error: CloudError) -> tuple[int, int] | None:
    """The limit that a throttle's refusal names, as (calls, seconds), or None where it names none that is plausible.

    ``IAM.0012`` says "Threshold: %d times per %d seconds" (docs/dev/cloud_api.md, section 6).
    """
    found = _THRESHOLD.search(error.message) if error.status == 429 else None
    if found is None:
        return None
    calls, seconds = int(found[1]), int(found[2])
    return (calls, seconds) if 1 <= calls <= _MOST_CALLS and 1 <= seconds <= _LONGEST_WINDOW else None


# What to do about a refusal, by its status (None: any) and the last part of its code; the first entry that fits wins
# (docs/dev/cloud_api.md, section 6).
_HINTS: tuple[tuple[int | None, tuple[str, ...], str], ...] = (
    (
        400,
        ("1061",),
        "The codes were wrong: they must be two consecutive codes of this device, each used once; check the seed and the clock.",
    ),
    (400, ("1062",), "Login protection holds the device: lift it first with hwc.mfa.iam_login_protection."),
    (400, ("1105",), "The access key has expired: give the user a new access_key and secret_key."),
    (400, ("1107",), "The access key is disabled: enable it, or give another access_key and secret_key."),
    (400, ("1108",), "The security_token has expired: get new temporary keys, all three of access_key, secret_key and security_token."),
    (401, ("0061",), "The user is locked after too many failures: wait until the cloud unlocks them."),
    (401, ("0066", "0067"), "The token is no longer valid: give a fresh auth_token."),
    (401, ("0301",), "Check access_key and secret_key, security_token for temporary keys, and this machine's clock."),
    (
        403,
        ("IAM.0080", "IAM.0082"),
        "The user whose credentials these are is disabled: enable that user, or give another user's credentials.",
    ),
    (
        403,
        ("IAM.0081",),
        "The user whose credentials these are may use the console only: allow that user programmatic access, or give another's credentials.",
    ),
    (403, ("IAM.0083",), "These credentials may not be used in this region: check region and iam_endpoint."),
    (None, ("PAP5.0010",), "The cloud refused its own page marker, because the account changed meanwhile: run again."),
    (
        None,
        ("PAP5.0040",),
        "The caller is no IAM user: give the credentials of an IAM user, since agencies and federated users cannot do this.",
    ),
    (None, ("PAP5.0041",), "Give serial_number exactly as hwc.mfa.iam_mfa_info shows it."),
    (403, (), "These credentials lack the permission for this call."),
    (429, (), "The cloud throttles: run again with a smaller concurrency."),
)


def hint_for(error: CloudError) -> str | None:
    """A sentence on what to do about ``error``, or None where the cloud's message is enough."""
    for status, suffixes, hint in _HINTS:
        if status in (None, error.status) and (not suffixes or error.has_code(*suffixes)):
            return hint
    return None


def _text(value: Any) -> str | None:
    """A field's text, or None where it holds none."""
    text = legible(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    return text or None


_METHOD = re.compile(r"[a-z][a-z0-9_-]{0,31}", re.ASCII | re.IGNORECASE)


def _login_rules(value: Any) -> tuple[tuple[str, ...], ...]:
    """Keystone's ``required_auth_methods``: lists of names of methods, in any order, which differs from server to server.

    Anything else is left out, because the names are printed.
    """
    rules = value if isinstance(value, list) else []
    return tuple(
        tuple(sorted(rule))
        for rule in rules
        if isinstance(rule, list) and rule and all(isinstance(method, str) and _METHOD.fullmatch(method) for method in rule)
    )


def decode_error(status: int, headers: Mapping[str, str], body: bytes, call: str) -> CloudError:
    """Turn an answer that is not a success into a CloudError, from any of the four body shapes (docs/dev/cloud_api.md, section 6).

    A fifth shape is Keystone's answer to an incomplete login: a receipt, which is worth as much as the password and never printed, and the
    methods that are required. A body in no known format (HTML of a gateway, a captive portal) is described, never printed: it may hold
    anything.
    """
    request_id = headers.get("X-Request-Id") or headers.get("X-IAM-Trace-Id") or headers.get("X-Openstack-Request-Id")
    code: str | None = None
    message: str | None = None
    authorization_message: str | None = None
    login_rules: tuple[tuple[str, ...], ...] = ()
    try:
        document = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, dict):
        nested = document.get("error")
        if isinstance(nested, dict):
            code = _text(nested.get("error_code")) or _text(nested.get("code"))
            message = _text(nested.get("message")) or _text(nested.get("error_msg")) or _text(nested.get("title"))
        else:
            code = _text(document.get("error_code")) or _text(document.get("code"))
            message = _text(document.get("error_msg")) or _text(document.get("message"))
            login_rules = _login_rules(document.get("required_auth_methods"))
            if login_rules:
                message = f"the login wants {', or '.join(' and '.join(rule) for rule in login_rules)}"
        request_id = _text(document.get("request_id")) or request_id
        authorization_message = _text(document.get("encoded_authorization_message"))
        if message and len(message) > _LONGEST_MESSAGE:
            message = f"{message[:_LONGEST_MESSAGE]}..."
        if authorization_message:
            message = f"{message or 'not authorized'} [encoded_authorization_message: {authorization_message}]"
    # A body in no known format did not come from this API; an empty one may have.
    foreign = message is None and bool(body.strip())
    if message is None:
        kind = headers.get("Content-Type", "").split(";")[0].strip()[:_LONGEST_FACT] or "no content type"
        message = f"the host answered {status} with something that is not an error of the cloud's API ({kind}, {len(body)} bytes)"
    # A Keystone body repeats the HTTP status as its code: that adds nothing.
    if code == str(status):
        code = None
    error = CloudError(
        message,
        status=status,
        code=code,
        request_id=request_id,
        call=call,
        authorization_message=authorization_message,
    )
    error.foreign = foreign
    error.login_rules = login_rules
    return error
