# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A self-signed certificate for loopback, made on the spot: no private key lies in the repository, and no tool or library is needed.

ECDSA on P-256 with SHA-256, in as little DER as TLS takes. Slow and not safe against anybody who measures: for tests only.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from pathlib import Path

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)

EC_PUBLIC_KEY = "2a8648ce3d0201"
PRIME256V1 = "2a8648ce3d030107"
ECDSA_WITH_SHA256 = "2a8648ce3d040302"
COMMON_NAME = "550403"
SUBJECT_KEY_ID, KEY_USAGE, SUBJECT_ALT_NAME, BASIC_CONSTRAINTS = "551d0e", "551d0f", "551d11", "551d13"


def _sum(one: tuple[int, int] | None, other: tuple[int, int] | None) -> tuple[int, int] | None:
    if one is None or other is None:
        return one or other
    if one[0] == other[0] and (one[1] + other[1]) % P == 0:
        return None
    if one == other:
        slope = (3 * one[0] ** 2 - 3) * pow(2 * one[1], -1, P)
    else:
        slope = (other[1] - one[1]) * pow(other[0] - one[0], -1, P)
    x = (slope**2 - one[0] - other[0]) % P
    return x, (slope * (one[0] - x) - one[1]) % P


def _times(factor: int) -> tuple[int, int]:
    total: tuple[int, int] | None = None
    addend: tuple[int, int] | None = G
    while factor:
        if factor & 1:
            total = _sum(total, addend)
        addend = _sum(addend, addend)
        factor >>= 1
    assert total is not None
    return total


def _der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    if len(content) < 128:
        return bytes([tag, len(content)]) + content
    size = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + content


def _integer(number: int) -> bytes:
    return _der(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def _oid(digits: str) -> bytes:
    return _der(0x06, bytes.fromhex(digits))


def _extension(oid: str, value: bytes, critical: bool = False) -> bytes:
    return _der(0x30, _oid(oid), _der(0x01, b"\xff") if critical else b"", _der(0x04, value))


def _pem(kind: str, content: bytes) -> str:
    text = base64.encodebytes(content).decode()
    return f"-----BEGIN {kind}-----\n{text}-----END {kind}-----\n"


def _moment(unix_time: float) -> bytes:
    return _der(0x17, time.strftime("%y%m%d%H%M%SZ", time.gmtime(unix_time)).encode())


def write_certificate(directory: Path, address: str = "127.0.0.1", seconds: float = 3600.0) -> tuple[str, str]:
    """Write a certificate for an IPv4 ``address`` that is its own authority, and its key; returns both paths.

    It ends ``seconds`` from now, which may be in the past.
    """
    private = secrets.randbelow(N - 1) + 1
    point = b"\x04" + b"".join(part.to_bytes(32, "big") for part in _times(private))
    algorithm = _der(0x30, _oid(ECDSA_WITH_SHA256))
    name = _der(0x30, _der(0x31, _der(0x30, _oid(COMMON_NAME), _der(0x0C, b"rehearsal cloud"))))
    extensions = (
        _extension(BASIC_CONSTRAINTS, _der(0x30, _der(0x01, b"\xff")), critical=True),
        _extension(KEY_USAGE, _der(0x03, b"\x02\x84"), critical=True),  # digitalSignature, keyCertSign
        _extension(SUBJECT_KEY_ID, _der(0x04, hashlib.sha1(point).digest())),
        _extension(SUBJECT_ALT_NAME, _der(0x30, _der(0x87, bytes(int(part) for part in address.split("."))))),
    )
    body = _der(
        0x30,
        _der(0xA0, _integer(2)),
        _integer(secrets.randbits(63) | 1),
        algorithm,
        name,
        _der(0x30, _moment(time.time() - 7200), _moment(time.time() + seconds)),
        name,
        _der(0x30, _der(0x30, _oid(EC_PUBLIC_KEY), _oid(PRIME256V1)), _der(0x03, b"\x00", point)),
        _der(0xA3, _der(0x30, *extensions)),
    )
    digest = int.from_bytes(hashlib.sha256(body).digest(), "big")
    once = secrets.randbelow(N - 1) + 1
    r = _times(once)[0] % N
    s = pow(once, -1, N) * (digest + r * private) % N
    certificate = _der(0x30, body, algorithm, _der(0x03, b"\x00", _der(0x30, _integer(r), _integer(s))))
    key = _der(
        0x30,
        _integer(1),
        _der(0x04, private.to_bytes(32, "big")),
        _der(0xA0, _oid(PRIME256V1)),
        _der(0xA1, _der(0x03, b"\x00", point)),
    )
    paths = directory / "certificate.pem", directory / "key.pem"
    paths[0].write_text(_pem("CERTIFICATE", certificate), encoding="ascii")
    paths[1].write_text(_pem("EC PRIVATE KEY", key), encoding="ascii")
    return str(paths[0]), str(paths[1])
