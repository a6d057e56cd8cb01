# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
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
from ansible_collections.hwc.mfa.plugins.module_utils._packed import pack, unpack
from hypothesis import given
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
