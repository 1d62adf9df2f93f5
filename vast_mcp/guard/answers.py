"""What each kind of answer does to the plan it was given for, and when it is no person's.

A client may declare that it shows questions and never show one: it then answers by itself within
milliseconds, or not at all. Neither is a person's no. Such a plan stays open, but only a terminal
can approve it from then on.
"""

from vast_mcp.clock import SECOND_US, Clock
from vast_mcp.errors import InputInvalid, LedgerUnavailable
from vast_mcp.guard import plans
from vast_mcp.guard.act import Caller, Outcome
from vast_mcp.guard.journal import Journal
from vast_mcp.guard.replies import approved_meanwhile, closed, kept, left_to_terminal
from vast_mcp.store import Ledger, Letter, Plan, PlanState, Silence, Transaction

FASTEST_S = 1.0
"""No person reads a question and answers it in less."""
SILENCE_S = 45.0
"""How long a question that blocks its call is shown before it is withdrawn."""
HASTY_KIND = "hasty_answer"
_ASKED_S = plans.TTL_US / SECOND_US


class Answers:
    """The plans as they stand in the books, and what a person's word makes of them."""

    def __init__(self, *, ledger: Ledger, spare: Ledger, journal: Journal, clock: Clock) -> None:
        self._ledger = ledger
        self._spare = spare
        self._journal = journal
        self._clock = clock
        self._asked_s: dict[str, float] = {}

    # -- reading ---------------------------------------------------------------------------

    async def plan(self, plan_id: str, caller: Caller) -> tuple[Ledger, Plan]:
        """A plan of this principal and the books it stands in.

        Raises:
            InputInvalid: there is none.
        """
        for ledger in (self._spare, self._ledger):
            try:
                plan = await ledger.write(
                    lambda tx: (
                        None
                        if (found := tx.plan(plan_id)) is None
                        else plans.settle_expiry(tx, found, self._clock)
                    )
                )
            except LedgerUnavailable:
                continue
            if plan is not None and plan.principal == caller.principal:
                return ledger, plan
        raise InputInvalid("plan_id", "no such plan", hint="show_policy lists the pending ones.")

    async def pending(self) -> list[Plan]:
        """Every plan that still waits for a yes, newest first."""

        def still_open(tx: Transaction) -> list[Plan]:
            settled = [plans.settle_expiry(tx, plan, self._clock) for plan in tx.open_plans()]
            return [plan for plan in settled if plan.state is PlanState.OPEN]

        found: list[Plan] = []
        for ledger in (self._ledger, self._spare):
            try:
                found += await ledger.write(still_open)
            except LedgerUnavailable:
                continue
        return found

    # -- how fast --------------------------------------------------------------------------

    def note_asked(self, plan: Plan, *, afresh: bool) -> None:
        """A question leaves for the client now; `afresh` unless it only repeats an earlier leg."""
        key = f"{plan.plan_id} {plan.misses}"
        now_s = self._clock.real_s()
        kept = {one: at_s for one, at_s in self._asked_s.items() if now_s - at_s < _ASKED_S}
        self._asked_s = kept  # what was never answered is forgotten with its plan
        if afresh or key not in self._asked_s:
            self._asked_s[key] = now_s

    def waited_s(self, plan: Plan) -> float | None:
        """A person's seconds since its question left; None if another process put it."""
        asked_s = self._asked_s.pop(f"{plan.plan_id} {plan.misses}", None)
        return None if asked_s is None else self._clock.real_s() - asked_s

    # -- answers ---------------------------------------------------------------------------

    async def approve(self, plan_id: str, caller: Caller) -> Plan:
        """Mark a plan as approved by a person at a terminal; `redeem` then carries it out.

        Raises:
            InputInvalid: it is not open any more.
        """

        def mark(tx: Transaction, fresh: Plan) -> Plan:
            if fresh.state is not PlanState.OPEN:
                raise InputInvalid("plan_id", f"this plan is {fresh.state.value}")
            return tx.update_plan(fresh, approved=True)

        ledger, plan = await self.plan(plan_id, caller)
        approved = await ledger.write(lambda tx: mark(tx, self._now(tx, plan)))
        await self._journal.answered(ledger, plan, caller, "approved at a terminal")
        return approved

    async def decline(self, plan_id: str, caller: Caller, how: str) -> Outcome:
        """A person's no: the plan ends, and the same call is not asked again for a minute."""
        ledger, plan = await self.plan(plan_id, caller)

        def end(tx: Transaction) -> Plan:
            fresh = tx.plan(plan.plan_id) or plan
            if fresh.state is PlanState.OPEN:
                fresh = tx.update_plan(
                    fresh, state=PlanState.DECLINED, changed_us=self._clock.utc_us()
                )
            return fresh

        ended = await ledger.write(end)
        if ended.state in {PlanState.CLAIMED, PlanState.DONE}:  # the yes was faster than the no
            return await closed(ledger, ended, self._clock)
        await self._journal.answered(ledger, plan, caller, how)
        return kept(ended, f"Not done: {how}. Nothing was sent and nothing changed.")

    async def close(self, plan_id: str) -> Plan | None:
        """A person has looked what became of an outcome that nobody knew: the call is free again.

        None where no plan of this id waits for that.
        """

        def end(tx: Transaction) -> Plan | None:
            plan = tx.plan(plan_id)
            if plan is None or plan.state is not PlanState.DONE:
                return None
            if Outcome.from_json(plan.outcome).status != "unknown":
                return None
            return tx.update_plan(plan, state=PlanState.VOID, changed_us=self._clock.utc_us())

        closed = await self._ledger.write(end)
        if closed is not None:
            caller = Caller(principal=closed.principal, client="terminal")
            await self._journal.answered(self._ledger, closed, caller, "closed at a terminal")
        return closed

    async def count_miss(self, plan: Plan, caller: Caller) -> Plan:
        """Wrong digits, the first time: the plan waits on, and its next question says so.

        Only the first miss is counted, so a leg that is sent twice counts once.
        """

        def count(tx: Transaction) -> tuple[Plan, bool]:
            fresh = self._now(tx, plan)
            if fresh.state is not PlanState.OPEN or fresh.misses:
                return fresh, False
            return tx.update_plan(fresh, misses=1), True

        ledger, _ = await self.plan(plan.plan_id, caller)
        counted, first = await ledger.write(count)
        if first:
            await self._journal.answered(ledger, plan, caller, "the digits were wrong")
        return counted

    async def leave_to_terminal(self, plan: Plan, caller: Caller, silence: Silence) -> Outcome:
        """Nobody seems to have seen the question: the plan stays open, for a terminal only."""

        def leave(tx: Transaction) -> Plan:
            fresh = self._now(tx, plan)
            waits = fresh.state is PlanState.OPEN and not fresh.approved
            if waits and fresh.silence is Silence.NONE:
                fresh = tx.update_plan(fresh, silence=silence)
            return fresh

        ledger, _ = await self.plan(plan.plan_id, caller)
        left = await ledger.write(leave)
        if left.state is not PlanState.OPEN:
            return await closed(ledger, left, self._clock)
        if left.approved:
            return approved_meanwhile(left)
        await self._journal.answered(ledger, plan, caller, silence.value)
        return left_to_terminal(left, caller)

    async def note_hasty(self, plan: Plan, caller: Caller) -> None:
        """A yes that came faster than a person reads: it counts, and the person is told."""
        text = (
            f"Plan {plan.plan_id} was approved in under a second, faster than anyone can read. If"
            " that was not you: vast-mcp freeze."
        )
        letter = Letter(
            f"hasty:{plan.plan_id}", HASTY_KIND, text, None, made_us=self._clock.utc_us()
        )
        ledger, _ = await self.plan(plan.plan_id, caller)
        await self._journal.answered(ledger, plan, caller, "approved faster than anyone can read")
        await ledger.write(lambda tx: tx.add_letter(letter))

    def _now(self, tx: Transaction, plan: Plan) -> Plan:
        """As it is by now: written back as it was, a plan that has ended would be open again."""
        return plans.settle_expiry(tx, tx.plan(plan.plan_id) or plan, self._clock)
