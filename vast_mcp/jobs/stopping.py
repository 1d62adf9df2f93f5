"""A person's stop of a machine on which a job runs: the job is told first, for a short while.

The vendor's own stop gives a container some seconds at best, and says nothing to what runs apart
from its first process. Nothing here may keep a machine from being stopped: whatever fails is said.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace

from vast_mcp.errors import LedgerUnavailable, VastMcpError
from vast_mcp.guard.act import Desk, Errand, Outcome, Sight
from vast_mcp.guard.acts import StopInstance
from vast_mcp.jobs.bench import Bench
from vast_mcp.store import Job, JobPhase

GRACE_S = 10.0
"""For all of it: the way in, SIGTERM, and what the job still writes."""
_LOOK_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class StopKindly(StopInstance):
    """`stop_instance` as a person asks for it."""

    async def look(self, desk: Desk) -> Sight:
        """As of any stop; what runs there is named."""
        sight = await StopInstance.look(self, desk)
        running = await _running(desk, self.instance_id)
        named = "".join(f" Job {job.job_id} runs there; it is told first." for job in running[:1])
        return replace(sight, question=sight.question + named)

    async def carry_out(self, desk: Desk, errand: Errand) -> Outcome:
        """SIGTERM to what runs there, at most ten seconds, then the stop whatever came of it."""
        running = await _running(desk, self.instance_id)
        told = await asyncio.gather(*(_tell(desk, job) for job in running))
        outcome = await StopInstance.carry_out(self, desk, errand)
        return replace(outcome, said=" ".join([outcome.said, *filter(None, told)]))


async def _running(desk: Desk, instance_id: int) -> list[Job]:
    with suppress(LedgerUnavailable):  # a stop waits for no book
        found = await desk.ledger.read(lambda tx: tx.jobs_of_machine(instance_id))
        return [job for job in found if job.phase is JobPhase.RUNNING]
    return []


async def _tell(desk: Desk, job: Job) -> str:
    """What became of it, in a sentence."""
    reached = ended = False
    try:
        async with asyncio.timeout(GRACE_S):
            instance = await desk.reads.show_instance(job.instance_id or 0)
            if instance is None:
                return ""
            bench = Bench(desk.remote, desk.clock, job.job_id, instance)
            await bench.signal("TERM")
            reached = True
            while not ended:
                await desk.clock.sleep(_LOOK_EVERY_S)
                ended = (await bench.pulse()).exit_code is not None
    except (TimeoutError, OSError, VastMcpError):
        pass
    return _words(job.job_id, reached=reached, ended=ended)


def _words(job_id: str, *, reached: bool, ended: bool) -> str:
    if ended:
        return f"Job {job_id} was told to end before, and did."
    if reached:
        return f"Job {job_id} was told to end before, and did not within {GRACE_S:.0f} s."
    return f"Job {job_id} could not be told to end before: SSH did not answer."
