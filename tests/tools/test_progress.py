"""What a client is told while a call takes long: phase, share and rate, every few seconds."""

import asyncio
import os
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from anyio.lowlevel import checkpoint

from tests.jobs.leaping_world import LeapingWorld
from tests.jobs.test_outages import printed
from tests.tools.ssh_world import Impatient, ssh_world
from tests.world import Mode, World
from vast_mcp.clock import ManualClock
from vast_mcp.remote.progress import CopyProgress, CopyReport, Report
from vast_mcp.remote.transfers import Transfers
from vast_mcp.telling import EVERY_S, Stand

LONGEST_SILENCE_S = 3.0
Heard = tuple[float, float, float | None, str]


class Ear:
    """Notes every notification with the moment at which it came."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self.heard: list[Heard] = []

    async def __call__(self, progress: float, total: float | None, message: str | None) -> None:
        """One notification."""
        self.heard.append((self._now_s(), progress, total, message or ""))

    @property
    def said(self) -> list[str]:
        """The sentences."""
        return [message for *_, message in self.heard]

    def check(self) -> None:
        """As the protocol wants it: each figure above the last, none above its total."""
        assert self.heard
        for one, later in pairwise(self.heard):
            assert later[1] > one[1], (one, later)
        for _, progress, total, message in self.heard:
            assert total is None or progress <= total
            assert message


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_wait_tells_the_share_of_the_load_every_few_seconds(
    tmp_path: Path, mode: Mode
) -> None:
    """Not only at the end: which phase, how long so far, how long it usually takes."""
    world = World(tmp_path)
    world.simulator.fail_next_creates("stuck")
    ear = Ear(world.clock.monotonic_s)
    async with world.connect(mode=mode) as client:
        instance_id = await world.rent(client)
        for _ in range(2):
            ear.heard.clear()
            result = await client.call_tool(
                "wait_for_instance", {"instance_id": instance_id}, progress_callback=ear
            )
            ear.check()
            # Before the first look this clock leaps over the pace that is kept towards the vendor.
            times = [*(at_s for at_s, *_ in ear.heard), world.clock.monotonic_s()]
            gaps = [later - one for one, later in pairwise(times)]
            assert max(gaps) <= LONGEST_SILENCE_S, gaps
    answer = result.structured_content or {}
    assert all(re.search(r"\d+ of about 300 s\.$", said) for said in ear.said), ear.said
    assert any(answer["said"].rstrip(".") in said for said in ear.said)
    assert [total for *_, total, _ in ear.heard] == [300] * len(ear.heard)
    assert ear.heard[-1][1] > 60


async def test_past_the_usual_time_no_end_is_told(tmp_path: Path) -> None:
    """A bar that stands at its end would say that it is nearly done."""
    world = World(tmp_path)
    world.simulator.fail_next_creates("stuck")
    ear = Ear(world.clock.monotonic_s)
    async with world.connect() as client:
        instance_id = await world.rent(client)
        world.clock.move(400)
        await client.call_tool(
            "wait_for_instance", {"instance_id": instance_id}, progress_callback=ear
        )
    ear.check()
    assert {total for *_, total, _ in ear.heard} == {None}
    assert all("300 s expected" in said for said in ear.said)


async def test_a_job_tells_its_phases(tmp_path: Path) -> None:
    """Whoever waits for one hears where it stands before the call answers."""
    async with LeapingWorld(tmp_path).open() as world, world.served() as client:
        ear = Ear(world.clock.monotonic_s)
        job_id = await world.started(client, command="echo begun; sleep 400000")
        await printed(world, client, job_id)
        began_s = world.clock.monotonic_s()
        await client.call_tool(
            "show_jobs", {"job_id": job_id, "wait_seconds": 20}, progress_callback=ear
        )
        await world.call(client, "stop_job", job_id=job_id)
        await client.call_tool(
            "show_jobs", {"job_id": job_id, "wait_seconds": 45}, progress_callback=ear
        )
    running = [one for one in ear.heard if "running; " in one[3]]
    # What the job itself waits for makes this clock leap too: told early, and again and again.
    assert running[0][0] - began_s <= 10
    assert len(running) >= 4
    assert any("Being stopped" in said for said in ear.said)
    assert all("min since it began" in said for said in ear.said)


class Brisk(Impatient):
    """Ten of our seconds are one: a copy of half a second is told of as one of five."""

    def monotonic_s(self) -> float:
        """Ten times as fast."""
        return super().monotonic_s() * 10

    async def sleep(self, seconds: float) -> None:
        """A tenth of it, but for the pauses that are skipped."""
        await super().sleep(seconds / 10 if seconds <= EVERY_S else seconds)


async def test_a_copy_tells_its_phase_and_its_bytes(tmp_path: Path) -> None:
    """A real one over SFTP, up and down: from the beginning, and while it moves."""
    async with ssh_world(tmp_path, our_time=Brisk) as lab:
        machine = await lab.machine()
        (lab.world.home / "big.bin").write_bytes(os.urandom(48_000_000))
        for source, destination in (
            ("local:big.bin", f"C.{machine}:/workspace/big.bin"),
            (f"C.{machine}:/workspace/big.bin", "local:back.bin"),
        ):
            ear = Ear(lambda: 0.0)
            result = await lab.client.call_tool(
                "copy_files", {"source": source, "destination": destination}, progress_callback=ear
            )
            ear.check()
            assert (result.structured_content or {})["status"] == "copied"
            counted = [one for one in ear.heard if one[2] is not None]
            assert counted, ear.said
            assert (counted[-1][2] or 0) >= 48_000_000
            assert re.search(r"^\w+: .+ of 48\.0 MB \(\d+%\)", counted[-1][3])


async def test_a_copy_is_told_every_two_seconds_until_the_call_answers() -> None:
    """On a clock that stands: what moves, how fast, and how much longer."""
    clock = ManualClock()
    transfers = Transfers(clock)
    heard: list[tuple[float, Stand]] = []

    async def tell(stand: Stand) -> None:
        heard.append((clock.monotonic_s(), stand))

    async def work(report: Report) -> CopyReport:
        for second in range(100):
            report(CopyProgress("moving", second * 10**6, 10**8, 0, 1, 10.0**6))
            await clock.sleep(1)
        raise AssertionError

    transfer = transfers.begin("key", 7, "a to b", work)

    waiting = asyncio.create_task(transfers.wait(transfer, 10, tell))
    for _ in range(10):
        await checkpoint()  # both have begun before any time passes
    for _ in range(12):
        await clock.advance(1)
    async with asyncio.timeout(5):
        assert await waiting is None
    await transfers.close()
    assert [at_s for at_s, _ in heard] == [0, 2, 4, 6, 8]
    assert heard[-1][1].total == 10**8
    assert heard[-1][1].said == "moving: 7.0 MB of 100.0 MB (7%), 1.0 MB/s, about 93 s left."
