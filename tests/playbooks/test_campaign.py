# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A campaign of weeks on the cloud's clock: announced, enforced by a job that runs each day, audited."""

from __future__ import annotations

import datetime
from typing import Any, Callable

import pytest
import yaml
from truths import ROLE_IGNORED
from twins import CLOUDS, twin

ACCOUNT = "acme-berlin"
AUDIT, ROLLOUT = "hwc.mfa.audit", "hwc.mfa.rollout"
DAY = 86_400


def day(ground: Any, days: int) -> str:
    """The date so many days from today, on the cloud's clock."""
    return f"{datetime.datetime.fromtimestamp(ground.cloud.cloud.now() + days * DAY, datetime.timezone.utc):%Y-%m-%d}"


def at_noon(ground: Any) -> Any:
    """A playground whose cloud's clock stands at noon of this day, so that no hour of a test is another day."""
    ground.cloud.advance(DAY / 2 - ground.cloud.cloud.now() % DAY)
    return ground


def protected(ground: Any) -> set[str]:
    return {user.name for user in ground.cloud.cloud.users.values() if user.protection is not None and user.protection.enabled}


def rows(ground: Any) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in ground.report(ACCOUNT)["users"]}


@pytest.mark.parametrize("strategy", ["require", "enrol"])
def test_dates_without_quotes_in_a_file_are_dates(playground: Callable[..., Any], strategy: str, core: dict[str, str]) -> None:
    ground = playground(strategy, users=3)
    users = ground.cloud.describe()["accounts"][0]["users"]
    own = [{"name": user["name"], "auth_password": user["password"]} for user in users]
    variables = {
        "mfa_rollout_users": [
            own[0],
            {**own[1], "not_before": datetime.date(2020, 1, 31)},
            {**own[2], "not_before": datetime.datetime(2099, 1, 31, 12, tzinfo=datetime.timezone.utc)},
        ],
        "mfa_rollout_exempt": [{"name": users[0]["name"], "until": datetime.date(2099, 12, 31)}],
        "mfa_rollout_select": {"created_after": datetime.date(2001, 1, 31)},
    }
    (ground.path / "dates.yml").write_text(yaml.safe_dump(variables), encoding="utf-8")
    run = ground.run(ROLLOUT, "-e", "@dates.yml", env=core)
    assert run.code == 0, run.output
    assert protected(ground) == {users[1]["name"]}
    assert rows(ground)[users[2]["name"]]["outcome"] == "scheduled"


@pytest.mark.parametrize("profile", CLOUDS)
def test_campaign_of_a_month(playground: Callable[..., Any], profile: str) -> None:
    ground = at_noon(playground("require", users=4, profile=profile))
    users = [user.name for user in ground.cloud.cloud.accounts[0].users[1:]]
    ground.variables[ACCOUNT] |= {
        "mfa_rollout_not_before": day(ground, 14),
        "mfa_rollout_new_user_grace_days": 7,
        "mfa_audit_fail_on": ["overdue"],
        "mfa_rollout_exempt": [{"name": users[0], "reason": "on leave", "until": day(ground, 16)}],
    }

    # Announced: nothing is done, and the plan and the report tell the date.
    run = ground.run(ROLLOUT)
    assert run.code == 0, run.output
    assert "3 scheduled" in run.output
    assert protected(ground) == set()
    assert rows(ground)[users[1]]["not_before"].startswith(day(ground, 14))
    assert ground.run(AUDIT).code == 0, "scheduled is not overdue"

    # The day before: somebody new has come, whose days of grace begin.
    ground.cloud.advance(13 * DAY)
    new = ground.cloud.cloud.add_user("newcomer")

    # The day itself. An audit before the job calls them due.
    ground.cloud.advance(DAY + 3600)
    run = ground.run(AUDIT)
    assert run.code == 0, run.output
    assert {name: row["campaign"] for name, row in rows(ground).items() if row["campaign"]} == {
        **dict.fromkeys(users[1:], "due"), new.name: "scheduled",
    }  # fmt: skip

    # Nobody ran the job: overdue, and the audit fails by name.
    ground.cloud.advance(DAY)
    run = ground.run(AUDIT)
    assert run.code == 2
    assert run.failure(ACCOUNT) == f"{ACCOUNT}: 3 overdue: {', '.join(users[1:])}."
    run = ground.run(ROLLOUT)
    assert run.code == 0, run.output
    assert protected(ground) == set(users[1:])
    assert "until" in run.output, "the exemption ends within 30 days"
    assert ground.run(AUDIT).code == 0

    # The exemption has ended, and the days of grace too.
    ground.cloud.advance(7 * DAY)
    run = ground.run(ROLLOUT)
    assert run.code == 0, run.output
    assert "has ended, so that the user is exempt no more" in " ".join(run.output.split())
    assert protected(ground) == {*users, new.name}


def test_date_of_a_user_and_selection_show_in_check_mode(playground: Callable[..., Any]) -> None:
    ground = at_noon(playground(users=4))
    cloud_users = ground.cloud.cloud.accounts[0].users[1:]
    cloud_users[0].tags = {"team": "blue"}
    cloud_users[1].tags = {"team": "blue"}
    asked = ground.variables[ACCOUNT]["mfa_rollout_users"]
    asked[0]["not_before"] = day(ground, 3)
    ground.variables[ACCOUNT] |= {"mfa_rollout_select": {"tags": {"team": "blue"}}}
    run = ground.run(ROLLOUT, "--check")
    assert run.code == 0, run.output
    said = " ".join(run.output.split())
    assert f"scheduled: {cloud_users[0].name}: from {day(ground, 3)}T00:00:00Z on" in said
    assert f"skipped: {cloud_users[2].name}, {cloud_users[3].name}: not selected: other tags" in said
    run = ground.run(ROLLOUT)
    assert run.code == 0, run.output
    assert protected(ground) == {cloud_users[1].name}


def test_ignored_failure_to_read_the_history_protects_nobody_early(playground: Callable[..., Any]) -> None:
    ground = playground("require", users=2, profile="otc")
    ground.variables[ACCOUNT] |= {"mfa_rollout_new_user_grace_days": 30}
    run = ground.run(ROLLOUT)
    assert run.code == 0, run.output
    assert "2 scheduled" in run.output
    (ground.path / "report" / f"{ACCOUNT}.history.json").write_text("{broken", encoding="utf-8")
    run = ground.play("    []\n", header=ROLE_IGNORED)
    assert run.code == 2, run.output
    assert "the history of the account could not be read" in " ".join(run.output.split())
    assert protected(ground) == set()


def test_rotation_enrols_nobody_before_the_date(playground: Callable[..., Any]) -> None:
    ground = playground(users=2)
    ground.variables[ACCOUNT] |= {"mfa_rollout_not_before": "2099-01-01", "mfa_rollout_state": "rotated"}
    run = ground.run(ROLLOUT)
    assert run.code == 0, run.output
    assert "2 scheduled" in run.output
    assert protected(ground) == set()
    assert all(user.device is None for user in ground.cloud.cloud.accounts[0].users)


MEANS_NOTHING: list[tuple[dict[str, Any], str]] = [
    ({"mfa_rollout_not_before": "soon"}, "mfa_rollout_not_before must be a date"),
    ({"mfa_rollout_select": {"group": ["a"]}}, "mfa_rollout_select has 'group'"),
    ({"mfa_rollout_select": {"tags": {"mfa": True}}}, "mfa_rollout_select.tags: the value of the tag mfa must be text"),
    ({"mfa_rollout_select": {"groups": ["Nobody"]}}, "there is no group 'Nobody'"),
    ({"mfa_rollout_select": {"groups": "admin , Nobody\n"}}, "there is no group 'Nobody'"),
    ({"mfa_rollout_new_user_grace_days": -1}, "mfa_rollout_new_user_grace_days must be"),
    ({"mfa_audit_fail_on": ["late"]}, "mfa_audit_fail_on must be a list of some of"),
    ({"mfa_audit_fail_unter": 5}, "mfa_audit_fail_unter is no variable of the role: did you mean mfa_audit_fail_under?"),
    (
        {"mfa_rollout_exempt": [{"name": "a", "until": "never"}], "mfa_rollout_exempt_strict": False},
        "mfa_rollout_exempt: until of user a must be a date",
    ),
]


@pytest.mark.parametrize("playbook", [AUDIT, ROLLOUT])
def test_what_means_nothing_is_refused_by_name(playground: Callable[..., Any], playbook: str) -> None:
    ground = playground("require", users=len(MEANS_NOTHING), accounts=len(MEANS_NOTHING))
    for account, (variables, _words) in zip(ground.variables.values(), MEANS_NOTHING, strict=True):
        account.update(variables)
    run = ground.run(playbook)
    assert run.code == 2, run.output
    for account, (_variables, words) in zip(ground.variables, MEANS_NOTHING, strict=True):
        assert words in run.failure(account)
    assert protected(ground) == set()


@pytest.mark.parametrize(("coverage", "code"), [twin(0, 0), (25, 0), (26, 2), twin(100, 2)])
def test_audit_fails_under_the_coverage_that_is_demanded(playground: Callable[..., Any], coverage: int, code: int) -> None:
    ground = playground("require", users=3, enrolled=1)
    ground.variables[ACCOUNT] |= {"mfa_audit_fail_under": coverage}
    run = ground.run(AUDIT)
    assert run.code == code, run.output
    assert (ground.path / "report" / f"{ACCOUNT}.json").exists(), "the report is written before"
