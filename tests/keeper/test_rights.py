"""Whether the key may end machines is tried once a day, sooner where nothing was learned."""

from pathlib import Path

import pytest

from tests.instances.samples import rental
from tests.world import World
from vast_mcp.actions.prove_rights import NOWHERE
from vast_mcp.leases.observing import PRINCIPAL
from vast_mcp.store import Rental, RentalState

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S


def tries(world: World) -> int:
    """How often a destroy of no machine was sent."""
    sent = [one for one in world.simulator.requests if one.method == "DELETE"]
    return sum(str(NOWHERE) in one.path for one in sent)


async def after(tmp_path: Path, pause_s: float, *, learned: bool = True) -> int:
    """How often it was tried by two looks with so long a pause between them."""
    world = World(tmp_path)
    if not learned:
        world.simulator.faults.add("status_before", "DELETE", times=99, status=500)
    async with world.runtime() as runtime:
        await runtime.session.account.ledger.write(lambda tx: tx.add_rental(rental(), []))
        found = await runtime.session.rights.daily()
        assert found is not None
        assert found.may_end is (True if learned else None)
        before = tries(world)
        world.clock.move((found.at_us - world.clock.utc_us()) / 1e6 + pause_s)
        again = await runtime.session.rights.daily()
        assert (again is None) is (tries(world) == before)
    return 1 + (tries(world) > before)


@pytest.mark.parametrize(
    ("pause_s", "learned", "count"),
    [
        (DAY_S - 0.001, True, 1),
        (DAY_S, True, 2),
        (HOUR_S - 0.001, False, 1),
        (HOUR_S, False, 2),
        (-0.001, True, 2),
    ],
)
async def test_the_key_is_tried_once_a_day_and_hourly_while_nothing_was_learned(
    tmp_path: Path, pause_s: float, count: int, *, learned: bool
) -> None:
    """A clock that was set back begins again: nobody knows how old the last try is."""
    assert await after(tmp_path, pause_s, learned=learned) == count


@pytest.mark.parametrize(
    "held",
    [
        rental(kind="endpoint"),
        rental(state=RentalState.UNKNOWN, target_id=None),
        rental(state=RentalState.GONE, ended_us=1),
    ],
)
async def test_without_a_machine_of_ours_it_is_not_tried(tmp_path: Path, held: Rental) -> None:
    """Nothing lives that it would have to end."""
    world = World(tmp_path)
    async with world.runtime() as runtime:
        await runtime.session.account.ledger.write(lambda tx: tx.add_rental(held, []))
        assert await runtime.session.rights.daily() is None
        assert runtime.session.rights.latest is None
    assert tries(world) == 0


async def test_what_was_tried_is_the_keepers_own_in_the_audit_log(tmp_path: Path) -> None:
    """And stands for the key in use alone."""
    world = World(tmp_path)
    async with world.runtime() as runtime:
        await runtime.session.account.ledger.write(lambda tx: tx.add_rental(rental(), []))
        found = await runtime.session.rights.daily()
        assert runtime.session.rights.latest == found
        rows = await runtime.session.account.ledger.read(lambda tx: tx.audit(20))
    assert {row.principal for row in rows if row.tool == "prove_rights"} == {PRINCIPAL}
    assert found is not None
    assert "may end machines" in found.says
