"""A network or a disk of this computer that is away for a while, and a job that outlives it."""

import asyncio
import errno
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client

from tests.jobs.jobs_world import JobsWorld, brought
from tests.jobs.leaping_world import WAIT, LeapingWorld, moment
from tests.world import Json
from vast_mcp.jobs import context, remote_job
from vast_mcp.jobs.log import put
from vast_mcp.jobs.remote_job import RemoteJob
from vast_mcp.remote.command import CommandResult, run_command
from vast_mcp.remote.errors import SshUnavailable
from vast_mcp.remote.paths import Tree
from vast_mcp.remote.plan import FREE_DISK_FLOOR_BYTES
from vast_mcp.remote.progress import CopyReport
from vast_mcp.remote.session import SshSession
from vast_mcp.remote.sink import Sink
from vast_mcp.remote.upload import upload

AWAY_S = 1800
PATIENT = "echo begun; python3 wait.py; mkdir -p out; echo x > out/x"


class Wireless(httpx2.AsyncBaseTransport):
    """The vendor, as long as this computer has a network."""

    def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
        self.inner = inner
        self.away = False
        self.lost_at = ""
        """A method: with the first such request the network is away."""
        self.missed = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """There and back, or not at all."""
        if request.method == self.lost_at:
            self.away, self.lost_at = True, ""
        if self.away:
            self.missed += 1
            raise httpx2.ConnectError("no network", request=request)
        return await self.inner.handle_async_request(request)


async def printed(world: JobsWorld, client: Client, job_id: str, word: str = "begun") -> Json:
    """What is shown when the command has printed that."""
    async with asyncio.timeout(30):
        while True:
            shown = await world.call(client, "show_jobs", job_id=job_id)
            if word in shown.get("untrusted_output", ""):
                return shown
            await moment()


async def passed(world: LeapingWorld, seconds: float) -> None:
    """So much later."""
    until_s = world.clock.monotonic_s() + seconds
    async with asyncio.timeout(30):
        while world.clock.monotonic_s() < until_s:
            await moment()


async def test_a_network_that_is_away_for_long_costs_no_job(tmp_path: Path) -> None:
    """Nobody can know how the command stands: it runs on, and its outputs come home after that."""
    world = LeapingWorld(tmp_path)
    world.transport = wireless = Wireless(world.transport)
    async with world.open(), world.served() as client:
        job_id = await world.started(client, command=PATIENT, files={"wait.py": WAIT})
        machine = (await printed(world, client, job_id))["jobs"][0]["instance_id"]
        wireless.away = True
        await passed(world, AWAY_S)
        wireless.away = False
        assert wireless.missed
        world.simulator.put_file(machine, f"/workspace/{job_id}/go", 1)
        job = (await world.over(client, job_id))["jobs"][0]
        assert (job["phase"], job["exit_code"]) == ("done", 0), job
        assert brought(job, "x") == b"x\n"
        assert world.alive == set()


async def test_a_machine_is_ended_when_the_network_is_back(tmp_path: Path) -> None:
    """Its end was agreed: a job is not over while nobody could send that."""
    world = LeapingWorld(tmp_path)
    world.transport = wireless = Wireless(world.transport)
    wireless.lost_at = "DELETE"
    async with world.open(), world.served() as client:
        job_id = await world.started(client)
        await world.until(client, job_id, "ending")
        async with asyncio.timeout(30):
            while not wireless.away:
                await moment()
        await passed(world, AWAY_S)
        assert world.alive
        wireless.away = False
        job = (await world.over(client, job_id))["jobs"][0]
        assert job["phase"] == "done", job
        assert world.alive == set()


async def test_a_policy_that_cannot_be_read_for_a_while_costs_no_job(tmp_path: Path) -> None:
    """Half saved by an editor: what was agreed is carried out when it can be read again."""
    world = LeapingWorld(tmp_path, policy="[limits]\n")
    async with world.open(), world.served() as client:
        job_id = await world.started(client, command=PATIENT, files={"wait.py": WAIT})
        machine = (await printed(world, client, job_id))["jobs"][0]["instance_id"]
        world.write_policy("[limits")
        world.simulator.put_file(machine, f"/workspace/{job_id}/go", 1)
        await world.until(client, job_id, "downloading", "done", "failed")
        await passed(world, 120)
        world.write_policy("[limits]\n")
        job = (await world.over(client, job_id))["jobs"][0]
        assert job["phase"] == "done", job
        assert brought(job, "x") == b"x\n"
        assert world.alive == set()


async def test_a_full_disk_here_ends_no_command_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it prints cannot be kept for a while: it runs on, and nothing of its output is lost."""
    full = [False]

    def kept(*given: Any) -> None:  # noqa: ANN401
        if full[0]:
            full.append(True)
            raise OSError(errno.ENOSPC, "No space left on device")
        put(*given)

    monkeypatch.setattr(context, "put", kept)
    command = "echo begun; python3 wait.py; echo ended; mkdir -p out; echo x > out/x"
    world = LeapingWorld(tmp_path)
    async with world.open(), world.served() as client:
        job_id = await world.started(client, command=command, files={"wait.py": WAIT})
        machine = (await printed(world, client, job_id))["jobs"][0]["instance_id"]
        full[0] = True
        said = world.machines.machine(machine).disk.locate(f"/root/.vmcp/{job_id}/out")
        said.write_text(said.read_text() + "more\n")
        async with asyncio.timeout(30):
            while len(full) < 3:
                await moment()
        full[0] = False
        world.simulator.put_file(machine, f"/workspace/{job_id}/go", 1)
        shown = await world.over(client, job_id)
        assert shown["jobs"][0]["phase"] == "done", shown
        assert shown["untrusted_output"] == "begun\nmore\nended\n"
        assert world.alive == set()


async def test_a_disk_too_full_for_one_output_still_takes_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy refused here is that output's trouble alone, told at once; the machine is kept."""
    monkeypatch.setattr(Tree, "free_bytes", lambda _: FREE_DISK_FLOOR_BYTES + 10)
    command = "mkdir -p big small; echo much of it > big/x; : > small/x"
    world = LeapingWorld(tmp_path)
    async with world.open(), world.served() as client:
        job_id = await world.started(client, command=command, outputs=["big", "small"])
        job = (await world.over(client, job_id))["jobs"][0]
        assert job["phase"] == "failed"
        assert "not every named output was brought back" in job["said"]
        big, small = job["outputs"]
        assert "would leave" in big["untrusted_trouble"]
        assert (small["files"], small.get("untrusted_trouble")) == (1, None)
        assert world.alive == {job["instance_id"]}


@pytest.mark.parametrize("trouble", [errno.ENOSPC, errno.EROFS, errno.EIO])
async def test_a_disk_that_fails_under_an_output_is_told_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: int
) -> None:
    """Full, unwritable or broken: no defect of ours, and the next output is still fetched."""

    def written(self: Sink, item: Any) -> None:  # noqa: ANN401
        if item[1] > 10:
            raise OSError(trouble, os.strerror(trouble))
        write(self, item)

    write = Sink._write
    monkeypatch.setattr(Sink, "_write", written)
    command = "mkdir -p big small; echo much of it > big/x; echo x > small/x"
    world = LeapingWorld(tmp_path)
    async with world.open(), world.served() as client:
        job_id = await world.started(client, command=command, outputs=["big", "small"])
        job = (await world.over(client, job_id))["jobs"][0]
        assert "not every named output was brought back" in job["said"], job
        big, small = job["outputs"]
        assert os.strerror(trouble) in big["untrusted_trouble"]
        assert "untrusted_trouble" not in small
        assert world.alive == {job["instance_id"]}


async def test_a_file_that_changes_under_its_upload_is_sent_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command never begins without a part of what it was given."""
    world = LeapingWorld(tmp_path)
    world.home.mkdir()
    data = world.home / "data"
    data.mkdir()
    for name in ("steady", "growing"):
        (data / name).write_text("as asked\n")

    async def growing(*given: Any, **named: Any) -> CopyReport:  # noqa: ANN401
        monkeypatch.setattr(remote_job, "upload", upload)
        (data / "growing").write_text("as asked, and more\n")
        return await upload(*given, **named)

    monkeypatch.setattr(remote_job, "upload", growing)
    async with world.open(), world.served() as client:
        job_id = await world.started(
            client, command="cat data/steady data/growing", upload=["data"], outputs=[]
        )
        shown = await world.over(client, job_id)
        assert shown["untrusted_output"] == "as asked\nas asked, and more\n", shown
        assert shown["jobs"][0]["phase"] == "done"


async def test_a_machine_whose_shell_is_silent_for_a_minute_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that died while this computer slept is no refusal of the machine."""
    asked: list[str] = []

    async def running(session: SshSession, line: str, **named: Any) -> CommandResult:  # noqa: ANN401
        done = await run_command(session, line, **named)
        if "mkdir -p /workspace" in line:
            asked.append(line)
        return replace(done, exit_code=None, timed_out=True) if len(asked) == 1 else done

    monkeypatch.setattr(remote_job, "run_command", running)
    async with LeapingWorld(tmp_path).open() as world, world.served() as client:
        job = (await world.over(client, await world.started(client)))["jobs"][0]
        assert len(asked) > 1
        assert job["phase"] == "done", job
        assert "replaced" not in job


async def test_a_connection_that_was_bad_before_the_end_costs_no_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The patience with a copy is its own: what the watching waited out is not taken from it."""
    broken = {"pulse": 20, "fetch": 2}

    def breaking(name: str) -> Any:  # noqa: ANN401
        step = getattr(RemoteJob, name)

        async def stepped(*given: Any) -> Any:  # noqa: ANN401
            broken[name] -= 1
            if broken[name] >= 0:
                raise SshUnavailable("The connection was lost.", reason="lost")
            return await step(*given)

        return stepped

    for name in broken:
        monkeypatch.setattr(RemoteJob, name, breaking(name))
    async with LeapingWorld(tmp_path).open() as world, world.served() as client:
        job = (await world.over(client, await world.started(client)))["jobs"][0]
        assert max(broken.values()) < 0
        assert job["phase"] == "done", job
        assert world.alive == set()
