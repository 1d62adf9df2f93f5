"""An address that cannot stand in a start script closes renting, and nothing that saves money.

See docs/design.md#key-and-account, docs/design.md#money.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.world import ToolFailed, World
from vast_mcp.config import Settings


@dataclass
class Elsewhere(World):
    """A world whose VAST_URL means something to a shell."""

    odd: bool = False

    @property
    def settings(self) -> Settings:
        """The same account and books, at another spelling of the vendor's address."""
        base = "https://it's-vast.test" if self.odd else "https://vast.test"
        return replace(super().settings, api_base=base, serverless_base=base)


async def test_an_odd_address_refuses_a_rent_and_no_stop_or_destroy(tmp_path: Path) -> None:
    """Told by the variable's name before anything is sent."""
    world = Elsewhere(tmp_path, seed=1)
    async with world.connect() as client:
        instance_id = await world.rent(client)
    world.run_until_ready()
    world.odd = True
    offer = (await world.offers())[1]
    before = len(world.simulator.mutations())
    async with world.connect() as client:
        with pytest.raises(ToolFailed) as caught:
            await world.call(
                client, "create_instance", offer_id=offer.offer_id, max_price_usd_per_hour=1.0
            )
        assert "VAST_URL" in str(caught.value)
        assert len(world.simulator.mutations()) == before
        stopped = await world.call(client, "stop_instance", instance_id=instance_id)
        gone = await world.call(client, "destroy_instance", instance_id=instance_id)
    assert (stopped["status"], gone["status"]) == ("stopped", "destroyed")
