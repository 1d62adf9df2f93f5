"""Is the machine that came the one that was approved?"""

from vast_mcp.errors import ApiError
from vast_mcp.guard.act import Desk
from vast_mcp.guard.books import ROUNDING
from vast_mcp.models import Instance
from vast_mcp.operations import JsonObject
from vast_mcp.units import UsdPerHour

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


def breach_of(instance: Instance, approved: JsonObject, rate: UsdPerHour) -> str | None:
    """How it differs from what was approved, or None."""
    if instance.usd_per_hour > rate + ROUNDING:
        return f"it costs {instance.usd_per_hour}, above the approved {rate}"
    if instance.is_bid != bool(approved["is_bid"]):
        return "it is interruptible" if instance.is_bid else "it is not interruptible"
    if instance.num_gpus != approved["num_gpus"] or instance.gpu_name != approved["gpu_name"]:
        return f"it has {instance.num_gpus}x {instance.gpu_name}"
    return None
