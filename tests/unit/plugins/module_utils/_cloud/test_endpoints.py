# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
import requests
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.endpoints import (
    iam_endpoint,
    identity_center_endpoint,
    identity_store_endpoint,
    is_loopback,
    is_named,
    names_a_host,
    signing_region,
    sts_endpoint,
    told_by,
)
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import OptionError
from hypothesis import given
from hypothesis import strategies as st

HUAWEI_CENTER = "https://identitycenter.myhuaweicloud.com"


@pytest.mark.parametrize(
    ("region", "iam", "center"),
    [
        (None, "https://iam.myhuaweicloud.com", HUAWEI_CENTER),
        ("ap-southeast-1", "https://iam.ap-southeast-1.myhuaweicloud.com", HUAWEI_CENTER),
        ("cn-north-4", "https://iam.cn-north-4.myhuaweicloud.com", HUAWEI_CENTER),
        ("la-north-2", "https://iam.la-north-2.myhuaweicloud.com", HUAWEI_CENTER),
        ("tr-west-1", "https://iam.tr-west-1.myhuaweicloud.com", HUAWEI_CENTER),
        ("eu-west-101", "https://iam.eu-west-101.myhuaweicloud.eu", "https://identitycenter.myhuaweicloud.eu"),
    ],
)
def test_region_of_huawei_names_both_hosts(region, iam, center):
    assert iam_endpoint({"region": region}, {}) == iam
    assert identity_center_endpoint({"region": region}, {}) == center


@pytest.mark.parametrize(
    ("region", "iam"),
    [
        ("eu-de", "https://iam.eu-de.otc.t-systems.com"),
        ("eu-nl", "https://iam.eu-nl.otc.t-systems.com"),
        ("eu-ch2", "https://iam-pub.eu-ch2.sc.otc.t-systems.com"),
    ],
)
def test_region_of_open_telekom_cloud_has_iam_and_no_identity_center(region, iam):
    assert iam_endpoint({"region": region}, {}) == iam
    with pytest.raises(OptionError, match=f"region {region} belongs to Open Telekom Cloud"):
        identity_center_endpoint({"region": region}, {})


@pytest.mark.parametrize("region", ["EU-DE", "eude", "eu_de", "eu-de.evil.example", "eu-de/", "eu-de\n", "x-", "evil.example/#", "-"])
def test_unknown_region_is_refused_by_the_options_name(region):
    with pytest.raises(OptionError, match=r"^region .* is not the name of a region") as caught:
        iam_endpoint({"region": region}, {})
    assert "iam_endpoint" in str(caught.value)


def test_unknown_region_of_the_environment_names_the_variable():
    with pytest.raises(OptionError, match=r"^region \(from OS_REGION_NAME\)"):
        iam_endpoint({}, {"OS_REGION_NAME": "nowhere"})


def test_options_beat_the_environment_and_an_endpoint_beats_a_region():
    env = {"HW_REGION_NAME": "eu-de", "OS_REGION_NAME": "eu-nl"}
    assert iam_endpoint({}, env) == "https://iam.eu-de.otc.t-systems.com"
    assert iam_endpoint({"region": "cn-north-4"}, env) == "https://iam.cn-north-4.myhuaweicloud.com"
    assert iam_endpoint({"iam_endpoint": "https://a.example"}, env) == "https://a.example"
    for name, url in (
        ("OS_AUTH_URL", "https://os.example"),
        ("HW_AUTH_URL", "https://hw.example"),
        ("HWC_IAM_ENDPOINT", "https://hwc.example"),
    ):
        env[name] = f"{url}/v3"
        assert iam_endpoint({}, env) == url
    assert iam_endpoint({"iam_endpoint": "https://a.example"}, env) == "https://a.example"


# A region and an endpoint


@pytest.mark.parametrize("name", ["HWC_IAM_ENDPOINT", "HW_AUTH_URL", "OS_AUTH_URL"])
@pytest.mark.parametrize("url", ["https://iam.eu-de.otc.t-systems.com/v3", "https://os.example"])
def test_region_that_is_an_option_beats_every_host_of_the_environment(name, url):
    env = {name: url, "HW_CLOUD": "otc.t-systems.com", "HWC_IDENTITY_CENTER_ENDPOINT": url, "HWC_STS_ENDPOINT": url}
    region = {"region": "cn-north-4"}
    assert iam_endpoint(region, env) == "https://iam.cn-north-4.myhuaweicloud.com"
    assert identity_center_endpoint(region, env) == HUAWEI_CENTER
    assert sts_endpoint(region, env) == "https://sts.cn-north-4.myhuaweicloud.com"
    assert told_by(region, env) is None
    assert told_by({}, env) == name


ELSEWHERE = [
    ("cn-north-4", "https://iam.eu-de.otc.t-systems.com"),
    ("cn-north-4", "https://iam.cn-north-1.myhuaweicloud.com"),
    ("eu-de", "https://iam.eu-nl.otc.t-systems.com:443/v3"),
    ("eu-de", "https://iam.myhuaweicloud.com"),
    ("eu-ch2", "https://iam.eu-de.otc.t-systems.com"),
    ("eu-de", "https://iam-pub.eu-ch2.sc.otc.t-systems.com"),
    ("eu-west-101", "https://iam.myhuaweicloud.com"),
    ("cn-north-4", "https://iam.myhuaweicloud.eu."),
]


@pytest.mark.parametrize(("region", "url"), ELSEWHERE)
def test_region_beside_a_host_of_another_one_is_an_error_on_one_level(region, url):
    with pytest.raises(OptionError, match=f"^region is {region}, and iam_endpoint is .* somewhere else: give one of them only"):
        iam_endpoint({"region": region, "iam_endpoint": url}, {})
    with pytest.raises(OptionError, match=r"^region \(from OS_REGION_NAME\) is .*, and iam_endpoint \(from HW_AUTH_URL\) is "):
        iam_endpoint({}, {"OS_REGION_NAME": region, "HW_AUTH_URL": url})
    # On two levels the nearer one decides.
    assert urlsplit(iam_endpoint({"iam_endpoint": url}, {"HW_REGION_NAME": region})).hostname == urlsplit(url).hostname


@pytest.mark.parametrize(
    ("region", "url"),
    [
        ("cn-north-4", "https://iam.myhuaweicloud.com"),
        ("cn-north-4", "https://iam.cn-north-4.myhuaweicloud.com"),
        ("eu-west-101", "https://iam.myhuaweicloud.eu"),
        ("eu-ch2", "https://iam-pub.eu-ch2.sc.otc.t-systems.com"),
        ("eu-de", "https://iam.proxy.example"),
        ("eu-de", "http://127.0.0.1:8080"),
        ("RegionOne", "https://iam.example"),
        ("RegionOne", "https://iam.eu-de.otc.t-systems.com"),
    ],
)
def test_region_beside_its_own_or_an_unknown_host_leaves_the_host(region, url):
    assert iam_endpoint({"region": region, "iam_endpoint": f"{url}/v3"}, {}) == url
    assert iam_endpoint({}, {"OS_REGION_NAME": region, "OS_AUTH_URL": f"{url}/v3"}) == url


def test_region_of_another_form_is_looked_at_only_where_it_decides():
    stack = {"OS_REGION_NAME": "RegionOne", "OS_AUTH_URL": "https://os.example/v3"}
    assert iam_endpoint({}, stack) == sts_endpoint({}, stack) == "https://os.example"
    assert signing_region({}, stack) == ""
    assert identity_center_endpoint({}, {**stack, "HWC_IDENTITY_CENTER_ENDPOINT": "https://ic.example"}) == "https://ic.example"
    with pytest.raises(OptionError, match=r"^region \(from OS_REGION_NAME\) 'RegionOne' .* given with identity_center_endpoint"):
        identity_center_endpoint({}, stack)


def test_host_of_a_cloud_tells_the_region_of_the_other_services():
    params = {"iam_endpoint": "https://iam.eu-west-101.myhuaweicloud.eu/v3"}
    env = {"HW_REGION_NAME": "cn-north-4"}
    assert identity_center_endpoint(params, env) == "https://identitycenter.myhuaweicloud.eu"
    assert sts_endpoint(params, env) == "https://sts.eu-west-101.myhuaweicloud.eu"
    assert signing_region(params, env) == "eu-west-101"
    with pytest.raises(OptionError, match="this IAM belongs to Open Telekom Cloud"):
        identity_center_endpoint({"iam_endpoint": "https://iam.eu-de.otc.t-systems.com"}, {})


@pytest.mark.parametrize(
    ("cloud", "region", "iam"),
    [
        ("myhuaweicloud.com", None, "https://iam.myhuaweicloud.com"),
        ("myhuaweicloud.com", "cn-north-4", "https://iam.cn-north-4.myhuaweicloud.com"),
        ("MyHuaweiCloud.eu ", "eu-west-101", "https://iam.eu-west-101.myhuaweicloud.eu"),
        ("otc.t-systems.com", "eu-de", "https://iam.eu-de.otc.t-systems.com"),
        ("sc.otc.t-systems.com", "eu-ch2", "https://iam-pub.eu-ch2.sc.otc.t-systems.com"),
        ("cloud.example", "my-west-1", "https://iam.my-west-1.cloud.example"),
        ("cloud.example", None, "https://iam.cloud.example"),
    ],
)
def test_terraforms_cloud_is_the_domain_of_the_hosts(cloud, region, iam):
    env = {"HW_CLOUD": cloud, "HW_REGION_NAME": region or ""}
    assert iam_endpoint({}, env) == iam
    assert names_a_host(env)


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ({"HW_CLOUD": "otc.t-systems.com"}, "^region is missing: Open Telekom Cloud has no global host"),
        (
            {"HW_CLOUD": "otc.t-systems.com", "HW_REGION_NAME": "cn-north-4"},
            "^region cn-north-4 is not in otc.t-systems.com, which the cloud",
        ),
        ({"HW_CLOUD": "myhuaweicloud.com", "HW_REGION_NAME": "eu-de"}, "^region eu-de is not in myhuaweicloud.com"),
        ({"HW_CLOUD": "https://me:s3cret@evil"}, r"^the cloud \(from HW_CLOUD\) must be a domain such as myhuaweicloud.com"),
        ({"HW_CLOUD": "evil/x"}, r"^the cloud \(from HW_CLOUD\) must be a domain"),
    ],
)
def test_cloud_that_cannot_be_is_refused(env, message):
    with pytest.raises(OptionError, match=message) as caught:
        iam_endpoint({}, env)
    assert "s3cret" not in str(caught.value)


# Whether anybody named the host


@pytest.mark.parametrize(
    ("params", "env", "iam", "center"),
    [
        ({}, {}, False, False),
        ({}, {"HWC_IDENTITY_CENTER_ENDPOINT": "https://ic.example"}, False, True),
        ({"region": "cn-north-4"}, {}, True, True),
        ({}, {"HW_REGION_NAME": "cn-north-4"}, True, True),
        ({}, {"HW_CLOUD": "cloud.example"}, True, True),
        ({"iam_endpoint": "https://iam.example"}, {}, True, False),
        ({}, {"OS_AUTH_URL": "https://iam.example"}, True, False),
        ({"iam_endpoint": "https://iam.example", "identity_center_endpoint": "https://ic.example"}, {}, True, True),
        ({"iam_endpoint": "https://iam.myhuaweicloud.com"}, {}, True, True),
    ],
)
def test_host_is_named_by_a_region_or_by_itself(params, env, iam, center):
    assert is_named("iam_endpoint", params, env) is iam
    assert is_named("identity_center_endpoint", params, env) is center


def test_empty_variables_count_as_not_set():
    assert (
        iam_endpoint({"region": "", "iam_endpoint": ""}, {"HWC_IAM_ENDPOINT": "", "OS_AUTH_URL": "", "HW_REGION_NAME": ""})
        == "https://iam.myhuaweicloud.com"
    )


def test_auth_url_says_nothing_of_identity_center():
    assert identity_center_endpoint({}, {"OS_AUTH_URL": "https://os.example/v3"}) == HUAWEI_CENTER
    assert identity_center_endpoint({}, {"HWC_IDENTITY_CENTER_ENDPOINT": "https://ic.example"}) == "https://ic.example"


@pytest.mark.parametrize(
    ("given_url", "base"),
    [
        ("https://iam.example/v3", "https://iam.example"),
        ("https://iam.example/v3/", "https://iam.example"),
        ("https://iam.example/v3.0", "https://iam.example"),
        ("https://iam.example/v5", "https://iam.example"),
        ("https://iam.example/", "https://iam.example"),
        ("https://iam.example/identity/v3", "https://iam.example/identity"),
        ("https://iam.example/v33", "https://iam.example/v33"),
        ("HTTPS://iam.example", "https://iam.example"),
        (" https://iam.example ", "https://iam.example"),
        ("https://iam.example:443", "https://iam.example"),
        ("https://iam.example:8443/v3", "https://iam.example:8443"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_version_slash_and_default_port_are_dropped_from_a_url(given_url, base):
    assert iam_endpoint({"iam_endpoint": given_url}, {}) == base
    assert iam_endpoint({}, {"OS_AUTH_URL": given_url}) == base


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.0.0.5", "127.255.255.254", "[::1]"])
def test_plain_http_is_accepted_for_loopback(host):
    assert iam_endpoint({"iam_endpoint": f"http://{host}:8080"}, {}).endswith(":8080")


@pytest.mark.parametrize(
    "host",
    [
        "iam.example",
        "10.0.0.1",
        "127.0.0.1.example",
        "localhost.example",
        "128.0.0.1",
        "[::2]",
        "0.0.0.0",
        "2130706433",
        "0x7f000001",
        "127.1",
    ],
)
def test_plain_http_is_refused_elsewhere(host):
    with pytest.raises(OptionError, match="iam_endpoint must be https"):
        iam_endpoint({"iam_endpoint": f"http://{host}"}, {})


@pytest.mark.parametrize("url", ["https://me:hunter2@iam.example", "https://hunter2@iam.example", "http://127.0.0.1:hunter2@evil.example"])
def test_user_information_in_a_url_is_refused_and_not_repeated(url):
    with pytest.raises(OptionError) as caught:
        iam_endpoint({"iam_endpoint": url}, {})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "iam.example",
        "//iam.example",
        "ftp://iam.example",
        "file:///etc/passwd",
        "https://",
        "https:///v3",
        "https://iam.example:x",
        "https://iam.example:99999",
        "https://[::1",
        "https://iam.example/?a=b",
        "https://iam.example/#a",
        "https://iam.exa mple",
        "https://iam.example/a b",
        "https://iam.example/../x",
        "https://iam.example\\@evil.example",
        "https://iam.exämple",
        "https://iam.example/%2e%2e",
    ],
)
def test_what_is_no_base_url_is_refused_by_the_options_name(url):
    with pytest.raises(OptionError, match=r"^iam_endpoint "):
        iam_endpoint({"iam_endpoint": url}, {})
    with pytest.raises(OptionError, match=r"^identity_center_endpoint \(from HWC_IDENTITY_CENTER_ENDPOINT\) "):
        identity_center_endpoint({}, {"HWC_IDENTITY_CENTER_ENDPOINT": url})


URLS = st.text(alphabet=st.sampled_from("htps:/[]@#?%.\\-_ 1:x0a\té\u2100"), max_size=30)


@given(URLS | URLS.map("https://".__add__) | URLS.map("http://".__add__) | st.text(max_size=30).map("https://".__add__))
def test_any_text_is_an_endpoint_or_an_option_error(url):
    try:
        base = iam_endpoint({"iam_endpoint": url}, {})
    except OptionError:
        return
    assert base == "https://iam.myhuaweicloud.com" or base.startswith(("https://", "http://"))
    assert "@" not in base
    assert not base.endswith("/")


@given(st.text(max_size=20))
def test_any_region_is_a_host_of_the_clouds_or_an_option_error(region):
    try:
        base = iam_endpoint({"region": region}, {})
    except OptionError:
        return
    assert base.endswith((".myhuaweicloud.com", ".myhuaweicloud.eu", ".otc.t-systems.com"))


def test_names_that_only_look_like_loopback_are_not():
    assert is_loopback("localhost.") is False
    assert is_loopback("localhost6") is False
    assert is_loopback("::1") is True


# STS


@pytest.mark.parametrize(
    ("region", "sts"),
    [
        ("ap-southeast-1", "https://sts.ap-southeast-1.myhuaweicloud.com"),
        ("eu-west-101", "https://sts.eu-west-101.myhuaweicloud.eu"),
        ("eu-de", None),
        ("eu-nl", None),
        ("eu-ch2", None),
        (None, None),
    ],
)
def test_region_names_the_host_of_sts_where_the_cloud_has_it(region, sts):
    assert sts_endpoint({"region": region}, {}) == sts
    assert sts_endpoint({}, {"HW_REGION_NAME": region} if region else {}) == sts


def test_sts_that_is_given_beats_everything_else():
    env = {"HW_REGION_NAME": "eu-de", "OS_AUTH_URL": "https://os.example/v3", "HWC_STS_ENDPOINT": "https://sts.example/v5/"}
    assert sts_endpoint({}, env) == "https://sts.example"
    assert sts_endpoint({"sts_endpoint": "https://a.example", "region": "cn-north-4"}, env) == "https://a.example"
    assert sts_endpoint({"sts_endpoint": ""}, {"HWC_STS_ENDPOINT": ""}) is None


def test_sts_of_another_operator_is_where_the_iam_is():
    assert sts_endpoint({"iam_endpoint": "https://iam.example/v3"}, {}) == "https://iam.example"
    assert sts_endpoint({}, {"OS_AUTH_URL": "https://os.example/v3"}) == "https://os.example"
    # A region that is set too must not send that operator's credentials to Huawei Cloud.
    assert sts_endpoint({"iam_endpoint": "https://iam.example"}, {"HW_REGION_NAME": "cn-north-4"}) == "https://iam.example"
    own = {"iam_endpoint": "https://iam.cn-north-4.myhuaweicloud.com/v3", "region": "cn-north-4"}
    assert sts_endpoint(own, {}) == "https://sts.cn-north-4.myhuaweicloud.com"
    assert sts_endpoint({"iam_endpoint": "https://iam.example", "region": "eu-de"}, {}) is None


@pytest.mark.parametrize("url", ["http://sts.example", "https://me:hunter2@sts.example", "sts.example", "https://sts.example/?a"])
def test_sts_is_checked_like_the_other_endpoints(url):
    with pytest.raises(OptionError, match=r"^sts_endpoint ") as caught:
        sts_endpoint({"sts_endpoint": url}, {})
    assert "hunter2" not in str(caught.value)
    with pytest.raises(OptionError, match=r"^sts_endpoint \(from HWC_STS_ENDPOINT\) "):
        sts_endpoint({}, {"HWC_STS_ENDPOINT": url})
    with pytest.raises(OptionError, match=r"^region "):
        sts_endpoint({"region": "nowhere"}, {})


# What looks like another host than it is


@pytest.mark.parametrize(
    "url",
    [
        "https://iam.exa\nmple",
        "https://iam.example\r\n.evil.example",
        "https://iam.example\t.evil.example",
        "https://iam.example/\r\nHost: evil.example",
        "https://iam.example\x00.evil.example",
        "https://iam.example\u202e",
        "https://iam.example\u200b",
        "https://iam\u3002example",
        "https://iam.example\uff0fv3",
        "https://\uff49am.example",
        "https://iam%2eevil.example",
        "https://iam..example",
        "https://.example",
        "https://.",
        f"https://{'a' * 64}.example",
        "https://iam.example%00",
        "https://iam.example%0d%0aHost:evil",
        "https://iam.example%25lo",
        "https://[iam.example]",
        "https://[::1]evil.example",
        "https://[::1",
        "https://[::g]",
        "https://[v1.x]",
        "https://::1",
        "https://a:b:c",
        "https://@iam.example",
        "https://:@iam.example",
        "https://iam.example@evil.example",
        "https://iam.example:443@evil.example",
        "https://iam.example:-1",
        "https://iam.example:65536",
        "https://iam.example:٤٤٣",
        "https://iam.example:4 43",
        "https://iam.example:0x1bb",
        "https://iam.example?",
        "https://iam.example?x",
        "https://iam.example#x",
        "https://iam.example/..",
        "https://iam.example/a/../../b",
        "https://iam.example/..;/b",
        "https:/iam.example",
        "https:iam.example",
        "https;//iam.example",
        "javascript://iam.example/%0aalert(1)",
        "ws://127.0.0.1",
        "http+unix://%2Fvar%2Frun%2Fdocker.sock/",
        "https\n://iam.example",
        "https://münchen.example",
        "https://iam.еxample",
        "\x1b[2Jhttps://iam.example",
    ],
)
def test_url_that_somebody_could_read_in_two_ways_is_refused_and_not_repeated(url):
    for work, params, env in (
        (iam_endpoint, {"iam_endpoint": url}, {}),
        (identity_center_endpoint, {}, {"HWC_IDENTITY_CENTER_ENDPOINT": url}),
    ):
        try:
            base = work(params, env)
        except OptionError as error:
            assert str(error).startswith(("iam_endpoint ", "identity_center_endpoint (from "))
            assert "evil" not in str(error) or "plain http" in str(error)
            assert str(error).isprintable()
        else:
            # An empty query is none.
            assert (url, base) == ("https://iam.example?", "https://iam.example")


@pytest.mark.parametrize(
    "url", ["https://user@iam.example", "https://:s3cret@iam.example", "https://user:s3cret@iam.example", "https://@iam.example"]
)
def test_url_with_a_user_is_told_where_credentials_belong(url):
    with pytest.raises(OptionError, match="iam_endpoint must not hold a user name or password: give credentials as options"):
        iam_endpoint({"iam_endpoint": url}, {})


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://iam.example.", "https://iam.example."),
        ("https://xn--mnchen-3ya.example/v3", "https://xn--mnchen-3ya.example"),
        ("https://IAM.Example:8443", "https://iam.example:8443"),
        ("https://[2001:DB8::1]:8443/v3", "https://[2001:db8::1]:8443"),
        ("https://[::ffff:192.0.2.1]", "https://[::ffff:192.0.2.1]"),
        ("https://[fe80::1%eth0]", "https://[fe80::1%eth0]"),
        ("https://192.0.2.1", "https://192.0.2.1"),
        ("https://my_host-1.example", "https://my_host-1.example"),
    ],
)
def test_host_that_is_one_is_taken(url, base):
    assert iam_endpoint({"iam_endpoint": url}, {}) == base


PARTS = [
    "iam",
    "evil",
    ".",
    "/",
    "\\",
    "@",
    ":",
    "443",
    "?",
    "#",
    "%2e",
    "%00",
    "[",
    "]",
    "::1",
    "\t",
    "\n",
    " ",
    "é",
    "。",
    "／",
    "//",
    "..",
    ";",
]


@given(st.lists(st.sampled_from(PARTS), max_size=6).map(lambda parts: "https://iam.example" + "".join(parts)))
def test_host_is_the_one_that_requests_would_call(url):
    try:
        base = iam_endpoint({"iam_endpoint": url}, {})
    except OptionError:
        return
    called = requests.Request("GET", f"{base}/v3/users?limit=1").prepare().url
    assert called == f"{base}/v3/users?limit=1" or "/./" in base or base.endswith("/.")
    written = re.match(r"https://([^/?#]*)", url.strip()).group(1).lower()
    assert urlsplit(called).netloc == written.removesuffix(":").removesuffix(":443")


# The store of Identity Center's users, whose region Identity Center tells


def _asked(*regions):
    return lambda: list(regions)


def _not_asked():
    raise AssertionError("nobody may be asked")


@pytest.mark.parametrize(
    ("params", "env", "store"),
    [
        ({}, {}, "https://identitystore.ap-southeast-1.myhuaweicloud.com"),
        ({"region": "cn-north-4"}, {}, "https://identitystore.ap-southeast-1.myhuaweicloud.com"),
        ({"region": "eu-west-101"}, {}, "https://identitystore.ap-southeast-1.myhuaweicloud.eu"),
        ({}, {"HW_CLOUD": "cloud.example"}, "https://identitystore.ap-southeast-1.cloud.example"),
        ({"identity_center_endpoint": HUAWEI_CENTER}, {}, "https://identitystore.ap-southeast-1.myhuaweicloud.com"),
    ],
)
def test_store_is_where_identity_center_says(params, env, store):
    assert identity_store_endpoint(params, env, _asked("ap-southeast-1")) == store


@pytest.mark.parametrize(
    ("params", "env", "store"),
    [
        ({"identity_store_endpoint": "https://s.example/v1"}, {}, "https://s.example"),
        ({}, {"HWC_IDENTITY_STORE_ENDPOINT": "https://s.example"}, "https://s.example"),
        ({"identity_center_endpoint": "https://ic.example"}, {}, "https://ic.example"),
        ({}, {"HWC_IDENTITY_CENTER_ENDPOINT": "https://ic.example"}, "https://ic.example"),
    ],
)
def test_store_that_is_given_or_beside_a_given_identity_center_needs_no_question(params, env, store):
    assert identity_store_endpoint(params, env, _not_asked) == store


@pytest.mark.parametrize("regions", [(), ("eu-de", "eu-nl"), ("evil.example/",), ("ap-southeast-1\n",), ("",)])
def test_answer_that_names_no_one_region_leads_nowhere(regions):
    with pytest.raises(OptionError, match=r"^identity_store_endpoint is needed"):
        identity_store_endpoint({}, {}, _asked(*regions))


def test_open_telekom_cloud_has_no_store():
    with pytest.raises(OptionError, match="no IAM Identity Center"):
        identity_store_endpoint({"region": "eu-de"}, {}, _not_asked)


@pytest.mark.parametrize(
    ("params", "named"),
    [({}, False), ({"identity_store_endpoint": "https://s.example"}, True), ({"identity_center_endpoint": "https://ic.example"}, True)],
)
def test_store_is_named_by_its_own_endpoint_and_by_identity_center(params, named):
    assert is_named("identity_store_endpoint", params, {}) is named
