# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""In which files a report is written, and what they hold. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Callable

from ansible_collections.hwc.mfa.plugins.plugin_utils._control.plain import exact
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.written import written
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.junit import report_junit
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.merge import is_merged, merged_csv, merged_json
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.merged_page import merged_page
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.ocsf import report_ocsf
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.page import report_page
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.report import report_csv, report_json
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import Entry, PlanError

FORMATS_VARIABLE = "mfa_rollout_report_formats"

_SPREADSHEET = "utf-8-sig"
"""Without a mark at the begin, spreadsheets take letters beyond ASCII for others."""

_FORMATS: Mapping[str, tuple[str, Callable[[Entry], str], str]] = {
    "json": (".json", report_json, "utf-8"),
    "csv": (".csv", report_csv, _SPREADSHEET),
    "html": (".html", report_page, "utf-8"),
    "junit": (".junit.xml", report_junit, "utf-8"),
    "ocsf": (".ocsf.json", report_ocsf, "utf-8"),
}
"""By format: how its file's name ends, what makes its text, and the text's encoding."""

FORMATS = tuple(_FORMATS)
DEFAULT_FORMATS = ("json", "csv", "html")

_MERGED: Mapping[str, Callable[[Entry], str]] = {"json": merged_json, "csv": merged_csv, "html": merged_page}
"""What makes the text of a merged report, by format."""

SUMS = ".sha256"


def formats_in(value: Any) -> list[str]:
    """``mfa_rollout_report_formats``: a list, or the text of one. Raises PlanError."""
    found = written(value)
    if isinstance(found, str):
        found = [word.strip() for word in found.split(",") if word.strip()]
    if not isinstance(found, (list, tuple)) or not found or not all(isinstance(word, str) and exact(word) in FORMATS for word in found):
        raise PlanError(f"{FORMATS_VARIABLE} must be a list of some of {', '.join(FORMATS)}.")
    # In one order, and each once.
    return [name for name in FORMATS if name in found]


def suffixes_of(formats: Sequence[str]) -> list[str]:
    """How the names of an account's files end: those of the formats, and that of their checksums."""
    return [*(_FORMATS[name][0] for name in formats), SUMS]


def contents_of(report: Entry, formats: Sequence[str], trend: Mapping[str, Entry] | None = None) -> dict[str, bytes]:
    """What the files of a report, or of a merged one, hold, by how their names end. ``trend`` is for the page. Raises PlanError."""
    makers: dict[str, Callable[[Entry], str]] = {name: make for name, (_suffix, make, _encoding) in _FORMATS.items()}
    makers["html"] = lambda each: report_page(each, trend)
    if is_merged(report):
        makers = dict(_MERGED)
        missing = [name for name in formats if name not in makers]
        if missing:
            raise PlanError(f"a merged report is written as {', '.join(makers)}, and not as {', '.join(missing)}.")
    return {_FORMATS[name][0]: makers[name](report).encode(_FORMATS[name][2]) for name in formats}


def checksums(contents: Mapping[str, bytes]) -> bytes:
    """Checksums of files by their names, as ``sha256sum -c`` reads them. The names hold neither a backslash nor a line break."""
    lines = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in contents.items()]
    return "".join(lines).encode("utf-8")
