"""Destroys under every fault: "destroyed" is said only of what is gone.

Sizes: DESTROYS (5000 for the issue's figure), DESTROYS_SEED. A batch is one account.

See docs/hazards.md#money.
"""

import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random  # noqa: TID251  seeded: a run is replayed from its number

import httpx2

from tests.suites.rig import (
    Driver,
    calm,
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
from vast_mcp.actions import DestroyInstance
from vast_mcp.guard.act import Outcome
from vast_mcp.simulator import SimulatorTransport
from vast_mcp.simulator.faults import Kind
from vast_mcp.store import Rental, RentalState

DESTROYS = scale("DESTROYS", 60)
SEED = seed_of("DESTROYS", 500)
BATCH = 20
KEYS = [str(number) for number in range(BATCH)]
AROUND = profiles("lossy", "chaos", "flaky_reads", "none", "real")
AIMED: tuple[Kind, ...] = (
    "answer_lost_after_commit", "request_lost", "late_execution", "success_false_200",
    "auth_error_404", "status_before", "status_after", "html", "html_after_commit", "rate_limited",
    "truncated_json", "reset", "reset_after_commit", "refused_connection",
)  # fmt: skip
"""What a DELETE meets; the reads around it meet their profile, and these as well."""
_BROKEN_PROMISES = 0.1
_READ_FAULTS: tuple[Kind, ...] = (
    "auth_error_404", "html", "success_false_200", "list_lag", "page_truncated", "wrong_typed_json",
)  # fmt: skip


class Promising(SimulatorTransport):
    """A vendor that now and then says yes to a destroy and does nothing."""

    def __init__(self, world: World, chance: Random) -> None:
        super().__init__(world.simulator)
        self._chance = chance
        self.broken = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """As it came, or an empty promise."""
        if request.method == "DELETE" and self._chance.random() < _BROKEN_PROMISES:
            self.broken += 1
            return httpx2.Response(200, json={"success": True}, request=request)
        return await super().handle_async_request(request)


@dataclass
class Run:
    """What came of all batches."""

    said: Counter[str] = field(default_factory=Counter)
    struck: Counter[str] = field(default_factory=Counter)
    lies: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    still: list[str] = field(default_factory=list)


async def test_destroyed_is_said_only_of_what_is_gone() -> None:
    """Faulted destroys: 0 false "destroyed", in the answer and in the books."""
    run, began_s = Run(), time.process_time()
    for number in range(-(-DESTROYS // BATCH)):
        with fast_dir() as tmp:
            await _batch(run, Path(tmp) / "account", number)
    show(
        "faulted destroys", SEED, destroys=DESTROYS, cpu_s=round(time.process_time() - began_s, 1),
        said=dict(run.said), faults=run.struck.total(), kinds=len(run.struck),
        false_destroyed=len(run.lies), wrong=len(run.wrong), still_there=len(run.still),
    )  # fmt: skip
    assert run.lies == []
    assert run.wrong == []
    assert run.still == []
    assert run.struck.total() > DESTROYS / 2, "hardly anything went wrong: it proves nothing"


async def _batch(run: Run, tmp: Path, number: int) -> None:
    seed, profile = SEED + number, AROUND[(SEED + number) % len(AROUND)]
    world = faulted_world(tmp, seed, "none")
    world.transport = promising = Promising(world, chance_of(seed, "promises"))
    async with world.runtime() as runtime:
        driver = driver_for(world, runtime, seed)
        machines = await _rent(driver, KEYS[: DESTROYS - number * BATCH])
        world.clock.move(driver.chance.uniform(0, 900))
        world.simulator._stream.profile = profile
        accepted = set()
        for instance_id in machines:
            _aim(driver, instance_id)
            status = await _destroy(driver, instance_id)
            world.simulator.catch_up()
            there = instance_id in world.simulator.world.instances
            if status == "destroyed" and there:
                run.lies.append(f"seed {seed}: {instance_id} is said to be destroyed and lives")
            if status in {"destroyed", "destroying"}:
                accepted.add(instance_id)
            if driver.chance.random() < 0.3:
                await driver.tick(every_s=driver.chance.uniform(2, 90))
            run.lies += [
                f"seed {seed}: {text}"
                for text in _lies(world.simulator.world.instances, (await driver.closed(KEYS)))
            ]
        for _ in range(6):
            await driver.tick()
        calm(world)
        await driver.tick(times=12)
        left = accepted & world.simulator.world.instances.keys()
        run.still += [f"seed {seed}: {one} was to be destroyed and lives" for one in left]
        wrong = disagreements(world, await read_books(driver, KEYS))
        run.wrong += [f"seed {seed} {profile}: {text}" for text in wrong]
    run.said.update(driver.said)
    run.struck.update(world.simulator.faults.struck)
    run.struck["empty promise"] += promising.broken


async def _rent(driver: Driver, keys: list[str]) -> list[int]:
    for key in keys:
        await driver.do(driver.pick_create(key, bids=0.2))
    return [one.target_id for one in await driver.live() if one.target_id is not None]


async def _destroy(driver: Driver, instance_id: int) -> str:
    """As a model would: again, up to three times, while it is refused."""
    for _ in range(3):
        outcome = await driver.do(DestroyInstance(instance_id))
        if isinstance(outcome, Outcome):
            return outcome.status
    return ""


def _aim(driver: Driver, instance_id: int) -> None:
    """Up to three faults on the destroy itself, and perhaps some on the looks after it."""
    chance, faults = driver.chance, driver.world.simulator.faults
    faults.planned.clear()
    own = rf"/instances/{instance_id}/"
    for _ in range(chance.randrange(4)):
        faults.add(chance.choice(AIMED), "DELETE", own, seconds=chance.uniform(0, 600))
    for _ in range(chance.randrange(4)):
        where = chance.choice((own, "/api/v1/instances"))
        faults.add(
            chance.choice(_READ_FAULTS), "GET", where, skip=chance.randrange(4), seconds=30.0
        )


def _lies(alive: object, closed: list[Rental]) -> list[str]:
    assert isinstance(alive, dict)
    return [
        f"{one.target_id} is gone in the books and lives"
        for one in closed
        if one.state is RentalState.GONE and one.target_id in alive
    ]
