"""The server dies by kill -9 at each phase of a job; the next carries it on, nothing doubled.

See docs/hazards.md#lost-answers.
"""

import asyncio
import hashlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.jobs.jobs_world import GIVEN, SPEED, JobsWorld
from tests.jobs.killed_server import LATER_S, LONGEST_S
from tests.jobs.test_hosts import watch_for_two
from tests.listening import listening
from tests.world import Json, scale

ROOT = Path(__file__).parents[2]
PHASES = ["renting", "waiting", "uploading", "running", "downloading", "ending", "done"]
STEPS = [*PHASES, "PUT", "send", "start", "fetch", "DELETE"]
WHOLE = [f"{when} {step}" for step in STEPS for when in ("before", "after")]
HARDEST = ["after PUT", "after start", "after DELETE"]
"""The machine is rented, the command runs, the disk is gone; and nobody has written it down."""
WHOLE_RUN = bool(scale("VAST_MCP_TEST_JOB_CRASHES", 0))
"""All 26 points with a 1 there."""
CRASHES = WHOLE if WHOLE_RUN else HARDEST


class Lives:
    """The process that forks a server for each life."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def live(self, world: JobsWorld, base: str, dies: str = "", later_s: float = 0) -> Json:
        """A server until its job is over, or until it dies there."""
        life = {
            "tmp": str(world.tmp), "base": base, "now_us": world.vendor.utc_us(),
            "speed": SPEED, "dies": dies, "later_s": later_s, "job": GIVEN,
        }  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(life).encode() + b"\n")
        await self._process.stdin.drain()
        async with asyncio.timeout(LONGEST_S + 10):
            told: dict[str, Any] = json.loads(await self._process.stdout.readline())
        return told


@asynccontextmanager
async def lives(home: Path) -> AsyncIterator[Lives]:
    """Servers in a home of their own; none outlives the test."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.jobs.killed_server",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=ROOT, limit=1 << 20,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home)},
        start_new_session=True,
    )  # fmt: skip
    try:
        yield Lives(process)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


@pytest.mark.parametrize("point", CRASHES)
async def test_a_killed_server_s_job_is_carried_on_by_the_next(tmp_path: Path, point: str) -> None:
    """Kill -9 there: one rent, one run, all home, nothing left that bills."""
    home = tmp_path / "home"
    home.mkdir()
    async with JobsWorld(tmp_path).open() as world, listening(world.simulator) as base:
        async with lives(home) as servers:
            died = await servers.live(world, base, dies=point)
            assert died["code"] == -signal.SIGKILL, died
            lived = await servers.live(world, base, later_s=LATER_S)
        assert lived["code"] == 0, lived
        job, output = lived["shown"]["jobs"][0], lived["shown"].get("untrusted_output", "")
        assert job["phase"] == "done", lived
        saved = home / "vast-mcp" / f"job-{job['job_id']}" / "out" / "model.pt"
        assert hashlib.sha256(saved.read_bytes()).hexdigest() == output.split()[-1]
        assert output.count("training") == 1
        rents = [one for one in world.simulator.mutations() if "/asks/" in one.path]
        assert len(rents) == 1
        assert world.alive == set()
        spent = world.credit_usd - world.simulator.books.balance_usd
        assert 0 < spent < float(str(GIVEN["max_cost_usd"]))


@pytest.mark.parametrize("point", ["after DELETE", "before DELETE"][: 2 if WHOLE_RUN else 1])
async def test_a_server_killed_while_it_replaces_a_host_rents_one_more(
    tmp_path: Path, point: str
) -> None:
    """Its failed host was told to go, or about to be: never two at once, one more in all."""
    home = tmp_path / "home"
    home.mkdir()
    async with JobsWorld(tmp_path).open() as world, listening(world.simulator) as base:
        most = watch_for_two(world)
        world.simulator.fail_next_creates("failed")
        async with lives(home) as servers:
            died = await servers.live(world, base, dies=point)
            assert died["code"] == -signal.SIGKILL, died
            lived = await servers.live(world, base, later_s=LATER_S)
        assert lived["code"] == 0, lived
        job = lived["shown"]["jobs"][0]
        assert (job["phase"], job["replaced"]) == ("done", 1), lived
        assert most == [1]
        assert world.alive == set()


async def test_two_servers_work_on_a_job_once(tmp_path: Path) -> None:
    """Both look for unfinished jobs; one row, one owner."""
    async with JobsWorld(tmp_path).open() as world:
        async with world.served() as first, world.served() as second:
            job_id = await world.started(first)
            for one in list(world.running):
                one.session.jobs.begin(job_id)
            shown = await world.over(second, job_id)
        assert shown["jobs"][0]["phase"] == "done"
        assert shown["untrusted_output"].count("training") == 1
        rents = [one for one in world.simulator.mutations() if "/asks/" in one.path]
        assert len(rents) == 1


async def test_a_server_that_leaves_in_order_hands_the_job_on_at_once(tmp_path: Path) -> None:
    """No wait for a stale beat."""
    async with JobsWorld(tmp_path).open() as world:
        async with world.served() as client:
            job_id = await world.started(client, command="echo begun; sleep 900")
            await world.until(client, job_id, "running")
        async with world.served() as client:
            shown = await world.over(client, job_id)
            assert shown["jobs"][0]["exit_code"] == 0
        assert len(world.alive) == 1  # `out` was never written: the disk is kept
