# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rehearsal cloud's state and rules. No HTTP: methods take plain values, give plain values, or raise Refusal.

[?] in a comment marks a rule that no source settles.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import random
import re
import string
import threading
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from typing import Any

from . import totp
from .people import Person, new_people

TOKEN_SECONDS = 24 * 3600
LOCK_SECONDS = 15 * 60
WRONG_IN_A_ROW = 5
V5_PAGE_DEFAULT = 100
V5_PAGE_MAX = 200

# 2026-01-02T03:04:05Z: every user is of this age, unless a test makes one younger.
CREATED_AT = 1767323045.0

ADMIN_GROUP = "admin"
DEVICE_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
PROTECTION_METHODS = ("sms", "email", "vmfa")
PERMISSIONS = ("READ_ACTIONS", "ALL_ACTIONS")
CONFIGURATION_TYPES = ("APP_AUTHENTICATION_CONFIGURATION", "SESSION")
SSO_VALUES = {
    "mfa_mode": ("CONTEXT_AWARE", "DISABLED", "ALWAYS_ON"),
    "no_mfa_signin_behavior": ("ALLOWED_WITH_ENROLLMENT", "ALLOWED", "EMAIL_OTP", "BLOCKED"),
    "no_password_signin_behavior": ("BLOCKED", "EMAIL_OTP"),
}
MFA_TYPES = ("TOTP", "WEBAUTHN", "WEBAUTHN_SECURITY_KEY")
ISO_DURATION = re.compile(r"P(?=.)(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+S)?)?")

SERIAL_FORMS = {
    "account-urn": "iam::{domain_id}:mfa:{name}",
    "domain-path": "iam:{domain_id}:mfa/{name}",
    "id-path": "iam/mfa/{id}",
}
SIGNATURES = ("both", "plain", "derived")
PROFILE_SERIAL_FORM = {"huaweicloud": "account-urn", "otc": "domain-path"}

CITIES = (
    "berlin", "madrid", "oslo", "lisbon", "vienna", "prague", "dublin", "athens", "helsinki", "zurich", "warsaw", "riga",
)  # fmt: skip
FIRST_NAMES = (
    "ada", "alan", "barbara", "claude", "donald", "edsger", "frances", "grace", "hedy", "john", "katherine", "leslie",
    "margaret", "niklaus", "radia", "tim",
)  # fmt: skip
LAST_NAMES = (
    "allen", "berners-lee", "dijkstra", "hamilton", "hopper", "johnson", "knuth", "lamarr", "lamport", "liskov", "lovelace",
    "neumann", "perlman", "shannon", "turing", "wirth",
)  # fmt: skip


class Refusal(Exception):
    """The cloud says no.

    `shape` overrides the error body that the path's family would use; `headers` go into the answer.
    """

    def __init__(self, status: int, code: str, message: str, *, shape: str | None = None, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.shape = shape
        self.headers = headers or {}


@dataclass(frozen=True)
class Settings:
    """How a rehearsal cloud is built; README.md explains each, and which are guesses."""

    profile: str = "huaweicloud"
    accounts: int = 1
    users: int = 20
    disabled: int = 0
    enrolled: int = 0
    latency_ms: float = 0.0
    rate: float = 0.0
    clock_offset: float = 0.0
    stale: float = 0.0
    admin_may_create: bool = True
    admin_may_bind_v5: bool = True
    unique_device_names: bool = False
    serial_form: str = "auto"
    unbind_unbound: int = 400
    v5_create_status: int = 201
    identity_centers: int = 1
    center_batch: int = 100
    page_size: int = 500
    security_keys: int = 0
    security_keys_in_v5: bool = False
    tells_caller: bool = True
    decodes_messages: bool = True
    domains_empty: bool = False
    serial_forms_differ: bool = False
    serial_ids_in_v3: bool = False
    own_serials_only: bool = False
    stale_of: str = "both"
    throttle_tells: bool = False
    shared_throttle: int = 0
    list_enabled_only: bool = False
    users_in_full: bool = False
    disabled_status: int = 401
    signatures: str = "both"
    demands_scope: bool = False
    ignores_unneeded_codes: bool = False
    partial_policies_reset: bool = False
    protect_policy_short: bool = False
    agency: str = ""
    seed_random: int | None = None

    def __post_init__(self) -> None:
        if self.profile not in PROFILE_SERIAL_FORM:
            raise ValueError(f"profile is one of {', '.join(PROFILE_SERIAL_FORM)}, not {self.profile!r}")
        if self.serial_form != "auto" and self.serial_form not in SERIAL_FORMS:
            raise ValueError(f"serial_form is auto or one of {', '.join(SERIAL_FORMS)}, not {self.serial_form!r}")
        if self.serial_form != "auto" and self.serial_forms_differ:
            raise ValueError("serial_form and serial_forms_differ exclude each other")
        if (self.serial_ids_in_v3 or self.own_serials_only) and not self.serial_forms_differ:
            raise ValueError("serial_ids_in_v3 and own_serials_only need serial_forms_differ")
        if self.stale_of not in ("both", "v3", "v5"):
            raise ValueError("stale_of is both, v3 or v5")
        if self.signatures not in SIGNATURES:
            raise ValueError(f"signatures is one of {', '.join(SIGNATURES)}, not {self.signatures!r}")
        if self.disabled_status not in (401, 403):
            raise ValueError("disabled_status is 401 or 403")
        if self.unbind_unbound not in (204, 400, 404):
            raise ValueError("unbind_unbound is 204, 400 or 404")
        if self.accounts < 1 or self.users < 0 or self.page_size < 1 or self.shared_throttle < 0:
            raise ValueError("accounts and page_size are at least 1, users and shared_throttle at least 0")
        if not all(0 <= count <= self.users for count in (self.disabled, self.enrolled, self.security_keys)):
            raise ValueError("disabled, enrolled and security_keys are at most users")


@dataclass(frozen=True)
class Device:
    """A virtual MFA device."""

    serial_number: str
    name: str
    seed: str = field(repr=False)
    bound: bool = False


@dataclass(frozen=True)
class SecurityKey:
    """A FIDO2 security key. Only the console registers one; the API can disable and remove it."""

    serial_number: str
    name: str
    enabled: bool = True


@dataclass(frozen=True)
class Protection:
    """A user's login protection, as it was set."""

    enabled: bool
    verification_method: str


@dataclass
class Counters:
    """What was carried out, and what was tried with codes that did not fit."""

    creates: int = 0
    binds: int = 0
    unbinds: int = 0
    deletes: int = 0
    protects: int = 0
    logins: int = 0
    wrong_codes: int = 0
    refused_codes: int = 0
    wrong_passwords: int = 0
    center_writes: int = 0
    key_writes: int = 0
    policy_writes: int = 0

    @property
    def writes(self) -> int:
        """How often state was changed on request."""
        users = self.creates + self.binds + self.unbinds + self.deletes + self.protects + self.key_writes
        return users + self.center_writes + self.policy_writes

    def as_dict(self) -> dict[str, int]:
        return {**asdict(self), "writes": self.writes}


@dataclass(eq=False)
class User:
    """An IAM user. `device`, `keys` and `protection` are the truth; readers may be shown an older device and protection."""

    id: str
    name: str
    number: int
    account: Account
    password: str = field(repr=False)
    access_key: str
    secret_key: str = field(repr=False)
    email: str
    created_at: float
    is_admin: bool = False
    enabled: bool = True
    access_mode: str = "default"
    tags: dict[str, str] = field(default_factory=dict)
    last_login_at: float | None = None
    device: Device | None = None
    keys: tuple[SecurityKey, ...] = ()
    protection: Protection | None = None
    locked_until: float = 0.0
    wrong_codes_in_a_row: int = 0
    wrong_passwords_in_a_row: int = 0
    used_codes: set[tuple[str, int]] = field(default_factory=set, repr=False)
    history: list[tuple[float, Device | None, Protection | None]] = field(default_factory=list, repr=False)
    counters: Counters = field(default_factory=Counters)

    @property
    def domain_id(self) -> str:
        return self.account.domain_id

    @property
    def is_owner(self) -> bool:
        """Whether this is the account itself, its root user."""
        return self is self.account.admin

    @property
    def has_console_password(self) -> bool:
        return bool(self.password) and self.access_mode != "programmatic"

    @property
    def needs_code(self) -> bool:
        """Whether a login with a password takes a code as well; a security key has none to give."""
        return self.held_by_protection and self.device is not None and self.device.bound

    @property
    def held_by_protection(self) -> bool:
        return self.protection is not None and self.protection.enabled and self.protection.verification_method == "vmfa"


@dataclass(eq=False)
class Center:
    """An instance of IAM Identity Center."""

    instance_id: str
    identity_store_id: str
    user_permission: str = "ALL_ACTIONS"
    sso_configuration: dict[str, Any] = field(default_factory=dict)
    people: list[Person] = field(default_factory=list)


@dataclass(eq=False)
class Account:
    """An account; the cloud calls it a domain."""

    name: str
    domain_id: str
    users: list[User] = field(default_factory=list, repr=False)
    by_name: dict[str, User] = field(default_factory=dict, repr=False)
    center: Center | None = None
    # As policies.py has them, once they were set.
    policies: dict[str, dict[str, Any]] = field(default_factory=dict)
    allowance: float = 0.0
    allowance_at: float = 0.0

    @property
    def admin(self) -> User:
        return self.users[0]

    @property
    def admin_group_id(self) -> str:
        return hashlib.sha256(self.domain_id.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Key:
    """An access key: a user's own, or a temporary one, which works with its security token only, and perhaps not for ever."""

    user: User
    secret_key: str = field(repr=False)
    security_token: str | None = field(default=None, repr=False)
    expires_at: float | None = None


@dataclass(frozen=True)
class Token:
    """A token that a login gave."""

    user: User
    methods: tuple[str, ...]
    issued_at: float
    expires_at: float
    scoped: bool


class Cloud:
    """Accounts, users, devices and the rules. Methods that read or write state are called under `lock`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.lock = threading.RLock()
        self.counters = Counters()
        self.accounts: list[Account] = []
        self.users: dict[str, User] = {}
        self.tokens: dict[str, Token] = {}
        self.keys: dict[str, Key] = {}
        self.temporary: dict[str, dict[str, str]] = {}
        # The actions that a user may do, by the user's id, as permissions.py names them; who is not in it may do what their group may.
        self.allowed: dict[str, frozenset[str]] = {}
        # As agencies.py has them.
        self.agencies: list[Any] = []
        # As organizations.py has it, once it was asked for.
        self.organization: Any = None
        # Every seed that there ever was, for whoever looks whether one was seen where it must not be.
        self.seeds: set[str] = set()
        # And every word with which a device of an Identity Center user can be registered.
        self.registration_words: set[str] = set()
        # A request whose writes are to come to nothing sets this for its own time under the lock (the fault `noop`).
        self.discard_writes = False
        self._calls = 0
        self._clock_offset = settings.clock_offset
        self._random: random.Random = random.SystemRandom() if settings.seed_random is None else random.Random(settings.seed_random)
        self._populate()

    # The clock and what is made up

    def now(self) -> float:
        """The cloud's time, in seconds since the epoch."""
        return time.time() + self._clock_offset

    def advance(self, seconds: float) -> None:
        """Move the cloud's clock forward (or back)."""
        with self.lock:
            self._clock_offset += seconds

    def new_id(self) -> str:
        """32 hexadecimal digits."""
        return f"{self._random.getrandbits(128):032x}"

    def new_text(self, alphabet: str, length: int) -> str:
        """Made-up text, such as a key's."""
        return "".join(self._random.choices(alphabet, k=length))

    def _new_seed(self) -> str:
        seed = base64.b32encode(bytes(self._random.getrandbits(8) for _byte in range(20))).decode()
        self.seeds.add(seed)
        return seed

    def _populate(self) -> None:
        settings = self.settings
        share, rest = divmod(settings.users, settings.accounts)
        number = 0
        for index in range(settings.accounts):
            round_number, city = divmod(index, len(CITIES))
            name = f"acme-{CITIES[city]}" + (f"-{round_number + 1}" if round_number else "")
            account = Account(name=name, domain_id=self.new_id())
            account.allowance = settings.rate
            self.accounts.append(account)
            admin = self._add_user(account, f"{name}-admin", 0, is_admin=True)
            self.temporary[admin.id] = self._add_temporary_key(admin)
            if settings.profile == "huaweicloud" and index < settings.identity_centers:
                account.center = self._new_center()
            for _user in range(share + (index < rest)):
                number += 1
                first = FIRST_NAMES[number % len(FIRST_NAMES)]
                last = LAST_NAMES[(number * 7 + number // len(FIRST_NAMES)) % len(LAST_NAMES)]
                user = self._add_user(account, f"{first}.{last}-{number:03d}", number)
                # Spread evenly: the k-th of n disabled users stands at k/n of the way.
                user.enabled = number * settings.disabled // settings.users == (number - 1) * settings.disabled // settings.users
                if number <= settings.enrolled:
                    self.give_device(user.id, bound=True)
                    self.protect(user.id)
                if number <= settings.security_keys:
                    self.give_key(user.id)

    def _add_user(self, account: Account, name: str, number: int, *, is_admin: bool = False) -> User:
        user = User(
            id=self.new_id(),
            name=name,
            number=number,
            account=account,
            password=f"Aa1!{self.new_text(string.ascii_letters + string.digits, 16)}",
            access_key=self.new_text(string.ascii_uppercase + string.digits, 20),
            secret_key=self.new_text(string.ascii_letters + string.digits, 40),
            email=f"{name}@example.com",
            created_at=CREATED_AT,
            is_admin=is_admin,
        )
        account.users.append(user)
        account.by_name[name] = user
        self.users[user.id] = user
        self.keys[user.access_key] = Key(user, user.secret_key)
        return user

    def _add_temporary_key(self, user: User) -> dict[str, str]:
        triple = {
            "access_key": self.new_text(string.ascii_uppercase + string.digits, 20),
            "secret_key": self.new_text(string.ascii_letters + string.digits, 40),
            "security_token": self.new_text(string.ascii_letters + string.digits, 120),
        }
        self.keys[triple["access_key"]] = Key(user, triple["secret_key"], triple["security_token"])
        return triple

    def _new_center(self) -> Center:
        center = Center(
            instance_id=f"ssoins-{self._random.getrandbits(64):016x}",
            identity_store_id=f"d-{self._random.getrandbits(40):010x}",
            sso_configuration={
                "mfa_mode": "CONTEXT_AWARE",
                "no_mfa_signin_behavior": "ALLOWED",
                "no_password_signin_behavior": "BLOCKED",
                "allowed_mfa_types": ["TOTP"],
                "session_configuration": {"max_authentication_age": "PT8H"},
                # A field that today's SDK does not know: a client that writes back only the fields it knows loses it.
                "x_future": {"kept": True},
            },
        )
        center.people = new_people(center.identity_store_id)
        return center

    # For tests: look, and arrange what a rehearsal starts from

    def user(self, id_or_name: str) -> User:
        """A user by id, or by a name in any account; KeyError where there is none."""
        if id_or_name in self.users:
            return self.users[id_or_name]
        for account in self.accounts:
            if id_or_name in account.by_name:
                return account.by_name[id_or_name]
        raise KeyError(id_or_name)

    def add_user(self, name: str) -> User:
        """A user who is created now, in the first account, without a request."""
        with self.lock:
            account = self.accounts[0]
            user = self._add_user(account, name, len(account.users))
            user.created_at = self.now()
            return user

    def rename(self, id_or_name: str, name: str) -> None:
        """Give a user another name, without a request."""
        with self.lock:
            user = self.user(id_or_name)
            user.account.by_name[name] = user.account.by_name.pop(user.name)
            user.name = name

    def remove_user(self, id_or_name: str) -> None:
        """A user who leaves, with their device, without a request."""
        with self.lock:
            user = self.user(id_or_name)
            user.account.users.remove(user)
            del user.account.by_name[user.name], self.users[user.id], self.keys[user.access_key]

    def give_device(self, id_or_name: str, *, bound: bool = False, name: str = "rehearsal") -> Device:
        """Give a user a device without a request; it counts nowhere and is seen at once."""
        with self.lock:
            user = self.user(id_or_name)
            user.history.clear()
            user.device = Device(self._serial_for(user, name), name, self._new_seed(), bound)
            return user.device

    def give_key(self, id_or_name: str, name: str = "key") -> SecurityKey:
        """Give a user one more security key without a request, as its owner does in the console; it counts nowhere.

        A name that a device or key of the user has already gets a number.
        """
        with self.lock:
            user = self.user(id_or_name)
            taken = {key.name for key in user.keys} | ({user.device.name} if user.device else set())
            free = next(
                tried for tried in itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2))) if tried not in taken
            )
            key = SecurityKey(self._serial_for(user, free), free)
            user.keys = (*user.keys, key)
            return key

    def protect(self, id_or_name: str, verification_method: str = "vmfa", *, enabled: bool = True) -> None:
        """Set a user's login protection without a request; it counts nowhere and is seen at once."""
        with self.lock:
            user = self.user(id_or_name)
            user.history.clear()
            user.protection = Protection(enabled, verification_method)

    def code(self, id_or_name: str, steps: int = 0) -> str:
        """The code that the user's device shows on the cloud's clock, some steps of 30 s from now."""
        device = self.user(id_or_name).device
        if device is None:
            raise KeyError(f"{id_or_name} has no device")
        return totp.code_at_step(device.seed, totp.step_at(self.now()) + steps)

    def reset_counters(self) -> None:
        """Count from zero again."""
        with self.lock:
            self.counters = Counters()
            for user in self.users.values():
                user.counters = Counters()

    def describe(self) -> dict[str, Any]:
        """Accounts, users and their credentials, as the command line prints them."""
        accounts = []
        for account in self.accounts:
            admin = {**_credentials(account.admin), "temporary": dict(self.temporary[account.admin.id])}
            accounts.append({
                "name": account.name,
                "domain_id": account.domain_id,
                "domain_name": account.name,
                "admin": admin,
                "users": [_described(user) for user in account.users[1:]],
                "identity_center": account.center
                and {
                    "instance_id": account.center.instance_id,
                    "identity_store_id": account.center.identity_store_id,
                    "users": [{"user_id": person.user_id, "user_name": person.user_name} for person in account.center.people],
                },
            })  # fmt: skip
        first = accounts[0]
        convenience = {name: first[name] for name in ("domain_id", "domain_name", "admin", "users", "identity_center")}
        return {"profile": self.settings.profile, "accounts": accounts, **convenience}

    def state(self) -> dict[str, Any]:
        """The truth about every user and instance, without a secret."""
        with self.lock:
            users = [
                {
                    "user_id": user.id,
                    "name": user.name,
                    "domain_id": user.domain_id,
                    "enabled": user.enabled,
                    "is_admin": user.is_admin,
                    "locked": user.locked_until > self.now(),
                    "device": user.device
                    and {"serial_number": user.device.serial_number, "name": user.device.name, "bound": user.device.bound},
                    **({"keys": [asdict(key) for key in user.keys]} if user.keys else {}),
                    "protection": user.protection and asdict(user.protection),
                    "counters": user.counters.as_dict(),
                }
                for user in self.users.values()
            ]
            centers = [asdict(account.center) for account in self.accounts if account.center]
            return {"now": self.now(), "users": users, "identity_centers": centers, "counters": self.counters.as_dict()}

    # Who calls

    def key(self, access_key: str, security_token: str | None) -> Key:
        """The access key, once its security token is the right one."""
        key = self.keys.get(access_key)
        if key is None or key.security_token != security_token:
            raise Refusal(
                401,
                "APIGW.0301",
                "Incorrect IAM authentication information: "
                + ("the access key is unknown" if key is None else "the security token is missing or wrong"),
                shape="gateway",
            )
        if key.expires_at is not None and key.expires_at <= self.now():
            raise Refusal(400, "IAM.1108", "The security token has expired.", shape="iam")
        return key

    def token(self, token_id: str) -> Token:
        """The token, as long as it lives."""
        token = self.tokens.get(token_id)
        if token is None:
            raise Refusal(401, "IAM.0067", "The token is invalid.")
        if token.expires_at <= self.now():
            raise Refusal(401, "IAM.0066", "The token has expired.")
        return token

    def admit(self, user: User) -> User:
        """Let a caller in whose identity is proved, unless they are locked, disabled or too fast."""
        self._refuse_locked(user)
        self._refuse_disabled(user)
        self._throttle(user.account)
        return user

    def expire_tokens(self) -> None:
        """End every token now."""
        with self.lock:
            self.tokens = {key: replace(token, expires_at=self.now()) for key, token in self.tokens.items()}

    def _throttle(self, account: Account) -> None:
        rate = self.settings.rate
        if not rate:
            return
        now = time.monotonic()
        account.allowance = min(max(rate, 1.0), account.allowance + (now - account.allowance_at) * rate)
        account.allowance_at = now
        if account.allowance < 1.0:
            raise _throttled(rate if self.settings.throttle_tells else None)
        account.allowance -= 1.0

    def share_limit(self) -> None:
        """Refuse every n-th call, whoever makes it, as if others used up a limit that all share."""
        if self.settings.shared_throttle:
            self._calls += 1
            if self._calls % self.settings.shared_throttle == 0:
                raise _throttled(None)

    def _refuse_locked(self, user: User) -> None:
        if user.locked_until > self.now():
            # Keystone's shape has no room for the code, so a lock says it in IAM's own everywhere.
            raise Refusal(401, "IAM.0061", "The account is locked. Try again in 15 minutes.", shape="iam")

    def _refuse_disabled(self, user: User) -> None:
        if user.enabled:
            return
        if self.settings.disabled_status == 403:
            # As with a lock: Keystone's shape has no room for the code.
            raise Refusal(403, "IAM.0082", "The user is disabled.", shape="iam")
        # [?] 401 is what Keystone says.
        raise Refusal(401, "IAM.0001", "The user is disabled.")

    def _target(self, caller: User, user_id: object, *, admin: bool = True, own: bool = True) -> User:
        """The user a call is about, if the caller may make it: an administrator of the account, that user, or either."""
        if not isinstance(user_id, str) or not user_id:
            raise Refusal(400, "IAM.0072", "user_id must be a string that is not empty.")
        target = self.users.get(user_id)
        if target is not None and own and target is caller:
            return target
        if not (admin and caller.is_admin) or (target is not None and target.account is not caller.account):
            raise Refusal(403, "IAM.0003", "You are not authorized to perform the requested action.")
        if target is None:
            raise Refusal(404, "IAM.0004", "Could not find the user.")
        return target

    def require_admin(self, caller: User) -> None:
        """Refuse whoever does not administer the account."""
        if not caller.is_admin:
            raise Refusal(403, "IAM.0003", "You are not authorized to perform the requested action.")

    # State, as it is and as readers see it

    def _write(self, user: User, counter: str, **changes: Any) -> None:
        if self.discard_writes:
            return
        now = self.now()
        if self.settings.stale:
            cutoff = now - self.settings.stale
            user.history = [entry for entry in user.history if entry[0] > cutoff]
            user.history.append((now, user.device, user.protection))
        for name, value in changes.items():
            setattr(user, name, value)
        self._count(user, counter)

    def _count(self, user: User, counter: str) -> None:
        for counters in (self.counters, user.counters):
            setattr(counters, counter, getattr(counters, counter) + 1)

    def _seen(self, user: User, api: str = "both") -> tuple[Device | None, Protection | None]:
        """The device and the protection as a reader sees them by ``api``: `stale` seconds old, where that is what is stale."""
        if user.history and self.settings.stale_of in ("both", api):
            cutoff = self.now() - self.settings.stale
            for written_at, device, protection in user.history:
                if written_at > cutoff:
                    return device, protection
        return user.device, user.protection

    # Codes

    def _wrong_code(self, user: User, counter: str) -> None:
        self._count(user, counter)
        user.wrong_codes_in_a_row += 1
        if user.wrong_codes_in_a_row >= WRONG_IN_A_ROW:
            user.locked_until = self.now() + LOCK_SECONDS
            user.wrong_codes_in_a_row = 0

    def _spend_codes(self, user: User, device: Device, codes: tuple[str, ...]) -> bool:
        """Whether one code, or two consecutive ones, fit the device and were never used; they are used up if so."""
        if len(codes) == 1:
            step = totp.matching_step(device.seed, codes[0], self.now())
        else:
            step = totp.matching_pair(device.seed, codes[0], codes[1], self.now())
        if step is None:
            self._wrong_code(user, "wrong_codes")
            return False
        used = {(device.seed, step - back) for back in range(len(codes))}
        if used & user.used_codes:
            self._wrong_code(user, "refused_codes")
            return False
        user.wrong_codes_in_a_row = 0
        if not self.discard_writes:
            user.used_codes |= used
        return True

    # Devices

    def _serial_for(self, user: User, name: str) -> str:
        form = self.settings.serial_form
        if form == "auto":
            form = PROFILE_SERIAL_FORM[self.settings.profile]
        return SERIAL_FORMS[form].format(domain_id=user.domain_id, name=name, id=self.new_id())

    def serial_shown(self, user: User, entry: Device | SecurityKey, *, v5: bool) -> str:
        """The serial number under which an API shows a device or a key."""
        if not self.settings.serial_forms_differ:
            return entry.serial_number
        if self.settings.serial_ids_in_v3 and not v5:
            # One id for as long as the device lives, and another one for the next device of the same name.
            told = f"{user.id}/{entry.name}/{entry.seed if isinstance(entry, Device) else ''}"
            return SERIAL_FORMS["id-path"].format(id=hashlib.sha256(told.encode()).hexdigest()[:32])
        return SERIAL_FORMS["account-urn" if v5 else "domain-path"].format(domain_id=user.domain_id, name=entry.name)

    def _bears(self, user: User, entry: Device | SecurityKey, serial: object, *, v5: bool) -> bool:
        """Whether an API takes a serial number for that of a device or a key: in the form of either API, or in its own only."""
        if self.settings.own_serials_only:
            return serial == self.serial_shown(user, entry, v5=v5)
        return serial in {entry.serial_number, *(self.serial_shown(user, entry, v5=each) for each in (False, True))}

    def create_device(self, caller: User, user_id: object, name: object) -> Device:
        """Create an unbound device; the answer is the only one with the seed."""
        user = self._target(caller, user_id, admin=self.settings.admin_may_create)
        if not isinstance(name, str) or not DEVICE_NAME.fullmatch(name):
            raise Refusal(400, "IAM.0011", "The device name must be 1 to 64 of A-Z a-z 0-9 _ and -.")
        if user.device is not None:
            raise Refusal(409, "IAM.0005", "The user has a virtual MFA device already.")
        if any(key.name == name for key in user.keys):
            # [?] The serial number, which holds little but the name, would be that of the key.
            raise Refusal(409, "IAM.0005", "The user has a security key of this name.")
        if self.settings.unique_device_names and any(
            other.device is not None and other.device.name == name for other in user.account.users
        ):
            raise Refusal(409, "IAM.0005", "A virtual MFA device of this name exists in the account.")
        device = Device(self._serial_for(user, name), name, self._new_seed())
        self._write(user, "creates", device=device)
        return device

    def bind_device(self, caller: User, user_id: object, serial: object, first: object, second: object, *, v5: bool) -> None:
        """Bind with two consecutive codes."""
        user = self._target(caller, user_id, admin=v5 and self.settings.admin_may_bind_v5)
        self._refuse_locked(user)
        device = self._device(user, serial, v5=v5)
        for code in (first, second):
            _check_code(code)
        if device.bound:
            raise Refusal(409, "IAM.0005", "The virtual MFA device is bound already.")
        if not self._spend_codes(user, device, (str(first), str(second))):
            raise Refusal(400, "IAM.1061", "The MFA code is wrong.")
        self._write(user, "binds", device=replace(device, bound=True))

    def unbind_device(self, caller: User, user_id: object, serial: object, code: object, *, v5: bool) -> None:
        """Unbind: on v3.0 with a code, which is looked at only if the device's own user calls; on v5 without one."""
        user = self._target(caller, user_id)
        if v5 and (key := self._key_of(user, serial)):
            self._write_key(user, key, replace(key, enabled=False))
            return
        device = self._device(user, serial, v5=v5)
        if not v5:
            _check_code(code)
        if not device.bound:
            # [?] No source says what a cloud answers here.
            if self.settings.unbind_unbound == 204:
                return
            status = self.settings.unbind_unbound
            raise Refusal(status, "IAM.0007" if status == 400 else "IAM.0004", "The virtual MFA device is not bound.")
        if user.held_by_protection:
            raise Refusal(400, "IAM.1062", "Login protection uses this virtual MFA device. Disable it first.")
        if not v5 and not caller.is_admin and not self._spend_codes(user, device, (str(code),)):
            raise Refusal(400, "IAM.1061", "The MFA code is wrong.")
        self._write(user, "unbinds", device=replace(device, bound=False))

    def delete_device(self, caller: User, user_id: object, serial: object) -> None:
        """v3.0: says yes to any serial, and leaves a bound device where it is."""
        user = self._target(caller, user_id)
        if user.device is not None and self._bears(user, user.device, serial, v5=False) and not user.device.bound:
            self._write(user, "deletes", device=None)

    def delete_device_v5(self, caller: User, user_id: object, serial: object) -> None:
        """v5: refuses an enabled device, and one that is not there [?]. A security key goes at once, enabled or not [?]."""
        user = self._target(caller, user_id)
        if key := self._key_of(user, serial):
            self._write_key(user, key, None)
            return
        device = self._device(user, serial, v5=True)
        if device.bound:
            raise Refusal(409, "IAM.0005", "The virtual MFA device is enabled. Disable it first.")
        self._write(user, "deletes", device=None)

    def _device(self, user: User, serial: object, *, v5: bool) -> Device:
        if not isinstance(serial, str) or not serial:
            raise Refusal(400, "IAM.0072", "serial_number must be a string that is not empty.")
        if self.settings.own_serials_only and v5 and not serial.startswith("iam::"):
            raise Refusal(400, "PAP5.0041", "The serial number is invalid.")
        if user.device is None or not self._bears(user, user.device, serial, v5=v5):
            raise Refusal(404, "IAM.0004", "Could not find the virtual MFA device.")
        return user.device

    def _key_of(self, user: User, serial: object) -> SecurityKey | None:
        return next((key for key in user.keys if self._bears(user, key, serial, v5=True)), None)

    def _write_key(self, user: User, old: SecurityKey, new: SecurityKey | None) -> None:
        if not self.discard_writes:
            user.keys = tuple(kept for key in user.keys if (kept := new if key is old else key))
            self._count(user, "key_writes")

    def show_device(self, caller: User, user_id: str) -> tuple[User, Device]:
        user = self._target(caller, user_id)
        device, _protection = self._seen(user, "v3")
        if device is None:
            raise Refusal(404, "IAM.0004", "Could not find the virtual MFA device.")
        return user, device

    def list_devices(self, caller: User) -> list[tuple[User, Device]]:
        self.require_admin(caller)
        return list(self._devices_of(caller.account.users, "v3"))

    def list_devices_v5(
        self, caller: User, user_id: str | None, limit: str | None, marker: str | None
    ) -> tuple[list[tuple[User, Device | SecurityKey]], str | None]:
        """A page of devices, with the security keys where v5 shows them, and the marker of the next page."""
        if user_id is not None:
            users = [self._target(caller, user_id)]
        else:
            self.require_admin(caller)
            users = caller.account.users
        pairs = list(self._entries_v5(users))
        return self._page(pairs, [f"{user.id}/{entry.serial_number}" for user, entry in pairs], limit, marker)

    def _entries_v5(self, users: Iterable[User]) -> Iterable[tuple[User, Device | SecurityKey]]:
        for user in users:
            # The keys come first, which is the harder order for a client that takes a user's first entry.
            if self.settings.security_keys_in_v5:
                yield from ((user, key) for key in user.keys)
            yield from self._devices_of([user], "v5")

    def _devices_of(self, users: Iterable[User], api: str) -> Iterable[tuple[User, Device]]:
        for user in users:
            device, _protection = self._seen(user, api)
            if device is not None:
                yield user, device

    def _page(self, items: list[Any], ids: list[str], limit: str | None, marker: str | None) -> tuple[list[Any], str | None]:
        """A page of `items`; the marker is opaque on purpose: it holds characters that must be percent-encoded."""
        size = limit_of(limit, V5_PAGE_DEFAULT, V5_PAGE_MAX, "IAM.0011")
        start = 0
        if marker:
            try:
                start = ids.index(base64.b64decode(marker, validate=True).decode().removeprefix("after/")) + 1
            except ValueError:
                raise Refusal(400, "IAM.0011", "The marker is invalid.") from None
        end = start + size
        return items[start:end], base64.b64encode(f"after/{ids[end - 1]}".encode()).decode() if end < len(items) else None

    # Login protection

    def show_protection(self, caller: User, user_id: str) -> tuple[User, Protection]:
        user = self._target(caller, user_id)
        _device, protection = self._seen(user)
        if protection is None:
            raise Refusal(404, "IAM.0004", "Login protection was never configured for the user.")
        return user, protection

    def list_protections(self, caller: User) -> list[tuple[User, Protection]]:
        self.require_admin(caller)
        pairs = ((user, self._seen(user)[1]) for user in caller.account.users)
        return [(user, protection) for user, protection in pairs if protection is not None]

    def set_protection(self, caller: User, user_id: str, enabled: object, method: object) -> tuple[User, Protection]:
        user = self._target(caller, user_id, own=caller.is_admin)
        if not isinstance(enabled, bool):
            raise Refusal(400, "IAM.0072", "login_protect.enabled must be a boolean.")
        if method not in PROTECTION_METHODS:
            raise Refusal(400, "IAM.0072", "login_protect.verification_method must be sms, email or vmfa.")
        protection = Protection(enabled, str(method))
        self._write(user, "protects", protection=protection)
        return user, protection

    # Users, domains, access keys

    def list_users(
        self, caller: User, domain_id: str | None, enabled: str | None, name: str | None, marker: str | None
    ) -> tuple[list[User], str | None]:
        """A page of users and the id that the next page starts after."""
        self.require_admin(caller)
        if domain_id is not None and domain_id != caller.domain_id:
            raise Refusal(403, "IAM.0003", "You are not authorized to list the users of another account.")
        if enabled not in (None, "true", "false", "True", "False"):
            raise Refusal(400, "IAM.0011", "enabled must be true or false.")
        if enabled is None and self.settings.list_enabled_only:
            enabled = "true"
        users = [
            user
            for user in caller.account.users
            if (enabled is None or user.enabled == (enabled.lower() == "true")) and (name is None or user.name == name)
        ]
        start = 0
        if marker:
            after = self.users.get(marker)
            if after not in users:
                raise Refusal(400, "IAM.0011", "The marker is invalid.")
            start = users.index(after) + 1
        end = start + self.settings.page_size
        return users[start:end], users[end - 1].id if end < len(users) else None

    def list_groups(self, caller: User, domain_id: str | None, name: str | None) -> list[tuple[str, str]]:
        """The groups of the account, as (id, name): the one of its administrators, which every account has."""
        self.require_admin(caller)
        if domain_id is not None and domain_id != caller.domain_id:
            raise Refusal(403, "IAM.0003", "You are not authorized to list the groups of another account.")
        return [(caller.account.admin_group_id, ADMIN_GROUP)] if name in (None, ADMIN_GROUP) else []

    def list_group_users(self, caller: User, group_id: str) -> list[User]:
        self.require_admin(caller)
        if group_id != caller.account.admin_group_id:
            raise Refusal(404, "IAM.0004", "Could not find the group.")
        return [user for user in caller.account.users if user.is_admin]

    def list_users_v5(self, caller: User, limit: str | None, marker: str | None) -> tuple[list[User], str | None]:
        self.require_admin(caller)
        users = caller.account.users
        return self._page(users, [user.id for user in users], limit, marker)

    def show_user(self, caller: User, user_id: str) -> User:
        return self._target(caller, user_id)

    def show_login_profile(self, caller: User, user_id: str) -> User:
        user = self._target(caller, user_id)
        if not user.has_console_password:
            raise Refusal(404, "IAM.0004", "Could not find the login profile.")
        return user

    def summary(self, caller: User) -> dict[str, int]:
        """How much there is of what in the account, with a few of the many quotas; the number of the root user's enabled MFA devices."""
        self.require_admin(caller)
        account = caller.account
        device, _protection = self._seen(account.admin)
        devices = sum(key.enabled for key in account.admin.keys) + (device is not None and device.bound)
        return {
            "root_user_mfa_enabled": devices,
            "users": len(account.users),
            "users_quota": 10_000,
            "groups": 1,
            "groups_quota": 50,
            "policies": 0,
            "agencies": 0,
        }

    def show_access_key(self, caller: User, access_key: str) -> User:
        key = self.keys.get(access_key)
        if key is None or key.security_token is not None or (caller.is_admin and key.user.account is not caller.account):
            raise Refusal(404, "IAM.0004", "Could not find the access key.")
        return self._target(caller, key.user.id)

    # Login

    def log_in(self, identity: dict[str, Any], scope: dict[str, Any] | None) -> tuple[str, Token]:
        """A new token and its id, for a password and, where the user needs one, a code."""
        methods = identity.get("methods")
        if methods not in (["password"], ["password", "totp"], ["totp", "password"]):
            raise Refusal(400, "IAM.0072", "identity.methods must be password, or password and totp.")
        given = _mapping(_mapping(identity.get("password"), "password").get("user"), "password.user")
        user = self._find_for_login(given)
        self._refuse_locked(user)
        self._throttle(user.account)
        # Test code takes a user's password away by an empty one, with which nobody gets in.
        if not isinstance(given.get("password"), str) or not user.password or given["password"] != user.password:
            self._count(user, "wrong_passwords")
            user.wrong_passwords_in_a_row += 1
            if user.wrong_passwords_in_a_row >= WRONG_IN_A_ROW:
                user.locked_until = self.now() + LOCK_SECONDS
                user.wrong_passwords_in_a_row = 0
            raise _wrong_login()
        user.wrong_passwords_in_a_row = 0
        self._refuse_disabled(user)
        if self.settings.ignores_unneeded_codes and not user.needs_code:
            methods = ["password"]
        if "totp" in methods:
            self._check_passcode(user, _mapping(_mapping(identity.get("totp"), "totp").get("user"), "totp.user"))
        elif user.needs_code:
            raise Refusal(401, "IAM.0009", "mfa totp code verify fail")
        domain = (scope or {}).get("domain")
        if domain is not None and not _names_account(_mapping(domain, "scope.domain"), user.account):
            raise Refusal(401, "IAM.0001", "The user has no role on the domain.")
        now = self.now()
        token = Token(user, tuple(methods), now, now + TOKEN_SECONDS, scoped=domain is not None)
        user.last_login_at = now
        token_id = "MII" + self.new_text(string.ascii_letters + string.digits + "-_", 197)
        self.tokens[token_id] = token
        self._count(user, "logins")
        return token_id, token

    def _find_for_login(self, given: dict[str, Any]) -> User:
        if "id" in given:
            user = self.users.get(given["id"]) if isinstance(given["id"], str) else None
        else:
            domain = _mapping(given.get("domain"), "password.user.domain")
            account = next((account for account in self.accounts if _names_account(domain, account)), None)
            user = account.by_name.get(str(given.get("name"))) if account else None
        if user is None:
            raise _wrong_login()
        return user

    def _check_passcode(self, user: User, given: dict[str, Any]) -> None:
        if "id" not in given:
            raise Refusal(400, "IAM.0072", "totp.user must be given by id.")
        code = given.get("passcode")
        _check_code(code)
        device = user.device
        fits = given["id"] == user.id and device is not None and device.bound
        if not fits or device is None or not self._spend_codes(user, device, (str(code),)):
            raise Refusal(401, "IAM.0009", "mfa totp code verify fail")

    def prove_by_code(self, user: User, serial: object, code: object) -> None:
        """Refuse who does not give a code of the bound device with that serial number."""
        device = self._device(user, serial, v5=True)
        _check_code(code)
        if not device.bound or not self._spend_codes(user, device, (str(code),)):
            raise Refusal(403, "PAP5.0001", "The code of the MFA device is wrong.")

    def set_policy(self, caller: User, name: str, policy: dict[str, Any]) -> None:
        """Keep one of the policies of the caller's account, which policies.py has checked."""
        if not self.discard_writes:
            caller.account.policies[name] = policy
            self._count(caller, "policy_writes")

    # Identity Center

    def list_instances(self, caller: User, limit: str | None, marker: str | None) -> list[Center]:
        self._require_center_admin(caller)
        limit_of(limit, 100, 100, "IIC.1002")
        # There is one instance at most, so there is nothing behind any marker.
        return [caller.account.center] if caller.account.center and not marker else []

    def center(self, caller: User, instance_id: str) -> Center:
        """The caller's instance."""
        self._require_center_admin(caller)
        center = caller.account.center
        if center is None or center.instance_id != instance_id:
            raise Refusal(404, "IIC.1004", "The instance does not exist.")
        return center

    def identity_store(self, caller: User, identity_store_id: str) -> Center:
        """The caller's instance, by its identity store."""
        self._require_center_admin(caller)
        center = caller.account.center
        if center is None or center.identity_store_id != identity_store_id:
            raise Refusal(404, "IIC.1004", "The identity store does not exist.")
        return center

    def set_permission(self, caller: User, instance_id: str, body: dict[str, Any]) -> None:
        center = self.center(caller, instance_id)
        for name in ("identity_store_id", "user_permission"):
            if not isinstance(body.get(name), str):
                raise Refusal(400, "IIC.1002", f"{name} is required.")
        if body["user_permission"] not in PERMISSIONS:
            raise Refusal(400, "IIC.1002", "user_permission must be READ_ACTIONS or ALL_ACTIONS.")
        self.identity_store(caller, body["identity_store_id"])
        if not self.discard_writes:
            center.user_permission = body["user_permission"]
            self._count(caller, "center_writes")

    def set_sso_configuration(self, caller: User, instance_id: str, body: dict[str, Any]) -> None:
        """Replace the whole object, so that who sends a part of it loses the rest.

        The type says which part is accepted: values of the other part stay as they were where they are sent, and are lost,
        like all others, where they are not.
        """
        center = self.center(caller, instance_id)
        kind = body.get("configuration_type")
        if kind not in CONFIGURATION_TYPES:
            raise Refusal(400, "IIC.1002", f"configuration_type must be one of {', '.join(CONFIGURATION_TYPES)}.")
        wanted = body.get("sso_configuration")
        if not isinstance(wanted, dict):
            raise Refusal(400, "IIC.1002", "sso_configuration is required.")
        _check_sso_configuration(wanted)
        old = center.sso_configuration
        accepted: dict[str, Any] = {}
        for name, value in wanted.items():
            if (name == "session_configuration") == (kind == "SESSION"):
                accepted[name] = value
            elif name in old:
                accepted[name] = old[name]
        if not self.discard_writes:
            center.sso_configuration = accepted
            self._count(caller, "center_writes")

    def count_center_write(self, caller: User) -> None:
        """Take note of a write of the caller's to Identity Center, its store too."""
        self._count(caller, "center_writes")

    def _require_center_admin(self, caller: User) -> None:
        if not caller.is_admin:
            raise Refusal(403, "IIC.1001", "You are not authorized to perform the requested action.")


def _credentials(user: User) -> dict[str, Any]:
    return {
        "user_id": user.id,
        "name": user.name,
        "password": user.password,
        "access_key": user.access_key,
        "secret_key": user.secret_key,
    }


def _described(user: User) -> dict[str, Any]:
    """A user as the command line prints them; the seed of a device that was there from the start would be nowhere else."""
    device = user.device and {"serial_number": user.device.serial_number, "seed": user.device.seed}
    described = {**_credentials(user), "enabled": user.enabled, **({"device": device} if device else {})}
    return {**described, **({"keys": [key.serial_number for key in user.keys]} if user.keys else {})}


def _mapping(value: object, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Refusal(400, "IAM.0072", f"{name} must be an object.")
    return value


def _names_account(domain: dict[str, Any], account: Account) -> bool:
    if "id" not in domain and "name" not in domain:
        return False
    return bool(domain.get("id", account.domain_id) == account.domain_id and domain.get("name", account.name) == account.name)


def _wrong_login() -> Refusal:
    return Refusal(401, "IAM.0001", "The username or password is wrong.")


def _throttled(rate: float | None) -> Refusal:
    """The refusal of a call too many; with a rate (calls per second), its text is what tells how long to wait."""
    if rate is None:
        return Refusal(429, "APIGW.0308", "The throttling threshold has been reached.", headers={"Retry-After": "1"})
    times, seconds = (Fraction(rate).limit_denominator(60) if rate * 60 >= 1 else Fraction(1, round(1 / rate))).as_integer_ratio()
    text = f"The throttling threshold has been reached: policy user over ratelimit. Threshold: {times} times per {seconds} seconds"
    # Keystone's shape has no room for the code.
    return Refusal(429, "IAM.0012", text, shape="iam")


def _check_code(code: object) -> None:
    if not totp.is_code(code):
        raise Refusal(400, "IAM.0072", "An authentication code must be a string of six digits.")


def limit_of(limit: str | None, default: int, maximum: int, code: str) -> int:
    if limit is None:
        return default
    if not limit.isascii() or not limit.isdigit() or not 1 <= int(limit) <= maximum:
        raise Refusal(400, code, f"limit must be 1 to {maximum}.")
    return int(limit)


def _check_sso_configuration(wanted: dict[str, Any]) -> None:
    for name, values in SSO_VALUES.items():
        if name in wanted and wanted[name] not in values:
            raise Refusal(400, "IIC.1002", f"{name} must be one of {', '.join(values)}.")
    types = wanted.get("allowed_mfa_types", [])
    if not isinstance(types, list) or any(kind not in MFA_TYPES for kind in types):
        raise Refusal(400, "IIC.1002", f"allowed_mfa_types must be a list of {', '.join(MFA_TYPES)}.")
    session = wanted.get("session_configuration", {"max_authentication_age": "PT8H"})
    age = session.get("max_authentication_age") if isinstance(session, dict) else None
    if not isinstance(age, str) or not ISO_DURATION.fullmatch(age):
        raise Refusal(400, "IIC.1002", "session_configuration.max_authentication_age must be an ISO 8601 duration.")
