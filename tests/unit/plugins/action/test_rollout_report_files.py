# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report's files in all formats, on the disk. What stands in their way is tried beside the store's files."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from ansible_collections.hwc.mfa.plugins.action import rollout_report_files
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.control_node import WorkError
from ansible_collections.hwc.mfa.plugins.plugin_utils._control.packing import pack
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.report import make_report
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.terms import Terms
from ansible_collections.hwc.mfa.tests.unit.plugins.plugin_utils._rollout.accounts import audit_of, planned, user
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ALL = ["json", "csv", "junit", "ocsf"]
SUFFIXES = (".json", ".csv", ".junit.xml", ".ocsf.json", ".sha256")


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


def test_sums_are_of_this_run_s_files_only_and_others_stay(tmp_path):
    write(tmp_path)
    before = (tmp_path / "acme.junit.xml").read_bytes()
    result = write(tmp_path, pack(report_of(name="eve")), formats="json")
    assert [Path(path).name for path in result["files"]] == ["acme.json", "acme.sha256"]
    assert (tmp_path / "acme.sha256").read_text(encoding="utf-8").endswith("  acme.json\n")
    assert (tmp_path / "acme.junit.xml").read_bytes() == before
    assert verified(tmp_path, "acme.sha256")


def test_without_formats_it_is_json_and_csv(tmp_path):
    assert [Path(path).name for path in write(tmp_path, formats=None)["files"]] == ["acme.json", "acme.csv", "acme.sha256"]


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
        write(tmp_path / "reports", formats=["json", "html"])
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
