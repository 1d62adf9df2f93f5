"""Stopping a job, a copy, or the machine under a job.

A machine's stop by a person tells its job first and waits a little: the vendor's own stop gives a
container some seconds at best, and says nothing to what runs apart from its first process. Nothing
here may keep a machine from being stopped: whatever fails is said.

See docs/vendor-api.md#copying.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import ClassVar

from vast_mcp.account.context import Account
from vast_mcp.actions import StopInstance
from vast_mcp.actions.base import PlainAct
from vast_mcp.actions.destroy_several import Ending, EndSeveral
from vast_mcp.errors import ApiError, InputInvalid, LedgerUnavailable, NotFound, VastMcpError
from vast_mcp.guard.act import Errand, Outcome, Sight
from vast_mcp.jobs.remote_job import RemoteJob
from vast_mcp.operations import JsonObject, copying
from vast_mcp.policy.facts import Request
from vast_mcp.store import Job, JobPhase, Transaction

COPY_PREFIX = "copy-"
GRACE_S = 10.0
"""For all of it: the way in, SIGTERM, and what the job still writes."""
_LOOK_EVERY_S = 0.5
_BEFORE = "has not started there, and will not."
_AT_WORK = {
    JobPhase.PLANNED: _BEFORE,
    JobPhase.RENTING: _BEFORE,
    JobPhase.WAITING: _BEFORE,
    JobPhase.UPLOADING: "is running there; its command is about to start.",
    JobPhase.RUNNING: "is running there; it is terminated first.",
    JobPhase.DOWNLOADING: "is bringing its outputs back; the rest stays on the disk.",
    JobPhase.ENDING: "is ending it now.",
}
"""What the stop of its machine does to a job, by where it stands."""


@dataclass(frozen=True, slots=True)
class StopKindly(StopInstance):
    """`stop_instance` as a person asks for it."""

    async def look(self, account: Account) -> Sight:
        """As of any stop; what runs there is named."""
        sight = await StopInstance.look(self, account)
        jobs = await _unfinished(account, self.instance_id)
        named = "".join(f" Job {job.job_id} {_AT_WORK[job.phase]}" for job in jobs[:1])
        return replace(sight, question=sight.question + named)

    async def carry_out(self, account: Account, errand: Errand) -> Outcome:
        """SIGTERM to what runs there, at most ten seconds, then the stop whatever came of it."""
        jobs = await _unfinished(account, self.instance_id)
        running = [job for job in jobs if job.phase is JobPhase.RUNNING]
        told = await asyncio.gather(*(_tell(account, job) for job in running))
        outcome = await StopInstance.carry_out(self, account, errand)
        return replace(outcome, said=" ".join([outcome.said, *filter(None, told)]))


@dataclass(frozen=True, slots=True)
class StopSeveral(EndSeveral):
    """Several machines halted; what runs on them is told first."""

    tool: ClassVar[str] = "stop_instances"
    verb: ClassVar[str] = "Stop"
    done: ClassVar[str] = "stopped"
    single: ClassVar[str] = "stop_instance"
    consequence: ClassVar[str] = "Their disks stay and are billed until destroyed."

    def part(self, instance_id: int) -> Ending:
        """One of them."""
        return StopKindly(instance_id)


async def _unfinished(account: Account, instance_id: int) -> list[Job]:
    with suppress(LedgerUnavailable):  # a stop waits for no book
        found = await account.ledger.read(lambda tx: tx.jobs_of_machine(instance_id))
        return [job for job in found if not job.phase.over]
    return []


async def _tell(account: Account, job: Job) -> str:
    """What became of it, in a sentence."""
    reached = ended = False
    try:
        async with asyncio.timeout(GRACE_S):
            instance = (await account.reads.look(job.instance_id or 0)).instance
            if instance is None:
                return ""
            remote_job = RemoteJob(account.remote, account.clock, job.job_id, instance)
            await remote_job.tell_to_end()
            reached = True
            while not ended:
                await account.clock.sleep(_LOOK_EVERY_S)
                ended = (await remote_job.pulse()).exit_code is not None
    except (TimeoutError, OSError, VastMcpError):
        pass
    return _words(job.job_id, reached=reached, ended=ended)


def _words(job_id: str, *, reached: bool, ended: bool) -> str:
    if ended:
        return f"Job {job_id} was told to end first, and did."
    if reached:
        return f"Job {job_id} was told to end first, and did not within {GRACE_S:.0f} s."
    return f"Job {job_id} could not be told to end first: SSH did not answer."


@dataclass(frozen=True, slots=True)
class StopJob(PlainAct):
    """End a job early: its outputs so far are brought back first."""

    tool: ClassVar[str] = "stop_job"
    job_id: str
    principal: str = "local"

    def arguments(self) -> JsonObject:
        """The job."""
        return {"job_id": self.job_id, "principal": self.principal}

    @property
    def _is_copy(self) -> bool:
        return self.job_id.startswith(COPY_PREFIX)

    async def look(self, account: Account) -> Sight:
        """The job or copy as it stands.

        Raises:
            InputInvalid: there is none.
        """
        if self._is_copy:
            return self._look_at_copy(account)
        job = await account.ledger.read(lambda tx: tx.job(self.job_id))
        if job is None or job.principal != self.principal:
            raise InputInvalid("job_id", "there is no such job", hint="show_jobs lists them.")
        return Sight(
            request=Request(self.tool),
            snapshot={"job_id": self.job_id},
            question=f"Stop job {self.job_id}? {_what_follows(job)}",
            handle=f"stop-job-{self.job_id}",
        )

    async def carry_out(self, account: Account, errand: Errand) -> Outcome:
        """Note the wish; whichever server is at work on the job sees it at its next step."""
        if self._is_copy:
            return await self._end_copy(account, errand)

        def note(tx: Transaction) -> Job | None:
            job = tx.job(self.job_id)
            if job is None or job.phase.over:
                return job
            return tx.update_job(job, stop_asked=True)

        job = await account.ledger.write(note)
        if job is None or job.phase.over:
            word = "gone" if job is None else job.phase.value
            return Outcome("over", f"Job {self.job_id} is already over: {word}.")
        account.begun_jobs.put_nowait(self.job_id)
        return Outcome(
            status="stopping",
            said=f"Job {self.job_id} is being stopped. {_what_follows(job)}",
            next=f'show_jobs(job_id="{self.job_id}", wait_seconds=45)',
            values={"job_id": self.job_id},
        )

    def _look_at_copy(self, account: Account) -> Sight:
        if account.remote.transfers.named(self.job_id) is None:
            raise InputInvalid(
                "job_id",
                "no such copy is running in this server",
                hint="A copy stops with the server that started it; show_jobs lists the others.",
            )
        return Sight(
            request=Request(self.tool),
            snapshot={"job_id": self.job_id},
            question=f"End {self.job_id}? What has arrived is kept.",
            handle=f"stop-{self.job_id}",
        )

    async def _end_copy(self, account: Account, errand: Errand) -> Outcome:
        transfers = account.remote.transfers
        copy = transfers.named(self.job_id)
        if copy is None or not copy.running:
            return Outcome("over", f"{self.job_id} has already ended.")
        ended = [copy]
        kept = "what has arrived is kept, and the same copy_files call resumes from there."
        if copy.by_vendor:  # the vendor ends whatever is copied onto that instance
            try:
                await errand.send(copying.cancel_copy(copy.instance_id))
            except NotFound:  # destroyed meanwhile, and the copy with it
                pass
            except ApiError:
                return Outcome(
                    status="unknown",
                    said=f"Vast.ai gave no clear answer, so {self.job_id} may continue.",
                    next="Call stop_job again: a second stop does no harm.",
                    values={"job_id": self.job_id, "instance_id": copy.instance_id},
                )
            ended = [
                running
                for running in transfers.list()
                if running.by_vendor and running.instance_id == copy.instance_id
            ]
            kept = f"Vast.ai was told to end all copies to {copy.instance_id}."
            kept += " Files that have arrived are kept, unverified."
        for transfer in ended:
            await transfers.cancel(transfer.copy_id)
            with suppress(VastMcpError):  # its end is told here: the same copy begins anew
                await transfers.wait(transfer, 0)
        return Outcome(
            status="stopped",
            said=f"{self.job_id} is ended; {kept}",
            values={"job_id": self.job_id, "instance_id": copy.instance_id},
        )


def _what_follows(job: Job) -> str:
    """What the stop of this job comes to: for its command, its outputs and its machine."""
    if job.aside:
        return "Its command is terminated; nothing is copied, and its machine keeps running."
    if not job.facts.started:
        return "Its command has not started; what was rented for it is destroyed."
    count = len(job.spec.outputs)
    home = f"its {count} named output{'s are' if count > 1 else ' is'} brought back"
    if not count:
        home = "it named no outputs, so only what it printed is kept"
    machine = "its machine is stopped, and the disk is still billed"
    if job.spec.on_end == "destroy":
        machine = "its machine is destroyed (only stopped if an output is not brought back)"
    return f"Its command is terminated; {home}; then {machine}."
