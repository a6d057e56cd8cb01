# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.hwc.mfa.plugins.module_utils._auth.access_key import AccessKey
from ansible_collections.hwc.mfa.plugins.module_utils._auth.agency import Agency
from ansible_collections.hwc.mfa.plugins.module_utils._auth.base import Account
from ansible_collections.hwc.mfa.plugins.module_utils._auth.credentials import find
from ansible_collections.hwc.mfa.plugins.module_utils._auth.password import Password
from ansible_collections.hwc.mfa.plugins.module_utils._auth.temporary_keys import TemporaryKeys
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError, OptionError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.temporary_key import TemporaryKey

KEYS = {"access_key": "AK", "secret_key": "SK"}
HUB = AccessKey("AK", "SK")
URN = "iam::d1:agency:mfa"
NAMED = {"agency_name": "mfa", "domain_name": "acme"}


def found(agency, env=None, **options):
    return find({**(options or KEYS), "assume_agency": agency}, env or {}).credentials


@pytest.mark.parametrize(
    ("agency", "expected"),
    [
        (NAMED, Agency(HUB, "mfa", Account("acme"), 900)),
        ({"agency_name": "mfa", "domain_id": "d1", "duration": 86400}, Agency(HUB, "mfa", Account(None, "d1"), 86400)),
        ({"agency_urn": URN}, Agency(HUB, "mfa", Account(None, "d1"), 900, URN)),
        ({"agency_urn": URN, "domain_name": "acme", "external_id": "x"}, Agency(HUB, "mfa", Account("acme", "d1"), 900, URN, "x")),
        (
            {"agency_urn": URN, "duration": 43200, "serial_number": "iam::d0:mfa:phone", "token_code": "012345"},
            Agency(HUB, "mfa", Account(None, "d1"), 43200, URN, None, "iam::d0:mfa:phone", "012345"),
        ),
        ({**NAMED, "agency_urn": "", "domain_id": "", "token_code": None}, Agency(HUB, "mfa", Account("acme"), 900)),
    ],
)
def test_an_agency_is_assumed_by_the_credentials_beside_it(agency, expected):
    assert found(agency) == expected


@pytest.mark.parametrize("nothing", [None, {}, {"agency_name": "", "domain_name": None}, {"duration": 900}])
def test_without_an_agency_the_credentials_are_themselves(nothing):
    assert found(nothing) == HUB


def test_an_agency_is_assumed_by_credentials_of_the_environment_too():
    env = {"OS_USERNAME": "ada", "OS_PASSWORD": "pw", "OS_DOMAIN_NAME": "hub", "OS_AUTH_URL": "https://iam.example.com"}
    agency = find({"assume_agency": NAMED}, env).credentials
    assert agency == Agency(Password("pw", username="ada", account=Account("hub")), "mfa", Account("acme"))
    assert agency.first.bearer and not agency.bearer


@pytest.mark.parametrize(
    ("agency", "named"),
    [
        ({"domain_name": "acme"}, "assume_agency.agency_name is missing"),
        ({"agency_name": "mfa"}, "assume_agency.domain_name or assume_agency.domain_id is missing"),
        ({**NAMED, "domain_id": "d1"}, "assume_agency.domain_name and assume_agency.domain_id both"),
        ({**NAMED, "agency_urn": URN}, "assume_agency.agency_name and assume_agency.agency_urn are two ways"),
        ({**NAMED, "external_id": "x"}, "assume_agency.external_id goes with assume_agency.agency_urn"),
        ({**NAMED, "token_code": "012345"}, "assume_agency.token_code goes with"),
        ({"agency_urn": URN, "token_code": "012345"}, "assume_agency.serial_number is missing"),
        ({"agency_urn": URN, "serial_number": "iam::d0:mfa:phone"}, "assume_agency.token_code is missing"),
        (
            {"agency_urn": URN, "serial_number": "s", "token_code": "12345"},
            "assume_agency.token_code must be a string of exactly six digits",
        ),
        ({"agency_urn": "urn:mfa"}, "assume_agency.agency_urn must be of the form"),
        ({"agency_urn": URN, "domain_id": "d2"}, "assume_agency.domain_id is not the account in"),
        ({"agency_name": "mfa", "domain_id": "d\n1"}, "assume_agency.domain_id holds a character"),
        ({**NAMED, "duration": 899}, "assume_agency.duration must be from 900 to 86400"),
        ({**NAMED, "duration": 86401}, "assume_agency.duration must be from 900 to 86400"),
        ({"agency_urn": URN, "duration": 43201}, "assume_agency.duration must be from 900 to 43200"),
    ],
)
def test_what_is_wrong_is_refused_by_its_name_and_no_secret_is_repeated(agency, named):
    with pytest.raises(OptionError) as refusal:
        found(agency)
    assert named in str(refusal.value)
    assert "012345" not in str(refusal.value)


def test_an_agency_without_credentials_says_that_somebody_must_assume_it():
    with pytest.raises(OptionError, match="assume_agency needs credentials"):
        found(NAMED, region="eu-de")


def test_nothing_secret_is_in_the_repr():
    text = repr(found({"agency_urn": URN, "serial_number": "s", "token_code": "012345"}, access_key="AK", secret_key="S3CRET"))
    assert "012345" not in text and "S3CRET" not in text


class Clock:
    time = 1000.0

    def __call__(self):
        return self.time


def keys_that(clock, *answers, lasting=900):
    given = iter(answers)
    asked = []

    def obtain():
        answer = next(given)
        asked.append(answer)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return TemporaryKeys(obtain, clock, lasting), asked


def key(name, end=None):
    return TemporaryKey(name, f"secret-{name}", f"token-{name}", end)


def test_a_key_is_kept_until_shortly_before_its_end():
    clock = Clock()
    first, second = key("A", 1900.0), key("B", 2800.0)
    keys, asked = keys_that(clock, first, second)
    assert keys.current() is first
    clock.time = 1779.0
    assert keys.current() is first
    clock.time = 1780.0
    assert keys.current() is second
    assert keys.secrets == {"secret-A", "token-A", "secret-B", "token-B"}
    assert len(asked) == 2


def test_a_key_of_which_no_end_is_told_lasts_as_long_as_was_asked():
    clock = Clock()
    keys, asked = keys_that(clock, key("A"), key("B"))
    keys.current()
    clock.time += 779
    keys.current()
    assert len(asked) == 1
    clock.time += 1
    keys.current()
    assert len(asked) == 2


def test_a_refused_key_is_replaced_once_and_a_fresh_one_is_not():
    clock = Clock()
    first = key("A", 9000.0)
    keys, asked = keys_that(clock, first, key("B", 9000.0))
    keys.current()
    assert not keys.replace(first)
    clock.time += 30
    assert keys.replace(first) and keys.replace(first)
    assert keys.current().access_key == "B"
    assert keys.replace(first)
    assert keys.current().access_key == "B" and len(asked) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_what_was_refused_once_is_not_asked_again_by_other_threads(status):
    refusal = CloudError("no", status=status, uncertain=True)
    keys, asked = keys_that(Clock(), refusal)
    text = str(refusal)
    for _thread in range(3):
        with pytest.raises(CloudError) as raised:
            keys.current()
        assert str(raised.value) == text and not raised.value.uncertain
        # What is said of one call is not said of the others.
        raised.value.hint = "Of this call only."
    assert len(asked) == 1


@pytest.mark.parametrize("status", [None, 429, 500, 503])
def test_an_outage_is_not_for_ever(status):
    keys, _asked = keys_that(Clock(), CloudError("busy", status=status), key("A", 5000.0))
    with pytest.raises(CloudError):
        keys.current()
    assert keys.current().access_key == "A"
