"""Settled and reserved stay under every cap, whatever happens in whatever order.

See docs/design.md#money, docs/hazards.md#money.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.world import World, scale
from vast_mcp.actions import (
    ChangeBid,
    CreateInstance,
    DestroyInstance,
    ExtendLease,
    StartInstance,
    StopInstance,
)
from vast_mcp.errors import VastMcpError
from vast_mcp.guard.act import Act, Caller, Outcome, Pending, Ready
from vast_mcp.keeper.tick import look_once
from vast_mcp.models import Offer
from vast_mcp.simulator.contract import Contract
from vast_mcp.simulator.faults import Kind
from vast_mcp.store import Rental, Segment, Transaction, spent_and_reserved
from vast_mcp.units import Usd

EXAMPLES = scale("VAST_MCP_TEST_MACHINE_EXAMPLES", 20)
STEPS = scale("VAST_MCP_TEST_MACHINE_STEPS", 25)
RUNNING, HOURLY, DAY, MONTH, TASK = 3, 0.9, 3.0, 12.0, 1.0
POLICY = f"""
[limits]
max_running = {RUNNING}
max_total_usd_per_hour = {HOURLY}
max_usd_per_day = {DAY}
max_usd_per_month = {MONTH}
[budget.job]
max_cost_usd = {TASK}
"""
CALLER = Caller(can_ask=True)
_T = TypeVar("_T")
WRITE_FAULTS: tuple[Kind, ...] = (
    "request_lost",
    "reset",
    "answer_lost_after_commit",
    "reset_after_commit",
    "status_before",
    "status_after",
    "rate_limited",
    "truncated_json",
    "success_false_200",
    "late_execution",
)


class Rentals(RuleBasedStateMachine):
    """A guard on a simulator, in the hands of chance; the person says yes to everything."""

    def __init__(self) -> None:
        super().__init__()
        self.tmp = Path(tempfile.mkdtemp())
        self.world = World(self.tmp, policy=POLICY, seed=13, credit_usd=1_000)
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.runtime = self.run(self.stack.enter_async_context(self.world.runtime()))
        self.demand = self.run(self.world.offers(self.runtime))
        self.bids = self.run(self.world.offers(self.runtime, rental="interruptible"))

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run it to its end."""
        return self.runner.run(work)

    def teardown(self) -> None:
        """Close everything."""
        self.run(self.stack.aclose())
        self.runner.close()
        shutil.rmtree(self.tmp)

    # -- what may happen -------------------------------------------------------------------

    @rule(
        which=st.integers(0, 40),
        hours=st.sampled_from([0.5, 1.0, 2.0, 6.0, 20.0]),
        task=st.sampled_from(["", "job"]),
        bid=st.booleans(),
        cost=st.sampled_from([None, 0.5]),
    )
    def rent(self, which: int, hours: float, task: str, bid: bool, cost: float | None) -> None:
        """Rent something."""
        offers = self.bids if bid else self.demand
        offer: Offer = offers[which % len(offers)]
        price = None
        if bid and offer.min_bid is not None:
            price = round(offer.min_bid.dollars + 0.03, 3)
        self.do(
            CreateInstance(
                offer.offer_id,
                hours,
                max_price_usd_per_hour=1.0,
                task=task,
                bid_usd_per_hour=price,
                max_cost_usd=cost,
                request_key=str(which),
            )
        )

    @precondition(lambda self: self.ours())
    @rule(which=st.integers(0, 9))
    def stop(self, which: int) -> None:
        """Stop one."""
        self.do(StopInstance(self.pick(which)))

    @precondition(lambda self: self.ours())
    @rule(which=st.integers(0, 9))
    def destroy(self, which: int) -> None:
        """Destroy one."""
        self.do(DestroyInstance(self.pick(which)))

    @precondition(lambda self: self.ours())
    @rule(which=st.integers(0, 9), hours=st.sampled_from([0.5, 3.0, 12.0]))
    def start(self, which: int, hours: float) -> None:
        """Start one."""
        self.do(StartInstance(self.pick(which), hours))

    @precondition(lambda self: self.ours())
    @rule(which=st.integers(0, 9), hours=st.sampled_from([0.5, 3.0, 12.0]))
    def extend(self, which: int, hours: float) -> None:
        """Extend one."""
        self.do(ExtendLease(self.pick(which), hours))

    @precondition(lambda self: self.ours())
    @rule(which=st.integers(0, 9), bid=st.sampled_from([0.05, 0.2, 0.5, 0.85]))
    def change_bid(self, which: int, bid: float) -> None:
        """Bid more or less."""
        self.do(ChangeBid(self.pick(which), bid))

    @rule(kind=st.sampled_from(WRITE_FAULTS), skip=st.integers(0, 1))
    def break_next_write(self, kind: Kind, skip: int) -> None:
        """One of the next writes goes wrong."""
        self.world.simulator.faults.add(kind, "PUT", skip=skip, seconds=400)

    @rule(times=st.integers(1, 9))
    def break_reads(self, times: int) -> None:
        """Some reads fail."""
        self.world.simulator.faults.add("status_before", "GET", "/instances", times=times)

    @precondition(lambda self: any(one.is_bid for one in self.ours()))
    @rule(which=st.integers(0, 9), out=st.booleans())
    def market_moves(self, which: int, out: bool) -> None:
        """An interruptible is outbid, or wins again."""
        bids = [one for one in self.ours() if one.is_bid]
        chosen = bids[which % len(bids)].id
        if out:
            self.world.simulator.outbid(chosen)
        else:
            self.world.simulator.end_outbid(chosen)

    @precondition(lambda self: self.ours())
    @rule(which=st.integers(0, 9))
    def stopped_elsewhere(self, which: int) -> None:
        """A person stops one on the console."""
        self.world.simulator.world.fleet.stop(
            self.ours()[which % len(self.ours())], self.world.clock.utc_us()
        )

    @rule(minutes=st.sampled_from([1, 10, 60, 300, 1500]))
    def time_passes(self, minutes: int) -> None:
        """The keeper looks every ten minutes at least."""
        while minutes > 0:
            step = min(10, minutes)
            minutes -= step
            self.world.clock.move(60 * step)
            self.look()

    @rule()
    def look(self) -> None:
        """One look of the keeper."""
        try:
            self.run(look_once(self.runtime.session.guard))
        except VastMcpError:
            return
        self.the_meter_is_not_behind_the_vendors()

    # -- helpers ---------------------------------------------------------------------------

    def ours(self) -> list[Contract]:
        """Living machines, by the vendor's own record."""
        self.world.simulator.catch_up()
        return list(self.world.simulator.world.instances.values())

    def pick(self, which: int) -> int:
        """One of them."""
        return self.ours()[which % len(self.ours())].id

    def do(self, act: Act) -> None:
        """Propose, say yes, carry out; whatever spends must leave every cap unpassed."""
        try:
            outcome = self.run(self._through(act))
        except VastMcpError:
            return
        if outcome.status in {"rented", "starting", "extended", "bid_changed", "unknown"}:
            self.nothing_is_promised_above_a_cap()

    async def _through(self, act: Act) -> Outcome:
        guard = self.runtime.session.guard
        proposal = await guard.propose(act, CALLER)
        if isinstance(proposal, Ready):
            return await guard.perform(proposal, CALLER)
        if isinstance(proposal, Pending):
            return await guard.redeem(proposal.plan.plan_id, CALLER)
        return proposal.outcome

    def nothing_is_promised_above_a_cap(self) -> None:
        """The ledger's sums right after a yes."""
        now_us = self.world.clock.utc_us()
        ledger = self.runtime.session.account.ledger
        plain = self.run(ledger.read(lambda tx: tx.exposure(now_us)))
        job = self.run(ledger.read(lambda tx: tx.exposure(now_us, task="job")))
        assert max(plain.by_day.values(), default=Usd(0)) <= Usd.of(DAY)
        assert max(plain.by_month.values(), default=Usd(0)) <= Usd.of(MONTH)
        assert job.task_spent + job.task_reserved <= Usd.of(TASK)
        assert plain.usd_per_hour.dollars <= HOURLY
        assert plain.running <= RUNNING

    def the_meter_is_not_behind_the_vendors(self) -> None:
        """What the vendor's books show for time is at most what ours have counted."""
        now_us = self.world.clock.utc_us()
        books = self.world.simulator.books
        ledger = self.runtime.session.account.ledger
        for contract in self.ours():
            rental, segments = self.run(ledger.read(partial(_books_of, number=contract.id)))
            if rental is None or not rental.state.holds_money:
                continue
            timed = [part for part in segments if part.kind != "traffic"]
            counted = spent_and_reserved(timed, now_us)[0].dollars
            shown = books.spent_by(contract.id)
            assert shown["gpu"] + shown["disk"] <= counted + 0.0005, (rental, segments, shown)

    # -- what always holds -----------------------------------------------------------------

    @invariant()
    def the_vendor_runs_no_more_than_is_allowed(self) -> None:
        """Machines and dollars per hour, by the simulator's own books."""
        alive = self.ours()
        running = [one for one in alive if one.wants_to_run or one.state.bills_gpu]
        assert len(running) <= RUNNING
        rates = sum(one.gpu_usd_per_hour + one.disk_usd_per_hour for one in running)
        assert rates <= HOURLY + 1e-6


def _books_of(tx: Transaction, number: int) -> tuple[Rental | None, list[Segment]]:
    rental = tx.rental_of("instance", number)
    return rental, [] if rental is None else tx.segments(rental.intent_id)


Rentals.TestCase.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
TestRentals = Rentals.TestCase
TestRentals.__doc__ = "Settled + reserved ≤ cap under any interleaving."
