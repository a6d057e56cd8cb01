# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guides: each is listed and linked, speaks of codes, messages and variables that there are, and shows YAML and JSON that can be read.

Those that show commands are run in tests/playbooks/test_guide_commands.py.
"""

from __future__ import annotations

import ast
import json
import re
import shlex
import urllib.request

import pytest
import yaml
from ansible_collections.hwc.mfa.plugins.plugin_utils._rollout.preflight import unknown_variables, wrong_values
from ansible_collections.hwc.mfa.tests.unit.guide_pages import GUIDES, blocks, literals, source, tables

ROOT = GUIDES.parents[2]
NAMES = sorted(path.stem for path in GUIDES.glob("*.rst"))
LABEL = "ansible_collections.hwc.mfa.docsite."
OUTPUT = ("text",)
RUN = ("yaml", "yaml+jinja", "json", "console", "shell")
SERVICES = ("IAM", "IIC", "PAP5", "CSMS", "APIGW", "APIG", "Organizations")


def listed():
    sections = yaml.safe_load((ROOT / "docs" / "docsite" / "extra-docs.yml").read_text(encoding="utf-8"))["sections"]
    return [guide for section in sections for guide in section["toctree"]]


def test_every_guide_is_listed_once_and_has_its_label():
    assert sorted(listed()) == NAMES
    for guide in NAMES:
        assert f".. _{LABEL}{guide}:\n" in source(guide)


@pytest.mark.parametrize("guide", NAMES)
def test_links_between_guides_lead_somewhere(guide):
    assert set(re.findall(rf":ref:`(?:[^`<]*<)?{re.escape(LABEL)}(\w+)>?`", source(guide))) <= {*NAMES}
    assert source(guide).count(f"`{LABEL}") + source(guide).count(f"<{LABEL}") == len(
        re.findall(rf":ref:`[^`]*{re.escape(LABEL)}", source(guide))
    )


def test_overview_leads_to_every_other_guide():
    found = set(re.findall(rf":ref:`{re.escape(LABEL)}(\w+)`", source("guide_overview")))
    assert found == {*NAMES} - {"guide_overview"}


@pytest.mark.parametrize("guide", NAMES)
def test_blocks_can_be_read_or_are_marked_as_text(guide):
    for block in blocks(guide):
        assert block.language in (*OUTPUT, *RUN), block
        if block.language.startswith("yaml"):
            list(yaml.safe_load_all(block.text))
        if block.language == "json":
            json.loads(block.text)


def variables_in(value):
    """The names of all variables of the role that YAML gives."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if re.match(r"mfa_(rollout|audit)_", str(name)):
                yield str(name)
            yield from variables_in(inner)
    if isinstance(value, list):
        for inner in value:
            yield from variables_in(inner)


def commands():
    """The commands of all guides, as lists of words."""
    for guide in NAMES:
        for block in blocks(guide):
            if block.language == "console":
                lines = block.text.replace("\\\n", " ").splitlines()
                yield from (shlex.split(line[2:], comments=True) for line in lines if line.startswith("$ "))


def test_variables_that_guides_give_are_those_of_the_role():
    named = set()
    for guide in NAMES:
        for block in blocks(guide):
            if block.language.startswith("yaml"):
                named.update(variables_in(list(yaml.safe_load_all(block.text))))
    for words in commands():
        for word, given in zip(words, words[1:]):
            if word == "-e" and not given.startswith("@"):
                named.update(json.loads(given) if given.startswith("{") else [given.partition("=")[0]])
    # What other playbooks than the role's own take has their names.
    ours = {name for name in named if name.startswith(("mfa_rollout_", "mfa_audit_"))}
    assert len(ours) > 20
    assert unknown_variables(sorted(ours)) == []


def test_playbooks_that_guides_run_are_there():
    named = {
        word.removeprefix("hwc.mfa.")
        for words in commands()
        if words[0] == "ansible-playbook"
        for word in words
        if word.startswith("hwc.mfa.")
    }
    assert named >= {"audit", "rollout", "rollback"}
    assert named <= {path.stem for path in (ROOT / "playbooks").glob("*.yml")}


def texts_of_plugins():
    """All texts in the code of plugins and in the role, in one line each, parts of formatted ones by themselves."""
    found = []
    for path in sorted((ROOT / "plugins").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found += [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    for folder in ("roles", "playbooks"):
        found += [path.read_text(encoding="utf-8") for path in sorted((ROOT / folder).rglob("*.yml"))]
    return [" ".join(text.split()) for text in found]


CODES, MESSAGES = tables("guide_troubleshooting")


def test_codes_that_the_plugins_know_are_explained():
    explained = [code for row in CODES[1:] for code in literals(row[1])]
    assert len(explained) == len(set(explained))
    assert all(code.partition(".")[0] in SERVICES for code in explained)
    known = {text for text in texts_of_plugins() if re.fullmatch(rf"(?:(?:{'|'.join(SERVICES)})\.)?[0-9]{{4}}", text)}
    assert len(known) > 20
    for code in known:
        assert any(each == code or each.endswith("." + code) for each in explained), code


def test_codes_of_the_documentation_are_explained():
    facts = (ROOT / "docs" / "dev" / "cloud_api.md").read_text(encoding="utf-8")
    section = facts[facts.index("## 6. Errors") : facts.index("## 7.")]
    explained = {code for row in CODES[1:] for code in literals(row[1])}
    assert set(re.findall(r"`((?:IAM|IIC|PAP5|APIGW|APIG)\.[0-9]{4})`", section)) <= explained


def test_messages_that_are_quoted_are_those_of_the_plugins():
    texts = texts_of_plugins()
    for row in MESSAGES[1:]:
        for part in [part for message in literals(row[0]) for part in message.split(" ... ")]:
            assert any(part in text for text in texts), part


def test_refusal_of_a_disk_that_goes_away_is_quoted_as_the_role_says_it():
    variables = {"strategy": "enrol", "users": [{"name": "ada"}], "seed_store_dir": "/seeds", "seed_store_password": "given"}
    (said,) = wrong_values({f"mfa_rollout_{name}": value for name, value in variables.items()}, audit_only=False, in_awx=True)
    assert f" {said} " in " ".join(source("guide_awx").split())


def test_variables_of_the_environment_that_the_role_reads_are_in_a_guide_and_read_by_no_other_name():
    read = set()
    for path in (ROOT / "roles" / "mfa_rollout").rglob("*.yml"):
        read.update(re.findall(r"ansible\.builtin\.env', '(\w+)'", path.read_text(encoding="utf-8")))
    assert "HWC_MFA_SEED_STORE_PASSWORD" in read
    everything = "".join(source(guide) for guide in NAMES)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert {name for name in read if f"``{name}``" not in everything} == set()
    assert set(re.findall(r"\b\w*SEED_STORE_PASSWORD\b", everything + readme)) == {"HWC_MFA_SEED_STORE_PASSWORD"}


def test_login_with_a_code_that_the_guide_shows_is_one(cloud):
    (block,) = (block for block in blocks("guide_scripts") if block.language == "json")
    user = cloud.users[0]
    cloud.cloud.give_device(user.id, bound=True)
    cloud.cloud.protect(user.id)
    given = {"<USER ID>": user.id, "<PASSWORD>": user.password, "<ACCOUNT>": cloud.domain_name, "<CODE>": cloud.cloud.code(user.id)}
    body = block.text
    for name, value in given.items():
        assert name in body
        body = body.replace(name, value)
    path = next(block.text for block in blocks("guide_scripts") if block.text.startswith("POST ")).split()[1]
    request = urllib.request.Request(f"{cloud.url}{path}", body.encode(), {"Content-Type": "application/json"}, method="POST")
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 201
        assert answer.headers["X-Subject-Token"]
        assert json.load(answer)["token"]["methods"] == ["password", "totp"]
