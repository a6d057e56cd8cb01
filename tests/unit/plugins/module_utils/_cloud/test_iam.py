# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.hwc.mfa.plugins.module_utils._auth.access_key import AccessKey, SignatureAuth
from ansible_collections.hwc.mfa.plugins.module_utils._cloud import listing
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError, OptionError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.iam import Device, Iam, Protection
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.identity_center import IdentityCenter
from ansible_collections.hwc.mfa.tests.unit.rehearsal import Script
from hypothesis import given, settings
from hypothesis import strategies as st


def admin_iam(cloud):
    return Iam(cloud.session().acting_as(SignatureAuth(AccessKey(**cloud.by_key()), now=cloud.cloud.now)))


def test_users_of_all_pages_are_found_in_order(start):
    cloud = start(users=25, page_size=7)
    assert [user.user_id for user in admin_iam(cloud).users()] == [user.id for user in cloud.cloud.accounts[0].users]
    assert cloud.routes() == ["users"] * 4


def test_link_to_another_host_lends_its_query_and_nothing_else(script):
    elsewhere = script((200, {"users": []}))
    first = {"users": [{"id": "u1", "name": "a"}], "links": {"next": f"{elsewhere.url}/other?marker=u1&x="}}
    server = script((200, first), (200, {"users": [{"id": "u2", "name": "b", "enabled": False}], "links": {"next": None}}))
    users = server.iam().users()
    assert [(user.user_id, user.enabled) for user in users] == [("u1", True), ("u2", False)]
    assert [path for _method, path, _headers, _body in server.requests] == ["/v3/users", "/v3/users?marker=u1&x="]
    assert elsewhere.requests == []


def test_devices_of_all_pages_are_found_on_v5(start):
    cloud = start(users=450)
    owners = cloud.users[:400]
    for user in owners:
        cloud.cloud.give_device(user.id, bound=user.number % 3 == 0)
    found = {device.user_id: device for page in admin_iam(cloud).devices_v5() for device in page}
    assert set(found) == {user.id for user in owners}
    assert all((found[user.id].binding == "bound") == user.device.bound for user in owners)
    # As few pages as the cloud allows.
    assert cloud.routes() == ["v5-list"] * 2
    assert len(admin_iam(cloud).users_v5()) == 451


LISTINGS = {
    "users": (Iam.users, "users", {"id": "u1"}),
    "own_domains": (Iam.own_domains, "domains", {"id": "d1"}),
    "devices": (Iam.devices, "virtual_mfa_devices", {"user_id": "u1", "serial_number": "s"}),
    "protections": (Iam.protections, "login_protects", {"user_id": "u1"}),
    "devices_v5": (
        lambda iam: [device for page in iam.devices_v5() for device in page],
        "mfa_devices",
        {"user_id": "u1", "serial_number": "s", "enabled": True},
    ),
    "users_v5": (Iam.users_v5, "users", {"user_id": "u1"}),
}


@pytest.mark.parametrize("name", LISTINGS)
def test_listing_of_another_form_is_an_error_and_never_empty(script, name):
    ask, key, entry = LISTINGS[name]
    broken = [{}, {key: None}, {key: {}}, {key: "x"}, {key: [1]}, {key: [[]]}, {key: [None]}, [], "x", None, {"Users": []}]
    broken += [{key: [{other: value for other, value in entry.items() if other != gone}]} for gone in entry]
    for document in broken:
        with pytest.raises(CloudError):
            ask(script((200, document)).iam())
    with pytest.raises(CloudError):
        ask(script((200, b"")).iam())
    assert len(ask(script((200, {key: [entry]})).iam())) == 1
    assert ask(script((200, {key: []})).iam()) == []


def test_refused_listing_is_an_error_and_never_empty(cloud):
    cloud.handle.fault("forbid")
    for ask, _key, _entry in LISTINGS.values():
        with pytest.raises(CloudError, match="HTTP 403"):
            ask(admin_iam(cloud))


def test_creation_without_a_seed_in_its_answer_is_uncertain(script):
    for document in ({}, {"virtual_mfa_device": {"serial_number": "s"}}, {"virtual_mfa_device": None}):
        with pytest.raises(CloudError) as caught:
            script((201, document)).iam().create_device("u1", "x")
        assert caught.value.uncertain


def test_user_without_a_device_or_protection_is_not_an_error(cloud):
    iam = admin_iam(cloud)
    user_id = cloud.users[0].id
    assert iam.device_of(user_id) is None
    assert iam.protection_of(user_id) == Protection(user_id, False, "none")
    assert list(iam.devices_v5(user_id)) == [[]]


@pytest.mark.parametrize(
    ("enabled", "binding"),
    [(True, "bound"), (False, "unbound"), ("false", "unknown"), ("true", "unknown"), (1, "unknown"), (None, "unknown")],
)
def test_device_is_bound_or_unbound_only_where_v5_says_so_in_the_documented_form(script, enabled, binding):
    entry = {"user_id": "u1", "serial_number": "s", "enabled": enabled}
    (page,) = script((200, {"mfa_devices": [entry]})).iam().devices_v5()
    assert [device.binding for device in page] == [binding]


@pytest.mark.parametrize("enabled", ["false", "true", 1, ["x"]])
def test_protection_in_another_form_than_documented_is_an_error_and_not_taken_for_off(script, enabled):
    entry = {"user_id": "u1", "enabled": enabled, "verification_method": "vmfa"}
    server = script((200, {"login_protects": [entry]}), (200, {"login_protect": entry}))
    for ask in (server.iam().protections, lambda: server.iam().protection_of("u1")):
        with pytest.raises(CloudError, match="the login protection of user u1 is shown in another form"):
            ask()


def test_user_is_enabled_unless_the_cloud_says_otherwise(script):
    entries = [{"enabled": True}, {"enabled": False}, {}]
    v3 = script((200, {"users": [{"id": "u", **entry} for entry in entries]})).iam()
    v5 = script((200, {"users": [{"user_id": "u", **entry} for entry in entries]})).iam()
    assert [user.enabled for user in v3.users()] == [user.enabled for user in v5.users_v5()] == [True, False, True]


def test_account_of_a_user_is_known_where_the_cloud_says_it(script):
    entries = [{"domain_id": "d1"}, {}, {"domain_id": None}, {"domain_id": 7}]
    users = script((200, {"users": [{"id": "u", **entry} for entry in entries]})).iam().users()
    assert [user.domain_id for user in users] == ["d1", None, None, None]


def test_v3_lists_virtual_devices_and_v5_does_not_say_of_which_kind_they_are(script):
    entry = {"user_id": "u1", "serial_number": "s", "enabled": True}
    assert script((200, {"virtual_mfa_devices": [entry]})).iam().devices() == [Device("u1", "s", "unknown", "virtual")]
    assert script((200, {"virtual_mfa_device": entry})).iam().device_of("u1") == Device("u1", "s", "unknown", "virtual")
    assert list(script((200, {"mfa_devices": [entry]})).iam().devices_v5()) == [[Device("u1", "s", "bound", "unknown")]]
    assert Device("u1", "s", "bound").kind == "unknown"


def test_device_without_a_serial_is_none(script):
    assert script((200, {"virtual_mfa_device": {"serial_number": ""}})).iam().device_of("u1") is None


def test_owner_of_a_token_whom_nobody_describes_is_not_known(script):
    assert script((200, {"token": {"user": {"id": "u1"}}})).iam().token_user("T0") == {"id": "u1"}
    assert script((200, {"token": {"user": None}})).iam().token_user("T0") == {}


def test_device_of_another_form_is_an_error(script):
    with pytest.raises(CloudError):
        script((200, {"virtual_mfa_device": []})).iam().device_of("u1")
    with pytest.raises(CloudError):
        script((200, {})).iam().protection_of("u1")


def test_protection_that_is_off_has_no_method(cloud):
    iam = admin_iam(cloud)
    user_id = cloud.users[0].id
    assert iam.protect(user_id, True, "sms") == Protection(user_id, True, "sms")
    assert iam.protect(user_id, False, "sms") == Protection(user_id, False, "none")
    assert iam.protection_of(user_id) == Protection(user_id, False, "none")
    assert iam.protections() == [Protection(user_id, False, "none")]


@pytest.mark.parametrize("user_id", ["a/b", "..", ".", ""])
def test_id_that_breaks_out_of_its_path_is_refused_before_sending(script, user_id):
    server = script((200, {}))
    with pytest.raises(OptionError):
        server.iam().device_of(user_id)
    assert server.requests == []


def test_id_with_odd_letters_reaches_the_cloud_whole(cloud):
    iam = admin_iam(cloud)
    assert iam.device_of("a b%2Fcü?x#y") is None
    assert cloud.log[-1]["path"] == "/v3.0/OS-MFA/users/a%20b%252Fc%C3%BC%3Fx%23y/virtual-mfa-device"
    assert cloud.log[-1]["status"] == 404


def test_seed_is_in_no_repr(cloud):
    made = admin_iam(cloud).create_device(cloud.users[0].id, "x")
    assert made.seed == cloud.users[0].device.seed
    assert made.seed not in repr(made)


# Identity Center


def test_instances_of_all_pages_are_found(script):
    pages = [
        {"instances": [{"instance_id": "i1", "identity_store_id": "d1"}], "page_info": {"next_marker": "m/1", "current_count": 1}},
        {"instances": [{"instance_id": "i2", "identity_store_id": "d2", "alias": "b"}], "page_info": {"next_marker": None}},
    ]
    server = script(*[(200, page) for page in pages])
    assert [instance.instance_id for instance in IdentityCenter(server.session()).instances()] == ["i1", "i2"]
    assert [path for _method, path, _headers, _body in server.requests] == [
        "/v1/instances?limit=100",
        "/v1/instances?limit=100&marker=m%2F1",
    ]


@pytest.mark.parametrize("document", [{}, {"instances": None}, {"instances": [{}]}, {"instances": [{"instance_id": "i"}]}, [], None])
def test_instances_of_another_form_are_an_error(script, document):
    with pytest.raises(CloudError):
        IdentityCenter(script((200, document)).session()).instances()


def test_account_without_a_name_has_none(script):
    assert script((200, {"domains": [{"id": "d1", "name": None}]})).iam().own_domains() == [("d1", "")]


@pytest.mark.parametrize("document", [{}, [], None, {"sso_configuration": []}, {"sso_configuration": "x"}])
def test_sso_configuration_of_another_form_is_an_error_since_it_would_be_overwritten(script, document):
    with pytest.raises(CloudError):
        IdentityCenter(script((200, document)).session()).sso_configuration("i1")


def test_management_settings_without_a_permission_are_an_error(script):
    with pytest.raises(CloudError):
        IdentityCenter(script((200, {"identity_store_id": "d1"})).session()).mfa_management("i1")


BINDS = [lambda iam: iam.bind_device("u1", "s1", lambda: ("1", "2")), lambda iam: iam.enable_device_v5("u1", "s1", lambda: ("1", "2"))]


@pytest.mark.parametrize("bind", BINDS)
@pytest.mark.parametrize("content", [{"error_code": "IAM.0003", "error_msg": "denied"}, {"status": "ok"}, ["x"], "done"])
def test_content_in_the_answer_to_a_bind_is_no_promise_of_a_binding(script, bind, content):
    with pytest.raises(CloudError, match="whether the device is bound is not known") as caught:
        bind(script((200, content)).iam())
    assert caught.value.uncertain


@pytest.mark.parametrize("bind", BINDS)
@pytest.mark.parametrize("answer", [(204, b""), (200, b""), (200, {}), (200, b"null")])
def test_empty_answer_to_a_bind_is_one(script, bind, answer):
    assert bind(script(answer).iam()) is None


@pytest.mark.parametrize("answer", [(200, b""), (201, {}), (204, b"")])
def test_protection_that_is_not_echoed_is_looked_at(script, answer):
    server = script(answer, (200, {"login_protect": {"user_id": "u1", "enabled": True, "verification_method": "vmfa"}}))
    assert server.iam().protect("u1", True, "vmfa") == Protection("u1", True, "vmfa")
    assert [method for method, _path, _headers, _body in server.requests] == ["PUT", "GET"]


def test_failure_to_look_at_protection_that_is_not_echoed_is_no_refusal_of_it(script):
    server = script((204, b""), (403, {"error": {"code": "IAM.0003", "message": "no"}}))
    with pytest.raises(CloudError) as caught:
        server.iam().protect("u1", True, "vmfa")
    assert caught.value.uncertain


@pytest.mark.parametrize("nothing", [None, {}])
def test_device_that_is_null_is_none(script, nothing):
    assert script((200, {"virtual_mfa_device": nothing})).iam().device_of("u1") is None


@pytest.mark.parametrize("ask", [lambda iam: iam.device_of("u1"), lambda iam: iam.protection_of("u1")])
@pytest.mark.parametrize("page", [b"<html>Not Found</html>", b"{}", b"[]", b"gone"])
def test_page_in_the_clouds_place_is_not_taken_for_nothing_there(script, ask, page):
    with pytest.raises(CloudError, match="not an error of the cloud's API"):
        ask(script((404, page, {"Content-Type": "text/html"})).iam())


UNPUBLISHED = (404, {"error_code": "APIGW.0101", "error_msg": "The API does not exist or has not been published in the environment"})
NO_WORD = [
    (404, b""),
    (404, {"error": {"code": 404, "message": "The resource could not be found."}}),
    (404, {"message": "no Route matched"}),
]


@pytest.mark.parametrize(
    "ask",
    [
        lambda iam: iam.device_of("u1"),
        lambda iam: iam.protection_of("u1"),
        lambda iam: list(iam.devices_v5("u1")),
        lambda iam: iam.has_login_profile("u1"),
    ],
)
def test_gateways_404_is_not_taken_for_nothing_there(script, ask):
    with pytest.raises(CloudError, match=r"APIGW\.0101"):
        ask(script(UNPUBLISHED).iam())


@pytest.mark.parametrize("answer", NO_WORD)
def test_404_without_a_code_counts_where_the_listing_says_the_same(script, answer):
    devices = (200, {"virtual_mfa_devices": [{"serial_number": "s2", "user_id": "u2"}]})
    assert script(answer, devices).iam().device_of("u1") is None
    assert script(answer, devices).iam().device_of("u2").serial_number == "s2"
    protections = (200, {"login_protects": [{"user_id": "u2", "enabled": True, "verification_method": "vmfa"}]})
    assert not script(answer, protections).iam().protection_of("u1").enabled
    assert script(answer, protections).iam().protection_of("u2").enabled


@pytest.mark.parametrize("answer", NO_WORD)
@pytest.mark.parametrize("listing", [None, (403, {"error_code": "IAM.0003", "error_msg": "no"}), UNPUBLISHED])
def test_404_without_a_code_is_an_error_where_nothing_else_tells(script, answer, listing):
    """A gateway that has no code of its own says 404 of every call."""
    for ask in (lambda iam: iam.device_of("u1"), lambda iam: iam.protection_of("u1"), lambda iam: list(iam.devices_v5("u1"))):
        with pytest.raises(CloudError):
            ask(script(answer, listing or answer).iam())


# Answers that no cloud would give

ODD_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=6)
    | st.sampled_from(["http://[", "?marker=a", "u1"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("users", "links", "next", "id", "name", "enabled", "user_id", "user_name", "mfa_devices", "serial_number", "domains"),
                    *(
                        "page_info",
                        "next_marker",
                        "virtual_mfa_device",
                        "virtual_mfa_devices",
                        "base32_string_seed",
                        "login_protect",
                        "token",
                    ),
                    *("login_protects", "verification_method", "user", "credential", "instances", "instance_id", "identity_store_id"),
                    *("sso_configuration", "user_permission", "allowed_mfa_types", "alias"),
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)
CALLS = {
    "users": lambda iam: iam.users(),
    "users_v5": lambda iam: iam.users_v5(),
    "devices": lambda iam: iam.devices(),
    "devices_v5": lambda iam: list(iam.devices_v5()),
    "device_of": lambda iam: iam.device_of("u1"),
    "protections": lambda iam: iam.protections(),
    "protection_of": lambda iam: iam.protection_of("u1"),
    "protect": lambda iam: iam.protect("u1", True, "vmfa"),
    "own_domains": lambda iam: iam.own_domains(),
    "token_user": lambda iam: iam.token_user("T"),
    "access_key_user": lambda iam: iam.access_key_user("AK"),
    "create_device": lambda iam: iam.create_device("u1", "n"),
    "create_device_v5": lambda iam: iam.create_device_v5("u1", "n"),
    "instances": lambda iam: IdentityCenter(iam.session).instances(),
    "mfa_management": lambda iam: IdentityCenter(iam.session).mfa_management("i1"),
    "sso_configuration": lambda iam: IdentityCenter(iam.session).sso_configuration("i1"),
}


@settings(max_examples=100)
@given(st.data())
def test_answer_of_any_form_is_understood_or_an_error_and_never_read_forever(odd_server, data):
    name = data.draw(st.sampled_from(sorted(CALLS)))
    key = {"users_v5": "users", "devices": "virtual_mfa_devices", "devices_v5": "mfa_devices", "own_domains": "domains"}.get(name, name)
    body = data.draw(
        ODD_VALUES | st.fixed_dictionaries({key: st.lists(ODD_VALUES, max_size=3), "links": ODD_VALUES, "page_info": ODD_VALUES})
    )
    odd_server.answers[0] = (200, body)
    before = len(odd_server.requests)
    try:
        CALLS[name](odd_server.iam())
    except (CloudError, OptionError) as error:
        assert str(error)
    assert len(odd_server.requests) - before <= 3


@pytest.fixture(scope="module")
def odd_server():
    answers = [(200, {})]
    server = Script(answers)
    server.answers = answers
    yield server
    server.stop()


# Listings that do not end

WITHOUT_END = {
    "GET /v3/users": (Iam.users, "users", {"id": "u{0}"}),
    "GET /v3/groups": (lambda iam: iam.groups("admin"), "groups", {"id": "g{0}", "name": "admin"}),
    "GET /v3/groups/g1/users": (lambda iam: iam.group_users("g1"), "users", {"id": "u{0}"}),
    "GET /v5/users": (Iam.users_v5, "users", {"user_id": "u{0}"}),
    "GET /v5/mfa-devices": (
        lambda iam: [device for page in iam.devices_v5() for device in page],
        "mfa_devices",
        {"user_id": "u{0}", "serial_number": "s", "enabled": True},
    ),
    "GET /v1/instances": (
        lambda iam: IdentityCenter(iam.session).instances(),
        "instances",
        {"instance_id": "i{0}", "identity_store_id": "d"},
    ),
}


def pages(key, entry, markers):
    """Answers with an entry each (or none), which lead to the page of their marker."""
    answers = []
    for number, marker in enumerate(markers):
        listed = [] if entry is None else [{name: value.format(number) if name != "enabled" else value for name, value in entry.items()}]
        link = marker if marker is None or not isinstance(marker, str) else f"http://x/?marker={marker}"
        answers.append((200, {key: listed, "links": {"next": link}, "page_info": {"next_marker": marker}}, {"X-Request-Id": "r1"}))
    return answers


def broken(ask, server, call):
    with pytest.raises(CloudError, match="the listing is broken") as caught:
        ask(server.iam())
    assert caught.value.call == call
    assert (caught.value.status, caught.value.request_id) == (200, "r1")
    assert not caught.value.uncertain
    return str(caught.value)


@pytest.mark.parametrize("call", WITHOUT_END)
@pytest.mark.parametrize(("markers", "asked"), [("mm", 2), ("abab", 3), ("abcb", 4)])
def test_listing_that_leads_in_a_circle_is_broken_and_not_complete(script, call, markers, asked):
    ask, key, entry = WITHOUT_END[call]
    for shown in (entry, None):
        server = script(*pages(key, shown, markers))
        assert "repeat themselves" in broken(ask, server, call)
        assert len(server.requests) == asked


@pytest.mark.parametrize("call", WITHOUT_END)
def test_listing_that_gives_one_page_again_and_again_is_broken(script, call):
    ask, key, entry = WITHOUT_END[call]
    server = script(*[answer for marker in "abc" for answer in pages(key, entry, marker)])
    assert "repeat themselves" in broken(ask, server, call)
    assert len(server.requests) == 2


@pytest.mark.parametrize("call", WITHOUT_END)
def test_listing_without_end_is_broken(script, monkeypatch, call):
    monkeypatch.setattr(listing, "MOST_PAGES", 10)
    ask, key, entry = WITHOUT_END[call]
    server = script(*pages(key, entry, [f"m{number}" for number in range(20)]))
    assert "more than 10 pages" in broken(ask, server, call)
    assert len(server.requests) == 10
    # As many as are allowed.
    server = script(*pages(key, entry, [*(f"m{number}" for number in range(9)), None]))
    assert len(ask(server.iam())) == 10


@pytest.mark.parametrize("call", WITHOUT_END)
def test_listing_of_empty_pages_without_end_is_broken(script, monkeypatch, call):
    monkeypatch.setattr(listing, "MOST_EMPTY_PAGES", 5)
    ask, key, entry = WITHOUT_END[call]
    server = script(*pages(key, None, [f"m{number}" for number in range(20)]))
    assert "5 pages in a row are empty" in broken(ask, server, call)
    assert len(server.requests) == 6
    # A few empty pages are allowed.
    empty, full = pages(key, None, [f"m{number}" for number in range(5)]), pages(key, entry, [*"abc", None])
    assert len(ask(script(*empty, full[0], *pages(key, None, [f"n{number}" for number in range(5)]), *full[1:]).iam())) == 4


@pytest.mark.parametrize("call", WITHOUT_END)
@pytest.mark.parametrize("marker", [7, 0, False, ["m"], [], {}, {"a": "b"}])
def test_listing_whose_marker_is_no_text_is_broken(script, call, marker):
    ask, key, entry = WITHOUT_END[call]
    assert "no text" in broken(ask, script(*pages(key, entry, [marker])), call)


@pytest.mark.parametrize("call", WITHOUT_END)
def test_listing_ends_where_nothing_follows(script, call):
    ask, key, entry = WITHOUT_END[call]
    for more in (
        {},
        {"links": None, "page_info": None},
        {"links": {}, "page_info": {}},
        {"links": {"next": ""}, "page_info": {"next_marker": ""}},
    ):
        assert len(ask(script((200, {key: [entry], **more})).iam())) == 1


def test_error_of_a_listing_names_its_call(script):
    with pytest.raises(CloudError, match=r"^GET /v5/users: the answer's list users has another form") as caught:
        script((200, {"users": [{}]}, {"X-Request-Id": "r1"})).iam().users_v5()
    assert (caught.value.status, caught.value.request_id) == (200, "r1")
    with pytest.raises(CloudError, match=r"^GET /v3/users: the answer has no field users"):
        script((200, {})).iam().users()


@pytest.mark.parametrize("fault", ["loop", "endless", "endless=0"])
def test_account_whose_listing_does_not_end_is_not_taken_for_a_smaller_one(start, fault):
    cloud = start(users=25, page_size=7)
    for route, ask in (("users", Iam.users), ("v5-users", Iam.users_v5), ("v5-list", lambda iam: list(iam.devices_v5()))):
        cloud.handle.fault(f"{fault}:{route}")
        with pytest.raises(CloudError, match="the listing is broken"):
            ask(admin_iam(cloud))
        assert len(cloud.log) < 500


@pytest.mark.parametrize("link", ["http://[", "//[::1", "?", "#?a=b", "?marker=\ud83d"])
def test_link_to_the_next_page_that_is_no_address_is_an_error(script, link):
    page = {"users": [{"id": "u1", "name": "a"}], "links": {"next": link}}
    with pytest.raises((CloudError, OptionError), match=r"the listing is broken|no character"):
        script((200, page)).iam().users()


@pytest.mark.parametrize("method", ["SMS", "sms", "Sms"])
def test_method_is_the_same_in_capitals(script, method):
    answer = {"user_id": "u1", "enabled": True, "verification_method": method}
    assert script((200, {"login_protect": answer})).iam().protection_of("u1") == Protection("u1", True, "sms")
    assert script((200, {"login_protects": [answer]})).iam().protections() == [Protection("u1", True, "sms")]


def test_filters_of_the_listing_are_what_the_api_documents(script):
    server = script((200, {"users": [], "links": {"next": None}}))
    server.iam().users(enabled=False, name="ä b")
    assert [path for _method, path, _headers, _body in server.requests] == ["/v3/users?enabled=false&name=%C3%A4%20b"]
