"""Bring the outputs home, end the machine as agreed, and say what came of it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from vast_mcp.actions import DestroyInstance, StopInstance
from vast_mcp.errors import NotFound, PolicyDenied, VastMcpError
from vast_mcp.guard.job_approval import may_destroy
from vast_mcp.jobs import script
from vast_mcp.jobs.context import JobContext
from vast_mcp.jobs.file_transfer import FileTransfer
from vast_mcp.jobs.log import LOG_KEPT, mask_file
from vast_mcp.jobs.remote_job import RemoteJob
from vast_mcp.jobs.work import place_of, remote_job_of
from vast_mcp.remote.errors import SshUnavailable
from vast_mcp.remote.paths import LocalPlace
from vast_mcp.remote.threads import in_thread
from vast_mcp.store import Halt, JobEnd, JobOutput, JobPhase
from vast_mcp.text import clean_line

_TRY_AGAIN_S = 15.0
_MOST_ENDS = 20


# -- fetching ------------------------------------------------------------------------------


async def fetch(context: JobContext) -> None:
    """The next output that is not home yet; when all were tried, the end."""
    named, tried = context.spec.outputs, context.facts.outputs
    if len(tried) >= len(named):
        verified = all(not output.trouble for output in tried)
        await _long_log(context)
        await context.save(JobPhase.ENDING, replace(context.facts, verified=verified))
        return
    place = await place_of(context)
    try:
        remote_job = place.remote_job
        if remote_job is None:
            raise SshUnavailable("The machine is no longer running.", reason="lost")
        await context.carry(FileTransfer("download_files", remote_job.instance_id))
        got = await remote_job.fetch(named[len(tried)], home_of(context))
    except (SshUnavailable, NotFound) as error:
        lost = context.facts.lost + 1
        if lost < place.patience:
            await context.save(facts=replace(context.facts, lost=lost))
            await context.pause(_TRY_AGAIN_S)
            return
        detail = str(clean_line(error.message, 300))
        why = "Its machine became unreachable, so not every output was brought back."
        facts = replace(context.facts, why=why, detail=detail, verified=False)
        await context.save(JobPhase.ENDING, facts)
        return
    await context.save(facts=replace(context.facts, outputs=(*tried, got), lost=0))


def home_of(context: JobContext, suffix: str = "") -> LocalPlace:
    """`~/vast-mcp/job-<id>`: where the outputs go."""
    return LocalPlace(
        context.account.remote.roots().roots[0], (f"job-{context.job.job_id}{suffix}",)
    )


async def _long_log(context: JobContext) -> None:
    """What was printed beyond the part kept here goes to `job-<id>-log`.

    Not among the outputs: one of them may have any name.
    """
    if context.aside or context.facts.output_bytes <= LOG_KEPT:
        return
    try:
        remote_job: RemoteJob | None = await remote_job_of(context)
        if remote_job is not None:
            path = f"{script.place(context.job.job_id)}/{script.OUTPUT}"
            got = await remote_job.fetch(path, home_of(context, "-log"))
            here, hidden = Path(got.local), context.hidden()
            if not got.trouble:
                await in_thread(lambda: mask_file(here, hidden))
                await context.save(facts=replace(context.facts, whole_log=str(here)))
    except (VastMcpError, OSError):
        return


# -- ending --------------------------------------------------------------------------------


async def end(context: JobContext) -> None:
    """Destroy where that was agreed and nothing can be lost, else stop; then say so."""
    instance_id = context.job.instance_id
    if instance_id is None or context.aside:
        await finish(context, *_verdict(context))
        return
    destroys = may_destroy(context.job) and not context.facts.leave
    await context.save()  # another server may have taken it over
    tries = context.facts.ends + 1
    act = (DestroyInstance if destroys else StopInstance)(instance_id, cause=Halt.JOB)
    try:
        outcome = await context.carry(act)
    except NotFound:
        await _forget(context, instance_id, "The machine is gone.")
        return
    except PolicyDenied as error:
        if tries < _MOST_ENDS:  # the policy may be in the middle of an edit
            await context.save(facts=replace(context.facts, ends=tries))
            await context.pause(_TRY_AGAIN_S)
            return
        left = f"Left running: the policy forbids ending it: {error}"
        await context.save(facts=replace(context.facts, machine=left))
        await finish(context, *_verdict(context))
        return
    if outcome.status == "destroyed":
        await _forget(context, instance_id, outcome.said)
    elif outcome.status == "stopped" or tries >= _MOST_ENDS:
        await context.account.remote.pool.drop(instance_id)
        await context.save(facts=replace(context.facts, machine=outcome.said))
        await finish(context, *_verdict(context))
    else:
        await context.save(facts=replace(context.facts, ends=tries))
        await context.pause(_TRY_AGAIN_S)


async def _forget(context: JobContext, instance_id: int, said: str) -> None:
    await context.account.remote.forget(instance_id)
    await context.save(facts=replace(context.facts, machine=said), instance_id=None)


def _verdict(context: JobContext) -> tuple[JobPhase, str]:
    """The last phase and a sentence of ours; nothing that the command printed is in it."""
    facts, kept = context.facts, _kept(context)
    why, code, outputs = facts.why, facts.exit_code, facts.outputs
    if context.job.stop_asked:
        return JobPhase.STOPPED, why or f"It was stopped{kept}"
    if facts.timed_out:
        return JobPhase.STOPPED, why or f"Its time was up{kept}"
    if why:
        return JobPhase.FAILED, why
    if code is None:
        return JobPhase.FAILED, facts.trouble or "Its command has no exit status."
    if code != 0:
        return JobPhase.FAILED, f"Its command exited with status {code}."
    if context.aside:
        return JobPhase.DONE, "Its command exited with status 0."
    if any(output.trouble for output in outputs):
        return JobPhase.FAILED, (
            "Its command succeeded, but not every named output was brought back."
        )
    return JobPhase.DONE, f"Its command succeeded{_home(outputs)}"


def _home(outputs: Sequence[JobOutput]) -> str:
    """What of a command that succeeded is home; equal checksums of nothing prove nothing."""
    if not outputs:
        return "; it named no outputs, so only what it printed was brought back."
    if not any(output.bytes for output in outputs):
        return ", but its named outputs were brought back empty."
    bare = [output for output in outputs if not output.bytes]
    few = sum(result.empty for result in outputs)
    named = ", ".join(str(clean_line(empty.path, 40)) for empty in bare[:3])
    if bare:
        return f" and every named output is back, checksums match; empty: {named}."
    more = f"; {few} of the files {'is' if few == 1 else 'are'} empty" if few else ""
    return f" and every named output is back, checksums match{more}."


def _kept(context: JobContext) -> str:
    """The end of the sentence about a command that was cut short: what of it is home."""
    outputs = context.facts.outputs
    if context.aside:
        return "."
    if not outputs:
        return "; it named no outputs, so only what it printed is kept."
    home = sum(not output.trouble for output in outputs)
    if home == len(outputs):
        return "; what its outputs held by then was brought back."
    return f"; {home} of its {len(outputs)} named outputs were brought back."


async def finish(context: JobContext, phase: JobPhase, why: str) -> None:
    """Write the end; the sealed values are wiped."""
    spent = await context.spent()
    await context.save(
        phase,
        said=JobEnd(why, context.facts.machine, spent),
        sealed="",
        ended_us=context.now_us(),
    )
