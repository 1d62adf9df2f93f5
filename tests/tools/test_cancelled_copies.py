"""`stop_job` on a copy that the vendor carries out: the vendor is told, not only forgotten."""

from pathlib import Path

import pytest

from tests.tools.ssh_world import SshLab, ssh_world
from tests.tools.test_work_copies import asked_of_vendor, copy, inside, stock
from tests.world import Json
from vast_mcp.actions import copy_between as _between
from vast_mcp.remote import between
from vast_mcp.simulator.copies import Copies, Copy, End


class Queued(Copies):
    """A vendor whose machines have much to do before: a copy begins in an hour."""

    def begin(self, source: End, target: End, src_path: str, dst_path: str, now_us: int) -> None:
        """Take it on."""
        self.running.append(Copy(source, target, src_path, dst_path, now_us + 3_600_000_000))


@pytest.fixture(autouse=True)
def _unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call answers at once that it is under way; looks at the target pass in real time."""
    monkeypatch.setattr(_between, "WAIT_S", 0.0)
    monkeypatch.setattr(between, "LOOK_EVERY_S", 5.5)


async def under_way(lab: SshLab, source: int, target: int, folder: str = "b") -> Json:
    """A copy between two machines that has an id and no end yet."""
    told = await copy(lab, f"C.{source}:/workspace/a", f"C.{target}:/workspace/{folder}")
    assert told["status"] == "copying", told
    return told


async def test_a_stopped_copy_between_machines_is_ended_at_the_vendor(tmp_path: Path) -> None:
    """stop_job cancels copies; sent as the official client sends it, told as it is."""
    async with ssh_world(tmp_path) as lab:
        one = await lab.machine()
        two, three = [await lab.machine(request_key=key) for key in ("second", "third")]
        stock(inside(lab, one) / "workspace/a", "x.bin")
        vendor = lab.world.simulator.world.copies = Queued(lab.world.simulator.world.book)
        told = await under_way(lab, one, two)
        await under_way(lab, one, two, "beside")
        await under_way(lab, one, three)
        answer = await lab.call("stop_job", job_id=told["copy_id"])
        left = [job["job_id"] for job in (await lab.call("show_jobs"))["jobs"]]
        assert answer["status"] == "stopped"
        assert f"all copies to {two}" in answer["said"]
        assert asked_of_vendor(lab)[-1] == {"client_id": "me", "dst_id": str(two)}
        assert [end.target.contract and end.target.contract.id for end in vendor.running] == [three]
        assert len(left) == 1
        assert told["copy_id"] not in left


async def test_a_copy_whose_cancelling_failed_is_not_called_ended(tmp_path: Path) -> None:
    """It is not said to be ended before the vendor was told; the same call tells it."""
    async with ssh_world(tmp_path) as lab:
        one = await lab.machine()
        two = await lab.machine(request_key="second")
        stock(inside(lab, one) / "workspace/a", "x.bin")
        vendor = lab.world.simulator.world.copies = Queued(lab.world.simulator.world.book)
        told = await under_way(lab, one, two)
        lab.world.simulator.faults.add("status_before", "DELETE", "/copy_direct/")
        unsure = await lab.call("stop_job", job_id=told["copy_id"])
        assert (unsure["status"], "again" in unsure["next"]) == ("unknown", True)
        assert len(vendor.running) == 1
        answer = await lab.call("stop_job", job_id=told["copy_id"])
        assert answer["status"] == "stopped"
        assert vendor.running == []


async def test_a_copy_onto_a_machine_that_is_gone_can_be_ended(tmp_path: Path) -> None:
    """The vendor knows the machine no more (404): nothing is left to end there."""
    async with ssh_world(tmp_path) as lab:
        one = await lab.machine()
        two = await lab.machine(request_key="second")
        stock(inside(lab, one) / "workspace/a", "x.bin")
        lab.world.simulator.world.copies = Queued(lab.world.simulator.world.book)
        told = await under_way(lab, one, two)
        lab.world.simulator.host_gone(two)
        answer = await lab.call("stop_job", job_id=told["copy_id"])
        assert answer["status"] in {"stopped", "over"}
        assert (await lab.call("show_jobs"))["jobs"] == []
