# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime

import pytest
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.users import User, instant, joined, v3_user, v5_user
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("value", "time"),
    [
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"),
        ("2026-01-31T12:00:00.123456Z", "2026-01-31T12:00:00Z"),
        ("2026-01-31 12:00:00.0", "2026-01-31T12:00:00Z"),
        ("2026-03-29T03:30:00+02:00", "2026-03-29T01:30:00Z"),
        ("2026-01-31T20:00:00-0530", "2026-02-01T01:30:00Z"),
        ("2028-02-29T00:00:00Z", "2028-02-29T00:00:00Z"),
        ("2026-02-29T00:00:00Z", None),
        ("2026-13-01T00:00:00Z", None),
        ("2026-01-31T24:00:00Z", None),
        ("2026-01-31T25:00:00Z", None),
        ("2026-01-31T12:60:00Z", None),
        ("2026-01-31T12:00:62Z", None),
        ("2026-01-31T12:00:00+24:00", None),
        ("2026-01-31T12:00:00+01:60", None),
        (1767323045000, "2026-01-02T03:04:05Z"),
        (True, None),
        ("", None),
        (None, None),
        ("2026-01-31", None),
        (-1, None),
        (10**20, None),
    ],
)
def test_times_as_the_apis_write_them(value, time):
    assert instant(value) == time


@given(st.datetimes(min_value=datetime.datetime(1970, 1, 2), max_value=datetime.datetime(9999, 12, 30)), st.integers(-14 * 60, 14 * 60))
def test_time_of_any_zone_is_the_same_moment(moment, minutes):
    zone = datetime.timezone(datetime.timedelta(minutes=minutes))
    moment = moment.replace(microsecond=0, tzinfo=datetime.timezone.utc)
    assert instant(moment.astimezone(zone).isoformat()) == moment.strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")


@given(st.text(max_size=40) | st.integers() | st.none() | st.floats())
def test_anything_is_a_time_or_none(value):
    assert instant(value) is None or instant(instant(value)) == instant(value)


@pytest.mark.parametrize(
    ("mode", "access"), [("default", "yes"), ("console", "yes"), ("programmatic", "no"), ("other", None), (None, None), (5, None)]
)
def test_access_mode_tells_who_can_use_the_console(mode, access):
    assert v3_user({"id": "u", "access_mode": mode}).console_access == access


def test_answers_of_another_form_tell_nothing():
    odd = {"id": "u", "is_domain_owner": "true", "create_time": ["x"], "email": 5, "domain_id": {}}
    assert v3_user(odd) == User("u", "", True)
    assert v5_user({"user_id": "u", "tags": ["x", {"tag_key": 5}, {"tag_key": "a", "tag_value": "b"}], "is_root_user": 1}) == User(
        "u", "", True, tags={"a": "b"}
    )


def test_name_that_is_null_is_none_that_somebody_can_ask_for():
    assert v3_user({"id": "u", "name": None}).name == v5_user({"user_id": "u", "user_name": None}).name == ""
    assert v3_user({"id": "u", "name": 42}).name == v5_user({"user_id": "u", "user_name": 42}).name == "42"
    assert v3_user({"id": "u", "name": "None"}).name == "None"
    assert v5_user({"user_id": "u", "tags": [{"tag_key": "team", "tag_value": None}]}).tags == {"team": ""}


def test_what_one_answer_does_not_tell_another_may():
    one, other = User("u", "ada", False, email="a@b.example"), User("u", "Ada", True, is_root=True, tags={})
    assert joined(one, other) == User("u", "ada", False, is_root=True, email="a@b.example", tags={})
    assert joined(one, None) is one
