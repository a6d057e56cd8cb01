# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The main job on rehearsal clouds, with what may go wrong: 200 users in three accounts, one of them of Open Telekom Cloud."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

from stage import STORE_PASSWORD, Stage

CHECKOUT = Path(__file__).resolve().parents[2]
ROLLOUT, ROLLBACK, AUDIT = "hwc.mfa.rollout", "hwc.mfa.rollback", "hwc.mfa.audit"


def main() -> int:
    """Run the demo; the exit code is 0 where every step came out as it says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="preview, rollout, second run and audit only")
    parser.add_argument("--users", type=int, default=200, help="users over all accounts")
    parser.add_argument("--accounts", type=int, default=3, help="accounts; the last of several is one of Open Telekom Cloud")
    parser.add_argument("--latency-ms", type=int, default=20, help="how long the clouds take for an answer")
    parser.add_argument(
        "--directory", type=Path, default=CHECKOUT / ".build" / "demo", help="where inventory, seeds and reports go; emptied first"
    )
    options = parser.parse_args()
    stage = Stage(options.directory.resolve(), options.users, options.accounts, options.latency_ms)
    try:
        steps = SHORT if options.short else STEPS
        for number, (title, step) in enumerate(steps.items(), 1):
            stage.title(f"{number}. {title}")
            started = time.monotonic()
            if not step(stage):
                stage.say("This step did not come out as it should.", "31")
                return 1
            stage.say(f"{time.monotonic() - started:.1f} s", "2")
        return summarize(stage)
    finally:
        stage.stop()


def preview(stage: Stage) -> bool:
    """Check mode."""
    code = stage.play(ROLLOUT, "--check")
    return code == 0 and stage.proved("the clouds were asked, and nothing was written: 0 requests that change anything", stage.writes == 0)


def killed(stage: Stage) -> bool:
    """The run ends in the middle of a wave."""
    code = stage.play(ROLLOUT, kill_at=devices_before_the_kill(stage))
    bound, half_made = stage.devices()
    stage.say(f"kill -9. The clouds hold {bound} bound devices and {half_made} that were only created.", "33")
    return code == -9 and bound > 0


def devices_before_the_kill(stage: Stage) -> int:
    """So many devices are created when the run is killed: some of the third wave, where accounts go ahead alike, and never all."""
    return sum(min(11 + 4, len(stage.people(host)) - 1) for host, account in stage.accounts.items() if account["profile"] == "huaweicloud")


def resumed(stage: Stage) -> bool:
    """The next run completes what the killed one began, and stops an account in which a user fails."""
    waiting = {host: [user for user in stage.people(host) if stage.seen(host, user).device is None] for host in stage.accounts}
    # Accounts do not go ahead alike on a busy machine: one of them may have been completed before the kill.
    host = max(waiting, key=lambda each: len(waiting[each]))
    # Behind those whose devices were only created, and so in a wave that is not the last.
    unlucky = waiting[host][0]
    stage.write_inventory(wrong_password_of=unlucky["user_id"])
    stage.say(f"In {host} the password of {unlucky['name']} was mistyped meanwhile.", "33")
    code = stage.play(ROLLOUT)
    summary = stage.report(host)["summary"]
    others = [stage.report(other)["summary"]["failed"] for other in stage.accounts if other != host]
    return (
        code != 0
        and stage.proved(f"{host} stopped: {summary['failed']} failed, {summary['not_reached']} were not touched", summary["failed"] == 1)
        and stage.proved("the other accounts were completed", not any(others))
    )


def mended(stage: Stage) -> bool:
    """The password is right again."""
    stage.write_inventory()
    return stage.play(ROLLOUT) == 0


def enrolled(stage: Stage) -> bool:
    """A rollout without any trouble."""
    return stage.play(ROLLOUT) == 0


def repeated(stage: Stage) -> bool:
    """A second run."""
    before = stage.writes
    return stage.play(ROLLOUT) == 0 and stage.proved("the clouds were asked, and nothing was written", stage.writes == before)


def logged_in(stage: Stage) -> bool:
    """Everybody's password and code, a minute later by the clouds' clocks, since no code works twice."""
    for handle in stage.clouds:
        handle.advance(60)
    return stage.play(str(Path(__file__).parent / "logins.yml")) == 0


def audited(stage: Stage) -> bool:
    """What an auditor gets."""
    return stage.play(AUDIT) == 0


def rolled_back(stage: Stage) -> bool:
    """One account is taken back."""
    host = list(stage.accounts)[-1]
    code = stage.play(ROLLBACK, "--limit", host)
    left = [user for user in stage.people(host) if stage.seen(host, user).device or stage.seen(host, user).protection.enabled]
    return code == 0 and stage.proved(f"{host}: no device is left, and every login is as it was before", not left)


def searched(stage: Stage) -> bool:
    """No seed can be read anywhere."""
    found = list(stage.seeds_shown())
    for place in found:
        stage.say(f"a seed can be read in {place}", "31")
    return stage.proved(
        f"none of the {stage.seed_count()} seeds that the clouds gave out can be read in what was printed, or in any file", not found
    )


STEPS: dict[str, Callable[[Stage], bool]] = {
    "Preview in check mode": preview,
    "Roll out in waves: create, store the seed, bind, protect, verify. Somebody pulls the plug": killed,
    "Roll out again: it goes on where it was. One user fails, and their account stops": resumed,
    "Mend the password, and roll out again": mended,
    "Once more: nothing changes": repeated,
    "Everybody logs in, and nobody without a code": logged_in,
    "Audit": audited,
    "Roll one account back": rolled_back,
    "Search for every seed": searched,
}

SHORT: dict[str, Callable[[Stage], bool]] = {
    "Preview in check mode": preview,
    "Roll out in waves: create, store the seed, bind, protect, verify": enrolled,
    "Once more: nothing changes": repeated,
    "Audit": audited,
}


def summarize(stage: Stage) -> int:
    """A table whose rows add up, from the reports alone, and where they lie."""
    stage.title("What the reports say")
    columns = ("account", "cloud", "users", "protected", "exempt", "not asked for", "taken back")
    rows = [columns]
    adds_up = True
    for host, account in stage.accounts.items():
        report = stage.report(host)
        users = report["users"]
        protected = [user for user in users if user["after"]["posture"] == "protected"]
        others = [user for user in users if user["after"]["posture"] != "protected"]
        exempt = [user for user in others if user["exempt"]]
        unasked = [user for user in others if not user["named"]]
        back = [user for user in others if not user["exempt"] and user["named"]]
        adds_up = adds_up and len(protected) + len(exempt) + len(unasked) + len(back) == len(users)
        adds_up = adds_up and (not back or report["state"] == "absent")
        adds_up = adds_up and len(protected) in (0, len(stage.people(host)))
        numbers = [len(users), len(protected), len(exempt), len(unasked), len(back)]
        rows.append((host, account["profile"], *map(str, numbers)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(columns))]
    for row in rows:
        cells = [cell.ljust(width) if column < 2 else cell.rjust(width) for column, (cell, width) in enumerate(zip(row, widths))]
        stage.say("  ".join(cells), "" if row is not columns else "1")
    for host in stage.accounts:
        stage.say(f"{host}: {stage.exempt(host)['name']} is exempt (break-glass user, enrolled by hand), and has no device")
    shown = stage.directory.relative_to(Path.cwd()) if stage.directory.is_relative_to(Path.cwd()) else stage.directory
    stage.say(f"Pages:   {shown}/report/<account>.html, with *.json and *.csv beside them")
    stage.say(f"Seeds:   {shown}/seeds/<account>/*.yml (ansible-vault view; the password is: {STORE_PASSWORD})")
    return 0 if stage.proved("every row adds up", adds_up) else 1


if __name__ == "__main__":
    sys.exit(main())
