# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime

import pytest
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import OptionError
from ansible_collections.hwc.mfa.plugins.module_utils._modules.selection import selection_of

USER = {
    "user_id": "u1",
    "name": "Ada.Lovelace",
    "tags": {"team": "blue", "floor": "5", "7": "seven"},
    "created_at": "2026-02-01T00:00:00Z",
    "last_login_at": "2026-03-01T10:00:00Z",
}
UNKNOWN = {"user_id": "u2", "name": None, "tags": None, "created_at": None, "last_login_at": None}


def missed(user, **options):
    return selection_of(options, "select").missed(user, {"admins": ["u1"], "others": []})


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"names": ["Ada*"]}, None),
        ({"names": ["bob", "*Lovelace"]}, None),
        ({"names": ["ada*"]}, "another name"),
        ({"names": "Ada.?ovelace"}, None),
        ({"groups": ["others", "admins"]}, None),
        ({"groups": ["others"]}, "not in the groups"),
        ({"groups": "others,admins"}, None),
        ({"names": "bob, Ada*"}, None),
        ({"names": " Ada.Lovelace\t,bob "}, None),
        ({"groups": "others , admins\n"}, None),
        ({"names": ["bob", " Ada*"]}, "another name"),
        ({"tags": {"team": "blue"}}, None),
        ({"tags": {"team": "red"}}, "other tags"),
        ({"tags": {"floor": 5, 7: "seven"}}, None),
        ({"tags": {"team": "blue", "more": "x"}}, "other tags"),
        ({"created_after": "2026-01-31"}, None),
        ({"created_after": datetime.date(2026, 1, 31)}, None),
        ({"created_after": "2026-02-01"}, "created earlier"),
        ({"created_after": "2026-02-01T00:00:00+01:00"}, None),
        ({"last_login_before": "2026-03-02"}, None),
        ({"last_login_before": datetime.datetime(2026, 3, 1, 10)}, "logged in later"),
        ({"names": ["Ada*"], "groups": ["others"]}, "not in the groups"),
    ],
)
def test_who_is_meant(options, reason):
    assert missed(USER, **options) == reason


@pytest.mark.parametrize(
    "options", [{"names": ["?*"]}, {"tags": {"a": "b"}}, {"created_after": "2020-01-01"}, {"last_login_before": "2030-01-01"}]
)
def test_who_is_not_known_is_not_meant(options):
    assert missed(UNKNOWN, **options) is not None


def test_who_never_logged_in_did_so_before_any_time():
    assert missed({**UNKNOWN, "last_login_at": "never"}, last_login_before="2020-01-01") is None


@pytest.mark.parametrize("nothing", [None, {}, {"names": None}])
def test_nothing_selects_nobody_out(nothing):
    assert selection_of(nothing, "select") is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"name": "x"}, "mfa_rollout_select has 'name', which selects nothing; there are names, groups, tags"),
        ({"names": []}, "mfa_rollout_select.names must be a list of texts"),
        ({"names": [5]}, "mfa_rollout_select.names must be a list of texts"),
        ({"groups": {"a": 1}}, "mfa_rollout_select.groups must be a list of texts"),
        ({"tags": ["a"]}, "mfa_rollout_select.tags must be a mapping"),
        ({"tags": {}}, "mfa_rollout_select.tags must be a mapping from tag to value, and name something"),
        (
            {"tags": {"team": "blue", "mfa": True}},
            "mfa_rollout_select.tags: the value of the tag mfa must be text, and YAML made something else of it, as it does of true, yes and on:"
            " put it in quotes",
        ),
        ({"tags": {"mfa": False}}, "the value of the tag mfa must be text"),
        ({"tags": {"mfa": None}}, "the value of the tag mfa must be text"),
        ({"tags": {"version": 1.10}}, "the value of the tag version must be text"),
        ({"tags": {"since": datetime.date(2026, 1, 31)}}, "the value of the tag since must be text"),
        ({"tags": {"mfa": ["true"]}}, "the value of the tag mfa must be text"),
        ({"tags": {True: "x"}}, "the name of the tag True must be text"),
        ({"tags": {"a\nb": True}}, "the value of the tag a b must be text"),
        ({"created_after": "yesterday"}, "mfa_rollout_select.created_after must be a date such as 2026-01-31"),
        ({"created_after": "2026-02-30"}, "must be a date"),
        ({"last_login_before": 20260131}, "must be a date"),
    ],
)
def test_selection_that_means_nothing_is_refused_by_name(options, words):
    with pytest.raises(OptionError) as caught:
        selection_of(options, "mfa_rollout_select")
    assert words in str(caught.value)
