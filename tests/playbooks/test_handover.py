# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""hwc.mfa.handover after a rollout: files that are encrypted and for their owner alone, and no secret anywhere else."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any, Callable

from ansible.parsing.vault import VaultLib, VaultSecret

HANDOVER_PASSWORD = "a-password-for-ada"
OWN_STORE = """
- ansible.builtin.set_fact:
    mfa_rollout_store_loaded:
      entries: "{{ lookup('ansible.builtin.file', my_store_file) | from_json }}"
      intents: []
  no_log: true
"""
FORMATS = '{"mfa_handover_formats": ["sheet", "png", "otpauth", "bitwarden", "oath_csv"]}'


def files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_seeds_are_handed_over_after_a_rollout(playground: Callable[..., Any]) -> None:
    ground = playground(users=2, folder="ground")
    (account,) = ground.variables
    rollout = ground.run("hwc.mfa.rollout")
    assert rollout.code == 0, rollout.output
    seeds = ground.seeds(account)
    user_id, ada = next(iter(seeds.items()))
    # The variables of a rollout that asks for nothing but an own device would name no store.
    ground.variables[account]["mfa_rollout_strategy"] = "require"
    out = ground.path / "handover"
    env = {"HWC_MFA_HANDOVER_PASSWORD": HANDOVER_PASSWORD}
    words = ["-e", f"mfa_handover_dir={out}", "-vvvv"]
    before = {path: path.read_bytes() for path in files_in(ground.seed_directory)}

    outputs = []

    def hand_over(*more: str, code: int = 0) -> Any:
        run = ground.run("hwc.mfa.handover", *words, *more, env=env)
        outputs.append(run.output)
        assert run.code == code, run.output
        return run

    one = ("-e", f"mfa_handover_user={ada['name']}")
    assert hand_over(*one, "--check").recap(account)["changed"] == 1
    assert not out.exists()

    assert hand_over(*one).recap(account)["changed"] == 1
    (path,) = files_in(out)
    assert path == out / account / f"{ada['name']}.html.vault"
    text = VaultLib([("default", VaultSecret(HANDOVER_PASSWORD.encode()))]).decrypt(path.read_bytes()).decode()
    assert ada["seed"] in text.replace(" ", "")

    everybody = ("-e", '{"mfa_handover_users": "all"}', "-e", FORMATS)
    run = hand_over(*everybody)
    assert "2 users handed over in" in run.output
    assert len(files_in(out)) == 2 * 2 + 3

    assert "AWX job" in hand_over(*one, "-e", "awx_job_id=5", code=2).output

    # The operator's own store, and somebody who asks for nobody.
    (ground.path / "store.yml").write_text(OWN_STORE)
    (ground.path / "kept.json").write_text(json.dumps({user_id: ada}))
    ground.variables[account] |= {
        "mfa_rollout_seed_store_tasks": str(ground.path / "store.yml"),
        "my_store_file": str(ground.path / "kept.json"),
    }
    del ground.variables[account]["mfa_rollout_seed_store_dir"]
    # Whatever strategy the files of variables of a rollout say.
    other = ("-e", "mfa_rollout_strategy=require")
    assert hand_over(*one, *other).recap(account)["changed"] == 0, "the same seed comes of another store"
    assert "Give either mfa_handover_user" in hand_over(code=2).output
    assert "users must be a list of ids or names" in hand_over("-e", '{"mfa_handover_users": true}', code=2).output

    for path in files_in(out):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.read_bytes().startswith(b"$ANSIBLE_VAULT;1.1;AES256")
    for folder in (out, out / account):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert before == {path: path.read_bytes() for path in files_in(ground.seed_directory)}, "the store is only read"
    secrets = [entry["seed"] for entry in seeds.values()] + [
        HANDOVER_PASSWORD,
        ground.variables[account]["mfa_rollout_seed_store_password"],
    ]
    grouped = [" ".join(entry["seed"][start : start + 4] for start in range(0, len(entry["seed"]), 4)) for entry in seeds.values()]
    told = "".join(outputs)
    assert not [secret for secret in (*secrets, *grouped) if secret in told]
    assert not list(ground.path.glob("tmp/ansible-local-*/*")), "nothing is left in temporary directories"
    assert user_id in told, "who was handed a seed may be told"
