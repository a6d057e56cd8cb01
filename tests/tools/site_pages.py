# Copyright: The hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the documentation site: pages of plugins and guides by antsibull-docs, and the site by Sphinx, to which every warning is an error."""

from __future__ import annotations

import os
import re
import shutil

import common
import stage
import venvs
from common import Log, Outcome

REPOSITORY = ("https://github.com/hwc-mfa/hwc.mfa/blob/main/", "https://github.com/hwc-mfa/hwc.mfa/tree/main/")
"""Where README's links lead, which is read on Galaxy too."""

SITE = common.BUILD / "site"


def build(log: Log) -> Outcome:
    """Build the site below .build/site. Each page of Sphinx counts as one that passed, a link that leads nowhere as a failure."""
    venv = venvs.ensure("docs", log)
    lane = common.BUILD / "lanes" / "site"
    lane.mkdir(parents=True, exist_ok=True)
    collection = stage.stage(lane)
    env = common.environment(venvs.prepare_home(lane / "home"), venv / "bin", ANSIBLE_COLLECTIONS_PATH=str(lane))
    common.remove(SITE)
    pages = SITE / "rst"
    pages.mkdir(parents=True, mode=0o700)
    shutil.copy(collection / "docs" / "site" / "conf.py", SITE)
    made = common.run(
        [
            venv / "bin" / "antsibull-docs",
            "collection",
            "--cleanup",
            "everything",
            "--fail-on-error",
            "--use-current",
            "--dest-dir",
            pages,
            "hwc.mfa",
        ],
        log,
        SITE,
        env,
    )
    if made.code:
        return made.outcome
    shutil.copy(collection / "docs" / "site" / "index.rst", pages)
    sphinx = [venv / "bin" / "python", "-m", "sphinx", "-b", "html", "-c", SITE, "-W", "--keep-going", "-q", pages, SITE / "html"]
    built = common.run(sphinx, log, SITE, env)
    if built.code:
        return built.outcome
    broken = broken_links(log)
    index = SITE / "html" / "index.html"
    return Outcome(passed=len(list((SITE / "html").rglob("*.html"))), failed=broken, notes=(str(index.relative_to(common.ROOT)),))


def broken_links(log: Log) -> int:
    """How many links of the checkout's Markdown pages lead to no file of the checkout."""
    broken = 0
    for page in stage.tracked_files("--cached", "--others", "--exclude-standard"):
        if page.suffix != ".md":
            continue
        text = (common.ROOT / page).read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            place = target.partition("#")[0]
            own = next((place[len(start) :] for start in REPOSITORY if place.startswith(start)), None)
            if own is not None:
                place = os.path.relpath(own, page.parent)
            if place and "://" not in place and not place.startswith("mailto:") and not (common.ROOT / page.parent / place).exists():
                log.write(f"{page}: {target} leads nowhere\n")
                broken += 1
    return broken
