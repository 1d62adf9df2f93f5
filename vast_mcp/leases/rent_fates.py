"""What became of a rent whose answer was lost: told for an hour after it is known."""

from collections.abc import Iterable
from dataclasses import dataclass

from vast_mcp.clock import HOUR_US
from vast_mcp.store import Rental, RentalState
from vast_mcp.units import minute

TOLD_FOR_US = HOUR_US


@dataclass(frozen=True, slots=True)
class Fate:
    """A rent that nobody knew of for a while, and what is known by now."""

    rental: Rental
    known_us: int

    @property
    def arrived(self) -> bool:
        """Whether it exists, or did until somebody ended it."""
        return self.rental.target_id is not None

    @property
    def word(self) -> str:
        """For a row of pending rents."""
        if self.arrived:
            return "arrived" if self.rental.ended_us is None else "arrived, since gone"
        return "never existed; nothing was billed, its money is released"

    @property
    def words(self) -> str:
        """The whole sentence."""
        one = self.rental
        what = f"The {one.kind} rent" if one.kind == "instance" else "The endpoint"
        sent = f"{what} sent {minute(one.sent_us or one.created_us)}, whose answer was lost,"
        if self.arrived:
            again = "" if one.ended_us is None else ", and is gone since"
            return f"{sent} arrived: {one.kind} {one.target_id}{again}."
        return f"{sent} never existed: nothing of it is billed and its money is released."


def fate_of_lost(rental: Rental, now_us: int) -> Fate | None:
    """Its fate; None where its answer was not lost, it is still unknown, or that is long ago.

    A rent that its own call settled keeps the outcome that it told.
    """
    if rental.sent_us is None or rental.outcome:
        return None
    known_us = rental.ended_us if rental.state is RentalState.ABSENT else rental.settled_us
    if known_us is None or not 0 <= now_us - known_us < TOLD_FOR_US:
        return None
    if rental.state is not RentalState.ABSENT and rental.target_id is None:
        return None
    return Fate(rental, known_us)


def fates_among(rentals: Iterable[Rental], now_us: int) -> tuple[Fate, ...]:
    """All that are to be told, the newest first."""
    found = [fate for rental in rentals if (fate := fate_of_lost(rental, now_us)) is not None]
    return tuple(sorted(found, key=lambda one: -one.known_us))
