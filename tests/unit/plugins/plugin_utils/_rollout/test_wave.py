# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of a wave: what each module is given, and nothing before what it needs is certain. A scripted cloud answers and writes down."""

# Nobody changes the constants that serve as defaults here.
# pylint: disable=dangerous-default-value

from __future__ import annotations

import copy
import itertools

import pytest
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout import wave as _wave
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.planning import creating
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.protection_record import ProtectionRecord
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import Terms
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.wave import LOOKS, PAUSE, Removal, Wave
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.store import StoredSeed
from ansible_collections.hwc.mfa.tests.unit.plugins.plugin_utils._rollout.accounts import OFF, SECRET, SMS, VMFA, audit_of, own, user
from hypothesis import given, settings
from hypothesis import strategies as st

NEW = ["create", "bind", "protect"]
ENROL = Terms("enrol")
BACK = Terms("enrol", "absent")
SPENDS_CODES = {"iam_virtual_mfa_device", "iam_virtual_mfa_bind", "iam_login_protection", "iam_login_check"}


class Cloud:
    """Answers each module as a cloud would where all goes well, shows what came of it, and writes down what it was asked.

    ``wrong`` maps a module to users and what is to be different in their outcomes, or to a whole result. ``hidden`` looks do not show
    what was written yet, and of ``blind`` the look itself fails. In check mode nothing is written.
    """

    def __init__(self, *users, api="v5", check_mode=False, wrong=None, hidden=0, blind=0):
        self.users = {one["user_id"]: copy.deepcopy(one) for one in users}
        self.shown = copy.deepcopy(self.users)
        self.api, self.check_mode = api, check_mode
        self.wrong = wrong or {}
        self.hidden, self.blind = hidden, blind
        self.calls = []
        self.slept = []
        self.serials = itertools.count(1)

    def __call__(self, module, options):
        self.calls.append((module, copy.deepcopy(dict(options))))
        if module == "iam_mfa_info":
            return self.look(options["user_ids"])
        wrong = self.wrong.get(module, {})
        if "failed" in wrong:
            return wrong
        (key,) = {"devices", "bindings", "users"} & options.keys()
        outcomes = []
        for item in options[key]:
            outcome = {"user_id": item["user_id"], "failed": False, **self.answer(module, item, options)}
            outcome.update(wrong.get(item["user_id"], {}))
            outcomes.append(outcome)
        return {"changed": True, "failed": any(outcome["failed"] for outcome in outcomes), key: outcomes}

    def answer(self, module, item, options):
        one = self.users[item["user_id"]]
        works = not self.check_mode and not self.wrong.get(module, {}).get(item["user_id"], {}).get("failed")
        if module == "iam_virtual_mfa_device" and options.get("state") == "absent":
            if works:
                one["device"] = None
            return {"serial_number": item.get("serial_number"), "binding": "unbound"}
        if module == "iam_virtual_mfa_device":
            if self.check_mode:
                return {"serial_number": None, "binding": "unbound", "creation": "none"}
            serial = f"new-{next(self.serials)}"
            if works:
                one["device"] = {"serial_number": serial, "binding": "unbound" if self.api == "v5" else "unknown"}
            return {"serial_number": serial, "binding": "unbound", "creation": "made", "seed": f"seed-{serial}"}
        if module == "iam_virtual_mfa_bind":
            if works and one["device"] is not None and self.api == "v5":
                one["device"]["binding"] = "bound"
            return {"serial_number": item["serial_number"], "binding": "bound"}
        if module == "iam_login_protection":
            if works:
                one["login_protection"] = {"enabled": item["enabled"], "verification_method": item.get("verification_method", "none")}
            return {}
        return {"logged_in": True}

    def look(self, user_ids):
        if self.blind:
            self.blind -= 1
            return {"failed": True, "msg": "the cloud is gone"}
        if self.hidden:
            self.hidden -= 1
        else:
            self.shown = copy.deepcopy(self.users)
        return audit_of(*(self.shown[user_id] for user_id in user_ids if user_id in self.shown))

    # What it was asked

    def items(self, module):
        """The items of all calls of a module."""
        (key,) = {"iam_virtual_mfa_device": ["devices"], "iam_virtual_mfa_bind": ["bindings"]}.get(module, ["users"])
        return [item for name, options in self.calls if name == module for item in options[key]]

    def asked(self, module):
        """The users for whom a module was called."""
        return [item["user_id"] for item in self.items(module)]

    @property
    def modules(self):
        return [name for name, _options in self.calls]


def entry(user_id="u1", steps=NEW, **more):
    base = {
        "user_id": user_id,
        "name": f"name-{user_id}",
        "device_name": None,
        "steps": list(steps),
        "serial_number": None,
        "intended": False,
        "leftover": None,
    }
    replaced = more.get("protection", OFF) if {"create", "protect"} <= {*steps} and "unprotect" not in steps else {}
    return {**base, "unbind": True, "protection": OFF, "replaced": replaced, "restore": {}, "index": 0, **more}


def wave_over(cloud, *entries, terms=ENROL, credentials=None, **more):
    given_ones = {one["user_id"]: own() for one in entries} if credentials is None else credentials
    return Wave(cloud, entries, terms, api=cloud.api, sleep=cloud.slept.append, credentials=given_ones, check_mode=cloud.check_mode, **more)


def as_shown(seeds):
    return {user_id: [seed] for user_id, seed in seeds.items()}


def enrolled(cloud, *entries, announced=None, shown=None, stored=None, **options):
    """A wave as the role goes through it, where its store keeps everything, or shows just what is given."""
    wave = wave_over(cloud, *entries, **options)
    created = wave.create(creating(entries) if announced is None else announced)
    return created, wave.finish(created.outcomes, created.seeds, as_shown(created.seeds) if shown is None else shown, stored or {})


def came(finished, user_id="u1"):
    (outcome,) = [outcome for outcome in finished.outcomes if outcome["user_id"] == user_id]
    return outcome


def seed_for(serial="s1", **more):
    return StoredSeed(serial, f"seed-{serial}", "n", **more)


# Where all goes well


def test_wave_creates_binds_looks_protects_looks_and_then_proves():
    cloud = Cloud(user())
    created, finished = enrolled(cloud, entry(steps=[*NEW, "prove"]))
    assert cloud.modules == [
        *("iam_virtual_mfa_device", "iam_virtual_mfa_bind", "iam_mfa_info", "iam_login_protection", "iam_mfa_info", "iam_login_check")
    ]
    assert finished.outcomes == [{"user_id": "u1", "name": "name-u1", "done": [*NEW, "prove"], "failed": False, "step": None, "msg": None}]
    assert finished.line == "wave 1 of 1, 1 user, 1 created, 1 bound, 1 protected, 1 proven, 0 failed"
    assert created.changed and finished.changed
    assert cloud.slept == []


def test_modules_are_given_what_they_need_and_no_more():
    cloud = Cloud(user())
    credentials = {"u1": {"auth_password": SECRET, "auth_domain_name": "acme", "auth_token": "t"}, "u2": {"auth_password": "other"}}
    enrolled(cloud, entry(steps=[*NEW, "prove"]), credentials=credentials)
    assert cloud.calls[0] == (
        "iam_virtual_mfa_device",
        {"devices": [{"user_id": "u1", "presume_unbound": False, "replace": "own", **credentials["u1"]}]},
    )
    assert cloud.calls[1] == (
        "iam_virtual_mfa_bind",
        {"bindings": [{"user_id": "u1", "serial_number": "new-1", "seed": "seed-new-1", "presume_unbound": True, **credentials["u1"]}]},
    )
    assert cloud.calls[3] == ("iam_login_protection", {"users": [{"user_id": "u1", "enabled": True, "verification_method": "vmfa"}]})
    login = {"user_id": "u1", "seed": "seed-new-1", "auth_password": SECRET, "auth_domain_name": "acme"}
    assert cloud.calls[5] == ("iam_login_check", {"users": [login]})


def test_step_that_some_of_a_wave_take_is_sent_for_them_alone_in_one_call():
    cloud = Cloud(*(user(f"u{number}") for number in (1, 2, 3)), user("u4", binding="bound", serial="s4"))
    entries = [entry("u1"), entry("u2", NEW[:2]), entry("u3"), entry("u4", ["protect"], serial_number="s4")]
    _created, finished = enrolled(cloud, *entries)
    assert cloud.asked("iam_virtual_mfa_device") == cloud.asked("iam_virtual_mfa_bind") == ["u1", "u2", "u3"]
    assert cloud.asked("iam_login_protection") == ["u1", "u3", "u4"]
    assert [name for name in cloud.modules if name != "iam_mfa_info"] == [
        "iam_virtual_mfa_device",
        "iam_virtual_mfa_bind",
        "iam_login_protection",
    ]
    assert not any(outcome["failed"] for outcome in finished.outcomes)


def test_step_that_nobody_takes_is_not_sent():
    cloud = Cloud(user())
    _created, finished = enrolled(cloud, entry(steps=["protect"]), terms=Terms("require"))
    assert cloud.modules == ["iam_login_protection", "iam_mfa_info"]
    assert came(finished)["done"] == ["protect"]


def test_wave_for_nobody_calls_nothing_but_a_look():
    cloud = Cloud()
    _created, finished = enrolled(cloud)
    assert set(cloud.modules) <= {"iam_mfa_info"}
    assert finished.outcomes == []


def test_each_step_is_announced_to_whoever_shows_progress_with_its_users():
    cloud, begun = Cloud(user("u1"), user("u2")), []
    enrolled(cloud, entry("u1"), entry("u2", [*NEW, "prove"]), begin=lambda step, users: begun.append((step, users)))
    assert begun == [("create", 2), ("bind", 2), ("protect", 2), ("prove", 1)]


# Creating


def test_nobody_is_created_who_is_not_announced():
    cloud = Cloud(user("u1"), user("u2"), user("u3"))
    created, finished = enrolled(cloud, entry("u1"), entry("u2"), entry("u3"), announced=["u2", "u9"])
    assert cloud.asked("iam_virtual_mfa_device") == cloud.asked("iam_virtual_mfa_bind") == cloud.asked("iam_login_protection") == ["u2"]
    assert set(created.seeds) == {"u2"}
    for user_id in ("u1", "u3"):
        assert (came(finished, user_id)["step"], came(finished, user_id)["done"]) == ("create", [])
        assert "the store has no announcement of this device, so it was not created" in came(finished, user_id)["msg"]
    assert not came(finished, "u2")["failed"]
    assert finished.stops


@pytest.mark.parametrize("announced", [[], {}, set()])
def test_without_any_announcement_no_module_is_called(announced):
    cloud = Cloud(user())
    created = wave_over(cloud, entry()).create(announced)
    assert (cloud.calls, created.seeds, created.withdrawn, created.changed) == ([], {}, [], False)


def test_everybody_who_is_created_is_to_be_announced_and_nobody_else():
    entries = [entry("u1"), entry("u2", ["bind", "protect"], serial_number="s2"), entry("u3", intended=True), entry("u4", ["protect"])]
    assert creating(entries) == ["u1", "u3"]


def test_seeds_are_given_once_and_are_in_no_outcome():
    cloud = Cloud(user("u1"), user("u2"))
    created, finished = enrolled(cloud, entry("u1"), entry("u2"))
    assert created.seeds == {
        "u1": StoredSeed("new-1", "seed-new-1", "name-u1", before=OFF),
        "u2": StoredSeed("new-2", "seed-new-2", "name-u2", before=OFF),
    }
    for told in (created.outcomes, finished.outcomes, finished.line, repr(created), repr(finished)):
        assert "seed-new" not in str(told)


@pytest.mark.parametrize(
    ("outcome", "withdrawn"),
    [
        ({"failed": True, "msg": "no", "creation": "none", "seed": None}, True),
        ({"failed": True, "msg": "no", "creation": "unknown", "seed": None}, False),
        ({"failed": True, "msg": "no", "creation": "made", "seed": None}, False),
        ({"failed": True, "msg": "no", "creation": None, "seed": None}, False),
        ({"failed": False, "creation": "none", "seed": None}, True),
        ({"failed": False, "creation": "made"}, False),
        # What has a seed was made, whatever else is said.
        ({"failed": True, "msg": "no", "creation": "none"}, False),
    ],
)
def test_announcement_is_withdrawn_only_where_certainly_nothing_was_made(outcome, withdrawn):
    cloud = Cloud(user("u1"), user("u2"), wrong={"iam_virtual_mfa_device": {"u1": outcome}})
    created = wave_over(cloud, entry("u1"), entry("u2")).create(["u1", "u2"])
    assert created.withdrawn == (["u1"] if withdrawn else [])


@pytest.mark.parametrize("result", [{"failed": True, "msg": "the cloud is gone"}, {"failed": False}, {"failed": True, "devices": []}])
def test_nothing_is_withdrawn_where_the_call_gave_no_outcome(result):
    cloud = Cloud(user(), wrong={"iam_virtual_mfa_device": result})
    created = wave_over(cloud, entry()).create(["u1"])
    assert (created.withdrawn, created.outcomes["u1"]["failed"]) == ([], True)
    assert created.outcomes["u1"]["msg"] in ("the cloud is gone", "iam_virtual_mfa_device gave no outcome of this user")


def test_announcement_of_a_leftover_stays_while_the_leftover_does():
    refused = {"failed": True, "msg": "no", "creation": "none", "seed": None}
    cloud = Cloud(user(binding="unknown"), wrong={"iam_virtual_mfa_device": {"u1": refused}})
    created = wave_over(cloud, entry(intended=True, leftover="old")).create(["u1"])
    assert created.withdrawn == []
    (item,) = cloud.items("iam_virtual_mfa_device")
    assert (item["presume_unbound"], item["serial_number"]) == (True, "old")


def test_what_the_user_has_made_since_the_plan_is_not_taken_for_the_leftover_that_was_announced():
    cloud = Cloud(user())
    wave_over(cloud, entry(intended=True)).create(["u1"])
    (item,) = cloud.items("iam_virtual_mfa_device")
    assert item["presume_unbound"] is False and "serial_number" not in item


def test_user_who_was_not_announced_has_nothing_to_withdraw():
    cloud = Cloud(user())
    assert wave_over(cloud, entry()).create([]).withdrawn == []


def test_device_that_has_appeared_since_the_plan_is_left_alone():
    cloud = Cloud(user(), wrong={"iam_virtual_mfa_device": {"u1": {"creation": "none", "seed": None, "serial_number": "own"}}})
    created, finished = enrolled(cloud, entry())
    assert created.seeds == {}
    assert (came(finished)["step"], came(finished)["msg"]) == (
        "create",
        "a device of this user has appeared meanwhile, so none was created: run again",
    )
    assert cloud.asked("iam_virtual_mfa_bind") == cloud.asked("iam_login_protection") == []


@pytest.mark.parametrize(("replace_unbound", "word"), [(True, "unbound"), (False, "own")])
def test_devices_that_no_rollout_made_are_replaced_only_if_that_was_asked_for(replace_unbound, word):
    cloud = Cloud(user())
    enrolled(cloud, entry(), terms=Terms("enrol", replace_unbound=replace_unbound))
    assert cloud.items("iam_virtual_mfa_device")[0]["replace"] == word


def test_name_of_a_device_is_never_that_of_an_earlier_one():
    names = set()
    for _run in range(5):
        cloud = Cloud(user())
        enrolled(cloud, entry(device_name="phone"))
        names.add(cloud.items("iam_virtual_mfa_device")[0]["name"])
    assert len(names) == 5 and all(name.startswith("phone-") for name in names)


@pytest.mark.parametrize(
    ("steps", "protection", "before"),
    [
        (NEW, OFF, OFF),
        (NEW, SMS, SMS),
        # What the rollout does not set it need not take back.
        (NEW[:2], OFF, None),
        (NEW, {**SMS, "since": 5}, SMS),
        (NEW, {}, None),
    ],
)
def test_new_seed_keeps_the_protection_that_the_rollout_is_about_to_replace(steps, protection, before):
    cloud = Cloud(user())
    created, _finished = enrolled(cloud, entry(steps=steps, protection=protection))
    assert created.seeds["u1"].before == before


# Binding


@pytest.mark.parametrize(
    "shown",
    [
        {},
        {"u1": []},
        {"u1": [StoredSeed("old", "seed-new-1", "n")]},
        {"u1": [StoredSeed("new-1", "old", "n")]},
        {"u2": [StoredSeed("new-1", "seed-new-1", "n")]},
    ],
)
def test_nobody_is_bound_whose_seed_the_store_has_not_shown(shown):
    cloud = Cloud(user())
    created, finished = enrolled(cloud, entry(), shown=shown)
    assert cloud.asked("iam_virtual_mfa_bind") == cloud.asked("iam_login_protection") == []
    assert (came(finished)["step"], came(finished)["done"]) == ("store", ["create"])
    assert "the store does not show it, so the device was not bound" in came(finished)["msg"]
    assert finished.stops
    assert created.withdrawn == []


@pytest.mark.parametrize("name", ["name-u1", "", "another"])
def test_seed_that_the_store_shows_beside_earlier_ones_is_bound(name):
    cloud = Cloud(user())
    newest = StoredSeed("new-1", "seed-new-1", name)
    for shown in ([newest], [newest, seed_for("old")], [seed_for("later"), newest]):
        cloud = Cloud(user())
        _created, finished = enrolled(cloud, entry(), shown={"u1": shown})
        assert not came(finished)["failed"]


def test_what_the_store_showed_before_the_wave_is_not_taken_for_the_new_seed():
    cloud = Cloud(user())
    _created, finished = enrolled(cloud, entry(), shown={}, stored={"u1": [seed_for("new-1")]})
    assert cloud.asked("iam_virtual_mfa_bind") == []
    assert finished.stops


def test_one_user_whose_seed_is_not_stored_keeps_nobody_else_back_in_the_wave():
    cloud = Cloud(user("u1"), user("u2"))
    wave = wave_over(cloud, entry("u1"), entry("u2"))
    created = wave.create(["u1", "u2"])
    finished = wave.finish(created.outcomes, created.seeds, as_shown({"u2": created.seeds["u2"]}), {})
    assert cloud.asked("iam_virtual_mfa_bind") == ["u2"]
    assert (came(finished, "u1")["step"], came(finished, "u2")["failed"]) == ("store", False)


def test_failed_creation_is_neither_bound_nor_protected():
    cloud = Cloud(user("u1"), user("u2"), wrong={"iam_virtual_mfa_device": {"u1": {"failed": True, "msg": "no", "seed": None}}})
    _created, finished = enrolled(cloud, entry("u1"), entry("u2"))
    assert cloud.asked("iam_virtual_mfa_bind") == cloud.asked("iam_login_protection") == ["u2"]
    assert (came(finished)["step"], came(finished)["msg"]) == ("create", "no")


@pytest.mark.parametrize("created", [{}, {"u1": {"failed": False}}])
def test_finish_without_what_the_creation_gave_binds_nobody(created):
    cloud = Cloud(user(binding="unbound", serial="s1"))
    finished = wave_over(cloud, entry()).finish(created, {}, {"u1": [seed_for()]}, {"u1": [seed_for()]})
    assert cloud.asked("iam_virtual_mfa_bind") == cloud.asked("iam_login_protection") == []
    assert came(finished)["failed"]


BINDING = entry(steps=["bind", "protect"], serial_number="s1")


def test_device_of_an_earlier_run_is_bound_with_the_stored_seed_of_its_serial():
    cloud = Cloud(user(binding="unbound", serial="s1"))
    earlier = {"u1": [seed_for("later"), seed_for("s1")]}
    _created, finished = enrolled(cloud, BINDING, stored=earlier)
    (item,) = cloud.items("iam_virtual_mfa_bind")
    assert (item["serial_number"], item["seed"], item["presume_unbound"]) == ("s1", "seed-s1", False)
    assert came(finished)["done"] == ["bind", "protect"]


def test_device_of_an_earlier_run_is_bound_with_the_seed_that_is_stored_under_the_serial_of_the_other_api():
    of_v3, of_v5 = "iam:d1:mfa/x", "iam::d1:mfa:x"
    cloud = Cloud(user(binding="unbound", serial=of_v3))
    enrolled(cloud, entry(steps=["bind", "protect"], serial_number=of_v3), stored={"u1": [seed_for("later"), seed_for(of_v5)]})
    (item,) = cloud.items("iam_virtual_mfa_bind")
    assert item["seed"] == f"seed-{of_v5}"


@pytest.mark.parametrize("stored", [{}, {"u1": [seed_for("other")]}, {"u2": [seed_for("s1")]}])
def test_device_of_an_earlier_run_is_not_bound_without_its_stored_seed(stored):
    cloud = Cloud(user(binding="unbound", serial="s1"))
    _created, finished = enrolled(cloud, BINDING, shown={"u1": [seed_for("s1")]}, stored=stored)
    assert cloud.asked("iam_virtual_mfa_bind") == cloud.asked("iam_login_protection") == []
    assert (came(finished)["step"], came(finished)["msg"]) == ("bind", "the store does not show its seed")


# Protecting


@pytest.mark.parametrize("api", ["v3", "v5"])
@pytest.mark.parametrize(
    "bound",
    [
        {"failed": True, "msg": "no", "binding": "bound"},
        {"failed": False, "binding": "unknown"},
        {"failed": False, "binding": "unbound"},
        {"failed": True, "msg": "no", "binding": None},
    ],
)
def test_nobody_is_protected_whose_binding_was_not_answered(api, bound):
    cloud = Cloud(user(), api=api, wrong={"iam_virtual_mfa_bind": {"u1": bound}})
    _created, finished = enrolled(cloud, entry())
    assert cloud.asked("iam_login_protection") == []
    assert came(finished)["step"] == ("bind" if bound["failed"] else "protect")


@pytest.mark.parametrize("result", [{"failed": True, "msg": "the cloud is gone"}, {"failed": False}])
@pytest.mark.parametrize("api", ["v3", "v5"])
def test_nobody_is_protected_where_the_binding_of_all_failed(api, result):
    cloud = Cloud(user("u1"), user("u2"), api=api, wrong={"iam_virtual_mfa_bind": result})
    _created, finished = enrolled(cloud, entry("u1"), entry("u2"))
    assert cloud.asked("iam_login_protection") == []
    assert [outcome["step"] for outcome in finished.outcomes] == ["bind", "bind"]
    assert came(finished)["msg"] in ("the cloud is gone", "iam_virtual_mfa_bind gave no outcome of this user")


class Forgetful(Cloud):
    """Answers that a device is bound and shows another state of it."""

    def __init__(self, *users, device, **options):
        super().__init__(*users, **options)
        self.device = device

    def answer(self, module, item, options):
        answered = super().answer(module, item, options)
        if module == "iam_virtual_mfa_bind":
            self.users[item["user_id"]]["device"] = self.device
        return answered


@pytest.mark.parametrize(
    ("device", "protected"),
    [
        ({"serial_number": "new-1", "binding": "bound"}, True),
        ({"serial_number": "new-1", "binding": "unbound"}, False),
        ({"serial_number": "new-1", "binding": "unknown"}, False),
        ({"serial_number": "other", "binding": "bound"}, False),
        (None, False),
    ],
)
def test_nobody_is_protected_whose_device_the_cloud_does_not_show_as_bound(device, protected):
    cloud = Forgetful(user(), device=device)
    _created, finished = enrolled(cloud, entry())
    assert cloud.asked("iam_login_protection") == (["u1"] if protected else [])
    if not protected:
        assert (came(finished)["step"], came(finished)["msg"]) == ("protect", "the cloud does not show the device as bound")


@pytest.mark.parametrize(("device", "failed"), [({"serial_number": "new-1", "binding": "unknown"}, False), (None, True)])
def test_cloud_that_cannot_tell_is_believed_its_answer_and_verified_by_the_serial(device, failed):
    cloud = Forgetful(user(), device=device, api="v3")
    _created, finished = enrolled(cloud, entry())
    assert cloud.asked("iam_login_protection") == ["u1"]
    assert came(finished)["step"] == ("verify" if failed else None)


def test_nobody_is_protected_where_nobody_could_look():
    cloud = Cloud(user(), blind=1000)
    _created, finished = enrolled(cloud, entry())
    assert cloud.asked("iam_login_protection") == []
    assert came(finished)["failed"]
    assert cloud.slept == [PAUSE] * (LOOKS - 1) * 2


def test_cloud_that_shows_a_binding_late_is_waited_for():
    cloud = Cloud(user("u1"), user("u2"), hidden=3)
    _created, finished = enrolled(cloud, entry("u1"), entry("u2"))
    assert cloud.slept == [PAUSE] * 3
    assert not any(outcome["failed"] for outcome in finished.outcomes)


def test_look_that_fails_now_and_then_is_taken_again():
    cloud = Cloud(user(), blind=3)
    _created, finished = enrolled(cloud, entry())
    assert not came(finished)["failed"]


def test_cloud_that_never_shows_a_binding_is_waited_for_some_seconds_only():
    cloud = Cloud(user(), hidden=1000)
    _created, finished = enrolled(cloud, entry())
    assert cloud.slept[: LOOKS - 1] == [PAUSE] * (LOOKS - 1)
    assert len(cloud.slept) <= 2 * (LOOKS - 1)
    assert came(finished)["step"] == "protect"


PROTECTING = entry(steps=["protect"], serial_number="s1")


@pytest.mark.parametrize("api", ["v3", "v5"])
@pytest.mark.parametrize(
    ("shown", "on_v5", "on_v3"),
    [
        (user(binding="bound", serial="s1"), True, True),
        (user(binding="unknown", serial="s1"), False, True),
        (user(binding="bound", serial="other"), False, False),
        (user(), False, False),
    ],
)
def test_device_that_was_bound_when_the_wave_was_planned_is_looked_at_again_before_protection(api, shown, on_v5, on_v3):
    cloud = Cloud(shown, api=api)
    _created, finished = enrolled(cloud, PROTECTING, stored={"u1": [seed_for(bound=True)]})
    protected = {"v3": on_v3, "v5": on_v5}[api]
    assert cloud.asked("iam_login_protection") == (["u1"] if protected else [])
    assert came(finished)["failed"] is not protected


@pytest.mark.parametrize("api", ["v3", "v5"])
def test_strategy_that_requires_protects_without_looking_for_devices(api):
    cloud = Cloud(user("u1"), user("u2", binding="unbound"), api=api)
    _created, finished = enrolled(
        cloud, entry("u1", ["protect"]), entry("u2", ["protect"], serial_number="serial-u2"), terms=Terms("require")
    )
    assert cloud.asked("iam_login_protection") == ["u1", "u2"]
    assert not any(outcome["failed"] for outcome in finished.outcomes)


@pytest.mark.parametrize("api", ["v3", "v5"])
def test_strategy_that_requires_takes_no_device_for_bound(api):
    # The store may know a device that nobody has bound yet. To require a code does not bind it.
    cloud = Cloud(user(binding="unbound" if api == "v5" else "unknown", serial="s1"), api=api)
    _created, finished = enrolled(cloud, PROTECTING, stored={"u1": [seed_for()]}, terms=Terms("require"))
    assert finished.certain == {}


# Verifying


def test_protection_that_the_cloud_does_not_show_has_failed():
    cloud = Cloud(user())
    wave = wave_over(cloud, entry())
    created = wave.create(["u1"])
    answer = cloud.answer
    cloud.answer = lambda module, item, options: {} if module == "iam_login_protection" else answer(module, item, options)
    finished = wave.finish(created.outcomes, created.seeds, as_shown(created.seeds), {})
    assert (came(finished)["step"], came(finished)["msg"], came(finished)["done"]) == ("verify", "login protection is not on", NEW)
    assert cloud.slept == [PAUSE] * (LOOKS - 1)


def test_nobody_waits_for_what_has_failed_already():
    cloud = Cloud(user(), wrong={"iam_login_protection": {"u1": {"failed": True, "msg": "no"}}})
    _created, finished = enrolled(cloud, entry())
    assert (came(finished)["step"], came(finished)["msg"]) == ("protect", "no")
    assert cloud.slept == []


def test_look_that_fails_at_the_end_is_told_to_whom_nothing_else_happened():
    cloud = Cloud(user("u1"), user("u2"), wrong={"iam_login_protection": {"u2": {"failed": True, "msg": "no"}}})
    wave = wave_over(cloud, entry("u1"), entry("u2"))
    created = wave.create(["u1", "u2"])
    look = cloud.look
    cloud.look = lambda ids: {"msg": "the cloud is gone"} if "iam_login_protection" in cloud.modules else look(ids)
    finished = wave.finish(created.outcomes, created.seeds, as_shown(created.seeds), {})
    assert [(outcome["step"], outcome["msg"]) for outcome in finished.outcomes] == [("verify", "the cloud is gone"), ("protect", "no")]
    assert "name-u1: verify: the cloud is gone" in finished.line


# Proving


def test_login_is_proven_only_after_all_else_has_succeeded_for_a_user():
    names = ("u1", "u2", "u3", "u4", "u5")
    wrong = {
        "iam_virtual_mfa_device": {"u1": {"failed": True, "msg": "no", "seed": None}},
        "iam_virtual_mfa_bind": {"u2": {"failed": True, "msg": "no"}},
        "iam_login_protection": {"u3": {"failed": True, "msg": "no"}},
    }
    cloud = Cloud(*(user(name) for name in names), wrong=wrong)
    _created, finished = enrolled(cloud, *(entry(name, [*NEW, "prove"]) for name in names[:4]), entry("u5"))
    assert cloud.asked("iam_login_check") == ["u4"]
    assert cloud.modules[-1] == "iam_login_check"
    assert [outcome["step"] for outcome in finished.outcomes] == ["create", "bind", "protect", None, None]


def test_nobody_logs_in_while_the_cloud_does_not_show_what_was_done():
    cloud = Cloud(user())
    wave = wave_over(cloud, entry(steps=[*NEW, "prove"]))
    created = wave.create(["u1"])
    answer = cloud.answer
    cloud.answer = lambda module, item, options: {} if module == "iam_login_protection" else answer(module, item, options)
    finished = wave.finish(created.outcomes, created.seeds, as_shown(created.seeds), {})
    assert cloud.asked("iam_login_check") == []
    assert came(finished)["step"] == "verify"


def test_login_of_an_enrolled_user_is_proven_with_the_stored_seed_alone():
    cloud = Cloud(user(binding="bound", protection=VMFA, serial="s1"))
    proving = entry(steps=["prove"], serial_number="s1")
    _created, finished = enrolled(cloud, proving, stored={"u1": [seed_for()]})
    assert cloud.items("iam_login_check") == [{"user_id": "u1", "seed": "seed-s1", "auth_password": SECRET}]
    assert finished.certain == {"u1": seed_for(bound=True, proven=True)}
    cloud = Cloud(user(binding="bound", protection=VMFA, serial="s1"))
    _created, finished = enrolled(cloud, proving, stored={"u1": [seed_for("other")]})
    assert cloud.asked("iam_login_check") == []
    assert came(finished)["step"] == "prove"


def test_login_that_is_refused_fails_at_the_proof_and_is_recorded_nowhere():
    cloud = Cloud(user(), wrong={"iam_login_check": {"u1": {"logged_in": False, "failed": True, "msg": "refused"}}})
    _created, finished = enrolled(cloud, entry(steps=[*NEW, "prove"]))
    assert (came(finished)["step"], came(finished)["msg"], came(finished)["done"]) == ("prove", "refused", NEW)
    assert finished.certain == {}


# What has become certain


def test_login_that_was_proven_is_recorded_with_its_seed_as_bound_too():
    cloud = Cloud(user())
    _created, finished = enrolled(cloud, entry(steps=[*NEW, "prove"]))
    assert finished.certain == {"u1": StoredSeed("new-1", "seed-new-1", "name-u1", bound=True, proven=True, before=OFF)}


def test_binding_is_recorded_where_the_cloud_cannot_tell_later():
    cloud = Cloud(user("u1"), user("u2"), api="v3", wrong={"iam_virtual_mfa_bind": {"u2": {"failed": True, "msg": "no"}}})
    _created, finished = enrolled(cloud, entry("u1"), entry("u2"))
    assert finished.certain == {
        "u1": StoredSeed("new-1", "seed-new-1", "name-u1", bound=True, before=OFF),
        # No protection was set.
        "u2": StoredSeed("new-2", "seed-new-2", "name-u2"),
    }
    cloud = Cloud(user())
    assert enrolled(cloud, entry())[1].certain == {}, "v5 tells it at any time"


def test_binding_is_recorded_though_protection_fails():
    cloud = Cloud(user(), api="v3", wrong={"iam_login_protection": {"failed": True, "msg": "no"}})
    _created, finished = enrolled(cloud, entry())
    assert came(finished)["step"] == "protect"
    assert finished.certain["u1"].bound


def test_proof_goes_before_what_is_certain_without_it():
    cloud = Cloud(user("u1"), user("u2"), api="v3", wrong={"iam_login_check": {"u2": {"logged_in": False, "failed": True, "msg": "no"}}})
    _created, finished = enrolled(cloud, entry("u1", [*NEW, "prove"]), entry("u2", [*NEW, "prove"]))
    assert {user_id: (seed.bound, seed.proven) for user_id, seed in finished.certain.items()} == {"u1": (True, True), "u2": (True, False)}


def test_seed_that_is_not_stored_is_certain_of_nothing():
    cloud = Cloud(user(), api="v3")
    _created, finished = enrolled(cloud, entry(steps=[*NEW, "prove"]), shown={})
    assert finished.certain == {}


# The way back


REMOVING = entry(steps=["unprotect", "remove"], serial_number="s1")
STORED = {"u1": [seed_for(bound=True, proven=True)]}
DOUBTED = {"u1": [seed_for()]}


def enrolled_user(user_id="u1", serial="s1"):
    return user(user_id, binding="bound", protection=VMFA, serial=serial)


def removed(cloud, *entries, stored=STORED, shown=DOUBTED, **options):
    return wave_over(cloud, *entries, terms=options.pop("terms", BACK), **options).remove(stored, shown)


def test_way_back_lifts_protection_and_then_removes_just_that_device_and_looks():
    cloud = Cloud(enrolled_user())
    finished = removed(cloud, REMOVING)
    assert cloud.calls == [
        ("iam_login_protection", {"users": [{"user_id": "u1", "enabled": False}]}),
        (
            "iam_virtual_mfa_device",
            {"devices": [{"user_id": "u1", "serial_number": "s1", "presume_unbound": False, "auth_password": SECRET}], "state": "absent"},
        ),
        ("iam_mfa_info", {"user_ids": ["u1"]}),
    ]
    assert (came(finished)["done"], finished.removed, finished.certain) == (["unprotect", "remove"], ["u1"], {})
    assert finished.changed and not finished.stops


def test_nothing_is_unprotected_or_removed_before_the_store_has_noted_the_doubt():
    for shown in (
        {},
        STORED,
        {"u1": [seed_for("other")]},
        {"u1": [seed_for(bound=True)]},
        {"u1": [seed_for(proven=True)]},
    ):
        cloud = Cloud(enrolled_user("u1"), enrolled_user("u2", "s2"))
        finished = removed(cloud, REMOVING, entry("u2", ["unprotect", "remove"], serial_number="s2"), shown=shown)
        # Of the other one the store knows nothing that could be doubted.
        assert cloud.asked("iam_login_protection") == cloud.asked("iam_virtual_mfa_device") == ["u2"]
        assert (came(finished)["step"], came(finished)["done"]) == ("unprotect", [])
        assert "the store could not be written, so the device was not removed" in came(finished)["msg"]
        assert (finished.stops, finished.removed) == (True, ["u2"])


def test_device_that_no_protection_asks_for_is_not_removed_before_the_store_has_noted_the_doubt_either():
    cloud = Cloud(user(binding="bound", serial="s1"))
    finished = removed(cloud, entry(steps=["remove"], serial_number="s1"), shown=STORED)
    assert cloud.asked("iam_virtual_mfa_device") == []
    assert (came(finished)["step"], finished.stops, finished.removed) == ("remove", True, [])


def test_doubt_is_taken_from_wherever_the_store_shows_it():
    cloud = Cloud(enrolled_user())
    finished = removed(cloud, REMOVING, shown={"u1": [seed_for("later"), seed_for()]})
    assert finished.removed == ["u1"]


@pytest.mark.parametrize(
    ("seed", "doubted"),
    [
        (seed_for(bound=True), True),
        (seed_for(proven=True), True),
        (seed_for(bound=True, proven=True), True),
        (seed_for(), False),
        (seed_for("other", bound=True), False),
    ],
)
def test_only_what_is_certain_of_the_device_that_goes_is_doubted(seed, doubted):
    wave = wave_over(Cloud(), REMOVING, entry("u2", ["unprotect"], serial_number="s1"), terms=BACK)
    stored = {"u1": [seed], "u2": [seed_for(bound=True)]}
    assert wave.doubted(stored) == ({"u1": seed_for()} if doubted else {})
    assert wave.doubted({}) == {}
    earlier = {"u1": [seed_for("later", bound=True), seed]}
    assert wave.doubted(earlier) == ({"u1": seed_for()} if doubted else {})


def test_device_without_certainties_is_removed_without_a_note():
    cloud = Cloud(enrolled_user())
    assert removed(cloud, REMOVING, stored=DOUBTED, shown={}).removed == ["u1"]


@pytest.mark.parametrize("wrong", [{"u1": {"failed": True, "msg": "no"}}, {"failed": True, "msg": "no"}])
def test_device_stays_while_protection_could_not_be_lifted(wrong):
    cloud = Cloud(enrolled_user("u1"), user("u2", binding="bound", serial="s2"), wrong={"iam_login_protection": wrong})
    finished = removed(cloud, REMOVING, entry("u2", ["remove"], serial_number="s2"))
    assert cloud.asked("iam_virtual_mfa_device") == ["u2"]
    assert (came(finished)["step"], came(finished)["msg"]) == ("unprotect", "no")
    assert finished.removed == ["u2"]


def test_device_that_is_known_by_an_announcement_only_is_not_unbound():
    cloud = Cloud(user(binding="unknown", serial="s1"), api="v3")
    removed(cloud, entry(steps=["remove"], serial_number="s1", unbind=False, intended=True), stored={}, shown={})
    assert cloud.items("iam_virtual_mfa_device") == [
        {"user_id": "u1", "serial_number": "s1", "presume_unbound": True, "auth_password": SECRET}
    ]


@pytest.mark.parametrize(
    ("before", "item"),
    [
        (SMS, {"enabled": True, "verification_method": "sms"}),
        ({"enabled": True, "verification_method": "email"}, {"enabled": True, "verification_method": "email"}),
        (OFF, {"enabled": False}),
        ({"enabled": False, "verification_method": "sms"}, {"enabled": False}),
        (VMFA, {"enabled": False}),
        ({"enabled": True, "verification_method": "none"}, {"enabled": False}),
        ({"enabled": True, "verification_method": "x"}, {"enabled": False}),
        ({}, {"enabled": False}),
    ],
)
def test_protection_that_was_there_before_the_rollout_is_restored(before, item):
    cloud = Cloud(user(protection=VMFA))
    finished = removed(cloud, entry(steps=["unprotect"], restore=before), terms=Terms("require", "absent"))
    assert cloud.items("iam_login_protection") == [{"user_id": "u1", **item}]
    assert came(finished)["done"] == ["unprotect"]
    assert finished.removed == []


def test_device_that_is_still_shown_is_not_gone():
    cloud = Cloud(enrolled_user(), hidden=1000)
    finished = removed(cloud, REMOVING)
    assert (came(finished)["step"], came(finished)["msg"], finished.removed) == ("verify", "the device is still there", [])
    assert cloud.slept == [PAUSE] * (LOOKS - 1)


def test_removal_that_nobody_could_look_at_is_not_taken_for_one():
    cloud = Cloud(enrolled_user(), blind=1000)
    finished = removed(cloud, REMOVING)
    assert (came(finished)["step"], came(finished)["msg"], finished.removed) == ("verify", "the cloud is gone", [])


def test_removal_that_failed_is_not_taken_for_one():
    cloud = Cloud(enrolled_user(), wrong={"iam_virtual_mfa_device": {"u1": {"failed": True, "msg": "no"}}})
    finished = removed(cloud, REMOVING)
    assert (came(finished)["step"], came(finished)["done"], finished.removed) == ("remove", ["unprotect"], [])


# Check mode


def test_check_mode_spends_no_codes_and_writes_nothing_of_what_it_asks():
    cloud = Cloud(user("u1"), user("u2", binding="unbound", serial="s2"), user("u3", binding="bound", serial="s3"), check_mode=True)
    entries = [
        entry("u1", [*NEW, "prove"]),
        entry("u2", ["bind", "protect", "prove"], serial_number="s2"),
        entry("u3", ["protect"], serial_number="s3"),
    ]
    before = copy.deepcopy(cloud.users)
    stored = as_shown({"u2": seed_for("s2")})
    created, finished = enrolled(cloud, *entries, announced=[], shown={}, stored=stored)
    # Modules that know check mode say what they would do; what has no check mode of its own is not called at all.
    assert cloud.asked("iam_virtual_mfa_device") == ["u1"]
    assert cloud.asked("iam_virtual_mfa_bind") == ["u2"]
    assert cloud.asked("iam_login_protection") == ["u1", "u2", "u3"]
    assert "iam_login_check" not in cloud.modules and "iam_mfa_info" not in cloud.modules
    assert cloud.users == before
    assert (created.seeds, created.withdrawn, finished.certain, cloud.slept) == ({}, [], {}, [])
    assert [outcome["done"] for outcome in finished.outcomes] == [one["steps"] for one in entries]
    assert not finished.stops


def test_check_mode_of_the_way_back_removes_nobodys_seed():
    # Protection still holds the first one, which for real it would not.
    held = {"failed": True, "msg": "login protection holds the device", "error": {"status": 400, "code": "IAM.1062"}}
    cloud = Cloud(
        enrolled_user("u1"), user("u2", binding="bound", serial="s2"), check_mode=True, wrong={"iam_virtual_mfa_device": {"u1": held}}
    )
    finished = removed(cloud, REMOVING, entry("u2", ["remove"], serial_number="s2"), shown={})
    assert "iam_mfa_info" not in cloud.modules
    assert (finished.removed, finished.stops) == ([], False)
    assert [outcome["done"] for outcome in finished.outcomes] == [["unprotect", "remove"], ["remove"]]


def test_check_mode_says_what_would_fail():
    wrong = {
        "iam_virtual_mfa_device": {"u1": {"failed": True, "msg": "no"}},
        "iam_login_protection": {"u2": {"failed": True, "msg": "not"}},
    }
    cloud = Cloud(user("u1"), user("u2"), check_mode=True, wrong=wrong)
    _created, finished = enrolled(cloud, entry("u1"), entry("u2"), announced=[], shown={})
    assert [(outcome["step"], outcome["msg"]) for outcome in finished.outcomes] == [("create", "no"), ("protect", "not")]


# Whatever goes wrong


STEPS = [[*NEW, "prove"], NEW, NEW[:2], ["bind", "protect", "prove"], ["bind"], ["protect"], ["protect", "prove"], ["prove"]]
ANYTHING_WRONG = st.fixed_dictionaries(
    {},
    optional={
        module: st.dictionaries(
            st.sampled_from(["u1", "u2", "u3"]),
            st.fixed_dictionaries(
                {},
                optional={
                    "failed": st.booleans(),
                    "msg": st.just("no"),
                    "binding": st.sampled_from(["bound", "unbound", "unknown", None]),
                    "creation": st.sampled_from(["made", "none", "unknown"]),
                    "seed": st.none(),
                    "logged_in": st.booleans(),
                },
            ),
        )
        | st.just({"failed": True, "msg": "all"})
        for module in sorted(SPENDS_CODES)
    },
)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.sampled_from(STEPS), min_size=3, max_size=3),
    ANYTHING_WRONG,
    st.sets(st.sampled_from(["u1", "u2", "u3"])),
    st.sets(st.sampled_from(["u1", "u2", "u3"])),
    st.sampled_from(["v3", "v5"]),
    st.integers(0, 20),
    st.integers(0, 20),
)
def test_no_step_is_taken_for_anybody_whose_step_before_is_not_certain(steps, wrong, announced, kept, api, hidden, blind):
    users, entries = [], []
    for number, each in enumerate(steps, 1):
        user_id = f"u{number}"
        binding = None if "create" in each else "unbound" if "bind" in each else "bound"
        if binding and api == "v3":
            binding = "unknown"
        users.append(user(user_id, binding=binding, protection=OFF if "protect" in each else VMFA, serial=f"s{number}"))
        entries.append(entry(user_id, each, serial_number=f"s{number}" if binding else None))
    cloud = Cloud(*users, api=api, wrong=wrong, hidden=hidden, blind=blind)
    wave = wave_over(cloud, *entries)
    created = wave.create(announced)
    stored = as_shown({f"u{number}": seed_for(f"s{number}") for number in (1, 2, 3) if f"u{number}" in kept})
    shown = as_shown({user_id: seed for user_id, seed in created.seeds.items() if user_id in kept})
    finished = wave.finish(created.outcomes, created.seeds, shown, stored)

    by_id = {one["user_id"]: one["steps"] for one in entries}
    made, bound, protected = (cloud.asked(name) for name in ("iam_virtual_mfa_device", "iam_virtual_mfa_bind", "iam_login_protection"))
    assert set(made) <= announced
    assert set(bound) <= kept and all("create" not in by_id[one] or one in created.seeds for one in bound)
    for user_id in protected:
        if "bind" in by_id[user_id]:
            answer = wrong.get("iam_virtual_mfa_bind", {}).get(user_id, {})
            assert user_id in bound and not answer.get("failed") and answer.get("binding", "bound") == "bound"
        if api == "v5":
            assert cloud.users[user_id]["device"]["binding"] == "bound"
    assert set(created.withdrawn) <= announced - created.seeds.keys()
    for outcome in finished.outcomes:
        expected = [step for step in by_id[outcome["user_id"]] if step in outcome["done"]]
        assert outcome["done"] == expected
        assert outcome["failed"] == (outcome["msg"] is not None)
        if not outcome["failed"]:
            assert outcome["done"] == by_id[outcome["user_id"]]
    proved = cloud.asked("iam_login_check")
    for outcome in finished.outcomes:
        if outcome["user_id"] in proved:
            assert outcome["step"] in (None, "prove")
    if proved:
        assert cloud.modules[-1] == "iam_login_check"
    for user_id, seed in finished.certain.items():
        known = created.seeds.get(user_id) or stored[user_id][0]
        assert seed.is_of(known)
        assert seed.bound or (not seed.proven and seed.before != known.before)
    assert "seed-" not in finished.line + str(finished.outcomes) + str(created.outcomes)


# Users without credentials of their own


def test_refusal_to_bind_for_others_says_what_is_missing_and_stops_the_rollout():
    refused = {"failed": True, "msg": "PUT /v5/mfa/enable: forbidden.", "error": {"status": 403, "code": None, "request_id": None}}
    cloud = Cloud(user("u1"), user("u2"), wrong={"iam_virtual_mfa_bind": {"u1": refused, "u2": refused}})
    wave = Wave(cloud, [entry("u1"), entry("u2", index=1)], ENROL, api="v5", sleep=cloud.slept.append, credentials={"u1": {}, "u2": own()})
    created = wave.create(["u1", "u2"])
    finished = wave.finish(created.outcomes, created.seeds, as_shown(created.seeds), {})
    mine, theirs = (outcome["msg"] for outcome in finished.outcomes)
    assert mine.startswith(refused["msg"])
    assert mine.endswith(
        "give auth_password, auth_token, or access_key with secret_key in mfa_rollout_users, or the administrator the right to do so."
    )
    assert theirs == refused["msg"]
    assert finished.stops
    assert cloud.asked("iam_login_protection") == []


def test_other_failures_of_users_without_credentials_are_told_as_they_are():
    cloud = Cloud(user("u1"), wrong={"iam_virtual_mfa_bind": {"u1": {"failed": True, "msg": "throttled", "error": {"status": 429}}}})
    wave = Wave(cloud, [entry("u1")], ENROL, api="v5", sleep=cloud.slept.append)
    created = wave.create(["u1"])
    finished = wave.finish(created.outcomes, created.seeds, as_shown(created.seeds), {})
    assert finished.outcomes[0]["msg"] == "throttled"
    assert not finished.stops


# Devices that are made anew

ROTATE = ["unprotect", "remove", "create", "bind", "protect"]
LOST = ["unprotect", "remove", "protect"]


def bound_user(user_id="u1"):
    return user(user_id, binding="bound", protection=VMFA, serial=f"old-{user_id}")


def rotated(cloud, *entries, lifting=None, announced=None):
    """A wave as the role goes through it, where record and store keep everything, or the record shows just what is given."""
    terms = Terms("enrol", "rotated")
    stored = as_shown({one["user_id"]: seed_for(one["serial_number"]) for one in entries})
    lifting = {one["user_id"]: VMFA for one in entries} if lifting is None else lifting
    announced = creating(entries) if announced is None else announced
    gone = wave_over(cloud, *entries, terms=terms).remove(stored, {}, lifting, announced)
    removal = Removal(gone.removed, {outcome["user_id"]: outcome for outcome in gone.outcomes if outcome["failed"]})
    wave = wave_over(cloud, *entries, terms=terms)
    created = wave.create(creating(entries), removal)
    return gone, created, wave.finish(created.outcomes, created.seeds, as_shown(created.seeds), stored, removal)


def old(user_id="u1", steps=ROTATE):
    return entry(user_id, steps, serial_number=f"old-{user_id}", protection=VMFA)


def test_device_that_is_made_anew_is_removed_first_and_protected_again():
    cloud = Cloud(bound_user())
    _gone, created, finished = rotated(cloud, old())
    assert came(finished)["done"] == ROTATE
    assert [name for name in cloud.modules if name != "iam_mfa_info"] == [
        "iam_login_protection", "iam_virtual_mfa_device", "iam_virtual_mfa_device", "iam_virtual_mfa_bind", "iam_login_protection",
    ]  # fmt: skip
    assert cloud.users["u1"]["device"] == {"serial_number": "new-1", "binding": "bound"}
    assert cloud.users["u1"]["login_protection"] == VMFA
    assert created.seeds["u1"].before is None, "whose protection it is does not change"


def test_nobody_gets_another_device_whose_old_one_is_not_gone():
    cloud = Cloud(bound_user("u1"), bound_user("u2"), wrong={"iam_virtual_mfa_device": {"u1": {"failed": True, "msg": "no"}}})
    gone, created, finished = rotated(cloud, old("u1"), old("u2"))
    assert gone.removed == ["u2"]
    assert list(created.seeds) == ["u2"]
    assert created.withdrawn == ["u1"]
    assert (came(finished, "u1")["step"], came(finished, "u1")["msg"]) == ("remove", "no")
    assert not came(finished, "u2")["failed"]
    assert cloud.users["u1"]["device"]["serial_number"] == "old-u1"
    assert cloud.users["u1"]["login_protection"] == VMFA, "it has come back"


@pytest.mark.parametrize(
    ("api", "binding", "changed", "error", "comes_back"),
    [
        # Refused for certain, so it is what it was.
        ("v5", "bound", False, {"status": 403}, True),
        ("v3", "unknown", False, {"status": 403}, True),
        # Unbound, and still there.
        ("v5", "unbound", True, {"status": 500, "uncertain": True}, False),
        ("v3", "unknown", True, {"status": 403}, False),
        # The answer was lost, and what is shown may be older than the unbinding.
        ("v5", "bound", False, {"status": 504, "uncertain": True}, False),
        ("v5", "unbound", False, {"status": 504, "uncertain": True}, False),
        ("v3", "unknown", False, {"status": 504, "uncertain": True}, False),
    ],
)
def test_protection_comes_back_only_over_a_device_that_is_certainly_bound_still(api, binding, changed, error, comes_back):
    failure = {"failed": True, "msg": "no.", "changed": changed, "error": error}
    cloud = Cloud(bound_user("u1"), api=api, wrong={"iam_virtual_mfa_device": {"u1": failure}})
    cloud.users["u1"]["device"]["binding"] = binding
    _gone, _created, finished = rotated(cloud, old("u1"))
    assert (cloud.users["u1"]["login_protection"] == VMFA) is comes_back
    assert came(finished, "u1")["msg"] == ("no." if comes_back else f"no. {_wave.NOT_PROTECTED_AGAIN}")


def test_device_that_is_made_anew_stays_where_the_store_takes_no_announcement_of_the_new_one():
    cloud = Cloud(bound_user("u1"), bound_user("u2"))
    gone, _created, finished = rotated(cloud, old("u1"), old("u2"), announced=["u2"])
    assert came(finished, "u1")["msg"] == _wave.NOT_ANNOUNCED_ANEW and gone.stops
    assert cloud.users["u1"]["device"]["serial_number"] == "old-u1"
    assert "u1" not in cloud.asked("iam_login_protection"), "protection was not lifted"
    assert not came(finished, "u2")["failed"]


def test_store_that_took_the_doubt_of_a_device_needs_no_announcement_beside_it():
    cloud = Cloud(bound_user(), api="v3")
    wave = wave_over(cloud, old(), terms=Terms("enrol", "rotated"))
    certain, doubted = {"u1": [seed_for("old-u1", bound=True)]}, {"u1": [seed_for("old-u1")]}
    assert wave.remove(certain, doubted, {"u1": VMFA}).removed == ["u1"]


def test_credentials_with_which_the_new_device_is_bound_are_tried_before_the_old_one_goes():
    cloud = Cloud(bound_user())
    rotated(cloud, old())
    (removing, _making) = cloud.items("iam_virtual_mfa_device")
    assert removing["check_credentials"] is True and removing["auth_password"] == SECRET
    cloud = Cloud(enrolled_user())
    removed(cloud, REMOVING)
    assert "check_credentials" not in cloud.items("iam_virtual_mfa_device")[0], "nothing is made anew"


@pytest.mark.parametrize("removal", [None, Removal()])
def test_without_proof_that_devices_are_gone_none_is_made(removal):
    cloud = Cloud(bound_user())
    wave = wave_over(cloud, old(), terms=Terms("enrol", "rotated"))
    created = wave.create(["u1"], removal)
    assert created.seeds == {}
    assert cloud.asked("iam_virtual_mfa_device") == []
    finished = wave.finish(created.outcomes, {}, {}, {}, removal)
    assert came(finished)["msg"] == "the old device is not certainly gone, so no other one was made"


@pytest.mark.parametrize("steps", [ROTATE, LOST])
def test_protection_that_no_record_shows_is_not_lifted_for_a_moment(steps):
    cloud = Cloud(bound_user())
    finished = wave_over(cloud, old(steps=steps), terms=Terms("enrol", "rotated")).remove({}, {}, {}, ["u1"])
    assert finished.stops
    assert "the record could not be written" in came(finished)["msg"]
    assert cloud.users["u1"]["device"] is not None
    assert cloud.users["u1"]["login_protection"] == VMFA


# The record of login protection


def recording(tmp_path, strategy="enrol"):
    return ProtectionRecord(str(tmp_path), "acme", strategy=strategy)


def block(tmp_path, name):
    """Let nobody write a file of the record, for a directory is in its place."""
    (tmp_path / f"acme.{name}.json").unlink(missing_ok=True)
    (tmp_path / f"acme.{name}.json").mkdir()


def in_record(tmp_path):
    return recording(tmp_path).returned([]).protected


def test_protection_is_recorded_before_it_is_set_with_what_was_before(tmp_path):
    seen = []
    cloud = Cloud(user("u1"), user("u2", binding="bound", serial="s2"))
    answer = cloud.answer
    cloud.answer = lambda module, *rest: (seen.append((module, set(in_record(tmp_path)))), answer(module, *rest))[1]
    enrolled(cloud, entry("u1", protection=SMS), entry("u2", ["protect"], serial_number="s2"), record=recording(tmp_path))
    assert {frozenset(recorded) for module, recorded in seen if module != "iam_login_protection"} == {frozenset()}
    assert [recorded for module, recorded in seen if module == "iam_login_protection"] == [{"u1", "u2"}] * 2
    assert in_record(tmp_path)["u1"] == {"strategy": "enrol", "name": "name-u1", "before": SMS}


def test_nobody_is_protected_whom_the_record_does_not_take(tmp_path):
    block(tmp_path, "record")
    cloud = Cloud(user("u1"), user("u2"))
    _created, finished = enrolled(cloud, entry("u1"), entry("u2", NEW[:2]), record=recording(tmp_path))
    assert cloud.asked("iam_login_protection") == []
    assert came(finished)["done"] == NEW[:2]
    assert came(finished)["step"] == "protect"
    assert "the record could not be written, so login protection was not set: " in came(finished)["msg"]
    assert str(tmp_path) in came(finished)["msg"]
    assert finished.stops
    assert not came(finished, "u2")["failed"]


def test_nobody_is_recorded_whose_protection_is_not_set(tmp_path):
    cloud = Cloud(user("u1"), user("u2"), wrong={"iam_virtual_mfa_bind": {"u1": {"failed": True, "msg": "no"}}})
    enrolled(cloud, entry("u1"), entry("u2"), record=recording(tmp_path))
    assert list(in_record(tmp_path)) == ["u2"]


REFUSED = {"failed": True, "msg": "no", "error": {"status": 403, "code": None, "request_id": None}}


def protecting(tmp_path, *entries, **wrong):
    """A wave of ``require`` in which ``wrong`` is the outcome of setting protection."""
    cloud = Cloud(*(user(one["user_id"]) for one in entries), wrong={"iam_login_protection": wrong})
    return enrolled(cloud, *entries, terms=Terms("require"), record=recording(tmp_path, "require"))[1]


def test_nobody_stays_recorded_whose_protection_the_cloud_has_refused(tmp_path):
    finished = protecting(tmp_path, entry("u1", ["protect"]), entry("u2", ["protect"]), u1=REFUSED)
    assert came(finished)["step"] == "protect"
    assert list(in_record(tmp_path)) == ["u2"]


@pytest.mark.parametrize(
    "error",
    [
        {"status": 403, "uncertain": True},
        {"status": 502, "uncertain": True},
        # An answer that nobody understands was none of a refusal.
        {"status": 200},
        {"status": None},
        None,
    ],
)
def test_whoever_may_be_protected_after_all_stays_recorded(tmp_path, error):
    protecting(tmp_path, entry("u1", ["protect"]), u1={**REFUSED, "error": error})
    assert list(in_record(tmp_path)) == ["u1"]


def test_nobody_stays_recorded_for_whom_the_call_came_to_no_request(tmp_path):
    finished = protecting(tmp_path, entry("u1", ["protect"]), failed=True, msg="the host name does not resolve")
    assert came(finished)["step"] == "protect"
    assert in_record(tmp_path) == {}


def test_record_of_an_earlier_run_ends_where_the_account_shows_no_protection_and_none_was_set(tmp_path):
    recording(tmp_path, "require").begin([entry("u1", ["protect"], protection=SMS)])
    protecting(tmp_path, entry("u1", ["protect"], protection=SMS), u1=REFUSED)
    assert in_record(tmp_path) == {}


def test_protection_that_is_lifted_for_a_moment_stays_recorded_until_it_is_back(tmp_path):
    record = recording(tmp_path)
    record.begin([entry("u1")])
    assert record.begin([old("u1")]).lifted.keys() == {"u1"}
    cloud = Cloud(user("u1"), wrong={"iam_login_protection": {"u1": REFUSED}})
    enrolled(cloud, entry("u1"), record=record)
    assert "u1" in in_record(tmp_path), "a rollout has set it, and a later run sets it again"


def test_nobody_stays_recorded_whose_device_is_not_certainly_bound(tmp_path):
    recording(tmp_path).begin([entry("u1", ["protect"])])
    cloud = Cloud(user("u1", binding="unbound", serial="s1"))
    _created, finished = enrolled(cloud, entry("u1", ["protect"], serial_number="s1"), record=recording(tmp_path))
    assert came(finished)["step"] == "protect"
    assert in_record(tmp_path) == {}


def test_record_that_cannot_be_closed_is_told_and_stops_the_rollout(tmp_path):
    cloud = Cloud(bound_user())
    record = recording(tmp_path)
    cloud.answer = lambda *_asked: block(tmp_path, "lifted") or {}
    _created, finished = enrolled(cloud, entry("u1", ["protect"], serial_number="old-u1"), terms=Terms("require"), record=record)
    assert not came(finished)["failed"]
    assert finished.stops
    assert "\n  the record could not be written: " in finished.line


@pytest.mark.parametrize("steps", [ROTATE, LOST])
def test_protection_is_lifted_for_a_moment_where_the_record_takes_it_and_only_there(tmp_path, steps):
    cloud = Cloud(bound_user())
    terms = Terms("enrol", "rotated" if steps is ROTATE else "reset")
    stored = as_shown({"u1": seed_for("old-u1")})
    finished = wave_over(cloud, old(steps=steps), terms=terms, record=recording(tmp_path)).remove(stored, {}, announced=["u1"])
    assert finished.removed == ["u1"]
    assert recording(tmp_path).returned([]).lifted == ({"u1": VMFA} if steps is ROTATE else {})
    assert in_record(tmp_path) == {}, "whose protection it is does not change"

    block(tmp_path, "lifted")
    cloud = Cloud(bound_user())
    finished = wave_over(cloud, old(steps=steps), terms=terms, record=recording(tmp_path)).remove(stored, {}, announced=["u1"])
    assert all(item["enabled"] for item in cloud.items("iam_login_protection")), "setting it once more does no harm"
    assert cloud.asked("iam_virtual_mfa_device") == []
    assert "not even for a moment: " in came(finished)["msg"]
    assert finished.stops


def test_roll_back_takes_out_of_the_record_what_the_cloud_shows_to_be_lifted(tmp_path):
    record = recording(tmp_path)
    record.begin([entry("u1"), entry("u2")])
    cloud = Cloud(bound_user("u1"), bound_user("u2"), wrong={"iam_login_protection": {"u2": {"failed": True, "msg": "no"}}})
    back = [old("u1", ["unprotect", "remove"]), old("u2", ["unprotect", "remove"])]
    wave_over(cloud, *back, terms=BACK, record=record).remove({}, {})
    assert list(in_record(tmp_path)) == ["u2"]


def test_check_mode_writes_no_record(tmp_path):
    cloud = Cloud(user(), check_mode=True)
    enrolled(cloud, entry(), record=recording(tmp_path))
    cloud = Cloud(bound_user(), check_mode=True)
    wave_over(cloud, old(steps=LOST), terms=Terms("enrol", "reset"), record=recording(tmp_path)).remove({}, {})
    assert list(tmp_path.iterdir()) == []


# What a stored seed tells of login protection, where no record does


def told(cloud, *entries, stored=None, **options):
    """What the seeds that are saved again tell of what was before, by user id."""
    finished = enrolled(cloud, *entries, stored=as_shown(stored or {}), **options)[1]
    return {user_id: seed.before for user_id, seed in finished.certain.items()}


def leftover(before, steps=("bind",), **more):
    """A device that an earlier run has made, and its seed."""
    one = user("u1", binding="unbound" if "bind" in steps else "bound", serial="s1", **more)
    planned = entry("u1", steps, serial_number="s1", protection=one["login_protection"])
    return one, planned, {"u1": seed_for("s1", before=before)}


@pytest.mark.parametrize("protection", [OFF, SMS])
def test_seed_tells_nothing_of_protection_where_the_wave_sets_none(protection):
    one, planned, seeds = leftover(OFF, protection=protection)
    assert told(Cloud(one), planned, stored=seeds) == {"u1": None}
    assert told(Cloud(one, check_mode=True), planned, stored=seeds) == {}
    assert told(Cloud(one), planned, stored={"u1": seed_for("s1")}) == {}


def test_seed_of_a_user_who_is_protected_already_tells_the_same_as_before():
    one, planned, seeds = leftover(OFF, protection=VMFA)
    assert told(Cloud(one), planned, stored=seeds) == {}


@pytest.mark.parametrize(
    ("outcome", "certain"),
    [(REFUSED, {"u1": None}), ({"failed": True, "msg": "no", "error": {"status": 502, "uncertain": True}}, {}), ({}, {})],
)
def test_seed_tells_nothing_of_protection_that_was_certainly_not_set(outcome, certain):
    assert told(Cloud(user("u1"), wrong={"iam_login_protection": {"u1": outcome}}), entry("u1")) == certain


@pytest.mark.parametrize("steps", [NEW[1:], NEW[2:]])
def test_seed_that_told_nothing_tells_what_was_before_once_the_wave_has_set_protection(steps):
    one, planned, seeds = leftover(None, steps, protection=SMS)
    assert told(Cloud(one), planned, stored=seeds) == {"u1": SMS}
    # What was before the first rollout is what a roll-back restores.
    assert told(Cloud(one), planned, stored={"u1": seed_for("s1", before=OFF)}) == {}


@pytest.mark.parametrize("replaced", [{}, OFF, SMS])
def test_seed_of_a_device_whose_protection_was_lifted_for_a_moment_tells_what_the_plan_knows_of_before(tmp_path, replaced):
    record = recording(tmp_path)
    record.begin([old("u1")])
    created, finished = enrolled(Cloud(user("u1")), entry("u1", replaced=replaced), record=record)
    assert [seed.before for seed in (created.seeds["u1"], finished.certain.get("u1", created.seeds["u1"]))] == [replaced or None] * 2
    assert in_record(tmp_path) == {}


def test_seed_keeps_what_was_before_though_protection_that_was_lifted_could_not_be_set_again(tmp_path):
    record = recording(tmp_path)
    record.begin([old("u1")])
    one, planned, seeds = leftover(SMS, steps=("bind", "protect"))
    cloud = Cloud(one, wrong={"iam_virtual_mfa_bind": {"u1": {"failed": True, "msg": "no", "binding": "unbound"}}})
    assert told(cloud, planned, stored=seeds, record=record) == {}


# Phones that are lost


@pytest.mark.parametrize("api", ["v3", "v5"])
def test_lost_phone_is_removed_and_protection_set_again(api):
    cloud = Cloud(bound_user(), api=api)
    finished = wave_over(cloud, old(steps=LOST), terms=Terms("require", "reset")).remove({}, {}, {"u1": VMFA})
    assert came(finished)["done"] == LOST
    assert finished.removed == ["u1"]
    assert cloud.users["u1"]["device"] is None
    assert cloud.users["u1"]["login_protection"] == VMFA


def test_protection_of_a_lost_phone_comes_back_though_the_device_stays():
    cloud = Cloud(bound_user(), wrong={"iam_virtual_mfa_device": {"u1": {"failed": True, "msg": "no"}}})
    finished = wave_over(cloud, old(steps=LOST), terms=Terms("require", "reset")).remove({}, {}, {"u1": VMFA})
    assert came(finished)["step"] == "remove"
    assert cloud.users["u1"]["login_protection"] == VMFA


def test_protection_that_does_not_come_back_is_the_failure():
    cloud = Cloud(bound_user())
    call = cloud.answer

    def answer(module, item, options):
        if module == "iam_login_protection" and item["enabled"]:
            return {"failed": True, "msg": "not again"}
        return call(module, item, options)

    cloud.answer = answer
    finished = wave_over(cloud, old(steps=LOST), terms=Terms("require", "reset")).remove({}, {}, {"u1": VMFA})
    assert (came(finished)["step"], came(finished)["msg"]) == ("protect", "not again")


def test_check_mode_says_the_same_of_both_and_writes_nothing():
    cloud = Cloud(bound_user(), check_mode=True)
    finished = wave_over(cloud, old(steps=LOST), terms=Terms("require", "reset")).remove({}, {}, {})
    assert came(finished)["done"] == LOST
    _gone, _created, finished = rotated(cloud, old())
    assert came(finished)["done"] == ROTATE
    assert cloud.users["u1"]["device"]["serial_number"] == "old-u1"
