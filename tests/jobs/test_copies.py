"""Copies that outlast their call are shown and stopped like jobs."""

from pathlib import Path

import pytest

from tests.jobs.basin import Basin
from tests.jobs.test_background import a_machine
from tests.world import ToolFailed
from vast_mcp.guard.acts import copying

BIG = 300_000_000


async def test_stop_job_ends_a_copy_and_the_same_copy_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy under way has an id; stop_job takes it, and nothing of the copy is lost."""
    monkeypatch.setattr(copying, "WAIT_S", 0.0)
    basin = Basin(tmp_path, offered="all")
    basin.home.mkdir()
    with (basin.home / "big").open("wb") as file:
        file.truncate(BIG)
    async with basin.open(), basin.served() as client:
        machine = await a_machine(basin, client)
        asked = {"source": "local:big", "destination": f"C.{machine}:/workspace/"}
        begun = await basin.call(client, "copy_files", **asked)
        assert begun["status"] == "copying", begun
        (shown,) = (await basin.call(client, "show_jobs"))["jobs"]
        assert (shown["job_id"], shown["kind"], shown["phase"]) == (
            begun["copy_id"], "copy", "running",
        )  # fmt: skip
        one = await basin.call(client, "show_jobs", job_id=begun["copy_id"])
        assert one["jobs"][0]["instance_id"] == machine
        ended = await basin.call(client, "stop_job", job_id=begun["copy_id"])
        assert ended["status"] == "stopped", ended
        assert (await basin.call(client, "show_jobs"))["jobs"] == []
        with pytest.raises(ToolFailed, match="no such copy"):
            await basin.call(client, "stop_job", job_id=begun["copy_id"])
        again = await basin.call(client, "copy_files", **asked)
        assert again["status"] == "copying"
        assert again["copy_id"] != begun["copy_id"]
        await basin.call(client, "stop_job", job_id=again["copy_id"])
        inside = basin.machines.machine(machine).disk.locate("/workspace/big")
        assert not inside.exists()
