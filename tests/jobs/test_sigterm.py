"""What runs is told to end before its machine is stopped, by whomever, and no stop waits for it."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from mcp import Client

from tests.jobs.jobs_world import brought
from tests.jobs.leaping_world import LeapingWorld, moment
from tests.jobs.test_background import a_machine, begun, until
from vast_mcp.jobs import script, stop
from vast_mcp.store import Job

ENDLESS = "mkdir -p out; echo first > out/model.pt; echo begun; sleep 400000"


def _text(path: Path) -> str:
    return path.read_text().strip() if path.exists() else ""


@asynccontextmanager
async def a_silent_port() -> AsyncIterator[int]:
    """Takes every connection and says nothing."""
    taken: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: taken.append(writer), "127.0.0.1", 0)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        for writer in taken:
            writer.close()
        server.close()


@dataclass
class Eye:
    """Notes how a job's command had ended by each request to stop its machine."""

    world: LeapingWorld
    job_id: str
    machine: int
    ended: list[str] = field(default_factory=list)

    async def look(self) -> None:
        """Before and after each request."""
        lodging = self.world.machines.lodgings.get(self.machine)
        stops = [
            one for one in self.world.simulator.mutations() if one.json == {"state": "stopped"}
        ]
        if lodging is None or len(stops) == len(self.ended):
            return
        path = lodging.machine.disk.locate(f"{script.place(self.job_id)}/exit")
        self.ended.append(_text(path) or "running")


async def row(world: LeapingWorld, job_id: str) -> Job:
    """The job as the ledger has it."""
    job = await world.running[0].session.account.ledger.read(lambda tx: tx.job(job_id))
    assert job is not None
    return job


async def test_a_job_is_told_two_minutes_before_its_time_is_up(tmp_path: Path) -> None:
    """SIGTERM, then outputs home, then the machine's end; all before the lease ends."""
    world = LeapingWorld(tmp_path)
    async with world.open(), world.served() as client:
        job_id = await world.started(client, command=ENDLESS, max_hours=0.3)
        shown = await until(world, client, job_id)
        job = shown["jobs"][0]
        assert (job["phase"], job["exit_code"]) == ("stopped", 128 + 15)
        assert "time was up" in job["said"]
        assert brought(job, "model.pt") == b"first\n"
        assert world.alive == set()
        told_us = (await row(world, job_id)).facts.term_us
        assert told_us is not None
        (contract,) = world.simulator.world.fleet.destroyed.values()
        assert contract.destroyed_us is not None
        lease_ends_us = contract.created_us + 1080 * 1_000_000
        assert lease_ends_us - told_us >= 120 * 1_000_000
        assert told_us < contract.destroyed_us < lease_ends_us


async def test_a_command_is_told_two_minutes_before_its_machine_s_lease_ends(
    tmp_path: Path,
) -> None:
    """The machine is not the command's, so the lease's own end stops it, as ever."""
    world = LeapingWorld(tmp_path, offered="all")
    async with world.open(), world.served() as client:
        machine = await a_machine(world, client)
        world.clock.move(1.8 * 3600)
        job_id = await begun(world, client, machine, "echo begun; sleep 400000")
        shown = await until(world, client, job_id)
        assert shown["jobs"][0]["exit_code"] == 128 + 15
        assert "time was up" in shown["jobs"][0]["said"]
        rental = await world.running[0].session.account.ledger.read(
            lambda tx: tx.rental_of("instance", machine)
        )
        assert rental is not None
        told_us = (await row(world, job_id)).facts.term_us
        assert told_us is not None
        assert 90 <= (rental.lease_ends_us - told_us) / 1_000_000 <= 120


@pytest.mark.parametrize("who", ["the guard inside", "the program itself"])
async def test_a_command_that_the_guard_inside_told_had_its_time(tmp_path: Path, who: str) -> None:
    """Every computer of ours was off: the next server says what happened, once it looks."""
    world = LeapingWorld(tmp_path, offered="all", keeps=True)
    async with world.open():
        async with world.served() as client:
            machine = await a_machine(world, client)
            job_id = await begun(world, client, machine, "echo begun; sleep 400000")
            await until(world, client, job_id, "begun")
            rental = await world.running[0].session.account.ledger.read(
                lambda tx: tx.rental_of("instance", machine)
            )
        assert rental is not None
        inside = world.machines.machine(machine)
        folder = inside.disk.locate(script.place(job_id))
        if who == "the guard inside":
            (folder / script.TOLD).touch()
        assert inside.processes.signal(-int(_text(folder / "pid")), signal.SIGTERM)
        async with asyncio.timeout(20):
            while not _text(folder / "exit"):
                await moment()
        world.clock.move((rental.lease_ends_us - world.clock.lease_us()) / 1_000_000 - 100)
        async with world.served() as client:
            job = (await until(world, client, job_id))["jobs"][0]
        assert job["exit_code"] == 128 + 15
        assert ("time was up" in job["said"]) == (who == "the guard inside"), job["said"]


async def stopped(
    world: LeapingWorld, client: Client, job_id: str, machine: int
) -> tuple[str, str]:
    """What a person's stop said, and how the command stood when the vendor was told."""
    eye = Eye(world, job_id, machine)
    world.simulator.attendants.insert(0, eye.look)
    answer = await world.call(client, "stop_instance", instance_id=machine)
    assert answer["status"] in {"stopped", "stopping"}, answer
    assert f"Job {job_id} is running there" in world.questions[-1]
    assert world.simulator.world.instances[machine].intended_status() == "stopped"
    return str(answer["said"]), eye.ended[0]


async def test_a_person_s_stop_tells_the_job_first(tmp_path: Path) -> None:
    """SIGTERM and what it still writes, then the stop; the answer says so."""
    world = LeapingWorld(tmp_path, offered="all")
    async with world.open(), world.served() as client:
        job_id = await world.started(client, command=ENDLESS)
        seen = await until(world, client, job_id, "begun")
        said, ended = await stopped(world, client, job_id, seen["jobs"][0]["instance_id"])
        assert ended == str(128 + 15)
        assert f"Job {job_id} was told to end first, and did." in said


async def test_a_job_that_does_not_listen_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The grace is short, and over is over."""
    monkeypatch.setattr(stop, "GRACE_S", 0.4)
    world = LeapingWorld(tmp_path, offered="all")
    async with world.open(), world.served() as client:
        machine = await a_machine(world, client)
        job_id = await begun(world, client, machine, "trap '' TERM; echo begun; sleep 400000")
        await until(world, client, job_id, "begun")
        said, ended = await stopped(world, client, job_id, machine)
        assert ended == "running"
        assert "did not within" in said


@pytest.mark.parametrize("how", ["refused", "silent"])
async def test_a_stop_does_not_fail_with_ssh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """A closed port, or one that never answers: stopped all the same, and told."""
    monkeypatch.setattr(stop, "GRACE_S", 0.4)
    world = LeapingWorld(tmp_path, offered="all")
    async with a_silent_port() as silent, world.open(), world.served() as client:
        machine = await a_machine(world, client)
        job_id = await begun(world, client, machine, "echo begun; sleep 400000")
        await until(world, client, job_id, "begun")
        port = 1 if how == "refused" else silent
        world.shut_the_door(machine, port)
        said, ended = await stopped(world, client, job_id, machine)
        assert ended == "running"
        assert "could not be told to end first" in said


async def test_stop_job_ends_a_machine_that_cannot_be_reached(tmp_path: Path) -> None:
    """Outputs cannot be had, but it must not go on costing until its lease ends."""
    world = LeapingWorld(tmp_path)
    async with world.open(), world.served() as client:
        job_id = await world.started(client, command=ENDLESS)
        seen = await until(world, client, job_id, "begun")
        machine = seen["jobs"][0]["instance_id"]
        world.shut_the_door(machine)
        began_s = world.clock.monotonic_s()
        await world.call(client, "stop_job", job_id=job_id)
        job = (await until(world, client, job_id))["jobs"][0]
        assert job["phase"] == "stopped"
        assert "could not be reached" in job["said"]
        assert world.simulator.world.instances[machine].intended_status() == "stopped"
        assert world.clock.monotonic_s() - began_s < 600
