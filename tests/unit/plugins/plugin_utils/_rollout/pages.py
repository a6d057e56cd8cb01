# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports to make pages of, and pages as a reader's program sees them."""

from __future__ import annotations

import copy
from html.parser import HTMLParser

from ansible_collections.hwc.mfa.plugins.module_utils._modules.posture import posture, summary
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.report import make_report
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import Terms
from ansible_collections.hwc.mfa.tests.unit.plugins.plugin_utils._rollout.accounts import (
    SECRET,
    VMFA,
    audit_of,
    entries_of,
    planned,
    user,
)

NOW = "2026-03-01T12:00:00Z"
ROOT = {"user_id": "root", "name": "acme", "mfa": "no"}
VOID = {"meta", "input"}
_KINDS = (
    {"binding": "bound", "protection": VMFA},
    {"binding": "bound"},
    {},
    {"enabled": False},
    {"console_access": "no"},
    {"protection": VMFA},
)


def people(count, name="user"):
    """Users of all postures in turn."""
    return [user(f"u{number}", name=f"{name}-{number}", **_KINDS[number % len(_KINDS)]) for number in range(count)]


def looked(users, now=NOW):
    """What an audit shows of these users."""
    users = [{**each, "posture": posture(each)} for each in users]
    return {
        **audit_of(*users, now=now, root=ROOT, endpoint="https://iam.example.com", api="v5", request_ids=["r1"]),
        "summary": summary(users),
    }


def report(users, account="acme", cloud_id=None, terms=None, exempt=(), failing=(), after=True, wanted=None, now=NOW, **more):
    """The report of a rollout that did all it planned, but for users whose number is in ``failing``; an audit's, if the terms say so."""
    terms = terms or Terms("require")
    before = looked(users, now)
    asked = [{"user_id": each["user_id"], "auth_password": SECRET} for each in users] if wanted is None else wanted
    plan = planned(asked, before, terms, exempt)
    cloud = {"id": cloud_id or f"id-{account}", "name": f"{account} GmbH"}
    if terms.audit_only:
        return make_report(account, terms, plan, [], 0, before, before, None, True, cloud, **more)
    todo = entries_of(plan)
    fails = [
        {"user_id": entry["user_id"], "name": entry["name"], "step": "protect", "msg": "IAM refused it (403)."}
        for number, entry in enumerate(todo)
        if number in failing
    ]
    reached = {entry["user_id"] for entry in todo} - {entry["user_id"] for entry in fails}
    now_users = copy.deepcopy(users)
    for each in now_users:
        if each["user_id"] in reached:
            each["login_protection"] = VMFA
    then = looked(now_users, now) if after else {"msg": "the cloud is away"}
    return make_report(account, terms, plan, fails, len(plan["waves"]), before, then, {}, False, cloud, **more)


class Page(HTMLParser):
    """A page: its elements, its tables and its text. Elements that are not closed in their order are an error."""

    def __init__(self, text):
        super().__init__()
        self.elements = []
        self.texts = []
        self.tables = {}
        self._open = []
        self.declaration = None
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_decl(self, decl):
        self.declaration = decl

    def handle_starttag(self, tag, attrs):
        assert len({name for name, _value in attrs}) == len(attrs)
        self.elements.append((tag, dict(attrs)))
        if tag == "table":
            self._table = self.tables.setdefault(dict(attrs)["id"], {"caption": "", "rows": [], "heads": []})
        elif tag == "tr":
            self._table["rows"].append([])
        elif tag in ("th", "td"):
            self._table["rows"][-1] += [""] * int(dict(attrs).get("colspan", 1))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self._open.pop() == tag, tag

    def handle_data(self, data):
        self.texts.append((self._open[-1] if self._open else "", data))
        if "caption" in self._open:
            self._table["caption"] += data
        elif "th" in self._open or "td" in self._open:
            self._table["rows"][-1][-1] += data

    def rows(self, ident):
        """The rows of a table as mappings from column to text; a last row of sums under its own name."""
        heads, *rows = self.tables[ident]["rows"]
        return [dict(zip(heads, row)) for row in rows]

    def all_of(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    def text_in(self, tag):
        return [data for inside, data in self.texts if inside == tag]
