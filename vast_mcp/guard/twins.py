"""What to answer when another call is at the same plan or the same intent: wait, then replay."""

from vast_mcp.clock import Clock
from vast_mcp.guard.act import Outcome
from vast_mcp.guard.saying import replayed
from vast_mcp.store import Ledger, Plan, PlanState, Rental, RentalState

CLAIMED_WAIT_S = 20.0
_LOOK_EVERY_S = 0.25


async def repeated(ledger: Ledger, rental: Rental, clock: Clock) -> Outcome:
    """What an identical call made; one that is under way right now is waited for."""
    waited_until_s = clock.monotonic_s() + CLAIMED_WAIT_S
    intent_id = rental.intent_id
    while _under_way(rental) and clock.monotonic_s() < waited_until_s:
        await clock.sleep(_LOOK_EVERY_S)
        found = await ledger.read(lambda tx: tx.rental(intent_id))
        rental = rental if found is None else found
    return replayed(rental)


def _under_way(rental: Rental) -> bool:
    """Whether its call has yet to say what came of it: not sent, not answered, not looked at."""
    if rental.state is RentalState.ACTIVE:
        return not rental.outcome and not rental.facts.checked
    return rental.state in {RentalState.RESERVED, RentalState.SENDING}


async def closed(ledger: Ledger, plan: Plan, clock: Clock) -> Outcome:
    """What to say of a plan that is not open: wait for a claimed one, replay a done one."""
    plan_id = plan.plan_id
    waited_until_s = clock.monotonic_s() + CLAIMED_WAIT_S
    while plan.state is PlanState.CLAIMED and clock.monotonic_s() < waited_until_s:
        await clock.sleep(_LOOK_EVERY_S)
        found = await ledger.read(lambda tx: tx.plan(plan_id))
        plan = plan if found is None else found
    if plan.state is PlanState.DONE:
        return await _as_known_now(ledger, Outcome.from_json(plan.outcome))
    if plan.state is PlanState.CLAIMED:
        return Outcome(
            status="under_way",
            said="This plan is being carried out by another call.",
            next="Look with show_instances in a moment; do not repeat it.",
        )
    return Outcome(
        status="refused",
        said=f"This plan is {plan.state.value}; nothing was done.",
        next="The person said no: do not ask again unless they want it."
        if plan.state is PlanState.DECLINED
        else f"Call {plan.tool} again if it is still wanted: it looks anew and makes a new plan.",
    )


async def _as_known_now(ledger: Ledger, outcome: Outcome) -> Outcome:
    """A stored outcome again; of one that nobody knew then, what has become of it."""
    intent_id = str(outcome.values.get("intent", ""))
    rental = None
    if outcome.status == "unknown" and intent_id:
        rental = await ledger.read(lambda tx: tx.rental(intent_id))
    known = rental is not None and not rental.state.unresolved
    return replayed(rental) if rental is not None and known else outcome.again()
