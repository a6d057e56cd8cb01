# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The vendor's own SDK looks at the organization of the rehearsal cloud."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Callable

import pytest

# The SDK's own signer warns on Python 3.12 and later.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")


@pytest.fixture
def cloud(start_cloud: Callable[..., Any]) -> Any:
    """Three accounts, of which one is in a unit, on pages of two entries."""
    handle = start_cloud(accounts=3, page_size=2)
    prod = handle.organization.add_unit("Prod")
    handle.organization.member("acme-madrid").unit = prod
    handle.organization.member("acme-madrid").tags = {"env": "prod"}
    return handle


@pytest.fixture
def client(cloud: Any, clients: SimpleNamespace, admin: dict[str, Any]) -> Any:
    return clients.organizations(admin)


def test_accounts_are_listed_page_by_page(cloud: Any, sdk: SimpleNamespace, client: Any) -> None:
    first = client.list_accounts(sdk.organizations.ListAccountsRequest(limit=200))
    rest = client.list_accounts(sdk.organizations.ListAccountsRequest(limit=200, marker=first.page_info.next_marker))

    assert [account.name for account in first.accounts + rest.accounts] == ["acme-berlin", "acme-madrid", "acme-oslo"]
    assert rest.page_info.next_marker is None and rest.page_info.current_count == 1
    account = first.accounts[0]
    assert account.id == cloud.describe()["domain_id"]
    assert (account.status, account.join_method) == ("active", "invited")
    assert account.urn and account.joined_at


def test_units_tags_and_the_management_account_are_told(cloud: Any, sdk: SimpleNamespace, client: Any) -> None:
    organization = client.show_organization(sdk.organizations.ShowOrganizationRequest()).organization
    (root,) = client.list_roots(sdk.organizations.ListRootsRequest()).roots
    (prod,) = client.list_organizational_units(sdk.organizations.ListOrganizationalUnitsRequest(parent_id=root.id)).organizational_units
    (madrid,) = client.list_accounts(sdk.organizations.ListAccountsRequest(parent_id=prod.id)).accounts
    (tag,) = client.list_tags_for_resource(sdk.organizations.ListTagsForResourceRequest(resource_id=madrid.id)).tags

    assert (organization.management_account_id, organization.management_account_name) == (cloud.describe()["domain_id"], "acme-berlin")
    assert (prod.name, madrid.name, tag.key, tag.value) == ("Prod", "acme-madrid", "env", "prod")


def test_members_and_users_without_rights_may_not_look(
    cloud: Any, sdk: SimpleNamespace, clients: SimpleNamespace, refused: Callable[..., Any]
) -> None:
    madrid, user = cloud.describe()["accounts"][1], cloud.describe()["users"][0]
    request = sdk.organizations.ListAccountsRequest()
    of_member = clients.organizations(madrid["admin"], domain_id=madrid["domain_id"])

    refused(401, "Organizations.1002", of_member.list_accounts, request)
    refused(403, "Organizations.1007", clients.organizations(user).list_accounts, request)
    assert of_member.show_organization(sdk.organizations.ShowOrganizationRequest()).organization.id == cloud.organization.id
    cloud.organization.delegated.add(madrid["domain_id"])
    assert of_member.list_accounts(request).accounts
