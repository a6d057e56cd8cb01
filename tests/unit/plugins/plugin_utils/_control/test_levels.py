# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleError
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.levels import own_args, replaced

KEY = {"access_key": "AK", "secret_key": "SK"}
ANOTHER_KEY = {"access_key": "AK2", "secret_key": "SK2", "security_token": "ST2"}
TOKEN = {"auth_token": "T0"}
ALICE = {"auth_username": "alice", "auth_password": "pw", "auth_domain_name": "acme"}

AGENCY = {"assume_agency": {"agency_name": "mfa", "domain_name": "acme"}}


@pytest.mark.parametrize(
    ("levels", "dropped"),
    [
        ([KEY], set()),
        ([KEY, {}], set()),
        ([{}, KEY, TOKEN], {"auth_token"}),
        ([KEY, TOKEN], {"auth_token"}),
        ([TOKEN, KEY], {"access_key", "secret_key"}),
        ([KEY, TOKEN, ALICE], {"auth_token", *ALICE}),
        # Of the same kind: a key takes nothing of another one.
        ([KEY, ANOTHER_KEY], {"security_token"}),
        ([{"access_key": "AK"}, ANOTHER_KEY], {"secret_key", "security_token"}),
        ([{"auth_user_id": "u1"}, ALICE], set(ALICE)),
        # What names nobody is completed, or completes.
        ([{"auth_passcode": "123456"}, ALICE], set()),
        ([{"auth_password": "pw2"}, ALICE], set()),
        ([{"access_key": "AK"}, {"secret_key": "SK"}], set()),
        ([{"auth_username": "bob", "auth_password": "pw"}, {"auth_domain_name": "acme"}], set()),
        ([{"auth_domain_name": "acme"}, ALICE], set()),
        # A level further on is measured by all nearer ones.
        ([{"auth_passcode": "123456"}, {"auth_user_id": "u1"}, ALICE], set(ALICE)),
        # An empty option takes a default back.
        ([{**KEY, "auth_token": ""}, TOKEN], set()),
        # Two kinds on one level are an error that is left to be found.
        ([{**KEY, **TOKEN}], set()),
        ([{**KEY, **TOKEN}, ALICE], set(ALICE)),
        # An agency goes with the credentials of its level, and may be given alone.
        ([KEY, {**ANOTHER_KEY, **AGENCY}], {"security_token", *AGENCY}),
        ([TOKEN, {**KEY, **AGENCY}], {*KEY, *AGENCY}),
        ([KEY, AGENCY], set()),
        ([AGENCY, KEY], set()),
        ([AGENCY, {**KEY, "assume_agency": {"agency_name": "other", "domain_name": "acme"}}], set()),
        ([{"cloud": "otc"}, AGENCY], set(AGENCY)),
        # A cloud of clouds.yaml.
        ([{"cloud": "otc"}, {**KEY, "auth_domain_name": "acme"}], {*KEY, "auth_domain_name"}),
        ([KEY, {"cloud": "otc"}], set()),
        ([{"cloud": "otc", **KEY}, TOKEN], {"auth_token"}),
    ],
)
def test_nearer_level_counts_as_a_whole(levels, dropped):
    assert replaced(levels) == dropped


def action(args, defaults, template=lambda value: value):
    """As much of an action plugin as its levels need."""
    play = SimpleNamespace(_action_groups={"hwc.mfa.iam_mfa_info": ["hwc.mfa.mfa"]})
    task = SimpleNamespace(
        args=args,
        module_defaults=defaults,
        resolved_action="hwc.mfa.iam_mfa_info",
        action="iam_mfa_info",
        _parent=SimpleNamespace(_play=play),
    )
    return SimpleNamespace(_task=task, _templar=SimpleNamespace(template=template))


GROUP = "group/hwc.mfa.mfa"


@pytest.mark.parametrize(
    ("own", "defaults", "left"),
    [
        (KEY, [{GROUP: {**TOKEN, "region": "eu-de"}}], {**KEY, "region": "eu-de"}),
        ({}, [{GROUP: TOKEN, "hwc.mfa.iam_mfa_info": KEY}], KEY),
        ({}, [{GROUP: TOKEN}, {GROUP: KEY}], KEY),
        (KEY, [{"group/other.one.group": TOKEN, "hwc.mfa.other": TOKEN}], KEY),
        ({"timeout": 5}, [{GROUP: {**TOKEN, "timeout": 9}}], {**TOKEN, "timeout": 5}),
        (KEY, None, KEY),
    ],
)
def test_defaults_of_module_and_group_are_levels_of_their_own(own, defaults, left):
    merged = {}
    for one in defaults or []:
        merged.update(one)
    args = {**merged.get(GROUP, {}), **merged.get("hwc.mfa.iam_mfa_info", {}), **own}
    assert own_args(action(args, defaults)) == left


def test_defaults_that_are_templates_are_read_as_core_reads_them():
    values = {"{{ account }}": TOKEN, "{{ token }}": "T0"}

    def template(value):
        return {name: values.get(item, item) for name, item in value.items()} if isinstance(value, dict) else values[value]

    for default in ("{{ account }}", {"auth_token": "{{ token }}", "timeout": "{{ nobody knows }}"}):
        assert own_args(action({**TOKEN, **KEY}, [{GROUP: default}], template)) == KEY


def test_default_that_cannot_be_read_is_left_to_the_check_of_the_options():
    def template(_value):
        raise AnsibleError("undefined")

    assert own_args(action({**TOKEN, **KEY}, [{GROUP: "{{ nobody }}"}], template)) == {**TOKEN, **KEY}
