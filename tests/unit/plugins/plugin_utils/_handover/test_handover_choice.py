# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is handed which seed."""

from __future__ import annotations

import pytest
from ansible_collections.hwc.mfa.plugins.plugin_utils._handover.choice import HandoverError, chosen, wanted_in
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.store import StoredSeed

OLD = StoredSeed("serial-old", "JBSWY3DPEHPK3PXP", "ada")
NEW = StoredSeed("serial-new", "GEZDGNBVGY3TQOJQ", "ada")
GRACE = StoredSeed("serial-grace", "MFRGGZDFMZTWQ2LK", "grace")


def shown(user_id, name, serial=None, binding="bound"):
    device = {"serial_number": serial, "binding": binding} if serial else None
    return {"user_id": user_id, "name": name, "device": device}


def refusal(*args):
    with pytest.raises(HandoverError) as caught:
        chosen(*args)
    assert not any(seed.seed in str(caught.value) for seed in (OLD, NEW, GRACE))
    return str(caught.value)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("all", None),
        ("ada", ["ada"]),
        (["all"], ["all"]),
        (["ada", "ada", 17], ["ada", "17"]),
        ("[ada, grace]", ["ada", "grace"]),
        ('["all"]', ["all"]),
        ("no", ["no"]),
    ],
)
def test_users_come_as_a_list_or_as_text(value, wanted):
    assert wanted_in(value) == wanted


@pytest.mark.parametrize("value", [[], "", None, {}, {"user_id": "x"}, [{"user_id": "x"}], [""], [True], 1.5])
def test_what_names_nobody_is_refused(value):
    with pytest.raises(HandoverError, match="ids or names"):
        wanted_in(value)


@pytest.mark.parametrize("present", [OLD, NEW])
def test_seed_is_that_of_the_device_which_the_cloud_shows(present):
    stored = {"u1": [NEW, OLD]}
    choice = chosen(["ada"], stored, [shown("u1", "ada", present.serial_number)])
    assert choice.seeds == {"u1": present}


def test_one_of_several_devices_of_the_user_is_the_stored_one():
    user = {
        **shown("u1", "ada", "key"),
        "devices": [{"serial_number": "key", "binding": "bound"}, {"serial_number": "serial-old", "binding": "bound"}],
    }
    assert chosen(["u1"], {"u1": [NEW, OLD]}, [user]).seeds == {"u1": OLD}


def test_without_the_cloud_several_seeds_are_nobodys_guess():
    assert chosen(["ada"], {"u1": [NEW]}).seeds == {"u1": NEW}
    assert "several stored seeds" in refusal(["ada"], {"u1": [NEW, OLD]})
    choice = chosen(None, {"u1": [NEW, OLD], "u2": [GRACE]})
    assert (list(choice.seeds), list(choice.left_out)) == (["u2"], ["u1"])


@pytest.mark.parametrize(
    ("user", "words"),
    [
        (shown("u1", "ada"), "the cloud shows none"),
        (shown("u1", "ada", "another"), "the cloud shows another one"),
        (shown("u1", "ada", "serial-new", "unbound"), "not bound yet: run the rollout again"),
        (shown("u2", "grace"), "no user of the account any more"),
    ],
)
def test_seed_that_makes_no_valid_codes_is_not_handed_over(user, words):
    assert words in refusal(["u1"], {"u1": [NEW]}, [user])
    choice = chosen(None, {"u1": [NEW], "u3": [GRACE]}, [user, shown("u3", "eve", "serial-grace", "unknown")])
    assert list(choice.seeds) == ["u3"]
    assert words in choice.left_out["u1"]


def test_name_of_today_counts_and_not_the_one_that_was_stored():
    stored = {"u1": [NEW], "u2": [GRACE]}
    audit = [shown("u1", "countess", "serial-new"), shown("u2", "grace", "serial-grace")]
    assert chosen(["countess"], stored, audit).names["u1"] == "countess"
    assert "neither the id nor the name" in refusal(["ada"], stored, audit)


def test_name_of_somebody_who_is_gone_means_who_has_it_now():
    stored = {"u1": [OLD], "u2": [NEW]}
    assert list(chosen(["ada"], stored, [shown("u2", "ada", "serial-new")]).seeds) == ["u2"]
    assert "ada can be u1 or u2: give the id" in refusal(["ada"], stored)


def test_name_that_is_the_id_of_another_is_refused():
    stored = {"u1": [NEW], "u2": [StoredSeed("serial-2", GRACE.seed, "u1")]}
    assert "u1 can be u1 or u2" in refusal(["u1"], stored)


def test_all_causes_are_told_up_to_some():
    words = refusal([f"nobody-{number}" for number in range(7)], {"u1": [NEW]})
    assert words.count("neither the id") == 5
    assert words.endswith("; and 2 more.")


@pytest.mark.parametrize("stored", [{}, {"u1": []}, {"u1": [StoredSeed("serial", "not base32!", "ada")]}])
def test_nobody_to_hand_anything_is_an_error(stored):
    assert "the account and the seed store" in refusal(None, stored)


def test_nobody_to_hand_anything_is_told_why():
    words = refusal(None, {"u1": [NEW], "u3": [GRACE]}, [shown("u1", "ada", "serial-new", "unbound")])
    assert "ada has a device that is not bound yet: run the rollout again first; grace is no user of the account any more." in words


def test_seed_that_is_none_is_told_without_it():
    assert "not base32" in refusal(["ada"], {"u1": [StoredSeed("serial", "secret-1", "ada")]})


def test_user_without_a_name_goes_by_id():
    assert chosen(None, {"u1": [StoredSeed("serial", NEW.seed)]}).names == {"u1": "u1"}
    for name in ("", None):
        assert chosen(None, {"u1": [StoredSeed("serial", NEW.seed)]}, [shown("u1", name, "serial")]).names == {"u1": "u1"}
