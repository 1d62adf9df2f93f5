"""When charges are read, which days of them, and what is said of what they add."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from tests.keeper.test_charges_followed import readings, used
from tests.world import World
from vast_mcp.account.belonging import Bearers
from vast_mcp.account.lease_label import Marker
from vast_mcp.actions import CreateInstance
from vast_mcp.clock import DAY_US, MINUTE_US, SECOND_US
from vast_mcp.leases.charges import (
    FRESH_US,
    KEEPER_PAUSE_US,
    before_spending,
    days_of,
    follow_charges,
)
from vast_mcp.policy import Limits
from vast_mcp.units import Usd

NOBODYS = Bearers(Marker(b"k" * 32), ())
NOON_US = 1_780_315_200_000_000


@pytest.mark.parametrize(
    ("first_us", "days"),
    [
        (NOON_US, 1),
        (NOON_US - DAY_US // 2, 1),
        (NOON_US - DAY_US // 2 - 1, 2),
        (NOON_US - 2 * DAY_US, 3),
    ],
)
def test_every_day_from_the_first_to_this_one_is_a_window(first_us: int, days: int) -> None:
    """Whole UTC days, each once, the oldest first."""
    found = days_of(first_us, NOON_US)
    assert len(found) == days
    assert found[0].start_us <= first_us < found[0].end_us
    assert found[-1].start_us <= NOON_US < found[-1].end_us
    assert all(one.end_us == two.start_us for one, two in pairwise(found))
    assert len({one.day for one in found}) == days


@pytest.mark.parametrize(
    ("pause_us", "after_s", "again"),
    [
        (15 * MINUTE_US, 15 * 60 - 0.001, False),
        (15 * MINUTE_US, 15 * 60, True),
        (10 * SECOND_US, 9.999, False),
        (10 * SECOND_US, 10, True),
    ],
)
async def test_charges_are_read_again_after_their_pause_and_not_before(
    tmp_path: Path, pause_us: int, after_s: float, *, again: bool
) -> None:
    """A quarter of an hour for the keeper; before a rent near a cap they are ten seconds young."""
    world = World(tmp_path)
    await used(world, 0)
    async with world.account() as account:
        assert (KEEPER_PAUSE_US, FRESH_US) == (15 * MINUTE_US, 10 * SECOND_US)
        began_us = account.now_us()
        await follow_charges(account, pause_us=pause_us, within_s=20)
        before = readings(world)
        assert before > 0
        world.clock.move(after_s - (account.now_us() - began_us) / 1e6)
        await follow_charges(account, pause_us=pause_us, within_s=20)
        assert (readings(world) > before) is again


@pytest.mark.parametrize(("usd", "told"), [(0, False), (5, True)])
async def test_what_was_charged_beyond_the_meter_is_said_once(
    tmp_path: Path, usd: float, *, told: bool
) -> None:
    """From a cent on: it counts as spent from now on."""
    world = World(tmp_path)
    await used(world, usd)
    async with world.account() as account:
        said = await follow_charges(account, pause_us=0, within_s=20)
        assert bool(said) is told
        assert not told or said[0].endswith("more than was metered: it counts as spent")
        assert await follow_charges(account, pause_us=0, within_s=20) == []


@pytest.mark.parametrize(("cap", "reads"), [(100.0, False), (0.5, True)])
async def test_only_a_rent_near_a_cap_waits_for_charges(
    tmp_path: Path, cap: float, *, reads: bool
) -> None:
    """Where less than a fifth of it would be left."""
    world = World(tmp_path)
    await used(world, 0)
    offer = await world.cheap_offer()
    async with world.account() as account:
        act = CreateInstance(offer.offer_id, 4.0, max_price_usd_per_hour=1.0)
        sight = await act.look(account)
        before = readings(world)
        near = account.deciding(Limits(max_usd_per_day=Usd.of(cap)), account.ledger)
        await before_spending(near, sight.request, NOBODYS)
        assert (readings(world) > before) is reads
        free = replace(sight.request, spend=None)
        before = readings(world)
        await before_spending(near, free, NOBODYS)
        assert readings(world) == before
