# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import re
from urllib.parse import parse_qs, unquote, urlsplit

import pyotp
import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.hwc.mfa.plugins.filter.otpauth_uri import otpauth_uri
from ansible_collections.hwc.mfa.plugins.filter.rollout_items import rollout_items
from ansible_collections.hwc.mfa.plugins.filter.rollout_outcomes import rollout_outcomes
from ansible_collections.hwc.mfa.plugins.filter.rollout_plan import rollout_plan
from ansible_collections.hwc.mfa.plugins.filter.rollout_report import rollout_report
from ansible_collections.hwc.mfa.plugins.filter.totp import totp
from ansible_collections.hwc.mfa.plugins.module_utils._runner.packing import pack, unpack
from hypothesis import example, given, settings
from hypothesis import strategies as st

RFC_SEED = base64.b32encode(b"12345678901234567890").decode()
OFF = {"enabled": False, "verification_method": "none"}
VMFA = {"enabled": True, "verification_method": "vmfa"}


def test_totp_is_a_string_with_its_leading_zeros():
    assert totp(RFC_SEED, at=59) == "287082"
    assert totp(RFC_SEED, at=1111111109) == "081804"
    assert totp(RFC_SEED, at="59") == "287082"
    assert totp(RFC_SEED.lower(), at=59.9) == "287082"


def test_totp_is_of_now_without_a_time():
    before, code, after = pyotp.TOTP(RFC_SEED).now(), totp(RFC_SEED), pyotp.TOTP(RFC_SEED).now()
    assert code in (before, after)


@pytest.mark.parametrize("at", [-1, -0.001, -1e9, float("nan"), float("inf"), float("-inf"), 1e300, "soon", [], {}])
def test_totp_refuses_a_time_that_is_none(at):
    with pytest.raises(AnsibleFilterError, match=r"hwc.mfa.totp: at must be"):
        totp(RFC_SEED, at=at)


@pytest.mark.parametrize("seed", [None, 5, [], {}, b"JBSWY3DP"])
def test_totp_refuses_a_seed_that_is_no_string(seed):
    with pytest.raises(AnsibleFilterError, match=r"hwc.mfa.totp: the input must be a base32 seed"):
        totp(seed)


def test_totp_does_not_show_a_seed_that_is_wrong():
    with pytest.raises(AnsibleFilterError) as caught:
        totp("WRONG1SEED", at=0)
    assert "WRONG1SEED" not in str(caught.value)


NAMES = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=30).filter(lambda text: ":" not in text)


@given(NAMES, NAMES, st.binary(min_size=14, max_size=40))
def test_otpauth_uri_says_what_went_in(account, issuer, key):
    seed = base64.b32encode(key).decode()
    uri = otpauth_uri(seed, account, issuer)
    parts = urlsplit(uri)
    assert (parts.scheme, parts.netloc, parts.fragment) == ("otpauth", "totp", "")
    assert unquote(parts.path[1:]) == f"{issuer}:{account}"
    query = parse_qs(parts.query, strict_parsing=True)
    assert query == {"secret": [seed.rstrip("=")], "issuer": [issuer], "algorithm": ["SHA1"], "digits": ["6"], "period": ["30"]}
    assert uri.isascii()
    assert " " not in uri
    assert "+" not in uri


@given(NAMES.filter(str.strip), st.binary(min_size=20, max_size=20))
def test_pyotp_reads_the_uri(account, key):
    seed = base64.b32encode(key).decode()
    parsed = pyotp.parse_uri(otpauth_uri(seed, account))
    assert (parsed.secret, parsed.name, parsed.issuer) == (seed, account, "Huawei Cloud")
    assert parsed.at(59) == totp(seed, at=59)


def test_otpauth_uri_takes_a_seed_as_a_person_writes_it():
    assert "secret=JBSWY3DPEHPK3PXP&" in otpauth_uri(" jbsw-y3dp ehpk 3pxp==", "alice")


@pytest.mark.parametrize(
    ("seed", "account", "issuer"),
    [
        ("!", "a", "b"),
        ("", "a", "b"),
        (None, "a", "b"),
        (RFC_SEED, "", "b"),
        (RFC_SEED, "a", ""),
        (RFC_SEED, "a:b", "c"),
        (RFC_SEED, "a", "b:c"),
    ],
)
def test_otpauth_uri_refuses_what_no_app_could_read(seed, account, issuer):
    with pytest.raises(AnsibleFilterError, match=r"hwc.mfa.otpauth_uri") as caught:
        otpauth_uri(seed, account, issuer)
    assert RFC_SEED not in str(caught.value)


# The filters of the rollout


def audit(*ids, protection=None):
    users = [
        {"user_id": user_id, "name": f"n-{user_id}", "enabled": True, "device": None, "login_protection": protection or OFF}
        for user_id in ids
    ]
    return {
        "users": users,
        "caller": {"user_id": "admin", "name": None},
        "summary": {"users": len(ids), "vmfa": 0 if protection is None else len(ids), "bound": 0, "unknown": 0},
    }


def test_plan_of_an_account():
    plan = rollout_plan(None, audit("a", "b", "c"), wave_sizes=[1, 10])
    assert [[entry["user_id"] for entry in wave] for wave in plan["waves"]] == [["a"], ["b", "c"]]
    assert plan["lines"][0].startswith("wave 1 of 2, ")
    assert plan["lines"][0].endswith("to protect: n-a")


@pytest.mark.parametrize(
    "options",
    [
        {"strategy": "force"},
        {"state": "gone"},
        {"wave_sizes": []},
        {"wave_sizes": 5},
        {"wave_sizes": None},
        {"wave_sizes": "1,10"},
        {"exempt": ["a"]},
        {"exempt": "a"},
        {"users": ["a"]},
        {"users": "a"},
        {"users": [{"user_id": "a"}, {"user_id": "a"}]},
    ],
)
def test_wrong_input_of_the_plan_is_a_filter_error_that_names_the_variable(options):
    with pytest.raises(AnsibleFilterError, match=r"hwc.mfa.rollout_plan: mfa_rollout_"):
        rollout_plan(**{"users": None, "audit": audit("a"), **options})


@pytest.mark.parametrize("wrong", [None, {}, [], "x", {"failed": True, "msg": "x"}])
def test_plan_wants_the_result_of_an_audit(wrong):
    with pytest.raises(AnsibleFilterError, match=r"audit must be the result of hwc.mfa.iam_mfa_info"):
        rollout_plan(None, wrong)


def test_way_of_a_wave_through_the_filters():
    plan = rollout_plan([{"user_id": "a", "auth_password": "s3cret"}], audit("a"), strategy="enrol")
    wave = plan["waves"][0]
    users = [{"user_id": "a", "auth_password": "s3cret"}]
    assert rollout_items(wave, "create", users)[0]["auth_password"] == "s3cret"
    results = {"create": {"devices": [{"user_id": "a", "serial_number": "s", "seed": RFC_SEED, "failed": False}]}}
    assert rollout_items(wave, "store", users, {}, results)["a"]["seed"] == RFC_SEED
    assert rollout_items(wave, "bind", users, {}, results)[0]["serial_number"] == "s"
    assert rollout_items(wave, "bind", users, {}, results, read_back=True) == []
    assert rollout_items(wave, "intend") == rollout_items(wave, "everybody") == ["a"]
    assert rollout_items(wave, "doubt") == {}
    results["bind"] = {"bindings": [{"user_id": "a", "serial_number": "s", "binding": "bound", "failed": False}]}
    assert rollout_items(wave, "record", users, {}, results)["a"]["bound"]
    results["protect"] = {"users": [{"user_id": "a", "failed": False}]}
    seen = audit("a", protection=VMFA)
    seen["users"][0]["device"] = {"serial_number": "s", "binding": "bound"}
    outcome = rollout_outcomes(wave, results, seen, {"strategy": "enrol"})
    assert (outcome["failures"], outcome["settled"]) == ([], True)
    report = rollout_report(plan, "acme", audit("a"), seen, outcome["failures"], 1, {}, {"strategy": "enrol"})
    assert report["summary"]["done"] == 1
    assert unpack(report["document"])["users"][0]["outcome"] == "done"
    assert report["failed"] == []
    assert "s3cret" not in str(report)
    assert RFC_SEED not in str(report)
    assert "s3cret" not in str(plan)


def test_wave_that_the_cloud_does_not_show_yet_is_not_settled():
    wave = rollout_plan(None, audit("a"))["waves"][0]
    results = {"protect": {"users": [{"user_id": "a", "failed": False}]}}
    outcome = rollout_outcomes(wave, results, audit("a"))
    assert ([one["user_id"] for one in outcome["failures"]], outcome["settled"]) == (["a"], False)
    failed = {"protect": {"users": [{"user_id": "a", "failed": True, "msg": "no"}]}}
    assert rollout_outcomes(wave, failed, audit("a"))["settled"]


def test_step_that_does_not_exist_is_a_filter_error():
    with pytest.raises(AnsibleFilterError, match=r"hwc.mfa.rollout_items: no step"):
        rollout_items([], "dance")


def test_report_of_a_look_that_failed_does_not_pretend():
    before = audit("a")
    report = rollout_report(rollout_plan(None, before), "acme", before, {"failed": True, "msg": "x"}, waves_done=1)
    assert unpack(report["document"])["users"][0]["after"]["login_protection"] is None
    assert report["summary"]["after"] is None


def test_report_without_a_second_look_shows_the_state_before():
    before = audit("a")
    report = rollout_report(rollout_plan(None, before), "acme", before, {}, check_mode=True)
    (row,) = unpack(report["document"])["users"]
    assert (row["outcome"], row["after"]["login_protection"], row["seed_stored"]) == ("planned", "none", None)


def test_everything_can_be_handed_on_packed():
    def packing(result, name):
        return {**{key: value for key, value in result.items() if key != name}, f"{name}_packed": pack(result[name])}

    users = [{"user_id": "a", "auth_password": "s3cret"}, {"user_id": "b", "auth_password": "t"}]
    stored = {"b": {"serial_number": "t", "seed": RFC_SEED}}
    options = {"strategy": "enrol", "wave_sizes": [1]}
    plan = rollout_plan(users, audit("a", "b"), stored=stored, **options)
    packed = rollout_plan(users, packing(audit("a", "b"), "users"), stored=pack(stored), packed=True, **options)
    assert unpack(packed["users_packed"]) == plan["users"]
    assert [unpack(wave) for wave in packed["waves"]] == plan["waves"]
    created = {"devices": [{"user_id": "a", "serial_number": "s", "seed": RFC_SEED, "failed": False}]}
    for step in ("create", "store", "bind", "intend"):
        plainly = rollout_items(plan["waves"][0], step, users, stored, {"create": created})
        assert rollout_items(packed["waves"][0], step, users, pack(stored), {"create": packing(created, "devices")}) == plainly
    bound = {"bindings": [{"user_id": "a", "serial_number": "s", "binding": "bound", "failed": False}]}
    results = {"create": created, "bind": bound, "protect": {"users": [{"user_id": "a", "failed": True, "msg": "no"}]}}
    texts = {"create": packing(created, "devices"), "bind": packing(bound, "bindings"), "protect": packing(results["protect"], "users")}
    outcome = rollout_outcomes(plan["waves"][0], results, audit("a"))
    assert rollout_outcomes(packed["waves"][0], texts, packing(audit("a"), "users")) == outcome
    report = rollout_report(plan, "acme", audit("a", "b"), audit("a", "b"), outcome["failures"], 1, stored)
    same = rollout_report(
        packed, "acme", packing(audit("a", "b"), "users"), packing(audit("a", "b"), "users"), outcome["failures"], 1, pack(stored)
    )
    assert same == report
    assert [row["user_id"] for row in report["failed"]] == ["a"]


# Whatever the filters are given

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=6) | st.binary(max_size=3)
FIELDS = st.sampled_from(
    [
        *("user_id", "name", "enabled", "device", "login_protection", "serial_number", "binding", "verification_method", "seed", "bound"),
        *("users", "users_packed", "caller", "summary", "waves", "warnings", "steps", "index", "reason", "auth_password", "fate", "create"),
        *("bind", "devices", "bindings", "failed", "msg", "step", "a", "b"),
    ]
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS | SCALARS, inner, max_size=4),
    max_leaves=10,
)


def a_wave():
    return rollout_plan([{"user_id": "a", "auth_password": "s3cret"}], audit("a"), strategy="enrol")["waves"][0]


def mutated(data, value):
    """``value`` with one part of it, however deep, replaced by anything."""
    if isinstance(value, dict) and value and data.draw(st.booleans()):
        key = data.draw(st.sampled_from(sorted(value)))
        return {**value, key: mutated(data, value[key])}
    if isinstance(value, list) and value and data.draw(st.booleans()):
        return [mutated(data, value[0]), *value[1:]]
    return data.draw(ANYTHING)


PLAN_ARGUMENTS = ["users", "audit", "strategy", "state", "exempt", "wave_sizes", "stored", "intents", "auth"]
VARIABLES = r"audit must be|mfa_rollout_(users|strategy|state|exempt|wave_sizes|auth|store_loaded)"


@settings(max_examples=200)
@given(st.data(), st.sampled_from(PLAN_ARGUMENTS), st.sampled_from(["require", "enrol"]))
def test_plan_of_anything_is_made_or_refused_in_words_that_name_the_variable(data, name, strategy):
    right = {
        "users": [{"user_id": "a", "auth_password": "s3cret"}, {"name": "n-b", "auth_token": "t"}],
        "audit": audit("a", "b", "c"),
        "exempt": [{"name": "n-c", "reason": "why"}],
        "stored": {"a": {"serial_number": "s", "seed": RFC_SEED, "name": "n"}},
        "intents": ["b"],
        "auth": {"auth_user_id": "x"},
        "wave_sizes": [1, 2],
        "strategy": strategy,
        "state": "present",
    }
    try:
        plan = rollout_plan(**{**right, name: mutated(data, right[name])})
    except AnsibleFilterError as error:
        assert str(error).startswith("hwc.mfa.rollout_plan: ")
        assert re.search(VARIABLES, str(error)), str(error)
        assert "another form" not in str(error)
        assert "s3cret" not in str(error) and RFC_SEED not in str(error)
        return
    # What was planned can be reported.
    assert rollout_report(plan, "acme", audit("a", "b", "c"), check_mode=True)["line"]


@settings(max_examples=200)
@given(
    st.data(),
    st.sampled_from(["wave", "step", "users", "stored", "results"]),
    st.sampled_from(["create", "bind", "protect", "store", "record", "intend"]),
)
def test_items_of_anything_are_made_or_refused_as_a_filter_error(data, name, step):
    right = {
        "wave": a_wave(),
        "step": step,
        "users": [{"user_id": "a", "auth_password": "s3cret"}],
        "stored": {"a": {"serial_number": "s", "seed": RFC_SEED, "name": "n"}},
        "results": {
            "create": {"devices": [{"user_id": "a", "serial_number": "s", "seed": RFC_SEED, "failed": False}]},
            "bind": {"bindings": [{"user_id": "a", "serial_number": "s", "binding": "bound", "failed": False}]},
        },
    }
    try:
        rollout_items(**{**right, name: mutated(data, right[name])})
    except AnsibleFilterError as error:
        assert str(error).startswith("hwc.mfa.rollout_items: ")
        assert "s3cret" not in str(error) and RFC_SEED not in str(error)


@settings(max_examples=200)
@given(st.data(), st.sampled_from(["wave", "results", "seen", "terms", "number", "total"]))
def test_outcomes_of_anything_are_told_or_refused_as_a_filter_error(data, name):
    right = {
        "wave": a_wave(),
        "results": {"create": {"devices": []}},
        "seen": audit("a"),
        "terms": {"strategy": "enrol"},
        "number": 1,
        "total": 1,
    }
    try:
        outcome = rollout_outcomes(**{**right, name: mutated(data, right[name])})
    except AnsibleFilterError as error:
        assert str(error).startswith("hwc.mfa.rollout_outcomes: ")
        return
    assert len(outcome["line"].splitlines()) == 1 + len(outcome["failures"])


@settings(max_examples=200)
@given(st.data(), st.sampled_from(["plan", "account", "before", "after", "failures", "waves_done", "stored", "terms"]))
def test_report_of_anything_is_made_or_refused_as_a_filter_error(data, name):
    plan = rollout_plan([{"user_id": "a", "auth_password": "s3cret"}], audit("a"), strategy="enrol")
    failures = [{"user_id": "a", "name": "n-a", "done": [], "failed": True, "step": "bind", "msg": "no"}]
    right = {
        "plan": plan,
        "account": "acme",
        "before": audit("a"),
        "after": audit("a"),
        "failures": failures,
        "waves_done": 1,
        "stored": {},
        "terms": {},
    }
    try:
        report = rollout_report(**{**right, name: mutated(data, right[name])})
    except AnsibleFilterError as error:
        assert str(error).startswith("hwc.mfa.rollout_report: ")
        return
    assert len(report["first_failure"].splitlines()) <= 1


@pytest.mark.parametrize("nobody", [0, False, "", {}, b"", 0.0])
def test_only_nothing_means_everybody(nobody):
    with pytest.raises(AnsibleFilterError, match="mfa_rollout_users must be a list"):
        rollout_plan(nobody, audit("a"))
    assert len(rollout_plan(None, audit("a"))["users"]) == len(rollout_plan([], audit("a"))["users"]) == 1


@pytest.mark.parametrize(
    "wrong", [None, 0, False, "", {}, [{"name": ["n-a"]}], [{"user_id": {"a": 1}}], [{"name": True}], [{"reason": "x"}]]
)
def test_nobody_loses_his_exemption_by_a_wrong_form(wrong):
    with pytest.raises(AnsibleFilterError, match="mfa_rollout_exempt must be a list of mappings"):
        rollout_plan(None, audit("a"), exempt=wrong)


def test_store_that_broke_meanwhile_still_gives_a_report():
    plan = rollout_plan(None, audit("a"))
    report = rollout_report(plan, "acme", audit("a"), audit("a"), waves_done=1, stored={"a": "torn"})
    assert unpack(report["document"])["users"][0]["seed_stored"] is None


UNFIT = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


@given(st.text(st.characters(), min_size=1, max_size=30), st.text(st.characters(), max_size=30))
def test_lines_for_a_person_hold_no_lines_of_somebody_else(name, reason):
    before = audit("a", "b", "c")
    for user in before["users"]:
        user["name"] = f"{name}{user['user_id']}"
    exempt = [{"user_id": "b", "reason": reason}, {"name": f"nobody{name}"}]
    plan = rollout_plan([{"user_id": user_id} for user_id in "abc"] + [{"name": f"ghost{name}"}], before, exempt=exempt, wave_sizes=[1])
    assert len(plan["lines"]) == 4
    failed = {"protect": {"users": [{"user_id": "a", "failed": True, "msg": f"no {reason}"}]}}
    outcome = rollout_outcomes(plan["waves"][0], failed, before)
    report = rollout_report(plan, "acme", before, before, outcome["failures"], 1)
    assert outcome["line"].count("\n") == 1
    for line in [*plan["lines"], *plan["warnings"], *outcome["line"].split("\n"), report["line"], report["first_failure"]]:
        assert UNFIT.findall(line) == []
        assert len(line.splitlines()) == 1


@given(st.text(st.characters(), max_size=20), st.text(st.characters(), max_size=20))
@example("lone \ud83d", "x")
@example("x", "\udcff")
def test_otpauth_uri_of_any_text_is_one_line_of_ascii_or_an_error(account, issuer):
    try:
        uri = otpauth_uri(RFC_SEED, account, issuer)
    except AnsibleFilterError as error:
        assert RFC_SEED not in str(error)
        return
    assert uri.isascii() and uri.isprintable() and " " not in uri
    assert parse_qs(urlsplit(uri).query)["secret"] == [RFC_SEED]


@given(ANYTHING, ANYTHING)
def test_totp_and_uri_of_anything_are_made_or_refused_as_a_filter_error(value, other):
    for work in (
        lambda: totp(value),
        lambda: totp(RFC_SEED, value),
        lambda: otpauth_uri(value, "a"),
        lambda: otpauth_uri(RFC_SEED, value, other),
    ):
        try:
            assert isinstance(work(), str)
        except AnsibleFilterError as error:
            assert str(error).startswith("hwc.mfa.")
            assert RFC_SEED not in str(error)
