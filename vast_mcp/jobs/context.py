"""One job's row and the guard, as a runner uses them: every word of it is written first."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

from vast_mcp.account.context import Account
from vast_mcp.errors import VastMcpError
from vast_mcp.guard.act import Act, Caller, Outcome
from vast_mcp.guard.door import Guard
from vast_mcp.guard.job_approval import Approval
from vast_mcp.jobs.log import put, size_of
from vast_mcp.masking import Needles
from vast_mcp.remote.threads import in_thread
from vast_mcp.store import (
    Job,
    JobAgreement,
    JobFacts,
    JobNotes,
    JobPhase,
    JobSpec,
    Rental,
    Transaction,
)
from vast_mcp.units import Usd

_logger = logging.getLogger(__name__)
STALE_S = 90.0
_LEAST_PAUSE_S = 0.2


class JobLost(VastMcpError):
    """Another server is at work on this job by now; this one lets go of it."""


@dataclass
class JobContext:
    """What a runner holds. `job` is the row as last written."""

    account: Account
    guard: Guard
    owner: str
    log: Path
    """Where the command's output is kept on this computer."""
    job: Job

    # -- the row ---------------------------------------------------------------------------

    async def save(
        self,
        phase: JobPhase | None = None,
        facts: JobFacts | None = None,
        **changes: Unpack[JobNotes],
    ) -> Job:
        """Write these changes into the row as it is now.

        Nobody but its owner writes a job's facts, so they are `replace(context.facts, ...)`.

        Raises:
            JobLost: another server took it over.
        """
        job_id, now_us = self.job.job_id, self.account.clock.lease_us()

        def write(tx: Transaction) -> Job:
            job = tx.job(job_id)
            if job is None or job.owner != self.owner or job.phase.over:
                raise JobLost(f"Job {job_id} now belongs to another server.")
            return tx.update_job(
                job,
                phase=phase or job.phase,
                facts=job.facts if facts is None else facts,
                changed_us=now_us,
                beat_us=self.account.clock.utc_us(),
                **changes,
            )

        self.job = await self.account.ledger.write(write)
        return self.job

    @property
    def facts(self) -> JobFacts:
        """What was written down last."""
        return self.job.facts

    @property
    def spec(self) -> JobSpec:
        """What was asked for."""
        return self.job.spec

    @property
    def agreed(self) -> JobAgreement:
        """The yes of a job that rents; a mere command never gets to where it is asked for."""
        assert self.job.spec.agreed is not None
        return self.job.spec.agreed

    @property
    def aside(self) -> bool:
        """A mere command on a machine that is not the job's own."""
        return self.job.aside

    # -- the guard -------------------------------------------------------------------------

    async def carry(self, act: Act) -> Outcome:
        """Do this in the name of the job's yes."""
        caller = Caller(self.job.principal, can_ask=True, client="job")
        return await self.guard.carry(act, caller, Approval(self.job.job_id, self.owner))

    async def rental(self, request_key: str) -> Rental | None:
        """What became of one rent of this job."""
        found = await self.account.ledger.read(
            lambda tx: tx.same_intent(self.job.principal, request_key)
        )
        return found[0] if found else None

    async def live_rentals(self) -> list[Rental]:
        """What of this job still holds money."""
        live = await self.account.ledger.read(lambda tx: tx.live_rentals())
        return [rental for rental in live if rental.job_id == self.job.job_id]

    async def machine_rental(self) -> Rental | None:
        """The rental of the present machine."""
        instance_id = self.job.instance_id
        if instance_id is None:
            return None
        return await self.account.ledger.read(lambda tx: tx.rental_of("instance", instance_id))

    async def spent(self) -> Usd:
        """What the job has cost until now, without what others of its task cost."""
        now_us, job_id = self.account.clock.lease_us(), self.job.job_id
        return await self.account.ledger.read(
            lambda tx: tx.exposure(now_us, job_id=job_id).job_spent
        )

    async def committed(self) -> Usd:
        """What it has cost and what is set aside: a machine's last minutes may be charged late."""
        now_us, job_id = self.account.clock.lease_us(), self.job.job_id
        seen = await self.account.ledger.read(lambda tx: tx.exposure(now_us, job_id=job_id))
        return seen.job_spent + seen.job_reserved

    # -- time ------------------------------------------------------------------------------

    def now_us(self) -> int:
        """The clock that leases follow."""
        return self.account.clock.lease_us()

    async def pause(self, seconds: float) -> None:
        """Let the vendor's time pass; on a hastened simulator never less than a moment of ours."""
        began_s = self.account.clock.monotonic_s()
        await self.account.clock.vendor().sleep(seconds)
        rest_s = _LEAST_PAUSE_S - (self.account.clock.monotonic_s() - began_s)
        if rest_s > 0:
            await self.account.clock.sleep(rest_s)

    # -- the log ---------------------------------------------------------------------------

    async def log_size(self) -> int:
        """How much of the command's output is here."""
        return await in_thread(lambda: size_of(self.log))

    async def add_to_log(self, data: bytes, at: int, *, last: bool) -> bool:
        """Keep the bytes from there on without the job's secrets; False while they may begin one.

        Where nobody can tell what its secrets are any more, nothing is kept. A disk that is full
        here is no reason to end what runs there: the same bytes are read again with the next look.
        """
        try:
            hidden = self.hidden()
            whole = data if last else data[: hidden.settled(data)]
            kept = hidden.closed(whole) if last else hidden.masked(whole)
            if whole:
                await in_thread(lambda: put(self.log, kept, at))
        except (VastMcpError, OSError) as error:
            _logger.warning("job %s: its output cannot be saved: %s", self.job.job_id, error)
            return False
        return bool(whole)

    def hidden(self) -> Needles:
        """All values known as secrets: the job's own, its machine's, the key, a session's."""
        self.account.secrets.unsealed(self.job.sealed)
        self.account.secrets.learn(self.account.limits())
        return self.account.redactor.needles
