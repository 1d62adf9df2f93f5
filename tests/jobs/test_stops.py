"""`stop_job` in the middle of a step: what has not begun by then does not begin any more."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.jobs.jobs_world import brought
from tests.jobs.leaping_world import LeapingWorld
from tests.jobs.test_outages import printed
from tests.jobs.test_troubles import rents
from tests.world import Json
from vast_mcp.jobs import rent
from vast_mcp.jobs.offers import offers_for
from vast_mcp.jobs.remote_job import RemoteJob
from vast_mcp.remote.errors import SshUnavailable


class Interlude:
    """Holds a step of a job until something else has happened."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.over = asyncio.Event()

    def after(
        self, step: Callable[..., Awaitable[Any]], where: Callable[..., bool] = lambda *_: True
    ) -> Callable[..., Any]:
        """The step; the first such one is held after its work."""

        async def held(*given: Any) -> Any:  # noqa: ANN401
            result = await step(*given)
            if where(*given) and not self.reached.is_set():
                self.reached.set()
                await self.over.wait()
            return result

        return held

    async def during(self, what: Awaitable[Json]) -> Json:
        """Do this while the step is held."""
        async with asyncio.timeout(20):
            await self.reached.wait()
            return await what


async def test_a_job_stopped_while_it_looks_for_an_offer_rents_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wish was written before anything was sent."""
    held = Interlude()
    of_a_job = held.after(offers_for, lambda _, wish: wish.max_price is not None)
    monkeypatch.setattr(rent, "offers_for", of_a_job)
    async with LeapingWorld(tmp_path).open() as world, world.served() as client:
        job_id = await world.started(client)
        await held.during(world.call(client, "stop_job", job_id=job_id))
        held.over.set()
        job = (await world.over(client, job_id))["jobs"][0]
        assert job["phase"] == "stopped", job
        assert rents(world) == []


async def test_a_job_stopped_while_it_uploads_runs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command has not begun, so it need not be told to end; twice, and by two servers."""
    held = Interlude()
    monkeypatch.setattr(RemoteJob, "send", held.after(RemoteJob.send))
    async with (
        LeapingWorld(tmp_path).open() as world,
        world.served() as client,
        world.served() as other,
    ):
        job_id = await world.started(client, command="echo begun; sleep 400000")
        for one in (client, other):
            answer = await held.during(world.call(one, "stop_job", job_id=job_id))
            assert answer["status"] == "stopping"
        held.over.set()
        shown = await world.over(client, job_id)
        assert shown["jobs"][0]["phase"] == "stopped", shown
        assert "before its command began" in shown["jobs"][0]["said"]
        assert "untrusted_output" not in shown
        assert world.alive == set()


async def test_a_command_whose_sigterm_was_lost_is_told_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection broke under it: SIGKILL comes only after a SIGTERM that arrived."""
    lost: list[str] = []

    async def telling(self: RemoteJob) -> None:
        if not lost:
            lost.append("TERM")
            raise SshUnavailable("The connection was lost.", reason="lost")
        await tell(self)

    tell = RemoteJob.tell_to_end
    monkeypatch.setattr(RemoteJob, "tell_to_end", telling)
    command = "mkdir -p out; echo half > out/x; echo begun; sleep 400000"
    async with LeapingWorld(tmp_path).open() as world, world.served() as client:
        job_id = await world.started(client, command=command)
        await printed(world, client, job_id)
        await world.call(client, "stop_job", job_id=job_id)
        job = (await world.over(client, job_id))["jobs"][0]
        assert lost
        assert (job["phase"], job["exit_code"]) == ("stopped", 128 + signal.SIGTERM), job
        assert brought(job, "x") == b"half\n"


@pytest.mark.parametrize("tool", ["stop_instance", "destroy_instance"])
async def test_a_machine_that_a_person_ends_is_not_replaced(tmp_path: Path, tool: str) -> None:
    """A host that failed is replaced under the job's yes; one that somebody ended is no such."""
    async with LeapingWorld(tmp_path, offered="all").open() as world, world.served() as client:
        world.simulator.fail_next_creates("stuck")
        job_id = await world.started(client)
        machine = (await world.until(client, job_id, "waiting"))["jobs"][0]["instance_id"]
        await world.call(client, tool, instance_id=machine)
        job = (await world.over(client, job_id))["jobs"][0]
        assert len(rents(world)) == 1, job
        assert job["phase"] == "stopped", job
        assert world.alive == ({machine} if tool == "stop_instance" else set())


STOPS: dict[str, tuple[Json, str, str, bool]] = {
    "outputs, machine stopped": (
        {"outputs": ["out"], "on_end": "stop"},
        "its 1 named output is brought back; then its machine is stopped, and the disk is still",
        "what its outputs held by then was brought back",
        True,
    ),
    "no outputs": (
        {"outputs": []},
        "it named no outputs, so only what it printed is kept; then its machine is destroyed (only",
        "it named no outputs, so only what it printed is kept",
        False,
    ),
    "an output that is not there": (
        {"outputs": ["out", "missing"], "on_end": "destroy"},
        "its 2 named outputs are brought back",
        "1 of its 2 named outputs were brought back",
        True,
    ),
}


@pytest.mark.parametrize("case", STOPS)
async def test_stop_job_promises_what_then_happens(tmp_path: Path, case: str) -> None:
    """To its command, to what it wrote and to its machine: before, and as it is told afterwards."""
    given, promised, told, left = STOPS[case]
    command = "mkdir -p out; echo half > out/x; echo begun; sleep 400000"
    async with LeapingWorld(tmp_path).open() as world, world.served() as client:
        job_id = await world.started(client, command=command, **given)
        await printed(world, client, job_id)
        answer = await world.call(client, "stop_job", job_id=job_id)
        job = (await world.over(client, job_id))["jobs"][0]
        assert promised in answer["said"]
        assert told in job["said"]
        assert bool(world.alive) == left
