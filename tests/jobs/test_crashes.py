"""The server dies at each phase of a job and the next one carries it on: nothing doubled, lost."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import pytest

from tests.jobs.harbour import Harbour
from tests.world import scale
from vast_mcp.jobs.desk import JobDesk
from vast_mcp.store import Job, JobPhase, Transaction

PHASES = ["renting", "waiting", "uploading", "running", "downloading", "ending"]
WHOLE = [(phase, written) for phase in PHASES for written in (False, True)]
HARDEST = [("waiting", False), ("running", True), ("ending", False)]
CRASHES = WHOLE if scale("VAST_MCP_JOB_CRASHES", 0) else HARDEST
"""All twelve with VAST_MCP_JOB_CRASHES=1."""


def dying(monkeypatch: pytest.MonkeyPatch, phase: str, *, written: bool) -> list[str]:
    """Let the runner die once as it enters this phase, before or after that was written down."""
    save, deaths = JobDesk.save, list[str]()

    async def saved(
        self: JobDesk,
        to: JobPhase | None = None,
        facts: Any = None,  # noqa: ANN401
        **changes: Any,  # noqa: ANN401
    ) -> Job:
        dies = not deaths and to is not None and to.value == phase
        if dies and not written:
            deaths.append(phase)
            raise asyncio.CancelledError
        job = await save(self, to, facts, **changes)
        if dies:
            deaths.append(phase)
            raise asyncio.CancelledError
        return job

    monkeypatch.setattr(JobDesk, "save", saved)
    return deaths


async def without_a_beat(harbour: Harbour) -> None:
    """The dead server's beats are long past."""

    def age(tx: Transaction) -> None:
        for job in tx.unfinished_jobs():
            assert job.owner
            tx.update_job(job, beat_us=job.beat_us - 3600 * 1_000_000)

    await harbour.running[0].services.ledger.write(age)
    harbour.running[0].services.jobs._owner = "dead"


@pytest.mark.parametrize(("phase", "written"), CRASHES)
async def test_a_job_is_carried_on_by_the_next_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, phase: str, written: bool
) -> None:
    """One rent, one run, the outputs home, the machine gone, one question."""
    deaths = dying(monkeypatch, phase, written=written)
    async with Harbour(tmp_path).open() as harbour:
        async with harbour.served() as client:
            job_id = await harbour.started(client)
            async with asyncio.timeout(20):
                while not deaths:  # noqa: ASYNC110  the death is patched in
                    await asyncio.sleep(0.02)  # noqa: TID251
            await without_a_beat(harbour)
        async with harbour.served() as client:
            shown = await harbour.over(client, job_id)
        assert shown["jobs"][0]["phase"] == "done", shown
        saved = harbour.home / f"job-{job_id}" / "out" / "model.pt"
        told = shown["untrusted_output"].split()[-1]
        assert hashlib.sha256(saved.read_bytes()).hexdigest() == told
        assert shown["untrusted_output"].count("training") == 1
        assert harbour.alive == set()
        rents = [one for one in harbour.simulator.mutations() if "/asks/" in one.path]
        assert len(rents) == 1
        assert len(harbour.questions) == 1


async def test_two_servers_work_on_a_job_once(tmp_path: Path) -> None:
    """Both look for unfinished jobs; one row, one owner."""
    async with Harbour(tmp_path).open() as harbour:
        async with harbour.served() as first, harbour.served() as second:
            job_id = await harbour.started(first)
            for one in list(harbour.running):
                one.services.jobs.begin(job_id)
            shown = await harbour.over(second, job_id)
        assert shown["jobs"][0]["phase"] == "done"
        assert shown["untrusted_output"].count("training") == 1
        rents = [one for one in harbour.simulator.mutations() if "/asks/" in one.path]
        assert len(rents) == 1


async def test_a_server_that_leaves_in_order_hands_the_job_on_at_once(tmp_path: Path) -> None:
    """No wait for a stale beat."""
    async with Harbour(tmp_path).open() as harbour:
        async with harbour.served() as client:
            job_id = await harbour.started(client, command="echo begun; sleep 900")
            await harbour.until(client, job_id, "running")
        async with harbour.served() as client:
            shown = await harbour.over(client, job_id)
            assert shown["jobs"][0]["exit_code"] == 0
        assert len(harbour.alive) == 1  # `out` was never written: the disk is kept
