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
            store=importlib.import_module("huaweicloudsdkidentitycenterstore.v1"),
            organizations=importlib.import_module("huaweicloudsdkorganizations.v1"),
        )


@pytest.fixture
def make_clients(sdk: SimpleNamespace) -> Callable[[Any], SimpleNamespace]:
    """Makes makers of clients of a cloud: for a user's description, with the user's keys, or with others that are given."""

    def make_makers(cloud: Any) -> SimpleNamespace:
        def credentials(who: dict[str, Any], regional: bool, **other: str) -> Any:
            keys = {**who, **other}
            # The identity store's client is that of a regional service, whose credentials name a project in place of the account.
            made = (
                sdk.credentials.BasicCredentials(keys["access_key"], keys["secret_key"], "0" * 32)
                if regional
                else sdk.credentials.GlobalCredentials(
                    keys["access_key"], keys["secret_key"], keys.get("domain_id", cloud.describe()["domain_id"])
                )
            )
            return made.with_security_token(other["security_token"]) if "security_token" in other else made

        def maker(client: Any, regional: bool = False) -> Callable[..., Any]:
            def make(who: dict[str, Any], **other: str) -> Any:
                return client.new_builder().with_credentials(credentials(who, regional, **other)).with_endpoint(cloud.url).build()

            return make

        return SimpleNamespace(
            v3=maker(sdk.v3.IamClient),
            v5=maker(sdk.v5.IamClient),
            center=maker(sdk.center.IdentityCenterClient),
            store=maker(sdk.store.IdentityCenterStoreClient, regional=True),
            organizations=maker(sdk.organizations.OrganizationsClient),
        )

    return make_makers


@pytest.fixture
def clients(cloud: Any, make_clients: Callable[[Any], SimpleNamespace]) -> SimpleNamespace:
    return make_clients(cloud)


@pytest.fixture
def admin(cloud: Any) -> dict[str, Any]:
    return cloud.describe()["admin"]


@pytest.fixture
def user(cloud: Any) -> dict[str, Any]:
    return cloud.describe()["users"][0]


@pytest.fixture
def refused(sdk: SimpleNamespace) -> Callable[..., Any]:
    """Asserts that a call is refused with a status and a code, and that the SDK finds a request id."""

    def check(status: int, code: str | int, call: Callable[[Any], Any], request: Any) -> Any:
        with pytest.raises(sdk.exceptions.ClientRequestException) as caught:
            call(request)
        assert (caught.value.status_code, caught.value.error_code) == (status, code)
        assert caught.value.request_id
        return caught.value

    return check
