"""One job from its yes to its end: a walk over phases, each written before it is begun.

Whatever interrupts it, the next server reads the row and goes on: a rent is looked up by its
request key before another is made, the start on the machine succeeds only once, a copy goes on
where it stopped, and a machine is let go only by the guard, under the job's own yes.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

from vast_mcp.clock import MINUTE_US
from vast_mcp.errors import (
    LedgerUnavailable,
    NeverSent,
    OutcomeUnknown,
    PolicyDenied,
    RateLimited,
    VastMcpError,
    VendorDown,
)
from vast_mcp.jobs import finish, rent, work
from vast_mcp.jobs.context import JobContext, JobLost
from vast_mcp.store import JobPhase
from vast_mcp.text import clean_line

_logger = logging.getLogger(__name__)
_RETRY_S = 20.0
_MOST_TROUBLES = 30
_YES_WITHIN_US = 10 * MINUTE_US
Step = Callable[[JobContext], Awaitable[None]]


async def planned(context: JobContext) -> None:
    """Begin, if it was agreed to; the yes is written a moment after the row."""
    age_us = context.now_us() - context.job.created_us
    if not context.job.approved and 0 <= age_us < _YES_WITHIN_US:
        await context.pause(1.0)
        await context.save()
    elif not context.job.approved:
        await finish.finish(context, JobPhase.FAILED, "It was never approved; nothing was rented.")
    else:
        await context.save(JobPhase.RENTING)


async def run_job(context: JobContext) -> None:
    """Walk until the job is over or another server's.

    Trouble that passes by itself is waited out; what does not pass ends the job, and its machine.
    """
    troubles = 0
    while not context.job.phase.over:
        phase = context.job.phase
        try:
            await _step(phase)(context)
            troubles = 0
        except JobLost:
            return
        except LedgerUnavailable as error:  # nothing can be written: its lease still ends it
            _logger.warning("job %s waits: %s", context.job.job_id, error)
            await context.pause(_RETRY_S)
        except VastMcpError as error:
            troubles += not _away(context, error)
            _logger.info("job %s in %s: %s", context.job.job_id, phase.value, error)
            if troubles < _MOST_TROUBLES and not _final(error):
                await context.pause(_RETRY_S)
            else:
                troubles = 0  # its end has as much patience of its own
                await _give_up(context, str(error))
        except Exception:
            _logger.exception("job %s: a defect; its machine is ended", context.job.job_id)
            await _give_up(context, "A defect in the server ended it; see its log.")


def _away(context: JobContext, error: VastMcpError) -> bool:
    """Whether the vendor, or the way to it, is away while the job has a machine.

    What runs there runs on, and nothing can be ended either: it is waited for as long as it takes.
    """
    passing = isinstance(error, NeverSent | OutcomeUnknown | RateLimited | VendorDown)
    return passing and context.job.instance_id is not None


def _final(error: VastMcpError) -> bool:
    """Whether waiting is no use: a refusal, but not one for a policy that is just being edited."""
    return isinstance(error, PolicyDenied) and "policy.broken" not in error.rules


async def _give_up(context: JobContext, why: str) -> None:
    """What cannot go on ends its machine; what cannot even end is told."""
    try:
        if context.job.phase is JobPhase.ENDING:
            await finish.finish(context, JobPhase.FAILED, why)
        else:
            facts = replace(context.facts, why=str(clean_line(why, 400)))
            await context.save(JobPhase.ENDING, facts)
    except JobLost:
        return


def _step(phase: JobPhase) -> Step:
    steps: dict[JobPhase, Step] = {
        JobPhase.PLANNED: planned,
        JobPhase.RENTING: rent.rent,
        JobPhase.WAITING: rent.wait,
        JobPhase.UPLOADING: work.send,
        JobPhase.RUNNING: work.watch,
        JobPhase.DOWNLOADING: finish.fetch,
        JobPhase.ENDING: finish.end,
    }
    return steps[phase]
