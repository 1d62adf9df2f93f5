"""Creates under every fault: one machine per intent, all of them in the books, money released.

Sizes: CREATES (10000 for the issue's figure), CREATES_SEED. A batch is one account: its own
ledger, market and faults, from `seed + number`; the profile goes round.
"""

import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.suites.rig import (
    PROFILES,
    Driver,
    disagreements,
    driver_for,
    fast_dir,
    faulted_world,
    money,
    percentile,
    read_books,
    seed_of,
    show,
)
from tests.world import World, scale
from vast_mcp.actions import DestroyInstance
from vast_mcp.guard.act import Outcome

CREATES = scale("CREATES", 90)
SEED = seed_of("CREATES", 100)
BATCH = 30
KEYS = [str(number) for number in range(BATCH)]


@dataclass
class Run:
    """What came of all batches."""

    said: Counter[str] = field(default_factory=Counter)
    struck: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    """Our meter over the vendor's since the rent began: loading is counted by us alone."""
    odd: list[str] = field(default_factory=list)
    hourly: list[float] = field(default_factory=list)
    """The same over an hour in which nothing changed."""
    quiet: list[float] = field(default_factory=list)
    simulated_s: float = 0.0


async def test_no_fault_rents_twice_or_leaves_a_machine_unknown() -> None:
    """Faulted creates: 0 double rents, 0 machines unknown to the ledger at quiescence."""
    run, began_s = Run(), time.process_time()
    for number in range(-(-CREATES // BATCH)):
        with fast_dir() as tmp:
            await _batch(run, Path(tmp) / "account", number)
    show(
        "faulted creates", SEED, creates=CREATES, cpu_s=round(time.process_time() - began_s, 1),
        simulated_h=round(run.simulated_s / 3600), said=dict(run.said), faults=run.struck.total(),
        kinds=len(run.struck), quiet_minutes_p50=percentile(run.quiet, 0.5),
        quiet_minutes_most=max(run.quiet), wrong=len(run.wrong), meter_least=min(run.whole),
        meter_p50=percentile(run.whole, 0.5), hourly_least=min(run.hourly),
        hourly_most=max(run.hourly),
    )  # fmt: skip
    assert run.wrong == []
    assert run.odd == [], "our meter counts less than the vendor charges, or much more an hour"
    assert run.struck.total() > CREATES / 4, "hardly anything went wrong: it proves nothing"


async def _batch(run: Run, tmp: Path, number: int) -> None:
    seed, profile = SEED + number, PROFILES[(SEED + number) % len(PROFILES)]
    world = faulted_world(tmp, seed, profile)
    async with world.runtime() as runtime:
        driver = driver_for(world, runtime, seed)
        for key in KEYS[: CREATES - number * BATCH]:
            await _rent_and_perhaps_destroy(driver, key)
        run.quiet.append(await driver.until_quiet())
        wrong = disagreements(world, await read_books(driver, KEYS))
        run.wrong += [f"seed {seed} {profile}: {text}" for text in wrong]
        await _compare_money(run, driver)
    run.said.update(driver.said)
    run.struck.update(world.simulator.faults.struck)
    run.simulated_s += world.clock.monotonic_s()


async def _rent_and_perhaps_destroy(driver: Driver, key: str) -> None:
    said = await driver.do(driver.pick_create(key))
    if driver.chance.random() < 0.15:
        await driver.tick(every_s=driver.chance.uniform(5, 120))
    number = said.values.get("instance_id") if isinstance(said, Outcome) else None
    if isinstance(number, int) and driver.chance.random() < 0.3:
        await driver.do(DestroyInstance(number))


async def _compare_money(run: Run, driver: Driver) -> None:
    """Over the whole life, and over an hour of those machines that nothing befell in it."""
    world = driver.world
    then = _since(world)
    before = money(world, await read_books(driver, KEYS))
    for intent, (ours, paid) in before.items():
        if paid > 0.01:
            run.whole.append(round(ours / paid, 4))
            if ours < paid * 0.98:
                run.odd.append(f"seed {world.seed}: {intent} metered {ours}, charged {paid}")
    world.clock.move(3600)
    world.simulator.catch_up()
    books = await read_books(driver, KEYS)
    after, now = money(world, books), _since(world)
    for rental in books.rentals:
        number, intent = rental.target_id or 0, rental.intent_id
        agreed = "running" if rental.running else "exited"
        if number in then and then[number] == now.get(number) and then[number][0] == agreed:
            paid = after[intent][1] - before[intent][1]
            run.hourly.append(round((after[intent][0] - before[intent][0]) / paid, 4))
            if not 0.98 <= run.hourly[-1] <= 1.02:
                run.odd.append(f"seed {world.seed}: {number} hourly {run.hourly[-1]}")


def _since(world: World) -> dict[int, tuple[str, int]]:
    machines = world.simulator.world.instances
    return {number: (one.stage, one.stage_since_us) for number, one in machines.items()}
