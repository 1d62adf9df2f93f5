"""A command in the background of a machine that exists: a job that neither rents nor ends one."""

from dataclasses import dataclass, field, replace
from typing import ClassVar

from vast_mcp.account.context import Account
from vast_mcp.actions import RunCommand
from vast_mcp.actions.base import PlainAct
from vast_mcp.actions.run_command import host_reads
from vast_mcp.actions.ssh_target import Aboard
from vast_mcp.errors import InputInvalid
from vast_mcp.guard.act import Booking, Errand, Outcome, Sight
from vast_mcp.jobs import script
from vast_mcp.jobs.run import job_id_of, planned
from vast_mcp.operations import JsonObject
from vast_mcp.store import JobKind, JobPhase, JobSpec, Transaction


@dataclass(frozen=True, slots=True)
class RunInBackground(PlainAct):
    """`run_command` with `background`: decided as any command, then a row and a job's watcher."""

    tool: ClassVar[str] = "run_command"
    instance_id: int
    command: str = field(repr=False)
    directory: str = ""
    sealed: str = field(default="", repr=False)

    def arguments(self) -> JsonObject:
        """All that was asked; environment values only sealed."""
        return {**PlainAct.arguments(self), "background": True}

    async def look(self, account: Account) -> Sight:
        """As of a command that is waited for; but the machine has to run.

        Raises:
            InputInvalid: it is stopped.
        """
        env = tuple(account.secrets.unsealed(self.sealed).env.items())
        sight = await RunCommand(self.instance_id, self.command, self.directory, env).look(account)
        if isinstance(sight, Aboard) and not sight.addresses:
            raise InputInvalid(
                "instance_id",
                "this machine is stopped: nothing can run on it",
                hint="start_instance starts it under a new lease.",
            )
        return replace(sight, handle=f"background-{sight.handle}")

    def reserve(self, tx: Transaction, booking: Booking, sight: Sight) -> None:
        """Write it down. Nobody was asked, so it is approved for nothing but itself."""
        del sight
        spec = JobSpec(self.command, JobKind.COMMAND, self.directory)
        tx.add_job(planned(booking, spec, self.sealed, self.instance_id))

    async def carry_out(self, account: Account, errand: Errand) -> Outcome:
        """Let it begin, and answer."""
        job_id = job_id_of(errand.booking)

        def ready(tx: Transaction) -> None:
            job = tx.job(job_id)
            assert job is not None
            if job.phase is JobPhase.PLANNED:
                tx.update_job(job, phase=JobPhase.UPLOADING)

        await account.ledger.write(ready)
        account.begun_jobs.put_nowait(job_id)
        return Outcome(
            status="started",
            said=f"Job {job_id} runs it in the background. It continues when this server stops;"
            " the lease still ends the machine.",
            next=f'show_jobs(job_id="{job_id}", wait_seconds=45) shows its output and how it'
            " ended; stop_job stops it.",
            warnings=host_reads(account.secrets.unsealed(self.sealed).env.items(), self.command),
            values={
                "job_id": job_id,
                "instance_id": self.instance_id,
                "output_path": f"{script.place(job_id)}/{script.OUTPUT}",
            },
        )
