# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong on order: specifications such as `lose:bind:3`, and which requests they meet.

Grammar: `KIND[=ARG][,KIND[=ARG]...][:ROUTE[:WHEN]]`. README.md lists the kinds and the routes.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field

KINDS_WITH_NUMBER = {"status", "retry-after", "html", "slow", "endless", "flood"}
KINDS_WITH_DEFAULT = {"html": 502.0, "endless": 1.0, "flood": 1.0}
KINDS_ALONE = {"lose", "cut", "half", "expire-tokens", "forbid", "noop", "extra", "bare", "loop", "drip", "unpublished"}

ROUTES = frozenset({
    "create", "bind", "unbind", "delete", "list-devices", "get-device", "login", "token", "login-protect-put",
    "login-protect-get", "login-protect-list", "user", "users", "groups", "group-users", "domains", "credential", "v5-create",
    "v5-enable", "v5-disable", "v5-delete", "v5-list", "v5-users", "v5-login-profile", "v5-last-login", "account-summary",
    "login-policy-get", "login-policy-put", "protect-policy-get", "protect-policy-put", "v5-login-policy-get", "v5-login-policy-put",
    "caller-identity", "decode-message", "ic-instances", "ic-get-mfa", "ic-set-mfa", "ic-get-sso", "ic-set-sso", "ic-devices", "ic-device-delete",
    "ic-device-rename", "ic-device-register", "ic-regions", "ic-user", "ic-users", "ic-groups", "ic-group-users", "ic-sessions", "ic-sessions-end",
    "org-show", "org-roots", "org-units", "org-accounts", "org-tags",
})  # fmt: skip

_WHEN = re.compile(r"(?:(?P<first>[1-9]\d*)(?:-(?P<last>[1-9]\d*))?|every=(?P<every>[1-9]\d*))?")


@dataclass(frozen=True)
class Fault:
    """One specification, decoded."""

    spec: str
    effects: dict[str, float]
    route: str
    first: int | None
    last: int | None
    every: int | None

    def meets(self, count: int) -> bool:
        """Whether it strikes the count-th request (from 1) of its route."""
        if self.every is not None:
            return count % self.every == 0
        if self.first is None:
            return True
        return self.first <= count <= (self.last or self.first)


def parse(spec: str) -> Fault:
    """Decode a specification; raise ValueError that says what is wrong with it."""
    parts = spec.split(":")
    if len(parts) > 3:
        raise ValueError(f"fault {spec!r}: more than KIND:ROUTE:WHEN")
    kinds, route, when = ([*parts, "", ""])[:3]
    effects: dict[str, float] = {}
    for part in kinds.split(","):
        kind, equals, argument = part.partition("=")
        if kind in KINDS_WITH_NUMBER and equals:
            try:
                effects[kind] = float(argument)
            except ValueError:
                raise ValueError(f"fault {spec!r}: {kind} takes a number") from None
        elif kind in KINDS_ALONE and not equals:
            effects[kind] = 1.0
        elif kind in KINDS_WITH_DEFAULT and not equals:
            effects[kind] = KINDS_WITH_DEFAULT[kind]
        else:
            raise ValueError(f"fault {spec!r}: unknown kind {part!r}")
    # `forbid:v5-list` and `lose:bind` are common; a missing route means every one.
    route = route or "*"
    if route != "*" and route not in ROUTES:
        raise ValueError(f"fault {spec!r}: unknown route {route!r}")
    match = _WHEN.fullmatch(when)
    if match is None:
        raise ValueError(f"fault {spec!r}: WHEN is n, n-m or every=k")
    numbers = {name: int(value) if value else None for name, value in match.groupdict().items()}
    return Fault(spec, effects, route, numbers["first"], numbers["last"], numbers["every"])


@dataclass
class Faults:
    """The faults in force. Each counts the requests of its route from the moment it was set."""

    _active: list[tuple[Fault, list[int]]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, spec: str) -> Fault:
        """Set one more fault; raise ValueError for a wrong specification."""
        fault = parse(spec)
        with self._lock:
            self._active.append((fault, [0]))
        return fault

    def clear(self) -> None:
        """Let everything go well again."""
        with self._lock:
            self._active.clear()

    def strike(self, route: str) -> dict[str, float]:
        """Count one request of a route; give what shall go wrong with it, by kind (the first fault that names a kind wins)."""
        if not self._active:
            return {}
        effects: dict[str, float] = {}
        with self._lock:
            for fault, count in self._active:
                if fault.route not in ("*", route):
                    continue
                count[0] += 1
                if fault.meets(count[0]):
                    for kind, argument in fault.effects.items():
                        effects.setdefault(kind, argument)
        return effects
