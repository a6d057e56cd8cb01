# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: starts a rehearsal cloud, prints one JSON line when it is ready, and ends by itself."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import signal
import sys
import tempfile
import threading
from pathlib import Path
from types import FrameType

if __package__:
    from . import start
else:
    # Run as a directory: Python put the directory itself on the path, where its modules would pass for top-level ones.
    _here = Path(__file__).resolve().parent
    sys.path[0] = str(_here.parent)
    start = importlib.import_module(_here.name).start


def _yes_no(text: str) -> bool:
    if text not in ("yes", "no"):
        raise argparse.ArgumentTypeError("yes or no")
    return text == "yes"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="simulator", description=__doc__, allow_abbrev=False)
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--profile", choices=("huaweicloud", "otc"), default="huaweicloud")
    parser.add_argument("--accounts", type=int, default=1)
    parser.add_argument("--users", type=int, default=20, help="over all accounts, administrators not counted")
    parser.add_argument("--disabled", type=int, default=0, help="how many of the users are disabled")
    parser.add_argument("--enrolled", type=int, default=0, help="how many of the users have a bound device and vmfa protection already")
    parser.add_argument("--latency-ms", type=float, default=0.0)
    parser.add_argument("--rate", type=float, default=0.0, help="calls per second and account; 429 above; 0: no limit")
    parser.add_argument("--clock-offset", type=float, default=0.0, metavar="SECONDS", help="how far ahead its clock is")
    parser.add_argument("--stale", type=float, default=0.0, metavar="SECONDS", help="how old what a reader sees is")
    parser.add_argument("--fault", action="append", default=[], metavar="SPEC", help="KIND[=ARG][:ROUTE[:WHEN]]; repeatable")
    parser.add_argument("--admin-may-create", type=_yes_no, default=True, metavar="yes|no")
    parser.add_argument("--admin-may-bind-v5", type=_yes_no, default=True, metavar="yes|no")
    parser.add_argument("--unique-device-names", type=_yes_no, default=False, metavar="yes|no")
    parser.add_argument("--serial-form", choices=("auto", "account-urn", "domain-path", "id-path"), default="auto")
    parser.add_argument("--unbind-unbound", type=int, choices=(204, 400, 404), default=400)
    parser.add_argument("--v5-create-status", type=int, choices=(200, 201), default=201)
    parser.add_argument("--identity-centers", type=int, default=1, help="how many accounts have an instance")
    parser.add_argument("--page-size", type=int, default=500, help="users on a page of GET /v3/users")
    parser.add_argument("--security-keys", type=int, default=0, help="how many of the users have a security key")
    parser.add_argument("--security-keys-in-v5", action="store_true", help="v5's listing shows security keys beside virtual devices")
    parser.add_argument("--tells-caller", type=_yes_no, default=True, metavar="yes|no", help="no: 403 to who asks whom a call comes from")
    parser.add_argument("--domains-empty", action="store_true", help="GET /v3/auth/domains has an empty list")
    parser.add_argument("--serial-forms-differ", action="store_true", help="v3.0 and v5 show a device under serial numbers of their own")
    parser.add_argument("--throttle-tells", action="store_true", help="the 429 of --rate says its limit, and has no Retry-After")
    parser.add_argument("--shared-throttle", type=int, default=0, metavar="N", help="429 to every N-th request, whoever sends it")
    parser.add_argument("--list-enabled-only", action="store_true", help="GET /v3/users shows disabled users only to who asks for them")
    parser.add_argument("--users-in-full", action="store_true", help="GET /v3/users tells e-mail address, age and owner of each user")
    parser.add_argument("--disabled-status", type=int, choices=(401, 403), default=401)
    parser.add_argument(
        "--signatures", choices=("both", "plain", "derived"), default="both", help="which signatures of access keys are taken"
    )
    parser.add_argument("--demands-scope", action="store_true", help="a token for no account is good for no call of an account")
    parser.add_argument("--ignores-unneeded-codes", action="store_true", help="a code is looked at only where the login needs one")
    parser.add_argument("--partial-policies-reset", action="store_true", help="a PUT of a policy resets the fields that it does not give")
    parser.add_argument("--protect-policy-short", action="store_true", help="operation protection is shown as its switch alone")
    parser.add_argument(
        "--agency", default="", metavar="NAME", help="an agency of each other account that the first one's administrator may assume"
    )
    parser.add_argument("--seed-random", type=int, metavar="N", help="makes ids and secrets the same every time")
    parser.add_argument("--certfile", help="speak TLS with this certificate")
    parser.add_argument("--keyfile")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the line there (mode 0600) instead of printing it")
    parser.add_argument("--pid-file", type=Path, metavar="FILE")
    parser.add_argument("--until-eof", action="store_true", help="end when standard input does")
    parser.add_argument("--max-seconds", type=float, default=3600.0, help="end in any case after this time")
    return parser


def _write_private(path: Path, text: str) -> None:
    """Write a file of mode 0600 that appears whole or not at all."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def main(arguments: list[str] | None = None) -> int:
    """Serve until told to stop; 0 then, 2 for a wrong command line."""
    parser = _parser()
    options = vars(parser.parse_args(arguments))
    output, pid_file = options.pop("output"), options.pop("pid_file")
    until_eof, max_seconds = options.pop("until_eof"), options.pop("max_seconds")
    options["faults"] = options.pop("fault")

    done = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        done.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    try:
        handle = start(**options)
    except (ValueError, OSError) as error:
        parser.error(str(error))

    def wait_for_eof() -> None:
        try:
            while os.read(0, 4096):
                pass
        except OSError:
            # Standard input was never open: that is its end, too.
            pass
        done.set()

    with handle:
        line = json.dumps({**handle.describe(), "pid": os.getpid()})
        if pid_file:
            _write_private(pid_file, f"{os.getpid()}\n")
        if output:
            _write_private(output, f"{line}\n")
        else:
            print(line, flush=True)
        if until_eof:
            threading.Thread(target=wait_for_eof, daemon=True).start()
        done.wait(max_seconds)
    if pid_file:
        pid_file.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
