"""Is the machine that came the one that was approved?"""

from vast_mcp.models import Instance
from vast_mcp.operations import JsonObject
from vast_mcp.store import Rental
from vast_mcp.units import UsdPerHour

ROUNDING = UsdPerHour(100)
"""The vendor's own sums differ in the last digits; a hundredth of a cent is not a dearer price."""


def breach_of(instance: Instance, approved: JsonObject, rate: UsdPerHour) -> str | None:
    """How it differs from what was approved, or None."""
    if instance.usd_per_hour > rate + ROUNDING:
        return f"it costs {instance.usd_per_hour}, above the approved {rate}"
    if instance.is_bid != bool(approved["is_bid"]):
        return "it is interruptible" if instance.is_bid else "it is not interruptible"
    if instance.num_gpus != approved["num_gpus"] or instance.gpu_name != approved["gpu_name"]:
        return f"it has {instance.num_gpus}x {instance.gpu_name}"
    return None


def breach_of_rental(instance: Instance, rental: Rental) -> str | None:
    """The same for a rental that nobody could look at when it was made."""
    count, _, name = str(rental.details.get("gpu", "")).partition("x ")
    approved: JsonObject = {
        "is_bid": bool(rental.details.get("bid")),
        "num_gpus": int(count) if count.isdigit() else 0,
        "gpu_name": name,
    }
    return breach_of(instance, approved, rental.usd_per_hour)
