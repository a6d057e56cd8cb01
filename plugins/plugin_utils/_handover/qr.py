# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""QR codes of seeds, which the Python library segno draws."""

from __future__ import annotations

import importlib
import io
import sys
from typing import Any

from ansible_collections.hwc.mfa.plugins.plugin_utils._handover.choice import Handover, HandoverError
from ansible_collections.hwc.mfa.plugins.plugin_utils._handover.otpauth import uri_of

_BORDER = 4
"""Modules of white around the code, without which scanners do not find it (ISO/IEC 18004)."""

_SCALE = 8
"""Pixels of a module."""


def library() -> Any:
    """The library segno. Raises HandoverError where it is missing."""
    try:
        return importlib.import_module("segno")
    except ImportError:
        raise HandoverError(f"QR codes need the Python library segno: install it for {sys.executable}.") from None


def _code(handover: Handover) -> Any:
    # A folded or stained sheet can still be scanned; no label of it, which would repeat the seed as text.
    return library().make_qr(uri_of(handover), error="m")


def svg(handover: Handover) -> bytes:
    """The QR code as an image that can be printed in any size."""
    stream = io.BytesIO()
    _code(handover).save(stream, kind="svg", scale=_SCALE, border=_BORDER, dark="#000", light="#fff", xmldecl=True)
    return stream.getvalue()


def png(handover: Handover) -> bytes:
    """The QR code as an image of pixels."""
    stream = io.BytesIO()
    _code(handover).save(stream, kind="png", scale=_SCALE, border=_BORDER, dark="#000", light="#fff")
    return stream.getvalue()


def inline_svg(handover: Handover) -> str:
    """The QR code as an element of a page, which gives it its size."""
    text: str = _code(handover).svg_inline(omitsize=True, border=_BORDER, dark="#000", light="#fff")
    return text
