# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is handed over is read by those for whom it is made, and Keystone takes the codes that they make of it."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyotp
import pytest
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.store import StoredSeed
from ansible_collections.hwc.mfa.plugins.plugin_utils._stores.vault_files import VaultFiles

# What drives the browser lies beside its own tests.
sys.path.append(str(Path(__file__).resolve().parents[1] / "browser"))

Browser = importlib.import_module("devtools").Browser

ACCOUNT, STORE_PASSWORD, PASSWORD, KEEPASS_PASSWORD = "acme-berlin", "of the store", "of the files", "of the database"
READER = Path(__file__).with_name("read_handover.py")
LIMIT_SECONDS = 300

# The second is there to be misread.
NAMES = ("ada", '=ada,"x"; 阿达:🦊')

PLAY = """
- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - hwc.mfa.handover_files:
        directory: "{{ playbook_dir }}/seeds"
        password: of the store
        account: acme-berlin
        users: all
        destination: "{{ playbook_dir }}/out"
        handover_password: of the files
        keepass_password: of the database
        formats: [sheet, svg, png, otpauth, keepass, bitwarden, onepassword, oath_csv]
      register: first
    - hwc.mfa.handover_files:
        directory: "{{ playbook_dir }}/seeds"
        password: of the store
        account: acme-berlin
        users: all
        destination: "{{ playbook_dir }}/out"
        handover_password: of the files
        keepass_password: of the database
        formats: [keepass, bitwarden]
      register: second
    - ansible.builtin.assert:
        that: [first is changed, second is not changed]
"""


@dataclass(frozen=True)
class Handed:
    """The users who were handed their seeds, the decrypted files, and what others read in them."""

    users: dict[str, Any]
    folder: Path
    found: dict[str, Any]


def program(variable: str) -> str:
    path = os.environ.get(variable)
    assert path, f"{variable} must name a program: run make test-peers"
    return path


def run(*words: Any, folder: Path, text: str = "") -> str:
    """The output of a program that must succeed."""
    own = ("HW_", "HWC_", "OS_", "HUAWEICLOUD_")
    env = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    env.update(ANSIBLE_LOCAL_TEMP=str(folder / "tmp"), ANSIBLE_NOCOLOR="1", LC_ALL="C.UTF-8", HOME=str(folder))
    done = subprocess.run(
        [str(word) for word in words],
        cwd=folder,
        env=env,
        input=text,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def handed(account, tmp_path_factory) -> Handed:
    """Two users' seeds, stored, handed over in all formats, and read by others."""
    folder = tmp_path_factory.mktemp("handover")
    users = {name: account.add(name, [["password", "totp"]]) for name in NAMES}
    store = VaultFiles(str(folder / "seeds"), ACCOUNT, STORE_PASSWORD)
    store.save({user.id: StoredSeed(f"iam:1:mfa/{number}", user.seed, user.name) for number, user in enumerate(users.values())})
    (folder / "play.yml").write_text(PLAY, encoding="utf-8")
    (folder / "password").write_text(PASSWORD, encoding="utf-8")
    peers = Path(program("PEERS_PYTHON")).parent
    run(peers / "ansible-playbook", "-i", "localhost,", "play.yml", folder=folder)
    out = folder / "out"
    encrypted = [path for path in out.rglob("*") if path.is_file()]
    assert not [path for path in encrypted if any(user.seed.encode() in path.read_bytes() for user in users.values())]
    run(peers / "ansible-vault", "decrypt", "--vault-password-file", folder / "password", *out.rglob("*.vault"), folder=folder)
    for path in list(out.rglob("*.vault")):
        path.rename(path.with_suffix(""))
    pictures = [*(out / ACCOUNT).glob("*.png")]
    (folder / "browser").mkdir()
    browser = Browser(program("CHROMIUM"), folder / "browser")
    try:
        for page in (out / ACCOUNT / "ada.html", out / ACCOUNT / "ada.svg"):
            pictures.append(folder / f"{page.name}.png")
            browser.open(page).screenshot(pictures[-1])
    finally:
        browser.end()
    found = json.loads(run(program("PEERS_PYTHON"), READER, "managers", out, ACCOUNT, KEEPASS_PASSWORD, *pictures, folder=folder))
    return Handed(users, out, found)


def log_in(client: Any, user: Any, code: str) -> None:
    """Log in with a code; Keystone takes that of the step before too."""
    assert client.login(user, passcode=code).prepare()
    assert client.answers[-1].headers["X-Subject-Token"]


def log_in_by(client: Any, user: Any, uri: str) -> None:
    """Log in with a code of a URI that somebody has read."""
    client.code(user)  # learns the server's time, and waits while a code could arrive too late
    log_in(client, user, pyotp.parse_uri(uri).at(int(client.session.clock.now())))


def user_of(handed: Handed, uri: str) -> Any:
    """Whose URI it is, by the seed; the name must be the user's, too."""
    found = pyotp.parse_uri(uri)
    (user,) = [user for user in handed.users.values() if user.seed == found.secret]
    assert (found.issuer, found.name) == ("Huawei Cloud", f"{user.name}@{ACCOUNT}".replace(":", "-"))
    return user


def test_codes_in_pictures_and_on_the_sheet_are_scanned(handed, client):
    assert len(handed.found["scanned"]) == 4
    for uri in [uri for uris in handed.found["scanned"].values() for uri in uris]:
        log_in_by(client, user_of(handed, uri), uri)
    assert [len(uris) for uris in handed.found["scanned"].values()] == [1, 1, 1, 1]


def test_list_is_read_by_another_library(handed, client):
    uris = (handed.folder / f"{ACCOUNT}.otpauth.txt").read_text(encoding="ascii").splitlines()
    assert [user_of(handed, uri).name for uri in uris] == list(NAMES)
    for uri in uris:
        log_in_by(client, user_of(handed, uri), uri)


@pytest.mark.parametrize("source", ["keepass", "bitwarden", "onepassword"])
def test_password_managers_read_their_files(handed, client, source):
    entries = handed.found[source]
    # Of what a spreadsheet would take for a formula, CSV has an apostrophe.
    assert [entry["login"].removeprefix("'") for entry in entries] == list(NAMES)
    for entry in entries:
        user = user_of(handed, entry["otpauth"])
        assert entry["title"] == f"Huawei Cloud {ACCOUNT}: {user.name}"
        assert entry.get("group", ACCOUNT) == ACCOUNT
        log_in_by(client, user, entry["otpauth"])


def test_keepassxc_makes_codes_of_its_database(handed, client, tmp_path):
    for user in handed.users.values():
        entry = f"{ACCOUNT}/Huawei Cloud {ACCOUNT}: {user.name}"
        words = [program("KEEPASSXC_CLI"), "show", "--quiet", "--totp", handed.folder / f"{ACCOUNT}.kdbx", entry]
        log_in(client, user, run(*words, folder=tmp_path, text=f"{KEEPASS_PASSWORD}\n").strip())


def test_server_for_tokens_imports_the_csv(handed, client, tmp_path):
    codes = json.loads(run(program("PEERS_PYTHON"), READER, "privacyidea", handed.folder / f"{ACCOUNT}.oath.csv", folder=tmp_path))
    assert len(codes) == len(handed.users)
    for user, code in zip(handed.users.values(), codes.values()):
        log_in(client, user, code)
