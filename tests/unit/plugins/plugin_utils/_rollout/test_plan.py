# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import csv
import io
import json
import re

import pytest
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout import plan as _rollout
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.plan import (
    PlanError,
    Terms,
    items_for,
    make_plan,
    make_report,
    new_seeds,
    outcomes_of,
    proven_seeds,
)
from hypothesis import example, given
from hypothesis import strategies as st

OFF = {"enabled": False, "verification_method": "none"}
VMFA = {"enabled": True, "verification_method": "vmfa"}
SMS = {"enabled": True, "verification_method": "sms"}
SECRET = "s3cret"
ENROL = Terms("enrol")
REQUIRE = Terms("require")


def user(user_id="u1", binding=None, protection=None, enabled=True, name=None, serial=None):
    device = None if binding is None else {"serial_number": serial or f"serial-{user_id}", "binding": binding}
    return {
        "user_id": user_id,
        "name": name or f"name-{user_id}",
        "enabled": enabled,
        "device": device,
        "login_protection": protection or OFF,
    }


def audit_of(*users, caller=None):
    counts = {"users": len(users), "vmfa": 0, "bound": 0, "unknown": 0}
    return {"users": list(users), "caller": caller or {"user_id": "admin", "name": None}, "summary": counts}


def stored(user_id="u1", serial=None, **more):
    return {user_id: {"serial_number": serial or f"serial-{user_id}", "seed": SECRET, "name": "n", **more}}


def plan_for(one, terms, asked=None, **context):
    """Fate, reason and steps of one user."""
    wanted = [{"user_id": one["user_id"], "auth_password": SECRET, **(asked or {})}]
    plan = make_plan(wanted, audit_of(one), terms, **context)
    steps = [step for wave in plan["waves"] for entry in wave for step in entry["steps"]]
    return plan["users"][0]["fate"], plan["users"][0]["reason"], steps


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


NEW = ["create", "bind", "protect"]


@pytest.mark.parametrize(
    ("one", "seeds", "intents", "fate", "steps"),
    [
        (user(), {}, [], "todo", NEW),
        (user(protection=VMFA), {}, [], "todo", NEW[:2]),
        # A leftover seed of a device that is gone is no reason to bind with it.
        (user(), stored(), [], "todo", NEW),
        (user(binding="bound"), {}, [], "todo", ["protect"]),
        (user(binding="bound", protection=VMFA), {}, [], "already", []),
        (user(binding="bound", protection=VMFA), stored(), ["u1"], "already", []),
        (user(binding="unbound"), stored(), [], "todo", ["bind", "protect"]),
        (user(binding="unbound"), {}, [], "todo", NEW),
        (user(binding="unbound"), stored(serial="old"), [], "todo", NEW),
        (user(binding="unknown"), stored(), [], "todo", ["bind", "protect"]),
        (user(binding="unknown"), stored(bound=True), [], "todo", ["protect"]),
        (user(binding="unknown", protection=VMFA), stored(bound=True), [], "already", []),
        (user(binding="unknown"), stored(serial="old", bound=True), [], "left_alone", []),
        (user(binding="unknown"), {}, [], "left_alone", []),
        (user(binding="unknown"), {}, ["u1"], "todo", NEW),
        (user(enabled=False), {}, [], "left_alone", []),
    ],
)
def test_enrol_does_what_is_missing_and_nothing_it_cannot_account_for(one, seeds, intents, fate, steps):
    assert plan_for(one, ENROL, stored=seeds, intents=intents)[::2] == (fate, steps)


def test_enrol_without_protection_stops_at_binding():
    assert plan_for(user(), Terms("enrol", login_protection=False))[2] == ["create", "bind"]
    assert plan_for(user(binding="bound"), Terms("enrol", login_protection=False))[0] == "already"


def test_only_a_device_of_an_intent_is_presumed_unbound():
    wave = make_plan([{"user_id": "u1", **own()}], audit_of(user(binding="unknown")), ENROL, intents=["u1"])["waves"][0]
    assert wave[0]["presume_unbound"]
    wave = make_plan([{"user_id": "u1", **own()}], audit_of(user(binding="unbound")), ENROL)["waves"][0]
    assert not wave[0]["presume_unbound"]
    wave = make_plan([{"user_id": "u1", **own()}], audit_of(user(binding="unknown")), ENROL, intents=["u1"], stored=stored())["waves"][0]
    assert not wave[0]["presume_unbound"]


def own():
    return {"auth_password": SECRET}


@pytest.mark.parametrize("own_credentials", [{"auth_password": SECRET}, {"auth_token": SECRET}, {"access_key": "AK", "secret_key": SECRET}])
def test_any_own_credential_is_enough_to_be_enrolled(own_credentials):
    assert plan_for(user(), ENROL, asked={"auth_password": None, **own_credentials})[0] == "todo"


def test_enrol_without_own_credentials_is_a_problem_unless_nobody_will_be_bound():
    nothing = {"auth_password": None}
    assert plan_for(user(), ENROL, asked=nothing)[0] == "problem"
    assert "only the user himself may bind" in plan_for(user(), ENROL, asked=nothing)[1]
    assert plan_for(user(), ENROL, asked=nothing, audit_only=True)[0] == "todo"
    assert plan_for(user(binding="bound"), ENROL, asked=nothing)[2] == ["protect"]


@pytest.mark.parametrize(
    ("one", "seeds", "intents", "store_known", "fate", "steps"),
    [
        (user(), {}, [], True, "already", []),
        (user(protection=VMFA), {}, [], True, "todo", ["unprotect"]),
        # Protection by message is none that a rollout has set.
        (user(protection=SMS), {}, [], True, "already", []),
        (user(binding="bound", protection=SMS), stored(), [], True, "todo", ["remove"]),
        (user(binding="bound", protection=VMFA), stored(), [], True, "todo", ["unprotect", "remove"]),
        (user(binding="unknown"), stored(), [], True, "todo", ["remove"]),
        (user(binding="bound"), {}, [], True, "left_alone", []),
        (user(binding="bound"), stored(serial="old"), [], True, "left_alone", []),
        (user(binding="unknown"), {}, ["u1"], True, "todo", ["remove"]),
        (user(binding="bound"), {}, [], False, "todo", ["remove"]),
        (user(binding="bound", enabled=False), stored(), [], True, "todo", ["remove"]),
    ],
)
def test_taking_enrol_back_removes_only_what_it_made(one, seeds, intents, store_known, fate, steps):
    back = Terms("enrol", "absent")
    assert plan_for(one, back, stored=seeds, intents=intents, store_known=store_known)[::2] == (fate, steps)


def test_store_of_which_nothing_is_said_is_taken_for_empty():
    plan = make_plan([], audit_of(user(binding="bound")), Terms("enrol", "absent"))
    assert plan["users"][0]["reason"] == "has a device that this rollout did not make"


def test_user_without_a_device_is_not_bound_whatever_is_stored():
    assert _rollout.certainly_bound(user(), stored(bound=True)["u1"]) is False


def test_taking_require_back_lifts_vmfa_and_nothing_else():
    back = Terms("require", "absent")
    assert plan_for(user(protection=VMFA, binding="bound"), back)[2] == ["unprotect"]
    assert plan_for(user(protection=SMS), back)[::2] == ("already", [])


# Who is left alone


@pytest.mark.parametrize("terms", [ENROL, REQUIRE, Terms("enrol", "absent"), Terms("require", "absent")])
@pytest.mark.parametrize("named", [{"user_id": "u1"}, {"name": "name-u1"}])
def test_exempt_user_is_left_alone_with_his_reason(terms, named):
    one = user(binding="bound", protection=VMFA) if terms.state == "absent" else user()
    assert plan_for(one, terms, exempt=[{**named, "reason": "break-glass"}], stored=stored()) == ("left_alone", "exempt: break-glass", [])
    assert plan_for(one, terms, exempt=[named], stored=stored())[1] == "exempt: no reason given"


def test_exempt_user_who_is_nobody_is_a_warning():
    plan = make_plan([], audit_of(user()), REQUIRE, exempt=[{"name": "ghost"}])
    assert plan["warnings"] == ["mfa_rollout_exempt names ghost, who is no user of this account."]


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
    audit = {**audit_of(one), "caller": caller}
    plan = make_plan([{"user_id": "u1", **own(), **asked}], audit, terms, auth=auth, stored=stored())
    assert plan["users"][0]["reason"] == "the play runs as this user"
    assert plan["waves"] == []


def test_name_of_another_account_is_not_taken_for_the_caller_where_his_id_is_known():
    audit = audit_of(user(), caller={"user_id": "somebody", "name": "name-u1"})
    assert make_plan([], audit, REQUIRE)["users"][0]["fate"] == "todo"


def test_caller_who_is_not_known_is_a_warning():
    plan = make_plan([], {**audit_of(user()), "caller": None}, REQUIRE)
    assert "name him in mfa_rollout_exempt" in plan["warnings"][0]


def administered(*users, by=("u1", "u2"), caller=None):
    return {**audit_of(*users), "caller": caller, "administrators": list(by)}


def spared(audit, terms=REQUIRE, **context):
    """Whom a plan for everybody leaves alone as the last administrator, and the ids of those whom it touches."""
    wanted = [{"user_id": one["user_id"], **own()} for one in audit["users"]]
    plan = make_plan(wanted, audit, terms, **context)
    last = [fate["user_id"] for fate in plan["users"] if fate["reason"].startswith("the last administrator")]
    return last, [entry["user_id"] for wave in plan["waves"] for entry in wave]


@pytest.mark.parametrize("terms", [ENROL, REQUIRE, Terms("enrol", login_protection=False)])
def test_last_administrator_is_left_alone_and_so_he_is_in_the_next_run(terms):
    assert spared(administered(user("u1"), user("u2"), user("u3")), terms) == (["u1"], ["u2", "u3"])
    protection = VMFA if terms.login_protection else OFF
    brought_along = [user(name, binding="bound", protection=protection) for name in ("u2", "u3")]
    seeds = {**stored("u2"), **stored("u3")}
    assert spared(administered(user("u1"), *brought_along), terms, stored=seeds) == (["u1"], [])
    assert spared(administered(user("u1"), by=["u1"]), terms) == (["u1"], [])


def test_no_administrator_is_spared_where_one_stays_as_he_is():
    both = user("u1"), user("u2")
    assert spared(administered(*both), exempt=[{"user_id": "u2"}]) == ([], ["u1"])
    assert spared(administered(*both, caller={"user_id": "u1", "name": None})) == ([], ["u2"])
    assert spared(administered(*both), auth={"auth_username": "name-u2"}) == ([], ["u1"])
    assert spared(administered(*both, by=[])) == ([], ["u1", "u2"])
    protected = user("u1"), user("u2", protection=VMFA, binding="bound")
    assert spared(administered(*protected), exempt=[{"user_id": "u2"}]) == ([], ["u1"])
    assert spared(administered(*protected, caller={"user_id": "u2", "name": None})) == ([], ["u1"])
    plan = make_plan([{"user_id": "u1"}], administered(*both), REQUIRE)
    assert [len(wave) for wave in plan["waves"]] == [1], "the other one is not brought along at all"


def test_administrator_who_cannot_log_in_or_logs_in_with_a_device_is_no_way_in():
    assert spared(administered(user("u1"), user("u2", enabled=False)), exempt=[{"user_id": "u2"}]) == (["u1"], [])
    assert spared(administered(user("u1"), user("u2", protection=VMFA))) == (["u1"], [])
    assert spared(administered(user("u1"), user("u2"), by=["u1", "gone"])) == (["u1"], ["u2"])
    assert spared(administered(user("u1"), user("u2"), caller={"user_id": "u3", "name": None})) == (["u1"], ["u2"])


def test_last_administrator_is_taken_back_like_everybody():
    one = user("u1", protection=VMFA)
    assert spared(administered(one), Terms("require", "absent")) == ([], ["u1"])


def test_cloud_that_does_not_tell_who_administers_is_a_warning_where_it_does_not_tell_the_caller_either():
    plan = make_plan([], {**audit_of(user()), "caller": None, "administrators": None}, REQUIRE)
    assert any("name an administrator in mfa_rollout_exempt" in warning for warning in plan["warnings"])
    plan = make_plan([], {**audit_of(user()), "administrators": None}, REQUIRE)
    assert plan["warnings"] == []


PROVING = Terms("enrol", prove_login=True)


@pytest.mark.parametrize(
    ("one", "seeds", "steps"),
    [
        (user(), {}, [*NEW, "prove"]),
        (user(), stored(proven=True), [*NEW, "prove"]),
        (user(binding="unbound"), stored(proven=True), ["bind", "protect", "prove"]),
        (user(binding="bound"), stored(), ["protect", "prove"]),
        (user(binding="bound", protection=VMFA), stored(), ["prove"]),
        (user(binding="bound", protection=VMFA), stored(proven=True), []),
        (user(binding="unknown", protection=VMFA), stored(bound=True, proven=True), []),
        # Nobody but the user himself has the seed of a device of his own.
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
    assert plan_for(user(protection=VMFA), Terms("enrol", "absent", prove_login=True))[2] == ["unprotect"]


def test_user_who_does_not_exist_is_a_problem_and_the_others_go_on():
    plan = make_plan([{"name": "ghost"}, {"name": "name-u1"}], audit_of(user()), REQUIRE)
    assert [fate["fate"] for fate in plan["users"]] == ["problem", "todo"]
    assert plan["lines"][-1] == "problem: ghost: no such user in this account"


@pytest.mark.parametrize(
    ("wanted", "exempt", "terms", "named"),
    [
        ([{"user_id": "u1"}, {"name": "name-u1"}], [], REQUIRE, "mfa_rollout_users names user name-u1 .u1. twice"),
        ([{}], [], REQUIRE, "mfa_rollout_users must be"),
        (["name-u1"], [], REQUIRE, "mfa_rollout_users must be"),
        # Nothing else that is empty may be taken for everybody.
        ({}, [], REQUIRE, "mfa_rollout_users must be"),
        ("", [], REQUIRE, "mfa_rollout_users must be"),
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


def test_key_that_means_nothing_is_refused_by_its_name_without_its_value():
    with pytest.raises(PlanError, match="mfa_rollout_users: user name-u1 has auth_pasword, note") as caught:
        make_plan([{"user_id": "u1", "auth_pasword": SECRET, "note": "x"}], audit_of(user()), ENROL)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("count", "sizes", "waves"),
    [(0, [1, 10], []), (1, [1, 10], [1]), (5, [1, 10], [1, 4]), (35, [1, 10], [1, 10, 10, 10, 4]), (4, [2], [2, 2]), (3, [10], [3])],
)
def test_last_wave_size_is_repeated(count, sizes, waves):
    users = [user(f"u{number}") for number in range(count)]
    plan = make_plan([], audit_of(*users), Terms(wave_sizes=sizes))
    assert [len(wave) for wave in plan["waves"]] == waves
    assert [entry["user_id"] for wave in plan["waves"] for entry in wave] == [one["user_id"] for one in users]


def test_plan_is_told_in_a_line_a_wave_and_one_for_whoever_is_not_brought_along():
    users = [user("u1"), user("u2", binding="unbound"), user("u3"), user("u4"), user("u5", enabled=False)]
    done = [user(name, binding="bound", protection=VMFA) for name in ("u6", "u7")]
    wanted = [{"user_id": one["user_id"], **own()} for one in (*users, *done)] + [{"user_id": "u8"}, {"name": "ghost"}]
    audit = audit_of(*users, *done)
    plan = make_plan(wanted, audit, Terms("enrol", wave_sizes=[1, 2, 1]), stored=stored("u2"))
    assert plan["lines"] == [
        "wave 1 of 3, to create, bind, protect: name-u1",
        "wave 2 of 3, to create, bind, protect: name-u2 and 1 more",
        "wave 3 of 3, to create, bind, protect: name-u4",
        "2 already so",
        "left alone: name-u5: the user is disabled",
        "problem: u8: no such user in this account",
        "problem: ghost: no such user in this account",
    ]
    assert make_plan([], audit_of(user()), REQUIRE)["lines"] == ["wave 1 of 1, to protect: name-u1"]


ACCOUNT = st.lists(
    st.builds(
        user,
        user_id=st.integers(0, 30).map(lambda number: f"u{number}"),
        binding=st.sampled_from([None, "bound", "unbound", "unknown"]),
        protection=st.sampled_from([OFF, VMFA, SMS]),
        enabled=st.booleans(),
    ),
    max_size=25,
    unique_by=lambda one: one["user_id"],
)
TERMS = st.builds(
    Terms,
    st.sampled_from(["require", "enrol"]),
    st.sampled_from(["present", "absent"]),
    st.booleans(),
    st.lists(st.integers(1, 7), min_size=1, max_size=3),
    st.booleans(),
)


@given(st.data(), ACCOUNT, TERMS)
def test_everybody_has_one_fate_and_waves_hold_nobody_who_must_not_be_touched(data, users, terms):
    ids = [one["user_id"] for one in users]
    some = st.lists(st.sampled_from(ids), unique=True) if ids else st.just([])
    exempt, callers, intents, kept = data.draw(some), data.draw(some)[:1], data.draw(some), data.draw(some)
    wanted = [{"user_id": user_id, "auth_password": SECRET, "device_name": "d"} for user_id in data.draw(some)]
    audit = audit_of(*users, caller={"user_id": callers[0] if callers else "admin", "name": None})
    audit["administrators"] = data.draw(some)
    seeds = {user_id: entry for one in kept for user_id, entry in stored(one).items()}
    plan = make_plan(
        wanted,
        audit,
        terms,
        exempt=[{"user_id": user_id} for user_id in exempt],
        stored=seeds,
        intents=intents,
        auth={"auth_token": SECRET},
    )
    named = [item["user_id"] for item in wanted] or ids
    assert [fate["user_id"] for fate in plan["users"]] == named
    entries = [entry for wave in plan["waves"] for entry in wave]
    moved = [entry["user_id"] for entry in entries]
    assert moved == [fate["user_id"] for fate in plan["users"] if fate["fate"] == "todo"]
    assert not set(moved) & (set(exempt) | set(callers))
    # Waves keep the order, and each is as large as its size, the last size again and again; only the last wave may be smaller.
    sizes = [terms.wave_sizes[min(number, len(terms.wave_sizes) - 1)] for number in range(len(plan["waves"]))]
    assert [len(wave) for wave in plan["waves"][:-1]] == sizes[:-1]
    assert not plan["waves"] or len(plan["waves"][-1]) <= sizes[-1]
    assert [named[entry["index"]] for entry in entries] == moved
    assert all(wave for wave in plan["waves"])
    assert all(fate["reason"] for fate in plan["users"] if fate["fate"] in ("left_alone", "problem"))
    assert SECRET not in str(plan)
    by_id = {one["user_id"]: one for one in users}
    administrators = [by_id[user_id] for user_id in audit["administrators"] if by_id[user_id]["enabled"]]
    if administrators and terms.state == "present":
        assert any(one["user_id"] not in moved for one in administrators)
    for entry in entries:
        one = by_id[entry["user_id"]]
        assert entry["steps"]
        assert one["enabled"] or terms.state == "absent"
        if "create" in entry["steps"]:
            assert entry["steps"][:2] == ["create", "bind"]
            assert not _rollout.certainly_bound(one, seeds.get(one["user_id"]))
        if terms.strategy == "enrol" and "protect" in entry["steps"]:
            assert "bind" in entry["steps"] or _rollout.certainly_bound(one, seeds.get(one["user_id"]))
        if "prove" in entry["steps"]:
            assert terms.prove_login
            assert "create" in entry["steps"] or entry["user_id"] in seeds
        assert terms.strategy == "enrol" or entry["steps"] in (["protect"], ["unprotect"])


# What a wave sends


WAVE = [{"user_id": "u1", "name": "name-u1", "device_name": "phone", "steps": NEW, "presume_unbound": False, "index": 0}]
CREATED = {"devices": [{"user_id": "u1", "serial_number": "s1", "seed": SECRET, "failed": False}]}
BOUND = {"bindings": [{"user_id": "u1", "serial_number": "s1", "binding": "bound", "failed": False}]}


def shown(binding, serial="s1"):
    return {"users": [user(binding=binding, serial=serial)]}


@pytest.mark.parametrize(
    ("looked", "protected"),
    [
        ({}, True),
        # Nobody looks where the cloud cannot tell.
        ({"skipped": True, "changed": False, "failed": False}, True),
        (shown("bound"), True),
        (shown("unbound"), False),
        (shown("unknown"), False),
        (shown("bound", serial="other"), False),
        (shown(None), False),
        ({"users": []}, False),
        ({"failed": False, "msg": "refused"}, False),
    ],
)
def test_nobody_is_protected_whose_device_the_cloud_does_not_show_as_bound(looked, protected):
    results = {"create": CREATED, "bind": BOUND, "confirm": looked}
    assert bool(items_for(WAVE, "protect", results=results)) is protected
    assert _rollout.unconfirmed(results) == ([] if protected else ["u1"])


@pytest.mark.parametrize("named", [{"user_id": "u1"}, {"name": "name-u1"}])
def test_items_carry_their_users_own_credentials_and_no_others(named):
    others = [{"user_id": "u2", "auth_token": "other"}]
    users = [{**named, "auth_password": SECRET, "note": "x"}, *others]
    own = _rollout.own_credentials(WAVE, users)
    # Also where the list is no longer in the order of the plan, or shorter.
    assert own == _rollout.own_credentials(WAVE, users[::-1])
    assert all(own == _rollout.own_credentials([{**WAVE[0], "index": index}], users) for index in (1, 2, 9))
    assert _rollout.own_credentials(WAVE, others) == {"u1": {}}
    assert items_for(WAVE, "create", own) == [{"user_id": "u1", "name": "phone", "presume_unbound": False, "auth_password": SECRET}]
    bind = items_for(WAVE, "bind", own, results={"create": CREATED})
    assert bind == [{"user_id": "u1", "serial_number": "s1", "seed": SECRET, "presume_unbound": True, "auth_password": SECRET}]
    assert items_for(WAVE, "protect", own, results={"create": CREATED, "bind": BOUND}) == [
        {"user_id": "u1", "enabled": True, "verification_method": "vmfa"}
    ]


def test_nobody_is_bound_whose_seed_is_not_known():
    failed = {"devices": [{"user_id": "u1", "serial_number": "s1", "failed": True}]}
    assert items_for(WAVE, "bind", results={"create": failed}) == []


def test_new_seed_goes_before_a_stored_one():
    assert items_for(WAVE, "bind", stored=stored(serial="old"), results={"create": CREATED})[0]["serial_number"] == "s1"


def test_only_a_device_of_this_wave_is_presumed_to_be_unbound():
    (item,) = items_for([{**WAVE[0], "steps": ["bind"]}], "bind", stored=stored())
    assert not item["presume_unbound"]


@pytest.mark.parametrize(
    ("shown", "bound"),
    [
        ({"u1": {"serial_number": "s1", "seed": SECRET}}, True),
        ({"u1": {"serial_number": "old", "seed": SECRET}}, False),
        ({"u1": {"serial_number": "s1", "seed": "old"}}, False),
        ({}, False),
    ],
)
def test_seed_that_has_to_be_read_back_is_bound_only_if_the_store_shows_it(shown, bound):
    items = items_for(WAVE, "bind", stored=shown, results={"create": CREATED}, read_back=True)
    assert bool(items) == bound
    assert items_for([{**WAVE[0], "steps": ["bind"]}], "bind", stored=stored(), read_back=True)
    assert items_for([{**WAVE[0], "steps": ["bind"]}], "bind", stored={}, read_back=True) == []


@pytest.mark.parametrize("binding", ["unknown", "unbound"])
def test_nobody_is_protected_whose_binding_is_not_certain(binding):
    bound = {"bindings": [{"user_id": "u1", "serial_number": "s1", "binding": binding, "failed": False}]}
    failed = {"bindings": [{"user_id": "u1", "serial_number": "s1", "binding": "bound", "failed": True}]}
    for result in (bound, failed, {}, {"failed": True, "msg": "x"}):
        assert items_for(WAVE, "protect", results={"bind": result}) == []


def test_only_users_for_whom_all_went_well_prove_their_login():
    wave = [{**WAVE[0], "steps": [*NEW, "prove"]}]
    credentials = {"u1": {"auth_password": SECRET, "auth_domain_name": "acme", "auth_token": "t"}}
    done = {"create": CREATED, "bind": BOUND, "protect": PROTECTED}
    login = {"user_id": "u1", "seed": SECRET, "auth_password": SECRET, "auth_domain_name": "acme"}
    assert items_for(wave, "prove", credentials, results=done) == [login]
    assert items_for(wave, "prove", credentials, results={**done, "protect": {"users": [{"user_id": "u1", "failed": True}]}}) == []
    assert items_for(wave, "prove", credentials, results={**done, "bind": {}}) == []
    assert items_for([{**wave[0], "steps": ["prove"]}], "prove", credentials, stored()) == [login]
    assert items_for(wave, "prove", credentials, results={}) == []


def test_login_that_was_proven_is_recorded_with_its_seed():
    wave = [{**WAVE[0], "steps": [*NEW, "prove"]}, {**WAVE[0], "user_id": "u2"}]
    proven = {"users": [{"user_id": "u1", "logged_in": True}, {"user_id": "u2", "logged_in": False}]}
    seeds = proven_seeds(wave, stored("u2"), {"create": CREATED, "prove": proven})
    assert seeds == {"u1": {"serial_number": "s1", "seed": SECRET, "name": "name-u1", "bound": True, "proven": True}}
    assert proven_seeds(wave, stored("u1", note="x"), {"prove": proven})["u1"]["note"] == "x"
    assert proven_seeds(wave, {}, {}) == {}


def test_seed_of_a_device_that_is_about_to_be_removed_counts_and_its_binding_does_not():
    back = [{**WAVE[0], "steps": ["unprotect", "remove"]}]
    assert _rollout.doubted_seeds(back, stored(bound=True, proven=True, note="x")) == stored(note="x")
    assert _rollout.doubted_seeds(back, stored(proven=True)) == stored()
    assert _rollout.doubted_seeds(back, stored()) == {}, "nothing to write"
    assert _rollout.doubted_seeds(back, {}) == {}
    assert _rollout.doubted_seeds([{**back[0], "steps": ["unprotect"]}], stored(bound=True)) == {}


def test_steps_back_have_items():
    wave = [{**WAVE[0], "steps": ["unprotect", "remove"]}]
    assert items_for(wave, "unprotect") == [{"user_id": "u1", "enabled": False}]
    assert items_for(wave, "remove") == [{"user_id": "u1"}]
    assert items_for(wave, "create") == []


def test_step_that_some_of_a_wave_take_is_sent_for_them_alone():
    others = [{**WAVE[0], "user_id": f"u{number}", "steps": steps} for number, steps in ((2, ["protect"]), (3, NEW))]
    assert [item["user_id"] for item in items_for([*others, WAVE[0]], "create")] == ["u3", "u1"]


def test_step_that_does_not_exist_is_an_error():
    with pytest.raises(PlanError, match="no step is called 'dance'"):
        items_for(WAVE, "dance")


def test_seeds_to_store_are_those_that_were_just_made():
    assert new_seeds(WAVE, {"create": CREATED}) == {"u1": {"serial_number": "s1", "seed": SECRET, "name": "name-u1"}}
    assert new_seeds(WAVE, {"create": {"devices": [{"user_id": "u1", "serial_number": "s1", "failed": False}]}}) == {}
    assert new_seeds(WAVE, {}) == {}


def test_binding_that_became_certain_is_recorded_with_its_seed():
    recorded = _rollout.bound_seeds(WAVE, {}, {"create": CREATED, "bind": BOUND})
    assert recorded["u1"] == {"serial_number": "s1", "seed": SECRET, "name": "name-u1", "bound": True}
    assert _rollout.bound_seeds(WAVE, {}, {"create": CREATED}) == {}


# What came of a wave


def came(results, seen=None, wave=None, terms=ENROL):
    shown = seen or audit_of(user(binding="bound", protection=VMFA, serial="s1"))
    return outcomes_of(wave or WAVE, results, shown, terms)[0]


PROTECTED = {"users": [{"user_id": "u1", "failed": False}]}
DONE = {"create": CREATED, "bind": BOUND, "protect": PROTECTED}


def test_user_for_whom_all_went_well_is_done():
    outcome = came(DONE)
    assert (outcome["failed"], outcome["done"], outcome["step"], outcome["msg"]) == (False, NEW, None, None)
    assert SECRET not in str(outcome)


def test_user_who_takes_some_of_the_steps_is_done_after_those():
    wave = [{**WAVE[0], "steps": ["bind", "protect"]}]
    assert came({"bind": BOUND, "protect": PROTECTED}, wave=wave)["done"] == ["bind", "protect"]
    assert came({"bind": BOUND}, wave=wave)["step"] == "protect"


@pytest.mark.parametrize(
    ("results", "step", "done"),
    [
        ({"create": {"devices": [{"user_id": "u1", "failed": True, "msg": "why"}]}}, "create", []),
        ({"create": CREATED, "bind": {"bindings": [{"user_id": "u1", "failed": True, "msg": "why"}]}}, "bind", ["create"]),
        ({"create": CREATED, "bind": {"failed": True, "msg": "why"}}, "bind", ["create"]),
        ({**DONE, "protect": {"users": [{"user_id": "u1", "failed": True, "msg": "why"}]}}, "protect", ["create", "bind"]),
    ],
)
def test_user_fails_at_the_first_step_that_failed(results, step, done):
    outcome = came(results)
    assert (outcome["failed"], outcome["step"], outcome["msg"], outcome["done"]) == (True, step, "why", done)


PROVING_WAVE = [{**WAVE[0], "steps": [*NEW, "prove"]}]


def test_proof_comes_after_the_cloud_has_shown_all():
    proven = {"users": [{"user_id": "u1", "logged_in": True, "failed": False}]}
    assert came({**DONE, "prove": proven}, wave=PROVING_WAVE)["done"] == [*NEW, "prove"]
    refused = came({**DONE, "prove": {"users": [{"user_id": "u1", "failed": True, "msg": "why"}]}}, wave=PROVING_WAVE)
    assert (refused["step"], refused["msg"], refused["done"]) == ("prove", "why", NEW)
    assert came(DONE, wave=PROVING_WAVE)["step"] == "prove"
    # As long as the cloud does not show what was done, nobody asks for a proof.
    assert came(DONE, seen=audit_of(user()), wave=PROVING_WAVE)["step"] == "verify"


def test_step_that_was_never_taken_is_a_failure():
    assert "store does not show its seed" in came({"create": CREATED})["msg"]
    assert "does not show its device as bound" in came({"create": CREATED, "bind": BOUND})["msg"]
    assert "not reached" in came({}, wave=[{**WAVE[0], "steps": ["unprotect"]}])["msg"]


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (audit_of(user(binding="unbound", protection=VMFA, serial="s1")), "not bound"),
        (audit_of(user(binding="bound", protection=VMFA, serial="other")), "does not show the device"),
        (audit_of(user(protection=VMFA)), "does not show the device"),
        (audit_of(user(binding="bound", protection=SMS, serial="s1")), "protection is not on"),
        (audit_of(), "no longer listed"),
        ({"failed": True, "msg": "refused"}, "refused"),
        ({"failed": True}, "not looked at"),
    ],
)
def test_what_cannot_be_verified_has_failed(seen, words):
    outcome = came(DONE, seen)
    assert (outcome["failed"], outcome["step"]) == (True, "verify")
    assert words in outcome["msg"]


def test_device_that_v3_cannot_tell_is_verified_by_its_serial():
    assert not came(DONE, audit_of(user(binding="unknown", protection=VMFA, serial="s1")))["failed"]


def test_removal_is_verified():
    wave = [{**WAVE[0], "steps": ["unprotect", "remove"]}]
    back = Terms("enrol", "absent")
    done = {"unprotect": PROTECTED, "remove": {"devices": [{"user_id": "u1", "failed": False}]}}
    assert not came(done, audit_of(user()), wave, back)["failed"]
    assert not came(done, audit_of(), wave, back)["failed"]
    assert came(done, audit_of(user(binding="unbound")), wave, back)["msg"] == "the device is still there"
    assert came(done, audit_of(user(protection=VMFA)), wave, back)["msg"] == "login protection is still on"
    assert not came(done, audit_of(user(protection=SMS)), wave, back)["failed"]


def test_line_of_a_wave_names_each_failure():
    outcomes = [came(DONE), {**came({"create": CREATED}), "name": "bob"}]
    line = _rollout.wave_line(2, 3, outcomes)
    assert line.splitlines()[0] == "wave 2 of 3, 2 users, 2 created, 1 bound, 1 protected, 1 failed"
    assert line.splitlines()[1].startswith("  bob: bind: ")
    assert _rollout.wave_line(1, 1, outcomes[:1]) == "wave 1 of 1, 1 user, 1 created, 1 bound, 1 protected, 0 failed"


# The report


def report_of(plan, failures=(), waves_done=0, before=None, after=None, seeds=None, check_mode=False, account="acme", terms=ENROL):
    return make_report(account, terms, plan, failures, waves_done, before, after or before, seeds, check_mode)


def test_report_has_a_row_for_everybody_and_why_not():
    before = audit_of(user("u1"), user("u2", enabled=False), user("u3", binding="bound", protection=VMFA), user("u4"), user("u5"))
    wanted = [{"user_id": f"u{number}", **own()} for number in range(1, 6)] + [{"name": "ghost"}]
    plan = make_plan(wanted, before, Terms("enrol", wave_sizes=[1]))
    after = audit_of(user("u1", binding="bound", protection=VMFA), user("u2", enabled=False), *before["users"][2:])
    failures = [{"user_id": "u4", "name": "name-u4", "done": [], "failed": True, "step": "create", "msg": "no"}]
    report = report_of(plan, failures, 2, before, after, stored())
    assert [row["outcome"] for row in report["users"]] == ["done", "left_alone", "already", "failed", "not_reached", "failed"]
    assert report["users"][0]["seed_stored"]
    assert report["users"][0]["before"] == {"device": None, "binding": "none", "login_protection": "none"}
    assert report["users"][0]["after"] == {"device": "serial-u1", "binding": "bound", "login_protection": "vmfa"}
    assert report["users"][3]["reason"] == "create: no"
    assert report["summary"]["failed"] == 2
    assert SECRET not in str(report)
    assert _rollout.report_line(report).startswith("1 done, 1 already so, 1 left alone, 2 failed, 1 not reached; of 5 users")


def test_report_says_what_nobody_knows():
    before = audit_of(user("u1"))
    plan = make_plan([{"user_id": "u1", **own()}], before, ENROL)
    report = report_of(plan, (), 1, before, {"failed": True, "msg": "the cloud is gone"})
    assert report["users"][0]["outcome"] == "done"
    assert report["users"][0]["after"] == {"device": None, "binding": None, "login_protection": None}
    assert report["users"][0]["seed_stored"] is None
    assert report["summary"]["after"] is None
    assert "the cloud is gone" in report["warnings"][-1]
    assert "could not be looked at" in _rollout.report_line(report)
    assert _rollout.report_csv(report).splitlines()[1].endswith(",unknown")


@pytest.mark.parametrize("count", [0, 1, 3])
def test_report_as_json_says_all_and_has_a_line_a_user(count):
    before = audit_of(*(user(f"u{number}", name='ünï\n"{{') for number in range(count)))
    report = report_of(make_plan([], before, REQUIRE), before=before, terms=REQUIRE, account="äcme")
    text = _rollout.report_json(report)
    assert json.loads(text) == report
    assert text.startswith('{\n  "account": "äcme",\n')
    assert text.count("ünï") == count
    assert not any(line.startswith(",") for line in text.splitlines())
    assert sum(line.startswith('    {"user_id"') for line in text.splitlines()) == count


def test_report_as_csv_says_whose_seed_is_stored():
    before = audit_of(user("u1", binding="bound"), user("u2", binding="bound"))
    text = _rollout.report_csv(report_of(make_plan([], before, REQUIRE), before=before, seeds=stored("u1"), terms=REQUIRE))
    assert [row["seed_stored"] for row in csv.DictReader(io.StringIO(text))] == ["yes", "no"]


@pytest.mark.parametrize(("unknown", "end"), [(0, "bound 1 -> 2"), (3, "bound 1 -> 2 (+3 the cloud cannot tell)")])
def test_line_of_a_report_says_how_many_more_may_be_bound(unknown, end):
    before, after = audit_of(user()), audit_of(user())
    before["summary"]["bound"] = 1
    after["summary"].update(bound=2, unknown=unknown)
    report = report_of(make_plan([], before, REQUIRE), before=before, after=after, terms=REQUIRE)
    assert _rollout.report_line(report).endswith(f"of 1 users vmfa 0 -> 0, {end}")


def test_report_of_a_rehearsal_says_planned():
    before = audit_of(user())
    report = report_of(make_plan([], before, REQUIRE), before=before, check_mode=True, terms=REQUIRE)
    assert report["users"][0]["outcome"] == "planned"
    assert report["check_mode"]


EVIL_CELLS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\n@x"]
EVIL_CELLS += [
    "\uff1d1",
    "\uff0b1",
    "\uff0d1",
    "\uff201",
    "\u00a0=1",
    "\u3000@x",
    "\x00=1",
    "\x1b=1",
    "\u200b=1",
    "\ufeff=1",
    "\u202e=1",
    "\x85=1",
]
EVIL_CELLS += ["x;=1", "x;\t@y", 'x;"=1', "x;\u200b+1", '"=1', '" =1']


@pytest.mark.parametrize("evil", EVIL_CELLS)
def test_no_cell_of_the_csv_begins_a_formula(evil):
    before = audit_of(user(name=evil))
    plan = make_plan([], before, REQUIRE, exempt=[{"user_id": "u1", "reason": evil}])
    rows = list(csv.reader(io.StringIO(_rollout.report_csv(report_of(plan, before=before, account=evil, terms=REQUIRE)))))
    assert len(rows) == 2
    assert len(rows[0]) == len(rows[1])
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", " ")) for cell in rows[1])
    # Whatever a spreadsheet skips or takes for the border of a cell, what comes next begins no formula.
    beginning = re.compile(r"[\s\ufffd\u200b-\u200d\u2060\"]*[=+\-@\uff1d\uff0b\uff0d\uff20]")
    assert [part for cell in rows[1] for part in cell.split(";") if beginning.match(part)] == []


@pytest.mark.parametrize("name", ["ada", "a-b", "a+b@example.com", "x; y", "1=1", "'quoted'", "é", "夏目"])
def test_cell_that_is_no_formula_stays_as_it_is(name):
    before = audit_of(user(name=name))
    rows = list(csv.reader(io.StringIO(_rollout.report_csv(report_of(make_plan([], before, REQUIRE), before=before, terms=REQUIRE)))))
    assert rows[1][2] == name


@given(st.text(st.characters(), max_size=20))
@example("\0")
@example("lone \ud83d")
@example("\x85\u2028\u2029\x1b\x9b\u202e")
def test_any_name_stays_one_cell_of_the_csv_and_one_line_of_the_json(name):
    before = audit_of(user(name=name or "x"))
    report = report_of(make_plan([], before, REQUIRE), before=before, terms=REQUIRE)
    text = _rollout.report_csv(report)
    rows = list(csv.reader(io.StringIO(text)))
    assert len(rows) == len(text.splitlines()) == 2
    assert rows[1][2].lstrip("'")[:1] not in ("=", "+", "@") or rows[1][2].startswith("'")
    lines = _rollout.report_json(report)
    assert json.loads(lines) == report
    assert len([line for line in lines.splitlines() if line.startswith('    {"user_id"')]) == 1
    for written in (text, lines):
        assert written.encode("utf-8")
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", written)


def test_terms_have_defaults():
    assert _rollout.terms_of({}) == Terms(wave_sizes=[1, 10, 100, 1000])
    assert _rollout.terms_of({"strategy": "enrol", "wave_sizes": [5]}) == Terms("enrol", wave_sizes=[5])
