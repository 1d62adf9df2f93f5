"""What is decided now costs the same whatever has ended before."""

import time
from dataclasses import replace
from pathlib import Path

from tests.world import World, report
from vast_mcp.policy.facts import Exposure
from vast_mcp.store import Ledger, Rental, Transaction

CLOSED = 20_000
DAY_US = 86_400 * 1_000_000
ROUNDS = 15


def decided(tx: Transaction, now_us: int) -> tuple[list[Rental], list[Rental], Exposure]:
    """What one create reads of the books."""
    twins = tx.same_intent("local", "", now_us - 120_000_000)
    return twins, tx.live_rentals(), tx.exposure(now_us, task="some task")


async def least_ms(ledger: Ledger, now_us: int) -> float:
    """The quickest of several rounds: a busy computer makes none of them quicker."""
    times = []
    for _ in range(ROUNDS):
        began_s = time.perf_counter()
        await ledger.read(lambda tx: decided(tx, now_us))
        times.append((time.perf_counter() - began_s) * 1000)
    return min(times)


async def test_a_decision_reads_no_closed_history(tmp_path: Path) -> None:
    """Twenty thousand rentals that ended in other months add nothing to what a create costs."""
    world = World(tmp_path)
    async with world.connect() as client:
        await world.rent(client)
    async with world.runtime() as runtime:
        ledger, now_us = runtime.session.account.ledger, world.clock.lease_us()
        (model,) = await ledger.read(lambda tx: tx.live_rentals())
        before = await ledger.read(lambda tx: decided(tx, now_us))
        empty_ms = await least_ms(ledger, now_us)

        def fill(tx: Transaction) -> None:
            for number in range(CLOSED):
                back_us = 40 * DAY_US + number * 1_000_000
                closed = replace(
                    model,
                    intent_id=f"{number:011d}",
                    target_id=5_000_000 + number,
                    state=type(model.state).GONE,
                    running=False,
                    created_us=now_us - back_us,
                    ended_us=now_us - back_us + 1,
                )
                tx.add_rental(closed, [])

        await ledger.write(fill)
        full_ms = await least_ms(ledger, now_us)
        after = await ledger.read(lambda tx: decided(tx, now_us))
    report(f"closed={CLOSED} empty={empty_ms:.2f} ms full={full_ms:.2f} ms")
    assert after == before
    assert full_ms <= 2 * empty_ms + 1.0
