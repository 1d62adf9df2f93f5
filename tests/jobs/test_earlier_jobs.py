"""Promise: a job that an earlier release was at work on goes on, whatever phase it stood in.

`tests/store/earlier/jobs.json` is what the release before typed facts had written into the row of
one job with each phase it entered.
"""

import asyncio
import json
from pathlib import Path
from typing import Unpack

import pytest

from tests.database import opened
from tests.jobs.jobs_world import brought
from tests.jobs.leaping_world import LeapingWorld
from tests.world import Json
from vast_mcp.jobs.context import JobContext
from vast_mcp.store import Job, JobFacts, JobNotes, JobPhase

EARLIER: Json = json.loads(
    (Path(__file__).parents[1] / "store" / "earlier" / "jobs.json").read_text(encoding="utf-8")
)
PHASES = [JobPhase(name) for name in EARLIER["facts"]]


class Stops:
    """A server that ends where a job enters the next phase, once that is written down."""

    def __init__(self, phases: list[JobPhase]) -> None:
        self.left = phases
        self.there = asyncio.Event()

    async def at(self, job: Job) -> None:
        """Here, for good, if it is the next."""
        chosen = job.phase is not JobPhase.RENTING or job.facts.rent is not None
        if self.left and job.phase is self.left[0] and chosen:
            self.there.set()
            await asyncio.Event().wait()


def written_earlier(world: LeapingWorld, job_id: str, phase: JobPhase) -> None:
    """The row as that release had it."""
    (book,) = (one for one in (world.tmp / "state").glob("*.db") if not one.name.startswith("pace"))
    facts = json.dumps(EARLIER["facts"][phase.value]).replace("{job_id}", job_id)
    texts = json.dumps(EARLIER["spec"]), facts.replace("{home}", str(world.home.parent))
    with opened(book) as db:
        (now,) = db.execute("SELECT phase FROM jobs WHERE job_id = ?", (job_id,)).fetchone()
        assert now == phase.value
        db.execute("UPDATE jobs SET spec = ?, facts = ?", texts)


async def test_a_job_of_an_earlier_release_goes_on_from_each_phase(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its first host failed: one more is rented, one run, all home, nothing left that bills."""
    stops, save = Stops(PHASES), JobContext.save

    async def saved(
        self: JobContext,
        phase: JobPhase | None = None,
        facts: JobFacts | None = None,
        **changes: Unpack[JobNotes],
    ) -> Job:
        job = await save(self, phase, facts, **changes)
        await stops.at(job)
        return job

    monkeypatch.setattr(JobContext, "save", saved)
    world, job_id = LeapingWorld(tmp_path, keeps=True), ""
    world.home.mkdir(parents=True)
    (world.home / "data.txt").write_text("numbers\n")
    async with world.open():
        world.simulator.fail_next_creates("failed")
        for phase in PHASES:
            async with world.served() as client, asyncio.timeout(20):
                job_id = job_id or await world.started(client, upload=["data.txt"])
                await stops.there.wait()
            written_earlier(world, job_id, phase)
            stops.left, stops.there = stops.left[1:], asyncio.Event()
        async with world.served() as client:
            (job,) = (await world.over(client, job_id))["jobs"]
        assert (job["phase"], job["replaced"], job["exit_code"]) == ("done", 1, 0), job
        assert len(brought(job, "model.pt")) == 128_000
        assert len([one for one in world.simulator.mutations() if "/asks/" in one.path]) == 2
        assert world.alive == set()
