"""Send what the command needs, start it once, and watch it to its end."""

from dataclasses import dataclass, replace

from vast_mcp.account.encryption import Sealed
from vast_mcp.clock import SECOND_US
from vast_mcp.jobs import script
from vast_mcp.jobs.context import JobContext
from vast_mcp.jobs.file_transfer import FileTransfer
from vast_mcp.jobs.log import LOG_KEPT
from vast_mcp.jobs.progress import progress_of
from vast_mcp.jobs.remote_job import Pulse, RemoteJob
from vast_mcp.jobs.rent import give_up
from vast_mcp.jobs.run import shown_bytes
from vast_mcp.jobs.uploads import measure
from vast_mcp.remote.command import command_line
from vast_mcp.remote.errors import CopyRefused, PathRefused, RemoteFailed, SshUnavailable
from vast_mcp.store import JobPhase, Upload
from vast_mcp.text import clean_line

TERM_BEFORE_S = 120
"""The command is told to end so long before its machine is stopped."""
ASIDE_GRACE_S = 30
"""From SIGTERM to SIGKILL for a mere command that somebody stops."""
_POLL_S = 5.0
_SLOW_POLL_S = 15.0
_MOST_SPARE_S = 600
_GONE_AFTER = 4
"""Looks in a row that find neither the command nor its exit status."""
_LOST_AFTER = 8
_SILENT_FOR = 80
"""Twenty minutes: hosts come back."""
_READ = 256 * 1024


@dataclass(frozen=True, slots=True)
class Workplace:
    """The job's machine as it is now. No `remote_job`: it does not run."""

    remote_job: RemoteJob | None = None
    said: str = ""
    """How it stands, and why."""
    silent: bool = False
    """Its host is not heard. What runs there may well go on, and nothing bills."""

    @property
    def patience(self) -> int:
        """Looks in a row before it is given up."""
        return _SILENT_FOR if self.silent else _LOST_AFTER


async def place_of(context: JobContext) -> Workplace:
    """One look at the machine."""
    assert context.job.instance_id is not None
    look = await progress_of(context.account, context.job.instance_id)
    status = None if look.instance is None else look.instance.actual_status
    if look.instance is None or status != "running":
        unproven = look.instance is None and not look.dead
        return Workplace(silent=unproven or status in {"offline", "unknown"})
    folder = script.HOME_FOLDER if context.aside else ""
    return Workplace(
        RemoteJob(
            context.account.remote, context.account.clock, context.job.job_id, look.instance, folder
        )
    )


async def remote_job_of(context: JobContext) -> RemoteJob | None:
    """The machine as it is now; None when it does not run."""
    return (await place_of(context)).remote_job


# -- sending -------------------------------------------------------------------------------


async def send(context: JobContext) -> None:
    """Uploads, files and the command itself; then the start is written down, and begun."""
    if await _stopped(context):
        return
    remote_job = await remote_job_of(context)
    paths = [upload.path for upload in _uploads(context)]
    try:
        if remote_job is None:
            raise SshUnavailable("The machine is no longer running.", reason="lost")
        if not context.aside:  # a mere command was decided upon as such
            await _still_as_agreed(context, paths)
            await context.carry(FileTransfer("upload_files", remote_job.instance_id))
        await remote_job.send(paths, *_orders(context))
    except (PathRefused, CopyRefused, RemoteFailed) as error:
        why = "What the command needs could not be sent; nothing ran."
        facts = replace(context.facts, why=why, detail=str(clean_line(str(error), 300)))
        await context.save(JobPhase.ENDING, facts)
        return
    except SshUnavailable as error:
        lost = context.facts.lost + 1
        failing = str(clean_line(error.message, 200))
        if lost >= _LOST_AFTER and context.aside:
            why = "Its machine could not be reached; nothing ran."
            await context.save(JobPhase.ENDING, replace(context.facts, why=why, detail=failing))
        elif lost >= _LOST_AFTER:  # nothing has run there: the host is replaced
            await give_up(context, failing)
        else:
            await context.save(facts=replace(context.facts, lost=lost))
            await context.pause(_SLOW_POLL_S)
        return
    if await _stopped(context):  # sending may have taken hours
        return
    # From here on the machine may hold results: its destroy is no longer free.
    facts = replace(context.facts, started=True, started_us=context.now_us(), lost=0)
    await context.save(JobPhase.RUNNING, facts)


async def _stopped(context: JobContext) -> bool:
    """Whether somebody stopped it by now: then its command does not begin."""
    if not (await context.save()).stop_asked:
        return False
    why = "It was stopped before its command began."
    await context.save(JobPhase.ENDING, replace(context.facts, why=why))
    return True


def _uploads(context: JobContext) -> tuple[Upload, ...]:
    agreed = context.spec.agreed
    return () if agreed is None else agreed.uploads


def _orders(context: JobContext) -> tuple[Sealed, str, tuple[str, ...]]:
    """Values and files, the command line, and what it shall leave behind."""
    spec, sealed = context.spec, context.account.secrets.unsealed(context.job.sealed)
    return sealed, command_line(spec.command, directory=spec.directory), spec.outputs


async def _still_as_agreed(context: JobContext, paths: list[str]) -> None:
    """The yes was to so many files and bytes; more than a tenth beyond that is something else."""
    uploads = _uploads(context)
    agreed = sum(file.bytes for file in uploads)
    measured = await measure(context.account.remote.roots(), paths)
    named = {file.path for file in uploads if file.doubt}
    for upload in measured:
        if upload.doubt and upload.path not in named:
            raise CopyRefused(
                f"{clean_line(upload.path, 80)} now looks like a secret (it {upload.doubt}), which"
                " the question did not mention; nothing was sent."
            )
    found = sum(file.bytes for file in measured)
    if found > agreed * 1.1 + 100_000:
        raise CopyRefused(
            f"The uploads grew to {shown_bytes(found)} after the question said"
            f" {shown_bytes(agreed)}; nothing was sent."
        )


# -- watching ------------------------------------------------------------------------------


async def watch(context: JobContext) -> None:
    """One look at the command. Starting is part of it: `start` acts only the first time."""
    remote_job = await _remote_job_or_wait(context)
    if remote_job is None:
        return
    try:
        await remote_job.start()
        pulse = await remote_job.pulse()
        await _keep_output(context, remote_job, pulse, last=False)
        if pulse.exit_code is not None:
            await _ended(context, remote_job)
            return
        await _tell_to_end(context, remote_job)
    except SshUnavailable:
        await _unreachable(context)
        return
    if await _vanished(context, remote_job, pulse) or await _outlived(context):
        return
    await context.save(facts=replace(context.facts, lost=0, output_bytes=pulse.output_bytes))
    elapsed_s = (context.now_us() - (context.facts.started_us or 0)) // SECOND_US
    await context.pause(_POLL_S if elapsed_s < 600 else _SLOW_POLL_S)


async def _unreachable(context: JobContext) -> None:
    """It runs and does not answer. Waited out, unless somebody wants the job to end."""
    lost = context.facts.lost + 1
    if context.job.stop_asked and lost >= _LOST_AFTER:
        why = "It was stopped, but its machine could not be reached"
        no_output = ", so no output was brought back." if context.spec.outputs else "."
        why += ": its command may still be running." if context.aside else no_output
        await context.save(JobPhase.ENDING, replace(context.facts, why=why))
        return
    await context.save(facts=replace(context.facts, lost=lost))
    await context.pause(_SLOW_POLL_S)


async def _remote_job_or_wait(context: JobContext) -> RemoteJob | None:
    """The running machine. One that rests is waited for until its lease is over."""
    place = await place_of(context)
    if place.remote_job is not None:
        return place.remote_job
    if context.aside:
        await _resting(context, place)
        return None
    rental = await context.machine_rental()
    gone = rental is None or not rental.state.holds_money
    over = rental is not None and (not rental.running or context.now_us() >= rental.lease_ends_us)
    if gone or over or context.job.stop_asked or not context.spec.restart_on_resume:
        lost = context.facts.lost + 1
        if lost >= place.patience or gone or over:
            word = "is gone" if gone else "is no longer running"
            what = ", so its outputs could not be brought back" * bool(context.spec.outputs)
            why = f"Its machine {word}{what}. {place.said}".rstrip()
            await context.save(JobPhase.ENDING, replace(context.facts, why=why))
            return None
        await context.save(facts=replace(context.facts, lost=lost))
    await context.pause(_SLOW_POLL_S)
    await context.save()
    return None


async def _resting(context: JobContext, place: Workplace) -> None:
    """The machine of a mere command does not run: soon that is the command's end."""
    lost = context.facts.lost + 1
    if lost >= place.patience:
        why = f"Its machine is no longer running, which ended it. {place.said}".rstrip()
        await context.save(JobPhase.ENDING, replace(context.facts, why=why))
        return
    await context.pause(_SLOW_POLL_S)
    await context.save(facts=replace(context.facts, lost=lost))


async def _keep_output(
    context: JobContext, remote_job: RemoteJob, pulse: Pulse, *, last: bool
) -> None:
    """Bring what was printed since the last look; beyond a megabyte it stays on the machine."""
    most = min(pulse.output_bytes, LOG_KEPT)
    while (here := await context.log_size()) < most:
        try:
            data = await remote_job.output(here, min(_READ, LOG_KEPT - here))
        except RemoteFailed:
            return
        # A value that lies across the end of what is kept never becomes whole here.
        ends = last and here + len(data) >= pulse.output_bytes
        if not data or not await context.add_to_log(data, here, last=ends):
            return


async def _ended(context: JobContext, remote_job: RemoteJob) -> None:
    """The status is there; what came between the last look and the end is read as well."""
    pulse = await remote_job.pulse()
    await _keep_output(context, remote_job, pulse, last=True)
    # Told by the guard inside the machine, which may be faster than our look: its time was up too.
    timed_out = context.facts.timed_out
    if timed_out is None:
        timed_out = pulse.told and not context.job.stop_asked and await _late(context)
    facts = replace(
        context.facts,
        exit_code=pulse.exit_code,
        output_bytes=pulse.output_bytes,
        timed_out=timed_out,
        lost=0,
    )
    await context.save(JobPhase.DOWNLOADING, facts)


async def _tell_to_end(context: JobContext, remote_job: RemoteJob) -> None:
    """SIGTERM when somebody stops the job or its time is up; SIGKILL after a while of grace."""
    now_us, told_us = context.now_us(), context.facts.term_us
    grace_s = ASIDE_GRACE_S if context.aside else TERM_BEFORE_S
    if told_us is None:
        if context.job.stop_asked or await _late(context):
            await remote_job.tell_to_end()  # first: what was not told must not be killed
            timed_out = not context.job.stop_asked
            await context.save(facts=replace(context.facts, term_us=now_us, timed_out=timed_out))
    elif now_us >= told_us + grace_s * SECOND_US:
        await remote_job.kill()


async def _late(context: JobContext) -> bool:
    """Whether it is time to tell the command to end."""
    ends_us = await stop_us(context)
    return ends_us is not None and context.now_us() >= ends_us - TERM_BEFORE_S * SECOND_US


async def stop_us(context: JobContext) -> int | None:
    """When its machine shall be stopped: before the lease ends, with time left to copy.

    Of a mere command: at the lease's end; None where nobody knows of one.
    """
    rental = await context.machine_rental()
    if context.aside:
        return rental.lease_ends_us if rental is not None and rental.running else None
    if rental is None:
        return context.now_us()
    started_us = context.facts.started_us
    begun_us = rental.created_us if started_us is None else started_us
    return stops_at_us(begun_us, rental.lease_ends_us)


def stops_at_us(begun_us: int, ends_us: int) -> int:
    """A tenth of the command's time before the lease ends, ten minutes at most."""
    whole_s = max(0, ends_us - begun_us) // SECOND_US
    return ends_us - min(_MOST_SPARE_S, whole_s // 10) * SECOND_US


async def _outlived(context: JobContext) -> bool:
    """Whether it was killed and still has no status: the copy does not wait any longer."""
    told_us = context.facts.term_us
    if told_us is None or context.now_us() < told_us + (TERM_BEFORE_S + 60) * SECOND_US:
        return False
    await context.save(JobPhase.DOWNLOADING, replace(context.facts, exit_code=None, lost=0))
    return True


async def _vanished(context: JobContext, remote_job: RemoteJob, pulse: Pulse) -> bool:
    """Whether the command is gone without a status, as after a reboot; then start it again."""
    if pulse.alive:
        if context.facts.absent:
            await context.save(facts=replace(context.facts, absent=0))
        return False
    absent = context.facts.absent + 1
    await context.save(facts=replace(context.facts, absent=absent))
    if absent < _GONE_AFTER:
        return False
    if context.spec.restart_on_resume and not context.job.stop_asked:
        await remote_job.send([], *_orders(context))
        await remote_job.forget_start()
        await context.save(facts=replace(context.facts, absent=0))
        return True
    why = "Its command vanished without an exit status: the machine was restarted or killed it."
    facts = replace(context.facts, exit_code=None, trouble=why, lost=0)
    await context.save(JobPhase.DOWNLOADING, facts)
    return True
