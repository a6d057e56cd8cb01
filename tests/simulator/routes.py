# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API's paths: which call a request is, and its JSON on the way in and out."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Callable, NoReturn
from urllib.parse import quote, unquote, urlencode

from . import agencies, identity_store, organizations, policies, signing
from .cloud import Center, Cloud, Device, Protection, Refusal, SecurityKey, Token, User, limit_of
from .people import Person, id_of


@dataclass
class Call:
    """One request. `headers` has lower-case names; `ids` are the decoded variable parts of the path."""

    method: str
    raw_path: str
    raw_query: str
    headers: Mapping[str, str]
    body: bytes
    base_url: str
    ids: tuple[str, ...] = ()
    caller: User | None = None

    @cached_property
    def query(self) -> dict[str, str]:
        """The decoded query; the first of several values wins."""
        pairs: dict[str, str] = {}
        for part in self.raw_query.split("&") if self.raw_query else ():
            key, _equals, value = part.partition("=")
            pairs.setdefault(unquote(key), unquote(value))
        return pairs

    @cached_property
    def json(self) -> dict[str, Any]:
        """The body, which must be a JSON object."""
        try:
            value = json.loads(self.body)
        except ValueError:
            raise Refusal(400, "IAM.0073", "The request body is not JSON.") from None
        if not isinstance(value, dict):
            raise Refusal(400, "IAM.0073", "The request body must be a JSON object.")
        return value

    @property
    def user(self) -> User:
        """The caller, on a route that demands one."""
        assert self.caller is not None
        return self.caller

    def part(self, name: str) -> dict[str, Any]:
        """The object under a key of the body."""
        value = self.json.get(name)
        if not isinstance(value, dict):
            raise Refusal(400, "IAM.0072", f"The request body must have an object {name}.")
        return value


@dataclass(frozen=True)
class Answer:
    """What the cloud says; a body of None is an empty one."""

    status: int
    body: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)


Handler = Callable[[Cloud, Call], Answer]


@dataclass(frozen=True)
class Route:
    """A method and path, the name that faults know it by, and what it needs."""

    method: str
    pattern: str
    name: str
    handler: Handler
    anonymous: bool = False
    signed_only: bool = False
    huaweicloud_only: bool = False
    # Whether its answer says whom a call comes from, or who administers.
    tells_caller: bool = False

    @cached_property
    def regex(self) -> re.Pattern[str]:
        return re.compile(self.pattern.replace("{}", "([^/]*)"))


def family(path: str) -> str:
    """Which error body a path's answers have."""
    if path.startswith("/v3.0/"):
        return "iam"
    if path.startswith("/v3/"):
        return "keystone"
    if path.startswith("/v5/"):
        return "v5"
    if path.startswith("/v1/organizations"):
        return "organizations"
    return "center" if path.startswith("/v1/") else "gateway"


_DENIED = "denied "
"""How the rehearsal's encoded messages begin. What those of the cloud hold is not documented."""

KEYSTONE_TITLES = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 409: "Conflict"}


def error_answer(refusal: Refusal, path: str, request_id: str) -> Answer:
    """The error in the shape of the path's family."""
    shape = refusal.shape or ("gateway" if refusal.code.startswith("APIGW.") else family(path))
    if shape == "keystone":
        if refusal.status == 405:
            return Answer(405, {"message": refusal.message}, refusal.headers)
        title = KEYSTONE_TITLES.get(refusal.status, "Error")
        body: dict[str, Any] = {"code": refusal.status, "message": refusal.message, "title": title}
        return Answer(refusal.status, {"error": body}, refusal.headers)
    code = refusal.code
    if shape == "center" and refusal.status == 400:
        code = "IIC.1002"
    body = {"error_code": code, "error_msg": refusal.message}
    if shape in ("v5", "center", "organizations"):
        # v5's refusals of a malformed request have none.
        if shape != "v5" or refusal.status != 400:
            body["request_id"] = request_id
        if refusal.status == 403:
            if shape == "v5":
                body["error_code"] = "PAP5.0001"
            body["encoded_authorization_message"] = base64.b64encode(f"{_DENIED}{request_id}".encode()).decode()
    return Answer(refusal.status, body, refusal.headers)


def find(cloud: Cloud, method: str, raw_path: str) -> tuple[Route, tuple[str, ...]]:
    """The route of a request and the decoded ids in its path, or a Refusal."""
    path = raw_path.rstrip("/") or "/"
    allowed = []
    for route in _CANDIDATES.get(path.count("/"), ()):
        if route.huaweicloud_only and cloud.settings.profile != "huaweicloud":
            continue
        match = route.regex.fullmatch(path)
        if match is None:
            continue
        if route.method == method:
            return route, tuple(unquote(text) for text in match.groups())
        allowed.append(route.method)
    if allowed:
        headers = {"Allow": ", ".join(sorted(allowed))}
        raise Refusal(405, "IAM.0001", "The method is not allowed for the requested URL.", headers=headers)
    return refuse_unknown_call()


def refuse_unknown_call() -> NoReturn:
    """What the gateway says of a call that it does not know, or does not offer for the moment."""
    raise Refusal(404, "APIGW.0101", "The API does not exist or has not been published in the environment")


_FOR_ANY_TOKEN = ("domains", "token")
"""The calls that a token for no account is good for, which is how its owner learns for which to ask."""


def authenticate(cloud: Cloud, route: Route, call: Call) -> User | None:
    """Who calls, or a Refusal. The signature is computed outside the cloud's lock."""
    token_id = call.headers.get("x-auth-token")
    authorization = call.headers.get("authorization")
    if token_id is not None and not route.signed_only:
        with cloud.lock:
            token = cloud.token(token_id)
        if not token.scoped and cloud.settings.demands_scope and route.name not in _FOR_ANY_TOKEN:
            raise Refusal(403, "IAM.0003", "The token is scoped to no account.")
        return token.user
    if authorization is None:
        if route.anonymous:
            return None
        raise Refusal(401, "APIGW.0301", "Incorrect IAM authentication information: no signature or token", shape="gateway")
    try:
        claim = signing.parse_claim(authorization)
        if cloud.settings.signatures not in ("both", "plain" if claim.scope is None else "derived"):
            raise signing.SignatureRefused("this kind of signature is not accepted here")
        key = cloud.key(claim.access_key, call.headers.get("x-security-token"))
        signing.verify(
            claim,
            key.secret_key,
            call.method,
            call.raw_path,
            call.raw_query,
            call.headers,
            call.body,
            cloud.now(),
        )
    except signing.SignatureRefused as refused:
        raise Refusal(401, "APIGW.0301", f"Incorrect IAM authentication information: {refused}", shape="gateway") from None
    domain_id = call.headers.get("x-domain-id")
    if domain_id is not None and domain_id != key.user.domain_id:
        # [?] What another account's id does; a 403 is the least misleading.
        raise Refusal(403, "IAM.0002", "The access key does not belong to the domain in X-Domain-Id.")
    return key.user


def _device_body(cloud: Cloud, user: User, device: Device | SecurityKey, *, v5: bool = False) -> dict[str, Any]:
    return {"serial_number": cloud.serial_shown(user, device, v5=v5), "user_id": user.id}


def _protection_body(user: User, protection: Protection) -> dict[str, Any]:
    method = protection.verification_method if protection.enabled else "none"
    return {"user_id": user.id, "enabled": protection.enabled, "verification_method": method}


def _page_info(count: int, next_marker: str | None) -> dict[str, Any]:
    info: dict[str, Any] = {"current_count": count}
    if next_marker:
        info["next_marker"] = next_marker
    return info


def _new_device_body(cloud: Cloud, user_id: object, device: Device, *, v5: bool = False) -> dict[str, Any]:
    serial_number = cloud.serial_shown(cloud.user(str(user_id)), device, v5=v5)
    return {"virtual_mfa_device": {"serial_number": serial_number, "base32_string_seed": device.seed}}


def _create(cloud: Cloud, call: Call) -> Answer:
    given = call.part("virtual_mfa_device")
    device = cloud.create_device(call.user, given.get("user_id"), given.get("name"))
    return Answer(201, _new_device_body(cloud, given.get("user_id"), device))


def _bind(cloud: Cloud, call: Call) -> Answer:
    _bind_any(cloud, call, v5=False)
    return Answer(204)


def _bind_any(cloud: Cloud, call: Call, *, v5: bool) -> None:
    given = call.json
    codes = given.get("authentication_code_first"), given.get("authentication_code_second")
    cloud.bind_device(call.user, given.get("user_id"), given.get("serial_number"), *codes, v5=v5)


def _unbind(cloud: Cloud, call: Call) -> Answer:
    given = call.json
    code = given.get("authentication_code")
    cloud.unbind_device(call.user, given.get("user_id"), given.get("serial_number"), code, v5=False)
    return Answer(204)


def _delete(cloud: Cloud, call: Call) -> Answer:
    cloud.delete_device(call.user, call.query.get("user_id"), _serial(call))
    return Answer(204)


def _serial(call: Call) -> str:
    if not call.query.get("serial_number"):
        raise Refusal(400, "IAM.0072", "serial_number is required.")
    return call.query["serial_number"]


def _get_device(cloud: Cloud, call: Call) -> Answer:
    return Answer(200, {"virtual_mfa_device": _device_body(cloud, *cloud.show_device(call.user, call.ids[0]))})


def _list_devices(cloud: Cloud, call: Call) -> Answer:
    return Answer(200, {"virtual_mfa_devices": [_device_body(cloud, *pair) for pair in cloud.list_devices(call.user)]})


def _get_protection(cloud: Cloud, call: Call) -> Answer:
    return Answer(200, {"login_protect": _protection_body(*cloud.show_protection(call.user, call.ids[0]))})


def _list_protections(cloud: Cloud, call: Call) -> Answer:
    return Answer(200, {"login_protects": [_protection_body(*pair) for pair in cloud.list_protections(call.user)]})


def _set_protection(cloud: Cloud, call: Call) -> Answer:
    given = call.part("login_protect")
    user, protection = cloud.set_protection(call.user, call.ids[0], given.get("enabled"), given.get("verification_method"))
    # The answer echoes what was sent: a disabled protection shows its method here and "none" when read.
    echo = {"user_id": user.id, "enabled": protection.enabled, "verification_method": protection.verification_method}
    return Answer(200, {"login_protect": echo})


def _list_users(cloud: Cloud, call: Call) -> Answer:
    query = call.query
    filters: dict[str, str] = {name: query[name] for name in ("domain_id", "enabled", "name") if name in query}
    users, next_marker = cloud.list_users(
        call.user, filters.get("domain_id"), filters.get("enabled"), filters.get("name"), query.get("marker")
    )
    url = f"{call.base_url}/v3/users"
    next_url = None
    if next_marker:
        filters["marker"] = next_marker
        next_url = f"{url}?{urlencode(filters, quote_via=quote)}"
    full = cloud.settings.users_in_full
    bodies = [{**_user_body(cloud, user, url), **(_user_details(cloud, user) if full else {})} for user in users]
    self_url = f"{url}?{call.raw_query}" if call.raw_query else url
    return Answer(200, {"users": bodies, "links": {"self": self_url, "next": next_url, "previous": None}})


def _user_body(cloud: Cloud, user: User, url: str) -> dict[str, Any]:
    return {
        **_access_mode(cloud, user),
        "id": user.id,
        "name": user.name,
        "domain_id": user.domain_id,
        "enabled": user.enabled,
        "description": "",
        "password_expires_at": None,
        "pwd_status": True,
        "links": {"self": f"{url}/{user.id}", "next": None, "previous": None},
    }


def _access_mode(cloud: Cloud, user: User) -> dict[str, str]:
    """What only Huawei Cloud tells; Open Telekom Cloud documents it for writing alone."""
    return {"access_mode": user.access_mode} if cloud.settings.profile == "huaweicloud" else {}


def _user_details(cloud: Cloud, user: User) -> dict[str, Any]:
    last_login = None if user.last_login_at is None else _plain_time(user.last_login_at)
    return {
        **_access_mode(cloud, user),
        "is_domain_owner": user.is_owner,
        "email": user.email,
        "create_time": _plain_time(user.created_at),
        "last_login_time": last_login,
    }


def _plain_time(timestamp: float) -> str:
    """UTC, as v3.0 writes it."""
    return time.strftime("%Y-%m-%d %H:%M:%S.0", time.gmtime(timestamp))


def _show_user(cloud: Cloud, call: Call) -> Answer:
    user = cloud.show_user(call.user, call.ids[0])
    details = _user_details(cloud, user)
    body = {
        **details,
        "id": user.id,
        "name": user.name,
        "domain_id": user.domain_id,
        "enabled": user.enabled,
        "description": "",
        "areacode": "",
        "phone": "",
        "pwd_status": False,
        "pwd_strength": "Strong",
        "last_pwd_auth_time": details["last_login_time"],
        "xuser_id": "",
        "xuser_type": "",
        "links": {"self": f"{call.base_url}{call.raw_path}", "next": None, "previous": None},
    }
    return Answer(200, {"user": body})


def _list_groups(cloud: Cloud, call: Call) -> Answer:
    url = f"{call.base_url}/v3/groups"
    links = {"self": url, "next": None, "previous": None}
    bodies = [
        {"id": group_id, "name": name, "domain_id": call.user.domain_id, "description": "", "create_time": 1767323045000, "links": links}
        for group_id, name in cloud.list_groups(call.user, call.query.get("domain_id"), call.query.get("name"))
    ]
    return Answer(200, {"groups": bodies, "links": links})


def _list_group_users(cloud: Cloud, call: Call) -> Answer:
    url = f"{call.base_url}/v3/users"
    users = [_user_body(cloud, user, url) for user in cloud.list_group_users(call.user, call.ids[0])]
    return Answer(200, {"users": users, "links": {"self": f"{call.base_url}{call.raw_path}", "next": None, "previous": None}})


def _list_domains(cloud: Cloud, call: Call) -> Answer:
    account = call.user.account
    url = f"{call.base_url}/v3/auth/domains"
    links = {"self": url, "next": None, "previous": None}
    domain = {"id": account.domain_id, "name": account.name, "enabled": True, "description": "", "links": links}
    return Answer(200, {"domains": [] if cloud.settings.domains_empty else [domain], "links": links})


def _show_credential(cloud: Cloud, call: Call) -> Answer:
    user = cloud.show_access_key(call.user, call.ids[0])
    body = {
        "user_id": user.id,
        "access": user.access_key,
        "status": "active" if user.enabled else "inactive",
        "description": "",
        "create_time": "2026-01-02T03:04:05.000000Z",
    }
    return Answer(200, {"credential": body})


def _iso(timestamp: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(timestamp))


def _token_answer(status: int, token_id: str, token: Token) -> Answer:
    account = token.user.account
    domain = {"id": account.domain_id, "name": account.name}
    body = {
        "methods": list(token.methods),
        "user": {"id": token.user.id, "name": token.user.name, "domain": domain, "password_expires_at": ""},
        "domain": domain,
        "roles": [{"id": "0", "name": "te_admin"}] if token.user.is_admin else [],
        "issued_at": _iso(token.issued_at),
        "expires_at": _iso(token.expires_at),
    }
    if "totp" in token.methods:
        body["mfa_authn_at"] = _iso(token.issued_at)
    return Answer(status, {"token": body}, {"X-Subject-Token": token_id})


def _log_in(cloud: Cloud, call: Call) -> Answer:
    auth = call.part("auth")
    identity = auth.get("identity")
    scope = auth.get("scope")
    if not isinstance(identity, dict) or not isinstance(scope, (dict, type(None))):
        raise Refusal(400, "IAM.0072", "auth.identity and auth.scope must be objects.")
    token_id, token = cloud.log_in(identity, scope)
    call.caller = token.user
    return _token_answer(201, token_id, token)


def _show_token(cloud: Cloud, call: Call) -> Answer:
    token_id = call.headers.get("x-subject-token", "")
    try:
        token = cloud.token(token_id)
    except Refusal:
        raise Refusal(404, "IAM.0004", "Could not find the token.") from None
    if token.user is not call.user and not (call.user.is_admin and token.user.account is call.user.account):
        raise Refusal(403, "IAM.0003", "You are not authorized to perform the requested action.")
    return _token_answer(200, token_id, token)


def _get_login_policy(cloud: Cloud, call: Call) -> Answer:
    return Answer(200, {"login_policy": policies.show_login_policy(cloud, call.user, call.ids[0])})


def _set_login_policy(cloud: Cloud, call: Call) -> Answer:
    return Answer(200, {"login_policy": policies.set_login_policy(cloud, call.user, call.ids[0], call.part("login_policy"))})


def _get_protect_policy(cloud: Cloud, call: Call) -> Answer:
    return Answer(200, {"protect_policy": policies.show_protect_policy(cloud, call.user, call.ids[0])})


def _set_protect_policy(cloud: Cloud, call: Call) -> Answer:
    return Answer(200, {"protect_policy": policies.set_protect_policy(cloud, call.user, call.ids[0], call.part("protect_policy"))})


def _v5_get_login_policy(cloud: Cloud, call: Call) -> Answer:
    return Answer(200, {"login_policy": policies.show_login_policy_v5(cloud, call.user)})


def _v5_set_login_policy(cloud: Cloud, call: Call) -> Answer:
    return Answer(200, {"login_policy": policies.set_login_policy_v5(cloud, call.user, call.json)})


def _v5_create(cloud: Cloud, call: Call) -> Answer:
    given = call.json
    device = cloud.create_device(call.user, given.get("user_id"), given.get("virtual_mfa_device_name"))
    return Answer(cloud.settings.v5_create_status, _new_device_body(cloud, given.get("user_id"), device, v5=True))


def _v5_enable(cloud: Cloud, call: Call) -> Answer:
    _bind_any(cloud, call, v5=True)
    return Answer(200)


def _v5_disable(cloud: Cloud, call: Call) -> Answer:
    given = call.json
    cloud.unbind_device(call.user, given.get("user_id"), given.get("serial_number"), None, v5=True)
    return Answer(200)


def _v5_delete(cloud: Cloud, call: Call) -> Answer:
    cloud.delete_device_v5(call.user, call.query.get("user_id"), _serial(call))
    return Answer(204)


def _v5_list(cloud: Cloud, call: Call) -> Answer:
    query = call.query
    pairs, marker = cloud.list_devices_v5(call.user, query.get("user_id"), query.get("limit"), query.get("marker"))
    # A security key and a virtual device look alike: the entries have no type.
    devices = [
        {**_device_body(cloud, user, device, v5=True), "enabled": device.enabled if isinstance(device, SecurityKey) else device.bound}
        for user, device in pairs
    ]
    return Answer(200, {"mfa_devices": devices, "page_info": _page_info(len(devices), marker)})


def _user_urn(user: User) -> str:
    return f"iam::{user.domain_id}:user:{user.name}"


def _v5_users(cloud: Cloud, call: Call) -> Answer:
    users, marker = cloud.list_users_v5(call.user, call.query.get("limit"), call.query.get("marker"))
    bodies = [
        {
            "user_id": user.id,
            "user_name": user.name,
            "enabled": user.enabled,
            "is_root_user": user.is_owner,
            "description": "",
            "created_at": _v5_time(user.created_at),
            "urn": _user_urn(user),
            **({} if user.last_login_at is None else {"last_login_at": _v5_time(user.last_login_at)}),
            "tags": [{"tag_key": key, "tag_value": value} for key, value in user.tags.items()],
        }
        for user in users
    ]
    return Answer(200, {"users": bodies, "page_info": _page_info(len(bodies), marker)})


def _v5_time(timestamp: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(timestamp))


def _login_profile(cloud: Cloud, call: Call) -> Answer:
    user = cloud.show_login_profile(call.user, call.ids[0])
    profile = {"user_id": user.id, "password_reset_required": False, "created_at": _v5_time(user.created_at)}
    return Answer(200, {"login_profile": profile})


def _last_login(cloud: Cloud, call: Call) -> Answer:
    last = cloud.show_user(call.user, call.ids[0]).last_login_at
    return Answer(200, {"user_last_login": {"last_login_at": None if last is None else _v5_time(last)}})


def _account_summary(cloud: Cloud, call: Call) -> Answer:
    return Answer(200, cloud.summary(call.user))


def _caller_identity(_cloud: Cloud, call: Call) -> Answer:
    user = call.user
    if isinstance(user, agencies.Session):
        principal_id = f"{user.id}:{user.session_name}"
        return Answer(200, {"account_id": user.domain_id, "principal_urn": user.urn, "principal_id": principal_id})
    return Answer(200, {"account_id": user.domain_id, "principal_urn": _user_urn(user), "principal_id": user.id})


def _assume_role(cloud: Cloud, call: Call) -> Answer:
    identity = call.part("auth").get("identity")
    if not isinstance(identity, dict):
        raise Refusal(400, "IAM.0072", "auth.identity must be an object.")
    key, _agency = agencies.assume_role(cloud, call.user, identity)
    assert key.expires_at is not None
    body = {
        "access": key.user.access_key,
        "secret": key.secret_key,
        "securitytoken": key.security_token,
        "expires_at": _iso(key.expires_at),
    }
    return Answer(201, {"credential": body})


def _assume(cloud: Cloud, call: Call) -> Answer:
    key, agency = agencies.assume(cloud, call.user, call.json)
    assert key.expires_at is not None
    credentials = {
        "access_key_id": key.user.access_key,
        "secret_access_key": key.secret_key,
        "security_token": key.security_token,
        "expiration": _v5_time(key.expires_at),
    }
    assumed = {"urn": f"{agency.urn}/{key.user.name}", "id": f"{key.user.id}:{key.user.name}"}
    return Answer(200, {"credentials": credentials, "assumed_agency": assumed})


def _decode_authorization_message(cloud: Cloud, call: Call) -> Answer:
    if not cloud.settings.decodes_messages:
        raise Refusal(403, "PAP5.0001", "You are not authorized to perform: sts::decodeAuthorizationMessage.")
    try:
        text = base64.b64decode(str(call.json.get("encoded_message")), validate=True).decode()
    except ValueError:
        text = ""
    if not text.startswith(_DENIED):
        raise Refusal(400, "PAP5.0011", "The encoded message is none.")
    decoded = {"allowed": False, "explicit_deny": False, "request_id": text[len(_DENIED) :]}
    return Answer(200, {"decoded_message": json.dumps(decoded)})


def _list_instances(cloud: Cloud, call: Call) -> Answer:
    centers = cloud.list_instances(call.user, call.query.get("limit"), call.query.get("marker"))
    bodies = [_instance_body(center) for center in centers]
    return Answer(200, {"instances": bodies, "page_info": {"next_marker": None, "current_count": len(bodies)}})


def _instance_body(center: Center) -> dict[str, Any]:
    return {
        "instance_id": center.instance_id,
        "identity_store_id": center.identity_store_id,
        "alias": "acme",
        "instance_urn": f"IdentityCenter::system:instance:{center.instance_id}",
    }


def _get_permission(cloud: Cloud, call: Call) -> Answer:
    center = cloud.center(call.user, call.ids[0])
    return Answer(200, {"identity_store_id": center.identity_store_id, "user_permission": center.user_permission})


def _set_permission(cloud: Cloud, call: Call) -> Answer:
    cloud.set_permission(call.user, call.ids[0], call.json)
    return Answer(200)


def _get_sso(cloud: Cloud, call: Call) -> Answer:
    return Answer(200, {"sso_configuration": cloud.center(call.user, call.ids[0]).sso_configuration})


def _set_sso(cloud: Cloud, call: Call) -> Answer:
    cloud.set_sso_configuration(call.user, call.ids[0], call.json)
    return Answer(200)


def _registered_regions(cloud: Cloud, call: Call) -> Answer:
    cloud.list_instances(call.user, None, None)
    return Answer(200, {"regions": [{"region_id": identity_store.REGION}]})


def _page(call: Call, key: str, bodies: list[dict[str, Any]]) -> Answer:
    """One page of a listing of the store; its marker is the number of the entry that comes next."""
    limit = limit_of(call.query.get("limit"), 100, 100, "IIC.1002")
    start = int(marker) if (marker := call.query.get("marker", "")).isdecimal() else 0
    rest = bodies[start : start + limit]
    info = {"next_marker": str(start + limit) if start + limit < len(bodies) else None, "current_count": len(rest)}
    return Answer(200, {key: rest, "page_info": info})


def _list_people(cloud: Cloud, call: Call) -> Answer:
    people = identity_store.list_people(cloud, call.user, call.ids[0], call.query.get("user_name"))
    return _page(call, "users", [_person_body(call.ids[0], person) for person in people])


def _show_person(cloud: Cloud, call: Call) -> Answer:
    return Answer(200, _person_body(call.ids[0], identity_store.show_person(cloud, call.user, *call.ids)))


def _person_body(store: str, person: Person) -> dict[str, Any]:
    email = {"value": f"{person.user_name}@example.com", "primary": True, "type": "work", "verification_status": "VERIFIED"}
    return {
        "identity_store_id": store,
        "user_id": person.user_id,
        "user_name": person.user_name,
        "display_name": person.display_name,
        "enabled": person.enabled,
        "emails": [email],
    }


def _list_people_groups(cloud: Cloud, call: Call) -> Answer:
    groups = identity_store.list_groups(cloud, call.user, call.ids[0])
    return _page(call, "groups", [{"group_id": group_id, "display_name": name} for group_id, name in groups])


def _list_people_of_group(cloud: Cloud, call: Call) -> Answer:
    group_id = call.query.get("group_id")
    members = identity_store.list_members(cloud, call.user, call.ids[0], group_id)
    bodies = [
        {
            "identity_store_id": call.ids[0],
            "membership_id": id_of(str(group_id), person.user_id),
            "group_id": group_id,
            "member_id": {"user_id": person.user_id},
        }
        for person in members
    ]
    return _page(call, "group_memberships", bodies)


def _retrieve_devices(cloud: Cloud, call: Call) -> Answer:
    found = identity_store.devices_of(cloud, call.user, call.ids[0], call.json.get("user_list"))
    entries = [
        {"user": {"identity_store_id": call.ids[0], "user_id": user_id}, "mfa_devices": [asdict(device) for device in devices]}
        for user_id, devices in found
    ]
    return Answer(200, {"user_mfa_devices_entry_list": entries})


def _delete_center_device(cloud: Cloud, call: Call) -> Answer:
    identity_store.delete_device(cloud, call.user, *call.ids)
    return Answer(200)


def _rename_center_device(cloud: Cloud, call: Call) -> Answer:
    store, user_id, device_id = call.ids
    identity_store.rename_device(cloud, call.user, store, user_id, device_id, call.json.get("display_name"))
    return Answer(200)


def _register_center_device(cloud: Cloud, call: Call) -> Answer:
    word = identity_store.register_device(cloud, call.user, *call.ids)
    store, user_id = call.ids
    address = f"https://portal.example.com/mfa/register?workflow={word}"
    return Answer(200, {"identity_store_id": store, "user_id": user_id, "work_flow": word, "redirect_url": address})


def _list_sessions(cloud: Cloud, call: Call) -> Answer:
    _store, user_id = call.ids
    sessions = identity_store.sessions_of(cloud, call.user, *call.ids)
    return Answer(200, {"session_list": [{"session_id": session, "user_id": user_id} for session in sessions]})


def _end_sessions(cloud: Cloud, call: Call) -> Answer:
    store, user_id = call.ids
    identity_store.end_sessions(cloud, call.user, store, user_id, call.json.get("session_ids"))
    return Answer(200)


def _show_organization(cloud: Cloud, call: Call) -> Answer:
    found = organizations.show(cloud, call.user)
    body = {
        "id": found.id,
        "urn": f"organizations::{found.management.domain_id}:organization:{found.id}",
        "management_account_id": found.management.domain_id,
        "management_account_name": found.management.name,
        "created_at": organizations.JOINED_AT,
    }
    return Answer(200, {"organization": body})


def _list_roots(cloud: Cloud, call: Call) -> Answer:
    return _organizations_page(cloud, call, "roots", [_unit_body(cloud, unit) for unit in organizations.list_roots(cloud, call.user)])


def _list_units(cloud: Cloud, call: Call) -> Answer:
    units = organizations.list_units(cloud, call.user, call.query.get("parent_id"))
    return _organizations_page(cloud, call, "organizational_units", [_unit_body(cloud, unit) for unit in units])


def _unit_body(cloud: Cloud, unit: organizations.Unit) -> dict[str, Any]:
    found = organizations.of(cloud)
    urn = f"organizations::{found.management.domain_id}:ou:{found.id}/{unit.id}"
    return {"id": unit.id, "urn": urn, "name": unit.name, "created_at": organizations.JOINED_AT}


def _list_organization_accounts(cloud: Cloud, call: Call) -> Answer:
    found = organizations.of(cloud)
    bodies = [
        {
            "id": member.id,
            "urn": f"organizations::{found.management.domain_id}:account:{found.id}/{member.id}",
            "name": member.name,
            "status": member.status,
            "join_method": member.join_method,
            "joined_at": organizations.JOINED_AT,
            "description": member.description,
        }
        for member in organizations.list_members(cloud, call.user, call.query.get("parent_id"))
    ]
    return _organizations_page(cloud, call, "accounts", bodies)


def _list_resource_tags(cloud: Cloud, call: Call) -> Answer:
    tags = organizations.list_tags(cloud, call.user, *call.ids)
    return _organizations_page(cloud, call, "tags", [{"key": key, "value": value} for key, value in tags])


def _organizations_page(cloud: Cloud, call: Call, key: str, bodies: list[dict[str, Any]]) -> Answer:
    page, info = organizations.page(cloud, bodies, call.query.get("limit"), call.query.get("marker"))
    return Answer(200, {key: page, "page_info": info})


def _v5(method: str, pattern: str, name: str, handler: Handler, *, tells_caller: bool = False) -> Route:
    return Route(method, pattern, name, handler, huaweicloud_only=True, tells_caller=tells_caller)


def _center(method: str, pattern: str, name: str, handler: Handler) -> Route:
    return Route(method, pattern, name, handler, huaweicloud_only=True, signed_only=True)


ROUTES = (
    Route("POST", "/v3.0/OS-MFA/virtual-mfa-devices", "create", _create),
    Route("GET", "/v3.0/OS-MFA/virtual-mfa-devices", "list-devices", _list_devices),
    Route("DELETE", "/v3.0/OS-MFA/virtual-mfa-devices", "delete", _delete),
    Route("PUT", "/v3.0/OS-MFA/mfa-devices/bind", "bind", _bind),
    Route("PUT", "/v3.0/OS-MFA/mfa-devices/unbind", "unbind", _unbind),
    Route("GET", "/v3.0/OS-MFA/users/{}/virtual-mfa-device", "get-device", _get_device),
    Route("GET", "/v3.0/OS-USER/users/{}/login-protect", "login-protect-get", _get_protection),
    Route("PUT", "/v3.0/OS-USER/users/{}/login-protect", "login-protect-put", _set_protection),
    Route("GET", "/v3.0/OS-USER/login-protects", "login-protect-list", _list_protections),
    Route("GET", "/v3.0/OS-CREDENTIAL/credentials/{}", "credential", _show_credential, tells_caller=True),
    Route("POST", "/v3.0/OS-CREDENTIAL/securitytokens", "assume", _assume_role),
    Route("GET", "/v3.0/OS-USER/users/{}", "user", _show_user),
    Route("GET", "/v3.0/OS-SECURITYPOLICY/domains/{}/login-policy", "login-policy-get", _get_login_policy),
    Route("PUT", "/v3.0/OS-SECURITYPOLICY/domains/{}/login-policy", "login-policy-put", _set_login_policy),
    Route("GET", "/v3.0/OS-SECURITYPOLICY/domains/{}/protect-policy", "protect-policy-get", _get_protect_policy),
    Route("PUT", "/v3.0/OS-SECURITYPOLICY/domains/{}/protect-policy", "protect-policy-put", _set_protect_policy),
    Route("GET", "/v3/users", "users", _list_users),
    Route("GET", "/v3/groups", "groups", _list_groups, tells_caller=True),
    Route("GET", "/v3/groups/{}/users", "group-users", _list_group_users, tells_caller=True),
    Route("GET", "/v3/auth/domains", "domains", _list_domains),
    Route("POST", "/v3/auth/tokens", "login", _log_in, anonymous=True),
    Route("GET", "/v3/auth/tokens", "token", _show_token, tells_caller=True),
    _v5("POST", "/v5/virtual-mfa-devices", "v5-create", _v5_create),
    _v5("DELETE", "/v5/virtual-mfa-devices", "v5-delete", _v5_delete),
    _v5("POST", "/v5/mfa-devices/enable", "v5-enable", _v5_enable),
    _v5("POST", "/v5/mfa-devices/disable", "v5-disable", _v5_disable),
    _v5("GET", "/v5/mfa-devices", "v5-list", _v5_list),
    _v5("GET", "/v5/users", "v5-users", _v5_users),
    _v5("GET", "/v5/users/{}/login-profile", "v5-login-profile", _login_profile),
    _v5("GET", "/v5/users/{}/last-login", "v5-last-login", _last_login),
    _v5("GET", "/v5/account-summary", "account-summary", _account_summary),
    _v5("GET", "/v5/login-policy", "v5-login-policy-get", _v5_get_login_policy),
    _v5("PUT", "/v5/login-policy", "v5-login-policy-put", _v5_set_login_policy),
    _v5("POST", "/v5/decode-authorization-message", "decode-message", _decode_authorization_message),
    _v5("POST", "/v5/agencies/assume", "v5-assume", _assume),
    _v5("GET", "/v5/caller-identity", "caller-identity", _caller_identity, tells_caller=True),
    _center("GET", "/v1/instances", "ic-instances", _list_instances),
    _center("GET", "/v1/instances/{}/mfa-devices/management-settings", "ic-get-mfa", _get_permission),
    _center("POST", "/v1/instances/{}/mfa-devices/management-settings", "ic-set-mfa", _set_permission),
    _center("GET", "/v1/instances/{}/sso-configuration", "ic-get-sso", _get_sso),
    _center("POST", "/v1/instances/{}/sso-configuration", "ic-set-sso", _set_sso),
    _center("POST", "/v1/identity-stores/{}/users/retrieve-mfa-devices", "ic-devices", _retrieve_devices),
    _center("DELETE", "/v1/identity-stores/{}/users/{}/mfa-devices/{}", "ic-device-delete", _delete_center_device),
    _center("PUT", "/v1/identity-stores/{}/users/{}/mfa-devices/{}", "ic-device-rename", _rename_center_device),
    _center("POST", "/v1/identity-stores/{}/users/{}/mfa-devices/register-mfa-device", "ic-device-register", _register_center_device),
    _center("GET", "/v1/registered-regions", "ic-regions", _registered_regions),
    _center("GET", "/v1/identity-stores/{}/users", "ic-users", _list_people),
    _center("GET", "/v1/identity-stores/{}/users/{}", "ic-user", _show_person),
    _center("GET", "/v1/identity-stores/{}/groups", "ic-groups", _list_people_groups),
    _center("GET", "/v1/identity-stores/{}/group-memberships", "ic-group-users", _list_people_of_group),
    _center("GET", "/v1/identity-stores/{}/users/{}/sessions", "ic-sessions", _list_sessions),
    _center("POST", "/v1/identity-stores/{}/users/{}/sessions/batch-delete", "ic-sessions-end", _end_sessions),
    _center("GET", "/v1/organizations", "org-show", _show_organization),
    _center("GET", "/v1/organizations/roots", "org-roots", _list_roots),
    _center("GET", "/v1/organizations/organizational-units", "org-units", _list_units),
    _center("GET", "/v1/organizations/accounts", "org-accounts", _list_organization_accounts),
    _center("GET", "/v1/organizations/resources/{}/tags", "org-tags", _list_resource_tags),
)

# Almost every path has a number of slashes of its own or shares it with few others, which spares most of the matching.
_CANDIDATES: dict[int, list[Route]] = {}
for _route in ROUTES:
    _CANDIDATES.setdefault(_route.pattern.count("/"), []).append(_route)
