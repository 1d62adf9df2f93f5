"""A changed bid: what a rise adds until the lease ends, and what a fall takes away."""

from pathlib import Path

import pytest

from tests.keeper.test_keeper import rented
from tests.world import World
from vast_mcp.actions.bid import ChangeBid
from vast_mcp.units import Usd, UsdPerHour


@pytest.mark.parametrize(("by", "word"), [(250_000, "Raise"), (0, "Lower"), (-50_000, "Lower")])
async def test_a_rise_costs_its_difference_until_the_lease_ends_and_a_fall_costs_nothing(
    tmp_path: Path, by: int, word: str
) -> None:
    """The limits are asked about the whole new price, the day about what is added."""
    world = World(tmp_path)
    machine = await rented(world)
    world.simulator.set_status(machine, is_bid=True)
    async with world.account() as account:
        seen = (await account.reads.look(machine)).instance
        assert seen is not None
        old, disk = seen.usd_per_hour, seen.disk_usd_per_hour
        bid = (old - disk + UsdPerHour(by)).dollars
        sight = await ChangeBid(machine, bid).look(account)
        held = await account.ledger.read(lambda tx: tx.rental_of("instance", machine))
        left_s = (held.lease_ends_us - account.now_us()) / 1_000_000 if held else 0
    spend, rise = sight.request.spend, UsdPerHour(max(0, by))
    assert spend is not None
    assert (spend.adds_usd_per_hour, spend.adds_running) == (rise, 0)
    assert spend.usd_per_hour == old + UsdPerHour(by)
    assert abs(spend.cost.micros - rise.over(left_s).micros) <= rise.over(5).micros
    assert sum(spend.by_day.values(), Usd(0)) == spend.cost
    assert sight.request.raises is (by > 0)
    assert sight.question.startswith(f"{word} the bid of {machine} (")
    assert f"now {old}: {spend.cost} more at most until its lease ends." in sight.question
