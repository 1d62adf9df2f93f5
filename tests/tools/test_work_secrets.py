"""Secrets by name: they reach the machine, and nothing else."""

import json
import stat
from pathlib import Path

import pytest

from tests.tools.ssh_world import ssh_world
from tests.world import ToolFailed
from vast_mcp.account.secret_store import SecretStore
from vast_mcp.config import load_or_make_secret
from vast_mcp.store import Cipher

CANARY = "hf_canary-7d1f0c2be94a"
ALLOW = '[secrets]\nallow = ["HF_TOKEN", "NOT_SET"]\n'


async def test_a_secret_reaches_the_machine_and_nothing_that_is_told_or_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Names only pass through the chat; the value is sent and nowhere written."""
    async with ssh_world(
        tmp_path, policy=ALLOW, environment={"HF_TOKEN": CANARY, "OTHER": "not-for-anybody"}
    ) as lab:
        machine = await lab.machine(secrets=["HF_TOKEN"])
        order = lab.world.simulator.world.instances[machine].order
        assert ("HF_TOKEN", CANARY) in dict(order.env).items()
        printed = await lab.run(machine, f"echo {CANARY[:4]}{CANARY[4:]}")
        shown = await lab.call("show_instances", instance_id=machine)
        async with lab.world.runtime() as runtime:
            rows = await runtime.session.account.ledger.read(lambda tx: tx.audit(50))
    assert printed["untrusted_output"] == "[secret]\n"
    told = [json.dumps(printed), json.dumps(shown), caplog.text, *lab.world.questions]
    assert all(CANARY not in text for text in [*told, *map(str, rows)])
    for file in (tmp_path / "state").rglob("*"):
        assert not file.is_file() or CANARY.encode() not in file.read_bytes(), file


async def test_names_the_policy_does_not_allow_are_refused(tmp_path: Path) -> None:
    """Neither another name, nor one without a value, nor a value in its place."""
    async with ssh_world(
        tmp_path, policy=ALLOW, environment={"HF_TOKEN": CANARY, "OTHER": "not-for-anybody"}
    ) as lab:
        for names, why in (
            (["OTHER"], "secrets set OTHER"),
            (["NOT_SET"], "secrets set NOT_SET"),
            ([f"HF_TOKEN={CANARY}"], "names only"),
            (["HF_TOKEN", "HF_TOKEN"], "twice"),
        ):
            with pytest.raises(ToolFailed, match=why) as failure:
                await lab.machine(secrets=names)
            assert CANARY not in str(failure.value)
            assert "not-for-anybody" not in str(failure.value)
        assert not lab.world.simulator.world.instances


async def test_a_generated_secret_is_kept_for_the_person_alone(tmp_path: Path) -> None:
    """`NAME=generate`: sealed in a private file; the answer names the command that shows it."""
    async with ssh_world(tmp_path) as lab:
        offer = await lab.world.cheap_offer()
        told = await lab.call(
            "create_instance", offer_id=offer.offer_id, max_price_usd_per_hour=1.0,
            secrets=["VLLM_API_KEY=generate"], connect="args", ports=["8000"],
        )  # fmt: skip
        order = lab.world.simulator.world.instances[told["instance_id"]].order
        value = dict(order.env)["VLLM_API_KEY"]
        (kept,) = (tmp_path / "state" / "secrets").iterdir()
        assert value not in kept.read_text()
        key = load_or_make_secret(tmp_path / "state" / "seal.key")
        shown = SecretStore(tmp_path / "state", Cipher(key)).generated(kept.stem)
        assert shown == f"VLLM_API_KEY={value}\n"
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        lab.world.simulator.write_log(told["instance_id"], f"key is {value}")
        log = await lab.call("show_logs", instance_id=told["instance_id"])
    warned = " ".join(told["warnings"])
    assert f"vast-mcp secrets show {kept.stem}" in warned
    assert "open to the whole internet" in warned
    assert value not in json.dumps(told)
    assert value not in json.dumps(log)
