# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role through clouds that go wrong: everybody is enrolled, or it is said why not, and the next run completes.

Combinations of faults are tried by the hundred in the unit tests beside the plan, where no wait takes time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable

import pytest
from truths import ACCOUNT, ROLLOUT, all_at_once, assert_complete, assert_nothing_is_lost, complete
from twins import twin


@dataclass(frozen=True)
class Trouble:
    """What goes wrong, and what becomes of it: ``failures`` users who fail at first, for a reason with these ``words``."""

    faults: tuple[str, ...] = ()
    world: dict[str, Any] = field(default_factory=dict)
    arrange: Callable[[Any], None] = lambda _ground: None
    failures: int | None = 0
    words: str = ""
    by_password: bool = False


def lock(ground: Any) -> None:
    user = ground.cloud.cloud.user(ground.cloud.describe()["users"][1]["user_id"])
    user.locked_until = ground.cloud.cloud.now() + 900


WRITES = {"huaweicloud": ("v5-create", "v5-enable", "login-protect-put"), "otc": ("create", "bind", "login-protect-put")}
# By name; {0} is the route that creates, {1} that binds, {2} that protects, {3} that deletes.
TROUBLES = {
    "lost answer to each create": Trouble(("lose:{0}:every=2",)),
    "lost answer to a bind": Trouble(("lose:{1}:1",), failures=None, words="run again"),
    "lost answers to protections": Trouble(("lose:{2}:1-2",)),
    "throttle that says how long": Trouble(("retry-after=1:*:every=4",)),
    "throttle that says nothing": Trouble(("status=429:{0}:1", "status=429:{2}:2")),
    "pages of a gateway for reads": Trouble(
        ("html=500:users:1", "html=502:login-protect-list:1", "html=503:domains:1", "html=504:credential:1")
    ),
    "pages of a gateway for writes": Trouble(("html=502:{0}:1", "html=504:{2}:1")),
    "every call a page": Trouble(("html=503:*",), failures=None, words="503"),
    "broken off bodies": Trouble(("half:users:1", "half:login:1", "half:{2}:1")),
    "slow reads and writes": Trouble(("slow=3:users:1", "slow=3:{2}:1")),
    "stale reads": Trouble(world={"stale": 3.0}),
    "tokens that end in the wave": Trouble(("expire-tokens:{1}:2", "expire-tokens:{2}:1"), by_password=True),
    "clock 40 s ahead": Trouble(world={"clock_offset": 40.0}),
    "clock 40 s behind": Trouble(world={"clock_offset": -40.0}),
    "locked user": Trouble(arrange=lock, failures=1, words="locked"),
    "conflict where nothing is": Trouble(("status=409:{0}:1",), failures=1, words="409"),
    "conflict of a binding": Trouble(("status=409:{1}:1",), failures=None, words="409"),
    "delete that does nothing": Trouble(("lose:{0}:1", "noop:{3}:1"), failures=1, words="still there"),
    "unknown fields": Trouble(("extra:*",)),
    "missing fields": Trouble(("bare:*",)),
    "listing that is refused": Trouble(("forbid:v5-list",)),
    "several at once": Trouble(
        ("lose:{0}:1", "html=502:users:1", "expire-tokens:{1}:1", "retry-after=1:login:1", "half:{2}:1", "slow=3:domains:1"),
        {"stale": 2.0, "clock_offset": 40.0, "admin_may_create": False},
        by_password=True,
    ),
    "several others at once": Trouble(
        ("cut:*:every=9", "status=500:*:every=7", "retry-after=1:*:every=5", "extra:*"), {"clock_offset": -40.0}, failures=None
    ),
}


# What `make test` tries: an answer that is lost, a page for an answer, a clock, a token, a user who fails, and everything at once.
TELLING = (
    "lost answer to a bind",
    "pages of a gateway for writes",
    "clock 40 s ahead",
    "locked user",
    "delete that does nothing",
    "several at once",
    "several others at once",
)
OTHERS = tuple(name for name in TROUBLES if name not in TELLING)


@pytest.mark.parametrize(
    ("profile", "names"),
    [
        pytest.param("huaweicloud", TELLING, id="huaweicloud-telling"),
        twin("huaweicloud", OTHERS, id="huaweicloud-others"),
        twin("otc", tuple(TROUBLES), id="otc"),
    ],
)
def test_rollout_through_a_cloud_that_goes_wrong_tells_the_truth_and_is_completed(
    playground: Callable[..., Any], profile: str, names: tuple[str, ...]
) -> None:
    def suffer(name: str) -> None:
        trouble = TROUBLES[name]
        ground = playground(folder=name.replace(" ", "-"), users=3, profile=profile, **trouble.world)
        admin = ground.cloud.describe()["admin"]
        auth = ground.variables[ACCOUNT]["mfa_rollout_auth"]
        if trouble.by_password:
            del auth["access_key"], auth["secret_key"]
            auth |= {"auth_user_id": admin["user_id"], "auth_password": admin["password"]}
        auth |= {"timeout": 2, "retries": 3}
        # Who signs with a key of their own has no login that would tell what time it is.
        user = ground.cloud.describe()["users"][2]
        ground.variables[ACCOUNT]["mfa_rollout_users"][2] = {name: user[name] for name in ("user_id", "access_key", "secret_key")}
        ground.variables[ACCOUNT] |= {"mfa_rollout_wave_sizes": [3]}
        trouble.arrange(ground)
        delete = "v5-delete" if profile == "huaweicloud" else "delete"
        for fault in trouble.faults:
            ground.cloud.fault(fault.format(*WRITES[profile], delete))
        run = ground.run(ROLLOUT)
        assert "unexpected" not in run.output and "Traceback" not in run.output, f"{name}: {run.output}"
        assert_nothing_is_lost(ground, "enrol")
        if trouble.failures == 0:
            assert run.code == 0, f"{name}: {run.output}"
            assert_complete(ground, "enrol")
            return
        assert trouble.words in run.output if run.code else trouble.failures is None, f"{name}: {run.output}"
        if trouble.failures:
            assert ground.report(ACCOUNT)["summary"]["failed"] == trouble.failures, f"{name}: {run.output}"
        ground.cloud.clear_faults()
        ground.cloud.advance(900)
        complete(ground, "enrol")

    all_at_once(suffer, names, each_waits=True)
