# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sheet of paper that one person is handed: a page of its own that needs no network and no script."""

from __future__ import annotations

import html

from ansible_collections.hwc.mfa.plugins.module_utils._cloud.text import legible
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.totp import STEP, seed_text
from ansible_collections.hwc.mfa.plugins.plugin_utils._handover.choice import Handover
from ansible_collections.hwc.mfa.plugins.plugin_utils._handover.otpauth import account_label, label_text
from ansible_collections.hwc.mfa.plugins.plugin_utils._handover.qr import inline_svg

_GROUP = 4
"""Characters of the key that stand together, as people can read and type them."""

# Always dark on light: scanners do not read a code in inverted colours, and paper is white.
_STYLE = """
@page { margin: 15mm 18mm; }
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 46rem; padding: 1.5rem; background: #fff; color: #111;
  font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif; }
h1 { margin: 0 0 .2rem; font-size: 1.65rem; line-height: 1.2; }
h2 { margin: 1.1rem 0 .4rem; font-size: 1.1rem; }
p { margin: .35rem 0; }
.lead { color: #333; }
.warn { border: 2px solid #111; border-radius: 6px; padding: .6rem .9rem; margin: 1rem 0; }
.warn strong { display: block; font-size: 1.05rem; }
.pair { display: flex; gap: 1.6rem; align-items: flex-start; margin: 1rem 0 .4rem; }
.code { flex: 0 0 62mm; }
.code svg { display: block; width: 62mm; height: 62mm; border: 1px solid #bbb; }
dl { flex: 1 1 0; min-width: 0; margin: 0; }
dt { color: #444; font-size: .9em; margin-top: .55rem; }
dt:first-child { margin-top: 0; }
dd { margin: 0; font-weight: 600; overflow-wrap: anywhere; }
dd.small { font-weight: 400; font-size: .9em; }
ol { margin: .3rem 0; padding-left: 1.5rem; }
li { margin: .3rem 0; padding-left: .2rem; }
.key { font: 600 1.15em/1.7 ui-monospace, "DejaVu Sans Mono", "Liberation Mono", monospace; word-spacing: .25em; margin: .3rem 0; }
footer { margin-top: 1.2rem; border-top: 1px solid #999; padding-top: .5rem; color: #444; font-size: .9em; }
.warn, .pair, h2, li { break-inside: avoid; } h2 { break-after: avoid; }
@media print { body { padding: 0; max-width: none; font-size: 10pt; line-height: 1.35; } }
@media (max-width: 34rem) { .pair { flex-direction: column; } }
"""


def _text(value: str) -> str:
    return html.escape(legible(value))


def _key(seed: str) -> str:
    text = seed_text(seed)
    return " ".join(text[start : start + _GROUP] for start in range(0, len(text), _GROUP))


def sheet(handover: Handover) -> bytes:
    """The page as HTML. Its title, which browsers print and name files after, holds no secret."""
    name, account = _text(handover.name), _text(handover.account)
    issuer, label = _text(label_text(handover.issuer)), _text(account_label(handover))
    where = f" at <b>{_text(handover.login_url)}</b>" if handover.login_url else f" to {issuer}"
    # Seconds would tell nobody anything.
    made = f'<dt>Device made</dt><dd class="small">{_text(handover.made_at[:16].replace("T", " "))} UTC</dd>' if handover.made_at else ""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex, nofollow, noarchive">
<title>Second factor of {name}</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>Your second factor for {issuer}</h1>
<p class="lead">After your password, {issuer} asks you for a six-digit code. An authenticator app on your phone shows it once you have scanned the
square below. Keep this sheet to yourself until then, and destroy it afterwards.</p>
<div class="pair">
<div class="code" role="img" aria-label="QR code to scan with an authenticator app">{inline_svg(handover)}</div>
<dl>
<dt>User name</dt><dd>{name}</dd>
<dt>Account</dt><dd>{account}</dd>
<dt>The app will show it as</dt><dd>{issuer}: {label}</dd>
<dt>User ID</dt><dd class="small">{_text(handover.user_id)}</dd>
{made}
</dl>
</div>
<h2>What to do</h2>
<ol>
<li>Open an authenticator app on your phone. Any app for time-based codes (TOTP) will do, such as Aegis, FreeOTP, Google Authenticator, Microsoft
Authenticator, or your password manager.</li>
<li>Choose to add an account, then to scan a QR code, and point the camera at the square above.</li>
<li>Sign in{where} with your password. When you are asked for a code, type the six digits that the app shows. They change every {STEP} seconds.</li>
<li>When that has worked, destroy this sheet.</li>
</ol>
<h2>If you cannot scan</h2>
<p>Choose to enter a setup key by hand, and type this key. Upper and lower case are the same, and spaces do not count.</p>
<p class="key">{_key(handover.seed)}</p>
<p class="lead">Kind: time-based (TOTP), 6 digits, {STEP} seconds, SHA-1.</p>
<div class="warn">
<strong>Destroy this sheet after use.</strong>
Whoever has it can make your codes. Do not photograph, copy, mail or file it. Shred the paper, and delete the file that it was printed from. If
anybody else may have seen it, or you lose your phone, tell your administrators at once: they make you a new one.
</div>
</main>
<footer>For {name} personally. Only the sign-in page asks for your codes. Nobody ever asks you for this sheet or its key.</footer>
</body>
</html>
""".encode()
