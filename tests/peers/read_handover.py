# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the files of a hand-over with the libraries of others: what each found, as JSON.

python read_handover.py managers FOLDER ACCOUNT PASSWORD-OF-KEEPASS PICTURE...
python read_handover.py privacyidea FILE
"""

from __future__ import annotations

import json
import os
import pathlib
import secrets
import sys
import tempfile

import pykeepass
import zxingcpp
from pass_import.managers.bitwarden import BitwardenJSON
from pass_import.managers.onepassword import OnePassword8CSV
from PIL import Image

PRIVACYIDEA = """
PI_ENCFILE = {folder!r} + "/enckey"
PI_LOGFILE = {folder!r} + "/log"
PI_AUDIT_NO_SIGN = True
PI_PEPPER = SECRET_KEY = {secret!r}
SQLALCHEMY_DATABASE_URI = "sqlite:///" + {folder!r} + "/database"
"""


def scanned(path: pathlib.Path) -> list[str]:
    """The texts of the QR codes in a picture."""
    with Image.open(path) as image:
        return [found.text for found in zxingcpp.read_barcodes(image.convert("L"))]


def imported(manager: type, path: pathlib.Path) -> list[dict[str, str]]:
    """The entries that pass-import takes from a file, as it would put them into a password store."""
    with manager(str(path)) as importer:
        importer.parse()
        return importer.data


def in_keepass(path: pathlib.Path, password: str) -> list[dict[str, str]]:
    """The entries of a KeePass database."""
    found = pykeepass.PyKeePass(str(path), password=password)
    return [{"title": each.title, "login": each.username, "otpauth": each.otp, "group": each.group.name} for each in found.entries]


def in_privacyidea(path: pathlib.Path) -> dict[str, str]:
    """The code that each token has now, after privacyIDEA has imported the file."""
    from privacyidea.app import create_app
    from privacyidea.models import db

    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "enckey").write_bytes(os.urandom(96))
        config = pathlib.Path(folder) / "pi.cfg"
        config.write_text(PRIVACYIDEA.format(folder=folder, secret=secrets.token_hex(16)), encoding="utf-8")
        app = create_app(config_name="production", config_file=str(config), silent=True)
        with app.app_context():
            db.create_all()
            from privacyidea.lib.importotp import parseOATHcsv
            from privacyidea.lib.token import init_token

            codes = {}
            for serial, token in parseOATHcsv(path.read_text(encoding="utf-8")).items():
                token.pop("user")
                codes[serial] = init_token({"serial": serial, **token}).get_otp()[2]
            return codes


def in_managers(folder: pathlib.Path, account: str, password: str, *pictures: str) -> dict[str, object]:
    """What scanners and password managers find."""
    return {
        "scanned": {picture: scanned(pathlib.Path(picture)) for picture in pictures},
        "keepass": in_keepass(folder / f"{account}.kdbx", password),
        "bitwarden": imported(BitwardenJSON, folder / f"{account}.bitwarden.json"),
        "onepassword": imported(OnePassword8CSV, folder / f"{account}.1password.csv"),
    }


if __name__ == "__main__":
    kind, path, *words = sys.argv[1:]
    print(json.dumps(in_privacyidea(pathlib.Path(path)) if kind == "privacyidea" else in_managers(pathlib.Path(path), *words)))
