# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Environments as people really have them: an OpenStack RC file, a clouds.yaml and Terraform's variables, all at once. And module_defaults."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Callable

import pytest
import simulator
from twins import twin

LOOK = """
    - name: Look at the account
      hwc.mfa.iam_mfa_info:
        retries: 0
{options}
      register: looked
    - name: Name it
      ansible.builtin.debug:
        msg: "account {{{{ looked.account.name }}}}, asked by {{{{ looked.caller.user_id }}}}"
"""

# As the console of Open Telekom Cloud offers it for download.
RC_FILE = """#!/usr/bin/env bash
unset OS_TENANT_ID
unset OS_TENANT_NAME
export OS_AUTH_URL={url}/v3
export OS_PROJECT_NAME="eu-de"
export OS_USER_DOMAIN_NAME="{domain}"
if [ -z "$OS_USER_DOMAIN_NAME" ]; then unset OS_USER_DOMAIN_NAME; fi
export OS_USERNAME="{user}"
export OS_PASSWORD={password}
export OS_REGION_NAME="RegionOne"
if [ -z "$OS_REGION_NAME" ]; then unset OS_REGION_NAME; fi
export OS_INTERFACE=public
export OS_IDENTITY_API_VERSION=3
"""

CLOUDS = """
clouds:
  prod:
    auth:
      auth_url: "{url}/v3"
      username: "{user}"
      user_domain_name: "{domain}"
      project_name: eu-de
    region_name: RegionOne
    interface: public
    identity_api_version: 3
"""


def look(*options: str) -> str:
    return LOOK.format(options="\n".join(f"        {option}" for option in options)).removeprefix("\n")


class Place:
    """A cloud with one account, and its administrator."""

    def __init__(self, number: int) -> None:
        self.handle = simulator.start(users=2, seed_random=number, profile=("huaweicloud", "otc")[number % 2])
        described = self.handle.describe()
        self.url = self.handle.url
        self.admin = described["admin"]
        self.domain = described["domain_name"]
        self.domain_id = described["domain_id"]

    def calls(self) -> list[str]:
        return [entry["route"] for entry in self.handle.log]


@pytest.fixture
def places() -> Any:
    """Three clouds: Terraform's, that of the RC file, and that of clouds.yaml."""
    opened = [Place(number) for number in (1, 2, 3)]
    yield opened
    for place in opened:
        place.handle.stop()


@pytest.fixture
def surroundings(places: list[Place], tmp_path: Path) -> dict[str, str]:
    """What a shell exports that has sourced the RC file, works with Terraform, and has a clouds.yaml in its home."""
    terraform, stack, clouds = places
    rc = tmp_path / "openrc.sh"
    rc.write_text(RC_FILE.format(url=stack.url, domain=stack.domain, user=stack.admin["name"], password=f"'{stack.admin['password']}'"))
    printed = subprocess.run(
        ["bash", "-c", f'. {rc} && python3 -c "import json, os; print(json.dumps(dict(os.environ)))"'],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    sourced = {name: value for name, value in json.loads(printed.stdout).items() if name.startswith("OS_")}
    home = tmp_path / "home"
    configuration = home / ".config" / "openstack"
    configuration.mkdir(parents=True)
    (configuration / "clouds.yaml").write_text(CLOUDS.format(url=clouds.url, user=clouds.admin["name"], domain=clouds.domain))
    secret = {"clouds": {"prod": {"auth": {"password": clouds.admin["password"]}}}}
    (configuration / "secure.yaml").write_text(json.dumps(secret))
    return {
        **sourced,
        "HOME": str(home),
        # Where a shell sets it, it counts before the home.
        "XDG_CONFIG_HOME": str(home / ".config"),
        "HW_ACCESS_KEY": terraform.admin["access_key"],
        "HW_SECRET_KEY": terraform.admin["secret_key"],
        "HW_REGION_NAME": "cn-north-4",
        "HW_AUTH_URL": f"{terraform.url}/v3",
        "HW_DOMAIN_NAME": terraform.domain,
        "HW_DOMAIN_ID": terraform.domain_id,
        # Every corporate shell has these, and nobody excludes loopback from them.
        "HTTP_PROXY": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
    }


def asked(run: Any, place: Place, places: list[Place]) -> None:
    """Check that a run asked this cloud, and no other."""
    assert run.code == 0, run.output
    assert f"account {place.domain}, asked by {place.admin['user_id']}" in run.output
    assert [other.calls() for other in places if other is not place] == [[], []]
    assert place.calls()
    for secret in (p.admin[name] for p in places for name in ("password", "secret_key")):
        assert secret not in run.output


HERE = "- hosts: localhost\n  connection: local\n  gather_facts: false\n"
ELSEWHERE = f"{HERE}  vars:\n    hwc_mfa_in_process: false\n    ansible_python_interpreter: '{{{{ ansible_playbook_python }}}}'\n"


@pytest.mark.parametrize("header", [pytest.param(HERE, id="in the control process"), twin(ELSEWHERE, id="as a module")])
class TestEverythingAtOnce:
    def play(self, playground: Callable[..., Any], header: str, env: dict[str, str], *options: str) -> Any:
        return playground("require", users=1).play(look(*options), "-vvv", header=header, env=env)

    def test_terraforms_variables_come_first_and_go_where_they_say(self, playground, places, surroundings, header) -> None:
        asked(self.play(playground, header, surroundings), places[0], places)
        assert "domains" not in places[0].calls()[:1], "the account's id is known from HW_DOMAIN_ID"

    def test_rc_file_counts_where_terraform_has_no_credentials(self, playground, places, surroundings, header) -> None:
        env = {name: value for name, value in surroundings.items() if name not in ("HW_ACCESS_KEY", "HW_SECRET_KEY")}
        asked(self.play(playground, header, env), places[1], places)

    def test_half_a_key_of_terraform_is_completed_by_nobody(self, playground, places, surroundings, header) -> None:
        env = {name: value for name, value in surroundings.items() if name != "HW_SECRET_KEY"}
        env |= {"OS_SECRET_KEY": "another's", "OS_SECURITY_TOKEN": "another's"}
        asked(self.play(playground, header, env), places[1], places)

    def test_cloud_of_clouds_yaml_that_an_option_names_counts_before_all(self, playground, places, surroundings, header) -> None:
        asked(self.play(playground, header, surroundings, "cloud: prod"), places[2], places)

    def test_cloud_of_the_environment_takes_the_place_of_the_rc_file(self, playground, places, surroundings, header) -> None:
        env = {name: value for name, value in surroundings.items() if not name.startswith("HW_")}
        asked(self.play(playground, header, {**env, "OS_CLOUD": "prod"}), places[2], places)

    def test_options_take_nothing_from_the_environment(self, playground, places, surroundings, header) -> None:
        admin = places[2].admin
        options = (f"iam_endpoint: {places[2].url}", f"auth_user_id: {admin['user_id']}", f"auth_password: '{admin['password']}'")
        asked(self.play(playground, header, surroundings, *options), places[2], places)

    def test_password_beside_a_region_goes_to_the_regions_cloud(self, playground, places, surroundings, header) -> None:
        # Not reachable from here, which is the proof: no cloud of the environment has been asked.
        run = self.play(playground, header, surroundings, "region: eu-nl", "auth_user_id: u1", "auth_password: sesame")
        assert run.code == 2
        assert "iam.eu-nl.otc.t-systems.com" in run.output
        assert [place.calls() for place in places] == [[], [], []]
        assert "sesame" not in run.output

    def test_region_and_endpoint_of_two_clouds_are_told(self, playground, places, surroundings, header) -> None:
        options = ("region: cn-north-4", "iam_endpoint: https://iam.eu-de.otc.t-systems.com", "auth_token: sesame")
        run = self.play(playground, header, surroundings, *options)
        assert run.code == 2
        assert "region is cn-north-4, and iam_endpoint is iam.eu-de.otc.t-systems.com, which is somewhere else" in run.output

    def test_password_goes_to_no_host_that_nobody_named(self, playground, places, surroundings, header) -> None:
        env = {name: value for name, value in surroundings.items() if not name.startswith(("HW_", "OS_"))}
        run = self.play(playground, header, env, "auth_user_id: u1", "auth_password: sesame")
        assert run.code == 2
        assert "region or iam_endpoint is missing: without them auth_password would go to iam.myhuaweicloud.com" in run.output


# module_defaults


@pytest.mark.parametrize("header", [HERE, ELSEWHERE], ids=["in the control process", "as a module"])
@pytest.mark.parametrize("farther", [twin("group"), "both"])
def test_credentials_of_the_task_replace_those_of_module_defaults(playground, places, header, farther) -> None:
    place = places[0]
    defaults = {"group/hwc.mfa.mfa": {"auth_token": "{{ nobodys }}", "iam_endpoint": place.url, "auth_domain_name": "another"}}
    if farther == "both":
        defaults["hwc.mfa.iam_mfa_info"] = {"auth_username": "nobody", "auth_password": "sesame"}
    lines = f"  module_defaults: {json.dumps(defaults)}\n"
    named = header if "  vars:\n" in header else f"{header}  vars:\n"
    named = named.replace("  vars:\n", "  vars:\n    nobodys: a token\n")
    own = (f"access_key: {place.admin['access_key']}", f"secret_key: {place.admin['secret_key']}")
    run = playground("require", users=1).play(look(*own), "-vvv", header=f"{named}{lines}")
    asked(run, place, places)
    assert "login" not in place.calls()


def test_credentials_of_the_module_replace_those_of_the_group(playground, places) -> None:
    place = places[0]
    key = {name: place.admin[name] for name in ("access_key", "secret_key")}
    defaults = {"group/hwc.mfa.mfa": {"auth_token": "a token", "iam_endpoint": place.url}, "hwc.mfa.iam_mfa_info": key}
    asked(playground("require", users=1).play(look(), header=f"{HERE}  module_defaults: {json.dumps(defaults)}\n"), place, places)


def test_code_of_the_task_completes_the_login_of_module_defaults(playground, places) -> None:
    place = places[0]
    place.handle.cloud.give_device(place.admin["user_id"], bound=True)
    place.handle.cloud.protect(place.admin["user_id"])
    login = {"auth_user_id": place.admin["user_id"], "auth_password": place.admin["password"], "auth_domain_name": place.domain}
    defaults = {"group/hwc.mfa.mfa": {**login, "iam_endpoint": place.url}}
    code = place.handle.cloud.code(place.admin["user_id"])
    run = playground("require", users=1).play(look(f"auth_passcode: '{code}'"), header=f"{HERE}  module_defaults: {json.dumps(defaults)}\n")
    asked(run, place, places)


def test_two_kinds_on_the_task_itself_are_an_error(playground, places) -> None:
    run = playground("require", users=1).play(look("auth_token: sesame-1", "access_key: sesame-2", "secret_key: sesame-3"), header=HERE)
    assert run.code == 2
    assert "access_key and auth_token are two kinds of credentials" in run.output
