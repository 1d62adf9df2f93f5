"""Jobs as they are shown: how far, what it cost, how long it may still take, what it printed."""

import codecs
from dataclasses import dataclass
from pathlib import Path

from vast_mcp.clock import SECOND_US, Clock
from vast_mcp.errors import InputInvalid
from vast_mcp.instances.cost_estimate import likely_spent
from vast_mcp.masking import Needles
from vast_mcp.operations import JsonObject
from vast_mcp.remote.threads import in_thread
from vast_mcp.session import Session
from vast_mcp.showing import dollars, given
from vast_mcp.store import Job, JobOutput, JobPhase, Transaction, spent_and_reserved
from vast_mcp.telling import EVERY_S, Stand
from vast_mcp.text import clean, clean_line
from vast_mcp.units import Usd, minute

OUTPUT_SHOWN = 4_000
_AROUND = 16_384
"""Bytes looked at on both sides of a portion: a value may begin before it or end behind it."""
_LOOK_EVERY_S = 0.5
_LISTED = 20
_WITHIN = bytes(range(0x80, 0xC0))
"""Bytes that go on with a character."""


@dataclass(frozen=True, slots=True)
class ShownJob:
    """A job and what it has cost until now."""

    job: Job
    spent: Usd
    lease_ends_us: int | None
    now_us: int


async def list_jobs(session: Session) -> list[ShownJob]:
    """The newest jobs of whoever asks."""
    principal = session.caller.principal
    return await session.account.ledger.read(
        lambda tx: [_shown(tx, job, session.account.clock) for job in tx.jobs(principal, _LISTED)]
    )


async def one_job(session: Session, job_id: str) -> ShownJob:
    """One job.

    Raises:
        InputInvalid: there is none of this id.
    """

    def read(tx: Transaction) -> ShownJob | None:
        job = tx.job(job_id)
        if job is None or job.principal != session.caller.principal:
            return None
        return _shown(tx, job, session.account.clock)

    found = await session.account.ledger.read(read)
    if found is None:
        raise InputInvalid("job_id", "there is no such job", hint="show_jobs() lists them.")
    return found


async def wait_for_job(session: Session, job_id: str, seconds: float) -> ShownJob:
    """The job when it is over, or after so many seconds; its phases are told meanwhile."""
    began_s = told_s = session.account.clock.monotonic_s()
    while True:
        seen = await one_job(session, job_id)
        now_s = session.account.clock.monotonic_s()
        if seen.job.phase.over or now_s - began_s + _LOOK_EVERY_S > seconds:
            return seen
        if now_s >= told_s:
            told_s = now_s + EVERY_S
            await session.caller.tell(_stand(seen, now_s - began_s, seconds))
        await session.account.clock.sleep(_LOOK_EVERY_S)


def _stand(seen: ShownJob, waited_s: float, seconds: float) -> Stand:
    """Where the job stands; the bar is that of this call's wait, a job's own end is not known."""
    row = job_row(seen)
    phase, said = row["phase"], str(row.get("said") or "").removesuffix(".")
    state = f"{phase}: {said}" if said else phase
    minutes = (seen.now_us - seen.job.created_us) // (60 * SECOND_US)
    cost = f", {seen.spent} so far" if seen.spent.micros else ""
    return Stand(waited_s, seconds, f"{state}; {minutes} min since it began{cost}.")


def _shown(tx: Transaction, job: Job, clock: Clock) -> ShownJob:
    now_us = clock.lease_us()
    exposure = tx.exposure(now_us, job_id=job.job_id)
    rental = None if job.instance_id is None else tx.rental_of("instance", job.instance_id)
    spent, ends_us = exposure.job_spent, None
    if rental is not None:
        segments = tx.segments(rental.intent_id)
        counted = spent_and_reserved(segments, now_us)[0]
        spent -= max(Usd(), counted - likely_spent(rental, segments, now_us))
        ends_us = rental.lease_ends_us if rental.running else None
    return ShownJob(job, spent, ends_us, now_us)


def job_row(seen: ShownJob) -> JsonObject:
    """A job in a list or an answer; nothing in it was printed by the command."""
    job = seen.job
    spec, facts, mere = job.spec, job.facts, job.aside
    left_us = None if seen.lease_ends_us is None else max(0, seen.lease_ends_us - seen.now_us)
    return given(
        {
            "job_id": job.job_id,
            "kind": "command" if mere else None,
            "phase": "starting" if mere and job.phase is JobPhase.UPLOADING else job.phase.value,
            "said": _words(seen),
            "command": str(clean_line(spec.command, 80)),
            "gpu": "" if spec.agreed is None else str(spec.agreed.gpus),
            "instance_id": job.instance_id,
            "exit_code": facts.exit_code,
            "cost_so_far_usd": None if mere else dollars(seen.spent),
            "at_most_usd": None if mere else dollars(job.at_most or Usd()),
            "task": job.task or None,
            "minutes_left": None if left_us is None else left_us // (60 * SECOND_US),
            "replaced": len(facts.failed_hosts) - facts.hopeless or None,
            "outputs": [_output(output) for output in facts.outputs] or _unnamed(job),
            "untrusted_detail": str(clean_line(facts.detail, 300)) or None,
            "whole_log": facts.whole_log or None,
            "machine": job.said.machine or None,
            "created": minute(job.created_us),
            "ended": None if job.ended_us is None else minute(job.ended_us),
        }
    )


def _unnamed(job: Job) -> str | None:
    """Said of a job that will bring nothing home; once over, its last sentence says it."""
    if job.aside or job.phase.over or job.spec.outputs:
        return None
    return "none named"


def _words(seen: ShownJob) -> str:
    job = seen.job
    if job.phase.over:
        return job.said.why
    waits = job.facts.waits_for if job.phase is JobPhase.WAITING else ""
    stopping = "Being stopped. " if job.stop_asked else ""
    return f"{stopping}{waits}".strip()


def _output(one: JobOutput) -> JsonObject:
    return given(
        {
            "untrusted_path": str(clean_line(one.path, 100)),
            "local": one.local or None,
            "files": one.files,
            "bytes": one.bytes,
            "empty_files": one.empty or None,
            "sha256": next(iter(one.sha256.values())) if len(one.sha256) == 1 else None,
            "untrusted_trouble": str(clean_line(one.trouble, 200)) or None,
        }
    )


async def output_after(session: Session, job_id: str, cursor: int | None) -> tuple[str, int]:
    """What was printed after that byte (the end of it all without one), and the next cursor."""
    path = session.jobs.log_of(job_id)
    session.account.secrets.learn(session.account.limits())
    hidden = session.account.redactor.needles
    data, start = await in_thread(lambda: _read(path, cursor, hidden))
    text, taken = _whole_characters(data)
    return str(clean(text, OUTPUT_SHOWN * 2)), start + taken


def _whole_characters(data: bytes) -> tuple[str, int]:
    """The text, and how many bytes it took: the beginning of a character waits for its rest."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = decoder.decode(data)
    return text, len(data) - len(decoder.getstate()[0])


def _read(path: Path, cursor: int | None, hidden: Needles) -> tuple[bytes, int]:
    """What lies there, masked again with what is around it.

    An older release may have written it, or a value may have become known since.
    """
    if not path.exists():
        return b"", cursor or 0
    size = path.stat().st_size
    start = max(0, size - OUTPUT_SHOWN) if cursor is None else min(cursor, size)
    with path.open("rb") as file:
        before = min(start, _AROUND)
        file.seek(start - before)
        around = file.read(before + OUTPUT_SHOWN + _AROUND)
        data = hidden.masked(around)[before : before + OUTPUT_SHOWN]
    if cursor is None and start:  # perhaps within a character, of which three bytes may be left
        whole = data[:3].lstrip(_WITHIN) + data[3:]
        data, start = whole, start + len(data) - len(whole)
    return data, start
