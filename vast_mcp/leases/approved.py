"""Is the machine that came the one that was approved?"""

from dataclasses import dataclass

from vast_mcp.models import Instance
from vast_mcp.store import Gpus, Rental
from vast_mcp.units import UsdPerHour

ROUNDING = UsdPerHour(100)
"""The vendor's own sums differ in the last digits; a hundredth of a cent is not a dearer price."""


@dataclass(frozen=True, slots=True)
class Approved:
    """The machine that a yes, or the policy, was about."""

    gpus: Gpus | None
    """None: nobody knows any more, and then no machine is the right one."""
    is_bid: bool
    usd_per_hour: UsdPerHour
    """At most."""


def breach_of(instance: Instance, approved: Approved) -> str | None:
    """How it differs from what was approved, or None."""
    if instance.usd_per_hour > approved.usd_per_hour + ROUNDING:
        return f"it costs {instance.usd_per_hour}, above the approved {approved.usd_per_hour}"
    if instance.is_bid != approved.is_bid:
        return "it is interruptible" if instance.is_bid else "it is not interruptible"
    gpus = Gpus(instance.num_gpus, instance.gpu_name)
    return None if gpus == approved.gpus else f"it has {gpus}"


def breach_of_rental(instance: Instance, rental: Rental) -> str | None:
    """The same for a rental that nobody could look at when it was made."""
    facts = rental.facts
    return breach_of(instance, Approved(facts.gpus, facts.is_bid, rental.usd_per_hour))
