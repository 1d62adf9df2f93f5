"""A plan that is answered twice at once: by its client, at a terminal, from another process.

See docs/design.md#questions.
"""

from pathlib import Path
from typing import Any

import pytest

from tests.guard.at_once import Held, processes
from tests.promises.test_answers_hold_once import plan_for, running_machine
from tests.suites.rig import ASKING
from tests.world import World
from vast_mcp.actions import CreateInstance
from vast_mcp.errors import InputInvalid
from vast_mcp.guard.act import Caller, Pending
from vast_mcp.guard.door import Guard
from vast_mcp.store import PlanState


class SlowToRead:
    """A guard between whose look at a plan and its next step another process acts."""

    def __init__(self, guard: Guard, meanwhile: Any) -> None:  # noqa: ANN401  an async callable
        self._read, self._meanwhile = guard.answers.plan, meanwhile
        guard.answers.plan = self  # type: ignore[method-assign]  # for this test only

    async def __call__(self, plan_id: str, caller: Caller) -> Any:  # noqa: ANN401  as the guard's own
        """Read it, then let the other one act."""
        found = await self._read(plan_id, caller)
        await self._meanwhile(plan_id, caller)
        return found


@pytest.mark.parametrize("ending", [PlanState.DECLINED, PlanState.DONE])
async def test_an_approval_never_opens_a_plan_that_has_ended(
    tmp_path: Path, ending: PlanState
) -> None:
    """Declined or carried out while a person approves it, a plan stays so."""
    world = World(tmp_path, seed=2)
    instance_id = await running_machine(world)
    plan_id = await plan_for(world, "stop_instance", instance_id=instance_id)
    async with world.runtime() as terminal, world.runtime() as server:
        guard = server.session.guard

        async def answered(plan_id: str, caller: Caller) -> None:
            if ending is PlanState.DONE:
                await guard.redeem(plan_id, caller)
            else:
                await guard.answers.decline(plan_id, caller, "declined")

        SlowToRead(terminal.session.guard, answered)
        with pytest.raises(InputInvalid, match=ending.value):
            await terminal.session.guard.answers.approve(plan_id, Caller())
        _, plan = await guard.answers.plan(plan_id, Caller())
    assert plan.state is ending


async def test_a_no_to_a_plan_that_is_carried_out_is_told_what_it_did(tmp_path: Path) -> None:
    """The yes was faster, so the answer is not that nothing was sent."""
    world = World(tmp_path, seed=2)
    instance_id = await running_machine(world)
    plan_id = await plan_for(world, "stop_instance", instance_id=instance_id)
    told = []
    held = Held(world, "PUT", f"/instances/{instance_id}")
    async with processes(world, held) as (slow, quick):

        async def decline() -> None:
            told.append(await quick.answers.decline(plan_id, Caller(), "declined"))

        done = await held.meanwhile(slow.redeem(plan_id, Caller()), decline())
    assert done.status in {"stopped", "stopping"}  # the other one waited its 20 s on this clock
    assert [one.status for one in told] == ["under_way"]


async def test_a_yes_does_not_outrun_a_policy_that_is_written_meanwhile(tmp_path: Path) -> None:
    """Tightened before the claim, though after the yes: nothing is done."""
    world = World(tmp_path, seed=2, policy="")
    offer = await world.dear_offer()
    rent = CreateInstance(offer.offer_id, 4.0, max_price_usd_per_hour=5.0)
    held = Held(world, "GET", "/users/current")
    async with processes(world, held) as (slow, quick):
        proposal = await quick.propose(rent, ASKING)
        assert isinstance(proposal, Pending)
        world.clock.move(20)  # what was read of the account is old by now

        async def tighten() -> None:
            world.write_policy("[limits]\nmax_usd_per_hour = 0.5\n")

        outcome = await held.meanwhile(slow.redeem(proposal.plan.plan_id, ASKING), tighten())
    assert outcome.status == "changed"
    assert world.simulator.world.instances == {}
