"""Decide, plan, consent, reserve, write, settle: the one way to change anything.

The walk of every act: `propose` looks and decides; what needs a yes becomes a stored plan;
`perform` (nothing asked) or `redeem` (a plan's yes) decides *again* inside the transaction that
reserves the money, sends once, and writes down what came of it.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress

from vast_mcp.account.cache import Facts
from vast_mcp.account.context import Account
from vast_mcp.errors import (
    InputInvalid,
    LedgerUnavailable,
    NotFound,
    OfferGone,
    OutcomeUnknown,
    PolicyDenied,
    VastMcpError,
)
from vast_mcp.guard import plans
from vast_mcp.guard.act import (
    Act,
    Booking,
    Caller,
    Errand,
    Outcome,
    Pending,
    Proposal,
    Ready,
    Settled,
    Sight,
)
from vast_mcp.guard.answers import Answers
from vast_mcp.guard.fallback_ledger import Shelf
from vast_mcp.guard.job_approval import Approval
from vast_mcp.guard.journal import Journal
from vast_mcp.guard.plans import waits_for_terminal
from vast_mcp.guard.redeem import Changed, Claims
from vast_mcp.guard.replies import (
    changed,
    closed,
    denied,
    kept,
    nothing_spent,
    repeated,
    to_terminal,
    unresolved,
    unspent,
    until_closed,
)
from vast_mcp.guard.startup_gate import Sweep
from vast_mcp.guard.tasks import Errands
from vast_mcp.leases.charges import before_spending
from vast_mcp.operations import JsonObject
from vast_mcp.policy import Allow, Ask, Decision, Deny, Limits
from vast_mcp.store import Charged, Ledger, Plan, PlanState, Rental, Transaction
from vast_mcp.units import Usd

Rebuild = Callable[[str, JsonObject], Act]
_WHOLE = frozenset({"create_instance", "start_instance"})
"""Acts that are done or not: what they raise while carried out began nothing."""


class Guard:
    """The only holder of the writer."""

    def __init__(
        self,
        *,
        account: Account,
        spare: Ledger,
        journal: Journal,
        errands: Errands,
        rebuild: Rebuild,
    ) -> None:
        self._account = account
        self._ledger = ledger = account.ledger
        self._clock = clock = account.clock
        self._journal = journal
        self._errands = errands
        self._rebuild = rebuild
        self.sweep = Sweep()
        self.answers = Answers(ledger=ledger, spare=spare, journal=journal, clock=clock)
        self._claims = Claims(clock)
        self._shelf = Shelf(ledger, spare, clock)

    # -- asking ----------------------------------------------------------------------------

    async def propose(self, act: Act, caller: Caller, *, retry_leg: bool = False) -> Proposal:
        """Decide about an act; where a yes is needed, find or make its plan.

        On a `retry_leg` (the SDK runs resolvers again with the answer in hand) the newest plan of
        this call is given back whatever its state, so that its question is the same to the letter.

        Raises:
            PolicyDenied: a rule refuses; nothing was sent.
        """
        with unspent(act.tool):
            await self.sweep.wait()
            ledger = await self._shelf.books_for(act.tool)
            try:
                return await self._propose(ledger, act, caller, retry_leg=retry_leg)
            except LedgerUnavailable:
                spare = self._shelf.spare_for(act.tool, ledger)
                if spare is None:
                    raise
                return await self._propose(spare, act, caller, retry_leg=retry_leg)

    async def _propose(
        self, ledger: Ledger, act: Act, caller: Caller, *, retry_leg: bool
    ) -> Proposal:
        plan, repeat = await ledger.write(
            lambda tx: (plans.find(tx, act, caller, self._clock), self._twin(tx, act, caller))
        )
        if retry_leg and plan is not None:
            return Pending(plan)
        if repeat is not None:
            return Settled(await repeated(ledger, repeat, self._clock))
        if plan is not None and plan.state is PlanState.DONE and act.once(plan):
            return Settled(until_closed(plan, caller))
        if plan is not None and plans.recently_declined(plan, self._clock):
            return Settled(kept(plan, "The user declined this a moment ago."))
        return await self._weigh(ledger, act, caller)

    async def _weigh(self, ledger: Ledger, act: Act, caller: Caller) -> Proposal:
        """Look and decide. What a twin did meanwhile is told as its outcome, not as a refusal."""
        limits = self._account.limits()
        account = self._account.deciding(limits, ledger)
        try:
            sight = await act.look(account)
        except VastMcpError:  # what it wanted may be gone because the twin has just taken it
            repeat = await ledger.read(lambda tx: self._twin(tx, act, caller))
            if repeat is None:
                raise
            return Settled(await repeated(ledger, repeat, self._clock))
        if sight.settled is not None:
            return Settled(sight.settled)
        self._must_know_the_time(sight)
        facts = await self._facts(account, sight)
        judged = await ledger.read(
            lambda tx: (
                self._twin(tx, act, caller) or self._claims.judge(tx, sight, caller, limits, facts)
            )
        )
        match judged:
            case Rental() as rental:
                return Settled(await repeated(ledger, rental, self._clock))
            case Allow():
                return Ready(act, sight)
            case Deny() as refusal:
                await self._journal.decided(ledger, act, caller, refusal, limits)
                raise denied(act, refusal)
            case Ask() as ask:
                return Pending(await self._plan(ledger, act, caller, sight, ask, limits))

    def _twin(self, tx: Transaction, act: Act, caller: Caller) -> Rental | None:
        """What an identical call made, or is making."""
        return act.replay(tx, caller.principal, self._clock.lease_us())

    async def preview(self, act: Act, caller: Caller) -> tuple[Sight, Decision]:
        """What would be decided now, without asking, reserving or sending anything."""
        with unspent(act.tool):
            ledger = await self._shelf.books_for(act.tool)
            limits = self._account.limits()
            account = self._account.deciding(limits, ledger)
            sight = await act.look(account)
            facts = await self._facts(account, sight)
            return sight, await ledger.read(
                lambda tx: self._claims.judge(tx, sight, caller, limits, facts)
            )

    async def _plan(
        self,
        ledger: Ledger,
        act: Act,
        caller: Caller,
        sight: Sight,
        ask: Ask,
        limits: Limits,
    ) -> Plan:
        level = ask.level

        def find_or_make(tx: Transaction) -> Plan:
            plan = plans.find(tx, act, caller, self._clock)
            if plan is not None and plan.state is PlanState.OPEN:
                unchanged = act.holds(plan.snapshot, sight)
                if unchanged and plan.policy_digest == limits.digest and plan.level == level.value:
                    return plan
                tx.update_plan(plan, state=PlanState.VOID, changed_us=self._clock.utc_us())
            return plans.make(tx, act, caller, sight, level, limits, self._clock, ask.reasons)

        return await ledger.write(find_or_make)

    # -- doing -----------------------------------------------------------------------------

    async def perform(self, ready: Ready, caller: Caller) -> Outcome:
        """Carry out what needed no question. If the limits moved meanwhile, it is refused."""
        ledger = await self._shelf.books_for(ready.act.tool)
        return await self._errands.run(
            self._carry_out(ledger, ready.act, caller, ready.sight, None)
        )

    async def correct(self, act: Act, caller: Caller) -> Outcome:
        """Carry out an act of our own that only reduces spend: a lease's end, an undoing.

        Raises:
            PolicyDenied: it was not corrective after all.
        """
        ledger = await self._shelf.books_for(act.tool)
        sight = await act.look(self._on(ledger))
        return await self._errands.run(self._carry_out(ledger, act, caller, sight, None))

    async def carry(self, act: Act, caller: Caller, approval: Approval) -> Outcome:
        """Carry out a step of a job under the yes that the job got; see `guard.carrying`.

        Raises:
            PolicyDenied: a rule refuses, or the yes does not cover it.
        """
        await self.sweep.wait()
        ledger = await self._shelf.books_for(act.tool)
        sight = await act.look(self._on(ledger))
        return await self._errands.run(self._carry_out(ledger, act, caller, sight, None, approval))

    async def account_for_ending(self) -> Account:
        """The account as the keeper reads it: machines are ended without a ledger as well."""
        return self._on(await self._shelf.books_for("stop_instance"))

    async def redeem(self, plan_id: str, caller: Caller) -> Outcome:
        """Carry out a plan that got its yes. Exactly once: a repeat is told the stored outcome.

        Raises:
            InputInvalid: no such plan of this principal.
            PolicyDenied: a rule refuses by now; nothing was sent.
        """
        await self.sweep.wait()
        ledger, plan = await self.answers.plan(plan_id, caller)
        if plan.state is not PlanState.OPEN:
            return await closed(ledger, plan, self._clock)
        if waits_for_terminal(plan, caller):
            return to_terminal(plan, caller)
        act = self._rebuild(plan.tool, plan.arguments)
        try:
            with unspent(plan.tool):
                sight = await act.look(self._on(ledger))
        except (NotFound, OfferGone, InputInvalid) as error:
            ended = await ledger.write(lambda tx: self._claims.void(tx, plan))
            if ended and ended.state is not PlanState.VOID:  # another call carries it out, or has
                return await closed(ledger, ended, self._clock)
            return changed(plan, str(error))
        sight = act.narrowed(plan.snapshot, sight)
        return await self._errands.run(self._carry_out(ledger, act, caller, sight, plan))

    async def record_charges(self, amounts: Mapping[tuple[str, str], Usd]) -> None:
        """Tell the books what the vendor charged until now, by source and UTC day."""
        as_of_us = self._clock.lease_us()

        def write(tx: Transaction) -> None:
            for (source, day), amount in amounts.items():
                tx.record_charge(source, day, Charged(amount, as_of_us))

        if amounts:
            await self._ledger.write(write)

    # -- inside ----------------------------------------------------------------------------

    def _on(self, ledger: Ledger) -> Account:
        """The account on these books, under the limits of this moment."""
        return self._account.deciding(self._account.limits(), ledger)

    async def _carry_out(
        self,
        ledger: Ledger,
        act: Act,
        caller: Caller,
        sight: Sight,
        plan: Plan | None,
        approval: Approval | None = None,
    ) -> Outcome:
        try:
            return await self._carried(ledger, act, caller, sight, plan, approval)
        except LedgerUnavailable:  # stop and destroy name their end state: once more does no harm
            spare = self._shelf.spare_for(act.tool, ledger)
            if spare is None:
                raise
            if plan is not None:
                await spare.write(lambda tx: plans.keep(tx, plan))
            return await self._carried(spare, act, caller, sight, plan, approval)

    async def _carried(
        self,
        ledger: Ledger,
        act: Act,
        caller: Caller,
        sight: Sight,
        plan: Plan | None,
        approval: Approval | None,
    ) -> Outcome:
        with unspent(act.tool):
            facts = await self._facts(self._on(ledger), sight)
            self._must_know_the_time(sight)
            # After the reads: they may take long, and meanwhile a person may tighten the limits.
            limits = self._account.limits()
            account = self._account.deciding(limits, ledger)
            asked = plan is not None
            claim = await ledger.write(
                lambda tx: self._claims.claim(tx, act, caller, sight, plan, limits, facts, approval)
            )
        match claim:
            case Booking():
                pass
            case Deny():
                await self._journal.decided(ledger, act, caller, claim, limits)
                raise denied(act, claim)
            case _:
                return await self._not_booked(ledger, act, plan, claim)
        send = self._journal.sender(ledger, act, caller, claim, limits)
        approved = plan.snapshot if plan is not None else sight.snapshot
        with unspent(act.tool):
            await self._journal.claimed(ledger, act, caller, claim, sight, limits, asked=asked)
        errand = Errand(sight=sight, approved=approved, booking=claim, send=send, tell=caller.tell)
        outcome = await self._sent(account, act, errand, plan)
        await self._journal.settled(ledger, act, caller, claim, outcome)
        return outcome

    async def _not_booked(
        self, ledger: Ledger, act: Act, plan: Plan | None, claim: Plan | Rental | Changed | Decision
    ) -> Outcome:
        """What another call did, or what moved since the look; nothing is sent by this one."""
        match claim:
            case Plan():
                return await closed(ledger, claim, self._clock)
            case Rental():
                return await repeated(ledger, claim, self._clock)
            case Changed(why=why):
                return changed(plan, why)
            case _:
                said = "Not done, nothing charged: the limits or the spending changed meanwhile,"
                raise PolicyDenied(
                    nothing_spent(act.tool, f"{said} and this now needs a yes."),
                    hint="Call the tool again.",
                )

    async def _sent(self, account: Account, act: Act, errand: Errand, plan: Plan | None) -> Outcome:
        """Carry it out, and keep with the plan what came of it, whatever that was."""
        try:
            outcome = await act.carry_out(account, errand)
        except VastMcpError as error:
            if act.tool in _WHOLE and not isinstance(error, OutcomeUnknown):
                error.message = nothing_spent(act.tool, error.message)
            await self._end_plan(account.ledger, plan, _failed(error))
            raise
        except BaseException:
            await self._end_plan(account.ledger, plan, unresolved(errand.booking.intent_id))
            raise
        await self._end_plan(account.ledger, plan, outcome)
        return outcome

    def _must_know_the_time(self, sight: Sight) -> None:
        """A lease that is begun by a wrong clock ends days early or days late."""
        doubt = self._clock.doubt() if sight.request.spend is not None else ""
        if doubt:
            raise PolicyDenied(
                f"Not done, nothing charged. {doubt}",
                rules=("clock",),
                hint="Call again in a minute. If it persists, ask the user to set the clock.",
            )

    async def _facts(self, account: Account, sight: Sight) -> Facts | None:
        if sight.request.spend is None:
            return None
        facts = await account.cache.facts()
        await before_spending(account, sight.request, facts.bearers)
        return facts

    async def _end_plan(self, ledger: Ledger, plan: Plan | None, outcome: Outcome) -> None:
        if plan is None:
            return

        def end(tx: Transaction) -> None:
            tx.update_plan(
                plan,
                state=PlanState.DONE,
                changed_us=self._clock.utc_us(),
                outcome=outcome.to_json(),
            )

        with suppress(LedgerUnavailable):  # the deed is done: its outcome must still be told
            await ledger.write(end)


def _failed(error: VastMcpError) -> Outcome:
    """What a repeat of the call is told: refused, unless nobody knows."""
    unknown = isinstance(error, OutcomeUnknown)
    return Outcome(status="unknown" if unknown else "refused", said=str(error))
