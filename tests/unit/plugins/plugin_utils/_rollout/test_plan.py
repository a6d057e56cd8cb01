# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest
from ansible_collections.hwc.mfa.plugins.module_utils._auth.base import digest_of
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.input import seeds_in
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.plan import Known, make_plan, own_credentials
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.shown import stored_seed
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import ORDER, OWN_CREDENTIALS, PlanError, Terms, terms_of
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.store import StoredSeed
from ansible_collections.hwc.mfa.tests.unit.plugins.plugin_utils._rollout.accounts import (
    OFF,
    SECRET,
    SMS,
    VMFA,
    audit_of,
    device_of,
    entries_of,
    own,
    planned,
    recorded,
    stored,
    user,
    wave_for,
)
from hypothesis import given, settings
from hypothesis import strategies as st

ENROL = Terms("enrol")
REQUIRE = Terms("require")
BACK = Terms("enrol", "absent")


def plan_for(one, terms, asked=None, **context):
    """Fate, reason and steps of one user."""
    wanted = [{"user_id": one["user_id"], "auth_password": SECRET, **(asked or {})}]
    plan = planned(wanted, audit_of(one), terms, **context)
    steps = [step for entry in entries_of(plan) for step in entry["steps"]]
    return plan["users"][0]["fate"], plan["users"][0]["reason"], steps


def entry_for(one, terms, **context):
    """The entry of one user."""
    (entry,) = wave_for(one, terms=terms, **context)
    return entry


# One user


@pytest.mark.parametrize(
    ("one", "fate", "steps"),
    [
        (user(), "todo", ["protect"]),
        (user(protection=SMS), "todo", ["protect"]),
        (user(protection=VMFA), "already", []),
        (user(binding="bound"), "todo", ["protect"]),
        (user(binding="unbound", protection=VMFA), "already", []),
        (user(enabled=False), "left_alone", []),
    ],
)
def test_require_protects_whoever_is_not_protected(one, fate, steps):
    assert plan_for(one, REQUIRE, asked={"auth_password": None})[::2] == (fate, steps)


LEFTOVER, PHONE = "iam::d1:mfa:mfa-u1-0a1b2c3d", "iam::d1:mfa:phone"
"""Serial numbers of a device that a rollout has made, and of one that a person has."""

NEW = ["create", "bind", "protect"]
ANEW = ["unprotect", "remove", "create", "bind", "protect"]


@pytest.mark.parametrize(
    ("one", "seeds", "intents", "fate", "steps"),
    [
        (user(), {}, [], "todo", NEW),
        (user(protection=VMFA), {}, [], "todo", NEW[:2]),
        # A leftover seed of a device that is gone is no reason to bind with it.
        (user(), stored(), [], "todo", NEW),
        (user(), {}, ["u1"], "todo", NEW),
        (user(binding="bound"), {}, [], "todo", ["protect"]),
        (user(binding="bound"), {}, ["u1"], "todo", ["protect"]),
        (user(binding="bound", protection=VMFA), {}, [], "already", []),
        (user(binding="bound", protection=VMFA), stored(), ["u1"], "already", []),
        (user(binding="unbound"), stored(), [], "todo", ["bind", "protect"]),
        (user(binding="unbound"), stored(), ["u1"], "todo", ["bind", "protect"]),
        # It may be about to be bound by its owner.
        (user(binding="unbound"), {}, [], "left_alone", []),
        (user(binding="unbound"), stored(serial="old"), [], "left_alone", []),
        (user(binding="unbound", serial=LEFTOVER), {}, ["u1"], "todo", NEW),
        (user(binding="unbound", serial=LEFTOVER), stored(serial="old"), ["u1"], "todo", NEW),
        # Nothing came of the announced one, and the user has made a device of their own since.
        (user(binding="unbound", serial=PHONE), {}, ["u1"], "left_alone", []),
        # Where serial numbers are not made of names, there is nothing but the announcement.
        (user(binding="unbound"), {}, ["u1"], "todo", NEW),
        (user(binding="unbound", serial=LEFTOVER), {}, [], "left_alone", []),
        (user(binding="unknown"), stored(), [], "todo", ["bind", "protect"]),
        (user(binding="unknown"), stored(bound=True), [], "todo", ["protect"]),
        (user(binding="unknown", protection=VMFA), stored(bound=True), [], "already", []),
        (user(binding="unknown"), stored(serial="old", bound=True), [], "left_alone", []),
        (user(binding="unknown"), {}, [], "left_alone", []),
        (user(binding="unknown", serial=LEFTOVER), {}, ["u1"], "todo", NEW),
        (user(binding="unknown", serial=LEFTOVER), stored(serial="old", bound=True), ["u1"], "todo", NEW),
        (user(binding="unknown", serial=PHONE), {}, ["u1"], "left_alone", []),
        (user(enabled=False), {}, [], "left_alone", []),
    ],
)
def test_enrol_does_what_is_missing_and_nothing_it_cannot_account_for(one, seeds, intents, fate, steps):
    assert plan_for(one, ENROL, stored=seeds, intents=intents)[::2] == (fate, steps)


@pytest.mark.parametrize("terms", [ENROL, BACK])
@pytest.mark.parametrize("binding", ["unbound", "unknown"])
def test_device_of_another_name_than_the_announced_one_is_left_alone_with_what_to_do(terms, binding):
    one = user(binding=binding, serial="iam::d1:mfa:phone-0a1b2c3d")
    fate, reason, _steps = plan_for(one, terms, intents=["u1"])
    assert fate == "left_alone"
    assert "another name than the one that a rollout has announced" in reason and "give that one again" in reason
    assert plan_for(one, terms, asked={"device_name": "phone"}, intents=["u1"])[0] == "todo"


def test_unbound_device_that_no_rollout_made_is_replaced_only_if_that_was_asked_for():
    replacing = Terms("enrol", replace_unbound=True)
    assert plan_for(user(binding="unbound"), replacing)[2] == NEW
    assert plan_for(user(binding="unbound"), replacing, stored=stored(serial="old"))[2] == NEW
    assert "mfa_rollout_replace_unbound=true replaces it" in plan_for(user(binding="unbound"), ENROL)[1]
    # Where nobody can tell whether it is bound, it is not unbound.
    assert plan_for(user(binding="unknown"), replacing)[::2] == ("left_alone", [])
    assert plan_for(user(binding="unbound"), replacing, stored=stored())[2] == ["bind", "protect"], "what is stored is used first"


def test_enrol_without_protection_stops_at_binding():
    assert plan_for(user(), Terms("enrol", login_protection=False))[2] == ["create", "bind"]
    assert plan_for(user(binding="bound"), Terms("enrol", login_protection=False))[0] == "already"


# Several devices and seeds of one user


def several(*seeds):
    """The entry of a user whose seeds are these, the one that was stored last first."""
    first, *others = seeds
    return {"u1": {**first, "earlier": others}}


def seed_of(serial, **more):
    return {"serial_number": serial, "seed": f"seed-{serial}", "name": "n", **more}


@pytest.mark.parametrize("shown", ["newest", "older", "oldest"])
def test_of_several_stored_seeds_the_one_of_the_shown_device_counts(shown):
    seeds = several(*(seed_of(serial, bound=serial == shown) for serial in ("newest", "older", "oldest")))
    assert plan_for(user(binding="unknown", serial=shown), ENROL, stored=seeds)[2] == ["protect"]
    assert plan_for(user(binding="bound", serial=shown, protection=VMFA), BACK, stored=seeds, record=recorded())[2] == [
        "unprotect",
        "remove",
    ]
    of_user = seeds_in(seeds)["u1"]
    assert stored_seed(user(binding="unknown", serial=shown), of_user) == of_user[["newest", "older", "oldest"].index(shown)]


def test_seed_belongs_to_its_device_under_a_serial_number_of_the_other_api_too():
    older, newest = seed_of("iam::d1:mfa:u1-1"), seed_of("iam::d1:mfa:u1-2")
    shown = user(binding="bound", serial="iam:d1:mfa/u1-1")
    assert stored_seed(shown, seeds_in(several(newest, older))["u1"]) == seeds_in({"u1": older})["u1"][0]
    assert stored_seed(shown, seeds_in(several(newest))["u1"]) is None


def test_seed_of_a_device_that_is_not_shown_counts_for_nothing():
    seeds = several(seed_of("gone", bound=True), seed_of("gone-too", bound=True))
    assert plan_for(user(binding="unknown"), ENROL, stored=seeds)[::2] == ("left_alone", [])
    assert stored_seed(user(binding="unknown"), seeds_in(seeds)["u1"]) is None
    assert stored_seed(user(), seeds_in(seeds)["u1"]) is None
    assert stored_seed(user(binding="bound"), ()) is None


def test_security_key_is_no_device_of_a_user():
    one = user(devices=[device_of("key", kind="other")])
    assert plan_for(one, ENROL)[::2] == ("todo", NEW)
    protected = {**one, "login_protection": VMFA}
    assert plan_for(protected, BACK, record=recorded())[::2] == ("todo", ["unprotect"])
    assert plan_for(one, Terms("enrol", "absent", rollback_all=True))[::2] == ("already", [])
    assert plan_for(one, Terms("enrol", replace_unbound=True), intents=["u1"])[2] == NEW


def test_virtual_device_beside_a_security_key_is_the_one_that_is_bound_and_removed():
    one = user(binding="unbound", serial="phone", devices=[device_of("key", kind="other"), device_of("phone", "unbound")])
    assert entry_for(one, ENROL, stored=stored(serial="phone"))["serial_number"] == "phone"
    assert entry_for(one, BACK, stored=stored(serial="phone"))["serial_number"] == "phone"


def test_device_of_which_nobody_knows_whether_it_is_a_key_is_left_alone_without_its_seed():
    one = user(binding="unbound")
    one["device"]["kind"] = "unknown"
    everything = {"replace_unbound": True, "rollback_all": True}
    for state in ("present", "absent"):
        fate, reason, steps = plan_for(one, Terms("enrol", state, **everything), intents=["u1"])
        assert (fate, steps) == ("left_alone", [])
        assert "does not tell whether it is a virtual MFA device or a security key" in reason
    assert plan_for(one, ENROL, stored=stored())[2] == ["bind", "protect"]
    assert plan_for(one, BACK, stored=stored())[2] == ["remove"]


@pytest.mark.parametrize(
    ("kinds", "device_kind", "steps"),
    [
        (["unknown"], "unknown", ANEW),
        (["other", "unknown"], "virtual", ANEW),
        # v3.0 told the virtual device, and will tell that it is gone.
        (["unknown", "unknown"], "virtual", ANEW),
        (["unknown", "unknown"], "unknown", []),
    ],
)
def test_rotation_that_could_not_create_a_device_lifts_nothing(kinds, device_kind, steps):
    devices = [*(device_of(f"key-{number}", kind=kind) for number, kind in enumerate(kinds[1:])), device_of("phone", kind=kinds[0])]
    one = {
        **user(protection=VMFA, devices=devices),
        "device": device_of("key-0" if device_kind == "unknown" else "phone", kind=device_kind),
    }
    fate, reason, found = plan_for(one, Terms("enrol", "rotated"), stored=stored(serial="phone", bound=True))
    assert found == steps
    assert ("has another device of which the cloud does not tell" in reason) == (steps == [])
    assert fate == ("todo" if steps else "left_alone")
    assert plan_for(one, Terms("enrol", "absent"), stored=stored(serial="phone", bound=True), record=recorded())[2] == [
        "unprotect",
        "remove",
    ]


def test_device_whose_seed_is_stored_is_a_virtual_one_whatever_kind_is_shown():
    one = {**user(devices=[device_of("phone", "unbound", "other")]), "device": None}
    assert entry_for(one, ENROL, stored=stored(serial="phone"))["steps"] == ["bind", "protect"]
    assert entry_for(one, BACK, stored=stored(serial="phone"))["serial_number"] == "phone"


# What an entry says


def test_entry_says_what_a_wave_must_know_and_no_secret():
    one = user(binding="unbound", protection=SMS)
    assert entry_for(one, ENROL, stored=stored(), intents=["u1"]) == {
        "user_id": "u1",
        "name": "name-u1",
        "device_name": None,
        "steps": ["bind", "protect"],
        "serial_number": "serial-u1",
        "intended": True,
        "leftover": None,
        "unbind": True,
        "protection": SMS,
        "replaced": {},
        "restore": {},
        "index": 0,
    }


def test_device_that_is_to_be_made_anew_is_not_named_by_its_old_serial():
    entry = entry_for(user(binding="unknown", serial=LEFTOVER), ENROL, intents=["u1"])
    assert (entry["steps"], entry["serial_number"], entry["leftover"]) == (NEW, None, LEFTOVER)
    assert not entry_for(user(), ENROL)["intended"]


@pytest.mark.parametrize(("name", "text"), [("phone", "phone"), (5, "5"), (None, None), ("", None)])
def test_name_of_a_device_is_a_text(name, text):
    (entry,) = entries_of(planned([{"user_id": "u1", **own(device_name=name)}], audit_of(user()), ENROL))
    assert entry["device_name"] == text


def test_plan_is_plain_data():
    plan = planned([{"user_id": "u1", **own()}], audit_of(user(binding="unbound")), ENROL, stored=stored(), intents=["u1"])
    assert json.loads(json.dumps(plan)) == plan


@pytest.mark.parametrize("own_credentials", [{"auth_password": SECRET}, {"auth_token": SECRET}, {"access_key": "AK", "secret_key": SECRET}])
def test_any_own_credential_is_enough_to_be_enrolled(own_credentials):
    assert plan_for(user(), ENROL, asked={"auth_password": None, **own_credentials})[0] == "todo"


def test_enrol_without_own_credentials_is_a_problem_unless_nobody_will_be_bound():
    nothing = {"auth_password": None}
    assert plan_for(user(), ENROL, asked=nothing)[0] == "problem"
    assert "only the user may bind" in plan_for(user(), ENROL, asked=nothing)[1]
    assert plan_for(user(), Terms("enrol", audit_only=True), asked=nothing)[0] == "todo"
    assert plan_for(user(binding="bound"), ENROL, asked=nothing)[2] == ["protect"]


# The way back


VMFA_BOUND = user(binding="bound", protection=VMFA)


@pytest.mark.parametrize(
    ("one", "seeds", "intents", "record", "fate", "steps"),
    [
        (user(), {}, [], {}, "already", []),
        # Who is recorded and not protected any more leaves the record.
        (user(), {}, [], recorded(), "todo", ["unprotect"]),
        (user(), {}, [], recorded(strategy="require"), "already", []),
        (user(protection=VMFA), {}, [], recorded(), "todo", ["unprotect"]),
        # Protection that no rollout has set, as far as is known, or one of the other strategy.
        (user(protection=VMFA), {}, [], {}, "left_alone", []),
        (user(protection=VMFA), {}, [], recorded("u2"), "left_alone", []),
        (user(protection=VMFA), {}, [], recorded(strategy="require"), "left_alone", []),
        # Protection by message is none that a rollout has set.
        (user(protection=SMS), {}, [], {}, "already", []),
        (user(protection=SMS), {}, [], recorded(), "todo", ["unprotect"]),
        (user(binding="bound", protection=SMS), stored(), [], {}, "todo", ["remove"]),
        (VMFA_BOUND, stored(), [], recorded(), "todo", ["unprotect", "remove"]),
        # Who is asked for a code needs the device that gives it.
        (VMFA_BOUND, stored(), [], {}, "left_alone", []),
        (user(binding="unbound"), stored(), [], {}, "todo", ["remove"]),
        (user(binding="unknown"), stored(), [], {}, "todo", ["remove"]),
        (user(binding="bound"), {}, [], {}, "left_alone", []),
        (user(binding="bound"), stored(serial="old"), [], {}, "left_alone", []),
        (user(binding="bound"), {}, ["u1"], {}, "left_alone", []),
        (VMFA_BOUND, {}, [], recorded(), "todo", ["unprotect"]),
        (user(binding="unknown"), {}, [], {}, "left_alone", []),
        (user(binding="unknown", serial=LEFTOVER), {}, ["u1"], {}, "todo", ["remove"]),
        (user(binding="unknown", serial=PHONE), {}, ["u1"], {}, "left_alone", []),
        (user(binding="unbound"), {}, [], {}, "left_alone", []),
        (user(binding="unbound", serial=LEFTOVER), {}, ["u1"], {}, "todo", ["remove"]),
        (user(binding="unbound", serial=PHONE), {}, ["u1"], {}, "left_alone", []),
        (user(binding="bound", enabled=False), stored(), [], {}, "todo", ["remove"]),
    ],
)
def test_taking_enrol_back_undoes_only_what_it_did(one, seeds, intents, record, fate, steps):
    assert plan_for(one, BACK, stored=seeds, intents=intents, record=record)[::2] == (fate, steps)


@pytest.mark.parametrize(
    ("one", "seeds", "fate", "steps"),
    [
        (user(protection=VMFA), {}, "todo", ["unprotect"]),
        (user(protection=SMS), {}, "already", []),
        (VMFA_BOUND, stored(), "todo", ["unprotect", "remove"]),
        (VMFA_BOUND, {}, "todo", ["unprotect"]),
        (user(binding="bound"), {}, "left_alone", []),
        (user(binding="bound"), stored(serial="old"), "left_alone", []),
        (user(binding="unbound"), {}, "todo", ["remove"]),
        (user(binding="unknown"), {}, "todo", ["remove"]),
    ],
)
def test_taking_everything_back_spares_only_a_bound_device_that_somebody_may_need(one, seeds, fate, steps):
    assert plan_for(one, Terms("enrol", "absent", rollback_all=True), stored=seeds)[::2] == (fate, steps)


@pytest.mark.parametrize(
    ("one", "seeds", "intents", "unbind"),
    [
        (user(binding="bound"), stored(), [], True),
        (user(binding="bound"), stored(), ["u1"], True),
        (user(binding="unknown"), stored(), [], True),
        (user(binding="unbound", serial=LEFTOVER), {}, ["u1"], False),
        # Of a device that is known by an announcement only nobody can say that it is not somebody else's.
        (user(binding="unknown", serial=LEFTOVER), {}, ["u1"], False),
        (user(binding="unknown", serial=LEFTOVER), stored(serial="old"), ["u1"], False),
        (user(binding="unbound"), {}, [], False),
        (user(binding="unknown"), {}, [], True),
    ],
)
def test_device_is_unbound_only_where_it_is_certainly_the_rollouts_or_all_was_asked_for(one, seeds, intents, unbind):
    entry = entry_for(one, Terms("enrol", "absent", rollback_all=True), stored=seeds, intents=intents)
    assert (entry["steps"], entry["unbind"], entry["serial_number"]) == (["remove"], unbind, one["device"]["serial_number"])


def test_reasons_for_what_stays_name_what_would_take_it_back():
    assert plan_for(user(protection=VMFA), BACK)[1].endswith("mfa_rollout_rollback_all=true lifts it")
    assert plan_for(VMFA_BOUND, BACK, stored=stored())[1].endswith("mfa_rollout_rollback_all=true lifts it")
    assert plan_for(user(binding="bound"), BACK)[1] == "has a bound device whose seed is not stored"
    assert plan_for(user(binding="unbound"), BACK)[1] == "has a device that this rollout did not make"


def test_store_of_which_nothing_is_said_is_taken_for_empty():
    plan = make_plan("all", audit_of(user(binding="unknown")), BACK)
    assert plan["users"][0]["reason"] == "has a device that this rollout did not make"


@pytest.mark.parametrize("before", [OFF, SMS, {"enabled": True, "verification_method": "email"}])
def test_roll_back_knows_what_protection_there_was_before(before):
    entry = entry_for(user(protection=VMFA), BACK, record=recorded(before=before))
    assert (entry["restore"], entry["protection"]) == (before, VMFA)
    assert entry_for(user(protection=VMFA), Terms("enrol", "absent", rollback_all=True))["restore"] == {}


@pytest.mark.parametrize("now", [OFF, SMS])
def test_roll_back_leaves_protection_that_is_not_the_rollouts_as_it_is(now):
    email = {"enabled": True, "verification_method": "email"}
    assert entry_for(user(binding="bound", protection=now), BACK, stored=stored(), record=recorded(before=email))["restore"] == now


@pytest.mark.parametrize("before", [OFF, SMS])
def test_roll_back_after_a_reset_that_was_ended_brings_back_what_was_before_the_rollout(before):
    lifted = {"u1": VMFA}
    entry = entry_for(user(), BACK, record=recorded(before=before), lifted=lifted)
    assert (entry["steps"], entry["restore"]) == (["unprotect"], before)
    # Somebody has set another one since.
    email = {"enabled": True, "verification_method": "email"}
    assert entry_for(user(protection=email), BACK, record=recorded(before=before), lifted=lifted)["restore"] == email
    # What no rollout has set, a roll-back leaves to the reset.
    assert plan_for(user(), BACK, record={}, lifted=lifted)[::2] == ("already", [])


def test_roll_back_says_of_whom_it_lifts_protection_why_their_device_stays():
    plan = planned([{"user_id": "u1"}], audit_of(VMFA_BOUND), BACK, record=recorded())
    assert plan["users"][0]["reason"] == "has a bound device whose seed is not stored"
    assert plan["lines"] == ["wave 1 of 1, to unprotect: name-u1", "left: name-u1: has a bound device whose seed is not stored"]


def test_seed_that_tells_what_was_before_stands_for_a_record_of_its_device():
    seeds = stored(before=SMS)
    entry = entry_for(VMFA_BOUND, BACK, stored=seeds)
    assert (entry["steps"], entry["restore"]) == (["unprotect", "remove"], SMS)
    # The record is older than the device, and knows what was before the first rollout.
    assert entry_for(VMFA_BOUND, BACK, stored=seeds, record=recorded(before=OFF))["restore"] == OFF
    assert entry_for(VMFA_BOUND, BACK, stored=seeds, record=recorded(strategy="require", before=OFF))["restore"] == SMS
    # The seed of a device that is gone tells nothing, nor does one to the strategy that makes no devices.
    assert plan_for(VMFA_BOUND, BACK, stored=stored(serial="old", before=SMS))[::2] == ("left_alone", [])
    assert plan_for(user(protection=VMFA), BACK, stored=seeds)[::2] == ("left_alone", [])
    assert plan_for(VMFA_BOUND, Terms("require", "absent"), stored=seeds)[::2] == ("left_alone", [])
    # Protection by message is none that a rollout has set.
    assert plan_for(user(binding="bound", protection=SMS), BACK, stored=seeds)[2] == ["remove"]


@pytest.mark.parametrize("record", [{}, recorded("u2")])
def test_record_alone_tells_whose_protection_a_rollout_has_set_also_where_it_names_nobody(record):
    assert plan_for(VMFA_BOUND, BACK, stored=stored(before=OFF), record=record)[::2] == ("left_alone", [])


@pytest.mark.parametrize("state", ["absent", "reset", "rotated"])
def test_there_is_no_plan_where_the_record_could_not_be_read(state):
    wanted, known = [{"user_id": "u1", **own()}], Known(seeds_in(stored(before=OFF)), unread=["record"])
    with pytest.raises(PlanError, match="the record of login protection could not be read, so nobody knows what a rollout has set"):
        make_plan(wanted, audit_of(VMFA_BOUND), Terms("enrol", state), known=known)


@pytest.mark.parametrize("before", [OFF, SMS])
def test_seed_that_replaces_another_keeps_what_was_before_the_rollout(before):
    seeds = stored(before=before)
    assert entry_for(user(), ENROL)["replaced"] == OFF
    assert entry_for(user(protection=SMS), ENROL)["replaced"] == SMS
    assert entry_for(VMFA_BOUND, Terms("enrol", "rotated"), stored=seeds)["replaced"] == before
    assert entry_for(VMFA_BOUND, Terms("enrol", "rotated"), stored=stored())["replaced"] == {}
    # A rotation that was ended after it had removed the device, and before protection was back.
    known = Known(seeds_in(seeds), lifted={"u1": VMFA})
    for state in ("rotated", "present"):
        plan = make_plan([{"user_id": "u1", **own()}], audit_of(user()), Terms("enrol", state), known=known)
        (entry,) = entries_of(plan)
        assert (entry["steps"], entry["replaced"]) == (["create", "bind", "protect"], before)


def test_audit_with_a_reset_of_nobody_yet_looks_at_everybody_and_plans_nothing():
    audit = audit_of(VMFA_BOUND)
    with pytest.raises(PlanError, match="mfa_rollout_users must name the users"):
        planned("all", audit, Terms("require", "reset"))
    plan = planned("all", audit, Terms("require", "reset", audit_only=True))
    assert entries_of(plan) == []
    assert [(fate["user_id"], fate["fate"]) for fate in plan["users"]] == [("u1", "left_alone")]


# Users who are gone


def leavers(seeds=(), intents=(), users=("u1", "u2"), terms=REQUIRE):
    """Who is to be forgotten, and what is said of it."""
    entries = {user_id: entry for each in seeds for user_id, entry in stored(each).items()}
    plan = planned("all", audit_of(*map(user, users)), terms, stored=entries, intents=intents)
    return plan["leavers"], plan["warnings"]


def test_users_who_are_gone_are_named_and_can_be_forgotten():
    gone, (warning,) = leavers(["u1", "u8", "u9"], ["u7", "u9"])
    assert gone == ["u8", "u9", "u7"]
    assert warning == "The store has seeds of 3 users who are gone: n, n, u7. mfa_rollout_purge_leavers=true forgets them."
    assert leavers(["u8"], ["u1"])[0] == ["u8"]
    _gone, (warning,) = leavers(["u1", "u8"], terms=Terms(purge_leavers=True))
    assert warning == "The store has seeds of 1 users who are gone: n. They are forgotten after the last wave."
    _gone, (warning,) = leavers(["u1", "u8"], terms=Terms(purge_leavers=True, audit_only=True))
    assert warning.endswith("mfa_rollout_purge_leavers=true forgets them.")
    assert leavers(["u1"]) == leavers() == ([], [])


@pytest.mark.parametrize(("seeds", "intents", "count"), [(["u8"], [], 1), (["u8", "u9"], ["u9"], 2), ([], ["u9"], 1)])
def test_nobody_is_forgotten_where_all_of_a_store_are_gone_for_it_may_be_another_accounts(seeds, intents, count):
    gone, (warning,) = leavers(seeds, intents)
    assert gone == []
    assert warning == (
        f"Not one of the {count} users whom the store knows is in this account, so none of them counts as gone: look whether mfa_rollout_auth and the store"
        " are those of one account, and let mfa_rollout_account_id say which."
    )


def test_taking_require_back_lifts_its_own_vmfa_and_nothing_else():
    back = Terms("require", "absent")
    own_record = recorded(strategy="require")
    assert plan_for(VMFA_BOUND, back, record=own_record, stored=stored())[2] == ["unprotect"]
    assert plan_for(VMFA_BOUND, back, record=recorded(strategy="enrol"), stored=stored())[::2] == ("left_alone", [])
    assert plan_for(VMFA_BOUND, back)[::2] == ("left_alone", [])
    assert plan_for(VMFA_BOUND, Terms("require", "absent", rollback_all=True))[2] == ["unprotect"]
    for protection in (SMS, OFF):
        entry = entry_for(user(binding="bound", protection=protection), back, record=own_record)
        assert (entry["steps"], entry["restore"]) == (["unprotect"], protection), "nothing but the record changes"


# Who is left alone


@pytest.mark.parametrize("terms", [ENROL, REQUIRE, Terms("enrol", "absent"), Terms("require", "absent")])
@pytest.mark.parametrize("named", [{"user_id": "u1"}, {"name": "name-u1"}])
def test_exempt_user_is_left_alone_with_the_reason(terms, named):
    one = user(binding="bound", protection=VMFA) if terms.state == "absent" else user()
    assert plan_for(one, terms, exempt=[{**named, "reason": "break-glass"}], stored=stored(), record=recorded()) == (
        "left_alone",
        "exempt: break-glass",
        [],
    )
    assert plan_for(one, terms, exempt=[named], stored=stored())[1] == "exempt: no reason given"


BOTH = user("u1"), user("u2")


@pytest.mark.parametrize(
    ("item", "spared"),
    [
        ({"user_id": "u1"}, ["u1"]),
        ({"name": "name-u1"}, ["u1"]),
        ({"user_id": "u1", "name": "name-u1"}, ["u1"]),
        # An old id, or an old name, beside what still fits.
        ({"user_id": "gone", "name": "name-u1"}, ["u1"]),
        ({"user_id": "u1", "name": "renamed"}, ["u1"]),
        ({"user_id": "u1", "name": "name-u2"}, ["u1", "u2"]),
        ({"user_id": None, "name": "name-u2"}, ["u2"]),
    ],
)
def test_whoever_fits_an_exemption_by_id_or_by_name_is_exempt(item, spared):
    plan = planned("all", audit_of(*BOTH), REQUIRE, [{**item, "reason": "why"}])
    assert [fate["user_id"] for fate in plan["users"] if fate["reason"] == "exempt: why"] == spared
    assert plan["warnings"] == []


def test_name_and_id_of_digits_may_come_as_numbers():
    plan = planned("all", audit_of(user("123", name="456"), user("u2", name="789")), REQUIRE, [{"user_id": 123}, {"name": 789}])
    assert entries_of(plan) == []


@pytest.mark.parametrize(
    "name", ["Name-u1", "NAME-U1", " name-u1", "name-u1 ", "name- u1", "name-u1\u00a0", "name\t-u1", "name\u200b-u1", "ｎame-u1"]
)
@pytest.mark.parametrize("terms", [REQUIRE, Terms(exempt_strict=False), Terms(audit_only=True), BACK])
def test_name_that_is_nearly_a_users_is_an_error_that_names_the_user(name, terms):
    for more in ({}, {"user_id": "u2"}):
        with pytest.raises(PlanError, match=r"mfa_rollout_exempt names .*, and the user is called 'name-u1': write it just so") as caught:
            planned("all", audit_of(*BOTH), terms, [{"name": name, **more}])
        assert f"names {name!r}, and" in str(caught.value)


@pytest.mark.parametrize("name", ["Ren\u00e9", "Rene\u0301", "RENE\u0301", "Ren\u200d\u00e9"])
def test_name_in_another_form_of_its_letters_is_nearly_a_users(name):
    for users in ("Ren\u00e9", "Rene\u0301"):
        audit = audit_of(user("u1", name=users), user("u2"))
        terms = Terms(exempt_strict=False)
        if name == users:
            assert [entry["user_id"] for entry in entries_of(planned("all", audit, terms, [{"name": name}]))] == ["u2"]
        else:
            with pytest.raises(PlanError, match="write it just so"):
                planned("all", audit, terms, [{"name": name}])


def test_nobody_is_called_none():
    audit = audit_of({**user("u1"), "name": None}, user("u2"))
    assert len(entries_of(planned("all", audit, Terms(exempt_strict=False), [{"name": "None"}]))) == 2


def test_names_that_differ_in_case_only_can_both_be_meant():
    audit = audit_of(user("u1", name="ada"), user("u2", name="Ada"))
    assert [entry["user_id"] for entry in entries_of(planned("all", audit, REQUIRE, [{"name": "Ada"}]))] == ["u1"]
    assert [entry["user_id"] for entry in entries_of(planned("all", audit, REQUIRE, [{"name": "ada"}]))] == ["u2"]
    with pytest.raises(PlanError, match="write it just so"):
        planned("all", audit, REQUIRE, [{"name": "ADA"}])


@pytest.mark.parametrize("state", ["present", "absent"])
@pytest.mark.parametrize("item", [{"name": "ghost"}, {"user_id": "ghost"}, {"user_id": "ghost", "name": "phantom"}])
def test_exemption_of_nobody_is_an_error_unless_accounts_share_a_list_or_nothing_is_done(item, state):
    with pytest.raises(
        PlanError, match=r"mfa_rollout_exempt names ghost, who is no user of this account\. Fix it, or set mfa_rollout_exempt_strict=false"
    ):
        planned("all", audit_of(user()), Terms("require", state), [item])
    for terms in (Terms("require", state, exempt_strict=False), Terms("require", state, audit_only=True)):
        assert planned("all", audit_of(user()), terms, [item])["warnings"] == [
            "mfa_rollout_exempt names ghost, who is no user of this account."
        ]


@pytest.mark.parametrize("option", ["access_key", "auth_token"])
def test_user_who_has_the_very_credentials_that_the_environment_gives_the_play_is_left_alone(option):
    audit = {**audit_of(user("u1"), user("u2"), user("u3"), administrators=[]), "caller": None, "credentials": digest_of(option, SECRET)}
    wanted = [{"user_id": "u1", option: SECRET}, {"user_id": "u2", option: f"{SECRET}2"}, {"user_id": "u3", "auth_password": SECRET}]
    plan = planned(wanted, audit, ENROL)
    assert [one["reason"] for one in plan["users"]] == ["the play runs as this user", "", ""]
    assert plan["warnings"] == [], "one of the users in the plan is the one"


@pytest.mark.parametrize("caller", [None, {"user_id": None, "name": None}, {"user_id": None, "name": None, "principal_urn": "sts::d1:x"}])
def test_user_without_a_name_is_not_the_caller_of_whom_nothing_is_known(caller):
    audit = {**audit_of({**user("u1"), "name": None}, user("u2"), administrators=[]), "caller": caller}
    for auth in ({}, {"auth_username": None}, {"auth_username": ""}):
        plan = planned("all", audit, REQUIRE, [{"user_id": "u2"}], auth=auth)
        assert [entry["user_id"] for entry in entries_of(plan)] == ["u1"]


@pytest.mark.parametrize("terms", [ENROL, REQUIRE, Terms("enrol", "absent")])
@pytest.mark.parametrize(
    ("caller", "auth", "asked"),
    [
        ({"user_id": "u1", "name": None}, {}, {}),
        ({"user_id": None, "name": "name-u1"}, {}, {}),
        (None, {"auth_user_id": "u1"}, {}),
        (None, {"auth_username": "name-u1"}, {}),
        (None, {"access_key": "AK"}, {"access_key": "AK", "secret_key": SECRET, "auth_password": None}),
        (None, {"auth_token": SECRET}, {"auth_token": SECRET, "auth_password": None}),
    ],
)
def test_user_whom_the_play_runs_as_is_left_alone(terms, caller, auth, asked):
    one = user(binding="bound", protection=VMFA) if terms.state == "absent" else user()
    audit = {**audit_of(one, administrators=[]), "caller": caller}
    plan = planned([{"user_id": "u1", **own(), **asked}], audit, terms, auth=auth, stored=stored(), record=recorded())
    assert plan["users"][0]["reason"] == "the play runs as this user"
    assert plan["waves"] == []


def test_name_of_another_account_is_not_taken_for_the_caller_whose_id_is_known():
    audit = audit_of(user(), caller={"user_id": "somebody", "name": "name-u1"})
    assert make_plan("all", audit, REQUIRE)["users"][0]["fate"] == "todo"


def test_caller_who_is_not_known_must_be_exempt_also_where_the_administrators_are_known():
    audit = {**audit_of(*BOTH, administrators=["u2"]), "caller": None}
    sentence = "The cloud does not tell which user the play runs as: name that user in mfa_rollout_exempt, so that they are not locked out."
    with pytest.raises(PlanError, match=f"^{sentence}$"):
        make_plan("all", audit, REQUIRE)
    plan = make_plan("all", audit, REQUIRE, [{"user_id": "u2"}])
    assert (plan["warnings"], [entry["user_id"] for entry in entries_of(plan)]) == ([sentence], ["u1"])
    assert make_plan("all", audit, Terms(audit_only=True))["warnings"] == [sentence]


NOBODY_KNOWN = {**audit_of(*BOTH), "caller": None, "administrators": None}


@pytest.mark.parametrize("wanted", ["all", [], [{"user_id": "u1"}]])
def test_account_of_which_neither_the_caller_nor_an_administrator_is_known_needs_an_exemption_that_fits(wanted):
    with pytest.raises(PlanError, match="name that user, or an administrator, in mfa_rollout_exempt, as a way in"):
        planned(wanted, NOBODY_KNOWN, REQUIRE)
    with pytest.raises(PlanError, match="as a way in"):
        planned(wanted, NOBODY_KNOWN, Terms(exempt_strict=False), [{"name": "ghost"}])
    plan = planned(wanted, NOBODY_KNOWN, REQUIRE, [{"user_id": "u2"}])
    assert "as a way in" in plan["warnings"][0]
    assert "u2" not in [entry["user_id"] for entry in entries_of(plan)]


AN_AGENCY = {"user_id": None, "name": None, "principal_urn": "sts::d1:assumed-agency:mfa/session"}


@pytest.mark.parametrize("caller", [AN_AGENCY, {**AN_AGENCY, "principal_urn": None}])
def test_agency_is_no_user_so_the_administrators_must_be_known_or_one_exempt(caller):
    known = {**audit_of(*BOTH, administrators=["u1"]), "caller": caller}
    plan = make_plan("all", known, REQUIRE)
    assert plan["warnings"] == []
    # The only administrator is the way in.
    assert [entry["user_id"] for entry in entries_of(plan)] == ["u2"]
    unknown = {**known, "administrators": None}
    with pytest.raises(PlanError, match=r"runs as an agency.*name an administrator in mfa_rollout_exempt, as a way in"):
        make_plan("all", unknown, REQUIRE)
    assert "runs as an agency" in make_plan("all", unknown, REQUIRE, [{"user_id": "u2"}])["warnings"][0]


def test_user_who_has_the_name_of_whoever_assumes_an_agency_is_somebody_else():
    audit = {**audit_of(user(), administrators=["u9"]), "caller": AN_AGENCY}
    login = {"auth_username": "name-u1", "auth_password": "pw", "auth_domain_name": "hub"}
    agency = {"agency_name": "mfa", "domain_name": "acme"}
    assert planned("all", audit, REQUIRE, auth={**login, "assume_agency": agency})["users"][0]["fate"] == "todo"
    assert planned("all", audit, REQUIRE, auth={**login, "assume_agency": {}})["users"][0]["fate"] == "left_alone"


def test_account_of_which_nobody_is_known_can_be_audited_and_rolled_back():
    assert "as a way in" in planned("all", NOBODY_KNOWN, Terms(audit_only=True))["warnings"][0]
    protected = [{**one, "login_protection": VMFA} for one in BOTH]
    plan = planned("all", {**NOBODY_KNOWN, "users": protected}, Terms("require", "absent"), record=recorded("u1", "require"))
    assert ([entry["user_id"] for entry in entries_of(plan)], plan["warnings"]) == (["u1"], [])


def test_cloud_that_tells_the_caller_need_not_tell_the_administrators():
    assert make_plan("all", {**audit_of(user()), "administrators": None}, REQUIRE)["warnings"] == []


@pytest.mark.parametrize("auth", [{}, {"auth_username": None}, {"auth_username": ""}])
def test_user_called_none_is_not_the_one_whom_a_login_without_a_name_means(auth):
    for name in ("None", ""):
        audit = {**audit_of({**user("u1"), "name": name}, administrators=[]), "caller": None}
        with pytest.raises(PlanError, match="does not tell which user the play runs as"):
            planned("all", audit, REQUIRE, auth=auth)


SOMEBODY = {"user_id": "somebody else", "name": None}


def administered(*users, by=("u1", "u2"), caller=None):
    return {**audit_of(*users), "caller": caller or SOMEBODY, "administrators": list(by)}


def spared(audit, terms=REQUIRE, **context):
    """Whom a plan for everybody leaves alone as the last administrator, and the ids of those whom it touches."""
    wanted = [{"user_id": one["user_id"], **own()} for one in audit["users"]]
    plan = planned(wanted, audit, terms, **context)
    last = [fate["user_id"] for fate in plan["users"] if fate["reason"].startswith("the last administrator")]
    return last, [entry["user_id"] for wave in plan["waves"] for entry in wave]


@pytest.mark.parametrize("terms", [ENROL, REQUIRE, Terms("enrol", login_protection=False)])
def test_last_administrator_is_left_alone_and_so_it_is_in_the_next_run(terms):
    assert spared(administered(user("u1"), user("u2"), user("u3")), terms) == (["u1"], ["u2", "u3"])
    protection = VMFA if terms.login_protection else OFF
    enrolled = [user(name, binding="bound", protection=protection) for name in ("u2", "u3")]
    seeds = {**stored("u2"), **stored("u3")}
    assert spared(administered(user("u1"), *enrolled), terms, stored=seeds) == (["u1"], [])
    assert spared(administered(user("u1"), by=["u1"]), terms) == (["u1"], [])


def test_no_administrator_is_spared_where_one_stays_as_before():
    both = user("u1"), user("u2")
    assert spared(administered(*both), exempt=[{"user_id": "u2"}]) == ([], ["u1"])
    assert spared(administered(*both, caller={"user_id": "u1", "name": None})) == ([], ["u2"])
    assert spared(administered(*both), auth={"auth_username": "name-u2"}) == ([], ["u1"])
    assert spared(administered(*both, by=[])) == ([], ["u1", "u2"])
    protected = user("u1"), user("u2", protection=VMFA, binding="bound")
    assert spared(administered(*protected), exempt=[{"user_id": "u2"}]) == ([], ["u1"])
    assert spared(administered(*protected, caller={"user_id": "u2", "name": None})) == ([], ["u1"])
    plan = make_plan([{"user_id": "u1"}], administered(*both), REQUIRE)
    assert [len(wave) for wave in plan["waves"]] == [1], "the other one is not included at all"


def test_administrator_who_cannot_log_in_or_logs_in_with_a_device_is_no_way_in():
    assert spared(administered(user("u1"), user("u2", enabled=False)), exempt=[{"user_id": "u2"}]) == (["u1"], [])
    assert spared(administered(user("u1"), user("u2", protection=VMFA))) == (["u1"], [])
    assert spared(administered(user("u1"), user("u2"), by=["u1", "gone"])) == (["u1"], ["u2"])
    assert spared(administered(user("u1"), user("u2"), caller={"user_id": "u3", "name": None})) == (["u1"], ["u2"])


def test_last_administrator_is_taken_back_like_everybody():
    one = user("u1", protection=VMFA)
    assert spared(administered(one), Terms("require", "absent"), record=recorded(strategy="require")) == ([], ["u1"])


PROVING = Terms("enrol", prove_login=True)


@pytest.mark.parametrize(
    ("one", "seeds", "steps"),
    [
        (user(), {}, [*NEW, "prove"]),
        (user(), stored(proven=True), [*NEW, "prove"]),
        (user(binding="bound", protection=VMFA, serial="old"), several(seed_of("new"), seed_of("old", proven=True)), []),
        (user(binding="bound", protection=VMFA, serial="new"), several(seed_of("new"), seed_of("old", proven=True)), ["prove"]),
        (user(binding="unbound"), stored(proven=True), ["bind", "protect", "prove"]),
        (user(binding="bound"), stored(), ["protect", "prove"]),
        (user(binding="bound", protection=VMFA), stored(), ["prove"]),
        (user(binding="bound", protection=VMFA), stored(proven=True), []),
        (user(binding="unknown", protection=VMFA), stored(bound=True, proven=True), []),
        # Nobody but the users themselves has the seed of a device of their own.
        (user(binding="bound"), {}, ["protect"]),
        (user(binding="bound"), stored(serial="old"), ["protect"]),
        (user(binding="unknown"), {}, []),
    ],
)
def test_login_is_proven_once_with_the_stored_seed(one, seeds, steps):
    assert plan_for(one, PROVING, stored=seeds)[2] == steps


def test_login_is_proven_only_where_it_was_asked_for_and_there_is_a_password():
    assert plan_for(user(), ENROL)[2] == NEW
    assert plan_for(user(), PROVING, asked={"auth_password": None, "auth_token": SECRET})[2] == NEW
    assert plan_for(user(), Terms("require", prove_login=True))[2] == ["protect"]
    assert plan_for(user(protection=VMFA), Terms("enrol", "absent", prove_login=True), record=recorded())[2] == ["unprotect"]


# Who is asked for


def test_user_who_does_not_exist_is_a_problem_and_the_others_go_on():
    plan = make_plan([{"name": "ghost"}, {"name": "name-u1"}, {"user_id": "gone", "name": "name-u2"}], audit_of(*BOTH), REQUIRE)
    assert [fate["fate"] for fate in plan["users"]] == ["problem", "todo", "problem"]
    assert plan["lines"][-1] == "problem: ghost, name-u2: no such user in this account"
    assert all(fate["named"] for fate in plan["users"])


def test_all_means_everybody_and_an_empty_list_nobody():
    plan = make_plan("all", audit_of(*BOTH), REQUIRE)
    assert [(fate["user_id"], fate["named"]) for fate in plan["users"]] == [("u1", False), ("u2", False)]
    nobody = make_plan([], audit_of(*BOTH), REQUIRE)
    assert (nobody["waves"], nobody["users"], nobody["lines"]) == ([], [], [])
    assert [fate["named"] for fate in make_plan([{"name": "name-u1"}], audit_of(*BOTH), REQUIRE)["users"]] == [True]


@pytest.mark.parametrize("state", ["present", "absent"])
def test_id_and_name_of_two_users_are_an_error(state):
    words = "mfa_rollout_users: user_id u1 is name-u1 and not name-u2: give the one or the other"
    with pytest.raises(PlanError, match=words):
        make_plan([{"user_id": "u1", "name": "name-u2"}], audit_of(*BOTH), Terms("require", state))
    # The name beside an id may be an old one.
    assert make_plan([{"user_id": "u1", "name": "renamed"}], audit_of(*BOTH), REQUIRE)["users"][0]["user_id"] == "u1"


@pytest.mark.parametrize(
    ("wanted", "exempt", "terms", "named"),
    [
        ([{"user_id": "u1"}, {"name": "name-u1"}], [], REQUIRE, "mfa_rollout_users names user name-u1 .u1. twice"),
        ([{}], [], REQUIRE, "mfa_rollout_users must be"),
        (["name-u1"], [], REQUIRE, "mfa_rollout_users must be"),
        # Nothing else may be taken for everybody, nor for nobody.
        ({}, [], REQUIRE, "mfa_rollout_users must be"),
        ("", [], REQUIRE, "mfa_rollout_users must be"),
        ("ALL", [], REQUIRE, "mfa_rollout_users must be"),
        ("name-u1", [], REQUIRE, "mfa_rollout_users must be"),
        (None, [], REQUIRE, "mfa_rollout_users must be"),
        (5, [], REQUIRE, "mfa_rollout_users must be"),
        ([], ["name-u1"], REQUIRE, "mfa_rollout_exempt must be"),
        ([], [{"reason": "x"}], REQUIRE, "mfa_rollout_exempt must be"),
        ([], [], Terms("force"), "mfa_rollout_strategy must be"),
        ([], [], Terms("require", "gone"), "mfa_rollout_state must be"),
        ([], [], Terms(wave_sizes=[]), "mfa_rollout_wave_sizes must be"),
        ([], [], Terms(wave_sizes=[0]), "mfa_rollout_wave_sizes must be"),
        ([], [], Terms(wave_sizes=[1, -1]), "mfa_rollout_wave_sizes must be"),
        ([], [], Terms(wave_sizes=["1"]), "mfa_rollout_wave_sizes must be"),
        ([], [], Terms(wave_sizes=[True]), "mfa_rollout_wave_sizes must be"),
    ],
)
def test_wrong_input_is_refused_by_the_variables_name(wanted, exempt, terms, named):
    with pytest.raises(PlanError, match=named):
        make_plan(wanted, audit_of(user()), terms, exempt=exempt)


# Waves


@pytest.mark.parametrize(
    ("count", "sizes", "waves"),
    [(0, [1, 10], []), (1, [1, 10], [1]), (5, [1, 10], [1, 4]), (35, [1, 10], [1, 10, 10, 10, 4]), (4, [2], [2, 2]), (3, [10], [3])],
)
def test_last_wave_size_is_repeated(count, sizes, waves):
    users = [user(f"u{number}") for number in range(count)]
    plan = make_plan("all", audit_of(*users), Terms(wave_sizes=sizes))
    assert [len(wave) for wave in plan["waves"]] == waves
    assert [entry["user_id"] for wave in plan["waves"] for entry in wave] == [one["user_id"] for one in users]


def test_administrators_and_the_root_user_come_last_where_nobody_has_given_an_order():
    users = [user(f"u{number}") for number in range(1, 6)]
    audit = {**audit_of(*users, administrators=["u1", "u3"], caller=SOMEBODY), "root": {"user_id": "u2", "name": None, "mfa": "yes"}}

    def order(wanted, **changes):
        plan = planned(wanted, {**audit, **changes}, REQUIRE, exempt=[{"user_id": "u1"}])
        return [entry["user_id"] for entry in entries_of(plan)]

    assert order("all") == ["u4", "u5", "u2", "u3"]
    assert order("all", administrators=None) == ["u3", "u4", "u5", "u2"]
    assert order("all", administrators=None, root={"user_id": None, "name": None, "mfa": "unknown"}) == ["u2", "u3", "u4", "u5"]
    given = ["u3", "u2", "u5", "u4"]
    assert order([{"user_id": user_id} for user_id in given]) == given


def test_roll_back_keeps_the_order_of_the_listing():
    users = [user(f"u{number}", protection=VMFA) for number in range(1, 4)]
    plan = planned("all", audit_of(*users, administrators=["u1"]), Terms("require", "absent", rollback_all=True))
    assert [entry["user_id"] for entry in entries_of(plan)] == ["u1", "u2", "u3"]


def test_plan_is_told_in_a_line_a_wave_and_one_for_whoever_is_not_included():
    users = [user("u1"), user("u2", binding="unbound"), user("u3"), user("u4"), user("u5", enabled=False)]
    done = [user(name, binding="bound", protection=VMFA) for name in ("u6", "u7")]
    wanted = [{"user_id": one["user_id"], **own()} for one in (*users, *done)] + [{"user_id": "u8"}, {"name": "ghost"}]
    audit = audit_of(*users, *done)
    plan = planned(wanted, audit, Terms("enrol", wave_sizes=[1, 2, 1]), stored=stored("u2"))
    assert plan["lines"] == [
        "wave 1 of 3, to create, bind, protect: name-u1",
        "wave 2 of 3, to bind, protect: name-u2; to create, bind, protect: name-u3",
        "wave 3 of 3, to create, bind, protect: name-u4",
        "2 already compliant",
        "left: name-u6, name-u7: has a bound device whose seed is not stored",
        "skipped: name-u5: the user is disabled",
        "problem: u8, ghost: no such user in this account",
    ]
    assert make_plan("all", audit_of(user()), REQUIRE)["lines"] == ["wave 1 of 1, to protect: name-u1"]
    three = audit_of(user("u1"), user("u2"), user("u3"))
    assert make_plan("all", three, Terms(wave_sizes=[3]))["lines"] == ["wave 1 of 1, to protect: name-u1 and 2 more"]


def test_equal_reasons_are_told_once_with_the_first_names_and_a_count():
    users = [user(f"u{number:02}", enabled=False) for number in range(13)]
    (line,) = make_plan("all", audit_of(*users), REQUIRE)["lines"]
    names = ", ".join(f"name-u{number:02}" for number in range(10))
    assert line == f"skipped: {names} and 3 more: the user is disabled"


def test_audit_shows_everybody_and_says_who_was_not_asked_for():
    wanted = [{"user_id": "u2"}]
    audit = audit_of(user("u1"), user("u2"), user("u3", enabled=False))
    plan = planned(wanted, audit, Terms("enrol", audit_only=True))
    assert [(fate["user_id"], fate["fate"], fate["named"]) for fate in plan["users"]] == [
        ("u2", "todo", True),
        ("u1", "left_alone", False),
        ("u3", "left_alone", False),
    ]
    assert plan["lines"][-1] == "skipped: name-u1, name-u3: not asked for in mfa_rollout_users"
    assert [fate["user_id"] for fate in planned([{**wanted[0], **own()}], audit, Terms("enrol"))["users"]] == ["u2"]
    assert [fate["fate"] for fate in planned([], audit, Terms("enrol", audit_only=True))["users"]] == ["left_alone"] * 3


# Users without credentials of their own


def test_only_where_v5_answers_a_user_needs_no_credentials_of_their_own():
    wanted = [{"user_id": "u1"}]
    assert planned(wanted, audit_of(user(), api="v5"), ENROL)["users"][0]["fate"] == "todo"
    for audit in (audit_of(user(), api="v3"), audit_of(user())):
        plan = planned(wanted, audit, ENROL)
        assert plan["users"][0]["fate"] == "problem"
        assert plan["users"][0]["reason"].startswith("no credentials of their own, and only the user may bind: give auth_password")


@pytest.mark.parametrize(("sizes", "waves"), [([1, 10], [1, 3]), ([10], [1, 3]), ([2, 1], [1, 2, 1])])
def test_one_user_without_credentials_is_tried_first_and_alone(sizes, waves):
    users = [user(f"u{number}") for number in range(4)]
    wanted = [{"user_id": one["user_id"], **(own() if one["user_id"] in ("u0", "u3") else {})} for one in users]
    plan = planned(wanted, audit_of(*users, api="v5"), Terms("enrol", wave_sizes=sizes))
    assert [len(wave) for wave in plan["waves"]] == waves
    assert [entry["user_id"] for entry in entries_of(plan)] == ["u1", "u0", "u2", "u3"]
    assert [entry["index"] for entry in entries_of(plan)] == [1, 0, 2, 3]
    with_own = [{"user_id": one["user_id"], **own()} for one in users]
    assert [len(wave) for wave in planned(with_own, audit_of(*users, api="v5"), Terms("enrol", wave_sizes=[3]))["waves"]] == [3, 1]


# Whatever an account, a store and a record hold


SERIALS = ["phone", "old", "key"]
DEVICES = st.builds(
    device_of, st.sampled_from(SERIALS), st.sampled_from(["bound", "unbound", "unknown"]), st.sampled_from(["virtual", "unknown", "other"])
)


@st.composite
def users_of_a_cloud(draw):
    """Users as clouds show them: with devices in ``devices`` too, of kinds, as v5 does, or with at most one device as v3 does."""
    user_id = f"u{draw(st.integers(0, 12))}"
    devices = draw(st.lists(DEVICES, max_size=2, unique_by=lambda device: device["serial_number"]))
    if devices and draw(st.booleans()):
        devices[0] = {**devices[0], "serial_number": f"iam::d1:mfa:mfa-{user_id}-0a1b2c3d"}
    one = user(user_id, protection=draw(st.sampled_from([OFF, VMFA, SMS])), enabled=draw(st.booleans()))
    one["device"] = next((device for device in devices if device["kind"] != "other"), None)
    if draw(st.booleans()):
        one["devices"] = devices
    elif one["device"] is not None and draw(st.booleans()):
        one["device"] = {"serial_number": one["device"]["serial_number"], "binding": one["device"]["binding"]}
    return one


ACCOUNT = st.lists(users_of_a_cloud(), max_size=12, unique_by=lambda one: one["user_id"])
TERMS = st.builds(
    Terms,
    strategy=st.sampled_from(["require", "enrol"]),
    state=st.sampled_from(["present", "absent"]),
    login_protection=st.booleans(),
    wave_sizes=st.lists(st.integers(1, 7), min_size=1, max_size=3),
    prove_login=st.booleans(),
    exempt_strict=st.booleans(),
    replace_unbound=st.booleans(),
    rollback_all=st.booleans(),
    audit_only=st.booleans(),
)
STORED_SEED = st.builds(
    lambda serial, bound, proven, before: seed_of(serial, bound=bound, proven=proven, before=before),
    st.sampled_from(SERIALS),
    st.booleans(),
    st.booleans(),
    st.sampled_from([None, OFF, SMS]),
)
STORED = st.lists(STORED_SEED, min_size=1, max_size=3, unique_by=lambda seed: seed["serial_number"]).map(
    lambda seeds: several(*seeds)["u1"]
)


def devices_shown(one):
    return one.get("devices") or [one["device"]] * (one["device"] is not None)


def seed_for(serial, entry):
    """The stored seed of a device, found by nobody's code but the test's."""
    seeds = [entry, *entry["earlier"]] if entry else []
    return next((seed for seed in seeds if seed["serial_number"] == serial), None)


def surely_bound(device, seed):
    return device["binding"] == "bound" or (device["binding"] == "unknown" and bool(seed) and seed["bound"])


@settings(max_examples=100, deadline=None)
@given(st.data(), ACCOUNT, TERMS)
def test_everybody_has_one_fate_and_waves_hold_nobody_who_must_not_be_touched(data, users, terms):
    ids = [one["user_id"] for one in users]
    by_id = {one["user_id"]: one for one in users}
    some = st.lists(st.sampled_from(ids), unique=True) if ids else st.just([])
    names = {"by id": lambda one: {"user_id": one}, "by name": lambda one: {"name": f"name-{one}"}}
    naming = st.sampled_from(["by id", "by name"])
    exempt, callers, intents = data.draw(some), data.draw(some)[:1], data.draw(some)
    exemptions = [names[data.draw(naming)](user_id) for user_id in exempt]
    named = data.draw(some)
    wanted = (
        "all" if data.draw(st.booleans()) else [{**names[data.draw(naming)](one), **own(device_name="d", access_key=one)} for one in named]
    )
    audit = audit_of(*users, caller={"user_id": "admin", "name": None}, administrators=data.draw(some))
    # Who the play runs as may be known from each of these.
    known_by = data.draw(st.sampled_from(["id", "name", "login", "login id", *(["key"] if wanted == "all" and exempt else [])]))
    auth = {"auth_token": SECRET}
    if callers:
        audit["caller"] = {"id": {"user_id": callers[0], "name": None}, "name": {"user_id": None, "name": f"name-{callers[0]}"}}.get(
            known_by
        )
        auth.update(
            {
                "login": {"auth_username": f"name-{callers[0]}"},
                "login id": {"auth_user_id": callers[0]},
                "key": {"access_key": callers[0]},
            }.get(known_by, {})
        )
    seeds = {user_id: data.draw(STORED) for user_id in data.draw(some)}
    record = {user_id: recorded(user_id, data.draw(st.sampled_from(["require", "enrol"])))[user_id] for user_id in data.draw(some)}
    plan = planned(wanted, audit, terms, exemptions, seeds, intents, record, auth)

    asked = ids if wanted == "all" else named
    # Who looks at an account sees all of it.
    others = [user_id for user_id in ids if user_id not in asked] if terms.audit_only else []
    assert [fate["user_id"] for fate in plan["users"]] == asked + others
    entries = entries_of(plan)
    moved = [entry["user_id"] for entry in entries]
    assert moved == [fate["user_id"] for fate in plan["users"] if fate["fate"] == "todo"]
    # A key is recognised where a user of the list has the very same.
    assert not set(moved) & (set(exempt) | (set() if known_by == "key" else set(callers)))
    # Waves keep the order, and each is as large as its size, the last size again and again; only the last wave may be smaller.
    sizes = [terms.wave_sizes[min(number, len(terms.wave_sizes) - 1)] for number in range(len(plan["waves"]))]
    assert [len(wave) for wave in plan["waves"][:-1]] == sizes[:-1]
    assert not plan["waves"] or len(plan["waves"][-1]) <= sizes[-1]
    assert [asked[entry["index"]] for entry in entries] == moved
    assert all(wave for wave in plan["waves"])
    assert all(fate["reason"] for fate in plan["users"] if fate["fate"] in ("left_alone", "problem"))
    assert SECRET not in str(plan) and "seed-" not in str(plan)
    administrators = [by_id[user_id] for user_id in audit["administrators"] if by_id[user_id]["enabled"]]
    if administrators and terms.state == "present":
        assert any(one["user_id"] not in moved for one in administrators)
    for entry in entries:
        one, steps = by_id[entry["user_id"]], entry["steps"]
        device = next((shown for shown in devices_shown(one) if shown["serial_number"] == entry["serial_number"]), None)
        seed = seed_for(entry["serial_number"], seeds.get(one["user_id"]))
        assert steps and steps == sorted(steps, key=ORDER.index)
        assert terms.strategy == "enrol" or steps in (["protect"], ["unprotect"])
        if terms.state == "present":
            assert one["enabled"]
            assert set(steps) <= {"create", "bind", "protect", "prove"}
        else:
            assert set(steps) <= {"unprotect", "remove"}
        if "create" in steps:
            assert steps[:2] == ["create", "bind"] and entry["serial_number"] is None
            for shown in devices_shown(one):
                its_seed = seed_for(shown["serial_number"], seeds.get(one["user_id"]))
                # A key stands beside the new device, and what is replaced is certainly neither bound nor of use.
                assert shown.get("kind") == "other" or not surely_bound(shown, its_seed)
                assert its_seed is None
                assert shown.get("kind") != "unknown"
                assert (
                    shown.get("kind") == "other"
                    or entry["leftover"] == shown["serial_number"]
                    or (shown["binding"] == "unbound" and terms.replace_unbound)
                )
        elif "bind" in steps:
            assert seed is not None and device is not None and not surely_bound(device, seed)
        elif "protect" in steps and terms.strategy == "enrol":
            assert surely_bound(device, seed)
        if "prove" in steps:
            assert terms.prove_login and ("create" in steps or seed is not None)
        if "protect" in steps:
            assert one["login_protection"] != VMFA and terms.login_protection | (terms.strategy == "require")
        if "unprotect" in steps and one["login_protection"] != VMFA:
            assert entry["restore"] == one["login_protection"] and record[one["user_id"]]["strategy"] == terms.strategy
        elif "unprotect" in steps:
            seeds_shown = [seed_for(shown["serial_number"], seeds.get(one["user_id"])) for shown in devices_shown(one)]
            told_by_seed = terms.strategy == "enrol" and any(each and each["before"] for each in seeds_shown)
            assert terms.rollback_all or told_by_seed or record[one["user_id"]]["strategy"] == terms.strategy
        if "remove" in steps:
            assert device is not None
            assert device["binding"] != "bound" or seed is not None
            assert seed is not None or (device.get("kind", "virtual") == "virtual" and (entry["leftover"] or terms.rollback_all))
            assert seed is not None or not entry["unbind"] or not entry["leftover"]
            # Nobody whom login protection still holds loses the device that it asks for.
            assert one["login_protection"] != VMFA or "unprotect" in steps


# Beside the plan


WAVE = [{"user_id": "u1", "name": "name-u1", "device_name": "phone", "steps": NEW, "index": 0}]


@pytest.mark.parametrize("named", [{"user_id": "u1"}, {"name": "name-u1"}])
def test_credentials_are_found_for_their_own_user_and_no_other(named):
    others = [{"user_id": "u2", "auth_token": "other"}]
    users = [{**named, "auth_password": SECRET, "note": "x"}, *others]
    own_ones = own_credentials(WAVE, users)
    assert own_ones == {"u1": {"auth_password": SECRET}}
    # Also where the list is no longer in the order of the plan, or shorter.
    assert own_ones == own_credentials(WAVE, users[::-1])
    assert all(own_ones == own_credentials([{**WAVE[0], "index": index}], users) for index in (1, 2, 9))
    assert own_credentials(WAVE, others) == {"u1": {}}
    assert own_credentials(WAVE, []) == {"u1": {}}


def test_credentials_are_found_in_the_part_of_the_list_that_holds_a_wave():
    users = [{"user_id": f"u{number}", "auth_token": f"t{number}"} for number in range(10)]
    wave = [{**WAVE[0], "user_id": f"u{number}", "index": number} for number in (4, 5, 6)]
    expected = {f"u{number}": {"auth_token": f"t{number}"} for number in (4, 5, 6)}
    assert own_credentials(wave, users[4:7], 4) == expected
    assert own_credentials(wave, users, 0) == expected
    assert own_credentials(wave, users[4:7], 0) == expected, "the part is searched where its place is wrong"


def test_all_credentials_of_a_user_are_found():
    given_ones = dict.fromkeys(OWN_CREDENTIALS, SECRET)
    assert own_credentials(WAVE, [{"user_id": "u1", **given_ones, "device_name": "d"}]) == {"u1": given_ones}


def test_terms_have_defaults():
    assert terms_of({}) == Terms(wave_sizes=[1, 10, 100, 1000])
    assert terms_of({"strategy": "enrol", "wave_sizes": [5]}) == Terms("enrol", wave_sizes=[5])


@pytest.mark.parametrize("flag", ["login_protection", "prove_login", "exempt_strict", "replace_unbound", "rollback_all", "audit_only"])
@pytest.mark.parametrize("value", [True, False])
def test_terms_are_taken_as_they_are_given(flag, value):
    assert getattr(terms_of({flag: value}), flag) is value


def test_stored_seed_is_never_shown_by_what_is_known_of_an_account():
    assert SECRET not in repr(Known(seeds_in(stored()), auth=own()))
    assert isinstance(stored_seed(user(binding="bound"), seeds_in(stored())["u1"]), StoredSeed)


@pytest.mark.parametrize("auth", [{"auth_user_id": "u1"}, {"auth_username": "name-u1"}])
def test_login_that_names_its_user_is_way_in_enough_where_the_cloud_tells_nothing(auth):
    audit = {**audit_of(user("u1"), user("u2")), "caller": None, "administrators": None}
    plan = planned("all", audit, REQUIRE, auth=auth)
    assert [fate["fate"] for fate in plan["users"]] == ["left_alone", "todo"]
    with pytest.raises(PlanError, match="nor who administers the account"):
        planned("all", audit, REQUIRE, auth={"auth_username": "somebody else's"})
