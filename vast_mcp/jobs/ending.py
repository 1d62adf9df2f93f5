"""Bring the outputs home, end the machine as agreed, and say what came of it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from vast_mcp.errors import NotFound, PolicyDenied, VastMcpError
from vast_mcp.guard.acts import DestroyInstance, StopInstance
from vast_mcp.guard.carrying import may_destroy
from vast_mcp.jobs import script
from vast_mcp.jobs.bench import Bench
from vast_mcp.jobs.desk import JobDesk
from vast_mcp.jobs.file_transfer import FileTransfer
from vast_mcp.jobs.log import LOG_KEPT, mask_file
from vast_mcp.jobs.working import bench_of, place_of
from vast_mcp.remote.errors import SshUnavailable
from vast_mcp.remote.paths import LocalPlace
from vast_mcp.remote.threads import in_thread
from vast_mcp.store import Halt, JobEnd, JobOutput, JobPhase
from vast_mcp.text import clean_line

_TRY_AGAIN_S = 15.0
_MOST_ENDS = 20


# -- fetching ------------------------------------------------------------------------------


async def fetch(desk: JobDesk) -> None:
    """The next output that is not home yet; when all were tried, the end."""
    named, tried = desk.spec.outputs, desk.facts.outputs
    if len(tried) >= len(named):
        verified = all(not one.trouble for one in tried)
        await _long_log(desk)
        await desk.save(JobPhase.ENDING, replace(desk.facts, verified=verified))
        return
    place = await place_of(desk)
    try:
        bench = place.bench
        if bench is None:
            raise SshUnavailable("The machine does not run any more.", reason="lost")
        await desk.carry(FileTransfer("download_files", int(str(desk.job.instance_id))))
        got = await bench.fetch(named[len(tried)], home_of(desk))
    except (SshUnavailable, NotFound) as error:
        lost = desk.facts.lost + 1
        if lost < place.patience:
            await desk.save(facts=replace(desk.facts, lost=lost))
            await desk.pause(_TRY_AGAIN_S)
            return
        detail = str(clean_line(error.message, 300))
        why = "Its machine could not be reached any more, so not every output came home."
        facts = replace(desk.facts, why=why, detail=detail, verified=False)
        await desk.save(JobPhase.ENDING, facts)
        return
    await desk.save(facts=replace(desk.facts, outputs=(*tried, got), lost=0))


def home_of(desk: JobDesk, suffix: str = "") -> LocalPlace:
    """`~/vast-mcp/job-<id>`: where the outputs go."""
    return LocalPlace(desk.account.remote.roots().roots[0], (f"job-{desk.job.job_id}{suffix}",))


async def _long_log(desk: JobDesk) -> None:
    """What was printed beyond the part kept here goes to `job-<id>-log`.

    Not among the outputs: one of them may have any name.
    """
    if desk.aside or desk.facts.output_bytes <= LOG_KEPT:
        return
    try:
        bench: Bench | None = await bench_of(desk)
        if bench is not None:
            path = f"{script.place(desk.job.job_id)}/{script.OUTPUT}"
            got = await bench.fetch(path, home_of(desk, "-log"))
            here, hidden = Path(got.local), desk.hidden()
            if not got.trouble:
                await in_thread(lambda: mask_file(here, hidden))
                await desk.save(facts=replace(desk.facts, whole_log=str(here)))
    except (VastMcpError, OSError):
        return


# -- ending --------------------------------------------------------------------------------


async def end(desk: JobDesk) -> None:
    """Destroy where that was agreed and nothing can be lost, else stop; then say so."""
    instance_id = desk.job.instance_id
    if instance_id is None or desk.aside:
        await finish(desk, *_verdict(desk))
        return
    destroys = may_destroy(desk.job) and not desk.facts.leave
    await desk.save()  # another server may have taken it over
    tries = desk.facts.ends + 1
    act = (DestroyInstance if destroys else StopInstance)(instance_id, cause=Halt.JOB)
    try:
        outcome = await desk.carry(act)
    except NotFound:
        await _forget(desk, instance_id, "The machine is gone.")
        return
    except PolicyDenied as error:
        if tries < _MOST_ENDS:  # the policy may be in the middle of an edit
            await desk.save(facts=replace(desk.facts, ends=tries))
            await desk.pause(_TRY_AGAIN_S)
            return
        left = f"Left as it is, the policy forbids its end: {error}"
        await desk.save(facts=replace(desk.facts, machine=left))
        await finish(desk, *_verdict(desk))
        return
    if outcome.status == "destroyed":
        await _forget(desk, instance_id, outcome.said)
    elif outcome.status == "stopped" or tries >= _MOST_ENDS:
        await desk.account.remote.pool.drop(instance_id)
        await desk.save(facts=replace(desk.facts, machine=outcome.said))
        await finish(desk, *_verdict(desk))
    else:
        await desk.save(facts=replace(desk.facts, ends=tries))
        await desk.pause(_TRY_AGAIN_S)


async def _forget(desk: JobDesk, instance_id: int, said: str) -> None:
    await desk.account.remote.forget(instance_id)
    await desk.save(facts=replace(desk.facts, machine=said), instance_id=None)


def _verdict(desk: JobDesk) -> tuple[JobPhase, str]:
    """The last phase and a sentence of ours; nothing that the command printed is in it."""
    facts, kept = desk.facts, _kept(desk)
    why, code, outputs = facts.why, facts.exit_code, facts.outputs
    if desk.job.stop_asked:
        return JobPhase.STOPPED, why or f"It was stopped{kept}"
    if facts.timed_out:
        return JobPhase.STOPPED, why or f"Its time was up{kept}"
    if why:
        return JobPhase.FAILED, why
    if code is None:
        return JobPhase.FAILED, facts.trouble or "Its command has no exit status."
    if code != 0:
        return JobPhase.FAILED, f"Its command ended with exit status {code}."
    if desk.aside:
        return JobPhase.DONE, "Its command ended with exit status 0."
    if any(one.trouble for one in outputs):
        return JobPhase.FAILED, "Its command succeeded, but not every named output came home."
    return JobPhase.DONE, f"Its command succeeded{_home(outputs)}"


def _home(outputs: Sequence[JobOutput]) -> str:
    """What of a command that succeeded is home; equal checksums of nothing prove nothing."""
    if not outputs:
        return "; it named no outputs, so nothing was brought back but what it printed."
    if not any(one.bytes for one in outputs):
        return ", but its named outputs are empty: they came home without any content."
    bare = [one for one in outputs if not one.bytes]
    few = sum(one.empty for one in outputs)
    named = ", ".join(str(clean_line(one.path, 40)) for one in bare[:3])
    if bare:
        return f" and every named output is home, checksums equal; empty: {named}."
    more = f"; {few} of the files {'is' if few == 1 else 'are'} empty" if few else ""
    return f" and every named output is home, checksums equal{more}."


def _kept(desk: JobDesk) -> str:
    """The end of the sentence about a command that was cut short: what of it is home."""
    outputs = desk.facts.outputs
    if desk.aside:
        return "."
    if not outputs:
        return "; it named no outputs, so only what it printed is kept."
    home = sum(not one.trouble for one in outputs)
    if home == len(outputs):
        return "; what its outputs held by then was brought back."
    return f"; {home} of its {len(outputs)} named outputs came home."


async def finish(desk: JobDesk, phase: JobPhase, why: str) -> None:
    """Write the end; the sealed values are wiped."""
    spent = await desk.spent()
    await desk.save(
        phase,
        said=JobEnd(why, desk.facts.machine, spent),
        sealed="",
        ended_us=desk.now_us(),
    )
