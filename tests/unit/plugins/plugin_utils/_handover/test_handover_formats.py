# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the files of a hand-over hold and are called, with names that attack. Peers decode the same files in tests/peers."""

from __future__ import annotations

import csv
import html
import io
import json
import re
import sys
import unicodedata
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pyotp
import pytest
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import legible
from ansible_collections.hwc.mfa.plugins.plugin_utils._handover import keepass, qr
from ansible_collections.hwc.mfa.plugins.plugin_utils._handover.choice import Handover, HandoverError
from ansible_collections.hwc.mfa.plugins.plugin_utils._handover.formats import FORMATS, Encryption, files_of
from ansible_collections.hwc.mfa.plugins.plugin_utils._handover.managers import bitwarden, onepassword, title_of
from ansible_collections.hwc.mfa.plugins.plugin_utils._handover.oath import oath_csv
from ansible_collections.hwc.mfa.plugins.plugin_utils._handover.otpauth import listing, uri_of
from ansible_collections.hwc.mfa.plugins.plugin_utils._handover.sheet import sheet
from hypothesis import example, given
from hypothesis import strategies as st

SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
FORMULA = re.compile(r"[\s\"]*[=+\-@]")


def handed(name="ada", account="acme", user_id="u1", **more):
    return Handover(account, user_id, name, f"iam:1:mfa/{user_id}", SEED, **more)


names = st.text(min_size=1, max_size=80)
hostile = [
    '=HYPERLINK("http://x","y")',
    "+1;=2",
    "a,b\n'\"\\",
    "<script>alert(1)</script>",
    "ада 阿达 🦊",
    "a:b%3Ac",
    "\u202eada",
    "\ud800",
    "]]>&#x0;",
    "{{ 1 }}",
]


def with_hostile_names(test):
    for name in hostile:
        test = example(name)(test)
    return given(names)(test)


@with_hostile_names
def test_uri_is_read_by_another_library(name):
    found = pyotp.parse_uri(uri_of(handed(name)))
    assert (found.secret, found.digits, found.interval, found.issuer) == (SEED, 6, 30, "Huawei Cloud")
    assert found.name == legible(f"{name}@acme", 100).replace(":", "-")


@with_hostile_names
def test_list_has_a_line_for_each(name):
    lines = listing([handed(name), handed("grace", user_id="u2")]).decode("ascii").splitlines()
    assert len(lines) == 2
    assert [urlsplit(line).scheme for line in lines] == ["otpauth", "otpauth"]


class Page(HTMLParser):
    """The elements and the text of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self.attributes = set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += [name for name, _value in attrs]

    def handle_data(self, data):
        self.texts.append(data)


PLAIN = Page(sheet(handed()).decode())


@with_hostile_names
def test_sheet_shows_a_name_as_text(name):
    page = Page(sheet(handed(name, login_url="https://login.example/?a=1&b=2")).decode())
    assert page.tags <= PLAIN.tags | {"b"}
    assert set(page.attributes) == set(PLAIN.attributes)
    assert legible(name) in "".join(page.texts)


def test_sheet_needs_no_network_and_no_script():
    text = sheet(handed(made_at="2026-01-02T03:04:05Z")).decode()
    assert not re.search(r"<script|<img|<link|\bon[a-z]+=|src=|href=|url\(|@import", text)
    assert "default-src 'none'" in text
    title = re.search("<title>(.*)</title>", text).group(1)
    assert title == "Second factor of ada"
    for words in (
        "Destroy this sheet after use",
        "JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP",
        "acme",
        "Huawei Cloud: ada@acme",
        "2026-01-02",
    ):
        assert words in html.unescape(text)
    assert "otpauth" not in text, "the address is in the drawing only"


@with_hostile_names
def test_bitwarden_file_is_json_with_a_login_for_each_user(name):
    document = json.loads(bitwarden([handed(name), handed("grace", user_id="u2", login_url="https://login.example")]))
    assert document["encrypted"] is False
    first, second = document["items"]
    assert first["login"]["username"] == legible(name)
    assert pyotp.parse_uri(first["login"]["totp"]).secret == SEED
    assert first["folderId"] == second["folderId"] == document["folders"][0]["id"]
    assert second["login"]["uris"] == [{"match": None, "uri": "https://login.example"}]
    assert first["id"] != second["id"]


@with_hostile_names
def test_onepassword_file_is_csv_without_formulas(name):
    rows = list(csv.DictReader(io.StringIO(onepassword([handed(name)]).decode("utf-8"))))
    assert len(rows) == 1
    assert rows[0]["Username"].lstrip("'").endswith(legible(name)[-1:].lstrip("'"))
    assert parse_qs(urlsplit(rows[0]["OTPAuth"]).query)["secret"] == [SEED]
    for value in rows[0].values():
        assert not any(FORMULA.match(part) for part in value.split(";"))


@with_hostile_names
def test_oath_file_has_one_line_of_data_for_each_user_and_the_name_in_a_comment(name):
    comment, data, end = oath_csv([handed(name)]).decode("utf-8").split("\n")
    serial, key, *rest = data.split(",")
    assert comment.startswith(f"# {serial}: ")
    assert re.fullmatch(r"HWC[0-9A-F]{16}", serial)
    assert bytes.fromhex(key) == pyotp.TOTP(SEED).byte_secret()
    assert (rest, end) == (["totp", "6", "30"], "")
    assert not FORMULA.match(comment)


def test_images_are_images_and_the_same_each_time():
    assert qr.png(handed()).startswith(b"\x89PNG\r\n")
    assert qr.svg(handed()).startswith(b"<?xml")
    assert (qr.png(handed()), qr.svg(handed())) == (qr.png(handed()), qr.svg(handed()))


@pytest.mark.parametrize(("name", "module"), [("sheet", "segno"), ("svg", "segno"), ("png", "segno"), ("keepass", "pykeepass")])
def test_missing_library_is_named_with_the_python_that_wants_it(monkeypatch, name, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(HandoverError) as caught:
        FORMATS[name].library()
    assert module in str(caught.value)
    assert sys.executable in str(caught.value)


def test_library_is_refused_that_encrypts_each_database_alike(monkeypatch):
    class Library:
        __version__ = "4.1.1.post1"

    monkeypatch.setitem(sys.modules, "pykeepass", Library)
    with pytest.raises(HandoverError, match=r"pykeepass 4\.2 or newer, and 4\.1\.1\.post1 is installed"):
        keepass.library()


# Names of files


def paths(tmp_path, handovers, formats, alone=False):
    return [str(file.path.relative_to(tmp_path)) for file in files_of(tmp_path, "acme", handovers, formats, alone)]


def test_files_of_users_lie_in_the_directory_of_the_account(tmp_path):
    two = [handed(), handed("grace", user_id="u2")]
    assert paths(tmp_path, two, ["sheet", "oath_csv", "keepass", "sheet"]) == [
        "acme/ada.html.vault",
        "acme/grace.html.vault",
        "acme.oath.csv.vault",
        "acme.kdbx",
    ]
    assert paths(tmp_path, two[:1], ["keepass", "bitwarden"], alone=True) == ["acme/ada.kdbx", "acme/ada.bitwarden.json.vault"]


@with_hostile_names
def test_file_of_any_user_stays_where_it_belongs_and_names_no_secret(tmp_path_factory, name):
    root = tmp_path_factory.getbasetemp()
    found = [
        file.path
        for file in files_of(root, "acme", [handed(name), handed("ADA", user_id="u2"), handed("ada", user_id="u3")], list(FORMATS), False)
    ]
    assert len({str(path).casefold() for path in found}) == len(found)
    for path in found:
        assert path.parent in (root, root / "acme")
        assert not path.name.startswith(".")
        assert len(path.name.encode("utf-8")) < 255
        assert SEED not in unquote(path.name)


@pytest.mark.parametrize("name", ["..", ".", ".hidden", "/etc/passwd", "x" * 200, "\ud800"])
def test_name_that_names_no_file_gives_way_to_the_id(tmp_path, name):
    (found,) = paths(tmp_path, [handed(name)], ["sheet"])
    assert found in ("acme/u1.html.vault", "acme/%2Fetc%2Fpasswd.html.vault")


def test_same_name_twice_is_told_apart_by_id(tmp_path):
    assert paths(tmp_path, [handed(), handed("Ada", user_id="u2")], ["sheet"]) == ["acme/ada.u1.html.vault", "acme/Ada.u2.html.vault"]


FIRST, SECOND, THIRD = "1" * 32, "2" * 32, "3" * 32
ANY_IDS = st.lists(st.text("aA.1") | st.text(max_size=3) | st.sampled_from([FIRST, SECOND, ".", "x" * 200]), unique=True, max_size=6)


@st.composite
def users(draw):
    """Users whose names may be anything, and look like the names, ids and files of others."""
    ids = draw(ANY_IDS)
    near = st.sampled_from([*ids, *(f"a.{each}" for each in ids), *(f"A.{each}" for each in ids), "a", "A", "ß", "ss", "é", "e\u0301"])
    return [handed(draw(near | names), user_id=each) for each in ids]


@given(users())
@example([handed("Ada", user_id=FIRST), handed("ada", user_id=SECOND), handed(f"ada.{SECOND}", user_id=THIRD)])
@example([handed("é", user_id=FIRST), handed("e\u0301", user_id=SECOND)])
@example([handed(".", user_id="."), handed(".", user_id="..")])
@example([handed(".", user_id="a"), handed(".", user_id="A")])
@example([handed("x" * 150, user_id="y" * 150), handed("X" * 150, user_id="z" * 150)])
def test_no_two_users_share_a_file_whatever_they_are_called_and_in_whatever_order(handovers):
    root = Path("/handover")
    found = {file.handovers[0].user_id: file.path.name for file in files_of(root, "acme", handovers, ["svg"], False)}
    # Some file systems tell neither cases apart nor two ways to write a letter.
    assert len({unicodedata.normalize("NFD", name.casefold()) for name in found.values()}) == len(handovers)
    assert all(len(name.encode("utf-8")) < 255 and not name.startswith(".") for name in found.values())
    assert found == {file.handovers[0].user_id: file.path.name for file in files_of(root, "acme", handovers[::-1], ["svg"], False)}


def test_only_whose_name_with_the_id_is_another_ones_is_called_otherwise(tmp_path):
    three = [handed("Ada", user_id=FIRST), handed("ada", user_id=SECOND), handed(f"ada.{SECOND}", user_id=THIRD)]
    assert paths(tmp_path, three, ["svg"]) == [
        f"acme/Ada.{FIRST}.svg.vault",
        f"acme/{SECOND}.svg.vault",
        f"acme/ada.{SECOND}.{THIRD}.svg.vault",
    ]


# Encryption


def test_what_lies_on_the_disk_is_encrypted_and_recognised(tmp_path):
    encryption = Encryption("open sesame", "")
    for name in FORMATS:
        if name == "keepass":
            continue
        (file,) = files_of(tmp_path, "acme", [handed()], [name], True)
        content = encryption.content(file)
        assert content.startswith(b"$ANSIBLE_VAULT;1.1;AES256\n")
        assert encryption.holds(file, content)
        assert not Encryption("another", "").holds(file, content)
        # As ansible-vault takes a password that is typed.
        assert encryption.holds(file, Encryption(" open sesame\t", "").content(file))
        (other,) = files_of(tmp_path, "acme", [handed(account="other")], [name], True)
        assert not encryption.holds(other, content)
        assert not encryption.holds(file, b"something else")


def test_title_tells_accounts_apart():
    assert title_of(handed()) == "Huawei Cloud acme: ada"


def test_seed_is_in_no_representation(tmp_path):
    assert SEED not in repr(files_of(tmp_path, "acme", [handed()], list(FORMATS), True))
