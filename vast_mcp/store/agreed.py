"""What a plan keeps of the thing that a yes is given to, and what it is compared by afterwards."""

from dataclasses import dataclass

from vast_mcp.store.facts import Gpus
from vast_mcp.units import UsdPerHour


@dataclass(frozen=True, slots=True)
class RentAgreement:
    """An offer on a machine, at a rate."""

    offer_id: int
    machine_id: int
    gpu_name: str
    num_gpus: int
    is_bid: bool
    disk_gb: float
    rate: UsdPerHour
    """At most."""


@dataclass(frozen=True, slots=True)
class MachineIdentity:
    """What makes it this machine and not another: stable across status changes."""

    instance_id: int
    listed: bool = True
    """False: the vendor does not show it now, and it is known by its id alone."""
    machine_id: int | None = None
    label: str = ""
    gpus: Gpus | None = None
    started_at_us: int | None = None
    image: str = ""
    disk_gb: float = 0.0
