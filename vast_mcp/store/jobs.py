"""Jobs: what a person agreed to, how far each is, and which server is at work on it."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any, TypedDict, Unpack

from vast_mcp.store._codec import canonical
from vast_mcp.store._facts_codec import JOB_END, JOB_FACTS, JOB_SPEC, FactsCodec
from vast_mcp.store.job_facts import JobEnd, JobFacts, JobKind, JobSpec
from vast_mcp.store.sealing import Cipher
from vast_mcp.units import Usd


class JobPhase(StrEnum):
    """Where a job stands. Each is written before its first step is taken."""

    PLANNED = "planned"
    RENTING = "renting"
    WAITING = "waiting"
    UPLOADING = "uploading"
    RUNNING = "running"
    DOWNLOADING = "downloading"
    ENDING = "ending"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"

    @property
    def over(self) -> bool:
        """Whether nothing more happens."""
        return self in {JobPhase.DONE, JobPhase.FAILED, JobPhase.STOPPED}


@dataclass(frozen=True, slots=True)
class Job:
    """One job, from the yes to its end."""

    job_id: str
    principal: str
    phase: JobPhase
    approved: bool
    """A person said yes to all that `spec` names."""
    stop_asked: bool
    instance_id: int | None
    """The one machine that the job has now."""
    spec: JobSpec
    facts: JobFacts
    sealed: str
    """Environment values and files, encrypted; emptied when the job is over."""
    created_us: int
    changed_us: int
    ended_us: int | None = None
    owner: str = ""
    """The server at work on it."""
    beat_us: int = 0
    """When that server last said so, by this machine's wall clock."""
    said: JobEnd = field(default_factory=JobEnd)
    task: str = ""
    """The named budget that it shares with other jobs and rents; empty: it has one of its own."""

    @property
    def own_name(self) -> str:
        """What it is called where a task's name is wanted and it has none."""
        return f"job {self.job_id}"

    @property
    def budget(self) -> str:
        """The task under which all its rents are counted."""
        return self.task or self.own_name

    @property
    def at_most(self) -> Usd | None:
        """What a person agreed that it may cost in all, whatever its task has left."""
        return None if self.spec.agreed is None else self.spec.agreed.at_most

    @property
    def aside(self) -> bool:
        """Whether it is only a command: its machine was there before, and stays."""
        return self.spec.kind is JobKind.COMMAND


class JobNotes(TypedDict, total=False):
    """What the server at work on a job may write of it beside its phase and facts."""

    stop_asked: bool
    instance_id: int | None
    sealed: str
    ended_us: int | None
    said: JobEnd


class JobChanges(JobNotes, total=False):
    """What of a job may be written after it was made; its field names and types."""

    phase: JobPhase
    approved: bool
    spec: JobSpec
    facts: JobFacts
    changed_us: int
    owner: str
    beat_us: int


_JSON: Mapping[str, FactsCodec[Any]] = {"spec": JOB_SPEC, "facts": JOB_FACTS, "said": JOB_END}
_FLAGS = {"approved", "stop_asked"}


class JobRows:
    """The part of a transaction that keeps jobs."""

    _connection: sqlite3.Connection
    _scope: Mapping[str, str]
    _cipher: Cipher

    def add_job(self, job: Job) -> None:
        """Write a new job."""
        named = {**_columns(job, self._cipher), **self._scope}
        names, marks = ", ".join(named), ", ".join(f":{name}" for name in named)
        self._connection.execute(f"INSERT INTO jobs ({names}) VALUES ({marks})", named)  # noqa: S608  own names

    def job(self, job_id: str) -> Job | None:
        """One job by its id."""
        found = self._jobs("WHERE job_id = ?", job_id)
        return found[0] if found else None

    def jobs(self, principal: str, limit: int = 50) -> list[Job]:
        """The newest jobs of a principal, newest first."""
        return self._jobs("WHERE principal = ? ORDER BY created_us DESC LIMIT ?", principal, limit)

    def unfinished_jobs(self) -> list[Job]:
        """Every job that is not over, oldest first."""
        return [job for job in self._jobs("ORDER BY created_us") if not job.phase.over]

    def jobs_of_machine(self, instance_id: int) -> list[Job]:
        """Jobs that have this machine, or left it behind, the newest first."""
        return self._jobs("WHERE instance_id = ? ORDER BY created_us DESC", instance_id)

    def update_job(self, job: Job, **changes: Unpack[JobChanges]) -> Job:
        """Write these fields, return the job as it now is; one that is over has no command."""
        changed = replace(job, **changes)
        if changed.phase.over:
            changed = replace(changed, sealed="", spec=replace(changed.spec, command=""))
        columns = _columns(changed, self._cipher)
        assignments = ", ".join(f"{name} = :{name}" for name in columns if name != "job_id")
        self._connection.execute(
            f"UPDATE jobs SET {assignments} WHERE job_id = :job_id",  # noqa: S608  own names
            columns,
        )
        return changed

    def take_job(self, job_id: str, owner: str, now_us: int, stale_us: int) -> Job | None:
        """The job, now this server's; None while another one is at work on it, or when over."""
        job = self.job(job_id)
        if job is None or job.phase.over:
            return None
        # A beat from the future is of a clock that was set back: nobody knows how old it is.
        alive = 0 <= now_us - job.beat_us < stale_us
        if job.owner not in {"", owner} and alive:
            return None
        return self.update_job(job, owner=owner, beat_us=now_us)

    def _jobs(self, tail: str, *values: object) -> list[Job]:
        rows = self._connection.execute(f"SELECT * FROM jobs {tail}", values)  # noqa: S608  own text
        return [_job(row, self._cipher) for row in rows]


def _columns(job: Job, cipher: Cipher) -> dict[str, Any]:
    columns: dict[str, Any] = {field.name: getattr(job, field.name) for field in fields(job)}
    columns["spec"] = replace(job.spec, command=cipher.close(job.spec.command))
    for name, codec in _JSON.items():
        columns[name] = canonical(codec.encode(columns[name]))
        columns[name] = columns[name] if name == "spec" else cipher.scrub(columns[name])
    for name in _FLAGS:
        columns[name] = int(columns[name])
    return {**columns, "phase": job.phase.value}


def _job(row: sqlite3.Row, cipher: Cipher) -> Job:
    try:
        values: dict[str, Any] = {field.name: row[field.name] for field in fields(Job)}
        for name, codec in _JSON.items():
            values[name] = codec.decode(json.loads(values[name]))
        spec = values["spec"]
        values["spec"] = replace(spec, command=cipher.open(spec.command))
        for name in _FLAGS:
            values[name] = bool(values[name])
        return Job(**{**values, "phase": JobPhase(values["phase"])})
    except (ValueError, TypeError) as error:
        raise sqlite3.DatabaseError("a job of it is damaged") from error
