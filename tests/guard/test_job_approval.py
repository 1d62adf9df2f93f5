"""Promise: a yes to a job covers what its question named, and no micro-dollar or machine more."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.instances.samples import rental
from tests.store.test_sealing import JOB as BESIDE
from tests.views.test_jobs_shown import AGREED
from vast_mcp.actions import CreateInstance, DestroyInstance, RebootInstance, StopInstance
from vast_mcp.guard.act import Act, Sight
from vast_mcp.guard.job_approval import Approval, cover, may_destroy, uncovered
from vast_mcp.policy.facts import Owner, Request, Spend, Target
from vast_mcp.store import (
    Job,
    JobFacts,
    JobPhase,
    JobSpec,
    Rental,
    RentalState,
    SqliteLedger,
    Transaction,
)
from vast_mcp.units import Usd, UsdPerHour

MACHINE = 7
SPEC = JobSpec("python3 train.py", outputs=("out",), on_end="destroy", agreed=AGREED)
JOB = replace(BESIDE, spec=SPEC, phase=JobPhase.RENTING, owner="me", instance_id=None)
THERE = replace(JOB, phase=JobPhase.RUNNING, instance_id=MACHINE, facts=JobFacts(started=True))
SPEND = Spend(
    usd_per_hour=AGREED.ceiling,
    adds_usd_per_hour=AGREED.ceiling,
    adds_running=1,
    lease_hours=4,
    cost=Usd.of(1),
    rental_total=Usd.of(1),
    by_day={},
    task=JOB.budget,
    job_id=JOB.job_id,
)
RENT = CreateInstance(offer_id=1, lease_hours=4)
MORE = AGREED.ceiling + UsdPerHour(1)
HIGHER = replace(SPEC, agreed=replace(AGREED, ceiling=MORE))


async def covered(
    job: Job, act: Act, request: Request, others: Sequence[Rental] = (), owner: str = "me"
) -> bool:
    """Whether the yes to this job covers the act."""

    def decide(tx: Transaction) -> Sight:
        tx.add_job(job)
        for one in others:
            tx.add_rental(one, [])
        return cover(tx, Approval(job.job_id, owner), act, Sight(request, {}, "", ""))

    sight = await SqliteLedger(None).write(decide)
    assert (uncovered(act, sight) is None) is (sight.request.covered or act.tool != RENT.tool)
    return sight.request.covered


@pytest.mark.parametrize(
    ("job", "spend", "covers"),
    [
        ({}, {}, True),
        ({}, {"usd_per_hour": UsdPerHour(1)}, True),
        ({}, {"usd_per_hour": MORE}, False),
        ({}, {"task": ""}, False),
        ({}, {"task": "lora"}, False),
        ({"task": "lora"}, {"task": "lora"}, True),
        ({}, {"job_id": ""}, False),
        ({}, {"job_id": "another"}, False),
        ({"approved": False}, {}, False),
        ({"owner": "another"}, {}, False),
        ({"phase": JobPhase.DONE}, {}, False),
        ({"phase": JobPhase.WAITING}, {}, True),
        ({"spec": BESIDE.spec}, {}, False),
        ({"spec": HIGHER}, {"usd_per_hour": MORE}, True),
    ],
)  # fmt: skip
async def test_a_rent_is_covered_up_to_the_ceiling_and_for_this_job_alone(
    job: dict[str, Any], spend: dict[str, Any], *, covers: bool
) -> None:
    """A mere command may rent nothing, and another server's yes is void."""
    request = Request("create_instance", spend=replace(SPEND, **spend))
    assert await covered(replace(JOB, **job), RENT, request) is covers


@pytest.mark.parametrize(
    ("other", "covers"),
    [
        ({}, False),
        ({"state": RentalState.UNKNOWN}, False),
        ({"state": RentalState.DESTROYING}, False),
        ({"state": RentalState.GONE}, True),
        ({"job_id": "another"}, True),
    ],
)
async def test_no_machine_is_rented_beside_another_of_the_job(
    other: dict[str, Any], *, covers: bool
) -> None:
    """As long as money is held for one, whatever became of it."""
    beside = rental(**{"job_id": JOB.job_id, **other})
    assert await covered(JOB, RENT, Request("create_instance", spend=SPEND), [beside]) is covers


async def test_a_rent_without_a_price_is_not_covered() -> None:
    """Nobody could have agreed to it."""
    assert not await covered(JOB, RENT, Request("create_instance"))


@pytest.mark.parametrize(
    ("started", "verified", "on_end", "destroys"),
    [
        (False, False, "stop", True),
        (True, False, "stop", False),
        (True, True, "stop", False),
        (True, False, "destroy", False),
        (True, True, "destroy", True),
    ],
)
async def test_a_machine_is_destroyed_only_where_nothing_can_be_lost(
    on_end: str, *, started: bool, verified: bool, destroys: bool
) -> None:
    """Before its command began; afterwards only as agreed, and with every output home."""
    facts = JobFacts(started=started, verified=verified)
    job = replace(THERE, facts=facts, spec=replace(SPEC, on_end=on_end))
    assert may_destroy(job) is destroys
    target = Target("instance", MACHINE, "", Owner.OURS)
    request = Request("destroy_instance", target)
    assert await covered(job, DestroyInstance(MACHINE), request) is destroys
    reboot = Request("reboot_unstarted", target)
    assert await covered(job, RebootInstance(MACHINE, unstarted=True), reboot) is not started


@pytest.mark.parametrize(("machine", "covers"), [(MACHINE, True), (MACHINE + 1, False)])
async def test_only_its_own_machine_is_the_jobs_to_stop(machine: int, *, covers: bool) -> None:
    """Another one of the account is none of its business; a reboot that interrupts neither."""
    target = Target("instance", machine, "", Owner.OURS)
    stop, reboot = Request("stop_instance", target), Request("reboot_instance", target)
    assert await covered(THERE, StopInstance(machine), stop) is covers
    assert not await covered(THERE, RebootInstance(machine), reboot)
    assert not await covered(THERE, StopInstance(machine), Request("stop_instance"))
