# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rollouts through clouds that go wrong in every way at once: nobody loses anything, and the next run completes.

The plan decides, and the very Wave that the role runs calls the modules over HTTP; only what Ansible adds is left out, and no wait takes time.
"""

from __future__ import annotations

import os
import tempfile

import pytest
from ansible_collections.hwc.mfa.plugins.module_utils._modules.posture import posture
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.module_calls import DEFINITIONS
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.plan import Known, make_plan
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.planning import creating
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.protection_record import ProtectionRecord
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.shown import as_known
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import Terms
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.wave import Removal, Wave
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.store import Contents
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


class Rollout:
    """What the role does in an account: the tasks around a Wave, one wave for all, with a store that is a variable."""

    def __init__(self, cloud, strategy="enrol", **options):
        # Not pytest's own, which all examples of a test share.
        self._folder = tempfile.TemporaryDirectory()
        self.cloud = cloud
        self.strategy = strategy
        self.options = options
        self.store = Contents()
        self.record = ProtectionRecord(self._folder.name, "acme", strategy=strategy)
        self.memory = {}
        self.credentials = {
            user.id: {"auth_password": user.password} if number % 2 else {"access_key": user.access_key, "secret_key": user.secret_key}
            for number, user in enumerate(cloud.users)
        }

    def run(self, state="present"):
        """Each user's outcome by id, or a text where the run broke off before the wave, or none where there was nothing to do."""
        terms = Terms(self.strategy, state)
        self.memory = {}
        before = self.call("iam_mfa_info", {})
        if before.get("failed"):
            return before["msg"]
        wanted = [{"user_id": user_id, **own} for user_id, own in self.credentials.items()]
        known = Known(seeds=self.store.all_newest_first(), intents=list(self.store.intents), record=self.record.returned([]).protected)
        plan = make_plan(wanted, before, terms, known=known)
        assert not any(fate["fate"] == "problem" for fate in plan["users"])
        outcomes = {}
        for entries in plan["waves"]:
            wave = Wave(
                self.call,
                entries,
                terms,
                api=before["api"],
                sleep=self.cloud.handle.advance,
                credentials=self.credentials,
                record=self.record,
            )
            if state == "rotated":
                finished = self.anew(wave, entries)
            else:
                finished = self.forward(wave, entries) if state == "present" else self.back(wave, entries)
            outcomes.update({outcome["user_id"]: outcome for outcome in finished.outcomes})
        return outcomes

    def anew(self, wave, entries):
        """As the tasks of a rotation: the removal, and then an enrolment, each by a Wave of its own."""
        finished = self.back(wave, entries)
        again = Wave(
            self.call,
            entries,
            Terms(self.strategy, "rotated"),
            api="v5",
            sleep=self.cloud.handle.advance,
            credentials=self.credentials,
            record=self.record,
        )
        removal = Removal(finished.removed, {outcome["user_id"]: outcome for outcome in finished.outcomes if outcome["failed"]})
        return self.forward(again, entries, removal)

    def forward(self, wave, entries, removal=None):
        stored = self.store.all_newest_first()
        self.store.announce(creating(entries))
        created = wave.create(self.store.intents, removal)
        for user_id, seed in created.seeds.items():
            self.store.add(user_id, seed)
        self.store.withdraw(created.withdrawn)
        finished = wave.finish(created.outcomes, created.seeds, self.store.all_newest_first(), stored, removal)
        for user_id, seed in finished.certain.items():
            self.store.add(user_id, seed)
        return finished

    def back(self, wave, entries):
        stored = self.store.all_newest_first()
        for user_id, seed in wave.doubted(stored).items():
            self.store.add(user_id, seed)
        announced = creating(entries)
        self.store.announce(announced)
        finished = wave.remove(stored, self.store.all_newest_first(), announced=announced)
        self.store.remove(finished.removed)
        return finished

    def call(self, module, options):
        # One after the other: where waits take no time, one user's wait would make another one's code old on its way.
        given = {"concurrency": 1, **self.options, **options}
        result = self.cloud.run(DEFINITIONS[module], impatient=True, memory=self.memory, **given)
        assert "unexpected" not in str(result.get("msg"))
        return result


def assert_nothing_is_lost(rollout):
    """No bound device without its seed, nobody under protection without a bound device, and no code or password that was refused."""
    for user in rollout.cloud.users:
        if rollout.strategy == "enrol":
            if user.device is not None and user.device.bound:
                assert rollout.store.seeds[user.id][user.device.serial_number].seed == user.device.seed
            if user.held_by_protection:
                assert user.device is not None and user.device.bound
    counters = rollout.cloud.cloud.counters
    assert (counters.wrong_codes, counters.refused_codes, counters.wrong_passwords) == (0, 0, 0)


def assert_outcomes_are_true(rollout, outcomes, state="present"):
    """Who is said to be done is so, and of whoever is not somebody learns why."""
    if isinstance(outcomes, str):
        assert outcomes
        return
    for user in rollout.cloud.users:
        outcome = outcomes.get(user.id)
        if outcome is None:
            continue
        if outcome["failed"]:
            assert outcome["msg"] and outcome["step"]
        elif state == "present":
            assert user.held_by_protection
            assert rollout.strategy == "require" or user.device.bound
        else:
            assert not user.held_by_protection
            assert rollout.strategy == "require" or user.device is None


def assert_complete(rollout, state="present"):
    """A run through a cloud that is well again ends it, and one after that has nothing to do."""
    rollout.cloud.handle.clear_faults()
    rollout.options = {}
    # A device that was unbound and could not be deleted is bound again with its seed, and has used up the codes of this minute.
    rollout.cloud.handle.advance(90)
    outcomes = rollout.run(state)
    assert not isinstance(outcomes, str), outcomes
    assert [outcome for outcome in outcomes.values() if outcome["failed"]] == []
    assert_nothing_is_lost(rollout)
    for user in rollout.cloud.users:
        assert user.held_by_protection is (state == "present")
        if rollout.strategy == "enrol":
            assert user.device is None if state == "absent" else user.device.bound
    assert rollout.run(state) == {}
    assert_nothing_is_lost(rollout)


READS = ("users", "v5-list", "list-devices", "get-device", "login-protect-get", "login-protect-list", "domains", "credential")
WRITES = ("create", "v5-create", "bind", "v5-enable", "delete", "v5-delete", "login-protect-put")
BACK = ("unbind", "v5-disable", "delete", "v5-delete", "login-protect-put")
ANY = ("lose", "cut", "half", "status=429", "retry-after=1", "retry-after=9999", "status=500", "status=502", "status=504", "html=500",
       "html=502", "html=503", "html=504", "html=404", "html=429", "expire-tokens", "forbid", "status=409", "status=410")  # fmt: skip
WHEN = ("1", "2", "3", "1-2", "1-4", "2-6", "every=2", "every=3", "")


def faults(*routes):
    """Any fault on any of the routes; a write that comes to nothing only where somebody can see it.

    Only reads are slow: a write that nobody waits for is as good as lost, and would be carried out when much time has passed that nobody took.
    """
    spoiled = st.builds(
        "{}:{}:{}".format,
        st.sampled_from(ANY),
        st.one_of(st.sampled_from(routes), st.sampled_from((*READS, "login", "*"))),
        st.sampled_from(WHEN),
    )
    seen = [route for route in routes if route in ("delete", "v5-delete", "v5-enable", "v5-disable", "login-protect-put")]
    slow = st.builds("slow=0.3:{}:{}".format, st.sampled_from(READS), st.sampled_from(WHEN))
    return st.one_of(spoiled, spoiled, spoiled, slow, st.builds("noop:{}:{}".format, st.sampled_from(seen), st.sampled_from(WHEN)))


WORLD = st.fixed_dictionaries(
    {
        "profile": st.sampled_from(["huaweicloud", "otc"]),
        "stale": st.sampled_from([0.0, 0.0, 3.0]),
        "admin_may_create": st.booleans(),
        "admin_may_bind_v5": st.booleans(),
        "unique_device_names": st.booleans(),
        "unbind_unbound": st.sampled_from([204, 400, 404]),
        "v5_create_status": st.sampled_from([200, 201]),
    }
)
DRIFT = st.sampled_from([0.0, 0.0, 40.0, -40.0])


def suffer(start, world, drift, specs, strategy="enrol"):
    """A rollout in a world of its own, in which things begin to go wrong now."""
    cloud = start(users=3, **world)
    rollout = Rollout(cloud, strategy, timeout=0.2)
    for spec in specs:
        cloud.handle.fault(spec)
    # A clock that is off is off before the first answer tells of it.
    cloud.handle.advance(drift)
    return rollout


@pytest.fixture
def clouds(start):
    """Starts clouds, and stops each before the next, however many examples there are."""
    running = []

    def one(**options):
        for rehearsal in running:
            rehearsal.stop()
        running[:] = [start(**options)]
        return running[0]

    return one


# `make crash` looks many times harder, and elsewhere each time.
HARDER = int(os.environ.get("HARDER") or 1)
COMBINED = settings(max_examples=10 if HARDER == 1 else 40 * HARDER, derandomize=HARDER == 1, suppress_health_check=list(HealthCheck))


STATES = st.sampled_from(["present", "present", "absent"])


# Every kind of fault on both clouds, or each on one of them.
SHARES = {"huaweicloud": ANY, "otc": ANY} if HARDER > 1 else {"huaweicloud": ANY[1::2], "otc": ANY[::2]}


@pytest.mark.parametrize(("profile", "kinds"), SHARES.items(), ids=list(SHARES))
def test_enrolment_through_each_fault_of_each_write_alone(clouds, profile, kinds):
    for route in WRITES:
        if route == "login-protect-put" or route.startswith("v5-") is (profile == "huaweicloud"):
            for kind in kinds:
                rollout = suffer(clouds, {"profile": profile}, 0.0, [f"{kind}:{route}:1"])
                outcomes = rollout.run()
                assert_nothing_is_lost(rollout)
                assert_outcomes_are_true(rollout, outcomes)
                assert_complete(rollout)


@COMBINED
@given(world=WORLD, drift=DRIFT, specs=st.lists(faults(*WRITES), min_size=1, max_size=4), then=STATES)
def test_enrolment_through_any_faults_loses_nothing_and_is_completed_or_taken_back_by_the_next_run(clouds, world, drift, specs, then):
    rollout = suffer(clouds, world, drift, specs)
    outcomes = rollout.run()
    assert_nothing_is_lost(rollout)
    assert_outcomes_are_true(rollout, outcomes)
    assert_complete(rollout, then)


@COMBINED
@given(world=WORLD, specs=st.lists(faults("login-protect-put"), min_size=1, max_size=4), then=STATES)
def test_requirement_through_any_faults_is_completed_or_taken_back_by_the_next_run(clouds, world, specs, then):
    rollout = suffer(clouds, world, 0.0, specs, strategy="require")
    outcomes = rollout.run()
    assert_outcomes_are_true(rollout, outcomes)
    assert_complete(rollout, then)


@COMBINED
@given(world=WORLD, drift=DRIFT, specs=st.lists(faults(*BACK), min_size=1, max_size=4), then=STATES)
def test_roll_back_through_any_faults_loses_nothing_and_is_completed_or_undone_by_the_next_run(clouds, world, drift, specs, then):
    rollout = suffer(clouds, world, drift, [])
    assert_complete(rollout)
    for spec in specs:
        rollout.cloud.handle.fault(spec)
    rollout.options = {"timeout": 0.2}
    outcomes = rollout.run("absent")
    assert_nothing_is_lost(rollout)
    assert_outcomes_are_true(rollout, outcomes, "absent")
    assert_complete(rollout, then)


@pytest.mark.parametrize("profile", SHARES)
def test_rotation_through_each_fault_of_a_removal_locks_nobody_out_and_is_completed_by_the_next_run(clouds, profile):
    for route in BACK:
        if route == "login-protect-put" or route.startswith("v5-") is (profile == "huaweicloud"):
            for kind in ("lose", "status=500", "html=502", "forbid"):
                rollout = suffer(clouds, {"profile": profile}, 0.0, [])
                rollout.run()
                rollout.cloud.handle.advance(90)
                rollout.cloud.handle.fault(f"{kind}:{route}:1-4")
                outcomes = rollout.run("rotated")
                assert_nothing_is_lost(rollout)
                assert_outcomes_are_true(rollout, outcomes)
                assert_complete(rollout)


# Clouds that do not tell a virtual device from a security key


def assert_protected_as_far_as_the_store_knows(rollout):
    """An audit alone tells nobody to be protected, since what is bound may be a key. The stored serial number ties the device."""
    users = rollout.call("iam_mfa_info", {})["users"]
    seeds = rollout.store.all_newest_first()
    shown = {user["user_id"]: (user["posture"], posture(as_known(user, seeds.get(user["user_id"], ())))) for user in users}
    assert [shown[user.id] for user in rollout.cloud.users] == [("unknown", "protected")] * len(rollout.cloud.users)


NO_TIE = {
    "own serial numbers": ({"serial_forms_differ": True, "serial_ids_in_v3": True, "own_serials_only": True}, ()),
    "both serial numbers": ({"serial_forms_differ": True, "serial_ids_in_v3": True}, ()),
    "v3.0 not granted": ({}, ("forbid:get-device", "forbid:list-devices")),
    "v3.0 not offered": ({}, ("unpublished:get-device", "unpublished:list-devices")),
}


@pytest.mark.parametrize(("world", "denied"), NO_TIE.values(), ids=list(NO_TIE))
@pytest.mark.parametrize("stale", [0.0, 3.0])
@pytest.mark.parametrize("binds", ["users", "administrator"])
def test_enrolment_rotation_and_roll_back_where_nothing_tells_a_key_but_the_stored_serial_number(start, world, denied, stale, binds):
    cloud = start(users=3, security_keys_in_v5=True, stale=stale, **world)
    rollout = Rollout(cloud)
    if binds == "administrator":
        rollout.credentials = {user_id: {} for user_id in rollout.credentials}
    for spec in denied:
        cloud.handle.fault(spec)
    # A key before the rollout is a device that nobody can account for where v3.0 tells nothing, so it comes later there.
    ordinary, early, late = cloud.users
    if not denied:
        cloud.cloud.give_key(early.id)

    def done(state, users=3):
        cloud.handle.advance(90)
        outcomes = rollout.run(state)
        assert [(outcome["failed"], outcome["msg"]) for outcome in outcomes.values()] == [(False, None)] * users, outcomes
        assert_nothing_is_lost(rollout)

    done("present")
    cloud.cloud.give_key(late.id)
    assert all(user.device.bound and user.held_by_protection for user in cloud.users)
    cloud.handle.advance(90)
    assert_protected_as_far_as_the_store_knows(rollout)
    assert rollout.run() == {}
    before = [user.device for user in cloud.users]
    # Where v3.0 would not tell the key from the next device, nothing is lifted or removed.
    done("rotated", users=2 if denied else 3)
    assert all(user.device.bound and user.held_by_protection for user in cloud.users)
    assert [user.device == old for user, old in zip(cloud.users, before)] == [False, False, bool(denied)]
    done("absent")
    assert not any(user.device or user.held_by_protection for user in cloud.users)
    assert rollout.store.seeds == {}
    assert cloud.cloud.counters.key_writes == 0
    assert (len(ordinary.keys), len(late.keys)) == (0, 1)


@pytest.mark.parametrize("shows", [(), ("lose:v5-create:1",), ("lose:v5-enable:1",), ("lose:v5-create:1", "lose:v5-enable:1")])
def test_enrolment_through_lost_answers_where_serial_numbers_have_nothing_in_common(start, shows):
    cloud = start(users=3, security_keys_in_v5=True, **NO_TIE["own serial numbers"][0])
    cloud.cloud.give_key(cloud.users[0].id)
    rollout = Rollout(cloud)
    for spec in shows:
        cloud.handle.fault(spec)
    rollout.run()
    assert_nothing_is_lost(rollout)
    assert_complete(rollout)
    cloud.handle.advance(90)
    assert_complete(rollout, "absent")
    assert cloud.cloud.counters.key_writes == 0


def test_roll_back_forgets_nobody_of_whom_a_gateway_says_404(otc):
    rollout = Rollout(otc)
    assert not any(outcome["failed"] for outcome in rollout.run().values())
    # From the first look of the removal on: the audit has a listing.
    otc.handle.fault("unpublished:get-device")
    outcomes = rollout.run("absent")
    assert all(outcome["failed"] for outcome in outcomes.values())
    assert set(rollout.store.seeds) == {user.id for user in otc.users}
    assert_nothing_is_lost(rollout)
    assert_complete(rollout, "absent")
