"""What a person is told of jobs before their machine is destroyed."""

from dataclasses import replace
from typing import Any

import pytest

from tests.store.test_sealing import JOB
from vast_mcp.actions.job_warning import job_words
from vast_mcp.store import Job, JobFacts, JobPhase, JobSpec, SqliteLedger, Transaction

OUTPUTS = JobSpec("train", outputs=("model", "log"))
STARTED, HOME = JobFacts(started=True), JobFacts(started=True, verified=True)
AT_WORK, LOST = (
    " Job job-a is running on it.",
    " Job job-a: not all of its 2 outputs were brought back.",
)


def job(**changes: Any) -> Job:  # noqa: ANN401  any field
    """A job on machine 7 with two outputs."""
    return replace(JOB, **{"job_id": "job-a", "instance_id": 7, "spec": OUTPUTS, **changes})


async def said(*jobs: Job) -> str:
    """The words of machine 7."""

    def write(tx: Transaction) -> str:
        for one in jobs:
            tx.add_job(one)
        return job_words(tx, 7)

    return await SqliteLedger(None).write(write)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"phase": JobPhase.RUNNING}, AT_WORK),
        ({"phase": JobPhase.WAITING}, AT_WORK),
        ({"phase": JobPhase.RUNNING, "instance_id": 8}, ""),
        ({"phase": JobPhase.FAILED, "facts": STARTED}, LOST),
        ({"phase": JobPhase.FAILED, "facts": HOME}, ""),
        ({"phase": JobPhase.FAILED, "facts": JobFacts()}, ""),
        ({"phase": JobPhase.STOPPED, "facts": JobFacts(verified=True)}, ""),
        ({"phase": JobPhase.STOPPED, "facts": STARTED, "spec": JobSpec("train")}, ""),
        ({"phase": JobPhase.STOPPED, "facts": STARTED, "spec": JOB.spec}, ""),
    ],
)
async def test_work_that_a_destroy_would_lose_is_named_in_its_question(
    changes: dict[str, Any], words: str
) -> None:
    """A command that began and whose outputs are not home; nothing of what lost nothing."""
    assert await said(job(**changes)) == words


async def test_a_job_at_work_is_named_behind_one_that_is_over() -> None:
    """The newest has the word, and one that lost nothing says nothing."""
    over = job(phase=JobPhase.DONE, facts=HOME, created_us=2)
    assert await said(over, job(job_id="job-b", phase=JobPhase.RUNNING, created_us=1)) == (
        " Job job-b is running on it."
    )
