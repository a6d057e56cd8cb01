# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection logs in at a real Keystone, from which the clouds' IAM descends, and says clearly what that refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible_collections.hwc.mfa.plugins.module_utils._auth.base import Account
from ansible_collections.hwc.mfa.plugins.module_utils._auth.password import wants_code
from ansible_collections.hwc.mfa.plugins.module_utils._auth.token import Token, TokenAuth
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError

LOGIN = "POST /v3/auth/tokens"
USERS = "GET /v3/users"
CODE_WANTED = "The login needs a code of the user's MFA device: give auth_user_id and auth_passcode."
ACCOUNT = "acme-berlin"
TOKEN_BEGIN = "gAAAA"
"""What all of Keystone's tokens and receipts begin with."""


def refusal(call: Callable[[], Any]) -> CloudError:
    """The refusal of a call; no token and no receipt is anywhere in it."""
    with pytest.raises(CloudError) as caught:
        call()
    assert TOKEN_BEGIN not in f"{caught.value} {vars(caught.value)}"
    return caught.value


# Password


def test_password_logs_in_by_id(client, account, alice):
    auth = client.login(alice)
    assert client.iam(auth).own_domains() == [(account.id, ACCOUNT)]
    assert auth.user["id"] == alice.id
    assert client.calls() == [LOGIN, "GET /v3/auth/domains"]


def test_password_logs_in_by_name_and_account(client, account, alice):
    auth = client.login(alice, user_id=None, username=alice.name, account=Account(ACCOUNT))
    assert client.iam(auth).own_domains() == [(account.id, ACCOUNT)]
    assert (auth.user["id"], auth.user["domain"]["name"]) == (alice.id, ACCOUNT)


def test_password_logs_in_by_name_and_the_accounts_id(client, account, alice):
    auth = client.login(alice, user_id=None, username=alice.name, account=Account(id=account.id))
    assert client.iam(auth).own_domains() == [(account.id, ACCOUNT)]


def test_login_without_an_account_asks_for_it_and_logs_in_again(client, account, alice, passers_by):
    auth = client.login(alice, scope=None)
    assert alice.id in [user.user_id for user in client.iam(auth).users()]
    assert client.calls()[:4] == [LOGIN, "GET /v3/auth/domains", LOGIN, "GET /v3/users"]
    assert client.answers[2].json()["token"]["domain"] == {"id": account.id, "name": ACCOUNT}
    assert "domain" not in client.answers[0].json()["token"]


def test_one_login_serves_many_threads(client, alice):
    iam = client.iam(client.login(alice))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _number: iam.own_domains(), range(16)))
    assert client.calls().count(LOGIN) == 1


def test_token_tells_whose_it_is(client, alice):
    auth = client.login(alice)
    token = auth.prepare()
    user = client.iam(TokenAuth(Token(token))).token_user(token)
    assert (user["id"], user["name"], user["domain"]["name"]) == (alice.id, alice.name, ACCOUNT)


def test_users_of_the_account_are_listed(client, account, alice, passers_by):
    gone = passers_by(enabled=False)
    users = client.iam(client.login(alice)).users()
    assert {user.user_id: user.name for user in users} == account.users
    enabled = {user.user_id: user.enabled for user in users}
    assert (enabled[alice.id], enabled[gone.id]) == (True, False)


def test_users_are_listed_over_pages(keystone, short_client, account, alice, passers_by):
    for _number in range(keystone.short_page):
        passers_by()
    users = short_client.iam(short_client.login(alice)).users()
    assert {user.user_id: user.name for user in users} == account.users
    assert len(users) == len(account.users)
    pages = [answer.json() for answer in short_client.answers[1:]]
    assert len(pages) > 1
    assert all(len(page["users"]) <= keystone.short_page for page in pages)
    assert [bool(page["links"]["next"]) for page in pages] == [True] * (len(pages) - 1) + [False]


def test_wrong_password_is_sent_once_by_all_threads_and_locks_nobody(keystone, client, passers_by):
    user = passers_by()
    iam = client.iam(client.login(user, password="a-wrong-password"))
    with ThreadPoolExecutor(8) as pool:
        errors = list(pool.map(lambda _number: refusal(iam.users), range(2 * keystone.locked_after)))
    assert {error.status for error in errors} == {401}
    assert not any(wants_code(error) for error in errors)
    texts = {str(error) for error in errors}
    assert len(texts) == 1
    assert "Check the user, auth_password and auth_domain_name" in texts.pop()
    assert "a-wrong-password" not in f"{errors[0]} {vars(errors[0])}"
    assert client.calls() == [LOGIN]
    assert client.iam(client.login(user)).users()


@pytest.mark.parametrize(
    "changes",
    [
        {"user_id": "0123456789abcdef0123456789abcdef"},
        {"user_id": None, "username": "nobody", "account": Account(ACCOUNT)},
        {"user_id": None, "username": "alice", "account": Account("Default")},
        {"scope": "Default"},
        {"scope": "nowhere"},
    ],
)
def test_login_to_the_wrong_place_is_refused_like_a_wrong_password(client, alice, changes):
    error = refusal(client.login(alice, **changes).prepare)
    assert error.status == 401
    assert "Check the user, auth_password and auth_domain_name" in str(error)


def test_user_who_is_locked_or_disabled_is_not_told_apart_and_the_hint_says_so(keystone, client, passers_by):
    locked, disabled = passers_by(), passers_by(enabled=False)
    for _number in range(keystone.locked_after):
        refusal(client.login(locked, password="wrong").prepare)
    for user in (locked, disabled):
        error = refusal(client.login(user).prepare)
        assert (error.status, error.message) == (401, "The request you have made requires authentication.")
        assert "locked or disabled" in str(error)


# Password and code


def test_password_alone_is_refused_where_a_code_is_wanted_and_the_collection_says_so(client, toni):
    error = refusal(client.iam(client.login(toni)).users)
    (answer,) = client.answers
    assert set(answer.json()) == {"receipt", "required_auth_methods"}, "Keystone's own shape, without the key error"
    assert answer.headers["Openstack-Auth-Receipt"].startswith(TOKEN_BEGIN)
    assert wants_code(error)
    assert (error.status, error.message, error.hint) == (401, "the login wants password and totp", CODE_WANTED)
    assert toni.name not in str(error)


@pytest.mark.parametrize("windows_ago", [0, 1])
def test_code_of_the_servers_clock_logs_in(client, account, toni, windows_ago):
    login = client.login(toni, passcode=client.code(toni, windows_ago))
    assert client.iam(login).own_domains() == [(account.id, ACCOUNT)]


def test_code_logs_in_by_name_too(client, toni):
    named = {"user_id": None, "username": toni.name, "account": Account(ACCOUNT)}
    assert client.login(toni, passcode=client.code(toni), **named).prepare()


def wrong_code(client, user):
    """A code that none of the windows around now gives."""
    near = {client.code(user, windows_ago) for windows_ago in range(-3, 4)}
    return next(code for code in ("000000", "111111", "222222", "333333", "444444", "555555", "666666", "777777") if code not in near)


@pytest.mark.parametrize(
    "code_of",
    [
        pytest.param(wrong_code, id="wrong"),
        pytest.param(lambda client, user: client.code(user, 2), id="two-windows-old"),
        pytest.param(lambda client, user: client.code(user, -2), id="too-early"),
    ],
)
def test_code_that_does_not_hold_is_refused_and_not_sent_again(client, toni, code_of):
    code = code_of(client, toni)
    iam = client.iam(client.login(toni, passcode=code))
    errors = [refusal(iam.users), refusal(iam.own_domains)]
    assert client.calls() == [LOGIN]
    for error in errors:
        assert error.status == 401
        assert "auth_passcode (each code works once" in str(error)
        assert code not in str(error)


def test_password_that_is_wrong_beside_a_right_code_is_refused(client, passers_by):
    user = passers_by(rules=[["password", "totp"]])
    error = refusal(client.login(user, password="wrong", passcode=client.code(user)).prepare)
    assert not wants_code(error)
    assert "Check the user, auth_password" in str(error)


@pytest.mark.parametrize("with_code", [False, True])
def test_login_that_wants_more_than_a_code_names_the_way_out(client, passers_by, with_code):
    user = passers_by(rules=[["password", "totp", "token"]])
    error = refusal(client.login(user, passcode=client.code(user) if with_code else None).prepare)
    assert error.message == "the login wants password and token and totp"
    assert "give auth_token instead" in str(error)


# Tokens that end


def test_token_that_expired_costs_one_more_login(keystone, short_client, alice):
    iam = short_client.iam(short_client.login(alice))
    assert iam.own_domains()
    so_far = len(short_client.answers)
    time.sleep(keystone.short_token + 0.5)
    assert iam.own_domains()
    assert short_client.calls()[so_far:] == ["GET /v3/auth/domains", LOGIN, "GET /v3/auth/domains"]


def test_token_that_was_revoked_costs_one_more_login(client, account, alice):
    auth = client.login(alice)
    iam = client.iam(auth)
    account.revoke(auth.prepare())
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda _number: iam.own_domains(), range(8)))
    assert client.calls().count(LOGIN) == 2


def test_login_with_a_code_is_not_renewed(client, account, toni):
    # Keystone would take the code once more within its minute; the clouds count that as a wrong one.
    auth = client.login(toni, passcode=client.code(toni))
    account.revoke(auth.prepare())
    error = refusal(client.iam(auth).users)
    assert "run again with a new auth_passcode" in str(error)
    assert client.calls() == [LOGIN, USERS]


def test_given_token_that_ended_is_an_error_that_says_what_to_do(client, account, alice):
    token = client.login(alice).prepare()
    iam = client.iam(TokenAuth(Token(token)))
    assert iam.own_domains()
    account.revoke(token)
    error = refusal(iam.users)
    assert (error.status, error.code) == (401, None)
    assert "give a fresh auth_token" in str(error)
    assert client.calls() == [LOGIN, "GET /v3/auth/domains", USERS]


# What else Keystone answers


def test_unknown_route_is_told_without_its_page(client, alice):
    error = refusal(client.iam(client.login(alice)).devices)
    assert "<html" in client.answers[-1].text.lower()
    assert (error.status, error.code) == (404, None)
    assert error.request_id == client.answers[-1].headers["X-Openstack-Request-Id"]
    assert "text/html" in str(error)
    assert "Is iam_endpoint really the address of this service" in str(error)
    assert "<" not in str(error)


def test_wrong_verb_is_told_in_keystones_words(client, alice):
    error = refusal(lambda: client.iam(client.login(alice)).session.read("PATCH", "/v3/users"))
    assert set(client.answers[-1].json()) == {"message"}, "Keystone's own shape, without the key error"
    assert (error.status, error.message) == (405, "The method is not allowed for the requested URL.")


def test_what_is_not_there_is_told_in_keystones_words(client, account):
    administrator = client.iam(TokenAuth(Token(account.token)))
    error = refusal(lambda: administrator.session.read("GET", "/v3/users/nobody"))
    assert (error.status, error.code, error.message, error.hint) == (404, None, "Could not find user: nobody.", None)


def test_missing_permission_is_told_as_one(client, alice):
    iam = client.iam(client.login(alice))
    error = refusal(lambda: iam.session.write("POST", "/v3/users", body={"user": {"name": "x"}}))
    assert (error.status, error.code) == (403, None)
    assert "not authorized to perform the requested action: identity:" in error.message
    assert "lack the permission" in str(error)


# A module, as a playbook runs it

PLAY = """
- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - hwc.mfa.iam_mfa_info: "{{ logins[item] }}"
      loop: "{{ range(logins | length) | list }}"
      register: account
      ignore_errors: true
    - ansible.builtin.copy:
        content: "{{ account.results | map(attribute='msg') | to_json }}"
        dest: "{{ playbook_dir }}/messages.json"
        mode: "0600"
"""


@pytest.mark.parametrize("in_process", [True, False])
def test_module_says_what_keystone_lacks_or_wants(url, client, alice, toni, passers_by, tmp_path, in_process):
    def login(user: Any, **more: Any) -> dict[str, Any]:
        return {"iam_endpoint": url, "auth_user_id": user.id, "auth_password": user.password, "auth_domain_name": ACCOUNT, **more}

    logins = [
        login(alice),
        login(alice, user_ids=[alice.id]),
        login(toni, auth_passcode=client.code(toni)),
        login(toni),
        login(passers_by(), auth_password="a-wrong-password"),
    ]
    (tmp_path / "play.yml").write_text(PLAY, encoding="utf-8")
    variables = {"logins": logins, "hwc_mfa_in_process": in_process, "ansible_python_interpreter": sys.executable}
    (tmp_path / "vars.json").write_text(json.dumps(variables), encoding="utf-8")
    output = run_play(tmp_path)
    without_mfa, of_one_user, with_code, without_code, wrong = json.loads((tmp_path / "messages.json").read_text(encoding="utf-8"))
    for message in (without_mfa, of_one_user, with_code):
        assert "the host answered 404" in message
        assert "Is iam_endpoint really the address of this service" in message
    assert CODE_WANTED in without_code
    assert "Check the user, auth_password" in wrong
    for unwanted in ("Traceback", "<html", "<!doctype", TOKEN_BEGIN, "a-wrong-password", alice.password, toni.password):
        assert unwanted not in output


def run_play(folder: Path) -> str:
    """The output of a play, as talkative as can be."""
    own = ("HW_", "HWC_", "OS_", "HUAWEICLOUD_")
    done = subprocess.run(
        ["ansible-playbook", "-i", "localhost,", "-e", "@vars.json", "-vvvv", "play.yml"],
        cwd=folder,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith(own)},
            "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"),
            "ANSIBLE_REMOTE_TEMP": str(folder / "remote-tmp"),
            "ANSIBLE_NOCOLOR": "1",
            "LC_ALL": "C.UTF-8",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout
