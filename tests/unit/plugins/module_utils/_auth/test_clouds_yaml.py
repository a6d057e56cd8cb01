# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import sys
import textwrap

import pytest
from ansible_collections.hwc.mfa.plugins.module_utils._auth.access_key import AccessKey
from ansible_collections.hwc.mfa.plugins.module_utils._auth.base import Account
from ansible_collections.hwc.mfa.plugins.module_utils._auth.clouds_yaml import cloud_variables
from ansible_collections.hwc.mfa.plugins.module_utils._auth.credentials import find
from ansible_collections.hwc.mfa.plugins.module_utils._auth.password import Password
from ansible_collections.hwc.mfa.plugins.module_utils._auth.token import Token
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.endpoints import iam_endpoint
from ansible_collections.hwc.mfa.plugins.module_utils._cloud.errors import OptionError

# As Open Telekom Cloud's documentation and openstacksdk's show it.
CLOUDS = """
clouds:
  otc:
    profile: otc
    auth:
      username: alice
      password: "012345"
      user_domain_name: OTC-EU-DE-00000000001000012345
      project_name: eu-de
    region_name: eu-nl
    interface: public
    identity_api_version: 3
  keys:
    auth:
      auth-url: https://iam.eu-de.otc.t-systems.com:443/v3
    ak: AK
    sk: SK
  stack:
    auth_type: token
    auth:
      auth_url: "https://iam.{region_name}.example/v3"
      token: T0
    region_name: RegionOne
    verify: false
    cacert: /etc/ssl/own.pem
  number:
    auth: {username: alice, password: 012345, user_domain_name: acme}
  empty:
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The current directory with a clouds.yaml, and no other place that has one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clouds.yaml").write_text(CLOUDS, encoding="utf-8")
    return tmp_path


@pytest.fixture
def env(tmp_path):
    return {"HOME": str(tmp_path / "home")}


def test_cloud_is_what_its_variables_would_say(here, env):
    assert cloud_variables("otc", env) == {
        "OS_REGION_NAME": "eu-nl",
        "OS_USERNAME": "alice",
        "OS_PASSWORD": "012345",
        "OS_USER_DOMAIN_NAME": "OTC-EU-DE-00000000001000012345",
    }
    assert cloud_variables("stack", env) == {
        "OS_AUTH_URL": "https://iam.RegionOne.example/v3",
        "OS_REGION_NAME": "RegionOne",
        "OS_TOKEN": "T0",
        "OS_CACERT": "/etc/ssl/own.pem",
        "OS_INSECURE": "true",
    }
    assert cloud_variables("empty", env) == {}


@pytest.mark.parametrize(
    ("cloud", "credentials", "host"),
    [
        ("otc", Password("012345", None, "alice", Account("OTC-EU-DE-00000000001000012345")), "https://iam.eu-nl.otc.t-systems.com"),
        ("keys", AccessKey("AK", "SK"), "https://iam.eu-de.otc.t-systems.com"),
        ("stack", Token("T0"), "https://iam.RegionOne.example"),
    ],
)
@pytest.mark.parametrize("how", ["option", "environment"])
def test_cloud_gives_credentials_and_where_they_go(here, env, cloud, credentials, host, how):
    # What else the environment has belongs to other credentials.
    env |= {"OS_AUTH_URL": "https://stray.example", "OS_TOKEN": "stray", "OS_DOMAIN_NAME": "stray", "HW_REGION_NAME": "cn-north-4"}
    params = {"cloud": cloud} if how == "option" else {}
    found = find(params, env if how == "option" else {**env, "OS_CLOUD": cloud})
    assert found.credentials == credentials
    assert iam_endpoint(params, found.variables).lower() == host.lower()


def test_cloud_that_is_an_option_beats_every_variable_and_one_of_the_environment_only_its_family(here, env):
    env |= {"HW_ACCESS_KEY": "HAK", "HW_SECRET_KEY": "HSK", "OS_CLOUD": "otc"}
    assert find({}, env).credentials == AccessKey("HAK", "HSK")
    assert find({"cloud": "keys"}, env).credentials == AccessKey("AK", "SK")


def test_cloud_of_the_environment_that_is_not_used_need_not_exist(here, env):
    key = {"access_key": "AK", "secret_key": "SK"}
    env["OS_CLOUD"] = "nowhere"
    assert find({**key, "region": "eu-de"}, env).credentials == AccessKey("AK", "SK")
    assert find(key, {**env, "HW_REGION_NAME": "eu-de"}).credentials == AccessKey("AK", "SK")
    with pytest.raises(
        OptionError, match=r"^cloud 'nowhere' is not in .*clouds.yaml, which has 'empty', 'keys', 'number', 'otc', 'stack'\.$"
    ):
        find({}, env)


def test_region_of_the_environment_serves_a_cloud_that_has_none(here, env):
    (here / "clouds.yaml").write_text(CLOUDS.replace("    region_name: eu-nl\n", "").replace("profile: otc", "verify: true"))
    found = find({}, {**env, "OS_CLOUD": "otc", "OS_REGION_NAME": "eu-de"})
    assert iam_endpoint({}, found.variables) == "https://iam.eu-de.otc.t-systems.com"


def test_options_fill_in_what_the_cloud_lacks(here, env):
    (here / "clouds.yaml").write_text(CLOUDS.replace('      password: "012345"\n', ""))
    found = find({"cloud": "otc", "auth_password": "pw"}, env)
    assert found.credentials == Password("pw", None, "alice", Account("OTC-EU-DE-00000000001000012345"))


def test_cloud_without_credentials_that_are_known_gives_none_and_still_says_where(here, env):
    application = "{auth_type: v3applicationcredential, region_name: eu-de, profile: otc, auth: {application_credential_secret: s}}"
    (here / "clouds.yaml").write_text(f"clouds: {{otc: {application}}}")
    found = find({"cloud": "otc"}, {**env, "OS_PASSWORD": "stray", "OS_USER_ID": "stray"})
    assert found.credentials is None
    assert iam_endpoint({}, found.variables) == "https://iam.eu-de.otc.t-systems.com"


def test_secure_yaml_is_merged_over_the_cloud(here, env):
    (here / "clouds.yaml").write_text(CLOUDS.replace('"012345"', "in secure.yaml"))
    (here / "secure.yaml").write_text("clouds: {otc: {auth: {password: s3cret}}, other: {auth: {password: x}}}")
    assert cloud_variables("otc", env)["OS_PASSWORD"] == "s3cret"
    assert cloud_variables("keys", env)["OS_ACCESS_KEY"] == "AK"


def write(path, name, user):
    path.mkdir(parents=True, exist_ok=True)
    document = {"clouds": {"c": {"auth": {"username": user}}}}
    (path / name).write_text(json.dumps(document))


def test_first_place_that_openstack_documents_counts(tmp_path, monkeypatch):
    current, home = tmp_path / "current", tmp_path / "home"
    current.mkdir()
    monkeypatch.chdir(current)
    env = {"HOME": str(home)}
    with pytest.raises(OptionError, match=r"^cloud 'c' is not known, because there is no clouds.yaml: looked at OS_CLIENT_CONFIG_FILE,"):
        cloud_variables("c", env)
    write(home / ".config" / "openstack", "clouds.yml", "home")
    assert cloud_variables("c", env)["OS_USERNAME"] == "home"
    write(tmp_path / "xdg" / "openstack", "clouds.json", "xdg")
    assert cloud_variables("c", {**env, "XDG_CONFIG_HOME": str(tmp_path / "xdg")})["OS_USERNAME"] == "xdg"
    write(current, "clouds.json", "json")
    assert cloud_variables("c", env)["OS_USERNAME"] == "json"
    write(current, "clouds.yaml", "current")
    assert cloud_variables("c", env)["OS_USERNAME"] == "current"
    write(tmp_path / "named", "own.yaml", "named")
    assert cloud_variables("c", {**env, "OS_CLIENT_CONFIG_FILE": str(tmp_path / "named" / "own.yaml")})["OS_USERNAME"] == "named"
    with pytest.raises(OptionError, match=r"none.yaml cannot be read: No such file"):
        cloud_variables("c", {**env, "OS_CLIENT_CONFIG_FILE": str(tmp_path / "none.yaml")})


def test_number_where_a_text_must_be_is_refused_by_its_name(here, env):
    with pytest.raises(OptionError, match=r"^password in cloud 'number' of .*clouds.yaml is not a text: quote it\.$"):
        cloud_variables("number", env)


@pytest.mark.parametrize("name", ["profile", "cloud"])
@pytest.mark.parametrize("value", ["[otc]", "{otc: x}", "5", "true"])
def test_vendor_profile_that_is_no_text_is_refused_by_its_name(here, env, name, value):
    (here / "clouds.yaml").write_text(f"clouds: {{mine: {{{name}: {value}, auth: {{token: s3cret}}}}}}")
    with pytest.raises(OptionError, match=rf"^{name} in cloud 'mine' of .*clouds.yaml is not a text: quote it\.$"):
        cloud_variables("mine", env)


@pytest.mark.parametrize("name", ["profile", "cloud"])
def test_vendor_profile_gives_its_region(here, env, name):
    (here / "clouds.yaml").write_text(f"clouds: {{mine: {{{name}: otc, auth: {{token: T}}}}, else: {{{name}: ovh, auth: {{token: T}}}}}}")
    assert cloud_variables("mine", env) == {"OS_TOKEN": "T", "OS_REGION_NAME": "eu-de"}
    assert cloud_variables("else", env) == {"OS_TOKEN": "T"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("clouds: [s3cret", "is not YAML"),
        ("s3cret", "must be a mapping that has clouds"),
        ("clouds: s3cret", "must be a mapping that has clouds"),
        ("- s3cret", "must be a mapping that has clouds"),
        ("", "must be a mapping that has clouds"),
    ],
)
def test_file_of_another_form_is_refused_and_not_repeated(here, env, text, message):
    (here / "clouds.yaml").write_text(text)
    with pytest.raises(OptionError, match=message) as caught:
        cloud_variables("otc", env)
    assert "s3cret" not in str(caught.value)
    (here / "clouds.yaml").unlink()
    (here / "clouds.json").write_text('{"s3cret"')
    with pytest.raises(OptionError, match="is not JSON"):
        cloud_variables("otc", env)


def test_file_that_cannot_be_read_is_refused(here, env):
    (here / "clouds.yaml").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(OptionError, match="cannot be read: it is not UTF-8"):
        cloud_variables("otc", env)


def test_host_without_pyyaml_is_told_what_to_install(here, env, monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(OptionError, match=r"^the Python library PyYAML is missing, which reads .*clouds.yaml: install it for "):
        cloud_variables("otc", env)
    (here / "clouds.yaml").unlink()
    (here / "clouds.json").write_text(json.dumps({"clouds": {"otc": {"auth": {"token": "T"}}}}))
    assert cloud_variables("otc", env) == {"OS_TOKEN": "T"}


def test_file_with_a_byte_order_mark_is_read(here, env):
    (here / "clouds.yaml").write_text("\ufeff" + textwrap.dedent(CLOUDS), encoding="utf-8")
    assert cloud_variables("keys", env)["OS_SECRET_KEY"] == "SK"
