"""All jobs of one account in one server: begin, resume after a crash, show."""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from vast_mcp.account.context import Account
from vast_mcp.clock import SECOND_US, SystemClock
from vast_mcp.errors import VastMcpError
from vast_mcp.guard.door import Guard
from vast_mcp.jobs.context import STALE_S, JobContext, JobLost
from vast_mcp.jobs.log import prune
from vast_mcp.jobs.runner import run_job
from vast_mcp.remote.threads import in_thread
from vast_mcp.store import Job, Transaction

RESUME_EVERY_S = 30.0
_BEAT_S = 20.0
_OWNER_LENGTH = 12
_logger = logging.getLogger(__name__)


class Jobs:
    """Belongs to one event loop; `open` it for the server's life."""

    def __init__(self, account: Account, guard: Guard) -> None:
        self._account = account
        self._guard = guard
        self._ledger = account.ledger
        self._clock = account.clock
        self._logs = account.home / "jobs"
        self._owner = account.clock.random_id(_OWNER_LENGTH)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._closed = False
        self._held = False
        """Whether a job was ever worked on here; if not, there is nothing to be let go."""

    def log_of(self, job_id: str) -> Path:
        """Where a job's output is kept on this computer."""
        return self._logs / f"{job_id}.log"

    def begin(self, job_id: str) -> None:
        """Work on this job in this server, unless another is at it."""
        if self._closed or job_id in self._tasks:
            return
        self._held = True
        task = asyncio.get_running_loop().create_task(self._work(job_id))
        self._tasks[job_id] = task
        task.add_done_callback(lambda _: self._tasks.pop(job_id, None))

    @asynccontextmanager
    async def open(self, *, resume: bool) -> AsyncIterator[None]:
        """For the lifespan. With `resume`, unfinished jobs that nobody works on are taken up.

        On the way out the tasks are let go, not ended: the next server goes on with the jobs.
        """
        loop = asyncio.get_running_loop()
        watching = [loop.create_task(self._take_up())]
        if resume:
            watching.append(loop.create_task(self._resume()))
        try:
            yield
        finally:
            self._closed = True
            tasks = [*self._tasks.values(), *watching]
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            if self._held:  # else the books, which an unreachable vendor hides, are not needed
                await self._let_go()

    async def _take_up(self) -> None:
        """Work on the jobs that acts begin, as they begin them."""
        while True:
            self.begin(await self._account.begun_jobs.get())

    async def _resume(self) -> None:
        """Look for jobs that nobody works on, now and every half minute."""
        await self._prune()
        while True:
            with suppress(VastMcpError):
                for job in await self._ledger.read(lambda tx: tx.unfinished_jobs()):
                    self.begin(job.job_id)
            await SystemClock().sleep(RESUME_EVERY_S)

    async def _work(self, job_id: str) -> None:
        taken = await self._take(job_id)
        if taken is None:
            return
        context = JobContext(
            account=self._account,
            guard=self._guard,
            owner=self._owner,
            log=self.log_of(job_id),
            job=taken,
        )
        with suppress(VastMcpError):
            self._account.secrets.unsealed(taken.sealed)
        await self._while_ours(job_id, run_job(context))
        await self._prune()

    async def _while_ours(self, job_id: str, work: Coroutine[None, None, None]) -> None:
        """Work as long as the job is this server's; another's work is not to be got in the way."""
        loop = asyncio.get_running_loop()
        working, beating = loop.create_task(work), loop.create_task(self._beat(job_id))
        try:
            await asyncio.wait({working, beating}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (working, beating):
                task.cancel()
            ends = await asyncio.gather(working, beating, return_exceptions=True)
        if isinstance(ends[0], Exception):
            raise ends[0]

    async def _take(self, job_id: str) -> Job | None:
        now_us, stale_us = self._clock.utc_us(), int(STALE_S * SECOND_US)
        try:
            return await self._ledger.write(
                lambda tx: tx.take_job(job_id, self._owner, now_us, stale_us)
            )
        except VastMcpError as error:
            _logger.warning("job %s cannot be resumed: %s", job_id, error)
            return None

    async def _prune(self) -> None:
        """Old output goes; that of jobs that are not over stays."""
        with suppress(VastMcpError, OSError):
            open_ = await self._ledger.read(lambda tx: tx.unfinished_jobs())
            keep = {job.job_id for job in open_}
            now_s = self._clock.utc_us() / SECOND_US
            await in_thread(lambda: prune(self._logs, now_s, keep))

    async def _beat(self, job_id: str) -> None:
        """Say that somebody works on it, also during a copy that lasts an hour; until it is lost.

        A computer that slept wakes up with a stale beat, and another server may be the first.
        """

        def beat(tx: Transaction) -> None:
            job = tx.job(job_id)
            if job is None or job.owner != self._owner:
                raise JobLost("taken over")
            tx.update_job(job, beat_us=self._clock.utc_us())

        while True:
            await SystemClock().sleep(_BEAT_S)
            try:
                await self._ledger.write(beat)
            except JobLost:
                return
            except VastMcpError as error:
                _logger.warning("job %s: heartbeat failed: %s", job_id, error)

    async def _let_go(self) -> None:
        """So that the next server need not wait until our beat is stale."""

        def release(tx: Transaction) -> None:
            for job in tx.unfinished_jobs():
                if job.owner == self._owner:
                    tx.update_job(job, owner="")

        with suppress(VastMcpError):
            await self._ledger.write(release)
