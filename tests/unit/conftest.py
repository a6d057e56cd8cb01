# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rehearsal clouds for the unit tests; nothing of this machine's environment reaches them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, Callable

import pytest
from ansible_collections.hwc.mfa.tests.unit.rehearsal import Rehearsal, Script
from hypothesis import HealthCheck, Phase, settings

# What an example shows it mostly shows on every Python: on older ones a few are enough.
EXAMPLES = 60 if sys.version_info >= (3, 12) else 15

settings.register_profile(
    "hwc", max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("mutation", settings.get_profile("hwc"), phases=(Phase.explicit, Phase.generate))
settings.load_profile("hwc")


def pytest_configure(config: pytest.Config) -> None:
    """Take ansible-test's own way back, which is a process for each test: with thousands of tests that takes four times as long as the tests themselves.

    None of them leaves anything behind that another one would see, which plain pytest shows as well.
    """
    forked = config.pluginmanager.get_plugin("ansible_forked")
    if forked is not None:
        config.pluginmanager.unregister(forked)


@pytest.fixture(autouse=True)
def nothing_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """No proxy, no certificates and no netrc of whoever runs the tests."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))


@pytest.fixture
def start() -> Iterator[Callable[..., Rehearsal]]:
    """Starts rehearsal clouds, with the arguments of the simulator's start, and stops them after the test."""
    started: list[Rehearsal] = []

    def one(**options: Any) -> Rehearsal:
        started.append(Rehearsal(**options))
        return started[-1]

    yield one
    for rehearsal in started:
        rehearsal.stop()


@pytest.fixture
def cloud(start: Callable[..., Rehearsal]) -> Rehearsal:
    """Huawei Cloud with v5, four users."""
    return start()


@pytest.fixture
def otc(start: Callable[..., Rehearsal]) -> Rehearsal:
    """Open Telekom Cloud, v3.0 only, four users."""
    return start(profile="otc")


@pytest.fixture(params=["huaweicloud", "otc"])
def any_cloud(request: pytest.FixtureRequest, start: Callable[..., Rehearsal]) -> Rehearsal:
    """Each of the two clouds in turn, four users."""
    return start(profile=request.param)


@pytest.fixture
def script() -> Iterator[Callable[..., Script]]:
    """Starts servers that answer with a list of canned answers."""
    started: list[Script] = []

    def one(*answers: Any) -> Script:
        started.append(Script(answers))
        return started[-1]

    yield one
    for server in started:
        server.stop()
