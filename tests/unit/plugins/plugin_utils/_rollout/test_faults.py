# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rollouts through clouds that go wrong in every way at once: nobody loses anything, and the next run completes.

The modules do their work over HTTP and the plan decides, in the order in which the role goes through a wave; only what Ansible adds is left
out, and no wait takes time.
"""

from __future__ import annotations

import os

import pytest
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_login_protection import PROTECTION
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_mfa_info import MFA_INFO
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_virtual_mfa_bind import BIND
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_virtual_mfa_device import DEVICE
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout import plan as _rollout
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.plan import Terms, items_for, make_plan, outcomes_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

LOOKS = 7
PAUSE = 2.0


class Rollout:
    """What the role does in an account whose seeds it keeps, one wave for all."""

    def __init__(self, cloud, strategy="enrol", **options):
        self.cloud = cloud
        self.strategy = strategy
        self.options = options
        self.seeds = {}
        self.intents = set()
        self.memory = {}
        self.credentials = {
            user.id: {"auth_password": user.password} if number % 2 else {"access_key": user.access_key, "secret_key": user.secret_key}
            for number, user in enumerate(cloud.users)
        }

    def run(self, state="present"):
        """Each user's outcome by his id, or a text where the run broke off before the wave, or none where there was nothing to do."""
        terms = Terms(self.strategy, state)
        self.memory = {}
        before = self.call(MFA_INFO)
        if before.get("failed"):
            return before["msg"]
        wanted = [{"user_id": user_id, **own} for user_id, own in self.credentials.items()]
        plan = make_plan(wanted, before, terms, stored=self.seeds, intents=self.intents)
        assert not any(fate["fate"] == "problem" for fate in plan["users"])
        outcomes = {}
        for wave in plan["waves"]:
            outcomes.update(self.forward(wave, terms, before["api"]) if state == "present" else self.back(wave, terms))
        return outcomes

    def forward(self, wave, terms, api):
        results = {}
        for entry in wave:
            if "create" in entry["steps"]:
                self.seeds.pop(entry["user_id"], None)
                self.intents.add(entry["user_id"])

        def items(step):
            return items_for(wave, step, self.credentials, self.seeds, results)

        results["create"] = self.call(DEVICE, devices=items("create"), replace="unbound")
        self.seeds.update(_rollout.new_seeds(wave, results))
        self.intents -= self.seeds.keys()
        results["bind"] = self.call(BIND, bindings=items("bind"))
        if api == "v3":
            self.seeds.update(_rollout.bound_seeds(wave, self.seeds, results))
        elif _rollout.answered_bound(results):
            for _look in range(LOOKS):
                results["confirm"] = self.call(MFA_INFO, user_ids=list(_rollout.answered_bound(results)))
                if not _rollout.unconfirmed(results):
                    break
                self.cloud.handle.advance(PAUSE)
        results["protect"] = self.call(PROTECTION, users=items("protect"))
        return self.verify(wave, results, terms)

    def back(self, wave, terms):
        results = {}
        self.seeds.update(_rollout.doubted_seeds(wave, self.seeds))
        results["unprotect"] = self.call(PROTECTION, users=items_for(wave, "unprotect"))
        results["remove"] = self.call(DEVICE, devices=items_for(wave, "remove"), state="absent")
        outcomes = self.verify(wave, results, terms)
        for user_id, outcome in outcomes.items():
            if "remove" in outcome["done"] and not outcome["failed"]:
                self.seeds.pop(user_id, None)
                self.intents.discard(user_id)
        return outcomes

    def verify(self, wave, results, terms):
        for _look in range(LOOKS):
            outcomes = outcomes_of(wave, results, self.call(MFA_INFO, user_ids=[entry["user_id"] for entry in wave]), terms)
            if not any(outcome["step"] == "verify" for outcome in outcomes):
                break
            self.cloud.handle.advance(PAUSE)
        return {outcome["user_id"]: outcome for outcome in outcomes}

    def call(self, definition, **options):
        # One after the other: where waits take no time, one user's wait would make another one's code old on its way.
        result = self.cloud.run(definition, impatient=True, concurrency=1, memory=self.memory, **self.options, **options)
        assert "unexpected" not in str(result.get("msg"))
        return result


def assert_nothing_is_lost(rollout):
    """No bound device without its seed, nobody under protection without a bound device, and no code or password that was refused."""
    for user in rollout.cloud.users:
        if rollout.strategy == "enrol":
            if user.device is not None and user.device.bound:
                assert rollout.seeds[user.id]["seed"] == user.device.seed
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


# `make crash` looks ten times harder, and elsewhere each time.
HARDER = int(os.environ.get("HARDER") or 1)
COMBINED = settings(max_examples=40 * HARDER, derandomize=HARDER == 1, suppress_health_check=list(HealthCheck))


STATES = st.sampled_from(["present", "present", "absent"])


@pytest.mark.parametrize("profile", ["huaweicloud", "otc"])
def test_enrolment_through_each_fault_of_each_write_alone(clouds, profile):
    for route in WRITES:
        if route == "login-protect-put" or route.startswith("v5-") is (profile == "huaweicloud"):
            for kind in ANY:
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
