"""The second decision, inside the transaction that reserves the money.

Everything here is synchronous and runs under the ledger's lock: the plan is redeemed once, the
limits are applied to sums of these very rows, and what is allowed is set aside before anyone else
can look.
"""

from dataclasses import dataclass, replace
from typing import TypeAlias

from vast_mcp.account.cache import Facts, rate_now
from vast_mcp.account.freezing import said_of
from vast_mcp.account.lease_label import INTENT_LENGTH
from vast_mcp.clock import Clock
from vast_mcp.guard import plans
from vast_mcp.guard.act import Act, Booking, Caller, Sight
from vast_mcp.guard.job_approval import Approval, cover, uncovered
from vast_mcp.policy import Allow, Ask, Decision, Deny, Level, Limits, Reason
from vast_mcp.policy.actions import ACTS
from vast_mcp.policy.decision import strictest
from vast_mcp.policy.engine import decide
from vast_mcp.policy.facts import Exposure
from vast_mcp.store import Plan, PlanState, Rental, Transaction, current_rate
from vast_mcp.units import UsdPerHour


@dataclass(frozen=True, slots=True)
class Changed:
    """The plan no longer fits what is there; it is void."""

    why: str


Claim: TypeAlias = "Booking | Plan | Rental | Decision | Changed"


class Claims:
    """Decides over the ledger's own rows."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def claim(
        self,
        tx: Transaction,
        act: Act,
        caller: Caller,
        sight: Sight,
        plan: Plan | None,
        limits: Limits,
        facts: Facts | None,
        approval: Approval | None = None,
    ) -> Claim:
        """The second decision, the plan's one redemption and the reservation, as one step."""
        now_us = self._clock.lease_us()
        repeat = act.replay(tx, caller.principal, now_us)
        if repeat is not None:
            return repeat
        if plan is not None:
            closed = self._fits(tx, act, sight, plan, limits)
            if closed is not None:
                return closed
        if why := act.moved(tx, sight):
            self.void(tx, plan)
            return Changed(why)
        sight = cover(tx, approval, act, sight)
        if approval is not None and (refusal := uncovered(act, sight)):
            return refusal
        decision = self.judge(tx, sight, caller, limits, facts)
        if isinstance(decision, Deny):
            self.void(tx, plan)
            return decision
        if isinstance(decision, Ask) and plan is None:
            return decision
        if isinstance(decision, Ask) and _asks_for_more(decision, plan):
            self.void(tx, plan)
            return Changed("this now needs a person's approval")
        booking = Booking(
            intent_id=self._clock.random_id(INTENT_LENGTH),
            now_us=now_us,
            principal=caller.principal,
            digest=plans.key_of(act),
            asked=plan is not None or sight.request.covered,
        )
        if plan is not None:
            tx.update_plan(plan, state=PlanState.CLAIMED, changed_us=self._clock.utc_us())
        act.reserve(tx, booking, sight)
        return booking

    def _fits(
        self, tx: Transaction, act: Act, sight: Sight, plan: Plan, limits: Limits
    ) -> "Plan | Changed | None":
        fresh = plans.settle_expiry(tx, tx.plan(plan.plan_id) or plan, self._clock)
        if fresh.state is not PlanState.OPEN:
            return fresh
        if fresh.policy_digest != limits.digest:
            self.void(tx, fresh)
            return Changed("the policy changed since the question")
        if not act.holds(fresh.snapshot, sight):
            self.void(tx, fresh)
            return Changed("the target or its price changed since the question")
        return None

    def judge(
        self,
        tx: Transaction,
        sight: Sight,
        caller: Caller,
        limits: Limits,
        facts: Facts | None,
    ) -> Decision:
        """What the policy says of this act, given what these books owe."""
        request = replace(sight.request, can_ask=caller.can_ask)
        exposure = Exposure()
        if request.spend is not None and facts is not None:
            exposure = tx.exposure(
                self._clock.lease_us(),
                outside=facts.bearers.outside(tx),
                task=request.spend.task,
                job_id=request.spend.job_id,
            )
            exposure = replace(
                exposure,
                credit=facts.account.credit - exposure.reserved,
                account_usd_per_hour=_account_rate(tx, facts),
            )
        exposure = replace(exposure, frozen=_frozen(tx, sight))
        decision = strictest(
            decide(replace(wanted, can_ask=caller.can_ask), exposure, limits)
            for wanted in (request, *sight.also)
        )
        if isinstance(decision, Allow) and sight.must_ask:
            return Ask(Level.ASK, (Reason(rule="create.price", says=sight.must_ask),))
        return decision

    def void(self, tx: Transaction, plan: Plan | None) -> Plan | None:
        """End a plan that no longer fits, unless it has ended or is carried out; as it is then."""
        if plan is None:
            return None
        fresh = tx.plan(plan.plan_id) or plan
        if fresh.state is not PlanState.OPEN:
            return fresh
        return tx.update_plan(fresh, state=PlanState.VOID, changed_us=self._clock.utc_us())


def _account_rate(tx: Transaction, facts: Facts) -> UsdPerHour:
    """What the vendor shows, and for what is ours what the books reserve, if that is more.

    A rent or start that is on its way is shown by nobody yet, and counts all the same.
    """
    rates: dict[int | str, UsdPerHour] = {
        instance.instance_id: rate_now(instance) for instance in facts.instances
    }
    marked: dict[str, int | str] = {
        machine.intent_id: machine.instance_id for machine in facts.bearers.outside(tx)
    }
    for rental in tx.live_rentals():
        if rental.kind == "endpoint":  # it may rent up to all that it reserves, at any moment
            rates[rental.intent_id] = current_rate(rental)
        if rental.kind == "instance":
            known = rental.facts.unmarked_id or rental.intent_id
            key: int | str = rental.target_id or marked.get(rental.intent_id, known)
            rates[key] = max(current_rate(rental), rates.get(key, UsdPerHour()))
    return sum(rates.values(), UsdPerHour())


def _frozen(tx: Transaction, sight: Sight) -> str:
    """Who froze all spending and when; a stop or destroy does not even look."""
    act = ACTS.get(sight.request.action)
    if act is not None and act.reduces:
        return ""
    return said_of(tx.frozen())


def _asks_for_more(decision: Ask, plan: Plan | None) -> bool:
    """Whether the yes at hand is of a lower level than what is needed by now."""
    if plan is None or plan.approved:
        return False
    return decision.level.rank > Level(plan.level).rank
