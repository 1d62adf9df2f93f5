"""A client that cancels, times out or vanishes at any point loses no sent write and halves none.

Sizes: CANCELS (5000 for the issue's figure), CANCELS_SEED. The point is a number: the n-th step of
the act (a request leaves or is answered, a transaction begins or ends), so a run repeats exactly.

See docs/hazards.md#ground-rules, docs/hazards.md#reliability.
"""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import httpx2
import pytest

from tests.suites.rig import (
    Driver,
    carry,
    chance_of,
    disagreements,
    driver_for,
    fast_dir,
    faulted_world,
    profiles,
    read_books,
    seed_of,
    show,
)
from tests.world import World, scale
from vast_mcp.actions import DestroyInstance, ExtendLease, StartInstance, StopInstance
from vast_mcp.errors import VastMcpError
from vast_mcp.guard import tasks as errands
from vast_mcp.guard.act import Act, Outcome
from vast_mcp.simulator import SimulatorTransport
from vast_mcp.store import AuditEntry, RentalState, SqliteLedger, Transaction

CANCELS = scale("CANCELS", 60)
SEED = seed_of("CANCELS", 900)
BATCH = 10
LONGEST = 60
"""More steps than any act has: some are cancelled when all is over."""
HOWS = ("task", "scope", "disconnect", "stuck")
"""`stuck`: the server is shut down while its vendor never answers any more."""
_WEIGHTS = (6, 6, 6, 1)
_SHORT_DRAIN_S = 1.0


@dataclass
class Steps:
    """Counts the steps of one act and does something at one of them."""

    at: int = -1
    act: Callable[[], None] = lambda: None
    count: int = 0
    stuck: bool = False
    """From that step on no request is answered."""

    def step(self) -> None:
        """One more."""
        self.count += 1
        if self.count == self.at:
            self.act()


class Stepping(SimulatorTransport):
    """The vendor; each request is two steps."""

    def __init__(self, world: World, steps: Steps) -> None:
        super().__init__(world.simulator)
        self._steps = steps

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """There, and back."""
        await self._step()
        try:
            return await super().handle_async_request(request)
        finally:
            await self._step()

    async def _step(self) -> None:
        steps = self._steps
        steps.step()
        if steps.stuck and steps.count >= steps.at > 0:
            await anyio.Event().wait()
        await anyio.lowlevel.checkpoint()


@dataclass
class Run:
    """What came of all cancels."""

    how: Counter[str] = field(default_factory=Counter)
    hit: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    sent: int = 0


async def test_a_cancel_anywhere_loses_no_sent_write(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cancels at random points: every sent write recorded, none by half."""
    run, steps, began_s = Run(), Steps(), time.process_time()
    transact = SqliteLedger._transact

    async def counted(self: SqliteLedger, begin: str, work: Callable[..., object]) -> object:
        steps.step()
        try:
            return await transact(self, begin, work)
        finally:
            steps.step()

    monkeypatch.setattr(SqliteLedger, "_transact", counted)
    for number in range(-(-CANCELS // BATCH)):
        with fast_dir() as tmp:
            count = min(BATCH, CANCELS - number * BATCH)
            await _batch(run, steps, Path(tmp) / "account", number, count, monkeypatch)
    show(
        "cancels", SEED, cancels=CANCELS, cpu_s=round(time.process_time() - began_s, 1),
        how=dict(run.how), hit=dict(run.hit), writes_sent=run.sent, wrong=len(run.wrong),
    )  # fmt: skip
    assert run.wrong == []
    assert run.hit["under way"] > CANCELS / 4, "most came before or after the act"


async def test_a_task_that_is_cut_off_in_a_transaction_leaves_the_books_usable(
    tmp_path: Path,
) -> None:
    """A native cancel gives up the turn before the thread at work is done."""
    ledger = SqliteLedger(tmp_path / "books.db")
    began, go = threading.Event(), threading.Event()

    def slow(_: Transaction) -> None:
        began.set()
        go.wait(20)

    task = asyncio.create_task(ledger.write(slow))
    await asyncio.to_thread(began.wait, 20)
    task.cancel()
    await asyncio.wait([task])
    following = asyncio.create_task(ledger.write(lambda tx: tx.live_rentals()))
    await asyncio.wait([following], timeout=0.2)
    go.set()
    assert await following == []
    await ledger.close()


async def _batch(
    run: Run, steps: Steps, tmp: Path, number: int, count: int, patch: pytest.MonkeyPatch
) -> None:
    seed = SEED + number
    world = faulted_world(tmp, seed, profiles("none")[0])
    chance = chance_of(seed, "cancels")
    world.transport = Stepping(world, steps)
    machine = await _a_machine(world, seed)
    keys = [f"{seed}-{each}" for each in range(count)]
    for key in keys:
        (how,) = chance.choices(HOWS, _WEIGHTS)
        steps.at, steps.count, steps.stuck = chance.randrange(1, LONGEST), 0, how == "stuck"
        patch.setattr(errands, "DRAIN_S", _SHORT_DRAIN_S if steps.stuck else 10.0)
        run.how[how] += 1
        run.hit[await _one(world, steps, machine, key, how, seed)] += 1
        steps.at, steps.stuck = -1, False
        run.wrong += [f"seed {seed} {key} {how}: {text}" for text in await _unwritten(world)]
    async with world.runtime() as runtime:
        driver = driver_for(world, runtime, seed)
        world.clock.move(1200)
        await driver.tick(times=10, every_s=150)
        wrong = disagreements(world, await read_books(driver, keys))
        run.wrong += [f"seed {seed}: {text}" for text in wrong]
        run.sent += len(world.simulator.mutations())


async def _a_machine(world: World, seed: int) -> int:
    async with world.runtime() as runtime:
        driver = driver_for(world, runtime, seed)
        for each in range(9):
            said = await driver.do(driver.pick_create(f"first {each}", bids=0))
            if isinstance(said, Outcome) and said.status == "rented":
                world.run_until_ready()
                return int(str(said.values["instance_id"]))
    raise AssertionError("no machine was to be had")


def _act(driver: Driver, machine: int, key: str) -> Act:
    roll = driver.chance.random()
    contract = driver.world.simulator.world.instances.get(machine)
    if roll < 0.6 or contract is None:
        return driver.pick_create(key)
    if not contract.wants_to_run:
        return StartInstance(machine, 3)
    if roll < 0.75:
        return ExtendLease(machine, 1)
    return DestroyInstance(machine) if roll > 0.95 else StopInstance(machine)


async def _one(world: World, steps: Steps, machine: int, key: str, how: str, seed: int) -> str:
    """One act that is cut off; whether the cut came while it was under way."""
    cut = "over"

    async with world.runtime() as runtime:
        driver = Driver(world, runtime, chance_of(seed, key))
        act = _act(driver, machine, key)
        scope = anyio.CancelScope()

        async def work() -> None:
            with scope:
                try:
                    await carry(runtime.session.guard, act)
                except VastMcpError:
                    return

        task = asyncio.get_running_loop().create_task(work())

        def cancel() -> None:
            nonlocal cut
            if not task.done():
                cut = "under way"
                scope.cancel() if how == "scope" else task.cancel()

        steps.act = cancel
        await asyncio.wait([task])
        if how in {"task", "scope"}:  # the server lives on, and so does the errand
            errands_left = list(runtime.errands._tasks)
            if errands_left:
                await asyncio.wait(errands_left)
    return cut


async def _unwritten(world: World) -> list[str]:
    """What was sent and is not in the chain, or has no end there, or left its rental half-way."""
    async with world.runtime() as runtime:
        ledger = runtime.session.account.ledger
        rows = (await ledger.read(lambda tx: tx.audit(10_000)))[::-1]
        live = await ledger.read(lambda tx: tx.live_rentals())
        broken = await ledger.read(lambda tx: tx.broken_audit_link())
    written = [_path(row) for row in rows if row.phase == "write"]
    sent = [one.path.rstrip("/") for one in world.simulator.mutations()]
    found = [] if _within(sent, written) else [f"sent {sent[-3:]}, written {written[-3:]}"]
    found += [f"write without an outcome: {_path(row)}" for row in _open_ended(rows)]
    found += [f"{one.intent_id} is left {one.state}" for one in live if one.state in _HALF]
    return found if broken is None else [*found, f"audit row {broken} does not fit"]


_HALF = {RentalState.SENDING}


def _path(row: AuditEntry) -> str:
    return str(row.detail["path"]).rstrip("/")


def _within(sent: list[str], written: list[str]) -> bool:
    """Each sent request has its row, in that order; a row may have been written in vain."""
    left = iter(written)
    return all(any(path == row for row in left) for path in sent)


def _open_ended(rows: list[AuditEntry]) -> list[AuditEntry]:
    opened: list[AuditEntry] = []
    for row in rows:
        if row.phase == "write":
            opened.append(row)
        elif row.phase == "outcome" and row.digest:
            opened = [
                one for one in opened if (one.subject, one.digest) != (row.subject, row.digest)
            ]
    return opened
