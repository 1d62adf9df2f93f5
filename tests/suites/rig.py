"""What the large suites share: a faulted world driven at the guard, and the books held to its own.

The acts go straight to the guard (`propose`, `perform`, `redeem`), below the tools and above
everything the promises are about. Time is virtual; one number replays a run.
"""

import os
import random  # noqa: TID251  seeded: a run is replayed from its number
import tempfile
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from tests.world import World, report, scale
from vast_mcp.actions import CreateInstance
from vast_mcp.errors import VastMcpError
from vast_mcp.guard.act import Act, Caller, Outcome, Pending, Ready
from vast_mcp.guard.door import Guard
from vast_mcp.keeper.tick import look_once
from vast_mcp.leases.books import BILLING_TAIL_US
from vast_mcp.runtime import Runtime
from vast_mcp.simulator import Simulator, SimulatorTransport
from vast_mcp.simulator.contract import Contract
from vast_mcp.simulator.profiles import PROFILES as ALL_PROFILES
from vast_mcp.simulator.profiles import Profile
from vast_mcp.store import Rental, RentalState, Transaction, spent_and_reserved
from vast_mcp.units import Usd

MINUTE_S = 60.0
HOUR_US = 3_600_000_000
ASKING = Caller(can_ask=True)
WIDE = """
[limits]
max_usd_per_hour = 60.0
max_total_usd_per_hour = 5000.0
max_running = 1000
max_usd_per_rental = 5000.0
max_usd_per_day = 90000.0
max_usd_per_month = 900000.0
max_usd_per_gb = 5.0
verified_only = false
[no_question]
usd_per_hour = 60.0
usd_per_rental = 5000.0
hours = 168
usd_per_day = 90000.0
"""
"""Limits that are never met: these suites are about what becomes of what is allowed."""
_BELIEVED_US = 4 * 60_000_000
"""What vanishes by itself (its host was removed) is believed gone at the third look."""


def profiles(*usual: Profile) -> tuple[Profile, ...]:
    """The profiles that a suite goes round: the usual ones, or the one of `SUITE_FAULTS`."""
    wanted = os.environ.get("SUITE_FAULTS", "")
    return tuple(one for one in ALL_PROFILES if one == wanted) or usual


PROFILES = profiles("lossy", "chaos", "hostile_market", "flaky_reads", "real")


def seed_of(name: str, default: int) -> int:
    """The number a run is replayed from: `<NAME>_SEED` if it is set."""
    return scale(f"{name}_SEED", default)


def fast_dir() -> AbstractContextManager[str]:
    """A directory in memory where the system has one, so that no disk is waited for."""
    memory = Path("/dev/shm")
    return tempfile.TemporaryDirectory(
        prefix="vast-mcp-suite-", dir=memory if os.access(memory, os.W_OK) else None
    )


def faulted_world(tmp: Path, seed: int, profile: Profile, *, policy: str = WIDE) -> World:
    """A world whose vendor fails as the profile says."""
    tmp.mkdir(parents=True, exist_ok=True)
    world = World(tmp, seed=seed, policy=policy)
    world.simulator = Simulator(world.clock, seed=seed, credit_usd=1e6, fault_profile=profile)
    world.simulator.remember_only(2_000)
    world.transport = SimulatorTransport(world.simulator)
    return world


def calm(world: World) -> None:
    """From now on nothing new goes wrong; what is under way still happens."""
    world.simulator._stream.profile = "none"
    world.simulator.faults.planned.clear()


@dataclass
class Driver:
    """One process at work: acts on the guard, and what came of each."""

    world: World
    runtime: Runtime
    chance: random.Random
    said: dict[str, int] = field(default_factory=dict)
    taken: set[int] = field(default_factory=set)

    @property
    def guard(self) -> Guard:
        """The one way to change anything."""
        return self.runtime.session.guard

    def pick_create(self, request_key: str, *, bids: float = 0.3, hours: float = 12.0) -> Act:
        """A rent of something that stands on the market now, by bid or on demand."""
        simulator = self.world.simulator
        simulator.catch_up()
        shown = simulator.world.market.listings(simulator.world.now_us)
        long_us = simulator.world.now_us + int((hours + 12) * HOUR_US)
        shown = [one for one in shown if one.ends_us > long_us]
        free = [one for one in shown if one.offer_id not in self.taken] or shown
        listing = self.chance.choice(free)
        self.taken.add(listing.offer_id)
        bid = None
        if self.chance.random() < bids:
            bid = round(listing.min_bid_usd_per_hour * 1.05 + 0.01, 3)
        return CreateInstance(
            listing.offer_id,
            hours,
            disk_gb=20.0,
            label=f"suite {request_key}",
            max_price_usd_per_hour=50.0,
            bid_usd_per_hour=bid,
            request_key=request_key,
        )

    async def do(self, act: Act) -> Outcome | VastMcpError:
        """Propose it, say yes where a question comes, carry it out."""
        try:
            outcome = await carry(self.guard, act)
        except VastMcpError as error:
            self._count(type(error).__name__)
            return error
        self._count(outcome.status)
        return outcome

    def _count(self, what: str) -> None:
        self.said[what] = self.said.get(what, 0) + 1

    async def tick(self, times: int = 1, every_s: float = MINUTE_S) -> None:
        """Let the keeper look that often; an account that cannot be read is looked at again."""
        for _ in range(times):
            self.world.clock.move(every_s)
            try:
                await look_once(self.guard)
            except VastMcpError as error:
                self._count(f"tick {type(error).__name__}")

    async def until_quiet(self, most: int = 60) -> float:
        """Tick through the faults until nothing is unresolved, then in calm; minutes it took.

        Never less than ten minutes: a request may be carried out that late.
        """
        every_s, began_s = 150.0, self.world.clock.monotonic_s()
        for number in range(most):
            if number > 4 and not any(unresolved(one) for one in await self.live()):
                break
            await self.tick(every_s=every_s)
        took_s = self.world.clock.monotonic_s() - began_s
        calm(self.world)
        await self.tick(times=4)
        return round(took_s / MINUTE_S, 1)

    async def live(self) -> list[Rental]:
        """Everything that holds money."""
        return await self.runtime.session.account.ledger.read(lambda tx: tx.live_rentals())

    async def closed(self, keys: list[str]) -> list[Rental]:
        """What the books hold for over, of these request keys."""
        ledger = self.runtime.session.account.ledger
        found = await ledger.read(lambda tx: [tx.same_intent("local", key) for key in keys])
        return [one for same in found for one in same if not one.state.holds_money]


async def carry(guard: Guard, act: Act) -> Outcome:
    """The whole walk of an act, with a person who says yes."""
    proposal = await guard.propose(act, ASKING)
    if isinstance(proposal, Ready):
        return await guard.perform(proposal, ASKING)
    if isinstance(proposal, Pending):
        return await guard.redeem(proposal.plan.plan_id, ASKING)
    return proposal.outcome


def unresolved(rental: Rental) -> bool:
    """Whether nobody knows yet what became of it."""
    return rental.state in {RentalState.RESERVED, RentalState.SENDING, RentalState.UNKNOWN}


@dataclass(frozen=True)
class Books:
    """Everything the ledger says, read at once."""

    now_us: int
    """The account's own time, in which the ledger is written."""
    rentals: tuple[Rental, ...]
    spent: dict[str, Usd]
    reserved: dict[str, Usd]
    broken_link: int | None
    metered: dict[str, Usd]
    """Spent on rate times time alone: without the traffic that is set aside in advance."""


async def read_books(driver: Driver, keys: list[str]) -> Books:
    """All rentals of these request keys and everything live, with their money.

    Read at the account's own time: it follows the vendor's `Date` once that is confirmed, which
    some profiles move away from the clock of this computer.
    """
    now_us = driver.runtime.session.account.clock.lease_us()

    def read(tx: Transaction) -> Books:
        found = {one.intent_id: one for key in keys for one in tx.same_intent("local", key)}
        found |= {one.intent_id: one for one in tx.live_rentals()}
        spent, reserved, metered = {}, {}, {}
        for intent in found:
            parts = tx.segments(intent)
            spent[intent], reserved[intent] = spent_and_reserved(parts, now_us)
            timed = [one for one in parts if one.kind != "traffic"]
            metered[intent] = spent_and_reserved(timed, now_us)[0]
        return Books(
            now_us, tuple(found.values()), spent, reserved, tx.broken_audit_link(), metered
        )

    return await driver.runtime.session.account.ledger.read(read)


def disagreements(world: World, books: Books) -> list[str]:
    """Everything in which the books differ from the vendor's own; nothing, one hopes."""
    world.simulator.catch_up()
    own = world.simulator.world
    found = [f"intent {k} was rented {n}x" for k, n in own.created_by_intent().items() if n > 1]
    by_target = {one.target_id: one for one in books.rentals if one.target_id is not None}
    for contract in own.instances.values():
        if not contract.foreign:
            found += _of_machine(contract, by_target.get(contract.id))
    for rental in books.rentals:
        found += _of_rental(world, rental, books)
    if books.broken_link is not None:
        found.append(f"audit row {books.broken_link} does not fit")
    return found


def _of_machine(contract: Contract, rental: Rental | None) -> list[str]:
    name = f"machine {contract.id} ({contract.stage})"
    if rental is None:
        return [f"{name} is in no book"]
    if not rental.state.holds_money:
        return [f"{name} is {rental.state.value} in the books"]
    found = []
    if contract.state.bills_gpu and contract.stage != "stopping" and not rental.running:
        found.append(f"{name} bills its GPU and rests in the books")
    # A bid that something else halted may resume by itself: it counts until a stop of ours.
    by_itself = rental.facts.is_bid and not rental.facts.stop_sent
    halted = not contract.wants_to_run and contract.stage == "exited"
    if halted and rental.running and not by_itself:
        found.append(f"{name} rests and runs in the books")
    return found


def _of_rental(world: World, rental: Rental, books: Books) -> list[str]:
    name = f"rental {rental.intent_id} ({rental.state.value})"
    if unresolved(rental):
        return [f"{name} is still unresolved"]
    if rental.state in {RentalState.REFUSED, RentalState.ABSENT}:
        if books.spent[rental.intent_id] + books.reserved[rental.intent_id] > Usd(0):
            return [f"{name} still holds money"]
        return []
    own = world.simulator.world
    if rental.state.holds_money and rental.target_id not in own.instances:
        ended = own.contract_ever(rental.target_id or 0)
        since_us = own.now_us - (ended.destroyed_us or 0) if ended else HOUR_US
        return [] if since_us < _BELIEVED_US else [f"{name} has no machine any more"]
    tail_over = books.now_us - (rental.ended_us or 0) > BILLING_TAIL_US
    gone = not rental.state.holds_money and tail_over
    if gone and books.reserved[rental.intent_id] > Usd(0):
        return [f"{name} still reserves money"]
    return []


def money(world: World, books: Books) -> dict[str, tuple[float, float]]:
    """Per intent with a machine: what our meter says, what the vendor charged; traffic apart."""
    vendor, found = world.simulator.books, {}
    for rental in books.rentals:
        if rental.target_id is not None:
            sums = vendor.spent_by(rental.target_id)
            ours = books.metered[rental.intent_id].dollars
            found[rental.intent_id] = (ours, sums["gpu"] + sums["disk"])
    return found


def percentile(values: list[float], share: float) -> float:
    """The value below which that share of them lies; 0 of none."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else 0.0


def chance_of(seed: int, *names: object) -> random.Random:
    """A stream of its own for each name under one seed."""
    return random.Random(f"{seed} {names}")


def show(name: str, seed: int, **figures: object) -> None:
    """The figures of a run, with the number it is replayed from."""
    words = " ".join(f"{key}={value}" for key, value in figures.items())
    report(f"{name}: seed={seed} {words}")


def driver_for(world: World, runtime: Runtime, seed: int) -> Driver:
    """A driver with a stream of chance of its own."""
    return Driver(world, runtime, chance_of(seed, "driver"))


def add_up(into: dict[str, int], more: dict[str, int]) -> None:
    """Counts of several batches."""
    for name, count in more.items():
        into[name] = into.get(name, 0) + count
