"""Copies that outlast their call are shown and stopped like jobs."""

from pathlib import Path

import pytest

from tests.jobs.leaping_world import LeapingWorld
from tests.jobs.test_background import a_machine
from tests.world import ToolFailed
from vast_mcp.actions import copy as copying

BIG = 300_000_000


async def test_stop_job_ends_a_copy_and_the_same_copy_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy under way has an id; stop_job takes it, and nothing of the copy is lost."""
    monkeypatch.setattr(copying, "WAIT_S", 0.0)
    world = LeapingWorld(tmp_path, offered="all")
    world.home.mkdir()
    with (world.home / "big").open("wb") as file:
        file.truncate(BIG)
    async with world.open(), world.served() as client:
        machine = await a_machine(world, client)
        asked = {"source": "local:big", "destination": f"C.{machine}:/workspace/"}
        begun = await world.call(client, "copy_files", **asked)
        assert begun["status"] == "copying", begun
        (shown,) = (await world.call(client, "show_jobs"))["jobs"]
        assert (shown["job_id"], shown["kind"], shown["phase"]) == (
            begun["copy_id"], "copy", "running",
        )  # fmt: skip
        one = await world.call(client, "show_jobs", job_id=begun["copy_id"])
        assert one["jobs"][0]["instance_id"] == machine
        ended = await world.call(client, "stop_job", job_id=begun["copy_id"])
        assert ended["status"] == "stopped", ended
        assert (await world.call(client, "show_jobs"))["jobs"] == []
        with pytest.raises(ToolFailed, match="no such copy"):
            await world.call(client, "stop_job", job_id=begun["copy_id"])
        again = await world.call(client, "copy_files", **asked)
        assert again["status"] == "copying"
        assert again["copy_id"] != begun["copy_id"]
        await world.call(client, "stop_job", job_id=again["copy_id"])
        inside = world.machines.machine(machine).disk.locate("/workspace/big")
        assert not inside.exists()
