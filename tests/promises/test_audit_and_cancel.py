"""Every write leaves its row, whole and in order, whoever gave up waiting for it.

See docs/design.md#sending-once, docs/hazards.md#audit, docs/hazards.md#ground-rules.
"""

from pathlib import Path

import anyio
import httpx2
import pytest

from tests.database import opened
from tests.promises.test_broken_ledger import book_of
from tests.promises.test_lost_answers import rentals, tick
from tests.promises.things import OPEN_POLICY, calls_of, furnish, said_by, tools
from tests.world import World
from vast_mcp.simulator import SimulatorTransport
from vast_mcp.store import AuditEntry, RentalState

FIELDS = (
    "tenant", "account", "at_us", "principal", "phase", "tool", "verdict", "subject", "digest",
    "policy_digest", "detail", "previous", "chain", "seq",
)  # fmt: skip


async def chain(world: World) -> tuple[list[AuditEntry], int | None]:
    """All rows, oldest first, and the first broken link."""
    async with world.runtime() as runtime:
        ledger = runtime.session.account.ledger
        rows = await ledger.read(lambda tx: tx.audit(100_000))
        return rows[::-1], await ledger.read(lambda tx: tx.broken_audit_link())


async def test_every_mutation_has_exactly_one_write_row(tmp_path: Path) -> None:
    """Each request that could change something stands in the chain, once."""
    world = World(tmp_path, policy=OPEN_POLICY, toolsets="all", seed=11)
    things = await furnish(world)
    (theirs, *_) = world.simulator.mutations()  # somebody else's endpoint: no row of ours
    world.simulator.faults.add("answer_lost_after_commit", "PUT", "/asks/")
    world.simulator.faults.add("status_after", "PUT", "/instances/", skip=2)
    async with world.simulator.ssh_servers(), world.connect() as client:
        for spec in tools():
            for arguments in calls_of(spec, things):
                await said_by(client, spec.name, arguments)
    await tick(world, times=5)
    world.clock.move(30 * 3600)
    await tick(world, times=2)
    rows, broken = await chain(world)
    written = [str(row.detail["path"]).rstrip("/") for row in rows if row.phase == "write"]
    seen = [one.path.rstrip("/") for one in world.simulator.mutations() if one is not theirs]
    assert written == seen
    assert len(seen) > 10
    assert broken is None
    for row in rows:
        if row.phase == "write":  # a decision before it, an outcome after it, of the same intent
            same = [one.phase for one in rows if one.subject == row.subject]
            assert same[0] == "decision"
            assert same[-1] == "outcome"


async def test_a_changed_byte_anywhere_in_a_row_is_found(tmp_path: Path) -> None:
    """Tampering with any field of any row is detected (docs/hazards.md#audit)."""
    world = World(tmp_path, seed=1)
    async with world.connect() as client:
        await world.call(client, "destroy_instance", instance_id=await world.rent(client))
    rows, broken = await chain(world)
    assert broken is None
    assert len(rows) >= 6
    file = book_of(world)
    for seq in (1, len(rows) // 2, len(rows) - 1):
        for field in FIELDS:
            with opened(file) as db:
                (old,) = db.execute(f"SELECT {field} FROM audit WHERE seq = ?", (seq,)).fetchone()
                new = old + 10_000 if isinstance(old, int) else f"{old} "
                db.execute(f"UPDATE audit SET {field} = ? WHERE seq = ?", (new, seq))
            assert (await chain(world))[1] is not None, (seq, field)
            back = new if field == "seq" else seq
            with opened(file) as db:
                db.execute(f"UPDATE audit SET {field} = ? WHERE seq = ?", (old, back))
    assert (await chain(world))[1] is None
    with opened(file) as db:
        db.execute("DELETE FROM audit WHERE seq = 2")
    assert (await chain(world))[1] == 2


class Slow(SimulatorTransport):
    """A vendor whose create takes its time: the test says when it answers."""

    def __init__(self, world: World) -> None:
        super().__init__(world.simulator)
        self.begun, self.go = anyio.Event(), anyio.Event()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Hold the create back."""
        if "/asks/" in request.url.path:
            self.begun.set()
            await self.go.wait()
        return await super().handle_async_request(request)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_client_that_gives_up_does_not_cut_the_write(tmp_path: Path, mode: str) -> None:
    """A sent write is owned by the server and its outcome recorded."""
    world = World(tmp_path, seed=1)
    offer = await world.cheap_offer()
    world.transport = slow = Slow(world)
    async with world.connect("legacy" if mode == "legacy" else "auto") as client:
        async with anyio.create_task_group() as tasks:

            async def rent() -> None:
                await client.call_tool(
                    "create_instance",
                    {"offer_id": offer.offer_id, "max_price_usd_per_hour": 1.0},
                )

            tasks.start_soon(rent)
            await slow.begun.wait()
            tasks.cancel_scope.cancel()
        slow.go.set()
        with anyio.fail_after(10):
            while (await _states(world)) != [RentalState.ACTIVE]:
                await anyio.lowlevel.checkpoint()
        again = await world.call(
            client, "create_instance", offer_id=offer.offer_id, max_price_usd_per_hour=1.0
        )
    (alive,) = world.simulator.world.instances
    assert (again["instance_id"], again["replayed"]) == (alive, True)


async def _states(world: World) -> list[RentalState]:
    return [one.state for one in await rentals(world)]


async def test_a_server_that_is_closed_mid_write_waits_for_it(tmp_path: Path) -> None:
    """Shutdown drains sent writes before it leaves (docs/design.md#sending-once)."""
    world = World(tmp_path, seed=1)
    offer = await world.cheap_offer()
    world.transport = slow = Slow(world)
    async with world.connect() as client, anyio.create_task_group() as tasks:

        async def rent() -> None:
            await client.call_tool(
                "create_instance", {"offer_id": offer.offer_id, "max_price_usd_per_hour": 1.0}
            )

        tasks.start_soon(rent)
        await slow.begun.wait()
        slow.go.set()
        tasks.cancel_scope.cancel()
    (alive,) = world.simulator.world.instances
    assert [(one.target_id, one.state) for one in await rentals(world)] == [
        (alive, RentalState.ACTIVE)
    ]
