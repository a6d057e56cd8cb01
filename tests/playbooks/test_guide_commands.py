# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of the guides, typed as they stand: from the first audit over service accounts to the way back, and MFA for people."""

from __future__ import annotations

import re
import shlex
import time
from pathlib import Path
from string import Template
from typing import Any, Callable

import pyotp
import pytest
import yaml
from ansible_collections.hwc.mfa.tests.unit.guide_pages import blocks

PROD, TEST = range(2)
CHECK = "--check"


def commands(guide: str, *, holding: str = "") -> list[list[str]]:
    """The commands of a guide that call ansible-playbook."""
    lines = [line for block in blocks(guide) if block.language == "console" for line in block.text.splitlines()]
    return [shlex.split(line[2:]) for line in lines if line.startswith("$ ansible-playbook") and holding in line]


def block(guide: str, holding: str) -> str:
    """The one block of YAML in a guide that has a text in it."""
    (found,) = (each.text for each in blocks(guide) if each.language.startswith("yaml") and holding in each.text)
    return found


@pytest.fixture
def desk(playground: Callable[..., Any]) -> Any:
    """A directory with the inventory of the first guide, two accounts behind it, and their keys in the environment."""
    ground = playground("require", users=6, accounts=2)
    prod, test = ground.cloud.cloud.accounts[:2]
    for account, name in ((prod, "ada"), (test, "grace")):
        ground.cloud.cloud.rename(account.users[1].id, name)
    ground.cloud.cloud.rename(prod.users[2].id, "deploy-robot")
    robot = prod.users[2]
    (ground.path / "accounts.yml").write_text(block("guide_start", "acme-prod:"), encoding="utf-8")
    ground.keys = {
        "HOME": str(ground.path),
        "HWC_IAM_ENDPOINT": ground.cloud.url,
        "ACME_PROD_ACCESS_KEY": prod.admin.access_key,
        "ACME_PROD_SECRET_KEY": prod.admin.secret_key,
        "ACME_TEST_ACCESS_KEY": test.admin.access_key,
        "ACME_TEST_SECRET_KEY": test.admin.secret_key,
        "ROBOT_ACCESS_KEY": robot.access_key,
        "ROBOT_SECRET_KEY": robot.secret_key,
        "HWC_MFA_SEED_STORE_PASSWORD": "seed-store-password",
    }

    def run(words: list[str]) -> str:
        run = ground.run_command(words, env=ground.keys)
        assert run.code == 0, f"{words}\n{run.output}"
        return str(run.output)

    ground.typed = run
    return ground


def told_in(guide: str, holding: str) -> re.Pattern[str]:
    """What fits the one block of output in a guide that has a text in it, whatever the numbers, ids and names of accounts."""
    (found,) = (each.text.strip() for each in blocks(guide) if each.language == "text" and holding in each.text)
    pattern = re.sub(r"[0-9a-f]{32}", "[0-9a-f]{32}", re.escape(found))
    pattern = re.sub(r"account\\ \S+", r"account\\ \\S+", pattern)
    return re.compile(re.sub(r"(?<![{\[\d-])\d+(?![\d}-])", r"\\d+", pattern))


def protected(ground: Any, account: int) -> list[str]:
    return [user.name for user in ground.cloud.cloud.accounts[account].users if user.held_by_protection]


def test_service_accounts_from_the_first_audit_to_the_way_back(desk: Any) -> None:
    robot = desk.cloud.cloud.accounts[PROD].users[2]
    (audit,) = commands("guide_start", holding="hwc.mfa.audit")
    output = desk.typed(audit)
    assert "of 4 users" in output
    assert told_in("guide_start", "to do").search(output), output
    variables = Path(desk.path / "host_vars")
    variables.mkdir()
    (variables / "acme-prod.yml").write_text(block("guide_service_accounts", "deploy-robot"), encoding="utf-8")
    preview, rollout = commands("guide_start", holding="hwc.mfa.rollout")
    assert CHECK in preview
    desk.typed(rollout)
    assert protected(desk, PROD) == ["deploy-robot"]
    seed = robot.device.seed

    (desk.path / "code.yml").write_text(block("guide_seed_stores", "Show the code that"), encoding="utf-8")
    (show,) = commands("guide_seed_stores", holding="code.yml")
    shown_at = desk.cloud.cloud.now()
    shown = desk.typed([*show[:-1], f"user_id={robot.id}"])
    assert any(pyotp.TOTP(seed).at(shown_at + 30 * step) in shown for step in range(-2, 5))

    # The cloud takes no code twice: those that were used to bind the first device are over by then.
    desk.cloud.advance(90)
    (rotate,) = commands("guide_day_two", holding="rotated")
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(desk.cloud.cloud.now()))
    desk.typed([word.replace("2026-11-28", now) for word in rotate])
    assert robot.device.bound and robot.device.seed != seed
    desk.cloud.advance(90)
    _preview, back = commands("guide_day_two", holding="rollback")
    desk.typed(back)
    assert robot.device is None
    assert protected(desk, PROD) == []


def test_people_are_required_and_one_who_lost_a_phone_binds_another(desk: Any) -> None:
    preview, rollout, audit = commands("guide_campaign")
    assert CHECK in preview
    desk.typed(rollout)
    assert len(protected(desk, TEST)) == 3
    assert protected(desk, PROD) == []
    assert "required_only" in (desk.path / "mfa" / "report" / "acme-test.json").read_text(encoding="utf-8")
    assert "hwc.mfa.audit" in audit

    ada = desk.cloud.cloud.accounts[PROD].users[1]
    desk.cloud.cloud.give_device(ada.id, bound=True)
    desk.cloud.cloud.protect(ada.id)
    preview, reset = commands("guide_day_two", holding="reset")
    assert CHECK in preview
    desk.typed(reset)
    assert ada.device is None
    assert ada.held_by_protection


def test_pipeline_of_the_guide_leaves_the_files_that_it_keeps(desk: Any) -> None:
    job = yaml.safe_load(block("guide_evidence", "artifacts:"))["mfa-audit"]
    (script,) = job["script"]
    desk.typed(shlex.split(Template(script).substitute(CI_PROJECT_DIR=str(desk.path))))
    (kept,) = job["artifacts"]["paths"]
    found = {path.name for path in desk.path.glob(f"{kept}*")}
    assert {path.name for path in desk.path.glob(job["artifacts"]["reports"]["junit"])} == {"acme-prod.junit.xml", "acme-test.junit.xml"}
    assert {"acme-prod.json", "acme-prod.html", "acme-prod.sha256"} <= found
