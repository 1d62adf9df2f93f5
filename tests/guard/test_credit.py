"""The credit that a rent may use is what the account has less what is set aside already."""

from pathlib import Path

import pytest

from tests.world import ToolFailed, World


async def test_credit_that_another_rent_has_reserved_cannot_be_spent_again(
    tmp_path: Path,
) -> None:
    """The vendor still shows it as credit; the ledger knows for what it is meant."""
    world = World(tmp_path, credit_usd=10)
    async with world.connect() as client:
        first, second = (await world.offers())[:2]
        hours = int(5 / first.usd_per_hour.dollars)
        await world.rent(client, first, lease_hours=min(hours, 24))
        price = second.usd_per_hour.dollars
        reserved = min(hours, 24) * first.usd_per_hour.dollars
        too_long = int((10 - 1 - reserved) / price) + 2
        assert too_long * price < 9, "alone it fits into the credit"
        with pytest.raises(ToolFailed, match="min_credit_usd"):
            await world.call(
                client,
                "create_instance",
                offer_id=second.offer_id,
                max_price_usd_per_hour=1.0,
                lease_hours=too_long,
            )
        assert len(world.simulator.world.instances) == 1
