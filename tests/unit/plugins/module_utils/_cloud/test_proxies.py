# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import urllib.request

import pytest
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.proxies import proxies_for
from ansible_collections.hwc.mfa.plugins.module_utils._modules.iam_mfa_info import MFA_INFO


@pytest.fixture
def proxied(monkeypatch):
    """A proxy for everything, of which ``exclude`` tells the exceptions."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://proxy.example:3128")
    return lambda text: monkeypatch.setenv("NO_PROXY", text)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "::1"])
def test_this_machine_is_never_behind_a_proxy(proxied, host):
    proxied("")
    assert proxies_for(host, 8080) == {}


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_request_to_a_loopback_host_passes_every_proxy_by(cloud, script, monkeypatch, name):
    proxy = script((200, {}))
    monkeypatch.setenv(name, proxy.url)
    assert cloud.run(MFA_INFO)["summary"]["users"] == 5
    assert proxy.requests == []


@pytest.mark.parametrize(
    ("excluded", "host", "through"),
    [
        ("", "iam.example", True),
        ("iam.example", "iam.example", False),
        ("example", "iam.example", False),
        (".example", "iam.example", False),
        ("iam.example:443", "iam.example", False),
        ("iam.example:8443", "iam.example", True),
        ("other.example, am.example", "iam.example", True),
        ("*", "iam.example", False),
        ("192.0.2.0/24", "192.0.2.7", False),
        ("other, 192.0.2.0/24", "192.0.3.7", True),
        ("192.0.2.7", "192.0.2.7", False),
        ("2001:db8::/32", "2001:db8::1", False),
    ],
)
def test_no_proxy_names_hosts_domains_ports_and_networks(proxied, excluded, host, through):
    proxied(excluded)
    assert bool(proxies_for(host, 443)) is through


def test_proxies_of_the_system_are_not_asked_for(monkeypatch):
    # On macOS that look-up ends a process that was forked.
    def refuse(*_words):
        raise AssertionError("the system was asked")

    for name in ("getproxies", "proxy_bypass", "getproxies_macosx_sysconf", "proxy_bypass_macosx_sysconf"):
        monkeypatch.setattr(urllib.request, name, refuse, raising=False)
    assert proxies_for("iam.example", 443) == {}
