"""A plan's time is told by the clock that rules it: this computer's, not the vendor's."""

import re
import time
from pathlib import Path

from tests.world import World
from vast_mcp.clock import Clock, PairedClock


class Hastened(World):
    """A simulated vendor whose time is another than this computer's, as under --speed."""

    @property
    def own_clock(self) -> Clock:
        """This computer's for plans, the vendor's for leases."""
        return PairedClock(self.clock)


async def test_until_when_a_plan_waits_is_told_by_this_computer_s_clock(tmp_path: Path) -> None:
    """The vendor's clock stands at noon of a day in June; whoever compares must not be misled."""
    world = Hastened(tmp_path)
    stranger = world.simulator.add_foreign_instance(label="theirs")
    async with world.connect(answer=None) as client:
        waiting = await world.call(client, "destroy_instance", instance_id=stranger)
        policy = await world.call(client, "show_policy")
    found = re.search(r"before (\d\d):(\d\d):(\d\d) UTC on this computer's clock", waiting["next"])
    assert found is not None, waiting
    hours, minutes, seconds = map(int, found.groups())
    now = time.gmtime()
    left_s = (
        (hours - now.tm_hour) * 3600 + (minutes - now.tm_min) * 60 + seconds - now.tm_sec
    ) % 86_400
    assert 540 < left_s <= 600
    (plan,) = policy["pending"]
    assert plan["expires"] in {"in 9 min", "in 10 min"}
