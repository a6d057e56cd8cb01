# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import itertools

import pytest
from ansible_collections.hwc.mfa.plugins.module_utils._modules.posture import IN_NEED, POSTURES, coverage, posture, posture_of, summary

BINDINGS = (None, "bound", "unbound", "unknown")


@pytest.mark.parametrize(
    ("enabled", "console_access", "binding", "vmfa", "word"),
    [
        (False, "yes", "bound", True, "disabled"),
        (False, "no", None, False, "disabled"),
        (True, "no", None, False, "not_needed"),
        (True, "no", "bound", True, "not_needed"),
        (True, "yes", "bound", True, "protected"),
        (True, "unknown", "bound", True, "protected"),
        (None, None, "bound", True, "protected"),
        (True, "yes", "bound", False, "enrolled_only"),
        (True, "yes", "unknown", True, "unknown"),
        (True, "yes", "unbound", True, "required_only"),
        (True, "yes", None, True, "required_only"),
        (True, "yes", "unbound", False, "unprotected"),
        (True, "yes", "unknown", False, "unprotected"),
        (True, "unknown", None, False, "unprotected"),
    ],
)
def test_table(enabled, console_access, binding, vmfa, word):
    assert posture_of(enabled, console_access, binding, vmfa) == word


def test_every_user_has_one_posture_and_every_posture_a_user():
    rows = itertools.product((True, False, None), ("yes", "no", "unknown", None), BINDINGS, (True, False))
    assert {posture_of(*row) for row in rows} == set(POSTURES)


def test_nobody_is_called_protected_whose_device_is_not_certainly_bound_or_who_is_not_asked():
    for row in itertools.product((True, None), ("yes", "unknown", None), BINDINGS, (True, False)):
        assert (posture_of(*row) == "protected") == (row[2] == "bound" and row[3])


@pytest.mark.parametrize(
    ("device", "vmfa", "word", "counted"),
    [
        ({"binding": "bound", "kind": "virtual"}, True, "protected", "bound"),
        ({"binding": "bound"}, True, "protected", "bound"),
        # What is bound may be a security key, and the virtual device not.
        ({"binding": "bound", "kind": "unknown"}, True, "unknown", "unknown"),
        ({"binding": "bound", "kind": "unknown"}, False, "unprotected", "unknown"),
        ({"binding": "unbound", "kind": "unknown"}, True, "required_only", "unbound"),
    ],
)
def test_bound_device_that_may_be_a_key_is_not_certainly_a_bound_virtual_one(device, vmfa, word, counted):
    protection = {"enabled": vmfa, "verification_method": "vmfa" if vmfa else "none"}
    user = {"enabled": True, "console_access": "yes", "device": device, "login_protection": protection}
    assert posture(user) == word
    found = summary([{**user, "posture": word}])
    assert [name for name in ("bound", "unbound", "unknown") if found[name]] == [counted]
    assert found["protected"] == (word == "protected")


@pytest.mark.parametrize(
    ("protected", "others", "per_cent"),
    [(0, 0, 100.0), (0, 3, 0.0), (1, 2, 33.3), (2, 1, 66.6), (9999, 1, 99.9), (19_999, 1, 99.9), (5, 0, 100.0)],
)
def test_coverage_is_of_those_in_need_and_never_rounds_up_to_all(protected, others, per_cent):
    counts = {**dict.fromkeys(POSTURES, 0), "protected": protected, "unprotected": others, "not_needed": 7, "disabled": 5}
    assert coverage(counts) == per_cent
    assert set(POSTURES) - set(IN_NEED) == {"not_needed", "disabled"}
