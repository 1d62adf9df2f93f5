"""The order that was asked for is the order of the rows, in every field and both directions.

See docs/design.md#answers.
"""

from pathlib import Path

import pytest

from tests.tools.test_market import sent_searches
from tests.world import Json, ToolFailed, World

FIELDS: dict[str, object] = {
    "offer_id": 0, "gpu": "", "gpu_ram_gb": 0, "usd_per_hour": 0, "job_usd": 0, "max_hours": 0,
    "reliability": 0, "country": "", "cuda": 0, "datacenter": False, "open_ports": 0,
    "min_bid_usd_per_hour": 0,
}  # fmt: skip
"""Every field of a row, and what stands for one that is left out."""


def shown(found: Json, field: str) -> list[object]:
    """The values of one field, in the order of the rows."""
    values = [row.get(field, FIELDS[field]) for row in found["offers"]]
    return [str(value).partition("x ")[2] for value in values] if field == "gpu" else values


@pytest.mark.parametrize("rental", ["on_demand", "interruptible", "reserved"])
async def test_rows_stand_in_the_order_of_the_field_that_was_named(
    tmp_path: Path, rental: str
) -> None:
    """Promise (tool): `order_by` takes a field of the rows, falling with a minus behind it."""
    world = World(tmp_path)
    async with world.connect() as client:
        for field in FIELDS:
            for falling in (False, True):
                found = await world.call(
                    client,
                    "search_offers",
                    order_by=f"{field}-" if falling else field,
                    limit=50,
                    rental=rental,
                )
                values = shown(found, field)
                assert values == sorted(values, reverse=falling), (field, falling)  # type: ignore[type-var]
                world.clock.move(10)


async def test_what_the_vendor_cuts_is_cut_in_the_order_of_the_rows(tmp_path: Path) -> None:
    """It returns the first rows only: of reserved ones the cheapest as shown."""
    world = World(tmp_path)
    async with world.connect() as client:
        for order in ("", "usd_per_hour", "job_usd-,datacenter"):
            await world.call(client, "search_offers", rental="reserved", order_by=order)
            world.clock.move(10)
    assert [body["order"] for body in sent_searches(world)] == [
        [["discounted_dph_total", "asc"]],
        [["discounted_dph_total", "asc"]],
        [["discounted_dph_total", "desc"], ["hosting_type", "asc"]],
    ]


async def test_a_column_only_the_vendor_knows_keeps_its_order(tmp_path: Path) -> None:
    """`dlperf` is in no row: what came first stays first; the job's cost cannot come after it."""
    world = World(tmp_path)
    async with world.connect() as client:
        fast = await world.call(client, "search_offers", order_by="dlperf-", limit=5)
        cheap = await world.call(client, "search_offers", limit=5)
        with pytest.raises(ToolFailed, match="order_by: `job_usd` must come first"):
            await world.call(client, "search_offers", order_by="dlperf-,job_usd")
    assert fast["offers"][0]["usd_per_hour"] > cheap["offers"][0]["usd_per_hour"]
