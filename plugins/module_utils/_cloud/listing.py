# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Listings page by page. One that cannot be read to its end is an error, never a shorter list: users would be missed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.transport import Reply, Session

MOST_PAGES = 10_000
"""Pages of one listing: two million users at 200 a page."""

MOST_EMPTY_PAGES = 100
"""Pages without entries in a row. A few are legitimate where the cloud filters a page after cutting it."""

Entries = list[dict[str, Any]]
Query = list[tuple[str, str]]


def marked_pages(session: Session, path: str, key: str, query: Query, *needed: str, limit: int) -> Iterator[Entries]:
    """The pages of a listing with markers, as v5 and Identity Center have them: lists of entries, ``limit`` at most on each.

    ``key`` names the list in the answer, ``query`` is sent with each call, and each entry has the fields ``needed``. Raises CloudError, also
    where the listing does not end.
    """
    trail = _Trail()
    paging: Query = [("limit", str(limit))]
    while True:
        reply = session.read("GET", path, [*query, *paging])
        page = entries(reply, key, *needed)
        yield page
        following = trail.next(reply, page, "page_info", "next_marker")
        if following is None:
            return
        paging = [("limit", str(limit)), ("marker", following)]


def linked_pages(session: Session, path: str, key: str, query: Query, *needed: str) -> Iterator[Entries]:
    """The pages of a listing with links, as Keystone has them; otherwise like ``marked_pages``."""
    trail = _Trail()
    while True:
        reply = session.read("GET", path, query)
        page = entries(reply, key, *needed)
        yield page
        following = trail.next(reply, page, "links", "next")
        if following is None:
            return
        # Only the query is taken over: a link to another host or path would carry the credentials there.
        query = parse_qsl(following.partition("#")[0].partition("?")[2], keep_blank_values=True)


def entries(reply: Reply, key: str, *needed: str) -> Entries:
    """The list ``key`` of an answer, whose entries all have the fields ``needed``. Anything else is a CloudError, never an empty list."""
    found = reply.field(key)
    if not isinstance(found, list) or not all(isinstance(entry, dict) and all(name in entry for name in needed) for entry in found):
        raise reply.error(f"the answer's list {key} has another form than the API documents")
    return found


class _Trail:
    """The pages of one listing that were seen so far."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._empty = 0
        self._last: Entries = []

    def next(self, reply: Reply, page: Entries, holder: str, name: str) -> str | None:
        """What leads to the page after ``page``, or None at the end. Raises CloudError where the listing does not end."""
        held = reply.document.get(holder)
        following = held.get(name) if isinstance(held, dict) else None
        if following is None or following == "":
            return None
        if not isinstance(following, str):
            raise self._broken(reply, "what should lead to its next page is no text")
        self._empty = 0 if page else self._empty + 1
        if following in self._seen or (page and page == self._last):
            raise self._broken(reply, "its pages repeat themselves")
        if self._empty > MOST_EMPTY_PAGES:
            raise self._broken(reply, f"more than {MOST_EMPTY_PAGES} pages in a row are empty")
        self._seen.add(following)
        self._last = page
        if len(self._seen) >= MOST_PAGES:
            raise self._broken(reply, f"it has more than {MOST_PAGES} pages")
        return following

    @staticmethod
    def _broken(reply: Reply, reason: str) -> CloudError:
        return reply.error(f"the listing is broken: {reason}, so that nobody knows what it leaves out")
