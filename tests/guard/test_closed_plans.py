"""What a call is told that meets a plan or a rent which another call is at: waited for, replayed.

Under one clock that moves by itself: the other call is done after so many looks.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.instances.samples import NOW_US, rental
from vast_mcp.clock import ManualClock
from vast_mcp.guard.act import Outcome
from vast_mcp.guard.replies import CLAIMED_WAIT_S, closed, repeated
from vast_mcp.store import (
    LeaseFacts,
    Plan,
    PlanState,
    Rental,
    RentalState,
    SqliteLedger,
    Transaction,
)

PLAN = Plan(
    plan_id="stop-7-BCDFGH",
    code="BCDFGH",
    principal="local",
    tool="stop_instance",
    key="k",
    arguments={},
    snapshot={},
    question="Stop it? [BCDFGH]",
    form="confirm",
    digits="",
    level="ask",
    policy_digest="",
    state=PlanState.OPEN,
    created_us=NOW_US,
    expires_us=NOW_US + 600_000_000,
    changed_us=NOW_US,
)
STOPPED = Outcome("stopped", "Stopped.", values={"instance_id": 7})
Change = Callable[[Transaction], object]


class Meanwhile(ManualClock):
    """Leaps from look to look; at the third the other call writes down what came of it."""

    def __init__(self, book: SqliteLedger, change: Change) -> None:
        super().__init__(auto_advance=True)
        self._book, self._change = book, change
        self.looks = 0

    async def sleep(self, seconds: float) -> None:
        """Leap, and let the other one write."""
        await super().sleep(seconds)
        self.looks += 1
        if self.looks == 3:
            await self._book.write(self._change)


def nothing(tx: Transaction) -> None:
    """The other call goes on for ever."""


async def told(plan: Plan, change: Change = nothing) -> tuple[Outcome, Meanwhile]:
    """What is said of this plan, and the clock by which it was waited."""
    book = SqliteLedger(None)
    await book.write(lambda tx: tx.add_plan(plan))
    clock = Meanwhile(book, change)
    return await closed(book, plan, clock), clock


async def test_a_plan_that_another_call_carries_out_is_waited_for_and_its_outcome_told() -> None:
    """At once when it is known, not at the end of all patience."""
    claimed = replace(PLAN, state=PlanState.CLAIMED)

    def done(tx: Transaction) -> None:
        tx.update_plan(claimed, state=PlanState.DONE, outcome=STOPPED.to_json())

    outcome, clock = await told(claimed, done)
    assert outcome == STOPPED.again()
    assert clock.looks == 3


async def test_a_plan_that_is_carried_out_for_long_is_told_as_under_way() -> None:
    """After twenty seconds; whoever is told so shall look, not repeat it."""
    outcome, clock = await told(replace(PLAN, state=PlanState.CLAIMED))
    assert outcome.status == "under_way"
    assert "do not repeat" in outcome.next
    assert clock.monotonic_s() == CLAIMED_WAIT_S == 20


@pytest.mark.parametrize(
    ("state", "then"),
    [
        (PlanState.DECLINED, "The user said no"),
        (PlanState.VOID, "Call stop_instance again"),
        (PlanState.EXPIRED, "Call stop_instance again"),
    ],
)
async def test_a_plan_that_ended_is_told_at_once_with_the_way_on(
    state: PlanState, then: str
) -> None:
    """Only a person's no is a reason not to ask again."""
    outcome, clock = await told(replace(PLAN, state=state))
    assert (outcome.status, clock.looks) == ("refused", 0)
    assert state.value in outcome.said
    assert outcome.next.startswith(then)


async def test_a_plan_that_was_carried_out_is_replayed() -> None:
    """Word for word, and marked as such."""
    done = replace(PLAN, state=PlanState.DONE, outcome=STOPPED.to_json())
    outcome, clock = await told(done)
    assert (outcome, clock.looks) == (STOPPED.again(), 0)
    assert outcome.values["replayed"]


RENTED = Outcome("rented", "Rented.", values={"instance_id": 27_000_001})


async def heard(one: Rental, change: Change = nothing) -> tuple[Outcome, Meanwhile]:
    """What an identical call is told of this rent."""
    book = SqliteLedger(None)
    await book.write(lambda tx: tx.add_rental(one, []))
    clock = Meanwhile(book, change)
    return await repeated(book, one, clock), clock


@pytest.mark.parametrize(
    ("state", "facts", "waits"),
    [
        (RentalState.RESERVED, LeaseFacts(), True),
        (RentalState.SENDING, LeaseFacts(), True),
        (RentalState.ACTIVE, LeaseFacts(checked=False), True),
        (RentalState.ACTIVE, LeaseFacts(checked=True), False),
        (RentalState.ACTIVE, LeaseFacts(), False),
        (RentalState.UNKNOWN, LeaseFacts(), False),
        (RentalState.DESTROYING, LeaseFacts(), False),
    ],
)
async def test_an_identical_rent_is_waited_for_while_its_call_has_still_to_speak(
    state: RentalState, facts: LeaseFacts, *, waits: bool
) -> None:
    """What nobody is at any more is told as it stands."""
    one = rental(state=state, facts=facts)

    def settled(tx: Transaction) -> None:
        tx.update_rental(one, state=RentalState.ACTIVE, outcome=RENTED.to_json())

    outcome, clock = await heard(one, settled)
    assert clock.looks == (3 if waits else 0)
    if waits:
        assert outcome.status == "rented"
        assert outcome.values["replayed"]


async def test_a_rent_that_is_under_way_for_long_is_told_as_it_stands() -> None:
    """It may exist: its money stays reserved, and it must not be repeated."""
    outcome, clock = await heard(rental(state=RentalState.SENDING, target_id=None))
    assert outcome.status == "unknown"
    assert clock.monotonic_s() == CLAIMED_WAIT_S


async def test_a_rent_with_its_outcome_is_replayed_without_waiting() -> None:
    """Also one whose machine is still to be compared."""
    one = rental(facts=LeaseFacts(checked=False), outcome=RENTED.to_json())
    outcome, clock = await heard(one)
    assert (outcome.status, clock.looks) == ("rented", 0)
    assert "a new request_key" in outcome.next
