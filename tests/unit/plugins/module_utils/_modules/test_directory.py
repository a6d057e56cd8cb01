# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users by their names instead of their ids, in every module that works on users."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError, OptionError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import quoted
from ansible_collections.hwc.mfa.plugins.module_utils._modules.directory import Named, all_users, ids_of
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_login_check import LOGIN_CHECK
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_login_protection import PROTECTION
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_mfa_info import MFA_INFO
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_virtual_mfa_bind import BIND
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_virtual_mfa_device import DEVICE
from ansible_collections.hwc.mfa.plugins.module_utils._runner.connections import Connections
from ansible_collections.hwc.mfa.tests.unit.rehearsal import validated


def admin_iam(cloud):
    return Connections(validated(MFA_INFO, {"iam_endpoint": cloud.url, **cloud.by_key()}), {}, lambda: True, {}).iam


def test_name_takes_the_place_of_the_id_from_device_to_login(any_cloud):
    grace = any_cloud.users[1]
    own = {"auth_password": grace.password, "auth_domain_name": any_cloud.domain_name}
    made = any_cloud.run(DEVICE, devices=[{"user_name": grace.name, **own}])
    assert not made.get("failed"), made
    entry = made["devices"][0]
    assert (entry["user_id"], entry["user_name"], entry["changed"]) == (grace.id, grace.name, True)
    bound = any_cloud.run(BIND, bindings=[{"user_name": grace.name, "seed": entry["seed"], **own}])
    assert [(each["user_id"], each["binding"]) for each in bound["bindings"]] == [(grace.id, "bound")]
    protected = any_cloud.run(PROTECTION, user_name=grace.name, verification_method="vmfa")
    assert [(each["user_id"], each["enabled"]) for each in protected["users"]] == [(grace.id, True)]
    assert any_cloud.run(PROTECTION, user_id=grace.id, verification_method="vmfa")["changed"] is False
    any_cloud.handle.advance(60)
    proof = any_cloud.run(LOGIN_CHECK, impatient=True, users=[{"user_name": grace.name, "seed": entry["seed"], **own}])
    assert [(each["user_id"], each["logged_in"]) for each in proof["users"]] == [(grace.id, True)]
    shown = any_cloud.run(MFA_INFO, user_names=[grace.name])["users"]
    assert [(each["user_id"], each["name"], each["login_protection"]["enabled"]) for each in shown] == [(grace.id, grace.name, True)]


@pytest.mark.parametrize("check_mode", [True, False])
def test_name_of_nobody_fails_by_itself_and_hides_no_other(any_cloud, check_mode):
    first, second = any_cloud.users[0], any_cloud.users[1]
    items = [{"user_id": first.id}, {"user_name": "Nobody Here"}, {"user_name": second.name}]
    result = any_cloud.run(PROTECTION, users=items, check_mode=check_mode)
    assert [(each["user_id"], each.get("user_name"), each["failed"]) for each in result["users"]] == [
        (first.id, None, False), (None, "Nobody Here", True), (second.id, second.name, False),
    ]  # fmt: skip
    assert result["users"][1]["msg"] == "user_name 'Nobody Here' is no user of this account."
    assert result["msg"] == "1 of 3 users failed; the first is Nobody Here: user_name 'Nobody Here' is no user of this account."


def test_name_that_is_almost_that_of_a_user_says_whose(cloud):
    name = cloud.users[0].name
    result = cloud.run(PROTECTION, users=[{"user_name": f" {name.upper()}"}, {"user_name": cloud.users[1].name}], check_mode=True)
    assert result["users"][0]["msg"].endswith(f"is no user of this account. Is {name!r} meant?")
    with_ids = cloud.run(MFA_INFO, user_names=[cloud.users[1].name, name.upper()])
    assert f"Is {name!r} meant?" in with_ids["msg"]


@pytest.mark.parametrize("wrong", ["{} ", " {}", "{}\n", "{}\t", "  {}"])
def test_white_space_around_a_name_is_seen_and_the_user_who_is_meant_named(any_cloud, wrong):
    name = any_cloud.users[0].name
    given = wrong.format(name)
    words = f"is no user of this account. Is {name!r} meant?"
    alone = any_cloud.run(PROTECTION, user_name=given)
    assert alone["msg"] == f"user_name {quoted(given, 80)} {words}"
    assert f"{name!r} is no user" not in alone["msg"]
    among = any_cloud.run(PROTECTION, users=[{"user_name": given}, {"user_name": any_cloud.users[1].name}])
    assert among["users"][0]["msg"] == alone["msg"]
    assert any_cloud.run(MFA_INFO, user_names=[given])["msg"] == alone["msg"]


@pytest.mark.parametrize("wrong", [str.upper, lambda name: name[:-1]])
def test_one_name_that_is_almost_that_of_a_user_says_whose(any_cloud, wrong):
    name = any_cloud.users[0].name
    assert f"Is {name!r} meant?" in any_cloud.run(PROTECTION, user_name=wrong(name))["msg"]
    assert any_cloud.writes() == []


def test_one_name_of_nobody_costs_one_more_listing(cloud):
    assert cloud.run(PROTECTION, user_name="Nobody Here")["msg"] == "user_name 'Nobody Here' is no user of this account."
    assert ["name=" in entry["query"] for entry in cloud.log if entry["route"] == "users"] == [True, True, False, False]


def test_user_whom_the_filter_leaves_out_is_found(script):
    nobody = {"users": [], "links": {"next": None}}
    everybody = {"users": [{"id": "u1", "name": "a"}, {"id": "u2", "name": "b"}], "links": {"next": None}}
    context = SimpleNamespace(iam=script((200, nobody), (200, nobody), (200, everybody)).iam())
    assert ids_of(context, ["b"]) == ({"b": "u2"}, {})


def test_listing_that_fails_is_told_and_not_that_a_name_is_unknown(cloud):
    cloud.handle.fault("cut:users:3-99")
    result = cloud.run(PROTECTION, impatient=True, user_name="Nobody Here")
    assert "broke before the whole answer came" in result["msg"]
    assert "is no user" not in result["msg"]


@pytest.mark.parametrize("users", [2, 30])
def test_names_cost_one_listing_whatever_their_number(start, users):
    cloud = start(users=users)
    result = cloud.run(PROTECTION, users=[{"user_name": user.name} for user in cloud.users[:users]], check_mode=True)
    assert not result.get("failed")
    assert cloud.routes().count("users") == 2, "the enabled users and the disabled ones"


def test_one_name_is_asked_for_alone(start):
    cloud = start(users=30, page_size=5)
    assert not cloud.run(PROTECTION, user_name=cloud.users[20].name, check_mode=True).get("failed")
    queries = [entry["query"] for entry in cloud.log if entry["route"] == "users"]
    assert len(queries) == 2
    assert all("name=" in query or "name" in query for query in queries)


def test_server_that_ignores_the_filter_does_not_make_another_user_the_one_of_that_name(script):
    page = {"users": [{"id": "u1", "name": "a"}, {"id": "u2", "name": "b"}], "links": {"next": None}}
    context = SimpleNamespace(
        iam=script((200, page)).iam(), params={"concurrency": 1}, connections=SimpleNamespace(item_done=lambda _failed: None)
    )
    assert [item["user_id"] for item in Named(context, [{"user_name": "b"}]).items] == ["u2"]
    assert [item["user_id"] for item in Named(context, [{"user_name": "c"}]).items] == [None]


def test_disabled_users_are_found_where_a_listing_leaves_them_out(start):
    cloud = start(list_enabled_only=True)
    gone = cloud.users[2]
    gone.enabled = False
    assert gone.id in {user.user_id for user in all_users(admin_iam(cloud))}
    shown = cloud.run(MFA_INFO)["users"]
    assert [user["enabled"] for user in shown if user["user_id"] == gone.id] == [False]
    assert cloud.run(PROTECTION, user_name=gone.name, check_mode=True)["users"][0]["user_id"] == gone.id


def test_user_who_is_named_twice_is_refused_before_anything_is_done(cloud):
    user = cloud.users[0]
    result = cloud.run(PROTECTION, users=[{"user_id": user.id}, {"user_name": user.name}])
    assert result["msg"] == f"user_id {user.id} ({user.name}) appears more than once in the list."
    assert cloud.writes() == []


@pytest.mark.parametrize("item", [{"user_id": ""}, {"user_name": ""}])
def test_nobody_is_refused(cloud, item):
    assert "must not be empty" in cloud.run(PROTECTION, users=[item])["msg"]


@pytest.mark.parametrize(
    ("definition", "options"),
    [
        (PROTECTION, {"users": [{"user_id": "a", "user_name": "b"}]}),
        (PROTECTION, {"users": [{"enabled": True}]}),
        (PROTECTION, {"user_id": "a", "user_name": "b"}),
        (DEVICE, {"devices": [{"user_id": "a", "user_name": "b"}]}),
        (DEVICE, {"devices": [{"user_name": "b"}], "user_name": "b"}),
        (BIND, {"bindings": [{"user_id": "a", "user_name": "b"}]}),
        (BIND, {"user_id": "a", "user_name": "b"}),
        (LOGIN_CHECK, {"users": [{"user_id": "a", "user_name": "b"}]}),
        (LOGIN_CHECK, {"users": [{}]}),
    ],
)
def test_each_item_names_its_user_once(definition, options):
    with pytest.raises(AssertionError, match=r"mutually exclusive|one of the following is required"):
        validated(definition, options)


def test_who_may_not_list_the_account_is_told_to_give_the_id(cloud):
    user = cloud.users[0]
    result = cloud.run(PROTECTION, credentials=cloud.by_key(user), user_name=user.name)
    assert result["failed"]
    assert "these credentials may not read: give user_id" in result["msg"]


@pytest.mark.parametrize(("definition", "key"), [(PROTECTION, "users"), (DEVICE, "devices")])
def test_name_in_the_place_of_an_id_gets_a_hint(any_cloud, definition, key):
    result = any_cloud.run(definition, **{key: [{"user_id": any_cloud.users[0].name}]})
    assert result["error"]["status"] == 404
    assert "a name is given as user_name" in result["msg"]


@pytest.mark.parametrize("number", [1, 12])
def test_user_who_does_not_exist_is_shown_alike_on_both_clouds(any_cloud, number):
    nothing = {"device": None, "devices": [], "login_protection": {"enabled": False, "verification_method": "none"}}
    result = any_cloud.run(MFA_INFO, user_ids=[f"{each:032x}" for each in range(number)])
    assert not result.get("failed"), result
    assert [user["user_id"] for user in result["users"]] == [f"{each:032x}" for each in range(number)]
    for user in result["users"]:
        assert (user["name"], user["enabled"], {name: user[name] for name in nothing}) == (None, None, nothing)


def test_listing_that_fails_is_the_failure_of_whoever_is_named_alone(cloud):
    cloud.handle.fault("cut:users")
    first, second = cloud.users[0], cloud.users[1]
    result = cloud.run(PROTECTION, users=[{"user_id": first.id}, {"user_name": second.name}])
    assert [each["failed"] for each in result["users"]] == [False, True]
    assert "broke before the whole answer came" in result["users"][1]["msg"]


def test_without_an_id_and_a_name_nothing_is_made_up():
    context = SimpleNamespace(iam=None, params={}, connections=None)
    with pytest.raises(OptionError, match="must not be empty"):
        Named(context, [{"user_id": None, "user_name": None}])


def test_error_of_another_status_is_no_question_of_names(script):
    server = script((500, {"error_msg": "no", "error_code": "IAM.0005"}))
    with pytest.raises(CloudError, match="HTTP 500"):
        all_users(server.iam())


@pytest.mark.parametrize("name", ["None", "none", "null"])
def test_user_whose_name_is_null_is_meant_by_no_name(any_cloud, name):
    nameless, other = any_cloud.users[:2]
    nameless.name = None
    shown = {user["user_id"]: user for user in any_cloud.run(MFA_INFO)["users"]}
    assert (shown[nameless.id]["name"], shown[other.id]["name"]) == ("", other.name)
    for items in ([{"user_name": name}], [{"user_name": name}, {"user_name": other.name}]):
        result = any_cloud.run(PROTECTION, users=items)
        assert [(each["user_id"], each["failed"]) for each in result["users"]] == [(None, True), (other.id, False)][: len(items)]
        assert f"user_name '{name}' is no user of this account." in result["users"][0]["msg"]
    assert not nameless.held_by_protection
    assert any_cloud.run(PROTECTION, user_id=nameless.id)["changed"]
