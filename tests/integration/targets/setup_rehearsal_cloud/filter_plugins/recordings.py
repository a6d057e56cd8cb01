# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compares what the callback plugin ``record_results`` wrote of two runs of the same tests."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any, Callable

REQUEST = ("route", "method", "path", "query", "user_id", "status", "body")
WAYS = ("in the control process", "as a module")


class FilterModule:
    """The filter ``recording_differences``."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"recording_differences": recording_differences}


def recording_differences(directory: str, *runs: int) -> list[str]:
    """What differs between the recordings of two runs: a sentence each, without values that could be secret."""
    first, second = (_records(Path(directory, str(run))) for run in runs)
    if not any(record["event"] == "registered" for record in first):
        return ["Nothing was recorded: has the callback plugin record_results failed?"]
    found: list[str] = []
    for one, other in zip_longest(first, second):
        titles = [f"{record['event']}: {record['task']}" if record else "nothing more" for record in (one, other)]
        if titles[0] != titles[1]:
            return [*found, f"Here the ways part: {titles[0]!r} {WAYS[0]}, {titles[1]!r} {WAYS[1]}"]
        found += [f"{titles[0]}: {difference}" for difference in _differences("", one["result"], other["result"])]
    return found


def _records(directory: Path) -> list[dict[str, Any]]:
    text = (directory / "recording").read_text(encoding="utf-8")
    for unlike, instead in _unlike(text, str(directory)).items():
        text = text.replace(unlike, instead)
    return [_counted(json.loads(line)) for line in text.rstrip("\n").split("\n")]


def _unlike(text: str, directory: str) -> dict[str, str]:
    """What two runs cannot have in common, and what to read instead."""
    # The cloud's port, and where the run keeps its files.
    unlike = {**dict.fromkeys(re.findall(r"127\.0\.0\.1:\d+", text), "CLOUD"), directory: "DIRECTORY"}
    # When something was depends on the way.
    unlike.update(dict.fromkeys(re.findall(r"\b(?:now|made_at|last_login_at)\W+(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)", text), "NOW"))
    # Made up for each request; the second one has the first in it.
    unlike.update(dict.fromkeys(re.findall(r"request_id\W+(\w{32})\b", text), "REQUEST"))
    unlike.update(dict.fromkeys(re.findall(r"encoded_authorization_message\W+([\w+/=]+)", text), "MESSAGE"))
    # Names of devices end at random, and serial numbers are made of them.
    unlike.update(dict.fromkeys(re.findall(r"\b(?:mfa-[0-9a-f]{32}|d-\d+)-([0-9a-f]{8})\b", text), "RANDOM"))
    # All seeds come from one sequence of random numbers, and threads decide who gets which: the first one that shows is seed 0.
    unlike.update({seed: f"SEED {index}" for index, seed in enumerate(dict.fromkeys(re.findall(r"\b[A-Z2-7]{32}\b", text)))})
    return unlike


def _counted(record: dict[str, Any]) -> dict[str, Any]:
    """The requests that a cloud got without their order, which threads decide, and without what only says when."""
    if "log" in record["result"]:
        requests = [request for request in record["result"]["log"] if not _asked_for_later(request)]
        record["result"]["log"] = Counter(json.dumps({name: request[name] for name in REQUEST}) for request in requests)
    return record


def _asked_for_later(request: dict[str, Any]) -> bool:
    """Whether a request asks for what the control process remembers from task to task, and what several threads of a module ask at once.

    That is the account's id, and whether the cloud has v5: where it has not, no route fits.
    """
    return request["route"] in (None, "domains") or (request["route"] == "v5-list" and request["query"] == "limit=1")


def _opened(value: Any) -> Any:
    """A text that holds packed data, as that data, without the requests that were made for it: these are compared apart."""
    if isinstance(value, str) and value.startswith(" "):
        try:
            value = json.loads(value)
        except ValueError:
            return value
    if isinstance(value, dict):
        return {name: inner for name, inner in value.items() if name != "request_ids"}
    return value


def _differences(path: str, one: Any, other: Any) -> Iterator[str]:
    one, other = _opened(one), _opened(other)
    if isinstance(one, dict) and isinstance(other, dict):
        for name in sorted({*one, *other}):
            inner = f"{path}.{name}".lstrip(".")
            if name not in one or name not in other:
                yield f"{inner} is there only {WAYS[name in other]}"
            else:
                yield from _differences(inner, one[name], other[name])
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, pair in enumerate(zip(one, other)):
            yield from _differences(f"{path}[{index}]", *pair)
    elif one != other or type(one) is not type(other):
        yield f"{path} differs: {_said(one)} {WAYS[0]}, {_said(other)} {WAYS[1]}"


def _said(value: Any) -> str:
    """What can be told of a value that may be a secret."""
    if value is None or isinstance(value, bool):
        return repr(value)
    return type(value).__name__ + (f" of length {len(value)}" if hasattr(value, "__len__") else "")
