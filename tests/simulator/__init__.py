# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cloud to rehearse on: start() for tests in the same process, `python3 tests/simulator` for everything else."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterable
from types import TracebackType
from typing import Any

from . import agencies, organizations
from .cloud import Account, Cloud, Settings
from .server import Server, Service

__all__ = ["Cloud", "Handle", "Settings", "start"]


class Handle:
    """A running rehearsal cloud. Also a context manager that stops it."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._service = server.service
        self.url = server.url
        self.cloud = server.service.cloud
        # A short poll makes stop() quick.
        self._thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    @property
    def log(self) -> list[dict[str, Any]]:
        """A copy of the requests so far: method, path, query, route, status (None where cut), user_id, body without secrets."""
        return self._service.copy_log()

    @property
    def max_in_flight(self) -> int:
        """The most requests that were under way at once."""
        return self._service.max_in_flight

    def describe(self) -> dict[str, Any]:
        """URL, accounts and credentials, as the command line prints them."""
        return {"url": self.url, **self.cloud.describe()}

    def add_agency(self, trusting: Account, name: str, **terms: Any) -> agencies.Agency:
        """Let the first account act in another one, by an agency; the terms are those of agencies.add_agency."""
        return agencies.add_agency(self.cloud, trusting, terms.pop("trusted", self.cloud.accounts[0]), name, **terms)

    @property
    def organization(self) -> organizations.Organization:
        """The organization of all accounts, for tests to arrange its units, members and tags."""
        return organizations.of(self.cloud)

    def fault(self, spec: str) -> None:
        """Let something go wrong from now on; ValueError for a wrong specification."""
        self._service.faults.add(spec)

    def clear_faults(self) -> None:
        """Let everything go well again."""
        self._service.faults.clear()

    def kill_at(self, pid: int, at: int, when: str = "before", route: str = "*", workers: bool = False) -> None:
        """Kill a process when the at-th request of a route from now on arrives, before or after carrying it out; with ``workers`` all that it has made, too."""
        self._service.kill_at(pid, at, when, route, workers)

    def clear_log(self) -> None:
        """Forget the requests so far."""
        self._service.clear_log()

    def reset_counters(self) -> None:
        """Count from zero again, and forget the requests so far."""
        self.cloud.reset_counters()
        self._service.clear_log()

    def advance(self, seconds: float) -> None:
        """Move the cloud's clock, which its Date header shows too."""
        self.cloud.advance(seconds)

    def stop(self) -> None:
        """Stop listening and end every connection; a second call does nothing."""
        if self._thread.is_alive():
            self._server.close()
            self._thread.join()

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()


def start(
    *,
    port: int = 0,
    faults: Iterable[str] = (),
    certfile: str | None = None,
    keyfile: str | None = None,
    **settings: Any,
) -> Handle:
    """Start a rehearsal cloud on loopback.

    Takes the fields of Settings, fault specifications, and a certificate to speak TLS with. ValueError or TypeError for a
    setting that is wrong or unknown.
    """
    tls = None
    if certfile is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certfile, keyfile)
    cloud = Cloud(Settings(**settings))
    for account in cloud.accounts[1:] if cloud.settings.agency else ():
        agencies.add_agency(cloud, account, cloud.accounts[0], cloud.settings.agency)
    service = Service(cloud, scheme="https" if tls else "http")
    for spec in faults:
        service.faults.add(spec)
    return Handle(Server(service, port, tls))
