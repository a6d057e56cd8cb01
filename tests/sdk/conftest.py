# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rehearsal clouds for the tests beside this file, and the vendor's SDK to call them with."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable

import pytest

# The rehearsal cloud is no installed package: it is found beside this folder.
sys.path.append(str(Path(__file__).resolve().parents[1]))

simulator = importlib.import_module("simulator")


@pytest.fixture
def start_cloud() -> Iterator[Callable[..., Any]]:
    """Starts rehearsal clouds, with the arguments of simulator.start, and stops them after the test."""
    started = []

    def start(**settings: Any) -> Any:
        handle = simulator.start(**{"users": 3, "seed_random": 1, **settings})
        started.append(handle)
        return handle

    yield start
    for handle in started:
        handle.stop()


@pytest.fixture
def cloud(start_cloud: Callable[..., Any]) -> Any:
    """A rehearsal cloud of the profile huaweicloud with three users."""
    return start_cloud()


@pytest.fixture(scope="session")
def sdk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """The vendor's SDK, imported under a home folder of its own, since the import itself writes ~/.huaweicloud."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        yield SimpleNamespace(
            signer=importlib.import_module("huaweicloudsdkcore.signer.signer"),
            request=importlib.import_module("huaweicloudsdkcore.sdk_request"),
            credentials=importlib.import_module("huaweicloudsdkcore.auth.credentials"),
            region=importlib.import_module("huaweicloudsdkcore.region.region"),
            exceptions=importlib.import_module("huaweicloudsdkcore.exceptions.exceptions"),
            v3=importlib.import_module("huaweicloudsdkiam.v3"),
            v5=importlib.import_module("huaweicloudsdkiam.v5"),
            center=importlib.import_module("huaweicloudsdkidentitycenter.v1"),
        )
