"""kill -9 at every step of the journal: nothing acknowledged is lost, and it recovers by itself.

Sizes: CRASHES (50 per step for the issue's figure), CRASHES_SEED. The vendor is a simulator on a
loopback port; the process that dies is a real one (`crash_server`); a new one sweeps and looks.

See docs/hazards.md#lost-answers.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tests.listening import listening
from tests.suites.crash_server import KILLED
from tests.suites.rig import (
    WIDE,
    Driver,
    disagreements,
    driver_for,
    fast_dir,
    percentile,
    read_books,
    seed_of,
    show,
    unresolved,
)
from tests.world import World, scale
from vast_mcp.actions import (
    DestroyInstance,
    ExtendLease,
    StartInstance,
    StopInstance,
)
from vast_mcp.config import Settings
from vast_mcp.guard.act import Act, Outcome
from vast_mcp.keeper.tick import look_once
from vast_mcp.simulator import Request, Response, Simulator, SimulatorTransport
from vast_mcp.store import Rental, RentalState

CRASHES = scale("CRASHES", 1)
STRIDE = scale("CRASHES_STRIDE", 1 if CRASHES > 1 else 4)
"""Every how many steps one is fatal; the small run takes every fourth."""
SEED = seed_of("CRASHES", 700)
ROOT = Path(__file__).parents[2]
TOOLS = ("create", "stop", "start", "extend", "destroy")
RECOVERY_S = 30.0
STEP_S = 0.25
"""Simulated seconds that a request takes."""


class Ticking(Simulator):
    """A vendor in whose world each request takes a moment."""

    async def handle(self, request: Request) -> Response:
        """A moment later."""
        self._clock.move(STEP_S)  # type: ignore[attr-defined]  # a ManualClock
        return await super().handle(request)


@dataclass
class Account(World):
    """A world whose vendor stands at an address, which is part of what its ledger is called."""

    base: str = ""

    @property
    def settings(self) -> Settings:
        """At that address."""
        return replace(super().settings, api_base=self.base, serverless_base=self.base)


class Mortals:
    """The other process: one job, one death."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def run(self, world: "Account", act: Act, fatal: int) -> dict[str, Any]:
        """Carry the act out and die at that step (0: live); what was left to say."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        job = {
            "tmp": str(world.tmp), "base": world.base, "now_us": world.clock.utc_us(),
            "fatal": fatal, "tool": act.tool, "arguments": act.arguments(),
        }  # fmt: skip
        self._process.stdin.write(json.dumps(job).encode() + b"\n")
        await self._process.stdin.drain()
        told: dict[str, Any] = json.loads(await self._process.stdout.readline())
        return told


@asynccontextmanager
async def mortals() -> AsyncIterator[Mortals]:
    """A process that forks one for each job."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.suites.crash_server",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=ROOT, limit=1 << 20,
    )  # fmt: skip
    try:
        yield Mortals(process)
    finally:
        process.kill()
        await process.wait()


@dataclass
class Run:
    """What came of all deaths."""

    deaths: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    recovery_s: list[float] = field(default_factory=list)
    later_s: list[float] = field(default_factory=list)
    """Where nothing exists that could be found: until the money was released."""


@pytest.mark.parametrize("tool", TOOLS)
async def test_a_process_killed_at_any_step_loses_nothing(tool: str) -> None:
    """Kill -9 at each journal step: 0 lost, found again within 30 s."""
    run, began_s = Run(), time.perf_counter()
    async with mortals() as dying:
        steps: list[str] = []
        for round_ in range(CRASHES):
            seed = SEED + 10 * round_ + TOOLS.index(tool)
            with fast_dir() as tmp:
                steps = await _a_whole_one(dying, Path(tmp), seed, tool)
            for fatal in range(1 + (SEED + round_) % STRIDE, len(steps) + 1, STRIDE):
                with fast_dir() as tmp:
                    told = f"seed {seed} {tool} killed at {fatal}, {steps[fatal - 1]}"
                    await _one(run, dying, Path(tmp), seed, tool, fatal, told)
                run.deaths[steps[fatal - 1]] += 1
    show(
        f"crashes {tool}", SEED, rounds=CRASHES, steps=len(steps), kills=run.deaths.total(),
        seconds=round(time.perf_counter() - began_s, 1), lost=len(run.lost),
        recovery_p50=percentile(run.recovery_s, 0.5), recovery_most=max(run.recovery_s, default=0),
        released_after_most=max(run.later_s, default=0),
    )  # fmt: skip
    assert run.lost == []
    assert max(run.recovery_s, default=0) <= RECOVERY_S
    assert run.deaths.total() >= CRASHES * (len(steps) // STRIDE) > CRASHES


async def test_a_request_carried_out_after_its_process_died_keeps_its_money_till_then() -> None:
    """Marked as sent before it is: not released at three minutes, found at seven."""
    async with mortals() as dying:
        with fast_dir() as tmp:
            steps = await _a_whole_one(dying, Path(tmp), SEED, "create")
        with fast_dir() as tmp:
            async with _prepared(Path(tmp), SEED, "create") as (world, act):
                world.simulator.faults.add("late_execution", "PUT", "/asks/", seconds=420)
                said = await dying.run(world, act, 1 + steps.index("after PUT"))
                assert said["code"] == KILLED
                async with world.runtime() as runtime:
                    driver = driver_for(world, runtime, SEED)
                    await driver.tick(times=3, every_s=100)
                    assert [one.state for one in await driver.live()] == [RentalState.UNKNOWN]
                    await driver.tick(times=3, every_s=100)
                    (rental,) = await driver.live()
                    assert rental.state is RentalState.ACTIVE
                    assert {rental.target_id} == world.simulator.world.instances.keys()


@asynccontextmanager
async def _prepared(tmp: Path, seed: int, tool: str) -> AsyncIterator[tuple[Account, Act]]:
    """An account on which the act can be done, its vendor on a port."""
    world = Account(tmp, seed=seed, policy=WIDE)
    world.simulator = Ticking(world.clock, seed=seed, credit_usd=1e5, rate_limits=False)
    world.transport = SimulatorTransport(world.simulator)
    async with listening(world.simulator) as world.base:
        yield world, await _an_act(world, tool)


async def _an_act(world: Account, tool: str) -> Act:
    async with world.runtime() as runtime:
        driver = driver_for(world, runtime, world.seed)
        if tool == "create":
            return driver.pick_create("it", bids=0.0)
        said = await driver.do(driver.pick_create("it", bids=0.0))
        assert isinstance(said, Outcome), said
        machine = int(str(said.values["instance_id"]))
        world.run_until_ready(600)
        await driver.tick()
        if tool == "start":
            await driver.do(StopInstance(machine))
            await driver.tick()
    world.clock.move(10)
    acts: dict[str, Act] = {
        "stop": StopInstance(machine),
        "start": StartInstance(machine, 3),
        "extend": ExtendLease(machine, 1),
        "destroy": DestroyInstance(machine),
    }
    return acts[tool]


async def _a_whole_one(dying: Mortals, tmp: Path, seed: int, tool: str) -> list[str]:
    """The steps of the act when nothing goes wrong."""
    async with _prepared(tmp, seed, tool) as (world, act):
        told = await dying.run(world, act, 0)
    assert told["code"] == 0, told
    assert ":" not in told["said"], told
    steps: list[str] = told["steps"]
    return steps


async def _one(
    run: Run, dying: Mortals, tmp: Path, seed: int, tool: str, fatal: int, told: str
) -> None:
    async with _prepared(tmp, seed, tool) as (world, act):
        said = await dying.run(world, act, fatal)
        if said["code"] != KILLED:
            run.lost.append(f"{told}: it lived: {said}")
        world.clock.move(5)
        async with world.runtime() as runtime:
            driver = driver_for(world, runtime, seed)
            began_s = world.clock.monotonic_s()
            await look_once(runtime.session.guard)
            run.recovery_s.append(round(world.clock.monotonic_s() - began_s, 1))
            run.lost += [f"{told}: {text}" for text in await _lost(driver)]
            if fatal % 3 == 0:  # repeating the act does what it should have done, once
                run.lost += [f"{told}: {text}" for text in await _again(driver, act)]
            for _ in range(9):
                await driver.tick(every_s=150)
                live = await driver.live()
                if not any(unresolved(one) or one.facts.starting for one in live):
                    break
            wrong = disagreements(world, await read_books(driver, ["it"]))
            run.lost += [f"{told}: at the end {text}" for text in wrong]
            run.later_s.append(round(world.clock.monotonic_s() - began_s))


async def _lost(driver: Driver) -> list[str]:
    """After the first look: a machine in no book, a lease that only one of both knows of."""
    world, live = driver.world, await driver.live()
    by_target = {one.target_id: one for one in live}
    found = []
    for contract in world.simulator.world.instances.values():
        rental = by_target.get(contract.id)
        if rental is None:
            found.append(f"machine {contract.id} is in no book after the first look")
        elif contract.wants_to_run and contract.state.bills_gpu and not rental.running:
            found.append(f"machine {contract.id} runs and rests in the books")
        else:
            found += _lease(driver, str(contract.label), rental, started=contract.wants_to_run)
    return found


def _lease(driver: Driver, label: str, rental: Rental, *, started: bool) -> list[str]:
    """The books never end later than is set aside, nor the label later than the books.

    Where death came between booking a start and writing its end, the old label stays: the start
    itself would have come after the label, so nothing runs under that end.
    """
    mark = driver.runtime.session.account.marker.read(label)
    if mark is None:
        return [f"its label is {label!r}"]
    if mark.until_us > rental.lease_ends_us and rental.running and started:
        return ["the label ends later than what is reserved"]
    return []


async def _again(driver: Driver, act: Act) -> list[str]:
    await driver.do(act)
    machines = driver.world.simulator.world.instances
    live = await driver.live()
    if len(machines) > 1 or len(live) > 1:
        return [f"repeated: {len(machines)} machines, {len(live)} in the books"]
    return []
