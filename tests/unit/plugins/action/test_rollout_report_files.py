# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report's files in all formats, on the disk. What stands in their way is tried beside the store's files."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from ansible_collections.hwc.mfa.plugins.action import rollout_report_files
from ansible_collections.hwc.mfa.plugins.filter.merge_reports import merge_reports
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.control_node import WorkError
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.packing import pack
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout import trend
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.evidence import FORMATS, suffixes_of
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.report import make_report
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import Terms
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.trend import Trend
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.account_file import AccountFileError, taken_ending
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.history import SeenUsers
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.record import LiftedProtection, RolloutRecord
from ansible_collections.hwc.mfa.tests.unit.plugins.plugin_utils._rollout.accounts import audit_of, planned, user
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ALL = ["json", "csv", "html", "junit", "ocsf"]
SUFFIXES = (".json", ".csv", ".html", ".junit.xml", ".ocsf.json", ".sha256")


def report_of(account="acme", name="ada"):
    audit = audit_of(user("u1", name=name), now="2026-03-01T12:00:00Z")
    terms = Terms("require", audit_only=True)
    return make_report(account, terms, planned("all", audit, terms), [], 0, audit, audit, None, True, {"id": "d0", "name": name})


def work(options, check_mode=False):
    action = rollout_report_files.ActionModule(
        task=None, connection=None, play_context=None, loader=None, templar=None, shared_loader_obj=None
    )
    return action.work(options, check_mode)


def write(directory, report=None, check_mode=False, formats=tuple(ALL)):
    packed = pack(report_of()) if report is None else report
    return work(
        {"directory": str(directory), "report": packed, "formats": list(formats) if isinstance(formats, tuple) else formats}, check_mode
    )


def look(directory):
    """Find out beforehand whether the files could be written."""
    return work({"directory": str(directory), "report": None, "account": "acme", "formats": ALL})


def verified(directory, name):
    """Whether the checksums fit the files, as whoever gets them would find out."""
    tool = shutil.which("sha256sum")
    assert tool, "coreutils"
    return subprocess.run([tool, "--check", "--strict", name], cwd=directory, capture_output=True, check=False).returncode == 0


def test_all_formats_are_written_for_their_owner_alone_and_the_sums_fit(tmp_path):
    result = write(tmp_path / "reports")
    assert result["files"] == [str(tmp_path / "reports" / f"acme{suffix}") for suffix in SUFFIXES]
    assert {stat.S_IMODE(Path(path).stat().st_mode) for path in result["files"]} == {0o600}
    assert verified(tmp_path / "reports", "acme.sha256")
    assert not write(tmp_path / "reports")["changed"]
    path = tmp_path / "reports" / "acme.ocsf.json"
    path.write_bytes(path.read_bytes().replace(b"FAIL", b"PASS"))
    assert not verified(tmp_path / "reports", "acme.sha256")
    assert write(tmp_path / "reports")["changed"]
    assert verified(tmp_path / "reports", "acme.sha256")


TAKEN = [
    "acme.record",
    "acme.LIFTED",
    "acme.history",
    "acme.trend",
    "acme.ocsf",
    "acme.json",
    "acme.Csv",
    "acme.junit.xml",
    "acme.record.json",
]


@pytest.mark.parametrize("account", TAKEN)
def test_account_whose_files_would_have_the_names_of_anothers_is_refused_and_nothing_is_written(tmp_path, account):
    write(tmp_path)
    record = RolloutRecord(str(tmp_path), "acme")
    record.write({"u1": {"strategy": "require", "before": {}}})
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    options = {"directory": str(tmp_path), "report": None, "formats": ["json"], "account": account}
    merged = pack(merge_reports([report_of()]))
    ways = ({}, {"report": pack(report_of(account)), "account": None}, {"report": merged}, {"merge_from": str(tmp_path)})
    for way in ways:
        with pytest.raises(WorkError, match=r"as the names of files of reports and records do\. Give it another name"):
            work({**options, **way})
    with pytest.raises(AccountFileError, match="as the names of files"):
        RolloutRecord(str(tmp_path), account)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_no_file_of_an_account_has_the_name_of_another_accounts(tmp_path):
    kinds = [
        f".{path.name.split('.')[-2]}.json"
        for path in (file(str(tmp_path), "a").path for file in (RolloutRecord, LiftedProtection, SeenUsers, Trend))
    ]
    suffixes = {*suffixes_of(FORMATS), *kinds}
    assert {".trend.json", ".lifted.json", *SUFFIXES} <= suffixes
    for one in suffixes:
        for other in suffixes - {one}:
            # What would have to end another account's name for its file to have this name.
            if one.endswith(other):
                assert taken_ending(f"acme{one.removesuffix(other)}")
        assert taken_ending(f"acme{one}")
    for account in ("acme", "acme.de", "acme-json", "json", "record", "acme.records", "acme.record.eu"):
        assert taken_ending(account) is None


def test_sums_are_of_this_run_s_files_only_and_others_stay(tmp_path):
    write(tmp_path)
    before = (tmp_path / "acme.junit.xml").read_bytes()
    result = write(tmp_path, pack(report_of(name="eve")), formats="json")
    assert [Path(path).name for path in result["files"]] == ["acme.json", "acme.sha256"]
    assert (tmp_path / "acme.sha256").read_text(encoding="utf-8").endswith("  acme.json\n")
    assert (tmp_path / "acme.junit.xml").read_bytes() == before
    assert verified(tmp_path, "acme.sha256")


def test_without_formats_it_is_json_csv_and_the_page(tmp_path):
    assert [Path(path).name for path in write(tmp_path, formats=None)["files"]] == ["acme.json", "acme.csv", "acme.html", "acme.sha256"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_look_beforehand_finds_what_is_in_the_way_of_each_file(tmp_path, suffix):
    (tmp_path / f"acme{suffix}").mkdir()
    with pytest.raises(WorkError, match="a directory is in the way"):
        look(tmp_path)


def test_look_beforehand_leaves_nothing(tmp_path):
    assert [Path(path).name for path in look(tmp_path)["files"]] == [f"acme{suffix}" for suffix in SUFFIXES]
    assert list(tmp_path.iterdir()) == []


def test_format_that_is_none_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(WorkError, match="mfa_rollout_report_formats must be a list of some of"):
        write(tmp_path / "reports", formats=["json", "sarif"])
    assert list(tmp_path.iterdir()) == []


def test_check_mode_writes_nothing(tmp_path):
    assert write(tmp_path / "reports", check_mode=True)["changed"]
    assert list(tmp_path.iterdir()) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(), min_size=1, max_size=20))
def test_files_of_any_account_lie_in_the_directory_and_their_sums_fit(tmp_path, account):
    directory = tmp_path / "reports"
    try:
        files = write(directory, report_of(account, name=account))["files"]
    except WorkError as error:
        assert str(error)
        return
    assert {os.path.dirname(path) for path in files} == {str(directory)}
    assert verified(directory, f"./{Path(files[-1]).name}")
    for path in files:
        os.unlink(path)


@pytest.mark.parametrize(
    "report",
    [
        {},
        {"account": "acme"},
        {"account": "acme", "users": []},
        {**report_of(), "now": "yesterday"},
        {**report_of(), "endpoint": "https://["},
        {**report_of(), "cloud_account": None},
        {**report_of(), "users": [{}]},
    ],
)
def test_what_is_no_report_is_refused_in_words(tmp_path, report):
    with pytest.raises(WorkError):
        write(tmp_path, report)
    assert list(tmp_path.iterdir()) == []


# The trend of the page


def at(now, **more):
    return pack({**report_of(**more), "now": now})


def runs_in(directory):
    return list(json.loads((directory / "acme.trend.json").read_text(encoding="utf-8"))["runs"])


def test_page_keeps_what_earlier_runs_came_to(tmp_path):
    first, second = "2026-03-01T12:00:00Z", "2026-03-02T12:00:00Z"
    write(tmp_path, at(second))
    write(tmp_path, at(first))
    assert runs_in(tmp_path) == [first, second]
    page = (tmp_path / "acme.html").read_text(encoding="utf-8")
    assert "2026-03-01 12:00 UTC" in page and "2026-03-02 12:00 UTC" in page
    assert not write(tmp_path, at(first))["changed"], "a run is one, however often it is written"
    assert stat.S_IMODE((tmp_path / "acme.trend.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("whole", [0, 2])
def test_disk_that_is_full_half_way_is_told_with_what_was_written_before(tmp_path, monkeypatch, whole):
    replace_file, files = rollout_report_files.replace_file, []

    def full(path, content):
        if len(files) == whole:
            raise OSError(28, "No space left on device", str(path))
        replace_file(path, content)
        files.append(path)

    monkeypatch.setattr(rollout_report_files, "replace_file", full)
    with pytest.raises(WorkError, match=r"cannot be written: No space left on device\.") as caught:
        write(tmp_path)
    assert caught.value.changed == bool(whole)
    assert ("Before that, 2 of 6 files were written." in str(caught.value)) == bool(whole)


def test_trend_has_an_end(tmp_path, monkeypatch):
    monkeypatch.setattr(trend, "KEPT", 3)
    days = [f"2026-03-0{day}T12:00:00Z" for day in range(1, 6)]
    for day in days:
        write(tmp_path, at(day), formats=["html"])
    assert runs_in(tmp_path) == days[-3:]


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"runs": []}', '{"runs": {"yesterday": {}}}', '{"runs": {"2026-03-01T12:00:00Z": {"kind": "x"}}}']
)
def test_trend_that_cannot_be_read_is_left_and_warned_of_and_the_page_is_written(tmp_path, content):
    (tmp_path / "acme.trend.json").write_text(content, encoding="utf-8")
    result = write(tmp_path)
    assert "acme.trend.json is not a trend of this role" in result["warnings"][0]
    assert (tmp_path / "acme.trend.json").read_text(encoding="utf-8") == content
    assert "No earlier run is kept" in (tmp_path / "acme.html").read_text(encoding="utf-8")


def test_no_trend_is_kept_without_the_page_nor_for_a_run_whose_time_nobody_knows(tmp_path):
    write(tmp_path, formats=["json", "csv"])
    assert not (tmp_path / "acme.trend.json").exists()
    write(tmp_path, at(None), formats=["html"])
    assert not (tmp_path / "acme.trend.json").exists()


def test_look_beforehand_finds_what_is_in_the_way_of_the_trend(tmp_path):
    (tmp_path / "acme.trend.json").mkdir()
    with pytest.raises(WorkError, match=r"acme\.trend\.json cannot be written: a directory is in the way"):
        look(tmp_path)


# Merged reports


def merge(source, directory, account="all", formats=None, check_mode=False, **more):
    options = {"directory": str(directory), "merge_from": str(source), "report": None, "account": account, "formats": formats, **more}
    return work(options, check_mode)


def filled(directory, *accounts):
    """A directory as runs leave it: reports in all formats, and what lies beside them; one account below."""
    for account in accounts:
        write(directory, pack({**report_of(account), "cloud_account": {"id": f"id-{account}", "name": account}}))
    for suffix, content in ((".history.json", {"first_seen": {}}), (".record.json", {"users": 5}), (".lifted.json", [])):
        (directory / f"one{suffix}").write_text(json.dumps(content), encoding="utf-8")
    (directory / "one.record.json").write_text('{"protections": {}}', encoding="utf-8")
    (directory / ".locks").mkdir()
    (directory / ".locks" / "one.json").write_text("{}", encoding="utf-8")
    write(directory / "slice-2", pack({**report_of("deep"), "cloud_account": {"id": "id-deep", "name": "deep"}}))


def test_reports_of_a_directory_and_below_are_merged_into_files(tmp_path):
    filled(tmp_path, "one", "two")
    result = merge(tmp_path, tmp_path)
    assert [Path(path).name for path in result["files"]] == ["all.json", "all.csv", "all.html", "all.sha256"]
    assert [each["account"] for each in result["accounts"]] == ["deep", "one", "two"]
    assert result["unreadable"] == [] and result["summary"]["users"] == 3
    assert verified(tmp_path, "all.sha256")
    # What was merged is no report of an account, so that the next time finds the same.
    again = merge(tmp_path, tmp_path)
    assert not again["changed"] and again["summary"] == result["summary"]


def test_files_that_are_no_reports_are_named_and_not_fatal(tmp_path):
    filled(tmp_path / "in", "one")
    (tmp_path / "in" / "notes.json").write_text("{", encoding="utf-8")
    (tmp_path / "in" / "pipe.json").symlink_to("/dev/null")
    (tmp_path / "in" / "gone.json").symlink_to(tmp_path / "nowhere")
    result = merge(tmp_path / "in", tmp_path / "out")
    assert {Path(each["name"]).name for each in result["unreadable"]} == {"notes.json", "pipe.json", "gone.json"}
    assert len(result["warnings"]) == 3
    assert not (tmp_path / "out" / "all.trend.json").exists()


def test_merging_says_what_is_wrong(tmp_path):
    with pytest.raises(WorkError, match="is no directory"):
        merge(tmp_path / "nowhere", tmp_path)
    with pytest.raises(WorkError, match="there is no report to merge"):
        merge(tmp_path, tmp_path)
    filled(tmp_path, "one")
    with pytest.raises(WorkError, match=r"one\.json is the report of an account"):
        merge(tmp_path, tmp_path, account="one")
    with pytest.raises(WorkError, match="account must name the files"):
        merge(tmp_path, tmp_path, account=None)
    with pytest.raises(WorkError, match="written as json, csv, html, and not as ocsf"):
        merge(tmp_path, tmp_path, formats=["json", "ocsf"])
    with pytest.raises(WorkError, match="mutually exclusive"):
        merge(tmp_path, tmp_path, report=report_of())
    with pytest.raises(WorkError, match="absolute path"):
        merge("reports", tmp_path)
    write(tmp_path / "again", pack({**report_of("one"), "cloud_account": {"id": "id-one", "name": "x"}, "now": "2026-04-01T12:00:00Z"}))
    with pytest.raises(WorkError, match="duplicates=newest"):
        merge(tmp_path, tmp_path)
    assert len(merge(tmp_path, tmp_path, duplicates="newest")["superseded"]) == 1


def test_place_where_nothing_can_be_written_is_named_in_check_mode_too(tmp_path, monkeypatch):
    filled(tmp_path / "in", "one")
    # Whoever is root may write anywhere.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(WorkError, match=r"cannot be written: Permission denied\."):
        merge(tmp_path / "in", tmp_path / "out", check_mode=True)


def test_merging_in_check_mode_writes_nothing(tmp_path):
    filled(tmp_path / "in", "one")
    result = merge(tmp_path / "in", tmp_path / "out", check_mode=True)
    assert result["changed"] and not (tmp_path / "out").exists()


def test_merged_document_of_the_filter_is_written_too(tmp_path):
    document = merge_reports([report_of("one")])["document"]
    write_options = {"directory": str(tmp_path), "report": document, "account": "all", "formats": ["json"]}
    assert [Path(path).name for path in work(write_options)["files"]] == ["all.json", "all.sha256"]
