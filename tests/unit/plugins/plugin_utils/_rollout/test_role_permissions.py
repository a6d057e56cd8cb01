# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guide's table of what the role needs, by strategy, enforced on rollouts over HTTP; and what the inventory needs."""

from __future__ import annotations

import pytest
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError
from ansible_collections.hwc.mfa.plugins.module_utils._runner.connections import Connections
from ansible_collections.hwc.mfa.plugins.plugin_utils._inventory.answers import Caller, read
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import PlanError
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.store import StoredSeed
from ansible_collections.hwc.mfa.tests.unit.guide_pages import literals, tables
from ansible_collections.hwc.mfa.tests.unit.plugins.plugin_utils._rollout.test_faults import Rollout

ROLE, _MODULES, CENTER, _CALLS = tables("guide_permissions")
WAY_IN = "mfa_rollout_exempt"
JOBS = {
    "audit": None,
    "require": ("require", "present"),
    "enrol": ("enrol", "present"),
    "roll-back of require": ("require", "absent"),
    "roll-back of enrol": ("enrol", "absent"),
}


def rolled_out(cloud, rollout):
    """All that a rollout would have left."""
    before = {"enabled": False, "verification_method": "none"}
    rollout.record.begin([{"user_id": user.id, "name": user.name, "steps": ["protect"], "protection": before} for user in cloud.users])
    for user in cloud.users:
        cloud.cloud.protect(user.id)
        if rollout.strategy == "enrol":
            device = cloud.cloud.give_device(user.id, bound=True)
            serial_number = cloud.cloud.serial_shown(user, device, v5=cloud.cloud.settings.profile == "huaweicloud")
            rollout.store.add(user.id, StoredSeed(serial_number, device.seed, user.name, bound=True))


def failures(start, job, profile, actions):
    """Why a run of the role failed, and the calls that were refused."""
    # Waves are of one user and of ten, so users are read one by one and by listings.
    cloud = start(profile=profile, users=10)
    rollout = Rollout(cloud, job[0] if job else "require")
    if job and job[1] == "absent":
        rolled_out(cloud, rollout)
        # Users with credentials of their own delete their devices where the administrator may not.
        rollout.credentials = {user_id: {} for user_id in rollout.credentials}
    cloud.cloud.allowed[cloud.admin.id] = frozenset(actions)
    try:
        outcomes = rollout.call("iam_mfa_info", {}).get("msg") or {} if job is None else rollout.run(job[1])
    except PlanError as error:
        outcomes = str(error)
    refused = [f"{entry['method']} {entry['path']}" for entry in cloud.log if entry["status"] == 403]
    cloud.stop()
    return [outcomes] if isinstance(outcomes, str) else [one["msg"] for one in outcomes.values() if one["failed"]], refused


def test_guide_and_tests_speak_of_the_same_jobs():
    assert list(JOBS) == [row[0] for row in ROLE[1:]]


@pytest.mark.parametrize("profile, column", [("otc", 1), ("huaweicloud", 2)])
@pytest.mark.parametrize("row", ROLE[1:], ids=[row[0] for row in ROLE[1:]])
def test_role_works_with_exactly_these_actions_and_names_the_call_that_it_lacks(start, row, profile, column):
    job, needed = JOBS[row[0]], literals(row[column])
    assert failures(start, job, profile, needed)[0] == []
    for lacking in needed:
        why, refused = failures(start, job, profile, set(needed) - {lacking})
        assert why, lacking
        assert all(any(call in text for call in refused) or WAY_IN in text for text in why), (lacking, why)


@pytest.fixture
def ask(start):
    """Asks for the accounts of an organization as an administrator who may do some actions only."""

    def asked(actions):
        cloud = start(accounts=2)
        cloud.cloud.allowed[cloud.admin.id] = frozenset(actions)
        options = {"organizations_endpoint": cloud.url, "iam_endpoint": cloud.url, "timeout": 10, "retries": 0, **cloud.by_key()}
        connections = Connections(options, {}, lambda: True, {})
        try:
            return read(connections.organizations, Caller(None, None), True, 1)
        finally:
            connections.close()

    return asked


def test_inventory_needs_the_list_of_accounts_and_leaves_out_what_else_it_may_not_read(ask):
    _job, needed, more = next(row for row in CENTER if row[0].startswith("inventory"))
    everything = {*literals(needed), *literals(more)}
    assert ask(everything)["refused"] == []
    for missing in literals(more):
        answers = ask(everything - {missing})
        assert len(answers["accounts"]) == 2
        (text,) = answers["refused"]
        assert "GET /v1/organizations" in text
    with pytest.raises(CloudError, match="GET /v1/organizations/accounts"):
        ask(literals(more))
