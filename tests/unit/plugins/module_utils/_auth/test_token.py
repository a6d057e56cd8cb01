# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.hwc.mfa.plugins.module_utils._auth.token import Token, TokenAuth
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import CloudError


def test_given_token_that_is_refused_without_a_code_says_what_to_do():
    auth = TokenAuth(Token("T0"))
    plain, told = CloudError("no", status=401), CloudError("no", status=401, code="IAM.0066")
    assert not auth.renew(auth.prepare(), plain)
    assert not auth.renew(auth.prepare(), told)
    assert "give a fresh auth_token" in str(plain)
    assert str(told) == "no (HTTP 401, IAM.0066). The token is no longer valid: give a fresh auth_token."
