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
from ansible_collections.hwc.mfa.plugins.filter.rollout_plan import rollout_plan
from ansible_collections.hwc.mfa.plugins.filter.rollout_report import rollout_report
from ansible_collections.hwc.mfa.plugins.filter.totp import totp
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.packing import pack, unpack
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
    plan = rollout_plan("all", audit("a", "b", "c"), wave_sizes=[1, 10])
    assert [[entry["user_id"] for entry in wave] for wave in plan["waves"]] == [["a"], ["b", "c"]]
    assert plan["lines"][0].startswith("wave 1 of 2, ")
    assert plan["lines"][0].endswith("to protect: n-a")


@pytest.mark.parametrize(
    "options",
    [
        {"strategy": "force"},
        {"state": "gone"},
        {"wave_sizes": []},
        {"wave_sizes": 0},
        {"wave_sizes": True},
        {"wave_sizes": None},
        {"wave_sizes": "1,x"},
        {"wave_sizes": "[]"},
        {"exempt": ["a"]},
        {"exempt": "a"},
        {"users": ["a"]},
        {"users": "a"},
        {"users": "ALL"},
        {"users": [{"user_id": "a"}, {"user_id": "a"}]},
        {"users": [{"user_id": "a", "name": "n-b"}], "audit_of": "ab"},
        {"exempt": [{"name": "N-a"}]},
        {"exempt": [{"name": "ghost"}]},
        {"exempt_strict": "perhaps"},
        {"replace_unbound": None},
        {"rollback_all": []},
        {"auth": ["x"]},
    ],
)
def test_wrong_input_of_the_plan_is_a_filter_error_that_names_the_variable(options):
    given_options = {**options}
    account = audit(*given_options.pop("audit_of", "a"))
    with pytest.raises(AnsibleFilterError, match=r"hwc.mfa.rollout_plan: mfa_rollout_"):
        rollout_plan(**{"users": "all", "audit": account, **given_options})


def test_term_that_does_not_exist_is_refused_by_its_name():
    with pytest.raises(AnsibleFilterError, match=r"hwc\.mfa\.rollout_plan: no term is called strategi, wave_size"):
        rollout_plan("all", audit("a"), strategi="enrol", wave_size=[1])


@pytest.mark.parametrize(("value", "replaced"), [("false", False), ("no", False), (False, False), ("true", True), (True, True), (1, True)])
def test_flag_that_comes_as_a_text_means_what_it_says(value, replaced):
    account = audit("a")
    account["users"][0]["device"] = {"serial_number": "s", "binding": "unbound"}
    plan = rollout_plan([{"user_id": "a", "auth_token": "t"}], account, strategy="enrol", replace_unbound=value)
    assert bool(plan["waves"]) is replaced


@pytest.mark.parametrize("wrong", [None, {}, [], "x", {"failed": True, "msg": "x"}])
def test_plan_wants_the_result_of_an_audit(wrong):
    with pytest.raises(AnsibleFilterError, match=r"audit must be the result of hwc.mfa.iam_mfa_info"):
        rollout_plan("all", wrong)


@pytest.mark.parametrize(
    "devices",
    [
        "x",
        5,
        {"serial_number": "s"},
        ["x"],
        [None],
        [{"binding": "bound"}],
        [{"serial_number": 5, "binding": "bound"}],
        [{"serial_number": "s"}],
    ],
)
def test_audit_with_devices_of_another_form_is_none(devices):
    account = audit("a")
    account["users"][0]["devices"] = devices
    for strategy in ("require", "enrol"):
        with pytest.raises(AnsibleFilterError, match=r"audit must be the result of hwc.mfa.iam_mfa_info"):
            rollout_plan("all", account, strategy=strategy)
    for nothing in (None, []):
        account["users"][0]["devices"] = nothing
        assert rollout_plan("all", account)["waves"]


@pytest.mark.parametrize("wrong", ["x", [1], {"a": 5}, {"a": {"before": 5}}, {"a": {"before": None}}])
def test_record_of_another_form_is_refused_by_its_name(wrong):
    with pytest.raises(AnsibleFilterError, match="record must be"):
        rollout_plan("all", audit("a"), record=wrong)


def test_plan_and_report_of_an_account_hold_no_secret():
    users = [{"user_id": "a", "auth_password": "s3cret"}]
    stored = {"a": {"serial_number": "s", "seed": RFC_SEED, "name": "n"}}
    before = audit("a")
    before["users"][0]["device"] = {"serial_number": "s", "binding": "unbound"}
    after = audit("a", protection=VMFA)
    after["users"][0]["device"] = {"serial_number": "s", "binding": "bound"}
    plan = rollout_plan(users, before, strategy="enrol", stored=stored, prove_login=True, auth={"auth_password": "s3cret"})
    assert plan["waves"][0][0]["steps"] == ["bind", "protect", "prove"]
    report = rollout_report(plan, "acme", before, after, [], 1, stored, {"strategy": "enrol"})
    assert report["summary"]["done"] == 1
    (row,) = unpack(report["document"])["users"]
    assert (row["outcome"], row["named"], row["seed_stored"], row["login_proven"]) == ("done", True, True, False)
    assert report["failed"] == []
    assert "s3cret" not in str(report) + str(plan) and RFC_SEED not in str(report) + str(plan)


def test_packed_wave_tells_the_roles_tasks_what_they_ask_of_it():
    users = [{"user_id": user_id, "auth_token": "t"} for user_id in "dcba"]
    before = audit("a", "b", "c", "d", "e")
    before["users"][1]["device"] = {"serial_number": "s", "binding": "bound"}
    plan = rollout_plan(users, before, strategy="enrol", wave_sizes=[3, 10], packed=True, exempt=[{"name": "n-d"}])
    assert [{name: value for name, value in wave.items() if name != "entries_packed"} for wave in plan["waves"]] == [
        {"first": 1, "last": 3, "creating": ["c", "a"]}
    ]
    back = rollout_plan("all", audit("a", protection=VMFA), state="absent", rollback_all=True, packed=True)
    assert back["waves"][0]["creating"] == []


def test_report_of_a_look_that_failed_does_not_pretend():
    before = audit("a")
    report = rollout_report(rollout_plan("all", before), "acme", before, {"failed": True, "msg": "x"}, waves_done=1)
    assert unpack(report["document"])["users"][0]["after"]["login_protection"] is None
    assert report["summary"]["after"] is None


def test_report_without_a_second_look_shows_the_state_before():
    before = audit("a")
    report = rollout_report(rollout_plan("all", before), "acme", before, {}, check_mode=True)
    (row,) = unpack(report["document"])["users"]
    assert (row["outcome"], row["after"]["login_protection"], row["seed_stored"]) == ("planned", "none", None)


def test_report_names_the_clouds_account_and_whoever_was_skipped():
    before = audit("a", "b")
    plan = rollout_plan("all", before, exempt=[{"user_id": "b", "reason": "why"}])
    report = rollout_report(plan, "acme", before, before, waves_done=1, cloud_account={"id": "0123", "name": "Acme"})
    assert report["line"].endswith("; account Acme (id 0123)")
    assert report["skipped"] == ["skipped: n-b: exempt: why; has NO device, login protection is off"]
    assert unpack(report["document"])["cloud_account"] == {"id": "0123", "name": "Acme"}


def test_everything_can_be_handed_on_packed():
    def packing(result, name):
        return {**{key: value for key, value in result.items() if key != name}, f"{name}_packed": pack(result[name])}

    users = [{"user_id": "a", "auth_password": "s3cret"}, {"user_id": "b", "auth_password": "t"}]
    stored = {"b": {"serial_number": "t", "seed": RFC_SEED}}
    record = {"a": {"strategy": "enrol", "before": OFF}}
    options = {"strategy": "enrol", "wave_sizes": [1]}
    account = audit("a", "b")
    audits = [packing(account, "users"), {"audit_packed": pack(account)}, pack(account), {"audit": account}]
    plan = rollout_plan(users, account, stored=stored, record=record, **options)
    for other in audits:
        packed = rollout_plan(users, other, stored=pack(stored), record=pack(record), packed=True, **options)
        assert unpack(packed["users_packed"]) == plan["users"]
        assert [unpack(wave["entries_packed"]) for wave in packed["waves"]] == plan["waves"]
        failures = [{"user_id": "a", "name": "n-a", "done": ["create", "bind"], "failed": True, "step": "protect", "msg": "no"}]
        report = rollout_report(plan, "acme", account, account, failures, 1, stored)
        assert rollout_report(packed, "acme", other, other, failures, 1, pack(stored)) == report
        assert [row["user_id"] for row in report["failed"]] == ["a"]
        assert report["first_failure"] == "n-a: protect: no"


# Whatever the filters are given

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=6) | st.binary(max_size=3)
FIELDS = st.sampled_from(
    [
        *("user_id", "name", "enabled", "device", "login_protection", "serial_number", "binding", "verification_method", "seed", "bound"),
        *("users", "users_packed", "caller", "summary", "waves", "warnings", "steps", "index", "reason", "auth_password", "fate", "create"),
        *("bind", "devices", "bindings", "failed", "msg", "step", "a", "b", "kind", "before", "earlier", "strategy", "administrators"),
    ]
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS | SCALARS, inner, max_size=4),
    max_leaves=10,
)


def mutated(data, value):
    """``value`` with one part of it, however deep, replaced by anything."""
    if isinstance(value, dict) and value and data.draw(st.booleans()):
        key = data.draw(st.sampled_from(sorted(value)))
        return {**value, key: mutated(data, value[key])}
    if isinstance(value, list) and value and data.draw(st.booleans()):
        return [mutated(data, value[0]), *value[1:]]
    return data.draw(ANYTHING)


FLAGS = ["exempt_strict", "replace_unbound", "rollback_all", "audit_only", "login_protection", "prove_login"]
PLAN_ARGUMENTS = ["users", "audit", "strategy", "state", "exempt", "wave_sizes", "stored", "intents", "auth", "record", *FLAGS]
VARIABLES = rf"audit must be|record must be|mfa_rollout_(users|strategy|state|exempt|wave_sizes|auth|store_loaded|{'|'.join(FLAGS)})"


@settings(max_examples=100)
@given(st.data(), st.sampled_from(PLAN_ARGUMENTS), st.sampled_from(["require", "enrol"]), st.sampled_from(["present", "absent"]))
def test_plan_of_anything_is_made_or_refused_in_words_that_name_the_variable(data, name, strategy, state):
    account = audit("a", "b", "c")
    account["users"][0].update(
        device={"serial_number": "s", "binding": "unbound", "kind": "virtual"},
        devices=[{"serial_number": "s", "binding": "unbound", "kind": "virtual"}],
    )
    account["administrators"] = ["a", "c"]
    right = {
        "users": [{"user_id": "a", "auth_password": "s3cret"}, {"name": "n-b", "auth_token": "t"}],
        "audit": account,
        "exempt": [{"name": "n-c", "reason": "why"}],
        "stored": {"a": {"serial_number": "s", "seed": RFC_SEED, "name": "n"}},
        "intents": ["b"],
        "auth": {"auth_user_id": "x"},
        "wave_sizes": [1, 2],
        "record": {"a": {"strategy": strategy, "before": OFF}},
        "strategy": strategy,
        "state": state,
        **dict.fromkeys(FLAGS, False),
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


@settings(max_examples=100)
@given(st.data(), st.sampled_from(["plan", "account", "before", "after", "failures", "waves_done", "stored", "terms", "cloud_account"]))
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
        "cloud_account": {"id": "0123", "name": "Acme"},
    }
    try:
        report = rollout_report(**{**right, name: mutated(data, right[name])})
    except AnsibleFilterError as error:
        assert str(error).startswith("hwc.mfa.rollout_report: ")
        return
    assert len(report["first_failure"].splitlines()) <= 1
    assert all(len(line.splitlines()) == 1 for line in [report["line"], *report["skipped"]])


@pytest.mark.parametrize("wrong", [None, 0, False, "", {}, b"", 0.0, "All", "all ", ["all"]])
def test_only_all_means_everybody_and_only_an_empty_list_means_nobody(wrong):
    with pytest.raises(AnsibleFilterError, match="mfa_rollout_users must be all, or a list"):
        rollout_plan(wrong, audit("a"))
    assert len(rollout_plan("all", audit("a"))["users"]) == 1
    assert rollout_plan([], audit("a"))["users"] == []


@pytest.mark.parametrize(
    "wrong", [None, 0, False, "", {}, [{"name": ["n-a"]}], [{"user_id": {"a": 1}}], [{"name": True}], [{"reason": "x"}]]
)
def test_nobody_loses_an_exemption_by_a_wrong_form(wrong):
    with pytest.raises(AnsibleFilterError, match="mfa_rollout_exempt must be a list of mappings"):
        rollout_plan("all", audit("a"), exempt=wrong)


def test_store_that_broke_meanwhile_still_gives_a_report():
    plan = rollout_plan("all", audit("a"))
    report = rollout_report(plan, "acme", audit("a"), audit("a"), waves_done=1, stored={"a": "torn"})
    assert unpack(report["document"])["users"][0]["seed_stored"] is None


UNFIT = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


@given(st.text(st.characters(), min_size=1, max_size=30), st.text(st.characters(), max_size=30))
def test_lines_for_a_person_hold_no_lines_of_somebody_else(name, reason):
    before = audit("a", "b", "c")
    for user in before["users"]:
        user["name"] = f"{name}{user['user_id']}"
    exempt = [{"user_id": "b", "reason": reason}, {"name": f"nobody{name}"}]
    wanted = [{"user_id": user_id} for user_id in "abc"] + [{"name": f"ghost{name}"}]
    plan = rollout_plan(wanted, before, exempt=exempt, wave_sizes=[1], exempt_strict=False)
    assert len(plan["lines"]) == 4
    failures = [{"user_id": "a", "name": f"{name}a", "done": [], "failed": True, "step": "protect", "msg": f"no {reason}"}]
    cloud_account = {"id": name, "name": reason}
    report = rollout_report(plan, "acme", before, before, failures, 1, cloud_account=cloud_account)
    for line in [*plan["lines"], *plan["warnings"], *report["skipped"], report["line"], report["first_failure"]]:
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
