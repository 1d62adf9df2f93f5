"""One step of a job at a time: how long each waits for a machine, and what it says at the end."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.keeper.test_keeper import rented
from tests.world import World
from vast_mcp.clock import SECOND_US
from vast_mcp.jobs import finish, runner, work
from vast_mcp.jobs.context import JobContext
from vast_mcp.store import Job, JobFacts, JobKind, JobPhase, JobSpec

JOB = "jabcdefghij"
MINUTE_US = 60 * SECOND_US
LOADING = {"actual_status": "loading"}
OFFLINE = {"actual_status": "offline"}


@asynccontextmanager
async def at_work(
    world: World,
    phase: JobPhase,
    *,
    instance_id: int | None = None,
    spec: JobSpec | None = None,
    facts: JobFacts | None = None,
    **changes: Any,  # noqa: ANN401  any field of the row
) -> AsyncIterator[JobContext]:
    """A runner's desk with this job in the books, approved a minute ago."""
    async with world.runtime() as runtime:
        session = runtime.session
        now_us = session.account.clock.lease_us()
        job = Job(
            job_id=JOB,
            principal="local",
            phase=phase,
            approved=True,
            stop_asked=False,
            instance_id=instance_id,
            spec=spec or JobSpec("python3 train.py"),
            facts=facts or JobFacts(),
            sealed="",
            created_us=now_us - MINUTE_US,
            changed_us=now_us,
            owner="me",
        )
        job = replace(job, **changes)
        await session.account.ledger.write(lambda tx: tx.add_job(job))
        yield JobContext(session.account, session.guard, "me", world.tmp / "log", job)


MERE = JobSpec("nvidia-smi", kind=JobKind.COMMAND)
WITH_OUTPUTS = JobSpec("python3 train.py", outputs=("out",))
ENDED = "Its machine is no longer running"


@pytest.mark.parametrize(
    ("status", "lost", "ends"),
    [(LOADING, 6, False), (LOADING, 7, True), (OFFLINE, 78, False), (OFFLINE, 79, True)],
)
@pytest.mark.parametrize(
    ("spec", "why"),
    [
        (JobSpec("python3 train.py"), f"{ENDED}."),
        (WITH_OUTPUTS, f"{ENDED}, so its outputs could not be brought back."),
        (MERE, f"{ENDED}, which ended it."),
    ],
)
async def test_a_machine_that_does_not_run_is_looked_for_eight_times_and_a_silent_host_eighty(
    tmp_path: Path, status: dict[str, str], lost: int, ends: bool, spec: JobSpec, why: str
) -> None:
    """Hosts come back after minutes; every look is a quarter of a minute after the last."""
    world = World(tmp_path)
    machine = await rented(world)
    world.simulator.set_status(machine, **status)
    facts = JobFacts(lost=lost, started=True, started_us=world.clock.lease_us())
    async with at_work(
        world, JobPhase.RUNNING, instance_id=machine, spec=spec, facts=facts
    ) as desk:
        began_s = world.clock.monotonic_s()
        await work.watch(desk)
        assert desk.job.phase is (JobPhase.ENDING if ends else JobPhase.RUNNING)
        assert desk.facts.why == (why if ends else "")
        assert desk.facts.lost == (lost if ends else lost + 1)
        assert (world.clock.monotonic_s() - began_s >= 15) is not ends


@pytest.mark.parametrize(("lost", "phase"), [(6, JobPhase.DOWNLOADING), (7, JobPhase.ENDING)])
async def test_outputs_of_a_machine_that_does_not_run_are_tried_for_eight_times(
    tmp_path: Path, lost: int, phase: JobPhase
) -> None:
    """Then the job ends, and says that not everything came home."""
    world = World(tmp_path)
    machine = await rented(world)
    world.simulator.set_status(machine, **LOADING)
    async with at_work(
        world,
        JobPhase.DOWNLOADING,
        instance_id=machine,
        spec=WITH_OUTPUTS,
        facts=JobFacts(lost=lost),
    ) as desk:
        await finish.fetch(desk)
        ended = phase is JobPhase.ENDING
        assert desk.job.phase is phase
        assert desk.facts.lost == (lost if ended else lost + 1)
        assert desk.facts.why == ended * (
            "Its machine became unreachable, so not every output was brought back."
        )
        assert desk.facts.detail == ended * "The machine is no longer running."


@pytest.mark.parametrize(
    ("lost", "spec", "phase"),
    [
        (6, MERE, JobPhase.UPLOADING),
        (7, MERE, JobPhase.ENDING),
        (6, JobSpec("python3 train.py"), JobPhase.UPLOADING),
        (7, JobSpec("python3 train.py"), JobPhase.RENTING),
    ],
)
async def test_a_machine_that_cannot_be_sent_to_eight_times_ends_a_command_and_replaces_a_host(
    tmp_path: Path, lost: int, spec: JobSpec, phase: JobPhase
) -> None:
    """Nothing has run there yet."""
    world = World(tmp_path)
    machine = await rented(world)
    world.simulator.set_status(machine, **LOADING)
    async with at_work(
        world, JobPhase.UPLOADING, instance_id=machine, spec=spec, facts=JobFacts(lost=lost)
    ) as desk:
        await work.send(desk)
        found = desk.job.phase
        if phase is JobPhase.UPLOADING:
            assert (found, desk.facts.lost) == (phase, lost + 1)
        elif spec.kind is JobKind.COMMAND:
            assert found is JobPhase.ENDING
            assert desk.facts.why == "Its machine could not be reached; nothing ran."
        else:
            assert found is not JobPhase.UPLOADING


@pytest.mark.parametrize(("ends", "over"), [(18, False), (19, True)])
async def test_an_end_that_is_not_seen_is_tried_twenty_times(
    tmp_path: Path, ends: int, *, over: bool
) -> None:
    """The keeper goes on with what a job could not stop; the job says how it stands."""
    world = World(tmp_path)
    machine = await rented(world)
    world.simulator.faults.add("status_before", method="PUT", times=10_000)
    async with at_work(
        world, JobPhase.ENDING, instance_id=machine, facts=JobFacts(ends=ends, started=True)
    ) as desk:
        began_s = world.clock.monotonic_s()
        await finish.end(desk)
        assert desk.job.phase.over is over
        assert desk.facts.ends == (ends if over else ends + 1)
        assert world.clock.monotonic_s() - began_s > 15 or over


@pytest.mark.parametrize(
    ("approved", "age_us", "phase"),
    [
        (True, 0, JobPhase.RENTING),
        (False, 0, JobPhase.PLANNED),
        (False, 10 * MINUTE_US - 1, JobPhase.PLANNED),
        (False, 10 * MINUTE_US, JobPhase.FAILED),
        (False, -1, JobPhase.FAILED),
    ],
)
async def test_a_job_waits_for_its_yes_for_ten_minutes(
    tmp_path: Path, *, approved: bool, age_us: int, phase: JobPhase
) -> None:
    """The yes is written a moment after the row; one from a later clock never comes."""
    world = World(tmp_path)
    created_us = world.clock.lease_us() - age_us
    async with at_work(world, JobPhase.PLANNED, approved=approved, created_us=created_us) as desk:
        began_s = world.clock.monotonic_s()
        await runner.planned(desk)
        assert desk.job.phase is phase
        waited_s = world.clock.monotonic_s() - began_s
        assert waited_s == (1.0 if phase is JobPhase.PLANNED else 0.0)


@pytest.mark.parametrize(("seconds", "waited_s"), [(0.0, 0.2), (0.1, 0.2), (0.2, 0.2), (5.0, 5.0)])
async def test_a_pause_is_never_less_than_a_fifth_of_a_second(
    tmp_path: Path, seconds: float, waited_s: float
) -> None:
    """However fast a simulated vendor's time runs, the loop does not spin."""
    world = World(tmp_path)
    async with at_work(world, JobPhase.RUNNING) as desk:
        began_s = world.clock.monotonic_s()
        await desk.pause(seconds)
        assert world.clock.monotonic_s() - began_s == pytest.approx(waited_s)
        assert desk.now_us() == world.clock.lease_us()


@pytest.mark.parametrize(
    ("hours", "spare_s"),
    [(0, 0), (1, 360), (1.5, 540), (5 / 3, 600), (2, 600), (100, 600), (-1, 0), (19 / 3600, 1)],
)
def test_a_machine_is_stopped_a_tenth_of_its_time_before_the_lease_ends(
    hours: float, spare_s: int
) -> None:
    """Ten minutes at most: the copies home need some of what was paid for."""
    ends_us = 10**15
    begun_us = ends_us - int(hours * 3600) * SECOND_US
    assert work.stops_at_us(begun_us, ends_us) == ends_us - spare_s * SECOND_US
