"""A job whose server was thought dead and is not: two servers, one of them at work."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.jobs.leaping_world import WAIT, LeapingWorld, moment
from tests.jobs.test_outages import printed
from vast_mcp.jobs import service
from vast_mcp.jobs.remote_job import RemoteJob
from vast_mcp.store import Transaction


def take(tx: Transaction, job_id: str, owner: str) -> None:
    """As a server does that finds the beat stale."""
    job = tx.job(job_id)
    assert job is not None
    tx.update_job(job, owner=owner)


async def test_a_server_lets_go_of_a_job_that_another_took_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in the middle of a copy that would last for hours: the other one is at it as well."""
    held, left = asyncio.Event(), asyncio.Event()

    async def fetching(*given: Any) -> None:  # noqa: ANN401, ARG001
        held.set()
        try:
            await asyncio.Event().wait()
        finally:
            left.set()

    fetch = RemoteJob.fetch
    monkeypatch.setattr(service, "_BEAT_S", 0.02)
    monkeypatch.setattr(RemoteJob, "fetch", fetching)
    async with LeapingWorld(tmp_path).open() as world, world.served() as client:
        job_id = await world.started(client)
        session = world.running[0].session
        async with asyncio.timeout(20):
            await held.wait()
            await session.account.ledger.write(lambda tx: take(tx, job_id, "another"))
            await left.wait()
        monkeypatch.setattr(RemoteJob, "fetch", fetch)
        await session.account.ledger.write(lambda tx: take(tx, job_id, ""))
        async with asyncio.timeout(20):
            while (await world.call(client, "show_jobs", job_id=job_id))["jobs"][0]["phase"] != (
                "done"
            ):
                session.jobs.begin(job_id)
                await moment()
        assert world.alive == set()


async def test_two_servers_that_keep_the_same_output_keep_it_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have read the next bytes when the first writes them down: the log has them once."""
    both, reading = asyncio.Event(), [0]

    async def looked(self: RemoteJob, offset: int, most: int) -> bytes:
        data = await output(self, offset, most)
        reading[0] += 1
        if reading[0] == 2:
            both.set()
        await both.wait()
        return data

    output = RemoteJob.output
    monkeypatch.setattr(RemoteJob, "output", looked)
    command = "echo begun; python3 wait.py; echo ended"
    async with LeapingWorld(tmp_path).open() as world, world.served() as client, world.served():
        job_id = await world.started(
            client, command=command, files={"wait.py": WAIT}, outputs=[], on_end="destroy"
        )
        first, second = (one.session for one in world.running)
        async with asyncio.timeout(20):
            while not reading[0]:
                await moment()
            await first.account.ledger.write(lambda tx: take(tx, job_id, ""))
            second.jobs.begin(job_id)
            await both.wait()
        machine = (await printed(world, client, job_id))["jobs"][0]["instance_id"]
        world.simulator.put_file(machine, f"/workspace/{job_id}/go", 1)
        shown = await world.over(client, job_id)
        assert shown["jobs"][0]["phase"] == "done", shown
        assert shown["untrusted_output"] == "begun\nended\n"
