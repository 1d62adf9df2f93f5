"""Whose a job is: the principal that may see it, and the server that is at work on it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tests.store.test_sealing import JOB
from vast_mcp.store import Job, JobPhase, SqliteLedger, Transaction
from vast_mcp.units import Usd

STALE_US = 30_000_000


def _add(tx: Transaction, job: Job) -> None:
    tx.add_job(job)


@asynccontextmanager
async def book_with(tmp_path: Path, *jobs: object) -> AsyncIterator[SqliteLedger]:
    """A ledger that holds these jobs."""
    book = SqliteLedger(tmp_path / "a.db")
    for number, changes in enumerate(jobs):
        assert isinstance(changes, dict)
        job = replace(JOB, **{"job_id": f"job{number}", "created_us": number, **changes})
        await book.write(partial(_add, job=job))
    yield book
    await book.close()


async def test_a_principal_is_given_its_own_jobs_and_the_newest_first(tmp_path: Path) -> None:
    """Jobs of two people and a limit: only their own, and of these the newest."""
    mine, hers = {"principal": "ada"}, {"principal": "bob"}
    async with book_with(tmp_path, mine, hers, mine, hers, mine) as book:
        jobs = await book.read(lambda tx: tx.jobs("ada", 2))
        assert [job.job_id for job in jobs] == ["job4", "job2"]
        assert await book.read(lambda tx: tx.jobs("nobody")) == []


async def test_the_jobs_of_a_machine_are_its_own_and_the_newest_first(tmp_path: Path) -> None:
    """A machine is not ended for the sake of another machine's job."""
    async with book_with(
        tmp_path, {"instance_id": 7}, {"instance_id": 8}, {"instance_id": 7}
    ) as book:
        jobs = await book.read(lambda tx: tx.jobs_of_machine(7))
        assert [job.job_id for job in jobs] == ["job2", "job0"]


@pytest.mark.parametrize(
    ("later_us", "taken"),
    [(0, False), (1, False), (STALE_US - 1, False), (STALE_US, True), (-1, True)],
)
async def test_a_job_is_taken_from_a_server_only_when_its_beat_is_stale(
    tmp_path: Path, later_us: int, taken: bool
) -> None:
    """Two servers never carry out one job; a beat from the future proves nothing."""
    async with book_with(tmp_path, {}) as book:
        await book.write(lambda tx: tx.take_job("job0", "one", 1_000_000_000, STALE_US))
        now_us = 1_000_000_000 + later_us
        other = await book.write(lambda tx: tx.take_job("job0", "two", now_us, STALE_US))
        assert (other is not None) is taken
        again = await book.write(lambda tx: tx.take_job("job0", "one", now_us, STALE_US))
        assert (again is None) is taken


async def test_a_job_that_is_over_is_taken_by_nobody(tmp_path: Path) -> None:
    """Its machine may be another's by now."""
    async with book_with(tmp_path, {"phase": JobPhase.STOPPED}) as book:
        assert await book.write(lambda tx: tx.take_job("job0", "one", 1, STALE_US)) is None


async def test_a_tasks_cap_is_its_own_and_is_only_lowered(tmp_path: Path) -> None:
    """A budget of one task says nothing of another's."""
    async with book_with(tmp_path) as book:
        await book.write(lambda tx: tx.lower_task_cap("lora", Usd(5)))
        await book.write(lambda tx: tx.lower_task_cap("other", Usd(3)))
        await book.write(lambda tx: tx.lower_task_cap("lora", Usd(9)))
        assert await book.read(lambda tx: tx.task_cap("lora")) == Usd(5)
        assert await book.read(lambda tx: tx.task_cap("other")) == Usd(3)
        assert await book.read(lambda tx: tx.task_cap("third")) is None


async def test_what_is_not_over_is_taken_up_again_the_oldest_first(tmp_path: Path) -> None:
    """By a server that starts: nothing of what has ended."""
    phases = list(JobPhase)
    async with book_with(tmp_path, *({"phase": phase} for phase in phases)) as book:
        found = await book.read(lambda tx: tx.unfinished_jobs())
    assert [one.phase for one in found] == [phase for phase in phases if not phase.over]
    assert {phase for phase in phases if phase.over} == {
        JobPhase.DONE, JobPhase.FAILED, JobPhase.STOPPED,
    }  # fmt: skip
