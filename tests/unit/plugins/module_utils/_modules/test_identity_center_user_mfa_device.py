# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError, OptionError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.identity_store import IdentityStore, PersonDevice
from ansible_collections.hwc.mfa.plugins.module_utils._modules.identity_center_user_mfa_device import DEVICE, choose
from ansible_collections.hwc.mfa.tests.simulator.people import give_device
from ansible_collections.hwc.mfa.tests.unit.rehearsal import Script

ADA, ALAN = "ada.lovelace", "alan.turing"
PHONE = PersonDevice("m-1", "MFA-1", "Phone", "TOTP", None)
KEY = PersonDevice("m-2", "MFA-2", None, "WEBAUTHN", None)


def person(cloud, name=ADA):
    return next(person for person in cloud.cloud.accounts[0].center.people if person.user_name == name)


def run(cloud, **options):
    whom = {} if "user_id" in options else {"user_name": ADA}
    return cloud.run(DEVICE, **{**whom, **options})


# Which device


def test_device_is_the_named_one_or_the_only_one():
    assert choose([PHONE], None) is choose([PHONE, KEY], "m-1") is PHONE
    assert choose([], None) is choose([PHONE], "m-9") is None


def test_several_devices_are_listed_for_the_choice():
    with pytest.raises(OptionError, match=r"^device_id is needed: the user has m-1 \(Phone, TOTP\), m-2 \(MFA-2, WEBAUTHN\)\.$"):
        choose([PHONE, KEY], None)


# Rename


def test_device_is_renamed_once(cloud):
    first = run(cloud, display_name="Work phone", diff=True)
    assert first["changed"] is True
    assert first["devices"][0]["display_name"] == "Work phone" == person(cloud).devices[0].display_name
    assert first["diff"]["before"]["devices"][0]["display_name"] == "Phone"
    assert first["diff"]["after"] == {"devices": first["devices"]}
    cloud.handle.clear_log()
    again = run(cloud, display_name="Work phone")
    assert again["changed"] is False
    assert "ic-device-rename" not in cloud.routes()


def test_check_mode_renames_nothing_and_says_what_it_would(cloud):
    checked = run(cloud, display_name="Work phone", check_mode=True, diff=True)
    assert person(cloud).devices[0].display_name == "Phone"
    assert checked == run(cloud, display_name="Work phone", diff=True)


def test_nothing_to_rename_says_how_to_get_a_device(cloud):
    msg = run(cloud, user_name=ALAN, display_name="Phone")["msg"]
    assert msg == "There is nothing to rename: user alan.turing has no MFA device: state=register returns the address where they get one."
    msg = run(cloud, device_id="m-9", display_name="Phone")["msg"]
    assert "user ada.lovelace has" in msg
    assert person(cloud).devices[0].device_id in msg


@pytest.mark.parametrize("name", ["", "a\nb", "a\x1b[2Jb"])
def test_name_that_nobody_can_read_is_refused(cloud, name):
    assert run(cloud, display_name=name)["msg"].startswith("display_name must not be empty")
    assert "ic-device-rename" not in cloud.routes()


# Remove


def test_lost_phone_is_removed_once_and_the_other_device_stays(cloud):
    key = give_device(person(cloud), "Key", "WEBAUTHN")
    lost = person(cloud).devices[0].device_id
    refused = run(cloud, state="absent")
    assert "device_id is needed" in refused["msg"]
    assert len(person(cloud).devices) == 2

    checked = run(cloud, state="absent", device_id=lost, check_mode=True, diff=True)
    assert len(person(cloud).devices) == 2
    first = run(cloud, state="absent", device_id=lost, diff=True)
    assert checked == first
    assert first["changed"] is True
    assert [device["device_id"] for device in first["devices"]] == [key.device_id]
    assert person(cloud).devices == [key]
    assert "sessions_ended" not in first
    assert "ic-sessions" not in cloud.routes()

    again = run(cloud, state="absent", device_id=lost)
    assert again["changed"] is False


def test_sessions_end_after_the_device_is_gone(cloud):
    checked = run(cloud, state="absent", end_sessions=True, check_mode=True, diff=True)
    assert person(cloud).sessions
    first = run(cloud, state="absent", end_sessions=True, diff=True)
    assert checked == first
    assert first["sessions_ended"] == 1
    assert (first["diff"]["before"]["sessions"], first["diff"]["after"]["sessions"]) == (1, 0)
    assert person(cloud).sessions == []
    writes = [route for route in cloud.routes() if route in ("ic-device-delete", "ic-sessions-end")]
    assert writes == ["ic-device-delete", "ic-sessions-end"]
    again = run(cloud, state="absent", end_sessions=True)
    assert (again["changed"], again["sessions_ended"]) == (False, 0)


def test_another_run_ends_the_sessions_that_a_broken_one_left(cloud):
    cloud.handle.fault("status=400:ic-sessions-end:1")
    broken = run(cloud, state="absent", end_sessions=True)
    assert (broken["failed"], broken["changed"]) == (True, True)
    assert broken["msg"].endswith("Before that, the device was removed.")
    assert person(cloud).devices == []
    again = run(cloud, state="absent", end_sessions=True)
    assert (again["changed"], again["sessions_ended"], person(cloud).sessions) == (True, 1, [])


def test_failed_look_at_the_sessions_says_that_the_device_was_removed(cloud):
    cloud.handle.fault("forbid:ic-sessions")
    assert not run(cloud, state="absent", end_sessions=True, check_mode=True)["changed"]
    assert len(person(cloud).devices) == 1
    broken = run(cloud, state="absent", end_sessions=True)
    assert (broken["failed"], broken["changed"]) == (True, True)
    assert "lack the permission for this call. Before that, the device was removed." in broken["msg"]
    again = run(cloud, state="absent", end_sessions=True)
    assert not again["changed"] and "Before that" not in again["msg"]


@pytest.mark.parametrize("spec", ["lose:ic-device-delete:1", "cut:ic-device-delete:1", "status=409:ic-device-delete:1"])
def test_lost_answer_leads_back_to_reading(cloud, spec):
    cloud.handle.fault(spec)
    result = cloud.run(DEVICE, impatient=True, user_name=ADA, state="absent")
    assert result["changed"] is True
    assert person(cloud).devices == []


def test_device_that_the_cloud_still_shows_is_a_failure(cloud):
    cloud.handle.fault("noop:ic-device-delete")
    result = cloud.run(DEVICE, impatient=True, user_name=ADA, state="absent")
    assert "the cloud accepted the change and still shows the old device" in result["msg"]
    assert result["changed"]


# Register


def test_address_is_made_for_who_has_no_device(cloud):
    checked = run(cloud, user_name=ALAN, state="register", check_mode=True)
    assert (checked["changed"], person(cloud, ALAN).registrations) == (True, 0)
    assert "registration_url" not in checked
    result = run(cloud, user_name=ALAN, state="register")
    assert result["changed"] is True
    assert result["registration_url"].startswith("https://portal.example.com/")
    assert person(cloud, ALAN).registrations == 1
    assert DEVICE.holds_secret(result)
    assert not DEVICE.holds_secret(checked)
    assert "work_flow" not in result


def test_who_has_a_device_gets_an_address_only_where_another_is_wanted(cloud):
    result = run(cloud, state="register")
    assert (result["changed"], "registration_url" in result) == (False, False)
    assert not DEVICE.holds_secret(result)
    result = run(cloud, state="register", additional=True)
    assert (result["changed"], person(cloud).registrations) == (True, 1)


def test_third_device_is_refused_before_an_address_is_made(cloud):
    give_device(person(cloud), "Key")
    msg = run(cloud, state="register", additional=True)["msg"]
    assert msg.startswith("User ada.lovelace has 2 MFA devices already, and can have no more")
    assert "ic-device-register" not in cloud.routes()


def test_lost_address_is_no_reason_to_read_and_the_error_says_so(cloud):
    cloud.handle.fault("lose:ic-device-register")
    result = run(cloud, user_name=ALAN, state="register")
    assert result["failed"] is True
    assert result["msg"].endswith("Run again: an address that nobody got harms nobody.")
    assert person(cloud, ALAN).registrations == 1


@pytest.mark.parametrize(
    "url", [None, 5, "", "javascript:alert(1)", "http://portal.example.com/s3cret", "https://portal.example.com/s3cret\n"]
)
def test_address_of_another_form_is_an_error_that_does_not_repeat_it(url):
    script = Script([(200, {"work_flow": "s3cret", "redirect_url": url})])
    try:
        with pytest.raises(CloudError, match="no https address") as caught:
            IdentityStore(script.session(), "d-1").registration("u-1")
        assert "s3cret" not in str(caught.value)
    finally:
        script.stop()


# Whom


def test_user_is_named_by_id_too(cloud):
    ada = person(cloud)
    result = run(cloud, user_id=ada.user_id, state="absent")
    assert (result["changed"], result["user_name"]) == (True, ADA)
    assert "ic-users" not in cloud.routes()


@pytest.mark.parametrize("state", ["absent", "register"])
def test_user_whom_the_store_does_not_know_is_an_error(cloud, state):
    assert run(cloud, user_id="u-9", state=state)["error"]["code"] == "IIC.1004"
    msg = run(cloud, user_name="ada.lovelac", state=state)["msg"]
    assert msg == "user_name 'ada.lovelac' is no user of this identity store. Is 'ada.lovelace' meant?"
    assert run(cloud, user_name="", state=state)["msg"] == "user_name must not be empty."
    assert cloud.cloud.counters.center_writes == 0


def test_answer_about_somebody_else_is_an_error():
    script = Script([(200, {"user_id": "u-2", "user_name": "x"})])
    try:
        with pytest.raises(CloudError, match="does not tell the user"):
            IdentityStore(script.session(), "d-1").person("u-1")
    finally:
        script.stop()


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"state": "absent", "display_name": "x"}, "display_name has a meaning with state=present only"),
        ({"state": "register", "end_sessions": True}, "end_sessions has a meaning with state=absent only"),
        ({"state": "absent", "additional": True}, "additional has a meaning with state=register only"),
        ({"state": "register", "device_id": "m-1"}, "device_id has no meaning with state=register"),
        ({"state": "absent", "device_id": "a/b"}, "device_id 'a/b' cannot be an id"),
        ({"state": "absent", "user_id": ".."}, "user_id '..' cannot be an id"),
    ],
)
def test_options_that_mean_nothing_are_refused_before_the_cloud_is_asked(cloud, options, word):
    assert run(cloud, **options)["msg"].startswith(word)
    assert cloud.routes() == []


def test_result_without_an_address_holds_no_secret(cloud):
    assert "workflow=" not in json.dumps(run(cloud, user_name=ALAN, state="register", check_mode=True, diff=True))
