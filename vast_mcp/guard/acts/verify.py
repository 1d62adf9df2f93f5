"""The first look at a machine that was just rented."""

from vast_mcp.errors import ApiError
from vast_mcp.guard.act import Desk
from vast_mcp.models import Instance

_LOOK_FOR_S = 10.0
_LOOK_EVERY_S = 2.5


async def first_look(desk: Desk, instance_id: int) -> Instance | None:
    """The new machine as the vendor shows it; None if it is not shown for ten seconds."""
    until_s = desk.clock.monotonic_s() + _LOOK_FOR_S
    while True:
        try:
            instance = await desk.reads.show_instance(instance_id)
        except ApiError:  # the machine exists: a failing look must not read as a failed rent
            instance = None
        if instance is not None or desk.clock.monotonic_s() >= until_s:
            return instance
        await desk.clock.sleep(_LOOK_EVERY_S)
