# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The vendor's SDK for the secret management service reads what a store has written, and writes what a store reads."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.csms import Csms
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.csms_options import csms_options
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.lock import Owner
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.store import StoredSeed
from ansible_collections.hwc.mfa.tests.unit import csms_service
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkcsms.v1 import (
    CreateSecretRequest,
    CreateSecretRequestBody,
    CsmsClient,
    DeleteSecretRequest,
    ListSecretsRequest,
    ShowSecretVersionRequest,
)

SEED = StoredSeed("serial-1", "JBSWY3DPEHPK3PXP", "ada", bound=True)


@pytest.fixture
def service() -> Iterator[csms_service.Service]:
    """A service of the test's own."""
    with csms_service.running() as started:
        yield started


@pytest.fixture
def client(service: csms_service.Service) -> Any:
    """The vendor's client."""
    credentials = BasicCredentials(csms_service.ACCESS_KEY, csms_service.SECRET_KEY, csms_service.PROJECT)
    return CsmsClient.new_builder().with_credentials(credentials).with_endpoint(service.url).build()


@pytest.fixture
def store(service: csms_service.Service) -> Iterator[Csms]:
    """A store that lies in the same service."""
    opened = Csms(csms_options(service.options, {}), "acme")
    yield opened
    opened.close()


def test_the_vendors_client_reads_what_the_store_has_written(store: Csms, client: Any) -> None:
    store.lock(Owner.of_process(os.getpid(), "acme-1"))
    store.read()
    store.announce(["u1"], "account-1")
    store.save({"u1": SEED})
    listed = client.list_secrets(ListSecretsRequest(limit="50"))
    assert {"mfa.acme.000001", "mfa.acme.000002"} < {secret.name for secret in listed.secrets}
    version = client.show_secret_version(ShowSecretVersionRequest(secret_name="mfa.acme.000002", version_id="latest")).version
    assert json.loads(version.secret_string) == {"seeds": {"u1": SEED.as_entry()}}


def test_the_store_reads_what_the_vendors_client_has_written(store: Csms, client: Any) -> None:
    body = CreateSecretRequestBody(name="mfa.acme.000001", secret_string=json.dumps({"seeds": {"u1": SEED.as_entry()}}))
    assert client.create_secret(CreateSecretRequest(body=body)).secret.name == "mfa.acme.000001"
    with pytest.raises(ClientRequestException) as refused:
        client.create_secret(CreateSecretRequest(body=body))
    assert refused.value.status_code == 400
    assert store.read().newest_first("u1") == [SEED]
    client.delete_secret(DeleteSecretRequest(secret_name="mfa.acme.000001"))
    assert store.read().seeds == {}
