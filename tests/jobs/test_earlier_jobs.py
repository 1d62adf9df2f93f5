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
from tests.jobs.basin import Basin
from tests.jobs.harbour import brought
from tests.world import Json
from vast_mcp.jobs.desk import JobDesk
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


def written_earlier(basin: Basin, job_id: str, phase: JobPhase) -> None:
    """The row as that release had it."""
    (book,) = (one for one in (basin.tmp / "state").glob("*.db") if not one.name.startswith("pace"))
    facts = json.dumps(EARLIER["facts"][phase.value]).replace("{job_id}", job_id)
    texts = json.dumps(EARLIER["spec"]), facts.replace("{home}", str(basin.home.parent))
    with opened(book) as db:
        (now,) = db.execute("SELECT phase FROM jobs WHERE job_id = ?", (job_id,)).fetchone()
        assert now == phase.value
        db.execute("UPDATE jobs SET spec = ?, facts = ?", texts)


async def test_a_job_of_an_earlier_release_goes_on_from_each_phase(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its first host failed: one more is rented, one run, all home, nothing left that bills."""
    stops, save = Stops(PHASES), JobDesk.save

    async def saved(
        self: JobDesk,
        phase: JobPhase | None = None,
        facts: JobFacts | None = None,
        **changes: Unpack[JobNotes],
    ) -> Job:
        job = await save(self, phase, facts, **changes)
        await stops.at(job)
        return job

    monkeypatch.setattr(JobDesk, "save", saved)
    basin, job_id = Basin(tmp_path, keeps=True), ""
    basin.home.mkdir(parents=True)
    (basin.home / "data.txt").write_text("numbers\n")
    async with basin.open():
        basin.simulator.fail_next_creates("failed")
        for phase in PHASES:
            async with basin.served() as client, asyncio.timeout(20):
                job_id = job_id or await basin.started(client, upload=["data.txt"])
                await stops.there.wait()
            written_earlier(basin, job_id, phase)
            stops.left, stops.there = stops.left[1:], asyncio.Event()
        async with basin.served() as client:
            (job,) = (await basin.over(client, job_id))["jobs"]
        assert (job["phase"], job["replaced"], job["exit_code"]) == ("done", 1, 0), job
        assert len(brought(job, "model.pt")) == 128_000
        assert len([one for one in basin.simulator.mutations() if "/asks/" in one.path]) == 2
        assert basin.alive == set()
