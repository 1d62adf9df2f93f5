"""Logs whose unsigned address is refused: read by the signed one, and told as what they are."""

from pathlib import Path

import pytest

from tests.world import ToolFailed, World


async def test_a_private_log_is_read_by_its_signed_address(tmp_path: Path) -> None:
    """The unsigned address answers 403 for ever; the reply names a signed one beside it."""
    world = World(tmp_path)
    async with world.connect() as client:
        number = await world.rent(client)
        world.run_until_ready()
        world.simulator.write_log(number, "epoch 1 done")
        world.simulator.refuse_results("unsigned")
        answer = await world.call(client, "show_logs", instance_id=number)
    assert "epoch 1 done" in answer["untrusted_log"]


async def test_a_log_that_stays_refused_is_not_promised_for_ever(tmp_path: Path) -> None:
    """A storage that only ever says 403 may go on: the error names another way to read it."""
    world = World(tmp_path)
    async with world.connect() as client:
        number = await world.rent(client)
        world.run_until_ready()
        world.simulator.refuse_results("all")
        with pytest.raises(ToolFailed, match="run_command"):
            await world.call(client, "show_logs", instance_id=number)
