# Copyright (c) 2026, the hwc.mfa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of every documented plugin, run as they stand. The ids in them are those of the rehearsal cloud with seed_random=1."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import pyotp
import pytest
import yaml
from ansible_collections.hwc.mfa.tests.unit import csms_service, kv_engine

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
ADA, GRACE, ROBOT = range(3)


def _examples() -> dict[str, str]:
    found = {}
    for path in sorted((PLUGINS / "modules").glob("*.py")):
        found[path.stem] = path.read_text(encoding="utf-8").split('EXAMPLES = r"""', 1)[1].split('"""', 1)[0]
    for path in sorted((PLUGINS / "filter").glob("*.yml")):
        found[path.stem] = yaml.safe_load(path.read_text(encoding="utf-8"))["EXAMPLES"]
    return found


EXAMPLES = _examples()


@pytest.mark.parametrize("plugin", sorted(EXAMPLES))
def test_examples_run_as_they_stand(playground: Callable[..., Any], plugin: str) -> None:
    ground = playground("require", users=3, seed_random=1)
    described = ground.cloud.describe()
    users = described["users"]
    ground.cloud.cloud.rename(users[GRACE]["user_id"], "grace")
    devices: dict[int, Any] = {}
    if plugin == "iam_virtual_mfa_bind":
        devices = {index: ground.cloud.cloud.give_device(users[index]["user_id"], name=f"d{index}") for index in (ADA, GRACE, ROBOT)}
    if plugin == "iam_login_check":
        devices = dict.fromkeys((ADA, GRACE, ROBOT), ground.cloud.cloud.give_device(users[ADA]["user_id"], bound=True))
    # Typed codes want to be sent soon: the play begins with a step of the cloud's clock. New codes come soon towards a step's end.
    ground.cloud.advance((24 if plugin == "iam_login_check" else 30) - ground.cloud.cloud.now() % 30)
    now = ground.cloud.cloud.now()
    ada = pyotp.TOTP(devices[ADA].seed if devices else pyotp.random_base32())
    variables = {
        "ada_password": users[ADA]["password"],
        "grace_password": users[GRACE]["password"],
        "robot_access_key": users[ROBOT]["access_key"],
        "robot_secret_key": users[ROBOT]["secret_key"],
        "first_code": ada.at(now - 30),
        "second_code": ada.at(now),
        "ada_seed": ada.secret,
        "grace_seed": devices[GRACE].seed if devices else "",
        "robot_seed": devices[ROBOT].seed if devices else "",
        "report_directory": str(ground.path / "reports"),
        "handover_directory": str(ground.path / "handover"),
        "handover_password": "for ada only",
        "seed_directory": str(ground.path / "seeds"),
        "seed_password": "example",
        "security_access_key": csms_service.ACCESS_KEY,
        "security_secret_key": csms_service.SECRET_KEY,
    }
    ground.variables = {"acme-berlin": variables}
    environment = {
        "HWC_IAM_ENDPOINT": ground.cloud.url,
        "HWC_IDENTITY_CENTER_ENDPOINT": ground.cloud.url,
        "HW_ACCESS_KEY": described["admin"]["access_key"],
        "HW_SECRET_KEY": described["admin"]["secret_key"],
    }
    # With the user's own password in a task, the keys of the environment must give way: options win.
    tasks = "".join(f"    {line}\n" for line in EXAMPLES[plugin].strip().splitlines())
    with kv_engine.running() as engine, csms_service.running() as service:
        stores = {"VAULT_ADDR": engine.url, "VAULT_TOKEN": kv_engine.TOKEN, "HWC_CSMS_ENDPOINT": service.url}
        run = ground.play(tasks, env={**environment, **stores})
    assert run.code == 0, run.output
    assert run.recap("acme-berlin")["ok"] == len(yaml.safe_load(EXAMPLES[plugin])), run.output
    if plugin == "totp":
        assert "287082" in run.output
    if plugin == "iam_virtual_mfa_bind":
        bound = [ground.cloud.cloud.user(user["user_id"]).device.bound for user in users]
        assert bound == [True, False, True]
