"""A price that an answer names can be given back: it is never rounded below what it stands for.

See docs/vendor-api.md#billing.
"""

from pathlib import Path

import pytest

from tests.world import World


async def test_the_price_shown_is_a_ceiling_that_holds_its_own_offer(tmp_path: Path) -> None:
    """A model passes on the number it saw; rounded down it would exclude that very offer."""
    world = World(tmp_path)
    chosen = await world.cheap_offer()
    world.simulator.set_price(chosen.offer_id, 0.200_049)
    async with world.connect() as client:
        found = await world.call(client, "search_offers", limit=50, query=f"id={chosen.offer_id}")
        (row,) = found["offers"]
        price = row["usd_per_hour"]
        again = await world.call(
            client,
            "search_offers",
            query=f"id={chosen.offer_id}",
            max_price_usd_per_hour=price,
        )
        assert [one["offer_id"] for one in again["offers"]] == [chosen.offer_id]
        rented = await world.call(
            client, "create_instance", offer_id=chosen.offer_id, max_price_usd_per_hour=price
        )
    assert rented["status"] == "rented"


async def test_the_least_bid_of_an_offer_is_enough(tmp_path: Path) -> None:
    """Equality is normally accepted; a bid below leaves a stopped contract."""
    world = World(tmp_path)
    chosen = await world.cheap_offer("interruptible")
    world.simulator.set_min_bid(chosen.offer_id, 0.100_049)
    async with world.connect() as client:
        found = await world.call(
            client, "search_offers", rental="interruptible", query=f"id={chosen.offer_id}"
        )
        (row,) = found["offers"]
    assert row["min_bid_usd_per_hour"] == pytest.approx(0.1001)
    assert row["usd_per_hour"] > row["min_bid_usd_per_hour"]


async def test_the_bid_that_an_outbid_machine_needs_is_enough(tmp_path: Path) -> None:
    """The row, the verdict and the vendor mean the same number."""
    world = World(tmp_path)
    chosen = await world.cheap_offer("interruptible")
    least = chosen.min_bid
    assert least is not None
    async with world.connect() as client:
        instance_id = await world.rent(
            client, chosen, bid_usd_per_hour=round(least.dollars + 0.02, 3)
        )
        world.run_until_ready()
        world.simulator.outbid(instance_id, 0.345_649)
        world.clock.move(60)
        (row,) = (await world.call(client, "show_instances"))["instances"]
        waited = await world.call(client, "wait_for_instance", instance_id=instance_id)
    assert row["state"] == "outbid"
    assert row["needs_bid_usd_per_hour"] == pytest.approx(0.3457)
    assert "$0.3457/h" in waited["said"]
