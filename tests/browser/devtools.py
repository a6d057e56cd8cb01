# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Chromium without a window, driven by its DevTools protocol over a pipe; no library stands between."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import select
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

SECONDS = 90
"""How long an answer may take on a busy machine."""

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--no-zygote",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)


class Browser:
    """A browser with a profile of its own in ``folder``."""

    def __init__(self, program: str, folder: Path) -> None:
        to_child, self._write = os.pipe()
        self._read, from_child = os.pipe()
        # High numbers first, so that neither lies where the other is to go: the browser reads from 3 and writes to 4.
        high = [fcntl.fcntl(each, fcntl.F_DUPFD, 10) for each in (to_child, from_child)]

        def place() -> None:
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        with (folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [program, *_FLAGS, f"--user-data-dir={folder / 'profile'}"],
                env={"HOME": str(folder), "PATH": os.defpath, "LC_ALL": "C.UTF-8"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(3, 4),
                preexec_fn=place,  # noqa: PLW1509  # it only moves two descriptors
                start_new_session=True,
            )
        for each in (to_child, from_child, *high):
            os.close(each)
        self._log = folder / "log"
        self._number = 0
        self._rest = b""
        self.events: list[dict[str, Any]] = []

    def call(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """Call a method and give its result. Anything but a success in time fails the test."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params, **({"sessionId": session} if session else {})}
        os.write(self._write, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + SECONDS
        while True:
            answer = self._next(end)
            if answer.get("id") == self._number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return dict(answer["result"])
            self.events.append(answer)

    def wait_for(self, event: str, session: str) -> None:
        """Wait until an event has come."""
        end = time.monotonic() + SECONDS
        while not any(each.get("method") == event and each.get("sessionId") == session for each in self.events):
            self.events.append(self._next(end))

    def _next(self, end: float) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _write, _error = select.select([self._read], [], [], max(0.0, end - time.monotonic()))
            piece = os.read(self._read, 2**20) if ready else b""
            assert piece, f"the browser gave no answer: {self._log.read_text(encoding='utf-8', errors='replace')[-2000:]}"
            self._rest += piece
        message, _end, self._rest = self._rest.partition(b"\0")
        return dict(json.loads(message))

    def open(self, path: Path, scripts: bool = True, **features: str) -> Tab:
        """Open a file in a tab; ``features`` are those of media, such as ``prefers_color_scheme``."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        tab = Tab(self, session, target)
        for domain in ("Page", "Network", "Log", "Runtime"):
            tab.call(f"{domain}.enable")
        tab.call("Emulation.setDeviceMetricsOverride", width=1280, height=1600, deviceScaleFactor=1, mobile=False)
        tab.call("Emulation.setScriptExecutionDisabled", value=not scripts)
        tab.media("", **features)
        tab.call("Page.navigate", url=path.as_uri())
        self.wait_for("Page.loadEventFired", session)
        return tab

    def end(self) -> None:
        """End it and its children at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()
        os.close(self._read)
        os.close(self._write)


class Tab:
    """A tab of the browser."""

    def __init__(self, browser: Browser, session: str, target: str) -> None:
        self._browser = browser
        self._session = session
        self._target = target

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Call a method of the protocol for this tab."""
        return self._browser.call(method, self._session, **params)

    def media(self, kind: str, **features: str) -> None:
        """Show the page as on a medium, such as ``print``, and with features of it."""
        named = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.call("Emulation.setEmulatedMedia", media=kind, features=named)

    def value(self, expression: str) -> Any:
        """What an expression of JavaScript comes to."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def events(self, method: str) -> list[dict[str, Any]]:
        """What the browser has told of this tab."""
        return [each["params"] for each in self._browser.events if each.get("method") == method and each.get("sessionId") == self._session]

    def press(self, key: str, code: int, text: str = "") -> None:
        """Press a key, as a person does."""
        for kind in ("keyDown", "keyUp"):
            told = {"text": text} if kind == "keyDown" and text else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **told)

    def type(self, text: str) -> None:
        """Write text where the focus is."""
        self.call("Input.insertText", text=text)

    def screenshot(self, path: Path) -> bytes:
        """The page as a picture."""
        picture = base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])
        path.write_bytes(picture)
        return picture

    def pdf(self, path: Path) -> bytes:
        """The page as it is printed."""
        printed = base64.b64decode(self.call("Page.printToPDF", preferCSSPageSize=True, printBackground=False)["data"])
        path.write_bytes(printed)
        return printed

    def close(self) -> None:
        """Close it."""
        self._browser.call("Target.closeTarget", targetId=self._target)
