# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts as an audit shows them, and stores that know of them."""

from __future__ import annotations

from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.input import seeds_in
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.plan import Known, make_plan

OFF = {"enabled": False, "verification_method": "none"}
VMFA = {"enabled": True, "verification_method": "vmfa"}
SMS = {"enabled": True, "verification_method": "sms"}
SECRET = "s3cret"


def device_of(serial, binding="bound", kind="virtual"):
    return {"serial_number": serial, "binding": binding, "kind": kind}


def user(user_id="u1", binding=None, protection=None, enabled=True, name=None, serial=None, **more):
    """A user with a device, where a ``binding`` is given. ``more`` are keys that only some clouds' audits have."""
    device = None if binding is None else {"serial_number": serial or f"serial-{user_id}", "binding": binding}
    return {
        "user_id": user_id,
        "name": name or f"name-{user_id}",
        "enabled": enabled,
        "device": device,
        "login_protection": protection or OFF,
        **more,
    }


def audit_of(*users, caller=None, **more):
    counts = {"users": len(users), "vmfa": 0, "bound": 0, "unknown": 0}
    return {"users": list(users), "caller": caller or {"user_id": "admin", "name": None}, "summary": counts, **more}


def stored(user_id="u1", serial=None, **more):
    return {user_id: {"serial_number": serial or f"serial-{user_id}", "seed": SECRET, "name": "n", **more}}


def own(**more):
    return {"auth_password": SECRET, **more}


def recorded(user_id="u1", strategy="enrol", before=None):
    return {user_id: {"strategy": strategy, "name": f"name-{user_id}", "before": before or OFF}}


def planned(wanted, audit, terms, exempt=(), stored=None, intents=(), record=None, auth=None, lifted=None):
    """A plan, with what is known of the account by name."""
    return make_plan(wanted, audit, terms, exempt, Known(seeds_in(stored), intents, record, auth or {}, lifted or {}))


def entries_of(plan):
    return [entry for wave in plan["waves"] for entry in wave]


def wave_for(*users, terms, exempt=(), **known):
    """The entries of a plan for these users, who all have a password of their own."""
    wanted = [{"user_id": one["user_id"], **own()} for one in users]
    return entries_of(planned(wanted, audit_of(*users), terms, exempt, **known))
