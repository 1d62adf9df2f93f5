"""A job's rent, its wait for the machine and its host's replacement: each branch of each step."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.instances.samples import rental
from tests.jobs.test_steps import JOB, at_work
from tests.keeper.test_keeper import rented
from tests.world import World
from vast_mcp.clock import SECOND_US
from vast_mcp.jobs import rent
from vast_mcp.jobs.rent import UP_WITHIN_S
from vast_mcp.remote.errors import SshUnavailable
from vast_mcp.store import (
    Gpus,
    JobAgreement,
    JobFacts,
    JobPhase,
    JobRent,
    JobSpec,
    KeyState,
    LeaseFacts,
    RentalState,
)
from vast_mcp.units import Usd, UsdPerHour

AGREED = JobAgreement(
    gpus=Gpus(1, "RTX 4090"),
    rate=UsdPerHour.of(0.4),
    ceiling=UsdPerHour.of(1),
    at_most=Usd.of(5),
    hours=2.0,
    disk_per_day=Usd.of(0.2),
    uploads=(),
)
SPEC = JobSpec("python3 train.py", max_replacements=2, agreed=AGREED)
RENT = JobRent(f"job {JOB} 0", 1, 2.0, 1.0)


@pytest.mark.parametrize(
    ("changes", "phase", "instance_id", "keeps"),
    [
        ({"target_id": 5}, JobPhase.WAITING, 5, True),
        ({"target_id": None}, JobPhase.RENTING, None, False),
        ({"state": RentalState.REFUSED, "ended_us": 1}, JobPhase.RENTING, None, False),
        ({"state": RentalState.UNKNOWN, "target_id": None}, JobPhase.RENTING, None, True),
        ({"state": RentalState.UNKNOWN, "target_id": 5}, JobPhase.RENTING, None, True),
        (
            {
                "state": RentalState.UNKNOWN,
                "target_id": None,
                "facts": LeaseFacts(unmarked_id=9),
            },
            JobPhase.ENDING,
            None,
            True,
        ),
    ],
)
async def test_a_rent_that_was_begun_is_taken_up_as_it_stands(
    tmp_path: Path,
    changes: dict[str, Any],
    phase: JobPhase,
    instance_id: int | None,
    keeps: bool,
) -> None:
    """A machine is waited for, an unknown one is looked for, after a refusal another is chosen."""
    world = World(tmp_path)
    if "ended_us" in changes:
        changes = changes | {"ended_us": world.clock.lease_us()}
    one = rental(request_key=RENT.request_key, job_id="other", **changes)
    facts = JobFacts(rent=RENT)
    async with at_work(world, JobPhase.RENTING, spec=SPEC, facts=facts) as context:
        await context.account.ledger.write(lambda tx: tx.add_rental(one, []))
        now_us = context.now_us()
        await rent.rent(context)
        assert (context.job.phase, context.job.instance_id) == (phase, instance_id)
        assert (context.facts.rent == RENT) is keeps
        if phase is JobPhase.WAITING:
            assert context.facts.up_by_us == now_us + UP_WITHIN_S * SECOND_US
        if phase is JobPhase.ENDING:
            assert context.facts.leave
            assert context.facts.why == (
                "Instance 9 was rented but lacks our lease mark; it is left alone."
                " `vast-mcp extend 9 HOURS` adopts it."
            )


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        (JobFacts(tried=tuple(range(11))), ""),
        (JobFacts(tried=tuple(range(12))), "No offer could be rented."),
        (JobFacts(tried=tuple(range(12)), trouble="It was gone."), "It was gone."),
        (JobFacts(denials=2), ""),
        (JobFacts(denials=3, trouble="The policy says no."), "The policy says no."),
    ],
)
async def test_twelve_offers_are_tried_and_three_denials_are_taken(
    tmp_path: Path, facts: JobFacts, why: str
) -> None:
    """Then the job ends with what was said last."""
    world = World(tmp_path)
    async with at_work(world, JobPhase.RENTING, spec=SPEC, facts=facts) as context:
        await rent.rent(context)
        assert context.facts.why == why
        if why:
            assert context.job.phase is JobPhase.ENDING
            return
        made, number = context.facts.rent, len(facts.tried)
        assert made is not None
        assert made.request_key == f"job {JOB} {number}"
        assert context.facts.tried == (*facts.tried, made.offer_id)
        assert (made.lease_hours, made.max_price_usd_per_hour) == (2.0, 1.0)
        assert (made.task, made.job_id, made.label) == (f"job {JOB}", JOB, f"job {JOB}")


async def test_where_no_offer_fits_what_is_left_the_job_ends_with_both_numbers(
    tmp_path: Path,
) -> None:
    """The ceiling, and the money that remains."""
    world = World(tmp_path)
    spec = replace(SPEC, agreed=replace(AGREED, at_most=Usd(20_000)))
    facts = JobFacts(trouble="The last one was gone.")
    async with at_work(world, JobPhase.RENTING, spec=spec, facts=facts) as context:
        await rent.rent(context)
        assert context.job.phase is JobPhase.ENDING
        assert context.facts.why == (
            "No offer left within $1.00/h and the $0.02 that remain. The last one was gone."
        )


async def test_a_job_that_is_stopped_before_it_has_a_machine_rents_none(tmp_path: Path) -> None:
    """The wish may be newer than the choice."""
    world = World(tmp_path)
    async with at_work(world, JobPhase.RENTING, spec=SPEC, stop_asked=True) as context:
        await rent.rent(context)
        assert context.job.phase is JobPhase.ENDING
        assert context.facts.why == "It was stopped before it had a machine."
        assert context.facts.rent is None


@pytest.mark.parametrize(
    ("left_us", "stop_asked", "phase", "why"),
    [
        (1, False, JobPhase.WAITING, ""),
        (0, False, JobPhase.WAITING, ""),
        (1, True, JobPhase.ENDING, "It was stopped before its command began."),
    ],
)
async def test_a_machine_is_waited_for_until_its_time_is_up(
    tmp_path: Path, left_us: int, stop_asked: bool, phase: JobPhase, why: str
) -> None:
    """What it waits for is said; then its host is given up."""
    world = World(tmp_path)
    machine = await rented(world)
    world.simulator.set_status(machine, actual_status="loading")
    async with at_work(
        world,
        JobPhase.WAITING,
        spec=SPEC,
        instance_id=machine,
        facts=JobFacts(lost=3),
        stop_asked=stop_asked,
    ) as context:
        await context.save(facts=replace(context.facts, up_by_us=context.now_us() + left_us))
        if left_us:
            world.clock.think(0)
        await rent.wait(context)
        assert (context.job.phase, context.facts.why) == (phase, why)
        given_up = not stop_asked and left_us == 0
        assert bool(context.facts.failing) is given_up
        assert bool(context.facts.waits_for) is (not stop_asked and not given_up)
        assert context.facts.lost == (0 if given_up else 3)
        assert bool(context.facts.failed_machines) is given_up


@pytest.mark.parametrize(
    ("key", "given_s", "gives"),
    [
        (KeyState.DUE, None, True),
        (KeyState.DUE, 60.0, True),
        (KeyState.DUE, 59.9, False),
        (KeyState.REFUSED, None, False),
    ],
)
async def test_a_key_that_is_refused_is_given_again_after_a_minute(
    tmp_path: Path, key: KeyState, given_s: float | None, gives: bool
) -> None:
    """One that was refused for good is not."""
    world = World(tmp_path)
    machine = await rented(world)
    async with at_work(world, JobPhase.WAITING, spec=SPEC, instance_id=machine) as context:
        now_us = context.now_us()
        if given_s is not None:
            given_us = now_us - int(given_s * SECOND_US)
            await context.save(facts=replace(context.facts, key_us=given_us))

        def mark(tx: Any) -> None:  # noqa: ANN401  the transaction
            held = tx.rental_of("instance", machine)
            tx.update_rental(held, facts=replace(held.facts, key=key))

        await context.account.ledger.write(mark)
        before = len(world.simulator.mutations())
        await rent._give_key(context)
        assert (len(world.simulator.mutations()) > before) is gives
        assert (context.facts.key_us == now_us) is gives


async def test_why_a_machine_lets_nobody_in_is_asked_once_it_was_shut_for_a_while(
    tmp_path: Path,
) -> None:
    """From the first refusal on; what was found is said from then on."""
    world = World(tmp_path)
    machine = await rented(world)
    error = SshUnavailable("The machine does not answer.", reason="timeout")
    async with at_work(world, JobPhase.WAITING, spec=SPEC, instance_id=machine) as context:
        began_us = context.now_us()
        assert await rent._explained(context, machine, error) == "The machine does not answer."
        assert context.facts.shut_us == began_us
        asked = len(world.simulator.requests)
        world.clock.move(rent._SHUT_FOR_S - 1)
        await rent._explained(context, machine, error)
        assert len(world.simulator.requests) == asked
        assert context.facts.shut_us == began_us
        world.clock.move(1)
        now_us = context.now_us()
        await rent._explained(context, machine, error)
        assert len(world.simulator.requests) > asked
        assert context.facts.shut_us == now_us


@pytest.mark.parametrize(
    ("facts", "phase", "why"),
    [
        (JobFacts(failing="It broke."), JobPhase.RENTING, ""),
        (JobFacts(failing="It broke.", failed_hosts=("a",)), JobPhase.RENTING, ""),
        (
            JobFacts(failing="It broke.", failed_hosts=("a", "b"), quote="said"),
            JobPhase.ENDING,
            "3 machines did not come up; the last: It broke.",
        ),
        (
            JobFacts(failing="No such image.", hopeless=True, quote="said"),
            JobPhase.ENDING,
            "No such image. No other host would fare better.",
        ),
    ],
)
async def test_a_host_that_failed_is_replaced_as_often_as_agreed(
    tmp_path: Path, facts: JobFacts, phase: JobPhase, why: str
) -> None:
    """With nothing left of it in the books of the next one."""
    world = World(tmp_path)
    facts = replace(facts, rent=RENT, up_by_us=7, key_us=7, shut_us=7, explained="x", rebooted=True)
    async with at_work(world, JobPhase.WAITING, spec=SPEC, instance_id=9, facts=facts) as context:
        await rent.wait(context)
        assert (context.job.phase, context.job.instance_id) == (phase, None)
        expected = JobFacts(
            failed_hosts=(*facts.failed_hosts, facts.failing),
            hopeless=facts.hopeless,
            quote=facts.quote,
            why=why,
            detail=facts.quote if why else "",
        )
        assert context.facts == expected


async def test_of_a_single_host_that_failed_one_machine_is_told(tmp_path: Path) -> None:
    """In the singular."""
    world = World(tmp_path)
    spec = replace(SPEC, max_replacements=0)
    async with at_work(
        world, JobPhase.WAITING, spec=spec, instance_id=9, facts=JobFacts(failing="It broke.")
    ) as context:
        await rent.wait(context)
        assert context.facts.why == "1 machine did not come up; the last: It broke."
