# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A store in the secret management service: what it says of each refusal, and what is left wherever it is broken off. The contract is in test_contract.py."""

from __future__ import annotations

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.csms import Csms, CsmsSecrets, secret_name
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.csms_options import csms_options
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.journal import Copy, Mark
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.kv_store import contents_as_pages
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.lock import Owner
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.secrets_service import Conflict
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.store import Contents, StoredSeed, StoreError
from ansible_collections.hwc.mfa.tests.unit import csms_service
from hypothesis import example, given
from hypothesis import strategies as st

SEED = "JBSWY3DPEHPK3PXP"
OURS = Owner.of_process(os.getpid(), "acme-1")
OTHER = replace(OURS, inventory_host="acme-2", host="elsewhere.example")
THINNED = 1 if "HARDER" in os.environ else 7
"""One in so many writes is tried; `make crash` tries each."""

GONE = 2**22 + 1
"""A number that no process has."""


@pytest.fixture
def service():
    """A service of the test's own."""
    with csms_service.running() as started:
        yield started


class Opens:
    """Opens the store of an account anew."""

    def __init__(self, service):
        self._service = service
        self._stores = []

    def __call__(self, account="acme", env=None, **options):
        self._stores.append(Csms(csms_options({**self._service.options, **options}, env or {}), account))
        self._stores[-1]._service._http.sleep = lambda _seconds: None
        return self._stores[-1]

    def close(self):
        """Close the stores, each of which keeps a connection."""
        while self._stores:
            self._stores.pop().close()


@pytest.fixture
def opens(service):
    """Opens the store of an account anew."""
    opened = Opens(service)
    yield opened
    opened.close()


def seed(number=1, **more):
    return StoredSeed(f"serial-{number}", SEED, f"name {number}", **more)


def refusal(call):
    """The sentence that a call is refused with, which holds no secret."""
    with pytest.raises(StoreError) as caught:
        call()
    text = str(caught.value)
    for secret in (csms_service.SECRET_KEY, SEED):
        assert secret not in text
    assert text.isprintable()
    return text


def pages(service, account="acme"):
    return sorted(name for name in service.secrets if name.startswith(f"mfa.{account}.0"))


# What lies in the service


def test_each_write_is_one_secret_that_anybody_can_read(service, opens):
    store = opens()
    (place,) = store.announce(["u1"], "account-1")
    assert place == f"secret mfa.acme.000001 of project {csms_service.PROJECT} at {service.url.partition('://')[2]}"
    store.save({"u1": seed()})
    assert {name: service.document(name) for name in service.secrets} == {
        "mfa.acme.000001": {"mark": {"announces": ["u1"], "account": "account-1"}},
        "mfa.acme.000002": {"seeds": {"u1": seed().as_entry()}},
    }


def test_new_secrets_are_encrypted_with_the_key_and_lie_in_the_enterprise_project_that_were_named(service, opens):
    opens(kms_key_id="key-1", enterprise_project_id="0").save({"u1": seed()})
    found = service.secrets["mfa.acme.000001"]
    assert (found["kms_key_id"], found["enterprise_project_id"]) == ("key-1", "0")


def test_ten_thousand_seeds_stay_below_what_a_secret_and_a_project_take(service, opens, monkeypatch):
    monkeypatch.setattr(csms_service, "PAGE", 100)
    before = {"enabled": True, "verification_method": "sms"}
    ids = [f"{number:032x}" for number in range(10_000)]
    store = opens()
    store.announce(ids)
    store.save({user_id: seed(number, before=before, bound=True) for number, user_id in enumerate(ids)})
    assert max(len(found["secret_string"]) for found in service.secrets.values()) <= csms_service.LARGEST
    assert len(service.secrets) < 200
    assert len(opens().read().seeds) == 10_000


def test_gateways_404_is_not_taken_for_a_secret_that_is_gone(service, opens):
    opens().save({"u1": seed()})
    before = dict(service.secrets)
    service.fate = lambda method, name: "unpublished" if name and method in ("GET", "DELETE") else None
    assert "APIGW.0101" in refusal(opens().read)
    store = opens()
    assert "APIGW.0101" in refusal(lambda: store.remove(["u1"]))
    assert before.items() <= service.secrets.items()


def test_secrets_that_others_keep_in_the_project_are_passed_over(service, opens):
    others = ("mfa.acme", "mfa.acme.notes", "mfa.acme.000001.old", "mfa.acme-2.000001", "database", "mfa.acme.lock.x")
    for name in others:
        service.secrets[name] = {"state": "ENABLED", "secret_string": "not ours"}
    store = opens()
    store.lock(OURS)
    assert store.read() == Contents()
    store.save({"u1": seed()})
    assert list(opens().read().seeds) == ["u1"]
    # To take the lock, to note what was read, and to announce the page.
    assert [name for name in service.secrets if name not in others] == ["mfa.acme.lock.3", "mfa.acme.000001"]


@pytest.mark.parametrize("text", ["{}", "[]", "no JSON", '{"seeds": {"u1": {"seed": 5}}}', '{"mark": {}, "seeds": {}}'])
def test_secret_with_something_else_in_it_is_an_error(service, opens, text):
    service.secrets["mfa.acme.000001"] = {"state": "ENABLED", "secret_string": text}
    assert "mfa.acme.000001" in refusal(opens().read)


def test_seed_that_is_about_to_be_deleted_is_an_error_and_not_taken_for_gone(service, opens):
    opens().save({"u1": seed()})
    service.secrets["mfa.acme.000001"]["state"] = "PENDING_DELETE"
    assert "mfa.acme.000001 is scheduled for deletion: cancel that" in refusal(opens().read)


@given(st.sets(st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=40).filter(str.strip), min_size=2, max_size=4))
@example({"Acme", "acme"})
@example({"a b", "a-b"})
@example({"x" * 33, "x" * 34})
def test_two_accounts_never_share_secrets_and_every_name_is_one_that_the_service_takes(accounts):
    names = {secret_name(account) for account in accounts}
    assert len({name.lower() for name in names}) == len(accounts)
    for name in names:
        longest = f"{'p' * 16}.{name}.lock.9999999"
        assert len(longest) <= 64 and name.isascii() and set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-.")


@pytest.mark.parametrize("account", ["", " ", "\ud800"])
def test_account_without_a_name_is_refused(opens, account):
    assert refusal(lambda: opens(account)).startswith("account")


@pytest.mark.parametrize("account", ["a/b", "ünï ☃", "Acme", "a.b", "x" * 200])
def test_account_of_any_name_finds_its_seeds_again(opens, account):
    opens(account).save({"u1": seed()})
    assert list(opens(account).read().seeds) == ["u1"]
    assert opens("a").read().seeds == {}


# Few secrets


def play_a_wave(opens, number=1):
    """What the tasks of a wave do, each with a store of its own."""
    opens().lock(OURS)

    def task(read=False):
        opens.close()
        store = opens()
        store.guard(OURS)
        if read:
            store.read()
        return store

    task(read=True)
    task().announce(["u1", "u2"], "account-1")
    task().save({"u1": seed(number)})
    task().withdraw(["u2"])
    task().save({"u1": seed(number, bound=True)})
    opens().unlock(OURS)
    opens.close()


def test_after_many_runs_few_secrets_are_left_that_tell_the_same(service, opens):
    told = Contents()
    for number in range(1, 6):
        play_a_wave(opens, number)
        told.add("u1", seed(number, bound=True))
        contents = opens().read()
        assert contents.newest_first("u1") == [seed(each, bound=True) for each in range(number, 0, -1)]
        assert (contents.intents, contents.account_id) == ({}, "account-1")
        assert len(service.secrets) <= 12
    # Numbers go on, so that no page can be taken for another.
    assert int(pages(service)[-1].rpartition(".")[2]) > 20


def test_ids_of_the_account_and_announcements_outlive_the_copy(service, opens):
    store = opens()
    store.lock(OURS)
    store.read()
    for number in range(12):
        store.announce([f"u{number}"], "account-1")
    store.save({"u0": seed()})
    before = opens().read()
    store.unlock(OURS)
    assert opens().read() == before
    assert list(before.intents) == [f"u{number}" for number in range(1, 12)]
    assert opens().account_id() == "account-1"
    assert len(pages(service)) <= 3


USERS = ["u1", "u2", "u3"]
STEPS = st.one_of(
    st.builds(lambda user, number, bound: {user: seed(number, bound=bound)}, st.sampled_from(USERS), st.integers(1, 4), st.booleans()),
    st.builds(
        lambda kind, users, account: Mark(**{kind: tuple(users)}, account=account),
        st.sampled_from(["announces", "withdraws", "removes", "intends"]),
        st.lists(st.sampled_from(USERS), min_size=1, max_size=2, unique=True),
        st.sampled_from([None, "account-1"]),
    ),
)


def told_by(journal):
    """What pages tell together."""
    contents = Contents()
    for page in journal:
        if isinstance(page, Mark):
            contents.remove(page.intends + page.removes)
            contents.announce(page.intends + page.announces)
            contents.withdraw(page.withdraws)
            contents.account_id = page.account or contents.account_id
        elif isinstance(page, Copy):
            for user_id, state in page.users.items():
                contents.replace(user_id, state.seeds, state.announced)
        else:
            for user_id, one in page.items():
                contents.add(user_id, one)
    return contents


def shown(contents):
    """All that counts of what pages tell, the order of a user's seeds included."""
    return {user: contents.newest_first(user) for user in contents.seeds}, sorted(contents.intents), contents.account_id


@given(st.lists(STEPS, max_size=12))
def test_copy_tells_the_same_however_many_of_the_pages_before_it_are_gone(journal):
    before = told_by(journal)
    copy = list(contents_as_pages(before))
    for gone in range(len(journal) + 1):
        assert shown(told_by([*journal[gone:], *copy])) == shown(before)
    for written in range(len(copy)):
        assert shown(told_by([*journal, *copy[:written]])) == shown(before)


def refilling(service):
    """What gives the service back what it holds now, and lets it forget the requests."""
    filled = dict(service.secrets)

    def fill():
        service.secrets.clear()
        service.secrets.update({name: dict(found) for name, found in filled.items()})
        service.requests.clear()

    return fill


@pytest.fixture
def crowded(service, opens):
    """What many pages tell of users of every kind, such as one whose first seed was stored last, and what fills the service with them."""
    store = opens()
    for number in range(1, 6):
        store.announce([f"u{number}"], "account-1")
        store.save({f"u{number}": seed(number)})
    for one in (seed(11), seed(12), seed(11, bound=True)):
        store.save({"u2": one, "u3": one})
    # Their devices were removed by hand, and a run that was killed had announced new ones.
    store.announce(["u1", "u3", "u9"])
    opens.close()
    fill = refilling(service)
    before = shown(opens().read())
    assert (before[0]["u2"], before[1]) == ([seed(11, bound=True), seed(12), seed(2)], ["u1", "u3", "u9"])
    fill()
    return before, fill


def take_the_lock(opens):
    """The copy is made at the beginning of a run. Each run here is the same process, so a lock that is left holds none of them back."""
    try:
        opens().lock(OURS)
        return True
    except StoreError:
        return False
    finally:
        opens.close()


def test_copy_that_is_broken_off_at_any_request_tells_the_same(service, opens, crowded, monkeypatch):
    before, fill = crowded
    monkeypatch.setattr(csms_service, "PAGE", 100)
    # Few seeds on a page, so that the copy has many.
    monkeypatch.setattr(CsmsSecrets, "largest_page", 300)
    assert take_the_lock(opens)
    requests = list(enumerate(service.requests, 1))
    assert shown(opens().read()) == before
    assert sum(request.startswith("DELETE mfa.acme.0") for _number, request in requests) > 8
    copies = [number for number, request in requests if request.startswith("POST mfa.acme.0")]
    others = [number for number, request in requests if number not in copies and not request.startswith("GET")]
    assert len(copies) > 4
    for start, fate in enumerate(("refused", "lost")):
        for last in (*copies, *others[start::THINNED]):
            fill()
            service.fate = lambda _method, _name, last=last, fate=fate: (
                None if len(service.requests) < last else fate if len(service.requests) == last else "refused"
            )
            take_the_lock(opens)
            service.fate = lambda _method, _name: None
            assert shown(opens().read()) == before, (fate, last)
            assert take_the_lock(opens)
            assert shown(opens().read()) == before, (fate, last)
            opens.close()


def test_copy_that_another_run_has_overtaken_takes_nothing_of_that_run_away(service, opens, crowded, monkeypatch):
    before, fill = crowded
    monkeypatch.setattr(CsmsSecrets, "largest_page", 300)
    fill()
    written = int(pages(service)[-1].rpartition(".")[2])

    def intrude(method, name):
        if method == "POST" and name == f"mfa.acme.{written + 3:06d}":
            service.secrets[name] = {"state": "ENABLED", "secret_string": json.dumps({"seeds": {"u8": seed(8).as_entry()}})}

    service.before = intrude
    assert "another run has written" in refusal(lambda: opens().lock(OURS))
    service.before = lambda _method, _name: None
    seeds, intents, account = shown(opens().read())
    assert ({**before[0], "u8": [seed(8)]}, before[1], before[2]) == (seeds, intents, account)
    assert [int(name.rpartition(".")[2]) for name in pages(service)] == [*range(1, written + 1), written + 3]


def test_copy_for_which_there_is_no_room_tells_the_same_and_takes_none(service, opens, crowded, monkeypatch):
    before, fill = crowded
    monkeypatch.setattr(CsmsSecrets, "largest_page", 300)
    filled = len(service.secrets)
    came_through = []
    for room in range(0, 12, 2):
        fill()
        service.quota = filled + room
        for _run in range(2):
            came_through.append(take_the_lock(opens))
            assert shown(opens().read()) == before, room
            # One for the lock.
            assert len(service.secrets) <= filled + 1
        service.quota = 500
        assert take_the_lock(opens)
        assert shown(opens().read()) == before, room
        opens.close()
    assert not came_through[2] and came_through[-1]


# Two writers, and answers that are lost


def test_two_stores_at_once_lose_nothing(opens):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: opens().save({f"u{number}": seed(number)}), range(12)))
    assert sorted(opens().read().seeds) == sorted(f"u{number}" for number in range(12))


def test_two_runs_that_take_the_lock_at_once_get_it_once(opens):
    gate = threading.Barrier(6)

    def take(number):
        store = opens()
        gate.wait()
        try:
            store.lock(replace(OTHER, host=f"host-{number}"))
        except StoreError:
            return 0
        return 1

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(take, range(6))) == 1


def test_writer_that_slept_for_long_takes_no_lock_whose_number_is_free_again(service, opens):
    path = ("mfa", "acme", ".lock")
    sleeper, others = opens()._service, opens()._service
    others.put({"owner": 1}, 0, *path)
    seen = sleeper.get(*path)
    for version in range(1, 5):
        others.put({"owner": version + 1}, version, *path)
    with pytest.raises(Conflict):
        sleeper.put({"owner": "sleeper"}, seen.version, *path)
    assert others.get(*path).data == {"owner": 5}
    assert [name for name in service.secrets if "lock" in name] == ["mfa.acme.lock.5"]


def test_reader_whose_page_was_copied_meanwhile_reads_again(service, opens):
    for number in range(12):
        opens().save({f"u{number}": seed(number)})
    reader = opens()

    def tidy(method, name):
        if method == "GET" and name == "mfa.acme.000003":
            service.before = lambda _method, _name: None
            run = opens()
            run.lock(OTHER)

    service.before = tidy
    assert len(reader.read().seeds) == 12
    assert len(pages(service)) < 5


def test_page_that_somebody_creates_at_the_same_moment_is_not_overwritten(service, opens):
    store = opens()
    store.lock(OURS)
    store.read()

    def intrude(method, name):
        if method == "POST" and name == "mfa.acme.000001":
            service.secrets[name] = {"state": "ENABLED", "secret_string": json.dumps({"seeds": {"u2": seed(2).as_entry()}})}

    service.before = intrude
    assert "another run has written" in refusal(lambda: store.save({"u1": seed()}))
    assert list(opens().read().seeds) == ["u2"]


@pytest.fixture
def writes(service, opens, monkeypatch):
    """The requests of a wave that change something, counted from 1, and what fills the service with so many pages that the run copies them.

    To be ended at a request that changes nothing is to be ended right before the next one that does.
    """
    monkeypatch.setattr(csms_service, "PAGE", 100)
    store = opens()
    for number in range(9):
        store.save({"u9": seed(9, bound=bool(number % 2))})
    opens.close()
    fill = refilling(service)
    fill()
    play_a_wave(opens)
    numbers = [number for number, request in enumerate(service.requests, 1) if not request.startswith("GET")]
    assert sum(request.startswith("DELETE mfa.acme.0") for request in service.requests) == 9
    assert len(numbers) > 25
    return numbers, fill


def test_run_that_is_killed_at_any_write_leaves_what_the_next_one_can_use(service, opens, writes):
    numbers, fill = writes
    for start, fate in enumerate(("refused", "lost")):
        for last in numbers[start::THINNED]:
            fill()
            # From here on nothing answers any more, and the next run is another process of this machine.
            service.fate = lambda _method, _name, last=last, fate=fate: (
                None if len(service.requests) < last else fate if len(service.requests) == last else "refused"
            )
            with pytest.raises(StoreError):
                play_a_wave(opens)
            opens.close()
            service.fate = lambda _method, _name: None
            # Its lock is that of a process that is gone.
            for name, found in service.secrets.items():
                if ".lock." in name:
                    document = json.loads(found["secret_string"])
                    if document.get("owner"):
                        document["owner"]["pid"] = GONE
                    found["secret_string"] = json.dumps(document)
            before = opens().read()
            assert before.seeds["u9"]["serial-9"].seed == SEED
            store = opens()
            store.lock(OURS)
            contents = store.read()
            assert shown(contents) == shown(before)
            store.save({"u1": seed(1, bound=True)})
            assert opens().read().newest_first("u1") == [seed(1, bound=True)]
            store.unlock(OURS)
            opens.close()


def test_answer_that_is_lost_once_is_asked_for_and_nothing_is_written_twice(service, opens, writes):
    numbers, fill = writes
    after = shown(opens().read())
    for start, fate in enumerate(("lost", "refused")):
        for at in numbers[start::THINNED]:
            fill()
            service.fate = lambda _method, _name, at=at, fate=fate: fate if len(service.requests) == at else None
            play_a_wave(opens)
            service.fate = lambda _method, _name: None
            assert shown(opens().read()) == after
            assert len([name for name in service.secrets if ".lock." in name]) == 1
            opens.close()


# The lock


def test_lock_of_another_machine_names_the_very_secret_to_delete(service, opens):
    store = opens()
    store.lock(OTHER)
    store.read()
    text = refusal(lambda: opens().lock(OURS))
    (name,) = (name for name in service.secrets if ".lock." in name)
    host = service.url.partition("://")[2]
    assert text.endswith(f"or at once if you delete the secret {name} of project {csms_service.PROJECT} at {host}.")
    assert name == "mfa.acme.lock.2"
    del service.secrets[name]
    opens().lock(OURS)


def test_lock_whose_deletion_is_scheduled_holds_nobody_back(service, opens):
    store = opens()
    store.lock(OTHER)
    store.read()
    service.secrets["mfa.acme.lock.2"]["state"] = "PENDING_DELETE"
    ours = opens()
    ours.lock(OURS)
    ours.read()
    ours.save({"u1": seed()})
    assert "another run is at work" in refusal(lambda: opens().lock(OTHER))
    assert "another run is at work" in refusal(lambda: store.save({"u2": seed()}))
    # Somebody cancels it after all: the highest number counts.
    service.secrets["mfa.acme.lock.2"]["state"] = "ENABLED"
    ours.unlock(OURS)
    opens().lock(OTHER)
    assert len([name for name in service.secrets if ".lock." in name]) == 1
    assert list(opens().read().seeds) == ["u1"]


# Refusals


def test_right_that_is_missing_is_named(service, opens):
    service.denied = ("POST",)
    text = refusal(lambda: opens().save({"u1": seed()}))
    assert text.startswith("cannot write secret mfa.acme.000001 at ")
    assert "csms:secret:list, create and delete and csms:secretVersion:get" in text


def test_full_project_is_named_and_nothing_is_taken_for_stored(service, opens):
    service.quota = 1
    store = opens()
    store.save({"u1": seed(1)})
    assert "Have the project's quota of secrets raised" in refusal(lambda: store.save({"u2": seed(2)}))
    assert list(opens().read().seeds) == ["u1"]


def test_outage_is_an_error_and_never_an_empty_store(service, opens):
    opens().save({"u1": seed()})
    service.fate = lambda _method, _name: "refused"
    assert "broke before the whole answer came" in refusal(opens().read)


def page(names, following):
    return {"secrets": [{"name": name} for name in names], "page_info": {"next_marker": following}}


def test_page_of_the_listing_that_is_empty_hides_no_secret_behind_it(service, opens):
    opens().save({"u1": seed()})
    told = {"": page(["a"], "m1"), "m1": page([], "m2"), "m2": page(["mfa.acme.000001"], None)}
    service.listings = told.get
    assert list(opens().read().seeds) == ["u1"]


@pytest.mark.parametrize("told", [
    {"": page(["a"], "m1"), "m1": page(["b"], "m1")},
    {"": page(["a"], "m1"), "m1": page(["b"], "m2"), "m2": page(["c"], "m1")},
    {"": page(["a"], "m1"), "m1": page(["a"], "m2"), "m2": page(["b"], None)},
])  # fmt: skip
def test_listing_that_repeats_itself_is_an_error_and_never_a_shorter_one(service, opens, told):
    opens().save({"u1": seed()})
    service.requests.clear()
    service.listings = told.get
    text = refusal(opens().read)
    assert "the listing is broken: its pages repeat themselves, so that nobody knows what it leaves out" in text
    assert f"list the secrets of project {csms_service.PROJECT}" in text
    assert len(service.requests) < 40


def test_listing_that_others_have_broken_is_asked_for_again(service, opens):
    opens().save({"u1": seed()})
    told = iter([page(["a"], "m1"), page(["b"], "m1")])
    service.listings = lambda _marker: next(told, None)
    assert list(opens().read().seeds) == ["u1"]


@pytest.mark.parametrize("told", [{"secrets": None}, {"secrets": [{"id": 5}]}, {"secrets": ["a"]}, {}])
def test_listing_of_another_form_is_an_error(service, opens, told):
    service.listings = lambda _marker: told
    assert f"list the secrets of project {csms_service.PROJECT}" in refusal(opens().read)


def test_wrong_key_or_project_is_told(opens):
    assert "HTTP 401" in refusal(opens(secret_key="another-key").read)
    assert "check project_id" in refusal(opens(project_id="f" * 32).read)


@pytest.mark.parametrize(
    ("options", "env", "said"),
    [
        ({}, {}, "region is missing"),
        ({"region": "eu-de"}, {}, "Open Telekom Cloud"),
        ({"region": "ap-southeast-1"}, {}, "access_key and secret_key are missing"),
        ({"region": "ap-southeast-1", "access_key": "AK"}, {}, "secret_key is missing"),
        ({"region": "ap-southeast-1", "access_key": "AK", "secret_key": "SK"}, {}, "project_id is missing"),
        ({"region": "ap-southeast-1"}, {"HW_ACCESS_KEY": "AK", "HW_SECRET_KEY": "SK"}, "project_id is missing"),
        ({}, {"HWC_IAM_ENDPOINT": "https://iam.example.com", "HW_REGION_NAME": "ap-southeast-1"}, "endpoint is missing"),
        (
            {"project_id": "a/b"},
            {"HWC_CSMS_ENDPOINT": "https://x.example", "HW_ACCESS_KEY": "AK", "HW_SECRET_KEY": "SK"},
            "project_id must be",
        ),
        (
            {"path": "a/b"},
            {"HWC_CSMS_ENDPOINT": "https://x.example", "HW_ACCESS_KEY": "AK", "HW_SECRET_KEY": "SK", "HW_PROJECT_ID": "p"},
            "path",
        ),
        ({"endpoint": "http://csms.example.com"}, {}, "endpoint must be https"),
        (
            {"timeout": 0},
            {"HWC_CSMS_ENDPOINT": "https://x.example", "HW_ACCESS_KEY": "AK", "HW_SECRET_KEY": "SK", "HW_PROJECT_ID": "p"},
            "timeout",
        ),
        (
            {"ca_path": "/none", "validate_certs": False},
            {"HWC_CSMS_ENDPOINT": "https://x.example", "HW_ACCESS_KEY": "AK", "HW_SECRET_KEY": "SK", "HW_PROJECT_ID": "p"},
            "ca_path has no effect",
        ),
    ],
)
def test_option_that_is_missing_or_wrong_is_named(options, env, said):
    assert said in refusal(lambda: csms_options(options, env))


def test_region_names_the_host_and_the_environment_gives_the_rest():
    env = {"HW_ACCESS_KEY": "AK", "HW_SECRET_KEY": "SK", "HW_PROJECT_ID": "p-1", "HW_REGION_NAME": "eu-west-101"}
    found = csms_options({}, env)
    assert (found.url, found.project_id, found.key.access_key) == ("https://kms.eu-west-101.myhuaweicloud.eu", "p-1", "AK")
    assert csms_options({"region": "ap-southeast-3"}, env).url == "https://kms.ap-southeast-3.myhuaweicloud.com"
    assert "SK" not in repr(found)
