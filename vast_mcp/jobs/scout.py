"""What a job must know of the market and of its machine; the read models above give it."""

from dataclasses import dataclass
from typing import Protocol

from vast_mcp.models import Instance, Offer, StartFailure
from vast_mcp.remote.errors import Unavailable
from vast_mcp.remote.trouble import Trouble
from vast_mcp.units import UsdPerHour


@dataclass(frozen=True, slots=True)
class JobWish:
    """What kind of machine, for how long."""

    gpu_names: tuple[str, ...]
    hours: float
    offer_id: int | None = None
    """This one first; others of its kind after it."""
    disk_gb: float | None = None
    template_hash: str | None = None
    image: str | None = None
    max_price: UsdPerHour | None = None
    query: str = ""
    """What hosts that failed have shown to be needed, in the search language."""


@dataclass(frozen=True, slots=True)
class MachineProgress:
    """The machine now, and whether waiting for it still makes sense."""

    instance: Instance | None
    runs: bool
    dead: bool
    said: str
    failure: StartFailure | None = None
    """Why it does not come up, where its host says so."""


class Scout(Protocol):
    """Looks; changes nothing."""

    async def offers(self, wish: JobWish) -> tuple[Offer, ...]:
        """What may be rented, the cheapest job first.

        Raises:
            InputInvalid: a GPU name that means nothing.
            ApiError: the market cannot be read.
        """
        ...

    async def look(self, instance_id: int) -> MachineProgress:
        """One look at the machine.

        Raises:
            ApiError: it cannot be read.
        """
        ...

    async def trouble(self, instance_id: int, reason: Unavailable) -> Trouble | None:
        """What the machine's log says of a session that failed so; None where it says nothing."""
        ...
